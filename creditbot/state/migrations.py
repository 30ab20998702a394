"""Reads a state that an older version wrote: each step renames fields from one layout to the next.

Pure: JSON objects come in as the store holds them, and leave in the current layout (`record.SCHEMA`). If the number of
the layout was lost, the first is assumed. So a step must leave fields alone that already have their new name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """From one layout to the next.

    Attributes:
        meta: converts the `meta` entry.
        record: converts the record of a request.
    """

    meta: Callable[[Fields], Fields]
    record: Callable[[Fields], Fields]


OLD_STATUS = {"seen": "restarted", "dead": "given_up"}
"""Old and new names of statuses of layout 1. Summaries from that time contain the old ones, too."""


def _renamed(fields: Fields, names: Mapping[str, str]) -> Fields:
    return {names.get(name, name): value for name, value in fields.items()}


def _record_of_1(fields: Fields) -> Fields:
    fields = _renamed(fields, {"again": "overridden_by"})
    status, result = fields.get("status"), fields.get("result")
    if isinstance(status, str):
        fields["status"] = OLD_STATUS.get(status, status)
    if isinstance(result, dict):
        fields["result"] = _renamed(result, {"place": "location"})
    return fields


def _record_of_2(fields: Fields) -> Fields:
    """Layout 3 has more fields, which have defaults, and more statuses, which an older version must not misread."""
    return fields


STEPS: tuple[Step, ...] = (
    Step(meta=lambda fields: _renamed(fields, {"hold_since": "hold_before"}), record=_record_of_1),
    Step(
        meta=lambda fields: _renamed(fields, {"hold_before": "pause_before", "hold_until": "pause_until"}),
        record=_record_of_2,
    ),
)
"""The step from layout 1 comes first; SCHEMA is one more than the number of steps."""


def migrated_meta(fields: Fields, layout: int) -> Fields:
    """`meta` or `window` in the current layout; `layout` is the one that it was written in."""
    for step in STEPS[layout - 1 :]:
        fields = step.meta(fields)
    return {**fields, "schema": len(STEPS) + 1}


def migrated_record(fields: Fields, layout: int) -> Fields:
    """The record of a request in the current layout."""
    for step in STEPS[layout - 1 :]:
        fields = step.record(fields)
    return fields
