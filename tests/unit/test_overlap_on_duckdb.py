"""Two generated queries over one table, both really run: overlap is never taken for none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pytest
import sqlglot
from credit_report.credit import UNIT_COLUMNS, units_of
from credit_report.traffic import add_up, gather, read_rows
from credit_report.values import readers_of
from hypothesis import event, given
from hypothesis import strategies as st

from creditbot.credit.footprint import Accounts, Days, Footprint, Unknown, account_key, footprint_of
from creditbot.credit.sql.traffic_window import window_of
from creditbot.decide.overlap import Overlap, compare
from creditbot.model import ACCOUNT_FIELDS
from tests.support.bundled_notebooks import VERIFY
from tests.support.sampling import costly

TODAY = date(2025, 12, 10)
DAYS = [date(2025, 11, 28) + timedelta(day) for day in range(8)]
ACCOUNTS = ("AC1", "AC2", "ac3", "AC 4")
ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati")
SUMS = (
    "{prefix}, mode, SUM(attempts) AS attempts, SUM(blocked) AS blocked, {messages} AS messages,"
    " SUM(verified) AS verified, MIN(price_usd) AS price_usd"
)
EVERY = "id, day, ts, account_sid, prefix, mode, attempts, blocked, messages, verified, price_usd"


@dataclass(frozen=True)
class Case:
    """A query as Looker would write it.

    Attributes:
        sql: the query.
        ids: the same with the id, the shown day and the shown prefix of the rows that it reads.
        credit_from: days before it are history only: what the notebook flags there is not credited.
    """

    sql: str
    ids: str
    credit_from: date


@pytest.fixture(scope="module")
def traffic() -> Iterator[duckdb.DuckDBPyConnection]:
    """Four accounts, two prefixes, two modes, three hours a day; every other place is pumped."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE t (id INT, day DATE, ts TIMESTAMP, account_sid VARCHAR, prefix VARCHAR, mode VARCHAR,"
            " attempts BIGINT, blocked BIGINT, messages BIGINT, verified BIGINT, price_usd DECIMAL(10, 4))"
        )
        places = [
            (d, datetime.combine(d, time(hour)), a, p, m)
            for d in DAYS for hour in (2, 12, 22) for a in ACCOUNTS for p in ("+62", "+1") for m in ("basic", "max")
        ]  # fmt: skip
        rows = [(n, *place, 90, 0, 25 + n * 37 % 60, n % 3, Decimal("0.0400")) for n, place in enumerate(places)]
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * 11)})", rows)
        yield connection


