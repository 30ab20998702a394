"""SHADOW=true: ports that read Slack as ever and refuse to write to it, whatever they are asked.

Nothing asks them to write, because in shadow requests end before a reply or a question. They are here so that no
mistake there is heard. Direct messages to the owner do not go through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from creditbot.errors import PostRefused
from creditbot.model import Card, Marker, Message
from creditbot.ports import Approvers


class MutedReplier:
    """Implements `ports.Replier`."""

    def pace(self, channel: str) -> None:
        """Waits for nothing."""

    def reply(self, channel: str, thread_ts: str, text: str, marker: Marker, card: Card | None = None) -> str:  # noqa: ARG002
        """Raises `PostRefused`."""
        _refuse()

    def amend(self, channel: str, ts: str, text: str) -> None:  # noqa: ARG002
        """Raises `PostRefused`."""
        _refuse()


class MutedApprovers:
    """Implements `ports.Approvers`.

    Args:
        approvers: what was asked before is read through it.
    """

    def __init__(self, approvers: Approvers) -> None:
        self._approvers = approvers

    def ask(self, where: str, text: str, marker: Marker) -> tuple[str, str]:  # noqa: ARG002
        """Raises `PostRefused`."""
        _refuse()

    def asked(self, where: str, about: str, since: datetime) -> Sequence[Message] | None:
        """See `ports.Approvers`."""
        return self._approvers.asked(where, about, since)

    def question(self, channel: str, ts: str) -> Message | None:
        """See `ports.Approvers`."""
        return self._approvers.question(channel, ts)

    def close(self, channel: str, ts: str, text: str, marker: Marker, struck: str = "") -> None:  # noqa: ARG002
        """Raises `PostRefused`."""
        _refuse()


def _refuse() -> NoReturn:
    raise PostRefused("SHADOW is on, so nothing is written to Slack.", retry=False)
