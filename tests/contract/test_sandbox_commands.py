"""The commands of `creditbot sandbox` over one folder, also beside a `sandbox serve` in a process of its own."""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from slack_sdk import WebClient

from creditbot import cli
from creditbot.adapters.looker.limits import LookerLimits
from creditbot.adapters.looker.resolver import LookerResolver
from creditbot.commands import run_once
from creditbot.commands.sandbox import OWN_SETTINGS, bundled_notebooks, next_steps, program_call, why_nobody_answers
from creditbot.errors import SLACK, Unreachable
from creditbot.intake.looker_links import looker_host, read_link
from creditbot.sandbox import Sandbox
from creditbot.sandbox.looker import CLIENT_ID, CLIENT_SECRET
from creditbot.sandbox.people import emoji_name
from creditbot.sandbox.seed import seed
from creditbot.sandbox.world import BOT_USER, CHANNEL, LOOKER, OWNER, REQUESTER, TEAM_URL, SandboxWorld, direct_channel


@dataclass
class Served:
    """A sandbox that is served.

    Attributes:
        settings: what it printed for a bot beside it.
        asides: what it told the person who started it; complete once it has stopped.
    """

    settings: dict[str, str]
    asides: list[str] = field(default_factory=list)

    @property
    def client(self) -> WebClient:
        """A client of its Slack."""
        return WebClient(token=self.settings["SLACK_BOT_TOKEN"], base_url=self.settings["SLACK_API_URL"], timeout=10)


class Shell:
    """Types `creditbot sandbox` commands for one folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def types(self, *arguments: str) -> str:
        """What a command prints; it has to succeed."""
        self._capsys.readouterr()
        code = cli.main(["sandbox", "--folder", str(self.folder), *arguments])
        printed = self._capsys.readouterr()
        assert 0 == code, printed.err
        return printed.out

    def prints(self, *arguments: str) -> tuple[str, str]:
        """What a command prints, and what it says aside; it has to succeed."""
        self._capsys.readouterr()
        assert 0 == cli.main(["sandbox", "--folder", str(self.folder), *arguments])
        printed = self._capsys.readouterr()
        return printed.out, printed.err

    def fails(self, *arguments: str) -> str:
        """The sentence with which a command refuses."""
        self._capsys.readouterr()
        code = cli.main(["sandbox", "--folder", str(self.folder), *arguments])
        printed = self._capsys.readouterr()
        assert 2 == code, printed.out
        return printed.err.removeprefix("creditbot: ").rstrip("\n")

    def posts(self, *arguments: str) -> str:
        """Posts, and gives the message's ts."""
        match = re.match(r"Posted as (\d{10}\.\d{6})\.", self.types("post", *arguments))
        assert match
        return match[1]

    @contextmanager
    def serving(self) -> Iterator[Served]:
        """A `sandbox serve` of the same folder in a process of its own, which is told to stop at the end."""
        command = [sys.executable, "-m", "creditbot", "sandbox", "--folder", str(self.folder), "serve"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stderr
            served = Served({})
            while "WAREHOUSE_URL" not in served.settings:
                name, _, value = process.stdout.readline().strip().partition("=")
                served.settings[name] = value
            try:
                yield served
            finally:  # leaving `with` waits for its end
                process.send_signal(signal.SIGTERM)
            served.asides += process.stderr.read().splitlines()
            assert 0 == process.wait(20)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "box", capsys)


@pytest.mark.parametrize("part", ["qid=", "/looks/27", "/x/", "fields=", "/looks/4040", "Approved, $"])
def test_a_new_world_holds_every_kind_of_request(shell: Shell, part: str) -> None:
    """Each kind of link once, and an answer by a person."""
    assert part in shell.types("show")


def test_the_first_messages_are_of_the_last_two_days(shell: Shell) -> None:
    """So that a bot with default settings reads all of them."""
    shell.types("show")
    with Sandbox(shell.folder) as sandbox:
        times = [float(message["ts"]) for message in sandbox.world.messages()]
        assert times == sorted(times)
        assert 48 * 3600 > sandbox.world.clock() - times[0]


def test_reset_forgets_what_was_posted(shell: Shell) -> None:
    """The first messages are there again."""
    shell.posts("one more request")
    assert "one more request" in shell.types("show")
    shell.types("reset")
    shown = shell.types("show")
    assert "one more request" not in shown
    assert "Ravi Menon" in shown


