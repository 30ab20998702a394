"""What constants of SQL mean: days and moments in UTC, in the words of each dialect."""

from __future__ import annotations

from datetime import date

import pytest
import sqlglot

from creditbot.credit.sql.moments import moment_of

TODAY = date(2026, 1, 8)


def meant(sql: str, dialect: str) -> str | None:
    """The span of moments that a constant means; None if it is not understood."""
    (column,) = sqlglot.parse_one(f"SELECT {sql} AS x", dialect=dialect).expressions
    span = moment_of(column.unalias(), TODAY)
    if span is None:
        return None
    shown = [moment.isoformat(" ", "minutes").removesuffix(" 00:00") for moment in (span.first, span.last)]
    return " .. ".join(dict.fromkeys(shown))


@pytest.mark.parametrize(
    ("sql", "dialect", "moments"),
    [
        ("'2025-12-01'", "duckdb", "2025-12-01"),
        ("'2025-12-01 10:30:00.1234567'", "tsql", "2025-12-01 10:30"),
        ("'2025-12-01 10:30:00 UTC'", "bigquery", "2025-12-01 10:30"),
        ("'2025-12-01T10:30:00-02:00'", "trino", "2025-12-01 10:30 .. 2025-12-01 12:30"),
        ("'1 December 2025'", "duckdb", None),
        ("20251201", "duckdb", None),
        ("'2025-02-30'", "duckdb", None),
        ("day", "duckdb", None),
        ("CAST('2025-12-01 10:30:00' AS DATE)", "duckdb", "2025-12-01"),
        ("CAST('2025-12-01' AS INTEGER)", "duckdb", None),
        ("CAST(NULL AS DATE)", "duckdb", None),
        ("TO_DATE('01.12.2025', 'DD.MM.YYYY')", "oracle", None),
        ("TO_DATE('2025-12-01', 'YYYY-MM-DD')", "oracle", "2025-12-01"),
        ("toDate('2025-12-01')", "clickhouse", "2025-12-01"),
        ("toDate(now())", "clickhouse", "2026-01-08"),
        ("today()", "clickhouse", "2026-01-08"),
        ("addQuarters(toDate('2025-12-01'), 1)", "clickhouse", "2026-03-01"),
        ("elsewhere('2025-12-01')", "clickhouse", None),
        ("CURRENT_DATE", "postgres", "2026-01-08"),
        ("CURRENT_DATE('Asia/Tokyo')", "bigquery", "2026-01-07 .. 2026-01-09"),
        ("CURRENT_DATETIME('Asia/Tokyo')", "bigquery", "2026-01-07 10:00 .. 2026-01-09 13:59"),
        ("NOW()", "postgres", "2026-01-08 .. 2026-01-08 23:59"),
        ("(SELECT DATE '2025-12-01')", "postgres", "2025-12-01"),
        ("(SELECT DATE '2025-12-01' FROM DUAL)", "oracle", "2025-12-01"),
        ("(SELECT DATE '2025-12-01' FROM t)", "postgres", None),
        ("(SELECT 1, 2)", "postgres", None),
        ("DATE_TRUNC('week', DATE '2025-12-04')", "postgres", "2025-12-01"),
        ("DATE_TRUNC('quarter', DATE '2025-12-04')", "postgres", "2025-10-01"),
        ("DATE_TRUNC('year', DATE '2025-12-04')", "postgres", "2025-01-01"),
        ("DATE_TRUNC('century', DATE '2025-12-04')", "postgres", None),
        ("DATE_TRUNC('day', day)", "postgres", None),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2025-12-04', MONTH, 'Asia/Tokyo')", "bigquery", "2025-11-30 15:00"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2025-12-04', MONTH, 'No/Zone')", "bigquery", None),
        ("DATE '2025-12-31' + INTERVAL '2 months'", "postgres", "2026-02-28"),
        ("DATE '2025-12-31' - INTERVAL '1' YEAR", "postgres", "2024-12-31"),
        ("DATE '2025-12-31' + INTERVAL 36 HOUR", "duckdb", "2026-01-01 12:00"),
        ("DATE '2025-12-31' + INTERVAL 1 MILLENNIUM", "duckdb", None),
        ("DATE '2025-12-31' + '1 day'::interval", "postgres", "2026-01-01"),
        ("DATE '2025-12-31' + 'soon'::interval", "postgres", None),
        ("DATE '2025-12-31' + gap", "postgres", None),
        ("day + INTERVAL 1 DAY", "duckdb", None),
        ("DATE '9999-12-31' + INTERVAL 1 DAY", "duckdb", None),
        ("DATE_SUB(DATE '2025-12-31', INTERVAL 1 WEEK)", "bigquery", "2025-12-24"),
        ("ADD_MONTHS(DATE '2025-12-31', -(1))", "oracle", "2025-11-30"),
        ("CONVERT('2025-12-01' USING utf8)", "mysql", None),
        ("CONVERT(DATE, '2025-12-01', 120)", "tsql", "2025-12-01"),
        ("TIMESTAMP '2025-12-01' AT TIME ZONE 'UTC'", "postgres", "2025-12-01"),
        ("TIMESTAMP '2025-12-01' AT TIME ZONE 'Asia/Tokyo'", "postgres", "2025-11-30 10:00 .. 2025-12-01 14:00"),
        ("TIMESTAMP '2025-12-01' AT TIME ZONE 'Asia/Tokyo' AT TIME ZONE 'UTC'", "postgres", "2025-11-30 15:00"),
        ("CONVERT_TIMEZONE('Asia/Tokyo', 'UTC', TIMESTAMP '2025-12-01')", "redshift", "2025-11-30 15:00"),
        ("CONVERT_TIMEZONE('No/Zone', 'UTC', TIMESTAMP '2025-12-01')", "redshift",
         "2025-11-30 10:00 .. 2025-12-01 14:00"),
        ("CONVERT_TIMEZONE('UTC', 'Asia/Tokyo', TIMESTAMP '2025-12-01')", "redshift",
         "2025-11-30 10:00 .. 2025-12-01 14:00"),
        ("CONVERT_TIMEZONE('Asia/Tokyo', 'UTC', day)", "redshift", None),
        ("CONVERT_TIMEZONE('Europe/Paris', 'UTC', TIMESTAMP '2025-10-26 02:30:00')", "redshift",
         "2025-10-26 00:30 .. 2025-10-26 01:30"),
        ("DATE('2025-12-01', zone)", "bigquery", None),
        ("TIMESTAMP('2025-12-01', 'Asia/Tokyo')", "bigquery", None),
    ],
)  # fmt: skip
def test_a_constant_means(sql: str, dialect: str, moments: str | None) -> None:
    """One moment; two where the zone or the time of the day is not known; nothing where it is not understood."""
    assert moments == meant(sql, dialect)
