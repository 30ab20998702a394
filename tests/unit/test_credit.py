"""The credit that a notebook came to."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.amount import credit_of, format_usd, reply_text, usd
from creditbot.errors import CreditRefused
from creditbot.model import Cell, Credit, CreditRow, NotebookRun

ROW = {
    "mode": "basic", "traffic_prop": "1.000", "msg_count": 35644, "fraud_cost": "7526.30", "block_rate": "0.416",
    "credit": "4948.80",
}  # fmt: skip
REFERENCE = Decimal("4948.80")


def run_of(scraps: dict[str, object] | None = None, *cells: Cell) -> NotebookRun:
    """A run that left this."""
    return NotebookRun(scraps or {}, cells, "verify_credit.ipynb", "0" * 64)


def refusal(run: NotebookRun) -> str:
    """What is said against the credit of the run, and what to do."""
    with pytest.raises(CreditRefused) as caught:
        credit_of(run)
    assert caught.value.what.endswith(".")
    assert caught.value.todo.endswith(".")
    return str(caught.value)


def split(*shares: object, credit: str = "10.00") -> list[dict[str, object]]:
    """Rows of this traffic."""
    return [{"mode": f"m{n}", "traffic_prop": share, "credit": credit} for n, share in enumerate(shares)]


class TestScraps:
    def test_the_scrap_of_the_bundled_notebooks(self) -> None:
        """Amount and rows, as text, to the cent."""
        scrap = {"currency": "USD", "amount": "4948.80", "rows": [ROW]}
        columns = {name: str(value) for name, value in ROW.items()}
        row = CreditRow(REFERENCE, "basic", Decimal("7526.30"), columns)
        assert Credit(REFERENCE, (row,)) == credit_of(run_of({"credit": scrap, "other": 1}))

    @pytest.mark.parametrize(
        "scraps",
        [
            {"credit": "4948.80"},
            {"credit": "$4,948.80"},
            {"credit": 4948.8},
            {"credit": 4948.799999999999},
            {"credit": Decimal("4948.80")},
            {"Credit Amount": "US$ 4,948.80"},
            {"credit_amount": {"amount": 4948.8}},
            {"credit": [ROW]},
            {"summary_info": [ROW]},
            {"summary_info": ROW},
            {"credit": {"rows": [{" Credit ": 4948.8}]}},
            {"credit": {"amount": "4948.80", "currency": None}},
            {"credit": {"amount": "4948.80", "currency": "usd"}},
            {"credit": [{"credit": "4948.80", "currency": "US$"}]},
            {"credit": [{"credit": "4948.80", "currency": " $ "}]},
            {"credit": {"amount": "4948.80", "fraud_cost": "4948.80"}},
            {"credit": [{**ROW, "fraud_cost": 4948.8}]},
            {"credit": "4948.80", "credit_amount": 4948.8, "fraud_cost": "$7,526.30"},
            {"credit": "4948.80", "fraud_cost": None},
        ],
    )
    def test_forms_that_people_glue(self, scraps: dict[str, object]) -> None:
        """A number, a text, rows, or a dict of them, under any of the names."""
        assert credit_of(run_of(scraps)).amount == REFERENCE

    def test_of_several_scraps_the_one_with_rows_is_the_evidence(self) -> None:
        """They agree in the amount, and rows say more."""
        assert len(credit_of(run_of({"credit": 4948.8, "summary_info": [ROW]})).rows) == 1

    @pytest.mark.parametrize(
        ("scraps", "said"),
        [
            ({"credit": "10", "credit_amount": "11"}, "different credits: $10.00 and $11.00"),
            ({"credit": {"amount": "10.00", "rows": [ROW]}}, "$10.00 is not the sum of its rows ($4,948.80)"),
            ({"credit": {"rows": []}}, "no rows ([])"),
            ({"credit": {"rows": "none"}}, "no rows (none)"),
            ({"credit": []}, "no rows"),
            ({"credit": [5]}, "no columns (5)"),
            ({"credit": {}}, "missing"),
            ({"credit": "-5"}, "The credit is negative (-5)"),
            ({"credit": {"amount": "-5"}}, "The credit is negative (-5)"),
            ({"credit": {"amount": "-5", "rows": [ROW]}}, "The credit is negative (-5)"),
            ({"credit": [{"credit": "-5"}]}, "The credit is negative (-5)"),
            ({"credit": {"credit": " "}}, "The credit is missing (empty)"),
            ({"credit": "one\n\ntwo " + "x" * 50}, "(one two " + "x" * 31 + "…)"),
            ({"credit": [{"mode": "basic"}]}, "missing"),
            ({"credit": {"amount": "10", "currency": "EUR"}}, "in EUR, not in USD"),
            ({"credit": [{"credit": "10", "currency": "GBP"}]}, "in GBP, not in USD"),
            ({"credit": True}, "not an amount (True)"),
            ({"credit": {"amount": ["10"]}}, "not an amount"),
            ({"credit": [{**ROW, "fraud_cost": "4948.79"}]}, "$4,948.80 is above the fraud cost $4,948.79"),
            ({"credit": {"amount": "10", "fraud_cost": "9.99"}}, "above the fraud cost $9.99"),
            ({"credit": "10", "fraud_cost": 9}, "above the fraud cost $9.00"),
            ({"credit": "10", "fraud_cost": 19, "Fraud Cost": 9}, "above the fraud cost $9.00"),
            ({"credit": {"amount": "10", "Fraud_Cost": "9.99"}}, "above the fraud cost $9.99"),
            ({"credit": "5", "Credit": "6"}, "different credits: $5.00 and $6.00"),
            ({"credit": "5", "currency": "EUR"}, "in EUR, not in USD"),
            ({"credit": "5", "Currency": "gbp"}, "in gbp, not in USD"),
            ({"credit": "5", "currency code": "EUR"}, "in EUR, not in USD"),
            ({"credit": {"amount": "5", "curr": "EUR"}}, "in EUR, not in USD"),
            ({"credit": "10", "Fraud Cost (USD)": 9}, "above the fraud cost $9.00"),
            ({"credit": [{"Credit": "10", "Fraud-Cost": "9"}]}, "above the fraud cost $9.00"),
            ({"credit": [{"credit": "10", "FraudCost": "9"}]}, "above the fraud cost $9.00"),
            ({"credit": {"amount": "10", "FRAUD COST": "9"}}, "above the fraud cost $9.00"),
            ({"credit": [{"credit": "10", "fraud cost": "9", "fraud_cost": "99"}]}, "two columns with the same name"),
            ({"credit": "4.948"}, "may mean thousands or three decimal places (4.948)"),
            ({"credit": {"amount": "5", "Currency": "EUR"}}, "in EUR, not in USD"),
            ({"credit": {"amount": "5", "Amount": "6"}}, "two columns with the same name (amount, Amount)"),
            ({"credit": [{"credit": "5", " Credit": "6"}]}, "two columns with the same name (credit, Credit)"),
            ({"credit": [{**ROW, "fraud_cost": "NaN"}]}, "fraud cost is missing"),
            ({"credit": [{**ROW, "fraud_cost": "€7,526.30"}]}, "fraud cost is not an amount in USD"),
        ],
    )
    def test_scraps_that_do_not_hold_together_are_refused(self, scraps: dict[str, object], said: str) -> None:
        """Rows, amount, currency and fraud cost must agree."""
        assert said in refusal(run_of(scraps))

    @pytest.mark.parametrize("name", ["credit", "Credit Amount", "summary_info", "Fraud Cost", "currency", "units"])
    def test_a_scrap_that_was_glued_with_different_values_is_refused(self, name: str) -> None:
        """The last of them is not the right one for that; nor is a table, if it is there."""
        for scraps in ({name: "5"}, {"credit": "5"}, {}):
            run = NotebookRun(scraps, (), "n.ipynb", "0" * 64, ambiguous_scraps=("step", name))
            assert f"glued the scrap {name} again with another value" in refusal(run)

    def test_a_scrap_about_something_else_may_be_glued_again(self) -> None:
        """Such as how far the notebook has come."""
        run = NotebookRun({"credit": "5.00", "step": 2}, (), "n.ipynb", "0" * 64, ambiguous_scraps=("step",))
        assert credit_of(run).amount == 5


class TestAmounts:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("4948.80", "4948.80"),
            (" $4,948.80 ", "4948.80"),
            ("$ 4,948.80", "4948.80"),
            ("USD 4,948.80", "4948.80"),
            ("4,948.80 usd", "4948.80"),
            ("4948", "4948.00"),
            ("1,234,567.899", "1234567.90"),
            ("0.005", "0.01"),
            ("4948.799", "4948.80"),
            (1.005, "1.01"),
            (0.1 + 0.2, "0.30"),
            (-0.0, "0.00"),
            ("-0.00", "0.00"),
            (7, "7.00"),
            (1e-7, "0.00"),
        ],
    )
    def test_an_amount_is_read_to_the_cent(self, value: object, expected: str) -> None:
        """Half up, floats by the digits that they are shown with."""
        assert expected == str(usd(value, "credit"))

    @pytest.mark.parametrize(
        "value", [None, "", " ", "NaN", "nan", "None", "<NA>", "inf", float("nan"), float("inf"), Decimal("sNaN")]
    )
    def test_a_missing_amount_is_refused(self, value: object) -> None:
        """A failed calculation is not a zero."""
        with pytest.raises(CreditRefused, match="The credit is missing"):
            usd(value, "credit")

    @pytest.mark.parametrize("value", ["-5", "$-5.00", "-$5.00", "- 5", "\N{MINUS SIGN}5", "($5.00)", -5, -0.001])
    def test_a_negative_amount_is_refused(self, value: object) -> None:
        """With a sign, or in an accountant's parentheses."""
        with pytest.raises(CreditRefused, match="The credit is negative"):
            usd(value, "credit")

    @pytest.mark.parametrize(
        "value",
        [
            "€5", "£5", "5 EUR", "GBP 5", "C$5", "5 CAD", "A$ 5", "4.948,80", "4948,80", "4,94", "1,2345", "5e3", "...",
            "1_000", "five", "$$5", "--5", "(5", "\N{ARABIC-INDIC DIGIT FIVE}", "1" * 50,
        ],
    )  # fmt: skip
    def test_another_currency_or_notation_is_refused(self, value: str) -> None:
        """What is not plainly an amount in USD is not guessed at."""
        with pytest.raises(CreditRefused, match="not an amount in USD"):
            usd(value, "credit")

    @pytest.mark.parametrize("value", [10**12, 1e12, 1e300, "999,999,999,999,999", Decimal("1E+30")])
    def test_an_absurd_amount_is_refused(self, value: object) -> None:
        """A trillion dollars is a mistake whatever MAX_CREDIT_USD says."""
        assert "implausibly large (" in refusal(run_of({"credit": value}))
        with pytest.raises(CreditRefused, match=f"\\({re.escape(str(value))}\\)"):
            usd(value, "credit")

    def test_zero_is_a_credit(self) -> None:
        """Whether it is posted is decided elsewhere."""
        assert str(credit_of(run_of({"credit": 0})).amount) == "0.00"

    @given(st.decimals(min_value=0, max_value="999999999999.99", places=2))
    def test_a_written_amount_is_read_back(self, amount: Decimal) -> None:
        """`format_usd` and `usd` are inverse to each other."""
        assert usd(format_usd(amount), "credit") == amount
        assert usd(str(amount), "credit") == amount
        assert usd(float(amount), "credit") == amount

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*ROW, "amount", "rows", "currency"]), inner),
    )

    @given(JSON)
    def test_any_scrap_is_a_credit_or_refused(self, scrap: object) -> None:
        """Whatever is glued, nothing but `CreditRefused` comes out, and no amount below zero."""
        with suppress(CreditRefused):
            assert credit_of(run_of({"credit": scrap})).amount >= 0


