"""Which amounts a person decides on, and why."""

from __future__ import annotations

from decimal import Decimal

import pytest

from creditbot.decide.hold import CreditFacts, HoldKind, HoldReason, LinkFacts, uncovered
from creditbot.decide.policy import Band, Limits, Policy, TrafficRules


def facts(*amounts: str, accounts: tuple[str, ...] | None = None, **known: object) -> CreditFacts:
    """What is known of a request with a Verify link per amount."""
    links = tuple(LinkFacts(Decimal(amount), "verify", accounts) for amount in amounts)
    return CreditFacts(links, **known)  # type: ignore[arg-type]


def texts(policy: Policy, known: CreditFacts) -> list[str]:
    return [reason.text for reason in policy.reasons(known)]


@pytest.mark.parametrize(("amount", "held"), [("25000.00", False), ("25000.01", True)])
def test_without_a_policy_more_than_25000_usd_is_held(amount: str, held: bool) -> None:
    assert held == bool(Policy().reasons(facts(amount)))


def test_the_limit_for_one_request_counts_the_sum_of_its_links() -> None:
    policy = Policy(Limits(request=Decimal(1000)))
    assert texts(policy, facts("600.00", "400.01")) == [
        "The amount of $1,000.01 is above the limit of $1,000.00 for one request."
    ]


def test_no_limit_holds_nothing() -> None:
    assert () == Policy(Limits(request=None)).reasons(facts("999999.99"))


@pytest.mark.parametrize(("before", "held"), [("600.00", False), ("600.01", True)])
def test_the_limit_of_a_day_counts_what_was_credited_before(before: str, held: bool) -> None:
    policy = Policy(Limits(day=Decimal(1000)))
    assert held == bool(policy.reasons(facts("400.00", credited_that_day=Decimal(before))))


def test_a_day_limit_says_what_the_total_of_the_day_would_be() -> None:
    policy = Policy(Limits(day=Decimal(1000)))
    reasons = policy.reasons(facts("400.00", day="2026-01-08", credited_that_day=Decimal(900)))
    assert reasons == (
        HoldReason(
            HoldKind.DAY_LIMIT,
            "With $900.00 already credited on 2026-01-08 (UTC), the day's total would be $1,300.00, above the limit of "
            "$1,000.00.",
            about="2026-01-08",
        ),
    )


def test_a_month_limit_names_each_account_that_is_above_it() -> None:
    policy = Policy(Limits(account_month=Decimal(500)))
    known = facts("200.00", "200.00", accounts=("AC1", "AC2"), credited_to={"AC1": Decimal(100), "AC2": Decimal(101)})
    assert texts(policy, known) == [
        "With $101.00 already credited to AC2 for the month, its total would be $501.00, above the limit of $500.00."
    ]


@pytest.mark.parametrize(
    "known",
    [facts("1.00", credited_to={}), facts("1.00", accounts=("AC1",))],
    ids=["accounts unknown", "month unknown"],
)
def test_a_month_limit_that_cannot_be_checked_holds_the_amount(known: CreditFacts) -> None:
    policy = Policy(Limits(account_month=Decimal(500)))
    assert texts(policy, known) == [
        "The limit of $500.00 per account and month cannot be checked: the accounts are not known."
    ]


def test_every_reason_is_given() -> None:
    policy = Policy(Limits(request=Decimal(1), account_month=Decimal(1), day=Decimal(1)))
    kinds = [reason.kind for reason in policy.reasons(facts("2.00"))]
    assert kinds == [HoldKind.REQUEST_LIMIT, HoldKind.DAY_LIMIT, HoldKind.MONTH_LIMIT]


@pytest.mark.parametrize(("amount", "people"), [("1000.00", 1), ("1000.01", 2), ("50000.01", 3)])
def test_larger_amounts_need_more_people(amount: str, people: int) -> None:
    policy = Policy(bands=(Band(Decimal(50_000), 3), Band(Decimal(1000), 2)))
    assert people == policy.quorum(Decimal(amount))


def test_an_approval_covers_the_reasons_that_were_shown() -> None:
    shown = HoldReason(HoldKind.DAY_LIMIT, "$1,300.00 today.", about="2026-01-08")
    grown = HoldReason(HoldKind.DAY_LIMIT, "$1,900.00 today.", about="2026-01-08")
    next_day = HoldReason(HoldKind.DAY_LIMIT, "$1,300.00 today.", about="2026-01-09")
    other_kind = HoldReason(HoldKind.REQUEST_LIMIT, "$1,300.00 at once.")
    assert (next_day, other_kind) == uncovered([grown, next_day, other_kind], [shown])


def test_the_policy_is_said_in_words() -> None:
    policy = Policy(
        Limits(Decimal(1000), Decimal(5000), Decimal(20_000)), ("U0ROSA", "U0SAM"), "approvals",
        bands=(Band(Decimal(50_000), 3), Band(Decimal(2000), 2)),
    )  # fmt: skip
    assert [
        "A person decides on a request of more than $1,000.00.",
        "A person decides if an account gets more than $5,000.00 for one month.",
        "A person decides if more than $20,000.00 is credited on one day (UTC).",
        (
            "A person decides if the SQL of a link does not restrict an account to names (account_sid, account_id, "
            "subaccount_sid, sub_account_sid)."
        ),
        "A person decides if some of the traffic was credited before, or may have been.",
        "The approvers are U0ROSA, U0SAM. They are asked in the channel approvals.",
        "One of them has to say yes, and the vote of the person who asked does not count.",
        "Above $2,000.00, 2 of them have to say yes.",
        "Above $50,000.00, 3 of them have to say yes.",
        "Without a decision within 72 hours the request ends as denied.",
    ] == [*policy.words()]


def test_a_policy_without_a_limit_for_one_request_says_so() -> None:
    first, _accounts, _overlap, fourth, *_ = Policy(Limits(request=None), ("U0ROSA",)).words()
    assert "No limit is set for one request." == first
    assert "The approvers are U0ROSA. They are asked in a direct message to the owner." == fourth


def test_a_month_limit_counts_an_account_that_got_nothing_before() -> None:
    policy = Policy(Limits(account_month=Decimal(500)))
    known = facts("500.01", accounts=("AC1",), credited_to={})
    text = "With $0.00 already credited to AC1 for the month, its total would be $500.01, above the limit of $500.00."
    assert (HoldReason(HoldKind.MONTH_LIMIT, text, about="AC1"),) == policy.reasons(known)
    assert () == policy.reasons(facts("500.00", accounts=("AC1",), credited_to={}))


def test_a_policy_that_asks_nothing_of_the_traffic_says_so() -> None:
    traffic = TrafficRules(("customer",), account_required=False, hold_overlap=False)
    _limit, accounts, overlap, *_ = Policy(traffic=traffic).words()
    assert "The SQL of a link need not restrict an account (customer)." == accounts
    assert "Traffic may be credited again, by other SQL." == overlap
