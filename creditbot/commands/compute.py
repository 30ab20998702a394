"""`creditbot compute LINK...`: what creditbot would answer to a message with these links now.

The SQL comes from Looker and the amount from the notebooks, as in a tick. It is compared with what the state and the
summaries remember, which are only read. What comes out is printed, and written as the page that a request would get.
Nothing is posted, and nothing is remembered. Slack is used only if `--channel` names a channel that no tick has seen.
"""

from __future__ import annotations

import html
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from creditbot.answer.rehearsal import Rehearsal, rehearse
from creditbot.bootstrap import Assembly, assemble
from creditbot.commands.channels import id_of
from creditbot.commands.link_facts import link_facts
from creditbot.commands.output import say
from creditbot.commands.run_once import check_notebooks_exist
from creditbot.credit.amount import reply_text
from creditbot.decide.channel_rules import ChannelRules, ChannelTable
from creditbot.errors import SettingsError
from creditbot.evidence.keeping import cells_of
from creditbot.evidence.summary import REASONS, with_opinion
from creditbot.insight.trial import Trial, tried
from creditbot.intake.looker_host import LookerHost
from creditbot.intake.looker_links import looker_links
from creditbot.intake.requests import Request
from creditbot.model import LinkResult, Message, RequestKey
from creditbot.settings.settings import Settings, environment

_KEY = RequestKey("none", "none", "0.0")
"""Stands in the summary for the key of a request: here nobody has posted one."""


def run(options: Namespace) -> int:
    """Prints the answer that the links would get, and writes the page; 1 if the bot would not give it by itself."""
    assembly = assemble(Settings.load(), environ=environment())
    check_notebooks_exist(assembly)
    channel, rules = _channel(assembly, options.channel)
    request, now = request_of(options.links, assembly.rules.requests.host, channel), datetime.now(UTC)
    try:
        trial = tried(assembly.calculator(), _KEY, "", request, now, rules.products)
    finally:
        assembly.ports.runner.close()
        assembly.sql_reader.close()
    rehearsal = rehearsal_of(assembly, rules, request, trial, now)
    for line in lines_of(trial.summary, rehearsal, rules.template):
        say(line)
    _write_page(Path(options.page), page_summary(trial.summary, rehearsal), trial.results)
    say(f"page       {options.page}")
    return 0 if rehearsal and not rehearsal.reasons and not rehearsal.refused else 1


def _channel(assembly: Assembly, name: str | None) -> tuple[str, ChannelRules]:
    """The id of a watched channel and its rules; without a name, the rules of channels that have no section."""
    channels = assembly.rules.channels
    if name is None:
        return _KEY.channel, channels.everywhere
    workspace = assembly.ports.inbox.workspace(assembly.ledger.read().meta.workspace)
    channel = id_of(name, workspace)
    return channel, channels.of(channel, workspace)


def request_of(links: Sequence[str], host: LookerHost, channel: str = _KEY.channel) -> Request:
    """The request that a message with these links would be in a channel, by its id.

    Raises `SettingsError` if none of them is of our Looker.
    """
    text = " ".join(f"<{html.escape(link, quote=False)}>" for link in links)
    found = tuple(looker_links({"text": text}, host))
    if not found:
        raise SettingsError(f"None of these is a link to {host}.", "Copy the address of a Look or an Explore there.")
    message = Message(channel, _KEY.ts, text="\n".join(links), content={"text": text})
    return Request(replace(_KEY, channel=channel), message, found)


def rehearsal_of(
    assembly: Assembly, there: ChannelRules, request: Request, trial: Trial, now: datetime
) -> Rehearsal | None:  # fmt: skip
    """What would become of the amount in a channel with these rules; None if there is none."""
    if trial.computation is None or trial.computation.amount is None:
        return None
    rules = replace(assembly.rules, channels=ChannelTable(there))
    return rehearse(assembly.ports, assembly.ledger, rules, request, trial.computation, trial.summary, now)


def lines_of(summary: Mapping[str, Any], rehearsal: Rehearsal | None, template: str) -> Iterator[str]:
    """The answer, then each link with what became of it, then what speaks against the answer."""
    yield f"answer     {_answer(summary, rehearsal, template)}"
    if note := summary.get("note"):
        yield f"note       {note}"
    for link in summary["links"]:
        yield from (f"{name:<10} {value}" for name, value in link_facts(link))
    if rehearsal is None:
        return
    yield from (f"held       {reason.text}" for reason in rehearsal.reasons)
    yield f"compared   {rehearsal.unread or 'With what the state and the summaries remember of other credits.'}"
    yield from (f"           {doubt}" for doubt in rehearsal.doubts)
    if rehearsal.opinion:
        yield f"opinion    {rehearsal.opinion}"


def page_summary(summary: Mapping[str, Any], rehearsal: Rehearsal | None) -> dict[str, Any]:
    """The summary as the page shows it."""
    shown = {**summary, "request": {"text": summary["request"]["text"]}}
    if rehearsal is None:
        return shown
    note = " ".join(filter(None, (rehearsal.unread, *rehearsal.doubts)))
    outcome = {**summary["outcome"], "reason": rehearsal.refused, "note": note}
    if reasons := [{"text": reason.text} for reason in rehearsal.reasons]:
        more = max(0, len(reasons) - REASONS)
        outcome["approval"] = {"reasons": reasons[:REASONS], **({"more_reasons": more} if more else {})}
    return with_opinion({**shown, "outcome": outcome}, rehearsal.opinion)


def _answer(summary: Mapping[str, Any], rehearsal: Rehearsal | None, template: str) -> str:
    if rehearsal and rehearsal.refused:
        return f"none: {rehearsal.refused}"
    amount = summary["computed_amount"]
    if rehearsal and isinstance(amount, Decimal):
        return reply_text(template, amount)
    has_problem = any("problem" in link for link in summary["links"])
    return "none: " + ("a person has to decide" if has_problem else "no product is on for this SQL")


def _write_page(path: Path, summary: Mapping[str, Any], results: Sequence[LinkResult]) -> None:
    from creditbot.evidence.page import page_of

    try:
        path.write_text(page_of(summary, cells_of(results)), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"The page cannot be written to {path}: {error.strerror}.", "Pass --page FILE.") from error
