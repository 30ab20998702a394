"""A Slack that speaks the Web API.

It checks the token and the rate limit of each HTTP request before one of the methods of `slack_conversations`,
`slack_messages` or `slack_reactions` answers from the world.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from creditbot.sandbox import slack_conversations, slack_messages, slack_reactions
from creditbot.sandbox.faults import Fault, Faults
from creditbot.sandbox.http import JSON_CONTENT, HttpRequest, HttpResponse, UnixClock
from creditbot.sandbox.rate_limits import RateLimits
from creditbot.sandbox.slack_call import Method, SlackCall, SlackError
from creditbot.sandbox.slack_socket import APP_TOKEN, PATH, SocketMode
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import LOOKER, SandboxWorld

METHODS: Mapping[str, Method] = slack_conversations.METHODS | slack_messages.METHODS | slack_reactions.METHODS
OPEN = "apps.connections.open"
TOKEN = "xoxb-sandbox-not-a-secret"  # noqa: S105 - says itself what it is
SCOPES = (
    "channels:history", "channels:join", "channels:read", "chat:write", "groups:history", "groups:read",
    "im:history", "im:read", "im:write", "reactions:read", "reactions:write", "users:read",
)  # fmt: skip


class SandboxSlack:
    """The App of one workspace with one bot.

    Attributes:
        token: the only one that is known.
        scopes: what the token may do.
        calls: (method, arguments) of every call, refused ones too, in the order they came in.
        faults: what goes wrong.
        limits: the rate limits.
        page_size: how many items a page has at most, below what a caller asks for; None leaves it to the caller.
        looker_url: hostname -> address of the Looker that messages link to, seen from there.
        socket_mode: the connections over which the app gets its events.
    """

    def __init__(
        self, world: SandboxWorld, clock: UnixClock, *, looker_url: Callable[[str], str], rate_limits: bool = True
    ) -> None:
        self.world = world
        self.token = TOKEN
        self.scopes: frozenset[str] = frozenset(SCOPES)
        self.calls: list[tuple[str, Json]] = []
        self.faults = Faults()
        self.limits = RateLimits(clock, enabled=rate_limits)
        self.page_size: int | None = None
        self.looker_url = looker_url
        self.socket_mode = SocketMode(world, clock, looker_url)
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answers one call."""
        if request.path == PATH and request.headers.get("upgrade", "").lower() == "websocket":
            return self.socket_mode.upgrade(request)
        name = request.path.removeprefix("/api/")
        method = METHODS.get(name)
        arguments = _arguments(request, method)
        with self._lock:
            self.calls.append((name, {key: value for key, value in arguments.items() if key != "token"}))
        fault = self.faults.next_for(name, arguments)
        response = fault.before() or self._respond(request, name, method, arguments, fault)
        fault.after()
        return response

    def _respond(
        self, request: HttpRequest, name: str, method: Method | None, arguments: Json, fault: Fault
    ) -> HttpResponse:
        headers = {"X-Slack-Req-Id": uuid.uuid4().hex}
        try:
            if name == OPEN:
                return HttpResponse.of({"ok": True, "url": self._connection_url(request)}, headers=headers)
            method = _known(name, method)
            if method.needs_token:
                self._check_token(request, arguments)
                headers["X-OAuth-Scopes"] = ",".join(sorted(self.scopes))
            body = {"ok": True} | self._run(name, method, arguments, fault)
        except SlackError as error:
            headers |= {"Retry-After": str(error.wait)} if error.wait else {}
            return HttpResponse.of(error.body, 429 if error.wait else 200, headers)
        shown = json.dumps(body, ensure_ascii=False).replace(LOOKER, self.looker_url(request.hostname))
        return HttpResponse(200, shown.encode(), JSON_CONTENT | headers)

    def _connection_url(self, request: HttpRequest) -> str:
        """`apps.connections.open`, which takes an app-level token, and only in the header."""
        wait = self.limits.call(OPEN, 3)
        if wait:
            raise SlackError("ratelimited", wait=wait)
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        if token != APP_TOKEN:
            raise SlackError("not_allowed_token_type" if token == self.token else "invalid_auth")
        return self.socket_mode.ticket(request)

    def _run(self, name: str, method: Method, arguments: Json, fault: Fault) -> Json:
        wait = self.limits.call(name, method.tier)
        if wait:
            raise SlackError("ratelimited", wait=wait)
        missing = [required for required in method.required if not arguments.get(required)]
        if missing:
            messages = [f"[ERROR] missing required field: {argument}" for argument in missing]
            raise SlackError("invalid_arguments", response_metadata={"messages": messages})
        return method.run(SlackCall(self.world, arguments, self.scopes, self.limits, fault, self.page_size))

    def _check_token(self, request: HttpRequest, arguments: Mapping[str, Any]) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else str(arguments.get("token", ""))
        if not token:
            raise SlackError("not_authed")
        if token != self.token:
            raise SlackError("invalid_auth")


def _known(name: str, method: Method | None) -> Method:
    if method is None:
        raise SlackError("unknown_method", req_method=name)
    return method


def _arguments(request: HttpRequest, method: Method | None) -> Json:
    """The arguments out of the query, a form, or, where the method takes it, JSON."""
    arguments: Json = dict(request.query)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        arguments |= request.form
    elif kind == "application/json" and method and method.takes_json:
        arguments |= {name: value for name, value in request.json.items() if value is not None}
    return arguments
