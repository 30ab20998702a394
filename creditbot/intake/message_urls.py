"""Finds the URLs in a Slack message, wherever Slack puts them. Pure.

The message comes from Slack, or from the standard input of `creditbot links`; `creditbot.intake.looker_links` reads the
URLs.

Slack sends the same content twice, in two spellings: `text` is escaped (`&amp;`, `<url|label>`), rich text blocks are
not. In code neither has marked URLs, so a bare URL counts as well. Labels and unfurls never count. Of attachments, only
forwarded messages and pasted tables count. A message is untrusted: any value may stand anywhere, at any depth.
The time to read it is linear in its size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

_Role = Literal["message", "attachment", "block", "escaped", "raw", "url"]

_HTTP = re.compile(r"https?://", re.IGNORECASE)
_TOKEN = re.compile(r"<([^<>]*)>")
# Slack puts other things in angle brackets, too: users, channels, commands, and schemes such as mailto.
_OTHER_TOKEN = re.compile(r"[@#!]|[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_MARKDOWN_LABEL = re.compile(r"\[[^\[\]]*\]\((?=https?://)", re.IGNORECASE)
_INVISIBLE = "\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff"
_END = rf"\s<>\"`\x00-\x1f\x7f{_INVISIBLE}"
# The first form ends before ",https://", as in a list of links. In a query that may be part of a value.
_BARE = re.compile(rf"https?://[^?#{_END}]*?(?=[,;]https?://)|https?://[^{_END}]+", re.IGNORECASE)
_EMPHASIS = ("*", "_", "~")
_TRAILING = frozenset(
    '.,;:!?"|'
    "\u2026\u2013\u2014\u2019\u201d\u00bb"  # ellipsis, dashes, closing quotes
    "\u3001\u3002\uff0c\uff01\uff1a\uff1b\uff1f\uff09\u300d\u300f\u3011"  # the same of Chinese and Japanese
    "\u200b\u200e\u200f\u2060\ufeff"  # invisible
)
_UNFURL_MARKS = ("from_url", "original_url", "app_unfurl_url", "is_app_unfurl", "title_link")
_PAIRS = ("()", "[]", "{}")


def urls_in(content: Mapping[str, object], mention: str = "") -> list[str]:
    """Every http(s) URL in the `text`, `blocks` and `attachments` of a message, decoded once, in order, each once.

    With `mention` (in lower case) only texts that contain it are searched. That is faster: most messages do not.
    """
    urls: dict[str, None] = {}
    for role, text in _pieces(content):
        if not mention or mention in text.lower():
            urls.update(dict.fromkeys(_READERS[role](text)))
    return list(urls)


def content_of(text: str) -> Mapping[str, object]:
    """The content of a message from its JSON, from an answer of the API or an event with messages, or from plain text.

    JSON that is broken, or that holds no message, is taken as plain text.
    """
    if not text.lstrip().startswith(("{", "[", '"')):
        return {"text": text}
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text}
    for key in ("event", "message", "messages"):
        value = value.get(key, value) if isinstance(value, dict) else value
    if isinstance(value, list):
        return {"blocks": [{"message": message} for message in value]}
    if isinstance(value, dict) and not value.keys().isdisjoint(("text", "blocks", "attachments")):
        return value
    return {"text": value if isinstance(value, str) else text}


def without_trailing(url: str) -> str:
    """The URL without the punctuation of the sentence around it; closing brackets stay if they were opened in it."""
    surplus = {pair[1]: url.count(pair[1]) - url.count(pair[0]) for pair in _PAIRS}
    surplus["'"] = url.count("'") % 2
    end = len(url)
    while end and (url[end - 1] in _TRAILING or surplus.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in surplus:
            surplus[url[end]] -= 1
    return url[:end]


def _pieces(content: object) -> Iterator[tuple[_Role, str]]:
    """Every text that may hold URLs, and how to read it, in order."""
    # A stack instead of recursion, because the sender decides the depth.
    stack: list[tuple[_Role, object]] = [("message", content)]
    while stack:
        role, value = stack.pop()
        if role in _READERS:
            if isinstance(value, str):
                yield role, value
        elif isinstance(value, Mapping):
            stack.extend(reversed(_PARTS[role](value)))
        elif isinstance(value, list):
            stack.extend((role, item) for item in reversed(value))


def _message_parts(message: Mapping[str, object]) -> list[tuple[_Role, object]]:
    return [
        ("escaped", message.get("text")),
        ("block", message.get("blocks")),
        ("attachment", message.get("attachments")),
    ]


def _attachment_parts(attachment: Mapping[str, object]) -> list[tuple[_Role, object]]:
    """The parts of a forwarded message, or of a pasted table, which Slack moves here from the message.

    An unfurl has none that count: it shows the content of a page, and repeats its link in another spelling.
    """
    if (
        attachment.get("message_blocks")
        or attachment.get("is_share") is True
        or attachment.get("is_msg_unfurl") is True
    ):
        return [*_message_parts(attachment), ("block", attachment.get("message_blocks"))]
    return [] if any(attachment.get(mark) for mark in _UNFURL_MARKS) else [("block", attachment.get("blocks"))]


def _block_parts(block: Mapping[str, object]) -> list[tuple[_Role, object]]:
    """The parts of any block or element, known or not. A `url` counts; the `text` beside a `url` is its label."""
    is_link = isinstance(block.get("url"), str)
    parts: list[tuple[_Role, object]] = []
    for key, value in block.items():
        if key == "url":
            parts.append(("url", value))
        elif key == "message":
            parts.append(("message", value))
        elif key == "text" and isinstance(value, str):
            # Only rich text elements (type "text") are not escaped. Decoding the raw_text of a table changes nothing.
            parts.append(("raw" if block.get("type") == "text" else "escaped", None if is_link else value))
        elif not (is_link and key == "text"):
            parts.append(("block", value))
    return parts


def _decode(text: str) -> str:
    """The text without the three escapes of Slack; `&amp;` is the last one, so that nothing is decoded twice."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def _escaped_urls(text: str) -> Iterator[str]:
    for number, part in enumerate(_TOKEN.split(text)):
        if number % 2 == 0:
            yield from _bare_urls(_decode(part))
        elif _HTTP.match(part):
            yield _decode(part.partition("|")[0]).strip()
        elif not _OTHER_TOKEN.match(part):
            yield from _bare_urls(_decode(part))


def _bare_urls(text: str) -> Iterator[str]:
    """URLs as people type them, without the `(..)`, `*..*`, `<..|label>` or `[label](..)` around them."""
    if "://" not in text:
        return
    if "](" in text:
        text = _MARKDOWN_LABEL.sub(" (", text)
    for match in _BARE.finditer(text):
        before, url = text[max(match.start() - 1, 0) : match.start()], match[0]
        if before == "<":
            url = url.partition("|")[0]
        url = without_trailing(url)
        if before in _EMPHASIS:
            url = without_trailing(url.rstrip(before))
        yield url


def _link_urls(url: str) -> Iterator[str]:
    if _HTTP.match(url.lstrip()):
        yield url.strip()


_READERS: Mapping[_Role, Callable[[str], Iterator[str]]] = {
    "escaped": _escaped_urls,
    "raw": _bare_urls,
    "url": _link_urls,
}
_PARTS: Mapping[_Role, Callable[[Mapping[str, object]], list[tuple[_Role, object]]]] = {
    "message": _message_parts,
    "attachment": _attachment_parts,
    "block": _block_parts,
}
