"""Real engines add rows up for the bundled notebooks, as exactly as if each was read, and with the same errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from credit_report import traffic
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.bundled_notebooks import COUNTS, VERIFY
from tests.support.results import hold_against_rows, pushed_down, refusal, results, rows_of
from tests.warehouse.engines import Engine
from tests.warehouse.traffic import Asked, looker_sql

EXAMPLES = 25
"""A query takes Trino a third of a second, and each example takes three."""


@pytest.fixture(autouse=True)
def _warehouse(engine: Engine) -> Iterator[None]:
    """The engine is the warehouse of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_URL", engine.url)
        yield


@given(data=st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_what_an_engine_adds_up_is_what_its_rows_come_to(engine: Engine, data: st.DataObject) -> None:
    """In every type that a column may have."""
    hold_against_rows(data.draw(results(engine.dialect)))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"messages": "NULL"}, r"^1 row of the result, with account 'AC1', day 2025-12-01, .*: messages is NULL\.$"),
        ({"attempts": "-5"}, r"^1 or more rows of the result, .*: attempts is -5, not a whole number"),
        ({"blocked": "1.5"}, r"^1 or more rows of the result, .*: blocked is 1\.5, not a whole number"),
        ({"mode": "'turbo'"}, r"^1 row of the result, .*prefix '\+62': mode is 'turbo', not one of basic"),
        ({"price_usd": "0.5"}, r"^Two prices for \+62 \(basic\) on 2025-12-01: 0\.3840 and 0\.50*\.$"),
    ],
)
def test_an_engine_finds_one_wrong_row_of_three(values: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        raise ValueError(refusal(rows_of({}, {}, values)))


@pytest.mark.parametrize("end", [" LIMIT 3", " ORDER BY day LIMIT 3;", "\nFETCH FIRST 3 ROWS ONLY -- cut"])
def test_rows_that_were_cut_are_noticed(end: str) -> None:
    sentence = "The SQL stops at 3 rows and so many came: take its row limit off."
    assert sentence == refusal(f"SELECT * FROM ({rows_of(*[{}] * 5)}) AS t{end}")


def test_a_row_for_each_message_comes_back_as_few_sums() -> None:
    """Sums, days and prices are exact however many rows there are."""
    thousand = " CROSS JOIN ".join(f"(VALUES {', '.join(f'({n})' for n in range(10))}) AS {name} (n)" for name in "abc")
    added_up = pushed_down(f"SELECT t.* FROM ({rows_of({}, {'messages': '7'})}) AS t CROSS JOIN {thousand} ORDER BY 2;")
    assert (2_000, 1) == (added_up.count, len(added_up.sums))
    assert 15_000 == added_up.groups[0]["messages"]


def test_a_column_given_twice_is_refused() -> None:
    assert "The SQL gives 2 columns day: leave one." == refusal(f"SELECT t.*, t.day FROM ({rows_of({})}) AS t")


@pytest.mark.parametrize("end", ["", ";\n", " -- the end"])
def test_rows_are_read_where_an_engine_does_not_add_up(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """After its refusal, on the same connection and still in UTC."""
    day = {"trino": "DATE(FROM_UNIXTIME(TO_UNIXTIME({v}.created_tz )))"}.get(engine.dialect, "DATE({v}.created_tz )")
    sql = looker_sql(engine.dialect, asked=Asked(day=day)) + end
    expected = pushed_down(sql)
    monkeypatch.setattr(traffic, "sums_of", lambda *_: "SELECT nonsense")
    by_rows = traffic.load(sql, VERIFY.TARGETS, COUNTS["verify"])
    assert by_rows.note.startswith("The rows were read one by one, because the warehouse did not add them up: it says ")
    assert (expected.count, expected.sums, expected.groups) == (by_rows.count, by_rows.sums, by_rows.groups)
