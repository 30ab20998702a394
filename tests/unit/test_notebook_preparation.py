"""Which notebooks can be run, and the copy of them that is run."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from creditbot.errors import Refused
from creditbot.notebook_host.preparation import prepare
from tests.support.notebooks import PYTHON, Cell, code, markdown, write_notebook


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the notebook of the test goes."""
    return tmp_path / "n.ipynb"


def replaces_sql(path: Path, *cells: Cell, above: bool = False) -> bool:
    """Whether a notebook is refused because these cells beside its parameters cell set `looker` as well."""
    parameters = code('looker = ""', "parameters")
    try:
        prepare(write_notebook(path, *((*cells, parameters) if above else (parameters, *cells))))
    except Refused as refused:
        return "in more than one cell" in refused.what
    return False


def tagged(path: Path) -> list[str]:
    """The sources of the cells that papermill takes for the parameters cell."""
    return [cell.source for cell in prepare(path).notebook.cells if "parameters" in cell.metadata.tags]


@pytest.mark.parametrize(
    ("cells", "parameters"),
    [
        ([code('looker = ""', "parameters"), code("x = looker")], 'looker = ""'),
        ([code("import os"), code('looker = ""')], 'looker = ""'),
        (
            [code('%load_ext x\nlooker: str = "select 1"  # the SQL')],
            '%load_ext x\nlooker: str = "select 1"  # the SQL',
        ),
        ([code("limit = 5", "parameters"), code("looker = None")], "looker = None"),
        ([code("looker: str", "parameters")], "looker: str"),
        ([code('looker = os.environ.get("SQL", "")', "parameters")], 'looker = os.environ.get("SQL", "")'),
        ([code('looker = ""'), code("looker = looker.strip()")], 'looker = ""'),
        ([code('sql = looker = ""'), code('other.looker = ""'), code('f(looker="")')], 'sql = looker = ""'),
        ([code('looker = "", 1', "parameters"), code('df["looker"] = 1')], 'looker = "", 1'),
        ([code("def run():\n    return con.sql(looker)"), code('looker = ""'), code("run()")], 'looker = ""'),
        ([code("def run(looker):\n    return con.sql(looker)"), code('looker = ""')], 'looker = ""'),
        ([code("run = lambda: con.sql(looker)"), code('looker = ""'), code("run()")], 'looker = ""'),
        ([code("run: Run = lambda: con.sql(looker)\nf(lambda looker: 1)"), code('looker = ""')], 'looker = ""'),
        ([code("import other\nother.looker\ngetattr(other, 'looker')"), code('looker = ""')], 'looker = ""'),
        ([code('looker = ""'), code("[looker for looker in rows]"), code("def f():\n    looker = 1")], 'looker = ""'),
        ([code('looker = "select 1"'), code("df = con.sql(looker).df()")], 'looker = "select 1"'),
    ],
)
def test_the_cell_that_sets_looker_is_the_parameters_cell(path: Path, cells: list[Cell], parameters: str) -> None:
    """The tagged cell if it sets the parameter, else the cell that sets it to a fixed text."""
    assert [parameters] == tagged(write_notebook(path, *cells))


@pytest.mark.parametrize(
    "cells",
    [
        [code("x = 1")],
        [code("x = 1", "parameters")],
        [markdown('looker = ""')],
        [code('looker == ""'), code('my_looker = ""'), code('def f():\n    looker = ""')],
        [],
    ],
)
def test_a_notebook_without_the_parameter_is_refused(path: Path, cells: list[Cell]) -> None:
    with pytest.raises(Refused, match="has no parameter named looker"):
        prepare(write_notebook(path, *cells))


def test_the_owner_reads_which_cell_to_add(path: Path) -> None:
    with pytest.raises(Refused) as raised:
        prepare(write_notebook(path, code("x = 1")))
    todo = 'Add a code cell `looker = ""` with the tag "parameters" above the first cell that uses it.'
    assert (f"The notebook {path} has no parameter named looker.", todo) == (raised.value.what, raised.value.todo)


