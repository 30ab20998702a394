"""Finds the URLs in a Slack message, wherever Slack puts them. Pure.

The message comes from Slack, or from the standard input of `creditbot links`; `creditbot.intake.looker_links` reads the
URLs.

Slack sends the same content twice, in two spellings: `text` is escaped (`&amp;`, `<url|label>`), rich text blocks are
not. Inside code, neither marks URLs, so bare URLs count as well. Labels, unfurls and quoted messages never count. Of
attachments, only forwarded messages and pasted tables count, and the attachments that an app adds to its own message. A
message is untrusted: any value may appear anywhere, at any depth. The time to read it is linear in its size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from creditbot.intake.link_ends import INVISIBLE, LOOKED_BACK, TRAILING, label_goes_on, may_go_on

_Role = Literal["message", "attachment", "app", "app_attachment", "block", "escaped", "raw", "url", "run"]

_HTTP = re.compile(r"https?://", re.IGNORECASE)
_TOKEN = re.compile(r"<([^<>]*)>")
# Slack puts other things in angle brackets, too: users, channels, commands, and schemes such as mailto.
_OTHER_TOKEN = re.compile(r"[@#!]|[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_MARKDOWN_LABEL = re.compile(r"\[[^\[\]]*\]\((?=https?://)", re.IGNORECASE)
_END = rf"\s<>\"`\x00-\x1f\x7f{INVISIBLE}"
# The first form ends before ",https://", as in a list of links. In a query string, that may be part of a value.
_BARE = re.compile(rf"https?://[^?#{_END}]*?(?=[,;]https?://)|https?://[^{_END}]+", re.IGNORECASE)
_STRUCK = re.compile(r"((?<![\w~])~(?=[^\s~])[^~\n]*(?<!\s)~(?![\w~]))")
_EMPHASIS = ("*", "_", "~")
_UNFURL_MARKS_OF_SLACK = ("from_url", "original_url", "app_unfurl_url", "is_app_unfurl", "is_msg_unfurl", "is_share")
_UNFURL_MARKS = (*_UNFURL_MARKS_OF_SLACK, "title_link")
# Elements of rich text that are neither text nor links. They end an address, as white space does.
_SPACES = ("emoji", "user", "usergroup", "channel", "broadcast", "team", "color")
_PAIRS = ("()", "[]", "{}")


@dataclass(frozen=True, slots=True)
class _Fragment:
    """A part of a text: characters as a person sees them, or one link that Slack marked.

    Attributes:
        text: the characters, or the URL of the link.
        is_link: whether Slack marked it as a link.
        label: the text shown in place of the URL, or "".
        is_struck: whether a link is struck through.
    """

    text: str
    is_link: bool = False
    label: str = ""
    is_struck: bool = False


def urls_in(content: Mapping[str, object], mention: str = "") -> list[str]:
    """Every http(s) URL in the `text`, `blocks` and `attachments` of a message, decoded once, in order, each once.

    With `mention` (in lower case), only texts that contain it are searched. That is faster, as most do not.
    """
    return list(urls_with_doubts(content, mention))


def urls_with_doubts(content: Mapping[str, object], mention: str = "", *, from_app: bool = False) -> dict[str, bool]:
    """The URLs as in `urls_in`, each with whether it may have lost its end: text after it could belong to it.

    `from_app` adds the texts, fields and titles of attachments, in which apps say what they have to say.
    """
    urls: dict[str, bool] = {}
    for fragments in _texts("app" if from_app else "message", content):
        if mention and not any(mention in fragment.text.lower() for fragment in fragments):
            continue
        for number in range(len(fragments)):
            for url, may_be_cut in _urls_of(fragments, number):
                urls[url] = urls.get(url, False) or may_be_cut
    return urls


def struck_urls(content: Mapping[str, object], *, from_app: bool = False) -> set[str]:
    """The URLs of the links that are struck through wherever the message has them."""
    links = [link for text in _texts("app" if from_app else "message", content) for link in text if link.is_link]
    return {link.text.strip() for link in links if link.is_struck} - {
        link.text.strip() for link in links if not link.is_struck
    }


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
    """The URL without the punctuation of the sentence around it. Closing brackets stay if the URL opened them."""
    surplus = {pair[1]: url.count(pair[1]) - url.count(pair[0]) for pair in _PAIRS}
    surplus["'"] = url.count("'") % 2
    end = len(url)
    while end and (url[end - 1] in TRAILING or surplus.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in surplus:
            surplus[url[end]] -= 1
    return url[:end]


def _texts(role: _Role, content: object) -> Iterator[Sequence[_Fragment]]:
    """Every text that may hold URLs, in order."""
    # A stack instead of recursion, because the sender decides the depth.
    stack: list[tuple[_Role, object]] = [(role, content)]
    while stack:
        role, value = stack.pop()
        if role == "run":
            assert isinstance(value, list)
            yield value
        elif role in _READERS:
            if isinstance(value, str):
                yield _READERS[role](value)
        elif isinstance(value, Mapping):
            stack.extend(reversed(_PARTS[role](value)))
        elif isinstance(value, list):
            items = _joined(value) if role == "block" else [(role, item) for item in value]
            stack.extend(reversed(items))


def _joined(items: Sequence[object]) -> list[tuple[_Role, object]]:
    """The items of a list in a block. Neighbours that a person reads as one text are joined into one run."""
    parts: list[tuple[_Role, object]] = []
    run: list[_Fragment] | None = None
    for item in items:
        fragment = _inline(item)
        if fragment is None:
            run = None
            parts.append(("block", item))
        elif run is None:
            run = [fragment]
            parts.append(("run", run))
        else:
            run.append(fragment)
    return parts


def _inline(item: object) -> _Fragment | None:
    """An element of rich text as a fragment; None for anything else, which is then read as a block."""
    if not isinstance(item, Mapping) or any(isinstance(v, list | dict) for key, v in item.items() if key != "style"):
        return None
    kind, text, url, style = (item.get(key) for key in ("type", "text", "url", "style"))
    if kind == "link" and isinstance(url, str):
        is_struck = isinstance(style, Mapping) and style.get("strike") is True
        return _Fragment(url, is_link=True, label=text if isinstance(text, str) else "", is_struck=is_struck)
    if url is not None:
        return None
    if kind == "text" and isinstance(text, str):
        is_code = isinstance(style, Mapping) and style.get("code") is True
        return _Fragment(f"`{text}`" if is_code else text)
    return _Fragment(" ") if kind in _SPACES else None


def _message_parts(message: Mapping[str, object]) -> list[tuple[_Role, object]]:
    return [
        ("escaped", message.get("text")),
        ("block", message.get("blocks")),
        ("attachment", message.get("attachments")),
    ]


def _app_message_parts(message: Mapping[str, object]) -> list[tuple[_Role, object]]:
    parts = _message_parts(message)
    return [*parts[:-1], ("app_attachment", message.get("attachments"))]


def _app_attachment_parts(attachment: Mapping[str, object]) -> list[tuple[_Role, object]]:
    """The parts of an attachment that an app added to its own message. Unfurls by Slack only repeat a link."""
    if _is_unfurl(attachment, _UNFURL_MARKS_OF_SLACK):
        return _attachment_parts(attachment)
    fields = attachment.get("fields")
    values = [field.get("value") for field in fields if isinstance(field, Mapping)] if isinstance(fields, list) else []
    return [
        ("escaped", attachment.get("pretext")),
        ("url", attachment.get("title_link")),
        ("escaped", attachment.get("text")),
        *(("escaped", value) for value in values),
        ("block", attachment.get("blocks")),
    ]


def _attachment_parts(attachment: Mapping[str, object]) -> list[tuple[_Role, object]]:
    """The parts of a forwarded message, or of a pasted table, which Slack moves here from the message.

    An unfurl has none that count: it shows the content of a page or of a message whose address was pasted, and repeats
    its links. Only `is_share` marks a forwarded message; a quoted one is marked by `is_msg_unfurl` alone.
    """
    forwarded = attachment.get("is_share") is True
    if forwarded or (attachment.get("message_blocks") and not _is_unfurl(attachment, _UNFURL_MARKS)):
        return [*_message_parts(attachment), ("block", attachment.get("message_blocks"))]
    return [] if _is_unfurl(attachment, _UNFURL_MARKS) else [("block", attachment.get("blocks"))]


def _is_unfurl(attachment: Mapping[str, object], marks: Sequence[str]) -> bool:
    return any(attachment.get(mark) for mark in marks)


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
    """The text without Slack's three escapes. `&amp;` is decoded last, so that nothing is decoded twice."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def _escaped_fragments(text: str) -> list[_Fragment]:
    fragments, struck = [], _struck_tokens(text)
    for number, part in enumerate(_TOKEN.split(text)):
        if number % 2 == 0:
            fragments.append(_Fragment(_decode(part)))
        elif _HTTP.match(part):
            url, _, label = part.partition("|")
            is_struck = number in struck
            fragments.append(_Fragment(_decode(url), is_link=True, label=_decode(label), is_struck=is_struck))
        else:
            fragments.append(_Fragment(" " if _OTHER_TOKEN.match(part) else _decode(part)))
    return fragments


