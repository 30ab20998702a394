"""The operations of Looker's API 4.0 that lead from a link to its SQL, with the errors Looker documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from creditbot.sandbox import looker_views
from creditbot.sandbox.faults import Fault
from creditbot.sandbox.http import Answer
from creditbot.sandbox.looker_content import add_query, query_of_slug
from creditbot.sandbox.lookml import LookmlError, sql_of
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import World

DOCUMENTATION = "https://cloud.google.com/looker/docs/r/err/4.0"
"""Looker names a page for every error; looker_sdk sees its form and looks the error up on the internet."""
PERMISSIONS = ("access_data", "explore", "see_looks", "see_sql", "see_user_dashboards", "use_sql_runner")


class LookerError(Exception):
    """An error as Looker answers it; `missing` fields make it a ValidationError."""

    def __init__(self, status: int, message: str, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.missing = missing


@dataclass
class Options:
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
        """What the user may not see is not there, as Looker has it; "" is always allowed."""
        if permission and permission not in self.permissions:
            raise LookerError(404, "Not found")


@dataclass(frozen=True)
class Request:
    """One call by somebody who is logged in; `base` is the address this Looker was called by."""

    world: World
    options: Options
    arguments: Json
    base: str

    def thing(self, kind: str, id_: str) -> Json:
        """What is kept under this id, or a 404."""
        found = self.world.get(kind, id_)
        if not found:
            raise LookerError(404, "Not found")
        return found

    def queries(self, ids: Sequence[str]) -> list[Json]:
        """The queries with these ids."""
        return [self.thing("query", id_) for id_ in ids]


def me(request: Request) -> Json:
    """The API user."""
    return looker_views.user(request.base)


def versions(request: Request) -> Json:
    """What this instance speaks."""
    return looker_views.versions(request.base)


def look(request: Request) -> Json:
    """A Look with its query."""
    found = request.thing("look", request.arguments["look_id"])
    return looker_views.look(found, request.thing("query", found["query_id"]), request.base)


def run_look(request: Request) -> Answer:
    """The SQL of a Look."""
    found = request.thing("look", request.arguments["look_id"])
    return _run(request, request.thing("query", found["query_id"]))


def query_for_slug(request: Request) -> Json:
    """The query of a short link or a `qid`."""
    found = query_of_slug(request.world, request.arguments["slug"])
    if not found:
        raise LookerError(404, "Not found")
    return looker_views.query(found, request.base)


def query(request: Request) -> Json:
    """A query by its id."""
    return looker_views.query(request.thing("query", request.arguments["query_id"]), request.base)


def create_query(request: Request) -> Json:
    """The query that asks this; an existing one if there is one."""
    absent = [name for name in ("model", "view") if not request.arguments.get(name)]
    if absent:
        raise LookerError(422, "Validation Failed", absent)
    return looker_views.query(add_query(request.world, request.arguments), request.base)


def run_query(request: Request) -> Answer:
    """The SQL of a query."""
    return _run(request, request.thing("query", request.arguments["query_id"]))


def sql_query(request: Request) -> Json:
    """A SQL Runner query."""
    return looker_views.sql_query(request.thing("sql_query", request.arguments["slug"]), request.base)


def merge_query(request: Request) -> Json:
    """A merge of several queries."""
    found = request.thing("merge", request.arguments["merge_query_id"])
    return looker_views.merge(found, request.queries(found["query_ids"]))


def dashboard(request: Request) -> Json:
    """A dashboard with its tiles."""
    found = request.thing("dashboard", request.arguments["dashboard_id"])
    return looker_views.dashboard(found, request.queries(found["query_ids"]), request.base)


def _run(request: Request, asked: Json) -> Answer:
    if request.arguments["result_format"] != "sql":
        raise LookerError(400, "The sandbox gives results as sql only.")
    request.options.need("see_sql")
    try:
        sql = sql_of(asked, request.arguments.get("limit"), comment=request.options.comment)
    except LookmlError as error:
        raise LookerError(400, str(error)) from None
    kind = "text/plain; charset=utf-8" if request.options.charset else "text/plain"
    return Answer(200, sql.encode(), {"Content-Type": kind})


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
    run: Callable[[Request], Json | Answer] | None
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


def error_answer(status: int, message: str, verb: str, path: str, missing: Sequence[str] = ()) -> Answer:
    """An error in Looker's shape; `path` names the operation as OPERATIONS does."""
    page = f"{DOCUMENTATION}/{status}/{verb.lower()}{path}"
    body: Json = {"message": message, "documentation_url": page}
    if missing:
        detail = {"code": "missing_field", "documentation_url": page}
        body["errors"] = [{"field": name, "message": f"{name} is required."} | detail for name in missing]
    return Answer.of(body, status)


def failing(operation: str, status: int, message: str = "", **rule: Any) -> Fault:
    """A fault: the operation answers with one of Looker's errors."""
    called = OPERATIONS[operation]
    return Fault(operation, answer=error_answer(status, message or f"Error {status}", called.verb, called.path), **rule)