@pytest.mark.parametrize(
    "cells",
    [
        [code('looker = ""', "parameters"), code('looker = "select 1"')],
        [code('looker = ""'), code('looker = ""')],
        [code('looker = ""', "parameters"), code('looker = ""', "parameters")],
    ],
)
def test_a_parameter_set_twice_is_refused(path: Path, cells: list[Cell]) -> None:
    """The later text would overwrite the SQL, and the amount would be that of another SQL."""
    with pytest.raises(Refused, match="in more than one cell"):
        prepare(write_notebook(path, *cells))


@pytest.mark.parametrize(
    "source",
    [
        'looker = """SELECT 1""".strip()',
        'looker = f"""SELECT 1"""',
        'looker = "SELECT 1" + " "',
        'looker, region = "SELECT 1", "us"',
        '[looker] = ["SELECT 1"]',
        '*looker, rest = "SELECT 1", 2',
        'looker = dedent("""SELECT 1""")',
        '%%time\nlooker = """SELECT 1"""',
        '%%capture out\n%time looker = """SELECT 1"""',
        '%time looker = "SELECT 1"',
        "looker = %sql SELECT 1",
        "looker = !cat saved.sql",
        '(looker := "SELECT 1")',
        'if not looker:\n    looker = "SELECT 1"',
        'try:\n    looker = "SELECT 1"\nfinally:\n    pass',
        "for looker in queries:\n    pass",
        "with open('q.sql') as looker:\n    pass",
        "import queries as looker",
        "from queries import looker",
        "def looker():\n    pass",
        "class looker:\n    pass",
        'def f():\n    global looker\n    looker = "SELECT 1"\nf()',
        'globals()["looker"] = "SELECT 1"',
        'get_ipython().user_ns["looker"] = "SELECT 1"',
        "match query:\n    case looker:\n        pass",
        "del looker",
        "looker = query",
        "class Query:\n    global looker\n    looker = 'SELECT 1'",
        "class Query:\n    def ask(self):\n        global looker\n        looker = 'SELECT 1'",
        "def f():\n    def g():\n        global looker\n        looker = 'SELECT 1'",
        "exec('looker = \"SELECT 1\"')",
        "eval('(looker := \"SELECT 1\")')",
        "get_ipython().run_cell('looker = \"SELECT 1\"')",
        "get_ipython().ex('looker = \"SELECT 1\"')",
        "get_ipython().push({'looker': 'SELECT 1'})",
        "get_ipython().push(dict(looker='SELECT 1'))",
        "get_ipython().user_ns.update(looker='SELECT 1')",
        "globals().update({'looker': 'SELECT 1'})",
        "globals().__setitem__('looker', 'SELECT 1')",
        "globals().pop('looker')",
        "import __main__\n__main__.looker = 'SELECT 1'",
        "import sys\nsetattr(sys.modules['__main__'], 'looker', 'SELECT 1')",
        "%timeit -n1 -r 1 looker = 'SELECT 1'",
        "%%timeit -n 1 looker = 'SELECT 1'\nlen('')",
        "%%timeit\nlooker = 'SELECT 1'",
        "%%capture looker\nprint('SELECT 1')",
        "%%capture --no-stderr looker\nprint('SELECT 1')",
        "%%bash --out looker\ncat saved.sql",
        "%xdel looker",
        "def f(sql=(looker := 'SELECT 1')):\n    pass",
        "def f(*, sql=(looker := 'SELECT 1')) -> None:\n    pass",
        "@read(looker := 'SELECT 1')\ndef f():\n    pass",
        "@read(looker := 'SELECT 1')\nclass Query:\n    pass",
        "class Query(Base, sql=(looker := 'SELECT 1')):\n    pass",
        "f = lambda sql=(looker := 'SELECT 1'): sql",
    ],
)
def test_a_cell_that_replaces_the_sql_is_refused_however_spelt(path: Path, source: str) -> None:
    """Above the parameters cell and below it."""
    assert replaces_sql(path, code(source))
    assert replaces_sql(path, code(source), above=True)


