"""SQL as sqlglot's parse tree: its nodes, what a table name in it means, and which texts it asks for.

SQL comes in as text; the trees go to the rules for SQL and to the products. Importing this module
imports sqlglot (120 ms), so it is imported only where there is SQL. Pure.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from creditbot.credit.sql.dialects import WAREHOUSES
from creditbot.text import one_line

_NAME_LIMIT = 60  # characters of a name in SQL that a sentence shows

# sqlglot logs a warning for every statement that it only knows by name. The rules refuse such a statement anyway.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

QUERIES = (exp.Select, exp.SetOperation, exp.Subquery)
_ROW_SOURCES = (exp.CTE, exp.From, exp.Join, exp.Lateral, exp.TableFromRows)
# A list of keys that rows are compared with, and what may stand between it and the query that gives the keys.
_KEYS = (
    exp.In, exp.Any, exp.All, exp.ArrayContains, exp.ArrayContainsAll, exp.ArrayContainedBy, exp.ArrayOverlaps,
)  # fmt: skip
_KEY_FUNCTIONS = frozenset({"arrays_overlap", "hasall", "hasany"})
_AROUND_KEYS = (exp.Array, exp.Cast, exp.Paren, exp.Subquery, exp.Unnest)

_SPELT_OUT = re.compile(r"(?<![A-Z])([A-Z])_(?=[A-Z](?:_|\Z))")


def readings(sql: str, dialect: str | None) -> Iterator[tuple[str, Sequence[exp.Expr]]]:
    """(dialect, statements) for every dialect that can parse the SQL: the one named, or if None those of WAREHOUSES."""
    for name in (dialect,) if dialect else WAREHOUSES:
        try:
            statements = sqlglot.parse(sql, dialect=name)
        except Exception:  # noqa: BLE001, S112 - whatever a parser raises on untrusted text, it did not understand it
            continue
        # sqlglot takes a comment after a semicolon for a statement.
        yield name, [tree for tree in statements if tree and not isinstance(tree, exp.Semicolon)]


@dataclass(frozen=True, slots=True)
class CteScope:
    """The common table expressions that one place of a query can see: those of one WITH, and those around it.

    Attributes:
        dialect: its rules decide when two names are the same.
        ctes: the expressions of the WITH, in order.
        names: name -> position in `ctes`.
        before: expressions at earlier positions are visible.
        recursive: reading an expression at one of these positions would be recursion.
        outer: the scope around the WITH.
    """

    dialect: Dialect
    ctes: Sequence[exp.CTE] = ()
    names: Mapping[str, int] = field(default_factory=dict)
    before: int = 0
    recursive: range = range(0)
    outer: CteScope | None = None

    def readable(self, table: exp.Table) -> bool | None:
        """Whether the name means an expression that may be read here; None if it means a table of the warehouse."""
        position = self._position(table)
        if position is not None:
            return position < self.before
        return self.outer.readable(table) if self.outer else None

    def cte_of(self, table: exp.Table) -> exp.CTE | None:
        """The expression that the name means; None if it means a table of the warehouse."""
        position = self._position(table)
        if position is not None:
            return self.ctes[position]
        return self.outer.cte_of(table) if self.outer else None

    def within(self, with_: exp.With) -> Iterator[tuple[exp.Expr, CteScope]]:
        """The expressions of a WITH, each with its scope; finally the WITH itself, with the scope after it."""
        ctes = with_.expressions
        # In ClickHouse, WITH also gives names to values, and such a name does not name a table.
        names = {self._name(cte.args["alias"].this): n for n, cte in enumerate(ctes) if not cte.args.get("scalar")}
        for n, cte in enumerate(ctes):
            # Without RECURSIVE, an expression may read a table that has its own name. But some warehouses do not need
            # that word, and take a UNION for recursion.
            end = len(ctes) if with_.recursive else n + isinstance(cte.this, exp.SetOperation)
            yield cte, CteScope(self.dialect, ctes, names, n, range(n, end), self)
        yield with_, CteScope(self.dialect, ctes, names, len(ctes), outer=self)

    def _position(self, table: exp.Table) -> int | None:
        position = self.names.get(self._name(table.this)) if len(table.parts) == 1 else None
        in_sight = position is not None and (position < self.before or position in self.recursive)
        return position if in_sight else None

    def _name(self, name: exp.Identifier) -> str:
        return str(self.dialect.normalize_identifier(name.copy()).this)


def nodes(query: exp.Expr, dialect: str) -> Iterator[tuple[exp.Expr, CteScope]]:
    """Every node, each with its scope."""
    todo = [(query, CteScope(Dialect.get_or_raise(dialect)))]
    while todo:
        node, scope = todo.pop()
        yield node, scope
        with_ = node.args.get("with_")
        if with_:
            *bodies, (_, inner) = scope.within(with_)
            todo += bodies
            todo += [(child, scope) for child in with_.iter_expressions() if not isinstance(child, exp.CTE)]
            scope = inner
        todo += [(child, scope) for child in node.iter_expressions() if child is not with_]


def is_value(query: exp.Expr) -> bool:
    """Whether a query is used as a value, not as a source of rows: `(SELECT 1)`, EXISTS, ARRAY, IN."""
    parent = query.parent
    while isinstance(parent, exp.Subquery | exp.SetOperation):
        parent = parent.parent
    return parent is not None and not isinstance(parent, _ROW_SOURCES)


def is_one_value(query: exp.Expr) -> bool:
    """Whether a query gives one value, or yes or no: neither the rows of another query nor the keys of `IN`."""
    parent = query.parent
    while isinstance(parent, _AROUND_KEYS):
        parent = parent.parent
    compares_keys = isinstance(parent, exp.Anonymous) and parent.name.lower() in _KEY_FUNCTIONS
    return not compares_keys and not isinstance(parent, (*_KEYS, exp.SetOperation)) and is_value(query)


def compares_row(query: exp.Expr) -> bool:
    """Whether a query that gives one value decides which rows stay, row by row.

    `WHERE EXISTS (SELECT 1 FROM u ...)` does, and so does a value that is computed with a column of the query around
    it, as in `WHERE (SELECT COUNT(*) FROM u WHERE u.id = t.id) > 0`.
    """
    clause = query.find_ancestor(exp.Where, exp.Having, exp.Qualify, exp.Join, exp.Select)
    if clause is None or isinstance(clause, exp.Select):
        return False
    parent = query.parent
    while isinstance(parent, exp.Subquery):
        parent = parent.parent
    own = {"", *(source.alias_or_name.lower() for source in query.find_all(exp.Table, exp.Subquery))}
    columns = query.find_all(exp.Column)
    return isinstance(parent, exp.Exists) or any(column.table.lower() not in own for column in columns)


def row_queries(query: exp.Expr, dialect: str, *, compared: bool = False) -> Iterator[exp.Expr]:
    """The queries whose rows or keys can reach the result, each once, without those that give one value.

    With `compared`, those that give one value and decide which rows stay are among them.
    """
    scopes = {id(node): scope for node, scope in nodes(query, dialect) if isinstance(node, exp.Table)}
    todo, entered = [query], set[int]()
    while todo:
        node = todo.pop()
        if isinstance(node, QUERIES):
            yield node
        elif isinstance(node, exp.Table) and (cte := scopes[id(node)].cte_of(node)) and id(cte) not in entered:
            entered.add(id(cte))
            todo.append(cte.this)
        below = (child for child in node.iter_expressions() if not isinstance(child, exp.With))
        todo += [
            child
            for child in below
            if not (isinstance(child, QUERIES) and is_one_value(child)) or (compared and compares_row(child))
        ]


@dataclass(frozen=True, slots=True)
class Meanings:
    """What the names of columns in a query may stand for.

    Attributes:
        named: the expressions of a name, by the name in lower case.
        nameless: expressions whose names nobody can tell, because a `*` stands before or beside them.
        tables: the names, in lower case, by which the query refers to tables of the warehouse and to nothing else.
    """

    named: Mapping[str, Sequence[exp.Expr]]
    nameless: Sequence[exp.Expr]
    tables: frozenset[str]

    def of(self, column: exp.Column) -> Sequence[exp.Expr]:
        """The expressions that a column may stand for; none if it can only be a column of a table."""
        return () if self.is_of_table(column) else [*self.named.get(column.name.lower(), ()), *self.nameless]

    def is_of_table(self, column: exp.Column) -> bool:
        """Whether the column is one of a table of the warehouse, because the name of the table stands before it."""
        return column.table.lower() in self.tables


def column_meanings(query: exp.Expr) -> Meanings:
    """The meanings of the names in a query.

    A name is an alias, or the name that a derived table, a common table expression or the first part of a UNION gives
    to a column.
    """
    named: dict[str, list[exp.Expr]] = {}
    nameless: list[exp.Expr] = []
    for node in query.walk():
        if isinstance(node, exp.Alias):
            named.setdefault(node.alias.lower(), []).append(node.this)
        elif isinstance(node, exp.PropertyEQ):  # a field of a struct
            named.setdefault(node.this.name.lower(), []).append(node.expression)
        elif isinstance(node, exp.CTE) and node.args.get("scalar"):
            named.setdefault(node.alias.lower(), []).append(node.this)
        elif isinstance(node, exp.Select | exp.SetOperation) and not isinstance(_around(node), exp.SetOperation):
            for names, columns in _renamed(node):
                if "*" in names or any(column.is_star for column in columns):
                    nameless += (column.unalias() for column in columns if not column.is_star)
                else:
                    for name, column in zip(names, columns, strict=False):
                        named.setdefault(name, []).append(column.unalias())
    return Meanings(named, nameless, _names_of_tables(query))


def _around(query: exp.Expr) -> exp.Expr | None:
    """What stands around a query and the brackets that it is in."""
    node = query.parent
    while isinstance(node, exp.Subquery) and not node.alias:
        node = node.parent
    return node


def _renamed(query: exp.Select | exp.SetOperation) -> Iterator[tuple[list[str], list[exp.Expr]]]:
    """The names that the columns of a query get by their position, with the columns, for each SELECT of a UNION."""
    todo: list[exp.Expr] = [query]
    selects: list[exp.Select] = []
    while todo:
        part = todo.pop().unnest()
        if isinstance(part, exp.SetOperation):
            todo += [part.expression, part.this]
        selects += [part] if isinstance(part, exp.Select) else []
    around = _around(query)
    alias = around.args.get("alias") if isinstance(around, exp.Subquery | exp.CTE) else None
    if isinstance(alias, exp.TableAlias) and alias.columns:
        names = [column.name.lower() for column in alias.columns]
        yield from ((names, select.selects) for select in selects)
    if len(selects) > 1:
        names = [column.alias_or_name.lower() for column in selects[0].selects]
        yield from ((names, select.selects) for select in selects[1:])


def _names_of_tables(query: exp.Expr) -> frozenset[str]:
    """The names, in lower case, by which a query refers to tables of the warehouse and to nothing else."""
    tables, others = set[str](), set[str]()
    ctes = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    for source in query.find_all(exp.Table, exp.Subquery, exp.UDTF):
        is_cte = len(source.parts) == 1 and source.name.lower() in ctes if isinstance(source, exp.Table) else False
        of_warehouse = isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier) and not is_cte
        (tables if of_warehouse else others).add(source.alias_or_name.lower())
    return frozenset(tables - others)


def parts_of_query(node: exp.Expr) -> Iterator[exp.Expr]:
    """The node and all nodes below it, without the queries inside it."""
    todo = [node]
    while todo:
        part = todo.pop()
        yield part
        todo += [child for child in part.iter_expressions() if not isinstance(child, (*QUERIES, exp.With))]


def operands(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a chain of ANDs, or of ORs, whatever brackets are around them."""
    todo = [node]
    while todo:
        part = todo.pop()
        inner = part.unnest()
        if isinstance(inner, exp.Connector) and type(inner) is type(node):
            todo += [inner.expression, inner.this]
        else:
            yield part


