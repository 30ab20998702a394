"""The context that the parts of one tick share: ports, state, workspace, rules, and this process.

`tick.tick` makes one `TickContext` per tick and hands it to everything that works in that tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from creditbot.answer.rules import Rules
from creditbot.machine.processes import ThisProcess
from creditbot.model import Workspace
from creditbot.ports import Ports
from creditbot.state.ledger import Ledger


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

    @property
    def stopping(self) -> bool:
        """Whether this process was asked to stop. It then begins nothing new."""
        return self.process.stop.asked
