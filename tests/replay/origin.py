"""Where recordings come from, and the names that stand in cassettes instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from creditbot.sandbox import Sandbox
from creditbot.sandbox.looker import CLIENT_ID, CLIENT_SECRET

PREFIX = "CREDITBOT_RECORD_"
"""Begins every variable that says how to record from a real workspace."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A Slack and a Looker, and the credentials for them.

    Attributes:
        slack_api_url: base address of Slack's methods, with a slash at the end.
        slack_token: bot token.
        looker_base_url: address of Looker, without a slash at the end.
        looker_client_id, looker_client_secret: of the API key.
    """

    slack_api_url: str
    slack_token: str
    looker_base_url: str
    looker_client_id: str
    looker_client_secret: str


CANONICAL = Origin(
    "https://slack.com/api/",
    "slack-token-not-a-secret",
    "https://acme.looker.com",
    "looker-client-not-a-secret",
    "looker-key-not-a-secret",
)
"""What cassettes hold, and what a replay is given."""


def of_sandbox(sandbox: Sandbox) -> Origin:
    """A sandbox that is being served."""
    slack, looker = sandbox.slack_server.url, sandbox.looker_server.url
    return Origin(f"{slack}/api/", sandbox.slack.token, looker, CLIENT_ID, CLIENT_SECRET)


def of_environment(environ: Mapping[str, str]) -> Origin | None:
    """The real workspace that the environment names; None if it names none.

    Raises ValueError if it names only half of it.
    """
    given = {name: environ.get(f"{PREFIX}{name.upper()}", "") for name in (field.name for field in fields(Origin))}
    if not any(given.values()):
        return None
    given["slack_api_url"] = given["slack_api_url"] or CANONICAL.slack_api_url
    missing = [f"{PREFIX}{name.upper()}" for name, value in given.items() if not value]
    if missing:
        raise ValueError(f"recording from a real workspace also needs {', '.join(missing)}")
    return Origin(**{name: value.rstrip("/") if name == "looker_base_url" else value for name, value in given.items()})
