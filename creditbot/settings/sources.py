"""Where settings stand: the environment, `.env` in the working directory, and the files of a mounted Secret.

Names and values go to `settings`, as they are written. Nothing is checked here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

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
    variables = dotenv_values(env_file, encoding="utf-8-sig") if env_file else {}
    return {name: value for name, value in variables.items() if value is not None}


def names_in(environ: Mapping[str, str], in_file: Mapping[str, str], secrets_dir: Path) -> set[str]:
    """The names of all variables that have a value, in upper case in files, where the case does not count."""
    in_files = {*in_file, *(file.name for file in _files_in(secrets_dir))}
    return {name for name, value in environ.items() if value.strip()} | {name.upper() for name in in_files}


def _files_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
