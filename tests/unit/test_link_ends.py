"""A link is whole, or it is unusable: what stands behind an address may belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.intake.looker_host import LookerHost
from creditbot.intake.looker_links import looker_links
from tests.support.sampling import sampled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from creditbot.model import LookerLink

ACME = "https://acme.looker.com"
HOST = LookerHost("acme.looker.com")
LOOK = f"{ACME}/looks/3"
EXPLORE = f"{ACME}/explore/credit/verify?fields=verify.day,verify.messages"
DAYS = f"{EXPLORE}&f[verify.day]=2025-12-01"
ENCODED = f"{EXPLORE}&f%5Bverify.day%5D=2025-12-01+to+2026-01-01"
QUERY = f"{ACME}/explore/credit/verify?qid=aogBgL6o3cKK1jN3RoZl5s&toggle=fil"


def escaped(text: str) -> str:
    """As Slack escapes `text`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def section(*elements: object) -> dict[str, object]:
    """A message whose text came from Slack's own composer."""
    return {"blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}]}


def in_code(before: str, url: str, after: str) -> Mapping[str, object]:
    """The address stands in code, where Slack marks nothing."""
    return {"text": f"```{escaped(before + url + after)}```"}


def in_code_block(before: str, url: str, after: str) -> Mapping[str, object]:
    """The same in blocks."""
    return section({"type": "text", "text": before + url + after, "style": {"code": True}})


def marked(before: str, url: str, after: str) -> Mapping[str, object]:
    """Slack marked the address up to a certain character."""
    return {"text": f"{escaped(before)}<{escaped(url)}>{escaped(after)}"}


def marked_in_blocks(before: str, url: str, after: str) -> Mapping[str, object]:
    """The same in blocks."""
    return section({"type": "text", "text": before}, {"type": "link", "url": url}, {"type": "text", "text": after})


def styled(before: str, url: str, after: str) -> Mapping[str, object]:
    """The text after the address is bold."""
    return section({"type": "text", "text": before + url}, {"type": "text", "text": after, "style": {"bold": True}})


def forwarded(before: str, url: str, after: str) -> Mapping[str, object]:
    """In a forwarded message."""
    return {"text": "see", "attachments": [{"is_share": True, "text": marked(before, url, after)["text"]}]}


def in_a_list(before: str, url: str, after: str) -> Mapping[str, object]:
    """As an item of a list."""
    elements = [{"type": "text", "text": before}, {"type": "link", "url": url}, {"type": "text", "text": after}]
    item = {"type": "rich_text_section", "elements": elements}
    return {"blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": [item]}]}]}


def quoted(before: str, url: str, after: str) -> Mapping[str, object]:
    """In a quotation that somebody typed."""
    return {"text": f"&gt; *{escaped(before)}<{escaped(url)}>{escaped(after)}*"}


def in_a_section(before: str, url: str, after: str) -> Mapping[str, object]:
    """In a block as apps write it."""
    text = marked(before, url, after)["text"]
    return {"text": "", "blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": text}]}]}


def in_a_table(before: str, url: str, after: str) -> Mapping[str, object]:
    """In a pasted table."""
    cell = {"type": "raw_text", "text": before + url + after}
    return {"text": "", "attachments": [{"blocks": [{"type": "table", "rows": [[cell, cell]]}]}]}


PLACES: list[Callable[[str, str, str], Mapping[str, object]]] = [
    in_code, in_code_block, marked, marked_in_blocks, styled, forwarded, in_a_list, quoted, in_a_section, in_a_table,
]  # fmt: skip


def everywhere(names: Sequence[str], cases: Iterable[Sequence[str]]) -> pytest.MarkDecorator:
    """Each case in several places of a message, and in CI in all."""
    placed = ((*case, place) for case in cases for place in PLACES)
    return pytest.mark.parametrize((*names, "place"), sampled(placed, 3))


def the_link(content: Mapping[str, object]) -> LookerLink:
    """The one link of a message."""
    (link,) = looker_links(content, HOST)
    return link


