"""Messages to the owner: each told once, whatever dies in between.

A notice is stored as due together with what it is about; it is sent, and remembered as told. One whose sending has an
unknown outcome is looked for in the conversation once it must have become visible, and sent again only if it is not
there. A failure is looked for before it is first sent, too: its name is the same after the state was lost. Where the
conversation may not be read (no im:history), the state alone knows: told twice is better than never.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from creditbot.errors import CreditbotError, PostRefused, PostUnknown, StateConflict
from creditbot.model import Marker, RequestKey
from creditbot.ports import Ports
from creditbot.slack_time import time_of
from creditbot.state.codec import CAUSE
from creditbot.state.ledger import Ledger
from creditbot.state.record import Notice, Record, new_nonce

MOST_LINKS = 10
"""Links of a request that its owner is told about, one by one."""
SEND_WITHIN = timedelta(seconds=30)
"""A send begins within this time of the swap that allows it, or waits for another."""


def due(text: str, now: datetime, since: datetime | None = None) -> Notice:
    """A notice that waits to be told; `since` as in `Notice`."""
    return Notice("due", new_nonce(), now, text, since=since)


def failure(key: RequestKey, dead: Record, text: str) -> tuple[str, Notice]:
    """The notice of a request that was given up, and its name: one for each edit and each `creditbot retry`.

    Both are known without the state, but for a retry that was lost with it.
    """
    name = f"{key}.failed.{dead.edited or 0}"
    if dead.retried:
        name += f".{dead.retried:%Y%m%dT%H%M%S.%f}"
    return name, due(text, dead.at, since=dead.retried or time_of(key.ts))


def failure_text(permalink: str, problems: Sequence[tuple[str, CreditbotError]]) -> str:
    """What the owner reads about a request that got no reply: where, which link, what happened, what to do.

    `problems` are (address of the link or "", error) pairs.
    """
    lines = [f"I could not answer {permalink}"]
    for link, error in problems[:MOST_LINKS]:
        lines.append(f"• {link}\n  {error.what}" if link else f"• {error.what}")
        if error.todo:
            lines.append(f"  {error.todo}")
    if len(problems) > MOST_LINKS:
        lines.append(f"• and {len(problems) - MOST_LINKS} links more")
    lines.append("Then edit the message, or run `creditbot retry` with its address; or answer it by hand.")
    return "\n".join(lines)


def cause_text(error: CreditbotError) -> str:
    """What the owner reads about a cause that stops every request."""
    return f"Requests wait, and I try again by myself: {error}"


def lost_text(permalink: str, error: CreditbotError) -> str:
    """What the owner reads about a reply that was posted again and again, and never seen."""
    return (
        f"{permalink} is left to you: {error} I post it no more; I go on looking, and am done with it when its thread "
        "shows an answer or its message is deleted."
    )


def unsettled_text(permalink: str, error: CreditbotError) -> str:
    """What the owner reads about a reply of which nobody can say whether it was posted."""
    return (
        f"Whether my reply to {permalink} arrived is not known: {error} I look again by myself, and post it once more "
        "only if it cannot be there; look into its thread if that goes on."
    )


def cause_name(service: str) -> str:
    """The notice of a shared cause: one per service."""
    return CAUSE + re.sub(r"[^a-z0-9]", "-", service.lower())


class Notices:
    """Tells the owner what is due."""

    def __init__(self, ports: Ports, ledger: Ledger, settle: timedelta) -> None:
        self._ports = ports
        self._ledger = ledger
        self._settle = settle

    def add(self, name: str, text: str) -> None:
        """Makes a notice due, unless one of that name exists."""
        with suppress(StateConflict):
            self._ledger.swap_notice(name, None, due(text, self._ports.clock.now()))

    def over(self, service: str) -> None:
        """A shared cause has ended: the next one is told again."""
        name = cause_name(service)
        notice = self._ledger.state.notices.get(name)
        if notice and notice.status == "told":
            with suppress(StateConflict):
                self._ledger.swap_notice(name, notice, None)

    def deliver(self, stopping: Callable[[], bool] = lambda: False) -> list[str]:
        """Tells what is due, and settles what was left half told. Returns what could not be told, and why.

        Begins nothing more once it is `stopping`: the next tick does.
        """
        failed = []
        for name, notice in sorted(self._ledger.state.notices.items(), key=lambda item: item[1].at):
            if stopping():
                break
            try:
                if notice.status == "due":
                    self._tell_first(name, notice)
                elif notice.status == "telling":
                    self._settle_one(name, notice)
            except StateConflict:
                continue  # another process tells it
            except CreditbotError as error:
                failed.append(f"{_first_line(notice.text)}: {error}")
        return failed

    def _tell_first(self, name: str, notice: Notice) -> None:
        if notice.since and self._stands(Marker("notice", name), notice.since):
            self._told(name, notice)
        else:
            self._tell(name, notice)

    def _tell(self, name: str, notice: Notice) -> None:
        telling = replace(notice, status="telling", nonce=new_nonce(), at=self._ports.clock.now())
        self._ledger.swap_notice(name, notice, telling)
        if self._ports.clock.now() - telling.at > SEND_WITHIN:
            raise PostUnknown("The state store answers too slowly to tell the owner safely.")
        try:
            self._ports.owner.tell(notice.text, Marker("notice", name, telling.nonce))
        except PostRefused:
            now = self._ports.clock.now()
            self._ledger.swap_notice(name, telling, replace(telling, status="due", nonce=new_nonce(), at=now))
            raise
        self._told(name, telling)

    def _settle_one(self, name: str, notice: Notice) -> None:
        now = self._ports.clock.now()
        if now - notice.at < self._settle:
            return
        if self._stands(Marker("notice", name, notice.nonce), notice.at - timedelta(hours=1)):
            self._told(name, notice)
        else:
            self._tell(name, notice)

    def _stands(self, marker: Marker, since: datetime) -> bool:
        """Whether the conversation shows it; where that may not be read, it does not."""
        told = self._ports.owner.told(marker, since)
        return bool(told)

    def _told(self, name: str, notice: Notice) -> None:
        now = self._ports.clock.now()
        self._ledger.swap_notice(name, notice, replace(notice, status="told", nonce=new_nonce(), at=now, text=""))


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