class TestShares:
    @pytest.mark.parametrize(
        "shares",
        [
            ("0.600", "0.400"),
            (0.6, 0.4),
            ("60%", "40.0 %"),
            ("0.333", "0.333", "0.333"),
            ("0.5005", "0.5005"),
            (1, 0, "0"),
            (4.2e-05, 0.999958),
            ("0.3335", "0.3335", "0.3335"),
        ],
    )
    def test_rows_that_are_all_of_the_traffic_add_up(self, shares: tuple[object, ...]) -> None:
        """Their traffic_prop sums to 1 within 0.0005 a row."""
        assert credit_of(run_of({"credit": split(*shares)})).amount == 10 * len(shares)

    @pytest.mark.parametrize(
        ("shares", "said"),
        [
            (("0.600", "0.300"), "90.0% of the traffic"),
            (("0.600", "0.400", "1.000"), "200.0% of the traffic"),
            (("0.501", "0.501"), "100.2% of the traffic"),
            (("0.333", "0.333", "0.332"), "99.8% of the traffic"),
            (("0.6", "NaN"), "not a share"),
            (("0.6", "-0.4"), "not a share"),
            (("60", "40"), "not a share between 0 and 1 (60)"),
            (("1.0009", "0"), "not a share"),
            (("0.6", "..."), "not a share"),
            (("0.6", None), "not a share"),
        ],
    )
    def test_rows_that_are_not_all_of_the_traffic_are_refused(self, shares: tuple[object, ...], said: str) -> None:
        """A row left out, or a total among the rows, would give another amount."""
        assert said in refusal(run_of({"credit": split(*shares)}))

    def test_rows_without_shares_are_refused(self) -> None:
        """Nobody can tell whether they belong together."""
        rows = [{"credit": 1, "traffic_prop": 1}, {"credit": 1}]
        assert "traffic_prop" in refusal(run_of({"credit": rows}))

    def test_one_row_needs_no_share(self) -> None:
        """It adds up to nothing but itself."""
        assert credit_of(run_of({"credit": [{"credit": "10.00"}]})).amount == 10

    @pytest.mark.parametrize("share", ["0.4", "40%", 0.999, 0, "NaN"])
    def test_one_row_that_says_it_is_a_part_of_the_traffic_is_refused(self, share: object) -> None:
        """The other rows are somewhere else."""
        assert "traffic" in refusal(run_of({"credit": split(share)}))

    @pytest.mark.parametrize("total", ["20.00", "20.01", "30.00"])
    def test_a_row_of_totals_is_refused(self, total: str) -> None:
        """It has no traffic of its own, and what all others have."""
        rows = [*split("0.6", "0.4"), {"mode": "Total", "traffic_prop": "0", "credit": total}]
        assert "looks like a row of totals" in refusal(run_of({"credit": rows}))

    @pytest.mark.parametrize("name", ["Total", "TOTALS", " grand total ", "Sum"])
    def test_a_row_that_is_named_for_totals_is_refused(self, name: str) -> None:
        """Whatever share it says."""
        rows = [*split("0.5"), {"mode": name, "traffic_prop": "0.5", "credit": "10.00"}]
        assert "looks like a row of totals" in refusal(run_of({"credit": rows}))

    def test_one_row_may_be_the_total(self) -> None:
        """There is nothing that it could be a total of."""
        rows = [{"mode": "Total", "traffic_prop": "1", "credit": "10.00"}]
        assert credit_of(run_of({"credit": rows})).amount == 10

    def test_a_mode_with_hardly_any_traffic_may_have_a_credit(self) -> None:
        """Its share is rounded to nothing."""
        rows = [*split("0.600", "0.400"), *split("0.000", credit="3.00")]
        assert credit_of(run_of({"credit": rows})).amount == 23


