"""Reads what people answered to the requests of one thread: the last word of each, and whether it changed. Pure.

The messages of a thread come in, as `Inbox.thread` gives them; a `PeoplesAnswer` for each request comes out, or why
nobody can tell. `creditbot.intake.thread` says which replies belong to which request; a backtest compares with them.

The first clear answer or refusal of a person who did not ask counts, until a later one says otherwise. A correction is
a later answer with another amount, a later refusal, or words such as "Correction: $412.50" of somebody who answered.
An answer that was edited reads as it was last written; Slack does not say what it said before.

Below an answer of a bot, only such a correction is an answer of people, of whoever did not ask. One that agrees with
the bot says nothing about what people would have answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from creditbot.intake.answers import Reading, amounts_in, corrects, read_answer
from creditbot.intake.requests import RequestRules, is_ours
from creditbot.intake.thread import ThreadView, view
from creditbot.model import Message, RequestKey, Workspace
from creditbot.slack_time import micros_of, time_of


@dataclass(frozen=True, slots=True)
class PeoplesAnswer:
    """What people answered to one request.

    Attributes:
        by: member id of the person who answered first.
        at: UTC, when.
        amount: USD by the last word; None for a refusal, and for an answer that does not name one amount.
        refused: whether the last word is that there is no credit.
        corrected: whether the last word is another one than the first, be that a person's or a bot's.
        below_bot: whether it corrects the answer of a bot. Such answers say nothing about how often people and bots
            agree, because those that agree are not among them.
    """

    by: str
    at: datetime
    amount: Decimal | None = None
    refused: bool = False
    corrected: bool = False
    below_bot: bool = False


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a request has no answer by a person.

    Attributes:
        by_bot: whether a bot answered it, creditbot or an earlier one, and nobody corrected that.
        unclear: whether people wrote what may be an answer, and nobody can tell.
    """

    by_bot: bool = False
    unclear: bool = False


def answers_in(
    messages: Sequence[Message], keys: Sequence[RequestKey], workspace: Workspace, rules: RequestRules
) -> dict[RequestKey, PeoplesAnswer | NoAnswer]:
    """What people answered to requests of one thread.

    Args:
        messages: the whole thread, oldest first.
        keys: the requests.
        workspace: who we are on Slack.
        rules: whose messages count.
    """
    found: dict[RequestKey, PeoplesAnswer | NoAnswer] = {}
    is_doubtful = False
    for key in sorted(keys, key=lambda key: micros_of(key.ts)):
        shown = view(messages, key, workspace, rules)
        is_doubtful |= bool(shown.unclear)
        if shown.ours or shown.forged:
            bots = [reply for reply in messages if reply.ts in shown.ours[:1]]
            found[key] = _correction(shown, bots, workspace) or NoAnswer(by_bot=True)
        elif is_doubtful and (shown.unclear or _has_several(shown)):  # one of them may be for the request above
            found[key] = NoAnswer(unclear=True)
        else:
            found[key] = _answer(shown, workspace)
    return found


def _has_several(shown: ThreadView) -> bool:
    return sum(read_answer(remark.text) is Reading.ANSWER for remark in shown.remarks) > 1


def _answer(shown: ThreadView, workspace: Workspace) -> PeoplesAnswer | NoAnswer:
    bots = [reply for reply in shown.remarks if _is_bots(reply, workspace) and reply.ts == shown.elsewhere]
    if bots:
        return _correction(shown, bots, workspace) or NoAnswer(by_bot=True)
    first = last = None
    speakers: set[str] = set()
    for reply in _by_people(shown, workspace):
        last = _after(last, reply, speakers)
        first = first or last
    if first is None or last is None:
        return NoAnswer(unclear=bool(shown.remarks))
    corrected = (first.amount, first.refused) != (last.amount, last.refused)
    return replace(last, corrected=corrected)


def _correction(shown: ThreadView, bots: Sequence[Message], workspace: Workspace) -> PeoplesAnswer | None:
    """The last word of people below the answer of a bot; None if it is the bot's, or if nobody said another one."""
    if not bots:
        return None
    granted = amounts_in(bots[0].text)
    stands = last = PeoplesAnswer("", time_of(bots[0].ts), next(iter(granted)) if len(granted) == 1 else None)
    for reply in _by_people(shown, workspace):
        if micros_of(reply.ts) > micros_of(bots[0].ts) and "?" not in reply.text:  # a question corrects nothing
            said = _after(last, reply, {reply.user or ""})
            if said and (said.amount, said.refused) != (last.amount, last.refused):
                last = replace(said, by=reply.user or "", at=time_of(reply.ts))
    differs = (last.amount, last.refused) != (stands.amount, stands.refused)
    return (
        replace(last, corrected=True, below_bot=True) if differs and (last.amount is not None or last.refused) else None
    )


def _by_people(shown: ThreadView, workspace: Workspace) -> list[Message]:
    """What people who did not ask wrote to the request, oldest first."""
    replies = [*shown.remarks, *(words.message for words in shown.words if words.reading is Reading.OTHER)]
    asker = shown.request.message.user if shown.request else None
    said = [reply for reply in replies if reply.user not in (None, asker) and not _is_bots(reply, workspace)]
    return sorted(said, key=lambda reply: micros_of(reply.ts))


def _after(before: PeoplesAnswer | None, reply: Message, speakers: set[str]) -> PeoplesAnswer | None:
    """The last word after one more reply; `speakers` are those who have answered, which it may add to."""
    assert reply.user
    reading, amounts = read_answer(reply.text), amounts_in(reply.text)
    if reading is Reading.ANSWER:
        amount, refused = next(iter(amounts)) if len(amounts) == 1 else None, False
    elif reading is Reading.REFUSAL:
        amount, refused = None, True
    elif before and reply.user in speakers and corrects(reply.text):
        others = amounts - {before.amount}
        if len(others) != 1:
            return before
        amount, refused = next(iter(others)), False
    else:
        return before
    speakers.add(reply.user)
    if before:
        return replace(before, amount=amount, refused=refused)
    return PeoplesAnswer(reply.user, time_of(reply.ts), amount, refused)


def _is_bots(reply: Message, workspace: Workspace) -> bool:
    return reply.bot is not None or is_ours(reply, workspace)
