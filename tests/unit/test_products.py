"""Which product a link is about."""

from __future__ import annotations

import textwrap
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbot.credit import products_file
from creditbot.credit.products import SKIPPED, ProductRule, ProductTable, default_products
from creditbot.credit.products_file import load_products
from creditbot.credit.sql.check import MAX_SQL, SqlRules
from creditbot.credit.sql.dialects import WAREHOUSES
from creditbot.credit.sql.reading import SqlQuestion, read_sql
from creditbot.errors import NoProduct, SettingsError, SqlRefused
from creditbot.model import Product

DAY = date(2026, 1, 7)
SPOKEN = (None, "postgres", "snowflake", "duckdb", "bigquery")
"""Dialects in which a condition has to mean the same; None is where none is set."""


def both() -> ProductTable:
    """The default table with both products on."""
    return default_products("verify.ipynb", "psms.ipynb")


def asked_for(sql: str, dialect: str | None = None, table: ProductTable | None = None) -> tuple[str, ...]:
    """Names of the products that the SQL asks for."""
    return read_sql(SqlQuestion(sql, SqlRules(dialect), (table or both()).texts, DAY)).products


def picked(sql: str, dialect: str | None = None, table: ProductTable | None = None) -> str:
    """The product of the SQL, or "none" or "several"."""
    names = asked_for(sql, dialect, table)
    return names[0] if len(names) == 1 else "several" if names else "none"


@pytest.mark.parametrize(
    "condition",
    [
        "item = 'Authy'",
        "item LIKE '%Authy SMS Outbound%'",
        "item ILIKE '%authy%'",
        "UPPER(item) LIKE UPPER('%Authy%')",
        "item IN ('Authy', 'Authy SMS Outbound')",
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
        "EXISTS (SELECT 1 FROM items WHERE name = 'Authy' AND items.id = t.id)",
        "(item LIKE 'Authy%' OR item LIKE '%Authy Voice%')",
        "(CASE WHEN item LIKE 'Authy%' THEN 'Yes' ELSE 'No' END) = 'Yes'",
        "(CASE WHEN item LIKE 'Authy%' THEN 'Verify' ELSE 'Other' END) = 'Verify'",
        "(CASE WHEN item LIKE '%SMS%' THEN 'PSMS' WHEN item LIKE 'Authy%' THEN 'Verify' END) = 'Verify'",
        "NOT (item <> 'Authy' OR day < '2025-12-01')",
        "COALESCE(item LIKE 'Authy%', FALSE)",
        "0 < STRPOS(item, 'Authy')",
        "authy_id BETWEEN 1 AND 5",
        "CAST(item = 'Authy' AS BOOLEAN)",
        "(CASE item WHEN 'Authy' THEN 1 ELSE 0 END) = 1",
        "item = UPPER('Authy')",
        "item LIKE CONCAT('%Au', 'thy%')",
        "NOT (STRPOS(item, 'Authy') < 1)",
    ],
)
def test_sql_that_asks_for_authy_is_verify(condition: str) -> None:
    """A literal, a name or a comparison, in any case; negated twice is asked for too."""
    sql = f"SELECT sms_count FROM t WHERE {condition}"
    assert dict.fromkeys(SPOKEN, "verify") == {dialect: picked(sql, dialect) for dialect in SPOKEN}


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
        "(CASE WHEN item LIKE '%Authy%' THEN 'Yes' ELSE 'No' END) = 'No'",
        "(CASE WHEN item LIKE 'Authy%' THEN 'Verify' ELSE 'PSMS' END) = 'PSMS'",
        "NOT COALESCE(item LIKE '%Authy%', FALSE)",
        "STRPOS(item, 'Authy') < 1",
        "REPLACE(item, 'Authy', '') = item",
        "is_authy = 'No'",
        "account = 'ACauthy1'",
        "authy.item = 'x'",
        "(item <> 'Authy') IS NOT TRUE",
        "(item = 'Authy') IS NOT FALSE",
        "(CASE WHEN item NOT LIKE 'Authy%' THEN 'No' ELSE 'Yes' END) = 'Yes'",
        "COALESCE(item = 'Authy', TRUE)",
        "EXISTS (SELECT 1 FROM items i WHERE i.name = 'Authy')",
        "NOT EXISTS (SELECT 1 FROM items WHERE name NOT LIKE '%Authy%')",
    ],
)
def test_authy_in_comments_and_negated_conditions_is_not_asked_for(condition: str) -> None:
    """`NOT LIKE '%Authy%'` alone is not Verify."""
    sql = f"SELECT a FROM t WHERE channel = 'SMS' AND {condition}"
    assert dict.fromkeys(SPOKEN, "psms") == {dialect: picked(sql, dialect) for dialect in SPOKEN}


