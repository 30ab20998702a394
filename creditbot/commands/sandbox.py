"""What each `creditbot sandbox` command does: a Slack, a Looker and a warehouse of this machine's own."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from creditbot.commands import main as commands
from creditbot.errors import SettingsError

if TYPE_CHECKING:
    from argparse import Namespace

SANDBOX = Path("data/sandbox")
"""Where the sandbox is kept unless it is said."""
_RULE = "=" * 72


def run(options: Namespace) -> int:
    """One tick on the sandbox, through the real SDKs, and the channel afterwards."""
    from creditbot.sandbox import Sandbox
    from creditbot.sandbox.commands import show as rendered
    from creditbot.settings.settings import Settings

    for line in (_RULE, *_banner(), _RULE):
        commands.say(line)
    with _world(options.folder), Sandbox(options.folder) as sandbox:
        environ = {**sandbox.environment(), **settings(options.folder)}
        code = commands.tick(Settings.load(environ, env_file=None), {**os.environ, **environ})
        commands.say("")
        commands.say(rendered(options.folder))
    for line in _next_steps(environ, called(options)):
        commands.say(line)
    return code


def _banner() -> Iterator[str]:
    given = Path(".env").exists() or any(name.startswith(("SLACK_", "LOOKER_")) for name in os.environ)
    why = "your own settings are left aside" if given else "no .env and no SLACK_* or LOOKER_* were found"
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

    called = Path(sys.argv[0])
    if called.name != "creditbot":
        return "python -m creditbot"
    if shutil.which("creditbot") == str(called):
        return "creditbot"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def called(options: Namespace) -> str:
    """How a person calls us for the sandbox in the same folder."""
    folder = "" if options.folder == SANDBOX else f" --folder {shlex.quote(str(options.folder))}"
    return f"{program()} sandbox{folder}"


def settings(folder: Path) -> dict[str, str]:
    """Settings of a sandbox run beside those that lead to its servers: bundled notebooks, its own state and outputs."""
    notebooks = bundled_notebooks()
    return {
        "NOTEBOOK_PATH": str(notebooks / "verify_credit.ipynb"),
        "PSMS_NOTEBOOK_PATH": str(notebooks / "psms_credit.ipynb"),
        "STATE_URI": f"file:{folder / 'processed_messages.json'}",
        "OUTPUT_URI": str(folder / "outputs"),
    }


def bundled_notebooks() -> Path:
    """Where the notebooks are: in the working directory, or beside the package."""
    here = Path("notebooks")
    return here if here.is_dir() else Path(__file__).resolve().parent.parent / "notebooks"


def reset(options: Namespace) -> int:
    """Makes the sandbox anew, with what the bot remembers of it."""
    import shutil

    from creditbot.sandbox.commands import reset as made_anew

    with _world(options.folder):
        made_anew(options.folder)
        for name in ("processed_messages.json", "processed_messages.json.lock"):
            (options.folder / name).unlink(missing_ok=True)
        shutil.rmtree(options.folder / "outputs", ignore_errors=True)
    print(f"The sandbox in {options.folder} is new: every request in it is unanswered.")
    return 0


def show(options: Namespace) -> int:
    """Prints the channel as a person would see it."""
    from creditbot.sandbox.commands import show as rendered

    with _world(options.folder):
        text = rendered(options.folder)
    print(text)
    return 0


def post(options: Namespace) -> int:
    """Posts a message as a person."""
    from creditbot.sandbox.commands import post as posted

    with _world(options.folder):
        ts = posted(options.folder, options.text)
    print(f"Posted as {ts}. `{called(options)} run` reads it.")
    return 0


def serve(options: Namespace) -> int:
    """Serves the sandbox until stopped; what it prints first is a .env for a bot beside it."""
    from creditbot.sandbox.commands import serve as served

    for name, value in settings(options.folder).items():
        print(f"{name}={value}")
    with _world(options.folder):
        served(options.folder, options.host, options.slack_port, options.looker_port, not options.no_rate_limits)
    return 0


def warehouse(options: Namespace) -> int:
    """Makes the sandbox's warehouse, where there is nothing yet: whatever file is there may be somebody's."""
    if options.path.is_file():
        print(f"{options.path} is there already, and is left as it is.")
        return 0
    from creditbot.sandbox.warehouse import make_warehouse

    with _usable(options.path):
        make_warehouse(options.path)
    return 0


@contextmanager
def _world(folder: Path) -> Iterator[None]:
    """As `_usable`; also refuses a folder of something else, such as that of a bot's own state: its files are ours."""
    from creditbot.sandbox.local import WORLD_FILE

    with _usable(folder):
        if folder.is_dir() and any(folder.iterdir()) and not (folder / WORLD_FILE).exists():
            raise SettingsError(
                f"The folder {folder} holds something else than a sandbox, and is left as it is.",
                "Choose a folder of its own with --folder.",
            )
        yield


@contextmanager
def _usable(place: Path) -> Iterator[None]:
    """Turns what the file system, DuckDB or a taken port says into a sentence."""
    try:
        yield
    except Exception as error:
        import duckdb

        if not isinstance(error, OSError | duckdb.Error):
            raise
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise SettingsError(
            f"The sandbox cannot be used in {place}: {reason}.", "Choose another place, or other ports."
        ) from error
