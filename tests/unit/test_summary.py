"""The summary of a request: its keys, its size, how it is ended, and what it never shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint import Accounts, Days, Flagged, Footprint, Unit
from creditbot.evidence.summary import (
    OTHER_RUN,
    REASONS,
    Outcome,
    computed_summary,
    empty_summary,
    ended_summary,
    footprints_in,
    outcome_of,
    result_cells,
    with_footprints,
)
from creditbot.machine import exact_json
from creditbot.model import (
    Cell,
    Credit,
    CreditRow,
    HoldKind,
    HoldReason,
    LinkResult,
    LookerLink,
    Message,
    NotebookRun,
    Query,
    RequestKey,
)
from creditbot.state.record import Hold, Record, Result
from tests.support.sampling import costly

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


def a_summary(*results: LinkResult, amount: str | None = "4948.80", text: str = "please credit") -> dict[str, object]:
    message = Message("C0TEST", KEY.ts, user="U0PERSON", text=text)
    return computed_summary(KEY, PERMALINK, message, Decimal(amount) if amount else None, results, NOW)


def a_record(status: Any, **facts: Any) -> Record:
    return Record(status, "nonce", NOW, **facts)


def at(summary: Mapping[str, object], *path: str | int) -> Any:
    """The value at a path of keys and positions."""
    value: Any = summary
    for step in path:
        value = value[step]
    return value


class TestContents:
    def test_the_keys_that_peoples_tools_read_are_fixed(self) -> None:
        """Their names and shapes are those of the prototype."""
        summary = a_summary(a_result(a_run(HEADING, TABLE), CREDIT))
        assert "2026-01-08T12:00:00.250Z" == summary["extracted_at"]
        assert Decimal("4948.80") == summary["credit_amount"]
        assert {
            "cell_2": {
                "source": "show(summary)",
                "outputs": [{"type": "text/html", "text": "<table>$4,948.80</table>"}],
            }
        } == summary["summary_outputs"]

    def test_a_link_is_kept_with_all_that_its_credit_came_from(self) -> None:
        """It can be checked without the state, Looker or the notebook."""
        summary = a_summary(a_result(a_run(HEADING, TABLE), CREDIT))
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
        } == at(summary, "links", 0)

    def test_a_request_is_kept_with_its_author_and_text(self) -> None:
        """And with its address."""
        assert {
            "key": "T0TEST.C0TEST.1736345678.123456",
            "permalink": PERMALINK,
            "author": "U0PERSON",
            "text": "please credit",
        } == a_summary()["request"]

    def test_cells_of_later_links_have_names_of_their_own(self) -> None:
        """They do not replace those of the first link."""
        result = a_result(a_run(HEADING, TABLE), CREDIT)
        assert ["cell_2", "link3_cell_2"] == list(at(a_summary(result, a_result(), result), "summary_outputs"))

    def test_a_skipped_link_is_kept_with_its_sql_alone(self) -> None:
        """No notebook ran on it."""
        summary = a_summary(a_result(), amount=None)
        assert ["url", "kind", "sql", "sql_sha256"] == list(at(summary, "links", 0))
        assert summary["credit_amount"] is None

    def test_amounts_are_the_same_after_writing_and_reading(self) -> None:
        """Exact to the cent, as Decimal."""
        summary = a_summary(a_result(a_run(HEADING, TABLE), CREDIT))
        assert summary == exact_json.read(exact_json.write(summary))


class TestResultCells:
    CODE = Cell(9, "code", "plot()", True, (("stream", "drawn"),))

    @pytest.mark.parametrize("heading", ["## Summary Info", "# 3. summary info ##", "<h2 id='x'>Summary Info</h2>"])
    def test_cells_under_the_heading_are_the_result(self, heading: str) -> None:
        """Up to the next heading of that level."""
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
        assert expected == [cell.number for cell in result_cells(cells)]

    def test_the_heading_is_found_in_any_markdown_spelling(self) -> None:
        """Underlined, too, but not in a block of code: where the credit is looked for, the cells are."""
        fenced = Cell(1, "markdown", "```\n# Summary Info\n```")
        assert [TABLE] == result_cells([fenced, self.CODE, Cell(3, "markdown", "Summary Info\n----"), TABLE])

    def test_without_the_heading_every_cell_with_outputs_is_the_result(self) -> None:
        """A notebook that marks no result is shown by its outputs."""
        assert [self.CODE] == result_cells([Cell(1, "code", "x = 1", True), self.CODE])


def large_footprint() -> Footprint:
    """Every one of 200 prefixes is flagged on each of 31 days, with numbers that do not repeat."""
    units = {
        Unit("AC1", date(2025, 12, 1 + day), f"+{prefix}", "basic"): Flagged(count, count * Decimal("0.0083"))
        for prefix in range(200)
        for day in range(31)
        for count in [(prefix * 7919 + day * day * 104_729) % 3_000 + 1]
    }
    return Footprint("verify", Accounts({"account_sid": frozenset({"AC1"})}), Days("day"), units)


LARGE = large_footprint()
SQL_ROWS = {
    "count": 9_999_999,
    "hash": f"sha256:{'a' * 64}",
    "by_day": {str(date(2025, 10, 1) + timedelta(days)): 999_999_999 for days in range(92)},
}


def size(summary: Mapping[str, object]) -> int:
    return len(exact_json.write(summary).encode())


@cache
def traffic_bytes(links: int) -> int:
    """What the traffic of so many large links adds to a summary, whatever else is in it."""
    summary = a_summary(*[a_result(a_run(TABLE), CREDIT)] * links)
    return size(with_footprints(summary, [LARGE] * links)) - size(summary)


class TestTraffic:
    def test_each_credited_link_says_which_traffic_it_credits(self) -> None:
        skipped = a_result()
        credited = a_result(a_run(TABLE), CREDIT)
        summary = with_footprints(a_summary(skipped, credited), [LARGE])
        assert "footprint" not in at(summary, "links", 0)
        assert [LARGE] == footprints_in(summary)

    def test_what_cannot_be_read_is_left_out(self) -> None:
        """A later version may write it, and people may edit it."""
        assert [] == footprints_in({"links": [{"footprint": {"product": "verify"}}, {}]})
        assert [] == footprints_in({"links": None})


class TestSize:
    OUTPUTS = st.lists(st.tuples(st.sampled_from(["text/html", "stream", "image/png"]), st.text()), max_size=3)

    @pytest.mark.slow
    @costly(2)
    @given(outputs=OUTPUTS, filler=st.text(min_size=1, max_size=3), text=st.text(), links=st.integers(1, 4))
    def test_it_stays_small_whatever_a_notebook_prints(
        self, outputs: list[tuple[str, str]], filler: str, text: str, links: int
    ) -> None:
        """Whatever the outputs, texts and tables, all but the SQL takes less than 50 KB."""
        large = tuple((kind, part + filler * 5_000) for kind, part in outputs)
        rows = tuple(replace(ROW, columns={"note": filler * 100}) for _ in range(50))
        cells = [HEADING, *(Cell(n, "code", filler * 5_000, True, large) for n in range(2, 6))]
        run = replace(a_run(*cells, *[HEADING] * 100), scraps={"rows": SQL_ROWS, "parameters": {filler: filler * 400}})
        result = a_result(run, Credit(Decimal(1), rows), sql="")
        summary = a_summary(*[result] * links, text=text + filler * 5_000)
        assert size(summary) + traffic_bytes(links) < 50_000

    def test_a_text_that_was_cut_says_how_much_is_missing(self) -> None:
        cell = Cell(2, "code", "x" * 6_000, True, (("image/png", "(not kept)"),))
        cut = a_summary(a_result(a_run(HEADING, cell), CREDIT))
        assert at(cut, "summary_outputs", "cell_2", "source").endswith("… (2,000 bytes more)")
        assert "(not kept)" == at(cut, "summary_outputs", "cell_2", "outputs", 0, "text")

    def test_a_table_that_was_cut_says_how_many_rows_are_missing(self) -> None:
        cut = a_summary(a_result(a_run(HEADING, TABLE), Credit(Decimal(1), (ROW,) * 50)))
        assert 20 == len(at(cut, "links", 0, "rows"))
        assert 30 == at(cut, "links", 0, "rows_left_out")

    def test_sql_is_never_cut(self) -> None:
        """It is the proof."""
        long = SQL + " " * 200_000 + "-- end"
        assert long == at(a_summary(a_result(sql=long)), "links", 0, "sql")


class TestSecrets:
    @pytest.mark.parametrize(
        "url", ["postgresql://bot:pass-word@db:5432/x", "https://pass-word@acme.example/x", "s3://k:pass@word@b"]
    )
    def test_passwords_in_addresses_are_not_kept(self, url: str) -> None:
        """Whether a notebook printed the address or a person posted it."""
        cell = Cell(2, "code", f"connect('{url}')", True, (("stream", url), ("error", url)))
        text = exact_json.write(a_summary(a_result(a_run(HEADING, cell), CREDIT), text=f"<{url}|x>"))
        assert "word@" not in text
        assert "://***@" in text


class TestEnd:
    AMOUNT = Decimal("4948.80")

    def test_an_answer_is_kept_with_its_place_and_time(self) -> None:
        record = a_record("answered", reply="1736345700.000100", result=Result(self.AMOUNT), attempts=1, seconds=41.5)
        assert {
            "status": "answered",
            "at": "2026-01-08T12:00:00.250Z",
            "reply": "1736345700.000100",
            "attempts": 1,
            "seconds": Decimal("41.500"),
        } == ended_summary(a_summary(), record)["outcome"]

    def test_an_answer_credits_the_amount_that_was_posted(self) -> None:
        ended = ended_summary(a_summary(a_result()), a_record("answered", result=Result(self.AMOUNT)))
        assert self.AMOUNT == ended["credit_amount"]

    def test_links_of_another_run_are_said_to_be_that(self) -> None:
        """A process that was suspended just before it saved its result replaces the evidence of an answer."""
        ended = ended_summary(a_summary(a_result()), a_record("answered", result=Result(Decimal("250.00"))))
        assert OTHER_RUN == at(ended, "outcome", "note")
        assert Decimal("250.00") == ended["credit_amount"]

    def test_a_request_that_was_given_up_credits_nothing(self) -> None:
        """The amount that was computed is kept under another name."""
        ended = ended_summary(a_summary(a_result()), a_record("given_up"))
        assert ended["credit_amount"] is None
        assert self.AMOUNT == ended["computed_amount"]

    def test_an_end_is_kept_with_its_reason(self) -> None:
        assert "Slack refused." == at(
            ended_summary(a_summary(), a_record("given_up", reason="Slack refused.")), "outcome", "reason"
        )

    @pytest.mark.parametrize("status", ["answered", "given_up"])
    def test_ending_a_summary_again_changes_nothing(self, status: str) -> None:
        """A write that failed is repeated."""
        record = a_record(status, result=Result(self.AMOUNT), reason="Slack refused.")
        once = ended_summary(a_summary(a_result()), record)
        assert once == ended_summary(once, record)

    def test_an_answer_after_an_end_without_one_credits_what_was_computed(self) -> None:
        """A reply can become visible when its request was given up already."""
        given_up = ended_summary(a_summary(a_result()), a_record("given_up"))
        ended = ended_summary(given_up, a_record("answered", result=Result(self.AMOUNT)))
        assert self.AMOUNT == ended["credit_amount"]
        assert "computed_amount" not in ended

    def test_an_end_without_a_computation_says_who_where_and_when(self) -> None:
        ended = ended_summary(empty_summary(KEY, PERMALINK), a_record("skipped", user="U0PERSON"))
        assert {"author": "U0PERSON", "key": str(KEY), "permalink": PERMALINK} == ended["request"]
        assert "2026-01-08T12:00:00.250Z" == ended["extracted_at"]
        assert {"extracted_at", "credit_amount", "summary_outputs"} <= ended.keys()

    def test_an_end_without_a_computation_says_what_was_asked(self) -> None:
        """If its message was read. Its links may be why it was not answered."""
        message = Message("C0TEST", KEY.ts, thread_ts="1736345600.000001", bot="BFORM", text="please credit")
        summary = empty_summary(
            KEY, PERMALINK, message, [LookerLink("look", "https://acme.looker.com/looks/42", id="42")]
        )
        assert {
            "key": str(KEY),
            "permalink": PERMALINK,
            "author": "BFORM",
            "text": "please credit",
        } == summary["request"]
        assert [{"url": "https://acme.looker.com/looks/42", "kind": "look"}] == summary["links"]


class TestLostState:
    """An answer that is found in its thread after the state was lost: its record knows little of it."""

    FIRST = Record(
        "answered", "n", NOW, reply="1.1", seconds=5.0, overridden_by="Dana", result=Result(Decimal("4948.80"))
    )
    LATER = Record("answered", "m", NOW + timedelta(hours=1), reply="1.1", seconds=0.2)

    def test_it_credits_what_the_summary_says_was_computed(self) -> None:
        assert Decimal("4948.80") == ended_summary(a_summary(a_result()), self.LATER)["credit_amount"]

    def test_it_keeps_what_the_summary_knew_of_it(self) -> None:
        """Who overrode a refusal, for example, and how long it took."""
        first = ended_summary(a_summary(a_result()), self.FIRST)
        assert first["outcome"] == ended_summary(first, self.LATER)["outcome"]

    def test_another_answer_has_an_outcome_of_its_own(self) -> None:
        first = ended_summary(a_summary(a_result()), self.FIRST)
        assert "2.2" == at(ended_summary(first, replace(self.LATER, reply="2.2")), "outcome", "reply")


class TestOutcome:
    def test_the_outcome_of_a_summary_can_be_read_again(self) -> None:
        assert Outcome("answered", NOW) == outcome_of(ended_summary(a_summary(), a_record("answered")))

    @pytest.mark.parametrize(
        "summary",
        [
            {},
            {"outcome": 5},
            {"outcome": {"status": "answered", "at": "soon"}},
            {"outcome": {"status": "answered", "at": "2026-01-08T12:00:00"}},
            {"outcome": {"status": "made up", "at": "2026-01-08T12:00:00Z"}},
        ],
    )
    def test_a_summary_that_we_did_not_write_has_no_outcome(self, summary: dict[str, object]) -> None:
        """Or one with a time that cannot be compared."""
        assert outcome_of(summary) is None


@pytest.mark.parametrize("left", [0, 1, 3])
def test_reasons_that_are_too_many_are_counted(left: int) -> None:
    """So a page can say how many it does not show."""
    reasons = tuple(HoldReason(HoldKind.OVERLAP, f"reason {number}.") for number in range(REASONS + left))
    record = a_record("held", hold=Hold("digest", "policy", reasons, "ask", NOW))
    outcome = ended_summary(a_summary(a_result(a_run(TABLE), CREDIT)), record)["outcome"]
    assert isinstance(outcome, Mapping)
    approval = outcome["approval"]
    assert [f"reason {number}." for number in range(REASONS)] == [reason["text"] for reason in approval["reasons"]]
    assert ({"more_reasons": left} if left else {}) == {
        name: value for name, value in approval.items() if name == "more_reasons"
    }
