"""What the owner reads, other than about requests that failed. Pure.

Addresses, amounts and errors come in; the texts go to `answer.owner`, which sends each of them once.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from creditbot.errors import CreditbotError


def cause_text(error: CreditbotError) -> str:
    """The message about a cause that stops every request."""
    return f"Requests have to wait; I will keep trying: {error}"


def lost_text(permalink: str, error: CreditbotError, page: str) -> str:
    """The message about a reply that was posted more than once and that Slack never showed."""
    return (
        f"Please answer {permalink} by hand: {error} I have stopped posting. I will close the request once I see an "
        f"answer in the thread or the message is deleted. What I know about it: {page}"
    )


def unsettled_text(permalink: str, error: CreditbotError) -> str:
    """The message about a reply that may or may not have been posted."""
    return (
        f"I don't know whether my reply to {permalink} was posted: {error} I will check again and repost only if it is "
        "definitely not there. If this message is hours old, please look at the thread."
    )


def unanswered_text(permalink: str) -> str:
    """The message about a request whose answer, by a person or another bot, was deleted or edited away."""
    return (
        f"{permalink} was answered in its thread, but that answer has since been deleted, or edited so that it is no "
        "longer an answer. I have not answered the request. Please look at the thread. If I should answer, run "
        "`creditbot retry` with its address."
    )


def left_out_text(permalink: str, links: int) -> str:
    """The message about a reply whose amount leaves out links, because their product is off."""
    return (
        f"My reply to {permalink} does not cover all of its links: no product is on for the SQL of {links} of them. "
        "`creditbot show` says which. If they need a credit, please answer by hand."
    )


def differs_text(permalink: str, amounts: Collection[Decimal], ours: Decimal, *, posted: bool) -> str:
    """The message about a person's reply, by its address, that names another amount than the one computed, both in USD.

    `posted` says whether the computed amount was posted.
    """
    theirs = " and ".join(f"${amount:,.2f}" for amount in sorted(amounts))
    mine = f"I answered ${ours:,.2f}" if posted else f"I computed ${ours:,.2f}, and have not posted it"
    return f"A reply in the thread names {theirs}, but {mine}. Please find out which amount is right: {permalink}"


def deleted_text(permalink: str) -> str:
    """The message about a request whose reply, which we posted, was deleted."""
    return (
        f"My reply to {permalink} was deleted. I will not post it again. If the request still needs a credit, please "
        "answer by hand."
    )


def unread_text(channel: str, why: str, hours: float) -> str:
    """What the owner reads about a channel, by its name, that cannot be read while others can.

    `hours` is how far back it is read once it can be.
    """
    return (
        f"I cannot read #{channel}, so requests there wait; the other channels are read: {why} Once I can read it, "
        f"I will answer its requests of the last {hours:g} hours."
    )
