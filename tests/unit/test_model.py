"""The shared values that compute something: keys and addresses."""

from __future__ import annotations

import pytest

from creditbot.model import RequestKey, Workspace

KEY = RequestKey("T1", "C1", "1736345678.123456")
WORKSPACE = Workspace("T1", "https://acme.slack.com/", "U1", "B1", {"C1": "credits"})


def test_a_key_can_be_read_back_from_its_text() -> None:
    assert RequestKey.parse("T1.C1.1736345678.123456") == KEY
    assert str(KEY) == "T1.C1.1736345678.123456"


@pytest.mark.parametrize("thread", ["", KEY.ts])
def test_a_request_outside_threads_has_a_short_address(thread: str) -> None:
    assert WORKSPACE.address(KEY, thread) == "https://acme.slack.com/archives/C1/p1736345678123456"


def test_a_request_in_a_thread_is_addressed_within_it() -> None:
    expected = "https://acme.slack.com/archives/C1/p1736345678123456?thread_ts=1736345600.000100&cid=C1"
    assert WORKSPACE.address(KEY, "1736345600.000100") == expected