def test_reset_leaves_a_world_and_a_warehouse(shell: Shell) -> None:
    """The bot's state and its outputs are gone."""
    shell.types("show")
    (shell.folder / "processed_messages.json").touch()
    (shell.folder / "outputs").mkdir()
    shell.types("reset")
    assert {"world.sqlite", "warehouse.duckdb"} == {path.name for path in shell.folder.iterdir()}


def test_a_message_posted_beside_a_served_sandbox_is_read_at_once(shell: Shell) -> None:
    """With a link as `show` prints it."""
    with shell.serving() as served:
        match = re.search(r"http://127\.0\.0\.1:\d+", shell.types("show"))
        assert match
        address = f"{match[0]}/looks/33?a=1&b=2"
        ts = shell.posts(f"one more: {address}")
        (message,) = served.client.conversations_history(channel=CHANNEL, oldest=ts, inclusive=True)["messages"]
        assert f"one more: <{address.replace('&', '&amp;')}>" == message["text"]


def test_serving_says_how_to_stop_it_and_what_a_shell_keeps(shell: Shell) -> None:
    """Beside its output, which goes into a file."""
    with shell.serving() as served:
        pass
    until, shell_keeps, unset, stopped = served.asides
    assert re.fullmatch(rf"Serving the sandbox in {re.escape(str(shell.folder))} until Ctrl-C, or `kill \d+`\.", until)
    assert "A shell that loaded these settings keeps them after that. This removes them:" == shell_keeps
    assert ["unset", *served.settings] == unset.split()
    assert "Stopped serving the sandbox." == stopped


def test_a_bot_that_finds_nobody_at_the_sandboxs_address_says_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its settings outlive the sandbox. How long it takes to give up is the Slack adapter's to say."""

    def gives_up(_: argparse.Namespace) -> int:
        raise Unreachable(SLACK, "Slack cannot be asked by auth.test: the connection was refused.")

    with shell.serving() as served:
        for name, value in served.settings.items():
            monkeypatch.setenv(name, value)
        assert "" == why_nobody_answers()
    monkeypatch.setattr(run_once, "run", gives_up)
    code = cli.main(["run-once"])
    assert 1 == code
    assert (
        f"creditbot: Nothing answers at {served.settings['SLACK_API_URL']}, where SLACK_API_URL expects the sandbox: "
        "start it with `creditbot sandbox serve`, or remove its settings from this shell and from .env.\n"
        == capsys.readouterr().err
    )


def test_a_bot_of_a_real_slack_is_told_of_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its Slack answers or not."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-another-not-a-secret")
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/api/")
    assert "" == why_nobody_answers()


# -- settings ----------------------------------------------------------------------------------------------------------


def test_no_file_can_lead_the_bot_away_from_the_sandbox(shell: Shell) -> None:
    """Whatever leads a bot to the sandbox is the sandbox's own to set."""
    shell.types("show")
    with Sandbox(shell.folder) as sandbox:
        assert {*sandbox.environment(), "STATE_URI", "OUTPUT_URI"} == set(OWN_SETTINGS)


@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_setting_of_the_sandbox_itself_is_refused(shell: Shell, command: str) -> None:
    shell.folder.mkdir()
    (shell.folder / "settings.env").write_text("SLACK_API_URL=https://slack.com/api/\nMAX_CREDIT_USD=5\n")
    sentence = f"{shell.folder}/settings.env sets SLACK_API_URL, which the sandbox sets itself."
    assert shell.fails(command).startswith(sentence)


def test_settings_that_are_not_text_are_refused(shell: Shell) -> None:
    shell.folder.mkdir()
    (shell.folder / "settings.env").write_bytes(b"WORKERS=\xff\n")
    sentence = f"The settings in {shell.folder}/settings.env cannot be read: the file is not UTF-8 text."
    assert sentence == shell.fails("serve")


def test_settings_of_the_folder_are_served_to_a_bot(shell: Shell) -> None:
    """Written as in a .env; the notebooks can be others, too."""
    shell.folder.mkdir()
    (shell.folder / "settings.env").write_text("MAX_CREDIT_USD=1000  # low\nNOTEBOOK_PATH=mine.ipynb\nWORKERS=\n")
    with shell.serving() as served:
        pass
    assert {"MAX_CREDIT_USD": "1000", "NOTEBOOK_PATH": "mine.ipynb"}.items() <= served.settings.items()
    assert "WORKERS" not in served.settings


