"""`creditbot sandbox` in any folder: what it makes there, and what it leaves alone."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.office import CLOSED, NOTHING_NEW, ROOT, CommandResult, creditbot, environment

pytestmark = pytest.mark.kernels


def test_the_sandbox_answers_and_shows_the_channel(tmp_path: Path) -> None:
    """One command, no settings: it says loudly what it is, answers, and a second run finds all of it answered.

    Settings that are there it leaves aside, and says so.
    """
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    settings = tmp_path / "data/sandbox/settings.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("KEEP_NOTEBOOKS=all\n")
    first = creditbot(tmp_path, "sandbox", "run")
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=not-a-secret\n")
    second = creditbot(tmp_path, "sandbox", "run", LOOKER_BASE_URL=CLOSED)
    assert [0, 0] == [first.code, second.code]
    assert "SANDBOX: no .env and no SLACK_* or LOOKER_* were found." in first.out
    assert "      |   Approved, $4,948.80, exceptions" in first.out
    assert "The bot here runs with the settings in data/sandbox/settings.env." in first.out
    assert list(tmp_path.glob("data/sandbox/outputs/notebooks/*"))
    assert "SANDBOX: your own settings are not used." in second.out
    assert NOTHING_NEW in second.out
    assert 1 == second.out.count("Approved, $4,948.80, exceptions")


def test_a_message_can_be_posted_and_the_sandbox_reset(tmp_path: Path) -> None:
    """What is posted is shown; after a reset it is gone."""
    assert "Posted as " in creditbot(tmp_path, "sandbox", "post", "one more").out
    assert "one more" in creditbot(tmp_path, "sandbox", "show").out
    assert "every request in it is unanswered" in creditbot(tmp_path, "sandbox", "reset").out
    assert "one more" not in creditbot(tmp_path, "sandbox", "show").out


def test_a_warehouse_can_be_made_anywhere(tmp_path: Path) -> None:
    """As the pod of the sandbox overlay does."""
    assert 0 == creditbot(tmp_path, "sandbox", "warehouse", "some/place.duckdb").code
    assert (tmp_path / "some/place.duckdb").stat().st_size


def test_a_file_in_the_place_of_a_warehouse_is_left_as_it_is(tmp_path: Path) -> None:
    """The file may be anybody's. A pod that makes its warehouse again finds the one that it made."""
    (tmp_path / "mine.md").write_text("mine")
    done = creditbot(tmp_path, "sandbox", "warehouse", "mine.md")
    assert CommandResult(0, "mine.md already exists, and was not changed.\n") == done
    assert "mine" == (tmp_path / "mine.md").read_text()


@pytest.mark.parametrize("command", [["run"], ["reset"], ["show"], ["post", "x"], ["serve"]])
def test_a_folder_of_something_else_is_never_taken_for_a_sandbox(tmp_path: Path, command: list[str]) -> None:
    """Beside a bot's own state, which is data/ by default, `reset` would delete that and all evidence."""
    state = tmp_path / "data" / "processed_messages.json"
    state.parent.mkdir()
    state.write_text("mine")
    done = creditbot(tmp_path, "sandbox", "--folder", "data", *command)
    assert 2 == done.code
    assert "The folder data holds something other than a sandbox, and was not changed." in done.sentence
    assert ["processed_messages.json"] == [file.name for file in state.parent.iterdir()]
    assert "mine" == state.read_text()


def test_what_to_do_next_is_said_for_the_folder_that_was_named(tmp_path: Path) -> None:
    """Another sandbox is another one."""
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    posted = creditbot(tmp_path, "sandbox", "--folder", "my box", "post", "one more: http://looker.sandbox/looks/33")
    assert "sandbox --folder 'my box' run` reads it." in posted.out


@pytest.mark.parametrize("command", [["run"], ["reset"], ["show"], ["post", "x"], ["serve"], ["warehouse", "data/w"]])
def test_a_place_that_cannot_be_used_is_a_sentence(tmp_path: Path, command: list[str]) -> None:
    """Such as a file where a folder should be."""
    (tmp_path / "data").touch()
    done = creditbot(tmp_path, "sandbox", *command)
    assert 2 == done.code
    assert re.fullmatch(
        r"The sandbox cannot be used in data/\w+: .+\. Choose another place, or other ports\.", done.sentence
    )


def test_serving_prints_the_settings_and_ends_when_told(tmp_path: Path, light: dict[str, str]) -> None:
    """What it prints is enough for a bot in the same folder."""
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    served = subprocess.Popen(
        [sys.executable, "-m", "creditbot", "sandbox", "serve"], cwd=tmp_path, env=environment(tmp_path, {}),
        text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert served.stdout
    settings = dict(line.strip().split("=", 1) for line in (next(served.stdout) for _ in range(13)))
    notebooks = [settings[name] for name in light]
    checked = creditbot(tmp_path, "check", **settings | light)
    served.send_signal(signal.SIGTERM)
    assert 0 == served.wait(10)
    assert 0 == checked.code
    assert ["verify_credit.ipynb", "psms_credit.ipynb"] == [Path(tmp_path, notebook).name for notebook in notebooks]
    assert all(Path(tmp_path, notebook).is_file() for notebook in notebooks)
    served.stdout.close()
