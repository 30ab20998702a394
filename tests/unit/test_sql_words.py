"""The first version of what is the same for the same SQL: made of its words."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditbot.credit.sql.words import earlier_fingerprint, normalised
from tests.support.linear_time import assert_linear


@pytest.mark.parametrize(
    ("sql", "same"),
    [
        ("SELECT a FROM t", "select A\n\tfrom  T ;"),
        ("select a from t", "-- Looker Query Context '{\"user_id\":7}'\nselect a from t;;  -- end"),
        ("select a from t", "/* ; ' */ select a/**/from t"),
        ("select a from t", "# BigQuery's comment\n  #standardSQL\nselect a from t"),
        ("select count( * ),a from t", "select count(*) , a from t"),
        ("select 'it''s' from t", "SELECT 'it''s' FROM t"),
        ("select a from t where b = $$x$$", "SELECT a FROM t WHERE b=$$x$$"),
        ("select a from t where b = 'x\\'", "SELECT a FROM t\nWHERE b = 'x\\';\n"),
        ("select a, b from t", "select a, b from t ORDER BY 2 DESC, (a) ;"),
        ("select a from t order by a", "select a from t order by b"),
    ],
)
def test_the_same_words_have_the_same_hash(sql: str, same: str) -> None:
    """Comments, layout, capitals outside of literals, a last semicolon and the order of the rows make no difference."""
    assert earlier_fingerprint(sql) == earlier_fingerprint(same)


@pytest.mark.parametrize(
    ("sql", "other"),
    [
        ("select 'Authy' from t", "select 'authy' from t"),
        ("select 'a  b' from t", "select 'a b' from t"),
        ("select '-- a' from t", "select '-- b' from t"),
        ("select '/* a */' from t", "select '' from t"),
        ('select "A" from t', 'select "a" from t'),
        ("select `A` from t", "select `a` from t"),
        ("select $x$A$x$ from t", "select $x$a$x$ from t"),
        ("select 'a' 'b' from t", "select 'a''b' from t"),
        ("select a from t", "select a from u"),
        ("select ab from t", "select a b from t"),
        ("select 'it\\'s -- A' from t", "select 'it\\'s -- B' from t"),  # a comment or not: that depends on the dialect
        ("select a from t where b = 'x", "select a from t where b = 'y"),
        ("select a from t order by a limit 5", "select a from t order by b limit 5"),
        ("select a from (select a from t order by a)", "select a from (select a from t order by b)"),
        ("select sum(a) over (order by a) from t", "select sum(a) over (order by b) from t"),
        ("select a from t order by 'it\\'s' limit 5", "select a from t order by 'it\\'s' limit 6"),
        ("select a from t order by a; drop table t", "select a from t order by a; drop table u"),
    ],
)
def test_other_words_have_another_hash(sql: str, other: str) -> None:
    """What stands in a literal or in a quoted name counts, with its capitals and spaces."""
    assert earlier_fingerprint(sql) != earlier_fingerprint(other)


def test_a_hash_of_version_1_stays_the_same() -> None:
    """What was stored under it would be credited twice otherwise."""
    assert normalised("SELECT  a -- x\nFROM t;") == "select a from t"
    assert "1-cf44f0bb14976241e98912135a4a6e1d7c6833f1d29e2d260a22b59dcecc4dd0" == earlier_fingerprint(
        "select a from t"
    )


TOKENS = st.lists(
    st.sampled_from(
        ["select", "FROM", "t", "a1", ",", "(", ")", "=", "<>", "*", "'It''s  -- x'", '"A b"', "`c`", "3.5"]
    ),
    min_size=1,
)
GAPS = st.sampled_from([" ", "\n", "\t ", "  ", "/* x' */", "-- it's\n", "/**/", "\n# note\n"])


@given(TOKENS, st.data())
def test_gaps_between_words_make_no_difference(tokens: list[str], data: st.DataObject) -> None:
    """White space and comments of any kind between the words change nothing."""
    spaced = "".join(token + data.draw(GAPS) for token in tokens)
    assert earlier_fingerprint(" ".join(tokens)) == earlier_fingerprint(spaced)


@given(st.text(alphabet=st.characters(codec=None)))
@example("select '\ud800'")
def test_any_text_has_a_hash(text: str) -> None:
    """Broken Unicode too; and with white space before it is the same SQL."""
    assert earlier_fingerprint(text) == earlier_fingerprint(f"\n {text}")


@pytest.mark.parametrize("piece", ["'", "/*", "$a$b", '"', "`a", "''", "\\'", "--", "# ", "$$x", "x "])
@pytest.mark.slow
def test_the_scan_is_linear(piece: str) -> None:
    """Opening marks are hashed as fast as words."""
    assert_linear(lambda size: earlier_fingerprint(piece * (size // len(piece))), 40_000)
