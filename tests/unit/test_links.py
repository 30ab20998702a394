"""What a Looker address means, and which links a Slack message holds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.intake.looker_host import LookerHost
from creditbot.intake.looker_links import looker_links, read_link, to_json
from creditbot.model import LookerLink

if TYPE_CHECKING:
    from collections.abc import Callable

ACME = "https://acme.looker.com"
HOST = LookerHost("acme.looker.com", 19999)
SLUG = "aogBgL6o3cKK1jN3RoZl5s"


def read(url: str) -> LookerLink:
    """Reads an address on our Looker as a link."""
    link = read_link(url, HOST)
    assert link is not None
    return link


def parts(link: LookerLink) -> dict[str, object]:
    """What a link means, without its spelling and without prose."""
    return {name: part for name, part in to_json(link).items() if name not in ("url", "unusable")}


FULL = (
    "/explore/m/v?fields=a.b,c.d&f[a.b]=%25update%25&f%5Bc.d%5D=&f[e.f]=7+days,%222025-01-01%22"
    "&sorts=a.b+desc+0,c.d&limit=500&column_limit=50&pivots=c.d&query_timezone=America%2FLos_Angeles"
    "&dynamic_fields=%5B%7B%22measure%22%3A%22n%22%7D%5D&filter_expression=%24%7Ba.b%7D+%3E+1"
    "&vis=%7B%7D&filter_config=%7B%22a.b%22%3A%5B%5D%7D&origin=share-expanded"
)
USABLE: list[tuple[str, dict[str, Any]]] = [
    ("/looks/42", {"kind": "look", "id": "42"}),
    ("/looks/42/", {"kind": "look", "id": "42"}),
    ("/looks/42?toggle=det#x", {"kind": "look", "id": "42"}),
    ("/looks/42.json", {"kind": "look", "id": "42"}),
    ("/looks/42/edit", {"kind": "look", "id": "42"}),
    ("/looks/%34%32", {"kind": "look", "id": "42"}),
    (f"/looks/42?qid={SLUG}&f[a.b]=x", {"kind": "look", "id": "42", "slug": SLUG, "filters": {"a.b": "x"}}),
    (f"/explore/m/v?qid={SLUG}", {"kind": "explore_qid", "model": "m", "view": "v", "slug": SLUG}),
    (
        f"/explore/my-model/my-view?toggle=fil,vis&qid={SLUG}&origin_space=7",
        {"kind": "explore_qid", "model": "my-model", "view": "my-view", "slug": SLUG},
    ),
    (f"/explore/m/v?qid={SLUG}&qid={SLUG}", {"kind": "explore_qid", "model": "m", "view": "v", "slug": SLUG}),
    (f"/explore/m/v?qid={SLUG}&amp;toggle=fil", {"kind": "explore_qid", "model": "m", "view": "v", "slug": SLUG}),
    (
        f"/explore/sql__nh2vdrrvvmrgjz/sql_runner_query?qid={SLUG}",
        {"kind": "explore_qid", "model": "sql__nh2vdrrvvmrgjz", "view": "sql_runner_query", "slug": SLUG},
    ),
    (
        FULL,
        {
            "kind": "explore_params",
            "model": "m",
            "view": "v",
            "fields": ["a.b", "c.d"],
            "pivots": ["c.d"],
            "sorts": ["a.b desc 0", "c.d"],
            "filters": {"a.b": "%update%", "c.d": "", "e.f": '7 days,"2025-01-01"'},
            "filter_expression": "${a.b} > 1",
            "limit": "500",
            "column_limit": "50",
            "dynamic_fields": '[{"measure":"n"}]',
            "query_timezone": "America/Los_Angeles",
        },
    ),
    (
        "/explore/m/v?fields=a.b&f[a.b]=%2525&f[c]=a^_b&f[d]=Z%C3%BCrich%2B&f[e]&f[g]=100%",
        {
            "kind": "explore_params",
            "model": "m",
            "view": "v",
            "fields": ["a.b"],
            "filters": {"a.b": "%25", "c": "a^_b", "d": "Z\u00fcrich+", "e": "", "g": "100%"},
        },
    ),
    (
        "/explore/m/v?qid=&fields=a.b,,+c.d+&limit=&f[a]=x.",
        {"kind": "explore_params", "model": "m", "view": "v", "fields": ["a.b", "c.d"], "filters": {"a": "x."}},
    ),
    ("/embed/looks/42", {"kind": "look", "id": "42"}),
    ("/embed/looks/42?f[a.b]=x&theme=dark", {"kind": "look", "id": "42", "filters": {"a.b": "x"}}),
    (f"/embed/explore/m/v?qid={SLUG}", {"kind": "explore_qid", "model": "m", "view": "v", "slug": SLUG}),
    (
        "/embed/query/m/v?fields=a.b&f[a.b]=1",
        {"kind": "explore_params", "model": "m", "view": "v", "fields": ["a.b"], "filters": {"a.b": "1"}},
    ),
    ("/x/vwGSbfc", {"kind": "short", "slug": "vwGSbfc"}),
    (f"/x/{SLUG}?toggle=fil", {"kind": "short", "slug": SLUG}),
    (f"/x/{SLUG}?f[a.b]=1", {"kind": "short", "slug": SLUG, "filters": {"a.b": "1"}}),
    ("/sql/z3zhf9crpbxqcw?toggle=sql", {"kind": "sql_runner", "slug": "z3zhf9crpbxqcw"}),
]

UNUSABLE: list[tuple[str, dict[str, Any], str]] = [
    ("/dashboards/7?Month=June", {"kind": "dashboard", "id": "7"}, "dashboard"),
    ("/dashboards-next/7", {"kind": "dashboard", "id": "7"}, "tile's Explore"),
    ("/dashboards/model::name/edit", {"kind": "dashboard", "id": "model::name"}, "dashboard"),
    ("/embed/dashboards/7", {"kind": "dashboard", "id": "7"}, "dashboard"),
    ("/merge?mid=O70qAsSQSePBKsg8R78n31&toggle=vis", {"kind": "merge", "id": "O70qAsSQSePBKsg8R78n31"}, "Merged"),
    ("/merge", {"kind": "merge"}, "Merged"),
    ("/explore/m/v", {"kind": "other", "model": "m", "view": "v"}, "names no query"),
    ("/explore/m/v?fields=", {"kind": "other", "model": "m", "view": "v"}, "names no query"),
    ("/explore/m/v?f[a]=x", {"kind": "other", "model": "m", "view": "v", "filters": {"a": "x"}}, "names no query"),
    ("/explore/m?fields=a.b", {"kind": "other"}, "one Explore"),
    ("/explore/m/v/w?fields=a.b", {"kind": "other"}, "one Explore"),
    ("/explore/m/v%3Ffields=a.b", {"kind": "other"}, "one Explore"),
    ("/explore/m%2Fn/v?fields=a.b", {"kind": "other"}, "one Explore"),
    ("/explore", {"kind": "other"}, "one Explore"),
    ("/looks", {"kind": "other"}, "one Look"),
    ("/looks/4fRMFkzW3h8sVQh.html", {"kind": "other"}, "one Look"),
    ("/looks/42a", {"kind": "other"}, "one Look"),
    ("/looks/\u0664\u0662", {"kind": "other"}, "one Look"),
    ("/looks/42,https://acme.looker.com/looks/43", {"kind": "other"}, "one Look"),
    ("/looks/42?qid=a%2Fb", {"kind": "other"}, "short name"),
    ("/explore/m/v?qid=../../users", {"kind": "other"}, "short name"),
    ("/x/vw-GSbfc", {"kind": "other"}, "short name"),
    ("/x/vw%2FGSbfc", {"kind": "other"}, "short name"),
    (f"/x/{'a' * 65}", {"kind": "other"}, "short name"),
    ("/sql/z3zhf9%20crpbxqcw", {"kind": "other"}, "short name"),
    (
        "/explore/m/v?fields=a&amp;f[a]=1",
        {"kind": "explore_params", "model": "m", "view": "v", "fields": ["a"]},
        "&amp;",
    ),
    (f"/explore/m/v?toggle=fil&amp;amp;qid={SLUG}", {"kind": "other", "model": "m", "view": "v"}, "&amp;"),
    (
        "/explore/m/v?fields=a&f[a]=1&f[a]=2&amp;limit=5&f[]=3",
        {"kind": "explore_params", "model": "m", "view": "v", "fields": ["a"], "filters": {"a": "1"}},
        "f[a] twice",
    ),
    (
        "/explore/m/v?qid=abc&qid=abd",
        {"kind": "explore_qid", "model": "m", "view": "v", "slug": "abc"},
        "qid twice",
    ),
    ("/explore/m/v?fields=a&f[]=1", {"kind": "explore_params", "model": "m", "view": "v", "fields": ["a"]}, "f[]"),
    (
        "/explore/m/v?fields=a&f[b][c]=1",
        {"kind": "explore_params", "model": "m", "view": "v", "fields": ["a"]},
        "f[b][c]",
    ),
    (
        "/explore/m/v?fields=a&f[a]=Z%FCrich",
        {"kind": "explore_params", "model": "m", "view": "v", "fields": ["a"], "filters": {"a": "Z\ufffdrich"}},
        "UTF-8",
    ),
    ("/looks/42#\ufffd", {"kind": "look", "id": "42"}, "UTF-8"),
    ("/looks/42/../43", {"kind": "other"}, "This page"),
    ("/looks/%2E%2E/43", {"kind": "other"}, "This page"),
    ("", {"kind": "other"}, "This page"),
    ("/", {"kind": "other"}, "This page"),
    ("?qid=abc", {"kind": "other"}, "This page"),
    ("/x", {"kind": "other"}, "This page"),
    ("/x/abc/def", {"kind": "other"}, "This page"),
    ("/sql/abc/def", {"kind": "other"}, "This page"),
    ("/sql", {"kind": "other"}, "This page"),
    ("/dashboards", {"kind": "other"}, "This page"),
    ("/embed", {"kind": "other"}, "This page"),
    ("/embed/query-visualization/abc", {"kind": "other"}, "This page"),
    ("/embed/looks", {"kind": "other"}, "one Look"),
    ("/embed/explore/m/v", {"kind": "other", "model": "m", "view": "v"}, "names no query"),
    ("/embed/x/abc", {"kind": "other"}, "This page"),
    ("/login/embed/%2Fembed%2Flooks%2F42?nonce=1", {"kind": "other"}, "This page"),
    ("/looks/42?fields=a.b", {"kind": "look", "id": "42", "fields": ["a.b"]}, "changes the Look (fields)"),
    (
        "/looks/42?filter_expression=%24%7Ba.b%7D&f[a.b]=x",
        {"kind": "look", "id": "42", "filters": {"a.b": "x"}, "filter_expression": "${a.b}"},
        "changes the Look (filter_expression)",
    ),
    ("/looks/42?limit=10", {"kind": "look", "id": "42", "limit": "10"}, "changes the Look (limit)"),
    (
        "/looks/42?pivots=a.b&sorts=a.c",
        {"kind": "look", "id": "42", "pivots": ["a.b"], "sorts": ["a.c"]},
        "pivots, sorts",
    ),
    ("/looks/42?dynamic_fields=[]", {"kind": "look", "id": "42", "dynamic_fields": "[]"}, "dynamic_fields"),
    ("/looks/42?query_timezone=UTC", {"kind": "look", "id": "42", "query_timezone": "UTC"}, "query_timezone"),
    ("/embed/looks/42?fields=a.b", {"kind": "look", "id": "42", "fields": ["a.b"]}, "changes the Look (fields)"),
    ("/lo\toks/42", {"kind": "other"}, "invisible"),
    ("/looks/4\n2", {"kind": "other"}, "invisible"),
    ("/explore/m/v?fields=a&f[a]=AC\u202e1", {"kind": "other"}, "invisible"),
    ("/x/ab\u00adc", {"kind": "other"}, "invisible"),
    ("/Looks/42", {"kind": "other"}, "This page"),
    ("/browse", {"kind": "other"}, "This page"),
    ("/folders/7", {"kind": "other"}, "This page"),
    ("/spaces/7", {"kind": "other"}, "This page"),
    ("/boards/7", {"kind": "other"}, "This page"),
    ("/login?return_to=%2Flooks%2F42", {"kind": "other"}, "This page"),
    ("/api/4.0/looks/42", {"kind": "other"}, "This page"),
]


@pytest.mark.parametrize(("path", "expected"), USABLE)
def test_every_kind_of_link_to_a_query_is_understood(path: str, expected: dict[str, Any]) -> None:
    """Its kind and its parts, each decoded once, in any order. The URL is kept as it was typed."""
    link = read(ACME + path)
    assert expected == parts(link)
    assert "" == link.unusable
    assert ACME + path == link.url


@pytest.mark.parametrize(("path", "expected", "why"), UNUSABLE)
def test_a_link_without_one_query_says_why_it_is_unusable(path: str, expected: dict[str, Any], why: str) -> None:
    """No link to our Looker is dropped."""
    link = read(ACME + path)
    assert expected == parts(link)
    assert why in link.unusable
    assert link.unusable.endswith(".")


def test_merged_results_without_a_number_have_no_id() -> None:
    """Every part of a link that is missing is an empty text."""
    assert "" == read(f"{ACME}/merge").id


EXPLORE = "/explore/m/v?fields=a.b,a.c&f[a.b]=AC1,AC2&f[a.c]=7+days&filter_config="


def config(**fields: object) -> str:
    """A `filter_config` as it stands in an address; `_` in a name is a dot."""
    return quote(json.dumps({name.replace("_", "."): conditions for name, conditions in fields.items()}))


def condition(kind: str, *values: object) -> dict[str, object]:
    """One condition of a filter in Looker's own format."""
    return {"type": kind, "values": [*values, {}], "id": 0, "error": False}


