"""How what a kernel sends is counted, before anything is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.notebook_host.kernels import ForkedProcess
from creditbot.notebook_host.output_meter import OUTPUT_LIMIT, OutputMeter, TooMuchOutput

HEAD = [b"signature", b"{}", b"{}", b"{}"]
"""What comes before the content of a message."""


class Kernel(ForkedProcess):
    """A process that only notes whether it is to be killed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(1, str(folder), folder / "kernel", self._note)
        self.is_killed = False

    def _note(self) -> None:
        self.is_killed = True


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """A kernel."""
    return Kernel(tmp_path)


@pytest.fixture
def meter(kernel: Kernel) -> OutputMeter:
    """Its meter."""
    return OutputMeter(kernel)


def content(value: object) -> bytes:
    """As ipykernel writes it."""
    return json.dumps(value, ensure_ascii=False).encode()


@cache
def large() -> bytes:
    """A text of more than the limit."""
    return b'"' + b"x" * OUTPUT_LIMIT + b'"'


TOO_MUCH = {
    "text": lambda: [*HEAD, large()],
    "metadata": lambda: [*HEAD[:3], large(), b"{}"],
    "a header": lambda: [HEAD[0], large(), b"{}", b"{}", b"{}"],
    "a buffer of a widget": lambda: [*HEAD, b"{}", large()],
    "many small values": lambda: [*HEAD, content([{}] * 300_000)],
    "many numbers": lambda: [*HEAD, content([1] * 600_000)],
    "many small values in metadata": lambda: [*HEAD[:3], content([[]] * 300_000), b"{}"],
    "wide characters": lambda: [*HEAD, content("x" * (OUTPUT_LIMIT // 4) + "\N{GRINNING FACE}")],
    "characters of two bytes": lambda: [*HEAD, content("x" * (OUTPUT_LIMIT // 2) + "\N{EURO SIGN}")],
}


@pytest.mark.parametrize("message", TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_message_is_measured_by_the_memory_that_it_takes(
    meter: OutputMeter, kernel: Kernel, message: Callable[[], list[bytes]]
) -> None:
    parts = message()
    with pytest.raises(TooMuchOutput):
        meter.count(parts)
    assert kernel.is_killed


ENOUGH = {
    "just below the limit": lambda: [*HEAD, large()[100:]],
    "punctuation in text": lambda: [*HEAD, content({"text": "{}, []" * 1_000_000})],
    "quotation marks in text": lambda: [*HEAD, content({"text": '"{}", \\ [],' * 400_000})],
    "characters of Latin-1": lambda: [*HEAD, content("\N{LATIN SMALL LETTER E WITH ACUTE}" * (OUTPUT_LIMIT // 3))],
}


@pytest.mark.parametrize("message", ENOUGH.values(), ids=ENOUGH)
def test_a_message_below_the_limit_may_come(
    meter: OutputMeter, kernel: Kernel, message: Callable[[], list[bytes]]
) -> None:
    meter.count(message())
    assert not kernel.is_killed


def test_all_messages_of_a_run_are_counted_together(meter: OutputMeter) -> None:
    third = [*HEAD, content("x" * (OUTPUT_LIMIT // 3))]
    meter.count(third)
    meter.count(third)
    with pytest.raises(TooMuchOutput):
        meter.count(third)


def test_a_meter_says_that_its_limit_was_exceeded(meter: OutputMeter) -> None:
    with pytest.raises(TooMuchOutput):
        meter.exceed()
    assert meter.exceeded


@given(st.binary(max_size=200))
def test_any_bytes_can_be_counted(data: bytes) -> None:
    """A notebook may send what is no JSON."""
    meter = OutputMeter.__new__(OutputMeter)
    meter.bytes = 0
    meter.count([b"", b"", b"", data, data])
    assert meter.bytes >= 2 * len(data)
