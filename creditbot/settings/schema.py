"""The settings as JSON Schema, for `settings` and `environment` among the values of the Helm chart.

pydantic gives the schema of each field. Here it becomes that of what people write in YAML, where `WORKERS: 2` is as
good as `WORKERS: "2"`, and a list as good as names with commas between them. With it, Helm finds misspelt names and
values of a wrong type, choice or range before it installs anything; the bot itself checks the rest when it starts.

What becomes a ConfigMap must hold no secret. A secret is refused by `not`, because Helm repeats the value of a text
that does not match a pattern. The regular expressions mean the same in Go (Helm), Python and JavaScript (editors).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from creditbot.settings.names import OWN_PREFIXES
from creditbot.settings.settings import Settings
from creditbot.text.known_secrets import SECRET_VARIABLE, SENSITIVE_NAMES

_SET_BY_THE_CHART = frozenset({"state_uri"})
_BESIDE_A_SECRET = frozenset({"looker_client_id"})
"""Not secret, but kept with what is: it need not stand among the values."""
_PASSWORD: Mapping[str, Any] = {
    "type": "string",
    "pattern": rf"""://[^\s/:@]*:\S+@|(?i:{SENSITIVE_NAMES}["']?\s*(=|%3D|(:|%3A)\s*[^\s/]))""",
}
"""A text with a password, as `passwords_in` finds it: in the login of an address, or after a name such as `pwd=`."""
_NO_PATH: Mapping[str, Any] = {"type": ["integer", "string"], "pattern": "^[^/~.]"}
"""What is no path of a file: the value of a variable such as GOOGLE_APPLICATION_CREDENTIALS is a path."""
ADDRESS: Mapping[str, Any] = {"type": "string", "minLength": 1, "not": _PASSWORD}
"""The schema of an address, which is a secret only if a password is in it."""
_NUMBER = {"type": ["integer", "string"], "pattern": r"^[0-9]+(\.[0-9]+)?$"}
"""An amount with cents is written as a string, because a float may not be the amount that was written."""
_INTEGER = {"type": ["integer", "string"], "pattern": "^[0-9]+$"}


def settings_schema() -> dict[str, Any]:
    """The schema of an object with one key for each setting that is not always a secret."""
    whole = Settings.model_json_schema()
    fields = {
        name: field
        for name, field in whole["properties"].items()
        if name not in _SET_BY_THE_CHART and not _always_secret(name, field)
    }
    return {
        "type": "object",
        "properties": {
            name.upper(): {"description": field["description"], **_written(_type(field))}
            for name, field in fields.items()
        },
        "required": [name.upper() for name in whole["required"] if name in fields and name not in _BESIDE_A_SECRET],
        "additionalProperties": False,
    }


def environment_schema() -> dict[str, Any]:
    """The schema of an object of variables that are neither settings nor secrets."""
    own = {"anyOf": [{"enum": [*map(str.upper, Settings.model_fields)]}, {"pattern": f"^({'|'.join(OWN_PREFIXES)})"}]}
    return {
        "description": "Variables that are not settings of creditbot, and no secrets.",
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": own},
        "patternProperties": {
            f"(?i:{SECRET_VARIABLE})": {"not": _NO_PATH},
            "": {"type": ["string", "integer", "boolean"], "not": _PASSWORD},
        },
    }


def _type(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a value that is set: of several types, the first."""
    variants: list[Mapping[str, Any]] = field.get("anyOf", [field])
    return variants[0]


def _always_secret(name: str, field: Mapping[str, Any]) -> bool:
    """Whether each value is a secret. An address is one only if it holds a login."""
    return "writeOnly" in _type(field) and not name.endswith("_url")


def _written(value: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a setting as it may be written in YAML."""
    if "writeOnly" in value:
        return dict(ADDRESS)
    if "enum" in value:
        return {"enum": value["enum"]}
    limits = {key: value[key] for key in ("minimum", "maximum", "exclusiveMinimum") if key in value}
    match value["type"]:
        case "boolean":
            return {"enum": [True, False, "true", "false"]}
        case "integer":
            return {**_INTEGER, **limits}
        case "number":
            return {**_NUMBER, **limits}
        case "array":
            return {"type": ["string", "array"], "items": {"type": "string"}}
    return {"type": "string", **{key: value[key] for key in ("pattern",) if key in value}}
