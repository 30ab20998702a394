"""What reads SQL, here and in a process that can be ended."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from creditbot.adapters.sql_reader.process import SECONDS, SqlReaderProcess
from creditbot.adapters.sql_reader.wire import SqlReaderFailed
from creditbot.credit.products import default_products
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.dialects import DIALECTS
from creditbot.credit.sql.reading import ProductTexts, SqlQuestion, SqlReader, SqlReaderHere, SqlReading, read_sql
from creditbot.errors import CreditbotError, SqlRefused, Unreachable
from tests.support.sampling import costly, count
from tests.support.sql_grammar import any_sql

pytestmark = pytest.mark.kernels

TEXTS = default_products("verify.ipynb", "psms.ipynb").texts
VERIFY = "SELECT a FROM t WHERE item LIKE 'Authy%'"
NESTED = "SELECT a FROM t WHERE item = 'Authy' AND " + "array[" * 40 + "1" + "]" * 40 + " IS NOT NULL"
"""426 characters; the parser's time doubles with each bracket."""


def question(sql: str, dialect: str | None = "duckdb", tables: tuple[str, ...] = ()) -> SqlQuestion:
    return SqlQuestion(sql, SqlRules(dialect, tables), TEXTS, date(2026, 1, 7))


@pytest.fixture(scope="module")
def process() -> Iterator[SqlReaderProcess]:
    reader = SqlReaderProcess()
    yield reader
    reader.close()


@pytest.fixture
def hasty() -> Iterator[SqlReaderProcess]:
    """A process with little time."""
    reader = SqlReaderProcess(seconds=1)
    yield reader
    reader.close()


@pytest.fixture(params=["here", "process"])
def reader(request: pytest.FixtureRequest, process: SqlReaderProcess) -> SqlReader:
    return SqlReaderHere() if request.param == "here" else process


@pytest.mark.parametrize(
    ("sql", "dialect"), [(VERIFY, "duckdb"), (VERIFY, None), ("SELECT 'Überweisung 支払い \ud800' FROM t", "postgres")]
)
def test_every_reader_says_the_same(reader: SqlReader, sql: str, dialect: str | None) -> None:
    """Wherever it reads."""
    assert read_sql(question(sql, dialect)) == reader.read(question(sql, dialect))


def test_a_refusal_says_the_same(reader: SqlReader) -> None:
    """What and what to do."""
    reading = reader.read(question(f"{VERIFY} LIMIT 5"))
    assert reading.refusal
    assert reading.refusal.what == "The SQL is cut by LIMIT 5, so rows may be missing."
    assert reading.refusal.todo == "Take the row limit off the query in Looker."


def test_the_tables_that_may_be_read_are_known(reader: SqlReader) -> None:
    """SQL_TABLES goes with every question."""
    refusal = reader.read(question(VERIFY, tables=("u",))).refusal
    assert refusal
    assert "not among SQL_TABLES" in refusal.what


@pytest.mark.parametrize(("sql", "retry"), [("SELECT (", False), ("CREATE TABLE x.LR$A1764633600123_t AS (", True)])
def test_sql_that_cannot_be_read_is_refused(reader: SqlReader, sql: str, retry: bool) -> None:
    """And whether another try may help is told."""
    with pytest.raises(SqlRefused) as caught:
        reader.read(question(sql))
    assert caught.value.retry is retry


@pytest.mark.timeout(60)
def test_sql_on_which_the_parser_works_for_ever_is_refused(hasty: SqlReaderProcess) -> None:
    """The process is ended, and the next question is answered by a new one."""
    with pytest.raises(SqlRefused, match="too complicated: reading it takes more than 1 s"):
        hasty.read(question(NESTED))
    assert hasty.read(question(VERIFY)).products == ("verify",)


def test_a_defect_is_not_taken_for_complicated_sql(process: SqlReaderProcess) -> None:
    """Whoever handles the request logs it, with what the process said."""
    nonsense = ProductTexts("verify", (1,))  # type: ignore[arg-type]  # as a defect would make it
    with pytest.raises(SqlReaderFailed, match="TypeError"):
        process.read(SqlQuestion(VERIFY, SqlRules("duckdb"), (nonsense,), date(2026, 1, 7)))
    assert process.read(question(VERIFY)).products == ("verify",)


def test_time_is_counted_for_each_question(process: SqlReaderProcess) -> None:
    """Many questions may take longer than one may: each sets the time at which the system ends the process."""
    question_of_some_time = question("SELECT a FROM t WHERE b IN (" + ",".join(["'xyz'"] * 1_000) + ")")
    process.read(question_of_some_time)
    assert process._process
    pid = process._process.pid
    while (used := _processor_time(pid)) < 1:
        process.read(question_of_some_time)
    process.read(question(VERIFY))
    end, _ = resource.prlimit(pid, resource.RLIMIT_CPU)
    assert used + SECONDS < end <= _processor_time(pid) + SECONDS + 1


