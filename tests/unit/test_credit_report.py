"""What the bundled notebooks show and hand over, beyond the method: tables, words and scraps."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from credit_report import report as shown
from credit_report.credit import dollars, flagged, policy_scrap, rows_scrap
from credit_report.plots import in_words
from credit_report.report import Report
from credit_report.traffic import Traffic, add_up, gather
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bundled_notebooks import PSMS, Row, traffic

pytestmark = pytest.mark.untraced


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> list[list[Row]]:
    """The rows of each table that is shown."""
    found: list[list[Row]] = []
    monkeypatch.setattr(shown, "_show", lambda rows: found.append(list(rows)))
    return found


def report_of(rows: list[Row], line: int | None) -> Report:
    """The report on rows that are judged by one line."""
    read = traffic_of(rows)
    return Report(read, [flagged(group, line, line) for group in read.groups])


def traffic_of(rows: list[Row], note: str = "") -> Traffic:
    """What SQL that gives these rows comes to."""
    sums, count = gather((dict(row), 1) for row in rows)
    return Traffic(count, sums, add_up(sums), PSMS.TARGETS, note)


def test_the_prefixes_that_cost_most_come_first(tables: list[list[Row]]) -> None:
    """Then those with the most attempts, also if nothing of them is flagged; the rest is counted."""
    rows = [
        traffic(1, prefix="+1", attempts=90, messages=90),
        traffic(1, prefix="+44", attempts=300, messages=10, blocked=290),
        traffic(1, prefix="+62", attempts=110, messages=110),
    ]
    report_of(rows, 100).show_prefixes()
    assert [("+62", 10, "$3.84"), ("+44", 0, "$0.00"), ("+1", 0, "$0.00")] == [
        (row["prefix"], row["flagged"], row["cost"]) for row in tables[0]
    ]


def test_prefixes_that_have_no_room_are_counted(tables: list[list[Row]], capsys: pytest.CaptureFixture[str]) -> None:
    report_of([traffic(1, prefix=f"+{n}", messages=10, blocked=n) for n in range(5)], 5).show_prefixes(most=3)
    assert 3 == len(tables[0])
    assert capsys.readouterr().out.startswith("and 2 more, ")


def test_days_that_are_not_judged_are_listed_by_prefix(
    tables: list[list[Row]], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [traffic(day, prefix=prefix, messages=n) for prefix, n in (("+1", 5), ("+62", 7)) for day in (2, 4, 9)]
    report_of(rows, None).show_not_judged(most=1)
    ((row,),) = tables
    assert ["+62", 3, 2, 9, 21] == [row["prefix"], row["days"], row["from"].day, row["to"].day, row["messages"]]
    lines = ["6 of 6 days, prefixes and modes are not judged", "and 1 more prefixes and modes"]
    assert lines == capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("accounts", "line"),
    [
        ([""], "the SQL gives no column that names them"),
        (["AC2", "AC1", ""], "AC1, AC2"),
        ([f"AC{n:02}" for n in range(13)], ", ".join(f"AC{n:02}" for n in range(10)) + " and 3 more"),
    ],
)
@pytest.mark.usefixtures("tables")
def test_the_credit_says_whose_it_is(accounts: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    report_of([{**traffic(1, messages=1), "account": account} for account in accounts], 5).show_credit()
    assert f"Accounts: {line}" in capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("tables")
def test_the_credit_says_so_if_rows_were_read_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [traffic(1, messages=1)]
    Report(traffic_of(rows, "The rows were read."), [flagged(row, 5, 5) for row in add_up(rows)]).show_credit()
    assert "The rows were read." in capsys.readouterr().out.splitlines()


def test_plots_that_have_no_room_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what they cost together."""
    pictures: list[dict[str, Any]] = []
    monkeypatch.setattr(shown, "_display", lambda forms, metadata: pictures.append({**forms, "metadata": metadata}))
    report_of([traffic(day, prefix=f"+{n}", messages=10) for n in range(3) for day in (1, 40)], 5).show_plots("x", 1)
    sentence = "1 of 3 prefixes and modes with flagged messages are drawn. 2 are not, $7.68 together.\n"
    assert sentence == capsys.readouterr().out
    assert pictures[0]["metadata"]["image/png"]["alt"] == pictures[0]["text/plain"]


def test_nothing_flagged_is_nothing_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    report_of([traffic(1, messages=1)], 5).show_plots("x")
    assert "No messages are flagged, so there is nothing to draw.\n" == capsys.readouterr().out


def test_a_plot_in_words_names_its_worst_day() -> None:
    rows = [flagged(row, 5, 5) for row in (traffic(1, messages=7), traffic(2, messages=9, blocked=3), traffic(3))]
    days = "flagged on 2 days from 2025-12-01 to 2025-12-02, most on 2025-12-02 (4)"
    assert f"+62, basic: 6 flagged, 3 blocked, $2.30; {days}" == in_words(rows)


@given(counts=st.lists(st.integers(0, 9), min_size=1, max_size=8), seed=st.integers())
def test_the_hash_of_rows_is_that_of_the_traffic_in_them(counts: list[int], seed: int) -> None:
    """However they are ordered and split. Every value counts, and so does a row that is there twice."""
    rows = [traffic(n % 3 + 1, messages=count) for n, count in enumerate(counts)]
    shuffled = Random(seed).sample(rows, len(rows))
    scrap = rows_scrap(traffic_of(rows))
    assert scrap == rows_scrap(traffic_of(shuffled))
    assert sum(counts) == sum(scrap["by_day"].values())
    split = rows_scrap(traffic_of([*rows, traffic(1)]))
    assert (scrap["hash"], scrap["count"] + 1) == (split["hash"], split["count"])
    twice = rows_scrap(traffic_of([*rows, rows[0]]))
    assert (scrap["hash"] == twice["hash"], scrap["count"] + 1) == (counts[0] == 0, twice["count"])
    assert scrap["hash"] != rows_scrap(traffic_of([{**rows[0], "messages": counts[0] + 1}, *rows[1:]]))["hash"]


def test_the_policy_is_handed_over_as_text() -> None:
    policy = {"TARGETS": {"basic": Decimal("0.80")}, "ALLOWANCE_FLOOR": 20}
    assert {"TARGETS.basic": "0.80", "ALLOWANCE_FLOOR": "20"} == policy_scrap(policy)


@pytest.mark.parametrize(
    ("amount", "text"), [("4948.8", "$4,948.80"), ("-12.5", "-$12.50"), ("0", "$0.00"), ("0.005", "$0.01")]
)
def test_amounts_are_written_as_people_write_them(amount: str, text: str) -> None:
    assert text == dollars(Decimal(amount))
