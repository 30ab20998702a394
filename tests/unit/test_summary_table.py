"""The tables that a notebook shows under a heading "Summary Info", read as a person reads them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditbot.credit.amount import credit_of
from creditbot.credit.summary_table import has_unreadable_html, html_tables, printed_tables
from creditbot.errors import CreditRefused
from creditbot.model import Cell, CreditRow
from tests.unit.test_credit import REFERENCE, ROW, refusal, run_of


def markdown(text: str) -> Cell:
    return Cell(1, "markdown", text)


def shows(*outputs: tuple[str, str], executed: bool = True) -> Cell:
    return Cell(2, "code", "summary", executed, outputs)


def plain(rows: Any, **options: Any) -> Any:
    """A data frame. pandas is imported by the tests that need one, and not to collect them."""
    import pandas as pd

    return pd.DataFrame(rows, **options)


def frame(*rows: dict[str, Any]) -> Any:
    """The row of the prototype's README, with changes."""
    return plain([{**ROW, "fraud_cost": "$7,526.30", "credit": "$4,948.80", **row} for row in rows or ({},)])


def by_account() -> Any:
    """A table whose rows are numbered by two columns: its HTML leaves out what repeats."""
    import pandas as pd

    index = pd.MultiIndex.from_tuples([("AC1", "basic"), ("AC1", "max")], names=["account", "mode"])
    return plain({"credit": [60.5, 40.5], "traffic_prop": [0.6, 0.4]}, index=index)


def html(table: Any) -> tuple[str, str]:
    return "text/html", table.to_html()


TABLE = "<table><tr><th>mode</th><th>credit</th></tr><tr><td>basic</td><td>$4.80</td></tr></table>"


