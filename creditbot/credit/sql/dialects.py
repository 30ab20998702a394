"""The dialects of SQL that the bot reads, by their names in sqlglot and in SQLAlchemy.

Names come from SQL_DIALECT and WAREHOUSE_URL; the dialect goes to the parser and the rules. Pure.
"""

from __future__ import annotations

from creditbot.errors import SettingsError

WAREHOUSES = ("postgres", "redshift", "snowflake", "trino", "duckdb", "databricks", "mysql", "bigquery")
"""The dialects that are tried if none is set. BigQuery is last: it takes the `#>` of other dialects for a comment."""

DIALECTS = (*WAREHOUSES, "athena", "clickhouse", "oracle", "presto", "spark", "sqlite", "tsql")
"""The values of SQL_DIALECT: sqlglot's names of the warehouses that Looker can query."""

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
