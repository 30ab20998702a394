"""Logs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from creditbot.errors import SettingsError
from creditbot.machine import logs
from creditbot.text.known_secrets import know_secrets

LOG = logging.getLogger("creditbot.test")
MOMENT = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The process's logging as it was."""
    root, ours = logging.getLogger(), logging.getLogger("creditbot")
    before = root.handlers[:], root.level, ours.level
    yield
    for handler in [handler for handler in root.handlers if handler not in before[0]]:
        root.removeHandler(handler)
        with suppress(OSError):
            handler.close()
    root.setLevel(before[1])
    ours.setLevel(before[2])


def fail(why: str) -> None:
    """Logs an exception that says this."""
    try:
        int(why, 1)
    except ValueError as error:
        error.args = (why,)
        LOG.exception("trouble")


@contextmanager
def unheard_by_pytest() -> Iterator[None]:
    """Only the newest handler hears: what pytest captures goes to pytest-xdist, which takes no half characters."""
    root = logging.getLogger()
    others = root.handlers[:-1]
    root.handlers = root.handlers[-1:]
    yield
    root.handlers += others


def test_an_event_is_one_line_of_json() -> None:
    """With its fields, amounts and times as text, and without what is None."""
    out = io.StringIO()
    logs.configure(None, "json", stream=out)
    logs.event(LOG, "request", key="T.C.1", amount=Decimal("4948.80"), at=MOMENT, links=2, reply=None)
    line = json.loads(out.getvalue())
    moment = line.pop("time")
    assert moment.endswith("Z")
    assert abs(datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds() < 60
    assert {
        "level": "INFO", "logger": "creditbot.test", "event": "request", "key": "T.C.1", "amount": "4948.80",
        "at": "2026-01-05 12:00:00+00:00", "links": 2,
    } == line  # fmt: skip


def test_an_event_is_one_line_for_people() -> None:
    """Values that need it are quoted."""
    out = io.StringIO()
    logs.configure(None, "text", stream=out)
    logs.event(LOG, "request", key="T.C.1", reason='said "no"', empty="", none=None)
    _, rest = out.getvalue().split(" ", 1)
    assert 'INFO request key=T.C.1 reason="said \\"no\\""\n' == rest


def test_no_text_becomes_a_second_line_or_a_terminal_command() -> None:
    """Neither in the message, nor in a field, nor in an exception."""
    out = io.StringIO()
    logs.configure(None, "text", stream=out)
    evil = "a\nFORGED\x1b[2J\u202e\u2028\ud800b\x9b"
    with unheard_by_pytest():
        logs.event(LOG, "request", reason=evil)
        LOG.warning("said %s", evil)
        fail(evil)
    text = out.getvalue()
    assert not any(char in text for char in "\x1b\u202e\u2028\ud800\x9b")
    lines = text.splitlines()
    assert 3 == sum(not line.startswith("    ") for line in lines)
    assert not any(line.startswith("FORGED") for line in lines)


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_are_blotted_out(form: str) -> None:
    """In messages, fields and exceptions, even if JSON escapes them."""
    secret = 'made-up "secret" é'
    out = io.StringIO()
    know_secrets([secret])
    logs.configure(None, "json" if form == "json" else "text", stream=out)
    LOG.warning("one %s", secret)
    logs.event(LOG, "event", field=f"two {secret}")
    fail(f"three {secret}")
    assert 3 == out.getvalue().count("***")
    assert "made-up" not in out.getvalue()
    assert "event" in out.getvalue()


def test_an_exception_belongs_to_its_line() -> None:
    """One record, one line of JSON."""
    out = io.StringIO()
    logs.configure(None, "json", stream=out)
    fail("why")
    (line,) = out.getvalue().splitlines()
    assert "ValueError: why" in json.loads(line)["exception"]


def test_other_packages_are_logged_from_warnings_on() -> None:
    """And we ourselves from the level of the settings."""
    out = io.StringIO()
    logs.configure(None, "text", level="ERROR", stream=out)
    for log in (LOG, logging.getLogger("somebody.else")):
        log.info("info of %s", log.name)
        log.warning("warning of %s", log.name)
    assert ["warning of somebody.else"] == [line.split("WARNING ")[1] for line in out.getvalue().splitlines()]


def test_configuring_again_replaces_what_was_there(tmp_path: Path) -> None:
    """No line is written twice; folders are made."""
    out = io.StringIO()
    file = tmp_path / "logs" / "credit_bot.log"
    logs.configure(None, "text", stream=out)
    logs.configure(file, "text")
    logs.event(LOG, "tick", requests=0, note="\ud800")
    assert "" == out.getvalue()
    assert 1 == len(file.read_text().splitlines())


@pytest.mark.parametrize("place", ["file/credit_bot.log", ""])
def test_a_log_that_cannot_be_written_is_explained(tmp_path: Path, place: str) -> None:
    """The file is named, and the setting to change."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError) as caught:
        logs.configure(tmp_path / place, "text")
    assert str(tmp_path) in caught.value.what
    assert "LOG_FILE" in caught.value.todo


def test_a_full_disk_costs_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """The tick goes on, and no traceback is shown."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    logs.configure(full, "text")
    for _ in range(3):
        logs.event(LOG, "tick")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The log /dev/full can no longer be written")
