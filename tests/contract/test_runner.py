"""The runner on real kernels: what a notebook gives, what ends it, and what it cannot see or leave behind.

Most tests share one runner, because starting its processes takes longer than running a notebook. Those that break
theirs, or need another environment, start their own.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest

from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.errors import NotebookFailed, NotebookStopped, Refused, Unreachable
from creditbot.evidence.png import read_png
from creditbot.machine.hardening import can_be_confined
from creditbot.model import CreditDays, NotebookRun
from tests.support.notebooks import PYTHON, Cell, cells_of, code, write_notebook
from tests.support.runner_contract import RunnerContract

pytestmark = pytest.mark.kernels

ROOT = str(Path(__file__).parents[2])
IMPORTS = "import matplotlib.pyplot as plt\nimport pandas as pd\nimport scrapbook as sb"

Notebook = Callable[..., Path]


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    """Writes a notebook of these code cells below a tagged parameter cell, and returns its path."""

    def write(*sources: str, parameter: str = 'looker = ""', tags: tuple[str, ...] = ("parameters",)) -> Path:
        path = tmp_path / f"{uuid.uuid4().hex[:6]}.ipynb"
        return write_notebook(path, code(parameter, *tags), *map(code, sources))

    return write


def environment(**more: str) -> dict[str, str]:
    """The environment of the kernels of a test."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | more


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the kernel `other`, whose kernel.json sets a variable."""
    folder = tmp_path_factory.mktemp("jupyter")
    spec = folder / "kernels" / "other" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": command, "language": "python", "display_name": "", "env": {"OTHER": "yes"}}))
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the shared runner keeps every executed notebook."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, jupyter: Path, kept: Path) -> Iterator[NotebookRunner]:
    """The shared runner of a bot that has a token in its environment."""
    first = write_notebook(tmp_path_factory.mktemp("first") / "first.ipynb", code('looker = ""'), code(IMPORTS))
    variables = environment(SOME_SETTING="set", JUPYTER_PATH=str(jupyter))
    with closing(NotebookRunner([first], variables, seconds=60, keep="all", keep_dir=kept)) as shared:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SLACK_BOT_TOKEN", "xoxb-sandbox-not-a-secret")
            shared.warm()
        yield shared


@pytest.fixture(scope="module")
def mark() -> str:
    """A value that only the processes of `breakable` have in their environment."""
    return uuid.uuid4().hex


@pytest.fixture(scope="module")
def breakable(mark: str) -> Iterator[NotebookRunner]:
    """The runner of the tests that kill its processes."""
    with closing(NotebookRunner([], environment(MARK=mark, SEEN="1"), seconds=60)) as other:
        yield other


def processes(mark: str, argument: str = "") -> list[int]:
    """The processes whose environment holds the mark, and one of whose arguments ends so."""
    pids = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            arguments = (path / "cmdline").read_bytes().decode().split("\0")
            if mark.encode() in (path / "environ").read_bytes() and any(text.endswith(argument) for text in arguments):
                pids.append(int(path.name))
    return pids


def servers(mark: str) -> list[int]:
    """The fork servers among these processes; a fork leads a session of its own."""
    pids = []
    for pid in processes(mark, "fork_server.py"):
        with suppress(ProcessLookupError):  # a kernel that has just ended
            if os.getsid(pid) != pid:
                pids.append(pid)
    return pids


def wait_until_gone(pids: list[int], seconds: float = 20) -> None:
    """Returns once these processes have ended."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([handle], [], [], seconds)[0], f"process {pid} is still there"
        os.close(handle)


def wait_until_removed(folder: Path, seconds: float = 20) -> None:
    """Returns once the folder is gone: it is removed when the kernel has ended, just after the reply."""
    deadline = time.monotonic() + seconds
    while folder.exists():
        assert time.monotonic() < deadline, f"{folder} is still there"
        os.sched_yield()


def printed(runner: NotebookRunner, path: Path, sql: str = "select 1") -> str:
    """What a notebook writes to stdout."""
    run = runner.run(str(path), sql)
    return "".join(text for cell in run.cells for kind, text in cell.outputs if kind == "stream")


def kept_cells(kept: Path, notebook: Path) -> list[Cell]:
    """The cells of the executed notebook that was kept."""
    (file,) = kept.glob(f"{notebook.stem}-*")
    return cells_of(file)


class TestNotebookRunner(RunnerContract):
    """The contract of every runner."""

    @pytest.fixture
    def runner(self, breakable: NotebookRunner) -> NotebookRunner:
        """One whose notebooks see SEEN."""
        return breakable

    @pytest.fixture
    def new_runner(self) -> NotebookRunner:
        """One that no other test uses."""
        return NotebookRunner([], environment(), seconds=60)


# --- What a run gives ---------------------------------------------------------------------------------------------

SQL = """select 'it''s', "quoted", {braces}, 100%, \\n, '''
from "Zürich" -- ünïcödé 🎈"""


def test_the_sql_arrives_unchanged(runner: NotebookRunner, notebook: Notebook) -> None:
    """Quotes, braces, backslashes, line breaks and non-ASCII text of the SQL reach the notebook as they are."""
    assert repr(SQL) == printed(runner, notebook("print(repr(looker), end='')"), SQL)


