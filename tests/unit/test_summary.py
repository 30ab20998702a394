"""The saved summary: its keys, its size and what it never shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.evidence.summary import (
    OTHER_RUN,
    Outcome,
    close_document,
    computed_document,
    new_document,
    outcome_of,
    telling_cells,
)
from creditbot.machine import exact_json
from creditbot.model import Cell, Credit, CreditRow, LinkResult, LookerLink, Message, NotebookRun, Query, RequestKey
from creditbot.state.record import Record, Result

KEY = RequestKey("T0TEST", "C0TEST", "1736345678.123456")
PERMALINK = "https://acme.slack.com/archives/C0TEST/p1736345678123456"
NOW = datetime(2026, 1, 8, 12, 0, 0, 250_000, tzinfo=UTC)
SQL = "SELECT day FROM traffic WHERE product = 'Authy'"
HEADING = Cell(1, "markdown", "## Summary Info")
TABLE = Cell(2, "code", "show(summary)", True, (("text/html", "<table>$4,948.80</table>"),))


def a_run(*cells: Cell) -> NotebookRun:
    return NotebookRun({}, cells, "notebooks/verify_credit.ipynb", "b" * 64, {"papermill": "2.7.0"}, 12.3456)


def a_result(run: NotebookRun | None = None, credit: Credit | None = None, sql: str = SQL) -> LinkResult:
    link = LookerLink("look", "https://acme.looker.com/looks/42", id="42")
    return LinkResult(Query(link, sql), "verify" if run else "", "a" * 64, run, credit)


ROW = CreditRow(Decimal("4948.80"), "basic", Decimal("7526.30"), {"block_rate": "0.416", "credit": "$4,948.80"})
CREDIT = Credit(Decimal("4948.80"), (ROW,))


def a_document(*results: LinkResult, amount: str | None = "4948.80", text: str = "please credit") -> dict[str, object]:
    message = Message("C0TEST", KEY.ts, user="U0PERSON", text=text)
    return computed_document(KEY, PERMALINK, message, Decimal(amount) if amount else None, results, NOW)


def a_record(status: Any, **facts: Any) -> Record:
    return Record(status, "nonce", NOW, **facts)


def at(document: Mapping[str, object], *path: str | int) -> Any:
    """The value at a path of keys and positions."""
    value: Any = document
    for step in path:
        value = value[step]
    return value


class TestContents:
    def test_the_fixed_keys(self) -> None:
        """What people's tools read keeps its names and shapes."""
        document = a_document(a_result(a_run(HEADING, TABLE), CREDIT))
        assert "2026-01-08T12:00:00.250Z" == document["extracted_at"]
        assert Decimal("4948.80") == document["credit_amount"]
        assert {
            "cell_2": {
                "source": "show(summary)",
                "outputs": [{"type": "text/html", "text": "<table>$4,948.80</table>"}],
            }
        } == document["summary_outputs"]

    def test_the_evidence_of_a_link(self) -> None:
        """A link's facts can be checked without the state, Looker or the notebook."""
        document = a_document(a_result(a_run(HEADING, TABLE), CREDIT))
        assert {
            "url": "https://acme.looker.com/looks/42",
            "kind": "look",
            "product": "verify",
            "sql": SQL,
            "sql_sha256": "a" * 64,
            "notebook": "notebooks/verify_credit.ipynb",
            "notebook_sha256": "b" * 64,
            "versions": {"papermill": "2.7.0"},
            "seconds": Decimal("12.346"),
            "credit": Decimal("4948.80"),
            "rows": [
                {
                    "credit": Decimal("4948.80"),
                    "mode": "basic",
                    "fraud_cost": Decimal("7526.30"),
                    "columns": {"block_rate": "0.416", "credit": "$4,948.80"},
                }
            ],
        } == at(document, "links", 0)

    def test_the_request(self) -> None:
        """Who asked for what, and where."""
        assert {
            "key": "T0TEST.C0TEST.1736345678.123456",
            "permalink": PERMALINK,
            "author": "U0PERSON",
            "text": "please credit",
        } == a_document()["request"]

    def test_cells_of_later_links_have_their_own_names(self) -> None:
        """The second link's cells do not hide the first one's."""
        result = a_result(a_run(HEADING, TABLE), CREDIT)
        assert ["cell_2", "link3_cell_2"] == list(at(a_document(result, a_result(), result), "summary_outputs"))

    def test_a_skipped_link_has_its_sql_and_nothing_more(self) -> None:
        """Of a link that no product wanted the summary says what it asked for."""
        document = a_document(a_result(), amount=None)
        assert ["url", "kind", "sql", "sql_sha256"] == list(at(document, "links", 0))
        assert document["credit_amount"] is None

    def test_amounts_survive_the_file(self) -> None:
        """Written and read again, the amount is the same Decimal."""
        document = a_document(a_result(a_run(HEADING, TABLE), CREDIT))
        assert document == exact_json.read(exact_json.write(document))