class TestReply:
    def test_the_reply_of_the_reference_row(self) -> None:
        """In the words that people use."""
        assert reply_text("Approved, {amount}, exceptions", REFERENCE) == "Approved, $4,948.80, exceptions"

    def test_a_template_of_ones_own(self) -> None:
        """Everything but `{amount}` is kept as it is."""
        assert reply_text("{amount} (100% of it), see {amount}", Decimal(7)) == "$7.00 (100% of it), see $7.00"

    @pytest.mark.parametrize(
        ("amount", "expected"),
        [("0.00", "$0.00"), ("999.99", "$999.99"), ("1000000.50", "$1,000,000.50"), ("-5.00", "-$5.00")],
    )
    def test_amounts_are_written_with_thousands(self, amount: str, expected: str) -> None:
        """Two places, always."""
        assert expected == format_usd(Decimal(amount))


def test_a_scrap_survives_json() -> None:
    """What scrapbook stores is JSON."""
    scrap = json.loads(json.dumps({"currency": "USD", "amount": "4948.80", "rows": [ROW]}))
    assert credit_of(run_of({"credit": scrap})).amount == REFERENCE


@pytest.mark.parametrize(
    "name",
    [
        "Total Fraud Cost",
        "fraud cost in USD",
        "Cost of fraud",
        "fraud_cost_usd",
        "fraud costs",
        "Fraud Costs (US dollars)",
    ],
)
def test_the_fraud_cost_bounds_the_credit_however_it_is_spelt(name: str) -> None:
    """As a column, and as a scrap of its own."""
    assert "above the fraud cost $4.00" in refusal(run_of({"credit": {"credit": 5, name: 4}}))
    assert "above the fraud cost $4.00" in refusal(run_of({"credit": 5, name: 4}))


