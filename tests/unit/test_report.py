"""The report: one page that is small, safe and complete, whatever it is made from."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from bench.past import past_summaries
from creditbot import errors
from creditbot.insight.causes import CAUSES
from creditbot.insight.chart import Series, columns, line
from creditbot.insight.figures import figures
from creditbot.insight.past import PastHold, PastLink, PastReason, PastRequest, past_request
from creditbot.insight.report import MOST_BYTES, people_on, report_page
from creditbot.insight.wording import duration, short_usd
from creditbot.model import HoldKind, Names, RequestKey
from creditbot.slack_time import ts_of
from creditbot.state.record import TERMINAL, Vote

NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = NOW - timedelta(days=365)
NAMES = Names({"U0OWNER": "Olu Owner"})
POLICY = ["A person decides on a request of more than $25,000.00."]


class Elements(HTMLParser):
    """Checks that elements close in order; keeps tags with their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    @override
    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Elements:
    elements = Elements()
    elements.feed(page)
    elements.close()
    assert [] == elements.open
    return elements


def past(status: str = "answered", **facts: Any) -> PastRequest:
    asked = NOW - timedelta(days=3)
    amount = Decimal("4948.80") if status == "answered" else None
    known: dict[str, Any] = {"computed": Decimal("4948.80"), "at": asked, "requester": "U0DANA", **facts}
    return PastRequest(RequestKey("T0", "C0", ts_of(asked)), "https://x.slack.com/p1", status, amount, **known)


def page_of(*requests: PastRequest) -> str:
    return report_page(figures(requests, START, NOW), POLICY, NAMES, NOW)


def made_up(count: int) -> list[PastRequest]:
    return [past_request(key, None, summary) for key, summary in past_summaries(count, NOW)]


def test_no_label_says_that_an_approved_request_had_no_person() -> None:
    """The tile counts what creditbot answered, and says how much of it an approver decided."""
    hold = PastHold("d", "p", None, votes=(Vote("U0OWNER", yes=True, seen=NOW),))
    shown = read(
        report_page(figures([past(), past(hold=hold), past("elsewhere")], START, NOW), POLICY, NAMES, NOW)
    ).text
    assert "without a person" not in shown.lower()
    assert "Answered by creditbot" in shown
    assert "2 of 3 that wanted an answer, 1 of them after an approver's yes; the goal is 95%" in shown


def test_the_report_names_everybody_whose_name_is_known() -> None:
    """In every list; beside each name stands the member id, and the page says why some names are missing."""
    reasons = (PastReason("@U0EVE wrote in the thread: “Denied”", "talk"),)
    hold = PastHold("d", "p", None, reasons, votes=(Vote("U0OWNER", yes=True, seen=NOW),))
    failed = past("given_up", requester="U0FAY", cause="notebook", reason="@U0GUS took it back.")
    shown = figures([past(hold=hold, requester="U0DANA"), failed, past("held", requester="U0HUGO")], START, NOW)
    people = {"U0DANA": "Dana", "U0EVE": "Eve", "U0FAY": "Fay", "U0GUS": "<b>Gus", "U0HUGO": "Hugo", "U0OWNER": "Olu"}
    assert set(people) == people_on(shown)
    text = read(report_page(shown, POLICY, Names(people, "Slack has no name for U0X."), NOW)).text
    assert all(f"{name} ({user})" in text for user, name in people.items() if user != "U0FAY")
    assert "Olu (U0OWNER): yes 1, no 0" in text
    assert "Some people are shown by their member IDs alone. Slack has no name for U0X." in text
    assert "member IDs alone" not in page_of(past())


def test_a_row_that_is_a_card_on_a_phone_still_says_what_its_cells_are() -> None:
    """Each cell names its column, as its heading does, and has a role: laid out as a card, it is no cell by itself."""
    hold = PastHold("d", "p", NOW, (PastReason("Too much."),), votes=(Vote("U0OWNER", yes=True, seen=NOW),))
    page = page_of(past(hold=hold), past("held", hold=hold))
    tables = re.findall(r'<div class="scroll cards".*?<table role="table">(.*?)</table>', page, re.DOTALL)
    assert ["Requests and credits over time", "Largest credits", "Held requests", "Requests that wait"] == re.findall(
        r'class="scroll cards" tabindex="0" role="group" aria-label="([^"]+)"', page
    )
    for table in tables:
        heads = re.findall(r'<th scope="col" role="columnheader"[^>]*>([^<]+)</th>', table)
        rows = re.findall(r'<tr role="row">(.*?)</tr>', table, re.DOTALL)[1:]
        assert rows
        for row in rows:
            named = re.findall(r'<td role="cell" data-name="([^"]+)"', row)
            assert heads[len(heads) - len(named) :] == named
            assert len(heads) == len(named) + row.count('<th scope="row" role="rowheader"')


