"""Reads a thread from the side of one request: does the request still stand, was it answered, and by whom. Pure.

The messages come from `Inbox.thread`. `creditbot.answer` decides by the `ThreadView` that is made of them.

An answer is our reply with its marker, or `Approved, $...` without a marker: by a person, by a bot of PREVIOUS_BOTS, or
by us before a state was lost. An answer without a marker counts for one request only: the one that it follows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from creditbot.intake.requests import Request, RequestRules, is_ours, read_request
from creditbot.model import Message, RequestKey, Workspace
from creditbot.slack_time import is_newer, order, time_of

REPEATS = "Please ignore this reply: it repeats the answer above. Do not credit it again."
"""A second reply of ours to one request is edited to say this."""
LATE = "Please ignore this reply: the request had already been closed. Do not credit it."
"""A reply of ours that appeared after its request had been given up is edited to say this."""

UNCOUNTED = frozenset({
    REPEATS,
    LATE,
    # What earlier versions wrote still stands in threads.
    "This repeats the answer above and is not to be credited again.",
    "This came after the request had ended without it, and is not to be credited.",
})  # fmt: skip
"""Texts of our own replies that say of themselves that they do not count."""

ANSWER = re.compile(r"^(?::[\w+-]{1,40}:|\W){0,9}approved\b.{0,40}\$\s?\d", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ThreadView:
    """What a thread showed, from the side of one request.

    Attributes:
        request: the request as it stands now; None if its message was deleted, or is no longer a request.
        own: the message of the request as the thread shows it, a request or not; None if it is not there.
        ours: ts of our marked replies to the request, oldest first, without those that say they do not count.
        forged: ts of a reply that carries our marker for the request and that somebody else posted, or "".
        elsewhere: ts of the unmarked answer that counts for the request, or "".
        unclear: why the thread does not show whether the request was answered, one sentence, or "".
    """

    request: Request | None
    own: Message | None = None
    ours: tuple[str, ...] = ()
    forged: str = ""
    elsewhere: str = ""
    unclear: str = ""

    @property
    def repeats(self) -> tuple[str, ...]:
        """Our replies after the first one."""
        return self.ours[1:]


def view(messages: Sequence[Message], key: RequestKey, workspace: Workspace, rules: RequestRules) -> ThreadView:
    """Reads a thread (parent and replies, oldest first) from the side of one of its requests."""
    by_ts = {message.ts: message for message in messages}
    own = by_ts.get(key.ts)
    marked = [m for m in messages if m.marker and m.marker.kind == "reply" and m.marker.key == str(key)]
    ours = tuple(m.ts for m in marked if is_ours(m, workspace) and m.text not in UNCOUNTED)
    forged = next((m.ts for m in marked if not is_ours(m, workspace)), "")
    request = read_request(own, workspace, rules) if own else None
    answer, unclear = _unmarked_answer(messages, key, workspace, rules)
    return ThreadView(request, own, ours, forged, answer, unclear)


def _unmarked_answer(
    messages: Sequence[Message], key: RequestKey, workspace: Workspace, rules: RequestRules
) -> tuple[str, str]:
    """(ts of the unmarked answer to a request, why it is unclear whether there is one); each "" if there is none.

    An unmarked answer belongs to the request that it follows. Of this thread B has two answers:

        request A    request B    answer 1    answer 2
                     └─────── answers to B ──────────┘

    One of the two may be meant for A, which has none: whether A was answered is unclear.
    """
    answers = _answers_by_request(messages, key, workspace, rules)
    if answers.get(key.ts):
        return answers[key.ts][0], ""
    if any(len(of_later) > 1 for ts, of_later in answers.items() if order(ts) > order(key.ts)):
        return "", "A later request in the thread has several answers, and one of them may be meant for this request."
    return "", ""


def _answers_by_request(
    messages: Sequence[Message], key: RequestKey, workspace: Workspace, rules: RequestRules
) -> dict[str, list[str]]:
    """ts of each request in the thread -> ts of the unmarked answers between it and the next request."""
    answers: dict[str, list[str]] = {}
    latest: list[str] | None = None
    for message in messages:
        if message.ts == key.ts or read_request(message, workspace, rules):
            latest = answers.setdefault(message.ts, [])
        elif latest is not None and is_answer(message, workspace, rules):
            latest.append(message.ts)
    return answers


def is_behind(own: Message | None, key: RequestKey, edited: str, now: datetime, settle: timedelta) -> bool:
    """Whether Slack may be showing us a stale thread: one from before the request, or before an edit we have seen.

    Args:
        own: the request as the thread shows it. A request that is missing counts as deleted once it is older than
            `settle`, because no reading of a thread is that stale. A tombstone in its place is proof of the deletion.
        key: the request.
        edited: ts of the edit with which the request was last read, "" for none.
        now: UTC.
        settle: how long a thread may be shown as it was (POST_SETTLE_SECONDS).
    """
    if own is None:
        return now - max(time_of(key.ts), time_of(edited or key.ts)) < settle
    return own.subtype != "tombstone" and is_newer(edited, own.edited)


def is_answer(message: Message, workspace: Workspace, rules: RequestRules) -> bool:
    """Whether a message is an answer that counts without our marker: `Approved, $...`."""
    if message.marker is not None or not ANSWER.search(message.text):
        return False
    return is_ours(message, workspace) or message.bot is None or message.bot in rules.previous_bots