@pytest.fixture(scope="module")
def glued(runner: NotebookRunner, tmp_path_factory: pytest.TempPathFactory) -> NotebookRun:
    """The run of a notebook of five cells that glues a scrap and shows a value."""
    glue = "sb.glue('result', {'credit': 4948.80, 'rows': [1]})"
    cells = map(code, ("looker = ''", IMPORTS, glue, "", "1 + 1"))
    return runner.run(str(write_notebook(tmp_path_factory.mktemp("glued") / "glued.ipynb", *cells)), "select 1")


def test_scraps_keep_their_values_with_numbers_as_decimal(glued: NotebookRun) -> None:
    assert {"result": {"credit": Decimal("4948.8"), "rows": [1]}} == glued.scraps


def test_cells_keep_their_number_in_the_file(glued: NotebookRun) -> None:
    assert [1, 2, 3, 4, 5] == [cell.number for cell in glued.cells]


def test_an_empty_cell_counts_as_not_executed(glued: NotebookRun) -> None:
    assert [True, True, True, False, True] == [cell.executed for cell in glued.cells]


def test_cells_keep_their_source_and_outputs(glued: NotebookRun) -> None:
    cell = glued.cells[4]
    assert ("1 + 1", (("text/plain", "2"),)) == (cell.source, cell.outputs)


def test_a_run_names_the_notebook_by_path_and_hash(glued: NotebookRun) -> None:
    assert sha256(Path(glued.notebook).read_bytes()).hexdigest() == glued.notebook_sha256


DECEMBER = CreditDays(date(2025, 12, 1), date(2026, 1, 1), has_history=True)


@pytest.mark.parametrize(
    ("parameters", "days", "shown"),
    [
        ("looker = ''\nCREDIT_FROM = ''\nCREDIT_TO = ''", DECEMBER, "'2025-12-01 2026-01-01'"),
        ("looker = ''\nCREDIT_FROM = ''\nCREDIT_TO = 'none'", replace(DECEMBER, end=None), "'2025-12-01 none'"),
        ("looker = ''\nCREDIT_FROM = CREDIT_TO = '-'", None, "'- -'"),
        ("looker = ''\nCREDIT_FROM = ''", replace(DECEMBER, has_history=False), "'2025-12-01 -'"),
    ],
)
def test_a_notebook_gets_the_days_to_credit_if_it_takes_them(
    runner: NotebookRunner, tmp_path: Path, parameters: str, days: CreditDays | None, shown: str
) -> None:
    """What is not known, or not a parameter of the notebook, stays as the notebook has it."""
    cells = code(parameters), code("f\"{CREDIT_FROM} {globals().get('CREDIT_TO', '-')}\"")
    run = runner.run(str(write_notebook(tmp_path / "n.ipynb", *cells)), "select 1", days)
    assert (("text/plain", shown),) == run.cells[1].outputs


