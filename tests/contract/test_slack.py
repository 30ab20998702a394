"""Reading Slack, over the real slack_sdk and real HTTP."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from creditbot.adapters.slack import wire as slack_wire
from creditbot.adapters.slack.access import SCOPES, OAuthScope, access
from creditbot.adapters.slack.open import open_slack
from creditbot.adapters.slack.wire import Network
from creditbot.errors import SLACK, PostUnknown, Refused, ServiceError, Unreachable
from creditbot.model import Workspace
from tests.support.http import Answer
from tests.support.slack_stub import MARKER, ME, SINCE, TOKEN, SlackStub, channel, refused

# Who we are and what we watch


def test_a_channel_is_found_by_name_on_whatever_page_it_is(stub: SlackStub) -> None:
    """Names are looked up page by page, public and private, and the rest of the pages is left unread."""
    stub.on("auth.test", ME)
    pages = [[channel("general", "C0GEN")], [channel("credits", "C0CRED")], [channel("more", "C0MORE")]]
    stub.on(
        "conversations.list",
        *({"channels": page, "response_metadata": {"next_cursor": f"page{n}"}} for n, page in enumerate(pages)),
    )
    expected = {"C0CRED": "credits"}
    assert expected == stub.open("#Credits").inbox.workspace(None).channels
    common = {"types": "public_channel,private_channel", "exclude_archived": "1", "limit": "999"}
    assert [common, {**common, "cursor": "page0"}] == stub.forms("conversations.list")


@pytest.mark.parametrize("on_slack", ["crédits", "cre\u0301dits"], ids=["one character", "two characters"])
@pytest.mark.parametrize("written", ["#Crédits", "cre\u0301dits"], ids=["one character", "two characters"])
def test_an_accent_may_be_written_in_either_way(stub: SlackStub, written: str, on_slack: str) -> None:
    """Keyboards and files differ in how they write a letter with an accent; people cannot see it."""
    stub.on("auth.test", ME)
    stub.on("conversations.list", {"channels": [channel(on_slack, "C0CRED")]})
    inbox = stub.open(written).inbox
    assert {"C0CRED": "crédits"} == inbox.workspace(None).channels
    assert ("C0CRED", "C0CRED") == (inbox.channel(written), inbox.joined(written)[0])


def test_a_channel_given_by_id_is_never_listed(stub: SlackStub) -> None:
    """An id costs one conversations.info, and everything Slack says about us is kept."""
    stub.on("auth.test", ME)
    stub.on("conversations.info", {"channel": channel("credits", "C012AB3CD")})
    workspace = stub.open("C012AB3CD").inbox.workspace(None)
    expected = Workspace(
        "T0TEST", "https://acme.slack.com/", "U0BOT", "B0BOT", {"C012AB3CD": "credits"}, workspace.settings
    )
    assert expected == workspace
    assert ["POST /api/auth.test", "POST /api/conversations.info"] == stub.http.calls


def test_a_remembered_workspace_is_not_asked_for_again(stub: SlackStub) -> None:
    """An idle tick makes one call in all: the history."""
    stub.on("auth.test", ME)
    stub.on("conversations.info", {"channel": channel("credits", "C012AB3CD")})
    remembered = stub.open("C012AB3CD").inbox.workspace(None)
    stub.http.requests.clear()
    stub.on("conversations.history", {"messages": []})
    inbox = stub.open("C012AB3CD").inbox
    assert remembered is inbox.workspace(remembered)
    assert [] == inbox.messages("C012AB3CD", SINCE)
    assert ["POST /api/conversations.history"] == stub.http.calls


@pytest.mark.parametrize("change", [{"channels": ("C0OTHER99",)}, {"token": "xoxb-other-not-a-secret"}])
def test_a_workspace_of_other_settings_is_asked_for_again(stub: SlackStub, change: dict[str, Any]) -> None:
    """Another token or channel makes what is remembered worthless, and the fingerprint shows neither."""
    stub.on("auth.test", ME)
    stub.on("conversations.info", {"channel": channel("credits", "C012AB3CD")})
    remembered = stub.open("C012AB3CD").inbox.workspace(None)
    arguments = {"token": TOKEN, "channels": ("C012AB3CD",), "owner": "U0OWNER", "api_url": f"{stub.http.url}/api/"}
    asked_again = open_slack(**{**arguments, **change}).inbox.workspace(remembered)
    assert remembered.settings != asked_again.settings
    assert 16 == len(asked_again.settings)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([], "The bot cannot see a channel #credits on Slack."),
        ([channel("credits", "C0CRED", is_member=False)], "The bot is not in the channel #credits."),
        ([channel("credits", "C0CRED", is_archived=True)], "The channel #credits is archived."),
    ],
)
def test_a_channel_that_cannot_be_read_is_refused_by_name(
    stub: SlackStub, found: list[dict[str, Any]], sentence: str
) -> None:
    """Unknown, archived and not invited are told apart, and each says what to do."""
    stub.on("auth.test", ME)
    stub.on("conversations.list", {"channels": found})
    with pytest.raises(Refused) as caught:
        stub.open("credits").inbox.workspace(None)
    assert sentence == caught.value.what
    assert caught.value.todo


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"conversations.list": {"channels": [channel("credits", "C0CRED", is_archived=True)]}}, "is archived"),
        ({"conversations.list": {"channels": []}}, "cannot see a channel #credits"),
        ({"conversations.list": refused("missing_scope", needed="groups:read")}, "the scope groups:read"),
    ],
    ids=["archived", "unknown", "no scope"],
)
def test_a_channel_that_is_missing_stops_no_other(stub: SlackStub, answers: dict[str, Any], sentence: str) -> None:
    """The other one is watched, and what keeps this one from it is said."""
    stub.on("auth.test", ME)
    stub.on("conversations.info", {"channel": channel("other", "C0OTHER99")})
    for method, answer in answers.items():
        stub.on(method, answer)
    workspace = stub.open("credits", "C0OTHER99").inbox.workspace(None)
    assert {"C0OTHER99": "other"} == workspace.channels
    assert ["credits"] == list(workspace.missing)
    assert sentence in workspace.missing["credits"]


def test_a_channel_id_that_slack_refuses_stops_no_other(stub: SlackStub) -> None:
    stub.on("auth.test", ME)
    stub.on("conversations.info", refused("channel_not_found"))
    stub.on("conversations.list", {"channels": [channel("credits", "C0CRED")]})
    workspace = stub.open("C0GONE999", "credits").inbox.workspace(None)
    assert {"C0CRED": "credits"} == workspace.channels
    assert "channel_not_found" in workspace.missing["C0GONE999"]


def test_a_missing_channel_is_looked_for_again(stub: SlackStub) -> None:
    """At each tick, until it is there. If Slack fails meanwhile, what is remembered counts."""
    stub.on("auth.test", ME, ME, refused("internal_error"))
    stub.on("conversations.info", {"channel": channel("other", "C0OTHER99")})
    stub.on("conversations.list", {"channels": []}, {"channels": [channel("credits", "C0CRED")]})
    inbox = stub.open("credits", "C0OTHER99").inbox
    first = inbox.workspace(None)
    second = inbox.workspace(first)
    assert {"C0CRED": "credits", "C0OTHER99": "other"} == second.channels
    assert {} == second.missing
    assert first is inbox.workspace(first)


def test_a_listing_that_fails_for_now_decides_nothing(stub: SlackStub) -> None:
    """The next tick asks again."""
    stub.on("auth.test", ME)
    stub.on("conversations.info", {"channel": channel("other", "C0OTHER99")})
    stub.on("conversations.list", refused("internal_error"))
    with pytest.raises(Unreachable):
        stub.open("credits", "C0OTHER99").inbox.workspace(None)


@pytest.mark.parametrize(
    ("root", "expected"), [({}, [2, 2]), ({"root": {"reply_count": 3}}, [2, 3])], ids=["bare", "with its parent"]
)
def test_a_reply_sent_to_the_channel_knows_its_threads_replies(
    stub: SlackStub, root: dict[str, Any], expected: list[int]
) -> None:
    """By its copy of the parent, or by the parent in the channel."""
    parent = {"ts": "1767700000.000100", "thread_ts": "1767700000.000100", "reply_count": 2}
    sent = {"ts": "1767700001.000100", "thread_ts": parent["ts"], "subtype": "thread_broadcast", **root}
    stub.on("conversations.history", {"messages": [sent, parent]})
    assert expected == [message.replies for message in stub.open().inbox.messages("C0TEST", SINCE)]


def test_an_invitation_names_the_bot(stub: SlackStub) -> None:
    """The owner can type what the sentence says."""
    stub.on("auth.test", ME)
    stub.on("conversations.list", {"channels": [channel("credits", "C0CRED", is_member=False)]})
    with pytest.raises(Refused) as caught:
        stub.open("credits").inbox.workspace(None)
    assert "/invite @creditbot" in caught.value.todo


def test_one_kind_of_channel_is_listed_if_only_its_scope_is_there(stub: SlackStub) -> None:
    """A workspace may grant channels:read alone."""
    stub.on("auth.test", ME)
    stub.on(
        "conversations.list",
        refused("missing_scope", needed="groups:read"),
        {"channels": [channel("credits", "C0CRED")]},
    )
    assert {"C0CRED": "credits"} == stub.open("credits").inbox.workspace(None).channels
    assert "public_channel" == stub.forms("conversations.list")[1]["types"]


def test_a_missing_scope_is_named(stub: SlackStub) -> None:
    """Slack says which scope it wants, and so do we."""
    stub.on("auth.test", ME)
    stub.on("conversations.list", refused("missing_scope", needed="groups:read"))
    with pytest.raises(Refused, match=r"the scope groups:read"):
        stub.open("credits").inbox.workspace(None)


def test_a_list_that_fails_for_another_reason_is_not_asked_for_again(stub: SlackStub) -> None:
    """Only a missing scope is a reason to leave a kind of channel out."""
    stub.on("auth.test", ME)
    stub.on("conversations.list", refused("invalid_limit"))
    with pytest.raises(Refused) as caught:
        stub.open("credits").inbox.workspace(None)
    assert caught.value.what == "Slack refuses conversations.list: invalid_limit."
    assert caught.value.todo == ""
    assert 1 == len(stub.forms("conversations.list"))


@pytest.mark.parametrize("code", ["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"])
def test_a_token_that_slack_refuses_says_what_to_do(stub: SlackStub, code: str) -> None:
    """A wrong token is refused at once, names the setting, and does not show the token."""
    stub.on("auth.test", refused(code))
    with pytest.raises(Refused) as caught:
        stub.open().inbox.workspace(None)
    assert code in caught.value.what
    assert "SLACK_BOT_TOKEN" in caught.value.todo
    assert TOKEN not in f"{caught.value}"
    assert 1 == len(stub.http.calls)


@pytest.mark.parametrize("answer", [{}, {**ME, "team_id": ""}, {**ME, "user_id": 7}])
def test_an_answer_without_what_we_need_is_refused(stub: SlackStub, answer: dict[str, Any]) -> None:
    """A server that is not Slack does not crash us."""
    stub.on("auth.test", answer)
    stub.on("conversations.list", {"channels": [channel("credits", "C0CRED")]})
    with pytest.raises(Refused, match="lacks the field"):
        stub.open().inbox.workspace(None)


def test_the_scopes_of_a_token_are_read_from_the_header(stub: SlackStub) -> None:
    """`creditbot check` shows which scopes are missing, and which of them creditbot can do without."""
    granted = "channels:read,groups:history, chat:write,im:write,reactions:write"
    stub.on("auth.test", Answer(ME, headers={"X-OAuth-Scopes": granted}))
    found = access(stub.open().api)
    assert found.team == "Acme"
    assert found.user == "creditbot"
    assert ["im:history", "reactions:read", "users:read"] == [str(scope) for scope in found.missing]
    assert all(scope.lost for scope in found.missing)
    assert "channels:read or groups:read" == str(SCOPES[0])


def test_scopes_that_slack_does_not_name_are_missing(stub: SlackStub) -> None:
    """Without the header nothing is taken for granted; a refused token is an error."""
    stub.on("auth.test", ME, refused("invalid_auth"))
    api = stub.open().api
    missing: tuple[OAuthScope, ...] = access(api).missing
    assert SCOPES == missing
    with pytest.raises(Refused):
        access(api)


# Messages


def test_all_pages_are_read_and_sorted_by_ts(stub: SlackStub) -> None:
    """A short or empty page is not the last, page order means nothing, and one message on two pages counts once."""
    ts = ["1767614400.000300", "1767614401.000000", "9767614400.000001", "10767614400.000001"]
    pages = [[ts[3], ts[1]], [], [ts[0], ts[1]], [ts[2]]]
    stub.on(
        "conversations.history",
        *(
            {"messages": [{"ts": t} for t in page], "response_metadata": {"next_cursor": f"c{n}" if n < 3 else ""}}
            for n, page in enumerate(pages)
        ),
    )
    assert ts == [message.ts for message in stub.open().inbox.messages("C0TEST", SINCE)]
    common = {"channel": "C0TEST", "oldest": "1767614400.000250", "limit": "200"}
    expected = [common, *({**common, "cursor": f"c{n}"} for n in range(3))]
    assert expected == stub.forms("conversations.history")


def test_the_oldest_moment_is_exclusive(stub: SlackStub) -> None:
    """Also if Slack's own reading of `oldest` were another."""
    stub.on("conversations.history", {"messages": [{"ts": "1767614400.000250"}, {"ts": "1767614400.000251"}]})
    assert ["1767614400.000251"] == [m.ts for m in stub.open().inbox.messages("C0TEST", SINCE)]


