"""The command line: what is typed becomes a call of one command, and its result an exit code.

Exit codes: 0 done, and the owner was told whatever failed; 1 something failed that nobody was told, or that keeps
requests waiting, or a check failed; 2 the settings or the arguments are wrong.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Self, TypeAlias

from typing_extensions import override

from creditbot.errors import CreditbotError, SettingsMissing, Unreachable
from creditbot.machine.file_rights import readable_by
from creditbot.text import printable
from creditbot.text.known_secrets import without_known_secrets

log = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    top = argparse.ArgumentParser(
        prog="creditbot",
        description="Answers credit requests in a Slack channel.",
        epilog="Settings come from the environment and from .env; .env.example lists them. "
        "`creditbot sandbox run` needs none of them.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version")
    sub = _commands(top, "command")
    _command(sub, "run-once", _late("run_once", "run"), "read the channels once and answer what is new")
    _command(sub, "serve", _late("serve", "run"), "answer until stopped: one tick after another in one process")
    about_check = "test settings, Slack, Looker, notebooks, state and warehouse"
    _command(sub, "check", _late("check", "run"), about_check, _check)
    about_links = "print the Looker links of a Slack message on stdin, one JSON object a line"
    _command(sub, "links", _late("links", "run"), about_links, _links)
    about_compute = "print the answer that links would get; post nothing"
    _command(sub, "compute", _late("compute", "run"), about_compute, _compute)
    _command(sub, "history", _late("history", "history"), "list past requests, with the automation rate", _history)
    about_show = "show one request, or why a message is not a request"
    _command(sub, "show", _late("requests", "show"), about_show, _permalink)
    _command(sub, "replay", _late("replay", "run"), "compute requests again, and say what differs", _replay)
    _command(sub, "model", None, "learn what people usually credit, and say how well that holds", _model)
    _command(sub, "backtest", _late("backtest", "run"), "compute what people answered, and compare", _backtest)
    _command(sub, "retry", _late("requests", "retry"), "make the next tick restart a request", _retry)
    about_report = "write the report: what was credited, held and refused"
    _command(sub, "report", _late("report", "report"), about_report, _report)
    _command(sub, "export", _late("export", "export"), "write the credits of one month as a table", _export)
    about_audit = "compare log, summaries, state, pages and replies in Slack"
    _command(sub, "audit", _late("audit", "run"), about_audit, _audit)
    _command(sub, "holds", _late("approvals", "holds"), "list the requests that wait for approvers")
    for verb in ("approve", "deny"):
        about_vote = f"{verb} a held request, like a reaction to its question"
        _command(sub, verb, _late("approvals", verb), about_vote, _vote)
    about_sandbox = "a local Slack, Looker and warehouse, to try creditbot without accounts"
    _command(sub, "sandbox", None, about_sandbox, _sandbox)
    return top


_Run = Callable[[argparse.Namespace], int]


class Command(argparse.ArgumentParser):
    """One command. It gets its arguments when somebody types it: an idle tick pays for no other command."""

    arguments: Callable[[argparse.ArgumentParser], None] | None = None
    """Adds the arguments; None once they are there."""

    def complete(self) -> Self:
        """Adds the arguments, if they are not there yet."""
        add, self.arguments = self.arguments, None
        if add:
            add(self)
        return self

    @override
    def parse_known_args(self, *args: Any, **options: Any) -> Any:
        return super(Command, self.complete()).parse_known_args(*args, **options)


_Commands: TypeAlias = "argparse._SubParsersAction[Command]"  # noqa: SLF001  # argparse has no other name for it


def _commands(parent: argparse.ArgumentParser, name: str, *, required: bool = True) -> _Commands:
    return parent.add_subparsers(dest=name, required=required, metavar="COMMAND", parser_class=Command)


def _late(module: str, function: str) -> _Run:
    """A function of a command's module, which is imported only to run it: an idle tick pays for no other command."""

    def run(options: argparse.Namespace) -> int:
        gc.disable()  # imports leave almost no garbage, and looking for it takes a tenth of their time
        try:
            command = getattr(import_module(f"creditbot.commands.{module}"), function)
        finally:
            gc.enable()
        code: int = command(options)
        return code

    return run


def _command(
    commands: _Commands, name: str, run: _Run | None, help_: str,
    arguments: Callable[[argparse.ArgumentParser], None] | None = None,
) -> Command:  # fmt: skip
    command = commands.add_parser(name, help=help_, description=help_[0].upper() + help_[1:] + ".", allow_abbrev=False)
    command.arguments = arguments
    command.set_defaults(run=run)
    return command


