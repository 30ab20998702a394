"""The command line itself: arguments, version, a pipe that is closed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from creditbot import cli
from tests.support.office import environment

pytestmark = pytest.mark.kernels


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["answer"], ["run-once", "now"], ["show"], ["retry", "--failed", "--since", "yesterday"], ["approve"],
        ["history", "--days", "0"], ["history", "--days", "99999999999"], ["history", "--da", "3"], ["sandbox"],
        ["export", "--month", "2026-13"], ["report", "--days", "0"],
        ["sandbox", "serve", "--slack-port", "99999"],
    ],
)  # fmt: skip
def test_wrong_arguments_end_with_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And a line that says what is wrong."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert 2 == ended.value.code
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["--failed", "https://a.slack.com/archives/C1/p1700000000000000"], ["--failed", "--again"],
        ["https://a.slack.com/archives/C1/p1700000000000000", "--since", "2026-01-31"], ["--failed", "--by", "Rosa"],
    ],
)  # fmt: skip
def test_options_of_retry_that_do_not_fit_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == cli.main(["retry", *arguments])
    assert "Give " in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else is done."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert 0 == ended.value.code
    assert capsys.readouterr().out.startswith("creditbot ")


def test_a_closed_pipe_ends_a_command_quietly(tmp_path: Path) -> None:
    """As with `| head`."""
    command = [sys.executable, "-m", "creditbot", "sandbox", "show"]
    shown = subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path, {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )  # fmt: skip
    assert shown.stdout
    assert shown.stderr
    shown.stdout.close()
    assert b"" == shown.stderr.read()
    shown.wait(20)
    shown.stderr.close()
