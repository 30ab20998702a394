"""The runner on real kernels: what a notebook gives, what ends it, and what it cannot see or leave behind."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.errors import NotebookFailed, NotebookStopped, Refused, Unreachable
from tests.support.notebooks import cells_in, code, write_notebook

Notebook = Callable[..., Path]


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    """Writes a notebook of these code cells below a tagged parameter cell, and returns its path."""

    def write(*sources: str, parameter: str = 'looker = ""', tags: tuple[str, ...] = ("parameters",)) -> Path:
        path = tmp_path / f"{uuid.uuid4().hex[:6]}.ipynb"
        return write_notebook(path, code(parameter, *tags), *map(code, sources))

    return write


def environment(**more: str) -> dict[str, str]:
    """What the kernels of a test see; the mark finds its processes again."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | more


@pytest.fixture(scope="module")
def runner() -> Iterator[NotebookRunner]:
    """One runner for the tests that do not break theirs."""
    runner = NotebookRunner([], environment(SOME_SETTING="seen"), seconds=60)
    yield runner
    runner.close()


@pytest.fixture
def mark() -> str:
    """A variable's value that no other process has in its environment."""
    return uuid.uuid4().hex


def processes(mark: str, argument: str = "") -> list[int]:
    """The processes whose environment holds the mark, and one of whose arguments ends so."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            arguments = (path / "cmdline").read_bytes().decode().split("\0")
            if mark.encode() in (path / "environ").read_bytes() and any(text.endswith(argument) for text in arguments):
                found.append(int(path.name))
    return found


def wait_until_gone(pids: list[int], seconds: float = 20) -> None:
    """Returns once these processes have ended."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([handle], [], [], seconds)[0], f"process {pid} is still there"
        os.close(handle)


def printed(runner: NotebookRunner, path: Path, sql: str = "select 1") -> str:
    """What a notebook writes to stdout."""
    run = runner.run(str(path), sql)
    return "".join(text for cell in run.cells for kind, text in cell.outputs if kind == "stream")


SQL = """select 'it''s', "quoted", {braces}, 100%, \\n, '''
from "Zürich" -- ünïcödé 🎈"""


def test_the_sql_arrives_unchanged(runner: NotebookRunner, notebook: Notebook) -> None:
    """Quotes, braces, backslashes, line breaks and non-ASCII text of the SQL reach the notebook as they are."""
    assert repr(SQL) == printed(runner, notebook("print(repr(looker), end='')"), SQL)


def test_scraps_and_cells_are_read(runner: NotebookRunner, notebook: Notebook) -> None:
    """Scraps keep their values, numbers as Decimal; cells keep their place in the file, their source and their text."""
    path = notebook("import scrapbook as sb", "sb.glue('result', {'credit': 4948.80, 'rows': [1]})", "", "1 + 1")
    run = runner.run(str(path), "select 1")
    assert {"result": {"credit": Decimal("4948.8"), "rows": [1]}} == run.scraps
    assert [1, 2, 3, 4, 5] == [cell.number for cell in run.cells]
    assert [True, True, True, False, True] == [cell.executed for cell in run.cells]
    assert (("text/plain", "2"),) == run.cells[4].outputs
    assert "1 + 1" == run.cells[4].source


def test_the_run_says_what_ran_it(runner: NotebookRunner, notebook: Notebook) -> None:
    """The path, the hash of the file, the versions and the duration stand in the result."""
    path = notebook()
    run = runner.run(str(path), "select 1")
    hashed = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]
    assert (str(path), hashed) == (run.notebook, run.notebook_sha256)
    assert {"python", "papermill", "scrapbook", "ipykernel", "pandas"} == run.versions.keys()
    assert 0 < run.seconds < 60


def test_an_untagged_parameter_is_one(runner: NotebookRunner, notebook: Notebook) -> None:
    """A cell `looker = ""` without a tag takes the SQL, and the file stays as it was."""
    path = notebook("print(looker)", tags=())
    before = path.read_bytes()
    assert "select 7\n" == printed(runner, path, "select 7")
    assert before == path.read_bytes()


