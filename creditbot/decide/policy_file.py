"""Reads POLICY_FILE, a TOML file, into a `Policy`.

A key that the file leaves out has the default that is shown here:

    [limits]                          # amounts above which a person decides, in USD
    usd_per_request = 25000           # false: no limit
    # usd_per_account_and_month = 50000   # the month is that of the traffic
    # usd_per_day = 100000

    [accounts]
    fields = ["account_sid", "account_id", "subaccount_sid", "sub_account_sid"]
    required = true                   # false: the SQL of a link need not restrict an account to names
    always_ask = []                   # a person decides on every credit for these accounts

    [age]
    # days = 30                       # a person decides on traffic whose month ended longer ago

    [overlap]
    hold = true                       # false: traffic may be credited again, and SQL may count rows twice

    [thread]
    talk = "everybody"                # whose plain words hold a request: "everybody", "approvers" or "nobody"

    [second_opinion]
    hold = false                      # true: a person decides on an amount that people do not usually credit
    percent = 95                      # of their answers that count as usual: 80 to 99

    [approval]
    # approvers = ["U0ROSA", "U0SAM"]   # default: APPROVERS, or else the owner
    # channel = "credit-approvals"      # default: APPROVAL_CHANNEL, or else direct messages to the owner
    hours = 72                        # after so many hours without a decision, a request ends as denied

    # [[approval.quorum]]               # larger amounts need more people
    # above_usd = 50000
    # people = 2
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator
from pydantic_core import ErrorDetails

from creditbot.credit.amount import CENT, LARGEST
from creditbot.decide.policy import DEFAULT_LIMIT, Band, Limits, OpinionRules, Policy, Talkers, TrafficRules
from creditbot.model import ACCOUNT_FIELDS
from creditbot.settings.names import nearest
from creditbot.settings.toml_file import place_in, read_toml, said_of
from creditbot.settings.types import Channel, is_member


def load_policy(path: Path) -> Policy:
    """The policy of POLICY_FILE. Raises a `SettingsError` that names the file and the key."""
    return read_toml("POLICY_FILE", path, lambda table: _File.model_validate(table).policy(), _problem)


def _usd(value: object) -> Decimal:
    amount = Decimal(value) if type(value) is int else value
    if not (isinstance(amount, Decimal) and amount.is_finite() and 0 < amount < LARGEST) or amount % CENT:
        raise ValueError("it must be an amount in USD above zero, with at most two decimal places and without quotes")
    return amount


def _usd_or_none(value: object) -> Decimal | None:
    return None if value is False else _usd(value)


def _member(value: str) -> str:
    if not is_member(value):
        raise ValueError("it must be a member ID, which starts with U or W")
    return value


Usd = Annotated[Decimal, PlainValidator(_usd)]
Member = Annotated[str, AfterValidator(_member)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Limits(_Part):
    usd_per_request: Annotated[Decimal | None, PlainValidator(_usd_or_none)] = DEFAULT_LIMIT
    usd_per_account_and_month: Usd | None = None
    usd_per_day: Usd | None = None


class _Quorum(_Part):
    above_usd: Usd
    people: int = Field(ge=1)


class _Approval(_Part):
    approvers: list[Member] = []
    channel: Channel = ""
    hours: int = Field(default=72, ge=1, le=24 * 60)
    quorum: list[_Quorum] = []


class _Accounts(_Part):
    fields: list[Annotated[str, Field(pattern=r"^\w+$")]] = Field(default=list(ACCOUNT_FIELDS), min_length=1)
    required: bool = True
    always_ask: list[Annotated[str, Field(pattern=r"\S")]] = []


class _Age(_Part):
    days: int | None = Field(default=None, ge=0, le=3660)


class _Overlap(_Part):
    hold: bool = True


class _Thread(_Part):
    talk: Talkers = "everybody"


class _SecondOpinion(_Part):
    hold: bool = False
    percent: int = Field(default=95, ge=80, le=99)


class _File(_Part):
    limits: _Limits = _Limits()
    accounts: _Accounts = _Accounts()
    age: _Age = _Age()
    overlap: _Overlap = _Overlap()
    thread: _Thread = _Thread()
    second_opinion: _SecondOpinion = _SecondOpinion()
    approval: _Approval = _Approval()

    def policy(self) -> Policy:
        limits, approval = self.limits, self.approval
        return Policy(
            Limits(limits.usd_per_request, limits.usd_per_account_and_month, limits.usd_per_day),
            tuple(approval.approvers),
            approval.channel,
            timedelta(hours=approval.hours),
            tuple(Band(band.above_usd, band.people) for band in approval.quorum),
            TrafficRules(
                tuple(name.lower() for name in self.accounts.fields), self.accounts.required, self.overlap.hold,
                tuple(self.accounts.always_ask), self.age.days,
            ),
            self.thread.talk,
            OpinionRules(self.second_opinion.hold, self.second_opinion.percent),
        )  # fmt: skip


_TABLES: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): _File, ("limits",): _Limits, ("approval",): _Approval, ("approval", "quorum"): _Quorum,
    ("accounts",): _Accounts, ("age",): _Age, ("overlap",): _Overlap, ("thread",): _Thread,
    ("second_opinion",): _SecondOpinion,
}  # fmt: skip


def _problem(problem: ErrorDetails) -> str:
    """Such as "limits, usd_per_dya: there is no such key; the nearest one is usd_per_day"."""
    loc, names = problem["loc"], place_in(problem)
    if problem["type"] != "extra_forbidden":
        return f"{', '.join(names)}: {said_of(problem)}"
    table = _TABLES[tuple(str(part) for part in loc[:-1] if not isinstance(part, int))]
    return f"{', '.join(names)}: there is no such key; the nearest one is {nearest(str(loc[-1]), table.model_fields)}"
