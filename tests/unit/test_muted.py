"""The ports of SHADOW=true: they read Slack, and write nothing to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from creditbot.adapters.slack.muted import MutedApprovers, MutedReplier
from creditbot.errors import PostRefused
from creditbot.model import Marker
from tests.support.world import World
from tests.support.world_facts import OWNER, START

MARKER = Marker("ask", "T0.C0.1.ask.abc")
WRITES: tuple[Callable[[Any, Any], object], ...] = (
    lambda replier, _: replier.reply("C0", "1.0", "text", MARKER),
    lambda replier, _: replier.amend("C0", "1.0", "text"),
    lambda _, approvers: approvers.ask(OWNER, "text", MARKER),
    lambda _, approvers: approvers.close("D0", "1.0", "text", MARKER),
)


@pytest.mark.parametrize("write", WRITES, ids=["reply", "amend", "ask", "close"])
def test_a_muted_port_refuses_to_write_for_good(write: Callable[[Any, Any], object]) -> None:
    world = World()
    with pytest.raises(PostRefused, match="SHADOW is on") as raised:
        write(MutedReplier(), MutedApprovers(world.ports().approvers))
    assert not raised.value.retry
    assert [] == world.calls


def test_muted_approvers_read_what_was_asked_before() -> None:
    world = World(votes={"+1": (OWNER,)})
    approvers = world.ports().approvers
    channel, ts = approvers.ask(OWNER, "text", MARKER)
    muted = MutedApprovers(approvers)
    MutedReplier().pace("C0")
    assert muted.question(channel, ts) == approvers.question(channel, ts)
    assert [ts] == [message.ts for message in muted.asked(OWNER, MARKER.key, START) or ()]
