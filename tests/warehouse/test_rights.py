"""Two fences around the SQL: creditbot's check of its text, and the rights of the user. Each holds alone."""

from __future__ import annotations

import pytest
from credit_report.warehouse import SqlRefused as RefusedByWarehouse
from credit_report.warehouse import Warehouse

from creditbot.commands.check_warehouse import ask_warehouse
from creditbot.credit.sql.check import SqlRules, check
from creditbot.errors import SqlRefused
from tests.warehouse.engines import Engine, PostgreSql, Server, connected, is_server
from tests.warehouse.traffic import READABLE, looker_sql

WRITES = (
    "INSERT INTO verify_sample SELECT * FROM verify_sample",
    "DELETE FROM verify_sample",
    "UPDATE verify_sample SET messages = 0",
    "DROP TABLE verify_sample",
    "CREATE TABLE mine AS SELECT * FROM verify_sample",
)
OTHERS = {
    "duckdb": (
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY verify_sample TO '/tmp/creditbot-mine.csv'",
        "ATTACH '/tmp/creditbot-mine.duckdb'",
        "SET TimeZone = 'Asia/Tokyo'",
    ),
    "postgres": (
        "WITH gone AS (DELETE FROM verify_sample RETURNING *) SELECT * FROM gone",
        "SELECT * INTO mine FROM verify_sample",
        "SELECT pg_read_file('/etc/passwd') FROM verify_sample",
        "SELECT lo_import('/etc/passwd') FROM verify_sample",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_catalog.pg_statistic",
        "COPY verify_sample TO '/tmp/creditbot-mine.csv'",
        "SELECT * FROM verify_sample FOR UPDATE",
    ),
    "trino": (
        "SELECT * FROM system.runtime.queries",
        "SELECT * FROM system.runtime.nodes",
        "CALL system.runtime.kill_query('20260101_000000_00000_aaaaa')",
        "GRANT SELECT ON verify_sample TO USER somebody",
    ),
}
"""What each can do beside that: files, passwords of users, other people's queries."""


def test_what_the_check_refuses_the_warehouse_refuses_too(engine: Engine) -> None:
    """The connection that the notebooks open lets none of it through."""
    for sql in (*WRITES, *OTHERS[engine.dialect]):
        with pytest.raises(SqlRefused):
            check(sql, SqlRules(engine.dialect))
    assert [] == [sql for sql in (*WRITES, *OTHERS[engine.dialect]) if passes(engine, sql)]
    assert 40 == count_of(engine, "verify_sample")


def test_the_grant_alone_refuses_it(server: Server) -> None:
    """A notebook of one's own need not open a read-only connection."""
    for sql in (*WRITES, *OTHERS[server.dialect]):
        with (
            connected(server.url) as connection,
            pytest.raises(Exception, match=r"(?i)denied|privilege|must be owner"),
        ):
            connection.exec_driver_sql(sql)
    assert 40 == count_of(server, "verify_sample")


def test_the_check_lets_through_what_looker_writes(engine: Engine) -> None:
    """What is credited on this engine has passed the check in its dialect."""
    for product in ("verify", "psms"):
        check(looker_sql(engine.dialect, product), SqlRules(engine.dialect, READABLE))


def test_the_rights_hide_what_the_check_cannot_know(engine: Engine) -> None:
    """A table that nobody granted. SQL_TABLES would refuse it, too; DuckDB has no users."""
    sql = "SELECT * FROM other_traffic"
    with pytest.raises(SqlRefused):
        check(sql, SqlRules(engine.dialect, READABLE))
    assert passes(engine, sql) is not is_server(engine)


def test_check_says_who_may_write(engine: Engine) -> None:
    """The user that the tables belong to may; PostgreSQL alone is asked."""
    assert not ask_warehouse(engine.url)
    if isinstance(engine, PostgreSql):
        assert ask_warehouse(engine.owner)


def passes(engine: Engine, sql: str) -> bool:
    """Whether SQL runs on the connection that the notebooks open."""
    try:
        with Warehouse(engine.url) as warehouse:
            list(warehouse.run(sql)[1])
    except RefusedByWarehouse:
        return False
    return True


def count_of(engine: Engine, table: str) -> int:
    """The rows of a table."""
    with Warehouse(engine.url) as warehouse:
        ((count,),) = warehouse.run(f"SELECT COUNT(*) FROM {table}")[1]
    return int(count)
