"""A way to Slack that cannot write: for what looks back at the channel, whatever its token may do.

`SlackApi` with a list of the methods that read. Any other method is refused here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from creditbot.adapters.slack.api import SlackAnswer, SlackApi, TimeLimits
from creditbot.adapters.slack.inbox import SlackInbox
from creditbot.adapters.slack.open import fingerprint
from creditbot.adapters.slack.pacing import Allowance
from creditbot.adapters.slack.people import SlackPeople
from creditbot.adapters.slack.wire import Deadline, Network
from creditbot.errors import PostRefused
from creditbot.machine.clock import SlackClock
from creditbot.machine.processes import Stop

READS = frozenset({
    "auth.test", "conversations.history", "conversations.info", "conversations.list", "conversations.replies",
    "users.info",
})  # fmt: skip
"""The methods of Slack that looking back takes; none of them changes anything."""
THREADS_PER_MINUTE = 45.0
"""Slack lets an app read some 50 threads a minute: https://docs.slack.dev/apis/web-api/rate-limits, tier 3."""
_THREADS_AT_ONCE = 40
_PEOPLE_PER_MINUTE, _PEOPLE_AT_ONCE = 90.0, 80
"""Some 100 people a minute may be looked up: tier 4 of the same page."""
_PEOPLE_LIMITS = TimeLimits(one_try=5.0, read=10.0)
"""Names are worth little patience: without them, people are shown by their ids."""


class ReadingApi(SlackApi):
    """One token's way to Slack, for reading alone, at a pace that leaves the bot beside it some of Slack's limits."""

    def __init__(
        self, token: str, api_url: str, clock: SlackClock, stop: Stop, limits: TimeLimits, network: Network
    ) -> None:  # fmt: skip
        super().__init__(token, api_url, clock, stop, limits, network)
        self._paces = {
            "conversations.replies": Allowance(THREADS_PER_MINUTE, _THREADS_AT_ONCE, clock.boot, stop.sleep),
            "users.info": Allowance(_PEOPLE_PER_MINUTE, _PEOPLE_AT_ONCE, clock.boot, stop.sleep),
        }

    @override
    def read(self, method: str, **arguments: object) -> SlackAnswer:
        if method in self._paces:
            self._paces[method].wait()
        return super().read(method, **arguments)

    @override
    def _call(
        self, method: str, arguments: dict[str, object], deadline: Deadline, largest: int, *, as_json: bool = False
    ) -> SlackAnswer:
        if method not in READS:
            raise PostRefused(f"This process only reads Slack, so it does not call {method}.", retry=False)
        return super()._call(method, arguments, deadline, largest, as_json=as_json)


def open_inbox(token: str, api_url: str, channels: Sequence[str], stop: Stop) -> tuple[SlackInbox, SlackClock]:
    """A reader of these channels, and its clock; nothing is asked yet. The parameters are those of `open_slack`."""
    clock = SlackClock()
    api = ReadingApi(token, api_url, clock, stop, TimeLimits(), Network())
    return SlackInbox(api, channels, fingerprint(token, api_url, channels)), clock


def open_people(token: str, api_url: str, stop: Stop) -> SlackPeople:
    """What knows people's names; nothing is asked yet. The parameters are those of `open_slack`."""
    return SlackPeople(ReadingApi(token, api_url, SlackClock(), stop, _PEOPLE_LIMITS, Network()))
