"""What creditbot needs from the outside, as Protocols of one to three verbs.

Adapters implement them on the vendors' SDKs, tests/support/world.py in memory; one contract suite runs over all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from creditbot.model import (
    Card,
    CreditDays,
    LookerLink,
    Marker,
    Message,
    Names,
    NotebookRun,
    Purpose,
    Query,
    RequestKey,
    Sign,
    Workspace,
)


class MetricsTarget(Protocol):
    """Where the metrics of each tick go.

    Attributes:
        takes_openmetrics: whether it takes OpenMetrics; else it takes Prometheus' text format.
    """

    takes_openmetrics: bool

    def publish(self, page: str, *, whole: bool) -> None:
        """Replaces what is there by a page of metrics. If it is not `whole`, metrics that it lacks stay as they are.

        Raises `Unreachable` or `Refused`, after some seconds at most.
        """


class Clock(Protocol):
    """One clock for all pods."""

    def now(self) -> datetime:
        """UTC by Slack's clock. Raises `Unreachable` before Slack was asked anything."""


class Inbox(Protocol):
    """Reads Slack. Every verb raises `Unreachable` or `Refused`."""

    def workspace(self, remembered: Workspace | None) -> Workspace:
        """Who we are and what we watch; `remembered` is returned as it is if it was asked with the same settings.

        As long as channels are missing, they are looked for again. Raises `Refused` for a wrong token, and if no
        channel can be watched: each is unknown, archived, or one that we are not in.
        """

    def messages(self, channel: str, oldest: datetime) -> Sequence[Message]:
        """All top-level messages of a channel after `oldest` (exclusive), all pages read, oldest first."""

    def is_shared(self, channel: str) -> bool:
        """Whether people of other organisations see the channel, or are about to (Slack Connect)."""

    def thread(self, channel: str, thread_ts: str) -> Sequence[Message]:
        """The parent and all replies with their metadata, oldest first; empty if the parent is gone."""


class People(Protocol):
    """Knows what people are called."""

    def names(self, users: Collection[str], within: float) -> Names:
        """Their names, by their member ids, as they are now. Raises nothing: `Names.missing` says why some are missing.

        It takes at most about `within` seconds; what is no member id of a person has no name.
        """


class Doorbell(Protocol):
    """Rings when something has happened on Slack that a tick may find. It says "look now", and nothing else."""

    def open(self, ring: Callable[[], object]) -> None:
        """Begins to listen, in the background, and calls `ring` from any thread. Raises nothing, and tries on."""

    def probe(self) -> None:
        """Finds out whether it could be opened. Raises `Unreachable` or `Refused`."""

    @property
    def hears(self) -> bool:
        """Whether it would ring now."""

    @property
    def connection(self) -> object | None:
        """Names the connection that it hears by; None while it would not ring. Another connection has another name."""

    @property
    def silences(self) -> int:
        """How many connections it has given up because nothing answered."""

    def has_rung_for(self, key: RequestKey) -> bool:
        """Whether it has rung for this message; only the latest thousand are known."""

    def reconnect(self) -> None:
        """Has another connection take the place of the one that it has, in the background."""

    def close(self) -> None:
        """Rings no more. May take some seconds; calling it again does nothing."""


class Replier(Protocol):
    """Writes to Slack, each call at most one request on the wire, within 30 s in all.

    Raises `PostRefused` only if Slack definitely did not accept it, `PostUnknown` in every other case.
    """

    def pace(self, channel: str) -> None:
        """Waits until a post to the channel keeps to Slack's rate; one caller is let through at a time."""

    def reply(self, channel: str, thread_ts: str, text: str, marker: Marker, card: Card | None = None) -> str:
        """Posts in a thread and returns the post's ts. `text` is escaped here; nothing is unfurled.

        Raises `CardRefused` if Slack did not accept the post because of its card.
        """

    def amend(self, channel: str, ts: str, text: str) -> None:
        """Replaces one of our posts, its card included, by a text; repeating it changes nothing."""


class Signs(Protocol):
    """Shows on a request how far it is. Best effort: no verb raises or takes long, and a sign may get lost."""

    def put(self, key: RequestKey, sign: Sign) -> None:
        """Puts a sign on the message; it stands there once, however often it is put."""

    def take_back(self, key: RequestKey, sign: Sign) -> None:
        """Takes our sign off the message, if it is there."""


class Teller(Protocol):
    """One conversation on Slack in which we tell people something: a channel, or direct messages."""

    def tell(self, text: str, marker: Marker) -> str:
        """Sends one message and returns its ts; raises as `Replier` does.

        `text` is escaped here. Ids of people in it, such as "@U0123", become mentions.
        """

    def was_told(self, marker: Marker, since: datetime) -> bool | None:
        """Whether our message with this marker, or with one that has its key as well, stands in the conversation.

        Messages before `since` do not count. A marker without a nonce stands for any nonce. None where we may not read
        the conversation. Raises `Unreachable` or `Refused`.
        """