def test_pages_that_repeat_without_end_are_an_error(stub: SlackStub) -> None:
    """A cursor that was seen before is an error, not a loop."""
    stub.on("conversations.history", {"messages": [], "response_metadata": {"next_cursor": "again"}})
    with pytest.raises(ServiceError, match="repeat without end"):
        stub.open().inbox.messages("C0TEST", SINCE)


@pytest.mark.parametrize("code", ["channel_not_found", "not_in_channel"])
def test_a_remembered_channel_that_is_gone_is_refused(stub: SlackStub, code: str) -> None:
    """The sentence names the channel and what to check."""
    stub.on("conversations.history", refused(code))
    with pytest.raises(Refused) as caught:
        stub.open().inbox.messages("C0GONE", SINCE)
    assert "C0GONE" in caught.value.what
    assert "SLACK_CHANNELS" in caught.value.todo


def test_a_thread_is_read_with_its_metadata(stub: SlackStub) -> None:
    """Parent and replies, a deleted parent kept as tombstone, our marker known again."""
    payload = {"key": MARKER.key, "claim": MARKER.nonce, "v": 1}
    stub.on(
        "conversations.replies",
        {
            "messages": [
                {"ts": "2.000000", "metadata": {"event_type": "creditbot_reply", "event_payload": payload}},
                {"ts": "1.000000", "subtype": "tombstone", "user": "USLACKBOT"},
            ]
        },
    )
    parent, reply = stub.open().inbox.thread("C0TEST", "1.000000")
    assert "tombstone" == parent.subtype
    assert MARKER == reply.marker
    expected = {"channel": "C0TEST", "ts": "1.000000", "limit": "200", "include_all_metadata": "1"}
    assert [expected] == stub.forms("conversations.replies")


