"""Every error creditbot raises on purpose, in one tree.

    CreditbotError                 a sentence for people: what happened, to what, what to do
    ├── SettingsError              the settings or the arguments of a command are wrong        exit 2
    │   └── SettingsMissing        some that are required are not set
    ├── RequestFailure             concerns one request only
    │   ├── LinkUnusable           the link does not lead to exactly one SQL query
    │   ├── SqlRefused             the SQL is not one read-only query over real tables, or a limit cuts it
    │   ├── NoProduct              the SQL fits no product
    │   ├── NotebookFailed         the notebook raised, or is not usable
    │   │   └── NotebookStopped    it ran out of time or its kernel died                       retry
    │   ├── CreditRefused          the notebook's amount is missing or implausible
    │   ├── AlreadyCredited        the same SQL was credited for another request
    │   ├── ThreadUnclear          the thread does not say whether the request was answered
    │   ├── NotYet                 Slack may still show how things were a while ago           retry
    │   ├── ReplyLost              the reply was sent more than once and never became visible
    │   ├── Killed                 each process that worked on the request was killed
    │   └── Defect                 a bug in creditbot                                          retry
    ├── ServiceError               a cause shared by all requests: Slack, Looker, the warehouse, the store
    │   ├── Unreachable            down, slow or rate limited                                  retry
    │   └── Refused                wrong token, missing right, wrong address                   retry
    │       └── SummaryDamaged     a saved summary is no longer JSON
    ├── PostRefused                Slack definitely did not accept this post                   `retry` differs
    │   └── CardRefused            because of its card; its text alone may pass
    ├── PostUnknown                a post may or may not have been accepted
    └── StateError                 the state store
        ├── StateConflict          somebody else wrote first
        ├── StateWriteUnknown      a write may or may not have happened
        ├── StateFull              the state is at its size budget                             retry
        └── StateUnusable          missing, newer than this version, or not ours               exit 1, the tick stops

`retry` says whether trying again later can help. `shared` says whether the cause affects every request: an attempt that
failed for a shared cause does not count against its request.
"""

from __future__ import annotations

from typing import Any, ClassVar

SLACK = "Slack"
LOOKER = "Looker"
WAREHOUSE = "the warehouse"
THIS_MACHINE = "this machine"
STATE_STORE = "the state store"
SUMMARY_STORE = "the summary store"
METRICS = "the metrics"
NOTEBOOK_JOBS = "the Jobs of notebooks"


class CreditbotError(Exception):
    """A failure that people are told about.

    Attributes:
        what: what happened, and to what: one sentence that ends with a full stop.
        todo: what the reader can do about it, one sentence or empty.
        exit_code: the exit status of a command that fails with this error.
        kind: a short name of what went wrong, under which summaries count it; it is never changed.
        retry: whether trying again later can help.
        shared: whether the cause affects every request.
        service: what a shared cause is about: one of the names above, or "the notebook ...". The owner gets one message
            per service.
        run: what a notebook had left when its run failed or its amount was refused, a `model.NotebookRun`; None if no
            notebook ran.
        retry_after: seconds after which the service wants to be asked again; None if it did not say.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "other"
    retry: bool = False
    shared: bool = False
    service: str = ""
    run: Any = None
    retry_after: float | None = None

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(f"{what} {todo}".strip())
        self.what = what
        self.todo = todo


class SettingsError(CreditbotError):
    """The settings or a command's arguments are wrong."""

    exit_code = 2


class SettingsMissing(SettingsError):
    """Some settings that are required are not set."""


class RequestFailure(CreditbotError):
    """Affects one request only; the others go on."""


class LinkUnusable(RequestFailure):
    """The link does not lead to exactly one SQL query."""

    kind = "link"


class SqlRefused(RequestFailure):
    """The SQL is not one complete read-only query over real tables.

    Attributes:
        retry: whether Looker may give other SQL later, because it builds a derived table.
    """

    kind = "sql"

    def __init__(self, what: str, todo: str = "", *, retry: bool = False) -> None:
        super().__init__(what, todo)
        self.retry = retry


class NoProduct(RequestFailure):
    """The SQL matches no product."""

    kind = "product"


class NotebookFailed(RequestFailure):
    """The notebook raised an error, or cannot be used at all."""

    kind = "notebook"


class NotebookStopped(NotebookFailed):
    """The notebook ran out of time, or its kernel died; another attempt may succeed."""

    kind = "notebook stopped"
    retry = True


class CreditRefused(RequestFailure):
    """The notebook's amount is missing or implausible."""

    kind = "amount"


class AlreadyCredited(RequestFailure):
    """The same SQL was credited for another request within DUPLICATE_DAYS."""

    kind = "already credited"


class ThreadUnclear(RequestFailure):
    """It is not clear from the thread whether this request was answered."""

    kind = "thread"


class NotYet(RequestFailure):
    """Slack may still show how things were a while ago, so only time helps. The attempt does not count.

    For example, the thread is shown as it was before the request or before its edit, or a credit for the same SQL may
    be about to appear.
    """

    kind = "not yet"
    retry = True


class ReplyLost(RequestFailure):
    """Replies were sent for LOOKBACK_HOURS, and none of them became visible."""

    kind = "reply lost"


class Killed(RequestFailure):
    """The process that worked on the request was killed in every attempt."""

    kind = "killed"


class Defect(RequestFailure):
    """A bug in creditbot: the request failed in a way that the code does not expect."""

    kind = "defect"
    retry = True


class ServiceError(CreditbotError):
    """A cause shared by all requests: `service` does not do its work."""

    retry = True
    shared = True

    def __init__(self, service: str, what: str, todo: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(what, todo)
        self.service = service
        self.retry_after = retry_after


class Unreachable(ServiceError):
    """The service is down, too slow, or limits how often we may call."""

    kind = "unreachable"


class Refused(ServiceError):
    """The service answered, and refused: wrong token, missing permission, wrong address."""

    kind = "refused"


class SummaryDamaged(Refused):
    """One saved summary is no longer JSON; the others can be read."""


class PostRefused(CreditbotError):
    """Slack definitely did not accept this post.

    Attributes:
        retry: whether Slack may accept the same post later. If so, the cause is shared by all requests.
    """

    kind = "post refused"
    service = SLACK

    def __init__(self, what: str, todo: str = "", *, retry: bool) -> None:
        super().__init__(what, todo)
        self.retry = self.shared = retry


class CardRefused(PostRefused):
    """Slack definitely did not accept this post, because of its card. The same post without it may be accepted."""

    def __init__(self, what: str) -> None:
        super().__init__(what, retry=False)


class PostUnknown(CreditbotError):
    """A post may or may not have been accepted; only the thread can tell."""

    kind = "post unknown"
    retry = True


class StateError(CreditbotError):
    """The state could not be read or written as it should."""

    kind = "state"


class StateConflict(StateError):
    """Another process wrote first, so the decision behind this write no longer holds."""


class StateWriteUnknown(StateError):
    """A write may or may not have happened; only reading again shows which."""


class StateFull(StateError):
    """The write would make the state larger than its size budget."""

    retry = True
    shared = True
    service = STATE_STORE


class StateUnusable(StateError):
    """The state is missing, newer than this version, or not ours. Nothing may be posted on the strength of it."""
