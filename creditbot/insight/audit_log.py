"""Checks the log of ends as a whole: its entries against its checkpoints, the state and the replies in Slack. Pure.

The files, the head in the state and the roots that replies carry come in; findings come out, with the entries by
request, for `audit_requests`. Three sources say what the log was at some size:

    reply        the metadata of our post in Slack: nobody who can write the bucket and the state can change it
    state        the head, and the entries that wait for their files
    checkpoint   a file beside the entries

A source whose root is that of the entries is right. One whose root is not is wrong itself if another one that weighs as
much vouches for as many entries or more. Else the entries were changed. A reply outweighs the two others.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from creditbot.evidence.log import Checkpoint, Entry, checkpoint_of, origin_of, read_entry
from creditbot.evidence.merkle import Tree
from creditbot.insight.audit_findings import Finding, Kind
from creditbot.model import RequestKey
from creditbot.slack_time import is_ts, time_of
from creditbot.state.log_head import LogHead

CLOCKS = timedelta(minutes=2)
"""How far two clocks that both follow Slack's may be apart: 5 s in theory (`creditbot.machine.clock`)."""


@dataclass(frozen=True, slots=True)
class LogFiles:
    """The log as it was read.

    Attributes:
        entries: number -> bytes.
        checkpoints: size -> text.
        head: from the state; None if it has none.
    """

    entries: Mapping[int, bytes] = field(default_factory=dict)
    checkpoints: Mapping[int, str] = field(default_factory=dict)
    head: LogHead | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A reply in Slack that carries a root.

    Attributes:
        key: the request that it answers.
        ts: of the reply, in Slack's time.
        address: its permalink.
        checkpoint: what it carries.
    """

    key: RequestKey
    ts: str
    address: str
    checkpoint: Checkpoint

    def __str__(self) -> str:
        """In words, within a sentence."""
        return f"the reply {self.address} of {utc(time_of(self.ts))}"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry with its number."""

    number: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class CheckedLog:
    """What the check of the log came to.

    Attributes:
        findings: what does not agree.
        latest: request -> the last entry about it; those that wait for their files are among them.
        numbers: digest of an end -> number of its last entry.
        size: how many entries have their files.
        anchored: how many entries, from the first one on, a reply vouches for.
        witness: the reply that does; None if there is none.
        began: UTC, when the first entry was logged; None for a log without entries.
    """

    findings: tuple[Finding, ...] = ()
    latest: Mapping[RequestKey, LogEntry] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    anchored: int = 0
    witness: Witness | None = None
    began: datetime | None = None


class _Source(Enum):
    REPLY = "reply"
    STATE = "state"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class _Point:
    """What one source says that the log was."""

    source: _Source
    checkpoint: Checkpoint
    name: str
    witness: Witness | None = None

    @property
    def size(self) -> int:
        return self.checkpoint.size


def entries_in(files: LogFiles) -> list[LogEntry]:
    """The entries that can be read, in order; those that wait for their files come last."""
    return [*_read(files)[0], *_waiting(files)]


def check_log(files: LogFiles, witnesses: Sequence[Witness], now: datetime) -> CheckedLog:
    """Compares the log with everything that says what it was; `now` is UTC."""
    points, spoilt = _points(files, witnesses)
    read, unreadable = _read(files)
    origin = origin_of(files.entries[0]) if 0 in files.entries else None
    foreign = [p for p in points if origin and p.checkpoint.origin != origin]
    own = [p for p in points if not origin or p.checkpoint.origin == origin]
    good, wrong = _compared(own, _roots(files.entries, {point.size for point in own}), read)
    anchor = max((p for p in good if p.witness), key=lambda point: (point.size, point.name), default=None)
    findings = [
        *unreadable, *_gaps(files.entries, own), *_of_other_logs(foreign, good, origin or ""), *wrong, *spoilt,
        *_unknown(files), *_without_file(files, good), *_clock(read, [p.witness for p in good if p.witness], now),
    ]  # fmt: skip
    anchored = anchor.size if anchor else 0
    every = [*read, *_waiting(files)]
    return CheckedLog(
        tuple(_placed(finding, anchored) for finding in findings),
        {one.entry.key: one for one in every},
        {one.entry.digest: one.number for one in every},
        len(files.entries),
        anchored,
        anchor.witness if anchor else None,
        read[0].entry.logged if read else None,
    )


