"""Cuts HTML from a notebook into tags and texts. Pure.

`credit.summary_table` looks for amounts in the parts, and `evidence.html_text` shows them. The time is linear in the
length of the HTML. Python's own html.parser does not do: 100 KB of unfinished tags take it minutes, and some
declarations make it fail.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

# No repetition steps back. Those without a bound stop where the next tag may begin, so the time is linear.
_VALUE = r"\"[^\"<>]*+\"|'[^'<>]*+'|\"[^\"]{0,500}+\"|'[^']{0,500}+'"
_TAG = re.compile(rf"<(/?)([a-zA-Z][a-zA-Z0-9]*+)((?:[^<>\"']++|{_VALUE}){{0,200}}+)>|<!--|<[!?][^<>]*+>")
_MAY_BE_TAG = re.compile(r"<[a-zA-Z/!?]")
_ATTRIBUTE = re.compile(r"([^\s=/\"'>]+)(?:\s{0,9}=\s{0,9}(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_RAW: Final = frozenset({"script", "style", "textarea", "title"})
"""Elements in which nothing is a tag but their own end."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as it was written.

    Attributes:
        name: in lower case.
        closing: whether it ends an element.
        attributes_text: what follows the name.
    """

    name: str
    closing: bool = False
    attributes_text: str = ""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Name in lower case -> value, "" without one; the first of several counts."""
        named: dict[str, str] = {}
        for name, value in _ATTRIBUTE.findall(self.attributes_text):
            named.setdefault(name.lower(), html.unescape(value.strip("\"'")))
        return named


@dataclass(frozen=True, slots=True)
class BrokenTag:
    """The text after this begins like a tag that does not end, or is too long. A browser may show something else."""


HtmlPart: TypeAlias = str | Tag | BrokenTag


def html_parts(text: str) -> Iterator[HtmlPart]:
    """The tags and the texts between them, in their order, the texts unescaped. Comments are left out."""
    position = 0
    while match := _TAG.search(text, position):
        yield from _text(text[position : match.start()])
        position = match.end()
        if match[0] == "<!--":
            end = text.find("-->", position)
            if end < 0:
                yield BrokenTag()
                return
            position = end + 3
        elif match[2]:
            tag = Tag(match[2].lower(), bool(match[1]), match[3])
            yield tag
            if tag.name in _RAW and not tag.closing:
                end = _end_of(text, tag.name, position)
                if end > position:
                    yield text[position:end]
                position = end
    yield from _text(text[position:])


def _text(text: str) -> Iterator[HtmlPart]:
    if _MAY_BE_TAG.search(text):
        yield BrokenTag()
    if text:
        yield html.unescape(text)


def _end_of(text: str, name: str, position: int) -> int:
    """Where the end tag of an element begins, or the text ends."""
    end = re.compile(rf"</{name}\b", re.IGNORECASE).search(text, position)
    return end.start() if end else len(text)
