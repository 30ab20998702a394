"""What can happen to a request, each situation played in a `World`: its messages are the examples of sentences.txt.

A situation is a function of a world; the first line of its docstring is its title. `SITUATIONS` lists them in the order
in which people read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from typing_extensions import override

from creditbot.answer.failure_message import MOST_LINKS
from creditbot.commands.run_once import ConsoleProgress, problem_lines
from creditbot.decide.policy import Band, Limits, OpinionRules, Policy, TrafficRules
from creditbot.errors import LOOKER, SLACK, SUMMARY_STORE, PostRefused, PostUnknown, Refused, Unreachable
from creditbot.tick.report import TickReport
from tests.support.opinions import five_percent, keep
from tests.support.world import World
from tests.support.world_facts import HOST, OWNER, PERSON, RULES, ruled

NO_ANSWER = PostUnknown("Slack did not answer.")
LIMITED: dict[str, Any] = {"rules": ruled(policy=Policy(Limits(request=Decimal(5000)), approvers=(OWNER, "U0ROSA")))}
"""A tick under a policy with a limit."""
SECOND_OPINION = ruled(policy=Policy(approvers=(OWNER,), opinion=OpinionRules(hold=True)))
ANY_TRAFFIC = ruled(policy=Policy(approvers=(OWNER,), traffic=TrafficRules(hold_overlap=False)))


@dataclass
class Stage(World):
    """A world that keeps what people read beside the messages.

    Attributes:
        reasons: why requests are where they are, as `creditbot show` says it.
        printed: what the ticks print.
    """

    reasons: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    @override
    def tick(self, **options: Any) -> TickReport:
        report = super().tick(**options)
        self.reasons += [record.reason for _, record in report.done if record and record.reason]
        self.printed += problem_lines(report)
        return report


# Answered, or no longer wanted


def answered(world: Stage) -> None:
    """A request is answered."""
    world.ask("abc")
    world.tick()


def not_all_links(world: Stage) -> None:
    """A request is answered without the links of a product that is off."""
    world.ask("abc", "other")
    world.tick()


def first_tick(world: Stage) -> None:
    """The first tick, seen on a terminal."""
    world.values = {}
    world.version += 1
    world.tick(progress=ConsoleProgress(world.printed.append))


def answered_by_a_person(world: Stage) -> None:
    """A person answers first."""
    key = world.ask("abc")
    world.say("Approved, $1.00", "U0BOSS", thread_ts=key.ts)
    world.tick()


def amounts_differ(world: Stage) -> None:
    """People name other amounts than the one computed, before and after the reply."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.say("Approved, $1.00", "U0BOSS", thread_ts=key.ts))
    world.tick()
    other = world.ask("def")
    world.tick()
    world.say("Approved, $2.00", "U0BOSS", thread_ts=other.ts)
    world.tick()


def answer_taken_back(world: Stage) -> None:
    """A person's answer is deleted."""
    key = world.ask("abc")
    answer = world.say("Approved, $812.40, exceptions", "U0BOSS", thread_ts=key.ts)
    world.tick()
    world.delete(answer)
    world.tick()


def answer_in_doubt(world: Stage) -> None:
    """A person's reply may or may not be an answer."""
    key = world.ask("abc")
    world.say("Approved? I see $812.40.", "U0BOSS", thread_ts=key.ts)
    world.tick()


def denied_in_thread(world: Stage) -> None:
    """A person says in the thread that there is no credit, and by a reaction on the request."""
    key = world.ask("abc")
    world.say("Denied, do not credit.", "U0BOSS", thread_ts=key.ts)
    world.react_to(key, "x", "U0BOSS")
    world.tick()


def taken_back(world: Stage) -> None:
    """The person who asked takes a request back, in the message, by a reaction and in the thread, and answers it."""
    key = world.say(f"please credit <https://{HOST}/explore/m/v?qid=abc>\nEdit: please ignore")
    world.react_to(key, "no_entry_sign", PERSON)
    world.say("wait", thread_ts=key.ts)
    world.say("Approved, $4,948.80", thread_ts=key.ts)
    world.tick()


def much_talk(world: Stage) -> None:
    """Somebody writes a lot in the thread before the bot, and sends a picture."""
    key = world.ask("abc")
    for text in ("", *(f"question {number}" for number in range(9))):
        world.say(text, "U0BOSS", thread_ts=key.ts)
    world.tick()