class TestSummaryInfo:
    @pytest.mark.parametrize(
        "outputs",
        [
            lambda: [html(frame())],
            lambda: [html(frame().set_index("mode"))],
            lambda: [("text/html", frame().to_html(index=False))],
            lambda: [("text/html", frame().style.to_html())],
            lambda: [("text/html", frame()._repr_html_()), ("text/plain", repr(frame()))],
            lambda: [("text/plain", repr(frame()))],
            lambda: [("text/plain", repr(frame().set_index("mode")))],
            lambda: [("text/plain", frame().to_string(index=False))],
            lambda: [("text/plain", frame()[["credit"]].to_string())],
            lambda: [("text/plain", frame()[["credit"]].to_string(index=False))],
            lambda: [("text/plain", frame().to_string(line_width=40))],
            lambda: [("text/plain", frame().set_index("mode").to_string(line_width=40))],
            lambda: [("stream", f"checking\n\n{frame()}\n\ndone\n")],
            lambda: [("stream", "credit follows\n"), html(frame()), html(frame())],
            lambda: [html(plain({"prefix": ["+62"], "messages": [5]})), html(frame())],
            lambda: [("error", "boom"), html(frame().rename(columns=str.title))],
        ],
    )  # fmt: skip
    def test_tables_of_pandas_are_read(self, outputs: Callable[[], list[tuple[str, str]]]) -> None:
        """HTML with and without an index or style, or print, wrapped or not."""
        credit = credit_of(run_of({}, markdown("## Summary Info"), shows(*outputs())))
        assert credit.amount == REFERENCE
        assert {row.mode for row in credit.rows} <= {"basic", ""}

    @pytest.mark.parametrize("printed", [False, True])
    def test_rows_keep_their_columns_as_evidence(self, printed: bool) -> None:
        """Every column as the notebook shows it."""
        output = ("text/plain", repr(frame())) if printed else html(frame())
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
            "#Summary Info", "##Summary Info:", "## Summary  Info", "## Summary\u00a0Info", "## summary_info",
            "## 4. Summary-Info", "**Summary Info**", "__Summary Info__:", "<b>Summary Info</b>",
            "### **Summary Info**",
            "  ## Summary Info  ", "intro\n\n**Summary Info**\n\ntext",
        ],
    )  # fmt: skip
    def test_headings(self, heading: str) -> None:
        """Of any level and in any of Markdown's forms."""
        assert credit_of(run_of({}, markdown(heading), shows(html(frame())))).amount == REFERENCE

    @pytest.mark.parametrize(
        "cells",
        [
            lambda: (),
            lambda: (shows(html(frame())),),
            lambda: (markdown("Summary Info"), shows(html(frame()))),
            lambda: (markdown("```\n# Summary Info\n```"), shows(html(frame()))),
            lambda: (markdown("see **Summary Info** below"), shows(html(frame()))),
            lambda: (markdown("**Summary Info**\n**Details**"), shows(html(frame()))),
            lambda: (markdown("**Summary Info**\n# Details"), shows(html(frame()))),
            lambda: (markdown("#hashtag Summary Information"), shows(html(frame()))),
            lambda: (markdown("---\nSummary Info"), shows(html(frame()))),
            lambda: (markdown("## Summary Info"), markdown("## Details"), shows(html(frame()))),
            lambda: (markdown("## Summary Info"), markdown("# Details"), shows(html(frame()))),
            lambda: (markdown("## Summary Info\n## Details\n## More"), shows(html(frame()))),
            lambda: (markdown("Summary Info\n---"), markdown("## Details"), shows(html(frame()))),
            lambda: (markdown("Summary Info\n==="), markdown("Details\n==="), shows(html(frame()))),
            lambda: (markdown("Summary Info\n---\n```\n```\n# Details"), shows(html(frame()))),
            lambda: (shows(html(frame())), markdown("## Summary Info")),
            lambda: (markdown("## Summary Info"), shows(html(frame()), executed=False)),
            lambda: (markdown("## Summary Info"), shows(html(frame().rename(columns={"credit": "credit (EUR)"})))),
            lambda: (markdown("## Summary Info"), shows(("text/html", "<table><tr><th>credit</th></tr></table>"))),
            lambda: (markdown("## Summary Info"), shows(("text/plain", "the credit is $5.00"))),
            lambda: (
                markdown("## Summary Info"),
                shows(("text/plain", ""), ("stream", "\n\n"), ("image/png", "(not kept)")),
            ),
        ],
    )
    def test_without_a_table_under_the_heading_there_is_no_credit(self, cells: Callable[[], tuple[Cell, ...]]) -> None:
        """Elsewhere, of an earlier run, without the column, or not whole: none of these counts."""
        assert refusal(run_of({}, *cells())) == (
            "The notebook gave no credit. It has to glue a scrap named credit, or show a table with a credit column "
            "under a heading 'Summary Info'."
        )

    @pytest.mark.parametrize(
        "between",
        [
            lambda: (markdown("### By mode"),),
            lambda: (markdown("By mode\n---"),),
            lambda: (markdown("text"), shows(("text/plain", "5")), markdown("text")),
            lambda: (markdown("---"),),
            lambda: (markdown("Summary Info\n---"), markdown("---"), markdown("### By mode")),
            lambda: (markdown("```\ncode\n```\n==="),),
            lambda: (shows(html(frame({"credit": "$1.00"})), executed=False),),
        ],
    )
    def test_what_does_not_end_the_section(self, between: Callable[[], tuple[Cell, ...]]) -> None:
        """Only a heading of the same level or above does."""
        cells = markdown("Summary Info\n==="), *between(), shows(html(frame()))
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
        import pandas as pd

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


PROTOTYPE = """mode  traffic_prop  msg_count  fraud_cost  block_rate  credit
basic  1.000  35644  $7,526.30  0.416  $4,948.80"""


class TestHandMadeTables:
    @pytest.mark.parametrize("kind", ["text/plain", "stream"])
    @pytest.mark.parametrize(
        "text",
        [PROTOTYPE, f"checked\n\n{PROTOTYPE}\n", PROTOTYPE.replace("  ", "\t"), PROTOTYPE.replace("  ", "     ")],
        ids=["as it is", "with text around", "tabs", "wide"],
    )
    def test_columns_two_blanks_apart_are_a_table(self, kind: str, text: str) -> None:
        """As the prototype's README shows one: nothing stands below its name."""
        credit = credit_of(run_of({}, markdown("## Summary Info"), shows((kind, text))))
        assert credit.amount == REFERENCE
        assert credit.rows[0].fraud_cost == Decimal("7526.30")

    def test_several_rows_by_hand_add_up(self) -> None:
        """By their traffic_prop."""
        text = "mode  traffic_prop  credit\nbasic  0.6  $10.00\nstandard plus  0.4  $5.00"
        assert credit_of(run_of({}, markdown("## Summary Info"), shows(("stream", text)))).amount == 15

    @pytest.mark.parametrize(
        "text",
        [
            "mode  credit\nbasic  $10.00  $5.00",
            "mode  credit\n$10.00",
            "mode  credit  credit\nbasic  $10.00  $5.00",
            "credit\n4 948.80",
            "credit\n4\u202f948.80",
            "credit\n4\u00a0948.80",
            "    credit\n12 948.80",
        ],
    )
    def test_a_row_that_does_not_fit_its_names_is_refused(self, text: str) -> None:
        """Which value is the credit is not guessed, and "4" is not the number of a row."""
        for kind in ("stream", "text/plain"):
            assert "cannot be read with certainty" in refusal(
                run_of({}, markdown("# Summary Info"), shows((kind, text)))
            )


