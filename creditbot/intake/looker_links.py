"""Reads the links to our Looker in a Slack message: the kind of each page and the query that it names. Pure.

The message comes from `creditbot.intake.requests`. The links go to `Resolver.resolve`, which asks Looker for their SQL.

A link to our Looker is never dropped. If it does not name exactly one query, `unusable` says why. A link that can be
read in two ways is unusable too, because the wrong query gives a wrong amount.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from unicodedata import category
from urllib.parse import parse_qsl, unquote

from creditbot.intake.filter_config import agrees
from creditbot.intake.link_ends import fragment_goes_on
from creditbot.intake.looker_host import LookerHost, looker_host, parse_url
from creditbot.intake.message_urls import struck_urls, urls_in, urls_with_doubts, without_trailing
from creditbot.model import LookerLink

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["STRUCK", "LookerHost", "looker_host", "looker_links", "read_link", "to_json", "urls_in"]

_LOOK_ID = re.compile(r"(\d+)(?:\.[a-z]+)?", re.ASCII)
_SLUG = re.compile(r"[A-Za-z0-9]{1,64}")
_LOOKML_NAME = re.compile(r"[\w:-]+")
_FILTER = re.compile(r"f\[[^\[\]]+\]")
_UNSEEN_KINDS = ("Cc", "Cf", "Zl", "Zp")
"""Unicode categories of invisible characters: controls, zero-width and bidirectional characters, line ends."""
_LISTS = ("fields", "pivots", "sorts")
_TEXTS = ("qid", "filter_expression", "limit", "column_limit", "dynamic_fields", "query_timezone")

_CHANGES_OF_A_LOOK = (
    "fields", "pivots", "sorts", "filter_expression", "limit", "column_limit", "dynamic_fields", "query_timezone",
)  # fmt: skip
"""Parameters that turn a Look into a different query. Filters in its address are used; a `qid` names its own query."""

_DASHBOARD = "A dashboard has several queries; open the tile's Explore and share that link."
_MERGE = "Merged results come from several queries; share the Explore link of each query instead."
_BARE_EXPLORE = "This Explore link names no query (neither qid nor fields); run the query and share its link."
_NO_LOOK = "This is not the address of one Look, such as /looks/42; open the Look itself and share that link."
_NO_EXPLORE = "This is not the address of one Explore, /explore/MODEL/EXPLORE; run the query and share its link."
_ODD_SLUG = "The query's short name in this link is not one that Looker makes; copy the link from Looker again."
_NO_QUERY = "This page of Looker is not a Look, an Explore or a saved query; run the query and share its link."
_CUT = "This link may have lost its end; copy it from Looker again, and put nothing after it on the same line."
STRUCK = "This link is struck through; take it out of the message, or take the strikethrough back."
_UNSEEN = "This link holds an invisible character; copy it from the browser's address bar."
_LOOK_CHANGED = "This link changes the Look ({names:.80}); choose Explore from here, run the query and share its link."
_FILTER_CONFIG = "The filters in this link disagree with its filter_config; run the query again and share its new link."
_AMBIGUOUS = "This link gives {name:.80} twice with different values; run the query again and share its new link."
_ESCAPED_TWICE = "This link was escaped twice on its way (it holds &amp;); copy it from the browser's address bar."
_BAD_FILTER = "This link holds a filter that cannot be read, {name:.80}; run the query again and share its new link."
_NO_UTF8 = "This link holds percent-escapes that are not UTF-8 text; copy it from the browser's address bar."


def looker_links(content: Mapping[str, object], host: LookerHost, *, from_app: bool = False) -> list[LookerLink]:
    """The links to our Looker in a Slack message, in order. Each appears once, in its first spelling.

    `from_app` says that an app wrote the message: apps put what they say into attachments as well.

    Two URLs are one link if they mean the same query: labels, `toggle`, `vis` and fragments do not count.
    """
    links: dict[str, LookerLink] = {}
    struck: set[str] | None = None
    for url, may_be_cut in urls_with_doubts(content, mention=host.name, from_app=from_app).items():
        link = read_link(url, host)
        if link is not None:
            if may_be_cut and not link.unusable:
                link = replace(link, unusable=_CUT)
            struck = struck_urls(content, from_app=from_app) if struck is None else struck
            if url in struck:
                link = replace(link, unusable=STRUCK)
            links.setdefault(_meaning(link), link)
    return list(links.values())


def read_link(url: str, host: LookerHost) -> LookerLink | None:
    """Reads a URL as a link; None if it is not on our Looker."""
    url = _tidy(_valid(url))
    seen = "".join(character for character in url if category(character) not in _UNSEEN_KINDS)
    parts = parse_url(seen)
    if parts is None or not host.owns(parts.host):
        return None
    if seen != url:
        return LookerLink("other", url, unusable=_UNSEEN)
    steps = [unquote(step) for step in parts.path.split("/") if step]
    # A browser resolves "..", and then opens a different page from the one that the first steps name.
    read_page = _PAGES.get(steps[0]) if steps and ".." not in steps else None
    link = read_page(url, steps[1:], parts.query) if read_page else None
    if link is None:
        return LookerLink("other", url, unusable=_NO_QUERY)
    if not link.unusable and "\ufffd" in unquote(url):
        return replace(link, unusable=_NO_UTF8)
    return replace(link, unusable=_CUT) if not link.unusable and fragment_goes_on(url) else link


def to_json(link: LookerLink) -> dict[str, object]:
    """The link as `creditbot links` prints it: its kind, its URL, and all parts that are not empty."""
    parts = {field.name: getattr(link, field.name) for field in dataclasses.fields(link)}
    return {name: list(part) if isinstance(part, tuple) else part for name, part in parts.items() if part}


def _valid(url: str) -> str:
    """The URL with U+FFFD in place of lone surrogates, which JSON can hold but nothing can print."""
    return url if url.isascii() else url.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _tidy(url: str) -> str:
    """The URL without trailing punctuation that Slack took for part of it, unless it may belong to a filter's value."""
    last = url[max(url.rfind("?"), url.rfind("&")) + 1 :]
    ends_in_value = "=" in last and not last.startswith(("qid=", "mid=", "toggle="))
    return url if ends_in_value else without_trailing(url)


