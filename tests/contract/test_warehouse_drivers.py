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
