"""The host process: reads requests from stdin, runs the notebooks, and writes replies to stdout, see `wire.py`."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import threading
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from creditbot.errors import THIS_MACHINE, CreditbotError, NotebookFailed, Unreachable
from creditbot.machine.hardening import confine
from creditbot.notebook_host.kernels import KernelLauncher
from creditbot.text import one_line

if TYPE_CHECKING:  # what these import can wait until the fork server has started
    from creditbot.model import NotebookRun
    from creditbot.notebook_host.executor import NotebookExecutor
    from creditbot.notebook_host.wire import HostSettings, RunRequest, WarmRequest

_THREADS = 128
"""More than there are ever requests at a time; threads start only when needed."""


def main() -> None:
    """Serves until stdin ends."""
    confine()  # first: it concerns only threads and processes that start after it
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    settings: HostSettings = json.loads(sys.stdin.readline())
    folder = Path(settings["folder"])
    launcher = KernelLauncher(settings["environment"], settings["notebooks"], folder)
    try:
        _serve(settings, launcher, replies)
    finally:
        launcher.close()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)  # threads may still wait for kernels that are gone


def _serve(settings: HostSettings, launcher: KernelLauncher, replies: BinaryIO) -> None:
    def prestart() -> None:
        if settings["notebooks"]:
            launcher.prestart(str(Path(settings["notebooks"][0]).parent))

    prestart()
    pool = ThreadPoolExecutor(_THREADS)
    executor = pool.submit(_executor, settings, launcher)  # in a thread, so that this one sees the end of stdin
    lock = threading.Lock()

    def reply(request: RunRequest) -> None:
        from creditbot.notebook_host.wire import reply_of

        line = json.dumps(reply_of(request["id"], _outcome(executor, request)), default=str, ensure_ascii=False)
        with lock:
            replies.write(line.encode("utf-8", "surrogatepass") + b"\n")
            replies.flush()

    for line in sys.stdin:
        message: RunRequest | WarmRequest = json.loads(line)
        if "warm" in message:
            pool.submit(prestart)  # where it fails, the run will say so
        else:
            pool.submit(reply, message)


def _executor(settings: HostSettings, launcher: KernelLauncher) -> NotebookExecutor:
    """Imports papermill, while the fork server imports what the notebooks need."""
    gc.disable()  # imports leave almost no garbage, and looking for it takes a sixth of their time
    warnings.simplefilter("ignore")  # libraries warn of one another
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # papermill wants it for HDFS only: a third of its import
    from creditbot.notebook_host.executor import NotebookExecutor
    from creditbot.notebook_host.keeper import NotebookKeeper
    from creditbot.text.known_secrets import know_secrets, secrets_of

    del sys.modules["pyarrow"]
    know_secrets(secrets_of(settings["environment"]))
    gc.freeze()
    gc.enable()
    keep_dir = settings["keep_dir"]
    keeper = NotebookKeeper(settings["keep"], Path(keep_dir) if keep_dir else None)
    return NotebookExecutor(launcher, settings["seconds"], keeper, settings.get("values", {}))


def _outcome(executor: Future[NotebookExecutor], request: RunRequest) -> NotebookRun | CreditbotError:
    """What a request ended in. Nothing is raised: the bot gets every failure as a sentence."""
    from creditbot.notebook_host.wire import days_in

    notebook = request["notebook"]
    try:
        return executor.result().run(notebook, request["sql"], days_in(request["days"]))
    except CreditbotError as error:
        return error
    except OSError as error:
        what = f"The notebook {notebook} could not be run on this machine: {error}."
        todo = "Make sure that the temporary folder exists, has free space and can be written to."
        return Unreachable(THIS_MACHINE, what, todo)
    except Exception as error:  # noqa: BLE001  # the boundary of the process
        reason = one_line(f"{type(error).__name__}: {error}", 300).rstrip(".: ")
        what = f"The notebook {notebook} could not be run: {reason}."
        return NotebookFailed(what, "Check whether it runs in Jupyter.")


if __name__ == "__main__":
    main()
