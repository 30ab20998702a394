"""Reads the permalink of a Slack message, as people copy it and pass it to a command. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from creditbot.errors import SettingsError
from creditbot.slack_time import TS

_PERMALINK = re.compile(
    r"https://[\w.-]+/archives/(?P<channel>[CGD][A-Z0-9]+)/p(?P<seconds>\d{10})(?P<micros>\d{6})"
    rf"(?:\?(?:[^#]*&)?thread_ts=(?P<thread>{TS}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Permalink:
    """The message that an address means.

    Attributes:
        channel: id of its channel.
        ts: its Slack `ts`.
        thread: ts of the parent of its thread; its own ts if it is not in a thread.
    """

    channel: str
    ts: str
    thread: str


def read_permalink(text: str) -> Permalink:
    """The message that an address means. Raises `SettingsError` if it is not what "Copy link" gives."""
    match = _PERMALINK.match(text.strip())
    if not match:
        raise SettingsError(
            f"{text!r} is not the address of a Slack message.",
            "Use Copy link in the message's menu: https://WORKSPACE.slack.com/archives/CHANNEL/pNUMBER",
        )
    ts = f"{match['seconds']}.{match['micros']}"
    return Permalink(match["channel"], ts, match["thread"] or ts)
