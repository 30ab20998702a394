"""One login to Looker, shared by all threads, and calls that are repeated while repeating can help.

Imported only when Looker is asked for something: the SDK costs half a second.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import tenacity
from looker_sdk.rtl import api_settings, auth_session, auth_token, serialize, transport
from looker_sdk.sdk import constants
from looker_sdk.sdk.api40 import methods

from creditbot.adapters.looker.errors import CallError, Trouble, told
from creditbot.adapters.looker.transport import LookerTransport
from creditbot.errors import LOOKER, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

ATTEMPTS = 4
TOTAL_SECONDS = 90.0  # no further attempt starts later than this
_API_VERSION = "4.0"


class LookerClient:
    """Asks the SDK and raises our errors.

    Args:
        base_url: scheme, host and port of Looker.
        client_id: of the API key.
        client_secret: of the API key.
        timeout: seconds for one call, the whole answer included.
        pause: waits between two attempts; a true value says that there is to be no further one.
    """

    def __init__(
        self, base_url: str, client_id: str, client_secret: str, *, timeout: float, pause: Callable[[float], object]
    ) -> None:
        self._pause = pause
        settings = _Settings(base_url, client_id, client_secret, timeout)
        http = LookerTransport.configure(settings)
        self._host = urlsplit(base_url).netloc
        read = cast("serialize.TDeserialize", _deserialize)
        self._session = _Session(settings, http, read, _API_VERSION)
        self._sdk = methods.Looker40SDK(self._session, read, serialize.serialize40, http, _API_VERSION)
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_can_help),
            wait=_wait,
            stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(TOTAL_SECONDS),
            before_sleep=partial(_rest, pause),
            sleep=lambda _: None,  # _rest has waited
            reraise=True,
        )

    def ask(self, subject: str, question: Callable[[methods.Looker40SDK], T]) -> T:
        """What the SDK answers to a question about `subject` ("Look 42"; "" if it concerns no link).

        Raises `LinkUnusable`, `Unreachable` or `Refused`.
        """
        if self._pause(0.0):  # a link takes several calls, each as long as `timeout`
            raise Unreachable(LOOKER, "Looker is not asked any more, because the process ends.", "It is tried again.")
        try:
            return cast("T", self._retrying.copy()(self._once, question))
        except CallError as failed:
            raise told(failed, self._host, subject) from failed

    def _once(self, question: Callable[[methods.Looker40SDK], T]) -> T:
        used = self._session.token
        try:
            return question(self._sdk)
        except CallError as failed:
            if failed.status != 401 or failed.at_login:
                raise
        self._session.forget(used)  # revoked or expired on Looker's side: log in again, once
        return question(self._sdk)


class _Settings(api_settings.ApiSettings):
    """The SDK's settings from arguments: no ini file and no LOOKERSDK_* variable is read."""

    def __init__(self, base_url: str, client_id: str, client_secret: str, timeout: float) -> None:
        self._config: api_settings.SettingsConfig = {
            "base_url": base_url,
            "client_id": client_id,
            "client_secret": client_secret,
            "verify_ssl": "true",
        }
        super().__init__(filename="", sdk_version=constants.sdk_version)
        self.timeout = timeout  # type: ignore[assignment]  # the SDK's are whole seconds

    def read_config(self) -> api_settings.SettingsConfig:
        return self._config


class _Session(auth_session.AuthSession):
    """The SDK's session with one login for all threads."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._lock = threading.Lock()

    def authenticate(self, transport_options: transport.TransportOptions) -> dict[str, str]:
        with self._lock:
            try:
                return super().authenticate(transport_options)
            except CallError as failed:
                failed.at_login = True
                raise

    def forget(self, token: auth_token.AuthToken) -> None:
        """Makes the next call log in again, unless another thread already did."""
        with self._lock:
            if self.token is token:
                self.token = auth_token.AuthToken()


_deserializing = threading.Lock()


def _deserialize(*, data: str, structure: Any) -> Any:
    """The SDK's own, one thread at a time (it registers a hook in a shared converter), with one kind of error."""
    try:
        with _deserializing:
            return serialize.deserialize40(data=data, structure=structure)
    except Exception as broken:  # the SDK's, cattrs' groups, RecursionError: whatever a text can provoke
        raise CallError(Trouble.GARBLED, "gave an answer that cannot be read", transient=True) from broken


def _can_help(failure: BaseException) -> bool:
    return isinstance(failure, CallError) and failure.transient


def _rest(pause: Callable[[float], object], state: tenacity.RetryCallState) -> None:
    """Waits for the next attempt; where there is to be none, the failure at hand is the last word."""
    stopped, failure = pause(state.upcoming_sleep), _failure(state)
    if stopped and failure:
        raise failure


_backoff = tenacity.wait_exponential(multiplier=0.5, max=20) + tenacity.wait_random(0, 1)


def _wait(state: tenacity.RetryCallState) -> float:
    failure = _failure(state)
    asked = failure.retry_after if isinstance(failure, CallError) else None
    return max(_backoff(state), asked or 0.0)


def _failure(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
