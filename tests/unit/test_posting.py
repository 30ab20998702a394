"""Posting a reply, seen from inside: what no tick says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from creditbot.answer.owner import Notices
from creditbot.errors import StateConflict
from creditbot.tick.worker import Parts
from tests.support.world import World
from tests.support.world_facts import RULES


def test_a_post_that_a_hold_forbids_is_refused_with_the_reason() -> None:
    """A tick leaves such a request as it is."""
    world = World()
    world.tick()
    key = world.ask("abc")
    world.kill("thread.before-read")
    record, context = world.record(key), world.context()
    assert record.claim
    world.wait(seconds=1)
    until = world.now + RULES.settle
    context.ledger.update_meta(lambda meta: replace(meta, pause_before=world.now, pause_until=until))
    poster = Parts.of(context, Notices(context)).poster
    on_hold = "^Older requests are paused after a loss of the state: nothing is posted for them.$"
    with pytest.raises(StateConflict, match=on_hold):
        poster.post(key, record, record.claim)
    assert world.record(key) == record