def deleted(world: Stage) -> None:
    """The message is deleted while its notebook runs."""
    key = world.ask("abc")
    world.amid("notebook", lambda: world.delete(key))
    world.ticks(3)


def edited_after_the_answer(world: Stage) -> None:
    """The links of an answered request are changed."""
    key = world.ask("abc")
    world.tick()
    world.edit(key, f"please credit <https://{HOST}/explore/m/v?qid=def>")
    world.tick()


def link_refused(world: Stage) -> None:
    """A link has no query."""
    world.ask("gone")
    world.tick()


def several_failures(world: Stage) -> None:
    """Several requests of one tick fail."""
    world.ask("gone1")
    world.amounts["abc"] = Decimal("0.00")
    world.ask("abc", user="U0RAVI")
    world.tick()


def many_links_refused(world: Stage) -> None:
    """More links have no query than a message to the owner can show."""
    world.ask(*(f"gone{number}" for number in range(MOST_LINKS + 2)))
    world.tick()


# A person decides


def held(world: Stage) -> None:
    """The credits of several links are above the limit together."""
    world.ask("abc", "def")
    world.tick(**LIMITED)


def approved(world: Stage) -> None:
    """An approver says yes."""
    held(world)
    world.react("+1")
    world.tick(**LIMITED)


def denied(world: Stage) -> None:
    """An approver says no."""
    held(world)
    world.react("x")
    world.tick(**LIMITED)


def undecided(world: Stage) -> None:
    """No approver decides in time."""
    held(world)
    world.wait(hours=72)
    world.tick(**LIMITED)


def contested(world: Stage) -> None:
    """An approver says yes, and another one says no."""
    held(world)
    world.react("+1")
    world.react("x", "U0ROSA")
    world.tick(**LIMITED)


def void(world: Stage) -> None:
    """The words of a held request are changed."""
    key = world.ask("abc", "def")
    world.tick(**LIMITED)
    world.edit(key, f"{world.messages[-1].text}, and hurry")
    world.tick(**LIMITED)


def question_deleted(world: Stage) -> None:
    """Somebody deletes the question to the approvers."""
    held(world)
    world.visible_asks().clear()
    world.wait(minutes=16)
    world.tick(**LIMITED)


def two_approvers(world: Stage) -> None:
    """An amount takes two approvers."""
    world.ask("abc", "def")
    policy = Policy(Limits(Decimal(5000)), approvers=(OWNER, "U0ROSA", "U0SAM"), bands=(Band(Decimal(5000), 2),))
    world.tick(rules=ruled(policy=policy))


def nobody_may_decide(world: Stage) -> None:
    """Who asked is the only approver."""
    world.ask("abc", "def")
    world.tick(rules=ruled(policy=Policy(Limits(Decimal(5000)), approvers=(PERSON,))))


def same_traffic(world: Stage) -> None:
    """A request asks for traffic that two earlier ones were credited for."""
    december = "account_sid = 'AC1' AND day BETWEEN '2025-12-01' AND '2025-12-31'"
    for slug, days, rules in (("abc", (18, 19), ANY_TRAFFIC), ("def", (19, 20), ANY_TRAFFIC), ("ghi", (18, 20), RULES)):
        world.conditions[slug] = december
        world.units[slug] = [["", f"2025-12-{day}", "+62", "basic", 100, "2474.40"] for day in days]
        world.ask(slug)
        world.tick(rules=rules)


def day_limit(world: Stage) -> None:
    """Together with earlier requests, too much would be credited in one day."""
    world.ask("abc")
    world.ask("def")
    world.tick(rules=ruled(policy=Policy(Limits(day=Decimal(5000)), approvers=(OWNER,))))


def unusual(world: Stage) -> None:
    """People usually credit another amount for such traffic."""
    keep(world.models, five_percent())
    world.amounts["abc"] = Decimal("9000.00")
    world.ask("abc")
    world.tick(rules=SECOND_OPINION)


# Given up


def nothing_to_credit(world: Stage) -> None:
    """The credit is zero."""
    world.amounts["abc"] = Decimal("0.00")
    world.ask("abc")
    world.tick()


def defect(world: Stage) -> None:
    """The bot itself has a defect."""
    world.ask("abc")
    world.fail("looker", ZeroDivisionError(), times=RULES.attempts)
    world.ticks(RULES.attempts)


