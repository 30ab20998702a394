"""Holds that every error sentence has its test: `make unit` loads it as a pytest plugin (`-p tests.sentences`).

The sentences are read from the source: each text of three words or more in a module that makes errors. The errors are
heard while the tests run: all that is made of `CreditbotError`, and what a link, a check or a notice says. A sentence
that no test made anybody say fails the run with its file and line, and so does a place that never made its error. Only
a run of all tests can tell, so a run of some loads no plugin.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[1] / "creditbot"
APART = {"cli.py", "console.py", "sandbox", "sandbox_commands.py"}
"""What speaks on the terminal to the person who typed the command: its tests read the terminal."""
NO_ERRORS = {"Field", "compile", "critical", "error", "exception", "info", "print", "say", "warning"}
"""Calls whose texts are no errors: descriptions, patterns, lines of the log and of the terminal."""
UNHEARD = {
    "a key of a JSON object is a string, not {}": "a defect, see test_exact_json",
    "{} is no JSON number": "a defect, see test_exact_json",
    "a request does not go from {} to {}": "a defect, see test_states",
    "a time without a zone, or one that nobody means": "makes a record unreadable, see test_ledger",
    "an amount that nobody posts": "makes a record unreadable, see test_ledger",
    "an edit without a time": "makes a record unreadable, see test_ledger",
    "The kernel did not start": "is told as how its process ended, see test_runner",
    "The log {} cannot be written any more: {}.": "goes to the standard error, see test_logs",
    "the process that reads them ended with {}": "in a process of its own, see test_notebook_kernels",
    "it took longer than {} s": "in a process of its own, see test_notebook_kernels",
    "left to another process": "a field of the log",
    "unknown (not installed)": "a version",
    "the state store": "the name of a service",
    "the summary store": "the name of a service",
    "a user without a name": "the name of a user, see test_looker",
    "The links and cells are of another run, whose process slept.": "stands in a summary, see test_summary",
    "{} ({} more characters not kept)": "stands in a summary, see test_notebook_outputs",
    "no whole answer came: refused, dropped, timed out, no such name, TLS": "says what a kind of trouble means",
    "an HTTP status that is no success": "says what a kind of trouble means",
    "a web page where the API's answer was expected": "says what a kind of trouble means",
    "an answer that is not what the API documents": "says what a kind of trouble means",
    "an answer over the size limit": "says what a kind of trouble means",
}
"""Texts that no error holds in this process, and why; one that the source has no more fails the run, too."""

_WORD = re.compile(r"(?<!\S)[\w(][\w'(),:;.]*(?!\S)")
_FIELD = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, order=True)
class Place:
    """Something in the source that has to come up in a test.

    Attributes:
        where: "file:line" below the package.
        said: what is said there, with {} for its fields; "" for a call that makes an error, whatever it says.
    """

    where: str
    said: str = ""

    def __str__(self) -> str:
        """As a line of the report."""
        return f"{self.where}: {self.said or 'makes no error in any test'}"


def places(package: Path = PACKAGE) -> set[Place]:
    """Every error sentence of a package, and every call that makes an error."""
    trees = {path.relative_to(package): ast.parse(path.read_text()) for path in package.rglob("*.py")}
    kinds = _kinds(trees.values())
    return {
        place
        for path, tree in trees.items()
        if not APART & set(path.parts)
        for place in [*_sentences(path, tree), *_calls(path, tree, kinds)]
    }


def wanted() -> set[Place]:
    """What has to come up: the places of creditbot, but for UNHEARD; what stands there in vain is wanted as well."""
    found = places()
    stale = {Place("tests/sentences.py", text) for text in UNHEARD.keys() - {place.said for place in found}}
    return {place for place in found if place.said not in UNHEARD} | stale


def _kinds(trees: Any) -> set[str]:
    """The names of CreditbotError and of all that derives from it."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds = {"CreditbotError"}
    for _ in classes:
        kinds |= {c.name for c in classes if any(isinstance(base, ast.Name) and base.id in kinds for base in c.bases)}
    return kinds


def _calls(path: Path, tree: ast.AST, kinds: set[str]) -> Iterator[Place]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
            yield Place(f"{path}:{node.lineno}")


