"""The sandbox's Looker, driven by the real looker_sdk over HTTP: types, errors and the SQL it makes."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import looker_sdk
import pytest
from looker_sdk import error, models40
from looker_sdk.rtl import api_settings

from creditbot.sandbox import Sandbox
from creditbot.sandbox.faults import dropped_before, server_error
from creditbot.sandbox.looker import CLIENT_ID, CLIENT_SECRET
from creditbot.sandbox.looker_content import add_query
from creditbot.sandbox.looker_operations import OPERATIONS, failing
from creditbot.sandbox.seed import psms, verify

NOW = 1_765_500_000.0
# Fields of Looker's API reference that a reader of links needs, by operation.
FIELDS: dict[str, tuple[str, ...]] = {
    "me": ("id", "display_name", "email", "is_disabled", "role_ids"),
    "versions": ("looker_release_version", "current_version", "supported_versions", "api_server_url"),
    "look": ("id", "title", "query_id", "query", "model", "folder", "deleted", "can"),
    "query_for_slug": ("id", "model", "view", "fields", "filters", "sorts", "limit", "slug", "client_id", "share_url"),
    "query": ("id", "model", "view", "fields", "filters", "sorts", "limit", "slug", "client_id", "url", "can"),
    "create_query": ("id", "model", "view", "fields", "filters", "sorts", "limit", "slug", "client_id"),
    "sql_query": ("slug", "sql", "model_name", "connection"),
    "merge_query": ("id", "source_queries"),
    "dashboard": ("id", "title", "dashboard_elements", "folder", "can"),
}
REFERENCE = verify("AC-sandbox-0001")


class Settings(api_settings.ApiSettings):
    """The SDK's settings without a file."""

    def __init__(self, url: str, **changes: str) -> None:
        config = {"base_url": url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "timeout": "10"}
        self._config = config | changes
        super().__init__()

    def read_config(self) -> api_settings.SettingsConfig:
        return self._config  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def _no_look_up() -> None:
    """The SDK looks errors up on the internet, unless its table, one for all of its calls, has something in it."""
    error.ErrorDocHelper().lookup_dict.setdefault("offline", {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture
def sandbox(folder: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """A world of its own over one warehouse."""
    with Sandbox(tmp_path, clock=lambda: NOW, warehouse=folder / "warehouse.duckdb") as made:
        yield made


@pytest.fixture
def sdk(sandbox: Sandbox) -> Any:
    return an_sdk(sandbox)


def an_sdk(sandbox: Sandbox, **changes: str) -> Any:
    return looker_sdk.init40(config_settings=Settings(sandbox.looker_server.url, **changes))


def query_id(sandbox: Sandbox, query: dict[str, Any]) -> str:
    return str(add_query(sandbox.world, query)["id"])


def status_of(call: Any, *arguments: Any) -> int:
    """The HTTP status of an error, which the SDK keeps only in the address of its documentation."""
    with pytest.raises(error.SDKError) as caught:
        call(*arguments)
    found = re.search(r"/err/4\.0/(\d{3})/", caught.value.documentation_url)
    return int(found[1]) if found else 0


def call(sdk: Any, operation: str, sandbox: Sandbox) -> Any:
    """The operation with arguments that it accepts."""
    known = add_query(sandbox.world, REFERENCE)
    arguments: dict[str, tuple[Any, ...]] = {
        "look": ("33",),
        "run_look": ("33", "sql"),
        "query_for_slug": (known["slug"],),
        "query": (known["id"],),
        "create_query": (models40.WriteQuery(**REFERENCE),),
        "run_query": (known["id"], "sql"),
        "sql_query": ("sqlrunner0001",),
        "merge_query": ("merge0001",),
        "dashboard": ("5",),
    }
    return getattr(sdk, operation)(*arguments.get(operation, ()))


# -- answers and errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", FIELDS)
def test_answers_become_the_sdks_own_types(sandbox: Sandbox, sdk: Any, operation: str) -> None:
    """Every answer deserialises, and the fields that matter are there."""
    answer = call(sdk, operation, sandbox)
    assert type(answer).__module__ == "looker_sdk.sdk.api40.models"
    assert [] == [name for name in FIELDS[operation] if getattr(answer, name) is None]


def test_parts_of_answers_become_the_sdks_own_types(sandbox: Sandbox, sdk: Any) -> None:
    """Queries inside Looks, tiles and merges are what the API reference says."""
    assert isinstance(sdk.look("33").query, models40.Query)
    tiles = sdk.dashboard("5").dashboard_elements
    assert [models40.Query] * 2 == [type(tile.query) for tile in tiles] == [type(t.result_maker.query) for t in tiles]
    sources = sdk.merge_query("merge0001").source_queries
    assert [tile.query_id for tile in tiles] == [source.query_id for source in sources]


def test_a_call_may_choose_the_fields_of_its_answer(sdk: Any) -> None:
    """`fields` leaves the others out."""
    look = sdk.look("33", fields="id,query(id,slug),title")
    assert "33" == look.id
    assert look.query_id is None
    assert look.query.slug


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("look", ("4040",)),
        ("run_look", ("4040", "sql")),
        ("query_for_slug", ("nosuch",)),
        ("query", ("99",)),
        ("run_query", ("99", "sql")),
        ("sql_query", ("nosuch",)),
        ("merge_query", ("nosuch",)),
        ("dashboard", ("99",)),
        ("board", ("1",)),
    ],
)
def test_an_unknown_thing_is_not_found(sdk: Any, operation: str, arguments: tuple[str, ...]) -> None:
    """A 404 in Looker's shape; so is what the sandbox does not speak."""
    assert 404 == status_of(getattr(sdk, operation), *arguments)


def test_error_pages_name_the_operation(sdk: Any) -> None:
    """The address of the documentation holds version, status, verb and path with Looker's names of arguments."""
    with pytest.raises(error.SDKError) as caught:
        sdk.run_look("4040", "sql")
    expected = "https://cloud.google.com/looker/docs/r/err/4.0/404/get/looks/:look_id/run/:result_format"
    assert "Not found" == caught.value.message
    assert expected == caught.value.documentation_url


def test_a_query_needs_model_and_view(sdk: Any) -> None:
    """A ValidationError names each missing field."""
    with pytest.raises(error.SDKError) as caught:
        sdk.create_query(models40.WriteQuery(model="", view="", fields=["a.b"]))
    details = [(each.field, each.code) for each in caught.value.errors]
    assert "Validation Failed" == caught.value.message
    assert [("model", "missing_field"), ("view", "missing_field")] == details


# -- who calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{"client_id": "other"}, {"client_secret": "other"}])
def test_wrong_credentials_are_a_404(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    """As on a real Looker, whose login only ever says `Not found`."""
    with pytest.raises(error.SDKError) as caught:
        an_sdk(sandbox, **wrong).me()
    body = json.loads(caught.value.message)
    assert "Not found" == body["message"]
    assert body["documentation_url"].endswith("/404/post/login")


def test_tokens_expire_and_are_given_back(sandbox: Sandbox, sdk: Any) -> None:
    """An expired token and one that was logged out are a 401; the SDK logs in again after it has logged out."""
    sdk.me()
    sandbox.looker.revoke_tokens()
    assert 401 == status_of(sdk.me)
    sdk.auth.token = type(sdk.auth.token)()
    assert "7" == sdk.me().id
    token = sdk.auth.token.access_token
    sdk.auth.logout()
    headers = {"Authorization": f"token {token}"}
    request = urllib.request.Request(f"{sandbox.looker_server.url}/api/4.0/user", headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)
    assert "7" == sdk.me().id


def test_a_token_lives_as_long_as_it_says(tmp_path: Path, folder: Path) -> None:
    """The sandbox's clock decides."""
    now = [NOW]
    with Sandbox(tmp_path, clock=lambda: now[0], warehouse=folder / "warehouse.duckdb") as sandbox:
        sandbox.looker.options.token_lifetime = 60
        sdk = an_sdk(sandbox)
        sdk.me()
        now[0] += 61
        assert 401 == status_of(sdk.me)


@pytest.mark.parametrize("operation", [name for name, each in OPERATIONS.items() if each.permission])
def test_an_operation_without_its_permission_is_not_found(sandbox: Sandbox, sdk: Any, operation: str) -> None:
    """Without the operation's permission, Looker answers as if the thing were not there."""
    sandbox.looker.options.permissions -= {OPERATIONS[operation].permission}
    assert 404 == status_of(call, sdk, operation, sandbox)


def test_sql_takes_a_permission_of_its_own(sandbox: Sandbox, sdk: Any) -> None:
    """`see_sql` is needed when a Look or a query is run as SQL."""
    sandbox.looker.options.permissions -= {"see_sql"}
    assert 404 == status_of(sdk.run_look, "33", "sql")


# -- SQL -------------------------------------------------------------------------------------------------------------


def test_the_same_query_is_the_same_wherever_it_is_made(sandbox: Sandbox, sdk: Any) -> None:
    """Explicit parameters, short slug and `qid` lead to one query; other filters to another."""
    created = sdk.create_query(models40.WriteQuery(**REFERENCE, limit="500"))
    assert {created.id} == {sdk.query_for_slug(slug).id for slug in (created.slug, created.client_id)}
    assert created.id == query_id(sandbox, REFERENCE)
    assert created.id != sdk.create_query(models40.WriteQuery(**verify("AC-sandbox-0002"))).id
    assert 7 == len(created.slug)
    assert 22 == len(created.client_id)


@pytest.mark.parametrize(
    ("saved", "limit", "end"),
    [
        (None, None, "LIMIT 500"),
        ("500", -1, "ORDER BY 1, 2"),
        ("5000", None, "LIMIT 5000"),
        ("-1", None, "ORDER BY 1, 2"),
        ("-1", 10, "LIMIT 10"),
    ],
)
def test_a_query_has_a_limit(sandbox: Sandbox, sdk: Any, saved: str | None, limit: int | None, end: str) -> None:
    """A query is cut at 500 rows unless it says otherwise; the call's own limit goes first, -1 lifts it."""
    sql = sdk.run_query(query_id(sandbox, REFERENCE | {"limit": saved}), "sql", limit=limit)
    assert end == sql.splitlines()[-1]


def test_a_look_runs_its_query(sandbox: Sandbox, sdk: Any) -> None:
    """`run_look` and `run_query` give the same SQL, with the same limits."""
    look = sdk.look("27")
    assert sdk.run_query(look.query_id, "sql", limit=-1) == sdk.run_look("27", "sql", limit=-1)


@pytest.mark.parametrize("charset", [True, False])
def test_sql_is_utf_8_with_or_without_saying_so(sandbox: Sandbox, sdk: Any, charset: bool) -> None:
    """Where the charset is left out, the SDK takes the text for Latin-1."""
    sandbox.looker.options.charset = charset
    named = verify("AC-sandbox-0002")
    named["filters"]["verify_traffic.billable_item"] = "%Côte d'Ivoire"
    sql = sdk.run_query(query_id(sandbox, named), "sql")
    assert ("LIKE '%Côte d''Ivoire'" in sql) == charset
    assert "Côte d''Ivoire" in (sql if charset else sql.encode("latin-1").decode())


def test_a_comment_can_be_put_before_the_sql(sandbox: Sandbox, sdk: Any) -> None:
    """As Looker puts its context in front of the SQL."""
    sandbox.looker.options.comment = "Looker Query Context '{\"user_id\":7}' Authy"
    assert sdk.run_look("27", "sql").startswith("-- Looker Query Context")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"fields": []}, "Must query at least one dimension or measure."),
        ({"fields": ["verify_traffic.nothing"]}, "Unknown field verify_traffic.nothing."),
        ({"fields": ["other.day"]}, "Unknown field other.day."),
        ({"view": "orders", "fields": ["orders.day"]}, "Unknown explore credit/orders."),
        ({"model": "sales"}, "Unknown explore sales/verify_traffic."),
        ({"sorts": ["verify_traffic.account_sid"]}, "Unknown sort verify_traffic.account_sid."),
        (
            {"filters": {"verify_traffic.day": "last month"}},
            "does not understand the date filter 'last month'.",
        ),
        (
            {"filters": {"verify_traffic.price_usd": "NOT 5"}},
            "does not understand the number filter 'NOT 5'.",
        ),
        (
            {"filters": {"verify_traffic.messages": ">5"}},
            "does not filter on a measure: verify_traffic.messages.",
        ),
        ({"filter_expression": "${a} = 1"}, "The sandbox does not know filter_expression."),
        ({"dynamic_fields": "[{}]"}, "The sandbox does not know dynamic_fields."),
    ],
)
def test_queries_it_cannot_answer_are_refused(sandbox: Sandbox, sdk: Any, query: dict[str, Any], sentence: str) -> None:
    """A query outside the model, or of a kind the sandbox does not know, is a 400 that says so."""
    with pytest.raises(error.SDKError, match=re.escape(sentence)):
        sdk.run_query(query_id(sandbox, REFERENCE | query), "sql")


