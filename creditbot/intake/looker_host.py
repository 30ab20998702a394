"""Decides which URLs are on our Looker. Pure.

The host comes from LOOKER_BASE_URL. A URL that a browser might read differently than we do is never on our Looker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from creditbot.errors import SettingsError

# No userinfo, no backslash, ASCII only.
_NAME = r"(?P<name>[a-z0-9_.-]+|\[[0-9a-f:.]+\])"
_URL = re.compile(
    rf"(?P<scheme>https?)://{_NAME}(?::(?P<port>\d{{0,5}}))?(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(rf"(?:(?P<scheme>https?)://)?{_NAME}(?::(?P<port>\d{{1,5}}))?(?:/[^?#]*)?", re.IGNORECASE | re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_DEFAULT_PORTS = {"https": (443,), "http": (80,), "": (443, 80)}
# The same Looker answers people on 9999 and programs on 19999, or both on the default port.
_LOOKER_PORTS = frozenset((None, 9999, 19999))


@dataclass(frozen=True, slots=True)
class LookerHost:
    """The address of a Looker.

    Attributes:
        name: in lower case, without a trailing dot.
        port: None for the scheme's default port.
    """

    name: str
    port: int | None = None

    def __str__(self) -> str:
        """As people write it: "acme.looker.com" or "acme.looker.com:9999"."""
        return self.name if self.port is None else f"{self.name}:{self.port}"

    def owns(self, other: LookerHost) -> bool:
        """Whether both are the same Looker: the same name, and the same port or two of Looker's usual ports.

        A different port is a different server, where the same number may be a different Look.
        """
        same_port = self.port == other.port or {self.port, other.port} <= _LOOKER_PORTS
        return self.name == other.name and same_port


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL before they are decoded. The fragment after a "#" is left out.

    Attributes:
        host: the server.
        path: from the first slash on, or "".
        query: the text after the "?", or "".
    """

    host: LookerHost
    path: str
    query: str


def parse_url(url: str) -> Url | None:
    """The parts of an http(s) URL; None if it has parts other than host, port, path, query and fragment."""
    match = _URL.fullmatch(url)
    if match is None or _CONTROL.search(url):
        return None
    return Url(_host_of(match), match["path"] or "", match["query"] or "")


def looker_host(text: str) -> LookerHost:
    """The host named by LOOKER_BASE_URL or by `HOST[:PORT]`. Raises `SettingsError` for anything else."""
    match = _HOST.fullmatch(text.strip())
    host = _host_of(match) if match else None
    if host is None or not _is_host(host):
        # The text is not repeated, because it may hold a password.
        todo = "Write it as https://HOST[:PORT], or as HOST[:PORT]."
        raise SettingsError("The address of Looker has no host.", todo)
    return host


def _host_of(match: re.Match[str]) -> LookerHost:
    name = match["name"].lower().removesuffix(".")
    port = int(match["port"]) if match["port"] else None
    return LookerHost(name, None if port in _DEFAULT_PORTS[(match["scheme"] or "").lower()] else port)


def _is_host(host: LookerHost) -> bool:
    labels = [] if host.name.startswith("[") else host.name.split(".")
    return all(_LABEL.fullmatch(label) for label in labels) and (host.port is None or 0 < host.port < 65536)
