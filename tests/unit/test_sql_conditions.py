"""A product is proved by conditions that every row fulfils, and by nothing that only looks like one.

Each theme has SQL that is about Verify, with the dialects that write it so, and SQL of the same kind that is not.
"""

from __future__ import annotations

from datetime import date

import pytest

from creditbot.credit.products import default_products
from creditbot.credit.sql.check import SqlRules
from creditbot.credit.sql.reading import SqlQuestion, read_sql

TEXTS = default_products("verify.ipynb", "psms.ipynb").texts
F = "SELECT day, messages FROM traffic WHERE "
KIND = "(CASE WHEN item LIKE '%Authy%' THEN 'SMS' ELSE 'other' END)"
ONE_ROW = "(SELECT MAX(day) AS latest, COUNT(*) AS total FROM u WHERE item = 'Authy')"
LAST_DAYS = "(SELECT account, MAX(day) AS latest FROM u WHERE item = 'Authy' GROUP BY account)"
SUMS = "(SELECT account, SUM(n) AS n FROM u WHERE item = 'Authy' GROUP BY account)"
MODE = "(CASE WHEN mode = 'a' THEN 'SMS' ELSE 'Authy' END)"


def products(dialect: str, sql: str) -> tuple[str, ...]:
    """The products that the SQL asks for."""
    return read_sql(SqlQuestion(sql, SqlRules(dialect), TEXTS, date(2026, 1, 7))).products


