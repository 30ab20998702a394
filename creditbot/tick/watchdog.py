"""Watches the doorbell of `creditbot serve`: a request that a tick found, and that nothing rang for, was not heard.

After each tick, the requests that it found come in; what was not heard goes into the totals of the state. A doorbell
that did not ring is told to connect again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from creditbot.errors import CreditbotError
from creditbot.model import RequestKey
from creditbot.ports import Doorbell
from creditbot.slack_time import time_of
from creditbot.state.ledger import Ledger
from creditbot.state.totals import NO_PONG, NO_RING

LATE = timedelta(seconds=10)
"""How much later than its request a ring may come."""

log = logging.getLogger(__name__)


class Watchdog:
    """Compares what ticks find with what rang. Used by one thread.

    Args:
        doorbell: what is watched.
    """

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self._connection: object = None
        self._since: datetime | None = None
        self._doubtful: dict[RequestKey, datetime] = {}
        self._unheard = {NO_RING: 0, NO_PONG: 0}
        self._silences = 0

    @property
    def is_in_doubt(self) -> bool:
        """Whether a tick has found a request whose ring may still come: then the next look must not be late."""
        return bool(self._doubtful)

    def look(self, started: Collection[RequestKey], ledger: Ledger, now: datetime) -> None:
        """Looks after a tick.

        Args:
            started: the requests that no tick had worked on before.
            ledger: where what was not heard is counted. If that fails, it is counted after a later tick.
            now: the time by Slack's clock.
        """
        connection = self._doorbell.connection
        if connection is None or connection != self._connection:  # another one rings for all that was asked before it
            self._since = None
        self._doubtful |= dict.fromkeys(filter(self._should_have_rung, started), now)
        self._doubtful = {key: found for key, found in self._doubtful.items() if not self._doorbell.has_rung_for(key)}
        missed = [key for key, found in self._doubtful.items() if now - found >= LATE]
        for key in missed:
            del self._doubtful[key]
            self._unheard[NO_RING] += 1
            log.warning("Slack told nothing of request %s: the connection for its events is made again", key)
        if missed:
            self._doorbell.reconnect()
        self._unheard[NO_PONG] += self._doorbell.silences - self._silences
        self._silences = self._doorbell.silences
        self._connection, self._since = connection, self._since or now
        self._count(ledger)

    def _should_have_rung(self, key: RequestKey) -> bool:
        return self._since is not None and time_of(key.ts) > self._since

    def _count(self, ledger: Ledger) -> None:
        counts = {cause: number for cause, number in self._unheard.items() if number}
        if not counts:
            return
        try:
            ledger.add_unheard(counts)
        except CreditbotError as error:
            log.warning("what was not heard of Slack could not be counted: %s", error)
        else:
            self._unheard = dict.fromkeys(self._unheard, 0)