@everywhere(
    ("url", "after"),
    [
        (LOOK, "\u200b1"),
        (LOOK, "\u202e1"),
        (LOOK, "\u20601 please"),
        (LOOK, "\ufeff1"),
        (LOOK, "\u20671"),
        (LOOK, "\u00a01"),
        (LOOK, "\u30001"),
        (LOOK, " 1"),
        (LOOK, " 1, thanks"),
        (LOOK, "\n1"),
        (LOOK, "\n1\nthanks"),
        (LOOK, ">1"),
        (LOOK, '"1'),
        (LOOK, "`1"),
        (LOOK, "\x011"),
        (LOOK, " ?f[verify.account]=AC1"),
        (LOOK, " &x"),
        (LOOK, " and more &f[verify.account]=AC1"),
        (DAYS, " to 2026-01-01&f[verify.account]=AC1"),
        (DAYS, " to 2026-01-01"),
        (DAYS, " and then some words"),
        (DAYS, "\n&f[verify.account]=AC1"),
        (DAYS, "\nto 2026-01-01"),
        (DAYS, "\nAC1"),
        (DAYS, "."),
        (DAYS, ")"),
        (DAYS, "!"),
        (DAYS, ", AC2"),
        (DAYS, '"'),
        (DAYS, "'"),
        (ENCODED, " &f%5Bverify.account%5D=AC1"),
        (ENCODED, " to 2026-01-01"),
        (ENCODED, " days"),
        (ENCODED, ">5"),
        (f"{EXPLORE}&f[verify.messages]=", ">5&f[verify.account]=AC1"),
        (f"{EXPLORE}&f[verify.mode]=", '"basic"&f[verify.account]=AC1'),
        (f"{EXPLORE}&f[verify.mode]=", "`basic`&f[verify.account]=AC1"),
        (f"{EXPLORE}&f[verify.mode]=", " basic"),
        (f"{EXPLORE}&f[verify.company]=Acme", " Inc."),
        (f"{EXPLORE}&sorts=verify.day", " desc&limit=5"),
        (f"{EXPLORE}&lim", "\nit=5"),
        (QUERY, " &f[verify.account]=AC1"),
        (QUERY, "\u200b,vis&f[verify.account]=AC1"),
    ],
)
def test_a_link_that_may_go_on_is_unusable(
    place: Callable[[str, str, str], Mapping[str, object]], url: str, after: str
) -> None:
    """Whatever cut it, and wherever it stands."""
    assert "may have lost its end" in the_link(place("Credit please: ", url, after)).unusable


@everywhere(
    ("url", "before", "after"),
    [
        *((url, "", after) for url in (LOOK, QUERY) for after in (
            "", " please", ", thanks", ".", "!", "?", "\nThanks!", "\n2. and more", " (December)", " - for Acme",
            " for $500", " = December", " & thanks", "\u200b", " \u200b", "\u2026", "\u3002",
        )),
        *((url, '"', '" please') for url in (LOOK, QUERY, DAYS, ENCODED)),
        *((url, "(", ").") for url in (LOOK, QUERY, DAYS, ENCODED)),
        *((url, "(see ", ") thanks") for url in (LOOK, QUERY, ENCODED)),
        *((url, "", after) for url in (DAYS, ENCODED) for after in (
            "", " please", " thanks!", "\n", "\nThanks!", "\nplease, for Acme", "\u200b",
        )),
        (ENCODED, "", " and then some words"),
        (ENCODED, "", " (December)"),
        (f"{DAYS}&limit=500", "", " is for Acme."),
        (f"{DAYS}&origin=share-expanded", "", ", the December of Acme"),
    ],
)  # fmt: skip
def test_a_whole_link_with_plain_prose_behind_it_is_usable(
    place: Callable[[str, str, str], Mapping[str, object]], url: str, before: str, after: str
) -> None:
    """People write sentences around their links."""
    link = the_link(place(f"Credit please: {before}", url, after))
    assert "" == link.unusable
    assert url == link.url


