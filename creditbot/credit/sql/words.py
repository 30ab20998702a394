"""SQL as a sequence of words, without a grammar: all that can be read of SQL that no dialect parses.

SQL comes in as text; its words go to the hash of `creditbot.credit.sql.sameness` and to the table of products. Pure.

Comments are `-- ...`, `/* ... */`, and `# ...` where it begins a line; literals and quoted names are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MAX_SQL = 200_000
"""Characters; the longest a query may be. Parsing that much takes about a second a dialect."""

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
    tokens = list(words(sql))
    while tokens and tokens[-1] == ";":
        tokens.pop()
    return " ".join(tokens[: _sorted_from(tokens)])


def _sorted_from(tokens: Sequence[str]) -> int:
    """Where the ORDER BY of the whole query begins; its end, where there is none or where its order counts."""
    depth, start = 0, len(tokens)
    for index, word in enumerate(tokens):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "order" and tokens[index + 1 : index + 2] == ["by"]:
            start = index
    rest = tokens[start:]
    return len(tokens) if _COUNTS.intersection(rest) or any(map(_ESCAPED_QUOTE.search, rest)) else start
