"""`creditbot sandbox`: a Slack, a Looker and a warehouse on this machine, to try the bot without accounts.

What its people do is in `sandbox_people`. Options come from `cli`. The whole state of the sandbox is in its folder, so
each command also works beside a `sandbox serve` of the same folder. What people read goes to the standard output.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import creditbot
from creditbot.commands import run_once
from creditbot.commands.output import say
from creditbot.errors import SettingsError
from creditbot.machine.processes import Stop

if TYPE_CHECKING:
    from argparse import Namespace

    from creditbot.sandbox.world import SandboxWorld

SANDBOX = Path("data/sandbox")
"""Where the sandbox is kept unless --folder says otherwise."""
STATE_FILE, OUTPUTS, SETTINGS_FILE = "processed_messages.json", "outputs", "settings.env"
OWN_SETTINGS = (
    "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_API_URL", "SLACK_TEST_CHANNEL", "SLACK_USER_ID",
    "LOOKER_BASE_URL", "LOOKER_CLIENT_ID", "LOOKER_CLIENT_SECRET", "WAREHOUSE_URL", "STATE_URI", "OUTPUT_URI",
)  # fmt: skip
"""Settings that lead a bot to the sandbox and keep its memory there; SETTINGS_FILE may not contain them."""
_RULE = "=" * 72
_FIRST_VOTER = re.compile(r"^Who decides: [^<\n]*<@(\w+)>", re.MULTILINE)


def run(options: Namespace) -> int:
    """One tick on the sandbox, through the real SDKs, and the channel afterwards."""
    from creditbot.sandbox import Sandbox
    from creditbot.settings.settings import Settings

    for line in (_RULE, *_banner(options.folder), _RULE):
        say(line)
    with _usable_folder(options.folder), Sandbox(options.folder) as sandbox:
        environ = {**sandbox.environment(), **settings(options.folder)}
        code = run_once.tick(Settings.load(environ, env_file=None), {**os.environ, **environ})
        say("")
        say(_rendered(sandbox.world))
        for line in next_steps(sandbox.world, options):
            say(line)
    return code


def _banner(folder: Path) -> Iterator[str]:
    why = "your own settings are not used" if _has_settings() else "no .env and no SLACK_* or LOOKER_* were found"
    yield f"SANDBOX: {why}."
    yield "This is a pretend Slack, a pretend Looker and a small warehouse on this"
    yield "machine. Nothing real is read or answered."
    if (folder / SETTINGS_FILE).exists():
        yield f"The bot here runs with the settings in {folder / SETTINGS_FILE}."


def _has_settings() -> bool:
    return Path(".env").exists() or any(name.startswith(("SLACK_", "LOOKER_")) for name in os.environ)


def next_steps(world: SandboxWorld, options: Namespace) -> Iterator[str]:
    """Where to look, and commands that show what else the bot does: an answer, then a repeat that is refused."""
    from creditbot.sandbox.seed import NEW_ACCOUNT, NEW_LOOK

    folder, me = options.folder, program_call(options)
    look = f"{looker_url(world)}/looks/{NEW_LOOK}"
    times_posted = sum(f"/looks/{NEW_LOOK}" in message["text"] for message in world.messages())
    yield f"Summaries, and the state:   {folder / OUTPUTS}, {folder / STATE_FILE}"
    yield f"Settings that you add:      {folder / SETTINGS_FILE}, such as MAX_CREDIT_USD=1000"
    for ts, name in _open_questions(world)[:1]:
        yield f'Say yes to what is held:    {me} react {ts} :+1: --as "{name}"'
    if times_posted == 0:
        yield f'Ask for one more credit:    {me} post "{NEW_ACCOUNT}, please: {look}"'
    elif times_posted == 1:
        yield f'Ask for the same again:     {me} post "Did you see this? {look}"'
    else:
        yield f"Save a Look to ask for:     {me} add-look --account AC-sandbox-0004"
    yield f"Let the bot read it:        {me} run"
    yield f"What else people can do:    {me} --help"
    yield f"Start over:                 {me} reset"


def _open_questions(world: SandboxWorld) -> list[tuple[str, str]]:
    """Questions that wait for votes, oldest first: the TS, and the name of the first person whose vote counts.

    The question itself names these people. Nobody is named where only the person who asked could decide.
    """
    asked = [m for m in world.direct_messages() if (m.get("metadata") or {}).get("event_type") == "creditbot_ask"]
    names = {user["id"]: user["real_name"] for user in world.all("user")}
    return [
        (str(message["ts"]), names[voter[1]])
        for message in asked
        if not message.get("reactions") and (voter := _FIRST_VOTER.search(message["text"])) and voter[1] in names
    ]


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
    """Settings of a bot on the sandbox, besides those that lead to its servers.

    They are the bundled notebooks, a state and outputs in the folder, and whatever its `settings.env` says, which is
    written as a `.env`. Raises `SettingsError` if that file sets one of OWN_SETTINGS.
    """
    notebooks = bundled_notebooks()
    return {
        "NOTEBOOK_PATH": str(notebooks / "verify_credit.ipynb"),
        "PSMS_NOTEBOOK_PATH": str(notebooks / "psms_credit.ipynb"),
        **_settings_file(folder / SETTINGS_FILE),
        "STATE_URI": f"file:{folder / STATE_FILE}",
        "OUTPUT_URI": str(folder / OUTPUTS),
    }


def _settings_file(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path, encoding="utf-8-sig") if path.exists() else {}
    except UnicodeError as error:
        raise SettingsError(f"The settings in {path} cannot be read: the file is not UTF-8 text.") from error
    refused = [name for name in values if name in OWN_SETTINGS]
    if refused:
        raise SettingsError(
            f"{path} sets {', '.join(refused)}, which the sandbox sets itself.",
            "Remove it from the file; `creditbot run-once` is for another Slack or Looker.",
        )
    return {name: value for name, value in values.items() if value}


def bundled_notebooks() -> Path:
    """Where the notebooks are: in the working directory, or beside the package."""
    here = Path("notebooks")
    return here if here.is_dir() else Path(creditbot.__file__).resolve().parent.parent / "notebooks"


def reset(options: Namespace) -> int:
    """Makes a new world and a new warehouse, and forgets what the bot remembers of the old ones.

    Files that people put into the folder stay.
    """
    import shutil

    from creditbot.sandbox.sandbox import WAREHOUSE_FILE, WORLD_FILE
    from creditbot.sandbox.warehouse import make_warehouse

    with _usable_folder(options.folder):
        shutil.rmtree(options.folder / OUTPUTS, ignore_errors=True)
        # The world goes last: until then the folder is known as a sandbox, also to a reset after one that was killed.
        for name in (STATE_FILE, f"{STATE_FILE}.lock", WAREHOUSE_FILE, f"{WORLD_FILE}-journal", WORLD_FILE):
            (options.folder / name).unlink(missing_ok=True)
        with _world_of(options.folder):
            make_warehouse(options.folder / WAREHOUSE_FILE)
    print(f"The sandbox in {options.folder} is new: every request in it is unanswered.")
    return 0


def show(options: Namespace) -> int:
    """Prints the channel as a person would see it, with the TS by which other commands name a message."""
    with open_world(options.folder) as world:
        print(_rendered(world, with_ts=True))
    return 0


def serve(options: Namespace) -> int:
    """Serves the sandbox until SIGINT or SIGTERM. Its standard output is a .env for a bot beside it."""
    from creditbot.sandbox import Listening, Sandbox

    stop = Stop()  # not an Event: a signal handler could wait forever for its lock
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process of a container gets no default handlers
        signal.signal(number, lambda *_: stop.ask())
    with (
        _usable_folder(options.folder),
        Sandbox(
            options.folder,
            rate_limits=not options.no_rate_limits,
            at=Listening(options.host, options.slack_port, options.looker_port),
        ) as sandbox,
    ):
        environ = {**settings(options.folder), **sandbox.environment()}
        for name, value in environ.items():
            print(f"{name}={value}", flush=True)
        say_aside(f"Serving the sandbox in {options.folder} until Ctrl-C, or `kill {os.getpid()}`.")
        say_aside("A shell that loaded these settings keeps them after that. This removes them:")
        say_aside(f"  unset {' '.join(environ)}")
        stop.sleep(math.inf)
    say_aside("Stopped serving the sandbox.")
    return 0


def live(options: Namespace) -> int:
    """Serves the sandbox, with a bot that answers as soon as something happens, until SIGINT or SIGTERM."""
    from creditbot.commands.serve import serve as serve_bot
    from creditbot.sandbox import Sandbox
    from creditbot.sandbox.seed import NEW_ACCOUNT, NEW_LOOK
    from creditbot.settings.settings import Settings

    for line in (_RULE, *_banner(options.folder), _RULE):
        say(line)
    with _usable_folder(options.folder), Sandbox(options.folder) as sandbox:
        environ = {**sandbox.environment(), **settings(options.folder)}
        look = f"{looker_url(sandbox.world)}/looks/{NEW_LOOK}"
        say(f'Ask in another terminal:    {program_call(options)} post "{NEW_ACCOUNT}, please: {look}"')
        say(f"What else people can do:    {program_call(options)} --help")
        return serve_bot(Settings.load(environ, env_file=None), {**os.environ, **environ})


def say_aside(line: str) -> None:
    """Tells a person something that is not part of the output, which may go to a file."""
    print(line, file=sys.stderr, flush=True)


def way_to_the_sandbox() -> str:
    """Where a sandbox is and no settings are: a line on how other commands are used on it; else ""."""
    from creditbot.sandbox.sandbox import WORLD_FILE

    if _has_settings() or not (SANDBOX / WORLD_FILE).is_file():
        return ""
    return (
        f"\nA sandbox is in {SANDBOX}. To use this command on it: `{program()} sandbox serve > sandbox.env &`, "
        "and once it says that it serves, `set -a; . ./sandbox.env; set +a`."
    )


def why_nobody_answers() -> str:
    """Where the settings lead to a sandbox that is not served: a sentence that says so and what to do; else ""."""
    from creditbot.sandbox.slack import TOKEN
    from creditbot.settings.settings import raw

    address = raw("SLACK_API_URL")
    if raw("SLACK_BOT_TOKEN") != TOKEN or _somebody_listens(address):
        return ""
    return (
        f"Nothing answers at {address}, where SLACK_API_URL expects the sandbox: start it with "
        "`creditbot sandbox serve`, or remove its settings from this shell and from .env."
    )


def _somebody_listens(address: str) -> bool:
    import socket
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=2).close()
    except (OSError, ValueError):
        return False
    return True


def warehouse(options: Namespace) -> int:
    """Makes the sandbox's warehouse where there is nothing yet: a file that is there may be somebody's."""
    if options.path.is_file():
        print(f"{options.path} already exists, and was not changed.")
        return 0
    from creditbot.sandbox.warehouse import make_warehouse

    with _file_errors_as_sentences(options.path):
        make_warehouse(options.path)
    return 0


def _rendered(world: SandboxWorld, *, with_ts: bool = False) -> str:
    from creditbot.sandbox.show import render

    return render(world, looker_url=looker_url(world), with_ts=with_ts)


def looker_url(world: SandboxWorld) -> str:
    """Where the Looker is, or was when it was last served."""
    from creditbot.sandbox.world import LOOKER

    port = world.get("port", "looker")
    return f"http://127.0.0.1:{port['port']}" if port else LOOKER


@contextmanager
def open_world(folder: Path) -> Iterator[SandboxWorld]:
    """The world in this folder, made and filled if there is none yet."""
    with _usable_folder(folder), _world_of(folder) as world:
        yield world


@contextmanager
def _world_of(folder: Path) -> Iterator[SandboxWorld]:
    """The same, in a folder that is known to be usable."""
    from creditbot.sandbox.sandbox import WORLD_FILE
    from creditbot.sandbox.seed import seed
    from creditbot.sandbox.world import SandboxWorld

    with SandboxWorld(folder / WORLD_FILE) as world:
        seed(world)
        yield world


@contextmanager
def _usable_folder(folder: Path) -> Iterator[None]:
    """Refuses a folder of something else, such as that of a bot's own state: `reset` would delete its files.

    A folder in which no world is yet may hold a `settings.env` and what that names, but no file that `reset` deletes.
    """
    from creditbot.sandbox.sandbox import WAREHOUSE_FILE, WORLD_FILE

    with _file_errors_as_sentences(folder):
        files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        prepared = SETTINGS_FILE in files and not files & {STATE_FILE, f"{STATE_FILE}.lock", WAREHOUSE_FILE, OUTPUTS}
        if files and WORLD_FILE not in files and not prepared:
            raise SettingsError(
                f"The folder {folder} holds something other than a sandbox, and was not changed.",
                "Name an empty or a new folder with --folder.",
            )
        yield


@contextmanager
def _file_errors_as_sentences(path: Path) -> Iterator[None]:
    """Turns what the file system, DuckDB or a taken port says into a sentence."""
    try:
        yield
    except Exception as error:
        import duckdb

        if not isinstance(error, OSError | duckdb.Error) or isinstance(error, BrokenPipeError):
            raise
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise SettingsError(
            f"The sandbox cannot be used in {path}: {reason}.", "Choose another place, or other ports."
        ) from error
