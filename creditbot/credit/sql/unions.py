"""Says whether the queries that a UNION puts together may read the same rows. Pure.

SELECT ... FROM t UNION ALL SELECT ... FROM t        counts each row of t twice
... WHERE day < '2025-12-16' UNION ALL ... WHERE day >= '2025-12-16'      other rows: the conditions tell them apart
FROM t UNION ALL SELECT ... FROM u                   other rows, as far as anybody can tell

`creditbot.credit.sql.traffic_window` asks it for each UNION on the way to the traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from sqlglot import exp

from creditbot.credit.selection import are_ruled_out, exclude_each_other
from creditbot.credit.sql.bounds import Bounds, Box
from creditbot.credit.sql.lists import makes_rows
from creditbot.credit.sql.same_values import is_only_text, may_be_one_value
from creditbot.credit.sql.shown_column import shown_column
from creditbot.credit.sql.sources import is_plain_star, reads_tables
from creditbot.credit.sql.table_names import Tables, in_both

MOST_PARTS, MOST_PAIRS = 150, 1_770
"""Queries that a UNION adds up, and pairs of them over one table, that are compared: 60 queries are 1,770 pairs."""


class Part(NamedTuple):
    """A query whose rows are, or are among, those of the traffic.

    Attributes:
        box: what each of its rows fulfils.
        tables: those that its rows come from.
        own: the same without what only a joined table of accounts says: it may say it of several rows of this one.
        repeats: how it may show a row of the traffic more than once, a clause; "" if it does not.
    """

    box: Box
    tables: Tables
    own: Box
    repeats: str = ""


def in_union(parts: Sequence[Part]) -> str:
    """How a UNION ALL of these may count a row more than once, a clause; "" if it does not."""
    too_many = f"it adds up {len(parts)} queries, too many to compare"
    if len(parts) > MOST_PARTS:
        return too_many
    pairs = 0
    for one, other in combinations(parts, 2):
        if same := in_both(one.tables, other.tables):
            pairs += 1
            if pairs > MOST_PAIRS:
                return too_many
            if not _are_apart(one.own, other.own):
                return f"it adds up two queries over {same}, and no condition says that their rows differ"
    return ""


def may_repeat(queries: Iterable[exp.Expr]) -> bool:
    """Whether any of these queries can show a row, or what it counts, again: by a join, a list, a UNION or a total."""
    return any(
        isinstance(query, exp.Union)
        or query.find(exp.Join, exp.Lateral, exp.Pivot) is not None
        or (isinstance(query, exp.Select) and (makes_rows(query) or any(map(_may_be_total, query.expressions))))
        for query in queries
    )


def _may_be_total(column: exp.Expr) -> bool:
    """Whether a column may be a total over other rows, by a window or by a query of its own."""
    return column.find(exp.Window) is not None or reads_tables(column)


def removes_repeats(union: exp.SetOperation, sides: Sequence[exp.Expr], is_table: Callable[[exp.Expr], bool]) -> bool:
    """Whether a UNION shows a row once that several of its sides read: they show the columns of one table alike.

    Args:
        union: it.
        sides: the queries that it puts together; each of them reads something.
        is_table: whether a source in FROM is a table of the warehouse.
    """
    if not union.args.get("distinct") or union.args.get("by_name"):
        return False
    shown = set[tuple[exp.Expr, ...]]()
    for select in sides:
        if not isinstance(select, exp.Select) or select.args.get("joins"):
            return False
        source = select.args["from_"].this
        if not is_table(source):
            return False
        columns = [column.unalias() for column in select.expressions]
        if not all(is_plain_star(column) or shown_column(column) for column in columns):
            return False  # such as ROW_NUMBER(), which tells one row from itself
        table = source.copy()
        table.set("alias", None)
        shown.add((table, *columns))
    return len(shown) == 1


def _are_apart(one: Box, other: Box) -> bool:
    """Whether no row fulfils both: they limit a column to other texts, or to other times."""
    return any(_exclude(one[column], other[column]) for column in one.keys() & other.keys())


def _exclude(one: Bounds, other: Bounds) -> bool:
    """Whether no value lies within both limits."""
    if one.names is not None and other.names is not None:
        if not may_be_one_value(one.names, other.names):
            return True
    elif all(map(is_only_text, one.names or other.names or ())) and exclude_each_other(one.like, other.like):
        return True
    return _differ_in_time(one, other) or are_ruled_out(one.like, other.unlike) or are_ruled_out(other.like, one.unlike)


def _differ_in_time(one: Bounds, other: Bounds) -> bool:
    return any(
        first.end is not None and second.start is not None and first.end <= second.start
        for first, second in ((one, other), (other, one))
    )
