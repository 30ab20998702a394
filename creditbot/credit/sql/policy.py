"""Whether SQL may be run, and which SQL is the same. Pure.

What may be run is one complete, read-only query over real tables: sqlglot parses it in the warehouse's dialect and
`creditbot.credit.sql.rules` holds the rules. sqlglot is imported only by the first check. The parser is the second
fence: the first one is the grant of the warehouse's user, and a SELECT over a real table may still name any constant it
likes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from creditbot.credit.sql.text import MAX_SQL, WAREHOUSES, normalised
from creditbot.errors import SettingsError, SqlRefused

DIALECTS = (*WAREHOUSES, "athena", "clickhouse", "oracle", "presto", "spark", "sqlite", "tsql")
"""What SQL_DIALECT may name: sqlglot's names of the warehouses that Looker speaks to."""

_DIALECT_OF = {name: name for name in DIALECTS} | {
    "awsathena": "athena", "clickhousedb": "clickhouse", "mariadb": "mysql", "mssql": "tsql",
    "postgresql": "postgres", "sqlserver": "tsql",
}  # fmt: skip

# Text that the parser takes for a comment or a structure and a server may take for something else.
_HIDING = {
    "/*!": "a comment that MySQL runs", "/*M!": "a comment that MariaDB runs", "\0": "a NUL character",
    "{{": "a template that was not filled in", "{%": "a template that was not filled in",
    "{#": "a template that was not filled in", "${": "a template that was not filled in",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqlPolicy:
    """Which SQL may be run.

    Attributes:
        dialect: one of DIALECTS; None: at least one of WAREHOUSES must parse the SQL, and every one that does must
            find it read-only.
        tables: the tables that may be read, named as the SQL names them, `*` for any part or piece of a part
            ("analytics.*"), capitals ignored; empty: any but the systems' own.
    """

    dialect: str | None = None
    tables: tuple[str, ...] = ()


def check(sql: str, policy: SqlPolicy) -> None:
    """Raises `SqlRefused` unless the SQL is one complete read-only query over real tables."""
    _check_text(sql)
    from creditbot.credit.sql import rules as sqlrules
    from creditbot.credit.sql import tree as sqltree

    readings = list(sqltree.readings(sql, policy.dialect))
    if not readings:
        raise SqlRefused(
            f"The SQL is not one query in {policy.dialect or 'any of ' + ', '.join(WAREHOUSES)}.",
            "Check SQL_DIALECT, and take pivots and totals off the query: with them Looker sends more than one.",
        )
    for dialect, statements in readings:
        sqlrules.check(statements, dialect, policy.tables)


def normalised_hash(sql: str) -> str:
    """SHA-256 in hex that is the same for the same SQL: comments, layout, its sorting and its end make no difference.

    It needs no dialect, so that it holds when the settings change.
    """
    return hashlib.sha256(normalised(sql).encode("utf-8", "surrogatepass")).hexdigest()


def dialect_named(name: str) -> str:
    """The dialect that SQL_DIALECT means; `SettingsError` for one that is not known."""
    dialect = _DIALECT_OF.get(name.strip().lower())
    if dialect is None:
        known = ", ".join(sorted(DIALECTS))
        raise SettingsError(f"SQL_DIALECT names {name!r}, which is not known.", f"Use one of {known}.")
    return dialect


def dialect_of(warehouse_url: str) -> str | None:
    """The dialect of a WAREHOUSE_URL such as "trino://..." or "postgresql+psycopg://..."; None if it tells none."""
    scheme, _, _ = warehouse_url.strip().partition(":")
    return _DIALECT_OF.get(scheme.lower().partition("+")[0])


def _check_text(sql: str) -> None:
    if len(sql) > MAX_SQL:
        raise SqlRefused(f"The SQL has {len(sql):,} characters; {MAX_SQL:,} are the most.", "Make the query shorter.")
    for mark, meaning in _HIDING.items():
        if mark in sql:
            shown = "" if mark == "\0" else f" ({mark})"
            raise SqlRefused(f"The SQL holds {meaning}{shown}.", "Take it out of the query in Looker.")
