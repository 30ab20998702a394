"""LookerResolver on the real SDK against a real HTTP server that answers as Looker is known to."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from creditbot.adapters.looker.limits import LookerLimits
from creditbot.adapters.looker.resolver import LookerResolver
from creditbot.errors import CreditbotError, LinkUnusable, Refused, Unreachable
from creditbot.model import LookerLink
from tests.support.http import Answer, HttpStub
from tests.support.stops import RecordingStop

SQL = "SELECT day, prefix FROM traffic WHERE product = 'Authy'"
LOGIN = "POST /api/4.0/login"
LOOK = "GET /api/4.0/looks/42"
RUN_LOOK = "GET /api/4.0/looks/42/run/sql"
SLUG = "GET /api/4.0/queries/slug/Ab12cd"
RUN = "GET /api/4.0/queries/7/run/sql"
CREATE = "POST /api/4.0/queries"
RUN_NEW = "GET /api/4.0/queries/8/run/sql"
RUNNER = "GET /api/4.0/sql_queries/Ru11er"
ERROR_PAGE = "https://docs.looker.com/r/err/4.0/{}/get/looks/:look_id"

LOOK_LINK = LookerLink("look", "https://acme.looker.com/looks/42", id="42")
SHORT_LINK = LookerLink("short", "https://acme.looker.com/x/Ab12cd", slug="Ab12cd")
RUNNER_LINK = LookerLink("sql_runner", "https://acme.looker.com/sql/Ru11er", slug="Ru11er")


def a_query(query_id: str = "7", **changes: Any) -> dict[str, Any]:
    """A query as Looker describes it."""
    query = {
        "id": query_id,
        "model": "fraud-model",
        "view": "traffic",
        "fields": ["traffic.day", "traffic.prefix"],
        "filters": {"traffic.product": "Authy", "traffic.month": "2025-01"},
        "filter_config": {"traffic.product": [{"type": "=", "values": [{"constant": "Authy"}]}]},
        "sorts": ["traffic.day"],
        "limit": "500",
        "total": True,
        "query_timezone": "UTC",
        "can": {"run": True},
    }
    return query | changes


def error(status: int, message: str = "Not found", **body: Any) -> Answer:
    """An error as Looker's API sends it."""
    return Answer({"message": message, "documentation_url": ERROR_PAGE.format(status)} | body, status=status)