def test_a_report_of_ten_thousand_requests_stays_small() -> None:
    """Long lists are cut. How long that takes, the benchmark says."""
    varied = made_up(1_000)
    later = [replace(r, key=RequestKey("T0", f"C{n}", r.key.ts)) for n in range(10) for r in varied]
    page = page_of(*later)
    assert len(page.encode()) < MOST_BYTES // 20
    shown = read(page)
    assert "10,000 requests from" in shown.text
    assert "all others" in shown.text


def test_a_report_runs_nothing_and_loads_nothing() -> None:
    """A page that finance opens must not be able to do anything."""
    shown = read(page_of(*made_up(50)))
    names = {tag for tag, _ in shown.tags}
    assert set() == names & {"script", "img", "iframe", "link", "object", "form", "input", "button", "base"}
    assert not [name for _, attributes in shown.tags for name in attributes if name.startswith("on") or name == "src"]
    policy = next(a["content"] for tag, a in shown.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in str(policy)


def test_a_report_of_nothing_says_so() -> None:
    """The first report of a new deployment."""
    text = read(page_of()).text
    for sentence in (
        "Nothing was asked in this time.",
        "Nothing was credited",
        "No request waits.",
        "No request was given up.",
    ):
        assert sentence in text


def test_every_chart_has_its_numbers_in_a_table() -> None:
    """People who cannot see it read them there."""
    shown = read(page_of(*made_up(30)))
    charts = [attributes for tag, attributes in shown.tags if tag == "svg" and "role" in attributes]
    assert 3 == len(charts)
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    assert "The same in numbers" in shown.text


def test_headings_and_tables_can_be_navigated() -> None:
    """Each heading that the list of parts names is there, and each header of a table says what it heads."""
    shown = read(page_of(*made_up(300)))
    ids = {attributes["id"] for _, attributes in shown.tags if "id" in attributes}
    jumps = {str(a["href"])[1:] for tag, a in shown.tags if tag == "a" and str(a["href"]).startswith("#")}
    assert jumps
    assert jumps <= ids
    assert all("scope" in attributes for tag, attributes in shown.tags if tag == "th")
    assert 1 == sum(tag == "h1" for tag, _ in shown.tags)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "javascript:alert(1)", '"><b onclick=x>', "\u202e{{7*7}}"]
)
def test_nothing_from_outside_becomes_markup(text: str) -> None:
    """Names of accounts and products, reasons, people and addresses are text, and only web addresses are links."""
    link = PastLink(url=text, product=text, credit=Decimal("4948.80"), accounts=(text,), versions={text: text})
    hold = PastHold(text, text, NOW, (PastReason(text, text),), (Vote(text, yes=True, seen=NOW),))
    requests = [
        past(links=(link,), hold=hold, requester=text, reason=text, page=text),
        replace(past("held", hold=hold, reason=text), permalink=text),
        past("given_up", cause=text, reason=text),
        past("denied", hold=hold), past("failed", reason=text), past("withdrawn", hold=hold),
    ]  # fmt: skip
    shown = read(page_of(*requests))
    assert "script" not in {tag for tag, _ in shown.tags}
    assert not [attributes for _, attributes in shown.tags if any(name.startswith("on") for name in attributes)]
    assert all(re.match(r"https://|#", str(a["href"])) for tag, a in shown.tags if tag == "a")
    assert "{{7*7}}" not in text or "{{7*7}}" in shown.text


def test_a_month_that_the_report_cuts_off_says_so() -> None:
    """Else nobody could tell why it differs from the export of that month."""
    whole = report_page(figures([past()], datetime(2026, 2, 1, tzinfo=UTC), NOW), POLICY, NAMES, NOW)
    cut = report_page(figures([past()], datetime(2026, 2, 20, tzinfo=UTC), NOW), POLICY, NAMES, NOW)
    assert ">2026-02<" in whole
    assert ">2026-02, from 20 Feb<" in cut


