"""The words for calls that brought no answer, on the exceptions that requests and urllib3 really nest."""

from __future__ import annotations

import ssl

import pytest
import requests
import urllib3

from creditbot.adapters.looker.errors import error_for
from creditbot.adapters.looker.transport import silent
from creditbot.errors import Unreachable

POOL = urllib3.HTTPSConnectionPool("acme.looker.com")


def nested(
    inner: Exception, outer: type[requests.RequestException] = requests.ConnectionError
) -> requests.RequestException:
    """As requests reports what stopped a connection."""
    return outer(urllib3.exceptions.MaxRetryError(POOL, "/api/4.0/login", inner))


CERTIFICATE = urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed"))
NAME = urllib3.exceptions.NameResolutionError("acme.looker.com", urllib3.connection.HTTPConnection("x"), OSError())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "words", "transient"),
    [
        (nested(CERTIFICATE, requests.exceptions.SSLError), "certificate that is not trusted", False),
        (nested(urllib3.exceptions.SSLError(ssl.SSLError("wrong version"))), "does not speak TLS", True),
        (nested(NAME), "name that does not resolve", True),
        (nested(ConnectionRefusedError()), "refuses connections", True),
        (nested(urllib3.exceptions.ConnectTimeoutError(), requests.ConnectTimeout), "did not answer within 9 s", True),
        (nested(OSError(), requests.exceptions.ProxyError), "through the proxy", True),
        (urllib3.exceptions.ProtocolError("Connection broken"), "dropped the connection", True),
        (requests.exceptions.InvalidURL("no host"), "an address that HTTP cannot use", False),
    ],
)
def test_a_missing_answer_has_its_reason(failure: Exception, words: str, transient: bool) -> None:
    """Each way of getting no answer has its words, and is repeated only where that can help."""
    failed = silent(failure, 9.0)
    error = error_for(failed, "acme.looker.com", "Look 42")
    assert isinstance(error, Unreachable)
    assert words in error.what
    assert transient is failed.transient
