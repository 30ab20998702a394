"""The mutants that are explained, and the check that no other lives."""

from __future__ import annotations

import ast
import os
import tomllib
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.mutants import (
    ARROW,
    Mutant,
    change,
    complaints,
    explanations,
    main,
    modules,
    mutmut_settings,
    own_tests,
    project_of,
    runs,
)

ROOT = Path(__file__).parents[2]
MUTMUT = mutmut_settings()
OVERLAP = "creditbot/decide/overlap.py"
EXPLAINED = Mutant("creditbot.state.ledger.Ledger.swap", "a = 1 -> a = 2")
NEW = Mutant("creditbot.state.ledger.Ledger.swap", "a = 1 -> a = None")


def test_a_survivor_without_an_explanation_is_a_complaint() -> None:
    """In the form in which it can be explained."""
    (complaint,) = complaints(Counter([EXPLAINED, NEW]), Counter([EXPLAINED]))
    assert complaint.startswith("Survived")
    assert "change = 'a = 1 -> a = None'\n" in complaint


def test_an_explanation_without_a_survivor_is_a_complaint() -> None:
    """A test kills it by now, so nothing is left to explain."""
    (complaint,) = complaints(Counter(), Counter([EXPLAINED]))
    assert complaint.startswith("Explained")


def test_an_explained_survivor_is_no_complaint() -> None:
    """That is all that may survive."""
    assert [] == complaints(Counter([EXPLAINED]), Counter([EXPLAINED]))


def test_an_explanation_is_for_one_place_of_its_function() -> None:
    """The same change elsewhere in the function is another mutant."""
    assert 1 == len(complaints(Counter([EXPLAINED] * 2), Counter([EXPLAINED])))


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [
        ("rows = zip(a, strict=True)", "rows = zip(a, strict=None)", "strict=True -> strict=None"),
        ("rows = zip(a, strict=True)", "rows = zip(a, )", "a, strict=True -> a,"),
        ("if limit(x) > limit(y):", "if limit(x) >= limit(y):", "x) > -> x) >="),
        ('self._name = ""', "self._name = None", 'self._name = "" -> self._name = None'),
        ("return a and b", "return a or b", "return a and -> return a or"),
        ("x = not ready", "x = ready", "x = not -> x ="),
    ],
)
def test_a_change_is_shown_with_what_stands_before_it(was: str, becomes: str, expected: str) -> None:
    """The rest of its line can be rewritten without touching the explanation."""
    assert expected == change(was, becomes)


@pytest.mark.parametrize("mutant", explanations(), ids=lambda mutant: f"{mutant.function}: {mutant.change}")
def test_an_explanation_is_of_code_that_is_there(mutant: Mutant) -> None:
    """Its function exists and holds what the mutant changes."""
    was = mutant.change.partition(ARROW)[0]
    assert "".join(was.split()) in "".join(source_of(mutant.function).split())


@pytest.mark.parametrize("mutant", explanations(), ids=lambda mutant: f"{mutant.function}: {mutant.change}")
def test_an_explanation_says_why_in_a_sentence(mutant: Mutant) -> None:
    assert explanations()[mutant]["why"].endswith(".")


def source_of(function: str) -> str:
    """The source of a function by its whole name; "" if it does not exist."""
    module, names = function, list[str]()
    while not (path := ROOT / f"{module.replace('.', '/')}.py").is_file():
        module, _, name = module.rpartition(".")
        names.insert(0, name)
    source = path.read_text(encoding="utf-8")
    node: ast.AST | None = ast.parse(source)
    for name in names:
        inside = ast.iter_child_nodes(node) if node else []
        node = next((one for one in inside if getattr(one, "name", "") == name), None)
    return (ast.get_source_segment(source, node) or "") if node else ""


@pytest.mark.parametrize("pattern", [*MUTMUT["only_mutate"], *MUTMUT["do_not_mutate"]])
def test_what_is_mutated_exists(pattern: str) -> None:
    """mutmut says nothing of a pattern that fits no file."""
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "creditbot").rglob("*.py")]
    assert [] != [path for path in files if fnmatch(path, pattern)]


@pytest.mark.parametrize("path", sorted({path for run in runs() for path in run.tests}))
def test_the_tests_that_kill_mutants_exist(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("module", own_tests())
def test_what_has_tests_of_its_own_is_mutated(module: str) -> None:
    assert module in modules()


@pytest.mark.parametrize("argument", ["--help", "nothing", "creditbot/text/known_secrets.py", "--jobs=x"])
def test_help_and_wrong_arguments_start_nothing(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    printed = capsys.readouterr()
    assert (0 if argument == "--help" else 2) == ended.value.code
    assert "usage: python -m tests.mutants" in printed.out + printed.err


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("nothing", "there is no module to mutate that is called 'nothing'. Choose from adapters."),
        ("weekly", "more than one module is called 'weekly'. Choose from answer.weekly, state.weekly."),
    ],
)
def test_a_wrong_module_is_answered_with_those_that_there_are(
    name: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([name])
    assert answer in capsys.readouterr().err


def test_all_modules_are_run_once() -> None:
    assert sorted(modules()) == sorted(module for run in runs() for module in run.modules)


def test_a_module_is_run_with_its_own_tests() -> None:
    (run,) = runs([OVERLAP])
    assert ("decide.overlap", own_tests()[OVERLAP]) == (run.name, run.tests)


def test_a_module_without_tests_of_its_own_is_run_with_all() -> None:
    (run,) = runs(["creditbot/machine/clock.py"])
    assert (["creditbot/machine/clock.py"], MUTMUT["pytest_add_cli_args_test_selection"]) == (run.modules, run.tests)


def test_a_run_changes_only_what_mutmut_is_told() -> None:
    (run,) = runs([OVERLAP])
    project, whole = tomllib.loads(project_of(run)), tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    mine = project["tool"].pop("mutmut")
    assert whole["tool"].pop("mutmut").keys() == mine.keys()
    assert ([OVERLAP], own_tests()[OVERLAP]) == (mine["only_mutate"], mine["pytest_add_cli_args_test_selection"])
    assert whole == project


@pytest.mark.parametrize(("age", "stays"), [(-1, False), (1, True)])
def test_what_tests_call_is_found_again_in_a_changed_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: int, stays: bool
) -> None:
    """Else no old test runs for a function that is new."""
    monkeypatch.setattr("tests.mutants.FOLDER", tmp_path)
    (run,) = runs([OVERLAP])
    calls = run.folder / "mutants" / "mutmut-stats.json"
    calls.parent.mkdir(parents=True)
    calls.touch()
    changed = (ROOT / OVERLAP).stat().st_mtime
    os.utime(calls, (changed + age, changed + age))
    run.prepare()
    assert calls.exists() is stays
