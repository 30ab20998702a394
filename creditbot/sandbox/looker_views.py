"""Looker's answers: the fields of API 4.0 that say something here."""

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


def query(found: Json, base: str) -> Json:
    """A query with the links that people share."""
    place = f"{base}/explore/{quote(found['model'])}/{quote(found['view'])}"
    parameters = [("fields", ",".join(found["fields"] or ()))]
    parameters += [(f"f[{name}]", text) for name, text in (found["filters"] or {}).items()]
    parameters += [("sorts", ",".join(found["sorts"]))] if found["sorts"] else []
    parameters += [("limit", found["limit"])]
    return found | {
        "share_url": f"{base}/x/{found['client_id']}",
        "expanded_share_url": f"{place}?{urlencode(parameters)}",
        "url": f"{place}?qid={found['client_id']}",
        "filter_config": None,
        "vis_config": None,
        "visible_ui_sections": None,
        "has_table_calculations": False,
        "can": {"run": True, "see_results": True, "explore": True, "create": True, "show": True, "cost_estimate": True,
                "index": True, "see_lookml": True, "see_aggregate_table_lookml": True, "see_derived_table_lookml": True,
                "see_sql": True, "save": True, "generate_drill_links": True, "download": True,
                "download_unlimited": True, "use_custom_fields": True, "schedule": True, "render": True},
    }  # fmt: skip


def look(found: Json, its_query: Json, base: str) -> Json:
    """A Look with its query."""
    return {
        "id": found["id"],
        "title": found["title"],
        "query_id": found["query_id"],
        "query": query(its_query, base),
        "short_url": f"/looks/{found['id']}",
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


def sql_query(found: Json, base: str) -> Json:
    """A SQL Runner query."""
    return {
        "slug": found["slug"],
        "sql": found["sql"],
        "model_name": "credit",
        "browser_limit": 5000,
        "run_count": 1,
        "last_runtime": 0.2,
        "plaintext": False,
        "explore_url": None,
        "connection": {"name": "warehouse", "dialect_name": "duckdb"},
        "url": f"{base}/sql/{found['slug']}",
        "can": {"run": True},
    }


def merge(found: Json, queries: Sequence[Json]) -> Json:
    """A merge of several queries."""
    sources = [
        {"merge_fields": [], "name": each["view"], "query_id": each["id"], "query_slug": each["slug"]}
        for each in queries
    ]
    return {
        "id": found["id"],
        "source_queries": sources,
        "column_limit": "50",
        "limit": "500",
        "total": False,
        "sorts": [],
        "pivots": [],
        "result_maker_id": f"9{found['id']}",
        "can": {},
    }


def dashboard(found: Json, queries: Sequence[Json], base: str) -> Json:
    """A dashboard with a tile per query."""
    tiles = [_tile(found["id"], str(place), each, base) for place, each in enumerate(queries, 1)]
    return {
        "id": found["id"],
        "title": found["title"],
        "slug": f"dash{found['id']}",
        "deleted": False,
        "hidden": False,
        "readonly": False,
        "created_at": CREATED,
        "user_id": "3",
        "dashboard_elements": tiles,
        "dashboard_filters": [],
        "dashboard_layouts": [],
        "folder": {"id": "1", "name": "Shared", "parent_id": None},
        "url": f"/dashboards/{found['id']}",
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
