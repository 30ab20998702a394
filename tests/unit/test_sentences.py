"""The file that lists every sentence that people read, and the reader of the source behind it."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.sentences import LIST, WRITTEN, in_code, listing, without_example

UNREAD = {
    "Another request was credited meanwhile.",  # it is looked at again at once
    "Older requests are paused after a loss of the state: nothing is posted for them.",  # a conflict
    "Another process works in shadow on this state: nothing is posted.",  # a conflict
    "The head of the log is no longer in the state.",  # a conflict
    "left to another process",  # in the log
}
"""Sentences of `answer` and `tick` that no situation shows, because nobody is told them."""
RARE = {
    "For {...} more products, which the page shows",
    "For unknown accounts and days (an earlier version of creditbot computed it)",
    "• {shown} (the page has all of it)",
    "• and {left}, which the page shows, as does `creditbot holds`",
    "There is none: {reason}.",
    "`creditbot model fit` has not made a model yet",
    "{len} whose names the summary no longer has",
    "There is 1 more message",
}
"""Parts of a question, of a summary and of what holds a request that the tests of these show."""
PRINTED = {
    "A part of the state cannot be read.",
    "A rehearsal does not write the state.",
    "Compared with no other credit: {error}",
    "Not compared with all of the state: {problem}",
    "No tick has used this state yet.",
    "Only its thread shows whether it was answered.",
}
"""What `creditbot compute` alone prints: tests/unit/test_compute_command.py shows it."""

MODULE = '''
"""It says what this module does."""

TIPS = {"old": "it has seen better days"}

def check(part, log):
    """Raises if a part is worn out."""
    log.info("this is for the log alone")
    raise WornOut(
        f"The {part.name} is worn out: {TIPS[part.age]}.",
        "Buy another one.",
    )
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of one module."""
    (tmp_path / "machine").mkdir()
    (tmp_path / "machine" / "part.py").write_text(MODULE)
    return tmp_path / "machine"


def test_the_list_of_sentences_is_up_to_date() -> None:
    """`make sentences` writes it; the difference is what has changed for people who read."""
    lists = LIST.read_text(encoding="utf-8").splitlines(), listing().splitlines()
    changes = list(difflib.unified_diff(*lists, "sentences.txt", "the code", lineterm="", n=1))
    assert [] == changes, "run `make sentences`, and read the difference"


def test_a_situation_shows_every_sentence_about_an_answer() -> None:
    """A message to the owner that no situation of tests/situations.py brings about has no example."""
    examples = LIST.read_text(encoding="utf-8").partition(WRITTEN)[0]
    folders = ("creditbot/answer/", "creditbot/tick/")
    sentences = [one for path, texts in in_code().items() if path.startswith(folders) for one in texts]
    assert without_example(sentences, examples) == UNREAD | RARE | PRINTED


def test_sentences_are_read_from_the_source_without_docstrings_and_log(package: Path) -> None:
    """A new one is in the list, one that is gone is not."""
    expected = ["it has seen better days", "The {name} is worn out: {TIPS}.", "Buy another one."]
    assert {"machine/part.py": expected} == in_code(package)


def test_an_example_may_fill_in_anything() -> None:
    """But it is one text, from the first word to the last."""
    sentence = "The {name} is worn out: {reason}."
    assert set() == without_example([sentence], "• The old one\n  is worn out: it was used. Buy another one.")
    assert {sentence} == without_example([sentence], "The old one is in use. This one is worn out.")
