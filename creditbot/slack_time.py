"""Slack's `ts`: the id of a message and its time in one string, "1736345678.123456".

The digits are seconds since 1970 in UTC, a full stop, and six digits of microseconds. A float cannot hold all of them,
so they are counted in whole microseconds. Text from Slack passes `is_ts` before anything else here reads it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

TS = r"\d{10}\.\d{6}"
"""Pattern of the `ts` of any message since 2001, to be used within other patterns; with `re.ASCII`."""

_READABLE = re.compile(r"\d{1,11}\.\d{6}", re.ASCII)  # with 12 digits of seconds the year could be over 9999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_A_SECOND = 1_000_000


def is_ts(value: object) -> bool:
    """Whether this is the id of a message or the time of an edit, so that the functions below can read it."""
    return isinstance(value, str) and _READABLE.fullmatch(value) is not None


def micros_of(ts: str) -> int:
    """Microseconds since 1970, by which `ts` are sorted: as text, "9.1" would come after "10.1".

    Fewer than six decimals, or none, are read too. ValueError for anything else.
    """
    seconds, _, decimals = ts.partition(".")
    return int(seconds) * _A_SECOND + int(decimals.ljust(6, "0")[:6])


def ts_of_micros(micros: int) -> str:
    """The `ts` of so many microseconds since 1970, which must not be negative; the inverse of `micros_of`."""
    seconds, rest = divmod(micros, _A_SECOND)
    return f"{seconds}.{rest:06d}"


def time_of(ts: str) -> datetime:
    """The moment a `ts` stands for, in UTC, exact to the microsecond."""
    return _EPOCH + micros_of(ts) * _MICROSECOND


def ts_of(moment: datetime) -> str:
    """The `ts` of a moment; "0.000000" for any moment before 1970. The inverse of `time_of`."""
    return ts_of_micros(max(0, (moment - _EPOCH) // _MICROSECOND))


def is_newer(edited: str, than: str) -> bool:
    """Whether one edit of a message came after another; "" stands for no edit.

    Slack may show a message as it was before an edit that we have read already.
    """
    return micros_of(edited or "0") > micros_of(than or "0")
