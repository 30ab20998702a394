"""The context that the parts of one tick share: ports, state, workspace, rules, and this process.

`tick.tick` makes one `TickContext` per tick and hands it to everything that works in that tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from creditbot.answer.rules import Rules
from creditbot.decide.channel_rules import ChannelRules
from creditbot.machine.processes import ThisProcess
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Ports
from creditbot.state.ledger import Ledger
from creditbot.state.record import Record


@dataclass(frozen=True, slots=True)
class TickContext:
    """Everything that any part of a tick may use.

    Attributes:
        ports: Slack, Looker, the notebooks and the stores.
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
    def deployment(self) -> str:
        """The id of this deployment, which every post carries."""
        return self.ledger.state.meta.deployment

    def rules_of(self, key: RequestKey) -> ChannelRules:
        """The rules of the channel of a request. A channel that is no longer watched has those of all channels."""
        return self.rules.channels.of(key.channel, self.workspace)

    def in_shadow(self, key: RequestKey, record: Record | None = None) -> bool:
        """Whether nothing may be said about a request: SHADOW is on, or was on when the request was asked."""
        return self.rules.shadow or self.ledger.state.in_shadow(key, record.retried if record else None)

    def is_silent(self, key: RequestKey, record: Record | None = None) -> bool:
        """Whether the owner hears nothing about a request: it is in shadow, and we never posted a reply to it."""
        return self.in_shadow(key, record) and not (record and record.posts)

    @property
    def stopping(self) -> bool:
        """Whether this process was asked to stop. It then begins nothing new."""
        return self.process.stop.asked
