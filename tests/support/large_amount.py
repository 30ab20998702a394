"""An amount that the default policy holds, what the bot replies to it, and ticks under another policy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from creditbot.decide.policy import Policy
from tests.support.world_facts import ruled

LARGE = Decimal("30000.00")
LARGE_REPLY = "Approved, $30,000.00, exceptions"


def under(policy: Policy) -> dict[str, Any]:
    """Ticks under this policy."""
    return {"rules": ruled(policy=policy)}
