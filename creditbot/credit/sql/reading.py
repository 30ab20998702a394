"""Reads SQL once: decides whether it may be run and which products it asks for, and makes its fingerprint.

The SQL comes from Looker and is not trusted, and some SQL keeps the parser busy without end. So `read_sql` is called in
a process that can be ended, see `creditbot.adapters.sql_reader`. Its result goes to `creditbot.credit.compute`. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from creditbot.credit.footprint import TrafficWindow, Unknown
from creditbot.credit.sql.check import SqlRules, check_parsed, parse
from creditbot.errors import SqlRefused

_TOO_DEEP = "The SQL is nested too deeply to be read."
_UNREAD = Unknown("its SQL is not one query")
NO_WINDOW = TrafficWindow(_UNREAD, _UNREAD)
"""The window of SQL that is not one query."""
_SIMPLER = "Make it simpler."

# "Non-Authy", `is_not_authy`, `isNotAuthy`, `traffic_without_authy`
_DENIAL = re.compile(
    r"(?:\A|[\W_])(?:except|excl(?:ud\w*)?|minus|never|non?|not|without)[\W_]|(?:\A|[\W_])non-?\Z|(?-i:[a-z](?:Not|Non))\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ProductTexts:
    """The texts by which SQL asks for a product.

    Attributes:
        name: the name of the product.
        contains: one of these must be asked for.
        excludes: none of these may be asked for.
        case_sensitive: whether capitals matter.
    """

    name: str
    contains: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    case_sensitive: bool = False

    def are_in_literal(self, text: str) -> bool:
        """Whether a literal is about the product: 'Authy SMS' is about "Authy", and 'ACauthy1' is not."""
        return any(self._affirms(rf"(?<![^\W_]){re.escape(part)}(?![^\W\d_])", text) for part in self.contains)

    def are_in_name(self, name: str) -> bool:
        """Whether a name is about the product: `psms_traffic` is about "sms", `is_not_sms` is not."""
        return any(self._affirms(re.escape(part), name) for part in self.contains)

    def exclude(self, text: str) -> bool:
        """Whether a literal or a name shows that the SQL is not about the product."""
        return any(re.search(re.escape(part), text, self._flags) for part in self.excludes)

    def _affirms(self, pattern: str, text: str) -> bool:
        """Whether the text has the pattern without a word such as "not" before it."""
        return any(not _DENIAL.search(text[: found.start()]) for found in re.finditer(pattern, text, self._flags))

    @property
    def _flags(self) -> re.RegexFlag:
        return re.NOFLAG if self.case_sensitive else re.IGNORECASE


@dataclass(frozen=True, slots=True)
class SqlQuestion:
    """SQL to read, with all that its reading depends on.

    Attributes:
        sql: as Looker gave it.
        rules: which SQL may be run.
        products: the texts of each product, in the order of the table.
        day: the UTC day on which the SQL would run.
    """

    sql: str
    rules: SqlRules
    products: tuple[ProductTexts, ...]
    day: date


@dataclass(frozen=True, slots=True)
class SqlReading:
    """The result of reading SQL.

    Attributes:
        products: names of the products that it asks for, sorted.
        fingerprint: equal for the same SQL.
        refusal: why the SQL may not be run; None if it may.
        window: whose traffic it asks for, and of which days.
    """

    products: tuple[str, ...]
    fingerprint: str
    refusal: SqlRefused | None = None
    window: TrafficWindow = NO_WINDOW


class SqlReader(Protocol):
    """Reads SQL."""

    def warm(self) -> None:
        """Prepares for the first call, in the background. A second call does nothing."""

    def read(self, question: SqlQuestion) -> SqlReading:
        """As `read_sql`."""


class SqlReaderHere:
    """Reads SQL in this process: for SQL that is trusted to end, as in tests."""

    def warm(self) -> None:
        """There is nothing to start."""

    def read(self, question: SqlQuestion) -> SqlReading:
        """As `read_sql`."""
        return read_sql(question)


def read_sql(question: SqlQuestion) -> SqlReading:
    """Reads the SQL in the warehouse's dialect, or in all that can parse it. Raises `SqlRefused` if none can."""
    from creditbot.credit.sql.conditions import products_asked_for
    from creditbot.credit.sql.sameness import fingerprint, fingerprint_of_text
    from creditbot.credit.sql.traffic_window import window_of

    parsed = parse(question.sql, question.rules)
    refusal = None
    try:
        check_parsed(parsed, question.rules)
    except SqlRefused as error:
        refusal = error
    except RecursionError:
        refusal = SqlRefused(_TOO_DEEP, _SIMPLER)
    if any(len(statements) != 1 for _, statements in parsed):
        return SqlReading((), fingerprint_of_text(question.sql), refusal)
    try:
        queries = [(dialect, query) for dialect, (query,) in parsed]
        asked_for = [products_asked_for(query, dialect, question.products) for dialect, query in queries]
        same_for = fingerprint(queries, question.day)
        window = window_of(queries, question.day, question.rules.account_fields)
    except RecursionError:
        return SqlReading((), fingerprint_of_text(question.sql), refusal or SqlRefused(_TOO_DEEP, _SIMPLER))
    if window.selection:
        selection = window.selection.told_by(lambda text: any(each.are_in_literal(text) for each in question.products))
        window = replace(window, selection=selection)
    return SqlReading(tuple(sorted(set.intersection(*asked_for))), same_for, refusal, window)
