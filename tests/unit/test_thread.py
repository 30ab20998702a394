"""What a thread says about a request."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.intake.answers import Reading
from creditbot.intake.looker_links import looker_host, looker_links
from creditbot.intake.requests import Request, RequestRules
from creditbot.intake.thread import REPEATS, UNCOUNTED, ThreadView, Words, is_behind, view
from creditbot.model import Marker, Message, RequestKey, Workspace
from creditbot.slack_time import time_of

WORKSPACE = Workspace("T1", "https://acme.slack.com/", "UBOT", "BBOT", {"C1": "credits"})
RULES = RequestRules(looker_host("https://acme.looker.com"), previous_bots=frozenset({"BOLD"}))
KEY = RequestKey("T1", "C1", "1736345678.000100")
SECOND = RequestKey("T1", "C1", "1736345705.000000")


def request(ts: str = KEY.ts, thread: str | None = None, slug: str = "abc", subtype: str = "") -> Message:
    text = f"please credit <https://acme.looker.com/x/{slug}>"
    return Message("C1", ts, thread_ts=thread, user="U1", text=text, content={"text": text}, subtype=subtype)


def reply(second: int, text: str, *, user: str | None = "U2", bot: str | None = None, key: str = "") -> Message:
    marker = Marker("reply", key) if key else None
    return Message("C1", f"17363457{second:02d}.000000", KEY.ts, user, bot, text=text, marker=marker)


def look(*messages: Message, key: RequestKey = KEY) -> ThreadView:
    """What the thread says about the request of that key."""
    return view(messages, key, WORKSPACE, RULES)


def unanswered() -> ThreadView:
    """The view of a thread in which nobody has answered the request, and nothing else is odd."""
    links = looker_links(request().content, RULES.host)
    return ThreadView(Request(KEY, request(), tuple(links)), request())


def words(shown: ThreadView) -> list[tuple[Reading, bool]]:
    """How what people wrote is understood, and whether the person who asked wrote it."""
    return [(each.reading, each.by_asker) for each in shown.words]


def test_chatter_in_the_thread_is_not_an_answer() -> None:
    """Also where it talks of approval."""
    assert unanswered() == look(request(), reply(1, "looking at it"), reply(2, "is this approved?"))


def test_a_reply_of_ours_with_the_marker_of_the_request_is_its_answer() -> None:
    """Whatever it says: people may word REPLY_TEMPLATE as they like."""
    answer = reply(1, "Credit: $1.00", user="UBOT", bot="BBOT", key=str(KEY))
    assert replace(unanswered(), ours=(answer.ts,)) == look(request(), answer)


def test_our_marker_on_a_post_of_somebody_else_is_reported_as_forged() -> None:
    """It is not an answer."""
    forgery = reply(1, "Approved, $1.00, exceptions", user="UX", bot="BX", key=str(KEY))
    assert replace(unanswered(), forged=forgery.ts) == look(request(), forgery)


def test_a_marker_of_another_request_does_not_count() -> None:
    """Each request of a thread has its own marker."""
    assert unanswered() == look(request(), reply(1, "x", user="UBOT", bot="BBOT", key="T1.C1.1.0"))


@pytest.mark.parametrize(
    ("user", "bot", "counts"),
    [("U2", None, True), (None, "BOLD", True), ("UBOT", "BBOT", True), (None, "BOTHER", False)],
    ids=["a person", "a previous bot", "us without a marker", "another bot"],
)
def test_an_unmarked_answer_counts_by_who_wrote_it(user: str | None, bot: str | None, counts: bool) -> None:
    """People, previous bots and we ourselves before a state was lost can have answered; other apps cannot."""
    assert counts == bool(look(request(), reply(1, "Approved, $812.40, exceptions", user=user, bot=bot)).elsewhere)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Approved, $4,948.80, exceptions", True),
        ("*approved* - $ 12", True),
        (":white_check_mark: Approved, $5", True),
        ("not approved: $5", False),
        ("Approved", False),
        ("Approved, €5", False),
    ],
)
def test_an_answer_looks_like_one(text: str, counts: bool) -> None:
    """`Approved` at the start, then an amount in dollars."""
    assert counts == bool(look(request(), reply(1, text)).elsewhere)


def test_the_asker_does_not_answer_in_passing() -> None:
    """Who asked may say that somebody approved; said by others it may be an answer."""
    text = "Approved by my manager, up to $5,000"
    assert [] == words(look(request(), reply(1, text, user="U1")))
    assert [(Reading.DOUBT, False)] == words(look(request(), reply(1, text, user="U2")))


def test_the_very_words_of_an_answer_by_the_asker_are_doubtful() -> None:
    """Nobody answers the own request; the amount is compared with ours."""
    shown = look(request(), reply(1, "Approved, $812.40, exceptions", user="U1"))
    assert "" == shown.elsewhere
    assert [(Reading.DOUBT, True)] == words(shown)
    assert ["Approved, $812.40, exceptions"] == [remark.text for remark in shown.remarks]


def test_any_words_of_people_are_kept() -> None:
    """But not what apps say, what Slack says itself, and what we say; nor other talk of the person who asked."""
    thread = [
        request(), reply(1, "looks odd"), reply(2, "", user="U3"), reply(3, "it is urgent", user="U1"),
        reply(4, "alert!", user=None, bot="BX"), reply(5, "hm", user=None, bot="BOLD"),
        reply(6, "note", user="UBOT", bot="BBOT"), reply(7, "reminder", user="USLACKBOT"),
        replace(reply(8, "U2 joined", user="U2"), subtype="channel_join"),
    ]  # fmt: skip
    assert ["looks odd", ""] == [each.message.text for each in look(*thread).words]


def test_a_previous_bot_may_leave_a_doubt() -> None:
    shown = look(request(), reply(1, "Approved up to $5,000?", user=None, bot="BOLD"))
    assert [(Reading.DOUBT, False)] == words(shown)


def test_words_before_the_request_are_not_about_it() -> None:
    top = Message("C1", KEY.ts, user="U2", text="hello")
    thread = [top, reply(1, "looks odd"), a_broadcast(), reply(6, "also odd")]
    assert ["also odd"] == [each.message.text for each in look(*thread, key=SECOND).words]


def test_a_no_with_a_link_is_about_the_request_before_it() -> None:
    """Sent to the channel, it is a request as well."""
    text = "Denied, see <https://acme.looker.com/x/abc>"
    denial = Message("C1", SECOND.ts, KEY.ts, "U2", text=text, content={"text": text}, subtype="thread_broadcast")
    assert [(Reading.REFUSAL, False)] == words(look(request(), denial))
    assert look(request(), denial, key=SECOND).request is not None


def test_a_request_with_a_link_is_no_talk_about_the_one_before_it() -> None:
    assert () == look(request(), a_broadcast()).words


@pytest.mark.parametrize(("bot", "counts"), [(None, True), ("BFORM", False)], ids=["a person", "a form"])
def test_a_request_may_take_itself_back(bot: str | None, counts: bool) -> None:
    own = replace(request(), text=f"{request().text}\nEdit: please ignore", bot=bot)
    rules = replace(RULES, bots=frozenset({"BFORM"}))
    shown = view([own], KEY, WORKSPACE, rules)
    assert ([(Reading.REFUSAL, True)] if counts else []) == words(shown)
    assert all(each.in_request for each in shown.words)


def test_reactions_that_say_no_are_words_of_those_who_reacted() -> None:
    """One for each person; nobody knows since when, so a retry does not settle them."""
    reactions = {"x": ("U2", "UBOT"), "eyes": ("U3",), "-1::skin-tone-2": ("U1", "U2"), "thumbsdown": ("U1",)}
    own = replace(request(), reactions=reactions)
    expected = (
        Words(own, Reading.REFUSAL, by_asker=True, reactions="👎", reacted_by="U1"),
        Words(own, Reading.REFUSAL, reactions="❌ 👎", reacted_by="U2"),
    )
    assert expected == look(own).words
    assert expected == view([own], KEY, WORKSPACE, RULES, time_of(SECOND.ts)).words
    assert ["U1", "U2"] == [each.author for each in expected]


def test_a_doubt_is_settled_by_a_later_retry() -> None:
    """A person has looked at the thread then."""
    doubt = reply(1, "Approved up to $5,000?")
    thread = [request(), doubt]
    before = time_of(doubt.ts) - timedelta(microseconds=1)
    assert [(Reading.DOUBT, False)] == words(view(thread, KEY, WORKSPACE, RULES, before))
    assert [] == words(view(thread, KEY, WORKSPACE, RULES, time_of(doubt.ts)))


@pytest.mark.parametrize(("user", "text"), [("U2", "Denied, do not credit"), ("U1", "Please ignore this, wrong link")])
def test_a_persons_no_is_settled_by_a_later_retry(user: str, text: str) -> None:
    """A colleague denies the credit, or the person who asked takes the request back."""
    refusal = reply(1, text, user=user)
    thread = [request(), refusal]
    assert [(Reading.REFUSAL, user == "U1")] == words(look(*thread))
    assert [] == words(view(thread, KEY, WORKSPACE, RULES, time_of(refusal.ts)))


def test_words_that_were_edited_after_a_retry_are_new() -> None:
    """They said something else when somebody looked."""
    edited = replace(reply(1, "Denied"), edited="1736345750.000000")
    shown = view([request(), edited], KEY, WORKSPACE, RULES, time_of(edited.ts))
    assert ["1736345750.000000"] == [each.since for each in shown.words]


def test_what_apps_say_refuses_nothing() -> None:
    """A previous bot answers, but it does not decide that there is no credit."""
    shown = look(request(), reply(1, "Denied", user=None, bot="BOLD"))
    assert (unanswered(), ()) == (shown, shown.words)


def test_an_answer_outweighs_a_doubt() -> None:
    """The doubt came first, and then somebody decided."""
    answer = reply(2, "Approved, $812.40")
    assert answer.ts == look(request(), reply(1, "Approved up to $5,000?"), answer).elsewhere


def test_an_answer_with_the_link_sent_to_the_channel_is_no_request() -> None:
    """It answers the request above it, and a later answer is not counted for it."""
    text = "Approved for the Look <https://acme.looker.com/x/abc>: $812.40"
    answer = Message("C1", SECOND.ts, KEY.ts, "U2", text=text, content={"text": text}, subtype="thread_broadcast")
    assert SECOND.ts == look(request(), answer).elsewhere
    (doubt,) = look(request(), answer, key=SECOND).words
    assert Words(answer, Reading.DOUBT, in_request=True) == doubt


def test_what_follows_an_answer_with_a_link_is_read_as_well() -> None:
    """A retry settles whether the answer is a request; the two answers to the request after it stay a doubt."""
    text = "Approved for the Look <https://acme.looker.com/x/abc>: $812.40"
    answer = Message("C1", SECOND.ts, KEY.ts, "U2", text=text, content={"text": text}, subtype="thread_broadcast")
    third = a_broadcast("1736345706.000000")
    thread = [request(), answer, third, reply(7, "Approved, $1"), reply(8, "Approved, $2")]
    assert "several answers" in view(thread, SECOND, WORKSPACE, RULES, time_of(third.ts)).unclear


def test_the_parent_of_a_thread_is_not_counted_as_a_reply() -> None:
    assert look(request(), reply(1, "looking at it"), reply(2, "soon")).replies == 2


def a_broadcast(ts: str = SECOND.ts) -> Message:
    """A second request in the thread of the first."""
    return request(ts, KEY.ts, "def", "thread_broadcast")


def test_an_answer_belongs_to_the_request_that_it_follows() -> None:
    """In a thread with two requests, one before the second is the first one's."""
    answer = reply(1, "Approved, $1.00, exceptions")
    assert replace(unanswered(), elsewhere=answer.ts) == look(request(), answer, a_broadcast())
    assert "" == look(request(), answer, a_broadcast(), key=SECOND).elsewhere


