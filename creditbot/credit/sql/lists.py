"""Checks the functions that make several rows of a list, such as UNNEST and FLATTEN: the list must be a column's own.

A list that the SQL itself writes down makes one row of traffic into many, and so any credit. A column of a derived
table counts as what the derived table computes it from. Nodes come from `creditbot.credit.sql.rules`. Pure.

    UNNEST(t.tags)                                                          the table's list
    UNNEST(SPLIT(t.tags, ','))                                              its text, in parts
    UNNEST(d.tags) with (SELECT ARRAY_AGG(tag) AS tags FROM t) AS d         one element a row
    UNNEST(ARRAY[1, 2])                                                     refused
    UNNEST(d.tags) with (SELECT ARRAY[1, 2] AS tags FROM t) AS d            refused
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.functions import TODO
from creditbot.credit.sql.tree import Meanings, column_meanings, name_of, parts_of_query
from creditbot.errors import SqlRefused

# fmt: off
# Functions that make several rows from one value. They may open a list that a column holds, and nothing else.
_LIST_TYPES: Final = (exp.Unnest, exp.Explode, exp.Posexplode, exp.Inline, exp.SplitToTable)
_LIST_NAMES: Final = frozenset({
    "_pg_expandarray", "aclexplode", "array_join", "arrayjoin", "each", "flatten", "inline_outer",
    "json_array_elements", "json_array_elements_text", "json_each", "json_each_text", "json_object_keys",
    "json_populate_recordset", "json_to_record", "json_to_recordset", "json_tree", "json_tuple",
    "jsonb_array_elements", "jsonb_array_elements_text", "jsonb_each", "jsonb_each_text", "jsonb_object_keys",
    "jsonb_path_query", "jsonb_path_query_tz", "jsonb_populate_recordset", "jsonb_to_record", "jsonb_to_recordset",
    "openjson", "regexp_matches", "regexp_split_to_table", "skeys", "split_to_table", "string_split",
    "string_to_table", "strtok_split_to_table", "svals", "ts_debug", "ts_parse", "ts_token_type", "unnest",
    "variant_explode", "variant_explode_outer",
})
# Steps on the way from a column to its list. None of them can add an element to the list.
_STEPS: Final = (
    exp.ArrayDistinct, exp.ArraySort, exp.Bracket, exp.Cast, exp.Dot, exp.FromJson, exp.JSONBExtract,
    exp.JSONBExtractScalar, exp.JSONExtract, exp.JSONExtractArray, exp.JSONExtractScalar, exp.JSONKeys,
    exp.JSONValueArray, exp.Kwarg, exp.Lower, exp.MapKeys, exp.Paren, exp.ParseJSON, exp.RegexpSplit, exp.Split,
    exp.StringToArray, exp.StrtokToArray, exp.Trim, exp.TryCast, exp.Upper,
)
_STEP_NAMES: Final = frozenset({
    "array_distinct", "array_sort", "from_json", "json_extract_array", "json_extract_string_array", "json_query_array",
    "json_value_array", "map_entries", "map_keys", "map_values", "mapkeys", "mapvalues", "object_keys", "split",
    "splitbychar", "splitbystring", "string_to_array", "strtok_to_array", "try_parse_json",
})
# fmt: on
_BRANCHING: Final = (exp.Case, exp.Coalesce, exp.If)
_AGGREGATES: Final = (exp.ArrayAgg, exp.ArrayUniqueAgg)
_AGGREGATE_NAMES: Final = frozenset({"collect_list", "collect_set", "grouparray", "groupuniqarray"})


class Lists:
    """Checks the functions and clauses of one query that open lists.

    Args:
        query: the statement.
    """

    def __init__(self, query: exp.Expr) -> None:
        self._query = query

    def check(self, node: exp.Func) -> None:
        """Raises `SqlRefused` if the function opens a list that no column holds."""
        compares = node.arg_key == "unnest"  # `x IN UNNEST(...)` compares with the list and makes no rows of it
        if opens_list(node) and not compares and not all(self._is_in_column(item) for item in _lists(node)):
            raise SqlRefused(f"The SQL generates rows with {name_of(node)} from a list, not from a column.", TODO)

    def check_array_join(self, join: exp.Join) -> None:
        """Raises `SqlRefused` unless ClickHouse's ARRAY JOIN opens columns."""
        for part in (join.this, *join.expressions):
            opened = part.this if isinstance(part, exp.Alias) else part
            if not self._is_in_column(opened):
                raise SqlRefused("The SQL generates rows with ARRAY JOIN from a list, not from a column.", TODO)

    @cached_property
    def _meanings(self) -> Meanings:
        return column_meanings(self._query)

    def _is_in_column(self, node: exp.Expr) -> bool:
        """Whether a list comes from columns of tables, or of rows of them, with nothing added."""
        todo, seen = [node], set[tuple[str, str]]()
        while todo:
            origin = _origin(todo.pop())
            if origin is None:
                return False
            todo += [branch for branch in _branches(origin) if not _is_short(branch)]
            if isinstance(origin, exp.Column) and (origin.table, origin.name) not in seen:
                seen.add((origin.table, origin.name))
                todo += self._meanings.of(origin)
        return True