def test_results_come_as_sql_only(sdk: Any) -> None:
    """Other formats are refused, not made up."""
    assert 400 == status_of(sdk.run_look, "33", "json")


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({}, 25),
        ({"prefix": "+1"}, 5),
        ({"prefix": "+1,+44"}, 10),
        ({"prefix": "-+1"}, 20),
        ({"prefix": "+1,+44,-+44"}, 5),
        ({"prefix": "+%4", "mode": "basic"}, 15),
        ({"prefix": "-%4"}, 10),
        ({"billable_item": "%Kingdom,%Nigeria"}, 10),
        ({"billable_item": "Authy^_%"}, 0),
        ({"billable_item": "Authy SMS Outbound - Nigeria"}, 5),
        ({"mode": ""}, 25),
        ({"day": "2025-12-03"}, 5),
        ({"day": "2025/12"}, 155),
        ({"day": "after 2025-12-30"}, 10),
        ({"day": "before 2025-12-02"}, 5),
        ({"day": ""}, 155),
        ({"price_usd": ">=0.3"}, 10),
        ({"price_usd": "0.0083, 0.0420"}, 10),
    ],
)
def test_filters_select_rows_of_the_warehouse(sandbox: Sandbox, sdk: Any, filters: dict[str, str], rows: int) -> None:
    """Looker's filter expressions become conditions that the warehouse understands as Looker means them."""
    query = verify("AC-sandbox-0001", "2025-12-01 to 2025-12-06", limit="-1")
    query["filters"] |= {f"verify_traffic.{name}": text for name, text in filters.items()}
    sql = sdk.run_query(sdk.create_query(models40.WriteQuery(**query)).id, "sql")
    with duckdb.connect(str(sandbox.warehouse), read_only=True) as connection:
        assert rows == len(connection.execute(sql).fetchall())


