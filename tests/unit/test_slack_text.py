"""Where the URLs of a Slack message are found, and where not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.intake.message_urls import content_of, urls_in, urls_with_doubts, without_trailing
from tests.support.linear_time import assert_linear

LOOK = "https://acme.looker.com/looks/42"
PARAMS = "https://acme.looker.com/explore/m/v?fields=a.b&f[a.b]=%25update%25"


def rich_text(*elements: object, kind: str = "rich_text_section") -> dict[str, object]:
    """A rich text block as Slack's own composer makes it."""
    return {"type": "rich_text", "block_id": "b1", "elements": [{"type": kind, "elements": list(elements)}]}


def text(value: str) -> dict[str, object]:
    """A rich text element of plain text, not escaped."""
    return {"type": "text", "text": value}


@pytest.mark.parametrize(
    ("escaped", "expected"),
    [
        (f"<{LOOK}>", [LOOK]),
        (f"<{LOOK}|the Look>", [LOOK]),
        (f"<{LOOK}|https://acme.looker.com/looks/9>", [LOOK]),
        (f"<{LOOK}|$4,948.80>", [LOOK]),
        ("<https://a.b/?x=1&amp;y=&lt;2&gt;>", ["https://a.b/?x=1&y=<2>"]),
        ("<https://a.b/?x=&amp;lt;&amp;amp;>", ["https://a.b/?x=&lt;&amp;"]),
        (f"({LOOK}).", [LOOK]),
        (f"<@U012AB3CD> <#C01|general> <!here> <!subteam^S01|@cx> <mailto:a@b.c|a@b.c> <tel:1|2> see <{LOOK}>", [LOOK]),
        ("<@U1|https://no.no> <mailto:a@b.c?body=https://no.no|https://no.no> <!date^1^{date}|https://no.no>", []),
        (f"<{LOOK}> <{LOOK}|again> <https://a.b>", [LOOK, "https://a.b"]),
        ("```https://a.b/?x=1&amp;y=2```", ["https://a.b/?x=1&y=2"]),
        (f"`{LOOK}`", [LOOK]),
        (f"&lt;{LOOK}|label&gt;", [LOOK]),
        (f'<a href="{LOOK}">https</a>', [LOOK]),
        (f"1 < 2 {LOOK} 4 > 3", [LOOK]),
        (f"<{LOOK}", [LOOK]),
        ("HTTPS://A.B/x", ["HTTPS://A.B/x"]),
        ("< https://a.b >", ["https://a.b"]),
        ("https:// http <http> see http", []),
        ("", []),
    ],
)
def test_the_text_of_a_message_is_unescaped_once(escaped: str, expected: list[str]) -> None:
    """Labels and other references in angle brackets never count; bare URLs in code do."""
    assert expected == urls_in({"text": escaped})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "."),
        ("", ", and"),
        ("", "; "),
        ("(", ")"),
        ("(see ", ")."),
        ("[", "]"),
        ("{", "}"),
        ("'", "'"),
        ('"', '",'),
        ("\u201c", "\u201d"),
        ("\u00ab", "\u00bb"),
        ("", "\u2026"),
        ("", "..."),
        ("", "?!"),
        ("", "\u2014"),
        ("*", "*"),
        ("**", "**."),
        ("_", "_,"),
        ("~", "~"),
        ("`", "`"),
        ("<", ">"),
        ("<", "|a label>"),
        ("[the Look](", ")"),
        ("[https://a.b/](", ")."),
        ("\uff08", "\uff09\u3002"),
        ("", "\u200b"),
        ("", "\ufeff."),
        ("\t", "\u00a0x"),
        ("", "\x00"),
        ("| ", " |"),
        ("|", "|"),
        ("", "\nhttp"),
    ],
)
def test_punctuation_around_a_bare_url_is_not_part_of_it(before: str, after: str) -> None:
    """Nor are brackets not opened inside, quotes, emphasis, Markdown and invisible characters."""
    for url in (LOOK, PARAMS, "https://a.b/w_(x)", "https://a.b/?q=it's_o'clock", "https://a.b/?f[a.b]"):
        assert [url] == urls_in({"blocks": [rich_text(text(f"{before}{url}{after}"), kind="rich_text_preformatted")]})


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("https://a.b/1,https://a.b/2;https://a.b/3", ["https://a.b/1", "https://a.b/2", "https://a.b/3"]),
        ("https://a.b/?u=1,https://c.d/", ["https://a.b/?u=1,https://c.d/"]),
        ("https://a.b/https://c.d/", ["https://a.b/https://c.d/"]),
        ("https://a.b/?x=a&amp;y=1", ["https://a.b/?x=a&amp;y=1"]),
        ("_https://a.b/snake_ ", ["https://a.b/snake"]),
        ("https://a.b/snake_ ", ["https://a.b/snake_"]),
    ],
)
def test_a_bare_url_ends_where_the_next_one_in_a_list_begins(typed: str, expected: list[str]) -> None:
    """In a query, a URL is part of it. Nothing is decoded."""
    assert expected == urls_in({"blocks": [rich_text(text(typed))]})


