"""The secrets that this process knows, and how they are taken out of a text, however they are spelt there.

`Settings.load` names the bot's, and the notebook host those of a notebook's environment. `creditbot.text`, the log and
what is kept of a notebook leave them out.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"
"""Takes the place of a secret in a text."""

SENSITIVE_NAMES = r"(?:password|passwd|pwd|passphrase|token|secret|(?:private|api|access|account)_?key|signature|sig)"
"""What the names of secrets end with in connection strings and addresses, as a regular expression."""

SECRET_VARIABLE = r"PASSW|PASSPHRASE|TOKEN|SECRET|CREDENTIAL|(?:API|PRIVATE|ACCESS|ACCOUNT)_?KEY|_PWD$"  # noqa: S105  # names, no secret
"""What the names of variables that hold a secret have in them, in any case, as a regular expression."""

# A password may hold a slash or an @, so it ends before the first @ or the last one. The tempered dot stops at the next
# address, and every repetition is bounded: the time is linear in the text.
_OF_ADDRESS = re.compile(r"(?<=://)[^\s/:@]{0,200}:(?=((?:(?!://)\S){1,500})@)(?=(\S{1,500}?)@)")
_OF_NAME = re.compile(
    rf"{SENSITIVE_NAMES}[\"']?\s{{0,4}}[=:](?!//)\s{{0,4}}"
    r"(?:\"([^\"]{1,8000})\"|'([^']{1,8000})'|\{([^{}]{1,8000})\}|([^&;,\s'\"{}]{1,8000}))",
    re.IGNORECASE,
)

_WORD = re.compile(r"[A-Z]?[a-z]{0,14}|[A-Z]{1,15}|[0-9]{1,8}|.{0,3}", re.DOTALL)

# What may come between and before characters. The repetitions are bounded, so that the time is linear in the text.
_ESCAPE = r"\\{1,8}"
_PERCENT = "%(?:25){0,4}"
_COLOUR = r"(?:\x1b\[[0-9;]{0,20}m){0,2}"
_SPACE = rf"(?:\s|{_ESCAPE}[nrt]|{_PERCENT}(?:20|0[9ADad])|\+){{1,20}}"
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def is_word(secret: str) -> bool:
    """Whether a secret is so short, or so like a word or a number, that ordinary texts hold it by chance."""
    return _WORD.fullmatch(secret) is not None


class Blotter:
    """Takes secrets out of texts: as they are, or escaped as in addresses, JSON, HTML, Python and connection strings.

    A secret that is a word, such as "test", is taken out only where it is clearly a password: in the login of an
    address or after a name such as `password`. Everywhere else it may be a word.

    Args:
        secrets: as they are, or percent-encoded as in an address.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        plain = {text for secret in secrets for text in (secret, unquote(secret), unquote_plus(secret)) if text.strip()}
        self._secrets = [(secret, _anchors(secret)) for secret in sorted(plain, key=len, reverse=True)]

    def hide(self, text: str) -> str:
        """The text with `***` for the secrets."""
        for secret, anchors in self._secrets:
            if any(anchor in text for anchor in anchors):
                text = _pattern(secret).sub(_hidden, text)
        return text


_known = Blotter(())


def know_secrets(secrets: Iterable[str]) -> None:
    """From now on `without_known_secrets` takes out these secrets, and those of an earlier call no longer."""
    global _known  # noqa: PLW0603  # the whole process has the same secrets
    _known = Blotter(secrets)


def without_known_secrets(text: str) -> str:
    """The text with `***` for the secrets that `know_secrets` was called with."""
    return _known.hide(text)


