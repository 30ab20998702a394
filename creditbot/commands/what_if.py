"""What `creditbot replay` changes on purpose: other notebooks, the old notebooks, values of the policy cell.

The options come in as they were typed; the table of products to replay with goes out, and what the runner sets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from creditbot.credit.products import ProductTable
from creditbot.errors import SettingsError
from creditbot.insight.computed import Computed
from creditbot.ports import Notebooks

_VALUE = re.compile(r"(?:(?P<product>[^:=]+):)?(?P<name>[^\W\d]\w*(?:\.[^=]+)?)=(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """How a replay differs from a tick.

    Attributes:
        products: which notebook runs on which SQL.
        values: product -> what is set in the policy cell of its notebook.
    """

    products: ProductTable
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def by_notebook(self) -> dict[Path, Mapping[str, str]]:
        """Notebook -> what is set in its policy cell."""
        notebooks = {product.name: product.notebook for product in self.products.products}
        return {Path(notebooks[name] or ""): values for name, values in self.values.items()}


def what_if(products: ProductTable, notebooks: Sequence[str], values: Sequence[str]) -> WhatIf:
    """What the options ask for. Raises `SettingsError` for one that cannot be understood.

    Args:
        products: of the settings.
        notebooks: FILE or PRODUCT=FILE, each as it was typed.
        values: NAME=VALUE or PRODUCT:NAME=VALUE.
    """
    for typed in notebooks:
        products = _with_notebook(products, typed)
    found: dict[str, dict[str, str]] = {}
    for typed in values:
        for name, value in _values_by_product(products, typed).items():
            found.setdefault(name, {}).update(value)
    return WhatIf(products, found)


def _with_notebook(products: ProductTable, typed: str) -> ProductTable:
    names = [product.name for product in products.products]
    before, _, after = typed.partition("=")
    path = Path(after if before in names else typed)
    if not path.is_file():
        raise SettingsError(f"The notebook {path} does not exist.", "Pass --with-notebook FILE or PRODUCT=FILE.")
    return _replaced(products, before if before in names else _product_of(products, path), path)


def _product_of(products: ProductTable, path: Path) -> str:
    """The product whose notebook a file is another version of: by its name, or because only one product is on."""
    on = [product for product in products.products if product.notebook]
    named = [product for product in on if Path(product.notebook or "").name == path.name]
    for candidates in (named, on):
        if len(candidates) == 1:
            return candidates[0].name
    names = ", ".join(product.name for product in products.products)
    raise SettingsError(f"It is not clear which product {path} is for ({names}).", "Write PRODUCT=FILE.")


def _replaced(products: ProductTable, name: str, path: Path) -> ProductTable:
    rules = (
        replace(rule, product=replace(rule.product, notebook=str(path))) if rule.product.name == name else rule
        for rule in products.rules
    )
    return replace(products, rules=tuple(rules))


def _values_by_product(products: ProductTable, typed: str) -> dict[str, dict[str, str]]:
    match = _VALUE.fullmatch(typed)
    if match is None:
        raise SettingsError(f"{typed!r} sets nothing.", "Pass --set NAME=VALUE, such as --set TARGETS.basic=0.85.")
    on = [product.name for product in products.products if product.notebook]
    if match["product"] and match["product"] not in on:
        raise SettingsError(f"There is no product {match['product']!r} that is on.", f"Choose from {', '.join(on)}.")
    chosen = [match["product"]] if match["product"] else on
    return {name: {match["name"]: match["value"]} for name in chosen}


class NotebookNotKept(Exception):
    """Why a request cannot be computed with the old notebooks, one sentence or two."""


def products_of_then(then: Computed, products: ProductTable, notebooks: Notebooks, folder: Path) -> ProductTable:
    """The table with the notebooks that ran then, which are written into a folder. Raises `NotebookNotKept`.

    Args:
        then: the computation whose notebooks they are.
        products: of the settings; a product whose notebook did not run keeps its own.
        notebooks: keeps the versions.
        folder: where their files are written.
    """
    ran = {link.product: link for link in then.links if link.notebook_sha256}
    for name, link in ran.items():
        sha = link.notebook_sha256
        if any(other.product == name and other.notebook_sha256 not in ("", sha) for other in then.links):
            raise NotebookNotKept(f"Its links of {name} were computed with several versions of the notebook.")
        products = _replaced(products, name, _written(sha, PurePosixPath(link.notebook).name, notebooks, folder))
    return products


def _written(sha: str, name: str, notebooks: Notebooks, folder: Path) -> Path:
    """The notebook's file, with what belongs to it beside."""
    home = folder / sha
    if not home.is_dir():
        files = notebooks.load(sha)
        if files is None:
            todo = "An earlier version of creditbot kept none, or it was changed or removed since."
            raise NotebookNotKept(f"The version {sha[:12]} of the notebook {name} is not stored. {todo}")
        for file, content in files.items():
            (home / file).parent.mkdir(parents=True, exist_ok=True)
            (home / file).write_bytes(content)
    return next(path for path in sorted(home.glob("*.ipynb")))
