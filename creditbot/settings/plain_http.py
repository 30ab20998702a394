"""Says where plain http may be used: on this machine, and with the hosts of HTTP_HOSTS. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit


def http_allowed(url: str, hosts: Collection[str]) -> bool:
    """Whether a URL is https, or http to a loopback address or to one of these hosts ("name" or "name:port")."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    excepted = {name.lower() for name in hosts}
    return parts.scheme == "http" and (is_loopback(host) or host in excepted or f"{host}:{port}" in excepted)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine, without asking a resolver."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
