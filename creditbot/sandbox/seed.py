"""The world that the sandbox starts with: one channel with two days of a credit team's messages.

It goes into an empty world file. Times lie within the last two days; everything else is always the same. What a first
run makes of it, and what its last lines suggest to try:

    Explore `qid`, AC-sandbox-0001          Approved, $4,948.80, exceptions
    Look, PSMS of AC-sandbox-0003           an amount
    `/x/`, `qid` of the same, parameters    one amount over two queries: the same SQL counts once
    Look 36, `AC-sandbox-0008-%`            held: its SQL names no account, so Olu Owner is asked
    Look 4040                               no such Look: a direct message to the owner
    a question, a join, an unfurl, a bot    not a request
    Look 31, AC-sandbox-0006                answered by an analyst, with the amount that the notebook gives
    Look 35, AC-sandbox-0007                in no message: credited once it is posted, refused the second time
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from creditbot.sandbox.composer import typed
from creditbot.sandbox.looker_content import add_dashboard, add_look, add_merge, add_query, add_sql_query
from creditbot.sandbox.store import Json
from creditbot.sandbox.world import (  # fmt: skip
    APP,
    BOT,
    BOT_USER,
    CHANNEL,
    LOOKER,
    OWNER,
    REQUESTER,
    TEAM,
    SandboxWorld,
)
from creditbot.slack_time import ts_of_micros

HOUR = 3600.0
NEW_LOOK, NEW_ACCOUNT = "35", "AC-sandbox-0007"
"""A Look that no message links to, and the account that it shows."""
BY_HAND = "Approved, $419.54, exceptions"
"""An analyst's answer to Look 31: what the notebook gives for it."""
CHANNEL_NAME = "credit-requests"
ANALYST, OUTSIDER, ALERTS_BOT = "U0LEE", "U0PARTNER", "B0ALERTS"
_PEOPLE = {
    OWNER: ("olu", "Olu Owner"),
    REQUESTER: ("dana", "Dana Ortiz"),
    "U0RAVI": ("ravi", "Ravi Menon"),
    ANALYST: ("lee", "Lee Analyst"),
    "W0MARTA": ("marta", "Marta Silva"),
    OUTSIDER: ("pat", "Pat Partner"),
    "USLACKBOT": ("slackbot", "Slackbot"),
}


def seed(world: SandboxWorld, *, messages: bool = True) -> None:
    """Fills an empty world, with or without messages; one that was filled before stays as it is."""
    with world.transaction():
        if world.get("meta", "seeded"):
            return
        world.put("meta", "seeded", {"at": world.clock()})
        _people(world)
        _channels(world)
        links = _links(world)
        if messages:
            _messages(world, links)


def verify(account: str, days: str = "2025-12-01 to 2026-01-01", **more: Any) -> Json:
    """A query of an account's Verify traffic, as Looker's WriteQuery has it."""
    return _traffic("verify_traffic", account, "Authy%", days, ("verified",)) | more


def psms(account: str, days: str = "2025-12-01 to 2026-01-01", **more: Any) -> Json:
    """A query of an account's Programmable SMS traffic."""
    return _traffic("psms_traffic", account, "Programmable SMS%", days, ()) | more


def explore_address(query: Mapping[str, Any]) -> str:
    """The address of an Explore with explicit parameters."""
    view = query["view"]
    parameters = [("fields", ",".join(query["fields"]))]
    parameters += [(f"f[{name}]", text) for name, text in query["filters"].items()]
    parameters += [("sorts", ",".join(query["sorts"])), ("limit", str(query.get("limit") or 500))]
    return f"{LOOKER}/explore/{query['model']}/{view}?{urlencode(parameters)}"


def _traffic(view: str, account: str, item: str, days: str, more_fields: tuple[str, ...]) -> Json:
    names = ("day", "prefix", "mode", "attempts", "blocked", "messages", *more_fields, "price_usd")
    filters = {"account_sid": account, "billable_item": item, "day": days}
    return {
        "model": "credit",
        "view": view,
        "fields": [f"{view}.{name}" for name in names],
        "filters": {f"{view}.{name}": text for name, text in filters.items()},
        "sorts": [f"{view}.day", f"{view}.prefix"],
    }


def _people(world: SandboxWorld) -> None:
    for id_, (name, real_name) in _PEOPLE.items():
        world.put("user", id_, _user(id_, name, real_name))
    world.put("user", OUTSIDER, _user(OUTSIDER, *_PEOPLE[OUTSIDER]) | {"team_id": "T0PARTNER", "is_stranger": True})
    bot = _user(BOT_USER, "creditbot", "creditbot") | {"is_bot": True}
    bot["profile"] |= {"bot_id": BOT, "api_app_id": APP}
    world.put("user", BOT_USER, bot)


def _user(id_: str, name: str, real_name: str) -> Json:
    profile = {"real_name": real_name, "display_name": name, "team": TEAM, "email": f"{name}@sandbox.example"}
    flags = dict.fromkeys(
        ("is_admin", "is_owner", "is_restricted", "is_ultra_restricted", "is_bot", "is_app_user"), False
    )
    return flags | {
        "id": id_, "team_id": TEAM, "name": name, "real_name": real_name, "deleted": False, "tz": "Etc/UTC",
        "tz_label": "UTC", "tz_offset": 0, "updated": 0, "profile": profile,
    }  # fmt: skip


