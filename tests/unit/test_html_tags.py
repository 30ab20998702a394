"""HTML from a notebook is cut into tags and texts, in linear time, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.text.html_tags import BrokenTag, Tag, html_parts
from tests.support.linear_time import assert_linear


def test_tags_and_texts_come_in_their_order() -> None:
    parts = list(html_parts("a&amp;b<TD colspan=2>1 < 2</td ><br/>"))
    assert ["a&b", Tag("td", False, " colspan=2"), "1 < 2", Tag("td", True, " "), Tag("br", False, "/")] == parts


def test_comments_and_declarations_are_left_out() -> None:
    assert ["a", "b", "c"] == list(html_parts("a<!-- <td> -->b<!DOCTYPE html><?x?>c"))


@pytest.mark.parametrize("element", ["script", "style", "textarea", "title"])
def test_nothing_is_a_tag_in_an_element_of_raw_text(element: str) -> None:
    parts = list(html_parts(f"<{element}>if (a <b> c)</{element.upper()}>"))
    assert [Tag(element), "if (a <b> c)", Tag(element, closing=True)] == parts


def test_an_element_of_raw_text_may_be_empty_or_never_end() -> None:
    assert [Tag("title"), Tag("title", closing=True)] == list(html_parts("<title></title>"))
    assert [Tag("title"), "a <b>"] == list(html_parts("<title>a <b>"))


@pytest.mark.parametrize("text", ["<td ", "a <td", "<![ ", "</", '<td title="<b', "<!-- never ends"])
def test_what_begins_like_a_tag_and_does_not_end_is_broken(text: str) -> None:
    assert BrokenTag() in list(html_parts(text))


@pytest.mark.parametrize("text", ["1 < 2", "a <3", "<", "<<", "a > b"])
def test_a_sign_that_begins_no_tag_is_text(text: str) -> None:
    assert [text] == list(html_parts(text))


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("", {}),
        (" hidden", {"hidden": ""}),
        (" STYLE='a: &quot;b&quot;' colspan=2", {"style": 'a: "b"', "colspan": "2"}),
        (' style = "x>y" style="z"', {"style": "x>y"}),
    ],
)
def test_attributes_are_read_as_browsers_do(text: str, attributes: dict[str, str]) -> None:
    """The first of several counts."""
    assert attributes == Tag("td", False, text).attributes


HOSTILE = ("<a ", "<!-- ", "</a ", "<script>", "&a", '<a "', "<a x=\"' >", '<a x="<', "<!-- >", "<? ", "<a x='")


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_html_takes_time_linear_in_its_size(piece: str) -> None:
    """html.parser takes minutes for some of these."""
    assert_linear(lambda size: list(html_parts(piece * (size // len(piece)))), 40_000)


def test_declarations_that_html_parser_fails_at_are_left_out() -> None:
    assert [] == list(html_parts("<![ >" * 100_000))


@given(st.text(alphabet="<>/!-=\"' abtd&;"))
def test_no_text_gets_lost_and_none_fails(text: str) -> None:
    """What stands outside of anything like a tag is there."""
    outside = text.replace("<", "").replace("&", "")
    assert [outside] * bool(outside) == list(html_parts(outside))
    assert all(isinstance(part, str | Tag | BrokenTag) for part in html_parts(text))
