"""What is known of every request of the past: from the state, from the summaries, and from both."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.credit.footprint import Unit, Unknown
from creditbot.insight.history import History, log_positions
from creditbot.insight.past import PastLink, PastRequest, past_request
from creditbot.model import RequestKey
from creditbot.state.codec import understand
from creditbot.state.record import Record, Result
from tests.support.world import World
from tests.support.world_facts import CHANNEL, OWNER, PERSON, START, TEAM

UNITS = [["AC-abc", "2025-12-03", "+62", "basic", 100, "60.00"], ["AC-abc", "2025-12-04", "+62", "basic", 50, "39.99"]]
DECEMBER = "day >= DATE '2025-12-01' AND day < DATE '2026-01-01' AND account_sid = 'AC-abc'"
KEY = RequestKey(TEAM, CHANNEL, "1767873600.000100")


@pytest.fixture
def world() -> World:
    return World(step=timedelta(milliseconds=100))


def history(world: World, *, pages: bool = True) -> History:
    ports = world.ports()
    return History(ports.summaries, ports.pages if pages else None, understand(ports.state.read()))


def asked(world: World, *, brief: bool = False) -> list[PastRequest]:
    return history(world).asked(START - timedelta(days=1), brief=brief)


def forget(world: World) -> None:
    """The state is lost; the summaries stay."""
    world.values = {}
    world.version += 1


# --- one request -----------------------------------------------------------------------------------------------------


def test_an_answered_request_is_known_with_its_links(world: World) -> None:
    """Who asked, when it was asked, seen, ended and answered, what each link adds, and where its page is."""
    world.conditions["abc"], world.units["abc"] = DECEMBER, UNITS
    world.amounts["abc"] = Decimal("12.50")
    key = world.ask("abc")
    world.tick()
    (past,) = asked(world)
    assert (PERSON, "answered", Decimal("12.50"), Decimal("12.50")) == (
        past.requester, past.status, past.amount, past.computed,
    )  # fmt: skip
    assert past.seen
    assert past.answered
    assert past.ended
    assert past.asked < past.seen < past.answered <= past.ended
    assert f"https://evidence.example.com/{key}.html" == past.page
    assert past.links
    (link,) = past.links
    assert ("verify", Decimal("12.50"), ("AC-abc",), 2, Decimal("99.99")) == (
        link.product, link.credit, link.accounts, link.units, link.fraud_cost,
    )  # fmt: skip
    assert link.days
    assert (date(2025, 12, 1), date(2025, 12, 31)) == (link.days.first, link.days.last)
    assert 12 == len(past.digest or "")
    assert past.links == past.credited


def test_the_units_of_a_link_are_unpacked_on_demand(world: World) -> None:
    """Reading ten thousand requests must not unpack what nobody looks at."""
    world.conditions["abc"], world.units["abc"], world.amounts["abc"] = DECEMBER, UNITS, Decimal("12.50")
    world.ask("abc")
    world.tick()
    (link,) = asked(world)[0].credited
    assert link.footprint
    assert not isinstance(link.footprint.units, Unknown)
    assert Unit("AC-abc", date(2025, 12, 3), "+62", "basic") in link.footprint.units


def test_a_request_is_known_alike_after_the_state_has_forgotten_it(world: World) -> None:
    """The summary of an end says all that the record said."""
    world.ask("abc", "def")
    world.ask("gone")
    world.tick()
    before = asked(world)
    forget(world)
    assert before == asked(world)


def test_the_kind_of_a_failure_is_kept(world: World) -> None:
    """Counting needs a name that stays, and the sentence may change."""
    world.ask("gone")
    world.tick()
    (past,) = asked(world)
    assert ("given_up", "link") == (past.status, past.cause)
    assert past.amount is None
    assert () == past.credited


@pytest.mark.parametrize("forgotten", [False, True])
def test_the_same_sql_is_refused_with_the_amount_not_paid_twice(world: World, *, forgotten: bool) -> None:
    """What was computed stays known although it was not answered."""
    world.ask("abc")
    world.tick()
    world.ask("abc")
    world.tick()
    if forgotten:
        forget(world)
    (_, past) = asked(world)
    assert ("given_up", "already credited", Decimal("4948.80")) == (past.status, past.cause, past.computed)


@pytest.mark.parametrize("forgotten", [False, True])
def test_an_answer_by_a_person_is_known_with_its_amount(world: World, *, forgotten: bool) -> None:
    """And with its time."""
    key = world.ask("abc")
    world.say("Approved, $812.40, exceptions", "U0LEE", thread_ts=key.ts)
    world.tick()
    if forgotten:
        forget(world)
    (past,) = asked(world)
    assert ("elsewhere", "U0LEE", Decimal("812.40"), None) == (
        past.status, past.answer_by, past.answer_amount, past.amount,
    )  # fmt: skip
    assert past.answered


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_decision_is_known_with_its_reasons_and_votes(world: World, *, forgotten: bool) -> None:
    """Why it was held, who decided, when, and what approvers had before them."""
    world.amounts["abc"] = Decimal("30000.00")
    world.ask("abc")
    world.tick()
    world.react("+1")
    world.tick()
    if forgotten:
        forget(world)
    (past,) = asked(world)
    assert ("answered", (OWNER,)) == (past.status, past.deciders)
    assert past.decided
    assert past.hold
    assert ["request limit"] == [reason.kind for reason in past.hold.reasons]
    assert 64 == len(past.hold.digest or "")
    assert 64 == len(past.hold.policy or "")


def test_what_would_be_paid_twice_is_known_in_usd(world: World) -> None:
    """The same flagged rows by other SQL: $99.99 of traffic, all of it credited before."""
    for slug in ("abc", "def"):
        world.conditions[slug], world.units[slug], world.amounts[slug] = DECEMBER, UNITS, Decimal("12.50")
        world.ask(slug)
        world.tick()
    first, second = asked(world)
    assert (0, None) == (first.overlaps, first.twice)
    assert ("held", 1, Decimal("12.50")) == (second.status, second.overlaps, second.twice)


def test_what_several_overlaps_share_is_known_once(world: World) -> None:
    """Both earlier credits have traffic of the third request, and one row of it is in both of them."""
    rows = [["AC-abc", f"2025-12-{day}", "+62", "standard", 100, 10.0] for day in (18, 19, 20)]
    for slug, some in (("one", rows[:2]), ("two", rows[1:]), ("all", rows)):
        world.conditions[slug], world.units[slug] = f"{DECEMBER} AND '{slug}' <> ''", some
        world.amounts[slug] = Decimal(10 * len(some))
        world.ask(slug)
        world.tick()
        world.wait(minutes=5)
        if slug == "two":
            world.react("white_check_mark")
            world.tick()
    third = asked(world)[-1]
    assert (2, Decimal("30.00")) == (third.overlaps, third.twice)


def test_the_place_in_the_log_is_that_of_the_last_end(world: World) -> None:
    """Of a request that was restarted, the log has two ends."""
    key = world.ask("gone")
    world.tick()
    world.retry(key)
    world.tick()
    world.ask("abc")
    world.tick()
    ports = world.ports()
    entries = {**ports.log.entries(), 99: b"not an entry"}
    past = History(ports.summaries, None, understand(ports.state.read()), log_positions(entries)).asked(START)
    assert [1, 2] == [one.log_position for one in past]
    assert [None, None] == [one.log_position for one in asked(world)]


def test_what_nobody_knows_is_none() -> None:
    """A record of an earlier version has no links, and no summary was saved."""
    past = past_request(KEY, Record("computed", "n", START, result=Result(Decimal("1.00"))), None)
    unknown = (past.amount, past.links, past.seen, past.answered, past.cause, past.digest, past.page, past.hold)
    assert (None,) * 8 == unknown
    assert Decimal("1.00") == past.computed
    assert "unknown" == past_request(KEY, None, {}).status


@pytest.mark.parametrize(
    "summary",
    [
        {"links": [{"footprint": {"product": "x"}}], "outcome": {"status": "answered", "at": "?", "seconds": True}},
        {"links": [7], "outcome": {"approval": {"reasons": "?", "votes": [1, {"by": "U1"}]}}, "request": 3},
        {"links": [{"footprint": 1, "versions": 2}], "outcome": [], "credit_amount": True},
    ],
)
def test_a_summary_that_somebody_spoilt_is_read_as_far_as_it_goes(summary: dict[str, Any]) -> None:
    """A report must not fail on one odd file."""
    past = past_request(KEY, None, summary)
    assert (None, None, None) == (past.at, past.seconds, past.amount)
    assert [None] * len(past.links or ()) == [link.accounts for link in past.links or ()]
    assert [None] * len(past.links or ()) == [link.footprint for link in past.links or ()]


def test_links_that_do_not_add_up_to_the_amount_are_not_credited() -> None:
    """A summary of another run must not make a report's total wrong."""
    record = Record("answered", "n", START, result=Result(Decimal("5.00")), saved=True)
    summary = {"links": [{"url": "u", "credit": Decimal("4.00"), "product": "verify"}]}
    assert (PastLink(credit=Decimal("5.00")),) == past_request(KEY, record, summary).credited


