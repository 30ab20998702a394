"""`creditbot check`: tries every part of a deployment, and prints a line for each with what to do if it fails.

Nothing is posted and no notebook is run. The state store is written to, with what it already holds; an empty object is
written beside the summaries, and removed.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from creditbot.adapters.slack.access import access
from creditbot.answer.other_deployments import ADVICE, latest_of_others
from creditbot.bootstrap import Assembly, assemble
from creditbot.commands.output import say, utc
from creditbot.commands.sandbox import why_nobody_answers
from creditbot.errors import WAREHOUSE, CreditbotError, Unreachable
from creditbot.intake.requests import requests_in
from creditbot.machine.hardening import can_be_confined
from creditbot.model import Marker
from creditbot.settings.settings import Settings
from creditbot.slack_time import micros_of
from creditbot.state.record import Meta
from creditbot.text.known_secrets import is_word, passwords_in

CheckVerdict = Literal["ok", "note", "FAIL"]
"""`note`: it works, but somebody should know."""
THREADS = 10
"""How many threads are read to find replies of another deployment."""
CheckFindings = list[tuple[CheckVerdict, str]]
"""What a check gives: one or more verdicts, each with what was found and what to do."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the output.

    Attributes:
        name: the part that was checked.
        verdict: whether it works.
        text: what was found, and what to do.
    """

    name: str
    verdict: CheckVerdict
    text: str

    @property
    def ok(self) -> bool:
        """Whether the bot can do its work as far as this goes."""
        return self.verdict != "FAIL"

    def __str__(self) -> str:
        """One line."""
        return f"{self.verdict:<4}  {self.name:<18}  {' '.join(self.text.split())}"


def run(_: Namespace) -> int:
    """Prints each result as soon as it is there; 1 if any part failed."""
    settings = Settings.load()
    failed = 0
    for result in run_checks(settings, assemble(settings)):
        say(str(result))
        failed += not result.ok
    sentence = why_nobody_answers() if failed else ""
    if sentence:
        say(sentence)
    return 1 if failed else 0


def run_checks(settings: Settings, assembly: Assembly) -> Iterator[CheckResult]:
    """Every check in turn. A failure of one does not keep the others from being tried."""
    yield from attempt("Slack token", lambda: slack_token(assembly))
    yield from attempt("Slack channel", lambda: _slack_channel(assembly))
    yield from attempt("Slack owner", lambda: _slack_owner(settings, assembly))
    yield from attempt("deployments", lambda: other_deployments(assembly))
    yield from attempt("policy", lambda: [("ok", sentence) for sentence in assembly.rules.policy.words()])
    yield from attempt("approvers", lambda: _approvers(assembly))
    yield from attempt("shadow", lambda: shadow(assembly.ledger.read().meta, is_on=settings.shadow))
    yield from attempt("Looker login", lambda: [("ok", f"as {assembly.ports.resolver.login()}")])
    for product in assembly.products.products:
        yield from attempt(f"notebook {product.name}", lambda product=product: notebook(product.notebook))  # type: ignore[misc]
    yield from attempt("state", lambda: _state(settings, assembly))
    yield from attempt("summaries", lambda: _summaries(settings, assembly))
    yield from attempt("warehouse", lambda: _warehouse(settings, assembly))
    yield from limits(settings)
    yield from secrets(settings, alone=os.getppid() == 0, confined=can_be_confined())


def attempt(name: str, check: Callable[[], CheckFindings]) -> Iterator[CheckResult]:
    """The results of one check. If it raises one of our errors, that is a result, too."""
    try:
        for verdict, text in check():
            yield CheckResult(name, verdict, text)
    except CreditbotError as error:
        yield CheckResult(name, "FAIL", str(error))


def slack_token(assembly: Assembly) -> CheckFindings:
    """Whose token it is, and a line for each scope that it lacks."""
    token = access(assembly.slack.api)
    organisation = f" of the organisation {token.enterprise}" if token.enterprise else ""
    findings: CheckFindings = [("ok", f"bot {token.user} in workspace {token.team}{organisation}")]
    for scope in token.missing:
        todo = f"Add the scope {scope} to the Slack app and install it again: needed to {scope.purpose}."
        if scope.lost:
            findings.append(("note", f"{todo} Until then {scope.lost}."))
        else:
            findings.append(("FAIL", todo))
    return findings


def _slack_owner(settings: Settings, assembly: Assembly) -> CheckFindings:
    """Opens the conversation and reads it, but writes nothing."""
    assembly.ports.owner.was_told(Marker("notice", "check"), datetime.now(UTC))
    return [("ok", f"{settings.slack_user_id} gets the failure messages")]


def _approvers(assembly: Assembly) -> CheckFindings:
    """Reads the conversation in which approvers are asked, but writes nothing."""
    if assembly.ports.approvers.asked("check", datetime.now(UTC)) is None:
        todo = "Add the scope im:history, or channels:history or groups:history for a channel, to the Slack app."
        return [("note", f"The bot cannot read the conversation in which approvers are asked. {todo}")]
    return [("ok", "can be asked, and the bot can read how they react")]


def shadow(meta: Meta, *, is_on: bool) -> CheckFindings:
    """Whether ticks are in shadow, and what that means for requests; nothing if they are not and never were."""
    if is_on:
        return [("note", "SHADOW is on: ticks record what they would say, and post nothing")]
    if meta.shadow:
        text = (
            "SHADOW was on until now: the next tick answers what is asked from then on, and leaves the rest to people"
        )
        return [("note", text)]
    if meta.live_since:
        return [("ok", f"SHADOW is off: requests from before {utc(meta.live_since)} are left to people")]
    return []


def _slack_channel(assembly: Assembly) -> CheckFindings:
    workspace = assembly.ports.inbox.workspace(None)
    findings: CheckFindings = [("FAIL", why) for why in workspace.missing.values()]
    return findings + [
        ("ok", f"#{name} ({channel}), and the bot is in it") for channel, name in workspace.channels.items()
    ]


def other_deployments(assembly: Assembly) -> CheckFindings:
    """Looks for replies of another deployment in the latest threads that have replies."""
    inbox, rules, meta = assembly.ports.inbox, assembly.rules, assembly.ledger.read().meta
    workspace = inbox.workspace(meta.workspace)
    oldest = assembly.ports.clock.now() - rules.reads_back
    messages = [message for channel in workspace.channels for message in inbox.messages(channel, oldest)]
    requests = [request for request in requests_in(messages, workspace, rules.requests) if request.may_be_answered]
    latest = sorted(requests, key=lambda request: micros_of(request.key.ts))[-THREADS:]
    threads = dict.fromkeys((request.key.channel, request.message.thread) for request in latest)
    replies = [reply for thread in threads for reply in inbox.thread(*thread)]
    found = latest_of_others(replies, workspace, meta)
    if found is None:
        return [("ok", "no reply of another deployment was found")]
    address = workspace.permalink(found.channel, found.ts, found.thread)
    if meta.deployment:
        return [
            (
                "FAIL",
                f"another deployment of this bot answers in the same channel. {ADVICE} One of its replies: {address}",
            )
        ]
    return [("note", f"a deployment with another state answered here; if it still runs, stop it: {address}")]


def notebook(path: str | None) -> CheckFindings:
    """Whether a notebook can be run, and what it imports and would not find; `path` is None if its product is off."""
    if path is None:
        return [("note", "off: no notebook is set, so its links are skipped")]
    from creditbot.notebook_host.failures import put_beside
    from creditbot.notebook_host.imports import missing_modules
    from creditbot.notebook_host.preparation import prepare

    prepared = prepare(Path(path))
    findings: CheckFindings = [("ok", f"{path}: has the parameter `looker`, and its kernel is installed")]
    findings += [("note", note) for note in prepared.notes]
    if prepared.command:  # another Python, whose packages nobody knows here
        return findings
    missing = missing_modules(prepared.path.parent, prepared.path.read_bytes())
    return findings + [
        ("note", f"It imports {name}, which is neither in its folder nor installed. {put_beside(name)}")
        for name in missing
    ]


def _state(settings: Settings, assembly: Assembly) -> CheckFindings:
    store = assembly.ports.state
    stored = store.read()
    uri, entries = settings.state_uri, len(stored.values)
    if stored.damage:
        return [("note", stored.damage)]
    if entries and "meta" not in stored.values:
        return [("note", f"{uri}: not written by creditbot; the first tick takes over its list of processed messages")]
    store.write(stored.values, stored.version)
    return [("ok", f"{uri}: readable and writable, {entries} entries")]


def _summaries(settings: Settings, assembly: Assembly) -> CheckFindings:
    assembly.ports.summaries.probe()
    newest = next(iter(assembly.ports.summaries.newest_first()), None)
    latest = f"the latest is for {newest[0]}" if newest else "none yet"
    return [("ok", f"{settings.output_uri}: readable and writable, {latest}")]


def _warehouse(settings: Settings, assembly: Assembly) -> CheckFindings:
    findings: CheckFindings = []
    if assembly.sql.dialect:
        findings.append(("ok", f"SQL dialect {assembly.sql.dialect}"))
    else:
        text = "neither SQL_DIALECT nor WAREHOUSE_URL is set: SQL passes if all dialects that can read it accept it"
        findings.append(("note", text))
    if settings.warehouse_url is None:
        return [*findings, ("note", "WAREHOUSE_URL is not set: the bundled notebooks need it, others may not")]
    ask_warehouse(settings.warehouse_url.get_secret_value())
    return [*findings, ("ok", "WAREHOUSE_URL answers")]


def ask_warehouse(url: str) -> None:
    """Connects as the bundled notebooks do, and asks for one row. Raises `Unreachable` without the password in it."""
    scheme = url.partition(":")[0]
    try:
        if scheme == "duckdb":
            import duckdb

            with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as connection:
                connection.execute("SELECT 1").fetchall()
        else:
            from sqlalchemy import NullPool, create_engine, text

            with create_engine(url, poolclass=NullPool).connect() as engine:
                engine.execute(text("SELECT 1")).fetchall()
    except Exception as error:  # every driver has its own errors
        raise Unreachable(WAREHOUSE, *_warehouse_problem(scheme, type(error).__name__)) from error


def _warehouse_problem(scheme: str, error_name: str) -> tuple[str, str]:
    """What happened and what to do, by the class of the error alone: its text may hold the password."""
    if error_name in ("ModuleNotFoundError", "NoSuchModuleError"):
        what = f"No driver for the {scheme} of WAREHOUSE_URL is installed."
        return what, "Install creditbot with the extra trino, snowflake, bigquery or redshift, or the driver itself."
    if error_name == "ArgumentError":
        return "WAREHOUSE_URL is not an address.", "Write it like trino://USER@HOST:8443/CATALOG."
    if scheme == "duckdb":
        what = f"The file of WAREHOUSE_URL cannot be opened ({error_name})."
        return what, "Check its path, and that nothing has it open."
    return f"WAREHOUSE_URL does not answer ({error_name}).", "Check its host, port, user and password."


def limits(settings: Settings) -> Iterator[CheckResult]:
    """A note for each limit that is not set, and for each address that is not encrypted."""
    unset = {
        "REQUESTERS": (not settings.requesters, "everybody in the channel may ask"),
        "SQL_TABLES": (not settings.sql_tables, "SQL over any table of the warehouse is run"),
    }
    for name, (missing, meaning) in unset.items():
        if missing:
            yield CheckResult("limits", "note", f"{name} is not set: {meaning}")
    for name in settings.plain_http:
        yield CheckResult("limits", "note", f"{name} uses plain http, as HTTP_HOSTS allows")


def secrets(settings: Settings, *, alone: bool, confined: bool) -> Iterator[CheckResult]:
    """A note for each secret that a notebook could read, or that a text could show.

    Args:
        settings: what the deployment decides.
        alone: whether no other process started the bot, as in a container.
        confined: whether this system lets the bot keep notebooks from reading other processes.
    """
    if not (alone or confined):
        text = (
            "notebooks can read the environment of the programs that started the bot, such as a shell: preventing "
            "that takes Linux 5.19 or later with Landlock, or a container"
        )
        yield CheckResult("secrets", "note", text)
    warehouse = settings.warehouse_url.get_secret_value() if settings.warehouse_url else ""
    if any(is_word(unquote(password)) for password in passwords_in(warehouse)):
        text = (
            "the password in WAREHOUSE_URL is short or an ordinary word: it is hidden in addresses and after names "
            "such as password=, but elsewhere a text may show it"
        )
        yield CheckResult("secrets", "note", text)