def _check(command: argparse.ArgumentParser) -> None:
    command.add_argument("--run", dest="link", metavar="LINK", help="then compute the answer to a link; post nothing")
    _page_option(command)


def _links(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--host",
        metavar="HOST[:PORT]",
        help="the Looker host whose links are accepted (default: LOOKER_BASE_URL)",
    )


def _compute(command: argparse.ArgumentParser) -> None:
    command.add_argument("links", metavar="LINK", nargs="+", help="the address of a Look or an Explore")
    command.add_argument("--channel", metavar="CHANNEL", help="the watched channel to ask in, if CHANNELS_FILE is set")
    _page_option(command)


def _retry(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "permalink", metavar="PERMALINK", nargs="?", help="address of the message, from Copy link in its menu"
    )
    command.add_argument("--failed", action="store_true", help="restart every request that was given up")
    command.add_argument(
        "--since",
        metavar="DAY",
        type=_day,
        help="with --failed: those asked since then, YYYY-MM-DD UTC (default: today)",
    )
    command.add_argument(
        "--again", action="store_true", help="credit it even if the same SQL was credited before, and record your name"
    )
    command.add_argument(
        "--by", metavar="NAME", default="", help="the name to record with --again, if this machine does not know yours"
    )


def _report(command: argparse.ArgumentParser) -> None:
    command.add_argument("--days", type=_days, default=365, help="how far back to look (default: 365)")
    instead = command.add_mutually_exclusive_group()
    instead.add_argument("--out", metavar="FILE", type=Path, help="where to write it (default: OUTPUT_URI)")
    instead.add_argument("--digest", action="store_true", help="print five lines on the last 7 days instead")


def _export(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--month", metavar="YYYY-MM", type=_month, help="the month of the answers, UTC (default: this month)"
    )
    command.add_argument("--format", choices=("csv", "xlsx", "parquet"), default="csv", help="(default: csv)")
    command.add_argument("--out", metavar="FILE", type=Path, help="where to write it (default: csv to standard output)")


def _history(command: argparse.ArgumentParser) -> None:
    command.add_argument("--days", type=_days, help="how far back to look (default: 30)")
    day = "asked on this day, UTC, or"
    command.add_argument("--from", dest="first", metavar="YYYY-MM-DD", type=_day, help=f"only requests {day} later")
    command.add_argument("--to", dest="last", metavar="YYYY-MM-DD", type=_day, help=f"only requests {day} earlier")
    command.add_argument(
        "--account", metavar="ACCOUNT", default="", help="only requests for the traffic of this account"
    )
    command.add_argument("--requester", metavar="ID", default="", help="only requests of this person, by member ID")
    command.add_argument("--json", action="store_true", help="print everything that is known, as a JSON array")


def _permalink(command: argparse.ArgumentParser) -> None:
    command.add_argument("permalink", metavar="PERMALINK", help="address of the message, from Copy link in its menu")


def _vote(command: argparse.ArgumentParser) -> None:
    _permalink(command)
    command.add_argument("--by", metavar="NAME", required=True, help="the approver who decides, by member ID")


def _page_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--page", metavar="FILE", default="computed.html", help="where to write the page (default: %(default)s)"
    )


def _replay(command: argparse.ArgumentParser) -> None:
    command.set_defaults(error_code=2)
    command.add_argument(
        "permalink", metavar="PERMALINK", nargs="?", help="address of the message, from Copy link in its menu"
    )
    command.add_argument(
        "--since", metavar="DAY", type=_day, help="all requests asked since then, YYYY-MM-DD UTC, as a table"
    )
    command.add_argument("--until", metavar="DAY", type=_day, help="with --since: those asked before then")
    command.add_argument(
        "--with-notebook",
        metavar="[PRODUCT=]FILE",
        action="append",
        default=[],
        help="run this notebook in place of the product's own",
    )
    command.add_argument(
        "--set",
        metavar="[PRODUCT:]NAME=VALUE",
        action="append",
        default=[],
        help="set a value in the policy cell of the notebooks, such as TARGETS.basic=0.85",
    )
    command.add_argument(
        "--stored-notebooks", action="store_true", help="run the notebooks of that time, as they were kept"
    )
    command.add_argument("--without-looker", action="store_true", help="do not ask Looker where the links lead now")
    command.add_argument("--out", metavar="FOLDER", help="write each comparison, and the page of what is computed now")
    command.add_argument("--json", action="store_true", help="print JSON")


