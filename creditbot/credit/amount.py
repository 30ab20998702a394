"""Reads the credit that a notebook computed, from its scraps or its tables, and checks it.

A `NotebookRun` comes in, a `Credit` or a `CreditRefused` goes out. Pure.

A notebook gives its result in one of these ways. If it uses several, the first counts:

    a scrap    named `credit`, `credit_amount` or `summary_info`: an amount ("4948.80", "$4,948.80", 4948.8), rows, or
               {"currency": "USD", "amount": "4948.80", "rows": [{"mode": "basic", "credit": "4948.80", ...}]}
    a table    with a `credit` column under a heading "Summary Info", see `creditbot.credit.summary_table`

Amounts are in USD. If the notebook gives more places (pandas prints floats), they are rounded half up to cents. Rows
are dicts with `credit` and perhaps `mode`, `fraud_cost`, `traffic_prop` and others. Several rows, and rows with a
`traffic_prop`, must together be all of the traffic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from creditbot.errors import CreditRefused
from creditbot.model import Credit, CreditRow, NotebookRun
from creditbot.text import one_line

SCRAPS = ("credit", "credit_amount", "summary_info")
"""Names of the scraps that hold a credit; spaces and capitals do not matter. If there are several, they must agree."""

CENT = Decimal("0.01")
LARGEST = Decimal(10) ** 12
"""USD. Such an amount is a mistake, and it may lose its cents when a reader of the summary takes it for a float."""
SHARE_TOLERANCE = Decimal("0.0005")
"""The most that rounding to three places can change the traffic share of one row."""

_NUMBER = r"(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,40})?"
_USD = re.compile(rf"(?:(?:US)?\$|USD)?\s?({_NUMBER})(?:\s?USD)?", re.IGNORECASE)
_MINUS = re.compile(r"^\((.*)\)$|^((?:US)?\$|USD)?\s?[-\N{MINUS SIGN}]")
_WORDS = re.compile(r"[^\W_]+|%")
_FILLERS = frozenset({"the", "of", "in", "us", "usd", "dollars", "total", "overall"})
_SHARES = frozenset({"prop", "proportion", "share", "fraction", "part"})
_PERCENTS = frozenset({"%", "pct", "percent", "percentage"})
_KNOWN = ("credit", "credit_amount", "summary_info", "fraud_cost", "traffic_prop", "currency", "amount", "rows", "mode")
_EURO_THOUSANDS = re.compile(r"[1-9]\d{0,2}\.\d{3}")
_ABSENT = frozenset({"", "-", "nan", "none", "null", "nat", "<na>", "inf", "-inf", "infinity", "-infinity"})
_TOTALS = frozenset({"total", "totals", "grand total", "subtotal", "sub-total", "sum", "overall"})
_NO_NUMBER = Decimal("NaN")
_TODO = "Look at the notebook's result and answer by hand, or correct the notebook."


def credit_of(run: NotebookRun) -> Credit:
    """The credit of a run. A total of zero is returned too; the caller decides whether to post it.

    Raises `CreditRefused` for an amount that is missing, not a number, negative, in another currency or above its
    fraud cost, for rows that are not all of the traffic, and for a scrap that the notebook glued with different values.
    """
    _check_unambiguous(run.ambiguous_scraps)
    return _from_scraps(run.scraps) or _from_tables(run)


def format_usd(amount: Decimal) -> str:
    """As in a reply: "$4,948.80"."""
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


def reply_text(template: str, amount: Decimal) -> str:
    """REPLY_TEMPLATE with the amount. The settings make sure that it has `{amount}` and no other braces."""
    return template.replace("{amount}", format_usd(amount))


def usd(value: object, what: str) -> Decimal:
    """An amount as a notebook gives it, rounded half up to cents; `what` names it in a `CreditRefused`."""
    amount = _exact(value, what)
    if not amount.is_finite():
        raise CreditRefused(f"The {what} is missing ({_shown(value)}).", _TODO)
    if amount < 0:
        raise CreditRefused(f"The {what} is negative ({_shown(value)}).", _TODO)
    if amount >= LARGEST:
        raise CreditRefused(f"The {what} is implausibly large ({_shown(value)}).", _TODO)
    return abs(amount.quantize(CENT, ROUND_HALF_UP))  # not -0.00


def _exact(value: object, what: str) -> Decimal:
    if isinstance(value, str):
        return _read(" ".join(value.split()), what)
    if isinstance(value, float):
        return Decimal(repr(value))  # the shortest decimal for this float, which is what the notebook shows
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    if value is None:
        return _NO_NUMBER
    raise CreditRefused(f"The {what} is not an amount ({_shown(value)}).", _TODO)


def _read(text: str, what: str) -> Decimal:
    if text.casefold() in _ABSENT:
        return _NO_NUMBER
    minus = _MINUS.match(text)
    number = _USD.fullmatch(_MINUS.sub(r"\1\2", text))
    if number is None:
        raise CreditRefused(f"The {what} is not an amount in USD ({_shown(text)}).", _TODO)
    if _EURO_THOUSANDS.fullmatch(number[1]):
        raise CreditRefused(f"The {what} may mean thousands or three decimal places ({_shown(text)}).", _TODO)
    amount = Decimal(number[1].replace(",", ""))
    return -amount if minus else amount


def _check_unambiguous(names: Sequence[str]) -> None:
    """Names are those of scraps that were glued with different values. Only those that say something of the credit."""
    for name in names:
        known = _canonical(name)
        if known in {*SCRAPS, "fraud_cost", "units"} or _is_currency(known):
            raise CreditRefused(f"The notebook glued the scrap {_shown(name)} again with another value.", _TODO)


def _from_scraps(scraps: Mapping[str, object]) -> Credit | None:
    named: dict[str, list[object]] = {}
    for name, value in scraps.items():
        named.setdefault(_canonical(name), []).append(value)
    for name, values in named.items():
        for value in values:
            _check_currency({name: value})
    for share in named.get("traffic_prop", ()):
        if not named.keys().isdisjoint(SCRAPS) and not isinstance(share, Mapping | list):
            _check_all(_share(str(share)), 1)
    credits_ = [_scrap(value) for name in SCRAPS for value in named.get(name, ())]
    if any(credit.amount != credits_[0].amount for credit in credits_):
        amounts = " and ".join(format_usd(credit.amount) for credit in credits_)
        raise CreditRefused(f"The notebook's scraps name different credits: {amounts}.", _TODO)
    for credit in credits_:
        for cost in (cost for name, costs in named.items() if _is_cost(name) for cost in costs):
            _check_cost(credit.amount, _cost({"fraud_cost": cost}))
    return max(credits_, key=lambda credit: len(credit.rows), default=None)


def _scrap(value: object) -> Credit:
    if isinstance(value, list):
        return _sum(value)
    if not isinstance(value, Mapping):
        return Credit(usd(value, "credit"))
    value = _columns(value)
    if "rows" not in value and "amount" not in value:
        return _sum([value])
    _check_currency(value)
    if "unit" in value:
        _check_currency({"currency": value["unit"]})
    credit = _sum(value["rows"]) if "rows" in value else Credit(usd(value["amount"], "credit"))
    amount = usd(value["amount"], "credit") if "amount" in value else credit.amount
    if credit.amount != amount:
        raise CreditRefused(
            f"The credit {format_usd(amount)} is not the sum of its rows ({format_usd(credit.amount)}).", _TODO
        )
    _check_cost(amount, _cost(value))
    return credit


def _from_tables(run: NotebookRun) -> Credit:
    from creditbot.credit.summary_table import HEADING, summary_tables  # brings html.parser

    tables = summary_tables(run.cells)
    if len(tables) > 1:
        raise CreditRefused(f"The notebook shows {len(tables)} tables with a credit under {HEADING!r}.", _TODO)
    if not tables:
        raise CreditRefused(
            "The notebook gave no credit.",
            f"It has to glue a scrap named credit, or show a table with a credit column under a heading {HEADING!r}.",
        )
    return _sum(tables[0])


def _sum(rows: object) -> Credit:
    """The sum of the rows. There must be one row, or rows that together are all of the traffic."""
    if not isinstance(rows, list) or not rows:
        raise CreditRefused(f"The notebook's summary has no rows ({_shown(rows)}).", _TODO)
    read = [_row(row) for row in rows]
    if len(read) > 1 or "traffic_prop" in read[0].columns:
        _check_shares(read)
    return Credit(sum((row.credit for row in read), Decimal("0.00")), tuple(read))


def _row(row: object) -> CreditRow:
    if not isinstance(row, Mapping):
        raise CreditRefused(f"A row of the notebook's summary has no columns ({_shown(row)}).", _TODO)
    columns = _columns(row)
    _check_currency(columns)
    credit = usd(columns.get("credit"), "credit")
    fraud_cost = _cost(columns)
    _check_cost(credit, fraud_cost)
    texts = {name: str(value) for name, value in columns.items()}
    return CreditRow(credit, texts.get("mode", ""), fraud_cost, texts)


def _columns(row: Mapping[Any, object]) -> dict[str, object]:
    """By canonical name."""
    columns = {_canonical(str(name)): _as_share(str(name), value) for name, value in row.items()}
    if len(columns) < len(row):
        names = _shown(", ".join(map(str, row)))
        raise CreditRefused(f"A row of the notebook's summary has two columns with the same name ({names}).", _TODO)
    return columns


def _canonical(name: str) -> str:
    """The name of a scrap or a column as the bot knows it: "fraud_cost" for "Fraud Cost (USD)" or "fraud-cost"."""
    words = _WORDS.findall(name.casefold())
    if len(words) > 1 and words[-1] == "usd":
        words.pop()
    telling = set(words) - _FILLERS
    if "traffic" in telling and len(telling) == 2 and telling & (_SHARES | _PERCENTS):
        return "traffic_prop"
    letters = "".join(words)
    return next((known for known in _KNOWN if known.replace("_", "") == letters), "_".join(words) or name.strip())


def _as_share(name: str, value: object) -> object:
    """The value; with a percent sign that only the name of its column had, as in "Traffic %"."""
    in_percent = _canonical(name) == "traffic_prop" and not _PERCENTS.isdisjoint(_WORDS.findall(name.casefold()))
    return f"{value}%" if in_percent and "%" not in str(value) else value


def _is_cost(name: str) -> bool:
    """Whether a canonical name is that of the fraud cost, such as "total_fraud_costs"."""
    return set(name.split("_")) - _FILLERS in ({"fraud", "cost"}, {"fraud", "costs"})


def _cost(columns: Mapping[str, object]) -> Decimal | None:
    """The fraud cost, if the notebook gives one; the smallest, if it gives several."""
    costs = [usd(value, "fraud cost") for name, value in columns.items() if _is_cost(name) and value is not None]
    return min(costs, default=None)


def _check_cost(credit: Decimal, fraud_cost: Decimal | None) -> None:
    if fraud_cost is not None and credit > fraud_cost:
        raise CreditRefused(f"The credit {format_usd(credit)} is above the fraud cost {format_usd(fraud_cost)}.", _TODO)


def _check_shares(rows: Sequence[CreditRow]) -> None:
    if not all("traffic_prop" in row.columns for row in rows):
        raise CreditRefused(f"Not all {len(rows)} rows of the summary have a traffic_prop.", _TODO)
    shares = [_share(row.columns["traffic_prop"]) for row in rows]
    total, credit = sum(shares, Decimal(0)), sum((row.credit for row in rows), Decimal(0))
    for row, share in zip(rows, shares, strict=True):
        if share == 0 and row.credit > 0 and row.credit >= credit - row.credit:
            raise CreditRefused(
                f"A row without traffic has a credit of {format_usd(row.credit)}: it looks like a row of totals.", _TODO
            )
    names = [text for row in rows for text in row.columns.values() if text.strip().casefold() in _TOTALS]
    if names and len(rows) > 1:
        raise CreditRefused(f"A row that is named {_shown(names[0])} looks like a row of totals.", _TODO)
    _check_all(total, len(rows))


def _check_all(total: Decimal, rows: int) -> None:
    if abs(total - 1) > SHARE_TOLERANCE * rows:
        raise CreditRefused(f"The summary covers {total:.1%} of the traffic, not all of it ({rows} rows).", _TODO)


def _share(text: str) -> Decimal:
    """A part of the traffic: "0.416" or "41.6%"."""
    number = text.strip().removesuffix("%")
    try:
        share = Decimal(number) / (100 if "%" in text else 1)
    except ArithmeticError:
        share = _NO_NUMBER
    if not (share.is_finite() and 0 <= share <= 1):
        raise CreditRefused(f"The traffic_prop of a row is not a share between 0 and 1 ({_shown(text)}).", _TODO)
    return share


def _check_currency(columns: Mapping[str, object]) -> None:
    """For every column that is named `currency`, `currency_code`, `curr` or the like."""
    for name, currency in columns.items():
        if _is_currency(name) and currency and str(currency).strip().upper() not in {"USD", "US$", "$"}:
            raise CreditRefused(f"The credit is in {_shown(currency)}, not in USD.", _TODO)


def _is_currency(name: str) -> bool:
    return name.startswith("curr") or name == "ccy" or name.endswith("_currency")


def _shown(value: object) -> str:
    return one_line(str(value), 40) or "empty"
