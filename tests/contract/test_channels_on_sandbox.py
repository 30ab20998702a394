"""CHANNELS_FILE over real HTTP, on the sandbox: two channels, two owners, approvers in a channel of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditbot.bootstrap import Assembly, assemble
from creditbot.commands.approvals import Ballot
from creditbot.commands.channels import id_of, people, rules_by_request, sections
from creditbot.commands.sandbox import bundled_notebooks
from creditbot.errors import SettingsError
from creditbot.intake.permalink import Permalink
from creditbot.model import RequestKey
from creditbot.sandbox import Sandbox
from creditbot.sandbox import people as sandbox_people
from creditbot.sandbox.seed import explore_address, verify
from creditbot.sandbox.world import CHANNEL, LOOKER, OWNER, TEAM
from creditbot.settings.settings import Settings

pytestmark = pytest.mark.kernels

RAVI, MARTA = "U0RAVI", "W0MARTA"
FILE = f"""
[credit-requests]

[credit-emea]
owner = "{RAVI}"
approvers = ["{MARTA}"]
approval_channel = "emea-approvals"
max_credit_usd = 1
products = ["verify"]
evidence = "text"
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """With a second channel, and one for its approvers."""
    with Sandbox(tmp_path_factory.mktemp("sandbox"), rate_limits=False, messages=False) as sandbox:
        sandbox_people.post(sandbox.world, "Hello", author="Dana Ortiz", channel="emea-approvals")
        sandbox_people.post(sandbox.world, "Hello", author="Dana Ortiz", channel="#credit-emea")
        yield sandbox


def bot(sandbox: Sandbox, folder: Path, file: str = FILE, **settings: str) -> Assembly:
    """A process of the bot under this file."""
    (folder / "channels.toml").write_text(file)
    own = {
        "NOTEBOOK_PATH": str(bundled_notebooks() / "verify_credit.ipynb"),
        "PSMS_NOTEBOOK_PATH": str(bundled_notebooks() / "psms_credit.ipynb"),
        "OUTPUT_URI": str(folder / "outputs"),
        "STATE_URI": f"file:{folder / 'state.json'}",
        "CHANNELS_FILE": str(folder / "channels.toml"),
    }
    environ = {**sandbox.environment(), **own, **settings}
    return assemble(Settings.load(environ, env_file=None), environ={**os.environ, **environ})


def close(assembly: Assembly) -> None:
    assembly.sql_reader.close()
    assembly.ports.runner.close()


def test_each_channel_has_its_owner_and_its_approvers(sandbox: Sandbox, tmp_path: Path) -> None:
    """From the request to the reply: what fails, what is asked, whose yes counts, and what is posted."""
    world, look = sandbox.world, explore_address(verify("AC-sandbox-0001"))
    emea = next(channel["id"] for channel in world.all("channel") if channel.get("name") == "credit-emea")
    sandbox_people.post(world, f"{LOOKER}/looks/4040", author="Dana Ortiz", channel="credit-emea")
    sandbox_people.post(world, f"{LOOKER}/looks/4041", author="Dana Ortiz")
    ts = sandbox_people.post(world, f"Please: {look}", author="Dana Ortiz", channel="credit-emea")
    close_after(bot(sandbox, tmp_path))
    assert ["4041" in text for text in texts(sandbox, OWNER)] == [True]
    assert ["4040" in text for text in texts(sandbox, RAVI)] == [True]
    approvals = next(channel["id"] for channel in world.all("channel") if channel.get("name") == "emea-approvals")
    (question,) = [message for message in world.messages(approvals) if message.get("bot_id")]
    assert f"Who decides: <@{MARTA}>." in question["text"]
    world.react(question["ts"], "+1", channel=approvals, user=OWNER)
    close_after(bot(sandbox, tmp_path))
    assert [] == world.replies(emea, ts)
    vote(bot(sandbox, tmp_path), RequestKey(TEAM, emea, ts), MARTA)
    close_after(bot(sandbox, tmp_path))
    (reply,) = world.replies(emea, ts)
    assert ("Approved, ", None) == (reply["text"][:10], reply.get("blocks"))


