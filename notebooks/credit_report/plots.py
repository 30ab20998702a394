"""Draws the traffic of some prefixes as one picture, and says in words what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from credit_report.credit import dollars, sum_of
from credit_report.traffic import Row


def draw(series: Sequence[Sequence[Row]], days: Sequence[date], line: str) -> bytes:
    """Attempts a day: what was let pass, what is flagged, and what was blocked, one plot below the other; as PNG."""
    height = 0.95 + 1.55 * len(series)  # inches
    figure = Figure(figsize=(8, height), dpi=90)
    figure.subplots_adjust(left=0.11, right=0.98, top=1 - 0.55 / height, bottom=0.5 / height, hspace=0.4)
    grid = figure.subplots(len(series), squeeze=False)[:, 0]
    for axes, rows in zip(grid, series, strict=True):
        axes.set_xticks([])  # the last one says the days for all: making ticks is most of the time that a plot takes
        _draw_series(axes, rows, days, line)
    ticks = range(0, len(days), max(1, len(days) // 8))
    grid[-1].set_xticks([n + 0.5 for n in ticks], [f"{days[n].day} {days[n]:%b}" for n in ticks])
    years = " to ".join(dict.fromkeys((str(days[0].year), str(days[-1].year))))
    grid[-1].set_xlabel(f"UTC day, {years}", fontsize=8)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=4, fontsize=8, frameon=False)
    picture = BytesIO()
    FigureCanvasAgg(figure).print_png(picture)  # type: ignore[no-untyped-call]
    return picture.getvalue()


def _draw_series(axes: Any, rows: Sequence[Row], days: Sequence[date], line: str) -> None:
    """One prefix in one mode; a day without a row is left blank."""
    nothing = {"messages": 0, "flagged": 0, "blocked": 0, "line": None}
    by_day = {row["day"]: row for row in rows}
    series = [by_day.get(day, nothing) for day in days]
    edges = range(len(days) + 1)
    sent = [row["messages"] for row in series]
    asked = [row["messages"] + row["blocked"] for row in series]
    passed = [row["messages"] - row["flagged"] for row in series]
    lines = [np.nan if row["line"] is None else row["line"] for row in series]
    axes.stairs(asked, edges, fill=True, color="#e9c46a", label="blocked, not billed")
    axes.stairs(sent, edges, fill=True, color="#d1495b", label="flagged")
    axes.stairs(passed, edges, fill=True, color="#9db4c8", label="let pass")
    axes.stairs(lines, edges, baseline=None, color="#222222", label=line)
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    axes.set_ylim(0)
    axes.set_xlim(0, len(days))
    axes.set_ylabel("attempts a day", fontsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(_title(rows), loc="left", fontsize=9, parse_math=False)


def _title(rows: Sequence[Row]) -> str:
    counts = f"{sum_of(rows, 'flagged'):,} flagged, {sum_of(rows, 'blocked'):,} blocked"
    return f"{rows[0]['prefix']}, {rows[0]['mode']}: {counts}, {dollars(sum_of(rows, 'cost'))}"


def in_words(rows: Sequence[Row]) -> str:
    """What a plot shows, for those who cannot see it."""
    days = [row for row in rows if row["flagged"]]
    worst = max(days, key=lambda row: row["flagged"])
    span = f"on {len(days):,} days from {days[0]['day']} to {days[-1]['day']}"
    return f"{_title(rows)}; flagged {span}, most on {worst['day']} ({worst['flagged']:,})"
