"""Which product a link is about: an ordered table of name, rule on the SQL, and notebook.

The SQL comes from Looker; the product's notebook is what `creditbot.credit.compute` runs. Pure, except that
`load_products` reads a file.

The default table:

    verify  the SQL asks for "Authy"  NOTEBOOK_PATH
    psms    the SQL asks for "sms"    PSMS_NOTEBOOK_PATH

SQL asks for a text that stands in a literal or in a name, in any case, and not only in comments or in negated
conditions: `item NOT LIKE '%Authy%'` does not ask for Authy. The first row that fits decides. Picking comes before the
check that the SQL may be run: a link that is skipped is never run, so its SQL may be anything.

PRODUCTS_FILE replaces the table:

    unmatched = "skip"                     # or "fail", the default: what becomes of SQL that no row fits

    [[product]]
    name = "verify"
    contains = ["Authy"]                   # fits when the SQL asks for one of these
    notebook = "verify_credit.ipynb"       # beside this file, or a full path; left out: the product is off

    [[product]]
    name = "psms"
    contains = ["sms", "programmable messaging"]
    excludes = ["WhatsApp"]                # and for none of these
    case_sensitive = false                 # the default
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from creditbot.credit.sql.words import MAX_SQL, words
from creditbot.errors import NoProduct, SettingsError
from creditbot.model import Product


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

    def fits(self, requested: Collection[str]) -> bool:
        """Whether SQL that asks for these texts is about this product."""
        texts = requested if self.case_sensitive else [text.casefold() for text in requested]
        return self._any(self.contains, texts) and not self._any(self.excludes, texts)

    def _any(self, wanted: Sequence[str], texts: Collection[str]) -> bool:
        parts = wanted if self.case_sensitive else [part.casefold() for part in wanted]
        return any(part in text for part in parts for text in texts)


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
        """Every product, those that are off too."""
        return tuple(rule.product for rule in self.rules)

    def pick(self, sql: str, dialect: str | None) -> Product | None:
        """The product whose notebook is to run on the SQL; None: the link is skipped.

        Skipped is the SQL of a product that is off and, where the table says so, SQL that no row fits; for other SQL
        that no row fits it raises `NoProduct`.
        """
        texts = _requested_texts(sql, dialect)
        product = next((rule.product for rule in self.rules if rule.fits(texts)), None)
        if product is None and not self.skip_unmatched:
            raise NoProduct(
                f"The SQL fits no product ({', '.join(p.name for p in self.products)}).",
                "Answer it by hand, or add a product to PRODUCTS_FILE.",
            )
        return product if product and product.notebook else None


def default_products(verify_notebook: str | None, psms_notebook: str | None) -> ProductTable:
    """The table built in. While PSMS is off, whatever is not Verify is skipped, as the prototype did."""
    return ProductTable(
        (
            ProductRule(Product("verify", verify_notebook or None), ("Authy",)),
            ProductRule(Product("psms", psms_notebook or None), ("sms",)),
        ),
        skip_unmatched=not psms_notebook,
    )


def load_products(path: Path) -> ProductTable:
    """The table of PRODUCTS_FILE. Raises `SettingsError` that names file, row and key."""
    try:
        text = path.read_text(encoding="utf-8")
        table = _Table.model_validate(tomllib.loads(text))
    except OSError as error:
        raise SettingsError(f"PRODUCTS_FILE {path} cannot be read: {error.strerror}.", "Check the path.") from error
    except ValidationError as error:
        raise SettingsError(f"PRODUCTS_FILE {path}: {'; '.join(_problems(error))}.", "Correct the file.") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise SettingsError(f"PRODUCTS_FILE {path} is not TOML: {error}.", "Correct the file.") from error
    names = [row.name for row in table.product]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"PRODUCTS_FILE {path} has two products named {name!r}.", "Give each its own name.")
    return ProductTable(tuple(row.rule(path.parent) for row in table.product), table.unmatched == "skip")


def _requested_texts(sql: str, dialect: str | None) -> Sequence[str]:
    """The texts that the SQL asks for; of SQL that cannot be parsed, or is too long for that, all but its comments."""
    from creditbot.credit.sql.tree import readings, requested_texts

    for _, statements in readings(sql, dialect) if len(sql) <= MAX_SQL else ():
        return [text for statement in statements for text in requested_texts(statement)]
    return [" ".join(words(sql))]


Text = Annotated[str, Field(min_length=1)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Text
    contains: list[Text] = Field(min_length=1)
    excludes: list[Text] = []
    case_sensitive: bool = False
    notebook: Text | None = None

    def rule(self, folder: Path) -> ProductRule:
        notebook = str(folder / self.notebook) if self.notebook else None
        return ProductRule(
            Product(self.name, notebook), tuple(self.contains), tuple(self.excludes), self.case_sensitive
        )


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    unmatched: Literal["skip", "fail"] = "fail"
    product: list[_Row] = Field(min_length=1)


def _problems(error: ValidationError) -> Sequence[str]:
    """Such as "product, number 2, contains: Field required"."""
    return [f"{_location(problem['loc'])}: {problem['msg']}" for problem in error.errors()]


def _location(loc: tuple[int | str, ...]) -> str:
    """Rows and entries are counted from one, as a person does."""
    return ", ".join(f"number {part + 1}" if isinstance(part, int) else part for part in loc)
