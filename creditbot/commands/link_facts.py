"""What a saved summary says of one link, as `creditbot show` and `creditbot compute` print it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from creditbot.credit.amount import format_usd
from creditbot.credit.footprint import traffic_in_words, units_in_words
from creditbot.evidence.summary import footprints_in


def link_facts(link: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, value) pairs, one a line; all but the first have no name."""
    yield "link", str(link.get("url", ""))
    yield "", _whats_known(link)
    for footprint in footprints_in({"links": [link]}):
        yield "", f"traffic: {traffic_in_words(footprint)}"
        yield "", f"flagged: {units_in_words(footprint.units)}"
    if "problem" in link:
        yield "", str(link["problem"])


def _whats_known(link: Mapping[str, Any]) -> str:
    if "sql_sha256" not in link:
        return "its SQL was not run" if "sql" in link else "its SQL was not kept"
    skipped = "no product" if "problem" in link else "skipped: no product for its SQL is on"
    parts = [str(link.get("product") or skipped)]
    if "credit" in link:
        parts.append(format_usd(link["credit"]))
    parts.append(f"SQL {str(link['sql_sha256']).rpartition('-')[2][:12]}")
    if "notebook_sha256" in link:
        parts.append(f"notebook {str(link['notebook_sha256'])[:12]}")
    return ", ".join(parts)
