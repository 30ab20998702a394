"""The first version of what is the same for the same SQL: made of its words, without a grammar.

It recognises what was stored before the fingerprint of `creditbot.credit.sql.sameness`. SQL comes in as text. Pure.

Comments are `-- ...`, `/* ... */`, and `# ...` where it begins a line; literals and quoted names are kept as they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence

_EARLIER = "1-"
"""Before a fingerprint of version 1 that is stored beside today's."""

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


def earlier_fingerprint(sql: str) -> str:
    """The fingerprint of version 1, as it is stored beside today's: "1-" and 64 hexadecimal digits."""
    return _EARLIER + hashlib.sha256(normalised(sql).encode("utf-8", "surrogatepass")).hexdigest()


def recognised_by(fingerprints: Collection[str]) -> set[str]:
    """What another request may have stored for the same SQL, today or before there were versions.

    Two requests that both have a fingerprint of today are compared by that alone, because version 1 took some other SQL
    for the same.
    """
    earlier = {text.removeprefix(_EARLIER) for text in fingerprints if text.startswith(_EARLIER)}
    return {text for text in fingerprints if not text.startswith(_EARLIER)} | earlier
