"""The file of metrics: always whole, and a tick that failed takes nothing from it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from creditbot.adapters.metrics.metrics_file import MetricsFile
from creditbot.errors import Refused
from creditbot.insight.exposition import openmetrics, prometheus_text
from creditbot.insight.metrics import Deployment, families
from creditbot.state.codec import State
from tests.support.prometheus import read_openmetrics, read_prometheus_text
from tests.support.world_facts import START

TICK, SUCCESS = "creditbot_last_tick_timestamp_seconds", "creditbot_last_success_timestamp_seconds"


def publish(path: Path, minutes: int, *, succeeded: bool = True) -> None:
    """What a tick does that ends so many minutes after the start."""
    target = MetricsFile(path)
    measured = families(State(), Deployment(), START + timedelta(minutes=minutes), succeeded=succeeded)
    page = openmetrics(measured) if target.takes_openmetrics else prometheus_text(measured)
    target.publish(page, whole=succeeded)


def times(path: Path) -> dict[str, float]:
    """When the last tick and the last success were, in minutes after the start."""
    read = read_prometheus_text if path.suffix == ".prom" else read_openmetrics
    samples = [sample for family in read(path.read_text()) for sample in family.samples]
    return {s.name: (s.value - START.timestamp()) / 60 for s in samples if s.name in (TICK, SUCCESS)}


@pytest.mark.parametrize("name", ["creditbot.prom", "metrics.txt"])
def test_a_failed_tick_leaves_the_time_of_the_last_success(tmp_path: Path, name: str) -> None:
    """Everything else is as of the tick that failed, and the file can still be read."""
    path = tmp_path / "made" / name
    publish(path, 5)
    assert {TICK: 5, SUCCESS: 5} == times(path)
    publish(path, 10, succeeded=False)
    assert {TICK: 10, SUCCESS: 5} == times(path)
    publish(path, 15, succeeded=False)
    assert {TICK: 15, SUCCESS: 5} == times(path)
    publish(path, 20)
    assert {TICK: 20, SUCCESS: 20} == times(path)
    assert [path] == list(path.parent.iterdir())


def test_a_first_tick_that_fails_leaves_a_file_without_a_success(tmp_path: Path) -> None:
    publish(tmp_path / "metrics.txt", 5, succeeded=False)
    assert {TICK: 5} == times(tmp_path / "metrics.txt")


def test_a_success_takes_away_what_is_no_longer_measured(tmp_path: Path) -> None:
    """Such as a metric of an earlier version."""
    path = tmp_path / "metrics.prom"
    path.write_text("# HELP creditbot_gone Gone.\n# TYPE creditbot_gone gauge\ncreditbot_gone 1\n")
    publish(path, 5, succeeded=False)
    assert "creditbot_gone 1\n" in path.read_text()
    publish(path, 10)
    assert "creditbot_gone" not in path.read_text()


def test_a_file_of_nonsense_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "metrics.txt"
    path.write_bytes(b"\xff\xfe nonsense\n# HELP\n# EOF\n")
    publish(path, 5, succeeded=False)
    assert {TICK: 5} == times(path)


def test_the_file_is_renamed_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it meanwhile reads the one before, and node_exporter takes no notice of the new one."""
    path = tmp_path / "creditbot.prom"
    publish(path, 5)
    before, seen = path.read_text(), list[tuple[str, str]]()
    replace = Path.replace

    def watched(new: Path, target: Path) -> Path:
        seen.append((new.suffix, target.read_text()))
        return replace(new, target)

    monkeypatch.setattr(Path, "replace", watched)
    publish(path, 10)
    assert [(".new", before)] == seen


@pytest.mark.parametrize("name", ["file/metrics.prom", "folder"])
def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str) -> None:
    """And nothing is left behind."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Refused) as caught:
        publish(tmp_path / name, 5)
    assert caught.value.what.startswith(f"The metrics could not be written to {tmp_path / name}: ")
    assert "Check METRICS_FILE, and the rights on its folder." == caught.value.todo
    assert {"file", "folder"} == {path.name for path in tmp_path.iterdir()}
