"""The values that flow through creditbot: frozen, explained once, free of vendors' shapes.

Money is `Decimal` in USD with two places, times are aware `datetime` in UTC, durations are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Literal

ACCOUNT_FIELDS = ("account_sid", "account_id", "subaccount_sid", "sub_account_sid")
"""The columns that name the account, unless the policy says otherwise."""

LinkKind = Literal["look", "explore_qid", "explore_params", "short", "sql_runner", "dashboard", "merge", "other"]


Sign = Literal["taken", "waiting", "answered", "by_hand"]
"""What a person sees on a request: the bot works on it, it waits for approvers, it is answered, or somebody will answer
it by hand."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Identifies a request permanently: an edit does not change it.

    Attributes:
        team: id of the workspace our token belongs to, such as "T0123".
        channel: id of the channel, such as "C0123".
        ts: Slack's message id, a string that is never to be read as a float.
    """

    team: str
    channel: str
    ts: str

    def __str__(self) -> str:
        """As used for state keys, markers and file names: "T0123.C0123.1736345678.123456"."""
        return f"{self.team}.{self.channel}.{self.ts}"

    @classmethod
    def parse(cls, text: str) -> RequestKey:
        """The inverse of `str`; ValueError for anything else."""
        team, channel, ts = text.split(".", 2)
        return cls(team, channel, ts)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a notebook is run for: one link of one request.

    Attributes:
        request: the request.
        link: the link's address.
    """

    request: RequestKey
    link: str

    def __str__(self) -> str:
        """Such as "T0123.C0123.1736345678.123456 https://acme.looker.com/looks/1"."""
        return f"{self.request} {self.link}"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Who we are on Slack and which channels we watch, as one `auth.test` and one look-up of channels said.

    Attributes:
        team: workspace id.
        url: the workspace's address, such as "https://acme.slack.com/", for permalinks.
        user: our own user id.
        bot: our own bot id, or "" for a user token.
        channels: watched channels, id -> name without "#".
        settings: fingerprint of the settings this was asked with; another fingerprint means: ask again.
        enterprise: id of our Enterprise Grid organisation, such as "E0123", or "".
        missing: channels that should be watched and cannot be, as the settings name them -> why, and what to do.
    """

    team: str
    url: str
    user: str
    bot: str
    channels: Mapping[str, str]
    settings: str = ""
    enterprise: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

    def address(self, key: RequestKey, thread: str = "") -> str:
        """The address people open a request by; `thread` is the ts of its thread's parent, "" where it is not known."""
        return self.permalink(key.channel, key.ts, thread)

    def permalink(self, channel: str, ts: str, thread_ts: str | None = None) -> str:
        """The address people open a message by, made without asking Slack."""
        link = f"{self.url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"
        if thread_ts and thread_ts != ts:
            link += f"?thread_ts={thread_ts}&cid={channel}"
        return link


