"""Messages to the owner, and questions to the approvers: each is sent once, even if a process dies in between.

A notice is stored as due, in the same write as the event it is about. Then it is sent and marked as told. If nobody
knows whether a message was sent, the bot waits until it must be visible, searches the conversation, and sends it again
only if it is not there. Notices about failures are searched for even before they are first sent: their names survive a
lost state, so an earlier tick may have sent them. If the bot may not read the conversation (no im:history), it may send
a message twice; that is better than never.

A notice about a request goes to the owner of its channel, any other one to the owner of the bot. Failures of one tick
are told in one message to each owner. Its marker names each of them, and each is marked as told by itself, so that none
is told again if another one fails later.

A question to the approvers is sent in the same way, through the `Approvers` port. Once its votes no longer count,
because the request has ended or another question has replaced it, the question is closed: the message says so, and the
notice is dropped.

Notices come from all of `answer` and `tick`; they go to the state, and from there to the `Owner` or `Approvers` port.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from creditbot.answer.context import TickContext
from creditbot.decide.channel_rules import ChannelRules
from creditbot.errors import CreditbotError, PostRefused, PostUnknown, StateConflict
from creditbot.model import Marker, Message, RequestKey
from creditbot.ports import Teller
from creditbot.slack_time import time_of
from creditbot.state.codec import CAUSE, State, request_of
from creditbot.state.record import Notice, Record, new_nonce

GATHER = timedelta(minutes=5)
"""Failures wait for the end of the tick, so that one message tells them all, but no longer than this."""
SEND_WITHIN = timedelta(seconds=30)
"""A send begins within this time of the swap that allows it; otherwise it needs another swap."""


def due(text: str, now: datetime, since: datetime | None = None) -> Notice:
    """A notice that waits to be sent; `since` as in `Notice`."""
    return Notice("due", new_nonce(), now, text, since=since)


def failure(key: RequestKey, given_up: Record, text: str) -> tuple[str, Notice]:
    """(name, notice) for a request that was given up. Each edit and each `creditbot retry` gets a name of its own.

    The name is made from the message, so that it is the same after the state was lost. Only a retry is forgotten then.
    """
    name = f"{key}.failed.{given_up.edited or 0}"
    if given_up.retried:
        name += f".{given_up.retried:%Y%m%dT%H%M%S.%f}"
    return name, due(text, given_up.at, since=given_up.retried or time_of(key.ts))


def cause_name(service: str) -> str:
    """The name of the notice about a shared cause: one per service."""
    return CAUSE + re.sub(r"[^a-z0-9]", "-", service.lower())


def question_name(key: RequestKey, suffix: str) -> str:
    """The name of the notice with a question about a request; `suffix` tells it apart from other questions."""
    return f"{key}.ask.{suffix}"


def is_failure(name: str) -> bool:
    """Whether the notice with this name is about a request that was given up."""
    return ".failed." in name


def is_question(name: str) -> bool:
    """Whether the notice with this name asks the approvers something."""
    return ".ask." in name


def question_about(name: str) -> str:
    """What the names of all questions about the same request start with."""
    return name[: name.index(".ask.") + len(".ask.")]


def is_open(state: State, question: str) -> bool:
    """Whether votes on a question count: its request waits for them, or its reply may not have been posted yet."""
    key = request_of(question)
    record = state.records.get(key) if key else None
    return bool(record and not record.terminal and record.hold and record.hold.ask == question)


def closing_text(context: TickContext, question: str) -> tuple[str, bool]:
    """(what a question that is over says, whether it was voided)."""
    key = request_of(question)
    record = context.ledger.state.records.get(key) if key else None
    if key and record and record.hold and record.hold.ask == question and record.status in ("answered", "denied"):
        address = context.workspace.address(key, record.thread)
        if record.status == "denied":
            return f"Not approved: {record.reason} {address}", False
        people = ", ".join(dict.fromkeys(f"@{vote.by}" for vote in record.hold.votes if vote.yes))
        return f"Approved by {people}, and answered: {address}", False
    return (
        "This question is void: the request has ended or was edited, or its amount, its SQL, its notebook, the policy "
        "or the reasons have changed. Votes on it do not count."
    ), True


def _kind(notice: Notice) -> str:
    return "ask" if notice.to_approvers else "notice"


class Notices:
    """Stores messages to the owner and the approvers, and sends those that are due."""

    def __init__(self, context: TickContext) -> None:
        self._context = context
        self._ports = context.ports
        self._ledger = context.ledger
        self._failures: dict[str, str] = {}

    def add(self, name: str, text: str, since: datetime | None = None, *, to_approvers: bool = False) -> None:
        """Stores a notice as due, unless there is one with that name already; `since` as in `Notice`.

        Nothing is stored about a request of which the owner hears nothing, because it is in shadow.
        """
        key = request_of(name)
        if key and self._context.is_silent(key, self._ledger.state.records.get(key)):
            return
        with suppress(StateConflict):
            new = replace(due(text, self._context.now(), since), to_approvers=to_approvers)
            self._ledger.swap_notice(name, None, new)

    def over(self, service: str) -> None:
        """Forgets the notice about a cause that has ended, so that the owner is told about the next one."""
        self.forget(cause_name(service))

    def forget(self, name: str) -> None:
        """Forgets a notice once it is told."""
        notice = self._ledger.state.notices.get(name)
        if notice and notice.status == "told":
            with suppress(StateConflict):
                self._ledger.swap_notice(name, notice, None)

    def has_due(self) -> bool:
        """Whether there is a message to send now, in the midst of a tick."""
        notices = self._ledger.state.notices.items()
        return any(notice.status == "due" and not self._gathers(name, notice) for name, notice in notices)

    def deliver(self, *, midway: bool = False) -> list[str]:
        """Sends notices that are due, finds out about those of unknown outcome, and closes questions that are over.

        Returns those that failed so far, and why. A process that was asked to stop begins no further message; the next
        tick sends it. In shadow, questions to approvers stay as they are. `midway` leaves failures for the message that
        tells all of them at the end of the tick.
        """
        failures: dict[str, dict[str, Notice]] = {}
        for name, notice in sorted(self._ledger.state.notices.items(), key=lambda item: (item[1].at, item[0])):
            if self._context.stopping:
                break
            if notice.to_approvers and self._context.rules.shadow:
                continue
            if midway and self._gathers(name, notice):
                continue
            with self._noting({name: notice}):
                if is_question(name) and not is_open(self._ledger.state, name):
                    self._close(name, notice)
                elif self._is_to_send(name, notice):
                    if is_failure(name):
                        failures.setdefault(self._rules_of(name).owner, {})[name] = notice
                    else:
                        self._tell({name: notice})
        for of_one_owner in failures.values():
            self._tell_failures(of_one_owner)
        return list(self._failures.values())

    def _tell_failures(self, failures: dict[str, Notice]) -> None:
        """Sends one message for all of these, or as few as there is room in."""
        while failures and not self._context.stopping:
            from creditbot.answer.failure_message import fitting  # nothing that an idle tick needs

            names = list(failures)[: fitting([notice.text for notice in failures.values()])]
            batch = {name: failures.pop(name) for name in names}
            with self._noting(batch):
                self._tell(batch)

    def _gathers(self, name: str, notice: Notice) -> bool:
        """Whether a failure waits for others of the same tick."""
        return is_failure(name) and notice.status == "due" and self._context.now() - notice.at < GATHER

    @contextmanager
    def _noting(self, batch: Mapping[str, Notice]) -> Iterator[None]:
        """Notes for the report of the tick which notices could not be sent, and why."""
        try:
            yield
        except StateConflict:
            pass  # another process sends them
        except CreditbotError as error:
            self._failures |= {name: f"{_first_line(notice.text)}: {error}" for name, notice in batch.items()}

    def _is_to_send(self, name: str, notice: Notice) -> bool:
        """Whether a notice must be sent now; marks it as told if the conversation shows it."""
        if notice.status == "due":
            if is_question(name):
                self._close_others(name, notice)
            found = self._found(name, notice, notice.since) if notice.since else None
        elif notice.status == "telling" and self._context.now() - notice.at >= self._context.rules.settle:
            found = self._found(name, notice, notice.at - timedelta(hours=1), notice.nonce)
        else:
            return False
        if found:
            self._mark_told({name: (notice, found)})
        return found is None

    def _tell(self, batch: Mapping[str, Notice]) -> None:
        """Sends one message for a notice, or for several failures."""
        now, nonce = self._context.now(), new_nonce()
        telling = {
            name: replace(notice, status="telling", nonce=nonce, at=now, sends=notice.sends + 1)
            for name, notice in batch.items()
        }
        self._swap(batch, telling)
        if self._context.now() - now > SEND_WITHIN:
            raise PostUnknown("The state store answers too slowly to send a message safely.")
        try:
            sent = self._send(telling, nonce)
        except PostRefused:
            now, nonce = self._context.now(), new_nonce()
            due_again = {
                name: replace(notice, status="due", nonce=nonce, at=now, sends=batch[name].sends)
                for name, notice in telling.items()
            }
            self._swap(telling, due_again)
            raise
        try:
            self._mark_told({name: (notice, sent[name]) for name, notice in telling.items()})
        except StateConflict:
            for name, notice in sent.items():
                self._close_if_late(name, notice)
            raise

    def _send(self, batch: Mapping[str, Notice], nonce: str) -> Mapping[str, Notice]:
        """Sends the notices in one message, and returns them with its channel and its ts."""
        (name, *others), (notice, *_) = batch, batch.values()
        marker = Marker(_kind(notice), name, nonce, self._context.deployment, also=tuple(others))
        if notice.to_approvers:
            channel, ts = self._ports.approvers.ask(self._rules_of(name).asks_in, notice.text, marker)
            return {name: replace(notice, channel=channel, ts=ts)}
        self._owner_of(name).tell(_joined([each.text for each in batch.values()]), marker)
        return batch

    def _swap(self, before: Mapping[str, Notice], after: Mapping[str, Notice]) -> None:
        self._ledger.swap_notices({name: (before[name], notice) for name, notice in after.items()})

    def _found(self, name: str, notice: Notice, since: datetime, nonce: str = "") -> Notice | None:
        """The notice as the conversation shows it; None if it does not show it, or may not be read."""
        if not notice.to_approvers:
            return notice if self._owner_of(name).was_told(Marker("notice", name, nonce), since) else None
        asked = self._ports.approvers.asked(self._rules_of(name).asks_in, name, since) or ()
        standing = [m for m in asked if m.marker and m.marker.key == name and nonce in ("", m.marker.nonce)]
        if not standing:
            return None
        sends = max(notice.sends, len(standing))
        return replace(notice, channel=standing[-1].channel, ts=standing[-1].ts, sends=sends)

    def _mark_told(self, batch: Mapping[str, tuple[Notice, Notice]]) -> None:
        """Stores as told what was sent or found: pairs of a notice as it is stored, and with its place in Slack."""
        now, nonce = self._context.now(), new_nonce()
        told = {
            name: (before, replace(found, status="told", nonce=nonce, at=now, text=_kept_text(name, found)))
            for name, (before, found) in batch.items()
        }
        self._ledger.swap_notices(told)
        for name in batch:
            self._failures.pop(name, None)

    def _close(self, name: str, notice: Notice) -> None:
        """Edits a question to say that its votes no longer count, and forgets it."""
        if notice.status == "telling" and self._context.now() - notice.at < self._context.rules.settle:
            return
        uncertain = notice.status == "telling" or notice.sends > 1
        asked = self._asked(name, name, notice) if uncertain else ()
        places = {(message.channel, message.ts) for message in asked}
        places |= {(notice.channel, notice.ts)} if notice.ts else set()
        for place in sorted(places):
            self._replace(place, name, notice.text)
        self._ledger.swap_notice(name, notice, None)
        self._failures.pop(name, None)

    def _close_if_late(self, name: str, notice: Notice) -> None:
        """Closes a question that this process has just sent, if its request ended while the process slept."""
        if is_question(name) and not is_open(self._ledger.read(), name):
            self._replace((notice.channel, notice.ts), name, notice.text)

    def _close_others(self, name: str, notice: Notice) -> None:
        """Closes the questions about the same request that only a lost state knew of."""
        for message in self._asked(name, question_about(name), notice):
            if message.marker and message.marker.key != name and message.marker.key not in self._ledger.state.notices:
                self._replace((message.channel, message.ts), message.marker.key, "")

    def _asked(self, name: str, about: str, notice: Notice) -> Sequence[Message]:
        """The questions that stand where the one of this name is asked, and whose names begin with `about`."""
        where = self._rules_of(name).asks_in
        return self._ports.approvers.asked(where, about, notice.since or notice.at) or ()

    def _rules_of(self, name: str) -> ChannelRules:
        """The rules of the channel that a notice is about. What is about no request concerns everybody."""
        key = request_of(name)
        return self._context.rules_of(key) if key else self._context.rules.channels.everywhere

    def _owner_of(self, name: str) -> Teller:
        return self._ports.owners.conversation_with(self._rules_of(name).owner)

    def _replace(self, place: tuple[str, str], name: str, text: str) -> None:
        headline, is_void = closing_text(self._context, name)
        shown, struck = (headline, text) if is_void else (f"{headline}\n\n{text}", "")
        try:
            self._ports.approvers.close(*place, shown, Marker("closed", name), struck)
        except PostRefused as error:
            if error.retry:
                raise  # any other refusal means that somebody has deleted the question


def _joined(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    from creditbot.answer.failure_message import digest_text

    return digest_text(texts)


def _kept_text(name: str, notice: Notice) -> str:
    """What is kept of a text that was told: a question is struck through in the end."""
    return notice.text if is_question(name) else ""


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
