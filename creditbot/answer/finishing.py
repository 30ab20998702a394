"""Ends requests: the summary is written first and the end is stored second, so that no end goes unrecorded.

`thread_check`, `posting` and `tick` decide that a request ends; the end goes to the summaries and to the state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from creditbot.answer.context import TickContext
from creditbot.answer.owner import due, left_out_text
from creditbot.credit.compute import LinksFailed
from creditbot.credit.footprint import tokens_of
from creditbot.errors import CreditbotError, StateConflict
from creditbot.evidence.keeping import close_page, keep_page
from creditbot.evidence.summary import empty_summary, ended_summary, failed_summary, footprints_in
from creditbot.intake.requests import Request
from creditbot.model import RequestKey
from creditbot.state.ledger import Guard
from creditbot.state.record import Notice, Record, is_credited, move


class Finisher:
    """Ends requests."""

    def __init__(self, context: TickContext) -> None:
        self._context = context

    def finish(
        self, key: RequestKey, base: Record, end: Record, notices: Mapping[str, Notice] | None = None,
        request: Request | None = None, failed: LinksFailed | None = None, guard: Guard | None = None,
    ) -> Record:  # fmt: skip
        """Writes the summary of an end and stores the end in place of `base`; returns what is stored.

        `request` is for the summary of a request whose credit was never computed: it says what was asked. `failed` says
        how far its links got. `guard` as in `Ledger.swap`.
        If the summary cannot be written, the request ends all the same, and a later tick writes it (`save_later`).
        Raises `StateConflict` if the stored record is no longer `base`; the summary then stays as the other process
        wrote it.
        """
        self._context.ledger.confirm(key, base)
        summary = self._saved(key, end, request, failed)
        end = replace(end, saved=summary is not None)
        try:
            told = {} if self._context.is_silent(key, base) else {**(notices or {}), **self._left_out(key, end)}
            self._context.ledger.swap(key, base, end, guard=guard, notices=told)
        except StateConflict:
            self.restore(key)
            raise
        if summary is not None:
            self._show(key, summary, failed)
        return end

    def hold(self, key: RequestKey, base: Record, held: Record, notices: Mapping[str, Notice]) -> Record:
        """Writes into the summary why a request waits, and stores it as held. Raises as `finish` does.

        If this summary cannot be written, the request is held all the same: the one of the computation is there.
        """
        self._context.ledger.confirm(key, base)
        summary = self._saved(key, held)
        try:
            self._context.ledger.swap(key, base, held, notices=notices)
        except StateConflict:
            self.restore(key)
            raise
        if summary is not None:
            self._show(key, summary)
        return held

    def save_later(self, key: RequestKey, record: Record) -> Record:
        """Writes the summary that could not be written when the request ended. Raises what the summary store raises."""
        summary = self._save(key, record)
        saved = move(record, record.status, record.at, saved=True)
        self._context.ledger.swap(key, record, saved)
        self._show(key, summary)
        return saved

    def restore(self, key: RequestKey) -> None:
        """Repairs the summary if we overwrote it while another process ended the request."""
        current = self._context.ledger.state.records.get(key)
        if current and current.terminal:
            summary = self._saved(key, current)
            if summary is not None:
                self._show(key, summary)

    def _left_out(self, key: RequestKey, end: Record) -> Mapping[str, Notice]:
        """The message to the owner about links that a reply leaves out, because their product is off; often none."""
        if end.status != "answered" or not end.result or not end.result.skipped:
            return {}
        text = left_out_text(self._context.workspace.address(key, end.thread), end.result.skipped)
        return {f"{key}.left-out": due(text, end.at)}

    def _saved(
        self, key: RequestKey, record: Record, request: Request | None = None, failed: LinksFailed | None = None
    ) -> Mapping[str, object] | None:
        try:
            return self._save(key, record, request, failed)
        except CreditbotError:
            return None

    def _save(
        self, key: RequestKey, record: Record, request: Request | None = None, failed: LinksFailed | None = None
    ) -> Mapping[str, object]:
        """Writes the summary of an end, and returns it."""
        summaries = self._context.ports.summaries
        document = self._of_failed(key, record, request, failed) or summaries.load(key)
        if document is None:
            message, links = (request.message, request.links) if request else (None, ())
            document = empty_summary(key, self._context.workspace.address(key, record.thread), message, links)
        ended = ended_summary(document, record, in_shadow=self._context.is_silent(key, record))
        summaries.save(key, ended, _credited(record, document))
        return ended

    def _of_failed(
        self, key: RequestKey, record: Record, request: Request | None, failed: LinksFailed | None
    ) -> Mapping[str, object] | None:
        if request is None or failed is None:
            return None
        problems = {link.url: str(error) for link, error in failed.problems}
        address = self._context.workspace.address(key, record.thread)
        return failed_summary(key, address, request, failed.results, problems, failed.footprints)

    def _show(self, key: RequestKey, summary: Mapping[str, object], failed: LinksFailed | None = None) -> None:
        """Brings the page up to date, after the end is stored: nothing waits for a page."""
        pages = self._context.ports.pages
        if failed:
            keep_page(pages, key, summary, failed.results)
        else:
            close_page(pages, key, summary)


def _credited(record: Record, document: Mapping[str, object]) -> Sequence[str]:
    """The names under which the credit of this end is found again: hashes of its SQL, and traffic tokens.

    A held request counts as well: if the state is lost, its thread shows whether it was approved and answered. A
    shadowed one counts, because people may answer it.
    For an answer that was found in the thread after a loss of the state, the old summary says what was computed.
    """
    if not (record.status in ("held", "shadowed") or is_credited(record, in_shadow=True)):
        return ()
    if record.result:
        return (*record.result.sql, *tokens_of(footprints_in(document)))
    earlier = document.get("credited")
    return tuple(earlier) if isinstance(earlier, list | tuple) else ()
