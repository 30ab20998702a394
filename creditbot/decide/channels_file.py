"""Reads CHANNELS_FILE, a TOML file with a section for each channel, by its name or ID.

A key that a section leaves out has the value that all channels have:

    [credit-emea]
    owner = "U0ROSA"                       # who gets the messages about its requests; default: SLACK_USER_ID
    approvers = ["U0SAM", "U0TIM"]         # default: APPROVERS or POLICY_FILE, or else the owner of the channel
    approval_channel = "emea-approvals"    # default: APPROVAL_CHANNEL or POLICY_FILE, or else direct messages
    max_credit_usd = 5000                  # default: MAX_CREDIT_USD or POLICY_FILE
    products = ["verify"]                  # the others are off there; default: every product that has a notebook
    evidence = "text"                      # default: EVIDENCE
    reply_template = "Credited {amount}."  # default: REPLY_TEMPLATE

What comes out is what the sections say. `bootstrap` makes a `ChannelTable` of it and of the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import ErrorDetails

from creditbot.decide.channel_rules import ChannelSection
from creditbot.decide.policy_file import Member, Usd
from creditbot.errors import SettingsError
from creditbot.settings.names import nearest
from creditbot.settings.toml_file import place_in, read_toml, said_of, wrong_file
from creditbot.settings.types import Channel, Template, channel_name

Text = Annotated[str, Field(pattern=r"\S")]


def load_channels(path: Path, has_notebook: Mapping[str, bool]) -> Mapping[str, ChannelSection]:
    """Name or ID of a channel -> what its section says. Raises a `SettingsError` that names the file and the key.

    `has_notebook` says of each product whether it can be on.
    """
    sections = read_toml("CHANNELS_FILE", path, _FILE.validate_python, _problem)
    if not sections:
        raise _wrong(path, "it has no section, such as [credit-requests]")
    found: dict[str, ChannelSection] = {}
    for name, section in sections.items():
        channel = channel_name(name)
        if not channel:  # it would be about every channel whose name is not known
            raise _wrong(path, f'the section ["{name}"] names no channel')
        if channel in found:
            raise _wrong(path, f"two sections are about the channel {channel}")
        found[channel] = section.section()
        if problem := _problem_of_products(found[channel], has_notebook):
            raise _wrong(path, f"{channel}, {problem}")
    return found


def _problem_of_products(section: ChannelSection, has_notebook: Mapping[str, bool]) -> str:
    """Why a section cannot turn its products on, one clause; "" if it can."""
    for product in section.products or ():
        if product not in has_notebook:
            return f"products: there is no product {product}; the nearest one is {nearest(product, has_notebook)}"
        if not has_notebook[product]:
            return f"products: {product} cannot be on, because it has no notebook"
    return ""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    owner: Member | None = None
    approvers: list[Member] | None = Field(default=None, min_length=1)
    approval_channel: Annotated[Channel, Field(pattern=r"\S")] | None = None
    max_credit_usd: Usd | None = None
    products: list[Text] | None = Field(default=None, min_length=1)
    evidence: Literal["card", "text"] | None = None
    reply_template: Template | None = None

    def section(self) -> ChannelSection:
        return ChannelSection(
            self.owner,
            tuple(dict.fromkeys(self.approvers)) if self.approvers else None,
            self.approval_channel,
            self.max_credit_usd,
            tuple(self.products) if self.products else None,
            self.evidence,
            self.reply_template,
        )


_FILE = TypeAdapter(dict[str, _Section])


def _wrong(path: Path, problem: str) -> SettingsError:
    return wrong_file("CHANNELS_FILE", path, [problem])


def _problem(problem: ErrorDetails) -> str:
    """Such as "credit-emea, aprovers: there is no such key; the nearest one is approvers"."""
    loc = place_in(problem)
    where = ", ".join(loc)
    if len(loc) == 1:
        return f"{where} is not below a section, such as [credit-requests]"
    if problem["type"] == "extra_forbidden":
        return f"{where}: there is no such key; the nearest one is {nearest(loc[-1], _Section.model_fields)}"
    return f"{where}: {said_of(problem)}"
