"""The sandbox as a whole: both servers over one world, and the settings that lead a bot to them.

The world and the warehouse are files of one folder. Commands and tests open it; a bot meets it over HTTP alone.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from creditbot.sandbox.http import App, HttpServer, UnixClock
from creditbot.sandbox.looker import CLIENT_ID, CLIENT_SECRET, SandboxLooker
from creditbot.sandbox.seed import CHANNEL_NAME, seed
from creditbot.sandbox.slack import SandboxSlack
from creditbot.sandbox.slack_socket import APP_TOKEN
from creditbot.sandbox.warehouse import make_warehouse
from creditbot.sandbox.world import OWNER, SandboxWorld

WORLD_FILE, WAREHOUSE_FILE = "world.sqlite", "warehouse.duckdb"


@dataclass(frozen=True)
class Listening:
    """Where the sandbox listens.

    Attributes:
        host: address of this machine.
        slack_port, looker_port: 0 is the last one, or a free one.
    """

    host: str = "127.0.0.1"
    slack_port: int = 0
    looker_port: int = 0


class Sandbox:
    """A local Slack and Looker; serves from the start until it is closed.

    The world and the warehouse are files in `folder`, and are made if they are not there. `warehouse` names another
    file; without `messages` a new channel is empty. Ports stay the same from one run to the next if they are free.
    Raises OSError if the folder cannot be written, or if a port that was asked for is taken.

    Attributes:
        world: the data.
        slack, looker: the Apps, with their calls and faults.
        warehouse: the DuckDB file.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rate_limits: bool = True,
        clock: UnixClock = time.time,
        at: Listening = Listening(),
        warehouse: Path | None = None,
        messages: bool = True,
    ) -> None:
        self.warehouse = (warehouse or folder / WAREHOUSE_FILE).absolute()
        if not self.warehouse.exists():
            make_warehouse(self.warehouse)
        with contextlib.ExitStack() as stack:
            self.world = stack.enter_context(SandboxWorld(folder / WORLD_FILE, clock))
            seed(self.world, messages=messages)
            self.looker = SandboxLooker(self.world, clock)
            self.slack = SandboxSlack(self.world, clock, looker_url=self.looker_url, rate_limits=rate_limits)
            self.looker_server = stack.enter_context(self._server("looker", self.looker, at.host, at.looker_port))
            self.slack_server = stack.enter_context(self._server("slack", self.slack, at.host, at.slack_port))
            stack.callback(self.slack.socket_mode.close)
            self._opened = stack.pop_all()

    def looker_url(self, hostname: str) -> str:
        """The address of the Looker for somebody who calls this machine by `hostname`."""
        return f"http://{hostname}:{self.looker_server.port}"

    def environment(self) -> dict[str, str]:
        """The settings that lead a bot here; the notebooks are left to the caller."""
        return {
            "SLACK_BOT_TOKEN": self.slack.token,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": f"{self.slack_server.url}/api/",
            "SLACK_TEST_CHANNEL": CHANNEL_NAME,
            "SLACK_USER_ID": OWNER,
            "LOOKER_BASE_URL": self.looker_server.url,
            "LOOKER_CLIENT_ID": CLIENT_ID,
            "LOOKER_CLIENT_SECRET": CLIENT_SECRET,
            "WAREHOUSE_URL": f"duckdb:///{self.warehouse}",
        }

    def _server(self, name: str, app: App, host: str, port: int) -> HttpServer:
        """On this port; if it is 0, on the last one, or on a free one if that is taken."""
        last = (self.world.get("port", name) or {"port": 0})["port"]
        try:
            server = HttpServer(app, host, port or last, self.world.clock)
        except OSError:
            if port or not last:
                raise
            server = HttpServer(app, host, 0, self.world.clock)
        self.world.put("port", name, {"port": server.port})
        self.world.put(f"{name}_port", str(server.port), {"port": server.port})
        return server

    def close(self) -> None:
        """Stops both servers and lets go of the world."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
