"""Why a person has to decide on a request: what the policy says about its credits. Pure.

A `Policy` and what is known of the request come in, and `HoldReason` values go out to `answer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from creditbot.credit.amount import format_usd
from creditbot.credit.footprint import Footprint, Unknown, account_key
from creditbot.decide.hold import CreditFacts, HoldKind, HoldReason
from creditbot.decide.months import Shares, account_names, added, first_month, next_month, shares_of
from creditbot.decide.policy import Policy
from creditbot.decide.second_opinion import opinion_in_words


def reasons_to_hold(policy: Policy, facts: CreditFacts) -> tuple[HoldReason, ...]:
    """Why a person has to decide on a request; empty if the policy lets it pass."""
    found = (
        _request_limit(policy, facts), _day_limit(policy, facts), *_month_limits(policy, facts),
        *_accounts(policy, facts), *_repeats(policy, facts), *_ages(policy, facts), _second_opinion(policy, facts),
    )  # fmt: skip
    return tuple(reason for reason in found if reason)


def _request_limit(policy: Policy, facts: CreditFacts) -> HoldReason | None:
    limit = policy.limits.request
    if limit is None or facts.amount <= limit:
        return None
    text = f"The amount of {format_usd(facts.amount)} is above the limit of {format_usd(limit)} for one request."
    return HoldReason(HoldKind.REQUEST_LIMIT, text)


def _day_limit(policy: Policy, facts: CreditFacts) -> HoldReason | None:
    limit, total = policy.limits.day, facts.credited_that_day + facts.amount
    if limit is None or total <= limit:
        return None
    text = (
        f"With {format_usd(facts.credited_that_day)} already credited on {facts.day} (UTC), the day's total would "
        f"be {format_usd(total)}, above the limit of {format_usd(limit)}."
    )
    return HoldReason(HoldKind.DAY_LIMIT, text, about=facts.day)


def _month_limits(policy: Policy, facts: CreditFacts) -> Iterator[HoldReason]:
    limit = policy.limits.account_month
    if limit is None:
        return
    shares: list[Shares] = []
    for number, link in enumerate(facts.links, 1):
        of_link = shares_of(link.footprint, link.amount)
        if isinstance(of_link, Unknown):
            text = (
                f"The limit of {format_usd(limit)} per account and month cannot be checked for link {number}: "
                f"{of_link.reason}."
            )
            yield HoldReason(HoldKind.MONTH_LIMIT, text, about=f"link {number}")
        else:
            shares.append(of_link)
    names = account_names(link.footprint for link in facts.links)
    for place, share in sorted(added(shares).items()):
        before = facts.credited_before.get(place, Decimal(0))
        if before + share > limit:
            text = (
                f"With {format_usd(before)} already credited to {names[place.account]} for {place.month:%B %Y}, "
                f"its total for that month would be {format_usd(before + share)}, above the limit of "
                f"{format_usd(limit)}."
            )
            yield HoldReason(HoldKind.MONTH_LIMIT, text, about=f"{place.account} {place.month:%Y-%m}")


def _accounts(policy: Policy, facts: CreditFacts) -> Iterator[HoldReason]:
    """Why a person decides about the accounts of the links, whatever the amount."""
    listed = {account_key(name): name for name in policy.traffic.always_ask}
    for number, link in enumerate(facts.links, 1) if listed else ():
        every = account_names([link.footprint])
        for key in sorted(listed.keys() & every.keys()):
            text = f"Link {number} is for {listed[key]}: a person decides on every credit for this account."
            yield HoldReason(HoldKind.ACCOUNTS, text, about=key)
        accounts = link.footprint.accounts
        if isinstance(accounts, Unknown) and not every and not policy.traffic.account_required:
            text = f"Nobody can tell whether link {number} is for an account to ask about: {accounts.reason}."
            yield HoldReason(HoldKind.ACCOUNTS, text, about=f"link {number}")


def _repeats(policy: Policy, facts: CreditFacts) -> Iterator[HoldReason]:
    """The links whose own SQL may count rows more than once."""
    for number, link in enumerate(facts.links, 1) if policy.traffic.hold_overlap else ():
        if why := link.footprint.repeats:
            amount = format_usd(link.amount)
            text = f"The SQL of link {number} may count rows twice, so its {amount} may be too much: {why}."
            yield HoldReason(HoldKind.REPEATS, text, about=f"link {number}")


def _ages(policy: Policy, facts: CreditFacts) -> Iterator[HoldReason]:
    """The links whose traffic is too old, or may be."""
    days = policy.traffic.claim_days
    for number, link in enumerate(facts.links, 1) if days is not None else ():
        assert days is not None
        if text := _too_old(number, link.footprint, facts.asked, days):
            yield HoldReason(HoldKind.AGE, text, about=f"link {number}")


def _second_opinion(policy: Policy, facts: CreditFacts) -> HoldReason | None:
    """Another model is another reason: approvers are shown what they decide on."""
    opinion = facts.opinion
    if not policy.opinion.hold or opinion is None or not opinion.is_outside(facts.amount):
        return None
    amount = format_usd(facts.amount)
    text = f"{amount} is unusual for such traffic: {opinion_in_words(opinion)}."
    return HoldReason(HoldKind.OPINION, text, about=opinion.model)


def _too_old(number: int, footprint: Footprint, asked: datetime, days: int) -> str:
    """Why a person decides on traffic of this age; "" if it was asked about in time."""
    month = first_month(footprint)
    if isinstance(month, Unknown):
        return f"Nobody can tell how old the traffic of link {number} is: {month.reason}."
    last = next_month(month) + timedelta(days=days - 1)
    if asked.date() <= last:
        return ""
    return (
        f"Link {number} is for traffic of {month:%B %Y}, which is credited until {last} ({days} days after the end of "
        f"the month), and it was asked for on {asked.date()}."
    )
