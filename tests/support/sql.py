"""The verdict of the check on SQL, for the tests of the rules."""

from __future__ import annotations

import re

from creditbot.credit.sql.check import SqlRules, check
from creditbot.errors import SqlRefused


def refused(sql: str, dialect: str | None = None, tables: tuple[str, ...] = ()) -> SqlRefused | None:
    """What `check` raises; None if the SQL passes."""
    try:
        check(sql, SqlRules(dialect, tables))
    except SqlRefused as error:
        return error
    return None


def refusal(sql: str, dialect: str | None = None, tables: tuple[str, ...] = ()) -> str:
    """What `check` says against the SQL, as a sentence; "" if it passes."""
    error = refused(sql, dialect, tables)
    if error is None:
        return ""
    assert re.fullmatch(r"The SQL .*\.", error.what, re.DOTALL)
    assert re.fullmatch(r"[A-Z].*\.", error.todo)
    return error.what
