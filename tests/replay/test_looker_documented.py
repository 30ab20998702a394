"""Every shape of answer that Looker's OpenAPI description allows, through the real looker_sdk.

Recorded from prism, which makes answers from that description, not from our sandbox, see documented.py: with every
field, with null wherever that is allowed, with nothing but the required fields, and each documented error.
"""

from __future__ import annotations

from collections.abc import Mapping

from creditbot.intake.looker_links import looker_host, read_link
from creditbot.model import LookerLink
from tests.replay.ends import ends_of
from tests.replay.origin import CANONICAL
from tests.replay.stage import Stage


def test_login(stage: Stage) -> None:
    """An answer without a token is no login; what Looker refuses is about the key."""
    ends = ends_of(stage.answers("login"), lambda: stage.looker().login())
    assert {"full": "string", "null": "string", "bare": "Refused"} == _successes(ends)
    assert {"Refused", "Unreachable"} == _errors(ends)


def test_me(stage: Stage) -> None:
    """A user may have neither a name nor an address."""
    looker = stage.looker()
    ends = ends_of(stage.answers("me"), looker.login)
    assert {"full": "string", "null": "string", "bare": "a user without a name"} == _successes(ends)
    assert {"Refused", "Unreachable"} == _errors(ends)


def test_look(stage: Stage) -> None:
    """A Look without a query has no SQL."""
    assert {"full": "string", "null": "string", "bare": "LinkUnusable"} == _resolved(stage, "look", "looks/7")


def test_run_look(stage: Stage) -> None:
    """Whatever goes wrong with its SQL is about the link."""
    assert {"full": "string"} == _resolved(stage, "run_look", "looks/7")


def test_query_for_slug(stage: Stage) -> None:
    """A query without an id cannot be run."""
    assert {"full": "string", "null": "string", "bare": "LinkUnusable"} == _resolved(
        stage, "query_for_slug", "x/abc123"
    )


def test_create_query(stage: Stage) -> None:
    """The query of an Explore without an id cannot be run."""
    link = "explore/m/v?fields=v.a,v.b&f[v.c]=d"
    assert {"full": "string", "null": "string", "bare": "LinkUnusable"} == _resolved(stage, "create_query", link)


def test_run_query(stage: Stage) -> None:
    """As for a Look."""
    assert {"full": "string"} == _resolved(stage, "run_query", "explore/m/v?qid=abc123")


def test_sql_query(stage: Stage) -> None:
    """SQL Runner may answer without SQL."""
    assert {"full": "string", "null": "string", "bare": "LinkUnusable"} == _resolved(stage, "sql_query", "sql/abc123")


def _resolved(stage: Stage, operation: str, page: str) -> Mapping[str, object]:
    """What the successful answers of an operation make of a link; its errors are about the link, or pass."""
    looker, link = stage.looker(), _link(page)
    ends = ends_of(stage.answers(operation), lambda: looker.resolve(link).sql)
    assert {"LinkUnusable", "Unreachable"} == _errors(ends)
    assert {"Unreachable"} == {end for name, end in ends.items() if name.startswith("429")}
    return _successes(ends)


def _link(page: str) -> LookerLink:
    link = read_link(f"{CANONICAL.looker_base_url}/{page}", looker_host(CANONICAL.looker_base_url))
    assert link
    return link


def _successes(ends: Mapping[str, object]) -> dict[str, object]:
    return {name: end for name, end in ends.items() if not name[0].isdigit()}


def _errors(ends: Mapping[str, object]) -> set[object]:
    return {end for name, end in ends.items() if name[0].isdigit()}
