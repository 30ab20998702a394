"""What goes into a cassette: canonical names for hosts, placeholders for secrets, bodies that people can read.

Both directions pass through here, and at a replay the code's own requests too. There nothing is left to hide, so they
are compared as they were sent: the placeholders are the credentials of a replay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.replay.origin import CANONICAL, Origin

HARMLESS = "not-a-secret"
"""Ends every placeholder."""
_REMOVED = f"removed-{HARMLESS}"
_REQUEST_HEADERS = {"authorization", "content-type"}
_RESPONSE_HEADERS = {"content-type", "date", "retry-after", "x-oauth-scopes"}
_SECRET = re.compile(r"(?:^|_)(?:token|secret|password)$", re.IGNORECASE)
_WORKSPACE = re.compile(r"https://[\w-]+(?:\.enterprise)?\.slack\.com\b")
_EMAIL = re.compile(r"[\w.+-]+@(?![\w.-]*\.example\b)[\w-]+(?:\.[\w-]+)+")


class Scrubber:
    """Rewrites the requests and answers of one cassette, recorded from `origin`."""

    def __init__(self, origin: Origin) -> None:
        hosts = zip(_names(origin.slack_api_url), _names(CANONICAL.slack_api_url), strict=True)
        hosts_too = zip(_names(origin.looker_base_url), _names(CANONICAL.looker_base_url), strict=True)
        values = zip(astuple(origin), astuple(CANONICAL), strict=True)
        self._known = {real: name for real, name in [*hosts, *hosts_too, *values] if real != name}
        self._tokens = 0

    def text(self, text: str) -> str:
        """A text without what is known to be secret or private."""
        for real in sorted(self._known, key=len, reverse=True):
            text = text.replace(real, self._known[real])
        return _EMAIL.sub("person@removed.example", _WORKSPACE.sub("https://acme.slack.com", text))

    def request(self, request: Any) -> Any:
        """VCR's before_record_request."""
        headers = {name: _text(value) for name, value in request.headers.items()}
        request.uri = self.text(request.uri)
        request.body = self._body(request.body, headers)
        request.headers = {
            name.title(): self._credential(value) if name.lower() == "authorization" else value
            for name, value in headers.items()
            if name.lower() in _REQUEST_HEADERS
        }
        return request

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        """VCR's before_record_response."""
        headers = {name: _text(values[0]) for name, values in response["headers"].items()}
        body = self._body(response["body"]["string"], headers)
        kept = {name: [value] for name, value in sorted(headers.items()) if name.lower() in _RESPONSE_HEADERS}
        return {"status": response["status"], "headers": kept, "body": {"string": body}}

    def _body(self, body: bytes | str | None, headers: Mapping[str, str]) -> bytes:
        kind, content = structure(body, headers)
        if kind == "json":
            return json.dumps(self.walk(content), ensure_ascii=False, indent=1).encode()
        if kind == "form":
            return urlencode([(name, self.walk(value, name)) for name, value in content]).encode()
        return self.text(content).encode()

    def walk(self, value: Any, name: str = "") -> Any:
        """A JSON value without what is secret or private; `name` is that of the field that it stands in."""
        if isinstance(value, dict):
            return {self.text(key): self.walk(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.walk(inner, name) for inner in value]
        if isinstance(value, str):
            return self._named(name, value) if _SECRET.search(name) else self.text(value)
        return value

    def _named(self, name: str, value: str) -> str:
        """The value of a field that holds a secret by its name; tokens that are handed out are numbered."""
        shown = self.text(value)
        if shown.endswith(HARMLESS) or not shown:
            return shown
        if name != "access_token":
            return _REMOVED
        self._tokens += 1
        numbered = f"looker-token-{self._tokens}-{HARMLESS}"
        self._known[value] = numbered
        return numbered

    def _credential(self, header: str) -> str:
        shown = self.text(header)
        return shown if shown.endswith(HARMLESS) else f"Bearer {_REMOVED}"


def structure(body: bytes | str | None, headers: Mapping[str, str]) -> tuple[str, Any]:
    """What a body means: ("form", pairs), ("json", value) or ("text", text); blank values of a form count."""
    text = _text(body or "")
    if "form-urlencoded" in next((value for name, value in headers.items() if name.lower() == "content-type"), ""):
        return "form", parse_qsl(text, keep_blank_values=True)
    if text[:1] in "{[" and text:
        return "json", json.loads(text)
    return "text", text


def _names(url: str) -> list[str]:
    parts = urlsplit(url)
    return [f"{parts.scheme}://{parts.netloc}", parts.netloc, str(parts.hostname)]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
