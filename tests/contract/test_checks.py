"""What `creditbot check` finds wrong with what Slack grants, and what it notes of the settings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from creditbot.adapters.slack.access import SCOPES, OAuthScope, access
from creditbot.commands.check import digest, limits, names_and_places, secrets, slack_token
from creditbot.commands.check_result import CheckResult, attempt
from creditbot.sandbox.slack import SandboxSlack
from creditbot.settings.settings import Settings
from tests.support.http import Answer
from tests.support.slack_sandbox import adapters_on
from tests.support.slack_stub import ME, SlackStub, Time

SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-made-up", "SLACK_USER_ID": "U0OWNER", "SLACK_TEST_CHANNEL": "credits",
    "LOOKER_BASE_URL": "http://looker.acme.example", "HTTP_HOSTS": "looker.acme.example",
    "LOOKER_CLIENT_ID": "made-up", "LOOKER_CLIENT_SECRET": "made-up", "NOTEBOOK_PATH": "v.ipynb",
}  # fmt: skip


@pytest.mark.parametrize("lacking", SCOPES, ids=str)
def test_a_scope_that_is_not_granted_is_named(stub: SlackStub, lacking: OAuthScope) -> None:
    """With what it is for. If the bot can work without it, the line says how."""
    granted = [name for scope in SCOPES if scope != lacking for name in scope.names]
    stub.on("auth.test", Answer(ME, headers={"X-OAuth-Scopes": ",".join(granted)}))
    token, scope = attempt("Slack token", lambda: slack_token(access(stub.open().api)))
    assert CheckResult("Slack token", "ok", "bot creditbot in workspace Acme") == token
    assert ("note" if lacking.lost else "FAIL") == scope.verdict
    assert f"Add the scope {lacking} to the Slack app and install it again: needed to {lacking.purpose}." in scope.text
    assert bool(lacking.lost) == (f"Until then {lacking.lost}." in scope.text)


def test_the_organisation_is_named_beside_the_workspace(stub: SlackStub) -> None:
    """On an Enterprise Grid its members may ask, wherever they are at home."""
    stub.on("auth.test", {**ME, "enterprise_id": "E0ORG"})
    (token, *_) = attempt("Slack token", lambda: slack_token(access(stub.open().api)))
    expected = "bot creditbot in workspace Acme of the organisation E0ORG"
    assert CheckResult("Slack token", "ok", expected) == token


def test_names_that_only_look_like_settings_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick ignores them; whoever sets a deployment up learns of them."""
    monkeypatch.setenv("LOOKER_URL", "https://looker.acme.example")
    (finding,) = names_and_places(Settings.load(SETTINGS, env_file=None))
    expected = "LOOKER_URL is not a setting; the nearest one is LOOKER_BASE_URL. Correct its name, or remove it."
    assert ("FAIL", expected) == finding


def test_the_address_of_looker_in_the_example_file_fails() -> None:
    """Nobody's Looker is there, and a tick would only find that its name does not resolve."""
    settings = Settings.load({**SETTINGS, "LOOKER_BASE_URL": "https://acme.looker.com"}, env_file=None)
    ((verdict, text),) = names_and_places(settings)
    assert "FAIL" == verdict
    assert "LOOKER_BASE_URL is still https://acme.looker.com" in text


@pytest.mark.parametrize(
    ("to", "shadow", "verdict", "text"),
    [
        ("owner", "", "ok", "goes to the owner on Mondays from 7:00 UTC, and the bot may post there"),
        ("#credit-requests", "", "ok", "goes to #credit-requests on Mondays from 7:00 UTC, and the bot may post there"),
        ("owner", "true", "note", "SHADOW is on, so no digest goes to the owner"),
        ("nowhere", "", "FAIL", "Slack: The bot cannot see a channel #nowhere on Slack."),
    ],
)
def test_where_the_weekly_digest_goes_is_said(
    slack_sandbox: SandboxSlack, time: Time, to: str, shadow: str, verdict: str, text: str
) -> None:
    settings = Settings.load({**SETTINGS, "DIGEST": to, "SHADOW": shadow}, env_file=None)
    with adapters_on(slack_sandbox, time) as slack:
        (result,) = attempt("digest", lambda: digest(settings, cast("Any", SimpleNamespace(slack=slack))))
    assert verdict == result.verdict
    assert result.text.startswith(text) or text.removeprefix("Slack: ") in result.text
    assert [] == slack_sandbox.world.direct_messages()


def test_no_digest_is_not_worth_a_line() -> None:
    assert [] == digest(Settings.load(SETTINGS, env_file=None), cast("Any", None))


def test_plain_http_is_noted() -> None:
    """HTTP_HOSTS allows it, but somebody should know."""
    notes = list(limits(Settings.load(SETTINGS, env_file=None)))
    assert CheckResult("limits", "note", "LOOKER_BASE_URL uses plain http, as HTTP_HOSTS allows") in notes


@pytest.mark.parametrize(
    ("alone", "confined", "noted"), [(False, False, True), (False, True, False), (True, False, False)]
)
def test_a_system_where_notebooks_can_look_around_is_noted(alone: bool, confined: bool, noted: bool) -> None:
    """In a container there is nobody above the bot to look at."""
    notes = list(secrets(Settings.load(SETTINGS, env_file=None), alone=alone, confined=confined))
    assert noted == any("environment of the programs that started the bot" in note.text for note in notes)


@pytest.mark.parametrize(
    ("password", "noted"), [("test", True), ("w%6Frd", True), ("pa%2Fss", False), ("s3cretpw", False)]
)
def test_a_password_that_cannot_be_hidden_everywhere_is_noted(password: str, noted: bool) -> None:
    settings = Settings.load({**SETTINGS, "WAREHOUSE_URL": f"trino://bot:{password}@host/db"}, env_file=None)
    notes = list(secrets(settings, alone=True, confined=True))
    assert noted == any("password in WAREHOUSE_URL is short" in note.text for note in notes)