def test_a_notebook_that_would_credit_history_does_not_run(runner: NotebookRunner, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", code("looker = ''\nCREDIT_FROM = ''"), code("1"))
    with pytest.raises(Refused, match="has no parameter CREDIT_TO, and its product has history_days"):
        runner.run(str(path), "select 1", DECEMBER)


def test_a_run_imports_what_its_hash_is_of(runner: NotebookRunner, tmp_path: Path) -> None:
    """Each run imports the file beside its notebook as it is when the run begins, and its hash says so."""
    path = write_notebook(tmp_path / "n.ipynb", code("looker = ''"), code("import helper\nhelper.RATE"))
    seen = {}
    for rate in ("1", "2"):
        (tmp_path / "helper.py").write_text(f"RATE = {rate}")
        run = runner.run(str(path), "select 1")
        seen[run.notebook_sha256] = run.cells[1].outputs
    assert [(("text/plain", "1"),), (("text/plain", "2"),)] == list(seen.values())


def test_a_run_names_the_versions_that_ran_it(glued: NotebookRun) -> None:
    assert {"python", "papermill", "scrapbook", "ipykernel", "pandas", "duckdb"} <= glued.versions.keys()


def test_a_run_says_how_many_seconds_it_took(glued: NotebookRun) -> None:
    assert 0 < glued.seconds < 60


def test_an_untagged_cell_can_be_the_parameter(runner: NotebookRunner, notebook: Notebook) -> None:
    assert "select 7\n" == printed(runner, notebook("print(looker)", tags=()), "select 7")


def test_a_run_leaves_the_file_as_it_was(runner: NotebookRunner, notebook: Notebook) -> None:
    path = notebook("print(looker)", tags=())
    before = path.read_bytes()
    printed(runner, path)
    assert before == path.read_bytes()


def test_a_notebook_finds_files_and_modules_beside_it(
    runner: NotebookRunner, notebook: Notebook, tmp_path: Path
) -> None:
    """It runs in a copy of its own folder, as in Jupyter."""
    (tmp_path / "rates.txt").write_text("0.80")
    (tmp_path / "helper_of_this_test.py").write_text("RATE = '0.90'")
    path = notebook("print(open('rates.txt').read())", "import helper_of_this_test as helper; print(helper.RATE)")
    assert "0.80\n0.90\n" == printed(runner, path)


PLACES = [
    "Path('../traffic.csv')",
    "Path('traffic.csv')",
    "Path('traffic.csv').absolute()",
    "Path('part/traffic.csv')",
    "Path(tempfile.gettempdir()) / 'traffic.csv'",
    "Path(os.environ['TMPDIR']) / 'traffic.csv'",
    "Path.home() / 'traffic.csv'",
    "Path.home() / '.cache' / 'traffic.csv'",
    "Path(os.environ.get('XDG_CACHE_HOME', '~/.cache')).expanduser() / 'traffic.csv'",
    "Path(get_ipython().ipython_dir) / 'traffic.csv'",
    "Path(get_ipython().profile_dir.location) / 'traffic.csv'",
    "Path(os.environ['JUPYTER_RUNTIME_DIR']) / 'traffic.csv'",
]


@pytest.mark.parametrize("place", PLACES)
def test_what_a_run_writes_no_other_run_finds(runner: NotebookRunner, notebook: Notebook, place: str) -> None:
    """One account's rows would become another's credit."""
    path = notebook(
        "import os, tempfile\nfrom pathlib import Path",
        f"file = {place}\nprint(file.exists())\nfile.parent.mkdir(parents=True, exist_ok=True)",
        "file.write_text(looker); print(file.read_text())",
    )
    texts = [printed(runner, path, f"select {number}") for number in (1, 2)]
    assert ["False\nselect 1\n", "False\nselect 2\n"] == texts


def test_a_file_beside_the_notebook_is_changed_in_a_copy(
    runner: NotebookRunner, notebook: Notebook, tmp_path: Path
) -> None:
    (tmp_path / "part").mkdir()
    files = [tmp_path / "traffic.csv", tmp_path / "part" / "traffic.csv"]
    for file in files:
        file.write_text("before")
    names = "['traffic.csv', 'part/traffic.csv']"
    printed(runner, notebook(f"from pathlib import Path\nfor name in {names}: Path(name).write_text(looker)"))
    assert ["before", "before"] == [file.read_text() for file in files]


def test_what_ipython_stores_no_other_run_finds(runner: NotebookRunner, notebook: Notebook) -> None:
    path = notebook("total = None", "%store -r total", "print(total)\ntotal = looker", "%store total")
    texts = [printed(runner, path, f"select {number}").splitlines() for number in (1, 2)]
    assert [["None"], ["None"]] == [[line for line in lines if line == "None" or "select" in line] for lines in texts]


def test_the_folders_of_a_run_are_gone_after_it(runner: NotebookRunner, notebook: Notebook) -> None:
    path = notebook("import os, tempfile", "print(os.getcwd(), os.environ['HOME'], tempfile.gettempdir(), sep='\\n')")
    folders = [Path(line) for line in printed(runner, path).splitlines()]
    for folder in folders:
        wait_until_removed(folder)
    assert [False] * 3 == [folder.exists() for folder in folders]


def test_a_run_sees_nothing_of_an_earlier_run(runner: NotebookRunner, notebook: Notebook) -> None:
    """A change to a module that both share by the fork stays in the first."""
    path = notebook("import pandas", "print(getattr(pandas, 'changed', None))", "pandas.changed = True")
    assert ["None\n", "None\n"] == [printed(runner, path) for _ in range(2)]


def test_random_numbers_differ_between_runs(runner: NotebookRunner, notebook: Notebook) -> None:
    """Forks of one process would draw the same numbers if they were not seeded."""
    path = notebook("import random, numpy", "print(random.random(), numpy.random.random())")
    runs = [printed(runner, path).split() for _ in range(2)]
    assert 4 == len({number for run in runs for number in run})


def test_parallel_runs_each_get_their_own_sql(runner: NotebookRunner, notebook: Notebook) -> None:
    path = notebook("print(looker)")
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda number: printed(runner, path, f"select {number}"), range(8)))
    assert [f"select {number}\n" for number in range(8)] == texts


def test_a_notebook_finds_itself_in_jupyter(runner: NotebookRunner, notebook: Notebook) -> None:
    """A forked kernel has the names and arguments of one that was started by itself."""
    path = notebook("import sys", "print(__name__, _dh[0] != '', sys.argv[0][-21:], len(In), '__file__' in globals())")
    assert "__main__ True ipykernel_launcher.py 5 False\n" == printed(runner, path)


@pytest.mark.parametrize("magic", ["", "%matplotlib inline\n"], ids=["without magic", "with magic"])
def test_a_plot_is_shown_below_its_cell(runner: NotebookRunner, notebook: Notebook, magic: str) -> None:
    run = runner.run(str(notebook(f"{magic}import matplotlib.pyplot as plt\n_ = plt.plot([1, 2, 4])")), "select 1")
    assert read_png(dict(run.cells[1].outputs)["image/png"]) is not None


def test_papermill_itself_can_use_the_engine(notebook: Notebook, tmp_path: Path) -> None:
    """`papermill --engine creditbot` runs a notebook on a kernel of its own and ends it."""
    path = notebook("print(looker)")
    script = (
        "import papermill, sys, creditbot.notebook_host.engine\n"
        "papermill.execute_notebook(*sys.argv[1:], {'looker': 'select 3'}, engine_name='creditbot', progress_bar=False)"
    )
    command = [sys.executable, "-c", script, str(path), str(tmp_path / "out.ipynb")]
    subprocess.run(command, check=True, env=environment(PYTHONPATH=ROOT), cwd=tmp_path)
    assert ["select 3\n"] == cells_of(tmp_path / "out.ipynb")[-1]["outputs"][0]["text"]


def test_a_notebook_runs_on_the_installed_kernel_it_names(runner: NotebookRunner, tmp_path: Path) -> None:
    """The kernel of another Python has the environment that its kernel.json sets."""
    cells = [code('looker = ""'), code("import os; print(os.environ['OTHER'], looker)")]
    path = write_notebook(tmp_path / "n.ipynb", *cells, kernelspec={**PYTHON, "name": "other"})
    assert "yes select 1\n" == printed(runner, path)