def test_an_answer_that_is_found_again_keeps_what_was_known_of_it() -> None:
    """With the state lost its record knows neither who overrode a refusal nor how long it took."""
    record = Record("answered", "n", NOW, reply="1.1", seconds=5.0, overridden_by="Dana Ortiz")
    document = a_document(a_result(a_run(HEADING, TABLE), CREDIT))
    first = close_document(document, replace(record, result=Result(Decimal(1))))
    found = close_document(first, Record("answered", "m", NOW + timedelta(hours=1), reply="1.1", seconds=0.2))
    assert first["outcome"] == found["outcome"]
    assert "Dana Ortiz" == found["outcome"]["overridden_by"]  # type: ignore[index]
    another = close_document(first, Record("answered", "m", NOW, reply="2.2"))
    assert "2.2" == another["outcome"]["reply"]  # type: ignore[index]


class TestTellingCells:
    CODE = Cell(9, "code", "plot()", True, (("stream", "drawn"),))

    @pytest.mark.parametrize("heading", ["## Summary Info", "# 3. summary info ##", "<h2 id='x'>Summary Info</h2>"])
    def test_those_under_the_heading_count(self, heading: str) -> None:
        """The cells up to the next heading of that level show the result."""
        cells = [
            Cell(1, "code", "query()", True),
            Cell(2, "markdown", heading),
            Cell(3, "code", "a", True),
            Cell(4, "markdown", "### Details"),
            Cell(5, "code", "b", True),
            Cell(6, "markdown", "text\n# Plots"),
            self.CODE,
        ]
        expected = [3, 5]
        assert expected == [cell.number for cell in telling_cells(cells)]

    def test_the_heading_is_found_as_the_credit_is_found_under_it(self) -> None:
        """Also one that is underlined, and not one in a block of code."""
        fenced = Cell(1, "markdown", "```\n# Summary Info\n```")
        assert [TABLE] == telling_cells([fenced, self.CODE, Cell(3, "markdown", "Summary Info\n----"), TABLE])

    def test_without_it_all_that_shows_something_counts(self) -> None:
        """A notebook that marks no result is shown by its outputs."""
        assert [self.CODE] == telling_cells([Cell(1, "code", "x = 1", True), self.CODE])


class TestSize:
    OUTPUTS = st.lists(st.tuples(st.sampled_from(["text/html", "stream", "image/png"]), st.text()), max_size=3)

    @given(outputs=OUTPUTS, filler=st.text(min_size=1, max_size=3), text=st.text(), links=st.integers(1, 4))
    def test_it_stays_small_whatever_a_notebook_prints(
        self, outputs: list[tuple[str, str]], filler: str, text: str, links: int
    ) -> None:
        """Long outputs, texts and tables leave all that is not SQL under 50 KB."""
        large = tuple((kind, part + filler * 5_000) for kind, part in outputs)
        rows = tuple(replace(ROW, columns={"note": filler * 100}) for _ in range(50))
        cells = [HEADING, *(Cell(n, "code", filler * 5_000, True, large) for n in range(2, 6))]
        result = a_result(a_run(*cells), Credit(Decimal(1), rows), sql="")
        document = a_document(*[result] * links, text=text + filler * 5_000)
        assert len(exact_json.write(document).encode()) < 50_000

    def test_what_is_cut_says_so(self) -> None:
        """A reader knows how much is missing, of a text and of a table."""
        cell = Cell(2, "code", "x" * 6_000, True, (("image/png", "(not kept)"),))
        rows = Credit(Decimal(1), (ROW,) * 50)
        document = a_document(a_result(a_run(HEADING, cell), rows))
        assert at(document, "summary_outputs", "cell_2", "source").endswith("… (2,000 bytes more)")
        assert "(not kept)" == at(document, "summary_outputs", "cell_2", "outputs", 0, "text")
        assert (20, 30) == (len(at(document, "links", 0, "rows")), at(document, "links", 0, "rows_left_out"))

    def test_sql_is_kept_whole(self) -> None:
        """The proof is not cut."""
        long = SQL + " " * 200_000 + "-- end"
        assert long == at(a_document(a_result(sql=long)), "links", 0, "sql")


