"""What an audit can find: the kinds of disagreement, and one finding in words. Pure.

`audit_log`, `audit_requests` and `audit_replies` make findings; `creditbot.commands.audit_output` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from creditbot.model import RequestKey


class Kind(Enum):
    """What does not agree. The values are printed, and stand in the JSON; they are never changed."""

    # the log of ends
    ENTRY_MISSING = "entry missing"
    ENTRY_UNREADABLE = "entry unreadable"
    ENTRY_UNKNOWN = "entry unknown"
    ENTRIES_CHANGED = "entries changed"
    TAIL_CUT = "tail cut"
    LOG_REBUILT = "log rebuilt"
    FORKED = "forked"
    CHECKPOINT_DIFFERS = "checkpoint differs"
    CHECKPOINT_MISSING = "checkpoint missing"
    CLOCK = "clock"
    # the state
    HEAD_DIFFERS = "head differs"
    RECORD_DIFFERS = "record differs"
    STATE_UNREADABLE = "state unreadable"
    # what is kept of a request
    NOT_LOGGED = "not logged"
    SUMMARY_CHANGED = "summary changed"
    SUMMARY_MISSING = "summary missing"
    SUMMARY_UNREADABLE = "summary unreadable"
    PERSON_CHANGED = "person changed"
    PAGE_CHANGED = "page changed"
    PAGE_MISSING = "page missing"
    NOT_APPROVED = "not approved"
    POINTER_MISSING = "pointer missing"
    # Slack
    REPLY_CHANGED = "reply changed"
    REPLY_MISSING = "reply missing"
    REPLY_UNKNOWN = "reply unknown"
    REPLY_FORGED = "reply forged"

    @property
    def todo(self) -> str:
        """What the reader can do about it."""
        return _TODO[self]


_RESTORE = "Restore it from a backup or an earlier version of the object, and find out who can write OUTPUT_URI."
_ROOT = "Compare the entries with a backup, and find out who can write OUTPUT_URI."
_STATE = "Find out who can write STATE_URI, and whether the state was restored from a copy."
_TODO = {
    Kind.ENTRY_MISSING: _RESTORE,
    Kind.ENTRY_UNREADABLE: _RESTORE,
    Kind.ENTRY_UNKNOWN: "If no backup of the state was restored and no other deployment writes to OUTPUT_URI, "
    "somebody made the file: find out who.",
    Kind.ENTRIES_CHANGED: _ROOT,
    Kind.TAIL_CUT: _RESTORE,
    Kind.LOG_REBUILT: "Look for the earlier log in a backup. If OUTPUT_URI was moved on purpose, audit what is newer "
    "with --since. If another deployment answers in the channel, stop one of them.",
    Kind.FORKED: "Find out whether two states write to OUTPUT_URI, and who else has the bot's token.",
    Kind.CHECKPOINT_DIFFERS: "The entries are proven otherwise: delete the file, and find out who wrote it.",
    Kind.CHECKPOINT_MISSING: "The entries are proven otherwise: find out who deleted the file.",
    Kind.CLOCK: "Find out who wrote the entry. A state that was restored from a copy, or a second deployment, can "
    "explain it.",
    Kind.HEAD_DIFFERS: _STATE,
    Kind.RECORD_DIFFERS: _STATE,
    Kind.STATE_UNREADABLE: "The next tick sets it aside. Find out who edited the state.",
    Kind.NOT_LOGGED: "Look at its thread and at its summary, and find out who can write OUTPUT_URI and STATE_URI.",
    Kind.SUMMARY_CHANGED: _RESTORE,
    Kind.SUMMARY_MISSING: _RESTORE,
    Kind.SUMMARY_UNREADABLE: _RESTORE,
    Kind.PERSON_CHANGED: _RESTORE,
    Kind.PAGE_CHANGED: _RESTORE,
    Kind.PAGE_MISSING: _RESTORE,
    Kind.POINTER_MISSING: "Until then the same credit may be given again unnoticed. Create each as an empty object, "
    "and find out who can write OUTPUT_URI.",
    Kind.NOT_APPROVED: "Ask the approvers, and look at the question in Slack.",
    Kind.REPLY_CHANGED: "Slack's audit log says who edited it. The amount of the log is the one that was computed.",
    Kind.REPLY_MISSING: "Ask who deleted it: an administrator can, or whoever has the bot's token. If your workspace "
    "deletes old messages, audit what it keeps with --since.",
    Kind.REPLY_UNKNOWN: "Check whether somebody acted on it, and find out who has the bot's token.",
    Kind.REPLY_FORGED: "Find out which app posted it, and whether somebody acted on it.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree.

    Attributes:
        kind: what it is.
        text: what does not agree with what, in full sentences.
        key: the request that it is about; None if it is about the log or the state as a whole.
        entry: number of the entry that it is about; None if it is about none, or about several.
        anchored: whether a reply in Slack vouches for that entry; None without an entry.
    """

    kind: Kind
    text: str
    key: RequestKey | None = None
    entry: int | None = None
    anchored: bool | None = None
