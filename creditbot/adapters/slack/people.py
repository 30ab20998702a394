"""Reads what people are called on Slack: member ids come in, `Names` go out, and nothing here keeps them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from creditbot.adapters.slack.api import SlackApi
from creditbot.adapters.slack.errors import CallFailed, read_error
from creditbot.model import Names
from creditbot.text import one_line

_PERSON = re.compile(r"[UW][A-Z0-9]{1,30}")
_NOBODY = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
_MOST_NAMED = 3
_LONGEST = 60
"""Characters of a name."""


class SlackPeople:
    """Asks Slack for one person after another. Implements `ports.People`.

    Args:
        api: the way to Slack, which keeps to its pace.
    """

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    def names(self, users: Collection[str], within: float) -> Names:
        """See `ports.People`. The first answer that concerns everybody, such as a missing scope, is the last one."""
        known: dict[str, str] = {}
        nobody: list[str] = []
        whole = self._api.deadline(within)
        for user in sorted({user for user in users if _PERSON.fullmatch(user)}):
            if not whole.remaining:
                return Names(known, f"Slack did not give all names within {within:g} seconds.")
            try:
                name = _name(self._api.read("users.info", user=user).data.get("user"))
            except CallFailed as failed:
                if failed.code not in _NOBODY:
                    return Names(known, str(read_error(failed)))
                name = ""
            if name:
                known[user] = name
            else:
                nobody.append(user)
        return Names(known, _without_names(nobody))


def _name(user: object) -> str:
    """The full name; else the one that Slack displays, or that of the account; "" if there is none."""
    facts: Mapping[str, object] = user if isinstance(user, dict) else {}
    profile = facts.get("profile")
    shown: Mapping[str, object] = profile if isinstance(profile, dict) else {}
    names = (shown.get("real_name"), facts.get("real_name"), shown.get("display_name"), facts.get("name"))
    return next((line for name in names if isinstance(name, str) and (line := one_line(name, _LONGEST))), "")


def _without_names(users: Sequence[str]) -> str:
    if not users:
        return ""
    more = len(users) - _MOST_NAMED
    return f"Slack has no name for {', '.join(users[:_MOST_NAMED])}{f' and {more} more' if more > 0 else ''}."
