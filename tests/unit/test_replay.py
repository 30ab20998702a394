"""The comparison of two computations of one request: what differs, in words, and what the first cause is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint import Accounts, Days, Flagged, Footprint, Unit, Unknown
from creditbot.evidence.summary import computed_summary, failed_summary, with_footprints
from creditbot.insight.computed import Computed, computed_in
from creditbot.insight.differences import DETAILS, Lead
from creditbot.insight.replay import CAUSES, Comparison, compare, to_json
from creditbot.intake.requests import Request
from creditbot.machine import exact_json
from creditbot.model import (
    Cell,
    Credit,
    HoldKind,
    HoldReason,
    LinkResult,
    LookerLink,
    Message,
    NotebookRun,
    Query,
    RequestKey,
)

KEY = RequestKey("T0TEST", "C0TEST", "1736345678.123456")
NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
LOOK, OTHER_LOOK = "https://acme.looker.com/looks/42", "https://acme.looker.com/looks/43"
NEW_SHA = "f" * 64


@dataclass(frozen=True)
class Facts:
    """What one link was computed from, each with a value that a single change replaces."""

    url: str = LOOK
    product: str = "verify"
    sql_sha256: str = "3-" + "a" * 64
    credit: Decimal | None = Decimal("4948.80")
    notebook: str = "notebooks/verify_credit.ipynb"
    sha: str = "b" * 64
    sources: tuple[str, ...] = ("# Credit", 'looker = ""', "TARGET = 0.80", "credit()")
    beside: Mapping[str, str] = field(default_factory=lambda: {"method.py": "ab" * 32, "old.py": "cd" * 32})
    versions: Mapping[str, str] = field(default_factory=lambda: {"python": "3.11.2", "pandas": "2.3.3"})
    parameters: Mapping[str, str] | None = field(default_factory=lambda: {"TARGET": "0.80", "FLOOR": "20"})
    rows: Mapping[str, Any] | None = field(
        default_factory=lambda: {
            "count": 434,
            "hash": f"sha256:{'1' * 64}",
            "by_day": {"2025-12-01": 900, "2025-12-02": 1100},
        }
    )
    units: Mapping[Unit, Flagged] | None = field(
        default_factory=lambda: {
            Unit("AC1", date(2025, 12, 1), "+62", "basic"): Flagged(633, Decimal("243.072")),
            Unit("AC1", date(2025, 12, 1), "+63", "basic"): Flagged(10, Decimal("3.84")),
        }
    )

    @property
    def result(self) -> LinkResult:
        scraps: dict[str, Any] = {"parameters": self.parameters, "rows": self.rows}
        cells = tuple(Cell(number, "code", source) for number, source in enumerate(self.sources, 1))
        run = NotebookRun(scraps, cells, self.notebook, self.sha, self.versions, 1.0, beside=self.beside)
        query = Query(LookerLink("look", self.url), "SELECT 1")
        credit = Credit(self.credit) if self.credit is not None else None
        return LinkResult(query, self.product, self.sql_sha256, run, credit)

    @property
    def footprint(self) -> Footprint:
        units = Unknown("it says nothing") if self.units is None else self.units
        return Footprint(self.product, Accounts({"account_sid": frozenset({"AC1"})}), Days("day"), units)


def summary(*links: Facts) -> dict[str, Any]:
    amount = sum((link.credit or Decimal(0) for link in links), Decimal("0.00"))
    message = Message("C0TEST", KEY.ts, user="U0PERSON", text="please credit")
    made = computed_summary(KEY, "", message, amount, [link.result for link in links], NOW)
    read = exact_json.read(exact_json.write(with_footprints(made, [link.footprint for link in links])))
    assert isinstance(read, dict)
    return read


def computed(*links: Facts) -> Computed:
    """As it is read from a saved summary."""
    return computed_in(summary(*links))


THEN = Facts()
DEARER = replace(THEN, credit=Decimal("5012.00"))
CHANGED: Mapping[str, Mapping[str, Any]] = {
    "product": {"product": "psms"},
    "notebook": {"sha": NEW_SHA, "sources": ("# Credit", 'looker = ""', "TARGET = 0.85", "credit()")},
    "versions": {"versions": {"python": "3.11.2", "pandas": "3.0.0"}},
    "rows": {"rows": {"count": 435, "hash": f"sha256:{'2' * 64}", "by_day": {"2025-12-01": 900, "2025-12-02": 1120}}},
    "policy": {"parameters": {"TARGET": "0.85", "FLOOR": "20"}},
}
SAME_SQL = {LOOK: Lead("3-a", "3-a")}
OTHER_SQL = {LOOK: Lead("3-aaaa", "3-bbbb")}


def after(**changes: Any) -> Comparison:
    return compare(computed(THEN), computed(replace(THEN, **changes)))


def words(comparison: Comparison) -> list[str]:
    return [line for change in comparison.changes for line in (change.words, *change.details)]


facts = st.builds(
    Facts,
    credit=st.decimals(0, 10**6, places=2),
    sources=st.lists(st.text(), min_size=1, max_size=5).map(tuple),
    versions=st.dictionaries(st.text(min_size=1), st.text(), max_size=3),
    parameters=st.none() | st.dictionaries(st.text(min_size=1), st.text(), max_size=3),
    rows=st.none() | st.just(THEN.rows),
    units=st.none() | st.just(THEN.units),
)


# --- nothing differs -------------------------------------------------------------------------------------------------


@given(st.lists(facts, min_size=1, max_size=3))
def test_a_computation_compared_with_itself_says_nothing(links: list[Facts]) -> None:
    apart = [replace(link, url=f"{LOOK}{number}") for number, link in enumerate(links)]
    comparison = compare(computed(*apart), computed(*apart))
    assert ((), False, None) == (comparison.changes, comparison.differs, comparison.cause)


def test_a_link_that_leads_to_the_same_sql_says_nothing() -> None:
    assert () == compare(computed(THEN), computed(THEN), SAME_SQL).changes


def test_a_package_that_nobody_named_then_is_no_difference() -> None:
    """An earlier version of creditbot named fewer packages."""
    assert not after(versions={**THEN.versions, "duckdb": "1.4.0"}).changes


# --- one change, one cause -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CHANGED)
def test_a_single_change_with_another_amount_is_its_cause(kind: str) -> None:
    comparison = compare(computed(THEN), computed(replace(DEARER, **CHANGED[kind])), SAME_SQL)
    assert (True, kind) == (comparison.differs, comparison.cause)
    assert {kind, "amount"} == {change.kind for change in comparison.changes}
    assert comparison.first
    assert kind == comparison.first.kind
    assert comparison.first.before != comparison.first.now


@pytest.mark.parametrize("kind", CHANGED)
def test_a_single_change_without_another_amount_does_not_differ(kind: str) -> None:
    """It is listed, so that an auditor sees it."""
    comparison = after(**CHANGED[kind])
    assert (False, None, None) == (comparison.differs, comparison.cause, comparison.first)
    assert [kind] == [change.kind for change in comparison.changes]


@given(st.sets(st.sampled_from(sorted(CHANGED)), min_size=1), st.booleans())
def test_the_first_cause_is_the_first_in_the_documented_order(kinds: set[str], other_sql: bool) -> None:
    changes = {name: value for kind in kinds for name, value in CHANGED[kind].items()}
    leads = OTHER_SQL if other_sql else SAME_SQL
    comparison = compare(computed(THEN), computed(replace(DEARER, **changes)), leads)
    expected = next(cause for cause in CAUSES if cause in kinds | ({"sql"} if other_sql else set()))
    assert expected == comparison.cause


def test_another_amount_from_the_same_has_no_known_cause() -> None:
    comparison = compare(computed(THEN), computed(DEARER))
    assert "unknown" == comparison.cause
    assert comparison.first is None
    assert "The notebook may use the time, chance" in comparison.unknown[-1]


def test_a_change_on_one_link_is_no_cause_of_a_difference_on_another() -> None:
    """The notebook of the first link changed, and the credit of the second one did."""
    second = replace(THEN, url=OTHER_LOOK)
    now = computed(replace(THEN, sha=NEW_SHA), replace(second, credit=Decimal(1), **CHANGED["rows"]))
    assert "rows" == compare(computed(THEN, second), now).cause


# --- the SQL ---------------------------------------------------------------------------------------------------------


def test_a_link_to_other_sql_differs_even_with_the_same_amount() -> None:
    """Nobody knows what the other SQL would give."""
    comparison = compare(computed(THEN), computed(THEN), OTHER_SQL)
    assert (True, "sql") == (comparison.differs, comparison.cause)
    (line,) = words(comparison)
    assert "The link leads to other SQL now: aaaa then, bbbb now. The old SQL was run." == line


def test_a_link_that_is_gone_is_said_with_the_reason() -> None:
    leads = {LOOK: Lead("3-a", problem="Looker has no Look 42.")}
    comparison = compare(computed(THEN), computed(THEN), leads)
    assert "sql" == comparison.cause
    assert ["The link leads to no SQL now: Looker has no Look 42."] == words(comparison)


def test_a_link_that_nobody_followed_is_no_difference() -> None:
    assert not compare(computed(THEN), computed(THEN), {LOOK: Lead("3-a")}).changes


def test_sql_that_reads_the_clock_is_a_cause_only_of_another_amount() -> None:
    leads = {LOOK: Lead("3-a", "3-a", other_days=(date(2026, 1, 8), date(2026, 2, 1)))}
    assert not compare(computed(THEN), computed(THEN), leads).differs
    comparison = compare(computed(THEN), computed(DEARER), leads)
    assert "sql" == comparison.cause
    assert "run on 2026-02-01, it asks for other traffic than on 2026-01-08" in words(comparison)[0]


# --- in words, with both values --------------------------------------------------------------------------------------


def test_a_changed_cell_is_named_by_its_number_and_both_hashes() -> None:
    first, second, *_ = words(after(**CHANGED["notebook"]))
    assert f"verify_credit.ipynb {'b' * 12} then, verify_credit.ipynb {'f' * 12} now." in first
    assert second.startswith("Cell 3 changed: ")


def test_cells_that_came_and_went_are_named() -> None:
    _, *cells = words(after(sha=NEW_SHA, sources=("# New", *THEN.sources[:3])))
    assert ["Cell 1 is new: ", "Cell 4 of the old notebook is gone: "] == [
        cell.rpartition(" ")[0] + " " for cell in cells
    ]


def test_files_that_a_notebook_imports_are_named() -> None:
    _, *files = words(after(sha=NEW_SHA, beside={"method.py": "ef" * 32, "new.py": "12" * 32}))
    assert [
        "The file method.py that it imports changed: abababababab then, efefefefefef now.",
        "The file new.py that it imports changed: none then, 121212121212 now.",
        "The file old.py that it imports changed: cdcdcdcdcdcd then, none now.",
    ] == files


def test_a_notebook_whose_cells_are_the_same_says_so() -> None:
    """Its metadata is in its hash, too."""
    assert words(after(sha=NEW_SHA))[1].startswith("Its cells are the same")


def test_rows_are_compared_by_number_by_day_and_by_what_was_flagged() -> None:
    units = dict(THEN.units or {})
    units[Unit("AC1", date(2025, 12, 1), "+62", "basic")] = Flagged(640, Decimal("245.76"))
    assert [
        "The SQL gives other rows now: 434 then, 435 now.",
        "2025-12-02: 1,100 messages then, 1,120 now.",
        "2025-12-01 +62: 633 ($243.07) flagged then, 640 ($245.76) now.",
    ] == words(after(**CHANGED["rows"], units=units))


def test_as_many_rows_that_are_not_the_same_are_told_apart() -> None:
    rows = {**THEN.rows, "hash": f"sha256:{'3' * 64}"} if THEN.rows else None
    assert ["The SQL gives other rows now: 434 then, as many now, and not the same ones."] == words(after(rows=rows))


def test_many_days_are_counted_after_the_first_ones() -> None:
    by_day = {f"2025-11-{day:02}": day for day in range(1, 31)}
    rows = {"count": 1, "hash": f"sha256:{'4' * 64}", "by_day": by_day}
    lines = words(after(rows=rows))
    assert DETAILS + 2 == len(lines)
    assert "And 20 more days." == lines[-1]


def test_other_flagged_traffic_of_the_same_rows_is_listed() -> None:
    comparison = after(units={Unit("AC1", date(2025, 12, 1), "+62", "basic"): Flagged(1, Decimal("0.384"))})
    assert ["flagged"] == [change.kind for change in comparison.changes]
    assert not comparison.differs
    assert "643 messages for $246.91 then, 1 message for $0.38 now." in words(comparison)[0]


def test_accounts_and_modes_of_flagged_traffic_are_added_up() -> None:
    """The account of a unit may be known on one day only: then Looker's filters named it."""
    split = {
        Unit("", date(2025, 12, 1), "+62", "basic"): Flagged(600, Decimal("230.40")),
        Unit("AC1", date(2025, 12, 1), "+62", "max"): Flagged(33, Decimal("12.672")),
        Unit("AC1", date(2025, 12, 1), "+63", "basic"): Flagged(10, Decimal("3.84")),
    }
    assert not after(units=split).changes


