"""Connects to a warehouse, safely and for a limited time: an address comes in, a connection goes to `warehouse`.

DuckDB is opened read-only and locked: SQL reaches no other file, no network and no setting. PostgreSQL is asked in a
read-only transaction. Elsewhere the rights of the user in the address decide what SQL may do. The time zone of DuckDB,
PostgreSQL and Trino is set to UTC, because it says to which day a moment belongs.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

DUCKDB = "duckdb:///"

_ARGUMENTS = {"trino": {"timezone": "UTC"}}
"""Backend -> arguments of its driver. Trino's takes this machine's time zone if it gets none."""
_POSTGRESQL = (
    "SELECT set_config(name, value, true) FROM (VALUES {wanted}) AS wanted (name, value, most)"
    " JOIN pg_settings USING (name)"
    " WHERE CASE WHEN most IS NULL THEN true ELSE setting::bigint NOT BETWEEN 1 AND most END"
)
"""For one transaction, because behind a pool such as PgBouncer the next one may be on another connection. `most` is in
milliseconds: a lower limit, which an administrator has set, stays."""
_UTC = "('TimeZone', 'UTC', NULL::bigint)"
_NOTICE = "('client_connection_check_interval', '5s', 5000)"
"""Makes a server of version 14 or later notice that nobody waits for a query any longer."""
_TRINO_LIMIT = "query_max_run_time"
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
"""Trino's units of time -> seconds."""

_SQLSTATE = re.compile(r"08|40|53|57P|58")
"""Classes of SQL states: no connection, a conflict with other work, no memory or disk, shutting down, broken."""
_TRINO_CLIENT = {"HttpError", "TrinoConnectionError"}
_TRINO_SERVER = {
    "ABANDONED_QUERY", "ADMINISTRATIVELY_KILLED", "CLUSTER_OUT_OF_MEMORY", "NO_NODES_AVAILABLE", "PAGE_TRANSPORT_ERROR",
    "PAGE_TRANSPORT_TIMEOUT", "QUERY_QUEUE_FULL", "REMOTE_HOST_GONE", "REMOTE_TASK_ERROR", "REMOTE_TASK_MISMATCH",
    "SERVER_SHUTTING_DOWN", "SERVER_STARTING_UP", "TOO_MANY_REQUESTS_FAILED",
}  # fmt: skip
"""What Trino says when a server of its cluster, and not the SQL, is the cause."""


def connect(url: str) -> Any:
    """DuckDB's own connection for duckdb:///FILE (four slashes for a path from the root), else SQLAlchemy's.

    A query of PostgreSQL or Trino ends by itself after the seconds of the variable NOTEBOOK_TIMEOUT, which creditbot
    sets: whoever waits for it was stopped by then. It never gets more time than the server would give it. Raises
    whatever the driver raises.
    """
    return _duckdb(url) if url.startswith(DUCKDB) else _sqlalchemy(url)


def _duckdb(url: str) -> Any:
    import duckdb

    warehouse = duckdb.connect(url.removeprefix(DUCKDB), read_only=True, config={"enable_external_access": "false"})
    warehouse.execute("SET TimeZone = 'UTC'")
    warehouse.execute("SET lock_configuration = true")
    return warehouse


def _sqlalchemy(url: str) -> Any:
    from sqlalchemy import NullPool, create_engine, event, make_url

    backend = make_url(url).get_backend_name()
    engine = create_engine(url, poolclass=NullPool, connect_args=_ARGUMENTS.get(backend, {}))
    # Without parameters a % in the SQL is a %.
    warehouse = engine.connect().execution_options(no_parameters=True)
    with suppress(NotImplementedError):  # PostgreSQL's drivers; the others ignore it, Redshift's own refuses it
        warehouse.execution_options(postgresql_readonly=True)
    limit = _limit()
    if backend == "postgresql":
        wanted = [_UTC, _NOTICE, *([f"('statement_timeout', '{limit}s', {1000 * limit})"] if limit else [])]
        event.listen(warehouse, "begin", _in_each_transaction(_POSTGRESQL.replace("{wanted}", ", ".join(wanted))))
    elif backend == "trino" and limit:
        with suppress(Exception):  # who may not set it has no limit; a server that is gone is met by the SQL
            _limit_trino(warehouse, limit)
    return warehouse


def _limit_trino(warehouse: Any, limit: int) -> None:
    """Ends each query of a session after so many seconds, unless it ends earlier anyway."""
    _, now, *_ = warehouse.exec_driver_sql(f"SHOW SESSION LIKE '{_TRINO_LIMIT}'").one()
    number = now.rstrip("".join(_UNITS))
    if float(number) * _UNITS[now.removeprefix(number)] > limit:
        warehouse.exec_driver_sql(f"SET SESSION {_TRINO_LIMIT} = '{limit}s'")


def _in_each_transaction(sql: str) -> Callable[[Any], None]:
    """Runs SQL whenever a transaction begins."""

    def run(warehouse: Any) -> None:
        with closing(warehouse.connection.cursor()) as cursor:
            cursor.execute(sql)

    return run


def _limit() -> int:
    """Seconds that a query may take; 0 for as many as the server gives it."""
    with suppress(ValueError, OverflowError):
        return max(0, math.ceil(float(os.environ.get("NOTEBOOK_TIMEOUT", ""))))
    return 0


def is_gone(error: Exception) -> bool:
    """Whether the warehouse is the cause of an error, and not the SQL: the same SQL may succeed later."""
    cause = getattr(error, "orig", None) or error
    return bool(
        getattr(error, "connection_invalidated", False)
        or _TRINO_CLIENT & {kind.__name__ for kind in type(cause).__mro__}
        or getattr(cause, "error_name", "") in _TRINO_SERVER
        or _SQLSTATE.match(getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or "")
    )
