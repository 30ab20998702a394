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
from typing import Final

_TRUTHS: Final = {"true": "true", "t": "true", "yes": "true", "y": "true", "on": "true"} | {
    "false": "false", "f": "false", "no": "false", "n": "false", "off": "false",
}  # fmt: skip
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_LIKE_A_MOMENT: Final = re.compile(r"\d{1,4}[-/.:]\d{1,2}(?!\d)")
_MOST_DIGITS: Final = 100
"""Of a number, after the first one: no column holds more, and 1e999999999 has too many to write them."""
_IGNORED: Final = frozenset({"Cc", "Cf", "Mn"})
"""Kinds of characters that some collations do not count, such as accents that stand alone."""


def may_be_one_value(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether a column can equal a constant of each of these lists at once; a list of none excludes every other."""
    one, two = _read_all(some), _read_all(others)
    if not one or not two:
        return False
    return _may_be_any(one | two) or not one.isdisjoint(two)


def of_both(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Constants of which a column equals one if it equals one of each list: the shorter list if nobody can tell."""
    if _may_be_any(_read_all(some) | _read_all(others)):
        return min(some, others, key=len)
    return frozenset(each for each in some if _read(each) in _read_all(others))


def is_only_text(constant: str) -> bool:
    """Whether a column that equals the constant holds this very text, but for capitals."""
    plain = constant.strip().casefold()
    return plain.isascii() and _read(plain) == ("text", plain) and not _key(plain)


def _may_be_any(read: frozenset[tuple[str, str | None]]) -> bool:
    """Whether nobody can tell which of these constants are one value."""
    return len({kind for kind, _ in read}) > 1 or any(value is None for _, value in read)


@lru_cache(maxsize=200)
def _read_all(constants: frozenset[str]) -> frozenset[tuple[str, str | None]]:
    """As `_read`, of each; the sides of a UNION are compared with each other, so each list comes again and again."""
    return frozenset(map(_read, constants))


def _read(text: str) -> tuple[str, str | None]:
    """The kind of a constant, and what is compared among those of one kind.

    That is None if not every type of column keeps all of it: one of whole numbers rounds a fraction, one of days an
    hour.
    """
    plain = "".join(
        each
        for each in unicodedata.normalize("NFKD", text.strip()).casefold()
        if unicodedata.category(each) not in _IGNORED
    )
    try:
        return "number", _digits(Decimal(plain))
    except InvalidOperation:
        pass
    if _LIKE_A_MOMENT.match(plain):
        return "moment", plain if _ISO_DAY.fullmatch(plain) else None
    return "text", _key(plain) or _TRUTHS.get(plain, plain)


def _key(text: str) -> str:
    """The digits of a UUID, however it is written; "" if the text is none."""
    digits = re.sub("[-{}]", "", text)
    return digits if re.fullmatch("[0-9a-f]{32}", digits) else ""


def _digits(number: Decimal) -> str | None:
    """Those of a whole number that a column can hold; None for any other one."""
    is_whole = number.is_finite() and number.adjusted() <= _MOST_DIGITS and number == int(number)
    return str(int(number)) if is_whole else None
