"""A Looker that speaks API 4.0.

It checks the token and the permission of each HTTP request before one of the `looker_operations` answers from the
world.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from creditbot.sandbox.faults import Faults
from creditbot.sandbox.http import HttpRequest, HttpResponse, UnixClock
from creditbot.sandbox.looker_operations import (
    OPERATIONS,
    LookerCall,
    LookerError,
    LookerOptions,
    Operation,
    error_response,
)
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import SandboxWorld

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-not-a-secret"


class SandboxLooker:
    """The App of one instance with one API user.

    Attributes:
        options: permissions and habits of this instance.
        calls: (operation, arguments) of every call but for credentials, in the order they came in.
        faults: what goes wrong.
    """

    def __init__(self, world: SandboxWorld, clock: UnixClock) -> None:
        self.world = world
        self.options = LookerOptions()
        self.calls: list[tuple[str, Json]] = []
        self.faults = Faults()
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answers one call."""
        path = re.sub(r"^/api(/4\.0)?(?=/)", "", request.path)  # the SDK logs out at /api/logout
        if path == "/alive":
            return HttpResponse()
        for name, operation in OPERATIONS.items():
            match = operation.pattern.fullmatch(path) if operation.verb == request.method else None
            if match:
                return self._serve(name, operation, request, match.groupdict())
        return error_response(404, "Not found", request.method, path)

    def revoke_tokens(self) -> None:
        """Makes every token that was issued so far expire."""
        with self._lock:
            self._tokens.clear()

    def _serve(self, name: str, operation: Operation, request: HttpRequest, in_path: Mapping[str, str]) -> HttpResponse:
        arguments = {**request.query, **(request.json if name == "create_query" else {}), **in_path}
        with self._lock:
            self.calls.append((name, arguments))
        fault = self.faults.next_for(name, arguments)
        response = fault.before() or self._respond(name, operation, request, arguments)
        fault.after()
        return response

    def _respond(self, name: str, operation: Operation, request: HttpRequest, arguments: Json) -> HttpResponse:
        try:
            if name == "login":
                return self._login({**request.query, **request.form})
            token = self._check_token(request)
            self.options.need(operation.permission)
            if operation.run is None:
                return self._logout(token)
            base = f"http://{request.headers.get('host', '')}"
            result = operation.run(LookerCall(self.world, self.options, arguments, base))
        except LookerError as error:
            return error_response(error.status, error.message, operation.verb, operation.path, error.missing)
        if isinstance(result, HttpResponse):
            return result
        return HttpResponse.of(_chosen(result, request.query.get("fields")))

    def _login(self, credentials: Mapping[str, str]) -> HttpResponse:
        if (credentials.get("client_id"), credentials.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise LookerError(404, "Not found")
        token, lifetime = secrets.token_hex(20), self.options.token_lifetime
        with self._lock:
            self._tokens[token] = self._clock() + lifetime
        body = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "refresh_token": None}
        return HttpResponse.of(body)

    def _check_token(self, request: HttpRequest) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            alive = self._tokens.get(token, 0.0) > self._clock()
        if scheme.lower() not in ("bearer", "token") or not alive:
            raise LookerError(401, "Requires authentication.")
        return token

    def _logout(self, token: str) -> HttpResponse:
        with self._lock:
            self._tokens.pop(token, None)
        return HttpResponse(204)


def _chosen(result: Json, fields: Any) -> Json:
    """Only the fields that `fields=id,slug,query(id)` names; a field with brackets comes whole."""
    if not isinstance(fields, str):
        return result
    names = re.sub(r"\([^)]*\)", "", fields).split(",")
    return {name: value for name, value in result.items() if name in names}