def test_an_import_that_starts_a_thread_only_costs_time(notebook: Notebook, tmp_path: Path) -> None:
    """Forking would not be safe then, so kernels are started from nothing, with the same results."""
    thread = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    (tmp_path / "duckdb.py").write_text(thread)
    scrap = "{'name': 'run', 'data': [looker, sys.orig_argv[2]], 'encoder': 'json', 'version': 1}"
    path = notebook("import duckdb, sys", f"display({{'application/scrapbook.scrap.json+json': {scrap}}}, raw=True)")
    with closing(NotebookRunner([path], environment(PYTHONPATH=str(tmp_path)), seconds=60)) as threaded:
        assert {"run": ["select 1", "ipykernel_launcher"]} == threaded.run(str(path), "select 1").scraps


# --- The parameter is what ran ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "exec('looker = ' + repr('select 2'))",
        "get_ipython().push({'look' + 'er': 'select 2'})",
        "from saved_queries_of_this_test import *",
        "looker = looker.replace('1', '2')",
        "looker += ' limit 5'",
        "%reset -f",
        "get_ipython().run_cell('looker = ' + 'None')",
        "exec('kept, looker = looker, ' + repr('select 2'))\nx = 1\n%time exec('1')",
    ],
)
def test_a_run_in_which_looker_changes_is_refused(
    runner: NotebookRunner, notebook: Notebook, tmp_path: Path, source: str
) -> None:
    """Where the source does not show it, the value in the kernel does: after every cell."""
    (tmp_path / "saved_queries_of_this_test.py").write_text("looker = 'select 2'")
    path = notebook("print(looker)", source)
    with pytest.raises(Refused, match="set looker to something other than the SQL of the request in cell 3"):
        runner.run(str(path), "select 1")


def test_a_run_in_which_looker_changes_for_a_while_is_refused(runner: NotebookRunner, notebook: Notebook) -> None:
    path = notebook(
        "kept = looker; exec('looker = ' + repr('select 2'))", "print(looker)", "exec('looker = ' + 'kept')"
    )
    with pytest.raises(Refused, match="in cell 2"):
        runner.run(str(path), "select 1")


def test_a_cell_above_the_parameter_that_sets_it_is_refused(runner: NotebookRunner, tmp_path: Path) -> None:
    pushed = code("get_ipython().push({'look' + 'er': 'select 2'})")
    cells = [pushed, code('looker = ""', "parameters"), code("print(looker)")]
    with pytest.raises(Refused, match="in cell 1"):
        runner.run(str(write_notebook(tmp_path / "n.ipynb", *cells)), "select 1")


def test_a_change_hidden_by_an_error_that_is_expected_is_refused(runner: NotebookRunner, tmp_path: Path) -> None:
    changes = code("exec('looker = ' + repr('select 2')); print(looker); 1 / 0", "raises-exception")
    path = write_notebook(tmp_path / "n.ipynb", code('looker = ""', "parameters"), changes)
    with pytest.raises(Refused, match="in cell 2"):
        runner.run(str(path), "select 1")


@pytest.mark.parametrize("source", ["looker = looker.strip()", "looker = looker.rstrip().rstrip(';')", "looker: str"])
def test_the_same_sql_without_what_stands_around_it_is_run(
    runner: NotebookRunner, notebook: Notebook, source: str
) -> None:
    assert "ok\n" == printed(runner, notebook(source, "print('ok')"), "select 1;\n")


def test_a_failing_cell_fails_with_its_own_reason(runner: NotebookRunner, notebook: Notebook) -> None:
    with pytest.raises(NotebookFailed, match="ZeroDivisionError"):
        runner.run(str(notebook("1 / 0")), "select 1")


# --- What a notebook can see --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen_environment(runner: NotebookRunner, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a notebook that the shared runner runs."""
    path = tmp_path_factory.mktemp("environment") / "environment.ipynb"
    write_notebook(path, code('looker = ""'), code("import json, os; print(json.dumps(dict(os.environ)))"))
    variables: dict[str, str] = json.loads(printed(runner, path))
    return variables


def test_a_notebook_sees_the_environment_of_the_runner(seen_environment: dict[str, str]) -> None:
    assert "set" == seen_environment["SOME_SETTING"]


def test_a_notebook_does_not_see_the_bots_secrets(seen_environment: dict[str, str]) -> None:
    assert [] == [name for name, value in seen_environment.items() if "SLACK" in name or "not-a-secret" in value]


def test_a_notebook_does_not_see_the_fork_servers_settings(seen_environment: dict[str, str]) -> None:
    assert not {"PYTHONPATH", "OPENBLAS_NUM_THREADS", "JE_ARROW_MALLOC_CONF"} & seen_environment.keys()


def test_a_notebook_gets_a_home_if_there_is_none(notebook: Notebook, tmp_path: Path) -> None:
    """It lasts as long as the run."""
    path = notebook("from pathlib import Path", "Path.home().joinpath('x').mkdir(); print('ok')")
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "nowhere")}
    with closing(NotebookRunner([], variables, seconds=60)) as homeless:
        assert "ok\n" == printed(homeless, path)


