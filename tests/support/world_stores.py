"""The ports of what is stored, in memory: state, summaries, pages, notebooks, log and models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from creditbot.errors import StateConflict, StateUnusable, SummaryDamaged
from creditbot.model import (
    NotebookRun,
    RequestKey,
)
from creditbot.ports import Kept, Stored
from creditbot.slack_time import micros_of

if TYPE_CHECKING:
    from tests.support.world import World


class MemorySummaries:
    """Implements SummaryStore."""

    def __init__(self, world: World) -> None:
        self._world = world

    def save(self, key: RequestKey, document: Mapping[str, object], credited: Sequence[str] = ()) -> str:
        def write() -> str:
            self._world.pointers |= {(sha, key) for sha in credited}
            self._world.summaries[str(key)] = {**document, "credited": list(credited)}
            self._world.saved[str(key)] = self._world.now
            return f"memory:{key}"

        return self._world.effect("save", write)

    def load(self, key: RequestKey) -> Mapping[str, object] | None:
        document = self._world.effect("load", lambda: self._world.summaries.get(str(key)))
        if isinstance(document, str):  # somebody has spoilt the file
            raise SummaryDamaged("the summary store", f"The summary of {key} is no longer JSON.")
        return document

    def kept(self) -> Sequence[Kept]:
        keys = self._world.effect("list", lambda: list(self._world.summaries))
        return [Kept(RequestKey.parse(key), self._world.saved[key]) for key in keys]

    def pointers(self) -> frozenset[tuple[str, RequestKey]]:
        return self._world.effect("list", lambda: frozenset(self._world.pointers))

    def load_all(self, keys: Iterable[RequestKey]) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        for key in keys:
            if (document := self.load(key)) is not None:
                yield key, document

    def newest_first(self) -> Iterator[tuple[RequestKey, Mapping[str, object]]]:
        self._world.effect("list", lambda: None)
        for text in sorted(self._world.summaries, key=lambda text: micros_of(RequestKey.parse(text).ts), reverse=True):
            yield RequestKey.parse(text), self._world.summaries[text]

    def credited_by(self, sql_sha256: str) -> Sequence[RequestKey]:
        def search() -> list[RequestKey]:
            named = self._world.summaries.items()
            return [RequestKey.parse(key) for key, document in named if sql_sha256 in document["credited"]]  # type: ignore[operator]

        return self._world.effect("credited", search)

    def probe(self) -> None:
        """Nothing to find out."""


class MemoryPages:
    """Implements Pages."""

    def __init__(self, world: World) -> None:
        self._world = world

    def save(self, key: RequestKey, page: str) -> None:
        self._world.effect("page-save", lambda: self._world.pages.update({str(key): page}))

    def load(self, key: RequestKey) -> str | None:
        return self._world.effect("page-load", lambda: self._world.pages.get(str(key)))

    def kept(self) -> Collection[RequestKey]:
        return [RequestKey.parse(key) for key in self._world.pages]

    def address(self, key: RequestKey) -> str:
        return f"https://evidence.example.com/{key}.html"


class MemoryNotebooks:
    """Implements Notebooks: a version is kept by its hash alone."""

    def __init__(self, world: World) -> None:
        self._world = world

    def keep(self, run: NotebookRun) -> str:
        def keep() -> str:
            self._world.notebooks.setdefault(run.notebook_sha256, {run.notebook: b"{}"})
            return ""

        return self._world.effect("notebook-keep", keep)

    def load(self, sha256: str) -> Mapping[str, bytes] | None:
        return self._world.notebooks.get(sha256)


class MemoryLog:
    """Implements LogStore."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, number: int, entry: bytes) -> bytes:
        return self._world.effect("log-write", lambda: self._world.log.setdefault(number, entry))

    def entries(self) -> Mapping[int, bytes]:
        return self._world.effect("log-read", lambda: dict(self._world.log))

    def add_checkpoint(self, size: int, checkpoint: str) -> str:
        return self._world.effect("log-write", lambda: self._world.checkpoints.setdefault(size, checkpoint))

    def checkpoints(self) -> Mapping[int, str]:
        return dict(self._world.checkpoints)


class MemoryModels:
    """Implements Models."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, name: str, content: bytes) -> None:
        self._world.models.setdefault(name, content)

    def names(self) -> Sequence[str]:
        return self._world.effect("models", lambda: sorted(self._world.models))

    def load(self, name: str) -> bytes | None:
        return self._world.models.get(name)

    def address(self, name: str) -> str:
        return f"memory:{name}"


class MemoryStore:
    """Implements StateStore on the world's values; `World.values = None` is a store that does not exist."""

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self) -> Stored:
        def get() -> Stored:
            if self._world.values is None:
                raise StateUnusable("The state does not exist.", "Create it.")
            stored = Stored(dict(self._world.values), str(self._world.version), self._world.damage)
            while self._world.late_writes:
                with suppress(StateConflict):
                    self._world.late_writes.pop()()
            return stored

        return self._world.effect("state-read", get)

    def write(self, values: Mapping[str, str], version: str) -> str:
        def put() -> str:
            if version != str(self._world.version):
                raise StateConflict("The state was changed by another process.")
            self._world.version += 1
            self._world.values, self._world.damage = dict(values), ""
            return str(self._world.version)

        return self._world.effect("state-write", put)