def test_the_right_side_of_except_is_not_asked_for() -> None:
    """Its rows are taken off."""
    authy, sms = "SELECT a FROM t WHERE item = 'Authy'", "SELECT a FROM t WHERE item = 'SMS'"
    assert picked(f"{sms} EXCEPT {authy}", "duckdb") == "psms"
    assert picked(f"{authy} EXCEPT {sms}", "duckdb") == "verify"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a from sms_traffic", "psms"),
        ("select a from psms_traffic where day > '2025-12-01'", "psms"),
        ("select a from sms_traffic s left join authy_items i on s.id = i.id", "psms"),
        ("select a from (select * from authy_traffic) x", "verify"),
        ("with x as (select * from authy_traffic) select a from x", "verify"),
        ("select a from sms_traffic where item = 'Authy'", "verify"),
        ("select psms_traffic.a from psms_traffic as psms_traffic where psms_traffic.item like 'Authy%'", "verify"),
        ("select a from t where item = 'Programmable SmS'", "psms"),
        ("select a from t where item = 'Authy SMS'", "verify"),
        ("select a from (select * from t where item like 'Authy%') x join y on x.id = y.id", "verify"),
        ("select a from y join (select * from t where item like 'Authy%') x on x.id = y.id", "verify"),
        ("select a from y right join (select * from t where item like 'Authy%') x on x.id = y.id", "verify"),
        ("with x as (select * from t where item like 'Authy%') select a from x where day > '2025-12-01'", "verify"),
        ("select a from t join items i on t.id = i.id and i.name = 'Authy'", "verify"),
        ("select a from t where item = 'Authy' union all select a from u where item like 'Authy%'", "verify"),
        ("select a from t where item = 'Authy' intersect select a from u", "verify"),
        ("select a from t intersect select a from u where item = 'Authy'", "verify"),
        ("select a from t cross join lateral (select * from u where item = 'Authy' and u.id = t.id) x", "verify"),
        ("with x as (select * from t where item = 'Authy') select a from x join x y using (a)", "verify"),
        ("select a from (select *, if(item like 'Authy%', 'V', 'P') as kind from t) x where kind = 'V'", "verify"),
    ],
)  # fmt: skip
def test_a_product_is_picked_by_what_every_row_fulfils(sql: str, expected: str) -> None:
    """Conditions first, wherever they stand; where there is none, the tables that the rows come from."""
    assert picked(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "select sms from t",
        "select a as authy from t",
        "select 'Authy' as product, a from t",
        "select price_sms(a) from t",
        "select case when item like 'Authy%' then 'Verify' else 'PSMS' end as product, a from t",
        "select sum(case when item like 'Authy%' then m end) as m from t",
        "select a from t order by authy_rank",
        "select a from t group by a, authy",
        "select a from t where item = 'Authy' or day > '2025-12-01'",
        "select a from t where item = 'Authy' or item = 'SMS'",
        "select a from t where item in ('Authy', 'SMS')",
        "select a from t where item in ('Authy', 'x')",
        "select a from y left join (select * from t where item = 'Authy') x on x.id = y.id",
        "select a from t left join items i on t.id = i.id and i.name = 'Authy'",
        "select a from t full join (select * from u where item = 'Authy') x on x.id = t.id",
        "select a from t where item = 'Authy' union all select a from u",
        "select a from t where item = 'Authy' union all select a from u where item = 'SMS'",
        "select a from t where (select max(item) from u) = 'x' and day = (select max(day) from authy_days)",
        "select a from (select *, if(item like 'Authy%', 'V', 'P') as kind from t) x where kind <> 'x'",
        "select a from t where customer = 'Smstools Inc'",
        "select a from t group by a having max(item) = 'Authy'",
        "select a from t group by a having count(case when item = 'Authy' then 1 end) > 0",
        "select sms_view.a from t as sms_view where sms_view.item = 'x'",
        "with recursive x as (select a from x) select a from x",
        "select * from (select a = 'Authy' as k from t) x, (select b = 'x' as k from u) y where k",
        "select a from (select max(item) as k, a from t) x where k",
        "select a from t where item like any ('Authy%', 'x')",
    ],
)
def test_what_is_shown_or_may_not_hold_asks_for_no_product(sql: str) -> None:
    """Labels, branches, sort keys, one of several conditions, and what an outer join may leave out."""
    assert picked(sql) == "none"


