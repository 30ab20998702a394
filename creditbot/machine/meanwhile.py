"""Does something again and again, in another thread, while the caller does something else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

Meanwhile: TypeAlias = Callable[[float, Callable[[], bool]], AbstractContextManager[None]]
"""As `every`."""


@contextmanager
def every(seconds: float, action: Callable[[], bool]) -> Iterator[None]:
    """Calls `action` every so many seconds while the block lasts, until it returns False. It must not raise.

    When the block ends, `action` has ended and is not called again.
    """
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(seconds) and action():
            pass

    thread = threading.Thread(target=repeat, name="meanwhile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
