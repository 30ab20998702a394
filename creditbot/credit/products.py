"""Decides which product a link is about, by an ordered table of names, rules on the SQL, and notebooks.

What the SQL asks for comes from `creditbot.credit.sql.reading`; the product's notebook is what
`creditbot.credit.compute` runs. Pure, except that `load_products` reads a file.

The default table:

    verify  the SQL asks for "Authy"  NOTEBOOK_PATH
    psms    the SQL asks for "sms"    PSMS_NOTEBOOK_PATH

SQL asks for a text that stands, in any case, in a condition that every row fulfils: `item LIKE 'Authy%'` does, a label
or `item NOT LIKE '%Authy%'` does not. Where no condition asks for a product, the names of its tables may. SQL that asks
for several products, or for none, fails its message.

PRODUCTS_FILE replaces the table:

    unmatched = "skip"                     # or "fail", the default: what to do with SQL that fits no row

    [[product]]
    name = "verify"
    contains = ["Authy"]                   # fits when the SQL asks for one of these
    notebook = "verify_credit.ipynb"       # beside this file, or a full path; left out: the product is off

    [[product]]
    name = "psms"
    contains = ["sms", "programmable messaging"]
    excludes = ["WhatsApp"]                # and for none of these
    case_sensitive = false                 # the default
    history_days = 14                      # its SQL begins so many days before those to credit; 0 by default
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails

from creditbot.credit.sql.reading import ProductTexts
from creditbot.errors import NoProduct, SettingsError
from creditbot.model import Product
from creditbot.settings.toml_file import place_in, read_toml


@dataclass(frozen=True, slots=True)
class ProductRule:
    """One row of the table.

    Attributes:
        product: its name and notebook; without a notebook it is off.
        contains: the SQL must ask for at least one of these.
        excludes: the SQL must ask for none of these.
        case_sensitive: whether capitals matter.
    """

    product: Product
    contains: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    case_sensitive: bool = False

    @property
    def texts(self) -> ProductTexts:
        """What to look for in the SQL."""
        return ProductTexts(self.product.name, self.contains, self.excludes, self.case_sensitive)


@dataclass(frozen=True, slots=True)
class ProductTable:
    """The products in the order in which they are tried.

    Attributes:
        rules: the rows.
        skip_unmatched: whether SQL that no row fits is skipped; otherwise it fails its message.
    """

    rules: tuple[ProductRule, ...]
    skip_unmatched: bool = False

    @property
    def products(self) -> tuple[Product, ...]:
        """Every product, including those that are off."""
        return tuple(rule.product for rule in self.rules)

    @property
    def texts(self) -> tuple[ProductTexts, ...]:
        """What to look for in the SQL, product by product."""
        return tuple(rule.texts for rule in self.rules)

    def only(self, names: Collection[str] | None) -> ProductTable:
        """The table with every product off but these; None leaves it as it is."""
        if names is None:
            return self
        off = (replace(rule, product=replace(rule.product, notebook=None)) for rule in self.rules)
        rules = zip(self.rules, off, strict=True)
        return replace(self, rules=tuple(rule if rule.product.name in names else other for rule, other in rules))

    def pick(self, asked_for: Sequence[str]) -> Product:
        """The product of SQL that asks for these products. If that product is off, its link is skipped.

        Raises `NoProduct` for several products or none. If the table skips SQL of no product, returns `SKIPPED` for it.
        """
        names = ", ".join(product.name for product in self.products)
        if len(asked_for) > 1:
            raise NoProduct(
                f"The SQL asks for several products ({', '.join(asked_for)}).",
                "Post a link for each of them, filtered on the product.",
            )
        if asked_for:
            return next(product for product in self.products if product.name == asked_for[0])
        if self.skip_unmatched:
            return SKIPPED
        raise NoProduct(
            f"The SQL fits no product ({names}).",
            "Filter on the product in Looker; or answer by hand, or add a product to PRODUCTS_FILE.",
        )


SKIPPED = Product("", None)
"""For SQL that fits no row of the table, if PRODUCTS_FILE says `unmatched = "skip"`."""


def default_products(verify_notebook: str | None, psms_notebook: str | None) -> ProductTable:
    """The built-in table. Links of PSMS are skipped while PSMS is off."""
    return ProductTable(
        (
            ProductRule(Product("verify", verify_notebook or None), ("Authy",)),
            ProductRule(Product("psms", psms_notebook or None), ("sms",)),
        )
    )


def load_products(path: Path) -> ProductTable:
    """The table of PRODUCTS_FILE. Raises a `SettingsError` that names the file, the row and the key."""
    table = read_toml("PRODUCTS_FILE", path, _Table.model_validate, _problem)
    names = [row.name for row in table.product]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"PRODUCTS_FILE {path} has two products named {name!r}.", "Give each its own name.")
    return ProductTable(tuple(row.rule(path.parent) for row in table.product), table.unmatched == "skip")


Text = Annotated[str, Field(min_length=1)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Text
    contains: list[Text] = Field(min_length=1)
    excludes: list[Text] = []
    case_sensitive: bool = False
    notebook: Text | None = None
    history_days: int = Field(default=0, ge=0, le=366)

    def rule(self, folder: Path) -> ProductRule:
        notebook = str(folder / self.notebook) if self.notebook else None
        product = Product(self.name, notebook, self.history_days)
        return ProductRule(product, tuple(self.contains), tuple(self.excludes), self.case_sensitive)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    unmatched: Literal["skip", "fail"] = "fail"
    product: list[_Row] = Field(min_length=1)


def _problem(problem: ErrorDetails) -> str:
    """Such as "product, number 2, contains: Field required"."""
    return f"{', '.join(place_in(problem))}: {problem['msg']}"