@dataclass(frozen=True, slots=True)
class Marker:
    """What we leave in the metadata of our posts to know them again.

    Attributes:
        kind: "reply", "notice" or, for a question to approvers, "ask"; "closed" once votes on it no longer count.
        key: the request's key for a reply, the notice's id for any other message.
        nonce: of the state's entry as it was stored just before this post was sent (`Record.nonce`, `Notice.nonce`). It
            tells two sends of the same message apart; "" in a search means any.
        deployment: id of the deployment that posted it (`Meta.deployment`); "" in posts of earlier versions.
        checkpoint: of the log of ends when a reply was posted, as `creditbot.evidence.log` writes it; "" for none.
        also: ids of the other notices that the same message tells.
    """

    kind: str
    key: str
    nonce: str = ""
    deployment: str = field(default="", compare=False)
    checkpoint: str = field(default="", compare=False)
    also: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The request, or all notices that the post is about."""
        return (self.key, *self.also)


@dataclass(frozen=True, slots=True)
class Message:
    """One Slack message, of a channel or of a thread.

    Attributes:
        channel: id of the channel it is in.
        ts: its id.
        thread_ts: id of its thread's parent; None outside threads; equal to `ts` on a parent.
        user: author's user id; None for a `bot_message`.
        bot: id of the bot that posted it, None for people.
        user_team: workspace of the author where Slack names one; another than ours under Slack Connect.
        subtype: Slack's subtype, or "".
        edited: ts of the last edit, or "".
        replies: number of replies that Slack shows for its thread; 0 where Slack shows none.
        text: `text` as Slack sent it (`&amp;`, `<url|label>`).
        content: the parts that may hold links: `text`, `blocks`, `attachments`, as Slack sent them. Untrusted.
        marker: our metadata if the message carries it; whoever posted it.
        reactions: name of the emoji, such as "+1" or "+1::skin-tone-3" -> user ids of those who reacted with it. Slack
            may name only some of them.
    """

    channel: str
    ts: str
    thread_ts: str | None = None
    user: str | None = None
    bot: str | None = None
    user_team: str | None = None
    subtype: str = ""
    edited: str = ""
    replies: int = 0
    text: str = ""
    content: Mapping[str, object] = field(default_factory=dict)
    marker: Marker | None = None
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def thread(self) -> str:
        """The ts a reply is posted under."""
        return self.thread_ts or self.ts


@dataclass(frozen=True, slots=True)
class LookerLink:
    """One link to our Looker, decoded once.

    Attributes:
        kind: which of Looker's link forms it is.
        url: entities decoded, nothing trailing, percent-escapes as typed.
        id: of a Look, dashboard or merge.
        slug: of a short link, a `qid` or a SQL Runner query.
        model, view: of an Explore.
        fields, pivots, sorts: of an Explore with explicit parameters, in the order given.
        filters: field -> Looker filter expression ("" is meaningful), `f[...]` decoded once.
        filter_expression: Looker's custom filter, or "".
        limit, column_limit: as typed, or "".
        dynamic_fields: JSON text of table calculations and custom fields, or "".
        query_timezone: as typed, or "".
        unusable: why it cannot be used, one sentence for people; "" if it can.
    """

    kind: LinkKind
    url: str
    id: str = ""
    slug: str = ""
    model: str = ""
    view: str = ""
    fields: tuple[str, ...] = ()
    pivots: tuple[str, ...] = ()
    sorts: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    filter_expression: str = ""
    limit: str = ""
    column_limit: str = ""
    dynamic_fields: str = ""
    query_timezone: str = ""
    unusable: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """The SQL of one link.

    Attributes:
        link: where it came from.
        sql: as Looker gave it, row limits lifted; UTF-8 text.
        note: what a person should know, such as "filters in the address of a Look are ignored", or "".
        filters: field -> Looker filter expression, as the query has them.
        query_timezone: the time zone of its days, or "".
    """

    link: LookerLink
    sql: str
    note: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    query_timezone: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """One row of the product table.

    Attributes:
        name: "verify", "psms" or the user's own.
        notebook: path of its notebook; None while the product is off.
        history_days: how many days its SQL asks for before those that are credited.
    """

    name: str
    notebook: str | None
    history_days: int = 0


@dataclass(frozen=True, slots=True)
class CreditDays:
    """The UTC days whose traffic a notebook credits, half-open. Rows of other days are history only.

    Attributes:
        start: the first of them; None if nothing limits the beginning.
        end: the first day that is too late; None if nothing limits the end.
        has_history: whether the SQL is known to give days before `start`. A notebook that cannot leave them out must
            not run on it.
    """

    start: date | None
    end: date | None
    has_history: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One executed code or markdown cell as it is kept in the summary.

    Attributes:
        number: 1-based position in the executed notebook, an injected parameters cell not counted.
        kind: "code" or "markdown".
        source: its text.
        executed: whether it ran in this run.
        outputs: (type, text) pairs: type is a MIME type ("text/html"), "stream" or "error".
    """

    number: int
    kind: str
    source: str
    executed: bool = False
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class NotebookRun:
    """What one run of a notebook left.

    Attributes:
        scraps: name -> value, as glued with scrapbook.
        cells: every cell in order.
        notebook: path of the notebook that ran.
        notebook_sha256: hash of its file as it was read for this run, and of the files beside it that it imports.
        versions: package -> version of what ran it.
        seconds: how long it took.
        ambiguous_scraps: names under which it glued different values; `scraps` has the last of them.
        beside: the files beside it that it imports, relative path -> their SHA-256.
    """

    scraps: Mapping[str, object]
    cells: tuple[Cell, ...]
    notebook: str
    notebook_sha256: str
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    ambiguous_scraps: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreditRow:
    """One row of the notebook's "Summary Info" table.

    Attributes:
        credit: USD, two places.
        mode: Fraud Guard mode, or "" where the notebook names none.
        fraud_cost: USD, None where the notebook does not give it.
        columns: every column of the row as the notebook printed it, for the evidence.
    """

    credit: Decimal
    mode: str = ""
    fraud_cost: Decimal | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credit:
    """An amount with its evidence.

    Attributes:
        amount: USD, two places, never negative.
        rows: what it is the sum of.
    """

    amount: Decimal
    rows: tuple[CreditRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """What a reply shows below its sentence. Every text is on one line and short.

    Attributes:
        facts: (name, value) pairs, such as ("Product", "verify").
        header: names of the table's columns.
        rows: of the table, as wide as its header; one per mode and link.
        more_rows: how many rows were left out.
        note: what the amount leaves out, or "".
        approved_by: Slack ids of the approvers who said yes; empty where nobody had to be asked.
        digest: names what the amount was computed from, as on the page.
        page: web address of the request's page, or "".
    """

    facts: tuple[tuple[str, str], ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    more_rows: int = 0
    note: str = ""
    approved_by: tuple[str, ...] = ()
    digest: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What became of one link: its query, its product and its credit, or nothing for a skipped link.

    Attributes:
        query: the link and its SQL.
        product: name of the product, "" if skipped.
        sql_sha256: hash of the normalised SQL.
        run, credit: None if skipped.
    """

    query: Query
    product: str
    sql_sha256: str
    run: NotebookRun | None = None
    credit: Credit | None = None


class HoldKind(Enum):
    """What a reason to hold an amount is about. The values are stored in the state."""

    REQUEST_LIMIT = "request limit"
    """The amount of the request is above the limit for one request."""
    DAY_LIMIT = "day limit"
    """With it, more would be credited on one UTC day than the policy allows."""
    MONTH_LIMIT = "month limit"
    """With it, more would be credited to an account for one calendar month than the policy allows, or nobody knows."""
    ACCOUNTS = "accounts"
    """The traffic is not, or not provably, that of named accounts."""
    OVERLAP = "overlap"
    """Some of the traffic was, or may have been, credited before."""
    REPEATS = "repeated rows"
    """The SQL of a link may count a row of the traffic more than once."""
    AGE = "age"
    """The traffic is older than the policy allows."""
    OPINION = "second opinion"
    """People usually credit another amount for such traffic."""
    WORDS = "words"
    """Somebody has said no, or perhaps yes, in the thread, or the person who asked has taken the request back."""
    TALK = "talk"
    """Somebody has written in the thread."""


@dataclass(frozen=True, slots=True)
class HoldReason:
    """Why an amount waits for a person.

    Attributes:
        kind: what the reason is about.
        text: one line of plain English with the numbers in it, which ends with a full stop.
        about: what makes it the same reason when it is found again, apart from its numbers: the day of a day limit,
            the key of the other request of an overlap, the ts of words. An approval covers the reasons that the
            approvers were shown; one with another kind or another `about` has to be approved as well.
        twice: USD of the amount that would be paid twice; None where that is not known, or not what it is about.
    """

    kind: HoldKind
    text: str
    about: str = ""
    twice: Decimal | None = None


TableCell = str | Decimal | datetime | date | int | None
"""One cell of a table that people take away, such as the export; None if nobody knows. A datetime is aware."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of such a table.

    Attributes:
        name: its heading, in every format.
        kind: what its cells are: "usd" a Decimal, "moment" a datetime, "day" a date, "number" an int.
        meaning: what it says, for the docs.
    """

    name: str
    kind: Literal["text", "usd", "moment", "day", "number"]
    meaning: str


_MENTION = re.compile(r"@([UW][A-Z0-9]+)\b")


def mentions(text: str) -> list[str]:
    """The IDs of the people whom a text of creditbot mentions, such as "@U0DANA wrote in the thread"."""
    return _MENTION.findall(text)


@dataclass(frozen=True, slots=True)
class Names:
    """What people are called at this moment. Only what can be written again shows it, because names must be erasable.

    Attributes:
        known: member id -> name, on one line.
        missing: why some people have no name here, in full sentences; "" if nobody lacks one.
    """

    known: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""

    def of(self, user: str | None) -> str | None:
        """The name alone; None if it is not known."""
        return self.known.get(user or "")

    def with_id(self, user: str) -> str:
        """Such as "Dana Ortiz (U0DANA)"; the id alone if the name is not known."""
        return f"{name} ({user})" if (name := self.of(user)) else user

    def in_text(self, text: str) -> str:
        """The text with the names of those whom it mentions."""
        return _MENTION.sub(lambda mention: f"@{self.with_id(mention[1])}", text)