def test_an_answer_before_the_first_request_belongs_to_none() -> None:
    """The thread began with something else."""
    parent = Message("C1", KEY.ts, user="U1", text="hi")
    thread = [parent, reply(1, "Approved, $1.00, exceptions"), a_broadcast()]
    assert "" == look(*thread, key=SECOND).elsewhere


def test_an_answer_after_a_second_request_is_that_ones() -> None:
    """The first request is not answered, and that is clear."""
    answer = reply(6, "Approved, $1.00, exceptions")
    assert unanswered() == look(request(), a_broadcast(), answer)
    assert answer.ts == look(request(), a_broadcast(), answer, key=SECOND).elsewhere


def test_two_answers_after_a_second_request_leave_the_first_unclear() -> None:
    """One of them may be meant for the first: nobody can tell."""
    answers = [reply(6, "Approved, $1"), reply(7, "Approved, $2")]
    why = "A later request in the thread has several answers, and one of them may be meant for this request."
    assert replace(unanswered(), unclear=why) == look(request(), a_broadcast(), *answers)


def test_a_deleted_request_is_gone() -> None:
    """A tombstone, or nothing at all, in its place."""
    assert look().request is None
    assert look(Message("C1", KEY.ts, subtype="tombstone")).request is None


def test_a_second_reply_of_ours_is_a_repeat_until_it_says_so() -> None:
    """The first reply is the answer; later ones must be edited, once."""
    two = [reply(s, "Approved, $1", user="UBOT", bot="BBOT", key=str(KEY)) for s in (1, 2)]
    amended = reply(3, REPEATS, user="UBOT", bot="BBOT", key=str(KEY))
    assert (two[1].ts,) == look(request(), *two, amended).repeats
    assert () == look(request(), two[0], amended).repeats


