"""Runs SQL on the warehouse: an address and text come in, column names and rows go to `traffic`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from credit_report.connection import DUCKDB, connect, is_gone

_BATCH = 10_000
"""Rows that are fetched at once."""

Record = tuple[Any, ...]


class SqlRefused(ValueError):
    """The warehouse refused the SQL. The text says so in one sentence, and `why` has what the warehouse said."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The warehouse refused the SQL: {why}")
        self.why = why


class Warehouse:
    """One connection to a warehouse, while it is entered; `connection.connect` says how it is opened.

    Args:
        url: its address.

    Every method raises `SqlRefused` if the warehouse refuses the SQL, and ConnectionError if it is not there.
    """

    def __init__(self, url: str) -> None:
        if not url:
            raise ConnectionError("WAREHOUSE_URL is not set: it says on which warehouse the SQL runs.")
        self._is_duckdb = url.startswith(DUCKDB)
        try:
            self._connection = connect(url)
        except Exception as error:
            raise ConnectionError(f"The warehouse does not open: {_first_line(error)}") from error
        self._open = ExitStack()
        self._open.callback(self._connection.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def run(self, sql: str, streamed: bool = False) -> tuple[list[str], Iterator[Record]]:
        """Column names and rows of the SQL, run as it is; a DECIMAL stays a Decimal.

        Args:
            sql: one query.
            streamed: for many rows, so that they are not all in memory at once.
        """
        with self._refusals():
            if self._is_duckdb:
                answer = self._connection.execute(sql)
                return [column[0] for column in answer.description or []], self._rows(answer)
            answer = self._connection.exec_driver_sql(sql, execution_options={"stream_results": streamed})
            self._open.callback(answer.close)  # rows that nobody reads may wait at the server
            return list(answer.keys()), self._rows(answer)

    def names_in(self, sql: str, no_rows: str) -> list[str]:
        """The names of the columns of some SQL, as they are written in SQL that encloses it; none of it runs.

        Args:
            sql: what stands within `FROM (...)`.
            no_rows: SQL that selects all its columns and no row.
        """
        if self._is_duckdb:  # in FROM (...) it gives the second of two equal names another one, and DESCRIBE does not
            return [name for name, *_ in self.run(f"DESCRIBE {sql}")[1]]
        with self._refusals(), self._connection.exec_driver_sql(no_rows) as answer:
            return [column[0] for column in answer.cursor.description]  # some dialects put keys() into lower case

    def go_back(self) -> None:
        """Makes the connection ready for other SQL after a refusal: PostgreSQL refuses all that follows until then."""
        if not self._is_duckdb:
            with suppress(Exception):  # whatever is wrong with the connection, the next SQL will meet it
                self._connection.rollback()

    def _rows(self, answer: Any) -> Iterator[Record]:
        while True:
            with self._refusals():
                records = answer.fetchmany(_BATCH)
            if not records:
                return
            yield from map(tuple, records)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Turns the errors of any driver into those of this class."""
        try:
            yield
        except Exception as error:
            if is_gone(error):
                raise ConnectionError(f"The warehouse went away: {_first_line(error)}") from error
            raise SqlRefused(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """What a driver says, without its stack and its copy of the SQL."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def refuse_cut(sql: str, count: int) -> None:
    """Raises ValueError if as many rows came as the LIMIT at the end of the SQL lets through: there may be more."""
    limit = re.search(r"\b(?:LIMIT|FETCH\s+(?:FIRST|NEXT))\s+(\d+)[^()]*$", sql, re.IGNORECASE)
    if limit and count == int(limit[1]):
        raise ValueError(f"The SQL stops at {limit[1]} rows and so many came: take its row limit off.")
