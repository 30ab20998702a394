"""SQL as Looker writes it, in twelve dialects: what a warehouse's words are, and what Looker does with them.

`IDIOMS` has the words of each dialect (dates, time zones, symmetric aggregates, quotes); `SHAPES`, in
`looker_shapes.sql`, has the queries that Looker makes of them. `corpus()` puts them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Idioms:
    """How Looker says things in one dialect; `{c}` is a column, `{n}` a number of days.

    Attributes:
        quote: opening and closing quote of a name.
        table: the fully qualified table.
        pdt: a persistent derived table, as it is named after a build.
        day: the UTC day of a timestamp.
        local_day: its day in the time zone of the query.
        month: its month.
        hour: its hour of the day.
        since: a bound at an absolute day.
        until: the bound a month later.
        days_ago: a bound that moves with the clock.
        tomorrow: the end of today.
        hash_sum: a sum over rows that a join has multiplied (a symmetric aggregate).
        text: a column as text.
        joined: several values in one text.
        median: a percentile.
        json: one value of a JSON column.
        nulls_last: how the order ends.
        dot: whether names of columns may hold a dot.
    """

    quote: str
    table: str
    pdt: str
    day: str
    local_day: str
    month: str
    hour: str
    since: str
    until: str
    days_ago: str
    tomorrow: str
    hash_sum: str
    text: str
    joined: str
    median: str
    json: str
    nulls_last: str = ""
    dot: bool = True

    def name(self, field: str, view: str = "verify_traffic") -> str:
        """The quoted name that Looker gives a column of the result."""
        text = f"{view}.{field}" if self.dot else f"{view}_{field}"
        return f"{self.quote[0]}{text}{self.quote[-1]}"


_POSTGRES = Idioms(
    quote='""',
    table="public.verify_traffic",
    pdt='looker_scratch."LR_PJ6OK1764633600123_verify_daily"',
    day="(DATE({c} ))",
    local_day="(DATE({c} AT TIME ZONE 'UTC' AT TIME ZONE 'America/Los_Angeles'))",
    month="(TO_CHAR(DATE_TRUNC('month', {c} ), 'YYYY-MM'))",
    hour="(CAST(EXTRACT(HOUR FROM {c} ) AS INT))",
    since="((SELECT TIMESTAMP '2025-12-01'))",
    until="((SELECT (TIMESTAMP '2025-12-01' + (1 || ' month')::INTERVAL)))",
    days_ago="((SELECT (DATE_TRUNC('day', CURRENT_TIMESTAMP AT TIME ZONE 'UTC') + (-{n} || ' day')::INTERVAL)))",
    tomorrow=(
        "((SELECT ((DATE_TRUNC('day', CURRENT_TIMESTAMP AT TIME ZONE 'UTC') + (-6 || ' day')::INTERVAL)"
        " + (7 || ' day')::INTERVAL)))"
    ),
    hash_sum=(
        "COALESCE(COALESCE(CAST( ( SUM(DISTINCT (CAST(FLOOR(COALESCE({c} ,0)*(1000000*1.0)) AS DECIMAL(65,0))) + "
        "('x' || MD5({id} ::varchar))::bit(64)::bigint::DECIMAL(65) *18446744073709551616 + "
        "('x' || SUBSTR(MD5({id} ::varchar),17))::bit(64)::bigint::DECIMAL(65) ) - "
        "SUM(DISTINCT ('x' || MD5({id} ::varchar))::bit(64)::bigint::DECIMAL(65) *18446744073709551616 + "
        "('x' || SUBSTR(MD5({id} ::varchar),17))::bit(64)::bigint::DECIMAL(65)) ) AS DOUBLE PRECISION) "
        "/ CAST((1000000*1.0) AS DOUBLE PRECISION), 0), 0)"
    ),
    text="{c}::VARCHAR",
    joined="STRING_AGG(DISTINCT CAST({c} AS VARCHAR), '|RECORD|')",
    median="PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY {c} )",
    json="({c} ->> 'mode')",
    nulls_last=" NULLS LAST",
)
_TRINO = Idioms(
    quote='""',
    table="hive.analytics.verify_traffic",
    pdt="looker_scratch.lr_pj6ok1764633600123_verify_daily",
    day="(DATE_FORMAT({c} ,'%Y-%m-%d'))",
    local_day="(DATE_FORMAT(CAST({c} AT TIME ZONE 'America/Los_Angeles' AS TIMESTAMP),'%Y-%m-%d'))",
    month="(DATE_FORMAT(DATE_TRUNC('MONTH', {c} ),'%Y-%m'))",
    hour="(FORMAT_DATETIME({c} ,'H'))",
    since="(TIMESTAMP '2025-12-01')",
    until="((DATE_ADD('month', 1, TIMESTAMP '2025-12-01')))",
    days_ago="((DATE_ADD('day', -{n}, CAST(CAST(DATE_TRUNC('DAY', NOW()) AS DATE) AS TIMESTAMP))))",
    tomorrow="((DATE_ADD('day', 7, DATE_ADD('day', -6, CAST(CAST(DATE_TRUNC('DAY', NOW()) AS DATE) AS TIMESTAMP)))))",
    hash_sum=(
        "COALESCE(CAST((SUM(DISTINCT CAST(COALESCE({c} ,0)*(1000000*1.0) AS DECIMAL(38,0)) + "
        "CAST(FROM_BASE(SUBSTR(TO_HEX(MD5(TO_UTF8(CAST({id} AS VARCHAR)))), 1, 14), 16) AS DECIMAL(38,0))) - "
        "SUM(DISTINCT CAST(FROM_BASE(SUBSTR(TO_HEX(MD5(TO_UTF8(CAST({id} AS VARCHAR)))), 1, 14), 16) "
        "AS DECIMAL(38,0)))) AS DOUBLE) / CAST((1000000*1.0) AS DOUBLE), 0)"
    ),
    text="CAST({c} AS VARCHAR)",
    joined="ARRAY_JOIN(ARRAY_AGG(DISTINCT CAST({c} AS VARCHAR)), '|RECORD|')",
    median="APPROX_PERCENTILE({c} , 0.5)",
    json="JSON_EXTRACT_SCALAR({c} , '$.mode')",
)

IDIOMS = {
    "postgres": _POSTGRES,
    "redshift": replace(
        _POSTGRES,
        pdt='looker_scratch."LR$PJ6OK1764633600123_verify_daily"',
        local_day="(DATE(CONVERT_TIMEZONE('UTC', 'America/Los_Angeles', {c} )))",
        since="(TIMESTAMP '2025-12-01')",
        until="((DATEADD(month,1, TIMESTAMP '2025-12-01' )))",
        days_ago="((DATEADD(day,-{n}, DATE_TRUNC('day',GETDATE()) )))",
        tomorrow="((DATEADD(day,7, DATEADD(day,-6, DATE_TRUNC('day',GETDATE()) ) )))",
        hash_sum=(
            "COALESCE(COALESCE(CAST( ( SUM(DISTINCT (CAST(FLOOR(COALESCE({c} ,0)*(1000000*1.0)) AS DECIMAL(38,0))) + "
            "CAST(STRTOL(LEFT(MD5(CONVERT(VARCHAR,{id} )),15),16) AS DECIMAL(38,0))* 1.0e8 + "
            "CAST(STRTOL(RIGHT(MD5(CONVERT(VARCHAR,{id} )),15),16) AS DECIMAL(38,0)) ) - "
            "SUM(DISTINCT CAST(STRTOL(LEFT(MD5(CONVERT(VARCHAR,{id} )),15),16) AS DECIMAL(38,0))* 1.0e8 + "
            "CAST(STRTOL(RIGHT(MD5(CONVERT(VARCHAR,{id} )),15),16) AS DECIMAL(38,0))) ) AS DOUBLE PRECISION) "
            "/ CAST((1000000*1.0) AS DOUBLE PRECISION), 0), 0)"
        ),
        joined="LISTAGG(DISTINCT CAST({c} AS VARCHAR), '|RECORD|') WITHIN GROUP (ORDER BY CAST({c} AS VARCHAR))",
        json="json_extract_path_text({c} , 'mode')",
        nulls_last="",
    ),
    "snowflake": Idioms(
        quote='""',
        table='"RAW"."JSON"."VERIFY_TRAFFIC"',
        pdt="LOOKER_SCRATCH.LR$PJ6OK1764633600123_verify_daily",
        day="(TO_CHAR(TO_DATE({c} ), 'YYYY-MM-DD'))",
        local_day=(
            "(TO_CHAR(TO_DATE(CONVERT_TIMEZONE('UTC', 'America/Los_Angeles', CAST({c} AS TIMESTAMP_NTZ))),"
            " 'YYYY-MM-DD'))"
        ),
        month="(TO_CHAR(DATE_TRUNC('month', {c} ), 'YYYY-MM'))",
        hour="(CAST(EXTRACT(HOUR FROM {c} ) AS INT))",
        since="(TO_TIMESTAMP('2025-12-01'))",
        until="((DATEADD('month', 1, TO_TIMESTAMP('2025-12-01'))))",
        days_ago="((DATEADD('day', -{n}, DATE_TRUNC('day', CURRENT_TIMESTAMP()))))",
        tomorrow="((DATEADD('day', 7, DATEADD('day', -6, DATE_TRUNC('day', CURRENT_TIMESTAMP())))))",
        hash_sum=(
            "COALESCE(CAST( ( SUM(DISTINCT (CAST(FLOOR(COALESCE( {c} ,0)*(1000000*1.0)) AS DECIMAL(38,0))) + "
            "(TO_NUMBER(MD5( {id} ), 'XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX') % 1.0e27)::NUMERIC(38, 0) ) - "
            "SUM(DISTINCT (TO_NUMBER(MD5( {id} ), 'XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX') % 1.0e27)::NUMERIC(38, 0)) ) "
            "AS DOUBLE PRECISION) / CAST((1000000*1.0) AS DOUBLE PRECISION), 0)"
        ),
        text="{c}::VARCHAR",
        joined="LISTAGG(DISTINCT CAST({c} AS VARCHAR), '|RECORD|') WITHIN GROUP (ORDER BY CAST({c} AS VARCHAR))",
        median="PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY {c} )",
        json="{c}:mode::string",
        nulls_last=" NULLS LAST",
    ),
    "bigquery": Idioms(
        quote="``",
        table="`acme-prod.analytics.verify_traffic`",
        pdt="`acme-prod.looker_scratch.LR_PJ6OK1764633600123_verify_daily`",
        day="(DATE({c} ))",
        local_day=(
            "(FORMAT_TIMESTAMP('%F', TIMESTAMP(FORMAT_TIMESTAMP('%F %H:%M:%E*S', {c} , 'America/Los_Angeles'))))"
        ),
        month="(FORMAT_TIMESTAMP('%Y-%m', {c} ))",
        hour="(EXTRACT(HOUR FROM {c} ))",
        since="(TIMESTAMP('2025-12-01 00:00:00'))",
        until="((TIMESTAMP(DATETIME_ADD(DATETIME(TIMESTAMP '2025-12-01 00:00:00'), INTERVAL 1 MONTH))))",
        days_ago=(
            "((TIMESTAMP_ADD(TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), DAY, 'America/Los_Angeles'), INTERVAL -{n} DAY)))"
        ),
        tomorrow=(
            "((TIMESTAMP_ADD(TIMESTAMP_ADD(TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), DAY, 'America/Los_Angeles'), "
            "INTERVAL -6 DAY), INTERVAL 7 DAY)))"
        ),
        hash_sum=(
            "COALESCE(ROUND(COALESCE(CAST( ( SUM(DISTINCT (CAST(ROUND(COALESCE({c} ,0)*(1/1000*1.0), 9) AS NUMERIC) + "
            "(cast(cast(concat('0x', substr(to_hex(md5(CAST({id} AS STRING))), 1, 15)) as int64) as numeric) * "
            "4294967296 + cast(cast(concat('0x', substr(to_hex(md5(CAST({id} AS STRING))), 16, 8)) as int64) as "
            "numeric)) * 0.000000001 )) - SUM(DISTINCT (cast(cast(concat('0x', substr(to_hex(md5(CAST({id} AS STRING)"
            ")), 1, 15)) as int64) as numeric) * 4294967296) * 0.000000001) ) / (1/1000*1.0) AS FLOAT64), 0), 6), 0)"
        ),
        text="CAST({c} AS STRING)",
        joined="STRING_AGG(DISTINCT CAST({c} AS STRING), '|RECORD|')",
        median="APPROX_QUANTILES({c} , 100)[OFFSET(50)]",
        json="JSON_VALUE({c} , '$.mode')",
        dot=False,
    ),
    "databricks": Idioms(
        quote="``",
        table="main.analytics.verify_traffic",
        pdt="looker_scratch.LR_PJ6OK1764633600123_verify_daily",
        day="(DATE_FORMAT({c} , 'yyyy-MM-dd'))",
        local_day="(DATE_FORMAT(FROM_UTC_TIMESTAMP({c} , 'America/Los_Angeles'), 'yyyy-MM-dd'))",
        month="(DATE_FORMAT({c} , 'yyyy-MM'))",
        hour="(HOUR({c} ))",
        since="(TIMESTAMP('2025-12-01'))",
        until="((CAST(ADD_MONTHS(TIMESTAMP('2025-12-01'), 1) AS TIMESTAMP)))",
        days_ago="((DATE_ADD(CURRENT_DATE(), -{n})))",
        tomorrow="((DATE_ADD(DATE_ADD(CURRENT_DATE(), -6), 7)))",
        hash_sum=(
            "COALESCE(CAST((SUM(DISTINCT CAST(FLOOR(COALESCE({c} ,0)*(1000000*1.0)) AS DECIMAL(38,0)) + "
            "CAST(CONV(SUBSTR(MD5(CAST({id} AS STRING)), 1, 14), 16, 10) AS DECIMAL(38,0))) - "
            "SUM(DISTINCT CAST(CONV(SUBSTR(MD5(CAST({id} AS STRING)), 1, 14), 16, 10) AS DECIMAL(38,0)))) AS DOUBLE) "
            "/ CAST((1000000*1.0) AS DOUBLE), 0)"
        ),
        text="CAST({c} AS STRING)",
        joined="CONCAT_WS('|RECORD|', COLLECT_SET(CAST({c} AS STRING)))",
        median="PERCENTILE_APPROX({c} , 0.5)",
        json="GET_JSON_OBJECT({c} , '$.mode')",
    ),
    "trino": _TRINO,
    "athena": replace(
        _TRINO,
        table="analytics.verify_traffic",
        since="(from_iso8601_timestamp('2025-12-01T00:00:00'))",
        until="((DATE_ADD('month', 1, from_iso8601_timestamp('2025-12-01T00:00:00'))))",
    ),
    "mysql": Idioms(
        quote="``",
        table="analytics.verify_traffic",
        pdt="looker_scratch.`LR$PJ6OK1764633600123_verify_daily`",
        day="(DATE({c} ))",
        local_day="(DATE(CONVERT_TZ({c} ,'UTC','America/Los_Angeles')))",
        month="(DATE_FORMAT({c} ,'%Y-%m'))",
        hour="(HOUR({c} ))",
        since="(TIMESTAMP('2025-12-01'))",
        until="((DATE_ADD(TIMESTAMP('2025-12-01'),INTERVAL 1 month)))",
        days_ago="((DATE_ADD(TIMESTAMP(DATE(NOW())),INTERVAL -{n} day)))",
        tomorrow="((DATE_ADD(DATE_ADD(TIMESTAMP(DATE(NOW())),INTERVAL -6 day),INTERVAL 7 day)))",
        hash_sum=(
            "COALESCE(COALESCE(ROUND((SUM(DISTINCT (CAST(FLOOR(COALESCE({c} ,0)*(1000000*1.0)) AS DECIMAL(65,0))) + "
            "(CAST(CONV(SUBSTR(MD5({id} ),1,16),16,10) AS DECIMAL(65)) *18446744073709551616 + "
            "CAST(CONV(SUBSTR(MD5({id} ),17,16),16,10) AS DECIMAL(65))) ) - "
            "SUM(DISTINCT CAST(CONV(SUBSTR(MD5({id} ),1,16),16,10) AS DECIMAL(65)) *18446744073709551616 + "
            "CAST(CONV(SUBSTR(MD5({id} ),17,16),16,10) AS DECIMAL(65))) ) / (1000000*1.0), 6), 0), 0)"
        ),
        text="CAST({c} AS CHAR)",
        joined="GROUP_CONCAT(DISTINCT {c} SEPARATOR '|RECORD|')",
        median="AVG({c} )",
        json="JSON_UNQUOTE(JSON_EXTRACT({c} , '$.mode'))",
    ),
    "tsql": Idioms(
        quote="[]",
        table="dbo.verify_traffic",
        pdt="[LOOKER_SCRATCH].[LR$PJ6OK1764633600123_verify_daily]",
        day="CONVERT(VARCHAR(10),{c} ,120)",
        local_day=(
            "CONVERT(VARCHAR(10),CAST({c} AT TIME ZONE 'UTC' AT TIME ZONE 'Pacific Standard Time' AS DATETIME2),120)"
        ),
        month="LEFT(CONVERT(VARCHAR, {c} , 120), 7)",
        hour="DATEPART(hh, {c} )",
        since="(CONVERT(DATETIME2,'2025-12-01', 120))",
        until="((DATEADD(month,1, CONVERT(DATETIME2,'2025-12-01', 120) )))",
        days_ago="((DATEADD(day,-{n}, CAST(CAST(CURRENT_TIMESTAMP AS DATE) AS DATETIME2) )))",
        tomorrow="((DATEADD(day,7, DATEADD(day,-6, CAST(CAST(CURRENT_TIMESTAMP AS DATE) AS DATETIME2) ) )))",
        hash_sum=(
            "COALESCE(CAST((SUM(DISTINCT CAST(FLOOR(COALESCE({c} ,0)*(1000000*1.0)) AS DECIMAL(38,0)) + "
            "CAST(CONVERT(VARBINARY(8), HASHBYTES('MD5', CONVERT(VARCHAR, {id} ))) AS BIGINT)) - "
            "SUM(DISTINCT CAST(CONVERT(VARBINARY(8), HASHBYTES('MD5', CONVERT(VARCHAR, {id} ))) AS BIGINT))) AS FLOAT) "
            "/ CAST((1000000*1.0) AS FLOAT), 0)"
        ),
        text="CAST({c} AS VARCHAR(MAX))",
        joined="STRING_AGG(CAST({c} AS VARCHAR(MAX)), '|RECORD|')",
        median="AVG(1.0 * {c} )",
        json="JSON_VALUE({c} , '$.mode')",
    ),
    "oracle": Idioms(
        quote='""',
        table="ANALYTICS.VERIFY_TRAFFIC",
        pdt="LOOKER_SCRATCH.LR$PJ6OK1764633600123_VERIFY",
        day="TO_CHAR(TRUNC({c} ), 'YYYY-MM-DD')",
        local_day="TO_CHAR(TRUNC(FROM_TZ(CAST({c} AS TIMESTAMP), 'UTC') AT TIME ZONE 'US/Pacific'), 'YYYY-MM-DD')",
        month="TO_CHAR(TRUNC({c} , 'MM'), 'YYYY-MM')",
        hour="TO_NUMBER(TO_CHAR({c} , 'HH24'))",
        since="((SELECT TO_DATE('2025-12-01 00:00:00', 'YYYY-MM-DD HH24:MI:SS') FROM DUAL))",
        until="((ADD_MONTHS(TO_DATE('2025-12-01', 'YYYY-MM-DD'), 1)))",
        days_ago="((TRUNC(CURRENT_TIMESTAMP) - {n}))",
        tomorrow="(((TRUNC(CURRENT_TIMESTAMP) - 6) + 7))",
        hash_sum=(
            "COALESCE((SUM(DISTINCT FLOOR(COALESCE({c} ,0)*(1000000*1.0)) + "
            "TO_NUMBER(SUBSTR(RAWTOHEX(DBMS_CRYPTO.HASH(UTL_RAW.CAST_TO_RAW({id} ), 2)), 1, 14), 'XXXXXXXXXXXXXX')) - "
            "SUM(DISTINCT TO_NUMBER(SUBSTR(RAWTOHEX(DBMS_CRYPTO.HASH(UTL_RAW.CAST_TO_RAW({id} ), 2)), 1, 14), "
            "'XXXXXXXXXXXXXX'))) / (1000000*1.0), 0)"
        ),
        text="TO_CHAR({c} )",
        joined="LISTAGG({c} , '|RECORD|') WITHIN GROUP (ORDER BY {c} )",
        median="MEDIAN({c} )",
        json="JSON_VALUE({c} , '$.mode')",
        nulls_last=" NULLS LAST",
    ),
    "clickhouse": Idioms(
        quote="``",
        table="analytics.verify_traffic",
        pdt="looker_scratch.LR_PJ6OK1764633600123_verify_daily",
        day="(toDate({c} ))",
        local_day="(toDate(toTimeZone({c} , 'America/Los_Angeles')))",
        month="(formatDateTime(toStartOfMonth({c} ), '%Y-%m'))",
        hour="(toHour({c} ))",
        since="(toDateTime('2025-12-01 00:00:00'))",
        until="((addMonths(toDateTime('2025-12-01 00:00:00'), 1)))",
        days_ago="((addDays(toStartOfDay(now()), -{n})))",
        tomorrow="((addDays(addDays(toStartOfDay(now()), -6), 7)))",
        hash_sum=(
            "COALESCE((SUM(DISTINCT toDecimal128(floor(COALESCE({c} ,0)*1000000), 0) + "
            "toDecimal128(reinterpretAsUInt64(MD5(toString({id} ))), 0)) - "
            "SUM(DISTINCT toDecimal128(reinterpretAsUInt64(MD5(toString({id} ))), 0))) / 1000000, 0)"
        ),
        text="toString({c} )",
        joined="arrayStringConcat(groupUniqArray(toString({c} )), '|RECORD|')",
        median="quantile(0.5)({c} )",
        json="JSONExtractString({c} , 'mode')",
    ),
    "duckdb": replace(
        _POSTGRES,
        table="analytics.verify_traffic",
        pdt="looker_scratch.LR_PJ6OK1764633600123_verify_daily",
        month="(STRFTIME(DATE_TRUNC('month', {c} ), '%Y-%m'))",
        until="((SELECT (TIMESTAMP '2025-12-01' + INTERVAL 1 MONTH)))",
        days_ago="((SELECT (DATE_TRUNC('day', CURRENT_TIMESTAMP::TIMESTAMP) - INTERVAL {n} DAY)))",
        tomorrow="((SELECT (DATE_TRUNC('day', CURRENT_TIMESTAMP::TIMESTAMP) + INTERVAL 1 DAY)))",
        hash_sum=(
            "COALESCE(CAST((SUM(DISTINCT CAST(FLOOR(COALESCE({c} ,0)*(1000*1.0)) AS HUGEINT) + "
            "CAST(HASH({id} ) AS HUGEINT)) - SUM(DISTINCT CAST(HASH({id} ) AS HUGEINT))) AS DOUBLE) / (1000*1.0), 0)"
        ),
        json="json_extract_string({c} , '$.mode')",
    ),
}
"""The dialects that Looker's SQL is tried in."""

