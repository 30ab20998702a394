"""What a recording hides and renames, so that no secret gets into a cassette."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from vcr.request import Request

from tests.replay import test_looker_trouble, test_slack_reading, test_slack_writing
from tests.replay.origin import CANONICAL, Origin
from tests.replay.scenarios import CASSETTES
from tests.replay.scrubbing import Scrubber
from tests.replay.stage import recording, replaying

pytestmark = pytest.mark.enable_socket

REAL = Origin("https://slack.com/api/", "xoxb-1", "https://looker.acme.test:19999", "client1", "key+1/2=")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "cassette.yaml"


# What is hidden


def test_a_recording_names_neither_its_place_nor_its_credentials(path: Path, tmp_path: Path) -> None:
    """Hosts, ports, tokens and keys of the sandbox are replaced, and the cassette plays without them."""
    with recording(path, tmp_path) as stage:
        test_looker_trouble.test_login(stage)
        test_slack_writing.test_direct_message(stage)
        test_slack_reading.test_channel_found_by_name(stage)
        place = stage.origin
    text = path.read_text(encoding="utf-8")
    ports = [str(urlsplit(url).port) for url in (place.slack_api_url, place.looker_base_url)]
    assert [] == [value for value in (*astuple(place), *ports, "127.0.0.1", "sandbox.slack.com") if value in text]
    with replaying(path) as stage:
        test_looker_trouble.test_login(stage)
        test_slack_writing.test_direct_message(stage)
        test_slack_reading.test_channel_found_by_name(stage)


def test_requests_are_scrubbed() -> None:
    """Credentials in headers, forms and JSON become placeholders, and headers that say nothing here are dropped."""
    login = _sent("client_id=client1&client_secret=key%2B1%2F2%3D&empty=", "application/x-www-form-urlencoded")
    assert b"client_id=looker-client-not-a-secret&client_secret=looker-key-not-a-secret&empty=" == login.body
    posted = _sent('{"token": "xoxb-1", "password": "hunter2", "text": "ask olu@acme.com"}', "application/json")
    asked = {"token": CANONICAL.slack_token, "password": "removed-not-a-secret", "text": "ask person@removed.example"}
    assert asked == json.loads(posted.body)
    assert "https://acme.looker.com/api/4.0/looks/7" == posted.uri
    assert {"Authorization": "Bearer slack-token-not-a-secret", "Content-Type": "application/json"} == posted.headers


def test_an_unknown_credential_is_removed() -> None:
    """What is not known to be harmless does not get into a cassette."""
    sent = _sent("", "application/json", Authorization="Bearer somebody-elses")
    assert "Bearer removed-not-a-secret" == sent.headers["Authorization"]


def test_answers_are_scrubbed() -> None:
    """Tokens that are handed out are numbered, and known wherever they come back."""
    scrubber = Scrubber(REAL)
    answer = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"set-cookie": ["looker.browser=1"], "Date": ["Thu, 08 Jan 2026 11:00:00 GMT"], "X-Host": ["node7"]},
        "body": {"string": b'{"access_token": "t0k3n", "refresh_token": "r", "url": "https://looker.acme.test/x/1"}'},
    }
    shown = scrubber.response(answer)
    assert {"Date": ["Thu, 08 Jan 2026 11:00:00 GMT"]} == shown["headers"]
    expected = {
        "access_token": "looker-token-1-not-a-secret",
        "refresh_token": "removed-not-a-secret",
        "url": "https://acme.looker.com/x/1",
    }
    assert expected == json.loads(shown["body"]["string"])
    used = scrubber.request(Request("GET", "https://acme.looker.com/api", b"", {"authorization": "Bearer t0k3n"}))
    assert "Bearer looker-token-1-not-a-secret" == used.headers["Authorization"]
    assert shown == scrubber.response(shown)


def _sent(body: str, content_type: str, **headers: str) -> Any:
    sent = {"Authorization": "Bearer xoxb-1", "Content-Type": content_type, "User-Agent": "Python/3.11 Linux"} | headers
    return Scrubber(REAL).request(Request("POST", f"{REAL.looker_base_url}/api/4.0/looks/7", body, sent))


# What is committed


def test_committed_cassettes_name_canonical_hosts() -> None:
    """Whatever they were recorded from."""
    interactions = [one for file in CASSETTES.rglob("*.yaml") for one in _read(file)["interactions"]]
    hosts = {urlsplit(one["request"]["uri"]).netloc for one in interactions}
    assert {urlsplit(url).netloc for url in (CANONICAL.slack_api_url, CANONICAL.looker_base_url)} == hosts


def _read(file: Path) -> dict[str, Any]:
    return dict(yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader))