def test_the_words_of_one_dialect_are_understood() -> None:
    """Lists of patterns, texts in parts, and ClickHouse's FINAL."""
    assert picked("select a from t where item like any ('Authy%', '%Authy SMS%')", "snowflake") == "verify"
    assert picked("select a from t where item in ('Authy', 'Authy SMS')", "snowflake") == "verify"
    assert picked("select a from t where item = any(array['Authy', 'Authy SMS'])", "postgres") == "verify"
    assert picked("select a from t where item = 'Au' || 'thy'", "postgres") == "verify"
    assert picked("select a from authy_traffic as t final", "clickhouse") == "verify"


def test_sql_that_is_too_deep_to_be_understood_is_refused() -> None:
    """Its tree is deeper than what walks it."""
    reading = read_sql(SqlQuestion(f"select a from t where {'+'.join('1' * 5000)} = 1", SqlRules("duckdb"), (), DAY))
    assert reading.refusal
    assert reading.refusal.what == "The SQL is nested too deeply to be read."


@pytest.mark.parametrize(
    "sql",
    [
        "select a from t where item = 'Authy' and channel = 'SMS'",
        "select a from (select * from t where item = 'SMS') x where item like 'Authy%'",
        "select a from authy_traffic join sms_traffic using (id)",
    ],
)
def test_sql_that_asks_for_two_products_fails(sql: str) -> None:
    """Whose notebook should run cannot be told."""
    assert asked_for(sql) == ("psms", "verify")
    with pytest.raises(NoProduct, match=r"asks for several products \(psms, verify\)"):
        both().pick(asked_for(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "select a from (t where item = 'Authy'",
        "-- Authy\n# Authy\nselec sms /* Authy */ from",
        "select a from t where item = 'Authy'".ljust(MAX_SQL + 1),
    ],
)
def test_sql_that_cannot_be_read_fails_with_its_reason(sql: str) -> None:
    """What is not understood is not another product."""
    with pytest.raises(SqlRefused):
        asked_for(sql, "duckdb")


@pytest.mark.parametrize("sql", ["select sms from sms; select b from t", "drop table sms", ""])
def test_what_is_not_one_query_asks_for_nothing(sql: str) -> None:
    """The refusal says why."""
    reading = read_sql(SqlQuestion(sql, SqlRules("duckdb"), both().texts, DAY))
    assert reading.refusal
    assert reading.products == ()


BUILD = """-- generate derived table verify_daily
-- Building persistent derived table credit::verify_daily in prod mode
CREATE TABLE LOOKER_SCRATCH.LR$QKABC1764633600123_verify_daily AS (
SELECT * FROM raw.verify_traffic WHERE billable_item LIKE 'Authy%' )
-- finished verify_daily => LOOKER_SCRATCH.LR$QKABC1764633600123_verify_daily
SELECT day FROM LOOKER_SCRATCH.LR$QKABC1764633600123_verify_daily AS verify_daily
"""


@pytest.mark.parametrize("dialect", [None, "snowflake", "bigquery", "mysql"])
@pytest.mark.parametrize("create", ["CREATE TABLE", "create temporary table", "CREATE OR REPLACE TRANSIENT TABLE"])
def test_sql_that_builds_a_derived_table_is_tried_again(dialect: str | None, create: str) -> None:
    """Looker builds it when somebody looks; until then its SQL has the build in front."""
    with pytest.raises(SqlRefused, match="derived table") as caught:
        asked_for(BUILD.replace("CREATE TABLE", create), dialect)
    assert caught.value.retry


TABLE = "LOOKER_SCRATCH.LR$QKABC1764633600123_verify_daily"


@pytest.mark.parametrize(
    ("dialect", "build"),
    [
        ("postgres", f"CREATE MATERIALIZED VIEW {TABLE} AS (SELECT 1)"),
        ("postgres", f"CREATE UNLOGGED TABLE {TABLE} AS (SELECT 1)"),
        ("databricks", f"CREATE TABLE IF NOT EXISTS {TABLE} AS (SELECT 1)"),
        ("mysql", f"DROP TABLE IF EXISTS {TABLE};\nCREATE TABLE {TABLE} AS (SELECT 1);"),
        ("bigquery", f"#standardSQL\nCREATE TABLE {TABLE} AS (SELECT 1)"),
        ("redshift", f"INSERT INTO {TABLE} SELECT 1;"),
        ("tsql", "SELECT * INTO [LOOKER_SCRATCH].[LR$QKABC1764633600123_verify_daily] FROM (SELECT a FROM t) x"),
    ],
)
def test_a_build_is_known_in_the_words_of_its_warehouse(dialect: str, build: str) -> None:
    """Whatever stands in front of the query; the query alone is read."""
    query = f"SELECT day FROM {TABLE} AS verify_daily WHERE item = 'Authy'"
    with pytest.raises(SqlRefused, match="derived table") as caught:
        asked_for(f"-- generate derived table verify_daily\n{build}\n-- finished\n{query}", dialect)
    assert caught.value.retry
    assert asked_for(f"-- use existing derived table\n{query}", "snowflake") == ("verify",)


