"""Where plain http may be used."""

from __future__ import annotations

import pytest

from creditbot.settings.plain_http import http_allowed, is_loopback


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://slack.com/api/", True),
        ("http://slack.com/api/", False),
        ("http://127.0.0.1:4567/", True),
        ("http://127.8.9.1/", True),
        ("http://[::1]:4567/", True),
        ("http://localhost/", True),
        ("http://looker.localhost/", True),
        ("http://localhost.evil.example/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://127.0.0.1@evil.example/", False),
        ("http://sandbox:8080/", True),
        ("http://SANDBOX:8080/", True),
        ("http://sandbox:9090/", False),
        ("http://any-port:9090/", True),
        ("http://one-port/", True),
        ("http://other/", False),
        ("ftp://localhost/", False),
        ("https://", False),
        ("http://[::1", False),
        ("http://sandbox:port/", False),
        ("", False),
    ],
)
def test_plain_http_is_for_this_machine_and_listed_hosts(url: str, *, expected: bool) -> None:
    """Everything else needs https."""
    assert expected is http_allowed(url, ["Sandbox:8080", "any-port", "one-port:80"])


@pytest.mark.parametrize("host", ["127.1", "0.0.0.0", "::", "10.0.0.1", "", "example.com"])
def test_any_other_host_is_not_this_machine(host: str) -> None:
    """Unusual spellings are not guessed at."""
    assert not is_loopback(host)
