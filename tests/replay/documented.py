"""Slack and Looker as their vendors describe them, so that not every recording repeats our sandbox's opinion of them.

Slack's answers are the examples and the error codes of its method reference, `slack/METHOD.json`. Looker's are made by
prism, a mock server, from its OpenAPI description, `looker-4.0.oas.json`. Both are read from the folder that
CREDITBOT_RECORD_SPECS names, only while recording, and served to the adapters over HTTP.
"""

from __future__ import annotations

import copy
import http.client
import json
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from creditbot.sandbox.http import HttpRequest, HttpResponse
from creditbot.sandbox.looker_operations import OPERATIONS
from tests.replay.origin import PREFIX

Json = Any
Answers = Mapping[str, Mapping[str, HttpResponse]]
"""Operation -> name of an answer -> the answer. The first one is given unless another is chosen."""

SLACK_METHODS = (
    "auth.test", "chat.postMessage", "chat.update", "conversations.history", "conversations.info", "conversations.list",
    "conversations.open", "conversations.replies", "reactions.add", "reactions.get", "reactions.remove",
)  # fmt: skip
"""Every method that creditbot calls."""

LOOKER_OPERATIONS = (
    "create_query", "login", "look", "me", "query_for_slug", "run_look", "run_query", "sql_query",
)  # fmt: skip
"""Every operation that creditbot calls."""

SHAPES = ("full", "null", "bare")
"""How prism fills in a schema: every field, null where that is allowed, or only the fields that are required."""

_FILLED_IN: dict[str, dict[str, Json]] = {
    "AccessToken": {"access_token": "prism-not-a-secret", "expires_in": 3600},
    "LookWithQuery": {"deleted": False},
    "Query": {"limit": "500"},
}
"""Values of the full shape. prism's own, such as a negative lifetime, would let nothing but failures be recorded."""

PRISM = "npx --yes @stoplight/prism-cli@5.14.2"
"""The command that starts prism, unless CREDITBOT_RECORD_PRISM has another."""

_START_SECONDS = 60.0


