"""Which product a link is about."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit import products
from creditbot.credit.products import ProductRule, ProductTable, default_products, load_products
from creditbot.credit.sql.dialects import WAREHOUSES
from creditbot.credit.sql.words import MAX_SQL
from creditbot.errors import NoProduct, SettingsError
from creditbot.model import Product


def both() -> ProductTable:
    """The default table with both products on."""
    return default_products("verify.ipynb", "psms.ipynb")


def picked(sql: str, dialect: str | None = None, table: ProductTable | None = None) -> str:
    """Name of the product; "" for a skipped link."""
    product = (table or both()).pick(sql, dialect)
    return product.name if product else ""


@pytest.mark.parametrize("dialect", [None, "postgres", "snowflake", "duckdb", "bigquery"])
@pytest.mark.parametrize(
    "condition",
    [
        "item = 'Authy'",
        "item LIKE '%Authy SMS Outbound%'",
        "item ILIKE '%authy%'",
        "UPPER(item) LIKE UPPER('%Authy%')",
        "item IN ('Authy', 'SMS')",
        "authy_messages > 5",
        "is_authy",
        "is_authy = TRUE",
        "is_authy <> FALSE",
        "is_authy = 1",
        "authy_id IS NOT NULL",
        "authy_id <> ''",
        "STRPOS(item, 'Authy') > 0",
        "STRPOS(item, 'Authy') <> 0",
        "(item LIKE '%Authy%') IS TRUE",
        "NOT (item <> 'Authy')",
        "NOT (item NOT LIKE '%Authy%')",
        "item NOT LIKE '%Authy Voice%' AND item LIKE '%Authy%'",
        "item IS NOT DISTINCT FROM 'Authy'",
        "CASE WHEN item LIKE '%Authy%' THEN TRUE ELSE FALSE END",
        "id IN (SELECT id FROM items WHERE name = 'Authy')",
        "NOT EXISTS (SELECT 1 FROM items WHERE name NOT LIKE '%Authy%')",
        "authy.item = 'x'",
    ],
)
def test_sql_that_asks_for_authy_is_verify(condition: str, dialect: str | None) -> None:
    """A literal, a name or a comparison, in any case; negated twice is asked for too."""
    assert picked(f"SELECT sms_count FROM t WHERE {condition}", dialect) == "verify"


@pytest.mark.parametrize("dialect", [None, "postgres", "snowflake", "duckdb", "bigquery"])
@pytest.mark.parametrize(
    "condition",
    [
        "item NOT LIKE '%Authy%'",
        "item NOT ILIKE '%authy%'",
        "item <> 'Authy'",
        "item != 'Authy'",
        "item NOT IN ('Authy', 'Verify')",
        "NOT (item LIKE '%Authy%')",
        "(NOT (item LIKE '%Authy%') OR item IS NULL)",
        "(item LIKE '%Authy%') = FALSE",
        "(item LIKE '%Authy%') IS FALSE",
        "(item LIKE '%Authy%') IS NOT TRUE",
        "item IS DISTINCT FROM 'Authy'",
        "COALESCE(item, '') NOT LIKE '%Authy%'",
        "STRPOS(item, 'Authy') = 0",
        "0 = STRPOS(item, 'Authy')",
        "FALSE = (item LIKE '%Authy%')",
        "authy_id IS NULL",
        "authy_id = ''",
        "NOT is_authy",
        "is_authy <> TRUE",
        "NOT EXISTS (SELECT 1 FROM items WHERE name = 'Authy')",
        "id NOT IN (SELECT id FROM items WHERE name LIKE 'Authy%')",
        "item = 'x' -- Authy",
        "item = 'x' /* LIKE '%Authy%' */",
    ],
)
def test_authy_in_comments_and_negated_conditions_is_not_asked_for(condition: str, dialect: str | None) -> None:
    """`NOT LIKE '%Authy%'` alone is not Verify."""
    assert picked(f"SELECT sms_count FROM t WHERE {condition}", dialect) == "psms"


def test_what_except_takes_off_is_not_asked_for() -> None:
    """The left side of EXCEPT is asked for, the right side is not."""
    authy = "SELECT sms FROM t WHERE item = 'Authy'"
    assert picked(f"SELECT sms FROM t EXCEPT {authy}", "duckdb") == "psms"
    assert picked(f"{authy} EXCEPT SELECT sms FROM t", "duckdb") == "verify"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a from sms_traffic", "psms"),
        ("select SMS from t", "psms"),
        ("select a from t where item = 'Programmable SmS'", "psms"),
        ("select price_sms(a) from t", "psms"),
        ("select a from t where item = 'Authy' or item = 'sms'", "verify"),
    ],
)
def test_psms_is_not_verify_and_contains_sms(sql: str, expected: str) -> None:
    """The first row of the table that fits decides."""
    assert picked(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a from (t where item = 'Authy'", "verify"),
        ("select a from (t where item = 'sms' -- Authy", "psms"),
        ("-- Authy\n# Authy\nselec sms /* Authy */ from", "psms"),
        ("select Authy; select sms; select", "verify"),
    ],
)
def test_sql_that_does_not_parse_is_searched_without_its_comments(sql: str, expected: str) -> None:
    """The check that follows refuses it with a reason; skipping it would hide that reason."""
    assert picked(sql, "duckdb") == expected


def test_sql_too_long_to_be_run_is_read_as_words() -> None:
    """A parser takes half a minute for what Looker may answer; only the parser sees that a condition is negated."""
    sql = "select a from sms where not b like '%Authy%'"
    assert ("psms", "verify") == (picked(sql, "duckdb"), picked(sql.ljust(MAX_SQL + 1), "duckdb"))
    assert "psms" == picked(sql.ljust(MAX_SQL), "duckdb")


def test_words_of_sql_that_does_not_parse_are_one_space_apart() -> None:
    """A text of several words is found however the SQL is laid out."""
    table = ProductTable((ProductRule(Product("voice", "v.ipynb"), ("from voice",)),))
    assert picked("select (a from -- of\n  voice", "duckdb", table) == "voice"


def test_the_dialect_says_what_a_comment_is() -> None:
    """`#` begins a comment in MySQL and is an operator in Postgres."""
    sql = "select sms, a # 'Authy'\nfrom t"
    assert picked(sql, "mysql") == "psms"
    assert picked(sql, "postgres") == "verify"


def test_while_psms_is_off_all_but_verify_is_skipped() -> None:
    """As the prototype did: the rest of the message is credited."""
    table = default_products("verify.ipynb", None)
    assert table.pick("select a from t where item = 'Authy'", None) == Product("verify", "verify.ipynb")
    assert table.pick("select sms from t", None) is None
    assert table.pick("select voice from t", None) is None


def test_with_psms_on_sql_that_fits_no_product_fails() -> None:
    """The sentence names the products."""
    with pytest.raises(NoProduct) as caught:
        both().pick("select voice from t", None)
    assert caught.value.what == "The SQL fits no product (verify, psms)."
    assert caught.value.todo == "Answer it by hand, or add a product to PRODUCTS_FILE."


def test_a_product_that_is_off_is_skipped() -> None:
    """Its SQL is recognised, so that no later row takes it."""
    table = default_products("", "psms.ipynb")
    assert table.pick("select sms from t where item = 'Authy'", None) is None
    assert table.products == (Product("verify", None), Product("psms", "psms.ipynb"))


def test_a_rule_can_exclude_and_mind_capitals() -> None:
    """`contains` is any of, `excludes` none of."""
    rule = ProductRule(Product("voice", None), ("Voice", "Call"), ("WhatsApp",), case_sensitive=True)
    assert rule.fits(["a Call b"])
    assert not rule.fits(["voice"])
    assert not rule.fits(["Voice", "on WhatsApp"])
    assert rule.fits(["Voice", "on whatsapp"])


def test_the_example_of_the_docstring_is_a_products_file(tmp_path: Path) -> None:
    """What the module shows can be copied into a file."""
    assert products.__doc__
    example = products.__doc__.split("PRODUCTS_FILE replaces the table:")[1]
    path = tmp_path / "products.toml"
    path.write_text(textwrap.dedent(example), encoding="utf-8")
    expected = ProductTable(
        (
            ProductRule(Product("verify", str(tmp_path / "verify_credit.ipynb")), ("Authy",)),
            ProductRule(Product("psms", None), ("sms", "programmable messaging"), ("WhatsApp",)),
        ),
        skip_unmatched=True,
    )
    assert expected == load_products(path)


def test_sql_that_fits_no_row_of_a_file_fails_unless_it_says_skip(tmp_path: Path) -> None:
    """`unmatched` is "fail" where it is left out; a full path of a notebook stays as it is."""
    path = tmp_path / "products.toml"
    path.write_text('[[product]]\nname = "voice"\ncontains = ["voice"]\nnotebook = "/nb/voice.ipynb"\n')
    table = load_products(path)
    assert not table.rules[0].case_sensitive
    assert picked("select voice from t", table=table) == "voice"
    assert table.products == (Product("voice", "/nb/voice.ipynb"),)
    with pytest.raises(NoProduct):
        table.pick("select fax from t", None)


def test_capitals_matter_where_a_row_says_so(tmp_path: Path) -> None:
    """`case_sensitive` is read from the file."""
    path = tmp_path / "products.toml"
    path.write_text('[[product]]\nname = "a"\ncontains = ["b"]\ncase_sensitive = true\n', encoding="utf-8")
    assert load_products(path).rules == (ProductRule(Product("a", None), ("b",), case_sensitive=True),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["product", "required"]),
        ("product = []", ["product", "at least 1 item"]),
        ('[[product]]\nname = "a"', ["product, number 1, contains", "required"]),
        ('[[product]]\nname = "a"\ncontains = []', ["product, number 1, contains", "at least 1 item"]),
        ('[[product]]\nname = "a"\ncontains = "sms"', ["product, number 1, contains", "valid list"]),
        ('[[product]]\nname = "a"\ncontains = ["b", ""]', ["product, number 1, contains, number 2", "at least 1"]),
        ('[[product]]\nname = "a"\ncontains = ["b"]\n[[product]]\nname = ""\ncontains = ["b"]', ["number 2, name"]),
        ('[[product]]\nname = "a"\ncontains = ["b"]\ncolour = 1', ["number 1, colour", "not permitted"]),
        ('[[product]]\nname = "a"\ncontains = ["b"]\ncase_sensitive = "no"', ["case_sensitive", "boolean"]),
        ('unmatched = "maybe"\n[[product]]\nname = "a"\ncontains = ["b"]', ["unmatched", "'skip' or 'fail'"]),
        ('[[product]]\nname = "a"\ncontains = ["b"]\n' * 2, ["two products named 'a'"]),
        ("[[product]\n", ["not TOML", "line 1"]),
    ],
)
def test_a_wrong_products_file_names_file_row_and_key(tmp_path: Path, text: str, said: list[str]) -> None:
    """One sentence with everything that is wrong in it."""
    path = tmp_path / "products.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_products(path)
    assert all(piece in caught.value.what for piece in [str(path), *said])
    assert caught.value.todo.endswith(".")


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Separated by semicolons."""
    path = tmp_path / "products.toml"
    path.write_text("unmatched = 1\nproduct = []\n")
    with pytest.raises(SettingsError, match=r"unmatched: .*; product: "):
        load_products(path)


def test_a_products_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, or not in UTF-8."""
    with pytest.raises(SettingsError, match=r"missing\.toml cannot be read: No such file") as caught:
        load_products(tmp_path / "missing.toml")
    assert caught.value.todo == "Check the path."
    with pytest.raises(SettingsError, match="cannot be read"):
        load_products(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(SettingsError, match="is not TOML"):
        load_products(tmp_path / "latin.toml")


@given(st.text(), st.sampled_from([None, *WAREHOUSES]))
def test_any_text_is_picked_skipped_or_fits_no_product(text: str, dialect: str | None) -> None:
    """Picking comes before the check, so it takes SQL of any kind."""
    try:
        product = both().pick(text, dialect)
    except NoProduct:
        return
    assert product in both().products


@given(st.text(alphabet=st.characters(exclude_characters="*/", categories=["L", "N", "P", "Z"])))
def test_comments_never_pick_a_product(comment: str) -> None:
    """Whatever a comment mentions, the SQL decides."""
    sql = f"/* Authy {comment} */ select sms from t -- Authy"
    assert picked(sql, "duckdb") == "psms"
