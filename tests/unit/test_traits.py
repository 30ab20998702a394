"""The traits that a second opinion compares requests by: as summaries have them, link by link and together."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from creditbot.credit.footprint import Accounts, Flagged, Footprint, Unit, Unknown
from creditbot.credit.footprint_text import footprint_to_json
from creditbot.credit.traits import Traits, traits_of
from creditbot.evidence.traits import traits_in


def link(cost: str | None = "100.00", rate: str | None = "0.4", **fields: Any) -> dict[str, Any]:
    """A link of a summary with one row."""
    row = {"fraud_cost": cost and Decimal(cost), "columns": {"block_rate": rate} if rate else {}}
    return {"product": "verify", "credit": Decimal("50.00"), "rows": [row], **fields}


def with_units(*units: tuple[str, str, str]) -> dict[str, Any]:
    """The footprint of a link: (day, prefix, USD) of what was flagged."""
    flagged = {
        Unit("AC1", date.fromisoformat(day), prefix, "basic"): Flagged(10, Decimal(cost)) for day, prefix, cost in units
    }
    accounts = Accounts({"account_sid": frozenset({"AC1"})})
    return {"footprint": footprint_to_json(Footprint("verify", accounts, Unknown("any day"), flagged))}


def traits(*links: dict[str, Any]) -> Traits | None:
    return traits_in({"links": list(links)})


def test_a_summary_says_cost_block_rate_days_and_prefixes() -> None:
    units = with_units(("2025-12-01", "+62", "30"), ("2025-12-01", "+63", "30"), ("2025-12-04", "+62", "40"))
    assert Traits("verify", Decimal("100.00"), 0.4, 2, 2) == traits(link(**units))


def test_the_block_rate_of_several_rows_is_weighed_by_their_cost() -> None:
    rows = [
        {"fraud_cost": Decimal(300), "columns": {"block_rate": "0.2"}},
        {"fraud_cost": Decimal(100), "columns": {"block_rate": "60%"}},
        {"fraud_cost": Decimal(0), "columns": {"block_rate": "-"}},
    ]
    assert Traits("verify", Decimal(400), 0.3) == traits(link(rows=rows))


def test_of_several_links_costs_add_up_and_most_days_and_prefixes_count() -> None:
    one = with_units(("2025-12-01", "+62", "60"), ("2025-12-02", "+62", "40"))
    other = with_units(("2025-12-01", "+62", "100"), ("2025-12-01", "+63", "200"))
    found = traits(link(**one), link("300.00", "0.8", product="psms", **other))
    assert Traits("psms and verify", Decimal("400.00"), pytest.approx(0.7), 2, 2) == found  # type: ignore[arg-type]


def test_a_cost_that_the_rows_do_not_name_is_that_of_what_was_flagged() -> None:
    units = with_units(("2025-12-01", "+62", "30.25"))
    assert Traits("verify", Decimal("30.25"), None, 1, 1) == traits(link(None, None, **units))


def test_rows_of_which_some_were_left_out_say_nothing() -> None:
    assert traits(link(rows_left_out=1)) is None
    units = with_units(("2025-12-01", "+62", "30.25"))
    assert Traits("verify", Decimal("30.25"), None, 1, 1) == traits(link(rows_left_out=1, **units))


@pytest.mark.parametrize("rate", [None, "", "n/a", "1.2", "-0.1"])
def test_a_block_rate_that_cannot_be_read_is_not_known(rate: str | None) -> None:
    assert Traits("verify", Decimal("100.00")) == traits(link(rate=rate))


def test_a_link_whose_cost_is_not_known_leaves_the_request_without_traits() -> None:
    assert traits(link(), link(None)) is None


@pytest.mark.parametrize("cost", ["0.00", "-5.00"])
def test_a_request_without_fraud_cost_has_no_traits(cost: str) -> None:
    assert traits(link(cost)) is None


def test_a_link_that_was_skipped_or_failed_is_left_out() -> None:
    assert traits({"url": "https://acme", "problem": "?"}, link()) == traits(link())
    assert traits({"url": "https://acme"}) is None
    assert traits() is None


def test_what_one_link_does_not_know_is_not_known_of_the_request() -> None:
    known = Traits("verify", Decimal(1), 0.5, 3, 4)
    assert Traits("verify", Decimal(2)) == traits_of([known, Traits("verify", Decimal(1))])


def test_the_block_rate_of_a_link_that_cost_nothing_does_not_count() -> None:
    assert Traits("verify", Decimal(1), 0.5, 3, 4) == traits_of(
        [Traits("verify", Decimal(1), 0.5, 3, 4), Traits("verify", Decimal(0), None, 0, 0)]
    )
