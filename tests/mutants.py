"""`python -m tests.mutants [MODULE ...]`: mutates the modules that claim, post and credit, and decide on it.

Every mutant is killed, or explained. mutmut makes the mutants and runs the tests (`[tool.mutmut]` in pyproject.toml).
tests/mutants.toml names the tests of modules that a few files of tests hold: these modules take minutes, because only
those tests run. The verdicts of a run stay in the folder `mutants`. The next run of the same modules tries only what
was not killed: a run that was stopped goes on, and a survivor is tried again with the test that is to kill it.

What survives is looked up in tests/mutants.toml by its function and by what changed in it, such as
"strict=True -> strict=None": an explanation lasts while its function does this, however its lines are written. A
survivor without an explanation, or an explanation without a survivor, fails the run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
KNOWN = Path(__file__).with_suffix(".toml")
FOLDER = ROOT / "mutants"
MUTMUT = str(Path(sys.executable).with_name("mutmut"))
KILLED = {"killed", "timeout"}
_KILLED_CODES = {1, 3}
"""Exit codes in mutmut's files of verdicts. What ended for its time is tried again: the machine may have been busy."""
_PATTERNS = ("only_mutate", "do_not_mutate")
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


@dataclass(frozen=True, slots=True)
class Run:
    """Modules that mutmut mutates at one time, in a folder of their own.

    Attributes:
        name: of the folder.
        modules: such as "creditbot/decide/overlap.py".
        tests: the files and folders of tests that their mutants run.
        jobs: how many mutants are tried at the same time; 0: one for each processor.
    """

    name: str
    modules: Sequence[str]
    tests: Sequence[str]
    jobs: int = 0

    @property
    def folder(self) -> Path:
        """Where mutmut runs: it takes its settings from there, and leaves the mutants and their verdicts there."""
        return FOLDER / self.name

    def verdicts(self) -> dict[str, str]:
        """Tries the mutants that were not killed before. Name of every mutant -> verdict. Raises CalledProcessError."""
        self.prepare()
        jobs = ["--max-children", str(self.jobs)] if self.jobs else []
        profile = os.environ.get("HYPOTHESIS_PROFILE") or "mutants"
        environment = {**os.environ, "HYPOTHESIS_PROFILE": profile}
        subprocess.run([MUTMUT, "run", *jobs], check=True, cwd=self.folder, env=environment)
        lines = self._mutmut("results", "--all", "true").splitlines()
        return {match[1]: match[2] for line in lines if (match := re.fullmatch(r"\s+(\S+__mutmut_\d+): (.+)", line))}

    def mutant(self, name: str) -> Mutant:
        """What a mutant changed."""
        diff = self._mutmut("show", name).splitlines()
        changed = [line for line in diff if re.match(r"[+-](?![+-]{2} )", line)]
        was, becomes = (" ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
        module, _, function = name.rpartition("__mutmut_")[0].rpartition(".")
        return Mutant(f"{module}.{re.sub(r'^xǁ|^x_', '', function).replace('ǁ', '.')}", change(was, becomes))

    def prepare(self) -> None:
        """Writes the settings, and forgets what is to be found again: verdicts that were no kill, and old calls."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for copied in ("tests", *mutmut_settings()["also_copy"]):
            link = self.folder / copied
            if not link.is_symlink():
                link.symlink_to(ROOT / copied)
        (self.folder / "pyproject.toml").write_text(project_of(self), encoding="utf-8")
        calls = self.folder / "mutants" / "mutmut-stats.json"
        if calls.exists() and calls.stat().st_mtime < max((ROOT / each).stat().st_mtime for each in self.modules):
            calls.unlink()  # mutmut only adds those of new tests: old ones would not run for a new function
        for verdicts in self.folder.glob("mutants/**/*.py.meta"):
            read = json.loads(verdicts.read_text(encoding="utf-8"))
            codes = read["exit_code_by_key"]
            again = {name: code if code in _KILLED_CODES else None for name, code in codes.items()}
            verdicts.write_text(json.dumps({**read, "exit_code_by_key": again}), encoding="utf-8")

    def _mutmut(self, *arguments: str) -> str:
        return subprocess.run(
            [MUTMUT, *arguments], capture_output=True, text=True, check=True, cwd=self.folder
        ).stdout  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if a mutant survives that is not explained, or an explanation has no survivor."""
    wanted = _parser().parse_args(arguments)
    wrong = [complaint for run in runs(wanted.modules, wanted.jobs) for complaint in _complaints_of(run)]
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants",
        description="Tries the mutants of these modules, or of all: every one is killed, or explained.",
    )
    parser.add_argument(
        "modules", metavar="MODULE", nargs="*", type=_module, help=f"one of {', '.join(map(short, modules()))}"
    )
    parser.add_argument(
        "--jobs", metavar="N", type=int, default=0, help="mutants at the same time (default: one for each processor)"
    )
    return parser


