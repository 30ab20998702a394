"""The Slack adapters on the sandbox's Slack: what they send is what a Slack takes, and they see what they did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from creditbot.adapters.slack.access import access
from creditbot.adapters.slack.open import SlackAdapters as Adapters
from creditbot.errors import PostRefused, PostUnknown, Refused
from creditbot.intake.looker_host import LookerHost
from creditbot.intake.requests import RequestRules
from creditbot.intake.thread import view
from creditbot.model import Marker, RequestKey
from creditbot.sandbox.faults import dropped_after, dropped_before, rate_limited, server_error
from creditbot.sandbox.people import react
from creditbot.sandbox.seed import CHANNEL_NAME
from creditbot.sandbox.slack import SandboxSlack
from creditbot.sandbox.world import BOT, BOT_USER, CHANNEL, OWNER, TEAM
from creditbot.slack_time import time_of
from tests.support.slack_sandbox import adapters_on
from tests.support.slack_stub import Time


@pytest.fixture
def sandbox(slack_sandbox: SandboxSlack) -> SandboxSlack:
    return slack_sandbox


@pytest.fixture
def slack(sandbox: SandboxSlack, time: Time) -> Iterator[Adapters]:
    """The adapters on it."""
    with adapters_on(sandbox, time) as adapters:
        yield adapters


def test_the_workspace_is_found(slack: Adapters) -> None:
    """Who we are, and the channel by its name."""
    workspace = slack.inbox.workspace(None)
    assert BOT_USER == workspace.user
    assert BOT == workspace.bot
    assert {CHANNEL: CHANNEL_NAME} == workspace.channels
    assert () == access(slack.api).missing


def test_every_page_is_read(sandbox: SandboxSlack, slack: Adapters) -> None:
    """Whatever size Slack's pages have."""
    written = [sandbox.world.post(f"message {number}") for number in range(7)]
    sandbox.page_size = 2
    found = slack.inbox.messages(CHANNEL, time_of(written[0]))
    assert written[1:] == [message.ts for message in found]


def test_a_reply_is_seen_with_its_marker(sandbox: SandboxSlack, slack: Adapters) -> None:
    """In the thread, by us, and not in the channel."""
    parent = sandbox.world.post("please & thank you")
    marker = Marker("reply", f"T.{CHANNEL}.{parent}", "claim-1")
    ts = slack.replier.reply(CHANNEL, parent, "Approved, $1 & <more>", marker)
    first, reply = slack.inbox.thread(CHANNEL, parent)
    assert parent == first.ts
    assert ts == reply.ts
    assert marker == reply.marker
    assert BOT == reply.bot
    assert parent == reply.thread_ts
    assert "Approved, $1 &amp; &lt;more&gt;" == reply.text
    assert [parent] == [message.ts for message in slack.inbox.messages(CHANNEL, time_of(parent) - timedelta(hours=1))]


def test_a_no_as_a_reaction_is_seen_with_the_thread(sandbox: SandboxSlack, slack: Adapters) -> None:
    """In the very read that shows the replies: no further call. Our own sign is not one."""
    parent = sandbox.world.post("please: https://acme.looker.com/looks/42")
    key = RequestKey(TEAM, CHANNEL, parent)
    slack.signs.put(key, "waiting")
    react(sandbox.world, parent, "🚫", person="Olu Owner")
    workspace, rules = slack.inbox.workspace(None), RequestRules(LookerHost("acme.looker.com"))
    asked = len(sandbox.calls)
    shown = view(slack.inbox.thread(CHANNEL, parent), key, workspace, rules)
    assert [("🚫", OWNER, False)] == [(each.reactions, each.reacted_by, each.by_asker) for each in shown.words]
    assert ["conversations.replies"] == [method for method, _ in sandbox.calls[asked:]]