ABOUT_VERIFY = {
    "patterns": [
        ("postgres", F + "item LIKE '%Authy%' ESCAPE '!'"),
        ("tsql", F + "item LIKE '%Authy%' ESCAPE '!'"),
        ("snowflake", F + "item ILIKE '%authy%' ESCAPE '!'"),
        ("postgres", F + "NOT (item NOT LIKE '%Authy%' ESCAPE '!')"),
        ("postgres", F + "item ~~ 'Authy%'"),
        ("postgres", F + "item ~~* 'authy%'"),
        ("postgres", F + "item LIKE ANY (ARRAY['Authy%', 'Authy SMS%'])"),
        ("snowflake", F + "item ILIKE ANY ('authy%', '%authy voice%')"),
        ("mysql", F + "item LIKE BINARY 'Authy%'"),
        ("sqlite", F + "item GLOB 'Authy*'"),
    ],
    "regular expressions": [
        ("postgres", F + "item ~ '^Authy'"),
        ("postgres", F + "item ~* '^(authy|authy sms)'"),
        ("postgres", F + "item ~ '^Authy.*SMS$'"),
        ("postgres", F + "item SIMILAR TO '%Authy%'"),
        ("postgres", F + "item SIMILAR TO '%(Authy|Authy SMS)%'"),
        ("bigquery", F + "REGEXP_CONTAINS(item, r'^Authy')"),
        ("bigquery", F + "REGEXP_CONTAINS(item, r'(?i)^authy')"),
        ("duckdb", F + "regexp_matches(item, 'Authy')"),
        ("clickhouse", F + "match(item, '^Authy')"),
        ("mysql", F + "item REGEXP '^Authy'"),
        ("databricks", F + "item RLIKE 'Authy.*'"),
        ("oracle", F + "REGEXP_INSTR(item, 'Authy') > 0"),
    ],
    "searches": [
        ("postgres", F + "STRPOS(item, 'Authy') > 0"),
        ("postgres", F + "POSITION('Authy' IN item) > 0"),
        ("mysql", F + "LOCATE('Authy', item) > 0"),
        ("mysql", F + "INSTR(item, 'Authy') > 0"),
        ("tsql", F + "CHARINDEX('Authy', item) > 0"),
        ("clickhouse", F + "positionCaseInsensitive(item, 'authy') > 0"),
        ("clickhouse", F + "startsWith(item, 'Authy')"),
        ("clickhouse", F + "has(items, 'Authy')"),
        ("bigquery", F + "CONTAINS_SUBSTR(item, 'authy')"),
        ("bigquery", F + "STARTS_WITH(item, 'Authy')"),
        ("bigquery", F + "'Authy' IN UNNEST(items)"),
        ("bigquery", F + "item IN UNNEST(['Authy', 'Authy SMS'])"),
        ("postgres", F + "'Authy' = ANY (items)"),
        ("tsql", F + "CONTAINS(item, 'Authy')"),
        ("oracle", F + "CONTAINS(item, '\"Authy\"', 1) > 0"),
        ("tsql", F + "CHARINDEX('Authy SMS', item) > 0"),
        ("snowflake", F + "CONTAINS(item, 'Authy SMS')"),
        ("trino", F + "contains(items, 'Authy')"),
    ],
    "lists and tuples": [
        ("postgres", F + "item = ANY ('{Authy,\"Authy SMS\"}')"),
        ("postgres", F + "item LIKE ANY ('{Authy%}'::text[])"),
        ("postgres", F + "item IN ('Authy', NULL)"),
        ("postgres", F + "(item, mode) = ('Authy', 'x')"),
        ("postgres", F + "(mode, item) IN (('x', 'Authy'), ('y', 'Authy 2'))"),
        ("postgres", F + "item = ALL (ARRAY['Authy'])"),
    ],
    "spellings of a literal": [
        ("tsql", F + "item = N'Authy'"),
        ("postgres", F + "item = E'Authy'"),
        ("postgres", F + "item = $$Authy$$"),
        ("mysql", F + "item = _utf8'Authy'"),
        ("bigquery", F + "item = r'Authy'"),
        ("postgres", F + "item::text = 'Authy'::text"),
    ],
    "values of the row": [
        ("postgres", F + "lower(item) LIKE 'authy%'"),
        ("postgres", F + "split_part(item, ' ', 1) = 'Authy'"),
        ("postgres", F + "payload ->> 'item' = 'Authy'"),
        ("bigquery", F + "JSON_VALUE(payload, '$.item') = 'Authy'"),
        ("snowflake", F + "payload:item::string = 'Authy'"),
        ("postgres", F + "COALESCE(item, '') LIKE 'Authy%'"),
        ("postgres", F + "NULLIF(item, '') = 'Authy'"),
        ("postgres", F + "item || '-' || mode LIKE 'Authy%'"),
        ("postgres", "SELECT * FROM (SELECT *, UPPER(item) AS product FROM t) x WHERE product = 'AUTHY'"),
        ("postgres", "SELECT a.authy_id AS authy_id FROM t a WHERE a.authy_id > 5"),
    ],
    "branches": [
        ("postgres", F + f"{KIND} = 'SMS'"),
        ("postgres", F + f"{KIND} IN ('SMS', NULL)"),
        ("postgres", F + f"UPPER({KIND}) = UPPER('sms')"),
        ("postgres", F + f"{KIND} LIKE 'S_S%'"),
        ("postgres", F + f"UPPER({KIND}) NOT LIKE 'OTH%' AND LOWER({KIND}) LIKE 'sms'"),
        ("postgres", F + "(CASE WHEN item = 'Authy' THEN 'Verify' WHEN a = 1 THEN NULL END) LIKE '%'"),
        ("postgres", F + "(CASE WHEN item = 'Authy' THEN name ELSE NULL END) = 'Verify'"),
        ("oracle", F + "DECODE(item, 'Authy', 1, 0) = 1"),
        ("oracle", F + "DECODE(item, 'Authy', 1) = 1"),
        ("snowflake", F + "IFF(item = 'Authy', 1, 0) = 1"),
        ("postgres", F + "(item = 'Authy' OR FALSE)"),
    ],
    "bounds": [
        ("postgres", F + "item BETWEEN 'Authy' AND 'Authy zzz'"),
        ("postgres", F + "authy_id BETWEEN 1 AND n"),
        ("postgres", F + "STRPOS(item, 'Authy') > 1"),
    ],
    "joins": [
        ("postgres", "SELECT a FROM t JOIN i ON i.id = t.i AND i.name LIKE 'Authy%' LEFT JOIN u ON u.id = t.id"),
        ("postgres", "SELECT a FROM t RIGHT JOIN (SELECT * FROM i WHERE name LIKE 'Authy%') i ON i.id = t.i"),
        ("tsql", "SELECT a FROM t CROSS APPLY (SELECT * FROM i WHERE i.id = t.i AND i.name = 'Authy') x"),
        ("postgres", "SELECT t.a FROM t JOIN (SELECT id FROM items WHERE name = 'Authy') x ON x.id = t.item_id"),
        (
            "postgres",
            "SELECT x.m FROM a JOIN (SELECT account_sid, m FROM u WHERE item = 'Authy') x USING (account_sid)",
        ),
        ("postgres", f"SELECT a.name, SUM(x.n) AS n FROM accounts a JOIN {SUMS} x ON x.account = a.id GROUP BY 1"),
        ("postgres", f"SELECT a.name, n FROM accounts a JOIN {SUMS} x ON x.account = a.id"),
        ("postgres", f"SELECT * FROM accounts a JOIN {SUMS} x ON x.account = a.id"),
        ("postgres", f"SELECT x.* FROM accounts a JOIN {SUMS} x ON x.account = a.id"),
        ("postgres", f"SELECT total FROM {ONE_ROW} x"),
        (
            "postgres",
            "WITH x (k, n) AS (SELECT account, SUM(m) FROM u WHERE item = 'Authy' GROUP BY 1) SELECT x.n FROM a, x",
        ),
        ("tsql", f"SELECT a.name, x.k FROM a JOIN {SUMS} AS x (account, k) ON x.account = a.id"),
        (
            "postgres",
            "SELECT t.a FROM t JOIN (SELECT sku, MAX(m) AS m FROM i WHERE name = 'Authy' GROUP BY 1) x USING (sku)",
        ),
        (
            "postgres",
            "SELECT t.a FROM t JOIN (SELECT sku, MAX(m) OVER () AS m FROM i WHERE name = 'Authy') x USING (sku)",
        ),
        ("postgres", F + "item_id IN (SELECT id FROM items WHERE name LIKE 'Authy%')"),
        ("postgres", F + "EXISTS (SELECT 1 FROM i WHERE i.id = traffic.item_id AND i.name = 'Authy')"),
    ],
    "pipes": [
        ("bigquery", "FROM t |> WHERE item = 'Authy' |> SELECT a"),
        ("clickhouse", "SELECT a FROM t PREWHERE item = 'Authy'"),
    ],
}

