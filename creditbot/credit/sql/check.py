"""Checks whether SQL may be run: it must be one complete, read-only query over real tables.

The SQL comes from Looker. If it passes, a notebook runs it in the warehouse. `check` looks at the text, has
sqlglot parse it in the warehouse's dialect and applies `creditbot.credit.sql.rules` to the tree. sqlglot is imported by
the first check, not by this module. Pure.

This is the second fence. The first is the grant of the warehouse's user. Neither stops constants: a SELECT over a real
table may still contain any number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from creditbot.credit.sql.dialects import WAREHOUSES
from creditbot.errors import SqlRefused
from creditbot.model import ACCOUNT_FIELDS

if TYPE_CHECKING:
    from sqlglot import exp

MAX_SQL = 200_000
"""Characters; the longest that a query may be. Parsing that much takes about a second per dialect."""

Parsed: TypeAlias = "tuple[str, Sequence[exp.Expr]]"

# If a derived table does not exist yet, Looker puts its build before the query, without a semicolon between them.
_BUILD = re.compile(
    r"(?:\s|--[^\n]*(?:\n|\Z)|\#[^\n]*(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*+\*/)*+"
    r"(?:CREATE\b[\w\s]{0,60}?\b(?:TABLE|VIEW)\b|DROP\s+TABLE\b|INSERT\s+INTO\b)",
    re.IGNORECASE,
)
# What Looker writes before a build. BigQuery builds with a plain SELECT, and its service makes the table of it.
_BUILD_NOTE = re.compile(
    r"(?:\s|(?:--|\#)[^\n]*\n)*?--\s*(?:generate|increment|building)\b[\w\s]{0,40}\bderived table\b", re.IGNORECASE
)
_BUILT = re.compile(r"derived table|\bL[A-Z][$_]\w*\d{13}", re.IGNORECASE)
# SQL Server builds a table with SELECT ... INTO.
_BUILT_INTO = re.compile(r"\bINTO\s+[^\s(]{0,200}?\bL[A-Z][$_]\w*\d{13}", re.IGNORECASE)
_TRY_LATER = "The bot will try again; open the Look in Looker to have the table built."

# Text that the parser takes for a comment or a structure, but that a server may read differently.
_HIDING = {
    "/*!": "a comment that MySQL runs", "/*M!": "a comment that MariaDB runs", "\0": "a NUL character",
    "{{": "a template that was not filled in", "{%": "a template that was not filled in",
    "{#": "a template that was not filled in", "${": "a template that was not filled in",
}  # fmt: skip


_LEGACY = re.compile(r"^[^\S\n]*+\#legacySQL\b", re.IGNORECASE | re.MULTILINE)
"""BigQuery reads what follows in another dialect, in which a comma in FROM is UNION ALL."""


@dataclass(frozen=True, slots=True)
class SqlRules:
    """Which SQL may be run.

    Attributes:
        dialect: one of DIALECTS. None: at least one of WAREHOUSES must parse the SQL, and every dialect that does must
            find it read-only.
        tables: the tables that may be read, written as in the SQL. `*` stands for any part of a name, or any piece of
            one ("analytics.*"); capitals do not matter. Empty: any table except the warehouse's system tables.
        account_fields: the columns that name the account, in lower case.
    """

    dialect: str | None = None
    tables: tuple[str, ...] = ()
    account_fields: tuple[str, ...] = ACCOUNT_FIELDS


def check(sql: str, sql_rules: SqlRules) -> None:
    """Raises `SqlRefused` unless the SQL is one complete, read-only query over real tables."""
    check_parsed(parse(sql, sql_rules), sql_rules)


def parse(sql: str, sql_rules: SqlRules) -> list[Parsed]:
    """(dialect, statements) for every dialect that counts. Raises `SqlRefused` for SQL that none of them can parse."""
    _check_text(sql)
    builds = SqlRefused(
        "The SQL begins by building a derived table, because Looker has not built it yet.", _TRY_LATER, retry=True
    )
    if (_BUILD.match(sql) and _BUILT.search(sql)) or _BUILT_INTO.search(sql):
        raise builds
    from creditbot.credit.sql.tree import readings

    parsed = list(readings(sql, sql_rules.dialect))
    if _BUILD_NOTE.match(sql) and all(len(statements) != 1 for _, statements in parsed):
        raise builds
    if not parsed:
        raise SqlRefused(
            f"The SQL is not one query in {sql_rules.dialect or 'any of ' + ', '.join(WAREHOUSES)}.",
            "Check SQL_DIALECT, and take pivots and totals off the query: with them, Looker sends more than one query.",
        )
    return parsed


def check_parsed(parsed: Sequence[Parsed], sql_rules: SqlRules) -> None:
    """Raises `SqlRefused` unless every reading of the SQL is one complete, read-only query over real tables."""
    from creditbot.credit.sql.rules import check_statements

    for dialect, statements in parsed:
        check_statements(statements, dialect, sql_rules.tables, sure=sql_rules.dialect is not None)


def _check_text(sql: str) -> None:
    if len(sql) > MAX_SQL:
        raise SqlRefused(f"The SQL has {len(sql):,} characters; the limit is {MAX_SQL:,}.", "Make the query shorter.")
    if _LEGACY.search(sql):
        raise SqlRefused("The SQL is in BigQuery's legacy dialect (#legacySQL).", "Write it in standard SQL.")
    for mark, meaning in _HIDING.items():
        if mark in sql:
            shown = "" if mark == "\0" else f" ({mark})"
            raise SqlRefused(f"The SQL contains {meaning}{shown}.", "Remove it from the query in Looker.")
