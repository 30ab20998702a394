"""A Looker that speaks API 4.0: tokens before the operations of `looker_operations`."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from creditbot.sandbox.faults import Faults
from creditbot.sandbox.http import Answer, Call, Clock
from creditbot.sandbox.looker_operations import OPERATIONS, LookerError, Operation, Options, Request, error_answer
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import World

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-not-a-secret"


class Looker:
    """The App of one instance with one API user.

    Attributes:
        options: permissions and habits of this instance.
        calls: (operation, arguments) of every call but for credentials, in the order they came in.
        faults: what goes wrong.
    """

    def __init__(self, world: World, clock: Clock) -> None:
        self.world = world
        self.options = Options()
        self.calls: list[tuple[str, Json]] = []
        self.faults = Faults()
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> Answer:
        """Answers one call."""
        path = re.sub(r"^/api(/4\.0)?(?=/)", "", call.path)  # the SDK logs out at /api/logout
        if path == "/alive":
            return Answer()
        for name, operation in OPERATIONS.items():
            found = operation.pattern.fullmatch(path) if operation.verb == call.method else None
            if found:
                return self._serve(name, operation, call, found.groupdict())
        return error_answer(404, "Not found", call.method, path)

    def revoke_tokens(self) -> None:
        """Every token given so far has expired."""
        with self._lock:
            self._tokens.clear()

    def _serve(self, name: str, operation: Operation, call: Call, found: Mapping[str, str]) -> Answer:
        arguments = {**call.query, **(call.json() if name == "create_query" else {}), **found}
        with self._lock:
            self.calls.append((name, arguments))
        fault = self.faults.take(name, arguments)
        answer = fault.before() or self._answer(name, operation, call, arguments)
        fault.after()
        return answer

    def _answer(self, name: str, operation: Operation, call: Call, arguments: Json) -> Answer:
        try:
            if name == "login":
                return self._login({**call.query, **call.form()})
            token = self._check_token(call)
            self.options.need(operation.permission)
            if operation.run is None:
                return self._logout(token)
            base = f"http://{call.headers.get('host', '')}"
            result = operation.run(Request(self.world, self.options, arguments, base))
        except LookerError as error:
            return error_answer(error.status, error.message, operation.verb, operation.path, error.missing)
        return result if isinstance(result, Answer) else Answer.of(_chosen(result, call.query.get("fields")))

    def _login(self, given: Mapping[str, str]) -> Answer:
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise LookerError(404, "Not found")
        token, lifetime = secrets.token_hex(20), self.options.token_lifetime
        with self._lock:
            self._tokens[token] = self._clock() + lifetime
        body = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "refresh_token": None}
        return Answer.of(body)

    def _check_token(self, call: Call) -> str:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        with self._lock:
            alive = self._tokens.get(token, 0.0) > self._clock()
        if scheme.lower() not in ("bearer", "token") or not alive:
            raise LookerError(401, "Requires authentication.")
        return token

    def _logout(self, token: str) -> Answer:
        with self._lock:
            self._tokens.pop(token, None)
        return Answer(204)


def _chosen(result: Json, fields: Any) -> Json:
    """Only the fields asked for by `fields=id,slug,query(id)`; what has brackets is given whole."""
    if not isinstance(fields, str):
        return result
    names = re.sub(r"\([^)]*\)", "", fields).split(",")
    return {name: value for name, value in result.items() if name in names}
