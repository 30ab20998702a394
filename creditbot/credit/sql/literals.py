"""Reads what a condition compares with: the texts of literals and lists, and the texts that a pattern matches.

Nodes come from `creditbot.credit.sql.conditions`, which asks whether all of these texts are about one product. Pure.

    item IN ('Authy', 'Authy SMS')      the texts 'Authy', 'Authy SMS'
    item ~ '^(Authy|SMS)'               the texts 'Authy', 'SMS'
    item ~ 'Authy?'                     nobody can tell
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sqlglot import exp

_LITERALS: Final = (exp.ByteString, exp.Literal, exp.National, exp.RawString)
_SAME_TEXT: Final = (exp.Cast, exp.Collate, exp.Lower, exp.Trim, exp.Upper)
_JOINED: Final = (exp.Add, exp.Concat, exp.ConcatWs, exp.DPipe)
_REGEXES: Final = (exp.RegexpCount, exp.RegexpILike, exp.RegexpInstr, exp.RegexpLike, exp.SimilarTo)
# A value that contains one of these is not the row's own: it comes from other rows, branches or queries.
_MADE: Final = (exp.AggFunc, exp.Case, exp.DecodeCase, exp.If, exp.Query, exp.Window)

_AROUND_REGEX: Final = re.compile(r"\A(?:\(\?i\)|\^|\.\*|%)+|(?:\.\*|\.\+|%|\$)+\Z")
_GROUP: Final = re.compile(r"\((?:\?:)?([^()]*)\)")
_PLAIN: Final = re.compile(r"[\w\s%.,:/&'-]+")
_LETTER: Final = re.compile(r"[^\W\d_]")


def text_of(node: exp.Expr) -> str | None:
    """The text of a literal, or of several that are joined; None if the node contains anything else."""
    texts = list(_texts(node))
    return "".join(filter(None, texts)) if None not in texts else None


def texts_in(node: exp.Expr) -> Sequence[str] | None:
    """The texts of a literal or a list; None if nobody can tell."""
    if isinstance(node, exp.All | exp.Any):
        texts = texts_in(node.this)
        return texts and [element for text in texts for element in _elements(text)]
    if isinstance(node, exp.Paren):
        return texts_in(node.this)
    if isinstance(node, exp.Anonymous) and node.name.upper() == "ALL":  # how ALL (ARRAY[...]) is parsed
        return [text for item in node.expressions for text in texts_in(item) or ()] or None
    if isinstance(node, exp.Array | exp.Tuple):
        return texts_in_list(node.expressions)
    text = text_of(node)
    return None if text is None else [text]


def _elements(text: str) -> Sequence[str]:
    """The elements of PostgreSQL's '{Authy,SMS}'; any other text as it is."""
    is_array = text.startswith("{") and text.endswith("}")
    return [element.strip(' "') for element in text[1:-1].split(",")] if is_array else [text]


def texts_in_list(nodes: Sequence[exp.Expr]) -> Sequence[str] | None:
    """The texts of several literals, without NULL; None if nobody can tell."""
    texts = [text_of(node) for node in nodes if not isinstance(node, exp.Null)]
    return [text for text in texts if text is not None] if texts and None not in texts else None


def patterns_in(kind: type[exp.Expr], node: exp.Expr, dialect: str) -> Sequence[str] | None:
    """The texts that a pattern, or each of a list of patterns, matches, with wildcards; None if nobody can tell.

    Args:
        kind: the operator, such as `exp.Like`.
        node: the pattern.
        dialect: SQL Server has classes of characters in LIKE.
    """
    texts = texts_in(node)
    if texts is None:
        return None
    if issubclass(kind, _REGEXES):
        alternatives = [_alternatives(text) for text in texts]
        return [text for texts in alternatives for text in texts or ()] if None not in alternatives else None
    has_classes = kind is exp.Glob or dialect == "tsql"
    return None if has_classes and any("[" in text for text in texts) else texts


def is_from_row(node: exp.Expr, is_of_row: Callable[[exp.Column], bool], is_telling: Callable[[str], bool]) -> bool:
    """Whether a value is the row's own: a column, perhaps cut, cast or cleaned, to which nothing was added.

    Args:
        node: the value that is compared.
        is_of_row: whether a column in it is the row's own.
        is_telling: whether a literal is about a product, so that the SQL would be compared with itself.
    """
    if node.find(*_MADE) is not None:
        return False
    columns = list(node.find_all(exp.Column))
    if not columns or not all(map(is_of_row, columns)):
        return False
    literals = list(node.find_all(*_LITERALS))
    is_joined = node.find(*_JOINED) is not None
    return not any(is_telling(text.name) or (is_joined and _LETTER.search(text.name)) for text in literals)


def _texts(node: exp.Expr) -> Iterator[str | None]:
    if isinstance(node, _LITERALS):
        yield node.name
    elif isinstance(node, exp.Introducer):  # MySQL's _utf8'text'
        yield from _texts(node.expression)
    elif isinstance(node, (*_SAME_TEXT, exp.Escape, exp.Paren)):
        yield from _texts(node.this)
    elif isinstance(node, exp.DPipe | exp.Add):
        yield from _texts(node.this)
        yield from _texts(node.expression)
    elif isinstance(node, exp.Concat):
        for part in node.expressions:
            yield from _texts(part)
    else:
        yield None


def _alternatives(regex: str) -> Sequence[str] | None:
    """The texts between the `|` of a regular expression; None if it has other signs with a meaning."""
    body = _AROUND_REGEX.sub("", regex)
    if group := _GROUP.fullmatch(body):
        body = group[1]
    parts = [_AROUND_REGEX.sub("", part).replace(".*", "%") for part in body.split("|")]
    return parts if all(map(_PLAIN.fullmatch, parts)) else None