def killed_each_time(world: Stage) -> None:
    """The process is killed each time that it works on a request."""
    world.ask("abc")
    for _ in range(RULES.attempts):
        world.kill("looker.before-read")
        world.wait(minutes=31)
    world.tick()


def marker_of_somebody_else(world: Stage) -> None:
    """Somebody else posts a reply with the bot's marker."""
    key = world.ask("abc")
    world.forged_reply(key)
    world.tick()


def thread_unclear(world: Stage) -> None:
    """A later request in the thread has several answers."""
    key = world.ask("abc")
    world.ask("other", thread_ts=key.ts, subtype="thread_broadcast")
    for amount in ("$1.00", "$2.00"):
        world.say(f"Approved, {amount}", "U0BOSS", thread_ts=key.ts)
    world.tick()


def channel_unreadable(world: Stage) -> None:
    """One of two channels cannot be read."""
    world.channels = {"C0OTHER": "other", **world.channels}
    world.lose()
    world.tick()
    world.fail("history", Refused(SLACK, "Slack refuses conversations.history: not_in_channel.", "Invite the bot."))
    world.tick()


def clock_ahead(world: Stage) -> None:
    """The clock of the machine is days ahead at the first tick."""
    world.lose()
    world.tick(skew=timedelta(days=5))


# The same SQL


def same_sql(world: Stage) -> None:
    """Two requests have the same SQL."""
    world.ask("abc")
    world.ask("abc")
    world.tick()


def same_sql_perhaps_answered(world: Stage) -> None:
    """The request with the same SQL may have been answered before the state was lost."""
    world.lateness = timedelta(minutes=10)
    key = world.ask("abc")
    world.fail("reply", NO_ANSWER, after=True)
    world.tick()
    world.vandalise(key)
    world.tick()
    world.wait(minutes=1)
    world.ask("abc")
    world.tick()


def same_sql_unclear(world: Stage) -> None:
    """The thread of the request with the same SQL does not say whether it was answered."""
    first = world.ask("abc")
    world.kill("reply.before-send")
    world.forged_reply(first)
    world.forget(first)
    world.wait(minutes=1)
    world.ask("abc")
    world.tick()


# Posts of unknown outcome


def outcome_unknown(world: Stage) -> None:
    """Slack does not say whether it took a reply."""
    world.ask("abc")
    world.fail("reply", NO_ANSWER, times=RULES.attempts)
    world.ticks(RULES.attempts)


def talk_below_a_lost_reply(world: Stage) -> None:
    """Slack does not say whether it took the reply, and a person writes in the thread."""
    key = world.ask("abc")
    world.fail("reply", NO_ANSWER)
    world.tick()
    world.say("looks odd", "U0BOSS", thread_ts=key.ts)
    world.ticks(2)


def never_visible(world: Stage) -> None:
    """A reply was sent several times, and never becomes visible."""
    world.ask("abc")
    world.fail("reply", NO_ANSWER, times=9)
    world.ticks(4, rules=replace(RULES, lookback=timedelta(minutes=30)))


def left_behind(world: Stage) -> None:
    """No tick has finished a reply that was begun long ago."""
    world.ask("abc")
    world.kill("reply.before-send")
    world.wait(minutes=46)
    world.kill("thread.before-read")


def second_reply(world: Stage) -> None:
    """A second reply becomes visible."""
    key = world.ask("abc")
    world.stray_reply(key)
    world.stray_reply(key)
    world.tick()


def another_deployment(world: Stage) -> None:
    """Another deployment answers in the same channel."""
    other = world.other_deployment()
    world.tick(memory=other)
    world.ask("abc")
    world.tick()
    world.tick(memory=other)


def reply_deleted(world: Stage) -> None:
    """Somebody deletes the reply."""
    world.ask("abc")
    world.tick()
    world.wait(minutes=16)
    world.messages.remove(world.visible()[-1])
    world.tick()


def late_reply(world: Stage) -> None:
    """A reply becomes visible after its request was closed."""
    key = world.ask("abc")
    world.lateness = timedelta(minutes=20)
    world.fail("reply", NO_ANSWER, after=True)
    world.ticks(1)
    world.edit(key, "never mind")
    world.ticks(3)


