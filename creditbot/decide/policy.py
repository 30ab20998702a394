"""The policy: which amounts a person decides on, who decides, and for how long. Pure.

`bootstrap` makes the policy from POLICY_FILE (`policy_file`) and the settings. `reasons` gives what it says about one
request; `answer` asks it for how many approvers have to agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from creditbot.credit.amount import format_usd
from creditbot.model import ACCOUNT_FIELDS

DEFAULT_LIMIT = Decimal(25_000)
"""USD per request, above which a person decides if nobody has set a limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Amounts above which a person decides, in USD; None means no limit.

    Attributes:
        request: for the amount of one request.
        account_month: for what one account is credited for one calendar month of traffic.
        day: for all that is credited on one UTC day.
    """

    request: Decimal | None = DEFAULT_LIMIT
    account_month: Decimal | None = None
    day: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """How many people have to approve large amounts.

    Attributes:
        above: USD; the band holds for amounts above this.
        people: distinct approvers who have to say yes.
    """

    above: Decimal
    people: int


@dataclass(frozen=True, slots=True)
class TrafficRules:
    """What must be known of the traffic of a credit, or else a person decides.

    Attributes:
        account_fields: the columns that name an account.
        account_required: the SQL of each link must restrict one of them to names.
        hold_overlap: a person decides where traffic may be credited a second time, or its SQL may count rows twice.
        always_ask: accounts about which a person decides, whatever the amount.
        claim_days: a person decides if the month of the traffic ended more days before the request than this; or None.
    """

    account_fields: tuple[str, ...] = ACCOUNT_FIELDS
    account_required: bool = True
    hold_overlap: bool = True
    always_ask: tuple[str, ...] = ()
    claim_days: int | None = None


@dataclass(frozen=True, slots=True)
class OpinionRules:
    """Whether an amount is held for a second opinion.

    Attributes:
        hold: whether a person decides on an amount outside of the interval.
        percent: of answers that the interval is meant to hold.
    """

    hold: bool = False
    percent: int = 95

    @property
    def least(self) -> int:
        """The fewest answers to make an interval from: 41 for 95 %, 21 for 90 %.

        The formula has ends from half as many on, but each of them would then be one single answer. MAPIE asks for as
        many where the two sides are judged apart.
        """
        return 200 // (100 - self.percent) + 1


Talkers = Literal["everybody", "approvers", "nobody"]
"""Whose plain talk in the thread holds a request; the person who asked is not among "everybody"."""


_TALK: Mapping[Talkers, str] = {
    "everybody": "A person decides if anybody but the person who asked writes in the thread before the answer.",
    "approvers": "A person decides if an approver writes in the thread before the answer; other talk is let pass.",
    "nobody": "Plain talk in the thread is let pass.",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Which amounts a person decides on, and who.

    Attributes:
        limits: amounts above which a person decides.
        approvers: Slack ids of the people whose votes count.
        channel: where approvers are asked, by name or id; "" for direct messages to the owner.
        expires: how long after it began a hold ends as denied.
        bands: for amounts that need more than one approver.
        traffic: what must be known of the traffic.
        talk: whose plain talk in the thread holds a request.
        opinion: whether a person decides on an amount that people do not usually credit.
    """

    limits: Limits = Limits()
    approvers: tuple[str, ...] = ()
    channel: str = ""
    expires: timedelta = timedelta(hours=72)
    bands: tuple[Band, ...] = ()
    traffic: TrafficRules = field(default=TrafficRules(), repr=False)
    talk: Talkers = field(default="everybody", repr=False)
    opinion: OpinionRules = field(default=OpinionRules(), repr=False)

    @property
    def digest(self) -> str:
        """A hash of the whole policy: an approval under another policy does not count."""
        traffic = repr(self.traffic) if self.traffic != TrafficRules() else ""  # what was approved before stays so
        talk = self.talk if self.talk != "everybody" else ""
        opinion = repr(self.opinion) if self.opinion != OpinionRules() else ""
        return hashlib.sha256(f"{self!r}{traffic}{talk}{opinion}".encode()).hexdigest()

    def words(self) -> Iterator[str]:
        """The policy in sentences, for people to check."""
        yield from self._limits_in_words()
        yield from self._traffic_in_words()
        if self.opinion.hold:
            yield (
                "A person decides if the amount is outside of what people usually credit for such traffic "
                f"({self.opinion.percent} % of their answers)."
            )
        yield "A person decides if somebody says no in the thread, or if the person who asked takes the request back."
        yield _TALK[self.talk]
        where = f"in the channel {self.channel}" if self.channel else "in a direct message to the owner"
        yield f"The approvers are {', '.join(self.approvers)}. They are asked {where}."
        yield "One of them has to say yes, and the vote of the person who asked does not count."
        for band in sorted(self.bands, key=lambda band: band.above):
            yield f"Above {format_usd(band.above)}, {band.people} of them have to say yes."
        yield f"Without a decision within {self.expires / timedelta(hours=1):g} hours the request ends as denied."

    def _limits_in_words(self) -> Iterator[str]:
        limits = self.limits
        if limits.request is None:
            yield "No limit is set for one request."
        else:
            yield f"A person decides on a request of more than {format_usd(limits.request)}."
        if limits.account_month is not None:
            month = f"more than {format_usd(limits.account_month)} for the traffic of one calendar month (UTC)"
            yield f"A person decides if an account gets {month}."
        if limits.day is not None:
            yield f"A person decides if more than {format_usd(limits.day)} is credited on one day (UTC)."

    def _traffic_in_words(self) -> Iterator[str]:
        fields = ", ".join(self.traffic.account_fields)
        if self.traffic.account_required:
            yield f"A person decides if the SQL of a link does not restrict an account to names ({fields})."
        else:
            yield f"The SQL of a link need not restrict an account ({fields})."
        if self.traffic.always_ask:
            yield f"A person decides on every credit for {', '.join(self.traffic.always_ask)}."
        if self.traffic.hold_overlap:
            yield "A person decides if some of the traffic was credited before, or may have been."
            yield "A person decides if the SQL of a link may count rows twice."
        else:
            yield "Traffic may be credited again by other SQL, and its own SQL may count rows twice."
        days = self.traffic.claim_days
        if days is None:
            yield "Traffic of any age is credited."
        else:
            yield f"A person decides on traffic whose month ended (UTC) more than {days} days before the request."

    def talk_holds(self, user: str) -> bool:
        """Whether plain talk of this person, who did not ask, holds a request."""
        return self.talk == "everybody" or (self.talk == "approvers" and user in self.approvers)

    def quorum(self, amount: Decimal) -> int:
        """How many distinct approvers have to say yes to an amount in USD."""
        return max((band.people for band in self.bands if amount > band.above), default=1)