def vote(assembly: Assembly, key: RequestKey, by: str) -> None:
    """A yes by `creditbot approve`, in a process that knows of Slack only what the state says."""
    ballot = Ballot(assembly.ports.inbox, assembly.ledger, assembly.ports.clock, assembly.rules.channels)
    ballot.cast(Permalink(key.channel, key.ts, key.ts), by, yes=True, typed_by="somebody@host")
    close(assembly)


def close_after(assembly: Assembly) -> None:
    """One tick of a process."""
    try:
        assembly.bot.tick()
    finally:
        close(assembly)


def texts(sandbox: Sandbox, user: str) -> list[str]:
    return [str(message["text"]) for message in sandbox.world.direct_messages(user)]


def test_check_finds_the_people_of_each_channel(sandbox: Sandbox, tmp_path: Path) -> None:
    """The rules that a section does not change are not checked twice."""
    assembly = bot(sandbox, tmp_path)
    there = people(assembly)
    assert [
        f"{OWNER} gets the failure messages",
        f"{RAVI} gets the failure messages for #credit-emea",
        "can be asked, and the bot can read how they react",
        "can be asked for #credit-emea, and the bot can read how they react",
    ] == [result.text for result in (*there.check_owners(), *there.check_approvers())]
    assert ["#credit-requests", "#credit-emea"] == [text.partition(":")[0] for _, text in sections(assembly)]
    assert "asked in the channel emea-approvals; products: verify; the reply is" in sections(assembly)[1][1]


def test_check_says_where_the_section_of_a_channel_may_be_lost(sandbox: Sandbox, tmp_path: Path) -> None:
    """A channel that the settings watch by its ID: before it is renamed, and after."""
    before = bot(sandbox, tmp_path)
    emea = id_of("#credit-emea", before.ports.inbox.workspace(None))
    close(before)
    by_name = bot(sandbox, tmp_path, SLACK_CHANNELS=emea)
    with pytest.raises(SettingsError, match="by its ID, and its section of CHANNELS_FILE, credit-emea, is by its name"):
        sections(by_name)
    close(by_name)
    renamed = FILE.replace("credit-emea", "credit-europe")  # as if credit-europe had become credit-emea
    lost = bot(sandbox, tmp_path, renamed, SLACK_CHANNELS=emea)
    ((verdict, text),) = (finding for finding in sections(lost) if finding[0] != "ok")
    close(lost)
    assert ("note", True) == (verdict, text.startswith("A person decides on every amount in #credit-emea, because"))


@pytest.mark.parametrize(
    ("change", "verdict", "text"),
    [
        ((MARTA, "U0NOBODY"), "FAIL", "Slack refuses conversations.open for U0NOBODY: user_not_found."),
        (("emea-approvals", "emea-aprovals"), "FAIL", "cannot see a channel #emea-aprovals on Slack."),
        (('approval_channel = "emea-approvals"', ""), "note", f"{MARTA} cannot see the questions for #credit-emea"),
    ],
)
def test_check_says_who_cannot_be_asked(
    sandbox: Sandbox, tmp_path: Path, change: tuple[str, str], verdict: str, text: str
) -> None:
    _, result = people(bot(sandbox, tmp_path, FILE.replace(*change))).check_approvers()
    assert verdict == result.verdict
    assert text in result.text


def test_a_channel_that_is_not_there_is_missing_with_the_nearest_one(sandbox: Sandbox, tmp_path: Path) -> None:
    """The other channels are watched all the same."""
    workspace = bot(sandbox, tmp_path, FILE.replace("credit-emea", "credit-emaa")).ports.inbox.workspace(None)
    assert [CHANNEL] == list(workspace.channels)
    assert "Check the name (the nearest one is #credit-emea); invite" in workspace.missing["credit-emaa"]


def test_commands_go_by_the_rules_of_the_channel(sandbox: Sandbox, tmp_path: Path) -> None:
    assembly = bot(sandbox, tmp_path)
    workspace = assembly.ports.inbox.workspace(None)
    emea = id_of("#credit-emea", workspace)
    rules_of = rules_by_request(assembly)
    assert [RAVI, OWNER] == [rules_of(RequestKey(TEAM, channel, "1.0")).owner for channel in (emea, CHANNEL)]
    with pytest.raises(SettingsError, match="The channel other is not watched") as caught:
        id_of("other", workspace)
    assert "Name one of these: #credit-requests, #credit-emea." == caught.value.todo