def test_files_beside_the_notebook_are_found(runner: NotebookRunner, notebook: Notebook, tmp_path: Path) -> None:
    """A notebook runs in its own folder, as in Jupyter: it reads files and imports modules beside it."""
    (tmp_path / "rates.txt").write_text("0.80")
    (tmp_path / "helper_of_this_test.py").write_text("RATE = '0.90'")
    path = notebook("print(open('rates.txt').read())", "import helper_of_this_test as helper; print(helper.RATE)")
    assert "0.80\n0.90\n" == printed(runner, path)


def test_every_run_is_a_fresh_process(runner: NotebookRunner, notebook: Notebook) -> None:
    """What one run does to a module, another does not see; the two are different processes."""
    path = notebook("import json, os", "print(os.getpid(), getattr(json, 'spoilt', None))", "json.spoilt = True")
    first, second = printed(runner, path).split(), printed(runner, path).split()
    assert first[0] != second[0]
    assert ["None", "None"] == [first[1], second[1]]


def test_random_numbers_differ_between_runs(runner: NotebookRunner, notebook: Notebook) -> None:
    """Kernels that come from one process do not draw the same numbers."""
    path = notebook("import random, numpy", "print(random.random(), numpy.random.random())")
    runs = [printed(runner, path).split() for _ in range(2)]
    assert 4 == len({number for run in runs for number in run})


def test_runs_in_parallel_keep_apart(runner: NotebookRunner, notebook: Notebook) -> None:
    """Several threads may run notebooks at the same time, each gets the result of its own SQL."""
    path = notebook("print(looker)")
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda number: printed(runner, path, f"select {number}"), range(8)))
    assert [f"select {number}\n" for number in range(8)] == texts


