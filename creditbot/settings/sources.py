"""Where settings stand: the environment, `.env` in the working directory, and the files of a mounted Secret.

Names and values go to `settings`, as they are written. No value is checked here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from creditbot.errors import SettingsError

SECRETS_DIR = Path("/run/secrets/creditbot")
"""Where a Secret may be mounted, one file a setting."""


def raw(name: str, env_file: str | Path = ".env") -> str:
    """One setting as it stands in the environment or in `.env`, for commands that need no others; "" if unset."""
    return os.environ.get(name) or in_env_file(env_file).get(name, "")


def environment(env_file: str | Path = ".env") -> dict[str, str]:
    """The environment and what `.env` adds to it, because people's notebooks may read variables of their own there."""
    return {**in_env_file(env_file), **os.environ}


def in_env_file(env_file: str | Path | None) -> dict[str, str]:
    """What stands in `.env`; nothing if there is no such file. Raises OSError, or UnicodeError if it is not text."""
    if not env_file or not Path(env_file).exists():
        return {}
    from dotenv import dotenv_values  # in a container there is no such file

    variables = dotenv_values(env_file, encoding="utf-8-sig")
    return {name: value for name, value in variables.items() if value is not None}


def values_in(
    settings: Iterable[str], environ: Mapping[str, str], in_file: Mapping[str, str], secrets_dir: Path
) -> dict[str, str]:
    """Setting, in lower case -> its value in the strongest source that has one that is not empty.

    Raises `SettingsError` for a file of a mounted Secret that cannot be read.
    """
    names = set(settings)
    secret = {name: _content(file) for file in _files_in(secrets_dir) if (name := file.name.lower()) in names}
    dotenv = {name.lower(): value for name, value in in_file.items()}
    environment = {name: environ.get(name.upper(), "") for name in names}
    values: dict[str, str] = {}
    for source in (secret, dotenv, environment):  # the strongest comes last
        values |= {name: value for name in names if (value := source.get(name, "").strip())}
    return values


def _content(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise unreadable(file, error) from error


def unreadable(file: str | Path | None, error: OSError | UnicodeError) -> SettingsError:
    """The error about a file of settings that cannot be read."""
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return SettingsError(f"The settings in {file} cannot be read: {reason}.")


def names_in(environ: Mapping[str, str], in_file: Mapping[str, str], secrets_dir: Path) -> set[str]:
    """The names of all variables that have a value, in upper case in files, where the case does not count."""
    in_files = {*in_file, *(file.name for file in _files_in(secrets_dir))}
    return {name for name, value in environ.items() if value.strip()} | {name.upper() for name in in_files}


def _files_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
