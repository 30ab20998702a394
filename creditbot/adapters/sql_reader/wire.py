"""What goes between the bot and the process that reads SQL: one line of JSON each way, a question and what was read."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from creditbot.credit.footprint_text import window_from_json, window_to_json
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import ProductTexts, SqlQuestion, SqlReading
from creditbot.errors import SqlRefused


def question_line(question: SqlQuestion) -> bytes:
    """The question as a line."""
    return _line({
        "sql": question.sql,
        "dialect": question.rules.dialect,
        "tables": question.rules.tables,
        "account_fields": question.rules.account_fields,
        "day": question.day.isoformat(),
        "products": [
            [product.name, product.contains, product.excludes, product.case_sensitive] for product in question.products
        ],
    })  # fmt: skip


def question_in(line: bytes) -> SqlQuestion:
    """The question in a line."""
    fields = json.loads(line)
    products = tuple(
        ProductTexts(name, tuple(contains), tuple(excludes), case_sensitive)
        for name, contains, excludes, case_sensitive in fields["products"]
    )
    rules = SqlRules(fields["dialect"], tuple(fields["tables"]), tuple(fields["account_fields"]))
    return SqlQuestion(fields["sql"], rules, products, date.fromisoformat(fields["day"]))


def reading_line(reading: SqlReading | SqlRefused) -> bytes:
    """What was read, or why nothing could be read, as a line."""
    if isinstance(reading, SqlRefused):
        return _line({"refused": _refusal(reading)})
    refusal = _refusal(reading.refusal) if reading.refusal else None
    return _line({
        "products": reading.products,
        "fingerprint": reading.fingerprint,
        "refusal": refusal,
        "window": window_to_json(reading.window),
    })  # fmt: skip


class SqlReaderFailed(Exception):
    """The process that reads SQL has a defect; the message is its traceback."""


def defect_line(text: str) -> bytes:
    """The traceback of a defect as a line."""
    return _line({"defect": text})


def reading_in(line: bytes) -> SqlReading:
    """What was read. Raises `SqlRefused` where nothing could be read, and `SqlReaderFailed`."""
    fields = json.loads(line)
    if "defect" in fields:
        raise SqlReaderFailed(fields["defect"])
    if "refused" in fields:
        raise _refusal_in(fields["refused"])
    refusal = _refusal_in(fields["refusal"]) if fields["refusal"] else None
    return SqlReading(tuple(fields["products"]), fields["fingerprint"], refusal, window_from_json(fields["window"]))


def _refusal(error: SqlRefused) -> list[Any]:
    return [error.what, error.todo, error.retry]


def _refusal_in(fields: list[Any]) -> SqlRefused:
    what, todo, retry = fields
    return SqlRefused(what, todo, retry=retry)


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"
