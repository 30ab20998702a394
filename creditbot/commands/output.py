"""What all commands share when they print for people: safe lines, and the words for where a request stands."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from creditbot.credit.amount import format_usd
from creditbot.model import Names
from creditbot.ports import People
from creditbot.text import printable
from creditbot.text.known_secrets import without_known_secrets

STATUS_WORDS = {
    "restarted": "restarted",
    "claimed": "being worked on",
    "computed": "computed",
    "held": "held for approval",
    "posting": "reply unconfirmed",
    "failed": "tried again later",
    "answered": "answered",
    "given_up": "given up",
    "denied": "denied",
    "skipped": "skipped",
    "elsewhere": "answered by others",
    "withdrawn": "withdrawn",
    "shadowed": "in shadow",
}
"""Status of a request -> what a person reads, at most 18 characters."""
WOULD_WORDS = {
    "answered": "would answer",
    "held": "would ask",
    "refused": "would refuse",
    "failed": "would fail",
}
"""What would have become of a request in shadow -> what a person reads, at most 18 characters."""

_NAMES_WITHIN = 120.0
"""Seconds that a person waits for names at most; a large workspace is seldom asked for more than some 200."""

_speaking = threading.Lock()


def defect(error: Exception) -> str:
    """The sentence about an error that nobody foresaw."""
    return f"This is a defect of creditbot ({type(error).__name__}); its log says where."


def say(line: str) -> None:
    """Prints a line for people without known secrets, at once, and whole even if several threads speak."""
    with _speaking:
        print(without_known_secrets(printable(line)), flush=True)


def names_of(people: People, users: Collection[str]) -> Names:
    """What people are called. If somebody's name is not known, the standard error says why."""
    names = people.names(users, _NAMES_WITHIN)
    if names.missing:
        sentence = f"Some people are shown by their member IDs alone. {names.missing}"
        print(without_known_secrets(printable(sentence)), file=sys.stderr, flush=True)
    return names


def count(number: int, noun: str) -> str:
    """Such as "1 request" or "2 requests"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def answer_line(who: str, amount: Decimal | None) -> str:
    """Who answered instead of us, and for how much (USD)."""
    if amount is None:
        return who
    return f"{who}: {format_usd(amount)}" if amount else f"{who}: no credit"


def utc(moment: datetime) -> str:
    """Such as "2026-01-09 12:00:00 UTC"."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