def test_a_trailing_bracket_stays_if_it_was_opened_in_the_url() -> None:
    """Only surplus brackets are cut off, in whatever mixture."""
    assert "https://a.b/(c)" == without_trailing("https://a.b/(c)).")
    assert "https://a.b/[c](d)" == without_trailing("https://a.b/[c](d)])},")
    assert "https://a.b/" == without_trailing("https://a.b/)))'")
    assert "" == without_trailing("...")


def link(url: str, label: str | None = None) -> dict[str, object]:
    """A rich text link element; its `url` is not escaped."""
    return {"type": "link", "url": url, **({"text": label} if label else {})}


SECTION = {
    "type": "section",
    "text": {"type": "mrkdwn", "text": "<https://a.b/1?x=1&amp;y|https://no.no> and"},
    "fields": [{"type": "mrkdwn", "text": "<https://a.b/2>"}, {"type": "plain_text", "text": "https://a.b/3?x&amp;y"}],
    "accessory": {
        "type": "button",
        "url": "https://a.b/4",
        "text": {"type": "plain_text", "text": "https://no.no"},
        "value": "https://no.no",
    },
}
TABLE = {
    "type": "table",
    "column_settings": [{"is_wrapped": True}, None],
    "rows": [
        [{"type": "raw_text", "text": "month"}, {"type": "raw_text", "text": "https://a.b/1?x=1&y=2"}],
        [rich_text(link("https://a.b/2", "https://no.no")), rich_text(text("https://a.b/3"))],
    ],
}
LISTS = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [
                {"type": "rich_text_section", "elements": [link("https://a.b/1?x=1&y=2"), text(" & ")]},
                {"type": "rich_text_section", "elements": [link("https://a.b/2&amp;", "https://no.no")]},
            ],
        },
        {"type": "rich_text_quote", "elements": [{"type": "user", "user_id": "U1"}, link("https://a.b/3")]},
        {"type": "rich_text_preformatted", "elements": [text("see https://a.b/4.\nhttps://a.b/5")], "border": 0},
        {"type": "rich_text_section", "elements": [link("mailto:a@b.c"), {"type": "emoji", "name": "tada"}]},
    ],
}
OTHERS = [
    {"type": "header", "text": {"type": "plain_text", "text": "https://a.b/1"}},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "<https://a.b/2>"}]},
    {"type": "image", "image_url": "https://no.no/i.png", "alt_text": "https://no.no", "title_url": "https://no.no"},
    {
        "type": "actions",
        "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x"}, "url": "https://a.b/3"}],
    },
    {"type": "markdown", "text": "**new** [https://no.no/](https://a.b/4), [x](https://a.b/5) <https://a.b/6>"},
    {"type": "of_next_year", "content": [{"cards": {"text": "https://a.b/7"}}]},
]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([SECTION], ["https://a.b/1?x=1&y", "https://a.b/2", "https://a.b/3?x&y", "https://a.b/4"]),
        ([TABLE], ["https://a.b/1?x=1&y=2", "https://a.b/2", "https://a.b/3"]),
        (
            [LISTS],
            ["https://a.b/1?x=1&y=2", "https://a.b/2&amp;", "https://a.b/3", "https://a.b/4", "https://a.b/5"],
        ),
        (OTHERS, [f"https://a.b/{number}" for number in range(1, 8)]),
        ([rich_text({"type": "date", "timestamp": 1, "url": "https://a.b/1"})], ["https://a.b/1"]),
        ([{"type": "new", "element": text("https://a.b/1?x&amp;y")}], ["https://a.b/1?x&amp;y"]),
    ],
)
def test_every_kind_of_block_is_read(blocks: list[object], expected: list[str]) -> None:
    """Sections, tables, lists, quotes, code, buttons and unknown blocks; never labels, values or pictures."""
    assert expected == urls_in({"text": "", "blocks": blocks})


