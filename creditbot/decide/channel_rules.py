"""How the requests of each channel are answered, where channels differ: by whose word, for which products. Pure.

`bootstrap` makes the table from the settings and the sections of CHANNELS_FILE, which `channels_file` reads. `answer`,
`tick` and the commands ask it for the rules of one channel; nothing else knows that channels differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from creditbot.decide.policy import Policy
from creditbot.errors import SettingsError
from creditbot.model import Workspace


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """How the requests of one channel are answered.

    Attributes:
        owner: Slack id of the person who gets the messages about them.
        template: REPLY_TEMPLATE: text of the reply; `{amount}` is its only field.
        cards: EVIDENCE: whether a reply has a card below its text.
        policy: which amounts a person decides on, and who.
        products: names of the products that are on there; None for all that have a notebook.
    """

    owner: str
    template: str
    cards: bool = False
    policy: Policy = field(default_factory=Policy)
    products: Collection[str] | None = None

    @property
    def asks_in(self) -> str:
        """Where approvers are asked: the name or id of a channel, or the owner's id for direct messages."""
        return self.policy.channel or self.owner


@dataclass(frozen=True, slots=True)
class ChannelSection:
    """What a section says of its channel; None where it says nothing.

    Attributes:
        owner: Slack id of the person who gets the messages about its requests.
        approvers: Slack ids of those who decide on its held amounts.
        approval_channel: where they are asked, by name or id.
        max_credit_usd: the largest amount that is answered without asking.
        products: names of those that are on there.
        evidence: what a reply shows below its text.
        reply_template: text of a reply.
    """

    owner: str | None = None
    approvers: tuple[str, ...] | None = None
    approval_channel: str | None = None
    max_credit_usd: Decimal | None = None
    products: tuple[str, ...] | None = None
    evidence: Literal["card", "text"] | None = None
    reply_template: str | None = None


NO_SECTION = ChannelSection()
"""Of a channel that CHANNELS_FILE does not name."""


@dataclass(frozen=True, slots=True)
class ChannelTable:
    """The rules of every channel.

    Attributes:
        everywhere: the rules of a channel without a section, and of what concerns no single channel.
        sections: name or id of a channel -> its rules, as CHANNELS_FILE has them.
        by_id: ids of the channels that the settings watch by their id: these stay watched when they are renamed.
    """

    everywhere: ChannelRules
    sections: Mapping[str, ChannelRules] = field(default_factory=dict)
    by_id: Collection[str] = ()

    def of(self, channel: str, workspace: Workspace) -> ChannelRules:
        """The rules of a channel, by its id. A person decides on every amount where they are not certain."""
        rules = self.named(channel, workspace.channels.get(channel, ""))
        if self.is_certain(channel, workspace):
            return rules
        limits = replace(rules.policy.limits, request=Decimal(0))
        return replace(rules, policy=replace(rules.policy, limits=limits))

    def is_certain(self, channel: str, workspace: Workspace) -> bool:
        """Whether no section can be about a channel under a name that it no longer has.

        One can, if no section is about the channel, one is about no watched channel, and the channel is not watched by
        its name.
        """
        name = workspace.channels.get(channel, "")
        has_section = channel in self.sections or name in self.sections
        by_name = bool(name) and channel not in self.by_id
        return has_section or by_name or self._is_placed(workspace)

    def named(self, *names: str) -> ChannelRules:
        """The rules of a channel by its id and its name, or by one of them."""
        return next((self.sections[name] for name in names if name in self.sections), self.everywhere)

    def _is_placed(self, workspace: Workspace) -> bool:
        """Whether each section is about a watched channel."""
        return self.sections.keys() <= {*workspace.channels, *workspace.channels.values()}

    def check(self, workspace: Workspace) -> None:
        """Raises `SettingsError` if nobody could tell which section counts for a channel, now or once it is renamed."""
        for channel, name in workspace.channels.items():
            if channel in self.sections and name in self.sections:
                raise SettingsError(
                    f"CHANNELS_FILE has two sections for one channel: {name} and {channel}.", "Remove one of them."
                )
            if channel in self.by_id and name in self.sections:
                raise SettingsError(
                    f"The settings watch the channel {channel} by its ID, and its section of CHANNELS_FILE, {name}, is "
                    "by its name: once it is renamed, it would be answered by the rules of all channels.",
                    f"Name the section [{channel}].",
                )
