"""The ports of Looker, the SQL reader and the notebooks in memory."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from creditbot.credit.sql.reading import SqlQuestion, SqlReading, read_sql
from creditbot.errors import LinkUnusable
from creditbot.model import (
    CreditDays,
    LookerLink,
    NotebookRun,
    Purpose,
    Query,
    RequestKey,
)
from tests.support.world_facts import UNIT_COLUMNS

if TYPE_CHECKING:
    from tests.support.world import World


class FakeResolver:
    """Gives each slug its own Verify SQL, on an account of its own.

    A slug that starts with "gone" does not exist, one with "other" is of PSMS, and one with "unfit" of no product. The
    SQL of one with "recent" reads the clock.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def warm(self) -> None:
        return

    def stay_logged_in(self) -> None:
        return

    def login(self) -> str:
        return self._world.effect("login", lambda: "Fake API User")

    def resolve(self, link: LookerLink) -> Query:
        def ask() -> Query:
            if link.slug.startswith("gone"):
                raise LinkUnusable(f"The query {link.slug} does not exist.", "Share the link again.")
            items = {"other": "SMS", "unfit": "Pasta"}
            item = next((item for start, item in items.items() if link.slug.startswith(start)), "Authy")
            clock = "day BETWEEN CURRENT_DATE - 7 AND CURRENT_DATE - 1" if link.slug.startswith("recent") else "TRUE"
            whose = self._world.conditions.get(link.slug, f"account_sid = 'AC-{link.slug}'")
            whose = f"{whose} AND item LIKE '{item}%'"
            return Query(link, f"SELECT day FROM traffic WHERE {clock} AND {whose} AND slug = '{link.slug}'")

        return self._world.effect("looker", ask)


class RememberingSqlReader:
    """Reads each SQL once in the whole run of the tests: thousands of ticks read the same few."""

    def warm(self) -> None:
        """There is nothing to start."""

    def read(self, question: SqlQuestion) -> SqlReading:
        return _reading_of(question)


_reading_of = cache(read_sql)


class FakeRunner:
    """Glues the amount that the world has for the slug in the SQL, $4,948.80 where it has none."""

    def __init__(self, world: World) -> None:
        self._world = world

    def warm(self) -> None:
        return

    def run(
        self, notebook: str, sql: str, days: CreditDays | None = None, purpose: Purpose | None = None
    ) -> NotebookRun:
        def run() -> NotebookRun:
            slug = sql.split("slug = '")[1].rstrip("'")
            self._world.runs.append(slug)
            amount = str(self._world.amounts.get(slug, Decimal("4948.80")))
            units = self._world.units.get(slug)
            cost = "99999.00" if units is None else str(sum(Decimal(str(row[-1])) for row in units))
            rows = [{"mode": "basic", "fraud_cost": cost, "credit": amount, "traffic_prop": "1.000"}]
            scraps: dict[str, object] = {
                **self._world.scraps,
                "credit": {"currency": "USD", "amount": amount, "rows": rows},
            }
            if units is not None:
                scraps["units"] = {"columns": UNIT_COLUMNS, "rows": units}
            return NotebookRun(scraps, (), notebook, hashlib.sha256(notebook.encode()).hexdigest())

        return self._world.effect("notebook", run)

    def forget(self, request: RequestKey) -> None:
        self._world.ended.append(request)

    def close(self) -> None:
        return
