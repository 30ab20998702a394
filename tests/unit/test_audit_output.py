"""What `creditbot audit` prints of a history that somebody has tampered with, and of one that agrees."""

from __future__ import annotations

from decimal import Decimal

from creditbot.commands.audit_output import audit_json, audit_lines
from creditbot.machine import exact_json
from creditbot.model import Names
from tests.support import tampering as do
from tests.support.tampering import Past, new_past
from tests.support.world import World

NAMES = Names({"U0OWNER": "Olu Owner"})


def printed(past: Past) -> list[str]:
    return list(audit_lines(past.world.audit(), NAMES))


def facts(lines: list[str]) -> dict[str, str]:
    """Name -> value of the last lines."""
    return {line[:22].strip(): line[22:] for line in lines if not line.startswith(" ")}


def test_a_history_that_agrees_is_summed_up() -> None:
    past = new_past()
    lines = printed(past)
    shown = facts(lines)
    assert "Everything agrees." == lines[0]
    assert ("6", "7", "3") == tuple(shown[n] for n in ("requests compared", "entries in the log", "roots in replies"))
    assert shown["anchored"].startswith("entries 0 to 5, by the reply https://acme.slack.com/")
    assert "entry 6: the next reply vouches for it" == shown["not anchored yet"]
    assert "1, at least $25.00 twice; approved by Olu Owner (U0OWNER): 1" == shown["overlaps credited"]


def test_findings_stand_below_their_request_with_what_to_do() -> None:
    past = new_past()
    do.edit_summary(past, past.plain, "credit_amount", Decimal("51.00"))
    do.delete_reply(past, past.plain)
    past.world.vandalise("log")
    address = past.world.address(past.plain)
    lines = printed(past)
    heads = [line for line in lines if not line.startswith(" ")][:3]
    assert ["The state", f"{address} (entry 0, anchored)", "3 findings, of 1 request."] == heads
    assert 2 == sum(line.startswith(("  summary changed: ", "  reply missing: ")) for line in lines)
    assert 3 == sum(line.startswith("      ") and line.endswith(".") for line in lines[:8])


def test_a_gap_is_not_said_to_be_vouched_for_later() -> None:
    past = new_past()
    del past.world.log[1]
    shown = facts(printed(past))
    assert "nothing: no root in a reply fits the entries that are there" == shown["anchored"]
    assert "next reply" not in shown["not anchored yet"]


def test_a_log_that_no_reply_vouches_for_yet_says_so() -> None:
    world = World()
    world.ask("abc")
    world.ask("def")
    world.tick()
    shown = facts(list(audit_lines(world.audit(), NAMES)))
    assert "nothing: no reply carries a root of this log yet" == shown["anchored"]
    assert "entries 0 to 1: the next reply vouches for them" == shown["not anchored yet"]


def test_notes_name_the_first_requests() -> None:
    world = World()
    world.amounts |= {f"q{number}": Decimal("26000.00") for number in range(5)}
    keys = [world.ask(f"q{number}") for number in range(5)]
    world.tick()
    first = ", ".join(map(world.address, keys[:3]))
    note = facts(list(audit_lines(world.audit(), NAMES)))["note"]
    assert f"5 requests not ended, or not yet logged: {first} and 2 more" == note


def test_the_json_has_the_findings_with_exact_amounts() -> None:
    past = new_past()
    do.edit_reply(past, past.plain, "Approved, $500.00, exceptions")
    shown = exact_json.read(exact_json.write(audit_json(past.world.audit(), NAMES)))
    assert isinstance(shown, dict)
    (finding,) = shown["findings"]
    assert ("reply changed", 0, True) == (finding["kind"], finding["entry"], finding["anchored"])
    assert past.world.address(past.plain) == finding["request"]
    assert (False, 6, 7, 6) == tuple(shown[name] for name in ("agrees", "requests", "entries", "anchored"))
    overlap = shown["overlaps"][0]
    assert (Decimal("25.00"), ["U0OWNER"], ["Olu Owner"]) == tuple(
        overlap[name] for name in ("twice", "approved_by", "approved_by_names")
    )
