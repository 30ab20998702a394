"""The card that a summary gives, and the blocks that Slack gets of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from creditbot.adapters.slack.cards import blocks_of
from creditbot.answer.card import MOST_ROWS, card_of
from creditbot.credit.footprint import Accounts, Days, Footprint, Unknown
from creditbot.evidence.digest import digest_of
from creditbot.evidence.page import page_of
from creditbot.evidence.summary import with_footprints
from creditbot.model import Card, Credit, CreditRow
from creditbot.sandbox.slack_blocks import check_blocks
from creditbot.sandbox.slack_call import SlackError
from tests.unit.test_page import ROW, result, summary

TEXT = "Approved, $4,948.80, exceptions"
PAGE = "https://evidence.example.com/evidence/T0TEST.html"
CARD = Card(
    facts=(("Product", "verify"), ("Accounts", "AC1"), ("Days", "2025-12-01 to 2025-12-31")),
    header=("Product", "Mode", "Fraud cost", "Block rate", "Credit"),
    rows=(("verify", "basic", "$7,526.30", "0.416", "$4,948.80"),),
    digest="0123456789ab",
    page=PAGE,
)


def with_traffic(document: dict[str, object]) -> dict[str, object]:
    days = Days("day", datetime(2025, 12, 1), datetime(2026, 1, 1))  # noqa: DTZ001  # of no zone
    return with_footprints(document, [Footprint("verify", Accounts({"sid": frozenset({"AC1"})}), days, Unknown("x"))])


class TestCard:
    def test_it_says_whose_traffic_it_is_and_when_it_was(self) -> None:
        facts = dict(card_of(with_traffic(summary(result())), PAGE).facts)
        assert facts == {"Product": "verify", "Accounts": "AC1", "Days": "2025-12-01 to 2025-12-31"}

    def test_its_rows_are_those_of_the_credit(self) -> None:
        assert card_of(summary(result()), PAGE).rows == CARD.rows

    @pytest.mark.parametrize("rows", [(), (CreditRow(Decimal("5.00")),)])
    def test_what_a_notebook_does_not_give_is_blank(self, rows: tuple[CreditRow, ...]) -> None:
        bare = replace(result(), credit=Credit(Decimal("5.00"), rows))
        assert card_of(summary(bare), PAGE).rows == (("verify", "", "", "", "$5.00"),)

    def test_rows_beyond_ten_are_counted(self) -> None:
        links = [result(url=f"https://acme.looker.com/looks/{n}") for n in range(13)]
        card = card_of(summary(*links), PAGE)
        assert (len(card.rows), card.more_rows) == (MOST_ROWS, 3)

    def test_what_the_amount_leaves_out_is_said(self) -> None:
        document = {**summary(result()), "note": "The amount does not cover all links."}
        assert card_of(document, PAGE).note == "The amount does not cover all links."

    @pytest.mark.parametrize("page", ["data/outputs/evidence/x.html", "s3://bucket/evidence/x.html", "javascript:x"])
    def test_a_page_that_no_browser_finds_is_no_link(self, page: str) -> None:
        assert card_of(summary(result()), page).page == ""

    def test_long_and_broken_texts_of_a_notebook_are_one_short_line(self) -> None:
        row = replace(ROW, mode="x\n" * 500, columns={"block_rate": "\x1b[31m" + "y" * 500})
        (cells,) = card_of(summary(replace(result(), credit=Credit(Decimal("1.00"), (row,)))), PAGE).rows
        assert max(map(len, cells)) <= 60
        assert "\n" not in "".join(cells)
        assert "\x1b" not in "".join(cells)


class TestDigest:
    def test_the_page_and_the_card_show_the_same(self) -> None:
        document = summary(result())
        assert digest_of(document) in page_of(document, {})
        assert card_of(document, PAGE).digest == digest_of(document)

    def test_it_is_the_same_however_the_request_stands(self) -> None:
        document = summary(result())
        ended = {**document, "credit_amount": None, "computed_amount": document["credit_amount"]}
        assert digest_of(document) == digest_of(ended)

    @pytest.mark.parametrize("change", [{"product": "psms"}, {"sql_sha256": "c" * 64}])
    def test_it_changes_with_what_the_amount_came_from(self, change: dict[str, Any]) -> None:
        assert digest_of(summary(result())) != digest_of(summary(replace(result(), **change)))

    def test_there_is_none_without_an_amount(self) -> None:
        assert digest_of({"credit_amount": None, "links": []}) == ""


def blocks(text: str = TEXT, card: Card = CARD) -> list[dict[str, Any]]:
    return blocks_of(text, card)


class TestBlocks:
    def test_the_sentence_comes_first_then_facts_table_and_proof(self) -> None:
        assert [block["type"] for block in blocks()] == ["header", "section", "table", "context"]
        assert blocks()[0]["text"]["text"] == TEXT

    def test_a_long_sentence_is_a_section(self) -> None:
        assert blocks("x" * 151)[0]["type"] == "section"

    def test_an_empty_card_is_the_sentence(self) -> None:
        assert [block["type"] for block in blocks(card=Card())] == ["header"]

    def test_the_proof_links_to_the_page(self) -> None:
        (proof,) = blocks()[-1]["elements"]
        assert proof["text"] == f"Digest `0123456789ab` · <{PAGE}|How this amount follows>"

    def test_a_card_without_a_page_has_no_link(self) -> None:
        (proof,) = blocks(card=replace(CARD, page=""))[-1]["elements"]
        assert proof["text"] == "Digest `0123456789ab`"

    def test_what_is_left_out_stands_above_the_proof(self) -> None:
        texts = [e["text"] for e in blocks(card=replace(CARD, note="Not all links.", more_rows=1200))[-1]["elements"]]
        assert texts[:2] == ["Not all links.", "1,200 more rows are in the summary of this request."]

    def test_approvers_are_named_beside_the_proof(self) -> None:
        texts = [e["text"] for e in blocks(card=replace(CARD, approved_by=("U1", "W2", "<!here>")))[-1]["elements"]]
        assert texts[0] == "Approved by <@U1>, <@W2>"

    def test_nobody_can_be_called_by_a_text_from_outside(self) -> None:
        shown = json.dumps(blocks(card=replace(CARD, facts=(("Accounts", "<!channel> & <@U1>"),), note="<!here>")))
        assert "<!" not in shown
        assert "<@" not in shown

    def test_a_card_that_is_too_long_goes_without_its_table(self) -> None:
        """Escaped, "&" needs five characters. All rows are in the summary, and the facts stay."""
        rows, facts = tuple([("&" * 60,) * 5] * MOST_ROWS), tuple((name, "&" * 300) for name in ("A", "B", "C"))
        long = blocks("x" * 3_000, replace(CARD, facts=facts, rows=rows, more_rows=2))
        assert [block["type"] for block in long] == ["section", "section", "context"]
        assert long[-1]["elements"][0]["text"] == "12 more rows are in the summary of this request."

    def test_a_sentence_that_is_too_long_for_a_card_is_plain_text(self) -> None:
        assert blocks("\x00" * 3_000) == []

    def test_a_fact_is_cut_between_its_signs(self) -> None:
        """Cut within "&amp;", it would show half of it."""
        (fact,) = blocks(card=replace(CARD, facts=(("Accounts", "&" * 2_001),)))[1]["fields"]
        assert fact["text"].endswith("&amp;")

    @example("&" * 4_000, [("&" * 20, "&" * 300)] * 3, [("&" * 60,) * 5] * MOST_ROWS)
    @example('"' * 4_000, [('"' * 20, '"' * 300)] * 3, [('"' * 60,) * 5] * MOST_ROWS)
    @given(
        st.text(min_size=1, max_size=4_000),
        st.lists(st.tuples(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=300)), max_size=3),
        st.lists(st.tuples(*[st.text(max_size=60)] * 5), max_size=MOST_ROWS),
    )
    def test_any_card_keeps_to_slacks_limits(
        self, text: str, facts: list[tuple[str, str]], rows: list[tuple[str, ...]]
    ) -> None:
        """By slack_sdk's own rules for each block, and by the sandbox's for all together."""
        card = replace(CARD, facts=tuple(facts), rows=tuple(rows), note="n" * 300, more_rows=10**6)
        made = blocks(text, card)
        for block in made:
            parsed = Block.parse(block)
            assert parsed is not None
            parsed.validate_json()
        check_blocks(made)
        assert len(json.dumps(made, ensure_ascii=False)) <= 12_000


class TestSandboxLimits:
    """The sandbox refuses what Slack refuses."""

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"type": "header"}, "invalid_blocks_format"),
            (["x"], "invalid_blocks_format"),
            ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "invalid_blocks"),
            ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "invalid_blocks"),
            ([{"type": "section"}], "invalid_blocks"),
            ([{"type": "section", "text": {"type": "mrkdwn", "text": ""}}], "invalid_blocks"),
            ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}], "invalid_blocks"),
            ([{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}], "invalid_blocks"),
            ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}], "invalid_blocks"),
            ([{"type": "table", "rows": [[{"type": "raw_text", "text": ""}]]}], "invalid_blocks"),
            ([{"type": "table", "rows": []}], "invalid_blocks"),
            ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2, "invalid_blocks"),
            ([{"type": "unheard_of"}], "invalid_blocks"),
            ([{"type": "divider"}] * 51, "invalid_blocks"),
            ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_900}}] * 5, "msg_blocks_too_long"),
        ],
    )
    def test_blocks_beyond_a_limit_are_refused_by_its_error(self, wrong: object, error: str) -> None:
        with pytest.raises(SlackError) as refused:
            check_blocks(wrong)
        assert refused.value.body["error"] == error

    @pytest.mark.parametrize("right", [None, "", [], [{"type": "divider"}]])
    def test_blocks_within_the_limits_pass(self, right: object) -> None:
        check_blocks(right)
