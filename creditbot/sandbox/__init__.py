"""A local Slack and a local Looker over real HTTP, and a small warehouse: creditbot without accounts.

with Sandbox(folder) as sandbox:
sandbox.environment()            # the settings that lead a bot there
sandbox.world.post("...")        # what people do
sandbox.slack.faults.add(...)    # what goes wrong
"""

from __future__ import annotations

from creditbot.sandbox.sandbox import Sandbox
from creditbot.sandbox.world import SandboxWorld

__all__ = ["Sandbox", "SandboxWorld"]
