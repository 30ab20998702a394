"""Decides whether the address of a link may have lost its end. Pure.

`message_urls` finds a URL and asks this module. An address without its end is another address: without its last filter,
an Explore shows all accounts, and Look 31 becomes Look 3. So an address counts as complete only if none of the text
after it could belong to it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

INVISIBLE = "\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
"""Invisible characters that end a URL, written for the inside of a character class in a regular expression."""
TRAILING = frozenset(
    '.,;:!?"|'
    "\u2026\u2013\u2014\u2019\u201d\u00bb"  # ellipsis, dashes, closing quotes
    "\u3001\u3002\uff0c\uff01\uff1a\uff1b\uff1f\uff09\u300d\u300f\u3011"  # the same of Chinese and Japanese
    "\u200b\u200e\u200f\u2060\ufeff"  # invisible
)
"""Punctuation that may end a sentence or a quotation, and rarely ends an address."""

_CLOSERS = re.compile(
    rf"(?:[{re.escape(''.join(sorted(TRAILING)))}'`<>()\[\]{{}}*_~{INVISIBLE}]|(?!\s)[\x00-\x1f\x7f])*"
)
_UNSEEN = re.compile(rf"(?:[{INVISIBLE}]|(?!\s)[\x00-\x1f\x7f])*")
_PAIRS = {
    "(": ")", "[": "]", "{": "}", "<": ">", '"': '"', "'": "'", "`": "`", "*": "*", "_": "_", "~": "~", "|": "|",
    "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb", "\uff08": "\uff09", "\u300c": "\u300d",
}  # fmt: skip
_STYLES = ("`", "*", "_", "~")
"""Marks of code, bold, italics and strikethrough, which open and close alike."""
LOOKED_BACK = 200
"""How many characters before a URL are searched for an opening bracket."""
_TEXTS = ("fields", "pivots", "sorts", "filter_expression", "filter_config", "dynamic_fields", "query_timezone")
"""Parameters whose values may contain white space and punctuation, as the values of filters may."""
_PARAMETER = re.compile(
    rf"&(?:amp;)*(?:f(?:\[|%5B)|[a-z_]+=)|\bf(?:\[|%5B)[\w.]+(?:\]|%5D)|\b(?:{'|'.join(_TEXTS)}|limit|qid|toggle)=\S",
    re.IGNORECASE,
)
_EMOJI = re.compile(r":[a-z0-9_+'-]+:", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['\u2019]s\b")
_NUMBER = re.compile(r"\d+(?!\w)")
_LIST_NUMBER = re.compile(r"\d{1,2}[.)]\s")
_LOOK = re.compile(r"/looks/\d*$")
_ENCODED = re.compile(r"[+]|%[0-9a-f]{2}", re.IGNORECASE)
_PLAIN_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][a-z]+)?[.,:;!?)]*(?=[\s`*_~]|$)")
_POLITE = re.compile(r"(?:please|pls|plz|thanks|thank you|thx|kindly|cheers)\b", re.IGNORECASE)
_FILTER_WORD = re.compile(
    r"(?:(?:to|for|ago|from|before|after|and|or|not)\s+)?[-\d%^<>=]"
    r"|(?:seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?|ago|today|yesterday|tomorrow)\b",
    re.IGNORECASE,
)


def may_go_on(url: str, before: str, rest: str) -> bool:
    """Whether something in `rest` could belong to the address `url`.

    Args:
        url: the address, without the punctuation around it.
        before: the text before the address.
        rest: the text after the address, up to the next URL.
    """
    if _PARAMETER.search(rest):
        return True
    is_open = _ends_in_text(url)
    rest = rest[_length(_UNSEEN, rest) :]
    punctuation = _length(_CLOSERS, rest)
    behind = rest[punctuation:]
    if _is_enclosed(before, rest) and not re.match(r"[\w&=%+/?#-]", rest[1:2]):
        behind = behind if behind[:1].isspace() else ""
    elif is_open and punctuation:
        return True
    if not behind or _EMOJI.match(rest, max(punctuation - 1, 0)) or _POSSESSIVE.match(rest):
        return False
    if not behind[0].isspace():
        return True
    words = behind.lstrip()
    on_a_new_line = len((behind[: len(behind) - len(words)] + "x").splitlines()) > 1
    words = words[_length(_CLOSERS, words) :]
    return _words_go_on(url, words, on_a_new_line=on_a_new_line, is_open=is_open)


def label_goes_on(url: str, label: str) -> bool:
    """Whether a label holds the lost end of its address: to Slack, a raw "|" in an address begins the label."""
    return "://" not in label and label not in url and _PARAMETER.search(label) is not None


def fragment_goes_on(url: str) -> bool:
    """Whether what follows a `#` could belong to the query before it: a raw `#` in a value begins the fragment."""
    before, _, fragment = url.partition("#")
    return bool(fragment) and (_ends_in_text(before) or _PARAMETER.search(fragment) is not None)


def _words_go_on(url: str, words: str, *, on_a_new_line: bool, is_open: bool) -> bool:
    """Whether words after white space could belong to the address. Words of plain prose could not."""
    if re.match(r"[?&=%]\w", words):
        return True
    if _LOOK.search(url):
        in_a_list = on_a_new_line and _LIST_NUMBER.match(words)
        return bool(_NUMBER.match(words)) and not in_a_list
    if not words or not is_open:
        return False
    if url.endswith(("=", ",", "&", "?", "[", "%")) or _FILTER_WORD.match(words):
        return True
    if on_a_new_line:
        return not _PLAIN_WORD.match(words)
    # A browser encodes all the spaces in an address, or none of them.
    return not (_ENCODED.search(url.partition("?")[2]) or _POLITE.match(words))


def _ends_in_text(url: str) -> bool:
    """Whether the address ends in a value that may be any text, such as the value of a filter."""
    _, mark, query = url.partition("?")
    name, equals, _ = query.rpartition("&")[2].partition("=")
    name = unquote(name)
    return bool(mark) and (not equals or name.startswith("f[") or name in _TEXTS)


def _is_enclosed(before: str, rest: str) -> bool:
    """Whether the first character of `rest` closes a bracket or a quotation that was opened before the address."""
    closing = rest[:1]
    if not closing:
        return False
    if _PAIRS.get(before[-1:]) == closing:
        return True
    recent = before[-LOOKED_BACK:]
    if closing in _STYLES:
        return recent.count(closing) % 2 == 1
    return any(
        closing == end and recent.count(start) > recent.count(end) for start, end in _PAIRS.items() if start != end
    )


def _length(pattern: re.Pattern[str], text: str) -> int:
    """How much of the beginning of a text matches."""
    match = pattern.match(text)
    return match.end() if match else 0
