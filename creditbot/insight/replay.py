"""Compares what was computed for a request with what is computed now, and names the first cause of a difference. Pure.

Two `Computed` come in, a `Comparison` goes out; `creditbot.insight.replayer` makes the second computation, and
`creditbot replay` prints the comparison.

A request differs if its answer may be another now: the amount of the request or of one of its links differs, a link
leads to other SQL or to none, or a person would have to decide now. Anything else that changed is listed and left at
that. The cause of a difference is the first of these that changed, in the order of the way from a link to an amount:

    sql        the link leads to other SQL now, or its SQL reads the clock
    product    the SQL counts as another product, or that product was switched on or off
    notebook   the product has another notebook
    versions   Python or a package has another version
    rows       the SQL gives other rows
    policy     a value of the notebook's policy cell, or the policy on who decides

If the amounts differ and none of these is known to have changed, the cause is "unknown". Something that changed on one
link does not explain a difference on another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from creditbot.insight.computed import Computed, ComputedLink
from creditbot.insight.differences import Change, Lead, of_lead, of_link
from creditbot.model import HoldReason

Cause = Literal["sql", "product", "notebook", "versions", "rows", "policy", "unknown"]
CAUSES: Sequence[Cause] = ("sql", "product", "notebook", "versions", "rows", "policy")
"""In the order in which the first cause is looked for."""

CAUSE_WORDS: Mapping[Cause, str] = {
    "sql": "the SQL",
    "product": "the product",
    "notebook": "the notebook",
    "versions": "the versions",
    "rows": "the rows",
    "policy": "the policy",
    "unknown": "not known",
}
"""Cause -> what a person reads."""

_NOT_KEPT = "What then was computed from is not known in full: an earlier version of creditbot kept less of it."
_ROWS_THEN = "Whether the rows are the same is not known: none were kept then, by the notebook or by creditbot."
_ROWS_NOW = "Whether the rows are the same is not known: today's notebook does not say what the SQL gave."
_FLAGGED = "What was flagged cannot be compared: it is not known on both sides."
_NO_CAUSE = (
    "Neither SQL, product, notebook, versions, rows nor policy cell is known to have changed. The notebook may use the "
    "time, chance, or a file or table of its own."
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of a request that was computed again.

    Attributes:
        then, now: both computations.
        changes: what differs, link by link, each in the order from the SQL to the amount.
        differs: whether the answer may be another now.
        cause: why; None if nothing differs.
        unknown: what could not be compared, a sentence each.
    """

    then: Computed
    now: Computed
    changes: tuple[Change, ...]
    differs: bool
    cause: Cause | None
    unknown: tuple[str, ...]

    @property
    def difference(self) -> Decimal | None:
        """USD, positive if more would be credited now; None without an amount on each side."""
        return (
            self.now.amount - self.then.amount if self.then.amount is not None and self.now.amount is not None else None
        )

    @property
    def first(self) -> Change | None:
        """The change that is the cause; None if nothing differs, or nobody knows why."""
        if self.cause is None or self.cause == "unknown":
            return None
        return next(change for change in self._causes() if change.kind == self.cause)

    def _causes(self) -> list[Change]:
        return _causes(self.then, self.now, self.changes)


def compare(
    then: Computed,
    now: Computed,
    leads: Mapping[str, Lead] = {},
    reasons: Sequence[HoldReason] = (),
    values: Mapping[str, Mapping[str, str]] = {},
) -> Comparison:  # fmt: skip
    """Compares two computations of one request.

    Args:
        then: as its summary keeps it.
        now: from the same SQL. Links are told apart by their addresses.
        leads: address of a link -> where it leads now.
        reasons: why a person would have to decide on today's amount, by the policy.
        values: product -> what somebody has set in the policy cell of its notebook, for today's computation.
    """
    changes = tuple(_changes(then, now, leads, reasons, values))
    differs = then.amount != now.amount or any(change.alone for change in changes) or bool(_otherwise(then, now))
    cause: Cause | None = None
    if differs:
        kinds = {change.kind for change in _causes(then, now, changes)}
        cause = next((kind for kind in CAUSES if kind in kinds), "unknown")
    return Comparison(then, now, changes, differs, cause, tuple(_unknown(then, now, cause)))


def _changes(
    then: Computed,
    now: Computed,
    leads: Mapping[str, Lead],
    reasons: Sequence[HoldReason],
    values: Mapping[str, Mapping[str, str]],
) -> list[Change]:
    found: list[Change] = []
    for before, after in _pairs(then, now):
        if before.url in leads:
            found += of_lead(before.url, leads[before.url])
        found += of_link(before, after, values.get(after.product, {}))
    if reasons and not then.was_held and then.amount is not None:
        words = f"A person would have to decide now, and did not have to then. {reasons[0].text}"
        kinds = [reason.kind.value for reason in reasons]
        details = tuple(reason.text for reason in reasons[1:])
        found.append(Change("policy", "", words, [], kinds, details, alone=True))
    return found


def _pairs(then: Computed, now: Computed) -> list[tuple[ComputedLink, ComputedLink]]:
    by_address = {link.url: link for link in now.links}
    missing = "It was not computed: its SQL is that of another link, or another link failed first."
    return [(link, by_address.get(link.url, ComputedLink(link.url, problem=missing))) for link in then.links]


def _otherwise(then: Computed, now: Computed) -> set[str]:
    """The links whose credit is another one."""
    return {before.url for before, after in _pairs(then, now) if before.credit != after.credit}


def _causes(then: Computed, now: Computed, changes: Sequence[Change]) -> list[Change]:
    """The changes that may be why the answer is another one."""
    links = _otherwise(then, now) or ({link.url for link in then.links} if then.amount != now.amount else set())
    return [change for change in changes if change.kind in CAUSES and (change.alone or change.link in links)]


def _unknown(then: Computed, now: Computed, cause: Cause | None) -> list[str]:
    """What could not be compared."""
    ran = [(before, after) for before, after in _pairs(then, now) if before.notebook_sha256]
    found = [then.note] if then.note else []
    if then.is_old:
        found.append(_NOT_KEPT)
    if any(before.rows is None for before, _ in ran):
        found.append(_ROWS_THEN)
    elif any(after.rows is None for _, after in ran if after.notebook_sha256):
        found.append(_ROWS_NOW)
    if any((before.flagged is None) != (after.flagged is None) for before, after in ran if not after.problem):
        found.append(_FLAGGED)
    if cause == "unknown":
        found.append(_NO_CAUSE)
    return found


def to_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON; docs/replay.md explains the keys."""
    first = comparison.first
    return {
        "then": comparison.then.amount,
        "now": comparison.now.amount,
        "difference": comparison.difference,
        "differs": comparison.differs,
        "cause": comparison.cause,
        "cause_in_words": first.words if first else None,
        "changes": [
            {
                "kind": change.kind,
                "link": change.link or None,
                "in_words": change.words,
                "then": change.before,
                "now": change.now,
                "details": list(change.details),
            }
            for change in comparison.changes
        ],
        "not_known": list(comparison.unknown),
    }
