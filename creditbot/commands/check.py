"""`creditbot check`: every part tried for real, one line each, with what to do where it fails.

Nothing is posted and no notebook is run. The state store is written to, with what it already holds; an empty object is
written beside the summaries, and removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from creditbot.errors import WAREHOUSE, CreditbotError, Unreachable

if TYPE_CHECKING:
    from creditbot.bootstrap import Assembly
    from creditbot.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of one check.

    Attributes:
        name: the part.
        verdict: "ok", "note" (works, but somebody should know) or "FAIL".
        text: what was found, and what to do.
    """

    name: str
    verdict: Literal["ok", "note", "FAIL"]
    text: str

    @property
    def ok(self) -> bool:
        """Whether the bot can do its work as far as this goes."""
        return self.verdict != "FAIL"

    def __str__(self) -> str:
        """One line."""
        return f"{self.verdict:<4}  {self.name:<18}  {' '.join(self.text.split())}"


def run_checks(settings: Settings, assembly: Assembly) -> Iterator[CheckResult]:
    """Every check in turn, each given as soon as it is done."""
    yield from _attempt("Slack token", lambda: _slack_token(assembly))
    yield from _attempt("Slack channel", lambda: _slack_channel(assembly))
    yield from _attempt("Slack owner", lambda: _slack_owner(settings, assembly))
    yield from _attempt("Looker login", lambda: [("ok", f"as {assembly.ports.resolver.login()}")])
    for product in assembly.products.products:
        yield from _attempt(f"notebook {product.name}", lambda product=product: _notebook(product.notebook))  # type: ignore[misc]
    yield from _attempt("state", lambda: _state(settings, assembly))
    yield from _attempt("summaries", lambda: _summaries(settings, assembly))
    yield from _attempt("warehouse", lambda: _warehouse(settings, assembly))
    yield from _limits(settings)


Finding = tuple[Literal["ok", "note", "FAIL"], str]


def _attempt(name: str, check: Callable[[], list[Finding]]) -> Iterator[CheckResult]:
    try:
        for verdict, text in check():
            yield CheckResult(name, verdict, text)
    except CreditbotError as error:
        yield CheckResult(name, "FAIL", str(error))


def _slack_token(assembly: Assembly) -> list[Finding]:
    from creditbot.adapters.slack.access import access

    found = access(assembly.slack.api)
    findings: list[Finding] = [("ok", f"bot {found.user} in workspace {found.team}")]
    for scope in found.missing:
        todo = f"Add the scope {scope} to the Slack app and install it again: needed to {scope.purpose}."
        if scope.needed:
            findings.append(("FAIL", todo))
        else:
            findings.append(("note", f"{todo} Until then a message of unknown outcome is sent to the owner again."))
    return findings


def _slack_owner(settings: Settings, assembly: Assembly) -> list[Finding]:
    """Opens the conversation and reads it, without a word in it."""
    from datetime import UTC, datetime

    from creditbot.model import Marker

    assembly.ports.owner.told(Marker("notice", "check"), datetime.now(UTC))
    return [("ok", f"{settings.slack_user_id} gets the failure messages")]


def _slack_channel(assembly: Assembly) -> list[Finding]:
    workspace = assembly.ports.inbox.workspace(None)
    return [("ok", f"#{name} ({channel}), and we are in it") for channel, name in workspace.channels.items()]


def _notebook(notebook: str | None) -> list[Finding]:
    if notebook is None:
        return [("note", "off: no notebook is set, so its links are skipped")]
    from creditbot.notebook_host.preparing import prepare

    prepared = prepare(Path(notebook))
    found: list[Finding] = [("ok", f"{notebook}: takes `looker`, its kernel is here")]
    return found + [("note", note) for note in prepared.notes]


def _state(settings: Settings, assembly: Assembly) -> list[Finding]:
    store = assembly.ports.state
    stored = store.read()
    place, entries = settings.state_uri, len(stored.values)
    if stored.damage:
        return [("note", stored.damage)]
    if entries and "meta" not in stored.values:
        return [("note", f"{place}: not creditbot's own yet; the first tick takes over what it lists as processed")]
    store.write(stored.values, stored.version)
    return [("ok", f"{place}: readable and writable, {entries} entries")]


def _summaries(settings: Settings, assembly: Assembly) -> list[Finding]:
    assembly.ports.summaries.probe()
    newest = next(iter(assembly.ports.summaries.newest_first()), None)
    last = f"the last is of {newest[0]}" if newest else "none yet"
    return [("ok", f"{settings.output_uri}: readable and writable, {last}")]


def _warehouse(settings: Settings, assembly: Assembly) -> list[Finding]:
    dialect = assembly.sql.dialect
    spoken: Finding = (
        ("ok", f"SQL dialect {dialect}")
        if dialect
        else ("note", "neither SQL_DIALECT nor WAREHOUSE_URL is set: SQL passes if every dialect that reads it agrees")
    )
    if settings.warehouse_url is None:
        return [spoken, ("note", "WAREHOUSE_URL is not set: the bundled notebooks need it, others may not")]
    ask_warehouse(settings.warehouse_url.get_secret_value())
    return [spoken, ("ok", "WAREHOUSE_URL answers")]


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
        raise Unreachable(WAREHOUSE, *_silence(scheme, type(error).__name__)) from error


def _silence(scheme: str, name: str) -> tuple[str, str]:
    """What happened and what to do, by the class of the error: its text may hold the password."""
    if name in ("ModuleNotFoundError", "NoSuchModuleError"):
        what = f"No driver for the {scheme} of WAREHOUSE_URL is installed."
        return what, "Install creditbot with the extra trino, snowflake, bigquery or redshift, or the driver itself."
    if name == "ArgumentError":
        return "WAREHOUSE_URL is not an address.", "Write it like trino://USER@HOST:8443/CATALOG."
    if scheme == "duckdb":
        return f"The file of WAREHOUSE_URL cannot be opened ({name}).", "Check its path, and that nothing has it open."
    return f"WAREHOUSE_URL does not answer ({name}).", "Check its host, port, user and password."


def _limits(settings: Settings) -> Iterator[CheckResult]:
    unset = {
        "MAX_CREDIT_USD": (settings.max_credit_usd is None, "a credit of any size is answered"),
        "REQUESTERS": (not settings.requesters, "everybody in the channel may ask"),
        "SQL_TABLES": (not settings.sql_tables, "SQL over any table of the warehouse is run"),
    }
    for name, (missing, meaning) in unset.items():
        if missing:
            yield CheckResult("limits", "note", f"{name} is not set: {meaning}")
    for name in settings.plain_http:
        yield CheckResult("limits", "note", f"{name} uses plain http, as HTTP_HOSTS allows")
