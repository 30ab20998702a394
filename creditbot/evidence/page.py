"""Makes the page of a request: one HTML file that shows a person where its amount came from. Pure.

The summary of the request comes in, with the cells of the notebooks that ran; HTML comes out. `keeping` stores it
beside the summary. The page runs no script and loads nothing, and its Content-Security-Policy forbids both. Whatever
comes from Slack, Looker or a notebook is escaped by the template.

The end of a request is known later than its evidence, perhaps to another process, which has the summary but no longer
the notebook's cells. So the part of the page that says how the request stands is between two comments, which no text
from outside can contain, and `with_outcome` replaces it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from creditbot.credit.footprint import accounts_in_words, days_in_words, units_in_words
from creditbot.evidence.digest import digest_of
from creditbot.evidence.fields import mapping, mappings
from creditbot.evidence.formula import formula
from creditbot.evidence.html_file import base_style, environment, render
from creditbot.evidence.notebook_view import PagePart, Room, parts_of
from creditbot.evidence.page_parts import OUTCOME, page_parts
from creditbot.evidence.summary import footprints_in, hold_reasons_in
from creditbot.model import Cell
from creditbot.text import one_line, shorten

MOST_BYTES = 300_000
"""No page is larger."""
PICTURE_BYTES, TEXT_BYTES, SQL_BYTES = 120_000, 70_000, 50_000
"""What the notebooks' pictures, their texts and the SQL of all links take at most; the links share each evenly."""
MOST_LINKS = 20
LONGEST_ADDRESS = 2_000
_MOST_ROWS = 40

_SLACK_LINK = re.compile(r"<(https?://[^<>|\s]{1,3000})(?:\|([^<>]{0,3000}))?>")

_STATUS = {
    "computed": ("Computed", "The amount is computed and has not been posted yet."),
    "answered": ("Answered", "creditbot has posted this amount in the thread."),
    "given_up": ("Needs a person", "creditbot has not posted an amount. A person has to answer this request."),
    "held": ("Held", "The amount is computed. It is posted only if the approvers say yes."),
    "denied": ("Not approved", "creditbot has not posted the amount. Somebody has to answer this request by hand."),
    "skipped": ("Skipped", "Every link is about a product that is switched off, so creditbot does not answer."),
    "elsewhere": ("Answered by others", "A person or another bot has answered in the thread, so creditbot did not."),
    "withdrawn": ("Withdrawn", "The message or its links were deleted, so there is nothing to answer."),
    "tried": ("Not posted", "This was computed on demand. Nothing was posted."),
    "shadowed": ("In shadow", "creditbot only recorded what it would have done: it works in shadow."),
}
"""Status -> (words of the badge, sentence)."""
_WOULD = {
    "answered": "It would have posted this amount in the thread.",
    "held": "It would have asked the approvers about this amount.",
    "refused": "It would have left this request to a person.",
    "failed": "It would have left this request to a person, because no attempt succeeded.",
}
"""What would have become of a request in shadow -> a sentence."""
_OTHER_STATUS = ("Under way", "creditbot has not finished this request.")


def page_of(summary: Mapping[str, Any], cells: Mapping[str, Sequence[Cell]]) -> str:
    """The page of a request.

    Args:
        summary: as it is saved; see `summary`.
        cells: address of a link -> every cell of the notebook that ran on its SQL, as far as it ran.
    """
    page = _page(summary, cells, 1)
    if len(page.encode()) < MOST_BYTES:
        return page
    return _page(summary, cells, 8)  # even if the template grows one day, no page may be too large


def prepare() -> None:
    """Reads the templates, which the first page would have to wait for."""
    base_style()
    for name in ("page.html", "outcome.html"):
        _templates().get_template(name)


def with_outcome(page: str, summary: Mapping[str, Any]) -> str | None:
    """The page with how the request stands now; None if creditbot did not write the page."""
    parts = page_parts(page)
    return parts and parts[0].replace("".join(OUTCOME), f"{OUTCOME[0]}{_outcome(summary)}{OUTCOME[1]}", 1)


