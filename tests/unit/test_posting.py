"""Posting a reply, seen from inside: what no tick says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from creditbot.answer.finishing import Closing
from creditbot.answer.owner import Notices
from creditbot.answer.posting import Replies, Rules
from creditbot.errors import StateConflict
from creditbot.ports import Ports
from creditbot.state.ledger import Ledger
from tests.support.world import POLICY, RULES, World


def replies_of(ports: Ports, ledger: Ledger) -> Replies:
    workspace = ledger.read().meta.workspace
    assert workspace
    rules = Rules(RULES.settle, RULES.lookback, RULES.duplicates, RULES.template)
    notices, closing = Notices(ports, ledger, RULES.settle), Closing(ports, ledger, workspace)
    return Replies(ports, ledger, workspace, POLICY, rules, closing, notices)


def test_a_post_that_a_hold_forbids_is_refused_with_the_reason() -> None:
    """A tick leaves such a request as it is."""
    world = World()
    world.tick()
    key = world.ask("abc")
    world.kill("thread.before-read")
    record, ports = world.record(key), world.ports()
    assert record.claim
    world.wait(seconds=1)
    ledger = Ledger(ports.state)
    until = world.now + RULES.settle
    ledger.update_meta(lambda meta: replace(meta, hold_since=world.now, hold_until=until))
    forbidden = "Nothing is posted for older requests until the state's loss has settled."
    with pytest.raises(StateConflict, match=f"^{forbidden}$"):
        replies_of(ports, ledger).post(key, record, record.claim)
    assert world.record(key) == record