class TestSpellings:
    """Of columns and currencies in tables by hand."""

    @pytest.mark.parametrize(
        "name", ["Credit Amount", "credit_amount", "Credit, USD", "credit_usd", "Credit ($)", "Credit Amount (USD)"]
    )
    def test_a_column_of_credits_in_dollars(self, name: str) -> None:
        """Whether or not the name says so."""
        text = TABLE.replace("<th>credit", f"<th>{name}")
        assert credit_of(run_of({}, markdown("# Summary Info"), shows(("text/html", text)))).amount == Decimal("4.80")

    @pytest.mark.parametrize("name", ["credit_eur", "Credit (EUR)", "credit_cad"])
    def test_a_column_of_credits_in_another_currency_beside(self, name: str) -> None:
        """The notebook does not say which of the two is meant."""
        text = TABLE.replace("</th></tr>", f"</th><th>{name}</th></tr>").replace("</td></tr>", "</td><td>4</td></tr>")
        assert "another currency" in refusal(run_of({}, markdown("# Summary Info"), shows(("text/html", text))))

    @pytest.mark.parametrize("kind", ["stream", "text/plain", "text/markdown", "text/html"])
    @pytest.mark.parametrize("words", ["All amounts in EUR", "Currency: EUR", "credits are in \N{EURO SIGN}"])
    def test_words_beside_the_table_name_another_currency(self, kind: str, words: str) -> None:
        """A person reads them, too."""
        cell = shows(("text/html", TABLE), (kind, f"{words}\n"))
        assert "another currency" in refusal(run_of({}, markdown("# Summary Info"), cell))

    def test_the_heading_names_another_currency(self) -> None:
        """As a person reads it."""
        cells = markdown("# Summary Info (EUR)"), shows(("text/html", TABLE))
        assert "another currency" in refusal(run_of({}, *cells))

    @pytest.mark.parametrize("words", ["block rate in Europe", "1 USD = 0.92 EUR", "checked in 5 s", "traffic in US$"])
    def test_other_words_beside_the_table_say_nothing(self, words: str) -> None:
        """They do not say what the amounts are in."""
        cell = shows(("stream", words), ("text/html", TABLE))
        assert credit_of(run_of({}, markdown("# Summary Info"), cell)).amount == Decimal("4.80")

    @pytest.mark.parametrize(
        "text",
        [
            "mode  credit\n----  ------\nbasic  $4.80",
            "mode      credit\n------  --------\nbasic       4.80",
            "mode\tcredit\n====\t======\nbasic\t$4.80",
        ],
    )
    def test_a_rule_below_the_names_is_none_of_the_rows(self, text: str) -> None:
        """As the package tabulate prints it."""
        assert credit_of(run_of({}, markdown("# Summary Info"), shows(("stream", text)))).amount == Decimal("4.80")

    @pytest.mark.parametrize(
        "style",
        ["font-size:0.9em", "opacity:0.85", "color:white; background-color:#036", "text-transform:uppercase",
         "background-color:transparent", "border-width:0", "justify-content:center", "min-width:0", "color:#fff0f0"],
    )  # fmt: skip
    def test_styles_that_hide_nothing(self, style: str) -> None:
        """People make tables pretty."""
        text = TABLE.replace("<td>$4.80", f'<td style="{style}">$4.80')
        assert credit_of(run_of({}, markdown("# Summary Info"), shows(("text/html", text)))).amount == Decimal("4.80")

    @pytest.mark.parametrize(
        "source",
        ["df.round(1)", "df = df.round()", "credit = round(total, 1)", "summary['credit'].round(0)",
         "df['credit'] = df.credit.round(-1)", "df.round(decimals=0)"],
    )  # fmt: skip
    def test_a_credit_that_was_rounded_to_one_place_or_none(self, source: str) -> None:
        """`4949.0` is what is left of its cents."""
        cell = Cell(2, "code", source, True, (("text/plain", "mode credit\nbasic 4949.0"),))
        assert "without its cents" in refusal(run_of({}, markdown("# Summary Info"), cell))

    @pytest.mark.parametrize(
        "source", ["df.round(2)", "df['rate'] = df['rate'].round(1)", "credit = round(total, 2)", "df"]
    )
    def test_a_credit_of_whole_dollars_that_nothing_rounds(self, source: str) -> None:
        """pandas prints 4949 dollars so."""
        cell = Cell(2, "code", source, True, (("text/plain", "mode credit\nbasic 4949.0"),))
        assert credit_of(run_of({}, markdown("# Summary Info"), cell)).amount == 4949


