"""Nothing in the cassettes looks like a secret. Shares nothing with what scrubs them: a slip there is to show here."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CASSETTES = Path(__file__).parents[1] / "cassettes"
FILES = sorted(path for path in CASSETTES.rglob("*") if path.is_file())

# A value in the place of a secret is one unless it says that it is not.
VALUE = r"""["']?+(?!null\b|none\b)(?![\w.-]*not-a-secret\b)[^\s"',&}\]]"""
SUSPICIOUS = {
    "a Slack token": r"\bx(?:ox[a-z]|app|wfp)-",
    "a Slack webhook": r"hooks\.slack\.com",
    "a web token": r"\beyJ[\w-]{8,}\.",
    "a private key": r"-----BEGIN",
    "a cloud's or a forge's key": r"\b(?:AKIA|ASIA|gh[pousr]_|glpat-|AIza|sk-)\w{8,}",
    "a named secret": rf"(?i)(?:token|secret|password|passwd|api[_-]?key)[\"']?\s*[:=]\s*+{VALUE}",
    "a login": rf"(?i)\b(?:bearer|basic|token)\s++{VALUE}{{4}}",
    "an authorization": rf"(?i)\bauthorization[\"']?:\s*+(?:-\s*+)?+[\"']?+(?!bearer\b){VALUE}",
    "a cookie": r"(?i)\bcookie\b",
    "a password in an address": r"://[^\s/@\"']+:[^\s/@\"']+@",
    "somebody's e-mail address": r"[\w.+-]+@(?![\w.-]*\.example\b)[\w-]+\.[\w.-]+",
    "a machine's address": r"\b(?:127\.0\.0\.1|localhost|(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+)\b",
    "something long and random": r"\b[0-9a-fA-F]{32,}\b|(?=[\w+-]*\d)(?=[\w+-]*[a-z])(?=[\w+-]*[A-Z])[\w+-]{24,}={0,2}",
}
CURSOR = re.compile(r"(?:next_ts|team|user|channel):[\w.]+")
"""What a page's cursor says, in base64."""

PLANTED = {
    "a Slack token": f"token of xoxb-{'1' * 12}-{'a' * 24}",
    "a Slack webhook": "https://hooks.slack.com/services/T0/B0/x",
    "a web token": f"eyJ{'a' * 12}.eyJ{'b' * 12}.c",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
    "a cloud's or a forge's key": f"AKIA{'A1' * 8}",
    "a named secret": "client_id=abc&client_secret=hunter2",
    "a login": "Bearer aaaabbbb",
    "an authorization": "Authorization:\n      - abcd",
    "a cookie": "Set-Cookie:\n      - looker.browser=1",
    "a password in an address": "https://olu:hunter2@acme.looker.com/",
    "somebody's e-mail address": "olu.owner@acme.com",
    "a machine's address": "http://127.0.0.1:43210/api/",
    "something long and random": "aB3" * 9,
}
MORE_PLANTED = (
    '"access_token": "hunter2hunter2"',
    '{"refresh_token":"hunter2"}',
    "access_token: hunter2",
    "slack_bot_token = 'hunter2'",
    "Authorization:\n      - token aaaabbbb",
    f"Basic {base64.b64encode(b'user:hunter2').decode()}",
    "0123456789abcdef" * 2,
    base64.b64encode(b"looker-client:hunter2hunter2").decode(),
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CASSETTES)))
def test_nothing_looks_like_a_secret(path: Path) -> None:
    """Neither the text of a cassette nor a value in it, however YAML writes it."""
    text = path.read_text(encoding="utf-8")
    values = list(_leaves(yaml.safe_load(text))) if path.suffix == ".yaml" else []
    assert [] == [found for part in (text, *values) for found in secrets_in(part)]


def test_every_kind_of_secret_is_known_when_it_is_seen() -> None:
    """Each pattern finds what was planted for it, within a recorded cassette."""
    cassette = next(path for path in FILES if path.suffix == ".yaml").read_text(encoding="utf-8")
    assert SUSPICIOUS.keys() == PLANTED.keys()
    missed = [kind for kind, planted in PLANTED.items() if kind not in dict(secrets_in(f"{cassette}\n{planted}\n"))]
    assert [] == missed


@pytest.mark.parametrize("planted", MORE_PLANTED)
def test_a_planted_secret_is_found(planted: str) -> None:
    """Other spellings of the same."""
    assert list(secrets_in(f"body: x\n{planted}\n"))


@pytest.mark.parametrize("where", ["header", "form", "json", "answer"])
def test_a_secret_is_found_wherever_it_stands(where: str) -> None:
    """In any part of a request or an answer."""
    secret = f"xoxb-{'1' * 12}-{'a' * 24}"
    request: dict[str, Any] = {"uri": "https://slack.com/api/auth.test", "headers": {}, "body": ""}
    answer = {"body": {"string": '{"ok": true}'}}
    match where:
        case "header":
            request["headers"] = {"X-Other": [secret]}
        case "form":
            request["body"] = f"a=b&c={secret}"
        case "json":
            request["body"] = f'{{"a": ["{secret}"]}}'
        case _:
            answer["body"]["string"] = f'{{"a": "{secret}"}}'
    assert list(secrets_in(yaml.dump({"interactions": [{"request": request, "response": answer}]})))


def secrets_in(text: str) -> Iterator[tuple[str, str]]:
    """What looks like a secret: (kind, the text)."""
    for kind, pattern in SUSPICIOUS.items():
        for match in re.finditer(pattern, text):
            if not CURSOR.fullmatch(_decoded(match[0])):
                yield kind, match[0]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(name)
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield str(value)