def test_the_smallest_of_several_fraud_costs_bounds_the_credit() -> None:
    """One is that of the row, another that of all rows."""
    assert "above the fraud cost $4.00" in refusal(
        run_of({"credit": {"credit": 5, "fraud_cost": 4, "total_fraud_cost": 9}})
    )


@pytest.mark.parametrize(
    ("name", "part", "all_of_it"),
    [("Traffic %", 40, 100), ("traffic share", 0.4, 1), ("Share of traffic", "40%", "100%"),
     ("traffic_proportion", 0.4, 1.0), ("pct_traffic", "40", "100")],
)  # fmt: skip
def test_the_share_of_the_traffic_counts_however_it_is_spelt(name: str, part: object, all_of_it: object) -> None:
    """One row has to be all of it."""
    assert "covers 40.0% of the traffic" in refusal(run_of({"credit": [{"credit": 5, name: part}]}))
    assert credit_of(run_of({"credit": [{"credit": 5, name: all_of_it}]})).amount == 5


def test_a_scrap_of_its_own_says_that_the_credit_is_not_for_all_traffic() -> None:
    """As a column would. A scrap with the shares of several rows says nothing of the sum."""
    assert "covers 40.0% of the traffic" in refusal(run_of({"credit": 5, "traffic_prop": 0.4}))
    assert credit_of(run_of({"credit": 5, "traffic_prop": [0.4, 0.6]})).amount == 5
    assert credit_of(run_of({"credit": 5, "traffic_prop": "1.000"})).amount == 5


@pytest.mark.parametrize(
    "scraps",
    [{"credit": 5, "ccy": "EUR"}, {"credit": 5, "credit_currency": "EUR"}, {"credit": {"amount": 5, "unit": "cents"}},
     {"credit": {"amount": 5, "unit": "EUR"}}, {"credit": [{"credit": 5, "ccy": "EUR"}]}],
)  # fmt: skip
def test_the_currency_counts_however_it_is_spelt(scraps: dict[str, object]) -> None:
    """Or a unit of another kind."""
    assert "not in USD" in refusal(run_of(scraps))
