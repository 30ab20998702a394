"""The warehouse adds rows up for the bundled notebooks, as exactly as if each was read, and with the same errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from credit_report import load
from credit_report import traffic as credit_traffic
from credit_report.pushdown import CannotAddUp, dialect_of, no_rows_of, source_of, sums_of
from credit_report.warehouse import Warehouse
from hypothesis import given
from sqlglot import exp, parse_one

from creditbot.credit.sql import dialects
from tests.support.bundled_notebooks import COUNTS, VERIFY
from tests.support.results import ROW, hold_against_rows, pushed_down, refusal, results, rows_of
from tests.support.sampling import costly

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module", autouse=True)
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a DuckDB without tables: the SQL brings its rows along."""
    path = tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_URL", f"duckdb:///{path}")
        yield f"duckdb:///{path}"


# ---- against reading every row ---------------------------------------------------------------------------------------


@given(sql=results("duckdb"))
@costly(4)
def test_what_the_warehouse_adds_up_is_what_its_rows_come_to(sql: str) -> None:
    hold_against_rows(sql)


@pytest.mark.parametrize("column", ["account_sid", "prefix"])
def test_names_that_differ_in_capitals_are_two(column: str) -> None:
    """Although the warehouse takes them for one, where the column says that capitals do not count."""
    rows = rows_of({}, *({column: name} for name in ("'Id'", "'ID'", "'Id'")))
    sql = f"SELECT * REPLACE ({column} COLLATE NOCASE AS {column}) FROM ({rows})"
    assert 3 == len(pushed_down(sql).sums)
    hold_against_rows(sql)


def test_sums_may_be_larger_than_any_count() -> None:
    sql = rows_of(*[{"messages": "999999999999"}] * 20)
    assert [20 * 999_999_999_999] == [group["messages"] for group in pushed_down(sql).groups]


def test_only_sums_come_back_from_the_warehouse() -> None:
    """One for each account, day, prefix, mode and price, and how many rows there were."""
    traffic = pushed_down(f"SELECT t.* FROM ({rows_of({}, {'account_sid': 'NULL'})}) AS t, range(1000)")
    assert (2000, ["", "AC1"]) == (traffic.count, [row["account"] for row in traffic.sums])
    assert {"": 8000, "AC1": 8000} == traffic.groups[0]["accounts"]


# ---- what is wrong is named ------------------------------------------------------------------------------------------

PREFIX = "with account 'AC1', day 2025-12-01, prefix '+62'"
PLACE = f"{PREFIX}, mode 'basic'"
MODES = "basic, standard, max (see TARGETS)"
WHOLE = "not a whole number from 0 to 10^12 (CAST it AS BIGINT)."


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"messages": "NULL"}, f"1 row of the result, {PLACE}: messages is NULL."),
        ({"attempts": "-5"}, f"1 or more rows of the result, {PLACE}: attempts is -5, {WHOLE}"),
        ({"verified": "1000000000000"}, f"1 or more rows of the result, {PLACE}: verified is 1000000000000, {WHOLE}"),
        ({"blocked": "1.5"}, f"1 or more rows of the result, {PLACE}: blocked is 1.5, {WHOLE}"),
        (
            {"price_usd": "0.384::DOUBLE"},
            f"3 rows of the result, {PLACE}: price_usd is 0.384, not a price in USD (CAST it AS DECIMAL(10, 4)).",
        ),
        (
            {"mode": "'turbo'"},
            f"1 row of the result, {PREFIX}: mode is 'turbo', not one of {MODES}.",
        ),
        ({"price_usd": "0.5"}, "Two prices for +62 (basic) on 2025-12-01: 0.3840 and 0.5000."),
    ],
)
def test_one_wrong_row_of_three_is_found_and_named(values: dict[str, str], sentence: str) -> None:
    assert sentence == refusal(rows_of({}, {}, values))


@pytest.mark.parametrize("end", [" LIMIT 3", " ORDER BY day LIMIT 3;", "\nFETCH FIRST 3 ROWS ONLY -- cut"])
def test_rows_that_were_cut_are_noticed(end: str) -> None:
    sentence = "The SQL stops at 3 rows and so many came: take its row limit off."
    assert sentence == refusal(f"SELECT * FROM ({rows_of(*[{}] * 5)}) AS t{end}")