def _page(summary: Mapping[str, Any], cells: Mapping[str, Sequence[Cell]], share: int) -> str:
    links = mappings(summary.get("links"))
    shown = links[:MOST_LINKS]
    runs = max(1, sum(bool(cells.get(str(link.get("url")))) for link in shown)) * share
    sql_bytes = SQL_BYTES // (max(1, len(shown)) * share)
    views = []
    for number, link in enumerate(shown, 1):
        room = Room(TEXT_BYTES // runs, PICTURE_BYTES // runs)
        views.append(_link(number, link, cells.get(str(link.get("url")), ()), room, sql_bytes))
    return render(
        _templates(),
        "page.html",
        base_style(),
        request=_request(summary),
        outcome="".join([OUTCOME[0], _outcome(summary), OUTCOME[1]]),
        links=views,
        more_links=len(links) - len(shown),
        total=_total(links),
    )


def _outcome(summary: Mapping[str, Any]) -> str:
    outcome = mapping(summary.get("outcome"))
    badge, sentence = _STATUS.get(str(outcome.get("status")), _OTHER_STATUS)
    if would := _WOULD.get(str(outcome.get("would"))):
        sentence = f"{sentence} {would}"
    posted = summary.get("credit_amount")
    amount = posted if isinstance(posted, Decimal) else summary.get("computed_amount")
    return _templates().get_template("outcome.html").render(
        status=str(outcome.get("status")),
        badge=badge,
        sentence=sentence,
        amount=amount if isinstance(amount, Decimal) else None,
        is_credit=isinstance(posted, Decimal),
        reason=shorten(str(outcome.get("reason") or ""), 4_000),
        note=shorten(str(outcome.get("note") or ""), 1_000),
        overridden_by=one_line(str(outcome.get("overridden_by") or ""), 200),
        at=_moment(outcome.get("at")),
        approval=_approval(mapping(outcome.get("approval"))),
    )  # fmt: skip


def _approval(approval: Mapping[str, Any]) -> dict[str, object] | None:
    """What approvers were asked, and how they voted; None if nobody was asked."""
    if not approval:
        return None
    return {
        "reasons": [one_line(str(reason.get("text", "")), 700) for reason in hold_reasons_in(approval)],
        "more_reasons": _count(approval.get("more_reasons")),
        "votes": [
            {
                "by": one_line(str(vote.get("by", "")), 60),
                "word": one_line(str(vote.get("vote", "")), 10),
                "seen": _moment(vote.get("first_seen")),
                "typed_by": one_line(str(vote.get("typed_by", "")), 100),
            }
            for vote in mappings(approval.get("votes"))[:_MOST_ROWS]
        ],
        "digest": one_line(str(approval.get("digest", "")), 12),
    }


def _request(summary: Mapping[str, Any]) -> dict[str, object]:
    request = mapping(summary.get("request"))
    return {
        "key": one_line(str(request.get("key", "")), 200),
        "permalink": _address(request.get("permalink")),
        "author": one_line(str(request.get("author", "")), 60),
        "text": shorten(_plain(str(request.get("text", ""))), 4_000),
        "computed_at": _moment(summary.get("extracted_at")),
        "note": shorten(str(summary.get("note") or ""), 1_000),
        "digest": digest_of(summary),
        "second_opinion": shorten(str(summary.get("second_opinion") or ""), 1_000),
    }


def _link(number: int, link: Mapping[str, Any], cells: Sequence[Cell], room: Room, sql_bytes: int) -> dict[str, object]:
    rows = mappings(link.get("rows"))[:_MOST_ROWS]
    sql = str(link.get("sql", ""))
    return {
        "number": number,
        "address": _address(link.get("url")),
        "product": one_line(str(link.get("product", "")), 60),
        "is_read": "sql_sha256" in link,
        "traffic": _traffic(link),
        "note": shorten(str(link.get("note", "")), 1_000),
        "problem": shorten(str(link.get("problem", "")), 3_000),
        "sql": Room(sql_bytes, 0).for_text(sql, sql_bytes) if sql else "",
        "credit": link.get("credit"),
        "rows": [_row(row) for row in rows],
        "more_rows": link.get("rows_left_out", 0),
        "parts": _grouped(parts_of(cells, room)),
        "has_run": "notebook" in link,
        "hashes": _hashes(link),
    }


def _traffic(link: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which traffic the credit of a link is for: (name, words) pairs."""
    named = [
        pair
        for footprint in footprints_in({"links": [link]})
        for pair in (
            ("Accounts", accounts_in_words(footprint.accounts)),
            ("Days", days_in_words(footprint.days)),
            ("Flagged", units_in_words(footprint.units)),
        )
    ]
    return [(name, one_line(words, 500)) for name, words in named]


def _row(row: Mapping[str, Any]) -> dict[str, object]:
    columns = mapping(row.get("columns"))
    return {
        "mode": one_line(str(row.get("mode", "")), 60),
        "messages": _count(columns.get("msg_count")),
        "fraud_cost": row.get("fraud_cost"),
        "block_rate": one_line(str(columns.get("block_rate", "")), 20),
        "credit": row.get("credit"),
        "formula": formula(row),
    }


def _hashes(link: Mapping[str, Any]) -> list[tuple[str, str]]:
    versions = mapping(link.get("versions"))
    facts = [
        ("SHA-256 of the SQL", link.get("sql_sha256")),
        ("Notebook", Path(str(link.get("notebook", ""))).name),
        ("SHA-256 of the notebook", link.get("notebook_sha256")),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("Seconds of the run", link.get("seconds")),
    ]
    return [(name, one_line(str(value), 300)) for name, value in facts if value]


def _grouped(parts: Sequence[PagePart]) -> list[dict[str, object]]:
    """The parts by heading: {"heading", "pieces"}, each piece {"folded", "parts"}.

    A piece is one part that is shown, or all explanations and code between two of these, which are folded away. A group
    of which nothing is shown has no pieces but folded ones.
    """
    groups: list[dict[str, Any]] = [{"heading": "", "pieces": []}]
    for part in parts:
        pieces = groups[-1]["pieces"]
        if part.kind == "heading":
            groups.append({"heading": part.text, "pieces": []})
        elif part.kind not in {"words", "code"}:
            pieces.append({"folded": False, "parts": [part]})
        elif pieces and pieces[-1]["folded"]:
            pieces[-1]["parts"].append(part)
        else:
            pieces.append({"folded": True, "parts": [part]})
    for group in groups:
        group["shown"] = any(not piece["folded"] for piece in group["pieces"])
    return [group for group in groups if group["pieces"]]


def _total(links: Sequence[Mapping[str, Any]]) -> str:
    """How the amount follows from the links: "$1.00 + $2.00 = $3.00"; "" for fewer than two credits."""
    credits_ = [link["credit"] for link in links if isinstance(link.get("credit"), Decimal)]
    if len(credits_) < 2:
        return ""
    terms = [_usd(credit) for credit in credits_[:MOST_LINKS]]
    if len(credits_) > MOST_LINKS:
        terms.append("…")
    return f"{' + '.join(terms)} = {_usd(sum(credits_, Decimal(0)))}"


def _address(value: object) -> dict[str, str]:
    """An address as it is shown, and as it is followed: only over HTTP, and only if it is not endless."""
    text = str(value or "")
    follows = re.fullmatch(r"https?://[^\s<>\"']+", text) is not None and len(text) <= LONGEST_ADDRESS
    return {"text": one_line(text, 300), "href": one_line(text) if follows else ""}


def _plain(text: str) -> str:
    """The text of a Slack message as a person reads it: labels and addresses instead of markup."""
    shown = _SLACK_LINK.sub(lambda link: f"{link[2]} ({link[1]})" if link[2] and link[2] != link[1] else link[1], text)
    return html.unescape(shown)


def _count(value: object) -> str:
    text = one_line(str(value if value is not None else ""), 20)
    return f"{int(text):,}" if re.fullmatch(r"\d{1,15}", text) else text


def _moment(value: object) -> str:
    """A stamp of the summary as people read it, or ""."""
    try:
        return f"{datetime.fromisoformat(str(value)):%-d %B %Y, %H:%M:%S} UTC"
    except ValueError:
        return ""


def _usd(value: object) -> str:
    return f"${value:,.2f}" if isinstance(value, Decimal) else ""


@cache
def _templates() -> Environment:
    return environment(usd=_usd)
