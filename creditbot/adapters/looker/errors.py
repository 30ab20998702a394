"""Turns failed calls to Looker into creditbot's errors, with the sentence that people read."""

from __future__ import annotations

from enum import Enum

from creditbot.errors import LOOKER, CreditbotError, LinkUnusable, Refused, Unreachable

_CHECK_LINK = "Open the link in Looker, and give the API user its folder, its model and the permission see_sql."
_CHECK_ADDRESS = "Set LOOKER_BASE_URL to the address of Looker's API, with its port if it has one."
_CHECK_KEY = "Set LOOKER_CLIENT_ID and LOOKER_CLIENT_SECRET to an API key of an active Looker user."
_CHECK_STATUS = "Check that Looker is up and can be reached from here. The next tick asks again."


class Trouble(Enum):
    """The ways in which a call brings no usable answer."""

    SILENT = "no whole answer came: refused, dropped, timed out, no such name, TLS"
    STATUS = "an HTTP status other than success"
    PAGE = "a web page where the API's answer was expected"
    GARBLED = "an answer that is not what the API documents"
    LARGE = "an answer over the size limit"


class CallError(Exception):
    """One call that brought no usable answer.

    Attributes:
        trouble: which kind.
        reason: what happened, in words that follow "Looker at HOST ..." or, for a status, Looker's own message.
        status: the HTTP status; 0 if there was none.
        from_api: whether the answer was the API's JSON, and not some proxy's page.
        at_login: whether it was the login that failed; the login says so.
        transient: whether repeating the call at once can help.
        retry_after: seconds that Looker asked us to wait, if it did.
    """

    def __init__(
        self,
        trouble: Trouble,
        reason: str,
        *,
        status: int = 0,
        from_api: bool = False,
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.trouble = trouble
        self.reason = reason
        self.status = status
        self.from_api = from_api
        self.at_login = False
        self.transient = transient
        self.retry_after = retry_after


def error_for(failed: CallError, host: str, subject: str) -> CreditbotError:
    """The error to raise for a failed call about `subject` ("Look 42"), "" where the call concerns no link."""
    if failed.trouble is Trouble.SILENT or (failed.trouble is Trouble.STATUS and failed.transient):
        return _unreachable(failed, host)
    if failed.at_login or failed.status == 401 or not subject:
        return _refused(failed, host)
    if failed.trouble is Trouble.PAGE:
        return _unreachable(failed, host)
    if failed.trouble is Trouble.STATUS and not failed.from_api:
        return _wrong_address(failed, host)
    return LinkUnusable(f"{_about_link(failed, subject)}.", _CHECK_LINK)


def _unreachable(failed: CallError, host: str) -> Unreachable:
    what = f"Looker at {host} {failed.reason}."
    if failed.trouble is Trouble.STATUS:
        what = f"Looker at {host} answered with HTTP status {failed.status}."
    return Unreachable(LOOKER, what, _CHECK_STATUS, retry_after=failed.retry_after)


def _refused(failed: CallError, host: str) -> Refused:
    if failed.trouble is not Trouble.STATUS or not failed.from_api:
        return _wrong_address(failed, host)
    if failed.at_login or failed.status == 401:  # a wrong key is a 404, and 401 is a token refused twice
        what = f"Looker at {host} does not accept the API key (HTTP status {failed.status})."
        return Refused(LOOKER, what, _CHECK_KEY)
    return Refused(LOOKER, f"Looker at {host} refuses the API user: {failed.reason}.", _CHECK_KEY)


def _wrong_address(failed: CallError, host: str) -> Refused:
    return Refused(LOOKER, f"The server at {host} is not Looker's API ({failed.reason}).", _CHECK_ADDRESS)


def _about_link(failed: CallError, subject: str) -> str:
    if failed.trouble is not Trouble.STATUS:
        return f"Looker {failed.reason} when asked about {subject}"
    if failed.status == 404:
        return f"Looker has no {subject}, or its API user may not see it"
    if failed.status == 403:
        return f"Looker does not let its API user see {subject}: {failed.reason}"
    return f"Looker rejects {subject}: {failed.reason}"