def passwords_in(text: str) -> tuple[str, ...]:
    """The passwords of the addresses and connection strings in a text, as they are typed there.

    A password with an @ is there twice, up to the first @ and up to the last, because drivers differ about its end.
    """
    texts = dict.fromkeys((text, unquote(text)))  # a connection string may be percent-encoded in an address
    groups = (found for part in texts for pattern in (_OF_ADDRESS, _OF_NAME) for found in pattern.findall(part))
    return tuple(dict.fromkeys(password for group in groups for password in group if password))


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The passwords in environment variables, and the values of variables that are named for secrets.

    The path of a file, such as one that holds a key, is not a secret.
    """
    named = [value.strip() for name, value in environment.items() if re.search(SECRET_VARIABLE, name, re.IGNORECASE)]
    secrets = [value for value in named if value and not _is_path(value)]
    return tuple(dict.fromkeys([*secrets, *(found for value in environment.values() for found in passwords_in(value))]))


def _is_path(value: str) -> bool:
    try:
        return value.startswith(("/", "~", "./")) and Path(value).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # too long, no such user, or a zero byte in it
        return False


def _hidden(found: re.Match[str]) -> str:
    return f"{found['before'] or ''}{HIDDEN}" if "before" in found.re.groupindex else HIDDEN


def _anchors(secret: str) -> list[str]:
    """Texts one of which is in every text that holds the secret: looking for them first is a hundred times faster."""
    return [max(re.findall("[0-9A-Za-z]*", text), key=len) for text in (secret, *_in_codes(secret))]


@cache  # for a private key it takes a tenth of a second, and most texts hold none
def _pattern(secret: str) -> re.Pattern[str]:
    spelt = _any_spelling(secret)
    if is_word(secret):
        login = rf"://[^\s/:@]{{0,200}}:(?={spelt}@)"
        named = rf"(?i:{SENSITIVE_NAMES})[\"']?\s{{0,4}}[=:]\s{{0,4}}[\"'{{]{{0,2}}"
        return re.compile(rf"(?P<before>{login}|{named}){spelt}(?![0-9A-Za-z])")
    in_codes = (re.sub("[-+]", "[-+]", re.sub("[/_]", "[/_]", code)) for code in _in_codes(secret))
    return re.compile("|".join([spelt, *in_codes]))


def _any_spelling(secret: str) -> str:
    """A regular expression for the secret in which each character may be escaped in a way of its own."""
    parts = re.split(r"(\s+)", secret)
    return "".join(_SPACE if part.isspace() else "".join(map(_spellings, part)) for part in parts)


def _spellings(character: str) -> str:
    """Letters and digits are never escaped. Anything else may be, and a traceback may colour it."""
    if character.isascii() and character.isalnum():
        return character
    itself, number = re.escape(character), ord(character)
    of_bytes = character.encode("utf-8", "surrogateescape")  # a variable may hold any bytes
    in_json = re.findall("u([0-9a-f]{4})", json.dumps(character)) or [f"{number:04x}"]  # two for an emoji
    doubled = "{1,2}" if character in "'\"{}" else "{1,8}" if character == "\\" else ""
    ways = [
        f"{itself}{doubled}",
        "".join(f"{_PERCENT}{byte:02x}" for byte in of_bytes),
        "".join(rf"{_ESCAPE}x{byte:02x}" for byte in of_bytes),
        "".join(rf"{_ESCAPE}u{code}" for code in in_json),
        rf"{_ESCAPE}x{number:02x}" if number < 256 else rf"{_ESCAPE}U{number:08x}",
        f"&(?:amp;)?(?:#0{{0,6}}{number}|#x0{{0,6}}{number:x}|{_ENTITIES.get(character, '#')});",
    ]
    optional = "" if character.isprintable() else "?"  # what cannot be seen is not shown
    return f"{_COLOUR}(?:{_ESCAPE})?(?i:{'|'.join(ways)}){optional}{_COLOUR}"


def _in_codes(secret: str) -> Iterator[str]:
    """What of a secret stands in the hexadecimal digits and in the base64 of any text that it is a part of.

    HTTP sends `user:password` in base64.
    """
    data = secret.encode("utf-8", "surrogateescape")
    if len(data) < 5:  # such a short code could be there by chance
        return
    yield data.hex()
    yield data.hex().upper()
    for before in range(3):
        code = b64encode(b"\0" * before + data + b"\0\0").decode()
        yield code[(8 * before + 5) // 6 : 8 * (before + len(data)) // 6]
