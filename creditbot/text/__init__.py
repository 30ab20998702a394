"""Text from outside, made safe and short enough to show.

Messages, notebooks, Looker, Kubernetes and the file system write what people read later: on a terminal, in a log, in
Slack, in a summary. Such text may move a cursor, hide or reverse the text beside it, hold a password, or never end.
Code that shows such text passes it through here first. This package does not know what a text is about.
"""

from __future__ import annotations

import re

from creditbot.text.known_secrets import HIDDEN, SENSITIVE_NAMES, without_known_secrets

_INVISIBLE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # what colours a text on a terminal, or moves its cursor
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but for tab and line end
    r"\xad\u061c\u180e\u200b-\u200f\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # no width, other direction
    r"\u2028-\u202e"  # other line ends, other direction
    r"\ud800-\udfff]"  # halves of characters, which no encoding takes
)

# Every repetition is bounded, or stops where the next match may begin: the time is linear in the text.
_SECRET = re.compile(
    r"(://)(?:"
    r"[^\s/<>\"]+(?=@)"  # user:password@, the password perhaps with an @
    r"|[^\s/:@<>\"]{0,100}:(?!\d{1,5}[/?#])[^\s<>\"]{1,200}(?=@)"  # the password with a /; not a port
    r")"
    rf"|\b((?:[a-z0-9]{{1,30}}[_-]){{0,5}}{SENSITIVE_NAMES}\s{{0,4}}=\s{{0,4}}['\"{{]?)"  # a whole name
    r"(?:(?<=')[^'\n]{1,300}(?=')|(?<=\")[^\"\n]{1,300}(?=\")|(?<=\{)[^{}\n]{1,300}(?=\})|[^&;\s'\"]+)",
    re.IGNORECASE,
)


def printable(text: str) -> str:
    """The text without colours, control characters and characters that cannot be seen; tabs and line ends stay."""
    return _INVISIBLE.sub("", text)


def without_secrets(text: str) -> str:
    """The text with `***` for known secrets, the login of an address, and the value of `password=...` and the like."""
    text = without_known_secrets(text)
    while (hidden := _SECRET.sub(_hide, text)) != text:  # hiding one secret may join the parts of another
        text = hidden
    return text


def _hide(secret: re.Match[str]) -> str:
    return f"{secret[1] or secret[2]}{HIDDEN}"


def one_line(text: str, limit: int | None = None) -> str:
    """The text on one printable line without secrets, for use within a sentence.

    It has at most `limit` characters; one that was cut ends with "…".
    """
    words = " ".join(text.split())  # first, because some line ends are control characters
    line = without_secrets(" ".join(printable(words).split()))
    if limit is None or len(line) <= limit:
        return line
    return f"{line[: limit - 1].rstrip()}…"


def shorten(text: str, limit: int) -> str:
    """The printable text without secrets, cut to `limit` bytes of UTF-8.

    After a cut it says how many bytes were left out, in at most 40 bytes more.
    """
    content = without_secrets(printable(text)).encode()
    if len(content) <= limit:
        return content.decode()
    beginning = content[:limit].decode(errors="ignore")
    return f"{beginning}… ({len(content) - len(beginning.encode()):,} bytes more)"
