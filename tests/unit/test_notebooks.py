"""The bundled notebooks: their form, and the method by example and by property."""

from __future__ import annotations

import ast
import json
import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from credit_report.credit import block_rate, credit_of, sensitivity, shares, summarise, units_of
from credit_report.report import Report
from credit_report.traffic import Traffic, add_up
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bundled_notebooks import (
    COUNTS,
    NOTEBOOKS,
    PRODUCTS,
    ROOT,
    SUMMARY,
    VERIFY,
    Row,
    path_of,
    tags_of,
    traffic,
)
from tests.support.notebooks import cells_of

pytestmark = pytest.mark.untraced  # what runs here is the notebooks' own code

FROZEN = ROOT / "bench" / "frozen.ipynb"
ALL = [path_of("verify"), path_of("psms"), FROZEN]
MOST_LINES = 120  # of code, in each notebook
CENT = Decimal("0.01")

each_notebook = pytest.mark.parametrize("product", PRODUCTS)


def judge(product: str, rows: list[Row]) -> list[Row]:
    return list(NOTEBOOKS[product].flag(add_up(rows, COUNTS[product])))


def summary_of(product: str, rows: list[Row]) -> list[Row]:
    return summarise(judge(product, rows), NOTEBOOKS[product].TARGETS)


def test_units_of_a_row_that_several_accounts_share_keep_their_sum() -> None:
    """The method counts all accounts of a query together."""
    assert [("AC1", 6), ("AC2", 4)] == shares({"flagged": 10, "messages": 12, "accounts": {"AC1": 7, "AC2": 5}})


def test_both_notebooks_have_the_same_cells_in_the_same_order() -> None:
    """An analyst who knows one notebook finds everything in the other. Only PSMS has days that it cannot judge."""
    verify, psms = (cells_of(path_of(product)) for product in PRODUCTS)
    shape = [(cell["id"], cell["cell_type"], tags_of(cell)) for cell in verify]
    own = {"not-judged", "not-judged-heading"}
    assert shape == [(cell["id"], cell["cell_type"], tags_of(cell)) for cell in psms if cell["id"] not in own]


@each_notebook
def test_a_notebook_has_little_code(product: str) -> None:
    """It keeps what an analyst decides and reads; what both notebooks share is beside them."""
    code = [cell["source"] for cell in cells_of(path_of(product)) if cell["cell_type"] == "code"]
    assert sum(len(source.splitlines()) for source in code) <= MOST_LINES


@each_notebook
def test_code_is_folded_but_what_an_analyst_fills_in(product: str) -> None:
    """JupyterLab folds a cell with `source_hidden`, Jupyter Book one with the tag `hide-input`."""
    code = [cell for cell in cells_of(path_of(product)) if cell["cell_type"] == "code"]
    hidden = {cell["id"] for cell in code if cell["metadata"].get("jupyter", {}).get("source_hidden")}
    assert hidden == {cell["id"] for cell in code if "hide-input" in tags_of(cell)}
    assert {"parameters", "policy"} == {cell["id"] for cell in code} - hidden


@each_notebook
def test_the_result_comes_first(product: str) -> None:
    """Above it are only what goes in, the policy, and folded code."""
    ids = [cell["id"] for cell in cells_of(path_of(product))]
    above = ["title", "sql", "parameters", "policy-heading", "policy", "method", "summary-heading"]
    assert [*above, "summary"] == ids[: len(above) + 1]
    assert "method-text" == ids[-1]


