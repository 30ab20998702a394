"""The states of a request and of a message to the owner.

Pure: this says which states and moves exist. `tick` and `answer` decide which move is made; `ledger` stores it.

    (nothing) ──> claimed ──> computed ──> posting ──> answered
                   │  ▲        │ │ ▲         ▲ ▲ │
                   │  │        │ │ └──refused│─│─┘
                   │  │        │ └──> held ──┘ └─ settled, thread read, nothing there: posted once more
                   │  │        └──> restarted   the links changed after they were computed
                   │  └─ failed, restarted, or a claim that ran out
                   ├──> failed     will be tried again at `due`
                   ├──> given_up   failed too often, or refused; the owner is told
                   ├──> skipped    no link is for a product that is on
                   ├──> elsewhere  a person or another bot answered
                   ├──> shadowed   in shadow: nothing is said, and what would have been said is recorded
                   └──> withdrawn  the message or its links were deleted

    `creditbot retry` or an edit moves a request that failed, was given up, skipped or withdrawn to restarted, and
    `creditbot retry` one that ended elsewhere, if its thread no longer shows an answer. claimed and computed end as
    answered if the thread already shows our reply: it was posted before a state was lost.
    A computed request is held if a person has to decide. It goes on to posting when it is approved, and ends as denied
    otherwise. If what was to be approved has changed, it goes back to computed or restarted, or is held again.
    If a person answers by hand what was given up, denied or skipped, it ends elsewhere.
    elsewhere, withdrawn, given_up and denied can also follow computed and held. They follow posting only once the post
    has settled and the thread was read after that. A computed or held request stays so when another process claims it.
    A claimed request stays claimed when it is written again because its message was edited.
    In shadow, shadowed takes the place of posting, held, given_up and denied. It can follow whatever they can follow,
    and held and posting, if those are from before SHADOW was on. `creditbot retry` leads back to restarted, and so does
    an edit, unless the request would have been answered.

    A message to the owner or to the approvers: due ──> telling ──> told. It leaves telling when its marker is found,
    when Slack definitely refused it (it is due again), or after the settle time.

Every move is a compare-and-swap on the store: the stored record must equal, field by field, the one that the decision
was made from. Each write has a new `nonce`, so no two writes are ever taken for each other.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from creditbot.model import HoldReason, Workspace

SCHEMA = 3
"""Version of the layout of what is stored."""

Status = Literal[
    "restarted", "claimed", "computed", "held", "posting", "failed",
    "answered", "given_up", "denied", "skipped", "elsewhere", "withdrawn", "shadowed",
]  # fmt: skip
TERMINAL: frozenset[Status] = frozenset(
    {"answered", "given_up", "denied", "skipped", "elsewhere", "withdrawn", "shadowed"}
)
ANSWERED: frozenset[Status] = frozenset({"answered", "elsewhere"})
"""Ends with an answer, by the bot or by a person. Both credit the SQL that was computed for the request."""
UNANSWERED: frozenset[Status] = frozenset({"given_up", "denied", "skipped"})
"""Ends after which a person may answer by hand. The request ends elsewhere then, and its traffic counts as credited."""
Would = Literal["", "answered", "held", "refused", "failed"]
"""What would have become of a request without SHADOW: a reply, a question to the approvers, or a message to the owner
because something in the request does not allow a reply (refused), or because no attempt succeeded (failed)."""
_ENDS: frozenset[Status] = frozenset({"failed", "given_up", "skipped", "elsewhere", "withdrawn", "shadowed"})
MOVES: dict[Status | None, frozenset[Status]] = {
    None: frozenset({"claimed", "restarted"}),
    "restarted": frozenset({"claimed"}),
    "claimed": frozenset({"claimed", "computed", "restarted", "answered", *_ENDS}),
    "failed": frozenset({"claimed", "restarted", "given_up", "shadowed"}),
    "computed": frozenset({"computed", "held", "posting", "restarted", "answered", "denied", *_ENDS}),
    "held": frozenset(
        {
            "held",
            "computed",
            "posting",
            "restarted",
            "answered",
            "given_up",
            "denied",
            "elsewhere",
            "withdrawn",
            "shadowed",
        }
    ),
    "posting": frozenset(
        {"posting", "computed", "answered", "elsewhere", "withdrawn", "given_up", "denied", "shadowed"}
    ),
    "answered": frozenset({"answered"}),
    "given_up": frozenset({"given_up", "restarted", "elsewhere"}),
    "denied": frozenset({"denied", "restarted", "elsewhere"}),
    "skipped": frozenset({"skipped", "restarted", "elsewhere"}),
    "withdrawn": frozenset({"withdrawn", "restarted"}),
    "elsewhere": frozenset({"elsewhere", "restarted"}),
    "shadowed": frozenset({"shadowed", "restarted"}),
}


def new_nonce() -> str:
    """A value that no other write carries."""
    return secrets.token_hex(6)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who works on a request.

    Attributes:
        by: the process, as `creditbot.machine.processes.name` gives it.
        until: UTC; after this, any process may take over.
    """

    by: str
    until: datetime


