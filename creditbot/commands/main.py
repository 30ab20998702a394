"""What each command does. Imports stand in the functions: an idle tick pays only for what it uses."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from creditbot.errors import CreditbotError, SettingsError
from creditbot.text import printable

if TYPE_CHECKING:
    from argparse import Namespace

    from creditbot.bootstrap import Assembly
    from creditbot.commands.lookup import Lookup
    from creditbot.model import LookerLink
    from creditbot.settings.settings import Settings

FINISH_SECONDS = 25.0
"""After SIGTERM, how long notebooks may still run; the rest of the grace period is for releasing their requests."""

_OBJECTS = 100_000
"""More than an idle tick makes: the garbage collector's first look comes with the work, not with the imports."""

log = logging.getLogger(__name__)
_speaking = threading.Lock()


def version() -> str:
    """The installed version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("creditbot")
    except PackageNotFoundError:
        return "unknown (not installed)"


def defect(error: Exception) -> int:
    """Says that nobody foresaw this error; its traceback goes to the log, or to the terminal where there is none."""
    log.critical("a defect of creditbot", exc_info=error)
    print(f"creditbot: This is a defect of creditbot ({type(error).__name__}); its log says where.", file=sys.stderr)
    return 1


def run_once(_: Namespace) -> int:
    """One tick on the Slack and Looker of the settings; settings missing is an error, never a sandbox."""
    gc.set_threshold(_OBJECTS)
    from creditbot.settings.settings import Settings, environment

    try:
        return tick(Settings.load(), environment())
    finally:
        gc.freeze()  # nothing is collected at exit: that would look through all that was imported, several times


def tick(settings: Settings, environ: Mapping[str, str]) -> int:
    """One tick with these settings; `environ` is what notebooks may see of the environment. 1 if nobody was told."""
    from creditbot.bootstrap import assemble
    from creditbot.commands.output import ConsoleProgress, problem_lines, tick_lines
    from creditbot.machine import logs

    speak = say if settings.log_path else _silent
    logs.configure(settings.log_path, settings.log_format, level=settings.log_level, secrets=settings.secrets)
    for name in settings.plain_http:
        log.warning("%s uses plain http, as HTTP_HOSTS allows", name)
    assembly = assemble(settings, progress=ConsoleProgress(speak), environ=environ)
    try:
        _find_notebooks(assembly)
        with _stopping(assembly):
            report = assembly.bot.tick()
    except CreditbotError as error:
        log.error("the tick ended early: %s", error)  # noqa: TRY400  # what it says is enough
        raise
    for line in problem_lines(report):
        log.error(line)
    for line in tick_lines(report, assembly.ledger.state.meta, assembly.ports.clock.now()):
        speak(line)
    return 0 if report.ok else 1


def _find_notebooks(assembly: Assembly) -> None:
    """Raises `SettingsError` for a notebook that is not there: a wrong path must not give up a channel of requests."""
    for product in assembly.products.products:
        if product.notebook and not os.access(product.notebook, os.R_OK):
            raise SettingsError(
                f"The notebook {product.notebook} of the product {product.name} does not exist, or cannot be read.",
                "Correct NOTEBOOK_PATH, PSMS_NOTEBOOK_PATH or PRODUCTS_FILE.",
            )


def say(line: str) -> None:
    """Prints a line, whole also where several threads speak."""
    with _speaking:
        print(printable(line), flush=True)


def _silent(_: str) -> None:
    """In a container the log is what people read."""


@contextmanager
def _stopping(assembly: Assembly) -> Iterator[None]:
    """SIGTERM and SIGINT: no new request is taken, notebooks get a little time, every process of ours ends."""
    timer = threading.Timer(FINISH_SECONDS, assembly.ports.runner.close)
    timer.daemon = True

    def stop(*_: object) -> None:
        assembly.bot.stop()
        if timer.ident is None:  # at the first signal
            os.write(2, b"creditbot: stopping; what is at hand is finished, or released for the next tick\n")
            timer.start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        timer.cancel()
        assembly.ports.runner.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def check(_: Namespace) -> int:
    """One line per part, and what to do where it fails; 1 if any failed."""
    from creditbot.bootstrap import assemble
    from creditbot.commands.check import run_checks
    from creditbot.settings.settings import Settings

    settings = Settings.load()
    failed = 0
    for result in run_checks(settings, assemble(settings)):
        print(printable(str(result)), flush=True)
        failed += not result.ok
    return 1 if failed else 0


def links(options: Namespace) -> int:
    """Prints the Looker links of the message on stdin."""
    import json

    from creditbot.intake.looker_links import looker_host, looker_links, to_json
    from creditbot.intake.message_urls import content_of
    from creditbot.settings.settings import raw

    text = options.host or raw("LOOKER_BASE_URL")
    if not text:
        raise SettingsError("Whose links count is not known.", "Say --host HOST, or set LOOKER_BASE_URL.")
    host = looker_host(text)
    found = looker_links(content_of(sys.stdin.buffer.read().decode(errors="replace")), host)
    for link in found:
        print(json.dumps(to_json(_judged(link))))  # in ASCII: nothing that a terminal obeys
    if not found:
        print(f"creditbot: There is no link to {host} in this message.", file=sys.stderr)
    return 0


def _judged(link: LookerLink) -> LookerLink:
    """With what can be said against it before Looker is asked."""
    from dataclasses import replace

    from creditbot.adapters.looker.sql import check_limit
    from creditbot.settings.settings import raw

    if link.kind == "sql_runner" and raw("ALLOW_SQL_RUNNER").lower() not in ("1", "on", "t", "true", "y", "yes"):
        return replace(link, unusable="SQL Runner links are credited only where ALLOW_SQL_RUNNER is true.")
    if link.kind == "explore_params" and not link.unusable:
        try:
            check_limit(link.limit, "this Explore")
        except CreditbotError as error:
            return replace(link, unusable=str(error))
    return link


def history(options: Namespace) -> int:
    """Lists past requests, from the summaries and the state."""
    from datetime import UTC, datetime, timedelta

    from creditbot.commands.output import history_lines

    since = datetime.now(UTC) - timedelta(days=options.days)
    for line in history_lines(_lookup().past(since), options.days):
        print(line)
    return 0


def show(options: Namespace) -> int:
    """Prints what is known of one request."""
    from creditbot.commands.lookup import read_permalink
    from creditbot.commands.output import found_lines

    asked = read_permalink(options.permalink)
    for line in found_lines(_lookup().find(asked), options.permalink):
        print(line)
    return 0


def retry(options: Namespace) -> int:
    """Lets the next tick start a request anew."""
    from creditbot.commands.lookup import read_permalink

    if options.by and not options.again:
        raise SettingsError("--by names who wants --again, which is not given.", "Give both, or neither.")
    asked = read_permalink(options.permalink)
    _lookup().retry(asked, again=(options.by or _person()) if options.again else "")
    print("The next tick starts this request anew.")
    return 0


def _person() -> str:
    """Who types, as the summary keeps it."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user has a number only
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _lookup() -> Lookup:
    from creditbot.bootstrap import assemble
    from creditbot.commands.lookup import Lookup
    from creditbot.settings.settings import Settings

    assembly = assemble(Settings.load())
    return Lookup(assembly.ports, assembly.ledger, assembly.policy)
