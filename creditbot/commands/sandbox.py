"""What each `creditbot sandbox` command does: a Slack, a Looker and a warehouse of this machine's own.

Options come from `cli`. Everything is kept in the sandbox's folder, so that each command also works beside a
`sandbox serve` of the same folder; what people read goes to the standard output.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from creditbot.commands import run_once
from creditbot.commands.output import say
from creditbot.errors import SettingsError

if TYPE_CHECKING:
    from argparse import Namespace

    from creditbot.sandbox.world import SandboxWorld

SANDBOX = Path("data/sandbox")
"""Where the sandbox is kept unless --folder says otherwise."""
STATE_FILE, OUTPUTS = "processed_messages.json", "outputs"
_RULE = "=" * 72


def run(options: Namespace) -> int:
    """One tick on the sandbox, through the real SDKs, and the channel afterwards."""
    from creditbot.sandbox import Sandbox
    from creditbot.settings.settings import Settings

    for line in (_RULE, *_banner(), _RULE):
        say(line)
    with _usable_folder(options.folder), Sandbox(options.folder) as sandbox:
        environ = {**sandbox.environment(), **settings(options.folder)}
        code = run_once.tick(Settings.load(environ, env_file=None), {**os.environ, **environ})
        say("")
        say(_rendered(sandbox.world))
    for line in _next_steps(environ, program_call(options)):
        say(line)
    return code


def _banner() -> Iterator[str]:
    has_settings = Path(".env").exists() or any(name.startswith(("SLACK_", "LOOKER_")) for name in os.environ)
    why = "your own settings are left aside" if has_settings else "no .env and no SLACK_* or LOOKER_* were found"
    yield f"SANDBOX: {why}."
    yield "This is a pretend Slack, a pretend Looker and a small warehouse on this"
    yield "machine. Nothing real is read or answered."


def _next_steps(environ: dict[str, str], me: str) -> Iterator[str]:
    yield f"Summaries: {environ['OUTPUT_URI']}    state: {environ['STATE_URI'].removeprefix('file:')}"
    yield f'Post another request:  {me} post "Credit please: {environ["LOOKER_BASE_URL"]}/looks/31"'
    yield f"Answer it:             {me} run"
    yield f"Start over:            {me} reset"


def program() -> str:
    """How a person in this folder calls us: by name if that is on PATH, else as we were called."""
    import shutil

    path = Path(sys.argv[0])
    if path.name != "creditbot":
        return "python -m creditbot"
    if shutil.which("creditbot") == str(path):
        return "creditbot"
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def program_call(options: Namespace) -> str:
    """How a person calls us for the sandbox in the same folder."""
    folder = "" if options.folder == SANDBOX else f" --folder {shlex.quote(str(options.folder))}"
    return f"{program()} sandbox{folder}"


def settings(folder: Path) -> dict[str, str]:
    """Settings of a sandbox run beside those that lead to its servers: bundled notebooks, its own state and outputs."""
    notebooks = bundled_notebooks()
    return {
        "NOTEBOOK_PATH": str(notebooks / "verify_credit.ipynb"),
        "PSMS_NOTEBOOK_PATH": str(notebooks / "psms_credit.ipynb"),
        "STATE_URI": f"file:{folder / STATE_FILE}",
        "OUTPUT_URI": str(folder / OUTPUTS),
    }


def bundled_notebooks() -> Path:
    """Where the notebooks are: in the working directory, or beside the package."""
    here = Path("notebooks")
    return here if here.is_dir() else Path(__file__).resolve().parent.parent / "notebooks"


def reset(options: Namespace) -> int:
    """Makes a new world and a new warehouse, and forgets what the bot remembers of the old ones."""
    import shutil

    from creditbot.sandbox.sandbox import WAREHOUSE_FILE, WORLD_FILE
    from creditbot.sandbox.warehouse import make_warehouse

    with _usable_folder(options.folder):
        for name in (WORLD_FILE, f"{WORLD_FILE}-journal", WAREHOUSE_FILE, STATE_FILE, f"{STATE_FILE}.lock"):
            (options.folder / name).unlink(missing_ok=True)
        shutil.rmtree(options.folder / OUTPUTS, ignore_errors=True)
        with _world(options.folder):
            make_warehouse(options.folder / WAREHOUSE_FILE)
    print(f"The sandbox in {options.folder} is new: every request in it is unanswered.")
    return 0


def show(options: Namespace) -> int:
    """Prints the channel as a person would see it, with the TS by which other commands name a message."""
    with _world(options.folder) as world:
        print(_rendered(world, with_ts=True))
    return 0


def post(options: Namespace) -> int:
    """Posts a message as a person who types it, in a thread or in the channel."""
    from creditbot.sandbox import people

    with _world(options.folder) as world:
        ts = people.post(
            world,
            _with_stored_links(world, options.text),
            author=options.author,
            thread=options.thread,
            broadcast=options.broadcast,
        )
    print(f"Posted as {ts}. `{program_call(options)} run` reads it.")
    return 0


def edit(options: Namespace) -> int:
    """Edits a message as its author."""
    from creditbot.sandbox import people

    with _world(options.folder) as world:
        address = people.edit(world, options.message, _with_stored_links(world, options.text))
    print(f"Edited {address.ts}.")
    return 0


def delete(options: Namespace) -> int:
    """Deletes a message."""
    from creditbot.sandbox import people

    with _world(options.folder) as world:
        address = people.delete(world, options.message)
    print(f"Deleted {address.ts}.")
    return 0


def react(options: Namespace) -> int:
    """Adds a person's reaction to a message, or takes it back."""
    from creditbot.sandbox import people

    change = people.unreact if options.remove else people.react
    with _world(options.folder) as world:
        address = change(world, options.message, options.emoji, person=options.author)
    print(f"{'Took the reaction back from' if options.remove else 'Reacted to'} {address.ts}.")
    return 0