PASSWORD = "pa/ss'wörd@%7"


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NotebookRunner, Path]]:
    """A runner whose warehouse has a password, and where it keeps every executed notebook."""
    kept = tmp_path_factory.mktemp("secretive")
    variables = environment(WAREHOUSE_URL=f"trino://u:{PASSWORD}@host/db")
    with closing(NotebookRunner([], variables, seconds=60, keep="all", keep_dir=kept)) as other:
        yield other, kept


@pytest.mark.parametrize(
    "cell",
    [
        "print(os.environ['WAREHOUSE_URL'])",
        "print(password)",
        "print(quote(password, safe=''))",
        "print(repr(password), json.dumps({'passwd': password}))",
        "display({'text/html': f'<b>{password}</b>', 'application/json': {'a': [password], password: 1}}, raw=True)",
        "print(html.escape(password), base64.b64encode(f'u:{password}'.encode()).decode())",
        "raise ValueError(password)",
        "raise ValueError(f'passwd={password!r}')",
    ],
)
def test_a_notebook_that_shows_its_password_loses_it(
    secretive: tuple[NotebookRunner, Path], notebook: Notebook, cell: str
) -> None:
    """In what the runner gives, in the failure, and in the notebook that is kept."""
    runner, kept = secretive
    path = notebook(
        "import base64, html, json, os\nfrom urllib.parse import quote",
        f"password = {PASSWORD[:5]!r} + {PASSWORD[5:]!r}",
        cell,
    )
    try:
        shown = repr(runner.run(str(path), "select 1").cells[3].outputs)
    except NotebookFailed as failure:
        shown = str(failure)
    assert ("***" in shown, "rd@" in shown, "rd%40" in shown) == (True, False, False)
    outputs = kept_cells(kept, path)[-1]["outputs"]
    assert [] == [output for output in outputs if "rd@" in str(output) or "rd%40" in str(output)]


@pytest.mark.skipif(not can_be_confined(), reason="needs Landlock of Linux 5.19")
def test_a_notebook_cannot_look_into_the_processes_above_it(notebook: Notebook) -> None:
    """The bot's parents, such as a shell or make, may have the token in their environment."""
    cell = """
        for process in sorted(Path("/proc").glob("[0-9]*")):
            try:
                if b"xoxb-above-not-a-secret" in (process / "environ").read_bytes():
                    print("found in", (process / "cmdline").read_bytes())
            except OSError:
                pass
        print("looked")
    """
    path = notebook("from pathlib import Path", textwrap.dedent(cell))
    script = f"""
        import os, subprocess, sys
        from contextlib import closing
        from creditbot.adapters.notebooks.runner import NotebookRunner

        with closing(NotebookRunner([], {{"PATH": os.environ["PATH"]}}, seconds=60, keep="none")) as runner:
            print(*(text for _, text in runner.run({str(path)!r}, "select 1").cells[2].outputs))
    """
    run = [sys.executable, "-c", textwrap.dedent(script)]
    above = [sys.executable, "-c", f"import subprocess; subprocess.run({run!r}, check=True)"]
    token = {"PATH": os.environ["PATH"], "SLACK_BOT_TOKEN": "xoxb-above-not-a-secret", "PYTHONPATH": ROOT}
    done = subprocess.run(above, env=token, capture_output=True, text=True, check=True)
    assert "looked" == done.stdout.strip()


# --- What ends a run ----------------------------------------------------------------------------------------------


@pytest.fixture
def cell_failure(runner: NotebookRunner, notebook: Notebook) -> tuple[Path, NotebookFailed]:
    """A notebook whose third cell raises, and the failure of its run."""
    path = notebook("print('before')", "{}['price_usd']", "print('after')")
    with pytest.raises(NotebookFailed) as caught:
        runner.run(str(path), "select 1")
    return path, caught.value


def test_a_failure_names_notebook_cell_and_error(cell_failure: tuple[Path, NotebookFailed]) -> None:
    path, failure = cell_failure
    assert f"The notebook {path.name} failed in cell 3 with KeyError: 'price_usd'." == failure.what


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("%%bigquery df\nSELECT 1", "Cell magic `%%bigquery` not found"),
        ("%bigquery SELECT 1", "Line magic function `%bigquery` not found"),
        ("import sys\nprint('old', file=sys.stderr)\n%load_ext", "Missing module name"),
        ("raise ExceptionGroup('several reasons', [ValueError('one')])", "ExceptionGroup: several reasons"),
        ("get_ipython().showtraceback = lambda *a, **k: None\nraise ValueError('why')", "ValueError: why"),
        ("get_ipython().showtraceback = lambda *a, **k: None\nraise ValueError", "ValueError"),
    ],
)
def test_an_error_that_ipython_only_prints_is_the_reason(
    runner: NotebookRunner, notebook: Notebook, source: str, reason: str
) -> None:
    with pytest.raises(NotebookFailed) as raised:
        runner.run(str(notebook(source)), "select 1")
    assert reason in raised.value.what


def test_a_failure_brings_the_cells_up_to_its_error(cell_failure: tuple[Path, NotebookFailed]) -> None:
    """For the page of the request."""
    _, failure = cell_failure
    outputs = [kind for cell in failure.run.cells for kind, _ in cell.outputs]
    assert ["stream", "error"] == outputs


def test_a_failure_says_where_the_executed_notebook_is(cell_failure: tuple[Path, NotebookFailed], kept: Path) -> None:
    path, failure = cell_failure
    (file,) = kept.glob(f"{path.stem}-*")
    assert f"The executed notebook is {file}." in failure.todo


