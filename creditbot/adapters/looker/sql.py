"""Checks that a text from Looker is SQL, and gives all rows of its query. Pure: no calls, no SQL parser."""

from __future__ import annotations

import re

from creditbot.errors import LinkUnusable
from creditbot.text import one_line

# Looker's own defaults say how many rows to show; "-1" is its word for all of them.
_DEFAULT_LIMITS = {"", "-1", "500", "5000"}
_DEFAULT_LIMIT = re.compile(
    r"\b(?:LIMIT|FETCH\s+(?:FIRST|NEXT)|ROWNUM\s*<=)\s+(?:500|5000)(?:\s+ROWS\s+ONLY)?[\s;]*\Z"
    r"|\bTOP\s*+\(?\s*+(?:500|5000)\b",
    re.IGNORECASE,
)
_TOTALS = re.compile(
    r"^-- sql for creating the (?:total|pivot row totals|grand totals)\b.*", re.IGNORECASE | re.MULTILINE | re.DOTALL
)
# BigQuery's "#standardSQL" is a comment, too.
_COMMENTS = re.compile(r"(?:\s+|--[^\n]*|#[^\n]*|/\*.*?\*/)*+", re.DOTALL)
_PIVOT_CUT = re.compile(r"\bz_+pivot_(?:col|row)_rank\s*<=\s*(\d{1,9})\b", re.IGNORECASE)
_PIVOT_CAP = 16_384  # is in every pivoted query, far above what Looker shows


def check_limit(limit: str | None, subject: str) -> None:
    """Raises `LinkUnusable` for a row limit that somebody chose: SQL without it would ask another question."""
    rows = (limit or "").strip()
    if rows not in _DEFAULT_LIMITS:
        raise LinkUnusable(
            f"What {subject} shows is limited to {rows} rows, so its credit could miss traffic.",
            "Remove the row limit in Looker and post the new link.",
        )


def has_default_limit(sql: str) -> bool:
    """Whether the SQL still has one of Looker's default limits."""
    return _DEFAULT_LIMIT.search(sql) is not None


def rows_sql(text: object, subject: str) -> str:
    """The SQL that Looker made for the rows of a query, without the second statement that computes totals.

    Raises `LinkUnusable` as `sql_in` does, and for a pivoted query, which Looker cuts within its SQL.
    """
    sql = sql_in(_TOTALS.sub("", text) if isinstance(text, str) else text, subject)
    cuts = [rank for rank in map(int, _PIVOT_CUT.findall(sql)) if rank < _PIVOT_CAP]
    if cuts:
        raise LinkUnusable(
            f"Looker cuts off the pivot of {subject} at {min(cuts)}, so its credit could miss traffic.",
            "Remove the pivot in Looker and post the new link.",
        )
    return sql


def sql_in(text: object, subject: str) -> str:
    """The SQL in an answer; raises `LinkUnusable` for an answer without SQL."""
    sql = text.strip() if isinstance(text, str) else ""
    comments = _COMMENTS.match(sql)
    body = sql[comments.end() :] if comments else sql
    if not body:
        said = f": {_quoted(sql)}" if sql else ""
        raise LinkUnusable(
            f"Looker gave no SQL for {subject}{said}.", "Open the link in Looker and look at its SQL tab."
        )
    if not (body[0].isalpha() or body[0] == "("):
        raise LinkUnusable(f"Looker's answer for {subject} is not SQL: {_quoted(body)}.", "Open the link in Looker.")
    return sql


def _quoted(text: str) -> str:
    """The beginning of a text for the end of a sentence."""
    return one_line(text, 200).rstrip(".")
