"""The credit that a notebook came to."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.amount import credit_of, format_usd, reply_text, usd
from creditbot.credit.summary_table import html_tables, printed_tables
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


def markdown(text: str) -> Cell:
    return Cell(1, "markdown", text)


def shows(*outputs: tuple[str, str], executed: bool = True) -> Cell:
    return Cell(2, "code", "summary", executed, outputs)


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{**ROW, "fraud_cost": "$7,526.30", "credit": "$4,948.80", **row} for row in rows or ({},)])


def html(table: pd.DataFrame) -> tuple[str, str]:
    return "text/html", table.to_html()


def refusal(run: NotebookRun, max_credit: Decimal | None = None) -> str:
    """What is said against the credit of the run, and what to do."""
    with pytest.raises(CreditRefused) as caught:
        credit_of(run, max_credit)
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
        assert Credit(REFERENCE, (row,)) == credit_of(run_of({"credit": scrap, "other": 1}), Decimal(5000))

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
        """A failed calculation is no zero."""
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

    def test_the_maximum_is_kept(self) -> None:
        """MAX_CREDIT_USD itself is fine, a cent above it is not."""
        assert credit_of(run_of({"credit": "100.00"}), Decimal(100)).amount == 100
        assert "$100.01 is above MAX_CREDIT_USD ($100.00)" in refusal(run_of({"credit": "100.01"}), Decimal(100))

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
        assert credit_of(run_of({"credit": split("0.6")})).amount == 10


class TestSummaryInfo:
    @pytest.mark.parametrize(
        "outputs",
        [
            [html(frame())],
            [html(frame().set_index("mode"))],
            [("text/html", frame().to_html(index=False))],
            [("text/html", frame().style.to_html())],
            [("text/html", frame()._repr_html_()), ("text/plain", repr(frame()))],
            [("text/plain", repr(frame()))],
            [("text/plain", repr(frame().set_index("mode")))],
            [("text/plain", frame().to_string(index=False))],
            [("text/plain", frame()[["credit"]].to_string())],
            [("text/plain", frame()[["credit"]].to_string(index=False))],
            [("text/plain", frame().to_string(line_width=40))],
            [("text/plain", frame().set_index("mode").to_string(line_width=40))],
            [("stream", f"checking\n\n{frame()}\n\ndone\n")],
            [("stream", "credit follows\n"), html(frame()), html(frame())],
            [html(pd.DataFrame({"prefix": ["+62"], "messages": [5]})), html(frame())],
            [("error", "boom"), html(frame().rename(columns=str.title))],
        ],
    )  # fmt: skip
    def test_tables_of_pandas_are_read(self, outputs: list[tuple[str, str]]) -> None:
        """HTML with and without an index or style, or print, wrapped or not."""
        credit = credit_of(run_of({}, markdown("## Summary Info"), shows(*outputs)))
        assert credit.amount == REFERENCE
        assert {row.mode for row in credit.rows} <= {"basic", ""}

    @pytest.mark.parametrize("output", [html(frame()), ("text/plain", repr(frame()))])
    def test_rows_keep_their_columns_as_evidence(self, output: tuple[str, str]) -> None:
        """Every column as the notebook shows it."""
        credit = credit_of(run_of({}, markdown("# Summary Info"), shows(output)))
        columns = {
            **{name: str(value) for name, value in ROW.items()},
            "fraud_cost": "$7,526.30",
            "credit": "$4,948.80",
        }
        assert credit.rows == (CreditRow(REFERENCE, "basic", Decimal("7526.30"), columns),)

    @pytest.mark.parametrize("printed", [False, True])
    def test_several_rows_add_up(self, printed: bool) -> None:
        """By their traffic_prop, in a wrapped table too."""
        table = frame({"traffic_prop": "0.600"}, {"mode": "max", "traffic_prop": "0.400"})
        output = ("text/plain", table.to_string(line_width=40)) if printed else html(table)
        assert credit_of(run_of({}, markdown("# Summary Info"), shows(output))).amount == 2 * REFERENCE

    @pytest.mark.parametrize(
        "heading",
        [
            "# Summary Info", "###### The SUMMARY INFO of the month", "text\n\n## Summary Info\ntext",
            " ## Summary Info ##", "Summary Info\n============", "Summary Info\n---", "<h2>Summary Info</h2>",
            "# Month\n## Summary Info", "## Summary Info\n```\n# a comment\n```", "## Summary Info\n### Table",
            "```\n# a comment\n```\n## Summary Info",
        ],
    )  # fmt: skip
    def test_headings(self, heading: str) -> None:
        """Of any level and in any of Markdown's forms."""
        assert credit_of(run_of({}, markdown(heading), shows(html(frame())))).amount == REFERENCE

    @pytest.mark.parametrize(
        "cells",
        [
            (),
            (shows(html(frame())),),
            (markdown("Summary Info"), shows(html(frame()))),
            (markdown("```\n# Summary Info\n```"), shows(html(frame()))),
            (markdown("---\nSummary Info"), shows(html(frame()))),
            (markdown("## Summary Info"), markdown("## Details"), shows(html(frame()))),
            (markdown("## Summary Info"), markdown("# Details"), shows(html(frame()))),
            (markdown("## Summary Info\n## Details\n## More"), shows(html(frame()))),
            (markdown("Summary Info\n---"), markdown("## Details"), shows(html(frame()))),
            (markdown("Summary Info\n==="), markdown("Details\n==="), shows(html(frame()))),
            (markdown("Summary Info\n---\n```\n```\n# Details"), shows(html(frame()))),
            (shows(html(frame())), markdown("## Summary Info")),
            (markdown("## Summary Info"), shows(html(frame()), executed=False)),
            (markdown("## Summary Info"), shows(html(frame().rename(columns={"credit": "credit (EUR)"})))),
            (markdown("## Summary Info"), shows(("text/html", "<table><tr><th>credit</th></tr></table>"))),
            (markdown("## Summary Info"), shows(("text/html", frame().to_html()[:-20]))),
            (markdown("## Summary Info"), shows(("text/plain", "the credit is $5.00"))),
            (markdown("## Summary Info"), shows(("text/plain", ""), ("stream", "\n\n"), ("image/png", "(not kept)"))),
        ],
    )
    def test_without_a_table_under_the_heading_there_is_no_credit(self, cells: tuple[Cell, ...]) -> None:
        """Elsewhere, of an earlier run, without the column, or not whole: none of these counts."""
        assert refusal(run_of({}, *cells)) == (
            "The notebook gave no credit. It has to glue a scrap named credit, or show a table with a credit column "
            "under a heading 'Summary Info'."
        )

    @pytest.mark.parametrize(
        "between",
        [
            (markdown("### By mode"),),
            (markdown("By mode\n---"),),
            (markdown("text"), shows(("text/plain", "5")), markdown("text")),
            (markdown("---"),),
            (markdown("Summary Info\n---"), markdown("---"), markdown("### By mode")),
            (markdown("```\ncode\n```\n==="),),
            (shows(html(frame({"credit": "$1.00"})), executed=False),),
        ],
    )
    def test_what_does_not_end_the_section(self, between: tuple[Cell, ...]) -> None:
        """Only a heading of the same level or above does."""
        cells = markdown("Summary Info\n==="), *between, shows(html(frame()))
        assert credit_of(run_of({}, *cells)).amount == REFERENCE

    def test_two_different_tables_are_refused(self) -> None:
        """Nobody can tell which one is meant."""
        cells = markdown("# Summary Info"), shows(html(frame()), html(frame({"credit": "$1.00"})))
        assert "2 tables" in refusal(run_of({}, *cells))

    def test_a_scrap_goes_before_a_table(self) -> None:
        """What a notebook glues is what it means."""
        cells = markdown("# Summary Info"), shows(html(frame()))
        assert credit_of(run_of({"credit": "5"}, *cells)).amount == 5

    @pytest.mark.parametrize("options", [("display.max_rows", 4), ("display.max_rows", 1), ("display.max_columns", 3)])
    @pytest.mark.parametrize("kind", ["text/html", "text/plain"])
    def test_a_table_that_pandas_cut_is_refused(self, options: tuple[str, int], kind: str) -> None:
        """Rows or columns that are not shown may hold the rest of the traffic or the fraud cost."""
        table = frame(*[{"traffic_prop": "0.100"}] * 10)
        with pd.option_context(*options):
            text = table._repr_html_() if kind == "text/html" else repr(table)
        assert refusal(run_of({}, markdown("# Summary Info"), shows((kind, text)))) == (
            "The table under 'Summary Info' is cut off. Raise pandas' display.max_rows and max_columns in the notebook."
        )

    @pytest.mark.parametrize(
        ("credit", "said"),
        [
            ("€4,948.80", "not an amount in USD (€4,948.80)"),
            ("NaN", "missing"),
            ("-$5.00", "negative"),
            ("$7,526.31", "above the fraud cost"),
        ],
    )
    def test_the_amounts_of_a_table_are_checked(self, credit: str, said: str) -> None:
        """As those of a scrap are."""
        assert said in refusal(run_of({}, markdown("# Summary Info"), shows(html(frame({"credit": credit})))))

    def test_a_column_names_the_currency(self) -> None:
        """A `currency` column is believed."""
        cells = markdown("# Summary Info"), shows(html(frame({"currency": "EUR"})))
        assert "in EUR" in refusal(run_of({}, *cells))


