"""Half a year of credit requests that people answered by hand, for a backtest: `creditbot sandbox seed-history`.

It goes into the world and the warehouse of a sandbox. Accounts, traffic and amounts are always the same; only the days
follow the clock: the last request is five days old, so that no tick reads it. Analysts answer with what `analyst` works
out, and like people:

    most                  the exact amount, in words of their own; some after days, some for two links at once
    rounded, a cent off   to the dollar, or one cent beside
    other                 by another target than the notebook's
    corrected             a wrong amount first, the right one later
    refused               no credit, although the notebook gives one; or because it gives nothing
    twice                 two requests in one thread
    repeated              the same link again, a week later, which they refuse
    overlapping           half of the same days again, which they pay
    everybody             SQL that names no account; and one amount above the limit for one request
    no query              a dashboard, or a Look that is gone, which they answer all the same
    nobody, unclear       no answer at all, or "Approved!" without an amount
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from creditbot.errors import SettingsError
from creditbot.sandbox.analyst import psms_credit, verify_credit
from creditbot.sandbox.composer import typed
from creditbot.sandbox.looker_content import add_dashboard, add_look, add_query
from creditbot.sandbox.seed import explore_address, psms, verify
from creditbot.sandbox.warehouse import PSMS_ITEM, VERIFY_ITEM, Attack, Destination, Period, Traffic, add_traffic
from creditbot.sandbox.world import LOOKER, SandboxWorld
from creditbot.slack_time import ts_of_micros

REQUESTS = 60
"""How many requests unless somebody says otherwise."""
DAYS, LAST_DAY = 182, 5
"""From how many days ago to how many days ago they were asked."""
_DAY, _HOUR, _MINUTE = 86_400_000_000, 3_600_000_000, 60_000_000
_WINDOW = 28
_ASKERS, _ANALYSTS = ("U0DANA", "U0RAVI", "W0MARTA"), ("U0LEE", "U0OWNER")
_NAMES = {"U0DANA": "Dana", "U0RAVI": "Ravi", "W0MARTA": "Marta"}
_FIRST_LOOK = 2001
_PUMPED = (("+62", "0.3840"), ("+234", "0.2875"), ("+994", "0.3310"), ("+225", "0.2410"), ("+880", "0.3120"))
_QUIET = (Destination("+1", "United States", "0.0083", 212, 19), Destination("+44", "United Kingdom", "0.0420", 58, 9))
_CASES = (
    *["exact"] * 14, *["polite"] * 6, *["late"] * 2, *["two links"] * 2, *["twice"] * 2, *["rounded"] * 2, "a cent off",
    "other", "corrected", "refused", "quiet", "repeated", "overlapping", "everybody", "large", "dashboard", "gone",
    "nobody", "unclear",
)  # fmt: skip
"""What happens in each hundred or so requests, mixed in a new order each time."""


@dataclass(frozen=True)
class Seeded:
    """What was added.

    Attributes:
        requests: how many.
        first, last: UTC days of the first and of the last request.
    """

    requests: int
    first: date
    last: date


@dataclass(frozen=True)
class _Ask:
    """Something that people ask a credit for.

    Attributes:
        link: its address.
        amount: USD that the notebook gives.
        traffic: behind it.
    """

    link: str
    amount: Decimal
    traffic: Traffic


def seed_history(world: SandboxWorld, warehouse: Path, requests: int = REQUESTS) -> Seeded:
    """Adds so many requests with their threads, Looks and traffic. Raises `SettingsError` if there is a history."""
    with world.transaction():
        if world.get("meta", "history"):
            raise SettingsError("This sandbox has a history already.", "Start over with `creditbot sandbox reset`.")
        world.put("meta", "history", {"requests": requests})
        writer = _Writer(world, requests)
        writer.write()
        verify_rows = [each for each in writer.traffic if each.item == VERIFY_ITEM]
        add_traffic(warehouse, verify_rows, [each for each in writer.traffic if each.item == PSMS_ITEM])
    return Seeded(writer.written, writer.day_of(0), writer.day_of(writer.written - 1))


@dataclass
class _Writer:
    """Writes the requests one after the other, evenly over the half year."""

    world: SandboxWorld
    wanted: int
    chance: random.Random = field(default_factory=lambda: random.Random(6349))  # noqa: S311  # nobody is kept out by it
    traffic: list[Traffic] = field(default_factory=list)
    written: int = 0
    looks: int = 0

    def write(self) -> None:
        """Until there are as many as wanted."""
        for case in self._cases():
            if self.written >= self.wanted:
                return
            self._write(case)

    def day_of(self, number: int) -> date:
        """The UTC day of the request with this number."""
        return datetime.fromtimestamp(self._micros(number) / 1_000_000, UTC).date()

    def _cases(self) -> Iterator[str]:
        while True:
            cases = list(_CASES)
            self.chance.shuffle(cases)
            yield from cases

    def _micros(self, number: int) -> int:
        """When that request was asked, in microseconds since 1970."""
        now, share = round(self.world.clock() * 1_000_000), number / max(1, self.wanted - 1)
        return now - DAYS * _DAY + round((DAYS - LAST_DAY) * _DAY * share)

    # -- what people write ---------------------------------------------------------------------------------------------

    def _write(self, case: str) -> None:
        special = {
            "two links": self._two_links, "twice": self._twice, "repeated": self._repeated,
            "overlapping": self._overlapping, "everybody": self._everybody, "large": self._large,
            "dashboard": self._no_query, "gone": self._no_query,
        }  # fmt: skip
        if case in special:
            special[case](case)
            return
        asked = self._ask(blocked=0.97) if case == "quiet" else self._ask()
        ts = self._request(f"{_account(asked)} was pumped, credit please: {asked.link}")
        answers: dict[str, Callable[[], object]] = {
            "exact": lambda: self._answer(ts, _plain(asked.amount)),
            "polite": lambda: self._answer(ts, self._politely(asked.amount)),
            "late": lambda: self._answer(ts, _plain(asked.amount), hours=24 * self.chance.uniform(4, 9)),
            "rounded": lambda: self._answer(ts, _plain(asked.amount.quantize(Decimal(1), ROUND_HALF_UP))),
            "a cent off": lambda: self._answer(ts, _plain(asked.amount + Decimal("0.01"))),
            "other": lambda: self._answer(ts, _plain((asked.amount * Decimal("0.85")).quantize(Decimal("0.01")))),
            "corrected": lambda: self._corrected(ts, asked.amount),
            "refused": lambda: self._answer(ts, "Denied: this customer has opted out of Fraud Guard."),
            "quiet": lambda: self._answer(ts, "No credit here: Fraud Guard stopped nearly all of it."),
            "unclear": lambda: self._answer(ts, "Approved!"),
            "nobody": lambda: None,
        }
        answers[case]()

    def _two_links(self, _: str) -> None:
        one, two = self._ask(), self._ask()
        ts = self._request(f"One credit for {_account(one)} and {_account(two)}, please:\n{one.link}\n{two.link}")
        self._answer(ts, _plain(one.amount + two.amount))

    def _twice(self, _: str) -> None:
        one, two = self._ask(), self._ask()
        ts = self._request(f"Credit please: {one.link}")
        at = self._answer(ts, _plain(one.amount), hours=2.0)
        second = self._request(f"And this one: {two.link}", thread=ts, at=at + 30 * _MINUTE)
        self._answer(ts, _plain(two.amount), after=second)

    def _repeated(self, _: str) -> None:
        asked = self._ask()
        ts = self._request(f"{_account(asked)} was pumped, credit please: {asked.link}")
        self._answer(ts, _plain(asked.amount))
        again = self._request(f"Did anybody see this? {asked.link}")
        self._answer(again, "Denied: duplicate, this was credited already.")

    def _overlapping(self, _: str) -> None:
        asked = self._ask()
        ts = self._request(f"{_account(asked)} was pumped, credit please: {asked.link}")
        self._answer(ts, _plain(asked.amount))
        later = self._again(asked, days=7)
        ts = self._request(f"Some more days of {_account(asked)}, please: {later.link}")
        self._answer(ts, _plain(later.amount))

    def _everybody(self, _: str) -> None:
        asked = self._ask(suffix="-1", filtered="-%")
        ts = self._request(f"All accounts of this customer, please: {asked.link}")
        self._answer(ts, _plain(asked.amount))

    def _large(self, _: str) -> None:
        asked = self._ask(scale=150)
        ts = self._request(f"This is a large one: {asked.link}")
        self._answer(ts, _plain(asked.amount), hours=30)

    def _no_query(self, case: str) -> None:
        asked = self._ask()
        link = f"{LOOKER}/looks/{90_000 + self.written}"
        if case == "dashboard":
            query = add_query(self.world, verify(asked.traffic.account))
            link = add_dashboard(self.world, str(500 + self.written), "Fraud overview", [query])
        ts = self._request(f"{_account(asked)} was pumped, credit please: {link}")
        self._answer(ts, _plain(asked.amount))

    def _request(self, text: str, *, thread: str | None = None, at: int = 0) -> str:
        micros = at or self._micros(self.written) + self.written
        self.written += 1
        user = self.chance.choice(_ASKERS)
        ts = ts_of_micros(micros)
        return self.world.post(ts=ts, user=user, thread_ts=thread, broadcast=thread is not None, **typed(text))

    def _answer(self, thread: str, text: str, *, hours: float | None = None, after: str = "") -> int:
        """An analyst's reply; when it was written, in microseconds since 1970."""
        waited = hours if hours is not None else min(60.0, self.chance.lognormvariate(1.0, 0.9))
        seconds, micros = (after or thread).split(".")
        at = int(seconds) * 1_000_000 + int(micros) + round(waited * _HOUR) + 1
        analyst = self.chance.choice(_ANALYSTS)
        self.world.post(ts=ts_of_micros(at), user=analyst, thread_ts=thread, **typed(text))
        return at

    def _corrected(self, thread: str, amount: Decimal) -> None:
        wrong = f"{amount * 10:,.2f}"
        at = ts_of_micros(self._answer(thread, f"Approved, ${wrong}, exceptions"))
        analyst = self.world.thread(thread)[-1]["user"]
        later = ts_of_micros(int(at.replace(".", "")) + 20 * _MINUTE)
        text = f"Sorry, a typo: that should be ${amount:,.2f}"
        self.world.post(ts=later, user=analyst, thread_ts=thread, **typed(text))

    def _politely(self, amount: Decimal) -> str:
        """In other words than the bot's."""
        name = self.chance.choice(sorted(_NAMES.values()))
        return self.chance.choice(
            (
                f"Hi {name}, approved, ${amount:,.2f}, exceptions. Thanks!",
                f"approved ${amount:,.2f}",
                f"Approved: USD {amount:,.2f} as exceptions",
                f"Looks good! Approved, ${amount:,.2f}",
            )
        )

    # -- what they ask for ---------------------------------------------------------------------------------------------

    def _ask(self, *, scale: float = 1.0, blocked: float | None = None, suffix: str = "", filtered: str = "") -> _Ask:
        """A new account with an attack in the four weeks before the request, and a link to its traffic."""
        name = f"AC-history-{len(self.traffic) + 1:04d}"
        is_psms = not suffix and self.chance.random() < 0.2
        stopped = blocked if blocked is not None else self.chance.uniform(0.1, 0.6)
        first = self.day_of(self.written) - timedelta(days=_WINDOW + 2)
        prefix, price = self.chance.choice(_PUMPED)
        attack = self._attack(prefix, scale, stopped)
        traffic = Traffic(
            name + suffix, PSMS_ITEM if is_psms else VERIFY_ITEM, self.chance.choice(("basic", "basic", "standard")),
            Period(first, _WINDOW), (*_QUIET, Destination(prefix, "there", price, 8, 5)), (attack,),
        )  # fmt: skip
        self.traffic.append(traffic)
        return self._link(traffic, name + (filtered or suffix), first)

    def _attack(self, prefix: str, scale: float, stopped: float) -> Attack:
        days = self.chance.randint(4, 8)
        peak = scale * self.chance.lognormvariate(6.3, 0.8)
        shape = [0.3 + self.chance.random() for _ in range(days)]
        pumped = [round(peak * each) + 40 for each in shape]
        return Attack(prefix, self.chance.randint(16, 20), pumped, [round(n * stopped / (1 - stopped)) for n in pumped])

    def _again(self, asked: _Ask, days: int) -> _Ask:
        """The same account, in a window that begins some days later."""
        return self._link(asked.traffic, asked.traffic.account, asked.traffic.period.first + timedelta(days=days))

    def _link(self, traffic: Traffic, account: str, first: date) -> _Ask:
        dates = f"{first} to {first + timedelta(days=_WINDOW)}"
        is_psms = traffic.item == PSMS_ITEM
        query = psms(account, dates) if is_psms else verify(account, dates)
        rows = [row for row in traffic.rows() if row[0] >= first]
        return _Ask(self._address(query), (psms_credit if is_psms else verify_credit)(rows), traffic)

    def _address(self, query: dict[str, Any]) -> str:
        """One of the ways to share it."""
        kind = self.chance.randrange(4)
        if kind == 0:
            return explore_address(query)
        saved = add_query(self.world, query)
        if kind == 1:
            return f"{LOOKER}/x/{saved['slug']}"
        if kind == 2:
            return f"{LOOKER}/explore/credit/{query['view']}?toggle=fil&qid={saved['client_id']}"
        self.looks += 1
        return add_look(self.world, str(_FIRST_LOOK + self.looks), "Traffic of one account", saved)


def _account(asked: _Ask) -> str:
    return asked.traffic.account


def _plain(amount: Decimal) -> str:
    """As the bot would say it."""
    return f"Approved, ${amount:,.2f}, exceptions"
