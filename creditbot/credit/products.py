"""Decides which product a link is about, by an ordered table of names, rules on the SQL, and notebooks.

What the SQL asks for comes from `creditbot.credit.sql.reading`; the product's notebook is what
`creditbot.credit.compute` runs. Pure.

The default table:

    verify  the SQL asks for "Authy"  NOTEBOOK_PATH
    psms    the SQL asks for "sms"    PSMS_NOTEBOOK_PATH

SQL asks for a text that stands, in any case, in a condition that every row fulfils: `item LIKE 'Authy%'` does, a label
or `item NOT LIKE '%Authy%'` does not. Where no condition asks for a product, the names of its tables may. SQL that asks
for several products, or for none, fails its message.

PRODUCTS_FILE, which `products_file` reads, replaces the table.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from creditbot.errors import NoProduct
from creditbot.model import Product

if TYPE_CHECKING:
    from creditbot.credit.sql.reading import ProductTexts


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
        from creditbot.credit.sql.reading import ProductTexts  # nothing that an idle tick needs

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
