"""Replays notice every change of what is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
import yaml
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.request import Request
from vcr.serialize import deserialize
from vcr.serializers import jsonserializer

from tests.replay.origin import CANONICAL
from tests.replay.scenarios import CASSETTES, Scenario, cassette_of, scenarios
from tests.replay.scrubbing import Scrubber, structure
from tests.replay.stage import replaying
from tests.replay.tape import tape
from tests.support.sampling import sampled

Json = Any


def _name(play: Scenario) -> str:
    return str(cassette_of(play).relative_to(CASSETTES).with_suffix(""))


each_scenario = pytest.mark.parametrize("play", scenarios(), ids=_name)
some_scenarios = pytest.mark.parametrize("play", sampled(scenarios(), 4), ids=_name)


def test_every_cassette_has_its_scenario() -> None:
    """No cassette is left behind when its scenario goes, and none is missing."""
    expected = sorted(cassette_of(play) for play in scenarios())
    assert expected == sorted(CASSETTES.rglob("*.yaml"))


@some_scenarios
def test_an_altered_request_fails_its_replay(play: Scenario) -> None:
    """With its last request altered a scenario does not pass; the next test says which alterations there are."""
    recorded = _recorded(play)
    assert _passes(play, recorded)
    last = len(recorded["interactions"]) - 1
    *_, (what, altered) = _alterations(_requests(recorded)[last])
    assert not _passes(play, _with_request(recorded, last, altered)), what


@each_scenario
def test_no_part_of_a_request_can_change(play: Scenario) -> None:
    """A request is another one if anything is: its method, a part of its address, one field, a value's type."""
    recorded = _recorded(play)
    for interaction, request in zip(recorded["interactions"], _requests(recorded), strict=True):
        with tape(Path("one.yaml"), Scrubber(CANONICAL), keeper=Memory({"interactions": [interaction]})) as cassette:
            assert Request(**request) in cassette
            assert [] == [what for what, altered in _alterations(request) if Request(**altered) in cassette]


@some_scenarios
def test_a_request_not_made_fails_its_replay(play: Scenario) -> None:
    """A scenario that makes one request less than was recorded does not pass."""
    recorded = _recorded(play)
    interactions = recorded["interactions"]
    assert not _passes(play, recorded | {"interactions": [*interactions, interactions[-1]]})


def _recorded(play: Scenario) -> dict[str, Json]:
    return dict(yaml.load(cassette_of(play).read_text(encoding="utf-8"), yaml.CSafeLoader))


def _requests(cassette: dict[str, Json]) -> list[dict[str, Json]]:
    """Each with headers of one value."""
    requests = [interaction["request"] for interaction in cassette["interactions"]]
    return [one | {"headers": {name: values[0] for name, values in one["headers"].items()}} for one in requests]


def _with_request(cassette: dict[str, Json], number: int, request: dict[str, Json]) -> dict[str, Json]:
    """A copy with another request in one place."""
    interactions = list(cassette["interactions"])
    headers = {name: [value] for name, value in request["headers"].items()}
    interactions[number] = interactions[number] | {"request": request | {"headers": headers}}
    return cassette | {"interactions": interactions}


def _passes(play: Scenario, cassette: dict[str, Json]) -> bool:
    """Whether a scenario passes on this cassette."""
    try:
        with replaying(Path("altered.yaml"), Memory(cassette)) as stage:
            play(stage)
    except (AssertionError, CannotOverwriteExistingCassetteException, pytest.fail.Exception):
        return False
    return True


class Memory:
    """Stands in for a cassette's file."""

    def __init__(self, cassette: dict[str, Json]) -> None:
        self._text = json.dumps(cassette)

    def load_cassette(self, path: str, serializer: object) -> Json:
        return deserialize(self._text, jsonserializer)


def _alterations(request: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """The request with one part of it changed, each time another one, and what that is."""
    url = urlsplit(request["uri"])
    yield "method", request | {"method": "PUT"}
    yield "scheme", request | {"uri": urlunsplit(url._replace(scheme="http", netloc=f"{url.netloc}:443"))}
    yield "host", request | {"uri": urlunsplit(url._replace(netloc=f"www.{url.netloc}"))}
    yield "port", request | {"uri": urlunsplit(url._replace(netloc=f"{url.netloc}:8443"))}
    for number, step in enumerate(url.path.split("/")[1:], 1):
        yield f"path, step {step}", request | {"uri": urlunsplit(url._replace(path=_with_step(url.path, number)))}
    for what, query in _altered_pairs(parse_qsl(url.query, keep_blank_values=True)):
        yield f"query, {what}", request | {"uri": urlunsplit(url._replace(query=urlencode(query)))}
    for name in request["headers"]:
        yield f"header {name}", request | {"headers": request["headers"] | {name: "other"}}
    for what, body in _altered_bodies(request):
        yield f"body, {what}", request | {"body": body}


def _with_step(path: str, number: int) -> str:
    steps = path.split("/")
    steps[number] += "x"
    return "/".join(steps)


def _altered_bodies(request: dict[str, Json]) -> Iterator[tuple[str, str]]:
    kind, content = structure(request["body"], request["headers"])
    if kind == "form":
        yield from ((what, urlencode(pairs)) for what, pairs in _altered_pairs(content))
    elif kind == "json":
        yield from ((what, json.dumps(value)) for what, value in _altered_values(content))
    else:
        yield "text", f"{content}x"


def _altered_pairs(pairs: list[tuple[str, str]]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield "one more", [*pairs, ("more", "")]
    for number, (name, value) in enumerate(pairs):
        before, after = pairs[:number], pairs[number + 1 :]
        yield f"{name} left out", before + after
        yield f"{name} changed", [*before, (name, f"{value}x"), *after]


def _altered_values(value: Json) -> Iterator[tuple[str, Json]]:
    """A JSON value with one part of it changed, left out or added."""
    if isinstance(value, dict):
        yield "one more", value | {"more": None}
        for name, inner in value.items():
            yield f"{name} left out", {key: kept for key, kept in value.items() if key != name}
            yield from ((f"{name}, {what}", value | {name: changed}) for what, changed in _altered_values(inner))
    elif isinstance(value, list):
        yield "one more", [*value, None]
        for number, inner in enumerate(value):
            before, after = value[:number], value[number + 1 :]
            yield f"{number} left out", before + after
            yield from ((f"{number}, {what}", [*before, changed, *after]) for what, changed in _altered_values(inner))
    else:
        yield "changed", _other(value)


def _other(value: Json) -> Json:
    """The nearest value that means something else: 1 is not true."""
    if isinstance(value, bool):
        return int(value)
    return f"{value}x" if isinstance(value, str) else str(value)
