"""Asks Looker for the SQL behind a link, on looker_sdk.

    Look                           look, run_look
    Look with f[...] in its address   look, create_query with these filters over the saved ones, run_query
    Look or Explore with qid, /x/  query_for_slug, run_query
    Explore with parameters        create_query, run_query
    SQL Runner, if allowed         sql_query

The SQL is that of the query a person sees on opening the link, with all of its rows: Looker's default limits (500 and
5000) say how much to show, not how much to credit, so they are lifted. A limit that somebody chose is part of what they
ask. Without it the credit would answer another question, and with it the credit could miss traffic. So such a link is
refused.
"""

from __future__ import annotations

import importlib
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from creditbot.adapters.looker.limits import LookerLimits
from creditbot.adapters.looker.sql import check_limit, has_default_limit, rows_sql, sql_in
from creditbot.errors import CreditbotError, LinkUnusable
from creditbot.machine.processes import Stop
from creditbot.model import LookerLink, Query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from looker_sdk.sdk.api40 import models

    from creditbot.adapters.looker.client import LookerClient

_UNLIMITED = -1
_TYPED = (
    "SQL Runner links are not credited: a person can write any number into their SQL.",
    "Post a Look or an Explore, or set ALLOW_SQL_RUNNER=true if you trust everybody who posts.",
)


