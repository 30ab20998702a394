"""The sandbox answers as the vendors document: the same fields, of the same types, and no error that they do not list.

What they document is read from the recordings of `slack_documented` and `looker_documented`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft4Validator

from creditbot.sandbox import Sandbox
from creditbot.sandbox.http import HttpRequest, HttpResponse
from creditbot.sandbox.looker import CLIENT_ID, CLIENT_SECRET
from creditbot.sandbox.looker_content import add_dashboard, add_look, add_merge, add_query, add_sql_query
from creditbot.sandbox.looker_operations import OPERATIONS, failing
from creditbot.sandbox.seed import verify
from creditbot.sandbox.world import BOT, BOT_USER, CHANNEL, OWNER
from tests.replay.documented import (
    LOOKER_OPERATIONS,
    SLACK_METHODS,
    described_operation,
    looker_operation,
    slack_answers,
    slack_method,
    specs,
)
from tests.replay.origin import CANONICAL
from tests.replay.scenarios import CASSETTES
from tests.replay.scrubbing import Scrubber

pytestmark = pytest.mark.enable_socket

Json = Any
TS, REPLY = "1767866400.000100", "1767866500.000100"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A channel with a request and its reply, a Look and a SQL Runner query."""
    no_warehouse = tmp_path / "none"
    no_warehouse.touch()
    with Sandbox(tmp_path, rate_limits=False, warehouse=no_warehouse, messages=False) as made:
        made.world.post("Could somebody credit this?", ts=TS)
        made.world.post("Approved", ts=REPLY, thread_ts=TS, user=BOT_USER, bot_id=BOT)
        made.world.react(REPLY, "eyes", channel=CHANNEL, user=BOT_USER)
        made.world.post("Thank you!", thread_ts=TS)
        made.world.post("And this one?")
        add_look(made.world, "7", "Verify", add_query(made.world, verify("AC-sandbox-0001")))
        add_sql_query(made.world, "runner1", "SELECT 1")
        add_dashboard(made.world, "5", "Traffic", [add_query(made.world, verify("AC-sandbox-0001"))])
        add_merge(made.world, "5", [add_query(made.world, verify("AC-sandbox-0001"))])
        yield made


# --- What is documented -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """What values of one place look like.

    Attributes:
        kinds: their JSON types.
        fields: of objects, by name.
        required: the fields that every object has.
        items: of lists; None if every list is empty.
    """

    kinds: frozenset[str]
    fields: Mapping[str, Shape]
    required: frozenset[str]
    items: Shape | None


def shape_of(values: Iterable[Json]) -> Shape:
    """The shape of values that are documented for one place."""
    known = list(values)
    objects = [value for value in known if isinstance(value, dict)]
    names = {name for value in objects for name in value}
    items = [item for value in known if isinstance(value, list) for item in value]
    return Shape(
        frozenset(map(_kind, known)),
        {name: shape_of(value[name] for value in objects if name in value) for name in names},
        frozenset(name for name in names if all(name in value for value in objects)),
        shape_of(items) if items else None,
    )


def _kind(value: Json) -> str:
    kinds: dict[str, type | tuple[type, ...]]
    kinds = {"boolean": bool, "number": (int, float), "string": str, "object": dict, "list": list}  # True is an int
    return next((name for name, kind in kinds.items() if isinstance(value, kind)), "null")


def differences(shape: Shape, value: Json, *, complete: bool, place: str = "") -> Iterator[str]:
    """Where a value is not as documented.

    Slack's examples show whole objects, but not every field that there is. Looker's description is `complete`, so a
    field beyond it is a difference; which fields are required is known only of an answer as a whole.
    """
    if _kind(value) not in shape.kinds:
        yield f"{place} is a {_kind(value)}, documented is {' or '.join(sorted(shape.kinds))}"
    elif isinstance(value, list) and shape.items:
        for item in value:
            yield from differences(shape.items, item, complete=complete, place=f"{place}[]")
    elif isinstance(value, dict):
        by_any_name = shape.fields.get("property1") if {"property1", "property2"} == shape.fields.keys() else None
        required = frozenset() if by_any_name or (complete and place) else shape.required
        yield from (f"{place}.{name} is missing" for name in sorted(required - value.keys()))
        for name, inner in value.items():
            field = by_any_name or shape.fields.get(name)
            if field:
                yield from differences(field, inner, complete=complete, place=f"{place}.{name}")
            elif complete:
                yield f"{place}.{name} is not documented"


@cache
def _recorded(area: str) -> tuple[tuple[HttpRequest, int, str], ...]:
    """(request, status, body) of everything that was recorded from a vendor's documents."""
    files = (file for file in sorted((CASSETTES / area).glob("*.yaml")) if file.stem != "shapes")  # made of the others
    return tuple(
        (
            HttpRequest(one["request"]["method"], urlsplit(one["request"]["uri"]).path, {}, Message(), b""),
            one["response"]["status"]["code"],
            one["response"]["body"]["string"],
        )
        for file in files
        for one in yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)["interactions"]
    )