def test_values_of_the_policy_cell_are_named_with_both_values() -> None:
    lines = words(after(parameters={"TARGET": "0.85", "WINDOW": "x" * 300}))
    assert lines[:2] == [
        "The policy cell of the notebook says otherwise: TARGET, FLOOR, WINDOW.",
        "TARGET: 0.80 then, 0.85 now.",
    ]
    assert "FLOOR: 20 then, none now." == lines[2]
    assert len(lines[3]) < 240


def test_a_version_that_is_gone_is_named() -> None:
    assert ["It ran on other versions: pandas 2.3.3 then, none now."] == words(after(versions={"python": "3.11.2"}))


def test_what_was_set_is_the_cause_if_the_notebook_tells_no_values() -> None:
    """A notebook of somebody else may glue nothing of its policy."""
    silent = replace(THEN, parameters=None)
    now = computed(replace(silent, credit=Decimal("5012.00")))
    comparison = compare(computed(silent), now, values={"verify": {"TARGET": "0.85"}, "psms": {"TARGET": "0.9"}})
    assert "policy" == comparison.cause
    assert ["The policy cell of the notebook was set otherwise: TARGET.", "TARGET: 0.85 now."] == words(comparison)[:2]


def test_a_person_who_would_have_to_decide_now_is_a_difference() -> None:
    reason = HoldReason(HoldKind.REQUEST_LIMIT, "The amount of $4,948.80 is above the limit of $4,000.00.")
    comparison = compare(computed(THEN), computed(THEN), reasons=[reason])
    assert (True, "policy") == (comparison.differs, comparison.cause)
    assert reason.text in words(comparison)[0]