UNFURL = {
    "from_url": "https://acme.looker.com/looks/42/",
    "original_url": LOOK,
    "title_link": "https://acme.looker.com/looks/42/",
    "title": "Look 42",
    "text": "see <https://acme.looker.com/looks/7>",
    "fallback": "https://acme.looker.com/looks/8",
    "service_name": "Looker",
    "id": 1,
}
APP_UNFURL = {
    "from_url": LOOK,
    "is_app_unfurl": True,
    "app_unfurl_url": LOOK,
    "bot_id": "B1",
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "<https://acme.looker.com/looks/7>"}}],
}
PASTED_TABLE = {"id": 1, "fallback": "[no preview available]", "blocks": [TABLE]}
FORWARDED = {
    "is_msg_unfurl": True,
    "is_share": True,
    "channel_id": "C2",
    "ts": "1736345678.123456",
    "from_url": "https://acme.slack.com/archives/C2/p1736345678123456",
    "original_url": "https://acme.slack.com/archives/C2/p1736345678123456",
    "author_link": "https://acme.slack.com/team/U1",
    "fallback": "[January 8th] someone: https://acme.looker.com/looks/8",
    "text": f"<{LOOK}|label>",
    "message_blocks": [
        {
            "team": "T1",
            "channel": "C2",
            "ts": "1736345678.123456",
            "message": {"blocks": [rich_text(link(LOOK), link("https://a.b/2"))], "attachments": [UNFURL]},
        }
    ],
    "footer": "Posted in <#C2>",
    "id": 1,
}


@pytest.mark.parametrize(
    ("attachments", "expected"),
    [
        ([UNFURL], []),
        ([APP_UNFURL], []),
        ([FORWARDED], [LOOK, "https://a.b/2"]),
        ([UNFURL, FORWARDED], [LOOK, "https://a.b/2"]),
        ([{"is_share": True, "text": f"<{LOOK}>"}], [LOOK]),
        ([{"is_msg_unfurl": True, "text": f"<{LOOK}>", "message_blocks": []}], []),
        ([FORWARDED | {"is_share": False}], []),
        ([{key: value for key, value in FORWARDED.items() if key != "is_share"}], []),
        ([{"is_share": True, "attachments": [FORWARDED | {"is_share": None}]}], []),
        ([{"from_url": "https://acme.slack.com/archives/C2/p1", "message_blocks": [rich_text(link(LOOK))]}], []),
        ([{"is_share": "true", "text": f"<{LOOK}>"}], []),
        ([{"is_share": True, "attachments": [FORWARDED, UNFURL]}], [LOOK, "https://a.b/2"]),
        ([{"message_blocks": [rich_text(link(LOOK))]}], [LOOK]),
        ([{"is_share": True, "from_url": "https://no.no", "blocks": [rich_text(link(LOOK))]}], [LOOK]),
        ([PASTED_TABLE, UNFURL], ["https://a.b/1?x=1&y=2", "https://a.b/2", "https://a.b/3"]),
        ([PASTED_TABLE | {"from_url": "https://a.b"}], []),
        ([PASTED_TABLE | {"original_url": "https://a.b"}], []),
        ([PASTED_TABLE | {"title_link": "https://a.b"}], []),
        ([PASTED_TABLE | {"is_app_unfurl": True}], []),
        ([PASTED_TABLE | {"app_unfurl_url": "https://a.b"}], []),
        ([{"text": f"<{LOOK}>", "color": "#36a64f"}], []),
    ],
)
def test_only_forwarded_messages_and_tables_count_of_attachments(
    attachments: list[object], expected: list[str]
) -> None:
    """An unfurl repeats a link, or shows what a page says; a forwarded message is read like any other.

    A table that a person pastes comes as an attachment of blocks with nothing that marks an unfurl.
    """
    assert expected == urls_in({"text": None, "blocks": None, "attachments": attachments})