def _audit(command: argparse.ArgumentParser) -> None:
    command.set_defaults(error_code=2)
    command.add_argument(
        "--since", metavar="DAY", type=_day, help="only requests asked since then, YYYY-MM-DD UTC (default: all)"
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    inner = _commands(command, "audit", required=False)
    about_prove = "write a proof of one end, for somebody else to check"
    _command(inner, "prove", _late("proof", "prove"), about_prove, _prove)
    about_verify = "check a proof, offline and without settings"
    _command(inner, "verify", _late("proof", "verify_file"), about_verify, _verify)


def _prove(command: argparse.ArgumentParser) -> None:
    _permalink(command)
    command.add_argument(
        "--out", metavar="FILE", type=Path, default="proof.json", help="where to write it (default: %(default)s)"
    )
    command.add_argument(
        "--without-summary", action="store_true", help="leave out the summary, which names people and holds the SQL"
    )


def _verify(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", type=Path, help="the proof")
    command.add_argument("--root", metavar="ROOT", default="", help="the root that Slack shows, hexadecimal or base64")


def _backtest(command: argparse.ArgumentParser) -> None:
    since = "requests asked since then, YYYY-MM-DD UTC"
    command.add_argument("--since", metavar="DAY", type=_day, required=True, help=since)
    command.add_argument("--until", metavar="DAY", type=_day, help="and before then")
    command.add_argument(
        "--channel", metavar="CHANNEL", help="the channel to read, by name or ID (default: those that are watched)"
    )
    command.add_argument("--again", action="store_true", help="compute also what was computed before")
    command.add_argument(
        "--shadow", action="store_true", help="compute nothing: report what was recorded while SHADOW was on"
    )
    command.add_argument("--json", action="store_true", help="print JSON")


def _model(command: argparse.ArgumentParser) -> None:
    inner = _commands(command, "model")
    _command(inner, "fit", _late("model", "fit"), "make a model of what people answered", _fit)
    _command(inner, "show", _late("model", "show"), "show the model in force, and how often it held so far")


def _fit(command: argparse.ArgumentParser) -> None:
    about = "only answers since then, YYYY-MM-DD UTC (default: all)"
    command.add_argument("--since", metavar="DAY", type=_day, help=about)


class _Version(argparse.Action):
    """Looks the version up when it is asked for; argparse's own action would spend 20 ms on that at every start."""

    @override
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"creditbot {_version()}")
        parser.exit()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("creditbot")
    except PackageNotFoundError:
        return "unknown (not installed)"


def _sandbox(command: argparse.ArgumentParser) -> None:
    from creditbot.commands.sandbox import SANDBOX

    command.add_argument("--folder", type=Path, default=SANDBOX, help="where its world is kept (default: %(default)s)")
    inner = _commands(command, "sandbox")
    about_live = "serve it with a bot that answers at once, until stopped"
    about_reset = "start over: a new world, in which every request is unanswered"
    _command(inner, "run", _late("sandbox", "run"), "one tick on the sandbox, then the channel")
    _command(inner, "live", _late("sandbox", "live"), about_live)
    _command(inner, "reset", _late("sandbox", "reset"), about_reset)
    _command(inner, "show", _late("sandbox", "show"), "print the channel and the direct messages")
    _sandbox_people(inner)
    about_serve = "serve its Slack and Looker until stopped"
    _command(inner, "serve", _late("sandbox", "serve"), about_serve, _sandbox_serve)
    _command(inner, "warehouse", _late("sandbox", "warehouse"), "make its DuckDB warehouse", _sandbox_warehouse)


def _sandbox_serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    command.add_argument(
        "--slack-port", metavar="PORT", type=_port, default=0, help="port of its Slack (default: any free)"
    )
    command.add_argument(
        "--looker-port", metavar="PORT", type=_port, default=0, help="port of its Looker (default: any free)"
    )
    command.add_argument("--no-rate-limits", action="store_true", help="do not limit the rate as Slack does")


def _sandbox_warehouse(command: argparse.ArgumentParser) -> None:
    command.add_argument("path", metavar="PATH", type=Path, help="the file to make")


def _sandbox_people(inner: _Commands) -> None:
    """What its people do in Slack and in Looker."""
    about_post = "post a message, or a reply in a thread"
    _command(inner, "post", _late("sandbox_people", "post"), about_post, _sandbox_post)
    _command(inner, "edit", _late("sandbox_people", "edit"), "edit a message as its author", _sandbox_edit)
    _command(inner, "delete", _late("sandbox_people", "delete"), "delete a message", _message)
    _command(inner, "react", _late("sandbox_people", "react"), "react to a message", _sandbox_react)
    about_history = "add half a year that people answered"
    _command(inner, "seed-history", _late("sandbox_people", "seed_history"), about_history, _sandbox_history)
    about_look = "save a new Look and print its address"
    _command(inner, "add-look", _late("sandbox_people", "add_look"), about_look, _sandbox_look)


def _sandbox_post(command: argparse.ArgumentParser) -> None:
    command.add_argument("text", metavar="TEXT", help="the message; its Looker links are those of `sandbox show`")
    _person(command)
    command.add_argument(
        "--thread", metavar="TS", default="", help="reply to this message: its TS of `sandbox show`, or its permalink"
    )
    command.add_argument(
        "--channel", metavar="CHANNEL", default="", help="the channel, which is made if there is none of this name"
    )
    command.add_argument("--broadcast", action="store_true", help="show the reply in the channel as well")


def _sandbox_edit(command: argparse.ArgumentParser) -> None:
    _message(command)
    command.add_argument("text", metavar="TEXT", help="the new text of the message")


def _sandbox_react(command: argparse.ArgumentParser) -> None:
    _message(command)
    command.add_argument("emoji", metavar="EMOJI", help="such as +1, :white_check_mark: or the character itself")
    _person(command)
    command.add_argument("--remove", action="store_true", help="take the reaction back")


def _sandbox_history(command: argparse.ArgumentParser) -> None:
    command.add_argument("--requests", type=_requests, default=60, help="how many to add (default: %(default)s)")


def _message(command: argparse.ArgumentParser) -> None:
    command.add_argument("message", metavar="TS", help="the message: its TS of `sandbox show`, or its permalink")


def _person(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--as", dest="author", metavar="NAME", default="Dana Ortiz", help="who does it (default: %(default)s)"
    )


def _sandbox_look(look: argparse.ArgumentParser) -> None:
    look.add_argument("--title", metavar="TEXT", default="", help="its title (default: what it shows)")
    look.add_argument(
        "--account", metavar="ACCOUNT", help='whose traffic it shows, such as AC-sandbox-0001; "" for all'
    )
    look.add_argument("--product", choices=("verify", "psms"), help="which traffic it shows (default: verify)")
    look.add_argument(
        "--dates",
        metavar="DATES",
        help='as Looker writes days, the end excluded (default: "2025-12-01 to 2026-01-01")',
    )
    look.add_argument(
        "--filter", metavar="FIELD=EXPRESSION", action="append", help="another of Looker's filters, such as prefix=+62"
    )
    look.add_argument("--fields", metavar="FIELD,FIELD", help="its columns (default: those that the notebook needs)")
    look.add_argument("--limit", metavar="ROWS", help="the most rows it shows (default: Looker's 500)")
    look.add_argument("--sql", metavar="SQL", help="exactly this SQL, instead of all the options above but --title")


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-01-31") from None


def _month(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a month such as 2026-01") from None


def _days(text: str) -> int:
    return _number(text, 1, 36_500, "a number of days, at least 1")


def _requests(text: str) -> int:
    return _number(text, 1, 5_000, "a number of requests, 1 to 5000")


def _port(text: str) -> int:
    return _number(text, 0, 65_535, "a port, 0 to 65535")


def _number(text: str, least: int, most: int, meaning: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {meaning}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    if threading.current_thread() is threading.main_thread():
        # The first process of a container does not end by a signal that it has no handler for; a tick sets its own.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parser().parse_args(arguments)
    readable_by("owner")  # for every command, until the settings allow more
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except CreditbotError as error:
        from creditbot.commands import sandbox

        sentence = sandbox.why_nobody_answers() if isinstance(error, Unreachable) else ""
        way = sandbox.way_to_the_sandbox() if isinstance(error, SettingsMissing) else ""
        print(f"creditbot: {without_known_secrets(printable((sentence or str(error)) + way))}", file=sys.stderr)
        return int(getattr(options, "error_code", error.exit_code))
    except BrokenPipeError:  # whoever reads our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("creditbot: stopped", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001  # what nobody foresaw ends in a sentence, too
        return max(_defect(error), getattr(options, "error_code", 1))
    return code


def _defect(error: Exception) -> int:
    """Says that nobody foresaw this error. Its traceback goes to the log, or to the terminal if there is no log."""
    from creditbot.commands.output import defect

    log.critical("a defect of creditbot", exc_info=error)
    print(f"creditbot: {defect(error)}", file=sys.stderr)
    return 1