@pytest.mark.parametrize(
    "cells",
    [
        ['looker = "SELECT 1"\ndf = con.execute(looker).df()'],
        ['looker = ""\nquery = looker.strip()'],
        ['sql = looker = "SELECT 1"'],
        ['looker = "SELECT 1"\nrun = lambda sql=looker: con.sql(sql)'],
        ['looker = "SELECT 1"\nrun = lambda *, sql=looker.strip(): con.sql(sql)'],
        ['looker = "SELECT 1"\ndef run(sql=looker):\n    return con.sql(sql)'],
        ['looker = "SELECT 1"\ndf = (lambda: con.sql(looker))()'],
        ['looker = "SELECT 1"\nparts = list(map(lambda day: con.sql(looker, day), days))'],
        ['looker = "SELECT 1"\nparts = [run() for run in [lambda: con.sql(looker)]]'],
        ['looker = "SELECT 1"\nimport __main__\nsql = __main__.looker'],
        ['looker = "SELECT 1"\nimport sys\nsql = sys.modules["__main__"].looker'],
        ['looker = "SELECT 1"\nimport sys\nsql = getattr(sys.modules["__main__"], "looker")'],
        ['looker = "SELECT 1"\nsql = __import__("__main__").looker'],
        ['looker = "SELECT 1"\nfrom __main__ import looker as sql'],
        ['looker = "SELECT 1"\nsql = get_ipython().ev("looker")'],
        ['looker = "SELECT 1"\nget_ipython().run_cell("sql = looker")'],
        ['looker = ""\ndf = con.sql(looker := "SELECT 1")'],
        ['looker = ""\nif (looker := query):\n    pass'],
        ['looker = "SELECT 1"\n%sql $looker'],
        ['looker = "SELECT 1"\ndf = %sql {{looker}}'],
        ['looker = "SELECT 1"\nprint(f"{looker}")'],
        ['looker = "SELECT 1"\ndf = eval("con.sql(looker)")'],
        ['looker = "SELECT 1"\ndf = con.sql(globals()["looker"])'],
        ['looker = "SELECT 1"\ndf = con.sql(globals().get("looker"))'],
        ["def run():\n    return con.sql(looker)", 'looker = "SELECT 1"\ndf = run()'],
        ["def a():\n    return looker\ndef b():\n    return a()", 'looker = "SELECT 1"\ndf = b()'],
        ["run = lambda: con.sql(looker)", 'looker = "SELECT 1"\ndf = run()'],
        ["df = con.sql(looker)", 'looker = "SELECT 1"'],
        ["%%sql\n{{looker}}", 'looker = "SELECT 1"'],
        ['if True:\n    looker = "SELECT 1"\n    df = con.sql(looker)\nlooker = ""'],
        ['looker = "SELECT 1"\nnames = dict(globals())'],
        ['looker = "SELECT 1"\nnames = vars()'],
        ['looker = "SELECT 1"\nquery = globals()[name]'],
        ['looker = "SELECT 1"\nnames = get_ipython().user_ns.copy()'],
        ['looker = "SELECT 1"\nquery = eval(name)'],
    ],
)
def test_a_cell_that_uses_the_saved_sql_is_refused(path: Path, cells: list[str]) -> None:
    """It would compute with the SQL that is saved in the notebook, before the request's SQL is there."""
    with pytest.raises(Refused, match="uses looker before it holds the SQL of the request"):
        prepare(write_notebook(path, *map(code, cells)))


REPLACING = ("looker = {}", "looker, x = {}, 1", "globals()['looker'] = {}", "(looker := {})")
VALUES = ("SAVED", "'SELECT 1'", "f'SELECT {x}'", "open('q.sql').read()", "('SELECT 1').strip()")


@pytest.mark.parametrize(
    "around",
    [
        "{}", "if x:\n    {}", "for x in y:\n    {}", "while x:\n    {}", "with x:\n    {}",
        "try:\n    {}\nexcept E: pass", "try:\n    x\nexcept E:\n    {}", "if x:\n    y\nelse:\n    {}",
        "match x:\n    case 1:\n        {}", "def f():\n    global looker\n    {}\nf()", "%%time\n{}",
        "%matplotlib inline\n{}", "!ls\n{}", "import os; {}",
    ],
)  # fmt: skip
def test_sql_is_not_replaced_wherever_a_cell_does_it(path: Path, around: str) -> None:
    sources = [around.format(body.format(value)) for body, value in product(REPLACING, VALUES)]
    assert [] == [source for source in sources if not replaces_sql(path, code(source), code("con.sql(looker)"))]


QUERY = '"SELECT day FROM traffic"'


