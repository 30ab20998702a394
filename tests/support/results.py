"""Results that a warehouse may give, and what each comes to if every row of it is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from credit_report import load
from credit_report.columns import places_of
from credit_report.traffic import Traffic, add_up, gather, read_rows
from credit_report.values import read, readers_of
from credit_report.warehouse import Warehouse, refuse_cut
from hypothesis import strategies as st

from tests.support.bundled_notebooks import COLUMNS, COUNTS, VERIFY

READERS = readers_of(VERIFY.TARGETS)
ROW = {
    "account_sid": "'AC1'", "day": "DATE '2025-12-01'", "prefix": "'+62'", "mode": "'basic'",
    "attempts": "10", "blocked": "2", "messages": "8", "verified": "3", "price_usd": "0.3840",
}  # fmt: skip
_DAYS = {"day": ["'2025-12-01'", "'2025-12-02'", "'2025-12-31'"]}
_GOOD = _DAYS | {
    "prefix": ["'+62'", "'+994'", "' +62 '"],
    "mode": ["'basic'", "'max'", "' Basic'"],
    "price_usd": ["0.3840"],
}
_BAD = {
    "day": ["NULL", "'1999-12-31'"],
    "prefix": ["NULL", "''", f"'{'+' * 41}'", "'+6' || CHR(10) || '2'"],
    "mode": ["NULL", "'turbo'", "''"],
    "price_usd": ["NULL", "-0.5", "1000000", "0.25"],
}
_GOOD_COUNTS = ["0", "1", "7", "5000", "999999999999"]
_BAD_COUNTS = ["NULL", "-1", "1000000000000", "0.5"]
_KINDS = [(name, value) for name in COLUMNS for value in _BAD.get(name, _BAD_COUNTS)]
"""Columns and what is wrong there: one kind in each result, because another one would hide that it is not found."""
_INEXACT = {"duckdb": "DOUBLE", "postgres": "DOUBLE PRECISION", "trino": "DOUBLE"}
"""Dialect -> the type of a number that is not exact."""


def rows_of(*rows: Mapping[str, str]) -> str:
    """SQL that gives these rows: column -> SQL of its value, where it is another one than that of ROW."""
    selects = (", ".join(f'{value} AS "{name}"' for name, value in {**ROW, **row}.items()) for row in rows)
    return " UNION ALL ".join(f"SELECT {select}" for select in selects)


def pushed_down(sql: str) -> Traffic:
    """What SQL comes to that the warehouse adds up itself."""
    traffic = load(sql, VERIFY.TARGETS, COUNTS["verify"])
    assert "" == traffic.note
    return traffic


def refusal(sql: str) -> str:
    """The sentence with which it is refused."""
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        load(sql, VERIFY.TARGETS, COUNTS["verify"])
    return str(refused.value)


@st.composite
def results(draw: st.DrawFn, dialect: str) -> str:
    """SQL that gives any rows, in the types that a warehouse may give them in; most of them with no bad value."""
    bad, value = draw(st.sampled_from([("", "")] * 8 + _KINDS))
    inexact = _INEXACT[dialect]
    types = {
        "day": draw(st.sampled_from(["TIMESTAMP", "DATE", "VARCHAR(40)"])),
        "price_usd": draw(st.sampled_from(["DECIMAL(14, 4)", "VARCHAR(40)", *([inexact] * (bad == "price_usd"))])),
    }
    exact_counts = ["BIGINT", "BIGINT", "DECIMAL(38, 0)", "DECIMAL(18, 1)", *(["HUGEINT"] * (dialect == "duckdb"))]
    for name in COLUMNS[3:7]:
        types[name] = draw(st.sampled_from([*exact_counts, *([inexact, "VARCHAR(40)"][: 2 * (bad == name)])]))
    accounts = draw(st.sampled_from([[], ["'AC1'", "'AC2'", "NULL", "''", "' AC1'"]]))
    names = [*(["account_sid"] if accounts else []), *COLUMNS]
    values: dict[str, list[str]] = {"account_sid": accounts} | {name: _GOOD.get(name, _GOOD_COUNTS) for name in COLUMNS}
    for name in ("day", "prefix", "mode"):  # with few keys, several rows are in one sum
        values[name] = values[name][: draw(st.sampled_from([1, 1, 3]))]
    if bad:
        values[bad] = [*values[bad], value]
        if value == "0.5":
            types[bad] = "DECIMAL(18, 1)"  # other exact types round it
    view = draw(st.sampled_from(["", "verify_traffic.", "Verify_Traffic_"]))
    row = st.tuples(*(st.sampled_from(values[name]) for name in names))
    rows = draw(st.lists(row, min_size=draw(st.sampled_from([1, 4, 8])), max_size=12))
    casts = (f'CAST({name} AS {types.get(name, "VARCHAR(60)")}) AS "{view}{name}"' for name in names)
    lines = ", ".join(f"({', '.join(row)})" for row in rows)
    end = draw(st.sampled_from(["", " ORDER BY 1 DESC, 2;", f" LIMIT {len(rows)}", " LIMIT 13 -- enough"]))
    return f"SELECT {', '.join(casts)} FROM (VALUES {lines}) AS given ({', '.join(names)}){end}"


@dataclass(frozen=True)
class RowByRow:
    """What a result comes to if every row of it is read.

    Attributes:
        answer: the number of rows, the sums and the groups; or why there are none.
        bad_values: why single values are refused.
    """

    answer: tuple[int, list[dict[str, Any]], list[dict[str, Any]]] | str
    bad_values: frozenset[str]

    @classmethod
    def of(cls, sql: str) -> RowByRow:
        """Runs the SQL on the warehouse of WAREHOUSE_URL."""
        with Warehouse(os.environ["WAREHOUSE_URL"]) as warehouse:
            columns, records = warehouse.run(sql.partition(";")[0])
            rows = list(records)
        places, found = places_of(columns, COUNTS["verify"]), set()
        for record in rows:
            for name, place in places.items():
                try:
                    read(name, record[place], READERS)
                except ValueError as error:
                    found.add(str(error))
        return cls(_answer(sql, columns, rows), frozenset(found))


def _answer(
    sql: str, columns: list[str], rows: list[tuple[Any, ...]]
) -> tuple[int, list[dict[str, Any]], list[dict[str, Any]]] | str:
    try:
        sums, count = gather(read_rows(columns, rows, COUNTS["verify"], READERS), COUNTS["verify"])
        refuse_cut(sql, count)
        groups = add_up(sums, COUNTS["verify"])
    except ValueError as error:
        return str(error)
    return (count, sums, groups) if any(group["messages"] for group in groups) else "No message"


def hold_against_rows(sql: str) -> None:
    """What the warehouse adds up is what its rows come to, to the last digit and in type; or both are refused alike."""
    expected = RowByRow.of(sql)
    if isinstance(expected.answer, str):
        sentence = refusal(sql)
        if expected.bad_values:
            assert sentence.partition(": ")[2] in expected.bad_values
        else:
            assert sentence.startswith(expected.answer)
    else:
        traffic = load(sql, VERIFY.TARGETS, COUNTS["verify"])
        assert _exact(*expected.answer) == _exact(traffic.count, traffic.sums, traffic.groups)


def _exact(count: int, *tables: list[dict[str, Any]]) -> str:
    """The values with their types, in an order of their own: 8 and Decimal(8) are equal, and not the same."""
    return repr((count, *([sorted(row.items()) for row in rows] for rows in tables)))
