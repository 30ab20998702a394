"""The reasons to hold a computed amount until a person decides. Pure.

`policy`, `overlap` and whatever else asks for a person give `HoldReason` values; `answer` puts them together and asks
the approvers. What is known of the request comes in as `CreditFacts`, which `answer` makes from the record, the state
and the summaries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from creditbot.credit.footprint import Footprint, Unknown
from creditbot.decide.months import AccountMonth
from creditbot.decide.second_opinion import Opinion
from creditbot.model import HoldKind, HoldReason

__all__ = ["CreditFacts", "HoldKind", "HoldReason", "LinkFacts", "uncovered", "without_traffic"]


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """The credit of one link.

    Attributes:
        amount: USD.
        footprint: the traffic that is credited.
    """

    amount: Decimal
    footprint: Footprint


@dataclass(frozen=True, slots=True)
class CreditFacts:
    """What is known of a request when its amount could be posted.

    Attributes:
        links: the credits that the amount is the sum of.
        asked: UTC, when the request was written, or last edited.
        day: the UTC day on which it would be posted, such as "2026-01-08".
        credited_that_day: USD that the bot's replies to other requests credited on that day.
        credited_before: USD that the answers to other requests, by the bot and by people, credit to each account for
            each month; those of unknown traffic are left out.
        opinion: what people usually credit for such traffic; None if nobody can tell, or nobody asked.
    """

    links: tuple[LinkFacts, ...]
    asked: datetime
    day: str = ""
    credited_that_day: Decimal = Decimal(0)
    credited_before: Mapping[AccountMonth, Decimal] = field(default_factory=dict)
    opinion: Opinion | None = None

    @property
    def amount(self) -> Decimal:
        """USD, the sum over the links."""
        return sum((link.amount for link in self.links), Decimal("0.00"))


def without_traffic(product: str) -> Footprint:
    """The footprint of a credit that an earlier version computed: it kept none."""
    nothing = Unknown("an earlier version computed this credit")
    return Footprint(product, nothing, nothing, nothing)


def uncovered(reasons: Sequence[HoldReason], approved: Sequence[HoldReason]) -> tuple[HoldReason, ...]:
    """The reasons that an approval does not cover, because the approvers were not shown them."""
    shown = {(reason.kind, reason.about) for reason in approved}
    return tuple(reason for reason in reasons if (reason.kind, reason.about) not in shown)