NOT_ABOUT_VERIFY = {
    "patterns": [
        ("postgres", F + "item NOT LIKE '%Authy%' ESCAPE '!'"),
        ("postgres", F + "item LIKE ANY (ARRAY['Authy%', 'SMS%'])"),
        ("tsql", F + "item LIKE '[^Authy]%'"),
        ("sqlite", F + "item GLOB '[^Authy]*'"),
        ("postgres", F + "'Authy' LIKE item"),
        ("postgres", F + "item LIKE other.pattern"),
    ],
    "lists and queries in a text": [
        ("postgres", F + "item = ANY ('{Authy,SMS}')"),
        ("postgres", F + 'item LIKE ANY (\'{"SMS%", "Authy%"}\'::text[])'),
        ("postgres", F + "item = ANY ('{Authy,NULL}')"),
        ("tsql", F + 'CONTAINS(item, \'"Authy" OR "SMS"\')'),
        ("tsql", F + "CONTAINS(item, 'NOT Authy')"),
        ("oracle", F + "CONTAINS(item, 'Authy OR SMS', 1) > 0"),
        ("oracle", F + "CONTAINS(item, 'Authy|SMS', 1) > 0"),
    ],
    "regular expressions": [
        ("postgres", F + "item ~ 'Authy|SMS'"),
        ("postgres", F + "item ~ '^(Authy|SMS)$'"),
        ("postgres", F + "item ~ 'Authy?'"),
        ("postgres", F + "item ~ '(Authy)?'"),
        ("postgres", F + "item ~ '^(?!Authy)'"),
        ("postgres", F + "item ~ '[^Authy]'"),
        ("postgres", F + "item ~ 'Au(thy|x)|SMS'"),
        ("postgres", F + "item ~ pattern"),
        ("postgres", F + "item SIMILAR TO '%(Authy|SMS)%'"),
        ("snowflake", F + "REGEXP_LIKE(item, 'Authy|SMS')"),
        ("bigquery", F + "REGEXP_CONTAINS(item, r'Authy|SMS')"),
        ("mysql", F + "item RLIKE 'Authy|SMS'"),
        ("clickhouse", F + "match(item, 'Authy|SMS')"),
        ("oracle", F + "REGEXP_COUNT(item, 'Authy|SMS') > 0"),
    ],
    "the SQL compared with itself": [
        ("postgres", F + "'Authy' = 'Authy'"),
        ("postgres", F + "'Authy' LIKE 'Authy%'"),
        ("postgres", F + "'Authy' IN ('Authy')"),
        ("postgres", F + "('Authy' = 'All' OR item = 'Authy')"),
        ("postgres", F + "STRPOS('Authy SMS', 'Authy') > 0"),
        ("postgres", F + "STRPOS('Authy,SMS', item) > 0"),
        ("postgres", F + "POSITION(item IN 'Authy,SMS') > 0"),
        ("snowflake", F + "CONTAINS('Authy,SMS', item)"),
        ("mysql", F + "LOCATE(item, 'Authy,SMS') > 0"),
        ("mysql", F + "FIND_IN_SET(item, 'Authy,SMS') > 0"),
        ("clickhouse", F + "positionCaseInsensitive('Authy,SMS', item) > 0"),
    ],
    "values that the SQL writes": [
        ("postgres", F + "'Authy ' || item LIKE 'Authy%'"),
        ("postgres", F + "CONCAT('Au', item) LIKE 'Authy%'"),
        ("postgres", F + "REPLACE(item, 'SMS', 'Authy') = 'Authy'"),
        ("postgres", F + "COALESCE(item, 'Authy') = 'Authy'"),
        ("postgres", F + "(item, mode) IN (('Authy', 'x'), ('SMS', 'y'))"),
        ("postgres", "SELECT * FROM (SELECT *, 'Authy' AS product FROM everything) x WHERE product = 'Authy'"),
        ("postgres", "SELECT * FROM (SELECT *, COALESCE(item, 'Authy') AS p FROM t) x WHERE p = 'Authy'"),
        ("postgres", "SELECT * FROM (SELECT 'Authy' AS p FROM t UNION ALL SELECT 'x' FROM u) x WHERE p = 'Authy'"),
        ("postgres", "SELECT * FROM (SELECT item FROM t UNION ALL SELECT 'Authy' FROM u) x WHERE item = 'Authy'"),
        ("postgres", "WITH x (p, a) AS (SELECT 'Authy', a FROM everything) SELECT * FROM x WHERE p = 'Authy'"),
        ("postgres", "SELECT * FROM (SELECT * FROM t UNION ALL SELECT 'Authy', a FROM u) x WHERE p = 'Authy'"),
        ("postgres", "SELECT a FROM (SELECT x AS authy_id FROM t) y WHERE authy_id > 5"),
    ],
    "branches": [
        ("postgres", F + f"{MODE} = 'Authy'"),
        ("postgres", F + f"{MODE} IN ('Authy')"),
        ("postgres", F + f"{MODE} LIKE 'Authy%'"),
        ("postgres", F + f"{MODE} ~ 'Authy'"),
        ("postgres", F + f"{KIND} LIKE '%'"),
        ("postgres", F + f"{KIND} LIKE pattern"),
        ("postgres", F + f"{KIND} LIKE 'S\\MS'"),
        ("postgres", F + f"{KIND} LIKE 'S!MS' ESCAPE '!'"),
        ("postgres", F + "(CASE WHEN item = 'Authy' THEN name ELSE other END) LIKE 'Authy%'"),
        ("postgres", F + f"LOWER({MODE}) = 'authy'"),
        ("postgres", F + f"STRPOS({MODE}, 'Authy') > 0"),
        ("oracle", F + "DECODE(item, 'Authy', 0, 1) = 1"),
        ("postgres", F + "item = 'Authy' OR 1 = 1"),
    ],
    "words that deny": [
        ("postgres", F + "is_not_authy"),
        ("postgres", F + "non_authy = true"),
        ("postgres", F + "nonauthy"),
        ("postgres", F + '"isNotAuthy"'),
        ("postgres", F + "exclude_authy = 'Yes'"),
        ("postgres", F + "item = 'Non-Authy'"),
        ("postgres", F + "item = 'Everything except Authy'"),
        ("postgres", "SELECT a FROM non_authy_traffic"),
        ("postgres", "SELECT a FROM traffic_without_authy"),
    ],
    "bounds": [
        ("postgres", F + "item > 'Authy'"),
        ("postgres", F + "item >= 'Authy' AND item < 'Authz'"),
        ("postgres", F + "item BETWEEN 'Authy' AND 'Z'"),
        ("postgres", F + "item BETWEEN 'Authy' AND other"),
        ("postgres", F + "authy_share < 0.5"),
        ("postgres", F + "STRPOS(item, 'Authy') >= 0"),
    ],
    "groups of rows": [
        ("postgres", "SELECT max(item) FROM t GROUP BY d HAVING MAX(item) LIKE 'Authy%'"),
        ("postgres", "SELECT max(item) FROM t GROUP BY d HAVING MAX(item) IN ('Authy')"),
        ("postgres", "SELECT d FROM t GROUP BY d HAVING STRING_AGG(item, ',') LIKE '%Authy%'"),
        ("postgres", "SELECT d FROM t GROUP BY d HAVING BOOL_OR(item = 'Authy')"),
        ("postgres", "SELECT d FROM t GROUP BY d HAVING COUNT(*) FILTER (WHERE item = 'Authy') > 0"),
        ("postgres", "SELECT * FROM (SELECT MAX(item) AS item FROM t GROUP BY d) x WHERE item = 'Authy'"),
        ("snowflake", "SELECT * FROM t QUALIFY FIRST_VALUE(item) OVER (PARTITION BY a ORDER BY d) = 'Authy'"),
    ],
    "joins": [
        ("postgres", "SELECT a FROM t JOIN i ON i.name LIKE 'Authy%' FULL JOIN u ON u.id = t.id"),
        ("postgres", "SELECT a FROM t JOIN i ON i.name LIKE 'Authy%' RIGHT JOIN u ON u.id = t.id"),
        ("postgres", "SELECT a FROM t RIGHT JOIN i ON i.id = t.i AND i.name LIKE 'Authy%'"),
        ("postgres", "SELECT a FROM t LEFT JOIN LATERAL (SELECT * FROM i WHERE i.name = 'Authy') x ON true"),
        ("tsql", "SELECT a FROM t OUTER APPLY (SELECT * FROM i WHERE i.id = t.i AND i.name = 'Authy') x"),
        ("duckdb", "SELECT a FROM t POSITIONAL JOIN (SELECT * FROM i WHERE name = 'Authy') x"),
    ],
    "keys that products share": [
        ("postgres", F + "account IN (SELECT account FROM t WHERE item = 'Authy')"),
        ("postgres", F + "(account_sid, day) IN (SELECT account_sid, day FROM t WHERE item = 'Authy')"),
        ("postgres", F + "EXISTS (SELECT 1 FROM u WHERE u.account = traffic.account AND u.item = 'Authy')"),
        ("postgres", "SELECT t.a FROM t JOIN (SELECT DISTINCT account_sid FROM u WHERE item = 'Authy') x USING (a)"),
        (
            "postgres",
            "WITH x AS (SELECT DISTINCT account_sid FROM u WHERE item = 'Authy') SELECT t.a FROM t JOIN x USING (a)",
        ),
        ("postgres", "SELECT a FROM traffic t JOIN authy_accounts a ON a.sid = t.account_sid"),
        ("postgres", f"SELECT t.day, SUM(t.n) AS n FROM t JOIN {LAST_DAYS} x ON x.account = t.account GROUP BY 1"),
        ("postgres", f"SELECT t.n FROM t JOIN {LAST_DAYS} x ON x.account = t.account AND t.day <= x.latest"),
        ("postgres", f"WITH x AS {LAST_DAYS} SELECT t.n FROM t JOIN x USING (account)"),
        ("postgres", "SELECT * FROM t JOIN (SELECT DISTINCT account FROM u WHERE item = 'Authy') x USING (account)"),
        ("tsql", f"SELECT a.name, t.n FROM t JOIN {SUMS} AS x (account, k) ON x.account = t.account"),
        ("postgres", f"SELECT t.n FROM t CROSS JOIN {ONE_ROW} x WHERE t.day <= x.latest"),
        ("postgres", f"SELECT t.n / x.total AS share FROM t, {ONE_ROW} x"),
    ],
}


