"""Values that are set in the policy cell of a notebook, and the options of `creditbot replay` that ask for them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.commands.what_if import NotebookNotKept, products_of_then, what_if
from creditbot.credit.products import ProductTable, default_products
from creditbot.errors import SettingsError
from creditbot.insight.computed import Computed, ComputedLink
from creditbot.notebook_host.preparation import prepare
from creditbot.notebook_host.what_if import CannotSet, with_values
from tests.support.world import World
from tests.support.world_stores import MemoryNotebooks

CELL = """from decimal import Decimal

TARGETS = {  # Zürich
    "basic": Decimal("0.80"),  # inferred
    "max": Decimal("0.95"), 3: True,
}
FLOOR: int = 20
SHARE = 0.2
NAME = "basic"
ON = True
LOSS = -5
COLUMNS = ["day", "prefix"]
COMPUTED = FLOOR * 2
"""


def value_of(name: str, **values: str) -> object:
    """What the cell assigns after values were set."""
    (source,) = with_values([CELL], {key.replace("__", "."): text for key, text in values.items()})
    names: dict[str, object] = {}
    exec(source, names)
    return names[name]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("FLOOR", "30", 30),
        ("FLOOR", "-1", -1),
        ("LOSS", "7", 7),
        ("SHARE", "0.25", 0.25),
        ("SHARE", "1", 1),
        ("NAME", "it's", "it's"),
        ("NAME", 'a "quoted" \\ word', 'a "quoted" \\ word'),
        ("ON", "false", False),
        ("COLUMNS", "['day']", ["day"]),
    ],
)
def test_a_value_is_set_in_its_own_kind(name: str, text: str, expected: object) -> None:
    assert expected == value_of(name, **{name: text})


def test_a_value_of_a_dict_is_set_by_its_key() -> None:
    """The others stay, and so do comments and what is not ASCII."""
    targets = {"basic": Decimal("0.85"), "max": Decimal("0.95"), 3: True}
    assert targets == value_of("TARGETS", TARGETS__basic="0.85")
    assert {**targets, "basic": Decimal("0.80"), 3: False} == value_of("TARGETS", TARGETS__3="false")
    (source,) = with_values([CELL], {"TARGETS.basic": "0.85"})
    assert CELL.replace("0.80", "0.85") == source


def test_several_values_are_set_together() -> None:
    (source,) = with_values([CELL], {"FLOOR": "1000", "TARGETS.max": "0.5", "TARGETS.basic": "0.123456"})
    assert CELL.replace("20\n", "1000\n").replace("0.95", "0.5").replace("0.80", "0.123456") == source


@given(st.decimals(-1000, 1000, places=4))
def test_any_number_comes_out_as_it_was_typed(number: Decimal) -> None:
    assert number == value_of("TARGETS", TARGETS__basic=f"{number:f}")["basic"]  # type: ignore[index]


def test_a_name_is_set_where_it_is_assigned_last() -> None:
    assert ["A = 1", "A = 3"] == with_values(["A = 1", "A = 2"], {"A": "3"})
    assert ["A = 1\nA = 3"] == with_values(["A = 1\nA = 2"], {"A": "3"})


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("TARGET", "1", "has no TARGET in its policy cell, which has TARGETS, FLOOR, SHARE"),
        ("TARGETS.standard", "1", "its keys are basic, max, 3"),
        ("FLOOR.basic", "1", "FLOOR is not a dict"),
        ("FLOOR", "1.5", "wants a whole number for FLOOR, and '1.5' is not one"),
        ("SHARE", "much", "wants a number for SHARE"),
        ("SHARE", "NaN", "wants a number for SHARE"),
        ("TARGETS.basic", "__import__('os')", "wants a number for TARGETS.basic"),
        ("ON", "maybe", "wants true or false for ON"),
        ("COLUMNS", "open('x')", "wants a list for COLUMNS"),
        ("COMPUTED", "1", "computes COMPUTED in its policy cell"),
        ("TARGETS", "{}", "computes TARGETS in its policy cell"),
    ],
)
def test_a_value_that_cannot_be_set_is_refused_with_the_reason(name: str, text: str, problem: str) -> None:
    with pytest.raises(CannotSet, match=r"has|wants|computes") as caught:
        with_values([CELL], {name: text})
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("sources", "problem"), [([], "has no cell with the tag policy"), (["%magic\nA = 1"], "is not plain Python")]
)
def test_a_notebook_without_a_policy_to_set_is_refused(sources: list[str], problem: str) -> None:
    with pytest.raises(CannotSet, match=problem):
        with_values(sources, {"A": "1"})


# --- in the copy that is run -----------------------------------------------------------------------------------------


def a_notebook(path: Path, policy: str = CELL) -> Path:
    cells = [nbformat.v4.new_code_cell('looker = ""'), nbformat.v4.new_code_cell(policy)]  # type: ignore[no-untyped-call]
    cells[1].metadata["tags"] = ["policy"]
    notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    path.write_text(nbformat.writes(notebook))  # type: ignore[no-untyped-call]
    return path


def test_the_copy_that_is_run_has_the_value_and_the_hash_stays(tmp_path: Path) -> None:
    """The hash is that of the file: what was set is not another notebook."""
    path = a_notebook(tmp_path / "a.ipynb")
    plain, changed = prepare(path), prepare(path, {"TARGETS.basic": "0.85"})
    assert plain.sha256 == changed.sha256
    assert CELL.replace("0.80", "0.85") == changed.notebook.cells[1].source


def test_a_value_that_one_notebook_lacks_may_be_that_of_another_product(tmp_path: Path) -> None:
    path = a_notebook(tmp_path / "a.ipynb")
    with pytest.raises(SettingsError, match=r"has no TARGET in .* Write PRODUCT:NAME=VALUE"):
        prepare(path, {"TARGET": "1"})
    with pytest.raises(SettingsError, match=r"wants a whole number for FLOOR, and 'x' is not one\.$"):
        prepare(path, {"FLOOR": "x"})


# --- the options -----------------------------------------------------------------------------------------------------

BOTH = default_products("notebooks/verify.ipynb", "notebooks/psms.ipynb")


def notebooks_of(products: ProductTable) -> dict[str, str | None]:
    return {product.name: product.notebook for product in products.products}


def test_a_file_goes_to_the_product_that_is_named(tmp_path: Path) -> None:
    file = a_notebook(tmp_path / "new=1.ipynb")
    assert str(file) == notebooks_of(what_if(BOTH, [f"psms={file}"], []).products)["psms"]


def test_a_file_with_the_name_of_a_notebook_goes_to_its_product(tmp_path: Path) -> None:
    file = a_notebook(tmp_path / "verify.ipynb")
    expected = {"verify": str(file), "psms": "notebooks/psms.ipynb"}
    assert expected == notebooks_of(what_if(BOTH, [str(file)], []).products)


def test_a_file_goes_to_the_only_product_that_is_on(tmp_path: Path) -> None:
    file = a_notebook(tmp_path / "new.ipynb")
    only = default_products("notebooks/verify.ipynb", None)
    assert str(file) == notebooks_of(what_if(only, [str(file)], []).products)["verify"]


def test_a_file_that_may_be_for_several_products_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"not clear which product .* \(verify, psms\)"):
        what_if(BOTH, [str(a_notebook(tmp_path / "new.ipynb"))], [])


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        what_if(BOTH, [f"verify={tmp_path}/none.ipynb"], [])


def test_a_value_is_set_for_every_product_unless_one_is_named() -> None:
    change = what_if(BOTH, [], ["TARGETS.basic=0.85", "psms:FLOOR=1=2"])
    assert {"verify": {"TARGETS.basic": "0.85"}, "psms": {"TARGETS.basic": "0.85", "FLOOR": "1=2"}} == change.values
    assert {"TARGETS.basic": "0.85"} == change.by_notebook[Path("notebooks/verify.ipynb")]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [("FLOOR", "sets nothing"), ("=1", "sets nothing"), ("other:FLOOR=1", "There is no product 'other' that is on")],
)
def test_a_value_that_is_typed_wrongly_is_refused(typed: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        what_if(BOTH, [], [typed])


# --- the notebooks of then -------------------------------------------------------------------------------------------


def ran(*links: tuple[str, str]) -> Computed:
    """Links by product and hash."""
    return Computed(None, tuple(ComputedLink("", product=name, notebook="old/v.ipynb", notebook_sha256=sha)
                                for name, sha in links))  # fmt: skip


def test_the_notebook_of_then_is_written_out_and_used(tmp_path: Path) -> None:
    world = World(notebooks={"1" * 64: {"v.ipynb": b"{}", "method.py": b"x = 1"}})
    products_of_then(ran(("verify", "1" * 64)), BOTH, MemoryNotebooks(world), tmp_path)
    then = products_of_then(ran(("verify", "1" * 64)), BOTH, MemoryNotebooks(world), tmp_path)
    path = Path(notebooks_of(then)["verify"] or "")
    assert b"{}" == path.read_bytes()
    assert b"x = 1" == (path.parent / "method.py").read_bytes()
    assert "notebooks/psms.ipynb" == notebooks_of(then)["psms"]


def test_a_version_that_is_not_stored_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotebookNotKept, match=r"The version 111111111111 of the notebook v\.ipynb is not stored\."):
        products_of_then(ran(("verify", "1" * 64)), BOTH, MemoryNotebooks(World()), tmp_path)


def test_links_of_two_versions_of_a_notebook_are_not_computed(tmp_path: Path) -> None:
    """It was edited while they were."""
    with pytest.raises(NotebookNotKept, match="several versions"):
        products_of_then(ran(("verify", "1" * 64), ("verify", "2" * 64)), BOTH, MemoryNotebooks(World()), tmp_path)
