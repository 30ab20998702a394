"""One computation of a request as its summary keeps it: what a replay compares with another one. Pure.

Summaries of earlier versions have less in them, and anything may have been edited by hand. What is not there, or cannot
be read, is None or empty: nobody guesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from creditbot.credit.footprint import Flagged, Units, Unknown
from creditbot.evidence.basis import SqlRows, parameters_in, rows_in, texts_in
from creditbot.evidence.fields import mapping, mappings, moment, number, sequence, text
from creditbot.evidence.summary import footprints_in, outcome_fields


class Place(NamedTuple):
    """What flagged messages are compared by: UTC day, and the prefix of the destination."""

    day: date
    prefix: str


@dataclass(frozen=True, slots=True)
class ComputedLink:
    """What was computed from one link.

    Attributes:
        url: its address.
        kind: of the link, as in `model.LinkKind`.
        sql: as it was run; "" if it is not known.
        sql_sha256: hash of its SQL; "" if it was not read.
        filters: field -> Looker's filter; None if they are not known.
        query_timezone: of the filters; "" for Looker's own.
        product: name of its product; "" if it was skipped, or none was found.
        credit: USD; None if there was none.
        problem: why not, a sentence; "" if there was a credit or the link was skipped.
        notebook: path of the notebook that ran, "" if none did.
        notebook_sha256: hash of the notebook, "" if none ran.
        cells: hashes of its cells; None if they are not known.
        beside: the files beside it that it imports -> hashes; None if they are not known.
        versions: package -> version of what ran it.
        parameters: name -> value, of its policy cell; None if they are not known.
        rows: what its SQL gave; None if that is not known.
        flagged: what its notebook flagged, over all accounts and modes; None if that is not known.
    """

    url: str
    kind: str = "other"
    sql: str = ""
    sql_sha256: str = ""
    filters: Mapping[str, str] | None = None
    query_timezone: str = ""
    product: str = ""
    credit: Decimal | None = None
    problem: str = ""
    notebook: str = ""
    notebook_sha256: str = ""
    cells: tuple[str, ...] | None = None
    beside: Mapping[str, str] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] | None = None
    rows: SqlRows | None = None
    flagged: Mapping[Place, Flagged] | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """What was computed for one request.

    Attributes:
        amount: USD, answered or not; None if there was none.
        links: in the order of the message.
        at: UTC; None if it is not known.
        was_held: whether approvers were asked.
        note: what a reader has to know of the links, such as that they are of another run than the amount, or "".
        is_old: whether a version of creditbot computed it that kept less of what an amount is computed from.
    """

    amount: Decimal | None
    links: tuple[ComputedLink, ...]
    at: datetime | None = None
    was_held: bool = False
    note: str = ""
    is_old: bool = False


def computed_in(summary: Mapping[str, Any]) -> Computed:
    """The computation that a summary keeps, whatever became of the amount."""
    outcome = outcome_fields(summary)
    amount = number(summary.get("credit_amount"))
    cells = mapping(summary.get("notebooks"))
    return Computed(
        amount=number(summary.get("computed_amount")) if amount is None else amount,
        links=tuple(_link(link, cells) for link in mappings(summary.get("links"))),
        at=moment(summary.get("extracted_at")),
        was_held=bool(outcome.get("approval")),
        note=text(outcome.get("note")),
        is_old="notebooks" not in summary,
    )


def _link(link: Mapping[str, Any], notebooks: Mapping[str, Any]) -> ComputedLink:
    sha = text(link.get("notebook_sha256"))
    known = mapping(notebooks.get(sha))
    cells = sequence(known.get("cells"))
    return ComputedLink(
        url=text(link.get("url")),
        kind=text(link.get("kind")) or "other",
        sql=text(link.get("sql")),
        sql_sha256=text(link.get("sql_sha256")),
        filters=texts_in(link.get("filters")),
        query_timezone=text(link.get("query_timezone")),
        product=text(link.get("product")),
        credit=number(link.get("credit")),
        problem=text(link.get("problem")),
        notebook=text(link.get("notebook")),
        notebook_sha256=sha,
        cells=tuple(map(str, cells)) or None,
        beside=texts_in(known.get("beside", {})) if cells else None,
        versions={str(name): str(value) for name, value in mapping(link.get("versions")).items()},
        parameters=parameters_in(link.get("parameters")),
        rows=rows_in(link.get("sql_rows")),
        flagged=_flagged(link),
    )


def _flagged(link: Mapping[str, Any]) -> Mapping[Place, Flagged] | None:
    units: Units | Unknown = next((one.units for one in footprints_in({"links": [link]})), Unknown(""))
    if isinstance(units, Unknown):
        return None
    found: dict[Place, Flagged] = {}
    for unit, flagged in units.items():
        place = Place(unit.day, unit.prefix)
        before = found.get(place, Flagged(0, Decimal(0)))
        found[place] = Flagged(before.messages + flagged.messages, before.cost + flagged.cost)
    return found