@pytest.mark.parametrize(
    "cells",
    [
        ['looker = ""', f"sql = {QUERY}\ndf = con.sql(sql)"],
        [f"sql = {QUERY}\nlooker = ''", "con.sql(sql)"],
        [f"looker, sql = {QUERY}, {QUERY}", "con.sql(sql)"],
        [f"looker = (sql := {QUERY})", "con.sql(sql)"],
        ['looker = ""', f"def ask():\n    looker = {QUERY}\n    return con.sql(looker)", "ask()"],
        ['looker = ""', f"def ask(looker={QUERY}):\n    return con.sql(looker)", "ask()"],
        ['looker = ""', f"[con.sql(looker) for looker in [{QUERY}]]"],
        ['looker = ""', f"(lambda looker: con.sql(looker))({QUERY})"],
        ['looker = ""', f"class Query:\n    looker = {QUERY}\ncon.sql(Query.looker)"],
        ['looker = ""', "looker = looker.strip()", f"con.sql({QUERY})"],
        ['looker = ""', "%%sql\nSELECT day\nFROM traffic"],
        ['looker = ""', f"# not looker\ncon.sql({QUERY})"],
    ],
)
def test_a_notebook_that_runs_other_sql_only_is_refused(path: Path, cells: list[str]) -> None:
    """Every request would get the same credit."""
    first, *others = cells
    with pytest.raises(Refused, match="has SQL of its own and never uses looker"):
        prepare(write_notebook(path, code(first, "parameters"), *map(code, others)))


@pytest.mark.parametrize(
    "source",
    [
        f"con.sql(looker)\nrates = con.sql({QUERY})",
        f"rates = con.sql({QUERY})\ndef ask():\n    return con.sql(looker)",
        "con.sql(f'SELECT * FROM ({looker})')",
        "con.sql('SELECT * FROM ({looker})'.format(**globals()))",
        "con.sql(template.render('SELECT * FROM ({{ looker }})'))",
        "%%sql\nSELECT * FROM ({{looker}})",
        f"%sql $looker\nx = {QUERY}",
        f"%run -i report.py {QUERY}",
        f"import __main__, report\nreport.make(__main__, {QUERY})",
        f"exec(open('report.py').read())\nx = {QUERY}",
        f"nonlocal x\nx = {QUERY}",
    ],
)
def test_a_notebook_may_have_sql_beside_that_of_the_request(path: Path, source: str) -> None:
    """In doubt it uses both."""
    assert ['looker = ""'] == tagged(write_notebook(path, code('looker = ""'), code(source)))


@pytest.fixture
def executed_before(path: Path) -> Path:
    """A notebook whose file has cells that papermill added."""
    cells = [
        markdown("An Exception was encountered"),
        code('looker = ""', "parameters"),
        code('looker = "select 1"', "injected-parameters"),
        code("looker"),
    ]
    cells[0]["metadata"]["tags"] = ["papermill-error-cell-tag"]
    return write_notebook(path, *cells)


def test_cells_that_papermill_added_are_left_out(executed_before: Path) -> None:
    assert ['looker = ""', "looker"] == [cell.source for cell in prepare(executed_before).notebook.cells]


def test_cells_keep_their_numbers_in_the_file(executed_before: Path) -> None:
    assert (2, 4) == prepare(executed_before).numbers


def test_the_hash_is_that_of_the_file(path: Path) -> None:
    write_notebook(path, code('looker = ""'))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == prepare(path).sha256


@pytest.mark.parametrize(("file", "text"), [("helper.py", "RATE = 2"), ("tables.py", "RATES = []"), ("n.ipynb", "")])
def test_a_change_of_what_a_notebook_imports_is_another_notebook(path: Path, file: str, text: str) -> None:
    """What was approved, or computed before, was computed with other code."""
    write_notebook(path, code('looker = ""'), code("import helper"))
    path.with_name("helper.py").write_text("import tables")
    path.with_name("tables.py").write_text("")
    before = prepare(path).sha256
    with path.with_name(file).open("a") as changed:
        changed.write(f"\n{text}")
    assert before != prepare(path).sha256


def test_the_parameters_of_a_notebook_are_the_names_in_its_parameters_cell(path: Path) -> None:
    cells = [code('looker: str = ""\nCREDIT_FROM: str = ""\n', "parameters"), code('CREDIT_TO = ""')]
    assert {"looker", "CREDIT_FROM"} == prepare(write_notebook(path, *cells)).parameters


