"""What a check of `creditbot check` gives: results, each with a verdict and what to do. Pure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, TypeVar

from creditbot.errors import CreditbotError

T = TypeVar("T")

CheckVerdict = Literal["ok", "note", "FAIL"]
"""`note`: it works, but somebody should know."""
CheckFindings = list[tuple[CheckVerdict, str]]
"""What a check gives: one or more verdicts, each with what was found and what to do."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the output.

    Attributes:
        name: the part that was checked.
        verdict: whether it works.
        text: what was found, and what to do.
    """

    name: str
    verdict: CheckVerdict
    text: str

    @property
    def ok(self) -> bool:
        """Whether the bot can do its work as far as this goes."""
        return self.verdict != "FAIL"

    def __str__(self) -> str:
        """One line."""
        return f"{self.verdict:<4}  {self.name:<18}  {' '.join(self.text.split())}"


def succeeds(question: Callable[[], object]) -> bool:
    """Whether a question has an answer. If it has none, another check says why."""
    try:
        question()
    except CreditbotError:
        return False
    return True


def attempt(name: str, check: Callable[[], CheckFindings]) -> Iterator[CheckResult]:
    """The results of one check. If it raises one of our errors, that is a result, too."""
    try:
        for verdict, text in check():
            yield CheckResult(name, verdict, text)
    except CreditbotError as error:
        yield CheckResult(name, "FAIL", str(error))


def begin(
    question: Callable[[], T], *, silence: CreditbotError | None = None, seconds: float | None = None
) -> Callable[[], T]:
    """Asks in the background; what is returned waits for the answer, or raises what the question raised.

    A question that never ends does not keep the process from ending.

    Args:
        question: what is asked.
        silence: the error if nothing answers in time.
        seconds: how long the answer may take from now on; None if it may take as long as it does.
    """
    answer: Future[T] = Future()
    due = None if seconds is None else time.monotonic() + seconds

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001  # raised where somebody waits for the answer
            answer.set_exception(error)

    def wait() -> T:
        try:
            return answer.result(None if due is None else max(0.0, due - time.monotonic()))
        except TimeoutError:
            if silence is None or answer.done():
                raise  # the question itself has raised it
            raise silence from None

    threading.Thread(target=ask, name="check", daemon=True).start()
    return wait
