"""What goes between the bot and the pod of a Job: the task, the result, and the receipt for the result.

The task is a file of the Job's Secret. The result is an object below OUTPUT_URI; it is the reply that the host process
gives, see creditbot/notebook_host/wire.py. The receipt is the pod's termination message: the hash and the size of the
result, or the failure that kept it from being stored. Notebook code runs in the pod, so the bot trusts neither result
nor receipt: it checks size, hash and every type.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from creditbot.errors import CreditbotError
from creditbot.model import CreditDays, NotebookRun
from creditbot.notebook_host.wire import DaysOnTheWire, Reply, days_in, days_on_the_wire, reply_of, run_in
from creditbot.text import shorten

TASK_FILE = "task.json"
"""Key of the Job's Secret that holds the task, and name of its file in the pod."""
RESULTS = "runs"
"""Folder below OUTPUT_URI that results are in."""
MOST_BYTES = 128 * 2**20
"""A larger result is not read: the output of a notebook is limited to a quarter of that."""
_SENTENCE = 600
"""Bytes of each sentence of a failure in a receipt: a termination message holds 4,096 bytes."""
_DECIMAL = "$decimal"


class ResultDamaged(Exception):
    """A result or a receipt is not what the pod should have left. The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a pod is to do.

    Attributes:
        notebook: absolute path, the same in the bot's pod and in the Job's.
        sql: becomes the notebook's parameter `looker`.
        days: those to credit; None if nobody knows them.
        values: what to set in the notebook's policy cell, name -> value.
        seconds: NOTEBOOK_TIMEOUT.
        environment: what the notebook sees of the bot's environment, without what is about the bot's process.
        names: NOTEBOOK_ENV: what it may see of the pod's own environment, besides PATH, HOME and LANG.
        output: OUTPUT_URI.
        result: where the result goes below it.
    """

    notebook: str
    sql: str
    days: CreditDays | None
    values: Mapping[str, str]
    seconds: float
    environment: Mapping[str, str]
    names: tuple[str, ...]
    output: str
    result: str

    def text(self) -> str:
        """The task as it is in the Secret: the same text for the same task, in whatever order its variables come."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return json.dumps({**fields, "days": days_on_the_wire(self.days)}, ensure_ascii=False, sort_keys=True)


def task_in(text: str) -> Task:
    """The task in a Secret's file."""
    fields = json.loads(text)
    days: DaysOnTheWire | None = fields.pop("days")
    return Task(**{**fields, "days": days_in(days), "names": tuple(fields["names"])})


def result_of(outcome: NotebookRun | CreditbotError) -> bytes:
    """The result as it is stored, every Decimal with its own digits."""
    text = json.dumps(reply_of(0, outcome), default=_exact, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def receipt_for(result: bytes) -> str:
    """The receipt for a result that was stored."""
    return json.dumps({"sha256": hashlib.sha256(result).hexdigest(), "bytes": len(result)})


def failure_receipt(error: CreditbotError) -> str:
    """The receipt where no result could be stored."""
    failure = reply_of(0, error)["failure"]
    short = {name: shorten(str(failure[name]), _SENTENCE) for name in ("kind", "what", "todo", "service")}
    return json.dumps({"failure": short}, ensure_ascii=False)


def run_of(result: bytes, receipt: str) -> NotebookRun:
    """The run in a result. Raises the failure where there was one, and `ResultDamaged` for what no pod should leave."""
    expected = _json(receipt)
    if not isinstance(expected, dict) or expected.get("sha256") != hashlib.sha256(result).hexdigest():
        raise ResultDamaged("it is not the one that the pod stored" if result else "it is not there")
    return _outcome(_json(result))


def failure_in(receipt: str) -> CreditbotError | None:
    """The failure in a receipt; None for any other text."""
    try:
        _outcome(_json(receipt))
    except CreditbotError as failure:
        return failure
    except ResultDamaged:
        pass
    return None


class _Failure(TypedDict):
    kind: Literal["NotebookFailed", "NotebookStopped", "Unreachable", "Refused", "SettingsError"]
    what: Annotated[str, Field(max_length=20_000)]
    todo: Annotated[str, Field(max_length=20_000)]
    service: Annotated[str, Field(max_length=500)]


@cache
def _types() -> tuple[TypeAdapter[_Failure], TypeAdapter[NotebookRun]]:
    return TypeAdapter(_Failure), TypeAdapter(NotebookRun)


def _outcome(reply: object) -> NotebookRun:
    """The run in a reply whose every type is checked. Raises the failure in it."""
    if not isinstance(reply, dict) or not ("run" in reply) ^ ("failure" in reply):
        raise ResultDamaged("it holds neither a run nor a failure")
    failure_type, run_type = _types()
    try:
        if "run" in reply:
            return run_type.validate_python(reply["run"])
        failure: dict[str, Any] = {**failure_type.validate_python(reply["failure"])}
        if "run" in reply["failure"]:
            failure["run"] = asdict(run_type.validate_python(reply["failure"]["run"]))
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False, include_url=False)[0]["loc"]))
        raise ResultDamaged(f"its field {where} is not what it should be") from None
    return run_in(Reply(id=0, failure=failure))


def _json(text: str | bytes) -> object:
    try:
        plain = text.decode("utf-8", "surrogatepass") if isinstance(text, bytes) else text
        return json.loads(plain, object_hook=_with_decimals, parse_float=Decimal)
    except (ValueError, RecursionError, InvalidOperation):
        raise ResultDamaged("it is not JSON") from None


def _exact(value: object) -> object:
    return {_DECIMAL: str(value)} if isinstance(value, Decimal) else str(value)


def _with_decimals(fields: dict[str, Any]) -> Any:
    return Decimal(fields[_DECIMAL]) if fields.keys() == {_DECIMAL} and isinstance(fields[_DECIMAL], str) else fields
