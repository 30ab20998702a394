"""The dialects of SQL that the bot reads, by the names of sqlglot and of SQLAlchemy.

Names come from SQL_DIALECT and WAREHOUSE_URL; the parser and the rules are told the dialect. Pure.
"""

from __future__ import annotations

from creditbot.errors import SettingsError

WAREHOUSES = ("postgres", "redshift", "snowflake", "trino", "duckdb", "databricks", "mysql", "bigquery")
"""The dialects that SQL is read in while none is set. BigQuery is last: it takes the `#>` of others for a comment."""

DIALECTS = (*WAREHOUSES, "athena", "clickhouse", "oracle", "presto", "spark", "sqlite", "tsql")
"""What SQL_DIALECT may name: sqlglot's names of the warehouses that Looker speaks to."""

_DIALECT_OF = {name: name for name in DIALECTS} | {
    "awsathena": "athena", "clickhousedb": "clickhouse", "mariadb": "mysql", "mssql": "tsql",
    "postgresql": "postgres", "sqlserver": "tsql",
}  # fmt: skip


def dialect_named(name: str) -> str:
    """The dialect that SQL_DIALECT means. Raises `SettingsError` for a name that is unknown."""
    dialect = _DIALECT_OF.get(name.strip().lower())
    if dialect is None:
        dialects = ", ".join(sorted(DIALECTS))
        raise SettingsError(f"SQL_DIALECT is {name!r}, which is not a dialect of SQL.", f"Use one of {dialects}.")
    return dialect


def dialect_of(warehouse_url: str) -> str | None:
    """The dialect of a WAREHOUSE_URL such as "trino://..." or "postgresql+psycopg://..."; None if no dialect fits."""
    scheme, _, _ = warehouse_url.strip().partition(":")
    return _DIALECT_OF.get(scheme.lower().partition("+")[0])
