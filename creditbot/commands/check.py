"""`creditbot check`: tries every part of a deployment, and prints a line for each with what to do if it fails.

Nothing is posted, and no notebook is run but that of the link after `--run`. The state store is written to, with what
it already holds; an empty object is written beside the summaries, and removed.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import unquote

from creditbot.adapters.jobs.runner import JobRunner
from creditbot.adapters.metrics.pushgateway import Pushgateway
from creditbot.adapters.slack.access import Access, access
from creditbot.answer.opinions import newest_model
from creditbot.answer.other_deployments import ADVICE, latest_of_others
from creditbot.answer.weekly import HOUR
from creditbot.bootstrap import (
    Assembly,
    assemble,
    digest_teller,
    environment_of_notebooks,
    make_doorbell,
    make_job_runner,
    make_pushgateway,
    make_resolver,
)
from creditbot.commands.channels import people, sections
from creditbot.commands.check_notebooks import notebook
from creditbot.commands.check_result import CheckFindings, CheckResult, attempt, begin, succeeds
from creditbot.commands.check_warehouse import warehouse
from creditbot.commands.output import count, say, utc
from creditbot.commands.sandbox import why_nobody_answers
from creditbot.errors import NOTEBOOK_JOBS, STATE_STORE, SUMMARY_STORE, WAREHOUSE, CreditbotError, Unreachable
from creditbot.intake.requests import requests_in
from creditbot.machine.hardening import can_be_confined
from creditbot.machine.processes import Stop
from creditbot.model import Marker
from creditbot.ports import Models
from creditbot.settings.settings import Settings, environment, unknown_names
from creditbot.slack_time import micros_of
from creditbot.state.record import Meta
from creditbot.text.known_secrets import is_word, passwords_in

THREADS = 10
"""How many threads are read to find replies of another deployment."""
FIRST_ANSWER = 8.0
"""Seconds that each service has for its first answer: a check ends within ten where nothing answers."""


def run(options: Namespace) -> int:
    """Prints each result as soon as it is there, then the answer that `--run LINK` would get; 1 if any part failed."""
    settings = Settings.load()
    failed = 0
    for result in run_checks(settings, assemble(settings), environment()):
        say(str(result))
        failed += not result.ok
    sentence = why_nobody_answers() if failed else ""
    if sentence:
        say(sentence)
    if failed or not options.link:
        return 1 if failed else 0
    from creditbot.commands import compute

    return compute.run(Namespace(links=[options.link], page=options.page, channel=None))


def run_checks(settings: Settings, assembly: Assembly, environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Every check in turn. A failure of one does not keep the others from being tried.

    What may take long begins at once, so that services that do not answer cost their seconds together.

    Args:
        settings: what the deployment decides.
        assembly: the bot made from them.
        environ: the environment, with what `.env` adds to it.
    """
    slack = begin(lambda: access(assembly.slack.api.limited(FIRST_ANSWER)))
    looker = begin(make_resolver(settings, Stop(), one_try=FIRST_ANSWER).login)
    stored = begin(
        lambda: _state(settings, assembly),
        silence=_silent(STATE_STORE, "The state (STATE_URI)"),
        seconds=FIRST_ANSWER,
    )
    probed = begin(
        assembly.ports.summaries.probe,
        silence=_silent(SUMMARY_STORE, "The store of summaries (OUTPUT_URI)"),
        seconds=FIRST_ANSWER,
    )
    asked = begin(
        lambda: warehouse(settings, assembly.sql(), FIRST_ANSWER),
        silence=_silent(WAREHOUSE, "The warehouse (WAREHOUSE_URL)"),
        seconds=FIRST_ANSWER,
    )
    seen = environment_of_notebooks(settings, environ)
    has_warehouse = settings.warehouse_url is not None
    notebooks = {
        product.name: begin(partial(notebook, product.notebook, seen, has_warehouse=has_warehouse))
        for product in assembly.products.products
    }
    jobs = begin(
        partial(notebook_jobs, settings, make_job_runner(settings, environ, _no_second_try())),
        silence=_silent(NOTEBOOK_JOBS, "The Kubernetes API"),
        seconds=FIRST_ANSWER,
    )
    pushed = begin(lambda: pushgateway(make_pushgateway(settings, FIRST_ANSWER)))
    yield from attempt("settings", lambda: names_and_places(settings))
    yield from _slack(settings, assembly, slack, stored)
    policy = assembly.rules.channels.everywhere.policy
    yield from attempt("policy", lambda: [("ok", sentence) for sentence in policy.words()])
    if succeeds(probed):
        yield from attempt("second opinion", lambda: second_opinion(assembly.ports.models, is_on=policy.opinion.hold))
    if succeeds(stored):
        yield from attempt("shadow", lambda: shadow(assembly.ledger.read().meta, is_on=settings.shadow))
    yield from attempt("Looker login", lambda: [("ok", f"as {looker()}")])
    for product, result in notebooks.items():
        yield from attempt(f"notebook {product}", result)
    yield from attempt("Jobs", jobs)
    yield from attempt("state", stored)
    yield from attempt("summaries", lambda: _summaries(settings, assembly, probed))
    yield from attempt("warehouse", asked)
    yield from attempt("Pushgateway", pushed)
    yield from limits(settings)
    yield from secrets(settings, alone=os.getppid() == 0, confined=can_be_confined())


def _silent(service: str, name: str) -> Unreachable:
    """What is raised about a service that has not answered in time; `name` begins its sentence."""
    what = f"{name} did not answer within {FIRST_ANSWER:.0f} s."
    return Unreachable(service, what, "See whether it runs and can be reached from here, then repeat this check.")


