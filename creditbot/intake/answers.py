"""Decides whether a reply in a thread answers the request above it. Pure.

`thread` asks about every reply without our marker. People greet, mention, quote and thank before they write
`Approved, $...`, and they also write about approvals that are not answers. A plain answer ends the request. Any other
words may hold it until an approver decides: the policy says which.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from enum import Enum, auto


class Reading(Enum):
    """How a reply is understood."""

    ANSWER = auto()
    """It grants a credit."""
    DOUBT = auto()
    """It may or may not grant a credit: it mentions an approval and an amount, or grants without naming one."""
    REFUSAL = auto()
    """It says that there is no credit, or that the request is to be left alone."""
    OTHER = auto()
    """It does neither."""


_LONGEST = 1000
"""An answer appears within this many characters from the start."""
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_DOLLARS = rf"(?:(?:US)?\$\s?{_NUMBER}|USD\s?\$?{_NUMBER}|{_NUMBER}\s?(?:USD\b|dollars\b|\$))"
_ANY_AMOUNT = re.compile(
    r"[$\u20ac\u00a3\u00a5]\s?\.?\d|\b(?:USD|EUR|GBP)\s?\d|\d\s?(?:k\b|USD|EUR|GBP|cents|bucks)|\bdollars\b|\d\.\d\d\b"
    r"|\b(?:approved?|credited|granted)[^\w\n]{1,6}\d[\d,.]*\W*$",
    re.IGNORECASE,
)
_GRANTS = re.compile(
    r"\b(?:ap?prov(?:e?d|es?|ing|als?)|credited|grant(?:s|ed|ing)?|authori[sz](?:ed?|ing)|refunded|signed off)\b"
    r"|\b(?:to|can|please|will|i'll|we'll|ahead and) credit\b"
    r"|\bcredit\b.{0,60}\b(?:issued|applied|processed|added)\b|\b(?:issued|applied|processed|added)\b.{0,60}\bcredit\b"
    # words that grant something only if the amount follows at once
    r"|(?:^\W*(?:credit(?: them| the (?:account|customer))?|issued|processed|accepted|ok(?:ay)?)\b"
    r"|:[a-z]*approved?[a-z]*:|checkmark:|\u2705)[^\w$]{0,4}(?:(?:with|of|for) )?(?:us)?[$\d]",
    re.IGNORECASE,
)
_POLITE = (
    r"(?:hi|hello|hey|dear|thanks|thank you|thx|ok|okay|yes|sure|done|great|fyi|confirmed|lgtm|looks good|good to go"
    r"|no objections?|good (?:morning|afternoon|evening)|morning|sorry|apologies|unfortunately|oops|my mistake|yep|yup"
    r"|agreed)\b"
)
# A name and a few words may follow the greeting, but only a mark ends them: "Hi, I approved $5 last week" is not an
# answer.
_WORDS = r"(?:[ \t]{1,9}[\w'\u2019]{1,40}){0,5}\s{0,9}[,:;.!\n\u2013\u2014-]{1,9}"
_GREETING = rf"(?:{_POLITE}(?:{_WORDS})?\s{{0,9}}){{0,2}}[^\w$]{{0,9}}"
# What else follows the word makes it a description, as in "approved vendors".
_FOLLOWS = (
    r"(?=\s{0,9}(?:[^\w\s]|\d|$)|\s{1,9}(?:amount|after|and|as|at|because|by|due|exceptions?|for|from|full|in|of|on|per"
    r"|partial\w{0,2}|the|this|to|usd?|with|your?|credit|an?|their)\b)"
)
_APPROVED = r"(?:is\s|was\s|has\sbeen\s)?(?:approved|approving|credited|granted)\b"
_GRANTED = rf"(?:this\s(?=is\s))?(?:(?:the|your)\s)?(?:credit\s)?{_APPROVED}"
_ANSWER = re.compile(
    rf"{_GREETING}(?:{_GRANTED}{_FOLLOWS}[^$\u20ac\u00a3]{{0,150}}?{_DOLLARS}|{_DOLLARS}\W{{0,6}}{_GRANTED}"
    rf"|(?:(?:an?|the|your)\s)?credit\sof\s{_DOLLARS}\s{_APPROVED})",
    re.IGNORECASE,
)
_GRANTS_WITHOUT_AMOUNT = re.compile(
    rf"{_GREETING}(?:{_GRANTED}|approve)"
    r"(?:\W{1,9}(?:exceptions?|thanks|thank you|as requested|from my side|by me))?\W*",
    re.IGNORECASE,
)
"""An approval in one or two words, such as "Approved!"."""
_BARE_ANSWER = re.compile(rf"approved\b[^\w$?~\u2248]{{0,12}}{_DOLLARS}(?:[^\w?]+exceptions?\b)?[^\w?]*", re.IGNORECASE)
"""The words of the default REPLY_TEMPLATE and nothing else."""
_HEDGE = re.compile(
    r"\?|\bnot\b|n['\u2019]t\b|\b(?:never|cannot|unless|until|pending|if|expect\w*|would|should|could)\b|\bup to\b"
    r"|\basked for\b|\b(?:was|were)\s\W*\d|\bby (?:my|our|his|her|their|the)\b"
    r"|\b(?:once|when|only|at most|around|approx\w*|max\w*"
    r"|limit|budget|maybe|think|guess|soon|tomorrow|each|it['\u2019]s)\b|\bafter (?:they|he|she|it|we|you)\b"
    r"|\b(?:under|below|above|over|than)\s\W*\d|[~\u2248]",
    re.IGNORECASE,
)
_AMOUNT = re.compile(rf"(?:(?:US)?\$|USD\s?\$?)\s?({_NUMBER})|({_NUMBER})\s?(?:USD\b|dollars\b|\$)", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{1,2})?")
_TAKEN_BACK = re.compile(
    r"\b(?:error|mistake\w*|wrong|revoked?|reversed|denied|declined|rejected|ignore|kidding|jk|so far|already|yesterday"
    r"|last (?:time|week|month|quarter|year)\w*|ago|earlier|previous\w*|before|pending|awaiting|subject to|conditions?"
    r"|provided|as long as|assuming|but|(?:other|not this) (?:account|customer|one|request|thread)|under review"
    r"|cancel|disregard|never ?mind|oops|hold on|scratch that|wait,? no|just (?:a )?test(?:ing)?)\b"
    r"|, (?:a )?test\W*$",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"\s{0,9}(?:\?|(?:is|are|was|were|seems|of|or|each|too|less|more|a (?:day|week|month|year))\b)")
"""Words after the amount that say that it was not granted."""
_NOT = r"(?:not|never|cannot|(?:do|wo|ca|should|must)n['\u2019]t)"
_SUBJECT = (
    r"(?:(?:(?:this|the|your)(?:\s(?:credit|request|one|account))?|it|that|credit|request)"
    r"(?:['\u2019]s|\s(?:is|was|has been))?\s)?"
)
# Another word behind makes it talk of something else, as in "rejected messages".
_ENDS = r"(?=\W*$|\W*[.,:;!\n\u2013\u2014(-]|\s(?:as|because|due|for|here|it|of|per|request|since|this)\b)(?!\W*\?)"
_REFUSES = re.compile(
    rf"{_GREETING}(?:{_SUBJECT}(?:(?:denied|declined|rejected|refused)\b{_ENDS}|(?:an? )?duplicate\b{_ENDS}"
    r"|already (?:credited|approved|answered|handled)\b|(?:credited|approved) already\b)"
    r"|(?:denying|rejecting|declining)\b|(?:no|nope|nack|no way)\W*$)"
    rf"|.{{0,200}}?\b{_NOT}\s(?:(?:yet|be|to|going|eligible|please)\s){{0,4}}"
    r"(?:credit(?:ed|ing)?\b(?! (?:yet|before|so far|card))|(?:approv(?:ed?|ing)|grant(?:ed|ing)?)\b)"
    r"|.{0,200}?\b(?:not (?:yet )?been approved|no (?:credit(?! card| in| column| so far| yet)|refund)"
    r"|without (?:a )?credit(?! card)|not eligible"
    r"|(?:i will|i['\u2019]ll|we will|we['\u2019]ll) (?:handle|answer) (?:this|it))\b",
    re.IGNORECASE | re.DOTALL,
)
_DO_NOT = r"(?:do not|don['\u2019]?t)"
_THING = (
    r"(?:link|look|explore|account|customer|product|month|dates?|days?|channel|query|filter|one|request|message|url)s?"
)
_WITHDRAWS = re.compile(
    rf"(?:(?:edit|update|actually|so|and|but|also|team|all)\b\W{{1,4}}){{0,3}}{_GREETING}(?:please\s|pls\s)?"
    r"(?:(?:ignore|disregard|cancel)(?:\W*$|\W*[,.:;!\n(-]|\s(?:this|it|my|above|the (?:request|message|link|above))\b)"
    rf"|{_NOT} (?:credit|approve)\b"
    rf"|{_DO_NOT}(?:\W*$|\s(?!worry|forget|hesitate|know|think|see|understand|have|mind|get|want|believe|recall|remember"
    r"|care|miss)\w)"
    rf"|(?:i|we) {_DO_NOT} need (?:this|it|that)\b"
    r"|skip(?: this| it|\W*$)|wait\b(?! (?:times?|list|period))|on hold\b(?! with)|hold(?: off| on| this| it|\W*$)"
    r"|stop(?:\W*$|[,.:;!])|withdr(?:awn|aw|ew|awing)\b|retract(?:ed|ing)?\b|cancell?(?:ed|ing)\b|scratch that\b"
    r"|(?:delete|remove) (?:this|it|my)\b|false alarm\b|(?:no longer|not) needed\b|no need to (?:credit|approve)\b"
    r"|no credit (?:is )?(?:needed|required)|never ?mind(?:\W*$|\W*[,.:;!\n-])|nvm\b"
    rf"|(?:(?:that|this|it)(?:['\u2019]s| is| was)?\s)?(?:the |a |my )?(?:wrong|incorrect)(?:\W*$|\s{_THING}\b)"
    rf"|(?:i )?(?:posted|sent|pasted|used|linked|shared|took|picked|copied)(?: this| it| that)?"
    rf" (?:the wrong {_THING}\b|by (?:mistake|accident)\b|in error\b|accidentally\b))",
    re.IGNORECASE,
)
_CORRECTS = re.compile(
    r"\b(?:correct(?:ion|ed|ing)|should (?:be|have been|read)|(?:my|a) (?:mistake|bad)|typo"
    r"|wrong (?:amount|number|figure)|miscalculated|make (?:that|it)|revised|instead of|updated? (?:amount|credit))\b",
    re.IGNORECASE,
)
_PARTS = re.compile(r"(?<=[.!?;,:])\s+|\n+|\s[-\u2013\u2014]+\s|\(")
_LINK = re.compile(r"<https?:[^<>]*>")
_LEADING = re.compile(r"[^\w$]+")
_QUOTED_LINE = re.compile(r"^[ \t]*(?:&gt;|>).*$", re.MULTILINE)
_QUOTE_MARK = re.compile(r"^[ \t]*(?:&gt;|>)+", re.MULTILINE)
_STRUCK = re.compile(r"~[^~\n]+~")
_LABEL = re.compile(r"<(?:https?|mailto|tel):[^<>|]*\|([^<>]*)>")
_TOKEN = re.compile(r"<[^<>]*>|:[a-z0-9_+'-]+:|(?<!\w)@[\w.-]+", re.IGNORECASE)
_STYLE = re.compile(r"[*_`]")


def read_answer(text: str, *, by_asker: bool = False) -> Reading:
    """How a reply is understood.

    Args:
        text: as Slack sent it.
        by_asker: whether the person who asked wrote it. Nobody answers their own request: the exact words of an answer
            are doubtful then. Other words about approvals are not, because people mention those of their own requests
            ("approved by my manager").
    """
    if is_exact_answer(text):
        return Reading.DOUBT if by_asker else Reading.ANSWER
    if by_asker:
        return Reading.REFUSAL if takes_back(text) else Reading.OTHER
    text = _visible(text)
    said = _said(text)
    everything = _LABEL.sub(r" \1 ", _STYLE.sub("", _STRUCK.sub(" ", _QUOTE_MARK.sub("", text))))
    if not (_GRANTS.search(everything) and _ANY_AMOUNT.search(everything)):
        if _WITHDRAWS.match(said) or _REFUSES.match(said[:_LONGEST]):
            return Reading.REFUSAL
        return Reading.DOUBT if _GRANTS_WITHOUT_AMOUNT.fullmatch(said[:_LONGEST]) else Reading.OTHER
    answer = _ANSWER.match(said[:_LONGEST])
    is_certain = answer and not _HEDGE.search(said[: answer.end()]) and not _TAKEN_BACK.search(said[:_LONGEST])
    if answer and is_certain and not _GOES_ON.match(said[answer.end() :]):
        return Reading.ANSWER
    return Reading.DOUBT


def is_exact_answer(text: str) -> bool:
    """Whether a message consists of the words of the default REPLY_TEMPLATE and nothing else."""
    said = _said(_visible(text))
    return len(said) <= _LONGEST and _BARE_ANSWER.fullmatch(said) is not None


def takes_back(text: str) -> bool:
    """Whether the person who asked takes the request back, in any part of a message. A link ends a part, too."""
    said = _plain(_LINK.sub("\n", _QUOTED_LINE.sub(" ", _visible(text))))[:_LONGEST]
    return any(_WITHDRAWS.match(_without_leading(part)) for part in _PARTS.split(said))


def amounts_in(text: str) -> frozenset[Decimal]:
    """The amounts in USD that a reply names, quotations left out; empty if one of them cannot be read for certain.

    Args:
        text: as Slack sent it.
    """
    said = _plain(_QUOTED_LINE.sub(" ", _visible(text)))[:_LONGEST]
    amounts = set()
    for match in _AMOUNT.finditer(said):
        number = (match[1] or match[2]).rstrip(",")
        if not _WHOLE_NUMBER.fullmatch(number) or re.match(r"\w", said[match.end() :]):
            return frozenset()  # such as $5k, or 812,40 USD
        amounts.add(Decimal(number.replace(",", "")))
    return frozenset(amounts)


def corrects(text: str) -> bool:
    """Whether a message says that an amount was wrong before, such as "Correction: $412.50" or "should be $80"."""
    return _CORRECTS.search(_plain(_QUOTED_LINE.sub(" ", _visible(text)))[:_LONGEST]) is not None


def _visible(text: str) -> str:
    """The text in plain characters, without invisible ones, and with the number that a phone's link shows."""
    text = "".join(letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    return re.sub(r"<tel:[^<>|]*\|([^<>]*)>", r"\1", text)


def _said(text: str) -> str:
    """The plain words of a visible text; those of a quotation only if there are no others."""
    return _plain(_QUOTED_LINE.sub(" ", text)) or _plain(_QUOTE_MARK.sub("", text))


def _plain(text: str) -> str:
    """The text without mentions, links, emoji, styles, struck-through parts, and marks at its beginning."""
    return _without_leading(_STYLE.sub("", _TOKEN.sub(" ", _STRUCK.sub(" ", text))))


def _without_leading(text: str) -> str:
    leading = _LEADING.match(text)
    return text[leading.end() if leading else 0 :]
