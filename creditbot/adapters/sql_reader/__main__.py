"""The process that reads SQL: questions come in by its standard input, what it reads goes out by its standard output.

It ends when its input ends, or at the first question that takes more time or memory than its budget. Time is the
processor's, so that a busy machine makes no difference.
"""

from __future__ import annotations

import resource
import signal
import sys
import traceback
from contextlib import suppress

from creditbot.adapters.sql_reader.wire import defect_line, question_in, reading_line
from creditbot.credit.sql.reading import read_sql
from creditbot.errors import SqlRefused


def main(seconds: int, memory: int) -> None:
    """Answers questions, each within so many seconds of the processor, and all within so many bytes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bot
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for line in sys.stdin.buffer:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        # At this time the system ends the process, also where the bot is gone and nobody waits.
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, most))
        try:
            answer = reading_line(read_sql(question_in(line)))
        except SqlRefused as error:
            answer = reading_line(error)
        except MemoryError:
            return
        except Exception:  # noqa: BLE001 - a defect: the bot raises it with the details
            answer = defect_line(traceback.format_exc())
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
