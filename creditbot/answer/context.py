"""What the parts of one tick share: the outside, the memory, the workspace, the rules, and this process.

`tick.tick` makes one `TickContext` a tick and hands it to everything that works in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from creditbot.intake.requests import RequestRules
from creditbot.machine.processes import ThisProcess
from creditbot.model import Workspace
from creditbot.ports import Ports
from creditbot.state.ledger import Ledger


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


@dataclass(frozen=True, slots=True)
class TickContext:
    """What every part of a tick may use.

    Attributes:
        ports: the outside.
        ledger: the state.
        workspace: who we are on Slack.
        rules: how requests are answered.
        process: who we are among the processes that share the state.
    """

    ports: Ports
    ledger: Ledger
    workspace: Workspace
    rules: Rules
    process: ThisProcess

    def now(self) -> datetime:
        """UTC by Slack's clock, which all processes share."""
        return self.ports.clock.now()

    @property
    def stopping(self) -> bool:
        """Whether this process was asked to stop: it begins nothing new then."""
        return self.process.stop.asked
