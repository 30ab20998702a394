"""Which web addresses are on our Looker."""

from __future__ import annotations

import pytest

from creditbot.errors import SettingsError
from creditbot.intake.looker_host import LookerHost, Url, looker_host, parse_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://acme.looker.com", LookerHost("acme.looker.com")),
        ("https://acme.looker.com/", LookerHost("acme.looker.com")),
        (" https://Acme.EU.Looker.com:19999/ ", LookerHost("acme.eu.looker.com", 19999)),
        ("https://acme.looker.com:443", LookerHost("acme.looker.com")),
        ("http://127.0.0.1:45123", LookerHost("127.0.0.1", 45123)),
        ("http://localhost:80", LookerHost("localhost")),
        ("https://localhost:80", LookerHost("localhost", 80)),
        ("acme.looker.com", LookerHost("acme.looker.com")),
        ("acme.looker.com.", LookerHost("acme.looker.com")),
        ("looker_dev.acme.internal:9999", LookerHost("looker_dev.acme.internal", 9999)),
        ("acme.looker.com:443", LookerHost("acme.looker.com")),
        ("acme.looker.com:80", LookerHost("acme.looker.com")),
        ("acme.looker.com:1", LookerHost("acme.looker.com", 1)),
        ("acme.looker.com:65535", LookerHost("acme.looker.com", 65535)),
        ("[::1]:8080", LookerHost("[::1]", 8080)),
        ("https://acme.looker.com/api/4.0", LookerHost("acme.looker.com")),
    ],
)
def test_a_host_is_read_from_a_url_or_from_host_and_port(text: str, expected: LookerHost) -> None:
    """As LOOKER_BASE_URL or --host gives it. The default port of the scheme is left out."""
    assert expected == looker_host(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "acme looker com",
        "ftp://acme.looker.com",
        "https://me:hunter2@acme.looker.com",
        "acme.looker.com:port",
        "acme.looker.com:0",
        "acme.looker.com:65536",
        "acme..looker.com",
        "-acme.looker.com",
        ".",
        "l\u00f6\u00f6ker.example",
        "https://acme.looker.com?x=1",
        "//acme.looker.com",
    ],
)
def test_an_address_without_a_host_is_refused(text: str) -> None:
    """The error does not repeat it: it may hold a password."""
    with pytest.raises(SettingsError) as caught:
        looker_host(text)
    assert caught.value.todo
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("ours", "other", "expected"),
    [
        (None, None, True),
        (19999, None, True),
        (19999, 9999, True),
        (None, 9999, True),
        (None, 19999, True),
        (None, 8443, False),
        (8443, 8443, True),
        (8443, None, False),
        (45123, 45124, False),
    ],
)
def test_the_usual_ports_of_a_looker_are_the_same_looker(ours: int | None, other: int | None, expected: bool) -> None:
    """They are 443, 9999 and 19999. Another port is another server, on which Look 42 is another Look."""
    assert expected is LookerHost("acme.looker.com", ours).owns(LookerHost("acme.looker.com", other))


def test_a_host_is_printed_as_people_write_it() -> None:
    """The port is shown only if it is not the default."""
    assert "acme.looker.com" == str(LookerHost("acme.looker.com"))
    assert "acme.looker.com:9999" == str(LookerHost("acme.looker.com", 9999))


@pytest.mark.parametrize("name", ["notacme.looker.com", "acme.looker.com.evil.com", "docs.looker.com", "looker.com"])
def test_another_name_is_another_looker(name: str) -> None:
    """Names are compared as a whole."""
    assert not LookerHost("acme.looker.com").owns(LookerHost(name))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://acme.looker.com", Url(LookerHost("acme.looker.com"), "", "")),
        ("HTTPS://ACME.looker.com.:443/x/a?b=c#d?e", Url(LookerHost("acme.looker.com"), "/x/a", "b=c")),
        ("http://acme.looker.com:/x/a", Url(LookerHost("acme.looker.com"), "/x/a", "")),
        ("https://acme.looker.com?b=%20#", Url(LookerHost("acme.looker.com"), "", "b=%20")),
        ("https://acme.looker.com/a@b:c\\d", Url(LookerHost("acme.looker.com"), "/a@b:c\\d", "")),
    ],
)
def test_a_url_has_a_host_a_path_and_a_query(url: str, expected: Url) -> None:
    """Neither the case of scheme and host, nor a default or empty port, nor a fragment changes it."""
    assert expected == parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.looker.com@evil.com/looks/1",
        "https://me@acme.looker.com/looks/1",
        "https://me:pw@acme.looker.com/looks/1",
        "https://acme.looker.com:pw@evil.com/looks/1",
        "https://acme.looker.com\\@evil.com/looks/1",
        "https://evil.com\\@acme.looker.com/looks/1",
        "https://acme.looker.com%2eevil.com/looks/1",
        "https://acme.loo\u212aer.com/looks/1",
        "https://acme\u3002looker.com/looks/1",
        "https://acme.looker.com:123456/looks/1",
        "https://acme.looker.com/looks/1\x00",
        "https://acme.looker.com/lo\noks/1",
        "http\u017f://acme.looker.com/looks/1",
        "https:/acme.looker.com/looks/1",
        "ftp://acme.looker.com/looks/1",
        "acme.looker.com/looks/1",
        "",
    ],
)
def test_a_url_that_a_browser_might_read_in_another_way_is_refused(url: str) -> None:
    """One with a user, a backslash, a control character, a non-ASCII host or another scheme."""
    assert parse_url(url) is None
