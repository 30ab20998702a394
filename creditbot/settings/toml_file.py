"""Reads a TOML file that a setting names: a path comes in, what it says comes out, or a sentence on what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from creditbot.errors import SettingsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")


def read_toml(setting: str, path: Path, check: Callable[[Any], T], problem: Callable[[ErrorDetails], str]) -> T:
    """What `check` makes of the file. Raises a `SettingsError` that names the setting, the file and what is wrong.

    Args:
        setting: that names the file, such as "POLICY_FILE".
        path: of the file.
        check: takes the table, in which an amount such as 0.10 is a Decimal. Raises `ValidationError`, or `ValueError`.
        problem: says in one clause what is wrong at one place.
    """
    import tomllib  # most ticks read no such file

    try:
        with path.open("rb") as file:
            return check(tomllib.load(file, parse_float=Decimal))
    except OSError as error:
        raise SettingsError(f"{setting} {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except ValidationError as error:
        raise wrong_file(setting, path, map(problem, error.errors())) from error
    except RecursionError:
        raise SettingsError(f"{setting} {path} is nested too deeply.", "Correct the file.") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise SettingsError(f"{setting} {path} is not TOML: {error}.", "Correct the file.") from error


def wrong_file(setting: str, path: Path, problems: Iterable[str]) -> SettingsError:
    """The error for a file that is TOML and says what it must not; each problem is named once."""
    return SettingsError(f"{setting} {path}: {'; '.join(dict.fromkeys(problems))}.", "Correct the file.")


def place_in(problem: ErrorDetails) -> list[str]:
    """Where a problem is, from the outside in. Entries of a list are counted from one, as a person does."""
    return [f"number {part + 1}" if isinstance(part, int) else part for part in problem["loc"]]


def said_of(problem: ErrorDetails) -> str:
    """What is wrong there, in words."""
    return problem["msg"].removeprefix("Value error, ")