def _points(files: LogFiles, witnesses: Sequence[Witness]) -> tuple[list[_Point], list[Finding]]:
    """What every source says, and what is wrong with checkpoints that cannot be read."""
    points = [_Point(_Source.REPLY, witness.checkpoint, str(witness), witness) for witness in witnesses]
    if head := checkpoint_of(files.head):
        points.append(_Point(_Source.STATE, head, "the head in the state"))
    spoilt = []
    for size, text in sorted(files.checkpoints.items()):
        try:
            checkpoint = Checkpoint.parse(text)
        except ValueError:
            checkpoint = None
        if checkpoint and checkpoint.size == size:
            points.append(_Point(_Source.CHECKPOINT, checkpoint, f"the checkpoint of {size} entries"))
        else:
            what = f"The file of the checkpoint of {size} entries does not hold one."
            spoilt.append(Finding(Kind.CHECKPOINT_DIFFERS, what))
    return points, spoilt


def _read(files: LogFiles) -> tuple[list[LogEntry], list[Finding]]:
    read, unreadable = [], []
    for number, content in sorted(files.entries.items()):
        try:
            read.append(LogEntry(number, read_entry(content)))
        except ValueError:
            what = f"Entry {number} of the log is no longer an entry."
            unreadable.append(Finding(Kind.ENTRY_UNREADABLE, what, entry=number))
    return read, unreadable


def _waiting(files: LogFiles) -> Iterator[LogEntry]:
    """The entries that the state holds because their files are not known to be written."""
    if files.head:
        for number, text in enumerate(files.head.waiting, start=files.head.size):
            with suppress(ValueError):
                yield LogEntry(number, read_entry(text.encode()))


def _roots(entries: Mapping[int, bytes], sizes: set[int]) -> dict[int, bytes]:
    """Size -> root, as far as no entry is missing."""
    tree = Tree()
    roots = {0: tree.root}
    while (content := entries.get(tree.size)) is not None:
        tree = tree.with_entry(content)
        if tree.size in sizes:
            roots[tree.size] = tree.root
    return roots


def _gaps(entries: Mapping[int, bytes], points: Sequence[_Point]) -> Iterator[Finding]:
    """Entries that are missing between others, and at the end."""
    present = max(entries, default=-1) + 1
    for number in sorted(set(range(present)) - entries.keys()):
        yield Finding(
            Kind.ENTRY_MISSING, f"Entry {number} of the log is missing, and later ones are there.", None, number
        )
    longest = max(points, key=lambda point: (point.size, point.source is _Source.REPLY), default=None)
    if longest and longest.size > present:
        what = f"The log ends after {present} entries, but {longest.name} says that it had {longest.size}."
        yield Finding(Kind.TAIL_CUT, what)


def _compared(
    points: Sequence[_Point], roots: Mapping[int, bytes], read: Sequence[LogEntry]
) -> tuple[list[_Point], list[Finding]]:
    """(the sources that are right, what is wrong). What vouches for more entries than there are is in neither."""
    reached = [p for p in points if p.size in roots]
    good = [p for p in reached if roots[p.size] == p.checkpoint.root]
    bad = [p for p in reached if roots[p.size] != p.checkpoint.root]
    findings = [_itself_wrong(p) for p in bad if _is_outweighed(p, good)]
    if against := [p for p in bad if not _is_outweighed(p, good)]:
        findings.append(_changed(against, good, read))
    return good, findings


def _is_outweighed(point: _Point, good: Sequence[_Point]) -> bool:
    """Whether a source that is right proves that this one is wrong."""
    weighty = (other.size for other in good if other.witness is not None or point.witness is None)
    return max(weighty, default=-1) >= point.size


def _of_other_logs(foreign: Sequence[_Point], good: Sequence[_Point], origin: str) -> Iterator[Finding]:
    """What sources say that vouch for a log that begins with another entry; one finding for each such log."""
    logs: dict[str, list[_Point]] = {}
    for point in foreign:
        if not point.witness and _is_outweighed(point, good):
            yield _itself_wrong(point)
        else:
            logs.setdefault(point.checkpoint.origin, []).append(point)
    for other, points in logs.items():
        first = max(points, key=lambda p: (p.witness.ts if p.witness else "", p.source is _Source.STATE, p.size))
        more = f", and so do {len(points) - 1} other roots" if len(points) > 1 else ""
        yield Finding(
            Kind.LOG_REBUILT,
            f"{first.name[0].upper()}{first.name[1:]} vouches for the log {other}{more}. This log is {origin}: its "
            "first entry was changed, or the log was begun again, or another deployment has one of its own.",
        )


