"""The states of a request, and of a message to the owner. Pure: decisions are made elsewhere, this says which exist.

    (nothing) ──> claimed ──> computed ──> posting ──> answered
                   │  ▲          │ ▲         │ ▲
                   │  │          │ └─refused─┘ └─ settled, scanned, nothing there: once more
                   │  │          └──> seen   other links than were computed: computed anew
                   │  └─ failed, seen, or a claim that ran out
                   ├──> failed     will be tried again at `due`
                   ├──> dead       given up or refused; the owner is told
                   ├──> skipped    no link of it is for a product that is on
                   ├──> elsewhere  a person or another bot answered it
                   └──> withdrawn  deleted, or its links were removed

    claimed and computed also end as answered, if the thread shows our reply: then a state was lost.
    seen is where `creditbot retry` and an edit put a failed, dead, skipped or withdrawn request. elsewhere, withdrawn
    and dead can also follow computed, and follow posting only after a scan of the thread begun when the post had
    settled. Who takes over a computed request claims it anew: it stays computed. A claim notes what is worked on, once
    more where the message was edited since: it stays claimed.

    A message to the owner: due ──> telling ──> told, with the same care: telling leaves by the marker found, a definite
    refusal (due again), or the settle time.

Every transition is a compare-and-swap on the store: the record that the decision was made from is compared field by
field, and its `nonce` is new in each write, so that no two writes are ever taken for each other.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from creditbot.model import Workspace

SCHEMA = 1
"""Version of the layout of what is stored."""

Status = Literal[
    "seen", "claimed", "computed", "posting", "failed",
    "answered", "dead", "skipped", "elsewhere", "withdrawn",
]  # fmt: skip
TERMINAL: frozenset[Status] = frozenset({"answered", "dead", "skipped", "elsewhere", "withdrawn"})
ANSWERED: frozenset[Status] = frozenset({"answered", "elsewhere"})
"""Ends with an answer, ours or a person's: the SQL that was computed for the request is credited."""
_ENDS: frozenset[Status] = frozenset({"failed", "dead", "skipped", "elsewhere", "withdrawn"})
MOVES: dict[Status | None, frozenset[Status]] = {
    None: frozenset({"claimed", "seen"}),
    "seen": frozenset({"claimed"}),
    "claimed": frozenset({"claimed", "computed", "seen", "answered", *_ENDS}),
    "failed": frozenset({"claimed", "seen", "dead"}),
    "computed": frozenset({"computed", "posting", "seen", "answered", *_ENDS}),
    "posting": frozenset({"posting", "computed", "answered", "elsewhere", "withdrawn", "dead"}),
    "answered": frozenset({"answered"}),
    "dead": frozenset({"dead", "seen"}),
    "skipped": frozenset({"skipped", "seen"}),
    "withdrawn": frozenset({"withdrawn", "seen"}),
    "elsewhere": frozenset({"elsewhere"}),
}


def new_nonce() -> str:
    """A value that no other write carries."""
    return secrets.token_hex(6)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who works on a request.

    Attributes:
        by: the process, as `creditbot.machine.processes.name` gives it.
        until: UTC; after it anybody may take over.
    """

    by: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What was computed, stored before it is posted: whoever takes over posts this and computes no other amount.

    Attributes:
        amount: USD.
        sql: hashes of the SQL that is credited.
        notebooks: hashes of the notebooks that ran.
        place: where the summary is.
    """

    amount: Decimal
    sql: tuple[str, ...] = ()
    notebooks: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of one request.

    Attributes:
        status: see the drawing above.
        nonce: new in every write.
        at: UTC of the last transition; for posting the moment from which the settle time counts.
        began: UTC of the first claim.
        thread: ts of its thread's parent where that is another message (a broadcast reply), else "".
        user: id of the author.
        links: fingerprint of the links it was worked on with.
        edited: ts of the edit it was worked on with, or "".
        attempts: claims made, without those that a shared cause ended.
        returned: attempts given back because of a shared cause.
        due: UTC, earliest next try of a failed or computed request.
        claim: who works on it; None once that has ended with a word.
        result: what was computed.
        posts: how often it went to posting; more than one asks for a look whether two replies stand there.
        reply: ts of the reply, ours or somebody else's.
        reason: why it ended as it did, one sentence for people.
        checked: how often its thread was looked at again, for a reply that was not seen when it ended.
        saved: the summary of its end is written: the state may forget it.
        again: who overrode the refusal to credit the same SQL twice, or "".
        seconds: from the claim to the reply.
        doubled: two replies of ours stood in its thread: it is looked at again whether the later one was edited.
        retried: UTC of the last `creditbot retry`: what comes of that is told, also where the same was told before.
    """

    status: Status
    nonce: str
    at: datetime
    began: datetime | None = None
    thread: str = ""
    user: str = ""
    links: str = ""
    edited: str = ""
    attempts: int = 0
    returned: int = 0
    due: datetime | None = None
    claim: Claim | None = None
    result: Result | None = None
    posts: int = 0
    reply: str = ""
    reason: str = ""
    checked: int = 0
    saved: bool = False
    again: str = ""
    seconds: float = 0.0
    doubled: bool = False
    retried: datetime | None = None

    @property
    def terminal(self) -> bool:
        """Nothing more happens to it by itself."""
        return self.status in TERMINAL


def was_posted(before: Record | None, after: Record | None) -> bool:
    """Whether a reply was posted between two records of a request; one that was found in its thread was not."""
    return bool(after and after.status == "answered" and after.posts > (before.posts if before else 0))


def move(record: Record | None, to: Status, at: datetime, **changes: Any) -> Record:
    """The record after a transition, with a new nonce. ValueError for one that the drawing does not have."""
    source = record.status if record else None
    if to not in MOVES[source]:
        raise ValueError(f"a request does not go from {source} to {to}")
    if record is None:
        return Record(status=to, nonce=new_nonce(), at=at, **changes)
    return replace(record, **{"status": to, "nonce": new_nonce(), "at": at, **changes})


def reopened(record: Record, at: datetime, **asked_for: Any) -> Record:
    """An ended or failed request that starts anew, without what came of it before, but with what was `asked_for`."""
    blank: dict[str, Any] = {
        "attempts": 0, "returned": 0, "due": None, "claim": None, "result": None, "began": None, "reason": "",
        "saved": False, "checked": 0, "again": "",
    }  # fmt: skip
    return move(record, "seen", at, **{**blank, **asked_for})


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to the owner, told once.

    Attributes:
        status: due, telling or told.
        nonce: new in every write.
        at: UTC of the last transition.
        text: what to say; dropped once it is told.
        since: UTC; before it is first sent, the conversation is looked through from then on, because a state that was
            lost since may have known that it was told. None: it cannot have been.
    """

    status: Literal["due", "telling", "told"]
    nonce: str
    at: datetime
    text: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Meta:
    """What is remembered beside the requests.

    Attributes:
        schema: version of the layout; a newer one than `SCHEMA` is refused.
        nonce: new in every write of it.
        workspace: who we are and what we watch, so that an idle tick need not ask.
        covered_until: UTC; every request before it has a record or was forgotten.
        forgotten_before: UTC; an older request without a record is only started by `creditbot retry`.
        hold_since: UTC; requests older than this wait until `hold_until`, because the state was lost or damaged then.
        hold_until: UTC.
    """

    schema: int = SCHEMA
    nonce: str = ""
    workspace: Workspace | None = None
    covered_until: datetime | None = None
    forgotten_before: datetime | None = None
    hold_since: datetime | None = None
    hold_until: datetime | None = None