APP_CONTENT = {
    "text": "<https://a.b/1>",
    "attachments": [
        {
            "pretext": "<https://a.b/2>",
            "title": "https://no.no",
            "title_link": "https://a.b/3",
            "text": "see <https://a.b/4?x=1&amp;y=2|the Look>",
            "fields": [{"title": "Look", "value": "https://a.b/5", "short": True}, {"title": "x"}, 7],
            "fallback": "https://no.no",
            "footer": "https://no.no",
            "color": "#36a64f",
        },
        {"blocks": [rich_text(link("https://a.b/6"))]},
        {"text": 7, "fields": "https://no.no"},
        FORWARDED | {"text": "<https://a.b/7>", "message_blocks": []},
        FORWARDED | {"is_share": False, "text": "<https://no.no>", "message_blocks": []},
        UNFURL,
        APP_UNFURL,
    ],
}


def test_attachments_are_read_where_an_app_wrote_the_message() -> None:
    """Texts, titles and fields of older apps; never unfurls, quoted messages, pictures or fallbacks."""
    expected = [f"https://a.b/{number}" for number in (1, 2, 3, "4?x=1&y=2", 5, 6, 7)]
    assert expected == list(urls_with_doubts(APP_CONTENT, from_app=True))
    assert ["https://a.b/1", "https://a.b/6", "https://a.b/7"] == urls_in(APP_CONTENT)


def test_a_url_in_text_and_in_blocks_is_one_url() -> None:
    """Slack escapes it in `text` and does not in rich text."""
    content = {"text": "<https://a.b/?x=1&amp;y=2|z>", "blocks": [rich_text(link("https://a.b/?x=1&y=2", "z"))]}
    assert ["https://a.b/?x=1&y=2"] == urls_in(content)


def test_with_a_mention_only_texts_that_contain_it_are_searched() -> None:
    """In upper or lower case."""
    content = {"text": "<https://a.b/> <https://ACME.looker.com/>", "blocks": [rich_text(link("https://c.d"))]}
    assert ["https://a.b/", "https://ACME.looker.com/"] == urls_in(content, mention="acme.looker.com")


MESSAGE = {
    "type": "message",
    "user": "U1",
    "text": f"<{LOOK}> <https://a.b/\u00fc>",  # as JSON it reads otherwise than as plain text
    "ts": "1736345678.123456",
    "root": {"text": "<https://no.no>"},
    "metadata": {"event_payload": {"url": "https://no.no"}},
}
FOUND = [LOOK, "https://a.b/\u00fc"]