_day, _account, _zone = st.sampled_from(DAYS), st.sampled_from(ACCOUNTS), st.sampled_from(ZONES)
_IN_ZONE = "(ts AT TIME ZONE 'UTC' AT TIME ZONE '{}')"
_LIKES = st.sampled_from(["LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "=", "<>"])
_TEXTS = st.one_of(
    st.builds("mode {} '{}'".format, _LIKES, st.sampled_from(["basic", "b%", "%a%", "MAX", "m_x", "%C"])),
    st.builds("upper(mode) {} '{}'".format, _LIKES, st.sampled_from(["BASIC", "B%", "%A%", "max"])),
    st.sampled_from(["mode IN ('basic', 'x')", "mode NOT IN ('max')", "mode <> 'max'", "prefix NOT LIKE '%6%'"]),
)
_ATOMS = st.one_of(
    st.sampled_from([
        "account_sid LIKE 'AC%'", "account_sid LIKE 'AC_'", "prefix = '+62'", "prefix LIKE '+%'", "mode = 'basic'",
        "TRUE", "day < CURRENT_DATE", "account_sid IN (SELECT account_sid FROM t WHERE prefix = '+1')",
        "day IN (SELECT max(day) FROM t)",
    ]),
    st.builds("account_sid = '{}'".format, _account),
    st.builds("account_sid = '{}'".format, _account),
    st.builds("'{}' = account_sid".format, _account),
    st.builds("account_sid LIKE '{}'".format, _account),
    st.builds("lower(account_sid) = lower('{}')".format, _account),
    st.builds("account_sid <> '{}'".format, _account),
    st.builds("account_sid NOT LIKE '{}'".format, _account),
    st.builds("account_sid NOT ILIKE '{}'".format, _account),
    _TEXTS,
    st.builds("coalesce(account_sid, '{}') = '{}'".format, _account, _account),
    st.builds(
        "account_sid IN ({})".format, st.lists(_account.map("'{}'".format), min_size=1, max_size=3).map(", ".join)
    ),
    st.builds("day >= DATE '{}'".format, _day),
    st.builds("day < DATE '{}'".format, _day),
    st.builds("day = '{}'".format, _day),
    st.builds("day <= TIMESTAMP '{} 12:00:00'".format, _day),
    st.builds("day BETWEEN '{}' AND '{}'".format, _day, _day),
    st.builds("DATE_TRUNC('month', day) = DATE_TRUNC('month', DATE '{}')".format, _day),
    st.builds("day > DATE '{}' - INTERVAL 3 DAY".format, _day),
    st.builds("DATE '{}' + 2 > CAST(day AS TIMESTAMP)".format, _day),
    st.builds("day IN ('{}', '{}')".format, _day, _day),
    st.builds("ts >= TIMESTAMP '{} 06:00:00'".format, _day),
    st.builds("ts BETWEEN '{}' AND '{} 23:59:59'".format, _day, _day),
    st.builds(f"CAST({_IN_ZONE} AS DATE) = DATE '{{}}'".format, _zone, _day),
    st.builds(f"{_IN_ZONE} < TIMESTAMP '{{}} 00:00:00'".format, _zone, _day),
    st.builds(f"DATE_TRUNC('day', {_IN_ZONE}) BETWEEN '{{}}' AND '{{}}'".format, _zone, _day, _day),
)  # fmt: skip
_ANY = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
    ),
    max_leaves=6,
)
_ACCOUNT = st.one_of(
    st.builds("account_sid = '{}'".format, _account),
    st.builds("account_sid IN ('{}', '{}')".format, _account, _account),
)
_RANGE = st.one_of(
    st.builds("day >= DATE '{}'".format, _day),
    st.builds("ts < TIMESTAMP '{} 06:00:00'".format, _day),
    st.builds(f"CAST({_IN_ZONE} AS DATE) BETWEEN '{{}}' AND DATE '{{}}' + 3".format, _zone, _day, _day),
    st.builds(f"CAST({_IN_ZONE} AS DATE) = DATE '{{}}'".format, _zone, _day),
)
_CONDITIONS = st.one_of(
    _ANY,
    st.just("TRUE"),
    st.builds("{} AND {}".format, _ACCOUNT, _RANGE),
    st.builds("{} AND ({} OR {})".format, _ACCOUNT, _RANGE, _ANY),
)
_SHAPES = st.sampled_from([
    "SELECT {columns} FROM t WHERE {one} AND {two} GROUP BY ALL",
    "SELECT {columns} FROM t WHERE {one} AND {two} GROUP BY ALL ORDER BY ALL DESC",
    "SELECT {columns} FROM (SELECT * FROM t WHERE {one}) x WHERE {two} GROUP BY ALL",
    "WITH x AS (SELECT " + EVERY + " FROM t WHERE {one}) SELECT {columns} FROM x WHERE {two} GROUP BY ALL",
    ("WITH x AS (SELECT * FROM t WHERE {one}), y AS (SELECT * FROM x) SELECT {columns} FROM y WHERE {two}"
    " GROUP BY ALL"),
    ("WITH x AS (SELECT * FROM t WHERE {one} UNION ALL BY NAME SELECT * FROM t WHERE {one} AND FALSE)"
    " SELECT {columns} FROM x WHERE {two} GROUP BY ALL"),
    "SELECT {columns} FROM (SELECT " + EVERY + " FROM t WHERE {one} UNION SELECT " + EVERY
    + " FROM t WHERE {two}) x GROUP BY ALL",
    "SELECT {columns} FROM (SELECT * REPLACE ('00' || prefix AS prefix) FROM t WHERE {one}) x WHERE {two} GROUP BY ALL",
    ("SELECT {columns} FROM (SELECT * EXCLUDE (prefix), substr(prefix, 2) AS prefix FROM t WHERE {one}) x WHERE {two}"
    " GROUP BY ALL"),
    ("SELECT {columns} FROM t JOIN (SELECT DISTINCT prefix AS p FROM t WHERE {one}) x ON t.prefix = x.p"
    " WHERE {two} GROUP BY ALL"),
])  # fmt: skip
_SHOWN_DAYS = st.one_of(
    st.just("day"),
    st.just("day"),
    st.just("CAST(ts AS DATE)"),
    st.just("CAST(ts - INTERVAL 5 HOUR AS DATE)"),
    st.builds(f"CAST({_IN_ZONE} AS DATE)".format, _zone),
    st.builds(f"CAST(DATE_TRUNC('day', {_IN_ZONE}) AS DATE)".format, _zone),
)
_PREFIXES = st.one_of(
    st.just("prefix"),
    st.just("prefix"),
    st.sampled_from(
        [
            "CASE prefix WHEN '+62' THEN 'Indonesia' ELSE 'other' END AS prefix",
            "replace(prefix, '+', '00') AS prefix",
            "concat(prefix, ' ', mode) AS prefix",
            "CAST(prefix AS VARCHAR) AS prefix",
            "account_sid AS prefix",
        ]
    ),
)
_MESSAGES = st.sampled_from(["SUM(messages)", "SUM(messages)", "SUM(messages) + 3", "SUM(messages) * 2"])
_COLUMNS = st.sampled_from([SUMS, f"account_sid, {SUMS}", f"{SUMS}, COUNT(*) AS rows_read", f"mode AS extra, {SUMS}"])


