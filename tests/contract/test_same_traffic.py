"""One account's December, asked for on the sandbox in every way an adversary thinks of: credited once.

The notebooks are the bundled ones, on real kernels, and the SQL is that of the sandbox's Looker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from creditbot.bootstrap import Assembly, assemble
from creditbot.commands.sandbox import bundled_notebooks
from creditbot.model import RequestKey
from creditbot.sandbox import Sandbox
from creditbot.sandbox.composer import typed
from creditbot.sandbox.looker_content import add_look, add_query, add_sql_query
from creditbot.sandbox.lookml import sql_of
from creditbot.sandbox.seed import explore_address, verify
from creditbot.sandbox.world import CHANNEL, REQUESTER, TEAM
from creditbot.settings.settings import Settings
from creditbot.state.record import Record

pytestmark = pytest.mark.kernels

ACCOUNT = "AC-sandbox-0001"
OTHER_CHANNEL = "C0EMEA"


def filtered(**changes: str | None) -> dict[str, Any]:
    """The reference query with other filters; None leaves one out."""
    query = verify(ACCOUNT)
    filters = {**query["filters"], **{f"verify_traffic.{name}": text for name, text in changes.items()}}
    return {**query, "filters": {name: text for name, text in filters.items() if text is not None}}


REFERENCE = verify(ACCOUNT)
FIELDS = REFERENCE["fields"]
SAME_SQL = {"reordered fields": {**REFERENCE, "fields": FIELDS[::-1]}, "another spelling": filtered(day="2025-12")}
"""These are refused without a question."""
WAYS: Mapping[str, dict[str, Any]] = {
    "an always-true filter": filtered(prefix="%"),
    "one more day": filtered(day="2025-12-01 to 2026-01-02"),
    "no end": filtered(day="after 2025-12-01"),
    "one more column": {**REFERENCE, "fields": [*FIELDS, "verify_traffic.billable_item"]},
    "the account as a column": {**REFERENCE, "fields": [*FIELDS, "verify_traffic.account_sid"]},
    "a longer pattern": filtered(billable_item="Authy SMS%"),
    "a sub-range": filtered(day="2025-12-18 to 2025-12-26"),
}
BESIDE = "two accounts"
TWO_ACCOUNTS = filtered(account_sid=f"{ACCOUNT},AC-sandbox-0004")
_PREFIX, _MESSAGES = "verify_traffic.prefix AS", "SUM(verify_traffic.messages) AS BIGINT)"
_DAY = "verify_traffic.day AS day"
_FEWER = sql_of(REFERENCE, "-1").replace(_MESSAGES, f"{_MESSAGES} - 1")
RENAMED: Mapping[str, str] = {
    "prefixes with zeros": _FEWER.replace(_PREFIX, "'00' || verify_traffic.prefix AS"),
    "a derived table": f"SELECT * FROM ({_FEWER.replace(_PREFIX, 'verify_traffic.prefix || mode AS')}) x",
    "days of other rows": _FEWER.replace(_DAY, "o.day AS day").replace(
        "WHERE", "JOIN verify_traffic o ON o.day = verify_traffic.day - 14 AND o.account_sid = 'AC-sandbox-0004'"
        " AND o.prefix = '+1' WHERE",
    ),
}  # fmt: skip
"""SQL that people write by hand: it names prefixes or days otherwise and shows other numbers of messages."""
OTHER_PRODUCT = "as another product"
AS_PSMS = sql_of(REFERENCE, "-1").replace("'Authy%'", "'%SMS Outbound%'")
"""Each row of it is called 'Authy SMS Outbound': Verify's, but the condition asks for what PSMS credits."""
UNNAMED = {
    "a pattern": filtered(account_sid=f"{ACCOUNT}%"),
    "no account": filtered(account_sid=None),
}
"""Nobody can tell whose traffic these credit."""
_EVERY = sql_of(filtered(account_sid=None), "-1")
UNNAMED_BY_HAND = {
    "all but one": sql_of(REFERENCE, "-1").replace(f"= '{ACCOUNT}'", "NOT LIKE 'AC-sandbox-0404'"),
}  # fmt: skip
OTHER = "an account that the SQL makes"
AS_OTHER = _EVERY.replace(
    "WHERE",
    "JOIN (SELECT DISTINCT 'AC-new' AS account_sid, account_sid AS own FROM verify_traffic WHERE own LIKE"
    f" '{ACCOUNT}%') a ON a.own = verify_traffic.account_sid WHERE a.account_sid = 'AC-new' AND",
)
LISTED = "names in a list"
AS_LISTED = _EVERY.replace(
    "verify_traffic AS verify_traffic",
    "verify_traffic AS verify_traffic(day, own, account_sid, prefix, mode, attempts, blocked, messages, verified,"
    " price_usd)",
).replace(
    "verify_traffic.billable_item LIKE 'Authy%'",
    f"account_sid LIKE 'Authy%' AND account_sid = 'Authy SMS Outbound - Nigeria' AND own LIKE '{ACCOUNT}%'",
)
"""It calls the item an account."""
FORGED = "another account is shown"
AS_FORGED = f"SELECT *, 'AC-sandbox-0004' AS account_id FROM ({sql_of(TWO_ACCOUNTS, '-1')}) x"
MADE = {
    OTHER: "the account that its SQL names is not that of the traffic but of a table joined with it",
    LISTED: "a list of names in its SQL says what columns are called",
    FORGED: "its SQL makes the account that it shows",
}
BY_HAND = {**RENAMED, OTHER_PRODUCT: AS_PSMS, **UNNAMED_BY_HAND, OTHER: AS_OTHER, LISTED: AS_LISTED, FORGED: AS_FORGED}