def test_reset_keeps_the_settings(shell: Shell) -> None:
    """They are the person's own."""
    shell.folder.mkdir()
    (shell.folder / "settings.env").write_text("MAX_CREDIT_USD=1000\n")
    shell.types("reset")
    assert "MAX_CREDIT_USD=1000\n" == (shell.folder / "settings.env").read_text()


def test_reset_keeps_files_that_people_put_into_the_folder(shell: Shell) -> None:
    """Such as a CHANNELS_FILE, and notebooks of their own."""
    shell.posts("one more request")
    (shell.folder / "channels.toml").write_text("[credit-requests]\n")
    (shell.folder / "mine").mkdir()
    shell.types("reset")
    assert "one more request" not in shell.types("show")
    assert "[credit-requests]\n" == (shell.folder / "channels.toml").read_text()
    assert (shell.folder / "mine").is_dir()


def test_a_folder_may_be_prepared_before_its_sandbox_is_made(shell: Shell) -> None:
    """With settings and what they name. A bot's state or evidence beside them is not the sandbox's to delete."""
    shell.folder.mkdir()
    (shell.folder / "settings.env").write_text("CHANNELS_FILE=channels.toml\n")
    (shell.folder / "channels.toml").write_text("[credit-requests]\n")
    outputs = shell.folder / "outputs"
    outputs.mkdir()
    assert f"The folder {shell.folder} holds something other than a sandbox" in shell.fails("reset")
    assert outputs.is_dir()
    outputs.rmdir()
    shell.posts("a first request")


# -- what to try next --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times_posted", "step"),
    [
        (0, 'Ask for one more credit:    CALL post "AC-sandbox-0007, please: http://looker.sandbox/looks/35"'),
        (1, 'Ask for the same again:     CALL post "Did you see this? http://looker.sandbox/looks/35"'),
        (2, "Save a Look to ask for:     CALL add-look --account AC-sandbox-0004"),
    ],
)
def test_each_run_suggests_a_step_that_shows_something_new(shell: Shell, times_posted: int, step: str) -> None:
    """A credit, then its repetition, which is refused, then whatever one likes."""
    for _ in range(times_posted):
        shell.posts("please: http://looker.sandbox/looks/35")
    options = argparse.Namespace(folder=shell.folder)
    with SandboxWorld(shell.folder / "world.sqlite") as world:
        seed(world)
        steps = [line.replace(program_call(options), "CALL") for line in next_steps(world, options)]
    assert step in steps


@pytest.mark.parametrize(("kind", "suggested"), [("ask", True), ("notice", False), ("closed", False)])
def test_an_open_question_to_the_approvers_is_suggested(shell: Shell, kind: str, suggested: bool) -> None:
    """Until somebody has reacted to it. The person to play is one whom the question names."""
    options = argparse.Namespace(folder=shell.folder)
    with SandboxWorld(shell.folder / "world.sqlite") as world:
        seed(world)
        direct = direct_channel(OWNER)
        metadata = {"event_type": f"creditbot_{kind}"}
        asked = f"Asked by <@{REQUESTER}>: yes\nWho decides: "
        none = f"Asked by <@{OWNER}>\nNobody can approve this here: it takes 1 of the approvers, but only 0 may vote."
        world.post(none, channel=direct, user=BOT_USER, metadata=metadata)
        assert "Say yes" not in "\n".join(next_steps(world, options))
        ts = world.post(f"{asked}<@{OWNER}>.", channel=direct, user=BOT_USER, metadata=metadata)
        steps = "\n".join(next_steps(world, options))
        assert suggested == (f'react {ts} :+1: --as "Olu Owner"' in steps)
        world.react(ts, "+1", channel=direct, user=OWNER)
        assert "Say yes" not in "\n".join(next_steps(world, options))
        ts = world.post(f"{asked}one of <@U0LEE>, <@U0RAVI>.", channel=direct, user=BOT_USER, metadata=metadata)
        assert suggested == (f'react {ts} :+1: --as "Lee Analyst"' in "\n".join(next_steps(world, options)))


def test_the_look_to_try_stands_in_no_message(shell: Shell) -> None:
    """So that the first one to ask for it gets a credit."""
    assert "/looks/35" not in shell.types("show")


# -- what people do ----------------------------------------------------------------------------------------------------


