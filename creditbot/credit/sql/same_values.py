"""Says whether two constants in SQL may stand for one value of a column whose type nobody knows. Pure.

'basic', 'BASIC'                        one value where capitals do not count
1, 1.0, '01'                            one number
'true', 't', 1                          one truth value
'2025-12-1', '2025-12-01 00:00'         one day
1, 'basic'                              one value in MySQL, which takes a text for the number that it begins with
'basic', 'max'                          two values
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import starmap
from typing import Final

_TRUTHS: Final = {"true": "true", "t": "true", "yes": "true", "y": "true", "on": "true"} | {
    "false": "false", "f": "false", "no": "false", "n": "false", "off": "false",
}  # fmt: skip
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_LIKE_A_MOMENT: Final = re.compile(r"\d{1,4}[-/.:]\d{1,2}(?!\d)")
_IGNORED: Final = frozenset({"Cc", "Cf", "Mn"})
"""Kinds of characters that some collations do not count, such as accents that stand alone."""


def may_be_one_value(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether a column can equal a constant of each of these lists at once; a list of none excludes every other."""
    one, two = _read_all(some), _read_all(others)
    if not one or not two:
        return False
    kinds = {kind for kind, _ in one | two}
    return len(kinds) > 1 or not all(starmap(_is_exact, one | two)) or not one.isdisjoint(two)


def is_only_text(constant: str) -> bool:
    """Whether a column that equals the constant holds this very text, but for capitals."""
    plain = constant.strip().casefold()
    return plain.isascii() and _read(plain) == ("text", plain) and not _is_key(plain)


def _is_exact(kind: str, value: str) -> bool:
    """Whether a column of any type keeps all of it: one of whole numbers rounds a fraction, one of days an hour."""
    if kind == "number":
        return value.lstrip("-").isdigit()
    return kind != "moment" or _ISO_DAY.fullmatch(value) is not None


@lru_cache(maxsize=200)
def _read_all(constants: frozenset[str]) -> frozenset[tuple[str, str]]:
    """As `_read`, of each; the sides of a UNION are compared with each other, so each list comes again and again."""
    return frozenset(map(_read, constants))


def _read(text: str) -> tuple[str, str]:
    """The kind of a constant, and what is compared among those of one kind."""
    plain = "".join(
        each
        for each in unicodedata.normalize("NFKD", text.strip()).casefold()
        if unicodedata.category(each) not in _IGNORED
    )
    if (number := _number(plain)) is not None:
        return "number", number
    if _LIKE_A_MOMENT.match(plain):
        return "moment", plain
    return "text", re.sub("[-{}]", "", plain) if _is_key(plain) else _TRUTHS.get(plain, plain)


def _is_key(text: str) -> bool:
    """Whether a text is a UUID, however it is written."""
    return re.fullmatch("[0-9a-f]{32}", re.sub("[-{}]", "", text)) is not None


def _number(text: str) -> str | None:
    """A number, whole ones exactly and others as far as every type of number keeps their digits."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 100:
        return str(number)
    return str(int(number)) if number == int(number) else f"{float(number):.6g}"
