"""Ends requests: summary and page are written first, the end and its entry in the log of ends are stored second.

So no end goes unrecorded. `thread_check`, `posting` and `tick` decide that a request ends; the end goes to the
summaries, to the state and, by way of `logbook`, to the log of ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from creditbot.answer.context import TickContext
from creditbot.answer.logbook import Append, Logbook
from creditbot.answer.owner import due
from creditbot.answer.owner_texts import left_out_text
from creditbot.credit.compute import LinksFailed, LookedUp
from creditbot.credit.footprint import tokens_of
from creditbot.credit.footprint_text import footprint_to_text
from creditbot.errors import CreditbotError, StateConflict
from creditbot.evidence.keeping import close_page, keep_page
from creditbot.evidence.log import end_digest, end_of, with_salts
from creditbot.evidence.page_parts import page_parts
from creditbot.evidence.summary import empty_summary, ended_summary, failed_summary, footprints_in
from creditbot.intake.requests import Request
from creditbot.model import RequestKey
from creditbot.state.ledger import Guard
from creditbot.state.record import Notice, Record, is_credited, move

Reached: TypeAlias = LinksFailed | LookedUp
"""How far the links of a request got whose amount is not known."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of an end.

    Attributes:
        digest: of the end.
        append: appends it to the log; None if the log has it.
    """

    digest: str
    append: Append | None


class Finisher:
    """Ends requests."""

    def __init__(self, context: TickContext) -> None:
        self._context = context
        self._logbook = Logbook(context)

    def finish(
        self, key: RequestKey, base: Record, end: Record, notices: Mapping[str, Notice] | None = None,
        request: Request | None = None, failed: LinksFailed | None = None, guard: Guard | None = None,
    ) -> Record:  # fmt: skip
        """Writes the summary of an end and stores the end in place of `base`; returns what is stored.

        `request` is for the summary of a request whose credit was never computed: it says what was asked. `failed` says
        how far its links got. `guard` as in `Ledger.swap`.
        If the summary cannot be written, or the log cannot be read, the request ends all the same, and a later tick
        does it (`save_later`).
        Raises `StateConflict` if the stored record is no longer `base`; the summary then stays as the other process
        wrote it.
        """
        self._context.ledger.confirm(key, base)
        kept = self._kept(key, end, request, failed)
        end = replace(end, saved=kept is not None, logged=kept.digest if kept else "")
        try:
            told = {} if self._context.is_silent(key, base) else {**(notices or {}), **self._left_out(key, end)}
            append = kept.append if kept else None
            self._context.ledger.swap(key, base, end, guard=guard, notices=told, append=append)
        except StateConflict:
            self.restore(key)
            raise
        self._write_if_many()
        return end

    def hold(self, key: RequestKey, base: Record, held: Record, notices: Mapping[str, Notice]) -> Record:
        """Writes into the summary why a request waits, and stores it as held. Raises as `finish` does.

        If this summary cannot be written, the request is held all the same: the one of the computation is there.
        """
        self._context.ledger.confirm(key, base)
        summary: Mapping[str, object] | None = None
        with suppress(CreditbotError):
            summary = self._save(key, held)
        try:
            self._context.ledger.swap(key, base, held, notices=notices)
        except StateConflict:
            self.restore(key)
            raise
        if summary is not None:
            close_page(self._context.ports.pages, key, summary)
        return held

    def keep_traffic(
        self, key: RequestKey, record: Record, request: Request, look_up: Callable[[], LookedUp]
    ) -> Record:  # fmt: skip
        """Remembers for which traffic a person answered, in the summary and in the record.

        An earlier summary that has the traffic knows more of it than the SQL that `look_up` gets, and stays. Raises
        what `look_up` and the stores of summaries and of the log raise.
        """
        earlier = footprints_in(self._context.ports.summaries.load(key) or {})
        found = None if earlier else look_up()
        footprints = list(found.footprints.values()) if found else earlier
        if not footprints:
            return record
        known = move(record, record.status, record.at, traffic=tuple(map(footprint_to_text, footprints)))
        self._context.ledger.confirm(key, record)
        kept = self._keep(key, known, request, found)
        known = replace(known, saved=True, logged=kept.digest)
        self._context.ledger.swap(key, record, known, append=kept.append)
        return known

    def save_later(self, key: RequestKey, record: Record) -> Record:
        """Writes the summary that could not be written when the request ended, and logs the end.

        Raises what the stores of summaries and of the log raise.
        """
        kept = self._keep(key, record)
        saved = move(record, record.status, record.at, saved=True, logged=kept.digest)
        self._context.ledger.swap(key, record, saved, append=kept.append)
        self._write_if_many()
        return saved

    def restore(self, key: RequestKey) -> None:
        """Repairs the summary if we overwrote it while another process ended the request.

        If it shows another run than before, the log says so: the end is logged again with the summary as it is now.
        """
        current = self._context.ledger.state.records.get(key)
        kept = self._kept(key, current) if current and current.terminal else None
        if current and kept and kept.append:
            logged = move(current, current.status, current.at, logged=kept.digest)
            with suppress(StateConflict):
                self._context.ledger.swap(key, current, logged, append=kept.append)

    def _left_out(self, key: RequestKey, end: Record) -> Mapping[str, Notice]:
        """The message to the owner about links that a reply leaves out, because their product is off; often none."""
        if end.status != "answered" or not end.result or not end.result.skipped:
            return {}
        text = left_out_text(self._context.workspace.address(key, end.thread), end.result.skipped)
        return {f"{key}.left-out": due(text, end.at)}

    def _kept(
        self,
        key: RequestKey,
        record: Record,
        request: Request | None = None,
        failed: Reached | None = None,
    ) -> _Kept | None:
        try:
            return self._keep(key, record, request, failed)
        except CreditbotError:
            return None

    def _keep(
        self,
        key: RequestKey,
        record: Record,
        request: Request | None = None,
        failed: Reached | None = None,
    ) -> _Kept:
        """Writes the summary and the page of an end, and returns what the state is to remember of them."""
        summary = self._save(key, record, request, failed)
        pages = self._context.ports.pages
        page = keep_page(pages, key, summary, failed.results) if failed else close_page(pages, key, summary)
        end = end_of(summary, page_parts(page) if page else None)
        return _Kept(end_digest(end), self._logbook.appending(key, end, record.logged))

    def _save(
        self,
        key: RequestKey,
        record: Record,
        request: Request | None = None,
        failed: Reached | None = None,
    ) -> Mapping[str, Any]:
        """Writes the summary of an end, and returns it as it is stored."""
        summaries = self._context.ports.summaries
        document = self._of_failed(key, record, request, failed) or summaries.load(key)
        if document is None:
            message, links = (request.message, request.links) if request else (None, ())
            document = empty_summary(key, self._context.workspace.address(key, record.thread), message, links)
        credited = _credited(record, document)
        ended = ended_summary(document, record, in_shadow=self._context.is_silent(key, record))
        summary = {**with_salts(ended), "credited": list(credited)}
        summaries.save(key, summary, credited)
        return summary

    def _of_failed(
        self, key: RequestKey, record: Record, request: Request | None, failed: Reached | None
    ) -> Mapping[str, object] | None:
        if request is None or failed is None:
            return None
        problems = {link.url: str(error) for link, error in failed.problems}
        address = self._context.workspace.address(key, record.thread)
        return failed_summary(key, address, request, failed.results, problems, failed.footprints)

    def _write_if_many(self) -> None:
        """Writes entries to their files in the middle of a tick; one that cannot be written waits for the next try."""
        with suppress(CreditbotError):
            self._logbook.write_if_many()


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
    names = tuple(earlier) if isinstance(earlier, list | tuple) else ()
    return tuple(dict.fromkeys((*names, *tokens_of(footprints_in(document)))))
