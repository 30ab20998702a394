"""Reads what a thread says about one request: whether it is still there, whether it was answered, and by whom. Pure.

The messages come from `Inbox.thread`. `creditbot.answer` bases its decisions on the resulting `ThreadView`.

An answer is our reply with its marker, or one without a marker, such as `Approved, $...`: by a person, by a bot of
PREVIOUS_BOTS, or by us before a state was lost. An answer without a marker counts for one request only: the last one
before it. Other words of people below a request, their "no" as a reaction on it, and a request that is taken back may
hold it: the policy says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from creditbot.intake.answers import Reading, read_answer, takes_back
from creditbot.intake.requests import NOTICES, SLACKBOT, Request, RequestRules, is_ours, read_request
from creditbot.model import Message, RequestKey, Workspace
from creditbot.slack_time import is_newer, micros_of, time_of

REPEATS = "Please ignore this reply: it repeats the answer above. Do not credit it again."
"""Our second reply to a request is edited to say this."""
LATE = "Please ignore this reply: the request had already been closed. Do not credit it."
"""Our reply that appears only after its request was closed is edited to say this."""

UNCOUNTED = frozenset({
    REPEATS,
    LATE,
    # What earlier versions wrote still stands in threads.
    "This repeats the answer above and is not to be credited again.",
    "This came after the request had ended without it, and is not to be credited.",
})  # fmt: skip
"""Texts of our own replies that do not count, as they say themselves."""


NO_REACTIONS: Mapping[str, str] = {
    "x": "❌", "-1": "👎", "thumbsdown": "👎", "no_entry_sign": "🚫", "no_entry": "⛔", "octagonal_sign": "🛑",
    "raised_hand": "✋", "hand": "✋", "no_good": "🙅", "man-gesturing-no": "🙅", "woman-gesturing-no": "🙅",
    "negative_squared_cross_mark": "❎",
}  # fmt: skip
"""Reactions on a request that say that it is not to be answered: names of the emoji, without skin tone -> the emoji."""


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote about a request, or said by a reaction on it.

    Attributes:
        message: the reply, or the request itself.
        reading: how it is understood.
        by_asker: whether the person who asked wrote it. Of these only the words that take the request back are kept,
            and those that look like an answer.
        in_request: whether they are words of the request itself.
        reactions: the emoji of a person's reactions on the request, such as "❌"; "" for what is written.
        reacted_by: member id of that person; "" for what is written.
    """

    message: Message
    reading: Reading
    by_asker: bool = False
    in_request: bool = False
    reactions: str = ""
    reacted_by: str = ""

    @property
    def author(self) -> str:
        """Id of the person or bot whose words they are."""
        return self.reacted_by or self.message.user or self.message.bot or ""

    @property
    def since(self) -> str:
        """The ts of the message, or of its last edit: it said something else before. A reaction carries no time."""
        return self.message.edited or self.message.ts

    def is_after(self, moment: datetime | None) -> bool:
        """Whether they may be later than a moment: a reaction always may, and everything is if it is None."""
        return moment is None or bool(self.reactions) or time_of(self.since) > moment


@dataclass(frozen=True, slots=True)
class ThreadView:
    """What a thread shows about one request.

    Attributes:
        request: the request as it is now; None if its message was deleted or is no longer a request.
        own: the message of the request as the thread shows it, a request or not; None if it is not there.
        ours: ts of our marked replies to the request, oldest first, without those that say they do not count.
        forged: ts of a reply that carries our marker for the request and that somebody else posted, or "".
        elsewhere: ts of the unmarked answer that counts for the request, or "".
        unclear: why the thread does not show whether the request was answered, one sentence, or "".
        remarks: the unmarked replies to the request that answer it, may answer it, or refuse it, oldest first.
        words: what people wrote about the request that is not an answer, since it was last tried again, oldest first;
            before them, one for each person whose reaction on it says no.
        replies: how many replies the thread has.
        looked: UTC, when the reading of the thread began; None where nobody says so.
    """

    request: Request | None
    own: Message | None = None
    ours: tuple[str, ...] = ()
    forged: str = ""
    elsewhere: str = ""
    unclear: str = ""
    remarks: tuple[Message, ...] = field(default=(), compare=False)
    words: tuple[Words, ...] = field(default=(), compare=False)
    replies: int = field(default=0, compare=False)
    looked: datetime | None = field(default=None, compare=False)

    @property
    def repeats(self) -> tuple[str, ...]:
        """Our replies after the first one."""
        return self.ours[1:]

    @property
    def answer(self) -> Message | None:
        """The unmarked answer that counts for the request; None if there is none."""
        return next((message for message in self.remarks if message.ts == self.elsewhere), None)


def view(
    messages: Sequence[Message], key: RequestKey, workspace: Workspace, rules: RequestRules,
    retried: datetime | None = None,
) -> ThreadView:  # fmt: skip
    """Reads what a thread (parent and replies, oldest first) shows about one of its requests.

    `retried` is when a person last had the request tried again: that settles earlier doubts.
    """
    by_ts = {message.ts: message for message in messages}
    own = by_ts.get(key.ts)
    marked = [m for m in messages if m.marker and m.marker.kind == "reply" and m.marker.key == str(key)]
    ours = tuple(m.ts for m in marked if is_ours(m, workspace) and m.text not in UNCOUNTED)
    forged = next((m.ts for m in marked if not is_ours(m, workspace)), "")
    request = read_request(own, workspace, rules) if own else None
    replies = _replies_by_request(messages, key, workspace, rules)
    answer, unclear = _unmarked_answer(replies, key)
    to_it = replies[key.ts].words if key.ts in replies else []
    remarks = tuple(words.message for words in to_it if words.reading is not Reading.OTHER)
    others = [words for words in to_it if words.reading is not Reading.ANSWER]
    every = (*_of_request(request), *_of_reactions(request, workspace), *others)
    words = tuple(each for each in every if each.is_after(retried))
    number = sum(message.thread != message.ts for message in messages)
    return ThreadView(request, own, ours, forged, answer, unclear, remarks, words, number)


