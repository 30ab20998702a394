"""Logs: one canonical line per request and per tick, as JSON for machines or as text for people."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from typing_extensions import override

from creditbot.errors import SettingsError
from creditbot.text import one_line, printable
from creditbot.text.known_secrets import without_known_secrets


def event(log: logging.Logger, name: str, /, **fields: object) -> None:
    """Logs what happened as one line with named fields; None is left out."""
    log.info(name, extra={"fields": {key: value for key, value in fields.items() if value is not None}})


def configure(
    file: Path | None,
    form: Literal["json", "text"],
    *,
    level: str = "INFO",
    stream: TextIO | None = None,
) -> None:
    """Sends the logs of the whole process to a file, or to `stream` (standard output) if there is none.

    Calling it again replaces what was there. Other packages are heard from WARNING on. Known secrets are left out.
    Raises `SettingsError` if the file cannot be written.
    """
    handler = _to_file(file) if file else logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_Form(_json if form == "json" else _text))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, _Form)]:
        root.removeHandler(old)
        with suppress(OSError):  # what a full disk did not take
            old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("creditbot").setLevel(level)


class _Form(logging.Formatter):
    """Writes a record in one of the two forms, without known secrets."""

    def __init__(self, form: Any) -> None:
        super().__init__()
        self._form = form

    @override
    def format(self, record: logging.LogRecord) -> str:
        trouble = self.formatException(record.exc_info) if record.exc_info else ""
        return without_known_secrets(self._form(record, getattr(record, "fields", {}), trouble))


def _json(record: logging.LogRecord, fields: dict[str, object], trouble: str) -> str:
    line = {"time": _time(record), "level": record.levelname, "logger": record.name, "event": record.getMessage()}
    return json.dumps({**line, **fields, **({"exception": trouble} if trouble else {})}, default=str)


def _text(record: logging.LogRecord, fields: dict[str, object], trouble: str) -> str:
    said = [_time(record), record.levelname, one_line(record.getMessage())]
    said += [f"{key}={_value(value)}" for key, value in fields.items() if value != ""]
    # Indented, so that no text of an exception passes for a line of the log.
    return "\n    ".join([" ".join(said), *map(printable, trouble.splitlines())])


def _value(value: object) -> str:
    text = one_line(str(value))
    return text if re.fullmatch(r"[^\s\"=]+", text) else json.dumps(text, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_file(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return _LogFile(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        todo = "Set LOG_FILE to a place that can be written, or to - for the standard output."
        raise SettingsError(f"The log {file} cannot be written: {error.strerror}.", todo) from error


class _LogFile(logging.FileHandler):
    """Says once, in a sentence and without a traceback, if the log can no longer be written, as on a full disk."""

    _complained = False

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        if not self._complained:
            self._complained = True
            sys.stderr.write(f"The log {self.baseFilename} can no longer be written: {sys.exc_info()[1]}.\n")