@pytest.mark.parametrize("code", ["thread_not_found", "message_not_found"])
def test_a_thread_that_is_gone_is_empty(stub: SlackStub, code: str) -> None:
    """A deleted message without replies leaves nothing."""
    stub.on("conversations.replies", refused(code))
    assert () == stub.open().inbox.thread("C0TEST", "1.000000")


def test_a_thread_that_cannot_be_read_is_not_empty(stub: SlackStub) -> None:
    """Only a missing thread is empty; everything else is an error, or we would post twice."""
    stub.on("conversations.replies", refused("channel_not_found"))
    with pytest.raises(Refused):
        stub.open().inbox.thread("C0TEST", "1.000000")


# Patience


def test_a_rate_limit_is_waited_for(stub: SlackStub) -> None:
    """Retry-After decides how long."""
    limited = refused("ratelimited", status=429)
    stub.on("conversations.history", Answer(limited.body, 429, {"Retry-After": "30"}), {"messages": []})
    assert [] == stub.open().inbox.messages("C0TEST", SINCE)
    assert [30.0] == stub.time.slept


def test_a_read_is_not_tried_again_once_the_process_is_to_stop(stub: SlackStub) -> None:
    """A later tick does."""
    stub.stop.ask()
    stub.on("conversations.history", Answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "30"}))
    with pytest.raises(Unreachable):
        stub.open().inbox.messages("C0TEST", SINCE)
    assert len(stub.forms("conversations.history")) == 1
    assert stub.time.slept == []


