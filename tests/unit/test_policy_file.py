"""What POLICY_FILE may say, and what is said against it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from creditbot.decide.policy import DEFAULT_LIMIT, Band, Limits, OpinionRules, Policy, TrafficRules
from creditbot.decide.policy_file import load_policy
from creditbot.errors import SettingsError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policy.toml"


def refusal(path: Path, text: str) -> str:
    """What is wrong with a file, without its name and what to do."""
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_policy(path)
    assert "Correct the file." == caught.value.todo
    return caught.value.what.removeprefix(f"POLICY_FILE {path}").removeprefix(": ")


def test_an_empty_file_is_the_built_in_policy(path: Path) -> None:
    path.write_text("")
    assert Policy() == load_policy(path)


def test_every_key_is_read(path: Path) -> None:
    path.write_text(
        """
        [limits]
        usd_per_request = 1000.50
        usd_per_account_and_month = 5000
        usd_per_day = 20_000

        [accounts]
        fields = ["Customer_ID"]
        required = false
        always_ask = ["AC1"]

        [age]
        days = 30

        [overlap]
        hold = false

        [thread]
        talk = "approvers"

        [second_opinion]
        hold = true
        percent = 90

        [approval]
        approvers = ["U0ROSA", "W0SAM"]
        channel = "#credit-approvals"
        hours = 24

        [[approval.quorum]]
        above_usd = 500
        people = 2
        """
    )
    assert load_policy(path) == Policy(
        Limits(Decimal("1000.50"), Decimal(5000), Decimal(20_000)),
        ("U0ROSA", "W0SAM"),
        "credit-approvals",
        timedelta(hours=24),
        (Band(Decimal(500), 2),),
        TrafficRules(("customer_id",), False, False, ("AC1",), 30),
        "approvers",
        OpinionRules(hold=True, percent=90),
    )


def test_false_means_no_limit_for_one_request(path: Path) -> None:
    path.write_text("[limits]\nusd_per_request = false\n")
    assert load_policy(path).limits.request is None


def test_another_limit_leaves_that_for_one_request(path: Path) -> None:
    path.write_text("[limits]\nusd_per_day = 100\n")
    assert Limits(DEFAULT_LIMIT, None, Decimal(100)) == load_policy(path).limits


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[limits]\nusd_per_dya = 3", "limits, usd_per_dya: there is no such key; the nearest one is usd_per_day"),
        ("[limit]\nusd_per_day = 3", "limit: there is no such key; the nearest one is limits"),
        ("[approval]\napprover = ['U0ROSA']", "approval, approver: there is no such key; the nearest one is approvers"),
        (
            "[[approval.quorum]]\nabove = 3\nabove_usd = 3\npeople = 2",
            "approval, quorum, number 1, above: there is no such key; the nearest one is above_usd",
        ),
        ("[approval]\napprovers = ['rosa']", "approval, approvers, number 1: it must be a member ID"),
        ("[[approval.quorum]]\nabove_usd = 3", "approval, quorum, number 1, people: Field required"),
        ("[approval]\nhours = 0", "approval, hours: Input should be greater than or equal to 1"),
        ("[age]\ndays = -1", "age, days: Input should be greater than or equal to 0"),
        ("[age]\nmonths = 1", "age, months: there is no such key; the nearest one is days"),
        ("[accounts]\nalways_ask = [' ']", "accounts, always_ask, number 1: String should match pattern"),
        ("[thread]\ntalk = 'all'", "thread, talk: Input should be 'everybody', 'approvers' or 'nobody'"),
        ("[thread]\ntalks = 'all'", "thread, talks: there is no such key; the nearest one is talk"),
        ("[second_opinion]\npercent = 100", "second_opinion, percent: Input should be less than or equal to 99"),
        ("[second_opinion]\nholds = true", "second_opinion, holds: there is no such key; the nearest one is hold"),
        ("limits = 3 3", " is not TOML: "),
        ("[approval]\nchannel = '#'", "approval, channel: it names no channel: "),
    ],
)
def test_what_is_wrong_is_named(path: Path, text: str, problem: str) -> None:
    assert refusal(path, text).startswith(problem)


@pytest.mark.parametrize("value", ["0", "-5", "nan", "inf", "1.234", '"5"', "true", "[5]", "1e13"])
@pytest.mark.parametrize("key", ["usd_per_request", "usd_per_day", "usd_per_account_and_month"])
def test_what_is_no_amount_is_refused(path: Path, key: str, value: str) -> None:
    assert refusal(path, f"[limits]\n{key} = {value}").startswith(f"limits, {key}: it must be an amount in USD")


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file") as caught:
        load_policy(path)
    assert "Check the path." == caught.value.todo


def test_a_file_in_another_encoding_is_not_toml(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not TOML"):
        load_policy(path)


def test_every_problem_is_named(path: Path) -> None:
    assert refusal(path, "limit = 1\n[approval]\nhours = 0") == (
        "approval, hours: Input should be greater than or equal to 1; "
        "limit: there is no such key; the nearest one is limits."
    )


def test_a_key_that_is_like_no_other_has_a_nearest_one_as_well(path: Path) -> None:
    assert refusal(path, "zzz = 1") == "zzz: there is no such key; the nearest one is limits."


@pytest.mark.parametrize(
    ("value", "limit"), [("0.01", Decimal("0.01")), ("999999999999.99", Decimal("999999999999.99"))]
)
def test_any_amount_within_reason_may_be_a_limit(path: Path, value: str, limit: Decimal) -> None:
    path.write_text(f"[limits]\nusd_per_day = {value}")
    assert limit == load_policy(path).limits.day


def test_a_trillion_is_no_limit(path: Path) -> None:
    assert "it must be an amount in USD" in refusal(path, "[limits]\nusd_per_day = 1_000_000_000_000")
