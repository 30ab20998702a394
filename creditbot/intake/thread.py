"""What a thread says about a request: is it still there, was it answered, and by whom. Pure.

An answer is our reply with its marker, or `Approved, $...` without one: by a person, by a bot of PREVIOUS_BOTS, or by
us before a state was lost. Without a marker it counts for the one request it follows: later than that request, and
before the next request of the thread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from creditbot.intake.requests import Policy, Request, is_ours, read_request
from creditbot.model import Message, RequestKey, Workspace, time_of

REPEATS = "This repeats the answer above and is not to be credited again."
"""What a second reply of ours is edited to say."""
LATE = "This came after the request had ended without it, and is not to be credited."
"""What a reply of ours is edited to say that appeared when its request had been given up."""

UNCOUNTED = frozenset({REPEATS, LATE})
"""Texts of replies of ours that say of themselves that they do not count."""

ANSWER = re.compile(r"^(?::[\w+-]{1,40}:|\W){0,9}approved\b.{0,40}\$\s?\d", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ThreadView:
    """One reading of a thread, from the side of one request.

    Attributes:
        request: the message as it stands now; None if it was deleted or is no request any more.
        own: the message as the thread shows it, a request or not; None if it is not there.
        ours: ts of our marked replies to this request, oldest first, without those that say they do not count.
        forged: ts of a reply with our marker for this request that somebody else posted, or "".
        elsewhere: ts of the unmarked answer that counts for this request, or "".
        unclear: why the thread does not decide whether it was answered, one sentence, or "".
    """

    request: Request | None
    own: Message | None = None
    ours: tuple[str, ...] = ()
    forged: str = ""
    elsewhere: str = ""
    unclear: str = ""

    @property
    def repeats(self) -> tuple[str, ...]:
        """Those of `ours` that repeat the first."""
        return self.ours[1:]


def view(messages: Sequence[Message], key: RequestKey, workspace: Workspace, policy: Policy) -> ThreadView:
    """Reads a thread (parent and replies, oldest first) for one request of it."""
    by_ts = {message.ts: message for message in messages}
    own = by_ts.get(key.ts)
    marked = [m for m in messages if m.marker and m.marker.kind == "reply" and m.marker.key == str(key)]
    ours = tuple(m.ts for m in marked if is_ours(m, workspace) and m.text not in UNCOUNTED)
    forged = next((m.ts for m in marked if not is_ours(m, workspace)), "")
    request = read_request(own, workspace, policy) if own else None
    answer, unclear = _unmarked(messages, key, workspace, policy)
    return ThreadView(request, own, ours, forged, answer, unclear)


def _unmarked(messages: Sequence[Message], key: RequestKey, workspace: Workspace, policy: Policy) -> tuple[str, str]:
    requests = [m.ts for m in messages if m.ts == key.ts or read_request(m, workspace, policy)]
    answers = [m for m in messages if m.ts not in requests and is_answer(m, workspace, policy)]
    following = {ts: _between(answers, ts, end) for ts, end in zip_longest(requests, requests[1:])}
    mine = following.get(key.ts)
    if mine:
        return mine[0].ts, ""
    later = [ts for ts in requests if order(ts) > order(key.ts)]
    if any(len(following[ts]) > 1 for ts in later):
        return "", "A later request in its thread has several answers, and one of them may be meant for this one."
    return "", ""


def _between(answers: Sequence[Message], start: str, end: str | None) -> list[Message]:
    return [m for m in answers if order(m.ts) > order(start) and (end is None or order(m.ts) < order(end))]


def is_behind(own: Message | None, key: RequestKey, edited: str, now: datetime, settle: timedelta) -> bool:
    """Whether a thread may be shown as it was before a request that was read with this edit ("" for none).

    `own` is the request as the thread shows it. Where it is missing, it counts as deleted once it is older than any
    reading of the thread can be; a tombstone in its place is proof.
    """
    if own is None:
        return now - max(time_of(key.ts), time_of(edited or key.ts)) < settle
    return own.subtype != "tombstone" and is_newer(edited, own.edited)


def is_answer(message: Message, workspace: Workspace, policy: Policy) -> bool:
    """Whether this is an answer without our marker that counts: `Approved, $...`."""
    if message.marker is not None or not ANSWER.search(message.text):
        return False
    return is_ours(message, workspace) or message.bot is None or message.bot in policy.previous_bots


def is_newer(edited: str, than: str) -> bool:
    """Whether one edit of a message came after another; "" is for none. A thread or a channel may show older ones."""
    return order(edited or "0") > order(than or "0")


def order(ts: str) -> tuple[int, int]:
    """Sorts Slack's ts; as text "9.1" would come after "10.1", and a float cannot hold all digits."""
    seconds, _, micros = ts.partition(".")
    return int(seconds), int(micros or 0)
