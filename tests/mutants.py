"""`python -m tests.mutants`: mutates the modules that claim, post and credit; every mutant is killed, or explained.

mutmut makes the mutants and runs the tests (`[tool.mutmut]` in pyproject.toml). What survives is looked up in
tests/mutants.toml by its function and by what changed in it, such as "strict=True -> strict=None": an explanation
lasts while its function does this, however its lines are written. A survivor without an explanation, or an explanation
without a survivor, fails the run.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXPLAINED = Path(__file__).with_suffix(".toml")
MUTMUT = str(Path(sys.executable).with_name("mutmut"))
KILLED = {"killed", "timeout"}
ARROW = " -> "

_TOKEN = re.compile(r"""[\w.]+|"[^"]*"|'[^']*'|[^\w\s]+?""")
_CONTEXT = 2
"""Tokens before a change that it is shown with, such as an argument's name and its equals sign; more until a word."""


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """One change to one function that no test noticed.

    Attributes:
        function: such as "creditbot.state.ledger.Ledger.swap".
        change: what was there and what is there instead, such as "strict=True -> strict=None".
    """

    function: str
    change: str

    def __str__(self) -> str:
        return f"[[mutant]]\nfunction = {self.function!r}\nchange = {self.change!r}\nwhy = ''\n"


def main() -> int:
    """1 if a mutant survives that is not explained, or an explanation has no survivor."""
    if subprocess.run([MUTMUT, "run"], check=False).returncode:
        return 1
    results = dict(_results())
    survivors = Counter(_mutant(name) for name, verdict in results.items() if verdict not in KILLED)
    explained = Counter({mutant: one.get("times", 1) for mutant, one in explanations().items()})
    wrong = complaints(survivors, explained)
    print("", *wrong, sep="\n")
    killed = len(results) - survivors.total()
    print(f"{len(results)} mutants, {killed} killed, {(survivors & explained).total()} explained.")
    return 1 if wrong or not results else 0


def complaints(survivors: Counter[Mutant], explained: Counter[Mutant]) -> list[str]:
    """What is wrong with a run, one text each."""
    return [
        *(f"Survived without an explanation:\n{mutant}" for mutant in sorted((survivors - explained).elements())),
        *(f"Explained, but killed:\n{mutant}" for mutant in sorted((explained - survivors).elements())),
    ]


def explanations() -> dict[Mutant, dict[str, Any]]:
    """Every survivor that is known, with its entry in the file."""
    entries = tomllib.loads(EXPLAINED.read_text()).get("mutant", [])
    return {Mutant(entry["function"], entry["change"]): entry for entry in entries}


def change(was: str, becomes: str) -> str:
    """What differs between two versions of a line, with what stands before it."""
    old, new = ([(match[0], match.start(), match.end()) for match in _TOKEN.finditer(line)] for line in (was, becomes))
    words = [[token for token, *_ in tokens] for tokens in (old, new)]
    same = _alike(*words)
    after = _alike(*(line[same:][::-1] for line in words))
    start = max(0, same - _CONTEXT)
    while start > 0 and not any(word[0].isalpha() for word in words[0][start:same]):
        start -= 1
    shown = []
    for line, tokens in ((was, old), (becomes, new)):
        part = tokens[start : len(tokens) - after]
        shown.append(line[part[0][1] : part[-1][2]] if part else "")
    return ARROW.join(shown)


def _alike(one: list[str], other: list[str]) -> int:
    """How many tokens two lines have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (left, right) in pairs if left != right), min(len(one), len(other)))


def _results() -> Iterator[tuple[str, str]]:
    """Name and verdict of every mutant."""
    shown = subprocess.run([MUTMUT, "results", "--all", "true"], capture_output=True, text=True, check=True)
    for line in shown.stdout.splitlines():
        if match := re.fullmatch(r"\s+(\S+__mutmut_\d+): (.+)", line):
            yield match[1], match[2]


def _mutant(name: str) -> Mutant:
    """What a mutant changed."""
    diff = subprocess.run([MUTMUT, "show", name], capture_output=True, text=True, check=True).stdout.splitlines()
    changed = [line for line in diff if re.match(r"[+-](?![+-]{2} )", line)]
    was, becomes = (" ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
    module, _, function = name.rpartition("__mutmut_")[0].rpartition(".")
    return Mutant(f"{module}.{re.sub(r'^xǁ|^x_', '', function).replace('ǁ', '.')}", change(was, becomes))


if __name__ == "__main__":
    sys.exit(main())