@each_notebook
def test_the_policy_is_glued_value_by_value(product: str) -> None:
    """With them a credit can be computed again later, and with other ones compared."""
    sources = {cell["id"]: cell["source"] for cell in cells_of(path_of(product))}
    names = re.findall(r"^(\w+) =", sources["policy"], re.MULTILINE)
    assert {name: name for name in names} == dict(re.findall(r"(\w+)=(\w+),", sources["glue"]))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_is_saved_clean(path: Path) -> None:
    """Outputs would hold customers' traffic, and ids that change make every diff unreadable."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert "4.5" == f"{notebook['nbformat']}.{notebook['nbformat_minor']}"
    assert "python3" == notebook["metadata"]["kernelspec"]["name"]
    assert [([], None)] * len(code) == [(cell["outputs"], cell["execution_count"]) for cell in code]
    assert all(re.fullmatch(r"[a-z-]+", cell["id"]) for cell in notebook["cells"])


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_takes_the_sql_in_its_parameter_looker(path: Path) -> None:
    """One cell tagged `parameters` sets `looker` to an empty text, and no other parameter to anything else."""
    (cell,) = [cell for cell in cells_of(path) if "parameters" in tags_of(cell)]
    looker, *others = cell["source"].splitlines()
    assert re.fullmatch(r'looker(: str)? = ""(  # .*)?', looker)
    assert all(re.fullmatch(r'CREDIT_(FROM|TO): str = ""  # .*', other) for other in others)


@each_notebook
def test_the_policy_cell_holds_nothing_but_constants(product: str) -> None:
    """Whoever edits the policy need not read code."""
    (cell,) = [cell for cell in cells_of(path_of(product)) if "policy" in tags_of(cell)]
    kinds = {type(statement) for statement in ast.parse(cell["source"]).body}
    assert {ast.ImportFrom, ast.Assign} == kinds


@each_notebook
def test_no_decision_stands_outside_the_policy_cell(product: str) -> None:
    """Targets, floors and windows are named where they are used."""
    policy = {Decimal(20), Decimal(14), Decimal(7), Decimal("0.2"), Decimal("0.80"), Decimal("0.90"), Decimal("0.95")}
    for cell in cells_of(path_of(product)):
        if "functions" in tags_of(cell):
            numbers = [node.value for node in ast.walk(ast.parse(cell["source"])) if isinstance(node, ast.Constant)]
            used = {Decimal(str(number)) for number in numbers if type(number) in (int, float)}
            assert set() == used & policy, cell["id"]


@each_notebook
def test_a_notebook_holds_no_address_and_no_secret(product: str) -> None:
    """It is the same file everywhere; the only path in it is an example."""
    text = "\n".join(cell["source"] for cell in cells_of(path_of(product)))
    assert [] == re.findall(r"xox[a-z]-|https?://|/(?:home|root|tmp|work|Users)/|://\w+:\w+@", text)


@each_notebook
def test_the_method_is_explained_with_its_reference_row(product: str) -> None:
    """The worked example in the text is what the functions compute."""
    method = next(cell["source"] for cell in cells_of(path_of(product)) if cell["id"] == "method-text")
    assert "7526.30 x (0.80 - 0.416) / (1 - 0.416) = 4948.80" in method
    assert Decimal("4948.80") == credit_of(NOTEBOOKS[product].TARGETS["basic"], Decimal("7526.30"), Decimal("0.416"))


def test_the_frozen_notebook_shows_the_reference_row_and_glues_nothing() -> None:
    """The benchmark measures a notebook as people have them: pandas, a table under Summary Info, no scrap."""
    cells = cells_of(FROZEN)
    namespace: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(cell["source"], namespace)
    assert 5 == len(cells)
    assert "## Summary Info" == cells[3]["source"]
    assert "glue" not in "".join(cell["source"] for cell in cells)
    assert ["basic", "1.000", 35644, "$7,526.30", "0.416", "$4,948.80"] == list(namespace["rows"][SUMMARY].iloc[0])


# ---- the method, by example ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verified", "allowance"), [(0, 20), (100, 20), (104, 20), (105, 21), (109, 21), (110, 22), (1_000_003, 200_000)]
)
def test_verify_allows_a_fifth_of_the_best_day_and_at_least_the_floor(verified: int, allowance: int) -> None:
    """Max of 20 and 0.2 x verified, rounded down."""
    assert allowance == VERIFY.allowance_for(verified)


def test_verify_allowance_looks_back_fourteen_days_that_end_with_the_day() -> None:
    """The best day counts on itself and on the next thirteen, not before and not after."""
    rows = [traffic(day, messages=2000, verified=1000 if day == 10 else 0) for day in range(1, 31)]
    allowances = [row["allowance"] for row in judge("verify", rows)]
    assert [20] * 9 + [200] * 14 + [20] * 7 == allowances


def test_verify_allowance_is_the_prefix_s_own_in_whichever_mode() -> None:
    """A prefix that changed its mode keeps its history; another prefix's history is not an excuse."""
    rows = [
        traffic(1, messages=1000, verified=1000),
        traffic(2, messages=100, mode="max"),
        traffic(2, messages=100, prefix="+994"),
    ]
    assert [200, 200, 20] == [row["allowance"] for row in judge("verify", rows)]


