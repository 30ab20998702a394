"""Runs the SQL on the warehouse: text and an address come in, column names and rows go to `traffic`."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from typing import Any

_DUCKDB = "duckdb:///"
_CONNECT = {"trino": {"timezone": "UTC"}}
"""Backend -> arguments of its driver. Trino's takes this machine's time zone if it gets none."""
_POSTGRESQL = "SET TIME ZONE 'UTC'"


def run_sql(sql: str, url: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of the SQL, run as it is; a DECIMAL stays a Decimal.

    Raises ValueError if there is no SQL or the warehouse refuses it, ConnectionError if the warehouse is not there.
    """
    if not sql.strip():
        raise ValueError("There is no SQL: paste it, as copied from Looker, into the parameter `looker`.")
    if not url:
        raise ConnectionError("WAREHOUSE_URL is not set: it says on which warehouse the SQL runs.")
    with closing(open_warehouse(url)) as warehouse:
        try:
            return _ask(warehouse, sql)
        except Exception as error:
            if getattr(error, "connection_invalidated", False):
                raise ConnectionError(f"The warehouse went away: {_first_line(error)}") from error
            raise ValueError(f"The warehouse refused the SQL: {_first_line(error)}") from error


def open_warehouse(url: str) -> Any:
    """DuckDB's connection for duckdb:///FILE (four slashes for a path from the root), else SQLAlchemy's.

    DuckDB is opened read-only and locked: SQL reaches no other file, no network and no setting. PostgreSQL is asked in
    a read-only transaction. Elsewhere the rights of the user in the address decide what SQL may do. The time zone of
    DuckDB, PostgreSQL and Trino is set to UTC, because it says to which day a moment belongs.
    """
    try:
        return _duckdb(url) if url.startswith(_DUCKDB) else _sqlalchemy(url)
    except Exception as error:
        raise ConnectionError(f"The warehouse does not open: {_first_line(error)}") from error


def _duckdb(url: str) -> Any:
    import duckdb

    path = url.removeprefix(_DUCKDB)
    warehouse = duckdb.connect(path, read_only=True, config={"enable_external_access": "false"})
    warehouse.execute("SET TimeZone = 'UTC'")
    warehouse.execute("SET lock_configuration = true")
    return warehouse


def _sqlalchemy(url: str) -> Any:
    from sqlalchemy import NullPool, create_engine, make_url

    backend = make_url(url).get_backend_name()
    engine = create_engine(url, poolclass=NullPool, connect_args=_CONNECT.get(backend, {}))
    # Without parameters a % in the SQL is a %.
    warehouse = engine.connect().execution_options(no_parameters=True)
    with suppress(NotImplementedError):  # PostgreSQL's drivers; the others ignore it, Redshift's own refuses it
        warehouse.execution_options(postgresql_readonly=True)
    if backend == "postgresql":
        warehouse.exec_driver_sql(_POSTGRESQL)
    return warehouse


def _ask(warehouse: Any, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    if hasattr(warehouse, "exec_driver_sql"):
        answer = warehouse.exec_driver_sql(sql)
        return list(answer.keys()), [tuple(row) for row in answer]
    answer = warehouse.execute(sql)
    return [column[0] for column in answer.description or []], answer.fetchall()


def _first_line(error: Exception) -> str:
    """What a driver says, without its stack and its copy of the SQL."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def refuse_cut(sql: str, count: int) -> None:
    """Raises ValueError if as many rows came as the LIMIT at the end of the SQL lets through: there may be more."""
    limit = re.search(r"\b(?:LIMIT|FETCH\s+(?:FIRST|NEXT))\s+(\d+)[^()]*$", sql, re.IGNORECASE)
    if limit and count == int(limit[1]):
        raise ValueError(f"The SQL stops at {limit[1]} rows and so many came: take its row limit off.")