@dataclass
class Shop:
    """A sandbox with a bot beside it."""

    sandbox: Sandbox
    bot: Assembly

    def ask(self, *queries: dict[str, Any], channel: str = CHANNEL) -> RequestKey:
        """A request with a link to each query, as the requester types it."""
        return self.say(" ".join(map(explore_address, queries)), channel)

    def ask_by_hand(self, name: str, sql: str) -> RequestKey:
        """A request with a link to SQL that a person wrote."""
        return self.say(add_sql_query(self.sandbox.world, name.replace(" ", ""), sql))

    def say(self, text: str, channel: str = CHANNEL) -> RequestKey:
        ts = self.sandbox.world.post(**typed(text), user=REQUESTER, channel=channel)
        return RequestKey(TEAM, channel, ts)

    def tick(self) -> None:
        report = self.bot.bot.tick()
        assert [] == report.errors

    def record(self, key: RequestKey) -> Record:
        return self.bot.ledger.read().records[key]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("sandbox")
    with Sandbox(folder, rate_limits=False, messages=False) as sandbox:
        channel = sandbox.world.get("channel", CHANNEL)
        sandbox.world.put("channel", OTHER_CHANNEL, {**(channel or {}), "id": OTHER_CHANNEL, "name": "credits-emea"})
        own = {
            "NOTEBOOK_PATH": str(bundled_notebooks() / "verify_credit.ipynb"),
            "PSMS_NOTEBOOK_PATH": str(bundled_notebooks() / "psms_credit.ipynb"),
            "OUTPUT_URI": str(folder / "outputs"),
            "SLACK_CHANNELS": f"{CHANNEL},{OTHER_CHANNEL}",
            "ALLOW_SQL_RUNNER": "true",
            "STATE_URI": f"file:{folder / 'state.json'}",
        }
        environ = {**sandbox.environment(), **own}
        bot = assemble(Settings.load(environ, env_file=None), environ={**os.environ, **environ})
        try:
            yield Shop(sandbox, bot)
        finally:
            bot.sql_reader.close()
            bot.ports.runner.close()


@pytest.fixture(scope="module")
def requests(shop: Shop) -> Mapping[str, RequestKey]:
    """The reference, answered, and after it each other way to ask for it."""
    keys = {"reference": shop.ask(REFERENCE)}
    shop.tick()
    keys |= {name: shop.ask(query) for name, query in {**SAME_SQL, **WAYS, **UNNAMED, BESIDE: TWO_ACCOUNTS}.items()}
    look = add_look(
        shop.sandbox.world, "99", "The same once more", add_query(shop.sandbox.world, filtered(mode="basic"))
    )
    keys["a Look"] = shop.say(look)
    keys["another channel"] = shop.ask(filtered(day="2025-12-01 to 2026-01-03"), channel=OTHER_CHANNEL)
    keys["the same SQL in another channel"] = shop.ask(REFERENCE, channel=OTHER_CHANNEL)
    shop.tick()
    return keys


@pytest.fixture(scope="module")
def written(shop: Shop, requests: Mapping[str, RequestKey]) -> Mapping[str, RequestKey]:
    """The same asked for after these, by SQL that people write by hand."""
    keys = {name: shop.ask_by_hand(name, sql) for name, sql in BY_HAND.items()}
    shop.tick()
    return {**requests, **keys}


@pytest.mark.parametrize("way", [*WAYS, "a Look", "another channel"])
def test_every_other_way_to_ask_is_held(shop: Shop, requests: Mapping[str, RequestKey], way: str) -> None:
    """The approvers read how much would be paid twice."""
    hold = shop.record(requests[way]).hold
    assert hold
    assert "would be paid twice" in hold.reasons[0].text


