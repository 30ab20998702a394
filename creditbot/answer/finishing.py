"""How a request ends: its summary is written, then its end is stored, so that nothing terminal is forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from creditbot.errors import CreditbotError, StateConflict
from creditbot.evidence.summary import close_document, new_document
from creditbot.intake.requests import Request
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Ports
from creditbot.state.ledger import Ledger
from creditbot.state.record import ANSWERED, Notice, Record, move


class Closing:
    """Ends requests."""

    def __init__(self, ports: Ports, ledger: Ledger, workspace: Workspace) -> None:
        self._ports = ports
        self._ledger = ledger
        self._workspace = workspace

    def end(
        self, key: RequestKey, base: Record, ended: Record, notices: Mapping[str, Notice] | None = None,
        request: Request | None = None,
    ) -> Record:  # fmt: skip
        """Writes the summary of the end and stores it in place of `base`; returns what is stored.

        `request` is for the summary of one of which nothing was computed: what was asked.
        A summary that cannot be written does not undo the end: a later tick writes it (`save_later`).
        Raises `StateConflict` if the request is not `base` any more: then its summary is as whoever changed it left it.
        """
        self._ledger.confirm(key, base)
        ended = replace(ended, saved=self._saved(key, ended, request))
        try:
            self._ledger.swap(key, base, ended, notices=notices)
        except StateConflict:
            self.restore(key)
            raise
        return ended

    def save_later(self, key: RequestKey, record: Record) -> Record:
        """Writes the summary that could not be written when the request ended; raises what the summaries raise."""
        self._save(key, record)
        saved = move(record, record.status, record.at, saved=True)
        self._ledger.swap(key, record, saved)
        return saved

    def restore(self, key: RequestKey) -> None:
        """Writes the end that the state holds into a summary that we replaced just when somebody else ended it."""
        current = self._ledger.state.records.get(str(key))
        if current and current.terminal:
            self._saved(key, current)

    def _saved(self, key: RequestKey, record: Record, request: Request | None = None) -> bool:
        try:
            self._save(key, record, request)
        except CreditbotError:
            return False
        return True

    def _save(self, key: RequestKey, record: Record, request: Request | None = None) -> None:
        permalink = self._workspace.permalink(key.channel, key.ts, record.thread)
        message, links = (request.message, request.links) if request else (None, ())
        document = self._ports.summaries.load(key) or new_document(key, permalink, message, links)
        self._ports.summaries.save(key, close_document(document, record), _credited(record, document))


def _credited(record: Record, document: Mapping[str, object]) -> Sequence[str]:
    """The SQL that an end credits. An answer found in the thread after a loss credits what was computed for it then."""
    if record.status not in ANSWERED:
        return ()
    known = document.get("credited")
    return record.result.sql if record.result else tuple(known) if isinstance(known, list | tuple) else ()
