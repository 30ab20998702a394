"""Where a scenario plays: on its cassette, on the sandbox, on what a vendor documents, or in a real workspace.

A scenario is a test with one argument, its `Stage`. What it needs from outside it asks for by `given` and `link`, and
the answers are kept in the cassette; what must go wrong it says in `script`. So the same lines record and replay.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from creditbot.adapters.looker.resolver import LookerResolver
from creditbot.adapters.slack.open import SlackAdapters, open_slack
from creditbot.adapters.slack.wire import Network
from creditbot.intake.looker_links import looker_host, read_link
from creditbot.model import LookerLink
from creditbot.sandbox import Sandbox
from creditbot.sandbox.http import HttpServer
from creditbot.sandbox.seed import CHANNEL_NAME
from creditbot.sandbox.world import CHANNEL, LOOKER, OWNER
from tests.replay.documented import DocumentedApi, api_for
from tests.replay.origin import CANONICAL, PREFIX, Origin, of_environment, of_sandbox
from tests.replay.scrubbing import Scrubber
from tests.replay.tape import tape
from tests.support.slack_stub import Time
from tests.support.stops import RecordingStop

NOW = 1_767_870_000.0
"""The sandbox's time at every recording: 2026-01-08 11:00 UTC."""
REQUEST = "1767866400.000100"
"""A message of the sandbox's channel."""