class Owners(Protocol):
    """Direct messages to the owners: to SLACK_USER_ID, and to those that CHANNELS_FILE names."""

    def conversation_with(self, user: str) -> Teller:
        """The conversation with a person, by the person's Slack id; nothing is asked yet."""


class Approvers(Protocol):
    """The conversations in which approvers are asked.

    Each is named by `where`: the name or id of a channel, or a person's Slack id for direct messages.
    """

    def ask(self, where: str, text: str, marker: Marker) -> tuple[str, str]:
        """Posts a message and returns its channel and its ts; raises as `Replier` does.

        `text` is escaped here. Ids of people in it, such as "@U0123", become mentions.
        """

    def asked(self, where: str, about: str, since: datetime) -> Sequence[Message] | None:
        """Our messages whose marker's key starts with `about`, not before `since`, oldest first.

        Those that were closed are left out. None where we may not read the conversation. Raises `Unreachable` or
        `Refused`.
        """

    def question(self, channel: str, ts: str) -> Message | None:
        """One of our messages with everybody's reactions to it; None if it is not there. Raises as `asked` does."""

    def close(self, channel: str, ts: str, text: str, marker: Marker, struck: str = "") -> None:
        """Replaces one of our messages: by `text`, and below it `struck`, which is struck through.

        From then on `asked` does not find it. Repeating it changes nothing. Raises as `Replier` does.
        """


class Resolver(Protocol):
    """Asks Looker for SQL."""

    def warm(self) -> None:
        """Starts in the background what a first call needs; calling it again does nothing."""

    def stay_logged_in(self) -> None:
        """Logs in, in the background, if not yet done or if the login ends soon. Raises nothing."""

    def login(self) -> str:
        """Logs in, if not yet done, and returns the API user's name. Raises `Unreachable` or `Refused`."""

    def resolve(self, link: LookerLink) -> Query:
        """The SQL of a usable link, its default row limit lifted.

        Raises `LinkUnusable` (not found, no query, a limit that cannot be lifted), `Unreachable` or `Refused`.
        Safe to call from several threads.
        """


class Runner(Protocol):
    """Runs notebooks, each in a process or a Kubernetes Job of its own, without the bot's secrets."""

    def warm(self) -> None:
        """Starts what the next run needs, in the background; what is ready already stays as it is."""

    def run(
        self, notebook: str, sql: str, days: CreditDays | None = None, purpose: Purpose | None = None
    ) -> NotebookRun:
        """Runs the notebook with its `looker` parameter set to `sql`. Safe to call from several threads.

        Args:
            notebook: its path.
            sql: of the request.
            days: those that are credited, as far as they are known. A notebook that has the parameters for them gets
                them.
            purpose: what the run is for. If a process died while it waited for a run of the same notebook, SQL and days
                with the same purpose, a runner whose runs outlive the bot takes up that run instead of a new one. None
                always runs the notebook.

        Raises `NotebookFailed` or `NotebookStopped`, and `Unreachable` or `Refused` for a cause that others share.
        """

    def forget(self, request: RequestKey) -> None:
        """The request has ended: what was to run for it and has not begun never will.

        Raises `Unreachable` or `Refused`.
        """

    def close(self) -> None:
        """Ends every process it started; from now on, and where it waits, `run` raises `NotebookStopped`."""


@dataclass(frozen=True, slots=True)
class Kept:
    """That there is a summary.

    Attributes:
        key: of its request.
        saved: UTC, when it was last written, by the clock of the storage.
    """

    key: RequestKey
    saved: datetime


class SummaryReader(Protocol):
    """Reads what a `SummaryStore` keeps. Raises `Unreachable` or `Refused`."""

    def kept(self) -> Sequence[Kept]:
        """Every summary that there is, in any order; none of them is read."""

    def load_all(self, keys: Iterable[RequestKey]) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        """The summaries of these requests in their order, several read at once; those that are not there are left out.

        Numbers are Decimal. They come as they are asked for, so that nobody has to hold all of them. Raises
        `SummaryDamaged` at one that is no longer JSON.
        """

    def pointers(self) -> frozenset[tuple[str, RequestKey]]:
        """Every pointer by which credits are found again: the hash that was credited, and the request it leads to."""


class SummaryStore(SummaryReader, Protocol):
    """Keeps one JSON document per request and finds credited SQL again. Raises `Unreachable` or `Refused`."""

    def save(self, key: RequestKey, document: Mapping[str, object], credited: Sequence[str] = ()) -> str:
        """Writes the summary of a request, replacing an earlier one, and returns its location: a path or a URI.

        `credited` are hashes of the SQL and tokens of the traffic that it credits: `credited_by` finds it by them.
        """

    def load(self, key: RequestKey) -> Mapping[str, object] | None:
        """The summary of a request with numbers as Decimal, or None."""

    def newest_first(self) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        """Every summary, the latest request first, read as they are asked for."""

    def credited_by(self, sql_sha256: str) -> Sequence[RequestKey]:
        """The requests whose saved summary names this hash or token as credited."""

    def probe(self) -> None:
        """Writes a file that is not a summary, and deletes it again if that is allowed. Raises as `save` does."""


