"""Recognises the warehouse's own tables: its catalogue, its logs, its one-row table. They hold no traffic.

A name is reserved only in the dialect of its system. A prefix such as `pg_` counts only without a schema, because a
team's schema may contain a table `pg_verify_messages`. Names come from `creditbot.credit.sql.rules`. Pure.
"""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.tree import full_name

_SPARK: Final = ("databricks", "spark")
_TRINO: Final = ("trino", "presto", "athena")

_EVERYWHERE: Final = frozenset({"information_schema"})
# fmt: off
_SCHEMAS: Final = {
    "clickhouse": frozenset({"system"}),
    "duckdb": frozenset({"pg_catalog", "system"}),
    "mysql": frozenset({"mysql", "performance_schema", "sys"}),
    "oracle": frozenset({
        "audsys", "ctxsys", "dvsys", "gsmadmin_internal", "lbacsys", "mdsys", "olapsys", "ordsys", "outln", "sys",
        "system", "wmsys", "xdb",
    }),
    "postgres": frozenset({"pg_catalog", "pg_toast"}),
    "redshift": frozenset({"pg_catalog", "pg_internal", "pg_toast"}),
    "snowflake": frozenset({"account_usage", "organization_usage", "reader_account_usage"}),
    "tsql": frozenset({"master", "model", "msdb", "sys", "tempdb"}),
} | dict.fromkeys(_SPARK, frozenset({"system"})) | dict.fromkeys(_TRINO, frozenset({"system"}))
"""Schemas and databases that belong to the system."""

_ORACLE_VIEWS: Final = (
    r"(?:all|user)_(?:all_tables|arguments|audit\w*|cons\w*|contexts|credentials|col_\w+|db_links|dependencies|directories|errors|extents"
    r"|external\w*|free_space|identifiers|ind\w*|jobs?|lobs|mviews?|objects?|part_\w+|password_limits|policies|procedures|recyclebin|resource_limits|role\w*"
    r"|scheduler_\w+|segments|sequences|source|stat_\w+|synonyms|sys_privs|tab\w*|triggers?|ts_quotas|types?|users?|views?|xml_\w+)"
)
_ORACLE_OTHERS: Final = (
    r"cat|database_properties|dict|dictionary|global_name|nls_\w+_parameters|product_component_version|recyclebin"
    r"|role_\w+_privs|session_\w+|system_privilege_map|tab"
)
_TABLES: Final = {
    "duckdb": r"(?:duckdb|pg|pragma|sqlite)_.*",
    "oracle": rf"(?:(?:cdb|dba)_.*|g?v_?\$.*|x\$.*|{_ORACLE_VIEWS}|{_ORACLE_OTHERS})",
    "postgres": r"pg_.*",
    "redshift": r"(?:pg|stl|stv|svcs|svl|svv|sys)_.*",
    "sqlite": r"sqlite_.*|pragma_.*|dbstat",
    "tsql":
        r"sys(?:altfiles|cacheobjects|charsets|columns|comments|configures|constraints|curconfigs|databases|depends"
        r"|devices|filegroups|files|foreignkeys|fulltextcatalogs|indexes|indexkeys|languages|lockinfo|logins|members"
        r"|messages|objects|oledbusers|opentapes|perfinfo|permissions|processes|protects|references|remotelogins"
        r"|segments|servers|types|users)",
}
# fmt: on
"""Tables that belong to the system and need no schema."""
_SYSTEM_TABLES: Final = {dialect: re.compile(pattern) for dialect, pattern in _TABLES.items()}

# SQL Server has these in every schema, too: `dbo.sysobjects`.
_IN_ANY_SCHEMA: Final = frozenset({"tsql"})
# Trino's metadata tables of a table: "traffic$partitions".
_METADATA: Final = re.compile(
    r".*\$(?:all_\w+|data|entries|files|history|manifests|metadata_\w+|partitions|properties|refs|snapshots)"
)


def is_system_table(table: exp.Table, dialect: str) -> bool:
    """Whether the table is one of the warehouse's own, such as its catalogue."""
    *schemas, name = full_name(table).lower().split(".")  # BigQuery may have both names in one pair of quotes
    if not (_EVERYWHERE | _SCHEMAS.get(dialect, frozenset())).isdisjoint(schemas):
        return True
    if dialect in _TRINO and _METADATA.fullmatch(name):
        return True
    pattern = _SYSTEM_TABLES.get(dialect)
    return pattern is not None and (not schemas or dialect in _IN_ANY_SCHEMA) and bool(pattern.fullmatch(name))


def is_one_row_table(table: exp.Table) -> bool:
    """Whether the table is DUAL, which has one meaningless row."""
    parts = [part.name.lower() for part in table.parts]
    return parts in (["dual"], ["sys", "dual"])


def is_elsewhere(table: exp.Table, dialect: str) -> bool:
    """Whether the table is on another database server: `t@link` in Oracle, a name of four parts in SQL Server."""
    if dialect == "oracle":
        return any("@" in part.name for part in table.parts)
    return dialect == "tsql" and len(table.parts) > 3  # server.database.schema.table


# DuckDB reads a file for any table name that ends like a file name, quoted or not; Spark does for `csv`.`path`.
_FILE_NAME: Final = re.compile(
    r"[/\\?]|\.(?:arrows?|avro|csv|duckdb|feather|fgb|geojson|gpkg|gz|ipc|jsonl?|ndjson|orc|parquet|shp|tsv|txt|xlsx?|zst)\Z",
    re.IGNORECASE,
)
_PATH: Final = re.compile(r"[/\\]")
_SPARK_FORMATS: Final = frozenset({"avro", "binaryfile", "csv", "delta", "json", "orc", "parquet", "text", "xml"})


def is_file(name: str, table: exp.Table, dialect: str) -> bool:
    """Whether the warehouse reads a file for a table of this name."""
    if dialect == "duckdb":
        return _FILE_NAME.search(name) is not None
    if _PATH.search(name):
        return True
    return dialect in _SPARK and not table.catalog and table.db.lower() in _SPARK_FORMATS
