"""Puts reactions on requests, so that whoever asked sees how far the bot is. Best effort: it never raises.

A sign says nothing that the thread does not say, so it is sent once, with a short deadline, and not sent again. When
Slack asks for fewer calls, the next signs are left out until it may be asked again; without the scope, all are.
"""

from __future__ import annotations

import logging
import threading

from creditbot.adapters.slack.api import SlackApi
from creditbot.adapters.slack.errors import CallFailed
from creditbot.model import RequestKey, Sign

EMOJI: dict[Sign, str] = {
    "taken": "eyes",
    "waiting": "raised_hand",
    "answered": "white_check_mark",
    "by_hand": "warning",
}
_SECONDS = 5.0
_THERE_ALREADY = frozenset({"already_reacted", "no_reaction"})
_FOR_GOOD = frozenset({"missing_scope", "not_allowed_token_type", "unknown_method", "no_permission", "access_denied"})

log = logging.getLogger(__name__)


class SlackSigns:
    """Implements `ports.Signs`. Safe to use from several threads.

    Args:
        api: the way to Slack.
    """

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._silent_until = 0.0
        self._lock = threading.Lock()

    def put(self, key: RequestKey, sign: Sign) -> None:
        """See `ports.Signs`."""
        self._call("reactions.add", key, sign)

    def take_back(self, key: RequestKey, sign: Sign) -> None:
        """See `ports.Signs`."""
        self._call("reactions.remove", key, sign)

    def _call(self, method: str, key: RequestKey, sign: Sign) -> None:
        with self._lock:
            if self._api.clock.boot() < self._silent_until:
                return
        deadline = self._api.deadline(_SECONDS)
        try:
            self._api.write(method, deadline, channel=key.channel, timestamp=key.ts, name=EMOJI[sign])
        except CallFailed as failed:
            if failed.code not in _THERE_ALREADY:
                log.debug("no sign on request %s: %s", key, failed.explanation)
                self._be_silent(failed)
        except Exception:  # a sign is never worth a request
            log.warning("no sign on request %s", key, exc_info=True)

    def _be_silent(self, failed: CallFailed) -> None:
        if failed.code in _FOR_GOOD:
            seconds = float("inf")
        elif failed.limited or failed.status != 200:
            seconds = failed.retry_after or 30.0
        else:
            return
        with self._lock:
            self._silent_until = max(self._silent_until, self._api.clock.boot() + seconds)


class NoSigns:
    """STATUS_REACTIONS=false. Implements `ports.Signs`."""

    def put(self, key: RequestKey, sign: Sign) -> None:
        """Does nothing."""

    def take_back(self, key: RequestKey, sign: Sign) -> None:
        """Does nothing."""