def add_look(options: Namespace) -> int:
    """Saves a new Look and prints its address."""
    from creditbot.sandbox.new_look import DECEMBER, Traffic, save_sql, save_traffic

    described = (options.account, options.dates, options.product, options.filter, options.fields, options.limit)
    if options.sql is not None and any(value is not None for value in described):
        raise SettingsError(
            "--sql is all of what a Look shows.",
            "Leave --account, --product, --dates, --filter, --fields and --limit out.",
        )
    if options.sql is None and options.account is None:
        raise SettingsError("A Look needs traffic to show.", "Say --account ACCOUNT, or --sql SQL.")
    with _world(options.folder) as world:
        if options.sql is not None:
            address = save_sql(world, options.sql, options.title)
        else:
            traffic = Traffic(
                options.account,
                options.product or "verify",
                options.dates or DECEMBER,
                tuple(options.filter or ()),
                tuple(options.fields.split(",")) if options.fields else (),
                options.limit or "",
            )
            address = save_traffic(world, traffic, options.title)
        print(_with_looker_address(world, address))
    return 0


def serve(options: Namespace) -> int:
    """Serves the sandbox until SIGINT or SIGTERM; what it prints first is a .env for a bot beside it."""
    from creditbot.sandbox import Sandbox

    for name, value in settings(options.folder).items():
        print(f"{name}={value}")
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process of a container gets no default handlers
        signal.signal(number, lambda *_: end.set())
    with (
        _usable_folder(options.folder),
        Sandbox(
            options.folder,
            rate_limits=not options.no_rate_limits,
            host=options.host,
            slack_port=options.slack_port,
            looker_port=options.looker_port,
        ) as sandbox,
    ):
        for name, value in sandbox.environment().items():
            print(f"{name}={value}", flush=True)
        end.wait()
    return 0


def warehouse(options: Namespace) -> int:
    """Makes the sandbox's warehouse where there is nothing yet: a file that is there may be somebody's."""
    if options.path.is_file():
        print(f"{options.path} is there already, and is left as it is.")
        return 0
    from creditbot.sandbox.warehouse import make_warehouse

    with _file_errors_as_sentences(options.path):
        make_warehouse(options.path)
    return 0


def _rendered(world: SandboxWorld, *, with_ts: bool = False) -> str:
    from creditbot.sandbox.show import render

    return render(world, looker_url=_looker_url(world), with_ts=with_ts)


def _with_stored_links(world: SandboxWorld, text: str) -> str:
    """A text that a person typed, with the sandbox's Looker named as the world keeps it: without a port."""
    from creditbot.sandbox.world import LOOKER

    return text.replace(_looker_url(world), LOOKER)


def _with_looker_address(world: SandboxWorld, address: str) -> str:
    """A stored address as a person can use it."""
    from creditbot.sandbox.world import LOOKER

    return address.replace(LOOKER, _looker_url(world))


def _looker_url(world: SandboxWorld) -> str:
    """Where the Looker is, or was when it was last served."""
    from creditbot.sandbox.world import LOOKER

    port = world.get("port", "looker")
    return f"http://127.0.0.1:{port['port']}" if port else LOOKER


@contextmanager
def _world(folder: Path) -> Iterator[SandboxWorld]:
    """The world in this folder, made and filled if there is none yet."""
    from creditbot.sandbox.sandbox import WORLD_FILE
    from creditbot.sandbox.seed import seed
    from creditbot.sandbox.world import SandboxWorld

    with _usable_folder(folder), SandboxWorld(folder / WORLD_FILE) as world:
        seed(world)
        yield world


@contextmanager
def _usable_folder(folder: Path) -> Iterator[None]:
    """Refuses a folder of something else, such as that of a bot's own state: `reset` would delete its files."""
    from creditbot.sandbox.sandbox import WORLD_FILE

    with _file_errors_as_sentences(folder):
        if folder.is_dir() and any(folder.iterdir()) and not (folder / WORLD_FILE).exists():
            raise SettingsError(
                f"The folder {folder} holds something else than a sandbox, and is left as it is.",
                "Choose a folder of its own with --folder.",
            )
        yield


@contextmanager
def _file_errors_as_sentences(path: Path) -> Iterator[None]:
    """Turns what the file system, DuckDB or a taken port says into a sentence."""
    try:
        yield
    except Exception as error:
        import duckdb

        if not isinstance(error, OSError | duckdb.Error):
            raise
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise SettingsError(
            f"The sandbox cannot be used in {path}: {reason}.", "Choose another place, or other ports."
        ) from error