@pytest.mark.parametrize(
    "filter_config",
    [
        "",
        "null",
        "{}",
        config(a_b=[]),
        config(a_b=[condition("=", {"constant": "AC1"}), condition("=", {"constant": "AC2"})]),
        config(a_b=[condition("=", {"constant": "AC1,AC2"})]),
        config(a_c=[condition("past", {"constant": "7", "unit": "day"})]),
        config(a_c=[condition("last", {"constant": "1", "unit": "week"})]),
        config(other_x=[condition("any", {"constant": "left over"})]),
        config(other_x=[condition("=", {"constant": ""})]),
    ],
)
def test_a_filter_config_that_repeats_the_filters_is_no_hindrance(filter_config: str) -> None:
    """Looker writes it beside them in every address of an Explore."""
    assert "" == read(ACME + EXPLORE + filter_config).unusable


def test_a_filter_config_holds_values_without_the_escapes_of_a_filter() -> None:
    """A filter expression writes `^` before a comma that belongs to a value."""
    filters = "/explore/m/v?fields=a.b&f[a.b]=%22Smith^,%20Ltd%22&filter_config="
    assert "" == read(ACME + filters + config(a_b=[condition("=", {"constant": "Smith, Ltd"})])).unusable


@pytest.mark.parametrize(
    "filter_config",
    [
        "{",
        "7",
        "[1]",
        config(a_b=1),
        config(a_b=["x"]),
        config(a_b=[condition("=", {"constant": "AC3"})]),
        config(other_x=[condition("=", {"constant": "AC1"})]),
        config(other_x=[condition("any"), condition("=", {"constant": "AC1"})]),
        config(other_x=[condition("past", {"constant": "7", "unit": "day"})]),
        config(other_x=[condition("between", {"date": "2025-12-01T00:00:00"})]),
        config(other_x=[{"type": "advanced", "values": "AC1"}]),
        "[" * 100_000,
    ],
)
@pytest.mark.parametrize("page", [EXPLORE, "/looks/42?filter_config=", f"/explore/m/v?qid={SLUG}&filter_config="])
def test_a_filter_config_that_filters_by_something_else_is_refused(page: str, filter_config: str) -> None:
    """It would be another query on Looker's page than the one that the filters give."""
    assert "filter_config" in read(ACME + page + filter_config).unusable


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.looker.com:443/looks/42",
        "https://acme.looker.com:9999/looks/42",
        "https://acme.looker.com:19999/looks/42",
        "http://acme.looker.com/looks/42",
        "HTTPS://Acme.Looker.Com./looks/42",
    ],
)
def test_a_link_to_any_port_of_our_looker_is_ours(url: str) -> None:
    """The API's port in LOOKER_BASE_URL is not the port in people's links."""
    assert {"kind": "look", "id": "42"} == parts(read(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://notacme.looker.com/looks/42",
        "https://acme.looker.com.evil.com/looks/42",
        "https://acme.looker.com@evil.com/looks/42",
        "https://me:pw@acme.looker.com/looks/42",
        "https://evil.com\\@acme.looker.com/looks/42",
        "https://acme.looker.com\\@evil.com/looks/42",
        "https://acme.looker.com:8443/looks/42",
        "https://docs.looker.com/looks/42",
        "https://lookerstudio.google.com/reporting/42?u=acme.looker.com",
        "https://evil.com/?u=https://acme.looker.com/looks/42",
        "https://acme.looker.com\\looks\\42",
        "not a link",
        "",
    ],
)
def test_a_link_to_another_host_is_not_ours(url: str) -> None:
    """Nor is one with a user, or one that a browser might read in another way."""
    assert read_link(url, HOST) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{ACME}/looks/42).", f"{ACME}/looks/42"),
        (f"{ACME}/looks/42?", f"{ACME}/looks/42"),
        (f"{ACME}/x/abc\u3002", f"{ACME}/x/abc"),
        (f"{ACME}/explore/m/v?toggle=fil&qid=abc).", f"{ACME}/explore/m/v?toggle=fil&qid=abc"),
        (f"{ACME}/explore/m/v?qid=abc&toggle=fil,", f"{ACME}/explore/m/v?qid=abc&toggle=fil"),
        (f"{ACME}/merge?mid=abc;", f"{ACME}/merge?mid=abc"),
        (f"{ACME}/explore/m/v?fields=a&f[a]=x.", f"{ACME}/explore/m/v?fields=a&f[a]=x."),
    ],
)
def test_punctuation_after_a_link_is_cut_off(url: str, expected: str) -> None:
    """Slack takes it from the sentence. At the end of a filter's value it may be meant, and stays."""
    assert expected == read(url).url


