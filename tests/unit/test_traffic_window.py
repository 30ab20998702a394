"""Whose traffic SQL asks for, and of which days: read from its conditions, never too small."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlglot

from creditbot.credit.footprint import (
    MADE_ACCOUNT,
    OTHER_ACCOUNT,
    Accounts,
    Days,
    Unknown,
    accounts_in_words,
    days_in_words,
)
from creditbot.credit.looker_filters import completed
from creditbot.credit.sql.traffic_window import window_of
from creditbot.model import ACCOUNT_FIELDS
from tests.support.looker_sql import IDIOMS, looker_sql
from tests.support.windows import TODAY, window

NOBODY, ANY_DAY = "unknown: no condition names the account", "any day"


def accounts(conditions: str) -> str:
    return accounts_in_words(window(f"SELECT day, messages FROM t WHERE {conditions}").accounts)


def days(conditions: str) -> str:
    return days_in_words(window(f"SELECT day, messages FROM t WHERE {conditions}").days)


# -- accounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ("account_sid = 'AC1'", "AC1"),
        ("'AC1' = account_sid", "AC1"),
        ("account_sid IN ('AC2', 'AC1')", "AC1, AC2"),
        ("(account_sid = 'AC1' OR account_sid = 'AC2') AND prefix = '+62'", "AC1, AC2"),
        ("account_sid LIKE 'AC1'", "AC1"),
        ("UPPER(account_sid) = 'AC1'", "AC1"),
        ("TRIM(account_sid) = ' AC1 '", "AC1"),
        ("CAST(account_id AS VARCHAR) = '42'", "42"),
        ("account_id = 42", "42"),
        ("account_sid = UPPER('ac1')", "ac1"),
        ("NOT account_sid <> 'AC1'", "AC1"),
        ("NOT account_sid NOT LIKE 'AC1'", "AC1"),
        ("NOT (account_sid <> 'AC1' OR prefix = '+62')", "AC1"),
        ("account_sid IN ('AC1', 'AC2') AND account_sid = 'AC2'", "AC2"),
        ("(account_sid = 'AC1' AND prefix = '+62') OR (account_sid = 'AC1' AND prefix = '+1')", "AC1"),
        ("account_sid = 'AC1' AND 1 = 1 AND prefix LIKE '%'", "AC1"),
        ("account_sid = 'AC1' AND account_sid IN (SELECT account_sid FROM big)", "AC1"),
    ],
)
def test_accounts_that_every_row_belongs_to_are_named(conditions: str, named: str) -> None:
    assert named == accounts(conditions)


@pytest.mark.parametrize(
    "conditions",
    [
        "account_sid = 'AC1' OR prefix = '+62'",
        "account_sid = parent_sid",
        "NOT account_sid = 'AC1'",
        "account_sid NOT IN ('AC1')",
        "account_sid IN (SELECT 'AC1' FROM t)",
        "(account_sid = 'AC1') IS NOT TRUE",
        "CASE WHEN prefix = '+62' THEN account_sid = 'AC1' ELSE TRUE END",
        "LEFT(account_sid, 3) = 'AC1'",
        "COALESCE(account_sid, 'AC1') = 'AC1'",
        "prefix = 'AC1'",
        "parent_account_sid = 'AC1'",
        "account_sid = 'AC1' AND account_sid = 'AC2'",
        "account_sid LIKE 'AC%'",
        "account_sid LIKE 'AC_1'",
        "account_sid NOT LIKE 'AC1'",
        "account_sid NOT ILIKE 'AC1'",
        "NOT account_sid LIKE 'AC1'",
        "REGEXP_MATCHES(account_sid, 'AC1')",
        "TRUE",
    ],
)
def test_conditions_that_other_accounts_can_fulfil_name_none(conditions: str) -> None:
    assert isinstance(window(f"SELECT day, messages FROM t WHERE {conditions}").accounts, Unknown)


def test_an_account_that_is_cut_by_a_cast_is_not_named() -> None:
    sql = "SELECT day, messages FROM t WHERE CAST(account_sid AS VARCHAR(3)) = 'AC1'"
    assert isinstance(window(sql, "postgres").accounts, Unknown)


def test_a_pattern_is_named_as_the_reason() -> None:
    assert "unknown: no condition names the account in full (account_sid LIKE 'AC%')" == accounts(
        "account_sid LIKE 'AC%'"
    )


def test_several_fields_of_accounts_are_kept_apart() -> None:
    """An account id of one kind is never equal to one of another kind."""
    named = window("SELECT day, messages FROM t WHERE account_sid = 'AC1' AND account_id = 7").accounts
    assert Accounts({"account_sid": frozenset({"AC1"}), "account_id": frozenset({"7"})}) == named


# -- days --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "shown"),
    [
        ("day >= DATE '2025-12-01' AND day < DATE '2026-01-01'", "2025-12-01 to 2025-12-31"),
        ("day BETWEEN '2025-12-01' AND '2025-12-31'", "2025-12-01 to 2025-12-31"),
        ("day > '2025-11-30' AND day <= '2025-12-31'", "2025-11-30 to 2025-12-31"),
        ("day = '2025-12-05'", "2025-12-05"),
        ("day IN ('2025-12-05', '2025-12-01')", "2025-12-01 to 2025-12-05"),
        ("day = '2025-12-05' OR day = '2025-12-07'", "2025-12-05 to 2025-12-07"),
        ("NOT day < '2025-12-01'", "from 2025-12-01 on"),
        ("'2026-01-01' > day", "until 2025-12-31"),
        ("DATE_TRUNC('month', day) = '2025-12-01'", "2025-12-01 to 2025-12-31"),
        ("DATE_TRUNC('month', day) < '2025-12-15'", "until 2025-12-31"),
        ("DATE_TRUNC('year', day) = DATE '2025-01-01'", "2025-01-01 to 2025-12-31"),
        ("CAST(day AS DATE) <= TIMESTAMP '2025-12-05 10:00:00'", "until 2025-12-05"),
        ("day >= '2025-12-01T00:00:00+01:00'", "from 2025-11-30 on"),
        ("day >= CURRENT_DATE - 7 AND day < CURRENT_DATE", "2026-01-01 to 2026-01-07"),
        ("day >= NOW() - INTERVAL 7 DAY", "from 2026-01-01 on"),
        ("day >= DATE_TRUNC('month', NOW()) - INTERVAL 1 MONTH", "from 2025-12-01 on"),
        ("day >= DATE '2025-12-31' + INTERVAL 2 MONTH", "from 2026-02-28 on"),
        ("day >= '2025-12-01' OR prefix = '+62'", ANY_DAY),
        ("day <> '2025-12-01'", ANY_DAY),
        ("day >= first_day", ANY_DAY),
        ("day >= DATE '2025-12-01' + gap", ANY_DAY),
        ("day >= '1 December 2025'", ANY_DAY),
        ("day >= DATE '2025-02-30'", ANY_DAY),
        ("EXTRACT(YEAR FROM day) = 2025", ANY_DAY),
        ("other_day >= '2025-12-01'", ANY_DAY),
        ("day > '2026-01-01' AND day < '2025-01-01'", "unknown: its conditions contradict each other"),
    ],
)
def test_days_that_every_row_lies_in(conditions: str, shown: str) -> None:
    """UTC days, both included. What is not understood limits nothing."""
    assert shown == days(conditions)


@pytest.mark.parametrize(
    ("condition", "dialect", "shown"),
    [
        ("CONVERT(VARCHAR(10), c, 120) = '2025-12-05'", "tsql", "2025-12-05"),
        ("CONVERT(VARCHAR(7), c, 120) = '2025-12-05'", "tsql", ANY_DAY),
        ("TO_CHAR(TRUNC(c), 'YYYY-MM-DD') = '2025-12-05'", "oracle", "2025-12-05"),
        ("DATE_FORMAT(c, '%Y-%m-%d') = '2025-12-05'", "mysql", "2025-12-05"),
        ("DATE_FORMAT(c, '%Y-%m') = '2025-12-05'", "mysql", ANY_DAY),
        ("toDate(c) = '2025-12-05'", "clickhouse", "2025-12-05"),
        ("toDate(c, 'UTC') = '2025-12-05'", "clickhouse", ANY_DAY),
        ("CAST(c AS INT) = '2025-12-05'", "mysql", ANY_DAY),
        ("CONVERT(c USING utf8) = '2025-12-05'", "mysql", ANY_DAY),
        ("TIMESTAMP_TRUNC(c, MONTH, 'Asia/Tokyo') = TIMESTAMP '2025-12-01'", "bigquery", "2025-11-30 to 2025-12-31"),
        ("TIMESTAMP_TRUNC(c, MONTH, 'No/Zone') = TIMESTAMP '2025-12-01'", "bigquery", "2025-11-30 to 2026-01-01"),
        ("TIMESTAMP_TRUNC(c, MINUTE) = TIMESTAMP '2025-12-01'", "bigquery", ANY_DAY),
        ("DATE_TRUNC('month', DATE_TRUNC('day', c)) = DATE '2025-12-01'", "postgres", ANY_DAY),
        ("DATE(c) AT TIME ZONE 'UTC' AT TIME ZONE 'Asia/Tokyo' = '2025-12-05'", "postgres", ANY_DAY),
        ("CONVERT_TIMEZONE('UTC', 'Asia/Tokyo', c AT TIME ZONE 'UTC') = '2025-12-05'", "redshift", ANY_DAY),
        ("CAST(c AS TIMESTAMP) < '2025-12-05'", "postgres", "until 2025-12-04"),
        ("DATE(c) < '2025-12-05 10:00:00'", "postgres", "until 2025-12-05"),
    ],
)
def test_a_column_is_recognised_in_what_looker_makes_of_it(condition: str, dialect: str, shown: str) -> None:
    """In what is left, nobody can tell which of its values are meant."""
    assert shown == days_in_words(window(f"SELECT messages FROM t WHERE {condition}", dialect).days)


def test_a_condition_on_a_day_of_a_derived_table_covers_all_of_that_day() -> None:
    sql = "SELECT d AS day, messages FROM (SELECT DATE(c) AS d, messages FROM t) x WHERE d < '2025-12-05 10:00:00'"
    assert "until 2025-12-05" == days_in_words(window(sql).days)


@pytest.mark.parametrize("dialect", IDIOMS)
def test_a_month_is_read_as_looker_writes_it_in_every_dialect(dialect: str) -> None:
    assert "2025-12-01 to 2025-12-31" == days_in_words(window(looker_sql(dialect, "absolute dates"), dialect).days)


@pytest.mark.parametrize("dialect", [name for name in IDIOMS if name != "bigquery"])
def test_the_last_seven_days_are_read_as_looker_writes_them(dialect: str) -> None:
    assert "2026-01-02 to 2026-01-08" == days_in_words(window(looker_sql(dialect, "last seven days"), dialect).days)


def test_a_relative_day_in_a_zone_covers_both_days_that_it_may_be() -> None:
    """In BigQuery, Looker truncates the clock in the zone of the query, and only the UTC day of the run is known."""
    assert "2026-01-01 to 2026-01-09" == days_in_words(
        window(looker_sql("bigquery", "last seven days"), "bigquery").days
    )


@pytest.mark.parametrize(
    ("condition", "dialect", "start", "end"),
    [
        ("DATE(CONVERT_TIMEZONE('UTC', 'America/Los_Angeles', c)) = '2025-12-01'", "redshift", "01T08", "02T08"),
        ("DATE(c AT TIME ZONE 'UTC' AT TIME ZONE 'Asia/Tokyo') = '2025-12-02'", "postgres", "01T15", "02T15"),
        ("DATE(c AT TIME ZONE 'Asia/Tokyo') = '2025-12-02'", "postgres", "01T10", "03T14"),
        ("c = CONVERT_TIMEZONE('America/Los_Angeles', 'UTC', TIMESTAMP '2025-12-01')", "redshift", "01T08", "02T08"),
        ("DATE(CONVERT_TZ(c, 'UTC', 'No/Zone')) = '2025-12-02'", "mysql", "01T10", "03T14"),
    ],
)
def test_days_in_a_time_zone_become_moments_in_utc(condition: str, dialect: str, start: str, end: str) -> None:
    """A zone that is not known makes the window wider."""
    found = window(f"SELECT c AS day, messages FROM t WHERE {condition}", dialect).days
    assert isinstance(found, Days)
    assert (f"2025-12-{start}", f"2025-12-{end}") == (f"{found.start:%Y-%m-%dT%H}", f"{found.end:%Y-%m-%dT%H}")


# -- through CTEs, sub-selects and joins -------------------------------------------------------------------------------

FIRST = "account_sid = 'AC1' AND day = '2025-12-05'"


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT day, SUM(messages) AS messages FROM t WHERE {FIRST} GROUP BY 1",
        f"SELECT day, messages FROM (SELECT * FROM t) x WHERE {FIRST}",
        f"SELECT day, messages FROM (SELECT day, account_sid, messages FROM t) x WHERE {FIRST}",
        f"WITH x AS (SELECT day, messages FROM t WHERE {FIRST}) SELECT * FROM x",
        f"WITH x AS (SELECT * FROM t), y AS (SELECT * FROM x WHERE {FIRST}) SELECT day, messages FROM y",
        ("WITH x AS (SELECT account_sid AS a, DATE(day) AS d, SUM(messages) AS m FROM t GROUP BY 1, 2)"
        " SELECT d AS day, m AS messages FROM x WHERE a = 'AC1' AND d = '2025-12-05'"),
        f"SELECT day, messages FROM (SELECT * FROM t UNION ALL SELECT * FROM t) x WHERE {FIRST}"
        .replace("SELECT *", "SELECT day, messages, account_sid"),
        f"SELECT day, messages FROM t WHERE {FIRST} UNION ALL SELECT day, messages FROM t WHERE {FIRST}",
        f"SELECT day, messages FROM t WHERE {FIRST} EXCEPT SELECT day, messages FROM t",
        f"(SELECT day, messages FROM t WHERE {FIRST})",
        f"SELECT day, m FROM (SELECT day, account_sid, SUM(messages) AS m FROM t GROUP BY ALL) x WHERE {FIRST}",
        f"SELECT day, m FROM (SELECT day, account_sid, SUM(m) AS m FROM t GROUP BY account_sid, day) x WHERE {FIRST}",
        ("SELECT t.day, SUM(t.messages) AS messages FROM t LEFT JOIN p ON p.prefix = t.prefix"
        " WHERE t.account_sid = 'AC1' AND t.day = '2025-12-05' GROUP BY 1"),
        ("SELECT t.day, SUM(t.messages) AS messages FROM t JOIN accounts a ON a.id = t.account_id JOIN d USING (day)"
        " WHERE a.account_sid = 'AC1' AND t.day = '2025-12-05' GROUP BY 1"),
        ("SELECT t.day, t.messages FROM t JOIN d ON d.day = t.day AND d.x > 1 AND d.y = 7"
        " WHERE t.account_sid = 'AC1' AND d.day = '2025-12-05'"),
        "SELECT t.day, t.messages FROM t CROSS JOIN d WHERE t.account_sid = 'AC1' AND t.day = '2025-12-05'",
        ("SELECT t.day, t.messages FROM t JOIN (SELECT id, account_sid FROM accounts) a ON a.id = t.account_id"
         " WHERE a.account_sid = 'AC1' AND t.day = '2025-12-05'"),
        ("SELECT t.day, t.messages FROM t JOIN accounts a ON a.account_id = t.account_id"
         " WHERE a.account_sid = 'AC1' AND t.day = '2025-12-05'"),
        ("SELECT t.day, t.messages FROM t JOIN accounts a ON a.account_sid = t.account_sid"
         " WHERE a.account_sid = 'AC1' AND t.day = '2025-12-05'"),
        ("SELECT t.day, t.messages FROM t JOIN (SELECT id AS own, account_sid FROM accounts) a ON a.own = t.account_id"
         " WHERE a.account_sid = 'AC1' AND t.day = '2025-12-05'"),
    ],
)  # fmt: skip
def test_conditions_are_found_wherever_the_column_is_passed_on(sql: str) -> None:
    found = window(sql)
    assert ("AC1", "2025-12-05") == (accounts_in_words(found.accounts), days_in_words(found.days))


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT day, messages FROM t WHERE {FIRST} UNION ALL SELECT day, messages FROM t",
        f"SELECT day, messages FROM t LEFT JOIN (SELECT * FROM a WHERE {FIRST}) x ON x.prefix = t.prefix",
        "SELECT day, messages FROM (SELECT day, messages, 'AC1' AS account_sid FROM t) x WHERE account_sid = 'AC1'",
        ("SELECT day, m FROM (SELECT account_sid, day, SUM(messages) OVER (PARTITION BY day) AS m FROM t) x"
        f" WHERE {FIRST}"),
        ("WITH x AS (SELECT account_sid, prefix, SUM(messages) AS messages FROM t GROUP BY prefix)"
        " SELECT messages FROM x WHERE account_sid = 'AC1'"),
        "SELECT (SELECT SUM(messages) FROM t) AS messages, day FROM t WHERE account_sid = 'AC1'",
        "SELECT o.day, o.messages FROM t JOIN t AS o ON o.prefix = t.prefix WHERE t.account_sid = 'AC1'",
        "SELECT t.day, t.messages FROM t CROSS JOIN a WHERE a.account_sid = 'AC1'",
        ("SELECT t.day, t.messages + o.messages AS messages FROM t JOIN o ON o.account_sid = t.account_sid"
        " WHERE t.account_sid = 'AC1'"),
        "SELECT t.day, t.messages FROM t RIGHT JOIN a ON a.account_sid = t.account_sid WHERE a.account_sid = 'AC1'",
        ("SELECT t.day, t.messages FROM t JOIN a ON a.x = t.x LEFT JOIN b ON a.account_sid = t.account_sid"
         " WHERE a.account_sid = 'AC1'"),
        "SELECT t.day, t.messages FROM t JOIN a JOIN u ON TRUE ON a.x = t.x WHERE t.account_sid = 'AC1'",
        "SELECT y.day, y.messages FROM ((SELECT * FROM t) x CROSS JOIN u) y WHERE y.account_sid = 'AC1'",
        "SELECT day, messages FROM t, a WHERE a.account_sid = 'AC1'",
        "SELECT t.messages FROM t PIVOT (SUM(messages) FOR mode IN ('basic')) AS t WHERE account_sid = 'AC1'",
        "(VALUES (1))",
        "SELECT lower(prefix) AS account_sid, day, messages FROM t WHERE account_sid = 'AC1'",
        "SELECT day, messages FROM (SELECT * REPLACE ('AC1' AS account_sid) FROM t) x WHERE account_sid = 'AC1'",
        ("WITH RECURSIVE r AS (SELECT day, messages, account_sid FROM t UNION ALL SELECT day, messages, account_sid"
        " FROM r WHERE account_sid = 'AC1') SELECT day, messages FROM r"),
        "SELECT day, messages FROM (t JOIN a ON a.x = t.x) WHERE account_sid = 'AC1'",
        "SELECT 1 AS messages",
        "SELECT * FROM (PIVOT t ON mode USING SUM(messages)) x WHERE account_sid = 'AC1'",
        "SELECT day, messages FROM a JOIN a ON TRUE WHERE account_sid = 'AC1'",
        # Columns of other tables that are called like an account.
        ("SELECT t.day, t.messages FROM t JOIN (SELECT 'AC1' AS account_sid, account_sid AS own FROM t) a"
         " ON t.account_sid = a.own WHERE a.account_sid = 'AC1'"),
        ("SELECT t.day, t.messages FROM t JOIN (SELECT prefix AS account_sid, account_sid AS own FROM t) a"
         " ON t.account_sid = a.own WHERE a.account_sid = 'AC1'"),
        ("SELECT t.day, t.messages FROM t JOIN (SELECT 'AC1' AS account_sid, 1 AS one FROM t) b ON b.one = t.one"
         " JOIN (SELECT 'AC1' AS account_sid FROM t) c USING (account_sid) WHERE c.account_sid = 'AC1'"),
        "SELECT t.day, t.messages FROM t JOIN a ON a.parent_sid = t.account_sid WHERE a.account_sid = 'AC1'",
        "SELECT t.day, t.messages FROM t JOIN a ON a.owner_id = t.account_id WHERE a.account_sid = 'AC1'",
        ("SELECT t.day, t.messages FROM t JOIN (SELECT account_sid, owner_id AS id FROM a) a ON a.id = t.account_id"
         " WHERE a.account_sid = 'AC1'"),
        "SELECT t.day, t.messages FROM t JOIN a ON a.account_sid = t.parent_sid WHERE a.account_sid = 'AC1'",
        "SELECT day, messages FROM t WHERE account_sid = 0",
        "SELECT day, messages FROM t WHERE account_sid IN (0.0, 1)",
        # Columns that a list of names calls like an account.
        "SELECT x.day, x.messages FROM t AS x(day, own, account_sid, messages) WHERE account_sid = 'AC1'",
        "SELECT day, messages FROM (SELECT * FROM t) AS x(day, own, account_sid, messages) WHERE account_sid = 'AC1'",
        ("WITH x(day, own, account_sid, messages) AS (SELECT * FROM t) SELECT day, messages FROM x"
         " WHERE account_sid = 'AC1'"),
    ],
)  # fmt: skip
def test_conditions_that_do_not_reach_the_traffic_name_no_account(sql: str) -> None:
    assert isinstance(window(sql).accounts, Unknown)


def test_the_account_of_a_parents_child_is_not_completed_by_lookers_filter() -> None:
    """The filter names the child, too."""
    found = window("SELECT t.day, t.messages FROM t JOIN a ON a.parent_sid = t.account_sid WHERE a.account_sid = 'AC1'")
    whole = completed(found, {"a.account_sid": "AC1"}, "UTC", ACCOUNT_FIELDS)
    assert whole.accounts == Unknown(OTHER_ACCOUNT)


@pytest.mark.parametrize(
    ("columns", "is_own"),
    [
        ("t.account_sid, day", True),
        ('UPPER(t.account_sid) AS "v.account_sid", day', True),
        ("t.account_sid AS v_account_sid, day", True),
        ("day", True),
        ("*", True),
        ("'AC2' AS account_sid, day", False),
        ("CASE WHEN t.mode = 'x' THEN t.account_sid ELSE 'AC2' END AS account_id, day", False),
        ("t.prefix AS v_account_sid, day", False),
        ("MAX(t.account_sid) AS account_sid, day", False),
        ("* REPLACE ('AC2' AS account_sid)", False),
        ("*, 'AC2' AS account_id", False),
    ],
)
@pytest.mark.parametrize("names", ["AC1", "AC1, AC2"])
def test_of_several_accounts_the_result_shows_the_own_one(columns: str, is_own: bool, names: str) -> None:
    """Else it would say of each row whose it is, and nobody could tell. One account needs no column."""
    listed = ", ".join(f"'{name}'" for name in names.split(", "))
    found = window(f"SELECT {columns}, messages FROM t WHERE t.account_sid IN ({listed}) GROUP BY ALL").accounts
    made = Unknown(MADE_ACCOUNT)
    assert found == made if not is_own and "," in names else accounts_in_words(found) == names


@pytest.mark.parametrize("sql", [
    "SELECT * FROM (SELECT *, 'AC2' AS account_id FROM t) x WHERE {}",
    "SELECT x.* FROM t x JOIN u ON u.i = x.i WHERE {}",
    "SELECT * FROM t AS x WHERE {0} UNION ALL SELECT * FROM t AS x WHERE {0}",
])  # fmt: skip
def test_an_account_behind_a_star_may_be_made_by_the_sql(sql: str) -> None:
    assert isinstance(window(sql.format("x.account_sid IN ('AC1', 'AC2')")).accounts, Unknown)


def test_tables_that_each_read_the_last_one_twice_are_read_at_once() -> None:
    """Without a memory, the time would double with each of them."""
    chain = ["x0 AS (SELECT day, messages, account_sid FROM t)"]
    chain += [f"x{n} AS (SELECT * FROM x{n - 1} UNION ALL SELECT * FROM x{n - 1})" for n in range(1, 40)]
    found = window(f"WITH {', '.join(chain)} SELECT day, messages FROM x39 WHERE account_sid = 'AC1'")
    assert Unknown("no condition names the account") == found.accounts


def test_the_day_that_is_shown_decides_among_several_times() -> None:
    sql = "SELECT {} messages FROM t WHERE sent >= '2025-12-01' AND paid >= '2026-01-01'"
    assert "from 2025-12-01 on" == days_in_words(window(sql.format("DATE(sent) AS day,")).days)
    assert "unknown: conditions limit several columns (paid, sent)" == days_in_words(window(sql.format("")).days)


def test_a_day_that_comes_from_no_query_is_limited_by_nothing() -> None:
    """Such SQL may not run; its window is read all the same."""
    sql = (
        "WITH x AS (DELETE FROM d RETURNING day, messages) SELECT x.day, {}.messages FROM t {} JOIN x ON x.day = t.day"
    )
    assert ANY_DAY == days_in_words(window(sql.format("t", ""), "postgres").days)
    assert Unknown("its SQL is not a plain query") == window(sql.format("x", "LEFT"), "postgres").days


def test_an_account_that_comes_from_no_query_names_none() -> None:
    sql = (
        "WITH x AS (DELETE FROM d RETURNING account_sid, id) SELECT t.day, t.messages FROM t JOIN x"
        " ON x.id = t.account_sid WHERE x.account_sid = 'AC1'"
    )
    assert isinstance(window(sql, "postgres").accounts, Unknown)


def test_what_two_dialects_read_differently_is_the_wider_of_both() -> None:
    sqls = ("SELECT day FROM t WHERE account_sid = 'AC1' AND day = '2025-12-01'",
            "SELECT day FROM t WHERE account_sid = 'AC2' AND day = '2025-12-05'")  # fmt: skip
    queries = [("duckdb", sqlglot.parse_one(sql)) for sql in sqls]
    found = window_of(queries, TODAY, ACCOUNT_FIELDS)
    assert ("AC1, AC2", "2025-12-01 to 2025-12-05") == (
        accounts_in_words(found.accounts), days_in_words(found.days),
    )  # fmt: skip


def test_the_latest_versions_of_rows_are_those_of_their_table() -> None:
    """FINAL of ClickHouse."""
    sql = "SELECT day, messages FROM t AS v FINAL WHERE v.account_sid = 'AC1' AND day >= '2025-12-01'"
    read = window(sql, "clickhouse")
    assert ("AC1", "from 2025-12-01 on") == (accounts_in_words(read.accounts), days_in_words(read.days))


# -- time zones --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "dialect"),
    [
        ("DATE(ts, 'America/New_York')", "bigquery"),
        ("FORMAT_TIMESTAMP('%F', ts, 'America/New_York')", "bigquery"),
        ("TIMESTAMP_TRUNC(ts, DAY, 'America/New_York')", "bigquery"),
        ("DATE(CONVERT_TZ(ts, 'UTC', 'America/New_York'))", "mysql"),
        ("CAST(ts AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS DATE)", "duckdb"),
        ("TO_DATE(CONVERT_TIMEZONE('UTC', 'America/New_York', CAST(ts AS TIMESTAMP_NTZ)))", "snowflake"),
    ],
)
def test_a_day_in_another_time_zone_is_read_in_utc(day: str, dialect: str) -> None:
    """Both as a condition and as a column of the result."""
    limited = window(
        f"SELECT {day} AS day, SUM(messages) AS messages FROM t WHERE {day} = '2025-12-01' GROUP BY 1", dialect
    )
    assert Days("ts", datetime(2025, 12, 1, 5), datetime(2025, 12, 2, 5)) == limited.days  # noqa: DTZ001
    assert "America/New_York" == limited.zone


def test_a_time_that_is_read_in_another_zone_is_nobody_knows_where() -> None:
    """BigQuery's TIMESTAMP(x, zone) goes the other way."""
    condition = "TIMESTAMP(ts, 'America/New_York') = '2025-12-01'"
    limited = window(f"SELECT ts, messages FROM t WHERE {condition}", "bigquery").days
    assert Days("ts", datetime(2025, 11, 30, 10), datetime(2025, 12, 2, 14)) == limited  # noqa: DTZ001


