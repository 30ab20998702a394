"""Makes the proof that the last end of a request is in the log of ends, with the reply in Slack that vouches for it.

`AuditReader` reads the log and threads; a `Proof` goes out. Only as many threads are read as it takes to find a reply
with a root that covers the entry: those of the requests that were answered after it, the next one first.
"""

from __future__ import annotations

from dataclasses import dataclass

from creditbot.evidence.log import Checkpoint, origin_of
from creditbot.evidence.merkle import Tree
from creditbot.evidence.proof import Proof, path_to
from creditbot.insight.audit_log import LogFiles, Witness, entries_in
from creditbot.insight.audit_reading import AuditReader
from creditbot.insight.audit_replies import witnesses_of
from creditbot.insight.past import past_request
from creditbot.intake.permalink import Permalink
from creditbot.model import RequestKey
from creditbot.slack_time import time_of


@dataclass(frozen=True, slots=True)
class NoProof:
    """Why there is no proof: one or two sentences."""

    why: str


def prove(reader: AuditReader, permalink: Permalink, *, with_summary: bool = True) -> Proof | NoProof:
    """The proof for the request that an address names. Raises what reading raises."""
    files, state = reader.log()
    workspace = reader.workspace(state)
    key = RequestKey(workspace.team, permalink.channel, permalink.ts)
    entries = entries_in(files)
    mine = [one for one in entries if one.entry.key == key and one.number in files.entries]
    if not mine:
        waits = any(one.entry.key == key for one in entries)
        return NoProof("Its entry waits for its file. The next tick writes it." if waits else _NO_ENTRY)
    size = _whole(files)
    number = mine[-1].number
    if number >= size:
        return NoProof("An entry before it is missing from the log. Run `creditbot audit`.")
    later = [one.entry.key for one in entries if one.number > number and one.entry.end.get("status") == "answered"]
    for other in dict.fromkeys(later):
        witnesses, _ = witnesses_of(reader.posts_of(other, state, workspace), workspace)
        covering = [witness for witness in witnesses if number < witness.checkpoint.size <= size]
        for witness in covering:
            if _checkpoint(files, witness.checkpoint.size) != witness.checkpoint:
                return NoProof(f"{str(witness).capitalize()} vouches for other entries. Run `creditbot audit`.")
        if covering:
            return _proof(reader, files, key, (number, with_summary), covering[0])
    return _proof(reader, files, key, (number, with_summary), None)


_NO_ENTRY = "The log of ends has no entry about it: it has not ended, or it ended before the log began."


def _proof(
    reader: AuditReader, files: LogFiles, key: RequestKey, which: tuple[int, bool], witness: Witness | None
) -> Proof:
    number, with_summary = which
    (_, saved), *_ = reader.saved([key])
    checkpoint = witness.checkpoint if witness else _checkpoint(files, _whole(files))
    return Proof(
        past_request(key, None, saved.summary).permalink or str(key),
        number,
        files.entries[number].decode(),
        path_to(files.entries, number, checkpoint.size),
        checkpoint,
        witness.address if witness else "",
        time_of(witness.ts) if witness else None,
        saved.summary if with_summary else None,
    )


def _whole(files: LogFiles) -> int:
    """How many entries there are before the first one that is missing."""
    size = 0
    while size in files.entries:
        size += 1
    return size


def _checkpoint(files: LogFiles, size: int) -> Checkpoint:
    """Of the first entries as they are now."""
    tree = Tree()
    for number in range(size):
        tree = tree.with_entry(files.entries[number])
    return Checkpoint(origin_of(files.entries[0]), size, tree.root)
