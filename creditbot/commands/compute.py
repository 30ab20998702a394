"""`creditbot compute LINK...`: what creditbot would answer to a message with these links, without Slack and the state.

The SQL comes from Looker and the amount from the notebooks, as in a tick. What comes out is printed, and written as the
page that a request would get. Nothing is posted, and nothing is remembered.
"""

from __future__ import annotations

import html
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from creditbot.bootstrap import Assembly, assemble
from creditbot.commands.link_facts import link_facts
from creditbot.commands.output import say
from creditbot.commands.run_once import check_notebooks_exist
from creditbot.credit.amount import reply_text
from creditbot.credit.footprint_text import footprint_from_json
from creditbot.decide.hold import CreditFacts, HoldReason, LinkFacts
from creditbot.decide.paid_twice import account_reasons
from creditbot.decide.policy import Policy
from creditbot.errors import SettingsError
from creditbot.evidence.keeping import cells_of
from creditbot.insight.trial import tried
from creditbot.intake.looker_host import LookerHost
from creditbot.intake.looker_links import looker_links
from creditbot.intake.requests import Request
from creditbot.model import LinkResult, Message, RequestKey
from creditbot.settings.settings import Settings, environment

_KEY = RequestKey("none", "none", "0.0")
"""Stands in the summary for the key of a request: here nobody has posted one."""


def run(options: Namespace) -> int:
    """Prints the answer that the links would get, and writes the page; 1 if there would be no answer."""
    assembly = assemble(Settings.load(), environ=environment())
    check_notebooks_exist(assembly)
    request = request_of(options.links, assembly.rules.requests.host)
    try:
        summary, results = compute_request(assembly, request, datetime.now(UTC))
    finally:
        assembly.ports.runner.close()
        assembly.sql_reader.close()
    for line in lines_of(summary, assembly.rules.template):
        say(line)
    reasons = reasons_to_hold(assembly.rules.policy, summary, datetime.now(UTC))
    for reason in reasons:
        say(f"held       {reason.text}")
    _write_page(Path(options.page), summary, results)
    say(f"page       {options.page}")
    return 0 if summary.get("computed_amount") and not _problems(summary) and not reasons else 1


def reasons_to_hold(policy: Policy, summary: Mapping[str, Any], now: datetime) -> tuple[HoldReason, ...]:
    """Why a person would have to decide on the amount. What was credited before is not known here."""
    computed = [link for link in summary["links"] if "credit" in link and "footprint" in link]
    links = [LinkFacts(link["credit"], footprint_from_json(link["footprint"])) for link in computed]
    whose = account_reasons([link.footprint for link in links]) if policy.traffic.account_required else ()
    return (*policy.reasons(CreditFacts(tuple(links), now)), *whose)


def request_of(links: Sequence[str], host: LookerHost) -> Request:
    """The request that a message with these links would be. Raises `SettingsError` if none of them is of our Looker."""
    text = " ".join(f"<{html.escape(link, quote=False)}>" for link in links)
    found = tuple(looker_links({"text": text}, host))
    if not found:
        raise SettingsError(f"None of these is a link to {host}.", "Copy the address of a Look or an Explore there.")
    message = Message(_KEY.channel, _KEY.ts, text="\n".join(links), content={"text": text})
    return Request(_KEY, message, found)


def compute_request(
    assembly: Assembly, request: Request, now: datetime
) -> tuple[Mapping[str, Any], Sequence[LinkResult]]:  # fmt: skip
    """The summary that the request would get, and the results behind it. Raises an error that is not a link's fault."""
    summary, results = tried(assembly.calculator, _KEY, "", request, now)
    return {**summary, "request": {"text": summary["request"]["text"]}}, results


def lines_of(summary: Mapping[str, Any], template: str) -> Iterator[str]:
    """The answer, then each link with what became of it."""
    amount, problems = summary["computed_amount"], _problems(summary)
    if isinstance(amount, Decimal) and not problems:
        yield f"answer     {reply_text(template, amount)}"
    else:
        yield "answer     none: " + ("a person has to decide" if problems else "no product is on for this SQL")
    if note := summary.get("note"):
        yield f"note       {note}"
    for link in summary["links"]:
        yield from (f"{name:<10} {value}" for name, value in link_facts(link))


def _problems(summary: Mapping[str, Any]) -> list[str]:
    return [link["problem"] for link in summary["links"] if "problem" in link]


def _write_page(path: Path, summary: Mapping[str, Any], results: Sequence[LinkResult]) -> None:
    from creditbot.evidence.page import page_of

    try:
        path.write_text(page_of(summary, cells_of(results)), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"The page cannot be written to {path}: {error.strerror}.", "Pass --page FILE.") from error
