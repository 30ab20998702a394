"""Measures how fast links are read from messages, on one core, and that no text makes it slow."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence

from bench.results import Row
from creditbot.intake.looker_host import looker_host
from creditbot.intake.looker_links import looker_links
from creditbot.sandbox.composer import typed

HOST = looker_host("https://acme.looker.com")
MESSAGES = 10_000
FLOOR = 5_000
"""Messages a second."""
LENGTH = 40_000
"""Characters of the longest message Slack takes."""
AT_ONCE = 10
"""How often a text is read between two looks at the clock."""
HOSTILE = ("<http", "&amp;", "<http&amp;", "https://", "[https://acme.looker.com](", "%5B")
OPENINGS = ("https://acme.looker.com/looks/1 ", "<https://acme.looker.com/explore/m/v?qid=")
"""Beginnings of the hostile texts: a message that does not name our Looker is not parsed."""
_TEXTS = (
    "Morning! Is there a cut-off for the credits of this month?",
    "Hi team, SMS pumping on Verify: https://acme.looker.com/explore/credit/verify_traffic?qid={slug} Thanks!",
    "Runbook for fraud credits: https://wiki.example.com/credits?page=1&lang=en",
    "Two of them:\nhttps://acme.looker.com/x/{slug}\nhttps://acme.looker.com/looks/{number}?a=1&b=2 (the same account)",
    "https://acme.looker.com/explore/credit/verify_traffic?fields=verify_traffic.day&f[verify_traffic.mode]=max&limit=500",
)


def rate() -> Row:
    """Messages a second."""
    messages = [typed(_TEXTS[n % len(_TEXTS)].format(slug=f"{n:022d}", number=n)) for n in range(MESSAGES)]
    needed = _time(messages)
    a_second = MESSAGES / needed
    measured = f"{a_second:,.0f} messages a second"
    return Row(f"links of {MESSAGES:,} messages, one core", measured, f"{FLOOR:,}", (FLOOR / a_second,), 1)


def growth() -> Row:
    """The text whose time grows the most: twice the length should take twice the time."""
    rows = [_growth(opening, part) for opening in OPENINGS for part in HOSTILE]
    return max(rows, key=lambda row: row.ratios)


def _growth(opening: str, part: str) -> Row:
    texts = (opening + part * (length // len(part)) for length in (LENGTH, LENGTH // 2))
    whole, half = (_time([{"text": text}] * AT_ONCE) / AT_ONCE for text in texts)
    case = f"links in {LENGTH:,} characters, the worst of {len(OPENINGS) * len(HOSTILE)} texts: `{opening}{part}...`"
    return Row(case, f"{whole * 1000:.1f} ms", f"half as many: {half * 1000:.1f} ms", (whole / half,), 2.5)


def _time(messages: Sequence[Mapping[str, object]], repeats: int = 7) -> float:
    """Seconds of CPU, the median."""
    return statistics.median(_once(messages) for _ in range(repeats))


def _once(messages: Sequence[Mapping[str, object]]) -> float:
    start = time.process_time()
    for message in messages:
        looker_links(message, HOST)
    return time.process_time() - start