@pytest.mark.parametrize("theme", ABOUT_VERIFY)
def test_a_condition_on_the_row_itself_proves_its_product(theme: str) -> None:
    """However the dialect spells it."""
    assert [] == [case for case in ABOUT_VERIFY[theme] if products(*case) != ("verify",)]


@pytest.mark.parametrize("theme", NOT_ABOUT_VERIFY)
def test_what_only_looks_like_a_condition_proves_nothing(theme: str) -> None:
    """Rows of other products fulfil it, too."""
    assert [] == [case for case in NOT_ABOUT_VERIFY[theme] if products(*case) != ()]


def test_a_column_of_a_table_is_not_the_label_of_the_same_name() -> None:
    """The name of its table stands before it."""
    sql = "SELECT CASE WHEN t.mode = 'x' THEN 'SMS' ELSE 'Authy' END AS product FROM t WHERE t.product = 'Authy'"
    assert ("verify",) == products("postgres", sql)


@pytest.mark.parametrize(("otherwise", "proved"), [("'other'", ("verify",)), ("item", ())])
def test_a_branch_with_a_column_may_equal_anything(otherwise: str, proved: tuple[str, ...]) -> None:
    """Rows come from every branch whose value may be the one that is asked for."""
    assert proved == products("postgres", F + f"CASE WHEN item LIKE '%Authy%' THEN mode ELSE {otherwise} END = 'SMS'")
