"""Decides which products SQL asks for, by the conditions that every row of its result fulfils.

A parsed query and the texts of each product come in; the names of the products that are proved go to
`creditbot.credit.products`. Pure.

    item LIKE 'Authy%' AND day > '2025-12-01'        every row is about Authy
    item LIKE 'Authy%' OR item LIKE '%SMS%'          no product is proved
    item NOT LIKE '%Authy%'                          no product is proved
    SELECT item = 'Authy' AS is_authy FROM t         a label asks for nothing
    account IN (SELECT account FROM t WHERE ...)     an account that has Authy has other traffic, too

If no condition proves a product, the name of a table that the rows come from may prove it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.literals import is_from_row, patterns_in, text_of, texts_in, texts_in_list
from creditbot.credit.sql.reading import ProductTexts
from creditbot.credit.sql.tree import (
    QUERIES,
    column_meanings,
    full_name,
    is_nothing,
    name_of,
    nodes,
    operands,
    requested_texts,
    row_queries,
)


def products_asked_for(query: exp.Expr, dialect: str, products: Sequence[ProductTexts]) -> set[str]:
    """The names of the products that the query is about; none or several if nobody can tell.

    A text that fits several products belongs to the first of them: 'Authy SMS' is about Authy.
    """
    requested = list(requested_texts(query))
    allowed = [product for product in products if not any(map(product.exclude, requested))]
    names = _Names(query, dialect)
    for by_tables in (False, True):
        proofs = {product.name: _Proof(query, names, products, product, by_tables=by_tables) for product in allowed}
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
_REGEXES: Final = (exp.RegexpCount, exp.RegexpInstr)
_SEARCHES: Final = (exp.Contains, exp.StartsWith, exp.EndsWith, exp.StrPosition, exp.ArrayContains)
_SEARCH_NAMES: Final = frozenset({"contains", "like", "positioncaseinsensitive", "positioncaseinsensitiveutf8"})
"""Functions that look in their first argument for their second."""
_FULL_TEXT: Final = frozenset({"oracle", "tsql"})
"""Dialects in which CONTAINS takes a query: 'Authy OR SMS'."""
_ONE_WORD: Final = re.compile(r'"?\w+\*?"?')
_SHARED_KEY: Final = re.compile(
    r"(?:\w*_)?(?:account|carrier|channel|client|company|companie|country|countrie|customer|date|day|hour|month|org"
    r"|organi[sz]ation|owner|parent|phone|prefix|region|sub_?account|team|tenant|user|week|workspace|year)s?"
    r"(?:_?(?:code|id|key|name|no|number|sid|uuid))?",
    re.IGNORECASE,
)
"""Names of columns whose values the traffic of several products shares."""
_NO: Final = frozenset({"", "0", "n", "no", "f", "false", "off"})


class _Names:
    """What the names in a query mean.

    Attributes:
        dialect: its rules decide which names are common table expressions.
        scopes: the common table expressions that each table of the query can see, by the id of the table.
        meanings: what the names of columns stand for.
        conditions: the conditions that derived tables give as columns, by name in lower case.
    """

    def __init__(self, query: exp.Expr, dialect: str) -> None:
        self.dialect = dialect
        self.scopes = {id(node): scope for node, scope in nodes(query, dialect) if isinstance(node, exp.Table)}
        self.meanings = column_meanings(query)
        self.conditions = _computed_columns(query, dialect)


class _Proof:
    """Whether every row of a query is about one product.

    Args:
        query: the statement.
        names: what the names in it mean.
        products: all products. A text that fits several belongs to the first.
        product: the product to prove.
        by_tables: whether names of tables count instead of conditions.
    """

    def __init__(
        self,
        query: exp.Expr,
        names: _Names,
        products: Sequence[ProductTexts],
        product: ProductTexts,
        *,
        by_tables: bool,
    ) -> None:
        self._query = query
        self._products = products
        self._product = product
        self._by_tables = by_tables
        self._names = names
        self._proved: dict[int, bool] = {}
        self._of_row: dict[str, bool] = {}

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
        if len(sources) > 1:
            sources = [source for source in sources if not self._gives_keys(source, query)]
        return by_condition or any(map(self._source, sources))

    def _gives_keys(self, source: exp.Expr, around: exp.Select) -> bool:
        """Whether a source that is joined to others gives no traffic: it is about rows that other products share.

        It gives keys of accounts or days, perhaps with numbers that the query around it does not show, or one row of
        numbers.
        """
        query = source.this if isinstance(source, exp.Subquery) else self._cte_query(source)
        if not isinstance(query, exp.Select) or not query.selects:
            return False
        renamed = source.alias_column_names or (query.parent.alias_column_names if query.parent else ())
        names = renamed or [column.alias_or_name for column in query.selects]
        values = {
            name.lower(): column
            for name, column in zip(names, query.selects, strict=False)
            if not _SHARED_KEY.fullmatch(name)
        }
        if any(value.find(exp.AggFunc) is None or value.find(exp.Window) for value in values.values()):
            return False
        if values and not query.args.get("group"):
            return True
        return not values or not _shows(around, source.alias_or_name.lower(), set(values))

    def _cte_query(self, source: exp.Expr) -> exp.Expr | None:
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
            return None
        cte = self._names.scopes[id(source)].cte_of(source)
        return cte and cte.this

    def _source(self, source: exp.Expr) -> bool:
        if isinstance(source, exp.Final | exp.Lateral):
            return self._source(source.this)
        if not isinstance(source, exp.Table):
            return isinstance(source, QUERIES) and self._rows(source)
        cte = self._names.scopes[id(source)].cte_of(source) if isinstance(source.this, exp.Identifier) else None
        if cte is None:
            return self._by_tables and self._is_name(full_name(source)) and not _SHARED_KEY.fullmatch(source.name)
        if id(cte) not in self._proved:
            self._proved[id(cte)] = False  # the answer meanwhile, if its rows come from itself
            self._proved[id(cte)] = self._rows(cte.this)
        return self._proved[id(cte)]

    # ---- conditions --------------------------------------------------------------------------------------------------

    def _when(self, node: exp.Expr, truth: bool) -> bool:
        """Whether a row is about the product whenever the condition has this truth."""
        node = self._computed(node)
        if node.args.get("negate"):
            truth = not truth
        if isinstance(node, exp.Cast | exp.Escape):
            return self._when(node.this, truth)
        if isinstance(node, exp.Not):
            return self._when(node.this, not truth)
        if isinstance(node, exp.And | exp.Or):
            sides = (self._when(side, truth) for side in operands(node) if not _is_never(side, truth))
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
            value = _branches_in(self._computed(node.this))
            patterns = patterns_in(type(node), node.expression, self._names.dialect)
            is_plain_like = isinstance(node, exp.Like | exp.ILike) and not isinstance(node.parent, exp.Escape)
            if isinstance(value, exp.Case | exp.If) and is_plain_like:
                return self._case(value, lambda branch: _may_be_like(branch, patterns))
            return self._is_about(value, patterns)
        if isinstance(node, exp.Between):
            return self._is_between(node.this, text_of(node.args["low"]), text_of(node.args["high"]))
        return self._finds(node)

    def _is_between(self, value: exp.Expr, low: str | None, high: str | None) -> bool:
        bounds = [text for text in (low, high) if text is not None]
        if _is_number_or_date("".join(bounds)):
            return any(self._is_about(value, [text]) for text in bounds or [""])
        if low is None or high is None:
            return self._named(value)
        # A text between two others begins with what both of these begin with.
        begin = takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False))
        return self._is_about(value, ["".join(one for one, _ in begin)])

    def _finds(self, node: exp.Expr) -> bool:
        """Whether a function that looks for a text in a value is about the product where it finds it."""
        if isinstance(node, _REGEXES):
            return self._is_about(node.this, patterns_in(type(node), node.expression, self._names.dialect))
        if isinstance(node, _SEARCHES):
            value, sought = node.this, node.args.get("substr") or node.expression
        elif isinstance(node, exp.Anonymous) and node.name.lower() in _SEARCH_NAMES and len(node.expressions) > 1:
            value, sought = node.expressions[:2]
        else:
            return False
        texts = texts_in(sought)
        is_full_text = self._names.dialect in _FULL_TEXT and name_of(node) == "CONTAINS"
        if is_full_text and not all(map(_ONE_WORD.fullmatch, texts or ())):
            return False
        return self._is_about(value, texts)

    def _is_about(self, value: exp.Expr, texts: Sequence[str] | None) -> bool:
        """Whether a row is about the product if its value fits one of the texts."""
        if self._named(value):
            return True
        return bool(texts) and all(map(self._is_literal, texts or ())) and self._is_from_row(value)

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
        if (kind is exp.GT and right.name in {"0", "1"}) or (kind is exp.GTE and right.name == "1"):
            return self._when(left, truth)
        if not truth:
            return False
        if kind in {exp.GT, exp.GTE} and self._named(left):
            return True
        # A bound says something in numbers and dates only: whatever comes after 'Authy' is greater than it.
        text = text_of(right)
        return text is not None and _is_number_or_date(text) and self._is_literal(text) and self._is_from_row(left)

    def _equal(self, left: exp.Expr, right: exp.Expr, truth: bool) -> bool:
        left = _branches_in(left)
        if isinstance(left, exp.Case | exp.If):
            return self._case(left, lambda value: _may_equal(value, right) if truth else not _is_equal(value, right))
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            pairs = zip(left.expressions, right.expressions, strict=False)
            return truth and any(self._equal(one, other, True) for one, other in pairs)
        if is_nothing(right) or (isinstance(right, exp.Literal) and right.name.casefold() in _NO):
            return self._when(left, not truth)
        if _is_true(right):
            return self._when(left, truth)
        return truth and left.find(exp.AggFunc) is None and self._is_about(left, texts_in(right))

    def _is_in(self, node: exp.In) -> bool:
        query, unnest = node.args.get("query"), node.args.get("unnest")
        value = _branches_in(self._computed(node.this))
        if query is not None:
            return self._named(value) or (not _is_shared_key(value) and self._rows(query))
        if unnest is not None and text_of(value) is not None:  # 'Authy' IN UNNEST(items)
            return any(self._is_about(items, texts_in(value)) for items in unnest.expressions)
        elements = unnest.expressions[0].expressions if unnest is not None else node.expressions
        if isinstance(value, exp.Case | exp.If | exp.Tuple):
            elements = [element for element in elements if not isinstance(element, exp.Null)]
            return bool(elements) and all(self._equal(value, element, True) for element in elements)
        return self._is_about(value, texts_in_list(elements))

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
            return False  # ELSE gets rows for which no condition is true, and they may be of any product
        proofs = [is_proved(branch) for branch in branches if may_be(branch.args["true"])]
        return bool(proofs) and all(proofs)

    # ---- texts -------------------------------------------------------------------------------------------------------

    def _named(self, node: exp.Expr) -> bool:
        """Whether the name of a column, perhaps in a cast or in UPPER, is about the product."""
        while isinstance(node, exp.Paren | exp.Cast | exp.Upper | exp.Lower | exp.Trim | exp.Coalesce):
            node = node.this
        if not isinstance(node, exp.Column) or not self._is_name(node.name):
            return False
        # An alias is a label: it says what the columns behind it say.
        meanings = [meaning for meaning in self._names.meanings.of(node) if meaning is not node]
        return all(isinstance(meaning, exp.Column) and self._is_name(meaning.name) for meaning in meanings)

    def _is_from_row(self, value: exp.Expr) -> bool:
        return is_from_row(value, self._is_of_row, self._is_telling)

    def _is_of_row(self, column: exp.Column) -> bool:
        """Whether a column holds what its row says, and not what the SQL writes into it."""
        if self._names.meanings.is_of_table(column):
            return True
        name = column.name.lower()
        if name not in self._of_row:
            self._of_row[name] = True  # the answer meanwhile, if the name stands for itself
            self._of_row[name] = all(map(self._is_from_row, self._names.meanings.of(column)))
        return self._of_row[name]

    def _is_telling(self, text: str) -> bool:
        return any(product.are_in_literal(text) for product in self._products)

    def _is_name(self, name: str) -> bool:
        return next((product for product in self._products if product.are_in_name(name)), None) is self._product

    def _is_literal(self, text: str) -> bool:
        return next((product for product in self._products if product.are_in_literal(text)), None) is self._product

    def _computed(self, node: exp.Expr) -> exp.Expr:
        """The node without brackets. If it is a column that a derived table computes as a condition, that condition."""
        node = node.unnest()
        if not isinstance(node, exp.Column) or self._names.meanings.is_of_table(node):
            return node
        return self._names.conditions.get(node.name.lower(), node)


def _is_about_row(query: exp.Expr) -> bool:
    """Whether the query inside EXISTS is about the row around it: it names a table that is not its own.

    What is about the row's account, or day, is about the rows of other products, too.
    """
    own = {source.alias_or_name.lower() for source in query.find_all(exp.Table, exp.Subquery)}
    others = (column for column in query.find_all(exp.Column) if column.table and column.table.lower() not in own)
    return any(not _is_shared_key(column) for column in others)


def _is_shared_key(node: exp.Expr) -> bool:
    """Whether a value names an account, a day or the like, whose traffic may be of several products."""
    parts = node.expressions if isinstance(node, exp.Tuple) else [node]
    return all(isinstance(part, exp.Column) and _SHARED_KEY.fullmatch(part.name) for part in parts)


def _shows(select: exp.Select, source: str, names: set[str]) -> bool:
    """Whether the result has one of these columns of a source."""
    columns = (column for shown in select.selects for column in shown.find_all(exp.Column))
    read = {column.name.lower() for column in columns if column.table.lower() in {"", source}}
    return select.is_star or "*" in read or not names.isdisjoint(read)


def _is_number_or_date(text: str) -> bool:
    return not any(map(str.isalpha, text))


def _is_never(side: exp.Expr, truth: bool) -> bool:
    """Whether a part of an AND or OR is a constant that never has this truth: FALSE in `item = 'Authy' OR FALSE`."""
    constant = side.unnest()
    return isinstance(constant, exp.Boolean) and bool(constant.this) is not truth


def _branches_in(value: exp.Expr) -> exp.Expr:
    """The CASE in a value such as UPPER(CASE ...), or the one that a DECODE is; any other value as it is."""
    inner = value
    while isinstance(inner, exp.Cast | exp.Lower | exp.Paren | exp.Trim | exp.Upper):
        inner = inner.this
    if isinstance(inner, exp.DecodeCase):
        return _case_of(inner)
    return inner if isinstance(inner, exp.Case | exp.If) else value


def _may_be_like(value: exp.Expr, patterns: Sequence[str] | None) -> bool:
    """Whether a value may match one of the patterns of a LIKE: yes, unless it is a constant that does not."""
    text = text_of(value)
    if isinstance(value, exp.Null):
        return False
    if text is None or patterns is None or any("\\" in pattern for pattern in patterns):
        return True
    wild = (re.escape(pattern).replace("%", ".*").replace("_", ".") for pattern in patterns)
    return any(re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) for pattern in wild)


def _case_of(decode: exp.DecodeCase) -> exp.Case:
    """Oracle's DECODE(value, search, result, ..., default) as a CASE."""
    value, *rest = (part.copy() for part in decode.expressions)
    default = rest.pop() if len(rest) % 2 else None
    branches = [exp.If(this=search, true=result) for search, result in zip(rest[::2], rest[1::2], strict=True)]
    return exp.Case(this=value, ifs=branches, default=default)


