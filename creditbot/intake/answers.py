"""Decides whether a reply in a thread answers the request above it. Pure.

`thread` asks about every reply without our marker. People greet, mention, quote and thank before they write
`Approved, $...`, and they also write about approvals that are not answers. A plain answer stops creditbot. If a reply
may or may not be an answer, the owner decides.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum, auto


class Reading(Enum):
    """How a reply is understood."""

    ANSWER = auto()
    """It grants a credit."""
    DOUBT = auto()
    """It mentions an approval and an amount, and may or may not grant a credit."""
    OTHER = auto()
    """It does neither."""


_LONGEST = 1000
"""An answer appears within this many characters from the start."""
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_DOLLARS = rf"(?:(?:US)?\$\s?{_NUMBER}|USD\s?\$?{_NUMBER}|{_NUMBER}\s?(?:USD\b|dollars\b|\$))"
_ANY_AMOUNT = re.compile(
    r"[$\u20ac\u00a3\u00a5]\s?\d|\b(?:USD|EUR|GBP)\s?\d|\d\s?(?:USD|EUR|GBP|dollars)\b|\d\.\d\d\b", re.IGNORECASE
)
_GRANTS = re.compile(r"\b(?:approv(?:ed?|ing|al)|credited|granted)\b", re.IGNORECASE)
_POLITE = (
    r"(?:hi|hello|hey|dear|thanks|thank you|thx|ok|okay|yes|sure|done|great|fyi|confirmed|lgtm|looks good|good to go"
    r"|no objections?)\b"
)
# A name and a few words may follow the greeting, but only a mark ends them: "Hi, I approved $5 last week" is none.
_WORDS = r"(?:[ \t]{1,9}[\w'\u2019]{1,40}){0,5}\s{0,9}[,:;.!\n\u2013\u2014-]{1,9}"
_GREETING = rf"(?:{_POLITE}(?:{_WORDS})?\s{{0,9}}){{0,2}}[^\w$]{{0,9}}"
_APPROVED = r"(?:is\s|was\s|has\sbeen\s)?(?:approved|approving|credited|granted)\b"
_GRANTED = rf"(?:this\s(?=is\s))?(?:(?:the|your)\s)?(?:credit\s)?{_APPROVED}"
_ANSWER = re.compile(
    rf"{_GREETING}(?:{_GRANTED}[^$\u20ac\u00a3]{{0,150}}?{_DOLLARS}|{_DOLLARS}\W{{0,6}}{_GRANTED}"
    rf"|(?:(?:an?|the|your)\s)?credit\sof\s{_DOLLARS}\s{_APPROVED})",
    re.IGNORECASE,
)
_BARE_ANSWER = re.compile(rf"approved\b[^\w$?]{{0,12}}{_DOLLARS}(?:[^\w?]+exceptions?\b)?[^\w?]*", re.IGNORECASE)
"""The words of the default REPLY_TEMPLATE and nothing else."""
_HEDGE = re.compile(
    r"\?|\bnot\b|n['\u2019]t\b|\b(?:never|cannot|unless|until|pending|if|expect\w*|would|should|could)\b|\bup to\b"
    r"|\basked for\b|\b(?:was|were)\s\W*\d|\bby (?:my|our|his|her|their|the)\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(rf"(?:(?:US)?\$|USD\s?\$?)\s?({_NUMBER})|({_NUMBER})\s?(?:USD\b|dollars\b|\$)", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{1,2})?")
_TAKEN_BACK = re.compile(
    r"\b(?:error|mistake\w*|wrong|revoked?|reversed|denied|declined|rejected|ignore|kidding|so far|already|yesterday"
    r"|last (?:time|week|month|quarter|year)\w*)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(r"[^\w$]+")
_QUOTED_LINE = re.compile(r"^[ \t]*(?:&gt;|>).*$", re.MULTILINE)
_QUOTE_MARK = re.compile(r"^[ \t]*(?:&gt;|>)+", re.MULTILINE)
_STRUCK = re.compile(r"~[^~\n]+~")
_TOKEN = re.compile(r"<[^<>]*>|:[a-z0-9_+'-]+:|(?<!\w)@[\w.-]+", re.IGNORECASE)
_STYLE = re.compile(r"[*_`]")


def read_answer(text: str, *, by_asker: bool = False) -> Reading:
    """How a reply is understood.

    Args:
        text: as Slack sent it.
        by_asker: whether the person who asked wrote it. Then only the exact words of an answer count, because people
            also mention approvals of their own request ("approved by my manager").
    """
    everything = _plain(_QUOTE_MARK.sub("", text))
    said = _plain(_QUOTED_LINE.sub(" ", text)) or everything
    if len(said) <= _LONGEST and _BARE_ANSWER.fullmatch(said):
        return Reading.ANSWER
    if by_asker or not (_GRANTS.search(everything) and _ANY_AMOUNT.search(everything)):
        return Reading.OTHER
    answer = _ANSWER.match(said[:_LONGEST])
    is_certain = answer and not _HEDGE.search(said[: answer.end()]) and not _TAKEN_BACK.search(said[:_LONGEST])
    if answer and is_certain and not said[answer.end() :].lstrip().startswith("?"):
        return Reading.ANSWER
    return Reading.DOUBT


def amounts_in(text: str) -> frozenset[Decimal]:
    """The amounts in USD that a reply names, quotations left out; empty if one of them cannot be read for certain.

    Args:
        text: as Slack sent it.
    """
    said = _plain(_QUOTED_LINE.sub(" ", text))[:_LONGEST]
    amounts = set()
    for match in _AMOUNT.finditer(said):
        number = (match[1] or match[2]).rstrip(",")
        if not _WHOLE_NUMBER.fullmatch(number) or re.match(r"\w", said[match.end() :]):
            return frozenset()  # such as $5k, or 812,40 USD
        amounts.add(Decimal(number.replace(",", "")))
    return frozenset(amounts)


def _plain(text: str) -> str:
    """The text without mentions, links, emoji, styles, struck-through parts, and marks at its beginning."""
    text = _STYLE.sub("", _TOKEN.sub(" ", _STRUCK.sub(" ", text)))
    leading = _LEADING.match(text)
    return text[leading.end() if leading else 0 :].rstrip()
