"""CHANNELS_FILE: what its sections say, what is wrong with one, and what the settings add."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from creditbot import bootstrap
from creditbot.decide.channel_rules import ChannelRules, ChannelSection, ChannelTable
from creditbot.decide.channels_file import load_channels
from creditbot.decide.policy import Limits, Policy
from creditbot.errors import SettingsError
from creditbot.model import Workspace
from tests.unit.test_bootstrap import settings

PRODUCTS = {"verify": True, "psms": False}
WHOLE = """
[credit-emea]
owner = "U0ROSA"
approvers = ["U0SAM", "U0TIM", "U0SAM"]
approval_channel = "#emea-approvals"
max_credit_usd = 5000
products = ["verify"]
evidence = "text"
reply_template = "Credited {amount}."

["#Credit-APAC"]

[C0LATAM]
owner = "U0EVA"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "channels.toml"


def refusal(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_channels(path, PRODUCTS)
    assert "Correct the file." == caught.value.todo
    return caught.value.what.removeprefix(f"CHANNELS_FILE {path}")


def table(path: Path, text: str, **changes: str) -> ChannelTable:
    path.write_text(text)
    known = settings(CHANNELS_FILE=str(path), **changes)
    return bootstrap.channels_of(known, bootstrap.products_of(known))


@pytest.mark.parametrize("name", ["", "#", " "])
def test_a_section_names_a_channel(path: Path, name: str) -> None:
    assert f': the section ["{name}"] names no channel.' == refusal(path, f'["{name}"]\nowner = "U0EVA"')


def test_every_key_of_a_section_is_read(path: Path) -> None:
    path.write_text(WHOLE)
    assert {
        "credit-emea": ChannelSection(
            "U0ROSA", ("U0SAM", "U0TIM"), "emea-approvals", Decimal(5000), ("verify",), "text", "Credited {amount}."
        ),
        "credit-apac": ChannelSection(),
        "C0LATAM": ChannelSection("U0EVA"),
    } == load_channels(path, PRODUCTS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a]\naprovers = []", ": a, aprovers: there is no such key; the nearest one is approvers."),
        ("[a]\nowner = 'rosa'", ": a, owner: it must be a member ID, which starts with U or W."),
        ("[a]\napprovers = ['U0ROSA', '@sam']", ": a, approvers, number 2: it must be a member ID, which starts"),
        ("[a]\napprovers = []", ": a, approvers: List should have at least 1 item"),
        ("[a]\nmax_credit_usd = '5'", ": a, max_credit_usd: it must be an amount in USD above zero"),
        ("[a]\nproducts = ['verfy']", ": a, products: there is no product verfy; the nearest one is verify."),
        ("[a]\nproducts = ['psms']", ": a, products: psms cannot be on, because it has no notebook."),
        ("[a]\napproval_channel = '#'", ": a, approval_channel: it names no channel: "),
        ("['cafe\u0301']\n['café']", ": two sections are about the channel café."),
        ("[a]\nevidence = 'page'", ": a, evidence: Input should be 'card' or 'text'."),
        ("[a]\nreply_template = 'Done'", ": a, reply_template: it must contain {amount}"),
        ("owner = 'U0ROSA'", ": owner is not below a section, such as [credit-requests]."),
        ("", ": it has no section, such as [credit-requests]."),
        ("['#a']\n[A]", ": two sections are about the channel a."),
        ("[a", " is not TOML: "),
    ],
)
def test_what_is_wrong_is_named(path: Path, text: str, problem: str) -> None:
    assert refusal(path, text).startswith(problem)


@pytest.mark.parametrize("setting", ["CHANNELS_FILE", "POLICY_FILE", "PRODUCTS_FILE"])
def test_a_file_that_is_nested_too_deeply_is_refused_in_words(path: Path, setting: str) -> None:
    """Whichever of the files it is."""
    path.write_text(f"a = {'[' * 5000}{']' * 5000}\n")
    known = settings(**{setting: str(path)})
    with pytest.raises(SettingsError) as caught:
        bootstrap.channels_of(known, bootstrap.products_of(known))
    assert f"{setting} {path} is nested too deeply." == caught.value.what


