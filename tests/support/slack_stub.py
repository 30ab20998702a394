"""A scripted Slack for tests of the real adapters: canned answers for its methods, and a clock that never waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from creditbot.adapters.slack.open import SlackAdapters, open_slack
from creditbot.model import Marker
from tests.support.http import Answer, HttpStub
from tests.support.stops import RecordingStop

TOKEN = "xoxb-test-not-a-secret"
SINCE = datetime(2026, 1, 5, 12, 0, 0, 250, tzinfo=UTC)
MARKER = Marker("reply", "T0TEST.C0TEST.1.000001", "claim-1")
ME = {
    "ok": True, "team": "Acme", "team_id": "T0TEST", "url": "https://acme.slack.com/",
    "user": "creditbot", "user_id": "U0BOT", "bot_id": "B0BOT",
}  # fmt: skip


@dataclass
class Time:
    """A clock in seconds that only `sleep` moves; `slept` holds the seconds of each sleep."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        if seconds:
            self.slept.append(seconds)
            self.now += seconds


@dataclass
class SlackStub:
    """A scripted Slack, and the adapters on it."""

    http: HttpStub
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        self.stop = RecordingStop(self.time.sleep)

    def open(self, *channels: str, **options: Any) -> SlackAdapters:
        """The adapters on this Slack, with its clock; `options` go to `open_slack`."""
        own = {"sleep": self.time.sleep, "boot": self.time, "stop": self.stop}
        options = {**own, "api_url": f"{self.http.url}/api/", **options}
        return open_slack(TOKEN, channels=channels or ("credits",), owner="U0OWNER", **options)

    def on(self, method: str, *answers: Answer | dict[str, Any]) -> None:
        """Scripts the answers of a method, in order; a dict is a successful answer."""
        scripted = [a if isinstance(a, Answer) else Answer({"ok": True, **a}) for a in answers]
        self.http.on(f"POST /api/{method}", *scripted)

    def forms(self, method: str) -> list[dict[str, str]]:
        """The arguments of each call of a method that sends a form."""
        return [request.form for request in self.http.asked(f"POST /api/{method}")]

    def bodies(self, method: str = "chat.postMessage") -> list[dict[str, Any]]:
        """The arguments of each call of a method that sends JSON."""
        return [request.json for request in self.http.asked(f"POST /api/{method}")]


def refused(code: str, status: int = 200, **more: Any) -> Answer:
    """Slack's answer for an error."""
    return Answer({"ok": False, "error": code, **more}, status=status)


def channel(name: str, identity: str, **more: Any) -> dict[str, Any]:
    return {"id": identity, "name": name, "is_member": True, "is_archived": False, **more}