def test_a_person_who_had_to_decide_then_is_none() -> None:
    then = computed_in({**summary(THEN), "outcome": {"status": "answered", "approval": {"digest": "1"}}})
    reason = HoldReason(HoldKind.REQUEST_LIMIT, "The amount is above the limit.")
    assert not compare(then, computed(THEN), reasons=[reason]).differs


# --- no amount -------------------------------------------------------------------------------------------------------


def failed(problem: str, link: Facts = THEN) -> Computed:
    result = replace(link.result, credit=None)
    request = Request(KEY, Message("C0TEST", KEY.ts), (result.query.link,))
    return computed_in(failed_summary(KEY, "", request, [result], {link.url: problem}, {}))


def test_an_amount_that_is_refused_now_is_a_difference_with_the_reason() -> None:
    comparison = compare(computed(THEN), failed("The credit is negative.", replace(THEN, **CHANGED["rows"])))
    assert (True, "rows", None) == (comparison.differs, comparison.cause, comparison.difference)
    lines = words(comparison)
    assert "The credit of the link: $4,948.80 then, none now." in lines
    assert "Why there is none now: The credit is negative." in lines


def test_two_refusals_are_the_same_answer() -> None:
    """Nobody is credited, now as then; another reason is listed."""
    assert not compare(failed("Too little."), failed("Too little.")).changes
    comparison = compare(failed("Too little."), failed("Too much."))
    assert not comparison.differs
    assert ["Why there was none then: Too little.", "Why there is none now: Too much."] == words(comparison)[1:]


