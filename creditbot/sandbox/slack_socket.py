"""Slack's Socket Mode: a real websocket over which an app gets its events, spoken with wsproto.

`apps.connections.open` gives an address with a ticket, which opens one connection. Over it go, one JSON text each:

    server -> app   {"type": "hello", "num_connections": 1, ...}
                    {"type": "events_api", "envelope_id": ID, "payload": {...}, "retry_attempt": N, "retry_reason": R}
                    {"type": "disconnect", "reason": "warning" | "refresh_requested" | "too_many_websockets", ...}
    app -> server   {"envelope_id": ID}                                                          the acknowledgement

Each event goes to one connection, chosen at random. What is not acknowledged in time is sent again at once, after a
minute and after five; so is what went into a connection that has ended. Events come from changes of the world, also
from those that other processes make in its file.
"""

from __future__ import annotations

import itertools
import json
import random
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import wsproto
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, RejectConnection, Request, TextMessage

from creditbot.sandbox.http import HttpRequest, HttpResponse, UnixClock
from creditbot.sandbox.slack_events import envelope_payload, events_of
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import APP, LOOKER, SandboxWorld

APP_TOKEN = "xapp-sandbox-not-a-secret"  # noqa: S105 - says itself what it is
PATH = "/link/"
ACK_SECONDS = 3.0
"""How long Slack waits for an acknowledgement."""
RETRIES = (0.0, 60.0, 300.0)
"""Seconds after which an event that was not acknowledged is sent again, for the first, second and third time."""
MOST = 10
"""Connections that an app may have."""
_GLANCE = 0.05
"""Seconds between two looks at the world: how late an event is at most."""


@dataclass
class Envelope:
    """One event on its way.

    Attributes:
        id: names it in the acknowledgement.
        payload: what it says.
        due: when it is sent, or sent again, if it is not acknowledged before; by the sandbox's clock.
        attempt: how often it was sent again.
        sent: whether it was sent at all.
    """

    id: str
    payload: Json
    due: float
    attempt: int = 0
    sent: bool = False

    def text(self, looker_url: str) -> str:
        """As it is sent."""
        retry = {"retry_attempt": self.attempt, "retry_reason": "timeout" if self.attempt else ""}
        fields = {"envelope_id": self.id, "type": "events_api", "accepts_response_payload": False, **retry}
        return json.dumps({**fields, "payload": self.payload}).replace(LOOKER, looker_url)


@dataclass(eq=False)
class Connection:
    """One open websocket. `send` may be called by several threads."""

    line: socket.socket
    looker_url: str
    ws: wsproto.WSConnection = field(default_factory=lambda: wsproto.WSConnection(wsproto.ConnectionType.SERVER))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, *events: Event) -> bool:
        """Sends frames; False if the other side has gone."""
        try:
            with self.lock:
                self.line.sendall(b"".join(self.ws.send(event) for event in events))
        except (OSError, wsproto.utilities.LocalProtocolError):
            return False
        return True

    def send_json(self, **fields: Any) -> bool:
        """Sends one JSON object."""
        return self.send(TextMessage(json.dumps(fields)))