def test_the_environment_is_the_one_given(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook sees what the runner was given and Jupyter's own, not the environment of the bot."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-sandbox-not-a-secret")
    fresh = NotebookRunner([], environment(SOME_SETTING="seen"), seconds=60)
    try:
        names = json.loads(printed(fresh, notebook("import json, os", "print(json.dumps(dict(os.environ)))")))
    finally:
        fresh.close()
    assert "seen" == names["SOME_SETTING"]
    assert not [name for name, value in names.items() if "SLACK" in name or "not-a-secret" in value]
    assert not {"PYTHONPATH", "OPENBLAS_NUM_THREADS", "JE_ARROW_MALLOC_CONF"} & names.keys()


def test_a_missing_home_is_no_obstacle(notebook: Notebook, tmp_path: Path) -> None:
    """Without HOME, or with one that does not exist, a notebook gets one that lasts as long as the runner."""
    path = notebook("from pathlib import Path", "Path.home().joinpath('x').mkdir(); print('ok')")
    homes: list[dict[str, str]] = [{}, {"HOME": str(tmp_path / "nowhere")}]
    for home in homes:
        homeless = NotebookRunner([], {"PATH": os.environ["PATH"], **home}, seconds=60)
        try:
            assert "ok\n" == printed(homeless, path)
        finally:
            homeless.close()


def test_plain_papermill_gives_the_same(notebook: Notebook, tmp_path: Path) -> None:
    """The outputs, execution counts and scraps are those of the `papermill` command, pictures included."""
    path = notebook(
        "import sys\nimport pandas as pd\nimport matplotlib.pyplot as plt\nimport scrapbook as sb",
        "rows = pd.DataFrame({'mode': ['basic'], 'credit': ['$4,948.80']})\nrows",
        "print('out'); print('err', file=sys.stderr)",
        "_ = plt.plot([1, 2, 4])",
        "%matplotlib inline\nfig, axes = plt.subplots(); axes.bar(['a'], [3]); plt.show()",
        "sb.glue('credit', '4948.80')",
        "__name__, _dh[0] != '', sys.argv[0][-21:], len(In), __file__ if '__file__' in dir() else None",
    )
    ours = NotebookRunner([path], environment(), seconds=60, keep="all", keep_dir=tmp_path / "kept")
    try:
        run = ours.run(str(path), "select")
    finally:
        ours.close()
    other = tmp_path / "plain.ipynb"
    command = [sys.executable, "-m", "papermill", *map(str, (path, other)), "-p", "looker", "select"]
    subprocess.run(command, check=True, capture_output=True, env=environment(), cwd=tmp_path)
    (kept,) = (tmp_path / "kept").iterdir()
    parts = ("source", "execution_count", "outputs")
    ours_executed, theirs = ([[cell.get(part) for part in parts] for cell in cells_in(file)] for file in (kept, other))
    assert theirs == ours_executed
    assert run.scraps == {"credit": "4948.80"}


def test_papermills_own_door_leads_to_the_engine(notebook: Notebook, tmp_path: Path) -> None:
    """`papermill --engine creditbot` runs a notebook on a kernel of its own and ends it."""
    path = notebook("print(looker)")
    script = (
        "import papermill, sys, creditbot.notebook_host.engine\n"
        "papermill.execute_notebook(*sys.argv[1:], {'looker': 'select 3'}, engine_name='creditbot', progress_bar=False)"
    )
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", script, str(path), str(tmp_path / "out.ipynb")]
    subprocess.run(command, check=True, env=environment(PYTHONPATH=root), cwd=tmp_path)
    assert ["select 3\n"] == cells_in(tmp_path / "out.ipynb")[-1]["outputs"][0]["text"]


def test_another_installed_kernel_runs_its_notebooks(tmp_path: Path) -> None:
    """A notebook that names another Python's kernel runs on that one, with its environment."""
    spec = tmp_path / "kernels" / "other" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": command, "language": "python", "display_name": "", "env": {"OTHER": "yes"}}))
    kernel = {"name": "other", "display_name": "Other", "language": "python"}
    cells = [code('looker = ""'), code("import os; print(os.environ['OTHER'], looker)")]
    path = write_notebook(tmp_path / "n.ipynb", *cells, kernelspec=kernel)
    other = NotebookRunner([path], environment(JUPYTER_PATH=str(tmp_path)), seconds=60)
    try:
        assert "yes select 1\n" == printed(other, path)
    finally:
        other.close()


def test_an_import_that_starts_threads_only_costs_time(notebook: Notebook, tmp_path: Path) -> None:
    """Where forking would not be safe, kernels are started from nothing, with the same results."""
    thread = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    (tmp_path / "duckdb.py").write_text(thread)
    path = notebook("import duckdb, scrapbook, sys", "scrapbook.glue('run', [looker, sys.orig_argv[2]])")
    threaded = NotebookRunner([path], environment(PYTHONPATH=str(tmp_path)), seconds=60)
    try:
        assert {"run": ["select 1", "ipykernel_launcher"]} == threaded.run(str(path), "select 1").scraps
    finally:
        threaded.close()


def test_a_cell_that_raises_fails_the_notebook(notebook: Notebook, tmp_path: Path) -> None:
    """The failure names notebook, cell and error, and the kept notebook shows everything up to it."""
    kept = tmp_path / "kept"
    failing = NotebookRunner([], environment(), seconds=60, keep="failed", keep_dir=kept)
    path = notebook("print('before')", "{}['price_usd']", "print('after')")
    try:
        with pytest.raises(NotebookFailed) as raised:
            failing.run(str(path), "select 1")
        failing.run(str(notebook()), "select 1")
    finally:
        failing.close()
    (file,) = kept.iterdir()
    assert f"The notebook {path.name} failed in cell 3 with KeyError: 'price_usd'." == raised.value.what
    assert str(file) in raised.value.todo
    assert not raised.value.retry
    outputs = [output for cell in cells_in(file) for output in cell.get("outputs", ())]
    assert [["before\n"], "KeyError"] == [output.get("text") or output["ename"] for output in outputs]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("raise ConnectionRefusedError(111, 'Connection refused')", Unreachable),
        ("class OperationalError(Exception): ...\nraise OperationalError('password authentication failed')", Refused),
    ],
)
def test_a_warehouse_that_does_not_answer_is_a_shared_cause(
    runner: NotebookRunner, notebook: Notebook, source: str, kind: type[Unreachable | Refused]
) -> None:
    """An error that says that the warehouse cannot be reached is not the request's failure."""
    with pytest.raises(kind) as raised:
        runner.run(str(notebook(source)), "select 1")
    assert "the warehouse" == raised.value.service
    assert raised.value.shared