def _slack_bodies(method: str) -> list[Json]:
    return [json.loads(body) for request, _, body in _recorded("slack_documented") if method == slack_method(request)]


def _looker_bodies(operation: str, *, ok: bool) -> list[Json]:
    return [
        json.loads(body) if body.startswith("{") else body
        for request, status, body in _recorded("looker_documented")
        if operation == looker_operation(request) and (status == 200) == ok
    ]


# --- Slack --------------------------------------------------------------------------------------------------------


CALLS: dict[str, dict[str, object]] = {
    "auth.test": {},
    "chat.postMessage": {"channel": CHANNEL, "text": "Approved", "thread_ts": TS},
    "chat.update": {"channel": CHANNEL, "ts": REPLY, "text": "Twice"},
    "conversations.history": {"channel": CHANNEL, "limit": 1, "include_all_metadata": True},
    "conversations.info": {"channel": CHANNEL},
    "conversations.list": {"limit": 1},
    "conversations.open": {"users": OWNER},
    "conversations.replies": {"channel": CHANNEL, "ts": TS, "limit": 2},
    "reactions.add": {"channel": CHANNEL, "timestamp": TS, "name": "eyes"},
    "reactions.get": {"channel": CHANNEL, "timestamp": REPLY, "full": True},
    "reactions.remove": {"channel": CHANNEL, "timestamp": REPLY, "name": "eyes"},
}
"""A call of each method that succeeds."""

OF_THE_EXAMPLES = {
    # The one example is a post of an older kind of app, with a name and an attachment of its own.
    "chat.postMessage": {
        ".message.attachments is missing",
        ".message.subtype is missing",
        ".message.username is missing",
    },
}
"""What stands in every example of a method because of what the example is about."""


def call_slack(sandbox: Sandbox, method: str, arguments: Mapping[str, object], token: str = "") -> Json:
    """The sandbox's answer."""
    headers = Message()
    headers["Authorization"] = f"Bearer {token or sandbox.slack.token}"
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    query = {name: str(value) for name, value in arguments.items()}
    return _json(sandbox.slack(HttpRequest("POST", f"/api/{method}", query, headers, b"")))


def _json(response: HttpResponse) -> Json:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


@pytest.mark.parametrize("method", SLACK_METHODS)
def test_slacks_answers_have_the_documented_fields(sandbox: Sandbox, method: str) -> None:
    """Every field that all examples have, and each of a documented type."""
    documented = shape_of(body for body in _slack_bodies(method) if body["ok"] and body.get("messages") != [])
    answer = call_slack(sandbox, method, CALLS[method])
    assert answer["ok"]
    found = set(differences(documented, answer, complete=False))
    assert OF_THE_EXAMPLES.get(method, set()) == found


