"""Replays meet a closed network."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest
from pytest_socket import SocketBlockedError
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.replay.stage import replaying


def test_even_this_machine_is_out_of_reach() -> None:
    """No replay can lean on a server, nor ask for a name."""
    with pytest.warns(UserWarning, match="socket"), pytest.raises(SocketBlockedError):
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    with pytest.warns(UserWarning, match="socket"), pytest.raises(SocketBlockedError):
        socket.socket()


def test_what_is_not_recorded_is_not_sent() -> None:
    """A request that the cassette lacks ends the scenario."""
    with pytest.raises(CannotOverwriteExistingCassetteException), replaying(Path("no-such-cassette.yaml")):
        urllib.request.urlopen("https://slack.com/api/api.test")
