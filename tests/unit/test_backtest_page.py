"""The report of a backtest as a page: its figures, its links, and nothing that could harm who opens it."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from creditbot.insight.backtest import BacktestRow
from creditbot.insight.backtest_figures import backtest_figures
from creditbot.insight.backtest_page import backtest_page, percent, promises
from creditbot.insight.backtest_requests import LeftOut
from creditbot.model import HoldKind, HoldReason
from tests.unit.test_backtest_figures import START, refused, row

HOSTILE = "<script>alert('1')</script>&\"'"


def page(*rows: BacktestRow) -> str:
    return backtest_page(
        backtest_figures(rows), LeftOut(unanswered=3), "since 2026-01-08 (UTC)", START + timedelta(days=30)
    )


def test_the_page_shows_each_disagreement_with_both_amounts_and_links() -> None:
    other = row("10.00", "9.00", 1, permalink="https://acme.slack.com/archives/C0/p1", page="data/backtest/x.html")
    shown = page(row("1.00", "1.00"), other, refused("2.00", number=2))
    lines = re.findall(r"<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">(?:<a .*|\d{4}.*)</tr>", shown)
    assert 2 == len(lines)
    assert "no credit" in lines[0] or "no credit" in lines[1]
    (line,) = [line for line in lines if "$9.00" in line]
    assert all(part in line for part in ("$10.00", "$1.00", 'href="https://acme.slack.com/archives/C0/p1"'))
    assert f'href="{other.key}.html"' in line


def test_the_page_has_what_was_promised_and_what_was_measured() -> None:
    shown = page(row("1.00", "1.00"), row("10.00", "9.00", 1))
    assert "100.0%" in shown
    assert "95% were promised" in shown
    assert "1 of 2, 9% to 91%; none were promised" in shown


def test_the_page_ends_with_the_promises_beside_the_measurements() -> None:
    """The same lines as the command prints last."""
    rows = [row("1.00", "1.00"), row("10.00", "9.00", 1)]
    figures, shown = backtest_figures(rows), page(*rows)
    (section,) = re.findall(r"<h2 id=\"promises\">(.*)</main>", shown, re.DOTALL)
    cells = [re.sub(r"<[^>]+>", "|", line) for line in section.splitlines() if '<tr><th scope="row">' in line]
    assert [[html.unescape(cell) for cell in line.split("|") if cell] for line in cells] == [
        [cell for cell in line if cell] for line in promises(figures)
    ]
    assert ["95%", "2 min", "0", ""] == [promised for _, promised, _ in promises(figures)]


def test_a_backtest_without_disagreements_says_so() -> None:
    assert "None: every amount is that of the people" in page(row("1.00", "1.00"))
    assert "0 requests asked since 2026-01-08 (UTC) that a person answered" in page()


def test_text_of_people_is_harmless_on_the_page() -> None:
    held = (HoldReason(HoldKind.WORDS, HOSTILE),)
    shown = page(replace(row("10.00", "9.00"), permalink=f"javascript:{HOSTILE}", held=held))
    assert "<script" not in shown
    assert "javascript:" not in shown


@pytest.mark.parametrize(("share", "words"), [(None, "-"), (0.956, "95.6%"), (1.0, "100.0%")])
def test_shares_are_shown_in_percent(share: float | None, words: str) -> None:
    assert words == percent(share)
