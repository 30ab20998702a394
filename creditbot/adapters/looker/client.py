"""One login to Looker, shared by all threads, and calls that are repeated while repeating can help.

Imported only when Looker is asked for something: the SDK costs half a second.
"""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from looker_sdk.rtl import api_settings, auth_session, auth_token, serialize, transport
from looker_sdk.sdk import constants
from looker_sdk.sdk.api40 import methods

from creditbot.adapters.looker.errors import CallError, Trouble, error_for
from creditbot.adapters.looker.transport import LookerTransport
from creditbot.errors import LOOKER, Unreachable
from creditbot.machine.retrying import with_retries

if TYPE_CHECKING:
    from collections.abc import Callable

    from creditbot.adapters.looker.limits import LookerLimits
    from creditbot.machine.processes import Stop

T = TypeVar("T")

_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between tries of a call that may succeed later; up to a second is added, so that threads spread out."""
_API_VERSION = "4.0"
_RENEW_BEFORE = 900.0
"""Seconds before its end at which a login is renewed: `creditbot serve` looks every five minutes. It lasts an hour."""


class LookerClient:
    """Asks the SDK and raises our errors.

    Args:
        base_url: scheme, host and port of Looker.
        client_id: of the API key.
        client_secret: of the API key.
        limits: how long calls may take.
        stop: once the process is asked to stop, nothing more is asked of Looker.
    """

    def __init__(self, base_url: str, client_id: str, client_secret: str, limits: LookerLimits, stop: Stop) -> None:
        self._stop = stop
        self._patience = limits.tries
        settings = _SdkSettings(base_url, client_id, client_secret, limits.call)
        http = LookerTransport.configure(settings)
        self._host = urlsplit(base_url).netloc
        read = cast("serialize.TDeserialize", _deserialize)
        self._session = _Session(settings, http, read, _API_VERSION)
        self._sdk = methods.Looker40SDK(self._session, read, serialize.serialize40, http, _API_VERSION)

    def ask(self, subject: str, question: Callable[[methods.Looker40SDK], T]) -> T:
        """What the SDK answers to a question about `subject` ("Look 42"; "" if it concerns no link).

        Raises `LinkUnusable`, `Unreachable` or `Refused`.
        """
        if self._stop.asked:  # a link takes several calls, each as long as `timeout`
            raise Unreachable(LOOKER, "Shutting down: Looker was not asked.", "The next tick asks again.")
        try:
            return with_retries(lambda: self._once(question), CallError, _pauses(self._patience), self._stop)
        except CallError as failed:
            raise error_for(failed, self._host, subject) from failed

    def renew_login(self) -> None:
        """Logs in if not yet done, or if the login ends within some minutes; tried once. Raises as `ask` does."""
        try:
            self._session.renew()
        except CallError as failed:
            raise error_for(failed, self._host, "") from failed

    def _once(self, question: Callable[[methods.Looker40SDK], T]) -> T:
        used = self._session.token
        try:
            return question(self._sdk)
        except CallError as failed:
            if failed.status != 401 or failed.at_login:
                raise
        self._session.forget(used)  # revoked or expired on Looker's side: log in again, once
        return question(self._sdk)


class _SdkSettings(api_settings.ApiSettings):
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
            return self._checked_login(transport_options)

    def _checked_login(self, transport_options: transport.TransportOptions) -> dict[str, str]:
        """The header of a login, which is made if there is none; the lock is held."""
        try:
            header = super().authenticate(transport_options)
        except CallError as failed:
            failed.at_login = True
            raise
        if not self.token.access_token:  # Looker's own description requires no field of that answer
            empty = CallError(Trouble.GARBLED, "answered the login without a token")
            empty.at_login = True
            raise empty
        return header

    def renew(self) -> None:
        """Logs in unless the login lasts for some time. Until that has succeeded, the old login is used."""
        with self._lock:
            before = self.token
            left = (before.expires_at - datetime.now()).total_seconds()  # noqa: DTZ005  # as the SDK counts
            if before.is_active and left > min(_RENEW_BEFORE, before.expires_in / 2):
                return
            self.token = auth_token.AuthToken()
            try:
                self._checked_login({})
            except CallError:
                self.token = before
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


def _pauses(patience: float) -> Callable[[CallError], float | None]:
    """How long to wait after each failed try of one call; None where its failure is final."""
    pauses, began = iter(_PAUSES), time.monotonic()

    def pause_after(failed: CallError) -> float | None:
        usual = next(pauses, None)
        if usual is None or not failed.transient:
            return None
        pause = max(usual + random.random(), failed.retry_after or 0.0)  # noqa: S311  # no secret depends on it
        return pause if time.monotonic() - began + pause < patience else None

    return pause_after
