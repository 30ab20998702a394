"""A local Slack and a local Looker over real HTTP, and a small warehouse, to try and test creditbot without accounts.

The adapters and the vendors' SDKs talk to it as to the real ones. It knows nothing about requests, credits or replies.

with Sandbox(folder) as sandbox:
sandbox.environment()            # the settings that lead a bot there
sandbox.world.post("...")        # what people do
sandbox.slack.faults.add(...)    # what goes wrong
"""

from __future__ import annotations

from creditbot.sandbox.sandbox import Listening, Sandbox
from creditbot.sandbox.world import SandboxWorld

__all__ = ["Listening", "Sandbox", "SandboxWorld"]