@dataclass(slots=True)
class _Replies:
    """The unmarked replies that follow one request and come before the next one.

    Attributes:
        asker: who asked; None for a bot, and where the request is not among the messages.
        words: what people wrote, oldest first, answers among it.
    """

    asker: str | None
    words: list[Words] = field(default_factory=list)

    @property
    def answers(self) -> list[str]:
        """ts of those that answer it."""
        return [words.message.ts for words in self.words if words.reading is Reading.ANSWER]


def _of_request(request: Request | None) -> Iterator[Words]:
    """The words with which the request itself is taken back; an app's form has words of its own."""
    if request and request.message.bot is None and takes_back(request.message.text):
        yield Words(request.message, Reading.REFUSAL, by_asker=True, in_request=True)


def _of_reactions(request: Request | None, workspace: Workspace) -> Iterator[Words]:
    """For each person whose reactions on the request say no: those that stand now. Our own are signs."""
    said: dict[str, list[str]] = {}
    for name, users in request.message.reactions.items() if request else ():
        if emoji := NO_REACTIONS.get(name.partition("::")[0]):
            for user in users:
                said.setdefault(user, []).append(emoji)
    said.pop(workspace.user, None)
    for user, emojis in sorted(said.items()):
        assert request
        by_asker = user == request.message.user
        yield Words(
            request.message, Reading.REFUSAL, by_asker, reactions=" ".join(dict.fromkeys(emojis)), reacted_by=user
        )


def _unmarked_answer(replies: Mapping[str, _Replies], key: RequestKey) -> tuple[str, str]:
    """(ts of the unmarked answer to a request, why it is unclear whether there is one); each "" if there is none.

    An unmarked answer belongs to the last request before it. In this thread, B has two answers:

        request A    request B    answer 1    answer 2
                     └─────── answers to B ──────────┘

    One of the two may be meant for A, which has none. So it is unclear whether A was answered.
    """
    own = replies.get(key.ts)
    if own and own.answers:
        return own.answers[0], ""
    if any(len(of_later.answers) > 1 for ts, of_later in replies.items() if micros_of(ts) > micros_of(key.ts)):
        return "", "A later request in the thread has several answers, and one of them may be meant for this request."
    return "", ""


def _replies_by_request(
    messages: Sequence[Message], key: RequestKey, workspace: Workspace, rules: RequestRules
) -> dict[str, _Replies]:
    """ts of each request in the thread -> the unmarked replies between it and the next request.

    A reply with a link to Looker that was also sent to the channel is a request of its own. An answer to the request
    before it is not.
    """
    replies: dict[str, _Replies] = {}
    latest: _Replies | None = None
    for message in messages:
        words = _words(message, latest, workspace, rules)
        reading = words.reading if words else Reading.OTHER
        if message.ts == key.ts or (reading is not Reading.ANSWER and read_request(message, workspace, rules)):
            if words and latest and reading is Reading.ANSWER:
                doubt = Words(message, Reading.DOUBT, in_request=True)
                replies[message.ts] = _Replies(message.user, [doubt])
                continue
            if words and latest and reading is Reading.REFUSAL:
                latest.words.append(words)  # "denied", with a link that makes it a request as well
            latest = replies.setdefault(message.ts, _Replies(message.user))
        elif words and latest and not (words.by_asker and reading is Reading.OTHER):
            latest.words.append(words)
    return replies


def _words(message: Message, latest: _Replies | None, workspace: Workspace, rules: RequestRules) -> Words | None:
    """What a reply without our marker says about the request before it; None for what apps and Slack itself say.

    Of bots only an answer counts, or what may be one, and only of those that used to answer.
    """
    if message.marker is not None or latest is None or message.subtype in NOTICES or message.user == SLACKBOT:
        return None
    if message.bot is None and not is_ours(message, workspace):
        by_asker = message.user is not None and message.user == latest.asker
        return Words(message, read_answer(message.text, by_asker=by_asker), by_asker)
    if not is_ours(message, workspace) and message.bot not in rules.previous_bots:
        return None
    reading = read_answer(message.text)
    return Words(message, reading) if reading in (Reading.ANSWER, Reading.DOUBT) else None


def is_behind(own: Message | None, key: RequestKey, edited: str, now: datetime, settle: timedelta) -> bool:
    """Whether Slack may be showing us a stale thread: one from before the request, or before an edit we have seen.

    Args:
        own: the request as the thread shows it. A request that is missing counts as deleted once it is older than
            `settle`, because no reading of a thread is that stale. A tombstone in its place is proof of the deletion.
        key: the request.
        edited: ts of the edit with which the request was last read, "" for none.
        now: UTC, when the reading of the thread began: the process may have slept since.
        settle: how long a thread may be shown as it was (POST_SETTLE_SECONDS).
    """
    if own is None:
        return now - max(time_of(key.ts), time_of(edited or key.ts)) < settle
    return own.subtype != "tombstone" and is_newer(edited, own.edited)
