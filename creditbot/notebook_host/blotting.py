"""Takes the secrets of a notebook's environment, such as the password in WAREHOUSE_URL, out of what it leaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

from creditbot.text import passwords_in, without_known_secrets

_SECRET_NAME = re.compile(r"PASSW|PASSPHRASE|TOKEN|SECRET|API_?KEY|PRIVATE_KEY|ACCESS_KEY", re.IGNORECASE)


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """The passwords in a notebook's environment variables, and the values of those that are named for secrets.

    A path, such as that of a file with a key, is not a secret.
    """
    named = [value for name, value in environment.items() if _SECRET_NAME.search(name) and not value.startswith("/")]
    return [*named, *(secret for value in environment.values() for secret in passwords_in(value))]


def blot(notebook: NotebookNode) -> None:
    """Takes known secrets out of the sources and outputs of an executed notebook, in place."""
    for cell in notebook.cells:
        cell.source = without_known_secrets(cell.source)
        for output in cell.get("outputs", ()):
            for key in {"text", "ename", "evalue", "traceback", "data", "metadata"} & output.keys():
                output[key] = _blotted(output[key])


def _blotted(value: Any) -> Any:
    match value:
        case str():
            return without_known_secrets(value)
        case dict():
            return type(value)({key: _blotted(part) for key, part in value.items()})
        case list():
            return [_blotted(part) for part in value]
    return value