def test_verify_flags_what_is_neither_verified_nor_allowed() -> None:
    """Messages less verified less allowance, never below zero."""
    rows = [traffic(1, messages=657, verified=15), traffic(2, messages=30, verified=29), traffic(3, verified=5)]
    assert [(622, Decimal("238.8480")), (0, 0), (0, 0)] == [
        (row["flagged"], row["cost"]) for row in judge("verify", rows)
    ]


def test_psms_compares_a_day_with_the_median_of_the_days_before_it() -> None:
    """Twice the median, exact for an even number of days, the day itself not among them."""
    rows = [traffic(day, messages=messages) for day, messages in enumerate([10, 11, 30, 31, 12, 33, 14, 28, 400], 1)]
    assert [None] * 7 + [28, 42] == [row["allowance"] for row in judge("psms", rows)]
    assert [0] * 8 + [358] == [row["flagged"] for row in judge("psms", rows)]


def test_psms_looks_back_fourteen_days_at_the_most() -> None:
    """What was usual three weeks ago does not excuse today."""
    rows = [traffic(day, messages=1000 if day <= 8 else 30) for day in range(1, 24)]
    assert [None] * 7 + [2000] * 8 + [1030] + [60] * 7 == [row["allowance"] for row in judge("psms", rows)]


def test_psms_takes_all_modes_of_a_prefix_as_its_history() -> None:
    """A prefix that changed its mode is still judged by what it sent before."""
    rows = [traffic(day, messages=50, mode=mode) for day in range(1, 8) for mode in ("basic", "max")]
    (last,) = [row for row in judge("psms", [*rows, traffic(8, messages=260, mode="standard")]) if row["flagged"]]
    assert {"allowance": 200, "flagged": 60} == {name: last[name] for name in ("allowance", "flagged")}


def test_psms_leaves_flagged_days_out_of_its_history() -> None:
    """An attack of three weeks is flagged to its end, and the days after it are compared with those before it."""
    rows = [traffic(day, messages=500 if 10 <= day <= 30 else 20) for day in range(1, 41)]
    judged = judge("psms", rows)
    assert [None] * 7 + [40] * 33 == [row["allowance"] for row in judged]
    assert list(range(10, 31)) == [row["day"].day for row in judged if row["flagged"]]


def test_psms_reaches_back_only_over_flagged_days() -> None:
    """Days without rows take their place in the window, as before: 7 of 14 days make a history."""
    rows = [traffic(day, messages=20) for day in range(1, 8)]
    later = [traffic(15, messages=500), traffic(17, messages=21)]
    assert [40, None] == [row["allowance"] for row in judge("psms", [*rows, *later])][7:]


def test_psms_flags_nothing_of_a_prefix_that_is_new() -> None:
    rows = [traffic(day, messages=100) for day in range(1, 31)]
    new = [traffic(day, messages=5000, prefix="+994") for day in (20, 21, 22)]
    assert 0 == sum(row["flagged"] for row in judge("psms", rows + new))


@pytest.mark.parametrize(
    ("mode", "rate", "credit"),
    [
        ("basic", "0.000", "80.00"),
        ("basic", "0.800", "0.00"),
        ("basic", "0.999", "0.00"),
        ("basic", "1.000", "0.00"),
        ("standard", "0.500", "80.00"),
        ("max", "0.900", "50.00"),
    ],
)
def test_credit_is_the_fees_on_the_gap_to_the_mode_s_target(mode: str, rate: str, credit: str) -> None:
    """Nothing at or above the target, the whole target share where nothing was blocked."""
    assert Decimal(credit) == credit_of(VERIFY.TARGETS[mode], Decimal("100.00"), Decimal(rate))


@pytest.mark.parametrize(
    ("blocked", "flagged", "rate"),
    [
        (0, 0, "0.000"),
        (0, 5, "0.000"),
        (5, 0, "1.000"),
        (1, 1999, "0.001"),
        (1, 2001, "0.000"),
        (15497, 21762, "0.416"),
    ],
)
def test_block_rate_is_rounded_half_up_to_three_places(blocked: int, flagged: int, rate: str) -> None:
    """The share of pumped attempts that were stopped; zero if there were none."""
    assert rate == str(block_rate(blocked, flagged))


@each_notebook
def test_nothing_blocked_or_flagged_is_a_credit_of_zero(product: str) -> None:
    """A month without fraud has a row, and it says zero."""
    (row,) = summary_of(product, [traffic(1, messages=10, verified=10)])
    assert ["basic", "1.000", "10", "0.00", "0.000", "0.00"] == [str(row[name]) for name in SUMMARY]


