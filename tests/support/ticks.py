"""A tick that can be halted in the middle, and go on or be killed there, while other ticks run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.support.points import Point
from tests.support.world import World
from tests.support.world_facts import Killed


class Tick:
    """One run in a thread of its own, which goes on only while somebody waits for it: one thread runs at a time."""

    def __init__(self, run: Callable[[Tick], None]) -> None:
        self._run = run
        self._go, self._halted = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._whole, daemon=True)
        self._killed = False
        self.ended = False
        self.error: BaseException | None = None

    def go_on(self) -> bool:
        """Runs until the tick pauses or ends; says whether it has ended."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._halted.acquire()
        if self.error:
            raise self.error
        return self.ended

    def kill(self) -> None:
        """SIGKILL while it is paused, or before it began."""
        self._killed = True
        self.go_on()

    def pause(self) -> None:
        """Called by the run: waits for the next `go_on`."""
        self._halted.release()
        self._go.acquire()
        if self._killed:
            raise Killed

    def _whole(self) -> None:
        try:
            self._run(self)
        except BaseException as error:  # noqa: BLE001 handed to whoever waits
            self.error = error
        self.ended = True
        self._halted.release()


def stopped(world: World, point: Point, **options: Any) -> Tick:
    """A tick that is stopped at a point."""

    def run(tick: Tick) -> None:
        world.tick(at=lambda reached: tick.pause() if reached == point else None, **options)

    tick = Tick(run)
    assert not tick.go_on()
    return tick