def test_a_lone_surrogate_makes_a_link_unusable() -> None:
    """JSON can hold one, but no terminal or service accepts it. A whole character stays as it is."""
    link = read(f"{ACME}/explore/m/v?fields=a&f[a]=\ud83d\ude00\ud800")
    assert {"a": "\U0001f600\ufffd"} == link.filters
    assert "UTF-8" in link.unusable


def test_a_link_as_json_has_the_parts_that_are_not_empty() -> None:
    """Its kind and URL come first. A blank filter is not empty."""
    link = replace(read(f"{ACME}/explore/m/v?fields=a,b&f[a]="), pivots=("b",))
    expected = {
        "kind": "explore_params",
        "url": f"{ACME}/explore/m/v?fields=a,b&f[a]=",
        "model": "m",
        "view": "v",
        "fields": ["a", "b"],
        "pivots": ["b"],
        "filters": {"a": ""},
    }
    assert expected == to_json(link)
    assert ["kind", "url", "model"] == list(to_json(link))[:3]
    assert ["kind", "url", "id", "unusable"] == list(to_json(read(f"{ACME}/dashboards/7")))


def rich_text(*elements: object, kind: str = "rich_text_section") -> dict[str, object]:
    """A rich text block as Slack's own composer makes it."""
    return {"type": "rich_text", "block_id": "b1", "elements": [{"type": kind, "elements": list(elements)}]}