class Stage:
    """The adapters at the place where the cassette is from, with a time that only sleeping moves.

    Attributes:
        origin: that place.
        cassette: VCR's.
        time: the time, and how long was slept.
    """

    def __init__(
        self, origin: Origin, cassette: Any, scrubber: Scrubber, *, sandbox: Sandbox | None = None,
        documented: DocumentedApi | None = None, inputs: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.origin = origin
        self.cassette = cassette
        self.time = Time()
        self._scrubber = scrubber
        self._sandbox = sandbox
        self._documented = documented
        self._inputs = inputs

    def script(self, prepare: Callable[[Sandbox], object]) -> None:
        """Prepares the sandbox while recording from it. A real workspace cannot be told, so its recording ends here."""
        if self._inputs is not None:
            pytest.skip("only the sandbox can play this; its cassette stays as it is")
        if self._sandbox:
            prepare(self._sandbox)

    def choose(self, operation: str, name: str) -> None:
        """From now on an operation gives this documented answer."""
        if self._documented:
            self._documented.chosen[operation] = name

    def answers(self, operation: str, *, shapes: bool = False) -> Iterator[str]:
        """The names of the documented answers of an operation; while one is yielded, it is what the operation gives.

        With `shapes`, only the answers that were made of a schema for Slack; else all others.
        """
        known = self._documented.answers[operation] if self._documented else ()
        names = ", ".join(name for name in known if name.startswith("shape ") == shapes)
        for name in str(self.cassette.get_metadata(operation, names)).split(", "):
            self.choose(operation, name)
            yield name
        if self._documented:
            del self._documented.chosen[operation]

    def given(self, name: str, in_sandbox: Callable[[Sandbox], str]) -> str:
        """Something that differs from place to place, in the form the cassette keeps it in."""
        value = ""
        if self._sandbox:
            value = in_sandbox(self._sandbox)
        elif self._inputs is not None:
            value = self._inputs.get(PREFIX + name.upper()) or pytest.skip(f"{PREFIX}{name.upper()} is not set")
        return str(self.cassette.get_metadata(name, self._scrubber.text(value)))

    def link(self, name: str, in_sandbox: Callable[[Sandbox], str]) -> LookerLink:
        """A link to this place's Looker, read as it would be from a message."""
        url = self.given(name, lambda sandbox: in_sandbox(sandbox).replace(LOOKER, CANONICAL.looker_base_url))
        link = read_link(url, looker_host(CANONICAL.looker_base_url))
        assert link is not None
        return link

    @property
    def channel(self) -> str:
        """Id of the channel that the bot is in."""
        return self.given("channel", lambda _: CHANNEL)

    @property
    def request(self) -> str:
        """The ts of a message in that channel."""
        return self.given("request", lambda _: REQUEST)

    @property
    def owner(self) -> str:
        """User id of the bot's owner."""
        return self.given("owner", lambda _: OWNER)

    def slack(self, *, channel: str = "", token: str = "") -> SlackAdapters:
        """Slack's adapters."""
        name = channel or self.given("channel_name", lambda _: CHANNEL_NAME)
        token = token or self.origin.slack_token
        return open_slack(token, self.origin.slack_api_url, [name], self.owner, **self._options)

    def looker(self, *, secret: str = "") -> LookerResolver:
        """Looker's adapter."""
        return LookerResolver(
            self.origin.looker_base_url, self.origin.looker_client_id, secret or self.origin.looker_client_secret,
            allow_sql_runner=True, stop=self._options.get("stop"),
        )  # fmt: skip

    @property
    def _options(self) -> dict[str, Any]:
        """Of Slack's adapters; in a real workspace waiting is waiting."""
        if self._inputs is not None:
            return {}
        return {
            "sleep": self.time.sleep, "stop": RecordingStop(self.time.sleep), "boot": self.time,
            "network": Network(tls=_without_certificates),
        }  # fmt: skip


def _without_certificates() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # there is nobody to check, and reading the system's takes long


@contextmanager
def replaying(path: Path, keeper: object = None) -> Iterator[Stage]:
    """Plays a cassette; AssertionError if something in it was not asked for."""
    scrubber = Scrubber(CANONICAL)
    with tape(path, scrubber, keeper=keeper) as cassette:
        yield Stage(CANONICAL, cassette, scrubber)
    unplayed = [str(request) for i, request in enumerate(cassette.requests) if not cassette.play_counts[i]]
    assert [] == unplayed, "recorded, and not asked for; if that is meant, `make cassettes` records again"


@contextmanager
def recording(path: Path, folder: Path) -> Iterator[Stage]:
    """Records from a sandbox of its own, kept in `folder`."""
    no_warehouse = folder / "none"
    no_warehouse.touch()
    with Sandbox(folder, rate_limits=False, clock=lambda: NOW, warehouse=no_warehouse, messages=False) as sandbox:
        sandbox.world.post("Could somebody credit this?", ts=REQUEST)
        origin = of_sandbox(sandbox)
        scrubber = Scrubber(origin)
        with tape(path, scrubber, recording=True) as cassette:
            yield Stage(origin, cassette, scrubber, sandbox=sandbox)


@contextmanager
def recording_documented(path: Path, folder: Path, api: DocumentedApi) -> Iterator[Stage]:
    """Records from what a vendor documents; the sandbox, kept in `folder`, only names channels and people."""
    no_warehouse = folder / "none"
    no_warehouse.touch()
    with Sandbox(folder, warehouse=no_warehouse, messages=False) as sandbox, HttpServer(api, clock=lambda: NOW) as here:
        slack = path.parent.name.startswith("slack")
        origin = replace(
            CANONICAL, **({"slack_api_url": f"{here.url}/api/"} if slack else {"looker_base_url": here.url})
        )
        scrubber = Scrubber(origin)
        with tape(path, scrubber, recording=True) as cassette:
            yield Stage(origin, cassette, scrubber, sandbox=sandbox, documented=api)


@contextmanager
def recording_live(path: Path, origin: Origin, inputs: Mapping[str, str]) -> Iterator[Stage]:
    """Records from a real workspace."""
    scrubber = Scrubber(origin)
    with tape(path, scrubber, recording=True) as cassette:
        yield Stage(origin, cassette, scrubber, inputs=inputs)


@contextmanager
def stage_for(path: Path, record_mode: str, environ: Mapping[str, str], folder: Path) -> Iterator[Stage]:
    """The stage that `--record-mode` asks for: "none" replays, "rewrite" records."""
    live = of_environment(environ) if record_mode == "rewrite" else None
    if record_mode == "none":
        manager = replaying(path)
    elif record_mode != "rewrite":
        raise ValueError("--record-mode is none or rewrite here")
    elif path.parent.name.endswith("_documented"):
        api = api_for(path.parent.name, environ) or pytest.skip(
            f"{PREFIX}SPECS is not set; its cassette stays as it is"
        )
        manager = recording_documented(path, folder, api)
    else:
        manager = recording_live(path, live, environ) if live else recording(path, folder)
    with manager as stage:
        yield stage
