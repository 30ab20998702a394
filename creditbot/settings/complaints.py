"""What people are told about settings that are missing, malformed or misspelt: one error for all of them. Pure.

No error repeats a value, which may hold a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from creditbot.errors import SettingsError, SettingsMissing
from creditbot.settings.names import misspelt


def malformed(error: ValidationError, fields: Mapping[str, FieldInfo]) -> SettingsError:
    """One error for all problems: the names, then a line for each with what is wrong and what the setting is for.

    `fields` says of each setting what it is for.
    """
    problems: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_input=False):
        name = str(problem["loc"][0])
        cause = problem.get("ctx", {}).get("error")
        wrong = "it is not set" if problem["type"] == "missing" else str(cause or problem["msg"])
        problems.setdefault(name.upper(), f"{wrong[:1].lower()}{wrong[1:]}. {fields[name].description}")
    lines = "".join(f"\n  {name}: {text}" for name, text in problems.items())
    missing = any(problem["type"] == "missing" for problem in error.errors(include_url=False, include_input=False))
    return (SettingsMissing if missing else SettingsError)(
        f"Settings are missing or malformed: {', '.join(problems)}.", f"Set them in .env or in the environment:{lines}"
    )


def refuse_misspelt(names: Iterable[str], settings: Iterable[str]) -> None:
    """Raises `SettingsError` for names that are nearly those of settings. All are in upper case."""
    wrong = misspelt(names, settings)
    if wrong:
        lines = "".join(f"\n  {name}: the setting is {setting}" for name, setting in wrong.items())
        raise SettingsError(f"No such settings: {', '.join(wrong)}.", f"Correct the names, or remove them:{lines}")