def _parts(select: exp.Select) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """The sources that every row of a SELECT comes from, and the conditions that every row fulfils."""
    from_ = select.args.get("from_")
    sources = [from_.this] if from_ else []
    clauses = [select.args.get(name) for name in ("prewhere", "where", "having", "qualify")]
    conditions = [clause.this for clause in clauses if clause is not None]
    of_joins: list[exp.Expr] = []
    for join in select.args.get("joins") or ():
        side, on = _side(join), join.args.get("on")
        if side in {"RIGHT", "FULL"}:
            sources, of_joins = [], []  # a row without a partner comes from none of the sources before
        if side not in {"LEFT", "FULL"} and join.kind not in {"ANTI", "ARRAY"}:
            sources.append(join.this)
            if side != "RIGHT" and on is not None:
                of_joins.append(on)
    return sources, conditions + of_joins


def _side(join: exp.Join) -> str:
    """The side of a join whose rows need no partner; "FULL" for both, "" for none."""
    if join.method == "POSITIONAL":
        return "FULL"
    is_outer_apply = isinstance(join.this, exp.Lateral) and join.this.args.get("cross_apply") is False
    return "LEFT" if is_outer_apply else join.side


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


def _is_true(node: exp.Expr) -> bool:
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    return isinstance(node, exp.Literal) and node.name.casefold() in {"1", "y", "yes", "t", "true"}


def _may_equal(value: exp.Expr, other: exp.Expr) -> bool:
    """Whether two values may be the same: yes, unless both are constants that differ in more than capitals."""
    text, other_text = text_of(value), text_of(other)
    if text is not None and other_text is not None:
        return text.casefold() == other_text.casefold()
    return not (isinstance(value, _CONSTANTS) and isinstance(other, _CONSTANTS)) or value == other


def _is_equal(value: exp.Expr, other: exp.Expr) -> bool:
    return isinstance(value, _CONSTANTS) and value == other
