"""The page of a request: what it says, what it never lets a browser do, and how large it may be."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint import Accounts, Days, Footprint, Unknown
from creditbot.evidence.keeping import cells_of
from creditbot.evidence.page import MOST_BYTES, page_of, with_outcome
from creditbot.evidence.summary import computed_summary, empty_summary, ended_summary, with_footprints
from creditbot.model import Cell, Credit, CreditRow, LinkResult, LookerLink, Message, NotebookRun, Query, RequestKey
from creditbot.state.record import Record, Result
from tests.support.sampling import costly
from tests.unit.test_png import png

KEY = RequestKey("T0TEST", "C0TEST", "1736345678.123456")
PERMALINK = "https://acme.slack.com/archives/C0TEST/p1736345678123456"
NOW = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
SQL = "SELECT day FROM traffic WHERE product = 'Authy'"
ROW = CreditRow(Decimal("4948.80"), "basic", Decimal("7526.30"), {"block_rate": "0.416", "msg_count": "35644"})
CELLS = (
    Cell(1, "markdown", "# Verify credit"),
    Cell(2, "code", "show(flagged)", True, (("text/html", "<table><tr><th>day</th></tr><tr><td>x</td></tr></table>"),)),
    Cell(3, "code", "plot()", True, (("image/png", png()),)),
)


def result(*cells: Cell, url: str = "https://acme.looker.com/looks/42", sql: str = SQL) -> LinkResult:
    run = NotebookRun({}, cells or CELLS, "notebooks/verify_credit.ipynb", "b" * 64, {"papermill": "2.7.0"}, 12.3)
    query = Query(LookerLink("look", url, id="42"), sql)
    return LinkResult(query, "verify", "a" * 64, run, Credit(Decimal("4948.80"), (ROW,)))


def summary(*results: LinkResult, text: str = "please credit") -> dict[str, object]:
    message = Message("C0TEST", KEY.ts, user="U0PERSON", text=text)
    total = sum((r.credit.amount for r in results if r.credit), Decimal(0))
    return computed_summary(KEY, PERMALINK, message, total, results, NOW)


def page(*results: LinkResult, text: str = "please credit") -> str:
    results = results or (result(),)
    return page_of(summary(*results, text=text), cells_of(results))


def shown_as(cells: Cell) -> str:
    """The page of a request whose notebook has this one cell."""
    return page(result(cells))


class _Elements(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "section", "footer", "h1", "h2", "h3", "h4",
    "p", "blockquote", "dl", "dt", "dd", "a", "div", "table", "thead", "tbody", "tr", "th", "td", "strong", "span",
    "details", "summary", "pre", "code", "figure", "img",
}  # fmt: skip


def harmful(text: str) -> list[str]:
    """What of a page a browser could run, load or send."""
    found = []
    for tag, attributes in _Elements(text).tags:
        found += [tag] if tag not in ALLOWED else []
        found += [f"{tag} {name}" for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action", "data"):
            value = attributes.get(name) or ""
            if value and not re.match(r"https?://|data:image/png;base64,[A-Za-z0-9+/=]+$", value):
                found.append(f"{tag} {name}={value}")
    return found


class TestContents:
    def test_the_amount_and_how_it_follows_are_on_it(self) -> None:
        text = page()
        assert "<h1>$4,948.80</h1>" in text
        assert "$7,526.30 \N{MULTIPLICATION SIGN} (0.80 \N{MINUS SIGN} 0.416) ÷ (1 \N{MINUS SIGN} 0.416)" in text
        assert '<td class="number">35,644</td>' in text

    def test_the_request_is_on_it_with_its_address(self) -> None:
        text = page(text="Credit please: <https://acme.looker.com/looks/42|Look 42> &amp; thanks")
        assert "Credit please: Look 42 (https://acme.looker.com/looks/42) &amp; thanks" in text
        assert f'<a href="{PERMALINK}"' in text
        assert "U0PERSON" in text

    def test_the_sql_and_the_code_are_folded(self) -> None:
        text = page()
        assert "<details><summary>The SQL</summary><pre><code>SELECT day" in text
        assert text.count("<details") == text.count("</details>")
        assert " open" not in re.sub(r'class="open"', "", text.partition("</style>")[2])

    def test_tables_and_pictures_are_in_the_notebooks_order(self) -> None:
        text = page()
        places = [
            text.index(part) for part in ("Verify credit", "<th>day</th>", f"base64,{png()}", "Versions and hashes")
        ]
        assert places == sorted(places)

    def test_every_picture_has_a_size_and_words_for_it(self) -> None:
        (image,) = [attributes for tag, attributes in _Elements(page()).tags if tag == "img"]
        assert (image["width"], image["height"]) == ("1", "1")
        assert image["alt"] == "Picture from cell 3, below the heading “Verify credit”"

    def test_hashes_and_versions_are_on_it(self) -> None:
        text = page()
        assert "a" * 64 in text
        assert "b" * 64 in text
        assert "papermill 2.7.0" in text

    def test_the_traffic_of_a_credit_is_on_it(self) -> None:
        days = Days("day", datetime(2025, 12, 1), datetime(2026, 1, 1))  # noqa: DTZ001  # of no zone
        footprint = Footprint("verify", Accounts({"account_sid": frozenset({"AC1"})}), days, Unknown("no units"))
        text = page_of(with_footprints(summary(result()), [footprint]), {})
        assert "<dt>Accounts</dt><dd>AC1</dd>" in text
        assert "<dt>Days</dt>" in text

    def test_what_an_amount_leaves_out_is_on_it(self) -> None:
        assert "The amount does not cover all links." in page_of({"note": "The amount does not cover all links."}, {})

    def test_the_credits_of_several_links_are_added_up(self) -> None:
        text = page(result(), result(url="https://acme.looker.com/looks/43"))
        assert "$4,948.80 + $4,948.80 = $9,897.60" in text

    def test_a_request_of_very_many_links_shows_twenty(self) -> None:
        text = page(*(result(url=f"https://acme.looker.com/looks/{n}") for n in range(33)))
        assert "looks/19" in text
        assert "looks/20" not in text
        assert "13 more links are in the summary of this request." in text

    def test_a_request_that_was_never_computed_has_a_page(self) -> None:
        link = LookerLink("look", "https://acme.looker.com/looks/4040")
        empty = empty_summary(KEY, PERMALINK, Message("C0TEST", KEY.ts, user="U0PERSON", text="please"), [link])
        text = page_of(ended_summary(empty, Record("given_up", "n", NOW, reason="Looker has no Look 4040.")), {})
        assert "Needs a person" in text
        assert "Looker has no Look 4040." in text
        assert "No amount" in text

    def test_a_skipped_link_says_why_it_has_no_credit(self) -> None:
        skipped = replace(result(), product="", run=None, credit=None)
        text = page_of(computed_summary(KEY, PERMALINK, Message("C0TEST", KEY.ts), None, [skipped], NOW), {})
        assert "switched off, so this link was skipped" in text

    @pytest.mark.parametrize("document", [{}, {"links": "x", "request": 7, "outcome": []}, {"links": [{"rows": "x"}]}])
    def test_a_summary_that_somebody_edited_has_a_page(self, document: Mapping[str, Any]) -> None:
        assert "Under way" in page_of(document, {})


class TestOutcome:
    def test_the_end_replaces_what_the_page_said_before(self) -> None:
        record = Record("answered", "n", NOW, result=Result(Decimal("4948.80"), (), (), ""))
        after = with_outcome(page(), ended_summary(summary(result()), record))
        assert after is not None
        assert "creditbot has posted this amount in the thread." in after
        assert "has not been posted yet" not in after
        assert png() in after

    @pytest.mark.parametrize(("more", "shown"), [(0, False), (3, True)])
    def test_reasons_that_the_summary_leaves_out_are_counted(self, more: int, shown: bool) -> None:
        approval = {"reasons": [{"text": "It is odd."}], "votes": [], **({"more_reasons": more} if more else {})}
        held = page_of({**summary(result()), "outcome": {"status": "held", "approval": approval}}, {})
        assert "<li>It is odd.</li>" in held
        assert shown == ("<li>and 3 more, which <code>creditbot holds</code> lists" in held)

    def test_an_end_without_a_reply_keeps_the_computed_amount(self) -> None:
        record = Record("elsewhere", "n", NOW, reason="Answered in the thread.")
        after = with_outcome(page(), ended_summary(summary(result()), record))
        assert after is not None
        assert "<h1>$4,948.80</h1>" in after
        assert "computed, not posted" in after

    def test_a_text_from_outside_cannot_look_like_the_place_of_the_outcome(self) -> None:
        before = page(text="<!--outcome--> x <!--/outcome-->")
        assert before.count("<!--outcome-->") == 1

    @pytest.mark.parametrize("text", ["", "<html></html>", "<!--/outcome--><!--outcome-->"])
    def test_what_is_not_a_page_of_ours_is_not_changed(self, text: str) -> None:
        assert with_outcome(text, summary()) is None


class TestSafety:
    def test_the_policy_allows_its_own_style_and_pictures_only(self) -> None:
        text = page()
        style = text.partition("<style>")[2].partition("</style>")[0]
        allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = next(a["content"] for _, a in _Elements(text).tags if a.get("http-equiv") == "Content-Security-Policy")
        assert policy == (
            f"default-src 'none'; img-src data:; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
        )

    def test_a_page_of_ours_has_nothing_to_run_or_to_load(self) -> None:
        assert harmful(page()) == []

    @pytest.mark.parametrize(
        "text",
        [
            "<script>alert(1)</script>",
            "</code></pre><script>alert(1)</script>",
            "<iframe src=https://evil.example></iframe>",
            "<img src=x onerror=alert(1)>",
            '"><svg onload=alert(1)>',
            "{{ 7 * 7 }} {% raw %}",
            "</style><script>alert(1)</script>",
            "<table><tr><td><script>alert(1)</script><img src=x onerror=y></td></tr></table>",
            "<table><tr><td onclick=x style='position:fixed' colspan='2\" onmouseover=\"x'>a</td></tr></table>",
            "<a href='javascript:alert(1)'>x</a>",
            "<meta http-equiv=refresh content=0;url=https://evil.example>",
            "<base href=https://evil.example><form action=https://evil.example><input></form>",
        ],
    )
    def test_hostile_text_is_harmless_wherever_it_stands(self, text: str) -> None:
        """In the message, the address, the SQL, a column, the code, and every type of output."""
        types = ("text/html", "text/plain", "stream", "error", "image/png", "image/svg+xml", text)
        cells = (
            Cell(1, "markdown", f"# {text}\n{text}"),
            Cell(2, "code", text, True, tuple((kind, text) for kind in types)),
        )
        row = CreditRow(Decimal("1.00"), text, Decimal("2.00"), {"block_rate": text, "msg_count": text})
        hostile = replace(
            result(*cells, url=f"https://acme.looker.com/looks/1?{text}", sql=text),
            product=text,
            sql_sha256=text,
            credit=Credit(Decimal("1.00"), (row,)),
        )
        shown = page(hostile, text=text)
        assert harmful(shown) == []
        assert "49" not in re.findall(r"<h4>(.*?)</h4>", shown)

    @pytest.mark.parametrize(
        "url", ["javascript:alert(1)", "data:text/html,x", "https://x y", "//evil.example", "http://"]
    )
    def test_an_address_that_is_not_of_the_web_is_no_link(self, url: str) -> None:
        assert [a["href"] for tag, a in _Elements(page(result(url=url))).tags if tag == "a"] == [PERMALINK]

    def test_secrets_are_taken_out(self) -> None:
        shown = page(result(sql="SELECT 1 -- trino://bot:hunter22@host"), text="password=hunter22")
        assert "hunter22" not in shown

    @costly(5)
    @given(
        st.lists(st.tuples(st.sampled_from(["text/html", "text/plain", "stream", "image/png"]), st.text()), max_size=4)
    )
    def test_no_output_of_a_notebook_makes_a_page_harmful(self, outputs: list[tuple[str, str]]) -> None:
        assert harmful(shown_as(Cell(1, "code", "x", True, tuple(outputs)))) == []


class TestSize:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "outputs",
        [
            [("stream", "<" * 200_000)] * 50,
            [("text/html", "<table>" + "<tr>" + "<td>&" * 40 + "</tr>" * 3000 + "</table>")] * 50,
            [("image/png", base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 290_000).decode())] * 50,
            [("image/png", png())] * 2_000,
            [("application/json", "[" * 200_000)] * 150,
        ],
        ids=["text", "tables", "broken pictures", "pictures", "other types"],
    )
    def test_no_notebook_makes_a_page_too_large(self, outputs: list[tuple[str, str]]) -> None:
        cells = [Cell(n, "code", "&" * 9_000, True, tuple(outputs)) for n in range(1, 4)]
        link = result()
        assert len(page_of(summary(link), {link.query.link.url: cells}).encode()) < MOST_BYTES

    def test_the_longest_request_of_all_fits(self) -> None:
        links = [
            replace(result(url=f"https://acme.looker.com/{n}?{'<' * 3_000}", sql="<" * 30_000), product="<" * 5_000)
            for n in range(60)
        ]
        assert len(page(*links, text="<" * 40_000).encode()) < MOST_BYTES
