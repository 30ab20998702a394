"""What the state holds of the weekly digest: which week the last one is about, and whether it is posted.

Pure. `creditbot.answer.weekly` moves it on; `ledger` stores it, under the key `weekly` of the document. It is not a
notice: an older version sends every notice that it finds to the owner, perhaps a second time. Over a key that it does
not know it passes, and leaves it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Weekly:
    """The last weekly digest.

    Attributes:
        week: the Monday of the week that it is about, UTC.
        status: "sending" from before it is sent until Slack is known to have it; "sent"; "refused" if Slack did not
            take it.
        nonce: new in every write.
        at: UTC of the last move.
    """

    week: date
    status: Literal["sending", "sent", "refused"]
    nonce: str
    at: datetime