@everywhere(
    ("url", "after"),
    [
        (f"{EXPLORE}&f[verify.company]=Acme", "#1"),
        (f"{EXPLORE}&f[verify.company]=Acme", "%201#&f[verify.account]=AC1"),
        (LOOK, "?toggle=fil#1&f[verify.account]=AC1"),
        (LOOK, "#f[verify.account]=AC1"),
        (QUERY, "#1&limit=5"),
    ],
)
def test_a_raw_hash_in_an_address_makes_it_unusable(
    place: Callable[[str, str, str], Mapping[str, object]], url: str, after: str
) -> None:
    """A browser takes what follows the "#" for the fragment, so it loses the filters there as well."""
    assert "may have lost its end" in the_link(place("Credit please: ", url + after, "")).unusable


@everywhere(("url",), [(url,) for url in (f"{LOOK}#x", f"{LOOK}?toggle=fil#", f"{QUERY}#drillmenu")])
def test_a_fragment_that_holds_no_parameter_is_left_alone(
    place: Callable[[str, str, str], Mapping[str, object]], url: str
) -> None:
    assert "" == the_link(place("Credit please: ", url, "")).unusable


def test_a_link_with_a_label_was_set_by_hand_and_is_whole() -> None:
    """Text after the label is not text after the address."""
    assert "" == the_link({"text": f"<{LOOK}|the Look>1"}).unusable


def test_another_address_as_a_label_is_not_the_end_of_the_first() -> None:
    """Not even with a filter in it."""
    assert "" == the_link({"text": f"<{LOOK}|{ACME}/looks/4?f[verify.mode]=a>"}).unusable


@pytest.mark.parametrize(
    ("url", "label"),
    [
        (LOOK, "acme.looker.com/looks/3"),
        (LOOK, "acme.looker.com/looks/3/"),
        (f"{LOOK}/", "acme.looker.com/looks/3"),
        (f"{LOOK}/", f"{LOOK}/"),
    ],
)
def test_a_label_that_is_the_address_hides_nothing(url: str, label: str) -> None:
    """Slack shows an address without its scheme where somebody typed it so."""
    assert "may have lost its end" in the_link({"text": f"<{url}|{label}>1"}).unusable


def test_a_raw_bar_in_an_address_makes_it_unusable() -> None:
    """Slack takes what follows for the label."""
    assert (
        "may have lost its end"
        in the_link({"text": f"<{escaped(EXPLORE)}&amp;f[verify.mode]=a|b&amp;f[verify.account]=AC1>"}).unusable
    )


def test_a_possessive_behind_a_link_is_prose() -> None:
    """Nobody writes an address that continues with an apostrophe and an s."""
    assert "" == the_link({"text": f"<{LOOK}>'s total"}).unusable


def test_several_links_in_a_row_are_whole() -> None:
    """Also without white space between them."""
    text = f"<{LOOK}>,<{ACME}/looks/4>\n1. <{ACME}/looks/5>\n2. <{ACME}/looks/6> :tada:<@U1><{ACME}/looks/7>:tada:"
    assert ["", "", "", "", ""] == [link.unusable for link in looker_links({"text": text}, HOST)]


def test_an_element_that_is_neither_text_nor_link_ends_an_address() -> None:
    """Such as an emoji or a person."""
    link = {"type": "link", "url": LOOK}
    assert "" == the_link(section(link, {"type": "emoji", "name": "one"}, {"type": "user", "user_id": "U1"})).unusable


parts = st.sampled_from(
    [
        "1",
        "2026-01-01",
        "&f[verify.account]=AC1",
        "to",
        " ",
        "\n",
        "\u200b",
        ">",
        '"',
        "`",
        "=",
        "Inc",
        ".",
        "%",
        "please",
    ]
)


@given(st.sampled_from([LOOK, DAYS, ENCODED, QUERY]), st.lists(parts, max_size=6).map("".join), st.sampled_from(PLACES))
def test_no_link_loses_a_filter_that_stands_behind_it(
    url: str, after: str, place: Callable[[str, str, str], Mapping[str, object]]
) -> None:
    """Either its account stays among its filters, or the link is unusable."""
    for link in looker_links(place("", url, after), HOST):
        kept = link.filters.get("verify.account", "")
        assert link.unusable or kept or "verify.account" not in after