REFUSED: list[tuple[str, dict[str, object], str]] = [
    ("auth.test", {"token": "wrong"}, "invalid_auth"),
    ("chat.postMessage", {"channel": "C0NONE"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0GENERAL"}, "not_in_channel"),
    ("chat.postMessage", {"text": ""}, "no_text"),
    ("chat.postMessage", {"blocks": "{"}, "invalid_blocks"),
    ("chat.postMessage", {"metadata": "{"}, "invalid_metadata_format"),
    ("chat.postMessage", {"metadata": '{"event_type": "x"}'}, "invalid_metadata_schema"),
    ("chat.update", {"channel": "C0NONE"}, "channel_not_found"),
    ("chat.update", {"ts": "1111111111.000100"}, "message_not_found"),
    ("chat.update", {"ts": TS}, "cant_update_message"),
    ("chat.update", {"text": ""}, "no_text"),
    ("chat.update", {"text": "x" * 4_001}, "msg_too_long"),
    ("conversations.history", {"channel": "C0NONE"}, "channel_not_found"),
    ("conversations.history", {"channel": "C0GENERAL"}, "not_in_channel"),
    ("conversations.history", {"cursor": "x"}, "invalid_cursor"),
    ("conversations.history", {"oldest": "x"}, "invalid_ts_oldest"),
    ("conversations.history", {"latest": "x"}, "invalid_ts_latest"),
    ("conversations.info", {"channel": "C0NONE"}, "channel_not_found"),
    ("conversations.list", {"cursor": "x"}, "invalid_cursor"),
    ("conversations.list", {"limit": "x"}, "invalid_limit"),
    ("conversations.list", {"types": "x"}, "invalid_types"),
    ("conversations.open", {"channel": "C0NONE"}, "channel_not_found"),
    ("conversations.open", {"users": ""}, "users_list_not_supplied"),
    ("conversations.open", {"users": "U0NONE"}, "user_not_found"),
    ("conversations.replies", {"channel": "C0NONE"}, "channel_not_found"),
    ("conversations.replies", {"ts": "1111111111.000100"}, "thread_not_found"),
    ("conversations.replies", {"cursor": "x"}, "invalid_cursor"),
    ("conversations.replies", {"oldest": "x"}, "invalid_ts_oldest"),
    ("reactions.add", {"channel": "C0NONE"}, "channel_not_found"),
    ("reactions.add", {"timestamp": REPLY}, "already_reacted"),
    ("reactions.add", {"timestamp": "x"}, "bad_timestamp"),
    ("reactions.add", {"timestamp": ""}, "no_item_specified"),
    ("reactions.add", {"timestamp": "1111111111.000100"}, "message_not_found"),
    ("reactions.add", {"name": "no emoji"}, "invalid_name"),
    ("reactions.get", {"timestamp": "1111111111.000100"}, "message_not_found"),
    ("reactions.get", {"timestamp": "x"}, "bad_timestamp"),
    ("reactions.remove", {"timestamp": TS}, "no_reaction"),
    ("reactions.remove", {"name": "no emoji"}, "invalid_name"),
]


@pytest.mark.parametrize(("method", "changed", "code"), REFUSED)
def test_slacks_refusals_are_documented_ones(
    sandbox: Sandbox, method: str, changed: dict[str, object], code: str
) -> None:
    """The error code stands on the page of the method, and the answer looks as in its examples."""
    answer = call_slack(sandbox, method, CALLS[method] | changed, str(changed.get("token", "")))
    documented = {body["error"]: body for body in _slack_bodies(method) if not body["ok"]}
    assert (code, documented[code]) == (answer["error"], answer)


# --- Looker -------------------------------------------------------------------------------------------------------


def call_looker(sandbox: Sandbox, operation: str) -> HttpResponse:
    """The sandbox's answer to a call that succeeds."""
    looker, headers = sandbox.looker, Message()
    key = f"client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}".encode()
    login = looker(HttpRequest("POST", "/api/4.0/login", {}, _form(), key))
    if operation == "login":
        return login
    query = add_query(sandbox.world, verify("AC-sandbox-0001"))
    slug = "runner1" if operation == "sql_query" else query["slug"]
    path = OPERATIONS[operation].path.replace(":result_format", "sql").replace(":look_id", "7")
    path = path.replace(":query_id", query["id"]).replace(":slug", slug)
    path = path.replace(":dashboard_id", "5").replace(":merge_query_id", "5")
    headers["Authorization"] = f"Bearer {_json(login)['access_token']}"
    body = json.dumps(verify("AC-sandbox-0001")).encode() if operation == "create_query" else b""
    return looker(HttpRequest(OPERATIONS[operation].verb, f"/api/4.0{path}", {}, headers, body))


def _form() -> Message:
    headers = Message()
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return headers


@pytest.mark.parametrize("operation", LOOKER_OPERATIONS)
def test_lookers_answers_have_the_documented_fields(sandbox: Sandbox, operation: str) -> None:
    """No field that Looker's description does not have, none missing that it requires, and each of its type."""
    documented = shape_of(_looker_bodies(operation, ok=True))
    answer = call_looker(sandbox, operation)
    assert isinstance(answer.body, bytes)
    body = answer.body.decode()
    value = json.loads(body) if operation not in {"run_look", "run_query"} else body
    assert (200, []) == (answer.status, list(differences(documented, value, complete=True)))


@pytest.mark.parametrize("operation", LOOKER_OPERATIONS)
def test_lookers_errors_have_the_documented_fields(sandbox: Sandbox, operation: str) -> None:
    """Of the shape that the description has for them, details included."""
    documented = shape_of(_looker_bodies(operation, ok=False))
    sandbox.looker.faults.add(failing(operation, 404))
    assert [] == list(differences(documented, _json(call_looker(sandbox, operation)), complete=True))


def test_lookers_validation_errors_have_the_documented_fields(sandbox: Sandbox) -> None:
    """Each field that is missing has details of its own."""
    headers = Message()
    login = call_looker(sandbox, "login")
    headers["Authorization"] = f"Bearer {_json(login)['access_token']}"
    answer = sandbox.looker(HttpRequest("POST", "/api/4.0/queries", {}, headers, b"{}"))
    documented = shape_of(_looker_bodies("create_query", ok=False))
    assert (422, []) == (answer.status, list(differences(documented, _json(answer), complete=True)))
    assert ["model", "view"] == [detail["field"] for detail in _json(answer)["errors"]]


# --- Against the descriptions themselves ----------------------------------------------------------------------------


@pytest.fixture
def described() -> Path:
    """The folder with the vendors' descriptions, where there is one."""
    folder = specs() or Path(__file__).parents[3] / "shared" / "specs"
    return folder if folder.is_dir() else pytest.skip("needs the vendors' descriptions: CREDITBOT_RECORD_SPECS")


@pytest.mark.parametrize("method", SLACK_METHODS)
def test_every_documented_answer_of_slack_is_recorded(described: Path, method: str) -> None:
    """Examples and errors. A page that follows an example is recorded, too."""
    answers = slack_answers(described)[method]
    documented = [_json(answer) for name, answer in answers.items() if not name.startswith("shape ")]
    recorded = _slack_bodies(method)
    assert [] == [answer for answer in documented if Scrubber(CANONICAL).walk(answer) not in recorded]


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - {"logout"}))
def test_lookers_answers_fit_its_description(sandbox: Sandbox, described: Path, operation: str) -> None:
    """Those to operations that creditbot does not call as well."""
    description = json.loads((described / "looker-4.0.oas.json").read_text(encoding="utf-8"))
    response = described_operation(description, operation)["responses"]["200"]["content"]
    if "application/json" in response and operation not in {"run_look", "run_query"}:
        schema = {**strict(response["application/json"]["schema"]), "components": strict(description["components"])}
        answer = _json(call_looker(sandbox, operation))
        assert [] == [f"{error.json_path}: {error.message}" for error in Draft4Validator(schema).iter_errors(answer)]


def strict(schema: Json) -> Json:
    """OpenAPI's schema as JSON Schema, in which objects with known fields have no others."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(part) for name, part in schema.items()}
    if "properties" in made and "additionalProperties" not in made:
        made["additionalProperties"] = False
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        made.pop("enum", None)
    return made


# --- The comparison itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": 1, "b": [{"c": "x"}]}, []),
        ({"a": None, "b": []}, []),
        ({"a": "1", "b": []}, [".a is a string, documented is null or number"]),
        ({"b": []}, [".a is missing"]),
        ({"a": 1, "b": [{"c": True}]}, [".b[].c is a boolean, documented is string"]),
        ({"a": 1, "b": [], "d": 1}, [".d is not documented"]),
        ([], [" is a list, documented is object"]),
    ],
)
def test_a_difference_is_found(value: Json, found: list[str]) -> None:
    shape = shape_of([{"a": 1, "b": [{"c": "x"}]}, {"a": None, "b": []}])
    assert found == list(differences(shape, value, complete=True))