def _struck_tokens(text: str) -> set[int]:
    """The numbers of the parts of `_TOKEN.split` that stand between two tildes on one line."""
    if "~" not in text:
        return set()
    parts = ("\ufdd0" if number % 2 else part.replace("\ufdd0", "") for number, part in enumerate(_TOKEN.split(text)))
    tokens_before, struck = 0, set[int]()
    for number_of_part, part in enumerate(_STRUCK.split("".join(parts))):
        tokens = part.count("\ufdd0")
        if number_of_part % 2:
            struck.update(2 * number + 1 for number in range(tokens_before, tokens_before + tokens))
        tokens_before += tokens
    return struck


def _raw_fragments(text: str) -> list[_Fragment]:
    return [_Fragment(text)]


def _link_fragments(url: str) -> list[_Fragment]:
    return [_Fragment(url, is_link=True)]


def _urls_of(fragments: Sequence[_Fragment], number: int) -> Iterator[tuple[str, bool]]:
    """The URLs in one fragment of a text, each with whether it may have lost its end."""
    fragment = fragments[number]
    if not fragment.is_link:
        yield from _bare_urls(fragment.text, fragments, number)
        return
    url = fragment.text.strip()
    if not _HTTP.match(url):
        return
    if fragment.label and not _shows_itself(url, fragment.label):  # somebody hid the address behind a label
        yield url, label_goes_on(url, fragment.label)
    else:
        before = fragments[number - 1].text if number else ""
        yield url, may_go_on(url, before, _behind(fragments, number))


