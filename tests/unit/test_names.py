"""Names of tests, which people read in the report of a run."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
LONGEST = 70


def test_no_name_of_a_test_has_more_than_70_characters() -> None:
    """A longer one is two facts, or words that say nothing."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py"))
    functions = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    names = [function.name for function in functions if function.name.startswith("test_")]
    assert names
    assert [] == [name for name in names if len(name) > LONGEST]