@pytest.mark.parametrize("text", sorted(UNCOUNTED))
@pytest.mark.parametrize("key", ["", str(KEY)], ids=["unmarked", "marked"])
def test_a_reply_that_asks_to_be_ignored_is_not_an_answer(text: str, key: str) -> None:
    """Neither with its marker nor without, in today's words and in those of earlier versions."""
    assert unanswered() == look(request(), reply(1, text, user="UBOT", bot="BBOT", key=key))


def test_the_words_of_earlier_versions_are_still_recognised() -> None:
    """Threads keep what was posted: a word changed here would make an old repeat an answer."""
    assert {
        "This repeats the answer above and is not to be credited again.",
        "This came after the request had ended without it, and is not to be credited.",
    } < UNCOUNTED


SETTLE = timedelta(minutes=15)
ASKED = time_of(KEY.ts)


@pytest.mark.parametrize(
    ("minutes", "edited", "behind"),
    [(14, "", True), (15, "", False), (16, "1736345800.000000", True), (18, "1736345800.000000", False)],
)
def test_a_request_missing_after_the_settle_time_counts_as_deleted(minutes: int, edited: str, behind: bool) -> None:
    """Older than POST_SETTLE_SECONDS, and its last edit too."""
    assert behind == is_behind(None, KEY, edited, ASKED + timedelta(minutes=minutes), SETTLE)


def test_a_tombstone_proves_that_a_request_was_deleted() -> None:
    """Slack shows it in place of a deleted message that has replies."""
    own = Message("C1", KEY.ts, subtype="tombstone")
    assert not is_behind(own, KEY, "1736345800.000000", ASKED, SETTLE)


@pytest.mark.parametrize(
    ("shown", "read", "behind"),
    [("", "", False), ("", "1736345800.0", True), ("1736345800.0", "1736345800.0", False), ("1736345900.0", "", False)],
)
def test_a_thread_with_an_older_edit_than_we_read_is_stale(shown: str, read: str, behind: bool) -> None:
    """Whatever its age; a newer one is news."""
    own = replace(request(), edited=shown)
    assert own == look(own).own
    assert behind == is_behind(own, KEY, read, ASKED + timedelta(days=1), SETTLE)