def test_the_settings_tell_which_channels_they_watch_by_id(path: Path) -> None:
    assert {"C0EMEA1"} == {*table(path, "[a]\n[C0LATAM]", SLACK_CHANNELS="C0EMEA1, b").by_id}


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(SettingsError, match=r"channels\.toml cannot be read: No such file"):
        load_channels(path, PRODUCTS)


def test_what_a_section_leaves_out_has_the_value_of_all_channels(path: Path) -> None:
    found = table(path, "[a]", APPROVERS="U0SAM", APPROVAL_CHANNEL="#who", MAX_CREDIT_USD="7", EVIDENCE="text")
    assert found.everywhere == found.named("a") == found.named("b")
    assert ("U0OWNER", "who", False) == (found.everywhere.owner, found.everywhere.asks_in, found.everywhere.cards)


def test_what_a_section_says_goes_above_the_settings(path: Path) -> None:
    text = WHOLE.replace("evidence", "# evidence")
    found = table(path, text, APPROVERS="U0EVA", APPROVAL_CHANNEL="who", MAX_CREDIT_USD="7", EVIDENCE="text")
    limits = Limits(request=Decimal(5000))
    policy = Policy(limits, ("U0SAM", "U0TIM"), "emea-approvals")
    assert ChannelRules("U0ROSA", "Credited {amount}.", False, policy, ("verify",)) == found.named("credit-emea")


def test_by_default_the_owner_of_a_channel_approves_and_is_asked(path: Path) -> None:
    rules = table(path, "[a]\nowner = 'U0ROSA'").named("a")
    assert (("U0ROSA",), "U0ROSA") == (rules.policy.approvers, rules.asks_in)


def test_a_quorum_that_a_section_cannot_reach_is_refused(path: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[[approval.quorum]]\nabove_usd = 5\npeople = 2\n")
    with pytest.raises(SettingsError) as caught:
        table(path, "[a]\napprovers = ['U0ROSA']", POLICY_FILE=str(policy), APPROVERS="U0SAM,U0TIM")
    expected = f"POLICY_FILE {policy} wants 2 people to approve, but there are only 1 approvers for #a."
    assert (expected, "Name more people in approvers in [a] of CHANNELS_FILE.") == (
        caught.value.what,
        caught.value.todo,
    )


def test_channels_of_the_settings_and_of_the_file_are_watched_once(path: Path) -> None:
    path.write_text("[a]\n[C0B12]\n")
    known = settings(CHANNELS_FILE=str(path), SLACK_CHANNELS="#z, #a")
    assert ("z", "a", "C0B12") == bootstrap.watched(known, bootstrap.channels_of(known, bootstrap.products_of(known)))


def test_the_file_alone_may_name_the_channels(path: Path) -> None:
    path.write_text("[a]\n")
    known = settings(CHANNELS_FILE=str(path), SLACK_TEST_CHANNEL="")
    assert ("a",) == bootstrap.watched(known, bootstrap.channels_of(known, bootstrap.products_of(known)))


def test_an_id_or_a_name_finds_the_section_of_a_channel(path: Path) -> None:
    found = table(path, WHOLE)
    workspace = Workspace("T0", "", "U0BOT", "", {"C0EMEA1": "credit-emea", "C0LATAM": "latam", "C0XX1": "else"})
    owners = [found.of(channel, workspace).owner for channel in (*workspace.channels, "C0GONE1")]
    assert ["U0ROSA", "U0EVA", "U0OWNER", "U0OWNER"] == owners


def test_every_amount_of_an_unknown_channel_is_held_if_a_section_is_lost(path: Path) -> None:
    found = table(path, "[credit-emea]\n[C0LATAM]")
    lost, placed = ({"C0XX1": "else", "C0LATAM": "latam", **more} for more in ({}, {"C0EMEA1": "credit-emea"}))
    limits = [
        found.of(channel, Workspace("T0", "", "U0BOT", "", channels)).policy.limits.request
        for channels in (lost, placed)
        for channel in ("C0GONE1", "C0LATAM", "C0XX1")
    ]
    default = Limits().request
    assert [Decimal(0), default, default, default, default, default] == limits