def test_people_talk_in_a_thread_beside_a_served_sandbox(shell: Shell) -> None:
    """What each of them does by a command is what a client of the served Slack reads."""
    with shell.serving() as served:
        parent = shell.posts("credit please", "--as", "Ravi Menon")
        reply = shell.posts("Approved, $5.00, exceptions", "--as", "lee", "--thread", parent)
        wrong = shell.posts("wrong thread", "--thread", reply)
        shell.types("edit", reply, "Denied")
        shell.types("delete", wrong)
        shell.types("react", parent, "+1", "--as", "olu")
        first, second = served.client.conversations_replies(channel=CHANNEL, ts=parent)["messages"]
    assert [{"name": "+1", "users": [OWNER], "count": 1}] == first["reactions"]
    assert "U0RAVI" == first["user"]
    assert "U0LEE" == second["user"]
    assert "Denied" == second["text"]
    assert "U0LEE" == second["edited"]["user"]


def test_a_reply_can_be_shown_in_the_channel_too(shell: Shell) -> None:
    """As Slack's "Also send to channel" does."""
    parent = shell.posts("credit please")
    loud = shell.posts("done", "--thread", parent, "--broadcast")
    with Sandbox(shell.folder) as sandbox:
        message = sandbox.world.message(CHANNEL, loud)
    assert "thread_broadcast" == message["subtype"]
    assert parent == message["thread_ts"]


def test_a_message_is_named_by_its_permalink_too(shell: Shell) -> None:
    """As `creditbot` itself prints it."""
    ts = shell.posts("credit please")
    shell.types("edit", f"{TEAM_URL}archives/{CHANNEL}/p{ts.replace('.', '')}?thread_ts={ts}&cid=x", "never mind")
    assert f"Dana Ortiz (edited)  {ts}\n    never mind" in shell.types("show")


def test_a_message_to_the_owner_can_be_reacted_to(shell: Shell) -> None:
    """Its TS is enough: the command finds the conversation."""
    with Sandbox(shell.folder) as sandbox:
        slack = WebClient(token=sandbox.slack.token, base_url=sandbox.environment()["SLACK_API_URL"], timeout=10)
        ts = str(slack.chat_postMessage(channel=OWNER, text="I could not answer")["ts"])
        shell.types("react", ts, "eyes", "--as", "Olu Owner")
        assert [[OWNER]] == [reaction["users"] for reaction in sandbox.world.direct_messages()[-1]["reactions"]]


def test_a_reaction_can_be_taken_back(shell: Shell) -> None:
    """Reacting twice is reacting once, as in Slack."""
    ts = shell.posts("credit please")
    for _ in range(2):
        shell.types("react", ts, ":thumbsup:")
    assert ":+1: Dana Ortiz" in shell.types("show")
    shell.types("react", ts, "👍", "--remove")
    assert ":+1:" not in shell.types("show")


def test_an_admin_deletes_a_reply_of_the_bot(shell: Shell) -> None:
    """People delete what the bot posted, but cannot edit it."""
    with Sandbox(shell.folder) as sandbox:
        slack = WebClient(token=sandbox.slack.token, base_url=sandbox.environment()["SLACK_API_URL"], timeout=10)
        ts = str(slack.chat_postMessage(channel=CHANNEL, text="by the bot")["ts"])
    assert "was posted by an app, and only that app can edit it." in shell.fails("edit", ts, "by Dana")
    shell.types("delete", ts)
    assert "by the bot" not in shell.types("show")


def test_somebody_of_another_workspace_is_marked_as_such(shell: Shell) -> None:
    """By the fields that Slack adds in shared channels."""
    ts = shell.posts("credit please", "--as", "Pat Partner")
    with Sandbox(shell.folder) as sandbox:
        message = sandbox.world.message(CHANNEL, ts)
    assert {"user": "U0PARTNER", "user_team": "T0PARTNER", "source_team": "T0PARTNER"}.items() <= message.items()


