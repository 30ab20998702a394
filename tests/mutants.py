"""`python -m tests.mutants`: mutates the modules that claim, post and credit; every mutant is killed, or explained.

mutmut makes the mutants and runs the tests (`[tool.mutmut]` in pyproject.toml). What survives is looked up in
tests/mutants.toml by its function and by the line as it was and as it became, so that an explanation lasts until its
line is changed. A survivor without an explanation, or an explanation without a survivor, fails the run.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXPLAINED = Path(__file__).with_suffix(".toml")
MUTMUT = str(Path(sys.executable).with_name("mutmut"))
KILLED = {"killed", "timeout"}


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """One change to one function that no test noticed.

    Attributes:
        function: such as "creditbot.state.ledger.Ledger.swap".
        was: the line before, stripped.
        becomes: the line after, stripped; "" if it was removed.
    """

    function: str
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"[[mutant]]\nfunction = {self.function!r}\nwas = {self.was!r}\nbecomes = {self.becomes!r}\nwhy = ''\n"


def main() -> int:
    """1 if a mutant survives that is not explained, or an explanation is of no use any more."""
    if subprocess.run([MUTMUT, "run"], check=False).returncode:
        return 1
    results = dict(_results())
    survivors = {_mutant(name) for name, verdict in results.items() if verdict not in KILLED}
    explained = set(explanations())
    wrong = complaints(survivors, explained)
    print("", *wrong, sep="\n")
    print(f"{len(results)} mutants, {len(results) - len(survivors)} killed, {len(survivors & explained)} explained.")
    return 1 if wrong or not results else 0


def complaints(survivors: set[Mutant], explained: set[Mutant]) -> list[str]:
    """What is wrong with a run, one text each."""
    return [
        *(f"Survived, and nobody said why that is right:\n{mutant}" for mutant in sorted(survivors - explained)),
        *(f"Explained, but does not survive:\n{mutant}" for mutant in sorted(explained - survivors)),
    ]


def explanations() -> dict[Mutant, str]:
    """Every survivor that is known, and why it may survive."""
    found = tomllib.loads(EXPLAINED.read_text()).get("mutant", [])
    return {Mutant(one["function"], one["was"], one["becomes"]): one["why"] for one in found}


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
    return Mutant(f"{module}.{re.sub(r'^xǁ|^x_', '', function).replace('ǁ', '.')}", was, becomes)


if __name__ == "__main__":
    sys.exit(main())