class TestDoubt:
    """What a person may read otherwise is refused, also beside a table that is plain."""

    @pytest.mark.parametrize("beside", [False, True])
    @pytest.mark.parametrize(
        "cell",
        [
            "<s>9</s><b>48.80</b>", "<s>9,999.00</s>", "<del>5.00</del> 6.00", "<strike>5.00</strike>",
            "48.8<sup>1</sup>",
            "48.80<sub>2</sub>", "<span style='display:none'>1</span>48.80", "<span hidden>0000004</span>948.80",
            "<span style='visibility: hidden'>1</span>48.80", "<i style='text-decoration: line-through'>5.00</i>",
            "<span style='font-size:0'>1</span>48.80", "<span style='opacity: 0'>1</span>48.80",
            "<span style='opacity: .0'>1</span>48.80", "<span style='color: white'>1</span>48.80",
            "<span style='color: transparent'>1</span>48.80", "<span style='width: 0; overflow: hidden'>1</span>48.80",
            "<span style='max-height:0px'>1</span>48.80", "<span style='position:absolute; left:-99em'>1</span>48.80",
            "<span style='transform: scale(0)'>1</span>48.80", "<span style='text-indent:-99em'>1</span>48.80",
            "<span style='direction:rtl; unicode-bidi:bidi-override'>08.84</span>", "<bdo dir=rtl>08.84</bdo>",
            "48.80<script>1</script>", "48.80<template>9</template>", "<noscript>1</noscript>48.80",
            "48.80<iframe>9</iframe>", "<ruby>48.80<rt>1</rt></ruby>", "<textarea>48.80</textarea>",
            "<select><option>48.80<option>9.00</select>",
        ],
    )  # fmt: skip
    def test_parts_that_are_hidden_raised_or_struck_through(self, cell: str, beside: bool) -> None:
        """The texts of a cell are not put together."""
        text = f"<table><tr><th>mode<th>credit</tr><tr><td>a</td><td>{cell}</td></tr></table>"
        outputs = [("text/html", text), *([html(frame())] if beside else [])]
        assert "cannot be read with certainty" in refusal(run_of({}, markdown("# Summary Info"), shows(*outputs)))

    @pytest.mark.parametrize(
        "html_text",
        [
            "<table style='display:none'>{}</table>",
            "<table hidden>{}</table>",
            "<div style='display: none'><table>{}</table></div>",
            "<div style='text-decoration:line-through'><p>old<br></p><table>{}</table></div>",
            "<table><caption>Amounts in EUR</caption>{}</table>",
            "<style>#T_1_row0_col0 {{ display: none }}</style><table>{}</table>",
            "<style>td {{ text-decoration: line-through }}</style><table>{}</table>",
            "<table><caption>Total, \N{EURO SIGN}</caption>{}</table>",
        ],
    )
    def test_a_table_that_nobody_sees_or_of_another_currency(self, html_text: str) -> None:
        """Nor one whose caption names another currency."""
        text = html_text.format("<tr><th>credit</th></tr><tr><td>9,999.00</td></tr>")
        assert "cannot be read" in refusal(run_of({}, markdown("# Summary Info"), shows(("text/html", text))))

    @pytest.mark.parametrize(
        "text",
        [
            "<div style='display:none'>hint</div><table>{}</table>",
            "<table><caption>Amounts in USD</caption>{}</table>",
            "<style>td {{ vertical-align: middle }}</style><table>{}</table>",
            "<table><colgroup><col style='display:none'></colgroup>{}</table>",
            "<!-- <table><tr><th>credit</th></tr><tr><td>5.00</td></tr></table> --><table>{}</table>",
        ],
    )
    def test_what_is_hidden_elsewhere_makes_no_doubt(self, text: str) -> None:
        """Only what stands in the table counts."""
        text = text.format("<tr><th>credit</th></tr><tr><td>9,999.00</td></tr>")
        credit = credit_of(run_of({}, markdown("# Summary Info"), shows(("text/html", text))))
        assert credit.amount == Decimal("9999.00")

    def test_lines_of_a_cell_are_not_one_number(self) -> None:
        """9 above 48.80 is not 948.80."""
        for between in ("<br>", "</p><p>", "</div><div>"):
            text = f"<table><tr><th>credit</th></tr><tr><td><div><p>9{between}48.80</p></div></td></tr></table>"
            assert "not an amount" in refusal(run_of({}, markdown("# Summary Info"), shows(("text/html", text))))

    @pytest.mark.parametrize(
        "table",
        [
            lambda: plain([[4000.0, 948.8]], columns=["credit", "credit"]),
            by_account,
        ],
        ids=["two columns", "several indices"],
    )
    def test_a_table_that_cannot_be_read_beside_one_that_can(self, table: Callable[[], Any]) -> None:
        """The other one may be last month's."""
        other = plain([{"mode": "last month", "credit": 7.5}])
        for outputs in ([html(table()), html(other)], [html(other), html(table())]):
            assert "cannot be read" in refusal(run_of({}, markdown("# Summary Info"), shows(*outputs)))

    @pytest.mark.parametrize("plain_first", [False, True])
    def test_the_plain_text_of_what_is_shown_as_html_is_not_read(self, plain_first: bool) -> None:
        """Nobody sees it, so that it cannot be read is no doubt."""
        table = plain([{"Mode": "basic", "Fraud Cost": "$9,999.00", "Credit": "$4,948.80"}])
        outputs = [html(table), ("text/plain", repr(table))]
        cells = markdown("# Summary Info"), shows(*(outputs[::-1] if plain_first else outputs))
        assert credit_of(run_of({}, *cells)).amount == REFERENCE

    def test_a_second_object_as_plain_text_is_read(self) -> None:
        """It stands behind one that has its own."""
        first = [("text/plain", repr(frame())), html(frame())]
        second = "text/plain", repr(frame({"credit": "$1.00"}))
        assert "2 tables" in refusal(run_of({}, markdown("# Summary Info"), shows(*first, second)))

    def test_html_and_print_that_disagree(self) -> None:
        """An estimate, and what it came to after a review."""
        final = ("stream", f"Final:\n\n{frame({'credit': '$250.00'}).to_string()}\n")
        assert "2 tables" in refusal(run_of({}, markdown("# Summary Info"), shows(html(frame()), final)))

    def test_html_and_print_of_the_same_credits_agree(self) -> None:
        """However they write them."""
        printed = plain([{"mode": "basic", "credit": 4948.8}]).to_string()
        credit = credit_of(run_of({}, markdown("# Summary Info"), shows(html(frame()), ("stream", printed))))
        assert credit.amount == REFERENCE

    @pytest.mark.parametrize("credit", ["4,949", "$4,949", "4949", "0"])
    def test_a_credit_without_its_cents(self, credit: str) -> None:
        """A display may have rounded them away; a scrap has them all."""
        for output in (html(frame({"credit": credit})), ("text/plain", repr(frame({"credit": credit})))):
            assert "without its cents" in refusal(run_of({}, markdown("# Summary Info"), shows(output)))

    def test_a_display_that_rounds_is_noticed(self) -> None:
        """pandas' float_format changes what is shown, and not what is computed."""
        import pandas as pd

        with pd.option_context("display.float_format", "{:,.0f}".format):
            output = html(plain({"mode": ["basic"], "traffic_prop": [1.0], "credit": [4948.80]}))
        assert "without its cents" in refusal(run_of({}, markdown("# Summary Info"), shows(output)))

    @pytest.mark.parametrize("credit", ["$4,948.8", "4,948.8", "$948.8", "948.8 USD"])
    def test_a_credit_formatted_with_one_decimal_place(self, credit: str) -> None:
        """pandas itself writes neither a sign nor a comma, so somebody has chosen the format."""
        assert "without its cents" in refusal(
            run_of({}, markdown("# Summary Info"), shows(html(frame({"credit": credit}))))
        )

    @pytest.mark.parametrize(
        "source", ["pd.set_option('display.precision', 1)", "pd.options.display.float_format = f", "f'{x:.1f}'"]
    )
    def test_one_decimal_place_where_the_notebook_rounds(self, source: str) -> None:
        """Without that, 948.8 is how pandas shows 948.80."""
        table = markdown("# Summary Info"), shows(html(plain([{"mode": "basic", "credit": 948.8}])))
        assert credit_of(run_of({}, *table)).amount == Decimal("948.80")
        assert "without its cents" in refusal(run_of({}, Cell(1, "code", source, True), *table))

    @pytest.mark.parametrize(
        "other",
        [
            ("text/markdown", "|    | mode   | credit   |\n|---:|:-------|:---------|\n|  0 | basic  | 9.00     |"),
            ("stream", "mode,credit\nbasic,9.00\n"),
            ("stream", "mode;credit\nbasic;9.00\n"),
            ("stream", "| mode  | credit |\n|-------|--------|\n| basic | 9.00   |\n"),
            ("stream", "mode\tnet,credit\nbasic\t9.00\n"),
        ],
    )
    def test_a_table_in_another_notation_beside_one_that_can_be_read(self, other: tuple[str, str]) -> None:
        """Which of them counts is not guessed."""
        for outputs in ([other, html(frame())], [html(frame()), other]):
            assert "cannot be read" in refusal(run_of({}, markdown("# Summary Info"), shows(*outputs)))

    def test_a_text_in_markdown_is_no_table(self) -> None:
        """Nor is one that speaks of the credit."""
        text = ("text/markdown", "The **credit** of December, by mode.")
        assert credit_of(run_of({}, markdown("# Summary Info"), shows(text, html(frame())))).amount == REFERENCE

    @pytest.mark.parametrize("name", ["Credit (USD)", "credit_usd", "CREDIT USD", "Credit ($)", "Credit [in US$]"])
    def test_a_column_may_name_its_currency(self, name: str) -> None:
        """As people type it."""
        output = html(frame().rename(columns={"credit": name}))
        assert credit_of(run_of({}, markdown("# Summary Info"), shows(output))).amount == REFERENCE

    @pytest.mark.parametrize("name", ["Credit (EUR)", "credit \N{EURO SIGN}", "Credit in GBP"])
    def test_a_table_in_another_currency_beside_one_in_usd(self, name: str) -> None:
        """The one in USD may be last month's."""
        other = html(frame().rename(columns={"credit": name}))
        said = refusal(run_of({}, markdown("# Summary Info"), shows(other, html(frame()))))
        assert "in another currency" in said

    def test_german_thousands_are_not_taken_for_decimals(self) -> None:
        """4.948 is four thousand to some."""
        output = html(plain({"mode": ["a"], "credit": ["4.948"]}))
        assert "may mean thousands" in refusal(run_of({}, markdown("# Summary Info"), shows(output)))

    def test_a_part_of_the_rows(self) -> None:
        """pandas shows one row of two, and no dots."""
        table = plain({"mode": ["basic", "max"], "traffic_prop": [0.01, 0.99], "credit": [1.5, 500.5]})
        output = "text/html", table.to_html(max_rows=1)
        assert "1.0% of the traffic" in refusal(run_of({}, markdown("# Summary Info"), shows(output)))

    @pytest.mark.parametrize(
        "name", ["Fraud Cost", "fraud cost", "FRAUD_COST", "Fraud-Cost", "FraudCost", "Fraud Cost (USD)"]
    )
    def test_the_fraud_cost_bounds_the_credit_however_it_is_spelt(self, name: str) -> None:
        """It is what could be credited at most."""
        output = html(plain([{"mode": "basic", name: "$1.00", "credit": "$4,948.80"}]))
        assert "above the fraud cost $1.00" in refusal(run_of({}, markdown("# Summary Info"), shows(output)))