@st.composite
def queries(draw: st.DrawFn, conditions: tuple[str, str] | None = None) -> Case:
    """A query of any shape, over any accounts and days, or with these conditions."""
    one, two = conditions or (draw(_CONDITIONS), draw(_CONDITIONS))
    shape, day, prefix = draw(_SHAPES), draw(_SHOWN_DAYS), draw(_PREFIXES)
    columns = draw(_COLUMNS).format(prefix=prefix, messages=draw(_MESSAGES))
    return Case(
        shape.format(columns=f"{day} AS day, {columns}", one=one, two=two),
        shape.format(columns=f"id, {day} AS day, {prefix}", one=one, two=two),
        draw(st.sampled_from([date.min, *DAYS])),
    )


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Case, Case]:
    """Two queries; in most pairs the second one asks for the traffic of the first in another way."""
    one, two = draw(_CONDITIONS), draw(_CONDITIONS)
    first = draw(queries((one, two)))
    again = draw(st.sampled_from([(one, two), (two, one), (f"({one}) AND prefix LIKE '%'", two), None]))
    return first, draw(queries(again))


def footprint(traffic: duckdb.DuckDBPyConnection, case: Case, *, with_units: bool) -> Footprint:
    """As the bot makes it, with the functions of the bundled notebook."""
    window = window_of([("duckdb", parsed(case))], TODAY, ACCOUNT_FIELDS)
    answer = traffic.execute(case.sql)
    names = [column[0] for column in answer.description or []]
    rows_read = read_rows(names, answer.fetchall(), ["verified"], readers_of(VERIFY.TARGETS))
    sums, _ = gather(rows_read, ["verified"])
    rows_ = [
        row
        for row in units_of(VERIFY.flag(add_up(sums, ["verified"])))
        if date.fromisoformat(row[1]) >= case.credit_from
    ]
    units = {"columns": list(UNIT_COLUMNS), "rows": rows_}
    return footprint_of("verify", window, {"units": units} if with_units else {}, None)