@pytest.mark.parametrize(
    ("sql", "zone"),
    [
        ("SELECT day, messages FROM t", "UTC"),
        ("SELECT CAST(ts AS DATE) AS day, messages FROM t", "UTC"),
        ("SELECT CAST(ts - INTERVAL 5 HOUR AS DATE) AS day, messages FROM t", "?"),
        ("SELECT DATE_TRUNC(day, MONTH) AS day, messages FROM t", "?"),
        ("SELECT DATE_TRUNC(day, WEEK) AS day, messages FROM t", "?"),
        ("SELECT DATE_TRUNC(t.day, DAY) AS day, messages FROM t", "UTC"),
        ("SELECT DATE_TRUNC(day, DAY) AS day, messages FROM t", "UTC"),
        ("SELECT * FROM t", "UTC"),
        ("SELECT t.*, c.name FROM t JOIN c ON c.id = t.id", "?"),
        ("SELECT * FROM (SELECT DATE(ts, 'Asia/Kolkata') AS day, messages FROM t) x", "Asia/Kolkata"),
        ("SELECT * FROM (SELECT DATE_ADD(day, INTERVAL 60 DAY) AS day, messages FROM t) x", "?"),
        ("SELECT * REPLACE (DATE_ADD(day, INTERVAL 60 DAY) AS day) FROM t", "?"),
        ("SELECT *, DATE_ADD(day, INTERVAL 60 DAY) AS v_day FROM t", "?"),
        ("SELECT DATE_ADD(day, INTERVAL 60 DAY) AS d, DATE(d) AS day, messages FROM t", "?"),
        ("SELECT DATE_ADD(day, INTERVAL 60 DAY) AS day, day AS shown_day, messages FROM t", "?"),
        ("SELECT o.day, t.messages FROM t JOIN o ON o.id = t.id", "?"),
        ("SELECT d.date AS day, t.messages FROM t JOIN d ON d.date = t.day", "UTC"),
        ("SELECT d.day, t.messages FROM t JOIN d USING (day)", "UTC"),
        ("SELECT x.day FROM (SELECT DATE_TRUNC(day, MONTH) AS day FROM t) x", "?"),
        ("SELECT DATE_TRUNC(x.day, MONTH) AS day FROM (SELECT DATE(ts, 'Asia/Kolkata') AS day FROM t) x", "?"),
        ("SELECT day FROM t UNION ALL SELECT DATE_TRUNC(day, MONTH) AS day FROM t", "?"),
        ("SELECT MIN(day) AS day, messages FROM t", "?"),
        ("SELECT DATE(ts, '+05:00') AS day, messages FROM t", ""),
        ("SELECT DATE(DATE(ts, 'Asia/Kolkata'), 'Asia/Kolkata') AS day, messages FROM t", "?"),
        ("SELECT x.day, x.messages FROM (SELECT DATE(ts, 'Asia/Kolkata') AS day, messages FROM t) x", "Asia/Kolkata"),
        ("SELECT DATE(x.day, 'Asia/Kolkata') AS day FROM (SELECT DATE(ts, 'Asia/Kolkata') AS day FROM t) x", ""),
        ("SELECT day, messages FROM t UNION ALL SELECT DATE(day, 'Asia/Kolkata') AS day, messages FROM t", ""),
        ("SELECT day, messages FROM t UNION ALL SELECT day, messages FROM t", "UTC"),
        ("SELECT created, messages FROM t", "?"),
        ("SELECT (SELECT MAX(day) FROM t) AS day, messages FROM t", "?"),
        ("SELECT day AS first_day, ts AS last_day, messages FROM t", "?"),
    ],
)
def test_the_zone_of_the_days_in_the_result_is_known(sql: str, zone: str) -> None:
    assert zone == window(sql, "bigquery").zone
