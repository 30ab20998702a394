"""VCR as it is used here: cassettes that are read by people, and requests that must be the recorded ones in full."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from vcr import VCR
from vcr.patch import PATCHER_NAMES
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.serialize import deserialize, serialize
from vcr.serializers import yamlserializer

from tests.replay.scrubbing import Scrubber, structure

# slack_sdk is on http.client, looker_sdk on requests. Whatever else calls out meets the closed network.
_OTHER_LIBRARIES = tuple(name for name in PATCHER_NAMES if name not in ("httplib", "requests"))


def tape(
    path: Path, scrubber: Scrubber, *, recording: bool = False, keeper: object = None
) -> AbstractContextManager[Any]:
    """A cassette: replayed, or recorded and written if nothing went wrong. `keeper` stands in for files."""
    vcr = VCR(
        record_mode="once" if recording else "none",
        before_record_request=scrubber.request,
        before_record_response=scrubber.response,
        decode_compressed_response=True,
        record_on_exception=False,
        skip_patchers=_OTHER_LIBRARIES,
        serializer="readable",
        match_on=("method", "scheme", "host", "port", "path", "exact_query", "exact_body", "credentials"),
    )
    vcr.register_serializer("readable", Readable)
    for matcher in (exact_query, exact_body, credentials):
        vcr.register_matcher(matcher.__name__, matcher)
    vcr.register_persister(keeper or (NewFile if recording else File))
    manager: AbstractContextManager[Any] = vcr.use_cassette(str(path))
    return manager


def exact_query(sent: Any, recorded: Any) -> None:
    """The same parameters with the same values, blank ones too."""
    _same(*(sorted(parse_qsl(urlsplit(request.uri).query, keep_blank_values=True)) for request in (sent, recorded)))


def exact_body(sent: Any, recorded: Any) -> None:
    """The same content type, and the same values in the same types, however they are written."""
    _same(*(_meaning(request) for request in (sent, recorded)))


def credentials(sent: Any, recorded: Any) -> None:
    """The same token, by its placeholder."""
    _same(*(request.headers.get("Authorization") for request in (sent, recorded)))


def _meaning(request: Any) -> list[str]:
    kind, content = structure(request.body, request.headers)
    content = sorted(content) if kind == "form" else content
    return [str(request.headers.get("Content-Type")), kind, json.dumps(content, sort_keys=True)]


def _same(sent: object, recorded: object) -> None:
    assert recorded == sent, f"{sent} was sent, {recorded} is recorded"


class Readable:
    """YAML with bodies as blocks, line by line. VCR's serializer interface."""

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        return yaml.dump(cassette, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000)

    deserialize = staticmethod(yamlserializer.deserialize)


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


class File:
    """A cassette in a file, in UTF-8 whatever the locale. VCR's persister interface."""

    @staticmethod
    def load_cassette(path: str, serializer: object) -> Any:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CassetteNotFoundError from None
        return deserialize(text, serializer)

    @staticmethod
    def save_cassette(path: str, cassette: dict[str, Any], serializer: object) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(serialize(cassette, serializer), encoding="utf-8")


class NewFile(File):
    """A file whose old content does not count; it stays until there is a new one."""

    @staticmethod
    def load_cassette(path: str, serializer: object) -> Any:
        raise CassetteNotFoundError
