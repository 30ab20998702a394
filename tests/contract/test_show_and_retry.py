"""`creditbot show` and `retry` after a tick on the sandbox."""

from __future__ import annotations

import getpass
import os
import re
import socket
from pathlib import Path

import pytest

from creditbot.sandbox.world import BOT_USER
from tests.support.office import CommandResult, Office, permalink, refusal

pytestmark = pytest.mark.kernels


def test_show_prints_what_became_of_a_request(worked: Office) -> None:
    """With its amount, links, products and hashes."""
    out = worked.run("show", worked.permalink("SMS pumping")).out
    assert re.search(r"^status     answered, since .* UTC$", out, re.MULTILINE)
    assert re.search(r"^credit     \$4,948.80$", out, re.MULTILINE)
    assert re.search(r"^           verify, \$4,948.80, SQL \w{12}, notebook \w{12}$", out, re.MULTILINE)


def test_show_knows_a_request_that_the_state_forgot(worked: Office, tmp_path: Path) -> None:
    """From its summary."""
    out = worked.run("show", worked.permalink("SMS pumping"), STATE_URI=f"file:{tmp_path}/other.json").out
    assert re.search(r"^status     answered, since .* UTC$", out, re.MULTILINE)
    assert re.search(r"^credit     \$4,948.80$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Why do the answers", "It is not a request: it has no link to 127.0.0.1:"),
        ("Verify conversion", "It is not a request: an app wrote it (B0ALERTS); ALLOWED_BOTS does not list it."),
        (BOT_USER, "It is not a request: it is"),
    ],
)
def test_show_says_why_a_message_is_not_a_request(worked: Office, text: str, why: str) -> None:
    """This answers "why does it not answer?"."""
    assert why in worked.run("show", worked.permalink(text)).out


def test_show_says_that_a_channel_is_not_watched(worked: Office) -> None:
    """It does not ask Slack for the message."""
    out = worked.run("show", permalink("1736345678.123456", "C0ELSE")).out
    assert "The channel C0ELSE is not watched (SLACK_CHANNELS)." in out


def test_retry_is_refused_for_an_answered_request(worked: Office) -> None:
    """Nobody is answered twice."""
    done = worked.run("retry", worked.permalink("SMS pumping"))
    assert 2 == done.code
    assert done.sentence.startswith("This request has been answered; the bot answers only once.")


def test_retry_lets_the_next_tick_start_a_request_again(worked: Office, light: dict[str, str]) -> None:
    """The cause is still there, so the request is given up again."""
    done = worked.run("retry", worked.permalink("looks/4040"))
    assert CommandResult(0, "The next tick will start this request again.\n") == done
    assert "restarted" in worked.run("history").out
    assert "Looker has no Look 4040" in worked.run("run-once", **light).out


def test_the_name_of_who_overrides_a_refusal_is_kept(
    worked: Office, light: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a container, whose user has only a number."""

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", unknown)
    permalink = worked.permalink("looks/4040")
    who = {(): f"uid {os.getuid()}@{socket.gethostname()}", ("--by", "Fay Finance"): "Fay Finance"}
    for options, name in who.items():
        assert 0 == worked.run("retry", "--again", *options, permalink).code
        assert f"again by   {name}\n" in worked.run("show", permalink).out
        assert 0 == worked.run("run-once", **light).code


def test_retry_takes_a_name_only_with_again(worked: Office) -> None:
    """Otherwise the name would be kept nowhere."""
    done = worked.run("retry", "--by", "Dana", worked.permalink("looks/4040"))
    assert refusal("--by names the person who wants --again. Give both options, or neither.") == done


@pytest.mark.parametrize("command", ["show", "retry", "replay"])
def test_any_other_text_than_a_permalink_is_refused(office: Office, command: str) -> None:
    """The sentence says where to get one."""
    done = office.run(command, "https://acme.slack.com/archives/")
    assert 2 == done.code
    assert "is not the address of a Slack message. Use Copy link in the message's menu" in done.sentence
