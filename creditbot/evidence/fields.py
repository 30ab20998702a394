"""Reads fields of saved summaries, in which anything may stand: other versions wrote them, and people edit them. Pure.

A value comes in; the value as its reader wants it goes out, or nothing: an empty collection, "" or None. None of these
functions raises an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


def mapping(value: object) -> Mapping[str, Any]:
    """An object of the JSON; empty for anything else."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """A list of the JSON; empty for anything else, such as a text."""
    return value if isinstance(value, list | tuple) else ()


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list of the JSON; whatever else is in it is left out."""
    return [item for item in sequence(value) if isinstance(item, Mapping)]


def text(value: object) -> str:
    """A text; "" for anything else."""
    return value if isinstance(value, str) else ""


def number(value: object) -> Decimal | None:
    """A number, such as an amount in USD; None for anything else, such as true."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return value if isinstance(value, Decimal) else None


def moment(value: object) -> datetime | None:
    """A moment, UTC; None for anything else, such as one without a time zone."""
    with suppress(ValueError, OverflowError):
        read = datetime.fromisoformat(str(value))
        return read.astimezone(UTC) if read.tzinfo else None
    return None