_COUNT = "COALESCE(SUM(verify_traffic.messages ), 0)"
_AUTHY = "(verify_traffic.billable_item LIKE 'Authy%')"

_FILE = Path(__file__).with_name("looker_shapes.sql")
SHAPES = {
    name: sql.strip()
    for name, _, sql in (part.partition("\n") for part in _FILE.read_text(encoding="utf-8").split("-- shape: ")[1:])
}
"""The queries that Looker makes, by what they are about; the words of a dialect stand in braces."""


def looker_sql(dialect: str, shape: str) -> str:
    """One query of Looker's in one dialect."""
    words, created = IDIOMS[dialect], "verify_traffic.created_at"
    parts = {
        "{order}": f"ORDER BY\n    3 DESC{words.nulls_last}",
        "{between}": f"((( {created} ) >= {words.since} AND ( {created} ) < {words.until}))",
        "{days_ago}": words.days_ago.replace("{n}", "6"),
        "{tomorrow}": words.tomorrow,
        "{local_day}": words.local_day.replace("{c}", created),
        "{month}": words.month.replace("{c}", created),
        "{hour}": words.hour.replace("{c}", created),
        "{hash_sum}": words.hash_sum.replace("{c}", "verify_traffic.messages").replace("{id}", "verify_traffic.id"),
        "{joined}": words.joined.replace("{c}", "verify_traffic.prefix"),
        "{median}": words.median.replace("{c}", "verify_traffic.messages"),
        "{json}": words.json.replace("{c}", "verify_traffic.payload"),
        "{text}": words.text.replace("{c}", "verify_traffic.id"),
        "{created}": created,
        "{count}": _COUNT,
        "{authy}": _AUTHY,
        "{pdt}": words.pdt,
        "{table}": words.table,
        "{as_}": "" if dialect == "oracle" else "AS ",
    }
    sql = SHAPES[shape]
    for mark, text in parts.items():
        sql = sql.replace(mark, text)
    pieces = sql.split("{n:")
    sql = pieces[0] + "".join(
        words.name(field) + rest for field, _, rest in (piece.partition("}") for piece in pieces[1:])
    )
    if dialect == "oracle":
        sql = sql.replace(" AS verify_traffic\n", " verify_traffic\n").replace(" AS other ", " other ")
    if dialect == "tsql":
        sql = sql.replace("LENGTH(", "LEN(")
    return sql


def corpus() -> Iterator[tuple[str, str, str]]:
    """(dialect, shape, SQL) of every query."""
    for dialect in IDIOMS:
        for shape in SHAPES:
            yield dialect, shape, looker_sql(dialect, shape)
