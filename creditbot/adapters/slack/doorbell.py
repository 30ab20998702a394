"""The doorbell: rings at each event that Slack sends over Socket Mode, on slack_sdk's built-in client.

An event is acknowledged at once. Nothing in it is believed: it only says that a tick should look. So none is kept, and
Slack's repeats ring again. Each new connection rings as well, because events may have been lost before it stood.

The client connects again when Slack asks for it, and when no answer to its pings has come for some 20 seconds. It opens
the new connection before it closes the old one. Until the first connection stands, and whenever Slack gives no address
for one, it is tried again here.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.builtin.connection import Connection
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.client import WebClient
from typing_extensions import override

from creditbot.adapters.slack.api import SlackApi
from creditbot.adapters.slack.errors import CallFailed, read_error
from creditbot.adapters.slack.wire import MUTE, Network
from creditbot.errors import SLACK, Refused, ServiceError, Unreachable
from creditbot.machine import logs
from creditbot.model import RequestKey

PING_SECONDS = 5.0
"""Between two pings. Without an answer to four of them the client connects again."""
_PINGS = 4
"""Pings without an answer after which slack_sdk's client gives a connection up."""
_PAUSES = (2.0, 5.0, 15.0, 60.0)
"""Seconds from the first, second, third and each further try in a row that led to no connection to the next one."""
_PROBE_SECONDS = 10.0
"""The longest that a probe may take."""
_GLANCE = 0.2
"""Seconds between two looks whether it is time for a try."""

_CHUNK = 65_536
"""Bytes read at a time. The client goes one call deeper for each piece of a message, so small ones would not do."""

_REMEMBERED = 1000
"""Messages that it rang for and remembers, so that somebody can tell whether an event was lost."""

_RINGS = frozenset({"message", "reaction_added", "reaction_removed"})
"""The types of events that a tick may find something of."""

log = logging.getLogger(__name__)


class SlackDoorbell:
    """Implements `ports.Doorbell`.

    Args:
        api: the way to Slack for SLACK_APP_TOKEN.
        network: how Slack is reached.
        is_plain: whether this Slack may be spoken to without TLS, as the sandbox's is.
        ping_seconds: between two pings.
    """

    def __init__(
        self, api: SlackApi, network: Network, *, is_plain: bool = False, ping_seconds: float = PING_SECONDS
    ) -> None:  # fmt: skip
        self._api, self._network = api, network
        self._is_plain, self._ping_seconds = is_plain, ping_seconds
        self._closed = threading.Event()
        self._client: _Client | None = None
        self._rung_for: OrderedDict[tuple[str, str], None] = OrderedDict()

    def open(self, ring: Callable[[], object]) -> None:
        """See `ports.Doorbell`."""

        def hear(client: BaseSocketModeClient, request: SocketModeRequest) -> None:
            if rings(request.payload):
                ring()  # first: it never waits
                self._remember(request.payload["event"])
            with suppress(Exception):  # the connection has just ended: Slack sends the event again
                client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

        self._client = client = _Client(self._api, self._network, ring, self._is_plain, self._ping_seconds)
        client.socket_mode_request_listeners.append(hear)
        threading.Thread(target=self._connect, args=(client,), name="doorbell", daemon=True).start()

    def probe(self) -> None:
        """See `ports.Doorbell`."""
        _address(self._api.limited(_PROBE_SECONDS), is_plain=self._is_plain)

    @property
    def hears(self) -> bool:
        """See `ports.Doorbell`."""
        return self._client is not None and self._client.is_connected()

    @property
    def connection(self) -> object | None:
        """See `ports.Doorbell`."""
        return self._client.session_id() if self._client and self._client.is_connected() else None

    @property
    def silences(self) -> int:
        """See `ports.Doorbell`."""
        return self._client.silences if self._client else 0

    def has_rung_for(self, key: RequestKey) -> bool:
        """See `ports.Doorbell`."""
        return (key.channel, key.ts) in self._rung_for

    def reconnect(self) -> None:
        """See `ports.Doorbell`."""
        if self._client and not self._closed.is_set():
            threading.Thread(target=self._client.connect_again, name="doorbell-again", daemon=True).start()

    def close(self) -> None:
        """See `ports.Doorbell`."""
        if self._client and not self._closed.is_set():
            self._closed.set()
            self._client.close()

    def _remember(self, event: Mapping[str, Any]) -> None:
        """In the one thread that takes events."""
        changed = event.get("message")
        message = changed if isinstance(changed, dict) else event
        self._rung_for[str(event.get("channel")), str(message.get("ts"))] = None
        while len(self._rung_for) > _REMEMBERED:
            self._rung_for.popitem(last=False)

    def _connect(self, client: _Client) -> None:
        """Until there was a connection, which the client then looks after itself."""
        while not self._closed.is_set():
            with suppress(Exception):  # it was told
                client.connect_to_new_endpoint()
            if client.is_connected():
                break
            self._closed.wait(_GLANCE)