def test_a_long_rate_limit_is_left_to_the_next_tick(stub: SlackStub) -> None:
    """A Retry-After beyond our patience is handed on instead of waited for."""
    stub.on("conversations.history", Answer({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "120"}))
    with pytest.raises(Unreachable) as caught:
        stub.open().inbox.messages("C0TEST", SINCE)
    assert 120.0 == caught.value.retry_after
    assert [] == stub.time.slept


@pytest.mark.parametrize(
    "trouble",
    [
        Answer("<html>down</html>", 503),
        Answer("<html>maintenance</html>"),
        Answer({"ok": False, "error": "internal_error"}),
        Answer({"ok": False, "error": "fatal_error"}),
        Answer({"ok": False, "error": "rate_limited"}),
        Answer(drop=True),
        Answer(["no", "object"]),
        Answer(b'{"ok": true', headers={"Content-Length": "999"}),
        Answer("[" * 200_000),
    ],
)
def test_a_passing_failure_is_tried_again(stub: SlackStub, trouble: Answer) -> None:
    """Pages of HTML, dropped lines and Slack's own troubles do not end a tick."""
    stub.on("conversations.history", trouble, {"messages": []})
    assert [] == stub.open().inbox.messages("C0TEST", SINCE)
    assert [1.0] == stub.time.slept


