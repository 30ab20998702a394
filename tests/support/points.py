"""Names of the boundaries between two effects, where tests let a tick fail, and ports that tell when one is passed.

Every effect of a tick is one call of a port, so wrapping the ports reaches every boundary. `before-` is told just
before the call, `after-` when the call has had its effect and nothing else has happened since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from creditbot.ports import Owners, Ports

Point = Literal[
    "state.before-write", "state.after-write",
    "history.before-read", "history.after-read",
    "thread.before-read", "thread.after-read",
    "looker.before-read", "looker.after-read",
    "notebook.before-run", "notebook.after-run",
    "summary.before-save", "summary.after-save",
    "summary.before-close", "summary.after-close",
    "page.before-save", "page.after-save",
    "log.before-write", "log.after-write",
    "reply.before-send", "reply.after-send",
    "reply.before-amend", "reply.after-amend",
    "notice.before-look", "notice.after-look",
    "notice.before-send", "notice.after-send",
    "ask.before-look", "ask.after-look",
    "ask.before-send", "ask.after-send",
    "ask.before-close", "ask.after-close",
    "votes.before-read", "votes.after-read",
]  # fmt: skip
At = Callable[[Any], None]


def nowhere(_: Point) -> None:
    """Nothing happens at any point."""


class Watched:
    """A port whose calls tell `at` what they are about to do, and that they have done it."""

    def __init__(self, port: Any, verbs: Mapping[str, Callable[..., tuple[str, str]]], at: At) -> None:
        self._port = port
        self._verbs = verbs
        self._at = at

    def __getattr__(self, verb: str) -> Any:
        call = getattr(self._port, verb)
        if verb not in self._verbs:
            return call

        def watched(*args: Any, **options: Any) -> Any:
            effect, action = self._verbs[verb](*args)
            self._at(f"{effect}.before-{action}")
            result = call(*args, **options)
            self._at(f"{effect}.after-{action}")
            return result

        return watched


class _WatchedOwners:
    """Owners each of whose conversations is watched."""

    def __init__(self, owners: Owners, at: At) -> None:
        self._owners = owners
        self._at = at

    def conversation_with(self, user: str) -> Any:
        verbs = {"tell": _always("notice", "send"), "was_told": _always("notice", "look")}
        return Watched(self._owners.conversation_with(user), verbs, self._at)


def _always(effect: str, action: str) -> Callable[..., tuple[str, str]]:
    return lambda *_: (effect, action)


def _summary(_: object, document: Mapping[str, Any], *__: object) -> tuple[str, str]:
    """The summary of what was computed is saved; that of an end closes it."""
    return "summary", "save" if document["outcome"]["status"] == "computed" else "close"


def watched(ports: Ports, at: At) -> Ports:
    """The same ports; `at` is told each point as it is passed, and may raise there."""
    around: dict[str, dict[str, Callable[..., tuple[str, str]]]] = {
        "inbox": {"messages": _always("history", "read"), "thread": _always("thread", "read")},
        "replier": {"reply": _always("reply", "send"), "amend": _always("reply", "amend")},
        "approvers": {
            "ask": _always("ask", "send"),
            "asked": _always("ask", "look"),
            "close": _always("ask", "close"),
            "question": _always("votes", "read"),
        },
        "resolver": {"resolve": _always("looker", "read")},
        "runner": {"run": _always("notebook", "run")},
        "summaries": {"save": _summary},
        "pages": {"save": _always("page", "save")},
        "log": {"add": _always("log", "write"), "add_checkpoint": _always("log", "write")},
        "state": {"write": _always("state", "write")},
    }
    changes: dict[str, Any] = {name: Watched(getattr(ports, name), verbs, at) for name, verbs in around.items()}
    return replace(ports, **changes, owners=_WatchedOwners(ports.owners, at))
