"""SQL as words, without a grammar: what can be said of it in every dialect, and of SQL that no dialect reads. Pure.

Comments are `-- ...`, `/* ... */`, and `# ...` where it begins a line; literals and quoted names are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MAX_SQL = 200_000
"""Characters; the longest a query may be. Parsing that much takes about a second a dialect."""

WAREHOUSES = ("postgres", "redshift", "snowflake", "trino", "duckdb", "databricks", "mysql", "bigquery")
"""The dialects that SQL is read in while none is set. BigQuery is last: it takes the `#>` of others for a comment."""

# Every alternative that runs to a closing mark also ends with the text, so that the scan is linear whatever the input.
_WORD = re.compile(
    r"""
      (?P<comment> --[^\n]*+ | /\*.*?(?:\*/|\Z) | ^[^\S\n]*+\#(?=[A-Za-z\s])[^\n]*+ )
    | (?P<literal> '[^']*+(?:''[^']*+)*+(?:'|\Z)
                 | "[^"]*+(?:""[^"]*+)*+(?:"|\Z)
                 | `[^`]*+(?:`|\Z)
                 | \$(?P<tag>[A-Za-z_]*+)\$.*?(?:\$(?P=tag)\$|\Z) )
    | (?P<code> \w[\w$]*+ | [^\s\w] )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_COUNTS = frozenset(
    {"limit", "offset", "fetch", "union", "intersect", "except", "for", "into", ";", "select", "rows", "top"}
)
"""Words after an ORDER BY with which the order of the rows may say which rows there are."""
_ESCAPED_QUOTE = re.compile(r"""\\['"]""")


def words(sql: str) -> Iterator[str]:
    """The words, signs and literals of the SQL in order, without comments and white space; code in lower case.

    A backslash before a quote escapes it in some dialects and not in others. Which text is inside a literal from there
    on cannot be told without the dialect, so all of it is one last word, as it stands.
    """
    for match in _WORD.finditer(sql):
        literal = match["literal"]
        if literal and _ESCAPED_QUOTE.search(literal):
            yield sql[match.start() :].rstrip("; \t\r\n")
            return
        if literal or match["code"]:
            yield literal or match["code"].lower()


def normalised(sql: str) -> str:
    """One text for the same SQL: comments, layout, sorting, and capitals outside of literals make no difference."""
    found = list(words(sql))
    while found and found[-1] == ";":
        found.pop()
    return " ".join(found[: _sorted_from(found)])


def _sorted_from(found: Sequence[str]) -> int:
    """Where the ORDER BY of the whole query begins; its end, where there is none or where its order counts."""
    depth, start = 0, len(found)
    for place, word in enumerate(found):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "order" and found[place + 1 : place + 2] == ["by"]:
            start = place
    rest = found[start:]
    return len(found) if _COUNTS.intersection(rest) or any(map(_ESCAPED_QUOTE.search, rest)) else start
