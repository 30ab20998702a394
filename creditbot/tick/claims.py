"""How long a process has a request for itself: a claim, and what renews it while the work on the request lasts.

A claim is short, so that others soon take over from a process that died. Work may be long: a notebook may take
NOTEBOOK_TIMEOUT for each link, and may wait for others. So a claim is renewed instead of made long enough.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from creditbot.answer.context import TickContext
from creditbot.errors import CreditbotError, StateConflict
from creditbot.model import RequestKey
from creditbot.state.record import Claim, Record, move

CLAIM_LIFE = timedelta(minutes=30)
"""How long a claim lasts; longer than the job's deadline and its grace period together (k8s/base/cronjob.yaml)."""
_RENEWED_EVERY = CLAIM_LIFE / 3
"""So that a state that does not answer once loses no claim."""

log = logging.getLogger(__name__)


def new_claim(context: TickContext) -> Claim:
    """A claim of this process, from now on."""
    return Claim(context.process.name, context.now() + CLAIM_LIFE)


class KeptClaim:
    """The claim of a request that is worked on.

    Attributes:
        record: the request's record, with the claim as it was last renewed.
    """

    def __init__(self, context: TickContext, key: RequestKey, record: Record) -> None:
        self._context = context
        self._key = key
        self.record = record

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """While the block lasts, the claim does not run out, unless this process sleeps. Short work writes nothing."""
        with self._context.process.meanwhile(_RENEWED_EVERY.total_seconds(), self._renew):
            yield

    def _renew(self) -> bool:
        """Whether it is worth to do so again: not if another process has taken the request over."""
        try:
            claim = new_claim(self._context)
            renewed = move(self.record, self.record.status, self.record.at, claim=claim)
            self._context.ledger.swap(self._key, self.record, renewed)
        except StateConflict:
            return False
        except CreditbotError as error:
            log.warning("the claim of request %s could not be renewed: %s", self._key, error)
        except Exception:
            log.exception("the claim of request %s could not be renewed", self._key)
        else:
            self.record = renewed
        return True
