"""A proof that one end is in the log of ends: everything that it takes to check it, offline, in one file. Pure.

`creditbot audit prove` makes it, `creditbot audit verify` checks it. It is JSON:

    creditbot_proof   version of this form
    request           permalink
    number            of the entry, from 0 on
    entry             its text, exactly as it is in the log
    path              the hashes that lead from the entry to the root, in base64, see `creditbot.evidence.merkle`
    checkpoint        size and root of the log that the path leads to, as `creditbot.evidence.log` writes it
    witness           the reply in Slack that carries this checkpoint: `reply`, its permalink, and `at`, UTC; null if no
                      reply does yet
    summary           of the request; left out if nobody wants to hand it over: it names people

A proof says that the entry is in a log with this root. Only Slack says that the root is that of our log: whoever checks
the proof compares it with the metadata of the reply.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from creditbot.errors import SettingsError
from creditbot.evidence.fields import mapping, moment, sequence, text
from creditbot.evidence.log import Checkpoint, Entry, people_of, read_entry, root_of, summary_hash
from creditbot.evidence.merkle import inclusion_path, leaf_hash, root_from_path
from creditbot.intake.permalink import read_permalink
from creditbot.machine import exact_json

VERSION = 1
_HEX = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof, as it was read.

    Attributes:
        request: permalink of the request.
        number: of its entry.
        entry: the text of the entry.
        path: the hashes from the entry to the root.
        checkpoint: of the log.
        reply: permalink of the reply that carries the checkpoint; "" if the proof names none.
        replied: UTC, when that reply was posted; None if the proof does not say.
        summary: of the request; None if the proof has none.
    """

    request: str
    number: int
    entry: str
    path: tuple[bytes, ...]
    checkpoint: Checkpoint
    reply: str = ""
    replied: datetime | None = None
    summary: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        """As it is kept in a file."""
        witness = (
            {"reply": self.reply, "at": self.replied.isoformat() if self.replied else None} if self.reply else None
        )
        document = {
            "creditbot_proof": VERSION,
            "request": self.request,
            "number": self.number,
            "entry": self.entry,
            "path": [base64.b64encode(part).decode() for part in self.path],
            "checkpoint": str(self.checkpoint),
            "witness": witness,
            **({"summary": self.summary} if self.summary is not None else {}),
        }
        return exact_json.write(document) + "\n"


def path_to(entries: Mapping[int, bytes], number: int, size: int) -> tuple[bytes, ...]:
    """The path from an entry to the root of the first `size` entries. Raises LookupError if one of them is missing."""
    return tuple(inclusion_path([leaf_hash(entries[each]) for each in range(size)], number))


def read_proof(content: bytes) -> Proof:
    """The proof with these bytes. Raises ValueError for anything else."""
    try:
        document = exact_json.read(content)
    except (RecursionError, ValueError) as error:
        raise ValueError("It is not JSON.") from error
    if not isinstance(document, dict) or document.get("creditbot_proof") != VERSION:
        raise ValueError(f"It is not a proof of version {VERSION}.")
    number, witness, summary = document.get("number"), mapping(document.get("witness")), document.get("summary")
    if type(number) is not int or not isinstance(document.get("entry"), str):
        raise ValueError("It has no entry, or no number.")
    try:
        path = tuple(base64.b64decode(str(part), validate=True) for part in sequence(document.get("path")))
        checkpoint = Checkpoint.parse(text(document.get("checkpoint")))
    except (binascii.Error, ValueError) as error:
        raise ValueError("Its path or its checkpoint cannot be read.") from error
    return Proof(
        text(document.get("request")),
        number,
        document["entry"],
        path,
        checkpoint,
        text(witness.get("reply")),
        moment(witness.get("at")),
        summary if isinstance(summary, Mapping) else None,
    )


def read_root(shown: str) -> bytes:
    """A root as people copy it: in hexadecimal, in base64, or as a whole checkpoint. Raises ValueError."""
    shown = shown.strip()
    if _HEX.fullmatch(shown):
        return bytes.fromhex(shown)
    lines = shown.replace("\\n", "\n").split("\n")
    return root_of(lines[2] if len(lines) > 2 else shown)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking one part of a proof came to.

    Attributes:
        holds: whether it is right.
        text: a sentence.
    """

    holds: bool
    text: str


def verify(proof: Proof, root: bytes | None = None) -> tuple[Entry | None, Sequence[Verdict]]:
    """(the entry, None if it cannot be read; the verdict on each part of the proof).

    Args:
        proof: as it was read.
        root: of the log, as Slack shows it; None if nobody has compared it.
    """
    try:
        entry = read_entry(proof.entry.encode())
    except ValueError:
        return None, [Verdict(False, "The entry cannot be read.")]
    verdicts = [_in_tree(proof), *_of_address(proof.request, entry)]
    if root is not None:
        same = root == proof.checkpoint.root
        verdicts.append(Verdict(same, f"The root is {'that' if same else 'not that'} of --root."))
    if proof.summary is not None:
        verdicts += _of_summary(proof.summary, entry)
    return entry, verdicts


def _in_tree(proof: Proof) -> Verdict:
    size = proof.checkpoint.size
    try:
        reached = root_from_path(proof.entry.encode(), proof.number, size, proof.path)
    except ValueError as error:
        return Verdict(False, f"The entry is not proven to be in the log: {error}.")
    if reached != proof.checkpoint.root:
        return Verdict(False, "The entry is not in the log with this root: the path leads to another one.")
    return Verdict(True, f"The entry is number {proof.number} of the {size} entries with this root.")


def _of_address(request: str, entry: Entry) -> Sequence[Verdict]:
    """Nothing, if the address is that of the entry's request: the proof would look as if it were of another one."""
    with suppress(SettingsError):
        named = read_permalink(request)
        if (named.channel, named.ts) == (entry.key.channel, entry.key.ts):
            return []
    return [] if request == str(entry.key) else [Verdict(False, f"The entry is about another request: {entry.key}.")]


def _of_summary(summary: Mapping[str, Any], entry: Entry) -> Sequence[Verdict]:
    same = summary_hash(summary) == entry.end.get("summary")
    verdicts = [Verdict(same, f"The summary is {'the one' if same else 'not the one'} that was logged.")]
    changed, erased = people_of(summary, entry.end)
    if changed:
        names = f"The summary names other people, or other words of theirs, than were logged: {', '.join(changed)}."
        verdicts.append(Verdict(False, names))
    if erased:
        verdicts.append(Verdict(True, f"Erased from the summary, which is allowed: {', '.join(erased)}."))
    return verdicts
