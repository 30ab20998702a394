"""What `creditbot history` and `creditbot show` print."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from creditbot.commands.history import history_json, history_lines, time_range
from creditbot.commands.requests import request_lines
from creditbot.errors import SettingsError
from creditbot.evidence.digest import digest_of
from creditbot.evidence.summary import computed_summary, ended_summary, with_doubts, with_opinion
from creditbot.insight.lookup import RequestFacts
from creditbot.insight.past import PastHold, PastRequest
from creditbot.model import HoldKind, HoldReason, Message, Names, RequestKey
from creditbot.state.record import Hold, Record, Result, Vote

NOW = datetime(2026, 1, 9, 12, 0, tzinfo=UTC)
DAY = datetime(2026, 1, 5, tzinfo=UTC)
WHEN = "in the last 30 days"
KEY = RequestKey("T0", "C0", "1767960000.000100")
LINK = "https://acme.slack.com/archives/C0/p1767960000000100"
MESSAGE = Message("C0", KEY.ts, user="U0DANA", text="Please\ncredit this.")

NAMES = Names({"U0SAM": "Sam Tan"})

MEAN = "From the start of work to the reply it took 5.0 seconds per request on average; waiting before is not counted."


def past(status: str, amount: str = "", seconds: float | None = None, reason: str = "") -> PastRequest:
    return PastRequest(
        KEY, LINK, status, Decimal(amount) if amount else None, seconds=seconds, reason=reason, requester="U0DANA"
    )


# --- history ---------------------------------------------------------------------------------------------------------


def test_a_past_request_is_a_row_with_its_amount() -> None:
    rows = list(history_lines([past("answered", "1234.50", 4.0)], WHEN, NAMES))
    assert "asked (UTC)       outcome                   credit  asked by  request" == rows[0]
    assert f"2026-01-09 12:00  answered               $1,234.50  U0DANA    {LINK}" == rows[1]


def test_people_are_listed_by_name_and_member_id() -> None:
    """Whoever asked, answered, or is mentioned in a reason; the columns make room for the longest."""
    names = Names({"U0DANA": "Dana Ortiz", "U0BOSS": "Bo Smith"})
    answer = replace(past("elsewhere"), requester="U0NEW", answer_by="U0BOSS")
    told = past("denied", reason="No approval by @U0BOSS or @U0NEW came in time.")
    rows = list(history_lines([told, answer], WHEN, names))
    assert "credit  asked by             request" in rows[0]
    assert f"  Dana Ortiz (U0DANA)  {LINK}" in rows[1]
    assert f"{' ' * 18}No approval by @Bo Smith (U0BOSS) or @U0NEW came in time." == rows[2]
    assert f"  U0NEW                {LINK}" in rows[3]
    assert f"{' ' * 18}Bo Smith (U0BOSS)" == rows[4]


def test_json_has_names_beside_member_ids() -> None:
    """null where nobody knows a name."""
    hold = PastHold("d", "p", NOW, votes=(Vote("U0SAM", yes=True, seen=NOW), Vote("U0ROSA", yes=True, seen=NOW)))
    document = history_json(replace(past("answered", "10.00"), hold=hold), NAMES)
    assert ("U0DANA", None) == (document["asked_by"], document["asked_by_name"])
    assert (["U0SAM", "U0ROSA"], ["Sam Tan", None]) == (document["decided_by"], document["decided_by_names"])


def test_the_reason_of_an_end_stands_below_its_row() -> None:
    rows = list(history_lines([past("given_up", reason="Looker has no Look 7.")], WHEN, NAMES))
    assert f"2026-01-09 12:00  given up                          U0DANA    {LINK}" == rows[1]
    assert f"{' ' * 18}Looker has no Look 7." == rows[2]


def test_the_automation_rate_is_of_requests_that_wanted_an_answer() -> None:
    """Those that were withdrawn, or are under way, do not count. The mean is that of our answers."""
    requests = [
        past("answered", "10.00", 4.0), past("answered", "20.00", 6.0), past("elsewhere"), past("given_up"),
        past("withdrawn"), past("failed"),
    ]  # fmt: skip
    expected = f"Automation rate 50%: creditbot answered 2 of 4 requests, none of them after an approver's yes. {MEAN}"
    assert expected == list(history_lines(requests, WHEN, NAMES))[-1]


def test_links_of_a_product_that_is_off_are_not_automated() -> None:
    """Neither a request that was skipped nor one whose answer leaves out links is answered in full."""
    requests = [
        past("answered", "10.00", 4.0), past("skipped"), replace(past("answered", "20.00", 6.0), skipped=1),
    ]  # fmt: skip
    lines = list(history_lines(requests, WHEN, NAMES))
    rate = "Automation rate 33%: creditbot answered 1 of 3 requests, none of them after an approver's yes."
    assert f"{rate} {MEAN}" == lines[-1]
    assert f"{' ' * 18}It does not cover all links: no product is on for the SQL of 1 of them." == lines[-3]


def test_a_persons_answer_is_listed_with_who_gave_it() -> None:
    """And with the amount, if it names one."""
    answer = replace(past("elsewhere"), answer_by="U0BOSS", answer_amount=Decimal("812.40"))
    lines = list(history_lines([answer, replace(answer, answer_amount=None)], WHEN, NAMES))
    assert [f"{' ' * 18}U0BOSS: $812.40", f"{' ' * 18}U0BOSS"] == lines[2:5:2]


def test_a_history_without_requests_says_so() -> None:
    lines = list(history_lines([], "in the last 7 days", NAMES))
    assert ["No request was answered, given up or skipped in the last 7 days."] == lines


def test_the_totals_are_of_our_credits_and_of_others_answers() -> None:
    """They stand above the rate; a history without an amount has none."""
    other = replace(past("elsewhere"), answer_by="U0BOSS", answer_amount=Decimal("5.00"))
    requests = [past("answered", "10.00"), past("answered", "2.50"), other, past("given_up")]
    line = list(history_lines(requests, WHEN, NAMES))[-2]
    assert "In all $12.50 credited for 2 requests, $5.00 answered by others for 1 request." == line


def test_a_decision_is_listed_with_who_took_it() -> None:
    hold = PastHold("d", "p", NOW, votes=(Vote("U0ROSA", yes=True, seen=NOW), Vote("U0SAM", yes=False, seen=NOW)))
    requests = [replace(past("answered", "10.00"), hold=hold), replace(past("denied"), hold=hold)]
    lines = list(history_lines(requests, WHEN, NAMES))
    assert [f"{' ' * 18}approved by U0ROSA", f"{' ' * 18}denied by Sam Tan (U0SAM)"] == lines[2:5:2]
    rate = "Automation rate 50%: creditbot answered 1 of 2 requests, 1 of them after an approver's yes."
    assert rate == lines[-1]


@pytest.mark.parametrize(
    ("options", "start", "end", "words"),
    [
        ({}, NOW - timedelta(days=30), None, "in the last 30 days"),
        ({"days": 1}, NOW - timedelta(days=1), None, "in the last 1 day"),
        ({"first": DAY}, DAY, None, "from 2026-01-05 on"),
        ({"last": DAY}, datetime(2000, 1, 1, tzinfo=UTC), DAY + timedelta(days=1), "to 2026-01-05"),
        ({"first": DAY, "last": DAY}, DAY, DAY + timedelta(days=1), "from 2026-01-05 to 2026-01-05"),
    ],
    ids=["nothing", "days", "from", "to", "one day"],
)
def test_a_range_has_both_of_its_days_in_it(
    options: dict[str, Any], start: datetime, end: datetime | None, words: str
) -> None:
    assert (start, end, words) == time_range(Namespace(**{"days": None, "first": None, "last": None, **options}), NOW)


@pytest.mark.parametrize("options", [{"days": 3, "first": DAY}, {"first": NOW, "last": DAY}])
def test_a_range_that_means_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        time_range(Namespace(**{"days": None, "first": None, "last": None, **options}), NOW)


# --- show ------------------------------------------------------------------------------------------------------------


def test_a_request_under_way_is_shown_with_its_next_try() -> None:
    """And with why it is not answered yet."""
    record = Record("failed", "nonce", NOW, attempts=1, due=NOW, reason="Looker is down.")
    assert [
        LINK,
        "asked      2026-01-09 12:00:00 UTC",
        "status     tried again later, since 2026-01-09 12:00:00 UTC",
        "reason     Looker is down.",
        "next try   2026-01-09 12:00:00 UTC",
        "attempts   1",
    ] == list(request_lines(RequestFacts(KEY, record, None), LINK, NAMES))


def test_a_request_that_the_state_forgot_is_shown_from_its_summary() -> None:
    """With its links, those that were skipped among them, and with who had it credited again."""
    summary: dict[str, Any] = {
        "credit_amount": Decimal("12.50"),
        "outcome": {"status": "answered", "at": "2026-01-09T12:00:00.123Z", "attempts": 2, "again": "ann@laptop"},
        "links": [
            {"url": "https://acme.looker.com/looks/1", "product": "verify", "sql_sha256": "a" * 64,
             "notebook_sha256": "b" * 64, "credit": Decimal("12.50")},
            {"url": "https://acme.looker.com/looks/2", "sql_sha256": "c" * 64},
            {"url": "https://acme.looker.com/looks/3", "kind": "look"},
        ],
    }  # fmt: skip
    assert [
        LINK,
        "asked      2026-01-09 12:00:00 UTC",
        "status     answered, since 2026-01-09 12:00:00 UTC",
        "credit     $12.50",
        "again by   ann@laptop",
        "attempts   2",
        "digest     d349233259eb",
        "link       https://acme.looker.com/looks/1",
        "           verify, $12.50, SQL aaaaaaaaaaaa, notebook bbbbbbbbbbbb",
        "link       https://acme.looker.com/looks/2",
        "           skipped: no product for its SQL is on, SQL cccccccccccc",
        "link       https://acme.looker.com/looks/3",
        "           its SQL was not kept",
    ] == list(request_lines(RequestFacts(KEY, None, summary), LINK, NAMES))


@pytest.mark.parametrize(
    ("status", "by", "line"),
    [
        ("answered", "", "credit     $330.72"),
        ("given_up", "", "computed   $330.72, not credited"),
        ("denied", "", "computed   $330.72, not credited"),
        ("elsewhere", "U0LEE", "computed   $330.72, not credited by creditbot"),
        ("shadowed", "", "computed   $330.72, not credited"),
        ("held", "", "computed   $330.72, not credited yet"),
        ("posting", "", "computed   $330.72; nobody knows yet whether the reply was posted"),
    ],
)
def test_an_amount_is_a_credit_only_if_it_was_answered(status: Any, by: str, line: str) -> None:
    """Whether it is known from the state or from the summary."""
    record = Record(status, "nonce", NOW, answer_by=by, result=Result(Decimal("330.72")))
    start = computed_summary(KEY, LINK, MESSAGE, Decimal("330.72"), [], NOW)
    in_summary = ended_summary(start, record)
    for facts in (RequestFacts(KEY, record, None), RequestFacts(KEY, None, in_summary)):
        shown = [each for each in request_lines(facts, LINK, NAMES) if each.startswith(("credit", "computed"))]
        assert [line] == shown


def test_show_prints_who_asked_what_and_who_decided() -> None:
    """With the digests, as in the message to the approvers."""
    hold = Hold(
        "ab" * 32, "policy", (HoldReason(HoldKind.REQUEST_LIMIT, "$330.72 is more than $300.00."),), "ask", NOW,
        (Vote("U0ROSA", yes=True, seen=NOW), Vote("U0SAM", yes=False, seen=NOW, typed_by="sam@laptop")),
    )  # fmt: skip
    record = Record(
        "answered", "nonce", NOW, user="U0DANA", reply="1767960090.000100", hold=hold, result=Result(Decimal("330.72"))
    )
    summary = with_doubts(computed_summary(KEY, LINK, MESSAGE, Decimal("330.72"), [], NOW), ["Too little is known."])
    whole = ended_summary(with_opinion(summary, "People usually credit less."), record)
    for facts in (RequestFacts(KEY, record, whole), RequestFacts(KEY, None, whole)):
        assert [
            LINK,
            "asked      2026-01-09 12:00:00 UTC by U0DANA",
            "message    Please credit this.",
            "status     answered, since 2026-01-09 12:00:00 UTC",
            "answered   2026-01-09 12:01:30 UTC",
            "credit     $330.72",
            "held       $330.72 is more than $300.00.",
            "vote       yes by U0ROSA, 2026-01-09 12:00:00 UTC",
            "vote       no by Sam Tan (U0SAM), 2026-01-09 12:00:00 UTC, typed by sam@laptop",
            "approved   by U0ROSA",
            f"approval   digest {'ab' * 32}",
            "compared   Too little is known.",
            "opinion    People usually credit less.",
            f"digest     {digest_of(whole)}",
        ] == [line for line in request_lines(facts, LINK, NAMES) if not line.startswith("attempts")]


def test_a_message_that_is_not_a_request_is_shown_with_the_reason() -> None:
    ignored = "It is not a request: it has no author."
    assert [LINK, ignored] == list(request_lines(RequestFacts(KEY, None, None, ignored), LINK, NAMES))


def test_a_request_in_shadow_is_shown_with_what_it_would_be() -> None:
    """By its record, and by its summary once the state has forgotten it."""
    record = Record("shadowed", "nonce", NOW, would="held")
    assert "shadow     would ask" in list(request_lines(RequestFacts(KEY, record, None), LINK, NAMES))
    summary = {"outcome": {"status": "shadowed", "at": "2026-01-09T12:00:00.000Z", "would": "held"}}
    assert "shadow     would ask" in list(request_lines(RequestFacts(KEY, None, summary), LINK, NAMES))
