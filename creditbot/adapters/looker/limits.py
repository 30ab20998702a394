"""How long calls to Looker may take. Apart from `client`, so that naming a limit does not import the SDK."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LookerLimits:
    """In seconds.

    Attributes:
        call: one call, the whole answer included.
        tries: no further try begins later than this after the first one.
    """

    call: float = 60.0
    tries: float = 90.0

    @classmethod
    def one_try(cls, seconds: float) -> LookerLimits:
        """A single try of so many seconds."""
        return cls(seconds, 0.0)
