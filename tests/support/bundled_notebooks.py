"""What the cells of the bundled notebooks define, and rows for them, for tests."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.notebooks import cells_of

ROOT = Path(__file__).parents[2]
PRODUCTS = ("verify", "psms")
COLUMNS = ["day", "prefix", "mode", "attempts", "blocked", "messages", "verified", "price_usd"]  # psms: no verified
COUNTS = {"verify": ["verified"], "psms": []}  # what each asks for beside the columns that both need
SUMMARY = ["mode", "traffic_prop", "msg_count", "fraud_cost", "block_rate", "credit"]

Row = dict[str, Any]


def path_of(product: str) -> Path:
    """The notebook's file."""
    return ROOT / "notebooks" / f"{product}_credit.ipynb"


def tags_of(cell: dict[str, Any]) -> set[str]:
    """The tags an analyst sees on the cell."""
    return set(cell["metadata"].get("tags", []))


def functions_of(product: str) -> SimpleNamespace:
    """What the cells tagged `policy` and `functions` define: they run here as they stand."""
    namespace: dict[str, Any] = {"__name__": product}
    for cell in cells_of(path_of(product)):
        if tags_of(cell) & {"policy", "functions"}:
            exec(compile(cell["source"], f"{product}:{cell['id']}", "exec"), namespace)
    return SimpleNamespace(**namespace)


NOTEBOOKS = {product: functions_of(product) for product in PRODUCTS}
VERIFY, PSMS = NOTEBOOKS["verify"], NOTEBOOKS["psms"]


def traffic(day: int, **values: Any) -> Row:
    """One row of traffic, `day` counted from 1 December 2025."""
    defaults = {"prefix": "+62", "mode": "basic", "attempts": 0, "blocked": 0, "messages": 0, "verified": 0}
    return {"day": date(2025, 12, 1) + timedelta(days=day - 1), **defaults, "price_usd": Decimal("0.3840"), **values}
