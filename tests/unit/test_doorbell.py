"""Which of Slack's events ring, and to which addresses the doorbell connects."""

from __future__ import annotations

from typing import Any

import pytest

from creditbot.adapters.slack.doorbell import _checked, rings
from creditbot.errors import Refused

OURS: dict[str, Any] = {"api_app_id": "A0US", "authorizations": [{"user_id": "U0US"}]}
MESSAGE = {"type": "message", "user": "U0DANA", "text": "credit please", "channel": "C0CREDITS"}
REACTION = {"type": "reaction_added", "user": "U0DANA", "reaction": "+1"}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (MESSAGE, True),
        (MESSAGE | {"app_id": "A0THEM", "bot_id": "B0THEM"}, True),
        (MESSAGE | {"app_id": "A0US", "bot_id": "B0US"}, False),
        (MESSAGE | {"user": "U0US"}, False),
        ({"type": "message", "subtype": "message_changed", "message": MESSAGE}, True),
        ({"type": "message", "subtype": "message_changed", "message": MESSAGE | {"app_id": "A0US"}}, False),
        ({"type": "message", "subtype": "message_deleted", "previous_message": MESSAGE}, True),
        (REACTION, True),
        (REACTION | {"type": "reaction_removed"}, True),
        (REACTION | {"user": "U0US"}, False),
        ({"type": "app_home_opened", "user": "U0DANA"}, False),
        ({}, False),
        (None, False),
        ([MESSAGE], False),
    ],
)
def test_what_people_do_rings_and_what_we_do_does_not(event: object, expected: bool) -> None:
    assert expected is rings({**OURS, "event": event})


def test_an_event_that_does_not_say_who_we_are_rings() -> None:
    """It costs one look."""
    assert rings({"event": MESSAGE, "authorizations": "nobody", "api_app_id": None})


@pytest.mark.parametrize("url", ["wss://wss-primary.slack.com/link/?ticket=1", "wss://wss-backup.slack.com:443/link/"])
def test_an_address_with_tls_is_used(url: str) -> None:
    assert url == _checked(url, is_plain=False)


@pytest.mark.parametrize(
    "url",
    ["ws://slack.example/link/", "wss://slack.example:8443/", "https://slack.example/", "wss://", "wss://[", None],
)
def test_an_address_that_the_client_speaks_to_without_tls_is_not(url: object) -> None:
    """It would send the ticket in the clear."""
    with pytest.raises(Refused, match="no usable address"):
        _checked(url, is_plain=False)


def test_a_slack_on_plain_http_has_a_plain_websocket() -> None:
    assert "ws://127.0.0.1:8080/link/" == _checked("ws://127.0.0.1:8080/link/", is_plain=True)
