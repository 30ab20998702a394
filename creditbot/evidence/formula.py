"""Says how the credit of a row follows from the numbers printed beside it. Pure.

A row of a saved summary comes in, one line of arithmetic goes to the page. The bundled notebooks compute

    credit = fraud cost x (target - block rate) / (1 - block rate)

and a row prints everything but the target, unless it has a column of that name. A formula is shown only if it gives
exactly the credit of the row: a notebook that computes in another way gets none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_CENT = Decimal("0.01")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,12})?)\s?(%?)")


def formula(row: Mapping[str, Any]) -> str:
    """Such as "$7,526.30 x (0.80 - 0.416) / (1 - 0.416) = $4,948.80"; "" if no target gives exactly the credit.

    The text has the signs of print, not those of this docstring.

    Args:
        row: as `summary` keeps it, with amounts as Decimal.
    """
    credit, cost = row.get("credit"), row.get("fraud_cost")
    columns = row.get("columns")
    if not isinstance(credit, Decimal) or not isinstance(cost, Decimal) or not isinstance(columns, Mapping):
        return ""
    rate = share(columns.get("block_rate"))
    if rate is None or rate == 1:
        return ""
    if "target" in columns:
        target = share(columns["target"])
        targets = [target] if target is not None else []
    else:
        targets = list(_two_place_targets()) if credit else []
    fitting = [target for target in targets if _credit(cost, rate, target) == credit]
    if len(fitting) != 1:
        return ""
    gap, rest = f"({fitting[0]} \N{MINUS SIGN} {rate})", f"(1 \N{MINUS SIGN} {rate})"
    return f"${cost:,.2f} \N{MULTIPLICATION SIGN} {gap} ÷ {rest} = ${credit:,.2f}"


def _two_place_targets() -> Iterator[Decimal]:
    return (_CENT * hundredths for hundredths in range(1, 100))


def _credit(cost: Decimal, rate: Decimal, target: Decimal) -> Decimal:
    gap = max(Decimal(0), target - rate)
    return (cost * gap / (1 - rate)).quantize(_CENT, ROUND_HALF_UP)


def share(text: object) -> Decimal | None:
    """A number from 0 to 1: "0.416" or "41.6%"."""
    match = _SHARE.fullmatch(str(text).strip())
    if match is None:
        return None
    value = Decimal(match[1]).scaleb(-2) if match[2] else Decimal(match[1])
    return value if value <= 1 else None
