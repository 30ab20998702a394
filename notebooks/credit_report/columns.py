"""Finds the columns that a credit needs, by their names. Names come in, places go to `traffic`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

COLUMNS = ("day", "prefix", "mode", "attempts", "blocked", "messages", "price_usd")
"""What the SQL must give. A notebook may ask for more counts."""
ACCOUNT_COLUMNS = ("account_sid", "account_id", "subaccount_sid", "sub_account_sid")
"""Columns that may name the account. The SQL need not give one."""


def places_of(columns: Sequence[str], counts: Sequence[str]) -> dict[str, int]:
    """Name -> its place in `columns`, for COLUMNS, `counts`, and "account" if there is such a column.

    Columns are found in any case, with or without Looker's view in front (`verify_traffic.day`); others are ignored.
    Raises ValueError that names the columns that are missing, or there twice.
    """
    wanted = [*COLUMNS[:-1], *counts, COLUMNS[-1]]
    view = _view_of(columns, wanted)
    places = {name: _place_of(view + name, columns) for name in wanted}
    missing = [name for name, place in places.items() if place is None]
    if missing:
        raise ValueError(f"The SQL gives no column {', '.join(missing)}; it gives {', '.join(columns)[:200]}.")
    places["account"] = _account_place(view, columns)
    return {name: place for name, place in places.items() if place is not None}


def _view_of(columns: Sequence[str], wanted: Sequence[str]) -> str:
    """What is before every name in BigQuery, whose columns have no dots: "traffic_" for traffic_day; or ""."""
    names = [column.lower() for column in columns]
    views = {name.removesuffix(wanted[0]) for name in names if name.endswith(f"_{wanted[0]}")}
    whole = [view for view in sorted(views) if all(view + name in names for name in wanted)]
    if len(whole) > 1:
        raise ValueError(f"The SQL gives the columns of {len(whole)} views ({', '.join(whole)}): leave one.")
    return whole[0] if whole else ""


def _place_of(name: str, columns: Sequence[str]) -> int | None:
    places = [place for place, column in enumerate(columns) if column.lower().rpartition(".")[2] == name]
    if len(places) > 1:
        raise ValueError(f"The SQL gives {len(places)} columns {name}: leave one.")
    return places[0] if places else None


def _account_place(view: str, columns: Sequence[str]) -> int | None:
    """Where the account is; None if the SQL gives no such column, or two of the same name."""
    names = [column.lower().rpartition(".")[2] for column in columns]
    return next((names.index(view + name) for name in ACCOUNT_COLUMNS if names.count(view + name) == 1), None)
