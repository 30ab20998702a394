"""From every kind of link to its SQL, by the real looker_sdk."""

from __future__ import annotations

from typing import Any

import pytest

from creditbot.adapters.looker.resolver import LookerResolver
from creditbot.adapters.looker.sql import has_default_limit
from creditbot.errors import LinkUnusable
from creditbot.intake.looker_links import looker_host, read_link
from creditbot.model import LookerLink
from creditbot.sandbox import Sandbox
from creditbot.sandbox.looker_content import add_look, add_query, add_sql_query
from creditbot.sandbox.seed import explore_address, verify
from creditbot.sandbox.world import LOOKER
from tests.replay.origin import CANONICAL
from tests.replay.stage import Stage

ACCOUNT = "AC-sandbox-0001"


def test_look(stage: Stage) -> None:
    """A Look gives the SQL of its query."""
    _resolve(stage, stage.link("look", _look))


def test_look_with_filters(stage: Stage) -> None:
    """Filters in a Look's address replace the saved ones."""
    link = stage.link("look_with_filters", lambda sandbox: f"{_look(sandbox)}?f[verify_traffic.prefix]=62")
    assert link.filters
    sql = _resolve(stage, link)
    assert all(value in sql for value in link.filters.values())


def test_explore_by_qid(stage: Stage) -> None:
    """An Explore's `qid` names a saved query."""
    address = f"{LOOKER}/explore/credit/verify_traffic?toggle=fil&qid="
    _resolve(stage, stage.link("explore_qid", lambda sandbox: address + str(_query(sandbox)["client_id"])))


def test_explore_by_parameters(stage: Stage) -> None:
    """An Explore's parameters become a query of their own, without Looker's default limit."""
    _resolve(stage, stage.link("explore_params", lambda _: explore_address(verify(ACCOUNT))))


def test_short_link(stage: Stage) -> None:
    """A short link names a saved query."""
    _resolve(stage, stage.link("short", lambda sandbox: f"{LOOKER}/x/{_query(sandbox)['slug']}"))


def test_sql_runner(stage: Stage) -> None:
    """A SQL Runner link holds the SQL that somebody typed."""
    typed = f"SELECT prefix FROM verify_traffic WHERE account_sid = '{ACCOUNT}'"
    _resolve(stage, stage.link("sql_runner", lambda sandbox: add_sql_query(sandbox.world, "runner1", typed)))


@pytest.mark.parametrize("page", ["dashboards/5", "merge?mid=merge0001"])
def test_page_of_several_queries(page: str) -> None:
    """What has several queries is refused without a call: there is no cassette, and the network is closed."""
    link = read_link(f"{CANONICAL.looker_base_url}/{page}", looker_host(CANONICAL.looker_base_url))
    assert link
    with pytest.raises(LinkUnusable, match="several"):
        LookerResolver(CANONICAL.looker_base_url, "id", "not-a-secret").resolve(link)


def test_letters_without_a_charset(stage: Stage) -> None:
    """UTF-8 is read as such where Looker does not say so."""
    stage.script(_comment_without_charset)
    assert "-- Zürich: 10 €\n" in _resolve(stage, stage.link("short", lambda s: f"{LOOKER}/x/{_query(s)['slug']}"))


def _comment_without_charset(sandbox: Sandbox) -> None:
    sandbox.looker.options.charset = False
    sandbox.looker.options.comment = "Zürich: 10 €"


def test_chosen_limit(stage: Stage) -> None:
    """A row limit that somebody chose is not lifted, so the link is refused."""
    stage.script(lambda s: add_look(s.world, "8", "Ten rows", add_query(s.world, verify(ACCOUNT, limit="10"))))
    with pytest.raises(LinkUnusable, match="limited to 10 rows"):
        stage.looker().resolve(LookerLink("look", f"{CANONICAL.looker_base_url}/looks/8", id="8"))


def _query(sandbox: Sandbox) -> dict[str, Any]:
    return dict(add_query(sandbox.world, verify(ACCOUNT)))


def _look(sandbox: Sandbox) -> str:
    return add_look(sandbox.world, "7", "Verify, December", _query(sandbox))


def _resolve(stage: Stage, link: LookerLink) -> str:
    """The SQL behind a link: of the account asked for, and all of its rows."""
    assert not link.unusable
    sql = stage.looker().resolve(link).sql
    assert stage.given("account", lambda _: ACCOUNT) in sql
    assert not has_default_limit(sql)
    return sql