def test_files_that_a_notebook_does_not_import_are_no_part_of_it(path: Path) -> None:
    write_notebook(path, code('looker = ""'), code("import json"))
    before = prepare(path).sha256
    path.with_name("helper.py").write_text("")
    assert before == prepare(path).sha256


def test_the_hash_of_a_notebook_with_its_files_can_be_made_by_hand(path: Path) -> None:
    """Anybody can check the hash on a page with a command that most systems have."""
    write_notebook(path, code('looker = ""'), code("import rates, helper"))
    path.with_name("helper.py").write_text("RATE = 2")
    path.with_name("rates.py").write_text("RATES = []")
    command = "sha256sum n.ipynb helper.py rates.py | sha256sum"
    printed = subprocess.run(command, shell=True, cwd=path.parent, capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == prepare(path).sha256


def test_a_folded_cell_stays_folded_in_the_copy(path: Path) -> None:
    """So that the executed notebook, where it is kept, reads like a report, too."""
    folded = {**code("x = looker"), "metadata": {"jupyter": {"source_hidden": True, "outputs_hidden": True}}}
    write_notebook(path, code('looker = ""'), folded)
    assert [{}, {"source_hidden": True}] == [cell.metadata.get("jupyter", {}) for cell in prepare(path).notebook.cells]


@pytest.mark.parametrize("minor", [0, 4, 5])
def test_every_format_4_is_read(path: Path, minor: int) -> None:
    """Cells may lack the ids that format 4.5 asks for."""
    assert ['looker = ""'] == tagged(write_notebook(path, code('looker = ""'), minor=minor))


TOLERATED: list[dict[str, Any]] = [
    {"attachments": {}},
    {"metadata": {"tags": ["parameters", "parameters"]}},
    {"metadata": {"tags": "parameters"}},
    {"metadata": {"tags": None}},
    {"metadata": {"collapsed": "true", "scrolled": 1, "name": ""}},
    {"metadata": None},
    {"source": ['looker = "', '"']},
    {"outputs": None},
    {"outputs": [{"output_type": "display_data", "data": {}, "metadata": {}, "transient": {}}]},
    {"outputs": [{"output_type": "stream", "text": "no name"}]},
    {"execution_count": "3"},
    {"id": "with blanks and ümlauts"},
    {"id": None},
    {"prompt_number": 1, "language": "python", "collapsed": False},
    {"metadata": {"papermill": None, "vscode": "python", "colab": []}},
]


@pytest.mark.parametrize("fields", TOLERATED, ids=str)
def test_what_papermill_runs_is_run_whatever_a_cell_has(path: Path, fields: dict[str, Any]) -> None:
    assert ['looker = ""'] == tagged(write_notebook(path, {**code('looker = ""'), **fields}))


@pytest.mark.parametrize("field", ["metadata", "outputs", "execution_count"])
def test_a_cell_may_lack_what_a_run_does_not_need(path: Path, field: str) -> None:
    cell = code('looker = ""')
    del cell[field]
    assert ['looker = ""'] == tagged(write_notebook(path, cell))


@pytest.mark.parametrize(
    "fields", [{"outputs": [], "execution_count": None}, {"attachments": None}, {"metadata": {"tags": 5}}], ids=str
)
def test_a_text_cell_may_have_fields_of_a_code_cell(path: Path, fields: dict[str, Any]) -> None:
    assert ['looker = ""'] == tagged(write_notebook(path, {**markdown("text"), **fields}, code('looker = ""')))


@pytest.mark.parametrize("kind", ["heading", "sql"])
def test_a_cell_of_a_kind_that_nobody_runs_is_left_as_it_is(path: Path, kind: str) -> None:
    """Of an old format, or of an extension."""
    cell = {"cell_type": kind, "level": 1, "metadata": {}, "source": "looker = 'SELECT 1'"}
    assert ['looker = ""'] == tagged(write_notebook(path, cell, code('looker = ""')))


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "python3"}},
        {"kernelspec": {"name": "python3", "display_name": None, "env": {}}},
        {"kernelspec": {"display_name": "Python 3"}},
        {"kernelspec": None},
        {"language_info": None},
        {"language_info": {"version": "3.11"}},
        {"language_info": {"name": "python", "codemirror_mode": 3}},
        {"authors": "me", "title": 5, "orig_nbformat": "2"},
        {"papermill": None},
        {"kernelspec": {"name": "python3", "language": "python3"}},
        {"language_info": {"name": "IPython"}},
    ],
    ids=str,
)
def test_a_notebook_may_say_little_of_its_kernel(path: Path, metadata: dict[str, Any]) -> None:
    assert ['looker = ""'] == tagged(write_notebook(path, code('looker = ""'), **metadata))


