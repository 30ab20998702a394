"""`creditbot audit prove` and `audit verify`: the proof of one end in a file, and its check by anybody.

`prove` reads the log and Slack, and writes the file. `verify` reads that file alone: it needs neither settings nor a
network. Exit codes: 0 the proof was written, or holds; 1 it cannot be given, or does not hold; 2 an error.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from creditbot.bootstrap import assemble
from creditbot.commands.audit import reader_of
from creditbot.commands.output import say, utc
from creditbot.commands.report import write_file
from creditbot.credit.amount import format_usd
from creditbot.errors import SettingsError
from creditbot.evidence.fields import number, text
from creditbot.evidence.log import Entry
from creditbot.evidence.proof import Proof, read_proof, read_root, verify
from creditbot.insight.proving import NoProof
from creditbot.insight.proving import prove as make_proof
from creditbot.intake.permalink import read_permalink
from creditbot.settings.settings import Settings

LARGEST = 20_000_000
"""Bytes of a file that is read as a proof."""


def prove(options: Namespace) -> int:
    """Writes the proof of one request's end."""
    permalink = read_permalink(options.permalink)
    reader = reader_of(assemble(Settings.load()))
    proof = make_proof(reader, permalink, with_summary=not options.without_summary)
    if isinstance(proof, NoProof):
        say(proof.why)
        return 1
    write_file(options.out, str(proof).encode())
    entry, _ = verify(proof)
    for line in (*_facts(proof, entry), f"{'proof':<10} {options.out}: `creditbot audit verify` checks it"):
        say(line)
    return 0


def verify_file(options: Namespace) -> int:
    """Checks a proof, and says of each part whether it holds."""
    try:
        with options.file.open("rb") as file:
            proof = read_proof(file.read(LARGEST))
    except OSError as error:
        raise SettingsError(f"{options.file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(f"{options.file} is not a proof of creditbot. {error}".strip()) from error
    entry, verdicts = verify(proof, _root(options.root))
    for line in _facts(proof, entry):
        say(line)
    for verdict in verdicts:
        say(f"{'ok' if verdict.holds else 'FAIL':<10} {verdict.text}")
    if not options.root:
        say(f"{'note':<10} {_note(proof)}")
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def _root(shown: str) -> bytes | None:
    try:
        return read_root(shown) if shown else None
    except ValueError as error:
        raise SettingsError(
            f"--root {shown} is not a root.", "Give 64 hexadecimal digits, or the base64 of the checkpoint in Slack."
        ) from error


def _facts(proof: Proof, entry: Entry | None) -> Iterable[str]:
    yield f"{'request':<10} {proof.request}"
    if entry:
        amount = number(entry.end.get("amount"))
        yield f"{'outcome':<10} {text(entry.end.get('status'))}{f' {format_usd(amount)}' if amount is not None else ''}"
        yield f"{'logged':<10} {utc(entry.logged)}, as entry {proof.number}"
    yield f"{'root':<10} {proof.checkpoint.root.hex()}, of {proof.checkpoint.size} entries"
    if proof.reply:
        yield f"{'witness':<10} {proof.reply}{f', {utc(proof.replied)}' if proof.replied else ''}"


def _note(proof: Proof) -> str:
    if not proof.reply:
        return "No reply in Slack carries this root: whoever can write OUTPUT_URI and STATE_URI can make such a proof."
    return "Compare the root with the metadata of the witness in Slack: pass what stands there with --root."