def specs(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder with the descriptions; None if the environment names none."""
    folder = environ.get(f"{PREFIX}SPECS", "")
    return Path(folder) if folder else None


@dataclass
class DocumentedApi:
    """The App of a vendor: each operation gives the answer that was chosen for it.

    Attributes:
        answers: what there is to choose from.
        operation_of: the operation that a request is for.
        chosen: operation -> name of its answer.
    """

    answers: Answers
    operation_of: Callable[[HttpRequest], str]
    chosen: dict[str, str] = field(default_factory=dict)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answers one call."""
        operation = self.operation_of(request)
        answers = self.answers[operation]
        answer = answers[self.chosen.get(operation, next(iter(answers)))]
        return _last_page(answer) if "cursor" in {**request.query, **request.form} else answer


def _last_page(answer: HttpResponse) -> HttpResponse:
    """What follows an example that is the first of several pages: Slack's reference shows no page after it."""
    assert isinstance(answer.body, bytes)
    page = {name: [] if isinstance(value, list) else value for name, value in json.loads(answer.body).items()}
    return HttpResponse.of({name: value for name, value in page.items() if name != "response_metadata"})


def slack_method(request: HttpRequest) -> str:
    """The method that a request calls."""
    return request.path.removeprefix("/api/")


def looker_operation(request: HttpRequest) -> str:
    """The operation that a request calls."""
    path = request.path.removeprefix("/api/4.0")
    return next(
        name for name, known in OPERATIONS.items() if known.verb == request.method and known.pattern.fullmatch(path)
    )


def api_for(area: str, environ: Mapping[str, str] = os.environ) -> DocumentedApi | None:
    """The vendor that the recordings of an area come from; None if its descriptions are not at hand."""
    folder = specs(environ)
    if folder is None:
        return None
    if area == "slack_documented":
        return DocumentedApi(slack_answers(folder), slack_method)
    return DocumentedApi(looker_answers(folder, environ.get(f"{PREFIX}PRISM") or PRISM), looker_operation)


@cache
def slack_answers(folder: Path) -> Answers:
    """The successful examples of each method by their names, then each documented error by its code.

    A method that needs a scope may find it missing, though not every method's page lists that error. Two more answers
    are made of the first example and the schema of the method's output: `shape null`, with null wherever that is
    allowed, and `shape bare`, with the required fields alone.
    """
    answers: dict[str, dict[str, HttpResponse]] = {}
    for method in SLACK_METHODS:
        reference = json.loads((folder / "slack" / f"{method}.json").read_text(encoding="utf-8"))
        examples = {name: each["example"] for name, each in reference["examples"].items()}
        shown = {name: example for name, example in examples.items() if example["ok"]}
        refused = {example["error"]: example for example in examples.values() if not example["ok"]}
        codes = [*reference["errors"], *(["missing_scope"] if reference["scope"].get("bot") else [])]
        listed = {code: {"ok": False, "error": code} for code in codes}
        shapes = _shapes(next(iter(shown.values())), reference["output"] or {"properties": {}})
        bodies = {**shown, **listed, **refused, **shapes}
        answers[method] = {name: HttpResponse.of(body) for name, body in bodies.items()}
    return answers


def _shapes(example: Json, output: Json) -> dict[str, Json]:
    parts = {name: field.get("anyOf", field.get("oneOf", ())) for name, field in output["properties"].items()}
    nulls = {name: None for name, choices in parts.items() if {"type": "null"} in choices}
    required = {name: example[name] for name in output.get("required", ()) if name in example}
    return {"shape null": {**example, **nulls}, "shape bare": {"ok": True, **required}}


@cache
def looker_answers(folder: Path, prism: str) -> Answers:
    """What prism answers for each operation: each shape of the success, and of each documented error.

    Args:
        folder: has the OpenAPI description.
        prism: the command that starts prism, such as "npx @stoplight/prism-cli".
    """
    description = json.loads((folder / "looker-4.0.oas.json").read_text(encoding="utf-8"))
    answers: dict[str, dict[str, HttpResponse]] = {operation: {} for operation in LOOKER_OPERATIONS}
    for shape in SHAPES:
        with _prism(prism, shaped(description, shape)) as port:
            for operation in LOOKER_OPERATIONS:
                for status in documented_statuses(description, operation):
                    answer = _asked(port, operation, status)
                    if all((answer.status, answer.body) != (it.status, it.body) for it in answers[operation].values()):
                        answers[operation][shape if status == 200 else f"{status} {shape}"] = answer
    return answers


def documented_statuses(description: Json, operation: str) -> list[int]:
    """The HTTP statuses that the description has for an operation."""
    return sorted(int(status) for status in described_operation(description, operation)["responses"])


def described_operation(description: Json, operation: str) -> Json:
    """What the description has about an operation."""
    known = OPERATIONS[operation]
    return description["paths"][_template(known.path)][known.verb.lower()]


def _template(path: str) -> str:
    """A path as OpenAPI writes it: `/looks/{look_id}`."""
    return "/".join(f"{{{step[1:]}}}" if step.startswith(":") else step for step in path.split("/"))


def shaped(description: Json, shape: str) -> Json:
    """A copy of the description with creditbot's operations alone, from which prism gives answers of one shape.

    It names the type of SQL in full, `text/plain`: the description has `text`, which is no media type, and at which
    prism gives up.
    """
    paths: dict[str, Json] = {}
    for operation in LOOKER_OPERATIONS:
        documented = copy.deepcopy(described_operation(description, operation))
        for response in documented["responses"].values():
            content = response.get("content", {})
            response["content"] = {"text/plain" if kind == "text" else kind: value for kind, value in content.items()}
        known = OPERATIONS[operation]
        paths.setdefault(_template(known.path), {})[known.verb.lower()] = documented
    components = copy.deepcopy(description["components"])
    for name, schema in components["schemas"].items():
        _shape_fields(schema, _FILLED_IN.get(name, {}), shape)
    return {**description, "paths": paths, "components": components}


def _shape_fields(schema: Json, filled_in: Mapping[str, Json], shape: str) -> None:
    fields = schema.get("properties", {})
    for name, value in filled_in.items():
        fields[name]["example"] = value
    if shape == "null":
        for described in fields.values():
            if described.get("nullable"):
                described["example"] = None
    if shape == "bare":
        schema["properties"] = {name: fields[name] for name in schema.get("required", ())}


@contextmanager
def _prism(command: str, description: Json) -> Iterator[int]:
    """The port of a prism that serves the description while the context is open."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    file = Path(os.environ.get("TMPDIR", "/tmp")) / f"creditbot-prism-{port}.json"
    file.write_text(json.dumps(description), encoding="utf-8")
    options = ["mock", str(file), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*shlex.split(command), *options], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            assert process.poll() is None, f"{command} ended"
            assert time.monotonic() < deadline, f"{command} does not listen"
            time.sleep(0.2)
        yield port
    finally:
        os.killpg(process.pid, 15)
        process.wait()
        file.unlink()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _asked(port: int, operation: str, status: int) -> HttpResponse:
    """prism's answer with this status."""
    known = OPERATIONS[operation]
    path = known.path.replace(":result_format", "sql")
    path = "/".join("7" if step.startswith(":") else step for step in path.split("/"))
    kind = "text/plain" if operation.startswith("run_") and status == 200 else "application/json"
    headers = {"Prefer": f"code={status}", "Accept": kind, "Authorization": "token prism-not-a-secret"}
    body = ""
    if operation == "login":
        headers["Content-Type"], body = "application/x-www-form-urlencoded", "client_id=a&client_secret=b"
    if operation == "create_query":
        headers["Content-Type"], body = "application/json", '{"model": "m", "view": "v"}'
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
    connection.request(known.verb, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert status == answer.status, f"prism answers {operation} with {answer.status}: {content[:500]!r}"
    return HttpResponse(status, content, {"Content-Type": answer.headers["Content-Type"]})
