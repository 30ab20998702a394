"""The examples in the docs: types the commands of the console blocks on a new sandbox, and writes down what they print.

`make transcripts` records them again: `python -m tests.support.transcripts`. tests/unit/test_docs.py runs the same
commands and compares. A block that is too long to show in full stands below a comment that says how much is shown.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md", "docs/commands.md", "docs/report.md", "docs/replay.md", "docs/audit.md", "docs/metrics.md",
    "docs/backtest.md", "docs/second-opinion.md",
)  # fmt: skip
"""The pages with transcripts, in the order in which a reader types their commands; all of them share one sandbox.

What the README makes, such as a history that people answered, is there for the other pages.
"""
SETUP = "Setting up .venv (about a minute)..."
"""What `make run-once` prints before its output where there is no environment yet."""

_BLOCK = re.compile(
    r"(?:^<!-- shown: first (?P<head>\d+) lines, last (?P<tail>\d+) lines -->\n)?"
    r"^```console\n\$ (?P<command>.*)\n(?P<output>(?:.*\n)*?)^```$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Transcript:
    """One console block.

    Attributes:
        command: what is typed.
        output: the lines that it prints, as far as they are shown.
        head, tail: how many lines are shown at the beginning and at the end of a long output; None shows them all.
    """

    command: str
    output: tuple[str, ...]
    head: int | None = None
    tail: int | None = None

    def shown(self, lines: Sequence[str]) -> tuple[str, ...]:
        """The lines that the block shows of an output; "..." stands for the rest."""
        if self.head is None or self.tail is None or len(lines) <= self.head + self.tail:
            return tuple(lines)
        return (*lines[: self.head], "...", *lines[len(lines) - self.tail :])

    def prints(self, lines: Sequence[str]) -> bool:
        """Whether the block shows this output, apart from what differs from run to run."""
        return normalised(self.output) == normalised(self.shown(lines))

    def __str__(self) -> str:
        """As it is written in a page."""
        note = "" if self.head is None else f"<!-- shown: first {self.head} lines, last {self.tail} lines -->\n"
        return "\n".join([f"{note}```console", f"$ {self.command}", *self.output, "```"])


def read(page: str) -> list[Transcript]:
    """The transcripts in the text of a page."""
    return [_transcript(match) for match in _BLOCK.finditer(page)]


def _transcript(match: re.Match[str]) -> Transcript:
    head, tail = ((int(match[name]) if match[name] else None) for name in ("head", "tail"))
    return Transcript(match["command"], tuple(match["output"].splitlines()), head, tail)


def written(page: str, transcripts: Sequence[Transcript]) -> str:
    """The text of a page with these transcripts in place of its own."""
    remaining = iter(transcripts)
    return _BLOCK.sub(lambda _: str(next(remaining)), page)


def normalised(lines: Sequence[str]) -> list[str]:
    """The lines without what differs from run to run: times, ports, ids, and the order in which parallel work ends."""
    text = "\n".join(lines)
    for pattern, word in (
        (r"\bp\d{16}\b", "pTS"),
        (r"\b\d{10}\.\d{6}\b", "TS"),
        (r"127\.0\.0\.1:\d+", "HOST"),
        (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d", "DAY"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?", "TIME"),
        (r"\b\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d \(UTC\)", "WEEK (UTC)"),
        (r"\bmedian .* within [\d.,]+ \w+", "median"),
        (r"\b(SQL|notebook) (?:\d-)?[0-9a-f]{10,12}\b", r"\1 HASH"),
        (r"\b[0-9a-f]{64}\b", "HASH"),
        (r"^(digest +)[0-9a-f]{12}$", r"\1HASH"),
        (r"(Approval digest .*: )[0-9a-f]{12}\b", r"\1HASH"),
        (r"[\d.]+ seconds per request", "N seconds per request"),
        (r"median [\d.]+ \w+, 95 of 100 within [\d.]+ \w+", "median TIME, 95 of 100 within TIME"),
        (r"[\d,]+ min of waiting", "N min of waiting"),
        (r"\bfrom \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d \(UTC\)", "from DAY to DAY (UTC)"),
        (r"--since \d{4}-\d\d-\d\d$", "--since DAY"),
        (r"was given on \d{4}-\d\d-\d\d, the last on \d{4}-\d\d-\d\d", "was given on DAY, the last on DAY"),
        (r"\b\d{8}T\d{6}Z-[0-9a-f]{12}\b", "MODEL"),
        (r"(_timestamp_seconds|_bytes|_seconds_sum\{held=\"\w+\"\}) \S+", r"\1 N"),
        (r",[0-9a-f]{12},(\w*),\d*$", r",DIGEST,\1,POSITION"),  # where requests that end at once are in the log
        (r",[0-9a-f]{12},", ",DIGEST,"),
        (r"\(entry \d+,", "(entry N,"),
        (r"\bas entry \d+", "as entry N"),
        (r"is number \d+ of", "is number N of"),
        (r"\b\d{4}-\d\d \(UTC\)", "MONTH (UTC)"),
    ):
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    lines = text.split("\n")
    marks = [number for number, line in enumerate(lines) if line.startswith(("[4/5]", "[5/5]"))]
    if len(marks) == 2:
        lines[marks[0] + 1 : marks[1]] = sorted(lines[marks[0] + 1 : marks[1]])
    return lines


_RUNS_ITSELF = re.compile(r"sandbox (?:react|run)\b")


class Person:
    """Types commands in a folder of their own, where nothing is set."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "notebooks").symlink_to(ROOT / "notebooks")
        (folder / "bin").mkdir()
        program = folder / "bin/creditbot"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m creditbot "$@"\n')
        program.chmod(0o755)
        self.environment = {
            **{name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ},
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }

    def types(self, command: str) -> list[str]:
        """The lines that the terminal shows."""
        done = subprocess.run(
            ["bash", "-c", command], cwd=self._folder, env=self.environment, text=True, timeout=600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return done.stdout.replace("python -m creditbot", ".venv/bin/creditbot").splitlines()

    @contextmanager
    def serving(self, *options: str) -> Iterator[None]:
        """While the sandbox is served, with its settings in the environment."""
        served = subprocess.Popen(
            ["creditbot", "sandbox", "serve", *options], cwd=self._folder, env=self.environment, text=True,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert served.stdout
        try:
            for line in served.stdout:
                name, _, value = line.strip().partition("=")
                self.environment[name] = value
                if name == "WAREHOUSE_URL":
                    break
            yield
        finally:
            served.terminate()
            served.wait(10)
            served.stdout.close()


def play(transcripts: Sequence[Transcript], folder: Path, *options: str) -> Iterator[tuple[str, list[str]]]:
    """Types the commands of the transcripts in order, on a new sandbox; yields each command with what it prints.

    The first one is `make run-once`, which runs `creditbot sandbox run` where nothing is set; that is what is typed.
    Links, permalinks and the question to the approvers in the other commands are replaced by those of the new sandbox.
    The sandbox is served, with these options, from the first command on that does not run it itself.
    """
    person = Person(folder)
    first, *others = transcripts
    assert "make run-once" == first.command
    output = [SETUP, *person.types("creditbot sandbox run")]
    later = _first_ts(output) - _first_ts(first.output)
    question = re.findall(r"sandbox react (\S+)", "\n".join(output))[0]
    yield first.command, output
    with ExitStack() as stack:
        for transcript in others:
            command = re.sub(r"(sandbox react )\S+", rf"\g<1>{question}", transcript.command)
            if not _RUNS_ITSELF.search(command):
                if "LOOKER_BASE_URL" not in person.environment:
                    stack.enter_context(person.serving(*options))
                command = re.sub(r"http://127\.0\.0\.1:\d+", person.environment["LOOKER_BASE_URL"], command)
            command = re.sub(r"/p(\d{16})\b", lambda match: f"/p{int(match[1]) + later}", command)
            yield command, person.types(command.replace(".venv/bin/", ""))


def _first_ts(lines: Sequence[str]) -> int:
    """The earliest message that the lines link to, in microseconds."""
    return min(map(int, re.findall(r"/p(\d{16})\b", "\n".join(lines))))


def record(pages: dict[str, str], folder: Path) -> dict[str, str]:
    """The pages with what their commands print now. If all of it is as before, the pages stay as they are."""
    old = [transcript for text in pages.values() for transcript in read(text)]
    played = list(play(old, folder))
    if all(was.prints(lines) for was, (_, lines) in zip(old, played, strict=True)):
        return pages
    new = [
        replace(was, command=typed, output=was.shown(lines)) for was, (typed, lines) in zip(old, played, strict=True)
    ]
    remaining = iter(new)
    return {name: written(text, [next(remaining) for _ in read(text)]) for name, text in pages.items()}


def main() -> None:
    """Records the transcripts of every page again."""
    pages = {name: (ROOT / name).read_text() for name in PAGES}
    with tempfile.TemporaryDirectory() as folder:
        new = record(pages, Path(folder))
    for name, text in new.items():
        (ROOT / name).write_text(text)
        print(f"{name}: {'as before' if text == pages[name] else 'recorded again'}")


if __name__ == "__main__":
    main()