@pytest.mark.parametrize(("rows", "number"), [((), 0), (({"messages": "0"},) * 2, 2)])
def test_a_result_without_messages_is_an_error_and_not_a_zero(rows: tuple[dict[str, str], ...], number: int) -> None:
    """A query without results does not show that there is nothing to credit."""
    sql = rows_of(*rows) if rows else f"{rows_of({})} WHERE FALSE"
    assert f"No message in the {number} rows of the result: nothing can be credited." == refusal(sql)


@pytest.mark.parametrize("column", ["day", "DAY", "t.day"])
def test_a_column_given_twice_is_refused(column: str) -> None:
    """Although DuckDB renames the second one where the SQL stands in FROM."""
    assert "The SQL gives 2 columns day: leave one." == refusal(
        f'SELECT *, day AS "{column}" FROM ({rows_of({})}) AS t'
    )


def test_a_message_a_row_with_its_time_is_refused_at_once() -> None:
    """Otherwise there would be as many sums as messages."""
    sql = (
        f"SELECT t.* REPLACE (day + INTERVAL (n) SECOND AS day) FROM ({rows_of({})}) AS t, range(1, 1000) AS numbers(n)"
    )
    assert "day is 2025-12-01 00:00:01, not a UTC day" in refusal(sql)


MANY_PREFIXES = f"SELECT t.* REPLACE (prefix || n AS prefix) FROM ({rows_of({})}) AS t, range(4) AS numbers(n)"
SAME_MODE = f"SELECT t.* REPLACE (repeat(' ', n) || mode AS mode) FROM ({rows_of({})}) AS t, range(4) AS numbers(n)"


