"""Reads which scopes the token has, for `creditbot check`."""

from __future__ import annotations

from dataclasses import dataclass

from creditbot.adapters.slack.api import SlackApi
from creditbot.adapters.slack.errors import CallFailed, read_error


@dataclass(frozen=True, slots=True)
class OAuthScope:
    """One right the bot uses.

    Attributes:
        names: any of these scopes gives it.
        purpose: what it is for, as the end of "needed to ...".
        lost: what is lost without it, a clause; "" if creditbot does not work without it.
    """

    names: tuple[str, ...]
    purpose: str
    lost: str = ""

    def __str__(self) -> str:
        """As people read it: "channels:read or groups:read"."""
        return " or ".join(self.names)


SCOPES = (
    OAuthScope(("channels:read", "groups:read"), "find the channel"),
    OAuthScope(("channels:history", "groups:history"), "read its messages and threads"),
    OAuthScope(("chat:write",), "reply"),
    OAuthScope(("im:write",), "write to the bot's owner"),
    OAuthScope(("im:history",), "see which messages the owner already has", "the owner may get a message twice"),
    OAuthScope(("reactions:write",), "show on a request how far it is", "no reaction shows that a request was taken"),
    OAuthScope(
        ("reactions:read",),
        "see everybody who reacts to a question to the approvers",
        "no reaction counts where many people react, or where im:history is missing for direct messages; decide with "
        "`creditbot approve` and `creditbot deny`",
    ),
    OAuthScope(
        ("users:read",),
        "name people in the report, the export and other lists",
        "people are shown by their member IDs alone",
    ),
)


@dataclass(frozen=True, slots=True)
class Access:
    """Whose token it is.

    Attributes:
        team: name of the workspace.
        user: name of the bot's user.
        scopes: what the token may do; empty where Slack does not say.
        enterprise: id of the Enterprise Grid organisation that the workspace belongs to, or "".
    """

    team: str
    user: str
    scopes: frozenset[str]
    enterprise: str = ""

    @property
    def missing(self) -> tuple[OAuthScope, ...]:
        """The scopes the token lacks."""
        return tuple(scope for scope in SCOPES if self.scopes.isdisjoint(scope.names))


def access(api: SlackApi) -> Access:
    """Asks Slack whose token it is. Raises `Unreachable` or `Refused`."""
    try:
        answer = api.read("auth.test")
    except CallFailed as failed:
        raise read_error(failed) from failed
    scopes = (scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(","))
    team, user = (str(answer.data.get(name) or "without a name") for name in ("team", "user"))
    return Access(team, user, frozenset(filter(None, scopes)), str(answer.data.get("enterprise_id") or ""))
