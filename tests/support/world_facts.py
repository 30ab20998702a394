"""Names, numbers and addresses of the in-memory world, and the small values that its parts share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import get_ident
from typing import Any, TypeVar

from creditbot import slack_time
from creditbot.answer.rules import Rules
from creditbot.credit.products import default_products
from creditbot.decide.channel_rules import ChannelRules, ChannelTable
from creditbot.decide.policy import Policy
from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import RequestRules
from creditbot.model import (
    Message,
)
from creditbot.state.record import Status

T = TypeVar("T")
Fault = Callable[[str, Callable[[], Any]], Any]
"""Given an effect, performs it, or not, or later; returns what it gives, or raises what a port raises."""
TEAM, CHANNEL, BOT_USER, BOT, PERSON, OWNER = "T0TEST", "C0TEST", "U0BOT", "B0BOT", "U0PERSON", "U0OWNER"
START = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
HOST = "acme.looker.com"
REQUEST_RULES = RequestRules(looker_host(f"https://{HOST}"))
RULES = Rules(
    REQUEST_RULES, lookback=timedelta(hours=72), settle=timedelta(minutes=15), attempts=3,
    duplicates=timedelta(days=35), channels=ChannelTable(
        ChannelRules(OWNER, "Approved, {amount}, exceptions", policy=Policy(approvers=(OWNER,)))
    ),
)  # fmt: skip


def ruled(rules: Rules = RULES, **changes: Any) -> Rules:
    """The rules with changes to those of every channel that has no section."""
    return replace(rules, channels=replace(rules.channels, everywhere=replace(rules.channels.everywhere, **changes)))


REFERENCE = "Approved, $4,948.80, exceptions"
VERIFY, BOTH = default_products("verify.ipynb", None), default_products("verify.ipynb", "psms.ipynb")
UNIT_COLUMNS = ["account", "day", "prefix", "mode", "messages", "cost"]


def ts_of(moment: datetime, number: int = 0) -> str:
    """A Slack ts at that moment; `number` keeps messages of one moment apart."""
    return slack_time.ts_of(moment.replace(microsecond=number))


def explore_link(slug: str) -> str:
    """A link to an Explore, as Slack gives it."""
    return f"<https://{HOST}/explore/m/v?qid={slug}>"


def short_link(slug: str) -> str:
    """A short link to an Explore, as Slack gives it."""
    return f"<https://{HOST}/x/{slug}>"


class Killed(BaseException):
    """SIGKILL: nothing in the bot catches it."""


@dataclass
class Post:
    """A message that is on its way to everybody's eyes."""

    message: Message
    visible_at: datetime


@dataclass(frozen=True)
class Outcome:
    """What has come of a request.

    Attributes:
        status: in the state.
        replies: texts in its thread, whoever wrote them.
        told: how many messages the owner got, about whatever.
        runs: slugs that notebooks ran for, in the whole world.
    """

    status: Status
    replies: list[str] = field(default_factory=list)
    told: int = 0
    runs: list[str] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Repeated:
    """What a process does again and again: when next, after how long again, what, and in which thread it works."""

    due: datetime
    every: timedelta
    action: Callable[[], bool]
    thread: int = field(default_factory=get_ident)
