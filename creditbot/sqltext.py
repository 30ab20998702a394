"""SQL as words, without a grammar: what can be said of it in every dialect, and of SQL that no dialect reads. Pure.

Comments are `-- ...`, `/* ... */`, and `# ...` where it begins a line; literals and quoted names are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    """The same text for the same SQL, however it is commented, laid out, ended, or capitalised outside of literals."""
    found = list(words(sql))
    while found and found[-1] == ";":
        found.pop()
    return " ".join(found)
