"""Makes the folders of one run, which no other run sees: what a notebook writes there is gone when the run ends.

Called by kernels.py, which removes them: it makes them empty for a kernel that may wait, and fills them when the run
begins. The working folder looks like the notebook's own, and so does what is next to it: folders are made again and
small files copied, so that what a run writes there is its own. What is large or beyond the budget is linked.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_DEPTH = 8
"""How many folders within folders are made again."""

_LOGINS = (".aws", ".config/gcloud", ".databrickscfg", ".odbc.ini", ".pgpass", ".snowflake")
"""Where drivers of warehouses look for logins. They are linked into the private HOME."""

_XDG = {"XDG_CACHE_HOME": ".cache", "XDG_DATA_HOME": ".local/share", "XDG_STATE_HOME": ".local/state"}


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folders of one run.

    Attributes:
        cwd: the working folder.
        environ: the environment variables that name the others.
    """

    cwd: str
    environ: dict[str, str]


def make_run_folder(folder: Path, beside: Path, environment: Mapping[str, str]) -> RunFolder:
    """Makes the folders of a run below `folder`; the working folder is empty until `fill_run_folder`.

    Args:
        folder: private, and empty but for files of the kernel.
        beside: the folder of the notebook.
        environment: of all runs.
    """
    above, home, tmp, ipython, jupyter = (folder / name for name in ("above", "home", "tmp", "ipython", "jupyter"))
    for path in (above, home, tmp, ipython, jupyter):
        path.mkdir(mode=0o700)
    work = above / (beside.name or "root")
    work.mkdir()
    variables = {"HOME": home, "TMPDIR": tmp, "TEMP": tmp, "TMP": tmp, "IPYTHONDIR": ipython}
    variables |= {"JUPYTER_RUNTIME_DIR": jupyter}
    variables |= {name: home / place for name, place in _XDG.items() if name in environment}
    if real := environment.get("HOME"):
        _link_logins(Path(real), home)
        variables |= {name: path for name, path in _of_programs(Path(real)).items() if name not in environment}
    return RunFolder(str(work), {name: str(path) for name, path in variables.items()})


def fill_run_folder(work: Path, beside: Path) -> None:
    """Makes an empty working folder look like the notebook's folder as it is now, and what is above it likewise."""
    _mirror(_entries(beside), work, _Budget(files=100, bytes=4 * 2**20, entries=500), _DEPTH)
    next_to_it = (entry for entry in _entries(beside.parent) if entry.name != work.name)  # for `../data/rates.csv`
    _mirror(itertools.islice(next_to_it, 500), work.parent, _Budget(files=25, bytes=2**20, entries=40), _DEPTH)


def show_changes(work: Path) -> None:
    """Makes sure that a Python which has looked into the folder before looks again: it goes by the folder's time.

    Two changes within the same few milliseconds may leave the same time.
    """
    status = work.stat()
    os.utime(work, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def put_files(work: Path, files: Mapping[str, bytes]) -> None:
    """Puts files into a working folder, in place of copies or links; not into a folder that is linked.

    Args:
        work: the folder.
        files: relative path, with "/" -> content.
    """
    for name, content in files.items():
        path = work / name
        if any(folder.is_symlink() for folder in path.parents if folder.is_relative_to(work)):
            continue  # it is the real folder, and the run reads it there
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)


def _of_programs(home: Path) -> dict[str, Path]:
    """Folders in the user's HOME that hold programs and fonts, not results."""
    places = {"PYTHONUSERBASE": home / ".local", "MPLCONFIGDIR": home / ".cache" / "matplotlib"}
    return {name: path for name, path in places.items() if path.is_dir()}


def _link_logins(real: Path, home: Path) -> None:
    for login in _LOGINS:
        if (real / login).exists():
            (home / login).parent.mkdir(exist_ok=True)
            (home / login).symlink_to((real / login).absolute())


@dataclass(slots=True)
class _Budget:
    """How much may still be copied, linked or made: all of it takes a few milliseconds.

    Attributes:
        files: to copy.
        bytes: to copy.
        entries: files, folders and links to make within folders; what is at the top is always there.
    """

    files: int
    bytes: int
    entries: int

    def takes(self, entry: os.DirEntry[str]) -> bool:
        """Whether the file may still be copied; counts it if so."""
        size = entry.stat().st_size
        if self.files < 1 or size > self.bytes:
            return False
        self.files, self.bytes = self.files - 1, self.bytes - size
        return True


def _mirror(source: Iterable[os.DirEntry[str]], target: Path, budget: _Budget, depth: int) -> None:
    """Makes in `target` what is in a folder. Files come first, because the budget is for them."""
    for entry in sorted(source, key=lambda entry: (entry.is_dir(), entry.name)):
        path = target / entry.name
        budget.entries -= 1
        inside = _inside(entry, budget) if depth else None
        if inside is not None:
            path.mkdir()
            _mirror(inside, path, budget, depth - 1)
        elif not _copied(entry, path, budget):
            path.symlink_to(Path(entry.path).absolute())


def _inside(entry: os.DirEntry[str], budget: _Budget) -> list[os.DirEntry[str]] | None:
    """What is in a folder; None for what is linked: a file, a hidden folder, or one with more in it than the budget."""
    if not entry.is_dir(follow_symlinks=False) or entry.name.startswith("."):
        return None
    inside = list(itertools.islice(_entries(Path(entry.path)), max(0, budget.entries) + 1))
    return inside if len(inside) <= budget.entries else None


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:  # a folder that cannot be read looks empty
        yield from (entry for entry in entries if entry.name != "__pycache__")


def _copied(entry: os.DirEntry[str], path: Path, budget: _Budget) -> bool:
    with suppress(OSError):
        if entry.is_file() and budget.takes(entry):
            shutil.copy(entry.path, path)
            return True
    path.unlink(missing_ok=True)
    return False
