"""Words the question to the approvers, and what is said when it was decided, contested or deleted. Pure.

`holding` gives the facts, and `owner` sends the text. Who has nothing but Slack must be able to decide by it, so no
reason is cut without a word: where there are too many, the question says how many more the page shows.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from creditbot.answer.asked_for import LONGEST_QUOTE, quoted, traffic_by_product
from creditbot.credit.amount import format_usd
from creditbot.decide.approval import short
from creditbot.decide.hold import HoldKind
from creditbot.decide.paid_twice import Credited
from creditbot.state.record import Hold
from creditbot.text import one_line

LONGEST_QUESTION = 3_500
"""Characters of a question as Slack counts them: when it is closed, Slack takes 4,000 with what is added then."""
LONGEST_REASON, LONGEST_TRAFFIC, LONGEST_REPLY, LONGEST_NAME = 500, 250, 200, 40
MOST_PRODUCTS = 3
MOST_VOTERS = 15
_LARGEST = len("&amp;")
"""What Slack counts for one character at most."""
_MORE_ROOM = 90
"""Characters of the line that says how many more reasons there are."""


@dataclass(frozen=True, slots=True)
class Question:
    """What approvers are told about a held request.

    Attributes:
        address: of the request.
        author: Slack id of the person who asks for the credit.
        words: of the request, as Slack gives them.
        amount: USD.
        links: what is credited, link by link; empty where nobody knows the traffic.
        hold: why it waits, until when, and what exactly is decided on.
        twice: USD that would be paid twice for certain, over all reasons.
        perhaps_more: whether more than that may be paid twice.
        reply: what a yes posts.
        voters: Slack ids of those whose votes count.
        quorum: how many of them have to say yes.
        page: address of the evidence.
    """

    address: str
    author: str
    words: str
    amount: Decimal
    links: Sequence[Credited]
    hold: Hold
    twice: Decimal
    perhaps_more: bool
    reply: str
    voters: Sequence[str]
    quorum: int
    page: str


def question_text(question: Question) -> str:
    """The message that asks the approvers."""
    hold = question.hold
    head = [
        f"A credit of {format_usd(question.amount)} waits for a decision: {question.address}",
        f"Asked by @{question.author}: “{_short(quoted(question.words), LONGEST_QUOTE)}”",
        *_traffic(question.links),
        "Why it waits:",
    ]
    tail = [
        *_in_all(question),
        f"Yes (✅ or 👍 on this message): I will reply “{_short(question.reply, LONGEST_REPLY)}” once.",
        "No (❌ or 👎): I will not reply, and somebody has to answer by hand.",
        _who_decides(question.voters, question.quorum),
        f"Without a decision before {hold.until:%Y-%m-%d %H:%M} UTC the request ends as denied.",
        f"Evidence: {question.page}",
        f"Approval digest of exactly what you decide on: {short(hold.digest)}",
    ]
    reasons = [_bullet(reason.text) for reason in hold.reasons]
    shown = _fitting(reasons, LONGEST_QUESTION - _size("\n".join([*head, *tail])))
    return "\n".join([*head, *shown, *tail])


def denied_text(permalink: str, reason: str, page: str) -> str:
    """The message to the owner about a held request that was not approved."""
    return (
        f"I have not answered {permalink}: {reason} If it needs an answer, please answer by hand. To have it computed "
        f"and put to the approvers again, run `creditbot retry` with its address. What I know about it: {page}"
    )


def contested_text(permalink: str, yes: str, no: str, until: datetime) -> str:
    """The message to the approvers about a held request with both a yes and a no."""
    return (
        f"{yes} said yes and {no} said no to {permalink}, so nothing happens. Please agree, and take one of the votes "
        f"back before {until:%Y-%m-%d %H:%M} UTC."
    )


def unasked_text(permalink: str, until: datetime) -> str:
    """The message to the owner about a question that approvers can no longer react to."""
    return (
        f"The question to the approvers about {permalink} was deleted, so nobody can react to it. Please decide with "
        f"`creditbot approve` or `creditbot deny`. Without a decision before {until:%Y-%m-%d %H:%M} UTC the request "
        "ends as denied."
    )


def _traffic(links: Sequence[Credited]) -> Iterable[str]:
    """Accounts and days, a line for each product; its amount as well if there are several."""
    lines = traffic_by_product(link.footprint for link in links)
    if not lines:
        yield "For unknown accounts and days (an earlier version of creditbot computed it)"
    for product, words in list(lines.items())[:MOST_PRODUCTS]:
        amount = sum((link.amount for link in links if link.footprint.product == product), Decimal(0))
        of = f", {format_usd(amount)}" if len(lines) > 1 else ""
        yield f"For {_short(product, LONGEST_NAME)}{of}: {_short(words, LONGEST_TRAFFIC)}"
    if len(lines) > MOST_PRODUCTS:
        yield f"For {len(lines) - MOST_PRODUCTS} more products, which the page shows"


def _in_all(question: Question) -> Iterable[str]:
    """What several reasons come to together: traffic that several others credit would be paid twice once."""
    overlaps = sum(reason.kind is HoldKind.OVERLAP for reason in question.hold.reasons)
    if overlaps > 1 and question.twice:
        least = "at least " if question.perhaps_more else ""
        yield f"In all, {least}{format_usd(question.twice)} of {format_usd(question.amount)} would be paid twice."


def _bullet(reason: str) -> str:
    line = one_line(reason)
    shown = _short(line, LONGEST_REASON)
    return f"• {shown}" if shown == line else f"• {shown} (the page has all of it)"


def _fitting(reasons: Sequence[str], room: int) -> list[str]:
    """As many reasons as there is room for, at least one, and how many are left."""
    shown: list[str] = []
    for number, reason in enumerate(reasons):
        room -= _size(reason) + 1
        is_last = number == len(reasons) - 1
        if shown and room < (0 if is_last else _MORE_ROOM):
            left = f"{len(reasons) - number} more {'reason' if is_last else 'reasons'}"
            return [*shown, f"• and {left}, which the page shows, as does `creditbot holds`"]
        shown.append(reason)
    return shown


def _short(text: str, limit: int) -> str:
    """The text on one line that takes no more than this of what Slack counts."""
    line = one_line(text, limit)
    return line if _size(line) <= limit else one_line(text, limit // _LARGEST)


def _size(text: str) -> int:
    """Characters as Slack counts them, which are escaped; each person named takes three more."""
    return len(html.escape(text, quote=False)) + 3 * text.count("@")


def _who_decides(may_vote: Sequence[str], quorum: int) -> str:
    named = [f"@{user}" for user in may_vote[:MOST_VOTERS]]
    more = [f"{len(may_vote) - MOST_VOTERS} more"] if len(may_vote) > MOST_VOTERS else []
    names = ", ".join([*named, *more])
    if len(may_vote) < quorum:
        return (
            f"Nobody can approve this here: it takes {quorum} of the approvers, but only {len(may_vote)} may vote "
            "(the person who asked may not). Name more people in APPROVERS, or answer by hand."
        )
    if quorum == 1:
        return f"Who decides: {names}." if len(may_vote) == 1 else f"Who decides: one of {names}."
    return f"Who decides: {quorum} of {names} have to say yes."
