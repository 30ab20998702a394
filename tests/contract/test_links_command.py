"""`creditbot links`: what the bot finds in a text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.office import CommandResult, creditbot, refusal

pytestmark = pytest.mark.kernels


def links(text: str, **settings: str) -> CommandResult:
    """What `creditbot links` says to a message."""
    return creditbot(Path("/"), "links", "--host", "acme.looker.com", stdin=text, **settings)


def test_links_prints_one_object_per_line() -> None:
    """In the order of the message, each link once."""
    done = links(
        "<https://acme.looker.com/looks/42|this>, https://acme.looker.com/x/AbC https://acme.looker.com/looks/42"
    )
    assert [("look", "42"), ("short", "AbC")] == [
        (found["kind"], found.get("id") or found["slug"]) for found in map(json.loads, done.out.splitlines())
    ]


def test_links_reads_the_json_of_a_message() -> None:
    """Blocks count as well as text."""
    element = {"type": "link", "url": "https://acme.looker.com/looks/7"}
    section = {"type": "rich_text_section", "elements": [element]}
    message = {"text": "", "blocks": [{"type": "rich_text", "elements": [section]}]}
    assert "7" == json.loads(links(json.dumps(message)).out)["id"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("dashboards/5", "A dashboard has several queries"),
        ("sql/AbC", "only if ALLOW_SQL_RUNNER is true"),
        ("explore/m/v?fields=v.a&limit=100", "limited to 100 rows"),
    ],
)
def test_links_says_why_a_link_is_unusable(path: str, said: str) -> None:
    """As far as that is known without asking Looker."""
    assert said in json.loads(links(f"https://acme.looker.com/{path}").out)["unusable"]


@pytest.mark.parametrize("path", ["looks/42", "explore/m/v?fields=v.a&limit=500"])
def test_links_prints_no_problem_for_a_good_link(path: str) -> None:
    """There is no `unusable` at all."""
    assert "unusable" not in json.loads(links(f"https://acme.looker.com/{path}").out)


def test_links_accepts_sql_runner_if_the_setting_allows_it() -> None:
    """ALLOW_SQL_RUNNER is read alone, without the other settings."""
    done = links("https://acme.looker.com/sql/AbC", ALLOW_SQL_RUNNER="True")
    assert "unusable" not in json.loads(done.out)


def test_links_says_that_a_message_has_none() -> None:
    """With the host it looked for."""
    done = links("https://docs.looker.com/looks/42")
    assert CommandResult(0, err="creditbot: There is no link to acme.looker.com in this message.\n") == done


def test_links_needs_the_host_of_looker(tmp_path: Path) -> None:
    """From an option or a setting."""
    done = creditbot(tmp_path, "links")
    expected = "No Looker host is set to look for. Pass --host HOST, or set LOOKER_BASE_URL."
    assert refusal(expected) == done


def test_links_takes_the_host_from_the_settings(tmp_path: Path) -> None:
    """From .env, like every other command."""
    (tmp_path / ".env").write_text("LOOKER_BASE_URL=https://acme.looker.com:19999\n")
    done = creditbot(tmp_path, "links", stdin="https://acme.looker.com/looks/42")
    assert "42" == json.loads(done.out)["id"]