def _origin(node: exp.Expr) -> exp.Expr | None:
    """What a list comes from, through paths, casts and splits; None if more is added on the way.

    That is a column, an aggregate, a query, or a choice between several lists.
    """
    while not isinstance(node, (exp.Column, *_BRANCHING)):
        if isinstance(node, exp.Array) and [exp.Select] == [type(item) for item in node.expressions]:
            return node
        if _collects_rows(node):
            return node if node.find(exp.Column) is not None and node.find(exp.Array) is None else None
        if isinstance(node, exp.Anonymous) and node.name.lower() in _STEP_NAMES and node.expressions:
            first, *others = node.expressions
        elif isinstance(node, exp.Kwarg):
            first, others = node.expression, []
        elif isinstance(node, _STEPS):
            first = node.this
            others = [child for child in node.iter_expressions() if child is not first]
        else:
            return None
        if any(other.find(exp.Array, exp.Func, exp.Slice) for other in others):
            return None
        node = first
    return node


def _branches(node: exp.Expr) -> Sequence[exp.Expr]:
    """The lists that a COALESCE, IF or CASE chooses from; none for anything else."""
    if isinstance(node, exp.Coalesce):
        return [node.this, *node.expressions]
    if isinstance(node, exp.Case | exp.If):
        results = [branch.args["true"] for branch in (node.args.get("ifs") or [node])]
        return [*results, *filter(None, (node.args.get("default"), node.args.get("false")))]
    return ()


def _is_short(node: exp.Expr) -> bool:
    """Whether a list that the SQL writes down has at most one element, so that it cannot make two rows of one."""
    while isinstance(node, exp.Cast | exp.Paren | exp.ParseJSON):
        node = node.this
    if isinstance(node, exp.Array):
        return len(node.expressions) < 2 and node.find(exp.Query) is None
    return isinstance(node, exp.Null) or (isinstance(node, exp.Literal) and node.name in {"", "[]", "{}"})


def opens_list(node: exp.Expr | None) -> bool:
    """Whether the node is a function that makes several rows from one value, such as UNNEST or FLATTEN."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _LIST_NAMES
    return isinstance(node, _LIST_TYPES)


def _collects_rows(node: exp.Expr) -> bool:
    """Whether the node is an aggregate that makes a list of one element for each row."""
    if isinstance(node, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        return _collects_rows(node.this)
    named = isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) and node.name.lower() in _AGGREGATE_NAMES
    return named or isinstance(node, _AGGREGATES)


def _lists(node: exp.Func) -> Sequence[exp.Expr]:
    """The arguments that hold the lists."""
    if isinstance(node, exp.Unnest):
        return node.expressions
    if isinstance(node, exp.Anonymous):
        return node.expressions[:1] or [node]
    return [node.this]


def makes_rows(select: exp.Select) -> bool:
    """Whether a SELECT makes rows of a list anywhere but in FROM."""
    return any(map(makes_rows_of_list, _row_makers(select)))


def makes_rows_of_list(node: exp.Expr) -> bool:
    """Whether a function makes rows of a list, and does not only compare with it, as `x IN UNNEST(...)` does."""
    return opens_list(node) and node.arg_key != "unnest"


def _row_makers(select: exp.Select) -> Iterator[exp.Expr]:
    """The parts of a SELECT in which a function that opens a list makes rows, but for FROM."""
    for clause in ("expressions", "distinct", "group", "order", "sort"):
        value = select.args.get(clause)
        for part in value if isinstance(value, list) else filter(None, [value]):
            yield from parts_of_query(part)
    for clause in ("prewhere", "where", "having", "qualify"):  # there, ClickHouse's arrayJoin only
        if part := select.args.get(clause):
            yield from (each for each in parts_of_query(part) if isinstance(each, exp.Explode))
    for value in select.find_all(exp.CTE):
        if value.args.get("scalar"):  # ClickHouse's WITH arrayJoin(tags) AS tag
            yield from parts_of_query(value.this)
