"""What is done in another thread while a block lasts."""

from __future__ import annotations

import threading

from creditbot.machine.meanwhile import every


def test_it_is_done_again_and_again_until_it_says_no() -> None:
    calls: list[int] = []
    enough = threading.Event()

    def action() -> bool:
        calls.append(1)
        if len(calls) == 3:
            enough.set()
        return len(calls) < 3

    with every(0.001, action):
        assert enough.wait(10)
    assert 3 == len(calls)


def test_nothing_is_done_after_the_block() -> None:
    """The block does not wait for the next time, and leaves no thread."""
    before = threading.active_count()
    with every(3600, lambda: True):
        assert before + 1 == threading.active_count()
    assert before == threading.active_count()
