"""`creditbot serve`: tick after tick in one process, until it is stopped.

Slack's events, if SLACK_APP_TOKEN lets it hear them, only say when to tick. Each tick is that of `creditbot run-once`:
it reads the same messages, and claims each request by compare-and-swap. So the CronJob, or a second `serve`, may run
beside it. Settings come from the environment and `.env`, once. What happens goes to the log and, unless the log itself
is on the standard output, to the terminal.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from creditbot.commands.output import defect
from creditbot.commands.run_once import (
    ConsoleProgress,
    begin,
    check_notebooks_exist,
    open_log,
    problem_lines,
    renew_report,
    stopping,
    tick_lines,
    work,
)
from creditbot.errors import CreditbotError
from creditbot.machine.bell import Bell
from creditbot.machine.health import Health
from creditbot.tick import serve as loop
from creditbot.tick.watchdog import LATE, Watchdog

if TYPE_CHECKING:
    from argparse import Namespace

    from creditbot.bootstrap import Assembly
    from creditbot.ports import Doorbell, MetricsTarget
    from creditbot.settings.settings import Settings
    from creditbot.state.record import Record

_STEP_SECONDS = 900.0
"""Seconds without progress, beside those of a notebook, after which a tick is stuck. The CronJob ends a tick after as
many."""

log = logging.getLogger(__name__)


def run(_: Namespace) -> int:
    """Reads the settings and serves. Settings that are missing are an error, never a reason for a sandbox."""
    from creditbot.settings.settings import Settings, environment

    return serve(Settings.load(), environment())


def serve(settings: Settings, environ: Mapping[str, str]) -> int:
    """Serves until SIGTERM or SIGINT. Raises `SettingsError` for settings that no tick can work with.

    Args:
        settings: what the deployment decides.
        environ: the environment, of which notebooks see what the settings let them.
    """
    from creditbot.bootstrap import assemble, make_doorbell, make_metrics_page, watched

    speak = begin(settings)
    first = assemble(settings, environ=environ)
    check_notebooks_exist(first)
    bell, doorbell = Bell(), make_doorbell(settings, first.stop)
    health = Health(first.stop, lambda: doorbell is None or doorbell.hears)
    page = make_metrics_page(settings, {"/healthz": health.why_stuck, "/readyz": health.why_not_ready})
    speak(_how(settings))
    try:
        with stopping(first, lambda: _end(bell, doorbell)):
            if doorbell:
                doorbell.open(bell.ring)
            watchdog = Watchdog(doorbell) if doorbell else None
            ticks = ServedTicks(settings, first, speak, Watch(health, watchdog, page))
            ticks.stay_warm()

            def every() -> float:
                seconds = settings.tick_seconds(hears=doorbell is not None and doorbell.hears)
                return min(seconds, LATE.total_seconds()) if watchdog and watchdog.is_in_doubt else seconds

            rhythm = loop.Rhythm(every, apart=loop.APART * len(watched(settings, first.rules.channels)))
            loop.serve(ticks.tick_and_stay_warm, bell, first.stop, rhythm, allow=health.allow)
    finally:
        if doorbell:
            doorbell.close()
        bell.close()
        if page:
            page.close()
    speak("Stopped serving.")
    return 0


def _how(settings: Settings) -> str:
    if settings.slack_app_token:
        return "Serving until Ctrl-C: a tick at each message and reaction."
    seconds = settings.tick_seconds(hears=False)
    return f"Serving until Ctrl-C: a tick every {seconds} s, because no SLACK_APP_TOKEN lets Slack say what happens."


def _end(bell: Bell, doorbell: Doorbell | None) -> None:
    """In a signal handler: no more rings from Slack, and no more waiting."""
    if doorbell:
        threading.Thread(target=doorbell.close, daemon=True).start()  # it may wait for an answer
    bell.ring()


@dataclass(frozen=True, slots=True)
class Watch:
    """Who watches the ticks.

    Attributes:
        health: tells probes how they go.
        watchdog: compares what they find with what rang; None where nothing rings.
        page: where their metrics are shown; None where nobody wants to see them.
    """

    health: Health
    watchdog: Watchdog | None = None
    page: MetricsTarget | None = None


class ServedTicks:
    """The ticks of one process. What one of them leaves to the next stands in `assemble_again`.

    Args:
        settings: of all of them.
        assembly: whose child processes and connections they use.
        speak: tells the terminal.
        watch: who watches them.
    """

    def __init__(self, settings: Settings, assembly: Assembly, speak: Callable[[str], None], watch: Watch) -> None:
        self._settings = settings
        self._assembly = assembly
        self._watch = watch
        self._progress = _ServedProgress(speak, self._goes_on, shadow=settings.shadow)
        self._terminal, self._log = _News(speak), _News(log.error)

    def stay_warm(self) -> None:
        """Has what the next request needs ready before it comes: its code, a waiting kernel, a login to Looker."""
        with suppress(CreditbotError):  # the tick that needs it tells it
            self._assembly.bot.stay_warm()

    def tick_and_stay_warm(self) -> bool:
        """Does `tick`, and then `stay_warm`."""
        done = self.tick()
        self.stay_warm()
        return done

    def tick(self) -> bool:
        """Does one tick; whether it could be done. What went wrong is in the log, and on the terminal."""
        self._goes_on()
        open_log(self._settings)
        succeeded = False
        try:
            self._tick()
            succeeded = True
        except CreditbotError as error:
            self._terminal.tell([f"error: {error}"])
        except Exception as error:  # stopping would help nobody, and the next tick may do better
            log.critical("a defect of creditbot", exc_info=error)
            self._terminal.tell([f"error: {defect(error)}"])
        self._watch.health.ended(succeeded=succeeded)
        return succeeded

    def _goes_on(self) -> None:
        """The tick makes progress. A notebook may take all of its time, and so may what comes before and after it."""
        self._watch.health.allow(_STEP_SECONDS + self._settings.notebook_timeout)

    def _tick(self) -> None:
        from creditbot.bootstrap import assemble_again

        self._assembly = assembly = assemble_again(self._assembly, self._settings, self._progress)
        report = work(self._settings, assembly, self._watch.page)
        if self._watch.watchdog:
            self._watch.watchdog.look(report.started, assembly.ledger, assembly.ports.clock.now())
        self._log.tell(problem_lines(report))
        lines = tick_lines(report, assembly.ledger.state.meta, assembly.ports.clock.now())
        self._terminal.tell(lines, again=bool(report.done))
        renew_report(self._settings, assembly)


class _ServedProgress(ConsoleProgress):
    """Says on the terminal what happens, and calls `goes_on` each time."""

    def __init__(self, say: Callable[[str], None], goes_on: Callable[[], None], *, shadow: bool) -> None:
        super().__init__(say, shadow=shadow)
        self._goes_on = goes_on

    @override
    def step(self, text: str) -> None:
        self._goes_on()
        super().step(text)

    @override
    def started(self, permalink: str) -> None:
        self._goes_on()
        super().started(permalink)

    @override
    def ended(self, permalink: str, record: Record | None) -> None:
        self._goes_on()
        super().ended(permalink, record)


class _News:
    """Tells what was not told the last time: ticks that follow one another fast have the same to say."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: tuple[str, ...] = ()

    def tell(self, lines: Iterable[str], *, again: bool = False) -> None:
        news = tuple(lines)
        if again or news != self._told:
            for line in news:
                self._tell(line)
        self._told = news
