"""The sandbox's warehouse: the months its accounts have, and what the credit method makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from creditbot.sandbox.lookml import sql_of
from creditbot.sandbox.seed import BY_HAND, psms, verify
from creditbot.sandbox.warehouse import make_warehouse

TARGET = {"basic": Decimal("0.80"), "standard": Decimal("0.90")}
Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("warehouse") / "w.duckdb"
    make_warehouse(path)
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


def rows_of(warehouse: Any, query: Mapping[str, Any], limit: str = "-1") -> list[Row]:
    found = warehouse.execute(sql_of(query, limit))
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def flagged(row: Row, rows: list[Row]) -> int:
    """Billed messages beyond the verified ones and the allowance of the prefix's last 14 days."""
    days = [r for r in rows if r["prefix"] == row["prefix"] and 0 <= (row["day"] - r["day"]).days < 14]
    allowance = max(20, max(int(r["verified"]) for r in days) * 20 // 100)
    return int(max(0, row["messages"] - row["verified"] - allowance))


def credit_of(mode: str, rows: list[Row]) -> tuple[int, Decimal, Decimal, Decimal]:
    """msg_count, fraud_cost, block_rate and credit of a mode's rows."""
    found = [flagged(row, rows) for row in rows]
    cost = sum((n * row["price_usd"] for n, row in zip(found, rows, strict=True)), Decimal()).quantize(Decimal("0.01"))
    blocked = sum(int(row["blocked"]) for row in rows)
    pumped = blocked + sum(found)
    rate = (Decimal(blocked) / pumped).quantize(Decimal("0.001"), ROUND_HALF_UP) if pumped else Decimal("0.000")
    credit = cost * max(Decimal(), TARGET[mode] - rate) / (1 - rate)
    return sum(row["messages"] for row in rows), cost, rate, credit.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_the_reference_month_gives_the_reference_amount(warehouse: Any) -> None:
    """AC-sandbox-0001 in December 2025 gives the reference row, to the cent."""
    rows = rows_of(warehouse, verify("AC-sandbox-0001"))
    assert {"basic"} == {row["mode"] for row in rows}
    expected = (35644, Decimal("7526.30"), Decimal("0.416"), Decimal("4948.80"))
    assert expected == credit_of("basic", rows)


def test_the_first_500_rows_of_two_modes_give_a_smaller_credit(warehouse: Any) -> None:
    """AC-sandbox-0002 has something to credit in both modes, and less of it in its first 500 rows."""
    query = verify("AC-sandbox-0002")
    amounts = []
    for limit in ("-1", "500"):
        rows = rows_of(warehouse, query, limit)
        amounts.append([credit_of(mode, [r for r in rows if r["mode"] == mode])[3] for mode in TARGET])
    assert 0 < min(amounts[0])
    assert sum(amounts[1]) < sum(amounts[0])


def test_the_analysts_answer_is_what_the_method_gives(warehouse: Any) -> None:
    """The amount that the first messages show as answered by hand, for the account that they name."""
    *_, credit = credit_of("basic", rows_of(warehouse, verify("AC-sandbox-0006")))
    assert f"Approved, ${credit}, exceptions" == BY_HAND


@pytest.mark.parametrize(
    ("account", "credited"), [("AC-sandbox-0004", False), ("AC-sandbox-0005", True), ("AC-sandbox-0007", True)]
)
def test_only_an_attacked_account_has_something_to_credit(warehouse: Any, account: str, credited: bool) -> None:
    """A quiet month has nothing flagged and no credit; a small attack has some."""
    assert (credit_of("basic", rows_of(warehouse, verify(account)))[3] > 0) == credited


def test_one_account_has_no_rows(warehouse: Any) -> None:
    """AC-sandbox-0404 has no rows at all."""
    assert [] == rows_of(warehouse, verify("AC-sandbox-0404"))


def test_programmable_sms_has_a_history_before_it_is_pumped(warehouse: Any) -> None:
    """Only one prefix ever exceeds twice its usual traffic, after more than fourteen quiet days of December."""
    rows = rows_of(warehouse, psms("AC-sandbox-0003"))
    assert "verified" not in rows[0]
    usual = {row["prefix"]: row["messages"] for row in rows if row["day"].day == 1}
    pumped = [row for row in rows if row["messages"] > max(20, 2 * usual[row["prefix"]])]
    assert {"+62"} == {row["prefix"] for row in pumped}
    assert list(range(22, 32)) == [row["day"].day for row in pumped]


def test_making_the_warehouse_again_changes_nothing(warehouse: Any, tmp_path: Path) -> None:
    """The same rows each time, also in place of an older file."""
    path = tmp_path / "w.duckdb"
    path.write_text("not a database")
    make_warehouse(path)
    with duckdb.connect(str(path), read_only=True) as again:
        for table in ("verify_traffic", "psms_traffic"):
            everything = f"SELECT * FROM {table} ORDER BY ALL"
            assert warehouse.execute(everything).fetchall() == again.execute(everything).fetchall()
    assert [path] == list(tmp_path.iterdir())