@given(
    st.sampled_from(["s", "del", "strike", "sup", "sub"]),
    st.sampled_from(["<td>{}</td>", "<td><b>{}</b></td>", "<td><span>x</span>{}</td>", "<td><i>{}</i></td>"]),
    st.integers(0, 99_999_999).map(lambda cents: f"{cents / 100:.2f}"),
)
def test_no_amount_with_a_marked_part_is_read(tag: str, cell: str, amount: str) -> None:
    """Wherever in the cell the mark stands."""
    marked = cell.format(f"<{tag}>{amount[0]}</{tag}>{amount[1:]}")
    text = f"<table><tr><th>credit</th></tr><tr>{marked}</tr></table>"
    with pytest.raises(CreditRefused):
        credit_of(run_of({}, markdown("# Summary Info"), shows(("text/html", text))))


ROWS = st.lists(st.integers(0, 99_999_999), min_size=1, max_size=4)
WRITERS = st.sampled_from(["to_html", "to_string", "by hand", "style"])


@given(ROWS, WRITERS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_table_gives_the_sum_of_its_credits(cents: list[int], writer: str, index: bool) -> None:
    """Whoever wrote it."""
    amounts = [f"${Decimal(value) / 100:,.2f}" for value in cents]
    rows = [{"mode": f"m{n}", "traffic_prop": 1 / len(cents), "credit": amount} for n, amount in enumerate(amounts)]
    if writer == "by hand":
        lines = ["  ".join(rows[0]), *("  ".join(map(str, row.values())) for row in rows)]
        output = "stream", "\n".join(lines)
    elif writer == "style":
        output = "text/html", plain(rows).style.to_html()
    else:
        kind = "text/html" if writer == "to_html" else "text/plain"
        output = kind, getattr(plain(rows), writer)(index=index)
    assert credit_of(run_of({}, markdown("# Summary Info"), shows(output))).amount == Decimal(sum(cents)) / 100


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

    @pytest.mark.parametrize(
        "broken",
        [
            TABLE.removesuffix("</table>"),
            TABLE + "<!-- " + TABLE,
            TABLE + "<td ",
            TABLE + TABLE.removesuffix("</table>"),
        ],
    )
    def test_broken_html_with_credits_is_refused(self, broken: str) -> None:
        """A browser mends it in its own way, so a person may see other credits."""
        assert has_unreadable_html(broken)

    def test_a_picture_beside_a_table_breaks_nothing(self) -> None:
        picture = f'<img src="data:image/png;base64,{"A" * 300_000}">'
        assert not has_unreadable_html(picture + TABLE)

    @pytest.mark.parametrize("columns", [["credit (EUR)"], ["credit", "fraud cost"]])
    def test_a_printed_name_of_two_words_shifts_no_value(self, columns: list[str]) -> None:
        """The number of the row is not a credit: a value stands below its name, or nothing is read."""
        assert [] == list(printed_tables(plain([[10] * len(columns)], index=[5], columns=columns).to_string()))

    @pytest.mark.parametrize("row", ["0  ab cd", "0  ab         12.00"], ids=["before", "behind"])
    def test_a_value_that_only_touches_its_name_does_not_stand_below_it(self, row: str) -> None:
        """It is somebody else's."""
        assert [] == list(printed_tables(f"   mode credit\n{row}"))

    def test_a_value_keeps_its_last_letter(self) -> None:
        """Blanks and the backslash of a wrapped table end a line, and nothing else does."""
        assert [[{"credit": "5.00", "mode": "MAX"}]] == list(printed_tables("   credit  mode\n0    5.00   MAX"))

    def test_two_columns_of_credits_give_none(self) -> None:
        """Which of them counts is not guessed."""
        table = plain([[10, 20]], columns=["credit", "Credit "])
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

    @pytest.mark.parametrize("text", ["\\\n0", "  credit\n0 5.00\n1\n"])
    def test_a_line_with_the_number_of_a_row_alone_gives_no_table(self, text: str) -> None:
        """A header without names, and a row without values."""
        assert [] == list(printed_tables(text))

    @given(st.text(alphabet=" \n\\abcredit0.$<>/th"))
    def test_any_text_is_read(self, text: str) -> None:
        """Whatever a notebook prints."""
        cell = shows(("text/html", f"<table><tr><td>credit</td></tr>{text}</table>"), ("text/plain", text))
        with suppress(CreditRefused):
            credit_of(run_of({}, markdown("# Summary Info"), cell))
