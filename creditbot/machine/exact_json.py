"""JSON with exact numbers: a Decimal is written with its own digits and read back as a Decimal, never as a float."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal


def write(value: object, indent: str = "") -> str:
    """JSON text, two spaces a level, keys in their order. Raises TypeError or ValueError for what is not JSON."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a JSON number")
        return format(value, "f")
    if isinstance(value, Mapping):
        return _block("{}", [f"{_key(key)}: {write(item, indent + '  ')}" for key, item in value.items()], indent)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return _block("[]", [write(item, indent + "  ") for item in value], indent)
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def read(text: str | bytes) -> object:
    """The value of a JSON text, its fractions as Decimal. Raises ValueError for a text that is not JSON."""
    return json.loads(text, parse_float=Decimal)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of a JSON object is a string, not {key!r}")
    return json.dumps(key, ensure_ascii=False)


def _block(brackets: str, items: Sequence[str], indent: str) -> str:
    if not items:
        return brackets
    inner = f",\n{indent}  ".join(items)
    return f"{brackets[0]}\n{indent}  {inner}\n{indent}{brackets[1]}"
