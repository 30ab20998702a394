"""Names of the boundaries between two effects, where tests let a tick fail. In production nothing happens there.

`before-` is told when all that precedes the effect is done, `after-` when the effect has happened and nothing else has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Point = Literal[
    "state.before-write", "state.after-write",
    "history.before-read", "history.after-read",
    "thread.before-read", "thread.after-read",
    "looker.before-read", "looker.after-read",
    "notebook.before-run", "notebook.after-run",
    "summary.before-save", "summary.after-save",
    "summary.before-close", "summary.after-close",
    "reply.before-send", "reply.after-send",
    "reply.before-amend", "reply.after-amend",
    "notice.before-look", "notice.after-look",
    "notice.before-send", "notice.after-send",
]  # fmt: skip
At = Callable[[Point], None]


def nowhere(_: Point) -> None:
    """What every part does at a point unless a test says otherwise."""