PARAMS = f"{ACME}/explore/m/v?fields=a.b&f[a.b]=%25up%7Cdate%25&f[c]=a+b"
REQUEST = {
    "type": "message",
    "user": "U1",
    "client_msg_id": "d0d0",
    "team": "T1",
    "text": f"Please credit <{PARAMS.replace('&', '&amp;')}|June> and ({ACME}/x/abc), thanks &amp; bye <@U2>",
    "blocks": [
        rich_text(
            {"type": "text", "text": "Please credit "},
            {
                "type": "link",
                "url": f"{ACME}:443/explore/m/v?f[c]=a%20b&fields=a.b&f[a.b]=%25up|date%25",
                "text": "June",
            },
            {"type": "text", "text": " and ("},
            {"type": "link", "url": f"{ACME}/x/abc"},
            {"type": "text", "text": "), thanks & bye "},
            {"type": "user", "user_id": "U2"},
        )
    ],
    "attachments": [
        {"from_url": f"{ACME}/x/normalised", "original_url": f"{ACME}/x/abc", "title_link": f"{ACME}/x/abc", "id": 1}
    ],
}


def test_a_link_that_slack_spells_in_several_ways_is_one_link() -> None:
    """Text, blocks and unfurls spell it differently."""
    links = looker_links(REQUEST, HOST)
    assert ["explore_params", "short"] == [link.kind for link in links]
    assert [PARAMS, f"{ACME}/x/abc"] == [link.url for link in links]
    assert {"a.b": "%up|date%", "c": "a b"} == links[0].filters


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        (["/looks/42", "/looks/42/?toggle=det", "/looks/42#x", "/looks/42/edit"], 1),
        (["/looks/42", "/looks/43"], 2),
        (["/looks/42", "/looks/42?f[a]=b"], 2),
        (["/explore/m/v?qid=abc&toggle=fil", "/explore/m/v?vis=%7B%7D&qid=abc"], 1),
        (["/explore/m/v?qid=abc", "/explore/m/v?qid=abD", "/x/abc"], 3),
        (["/explore/m/v?qid=abc", "/explore/m/v?qid=abc&qid=x"], 2),
        (["/explore/m/v?fields=a&f[a]=1&f[b]=2", "/explore/m/v?f[b]=2&f[a]=1&fields=a"], 1),
        (["/explore/m/v?fields=a&f[a]=", "/explore/m/v?fields=a"], 2),
        (["/explore/m/v?fields=a,b", "/explore/m/v?fields=b,a"], 2),
        (["/dashboards/7", "/dashboards/7?Month=June", "/dashboards-next/7", "/dashboards/8"], 2),
        (["/browse", "/browse#x", "/folders/7", "/folders/7?a=b", "/folders/%37"], 3),
    ],
)
def test_links_are_the_same_if_they_mean_the_same(urls: list[str], expected: int) -> None:
    """Kind and parts count; the order of parameters, toggles, escapes and fragments do not."""
    links = looker_links({"text": " ".join(f"<{ACME}{url.replace('&', '&amp;')}|x>" for url in urls)}, HOST)
    assert expected == len(links)
    assert ACME + urls[0] == links[0].url