class SocketMode:
    """The connections of the app, and the events that wait for an acknowledgement.

    Attributes:
        is_deaf: while it is set, acknowledgements are not heard.
        is_silent: while it is set, pings are not answered.
        lost: how many of the next events are never sent.
        sent: (id, attempt) of each envelope that was sent, in order.
        acknowledged: ids of the envelopes that were acknowledged, in order, repeats included.

    Args:
        world: whose changes are told.
        clock: what waits go by.
        looker_url: hostname -> address of the Looker that messages link to, seen from there.
        ack_seconds: how long an acknowledgement may take.
    """

    def __init__(
        self, world: SandboxWorld, clock: UnixClock, looker_url: Callable[[str], str], ack_seconds: float = ACK_SECONDS
    ) -> None:
        self.is_deaf = False
        self.is_silent = False
        self.lost = 0
        self.sent: list[tuple[str, int]] = []
        self.acknowledged: list[str] = []
        self._world = world
        self._clock = clock
        self._looker_url = looker_url
        self._ack_seconds = ack_seconds
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._connections: list[Connection] = []
        self._waiting: dict[str, Envelope] = {}
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._teller: threading.Thread | None = None

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def ticket(self, request: HttpRequest) -> str:
        """The address of a new connection, for somebody who calls this server by the name in the request.

        The first one is also the moment from which on changes of the world become events.
        """
        ticket = secrets.token_hex(8)
        with self._lock:
            self._tickets.add(ticket)
            if self._teller is None:
                last = self._world.last_change()
                self._teller = threading.Thread(target=self._tell, args=(last,), daemon=True, name="slack-events")
                self._teller.start()
        return f"ws://{request.headers.get('host', '')}{PATH}?ticket={ticket}&app_id={APP}"

    def upgrade(self, request: HttpRequest) -> HttpResponse:
        """Answers the websocket's handshake: the connection is then no longer one of HTTP."""
        with self._lock:
            known = request.query.get("ticket", "") in self._tickets
            self._tickets.discard(request.query.get("ticket", ""))
        looker_url = self._looker_url(request.hostname)
        return HttpResponse(takes_over=lambda line: self._serve(Connection(line, looker_url), request, known=known))

    def refresh(self, reason: str = "refresh_requested") -> None:
        """Asks every app to connect again, as Slack does every few hours; "warning" comes some seconds before that."""
        for connection in list(self._connections):
            connection.send_json(type="disconnect", reason=reason, debug_info={"host": "sandbox"})
            if reason != "warning":
                self._close(connection)

    def drop(self) -> None:
        """Cuts every connection without a word."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.line.shutdown(socket.SHUT_RDWR)

    def forge(self, payload: Json) -> None:
        """Sends an event that nothing stands behind."""
        self._add(payload)

    def close(self) -> None:
        """Ends everything."""
        self._ended.set()
        for connection in list(self._connections):
            self._close(connection)
            with suppress(OSError):
                connection.line.shutdown(socket.SHUT_RDWR)
        if self._teller:
            self._teller.join()

    # -- one connection ------------------------------------------------------------------------------------------------

    def _serve(self, connection: Connection, request: HttpRequest, *, known: bool) -> None:
        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        connection.ws.initiate_upgrade_connection(headers, request.path)
        for event in connection.ws.events():
            if isinstance(event, Request) and not known:
                connection.send(RejectConnection(status_code=408))
                return
            connection.send(AcceptConnection())
        try:
            if self._welcome(connection):
                while data := connection.line.recv(65536):
                    with connection.lock:
                        connection.ws.receive_data(data)
                        events = list(connection.ws.events())
                    for event in events:
                        self._hear(connection, event)
        except (OSError, wsproto.utilities.RemoteProtocolError):
            pass  # it has gone
        finally:
            with self._lock:
                self._connections = [other for other in self._connections if other is not connection]

    def _welcome(self, connection: Connection) -> bool:
        with self._lock:
            if len(self._connections) >= MOST:
                connection.send_json(type="disconnect", reason="too_many_websockets", debug_info={"host": "sandbox"})
                return False
            self._connections.append(connection)
            return connection.send_json(
                type="hello",
                num_connections=len(self._connections),
                debug_info={"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
                connection_info={"app_id": APP},
            )

    def _hear(self, connection: Connection, event: Event) -> None:
        if isinstance(event, Ping) and not self.is_silent:
            connection.send(event.response())
        elif isinstance(event, CloseConnection):
            connection.send(event.response())
            raise ConnectionResetError
        elif isinstance(event, TextMessage) and not self.is_deaf:
            with self._lock, suppress(ValueError, KeyError, TypeError):
                envelope_id = json.loads(event.data)["envelope_id"]
                self.acknowledged.append(envelope_id)
                self._waiting.pop(envelope_id, None)

    def _close(self, connection: Connection) -> None:
        connection.send(CloseConnection(1000))

    # -- events --------------------------------------------------------------------------------------------------------

    def _tell(self, last: int) -> None:
        """Sends what has changed since the write with the number `last`, until the end."""
        while not self._ended.wait(_GLANCE):
            for change in self._world.changes_after(last):
                last = change.number
                for event in events_of(self._world, change):
                    self._add(envelope_payload(event, f"{last}{next(self._numbers):04}"))
            self._send_due()

    def _add(self, payload: Json) -> None:
        with self._lock:
            if self.lost:
                self.lost -= 1
                return
            envelope = Envelope(secrets.token_hex(8), payload, self._clock())
            self._waiting[envelope.id] = envelope

    def _send_due(self) -> None:
        now = self._clock()
        with self._lock:
            for envelope in [waiting for waiting in self._waiting.values() if waiting.due <= now]:
                if not self._connections:
                    continue  # Slack keeps events for an app that is not there as well, and sends them again
                if envelope.sent:
                    envelope.attempt += 1
                connection = random.choice(self._connections)  # noqa: S311 - nothing secret
                self.sent.append((envelope.id, envelope.attempt))  # first: who gets it may look here at once
                connection.send(TextMessage(envelope.text(connection.looker_url)))
                envelope.sent = True
                if envelope.attempt >= len(RETRIES):
                    del self._waiting[envelope.id]
                else:
                    envelope.due = now + self._ack_seconds + RETRIES[envelope.attempt]
