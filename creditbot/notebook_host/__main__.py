"""The host process. The bot starts it, writes the settings as the first line and then requests, and reads answers.

    {"environment": {...}, "notebooks": [PATH, ...], "folder": PATH, "seconds": N, "keep": POLICY, "keep_dir": PATH}
    {"id": 1, "notebook": PATH, "sql": TEXT}   ->   {"id": 1, "run": {...}} or {"id": 1, "failure": {...}}

One JSON object a line; answers come as they are ready. When stdin ends, everything ends.
"""

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
from typing import TYPE_CHECKING, BinaryIO, TypedDict

from creditbot.errors import THIS_MACHINE, CreditbotError, NotebookFailed, Unreachable
from creditbot.notebook_host.kernels import Nursery

if TYPE_CHECKING:
    from creditbot.notebook_host.keeping import Policy
    from creditbot.notebook_host.running import NotebookHost

_THREADS = 128
"""More than there are ever requests at a time; threads start only when needed."""


class Settings(TypedDict):
    """The first line, see `NotebookRunner`; `folder` is for the host's own files."""

    environment: dict[str, str]
    notebooks: list[str]
    folder: str
    seconds: float
    keep: Policy
    keep_dir: str | None


class Request(TypedDict):
    """The other lines."""

    id: int
    notebook: str
    sql: str


def main() -> None:
    """Serves until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that prints may speak in our name
    settings: Settings = json.loads(sys.stdin.readline())
    folder = Path(settings["folder"])
    nursery = Nursery(settings["environment"], settings["notebooks"], folder)
    try:
        _serve(settings, nursery, answers)
    finally:
        nursery.close()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)  # threads may still wait for kernels that are gone


def _serve(settings: Settings, nursery: Nursery, answers: BinaryIO) -> None:
    if settings["notebooks"]:
        nursery.start_ahead(str(Path(settings["notebooks"][0]).parent))
    pool = ThreadPoolExecutor(_THREADS)
    host = pool.submit(_host, settings, nursery)  # beside this thread, so that the end of stdin is seen at any time
    lock = threading.Lock()

    def answer(request: Request) -> None:
        text = json.dumps({"id": request["id"], **_answer(host, request)}, default=str)
        with lock:
            answers.write(text.encode() + b"\n")
            answers.flush()

    for line in sys.stdin:
        pool.submit(answer, json.loads(line))


def _host(settings: Settings, nursery: Nursery) -> NotebookHost:
    """Imports papermill while the nursery imports what the notebooks need."""
    gc.disable()  # imports leave next to no garbage, and looking for it takes a sixth of their time
    warnings.simplefilter("ignore")  # of libraries, about each other
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # papermill wants it for HDFS only: a third of its import
    from creditbot.notebook_host.keeping import Keeper
    from creditbot.notebook_host.running import NotebookHost

    del sys.modules["pyarrow"]
    gc.freeze()
    gc.enable()
    keep_dir = settings["keep_dir"]
    keeper = Keeper(settings["keep"], Path(keep_dir) if keep_dir else None)
    return NotebookHost(nursery, settings["seconds"], keeper)


def _answer(host: Future[NotebookHost], request: Request) -> dict[str, object]:
    notebook = request["notebook"]
    failure: CreditbotError
    try:
        return {"run": host.result().run(notebook, request["sql"])}
    except CreditbotError as error:
        failure = error
    except OSError as error:
        what = f"The notebook {notebook} could not be run on this machine: {error}."
        todo = "Make room in the temporary folder, and see that it can be written."
        failure = Unreachable(THIS_MACHINE, what, todo)
    except Exception as error:  # noqa: BLE001  # the boundary: whatever it is, the bot hears it as a sentence
        what = f"The notebook {notebook} could not be run: {type(error).__name__}: {error}."
        failure = NotebookFailed(what, "Open it in Jupyter and see whether it runs there.")
    told = {"kind": type(failure).__name__, "what": failure.what, "todo": failure.todo, "service": failure.service}
    return {"failure": told}


if __name__ == "__main__":
    main()