def _channels(world: SandboxWorld) -> None:
    everybody = [id_ for id_ in _PEOPLE if id_ != "USLACKBOT"]
    common = {"created": int(world.clock() - 90 * 24 * HOUR), "creator": OWNER}
    for id_, name, members, more in (
        (CHANNEL, CHANNEL_NAME, [*everybody, BOT_USER], {"purpose": "Fraud credits: one link, one answer"}),
        ("C0GENERAL", "general", everybody, {}),
        ("C0OLD", "credit-requests-2024", [*everybody, BOT_USER], {"is_archived": True}),
        ("G0LEADS", "credit-leads", [OWNER], {"is_private": True}),
    ):
        world.put("channel", id_, common | {"id": id_, "name": name, "members": members} | more)


def _links(world: SandboxWorld) -> dict[str, str]:
    """Looker's content, and the addresses the messages use."""
    reference = add_query(world, verify("AC-sandbox-0001"))
    two_modes = add_query(world, verify("AC-sandbox-0002"))
    quiet, nothing = add_query(world, verify("AC-sandbox-0004")), add_query(world, verify("AC-sandbox-0404"))
    add_look(world, "33", "Verify, December: AC-sandbox-0004 (quiet)", quiet)
    add_look(world, "34", "Verify, December: AC-sandbox-0404 (no rows)", nothing)
    add_dashboard(world, "5", "Fraud overview", [reference, two_modes])
    add_merge(world, "merge0001", [reference, two_modes])
    add_sql_query(world, "sqlrunner0001", "SELECT * FROM verify_traffic WHERE billable_item LIKE 'Authy%' LIMIT 10")
    by_hand, new = (add_query(world, verify(account)) for account in ("AC-sandbox-0006", NEW_ACCOUNT))
    add_look(world, NEW_LOOK, f"Verify, December: {NEW_ACCOUNT}", new)
    return {
        "reference": f"{LOOKER}/explore/credit/verify_traffic?toggle=fil&qid={reference['client_id']}",
        "psms": add_look(world, "27", "PSMS, December: AC-sandbox-0003", add_query(world, psms("AC-sandbox-0003"))),
        "short": f"{LOOKER}/x/{two_modes['slug']}",
        "same": f"{LOOKER}/explore/credit/verify_traffic?qid={two_modes['client_id']}",
        "parameters": explore_address(verify("AC-sandbox-0005")),
        "missing": f"{LOOKER}/looks/4040",
        "all accounts": add_look(
            world, "36", "Verify, December: accounts of customer 0008", add_query(world, verify("AC-sandbox-0008-%"))
        ),
        "by hand": add_look(world, "31", "Verify, December: AC-sandbox-0006", by_hand),
    }


def _messages(world: SandboxWorld, link: Mapping[str, str]) -> None:
    now = world.clock()

    def ago(hours: float) -> str:
        return ts_of_micros(round((now - hours * HOUR) * 1_000_000))

    def say(hours: float, user: str, text: str, **more: Any) -> str:
        return world.post(ts=ago(hours), user=user, **typed(text), **more)

    joined = f"<@{BOT_USER}> has joined the channel"
    world.post(joined, ts=ago(47), user=BOT_USER, subtype="channel_join")
    question = say(46.5, "U0RAVI", 'Morning! Why do the answers here end with "exceptions"?')
    say(46.3, ANALYST, "A credit for fraud is an exception to the invoice, and is booked as one.", thread_ts=question)
    by_hand = say(30.2, "W0MARTA", f"AC-sandbox-0006 was pumped in December, credit please: {link['by hand']}")
    say(29.8, ANALYST, BY_HAND, thread_ts=by_hand)
    say(26.0, REQUESTER, f"Hi team, SMS pumping on Verify in December, credit please: {link['reference']} Thanks!")
    say(22.5, "U0RAVI", f"PSMS this time: AC-sandbox-0003, between Christmas and New Year: {link['psms']}")
    say(20.0, REQUESTER, "Runbook for fraud credits: https://wiki.sandbox.example/credits", attachments=[_unfurl(link)])
    say(
        6.0,
        "W0MARTA",
        "One credit for AC-sandbox-0002 and -0005 together, please:\n"
        f"{link['short']}\n{link['same']} (the same query)\n{link['parameters']}",
    )
    say(5.0, REQUESTER, f"All accounts of customer 0008 were pumped in December, credit please: {link['all accounts']}")
    say(3.5, "U0RAVI", f"Could you look at this one as well, please? {link['missing']}")
    alert = typed(f"Verify conversion in Indonesia is below 40 %: {LOOKER}/looks/27")
    world.post(ts=ago(2), user=None, bot_id=ALERTS_BOT, app_id="A0ALERTS",
               subtype="bot_message", username="Looker Alerts", **alert)  # fmt: skip
    say(0.5, REQUESTER, "Thank you all! This used to take a day :tada:")


def _unfurl(link: Mapping[str, str]) -> Json:
    """What another app shows under a link."""
    return {
        "id": 1,
        "app_id": "A0WIKI",
        "bot_id": "B0WIKI",
        "app_unfurl_url": "https://wiki.sandbox.example/credits",
        "from_url": "https://wiki.sandbox.example/credits",
        "is_app_unfurl": True,
        "title": "Runbook: fraud credits",
        "text": f"Example: <{link['psms']}>",
        "fallback": "Runbook: fraud credits",
    }
