"""SlackSigns: reactions on requests, which nothing waits for and nothing fails for."""

from __future__ import annotations

import pytest

from creditbot.adapters.slack.signs import EMOJI, NoSigns
from creditbot.model import RequestKey, Sign
from tests.support.slack_stub import SlackStub, refused

KEY = RequestKey("T0TEST", "C0TEST", "1736345678.000100")


@pytest.mark.parametrize(("sign", "emoji"), EMOJI.items())
def test_a_sign_is_a_reaction_on_the_request(stub: SlackStub, sign: Sign, emoji: str) -> None:
    stub.on("reactions.add", {})
    stub.open().signs.put(KEY, sign)
    assert stub.bodies("reactions.add") == [{"channel": "C0TEST", "timestamp": KEY.ts, "name": emoji}]


def test_a_sign_can_be_taken_back(stub: SlackStub) -> None:
    stub.on("reactions.remove", {})
    stub.open().signs.take_back(KEY, "by_hand")
    assert stub.bodies("reactions.remove") == [{"channel": "C0TEST", "timestamp": KEY.ts, "name": "warning"}]


@pytest.mark.parametrize("code", ["already_reacted", "too_many_reactions", "message_not_found", "thread_locked"])
def test_a_refusal_about_one_message_does_not_stop_the_next_sign(stub: SlackStub, code: str) -> None:
    stub.on("reactions.add", refused(code))
    stub.on("reactions.add", {})
    signs = stub.open().signs
    signs.put(KEY, "taken")
    signs.put(KEY, "answered")
    assert len(stub.bodies("reactions.add")) == 2


def test_without_the_scope_slack_is_asked_once(stub: SlackStub) -> None:
    stub.on("reactions.add", refused("missing_scope"))
    signs = stub.open().signs
    signs.put(KEY, "taken")
    signs.put(KEY, "answered")
    assert len(stub.bodies("reactions.add")) == 1


def test_a_rate_limit_leaves_the_next_signs_out(stub: SlackStub) -> None:
    """And no post waits for it."""
    stub.on("reactions.add", refused("ratelimited"))
    signs = stub.open().signs
    signs.put(KEY, "taken")
    signs.put(KEY, "answered")
    assert len(stub.bodies("reactions.add")) == 1


def test_a_slack_that_cannot_be_reached_is_no_failure(stub: SlackStub) -> None:
    stub.open(api_url="http://127.0.0.1:9/api/").signs.put(KEY, "taken")
    assert stub.http.requests == []


def test_a_defect_is_no_failure(stub: SlackStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("creditbot.adapters.slack.api.SlackApi.write", lambda *_, **__: 1 / 0)
    stub.open().signs.put(KEY, "taken")


def test_signs_can_be_switched_off() -> None:
    NoSigns().put(KEY, "taken")
    NoSigns().take_back(KEY, "taken")
