"""The export of a month: which credits it has, and that it ties to the report."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.past import past_summaries
from creditbot.adapters.storage.tables import csv_text
from creditbot.credit.footprint import Days
from creditbot.insight.credit_lines import total
from creditbot.insight.export import COLUMNS, Table, month_range, month_table
from creditbot.insight.figures import figures
from creditbot.insight.past import PastHold, PastLink, PastRequest, past_request
from creditbot.model import Names, RequestKey, TableCell
from creditbot.slack_time import ts_of
from creditbot.state.record import Vote

NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
SOME = timedelta(microseconds=1)
NAMES = Names({"U0DANA": "Dana Ortiz", "U0SAM": '=HYPERLINK("https://evil.example")'})


def answered(asked: datetime, reply: datetime, *links: PastLink, **facts: Any) -> PastRequest:
    amount = sum((link.credit or Decimal(0) for link in links), Decimal(0)) or Decimal("1.00")
    key = RequestKey("T0", "C0", ts_of(asked))
    return PastRequest(key, "https://x.slack.com/p1", "answered", amount, answered=reply, links=links, **facts)


def cells(table: Table) -> list[dict[str, TableCell]]:
    """The rows by the names of their columns."""
    return [dict(zip([column.name for column in COLUMNS], row, strict=True)) for row in table.rows(NAMES)]


@pytest.mark.parametrize(
    ("reply", "is_in"),
    [(NOVEMBER - SOME, False), (NOVEMBER, True), (DECEMBER - SOME, True), (DECEMBER, False)],
    ids=["October", "its first moment", "its last moment", "December"],
)
def test_the_month_is_that_of_the_answer_in_utc(reply: datetime, *, is_in: bool) -> None:
    """Whenever the request was asked."""
    request = answered(NOVEMBER - timedelta(days=40), reply)
    assert is_in is bool(month_table([request], NOVEMBER + timedelta(days=9)).lines)


def test_a_year_ends_with_december() -> None:
    assert (DECEMBER, datetime(2027, 1, 1, tzinfo=UTC)) == month_range(DECEMBER + timedelta(days=30))


def test_each_link_is_a_row_with_all_that_is_known() -> None:
    """In the order in which the requests were asked."""
    days = Days("day", datetime(2026, 10, 1), datetime(2026, 11, 1))  # noqa: DTZ001
    links = (
        PastLink(product="verify", credit=Decimal("2.50"), accounts=("AC1", "AC2"), days=days),
        PastLink(product="psms", credit=Decimal("1.00"), days=Days("day", None, datetime(2026, 11, 1))),  # noqa: DTZ001
    )
    votes = (Vote("U0OWNER", yes=True, seen=NOVEMBER), Vote("U0EVE", yes=False, seen=NOVEMBER))
    facts: dict[str, Any] = {
        "requester": "U0DANA", "page": "https://e.example/1.html", "digest": "d1", "log_position": 7,
        "hold": PastHold("a" * 64, "p", None, votes=votes),
    }  # fmt: skip
    asked, reply = NOVEMBER - timedelta(days=2), NOVEMBER + timedelta(hours=1)
    early, late = cells(
        month_table([answered(asked + SOME, reply), answered(asked, reply, *links, **facts)], NOVEMBER)
    )[:2]
    assert {
        "answered_at": reply, "account": "AC1, AC2", "traffic_from": date(2026, 10, 1),
        "traffic_to": date(2026, 10, 31), "product": "verify", "amount_usd": Decimal("2.50"),
        "request": "https://x.slack.com/p1", "link": 1, "asked_at": asked, "asked_by": "U0DANA",
        "asked_by_name": "Dana Ortiz", "approved_by": "U0OWNER", "approved_by_name": "U0OWNER", "evidence": "https://e.example/1.html",
        "digest": "d1", "approval_digest": "a" * 64, "log_position": 7,
    } == early  # fmt: skip
    assert ("psms", 2, None, date(2026, 10, 31), None) == (
        late["product"], late["link"], late["traffic_from"], late["traffic_to"], late["account"],
    )  # fmt: skip


def test_what_is_not_known_is_empty() -> None:
    """An answer of which only the amount is known is a row all the same, so that the totals agree."""
    (row,) = cells(month_table([answered(NOVEMBER, NOVEMBER)], NOVEMBER))
    known = {name for name, cell in row.items() if cell is not None}
    assert {"answered_at", "amount_usd", "request", "link", "asked_at"} == known


def test_names_stand_beside_ids_in_the_same_order() -> None:
    """And a name that would be a formula is a text, as every other cell."""
    votes = tuple(Vote(user, yes=True, seen=NOVEMBER) for user in ("U0SAM", "U0EVE", "U0DANA"))
    table = month_table([answered(NOVEMBER, NOVEMBER, requester="U0SAM", hold=PastHold("a", "p", None, votes=votes))],
                        NOVEMBER)  # fmt: skip
    assert {"U0SAM", "U0EVE", "U0DANA"} == table.people
    (row,) = cells(table)
    assert "U0SAM, U0EVE, U0DANA" == row["approved_by"]
    assert '=HYPERLINK("https://evil.example"), U0EVE, Dana Ortiz' == row["approved_by_name"]
    (written,) = csv.DictReader(io.StringIO(csv_text(COLUMNS, table.rows(NAMES))))
    assert ["'=HYPERLINK"] * 2 == [written[name][:11] for name in ("asked_by_name", "approved_by_name")]


@given(seed=st.integers(0, 10_000), count=st.integers(0, 20))
def test_the_totals_tie_to_those_of_the_report(seed: int, count: int) -> None:
    """Month by month, to the cent, and with as many links."""
    past = [past_request(key, None, each) for key, each in past_summaries(count, DECEMBER, days=90, seed=seed)]
    shown = figures(past, DECEMBER - timedelta(days=120), DECEMBER + timedelta(days=1))
    by_month = {one.name: (one.credits, one.amount) for one in shown.by(lambda line: line.month)}
    for month in (datetime(2026, month, 1, tzinfo=UTC) for month in (8, 9, 10, 11, 12)):
        table = month_table(past, month)
        amounts = [cell["amount_usd"] for cell in cells(table)]
        expected = by_month.get(f"{month:%Y-%m}", (0, Decimal("0.00")))
        assert expected == (len(amounts), total(table.lines))
        assert expected[1] == sum((amount for amount in amounts if isinstance(amount, Decimal)), Decimal(0))
