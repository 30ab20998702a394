"""The bundled notebooks ask a Trino that a script plays: which of its answers are about the SQL, and which are not.

tests/warehouse asks real servers; what is here cannot be had of one at will.
"""

from __future__ import annotations

import pytest
from credit_report.warehouse import Warehouse

from tests.support.http import Answer, HttpStub


def failed(name: str, kind: str) -> Answer:
    """A query that Trino ended with an error."""
    error = {"message": "made up", "errorCode": 1, "errorName": name, "errorType": kind}
    answer = {"id": "1", "infoUri": "http://127.0.0.1/", "stats": {"state": "FAILED"}, "error": error}
    return Answer(answer)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failed("SERVER_STARTING_UP", "INTERNAL_ERROR"), ConnectionError),
        (failed("NO_NODES_AVAILABLE", "INSUFFICIENT_RESOURCES"), ConnectionError),
        (failed("SYNTAX_ERROR", "USER_ERROR"), ValueError),
        (failed("EXCEEDED_GLOBAL_MEMORY_LIMIT", "INSUFFICIENT_RESOURCES"), ValueError),
        (Answer(b"Unauthorized", status=401), ConnectionError),
        (Answer(b"Query not found", status=404), ConnectionError),
    ],
    ids=["starting", "no nodes", "syntax", "too large", "login", "restarted"],
)
def test_only_an_answer_about_the_sql_is_the_request_s_failure(answer: Answer, kind: type[Exception]) -> None:
    """A server that starts, or that has forgotten the query because it was restarted, is asked again later."""
    with HttpStub() as trino:
        trino.on("POST /v1/statement", answer)
        with pytest.raises(kind) as raised, Warehouse(f"trino://bot@{trino.host}/memory") as warehouse:
            warehouse.run("SELECT 1")
    assert "\n" not in str(raised.value)


def gave(*rows: list[str]) -> Answer:
    """A query that Trino finished, with columns of text."""
    length = {"kind": "LONG", "value": 2147483647}
    kind = {"type": "varchar", "typeSignature": {"rawType": "varchar", "arguments": [length]}}
    columns = [{"name": f"c{place}", **kind} for place in range(len(rows[0]))]
    answer = {"id": "1", "infoUri": "http://127.0.0.1/", "stats": {"state": "FINISHED"}, "columns": columns}
    return Answer(answer | {"data": list(rows)})


@pytest.mark.parametrize(
    ("limit", "asks_for"),
    [
        ("100.00d", ["SET SESSION query_max_run_time = '600s'"]),
        ("10.02m", ["SET SESSION query_max_run_time = '600s'"]),
        ("10.00m", []),
        ("90.00s", []),
    ],
)
def test_a_lower_limit_of_trino_stays(limit: str, asks_for: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs Trino has set it."""
    monkeypatch.setenv("NOTEBOOK_TIMEOUT", "600")
    row = ["query_max_run_time", limit, "100.00d", "duration", "Maximum run time of a query"]
    with HttpStub() as trino:
        trino.on("POST /v1/statement", gave(row), gave(["1"]))
        with Warehouse(f"trino://bot@{trino.host}/memory") as warehouse:
            list(warehouse.run("SELECT 1")[1])
        asked = [request.body.decode() for request in trino.asked("POST /v1/statement")]
    assert ["SHOW SESSION LIKE 'query_max_run_time'", *asks_for, "SELECT 1"] == asked