def test_a_link_that_was_not_computed_now_is_named() -> None:
    second = replace(THEN, url=OTHER_LOOK)
    comparison = compare(computed(THEN, second), computed(THEN))
    assert comparison.differs
    assert any(line.startswith("Why there is none now: It was not computed") for line in words(comparison))


# --- what is not known -----------------------------------------------------------------------------------------------

OLD_LINK = ("cells", "parameters", "sql_rows", "footprint")


def of_an_earlier_version(link: Facts) -> Computed:
    document = summary(link)
    del document["notebooks"]
    document["links"] = [{k: v for k, v in kept.items() if k not in OLD_LINK} for kept in document["links"]]
    return computed_in(document)


def test_a_summary_of_an_earlier_version_says_what_it_lacks() -> None:
    comparison = compare(of_an_earlier_version(THEN), computed(THEN))
    assert () == comparison.changes
    assert [
        "What then was computed from is not known in full: an earlier version of creditbot kept less of it.",
        "Whether the rows are the same is not known: none were kept then, by the notebook or by creditbot.",
        "What was flagged cannot be compared: it is not known on both sides.",
    ] == list(comparison.unknown)


def test_cells_that_were_not_kept_are_not_guessed() -> None:
    comparison = compare(of_an_earlier_version(THEN), computed(replace(DEARER, sha=NEW_SHA)))
    assert "notebook" == comparison.cause
    assert "Which cells differ is not known." in words(comparison)