@pytest.mark.parametrize("sql", [MANY_PREFIXES, f"{MANY_PREFIXES} ORDER BY 1 -- {'(' * 9}", SAME_MODE])
def test_more_sums_than_can_be_judged_are_refused(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if some of them are the same once they are read: the warehouse gives no more of them than that."""
    monkeypatch.setattr(credit_traffic, "MOST_SUMS", 4)
    assert 4 == pushed_down(sql).count
    monkeypatch.setattr(credit_traffic, "MOST_SUMS", 3)
    assert "combinations of account, day, prefix, mode and price: let a prefix be" in refusal(sql)


# ---- SQL that the warehouse does not add up --------------------------------------------------------------------------


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warehouse by SQLAlchemy with a table `traffic`: one row of three messages, and one of four."""
    with sqlite3.connect(tmp_path / "w.sqlite") as connection:
        connection.execute("CREATE TABLE traffic (day, prefix, mode, attempts, blocked, messages, verified, price_usd)")
        rows = [("2025-12-01", "+62", "basic", 5, 1, count, 0, "0.50") for count in (3, 4)]
        connection.executemany("INSERT INTO traffic VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    monkeypatch.setenv("WAREHOUSE_URL", f"sqlite:///{tmp_path / 'w.sqlite'}")


@pytest.mark.usefixtures("sqlite")
def test_any_other_warehouse_adds_up_too() -> None:
    """By SQLAlchemy. The SQL is sent as it is: a % in it is not a parameter."""
    traffic = pushed_down("SELECT * FROM traffic WHERE prefix LIKE '+6%' ORDER BY day;\n-- the end")
    assert (2, 7, Decimal("0.50")) == (traffic.count, traffic.groups[0]["messages"], traffic.groups[0]["price_usd"])


@pytest.mark.usefixtures("sqlite")
def test_any_other_warehouse_tells_capitals_apart_too() -> None:
    sql = "SELECT *, name COLLATE NOCASE AS account_id FROM traffic, (SELECT 'ac1' AS name UNION ALL SELECT 'AC1')"
    assert [("AC1", 7), ("ac1", 7)] == [(row["account"], row["messages"]) for row in pushed_down(sql).sums]


@pytest.mark.parametrize(
    ("dialect", "bytes_of"),
    [("mysql", "CAST(traffic.`Prefix` AS BINARY)"), ("tsql", "CAST(traffic.[Prefix] AS VARBINARY(MAX))")],
)
def test_names_are_told_apart_by_their_bytes(dialect: str, bytes_of: str) -> None:
    """MySQL and SQL Server count no capitals unless a column says otherwise."""
    sql = sums_of("SELECT 1", ["Day", "Prefix"], ["messages"], 9, dialect, names=["Prefix"])
    groups = parse_one(sql, read=dialect).args["group"].expressions
    assert bytes_of == groups[-1].sql(dialect)
    assert 3 == len(groups)


@pytest.mark.usefixtures("sqlite")
def test_rows_are_read_where_the_warehouse_refuses_to_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credit is the same, and the notebook says why."""
    monkeypatch.setattr(credit_traffic, "sums_of", lambda *_: "SELECT nonsense")
    traffic = load("SELECT * FROM traffic", VERIFY.TARGETS, COUNTS["verify"])
    assert (2, 7) == (traffic.count, traffic.groups[0]["messages"])
    because = "The rows were read one by one, because the warehouse did not add them up: it says "
    assert f"{because}(sqlite3.OperationalError) no such column: nonsense" == traffic.note


@pytest.mark.usefixtures("sqlite")
def test_rows_are_read_where_the_sql_is_not_known_to_be_one_query() -> None:
    traffic = load(
        "SELECT * FROM traffic WHERE prefix GLOB '+*' AND likelihood(1, 0.5) /* (", VERIFY.TARGETS, ["verified"]
    )
    assert (2, 7) == (traffic.count, traffic.groups[0]["messages"])
    assert traffic.note.endswith("did not add them up: the SQL cannot be read as one query of sqlite.")


@pytest.mark.usefixtures("sqlite")
def test_only_so_many_rows_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit_traffic, "sums_of", lambda *_: "SELECT nonsense")
    monkeypatch.setattr(credit_traffic, "MOST_ROWS", 2)
    assert 2 == load("SELECT * FROM traffic", VERIFY.TARGETS, COUNTS["verify"]).count
    monkeypatch.setattr(credit_traffic, "MOST_ROWS", 1)
    sentence = refusal("SELECT * FROM traffic")
    assert sentence.startswith("The SQL gives more than 1 rows. The rows were read one by one, because ")
    assert sentence.endswith(" Let the SQL add them up by day, prefix and mode.")


def test_a_count_as_text_is_named_with_its_row() -> None:
    """No warehouse adds text up; reading the rows says what is wrong."""
    assert "Row 1 of the result: attempts is '10', not a whole number" in refusal(rows_of({"attempts": "'10'"}))


def test_sql_that_the_warehouse_refuses_is_refused_with_what_it_says() -> None:
    sentence = refusal("SELECT * FROM nowhere")
    assert "The warehouse refused the SQL: Catalog Error: Table with name nowhere does not exist!" == sentence


@pytest.mark.parametrize(("order", "count"), [("COUNT(*)", 1), ("UNNEST([1, 2])", 14), ("1", 7)])
def test_an_order_that_changes_how_many_rows_there_are_counts(order: str, count: int) -> None:
    assert count == pushed_down(f"{rows_of({})} FROM range(7) ORDER BY {order}").count


# ---- the SQL that is written -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "source"),
    [
        ("SELECT a FROM t", "SELECT a FROM t"),
        (" SELECT a FROM t ; \n;", " SELECT a FROM t"),
        ("-- why\nSELECT a FROM t -- end ;", "-- why\nSELECT a FROM t"),
        ("SELECT a FROM t ORDER BY 1 DESC, (b) NULLS LAST; -- (", "SELECT a FROM t"),
        ("WITH u AS (FROM t ORDER BY a LIMIT 3) FROM u\nORDER BY a", "WITH u AS (FROM t ORDER BY a LIMIT 3) FROM u"),
        ("SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY a", "SELECT a FROM t UNION ALL SELECT a FROM u"),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a) AS u", None),
        ("SELECT SUM(a) OVER (ORDER BY a) AS a FROM t", None),
        ("SELECT ';' AS a, 'ORDER BY' AS b FROM t -- ORDER BY a", "SELECT ';' AS a, 'ORDER BY' AS b FROM t"),
        ("SELECT a FROM t ORDER BY a LIMIT 5", None),
        ("SELECT a FROM t ORDER BY a OFFSET 5", None),
        ("SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b", None),
        ("(SELECT a FROM t ORDER BY a LIMIT 5) UNION ALL SELECT a FROM u", None),
        ("SELECT 1 AS a FROM t ORDER BY COUNT(*)", None),
        ("SELECT a FROM t ORDER BY UNNEST([1, 2])", None),
    ],
)  # fmt: skip
def test_sql_stands_in_from_as_it_is_but_for_its_end(sql: str, source: str | None) -> None:
    """An order goes that decides nothing: the warehouse would sort all rows, only to add them up. Any other stays."""
    assert (sql if source is None else source) == source_of(sql, "duckdb")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1) AS t; DROP TABLE t; SELECT * FROM (SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1) AS t, (SELECT 2",
        "VALUES (1)",
        "DROP TABLE t",
        "CREATE TABLE x AS SELECT 1",
        "SELECT (1",
        "SELECT 'open",
        "/* open",
        ";",
    ],
)
def test_what_is_not_one_query_never_stands_in_from(sql: str) -> None:
    with pytest.raises(CannotAddUp, match="cannot be read as one query of duckdb"):
        source_of(sql, "duckdb")


@pytest.mark.parametrize("dialect", dialects.DIALECTS)
def test_every_dialect_gets_sql_that_it_can_read(dialect: str) -> None:
    """With the columns in its own quotation marks, and the SQL of the link in it letter by letter."""
    source = "SELECT\n  a  FROM t -- a comment"
    wrapped = sums_of(source, ["Day", "MODE"], ["messages"], 9, dialect), no_rows_of(source, dialect)
    for sql in wrapped:
        assert f"\n{source}\n" in sql
        query = parse_one(sql, read=dialect)
        assert isinstance(query, exp.Select)
        assert "a" == query.find(exp.Subquery).this.selects[0].name  # type: ignore[union-attr]
    groups = parse_one(wrapped[0], read=dialect)
    assert ["Day", "MODE"] == [column.name for column in groups.args["group"].expressions]
    assert {True} == {column.this.quoted for column in groups.args["group"].expressions}
    assert "10" == groups.args["limit"].args[("count" if "FETCH" in wrapped[0] else "expression")].name
    assert "0" == parse_one(wrapped[1], read=dialect).args["limit"].find(exp.Literal).name


def test_a_column_with_sql_in_its_name_is_not_mistaken_for_the_gap() -> None:
    with pytest.raises(CannotAddUp, match="a column has SQL in its name"):
        sums_of("SELECT 1", ["SELECT * FROM the_sql.day"], [], 9, "duckdb")


@pytest.mark.parametrize(
    "scheme",
    [*sorted(dialects._DIALECT_OF.keys() - {"sqlserver"}), "postgresql+psycopg", "redshift+redshift_connector"],
)
def test_the_dialect_of_an_address_is_the_one_that_the_bot_reads(scheme: str) -> None:
    assert dialects.dialect_of(f"{scheme}://host") == dialect_of(f"{scheme}://host")


@pytest.mark.parametrize("url", ["hana://host", "", "nonsense"])
def test_an_address_of_no_known_dialect_adds_nothing_up(url: str) -> None:
    with pytest.raises(CannotAddUp, match="no dialect of SQL is known for "):
        dialect_of(url)


def test_names_come_without_running_the_sql() -> None:
    """SQL that would fail once it ran."""
    sql = f"SELECT *, error('it ran') AS \"Odd.Name\" FROM ({rows_of({})}) AS t"
    with Warehouse(load.__globals__["os"].environ["WAREHOUSE_URL"]) as warehouse:
        assert [*ROW, "Odd.Name"] == warehouse.names_in(sql, "")
