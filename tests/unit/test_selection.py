"""Which rows SQL selects by texts, and whether two selections can have a row in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint_text import footprint_from_text, footprint_to_text
from creditbot.credit.selection import LONGEST_PATTERN, Selection, pattern_of
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import ProductTexts, SqlQuestion, read_sql
from tests.support.footprints import FIRST, OURS
from tests.support.linear_time import assert_linear
from tests.support.sampling import costly

PRODUCTS = (ProductTexts("verify", ("Authy",)), ProductTexts("psms", ("sms",)))
T = frozenset({"t"})
VERIFY = "item LIKE 'Authy%'"


def selection(condition: str, table: str = "t") -> Selection:
    sql = f"SELECT day, messages FROM {table} WHERE account_sid = 'AC1' AND {condition}"
    found = read_sql(SqlQuestion(sql, SqlRules("duckdb"), PRODUCTS, FIRST)).window.selection
    assert found
    return found


@pytest.mark.parametrize(
    "condition",
    [
        "item LIKE 'Programmable SMS%'",
        "item = 'SMS'",
        "item IN ('SMS', 'SMS MO')",
        "item LIKE '%SMS%' AND item NOT LIKE '%Authy%'",
        "item LIKE '%SMS%' AND NOT item ILIKE 'authy%'",
        "item LIKE '%SMS%' AND item LIKE 'Programmable%SMS%'",
        "(item LIKE 'Programmable SMS%' OR item = 'SMS')",
        "UPPER(item) LIKE 'PROGRAMMABLE SMS%'",
    ],
)
def test_conditions_on_texts_may_exclude_each_other(condition: str) -> None:
    """Then the rows of the one are none of the other."""
    assert selection(condition).is_apart(selection(VERIFY))
    assert selection(VERIFY).is_apart(selection(condition))


@pytest.mark.parametrize(
    "condition",
    [
        "item LIKE '%SMS%'",
        "item LIKE '%SMS Outbound%'",
        "item LIKE 'A%SMS'",
        "item = 'Authy SMS'",
        "label = 'SMS'",
        "(item LIKE 'SMS%' OR item LIKE '%SMS')",
        "item LIKE '%SMS%' AND item NOT LIKE '%Authy Voice%'",
        "item LIKE '%SMS%' AND item NOT LIKE 'authy%'",
        "item LIKE '%SMS%' AND UPPER(item) NOT LIKE '%Authy%'",
        "item LIKE '%SMS%' AND (item NOT LIKE '%Authy%' OR prefix = '+62')",
        "regexp_matches(item, 'SMS')",
        "item LIKE 'SMS\\_%' ESCAPE '\\'",
    ],
)
def test_rows_may_be_of_both_unless_texts_exclude_them(condition: str) -> None:
    assert not selection(condition).is_apart(selection(VERIFY))
    assert not selection(VERIFY).is_apart(selection(condition))


def test_two_names_in_full_have_other_rows() -> None:
    assert selection("item = 'SMS'").is_apart(selection("item = 'Authy'"))


def test_what_is_left_out_in_capitals_alone_may_be_there_otherwise() -> None:
    """authy is no Authy, so rows of any capitals may be there although Authy is left out."""
    assert not selection("item ILIKE 'authy%'").is_apart(selection("item NOT LIKE 'Authy%' AND item LIKE '%SMS%'"))
    assert selection("item LIKE 'Authy%'").is_apart(selection("item NOT LIKE 'Authy%' AND item LIKE '%SMS%'"))


def test_other_tables_have_other_rows() -> None:
    assert selection("item LIKE '%SMS%'", "sms_traffic").is_apart(selection(VERIFY))


def test_a_table_that_looker_has_built_again_is_the_same() -> None:
    one, two = (selection(VERIFY, f'"LR$ABQK3{time}_usage"') for time in ("1764633600123", "1764720000456"))
    assert one == two


def test_rows_of_several_tables_may_be_those_of_each() -> None:
    """Of a UNION, every table counts, and only what all its parts say."""
    both = selection("item LIKE 'SMS%' UNION ALL SELECT day, messages FROM u WHERE item LIKE '%SMS%'")
    assert not both.is_apart(selection(VERIFY, "u"))
    assert both.is_apart(selection(VERIFY, "v"))


def test_only_what_tells_a_product_is_kept() -> None:
    """A selection is kept in the state, where no customer is named."""
    assert {"item"} == selection(f"customer = 'ACME' AND {VERIFY}").like.keys()


def test_a_selection_is_read_back_as_it_was_written() -> None:
    condition = "item LIKE '%SMS%' AND item LIKE 'Programmable%' AND item NOT LIKE '%Authy%'"
    footprint = replace(OURS.hashed(), selection=selection(condition))
    assert footprint == replace(footprint_from_text(footprint_to_text(footprint)), units=footprint.units)


TEXTS = st.text("aAbB%_", min_size=1, max_size=5)


@given(one=TEXTS, two=TEXTS, any_case=st.booleans(), row=st.text("aAbB", max_size=5))
@costly(2)
def test_patterns_that_a_text_fulfils_never_exclude_each_other(one: str, two: str, any_case: bool, row: str) -> None:
    """By LIKE and NOT LIKE, as a warehouse understands them."""
    first, second = (pattern_of(text, is_whole=False, any_case=any_case) for text in (one, two))
    ours = of_patterns({"item": frozenset({frozenset({first})})})
    if likes(one, row, any_case) and likes(two, row, any_case):
        assert not ours.is_apart(of_patterns({"item": frozenset({frozenset({second})})}))
    if likes(one, row, any_case) and not likes(two, row, any_case):
        assert not ours.is_apart(Selection(T, {}, {"item": frozenset({second})}))


def test_patterns_with_many_wildcards_are_compared_at_once() -> None:
    """A link decides how its SQL compares texts, and whoever shares it waits for the answer."""

    def compared(size: int) -> bool:
        many = pattern_of("%a" * (size // 4) + "%b", is_whole=False, any_case=False)
        same = pattern_of("a" * size, is_whole=True, any_case=False)
        ours = of_patterns({"item": frozenset({frozenset({many})})})
        return ours.is_apart(of_patterns({"item": frozenset({frozenset({same})})}))

    assert compared(20)
    assert_linear(compared, LONGEST_PATTERN - 4)


def of_patterns(like: Mapping[str, frozenset[frozenset[str]]]) -> Selection:
    return Selection(T, like)


def likes(pattern: str, text: str, any_case: bool) -> bool:
    regex = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return bool(re.fullmatch(regex, text, re.IGNORECASE if any_case else re.NOFLAG))