class PageFinder(Protocol):
    """Finds the pages that `Pages` keeps. Raises `Unreachable` or `Refused`."""

    def kept(self) -> Collection[RequestKey]:
        """The requests that have a page."""

    def address(self, key: RequestKey) -> str:
        """Where people find the page of a request, whether or not there is one: a web address, a path or a URI."""


class PageReader(PageFinder, Protocol):
    """Reads the pages that `Pages` keeps. Raises `Unreachable` or `Refused`."""

    def load(self, key: RequestKey) -> str | None:
        """The page of a request, or None. Safe to call from several threads."""


class Pages(PageReader, Protocol):
    """Keeps one HTML page per request, beside its summary. Raises `Unreachable` or `Refused`."""

    def save(self, key: RequestKey, page: str) -> None:
        """Writes the page of a request, replacing an earlier one."""


class Notebooks(Protocol):
    """Keeps each version of a notebook once, under its hash. Both verbs raise `Unreachable` or `Refused`."""

    def keep(self, run: NotebookRun) -> str:
        """Keeps what a run was made from: its notebook, with what that imports from its folder.

        What is kept already stays as it is. Returns why nothing was kept, one sentence, or "".
        """

    def load(self, sha256: str) -> Mapping[str, bytes] | None:
        """Name of a file -> its content, the notebook's first; None if this version was not kept."""


class ReportStore(Protocol):
    """Keeps the report. Raises `Unreachable` or `Refused`."""

    def save(self, page: str) -> None:
        """Writes the report, an HTML page, replacing an earlier one."""

    def address(self) -> str:
        """Where people find it: a web address, a path or a URI."""


class BacktestStore(Protocol):
    """Keeps what a backtest found: one row of JSON per request, and its page. Raises `Unreachable` or `Refused`."""

    def save(self, key: RequestKey, row: Mapping[str, object], page: str | None = None) -> None:
        """Writes the row of a request, and its page if there is one, in place of earlier ones; the row comes last."""

    def load_all(self) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        """Every row that is JSON, by the time of its request, numbers as Decimal; several are read at once."""

    def address(self, key: RequestKey) -> str:
        """Where people find the page of a request, whether or not there is one: a web address, a path or a URI."""

    def save_report(self, page: str) -> str:
        """Writes the report of a backtest, replacing an earlier one; returns where people find it."""


class LogReader(Protocol):
    """Reads the files of the log of ends. Raises `Unreachable` or `Refused`."""

    def entries(self) -> Mapping[int, bytes]:
        """Every entry by its number."""

    def checkpoints(self) -> Mapping[int, str]:
        """Every checkpoint by its number of entries."""


class LogStore(LogReader, Protocol):
    """Keeps the files of the log of ends, each of which is created once. Raises `Unreachable` or `Refused`."""

    def add(self, number: int, entry: bytes) -> bytes:
        """Creates the file of the entry with this number, from 0 on, unless it exists; returns what it holds now."""

    def add_checkpoint(self, size: int, checkpoint: str) -> str:
        """Creates the file of the checkpoint of so many entries, unless it exists; returns what it holds now."""


class Models(Protocol):
    """Keeps the models of second opinions, each of which is created once. Raises `Unreachable` or `Refused`."""

    def add(self, name: str, content: bytes) -> None:
        """Keeps a model under its name; one that is there stays as it is."""

    def names(self) -> Sequence[str]:
        """The names of all models, sorted: the newest is the last."""

    def load(self, name: str) -> bytes | None:
        """The model of this name, or None."""

    def address(self, name: str) -> str:
        """Where people find the model of this name: a path or a URI."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The whole state as a store holds it.

    Attributes:
        values: key (`[-._a-zA-Z0-9]+`) -> JSON text.
        version: opaque; a write names the version it is based on.
        damage: what was found broken and set aside while reading, one sentence, or "".
    """

    values: Mapping[str, str]
    version: str
    damage: str = ""


class StateReader(Protocol):
    """Reads the state. Raises `Unreachable`, `Refused`, `StateUnusable`."""

    def read(self) -> Stored:
        """The document; a missing ConfigMap is `StateUnusable`, a missing file is empty."""


class StateStore(StateReader, Protocol):
    """One small document under optimistic concurrency. Both verbs raise `Unreachable`, `Refused`, `StateUnusable`."""

    def write(self, values: Mapping[str, str], version: str) -> str:
        """Replaces the document if it still has this version; returns the new version.

        Raises `StateConflict` (nothing written) or `StateWriteUnknown` (read again to find out).
        """


@dataclass(frozen=True, slots=True)
class Ports:
    """The parts of a bot, each replaceable."""

    inbox: Inbox
    replier: Replier
    signs: Signs
    owners: Owners
    approvers: Approvers
    resolver: Resolver
    runner: Runner
    summaries: SummaryStore
    pages: Pages
    notebooks: Notebooks
    log: LogStore
    models: Models
    state: StateStore
    clock: Clock
