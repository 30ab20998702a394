"""Decides which products SQL asks for, by the conditions that every row of its result fulfils.

A parsed query and the texts of each product come in; the names of the products that are proved go to
`creditbot.credit.products`. Pure.

    item LIKE 'Authy%' AND day > '2025-12-01'        every row is about Authy
    item LIKE 'Authy%' OR item LIKE '%SMS%'          no product is proved
    item NOT LIKE '%Authy%'                          no product is proved
    SELECT item = 'Authy' AS is_authy FROM t         a label asks for nothing

If no condition proves a product, the name of a table that the rows come from may prove it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.reading import ProductTexts
from creditbot.credit.sql.tree import QUERIES, full_name, is_nothing, nodes, operands, requested_texts, row_queries


def products_asked_for(query: exp.Expr, dialect: str, products: Sequence[ProductTexts]) -> set[str]:
    """The names of the products that the query is about; none or several if nobody can tell.

    A text that fits several products belongs to the first of them: 'Authy SMS' is about Authy.
    """
    requested = list(requested_texts(query))
    allowed = [product for product in products if not any(map(product.exclude, requested))]
    for by_tables in (False, True):
        proofs = {product.name: _Proof(query, dialect, products, product, by_tables=by_tables) for product in allowed}
        if proved := {name for name, proof in proofs.items() if proof.holds()}:
            return proved
    return set()


_EQUAL: Final = (exp.EQ, exp.NullSafeEQ, exp.Is)
_UNEQUAL: Final = (exp.NEQ, exp.NullSafeNEQ)
_NULL_SAFE: Final = (exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ)
_MIRRORED: Final[Mapping[type[exp.Expr], type[exp.Expr]]] = {
    exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE,
}  # fmt: skip
_COMPARISONS: Final = (*_EQUAL, *_UNEQUAL, exp.GT, exp.GTE, exp.LT, exp.LTE)
_CONSTANTS: Final = (exp.Literal, exp.Boolean, exp.Null)
_PATTERNS: Final = (exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpILike, exp.SimilarTo, exp.Glob)
_SEARCHES: Final = (
    exp.Contains, exp.StartsWith, exp.EndsWith, exp.StrPosition, exp.RegexpCount, exp.RegexpInstr, exp.ArrayContains,
)  # fmt: skip
_SEARCH_NAMES: Final = frozenset({
    "charindex", "contains", "contains_substr", "endswith", "has", "instr", "like", "locate", "match", "position",
    "positioncaseinsensitive", "regexp_contains", "regexp_like", "startswith", "strpos",
})  # fmt: skip
_NO: Final = frozenset({"", "0", "n", "no", "f", "false", "off"})


class _Proof:
    """Whether every row of a query is about one product.

    Args:
        query: the statement.
        dialect: its rules decide which names are common table expressions.
        products: all products. A text that fits several belongs to the first.
        product: the product to prove.
        by_tables: whether names of tables count instead of conditions.
    """

    def __init__(
        self, query: exp.Expr, dialect: str, products: Sequence[ProductTexts], product: ProductTexts, *, by_tables: bool
    ) -> None:
        self._query = query
        self._products = products
        self._product = product
        self._by_tables = by_tables
        self._scopes = {id(node): scope for node, scope in nodes(query, dialect) if isinstance(node, exp.Table)}
        self._columns = _computed_columns(query, dialect)
        self._proved: dict[int, bool] = {}

    def holds(self) -> bool:
        return self._rows(self._query)

    # ---- rows --------------------------------------------------------------------------------------------------------

    def _rows(self, query: exp.Expr) -> bool:
        if isinstance(query, exp.Except):
            return self._rows(query.this)
        if isinstance(query, exp.Intersect):
            return self._rows(query.this) or self._rows(query.expression)
        if isinstance(query, exp.SetOperation):
            return self._rows(query.this) and self._rows(query.expression)
        if isinstance(query, exp.Subquery):
            return self._source(query.this)
        if not isinstance(query, exp.Select):
            return False
        sources, conditions = _parts(query)
        by_condition = not self._by_tables and any(self._when(condition, True) for condition in conditions)
        return by_condition or any(map(self._source, sources))

    def _source(self, source: exp.Expr) -> bool:
        if isinstance(source, exp.Final | exp.Lateral):
            return self._source(source.this)
        if not isinstance(source, exp.Table):
            return isinstance(source, QUERIES) and self._rows(source)
        cte = self._scopes[id(source)].cte_of(source) if isinstance(source.this, exp.Identifier) else None
        if cte is None:
            return self._by_tables and self._is_name(full_name(source))
        if id(cte) not in self._proved:
            self._proved[id(cte)] = False  # for one that reads itself
            self._proved[id(cte)] = self._rows(cte.this)
        return self._proved[id(cte)]

    # ---- conditions --------------------------------------------------------------------------------------------------

    def _when(self, node: exp.Expr, truth: bool) -> bool:
        """Whether a row is about the product whenever the condition has this truth."""
        node = self._computed(node)
        if node.args.get("negate"):
            truth = not truth
        if isinstance(node, exp.Cast):
            return self._when(node.this, truth)
        if isinstance(node, exp.Not):
            return self._when(node.this, not truth)
        if isinstance(node, exp.And | exp.Or):
            sides = (self._when(side, truth) for side in operands(node))
            return any(sides) if isinstance(node, exp.And) == truth else all(sides)
        if isinstance(node, _COMPARISONS):
            return self._compared(type(node), node.this, node.expression, truth)
        if isinstance(node, exp.Case | exp.If):
            return self._case(node, lambda value: not is_nothing(value) if truth else not _is_true(value))
        if isinstance(node, exp.Coalesce):
            values = [value for value in (node.this, *node.expressions) if not (truth and is_nothing(value))]
            return all(self._when(value, truth) for value in values)
        return truth and self._found(node)

    def _found(self, node: exp.Expr) -> bool:
        """Whether a condition that holds, and has no conditions inside it, is about the product."""
        if isinstance(node, exp.Column):
            return self._named(node)
        if isinstance(node, exp.In):
            return self._is_in(node)
        if isinstance(node, exp.Exists):
            return _is_about_row(node.this) and self._rows(node.this)
        if isinstance(node, _PATTERNS):
            return self._named(node.this) or self._all_about(node.expression)
        if isinstance(node, exp.Between):
            return self._named(node.this) or any(map(self._all_about, (node.args["low"], node.args["high"])))
        if isinstance(node, _SEARCHES) or (isinstance(node, exp.Anonymous) and node.name.lower() in _SEARCH_NAMES):
            return any(self._named(part) or self._all_about(part) for part in node.iter_expressions())
        return False

    def _compared(self, kind: type[exp.Expr], left: exp.Expr, right: exp.Expr, truth: bool) -> bool:
        left, right = self._computed(left), self._computed(right)
        if isinstance(left, _CONSTANTS) and not isinstance(right, _CONSTANTS):
            return self._compared(_MIRRORED.get(kind, kind), right, left, truth)
        if kind in _UNEQUAL:
            truth = not truth
        if kind in _NULL_SAFE and not truth and not isinstance(right, exp.Null):
            return False  # `(item = 'x') IS NOT TRUE` holds for rows without an item, too
        if kind in _EQUAL or kind in _UNEQUAL:
            return self._equal(left, right, truth)
        if (kind is exp.LT and right.name == "1") or (kind is exp.LTE and right.name == "0"):
            return self._when(left, not truth)  # STRPOS(item, 'Authy') < 1
        if kind in {exp.GT, exp.GTE} and right.name in {"0", "1"}:
            return self._when(left, truth)
        return truth and (self._named(left) or self._all_about(right))

    def _equal(self, left: exp.Expr, right: exp.Expr, truth: bool) -> bool:
        if isinstance(left, exp.Case | exp.If):
            return self._case(left, lambda value: _may_equal(value, right) if truth else not _is_equal(value, right))
        if is_nothing(right) or (isinstance(right, exp.Literal) and right.name.casefold() in _NO):
            return self._when(left, not truth)
        if _is_true(right):
            return self._when(left, truth)
        is_of_group = left.find(exp.AggFunc) is not None  # MAX(item) = 'Authy' says nothing of the other rows
        return truth and not is_of_group and (self._named(left) or self._all_about(right))

    def _is_in(self, node: exp.In) -> bool:
        query, unnest = node.args.get("query"), node.args.get("unnest")
        if query is not None:
            return self._named(node.this) or self._rows(query)
        elements = unnest.expressions if unnest is not None else node.expressions
        return self._named(node.this) or (bool(elements) and all(map(self._all_about, elements)))

    def _case(self, case: exp.Expr, may_be: Callable[[exp.Expr], bool]) -> bool:
        """Whether a row is about the product whenever the CASE gives a value for which `may_be` is true."""
        operand = case.args.get("this") if isinstance(case, exp.Case) else None
        branches = case.args["ifs"] if isinstance(case, exp.Case) else [case]
        default = case.args.get("default") or case.args.get("false")

        def is_proved(branch: exp.Expr) -> bool:
            if operand is None:
                return self._when(branch.this, True)
            return self._compared(exp.EQ, operand, branch.this, True)

        if default is not None and may_be(default):
            return False  # what is left over: rows for which the conditions are false, or neither true nor false
        proofs = [is_proved(branch) for branch in branches if may_be(branch.args["true"])]
        return bool(proofs) and all(proofs)

    # ---- texts -------------------------------------------------------------------------------------------------------

    def _named(self, node: exp.Expr) -> bool:
        """Whether the name of a column, perhaps in a cast or in UPPER, is about the product."""
        while isinstance(node, exp.Paren | exp.Cast | exp.Upper | exp.Lower | exp.Trim | exp.Coalesce):
            node = node.this
        return isinstance(node, exp.Column) and self._is_name(node.name)

    def _all_about(self, node: exp.Expr) -> bool:
        """Whether a literal, or every literal of a list, is about the product."""
        if isinstance(node, exp.Any | exp.Paren):
            return self._all_about(node.this)
        if isinstance(node, exp.Tuple | exp.Array):
            return bool(node.expressions) and all(map(self._all_about, node.expressions))
        text = _text(node)
        return text is not None and self._is_literal(text)

    def _is_name(self, name: str) -> bool:
        return next((product for product in self._products if product.are_in_name(name)), None) is self._product

    def _is_literal(self, text: str) -> bool:
        return next((product for product in self._products if product.are_in_literal(text)), None) is self._product

    def _computed(self, node: exp.Expr) -> exp.Expr:
        """The node without brackets. If it is a column that a derived table computes as a condition, that condition."""
        node = node.unnest()
        return self._columns.get(node.name.lower(), node) if isinstance(node, exp.Column) else node


def _is_about_row(query: exp.Expr) -> bool:
    """Whether the query inside EXISTS is about the row around it: it names a table that is not its own."""
    own = {source.alias_or_name.lower() for source in query.find_all(exp.Table, exp.Subquery)}
    return any(column.table and column.table.lower() not in own for column in query.find_all(exp.Column))


def _parts(select: exp.Select) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """The sources that every row of a SELECT comes from, and the conditions that every row fulfils."""
    from_ = select.args.get("from_")
    sources = [from_.this] if from_ else []
    clauses = [select.args.get(name) for name in ("prewhere", "where", "having", "qualify")]
    conditions = [clause.this for clause in clauses if clause is not None]
    for join in select.args.get("joins") or ():
        if join.side in {"RIGHT", "FULL"}:
            sources = []
        if join.side not in {"LEFT", "FULL"} and join.kind not in {"ANTI", "ARRAY"}:
            sources.append(join.this)
        if not join.side and join.kind not in {"ANTI", "ARRAY"} and join.args.get("on") is not None:
            conditions.append(join.args["on"])
    return sources, conditions


def _computed_columns(query: exp.Expr, dialect: str) -> Mapping[str, exp.Expr]:
    """The conditions that derived tables give as columns, by name in lower case; without names of two meanings."""
    columns: dict[str, exp.Expr] = {}
    ambiguous = set[str]()
    for part in row_queries(query, dialect):
        for column in part.selects if isinstance(part, exp.Select) else ():
            name, meaning = column.alias_or_name.lower(), column.unalias()
            if name in columns and columns[name] != meaning:
                ambiguous.add(name)
            if isinstance(meaning, exp.Case | exp.If | exp.Predicate | exp.Not | exp.Connector):
                columns[name] = meaning
            elif not (isinstance(meaning, exp.Column) and meaning.name.lower() == name):
                ambiguous.add(name)
    return {name: meaning for name, meaning in columns.items() if name not in ambiguous}


def _texts(node: exp.Expr) -> Iterator[str | None]:
    if isinstance(node, exp.Literal):
        yield node.name
    elif isinstance(node, exp.Cast | exp.Upper | exp.Lower | exp.Trim | exp.Collate | exp.Escape):
        yield from _texts(node.this)
    elif isinstance(node, exp.DPipe | exp.Add):
        yield from _texts(node.this)
        yield from _texts(node.expression)
    elif isinstance(node, exp.Concat):
        for part in node.expressions:
            yield from _texts(part)
    else:
        yield None


def _text(node: exp.Expr) -> str | None:
    """The text of a literal, or of several that are joined; None if the node contains anything else."""
    texts = list(_texts(node))
    return "".join(filter(None, texts)) if None not in texts else None


def _is_true(node: exp.Expr) -> bool:
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    return isinstance(node, exp.Literal) and node.name.casefold() in {"1", "y", "yes", "t", "true"}


def _may_equal(value: exp.Expr, other: exp.Expr) -> bool:
    """Whether two values may be the same: yes, unless both are constants that differ."""
    return not (isinstance(value, _CONSTANTS) and isinstance(other, _CONSTANTS)) or value == other


def _is_equal(value: exp.Expr, other: exp.Expr) -> bool:
    return isinstance(value, _CONSTANTS) and value == other
