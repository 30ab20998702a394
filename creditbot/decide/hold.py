"""The reasons to hold a computed amount until a person decides. Pure.

`policy`, `overlap` and whatever else asks for a person give `HoldReason` values; `answer` puts them together and asks
the approvers. What is known of the request comes in as `CreditFacts`, which `answer` makes from the record and the
state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from creditbot.model import HoldKind, HoldReason

__all__ = ["CreditFacts", "HoldKind", "HoldReason", "LinkFacts", "uncovered"]


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
        credited_that_day: USD that the bot's replies to other requests credited on that day.
        credited_to: account -> USD that the bot's replies to other requests credited to it in the calendar month of the
            traffic; None where that is not known.
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
