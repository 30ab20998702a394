"""How the bundled notebooks run the SQL, and read its result."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from credit_report import load
from credit_report import warehouse as credit_warehouse
from credit_report.traffic import add_up, read_rows
from credit_report.values import readers_of
from credit_report.warehouse import Warehouse, refuse_cut
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bundled_notebooks import COLUMNS, COUNTS, VERIFY, Row, traffic


def record(**values: Any) -> tuple[Any, ...]:
    """One row of a result in the order of the columns."""
    return tuple({**traffic(1), **values}[name] for name in COLUMNS)


def read_traffic(columns: list[str], records: list[tuple[Any, ...]]) -> list[Row]:
    """The rows as the Verify notebook reads them."""
    return [row for row, _ in read_rows(columns, records, COUNTS["verify"], readers_of(VERIFY.TARGETS))]


def read(**values: Any) -> Row:
    """One Verify row read from a result."""
    return read_traffic(COLUMNS, [record(**values)])[0]


@pytest.mark.parametrize(
    "day",
    [
        date(2025, 12, 1),
        datetime(2025, 12, 1),  # noqa: DTZ001 - a warehouse's TIMESTAMP has no zone
        datetime(2025, 12, 1, tzinfo=UTC),
        datetime(2025, 12, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        "2025-12-01",
        " 2025-12-01 00:00:00 ",
        "2025-12-01T00:00:00Z",
    ],
)
def test_a_day_is_read_in_every_form_that_warehouses_use(day: object) -> None:
    """These are dates, timestamps at midnight in UTC, and their text."""
    assert date(2025, 12, 1) == read(day=day)["day"]


def test_a_price_may_come_as_text_and_keeps_its_digits() -> None:
    assert Decimal("0.3840") == read(price_usd="0.3840")["price_usd"]


def test_a_whole_number_may_come_as_decimal() -> None:
    """SUM() gives DECIMAL in some warehouses."""
    messages = read(messages=Decimal(312))["messages"]
    assert (312, int) == (messages, type(messages))


def test_a_mode_is_read_without_spaces_and_in_lower_case() -> None:
    assert "basic" == read(mode=" Basic ")["mode"]


def test_a_prefix_may_come_as_a_number() -> None:
    assert "62" == read(prefix=62)["prefix"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[(column, None) for column in COLUMNS],
        *[("day", value) for value in ("December", 20251201, "2025-12-01 07:00", date(1999, 12, 31), "")],
        ("day", datetime(2025, 12, 1, tzinfo=timezone(timedelta(hours=2)))),
        *[("prefix", value) for value in ("", " ", "+" * 41, "+6\n2")],
        *[("mode", value) for value in ("turbo", "")],
        *[("messages", value) for value in (-1, 1.0, True, "7", Decimal("1.5"), Decimal("NaN"), 10**12)],
        *[("price_usd", value) for value in (-1, 0.384, True, "free", "NaN", "Infinity", Decimal(10**6), b"1")],
    ],
)
def test_a_value_that_cannot_be_right_is_named_with_its_column(column: str, value: object) -> None:
    """The sentence names row and column, and it is short whatever the value is."""
    with pytest.raises(ValueError, match=rf"^Row 1 of the result: {column} is .*\.$") as failure:
        read(**{column: value})
    assert len(str(failure.value)) < 200


def read_or_refuse(column: str, value: object) -> str:
    """The sentence it is refused with, or ""."""
    try:
        read(**{column: value})
    except ValueError as failure:
        return str(failure)
    return ""


@given(
    column=st.sampled_from(COLUMNS),
    value=st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(), st.datetimes()),
)
def test_any_value_is_read_or_refused_with_a_sentence(column: str, value: object) -> None:
    sentence = read_or_refuse(column, value)
    assert sentence == "" or sentence.startswith(f"Row 1 of the result: {column} is ")


def test_columns_are_found_in_any_case_order_and_behind_lookers_view() -> None:
    """Other columns are ignored."""
    names = ["BILLABLE_ITEM", *[f"verify_traffic.{name.upper()}" for name in reversed(COLUMNS)]]
    rows = read_traffic(names, [("Authy SMS", *reversed(record(messages=7)))])
    assert [traffic(1, messages=7)] == rows


def test_columns_of_bigquery_are_found_behind_the_view() -> None:
    """Its names have no dots, so Looker writes `view_field`."""
    names = [f"verify_traffic_{name}" for name in ["billable_item", *reversed(COLUMNS)]]
    rows = read_traffic(names, [("Authy SMS", *reversed(record(messages=7)))])
    assert [traffic(1, messages=7)] == rows


@pytest.mark.parametrize("column", ["account_sid", "verify_traffic.ACCOUNT_ID"])
def test_a_column_of_accounts_says_whose_traffic_a_row_is(column: str) -> None:
    rows = read_traffic([column, *COLUMNS], [("AC-sandbox-0001", *record(messages=7))])
    assert [traffic(1, messages=7) | {"account": "AC-sandbox-0001"}] == rows


def test_two_columns_of_accounts_with_one_name_say_nothing() -> None:
    """Nobody can tell which of them is meant, and the credit does not depend on it."""
    rows = read_traffic(["a.account_sid", "b.account_sid", *COLUMNS], [("AC1", "AC2", *record(messages=7))])
    assert [traffic(1, messages=7)] == rows


@pytest.mark.parametrize("other", ["verify_traffic_last_day", "first_day", "day_verify_traffic"])
def test_a_column_with_another_name_is_not_found_behind_the_view(other: str) -> None:
    """All columns have the same view in front."""
    with pytest.raises(ValueError, match="no column day"):
        read_traffic([other, *[f"verify_traffic_{name}" for name in COLUMNS[1:]]], [])


def test_the_columns_of_two_views_are_refused() -> None:
    """Which of them is meant is not for the notebook to guess."""
    names = [f"{view}_{name}" for view in ("a", "b") for name in COLUMNS]
    with pytest.raises(ValueError, match=r"columns of 2 views \(a_, b_\): leave one\."):
        read_traffic(names, [])


def test_missing_columns_are_named_all_at_once() -> None:
    """The sentence says what is missing and what is there."""
    with pytest.raises(ValueError, match=r"no column verified, price_usd; it gives day, prefix, .*messages, price\."):
        read_traffic([*COLUMNS[:-2], "price"], [])


def test_a_column_given_twice_is_refused() -> None:
    """The notebook does not guess which of the two is meant."""
    with pytest.raises(ValueError, match=r"2 columns day: leave one\."):
        read_traffic(["a.day", "b.day", *COLUMNS[1:]], [])


def test_two_prices_for_one_day_prefix_and_mode_are_refused() -> None:
    """There is no rule for adding up such rows."""
    with pytest.raises(ValueError, match=r"Two prices for \+62 \(basic\) on 2025-12-01: 0\.3840 and 0\.5\."):
        add_up([traffic(1, messages=1), traffic(1, messages=1, price_usd=Decimal("0.5"))])


@pytest.mark.parametrize("end", [" LIMIT 3", "\nlimit 3 offset 0;\n", " FETCH FIRST 3 ROWS ONLY"])
def test_a_result_that_its_row_limit_may_have_cut_is_refused(end: str) -> None:
    """If there are as many rows as the SQL's limit allows, some may be missing."""
    with pytest.raises(ValueError, match=r"^The SQL stops at 3 rows and so many came: take its row limit off\.$"):
        refuse_cut(f"SELECT 1 FROM t{end}", 3)


