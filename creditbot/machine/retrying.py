"""Trying a call again: the one loop by which adapters wait for a service that fails in passing.

What may be tried again, and after how long, is the caller's to say. That a process which is asked to stop tries nothing
again is said here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from creditbot.machine.processes import Stop

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def with_retries(
    call: Callable[[], T], failure: type[E], pause_after: Callable[[E], float | None], stop: Stop
) -> T:  # fmt: skip
    """What the call returns as soon as it succeeds.

    Args:
        call: what is tried.
        failure: the exception that a failed try raises; every other one passes.
        pause_after: seconds to wait after a failed try before the next one; None if the failure is final.
        stop: once it is asked, nothing is tried again, and the failure at hand is final.
    """
    while True:
        try:
            return call()
        except failure as failed:
            pause = pause_after(failed)
            if pause is None:
                raise
            stop.sleep(pause)
            if stop.asked:
                raise
