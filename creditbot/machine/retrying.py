"""Trying a call again: the one way in which adapters wait for a service that fails for a moment.

The caller says what may be tried again, and after how long. tenacity makes the tries. What this module adds: a process
that was asked to stop tries nothing again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from creditbot.machine.processes import Stop

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

_NEVER = math.inf
"""The pause after a failure that is final."""


def with_retries(call: Callable[[], T], failure: type[E], pause_after: Callable[[E], float | None], stop: Stop) -> T:
    """What the call returns as soon as it succeeds.

    Args:
        call: what is tried.
        failure: the exception that a failed try raises; every other one passes.
        pause_after: seconds to wait after a failed try before the next one; None if the failure is final.
        stop: once the process is asked to stop, nothing is tried again, and the last failure is final.
    """
    try:
        return call()
    except failure as error:
        failures = [error]
    from tenacity import (
        Retrying,
        retry_if_exception_type,
    )  # most calls succeed at once: they do not wait for its import

    begun = False

    def attempt() -> T:
        nonlocal begun
        if not begun or stop.asked:  # the failure above is the first try; a stop may be asked while we wait
            begun = True
            raise failures[-1]
        try:
            return call()
        except failure as error:
            failures.append(error)
            raise

    def pause(_: RetryCallState) -> float:
        seconds = None if stop.asked else pause_after(failures[-1])
        return _NEVER if seconds is None else seconds

    def wait(seconds: float) -> None:
        stop.sleep(seconds)

    retrying = Retrying(
        retry=retry_if_exception_type(failure),
        wait=pause,
        stop=lambda state: state.upcoming_sleep == _NEVER,
        sleep=wait,
        reraise=True,
    )
    return retrying(attempt)
