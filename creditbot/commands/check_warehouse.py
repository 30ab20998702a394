"""Checks the warehouse for `creditbot check`: WAREHOUSE_URL comes in, findings go out. It runs `SELECT 1`."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from creditbot.commands.check_result import CheckFindings
from creditbot.credit.sql.check import SqlRules
from creditbot.errors import WAREHOUSE, Refused, Unreachable
from creditbot.notebook_host.failures import is_about_login
from creditbot.settings.settings import Settings
from creditbot.settings.types import url_parts

_MAY_WRITE = (
    "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')"
    " AND has_table_privilege(pg_class.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))"
)
"""Whether there is a table in PostgreSQL that the user may change."""


def warehouse(settings: Settings, sql: SqlRules, seconds: float) -> CheckFindings:
    """Which dialect SQL is read in, and whether the warehouse answers. Raises `Unreachable` or `Refused`.

    Args:
        settings: WAREHOUSE_URL.
        sql: how SQL is read.
        seconds: how long its host may take to accept a connection.
    """
    findings: CheckFindings = []
    if sql.dialect:
        findings.append(("ok", f"SQL dialect {sql.dialect}"))
    else:
        text = "neither SQL_DIALECT nor WAREHOUSE_URL is set: SQL passes if all dialects that can read it accept it"
        findings.append(("note", text))
    if settings.warehouse_url is None:
        return [*findings, ("note", "WAREHOUSE_URL is not set: only notebooks that do not need it can run")]
    url = settings.warehouse_url.get_secret_value()
    look_for(url, seconds)
    findings = [*findings, ("ok", "WAREHOUSE_URL answers")]
    if ask_warehouse(url):
        text = "the user of WAREHOUSE_URL may write: grant it SELECT on the tables that a credit may come from, no more"
        findings.append(("note", text))
    return findings


def look_for(url: str, seconds: float) -> None:
    """Connects to the host and port of an address, if it has both: drivers wait for minutes. Raises `Unreachable`."""
    parts = url_parts(url)
    if parts is None or not parts.hostname or not parts.port:
        return
    with _as_unreachable(url.partition(":")[0]):
        socket.create_connection((parts.hostname, parts.port), timeout=seconds).close()


def ask_warehouse(url: str) -> bool:
    """Connects as the bundled notebooks do, asks for one row, and tells whether the user may write.

    Only PostgreSQL is asked that: DuckDB is opened for reading alone, and the others have no common way to say it.

    Raises `Unreachable` or `Refused`, without the password in it.
    """
    scheme = url.partition(":")[0]
    with _as_unreachable(scheme):
        if scheme == "duckdb":
            import duckdb

            with duckdb.connect(url.removeprefix("duckdb:///"), read_only=True) as connection:
                connection.execute("SELECT 1").fetchall()
        else:
            from sqlalchemy import NullPool, create_engine, text

            with create_engine(url, poolclass=NullPool).connect() as engine:
                engine.execute(text("SELECT 1")).fetchall()
                if engine.dialect.name == "postgresql":
                    return bool(engine.execute(text(_MAY_WRITE)).scalar())
    return False


@contextmanager
def _as_unreachable(scheme: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # every driver has its own errors
        if is_about_login(str(error)):
            what = "The warehouse refused the login of WAREHOUSE_URL."
            raise Refused(WAREHOUSE, what, "Check the user and the password in it.") from error
        raise Unreachable(WAREHOUSE, *_problem(scheme, type(error).__name__)) from error


def _problem(scheme: str, error_name: str) -> tuple[str, str]:
    """What happened and what to do, by the class of the error alone: its text may hold the password."""
    if error_name in ("ModuleNotFoundError", "NoSuchModuleError"):
        what = f"No driver for the {scheme} of WAREHOUSE_URL is installed."
        return what, (
            "Install creditbot with the extra postgresql, trino, snowflake, bigquery or redshift, or the driver itself."
        )
    if error_name == "ArgumentError":
        return "WAREHOUSE_URL is not an address.", "Write it like trino://USER@HOST:8443/CATALOG."
    if scheme == "duckdb":
        what = f"The file of WAREHOUSE_URL cannot be opened ({error_name})."
        return what, "Check its path, and that nothing has it open."
    return f"WAREHOUSE_URL does not answer ({error_name}).", "Check its host, port, user and password."
