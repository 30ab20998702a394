"""Which amounts a person decides on, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from creditbot.credit.footprint import Accounts, Days, Flagged, Footprint, Unit, Unknown, account_key
from creditbot.credit.traits import Traits
from creditbot.decide.hold import CreditFacts, HoldKind, HoldReason, LinkFacts, uncovered, without_traffic
from creditbot.decide.months import AccountMonth
from creditbot.decide.policy import Band, Limits, OpinionRules, Policy, Talkers, TrafficRules
from creditbot.decide.reasons import reasons_to_hold
from creditbot.decide.second_opinion import Alike, Opinion

ASKED = datetime(2026, 1, 8, tzinfo=UTC)
USUAL = Opinion(
    Decimal("100.00"), Decimal("200.00"), 50, 95, 41, Traits("verify", Decimal("300.00")),
    (Alike(Decimal("150.00"), Decimal("300.00"), "https://acme.slack.com/archives/C1/p1"),) * 3,
    "20260105T120000Z-0123456789ab",
)  # fmt: skip
NO_UNITS = Unknown("the notebook does not say which rows it flagged")
DECEMBER = date(2025, 12, 1)


def footprint(*accounts: str, start: str = "2025-12-01", end: str = "2026-01-01") -> Footprint:
    """Of these accounts, between these days."""
    names = Accounts({"account_sid": frozenset(accounts)}) if accounts else Unknown("no condition names the account")
    return Footprint("verify", names, Days("day", *map(datetime.fromisoformat, (start, end))), NO_UNITS)


def facts(*amounts: str, accounts: tuple[str, ...] = (), asked: datetime = ASKED, **known: object) -> CreditFacts:
    """What is known of a request with a Verify link per amount."""
    links = tuple(LinkFacts(Decimal(amount), footprint(*accounts)) for amount in amounts)
    return CreditFacts(links, asked, **known)  # type: ignore[arg-type]


def before(**amounts: int) -> dict[AccountMonth, Decimal]:
    """What was credited to accounts for December."""
    return {AccountMonth(account_key(name), DECEMBER): Decimal(amount) for name, amount in amounts.items()}


def texts(policy: Policy, known: CreditFacts) -> list[str]:
    return [reason.text for reason in reasons_to_hold(policy, known)]


@pytest.mark.parametrize(("amount", "held"), [("25000.00", False), ("25000.01", True)])
def test_without_a_policy_more_than_25000_usd_is_held(amount: str, held: bool) -> None:
    assert held == bool(reasons_to_hold(Policy(), facts(amount)))


def test_the_limit_for_one_request_counts_the_sum_of_its_links() -> None:
    policy = Policy(Limits(request=Decimal(1000)))
    assert texts(policy, facts("600.00", "400.01")) == [
        "The amount of $1,000.01 is above the limit of $1,000.00 for one request."
    ]


def test_no_limit_holds_nothing() -> None:
    assert () == reasons_to_hold(Policy(Limits(request=None)), facts("999999.99"))


@pytest.mark.parametrize(("before", "held"), [("600.00", False), ("600.01", True)])
def test_the_limit_of_a_day_counts_what_was_credited_before(before: str, held: bool) -> None:
    policy = Policy(Limits(day=Decimal(1000)))
    assert held == bool(reasons_to_hold(policy, facts("400.00", credited_that_day=Decimal(before))))


def test_a_day_limit_says_what_the_total_of_the_day_would_be() -> None:
    policy = Policy(Limits(day=Decimal(1000)))
    reasons = reasons_to_hold(policy, facts("400.00", day="2026-01-08", credited_that_day=Decimal(900)))
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
    known = facts("200.00", "200.00", accounts=("AC1", "AC2"), credited_before=before(AC1=100, AC2=101))
    assert reasons_to_hold(policy, known) == (
        HoldReason(
            HoldKind.MONTH_LIMIT,
            "With $101.00 already credited to AC2 for December 2025, its total for that month would be $501.00, above "
            "the limit of $500.00.",
            about=f"{account_key('AC2')} 2025-12",
        ),
    )


def test_a_month_limit_holds_links_of_unknown_traffic() -> None:
    """With the number of the link; the links whose traffic is known are counted all the same."""
    policy = Policy(Limits(account_month=Decimal(500)))
    known = facts("1.00", "501.00", accounts=("AC1",))
    first = replace(known.links[0], footprint=footprint())
    reasons = reasons_to_hold(policy, replace(known, links=(first, known.links[1])))
    assert [HoldKind.MONTH_LIMIT] * 2 == [reason.kind for reason in reasons]
    assert reasons[0].text == (
        "The limit of $500.00 per account and month cannot be checked for link 1: the accounts are not known (no "
        "condition names the account)."
    )
    assert "link 1" == reasons[0].about
    assert "its total for that month would be $501.00" in reasons[1].text


def test_every_reason_is_given() -> None:
    rules = TrafficRules(always_ask=("AC1",), claim_days=0)
    policy = Policy(Limits(request=Decimal(1), account_month=Decimal(1), day=Decimal(1)), traffic=rules)
    kinds = [reason.kind for reason in reasons_to_hold(policy, facts("2.00", accounts=("AC1",)))]
    assert kinds == [
        HoldKind.REQUEST_LIMIT, HoldKind.DAY_LIMIT, HoldKind.MONTH_LIMIT, HoldKind.ACCOUNTS, HoldKind.AGE,
    ]  # fmt: skip


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
        "A person decides if an account gets more than $5,000.00 for the traffic of one calendar month (UTC).",
        "A person decides if more than $20,000.00 is credited on one day (UTC).",
        (
            "A person decides if the SQL of a link does not restrict an account to names (account_sid, account_id, "
            "subaccount_sid, sub_account_sid)."
        ),
        "A person decides if some of the traffic was credited before, or may have been.",
        "A person decides if the SQL of a link may count rows twice.",
        "Traffic of any age is credited.",
        "A person decides if somebody says no in the thread, or if the person who asked takes the request back.",
        "A person decides if anybody but the person who asked writes in the thread before the answer.",
        "The approvers are U0ROSA, U0SAM. They are asked in the channel approvals.",
        "One of them has to say yes, and the vote of the person who asked does not count.",
        "Above $2,000.00, 2 of them have to say yes.",
        "Above $50,000.00, 3 of them have to say yes.",
        "Without a decision within 72 hours the request ends as denied.",
    ] == [*policy.words()]


def test_a_policy_without_a_limit_for_one_request_says_so() -> None:
    words = [*Policy(Limits(request=None), ("U0ROSA",)).words()]
    assert "No limit is set for one request." == words[0]
    assert "The approvers are U0ROSA. They are asked in a direct message to the owner." in words


@pytest.mark.parametrize(("amount", "held"), [("500.00", False), ("500.01", True)])
def test_a_month_limit_counts_an_account_that_got_nothing_before(amount: str, held: bool) -> None:
    policy = Policy(Limits(account_month=Decimal(500)))
    assert held == bool(reasons_to_hold(policy, facts(amount, accounts=("AC1",))))


def test_what_was_credited_for_another_month_does_not_count() -> None:
    policy = Policy(Limits(account_month=Decimal(500)))
    november = {AccountMonth(account_key("AC1"), date(2025, 11, 1)): Decimal(400)}
    assert () == reasons_to_hold(policy, facts("101.00", accounts=("AC1",), credited_before=november))


# -- accounts about which a person always decides ----------------------------------------------------------------------

ALWAYS = Policy(traffic=TrafficRules(always_ask=("AC1", "AC3")))


@pytest.mark.parametrize("name", ["AC1", " ac1 "], ids=["as listed", "as another warehouse writes it"])
def test_a_person_always_decides_about_listed_accounts(name: str) -> None:
    """However small the amount is."""
    (reason,) = reasons_to_hold(ALWAYS, facts("0.01", accounts=(name, "AC2")))
    assert reason == HoldReason(
        HoldKind.ACCOUNTS,
        "Link 1 is for AC1: a person decides on every credit for this account.",
        about=account_key("AC1"),
    )


def test_other_accounts_are_not_asked_about() -> None:
    assert () == reasons_to_hold(ALWAYS, facts("1.00", accounts=("AC2",)))


def test_a_flagged_row_of_a_listed_account_is_asked_about() -> None:
    """Where the SQL names no account, the notebook's rows may."""
    units = {Unit("AC3", date(2025, 12, 5), "+62", "basic"): Flagged(1, Decimal(1))}
    known = CreditFacts((LinkFacts(Decimal(1), replace(footprint(), units=units)),), ASKED)
    assert ["Link 1 is for AC3: a person decides on every credit for this account."] == texts(ALWAYS, known)


