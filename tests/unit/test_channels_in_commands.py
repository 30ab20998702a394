"""Commands go by the rules of each request's channel, as ticks do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from creditbot.adapters.storage.backtests import ObjectBacktests
from creditbot.answer.rehearsal import rehearse
from creditbot.commands.approvals import Ballot, hold_lines
from creditbot.commands.backtest import backtest
from creditbot.commands.channels import policies_in_words
from creditbot.commands.compute import request_of
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.sql.check import SqlRules
from creditbot.decide.channel_rules import ChannelRules, ChannelTable
from creditbot.errors import SettingsError
from creditbot.insight.audit import audit
from creditbot.insight.backtest import BacktestRow, Outcome
from creditbot.insight.backtest_requests import past_requests
from creditbot.insight.trial import tried
from creditbot.intake.permalink import Permalink
from creditbot.model import HoldKind, Names, RequestKey
from creditbot.state.ledger import Ledger
from tests.support.world import World
from tests.support.world_facts import BOTH, CHANNEL, HOST, OWNER, REFERENCE, REQUEST_RULES, RULES
from tests.unit.test_backtest import SINCE, assembly

EMEA, ROSA, SAM = "C0EMEA", "U0ROSA", "U0SAM"
ALL = RULES.channels.everywhere
LIMIT = replace(ALL.policy.limits, request=Decimal(1000))
OF_EMEA = ChannelRules(
    ROSA, "Credited {amount}.", policy=replace(ALL.policy, limits=LIMIT, approvers=(SAM,)), products=("verify",)
)
TABLE = ChannelTable(ALL, {"credit-emea": OF_EMEA})
RULED = replace(RULES, channels=TABLE)


@pytest.fixture
def world() -> World:
    return World(channels={CHANNEL: "credits", EMEA: "credit-emea"})


@pytest.fixture
def held(world: World) -> RequestKey:
    """A request in the channel of EMEA that waits for Sam."""
    key = world.ask("abc", channel=EMEA)
    world.tick(rules=RULED)
    return key


def cast(world: World, key: RequestKey, by: str) -> None:
    ports = world.ports()
    ballot = Ballot(ports.inbox, Ledger(ports.state), ports.clock, TABLE)
    ballot.cast(Permalink(key.channel, key.ts, key.ts), by, yes=True, typed_by="rosa@host")


def test_only_approvers_of_the_channel_may_type_a_vote(world: World, held: RequestKey) -> None:
    with pytest.raises(SettingsError, match=f"{OWNER} is not an approver") as caught:
        cast(world, held, OWNER)
    assert f"--by takes the member ID of one of them: {SAM}." == caught.value.todo
    cast(world, held, SAM)
    world.tick(rules=RULED)
    assert ["Credited $4,948.80."] == world.replies(held)


def test_a_vote_counts_by_the_names_that_ticks_go_by(world: World, held: RequestKey) -> None:
    """A channel that was renamed since is still, to the ticks, the one of its section: they remember its name."""
    world.channels[EMEA] = "emea-credits"
    cast(world, held, SAM)
    world.tick(rules=RULED)
    assert ["Credited $4,948.80."] == world.replies(held)


def test_what_waits_is_listed_with_the_approvers_of_its_channel(world: World, held: RequestKey) -> None:
    assert "held" == world.record(held).status
    lines = [*hold_lines(world.state(), world.ports().inbox.workspace(None), TABLE, Names())]
    assert any(f"waits for 1 of: {SAM}" in line for line in lines)


def test_an_audit_counts_votes_by_the_policy_of_the_channel(world: World, held: RequestKey) -> None:
    world.react("+1", SAM)
    world.ticks(2, rules=RULED)
    clock = world.ports().clock
    by_channel, by_all = (audit(world.audit_reader(), clock, table) for table in (TABLE, ChannelTable(ALL)))
    assert ((), ()) == (by_channel.findings, by_channel.earlier_policy)
    assert (held,) == by_all.earlier_policy


def test_a_backtest_computes_each_request_as_its_channel_would(world: World) -> None:
    keys = []
    for slug, channel in (("one", CHANNEL), ("two", EMEA), ("other1", CHANNEL), ("other2", EMEA)):
        keys.append(world.ask(slug, channel=channel))
        world.wait(hours=1)
        world.say(REFERENCE, user="U0LEE", channel=channel, thread_ts=keys[-1].ts)
        world.change(keys[-1].ts, replies=1)
        world.wait(hours=1)
    parts = replace(assembly(world, ObjectBacktests("memory://"), BOTH), channels=TABLE)
    rows = {row.key: row for row in backtest(parts, past_requests(parts.inbox, parts.requests, SINCE, None), 1).rows}

    def shown(row: BacktestRow) -> tuple[Outcome, list[HoldKind]]:
        return row.outcome, [reason.kind for reason in row.held]

    assert [
        (Outcome.COMPUTED, []),
        (Outcome.COMPUTED, [HoldKind.REQUEST_LIMIT]),
        (Outcome.COMPUTED, []),
        (Outcome.SWITCHED_OFF, []),
    ] == [shown(rows[key]) for key in keys]


def test_a_rehearsal_asks_by_the_policy_of_the_channel(world: World) -> None:
    world.tick(rules=RULED)
    ports = world.ports()
    calculator = CreditCalculator(
        ports.resolver, ports.runner, BOTH, SqlRules("duckdb"), ComputeLimits(links_at_once=1)
    )
    reasons = []
    for channel in (CHANNEL, EMEA):
        request = request_of([f"https://{HOST}/x/abc"], REQUEST_RULES.host, channel)
        trial = tried(calculator, request.key, "", request, world.now)
        assert trial.computation
        found = rehearse(ports, Ledger(ports.state), RULED, request, trial.computation, trial.summary, world.now)
        reasons.append(found.reasons)
    assert [[], [HoldKind.REQUEST_LIMIT]] == [[reason.kind for reason in each] for each in reasons]


def test_the_report_says_what_differs_from_channel_to_channel() -> None:
    *_, last = policies_in_words(TABLE, ["verify", "psms"])
    assert (
        f"In credit-emea: {ROSA} gets the failure messages; {SAM} decides above $1,000.00, asked in a direct message "
        f"to {ROSA}; products: verify; the reply is “Credited {{amount}}.” alone."
    ) == last
    assert [*ALL.policy.words()] == [*policies_in_words(ChannelTable(ALL), ["verify"])]