def _module(name: str) -> str:
    """The module of a name such as "decide.overlap", or "overlap" if there is only one."""
    wanted = name.removesuffix(".py").replace("/", ".").removeprefix("creditbot.")
    found = [module for module in modules() if short(module) == wanted or short(module).endswith(f".{wanted}")]
    if len(found) == 1:
        return found[0]
    problem = "more than one module is called" if found else "there is no module to mutate that is called"
    raise argparse.ArgumentTypeError(f"{problem} {name!r}. Choose from {', '.join(map(short, found or modules()))}.")


def short(module: str) -> str:
    """The name of a module on the command line, such as "decide.overlap"."""
    return module.removeprefix("creditbot/").removesuffix(".py").replace("/", ".")


@cache
def modules() -> tuple[str, ...]:
    """The modules that may be mutated, such as "creditbot/decide/overlap.py"."""
    settings = mutmut_settings()
    files = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "creditbot").rglob("*.py"))
    mutated, left_out = ([file for file in files if _fits(file, settings[key])] for key in _PATTERNS)
    return tuple(file for file in mutated if file not in left_out and not file.endswith("__init__.py"))


def _fits(file: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(file, pattern) for pattern in patterns)


def runs(wanted: Sequence[str] = (), jobs: int = 0) -> list[Run]:
    """One run for each module that has tests of its own; the others together, or each by itself if it is named."""
    own, every = own_tests(), mutmut_settings()["pytest_add_cli_args_test_selection"]
    alone = [module for module in wanted or modules() if wanted or module in own]
    others = [module for module in modules() if module not in own]
    found = [Run(short(module), [module], own.get(module, every), jobs) for module in alone]
    return found if wanted else [*found, Run("others", others, every, jobs)]


def project_of(run: Run) -> str:
    """The project's settings with those of this run."""
    settings = {**mutmut_settings(), "only_mutate": run.modules, "pytest_add_cli_args_test_selection": run.tests}
    section = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    before, head, after = project.partition("[tool.mutmut]\n")
    return "".join((before, head, section, *after.partition("\n[")[1:]))


@cache
def mutmut_settings() -> dict[str, Any]:
    """What `[tool.mutmut]` says of a run of all modules."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings: dict[str, Any] = project["tool"]["mutmut"]
    return settings


def _complaints_of(run: Run) -> list[str]:
    """What is wrong with the mutants of a run; printed as well."""
    verdicts = run.verdicts()
    survivors = Counter(run.mutant(name) for name, verdict in verdicts.items() if verdict not in KILLED)
    names = tuple(f"{module.removesuffix('.py').replace('/', '.')}." for module in run.modules)
    known = {mutant: one.get("times", 1) for mutant, one in explanations().items() if mutant.function.startswith(names)}
    explained = Counter(known)
    wrong = complaints(survivors, explained) if verdicts else [f"There is no mutant of {run.name}."]
    print("", *wrong, sep="\n")
    parts = [f"{count} {verdict}" for verdict, count in sorted(Counter(verdicts.values()).items())]
    print(f"{run.name}: {len(verdicts)} mutants, {', '.join(parts)}; {(survivors & explained).total()} explained.")
    return wrong


def complaints(survivors: Counter[Mutant], explained: Counter[Mutant]) -> list[str]:
    """What is wrong with a run, one text each."""
    return [
        *(f"Survived without an explanation:\n{mutant}" for mutant in sorted((survivors - explained).elements())),
        *(f"Explained, but killed:\n{mutant}" for mutant in sorted((explained - survivors).elements())),
    ]


def explanations() -> dict[Mutant, dict[str, Any]]:
    """Every survivor that is known, with its entry in the file."""
    entries = _known().get("mutant", [])
    return {Mutant(entry["function"], entry["change"]): entry for entry in entries}


def own_tests() -> dict[str, list[str]]:
    """Module -> the tests that hold it, for modules that need no others."""
    tests: dict[str, list[str]] = _known()["tests"]
    return tests


def _known() -> dict[str, Any]:
    return tomllib.loads(KNOWN.read_text(encoding="utf-8"))


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


if __name__ == "__main__":
    sys.exit(main())