@pytest.mark.parametrize(
    ("text_in", "expected"),
    [
        (json.dumps(MESSAGE), FOUND),
        (json.dumps(MESSAGE, indent=2) + "\n", FOUND),
        (json.dumps({"ok": True, "message": MESSAGE}), FOUND),
        (json.dumps({"ok": True, "messages": [MESSAGE, MESSAGE | {"text": "<https://a.b>"}]}), [*FOUND, "https://a.b"]),
        (json.dumps([MESSAGE]), FOUND),
        (json.dumps({"type": "event_callback", "event": MESSAGE}), FOUND),
        (json.dumps({"event": {"subtype": "message_changed", "message": MESSAGE, "text": "<https://no.no>"}}), FOUND),
        (json.dumps({"blocks": [SECTION["accessory"]]}), ["https://a.b/4"]),
        (json.dumps({"attachments": [{"is_share": True, "text": MESSAGE["text"]}]}), FOUND),
        (json.dumps(MESSAGE["text"]), FOUND),
        (json.dumps({"url": LOOK}), [LOOK]),
        ("[1, 2", []),
        (f"[the Look]({LOOK})", [LOOK]),
        (f'{{"text": "<{LOOK}>"', [LOOK]),
        (f"please credit {LOOK}, thanks", [LOOK]),
        ("12", []),
        ("", []),
        ("[" * 100_000, []),
        ("{" + '"a":' * 5, []),
    ],
)
def test_a_message_is_read_from_json_or_from_plain_text(text_in: str, expected: list[str]) -> None:
    """A message, an answer of the API, an event, a JSON string; any other text is what a person wrote."""
    assert expected == urls_in(content_of(text_in))


def test_white_space_before_a_message_as_json_is_skipped() -> None:
    r"""JSON may write a slash as \/, which plain text does not."""
    assert [LOOK] == urls_in(content_of("\n " + json.dumps({"text": LOOK}).replace("/", r"\/")))


def test_the_address_of_a_button_is_taken_whole() -> None:
    """No sentence stands around the address, so its last full stop belongs to it."""
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": f"{LOOK}."}
    assert [f"{LOOK}."] == urls_in({"blocks": [{"type": "actions", "elements": [button]}]})


def nested(depth: int) -> object:
    """A link under `depth` levels of blocks."""
    block: object = rich_text(link(LOOK))
    for _ in range(depth):
        block = {"type": "section", "elements": [block]}
    return [block]


def test_a_message_may_be_nested_deeper_than_pythons_stack() -> None:
    """A message nested far deeper than Python's stack is read like any other."""
    assert [LOOK] == urls_in({"blocks": nested(20_000)})


@pytest.mark.parametrize(
    "unit",
    [
        "<http",
        "&amp;",
        "<",
        ">",
        "<https://",
        "http://,",
        "https://a.b/?",
        ")",
        "](",
        "[](http://",
        "|",
        "*",
        "f[",
        "'",
        "\u200b",
    ],
)
@pytest.mark.parametrize("prefix", ["", "https://acme.looker.com/looks/1"])
@pytest.mark.slow
def test_hostile_text_takes_time_linear_in_its_size(prefix: str, unit: str) -> None:

    def read(size: int) -> None:
        hostile = prefix + unit * (size // len(unit))
        urls_in({"text": hostile, "blocks": [rich_text(text(hostile), link("https://" + hostile))]})

    assert_linear(read, 40_000)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from([LOOK, f"<{LOOK}|x>"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "text",
                    "blocks",
                    "attachments",
                    "elements",
                    "url",
                    "type",
                    "message_blocks",
                    "message",
                    "is_share",
                    "rows",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=40,
)


@given(st.dictionaries(st.sampled_from(["text", "blocks", "attachments", "x"]), json_values))
def test_any_json_can_be_read_as_a_message(content: dict[str, object]) -> None:
    """Every URL found is one, and is found once."""
    urls = urls_in(content)
    assert len(set(urls)) == len(urls)
    assert all(url.lower().startswith(("http://", "https://")) for url in urls)


@given(st.text() | json_values.map(json.dumps))
def test_any_text_can_be_given_to_the_command(text_in: str) -> None:
    """A link typed after it is found."""
    assert LOOK in urls_in(content_of(f"{text_in}\n{LOOK}")) or text_in.lstrip()[:1] in ("{", "[", '"')
    urls_in(content_of(text_in))
