"""Checks the replies in Slack against the log: edited, deleted, unknown to every record, or forged. Pure.

The bot's posts as Slack shows them come in; findings and the roots that the posts carry come out. The sentence of a
reply is compared by its amount, because REPLY_TEMPLATE may have been another one. The bot itself edits a reply only to
say that it does not count, so that any other edit is somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from creditbot.credit.amount import format_usd
from creditbot.evidence.fields import number, text
from creditbot.evidence.log import Checkpoint
from creditbot.insight.audit_findings import Finding, Kind
from creditbot.insight.audit_log import CheckedLog, LogEntry, Witness, utc
from creditbot.intake.answers import Reading, read_answer
from creditbot.intake.requests import is_ours
from creditbot.intake.thread import UNCOUNTED
from creditbot.model import Message, RequestKey, Workspace
from creditbot.slack_time import micros_of, time_of
from creditbot.state.codec import request_key
from creditbot.text import one_line

_QUOTED = 200
"""Characters of a reply that a finding quotes."""


@dataclass(frozen=True, slots=True)
class Posts:
    """What Slack shows of replies.

    Attributes:
        marked: request -> messages with our marker for it, whoever posted them, oldest first.
        unmarked: our posts without a marker that read as an answer.
        threads: the requests whose threads were read, and are there.
        gone: the requests whose threads Slack no longer shows.
    """

    marked: Mapping[RequestKey, Sequence[Message]] = field(default_factory=dict)
    unmarked: Sequence[Message] = ()
    threads: Collection[RequestKey] = frozenset()
    gone: Collection[RequestKey] = frozenset()


def posts_in(
    messages: Iterable[Message], workspace: Workspace
) -> tuple[dict[RequestKey, list[Message]], list[Message]]:
    """(the messages with our marker by their request, our unmarked answers) among these."""
    marked: dict[RequestKey, list[Message]] = {}
    unmarked = []
    for message in sorted(messages, key=lambda message: micros_of(message.ts)):
        key = request_key(message.marker.key) if message.marker and message.marker.kind == "reply" else None
        if key:
            marked.setdefault(key, []).append(message)
        elif message.marker is None and is_ours(message, workspace) and read_answer(message.text) is Reading.ANSWER:
            unmarked.append(message)
    return marked, unmarked


def witnesses_of(posts: Posts, workspace: Workspace) -> tuple[list[Witness], list[Finding]]:
    """(the roots that our posts carry, what is wrong with those that cannot be read)."""
    witnesses, findings = [], []
    for key, messages in posts.marked.items():
        for message in messages:
            if not (message.marker and message.marker.checkpoint and is_ours(message, workspace)):
                continue
            address = _address(message, workspace)
            try:
                checkpoint = Checkpoint.parse(message.marker.checkpoint)
            except ValueError:
                what = f"The metadata of the reply {address} holds a checkpoint that is not one."
                findings.append(Finding(Kind.REPLY_CHANGED, what, key))
            else:
                witnesses.append(Witness(key, message.ts, address, checkpoint))
    return witnesses, findings


def check_replies(
    key: RequestKey, posts: Posts, log: CheckedLog, workspace: Workspace, known: Collection[str] | None
) -> list[Finding]:
    """What does not agree about the replies to one request that is not pending.

    `known` are the ts of the answers that the state and the summary name; None if neither knows the request.
    """
    logged, messages = log.latest.get(key), posts.marked.get(key, ())
    ours = [message for message in messages if is_ours(message, workspace)]
    found = [
        (Kind.REPLY_FORGED, f"{_address(m, workspace)} carries our marker, and somebody else posted it.")
        for m in messages
        if not is_ours(m, workspace)
    ]
    reply = text(logged.entry.end.get("reply")) if logged and logged.entry.end.get("status") == "answered" else ""
    counted = next((message for message in ours if message.ts == reply), None)
    if logged and counted:
        found += _check_reply(counted, logged)
    elif logged and reply and (key in posts.threads or key in posts.gone):
        found.append((Kind.REPLY_MISSING, _missing(reply, key, logged, posts)))
    for message in ours:
        is_before = known is not None and not logged and (log.began is None or time_of(message.ts) < log.began)
        is_known = message.ts == reply or message.ts in (known or ())  # whatever else does not agree about it
        if not is_known and message.text not in UNCOUNTED and not is_before:
            but = "the log knows another reply" if reply else "no record knows a reply to this request"
            found.append((Kind.REPLY_UNKNOWN, f"{_address(message, workspace)} says {_quoted(message)}, and {but}."))
    entry = logged.number if logged else None
    anchored = None if entry is None else entry < log.anchored
    return [Finding(kind, what, key, entry, anchored) for kind, what in found]


def check_unmarked(posts: Posts, log: CheckedLog, workspace: Workspace) -> Iterator[Finding]:
    """Answers that were posted with the bot's account, have no marker, and are in no entry."""
    known = {text(logged.entry.end.get("reply")) for logged in log.latest.values()}
    for message in posts.unmarked:
        if message.ts not in known and log.began and time_of(message.ts) >= log.began:
            what = f"{_address(message, workspace)} says {_quoted(message)} without our marker, and no record knows it."
            yield Finding(Kind.REPLY_UNKNOWN, what)


def _check_reply(reply: Message, logged: LogEntry) -> Iterator[tuple[Kind, str]]:
    amount = number(logged.entry.end.get("amount"))
    stands = amount is None or re.search(re.escape(format_usd(amount)) + r"(?![\d.,]*\d)", reply.text)
    if not stands or reply.text in UNCOUNTED:
        was = "an answer" if amount is None else format_usd(amount)
        yield Kind.REPLY_CHANGED, f"The reply says {_quoted(reply)}, and {was} was logged."
    elif reply.edited:
        yield Kind.REPLY_CHANGED, f"The reply was edited at {utc(time_of(reply.edited))}; its amount is the same."


def _missing(reply: str, key: RequestKey, logged: LogEntry, posts: Posts) -> str:
    amount = number(logged.entry.end.get("amount"))
    which = f"The reply of {utc(time_of(reply))}{f' ({format_usd(amount)})' if amount is not None else ''}"
    if key in posts.gone:
        return f"{which} is not in Slack: its whole thread is gone."
    return f"{which} is no longer in its thread, or has lost its marker."


def _quoted(message: Message) -> str:
    return f"“{one_line(message.text, _QUOTED)}”"


def _address(message: Message, workspace: Workspace) -> str:
    return workspace.permalink(message.channel, message.ts, message.thread_ts)
