"""Says which words of people hold a request: those in its thread, and those with which it takes itself back. Pure.

    a "no", or what may be an answer, of anybody       held
    a "no" of anybody as a reaction on the request     held
    the person who asked takes the request back        held
    plain talk of others                               held if the policy says so, as it does by default
    plain talk of the person who asked                 let pass

`intake.thread` reads the words, and `holding` asks the approvers about them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from creditbot.answer.asked_for import quoted
from creditbot.decide.hold import HoldKind, HoldReason
from creditbot.decide.policy import Policy
from creditbot.intake.answers import Reading
from creditbot.intake.thread import Words
from creditbot.slack_time import micros_of

LONGEST_WORDS = 150
"""Characters of one message that a reason quotes."""
MOST_WORDS = 8
"""Messages that are a reason each; one more reason counts the rest."""


def word_reasons(words: Sequence[Words], policy: Policy, agreed: Collection[str] = ()) -> tuple[HoldReason, ...]:
    """Why a person has to decide, because of what people wrote.

    Args:
        words: as the thread shows them.
        policy: whose plain talk holds a request.
        agreed: Slack ids of approvers who have said yes: they know what they wrote.
    """
    found = [(each.since, reason) for each in words for reason in _reasons(each, policy, agreed)]
    found.sort(key=lambda pair: pair[1].kind is HoldKind.TALK)  # a "no" comes first
    reasons, rest = [reason for _, reason in found[:MOST_WORDS]], found[MOST_WORDS:]
    if not rest:
        return tuple(reasons)
    many = f"There are {len(rest)} more messages" if len(rest) > 1 else "There is 1 more message"
    _, latest = max(rest, key=lambda pair: micros_of(pair[0]))
    return (*reasons, HoldReason(rest[0][1].kind, f"{many} in the thread.", about=latest.about))


def _reasons(words: Words, policy: Policy, agreed: Collection[str]) -> Iterator[HoldReason]:
    author = words.author
    if words.reactions:  # not when: nobody knows. Whoever adds a second emoji says nothing new.
        who = "The person who asked takes the request back" if words.by_asker else f"@{author} says no to the request"
        yield HoldReason(HoldKind.WORDS, f"{who}, by a reaction on it: {words.reactions}.", about=f"reaction {author}")
    elif words.in_request and words.by_asker:  # the question quotes the message anyway
        yield HoldReason(HoldKind.WORDS, "The message itself takes the request back.", about=words.since)
    elif words.reading is not Reading.OTHER:
        yield HoldReason(HoldKind.WORDS, f"{_who(words, author)}: {_quote(words)}", about=words.since)
    elif policy.talk_holds(author) and author not in agreed:
        yield HoldReason(HoldKind.TALK, f"@{author} wrote in the thread: {_quote(words)}", about=words.since)


def _who(words: Words, author: str) -> str:
    if words.by_asker and words.reading is Reading.REFUSAL:
        return "The person who asked takes the request back"
    who = "The person who asked" if words.by_asker else f"@{author}"
    if words.reading is Reading.DOUBT:
        return f"{who} wrote what may be an answer"
    return f"{who} wrote in the thread"


def _quote(words: Words) -> str:
    text = quoted(words.message.text, LONGEST_WORDS)
    if not text:
        return "a message without text."
    return f"“{text}”" if text[-1] in ".!?" else f"“{text}”."
