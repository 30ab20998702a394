"""JSON with exact numbers: a Decimal is written with its own digits and read back as a Decimal, never as a float."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

_plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode  # json.dumps would make an encoder for each value


def write(value: object, indent: str = "") -> str:
    """JSON text, two spaces a level, keys in their order. Raises TypeError or ValueError for what is not JSON."""
    if value is None or isinstance(value, (str, int)):  # most of what is written
        return _plain(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a JSON number")
        return format(value, "f")
    if isinstance(value, Mapping):
        return _block("{}", [f"{_key(key)}: {write(item, indent + '  ')}" for key, item in value.items()], indent)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return _block("[]", [write(item, indent + "  ") for item in value], indent)
    return _plain(value)


def canonical(value: object) -> bytes:
    """The one way to write a JSON value, as UTF-8: keys in the order of their characters, no spaces, exact numbers.

    What was read from a file is written as what was saved there was. (RFC 8785 would round numbers to floats.) Raises
    as `write` does.
    """
    return _canonical(read(write(value))).encode()


def read(text: str | bytes) -> object:
    """The value of a JSON text, its fractions as Decimal. Raises ValueError for a text that is not JSON."""
    return json.loads(text, parse_float=Decimal)


def _canonical(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_key(key)}:{_canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return write(value)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of a JSON object is a string, not {key!r}")
    return _plain(key)


def _block(brackets: str, items: Sequence[str], indent: str) -> str:
    if not items:
        return brackets
    inner = f",\n{indent}  ".join(items)
    return f"{brackets[0]}\n{indent}  {inner}\n{indent}{brackets[1]}"