@dataclass(frozen=True, slots=True)
class LinkAmount:
    """What one link adds to the amount.

    Attributes:
        product: name of its product.
        amount: USD.
    """

    product: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """The amount and its evidence, stored before the reply is posted: whichever process takes over posts this amount.

    Attributes:
        amount: USD.
        sql: hashes of the SQL that is credited.
        notebooks: hashes of the notebooks that ran.
        location: where the summary is: a path or an address below OUTPUT_URI.
        skipped: how many links are left out of the amount, because their product is off.
        traffic: the footprint of each link that is credited, as JSON with hashed accounts and without units; see
            `creditbot.credit.footprint_text`. The summary has all of it.
        links: the amounts that `amount` is the sum of; empty where an earlier version computed it.
    """

    amount: Decimal
    sql: tuple[str, ...] = ()
    notebooks: tuple[str, ...] = ()
    location: str = ""
    skipped: int = 0
    traffic: tuple[str, ...] = ()
    links: tuple[LinkAmount, ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """The yes or no of one approver.

    Attributes:
        by: the approver's Slack id.
        yes: False for a no.
        seen: UTC, when a tick first saw the reaction, or when the command was run.
        typed_by: who ran `creditbot approve` or `creditbot deny`; "" for a reaction.
    """

    by: str
    yes: bool
    seen: datetime
    typed_by: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A question to the approvers, and what they said so far.

    Attributes:
        digest: hash of what they decide on, see `creditbot.decide.approval`.
        policy: hash of the policy by which they are asked.
        reasons: why they are asked.
        ask: name of the notice that asks them.
        until: UTC; without a decision before this the hold ends as denied.
        votes: the votes that count, as they were last seen.
        twice: USD that would be paid twice for certain, over all reasons: traffic that several others share counts
            once. None if no share is known, or an earlier version asked.
    """

    digest: str
    policy: str
    reasons: tuple[HoldReason, ...]
    ask: str
    until: datetime
    votes: tuple[Vote, ...] = ()
    twice: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """The memory of one request.

    Attributes:
        status: see the drawing above.
        nonce: new in every write.
        at: UTC of the last move. For posting, the settle time counts from here.
        began: UTC of the first claim.
        seen: UTC of the very first claim, which a restart does not change; None where an earlier version made it.
        thread: ts of the thread's parent if that is another message (the request is a broadcast reply), else "".
        user: id of the author.
        links: fingerprint of the links that were worked on.
        edited: ts of the latest edit that was worked on, or "".
        attempts: claims made. A claim that a shared cause ended is not counted.
        returned: claims that a shared cause ended.
        due: UTC. A failed or computed request is not tried again before this.
        claim: who works on it; None once that process has stored its result.
        result: the amount and its evidence, once computed.
        posts: how often it went to posting. After more than one, the thread may show two replies.
        reply: ts of the reply, from us or from somebody else.
        answer_by: id of the person or bot whose answer counts, if it is not ours, else "".
        answer_amount: USD that this answer names; None if it names no amount, or several. For a shadowed request, 0 if
            somebody wrote that there is no credit.
        reason: why it ended as it did, one sentence for people.
        cause: kind of the failure that it ended with, or that it waits for: `CreditbotError.kind`; "" for none.
        checked: how often its thread was read after the end, to find a reply that appeared late.
        saved: the summary of its end is written, and its end is in the log, so the state may forget it.
        logged: digest of its end as it is in the log, or "".
        overridden_by: who overrode the rule that the same SQL is credited once, or "".
        seconds: from the first claim to the reply.
        doubled: its thread showed two of our replies; a later tick checks that the second one was edited.
        replies: how many replies the channel showed for the thread when it was last read. After our own post, how many
            the channel will show. If the channel shows another number, the thread is read again.
        retried: UTC of the last `creditbot retry`. The owner is told about a failure after it, even if told before.
        hold: what the approvers were asked about this result; None where nobody had to be asked.
        would: for a shadowed request, what would have become of it; else "".
        traffic: the footprint of each link as in `Result`, where somebody else answered before anything was computed.
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
    answer_by: str = ""
    answer_amount: Decimal | None = None
    reason: str = ""
    checked: int = 0
    saved: bool = False
    logged: str = ""
    overridden_by: str = ""
    seconds: float = 0.0
    doubled: bool = False
    retried: datetime | None = None
    replies: int = 0
    hold: Hold | None = None
    seen: datetime | None = None
    cause: str = ""
    would: Would = ""
    traffic: tuple[str, ...] = ()

    @property
    def terminal(self) -> bool:
        """Whether the request has ended. Only an edit or a command can start it again."""
        return self.status in TERMINAL


class End(Protocol):
    """How a request stands, in the state or in a summary; see `Record`."""

    @property
    def status(self) -> Status:
        """Where it stands."""

    @property
    def reply(self) -> str:
        """Where the answer is."""

    @property
    def would(self) -> Would:
        """What would have become of it, if it is shadowed."""

    @property
    def answer_amount(self) -> Decimal | None:
        """What a person's answer grants."""


def is_credited(end: End, *, in_shadow: bool) -> bool:
    """Whether the SQL and the traffic of a request count as credited.

    A shadowed request was paid only if a person has answered it since. `in_shadow` asks on behalf of another request
    that is in shadow: for that one it counts as well if it would have been answered.
    """
    if end.status == "shadowed":
        return bool(end.reply and end.answer_amount != 0) or (in_shadow and end.would == "answered")
    return end.status == "posting" or end.status in ANSWERED


def was_posted(before: Record | None, after: Record | None) -> bool:
    """Whether we posted a reply between two records of a request. A reply only found in the thread does not count."""
    return bool(after and after.status == "answered" and after.posts > (before.posts if before else 0))


def move(record: Record | None, to: Status, at: datetime, **changes: Any) -> Record:
    """The record after a move, with a new nonce. Raises ValueError for a move that the drawing does not show."""
    source = record.status if record else None
    if to not in MOVES[source]:
        raise ValueError(f"a request cannot move from {source} to {to}")
    if record is None:
        return Record(status=to, nonce=new_nonce(), at=at, **changes)
    return replace(record, **{"status": to, "nonce": new_nonce(), "at": at, **changes})


def restarted(record: Record, at: datetime, **kept: Any) -> Record:
    """The record of a request that starts again from the beginning. `kept` are the fields to keep or to set."""
    blank: dict[str, Any] = {
        "attempts": 0, "returned": 0, "due": None, "claim": None, "result": None, "began": None, "reason": "",
        "cause": "", "answer_by": "", "answer_amount": None, "saved": False, "logged": "", "checked": 0,
        "overridden_by": "", "hold": None, "would": "", "traffic": (),
    }  # fmt: skip
    return move(record, "restarted", at, **{**blank, **kept})


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to the owner or to the approvers, sent once.

    Attributes:
        status: due, telling or told.
        nonce: new in every write.
        at: UTC of the last move.
        text: the message; dropped once it is told, but for a question, which is struck through in the end.
        since: UTC. Before the message is first sent, the conversation is searched from this time on, because a tick may
            have sent it before the state was lost, or another deployment may have. None if that is impossible.
        to_approvers: whether it goes to the approvers and not to the owner.
        channel, ts: where a message to the approvers stands once it is told, else "".
        sends: how often it was sent. After more than one, the conversation may show it twice.
    """

    status: Literal["due", "telling", "told"]
    nonce: str
    at: datetime
    text: str = ""
    since: datetime | None = None
    to_approvers: bool = False
    channel: str = ""
    ts: str = ""
    sends: int = 0


@dataclass(frozen=True, slots=True)
class Meta:
    """Everything that is remembered but is not about one request.

    Attributes:
        schema: version of the layout; a newer one than `SCHEMA` is refused.
        nonce: new in every write of it.
        workspace: who we are and which channels we watch, so that an idle tick need not ask Slack.
        covered_until: UTC. Every request before it has a record or was forgotten.
        forgotten_before: UTC. Only `creditbot retry` starts an older request without a record.
        pause_before: UTC. Requests older than this wait until `pause_until`, because the state was lost or damaged.
        pause_until: UTC.
        deployment: a random id of this deployment, made with the state. Every post carries it.
        deployed: UTC. A post after this with another id is of another deployment. It is when the id was made; after a
            loss of the state, it is the end of the pause.
        shadow: whether the latest tick was in shadow.
        live_since: UTC, of the first tick without SHADOW after one with it. Requests from before it are never answered,
            unless somebody runs `creditbot retry` after it. None if no tick was in shadow.
        reported: UTC, as of when the last report was made by a tick.
    """

    schema: int = SCHEMA
    nonce: str = ""
    workspace: Workspace | None = None
    covered_until: datetime | None = None
    forgotten_before: datetime | None = None
    pause_before: datetime | None = None
    pause_until: datetime | None = None
    deployment: str = ""
    deployed: datetime | None = None
    shadow: bool = False
    live_since: datetime | None = None
    reported: datetime | None = None