@each_notebook
def test_each_mode_has_a_row_of_its_own(product: str) -> None:
    """In the order of the targets, with its share of the messages."""
    rows = [traffic(1, messages=count, mode=mode) for mode, count in [("max", 1), ("basic", 1), ("standard", 1)]]
    table = summary_of(product, rows)
    assert ["basic", "standard", "max"] == [row["mode"] for row in table]
    assert [Decimal("0.333")] * 3 == [row["traffic_prop"] for row in table]


# ---- the method, by property -----------------------------------------------------------------------------------------


PRICES = st.integers(0, 99_999).map(lambda number: Decimal(number) / 10_000)
COUNT = st.one_of(st.integers(0, 60), st.integers(0, 5000))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "day": st.integers(0, 24).map(lambda n: date(2025, 12, 1) + timedelta(days=n)),
            "prefix": st.sampled_from(["+234", "+62"]),
            "mode": st.sampled_from(["basic", "standard", "max"]),
            "attempts": COUNT,
            "blocked": COUNT,
            "messages": COUNT,
            "verified": COUNT,
        }
    ),
    min_size=1,
    max_size=40,
)
"""Made once: a strategy that is made for each example takes as long as the example."""


@st.composite
def months(draw: st.DrawFn) -> list[Row]:
    """Traffic of some weeks, modes and prefixes, quiet and attacked days among it; one price per prefix."""
    prices = {"+62": draw(PRICES), "+234": draw(PRICES)}
    rows = draw(ROWS)
    rows.append({**rows[0], "messages": 1})  # at least one message
    return [{**row, "price_usd": prices[str(row["prefix"])]} for row in rows]


