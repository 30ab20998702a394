"""Keeps what stands beside a summary: the page, and the notebooks that ran. If that fails, the log says so.

`tick` and `answer` call it with the summary that they save; the page goes to the port `Pages`, the notebooks go to the
port `Notebooks`. Making a page imports jinja2, which an idle tick has no use for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from creditbot.model import Cell, LinkResult, RequestKey
from creditbot.ports import Notebooks, Pages

log = logging.getLogger(__name__)


@cache
def warm() -> None:
    """Imports, once and in the background, what making a page needs, while Looker and the notebooks are at work."""
    threading.Thread(target=_import, name="pages", daemon=True).start()


def _import() -> None:
    from creditbot.evidence.page import prepare

    prepare()


def keep_page(pages: Pages, key: RequestKey, summary: Mapping[str, Any], results: Sequence[LinkResult]) -> str | None:
    """Writes the page of a request whose links were worked on, in place of an earlier one.

    Returns the page; None if it could not be kept.
    """

    def make() -> str:
        from creditbot.evidence.page import page_of

        return page_of(summary, cells_of(results))

    return _attempt(pages, key, make)


def close_page(pages: Pages, key: RequestKey, summary: Mapping[str, Any]) -> str | None:
    """Writes how a request ended into its page; makes a page without the notebooks' cells if it has none.

    Returns the page; None if it could not be kept.
    """

    def make() -> str:
        from creditbot.evidence.page import page_of, with_outcome

        before = pages.load(key)
        after = with_outcome(before, summary) if before else None
        return after or page_of(summary, {})

    return _attempt(pages, key, make)


def keep_notebooks(notebooks: Notebooks, results: Sequence[LinkResult]) -> None:
    """Keeps the notebooks that computed the results, each once, so that they can be computed again."""
    runs = {result.run.notebook_sha256: result.run for result in results if result.run}
    for sha, run in runs.items():
        try:
            reason = notebooks.keep(run)
        except Exception as error:  # noqa: BLE001  # as for a page: a reply does not wait for it
            reason = str(error)
        if reason:
            log.warning("the notebook %s (%s) is not kept: %s", run.notebook, sha[:12], reason)


def cells_of(results: Sequence[LinkResult]) -> dict[str, tuple[Cell, ...]]:
    """Address of a link -> the cells of the notebook that ran on its SQL."""
    return {result.query.link.url: result.run.cells for result in results if result.run}


def _attempt(pages: Pages, key: RequestKey, make: Callable[[], str]) -> str | None:
    try:
        page = make()
        pages.save(key, page)
    except Exception as error:  # a reply does not wait for its page, whatever is wrong with it
        in_full = log.isEnabledFor(logging.DEBUG)
        log.warning("the page of request %s could not be kept: %s", key, error, exc_info=in_full)
        return None
    return page
