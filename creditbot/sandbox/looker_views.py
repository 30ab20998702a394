"""How Looker shows the items of the world: the fields of API 4.0 that matter here, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from creditbot.sandbox.store import Json

RELEASE = "26.12.3"
CREATED = "2025-11-03T09:00:00.000+00:00"


def user(base: str) -> Json:
    """The API user."""
    return {
        "id": "7",
        "first_name": "Credit",
        "last_name": "Bot",
        "display_name": "Credit Bot",
        "email": "creditbot@sandbox.example",
        "is_disabled": False,
        "is_service_account": False,
        "locale": "en",
        "role_ids": ["2"],
        "group_ids": ["1"],
        "url": f"{base}/api/4.0/users/7",
        "can": {"show": True, "show_details": True},
    }


def versions(base: str) -> Json:
    """What this instance speaks."""
    current = {
        "version": "4.0",
        "full_version": f"4.0.{RELEASE.rpartition('.')[0]}",
        "status": "current",
        "swagger_url": f"{base}/api/4.0/swagger.json",
    }
    return {
        "looker_release_version": RELEASE,
        "current_version": current,
        "supported_versions": [current],
        "api_server_url": base,
        "web_server_url": base,
    }


def query(saved: Json, base: str) -> Json:
    """A query with the links that people share."""
    explore = f"{base}/explore/{quote(saved['model'])}/{quote(saved['view'])}"
    parameters = [("fields", ",".join(saved["fields"] or ()))]
    parameters += [(f"f[{name}]", text) for name, text in (saved["filters"] or {}).items()]
    parameters += [("sorts", ",".join(saved["sorts"]))] if saved["sorts"] else []
    parameters += [("limit", saved["limit"])]
    return {name: value for name, value in saved.items() if name != "sql"} | {
        "share_url": f"{base}/x/{saved['client_id']}",
        "expanded_share_url": f"{explore}?{urlencode(parameters)}",
        "url": f"{explore}?qid={saved['client_id']}",
        "filter_config": None,
        "vis_config": None,
        "visible_ui_sections": None,
        "has_table_calculations": False,
        "can": {"run": True, "see_results": True, "explore": True, "create": True, "show": True, "cost_estimate": True,
                "index": True, "see_lookml": True, "see_aggregate_table_lookml": True, "see_derived_table_lookml": True,
                "see_sql": True, "save": True, "generate_drill_links": True, "download": True,
                "download_unlimited": True, "use_custom_fields": True, "schedule": True, "render": True},
    }  # fmt: skip


def look(saved: Json, its_query: Json, base: str) -> Json:
    """A Look with its query."""
    return {
        "id": saved["id"],
        "title": saved["title"],
        "query_id": saved["query_id"],
        "query": query(its_query, base),
        "short_url": f"/looks/{saved['id']}",
        "model": {"id": its_query["model"], "label": its_query["model"].title()},
        "public": False,
        "deleted": False,
        "created_at": CREATED,
        "updated_at": CREATED,
        "user_id": "3",
        "user_name": "Dana Ortiz",
        "folder_id": "1",
        "folder": {"id": "1", "name": "Shared", "parent_id": None},
        "description": "",
        "is_run_on_load": True,
        "can": {"run": True, "show": True, "explore": True},
    }


def sql_query(saved: Json) -> Json:
    """A SQL Runner query."""
    return {
        "slug": saved["slug"],
        "sql": saved["sql"],
        "model_name": "credit",
        "browser_limit": 5000,
        "run_count": 1,
        "last_runtime": 0.2,
        "plaintext": False,
        "explore_url": None,
        "connection": {"name": "warehouse", "dialect": {"name": "duckdb", "label": "DuckDB"}, "pdts_enabled": False},
        "can": {"run": True},
    }


def merge(saved: Json, queries: Sequence[Json]) -> Json:
    """A merge of several queries."""
    sources = [
        {"merge_fields": [], "name": each["view"], "query_id": each["id"], "query_slug": each["slug"]}
        for each in queries
    ]
    return {
        "id": saved["id"],
        "source_queries": sources,
        "column_limit": "50",
        "limit": "500",
        "total": False,
        "sorts": [],
        "pivots": [],
        "result_maker_id": f"9{saved['id']}",
        "can": {},
    }


def dashboard(saved: Json, queries: Sequence[Json], base: str) -> Json:
    """A dashboard with a tile per query."""
    tiles = [_tile(saved["id"], str(number), each, base) for number, each in enumerate(queries, 1)]
    return {
        "id": saved["id"],
        "title": saved["title"],
        "slug": f"dash{saved['id']}",
        "deleted": False,
        "hidden": False,
        "readonly": False,
        "created_at": CREATED,
        "user_id": "3",
        "dashboard_elements": tiles,
        "dashboard_filters": [],
        "dashboard_layouts": [],
        "folder": {"id": "1", "name": "Shared", "parent_id": None},
        "url": f"/dashboards/{saved['id']}",
        "can": {"show": True},
    }


def _tile(dashboard_id: str, id_: str, its_query: Json, base: str) -> Json:
    shown = query(its_query, base)
    maker = {"id": f"8{id_}", "query_id": its_query["id"], "query": shown, "filterables": [], "total": False}
    return {
        "id": id_,
        "dashboard_id": dashboard_id,
        "type": "vis",
        "title": its_query["view"],
        "query_id": its_query["id"],
        "query": shown,
        "result_maker": maker,
        "can": {},
    }