def halves(row: Row) -> list[Row]:
    counts = ("attempts", "blocked", "messages", "verified")
    return [{**row, **{name: (row[name] + odd) // 2 for name in counts}} for odd in (0, 1)]


@each_notebook
@given(rows=months(), seed=st.integers())
def test_the_order_of_rows_and_how_they_are_split_change_nothing(product: str, rows: list[Row], seed: int) -> None:
    """The warehouse may give the same traffic in any order and in any number of rows."""
    others = [half for row in rows for half in halves(row)]
    Random(seed).shuffle(others)
    assert summary_of(product, rows) == summary_of(product, others)


@each_notebook
@given(rows=months())
def test_doubled_prices_double_the_credit(product: str, rows: list[Row]) -> None:
    """Within two cents per mode, which is what rounding may do."""
    doubled = [{**row, "price_usd": 2 * row["price_usd"]} for row in rows]
    for once, twice in zip(summary_of(product, rows), summary_of(product, doubled), strict=True):
        assert abs(twice["credit"] - 2 * once["credit"]) <= 2 * CENT


@each_notebook
@given(rows=months(), which=st.integers(0), more=st.integers(0, 10_000))
def test_more_blocked_never_raises_the_credit(product: str, rows: list[Row], which: int, more: int) -> None:
    """What Fraud Guard stopped cannot be held against it."""
    before = sum(row["credit"] for row in summary_of(product, rows))
    rows[which % len(rows)]["blocked"] += more
    assert sum(row["credit"] for row in summary_of(product, rows)) <= before


@each_notebook
@given(rows=months())
def test_every_row_can_be_checked_from_what_it_prints(product: str, rows: list[Row]) -> None:
    """The credit follows from the printed fraud cost and block rate, and lies between zero and the fraud cost."""
    for row in summary_of(product, rows):
        rate, cost = Decimal(str(row["block_rate"])), Decimal(str(row["fraud_cost"]))
        gap = max(Decimal(0), NOTEBOOKS[product].TARGETS[row["mode"]] - rate)
        by_hand = (cost * gap / (1 - rate)).quantize(CENT, ROUND_HALF_UP) if rate < 1 else Decimal(0)
        assert by_hand == row["credit"]
        assert 0 <= row["credit"] <= cost
        assert (-2, -3) == (row["credit"].as_tuple().exponent, rate.as_tuple().exponent)


@each_notebook
@given(rows=months())
def test_the_modes_shares_sum_to_one(product: str, rows: list[Row]) -> None:
    """Within half a thousandth a row, as creditbot asks of a table of several rows."""
    table = summary_of(product, rows)
    assert abs(sum(row["traffic_prop"] for row in table) - 1) <= Decimal("0.0005") * len(table)
    assert sum(row["messages"] for row in rows) == sum(row["msg_count"] for row in table)


@given(volume=st.integers(1, 10**9), percent=st.lists(st.integers(100, 200), min_size=1, max_size=40), data=st.data())
def test_a_quiet_psms_month_gives_zero_at_any_volume(volume: int, percent: list[int], data: st.DataObject) -> None:
    """Days that stay within twice the lowest are not fraud, whenever the prefix appears and however it is spread."""
    days = data.draw(st.lists(st.integers(1, 60), min_size=len(percent), max_size=len(percent), unique=True))
    rows = [traffic(day, messages=volume * share // 100) for day, share in zip(days, percent, strict=True)]
    (row,) = summary_of("psms", rows)
    assert Decimal("0.00") == row["fraud_cost"]
    assert Decimal("0.00") == row["credit"]


@given(rows=months())
def test_psms_flags_no_day_with_a_short_history(rows: list[Row]) -> None:
    """Fewer than seven days with rows among the previous fourteen that were not flagged: not judged."""
    judged = judge("psms", rows)
    by_place: dict[tuple[str, date], list[Row]] = {}
    for row in judged:
        by_place.setdefault((row["prefix"], row["day"]), []).append(row)
    for (prefix, day), found in by_place.items():
        before = [by_place.get((prefix, day - timedelta(days=back)), []) for back in range(1, 40)]
        window = [rows for rows in before if not any(row["flagged"] for row in rows)][:14]
        assert (found[0]["allowance"] is None) == (sum(map(bool, window)) < 7)
        assert found[0]["allowance"] is not None or not any(row["flagged"] for row in found)


# ---- the days that are credited --------------------------------------------------------------------------------------


def report_of(product: str, rows: list[Row], start: str = "", end: str = "") -> Report:
    notebook = NOTEBOOKS[product]
    groups = add_up(rows, COUNTS[product])
    return Report(Traffic(len(rows), rows, groups, notebook.TARGETS), notebook.flag(groups), start, end)


@each_notebook
@given(rows=months(), cut=st.integers(1, 24))
def test_two_parts_of_a_month_credit_each_unit_once(product: str, rows: list[Row], cut: int) -> None:
    """The second part looks back into the first one, and pays for nothing of it again."""
    rows += [{**rows[0], "day": date(2025, 12, day), "messages": 1} for day in (1, 25)]  # a message in both parts
    middle = str(date(2025, 12, 1) + timedelta(days=cut))
    parts = report_of(product, rows, end=middle), report_of(product, rows, start=middle)
    assert units_of(report_of(product, rows).judged) == [unit for part in parts for unit in units_of(part.judged)]


@pytest.mark.parametrize(("name", "days"), [("CREDIT_FROM", ("December", "")), ("CREDIT_TO", ("", "December"))])
def test_a_day_that_cannot_be_read_is_named(name: str, days: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is 'December', not a UTC day such as 2025-12-01\.$"):
        report_of("verify", [traffic(1, messages=1)], *days)


def test_a_month_without_messages_in_the_days_to_credit_is_an_error() -> None:
    """As a result without messages is."""
    sentence = r"^No message between CREDIT_FROM \(2026-01-01\) and CREDIT_TO \(not set\)\.$"
    with pytest.raises(ValueError, match=sentence):
        report_of("verify", [traffic(1, messages=1)], "2026-01-01")


# ---- what other decisions would change -------------------------------------------------------------------------------


@each_notebook
@given(rows=months())
def test_a_higher_target_or_a_lower_allowance_never_lowers_the_credit(product: str, rows: list[Row]) -> None:
    """But for a cent: more that is flagged also lowers the block rate, which is rounded."""
    changes = sensitivity(judge(product, rows), NOTEBOOKS[product].TARGETS)
    assert changes["each target 0.01 higher"] >= 0 >= changes["each target 0.01 lower"]


def test_sensitivity_says_what_a_hundredth_and_a_message_are_worth() -> None:
    """100 messages of $0.384 are flagged and none is blocked: 0.8 of their cost goes back."""
    judged = judge("verify", [traffic(1, messages=120), traffic(2, messages=20)])
    changes = sensitivity(judged, VERIFY.TARGETS)
    assert ["0.38", "-0.38", "-0.30", "0.62"] == [str(change) for change in changes.values()]