def test_an_amended_reply_keeps_its_marker(sandbox: SandboxSlack, slack: Adapters) -> None:
    """And shows the new text; doing it twice changes nothing."""
    parent = sandbox.world.post("please")
    marker = Marker("reply", "key", "claim-1")
    ts = slack.replier.reply(CHANNEL, parent, "Approved", marker)
    for _ in range(2):
        slack.replier.amend(CHANNEL, ts, "This repeats the answer above.")
    _, reply = slack.inbox.thread(CHANNEL, parent)
    assert "This repeats the answer above." == reply.text
    assert marker == reply.marker


def test_a_deleted_parent_leaves_its_thread(sandbox: SandboxSlack, slack: Adapters) -> None:
    """As a tombstone with replies; without replies nothing is left."""
    answered, alone = sandbox.world.post("answered"), sandbox.world.post("alone")
    slack.replier.reply(CHANNEL, answered, "Approved", Marker("reply", "key"))
    sandbox.world.delete(answered)
    sandbox.world.delete(alone)
    assert ["tombstone", ""] == [message.subtype for message in slack.inbox.thread(CHANNEL, answered)]
    assert [] == list(slack.inbox.thread(CHANNEL, alone))


def test_a_message_to_the_owner_is_found_by_its_marker(sandbox: SandboxSlack, slack: Adapters, time: Time) -> None:
    """By marker, in the conversation with the owner."""
    marker = Marker("notice", "failure-1", "n1")
    since = time_of(f"{int(time.now) - 60}.000000")
    assert slack.owner.was_told(marker, since) is False
    slack.owner.tell("It failed & needs <you>", marker)
    assert slack.owner.was_told(marker, since) is True
    assert ["It failed &amp; needs &lt;you&gt;"] == [message["text"] for message in sandbox.world.direct_messages()]
    sandbox.scopes -= {"im:history"}
    assert slack.owner.was_told(marker, since) is None


def test_a_message_that_tells_several_things_is_found_by_each(slack: Adapters, time: Time) -> None:
    slack.owner.tell("Both failed", Marker("notice", "failure-1", "n1", also=("failure-2", "failure-3")))
    since = time_of(f"{int(time.now) - 60}.000000")
    wanted = [Marker("notice", f"failure-{number}", "n1") for number in (1, 2, 3, 4)]
    assert [True, True, True, False] == [slack.owner.was_told(marker, since) for marker in wanted]
    assert slack.owner.was_told(Marker("notice", "failure-2", "n2"), since) is False


def test_people_are_mentioned_in_a_message_to_the_owner(sandbox: SandboxSlack, slack: Adapters) -> None:
    slack.owner.tell(f"Asked by @{OWNER}", Marker("notice", "failure-1"))
    assert [f"Asked by <@{OWNER}>"] == [message["text"] for message in sandbox.world.direct_messages()]


def test_what_was_told_in_a_channel_is_found_there(sandbox: SandboxSlack, slack: Adapters, time: Time) -> None:
    """The weekly digest, in a channel by its name or its id. It is neither a request nor a reply."""
    since = time_of(f"{int(time.now) - 60}.000000")
    marker = Marker("notice", "weekly.2026-01-05", "n1")
    by_name, by_id = slack.channel(f"#{CHANNEL_NAME}"), slack.channel(CHANNEL)
    assert CHANNEL_NAME == by_name.name() == by_id.name()
    assert by_name.was_told(marker, since) is False
    by_name.tell("$1.00 & <more>", marker)
    assert by_id.was_told(Marker("notice", "weekly.2026-01-05"), since) is True
    assert by_id.was_told(Marker("notice", "weekly.2026-01-12"), since) is False
    assert [] == sandbox.world.direct_messages()
    sandbox.scopes -= {"channels:history", "groups:history"}
    assert by_id.was_told(marker, since) is None


@pytest.mark.parametrize("name", ["no-such-channel", "C0NOSUCH"])
def test_a_channel_that_the_bot_cannot_post_in_gets_nothing(slack: Adapters, name: str) -> None:
    """Whether a name or an id is wrong; `creditbot check` says so before a Monday."""
    with pytest.raises(PostRefused):
        slack.channel(name).tell("Hello", Marker("notice", "weekly.2026-01-05"))
    with pytest.raises(Refused):
        slack.channel(name).name()


