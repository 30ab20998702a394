"""Days as ranges, and in words."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.day_ranges import DayRange, merged, ranges_in_words, ranges_of

DAYS = st.integers(0, 60).map(lambda day: date(2025, 12, 1) + timedelta(day))


def days(*numbers: int) -> list[date]:
    """Days of December."""
    return [date(2025, 12, number) for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((18,), "2025-12-18"),
        ((20, 18, 19, 18), "2025-12-18 to 2025-12-20"),
        ((18, 20), "2025-12-18, 2025-12-20"),
        ((1, 3, 5, 7), "2025-12-01, 2025-12-03, 2025-12-05, 2025-12-07"),
        ((1, 3, 5, 7, 9), "2025-12-01, 2025-12-03, 2025-12-05, 2025-12-07 and 1 more day until 2025-12-09"),
        (
            (1, 3, 5, 7, 9, 10, 31),
            "2025-12-01, 2025-12-03, 2025-12-05, 2025-12-07 and 3 more days until 2025-12-31",
        ),
    ],
)
def test_days_are_named_in_as_few_words_as_possible(numbers: tuple[int, ...], words: str) -> None:
    assert words == ranges_in_words(ranges_of(days(*numbers)))


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date.min, date.max, "any day"),
        (date.min, date(2025, 12, 31), "until 2025-12-31"),
        (date(2025, 12, 1), date.max, "from 2025-12-01 on"),
    ],
)
def test_a_side_without_limit_is_said(first: date, last: date, words: str) -> None:
    assert words == ranges_in_words([DayRange(first, last)])


def test_ranges_that_meet_or_follow_each_other_are_one() -> None:
    first, second, third = DayRange(*days(1, 9)), DayRange(*days(2, 4)), DayRange(*days(10, 12))
    assert (DayRange(*days(1, 12)),) == merged([third, first, second])


@given(st.sets(DAYS))
def test_ranges_hold_exactly_the_days_that_they_are_made_of(some: set[date]) -> None:
    ranges = ranges_of(some)
    held = [each.first + timedelta(n) for each in ranges for n in range((each.last - each.first).days + 1)]
    assert sorted(some) == held
    assert all(one.last + timedelta(1) < two.first for one, two in itertools.pairwise(ranges))
