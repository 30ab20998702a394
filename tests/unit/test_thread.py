"""What a thread says about a request."""

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import Policy
from creditbot.intake.thread import LATE, REPEATS, ThreadView, is_behind, is_newer, order, view
from creditbot.model import Marker, Message, RequestKey, Workspace, time_of

WORKSPACE = Workspace("T1", "https://acme.slack.com/", "UBOT", "BBOT", {"C1": "credits"})
POLICY = Policy(looker_host("https://acme.looker.com"), previous_bots=frozenset({"BOLD"}))
KEY = RequestKey("T1", "C1", "1736345678.000100")


def request(ts: str = KEY.ts, thread: str | None = None, slug: str = "abc", subtype: str = "") -> Message:
    text = f"please credit <https://acme.looker.com/x/{slug}>"
    return Message("C1", ts, thread_ts=thread, user="U1", text=text, content={"text": text}, subtype=subtype)


def reply(second: int, text: str, *, user: str | None = "U2", bot: str | None = None, key: str = "") -> Message:
    marker = Marker("reply", key) if key else None
    return Message("C1", f"17363457{second:02d}.000000", KEY.ts, user, bot, text=text, marker=marker)


def seen(*messages: Message, key: RequestKey = KEY) -> ThreadView:
    return view(messages, key, WORKSPACE, POLICY)


def test_an_unanswered_request_is_read_as_it_stands() -> None:
    """Chatter in the thread is no answer."""
    found = seen(request(), reply(1, "looking at it"), reply(2, "is this approved?"))
    assert found.request is not None
    assert ((), "", "", "") == (found.ours, found.forged, found.elsewhere, found.unclear)


def test_our_marker_counts_only_on_our_own_post() -> None:
    """A marker by another poster is reported as forged, and is no answer."""
    ours = seen(request(), reply(1, "Approved, $1.00, exceptions", user="UBOT", bot="BBOT", key=str(KEY)))
    theirs = seen(request(), reply(1, "Approved, $1.00, exceptions", user="UX", bot="BX", key=str(KEY)))
    assert (("1736345701.000000",), "") == (ours.ours, ours.forged)
    assert ((), "1736345701.000000") == (theirs.ours, theirs.forged)


def test_a_marker_for_another_request_is_not_ours() -> None:
    """Each request of a thread has its own marker."""
    assert () == seen(request(), reply(1, "x", user="UBOT", bot="BBOT", key="T1.C1.1.0")).ours


@pytest.mark.parametrize(
    ("user", "bot", "counts"),
    [("U2", None, True), (None, "BOLD", True), ("UBOT", "BBOT", True), (None, "BOTHER", False)],
    ids=["a person", "a previous bot", "us without a marker", "another bot"],
)
def test_an_unmarked_answer_counts_by_who_wrote_it(user: str | None, bot: str | None, counts: bool) -> None:
    """People, previous bots and we ourselves before a state was lost can have answered; other apps cannot."""
    assert counts == bool(seen(request(), reply(1, "Approved, $812.40, exceptions", user=user, bot=bot)).elsewhere)


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
    assert counts == bool(seen(request(), reply(1, text)).elsewhere)


def test_an_answer_belongs_to_the_request_it_follows() -> None:
    """In a thread with two requests an answer counts for the later one that stands before it."""
    second = RequestKey("T1", "C1", "1736345705.000000")
    thread = [
        request(),
        reply(1, "Approved, $1.00, exceptions"),
        request(second.ts, KEY.ts, "def", "thread_broadcast"),
    ]
    first = seen(*thread)
    assert ("1736345701.000000", "") == (first.elsewhere, first.unclear)
    assert "" == seen(*thread, key=second).elsewhere


def test_surplus_answers_after_a_later_request_leave_an_earlier_one_unclear() -> None:
    """Two answers after the second request may be one for each: nobody can tell."""
    second = request("1736345700.500000", KEY.ts, "def", "thread_broadcast")
    found = seen(request(), second, reply(1, "Approved, $1"), reply(2, "Approved, $2"))
    why = "A later request in its thread has several answers, and one of them may be meant for this one."
    assert (why, "") == (found.unclear, found.elsewhere)


