"""The operations of Looker's API 4.0 that lead from a link to its SQL, with the errors that Looker documents.

Each takes a `LookerCall`, reads the world, and returns JSON in the shape of `looker_views`, or SQL of `lookml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from creditbot.sandbox import looker_views
from creditbot.sandbox.faults import Fault
from creditbot.sandbox.http import HttpResponse
from creditbot.sandbox.looker_content import add_query, query_of_slug
from creditbot.sandbox.lookml import LookmlError, sql_of
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import SandboxWorld

DOCUMENTATION = "https://cloud.google.com/looker/docs/r/err/4.0"
"""Looker names a page for every error. looker_sdk knows such an address, and looks the error up on the internet."""
PERMISSIONS = ("access_data", "explore", "see_looks", "see_sql", "see_user_dashboards", "use_sql_runner")


class LookerError(Exception):
    """An error as Looker answers it; `missing` fields make it a ValidationError."""

    def __init__(self, status: int, message: str, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.missing = missing


@dataclass
class LookerOptions:
    """What an instance is set to.

    Attributes:
        permissions: what the API user may do.
        charset: whether SQL is sent with its charset; without one looker_sdk takes it for Latin-1.
        comment: put in front of every SQL as a comment, "" for none.
        token_lifetime: seconds.
    """

    permissions: frozenset[str] = frozenset(PERMISSIONS)
    charset: bool = True
    comment: str = ""
    token_lifetime: int = 3600

    def need(self, permission: str) -> None:
        """Answers "not found" for what the user may not see, as Looker does; "" is always allowed."""
        if permission and permission not in self.permissions:
            raise LookerError(404, "Not found")


@dataclass(frozen=True)
class LookerCall:
    """One call by somebody who is logged in; `base` is the address this Looker was called by."""

    world: SandboxWorld
    options: LookerOptions
    arguments: Json
    base: str

    def item(self, kind: str, id_: str) -> Json:
        """The Look, query ... with this id, or a 404."""
        item = self.world.get(kind, id_)
        if not item:
            raise LookerError(404, "Not found")
        return item

    def queries(self, ids: Sequence[str]) -> list[Json]:
        """The queries with these ids."""
        return [self.item("query", id_) for id_ in ids]


def me(call: LookerCall) -> Json:
    """The API user."""
    return looker_views.user(call.base)


def versions(call: LookerCall) -> Json:
    """What this instance speaks."""
    return looker_views.versions(call.base)


def look(call: LookerCall) -> Json:
    """A Look with its query."""
    saved = call.item("look", call.arguments["look_id"])
    return looker_views.look(saved, call.item("query", saved["query_id"]), call.base)


def run_look(call: LookerCall) -> HttpResponse:
    """The SQL of a Look."""
    saved = call.item("look", call.arguments["look_id"])
    return _run(call, call.item("query", saved["query_id"]))


def query_for_slug(call: LookerCall) -> Json:
    """The query of a short link or a `qid`."""
    saved = query_of_slug(call.world, call.arguments["slug"])
    if not saved:
        raise LookerError(404, "Not found")
    return looker_views.query(saved, call.base)


def query(call: LookerCall) -> Json:
    """A query by its id."""
    return looker_views.query(call.item("query", call.arguments["query_id"]), call.base)


def create_query(call: LookerCall) -> Json:
    """The query that asks this; an existing one if there is one."""
    missing = [name for name in ("model", "view") if not call.arguments.get(name)]
    if missing:
        raise LookerError(422, "Validation Failed", missing)
    return looker_views.query(add_query(call.world, call.arguments), call.base)


def run_query(call: LookerCall) -> HttpResponse:
    """The SQL of a query."""
    return _run(call, call.item("query", call.arguments["query_id"]))


def sql_query(call: LookerCall) -> Json:
    """A SQL Runner query."""
    return looker_views.sql_query(call.item("sql_query", call.arguments["slug"]))


def merge_query(call: LookerCall) -> Json:
    """A merge of several queries."""
    saved = call.item("merge", call.arguments["merge_query_id"])
    return looker_views.merge(saved, call.queries(saved["query_ids"]))


def dashboard(call: LookerCall) -> Json:
    """A dashboard with its tiles."""
    saved = call.item("dashboard", call.arguments["dashboard_id"])
    return looker_views.dashboard(saved, call.queries(saved["query_ids"]), call.base)


def _run(call: LookerCall, saved: Json) -> HttpResponse:
    if call.arguments["result_format"] != "sql":
        raise LookerError(400, "The sandbox gives results as sql only.")
    call.options.need("see_sql")
    try:
        sql = saved.get("sql") or sql_of(saved, call.arguments.get("limit"), comment=call.options.comment)
    except LookmlError as error:
        raise LookerError(400, str(error)) from None
    kind = "text/plain; charset=utf-8" if call.options.charset else "text/plain"
    return HttpResponse(200, sql.encode(), {"Content-Type": kind})


@dataclass(frozen=True)
class Operation:
    """How an operation is called.

    Attributes:
        verb: HTTP's.
        path: below /api/4.0, with its arguments as Looker writes them (`:look_id`).
        run: does it; None for login and logout, which are the App's.
        permission: what the user must have; without it the thing is not found, as Looker has it.
    """

    verb: str
    path: str
    run: Callable[[LookerCall], Json | HttpResponse] | None
    permission: str = ""
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(re.sub(r":(\w+)", r"(?P<\1>[^/]+)", self.path)))


OPERATIONS: Mapping[str, Operation] = {
    "login": Operation("POST", "/login", None),
    "logout": Operation("DELETE", "/logout", None),
    "me": Operation("GET", "/user", me),
    "versions": Operation("GET", "/versions", versions),
    "look": Operation("GET", "/looks/:look_id", look, "see_looks"),
    "run_look": Operation("GET", "/looks/:look_id/run/:result_format", run_look, "see_looks"),
    "query_for_slug": Operation("GET", "/queries/slug/:slug", query_for_slug, "access_data"),
    "query": Operation("GET", "/queries/:query_id", query, "access_data"),
    "create_query": Operation("POST", "/queries", create_query, "explore"),
    "run_query": Operation("GET", "/queries/:query_id/run/:result_format", run_query, "access_data"),
    "sql_query": Operation("GET", "/sql_queries/:slug", sql_query, "use_sql_runner"),
    "merge_query": Operation("GET", "/merge_queries/:merge_query_id", merge_query, "explore"),
    "dashboard": Operation("GET", "/dashboards/:dashboard_id", dashboard, "see_user_dashboards"),
}


def error_response(status: int, message: str, verb: str, path: str, missing: Sequence[str] = ()) -> HttpResponse:
    """An error in Looker's shape; `path` names the operation as OPERATIONS does."""
    page = f"{DOCUMENTATION}/{status}/{verb.lower()}{path}"
    body: Json = {"message": message, "documentation_url": page}
    if missing:
        detail = {"code": "missing_field", "documentation_url": page}
        body["errors"] = [{"field": name, "message": f"{name} is required."} | detail for name in missing]
    return HttpResponse.of(body, status)


def failing(operation: str, status: int, message: str = "", **rule: Any) -> Fault:
    """A fault: the operation answers with one of Looker's errors."""
    verb, path = OPERATIONS[operation].verb, OPERATIONS[operation].path
    return Fault(operation, response=error_response(status, message or f"Error {status}", verb, path), **rule)
