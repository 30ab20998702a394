"""What becomes of a request that failed, by what is known of it; nothing is stored here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from creditbot.errors import LOOKER, CreditbotError, NotebookFailed, NotYet, PostUnknown, ThreadUnclear, Unreachable
from creditbot.state.record import Record
from creditbot.tick.failures import Decision, Failure, decide
from tests.support.world_facts import RULES, START

PASSING = PostUnknown("Slack did not answer.")
FINAL = NotebookFailed("The notebook raised KeyError.", "Open it.")
OUTAGE = Unreachable(LOOKER, "Looker is down.")
CLAIMED = Record("claimed", "n", START, began=START, attempts=1)


def failure(*errors: CreditbotError, **changes: Any) -> Failure:
    """A request that this process had claimed, and that failed with these errors."""
    usual: dict[str, Any] = {
        "record": CLAIMED, "claimed": True, "unchanged": True, "problems": [(None, error) for error in errors],
        "ends_posting": False, "stopping": False, "now": START + timedelta(minutes=1),
    }  # fmt: skip
    return Failure(**{**usual, **changes})


POSTING = replace(CLAIMED, status="posting")
LAST_ATTEMPT = replace(CLAIMED, attempts=RULES.attempts)
TOO_LATE = START + RULES.waits_for_cause + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        (failure(PASSING), Decision.RETRY_COUNTED),
        (failure(PASSING, record=LAST_ATTEMPT), Decision.GIVE_UP),
        (failure(FINAL), Decision.GIVE_UP),
        (failure(PASSING, FINAL), Decision.GIVE_UP),
        (failure(OUTAGE), Decision.RETRY_FREE),
        (failure(OUTAGE, PASSING), Decision.RETRY_FREE),
        (failure(OUTAGE, FINAL), Decision.GIVE_UP),
        (failure(OUTAGE, record=LAST_ATTEMPT), Decision.RETRY_FREE),
        (failure(OUTAGE, now=TOO_LATE), Decision.GIVE_UP),
        (failure(OUTAGE, record=replace(CLAIMED, began=None), now=TOO_LATE), Decision.RETRY_FREE),
        (failure(NotYet("Not yet.")), Decision.RETRY_FREE),
        (failure(NotYet("Not yet."), now=TOO_LATE), Decision.RETRY_COUNTED),
        (failure(PASSING, record=LAST_ATTEMPT, stopping=True), Decision.RETRY_FREE),
        (failure(FINAL, stopping=True), Decision.GIVE_UP),
        (failure(FINAL, record=POSTING), Decision.STAY_POSTING),
        (failure(OUTAGE, record=POSTING, now=TOO_LATE), Decision.STAY_POSTING),
        (failure(ThreadUnclear("Unclear."), record=POSTING, ends_posting=True), Decision.GIVE_UP),
        (failure(ThreadUnclear("Unclear."), record=POSTING, ends_posting=True, claimed=False), Decision.GIVE_UP),
        (failure(FINAL, claimed=False, unchanged=False), Decision.NOT_OURS),
        (failure(FINAL, claimed=True, unchanged=False), Decision.GIVE_UP),
        (failure(OUTAGE, claimed=False), Decision.NOT_BEGUN),
        (failure(OUTAGE, record=None, claimed=False), Decision.NOT_BEGUN),
        (failure(FINAL, claimed=False), Decision.RAISE),
        (failure(FINAL, record=None, claimed=False), Decision.RAISE),
    ],
)
def test_a_failure_is_decided_by_what_is_known_of_it(given: Failure, decision: Decision) -> None:
    assert decision is decide(given, RULES)


def test_a_cause_may_last_for_lookback_hours_to_the_moment() -> None:
    last = failure(OUTAGE, now=START + RULES.waits_for_cause)
    assert Decision.RETRY_FREE is decide(last, RULES)
