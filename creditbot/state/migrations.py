"""How a state that an older version wrote is read: each step renames what one layout calls otherwise than the next.

Pure: JSON objects as the store holds them come in, and leave in the layout of today (`record.SCHEMA`). A step changes
nothing where the new name stands already, because a layout whose number was lost is taken for the first.
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
        meta: for what is remembered beside the requests.
        record: for the record of a request.
    """

    meta: Callable[[Fields], Fields]
    record: Callable[[Fields], Fields]


OLD_STATUS = {"seen": "restarted", "dead": "given_up"}
"""Statuses of layout 1 that have another name today; summaries that were written then hold them too."""


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


STEPS: tuple[Step, ...] = (
    Step(meta=lambda fields: _renamed(fields, {"hold_since": "hold_before"}), record=_record_of_1),
)
"""The step from layout 1 first; SCHEMA is one more than there are steps."""


def migrated_meta(fields: Fields, layout: int) -> Fields:
    """`meta` or `window` in the layout of today; `layout` is the one it was written in."""
    for step in STEPS[layout - 1 :]:
        fields = step.meta(fields)
    return {**fields, "schema": len(STEPS) + 1}


def migrated_record(fields: Fields, layout: int) -> Fields:
    """The record of a request in the layout of today."""
    for step in STEPS[layout - 1 :]:
        fields = step.record(fields)
    return fields
