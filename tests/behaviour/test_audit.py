"""The audit finds every kind of tampering, says what it is and of which request, and reports nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.decide.policy import Band, Policy
from creditbot.errors import Unreachable
from creditbot.evidence.log import read_entry
from creditbot.insight.audit import Audit, audit
from creditbot.insight.audit_findings import Kind
from creditbot.insight.audit_reading import AuditReader, Sources
from creditbot.intake.thread import REPEATS
from creditbot.model import RequestKey
from creditbot.state.codec import LOG
from tests.support import tampering as do
from tests.support.points import Point
from tests.support.tampering import Deed, Past, new_past
from tests.support.world import World
from tests.support.world_facts import BOT, BOT_USER, CHANNEL, RULES, TEAM, ruled

K = Kind
ONE, NINE, MORE = Decimal("1.00"), Decimal("9.00"), Decimal("51.00")
STOLEN = RequestKey(TEAM, CHANNEL, "1767873600.999999")
"""A request that nobody ever made."""


@dataclass(frozen=True)
class Tampering:
    """What somebody does, and what the audit says then.

    Attributes:
        name: in words.
        deed: what is done to a history.
        finds: every kind that is found, and no other one.
        about: the field of `Past` with the request that all findings are about; "" if none is about a request.
    """

    name: str
    deed: Deed
    finds: set[Kind]
    about: str = ""


def on(deed: Callable[..., object], of: str, *arguments: Any, **options: Any) -> Deed:
    """Does it to one of the requests."""
    return lambda past: deed(past, getattr(past, of), *arguments, **options)


def _unlogged_record(past: Past) -> None:
    """An end that the state alone knows."""
    assert past.world.values
    past.world.values[str(STOLEN)] = past.world.values[str(past.plain)]


def _unlogged_summary(past: Past) -> None:
    """An end that a summary alone knows."""
    past.world.summaries[str(STOLEN)] = past.world.summary(past.last)
    past.world.saved[str(STOLEN)] = past.world.now


def _summary_and_state(past: Past) -> None:
    do.edit_summary(past, past.plain, "credit_amount", MORE)
    do.edit_state(past, past.plain, "result.amount", str(MORE))


def _added_everywhere(past: Past) -> None:
    """Somebody logs the first end a second time, everywhere but in Slack."""
    past.world.log[len(past.world.log)] = past.world.log[0]
    do.rebuild(past)


def _checkpoint(old: str, new: str) -> Deed:
    """Edits the file of the first checkpoint. A root of 43 characters ends with "="."""

    def edit(past: Past) -> None:
        changed = past.world.checkpoints[1].replace(old, new, 1)
        past.world.checkpoints[1] = changed if new != "A=" else changed[:-46] + changed[-45:]

    return edit


def _cut_tail(past: Past, count: int) -> None:
    for number in sorted(past.world.log)[-count:]:
        del past.world.log[number]


def _cut_tail_and_state(past: Past) -> None:
    """The last two ends, in every file and in the state."""
    do.forget(past, past.last)
    do.forget(past, past.twice)


def _unapproved(past: Past) -> None:
    """The newest entries, which no reply vouches for yet: the approval is made to look like a no."""
    do.rewrite(past, past.twice, {"outcome.approval.votes.0.vote": "no"})


def _approved_by_somebody(past: Past) -> None:
    """The name of an approver is replaced by that of a person whom the policy does not name."""
    do.rewrite(past, past.twice, {"outcome.approval.votes.0.by": "U0EVE"})


def _no_pointer(past: Past) -> None:
    past.world.pointers = {pointer for pointer in past.world.pointers if pointer[1] != past.plain}


def _forked(past: Past) -> None:
    """The reply in the middle vouches for another history than the ones before and after it."""
    text = next(m.marker.checkpoint for m in past.world.posted()[str(past.twice)] if m.marker)
    origin, size, _ = text.splitlines()
    do.change_marker(past, past.twice, checkpoint=f"{origin}\n{size}\n{'A' * 43}=\n")


def _other_page(past: Past) -> None:
    past.world.pages[str(past.plain)] = past.world.pages[str(past.large)]


def _page(change: Callable[[str], str]) -> Deed:
    def edit(past: Past) -> None:
        before = past.world.pages[str(past.plain)]
        past.world.pages[str(past.plain)] = change(before)
        assert before != past.world.pages[str(past.plain)]

    return edit


def _other_head(past: Past) -> None:
    assert past.world.values
    head = json.loads(past.world.values[LOG])
    past.world.vandalise(LOG, json.dumps(do.edit(head, "peaks.0", "0" * 64)))


def _later(past: Past, entry: int, **offset: float) -> str:
    logged = read_entry(past.world.log[entry]).logged + timedelta(**offset)
    return logged.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clock_back(past: Past) -> None:
    """The newest entry, and all that the bucket and the state say of it: logged a day earlier."""
    number = past.number(past.last)
    do.edit_entry(past, number, "logged", _later(past, number, days=-1))
    do.rebuild(past)


def _clock_ahead(past: Past) -> None:
    number = past.number(past.last)
    do.edit_entry(past, number, "logged", _later(past, number, days=1))
    do.rebuild(past)


TAMPERINGS = (
    # summaries
    Tampering("digit in a summary", on(do.edit_summary, "plain", "credit_amount", MORE), {K.SUMMARY_CHANGED}, "plain"),
    Tampering("credit of a link", on(do.edit_summary, "plain", "links.0.credit", MORE), {K.SUMMARY_CHANGED}, "plain"),
    Tampering("SQL of a link", on(do.edit_summary, "plain", "links.0.sql", "SELECT 2"), {K.SUMMARY_CHANGED}, "plain"),
    Tampering("traffic of a link", on(do.edit_summary, "twice", "links.0.footprint.accounts", ["AC9"]),
              {K.SUMMARY_CHANGED}, "twice"),
    Tampering("links removed", on(do.edit_summary, "plain", "links", []), {K.SUMMARY_CHANGED}, "plain"),
    Tampering("status in a summary", on(do.edit_summary, "plain", "outcome.status", "denied"),
              {K.SUMMARY_CHANGED}, "plain"),
    Tampering("what is found by its SQL", on(do.edit_summary, "plain", "credited", []), {K.SUMMARY_CHANGED}, "plain"),
    Tampering("vote turned", on(do.edit_summary, "large", "outcome.approval.votes.0.vote", "no"),
              {K.SUMMARY_CHANGED}, "large"),
    Tampering("approval removed", on(do.edit_summary, "large", "outcome.approval", ...), {K.SUMMARY_CHANGED}, "large"),
    Tampering("other approver", on(do.edit_summary, "large", "outcome.approval.votes.0.by", "U0EVE"),
              {K.PERSON_CHANGED}, "large"),
    Tampering("other author", on(do.edit_summary, "plain", "request.author", "U0EVE"), {K.PERSON_CHANGED}, "plain"),
    Tampering("other words", on(do.edit_summary, "plain", "request.text", "hello"), {K.PERSON_CHANGED}, "plain"),
    Tampering("other salt", on(do.edit_summary, "plain", "salts", {}),
              {K.PERSON_CHANGED}, "plain"),
    Tampering("who answered instead", on(do.edit_summary, "elsewhere", "outcome.answer_by", "U0EVE"),
              {K.PERSON_CHANGED}, "elsewhere"),
    Tampering("summary removed", lambda p: p.world.summaries.pop(str(p.plain)), {K.SUMMARY_MISSING}, "plain"),
    Tampering("summary spoilt", on(do.spoil_summary, "plain"),
              {K.SUMMARY_UNREADABLE}, "plain"),
    Tampering("another request's summary", lambda p: p.world.summaries.update({str(p.plain): p.world.summary(p.large)}),
              {K.SUMMARY_CHANGED, K.PERSON_CHANGED, K.PAGE_CHANGED}, "plain"),
    Tampering("summary that no entry knows", _unlogged_summary, {K.NOT_LOGGED}),
    # pages
    Tampering("amount on a page", _page(lambda page: page.replace("50.00", "51.00")), {K.PAGE_CHANGED}, "plain"),
    Tampering("end on a page", _page(lambda page: page.replace("Answered", "Denied")), {K.PAGE_CHANGED}, "plain"),
    Tampering("another request's page", _other_page, {K.PAGE_CHANGED}, "plain"),
    Tampering("page of something else", lambda p: p.world.pages.update({str(p.plain): "<p>hello</p>"}),
              {K.PAGE_CHANGED}, "plain"),
    Tampering("page removed", lambda p: p.world.pages.pop(str(p.plain)), {K.PAGE_MISSING}, "plain"),
    # the state
    Tampering("digit in the state", on(do.edit_state, "plain", "result.amount", "51.00"), {K.RECORD_DIFFERS}, "plain"),
    Tampering("reply in the state", on(do.edit_state, "plain", "reply", "1767873600.000001"),
              {K.RECORD_DIFFERS}, "plain"),
    Tampering("status in the state", on(do.edit_state, "failed", "status", "denied"), {K.RECORD_DIFFERS}, "failed"),
    Tampering("other end in the state", on(do.edit_state, "failed", "logged", "0" * 64), {K.RECORD_DIFFERS}, "failed"),
    Tampering("record spoilt", lambda p: p.world.vandalise(p.plain), {K.STATE_UNREADABLE}),
    Tampering("head spoilt", lambda p: p.world.vandalise(LOG), {K.STATE_UNREADABLE}),
    Tampering("record that no entry knows", _unlogged_record, {K.NOT_LOGGED}),
    Tampering("hash of the head", _other_head, {K.HEAD_DIFFERS}),
    # both
    Tampering("digit in summary and state", _summary_and_state,
              {K.SUMMARY_CHANGED, K.RECORD_DIFFERS}, "plain"),
    Tampering("amount everywhere but in Slack", on(do.rewrite, "large", {"credit_amount": ONE, "links.0.credit": ONE}),
              {K.ENTRIES_CHANGED, K.REPLY_CHANGED}, "large"),
    Tampering("first amount everywhere but in Slack", on(do.rewrite, "plain", {"credit_amount": ONE}),
              {K.LOG_REBUILT, K.REPLY_CHANGED}, "plain"),
    Tampering("reason everywhere but in Slack", on(do.rewrite, "failed", {"outcome.attempts": 9}), {K.ENTRIES_CHANGED}),
    Tampering("newest amount everywhere but in Slack", on(do.rewrite, "last", {"credit_amount": NINE}),
              {K.REPLY_CHANGED}, "last"),
    Tampering("approved by somebody without a vote, everywhere but in Slack", _approved_by_somebody,
              {K.ENTRIES_CHANGED, K.NOT_APPROVED}),
    Tampering("pointers to a credit", lambda past: past.world.pointers.clear(), {K.POINTER_MISSING}),
    Tampering("pointer to one credit", _no_pointer, {K.POINTER_MISSING}, "plain"),
    Tampering("newest approval everywhere but in Slack", _unapproved, {K.ENTRIES_CHANGED, K.NOT_APPROVED}),
    # the log
    Tampering("digit in an entry", on(do.edit_entry_of, "large", "end.amount", ONE),
              {K.ENTRIES_CHANGED, K.RECORD_DIFFERS, K.REPLY_CHANGED}, "large"),
    Tampering("hash in an entry", on(do.edit_entry_of, "failed", "end.summary", "0" * 64),
              {K.ENTRIES_CHANGED, K.SUMMARY_CHANGED, K.RECORD_DIFFERS}, "failed"),
    Tampering("digit in the first entry", on(do.edit_entry_of, "plain", "end.amount", MORE),
              {K.LOG_REBUILT, K.RECORD_DIFFERS, K.REPLY_CHANGED}, "plain"),
    Tampering("entry removed", lambda p: p.world.log.pop(1), {K.ENTRY_MISSING, K.NOT_LOGGED}, "failed"),
    Tampering("first entry removed", lambda p: p.world.log.pop(0), {K.ENTRY_MISSING, K.NOT_LOGGED}, "plain"),
    Tampering("entry spoilt", lambda p: p.world.log.update({1: b"?"}),
              {K.ENTRY_UNREADABLE, K.ENTRIES_CHANGED, K.NOT_LOGGED}),
    Tampering("entries exchanged", lambda p: do.swap_entries(p, 1, 2), {K.ENTRIES_CHANGED, K.CLOCK}),
    Tampering("entry inserted", lambda p: do.insert_entry(p, 1, p.world.log[0]), {K.ENTRIES_CHANGED, K.ENTRY_UNKNOWN}),
    Tampering("entry added", lambda p: p.world.log.update({len(p.world.log): p.world.log[0]}),
              {K.ENTRY_UNKNOWN, K.CLOCK}),
    Tampering("entry added everywhere but in Slack", _added_everywhere,
              {K.CLOCK}),
    Tampering("tail cut", lambda p: _cut_tail(p, 2), {K.TAIL_CUT, K.NOT_LOGGED}),
    Tampering("tail cut everywhere but in Slack", _cut_tail_and_state, {K.TAIL_CUT, K.REPLY_UNKNOWN}),
    Tampering("newest end cut everywhere but in Slack", on(do.forget, "last"), {K.REPLY_UNKNOWN}, "last"),
    Tampering("log emptied", lambda p: p.world.log.clear(), {K.TAIL_CUT, K.NOT_LOGGED}),
    Tampering("log and state begun again", do.begin_again, {K.LOG_REBUILT}),
    Tampering("forked", _forked, {K.FORKED}, "twice"),
    Tampering("clock set back", _clock_back, {K.CLOCK}, "last"),
    Tampering("clock set ahead", _clock_ahead, {K.CLOCK}, "last"),
    Tampering("clock of an old entry", lambda p: do.edit_entry(p, 1, "logged", _later(p, 1, hours=6)),
              {K.ENTRIES_CHANGED, K.CLOCK}, "failed"),
    Tampering("size of a checkpoint", _checkpoint("\n1\n", "\n2\n"),
              {K.CHECKPOINT_DIFFERS}),
    Tampering("root of a checkpoint", _checkpoint("=", "A="),
              {K.CHECKPOINT_DIFFERS}),
    Tampering("checkpoint spoilt", lambda p: p.world.checkpoints.update({1: "?"}), {K.CHECKPOINT_DIFFERS}),
    Tampering("checkpoint removed", lambda p: p.world.checkpoints.pop(4), {K.CHECKPOINT_MISSING}),
    # Slack
    Tampering("amount of a reply", on(do.edit_reply, "plain", "Approved, $500.00, exceptions"),
              {K.REPLY_CHANGED}, "plain"),
    Tampering("amount of a reply without a trace", on(do.edit_reply, "plain", "Approved, $150.00", False),
              {K.REPLY_CHANGED}, "plain"),
    Tampering("words of a reply", on(do.edit_reply, "plain", "Approved, $50.00, no exceptions"),
              {K.REPLY_CHANGED}, "plain"),
    Tampering("reply made not to count", on(do.edit_reply, "plain", REPEATS, shows_it=False),
              {K.REPLY_CHANGED}, "plain"),
    Tampering("reply deleted", on(do.delete_reply, "plain"), {K.REPLY_MISSING}, "plain"),
    Tampering("thread deleted", on(do.delete_thread, "plain"), {K.REPLY_MISSING}, "plain"),
    Tampering("marker removed", on(do.remove_marker, "plain"), {K.REPLY_MISSING}, "plain"),
    Tampering("checkpoint in a marker", on(do.change_marker, "large", checkpoint="?"), {K.REPLY_CHANGED}, "large"),
    Tampering("second reply", on(do.second_reply, "plain"), {K.REPLY_UNKNOWN}, "plain"),
    Tampering("reply to a failed request", on(do.second_reply, "failed"), {K.REPLY_UNKNOWN}, "failed"),
    Tampering("credit that no record knows", on(do.post, "plain", STOLEN), {K.REPLY_UNKNOWN}),
    Tampering("credit without a marker", on(do.post, "failed", None), {K.REPLY_UNKNOWN}),
    Tampering("credit in the channel", lambda p: p.world.say("Approved, $9.00, exceptions", BOT_USER, bot=BOT),
              {K.REPLY_UNKNOWN}),
    Tampering("marker of another app", lambda p: p.world.forged_reply(p.failed), {K.REPLY_FORGED}, "failed"),
)  # fmt: skip


def kinds(found: Audit) -> set[Kind]:
    return {finding.kind for finding in found.findings}


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name.replace(" ", "-"))
def test_every_kind_of_tampering_is_found(tampering: Tampering) -> None:
    """And nothing else is reported, of no other request."""
    past = new_past()
    tampering.deed(past)
    found = past.world.audit()
    assert tampering.finds == kinds(found), found.findings
    about = {finding.key for finding in found.findings} - {None}
    if tampering.about:
        assert {getattr(past, tampering.about)} == about


def test_each_kind_of_finding_is_found_somewhere() -> None:
    assert set(Kind) == set().union(*(tampering.finds for tampering in TAMPERINGS))


class TestWhatAgrees:
    def test_an_untouched_history_agrees(self) -> None:
        past = new_past()
        found = past.world.audit()
        assert (found.findings, found.requests, found.pending, found.before_log) == ((), 6, (), ())
        assert (7, 6, past.reply(past.last)) == (found.log.size, found.log.anchored, found.witness and found.witness.ts)

    def test_an_audit_changes_nothing(self) -> None:
        past = new_past()
        past.world.counted()
        past.world.audit()
        assert {"state-read", "log-read", "list", "load", "page-load", "history", "thread"} == set(past.world.counted())

    def test_overlaps_are_listed_with_who_approved_them(self) -> None:
        past = new_past()
        (overlap,) = past.world.audit().overlaps
        assert (past.twice, ("U0OWNER",), Decimal("25.00")) == (overlap.key, overlap.approved_by, overlap.twice)

    def test_the_same_sql_credited_again_is_listed_with_who_wanted_it(self, world: World) -> None:
        world.ask("abc")
        world.tick()
        again = world.ask("abc")
        world.tick()
        world.retry(again, again="olu@host")
        world.ticks(2)
        (overlap,) = world.audit().overlaps
        assert (again, ("olu@host",)) == (overlap.key, overlap.approved_by)

    def test_approvals_under_an_earlier_policy_are_not_counted_again(self) -> None:
        """Nobody remembers its approvers and its bands."""
        past = new_past()
        found = past.world.audit(policy=Policy(approvers=("U0NEW",)))
        assert ((), (past.large, past.twice)) == (found.findings, found.earlier_policy)
        assert () == past.world.audit().earlier_policy

    @pytest.mark.parametrize(("second", "counts"), [("U0SAM", True), ("U0OWNER", False)])
    def test_votes_are_counted_again_by_the_policy(self, world: World, second: str, counts: bool) -> None:
        """By people, not by votes. What is replaced is a name in all that creditbot keeps."""
        policy = Policy(approvers=("U0OWNER", "U0SAM"), bands=(Band(Decimal(10_000), 2),))
        world.amounts["big"] = Decimal("30000.00")
        key, rules = world.ask("big"), ruled(policy=policy)
        world.tick(rules=rules)
        world.react("+1", "U0OWNER")
        world.react("+1", "U0SAM")
        world.ticks(2, rules=rules)
        assert "answered" == world.record(key).status
        do.rewrite(Past(world, *[key] * 6), key, {"outcome.approval.votes.1.by": second})
        found = [finding.text for finding in world.audit(policy=policy).findings]
        said = "$30,000.00 takes 2 approvers by the policy of that time, and of those who may vote, U0OWNER said yes."
        assert ([] if counts else [said]) == found

    def test_an_erased_approver_still_counts(self) -> None:
        past = new_past()
        do.edit_summary(past, past.large, "outcome.approval.votes.0.by", ...)
        assert () == past.world.audit().findings

    def test_a_pointer_without_a_summary_counts_for_nothing(self) -> None:
        """A process that is killed between the two leaves one."""
        past = new_past()
        past.world.pointers.add(("0" * 64, STOLEN))
        past.world.pointers.add(("0" * 64, past.plain))
        assert () == past.world.audit().findings

    @pytest.mark.parametrize("place", ["request.author", "request.text"])
    def test_people_who_were_erased_are_noted_and_not_found(self, place: str) -> None:
        past = new_past()
        do.edit_summary(past, past.plain, place, ...)
        salts = {name: salt for name, salt in past.world.summary(past.plain)["salts"].items() if name != place}
        do.edit_summary(past, past.plain, "salts", salts)
        found = past.world.audit()
        assert ((), (past.plain,)) == (found.findings, found.erased)

    def test_a_page_whose_salt_was_erased_is_noted_and_not_found(self) -> None:
        past = new_past()
        do.edit_summary(past, past.plain, "salts.page", ...)
        past.world.pages[str(past.plain)] = "<p>erased</p>"
        found = past.world.audit()
        assert ((), (past.plain,)) == (found.findings, found.erased)

    def test_a_lost_state_is_not_reported(self) -> None:
        past = new_past()
        past.world.lose()
        assert not past.world.audit().findings
        past.world.ask("new")
        past.world.ticks(4)
        found = past.world.audit()
        assert (found.findings, found.requests) == ((), 7)

    def test_a_state_from_a_copy_is_reported_until_ticks_have_caught_up(self) -> None:
        past = new_past()
        world = past.world
        older, world.version = dict(world.values or {}), world.version + 1
        world.ask("new")
        world.ticks(2)
        world.values = older
        assert {K.ENTRY_UNKNOWN} == kinds(world.audit())
        world.ask("newer")
        world.ticks(4)
        assert not world.audit().findings

    def test_entries_that_wait_for_their_files_are_not_missing(self) -> None:
        past = new_past()
        past.world.ask("new")
        past.world.kill("log.before-write")
        found = past.world.audit()
        assert (found.findings, found.requests, found.log.size) == ((), 7, 7)

    def test_ends_from_before_the_log_are_noted(self) -> None:
        past = new_past()
        world = past.world
        world.log.clear()
        world.checkpoints.clear()
        assert world.values
        del world.values[LOG]
        for key in (past.plain, past.failed, past.elsewhere, past.large, past.twice, past.last):
            do.edit_state(past, key, "logged", ...)
        for message in [m for posts in world.posted().values() for m in posts]:
            world.change(message.ts, marker=replace(message.marker, checkpoint=""))  # type: ignore[type-var]
        world.ask("new")
        world.ticks(2)
        found = world.audit()
        assert (found.findings, len(found.before_log)) == ((), 6)

    def test_with_since_older_requests_are_left_out(self) -> None:
        """The log is one whole, so it is checked as one."""
        past = new_past()
        do.edit_summary(past, past.plain, "credit_amount", Decimal("51.00"))
        since = read_entry(past.world.log[0]).logged + timedelta(minutes=1)
        found = past.world.audit(since)
        assert (found.findings, found.requests, found.log.anchored) == ((), 5, 6)
        do.edit_entry(past, 1, "end.at", "2026-01-01T00:00:00.000Z")
        assert K.ENTRIES_CHANGED in kinds(past.world.audit(since))

    def test_a_channel_that_is_not_watched_any_more_is_not_read(self) -> None:
        past = new_past()
        do.delete_reply(past, past.plain)
        assert past.world.values
        meta = json.loads(past.world.values["meta"])
        past.world.vandalise("meta", json.dumps(do.edit(meta, "workspace.channels", {"C0OTHER": "other"})))
        past.world.channels["C0OTHER"] = "other"
        found = past.world.audit()
        assert (found.findings, len(found.not_in_slack), found.log.anchored) == ((), 6, 0)

    def test_an_audit_waits_as_long_as_slack_asks(self) -> None:
        past = new_past()
        began = past.world.now
        past.world.fail("thread", Unreachable("Slack", "Slack limits our rate.", retry_after=30), times=3)
        assert not past.world.audit().findings
        assert timedelta(seconds=90) == past.world.now - began

    def test_what_takes_long_is_said(self, world: World) -> None:
        """Slack lets us read some fifty threads a minute."""
        for number in range(51):
            world.ask(f"q{number}")
        world.tick()
        told: list[str] = []
        ports = world.ports()
        sources = Sources(ports.state, ports.log, ports.summaries, ports.pages, ports.inbox, tell=told.append)
        assert not audit(AuditReader(sources), ports.clock, RULES.channels).findings
        assert ["Reading 51 threads of Slack, which lets us read about 50 a minute."] == told

    def test_slack_that_is_down_ends_the_audit(self) -> None:
        past = new_past()
        past.world.fail("thread", Unreachable("Slack", "It is down."))
        with pytest.raises(Unreachable):
            past.world.audit()

    def test_a_request_in_a_thread_is_found_there(self, world: World) -> None:
        top = world.ask("abc")
        world.broadcast(top, "def")
        world.ticks(2)
        world.lose()
        found = world.audit()
        assert (found.findings, found.requests) == ((), 2)

    def test_what_ended_in_shadow_has_no_reply_to_miss(self, world: World) -> None:
        world.ask("abc")
        world.tick(rules=replace(RULES, shadow=True))
        found = world.audit()
        assert (found.findings, found.requests) == ((), 1)

    def test_another_deployment_in_the_channel_is_reported(self, world: World) -> None:
        """Its replies vouch for a log of its own, and no record here knows them."""
        other = world.other_deployment()
        for memory in (world, other, world, other, world, other):
            world.ask(f"q{world.number()}")
            world.tick(memory=memory)
            world.wait(minutes=1)
        assert {K.LOG_REBUILT, K.REPLY_UNKNOWN} == kinds(world.audit())


class TestWhileTicksWork:
    def test_a_tick_in_the_middle_of_its_work_is_not_reported(self) -> None:
        """Audited at every point that it passes."""
        past = new_past()
        for slug in ("new", "gone-too", "theirs-too"):
            past.world.ask(slug)
        past.world.amounts["new"] = Decimal("26000.00")
        passed: dict[Point, object] = {}

        def look(point: Point) -> None:
            if point not in passed:
                passed[point] = past.world.audit().findings

        past.world.ticks(3, at=look)
        assert {"state.before-write", "summary.after-close", "reply.after-send", "log.after-write"} <= passed.keys()
        assert dict.fromkeys(passed, ()) == passed

    def test_a_reply_that_vouches_for_entries_of_this_moment_is_right(self) -> None:
        """The log was read before the tick that added them, and Slack after it."""
        past = new_past()

        def two_ticks() -> None:
            for slug in ("new", "newer"):
                past.world.ask(slug)
                past.world.tick()

        past.world.amid("list", two_ticks)
        found = past.world.audit()
        assert ((), 8) == (found.findings, found.log.anchored)

    @pytest.mark.parametrize("effect", ["log-read", "history", "thread", "list", "load", "page-load"])
    def test_a_tick_in_the_middle_of_an_audit_is_not_reported(self, effect: str) -> None:
        past = new_past()
        past.world.ask("new")
        past.world.amid(effect, past.world.tick)
        assert not past.world.audit().findings