def test_a_message_with_links_to_other_hosts_has_no_link() -> None:
    """Foreign links are passed over."""
    assert [] == looker_links({"text": "<https://docs.looker.com/looks/1> acme.looker.com"}, HOST)


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
fields = st.builds("{}.{}".format, names, names)
slugs = st.from_regex(r"[A-Za-z0-9]{1,22}", fullmatch=True)
values = st.text(max_size=12)
encoders: st.SearchStrategy[Callable[[str], str]] = st.sampled_from(
    [quote_plus, quote, lambda value: quote(value, safe=""), lambda value: quote(value, safe="/:,^")]
)


@st.composite
def explores(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An Explore with explicit parameters in any order and encoding, and what it means."""
    encode = draw(encoders)
    chosen = draw(st.lists(fields, min_size=1, max_size=3, unique=True))
    filters = draw(st.dictionaries(fields, values, max_size=3))
    limit = draw(st.sampled_from(["", "500", "-1"]))
    model, view = draw(names), draw(names)
    brackets = draw(st.sampled_from(["f[{}]", "f%5B{}%5D"]))
    query = [
        f"fields={encode(','.join(chosen))}",
        *(f"{brackets.format(name)}={encode(filters[name])}" for name in filters),
    ]
    query += [f"limit={limit}"] if limit else []
    query = [*draw(st.permutations(query)), "toggle=fil"]
    meaning: dict[str, Any] = {"kind": "explore_params", "model": model, "view": view, "fields": chosen}
    meaning |= ({"filters": filters} if filters else {}) | ({"limit": limit} if limit else {})
    return f"{ACME}/explore/{model}/{view}?{'&'.join(query)}", meaning


links_of_every_kind = st.one_of(
    st.integers(1, 10**6).map(lambda n: (f"{ACME}/looks/{n}", {"kind": "look", "id": str(n)})),
    slugs.map(lambda slug: (f"{ACME}/x/{slug}", {"kind": "short", "slug": slug})),
    slugs.map(lambda slug: (f"{ACME}/sql/{slug}", {"kind": "sql_runner", "slug": slug})),
    slugs.map(
        lambda slug: (
            f"{ACME}:9999/explore/m/v?toggle=fil&qid={slug}",
            {"kind": "explore_qid", "model": "m", "view": "v", "slug": slug},
        )
    ),
    slugs.map(lambda slug: (f"{ACME}/dashboards/{slug}", {"kind": "dashboard", "id": slug})),
    slugs.map(lambda slug: (f"{ACME}/merge?mid={slug}", {"kind": "merge", "id": slug})),
    explores(),
)
labels = st.sampled_from(["", "|the Look", "|https://acme.looker.com/looks/99999999", "|$4,948.80", "|a &amp; b"])
wraps = st.sampled_from(
    [("", ""), ("(", ")."), ("*", "*"), ('"', '",'), ("see ", "!"), ("&amp; ", "\u2026"), ("`", "`")]
)


def escaped(text: str) -> str:
    """As Slack escapes `text`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@st.composite
def placed(draw: st.DrawFn, url: str) -> dict[str, list[Any]]:
    """A link as it stands in one or more places of a message: pieces for `text`, `blocks` and `attachments`."""
    before, after = draw(wraps)
    mrkdwn = f"{before}<{escaped(url)}{draw(labels)}>{after}"
    code = f"```{escaped(url)}```" if before == "`" else f"{before}{escaped(url)}{after}"
    block = draw(
        st.sampled_from(
            [
                rich_text({"type": "link", "url": url, "text": draw(labels)[1:]}, {"type": "text", "text": after}),
                rich_text({"type": "text", "text": f"{url}\n"}, kind="rich_text_preformatted"),
                {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn}},
                {
                    "type": "table",
                    "rows": [[{"type": "raw_text", "text": url}, rich_text({"type": "link", "url": url})]],
                },
            ]
        )
    )
    forwarded = {"is_share": True, "text": mrkdwn, "message_blocks": [{"message": {"blocks": [block]}}]}
    table = {"id": 1, "fallback": "[no preview available]", "blocks": [block]}
    unfurl = {"from_url": f"{ACME}/x/normalised", "original_url": url, "text": f"<{ACME}/x/inside>"}
    places = draw(st.sets(st.sampled_from(["text", "code", "blocks", "forwarded", "table"]), min_size=1))
    return {
        "text": [mrkdwn] * ("text" in places) + [code] * ("code" in places),
        "blocks": [block] * ("blocks" in places),
        "attachments": [forwarded] * ("forwarded" in places)
        + [table] * ("table" in places)
        + [unfurl] * draw(st.booleans()),
    }


