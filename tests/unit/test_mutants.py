"""The mutants that are explained, and the check that no other lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import Mutant, complaints, explanations

ROOT = Path(__file__).parents[2]
KNOWN = Mutant("creditbot.state.ledger.Ledger.swap", "a = 1", "a = 2")
NEW = Mutant("creditbot.state.ledger.Ledger.swap", "a = 1", "a = None")


def test_a_survivor_without_an_explanation_is_a_complaint() -> None:
    """In the form in which it can be explained."""
    (complaint,) = complaints({KNOWN, NEW}, {KNOWN})
    assert complaint.startswith("Survived")
    assert "becomes = 'a = None'\n" in complaint


def test_an_explanation_without_a_survivor_is_a_complaint() -> None:
    """It explains nothing any more."""
    (complaint,) = complaints(set(), {KNOWN})
    assert complaint.startswith("Explained")


def test_what_is_explained_may_survive() -> None:
    """That is all that may."""
    assert [] == complaints({KNOWN}, {KNOWN})


@pytest.mark.parametrize("mutant", explanations(), ids=lambda mutant: f"{mutant.function}: {mutant.becomes}")
def test_an_explanation_is_of_code_that_is_there(mutant: Mutant) -> None:
    """It goes with its line; and it says why."""
    module, _, _ = mutant.function.rpartition(".")
    while not (path := ROOT / f"{module.replace('.', '/')}.py").is_file():
        module, _, _ = module.rpartition(".")
    source = " ".join(line.strip() for line in path.read_text().splitlines())
    assert mutant.was in source
    assert explanations()[mutant].endswith(".")
