"""Text from outside, made safe and short enough to show.

Messages, notebooks, Looker, Kubernetes and the file system write what people read later: on a terminal, in a log, in
Slack, in a summary. Such text may move a cursor, hide or reverse what stands beside it, hold a password, or never end.
Whatever shows it passes it through here first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

_HIDDEN = "***"

_known: tuple[str, ...] = ()
"""Every spelling of the secrets that this process knows, the longest first."""

_PASSWORD = re.compile(r"://[^\s/:@]*:(\S+)@")

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
    r"|\b((?:[a-z0-9]{1,30}[_-]){0,5}(?:password|passwd|pwd|token|secret|private_key|signature|sig)"  # a whole name
    r"\s{0,4}=\s{0,4}['\"]?)[^&;\s'\"]+",
    re.IGNORECASE,
)


def printable(text: str) -> str:
    """The text without colours, control characters and characters that cannot be seen; tabs and line ends stay."""
    return _INVISIBLE.sub("", text)


def know_secrets(secrets: Iterable[str]) -> None:
    """From now on `without_secrets` takes these out as well, however they are spelt, and no others of before."""
    global _known  # noqa: PLW0603  # a secret is one in the whole process
    _known = tuple(sorted({text for secret in secrets for text in spellings(secret)}, key=len, reverse=True))


def spellings(secret: str) -> set[str]:
    """How a secret may stand in a text: as it is, percent-encoded, decoded, or escaped as in JSON, Python or a driver.

    None for a secret of up to three characters: "b" would take out every b.
    """
    if len(secret) <= 3:
        return set()
    plain = {secret, unquote(secret)}
    data = {text.encode("utf-8", "surrogateescape") for text in plain}  # a variable may hold any bytes
    encoded = {code for text in data for code in (quote(text), quote(text, safe=""), quote_plus(text))}
    in_lower = {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text) for text in encoded}
    in_json = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in plain for ascii_only in (True, False)}
    escaped = {repr(text)[1:-1] for text in plain} | {re.sub(r"(['\\])", r"\\\1", text) for text in plain}
    doubled = {text.replace("'", "''") for text in plain} | {text.replace("}", "}}") for text in plain}
    return {text for text in plain | encoded | in_lower | in_json | escaped | doubled if len(text) > 3}


def passwords_in(text: str) -> list[str]:
    """The passwords of the addresses in a text, also those with a slash or an @."""
    return _PASSWORD.findall(text)


def without_known_secrets(text: str) -> str:
    """The text with `***` for the secrets that `know_secrets` was called with."""
    for secret in _known:
        text = text.replace(secret, _HIDDEN)
    return text


def without_secrets(text: str) -> str:
    """The text with `***` for known secrets, the login of an address, and the value of `password=...` and its like."""
    text = without_known_secrets(text)
    while (hidden := _SECRET.sub(_hide, text)) != text:  # what is hidden may have stood between the parts of another
        text = hidden
    return text


def _hide(secret: re.Match[str]) -> str:
    return f"{secret[1] or secret[2]}{_HIDDEN}"


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
