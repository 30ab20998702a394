"""`creditbot holds`, `approve` and `deny`: what waits for approvers, and the second way to decide on it.

A vote that is typed here is stored with the held request, and counts like a reaction to the question: the next tick
acts on it. Who may vote, and what is voted on, is checked as it is for reactions.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Iterable
from dataclasses import replace

from creditbot.bootstrap import assemble
from creditbot.commands.output import count, names_of, utc
from creditbot.commands.requests import person
from creditbot.credit.amount import format_usd
from creditbot.decide.approval import short, voters, with_typed
from creditbot.decide.channel_rules import ChannelTable
from creditbot.decide.policy import Policy
from creditbot.errors import SettingsError, StateConflict
from creditbot.intake.permalink import Permalink, read_permalink
from creditbot.model import Names, RequestKey, Workspace, mentions
from creditbot.ports import Clock, Inbox
from creditbot.settings.settings import Settings
from creditbot.slack_time import micros_of
from creditbot.state.codec import State
from creditbot.state.ledger import Ledger
from creditbot.state.record import Record, Vote, move
from creditbot.text import printable

_TRIES = 5
"""Ticks may change the record meanwhile, when they see another vote."""


def holds(_: Namespace) -> int:
    """Lists the requests that wait for approvers."""
    assembly = assemble(Settings.load())
    state = assembly.ledger.read()
    workspace = assembly.ports.inbox.workspace(state.meta.workspace)
    names = names_of(assembly.people(), people_of_holds(state, workspace, assembly.rules.channels))
    for line in hold_lines(state, workspace, assembly.rules.channels, names):
        print(line)
    return 0


def approve(options: Namespace) -> int:
    """Stores a yes."""
    return _vote(options, yes=True)


def deny(options: Namespace) -> int:
    """Stores a no."""
    return _vote(options, yes=False)


def _vote(options: Namespace, *, yes: bool) -> int:
    permalink, assembly = read_permalink(options.permalink), assemble(Settings.load())
    ballot = Ballot(assembly.ports.inbox, assembly.ledger, assembly.ports.clock, assembly.rules.channels)
    record = ballot.cast(permalink, options.by.removeprefix("@"), yes=yes, typed_by=person())
    assert record.hold
    assert record.result
    word = "yes" if yes else "no"
    print(f"Your {word} to {format_usd(record.result.amount)} (approval digest {short(record.hold.digest)}) is stored.")
    print("The next tick counts it together with the reactions to the question.")
    return 0


class Ballot:
    """Stores votes on held requests.

    Args:
        inbox: says which workspace this is.
        ledger: the state.
        clock: gives the time of the vote.
        channels: say who may vote.
    """

    def __init__(self, inbox: Inbox, ledger: Ledger, clock: Clock, channels: ChannelTable) -> None:
        self._inbox = inbox
        self._ledger = ledger
        self._clock = clock
        self._channels = channels

    def cast(self, permalink: Permalink, by: str, *, yes: bool, typed_by: str) -> Record:
        """Stores the vote of the approver `by`, a member id, and returns the request's record.

        Raises `SettingsError` if the request is not held, or if this vote would not count.
        """
        self._inbox.workspace(None)  # with its answer, Slack also says what time it is
        for _ in range(_TRIES):
            state = self._ledger.read()
            workspace = self._inbox.workspace(state.meta.workspace)  # with the names of channels that ticks go by
            key = RequestKey(workspace.team, permalink.channel, permalink.ts)
            record = state.records.get(key)
            if record is None or record.status != "held" or record.hold is None:
                raise SettingsError(
                    "This request does not wait for an approval.", "`creditbot holds` lists those that do."
                )
            now = self._clock.now()
            policy = self._channels.of(key.channel, workspace).policy
            if record.hold.policy != policy.digest:
                raise SettingsError(
                    "The policy has changed since the approvers were asked.", "The next tick asks again; vote then."
                )
            if now >= record.hold.until:
                raise SettingsError("The time to decide on this request is over; the next tick ends it as denied.")
            _check_voter(policy, by, {record.user, workspace.user})
            votes = with_typed(record.hold.votes, Vote(by, yes, now, typed_by))
            voted = move(record, "held", record.at, hold=replace(record.hold, votes=votes))
            try:
                self._ledger.swap(key, record, voted)
            except StateConflict:
                continue
            return voted
        raise SettingsError("Ticks keep changing this request.", "Try again.")


def _check_voter(policy: Policy, by: str, excluded: Collection[str]) -> None:
    if by not in policy.approvers:
        raise SettingsError(
            f"{by} is not an approver.",
            f"--by takes the member ID of one of them: {', '.join(policy.approvers)}.",
        )
    if by not in voters(policy, excluded):
        raise SettingsError(f"{by} asked for this credit, so this vote does not count.", "Let somebody else decide.")


def people_of_holds(state: State, workspace: Workspace, channels: ChannelTable) -> set[str]:
    """Ids of everybody whom `hold_lines` names."""
    return {
        user
        for key, record in _held(state)
        for user in (
            record.user,
            *channels.of(key.channel, workspace).policy.approvers,
            *(user for reason in (record.hold.reasons if record.hold else ()) for user in mentions(reason.text)),
        )
    }


def hold_lines(state: State, workspace: Workspace, channels: ChannelTable, names: Names) -> Iterable[str]:
    """What waits, who asked, who may decide, since when, and why; oldest first."""
    held = _held(state)
    for key, record in held:
        yield from _lines_of(key, record, workspace, channels.of(key.channel, workspace).policy, names)
    yield f"{count(len(held), 'request')} held for approval."


def _held(state: State) -> list[tuple[RequestKey, Record]]:
    held = [(key, record) for key, record in state.records.items() if record.status == "held"]
    return sorted(held, key=lambda item: micros_of(item[0].ts))


def _lines_of(key: RequestKey, record: Record, workspace: Workspace, policy: Policy, names: Names) -> Iterable[str]:
    hold, result = record.hold, record.result
    assert hold
    assert result
    may_vote = voters(policy, {record.user, workspace.user})
    voted = {vote.by: "yes" if vote.yes else "no" for vote in hold.votes}
    asked = ", ".join(f"{names.with_id(user)}{f': {voted[user]}' if user in voted else ''}" for user in may_vote)
    quorum = policy.quorum(result.amount)
    yield printable(f"{format_usd(result.amount):>12}  {workspace.address(key, record.thread)}")
    if record.user:
        yield printable(f"{'':12}  asked by {names.with_id(record.user)}")
    yield f"{'':12}  held since {utc(record.at)}, until {utc(hold.until)}, approval digest {short(hold.digest)}"
    yield printable(f"{'':12}  waits for {quorum} of: {asked or 'nobody who may decide'}")
    for reason in hold.reasons:
        yield printable(f"{'':12}  {names.in_text(reason.text)}")