def test_a_lasting_failure_is_reported_when_the_time_for_a_read_is_over(stub: SlackStub) -> None:
    """A Slack that stays down costs a few seconds and gives one sentence."""
    stub.on("conversations.history", Answer("<html>down</html>", 503))
    with pytest.raises(Unreachable, match="HTTP status 503") as caught:
        stub.open().inbox.messages("C0TEST", SINCE)
    assert SLACK == caught.value.service
    assert [1.0, 2.0, 4.0] == stub.time.slept


@pytest.mark.parametrize("status", [301, 403, 404])
def test_an_address_that_is_not_slack_is_refused(stub: SlackStub, status: int) -> None:
    """A redirect is not followed: it would take the token elsewhere."""
    stub.on("auth.test", Answer("moved", status, {"Location": f"{stub.http.url}/elsewhere"}))
    with pytest.raises(Refused, match=f"HTTP status {status}") as caught:
        stub.open().inbox.workspace(None)
    assert "SLACK_API_URL" in caught.value.todo
    assert SLACK == caught.value.service
    assert ["POST /api/auth.test"] == stub.http.calls


def test_an_untrusted_certificate_is_refused(stub: SlackStub) -> None:
    """Asking again does not help; where to name other certificates does."""

    def forged(*_: object) -> slack_wire.Addresses:
        raise ssl.SSLCertVerificationError("made up")

    with pytest.raises(Refused, match="its TLS certificate is not trusted") as caught:
        stub.open(network=Network(resolve=forged)).inbox.workspace(None)
    assert "Check SLACK_API_URL and HTTPS_PROXY; SSL_CERT_FILE names certificates to trust." == caught.value.todo
    assert [] == stub.time.slept


def test_an_answer_over_the_size_limit_is_not_read(stub: SlackStub) -> None:
    """A write's answer is cut at 1 MB."""
    stub.on("chat.postMessage", Answer({"ok": True, "ts": "1.000000", "more": "x" * 1_100_000}))
    with pytest.raises(PostUnknown, match="too large"):
        stub.open().replier.reply("C0TEST", "1.000000", "hello", MARKER)


def test_an_unknown_host_name_is_explained(stub: SlackStub) -> None:
    """DNS failures name the setting to check."""

    def unknown(*_: object) -> slack_wire.Addresses:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(Unreachable) as caught:
        stub.open(network=Network(resolve=unknown)).inbox.workspace(None)
    assert "its host name is unknown" in caught.value.what
    assert "SLACK_API_URL" in caught.value.todo


# The clock