def test_one_answer_after_a_later_request_is_of_that_one() -> None:
    """The earlier one is not answered, and that is clear."""
    second = request("1736345700.500000", KEY.ts, "def", "thread_broadcast")
    found = seen(request(), second, reply(1, "Approved, $1"))
    assert ("", "") == (found.unclear, found.elsewhere)


def test_a_deleted_request_is_gone() -> None:
    """A tombstone, or nothing at all, in its place."""
    assert seen().request is None
    assert seen(Message("C1", KEY.ts, subtype="tombstone")).request is None


def test_a_second_reply_of_ours_is_a_repeat_until_it_says_so() -> None:
    """The first reply is the answer; later ones are to be edited, once."""
    two = [reply(s, "Approved, $1", user="UBOT", bot="BBOT", key=str(KEY)) for s in (1, 2)]
    amended = reply(3, REPEATS, user="UBOT", bot="BBOT", key=str(KEY))
    assert (two[1].ts,) == seen(request(), *two, amended).repeats
    assert () == seen(request(), two[0], amended).repeats


def test_ts_sorts_by_time() -> None:
    """Slack's ts are ordered as numbers, with all their digits."""
    assert ["9.1", "10.1", "1736345678.123456", "1736345678.123457"] == sorted(
        ["1736345678.123457", "10.1", "1736345678.123456", "9.1"], key=order
    )
    assert (9, 0) == order("9")


@pytest.mark.parametrize(
    ("edited", "than", "newer"),
    [
        ("", "", False),
        ("1.0", "", True),
        ("", "1.0", False),
        ("9.1", "10.1", False),
        ("10.1", "9.1", True),
        ("1.0", "1.0", False),
    ],
)
def test_edits_are_compared_by_time(edited: str, than: str, newer: bool) -> None:
    """None at all comes before all of them."""
    assert newer == is_newer(edited, than)


@pytest.mark.parametrize("text", [REPEATS, LATE])
def test_a_reply_that_says_that_it_does_not_count_is_no_answer(text: str) -> None:
    """Neither with its marker nor without."""
    amended = reply(1, text, user="UBOT", bot="BBOT", key=str(KEY))
    found = seen(request(), amended)
    assert ((), "", "") == (found.ours, found.forged, found.elsewhere)


SETTLE = timedelta(minutes=15)
ASKED = time_of(KEY.ts)


@pytest.mark.parametrize(
    ("minutes", "edited", "behind"),
    [(14, "", True), (15, "", False), (16, "1736345800.000000", True), (18, "1736345800.000000", False)],
)
def test_a_missing_request_counts_as_deleted_once_it_is_older_than_any_reading(
    minutes: int, edited: str, behind: bool
) -> None:
    """Older than POST_SETTLE_SECONDS, and its last edit too."""
    assert behind == is_behind(None, KEY, edited, ASKED + timedelta(minutes=minutes), SETTLE)


def test_a_tombstone_is_proof() -> None:
    """Slack shows it in place of a deleted message that has replies."""
    own = Message("C1", KEY.ts, subtype="tombstone")
    assert not is_behind(own, KEY, "1736345800.000000", ASKED, SETTLE)


@pytest.mark.parametrize(
    ("shown", "read", "behind"),
    [("", "", False), ("", "1736345800.0", True), ("1736345800.0", "1736345800.0", False), ("1736345900.0", "", False)],
)
def test_an_older_edit_than_the_one_that_was_read_is_an_older_reading(shown: str, read: str, behind: bool) -> None:
    """Whatever its age; a newer one is news."""
    own = replace(request(), edited=shown)
    assert own == seen(own).own
    assert behind == is_behind(own, KEY, read, ASKED + timedelta(days=1), SETTLE)