@pytest.mark.parametrize("required", [True, False])
def test_an_unknown_account_may_be_one_of_the_list(required: bool) -> None:
    """If the policy asks about unknown accounts anyway, that is reason enough."""
    policy = replace(ALWAYS, traffic=replace(ALWAYS.traffic, account_required=required))
    expected = "Nobody can tell whether link 1 is for an account to ask about: no condition names the account."
    assert ([] if required else [expected]) == texts(policy, facts("1.00"))


def test_flagged_rows_of_other_accounts_say_that_none_of_the_list_is_meant() -> None:
    """Where the SQL names no account, and the policy does not ask about that either."""
    units = {Unit("AC9", date(2025, 12, 5), "+62", "basic"): Flagged(1, Decimal(1))}
    known = CreditFacts((LinkFacts(Decimal(1), replace(footprint(), units=units)),), ASKED)
    assert () == reasons_to_hold(replace(ALWAYS, traffic=replace(ALWAYS.traffic, account_required=False)), known)


def test_without_a_list_no_account_is_asked_about() -> None:
    assert () == reasons_to_hold(Policy(traffic=TrafficRules(account_required=False)), facts("1.00"))


def test_a_link_that_may_be_for_a_listed_account_is_named() -> None:
    """So that an approval covers this link, and no other one."""
    policy = replace(ALWAYS, traffic=replace(ALWAYS.traffic, account_required=False))
    first, second = reasons_to_hold(policy, facts("1.00", "2.00"))
    assert (HoldKind.ACCOUNTS, "link 1") == (first.kind, first.about)
    assert (HoldKind.ACCOUNTS, "link 2") == (second.kind, second.about)


