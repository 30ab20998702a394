"""`creditbot replay`: computes requests of the past again, and says what differs and why.

The old SQL runs with today's notebooks and data, or with what the options put in their place. Nothing is
posted, and nothing is written but what --out asks for. Exit codes: 0 nothing differs, 1 something does, 2 an error.
"""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from creditbot.answer.opinions import SecondOpinions
from creditbot.bootstrap import Assembly, assemble, make_runner, products_of, workers_of
from creditbot.commands.channels import RulesOf, rules_by_request
from creditbot.commands.output import say
from creditbot.commands.replay_output import HEADER, Totals, comparison_lines, document, replay_json, table_lines
from creditbot.commands.what_if import NotebookNotKept, WhatIf, products_of_then, what_if
from creditbot.errors import SettingsError
from creditbot.evidence.keeping import cells_of
from creditbot.evidence.summary import with_opinion
from creditbot.insight.computed import computed_in
from creditbot.insight.lookup import Lookup
from creditbot.insight.replayer import Replay, Replayer, RulesOfNow
from creditbot.intake.permalink import read_permalink
from creditbot.machine import exact_json
from creditbot.machine.processes import Stop
from creditbot.model import RequestKey
from creditbot.ports import SummaryReader
from creditbot.settings.settings import Settings, environment
from creditbot.slack_time import micros_of, time_of

T = TypeVar("T")
R = TypeVar("R")
Stored = tuple[RequestKey, Mapping[str, Any]]


def run(options: Namespace) -> int:
    """Computes one request again, or all since a day, and prints the comparison."""
    _check(options)
    settings, environ = Settings.load(), environment()
    change = what_if(products_of(settings), options.with_notebook, options.set)
    out = Path(options.out) if options.out else None
    keep_dir = out / "notebooks" if out else None
    if options.with_notebook or options.stored_notebooks:  # no image has these
        settings = settings.model_copy(update={"runner": "process"})
    runner = make_runner(settings, change.products, environ, Stop(), keep_dir=keep_dir, values=change.by_notebook)
    assembly = assemble(settings, environ=environ, runner=runner)
    try:
        with tempfile.TemporaryDirectory(prefix="creditbot-replay-") as folder:
            opinions, rules_of = opinions_of(assembly), rules_by_request(assembly)
            kept = Path(folder) if options.stored_notebooks else None
            again = partial(_again, assembly, change, opinions, rules_of, kept)
            replayer = make_replayer(assembly, change, rules_of, with_looker=not options.without_looker)
            stored = _since(assembly.ports.summaries, options) if options.since else [_one(assembly, options.permalink)]
            replays = in_turn(partial(again, replayer), stored, workers_of(settings))
            return _show(replays, options, out)
    finally:
        runner.close()
        assembly.sql_reader.close()


def make_replayer(
    assembly: Assembly, change: WhatIf, rules_of: RulesOf, *, with_looker: bool
) -> Replayer:  # fmt: skip
    """What computes requests again, from the parts of a bot that cannot post."""
    ports, rules = assembly.ports, assembly.rules
    resolver = ports.resolver if with_looker else None
    by = RulesOfNow(change.products, assembly.sql(), lambda key: rules_of(key).policy, change.values)
    return Replayer(ports.runner, resolver, rules.requests.host, assembly.sql_reader, by)


def _check(options: Namespace) -> None:
    if bool(options.since) == bool(options.permalink):
        raise SettingsError("replay takes the address of one request, or --since.", "Give one of them.")
    if options.until and not options.since:
        raise SettingsError("--until goes with --since.", "Give both options, or neither.")
    if options.stored_notebooks and (options.with_notebook or options.set):
        raise SettingsError(
            "--stored-notebooks runs the old notebooks as they were.",
            "Leave it out, or leave out --with-notebook and --set.",
        )


def _one(assembly: Assembly, address: str) -> Stored:
    """The summary of one request. Raises `SettingsError` if there is none."""
    lookup = Lookup(assembly.ports.inbox, assembly.ports.summaries, assembly.ledger, assembly.rules.requests)
    facts = lookup.find(read_permalink(address))
    if facts.summary is None:
        raise SettingsError(facts.ignored or "Nothing has been computed for this request yet.")
    return facts.key, facts.summary


def _since(summaries: SummaryReader, options: Namespace) -> Iterator[Stored]:
    """The summaries of the requests that were asked in that time, oldest first."""
    keys = [
        kept.key
        for kept in summaries.kept()
        if options.since <= time_of(kept.key.ts) and (options.until is None or time_of(kept.key.ts) < options.until)
    ]
    return iter(summaries.load_all(sorted(keys, key=lambda key: micros_of(key.ts))))


def opinions_of(assembly: Assembly) -> SecondOpinions:
    """What people usually credit, by the model in force; the state is read only if anybody wants to know."""
    rules = assembly.rules.channels.everywhere.policy.opinion
    workspace = assembly.ledger.read().meta.workspace if rules.hold else None
    return SecondOpinions(rules, assembly.ports, workspace)


def _again(
    assembly: Assembly, change: WhatIf, opinions: SecondOpinions, rules_of: RulesOf, folder: Path | None,
    replayer: Replayer, stored: Stored,
) -> Replay:  # fmt: skip
    """Computes one request again; `folder` is where the old notebooks are to be written and run."""
    key, summary = stored
    products = change.products.only(rules_of(key).products)
    if folder:
        try:
            products = products_of_then(computed_in(summary), products, assembly.ports.notebooks, folder)
        except NotebookNotKept as reason:
            return Replay(key, str(summary.get("request", {}).get("permalink", "")), why_not=str(reason))
    replay = replayer.replay(key, summary, datetime.now(UTC), products)
    return with_second_opinion(replay, opinions)


def with_second_opinion(replay: Replay, opinions: SecondOpinions) -> Replay:
    """The replay with what people usually credit for what was computed now."""
    if replay.comparison is None or replay.comparison.now.amount is None:
        return replay
    sentence = opinions.sentence(replay.key, replay.summary)
    return replace(replay, opinion=sentence, summary=with_opinion(replay.summary, sentence))


def in_turn(step: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Takes a step for every item, several at a time, and gives the results in the order of the items.

    Only a few results wait to be taken, so that nobody has to hold all of them.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, "replay") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(step, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _show(replays: Iterable[Replay], options: Namespace, out: Path | None) -> int:
    totals, documents = Totals(), []
    if options.since and not options.json:
        say(HEADER)
    for replay in replays:
        totals.add(replay)
        if out:
            _write(out, replay)
        if options.json:
            documents.append(replay_json(replay))
            continue
        for line in table_lines(replay) if options.since else comparison_lines(replay):
            say(line)
    if options.json:
        print(exact_json.write(document(documents, totals)))
    elif options.since:
        for line in totals.lines():
            say(line)
    not_computed = not options.since and totals.left_out
    return 2 if not_computed else totals.exit_code


def _write(out: Path, replay: Replay) -> None:
    """Writes the comparison, and the page that the request would get now."""
    from creditbot.evidence.page import page_of

    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        (out / f"{replay.key}.json").write_text(exact_json.write(replay_json(replay)) + "\n", encoding="utf-8")
        if replay.summary:
            page = page_of(replay.summary, cells_of(replay.results))
            (out / f"{replay.key}.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{out} cannot be written to: {error.strerror}.", "Pass --out FOLDER.") from error