class LookerResolver:
    """A `ports.Resolver`. Making one costs nothing; the first question imports the SDK and logs in.

    Args:
        base_url: LOOKER_BASE_URL; a path after the host, such as "/api/4.0", is not used.
        client_id: of the API key.
        client_secret: of the API key.
        limits: how long calls may take.
        allow_sql_runner: whether SQL that a person typed into SQL Runner may be credited.
        stop: once the process is asked to stop, nothing more is asked of Looker.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        limits: LookerLimits = LookerLimits(),  # noqa: B008  # frozen
        allow_sql_runner: bool = False,
        stop: Stop | None = None,
    ) -> None:
        self._base_url = api_address(base_url)
        self._key = (client_id, client_secret)
        self._limits = limits
        self._allow_sql_runner = allow_sql_runner
        self._stop = stop or Stop()
        self._lock = threading.Lock()
        self._warming: threading.Thread | None = None
        self._logging_in: threading.Thread | None = None
        self._connected: LookerClient | None = None

    def warm(self) -> None:
        """Starts to import the SDK in the background; calling it again does nothing."""
        with self._lock:
            if self._warming is None:
                self._warming = threading.Thread(
                    target=importlib.import_module,
                    args=("creditbot.adapters.looker.client",),
                    name="looker-import",
                    daemon=True,
                )
                self._warming.start()

    def stay_logged_in(self) -> None:
        """See `ports.Resolver`. A call that comes meanwhile waits for that login, instead of beginning another."""
        with self._lock:
            if self._logging_in and self._logging_in.is_alive():
                return
            self._logging_in = threading.Thread(target=self._log_in_early, name="looker-login", daemon=True)
            self._logging_in.start()

    def _log_in_early(self) -> None:
        with suppress(CreditbotError):  # the call that needs the login says why there is none
            self._client().renew_login()

    def login(self) -> str:
        """Logs in, if not yet done, and returns the API user's name. Raises `Unreachable` or `Refused`."""
        user = self._client().ask("", lambda sdk: sdk.me())
        return user.display_name or user.email or user.id or "a user without a name"

    def resolve(self, link: LookerLink) -> Query:
        """The SQL of a link. Raises `LinkUnusable`, `Unreachable` or `Refused`."""
        if link.unusable:
            raise LinkUnusable(link.unusable)
        if link.kind == "sql_runner":
            return Query(link, self._sql_runner(link.slug))
        if link.kind == "explore_params":
            return Query(link, self._explore(link), "", link.filters, link.query_timezone)
        if link.slug:
            beside = link.filters or link.fields or link.limit
            note = "The link shows the query that its address names; its other parameters are not used."
            return self._saved(link, note if beside else "")
        if link.kind == "look":
            note = "The filters in the address replace those saved with the Look."
            return self._look(link, note if link.filters else "")
        raise LinkUnusable(f"A Looker link of the kind {link.kind} does not have exactly one SQL query.")

    def _look(self, link: LookerLink, note: str) -> Query:
        subject = f"Look {link.id}"
        look = self._client().ask(subject, lambda sdk: sdk.look(link.id))
        if look.deleted:
            raise LinkUnusable(f"{subject} is in Looker's trash.", "Restore it, or post a link to another Look.")
        if not look.query:
            raise LinkUnusable(f"{subject} has no query.", "Post a link to another Look.")
        self._check(look.query, subject)
        if link.filters:
            return _query(link, self._without_limit(look.query, link.filters, subject), note, look.query)
        text = self._client().ask(subject, lambda sdk: sdk.run_look(link.id, "sql", limit=_UNLIMITED))
        return _query(link, self._whole(text, look.query, subject), note, look.query)

    def _saved(self, link: LookerLink, note: str) -> Query:
        subject = f"query {link.slug}"
        query = self._client().ask(subject, lambda sdk: sdk.query_for_slug(link.slug))
        self._check(query, subject)
        text = self._client().ask(subject, lambda sdk: sdk.run_query(_id(query, subject), "sql", limit=_UNLIMITED))
        return _query(link, self._whole(text, query, subject), note, query)

    def _check(self, query: models.Query, subject: str) -> None:
        """Refuses a saved query that must not be credited as it is."""
        self._check_typed(query.model or "")
        check_limit(query.limit, subject)

    def _check_typed(self, model: str) -> None:
        """SQL Runner's "Explore from here" hides typed SQL behind a model of its own, named `sql__SLUG`."""
        if model.startswith("sql__") and not self._allow_sql_runner:
            raise LinkUnusable(*_TYPED)

    def _whole(self, text: object, query: models.Query, subject: str) -> str:
        """The SQL in an answer to a call without limit, which by Looker's spec only "may override" the saved one."""
        sql = rows_sql(text, subject)
        return self._without_limit(query, {}, subject) if has_default_limit(sql) else sql

    def _without_limit(self, query: models.Query, filters: Mapping[str, str], subject: str) -> str:
        """The SQL of a copy of a query; its totals are left out, because they are not rows of traffic."""
        return self._created(
            subject,
            model=query.model,
            view=query.view,
            fields=query.fields,
            pivots=query.pivots,
            fill_fields=query.fill_fields,
            filters={**(query.filters or {}), **filters},
            filter_expression=query.filter_expression,
            sorts=query.sorts,
            column_limit=query.column_limit,
            dynamic_fields=query.dynamic_fields,
            query_timezone=query.query_timezone,
        )

    def _explore(self, link: LookerLink) -> str:
        subject = f"Explore {link.model}/{link.view}"
        self._check_typed(link.model)
        check_limit(link.limit, subject)
        return self._created(
            subject,
            model=link.model,
            view=link.view,
            fields=list(link.fields),
            pivots=list(link.pivots) or None,
            filters=dict(link.filters),
            filter_expression=link.filter_expression or None,
            sorts=list(link.sorts) or None,
            column_limit=link.column_limit or None,
            dynamic_fields=link.dynamic_fields or None,
            query_timezone=link.query_timezone or None,
        )

    def _created(self, subject: str, **definition: object) -> str:
        """The SQL of a query made for it. Repeating is harmless: for an equal definition Looker returns the same query.

        `filter_config` stays out: it would override `filters`, and its format is Looker's own.
        """
        client = self._client()
        from looker_sdk.sdk.api40 import models  # half a second that an idle tick must not pay

        body = models.WriteQuery(limit=str(_UNLIMITED), **definition)  # type: ignore[arg-type]
        query = client.ask(subject, lambda sdk: sdk.create_query(body))
        return rows_sql(client.ask(subject, lambda sdk: sdk.run_query(_id(query, subject), "sql")), subject)

    def _sql_runner(self, slug: str) -> str:
        if not self._allow_sql_runner:
            raise LinkUnusable(*_TYPED)
        subject = f"SQL Runner query {slug}"
        return sql_in(self._client().ask(subject, lambda sdk: sdk.sql_query(slug)).sql, subject)

    def _client(self) -> LookerClient:
        with self._lock:
            if self._connected is None:
                if self._warming:
                    self._warming.join()  # two threads that import parts of the SDK can deadlock
                from creditbot.adapters.looker.client import LookerClient  # as above

                self._connected = LookerClient(self._base_url, *self._key, self._limits, self._stop)
            return self._connected


def api_address(base_url: str) -> str:
    """What the SDK wants of LOOKER_BASE_URL: scheme, host and port; https where no scheme is given."""
    text = base_url.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _query(link: LookerLink, sql: str, note: str, saved: models.Query) -> Query:
    """The SQL of a link with the filters of its query; those of a Look's address replace the saved ones."""
    filters = {**(saved.filters or {}), **(link.filters if link.kind == "look" and not link.slug else {})}
    texts = {str(field): str(expression) for field, expression in filters.items()}
    return Query(link, sql, note, texts, saved.query_timezone or "")


def _id(query: models.Query, subject: str) -> str:
    if not query.id:
        raise LinkUnusable(f"Looker did not name a query for {subject}.", "Open the link in Looker.")
    return query.id
