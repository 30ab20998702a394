"""What people are called: `SlackPeople` on a scripted Slack, and on the sandbox over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from creditbot.adapters.slack.api import TimeLimits
from creditbot.adapters.slack.people import SlackPeople
from creditbot.adapters.slack.reading import ReadingApi, open_people
from creditbot.adapters.slack.wire import Network
from creditbot.machine.clock import SlackClock
from creditbot.machine.processes import Stop
from creditbot.model import Names
from creditbot.sandbox.http import HttpServer
from creditbot.sandbox.slack import SandboxSlack
from tests.support.http import Answer
from tests.support.slack_sandbox import quiet_slack
from tests.support.slack_stub import TOKEN, SlackStub, Time, refused

SOON = 60.0


def people_of(stub: SlackStub) -> SlackPeople:
    """On this Slack, with its clock."""
    clock, url = SlackClock(stub.time), f"{stub.http.url}/api/"
    return SlackPeople(ReadingApi(TOKEN, url, clock, stub.stop, TimeLimits(), Network()))


def person(**facts: Any) -> dict[str, Any]:
    return {"user": {"id": "U0", **facts}}


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (person(profile={"real_name": "Dana Ortiz", "display_name": "dana"}, name="dortiz"), "Dana Ortiz"),
        (person(real_name="Dana Ortiz", profile={"real_name": " ", "display_name": "dana"}), "Dana Ortiz"),
        (person(profile={"real_name": "", "display_name": "dana"}, name="dortiz"), "dana"),
        (person(name="dortiz"), "dortiz"),
        (person(deleted=True, profile={"real_name": "Dana Ortiz"}), "Dana Ortiz"),
        (person(real_name="Dana\n\u202eOrtiz\x1b[1m"), "Dana Ortiz"),
        (person(real_name="D" * 100), f"{'D' * 59}…"),
        (person(), None),
        (person(profile=7, real_name=["Dana"]), None),
        ({"user": "Dana"}, None),
        ({}, None),
    ],
)
def test_the_full_name_is_the_name(stub: SlackStub, answer: dict[str, Any], name: str | None) -> None:
    """On one line that can be shown; whatever shape Slack's answer has."""
    stub.on("users.info", answer)
    names = people_of(stub).names(["U0DANA"], SOON)
    assert name == names.of("U0DANA")
    assert ("" if name else "Slack has no name for U0DANA.") == names.missing
    assert "U0DANA" == names.with_id("U0DANA")[-7:].strip("()")


def test_only_people_are_looked_up_and_each_of_them_once(stub: SlackStub) -> None:
    """Not a bot, nor a name that somebody typed with a command."""
    stub.on("users.info", person(name="x"))
    people_of(stub).names(["W0MARTA", "B0BOT", "U0DANA", "ann@laptop", "", "U0DANA", "u0dana", "U0 X"], SOON)
    assert ["U0DANA", "W0MARTA"] == [form["user"] for form in stub.forms("users.info")]


def test_whoever_slack_does_not_know_keeps_the_id(stub: SlackStub) -> None:
    """The others are named, and a sentence says who is not."""
    gone = [refused("user_not_found"), refused("user_not_visible"), refused("users_not_found")]
    stub.on("users.info", *gone, person(name="dana"), refused("user_not_found"))
    names = people_of(stub).names([f"U{number}" for number in range(5)], SOON)
    assert Names({"U3": "dana"}, "Slack has no name for U0, U1, U2 and 1 more.") == names


@pytest.mark.parametrize("answer", [refused("missing_scope", needed="users:read"), refused("invalid_auth")])
def test_a_refusal_of_everybody_is_asked_for_once(stub: SlackStub, answer: Answer) -> None:
    """The sentence says what to do about it."""
    stub.on("users.info", person(name="dana"), answer)
    names = people_of(stub).names(["U0", "U1", "U2", "U3"], SOON)
    assert {"U0": "dana"} == names.known
    assert "Slack refuses users.info" in names.missing
    assert 2 == len(stub.forms("users.info"))


def test_people_are_looked_up_at_slacks_pace(stub: SlackStub) -> None:
    """Some 100 a minute are allowed; what does not fit into the given time is left out."""
    stub.on("users.info", person(name="dana"))
    users = [f"U{number:03}" for number in range(200)]
    assert 200 == len(people_of(stub).names(users, 600).known)
    assert 75 < sum(stub.time.slept) < 85
    names = people_of(stub).names(users, 10)
    assert 90 < len(names.known) < 100
    assert "Slack did not give all names within 10 seconds." == names.missing


def test_a_slack_that_does_not_answer_is_asked_for_one_person(stub: SlackStub) -> None:
    stub.on("users.info", Answer("down", status=503))
    names = people_of(stub).names(["U0", "U1"], SOON)
    assert {} == names.known
    assert "503" in names.missing
    assert {"U0"} == {form["user"] for form in stub.forms("users.info")}


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[SandboxSlack]:
    with quiet_slack(tmp_path, Time()) as slack:
        yield slack


def names_on(slack: SandboxSlack) -> Names:
    with HttpServer(slack) as server:
        return open_people(slack.token, f"{server.url}/api/", Stop()).names(["U0DANA", "W0MARTA", "U0GONE"], SOON)


def test_the_people_of_the_sandbox_have_names(slack: SandboxSlack) -> None:
    names = names_on(slack)
    assert {"U0DANA", "W0MARTA"} == names.known.keys()
    assert "Dana Ortiz (U0DANA)" == names.with_id("U0DANA")
    assert "@Dana Ortiz (U0DANA) and @U0GONE" == names.in_text("@U0DANA and @U0GONE")


def test_without_the_scope_all_people_are_shown_by_their_ids(slack: SandboxSlack) -> None:
    slack.scopes -= {"users:read"}
    names = names_on(slack)
    assert {} == names.known
    assert "users:read" in names.missing