class TestSecrets:
    @pytest.mark.parametrize(
        "url", ["postgresql://bot:pass-word@db:5432/x", "https://pass-word@acme.example/x", "s3://k:pass@word@b"]
    )
    def test_passwords_of_addresses_are_not_kept(self, url: str) -> None:
        """An address printed by a notebook or posted by a person loses what stands before the @."""
        cell = Cell(2, "code", f"connect('{url}')", True, (("stream", url), ("error", url)))
        text = exact_json.write(a_document(a_result(a_run(HEADING, cell), CREDIT), text=f"<{url}|x>"))
        assert "word@" not in text
        assert "://***@" in text


class TestEnd:
    def test_an_answered_request(self) -> None:
        """Its amount stays, with when and where it was answered and how long it took."""
        record = a_record(
            "answered", reply="1736345700.000100", result=Result(Decimal("4948.80")), attempts=1, seconds=41.5
        )
        closed = close_document(a_document(a_result(a_run(HEADING, TABLE), CREDIT)), record)
        assert Decimal("4948.80") == closed["credit_amount"]
        assert {
            "status": "answered",
            "at": "2026-01-08T12:00:00.250Z",
            "reply": "1736345700.000100",
            "attempts": 1,
            "seconds": Decimal("41.500"),
        } == closed["outcome"]
        assert Outcome("answered", NOW) == outcome_of(closed)

    def test_links_of_another_run_are_said_to_be_that(self) -> None:
        """Who slept just before it saved what it had computed replaced the evidence of an answer."""
        record = a_record("answered", result=Result(Decimal("250.00")))
        closed = close_document(a_document(a_result()), record)
        assert OTHER_RUN == at(closed, "outcome", "note")
        assert Decimal("250.00") == closed["credit_amount"]

    def test_a_dead_request_credits_nothing(self) -> None:
        """What was computed and not answered is no credit, but is not forgotten."""
        closed = close_document(a_document(a_result()), a_record("given_up", reason="Slack refused."))
        assert (None, Decimal("4948.80")) == (closed["credit_amount"], closed["computed_amount"])
        assert "Slack refused." == at(closed, "outcome", "reason")
        assert closed == close_document(closed, a_record("given_up", reason="Slack refused."))
        assert Outcome("given_up", NOW) == outcome_of(closed)

    def test_a_request_of_which_nothing_was_computed(self) -> None:
        """It leaves who, where, when and why."""
        closed = close_document(new_document(KEY, PERMALINK), a_record("skipped", user="U0PERSON"))
        assert {"author": "U0PERSON", "key": str(KEY), "permalink": PERMALINK} == closed["request"]
        assert ("2026-01-08T12:00:00.250Z", None) == (closed["extracted_at"], closed["credit_amount"])
        assert {"extracted_at", "credit_amount", "summary_outputs"} <= closed.keys()

    def test_a_request_of_which_nothing_was_computed_says_what_was_asked(self) -> None:
        """Where its message was read: who, what, and the links, which may have cost it its answer."""
        message = Message("C0TEST", KEY.ts, thread_ts="1736345600.000001", bot="BFORM", text="please credit")
        links = [LookerLink("look", "https://acme.looker.com/looks/42", id="42")]
        document = new_document(KEY, PERMALINK, message, links)
        assert {
            "key": str(KEY),
            "permalink": PERMALINK,
            "author": "BFORM",
            "text": "please credit",
        } == document["request"]
        assert [{"url": "https://acme.looker.com/looks/42", "kind": "look"}] == document["links"]

    def test_an_answer_found_in_the_thread_keeps_what_was_computed(self) -> None:
        """Where the state lost the result, the summary's own amount stands."""
        closed = close_document(a_document(a_result()), a_record("answered"))
        assert Decimal("4948.80") == closed["credit_amount"]

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"outcome": 5},
            {"outcome": {"status": "answered", "at": "soon"}},
            {"outcome": {"status": "answered", "at": "2026-01-08T12:00:00"}},
            {"outcome": {"status": "made up", "at": "2026-01-08T12:00:00Z"}},
        ],
    )
    def test_a_summary_of_somebody_else_has_no_outcome(self, document: dict[str, object]) -> None:
        """What says nothing of ours, or nothing that can be compared."""
        assert outcome_of(document) is None