def test_a_held_request_shows_who_decided_and_why_it_was_held() -> None:
    """And one that nobody decided on in time says so."""
    reasons = (PastReason("The amount of $30,000.00 is above the limit.", "request limit"),)
    yes = PastHold("d", "p", NOW, reasons, (Vote("U0OWNER", yes=True, seen=NOW),))
    text = read(page_of(past(hold=yes), past("denied", hold=replace(yes, votes=())), past("held", hold=yes))).text
    for words in (
        "Olu Owner (U0OWNER): yes 1, no 0",
        "nobody decided in time",
        "waits",
        "above the limit.",
        "approved",
    ):
        assert words in text


def test_a_request_links_to_its_page_and_to_its_message() -> None:
    page = page_of(past(page="../evidence/T0.C0.1.2.html"))
    assert 'href="../evidence/T0.C0.1.2.html"' in page
    assert 'href="https://x.slack.com/p1"' in page


def test_every_cause_has_words_and_something_to_do() -> None:
    """A new kind of error needs its line in the report, and no two kinds share a name by mistake."""
    kinds: dict[str, set[str]] = {}
    for name, thing in vars(errors).items():
        if isinstance(thing, type) and issubclass(thing, errors.CreditbotError):
            kinds.setdefault(thing.kind, set()).add(name)
    ends = {kind for kind, names in kinds.items() if names - {"SettingsError"}}
    assert set(CAUSES) == ends
    groups = {"state": {"StateError", "StateConflict", "StateWriteUnknown", "StateFull", "StateUnusable"}}
    assert groups["state"] == kinds["state"]
    assert {"PostRefused", "CardRefused"} == kinds["post refused"]
    assert all(cause.todo.endswith(".") for cause in CAUSES.values())


def test_every_kind_of_hold_and_every_open_status_has_words() -> None:
    from creditbot.insight.report import _REASONS, _WAITS
    from creditbot.state.record import MOVES

    assert {kind.value for kind in HoldKind} == set(_REASONS)
    assert set(MOVES) - TERMINAL - {None} == set(_WAITS)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0.0, "under 0.1 s"),
        (3e-06, "under 0.1 s"),
        (0.4, "0.4 s"),
        (45, "45 s"),
        (99.96, "100 s"),
        (119.6, "120 s"),
        (192, "3.2 min"),
        (3 * 3600, "3 h"),
        (200_000, "2.31 days"),
        (1e9, "11,574 days"),
    ],
)
def test_durations_are_short(seconds: float | None, words: str) -> None:
    assert words == duration(seconds)


@pytest.mark.parametrize(
    ("amount", "words"), [(0, "$0"), (0.25, "$0.25"), (950, "$950"), (1500, "$1.5k"), (2e6, "$2M"), (2e9, "$2,000M")]
)
def test_amounts_on_an_axis_are_short(amount: float, words: str) -> None:
    assert words == short_usd(amount)


@given(seconds=st.floats(0, 1e12), amount=st.floats(0, 1e15))
def test_no_figure_has_an_exponent(seconds: float, amount: float) -> None:
    assert not re.search(r"\de", duration(seconds) + short_usd(amount))


@pytest.mark.parametrize("most", [1, 3, 9, 10, 47, 999])
def test_the_axis_of_a_count_has_whole_numbers(most: int) -> None:
    """Nobody asks half a request: steps of 2.5 would be shown as 2, 5, 8 and 10."""
    svg = str(columns("R", ["a"], [Series("x", "c1", (float(most),))], lambda value: f"{value:g}", whole=True))
    shown = [float(number) for number in re.findall(r'text-anchor="end">([^<]+)<', svg)]
    assert all(number.is_integer() for number in shown)
    assert most <= shown[-1]


@given(values=st.lists(st.floats(0, 1e9), max_size=12))
def test_a_chart_stays_in_its_frame(values: list[float]) -> None:
    """Whatever the numbers are, every column is above its foot and below the top."""
    labels = [f"<{number}>" for number in range(len(values))]
    svg = str(columns("A & B", labels, [Series("x", "c1", tuple(values)), Series("y", "c2", tuple(values))], short_usd))
    read(svg)
    tops = [
        (float(y), float(height)) for y, height in re.findall(r'<rect [^>]* y="([\d.-]+)" [^>]*height="([\d.]+)"', svg)
    ]
    assert all(y >= 10 and y + height <= 195.5 for y, height in tops)
    assert "<0>" not in svg


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    svg = str(line("Rate", ["a", "b", "c", "d"], [0.5, None, 1.0, 0.75], 0.95))
    assert 3 == svg.count("<circle")
    assert 2 == re.search(r'class="trend" d="([^"]*)"', svg)[1].count("M")  # type: ignore[index]