def conjuncts(clause: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions that all hold where a clause does: the parts of a chain of ANDs, or the clause alone."""
    inner = clause.unnest()
    yield from operands(inner) if isinstance(inner, exp.And) else [clause]


def full_name(table: exp.Table) -> str:
    """The name as written, without quotes: "analytics.verify_traffic"."""
    return ".".join(part.name for part in table.parts)


def requested_texts(query: exp.Expr) -> Iterator[str]:
    """The texts, names and functions that the SQL asks for, without those in negated conditions.

    `x <> 'a'`, `x NOT LIKE 'a'`, `NOT (x = 'a')`, `x IN ('a') IS FALSE`, `POSITION('a' IN x) = 0` and the right side of
    EXCEPT are negated. Two negations cancel out.
    """
    todo = [(query, False)]
    while todo:
        node, negated = todo.pop()
        text = node.args.get("this")
        if isinstance(text, str) and not negated:
            yield text
        if _negates(node):
            negated = not negated
        todo += [(child, negated != _is_subtracted(child)) for child in node.iter_expressions()]


def _negates(node: exp.Expr) -> bool:
    """Whether the node asks for rows for which the condition below it does *not* hold."""
    denies = isinstance(node, exp.Not | exp.NEQ | exp.NullSafeNEQ) or bool(node.args.get("negate"))
    # `x = ''` and `x IS NULL` ask for rows without x, `x <> ''` asks for rows with it.
    return denies != _compares_with_nothing(node)


def _compares_with_nothing(node: exp.Expr) -> bool:
    comparisons = exp.EQ | exp.NullSafeEQ | exp.Is | exp.NEQ | exp.NullSafeNEQ
    return isinstance(node, comparisons) and (is_nothing(node.left) or is_nothing(node.right))


def is_nothing(node: exp.Expr) -> bool:
    """Whether the node is NULL, FALSE, 0 or '': a row that equals it has nothing of what is asked for."""
    if isinstance(node, exp.Literal):
        return node.name in {"", "0"}
    return isinstance(node, exp.Null) or (isinstance(node, exp.Boolean) and not node.this)


def _is_subtracted(node: exp.Expr) -> bool:
    """Whether the node is the right side of an EXCEPT."""
    return isinstance(node.parent, exp.Except) and node.arg_key == "expression"


def name_of(node: exp.Expr) -> str:
    """The name that a person would use for this piece of SQL: "DELETE", "READ_CSV", "@stage/file"."""
    if isinstance(node, exp.Lateral | exp.TableFromRows):
        return name_of(node.this)
    if isinstance(node, exp.Command | exp.Anonymous | exp.Var):
        return short(node.name).upper()
    if isinstance(node, exp.GenerateSeries):
        return "GENERATE_SERIES"
    # sqlglot's own name of JSON_TABLE is J_S_O_N_TABLE.
    return _SPELT_OUT.sub(r"\1", node.sql_name()) if isinstance(node, exp.Func) else node.key.upper()


def short(name: str) -> str:
    """A name from SQL, on one line and short enough for a sentence."""
    return one_line(name, _NAME_LIMIT)