@pytest.mark.parametrize("source", ["t LIMIT 500", "(SELECT 1 FROM t LIMIT 3) AS u", "t"])
def test_a_result_that_no_row_limit_has_cut_is_accepted(source: str) -> None:
    """Fewer rows than the limit are complete, and a limit in a subquery is part of the question."""
    refuse_cut(f"SELECT 1 FROM {source}", 3)


# ---- the warehouse ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a small DuckDB."""
    path = tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE verify_traffic (price_usd DECIMAL(10, 4))")
        connection.execute("INSERT INTO verify_traffic VALUES (0.0083)")
    return f"duckdb:///{path}"


def answer(sql: str, url: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of the SQL."""
    with Warehouse(url) as warehouse:
        columns, records = warehouse.run(sql)
        return columns, list(records)


def test_duckdb_keeps_decimals(warehouse: str) -> None:
    """A price is exactly what was billed, not the nearest float."""
    assert (["price_usd"], [(Decimal("0.0083"),)]) == answer("SELECT price_usd FROM verify_traffic", warehouse)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM nowhere",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM read_csv('/etc/hostname')",
        "CREATE TABLE mine (i INTEGER)",
        "DELETE FROM verify_traffic",
        "SET enable_external_access = true",
        "ATTACH 'other.duckdb'",
        "COPY verify_traffic TO 'out.csv'",
        "nonsense",
    ],
)
def test_duckdb_is_read_only_and_locked(warehouse: str, sql: str) -> None:
    """The SQL cannot write, read files or change settings. DuckDB's message is passed on in one line."""
    with pytest.raises(ValueError, match=r"^The warehouse refused the SQL: [^\n]+$"):
        answer(sql, warehouse)


def test_duckdb_reads_days_in_utc(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take this machine's time zone. tests/warehouse does the same with other engines."""
    monkeypatch.setenv("TZ", "America/New_York")
    _, records = answer("SELECT DATE(TIMESTAMPTZ '2025-12-01 00:30:00+00')", warehouse)
    assert [(date(2025, 12, 1),)] == records


@pytest.mark.parametrize("sql", ["", "  \n"])
def test_a_run_without_sql_says_where_to_paste_it(sql: str) -> None:
    """This is the first mistake of a run by hand."""
    with pytest.raises(ValueError, match="There is no SQL: paste it"):
        load(sql, VERIFY.TARGETS)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "WAREHOUSE_URL is not set"),
        ("duckdb:///nowhere/warehouse.duckdb", "The warehouse does not open: "),
        ("nodialect://host", "The warehouse does not open: "),
        ("nonsense", "The warehouse does not open: "),
    ],
)
def test_a_warehouse_that_does_not_open_is_a_connection_error(url: str, sentence: str) -> None:
    """The type of the error tells the bot that it is not a mistake in the SQL."""
    with pytest.raises(ConnectionError, match=sentence):
        answer("SELECT 1", url)


