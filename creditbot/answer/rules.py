"""The numbers and words by which requests are answered: how long, how often, with which text.

`bootstrap` makes the `Rules` from the settings; `answer` and `tick` keep to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from creditbot.intake.requests import RequestRules


@dataclass(frozen=True, slots=True)
class Rules:
    """How requests are answered. The settings give the values.

    Attributes:
        requests: whose messages are requests, and whose replies are answers.
        lookback: LOOKBACK_HOURS. Three limits share this number: `reads_back`, `reposts_for` and `waits_for_cause`.
        settle: POST_SETTLE_SECONDS: Slack shows a post to everybody within this time from the moment it was begun.
        attempts: MAX_ATTEMPTS: claims of a request before it is given up.
        duplicates: DUPLICATE_DAYS: for how long the same SQL is credited only once.
        template: REPLY_TEMPLATE: text of the reply; it knows only `{amount}`.
    """

    requests: RequestRules
    lookback: timedelta
    settle: timedelta
    attempts: int
    duplicates: timedelta
    template: str

    @property
    def reads_back(self) -> timedelta:
        """How far back the messages of a channel are read, at least."""
        return self.lookback

    @property
    def reposts_for(self) -> timedelta:
        """For how long after the first claim a reply that Slack never showed is posted again."""
        return self.lookback

    @property
    def waits_for_cause(self) -> timedelta:
        """For how long after the first claim a request waits for the end of a shared cause, such as a Looker outage."""
        return self.lookback
