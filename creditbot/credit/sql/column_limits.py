"""What a condition limits columns to: equality, IN, ranges, and how AND, OR and NOT combine them. Pure.

A condition that is not understood limits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from sqlglot import exp

from creditbot.credit.selection import MOST_PATTERNS, pattern_of
from creditbot.credit.sql.bounds import Bounds, Refs, both, either
from creditbot.credit.sql.moments import moment_of
from creditbot.credit.sql.shown_column import name_in, shown_column
from creditbot.credit.sql.sources import Sources, last
from creditbot.credit.sql.tree import operands, short

_MIRRORED: Final[Mapping[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE, exp.EQ: exp.EQ, exp.NullSafeEQ: exp.EQ,
    exp.NEQ: exp.NEQ,
}  # fmt: skip
_DENIED: Final[Mapping[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LTE, exp.LT: exp.GTE, exp.GTE: exp.LT, exp.LTE: exp.GT, exp.EQ: exp.NEQ, exp.NEQ: exp.EQ,
}  # fmt: skip


class ColumnLimits:
    """Reads conditions.

    Args:
        today: the UTC day on which the SQL would run.
        account_fields: names of the columns that name an account, in lower case.

    Attributes:
        not_named: conditions on an account that name none in full.
    """

    def __init__(self, today: date, account_fields: Sequence[str]) -> None:
        self._today = today
        self._fields = tuple(account_fields)
        self.not_named: list[str] = []

    def when(self, node: exp.Expr, sources: Sources, *, truth: bool) -> Refs:
        """The limits of each column if the condition has this truth."""
        node = node.unnest()
        if isinstance(node, exp.Not):
            return self.when(node.this, sources, truth=not truth)
        truth = truth != bool(node.args.get("negate"))  # how NOT LIKE is parsed
        if isinstance(node, exp.And | exp.Or):
            sides = [self.when(side, sources, truth=truth) for side in operands(node)]
            combine = both if isinstance(node, exp.And) == truth else either
            limits = sides[0]
            for side in sides[1:]:
                limits = combine(limits, side)
            return limits
        return both(self._compared_with(node, sources, truth), self._texts(node, sources, truth))

    def _compared_with(self, node: exp.Expr, sources: Sources, truth: bool) -> Refs:
        """The names and times that one comparison limits its column to."""
        if type(node) in _MIRRORED:
            kind = _MIRRORED[type(node)] if shown_column(node.this) is None else type(node)
            kind = exp.EQ if kind is exp.NullSafeEQ else kind
            sides_ = (
                (node.this, node.expression) if shown_column(node.this) is not None else (node.expression, node.this)
            )
            return self._compared(kind if truth else _DENIED[kind], *sides_, sources)
        if isinstance(node, exp.Between) and truth and not node.args.get("symmetric"):
            low = self._compared(exp.GTE, node.this, node.args["low"], sources)
            return both(low, self._compared(exp.LTE, node.this, node.args["high"], sources))
        if isinstance(node, exp.In) and truth and node.expressions and not node.args.get("query"):
            limits = self._compared(exp.EQ, node.this, node.expressions[0], sources)
            for value in node.expressions[1:]:
                limits = either(limits, self._compared(exp.EQ, node.this, value, sources))
            return limits
        if isinstance(node, exp.Like | exp.ILike) and truth and _is_whole(node.expression):
            return self._compared(exp.EQ, node.this, node.expression, sources)
        self._note(node)
        return {}

    def _texts(self, node: exp.Expr, sources: Sources, truth: bool) -> Refs:
        """The patterns that one comparison with texts limits its column to."""
        if isinstance(node, exp.In):
            texts = [] if node.args.get("query") else node.expressions
        else:
            texts = [node.expression] if isinstance(node, exp.EQ | exp.NEQ | exp.Like | exp.ILike) else []
        place = shown_column(node.this) if texts else None
        ref = sources.ref(place.column) if place is not None and place.is_text else None
        if ref is None or node.this.find(exp.Trim) or not all(isinstance(text, exp.Literal) for text in texts):
            return {}
        is_pattern, is_plain = isinstance(node, exp.Like | exp.ILike), isinstance(node.this.unnest(), exp.Column)
        any_case = isinstance(node, exp.ILike) or not is_plain
        patterns = {pattern_of(text.name, is_whole=not is_pattern, any_case=any_case) for text in texts}
        if "" in patterns or len(patterns) > MOST_PATTERNS:
            return {}
        if truth != isinstance(node, exp.NEQ):
            return {ref: Bounds(like=frozenset({frozenset(patterns)}))}
        # UPPER(item) NOT LIKE 'sms' leaves no row out
        return {ref: Bounds(unlike=frozenset(patterns))} if is_plain or isinstance(node, exp.ILike) else {}

    def _compared(self, kind: type[exp.Expr], left: exp.Expr, right: exp.Expr, sources: Sources) -> Refs:
        place = shown_column(left)
        ref = sources.ref(place.column) if place is not None else None
        if place is None or ref is None:
            return {}
        limits = Bounds()
        name, span = name_in(right), moment_of(right, self._today)
        if ref[1] in self._fields and _is_zero(right):
            name = None  # MySQL takes each text that begins with no digit for 0
        if kind is exp.EQ and name is not None and place.is_text:
            limits = Bounds(frozenset({name}))
        if span is not None and kind is not exp.NEQ:
            limits = limits.both(place.limits(kind, span))
        if limits == Bounds():
            self._note(left.parent or left)
            return {}
        return {ref: limits}

    def _note(self, node: exp.Expr) -> None:
        """Remembers a condition on an account that names none."""
        columns = [column for column in node.find_all(exp.Column) if last(column.name) in self._fields]
        if columns:
            self.not_named.append(short(node.sql()))


def _is_zero(node: exp.Expr) -> bool:
    inner = node.unnest()
    return isinstance(inner, exp.Literal) and inner.is_number and not inner.name.strip("0.eE+-")


def _is_whole(pattern: exp.Expr) -> bool:
    """Whether the pattern of a LIKE is a text without wildcards."""
    return isinstance(pattern, exp.Literal) and not set("%_\\^") & set(pattern.name)
