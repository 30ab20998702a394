"""The reasons to hold a computed amount until a person decides. Pure.

`policy`, `overlap` and whatever else asks for a person give `HoldReason` values; `answer` puts them together and asks
the approvers. What is known of the request comes in as `CreditFacts`, which `answer` makes from the record and the
state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum


class HoldKind(Enum):
    """What a reason is about. The values are stored in the state."""

    REQUEST_LIMIT = "request limit"
    """The amount of the request is above the limit for one request."""
    DAY_LIMIT = "day limit"
    """With it, more would be credited on one UTC day than the policy allows."""
    MONTH_LIMIT = "month limit"
    """With it, more would be credited to an account for one calendar month than the policy allows, or nobody knows."""
    ACCOUNTS = "accounts"
    """The traffic is not, or not provably, that of named accounts."""
    OVERLAP = "overlap"
    """Some of the traffic was, or may have been, credited before."""
    AGE = "age"
    """The traffic is older than the policy allows."""


@dataclass(frozen=True, slots=True)
class HoldReason:
    """Why an amount waits for a person.

    Attributes:
        kind: what the reason is about.
        text: one line of plain English with the numbers in it, which ends with a full stop.
        about: what makes it the same reason when it is found again, apart from its numbers: the day of a day limit,
            the key of the other request of an overlap. An approval covers the reasons that the approvers were shown;
            one with another kind or another `about` has to be approved as well.
    """

    kind: HoldKind
    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """The credit of one link.

    Attributes:
        amount: USD.
        product: name of the product, "" where it is not known.
        accounts: the accounts whose traffic is credited; None where they are not known.
    """

    amount: Decimal
    product: str = ""
    accounts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CreditFacts:
    """What is known of a request when its amount could be posted.

    Attributes:
        links: the credits that the amount is the sum of.
        day: the UTC day on which it would be posted, such as "2026-01-08".
        credited_that_day: USD that was credited on that day to other requests, by replies of ours.
        credited_to: account -> USD that was credited to it by replies of ours in the calendar month of the traffic, for
            other requests; None where that is not known.
    """

    links: tuple[LinkFacts, ...]
    day: str = ""
    credited_that_day: Decimal = Decimal(0)
    credited_to: Mapping[str, Decimal] | None = field(default=None)

    @property
    def amount(self) -> Decimal:
        """USD, the sum over the links."""
        return sum((link.amount for link in self.links), Decimal("0.00"))


def uncovered(reasons: Sequence[HoldReason], approved: Sequence[HoldReason]) -> tuple[HoldReason, ...]:
    """The reasons that an approval does not cover, because the approvers were not shown them."""
    shown = {(reason.kind, reason.about) for reason in approved}
    return tuple(reason for reason in reasons if (reason.kind, reason.about) not in shown)
