"""What real servers do that die, are slow or let nobody in: who is told what, and whether another try may succeed."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from credit_report.warehouse import Warehouse

from creditbot.commands.check_warehouse import ask_warehouse
from creditbot.errors import CreditbotError, NotebookStopped, Refused, Unreachable
from tests.support.bundled_notebooks import path_of
from tests.warehouse.conftest import RunNotebook, runner_for
from tests.warehouse.engines import (
    PASSWORD,
    READER,
    Engine,
    PostgreSql,
    Server,
    connected,
    eventually,
    free_port,
    is_server,
)
from tests.warehouse.traffic import credit_by_hand, looker_sql

LIMITS = (8, 30, 120)
"""Seconds that a notebook with a slow query gets. Where its query has not begun within them, it gets the next ones:
Trino begins slowly, and so does everything on a busy machine."""


def slow_sql(engine: Engine) -> str:
    """SQL that would run for hours: the rows of each day are those of four tables, each with each."""
    sql = looker_sql(engine.dialect)
    others = "".join(f" CROSS JOIN verify_traffic AS {name}" for name in "abc")
    return sql.replace("FROM verify_traffic  AS verify_traffic", f"FROM verify_traffic  AS verify_traffic{others}")


def slow_queries(server: Server) -> list[str]:
    """Those of them that run now."""
    return [sql for sql in server.running() if "CROSS JOIN" in sql]


def failure_of(run: Callable[[], object]) -> CreditbotError:
    """The error of a run that has to fail: a sentence of one line, without the password."""
    with pytest.raises(CreditbotError) as raised:
        run()
    assert "\n" not in str(raised.value)
    assert PASSWORD not in str(raised.value)
    return raised.value


def stopped(engine: Engine, limit: int) -> tuple[CreditbotError, bool]:
    """The failure of a notebook with a slow query that gets so many seconds; and whether the query began in them."""
    with closing(runner_for(engine.url, seconds=limit)) as runner, ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(runner.run, str(path_of("verify")), slow_sql(engine))
        ran = is_server(engine) and eventually(lambda: slow_queries(engine) or (attempt.done() and [""]))
        failure = failure_of(attempt.result)
    return failure, any(ran or []) if is_server(engine) else "stopped in cell" in failure.what


def stopped_in_its_query(engine: Engine) -> tuple[int, CreditbotError]:
    """How many seconds a notebook got in which its query began, and its failure."""
    for limit in LIMITS:
        failure, has_begun = stopped(engine, limit)
        if has_begun:
            return limit, failure
    raise AssertionError(f"The query did not begin within {limit} s.")


def test_a_slow_query_is_stopped_at_the_server_too(engine: Engine) -> None:
    """A kernel that is killed cannot say so to the server, which would let the query run on for nobody."""
    limit, failure = stopped_in_its_query(engine)
    assert isinstance(failure, NotebookStopped), failure
    assert f"The notebook verify_credit.ipynb ran longer than {limit} s and was stopped in cell" in failure.what
    assert not is_server(engine) or eventually(lambda: not slow_queries(engine))


@pytest.mark.parametrize(
    ("timeout", "limit"),
    [("", "7s"), ("0", "7s"), ("600", "7s"), ("6.5", "7s"), ("3", "3s")],
    ids=["no timeout", "none", "a longer one", "one as long", "a shorter one"],
)
def test_a_limit_of_the_administrator_is_never_raised(
    server: Server, monkeypatch: pytest.MonkeyPatch, timeout: str, limit: str
) -> None:
    """In Jupyter, nothing sets NOTEBOOK_TIMEOUT."""
    if not isinstance(server, PostgreSql):
        pytest.skip("Trino's limits are those of its files")
    monkeypatch.setenv("NOTEBOOK_TIMEOUT", timeout)
    with connected(server.owner) as owner:
        owner.exec_driver_sql(f"ALTER ROLE {READER} SET statement_timeout = '7s'")
        try:
            with Warehouse(server.url) as warehouse:
                assert [(limit,)] == list(warehouse.run("SELECT current_setting('statement_timeout')")[1])
        finally:
            owner.exec_driver_sql(f"ALTER ROLE {READER} RESET statement_timeout")


def test_a_query_that_an_administrator_ends_is_tried_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a server is taken down for an update."""
    monkeypatch.setenv("NOTEBOOK_TIMEOUT", "120")  # should it not be ended

    def run() -> None:
        with Warehouse(server.url) as warehouse:
            list(warehouse.run(slow_sql(server))[1])

    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(run)
        assert eventually(lambda: slow_queries(server))
        server.end_queries()
        with pytest.raises(ConnectionError, match=r"^The warehouse went away: "):
            attempt.result()


def test_a_server_killed_in_the_middle_is_asked_again(server: Server, run_notebook: RunNotebook) -> None:
    """The failure is the warehouse's and counts against no request, and the next attempt credits the right amount."""
    if not server.can_be_killed:
        pytest.skip("this server was started by somebody else: TRINO_START names a command that starts one")
    with closing(runner_for(server.url)) as runner, ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(runner.run, str(path_of("verify")), slow_sql(server))
        assert eventually(lambda: slow_queries(server))
        server.kill()
        failure = failure_of(attempt.result)
    refused = failure_of(lambda: run_notebook("verify", looker_sql(server.dialect)))
    server.start()
    for error in (failure, refused):
        assert isinstance(error, Unreachable), error
        assert error.retry
        assert error.shared
    assert credit_by_hand("verify") == run_notebook("verify", looker_sql(server.dialect))


def test_a_server_that_is_not_there_is_the_warehouse_s_failure(server: Server) -> None:
    """`check` says the same as a run."""
    from sqlalchemy import make_url

    address = make_url(server.url).set(port=free_port()).render_as_string(hide_password=False)
    with closing(runner_for(address)) as runner:
        failures = [failure_of(lambda: runner.run(str(path_of("verify")), looker_sql(server.dialect)))]
    failures.append(failure_of(lambda: ask_warehouse(address)))
    assert [Unreachable, Unreachable] == [type(failure) for failure in failures]
    assert all("warehouse" in failure.what.lower() for failure in failures)


@pytest.mark.filterwarnings("error")
def test_rows_that_nobody_reads_are_given_back(engine: Engine) -> None:
    """Reading ends at the first wrong row. The server need not keep the others."""
    with Warehouse(engine.url) as warehouse:
        _, rows = warehouse.run("SELECT * FROM verify_traffic", streamed=True)
        assert next(rows)
    del rows, warehouse
    gc.collect()  # a cursor that is still open says so now


def test_a_wrong_password_is_named_and_not_shown(server: Server) -> None:
    """The owner has to correct it. No request is to blame."""
    if server.name == "trino":
        pytest.skip("Trino takes passwords over HTTPS only")
    from sqlalchemy import make_url

    wrong = make_url(server.url).set(password="wrong-made-up-0815").render_as_string(hide_password=False)
    with closing(runner_for(wrong)) as runner:
        failures = [failure_of(lambda: runner.run(str(path_of("verify")), looker_sql(server.dialect)))]
    failures.append(failure_of(lambda: ask_warehouse(wrong)))
    assert "wrong-made-up" not in "".join(map(str, failures))
    assert isinstance(failures[0], Refused), failures[0]
    assert all(failure.shared and "password" in failure.todo for failure in failures)