def test_beside_another_account_it_is_held(shop: Shop, requests: Mapping[str, RequestKey]) -> None:
    """Nothing says how much of it is whose, so the approvers read how much it is at most."""
    hold = shop.record(requests[BESIDE]).hold
    assert hold
    assert hold.reasons[0].text.startswith("Up to $4,948.80 of $")
    assert f"credits flagged rows of verify traffic of {ACCOUNT} for 2025-12-18 to" in hold.reasons[0].text


def test_the_month_is_credited_once(shop: Shop, written: Mapping[str, RequestKey]) -> None:
    answered = {name for name, key in written.items() if shop.record(key).status == "answered"}
    assert {"reference"} == answered
    assert Decimal("4948.80") == shop.record(written["reference"]).result.amount  # type: ignore[union-attr]


@pytest.mark.parametrize("way", RENAMED)
def test_other_names_and_numbers_make_no_new_traffic(shop: Shop, written: Mapping[str, RequestKey], way: str) -> None:
    """Nothing that was flagged is the same, but the account and the days are."""
    hold = shop.record(written[way]).hold
    assert hold
    assert f"also credits verify traffic of {ACCOUNT} for 2025-12-1" in hold.reasons[-1].text


def test_another_product_makes_no_new_traffic(shop: Shop, written: Mapping[str, RequestKey]) -> None:
    hold = shop.record(written[OTHER_PRODUCT]).hold
    assert hold
    assert (
        f"credits as verify what may be the same rows as psms traffic of {ACCOUNT} for 2025-12-1"
        in hold.reasons[0].text
    )


@pytest.mark.parametrize("way", [*UNNAMED, *UNNAMED_BY_HAND])
def test_without_the_name_of_an_account_it_is_held(shop: Shop, written: Mapping[str, RequestKey], way: str) -> None:
    hold = shop.record(written[way]).hold
    assert hold
    assert [
        reason for reason in hold.reasons if reason.text.startswith("Nobody can tell whose traffic link 1 credits: ")
    ]


@pytest.mark.parametrize(("way", "why"), MADE.items())
def test_a_column_that_is_called_like_an_account_names_none(
    shop: Shop, written: Mapping[str, RequestKey], way: str, why: str
) -> None:
    hold = shop.record(written[way]).hold
    assert hold
    assert hold.reasons[0].text == f"Nobody can tell whose traffic link 1 credits: {why}."


@pytest.mark.parametrize("way", [*SAME_SQL, "the same SQL in another channel"])
def test_the_same_sql_is_refused_without_a_question(shop: Shop, requests: Mapping[str, RequestKey], way: str) -> None:
    assert "given_up" == shop.record(requests[way]).status


def test_two_overlapping_links_of_one_message_are_held(shop: Shop, requests: Mapping[str, RequestKey]) -> None:
    """They used to be added up to $9,670.38, when it was this account."""
    one, two = verify("AC-sandbox-0006"), verify("AC-sandbox-0006", "2025-12-01 to 2025-12-31")
    key = shop.ask(one, two)
    shop.tick()
    record = shop.record(key)
    assert record.hold
    assert "links 1 and 2 of this message both have the same flagged rows" in record.hold.reasons[0].text


TWICE = {
    "its rows once more": "SELECT * FROM ({sql}) a UNION ALL SELECT * FROM ({sql}) b",
    "the total of each day in each of its rows": (
        "SELECT * REPLACE (CAST(SUM(messages) OVER (PARTITION BY day, prefix) AS BIGINT) AS messages) FROM ({sql}) a"
    ),
    "each row for each of three": "SELECT a.* FROM ({sql}) a CROSS JOIN (SELECT DISTINCT mode FROM verify_traffic) m",
    "each row for each of a chain": (
        "SELECT a.* FROM ({sql}) a CROSS JOIN psms_traffic m JOIN (SELECT DISTINCT day FROM psms_traffic) n"
        " ON n.day = m.day"
    ),
}


@pytest.mark.parametrize("way", TWICE)
def test_sql_that_shows_its_own_rows_twice_is_held(shop: Shop, way: str) -> None:
    """The rows are nobody else's, and nothing was credited before."""
    key = shop.ask_by_hand(way, TWICE[way].format(sql=sql_of(verify("AC-sandbox-0005"), "-1")))
    shop.tick()
    hold = shop.record(key).hold
    assert hold
    assert any(reason.text.startswith("The SQL of link 1 may count rows twice, so its $") for reason in hold.reasons)


def test_another_account_is_credited(shop: Shop, requests: Mapping[str, RequestKey]) -> None:
    key = shop.ask(verify("AC-sandbox-0007"))
    shop.tick()
    assert "answered" == shop.record(key).status
