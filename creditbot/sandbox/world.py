"""The sandbox's world: one Slack workspace in a file, with what people can do in it and how Slack shows it.

People's commands and Slack's methods write into it; the same methods, `show` and tests read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from creditbot.sandbox.store import Json, Store, StoredMessage

TEAM, TEAM_NAME, TEAM_URL = "T0SANDBOX", "Sandbox", "https://sandbox.slack.com/"
CHANNEL = "C0CREDITS"
OWNER, REQUESTER = "U0OWNER", "U0DANA"
BOT_USER, BOT, APP = "U0CREDITBOT", "B0CREDITBOT", "A0CREDITBOT"
LOOKER = "http://looker.sandbox"
"""Stands in stored messages for the address of the sandbox's Looker, whose port may change."""

_TOMBSTONE: Json = {
    "type": "message",
    "subtype": "tombstone",
    "user": "USLACKBOT",
    "text": "This message was deleted.",
    "hidden": True,
}


class SandboxWorld(Store):
    """One workspace in one file."""

    # -- what people do ----------------------------------------------------------------------------------------------

    def post(
        self,
        text: str,
        *,
        channel: str = CHANNEL,
        user: str | None = REQUESTER,
        thread_ts: str | None = None,
        broadcast: bool = False,
        ts: str | None = None,
        **fields: Any,
    ) -> str:
        """Stores a message as Slack would: `text` and every other field as they are; returns its ts.

        `user` None leaves the author out, as a `bot_message` does. `broadcast` shows a reply in the channel too.
        """
        body: Json = {"type": "message", "text": text}
        if user:
            body |= {"user": user, "team": TEAM}
        body |= {name: value for name, value in fields.items() if value is not None}
        return self.write(channel, body, ts=ts, thread_ts=thread_ts, broadcast=broadcast)

    def edit(self, ts: str, text: str, *, channel: str = CHANNEL, **fields: Any) -> None:
        """Changes a message as its author does. Raises KeyError if there is none."""
        with self.transaction():
            body = self.message(channel, ts)
            edited = {"user": body.get("user", ""), "ts": self.next_ts()}
            self.rewrite(channel, ts, body | {"text": text, "edited": edited} | fields)

    def delete(self, ts: str, *, channel: str = CHANNEL) -> None:
        """Removes a message; its replies stay. Raises KeyError if there is none."""
        with self.transaction():
            self.message(channel, ts)
            self.rewrite(channel, ts, None)

    def react(self, ts: str, name: str, *, channel: str = CHANNEL, user: str = REQUESTER, **delay: Any) -> bool:
        """Adds a person's reaction, such as "+1"; False if it was there. Raises KeyError if there is no such message.

        `delay` says when it is shown at the earliest, as in `write`.
        """
        return self._change_reactions(channel, ts, name, user, add=True, **delay)

    def unreact(self, ts: str, name: str, *, channel: str = CHANNEL, user: str = REQUESTER, **delay: Any) -> bool:
        """Takes a person's reaction back; False if it was not there. Raises KeyError if there is no such message."""
        return self._change_reactions(channel, ts, name, user, add=False, **delay)

    def _change_reactions(self, channel: str, ts: str, name: str, user: str, *, add: bool, **delay: Any) -> bool:
        with self.transaction():
            body = self.message(channel, ts)
            users = {reaction["name"]: list(reaction["users"]) for reaction in body.get("reactions", ())}
            if (user in users.get(name, ())) == add:
                return False
            if add:
                users.setdefault(name, []).append(user)
            else:
                users[name].remove(user)
            reactions = [{"name": key, "users": ids, "count": len(ids)} for key, ids in users.items() if ids]
            without = {key: value for key, value in body.items() if key != "reactions"}
            self.rewrite(channel, ts, without | ({"reactions": reactions} if reactions else {}), **delay)
            return True

    def messages(self, channel: str = CHANNEL) -> list[Json]:
        """The messages in a channel now, oldest first, with all metadata."""
        return [body for _, body in reversed(self.history(channel, limit=-1)) if body]

    def thread(self, ts: str, channel: str = CHANNEL) -> list[Json]:
        """A message and its replies as they are now, oldest first, with all metadata; empty if there are none."""
        parent = self.history(channel, oldest=ts, latest=ts, limit=1)
        return [body for _, body in parent if body] + self.replies(channel, ts)

    def direct_messages(self, user: str = OWNER) -> list[Json]:
        """The messages in the bot's conversation with a user, oldest first."""
        return self.messages(direct_channel(user))

    def join_organisation(self, enterprise: str) -> None:
        """Makes the workspace one of an Enterprise Grid organisation with this id, such as "E0ORG"."""
        self.put("organisation", TEAM, {"id": enterprise})

    @property
    def enterprise(self) -> str:
        """The id of the organisation that the workspace belongs to, or ""."""
        return str((self.get("organisation", TEAM) or {"id": ""})["id"])

    # -- messages as Slack keeps and shows them ------------------------------------------------------------------------

    def write(
        self,
        channel: str,
        body: Json,
        *,
        ts: str | None = None,
        thread_ts: str | None = None,
        broadcast: bool = False,
        seconds: float = 0.0,
        reads: int = 0,
    ) -> str:
        """Adds a message and returns its ts; `seconds` and `reads` say when it is shown at the earliest."""
        with self.transaction():
            ts = ts or self.next_ts()
            body = body | {"ts": ts}
            if thread_ts:
                body["thread_ts"] = thread_ts
            if thread_ts and broadcast:
                body["subtype"] = "thread_broadcast"
            top = not thread_ts or broadcast
            self.add(channel, StoredMessage(ts, thread_ts, body), top=top, seconds=seconds, reads=reads)
            return ts

    def rewrite(self, channel: str, ts: str, body: Json | None, *, seconds: float = 0.0, reads: int = 0) -> None:
        """Replaces a message, or removes it with None. Raises KeyError if there was never one."""
        with self.transaction():
            latest = self.latest(channel, ts)
            if not latest:
                raise KeyError(ts)
            old, top = latest
            self.add(channel, StoredMessage(ts, old.thread_ts, body), top=top, seconds=seconds, reads=reads)

    def message(self, channel: str, ts: str) -> Json:
        """A message as it was last written, shown or not. Raises KeyError if there is none."""
        latest = self.latest(channel, ts)
        if not latest or latest[0].body is None:
            raise KeyError(ts)
        return latest[0].body

    def thread_of(self, channel: str, ts: str) -> str | None:
        """The ts of the thread that a message, also a deleted one, is in or begins; None if there never was one."""
        latest = self.latest(channel, ts)
        return (latest[0].thread_ts or ts) if latest else None

    def history(
        self, channel: str, *, oldest: str = "", latest: str = "~", limit: int, behind: int = 0
    ) -> list[tuple[str, Json | None]]:
        """The messages in a channel from `oldest` to `latest`, both included, newest first, each with its ts.

        A thread's parent says how many replies it has. A deleted message is a tombstone if it has replies, else None,
        so that a page may be shorter than `limit`. `behind` leaves out the last writes.
        """
        rows = self.select(
            "v.channel = :channel AND v.top = 1 AND v.ts >= :oldest AND v.ts <= :latest",
            "v.ts DESC LIMIT :limit",
            behind,
            channel=channel,
            oldest=oldest,
            latest=latest,
            limit=limit,
        )
        threads = self._threads(channel, [row.ts for row in rows if not row.thread_ts], behind)
        return [(row.ts, self._shown(channel, row, threads.get(row.ts, {}))) for row in rows]

    def replies(
        self, channel: str, thread_ts: str, *, oldest: str = "", latest: str = "~", limit: int = -1, behind: int = 0
    ) -> list[Json]:
        """The replies of a thread from `oldest` to `latest`, both included, oldest first."""
        rows = self.select(
            "v.channel = :channel AND v.thread_ts = :thread AND v.ts >= :oldest AND v.ts <= :latest"
            " AND v.body IS NOT NULL",
            "v.ts LIMIT :limit",
            behind,
            channel=channel,
            thread=thread_ts,
            oldest=oldest,
            latest=latest,
            limit=limit,
        )
        return [row.body for row in rows if row.body]

    def _threads(self, channel: str, parents: Sequence[str], behind: int) -> Mapping[str, Json]:
        """What each parent says about its replies."""
        rows = self.select(
            "v.channel = :channel AND v.thread_ts IN (SELECT value FROM json_each(:parents)) AND v.body IS NOT NULL",
            "v.ts",
            behind,
            channel=channel,
            parents=json.dumps(list(parents)),
        )
        replies: dict[str, list[Json]] = {}
        for row in rows:
            replies.setdefault(str(row.thread_ts), []).append(row.body or {})
        return {thread_ts: _summary(thread_ts, bodies) for thread_ts, bodies in replies.items()}

    def _shown(self, channel: str, row: StoredMessage, thread: Json) -> Json | None:
        if row.body is None:
            return _TOMBSTONE | {"ts": row.ts} | thread if thread else None
        root = self.latest(channel, row.thread_ts) if row.thread_ts else None
        return row.body | ({"root": root[0].body} if root and root[0].body else {}) | thread


def _summary(thread_ts: str, replies: Sequence[Json]) -> Json:
    authors = list(dict.fromkeys(body.get("user") or body.get("bot_id") for body in replies))
    return {
        "thread_ts": thread_ts,
        "reply_count": len(replies),
        "reply_users": authors,
        "reply_users_count": len(authors),
        "latest_reply": replies[-1]["ts"],
        "is_locked": False,
    }


def direct_channel(user: str) -> str:
    """The id of the bot's conversation with a user."""
    return f"D{user[1:]}"