def notebook_jobs(settings: Settings, runner: JobRunner) -> CheckFindings:
    """Which image notebooks run in as Jobs, if they do; Kubernetes says whether it would take one. None is made."""
    if settings.runner != "job":
        return []
    image = runner.probe()
    return [("ok", f"{settings.runs_namespace} takes Jobs of the image {image}")]


def pushgateway(gateway: Pushgateway | None) -> CheckFindings:
    """Whether the Pushgateway is ready; nothing without PUSHGATEWAY_URL. Pushes nothing."""
    if gateway is None:
        return []
    gateway.probe()
    return [("ok", f"{gateway.host} is ready")]


def _no_second_try() -> Stop:
    stop = Stop()
    stop.ask()
    return stop


def names_and_places(settings: Settings) -> CheckFindings:
    """A finding for each name that only looks like a setting, and for an address that stands in .env.example."""
    findings: CheckFindings = [
        ("FAIL", f"{name} is not a setting; the nearest one is {nearest}. Correct its name, or remove it.")
        for name, nearest in unknown_names().items()
    ]
    if settings.looker_base_url in (Settings.model_fields["looker_base_url"].examples or ()):
        text = f"LOOKER_BASE_URL is still {settings.looker_base_url}, as in .env.example. Set it to your Looker."
        findings.append(("FAIL", text))
    return findings or [("ok", "no name is misspelt, and nothing is left of .env.example")]


def _slack(
    settings: Settings, assembly: Assembly, token: Callable[[], Access], stored: Callable[[], object]
) -> Iterator[CheckResult]:
    """The checks of Slack: only the first one if Slack does not answer or refuses the token.

    Other deployments are looked for only if the state answers, because it says which one this is.
    """
    yield from attempt("Slack token", lambda: slack_token(token()))
    if not succeeds(token):
        return
    yield from attempt("Slack channel", lambda: _slack_channel(assembly))
    there = people(assembly)
    yield from there.check_owners()
    yield from attempt("Slack events", lambda: _slack_events(settings, assembly))
    if succeeds(stored):
        yield from attempt("deployments", lambda: other_deployments(assembly))
    yield from there.check_approvers()
    yield from attempt("channels", lambda: sections(assembly))
    yield from attempt("digest", lambda: digest(settings, assembly))


def slack_token(token: Access) -> CheckFindings:
    """Whose token it is, and a line for each scope that it lacks."""
    organisation = f" of the organisation {token.enterprise}" if token.enterprise else ""
    findings: CheckFindings = [("ok", f"bot {token.user} in workspace {token.team}{organisation}")]
    for scope in token.missing:
        todo = f"Add the scope {scope} to the Slack app and install it again: needed to {scope.purpose}."
        if scope.lost:
            findings.append(("note", f"{todo} Until then {scope.lost}."))
        else:
            findings.append(("FAIL", todo))
    return findings


def _slack_events(settings: Settings, assembly: Assembly) -> CheckFindings:
    """Asks for the address of a connection, which opens none; nothing without SLACK_APP_TOKEN."""
    doorbell = make_doorbell(settings, assembly.stop)
    if doorbell is None:
        return []
    doorbell.probe()
    return [("ok", "SLACK_APP_TOKEN opens a connection for `creditbot serve`")]


def digest(settings: Settings, assembly: Assembly) -> CheckFindings:
    """Where the weekly digest goes, and whether the bot may post there; nothing if there is none. Posts nothing."""
    if not settings.digest:
        return []
    teller = digest_teller(settings, assembly.slack)
    is_seen = teller.was_told(Marker("notice", "check"), datetime.now(UTC)) is not None
    where = "the owner" if settings.digest == "owner" else f"#{assembly.slack.channel(settings.digest).name()}"
    findings: CheckFindings = [("ok", f"goes to {where} on Mondays from {HOUR:%-H:%M} UTC, and the bot may post there")]
    if settings.shadow:
        findings = [("note", f"SHADOW is on, so no digest goes to {where}")]
    if not is_seen:
        todo = "Add the scope im:history, or channels:history or groups:history for a channel, to the Slack app."
        findings.append(("note", f"The bot cannot see whether a digest was posted, so one may get lost. {todo}"))
    return findings


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


def second_opinion(models: Models, *, is_on: bool) -> CheckFindings:
    """Whether a second opinion is on, and which model is in force; nothing if it is off and there is none."""
    try:
        model = newest_model(models)
    except CreditbotError:
        if is_on:
            raise
        return []  # the check of the summaries, which are in the same place, says why
    if model is None:
        none = "on, but there is no model yet, so it holds nothing: make one with `creditbot model fit`"
        return [("note", none)] if is_on else []
    answers, days = len(model.answers), (datetime.now(UTC) - model.fitted).days
    age = f"made {count(days, 'day')} ago" if days > 0 else "made today"
    what = f"the model {model.name}, {age} from {count(answers, 'answer')} of people"
    return [("ok", f"on: {what}, is in force" if is_on else f"off: {what}, holds nothing")]


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


def _summaries(settings: Settings, assembly: Assembly, probed: Callable[[], None]) -> CheckFindings:
    probed()
    newest = next(iter(assembly.ports.summaries.newest_first()), None)
    latest = f"the latest is for {newest[0]}" if newest else "none yet"
    return [("ok", f"{settings.output_uri}: readable and writable, {latest}")]


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
