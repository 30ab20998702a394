"""The bot's end of the process that reads SQL: starts it, asks it, and ends it when it takes too long.

Questions come from `creditbot.credit.compute`, one at a time; what is read goes back there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import creditbot
from creditbot.errors import THIS_MACHINE, SqlRefused, Unreachable

if TYPE_CHECKING:
    from creditbot.credit.sql.reading import SqlQuestion, SqlReading

SECONDS = 10
"""Seconds of processor time for one question. The largest SQL that people write takes less than two."""

MEMORY = 256 * 1024**2
"""Bytes of the process's address space. It starts with 36 MiB; the largest SQL that people write takes 60."""

_WAITING = 12.0 * SECONDS
"""Seconds by the clock, for a machine that is busy with other things."""


class SqlReaderProcess:
    """Reads SQL as `read_sql` does, within a budget: a `SqlReader`. Safe to use from several threads, which take turns.

    Args:
        seconds: of the processor for one question.
        memory: bytes of address space.
        waiting: seconds by the clock for one question.
    """

    def __init__(self, seconds: int = SECONDS, memory: int = MEMORY, waiting: float = _WAITING) -> None:
        self._seconds = seconds
        self._memory = memory
        self._waiting = waiting
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Starts the process, which then imports its parser in the background."""
        with self._lock, suppress(Unreachable, SqlRefused):
            self._running()

    def read(self, question: SqlQuestion) -> SqlReading:
        """What the SQL says. Raises `SqlRefused` for SQL that cannot be read, or not within the budget.

        Raises `Unreachable` if this machine cannot start the process.
        """
        from creditbot.adapters.sql_reader.wire import question_line, reading_in  # nothing that an idle tick needs

        with self._lock:
            answer = self._ask(self._running(), question_line(question))
            if not answer:
                self._end()
                self._refuse_if_closed()  # the bot ended the process, which says nothing about the SQL
                raise SqlRefused(
                    f"The SQL is too complicated: reading it takes more than {self._seconds} s or "
                    f"{self._memory >> 20} MiB.",
                    "Make the query simpler, or answer by hand.",
                )
        return reading_in(answer)

    def close(self) -> None:
        """Ends the process for good; a question that it works on is refused."""
        self._closed, process = True, self._process
        if process is not None:
            process.kill()  # a thread that waits for its answer then continues
        with self._lock:
            self._end()

    def _ask(self, process: subprocess.Popen[bytes], line: bytes) -> bytes:
        """The answer; nothing if the process ended without one."""
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(self._waiting, process.kill)
        timer.start()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            return process.stdout.readline()
        except BrokenPipeError:
            return b""
        finally:
            timer.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        self._refuse_if_closed()
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._start()
        return self._process

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise SqlRefused("Shutting down: the SQL was not read.", "The next tick will read it.", retry=True)

    def _start(self) -> subprocess.Popen[bytes]:
        root = str(Path(creditbot.__file__).parent.parent)
        path = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": root}
        try:
            return subprocess.Popen(  # noqa: S603  # our own module, in this Python
                [sys.executable, "-P", "-m", "creditbot.adapters.sql_reader", str(self._seconds), str(self._memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=path,  # no secret of the bot's
            )
        except OSError as error:
            raise Unreachable(
                THIS_MACHINE,
                f"The process that reads SQL cannot be started: {error.strerror}.",
                "Check how much memory is free.",
            ) from None

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
        process.wait()
