"""What `creditbot compute` prints, and the page that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from creditbot.answer.rehearsal import Rehearsal
from creditbot.answer.rules import Rules
from creditbot.commands.compute import lines_of, page_summary, rehearsal_of, request_of
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.sql.check import SqlRules
from creditbot.decide.channel_rules import ChannelRules
from creditbot.decide.policy import Limits, OpinionRules, Policy, TrafficRules
from creditbot.errors import LOOKER, STATE_STORE, SUMMARY_STORE, SettingsError, StateUnusable, Unreachable
from creditbot.evidence.keeping import cells_of
from creditbot.evidence.page import page_of
from creditbot.evidence.summary import REASONS
from creditbot.insight.trial import tried
from creditbot.model import HoldKind, HoldReason, RequestKey
from creditbot.state.ledger import Ledger
from tests.support.opinions import five_percent, keep
from tests.support.world import World
from tests.support.world_facts import HOST, REQUEST_RULES, RULES, VERIFY, ruled

REMEMBERED = "compared   With what the state and the summaries remember of other credits."


@pytest.fixture
def world() -> World:
    return World()


class Parts:
    """What the command uses of an `Assembly`."""

    def __init__(self, world: World, rules: Rules) -> None:
        self.ports, self.rules = world.ports(), rules
        self.ledger = Ledger(self.ports.state)
        limits = ComputeLimits(links_at_once=1)
        self.calculator = CreditCalculator(self.ports.resolver, self.ports.runner, VERIFY, SqlRules("duckdb"), limits)


def run(
    world: World, *slugs: str, rules: Rules = RULES, there: ChannelRules | None = None
) -> tuple[list[str], str]:  # fmt: skip
    """The lines and the page; `there` are the rules of the channel, if it has a section."""
    parts, request = Parts(world, rules), request_of([f"https://{HOST}/x/{slug}" for slug in slugs], REQUEST_RULES.host)
    trial = tried(parts.calculator, request.key, "", request, world.now)
    rehearsal = rehearsal_of(parts, there or rules.channels.everywhere, request, trial, world.now)  # type: ignore[arg-type]
    lines = list(lines_of(trial.summary, rehearsal, rules.channels.everywhere.template))
    return lines, page_of(page_summary(trial.summary, rehearsal), cells_of(trial.results))


def held(lines: Sequence[str]) -> list[str]:
    """The reasons for which a person would have to decide."""
    return [line.removeprefix("held").strip() for line in lines if line.startswith("held")]


def under(policy: Policy) -> Rules:
    return ruled(policy=policy)


def credited(world: World, slug: str = "first") -> RequestKey:
    """A request for 18 December of AC1 that the bot has answered."""
    day = ["", "2025-12-18", "+62", "basic", 100, "4999.00"]
    world.conditions[slug], world.units[slug] = "account_sid = 'AC1'", [day]
    world.conditions["again"], world.units["again"] = "account_sid IN ('AC1') AND TRUE", [day]
    key = world.ask(slug)
    world.tick()
    assert world.record(key).status == "answered"
    world.counted()
    return key


def links_in(texts: Sequence[str]) -> list[str]:
    return [link.url for link in request_of(texts, REQUEST_RULES.host).links]


def test_the_answer_is_the_text_of_the_reply(world: World) -> None:
    lines, page = run(world, "a")
    assert lines[0] == "answer     Approved, $4,948.80, exceptions"
    assert lines[1] == f"link       https://{HOST}/x/a"
    assert "This was computed on demand. Nothing was posted." in page


def test_nothing_is_asked_of_slack_and_nothing_is_written(world: World) -> None:
    credited(world)
    before = dict(world.values or {}), dict(world.summaries), len(world.messages)
    run(world, "again")
    assert {"looker", "notebook", "state-read", "load", "credited"} >= set(world.calls)
    assert before == (world.values, world.summaries, len(world.messages))


# -- what was credited before ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forgotten", [False, True], ids=["the state", "the summaries"])
def test_traffic_that_was_credited_would_be_held(world: World, forgotten: bool) -> None:
    key = credited(world)
    if forgotten:
        world.forget(key)
    lines, page = run(world, "again")
    (reason,) = held(lines)
    assert "$4,948.80 of $4,948.80 would be paid twice: " in reason
    assert world.address(key) in reason
    assert REMEMBERED == lines[-1]
    assert "A person would decide, because:" in page
    assert "would be paid twice" in page
    assert "approval digest" not in page


def test_a_page_counts_the_reasons_that_it_leaves_out() -> None:
    """The command prints all of them."""
    reasons = tuple(HoldReason(HoldKind.OVERLAP, f"reason {number}.") for number in range(REASONS + 2))
    summary = {"request": {"text": "links"}, "links": [], "outcome": {"status": "tried"}, "computed_amount": Decimal(1)}
    shown = page_summary(summary, Rehearsal(reasons))
    page = page_of(shown, {})
    assert "<li>and 2 more</li>" in page
    assert f"reason {REASONS - 1}." in page
    assert f"reason {REASONS}." not in page
    assert REASONS + 2 == len(held(list(lines_of(summary, Rehearsal(reasons), "{amount}"))))


def test_sql_that_was_credited_would_be_refused(world: World) -> None:
    key = credited(world)
    lines, page = run(world, "first")
    assert lines[0] == f"answer     none: The request {world.address(key)} already credits the same SQL."
    assert [] == held(lines)
    assert "already credits the same SQL." in page


def test_sql_that_may_be_credited_would_be_refused(world: World) -> None:
    """Only the thread shows whether a lost state had it posted, and no thread is read."""
    key = credited(world)
    world.summaries[str(key)] = {**world.summary(key), "outcome": {**world.summary(key)["outcome"], "status": "held"}}
    world.lose()
    lines, _ = run(world, "first")
    assert lines[0].startswith(f"answer     none: The request {world.address(key)} may already credit the same SQL.")
    assert lines[0].endswith("Only its thread shows whether it was answered.")


def test_other_traffic_would_be_answered(world: World) -> None:
    credited(world)
    world.conditions["apart"] = "account_sid = 'AC2'"
    world.units["apart"] = [["", "2025-12-20", "+62", "basic", 7, "4999.00"]]
    world.amounts["apart"] = Decimal("4948.80")
    lines, _ = run(world, "apart")
    assert lines[0] == "answer     Approved, $4,948.80, exceptions"
    assert [] == held(lines)
    assert REMEMBERED == lines[-1]


def test_credits_that_nobody_can_compare_with_are_named(world: World) -> None:
    key = credited(world)
    world.conditions["vague"] = "TRUE"
    lines, page = run(world, "vague", rules=under(Policy(traffic=TrafficRules(account_required=False))))
    assert lines[-1].strip().startswith(f"Not compared with {world.address(key)}: ")
    assert "Not compared with" in page


def test_limits_count_what_was_credited_before(world: World) -> None:
    credited(world)
    world.conditions["apart"] = "account_sid = 'AC2'"
    (reason,) = held(run(world, "apart", rules=under(Policy(Limits(day=Decimal(5000)))))[0])
    assert reason.startswith("With $4,948.80 already credited on ")


@pytest.mark.parametrize(
    ("error", "why"),
    [(StateUnusable("The ConfigMap is gone."), "The ConfigMap is gone."),
     (Unreachable(STATE_STORE, "No answer."), "No answer.")],
)  # fmt: skip
def test_without_the_state_the_summaries_are_compared_with(world: World, error: Exception, why: str) -> None:
    key = credited(world)
    world.fail("state-read", error)
    lines, page = run(world, "again")
    assert lines[-1] == f"compared   Not compared with all of the state: {why}"
    (reason,) = held(lines)
    assert world.address(key) in reason
    assert why in page


def test_a_state_that_no_tick_has_used_is_said_to_be_new(world: World) -> None:
    assert run(world, "a")[0][-1].endswith("Not compared with all of the state: No tick has used this state yet.")


def test_a_state_of_which_a_part_is_unreadable_is_said_to_be(world: World) -> None:
    world.vandalise(credited(world))
    assert run(world, "a")[0][-1].endswith("Not compared with all of the state: A part of the state cannot be read.")


def test_without_the_summaries_the_amount_alone_is_looked_at(world: World) -> None:
    credited(world)
    world.conditions["again"] = "TRUE"
    world.fail("credited", Unreachable(SUMMARY_STORE, "The bucket does not answer."))
    lines, _ = run(world, "again", rules=under(Policy(Limits(request=Decimal(4000)))))
    too_much, nobody = held(lines)
    assert too_much == "The amount of $4,948.80 is above the limit of $4,000.00 for one request."
    assert nobody == "Nobody can tell whose traffic link 1 credits: no condition names the account."
    assert lines[-1] == "compared   Compared with no other credit: The bucket does not answer."


@pytest.mark.parametrize("fails", [(), ("credited",)], ids=["", "without the summaries"])
def test_the_limit_of_the_channel_counts_and_no_other_section(world: World, fails: Sequence[str]) -> None:
    """Whether the state knows the channel or not, and even if it cannot be compared with anything."""
    low = under(Policy(Limits(request=Decimal(4000)))).channels.everywhere
    rules = replace(RULES, channels=replace(RULES.channels, sections={"credit-emea": low}))
    world.conditions["a"] = "account_sid = 'AC1'"
    for call in fails:
        world.fail(call, Unreachable(SUMMARY_STORE, "The bucket does not answer."))
    assert [] == held(run(world, "a", rules=rules)[0])
    assert ["The amount of $4,948.80 is above the limit of $4,000.00 for one request."] == held(
        run(world, "a", rules=rules, there=low)[0]
    )


# -- the amount --------------------------------------------------------------------------------------------------------


def test_a_link_that_fails_is_named_with_what_happened(world: World) -> None:
    lines, page = run(world, "a", "gone")
    assert lines[0] == "answer     none: a person has to decide"
    assert "its SQL was not run" in lines[2]
    assert lines[-1].strip() == "The query gone does not exist. Share the link again."
    assert "The query gone does not exist." in page


def test_a_refused_amount_is_shown_with_the_reason(world: World) -> None:
    world.amounts["a"] = Decimal("100000.00")
    lines, _ = run(world, "a")
    assert lines[0] == "answer     none: a person has to decide"
    assert "above the fraud cost" in lines[-1]


def test_an_amount_that_would_be_held_has_the_reasons(world: World) -> None:
    lines, _ = run(
        world, "a", "b", rules=under(Policy(Limits(request=Decimal(9000)), traffic=TrafficRules(hold_overlap=False)))
    )
    assert ["The amount of $9,897.60 is above the limit of $9,000.00 for one request."] == held(lines)
    assert lines[0] == "answer     Approved, $9,897.60, exceptions"


def test_a_link_that_names_no_account_would_be_held(world: World) -> None:
    world.conditions["a"] = "TRUE"
    reasons = held(run(world, "a")[0])
    assert ["Nobody can tell whose traffic link 1 credits: no condition names the account."] == reasons
    assert [] == held(run(world, "a", rules=under(Policy(traffic=TrafficRules(account_required=False))))[0])


def test_links_of_a_product_that_is_off_have_no_answer(world: World) -> None:
    lines, _ = run(world, "other")
    assert lines[0] == "answer     none: no product is on for this SQL"


def test_a_reply_that_leaves_links_out_says_so(world: World) -> None:
    lines, _ = run(world, "a", "other")
    assert lines[1].startswith("note       The amount does not cover all links")


def test_a_service_that_is_down_is_the_error_of_the_command(world: World) -> None:
    world.fail("looker", Unreachable(LOOKER, "Looker is down."))
    with pytest.raises(Unreachable, match="Looker is down"):
        run(world, "a")


def test_links_may_be_typed_as_a_browser_shows_them() -> None:
    url = f"https://{HOST}/explore/m/v?fields=v.a&f[v.b]=1"
    assert links_in([url, f"https://{HOST}/x/a"]) == [url, f"https://{HOST}/x/a"]


def test_links_of_another_host_are_refused() -> None:
    with pytest.raises(SettingsError, match="None of these is a link to"):
        links_in(["https://example.com/looks/1"])


# -- second opinion ----------------------------------------------------------------------------------------------------

ASKED = under(replace(RULES.channels.everywhere.policy, opinion=OpinionRules(hold=True)))


def test_a_second_opinion_is_printed_and_shown(world: World) -> None:
    """As the summary of such a request would have it."""
    keep(world.models, five_percent())
    lines, page = run(world, "abc", rules=ASKED)
    assert "opinion    Too few to judge by days, prefixes and block rate; 12 answers of people for verify" in lines[-1]
    assert "<dt>Second opinion</dt><dd>Too few to judge" in page
    assert [] == held(lines)


def test_an_amount_that_is_unusual_would_be_held(world: World) -> None:
    keep(world.models, five_percent())
    world.amounts["abc"] = Decimal("9000.00")
    (reason,) = held(run(world, "abc", rules=ASKED)[0])
    assert reason.startswith("$9,000.00 is unusual for such traffic")


def test_without_a_model_the_second_opinion_says_so(world: World) -> None:
    lines, _ = run(world, "abc", rules=ASKED)
    assert "opinion    There is none: `creditbot model fit` has not made a model yet." == lines[-1]


def test_where_nobody_wants_a_second_opinion_none_is_printed(world: World) -> None:
    keep(world.models, five_percent())
    lines, page = run(world, "abc")
    assert not any(line.startswith("opinion") for line in lines)
    assert "Second opinion" not in page