def test_slacks_answers_set_the_clock(stub: SlackStub) -> None:
    """Every answer of Slack's tells the time, refusals too."""
    slack = stub.open()
    with pytest.raises(Unreachable):
        slack.clock.now()
    stub.on("conversations.replies", refused("thread_not_found"))
    slack.inbox.thread("C0TEST", "1.000000")
    assert abs(slack.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_clock_is_paired_with_the_moment_before_the_request_was_sent(stub: SlackStub) -> None:
    """Slack wrote its date later than that: so the clock is never behind by what the answer took."""
    slack = stub.open(boot=lambda: 1003.0 if stub.http.calls else 1000.0)
    stub.on("conversations.replies", refused("thread_not_found"))
    before = datetime.now(UTC)
    slack.inbox.thread("C0TEST", "1.000000")
    late = timedelta(seconds=3)
    assert before + late - timedelta(seconds=1) < slack.clock.now() <= datetime.now(UTC) + late


def test_the_page_of_a_gateway_does_not_set_the_clock(stub: SlackStub) -> None:
    """A proxy between us and Slack has a clock of its own."""
    slack = stub.open()
    stub.on("auth.test", Answer("<html>502</html>", 502))
    with pytest.raises(Unreachable):
        slack.inbox.workspace(None)
    with pytest.raises(Unreachable):
        slack.clock.now()


def test_an_address_without_tls_is_explained(stub: SlackStub) -> None:
    """A plain port behind https:// is said to be that."""
    with pytest.raises(Unreachable, match="the TLS connection failed") as caught:
        stub.open(api_url=f"https://{stub.http.host}/api/").inbox.workspace(None)
    assert "SLACK_API_URL" in caught.value.todo


def test_an_answer_that_breaks_off_is_explained(stub: SlackStub) -> None:
    """A connection that ends early is tried again, and then told."""
    stub.on("auth.test", Answer("no chunk", headers={"Transfer-Encoding": "chunked", "Content-Length": ""}))
    with pytest.raises(Unreachable, match="its answer was cut off") as caught:
        stub.open().inbox.workspace(None)
    assert caught.value.todo


# Enterprise Grid


def a_message(**fields: str) -> dict[str, Any]:
    return {"ts": "1767700000.000100", "user": "U1", "text": "hi", **fields}


def teams(stub: SlackStub, **info: Any) -> list[str | None]:
    """The teams of messages from us, our organisation, a sister workspace and strangers, as we read them."""
    stub.on("auth.test", {**ME, "enterprise_id": "E0ORG"})
    stub.on("conversations.info", {"channel": channel("credits", "C012AB3CD", **info)})
    named = [
        {"team": "T0TEST"},
        {"user_team": "E0ORG", "team": "T0TEST"},
        {"team": "T0SISTER"},
        {"user_team": "E0OTHER"},
    ]
    stub.on(
        "conversations.history",
        {"messages": [a_message(ts=f"17677000{n}0.000100", **team) for n, team in enumerate(named)]},
    )
    inbox = stub.open("C012AB3CD").inbox
    assert "E0ORG" == inbox.workspace(None).enterprise
    return [message.user_team for message in inbox.messages("C012AB3CD", SINCE)]


def test_everybody_in_a_channel_of_the_organisation_is_a_colleague(stub: SlackStub) -> None:
    """No stranger can be in a channel that is not shared with another organisation."""
    assert ["T0TEST"] * 4 == teams(stub, is_ext_shared=False, is_org_shared=True)


def test_sister_workspaces_are_told_from_strangers_in_a_shared_channel(stub: SlackStub) -> None:
    """Slack lists the workspaces of our own organisation in it."""
    expected = ["T0TEST", "E0ORG", "T0TEST", "E0OTHER"]
    assert expected == teams(stub, is_ext_shared=True, internal_team_ids=["T0TEST", "T0SISTER"])


@pytest.mark.parametrize("info", [{}, {"is_ext_shared": True}, {"is_ext_shared": False, "is_pending_ext_shared": True}])
def test_a_sister_workspace_that_cannot_be_proved_counts_as_strange(stub: SlackStub, info: dict[str, Any]) -> None:
    """Nobody outside may ask."""
    assert ["T0TEST", "E0ORG", "T0SISTER", "E0OTHER"] == teams(stub, **info)
