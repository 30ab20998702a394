"""Scripted faults for tests: a list of rules that each call is held against.

A rule names a method (Slack's, or the operation of Looker's API), which call of it is meant, and what goes wrong:

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

from creditbot.sandbox.http import Answer, Dropped

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
        answer: given instead of doing anything.
        drop: the connection ends "before" or "after" the effect, without an answer.
        hold: the call waits for it before the effect.
        hold_answer: the answer waits for it after the effect.
        reads: how many reads of the channel do not show the effect yet.
        seconds: how long the effect is not shown, by the sandbox's clock; math.inf is until `World.land`.
        behind: how many of the last writes a read does not know.
    """

    method: str
    call: int = 1
    times: int = 1
    where: Mapping[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    drop: str = ""
    hold: threading.Event | None = None
    hold_answer: threading.Event | None = None
    reads: int = 0
    seconds: float = 0.0
    behind: int = 0

    def before(self) -> Answer | None:
        """What happens before the effect; an Answer is given instead of it."""
        if self.hold:
            self.hold.wait(PATIENCE)
        if self.drop == "before":
            raise Dropped
        return self.answer

    def after(self) -> None:
        """What happens between the effect and its answer."""
        if self.hold_answer:
            self.hold_answer.wait(PATIENCE)
        if self.drop == "after":
            raise Dropped


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

    def take(self, method: str, arguments: Mapping[str, Any]) -> Fault:
        """The first rule that strikes this call, or NONE; counts the call for every rule that it matches."""
        struck = NONE
        with self._lock:
            for rule in list(self._rules):
                if rule.method != method or not rule.where.items() <= arguments.items():
                    continue
                if rule.call > 1:
                    self._put(rule, replace(rule, call=rule.call - 1))
                elif struck is NONE:
                    struck = rule
                    self._put(rule, replace(rule, times=rule.times - 1))
        return struck

    def _put(self, old: Fault, new: Fault) -> None:
        place = next(i for i, rule in enumerate(self._rules) if rule is old)
        self._rules[place : place + 1] = [new] if new.times else []


def rate_limited(method: str, seconds: int = 30, **rule: Any) -> Fault:
    """HTTP 429 with Retry-After, as Slack sends it."""
    answer = Answer.of({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(seconds)})
    return Fault(method, answer=answer, **rule)


def server_error(method: str, status: int = 503, **rule: Any) -> Fault:
    """A page of HTML from whatever stands before the service."""
    page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body>Service unavailable</body></html>"
    return Fault(method, answer=Answer(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"}), **rule)


def refused(method: str, error: str, **rule: Any) -> Fault:
    """Slack's `{"ok": false, "error": ...}`."""
    return Fault(method, answer=Answer.of({"ok": False, "error": error}), **rule)


def dropped_before(method: str, **rule: Any) -> Fault:
    """The connection ends and nothing was done."""
    return Fault(method, drop="before", **rule)


def dropped_after(method: str, **rule: Any) -> Fault:
    """It was done, and the connection ends before the answer."""
    return Fault(method, drop="after", **rule)


def late(method: str, *, reads: int = 0, seconds: float | None = None, **rule: Any) -> Fault:
    """A write that is accepted and shown later: after so many reads or seconds, or else when `World.land` is called."""
    hidden = seconds if seconds is not None else (0.0 if reads else math.inf)
    return Fault(method, reads=reads, seconds=hidden, **rule)


def stale(method: str, behind: int = 1, **rule: Any) -> Fault:
    """A read answered from before the last write, or the last few."""
    return Fault(method, behind=behind, **rule)