def test_rows_that_are_not_known_are_never_the_cause() -> None:
    comparison = compare(computed(replace(THEN, rows=None)), computed(replace(DEARER, **CHANGED["rows"])))
    assert "unknown" == comparison.cause
    assert comparison.unknown[0].startswith("Whether the rows are the same is not known")


def test_a_notebook_that_no_longer_says_its_rows_is_told_apart() -> None:
    assert ["Whether the rows are the same is not known: today's notebook does not say what the SQL gave."] == list(
        after(rows=None).unknown
    )


def test_links_of_another_run_than_the_amount_are_noted() -> None:
    document = {**summary(THEN), "outcome": {"status": "answered", "note": "They come from a different run."}}
    assert ["They come from a different run."] == list(compare(computed_in(document), computed(THEN)).unknown)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False),
                    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
                        st.sampled_from(["links", "notebooks", "url", "credit", "sql_rows", "versions", "cells",
                                         "parameters", "footprint", "extracted_at", "outcome", "count", "hash"]),
                        inner, max_size=4), max_leaves=12))  # fmt: skip
def test_a_summary_that_somebody_edited_is_read_as_far_as_it_goes(value: Any) -> None:
    document = value if isinstance(value, dict) else {"links": value}
    assert not compare(computed_in(document), computed_in(document)).differs


# --- as JSON ---------------------------------------------------------------------------------------------------------


def test_a_comparison_is_json_with_exact_amounts() -> None:
    comparison = compare(computed(THEN), computed(replace(DEARER, **CHANGED["rows"])))
    text = exact_json.write(to_json(comparison))
    assert '"then": 4948.80,' in text
    assert '"difference": 63.20,' in text
    read = exact_json.read(text)
    assert isinstance(read, dict)
    assert {"then", "now", "difference", "differs", "cause", "cause_in_words", "changes", "not_known"} == read.keys()
    assert {"kind", "link", "in_words", "then", "now", "details"} == read["changes"][0].keys()
