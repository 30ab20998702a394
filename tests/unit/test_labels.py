"""What a second opinion learns from: answers of people, and never one of our own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from creditbot.credit.traits import Traits
from creditbot.decide.opinion_model import LabelledCredit
from creditbot.insight.backtest import BacktestLink, BacktestRow, Outcome
from creditbot.insight.labels import NoLabel, all_labels, label_in, label_in_row
from creditbot.insight.peoples_answers import PeoplesAnswer
from creditbot.model import RequestKey

KEY = RequestKey("T1", "C1", "1767873600.000100")
ANSWERED = datetime(2026, 1, 8, 13, tzinfo=UTC)
REPLY = f"{int(ANSWERED.timestamp())}.000000"
TRAITS = Traits("verify", Decimal("100.00"), 0.4)
LABEL = LabelledCredit(str(KEY), ANSWERED, Decimal("60.00"), TRAITS)
LINK = {
    "product": "verify", "credit": Decimal("50.00"),
    "rows": [{"fraud_cost": Decimal("100.00"), "columns": {"block_rate": "0.4"}}],
}  # fmt: skip
ROW = BacktestRow(
    KEY, "", "U0DANA", PeoplesAnswer("U0BOSS", ANSWERED, Decimal("60.00")), Outcome.COMPUTED, amount=Decimal("50.00"),
    links=(BacktestLink("", "verify", Decimal("50.00"), Decimal("100.00"), Decimal("0.4")), BacktestLink("https://x")),
)  # fmt: skip


def summary(links: list[dict[str, Any]] | None = None, **outcome: object) -> dict[str, Any]:
    """Of a request that a person answered with $60.00 after $50.00 were computed."""
    said = {"status": "elsewhere", "at": "2026-01-08T13:05:00Z", "reply": REPLY, "answer_by": "U0BOSS"}
    known = {**said, "answer_amount": Decimal("60.00"), **outcome}
    return {"outcome": {name: value for name, value in known.items() if value is not None}, "links": links or [LINK]}


@pytest.mark.parametrize("status", ["elsewhere", "shadowed"])
def test_an_answer_of_a_person_to_what_was_computed_is_a_label(status: str) -> None:
    assert LABEL == label_in(KEY, summary(status=status))


@pytest.mark.parametrize(
    "outcome",
    [
        {"status": "answered", "answer_by": None},
        {"status": "answered", "approval": {"votes": [{"by": "U0BOSS", "vote": "yes"}]}, "answer_by": None},
        {"status": "answered"}, {"status": "held"}, {"status": "denied"}, {"answer_by": "B0OLD"},
        {"answer_by": "U0BOT"}, {"answer_by": None}, {"reply": None}, {"reply": "yesterday"}, {"at": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_no_person_answered_is_no_label(outcome: dict[str, Any]) -> None:
    """Least of all our own answer, whoever has approved it."""
    assert NoLabel.NOT_BY_PEOPLE is label_in(KEY, summary(**outcome), bots=("U0BOT",))


def test_a_refusal_is_no_label() -> None:
    assert NoLabel.REFUSED is label_in(KEY, summary(status="shadowed", answer_amount=Decimal(0)))


def test_an_answer_without_one_amount_is_no_label() -> None:
    assert NoLabel.NO_AMOUNT is label_in(KEY, summary(answer_amount=None))


@pytest.mark.parametrize(
    "links", [[{"url": "https://acme"}], [LINK, {**LINK, "rows": []}]], ids=["nothing computed", "a cost is not known"]
)
def test_an_answer_to_traffic_that_is_not_known_is_no_label(links: list[dict[str, Any]]) -> None:
    assert NoLabel.NOT_COMPUTED is label_in(KEY, summary(links))


def test_a_row_of_a_backtest_gives_the_same_label_as_a_summary() -> None:
    assert LABEL == label_in_row(ROW)


def test_a_block_rate_with_many_digits_is_read() -> None:
    link = replace(ROW.links[0], block_rate=Decimal(1) / Decimal(3))
    label = label_in_row(replace(ROW, links=(link,)))
    assert isinstance(label, LabelledCredit)
    assert label.traits.block_rate == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": PeoplesAnswer("U0BOSS", ANSWERED, None, refused=True)}, NoLabel.REFUSED),
        ({"answer": PeoplesAnswer("U0BOSS", ANSWERED, Decimal(0))}, NoLabel.REFUSED),
        ({"answer": PeoplesAnswer("U0BOSS", ANSWERED)}, NoLabel.NO_AMOUNT),
        ({"amount": None, "outcome": Outcome.SQL}, NoLabel.NOT_COMPUTED),
        ({"links": (replace(ROW.links[0], fraud_cost=None),)}, NoLabel.NOT_COMPUTED),
    ],
)
def test_a_row_without_an_amount_on_both_sides_is_no_label(changes: dict[str, Any], reason: NoLabel) -> None:
    assert reason is label_in_row(replace(ROW, **changes))


def test_of_one_request_one_label_counts_that_of_the_first_source() -> None:
    other = replace(LABEL, amount=Decimal("70.00"))
    assert ((LABEL,), {}) == _both(all_labels([(KEY, LABEL)], [(KEY, other)]))
    assert ((other,), {}) == _both(all_labels([(KEY, NoLabel.NOT_COMPUTED)], [(KEY, other)]))


def test_labels_come_by_the_time_of_the_answer_and_the_rest_is_counted() -> None:
    keys = [replace(KEY, ts=f"176787360{n}.000100") for n in range(4)]
    late, early = (replace(LABEL, key=str(keys[n]), at=ANSWERED.replace(hour=hour)) for n, hour in ((0, 14), (1, 9)))
    found = all_labels([(keys[0], late), (keys[1], early), *((key, NoLabel.REFUSED) for key in keys[2:])])
    assert ((early, late), {NoLabel.REFUSED: 2}) == _both(found)


def _both(found: Any) -> tuple[object, object]:
    return found.labels, found.left_out
