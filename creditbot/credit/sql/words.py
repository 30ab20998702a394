"""Fingerprints of SQL that are made without a parser. SQL comes in as text. Pure.

Version 1 is a hash of the words. It recognises requests that were stored before the fingerprint of
`creditbot.credit.sql.sameness` existed. The fingerprint of the text recognises the same text where SQL_DIALECT or the
parser has changed since.

Comments are `-- ...`, `/* ... */`, and `# ...` at the start of a line. Literals and quoted names stay as they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date

_TEXT = "text-"
_EARLIER = "1-"
"""Prefix of a fingerprint of version 1 that is stored beside the current one."""

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
"""If one of these words follows an ORDER BY, the order may decide which rows there are."""
_ESCAPED_QUOTE = re.compile(r"""\\['"]""")


def words(sql: str) -> Iterator[str]:
    """The words, signs and literals of the SQL in order, without comments and white space; code in lower case.

    A backslash before a quote escapes the quote in some dialects and not in others. From there on, nobody can tell
    without the dialect which text is inside a literal, so the rest of the SQL is one last word, unchanged.
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
    """Where the ORDER BY of the whole query begins; the end of the query if there is none, or if its order counts."""
    depth, start = 0, len(tokens)
    for index, word in enumerate(tokens):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "order" and tokens[index + 1 : index + 2] == ["by"]:
            start = index
    rest = tokens[start:]
    return len(tokens) if _COUNTS.intersection(rest) or any(map(_ESCAPED_QUOTE.search, rest)) else start


def earlier_fingerprint(sql: str) -> str:
    """The fingerprint of version 1, as it is stored beside the current one: "1-" and 64 hexadecimal digits."""
    return _EARLIER + hashlib.sha256(normalised(sql).encode("utf-8", "surrogatepass")).hexdigest()


# What Looker may write before the same SQL: comments to the end of a line, with the person who asked.
_COMMENTS_BEFORE = re.compile(r"(?:\s*+-- [^\r\n]*+\n)*+\s*+")
# The time in the name of a derived table, which changes whenever Looker builds the table.
_BUILD_TIME = re.compile(r"(?<!['\w$])(L[A-Z][$_]\w{0,40}?)\d{13}(?=_\w)", re.IGNORECASE)
_CLOCK = re.compile(
    r"\b(?:age|clock_timestamp|cur(?:date|time)|current_\w+|get_?(?:utc)?date|get_current_\w+|julianday|local(?:time|timestamp)"
    r"|now\w*|offset|statement_timestamp|sys(?:utc)?date\w*|systimestamp|timeofday|today|tomorrow|transaction_timestamp"
    r"|unix_?(?:epoch|timestamp)|utc\w+|yesterday|date\w*\s*\(\s*\)|time\s*\(\s*\))",
    re.IGNORECASE,
)
"""Words with which SQL may read the clock in any dialect."""


def text_fingerprint(sql: str, day: date) -> str:
    """The fingerprint of the text, equal for the same text in every dialect: "text-" and 64 hexadecimal digits.

    Args:
        sql: as Looker gave it. What stands before and after it, and the build times of derived tables, do not count.
        day: the UTC day on which it runs. It counts only if the text may read the clock.
    """
    text = sql[_COMMENTS_BEFORE.match(sql).end() :].rstrip("; \t\r\n")  # type: ignore[union-attr]  # it matches ""
    text = _BUILD_TIME.sub(r"\1", text) + (f"\n{day.isoformat()}" if _CLOCK.search(text) else "")
    return _TEXT + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def recognised_by(fingerprints: Collection[str]) -> set[str]:
    """Every fingerprint that another request may have stored for the same SQL, with or without a version.

    Two requests that both have a current fingerprint are compared by that and by their texts alone, because version 1
    took some different SQL for the same.
    """
    earlier = {text.removeprefix(_EARLIER) for text in fingerprints if text.startswith(_EARLIER)}
    return {text for text in fingerprints if not text.startswith(_EARLIER)} | earlier
