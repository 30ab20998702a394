"""The folders of one run: what a notebook finds there, and what stays as it was."""

from __future__ import annotations

import os
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path

import pytest

from creditbot.notebook_host.run_folder import RunFolder, fill_run_folder, make_run_folder, put_files, show_changes


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """The folder of a notebook."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The HOME of the user."""
    folder = tmp_path / "user"
    folder.mkdir()
    return folder


def made(tmp_path: Path, beside: Path, **environment: str) -> RunFolder:
    """The folders of a run."""
    folder = tmp_path / "run"
    folder.mkdir()
    run = make_run_folder(folder, beside, environment)
    fill_run_folder(Path(run.cwd), beside)
    return run


def test_small_files_are_copied(tmp_path: Path, beside: Path) -> None:
    (beside / "rates.csv").write_text("0.80")
    copy = Path(made(tmp_path, beside).cwd) / "rates.csv"
    assert (False, "0.80") == (copy.is_symlink(), copy.read_text())


def test_large_files_are_linked(tmp_path: Path, beside: Path) -> None:
    (beside / "warehouse.duckdb").write_bytes(b"x" * 5 * 2**20)
    assert (Path(made(tmp_path, beside).cwd) / "warehouse.duckdb").readlink() == beside / "warehouse.duckdb"


def test_many_files_are_found_whether_copied_or_linked(tmp_path: Path, beside: Path) -> None:
    for number in range(150):
        (beside / f"{number}.txt").write_text(str(number))
    copies = list(Path(made(tmp_path, beside).cwd).iterdir())
    assert {str(number) for number in range(150)} == {copy.read_text() for copy in copies}
    assert 50 == sum(copy.is_symlink() for copy in copies)


def test_deep_folders_are_found(tmp_path: Path, beside: Path) -> None:
    deep = Path("a/b/c/d")
    (beside / deep).mkdir(parents=True)
    (beside / deep / "x.txt").write_text("x")
    assert "x" == (Path(made(tmp_path, beside).cwd) / deep / "x.txt").read_text()


def test_files_in_folders_next_to_the_notebooks_are_found(tmp_path: Path, beside: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rates.csv").write_text("0.80")
    assert "0.80" == (Path(made(tmp_path, beside).cwd) / "../data/rates.csv").read_text()


@pytest.mark.parametrize("place", ["../new.csv", "../data/new.csv", "../data/deep/new.csv", "a/b/c/d/new.csv"])
def test_a_file_that_a_run_makes_is_its_own(tmp_path: Path, beside: Path, place: str) -> None:
    """Also in folders that many projects have beside their notebooks, such as `../data`."""
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (beside / "a/b/c/d").mkdir(parents=True)
    (Path(made(tmp_path, beside).cwd) / place).write_text("select 1")
    assert not (beside / place).exists()


def test_a_small_file_next_to_the_folder_is_changed_in_a_copy(tmp_path: Path, beside: Path) -> None:
    file = tmp_path / "data" / "traffic.csv"
    file.parent.mkdir()
    file.write_text("before")
    (Path(made(tmp_path, beside).cwd) / "../data/traffic.csv").write_text("after")
    assert "before" == file.read_text()


def test_a_folder_with_many_files_is_linked(tmp_path: Path, beside: Path) -> None:
    """Reading it works; it would take too long to make it again."""
    (tmp_path / "data").mkdir()
    for number in range(50):
        (tmp_path / "data" / f"{number}.csv").touch()
    assert (Path(made(tmp_path, beside).cwd).parent / "data").is_symlink()


def test_each_of_many_folders_next_to_the_notebooks_is_found(tmp_path: Path, beside: Path) -> None:
    names = [f"data{number}" for number in range(60)]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "rates.csv").write_text(name)
    above = Path(made(tmp_path, beside).cwd).parent
    assert names == [(above / name / "rates.csv").read_text() for name in names]


def test_a_link_to_nowhere_is_no_failure(tmp_path: Path, beside: Path) -> None:
    (beside / "gone").symlink_to(tmp_path / "nowhere")
    assert (Path(made(tmp_path, beside).cwd) / "gone").is_symlink()


def test_logins_of_warehouses_stay_in_home(tmp_path: Path, beside: Path, home: Path) -> None:
    login = Path(".config/gcloud/application_default_credentials.json")
    (home / login).parent.mkdir(parents=True)
    (home / login).write_text("{}")
    assert "{}" == (Path(made(tmp_path, beside, HOME=str(home)).environ["HOME"]) / login).read_text()


def test_packages_of_the_user_are_still_found(tmp_path: Path, beside: Path, home: Path) -> None:
    (home / ".local").mkdir()
    assert str(home / ".local") == made(tmp_path, beside, HOME=str(home)).environ["PYTHONUSERBASE"]


def test_files_are_put_in_place_of_copies_and_links(tmp_path: Path, beside: Path) -> None:
    """What a run imports is what was hashed for it, also if the file has changed since the folder was made."""
    (beside / "rates").mkdir()
    (beside / "rates" / "usd.py").write_text("old")
    (beside / "large.py").write_bytes(b"#" * 5 * 2**20)
    work = Path(made(tmp_path, beside).cwd)
    put_files(work, {"rates/usd.py": b"new", "large.py": b"new", "more/new.py": b"new"})
    assert ["new"] * 3 == [(work / name).read_text() for name in ("rates/usd.py", "large.py", "more/new.py")]
    assert "old" == (beside / "rates" / "usd.py").read_text()
    assert 5 * 2**20 == (beside / "large.py").stat().st_size


def test_nothing_is_put_into_a_folder_that_is_linked(tmp_path: Path, beside: Path) -> None:
    (beside / ".hidden").mkdir()
    (beside / ".hidden" / "usd.py").write_text("old")
    put_files(Path(made(tmp_path, beside).cwd), {".hidden/usd.py": b"new"})
    assert "old" == (beside / ".hidden" / "usd.py").read_text()


def test_a_python_that_has_looked_before_finds_new_modules(tmp_path: Path) -> None:
    """Also those that came within the same few milliseconds: the time of the folder is then the same."""
    finder = FileFinder(str(tmp_path), (SourceFileLoader, [".py"]))
    assert finder.find_spec("rates") is None
    before = tmp_path.stat()
    (tmp_path / "rates.py").touch()
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert finder.find_spec("rates") is None
    show_changes(tmp_path)
    assert finder.find_spec("rates")