def _itself_wrong(point: _Point) -> Finding:
    """A source that others prove wrong."""
    if point.witness:
        return Finding(
            Kind.FORKED,
            f"The log had two histories: {point.name} vouches for other first {point.size} entries than later replies "
            "do. Two states wrote the log, or the metadata of the reply was changed.",
            point.witness.key,
        )
    if point.source is _Source.STATE:
        return Finding(Kind.HEAD_DIFFERS, f"The head in the state is not that of the first {point.size} entries.")
    what = f"The file of the checkpoint of {point.size} entries has another root than these entries."
    return Finding(Kind.CHECKPOINT_DIFFERS, what)


def _changed(against: Sequence[_Point], good: Sequence[_Point], read: Sequence[LogEntry]) -> Finding:
    """The entries are not those that sources vouch for: as few of them as the sources narrow it down to."""
    first = min(against, key=lambda point: (point.size, not point.witness))
    start = max((point.size for point in good if point.size < first.size), default=0)
    strongest = next((point for point in against if point.witness), first)
    others = f" {len(against) - 1} more say the same of the entries up to theirs." if len(against) > 1 else ""
    which = (
        f"Entry {start} is"
        if first.size == start + 1
        else f"One or more of the entries {start} to {first.size - 1} are"
    )
    here = [one for one in read if start <= one.number < first.size]
    key = here[0].entry.key if len(here) == 1 else None
    what = f"{which} not what was logged: {strongest.name} vouches for another root.{others}"
    return Finding(Kind.ENTRIES_CHANGED, what, key, start if first.size == start + 1 else None)


def _unknown(files: LogFiles) -> Iterator[Finding]:
    """Entries that the state knows nothing of. Without a head in the state, nobody can tell."""
    if files.head is None:
        return
    known = dict(enumerate((text.encode() for text in files.head.waiting), start=files.head.size))
    for number, content in sorted(files.entries.items()):
        if number >= files.head.size and known.get(number) != content:
            what = f"Entry {number} of the log is not known to the state, which knows {files.head.size + len(known)}."
            yield Finding(Kind.ENTRY_UNKNOWN, what, _key_in(content), number)


def _key_in(content: bytes) -> RequestKey | None:
    with suppress(ValueError):
        return read_entry(content).key
    return None


def _without_file(files: LogFiles, good: Iterable[_Point]) -> Iterator[Finding]:
    """Roots that replies vouch for, and whose checkpoints are not there: each was written before the reply was sent."""
    for size in sorted({point.size for point in good if point.witness} - files.checkpoints.keys()):
        yield Finding(Kind.CHECKPOINT_MISSING, f"The file of the checkpoint of {size} entries is missing.")


def _clock(read: Sequence[LogEntry], witnesses: Sequence[Witness], now: datetime) -> Iterator[Finding]:
    """Times that cannot be: an entry before the one in front of it, before what it is about, or after its witness."""
    latest: datetime | None = None
    there = _there_since(witnesses)
    for one in read:
        logged, number = one.entry.logged, one.number
        reply = str(one.entry.end.get("reply", ""))
        place = bisect_right(there, number, key=lambda pair: pair[0])
        seen = there[place][1] if place < len(there) else now
        if latest and logged < latest - CLOCKS:
            what = f"before an entry in front of it, of {utc(latest)}"
        elif is_ts(reply) and logged < time_of(reply) - CLOCKS:
            what = f"before the answer that it is about, of {utc(time_of(reply))}"
        elif logged > seen + CLOCKS:
            what = f"later than {utc(seen)}, when it was there already"
        else:
            latest = max(latest or logged, logged)
            continue
        text = f"Entry {number} says that it was logged at {utc(logged)}: {what}."
        yield Finding(Kind.CLOCK, text, one.entry.key, number)


def _there_since(witnesses: Sequence[Witness]) -> list[tuple[int, datetime]]:
    """(size, when so many entries were there at the latest, as Slack's time shows), smallest size first."""
    there: list[tuple[int, datetime]] = []
    for witness in sorted(witnesses, key=lambda witness: -witness.checkpoint.size):
        at = time_of(witness.ts)
        there.append((witness.checkpoint.size, min(at, there[-1][1]) if there else at))
    return there[::-1]


def _placed(finding: Finding, anchored: int) -> Finding:
    if finding.entry is None:
        return finding
    return Finding(finding.kind, finding.text, finding.key, finding.entry, finding.entry < anchored)


def utc(moment: datetime) -> str:
    """Such as "2026-01-09 12:00:00 UTC"."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
