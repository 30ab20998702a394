"""Settings become rules: what is answered, by whose word, for which products. Knows no adapter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from creditbot.answer.rules import Rules
from creditbot.credit.products import ProductTable, default_products
from creditbot.decide.channel_rules import NO_SECTION, ChannelRules, ChannelSection, ChannelTable
from creditbot.decide.policy import Policy
from creditbot.errors import SettingsError
from creditbot.intake.looker_links import looker_host
from creditbot.intake.requests import RequestRules
from creditbot.settings.settings import Settings, StateConfigMap
from creditbot.settings.types import is_channel_id
from creditbot.state.ledger import BUDGET

if TYPE_CHECKING:
    from creditbot.credit.sql.check import SqlRules

_JOBS_AT_ONCE = 16
"""Notebooks that run as Jobs at the same time, if WORKERS does not say: the cluster has the room, not this machine."""


def rules_of(settings: Settings, products: ProductTable) -> Rules:
    """The rules by which requests are answered. Raises `SettingsError` for a file that is wrong."""
    return Rules(
        requests=request_rules_of(settings),
        lookback=timedelta(hours=settings.lookback_hours),
        settle=timedelta(seconds=settings.post_settle_seconds),
        attempts=settings.max_attempts,
        duplicates=timedelta(days=settings.duplicate_days),
        channels=channels_of(settings, products),
        products=tuple(product.name for product in products.products),
        shadow=settings.shadow,
    )


def budget_of(settings: Settings) -> int | None:
    """Bytes of state above which no work is begun; None for a file, which has no limit."""
    return BUDGET if isinstance(settings.state, StateConfigMap) else None


def sql_rules_of(settings: Settings, policy: Policy) -> SqlRules:
    """Which SQL may be run, and which columns name an account."""
    from creditbot.credit.sql.check import SqlRules
    from creditbot.credit.sql.dialects import dialect_named, dialect_of

    warehouse = settings.warehouse_url.get_secret_value() if settings.warehouse_url else ""
    dialect = dialect_named(settings.sql_dialect) if settings.sql_dialect else dialect_of(warehouse)
    return SqlRules(dialect, settings.sql_tables, policy.traffic.account_fields)


def request_rules_of(settings: Settings) -> RequestRules:
    """Whose messages count, as requests and as answers."""
    return RequestRules(
        looker_host(settings.looker_base_url),
        frozenset(settings.requesters),
        frozenset(settings.allowed_bots),
        frozenset(settings.previous_bots),
    )


def workers_of(settings: Settings) -> int:
    """How many notebooks run at the same time."""
    return settings.workers or (_JOBS_AT_ONCE if settings.runner == "job" else _cores())


def _cores() -> int:
    """The cores that this process may use. It does not see a container's CPU limit: the manifests set WORKERS."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def products_of(settings: Settings) -> ProductTable:
    """The user's table of products, or the built-in one. Raises `SettingsError`."""
    if settings.products_file:
        from creditbot.credit.products_file import load_products

        return load_products(settings.products_file)
    psms = settings.psms_notebook_path
    return default_products(str(settings.notebook_path), str(psms) if psms else None)


def policy_of(settings: Settings, section: ChannelSection = NO_SECTION, channel: str = "") -> Policy:
    """The policy of a channel: that of its section, then of the settings, then of POLICY_FILE, then the built-in one.

    Raises `SettingsError` for a file that is wrong, and for a quorum that the approvers can never reach.

    Args:
        settings: what the deployment decides.
        section: what CHANNELS_FILE says of the channel.
        channel: its name; "" for all that have no section.
    """
    policy = Policy()
    if settings.policy_file:
        from creditbot.decide.policy_file import load_policy

        policy = load_policy(settings.policy_file)
    limit, owner = section.max_credit_usd or settings.max_credit_usd, section.owner or settings.slack_user_id
    limits = policy.limits if limit is None else replace(policy.limits, request=limit)
    approvers = tuple(dict.fromkeys(section.approvers or settings.approvers or policy.approvers or (owner,)))
    where = section.approval_channel or settings.approval_channel or policy.channel
    most = max((band.people for band in policy.bands), default=1)
    if most > len(approvers):
        there, name = (
            (f" for #{channel}", f"approvers in [{channel}] of CHANNELS_FILE") if channel else ("", "APPROVERS")
        )
        raise SettingsError(
            f"POLICY_FILE {settings.policy_file} wants {most} people to approve, but there are only {len(approvers)} "
            f"approvers{there}.",
            f"Name more people in {name}.",
        )
    return replace(policy, limits=limits, approvers=approvers, channel=where)


def channels_of(settings: Settings, products: ProductTable) -> ChannelTable:
    """The rules of every channel. Raises `SettingsError` for a file that is wrong."""
    sections: Mapping[str, ChannelSection] = {}
    if settings.channels_file:
        from creditbot.decide.channels_file import load_channels

        sections = load_channels(settings.channels_file, {each.name: bool(each.notebook) for each in products.products})
    rules = {channel: _channel_rules(settings, section, channel) for channel, section in sections.items()}
    return ChannelTable(_channel_rules(settings), rules, frozenset(filter(is_channel_id, settings.channels)))


def _channel_rules(settings: Settings, section: ChannelSection = NO_SECTION, channel: str = "") -> ChannelRules:
    return ChannelRules(
        section.owner or settings.slack_user_id,
        section.reply_template or settings.reply_template,
        (section.evidence or settings.evidence) == "card",
        policy_of(settings, section, channel),
        section.products,
    )


def watched(settings: Settings, channels: ChannelTable) -> tuple[str, ...]:
    """The channels to watch, by name or ID, each once: those of the settings, then those that have a section."""
    return tuple(dict.fromkeys((*settings.channels, *channels.sections)))