def test_a_credit_of_an_earlier_version_has_no_known_traffic() -> None:
    footprint = without_traffic("verify")
    unknown = Unknown("an earlier version computed this credit")
    assert Footprint("verify", unknown, unknown, unknown) == footprint


# -- age ---------------------------------------------------------------------------------------------------------------

CLAIMS = Policy(traffic=TrafficRules(claim_days=30))


@pytest.mark.parametrize(
    ("asked", "held"),
    [("2025-12-20T00:00Z", False), ("2026-01-30T23:59Z", False), ("2026-01-31T00:00Z", True)],
)
def test_claims_end_some_days_after_the_month(asked: str, held: bool) -> None:
    known = facts("1.00", accounts=("AC1",), asked=datetime.fromisoformat(asked))
    assert held == bool(reasons_to_hold(CLAIMS, known))


def test_a_reason_of_age_says_until_when_it_was_credited() -> None:
    known = facts("1.00", accounts=("AC1",), asked=datetime(2026, 2, 3, 1, tzinfo=UTC))
    assert reasons_to_hold(CLAIMS, known) == (
        HoldReason(
            HoldKind.AGE,
            "Link 1 is for traffic of December 2025, which is credited until 2026-01-30 (30 days after the end of the "
            "month), and it was asked for on 2026-02-03.",
            about="link 1",
        ),
    )


def test_without_a_rule_traffic_of_any_age_is_credited() -> None:
    old = footprint("AC1", start="2001-01-01", end="2001-02-01")
    assert () == reasons_to_hold(Policy(), CreditFacts((LinkFacts(Decimal(1), old),), ASKED))


def test_the_age_counts_from_the_first_month_that_was_flagged() -> None:
    """The window may be wider than what was flagged."""
    year = footprint("AC1", start="2025-01-01", end="2026-01-01")
    flagged = replace(year, units={Unit("AC1", date(2025, 12, 5), "+62", "basic"): Flagged(1, Decimal(1))})
    known = [CreditFacts((LinkFacts(Decimal(1), each),), ASKED) for each in (year, flagged)]
    assert [True, False] == [bool(reasons_to_hold(CLAIMS, each)) for each in known]


@pytest.mark.parametrize(
    ("days", "why"),
    [
        (Unknown("nobody knows"), "the days are not known (nobody knows)"),
        (Days("day", None, datetime.fromisoformat("2026-01-01")), "the SQL does not say when the traffic begins"),
    ],
)
def test_traffic_of_unknown_age_is_asked_about(days: Days | Unknown, why: str) -> None:
    known = CreditFacts((LinkFacts(Decimal(1), replace(footprint("AC1"), days=days)),), ASKED)
    assert [f"Nobody can tell how old the traffic of link 1 is: {why}."] == texts(CLAIMS, known)


