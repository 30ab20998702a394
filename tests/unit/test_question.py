"""The question to the approvers: everything that they need is in it, and it is never too long for Slack."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.answer.asked_for import quoted, traffic_by_product
from creditbot.answer.question import LONGEST_QUESTION, MOST_VOTERS, Question, question_text
from creditbot.credit.footprint import Footprint, Unknown
from creditbot.decide.hold import HoldKind, HoldReason
from creditbot.decide.paid_twice import Credited
from creditbot.state.record import Hold
from tests.support.footprints import NO_UNITS, OURS, UNKNOWN, accounts, days, units

ADDRESS = "https://acme.slack.com/archives/C0TEST/p1767873600000002"
PAGE = "https://evidence.example.com/key.html"
LIMIT = HoldReason(HoldKind.REQUEST_LIMIT, "The amount is above the limit.")


def overlap(number: int, more: str = "") -> HoldReason:
    text = f"$1.00 of $45.50 would be paid twice: {ADDRESS}{number} also credits the same flagged rows{more}."
    return HoldReason(HoldKind.OVERLAP, text, about=str(number))


def question(*reasons: HoldReason, **facts: Any) -> Question:
    """A question with these reasons; `facts` are what differs from an ordinary one."""
    hold = Hold("d1" * 32, "policy", reasons or (LIMIT,), "ask", datetime(2026, 1, 11, 12, tzinfo=UTC))
    ordinary = Question(
        address=ADDRESS, author="U0DANA", words="please credit this", amount=Decimal("45.50"),
        links=[Credited(OURS, Decimal("45.50"))], hold=hold, twice=Decimal(0), perhaps_more=False,
        reply="Approved, $45.50, exceptions", voters=["U0ROSA"], quorum=1, page=PAGE,
    )  # fmt: skip
    return replace(ordinary, **facts)


def lines(*reasons: HoldReason, **facts: Any) -> list[str]:
    return question_text(question(*reasons, **facts)).splitlines()


def test_a_question_says_everything_that_approvers_need() -> None:
    assert lines() == [
        f"A credit of $45.50 waits for a decision: {ADDRESS}",
        "Asked by @U0DANA: “please credit this”",
        "For verify: AC1, 2025-12-01 to 2025-12-30",
        "Why it waits:",
        "• The amount is above the limit.",
        "Yes (✅ or 👍 on this message): I will reply “Approved, $45.50, exceptions” once.",
        "No (❌ or 👎): I will not reply, and somebody has to answer by hand.",
        "Who decides: @U0ROSA.",
        "Without a decision before 2026-01-11 12:00 UTC the request ends as denied.",
        f"Evidence: {PAGE}",
        "Approval digest of exactly what you decide on: d1d1d1d1d1d1",
    ]


# -- whose traffic -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("footprints", "words"),
    [
        ([OURS, OURS], "AC1, 2025-12-01 to 2025-12-30"),
        ([OURS, replace(OURS, accounts=accounts("AC2"))], "AC1, AC2, 2025-12-01 to 2025-12-30"),
        (
            [replace(OURS, days=days("12-01", "12-05")), replace(OURS, days=days("12-05", "12-09"))],
            "AC1, 2025-12-01 to 2025-12-08",
        ),
        (
            [OURS, replace(OURS, accounts=accounts("AC2"), days=days(None, None))],
            "AC1, 2025-12-01 to 2025-12-30; AC2, any day",
        ),
        ([replace(OURS, accounts=UNKNOWN)], "account unknown: nobody knows, 2025-12-01 to 2025-12-30"),
        ([replace(NO_UNITS, days=UNKNOWN)], "AC1, days unknown: nobody knows"),
        (
            [OURS, replace(OURS, days=UNKNOWN)],
            "AC1, 2025-12-01 to 2025-12-30, days unknown: nobody knows, flagged 2025-12-18 to 2025-12-24",
        ),
        ([replace(OURS, days=UNKNOWN, units={})], "AC1, days unknown: nobody knows"),
        (
            [replace(OURS, accounts=accounts(*(f"AC{n}" for n in range(7))))],
            "AC0, AC1, AC2, AC3, AC4, 2 more, 2025-12-01 to 2025-12-30",
        ),
        (
            [replace(OURS, accounts=accounts(*(f"AC{n}" for n in range(5))))],
            "AC0, AC1, AC2, AC3, AC4, 2025-12-01 to 2025-12-30",
        ),
        ([replace(OURS, accounts=accounts("A" * 151))], f"{'A' * 149}…, 2025-12-01 to 2025-12-30"),
        ([replace(OURS, accounts=accounts("A" * 150))], f"{'A' * 150}, 2025-12-01 to 2025-12-30"),
        (
            [replace(NO_UNITS, accounts=Unknown("b" * 151), days=Unknown("c" * 151))],
            f"account unknown: {'b' * 140}…, days unknown: {'c' * 140}…",
        ),
        (
            [OURS.hashed(), replace(OURS, accounts=accounts("AC2")), replace(OURS, accounts=UNKNOWN)],
            "AC2, 1 whose names the summary no longer has, account unknown: nobody knows, 2025-12-01 to 2025-12-30",
        ),
        (
            [replace(OURS, accounts=accounts(f"AC{n}"), days=days(None, f"12-0{n}")) for n in range(2, 6)],
            "AC2, until 2025-12-01; AC3, until 2025-12-02; AC4, until 2025-12-03; AC5, until 2025-12-04",
        ),
        ([OURS.hashed()], "1 whose names the summary no longer has, 2025-12-01 to 2025-12-30"),
        (
            [replace(OURS, accounts=accounts(f"AC{n}"), days=days(None, f"12-0{n}")) for n in range(2, 8)],
            "AC2, until 2025-12-01; AC3, until 2025-12-02; AC4, until 2025-12-03; AC5, until 2025-12-04; and 2 more",
        ),
    ],
)
def test_accounts_and_days_of_a_product_are_one_line(footprints: Sequence[Footprint], words: str) -> None:
    assert {"verify": words} == traffic_by_product(footprints)


def test_each_of_several_products_has_a_line_with_its_amount() -> None:
    links = [Credited(OURS, Decimal("40.00")), Credited(replace(OURS, product="psms"), Decimal("5.50"))]
    found = lines(links=[*links, Credited(OURS, Decimal("1.00"))])
    assert "For verify, $41.00: AC1, 2025-12-01 to 2025-12-30" == found[2]
    assert "For psms, $5.50: AC1, 2025-12-01 to 2025-12-30" == found[3]


def test_more_products_than_there_is_room_for_are_counted() -> None:
    found = lines(links=[Credited(replace(OURS, product=f"p{n}"), Decimal(1)) for n in range(5)])
    assert "For 2 more products, which the page shows" == found[5]


def test_as_many_products_as_there_is_room_for_are_all_shown() -> None:
    text = question_text(question(links=[Credited(replace(OURS, product=f"p{n}"), Decimal(1)) for n in range(3)]))
    assert "For p2, $1.00: " in text
    assert "more products" not in text


def test_traffic_that_nobody_knows_is_said_to_be_unknown() -> None:
    assert "For unknown accounts and days (an earlier version of creditbot computed it)" == lines(links=[])[2]


# -- the words of the request ------------------------------------------------------------------------------------------


def test_long_addresses_leave_room_for_the_words_around_them() -> None:
    text = f"Only <https://acme.looker.com/explore/m/v?{'x' * 900}|this> &amp; not\nthe second half"
    shown = quoted(text)
    assert shown.startswith("Only https://acme.looker.com/explore/m/v?xxx")
    assert shown.endswith("x… & not the second half")


def test_a_long_request_is_quoted_in_part() -> None:
    assert f"{'word ' * 99}word…" == quoted("word " * 200)


# -- reasons -----------------------------------------------------------------------------------------------------------


def test_reasons_that_come_to_more_than_one_are_added_up() -> None:
    found = lines(overlap(1), overlap(2), twice=Decimal("1.50"))
    assert "In all, $1.50 of $45.50 would be paid twice." == found[6]


def test_a_sum_that_may_be_too_small_is_the_least() -> None:
    found = lines(overlap(1), overlap(2), twice=Decimal("1.50"), perhaps_more=True)
    assert "In all, at least $1.50 of $45.50 would be paid twice." == found[6]


@pytest.mark.parametrize(("reasons", "twice"), [((LIMIT, overlap(1)), 1), ((overlap(1), overlap(2)), 0)])
def test_there_is_no_sum_where_there_is_nothing_to_add_up(reasons: Sequence[HoldReason], twice: int) -> None:
    assert "In all" not in question_text(question(*reasons, twice=Decimal(twice)))


def test_reasons_without_room_are_counted_and_the_page_is_named() -> None:
    found = lines(*(overlap(number) for number in range(40)))
    shown = [line for line in found if line.startswith("• $")]
    assert f"• and {40 - len(shown)} more reasons, which the page shows, as does `creditbot holds`" in found
    assert len(shown) > 10


def test_a_single_reason_without_room_is_counted_as_one() -> None:
    many = [overlap(number) for number in range(40)]
    shown = sum(line.startswith("• $") for line in lines(*many))
    long = HoldReason(HoldKind.OVERLAP, "x" * 499)
    found = [line for line in lines(*many[:shown], long) if line.startswith("• and")]
    assert ["• and 1 more reason, which the page shows, as does `creditbot holds`"] == found


def test_the_last_reason_is_shown_if_there_is_room_for_it() -> None:
    """The line that counts the others needs no room then."""
    some = [overlap(number) for number in range(9)]
    room = LONGEST_QUESTION - len(question_text(question(*some))) - 3
    fitting = HoldReason(HoldKind.OVERLAP, "x" * min(room, 400))
    filler = [HoldReason(HoldKind.OVERLAP, "y" * 400)] * ((room - 400) // 403) if room > 400 else []
    assert "more reason" not in question_text(question(*some, *filler, fitting))


@pytest.mark.parametrize(("more", "shown"), [(0, True), (1, False)])
def test_the_last_reason_may_fill_the_question_to_the_last_character(more: int, shown: bool) -> None:
    some = [overlap(0)]
    while (room := LONGEST_QUESTION - size(question_text(question(*some))) - len("\n• ")) > 400:
        some.append(overlap(len(some)))
    last = HoldReason(HoldKind.OVERLAP, "x" * (room + more))
    text = question_text(question(*some, last))
    assert shown == (last.text in text)
    assert not shown or LONGEST_QUESTION == size(text)


def size(text: str) -> int:
    """Characters as Slack counts them; each person named takes three more."""
    return len(html.escape(text, quote=False)) + 3 * text.count("@")


def test_a_reason_that_is_too_long_says_where_all_of_it_is() -> None:
    (cut,) = [line for line in lines(replace(LIMIT, text="x" * 900)) if line.startswith("• ")]
    assert f"• {'x' * 499}… (the page has all of it)" == cut


TEXTS = st.text(alphabet="a b&<>@\n\u00e4", max_size=3_000)


@given(words=TEXTS, reasons=st.lists(TEXTS, min_size=1, max_size=40), names=st.lists(TEXTS, min_size=1, max_size=30))
def test_no_question_is_too_long_for_slack(words: str, reasons: list[str], names: list[str]) -> None:
    """However much there is to say. Slack counts escaped characters."""
    links = [
        Credited(Footprint(f"p{n}", accounts(name), Unknown(name), units(0, 1)), Decimal(1))
        for n, name in enumerate(names)
    ]
    text = question_text(
        question(
            *(replace(LIMIT, text=reason) for reason in reasons), words=words, links=links, reply=words,
            voters=[f"U0PERSON{number}" for number in range(40)],
        )
    )  # fmt: skip
    assert len(html.escape(text, quote=False)) <= LONGEST_QUESTION
    assert f"Evidence: {PAGE}" in text


# -- who decides -------------------------------------------------------------------------------------------------------


NOBODY = (
    "Nobody can approve this here: it takes 2 of the approvers, but only 1 may vote (the person who asked may not). "
    "Name more people in APPROVERS, or answer by hand."
)


@pytest.mark.parametrize(
    ("voters", "quorum", "words"),
    [
        (["U1"], 1, "Who decides: @U1."),
        (["U1", "U2"], 1, "Who decides: one of @U1, @U2."),
        (["U1", "U2"], 2, "Who decides: 2 of @U1, @U2 have to say yes."),
        (
            ["U1"],
            2,
            NOBODY,
        ),
    ],
)
def test_the_question_says_who_decides(voters: list[str], quorum: int, words: str) -> None:
    assert words in lines(voters=voters, quorum=quorum)


def test_of_many_approvers_some_are_named() -> None:
    found = lines(voters=[f"U{number}" for number in range(MOST_VOTERS + 3)])
    assert f"@U{MOST_VOTERS - 1}, 3 more." in "\n".join(found)