NOTES = (
    (
        "-- generate derived table verify_daily\n"
        "-- running the following sql through the bigquery API to create table as select:\n"
        "-- Building credit::verify_daily in dev mode on instance 5ae1\n"
    ),
    (
        "-- raw sql results do not include filled-in values for 'verify_daily.day'\n\n\n"
        "-- increment persistent derived table verify_daily to generation 2\n"
    ),
    "#standardSQL\n-- Building persistent derived table credit::verify_daily in dev mode\n",
)


@pytest.mark.parametrize("dialect", [None, "bigquery", "tsql", "duckdb"])
@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize(
    "build", ["SELECT a FROM t", "SELECT a FROM t WHERE b = 1 GROUP BY 1", "MERGE INTO x USING t;"]
)
def test_a_build_is_known_by_what_looker_says_of_it(dialect: str | None, note: str, build: str) -> None:
    """On BigQuery a build is a plain SELECT, and the query follows without a semicolon."""
    query = f"SELECT day FROM {TABLE} AS verify_daily WHERE item = 'Authy'"
    with pytest.raises(SqlRefused, match="derived table") as caught:
        asked_for(f"{note}{build}\n-- finished verify_daily => {TABLE}\n{query}", dialect)
    assert caught.value.retry


def test_a_note_on_a_build_alone_is_a_comment() -> None:
    """Somebody may have pasted it with the query."""
    assert asked_for(f"{NOTES[0]}SELECT day FROM t WHERE item = 'Authy'", "snowflake") == ("verify",)


def test_the_dialect_says_what_a_comment_is() -> None:
    """`#` begins a comment in MySQL and is an operator in Postgres."""
    sql = "select a from t where a = 1 # 2 and item = 'Authy'\nand item = 'SMS'"
    assert picked(sql, "mysql") == "psms"
    assert picked(sql, "postgres") == "several"


def test_while_psms_is_off_its_links_are_skipped() -> None:
    """Its SQL is recognised; SQL of no product fails its message."""
    table = default_products("verify.ipynb", None)
    assert table.pick(["verify"]) == Product("verify", "verify.ipynb")
    assert table.pick(["psms"]) == Product("psms", None)
    with pytest.raises(NoProduct):
        table.pick([])


def test_sql_that_fits_no_product_fails() -> None:
    """The sentence names the products."""
    with pytest.raises(NoProduct) as caught:
        both().pick([])
    assert caught.value.what == "The SQL fits no product (verify, psms)."
    assert caught.value.todo == "Filter on the product in Looker; or answer by hand, or add a product to PRODUCTS_FILE."


def test_a_product_that_is_off_is_recognised() -> None:
    """So that no later row takes its SQL."""
    table = default_products("", "psms.ipynb")
    assert picked("select a from sms where item = 'Authy'", table=table) == "verify"
    assert table.products == (Product("verify", None), Product("psms", "psms.ipynb"))


def test_a_rule_can_exclude() -> None:
    """`contains` is any of, `excludes` none of."""
    table = ProductTable((ProductRule(Product("voice", "v"), ("Voice", "Call"), ("WhatsApp",)),))
    assert picked("select a from t where item = 'a call b'", table=table) == "voice"
    assert picked("select a from t where item = 'voice' and channel = 'on whatsapp'", table=table) == "none"
    assert picked("select a from t where item = 'voice' and channel <> 'whatsapp'", table=table) == "voice"


@pytest.mark.parametrize(
    "condition",
    [
        "day >= DATE '2025-12-05'",
        "day < '2025-12-05'",
        "day BETWEEN DATE '2025-12-05' AND DATE '2025-12-09'",
        "n > 5 AND '2025-12-05' > day",
    ],
)
def test_a_text_in_a_bound_is_asked_for(condition: str) -> None:
    """It stands in a condition that every row fulfils."""
    table = ProductTable((ProductRule(Product("december", "n"), ("2025-12-05",)),))
    assert picked(f"select a from t where {condition}", table=table) == "december"
    assert picked(f"select a from t where not ({condition})", table=table) == "none"