UNKNOWN = "1111111111.000000"
NO_MESSAGE = f"There is no message {UNKNOWN} in the sandbox. `creditbot sandbox show` prints the TS of each message."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["edit", UNKNOWN, "x"], NO_MESSAGE),
        (["delete", UNKNOWN], NO_MESSAGE),
        (["react", UNKNOWN, "eyes"], NO_MESSAGE),
        (["post", "x", "--thread", UNKNOWN], NO_MESSAGE),
        (["delete", f"{TEAM_URL}archives/C0GENERAL/p1111111111000000"], "There is no message https://"),
        (["delete", "12"], "'12' is neither a TS nor the address of a message."),
        (["post", "x", "--as", "Bob"], "Nobody in the sandbox is called 'Bob'. Its people are Dana Ortiz (dana), "),
        (["post", "x", "--as", "creditbot"], "Nobody in the sandbox is called 'creditbot'."),
        (["post", " "], "A message needs some text."),
        (["post", "x", "--broadcast"], "--broadcast shows a reply in the channel as well. Name the thread with"),
    ],
)
def test_what_people_cannot_do_is_refused_in_a_sentence(shell: Shell, arguments: list[str], sentence: str) -> None:
    assert shell.fails(*arguments).startswith(sentence)


def test_an_unknown_emoji_is_refused(shell: Shell) -> None:
    """It would only ever be a name that nobody looks for."""
    sentence = "'🦜' is not an emoji that the sandbox knows. Give its name, such as +1 or eyes."
    assert sentence == shell.fails("react", shell.posts("x"), "🦜")


def test_a_reaction_that_is_not_there_cannot_be_taken_back(shell: Shell) -> None:
    ts = shell.posts("x")
    sentence = f"Dana Ortiz has not reacted to the message {ts} with :eyes:."
    assert shell.fails("react", ts, "eyes", "--remove").startswith(sentence)


@pytest.mark.parametrize(
    ("emoji", "name"),
    [
        ("+1", "+1"),
        (":white_check_mark:", "white_check_mark"),
        ("✅", "white_check_mark"),
        ("❌", "x"),
        ("👎", "-1"),
        ("👍🏾", "+1::skin-tone-5"),
        ("thumbsup::skin-tone-3", "+1::skin-tone-3"),
        ("⚠️", "warning"),
    ],
)
def test_an_emoji_is_kept_under_slacks_name(emoji: str, name: str) -> None:
    """Whether it is typed by a name or as the character itself."""
    assert name == emoji_name(emoji)


# -- new Looks ---------------------------------------------------------------------------------------------------------


def sql_behind(shell: Shell, address: str) -> str:
    """What the sandbox's Looker gives for the Look at an address."""
    with Sandbox(shell.folder) as sandbox:
        resolver = LookerResolver(sandbox.looker_server.url, CLIENT_ID, CLIENT_SECRET, limits=LookerLimits(10))
        link = read_link(address.strip(), looker_host(address))
        assert link
        return str(resolver.resolve(link).sql)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ([], "FROM verify_traffic"),
        (["--product", "psms"], "FROM psms_traffic"),
        (["--dates", "2025-12-03"], ".day >= DATE '2025-12-03' AND verify_traffic.day < DATE '2025-12-04'"),
        (["--filter", "prefix=+62"], "prefix = '+62'"),
        (["--filter", "billable_item=Authy SMS%"], "billable_item LIKE 'Authy SMS%'"),
        (["--fields", "prefix,day"], ".prefix AS prefix,\n    verify_traffic.day AS day\nFROM"),
    ],
)
def test_a_new_look_shows_the_traffic_it_was_made_for(shell: Shell, options: list[str], part: str) -> None:
    address = shell.types("add-look", "--account", "AC-sandbox-0002", *options)
    sql = sql_behind(shell, address)
    assert part in sql
    assert "account_sid = 'AC-sandbox-0002'" in sql


def test_a_new_look_may_show_every_account(shell: Shell) -> None:
    assert "account_sid =" not in sql_behind(shell, shell.types("add-look", "--account", ""))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["AC-sandbox-0404"], "No verify traffic fits --account AC-sandbox-0404 --dates '2025-12-01 to 2026-01-01'."),
        (["AC-sandbox-0001", "--product", "psms"], "No psms traffic fits --account AC-sandbox-0001"),
        (["AC-sandbox-0001", "--dates", "2024-01-31"], " --dates 2024-01-31. A request for this Look gets no credit."),
        (["AC-sandbox-0404", "--fields", "messages"], "No verify traffic fits --account AC-sandbox-0404"),
        (["AC-sandbox-0001", "--filter", "prefix=+62"], ""),
        (["AC-sandbox-0001", "--limit", "0"], ""),
        (["AC-sandbox-0003", "--product", "psms"], ""),
        (["AC-sandbox-0008-%"], ""),
    ],
)
def test_a_new_look_without_traffic_is_saved_and_told(shell: Shell, options: list[str], says: str) -> None:
    """Beside the address: people mistype accounts, and people try what the bot says of nothing.

    A sum over no rows is a row, and a limit leaves rows out that are there.
    """
    printed, aside = shell.prints("add-look", "--account", *options)
    assert re.fullmatch(r"http://[^/]+/looks/\d+\n", printed)
    assert says in aside
    assert bool(says) == bool(aside)


