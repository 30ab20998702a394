"""A past: requests that were answered long ago, where a bot leaves them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pydantic import TypeAdapter

from bench.stage import Stage
from creditbot.adapters.storage.file_state import FileStore
from creditbot.model import RequestKey
from creditbot.sandbox.composer import typed
from creditbot.sandbox.world import BOT, BOT_USER, CHANNEL, LOOKER, REQUESTER, TEAM
from creditbot.slack_time import ts_of
from creditbot.state.record import Record, Result

_RECORD = TypeAdapter(Record)
OLDER = timedelta(days=5)
"""Than what is read back, with the day that our clock may be wrong."""


def fill(stage: Stage, requests: int) -> None:
    """Adds requests with their replies, records and summaries: one a minute, the latest five days ago."""
    (stage.folder / "data" / "outputs").mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC) - OLDER
    with stage.world.transaction():
        records = dict(_one(stage, now - timedelta(minutes=number)) for number in range(requests))
    store = FileStore(stage.folder / "data" / "processed_messages.json")
    known = store.read()
    store.write({**known.values, **records}, known.version)


def _one(stage: Stage, asked: datetime) -> tuple[str, str]:
    """Posts one request and its reply, saves its summary; gives its key and record in the state."""
    ts, reply = ts_of(asked), ts_of(asked + timedelta(seconds=30))
    sha = hashlib.sha256(ts.encode()).hexdigest()
    address = f"{LOOKER}/explore/credit/verify_traffic?toggle=fil&qid={sha[:22]}"
    stage.world.post(user=REQUESTER, ts=ts, **typed(f"Credit please: {address}"))
    stage.world.post("Approved, $4,948.80, exceptions", user=BOT_USER, bot_id=BOT, ts=reply, thread_ts=ts)
    key = str(RequestKey(TEAM, CHANNEL, ts))
    place = stage.folder / "data" / "outputs" / f"summary_{key}.json"
    place.write_text(json.dumps({"extracted_at": asked.isoformat(), "credit_amount": 4948.80, "credited": [sha]}))
    result = Result(Decimal("4948.80"), (sha,), (sha,), str(place))
    record = Record(
        "answered", ts[-6:], asked, asked, user=REQUESTER, links=sha[:16], attempts=1, result=result, posts=1,
        reply=reply, saved=True, seconds=30.0,
    )  # fmt: skip
    return key, _RECORD.dump_json(record, exclude_defaults=True).decode()