def test_reasons_of_an_earlier_version_have_a_text_and_no_kind() -> None:
    """They were kept as sentences."""
    summary = {"outcome": {"status": "denied", "approval": {"digest": "d", "reasons": ["Too much."], "votes": []}}}
    past = past_request(KEY, None, summary)
    assert past.hold
    assert [("Too much.", None, None)] == [(one.text, one.kind, one.twice) for one in past.hold.reasons]


# --- all requests ----------------------------------------------------------------------------------------------------


def test_in_brief_no_summary_is_read_that_the_state_makes_needless(world: World) -> None:
    """Products and amounts are in the state; accounts are only there as hashes."""
    world.ask("abc")
    world.tick()
    world.counted()
    (past,) = asked(world, brief=True)
    assert 0 == world.counted()["load"]
    assert past.links
    assert ("verify", Decimal("4948.80"), None) == (
        past.links[0].product, past.links[0].credit, past.links[0].accounts,
    )  # fmt: skip
    assert past.page is None


def test_in_brief_a_forgotten_request_is_read_from_its_summary(world: World) -> None:
    """Nothing else knows it."""
    world.ask("abc")
    world.tick()
    forget(world)
    (past,) = asked(world, brief=True)
    assert Decimal("4948.80") == past.amount


def test_requests_of_a_range_are_those_asked_in_it(world: World) -> None:
    """Its end does not belong to it."""
    keys = []
    for slug in ("abc", "def", "ghi"):
        keys.append(world.ask(slug))
        world.tick()
        world.wait(days=1)
    one_day = history(world).asked(START + timedelta(hours=12), START + timedelta(hours=36))
    assert [keys[1]] == [past.key for past in one_day]


@pytest.mark.parametrize("forgotten", [False, True])
def test_requests_that_were_answered_in_a_range_are_found(world: World, *, forgotten: bool) -> None:
    """A request of the last day of a month may be answered in the next one."""
    world.amounts["abc"] = Decimal("30000.00")
    held = world.ask("abc")
    world.tick()
    world.wait(days=2)
    world.react("+1")
    world.tick()
    if forgotten:
        forget(world)
    later = START + timedelta(days=1)
    (past,) = history(world).during(later, later + timedelta(days=9))
    assert held == past.key
    assert past.credited_at
    assert later < past.credited_at
    assert [] == history(world).during(START - timedelta(days=9), START)


def test_old_summaries_are_not_read_for_what_came_later(world: World) -> None:
    """A summary that was not written since cannot tell of an end since."""
    world.ask("abc")
    world.tick()
    forget(world)
    world.counted()
    assert [] == history(world, pages=False).during(START + timedelta(days=3), START + timedelta(days=9))
    assert 0 == world.counted()["load"]
