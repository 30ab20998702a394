"""The rules by which requests are answered: how long, how often, with which text.

`bootstrap` makes the `Rules` from the settings; `answer` and `tick` follow them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from creditbot.decide.channel_rules import ChannelTable
from creditbot.intake.requests import RequestRules

_LOOKS_APART = 4
"""A post that does not appear within the settle time may appear much later. So its thread is read after one settle
time, after four, after sixteen, and so on until the request is forgotten."""
_MOST_LOOKS = 8


@dataclass(frozen=True, slots=True)
class Rules:
    """How requests are answered. The settings give the values.

    Attributes:
        requests: whose messages are requests, and whose replies are answers.
        lookback: LOOKBACK_HOURS. Three limits have this value: `reads_back`, `reposts_for` and `waits_for_cause`.
        settle: POST_SETTLE_SECONDS: how long after the start of a post Slack may take to show it to everybody.
        attempts: MAX_ATTEMPTS: how many claims that count a request gets before it is given up.
        duplicates: DUPLICATE_DAYS: for how long the same SQL is credited only once.
        channels: what may differ from channel to channel: the owner, the policy, the products, the reply.
        products: names of all products, on or off: past credits are found by product and account.
        shadow: SHADOW: whether what would be said is recorded, and nothing is said.
    """

    requests: RequestRules
    lookback: timedelta
    settle: timedelta
    attempts: int
    duplicates: timedelta
    channels: ChannelTable
    products: tuple[str, ...] = ()
    shadow: bool = False

    @property
    def reads_back(self) -> timedelta:
        """How far back the messages of a channel are read, at least."""
        return self.lookback

    @property
    def reposts_for(self) -> timedelta:
        """How long after the first claim a reply that Slack does not show may still be posted again."""
        return self.lookback

    @property
    def waits_for_cause(self) -> timedelta:
        """How long after the first claim a request still waits for a shared cause to end, such as a Looker outage."""
        return self.lookback


def look_after(settle: timedelta, checked: int) -> timedelta:
    """How long after the end of a request its thread is read once more, if it was read `checked` times since."""
    times: int = _LOOKS_APART ** min(checked, _MOST_LOOKS)
    return settle * times