def _shows_itself(url: str, label: str) -> bool:
    """Whether a label is the address itself, whole or without its scheme."""
    return label.rstrip("/") in (url.rstrip("/"), url.rstrip("/").partition("://")[2])


def _bare_urls(text: str, fragments: Sequence[_Fragment], number: int) -> Iterator[tuple[str, bool]]:
    """URLs as people type them, without the `(..)`, `*..*`, `<..|label>` or `[label](..)` around them."""
    if "://" not in text:
        return
    if "](" in text:
        text = _MARKDOWN_LABEL.sub(" (", text)
    for match in _BARE.finditer(text):
        before, url = text[max(match.start() - LOOKED_BACK, 0) : match.start()], match[0]
        label = "|" if before.endswith("<") and "|" in url else ""
        if label:
            url = url.partition("|")[0]
        url = without_trailing(url)
        if before.endswith(_EMPHASIS):
            url = without_trailing(url.rstrip(before[-1]))
        end = match.start() + len(url)
        if label:
            closing = text.find(">", end)
            end = closing if closing >= 0 else len(text)
        following = _HTTP.search(text, end)
        rest = text[end : following.start()] if following else text[end:] + _behind(fragments, number)
        yield url, may_go_on(url, before, rest)


def _behind(fragments: Sequence[_Fragment], number: int) -> str:
    """The text after a fragment, up to the next URL."""
    parts: list[str] = []
    for fragment in islice(fragments, number + 1, None):
        following = None if fragment.is_link else _HTTP.search(fragment.text)
        if fragment.is_link or following:
            parts += [fragment.text[: following.start()]] if following else []
            break
        parts.append(fragment.text)
    return "".join(parts)


_READERS: Mapping[_Role, Callable[[str], Sequence[_Fragment]]] = {
    "escaped": _escaped_fragments,
    "raw": _raw_fragments,
    "url": _link_fragments,
}
_PARTS: Mapping[_Role, Callable[[Mapping[str, object]], list[tuple[_Role, object]]]] = {
    "message": _message_parts,
    "app": _app_message_parts,
    "app_attachment": _app_attachment_parts,
    "attachment": _attachment_parts,
    "block": _block_parts,
}
