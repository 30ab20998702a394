"""Where pages are below OUTPUT_URI, for those who write them and for those who link to them. Pure."""

from __future__ import annotations

from creditbot.model import RequestKey

EVIDENCE = "evidence"
"""The folder of the pages of requests."""
REPORT = "report/index.html"
"""The report."""
BACKTEST = "backtest"
"""The folder of what a backtest found: a row and a page for each request."""
BACKTEST_REPORT = f"{BACKTEST}/index.html"
"""The report of the last backtest."""


def page_path(key: RequestKey) -> str:
    """The page of a request."""
    return f"{EVIDENCE}/{key}.html"


def from_report(key: RequestKey) -> str:
    """The page of a request as the report links to it, wherever both are."""
    return f"../{page_path(key)}"
