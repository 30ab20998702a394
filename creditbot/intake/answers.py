"""Says whether a reply in a thread answers the request above it. Pure.

`thread` asks this of every reply without our marker. People greet, mention, quote and thank before they say
`Approved, $...`, and they talk about approvals that are none. What is plainly an answer stops creditbot; what may be
one is left to the owner.
"""

from __future__ import annotations

import re
from enum import Enum, auto


class Reading(Enum):
    """What a reply says."""

    ANSWER = auto()
    """It grants a credit."""
    DOUBT = auto()
    """It names an approval and an amount, and may grant a credit or not."""
    OTHER = auto()
    """It does neither."""


_LONGEST = 1000
"""Characters in which an answer is given."""
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_DOLLARS = rf"(?:(?:US)?\$\s?{_NUMBER}|USD\s?\$?{_NUMBER}|{_NUMBER}\s?(?:USD\b|dollars\b|\$))"
_ANY_AMOUNT = re.compile(
    r"[$\u20ac\u00a3\u00a5]\s?\d|\b(?:USD|EUR|GBP)\s?\d|\d\s?(?:USD|EUR|GBP|dollars)\b|\d\.\d\d\b", re.IGNORECASE
)
_GRANTS = re.compile(r"\b(?:approv(?:ed?|ing|al)|credited|granted)\b", re.IGNORECASE)
_GREETING = (
    r"(?:(?:hi|hello|hey|dear|thanks|thank you|thx|ok|okay|yes|sure|done|great|fyi)\b"
    r"[^.?!$\n]{0,40}?[\s,:;.!\u2013\u2014-]{1,9}){0,2}[^\w$]{0,9}"
)
_GRANTED = r"(?:(?:the|your)\s)?(?:credit\s)?(?:is\s|was\s|has\sbeen\s)?(?:approved|credited)\b"
_ANSWER = re.compile(
    rf"{_GREETING}(?:{_GRANTED}[^$\u20ac\u00a3]{{0,150}}?{_DOLLARS}|{_DOLLARS}\W{{0,6}}{_GRANTED})", re.IGNORECASE
)
_BARE_ANSWER = re.compile(rf"approved\b[^\w$?]{{0,12}}{_DOLLARS}(?:[^\w?]+exceptions?\b)?[^\w?]*", re.IGNORECASE)
"""The words of REPLY_TEMPLATE and nothing else."""
_HEDGE = re.compile(
    r"\?|\bnot\b|n['\u2019]t\b|\b(?:never|cannot|unless|until|pending|if|expect\w*|would|should|could)\b|\bup to\b"
    r"|\basked for\b|\bby (?:my|our|his|her|their|the)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(r"[^\w$]+")
_QUOTED_LINE = re.compile(r"^[ \t]*(?:&gt;|>).*$", re.MULTILINE)
_QUOTE_MARK = re.compile(r"^[ \t]*(?:&gt;|>)+", re.MULTILINE)
_STRUCK = re.compile(r"~[^~\n]+~")
_TOKEN = re.compile(r"<[^<>]*>|:[a-z0-9_+'-]+:", re.IGNORECASE)
_STYLE = re.compile(r"[*_`]")


def read_answer(text: str, *, by_asker: bool = False) -> Reading:
    """What a reply says.

    Args:
        text: as Slack sent it.
        by_asker: written by the person who asked. Nobody answers the own request in passing ("approved by my manager"):
            only the very words of an answer count then.
    """
    everything = _plain(_QUOTE_MARK.sub("", text))
    said = _plain(_QUOTED_LINE.sub(" ", text)) or everything
    if len(said) <= _LONGEST and _BARE_ANSWER.fullmatch(said):
        return Reading.ANSWER
    if by_asker or not (_GRANTS.search(everything) and _ANY_AMOUNT.search(everything)):
        return Reading.OTHER
    answer = _ANSWER.match(said[:_LONGEST])
    if answer and not _HEDGE.search(said[: answer.end()]) and not said[answer.end() :].lstrip().startswith("?"):
        return Reading.ANSWER
    return Reading.DOUBT


def _plain(text: str) -> str:
    """The text without what is struck through, mentions, links, emoji, styles, and marks at its beginning."""
    text = _STYLE.sub("", _TOKEN.sub(" ", _STRUCK.sub(" ", text)))
    leading = _LEADING.match(text)
    return text[leading.end() if leading else 0 :].rstrip()
