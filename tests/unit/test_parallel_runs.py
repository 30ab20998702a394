"""`make unit` runs each test in one of several runs, and fails if one of them does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import parallel_runs
from tests.parallel_runs import cluster_commands, commands, main


def test_coverage_is_measured_in_the_run_with_tests_unit_only() -> None:
    covered, starting, waiting = commands(["--cov", "--cov-report=term", "-x"], 2).values()
    assert ["--cov", "--cov-report=term", "-x", "tests"] == covered[-6:-2]
    for other in (starting, waiting):
        assert ["-p", "no:cov", "-x"] == other[other.index("-p") :][:3]
    assert "--ignore=tests/unit" in starting


def test_each_folder_of_tests_is_in_one_run_alone() -> None:
    """A folder that is added later is in the first one."""
    there = {path.name for path in (parallel_runs.ROOT / "tests").iterdir() if path.is_dir() and path.name[0] != "_"}
    first, second, _ = commands([], 2).values()
    parts = [there - {each.removeprefix("--ignore=tests/") for each in run} for run in (first, second)]
    assert sorted(there) == sorted([*parts[0], *parts[1]])
    assert {"contract", "crash"} == parts[1]


def test_each_file_that_waits_is_in_the_third_run_alone() -> None:
    _, second, third = commands([], 2).values()
    files = [argument for argument in third if argument.startswith("tests/contract/")]
    assert files
    assert all((parallel_runs.ROOT / file).is_file() and f"--ignore={file}" in second for file in files)


def test_each_file_of_tests_cluster_is_in_one_run_alone() -> None:
    """A file that is added later is in the second one."""
    parts = [
        [argument for argument in command if argument.startswith("tests/cluster/")]
        for command in cluster_commands(["-x"]).values()
    ]
    there = [f"tests/cluster/{path.name}" for path in (parallel_runs.ROOT / "tests/cluster").glob("test_*.py")]
    assert sorted(there) == sorted(parts[0] + parts[1])
    assert "tests/cluster/test_runs.py" in parts[0]


@pytest.mark.parametrize(("processes", "workers"), [(1, "0"), (2, "0"), (3, "0"), (4, "2"), (9, "4")])
def test_each_run_has_its_share_of_the_processes(processes: int, workers: str) -> None:
    numbers = [command[command.index("-n") + 1] for command in commands([], processes).values()]
    assert [workers] * 3 == numbers


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that say this, and of which the second ends with the code that is its argument."""

    def scripted(arguments: list[str], _: int) -> dict[str, list[str]]:
        passes = "print('.' * 72 + ' [ 41%]'); print('1 passed')"
        ends = f"print('..F [100%]'); print('= FAILURES ='); raise SystemExit({arguments[0]})"
        return {"one": [sys.executable, "-c", passes], "other": [sys.executable, "-c", ends]}

    monkeypatch.setattr(parallel_runs, "commands", scripted)


@pytest.mark.usefixtures("said")
def test_what_each_run_said_is_printed_without_dots(capsys: pytest.CaptureFixture[str]) -> None:
    main(["0"])
    out = capsys.readouterr().out
    assert out.endswith("\none:\n1 passed\n\nother:\n= FAILURES =\n")


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(("ended", "code"), [("0", 0), ("1", 1), ("2", 1), ("5", 1)])
def test_the_runs_fail_if_one_of_them_does(ended: str, code: int) -> None:
    assert code == main([ended])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", "one 0 tests"),
        ("..s.", "one 4 tests"),
        ("." * 72 + " [ 41%]\n..F", "one 41 %, 1 failed"),
    ],
)
def test_a_run_is_as_far_as_its_last_line_of_dots_says(written: str, shown: str, tmp_path: Path) -> None:
    """In the first line, as many tests have ended as there are dots."""
    output = tmp_path / "output"
    output.write_text(written)
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with process:
        assert shown == parallel_runs.Run("one", process, output).progress


@pytest.mark.usefixtures("said")
def test_a_line_says_how_far_the_runs_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ends = iter([False, True])

    def after_they_ended(runs: list[parallel_runs.Run], _: float) -> bool:
        for run in runs:
            run.process.wait()
        return next(ends)

    monkeypatch.setattr(parallel_runs, "_are_done", after_they_ended)
    main(["1"])
    assert " s: one done; other done, 1 failed\n" in capsys.readouterr().out
