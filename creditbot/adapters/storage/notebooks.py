"""Keeps each version of a notebook once, in a folder or a bucket: `notebook_versions/<sha256>/<file>`.

A version is the notebook's file and the modules that it imports from its folder. The modules are written first: where
the notebook's own file is, all of it is. A file that is there is never replaced, and what is read back is checked
against the hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from creditbot.adapters.storage.objects import Objects
from creditbot.model import NotebookRun
from creditbot.text.known_secrets import without_known_secrets

_FOLDER = "notebook_versions"
MOST_BYTES = 4 * 2**20
"""A larger version is not kept: a notebook that was saved with its outputs may have any size."""


class ObjectNotebooks:
    """A `ports.Notebooks`. Making one opens and imports nothing. Safe to share by threads.

    Args:
        uri: OUTPUT_URI, see `Objects`.
    """

    def __init__(self, uri: str) -> None:
        self._objects = Objects(uri)
        self._settled: set[str] = set()

    def keep(self, run: NotebookRun) -> str:
        """See `ports.Notebooks`. A version is looked at once per process, whether it could be kept or not."""
        if run.notebook_sha256 in self._settled:
            return ""
        files = _files(Path(run.notebook))
        if reason := _why_not(files, run.notebook_sha256):
            self._settled.add(run.notebook_sha256)
            return reason
        for name, content in reversed(files.items()):
            self._objects.create(f"{_FOLDER}/{run.notebook_sha256}/{name}", content)
        self._settled.add(run.notebook_sha256)
        return ""

    def load(self, sha256: str) -> Mapping[str, bytes] | None:
        """See `ports.Notebooks`. What was changed since it was kept counts as not kept."""
        folder = f"{_FOLDER}/{sha256}"
        found = {name: self._objects.get(f"{folder}/{name}") for name in self._objects.names_below(folder)}
        files = {name: content for name, content in found.items() if content is not None}
        in_order = dict(sorted(files.items(), key=lambda file: (not file[0].endswith(".ipynb"), file[0])))
        return in_order if files and _hash(in_order) == sha256 else None


def _files(notebook: Path) -> dict[str, bytes]:
    """Name -> content of each file of the notebook's version as it is now, the notebook's own first."""
    from creditbot.notebook_host.imports import version_of

    try:
        return version_of(notebook, notebook.read_bytes())
    except OSError:
        return {}


def _hash(files: Mapping[str, bytes]) -> str:
    from creditbot.notebook_host.imports import hash_of

    return hash_of(files)


def _why_not(files: Mapping[str, bytes], sha256: str) -> str:
    if _hash(files) != sha256:
        return "Its file has changed since it ran."
    if sum(map(len, files.values())) > MOST_BYTES:
        return f"It is larger than {MOST_BYTES // 2**20} MiB; save it without outputs."
    texts = [content.decode(errors="replace") for content in files.values()]
    if any(without_known_secrets(text) != text for text in texts):
        return "It holds a secret; take the secret out of it."
    return ""