def test_a_backlog_takes_hardly_longer_than_the_limits(sandbox: SandboxSlack, slack: Adapters, time: Time) -> None:
    """Thirty replies to one channel, none of them refused, within 1.3 times what Slack's rate alone takes."""
    parents = [sandbox.world.post(f"message {number}") for number in range(30)]
    began = time.now
    for parent in parents:
        slack.replier.pace(CHANNEL)
        slack.replier.reply(CHANNEL, parent, "Approved", Marker("reply", parent))
    assert time.now - began <= 1.3 * (len(parents) - 1)


def test_a_read_is_repeated_after_a_short_failure(sandbox: SandboxSlack, slack: Adapters) -> None:
    """A rate limit, a dead gateway, a dropped line."""
    sandbox.world.post("hello")
    read = "conversations.history"
    for fault in (rate_limited(read, seconds=5), server_error(read), dropped_before(read)):
        sandbox.faults.add(fault)
    assert 1 == len(slack.inbox.messages(CHANNEL, time_of("1.000000")))


def test_a_lost_answer_does_not_count_as_a_refusal(sandbox: SandboxSlack, slack: Adapters) -> None:
    """The reply stands in the thread; it was sent once."""
    parent = sandbox.world.post("please")
    sandbox.faults.add(dropped_after("chat.postMessage"))
    with pytest.raises(PostUnknown):
        slack.replier.reply(CHANNEL, parent, "Approved", Marker("reply", "key"))
    assert ["key"] == [message.marker.key for message in slack.inbox.thread(CHANNEL, parent) if message.marker]


def test_a_rate_limit_counts_as_a_refusal(sandbox: SandboxSlack, slack: Adapters) -> None:
    """Nothing stands in the thread."""
    parent = sandbox.world.post("please")
    sandbox.faults.add(rate_limited("chat.postMessage", seconds=5))
    with pytest.raises(PostRefused):
        slack.replier.reply(CHANNEL, parent, "Approved", Marker("reply", "key"))
    assert 1 == len(slack.inbox.thread(CHANNEL, parent))


def test_a_wrong_token_is_refused(sandbox: SandboxSlack, slack: Adapters) -> None:
    """Reading and writing alike."""
    sandbox.token = "xoxb-another-not-a-secret"
    with pytest.raises(Refused, match="invalid_auth"):
        slack.inbox.workspace(None)
    with pytest.raises(PostRefused, match="invalid_auth"):
        slack.replier.reply(CHANNEL, "1.000000", "Approved", Marker("reply", "key"))


def test_members_of_the_same_organisation_are_colleagues(slack: Adapters, sandbox: SandboxSlack, time: Time) -> None:
    """In a channel that nobody else can be in, whether Slack names the organisation or a sister workspace."""
    sandbox.world.join_organisation("E0ORG")
    workspace = slack.inbox.workspace(None)
    assert "E0ORG" == workspace.enterprise
    sandbox.world.post("hello", user="W0MARTA", user_team="E0ORG", source_team="E0ORG")
    sandbox.world.post("hello", user="U0RAVI", team="T0SISTER")
    teams = [message.user_team for message in slack.inbox.messages(CHANNEL, time_of("1.000000"))]
    assert [workspace.team, workspace.team] == teams


def test_strangers_of_a_shared_channel_are_no_colleagues(slack: Adapters, sandbox: SandboxSlack, time: Time) -> None:
    """Slack Connect: the channel is shared with another organisation."""
    sandbox.world.join_organisation("E0ORG")
    channel = sandbox.world.get("channel", CHANNEL)
    assert channel
    sandbox.world.put("channel", CHANNEL, channel | {"is_ext_shared": True})
    slack.inbox.workspace(None)
    sandbox.world.post("hello", user="U0EVE", team="T0STRANGER")
    assert ["T0STRANGER"] == [m.user_team for m in slack.inbox.messages(CHANNEL, time_of("1.000000"))]
