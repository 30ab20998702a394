"""A Slack that speaks the Web API: tokens, scopes and rate limits before the methods of the modules beside it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from creditbot.sandbox import slack_conversations, slack_messages
from creditbot.sandbox.faults import Fault, Faults
from creditbot.sandbox.http import Answer, Call, Clock
from creditbot.sandbox.limits import Limits
from creditbot.sandbox.slack_request import Method, Request, SlackError
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import LOOKER, World

METHODS: Mapping[str, Method] = slack_conversations.METHODS | slack_messages.METHODS
TOKEN = "xoxb-sandbox-not-a-secret"  # noqa: S105 - says itself what it is
SCOPES = (
    "channels:history", "channels:join", "channels:read", "chat:write", "groups:history", "groups:read",
    "im:history", "im:read", "im:write", "users:read",
)  # fmt: skip


class Slack:
    """The App of one workspace with one bot.

    Attributes:
        token: the only one that is known.
        scopes: what the token may do.
        calls: (method, arguments) of every call, refused ones too, in the order they came in.
        faults: what goes wrong.
        limits: the rate limits.
        page_size: how many items a page has at most, below what a caller asks for; None leaves it to the caller.
        looker_url: hostname -> address of the Looker that messages link to, seen from there.
    """

    def __init__(
        self, world: World, clock: Clock, *, looker_url: Callable[[str], str], rate_limits: bool = True
    ) -> None:
        self.world = world
        self.token = TOKEN
        self.scopes: frozenset[str] = frozenset(SCOPES)
        self.calls: list[tuple[str, Json]] = []
        self.faults = Faults()
        self.limits = Limits(clock, enabled=rate_limits)
        self.page_size: int | None = None
        self.looker_url = looker_url
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> Answer:
        """Answers one call."""
        name = call.path.removeprefix("/api/")
        method = METHODS.get(name)
        arguments = _arguments(call, method)
        with self._lock:
            self.calls.append((name, {key: value for key, value in arguments.items() if key != "token"}))
        fault = self.faults.take(name, arguments)
        answer = fault.before() or self._answer(call, name, method, arguments, fault)
        fault.after()
        return answer

    def _answer(self, call: Call, name: str, method: Method | None, arguments: Json, fault: Fault) -> Answer:
        headers = {"X-Slack-Req-Id": uuid.uuid4().hex}
        if method is None:
            return Answer.of({"ok": False, "error": "unknown_method", "req_method": name}, headers=headers)
        try:
            if method.needs_token:
                self._check_token(call, arguments)
                headers["X-OAuth-Scopes"] = ",".join(sorted(self.scopes))
            answer = Answer.of({"ok": True} | self._run(name, method, arguments, fault), headers=headers)
        except SlackError as error:
            headers |= {"Retry-After": str(error.wait)} if error.wait else {}
            return Answer.of(error.body, 429 if error.wait else 200, headers)
        address = self.looker_url(call.hostname)
        return replace(answer, body=answer.body.replace(LOOKER.encode(), address.encode()))

    def _run(self, name: str, method: Method, arguments: Json, fault: Fault) -> Json:
        wait = self.limits.call(name, method.tier)
        if wait:
            raise SlackError("ratelimited", wait=wait)
        missing = [required for required in method.required if not arguments.get(required)]
        if missing:
            messages = [f"[ERROR] missing required field: {argument}" for argument in missing]
            raise SlackError("invalid_arguments", response_metadata={"messages": messages})
        return method.run(Request(self.world, arguments, self.scopes, self.limits, fault, self.page_size))

    def _check_token(self, call: Call, arguments: Mapping[str, Any]) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else str(arguments.get("token", ""))
        if not token:
            raise SlackError("not_authed")
        if token != self.token:
            raise SlackError("invalid_auth")


def _arguments(call: Call, method: Method | None) -> Json:
    """The arguments out of the query, a form, or, where the method takes it, JSON."""
    arguments: Json = dict(call.query)
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        arguments |= call.form()
    elif kind == "application/json" and method and method.takes_json:
        arguments |= {name: value for name, value in call.json().items() if value is not None}
    return arguments