def rings(payload: Mapping[str, Any]) -> bool:
    """Whether an event may be news for a tick: a message or a reaction, but not what we did ourselves."""
    event = payload.get("event")
    if not isinstance(event, dict) or event.get("type") not in _RINGS:
        return False
    changed = event.get("message") or event.get("previous_message")
    what = changed if isinstance(changed, dict) else event
    installed = payload.get("authorizations")
    ours = {each.get("user_id") for each in installed if isinstance(each, dict)} if isinstance(installed, list) else ()
    return not (what.get("user") in ours or (what.get("app_id") and what.get("app_id") == payload.get("api_app_id")))


class _Client(SocketModeClient):
    """slack_sdk's client, which asks for its addresses in our way: with a deadline, and not too often.

    Attributes:
        silences: how many connections were given up because no ping was answered.
    """

    def __init__(
        self, api: SlackApi, network: Network, ring: Callable[[], object], is_plain: bool, ping_seconds: float
    ) -> None:  # fmt: skip
        self._api = api
        self._ring = ring
        self._is_plain = is_plain
        self._tries = 0
        self._not_before = 0.0
        self._told = ""
        self.silences = 0
        self._connecting = threading.RLock()
        certificates = WebClient(ssl=None if is_plain else network.tls(), logger=MUTE)  # it asks nothing
        super().__init__(
            "", logger=MUTE, web_client=certificates, ping_interval=ping_seconds, concurrency=1,
            receive_buffer_size=_CHUNK,
        )  # fmt: skip
        self._proxy = self.proxy

    @override
    def issue_new_wss_url(self) -> str:
        """The address of a new connection. Raises `ServiceError`, also where it is too early to ask again."""
        now = self._api.clock.boot()
        if now < self._not_before:
            raise Unreachable(SLACK, "It is too early to ask Slack for a connection again.")
        self._not_before = now + _PAUSES[min(self._tries, len(_PAUSES) - 1)]
        self._tries += 1
        try:
            url = _address(self._api, is_plain=self._is_plain)
        except ServiceError as error:
            self._not_before = max(self._not_before, now + (getattr(error, "retry_after", None) or 0))
            raise self._told_once(error) from error
        parts = urlsplit(url)
        self.proxy = None if parts.scheme == "ws" or proxy_bypass(parts.hostname or "") else self._proxy
        return url

    def connect_again(self) -> None:
        """Connects to a new address although the connection seems to stand; where that fails, it stays as it is."""
        with suppress(Exception):  # it was told
            self.connect_to_new_endpoint(force=True)

    @override
    def _monitor_current_session(self) -> None:
        """Sends a ping; a connection on which none was answered for a while is given up for another one."""
        session = self.current_session
        stood = session is not None and session.is_active()
        super()._monitor_current_session()  # type: ignore[no-untyped-call]
        if stood and session and not session.is_active() and self._is_silent(session):
            self.silences += 1

    def _is_silent(self, session: Connection) -> bool:
        """Whether the client has given up this connection for want of answers, and it was not cut meanwhile."""
        heard = session.last_ping_pong_time or session._first_ping_time  # noqa: SLF001  # as the client counts
        return heard is not None and int(time.time() - heard) > self.ping_interval * _PINGS

    @override
    def connect_to_new_endpoint(self, force: bool = False) -> None:
        """One at a time: the client's own lock gives up after 5 s, and then two connect at once."""
        with self._connecting:
            super().connect_to_new_endpoint(force)

    @override
    def connect(self) -> None:
        """Opens the connection; `is_connected` says whether it stands."""
        super().connect()
        if self.closed:
            self.disconnect()
            return
        session = self.current_session
        if session and session.sock:
            session.sock = _EndingLine(session.sock)  # type: ignore[assignment]  # it only receives, sends and closes
            logs.event(log, "doorbell", outcome="hears", tries=self._tries)
            self._tries, self._not_before, self._told = 0, 0.0, ""
            self._ring()
        else:
            self._told_once(Unreachable(SLACK, "Slack's websocket does not answer as it should."))

    def _told_once(self, error: ServiceError) -> ServiceError:
        """Warns of it, unless it is the reason of the last time."""
        if str(error) != self._told:
            log.warning("Slack's events cannot be heard: %s", error)
            self._told = str(error)
        return error


class _EndingLine:
    """A socket that says when the other side has gone. The client takes "" for a pause, and asks again without one."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def recv(self, size: int) -> bytes:
        """Raises ConnectionResetError at the end."""
        data = self._line.recv(size)
        if not data:
            raise ConnectionResetError
        return data

    def __getattr__(self, name: str) -> Any:
        """All else is the socket's."""
        return getattr(self._line, name)


def _address(api: SlackApi, *, is_plain: bool) -> str:
    """Where a connection can be opened, once. Raises `Unreachable` or `Refused`."""
    try:
        return _checked(api.read("apps.connections.open").data.get("url"), is_plain=is_plain)
    except CallFailed as failed:
        raise read_error(failed) from failed


def _checked(url: object, *, is_plain: bool) -> str:
    """An address to which the client speaks TLS, which it does on port 443 alone."""
    text = url if isinstance(url, str) else ""
    with suppress(ValueError):
        parts = urlsplit(text)
        is_safe = parts.scheme == "wss" and parts.port in (None, 443)
        if parts.hostname and (is_safe or (is_plain and parts.scheme == "ws")):
            return text
    raise Refused(SLACK, "Slack's answer to apps.connections.open has no usable address.", "Check SLACK_API_URL.")
