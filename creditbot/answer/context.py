"""What the parts of one tick share: the outside, the memory, the workspace, the rules, and this process.

`tick.tick` makes one `TickContext` a tick and hands it to everything that works in it.
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
