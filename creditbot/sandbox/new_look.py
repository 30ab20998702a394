"""Saves a new Look in the sandbox's Looker, as somebody who prepares a credit request does.

What the Look shows comes as text from `creditbot sandbox add-look`; it ends as a Look in the world, whose address can
be posted. Whether any traffic fits is looked up in the warehouse.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from creditbot.errors import SettingsError
from creditbot.sandbox.looker_content import add_look, add_query, add_written_query
from creditbot.sandbox.lookml import LookmlError, sql_of
from creditbot.sandbox.seed import psms, verify
from creditbot.sandbox.warehouse import has_rows
from creditbot.sandbox.world import SandboxWorld

DECEMBER = "2025-12-01 to 2026-01-01"
"""The month that the sandbox's warehouse has, as Looker's date filter writes it."""
PRODUCTS = {"verify": ("Verify", verify), "psms": ("PSMS", psms)}
_FIRST_ID = 101
"""Looks that people add have ids after those of the first messages."""


@dataclass(frozen=True)
class TrafficLook:
    """What a Look shows.

    Attributes:
        account: Looker's filter on the account; "" shows every account.
        product: a key of PRODUCTS.
        dates: Looker's filter on the day.
        filters: further filters, FIELD=EXPRESSION; one of the product's own fields replaces its filter.
        fields: the columns in their order, without the name of the view; none for those that the notebook needs.
        limit: the most rows, "-1" for all, "" for Looker's 500.
    """

    account: str
    product: str = "verify"
    dates: str = DECEMBER
    filters: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    limit: str = ""

    @cached_property
    def query(self) -> dict[str, Any]:
        """What Looker stores of it. Raises `SettingsError` if Looker could not run it."""
        query = PRODUCTS[self.product][1](self.account, self.dates)
        view = query["view"]
        query["filters"] |= {f"{view}.{name}": expression for name, expression in map(_filter, self.filters)}
        if self.fields:
            query["fields"] = [f"{view}.{name}" for name in self.fields]
            query["sorts"] = [sort for sort in query["sorts"] if sort in query["fields"]]
        query["limit"] = self.limit
        try:
            sql_of(query)
        except LookmlError as error:
            raise SettingsError(str(error), "The sandbox's Looker could not run such a Look.") from None
        return query


def save_traffic(world: SandboxWorld, traffic: TrafficLook, title: str = "") -> str:
    """Saves a Look of an account's traffic; its address. Raises `SettingsError` if Looker could not run it."""
    label = PRODUCTS[traffic.product][0]
    title = title or f"{label}, {traffic.dates}: {traffic.account or 'all accounts'}"
    return _save(world, title, add_query(world, traffic.query))


def why_empty(traffic: TrafficLook, warehouse: Path) -> str:
    """A sentence if no traffic in the warehouse fits, and on what follows; "" if some does.

    The Look's own SQL would not tell: a sum over no rows is a row, and a limit leaves rows out.
    """
    query = traffic.query
    days = query | {"fields": [f"{query['view']}.day"], "sorts": [], "limit": "1"}
    if has_rows(warehouse, sql_of(days)):
        return ""
    filters = [part for text in traffic.filters for part in ("--filter", text)]
    asked = shlex.join(["--account", traffic.account, "--dates", traffic.dates, *filters])
    return f"No {traffic.product} traffic fits {asked}. A request for this Look gets no credit."


def save_sql(world: SandboxWorld, sql: str, title: str = "") -> str:
    """Saves a Look with exactly this SQL, as a LookML model with a derived table could make it; its address."""
    if not sql.strip():
        raise SettingsError("The Look has no SQL.")
    return _save(world, title or "SQL", add_written_query(world, sql))


def _save(world: SandboxWorld, title: str, query: Mapping[str, Any]) -> str:
    with world.transaction():
        ids = [int(look["id"]) for look in world.all("look")]
        return add_look(world, str(max(_FIRST_ID, *(id_ + 1 for id_ in ids))), title, query)


def _filter(text: str) -> tuple[str, str]:
    name, equals, expression = text.partition("=")
    if not equals or not name.isidentifier():
        raise SettingsError(f"{text!r} is not a filter.", "Write FIELD=EXPRESSION, such as prefix=+62.")
    return name, expression
