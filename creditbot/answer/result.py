"""What the state keeps of a computation: a `Computation` comes in, the `Result` of a record goes out. Pure."""

from __future__ import annotations

from creditbot.credit.compute import Computation
from creditbot.credit.footprint_text import footprint_to_text
from creditbot.decide.paid_twice import Credited
from creditbot.state.record import LinkAmount, Result


def result_of(computation: Computation, location: str = "") -> Result:
    """The result of a computation that has an amount; `location` is where its summary is."""
    assert computation.amount is not None
    return Result(
        computation.amount,
        computation.sql,
        computation.notebooks,
        location,
        computation.skipped,
        tuple(map(footprint_to_text, computation.footprints)),
        tuple(LinkAmount(each.product, each.credit.amount) for each in computation.results if each.credit),
    )


def credited_by(computation: Computation) -> list[Credited]:
    """The links that have a credit, with their traffic."""
    return [Credited(*pair) for pair in computation.credited]