def test_a_notebook_that_cannot_be_run_is_refused(runner: NotebookRunner, notebook: Notebook, tmp_path: Path) -> None:
    """A missing file, and a notebook without the parameter, fail with a sentence that names the file."""
    for path in (tmp_path / "nowhere.ipynb", notebook(parameter="sql = ''")):
        with pytest.raises(Refused, match=path.name):
            runner.run(str(path), "select 1")


@pytest.mark.parametrize(
    ("source", "ending"),
    [("import os; os._exit(3)", "with exit status 3"), ("import os; os.kill(os.getpid(), 9)", "by SIGKILL")],
)
def test_a_kernel_that_dies_is_told(runner: NotebookRunner, notebook: Notebook, source: str, ending: str) -> None:
    """A kernel that ends by itself is a failure that another try may not meet, and says how it ended."""
    path = notebook(source)
    with pytest.raises(NotebookStopped) as raised:
        runner.run(str(path), "select 1")
    assert f"The kernel of {path.name} ended {ending} in cell 2." == raised.value.what
    assert raised.value.retry


def test_endless_output_is_stopped(runner: NotebookRunner, notebook: Notebook) -> None:
    """A notebook that prints without end is ended before it fills the memory."""
    path = notebook("import time", "while True: time.sleep(0.02); print('x' * 2**20)")
    with pytest.raises(NotebookFailed, match="wrote more than 32 MiB"):
        runner.run(str(path), "select 1")


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
    limited = NotebookRunner([], environment(), seconds=4, keep_dir=tmp_path / "kept")

    def stopped(path: Path) -> str:
        with pytest.raises(NotebookStopped) as raised:
            limited.run(str(path), str(pids))
        return raised.value.what

    try:
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(stopped, paths))
        wait_until_gone([int(pid) for pid in pids.read_text().split()])
    finally:
        limited.close()
    assert [f"The notebook {path.name} ran longer than 4 s and was stopped in cell 2." for path in paths] == told
    assert 2 == len(list((tmp_path / "kept").iterdir()))