def _meaning(link: LookerLink) -> str:
    """A text that is the same for all links that mean the same query."""
    parts = parse_url(link.url) if link.kind == "other" else None
    page = [unquote(parts.path), unquote(parts.query)] if parts else []
    return json.dumps({**to_json(link), "url": page}, sort_keys=True)


def _look(url: str, steps: Sequence[str], query: str) -> LookerLink:
    """A Look by its number; "42.json" is the same Look. The API does not know the long name of a public Look."""
    match = _LOOK_ID.fullmatch(steps[0]) if steps else None
    if match is None:
        return LookerLink("other", url, unusable=_NO_LOOK)
    link = replace(_with_parameters(url, query), kind="look", id=match[1])
    changes = [name for name in _CHANGES_OF_A_LOOK if getattr(link, name)]
    if changes and not link.unusable:
        link = replace(link, unusable=_LOOK_CHANGED.format(names=", ".join(changes)))
    return _slug_checked(link)


def _explore(url: str, steps: Sequence[str], query: str) -> LookerLink:
    if len(steps) != 2 or not all(_LOOKML_NAME.fullmatch(step) for step in steps):
        return LookerLink("other", url, unusable=_NO_EXPLORE)
    link = replace(_with_parameters(url, query), model=steps[0], view=steps[1])
    if link.slug:
        return _slug_checked(replace(link, kind="explore_qid"))
    if link.fields:
        return replace(link, kind="explore_params")
    return replace(link, unusable=link.unusable or _BARE_EXPLORE)


def _short(url: str, steps: Sequence[str], query: str) -> LookerLink | None:
    return (
        _slug_checked(replace(_with_parameters(url, query), kind="short", slug=steps[0])) if len(steps) == 1 else None
    )


def _sql_runner(url: str, steps: Sequence[str], _query: str) -> LookerLink | None:
    return _slug_checked(LookerLink("sql_runner", url, slug=steps[0])) if len(steps) == 1 else None


def _dashboard(url: str, steps: Sequence[str], _query: str) -> LookerLink | None:
    return LookerLink("dashboard", url, id=steps[0], unusable=_DASHBOARD) if steps else None


def _merge(url: str, _steps: Sequence[str], query: str) -> LookerLink:
    return LookerLink("merge", url, id=dict(parse_qsl(query)).get("mid", ""), unusable=_MERGE)


def _embed(url: str, steps: Sequence[str], query: str) -> LookerLink | None:
    """An embedded page shows the same Look, Explore or dashboard; `/embed/query/MODEL/VIEW` is an Explore, too."""
    read_page = _EMBEDDED.get(steps[0]) if steps else None
    return read_page(url, steps[1:], query) if read_page else None


_EMBEDDED: Mapping[str, Callable[[str, Sequence[str], str], LookerLink | None]] = {
    "looks": _look,
    "explore": _explore,
    "query": _explore,
    "dashboards": _dashboard,
    "dashboards-next": _dashboard,
}
_PAGES: Mapping[str, Callable[[str, Sequence[str], str], LookerLink | None]] = {
    "looks": _look,
    "explore": _explore,
    "x": _short,
    "sql": _sql_runner,
    "dashboards": _dashboard,
    "dashboards-next": _dashboard,
    "merge": _merge,
    "embed": _embed,
}


def _slug_checked(link: LookerLink) -> LookerLink:
    """The link; unusable if its slug is malformed, because the slug becomes part of the path of a call to Looker."""
    if not link.slug or _SLUG.fullmatch(link.slug):
        return link
    return LookerLink("other", link.url, unusable=_ODD_SLUG)


def _with_parameters(url: str, query: str) -> LookerLink:
    """A link of no kind yet, with everything that its query string says about a query, decoded once."""
    values: dict[str, str] = {}
    problem = ""
    for name, value in parse_qsl(query, keep_blank_values=True):
        plain = name.rpartition("amp;")[2]
        is_filter = plain.startswith("f[")
        if not is_filter and plain not in _LISTS + _TEXTS + ("filter_config",):
            continue
        if plain != name:
            problem = problem or _ESCAPED_TWICE
        elif is_filter and not _FILTER.fullmatch(name):
            problem = problem or _BAD_FILTER.format(name=name)
        elif values.setdefault(name, value) != value:
            problem = problem or _AMBIGUOUS.format(name=name)
    filters = {name[2:-1]: value for name, value in values.items() if name.startswith("f[")}
    if not agrees(values.get("filter_config", ""), filters):
        problem = problem or _FILTER_CONFIG
    return LookerLink(
        "other",
        url,
        slug=values.get("qid", ""),
        fields=_listed(values.get("fields", "")),
        pivots=_listed(values.get("pivots", "")),
        sorts=_listed(values.get("sorts", "")),
        filters=filters,
        filter_expression=values.get("filter_expression", ""),
        limit=values.get("limit", ""),
        column_limit=values.get("column_limit", ""),
        dynamic_fields=values.get("dynamic_fields", ""),
        query_timezone=values.get("query_timezone", ""),
        unusable=problem,
    )


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())
