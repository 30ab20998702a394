"""Writes the query that lets the warehouse add rows up. SQL and names come in, other SQL goes to `traffic`. Pure.

The SQL of a link stays as it is, letter by letter, within `FROM (...)`. sqlglot reads it first, so that nothing but one
whole query gets there, and writes what stands around it in the warehouse's dialect. What a wrong value is, `values`
says: the query only asks for what shows one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import Dialect, TokenType, exp, parse, parse_one, tokenize
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token  # type: ignore[attr-defined]

_DIALECTS = {
    "awsathena": "athena",
    "clickhousedb": "clickhouse",
    "mariadb": "mysql",
    "mssql": "tsql",
    "postgresql": "postgres",
}
"""Names of SQLAlchemy for what has another name in sqlglot."""
_BYTES = {
    "duckdb": 'CAST({} AS TEXT) COLLATE "binary"',
    "mysql": "CAST({} AS BINARY)",
    "postgres": 'CAST({} AS TEXT) COLLATE "C"',
    "sqlite": "CAST({} AS BLOB)",
    "tsql": "CAST({} AS VARBINARY(MAX))",
}
"""Dialect -> a name as the bytes that it is made of, where columns or servers may take names for one that differ in
capitals or accents."""
_ALIAS = "traffic"


class CannotAddUp(Exception):
    """The warehouse cannot add up the rows of some SQL. The text says why, without a full stop."""


def dialect_of(url: str) -> str:
    """sqlglot's name for the dialect of an address such as "trino://..." or "postgresql+psycopg://...".

    Raises `CannotAddUp` if it knows none.
    """
    scheme = url.partition(":")[0].partition("+")[0].lower()
    name = _DIALECTS.get(scheme, scheme)
    if not name or Dialect.get(name) is None:
        raise CannotAddUp(f"no dialect of SQL is known for {scheme[:40]}")
    return name


def source_of(sql: str, dialect: str) -> str:
    """The SQL as it may stand within `FROM (...)`: without `;`, and without a last ORDER BY that only sorts the rows.

    Some warehouses would sort all rows for that, and some refuse it there. Raises `CannotAddUp` unless the SQL is one
    query.
    """
    try:
        tokens = tokenize(sql, read=dialect)
        while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
            tokens.pop()
        text = sql[: tokens[-1].end + 1] if tokens else ""
        query = _query(text, dialect)
        orders = list(_orders(tokens))
        if not orders or _order_decides(query):
            return text
        unsorted = query.copy()
        unsorted.set("order", None)
        rest = text[: orders[-1]].rstrip()
        return rest if _query(rest, dialect) == unsorted else text
    except (SqlglotError, RecursionError):
        raise CannotAddUp(f"the SQL cannot be read as one query of {dialect}") from None


def _query(text: str, dialect: str) -> exp.Query:
    statements = parse(text, read=dialect)
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise SqlglotError
    return statements[0]


def _orders(tokens: Sequence[Token]) -> Iterator[int]:
    """Where the ORDER BYs begin that are not within parentheses."""
    depth = 0
    for token in tokens:
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if not depth and token.token_type == TokenType.ORDER_BY:
            yield token.start


def _order_decides(query: exp.Query) -> bool:
    """Whether the order of the rows decides which rows there are, or may do so: a COUNT(*) in it leaves one row."""
    distinct, order = query.args.get("distinct"), query.args.get("order")
    is_cut = query.args.get("limit") or query.args.get("offset") or (distinct and distinct.args.get("on"))
    return bool(is_cut or (order and order.find(exp.Func, exp.WithFill, exp.Query)))


def no_rows_of(source: str, dialect: str) -> str:
    """SQL that gives the columns of a source, and no row, at no cost."""
    return _around(source, exp.select("*").where(exp.false()).limit(0), dialect)


def sums_of(
    source: str, keys: Sequence[str], counts: Sequence[str], most: int, dialect: str, names: Sequence[str] = ()
) -> str:
    """SQL that adds up the rows of a source.

    It gives the columns `keys`, the number of rows, and of each column of `counts` in turn: how many values are not
    NULL, the lowest, the highest, one that is not whole or NULL, and the sum. The rows are ordered by the keys, and one
    more than `most` shows that there are too many. The keys `names` count as equal only letter by letter.
    """
    by = [_column(name) for name in keys]
    apart = [_bytes_of(name, dialect) for name in names if dialect in _BYTES]
    facts = [fact for name in counts for fact in _facts(_column(name))]
    query = exp.select(*by, exp.Count(this=exp.Star()), *facts).group_by(*by, *apart).order_by(*by).limit(most + 1)
    return _around(source, query, dialect)


def _bytes_of(name: str, dialect: str) -> exp.Expr:
    return parse_one(_BYTES[dialect].format(_column(name).sql(dialect)), read=dialect)


def _facts(column: exp.Column) -> list[exp.Expr]:
    fraction = exp.Case().when(exp.NEQ(this=column, expression=exp.Floor(this=column)), column)
    kinds = (exp.Count(this=column), exp.Min(this=column), exp.Max(this=column), exp.Max(this=fraction))
    return [*kinds, exp.Sum(this=column)]


def _column(name: str) -> exp.Column:
    """By the very name that the warehouse says, whatever is in it."""
    return exp.Column(this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(_ALIAS))


def _around(source: str, query: exp.Select, dialect: str) -> str:
    """The query with the source in its FROM. A source may end in a comment, so its end has a line of its own."""
    text = query.from_(exp.select("*").from_("the_sql").subquery(_ALIAS)).sql(dialect=dialect)
    head, *tails = text.split("SELECT * FROM the_sql")
    if len(tails) != 1:
        raise CannotAddUp("a column has SQL in its name")
    return f"{head}\n{source}\n{tails[0]}"
