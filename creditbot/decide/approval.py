"""Counts votes on a held amount, and says what exactly is voted on. Pure.

Reactions come from the message that asks, and typed votes from `creditbot approve` and `creditbot deny`. `answer` acts
on the verdict.

    an approver's yes    :white_check_mark: or :+1:, in any skin tone
    an approver's no     :x: or :-1:, in any skin tone

Nobody else's reaction counts, and the person who asked for the credit has no vote. A reaction carries no time: the
reactions that are on the message when it is read count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto

from creditbot.decide.policy import Policy
from creditbot.state.record import Result, Vote

YES, NO = frozenset({"white_check_mark", "+1", "thumbsup"}), frozenset({"x", "-1", "thumbsdown"})
"""Names of the emoji, without their skin tone."""


class Verdict(Enum):
    """What the votes on a held amount come to."""

    WAITING = auto()
    """Too few approvers have said yes so far, and none has said no."""
    APPROVED = auto()
    DENIED = auto()
    """An approver has said no, and none has said yes."""
    CONTESTED = auto()
    """There are both a yes and a no. Nothing happens until one of them is taken back."""


def approval_digest(text: str, result: Result, policy: Policy) -> str:
    """The hash of what approvers decide on; an approval of anything else does not count.

    Args:
        text: of the request, as Slack gives it.
        result: its amounts, the hashes of its SQL and its notebooks, and the traffic that it is for.
        policy: by which the approvers were asked.
    """
    facts = {
        "text": text,
        "amount": str(result.amount),
        "links": [[link.product, str(link.amount)] for link in result.links],
        "sql": result.sql,
        "notebooks": result.notebooks,
        "traffic": result.traffic,
        "policy": policy.digest,
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def short(digest: str) -> str:
    """The first characters of a digest, for people to compare."""
    return digest[:12]


def voters(policy: Policy, excluded: Collection[str]) -> tuple[str, ...]:
    """The approvers whose votes count; `excluded` are the person who asked and the bot itself."""
    return tuple(user for user in dict.fromkeys(policy.approvers) if user not in excluded)


def tally(
    before: Sequence[Vote], reactions: Mapping[str, Sequence[str]], may_vote: Collection[str], now: datetime
) -> tuple[Vote, ...]:
    """The votes that count now: those that were typed, and the reactions that are on the message.

    Args:
        before: as they were last stored. A reaction that is still there keeps the time at which it was first seen.
        reactions: name of the emoji -> who reacted with it.
        may_vote: the approvers whose votes count.
        now: UTC.
    """
    first_seen = {(vote.by, vote.yes): vote for vote in before if not vote.typed_by}
    typed = [vote for vote in before if vote.typed_by and vote.by in may_vote]
    shown = {(user, yes) for name, users in reactions.items() if (yes := _meaning(name)) is not None for user in users}
    standing = [first_seen.get(vote, Vote(*vote, now)) for vote in shown if vote[0] in may_vote]
    return tuple(sorted([*typed, *standing], key=lambda vote: (vote.seen, vote.by, vote.yes, vote.typed_by)))


def with_typed(before: Sequence[Vote], vote: Vote) -> tuple[Vote, ...]:
    """The votes with one that was typed, which replaces what was typed for the same approver before."""
    return (*(old for old in before if not (old.typed_by and old.by == vote.by)), vote)


def verdict(votes: Sequence[Vote], may_vote: Collection[str], quorum: int) -> Verdict:
    """What the votes come to; `quorum` is how many distinct approvers have to say yes."""
    yes = {vote.by for vote in votes if vote.yes and vote.by in may_vote}
    no = {vote.by for vote in votes if not vote.yes and vote.by in may_vote}
    if yes and no:
        return Verdict.CONTESTED
    if no:
        return Verdict.DENIED
    return Verdict.APPROVED if len(yes) >= quorum else Verdict.WAITING


def _meaning(emoji: str) -> bool | None:
    """True for a yes, False for a no, None for any other emoji."""
    name = emoji.partition("::")[0]
    return True if name in YES else False if name in NO else None
