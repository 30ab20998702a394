"""Says whether two names in SQL may mean the same table of the warehouse. Pure.

t, main.t, db..t          the schema may be left out, or be the default one
t, t@v5, "t$data"         one table, at any time
`t_*`, t_2025             BigQuery's `*` stands for the rest of a name
eu.t, us.t                two tables
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from sqlglot import exp

from creditbot.credit.selection import table_name
from creditbot.credit.sql.tree import short

_STATE: Final = re.compile(r"(?:@.*|\$data)\Z")
"""What a name adds for a state of its table: Databricks' `t@v5`, Trino's "t$data" and "t@123"."""
_DEFAULT_SCHEMAS: Final = frozenset({"", "main"})
"""What a part of a name means by default: `db..t` in Snowflake and SQL Server, `main` in DuckDB."""

Tables: TypeAlias = frozenset[tuple[str, ...]]
"""Tables of the warehouse by the parts of their names as written, in lower case."""


def parts_of_name(table: exp.Table) -> tuple[str, ...]:
    """The name of a table as `Tables` have it."""
    *around, own = (part.name.lower() for part in table.parts)
    own = _STATE.sub("", own) or own
    unsaid = [""] if table.catalog and not table.db else []  # db..t
    return (*around, *unsaid, table_name(own))


def in_both(some: Tables, others: Tables) -> str:
    """A table that may be among both, for people; "" if there is none. The schema may be left out of its name."""
    same = (one for one in some for other in others if all(map(_may_be_one_name, reversed(one), reversed(other))))
    return next((short(".".join(each)) for each in sorted(same)), "")


def _may_be_one_name(one: str, other: str) -> bool:
    """Whether parts of names may name the same: a schema may be the default one, BigQuery's `t_*` is each t_2025."""
    if one == other or not {one, other}.isdisjoint(_DEFAULT_SCHEMAS):
        return True
    return any(each.endswith("*") and whole.startswith(each[:-1]) for each, whole in ((one, other), (other, one)))