class TestTables:
    @pytest.mark.parametrize(
        "text",
        [
            "<td>1</td>",
            "<table><td>1</td></table>",
            "<thead><tr>x<td>1</thead></table>",
            "<table><tr><th>a<th>b<tr><td>1</table>",
            "<table></table>",
            "<table><thead><tr><th>a<th>credit</tr><tr><th></tr></thead><tr><td>1<td>2</tr></table>",
            "<table><tr><td colspan=2>a</td></tr><tr><td>1</td><td>2</td></tr></table>",
        ],
    )
    def test_html_that_is_no_table_gives_none(self, text: str) -> None:
        """Rows that are not as wide as their header are not guessed at."""
        assert [] == html_tables(text)

    def test_html_entities_and_tags_in_cells(self) -> None:
        """What a person sees is what counts."""
        row = "<tr><td><b>a</b>&amp;b</td><td>USD\n 4<i>.80</i></td></tr>"
        text = f"<TABLE><tr><td> Mode&nbsp;<td>credit</tr>{row}</TABLE>"
        assert [[{"mode": "a&b", "credit": "USD 4.80"}]] == html_tables(text)

    @pytest.mark.parametrize("columns", [["credit (EUR)"], ["credit", "fraud cost"]])
    def test_a_printed_name_of_two_words_shifts_no_value(self, columns: list[str]) -> None:
        """The number of the row is no credit: a value stands below its name, or nothing is read."""
        assert [] == list(printed_tables(pd.DataFrame([[10] * len(columns)], index=[5], columns=columns).to_string()))

    @pytest.mark.parametrize("row", ["0  ab cd", "0  ab         12.00"], ids=["before", "behind"])
    def test_a_value_that_only_touches_its_name_does_not_stand_below_it(self, row: str) -> None:
        """It is somebody else's."""
        assert [] == list(printed_tables(f"   mode credit\n{row}"))

    def test_a_value_keeps_its_last_letter(self) -> None:
        """Blanks and the backslash of a wrapped table end a line, and nothing else does."""
        assert [[{"credit": "5.00", "mode": "MAX"}]] == list(printed_tables("   credit  mode\n0    5.00   MAX"))

    def test_two_columns_of_credits_give_none(self) -> None:
        """Which of them counts is not guessed."""
        table = pd.DataFrame([[10, 20]], columns=["credit", "Credit "])
        assert [] == html_tables(table.to_html()) == list(printed_tables(table.to_string()))

    def test_parts_of_a_wrapped_table_are_joined(self) -> None:
        """pandas ends the header of all but the last with a backslash, and may pad it."""
        text = "    mode \\  \n0  basic\n\n  credit  \n0  $5.00  "
        assert [[{"mode": "basic", "credit": "$5.00"}]] == list(printed_tables(text))

    def test_parts_of_a_wrapped_table_that_do_not_fit_give_none(self) -> None:
        """Another number of rows is another table."""
        text = "   mode \\\n0 basic\n1 max\n\n  credit\n0   5.00\n"
        assert [] == list(printed_tables(text))

    def test_a_table_that_is_cut_off_after_its_first_part_gives_none(self) -> None:
        """The output may have been cut."""
        assert [] == list(printed_tables("   mode \\\n0 basic\n"))

    @given(st.text(alphabet=" \n\\abcredit0.$<>/th"))
    def test_any_text_is_read(self, text: str) -> None:
        """Whatever a notebook prints."""
        cell = shows(("text/html", f"<table><tr><td>credit</td></tr>{text}</table>"), ("text/plain", text))
        with suppress(CreditRefused):
            credit_of(run_of({}, markdown("# Summary Info"), cell))


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
