"""Every error creditbot raises on purpose, in one tree.

    CreditbotError                 a sentence for people: what happened, on what, what to do
    ├── SettingsError              the settings or the arguments of a command are wrong        exit 2
    ├── RequestFailure             concerns one request only
    │   ├── LinkUnusable           the link names nothing that has one SQL
    │   ├── SqlRefused             the SQL is not one read-only query over real tables, or is cut by a limit
    │   ├── NoProduct              the SQL fits no product
    │   ├── NotebookFailed         the notebook raised, or is not usable
    │   │   └── NotebookStopped    it ran out of time or its kernel died                       retry
    │   ├── CreditRefused          the notebook's amount is missing or not believable
    │   ├── AlreadyCredited        the same SQL was credited for another request
    │   ├── ThreadUnclear          the thread does not say whether the request was answered
    │   ├── NotYet                 what Slack shows is not the last word yet                   retry
    │   ├── ReplyLost              sent more than once, and never visible
    │   └── Defect                 creditbot itself failed on it                               retry
    ├── ServiceError               a cause shared by all requests: Slack, Looker, the warehouse, the store
    │   ├── Unreachable            down, slow or rate limited                                  retry
    │   └── Refused                wrong token, missing right, wrong address                   retry
    ├── PostRefused                Slack definitely did not accept this very post              each says by `retry`
    ├── PostUnknown                a post may or may not have been accepted
    └── StateError                 the state store
        ├── StateConflict          somebody else wrote first
        ├── StateWriteUnknown      a write may or may not have happened
        ├── StateFull              the state is at its size budget                             retry
        └── StateUnusable          missing, newer than this version, or not ours               exit 1, the tick stops

Each class says by `retry` whether trying again later can help, and by `shared` whether the cause concerns every
request: an attempt that a shared cause ended does not count against its request.
"""

from __future__ import annotations

from typing import ClassVar

SLACK = "Slack"
LOOKER = "Looker"
WAREHOUSE = "the warehouse"
THIS_MACHINE = "this machine"
STATE_STORE = "the state store"
SUMMARY_STORE = "the summary store"


class CreditbotError(Exception):
    """A failure that is told to people.

    Attributes:
        what: what happened, on what, in one sentence that ends with a full stop.
        todo: what the reader can do about it, one sentence or empty.
        exit_code: the exit status of a command that ends with it.
        retry: whether trying again later can help.
        shared: whether the cause concerns every request.
        service: whose failure a shared cause is, one of the names above or "the notebook ..."; one direct message is
            sent per service.
        retry_after: seconds that a service asks to be left alone, or None.
    """

    exit_code: ClassVar[int] = 1
    retry: bool = False
    shared: bool = False
    service: str = ""
    retry_after: float | None = None

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(f"{what} {todo}".strip())
        self.what = what
        self.todo = todo


class SettingsError(CreditbotError):
    """The settings or a command's arguments are wrong."""

    exit_code = 2


class RequestFailure(CreditbotError):
    """Concerns one request only; the others go on."""


class LinkUnusable(RequestFailure):
    """The link names nothing that has exactly one SQL to credit."""


class SqlRefused(RequestFailure):
    """The SQL is not one complete read-only query over real tables."""


class NoProduct(RequestFailure):
    """The SQL fits no product of the table."""


class NotebookFailed(RequestFailure):
    """The notebook raised, or cannot be used at all."""


class NotebookStopped(NotebookFailed):
    """The notebook ran out of time, or its kernel died: another try may go through."""

    retry = True


class CreditRefused(RequestFailure):
    """The notebook's amount is missing, or not one to believe."""


class AlreadyCredited(RequestFailure):
    """The same SQL was credited for another request within DUPLICATE_DAYS."""


class ThreadUnclear(RequestFailure):
    """The thread does not say whether this request was answered."""


class NotYet(RequestFailure):
    """What Slack shows is not the last word yet, so that only time helps: it is looked at again, and no attempt counts.

    A thread as it was before the request, or before its edit; the same SQL, whose credit may be about to show.
    """

    retry = True


class ReplyLost(RequestFailure):
    """Replies were sent for LOOKBACK_HOURS, and none of them ever became visible."""


class Defect(RequestFailure):
    """creditbot itself failed on the request, in a way that nobody has thought of."""

    retry = True


class ServiceError(CreditbotError):
    """A cause shared by all requests: what `service` is there for does not work."""

    retry = True
    shared = True

    def __init__(self, service: str, what: str, todo: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(what, todo)
        self.service = service
        self.retry_after = retry_after


class Unreachable(ServiceError):
    """The service is down, too slow, or limits our rate."""


class Refused(ServiceError):
    """The service answered that we may not: wrong token, missing right, wrong address."""


class PostRefused(CreditbotError):
    """Slack definitely did not accept this very post.

    Attributes:
        retry: whether the same post can be accepted later; then the cause is one that all requests share.
    """

    service = SLACK

    def __init__(self, what: str, todo: str = "", *, retry: bool) -> None:
        super().__init__(what, todo)
        self.retry = self.shared = retry


class PostUnknown(CreditbotError):
    """A post may or may not have been accepted; only the thread can tell."""

    retry = True


class StateError(CreditbotError):
    """The state store did not do what was asked."""


class StateConflict(StateError):
    """Somebody else wrote first: the decision behind this write no longer holds."""


class StateWriteUnknown(StateError):
    """A write may or may not have happened; reading again tells."""


class StateFull(StateError):
    """The write would put the state over its size budget."""

    retry = True
    shared = True
    service = STATE_STORE


class StateUnusable(StateError):
    """The state is missing, newer than this version, or not ours: nothing may be posted on top of it."""