@pytest.fixture
def stub() -> Iterator[HttpStub]:
    with HttpStub() as server:
        server.on(LOGIN, Answer({"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600}))
        server.on(LOOK, Answer({"id": "42", "title": "Pumped", "deleted": False, "query": a_query()}))
        server.on(RUN_LOOK, Answer(SQL))
        server.on(SLUG, Answer(a_query()))
        server.on(RUN, Answer(SQL))
        server.on(CREATE, Answer(a_query("8", limit="-1")))
        server.on(RUN_NEW, Answer(SQL))
        server.on(RUNNER, Answer({"slug": "Ru11er", "sql": SQL}))
        yield server


@pytest.fixture
def stop() -> RecordingStop:
    return RecordingStop()


@pytest.fixture
def resolver(stub: HttpStub, stop: RecordingStop) -> LookerResolver:
    return a_resolver(stub.url, stop)


def a_resolver(url: str, stop: RecordingStop, **options: Any) -> LookerResolver:
    """A resolver with a made-up key."""
    return LookerResolver(url, "sandbox-id", "not-a-secret", stop=stop, **{"limits": LookerLimits(5.0)} | options)


def refusal(resolver: LookerResolver, link: LookerLink = LOOK_LINK) -> CreditbotError:
    """What a link fails with."""
    with pytest.raises(CreditbotError) as caught:
        resolver.resolve(link)
    return caught.value


class TestRightCall:
    def test_a_look_is_run_without_limit(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A Look is run as a Look, all rows asked for."""
        query = resolver.resolve(LOOK_LINK)
        assert (LOOK_LINK, SQL) == (query.link, query.sql)
        assert [LOGIN, LOOK, RUN_LOOK] == stub.calls
        assert {"limit": "-1"} == stub.asked(RUN_LOOK)[0].query

    @pytest.mark.parametrize("kind", ["short", "explore_qid", "look"])
    def test_a_slug_names_a_query(self, stub: HttpStub, resolver: LookerResolver, kind: Any) -> None:
        """A short link, a `qid` and a `qid` on a Look all run the query that their slug names."""
        link = LookerLink(kind, "https://acme.looker.com/x", id="42", slug="Ab12cd")
        query = resolver.resolve(link)
        assert (link, SQL) == (query.link, query.sql)
        assert [LOGIN, SLUG, RUN] == stub.calls
        assert {"limit": "-1"} == stub.asked(RUN)[0].query

    @pytest.mark.parametrize("link", [LOOK_LINK, SHORT_LINK])
    def test_the_filters_and_the_time_zone_of_a_query_are_kept(
        self, resolver: LookerResolver, link: LookerLink
    ) -> None:
        """They say whose traffic it is for."""
        query = resolver.resolve(link)
        assert {"traffic.product": "Authy", "traffic.month": "2025-01"} == query.filters
        assert "UTC" == query.query_timezone

    def test_filters_in_an_address_are_kept(self, resolver: LookerResolver) -> None:
        """Those of a Look's address stand in place of the saved ones; those of an Explore are all it has."""
        look = replace(LOOK_LINK, filters={"traffic.month": "2025-02"})
        explore = LookerLink("explore_params", "u", model="m", view="v", fields=("v.a",), filters={"v.a": "1"})
        assert {"traffic.product": "Authy", "traffic.month": "2025-02"} == resolver.resolve(look).filters
        assert {"v.a": "1"} == resolver.resolve(explore).filters

    def test_parameters_beside_a_qid_are_named_as_unused(self, resolver: LookerResolver) -> None:
        """What stands beside a `qid` does not change its query, and the note says so."""
        link = LookerLink("explore_qid", "https://acme.looker.com/x", slug="Ab12cd", filters={"traffic.product": "SMS"})
        assert "not used" in resolver.resolve(link).note

    def test_an_explore_with_parameters_becomes_a_query(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """Every parameter of an Explore reaches Looker as typed, a blank filter too, and no filter_config is sent."""
        link = LookerLink(
            "explore_params",
            "https://acme.looker.com/explore/fraud-model/traffic?fields=a",
            model="fraud-model",
            view="traffic",
            fields=("traffic.day", "traffic.mode"),
            pivots=("traffic.mode",),
            sorts=("traffic.day desc",),
            filters={"traffic.product": "Authy^_x", "traffic.note": ""},
            filter_expression="${traffic.day} > now()",
            limit="500",
            column_limit="50",
            dynamic_fields='[{"table_calculation":"x"}]',
            query_timezone="UTC",
        )
        assert SQL == resolver.resolve(link).sql
        assert {
            "model": "fraud-model",
            "view": "traffic",
            "fields": ["traffic.day", "traffic.mode"],
            "pivots": ["traffic.mode"],
            "sorts": ["traffic.day desc"],
            "filters": {"traffic.product": "Authy^_x", "traffic.note": ""},
            "filter_expression": "${traffic.day} > now()",
            "limit": "-1",
            "column_limit": "50",
            "dynamic_fields": '[{"table_calculation":"x"}]',
            "query_timezone": "UTC",
        } == stub.asked(CREATE)[0].json
        assert [LOGIN, CREATE, RUN_NEW] == stub.calls

    def test_parameters_missing_from_an_explore_are_not_sent(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """An Explore with fields only sends these, and asks for all rows."""
        resolver.resolve(LookerLink("explore_params", "u", model="m", view="v", fields=("v.a",)))
        assert {"model": "m", "view": "v", "fields": ["v.a"], "filters": {}, "limit": "-1"} == stub.asked(CREATE)[
            0
        ].json

    def test_filters_in_the_address_of_a_look_are_those_that_count(
        self, stub: HttpStub, resolver: LookerResolver
    ) -> None:
        """`f[...]` on a Look changes what a person sees: a copy with these filters is run, and the note says so."""
        link = LookerLink("look", "u", id="42", filters={"traffic.month": "2025-02"})
        query = resolver.resolve(link)
        sent = stub.asked(CREATE)[0].json
        assert {"traffic.product": "Authy", "traffic.month": "2025-02"} == sent["filters"]
        assert "-1" == sent["limit"]
        assert not {"filter_config", "total", "id", "can"} & sent.keys()
        assert "filters in the address" in query.note

    def test_sql_runner_is_refused_by_default(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """SQL typed by a person is not credited, and Looker is not even asked."""
        failure = refusal(resolver, RUNNER_LINK)
        assert isinstance(failure, LinkUnusable)
        assert "ALLOW_SQL_RUNNER" in failure.todo
        assert [] == stub.calls

    @pytest.mark.parametrize(
        "link",
        [
            LookerLink("explore_qid", "u", model="sql__abc", view="sql_runner_query", slug="Qid1"),
            LookerLink("short", "u", slug="Qid1"),
            LookerLink("look", "u", id="42"),
            LookerLink("explore_params", "u", model="sql__abc", view="sql_runner_query", fields=("a",)),
        ],
        ids=lambda link: link.kind,
    )
    def test_sql_runner_in_disguise_is_refused_too(self, stub: HttpStub, stop: RecordingStop, link: LookerLink) -> None:
        """SQL Runner's "Explore from here" gives typed SQL a model of its own; a short link or Look hides even that."""
        query = {"id": "7", "model": "sql__abc", "view": "sql_runner_query", "fields": ["a"], "limit": "500"}
        stub.on("GET /api/4.0/queries/slug/Qid1", Answer(query))
        stub.on("GET /api/4.0/looks/42", Answer({"id": "42", "query": query, "deleted": False}))
        failure = refusal(a_resolver(stub.url, stop), link)
        assert isinstance(failure, LinkUnusable)
        assert "SQL Runner" in failure.what
        assert not [call for call in stub.calls if "/run" in call]

    def test_sql_runner_is_read_where_allowed(self, stub: HttpStub, stop: RecordingStop) -> None:
        """With ALLOW_SQL_RUNNER its SQL is taken as it is typed."""
        typed = f"{SQL}\n-- sql for creating the total\nLIMIT 10"
        stub.on(RUNNER, Answer({"slug": "Ru11er", "sql": typed}))
        assert typed == a_resolver(stub.url, stop, allow_sql_runner=True).resolve(RUNNER_LINK).sql

    def test_unusable_links_keep_their_sentence(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A dashboard fails with the sentence that its link came with, without a call."""
        failure = refusal(resolver, LookerLink("dashboard", "u", id="3", unusable="A dashboard has many queries."))
        assert isinstance(failure, LinkUnusable)
        assert "A dashboard has many queries." == failure.what
        assert [] == stub.calls

    def test_a_kind_without_one_sql_is_refused(self, resolver: LookerResolver) -> None:
        """A kind that has no single SQL is refused even if nothing marked it."""
        assert "merge" in refusal(resolver, LookerLink("merge", "u", id="3")).what


class TestLimits:
    @pytest.mark.parametrize("limit", [None, "", "500", "5000", "-1"])
    def test_default_limits_are_lifted(self, stub: HttpStub, resolver: LookerResolver, limit: str | None) -> None:
        """Looker's own limits do not stop a link."""
        stub.on(SLUG, Answer(a_query(limit=limit)))
        assert SQL == resolver.resolve(SHORT_LINK).sql

    @pytest.mark.parametrize("limit", ["10", "499", "0", "50000"])
    def test_chosen_limits_are_refused_with_the_reason(
        self, stub: HttpStub, resolver: LookerResolver, limit: str
    ) -> None:
        """A limit that somebody chose is named, for every kind of link, and no SQL is fetched."""
        stub.on(SLUG, Answer(a_query(limit=limit)))
        stub.on(LOOK, Answer({"id": "42", "query": a_query(limit=limit)}))
        explore = LookerLink("explore_params", "u", model="m", view="v", fields=("v.a",), limit=limit)
        for link in (SHORT_LINK, LOOK_LINK, explore):
            failure = refusal(resolver, link)
            assert isinstance(failure, LinkUnusable)
            assert f"limited to {limit} rows" in failure.what
        assert not {RUN, RUN_LOOK, CREATE} & set(stub.calls)

    @pytest.mark.parametrize("tail", ["\nLIMIT 500", "\nlimit 5000;\n", "\nFETCH NEXT 500 ROWS ONLY"])
    def test_a_limit_that_the_call_did_not_lift_is_lifted_by_a_copy(
        self, stub: HttpStub, resolver: LookerResolver, tail: str
    ) -> None:
        """Where Looker keeps the saved limit in spite of the argument, a copy of the query without limit is run."""
        stub.on(RUN, Answer(SQL + tail))
        assert SQL == resolver.resolve(SHORT_LINK).sql
        sent = stub.asked(CREATE)[0].json
        assert sent["limit"] == "-1"
        assert sent["sorts"] == ["traffic.day"]
        assert sent["query_timezone"] == "UTC"

    @pytest.mark.parametrize(
        "cut",
        [
            SQL.replace("SELECT", "SELECT \nTOP 500 \n\t"),
            SQL.replace("SELECT", "SELECT TOP (5000)"),
            f"SELECT * FROM ({SQL}) WHERE ROWNUM <= 500",
        ],
    )
    def test_a_limit_in_the_words_of_its_warehouse_is_lifted(
        self, stub: HttpStub, resolver: LookerResolver, cut: str
    ) -> None:
        """SQL Server and Oracle have words of their own for it."""
        stub.on(RUN, Answer(cut), Answer(SQL))
        assert SQL == resolver.resolve(SHORT_LINK).sql
        assert "-1" == stub.asked(CREATE)[0].json["limit"]

    @pytest.mark.parametrize("totals", ["total and/or determining pivot columns", "pivot row totals", "grand totals"])
    def test_totals_are_not_part_of_the_sql(self, stub: HttpStub, resolver: LookerResolver, totals: str) -> None:
        """The statements that Looker adds for totals are left out."""
        stub.on(RUN_LOOK, Answer(f"{SQL}\n\n-- sql for creating the {totals}\nSELECT COUNT(*) FROM traffic LIMIT 1"))
        assert SQL == resolver.resolve(LOOK_LINK).sql

    def test_a_cut_pivot_is_refused(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A pivoted query that Looker cuts within its SQL is refused with the number; 16384 does not count as a cut."""
        inner = f"SELECT * FROM (SELECT * FROM ({SQL}) ww WHERE z__pivot_col_rank <= 16384) aa"
        stub.on(RUN_LOOK, Answer(inner), Answer(f"{inner} WHERE (z__pivot_col_rank <= 50 OR z__x = 1)"))
        assert inner == resolver.resolve(LOOK_LINK).sql
        assert "at 50" in refusal(resolver).what


class TestAnswers:
    @pytest.mark.parametrize(
        ("kind", "encoding"),
        [
            ("text/plain", "utf-8"),
            ("", "utf-8"),
            ("text/plain;charset=ISO-8859-1", "latin-1"),
            ("application/sql", "utf-8"),
        ],
    )
    def test_text_keeps_its_letters(self, stub: HttpStub, resolver: LookerResolver, kind: str, encoding: str) -> None:
        """SQL without a charset is UTF-8, whatever its type; one that is named is believed."""
        sql = f"{SQL} AND city = 'Zürich'"
        stub.on(RUN_LOOK, Answer(sql.encode(encoding), headers={"Content-Type": kind}))
        assert sql == resolver.resolve(LOOK_LINK).sql

    @pytest.mark.parametrize(
        "comment", ["-- raw sql results do not include filled-in values\n\n", "#standardSQL\n", "# a\n-- b\n/* c */"]
    )
    def test_leading_comments_are_kept(self, stub: HttpStub, resolver: LookerResolver, comment: str) -> None:
        """A comment before the SQL is part of what Looker gave."""
        sql = f"{comment}{SQL}"
        stub.on(RUN_LOOK, Answer(sql))
        assert sql == resolver.resolve(LOOK_LINK).sql

    @pytest.mark.parametrize(
        "body",
        [
            "   \n",
            "-- Error: field traffic.nope does not exist",
            "/* nothing */",
            "#standardSQL",
            '[{"looker_error": "no such field"}]',
            "<p>no</p>",
            b"\xff\xfe",
            b"",
        ],
    )
    def test_an_answer_that_is_not_sql_is_refused(
        self, stub: HttpStub, resolver: LookerResolver, body: str | bytes
    ) -> None:
        """An empty answer, comments alone, JSON, markup and broken text concern this link only."""
        stub.on(RUN_LOOK, Answer(body, headers={"Content-Type": "text/plain"}))
        failure = refusal(resolver)
        assert isinstance(failure, LinkUnusable)
        assert "Look 42" in failure.what
        assert failure.what.endswith(".")

    def test_an_error_in_a_comment_is_passed_on(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """What Looker says instead of SQL reaches the reader on one line."""
        stub.on(RUN_LOOK, Answer("-- Error: field\n-- traffic.nope\x1b[31m does not exist."))
        assert "Look 42: -- Error: field -- traffic.nope does not exist." in refusal(resolver).what

    @pytest.mark.parametrize("body", [[], None, 5, "text", {"fields": 5}, {"query": 7}, b"{", b"[" * 100_000])
    def test_json_of_another_shape_is_refused(self, stub: HttpStub, resolver: LookerResolver, body: Any) -> None:
        """A description of a Look that is none concerns this link only, and nothing of the SDK's own errors shows."""
        stub.on(LOOK, Answer(body, headers={"Content-Type": "application/json"}))
        assert isinstance(refusal(resolver), LinkUnusable)

    def test_a_look_without_a_query_is_refused(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A Look with no query has no SQL."""
        stub.on(LOOK, Answer({"id": "42", "query": None}))
        assert "Look 42 has no query." == refusal(resolver).what

    def test_a_deleted_look_is_refused(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """Looker still describes what is in its trash; nobody sees it there."""
        stub.on(LOOK, Answer({"id": "42", "deleted": True, "query": a_query()}))
        assert "trash" in refusal(resolver).what

    def test_a_query_without_id_is_refused(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A query that has no id cannot be run."""
        stub.on(SLUG, Answer(a_query(id=None)))
        assert isinstance(refusal(resolver, SHORT_LINK), LinkUnusable)

    def test_an_answer_over_the_limit_is_not_read_to_its_end(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """More than a megabyte cannot be the SQL of a credit; reading stops there."""

        def endless() -> Iterator[bytes]:
            while True:
                yield b"x" * 50_000

        stub.on(RUN_LOOK, Answer(endless()))
        failure = refusal(resolver)
        assert isinstance(failure, LinkUnusable)
        assert "1,000,000 bytes" in failure.what


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (error(404), "has no Look 42"),
            (error(403, "Forbidden"), "does not let its API user see Look 42: Forbidden"),
            (error(400, "Bad id."), "rejects Look 42: Bad id."),
            (Answer({"message": "Validation Failed", "errors": [{"message": "no such field"}]}, 422), "no such field"),
            (Answer({"message": None}, 409), "no reason given"),
            (error(400, errors="none"), "rejects Look 42: Not found."),
        ],
    )
    def test_a_permanent_error_concerns_its_link(
        self, stub: HttpStub, resolver: LookerResolver, stop: RecordingStop, answer: Answer, words: str
    ) -> None:
        """What Looker's API says about a Look ends this link at once, with Looker's own words."""
        stub.on(LOOK, answer)
        failure = refusal(resolver)
        assert isinstance(failure, LinkUnusable)
        assert words in failure.what
        assert [] == stop.slept

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_a_wrong_key_is_refused(
        self, stub: HttpStub, resolver: LookerResolver, stop: RecordingStop, status: int
    ) -> None:
        """Looker answers a wrong key with a 404: the reader is told about the key, not about a missing page."""
        stub.on(LOGIN, error(status))
        failure = refusal(resolver)
        assert isinstance(failure, Refused)
        assert "API key" in failure.what
        assert "LOOKER_CLIENT_ID" in failure.todo
        assert stop.slept == []
        assert stub.calls == [LOGIN]

    @pytest.mark.parametrize(
        "answer",
        [
            Answer("<h1>Not Found</h1>", 404, {"Content-Type": "text/html"}),
            Answer("<h1>Welcome</h1>", 200, {"Content-Type": "text/html"}),
            Answer("hello"),
            Answer({"message": "moved"}, 302, {"Location": "https://elsewhere.example/login?next=secret"}),
        ],
    )
    def test_a_wrong_address_is_refused(self, stub: HttpStub, resolver: LookerResolver, answer: Answer) -> None:
        """A server that is not Looker's API is called that; a redirect is not followed with the key in hand."""
        stub.on(LOGIN, answer)
        failure = refusal(resolver)
        assert isinstance(failure, Refused)
        assert "is not Looker's API" in failure.what
        assert "LOOKER_BASE_URL" in failure.todo
        assert "next=secret" not in failure.what
        assert {LOGIN} == set(stub.calls)

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("text/html", "<h1>Blocked</h1>"),
            ("text/html", b"\xff"),
            ("application/json", "{"),
            ("application/json", '{"error": "blocked"}'),
        ],
    )
    def test_a_web_page_in_place_of_an_error_is_not_a_missing_look(
        self, stub: HttpStub, resolver: LookerResolver, kind: str, body: str | bytes
    ) -> None:
        """A proxy's 403 is about the proxy, whatever it is written in."""
        stub.on(LOOK, Answer(body, 403, {"Content-Type": kind}))
        assert isinstance(refusal(resolver), Refused)

    def test_a_token_refused_twice_is_refused(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A second 401, with a token just given, is not a matter of time."""
        stub.on(LOOK, stub.answer_of(LOOK), error(401, "Requires authentication."))
        resolver.resolve(LOOK_LINK)
        assert isinstance(refusal(resolver), Refused)
        assert [LOGIN, LOOK, RUN_LOOK, LOOK, LOGIN, LOOK] == stub.calls


class TestTransient:
    @pytest.mark.parametrize(
        "answer",
        [
            error(500),
            error(429, "Too many requests"),
            Answer("<html>Bad gateway</html>", 502, {"Content-Type": "text/html"}),
            Answer("<html>Maintenance</html>", 200, {"Content-Type": "text/html"}),
            Answer(drop=True),
            Answer(SQL, headers={"Content-Length": "999"}),
            Answer(b""),
        ],
    )
    @pytest.mark.parametrize("call", [LOGIN, LOOK])
    def test_a_passing_failure_is_waited_out(
        self, stub: HttpStub, resolver: LookerResolver, stop: RecordingStop, answer: Answer, call: str
    ) -> None:
        """Two bad answers and a good one make a good one, with growing waits between them."""
        good = stub.answer_of(call)
        stub.on(call, answer, answer, good)
        assert SQL == resolver.resolve(LOOK_LINK).sql
        assert 2 == len(stop.slept)
        assert 0.5 <= stop.slept[0] <= 2.0
        assert 1.0 <= stop.slept[1] <= 3.0

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (error(503), "HTTP status 503"),
            (Answer(drop=True), "dropped the connection"),
            (Answer("<html>Maintenance</html>", 200, {"Content-Type": "text/html"}), "answered with a web page"),
        ],
    )
    def test_a_lasting_failure_is_given_up(
        self, stub: HttpStub, resolver: LookerResolver, stop: RecordingStop, answer: Answer, words: str
    ) -> None:
        """After four attempts the cause is reported as shared by all requests."""
        stub.on(LOOK, answer)
        failure = refusal(resolver)
        assert isinstance(failure, Unreachable)
        assert "Looker" == failure.service
        assert f"Looker at {stub.host}" in failure.what
        assert words in failure.what
        assert len(stub.asked(LOOK)) == 4
        assert len(stop.slept) == 3

    def test_a_call_is_not_tried_again_once_the_process_is_to_stop(
        self, stub: HttpStub, resolver: LookerResolver, stop: RecordingStop
    ) -> None:
        """The request is released with the failure at hand."""
        stop.asks_itself = True
        stub.on(LOOK, Answer({"message": "Too many requests"}, 429, {"Retry-After": "7"}))
        failure = refusal(resolver)
        assert isinstance(failure, Unreachable)
        assert stop.slept == [7.0]
        assert len(stub.asked(LOOK)) == 1

    def test_nothing_is_asked_once_the_process_is_to_stop(
        self, stub: HttpStub, resolver: LookerResolver, stop: RecordingStop
    ) -> None:
        """Not even the next call for the same link: each may take a minute, and the pod has no more."""

        def look() -> Iterator[bytes]:
            stop.ask()
            yield json.dumps({"id": "42", "query": a_query()}).encode()

        stub.on(LOOK, Answer(look()))
        failure = refusal(resolver)
        assert isinstance(failure, Unreachable)
        assert "Shutting down" in failure.what
        assert stop.slept == []
        assert len(stub.asked(LOOK)) == 1
        assert stub.asked(RUN_LOOK) == []

    def test_the_wait_that_looker_asks_for_is_kept(
        self, stub: HttpStub, resolver: LookerResolver, stop: RecordingStop
    ) -> None:
        """Retry-After goes before our own shorter wait."""
        busy = Answer({"message": "Too many requests"}, 429, {"Retry-After": "7"})
        stub.on(LOOK, busy, stub.answer_of(LOOK))
        resolver.resolve(LOOK_LINK)
        assert [7.0] == stop.slept

    def test_a_wait_too_long_for_this_tick_is_left_to_a_later_one(
        self, stub: HttpStub, resolver: LookerResolver, stop: RecordingStop
    ) -> None:
        """An hour's wait is not slept through: the failure carries it."""
        stub.on(LOOK, Answer({"message": "Too many requests"}, 429, {"Retry-After": "3600"}))
        failure = refusal(resolver)
        assert isinstance(failure, Unreachable)
        assert failure.retry_after == 3600.0
        assert stop.slept == []

    def test_a_server_that_is_gone_is_unreachable(self, stop: RecordingStop) -> None:
        """A refused connection says so."""
        with HttpStub() as gone:
            url = gone.url
        failure = refusal(a_resolver(url, stop))
        assert isinstance(failure, Unreachable)
        assert "refuses connections" in failure.what
        assert 3 == len(stop.slept)

    def test_a_single_try_is_not_repeated(self, stop: RecordingStop) -> None:
        """`creditbot check` does not wait for a server that may come back."""
        with HttpStub() as gone:
            url = gone.url
        refusal(a_resolver(url, stop, limits=LookerLimits.one_try(5.0)))
        assert [] == stop.slept

    @pytest.mark.parametrize("call", [LOGIN, LOOK])
    def test_silence_ends_at_the_timeout(self, stub: HttpStub, stop: RecordingStop, call: str) -> None:
        """The settings' timeout holds for the first call too."""
        stub.on(call, Answer(after=threading.Event()))
        failure = refusal(a_resolver(stub.url, stop, limits=LookerLimits(0.1)))
        assert isinstance(failure, Unreachable)
        assert "did not answer within 0.1 s" in failure.what

    def test_a_drip_ends_at_the_timeout(self, stub: HttpStub, stop: RecordingStop) -> None:
        """An answer that comes byte by byte without end is cut off at the deadline."""
        never = threading.Event()

        def drip() -> Iterator[bytes]:
            while not never.wait(0.02):
                yield b"x"

        stub.on(RUN_LOOK, *(Answer(drip()) for _ in range(4)))
        began = time.monotonic()
        assert "did not answer within 0.2 s" in refusal(a_resolver(stub.url, stop, limits=LookerLimits(0.2))).what
        assert time.monotonic() - began < 5

    def test_https_to_a_server_without_tls_is_unreachable(self, stub: HttpStub, stop: RecordingStop) -> None:
        """A broken TLS handshake is told apart from a server that is down."""
        failure = refusal(a_resolver(f"https://{stub.host}", stop))
        assert isinstance(failure, Unreachable)
        assert "TLS" in failure.what


class TestLogin:
    def test_one_login_serves_all_threads(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """Eight links at once log in once, and each gets its SQL."""
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(resolver.resolve, [LOOK_LINK, SHORT_LINK] * 8))
        assert {SQL} == {query.sql for query in found}
        assert 1 == len(stub.asked(LOGIN))

    def test_an_expired_token_is_renewed(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A 401 in the middle means one more login, and the call goes through with the new token."""
        stub.on(
            LOGIN,
            Answer({"access_token": "token-1", "expires_in": 3600}),
            Answer({"access_token": "token-2", "expires_in": 3600}),
        )
        stub.on(RUN_LOOK, error(401, "Requires authentication."), Answer(SQL))
        assert SQL == resolver.resolve(LOOK_LINK).sql
        assert ["Bearer token-1", "Bearer token-2"] == [s.headers["Authorization"] for s in stub.asked(RUN_LOOK)]

    def test_the_key_is_sent_as_a_form_and_only_there(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """The login keeps its own content type, the calls after it theirs, and no query string holds the secret."""
        resolver.resolve(LookerLink("explore_params", "u", model="m", view="v", fields=("v.a",)))
        login, create = stub.asked(LOGIN)[0], stub.asked(CREATE)[0]
        assert {"client_id": "sandbox-id", "client_secret": "not-a-secret"} == login.form
        assert "application/x-www-form-urlencoded" == login.headers["Content-Type"]
        assert "application/json" == create.headers["Content-Type"]
        assert not [request for request in stub.requests if "not-a-secret" in str(request.query)]

    def test_the_environment_of_the_sdk_is_not_read(
        self, stub: HttpStub, resolver: LookerResolver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """LOOKERSDK_* variables of somebody's shell change nothing."""
        monkeypatch.setenv("LOOKERSDK_BASE_URL", "https://elsewhere.invalid")
        monkeypatch.setenv("LOOKERSDK_CLIENT_SECRET", "another")
        monkeypatch.setenv("LOOKERSDK_VERIFY_SSL", "false")
        assert SQL == resolver.resolve(LOOK_LINK).sql

    @pytest.mark.parametrize("tail", ["/", "/api/4.0", "/api/4.0/", "  "])
    def test_the_address_is_cut_to_its_host(self, stub: HttpStub, stop: RecordingStop, tail: str) -> None:
        """What people paste as LOOKER_BASE_URL works."""
        assert SQL == a_resolver(stub.url + tail, stop).resolve(LOOK_LINK).sql

    @pytest.mark.parametrize(
        ("user", "name"),
        [
            ({"display_name": "Credit Bot"}, "Credit Bot"),
            ({"email": "bot@acme.example"}, "bot@acme.example"),
            ({"id": "9"}, "9"),
        ],
    )
    def test_login_names_the_api_user(
        self, stub: HttpStub, resolver: LookerResolver, user: dict[str, str], name: str
    ) -> None:
        """`creditbot check` shows whose key it is."""
        stub.on("GET /api/4.0/user", Answer(user))
        assert name == resolver.login()

    def test_login_without_the_right_is_refused(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A user who may not even see himself is refused; the link is not to blame."""
        stub.on("GET /api/4.0/user", error(403, "Forbidden"))
        with pytest.raises(Refused, match="refuses the API user: Forbidden"):
            resolver.login()

    @pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": None, "expires_in": 3600}])
    def test_a_login_without_a_token_is_no_login(
        self, stub: HttpStub, resolver: LookerResolver, answer: dict[str, object]
    ) -> None:
        """Looker's API description requires no field of that answer."""
        stub.on(LOGIN, Answer(answer))
        with pytest.raises(Refused, match="is not Looker's API"):
            resolver.login()

    def test_no_secret_is_shown(self, stub: HttpStub, stop: RecordingStop) -> None:
        """Neither the key nor a password in the address appears in an error."""
        stub.on(LOGIN, error(404))
        failure = refusal(a_resolver(stub.url.replace("//", "//user:pass-word@"), stop))
        assert "not-a-secret" not in str(failure)
        assert "pass-word" not in str(failure)


def logged_in_early(resolver: LookerResolver) -> None:
    """Has the resolver log in before anything is asked, and waits for that."""
    resolver.stay_logged_in()
    for thread in threading.enumerate():
        if thread.name == "looker-login":
            thread.join()


def pass_time(resolver: LookerResolver, minutes: int) -> None:
    """Lets the login of the resolver become older."""
    assert resolver._connected
    resolver._connected._session.token.expires_at -= timedelta(minutes=minutes)


class TestStayingLoggedIn:
    def test_whoever_stays_logged_in_asks_without_a_login(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A login that lasts for some time yet is not renewed."""
        logged_in_early(resolver)
        logged_in_early(resolver)
        resolver.resolve(LOOK_LINK)
        assert [LOGIN, LOOK, RUN_LOOK] == stub.calls

    def test_a_login_that_ends_soon_is_renewed(self, stub: HttpStub, resolver: LookerResolver) -> None:
        logged_in_early(resolver)
        pass_time(resolver, 40)
        logged_in_early(resolver)
        assert [LOGIN] == stub.calls
        pass_time(resolver, 10)
        logged_in_early(resolver)
        assert [LOGIN, LOGIN] == stub.calls

    def test_a_short_login_is_not_renewed_each_time(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """One that lasts for less than the time before which others are renewed."""
        stub.on(LOGIN, Answer({"access_token": "token-1", "token_type": "Bearer", "expires_in": 120}))
        logged_in_early(resolver)
        logged_in_early(resolver)
        assert [LOGIN] == stub.calls

    def test_a_renewal_that_fails_keeps_the_login(self, stub: HttpStub, resolver: LookerResolver) -> None:
        logged_in_early(resolver)
        stub.on(LOGIN, error(500))
        pass_time(resolver, 50)
        logged_in_early(resolver)
        resolver.resolve(LOOK_LINK)
        assert [LOGIN, LOGIN, LOOK, RUN_LOOK] == stub.calls

    def test_an_early_login_that_fails_is_told_by_whoever_needs_it(
        self, stub: HttpStub, resolver: LookerResolver
    ) -> None:
        stub.on(LOGIN, error(401))
        logged_in_early(resolver)
        assert isinstance(refusal(resolver), Refused)


class TestCost:
    def test_only_warming_imports_the_sdk(self) -> None:
        """Importing the module and making a resolver leave the SDK alone; `warm` imports it, once."""
        script = """
import sys, threading
from creditbot.adapters.looker.resolver import LookerResolver
resolver = LookerResolver("https://acme.looker.com", "id", "not-a-secret")
assert not {"looker_sdk", "requests"} & sys.modules.keys()
resolver.warm()
resolver.warm()
others = [t for t in threading.enumerate() if t is not threading.main_thread()]
assert len(others) <= 1
for thread in others:
    thread.join()
assert "looker_sdk.sdk.api40.methods" in sys.modules
"""
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert done.stderr == ""

    def test_an_error_causes_no_call_to_the_internet(
        self, stub: HttpStub, resolver: LookerResolver, connections: list[object]
    ) -> None:
        """The SDK would read about some errors on the internet, with no timeout: only the stub's name is looked up."""
        stub.on(LOOK, error(404, errors=[{"message": "x", "documentation_url": ERROR_PAGE.format(404)}]))
        assert isinstance(refusal(resolver), LinkUnusable)
        assert {"127.0.0.1"} == set(connections)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The hosts that are looked up during a test."""
    hosts: list[object] = []

    def looked_up(host: object, *args: Any, **options: Any) -> Any:
        hosts.append(host)
        return look_up(host, *args, **options)  # type: ignore[arg-type]

    # Not by an audit hook: with one, CPython 3.11 may refuse to trace a thread that starts, and it dies (gh-98257).
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return hosts


class TestMoreWords:
    def test_a_sql_runner_query_that_is_gone_is_named(self, stub: HttpStub, stop: RecordingStop) -> None:
        """By its slug, as the link shows it."""
        stub.on(RUNNER, error(404))
        failure = refusal(a_resolver(stub.url, stop, allow_sql_runner=True), RUNNER_LINK)
        assert isinstance(failure, LinkUnusable)
        assert "Looker has no SQL Runner query Ru11er" in failure.what
        assert failure.todo

    def test_an_address_that_redirects_names_where_to(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """A login page in front of the API is found by its address; what its query holds is nobody's business."""
        stub.on(LOGIN, Answer(status=302, headers={"Location": "https://sso.acme.example/login?ticket=1234"}))
        failure = refusal(resolver)
        assert isinstance(failure, Refused)
        assert "it redirects to https://sso.acme.example/login" in failure.what
        assert "1234" not in str(failure)
        assert "LOOKER_BASE_URL" in failure.todo

    def test_a_user_without_a_name_can_log_in(self, stub: HttpStub, resolver: LookerResolver) -> None:
        """An API user need not have one."""
        stub.on("GET /api/4.0/user", Answer({"can": {}}))
        assert "a user without a name" == resolver.login()
