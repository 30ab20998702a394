"""Words the message to the owner about requests that got no reply: one of them, or several of one tick. Pure.

`tick.failures` gives the facts, and `owner` sends the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from creditbot.answer.asked_for import quoted, traffic_by_product
from creditbot.credit.footprint import Footprint
from creditbot.errors import AlreadyCredited, CreditbotError, CreditRefused, ThreadUnclear
from creditbot.text import one_line

MOST_LINKS = 10
"""Links that a message to the owner lists one by one."""
LONGEST_LINK = 300
"""Characters of a link in a message to the owner: enough to know it by."""
LONGEST_SENTENCE = 1500
"""Characters of what happened or what to do in a message to the owner."""
LONGEST_QUOTE, LONGEST_TRAFFIC = 200, 250
LONGEST_DIGEST = 12_000
"""Characters of a message about several requests; the rest gets a message of its own."""
_HEAD = "I could not answer "
_SAYS_IT_ALL = (AlreadyCredited, ThreadUnclear)
"""Errors whose own advice is all that helps: trying again meets the same obstacle."""


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """What the owner is told about a request that was given up.

    Attributes:
        address: of the request.
        author: Slack id of the person who asks for the credit; "" where it is not known.
        words: of the request, as Slack gives them; "" where they are not known.
        footprints: the traffic of its links, of those of which it is known.
        problems: (address of the link or "", error) pairs.
        page: address of its page.
    """

    address: str
    author: str
    words: str
    footprints: Sequence[Footprint]
    problems: Sequence[tuple[str, CreditbotError]]
    page: str


def failure_text(failed: FailedRequest) -> str:
    """The message about one request: where, who asks, for which accounts, which link, what happened, what to do."""
    lines = [_HEAD + failed.address, *_asked(failed)]
    for link, error in failed.problems[:MOST_LINKS]:
        what = _cut(error.what, LONGEST_SENTENCE)
        lines.append(f"• {_cut(link, LONGEST_LINK)}\n  {what}" if link else f"• {what}")
        if error.todo:
            lines.append(f"  {_cut(error.todo, LONGEST_SENTENCE)}")
    if len(failed.problems) > MOST_LINKS:
        lines.append(f"• and {len(failed.problems) - MOST_LINKS} more links")
    lines.append(f"What I know about it: {failed.page}")
    lines += _advice([error for _, error in failed.problems])
    return "\n".join(lines)


def digest_text(texts: Sequence[str]) -> str:
    """One message instead of several of `failure_text`."""
    entries = (f"{number}. {text.removeprefix(_HEAD)}" for number, text in enumerate(texts, 1))
    return "\n\n".join([f"I could not answer {len(texts)} requests.", *entries])


def fitting(texts: Sequence[str]) -> int:
    """How many of these texts, from the first one on, a message has room for; at least one."""
    room = LONGEST_DIGEST
    for number, text in enumerate(texts):
        room -= len(text)
        if number and room < 0:
            return number
    return len(texts)


def _asked(failed: FailedRequest) -> Iterable[str]:
    quote = f": “{quoted(failed.words, LONGEST_QUOTE)}”" if failed.words else ""
    if failed.author:
        yield f"Asked by @{failed.author}{quote}"
    for product, words in traffic_by_product(failed.footprints).items():
        yield f"For {product}: {one_line(words, LONGEST_TRAFFIC)}"


def _advice(errors: Sequence[CreditbotError]) -> Iterable[str]:
    """What can be done beside what each error advises; nothing if that is all."""
    others = [error for error in errors if not isinstance(error, _SAYS_IT_ALL)]
    if not others:
        return
    if all(isinstance(error, CreditRefused) for error in others):  # the same links give the same amount
        yield "To have other links tried, edit the message."
    elif all(error.retry for error in errors):
        yield "To have it tried again, run `creditbot retry` with its address. Or answer by hand."
    else:
        yield "To have it tried again, edit the message, or run `creditbot retry` with its address. Or answer by hand."


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
