"""What the pod of a Job does: reads its task, runs the notebook as the bot would, stores the result, leaves a receipt.

`python -m creditbot.adapters.jobs`. It ends with 0 if the result is stored, whatever became of the notebook, and else
with 1.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import FrameType

from creditbot.adapters.jobs.wire import TASK_FILE, Task, failure_receipt, receipt_for, result_of, task_in
from creditbot.adapters.notebooks.environment import kernel_environment
from creditbot.adapters.notebooks.runner import NotebookRunner
from creditbot.adapters.storage.objects import Objects
from creditbot.errors import CreditbotError
from creditbot.model import NotebookRun
from creditbot.text import one_line
from creditbot.text.known_secrets import know_secrets, secrets_of

TASK_FOLDER = Path("/task")
"""Where the Job's Secret is mounted."""
RECEIPT = Path("/dev/termination-log")
"""Where Kubernetes takes the termination message from."""


def main(task_folder: Path = TASK_FOLDER, receipt: Path = RECEIPT) -> int:
    """Does the task. Returns the exit status."""
    signal.signal(signal.SIGTERM, _stop)  # a container's first process ignores it otherwise
    task = task_in((task_folder / TASK_FILE).read_text("utf-8"))
    environment = environment_of(task, os.environ)
    know_secrets([*secrets_of(environment), *secrets_of(os.environ)])
    outcome = run(task, environment)
    print(_line(task, outcome), flush=True)
    try:
        result = result_of(outcome)
        Objects(task.output).put(task.result, result, "application/json")
    except CreditbotError as error:
        print(one_line(str(error)), flush=True)
        receipt.write_text(failure_receipt(error))
        return 1
    receipt.write_text(receipt_for(result))
    return 0


def run(task: Task, environment: Mapping[str, str]) -> NotebookRun | CreditbotError:
    """What becomes of the notebook."""
    path = Path(task.notebook)
    values = {path: task.values} if task.values else {}
    runner = NotebookRunner([path], environment, seconds=task.seconds, keep="none", values=values)
    with closing(runner):
        try:
            return runner.run(task.notebook, task.sql, task.days)
        except CreditbotError as error:
            return error


def environment_of(task: Task, environ: Mapping[str, str]) -> dict[str, str]:
    """What the notebook sees: what it sees of the bot's environment, and over that what it may see of the pod's own."""
    return {**task.environment, **kernel_environment(environ, task.names)}


def _line(task: Task, outcome: NotebookRun | CreditbotError) -> str:
    if isinstance(outcome, CreditbotError):
        return one_line(str(outcome))
    return f"{task.notebook} ran in {outcome.seconds:.1f} s."


def _stop(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
