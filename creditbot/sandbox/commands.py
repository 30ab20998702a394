"""What `creditbot sandbox` does, each command as one function over the sandbox's folder."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from creditbot.sandbox.composer import typed
from creditbot.sandbox.local import WAREHOUSE_FILE, WORLD_FILE, Sandbox
from creditbot.sandbox.seed import seed
from creditbot.sandbox.show import render
from creditbot.sandbox.warehouse import make_warehouse
from creditbot.sandbox.world import LOOKER, REQUESTER, World


def reset(folder: Path) -> None:
    """Makes the world and the warehouse anew."""
    for name in (WORLD_FILE, f"{WORLD_FILE}-journal", WAREHOUSE_FILE):
        (folder / name).unlink(missing_ok=True)
    with World(folder / WORLD_FILE) as world:
        seed(world)
    make_warehouse(folder / WAREHOUSE_FILE)


def post(folder: Path, text: str) -> str:
    """Posts a message as a person who types it, also while the sandbox is served; its ts."""
    with World(folder / WORLD_FILE) as world:
        seed(world)
        return world.post(user=REQUESTER, **typed(text.replace(_looker_url(world), LOOKER)))


def show(folder: Path) -> str:
    """The channel, its threads and the direct messages, as a person would see them."""
    with World(folder / WORLD_FILE) as world:
        seed(world)
        return render(world, looker_url=_looker_url(world))


def serve(folder: Path, host: str, slack_port: int, looker_port: int, rate_limits: bool) -> None:
    """Serves until SIGINT or SIGTERM; prints the settings that lead a bot here. Call it in the main thread."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process of a container gets no default handlers
        signal.signal(number, lambda *_: ended.set())
    with Sandbox(folder, rate_limits=rate_limits, host=host, slack_port=slack_port, looker_port=looker_port) as sandbox:
        for name, value in sandbox.environment().items():
            print(f"{name}={value}", flush=True)
        ended.wait()


def _looker_url(world: World) -> str:
    """Where the Looker is, or was when it was last served."""
    port = world.get("port", "looker")
    return f"http://127.0.0.1:{port['port']}" if port else LOOKER
