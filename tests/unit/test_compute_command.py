"""What `creditbot compute` prints, and the page that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from creditbot.commands.compute import compute_request, lines_of, reasons_to_hold, request_of
from creditbot.credit.compute import ComputeLimits, CreditCalculator
from creditbot.credit.sql.check import SqlRules
from creditbot.decide.policy import Limits, Policy, TrafficRules
from creditbot.errors import LOOKER, SettingsError, Unreachable
from creditbot.evidence.keeping import cells_of
from creditbot.evidence.page import page_of
from tests.support.world import HOST, REQUEST_RULES, VERIFY, World


@pytest.fixture
def world() -> World:
    return World()


class Parts:
    """What the command uses of an `Assembly`."""

    def __init__(self, world: World) -> None:
        ports = world.ports()
        limits = ComputeLimits(links_at_once=1)
        self.calculator = CreditCalculator(ports.resolver, ports.runner, VERIFY, SqlRules("duckdb"), limits)


def run(world: World, *slugs: str) -> tuple[list[str], str]:
    """The lines and the page."""
    request = request_of([f"https://{HOST}/x/{slug}" for slug in slugs], REQUEST_RULES.host)
    summary, results = compute_request(Parts(world), request, world.now)  # type: ignore[arg-type]
    return list(lines_of(summary, "Approved, {amount}, exceptions")), page_of(summary, cells_of(results))


def links_in(texts: Sequence[str]) -> list[str]:
    return [link.url for link in request_of(texts, REQUEST_RULES.host).links]


def test_the_answer_is_the_text_of_the_reply(world: World) -> None:
    lines, page = run(world, "a")
    assert lines[0] == "answer     Approved, $4,948.80, exceptions"
    assert lines[1] == f"link       https://{HOST}/x/a"
    assert "This was computed on demand. Nothing was posted." in page


def test_nothing_is_asked_of_slack_or_the_state(world: World) -> None:
    run(world, "a")
    assert world.calls == ["looker", "notebook"]


def test_a_link_that_fails_is_named_with_what_happened(world: World) -> None:
    lines, page = run(world, "a", "gone")
    assert lines[0] == "answer     none: a person has to decide"
    assert "its SQL was not run" in lines[2]
    assert lines[-1].strip() == "The query gone does not exist. Share the link again."
    assert "The query gone does not exist." in page


def test_a_refused_amount_is_shown_with_the_reason(world: World) -> None:
    world.amounts["a"] = Decimal("100000.00")
    lines, _ = run(world, "a")
    assert lines[0] == "answer     none: a person has to decide"
    assert "above the fraud cost" in lines[-1]


def test_an_amount_that_would_be_held_has_the_reasons(world: World) -> None:
    request = request_of([f"https://{HOST}/x/a", f"https://{HOST}/x/b"], REQUEST_RULES.host)
    summary, _ = compute_request(Parts(world), request, world.now)  # type: ignore[arg-type]
    (reason,) = reasons_to_hold(Policy(Limits(request=Decimal(9000))), summary, world.now)
    assert "The amount of $9,897.60 is above the limit of $9,000.00 for one request." == reason.text


def test_a_link_that_names_no_account_would_be_held(world: World) -> None:
    world.conditions["a"] = "TRUE"
    summary, _ = compute_request(Parts(world), request_of([f"https://{HOST}/x/a"], REQUEST_RULES.host), world.now)  # type: ignore[arg-type]
    (reason,) = reasons_to_hold(Policy(), summary, world.now)
    assert "Nobody can tell whose traffic link 1 credits: no condition names the account." == reason.text
    assert () == reasons_to_hold(Policy(traffic=TrafficRules(account_required=False)), summary, world.now)


def test_links_of_a_product_that_is_off_have_no_answer(world: World) -> None:
    lines, _ = run(world, "other")
    assert lines[0] == "answer     none: no product is on for this SQL"


def test_a_reply_that_leaves_links_out_says_so(world: World) -> None:
    lines, _ = run(world, "a", "other")
    assert lines[1].startswith("note       The amount does not cover all links")


def test_a_service_that_is_down_is_the_error_of_the_command(world: World) -> None:
    world.fail("looker", Unreachable(LOOKER, "Looker is down."))
    with pytest.raises(Unreachable, match="Looker is down"):
        run(world, "a")


def test_links_may_be_typed_as_a_browser_shows_them() -> None:
    url = f"https://{HOST}/explore/m/v?fields=v.a&f[v.b]=1"
    assert links_in([url, f"https://{HOST}/x/a"]) == [url, f"https://{HOST}/x/a"]


def test_links_of_another_host_are_refused() -> None:
    with pytest.raises(SettingsError, match="None of these is a link to"):
        links_in(["https://example.com/looks/1"])