def test_a_failed_notebook_is_kept_up_to_its_error(cell_failure: tuple[Path, NotebookFailed], kept: Path) -> None:
    path, _ = cell_failure
    outputs = [output for cell in kept_cells(kept, path) for output in cell.get("outputs", ())]
    assert [["before\n"], "KeyError"] == [output.get("text") or output["ename"] for output in outputs]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("raise ConnectionRefusedError(111, 'Connection refused')", Unreachable),
        ("class OperationalError(Exception): ...\nraise OperationalError('password authentication failed')", Refused),
    ],
    ids=["unreachable", "refused"],
)
def test_a_warehouse_that_fails_is_not_the_requests_failure(
    runner: NotebookRunner, notebook: Notebook, source: str, kind: type[Unreachable | Refused]
) -> None:
    with pytest.raises(kind) as raised:
        runner.run(str(notebook(source)), "select 1")
    assert "the warehouse" == raised.value.service


def test_a_notebook_without_the_parameter_is_refused_by_name(runner: NotebookRunner, notebook: Notebook) -> None:
    path = notebook(parameter="sql = ''")
    with pytest.raises(Refused, match=path.name):
        runner.run(str(path), "select 1")


def test_a_kernel_that_dies_ends_the_run(runner: NotebookRunner, notebook: Notebook) -> None:
    """Another try may succeed."""
    path = notebook("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(NotebookStopped) as raised:
        runner.run(str(path), "select 1")
    assert f"The kernel of {path.name} was killed by SIGKILL in cell 2." == raised.value.what


def test_endless_output_is_stopped(runner: NotebookRunner, notebook: Notebook) -> None:
    """The notebook is ended before it fills the memory."""
    path = notebook("import time", "while True: time.sleep(0.02); print('x' * 2**22)")
    with pytest.raises(NotebookFailed, match="wrote more than 32 MiB"):
        runner.run(str(path), "select 1")


@pytest.mark.parametrize(
    "source",
    [
        "print(text)",
        "raise ValueError(text)",
        "display({'application/json': {'a': [text]}}, raw=True)",
        "display({'application/json': {text: 1}}, raw=True)",
        "display({'text/plain': 'x'}, raw=True, metadata={'a': text})",
        "import scrapbook as sb; sb.glue('credit', text)",
        "import os; os.system('yes | head -c 40000000')",
        "import os\nfor _ in range(40): os.write(2, b'x' * 2**20)",
        "import subprocess; subprocess.run('yes | head -c 40000000', shell=True)",
        "import sys\nfor _ in range(40): sys.__stderr__.write(text[:2**20])",
        "raise ValueError([text[:2**20]] * 40)",
        "display({'application/json': [{}] * 10**6}, raw=True)",
        "display({'text/plain': text[:2**23] + '\N{GRINNING FACE}'}, raw=True)",
        "from IPython.display import clear_output\nfor _ in range(40): print(text[:2**20]); clear_output()",
        "shown = display('', display_id=True)\nfor _ in range(40): shown.update(text[:2**20])",
        "from comm import create_comm; create_comm(target_name='x').send({}, buffers=[text.encode()])",
        "from comm import create_comm\nfor _ in range(40): create_comm(target_name='x', data={'a': text[:2**20]})",
        "get_ipython().payload_manager.write_payload({'source': 'page', 'data': text})",
        "import threading\nt = threading.Thread(target=print, args=(text,)); t.start(); t.join()",
    ],
)
def test_output_is_bounded_whatever_it_comes_through(
    runner: NotebookRunner, notebook: Notebook, kept: Path, source: str
) -> None:
    path = notebook("text = 'x' * (33 * 2**20)", source)
    with pytest.raises(NotebookFailed, match="wrote more than 32 MiB"):
        runner.run(str(path), "select 1")
    (file,) = kept.glob(f"{path.stem}-*")
    assert file.stat().st_size < 34 * 2**20


def test_no_output_is_lost_however_fast_it_comes(runner: NotebookRunner, notebook: Notebook) -> None:
    """ZeroMQ drops messages that it has no room for, unless it is told otherwise."""
    publish = "publish = get_ipython().display_pub.publish"
    run = runner.run(str(notebook(publish, "for n in range(3000): publish({'text/plain': str(n)})")), "select 1")
    assert [("text/plain", str(number)) for number in range(3000)] == list(run.cells[2].outputs)


@pytest.mark.parametrize(
    "source",
    [
        "create_comm(target_name='x', data=['a'])",
        "create_comm(target_name='x', data=['state'])",
        "create_comm(target_name='jupyter.widget', data=None).send(5)",
        "create_comm(target_name='x').send({'state': {'a': 1}, 'buffer_paths': 7})",
    ],
)
def test_a_message_for_a_widget_that_is_malformed_ends_no_run(
    runner: NotebookRunner, notebook: Notebook, source: str
) -> None:
    assert "ok\n" == printed(runner, notebook(f"from comm import create_comm\n{source}", "print('ok')"))


GLUED_AGAIN = {
    "in one cell": ["sb.glue('credit', 1); sb.glue('credit', 2)"],
    "in two cells": ["sb.glue('credit', 1)", "sb.glue('credit', 2)"],
    "in a loop": ["for credit in ['4948.80', '50.25']: sb.glue('credit', credit)"],
    "with the first again at the end": ["for credit in 1, 2, 1: sb.glue('credit', credit)"],
    "as an update of a display": [
        "from IPython.display import update_display",
        "scrap = lambda data: {MIME: {'name': 'credit', 'data': data, 'encoder': 'json', 'version': 1}}",
        "display(scrap(1), raw=True, display_id='a'); update_display(scrap(2), raw=True, display_id='a')",
    ],
    "as a display with the same id": [
        "scrap = lambda data: {MIME: {'name': 'credit', 'data': data, 'encoder': 'json', 'version': 1}}",
        "for data in 1, 2: display(scrap(data), raw=True, display_id='a')",
    ],
    "after the output was cleared": [
        "from IPython.display import clear_output",
        "sb.glue('credit', 1); clear_output(); sb.glue('credit', 2)",
    ],
    "as rows": ["for credit in 1, 2: sb.glue('credit', [{'credit': credit}])"],
    "as text and as a number": ["sb.glue('credit', 1); sb.glue('credit', '2')"],
    "as a record of papermill": [
        "for credit in 1, 2: display({'application/papermill.record+json': {'credit': credit}}, raw=True)"
    ],
}


@pytest.mark.parametrize("sources", GLUED_AGAIN.values(), ids=GLUED_AGAIN)
def test_a_scrap_that_is_glued_with_two_values_is_ambiguous(
    runner: NotebookRunner, notebook: Notebook, sources: list[str]
) -> None:
    """Scrapbook keeps the last of them only."""
    mime = "import scrapbook as sb\nMIME = 'application/scrapbook.scrap.json+json'"
    assert ("credit",) == runner.run(str(notebook(mime, *sources)), "select 1").ambiguous_scraps


def test_a_scrap_that_is_glued_twice_with_one_value_is_not_ambiguous(
    runner: NotebookRunner, notebook: Notebook
) -> None:
    again = "for _ in range(2): sb.glue('credit', {'amount': '4948.80', 'rows': [1]})"
    assert () == runner.run(str(notebook(IMPORTS, again)), "select 1").ambiguous_scraps


def test_short_lines_do_not_take_the_hosts_memory(breakable: NotebookRunner, notebook: Notebook, mark: str) -> None:
    """papermill and nbformat would make a string of each, which takes thirty times its size."""
    breakable.run(str(notebook("print('y\\n' * 4_000_000)")), "select 1")
    (host,) = processes(mark, "creditbot.notebook_host")
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{host}/status").read_text())
    assert int(peak) < 300_000


def test_a_failure_says_one_line_of_a_long_error(runner: NotebookRunner, notebook: Notebook) -> None:
    """Its words would take far more memory than it has itself."""
    with pytest.raises(NotebookFailed) as raised:
        runner.run(str(notebook("raise ValueError('y\\n' * 2**20)")), "select 1")
    assert len(raised.value.what) < 500


def test_scraps_that_cannot_be_read_fail_the_notebook(runner: NotebookRunner, notebook: Notebook) -> None:
    """An output can have the type of a scrap without being one."""
    mime = "application/scrapbook.scrap.json+json"
    path = notebook(f"display({{'{mime}': 'not a scrap'}}, raw=True)")
    with pytest.raises(NotebookFailed, match=rf"The scraps that {path.name} glued cannot be read: \w+: .*\.") as raised:
        runner.run(str(path), "select 1")
    assert "Glue only text, numbers or JSON values." == raised.value.todo


STUBBORN = """
import subprocess, time
started = [subprocess.Popen(["sleep", "600"], start_new_session=new) for new in (False, True)]
open(looker, "w").write(" ".join(str(process.pid) for process in started))
while True:
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        pass
"""
IN_C = "import re; re.match('(a+)+$', 'a' * 60 + 'b')"


def test_the_time_limit_holds_whatever_a_cell_does(notebook: Notebook, tmp_path: Path) -> None:
    """Cells that ignore interrupts, or never leave C code, are killed at the limit, and so is what they started."""
    pids = tmp_path / "pids"
    paths = [notebook(STUBBORN), notebook(IN_C)]
    with closing(NotebookRunner([], environment(), seconds=4)) as limited:

        def failure_of(path: Path) -> str:
            with pytest.raises(NotebookStopped) as raised:
                limited.run(str(path), str(pids))
            return raised.value.what

        with ThreadPoolExecutor(2) as pool:
            failures = list(pool.map(failure_of, paths))
        wait_until_gone([int(pid) for pid in pids.read_text().split()])
    assert [f"The notebook {path.name} ran longer than 4 s and was stopped in cell 2." for path in paths] == failures


# --- When processes end, or the machine fails ---------------------------------------------------------------------


def test_close_leaves_no_process_and_no_file(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not even what a notebook detached still runs, and the temporary folder is empty."""
    temporary, flag = Path(tempfile.mkdtemp(prefix="t")), tmp_path / "flag"
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    os.mkfifo(flag)
    detached = "import subprocess; subprocess.run('setsid sleep 600 &', shell=True, start_new_session=True)"
    path = notebook(detached, "open(looker, 'w').write('running'); import time; time.sleep(600)")
    own = uuid.uuid4().hex
    runner = NotebookRunner([], environment(MARK=own), seconds=60)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(runner.run, str(path), str(flag))
        assert "running" == flag.read_text()
        pids = processes(own)
        runner.close()
        assert isinstance(run.exception(), NotebookStopped)
    runner.close()
    wait_until_gone(pids)
    assert len(pids) >= 4  # the host, the fork server, the kernel and what was detached
    assert [] == processes(own)
    temporary.rmdir()


DETACHED = """
import os, subprocess, sys
subprocess.run('setsid sleep 600 & echo $! >> started', shell=True, start_new_session=True)
if not os.fork():
    os.setsid()
    if not os.fork():
        open('started', 'a').write(f'{os.getpid()}\\n')
        os.execvp('sleep', ['sleep', '600'])
    os._exit(0)
while open('started').read().count('\\n') < 2:
    pass
print(open('started').read())
"""


@pytest.mark.parametrize("end", ["pass", "1 / 0", "os._exit(1)", "os.kill(os.getpid(), 9)"])
def test_what_a_notebook_detached_is_gone_after_it(
    runner: NotebookRunner, notebook: Notebook, tmp_path: Path, end: str
) -> None:
    """Whichever way the run ends; the runner goes on."""
    pids = tmp_path / "pids"
    path = notebook(DETACHED, "open(looker, 'w').write(open('started').read())", end)
    with suppress(NotebookFailed, NotebookStopped):
        runner.run(str(path), str(pids))
    started = [int(pid) for pid in pids.read_text().split()]
    wait_until_gone(started)
    assert 2 == len(started)


def test_a_kernel_is_the_first_to_go_when_memory_runs_out(runner: NotebookRunner, notebook: Notebook) -> None:
    """And not the bot, nor the host of the other kernels."""
    assert "1000\n\n" == printed(runner, notebook("print(open('/proc/self/oom_score_adj').read())"))


def test_a_closed_runner_runs_nothing(notebook: Notebook) -> None:
    """The pod ends soon, and the next tick runs what waits for its turn."""
    runner = NotebookRunner([], environment(), seconds=60)
    runner.close()
    runner.warm()
    with pytest.raises(NotebookStopped, match="Shutting down: no more notebooks are started"):
        runner.run(str(notebook("1")), "select 1")


def test_a_bot_that_is_killed_takes_its_notebooks_with_it(notebook: Notebook, tmp_path: Path) -> None:
    """Whether they run or not."""
    own, flag = uuid.uuid4().hex, tmp_path / "flag"
    os.mkfifo(flag)
    path = notebook("open(looker, 'w').write('running'); import time; time.sleep(600)")
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom creditbot.adapters.notebooks.runner import NotebookRunner\n"
        "NotebookRunner([], dict(os.environ), seconds=600).run(sys.argv[1], sys.argv[2])"
    )
    command = [sys.executable, "-c", script, str(path), str(flag)]
    bot = subprocess.Popen(command, env=environment(MARK=own, PYTHONPATH=ROOT))
    assert "running" == flag.read_text()
    pids = processes(own)
    assert len(pids) >= 4  # the bot, the host, the fork server and the kernel
    bot.kill()
    bot.wait()
    wait_until_gone(pids)


def test_a_fork_server_that_dies_is_replaced(breakable: NotebookRunner, notebook: Notebook, mark: str) -> None:
    path = notebook("print('done')")
    breakable.run(str(path), "select 1")
    (server,) = servers(mark)
    os.kill(server, signal.SIGKILL)
    wait_until_gone([server])
    assert "done\n" == printed(breakable, path)


def test_a_host_that_dies_ends_its_runs_and_is_replaced(
    breakable: NotebookRunner, notebook: Notebook, mark: str, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    os.mkfifo(flag)
    wait = "if looker != 'again': open(looker, 'w').write('running'); time.sleep(600)"
    path = notebook("import time", wait, "print('done')")
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(breakable.run, str(path), str(flag))
        assert "running" == flag.read_text()
        (host,) = processes(mark, "creditbot.notebook_host")
        os.kill(host, signal.SIGKILL)
        with pytest.raises(NotebookStopped, match="ended while it ran"):
            run.result()
    assert "done\n" == printed(breakable, path, "again")


def test_a_host_that_does_not_answer_is_ended(notebook: Notebook) -> None:
    """It gets 30 s more than a notebook, here 10 ms: too few to start in. Another try gets another host."""
    hasty = NotebookRunner([], environment(), seconds=-29.99)
    with closing(hasty), pytest.raises(NotebookStopped, match="it did not answer"):
        hasty.run(str(notebook()), "select 1")


def test_a_temporary_folder_that_is_missing_is_the_machines_failure(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner reads a sentence and not a traceback."""
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    runner = NotebookRunner([], environment(), seconds=60)
    with pytest.raises(Unreachable, match="Notebooks cannot be run on this machine"):
        runner.run(str(notebook()), "select 1")


def test_a_temporary_folder_that_is_cleaned_is_the_machines_failure(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the files of a kernel can no longer be written, that is not the notebook's failure."""
    temporary = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with closing(NotebookRunner([], environment(), seconds=60)) as runner:
        runner.run(str(notebook()), "select 1")
        moved = temporary.rename(f"{temporary}-moved")  # at once: a kernel that ends removes files of its own
        with pytest.raises(Unreachable, match="could not be run on this machine"):
            runner.run(str(notebook()), "select 1")
    shutil.rmtree(moved)


def test_the_bots_process_imports_nothing_heavy() -> None:
    """Importing the adapter imports neither papermill nor anything that a notebook needs."""
    script = "import sys, creditbot.adapters.notebooks.runner; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"papermill", "scrapbook", "pandas", "numpy", "nbformat", "nbclient", "jupyter_client", "zmq", "ctypes"}
    assert set() == heavy & set(done.stdout.split())