def reply_not_edited(world: Stage) -> None:
    """A second reply cannot be edited."""
    key = world.ask("abc")
    world.stray_reply(key)
    world.stray_reply(key)
    world.fail("amend", PostRefused("Slack allows no edit of it.", retry=False))
    world.tick()


# Waiting


def looker_down(world: Stage) -> None:
    """Looker cannot be reached."""
    world.ask("abc")
    world.fail("looker", Unreachable(LOOKER, "Looker did not answer within 30 s.", "Check that Looker is up."))
    world.tick()


def thread_outdated(world: Stage) -> None:
    """Slack shows the thread as it was before the request."""
    world.ask("abc")
    world.stale = timedelta(minutes=4)
    world.tick()


def store_slow(world: Stage) -> None:
    """The state is written too slowly to post safely."""
    world.ask("abc")

    def slow() -> None:
        for _ in range(3):
            world.amid("state-write", lambda: world.wait(seconds=31))

    world.amid("thread", slow)
    world.tick(rules=replace(RULES, attempts=1))


def owner_not_told(world: Stage) -> None:
    """The state is written too slowly to send a message to the owner."""
    world.ask("gone")

    def slow_after_the_next_write() -> None:
        world.amid("state-write", lambda: world.amid("state-write", lambda: world.wait(seconds=31)))

    world.amid("save", slow_after_the_next_write)
    world.tick()


# The state is lost or damaged


def state_lost(world: Stage) -> None:
    """The state is empty, and summaries are there."""
    world.ask("abc")
    world.tick()
    world.lose()
    world.tick()


def state_and_summaries_lost(world: Stage) -> None:
    """The state is empty, and so are the summaries."""
    world.ask("abc")
    world.tick()
    world.lose()
    world.summaries.clear()
    world.tick()


def state_damaged(world: Stage) -> None:
    """An entry of the state is unreadable."""
    key = world.ask("abc")
    world.tick()
    world.vandalise(key)
    world.tick()


def state_much_damaged(world: Stage) -> None:
    """Many entries of the state are unreadable."""
    keys = [world.ask(f"abc{number}") for number in range(7)]
    world.tick()
    for key in keys:
        world.vandalise(key)
    world.tick()


def log_not_written(world: Stage) -> None:
    """A file of the log of ends cannot be written."""
    world.ask("abc")
    world.fail("log-write", Unreachable(SUMMARY_STORE, "Summaries at s3://credits cannot be written: no answer."))
    world.tick()


def log_changed(world: Stage) -> None:
    """Somebody has changed the log of ends."""
    world.checkpoints[1] = "creditbot/another"
    world.ask("abc")
    world.ticks(2)


def model_damaged(world: Stage) -> None:
    """The model of the second opinion cannot be read."""
    world.models["20260105T120000Z-0123456789ab"] = b"{}"
    world.ask("abc")
    world.tick(rules=SECOND_OPINION)


def thread_refused(world: Stage) -> None:
    """The bot was removed from the channel."""
    world.ask("abc")
    world.fail("thread", Refused(SLACK, "The bot is not in the channel #credits.", "Invite the bot."))
    world.tick()


SITUATIONS: tuple[Callable[[Stage], None], ...] = (
    first_tick, channel_unreadable, clock_ahead, answered, not_all_links, answered_by_a_person, amounts_differ,
    answer_taken_back, answer_in_doubt, denied_in_thread, taken_back, much_talk, deleted,
    edited_after_the_answer,
    held, approved, denied, undecided, contested, void, question_deleted, two_approvers, nobody_may_decide,
    same_traffic, day_limit, unusual,
    link_refused, several_failures, many_links_refused, nothing_to_credit, defect, killed_each_time,
    marker_of_somebody_else, thread_unclear,
    same_sql, same_sql_perhaps_answered, same_sql_unclear,
    outcome_unknown, talk_below_a_lost_reply, never_visible, left_behind, second_reply, another_deployment,
    reply_deleted, late_reply, reply_not_edited,
    looker_down, thread_refused, thread_outdated, store_slow, owner_not_told,
    state_lost, state_and_summaries_lost, state_damaged, state_much_damaged, log_not_written, log_changed,
    model_damaged,
)  # fmt: skip


def play(situation: Callable[[Stage], None]) -> Stage:
    """A world in which the bot had been, after the situation."""
    world = Stage()
    world.tick()
    situation(world)
    return world
