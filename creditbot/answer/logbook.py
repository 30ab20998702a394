"""Appends ends to the log: an end and its entry are stored in one write of the state, and the files come next.

`finishing` asks for an entry, `tick` for the files. Whatever dies in between, the log does not fork:

    swap    the end is stored, and its entry waits in the state: the order of all entries is that of these writes
    files   each waiting entry gets the next number; its file is created, never replaced. Then the checkpoint
    swap    the head moves on, and the entries stop waiting

A process that dies before the last swap leaves files that the next one finds as it would write them. If another entry
has the number already, the state is older than the files, because it was restored from a copy or is not the only one:
then what is there comes first, and ours gets the next number. A reply carries the checkpoint of entries that have their
files, so that a state that is lost takes no entry with it that Slack vouches for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from creditbot.answer.context import TickContext
from creditbot.answer.owner import Notices
from creditbot.errors import StateConflict
from creditbot.evidence.log import Checkpoint, end_digest, entry_of, origin_of, read_entry, tree_of
from creditbot.evidence.merkle import Tree
from creditbot.machine import logs
from creditbot.model import RequestKey
from creditbot.state.log_head import LogHead

log = logging.getLogger(__name__)

MOST_WAITING = 20
"""Entries that wait in the state before their files are written in the middle of a tick: the state stays small."""

Append = Callable[[LogHead | None], LogHead]


class Logbook:
    """The log as one tick writes it. Every verb raises what the log's store and the state raise. Thread-safe."""

    def __init__(self, context: TickContext) -> None:
        self._context = context

    def appending(self, key: RequestKey, end: Mapping[str, Any], logged: str) -> Append | None:
        """What appends an end in the write that stores it; None if the log has it.

        Args:
            key: the request.
            end: see `creditbot.evidence.log`.
            logged: digest of the end of this request that is known to be in the log, or "".
        """
        state, digest = self._context.ledger.state, end_digest(end)
        if digest == logged or (state.doubts(key) and digest == self._recovered.get(key)):
            return None
        found = self._recover() if state.log is None else None

        def append(head: LogHead | None) -> LogHead:
            begun = head or found
            if begun is None:
                raise StateConflict("The head of the log is no longer in the state.")
            return begun.with_entry(entry_of(end, self._context.now()))

        return append

    def _recover(self) -> LogHead:
        """The head as the files give it: the log is new, or the state was lost."""
        stored = self._context.ports.log.entries()
        tree, origin, since = Tree(), "", self._context.now()
        while (content := stored.get(tree.size)) is not None:
            if not tree.size:
                origin, since = origin_of(content), _logged(content) or since
            tree = tree.with_entry(content)
        if tree.size:  # whatever died before it was written: each head that a reply may vouch for has its checkpoint
            self._context.ports.log.add_checkpoint(tree.size, str(Checkpoint(origin, tree.size, tree.root)))
        return LogHead(since, origin, tree.size, _peaks(tree))

    def write(self) -> bool:
        """Writes the files of all entries that wait. Returns whether the log went on as the state knows it.

        False means that it was changed: there is another checkpoint of the same size.
        """
        before = self._context.ledger.state.log
        if before is None or not before.waiting:
            return True
        after, adopted = self._with_files(before)
        checkpoint = str(Checkpoint(after.origin, after.size, tree_of(after).root))
        stands = self._context.ports.log.add_checkpoint(after.size, checkpoint)
        self._context.ledger.update_log(lambda head: _moved_on(head, before, after, adopted))
        if adopted:
            log.warning("the log has %d entries that the state did not know", adopted)
        if stands != checkpoint:
            logs.event(log, "log forked", size=after.size)
        return stands == checkpoint

    def write_if_many(self) -> None:
        """Writes the files if so many entries wait that the state grows."""
        head = self._context.ledger.state.log
        if head and len(head.waiting) >= MOST_WAITING:
            self.write()

    def _with_files(self, head: LogHead) -> tuple[LogHead, int]:
        """(the head once the waiting entries have their files, how many entries of others came before them)."""
        tree, origin, adopted = tree_of(head), head.origin, 0
        for entry in head.waiting:
            wanted, stands = entry.encode(), None
            while stands != wanted:
                stands = self._context.ports.log.add(tree.size, wanted)
                origin = origin or origin_of(stands)
                tree = tree.with_entry(stands)
                adopted += stands != wanted
        return LogHead(head.since, origin, tree.size, _peaks(tree)), adopted

    @cached_property
    def _recovered(self) -> Mapping[RequestKey, str]:
        """Request -> digest of its last end in the log; it is read only after a loss or damage of the state."""
        found: dict[RequestKey, str] = {}
        for _, content in sorted(self._context.ports.log.entries().items()):
            try:
                entry = read_entry(content)
            except ValueError:
                continue  # the audit reports it
            found[entry.key] = entry.digest
        return found


def tell_of_fork(notices: Notices) -> None:
    """Tells the owner that the log does not go on as the state knows it."""
    notices.add(
        "log.forked",
        "The log of ends in OUTPUT_URI is not the one that the state knows: files of it were changed, or another "
        "deployment writes it. I go on answering. Run `creditbot audit`: it says what was changed.",
    )


def _logged(content: bytes) -> Any:
    try:
        return read_entry(content).logged
    except ValueError:
        return None


def _peaks(tree: Tree) -> tuple[str, ...]:
    return tuple(peak.hex() for peak in tree.peaks)


def _moved_on(head: LogHead | None, before: LogHead, after: LogHead, adopted: int) -> LogHead:
    """The head with `after` in place of `before`; what others appended since goes on waiting."""
    if head is None or head.size == before.size:
        waiting = head.waiting[len(before.waiting) :] if head else ()
    elif adopted or head.size >= after.size:
        return head  # another process has moved it on, and will write what still waits
    else:
        waiting = head.waiting[after.size - head.size :]
    return LogHead(after.since, after.origin, after.size, after.peaks, waiting)