def test_a_new_look_may_have_any_sql(shell: Shell) -> None:
    """Word for word, as a model with a derived table could make it."""
    sql = "SELECT day FROM verify_traffic -- by hand"
    assert sql == sql_behind(shell, shell.types("add-look", "--sql", sql))


def test_new_looks_have_addresses_and_titles_of_their_own(shell: Shell) -> None:
    first = shell.types("add-look", "--account", "AC-sandbox-0001")
    second = shell.types("add-look", "--account", "AC-sandbox-0001", "--title", "Mine")
    with Sandbox(shell.folder) as sandbox:
        titles = {look["id"]: look["title"] for look in sandbox.world.all("look")}
    assert first != second
    assert "Verify, 2025-12-01 to 2026-01-01: AC-sandbox-0001" == titles["101"]
    assert "Mine" == titles["102"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "A Look needs something to show. Pass --account ACCOUNT, or --sql SQL."),
        (["--account", "a", "--sql", "SELECT 1"], "--sql already says all that the Look shows."),
        (["--sql", ""], "The Look has no SQL."),
        (["--account", "a", "--filter", "prefix"], "'prefix' is not a filter."),
        (["--account", "a", "--filter", "nothing=1"], "Unknown field verify_traffic.nothing."),
        (["--account", "a", "--dates", "last month"], "The sandbox does not understand the date filter 'last month'."),
        (["--account", "a", "--fields", "day,nothing"], "Unknown field verify_traffic.nothing."),
        (["--account", "a", "--limit", "x"], "The sandbox does not understand the limit 'x'."),
        (["--account", "a", "--limit", "-5"], "The sandbox does not understand the limit '-5'."),
    ],
)
def test_a_look_that_could_not_be_run_is_refused(shell: Shell, options: list[str], sentence: str) -> None:
    assert shell.fails("add-look", *options).startswith(sentence)


# -- links -------------------------------------------------------------------------------------------------------------


def test_a_link_survives_a_change_of_ports(shell: Shell) -> None:
    """Messages are kept without a port, so that an old link still leads to the Looker of today."""
    with Sandbox(shell.folder) as sandbox:
        shell.posts(f"{sandbox.looker_server.url}/looks/33")
        assert f"<{LOOKER}/looks/33>" == sandbox.world.messages()[-1]["text"]
    assert re.search(r"http://127\.0\.0\.1:\d+/looks/33$", shell.types("show"), re.MULTILINE)


def test_a_link_to_a_served_sandbox_is_known_while_a_second_one_serves(shell: Shell) -> None:
    """As `sandbox run` does beside `sandbox serve`: on another port, because the first one is taken."""
    with Sandbox(shell.folder) as served, Sandbox(shell.folder) as second:
        assert served.looker_server.port != second.looker_server.port
        for address in (served.looker_server.url, second.looker_server.url.replace("127.0.0.1", "localhost")):
            assert "run` reads it." in shell.types("post", f"credit please: {address}/looks/33")
            assert f"credit please: <{LOOKER}/looks/33>" == second.world.messages()[-1]["text"]


@pytest.mark.parametrize("text", ["no link", "http://127.0.0.1:9/looks/33", "http://127.0.0.1:{port}0/looks/33"])
def test_a_message_without_a_link_to_this_looker_is_said_to_be_no_request(shell: Shell, text: str) -> None:
    """Such as one with the port of a sandbox that was since reset. A reply in a thread needs no link."""
    with Sandbox(shell.folder) as sandbox:
        port = sandbox.looker_server.port
        ts, _, rest = shell.types("post", text.format(port=port)).removeprefix("Posted as ").partition(". ")
        sentence = "It is not a request: it has no link to the Looker of this sandbox, http://127.0.0.1:"
        assert f"{sentence}{port}.\n" == rest
    assert "run` reads it." in shell.types("post", "Denied", "--thread", ts)


def test_the_bundled_notebooks_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (bundled_notebooks() / "verify_credit.ipynb").is_file()