@pytest.mark.parametrize("minor", [6, 99, "5", None])
def test_a_minor_format_that_nobody_knows_is_read(path: Path, minor: Any) -> None:
    assert ['looker = ""'] == tagged(write_notebook(path, code('looker = ""'), minor=minor))


def test_a_byte_order_mark_is_no_matter(path: Path) -> None:
    write_notebook(path, code('looker = ""'))
    path.write_bytes("\ufeff".encode() + path.read_bytes())
    assert ['looker = ""'] == tagged(path)


def test_a_field_of_the_notebook_that_nobody_knows_is_left_out(path: Path) -> None:
    document = {**json.loads(write_notebook(path, code('looker = ""')).read_text()), "signature": "x"}
    path.write_text(json.dumps(document))
    assert ['looker = ""'] == tagged(path)


def test_format_3_is_read(path: Path) -> None:
    old = {"cell_type": "code", "input": 'looker = ""', "outputs": [], "language": "python", "metadata": {}}
    sheet = {"cells": [old], "metadata": {}}
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}))
    assert ['looker = ""'] == tagged(path)


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", "{}", '{"nbformat": 4, "nbformat_minor": 4, "cells": [{}]}', "\xff\xfe"],
)
def test_a_file_that_is_not_a_notebook_is_refused(path: Path, text: str) -> None:
    """The sentence is on one line, whatever is in the file."""
    path.write_text(text, encoding="latin-1")
    with pytest.raises(Refused) as raised:
        prepare(path)
    assert re.fullmatch(rf"The notebook {path} is not a valid notebook: .*\.", raised.value.what)


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not exist"):
        prepare(tmp_path / "nowhere.ipynb")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read: Is a directory"):
        prepare(tmp_path)


def kernelspec(folder: Path, name: str, spec: dict[str, object]) -> None:
    """Installs a kernel."""
    path = folder / "kernels" / name / "kernel.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"display_name": name, "language": "python", **spec}))


@pytest.mark.parametrize("metadata", [{}, {"language_info": {"name": "python"}}], ids=["python3", "no kernel"])
def test_a_notebook_for_python_runs_on_a_forked_kernel(path: Path, metadata: dict[str, Any]) -> None:
    prepared = prepare(write_notebook(path, code('looker = ""'), **metadata))
    assert ((), ()) == (prepared.command, prepared.notes)


def test_a_kernel_that_is_not_installed_is_replaced(path: Path) -> None:
    """A Python notebook from another machine runs on creditbot's own Python, and a note says so."""
    write_notebook(path, code('looker = ""'), kernelspec={**PYTHON, "name": "conda-base-py"})
    prepared = prepare(path)
    assert () == prepared.command
    assert (
        "Its kernel conda-base-py is not installed here. The notebook runs on creditbot's own Python instead.",
    ) == prepared.notes


def test_an_installed_kernel_is_used(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started with the arguments and variables of its kernel.json."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    argv = ["/opt/py/bin/python", "-m", "ipykernel_launcher", "{resource_dir}/x", "-f", "{connection_file}"]
    kernelspec(tmp_path, "other", {"argv": argv, "env": {"A": "b"}})
    write_notebook(path, code('looker = ""'), kernelspec={**PYTHON, "name": "other"})
    prepared = prepare(path)
    folder = tmp_path / "kernels" / "other"
    assert ("env", "A=b", argv[0], *argv[1:3], f"{folder}/x", *argv[4:]) == prepared.command
    assert ("The notebook runs on the installed kernel other.",) == prepared.notes


def test_another_language_is_refused(path: Path) -> None:
    write_notebook(path, code('looker = ""'), kernelspec={"name": "ir", "display_name": "R", "language": "R"})
    with pytest.raises(Refused, match="is written in R"):
        prepare(path)