@given(st.data())
def test_every_link_of_any_message_is_found_once(data: st.DataObject) -> None:
    """Wherever in the message it stands, and however often."""
    drawn = data.draw(st.lists(links_of_every_kind, max_size=5))
    content: dict[str, list[Any]] = {"text": [], "blocks": [], "attachments": []}
    for url, _ in drawn:
        for place, pieces in data.draw(placed(url)).items():
            content[place] += pieces
    links = looker_links(content | {"text": " ".join(content["text"])}, HOST)
    expected = {json.dumps(meaning, sort_keys=True) for _, meaning in drawn}
    found = [json.dumps(parts(link), sort_keys=True) for link in links]
    assert expected == set(found)
    assert len(set(found)) == len(found)
    assert {url for url, _ in drawn} >= {link.url for link in links}


odd_urls = st.builds(
    "{}{}{}".format,
    st.sampled_from([ACME, f"{ACME}:9999", "https://", "http://acme.looker.com.", ""]),
    st.sampled_from(
        ["/looks/", "/x/", "/explore/m/v?", "/explore/m/v?qid=", "/sql/", "/merge?mid=", "/", "?", "@", "\\"]
    ),
    st.text(st.characters() | st.sampled_from("%&=[]f/?#.\u200b"), max_size=30),
)


@given(odd_urls)
def test_any_text_can_be_read_as_a_link(url: str) -> None:
    """What was read can be printed, and reading its URL again gives the same link."""
    link = read_link(url, HOST)
    if link is not None:
        json.dumps(to_json(link), ensure_ascii=False).encode()
        assert read_link(link.url, HOST) == link
        assert not link.slug or link.slug.isascii()