def test_close_leaves_no_process_and_no_file(notebook: Notebook, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After close nothing runs any more, not even what a notebook detached, and the temporary folder is empty."""
    temporary = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    detached = "import subprocess; subprocess.run('setsid sleep 600 &', shell=True, start_new_session=True)"
    runner = NotebookRunner([], environment(MARK=mark), seconds=60)
    runner.run(str(notebook(detached)), "select 1")
    runner.warm()
    pids = processes(mark)
    runner.close()
    runner.close()
    wait_until_gone(pids)
    assert len(pids) >= 3
    assert [] == processes(mark)
    temporary.rmdir()


def test_what_waits_for_its_turn_when_it_is_closed_is_not_run(notebook: Notebook, mark: str) -> None:
    """No process is started any more: the pod ends soon, and the next tick runs it."""
    runner = NotebookRunner([], environment(MARK=mark), seconds=60)
    runner.close()
    runner.warm()
    with pytest.raises(NotebookStopped, match="because the process ends"):
        runner.run(str(notebook("1")), "select 1")
    assert [] == processes(mark)


def test_the_bots_sudden_end_ends_everything(notebook: Notebook, mark: str, tmp_path: Path) -> None:
    """When the bot is killed, its notebooks end with it, running or not."""
    flag = tmp_path / "flag"
    os.mkfifo(flag)
    path = notebook("open(looker, 'w').write('running'); import time; time.sleep(600)")
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom creditbot.adapters.notebooks.runner import NotebookRunner\n"
        "NotebookRunner([], dict(os.environ), seconds=600).run(sys.argv[1], sys.argv[2])"
    )
    root = str(Path(__file__).parents[2])
    bot = subprocess.Popen(
        [sys.executable, "-c", script, str(path), str(flag)], env=environment(MARK=mark, PYTHONPATH=root)
    )
    assert "running" == flag.read_text()
    pids = processes(mark)
    bot.kill()
    bot.wait()
    wait_until_gone(pids)
    assert len(pids) >= 4


def test_a_host_that_dies_is_replaced(notebook: Notebook, mark: str, tmp_path: Path) -> None:
    """A run whose host is killed is told as stopped; the next one runs on a new host."""
    flag = tmp_path / "flag"
    os.mkfifo(flag)
    path = notebook(
        "import time", "if looker != 'go on': open(looker, 'w').write('running'); time.sleep(600)", "print('done')"
    )
    runner = NotebookRunner([], environment(MARK=mark), seconds=600)
    try:
        with ThreadPoolExecutor(1) as pool:
            run = pool.submit(runner.run, str(path), str(flag))
            assert "running" == flag.read_text()
            (host,) = processes(mark, "creditbot.notebook_host")
            os.kill(host, signal.SIGKILL)
            with pytest.raises(NotebookStopped, match="ended while it ran"):
                run.result()
        assert "done\n" == printed(runner, path, "go on")
    finally:
        runner.close()


def test_a_nursery_that_dies_is_replaced(notebook: Notebook, mark: str) -> None:
    """When the process that kernels come from is killed, the next notebook gets a new one."""
    path = notebook("print('done')")
    runner = NotebookRunner([], environment(MARK=mark), seconds=60)
    try:
        runner.run(str(path), "select 1")
        (nursery,) = [pid for pid in processes(mark, "nursery.py") if os.getsid(pid) != pid]  # its forks lead sessions
        os.kill(nursery, signal.SIGKILL)
        wait_until_gone([nursery])
        assert "done\n" == printed(runner, path)
    finally:
        runner.close()


def test_a_host_that_does_not_answer_is_ended(notebook: Notebook) -> None:
    """It gets 30 s more than a notebook, here 10 ms: too few to start in. Another try gets another host."""
    hasty = NotebookRunner([], environment(), seconds=-29.99)
    try:
        with pytest.raises(NotebookStopped, match="it did not answer") as raised:
            hasty.run(str(notebook()), "select 1")
    finally:
        hasty.close()
    assert "tried again" in raised.value.todo


def test_scraps_that_cannot_be_read_fail_the_notebook(runner: NotebookRunner, notebook: Notebook) -> None:
    """What looks like scrapbook's and is not is said with the reason."""
    mime = "application/scrapbook.scrap.json+json"
    path = notebook(f"from IPython.display import display\ndisplay({{'{mime}': 'nothing of its'}}, raw=True)")
    with pytest.raises(NotebookFailed) as raised:
        runner.run(str(path), "select 1")
    assert f"What the notebook {path.name} glued cannot be read" in raised.value.what
    assert raised.value.todo


def test_a_notebook_that_could_not_be_kept_is_told(notebook: Notebook, tmp_path: Path) -> None:
    """The failure of the notebook stays the failure; where it would have been is said beside what to do."""
    (tmp_path / "kept").touch()
    failing = NotebookRunner([], environment(), seconds=60, keep="failed", keep_dir=tmp_path / "kept")
    try:
        with pytest.raises(NotebookFailed, match="failed in cell 2") as raised:
            failing.run(str(notebook("1 / 0")), "select 1")
    finally:
        failing.close()
    assert f"could not be kept in {tmp_path}/kept" in raised.value.todo


def test_no_room_on_the_machine_is_told(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the temporary folder cannot be written, there is a sentence and not a traceback."""
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    runner = NotebookRunner([], environment(), seconds=60)
    with pytest.raises(Unreachable, match="Notebooks cannot be run on this machine"):
        runner.run(str(notebook()), "select 1")


def test_a_temporary_folder_that_is_cleaned_away_is_told(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a kernel's files cannot be written any more, the machine is the cause and not the notebook."""
    temporary = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    runner = NotebookRunner([], environment(), seconds=60)
    try:
        runner.run(str(notebook()), "select 1")
        away = temporary.rename(f"{temporary}-away")  # at once: a kernel that ends removes files of its own
        with pytest.raises(Unreachable, match="could not be run on this machine"):
            runner.run(str(notebook()), "select 1")
    finally:
        runner.close()
    shutil.rmtree(away)


def test_the_bots_process_imports_nothing_heavy() -> None:
    """Importing the adapter imports neither papermill nor anything a notebook needs."""
    script = "import sys, creditbot.adapters.notebooks.runner; print(' '.join(sys.modules))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    heavy = {"papermill", "scrapbook", "pandas", "numpy", "nbformat", "nbclient", "jupyter_client", "zmq", "ctypes"}
    assert set() == heavy & set(done.stdout.split())
