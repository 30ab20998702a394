"""`creditbot audit` after a tick on the sandbox, and its proofs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from creditbot.sandbox.world import TEAM_URL
from tests.support.office import CLOSED, Office, creditbot, permalink, refusal

pytestmark = pytest.mark.kernels


def test_an_audit_of_the_sandbox_agrees_and_changes_nothing(worked: Office) -> None:
    """Neither a file nor a message."""

    def everything() -> object:
        files = {path: path.read_bytes() for path in (worked.folder / "data").rglob("*") if path.is_file()}
        return files, worked.sandbox.world.messages()

    before = everything()
    done = worked.run("audit")
    assert (0, "Everything agrees.") == (done.code, done.out.splitlines()[0])
    assert before == everything()


def test_an_audit_finds_a_digit_that_was_changed_in_a_file(worked: Office, tmp_path: Path) -> None:
    shutil.copytree(worked.folder / "data/outputs", tmp_path / "out")
    (summary,) = [path for path in (tmp_path / "out").glob("summary_*.json") if "4948.80" in path.read_text()]
    summary.write_text(summary.read_text().replace("4948.80", "4998.80"))
    done = worked.run("audit", OUTPUT_URI=f"{tmp_path}/out")
    assert 1 == done.code
    address, finding, todo, totals, *_ = done.out.splitlines()
    assert re.fullmatch(re.escape(TEAM_URL) + r"archives/C0CREDITS/p\d{16} \(entry \d, not anchored\)", address)
    assert finding.startswith(
        "  summary changed: Its summary is not the one that was logged: its amount is $4,998.80, and "
    )
    assert "backup" in todo
    assert "1 finding, of 1 request." == totals


def test_an_audit_finds_a_summary_that_is_not_json(worked: Office, tmp_path: Path) -> None:
    """The others are compared all the same."""
    shutil.copytree(worked.folder / "data/outputs", tmp_path / "out")
    (summary,) = [path for path in (tmp_path / "out").glob("summary_*.json") if "4948.80" in path.read_text()]
    summary.write_text("{")
    found = json.loads(worked.run("audit", "--json", OUTPUT_URI=f"{tmp_path}/out").out)
    assert ["summary unreadable"] == [finding["kind"] for finding in found["findings"]]
    assert (5, False) == (found["requests"], found["agrees"])


def _answered(worked: Office) -> str:
    """The address of a request that was answered."""
    past = json.loads(worked.run("history", "--json").out)
    return str(next(request["request"] for request in past if request["outcome"] == "answered"))


def test_a_proof_is_checked_without_settings(worked: Office, tmp_path: Path) -> None:
    """Whoever gets the file needs nothing else."""
    address = _answered(worked)
    done = worked.run("audit", "prove", address, "--out", f"{tmp_path}/proof.json")
    assert (0, True) == (done.code, "creditbot audit verify" in done.out)
    verified = creditbot(tmp_path, "audit", "verify", "proof.json")
    assert (0, True) == (verified.code, f"request    {address}\n" in verified.out)
    root = re.findall(r"^root +([0-9a-f]{64}),", verified.out, re.MULTILINE)[0]
    assert 0 == creditbot(tmp_path, "audit", "verify", "proof.json", "--root", root).code
    assert 1 == creditbot(tmp_path, "audit", "verify", "proof.json", "--root", "0" * 64).code
    file = tmp_path / "proof.json"
    file.write_text(file.read_text().replace("answered", "denied"))
    assert 1 == creditbot(tmp_path, "audit", "verify", "proof.json").code


def test_what_cannot_be_proven_or_checked_is_a_sentence(worked: Office, tmp_path: Path) -> None:
    done = worked.run("audit", "prove", permalink("1767873600.000001"), "--out", f"{tmp_path}/proof.json")
    assert (1, False) == (done.code, (tmp_path / "proof.json").exists())
    assert refusal("nothing.json cannot be read: No such file or directory.") == creditbot(
        tmp_path, "audit", "verify", "nothing.json"
    )
    (tmp_path / "other.json").write_text("{")
    assert refusal("other.json is not a proof of creditbot. It is not JSON.") == creditbot(
        tmp_path, "audit", "verify", "other.json"
    )


def test_an_audit_ends_with_2_if_slack_does_not_answer(worked: Office) -> None:
    done = worked.run("audit", SLACK_API_URL=f"{CLOSED}/api/")
    assert (2, "") == (done.code, done.out)
