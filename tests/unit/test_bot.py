"""Ticks: what is answered, what is not, what is read and written for it."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from concurrent import futures
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import chain, repeat
from typing import Any

import pytest
from typing_extensions import override

from creditbot.errors import LinkUnusable, PostUnknown, Refused, StateUnusable, Unreachable
from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import RequestRules
from creditbot.intake.thread import REPEATS
from creditbot.model import Marker, RequestKey, Workspace
from creditbot.slack_time import time_of
from creditbot.state.codec import DONE
from creditbot.state.ledger import Ledger
from creditbot.state.record import Record
from creditbot.tick.report import Progress
from tests.support.ticks import stopped
from tests.support.world import BOT, BOT_USER, BOTH, HOST, REFERENCE, RULES, START, TEAM, Killed, World, ts_of


@pytest.fixture
def world() -> World:
    """A workspace in which a tick has already been."""
    world = World()
    world.tick()
    world.counted()
    return world


# -- answering ---------------------------------------------------------------------------------------------------------


def test_a_request_is_answered_once_in_its_thread(world: World) -> None:
    """The second tick posts nothing, and ten more post nothing."""
    key = world.ask("abc")
    world.tick()
    assert [REFERENCE] == world.replies(key)
    world.counted()
    for _ in range(11):
        world.wait(minutes=5)
        assert world.tick().ok
    assert [REFERENCE] == world.replies(key)
    assert 0 == world.counted()["reply"]


def test_the_reply_carries_our_marker_with_the_claim(world: World) -> None:
    """It is known again by the request's key, and by which posting it was of."""
    key = world.ask("abc")
    world.tick()
    marker = world.visible()[-1].marker
    assert isinstance(marker, Marker)
    assert ("reply", str(key)) == (marker.kind, marker.key)
    assert marker.nonce


def test_the_reply_is_the_sum_over_the_links(world: World) -> None:
    """Links that come to the same SQL count once."""
    world.amounts = {"a": Decimal("1000.10"), "b": Decimal("200.20")}
    key = world.ask("a", "b")
    same = world.say(f"<https://{HOST}/x/c> and <https://{HOST}/explore/m/v?qid=c>")
    world.tick()
    assert ["Approved, $1,200.30, exceptions"] == world.replies(key)
    assert [REFERENCE] == world.replies(same)


def test_requests_are_begun_oldest_first(world: World) -> None:
    """However the channel gives them."""
    for slug in ("a", "b", "c"):
        world.ask(slug)
        world.wait(seconds=10)
    world.messages.reverse()
    world.tick()
    assert ["a", "b", "c"] == world.runs


def test_chatter_is_no_request(world: World) -> None:
    """Nor is a link to somebody else's Looker."""
    world.say("good morning")
    world.say("<https://other.looker.com/explore/m/v?qid=abc>")
    world.tick()
    assert 0 == world.counted()["state-write"]


