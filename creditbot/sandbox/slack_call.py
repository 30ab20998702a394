"""What every method of the sandbox's Slack needs: arguments, scopes, errors and pages.

`slack` makes a `SlackCall` of an HTTP request; the methods read it, and raise `SlackError` to refuse it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from creditbot.sandbox.faults import Fault
from creditbot.sandbox.rate_limits import RateLimits
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import BOT_USER, SandboxWorld
from creditbot.slack_time import micros_of, ts_of_micros

HISTORY = {"public_channel": "channels:history", "private_channel": "groups:history", "im": "im:history"}
READ = {"public_channel": "channels:read", "private_channel": "groups:read", "mpim": "mpim:read", "im": "im:read"}


class SlackError(Exception):
    """`{"ok": false, "error": code}`; with `wait` it is HTTP 429 and Retry-After."""

    def __init__(self, code: str, *, wait: int = 0, **more: Any) -> None:
        super().__init__(code)
        self.wait = wait
        self.body: Json = {"ok": False, "error": code, **more}


@dataclass(frozen=True)
class SlackCall:
    """One call: its arguments and what it may use."""

    world: SandboxWorld
    arguments: Mapping[str, Any]
    scopes: frozenset[str]
    limits: RateLimits
    fault: Fault
    page_size: int | None

    def text(self, name: str) -> str:
        """An argument as text, "" if it is not there."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """An argument as a boolean: the SDK sends 1, 0, true or false."""
        return self.text(name).lower() in ("1", "true")

    def structure(self, name: str, error: str) -> Any:
        """An argument that is JSON, or a string that holds JSON; None if it is not there."""
        value = self.arguments.get(name)
        try:
            return json.loads(value) if isinstance(value, str) and value else value
        except ValueError:
            raise SlackError(error) from None

    def size(self, default: int, most: int) -> int:
        """How many items the page has."""
        limit = self.text("limit") or str(default)
        if not limit.isdecimal():
            raise SlackError("invalid_limit")
        return min(max(1, int(limit)), most, self.page_size or most)

    def need(self, scope: str) -> None:
        """Refuses the call if the token lacks a scope."""
        if scope not in self.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def channel(self, id_: str) -> Json:
        """The channel with this id; a private one that the bot is not in is not found."""
        channel = self.world.get("channel", id_)
        if not channel or (kind_of(channel) == "private_channel" and BOT_USER not in channel["members"]):
            raise SlackError("channel_not_found")
        return channel

    def readable(self) -> Json:
        """The channel of the arguments if its messages may be read."""
        channel = self.channel(self.text("channel"))
        self.need(HISTORY[kind_of(channel)])
        if BOT_USER not in channel["members"]:
            raise SlackError("not_in_channel")
        return channel


def kind_of(channel: Json) -> str:
    """Slack's word for the type of a conversation."""
    if channel.get("is_im"):
        return "im"
    return "private_channel" if channel.get("is_private") else "public_channel"


@dataclass(frozen=True)
class Method:
    """How a method is called.

    Attributes:
        run: does it.
        tier: of Slack's rate limits; 5 is "special".
        required: arguments it cannot do without.
        takes_json: whether it reads a JSON body.
        needs_token: whether it wants to know who calls.
    """

    run: Callable[[SlackCall], Json]
    tier: int
    required: tuple[str, ...] = ()
    takes_json: bool = False
    needs_token: bool = True


def bounds(call: SlackCall) -> tuple[str, str]:
    """The first and the last ts that are wanted, both included."""
    step = 0 if call.flag("inclusive") else 1
    oldest = _micros(call.text("oldest") or "0", "invalid_ts_oldest")
    latest = _micros(call.text("latest") or "9999999999", "invalid_ts_latest")
    return _padded(oldest + step if oldest else 0), _padded(latest - step)


def _micros(ts: str, error: str) -> int:
    if not re.fullmatch(r"\d{1,10}(\.\d*)?", ts, re.ASCII):
        raise SlackError(error)
    return micros_of(ts)


def _padded(micros: int) -> str:
    """A ts that can be compared with others as text, as the store does."""
    return ts_of_micros(micros).rjust(len("1736345678.123456"), "0")


def more(next_ts: str) -> Json:
    """The part of a page of messages that leads to the next one; empty on the last page."""
    return {"response_metadata": {"next_cursor": make_cursor("next_ts", next_ts)}} if next_ts else {}


def make_cursor(kind: str, first: str) -> str:
    """The cursor of the page that starts with the item `first`."""
    return base64.b64encode(f"{kind}:{first}".encode()).decode()


def cursor(call: SlackCall, kind: str) -> str:
    """Where the page starts, "" for the first one."""
    text = call.text("cursor")
    try:
        its_kind, _, first = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackError("invalid_cursor") from None
    if text and its_kind != kind:
        raise SlackError("invalid_cursor")
    return first
