"""Gives a bot a history: requests that it answered days ago, as it would have left them in Slack and in its files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.stage import Stage
from creditbot.adapters.storage.file_state import FileStore
from creditbot.model import RequestKey
from creditbot.sandbox.composer import typed
from creditbot.sandbox.world import BOT, BOT_USER, CHANNEL, LOOKER, REQUESTER, TEAM
from creditbot.slack_time import ts_of
from creditbot.state.codec import understand, values_after
from creditbot.state.record import Record, Result

AGE = timedelta(days=5)
"""Age of the latest of these requests. A tick does not read messages back so far."""


def add_answered_requests(stage: Stage, count: int) -> None:
    """Adds requests with their replies, records and summaries, one for each minute of the past."""
    (stage.folder / "data" / "outputs").mkdir(parents=True, exist_ok=True)
    latest = datetime.now(UTC) - AGE
    with stage.world.transaction():
        records = dict(_answered_request(stage, latest - timedelta(minutes=number)) for number in range(count))
    store = FileStore(stage.folder / "data" / "processed_messages.json")
    stored = store.read()
    state = understand(stored)
    store.write(values_after(state, replace(state, records={**state.records, **records})), stored.version)


def _answered_request(stage: Stage, moment: datetime) -> tuple[RequestKey, Record]:
    """Posts one request and its reply, and saves its summary. Returns its key and its record."""
    ts, reply = ts_of(moment), ts_of(moment + timedelta(seconds=30))
    sha256 = hashlib.sha256(ts.encode()).hexdigest()
    link = f"{LOOKER}/explore/credit/verify_traffic?toggle=fil&qid={sha256[:22]}"
    stage.world.post(user=REQUESTER, ts=ts, **typed(f"Credit please: {link}"))
    stage.world.post("Approved, $4,948.80, exceptions", user=BOT_USER, bot_id=BOT, ts=reply, thread_ts=ts)
    key = RequestKey(TEAM, CHANNEL, ts)
    summary = stage.folder / "data" / "outputs" / f"summary_{key}.json"
    summary.write_text(json.dumps({"extracted_at": moment.isoformat(), "credit_amount": 4948.80, "credited": [sha256]}))
    record = Record(
        "answered", nonce=ts[-6:], at=moment, began=moment, user=REQUESTER, links=sha256[:16], attempts=1, posts=1,
        result=Result(Decimal("4948.80"), (sha256,), (sha256,), str(summary)), reply=reply, saved=True, seconds=30.0,
    )  # fmt: skip
    return key, record