# -- what people usually credit ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "held"), [("99.99", True), ("100.00", False), ("200.00", False), ("200.01", True)])
def test_an_amount_outside_of_what_people_credit_is_held(amount: str, held: bool) -> None:
    policy = Policy(opinion=OpinionRules(hold=True))
    reasons = reasons_to_hold(policy, facts(amount, opinion=USUAL))
    assert held == bool(reasons)
    assert {(HoldKind.OPINION, "20260105T120000Z-0123456789ab")} >= {(reason.kind, reason.about) for reason in reasons}


def test_an_unusual_amount_is_held_with_what_would_be_usual() -> None:
    alike = "$150.00 of $300.00 (https://acme.slack.com/archives/C1/p1)"
    (text,) = texts(Policy(opinion=OpinionRules(hold=True)), facts("200.01", opinion=USUAL))
    assert text == (
        "$200.01 is unusual for such traffic: usually between $100.00 and $200.00 (95 %, by 50 answers of people); "
        f"the three most alike were {alike}, {alike} and {alike}."
    )


@pytest.mark.parametrize(("policy", "opinion"), [(Policy(), "given"), (Policy(opinion=OpinionRules(hold=True)), None)])
def test_an_opinion_that_nobody_asked_for_or_gave_holds_nothing(policy: Policy, opinion: str | None) -> None:
    assert () == reasons_to_hold(policy, facts("300.00", opinion=USUAL if opinion else None))


def test_a_policy_says_how_usual_an_amount_has_to_be() -> None:
    policy = Policy(opinion=OpinionRules(hold=True, percent=90))
    usual = "what people usually credit for such traffic (90 % of their answers)"
    assert f"A person decides if the amount is outside of {usual}." in list(policy.words())
    assert not any("usually" in sentence for sentence in Policy().words())


# -- whose talk holds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("talk", "holds", "words"),
    [
        ("everybody", [True, True], "if anybody but the person who asked writes"),
        ("approvers", [True, False], "if an approver writes"),
        ("nobody", [False, False], "Plain talk in the thread is let pass."),
    ],
)
def test_a_policy_says_whose_talk_holds(talk: Talkers, holds: list[bool], words: str) -> None:
    policy = Policy(approvers=("U0ROSA",), talk=talk)
    assert holds == [policy.talk_holds(user) for user in ("U0ROSA", "U0SAM")]
    assert 1 == sum(words in sentence for sentence in policy.words())


def test_each_rule_changes_what_an_approval_is_of() -> None:
    policies = [
        Policy(), Policy(talk="nobody"), Policy(talk="approvers"), Policy(opinion=OpinionRules(hold=True)),
        CLAIMS, ALWAYS, Policy(Limits(day=Decimal(1))),
    ]  # fmt: skip
    assert len(policies) == len({policy.digest for policy in policies})


# -- SQL that may count rows twice -------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", [True, False])
def test_sql_that_may_count_rows_twice_is_asked_about(hold: bool) -> None:
    """How much of the credit is too much, nobody knows."""
    twice = replace(footprint(), repeats="it joins u without saying which of its rows belongs to a row of the traffic")
    known = CreditFacts((LinkFacts(Decimal(1), footprint()), LinkFacts(Decimal("45.50"), twice)), ASKED)
    found = reasons_to_hold(replace(Policy(), traffic=TrafficRules(hold_overlap=hold)), known)
    expected = HoldReason(
        HoldKind.REPEATS,
        "The SQL of link 2 may count rows twice, so its $45.50 may be too much: it joins u without saying which of its "
        "rows belongs to a row of the traffic.",
        about="link 2",
    )
    assert found == ((expected,) if hold else ())


# -- in words ----------------------------------------------------------------------------------------------------------


def test_a_policy_that_asks_nothing_of_the_traffic_says_so() -> None:
    traffic = TrafficRules(("customer",), account_required=False, hold_overlap=False)
    _limit, accounts, overlap, *_ = Policy(traffic=traffic).words()
    assert "The SQL of a link need not restrict an account (customer)." == accounts
    assert "Traffic may be credited again by other SQL, and its own SQL may count rows twice." == overlap


def test_a_policy_about_accounts_and_age_says_so() -> None:
    words = [*replace(ALWAYS, traffic=replace(ALWAYS.traffic, claim_days=30)).words()]
    assert "A person decides on every credit for AC1, AC3." in words
    assert "A person decides on traffic whose month ended (UTC) more than 30 days before the request." in words