def _sentences(path: Path, tree: ast.AST) -> Iterator[Place]:
    for node in _texts(tree):
        pieces = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join(str(piece.value) if isinstance(piece, ast.Constant) else "{}" for piece in pieces)
        if len(_WORD.findall(text)) >= 3:
            yield Place(f"{path}:{node.lineno}", " ".join(text.split()))


def _texts(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The strings below a node that are neither docstrings nor in calls of NO_ERRORS."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in NO_ERRORS:
        return
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
    if isinstance(node, ast.JoinedStr):
        children: list[ast.AST] = [piece for piece in node.values if isinstance(piece, ast.FormattedValue)]
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from _texts(child)


class Listener:
    """What came up so far.

    Attributes:
        calls: "file:line" of the calls that made an error.
        heard: what was said.
    """

    def __init__(self) -> None:
        self.calls: set[str] = set()
        self.heard: set[str] = set()

    def missing(self, wanted: set[Place]) -> set[Place]:
        """The places that did not come up."""
        everything = "\n".join(self.heard)

        def came_up(place: Place) -> bool:
            fixed = [re.escape(part) for part in _FIELD.split(place.said) if part.strip()]
            return bool(re.search(".*".join(fixed), everything)) if place.said else place.where in self.calls

        return {place for place in wanted if not came_up(place)}

    def listen(self, kind: type, said: Callable[[Any], str]) -> None:
        """From now on notes what is said by each new object of a class."""
        make = kind.__init__  # type: ignore[misc]

        @wraps(make)
        def noted(it: object, *args: object, **more: object) -> None:
            make(it, *args, **more)
            self.heard.add(" ".join(said(it).split()))
            self.calls.add(_maker(it))

        kind.__init__ = noted  # type: ignore[misc]


def _maker(made: object) -> str:
    """The "file:line" of the call that makes an object whose __init__ is running."""
    frame = sys._getframe(2)
    while frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is made and frame.f_back:
        frame = frame.f_back
    path = Path(frame.f_code.co_filename)
    return f"{path.relative_to(PACKAGE)}:{frame.f_lineno}" if path.is_relative_to(PACKAGE) else ""


LISTENER = Listener()
MISSING: list[set[Place]] = []
"""What each process that ran tests has not heard."""


def pytest_collection() -> None:
    """Listens from before the tests are imported, and after coverage began to measure."""
    from creditbot.commands.check import CheckResult
    from creditbot.commands.lookup import Found
    from creditbot.errors import CreditbotError
    from creditbot.model import LookerLink, Query
    from creditbot.notebook_host.preparing import Prepared
    from creditbot.ports import Stored
    from creditbot.state.record import Notice, Record

    LISTENER.listen(CreditbotError, str)
    LISTENER.listen(LookerLink, lambda link: link.unusable)
    LISTENER.listen(Query, lambda query: query.note)
    LISTENER.listen(Prepared, lambda prepared: " ".join(prepared.notes))
    LISTENER.listen(Stored, lambda stored: stored.damage)
    LISTENER.listen(Record, lambda record: record.reason)
    LISTENER.listen(Notice, lambda notice: notice.text)
    LISTENER.listen(Found, lambda found: found.ignored)
    LISTENER.listen(CheckResult, lambda result: result.text)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker of pytest-xdist has not heard; one that died has nothing to say, and failed the run already."""
    if hasattr(node, "workeroutput"):
        MISSING.append({Place(*place) for place in node.workeroutput["missing"]})


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker says what it has not heard; the run fails for what nobody has."""
    output = getattr(session.config, "workeroutput", None)
    missing = LISTENER.missing(wanted())
    if output is not None:
        output["missing"] = [(place.where, place.said) for place in missing]
        return
    MISSING.append(missing)
    if session.exitstatus == 0 and set.intersection(*MISSING):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what no test has heard."""
    missing = sorted(set.intersection(*MISSING))
    terminalreporter.section(f"{len(wanted()) - len(missing)} error sentences heard, {len(missing)} not")
    for place in missing:
        terminalreporter.write_line(str(place))