def _processor_time(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def test_a_question_that_takes_too_long_by_the_clock_is_refused() -> None:
    """Where the process gets no time of the processor."""
    reader = SqlReaderProcess(waiting=0.0)
    try:
        with pytest.raises(SqlRefused, match="too complicated"):
            reader.read(question(NESTED))
    finally:
        reader.close()


def test_sql_that_takes_too_much_memory_is_refused() -> None:
    """It is refused by the process, or with it."""
    reader = SqlReaderProcess(memory=60 * 1024**2)
    try:
        with pytest.raises(SqlRefused):
            reader.read(question("SELECT a FROM t WHERE b IN (" + "1," * 20_000 + "1)"))
    finally:
        reader.close()


def test_a_process_that_was_ended_is_replaced(process: SqlReaderProcess) -> None:
    """Whoever ended it."""
    process.read(question(VERIFY))
    assert process._process
    process._process.kill()
    process._process.wait()
    assert process.read(question(VERIFY)).products == ("verify",)


def test_questions_from_several_threads_take_turns(process: SqlReaderProcess) -> None:
    """Each gets its own answer."""
    answers = dict[int, SqlReading]()

    def ask(number: int) -> None:
        answers[number] = process.read(question(f"SELECT a FROM t{number}"))

    threads = [threading.Thread(target=ask, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: read_sql(question(f"SELECT a FROM t{number}")) for number in range(6)}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_process_holds_no_setting_of_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads text of strangers has nothing to lose."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-made-up")
    reader = SqlReaderProcess()
    try:
        reader.warm()
        assert reader._process
        environment = Path(f"/proc/{reader._process.pid}/environ").read_bytes()
    finally:
        reader.close()
    assert {b"PATH", b"PYTHONPATH"} >= {name.partition(b"=")[0] for name in environment.split(b"\0") if name}


def test_a_closed_reader_starts_nothing() -> None:
    """The bot is about to end; the next tick reads the SQL."""
    reader = SqlReaderProcess()
    reader.warm()
    reader.close()
    reader.warm()
    with pytest.raises(SqlRefused, match="Shutting down") as caught:
        reader.read(question(VERIFY))
    assert caught.value.retry


def test_closing_ends_the_question_that_is_read() -> None:
    """So that nobody waits for it."""
    reader = SqlReaderProcess()
    errors = list[CreditbotError]()

    def ask() -> None:
        try:
            reader.read(question(NESTED))
        except CreditbotError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not reader._process:
        os.sched_yield()
    reader.close()
    thread.join(20)
    assert [SqlRefused] == [type(error) for error in errors]


def test_a_machine_that_can_start_no_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the cause of all requests."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(Unreachable, match="cannot be started: No such file"):
        SqlReaderProcess().read(question(VERIFY))


INPUTS = int(os.environ.get("SQL_INPUTS") or count(1000, 4))
"""How much generated SQL is read; `make test` reads 250, CI 1,000, `make fuzz` 100,000."""


@pytest.mark.parametrize("part", range(4))
@pytest.mark.timeout(7200)
def test_generated_sql_is_read_or_refused_within_the_budget(process: SqlReaderProcess, part: int) -> None:
    """Nothing but a reading or a refusal comes out, and next to nothing takes 10 s or 256 MiB."""
    too_complicated = 0
    for number in range(part, INPUTS, 4):
        chance = random.Random(number)
        dialect = chance.choice([None, *DIALECTS])
        try:
            assert process.read(question(any_sql(chance, dialect or "postgres"), dialect)).fingerprint
        except SqlRefused as error:
            too_complicated += "too complicated" in error.what
    assert too_complicated <= max(1, INPUTS // 1000)


NESTS = st.sampled_from(
    [
        "( ~ )",
        "f( ~ as b)",
        "struct(1 as x, ~ )",
        "case when a = 1 then ~ else 0 end",
        "cast( ~ as int)",
        "array[ ~ ]",
        "[ ~ ]",
        "{'k': ~ }",
        "row( ~ )",
        "coalesce( ~ , 0)",
        "not ( ~ )",
        "(select max(a) from t where a = ~ )",
        "extract(day from ~ )",
        "sum(a) over (order by ~ )",
        "transform(x, y -> ~ )",
        "if(a = 1, ~ , 2)",
        "try_cast( ~ as int)",
        "x.y( ~ )",
    ]
)


@costly(4)
@given(st.lists(NESTS, max_size=9), st.sampled_from([None, "snowflake", "trino", "bigquery", "tsql", "clickhouse"]))
def test_nested_sql_is_read_or_refused(process: SqlReaderProcess, nests: list[str], dialect: str | None) -> None:
    """Whatever stands in whatever, nothing but a reading or a refusal comes out."""
    text = "a"
    for nest in nests:
        text = nest.replace("~", text)
    with suppress(SqlRefused):
        assert process.read(question(f"SELECT a FROM t WHERE {text} IS NOT NULL", dialect)).fingerprint


def test_a_question_that_a_shutdown_ends_is_asked_again_later() -> None:
    """The SQL is not to blame, so its request must not be given up."""

    class Reader(SqlReaderProcess):
        asked = threading.Event()

        @override
        def _ask(self, process: subprocess.Popen[bytes], line: bytes) -> bytes:
            self.asked.set()
            return super()._ask(process, line)

    reader, refusals = Reader(), list[SqlRefused]()

    def ask() -> None:
        with pytest.raises(SqlRefused) as refused:
            reader.read(question(NESTED))
        refusals.append(refused.value)

    thread = threading.Thread(target=ask)
    thread.start()
    assert reader.asked.wait(30)
    reader.close()
    thread.join(30)
    assert [refusal.what for refusal in refusals] == ["Shutting down: the SQL was not read."]
    assert refusals[0].retry
