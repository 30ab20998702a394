"""What learns from the past has no way to Slack: neither by what it imports nor by what its objects lead to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import pytest

import creditbot.insight
from creditbot.adapters.looker.resolver import LookerResolver
from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.adapters.slack.api import SlackApi, TimeLimits
from creditbot.adapters.slack.open import open_slack
from creditbot.adapters.slack.reading import READS, ReadingApi, open_people
from creditbot.adapters.slack.wire import Network
from creditbot.adapters.storage.file_state import FileStore
from creditbot.adapters.storage.log_files import ObjectLog
from creditbot.adapters.storage.pages import ObjectPages
from creditbot.adapters.storage.summaries import ObjectSummaries
from creditbot.commands.backtest_parts import assemble_backtest
from creditbot.credit.products import default_products
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import SqlReaderHere
from creditbot.decide.policy import Policy
from creditbot.errors import PostRefused
from creditbot.insight.audit_reading import AuditReader, Sources
from creditbot.insight.history import History
from creditbot.insight.replayer import Replayer, RulesOfNow
from creditbot.machine.clock import SlackClock
from creditbot.machine.processes import Stop
from creditbot.ports import Approvers, Owners, Ports, Replier, Signs, Teller
from creditbot.sandbox.slack import METHODS as ALL_METHODS
from creditbot.settings.settings import Settings
from creditbot.state.codec import State
from tests.support.world import World
from tests.support.world_facts import REQUEST_RULES

WRITES_TO_SLACK = (Approvers, Owners, Replier, Signs, Teller)
MODULES = sorted(Path(creditbot.insight.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_module_of_insight_knows_a_port_that_writes(module: Path) -> None:
    """Nor `Ports`, which has all of them. import-linter keeps it from `answer`."""
    forbidden = {"Ports", *(port.__name__ for port in WRITES_TO_SLACK)}
    nodes = [node for node in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    imported = {(node.module, name.name) for node in nodes for name in node.names}
    assert set() == {name for of, name in imported if of == "creditbot.ports"} & forbidden
    assert ("creditbot", "ports") not in imported


def test_a_history_of_real_stores_leads_to_no_slack(tmp_path: Path) -> None:
    """Whatever it holds, however deep."""
    history = History(ObjectSummaries(str(tmp_path)), ObjectPages(str(tmp_path)), State())
    reached = reachable(history)
    assert {"ObjectSummaries", "ObjectPages", "Objects"} <= {type(one).__name__ for one in reached}
    assert [] == [one for one in reached if posts(one)]


def test_what_computes_requests_again_leads_to_no_slack(tmp_path: Path) -> None:
    """With the real runner and the real way to Looker."""
    resolver = LookerResolver("https://acme.looker.com", "made-up-id", "made-up-secret")
    runner = NotebookRunner([tmp_path / "verify.ipynb"], {}, seconds=1)
    host, products, rules = REQUEST_RULES.host, default_products("verify.ipynb", None), SqlRules("duckdb")
    by = RulesOfNow(products, rules, lambda _: Policy())
    reached = reachable(Replayer(runner, resolver, host, SqlReaderHere(), by))
    assert {"LookerResolver", "NotebookRunner"} <= {type(one).__name__ for one in reached}
    assert [] == [one for one in reached if posts(one)]


def test_what_audits_leads_to_no_port_that_writes(tmp_path: Path) -> None:
    """It reads Slack through the real inbox, which leads to the SDK, and to no verb with which the bot posts."""
    slack = open_slack("xoxb-made-up", "https://slack.com/api/", ["C0CREDITS"], "U0OWNER")
    store, folder = FileStore(tmp_path / "state.json"), str(tmp_path)
    sources = Sources(store, ObjectLog(folder), ObjectSummaries(folder), ObjectPages(folder), slack.inbox)
    reached = reachable(AuditReader(sources))
    assert {"SlackInbox", "FileStore", "ObjectLog"} <= {type(one).__name__ for one in reached}
    assert [] == [one for one in reached if has_verbs(one)]
    assert any(map(has_verbs, reachable(slack)))


def test_a_backtest_leads_to_no_way_of_writing_to_slack(tmp_path: Path) -> None:
    """Of Slack it holds what reads channels, on an API that refuses every other method."""
    notebook = tmp_path / "verify.ipynb"
    notebook.write_text("{}")
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-made-up", "SLACK_USER_ID": "U0OWNER", "SLACK_TEST_CHANNEL": "credits",
        "LOOKER_BASE_URL": "https://acme.looker.com", "LOOKER_CLIENT_ID": "made-up-id",
        "LOOKER_CLIENT_SECRET": "made-up-secret", "NOTEBOOK_PATH": str(notebook), "OUTPUT_URI": str(tmp_path),
    }  # fmt: skip
    settings = Settings.load(environ, env_file=None)
    reached = reachable(assemble_backtest(settings, (), {}))
    assert [] == [one for one in reached if has_verbs(one)]
    of_slack = {type(one).__name__ for one in reached if type(one).__module__.startswith("creditbot.adapters.slack")}
    assert {"SlackInbox", "ReadingApi", "TimeLimits", "Network", "Allowance"} == of_slack


def test_looking_names_up_leads_to_no_way_of_writing_to_slack() -> None:
    """The report and the lists get names from it; it asks on an API that refuses every method that writes."""
    reached = reachable(open_people("xoxb-made-up", "https://slack.com/api/", Stop()))
    assert [] == [one for one in reached if has_verbs(one)]
    assert {"ReadingApi"} == {type(one).__name__ for one in reached if isinstance(one, SlackApi)}


@pytest.mark.parametrize("method", sorted({*ALL_METHODS} - READS))
def test_an_api_that_reads_sends_no_other_method(method: str) -> None:
    """Whichever of its verbs is asked: there is nothing at its address, so a call would be `CallFailed`."""
    clock = SlackClock()
    api = ReadingApi("xoxb-made-up", "http://127.0.0.1:9/api/", clock, Stop(), TimeLimits(), Network())
    with pytest.raises(PostRefused, match=f"it does not call {re.escape(method)}"):
        api.read(method, channel="C0")
    with pytest.raises(PostRefused, match="only reads Slack"):
        api.write(method, api.write_deadline(), channel="C0")
    with pytest.raises(PostRefused, match="only reads Slack"):
        api.limited(1).write(method, api.write_deadline(), channel="C0")


def test_the_search_finds_what_can_post() -> None:
    """Else the test above would prove nothing."""
    world_ports = World().ports()
    found = {name for name in Ports.__annotations__ if any(map(posts, reachable([getattr(world_ports, name)])))}
    assert {"replier", "owners", "approvers", "signs"} <= found
    assert any(map(posts, reachable(lambda: world_ports)))


def posts(thing: object) -> bool:
    """Whether it has every verb of a port that writes to Slack, or is of the Slack adapters or their SDK."""
    return type(thing).__module__.startswith(("creditbot.adapters.slack", "slack_sdk")) or has_verbs(thing)


def has_verbs(thing: object) -> bool:
    """Whether it has every verb of a port that writes to Slack."""
    verbs = ({name for name in vars(port) if not name.startswith("_")} for port in WRITES_TO_SLACK)
    return any(all(callable(getattr(thing, verb, None)) for verb in port) for port in verbs)


def reachable(start: object) -> list[object]:
    """Every object that leads from this one: attributes, items, and what functions close over or are bound to."""
    found: dict[int, object] = {}
    waiting: list[object] = [start]
    while waiting:
        thing = waiting.pop()
        if id(thing) in found or isinstance(thing, str | bytes | int | float | type | None):
            continue
        found[id(thing)] = thing
        waiting.extend(_next(thing))
    return list(found.values())


def _next(thing: Any) -> Iterable[object]:
    if isinstance(thing, Mapping):
        yield from [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    elif isinstance(thing, MethodType):
        yield thing.__self__
    elif isinstance(thing, FunctionType):
        yield from (cell.cell_contents for cell in thing.__closure__ or ())
    else:
        yield from vars(thing).values() if hasattr(thing, "__dict__") else ()
        slots = (name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ()))
        yield from (getattr(thing, name) for name in slots if name != "__weakref__" and hasattr(thing, name))