def fields_of(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    """The canonical log lines of one kind."""
    return [record.fields for record in caplog.records if record.getMessage() == event]  # type: ignore[attr-defined]


def test_every_request_and_every_tick_has_one_log_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the names that alerts and searches use."""
    world = World(step=timedelta(microseconds=100_123))
    key, failing = world.ask("abc"), world.ask("gone")
    monkeypatch.setattr(time, "monotonic", chain((10.0,), repeat(12.34567)).__next__)
    with caplog.at_level(logging.INFO, "creditbot"):
        world.tick()
    answered, dead = world.record(key), world.record(failing)
    assert [
        {
            "request": str(key), "outcome": "answered", "amount": Decimal("4948.80"), "attempts": 1,
            "seconds": round(answered.seconds, 3), "reply": answered.reply, "summary": f"memory:{key}",
        },
        {"request": str(failing), "outcome": "dead", "attempts": 1, "reason": dead.reason},
    ] == fields_of(caplog, "request")  # fmt: skip
    assert round(answered.seconds, 3) not in (round(answered.seconds, 4), round(answered.seconds))
    assert [{"read": 2, "worked_on": 2, "waiting": 0, "answered": 1, "dead": 1, "seconds": 2.346}] == fields_of(
        caplog, "tick"
    )


def test_a_request_that_another_process_has_taken_has_its_log_line_too(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It says no more than that."""
    key = world.ask("abc")
    late = world.bot()
    world.amid("history", world.tick)
    with caplog.at_level(logging.INFO, "creditbot"):
        late.tick()
    assert {"request": str(key), "outcome": "left to another process"} in fields_of(caplog, "request")


class Heard(Progress):
    """Remembers what a tick tells while it works."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.requests: list[tuple[str, object]] = []

    @override
    def step(self, text: str) -> None:
        self.steps.append(text)

    @override
    def started(self, permalink: str) -> None:
        self.requests.append((permalink, "started"))

    @override
    def ended(self, permalink: str, record: Record | None) -> None:
        self.requests.append((permalink, record and record.status))


def test_a_first_tick_tells_its_steps_and_a_later_one_its_requests() -> None:
    """With the addresses that people open the requests by, also in a thread."""
    world, heard = World(), Heard()
    top = world.say("morning")
    world.tick(progress=heard)
    assert [
        "[1/5] Slack connection: ok",
        "[2/5] Looker authentication: ok, as Fake API User",
        "[3/5] Channel found: #credits",
        "[4/5] New messages: 1, of them 0 with links to Looker",
        "[5/5] Replies posted: 0",
    ] == heard.steps
    key = world.ask("abc", thread_ts=top.ts, subtype="thread_broadcast")
    world.kill("looker.before-read")
    world.wait(minutes=31)
    later = Heard()
    world.tick(progress=later)
    where = world.address(key, top)
    assert ([], [(where, "started"), (where, "answered")]) == (later.steps, later.requests)


def test_the_channels_of_a_first_tick_are_named_with_a_hash() -> None:
    """All of them."""
    workspace = Workspace(TEAM, "https://acme.slack.com/", BOT_USER, BOT, {"C1": "credits", "C2": "exceptions"})
    world, heard = World(), Heard()
    bot = world.bot(progress=heard)
    inbox: Any = bot._ports.inbox
    inbox.workspace = lambda _: workspace
    inbox.messages = lambda *_: []
    bot.tick()
    assert "[3/5] Channel found: #credits, #exceptions" in heard.steps


def test_reading_starts_an_hour_before_what_is_covered(world: World) -> None:
    """What Slack showed late, or we read too early, is not lost by a suspension."""
    world.wait(hours=2)
    late = world.ask("abc")
    hidden = world.messages.pop()
    world.wait(minutes=59)
    world.tick()
    world.messages.append(hidden)
    world.wait(days=5)
    world.tick()
    assert [REFERENCE] == world.replies(late)


def test_a_slow_tick_does_not_take_back_how_far_a_later_one_has_read(world: World) -> None:
    """They overlap."""
    world.wait(hours=2)
    slow = stopped(world, "history.after-read")
    world.wait(hours=3)
    world.tick()
    covered = world.state().meta.covered_until
    assert world.now == covered
    slow.go_on()
    assert covered == world.state().meta.covered_until


def test_how_far_was_read_is_remembered_to_the_moment(world: World) -> None:
    """And no further back than that: what lies before it is not read again for ever."""
    world.wait(hours=2)
    world.amid("history", lambda: world.wait(seconds=3))
    world.tick()
    assert world.now - timedelta(seconds=3) == world.state().meta.covered_until


def test_a_forgotten_request_does_not_keep_what_was_read_from_growing(world: World) -> None:
    """It never gets a record; one of the very moment to which all was forgotten is not forgotten."""
    old = world.ask("abc")
    forgotten = time_of(old.ts)
    Ledger(world.ports().state).update_meta(
        lambda meta: replace(meta, forgotten_before=forgotten + timedelta(microseconds=1))
    )
    world.wait(hours=2)
    world.tick()
    assert world.now == world.state().meta.covered_until
    Ledger(world.ports().state).update_meta(lambda meta: replace(meta, forgotten_before=forgotten, covered_until=None))
    bot = world.bot()
    world.amid("history", bot.stop)
    bot.tick()
    assert forgotten == world.state().meta.covered_until


def test_a_message_of_the_very_moment_at_which_reading_starts_is_read() -> None:
    """LOOKBACK_HOURS ago."""
    world = World()
    key = world.ask("abc")
    world.now = time_of(key.ts) + RULES.lookback
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_the_links_of_an_edit_after_the_answer_are_told_once_and_remembered(world: World) -> None:
    """The address is that of the request, in its thread."""
    top = world.say("morning")
    key = world.ask("abc", thread_ts=top.ts, subtype="thread_broadcast")
    world.tick()
    before = world.record(key)
    world.edit(key, f"<https://{HOST}/x/def>")
    world.tick()
    after = world.record(key)
    (text,) = world.told()
    assert text == (
        f"{world.address(key, top)} was answered already, and its links were changed since. I do not answer it again: "
        "look whether the new links want a credit, and answer by hand."
    )
    assert (True, True) == (after.edited > before.edited, after.links != before.links)
    assert replace(before, edited=after.edited, links=after.links, nonce=after.nonce) == after
    world.counted()
    world.tick()
    assert 0 == world.counted()["state-write"]


def test_a_chore_that_another_process_was_quicker_with_keeps_no_other_from_being_done(world: World) -> None:
    """Each concerns a request of its own."""
    first, second = world.ask("a"), world.ask("b")
    world.tick()
    for key in (first, second):
        record = json.loads((world.values or {})[str(key)])
        vandalise(world, str(key), json.dumps({**record, "saved": False}))
    world.amid("save", world.tick)
    world.tick()
    assert (True, True) == (world.record(first).saved, world.record(second).saved)
    vandalise(world, str(first), json.dumps({**json.loads((world.values or {})[str(first)]), "saved": False}))
    vandalise(world, str(second), json.dumps({**json.loads((world.values or {})[str(second)]), "saved": False}))

    def meddle() -> None:
        record = json.loads((world.values or {})[str(first)])
        vandalise(world, str(first), json.dumps({**record, "reason": "edited by hand"}))

    world.amid("save", meddle)
    world.tick()
    assert (False, True) == (world.record(first).saved, world.record(second).saved)


def test_a_request_that_took_two_posts_is_looked_at_ever_later(world: World) -> None:
    """The looks are counted one by one."""
    key = world.ask("abc")
    world.fail("reply", PostUnknown("Slack did not answer."), times=1)
    world.tick()
    looks = []
    for minutes in (15, 15, 60):
        world.wait(minutes=minutes)
        world.tick()
        looks.append(world.record(key).checked)
    assert [0, 1, 2] == looks


def test_a_message_that_may_have_been_told_is_looked_for_after_the_settle_time(world: World) -> None:
    """And told again only then; what is due is not told once the process is to stop."""
    world.ask("gone")
    world.fail("tell", PostUnknown("Slack did not answer."))
    report = world.tick()
    assert 1 == len(report.untold)
    world.wait(minutes=14)
    world.tick()
    assert [] == world.told()
    world.wait(minutes=1)
    bot = world.bot()
    world.amid("history", bot.stop)
    bot.tick()
    assert [] == world.told()
    world.tick()
    assert 1 == len(world.told())


def test_one_request_at_a_time_is_worked_on_where_it_was_asked_for(world: World) -> None:
    """With several at a time, that many have a thread; one alone needs none."""
    threads: list[threading.Thread] = []
    for at_once, slugs in ((1, ("a", "b")), (4, ("c",))):
        for slug in slugs:
            world.ask(slug)
            world.amid("looker", lambda: threads.append(threading.current_thread()))
        world.tick(rules=replace(RULES, at_once=at_once))
    assert [threading.current_thread()] * 3 == threads


def test_no_more_requests_are_worked_on_at_a_time_than_the_rules_say(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backlog must not open a connection for each."""
    sizes: list[int] = []

    class Pool(futures.ThreadPoolExecutor):
        def __init__(self, size: int) -> None:
            sizes.append(size)
            super().__init__(size)

    monkeypatch.setattr(futures, "ThreadPoolExecutor", Pool)
    for slug in ("a", "b", "c"):
        world.ask(slug)
    world.tick(rules=replace(RULES, at_once=2))
    assert [2] == sizes


def test_only_skipped_links_get_no_reply_one_log_line_and_a_summary(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """While PSMS is off, whatever is not Verify is none of ours."""
    key = world.ask("other")
    with caplog.at_level(logging.INFO, "creditbot"):
        world.tick()
    assert [] == world.replies(key)
    assert [] == world.told()
    assert ["skipped"] == [line["outcome"] for line in fields_of(caplog, "request")]
    assert {"status": "skipped"}.items() <= dict(world.summaries[str(key)]["outcome"]).items()  # type: ignore[call-overload]


def test_a_skipped_link_beside_a_credited_one_is_left_out(world: World) -> None:
    """The rest is credited, as the prototype did."""
    key = world.ask("other", "abc")
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_with_psms_on_sql_of_no_product_fails_the_message(world: World) -> None:
    """No partial total: every link of it counts."""
    key = world.ask("other", "abc")
    world.tick(products=BOTH)
    assert [] == world.replies(key)
    assert 1 == len(world.told())


def test_a_failing_link_means_no_amount_and_one_message_to_the_owner(world: World) -> None:
    """It says where, which link, what happened and what to do; later ticks say nothing more."""
    key = world.ask("abc", "gone")
    for _ in range(3):
        world.tick()
        world.wait(minutes=20)
    assert [] == world.replies(key)
    (text,) = world.told()
    assert f"https://acme.slack.com/archives/C0TEST/p{key.ts.replace('.', '')}" in text
    assert f"https://{HOST}/explore/m/v?qid=gone" in text
    assert "The query gone does not exist. " in text.replace("\n", " ")
    assert "Share the link again." in text
    assert "qid=abc" not in text
    assert "dead" == world.record(key).status
    summary: Any = world.summaries[str(key)]
    assert ["abc", "gone"] == [link["url"].partition("qid=")[2] for link in summary["links"]]
    assert ("qid=gone" in summary["request"]["text"], str(key)) == (True, summary["request"]["key"])


def test_a_total_of_zero_is_told_and_not_posted(world: World) -> None:
    """Nobody approves nothing."""
    world.amounts = {"abc": Decimal("0.00")}
    key = world.ask("abc")
    world.tick()
    assert [] == world.replies(key)
    assert "$0.00" in world.told()[0]


def test_a_zero_beside_an_amount_is_posted(world: World) -> None:
    """The total counts."""
    world.amounts = {"a": Decimal("0.00"), "b": Decimal("7.00")}
    key = world.ask("a", "b")
    world.tick()
    assert ["Approved, $7.00, exceptions"] == world.replies(key)


@pytest.mark.parametrize("slugs", [("big",), ("a", "b")], ids=["one link", "their sum"])
def test_above_max_credit_nothing_is_posted(world: World, slugs: tuple[str, ...]) -> None:
    """MAX_CREDIT_USD holds for each link and for the whole message."""
    world.amounts = {"big": Decimal("1000.01"), "a": Decimal("500.00"), "b": Decimal("500.01")}
    key = world.ask(*slugs)
    world.tick(max_credit=Decimal(1000))
    assert [] == world.replies(key)
    assert "MAX_CREDIT_USD" in world.told()[0]


def passed(world: World, **options: Any) -> list[str]:
    """What a tick does, in order: its effects, and the points it passes between them."""
    world.calls.clear()
    world.tick(at=world.calls.append, **options)
    return world.calls


def around(effect: str, *calls: str, before: str, after: str) -> list[str]:
    return [f"{effect}.before-{before}", *calls, f"{effect}.after-{after}"]


WRITE = around("state", "state-write", before="write", after="write")
HISTORY = ["state-read", *around("history", "history", before="read", after="read")]
THREAD = around("thread", "thread", before="read", after="read")
CLOSE = ["state-read", "load", *around("summary", "save", before="close", after="close"), *WRITE]


def test_a_reply_takes_its_steps_in_order(world: World) -> None:
    """What is done is stored before what follows from it; a test that kills at a point relies on where it is."""
    world.ask("abc")
    assert passed(world) == [
        *HISTORY,
        *WRITE,  # claimed
        *around("looker", "looker", before="read", after="read"),
        *around("notebook", "notebook", before="run", after="run"),
        "state-read",
        *around("summary", "save", before="save", after="save"),
        *WRITE,  # computed
        *THREAD,
        "credited",
        *WRITE,  # posting
        *around("reply", "reply", before="send", after="send"),
        *CLOSE,  # answered
    ]


def test_a_repair_takes_its_steps_in_order(world: World) -> None:
    """The end, with the word that there is something to repair; the owner's message; and then the edit."""
    key = world.ask("abc")
    for _ in range(2):
        world.say(REFERENCE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=Marker("reply", str(key)))
    assert passed(world) == [
        *HISTORY,
        *WRITE,  # claimed
        *THREAD,
        *CLOSE,  # answered
        *WRITE,  # the notice
        *around("reply", "amend", before="amend", after="amend"),
        *WRITE,  # telling
        *around("notice", "tell", before="send", after="send"),
        *WRITE,  # told
    ]


def test_an_answered_request_takes_exactly_four_writes(world: World) -> None:
    """Claimed, computed, posting, answered; nothing else is written for it."""
    world.ask("abc")
    world.tick()
    assert 4 == world.counted()["state-write"]


def test_an_idle_tick_reads_the_state_and_the_history_once_and_writes_nothing() -> None:
    """With answered requests around, and without asking who we are."""
    world = World()
    for slug in ("a", "b", "c"):
        world.ask(slug)
    world.tick()
    world.counted()
    world.wait(minutes=5)
    world.tick()
    assert {"state-read": 1, "history": 1} == world.counted()


def test_a_process_that_sleeps_with_what_it_has_read_covers_nothing_of_its_sleep(world: World) -> None:
    """A laptop that is closed just then for longer than LOOKBACK_HOURS loses no request."""
    asked: list[RequestKey] = []

    def sleep(point: str) -> None:
        if point == "history.after-read" and not asked:
            world.wait(minutes=5)
            asked.append(world.ask("abc"))
            world.wait(hours=80)

    world.wait(hours=2)
    world.tick(at=sleep)
    world.tick()
    assert [REFERENCE] == world.replies(asked[0])


def test_how_far_was_read_is_written_at_most_hourly_by_idle_ticks(world: World) -> None:
    """Twelve ticks an hour, one write."""
    for _ in range(36):
        world.wait(minutes=5)
        world.tick()
    assert 3 == world.counted()["state-write"]


# -- edits, deletions, people ------------------------------------------------------------------------------------------


def test_links_added_after_the_answer_are_told_once_and_never_answered(world: World) -> None:
    """One direct message per edit, however many ticks follow."""
    key = world.ask("abc")
    world.tick()
    world.edit(key, f"<https://{HOST}/x/abc> <https://{HOST}/x/more>")
    for _ in range(3):
        world.wait(minutes=5)
        world.tick()
    assert [REFERENCE] == world.replies(key)
    (text,) = world.told()
    assert "its links were changed" in text
    world.counted()
    world.tick()
    assert 0 == world.counted()["state-write"]


def test_links_added_after_a_persons_answer_are_told_once(world: World) -> None:
    """Whoever answered did not see them."""
    key = world.ask("abc")
    world.say("Approved, $5.00, exceptions", thread_ts=key.ts)
    world.tick()
    world.edit(key, f"<https://{HOST}/x/abc> <https://{HOST}/x/more>")
    for _ in range(3):
        world.wait(minutes=5)
        world.tick()
    assert "elsewhere" == world.record(key).status
    assert 1 == len(world.told())


def test_an_edit_of_the_words_alone_is_nothing_to_tell(world: World) -> None:
    """The links ask for the same."""
    key = world.ask("abc")
    world.tick()
    world.edit(key, f"please! <https://{HOST}/explore/m/v?qid=abc>")
    world.tick()
    assert [] == world.told()


@pytest.mark.parametrize("slug", ["gone", "other"], ids=["dead", "skipped"])
def test_editing_a_request_that_got_no_reply_reopens_it(world: World, slug: str) -> None:
    """It starts anew, with its attempts."""
    key = world.ask(slug)
    world.tick()
    world.edit(key, f"<https://{HOST}/x/abc>")
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_withdrawn_request_whose_links_come_back_is_answered(world: World) -> None:
    """Removing a link and putting it back is two edits."""
    key = world.ask("abc")
    world.fail("looker", Unreachable("Looker", "Looker is down."))
    world.tick()
    world.edit(key, "never mind")
    world.wait(minutes=5)
    world.tick()
    assert "withdrawn" == world.record(key).status
    world.edit(key, f"<https://{HOST}/x/abc>")
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_request_deleted_before_the_reply_ends_as_withdrawn(world: World) -> None:
    """Nothing is posted under a message that is gone."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.delete(key))
    for _ in range(6):
        world.tick()
        world.wait(minutes=5)
    assert ([], [], "withdrawn") == (world.replies(key), world.told(), world.record(key).status)
    record = world.record(key)
    assert (None, "The message, or its Looker links, were deleted.") == (record.claim, record.reason)


def test_a_thread_that_is_shown_as_it_was_before_the_request_is_read_again(world: World) -> None:
    """A young request that is missing there is not taken for deleted: nobody would be told, and nobody answered."""
    key = world.ask("abc")
    world.stale = timedelta(minutes=4)
    world.tick()
    assert ([], "computed") == (world.replies(key), world.record(key).status)
    assert "The thread does not show the request as it is yet. It is read again." == world.record(key).reason
    for _ in range(3):
        world.wait(minutes=3)
        world.tick()
    assert ([REFERENCE], [], 0) == (world.replies(key), world.told(), world.record(key).returned - 2)


def test_a_thread_that_is_shown_as_it_was_before_an_edit_is_read_again(world: World) -> None:
    """The amount is of the links that stand there now."""
    world.amounts["new"] = Decimal("7.00")
    key = world.say("please credit")
    world.wait(minutes=5)
    world.edit(key, f"<https://{HOST}/x/new>")
    world.stale = timedelta(minutes=4)
    for _ in range(4):
        world.tick()
        world.wait(minutes=3)
    assert (["Approved, $7.00, exceptions"], []) == (world.replies(key), world.told())


def test_a_request_edited_between_computing_and_posting_is_computed_anew(world: World) -> None:
    """What is posted is the amount of the links that stand there."""
    world.amounts = {"new": Decimal("7.00")}
    key = world.ask("abc")
    world.amid("notebook", lambda: world.edit(key, f"<https://{HOST}/x/new>"))
    world.tick()
    assert ["Approved, $7.00, exceptions"] == world.replies(key)
    world.tick()
    assert [] == world.told()


@pytest.mark.parametrize(
    "answerer",
    [{"user": "U0BOSS"}, {"user": None, "bot": "B0OLD"}, {"user": BOT_USER, "bot": BOT}],
    ids=["a person", "a previous bot", "us without a marker"],
)
def test_a_request_that_was_answered_before_us_is_recorded_as_answered_elsewhere(
    world: World, answerer: dict[str, str | None]
) -> None:
    """Nothing is computed or posted for it."""
    key = world.ask("abc")
    world.say("Approved, $812.40, exceptions", thread_ts=key.ts, **answerer)
    answer = world.visible()[-1].ts
    world.tick(policy=RequestRules(looker_host(f"https://{HOST}"), previous_bots=frozenset({"B0OLD"})))
    record = world.record(key)
    assert ("elsewhere", answer, None) == (record.status, record.reply, record.claim)
    assert "Answered in the thread." == record.reason
    assert ["Approved, $812.40, exceptions"] == world.replies(key)
    assert [] == world.runs


def test_an_answer_by_a_person_while_we_compute_counts(world: World) -> None:
    """The thread is read once more before posting."""
    key = world.ask("abc")
    answer = "Approved, $1.00, exceptions"
    world.amid("notebook", lambda: world.say(answer, thread_ts=key.ts))
    world.tick()
    assert [answer] == world.replies(key)
    assert "elsewhere" == world.record(key).status


def test_a_marker_of_ours_on_somebody_elses_post_is_told_and_nothing_is_posted(world: World) -> None:
    """Metadata marks, it does not prove."""
    key = world.ask("abc")
    world.say("Approved, $1", "U0EVE", thread_ts=key.ts, bot="B0EVE", marker=Marker("reply", str(key), "c"))
    world.tick()
    assert ["Approved, $1"] == world.replies(key)
    assert (
        "• A reply in the thread carries our marker, but somebody else posted it.\n"
        "  Find out who posted it, and credit by hand.\n"
    ) in world.told()[0]


def test_two_requests_in_one_thread_are_two_requests(world: World) -> None:
    """A reply that is also sent to the channel is answered in the same thread, under its own marker."""
    world.amounts = {"b": Decimal("2.00")}
    first = world.ask("a")
    second = world.ask("b", thread_ts=first.ts, subtype="thread_broadcast")
    plain = world.ask("c", thread_ts=first.ts)
    world.tick()
    replies = [m.marker.key for m in world.visible() if m.marker]
    assert [str(first), str(second)] == replies
    assert first.ts == world.record(second).thread
    assert str(plain) not in world.state().records


def test_where_the_thread_does_not_decide_nothing_is_posted_and_the_owner_is_told(world: World) -> None:
    """Two answers after the second of two requests may be meant for either."""
    first = world.ask("a")
    second = world.ask("b", thread_ts=first.ts, subtype="thread_broadcast")
    for amount in ("$1", "$2"):
        world.say(f"Approved, {amount}", thread_ts=first.ts)
    world.tick()
    assert ("dead", "elsewhere") == (world.record(first).status, world.record(second).status)
    (text,) = world.told()
    assert (
        "• A later request in its thread has several answers, and one of them may be meant for this one.\n"
        "  Look at the thread and credit by hand.\n"
    ) in text


# -- the window --------------------------------------------------------------------------------------------------------


def test_a_weekends_suspension_loses_nothing(world: World) -> None:
    """Reading starts an hour before what was covered, however long ago that is."""
    world.wait(minutes=1)
    key = world.ask("abc")
    world.wait(days=5)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_request_that_came_while_a_tick_worked_is_read_after_a_suspension(world: World) -> None:
    """What is covered ends where reading ended, not where the tick ended."""
    world.ask("abc")
    late: list[RequestKey] = []

    def take_long() -> None:
        world.wait(minutes=1)
        late.append(world.ask("late"))
        world.wait(hours=3)

    world.wait(hours=2)
    world.amid("looker", take_long)
    world.tick(rules=replace(RULES, lookback=timedelta(hours=1)))
    world.wait(days=2)
    world.tick(rules=replace(RULES, lookback=timedelta(hours=1)))
    assert [REFERENCE] == world.replies(late[0])


def test_messages_before_the_window_of_a_first_tick_are_not_answered() -> None:
    """LOOKBACK_HOURS says how far back a new bot looks."""
    world = World()
    old = world.ask("old")
    world.wait(hours=73)
    new = world.ask("new")
    world.tick()
    assert ([], [REFERENCE]) == (world.replies(old), world.replies(new))


@pytest.mark.parametrize("hours", [-1, 1], ids=["behind", "ahead"])
def test_an_hour_of_clock_skew_changes_nothing(hours: int) -> None:
    """The local clock only says, less a day, where reading starts; what is read is cut by Slack's."""
    world = World()
    inside, outside = world, timedelta(hours=71, minutes=59)
    outside_key = inside.ask("out")
    world.wait(minutes=2)
    key = inside.ask("in")
    world.now = START + outside + timedelta(minutes=2)
    world.tick(skew=timedelta(hours=hours))
    assert ([], [REFERENCE]) == (world.replies(outside_key), world.replies(key))


def test_an_unfinished_request_is_driven_from_the_state_whatever_its_age(world: World) -> None:
    """It is worked on although no history shows it any more."""
    key = world.ask("abc")
    for _ in range(400):
        world.fail("looker", Unreachable("Looker", "Looker is down."))
    world.tick()
    world.now += timedelta(hours=71)
    world.tick()
    world.faults.clear()
    world.now += timedelta(hours=5)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_forgotten_request_is_not_begun_again(world: World) -> None:
    """Neither by an edit nor because it is read again: only `creditbot retry` starts it."""
    key = world.ask("abc")
    world.tick()
    world.wait(hours=80)
    world.ask("def")
    world.tick()
    world.ask("ghi")
    world.tick()
    assert str(key) not in world.state().records
    forgotten = world.state().meta.forgotten_before
    assert forgotten
    world.edit(key, f"<https://{HOST}/x/more>")
    world.tick(rules=replace(RULES, lookback=timedelta(hours=200)))
    assert [REFERENCE] == world.replies(key)


def test_the_size_of_the_state_does_not_grow_with_what_was_answered(world: World) -> None:
    """Ended requests older than the window are pruned with the next write; their summaries stay."""
    sizes = []
    for day in range(12):
        for number in range(5):
            world.ask(f"q{day}x{number}")
        world.tick()
        world.wait(days=1)
        sizes.append(world.state().size)
    assert max(sizes[4:8]) >= max(sizes[8:]) - 50
    assert 60 == len(world.summaries)
    assert len(world.state().records) <= 20


# -- a damaged or lost state -------------------------------------------------------------------------------------------


def lose(world: World) -> None:
    world.values = {}
    world.version += 1


def vandalise(world: World, key: str, value: str) -> None:
    assert world.values
    world.values[key] = value
    world.version += 1


@pytest.mark.parametrize("kept", ["summaries", "threads"])
def test_with_the_state_lost_older_requests_wait_for_the_settle_time_and_nothing_is_answered_twice(
    kept: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a summary or a thread shows that we were here before, a post of ours may not be visible yet."""
    world = World(lateness=timedelta(minutes=10))
    seen = world.ask("seen")
    world.tick()
    world.wait(minutes=11)
    unseen = world.ask("unseen")
    world.tick()
    lose(world)
    if kept == "threads":
        world.summaries.clear()
    until = world.now + timedelta(minutes=15)
    with caplog.at_level(logging.INFO, "creditbot"):
        assert 2 == world.tick().waiting
    assert until == world.state().meta.hold_until
    fresh = world.ask("fresh")
    for _ in range(9):
        world.wait(minutes=4)
        world.tick()
    assert [[REFERENCE]] * 3 == [world.replies(key) for key in (seen, unseen, fresh)]
    assert [{"reason": world.told()[0].partition(" Older")[0], "until": until}] == fields_of(caplog, "hold")
    (text,) = world.told()
    shown = "there are summaries of requests in the channel" if kept == "summaries" else "threads in the channel show"
    assert text.startswith(f"The state is empty, although {shown}")


def test_with_the_state_lost_the_only_reply_ever_is_waited_for_before_anybody_sees_it() -> None:
    """Its thread shows nothing yet; its summary does."""
    world = World(lateness=timedelta(minutes=10))
    key = world.ask("abc")
    world.tick()
    lose(world)
    for _ in range(6):
        world.tick()
        world.wait(minutes=4)
    assert ([REFERENCE], "answered") == (world.replies(key), world.record(key).status)


def test_a_new_state_does_not_wait_for_what_other_summaries_tell_of() -> None:
    """Of requests that are read no more, and of other channels, in whatever state they are."""
    world = World()
    key = world.ask("abc")
    other = RequestKey(TEAM, "C0OTHER", ts_of(world.now))
    world.summaries[str(other)] = {"credited": []}
    world.tick()
    assert ([REFERENCE], []) == (world.replies(key), world.told())


def test_a_summary_that_cannot_be_read_tells_of_a_lost_state_too() -> None:
    """It is there; who would have written it?"""
    world = World()
    world.ask("abc")
    world.fail("load", Refused("the summary store", "The summary is not JSON any more."))
    assert 1 == world.tick().waiting
    assert "there are summaries of requests" in world.told()[0]


@pytest.mark.parametrize(("may_read", "times"), [(True, 1), (False, 2)], ids=["im:history", "without"])
def test_with_the_state_lost_a_failure_that_was_told_is_not_told_again(
    world: World, *, may_read: bool, times: int
) -> None:
    """The conversation shows it, also that of an edit; without im:history the state alone knows."""
    world.can_read_direct = may_read
    key = world.ask("gone")
    edited = world.ask("gone")
    world.tick()
    world.wait(minutes=1)
    world.edit(edited, f"<https://{HOST}/x/gone> now?")
    world.tick()
    assert 3 == len(world.told())
    lose(world)
    world.tick()
    world.wait(minutes=15)
    world.tick()
    assert ["dead", "dead"] == [world.record(k).status for k in (key, edited)]
    assert {"told"} == {notice.status for notice in world.state().notices.values()}
    assert 3 + 1 + 2 * (times - 1) == len(world.told())  # 1: that the state was lost


def test_what_is_told_of_a_loss_is_due_from_then_on(world: World) -> None:
    """With its time, as any other message: they are told in order."""
    world.values, world.damage = {}, "The file was nonsense."
    world.kill("state.after-write")
    (notice,) = world.state().notices.values()
    assert ("due", world.now) == (notice.status, notice.at)


def test_the_hold_survives_a_tick_that_dies_after_storing_it() -> None:
    """It is stored with the message about it, in one write; the next tick neither repeats nor forgets it."""
    world = World(lateness=timedelta(minutes=10))
    world.ask("seen")
    world.tick()
    world.wait(minutes=11)
    unseen = world.ask("unseen")
    world.tick()
    lose(world)

    world.kill("state.after-write")
    for _ in range(6):
        world.wait(minutes=4)
        world.tick()
    assert [REFERENCE] == world.replies(unseen)
    assert 1 == len(world.told())


def test_beside_a_prototypes_list_a_lost_meta_is_noticed_all_the_same() -> None:
    """Where there are records, we were here."""
    world = World(values={DONE: json.dumps(["1.000000"])}, lateness=timedelta(minutes=10))
    world.ask("abc")
    world.tick()
    assert [] == world.told()
    assert world.values
    del world.values["meta"]
    world.version += 1
    world.tick()
    assert world.state().meta.hold_until


def test_what_a_store_finds_broken_is_told_and_held_like_any_loss(world: World) -> None:
    """A file of nonsense was moved aside by its store, which begins anew."""
    world.wait(minutes=1)
    key = world.ask("abc")
    world.values, world.damage = {}, "The file was nonsense."
    assert 1 == world.tick().waiting
    until = f"{world.now + RULES.settle:%H:%M}"
    (text,) = world.told()
    assert text == (
        f"The file was nonsense. Older requests wait until {until} UTC; then their threads are read, so that nothing "
        "is answered twice. Find out what happened to the state."
    )
    world.wait(minutes=15)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_a_reply_in_the_thread_of_a_broadcast_tells_of_a_lost_state() -> None:
    """Slack counts no replies on a broadcast; its thread is read all the same."""
    world = World(lateness=timedelta(minutes=10))
    top = world.say("morning")
    first = world.ask("abc", thread_ts=top.ts, subtype="thread_broadcast")
    world.tick()
    world.wait(minutes=11)
    second = world.ask("def", thread_ts=top.ts, subtype="thread_broadcast")
    world.tick()
    lose(world)
    world.summaries.clear()
    for _ in range(6):
        world.tick()
        world.wait(minutes=4)
    keys = [m.marker.key for m in world.visible() if m.marker]
    assert [str(first), str(second)] == keys


def test_a_broadcast_that_was_answered_before_a_state_was_lost_keeps_its_summary() -> None:
    """It is not computed anew with other links: its thread is read before, although Slack counts no replies on it."""
    world = World()
    top = world.say("morning")
    key = world.ask("abc", thread_ts=top.ts, subtype="thread_broadcast")
    world.tick()
    before = world.summaries[str(key)]
    world.edit(key, f"<https://{HOST}/x/def>")
    lose(world)
    for _ in range(5):
        world.tick()
        world.wait(minutes=4)
    assert ("answered", ["abc"], before) == (world.record(key).status, world.runs, world.summaries[str(key)])


@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_two_processes_that_find_the_state_damaged_hold_once(harm: str) -> None:
    """The owner is told once, and the hold is not prolonged by whoever comes second."""
    world = World()
    key = world.ask("abc")
    world.tick()
    world.wait(minutes=1)
    if harm == "lost":
        lose(world)
    else:
        vandalise(world, str(key), "?")

    def quicker() -> None:
        world.tick()
        world.wait(minutes=1)

    world.amid("history", quicker)
    world.tick()
    assert 1 == len(world.told())
    for _ in range(4):
        world.wait(minutes=6)
        world.tick()
    assert ([REFERENCE], "answered") == (world.replies(key), world.record(key).status)


def test_a_new_bot_in_a_channel_that_people_answered_does_not_wait() -> None:
    """Nothing of ours stands there."""
    world = World()
    answered = world.ask("a")
    world.say("Approved, $1", thread_ts=answered.ts)
    key = world.ask("b")
    world.tick()
    assert [REFERENCE] == world.replies(key)
    assert [] == world.told()


def test_a_state_lost_while_a_tick_works_stops_that_tick_and_is_seen_by_the_next(world: World) -> None:
    """Nothing of the old tick is written on top of the loss, which would hide it."""
    done = world.ask("done")
    world.tick()
    world.ask("a")
    world.ask("b")
    world.amid("notebook", lambda: lose(world))
    report = world.tick()
    assert not report.ok
    assert "lost" in report.errors[0]
    assert {} == world.values
    assert 3 == world.tick().waiting
    assert [REFERENCE] == world.replies(done)


def test_a_record_edited_into_nonsense_is_set_aside_and_held_back(world: World) -> None:
    """A reply that is on its way is found before the request is answered anew; the owner hears of it."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=10)
    world.tick()
    vandalise(world, str(key), "{nonsense")
    assert 1 == world.tick().waiting
    assert world.values
    assert "{nonsense" == json.loads(world.values["corrupt"])[str(key)]
    for _ in range(6):
        world.wait(minutes=4)
        world.tick()
    assert world.told()[0].startswith(f"Unreadable in the state, and kept in its key `corrupt`: {key}. Older")
    assert [REFERENCE] == world.replies(key)
    assert "answered" == world.record(key).status


def test_meta_edited_into_nonsense_in_a_suspension_loses_nothing(world: World) -> None:
    """How far was read is known by the oldest request that the state still holds."""
    for slug in ("a", "b"):
        world.ask(slug)
        world.tick()
        world.wait(minutes=50)
    key = world.ask("abc")
    world.wait(days=5)
    vandalise(world, "meta", "nonsense")
    world.kill("state.after-write")
    for _ in range(5):
        world.wait(minutes=4)
        world.tick()
    assert [REFERENCE] == world.replies(key)


def test_meta_and_window_edited_into_nonsense_are_like_those_of_a_new_state(world: World) -> None:
    """Nothing says how far was read: LOOKBACK_HOURS do."""
    vandalise(world, "meta", "nonsense")
    vandalise(world, "window", "nonsense")
    world.wait(minutes=1)
    key = world.ask("abc")
    for _ in range(5):
        world.tick()
        world.wait(minutes=4)
    assert [REFERENCE] == world.replies(key)
    assert world.values
    assert {"meta": "nonsense", "window": "nonsense"} == json.loads(world.values["corrupt"])
    assert {"schema", "covered_until"} == json.loads(world.values["window"]).keys()


@pytest.mark.parametrize("harm", ["nonsense", "missing"])
def test_a_meta_that_is_gone_brings_nothing_back_that_was_forgotten(world: World, harm: str) -> None:
    """Neither just before the oldest request that the state holds, nor beside one that is much older."""
    old = world.ask("gone")
    world.tick()
    forgotten = []
    for _ in range(80):
        world.wait(hours=1)
        forgotten.append(world.ask("gone"))
        world.tick()
    world.retry(old)
    world.fail("looker", Unreachable("Looker", "Looker is down."), times=99)
    world.tick()
    assert "failed" == world.record(old).status
    known = set(world.state().records)
    assert {str(key) for key in forgotten[:5]}.isdisjoint(known)
    assert world.values
    if harm == "missing":
        del world.values["meta"]
    else:
        world.values["meta"] = "nonsense"
    world.version += 1
    for _ in range(5):
        world.tick()
        world.wait(minutes=4)
    assert set(world.state().records) <= known


def test_an_unfinished_request_older_than_the_window_is_gone_on_with_when_its_record_is_nonsense(world: World) -> None:
    """Its key says which it is, and its thread the rest."""
    key = world.ask("abc")
    world.wait(hours=100)
    world.fail("looker", Unreachable("Looker", "Looker is down."))
    world.tick()
    vandalise(world, str(key), "{nonsense")
    for _ in range(3):
        world.tick()
        world.wait(minutes=15)
    assert ([REFERENCE], "answered") == (world.replies(key), world.record(key).status)


@pytest.mark.parametrize(("number", "more"), [(5, ""), (6, " and 1 more"), (7, " and 2 more")])
def test_of_many_values_edited_into_nonsense_the_first_are_named(world: World, number: int, more: str) -> None:
    """The others are in `corrupt`, too."""
    keys = sorted(str(world.ask("abc")) for _ in range(number))
    for key in keys:
        vandalise(world, key, "?")
    world.tick()
    assert world.told()[0].startswith(
        f"Unreadable in the state, and kept in its key `corrupt`: {', '.join(keys[:5])}{more}. Older"
    )


def test_a_record_set_aside_in_a_full_state_is_begun_anew_all_the_same(world: World) -> None:
    """The room that its text took is what `corrupt` takes."""
    key = world.ask("abc")
    world.tick()
    vandalise(world, str(key), "?" * 1000)
    world.tick(budget=1000)
    assert ("seen", {}) == (world.record(key).status, world.state().broken)


def test_a_request_of_which_nothing_is_known_but_its_ts_is_read_in_its_own_thread(world: World) -> None:
    """A broadcast: its answer stands in the thread of another message."""
    top = world.say("morning")
    key = world.ask("abc", thread_ts=top.ts, subtype="thread_broadcast")
    world.kill("looker.before-read")
    world.say("Approved, $1.00", thread_ts=top.ts)
    vandalise(world, str(key), "?")
    rules = replace(RULES, lookback=timedelta(hours=1), settle=timedelta(hours=5))
    for _ in range(6):
        world.tick(rules=rules)
        world.wait(hours=1, minutes=1)
    assert ("elsewhere", []) == (world.record(key).status, world.runs)


def test_a_thread_that_is_known_is_read_at_once(world: World) -> None:
    """Also that of a broadcast: once before it is computed, and once before the reply."""
    top = world.say("morning")
    world.ask("abc", thread_ts=top.ts, subtype="thread_broadcast")
    world.tick()
    assert 2 == world.counted()["thread"]


def test_meta_edited_into_nonsense_while_a_tick_works_is_not_written_over(world: World) -> None:
    """Not even by a write that forgets something."""
    world.ask("abc")
    world.tick()
    world.wait(hours=70)
    world.tick()
    world.wait(hours=4)
    world.ask("def")
    world.amid("history", lambda: vandalise(world, "meta", "{nonsense"))
    world.tick()
    world.tick()
    assert world.values
    assert "{nonsense" == json.loads(world.values["corrupt"])["meta"]


def test_a_reply_that_lands_while_the_first_tick_after_a_hold_reads_is_seen(world: World) -> None:
    """What the channel says of replies is from before: the thread is looked at before anything is computed anew."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=14, seconds=50)
    world.kill("reply.after-send")
    world.lateness = timedelta(0)
    lose(world)
    world.tick()
    before = world.summaries[str(key)]["links"]
    world.amounts["abc"] = Decimal("250.00")
    hold = world.state().meta.hold_until
    assert hold
    world.now = hold - timedelta(seconds=30)
    world.amid("history", lambda: world.wait(seconds=31))
    world.tick()
    assert ("answered", ["abc"]) == (world.record(key).status, world.runs)
    assert before == world.summaries[str(key)]["links"]


def test_a_posting_that_no_tick_comes_to_an_end_with_keeps_nobody_waiting(world: World) -> None:
    """It may be what kills them."""
    key = world.ask("abc")
    world.kill("reply.before-send")
    world.wait(minutes=46)
    other = world.ask("other1", "def")
    reads = 0

    def at(point: str) -> None:
        nonlocal reads
        reads += point == "thread.before-read"
        if reads == 2:  # the other one's look comes first
            raise Killed

    with pytest.raises(Killed):
        world.tick(at=at)
    assert ([REFERENCE], "posting") == (world.replies(other), world.record(key).status)
    unknown = f"Whether my reply to {world.address(key)} arrived is not known: No tick has come to an end with it yet. "
    assert [unknown] == [text[: len(unknown)] for text in world.told()]
    world.kill("thread.before-read")
    world.tick()
    assert ("answered", 1) == (world.record(key).status, len(world.told()))


def test_while_a_part_of_the_state_is_nonsense_nothing_is_posted(world: World) -> None:
    """A tick that is under way when somebody edits the state does not post on top of it."""
    other = world.ask("a")
    world.tick()
    key = world.ask("b")

    world.amid("thread", lambda: vandalise(world, str(other), "?"))
    world.tick()
    assert [] == world.replies(key)
    for _ in range(12):
        world.wait(minutes=5)
        world.tick()
    assert [REFERENCE] == world.replies(key)
    assert [REFERENCE] == world.replies(other)


def test_meta_edited_into_nonsense_mid_tick_is_left_for_the_next_tick(world: World) -> None:
    """The end of the tick does not write over it."""
    world.wait(hours=2)
    world.ask("a")

    world.amid("looker", lambda: vandalise(world, "meta", "?"))
    world.tick()
    assert world.values
    assert "?" == world.values["meta"]
    world.tick()
    assert "?" == json.loads(world.values["corrupt"])["meta"]


def test_a_record_that_can_be_read_but_makes_no_sense_stops_nothing_else(world: World) -> None:
    """One computed to nothing is computed anew; one posted with nothing stays, and the owner is told; others go on."""
    odd, doubtful = world.ask("a"), world.ask("b")
    at = (world.now - timedelta(hours=1)).isoformat()
    for key, status in ((odd, "computed"), (doubtful, "posting")):
        vandalise(world, str(key), json.dumps({"status": status, "nonce": "by-hand", "at": at}))
    good = world.ask("c")
    for _ in range(12):
        world.tick()
        world.wait(minutes=20)
    assert [[REFERENCE], [REFERENCE], []] == [world.replies(key) for key in (good, odd, doubtful)]
    assert "posting" == world.record(doubtful).status
    assert 1 == len(world.told())


def test_a_store_that_does_not_exist_stops_the_tick(world: World) -> None:
    """Never taken as empty."""
    world.ask("abc")
    world.values = None
    with pytest.raises(StateUnusable):
        world.tick()


def test_a_prototypes_messages_count_as_done() -> None:
    """They are neither worked on nor a reason to wait."""
    world = World()
    old = world.ask("old")
    world.say("Approved, $1.00, exceptions", BOT_USER, thread_ts=old.ts, bot=BOT)
    silent = world.ask("silent")
    new = world.ask("new")
    world.values = {DONE: json.dumps([old.ts, silent.ts])}
    world.tick()
    assert [1, 0, 1] == [len(world.replies(key)) for key in (old, silent, new)]
    assert [] == world.told()


def test_at_its_budget_the_state_takes_no_new_request_and_the_owner_hears() -> None:
    """Nothing is posted; what is under way may end."""
    world = World()
    world.tick()
    key = world.ask("abc")
    report = world.tick(budget=world.state().size + 100)
    assert [] == world.replies(key)
    assert "at its limit" in world.told()[0]
    assert "at its limit" in report.errors[0]
    world.tick()
    assert [REFERENCE] == world.replies(key)
    world.ask("def")
    world.tick(budget=100)
    assert 2 == len(world.told())


def test_at_its_budget_nothing_goes_to_posting() -> None:
    """What was claimed while there was room waits for room again."""
    probe, sizes = World(), []
    probe.tick()
    probe.ask("abc")
    probe.tick(at=lambda point: sizes.append(probe.state().size) if point == "state.after-write" else None)
    world = World()
    world.tick()
    key = world.ask("abc")
    world.tick(budget=sizes[1])
    assert ([], "computed") == (world.replies(key), world.record(key).status)
    world.wait(minutes=31)
    world.tick()
    assert [REFERENCE] == world.replies(key)


def test_ten_thousand_requests_in_the_history_are_gone_through_once() -> None:
    """The agenda of a full window is made without asking Slack or the store about each."""
    world = World()
    keys = [world.ask(f"q{n}") for n in range(10_000)]
    world.values = {DONE: json.dumps([key.ts for key in keys])}
    key = world.ask("abc")
    world.tick()
    assert [REFERENCE] == world.replies(key)
    assert 1 == world.counted()["history"]


def test_ten_thousand_requests_that_were_ever_answered_cost_a_tick_nothing() -> None:
    """An idle one, and one with a request: the state has forgotten them, and their summaries are not gone through."""

    def work(world: World) -> tuple[Counter[str], Counter[str], int]:
        world.tick()
        world.wait(minutes=5)
        world.counted()
        world.tick()
        idle = world.counted()
        world.ask("abc")
        world.tick()
        return idle, world.counted(), world.state().size

    young, old = World(), World()
    for number in range(10_000):
        key = RequestKey("T0TEST", "C0TEST", f"{1_600_000_000 + number}.000001")
        old.summaries[str(key)] = {"credited": [f"{number:064x}"], "outcome": {"status": "answered"}}
    assert work(young) == work(old)


# -- stopping, reporting -----------------------------------------------------------------------------------------------


def test_after_sigterm_no_new_request_is_taken_and_the_one_at_hand_is_finished(world: World) -> None:
    """The next tick takes the others."""
    first, second = world.ask("a"), world.ask("b")
    bot = world.bot()

    world.amid("notebook", bot.stop)
    bot.tick()
    assert ([REFERENCE], []) == (world.replies(first), world.replies(second))
    assert str(second) not in world.state().records
    world.tick()
    assert [REFERENCE] == world.replies(second)


def test_who_is_to_stop_begins_nothing_for_requests_that_have_ended_either(world: World) -> None:
    """The missing summary of an end is for the next tick."""
    key = world.ask("abc")
    world.tick()
    record = json.loads((world.values or {})[str(key)])
    vandalise(world, str(key), json.dumps({**record, "saved": False}))
    bot = world.bot()
    world.amid("history", bot.stop)
    world.counted()
    bot.tick()
    assert (0, False) == (world.counted()["save"], world.record(key).saved)
    world.tick()
    assert world.record(key).saved


def test_requests_that_may_have_killed_their_process_are_worked_on_one_by_one(world: World) -> None:
    """So that one which does takes no other with it."""
    first, second = world.ask("a"), world.ask("b")
    for _ in (first, second):
        world.kill("looker.before-read")
    world.wait(minutes=31)
    world.kill("notebook.before-run", rules=replace(RULES, at_once=4))
    assert [2, 1] == [world.record(key).attempts for key in (first, second)]
    world.tick(rules=replace(RULES, at_once=4))
    assert [REFERENCE] == world.replies(second)


def test_a_first_tick_that_is_to_stop_ends_cleanly() -> None:
    """It does not even log in to Looker, which would be refused."""
    world = World()
    bot = world.bot()
    world.amid("auth", bot.stop)
    assert bot.tick().ok
    assert 0 == world.counted()["login"]


def test_several_requests_are_worked_on_at_a_time(world: World) -> None:
    """One that waits does not keep the others waiting."""
    first, second = world.ask("slow"), world.ask("quick")
    answered = threading.Event()

    waited: list[bool] = []
    world.amid("looker", lambda: waited.append(answered.wait(10)))
    world.amid("reply", answered.set)
    world.tick(rules=replace(RULES, at_once=2))
    assert [True] == waited
    assert [[REFERENCE]] * 2 == [world.replies(key) for key in (first, second)]


def test_a_store_that_fails_in_the_middle_is_reported(world: World) -> None:
    """Nobody could be told: the tick says that it failed."""
    world.ask("abc")
    world.fail("state-write", Unreachable("the state store", "No API."), times=9)
    report = world.tick()
    assert not report.ok
    assert ["No API."] == report.errors[:1]


def test_what_the_owner_could_not_be_told_fails_the_tick(world: World) -> None:
    """If even that fails, the exit code says so."""
    world.ask("gone")
    world.fail("tell", LinkUnusable("The owner is gone."))
    report = world.tick()
    assert not report.ok
    assert "I could not answer" in report.untold[0]


def test_a_request_of_slack_that_fails_at_the_start_does_nothing(world: World) -> None:
    """The tick ends with the sentence."""
    world.ask("abc")
    world.fail("history", Unreachable("Slack", "Slack is down."))
    with pytest.raises(Unreachable, match="Slack is down"):
        world.tick()
    assert 0 == world.counted()["state-write"]


def test_two_of_our_markers_in_a_thread_are_repaired_when_they_are_seen() -> None:
    """The later one is edited to say that it repeats the answer; the owner is told once."""
    world = World()
    world.tick()
    key = world.ask("abc")
    for _ in range(2):
        world.say(REFERENCE, BOT_USER, thread_ts=key.ts, bot=BOT, marker=Marker("reply", str(key), "c"))
    for _ in range(3):
        world.tick()
        world.wait(minutes=20)
    assert [REFERENCE, REPEATS] == world.replies(key)
    assert 1 == len(world.told())


def test_a_record_says_how_it_went(world: World) -> None:
    """What the state holds of an answered request."""
    key = world.ask("abc")
    world.step = timedelta(seconds=1)
    world.tick()
    record = world.record(key)
    assert isinstance(record, Record)
    assert ("answered", 1, 1, True, None) == (record.status, record.attempts, record.posts, record.saved, record.claim)
    assert record.seconds > 5
    assert record.result
    assert Decimal("4948.80") == record.result.amount
    assert record.reply in [m.ts for m in world.visible()]


def test_many_requests_at_a_time_are_answered_once_each(world: World) -> None:
    """Threads of one process share its view of the state; the same SQL is still credited once."""
    keys = [world.ask(f"q{n % 6}") for n in range(12)]
    world.tick(rules=replace(RULES, at_once=4))
    assert [1] * 6 + [0] * 6 == sorted((len(world.replies(key)) for key in keys), reverse=True)
    assert 6 == len(world.told())
