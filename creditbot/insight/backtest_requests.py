"""Finds the requests of the past that a person answered, in the history of the channels.

The inbox comes in; requests with what people answered go out, thread by thread, so that work on them can begin while
the next thread is read. Nothing is posted, and the state is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from creditbot.insight.backtester import Asked
from creditbot.insight.peoples_answers import NoAnswer, answers_in
from creditbot.intake.requests import Request, RequestRules, requests_in
from creditbot.model import RequestKey, Workspace
from creditbot.ports import Inbox
from creditbot.slack_time import time_of


@dataclass(slots=True)
class LeftOut:
    """Requests that are in no backtest, because no person is known to have answered them.

    Attributes:
        alone: no reply is in their thread; they are counted in `unanswered` as well.
        unanswered: nobody answered.
        by_bots: creditbot or an earlier bot did.
        corrected: of these, how many a person corrected: a model learns from them, but nothing is compared.
        unclear: people wrote what may be an answer, such as "Approved!" without an amount.
    """

    alone: int = 0
    unanswered: int = 0
    by_bots: int = 0
    corrected: int = 0
    unclear: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.unanswered + self.by_bots + self.unclear

    def add(self, why: NoAnswer) -> None:
        """Counts one request."""
        self.by_bots += why.by_bot
        self.unclear += why.unclear
        self.unanswered += not (why.by_bot or why.unclear)


@dataclass(slots=True)
class Past:
    """The requests of the channels in a range of time.

    Attributes:
        inbox: reads Slack.
        workspace: who we are on Slack.
        rules: whose messages count.
        threads: (channel, ts of the parent) -> the requests in the thread that may be answered.
        left_out: those that no person answered; it fills while `answered` is read.
    """

    inbox: Inbox
    workspace: Workspace
    rules: RequestRules
    threads: dict[tuple[str, str], list[Request]]
    left_out: LeftOut = field(default_factory=LeftOut)

    @property
    def total(self) -> int:
        """How many requests there are whose thread has to be read."""
        return sum(map(len, self.threads.values()))

    def answered(self) -> Iterator[list[Asked]]:
        """The requests that a person answered or corrected, one thread at a time.

        Raises `Unreachable` or `Refused`.
        """
        for (channel, thread), requests in self.threads.items():
            messages = self.inbox.thread(channel, thread)
            answers = answers_in(messages, [request.key for request in requests], self.workspace, self.rules)
            found = []
            for request in requests:
                answer = answers[request.key]
                if isinstance(answer, NoAnswer):
                    self.left_out.add(answer)
                else:
                    self.left_out.by_bots += answer.below_bot
                    self.left_out.corrected += answer.below_bot
                    found.append(Asked(request, self._permalink(request.key, thread), answer))
            yield found

    def _permalink(self, key: RequestKey, thread: str) -> str:
        return self.workspace.address(key, thread)


def past_requests(
    inbox: Inbox, rules: RequestRules, since: datetime, until: datetime | None, channels: Sequence[str] = ()
) -> Past:
    """Reads the history of the channels. Raises `Unreachable` or `Refused`.

    Args:
        inbox: reads Slack.
        rules: whose messages count.
        since: UTC: requests asked from then on.
        until: UTC: and before then; None for no end.
        channels: ids; empty for all that the inbox watches.
    """
    workspace = inbox.workspace(None)
    threads: dict[tuple[str, str], list[Request]] = {}
    left_out = LeftOut()
    for channel in channels or workspace.channels:
        messages = inbox.messages(channel, since - timedelta(microseconds=1))
        for request in requests_in(messages, workspace, rules):
            if until is not None and time_of(request.key.ts) >= until:
                continue
            if request.may_be_answered:
                threads.setdefault((channel, request.message.thread), []).append(request)
            else:
                left_out.unanswered += 1
                left_out.alone += 1
    return Past(inbox, workspace, rules, threads, left_out)
