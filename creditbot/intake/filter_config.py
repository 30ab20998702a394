"""Checks that the `filter_config` of a Looker address agrees with its filters. Pure.

Looker writes both: `f[...]` for its API, and `filter_config` for the filter bar of the page. If they differ, the page
follows `filter_config`, whose format is not documented. So creditbot uses `f[...]` alone, and `looker_links` refuses a
link whose `filter_config` filters by something else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

_ANY_VALUE = ("any", "anytime")
"""Types of filters that let everything through, whatever values they still hold."""


def agrees(filter_config: str, filters: Mapping[str, str]) -> bool:
    """Whether `filter_config`, as an address holds it, filters by nothing beyond `filters`."""
    if not filter_config:
        return True
    try:
        fields: object = json.loads(filter_config)
    except (ValueError, RecursionError):
        return False
    if fields is None:
        return True
    if not isinstance(fields, Mapping):
        return False
    return all(_field_agrees(conditions, filters.get(name, "")) for name, conditions in fields.items())


def _field_agrees(conditions: object, expression: str) -> bool:
    """Whether the conditions on one field filter by nothing beyond its filter expression."""
    if not isinstance(conditions, list):
        return False
    for condition in conditions:
        if not isinstance(condition, Mapping):
            return False
        if condition.get("type") in _ANY_VALUE:
            continue
        for value in _values(condition):
            if not expression or not _names(expression, value):
                return False
    return True


def _values(condition: Mapping[str, object]) -> Iterator[object]:
    """The values of a condition, without the empty ones that Looker leaves in."""
    values = condition.get("values")
    for value in values if isinstance(values, list) else [values]:
        if value and value != {"constant": ""}:
            yield value


def _names(expression: str, value: object) -> bool:
    """Whether a filter expression contains a value. True for dates and durations, which it spells differently."""
    constant = value.get("constant") if isinstance(value, Mapping) and "unit" not in value else None
    if not isinstance(constant, str):
        return True
    return constant.lower() in expression.replace("^", "").lower()