def rows(traffic: duckdb.DuckDBPyConnection, case: Case) -> dict[int, tuple[Any, ...]]:
    """The rows of the table that a query reads, by id: account, the day and the prefix that it shows, mode."""
    shown = {id_: place for id_, *place in traffic.execute(case.ids).fetchall()}
    return {id_: (account, *shown[id_], mode) for id_, (account, mode) in table(traffic).items() if id_ in shown}


@cache
def table(traffic: duckdb.DuckDBPyConnection) -> dict[int, tuple[Any, ...]]:
    """All rows by id: account, mode."""
    found = traffic.execute("SELECT id, account_sid, mode FROM t").fetchall()
    return {id_: tuple(row) for id_, *row in found}


def flagged(footprint: Footprint, row: tuple[Any, ...]) -> bool:
    """Whether a row is in a unit that the notebook flagged."""
    assert not isinstance(footprint.units, Unknown)
    account, *place = row
    same = [unit for unit in footprint.units if [unit.day, unit.prefix, unit.mode] == place]
    return any(not unit.account or account_key(unit.account) == account_key(account) for unit in same)


@costly(2)
@given(cases=pairs(), with_units=st.booleans())
def test_two_queries_with_a_flagged_row_in_common_are_never_disjoint(
    traffic: duckdb.DuckDBPyConnection, cases: tuple[Case, Case], with_units: bool
) -> None:
    both = [rows(traffic, case) for case in cases]
    if not all(both):
        event("a query without rows")
        return
    one, two = (footprint(traffic, case, with_units=True) for case in cases)
    common = both[0].keys() & both[1].keys()
    in_common = any(flagged(one, both[0][id_]) and flagged(two, both[1][id_]) for id_ in common)
    if not with_units:
        one, two = (footprint(traffic, case, with_units=False) for case in cases)
    found = compare(one, two)
    event(f"{'rows' if in_common else 'no rows'} in common: {found.overlap.value}")
    assert not (in_common and found.overlap is Overlap.PROVABLY_DISJOINT)


@given(case=queries())
def test_all_rows_of_a_query_lie_within_its_window(traffic: duckdb.DuckDBPyConnection, case: Case) -> None:
    window = window_of([("duckdb", parsed(case))], TODAY, ACCOUNT_FIELDS)
    found = traffic.execute(f"SELECT account_sid, day, ts FROM t WHERE id IN (SELECT id FROM ({case.ids}))").fetchall()
    for account, day, moment in found:
        if isinstance(window.accounts, Accounts):
            assert account_key(account) in window.accounts.keys["account_sid"]
        if isinstance(window.days, Days) and window.days.field in ("day", "ts"):
            value = moment if window.days.field == "ts" else datetime.combine(day, time())
            assert window.days.start is None or window.days.start <= value
            assert window.days.end is None or value < window.days.end


_SELECTS = st.lists(_TEXTS, min_size=1, max_size=2).map(" AND ".join)


@given(both=st.tuples(*[st.tuples(_SELECTS, _SELECTS).flatmap(queries)] * 2))
@costly(4)
def test_two_queries_with_a_row_in_common_never_select_other_rows(
    traffic: duckdb.DuckDBPyConnection, both: tuple[Case, Case]
) -> None:
    """Two products would credit that row, whatever their notebooks flag of it."""
    one, two = (window_of([("duckdb", parsed(case))], TODAY, ACCOUNT_FIELDS).selection for case in both)
    in_common = set(rows(traffic, both[0])) & set(rows(traffic, both[1]))
    event(f"rows in common: {bool(in_common)}, apart: {bool(one and two and one.is_apart(two))}")
    assert not (in_common and one and two and one.is_apart(two))


def parsed(case: Case) -> sqlglot.exp.Expr:
    return sqlglot.parse_one(case.sql, dialect="duckdb")
