"""What commands say and ask of the channels: whose rules are those of a request, and whether their people are there.

The `ChannelTable` of the bot comes in, with Slack. Nothing is posted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

from creditbot.bootstrap import Assembly
from creditbot.commands.check_result import CheckFindings, CheckResult, attempt
from creditbot.credit.amount import format_usd
from creditbot.decide.channel_rules import ChannelRules, ChannelTable
from creditbot.errors import CreditbotError, SettingsError
from creditbot.model import Marker, RequestKey, Workspace
from creditbot.ports import Approvers, Owners
from creditbot.settings.types import channel_name

RulesOf: TypeAlias = Callable[[RequestKey], ChannelRules]
_CHECK = Marker("notice", "check")


def rules_by_request(assembly: Assembly) -> RulesOf:
    """Gives the rules of the channel of a request. Slack is asked only if channels differ and no tick asked it yet."""
    channels = assembly.rules.channels
    if not channels.sections:
        return lambda _: channels.everywhere
    workspace = assembly.ports.inbox.workspace(assembly.ledger.read().meta.workspace)
    return lambda key: channels.of(key.channel, workspace)


def id_of(channel: str, workspace: Workspace) -> str:
    """The id of a watched channel, by its name or id. Raises `SettingsError` for another channel."""
    name = channel_name(channel)
    found = next((one for one, its_name in workspace.channels.items() if name in (one, its_name)), None)
    if found is None:
        watched = ", ".join(f"#{name}" for name in workspace.channels.values())
        raise SettingsError(f"The channel {channel} is not watched.", f"Name one of these: {watched}.")
    return found


@dataclass(frozen=True, slots=True)
class People:
    """Checks of the owners and approvers of all channels. A result of its own for each of the rules.

    Attributes:
        owners, approvers: the ports.
        rules: each with where it holds, such as " for #credit-emea".
    """

    owners: Owners
    approvers: Approvers
    rules: Sequence[tuple[ChannelRules, str]]

    def check_owners(self) -> Iterator[CheckResult]:
        """Whether each owner can be written to."""
        for rules, there in self.rules:
            yield from attempt("Slack owner", partial(_owner, self.owners, rules, there))

    def check_approvers(self) -> Iterator[CheckResult]:
        """Whether approvers can be asked, exist, and see what they are asked."""
        for rules, there in self.rules:
            yield from attempt("approvers", partial(_approvers, self.approvers, self.owners, rules, there))


def people(assembly: Assembly) -> People:
    """The people of all channels, and then those of each watched channel that has a section of CHANNELS_FILE."""
    channels, ports = assembly.rules.channels, assembly.ports
    found = [(channels.everywhere, "")]
    with suppress(CreditbotError):  # the check of the channels says what is wrong with them
        if channels.sections:
            workspace = ports.inbox.workspace(None)
            rules_of = {name: channels.of(channel, workspace) for channel, name in workspace.channels.items()}
            found += [(it, f" for #{name}") for name, it in rules_of.items() if it != channels.everywhere]
    return People(ports.owners, ports.approvers, found)


def sections(assembly: Assembly) -> CheckFindings:
    """A finding for each watched channel: what its rules are. Nothing without CHANNELS_FILE."""
    channels = assembly.rules.channels
    if not channels.sections:
        return []
    workspace = assembly.ports.inbox.workspace(None)
    channels.check(workspace)
    on = products_on(assembly)
    findings: CheckFindings = [
        ("ok", f"#{name}: {rules_in_words(channels.of(channel, workspace), on)}")
        for channel, name in workspace.channels.items()
    ]
    uncertain = (each for each in workspace.channels.items() if not channels.is_certain(each[0], workspace))
    return findings + [("note", _why_uncertain(channel, name)) for channel, name in uncertain]


def _why_uncertain(channel: str, name: str) -> str:
    return (
        f"A person decides on every amount in #{name}, because a section may be about it, by an older name. "
        f"If one is, name that section [{channel}]. Remove a section that is about no channel."
    )


def _owner(owners: Owners, rules: ChannelRules, there: str) -> CheckFindings:
    """Opens the conversation and reads it, but writes nothing."""
    owners.conversation_with(rules.owner).was_told(_CHECK, datetime.now(UTC))
    return [("ok", f"{rules.owner} gets the failure messages{there}")]


def _approvers(approvers: Approvers, owners: Owners, rules: ChannelRules, there: str) -> CheckFindings:
    """Reads the conversation in which approvers are asked, and opens one with each of them, but writes nothing."""
    findings: CheckFindings = []
    if approvers.asked(rules.asks_in, "check", datetime.now(UTC)) is None:
        todo = "Add the scope im:history, or channels:history or groups:history for a channel, to the Slack app."
        findings.append(("note", f"The bot cannot read the conversation in which approvers are asked{there}. {todo}"))
    for approver in rules.policy.approvers:
        owners.conversation_with(approver).was_told(_CHECK, datetime.now(UTC))
    blind = [approver for approver in rules.policy.approvers if approver != rules.owner]
    if blind and not rules.policy.channel:
        text = (
            f"{', '.join(blind)} cannot see the questions{there}: they go to {rules.owner} in direct messages. Name a "
            "channel in APPROVAL_CHANNEL, or as approval_channel of the section."
        )
        findings.append(("note", text))
    return findings or [("ok", f"can be asked{there}, and the bot can read how they react")]


def products_on(assembly: Assembly) -> Sequence[str]:
    """The names of the products that have a notebook."""
    return [product.name for product in assembly.products.products if product.notebook]


def policies_in_words(channels: ChannelTable, on: Collection[str]) -> Iterator[str]:
    """The policy in sentences, then one for each channel that CHANNELS_FILE names; `on` as in `rules_in_words`."""
    yield from channels.everywhere.policy.words()
    for channel, rules in channels.sections.items():
        yield f"In {channel}: {rules_in_words(rules, on)}."


def rules_in_words(rules: ChannelRules, on: Collection[str]) -> str:
    """Who owns a channel, who decides there, and on what; `on` are the products that have a notebook."""
    policy, limit = rules.policy, rules.policy.limits.request
    deciders = f"{', '.join(policy.approvers)} {'decides' if len(policy.approvers) == 1 else 'decide'}"
    above = "on what the policy stops" if limit is None else f"above {format_usd(limit)}"
    where = f"in the channel {policy.channel}" if policy.channel else f"in a direct message to {rules.owner}"
    card = "and a card" if rules.cards else "alone"
    return (
        f"{rules.owner} gets the failure messages; {deciders} {above}, asked {where}; products: "
        f"{', '.join(rules.products or on)}; the reply is “{rules.template}” {card}"
    )