def test_any_other_warehouse_is_queried_with_sqlalchemy(tmp_path: Path) -> None:
    """The SQL is sent as it is: a % or a : in it is not a parameter. The connection is closed."""
    with sqlite3.connect(tmp_path / "w.sqlite") as connection:
        connection.execute("CREATE TABLE t (item TEXT)")
        connection.execute("INSERT INTO t VALUES ('Authy SMS'), ('Other')")
    connection.close()
    sql = "SELECT item AS \"t.item\", ':x %s' AS y FROM t WHERE item LIKE 'Authy%'"
    columns_and_rows = answer(sql, f"sqlite:///{tmp_path / 'w.sqlite'}")
    assert (["t.item", "y"], [("Authy SMS", ":x %s")]) == columns_and_rows
    assert tmp_path / "w.sqlite" not in [file.resolve() for file in Path("/proc/self/fd").iterdir()]


def test_a_connection_lost_during_the_sql_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy marks such errors. Another try may succeed."""

    class Lost(Exception):
        connection_invalidated = True

    class Connection:
        def exec_driver_sql(self, sql: str, **_options: object) -> None:
            raise Lost("server closed the connection\n[SQL: secret]")

        def close(self) -> None: ...

    monkeypatch.setattr(credit_warehouse, "connect", lambda _url: Connection())
    with pytest.raises(ConnectionError, match=r"^The warehouse went away: server closed the connection$"):
        answer("SELECT 1", "any://host")
