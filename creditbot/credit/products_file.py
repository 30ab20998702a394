"""Reads PRODUCTS_FILE, a TOML file with the table of products in place of the built-in one.

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

What comes out is a `ProductTable`, from which `bootstrap` makes the bot.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails

from creditbot.credit.products import ProductRule, ProductTable
from creditbot.errors import SettingsError
from creditbot.model import Product
from creditbot.settings.toml_file import place_in, read_toml


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
