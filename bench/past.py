"""Makes up a past: summaries of requests as creditbot writes them, varied, and the same for the same seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from creditbot.credit.footprint import Accounts, Days, Flagged, Footprint, Unit
from creditbot.credit.footprint_text import footprint_to_json
from creditbot.model import RequestKey
from creditbot.slack_time import ts_of

TEAM, CHANNEL = "T0BENCH", "C0CREDITS"
PEOPLE = ("U0DANA", "U0MARTA", "U0RAVI", "U0LEE", "U0ROSA")
_STATUSES = ("answered", "elsewhere", "given_up", "denied", "skipped", "withdrawn")
_WEIGHTS = (86, 5, 5, 1, 1, 2)
_CAUSES = ("link", "already credited", "sql", "unreachable", "notebook", None)


def past_summaries(count: int, until: datetime, days: int = 360, seed: int = 1) -> Iterator[tuple[RequestKey, Any]]:
    """`count` requests with their summaries, evenly over the days before `until` (UTC), oldest first."""
    made_up = random.Random(seed)  # noqa: S311  # nobody is kept out by it
    for number in range(count):
        asked = until - timedelta(days=days) * ((count - number) / (count + 1))
        key = RequestKey(TEAM, CHANNEL, ts_of(asked))
        yield key, _summary(key, asked, made_up)


def _summary(key: RequestKey, asked: datetime, made_up: random.Random) -> Mapping[str, Any]:
    status = made_up.choices(_STATUSES, _WEIGHTS)[0]
    links = [_link(asked, made_up) for _ in range(made_up.choices((1, 2, 3), (80, 15, 5))[0])]
    amount = sum((link["credit"] for link in links), Decimal(0))
    replied = asked + timedelta(seconds=made_up.lognormvariate(4.2, 0.6))
    is_held = status == "denied" or (status == "answered" and made_up.random() < 0.03)
    if is_held:
        replied += timedelta(hours=made_up.expovariate(0.2))
    outcome: dict[str, Any] = {
        "status": status, "at": _stamp(replied), "first_seen": _stamp(asked + timedelta(seconds=20)), "attempts": 1,
    }  # fmt: skip
    if status in ("answered", "elsewhere"):
        outcome["reply"] = ts_of(replied)
    if status == "answered":
        outcome["seconds"] = Decimal(f"{made_up.lognormvariate(2.5, 0.5):.3f}")
    if status == "elsewhere":
        outcome |= {"answer_by": "U0LEE", "answer_amount": amount, "reason": "Answered in the thread."}
    if status == "given_up":
        cause = made_up.choice(_CAUSES)
        outcome |= {"reason": f"The {cause} failed, with its sentence.", **({"cause": cause} if cause else {})}
    if is_held:
        outcome["approval"] = _approval(status, replied, amount, made_up)
    return {
        "extracted_at": _stamp(asked),
        "credit_amount": amount if status == "answered" else None,
        **({} if status == "answered" else {"computed_amount": amount}),
        "summary_outputs": {},
        "request": {
            "author": made_up.choice(PEOPLE), "key": str(key), "text": "Credit please",
            "permalink": f"https://bench.slack.com/archives/{CHANNEL}/p{key.ts.replace('.', '')}",
        },
        "links": links,
        "outcome": outcome,
    }  # fmt: skip


def _approval(status: str, decided: datetime, amount: Decimal, made_up: random.Random) -> Mapping[str, Any]:
    vote = {"by": "U0OWNER", "vote": "no" if status == "denied" else "yes", "first_seen": _stamp(decided)}
    kind = made_up.choice(("request limit", "overlap"))
    reason = {"kind": kind, "text": f"This is why: {kind}.", **({"twice": amount / 2} if kind == "overlap" else {})}
    if kind == "overlap":
        reason["twice"] = (amount / 2).quantize(Decimal("0.01"))
    return {
        "digest": _hash(made_up), "policy": _hash(made_up), "until": _stamp(decided), "reasons": [reason],
        "votes": [vote] if made_up.random() < 0.9 else [],
    }  # fmt: skip


def _link(asked: datetime, made_up: random.Random) -> dict[str, Any]:
    product = made_up.choices(("verify", "psms"), (3, 1))[0]
    account = f"AC-bench-{min(int(made_up.paretovariate(0.6)), 3000):04d}"
    start = asked.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(days=31)
    units = {
        Unit(account, (start + timedelta(days=day)).date(), f"+{made_up.randint(1, 99)}", "standard"): Flagged(
            made_up.randint(1, 5000), Decimal(made_up.randint(1, 100_000)) / 100
        )
        for day in range(made_up.randint(3, 31))
    }
    footprint = Footprint(
        product,
        Accounts({"account_sid": frozenset({account})}),
        Days("day", start, start + timedelta(days=31)),
        units,
    )
    return {
        "url": f"https://bench.looker.com/looks/{made_up.randint(1, 9999)}", "kind": "look", "product": product,
        "sql": f"SELECT the traffic of {account}", "sql_sha256": _hash(made_up),
        "notebook": f"notebooks/{product}.ipynb", "notebook_sha256": hashlib.sha256(product.encode()).hexdigest(),
        "versions": {"python": "3.11.7", "papermill": "2.7.0", "pandas": made_up.choice(("3.1.0", "3.1.1"))},
        "credit": Decimal(f"{made_up.lognormvariate(6.5, 1.2):.2f}"),
        "footprint": footprint_to_json(footprint),
    }  # fmt: skip


def _hash(made_up: random.Random) -> str:
    return f"{made_up.getrandbits(256):064x}"


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
