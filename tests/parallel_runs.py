"""For `make unit`, `make test-fast`, `make test-cluster`: pytest runs several times at once, each time for one part.

That costs less than workers of pytest-xdist, which all collect every test, and report each one to a process that shows
it. Arguments go to all runs, but those of coverage only to the one with tests/unit: it is measured in no other folder.
With "cluster" as the first argument, the parts are those of tests/cluster.
Every ten seconds a line says how far the runs are, and at the end stands what each of them said. The exit code is 1 if
one of them fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
STARTING = ("contract", "crash")
"""Folders whose tests start many processes."""
WAITING = ("test_doorbell.py", "test_job_runner.py", "test_runner.py", "test_same_traffic.py")
"""Files of tests/contract that mostly wait for processes and for time to pass: a third run costs few processors."""
WITH_UNIT = "unit, behaviour, replay"
"""The name of the part with tests/unit, the only folder in which coverage is measured."""
OF_JOBS = ("test_node_death.py", "test_queue.py", "test_runs.py")
"""Files of tests/cluster in which notebooks run as Jobs: waiting for their pods takes about as long as all others."""
PAUSE = 10.0
"""Seconds between two lines that say how far the runs are."""
_DOTS = re.compile(r"^([.sxXFE]+)(?: *\[ *(\d+)%\])?$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One part.

    Attributes:
        name: of what it collects.
        process: pytest.
        output: what it has written.
    """

    name: str
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        """What it has said."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    @property
    def progress(self) -> str:
        """How far it is, and how many tests have failed so far."""
        dots = list(_DOTS.finditer(self.text))
        percent = next((f"{line[2]} %" for line in reversed(dots) if line[2]), "")  # stands at the end of a line
        ended = "".join(line[1] for line in dots)
        failed = ended.count("F") + ended.count("E")
        how_far = percent or f"{len(ended)} tests" if self.process.poll() is None else "done"
        return f"{self.name} {how_far}" + (f", {failed} failed" if failed else "")

    @property
    def result(self) -> str:
        """What it said, without the dots."""
        return re.sub(r"\n{2,}", "\n", _DOTS.sub("", self.text)).strip()


def commands(arguments: Sequence[str], processes: int) -> dict[str, list[str]]:
    """Name of a part -> its command; with more than three processes, each has workers."""
    workers = ["-n", str(processes // 2), "--dist", "worksteal"] if processes > 3 else ["-n", "0"]
    plain = [argument for argument in arguments if not argument.startswith("--cov")]
    others = sorted(folder.name for folder in (ROOT / "tests").iterdir() if folder.is_dir() and folder.name[0] != "_")
    pytest = [sys.executable, "-m", "pytest", "-q", *workers]
    waiting = [f"contract/{file}" for file in WAITING]
    return {
        WITH_UNIT: [*pytest, *arguments, *_all_but(STARTING)],
        ", ".join(STARTING): [*pytest, "-p", "no:cov", *plain, *_all_but({*others, *waiting} - {*STARTING})],
        "what waits": [*pytest, "-p", "no:cov", *plain, *(f"tests/{file}" for file in waiting)],
    }


def cluster_commands(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Name of a part of tests/cluster -> its command."""
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cov", "-n", "0", "--durations=10", *arguments]
    files = sorted(path.name for path in (ROOT / "tests/cluster").glob("test_*.py"))
    parts = {"Jobs": OF_JOBS, "the rest": [file for file in files if file not in OF_JOBS]}
    return {name: [*pytest, *(f"tests/cluster/{file}" for file in part)] for name, part in parts.items()}


def _all_but(places: Iterable[str]) -> list[str]:
    """As arguments of pytest. A folder that is named would be collected although the caller ignores it."""
    return ["tests", *(f"--ignore=tests/{place}" for place in sorted(places))]


def main(arguments: Sequence[str]) -> int:
    """Runs all parts; 1 if one of them fails."""
    began = time.monotonic()
    if arguments[:1] == ["cluster"]:
        parts = cluster_commands(arguments[1:])
    else:
        parts = commands(arguments, int(os.environ.get("PROCESSES") or 2))
    with tempfile.TemporaryDirectory(prefix="creditbot-") as folder:
        runs = []
        for name, command in parts.items():
            output = Path(folder) / name.replace("/", "-")
            with output.open("wb") as file:
                process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
            runs.append(Run(name, process, output))
        try:
            while not _are_done(runs, PAUSE):
                print(f"  {time.monotonic() - began:.0f} s: {'; '.join(run.progress for run in runs)}", flush=True)
        finally:  # also at Ctrl-C, which ends all of them
            codes = [run.process.wait() for run in runs]
            for run in runs:
                print(f"\n{run.name}:\n{run.result}", flush=True)
    return 1 if any(codes) else 0


def _are_done(runs: Sequence[Run], seconds: float) -> bool:
    """Whether all have ended; waits so long for that."""
    end = time.monotonic() + seconds
    for run in runs:
        try:
            run.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
