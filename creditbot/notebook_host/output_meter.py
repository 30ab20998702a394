"""Counts what a kernel sends, whatever it is for, and has the kernel killed when that is too much.

kernel_client.py shows it every message before anything is made of it: what is refused is never parsed nor kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from creditbot.notebook_host.kernels import ForkedProcess

OUTPUT_LIMIT = 32 * 2**20
"""Bytes of memory that the output of one notebook may take: it is held as long as the notebook runs."""

_VALUE = 64
"""Bytes that a value in JSON takes in memory beside its text: as many as an empty dict."""

_STRING = re.compile(rb'"[^"]*"')
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_BEYOND_LATIN_1, _BEYOND_16_BITS = re.compile(rb"[\xc4-\xff]"), re.compile(rb"[\xf0-\xff]")


class TooMuchOutput(Exception):
    """A notebook sent more than `OUTPUT_LIMIT`. Its kernel is about to end."""


class OutputMeter:
    """Counts what one kernel sends.

    Args:
        process: of the kernel.

    Attributes:
        bytes: of memory that all of it may take.
        exceeded: whether that is too much.
    """

    def __init__(self, process: ForkedProcess) -> None:
        self._process = process
        self.bytes = 0
        self.exceeded = False

    def count(self, message: Sequence[bytes]) -> None:
        """Counts a message: signature, header, parent header, metadata, content and buffers. Raises `TooMuchOutput`."""
        self.bytes += sum(map(len, message))
        for part in message[3:5]:
            if self.bytes <= OUTPUT_LIMIT:  # a larger one is not even looked at
                self.bytes += _beside_its_length(part)
        if self.bytes > OUTPUT_LIMIT:
            self.exceed()

    def exceed(self) -> None:
        """Has the kernel killed, and raises `TooMuchOutput`."""
        self.exceeded = True
        self._process.kill()
        raise TooMuchOutput


def _beside_its_length(text: bytes) -> int:
    """Bytes of memory that a text in JSON takes when it is parsed, more than it has itself."""
    width = 1
    if not text.isascii():  # Python keeps each text in the width of its widest character
        width = 4 if _BEYOND_16_BITS.search(text) else 2 if _BEYOND_LATIN_1.search(text) else 1
    return len(text) * (width - 1) + _VALUE * _values(text)


def _values(text: bytes) -> int:
    """About how many values a text in JSON holds: the content of strings does not count."""
    if _punctuation(text) * _VALUE < len(text):
        return 0
    return _punctuation(_STRING.sub(b"", _ESCAPED.sub(b"", text)))


def _punctuation(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
