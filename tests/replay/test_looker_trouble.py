"""What Looker answers when something is wrong, by the real looker_sdk."""

from __future__ import annotations

import pytest

from creditbot.errors import LinkUnusable, Refused, Unreachable
from creditbot.model import LookerLink
from creditbot.sandbox import Sandbox
from creditbot.sandbox.faults import Fault, server_error
from creditbot.sandbox.http import HttpResponse
from creditbot.sandbox.looker_content import add_look, add_query
from creditbot.sandbox.looker_operations import failing
from creditbot.sandbox.seed import verify
from tests.replay.origin import CANONICAL
from tests.replay.stage import Stage


def test_login(stage: Stage) -> None:
    """The API user's name is what the first run shows."""
    assert stage.looker().login()


def test_login_refused(stage: Stage) -> None:
    """A wrong secret is a 404 of Looker's, told with the settings to correct."""
    with pytest.raises(Refused, match="does not accept the API key") as caught:
        stage.looker(secret="wrong-not-a-secret").login()
    assert "LOOKER_CLIENT_SECRET" in caught.value.todo


def test_expired_token(stage: Stage) -> None:
    """A 401 between two questions is followed by one new login, and the question again with the new token."""
    looker = stage.looker()
    assert looker.login()
    stage.script(lambda sandbox: sandbox.looker.revoke_tokens())
    assert looker.login()
    assert ["login", "user", "user", "login", "user"] == _paths(stage)


def test_missing_look(stage: Stage) -> None:
    """A 404 is about the link, and both of its reasons are said."""
    with pytest.raises(LinkUnusable, match="has no Look 404404404, or its API user may not see it"):
        stage.looker().resolve(_look_link("404404404"))


def test_missing_query(stage: Stage) -> None:
    """A short link that leads nowhere is unusable."""
    with pytest.raises(LinkUnusable, match="has no query nosuchslug"):
        stage.looker().resolve(LookerLink("short", f"{CANONICAL.looker_base_url}/x/nosuchslug", slug="nosuchslug"))


def test_forbidden(stage: Stage) -> None:
    """A 403 is told in Looker's words."""
    stage.script(lambda sandbox: sandbox.looker.faults.add(failing("look", 403, "Folder is private")))
    with pytest.raises(LinkUnusable, match="does not let its API user see Look 7: Folder is private"):
        stage.looker().resolve(_look_link("7"))


def test_retry_after_is_kept(stage: Stage) -> None:
    """Looker's 429 is waited out for as long as it asks."""
    limited = HttpResponse.of({"message": "Too many requests"}, 429, {"Retry-After": "9"})
    stage.script(_add_look)
    stage.script(lambda sandbox: sandbox.looker.faults.add(Fault("look", response=limited)))
    assert stage.looker().resolve(_look_link("7")).sql
    assert [9.0] == stage.time.slept


def test_5xx_is_waited_out(stage: Stage) -> None:
    """Error pages before the login and in the middle cost a short wait each."""
    stage.script(_add_look)
    stage.script(lambda sandbox: sandbox.looker.faults.add(server_error("login"), server_error("run_look", 502)))
    assert stage.looker().resolve(_look_link("7")).sql
    assert 2 == len(stage.time.slept)


def test_lasting_5xx_is_looker_down(stage: Stage) -> None:
    """Four error pages in a row are a Looker that is down."""
    stage.script(lambda sandbox: sandbox.looker.faults.add(server_error("look", times=4)))
    with pytest.raises(Unreachable, match="HTTP status 503"):
        stage.looker().resolve(_look_link("7"))
    assert 3 == len(stage.time.slept)


def _add_look(sandbox: Sandbox) -> None:
    add_look(sandbox.world, "7", "Verify, December", add_query(sandbox.world, verify("AC-sandbox-0001")))


def _look_link(number: str) -> LookerLink:
    return LookerLink("look", f"{CANONICAL.looker_base_url}/looks/{number}", id=number)


def _paths(stage: Stage) -> list[str]:
    """The last step of each path, in the cassette's order."""
    return [request.path.rpartition("/")[2] for request in stage.cassette.requests]
