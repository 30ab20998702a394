"""The ports of Slack in memory: what the world shows of its channels, threads and direct messages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from creditbot.decide.policy import DEFAULT_LIMIT
from creditbot.errors import CardRefused, PostRefused
from creditbot.model import (
    Card,
    Marker,
    Message,
    RequestKey,
    Sign,
    Workspace,
)
from creditbot.settings.types import is_member
from creditbot.slack_time import time_of
from tests.support.world_facts import BOT, BOT_USER, OWNER, TEAM, Post, ts_of

if TYPE_CHECKING:
    from tests.support.world import World


class FakeSlack:
    """Inbox, Replier and Clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock_error = world.clock_error

    def now(self) -> datetime:
        return self._world.now + self._clock_error

    def workspace(self, remembered: Workspace | None) -> Workspace:
        if remembered and not remembered.missing:
            return remembered
        channels, missing = dict(self._world.channels), dict(self._world.missing)
        return self._world.effect(
            "auth",
            lambda: Workspace(TEAM, "https://acme.slack.com/", BOT_USER, BOT, channels, "fake", missing=missing),
        )

    def messages(self, channel: str, oldest: datetime) -> Sequence[Message]:
        def read() -> list[Message]:
            assert channel in self._world.channels, channel
            seen = [m for m in self._world.visible() if m.channel == channel]
            tops = [m for m in seen if m.thread_ts in (None, m.ts) or m.subtype == "thread_broadcast"]
            replies = Counter(m.thread_ts for m in seen if m.thread_ts != m.ts)
            return [replace(m, replies=replies[m.thread]) for m in tops if time_of(m.ts) > oldest]

        return self._world.effect("history", read)

    def thread(self, channel: str, thread_ts: str) -> Sequence[Message]:
        def read() -> list[Message]:
            assert channel in self._world.channels, channel
            seen = [m for m in self._world.visible() if m.channel == channel]
            thread = [m for m in seen if thread_ts in (m.ts, m.thread_ts)]
            return [shown for m in thread if (shown := self._world.shown(m))]

        return self._world.effect("thread", read)

    def is_shared(self, channel: str) -> bool:
        return self._world.effect("shared", lambda: self._world.is_shared)

    def pace(self, channel: str) -> None:
        assert channel in self._world.channels, channel

    def reply(self, channel: str, thread_ts: str, text: str, marker: Marker, card: Card | None = None) -> str:
        def post() -> str:
            assert channel in self._world.channels, channel
            world = self._world
            if card and world.refuses_card:
                raise CardRefused("Slack refused the post: invalid_blocks.")
            ts = ts_of(world.now, world.number())
            message = Message(
                channel,
                ts,
                thread_ts=thread_ts,
                user=BOT_USER,
                bot=BOT,
                text=text,
                content={"text": text, **({"blocks": card} if card else {})},
                marker=marker,
            )
            world.pending.append(Post(message, world.now + world.lateness))
            if _amount(text) > DEFAULT_LIMIT and not world._approved.get(marker.key):
                world.unapproved.append(marker.key)
            summaries = {**world.summaries, **(world.other.summaries if world.other else {})}
            world.sql[ts] = tuple(summaries[marker.key]["credited"])  # type: ignore[arg-type]
            return ts

        return self._world.effect("reply", post)

    def amend(self, channel: str, ts: str, text: str) -> None:
        assert channel in self._world.channels, channel
        self._world.effect("amend", lambda: self._world.change(ts, text=text, content={"text": text}))


class FakeSigns:
    """Implements Signs. Putting one is no effect of a tick that anything depends on, so nothing fails there."""

    def __init__(self, world: World) -> None:
        self._world = world

    def put(self, key: RequestKey, sign: Sign) -> None:
        signs = self._world.signs.setdefault(key, [])
        if sign not in signs:
            signs.append(sign)

    def take_back(self, key: RequestKey, sign: Sign) -> None:
        self._world.signs[key] = [other for other in self._world.signs.get(key, ()) if other != sign]


class FakeOwners:
    """Implements Owners."""

    def __init__(self, world: World) -> None:
        self._world = world

    def conversation_with(self, user: str) -> FakeOwner:
        return FakeOwner(self._world, direct_channel(user))


def direct_channel(user: str) -> str:
    """The id of the direct messages to a person."""
    return f"D{user[1:]}"


class FakeOwner:
    """Direct messages to one owner."""

    def __init__(self, world: World, channel: str) -> None:
        self._world = world
        self._channel = channel

    def tell(self, text: str, marker: Marker) -> str:
        def post() -> str:
            world = self._world
            ts = ts_of(world.now, world.number())
            message = Message(self._channel, ts, user=BOT_USER, bot=BOT, text=text, marker=marker)
            world.pending_direct.append(Post(message, world.now + world.lateness))
            return ts

        return self._world.effect("tell", post)

    def was_told(self, marker: Marker, since: datetime) -> bool | None:
        if not self._world.can_read_direct:
            return None
        return self._world.effect(
            "was_told",
            lambda: any(
                m.marker
                and m.marker.kind == marker.kind
                and marker.key in m.marker.keys
                and marker.nonce in ("", m.marker.nonce)
                for m in self._world.shown_direct()
                if time_of(m.ts) >= since and m.channel == self._channel
            ),
        )


def _amount(reply: str) -> Decimal:
    """USD of a reply of the tests' template."""
    found = re.search(r"\$([0-9,]+[.][0-9]{2})", reply)
    return Decimal(found[1].replace(",", "")) if found else Decimal(0)


class FakeApprovers:
    """The conversations with approvers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, where: str, text: str, marker: Marker) -> tuple[str, str]:
        channel = direct_channel(where) if is_member(where) else where

        def post() -> tuple[str, str]:
            world = self._world
            ts = ts_of(world.now, world.number())
            votes = world.votes if ".ask." in marker.key else {}
            message = Message(channel, ts, user=BOT_USER, bot=BOT, text=text, marker=marker, reactions=dict(votes))
            world.pending_asks.append(Post(message, world.now + world.lateness))
            return channel, ts

        return self._world.effect("ask", post)

    def asked(self, where: str, about: str, since: datetime) -> Sequence[Message] | None:
        if not self._world.can_read_direct:
            return None
        channel = direct_channel(where) if is_member(where) else where

        def read() -> list[Message]:
            there = [m for m in self._world.visible_asks() if m.channel == channel and time_of(m.ts) >= since]
            shown = filter(None, map(self._world.shown_ask, there))
            return [m for m in shown if m.marker and m.marker.kind == "ask" and m.marker.key.startswith(about)]

        return self._world.effect("asked", read)

    def question(self, channel: str, ts: str) -> Message | None:
        def read() -> Message | None:
            message = next((m for m in self._world.visible_asks() if (m.channel, m.ts) == (channel, ts)), None)
            shown = self._world.shown_ask(message) if message else None
            if shown and shown.marker:
                yes = OWNER in shown.reactions.get("+1", ())
                key = shown.marker.key.partition(".ask.")[0]
                self._world._approved[key] = yes and not shown.reactions.get("x")
            return shown

        return self._world.effect("votes", read)

    def close(self, channel: str, ts: str, text: str, marker: Marker, struck: str = "") -> None:
        def change() -> None:
            if ts not in {message.ts for message in self._world.visible_asks()}:
                raise PostRefused("Slack does not know this message.", retry=False)
            below = "".join(f"\n~{line}~" for line in struck.splitlines())
            self._world.change_ask(ts, text=text + below, marker=marker)

        self._world.effect("close", change)