def test_measures_are_summed_by_the_dimensions_asked_for(sandbox: Sandbox, sdk: Any) -> None:
    """Without the day and the prefix the month is one row, and sorts by its first measure when nothing is said."""
    query = REFERENCE | {"fields": ["verify_traffic.mode", "verify_traffic.messages"], "sorts": []}
    sql = sdk.run_query(query_id(sandbox, query), "sql")
    assert "ORDER BY 2 DESC" in sql
    with duckdb.connect(str(sandbox.warehouse), read_only=True) as connection:
        assert [("basic", 35644)] == connection.execute(sql).fetchall()


def test_a_sort_may_go_downwards(sandbox: Sandbox, sdk: Any) -> None:
    """`field desc 0` is Looker's way to say downwards."""
    sql = sdk.run_query(query_id(sandbox, psms("AC-sandbox-0003", sorts=["psms_traffic.prefix desc 0"])), "sql")
    assert "ORDER BY 2 DESC\n" in sql


# -- faults ----------------------------------------------------------------------------------------------------------


def test_a_scripted_fault_strikes_the_call_it_names(sandbox: Sandbox, sdk: Any) -> None:
    """Looker's own errors, pages of whatever stands before it, and dropped connections."""
    sandbox.looker.faults.add(failing("me", 429), server_error("me", call=2), dropped_before("me", call=3))
    assert 429 == status_of(sdk.me)
    for expected in ("Service unavailable", "Remote end closed"):
        with pytest.raises(error.SDKError, match=expected):
            sdk.me()
    assert "7" == sdk.me().id
    assert ["login", "me", "me", "me", "me"] == [operation for operation, _ in sandbox.looker.calls]


def test_lookers_health_check_needs_no_token(sandbox: Sandbox) -> None:
    """Looker's health check needs no token."""
    with urllib.request.urlopen(f"{sandbox.looker_server.url}/alive") as answer:
        assert 200 == answer.status
