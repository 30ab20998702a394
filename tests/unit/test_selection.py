"""Which rows SQL selects by texts, and whether two selections can have a row in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit.footprint_text import footprint_from_text, footprint_to_text
from creditbot.credit.selection import LONGEST_PATTERN, Selection, joined_selections, pattern_of
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
        "item NOT LIKE 'Authy%'",
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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("item = 'SMS'", "item = 'SMS SMS'"),
        ("item = 'SMS'", "item LIKE '%Authy%'"),
        ("item LIKE '%SMS'", "item LIKE '%SMS MO'"),
        ("item LIKE '%SMS MO'", "item LIKE '%SMS TO'"),
    ],
    ids=["a name and a longer one", "what a name lacks", "other ends", "ends that differ in one letter"],
)
def test_texts_are_compared_to_their_ends(one: str, other: str) -> None:
    assert selection(one).is_apart(selection(other))
    assert selection(other).is_apart(selection(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("item = 'Authy SMS MO'", "item LIKE '%Authy%SMS%'"),
        ("item = 'Authy\nSMS'", "item LIKE '%SMS'"),
        ("item = 'Authy1'", "item LIKE 'Authy_'"),
        ("item LIKE '%SMS%'", "item LIKE '%SMS MO'"),
        ("item LIKE 'Authy %'", "item NOT LIKE 'Authy X%'"),
        ("item LIKE 'Authy%'", "item NOT LIKE 'Authy_'"),
    ],
    ids=[
        "a name with what is looked for", "a name of two lines", "a name with one more letter", "what is no end",
        "a longer beginning is left out", "one more letter is left out",
    ],
)  # fmt: skip
def test_a_row_may_fulfil_two_conditions(one: str, other: str) -> None:
    assert not selection(one).is_apart(selection(other))
    assert not selection(other).is_apart(selection(one))


@pytest.mark.parametrize(
    ("text", "is_whole", "any_case", "pattern"),
    [
        ("Authy EXTRA", True, False, "=Authy EXTRA"),
        ("Authy EXTRA%", False, True, "~authy extra%"),
        ("Authy%", True, False, ""),
        ("Authy_", True, True, ""),
        ("Authy[1]%", False, False, ""),
        ("A" * LONGEST_PATTERN, True, False, "=" + "A" * LONGEST_PATTERN),
        ("A" * (LONGEST_PATTERN + 1), True, False, ""),
    ],
)
def test_texts_that_cannot_be_compared_have_no_pattern(text: str, is_whole: bool, any_case: bool, pattern: str) -> None:
    """Such as brackets, which another warehouse reads as a set of letters."""
    assert pattern == pattern_of(text, is_whole=is_whole, any_case=any_case)


@pytest.mark.parametrize(
    ("column", "table"),
    [("UPPER(item)", "t"), ("what", "(SELECT day, messages, account_sid, UPPER(item) AS what FROM t) AS s")],
    ids=["in the condition", "in a derived table"],
)
def test_a_column_whose_capitals_change_is_compared_without_them(column: str, table: str) -> None:
    assert {"item": frozenset({frozenset({"~authy%"})})} == selection(f"{column} LIKE 'AUTHY%'", table).like


def test_what_is_left_out_in_capitals_alone_may_be_there_otherwise() -> None:
    """authy is no Authy, so rows of any capitals may be there although Authy is left out."""
    assert not selection("item ILIKE 'authy%'").is_apart(selection("item NOT LIKE 'Authy%' AND item LIKE '%SMS%'"))
    assert not selection("item ILIKE 'sms%'").is_apart(selection("item NOT LIKE 'sms%'"))
    assert selection("item LIKE 'Authy%'").is_apart(selection("item NOT LIKE 'Authy%' AND item LIKE '%SMS%'"))


def test_tables_of_other_names_are_other_tables() -> None:
    """But they may be views of one, so their rows may be the same."""
    other = selection("item LIKE '%SMS%'", "sms_traffic")
    assert other.has_other_tables(selection(VERIFY))
    assert not other.is_apart(selection(VERIFY))
    assert not selection(VERIFY).has_other_tables(selection("item LIKE '%SMS%'"))


def test_a_table_that_looker_has_built_again_is_the_same() -> None:
    one, two = (selection(VERIFY, f'"LR$ABQK3{time}_usage"') for time in ("1764633600123", "1764720000456"))
    assert one == two
    assert {"lr$abqk3_usage"} == one.tables


def test_rows_of_several_tables_may_be_those_of_each() -> None:
    """Of a UNION, every table counts, and only what all its parts say."""
    both = selection("item LIKE 'SMS%' UNION ALL SELECT day, messages FROM u WHERE item LIKE '%SMS%'")
    assert not both.is_apart(selection(VERIFY, "u"))
    assert (False, True) == tuple(both.has_other_tables(selection(VERIFY, name)) for name in ("u", "v"))


def test_readings_that_agree_are_one() -> None:
    """Of readings that differ, only the tables are certain."""
    one, same, other = selection(VERIFY), selection(VERIFY), selection(VERIFY, "u")
    assert one == joined_selections([one]) == joined_selections([one, same])
    assert Selection(frozenset({"t", "u"})) == joined_selections([one, other])
    assert None is joined_selections([one, None])


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_PATTERN, True), (LONGEST_PATTERN + 1, False)])
def test_a_column_with_a_long_name_limits_nothing(length: int, kept: bool) -> None:
    assert kept == bool(selection(f"{'c' * length} LIKE 'Authy%'").like)


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
