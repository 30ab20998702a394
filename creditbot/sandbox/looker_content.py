"""What the sandbox's Looker holds: queries, Looks, SQL Runner queries, merges, dashboards.

Everything is kept in the `World`. A query's slugs follow from what it asks, so that the same query has the same links
wherever it is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from creditbot.sandbox.lookml import DEFAULT_LIMIT
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import LOOKER, World

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ASKED = (
    "model", "view", "fields", "pivots", "fill_fields", "filters", "filter_expression", "sorts", "limit",
    "column_limit", "total", "row_total", "subtotals", "dynamic_fields", "query_timezone",
)  # fmt: skip


def add_query(world: World, asked: Mapping[str, Any]) -> Json:
    """The query that asks this, made if there is none yet.

    `asked` has the fields of Looker's WriteQuery; `limit` is 500 unless given.
    """
    wanted = {name: asked.get(name) for name in _ASKED} | {"limit": str(asked.get("limit") or DEFAULT_LIMIT)}
    client_id = _slug(wanted, 22)
    with world.transaction():
        known = query_of_slug(world, client_id)
        if known:
            return known
        id_ = str(1000 + len(world.all("query")))
        query = wanted | {"id": id_, "slug": _slug(wanted, 7), "client_id": client_id}
        world.put("query", id_, query)
        for slug in (query["slug"], client_id):
            world.put("slug", str(slug), {"query_id": id_})
    return query


def query_of_slug(world: World, slug: str) -> Json | None:
    """The query with this short or long slug."""
    found = world.get("slug", slug)
    return world.get("query", found["query_id"]) if found else None


def add_look(world: World, id_: str, title: str, query: Mapping[str, Any]) -> str:
    """A Look that shows a query; its address."""
    world.put("look", id_, {"id": id_, "title": title, "query_id": query["id"]})
    return f"{LOOKER}/looks/{id_}"


def add_sql_query(world: World, slug: str, sql: str) -> str:
    """A SQL Runner query; its address."""
    world.put("sql_query", slug, {"slug": slug, "sql": sql})
    return f"{LOOKER}/sql/{slug}"


def add_dashboard(world: World, id_: str, title: str, queries: Sequence[Mapping[str, Any]]) -> str:
    """A dashboard with a tile per query; its address."""
    world.put("dashboard", id_, {"id": id_, "title": title, "query_ids": [query["id"] for query in queries]})
    return f"{LOOKER}/dashboards/{id_}"


def add_merge(world: World, id_: str, queries: Sequence[Mapping[str, Any]]) -> str:
    """A merge of several queries; its address."""
    world.put("merge", id_, {"id": id_, "query_ids": [query["id"] for query in queries]})
    return f"{LOOKER}/merge?mid={id_}"


def _slug(wanted: Mapping[str, Any], length: int) -> str:
    number = int.from_bytes(hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).digest())
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)
