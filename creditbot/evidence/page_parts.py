"""The two parts of a page: its evidence, which stays, and what it says about how the request stands. Pure.

It imports nothing: who only wants to hash a page needs no templates.
"""

from __future__ import annotations

OUTCOME = ("<!--outcome-->", "<!--/outcome-->")
"""The comments around what a page says about how the request stands. No text from outside can contain them."""


def page_parts(page: str) -> tuple[str, str] | None:
    """(everything but the part about how the request stands, that part); None if creditbot did not write the page."""
    before, begin, rest = page.partition(OUTCOME[0])
    outcome, end, after = rest.partition(OUTCOME[1])
    return (f"{before}{begin}{end}{after}", outcome) if begin and end else None