def test_a_rule_can_mind_capitals() -> None:
    """In literals and in names."""
    table = ProductTable((ProductRule(Product("voice", "v"), ("Voice",), ("WhatsApp",), case_sensitive=True),))
    assert picked("select a from t where item = 'voice'", table=table) == "none"
    assert picked("select a from voice", table=table) == "none"
    assert picked("select a from t where item = 'Voice' and channel = 'whatsapp'", table=table) == "voice"


def test_the_example_of_the_docstring_is_a_products_file(tmp_path: Path) -> None:
    """What the module shows can be copied into a file."""
    assert products_file.__doc__
    example = products_file.__doc__.split("in place of the built-in one.")[1].split("What comes out")[0]
    path = tmp_path / "products.toml"
    path.write_text(textwrap.dedent(example), encoding="utf-8")
    expected = ProductTable(
        (
            ProductRule(Product("verify", str(tmp_path / "verify_credit.ipynb")), ("Authy",)),
            ProductRule(Product("psms", None, 14), ("sms", "programmable messaging"), ("WhatsApp",)),
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
    assert picked("select a from voice", table=table) == "voice"
    assert table.products == (Product("voice", "/nb/voice.ipynb"),)
    with pytest.raises(NoProduct):
        table.pick([])


def test_a_file_may_have_sql_skipped_that_fits_no_row(tmp_path: Path) -> None:
    """Where its owner says so."""
    path = tmp_path / "products.toml"
    path.write_text('unmatched = "skip"\n[[product]]\nname = "a"\ncontains = ["b"]\n', encoding="utf-8")
    assert load_products(path).pick([]) == SKIPPED


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
        ('[[product]]\nname = "a"\ncontains = ["b"]\nhistory_days = -1', ["number 1, history_days", "greater than"]),
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
def test_any_text_asks_for_products_or_is_refused(text: str, dialect: str | None) -> None:
    """Whatever Looker gives."""
    with suppress(SqlRefused):
        assert set(asked_for(text, dialect)) <= {"verify", "psms"}


@given(st.text(alphabet=st.characters(exclude_characters="*/", categories=["L", "N", "P", "Z"])))
def test_comments_never_pick_a_product(comment: str) -> None:
    """Whatever a comment mentions, the SQL decides."""
    sql = f"/* Authy {comment} */ select a from t where item = 'SMS' -- Authy"
    assert picked(sql, "duckdb") == "psms"


ABOUT = st.sampled_from(["item = 'Authy'", "item LIKE 'Authy%'", "STRPOS(item, 'Authy') > 0", "item IN ('Authy')"])
NEUTRAL = st.sampled_from(["day > '2025-12-01'", "mode = 'max'", "prefix IS NOT NULL", "a <> 1", "b LIKE '%x%'"])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> tuple[str, bool]:
    """A condition, and whether it holds only for rows about Authy."""
    if not depth or draw(st.booleans()):
        about = draw(st.booleans())
        return draw(ABOUT if about else NEUTRAL), about
    (left, one), (right, other) = draw(conditions(depth - 1)), draw(conditions(depth - 1))
    return draw(
        st.sampled_from(
            [
                (f"({left} AND {right})", one or other),
                (f"({left} OR {right})", one and other),
                (f"NOT (NOT ({left}) OR NOT ({right}))", one or other),
                (f"(CASE WHEN {left} THEN 'Yes' ELSE 'No' END) = 'Yes'", one),
                (f"(({left}) IS TRUE AND ({right}))", one or other),
                (f"id IN (SELECT id FROM u WHERE {left})", one),
            ]
        )
    )


@given(conditions(), st.sampled_from(["postgres", "duckdb", "databricks"]))
def test_conditions_are_understood_however_they_are_put_together(condition: tuple[str, bool], dialect: str) -> None:
    """AND, OR, NOT, CASE and sub-queries in any nesting."""
    text, about = condition
    assert picked(f"SELECT a FROM t WHERE {text}", dialect) == ("verify" if about else "none")


def test_a_table_can_be_narrowed_to_some_products() -> None:
    """As the rules of a channel do: the others are off, and what to look for in the SQL stays."""
    table = default_products("verify.ipynb", "psms.ipynb")
    narrowed = table.only(["psms"])
    assert [None, "psms.ipynb"] == [product.notebook for product in narrowed.products]
    assert table.texts == narrowed.texts
    assert table == table.only(None)
