"""The check that every error sentence has its test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sentences import Listener, Place, places

ROOT = Path(__file__).parents[2]

ERRORS = '''
class CreditbotError(Exception):
    """A failure that is told."""
    def __init__(self, what):
        self.what = what

class Broken(CreditbotError):
    """It does not work any more."""

class WornOut(Broken):
    """It worked for too long a time."""
'''
PART = """
from errors import WornOut

_WHY = {"old": "it has seen better days"}

def break_it(name, log):
    log.info("this is for the log alone")
    raise WornOut(
        f"The {name} is worn out: {_WHY[name]}."
    )
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with an error of its own in it."""
    (tmp_path / "errors.py").write_text(ERRORS)
    (tmp_path / "part.py").write_text(PART)
    return tmp_path


CALL, WHY = Place("part.py:8"), Place("part.py:4", "it has seen better days")
WHAT = Place("part.py:9", "The {} is worn out: {}.")


def test_sentences_and_what_makes_an_error_are_read_from_the_source(package: Path) -> None:
    """Sentences in tables and in calls count, the log and docstrings do not; a subclass of a subclass is an error."""
    assert {CALL, WHY, WHAT} == places(package)


def test_a_terminals_own_words_are_no_error_sentences(package: Path) -> None:
    """What only the command line says is tested on the command line."""
    (package / "part.py").rename(package / "cli.py")
    assert set() == places(package)


def test_what_was_said_is_not_missing(package: Path) -> None:
    """A sentence is heard within another, whatever stands in its fields."""
    listener = Listener()
    assert {CALL, WHY, WHAT} == listener.missing(places(package))
    listener.heard |= {
        "The old is worn out: it is a long story. Buy another.",
        "He says it has seen better days, or so.",
    }
    assert {CALL} == listener.missing(places(package))


def test_a_sentence_is_not_put_together_from_several(package: Path) -> None:
    """Halves that were said apart are not the sentence."""
    listener = Listener()
    listener.heard |= {"The old is", "worn out: as it is."}
    assert WHAT in listener.missing(places(package))


def test_an_error_is_heard_where_it_is_made() -> None:
    """Once a class is listened to, each of its objects says what it has to, also one of a subclass."""

    class Told(Exception):
        def __init__(self, what: str) -> None:
            super().__init__(what)

    class More(Told):
        def __init__(self) -> None:
            super().__init__("more of\nit")

    listener = Listener()
    listener.listen(Told, str)
    Told("this")
    More()
    assert {"this", "more of it"} == listener.heard


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_run_that_leaves_sentences_unsaid_fails_with_their_places(processes: tuple[str, ...]) -> None:
    """The run names what no test has heard, once, whichever process ran the tests; what was heard it does not name."""
    run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.sentences", *processes]
    done = subprocess.run(
        [*run, "tests/unit/test_plain_http.py", "tests/unit/test_hosts.py"],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert pytest.ExitCode.TESTS_FAILED == done.returncode
    assert 1 == done.stdout.count("Slack has not told the time yet")
    assert "The address of Looker names no host" not in done.stdout
