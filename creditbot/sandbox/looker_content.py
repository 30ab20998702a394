"""What the sandbox's Looker holds: queries, Looks, SQL Runner queries, merges and dashboards.

`seed`, `new_look`, tests and API calls add them; they are items of the world. A query's slugs follow from what it asks
for, so that the same query has the same links wherever it is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from creditbot.sandbox.lookml import DEFAULT_LIMIT
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import LOOKER, SandboxWorld

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_QUERY_FIELDS = (
    "model", "view", "fields", "pivots", "fill_fields", "filters", "filter_expression", "sorts", "limit",
    "column_limit", "total", "row_total", "subtotals", "dynamic_fields", "query_timezone",
)  # fmt: skip


def add_query(world: SandboxWorld, query: Mapping[str, Any]) -> Json:
    """The saved query that asks for this, made if there is none yet.

    `query` has the fields of Looker's WriteQuery; `limit` is 500 unless given.
    """
    fields = {name: query.get(name) for name in _QUERY_FIELDS} | {"limit": str(query.get("limit") or DEFAULT_LIMIT)}
    return _saved_once(world, fields)


def add_written_query(world: SandboxWorld, sql: str) -> Json:
    """The saved query whose SQL is exactly this, as a model with a derived table could make it."""
    fields = dict.fromkeys(_QUERY_FIELDS) | {"model": "credit", "view": "written", "limit": DEFAULT_LIMIT, "sql": sql}
    return _saved_once(world, fields)


def _saved_once(world: SandboxWorld, fields: Json) -> Json:
    client_id = _slug(fields, 22)
    with world.transaction():
        earlier = query_of_slug(world, client_id)
        if earlier:
            return earlier
        id_ = str(1000 + len(world.all("query")))
        saved = fields | {"id": id_, "slug": _slug(fields, 7), "client_id": client_id}
        world.put("query", id_, saved)
        for slug in (saved["slug"], client_id):
            world.put("slug", str(slug), {"query_id": id_})
    return saved


def query_of_slug(world: SandboxWorld, slug: str) -> Json | None:
    """The query with this short or long slug."""
    target = world.get("slug", slug)
    return world.get("query", target["query_id"]) if target else None


def add_look(world: SandboxWorld, id_: str, title: str, query: Mapping[str, Any]) -> str:
    """A Look that shows a query; its address."""
    world.put("look", id_, {"id": id_, "title": title, "query_id": query["id"]})
    return f"{LOOKER}/looks/{id_}"


def add_sql_query(world: SandboxWorld, slug: str, sql: str) -> str:
    """A SQL Runner query; its address."""
    world.put("sql_query", slug, {"slug": slug, "sql": sql})
    return f"{LOOKER}/sql/{slug}"


def add_dashboard(world: SandboxWorld, id_: str, title: str, queries: Sequence[Mapping[str, Any]]) -> str:
    """A dashboard with a tile per query; its address."""
    world.put("dashboard", id_, {"id": id_, "title": title, "query_ids": [query["id"] for query in queries]})
    return f"{LOOKER}/dashboards/{id_}"


def add_merge(world: SandboxWorld, id_: str, queries: Sequence[Mapping[str, Any]]) -> str:
    """A merge of several queries; its address."""
    world.put("merge", id_, {"id": id_, "query_ids": [query["id"] for query in queries]})
    return f"{LOOKER}/merge?mid={id_}"


def _slug(fields: Mapping[str, Any], length: int) -> str:
    number = int.from_bytes(hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).digest())
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)
