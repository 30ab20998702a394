"""Two generated queries over one table, both really run: overlap is never taken for none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pytest
import sqlglot
from credit_report.credit import UNIT_COLUMNS, units_of
from credit_report.traffic import add_up, read_traffic
from hypothesis import event, given
from hypothesis import strategies as st

from creditbot.credit.footprint import ACCOUNT_FIELDS, Accounts, Days, Footprint, Unknown, account_key, footprint_of
from creditbot.credit.sql.traffic_window import window_of
from creditbot.decide.overlap import Overlap, compare
from tests.support.bundled_notebooks import VERIFY

TODAY = date(2025, 12, 10)
DAYS = [date(2025, 11, 28) + timedelta(day) for day in range(8)]
COLUMNS = (
    "day, prefix, mode, SUM(attempts) AS attempts, SUM(blocked) AS blocked, SUM(messages) AS messages,"
    " SUM(verified) AS verified, MIN(price_usd) AS price_usd"
)
EVERY = "id, day, account_sid, prefix, mode, attempts, blocked, messages, verified, price_usd"


@pytest.fixture(scope="module")
def traffic() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three accounts, two prefixes, two modes; every other day and account is pumped."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE t (id INT, day DATE, account_sid VARCHAR, prefix VARCHAR, mode VARCHAR, attempts BIGINT,"
            " blocked BIGINT, messages BIGINT, verified BIGINT, price_usd DECIMAL(10, 4))"
        )
        places = [
            (d, a, p, m) for d in DAYS for a in ("AC1", "AC2", "AC3") for p in ("+62", "+1") for m in ("basic", "max")
        ]
        rows = [(n, *place, 90, 0, 25 + n * 37 % 60, n % 3, Decimal("0.0400")) for n, place in enumerate(places)]
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * 10)})", rows)
        yield connection


_day = st.sampled_from(DAYS)
_ATOMS = st.one_of(
    st.sampled_from([
        "account_sid = 'AC1'", "account_sid = 'AC2'", "'AC3' = account_sid", "account_sid IN ('AC1', 'AC2')",
        "lower(account_sid) = 'ac1'", "account_sid LIKE 'AC%'", "account_sid <> 'AC1'", "prefix = '+62'",
        "prefix = '+1'", "mode = 'basic'", "TRUE", "day < CURRENT_DATE", "coalesce(account_sid, 'AC2') = 'AC2'",
    ]),
    st.builds("day >= DATE '{}'".format, _day),
    st.builds("day < DATE '{}'".format, _day),
    st.builds("day = '{}'".format, _day),
    st.builds("day <= TIMESTAMP '{} 12:00:00'".format, _day),
    st.builds("day BETWEEN '{}' AND '{}'".format, _day, _day),
    st.builds("DATE_TRUNC('month', day) = DATE_TRUNC('month', DATE '{}')".format, _day),
    st.builds("day > DATE '{}' - INTERVAL 3 DAY".format, _day),
    st.builds("DATE '{}' + 2 > CAST(day AS TIMESTAMP)".format, _day),
    st.builds("day IN ('{}', '{}')".format, _day, _day),
)  # fmt: skip
_CONDITIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
    ),
    max_leaves=6,
)
_SHAPES = st.sampled_from([
    "SELECT {columns} FROM t WHERE {one} AND {two} GROUP BY ALL",
    "SELECT {columns} FROM (SELECT * FROM t WHERE {one}) x WHERE {two} GROUP BY ALL",
    "WITH x AS (SELECT " + EVERY + " FROM t WHERE {one}) SELECT {columns} FROM x WHERE {two} GROUP BY ALL",
    ("WITH x AS (SELECT * FROM t WHERE {one} UNION ALL BY NAME SELECT * FROM t WHERE {one} AND FALSE)"
    " SELECT {columns} FROM x WHERE {two} GROUP BY ALL"),
    "SELECT {columns} FROM (SELECT " + EVERY + " FROM t WHERE {one} UNION SELECT " + EVERY
    + " FROM t WHERE {two}) x GROUP BY ALL",
    ("SELECT {columns} FROM t JOIN (SELECT DISTINCT prefix AS p FROM t WHERE {one}) x ON t.prefix = x.p"
    " WHERE {two} GROUP BY ALL"),
])  # fmt: skip


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, str]:
    """A query as Looker would write it, and one that gives the ids of the same rows of the table."""
    shape, one, two = draw(_SHAPES), draw(_CONDITIONS), draw(_CONDITIONS)
    columns = draw(st.sampled_from([COLUMNS, f"account_sid, {COLUMNS}"]))
    return shape.format(columns=columns, one=one, two=two), shape.format(columns="id", one=one, two=two)


def footprint(traffic: duckdb.DuckDBPyConnection, sql: str, *, with_units: bool) -> Footprint:
    """As the bot makes it, with the functions of the bundled notebook."""
    window = window_of([("duckdb", sqlglot.parse_one(sql, dialect="duckdb"))], TODAY, ACCOUNT_FIELDS)
    answer = traffic.execute(sql)
    names = [column[0] for column in answer.description or []]
    judged = VERIFY.flag(add_up(read_traffic(names, answer.fetchall(), VERIFY.TARGETS, ["verified"]), ["verified"]))
    units = {"columns": list(UNIT_COLUMNS), "rows": units_of(judged)}
    return footprint_of("verify", window, {"units": units} if with_units else {}, None)


def rows(traffic: duckdb.DuckDBPyConnection, sql: str) -> dict[int, tuple[Any, ...]]:
    """The rows of the table that a query reads, by id."""
    ids = {id_ for (id_,) in traffic.execute(sql).fetchall()}
    return {id_: row for id_, row in table(traffic).items() if id_ in ids}


@cache
def table(traffic: duckdb.DuckDBPyConnection) -> dict[int, tuple[Any, ...]]:
    """All rows by id: account, day, prefix, mode."""
    found = traffic.execute("SELECT id, account_sid, day, prefix, mode FROM t").fetchall()
    return {id_: tuple(row) for id_, *row in found}


def flagged_places(footprint: Footprint) -> set[tuple[Any, ...]]:
    assert not isinstance(footprint.units, Unknown)
    return {(unit.day, unit.prefix, unit.mode) for unit in footprint.units}


@given(first=queries(), second=queries(), with_units=st.booleans())
def test_two_queries_with_a_flagged_row_in_common_are_never_disjoint(
    traffic: duckdb.DuckDBPyConnection, first: tuple[str, str], second: tuple[str, str], with_units: bool
) -> None:
    both = [rows(traffic, ids) for _, ids in (first, second)]
    if not all(both):
        event("a query without rows")
        return
    one, two = (footprint(traffic, sql, with_units=True) for sql, _ in (first, second))
    common = [row[1:] for id_, row in both[0].items() if id_ in both[1]]
    in_common = set(common) & flagged_places(one) & flagged_places(two)
    if not with_units:
        one, two = (footprint(traffic, sql, with_units=False) for sql, _ in (first, second))
    found = compare(one, two).overlap
    event(f"{'rows' if in_common else 'no rows'} in common: {found.value}")
    assert not (in_common and found is Overlap.PROVABLY_DISJOINT)


@given(query=queries())
def test_all_rows_of_a_query_lie_within_its_window(traffic: duckdb.DuckDBPyConnection, query: tuple[str, str]) -> None:
    sql, ids = query
    window = window_of([("duckdb", sqlglot.parse_one(sql, dialect="duckdb"))], TODAY, ACCOUNT_FIELDS)
    for account, day, *_ in rows(traffic, ids).values():
        if isinstance(window.accounts, Accounts):
            assert account_key(account) in window.accounts.keys["account_sid"]
        if isinstance(window.days, Days):
            assert window.days.first <= day <= window.days.last
