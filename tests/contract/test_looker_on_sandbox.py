"""LookerResolver on the sandbox's Looker: from the address of a link to the SQL of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from creditbot.adapters.looker.limits import LookerLimits
from creditbot.adapters.looker.resolver import LookerResolver
from creditbot.errors import LinkUnusable, Unreachable
from creditbot.intake.looker_links import looker_host, read_link
from creditbot.model import LookerLink
from creditbot.ports import Resolver
from creditbot.sandbox.faults import dropped_after, server_error
from creditbot.sandbox.http import HttpServer
from creditbot.sandbox.looker import CLIENT_ID, CLIENT_SECRET, SandboxLooker
from creditbot.sandbox.looker_content import add_look, add_query, add_sql_query
from creditbot.sandbox.seed import explore_address, verify
from creditbot.sandbox.world import LOOKER, SandboxWorld

RUNNER_SQL = "SELECT 'Zürich' FROM verify_traffic"


@pytest.fixture
def looker(tmp_path: Path) -> Iterator[SandboxLooker]:
    with SandboxWorld(tmp_path / "world.sqlite") as world:
        yield SandboxLooker(world, world.clock)


@pytest.fixture
def resolver(looker: SandboxLooker) -> Iterator[Resolver]:
    with HttpServer(looker) as server:
        yield LookerResolver(server.url, CLIENT_ID, CLIENT_SECRET, allow_sql_runner=True, limits=LookerLimits(10))


def link_to(url: str) -> LookerLink:
    """A link as it is read from a message."""
    link = read_link(url, looker_host(LOOKER))
    assert link is not None
    return link


def a_query(looker: SandboxLooker, **changes: Any) -> dict[str, Any]:
    """A saved query of one account's Verify traffic."""
    return dict(add_query(looker.world, verify("AC-1", **changes)))


def test_every_way_to_a_query_gives_the_same_sql(looker: SandboxLooker, resolver: Resolver) -> None:
    """Look, short link, `qid` and parameters of one query come to one SQL, with all rows."""
    query = a_query(looker)
    explore = f"{LOOKER}/explore/credit/verify_traffic"
    urls = [
        add_look(looker.world, "7", "December", query),
        f"{LOOKER}/x/{query['slug']}",
        f"{explore}?toggle=fil&qid={query['client_id']}",
        explore_address(query),
    ]
    found = {resolver.resolve(link_to(url)).sql for url in urls}
    assert 1 == len(found)
    assert "LIMIT" not in found.pop().upper()


def test_a_chosen_limit_is_refused(looker: SandboxLooker, resolver: Resolver) -> None:
    """Somebody wanted to see ten rows, which says nothing about a credit."""
    with pytest.raises(LinkUnusable, match="limited to 10 rows"):
        resolver.resolve(link_to(f"{LOOKER}/x/{a_query(looker, limit='10')['slug']}"))


def test_filters_in_the_address_of_a_look_change_its_sql(looker: SandboxLooker, resolver: Resolver) -> None:
    """The person who opens the link sees another account, and so does the SQL."""
    url = add_look(looker.world, "7", "December", a_query(looker))
    sql = resolver.resolve(link_to(f"{url}?f[verify_traffic.account_sid]=AC-2")).sql
    assert "AC-2" in sql
    assert "AC-1" not in sql


def test_sql_runner_keeps_its_letters(looker: SandboxLooker, resolver: Resolver) -> None:
    """What a person typed is what is found."""
    assert RUNNER_SQL == resolver.resolve(link_to(add_sql_query(looker.world, "runner1", RUNNER_SQL))).sql


def test_sql_without_a_charset_keeps_its_letters(looker: SandboxLooker, resolver: Resolver) -> None:
    """UTF-8 is read as such where Looker does not say so."""
    looker.options.charset = False
    looker.options.comment = "Zürich"
    assert "Zürich" in resolver.resolve(link_to(f"{LOOKER}/x/{a_query(looker)['slug']}")).sql


def test_a_look_that_the_user_may_not_see_is_unusable(looker: SandboxLooker, resolver: Resolver) -> None:
    """Looker hides what a user has no right to; the sentence says that both are possible."""
    url = add_look(looker.world, "7", "December", a_query(looker))
    looker.options.permissions = frozenset({"access_data", "see_looks"})
    with pytest.raises(LinkUnusable, match="has no Look 7, or its API user may not see it") as caught:
        resolver.resolve(link_to(url))
    assert "see_sql" in caught.value.todo


def test_an_expired_token_is_renewed(looker: SandboxLooker, resolver: Resolver) -> None:
    """Tokens end between two links without anybody noticing."""
    assert resolver.login()
    looker.revoke_tokens()
    assert resolver.login()
    assert ["login", "me", "me", "login", "me"] == [name for name, _ in looker.calls]


def test_a_short_failure_is_waited_out_and_a_lasting_one_reported(looker: SandboxLooker, resolver: Resolver) -> None:
    """A page of HTML and a lost answer are tried again; four in a row are a Looker that is down."""
    link = link_to(f"{LOOKER}/x/{a_query(looker)['slug']}")
    looker.faults.add(server_error("login"), dropped_after("query_for_slug"), server_error("run_query", 502))
    assert resolver.resolve(link).sql
    looker.faults.add(server_error("run_query", times=4))
    with pytest.raises(Unreachable):
        resolver.resolve(link)
