"""Shows a credit and where it comes from, and glues it for creditbot."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import scrapbook
from IPython.display import display

from credit_report.credit import (
    UNIT_COLUMNS,
    block_rate,
    dollars,
    policy_scrap,
    rows_scrap,
    sensitivity,
    sum_of,
    summarise,
    total_of,
    units_of,
)
from credit_report.plots import draw, in_words
from credit_report.traffic import Row, Traffic


class Report:
    """The credit of some traffic, and what a person has to see of it.

    Args:
        traffic: what the SQL gave.
        judged: its groups, each as `flagged` gives it.
        start: the first UTC day to credit, such as "2025-12-01"; rows before it are history only. "": no limit.
        end: the first UTC day that is too late to be credited. "": no limit.

    Raises ValueError if a day cannot be read, or if there is no message between them.
    """

    def __init__(self, traffic: Traffic, judged: Sequence[Row], start: str = "", end: str = "") -> None:
        self.traffic = traffic
        self.judged = credited(judged, start, end)
        self.left_out = len(judged) - len(self.judged)
        self.summary = summarise(self.judged, traffic.targets)
        self.amount = total_of(self.summary)

    def show_credit(self) -> None:
        """The credit, whose traffic it is for, how it follows, and what other decisions would change."""
        first, last = self.judged[0]["day"], self.judged[-1]["day"]
        accounts = sorted({account for row in self.judged for account in row["accounts"] if account})
        print(f"Credit: {dollars(self.amount)}")
        print(f"Accounts: {_listed(accounts) or 'the SQL gives no column that names them'}")
        print(f"Days: {first} to {last} (UTC)")
        if self.left_out:
            print(f"Not credited: {self.left_out:,} days, prefixes and modes outside CREDIT_FROM and CREDIT_TO")
        if self.traffic.note:
            print(self.traffic.note)
        amounts = ("fraud_cost", "credit")
        _show([{**row, **{name: dollars(row[name]) for name in amounts}} for row in self.summary])
        changes = sensitivity(self.judged, self.traffic.targets).items()
        _show([{"with": words, "the amount changes by": dollars(change)} for words, change in changes])

    def show_flagged(self, most: int = 15) -> None:
        """The most expensive days, prefixes and modes with flagged messages."""
        rows = sorted((row for row in self.judged if row["flagged"]), key=lambda row: -row["cost"])
        total = f"{sum_of(rows, 'flagged'):,} messages flagged"
        print(f"{total}, {len(rows):,} of {len(self.judged):,} days, prefixes and modes")
        shown = ["day", "prefix", "mode", "blocked", "messages", "verified", "allowance", "flagged"]
        _show([{name: row[name] for name in shown if name in row} | _cost(row) for row in rows[:most]])
        if rest := rows[most:]:
            print(f"and {len(rest):,} cheaper ones, {dollars(sum_of(rest, 'cost'))} together")

    def show_prefixes(self, most: int = 15) -> None:
        """What was asked for, blocked, billed and flagged by prefix and mode, the most expensive first."""
        table = []
        for (prefix, mode), rows in self._series():
            counts = {name: sum_of(rows, name) for name in ("attempts", "blocked", "messages", "flagged")}
            rate = block_rate(counts["blocked"], counts["flagged"])
            table.append({"prefix": prefix, "mode": mode, **counts, "block_rate": rate, "cost": sum_of(rows, "cost")})
        _show([row | _cost(row) for row in table[:most]])
        if rest := table[most:]:
            print(
                f"and {len(rest):,} more, {sum_of(rest, 'blocked'):,} blocked, {dollars(sum_of(rest, 'cost'))} together"
            )

    def show_not_judged(self, most: int = 15) -> None:
        """The days that had no line, one row for each prefix and mode, the most messages first."""
        table = []
        for (prefix, mode), rows in self._series():
            if days := [row for row in rows if row["line"] is None]:
                first, last = days[0]["day"], days[-1]["day"]
                counts = {"messages": sum_of(days, "messages"), "blocked": sum_of(days, "blocked")}
                table.append({"prefix": prefix, "mode": mode, "days": len(days), "from": first, "to": last, **counts})
        table.sort(key=lambda row: -row["messages"])
        print(f"{sum_of(table, 'days'):,} of {len(self.judged):,} days, prefixes and modes are not judged")
        _show(table[:most])
        if len(table) > most:
            print(f"and {len(table) - most:,} more prefixes and modes")

    def show_plots(self, line: str, most: int = 6) -> None:
        """One plot for each prefix and mode with flagged messages, the most expensive first; `line` is its legend."""
        series = [(place, rows) for place, rows in self._series() if any(row["flagged"] for row in rows)]
        if not series:
            print("No messages are flagged, so there is nothing to draw.")
            return
        drawn, rest = series[:most], series[most:]
        picture = b64encode(draw([rows for _, rows in drawn], self._days(), line)).decode()
        words = "; ".join(in_words(rows) for _, rows in drawn)
        words = f"Attempts a day, {self.judged[0]['day']} to {self.judged[-1]['day']} (UTC). {words}."
        _display({"image/png": picture, "text/plain": words}, metadata={"image/png": {"alt": words}})
        cost = dollars(Decimal(sum(sum_of(rows, "cost") for _, rows in rest)))
        print(f"{len(drawn):,} of {len(series):,} prefixes and modes with flagged messages are drawn.", end=" ")
        print(f"{len(rest):,} are not, {cost} together." if rest else "None is left out.")

    def glue(self, **policy: Any) -> None:
        """Hands the result over to creditbot; `policy` is what the notebook's policy cell decides."""
        rows = [
            {name: value if isinstance(value, int) else str(value) for name, value in row.items()}
            for row in self.summary
        ]
        scrapbook.glue("credit", {"currency": "USD", "amount": str(self.amount), "rows": rows})
        scrapbook.glue("units", {"columns": list(UNIT_COLUMNS), "rows": units_of(self.judged)})
        scrapbook.glue("rows", rows_scrap(self.traffic))
        scrapbook.glue("parameters", policy_scrap(policy))

    def _series(self) -> list[tuple[tuple[str, str], list[Row]]]:
        """The rows of each prefix and mode, the most expensive ones first, then those with the most attempts."""
        series: dict[tuple[str, str], list[Row]] = {}
        for row in self.judged:
            series.setdefault((row["prefix"], row["mode"]), []).append(row)
        return sorted(
            series.items(), key=lambda item: (-sum_of(item[1], "cost"), -sum_of(item[1], "attempts"), item[0])
        )

    def _days(self) -> list[date]:
        first, last = self.judged[0]["day"], self.judged[-1]["day"]
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def credited(judged: Sequence[Row], start: str, end: str) -> list[Row]:
    """The rows that are credited: not before `start`, and before `end`."""
    first, too_late = _limit("CREDIT_FROM", start, date.min), _limit("CREDIT_TO", end, date.max)
    rows = [row for row in judged if first <= row["day"] < too_late]
    if not sum(row["messages"] for row in rows):
        raise ValueError(f"No message between CREDIT_FROM ({start or 'not set'}) and CREDIT_TO ({end or 'not set'}).")
    return rows


def _limit(name: str, text: str, default: date) -> date:
    if not text:
        return default
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError):
        raise ValueError(f"{name} is {text!r}, not a UTC day such as 2025-12-01.") from None


def _cost(row: Row) -> Row:
    return {"cost": dollars(row["cost"])}


def _listed(names: Sequence[str], most: int = 10) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _show(rows: Sequence[Row]) -> None:
    """A table without the index column; one that never wraps where there is no HTML."""
    if rows:
        table = pd.DataFrame(rows)
        html, plain = table.to_html(index=False, border=0), table.to_string(index=False)
        _display({"text/html": html, "text/plain": plain})


def _display(forms: dict[str, str], metadata: dict[str, Any] | None = None) -> None:
    """One output in several forms: MIME type -> content. A front end shows the richest that it can."""
    display(forms, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
