"""Scripted faults for tests: rules that say which call goes wrong, and how.

A test adds rules, and the sandbox's Slack or Looker looks them up at each call. A rule names a method (Slack's, or an
operation of Looker's API), which call of it is meant, and what goes wrong:

    slack.faults.add(rate_limited("conversations.history", seconds=30))
    slack.faults.add(dropped_after("chat.postMessage", call=2))      # done, but the answer is lost
    slack.faults.add(late("chat.postMessage", reads=3))              # accepted, shown only after three reads
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from creditbot.sandbox.http import ConnectionDropped, HttpResponse

PATIENCE = 60.0
"""Seconds that a held call waits at most, so that a test that forgets to release it ends."""


@dataclass(frozen=True)
class Fault:
    """One rule.

    Attributes:
        method: the call's name.
        call: which of the matching calls it strikes first; 1 is the next one.
        times: how many it strikes.
        where: arguments that a call must have to match.
        response: sent instead of doing anything.
        drop: the connection ends "before" or "after" the effect, without a response.
        hold: the call waits for it before the effect.
        hold_response: the response waits for it after the effect.
        reads: how many reads of the channel do not show the effect yet.
        seconds: how long the effect is not shown, by the sandbox's clock; math.inf is until `SandboxWorld.land`.
        behind: how many of the last writes a read does not know.
    """

    method: str
    call: int = 1
    times: int = 1
    where: Mapping[str, Any] = field(default_factory=dict)
    response: HttpResponse | None = None
    drop: str = ""
    hold: threading.Event | None = None
    hold_response: threading.Event | None = None
    reads: int = 0
    seconds: float = 0.0
    behind: int = 0

    def before(self) -> HttpResponse | None:
        """What happens before the effect; an HttpResponse is sent instead of it."""
        if self.hold:
            self.hold.wait(PATIENCE)
        if self.drop == "before":
            raise ConnectionDropped
        return self.response

    def after(self) -> None:
        """What happens between the effect and its response."""
        if self.hold_response:
            self.hold_response.wait(PATIENCE)
        if self.drop == "after":
            raise ConnectionDropped


NONE = Fault("")
"""Nothing goes wrong."""


class Faults:
    """The rules of one server, in the order they were added."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Adds rules; calls are counted for each from now on."""
        with self._lock:
            self._rules.extend(faults)

    def clear(self) -> None:
        """Forgets all rules."""
        with self._lock:
            self._rules.clear()

    def next_for(self, method: str, arguments: Mapping[str, Any]) -> Fault:
        """The first rule that strikes this call, or NONE; counts the call for every rule that it matches."""
        fault = NONE
        with self._lock:
            for rule in list(self._rules):
                if rule.method != method or not rule.where.items() <= arguments.items():
                    continue
                if rule.call > 1:
                    self._replace(rule, replace(rule, call=rule.call - 1))
                elif fault is NONE:
                    fault = rule
                    self._replace(rule, replace(rule, times=rule.times - 1))
        return fault

    def _replace(self, old: Fault, new: Fault) -> None:
        index = next(i for i, rule in enumerate(self._rules) if rule is old)
        self._rules[index : index + 1] = [new] if new.times else []


def rate_limited(method: str, seconds: int = 30, **rule: Any) -> Fault:
    """HTTP 429 with Retry-After, as Slack sends it."""
    response = HttpResponse.of({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(seconds)})
    return Fault(method, response=response, **rule)


def server_error(method: str, status: int = 503, **rule: Any) -> Fault:
    """A page of HTML from whatever stands before the service."""
    page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body>Service unavailable</body></html>"
    response = HttpResponse(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"})
    return Fault(method, response=response, **rule)


def refused(method: str, error: str, **rule: Any) -> Fault:
    """Slack's `{"ok": false, "error": ...}`."""
    return Fault(method, response=HttpResponse.of({"ok": False, "error": error}), **rule)


def dropped_before(method: str, **rule: Any) -> Fault:
    """The connection ends and nothing was done."""
    return Fault(method, drop="before", **rule)


def dropped_after(method: str, **rule: Any) -> Fault:
    """It was done, and the connection ends before the response."""
    return Fault(method, drop="after", **rule)


def late(method: str, *, reads: int = 0, seconds: float | None = None, **rule: Any) -> Fault:
    """A write that is accepted and shown later: after so many reads or seconds, or else on `SandboxWorld.land`."""
    hidden = seconds if seconds is not None else (0.0 if reads else math.inf)
    return Fault(method, reads=reads, seconds=hidden, **rule)


def stale(method: str, behind: int = 1, **rule: Any) -> Fault:
    """A read answered from before the last write, or the last few."""
    return Fault(method, behind=behind, **rule)
