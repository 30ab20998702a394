"""SQL out of a grammar: queries that can be written in many ways, and any text that looks like SQL of a dialect.

`Question` is what a query asks. `written` writes it down in one of its many ways; `changed` asks something else.
`any_sql` puts the constructs of a dialect into one another without regard for sense, with hostile pieces among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a column with constants.

    Attributes:
        column: its name.
        operator: `=`, `<>`, `<`, `<=`, `IN` or `LIKE`.
        values: the constants, as written in SQL; two or more for IN.
        denied: whether it must not hold.
    """

    column: str
    operator: str
    values: tuple[str, ...]
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all (AND) or one (OR) must hold."""

    word: str
    parts: tuple[Condition | Group, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What a query asks for.

    Attributes:
        columns: the columns that it groups by.
        measures: (function, column, alias) of each number.
        build: the build time of the derived table that it reads; it says nothing about the question.
        table: the name of that table.
        side: of the join with `accounts`; None: there is no join.
        where: which rows.
        distinct: whether rows that are equal count once.
    """

    columns: tuple[str, ...]
    measures: tuple[tuple[str, str, str], ...]
    build: int
    table: str
    side: str | None
    where: Condition | Group
    distinct: bool


def question(chance: Random) -> Question:
    """Any question."""
    count = chance.randint(1, 3)
    return Question(
        tuple(chance.sample(["prefix", "mode", "country", "network"], count)),
        tuple(
            (chance.choice(["SUM", "MAX", "MIN"]), name, f"m{n}")
            for n, name in enumerate(["messages", "blocked"][:count])
        ),
        chance.randint(10**12, 10**13 - 1),
        chance.choice(["verify_daily", "verify_hourly"]),
        chance.choice([None, "", "LEFT"]),
        Group(
            "AND",
            (
                Condition("item", "LIKE", ("'Authy%'",)),
                *(_any_condition(chance, 2) for _ in range(chance.randint(1, 3))),
            ),
        ),
        chance.random() < 0.2,
    )


def _any_condition(chance: Random, depth: int) -> Condition | Group:
    if depth and chance.random() < 0.4:
        parts = tuple(_any_condition(chance, depth - 1) for _ in range(chance.randint(2, 3)))
        return Group(chance.choice(["AND", "OR"]), parts)
    column = chance.choice(["a", "b", "c"])
    operator = chance.choice(["=", "<>", "<", "<=", "IN", "LIKE"])
    count = chance.randint(2, 4) if operator == "IN" else 1
    kinds = (
        ["'x'", "'Y'", "'it''s'", "'-- a'", "'/* b */'", "'ü'"]
        if operator == "LIKE"
        else ["'x'", "'X'", "5", "7", "'it''s'", "''"]
    )
    return Condition(column, operator, tuple(chance.sample(kinds, count)), chance.random() < 0.2)


def written(asked: Question, chance: Random, dialect: str) -> str:
    """The question as SQL of a dialect, in one of the many ways to write it."""
    columns = [(column, column) for column in asked.columns]
    columns += [(f"{function}({column})", alias) for function, column, alias in asked.measures]
    chance.shuffle(columns)
    places = [str(n) for n, (_, name) in enumerate(columns, 1) if name in asked.columns]
    keys = places if chance.random() < 0.5 else list(asked.columns)
    chance.shuffle(keys)
    shown = [text if text == name else f"{text} {_optional(chance, 'AS')}{name}" for text, name in columns]
    text = f"SELECT {'DISTINCT ' if asked.distinct else ''}{', '.join(shown)}"
    text += f" FROM scratch.LR_AB1C{asked.build}_{asked.table} {_alias(chance, dialect)}t"
    if asked.side is not None:
        words = {"": _optional(chance, "INNER"), "LEFT": f"LEFT {_optional(chance, 'OUTER')}"}[asked.side]
        sides = ["t.account", "k.id"]
        chance.shuffle(sides)
        text += f" {words}JOIN accounts {_alias(chance, dialect)}k ON {' = '.join(sides)}"
    text += f" WHERE {_condition(asked.where, chance)} GROUP BY {', '.join(keys)}"
    if chance.random() < 0.5 and dialect != "tsql":
        text += f" ORDER BY {chance.randint(1, len(columns))}{chance.choice(['', ' DESC'])}"
    escaped = "it\\'s" if dialect == "bigquery" else "it''s"
    return _laid_out(text, chance).replace("it''s", escaped)


def _optional(chance: Random, word: str) -> str:
    return f"{word} " if chance.random() < 0.5 else ""


def _alias(chance: Random, dialect: str) -> str:
    return "" if dialect == "oracle" else _optional(chance, "AS")


def _condition(asked: Condition | Group, chance: Random) -> str:
    if isinstance(asked, Group):
        parts = [_condition(part, chance) for part in asked.parts]
        chance.shuffle(parts)
        return f"({f' {asked.word} '.join(parts)})"
    column, operator = asked.column, asked.operator
    values = list(asked.values)
    chance.shuffle(values)
    if operator in {"IN", "LIKE"}:
        listed = f"({', '.join(values)})" if operator == "IN" else values[0]
        if asked.denied:
            return chance.choice([f"{column} NOT {operator} {listed}", f"NOT ({column} {operator} {listed})"])
        text = f"{column} {operator} {listed}"
    else:
        mirrored = {"<": ">", "<=": ">="}.get(operator, operator)
        text = chance.choice([f"{column} {operator} {values[0]}", f"{values[0]} {mirrored} {column}"])
        text = text.replace("<>", chance.choice(["<>", "!="]))
        if asked.denied:
            text = f"NOT ({text})"
    return chance.choice([text, f"({text})"])


def _laid_out(text: str, chance: Random) -> str:
    """The text with other white space, capitals and comments; what stands in quotes stays as it is."""
    out = []
    for n, piece in enumerate(text.replace("''", "\1").split("'")):
        if n % 2:
            out.append(f"'{piece}'")
            continue
        words = piece.split(" ")
        spelt = [word if "LR_" in word or "." in word else chance.choice([word, word.lower()]) for word in words]
        out.append(
            "".join(
                f"{gap}{word}"
                for gap, word in zip(["", *(_gap(chance, word) for word in words[1:])], spelt, strict=True)
            )
        )
    begin = chance.choice(["", "-- Looker Query Context '{\"user_id\": 7}'\n", "/* 'a */ "])
    return begin + "".join(out).replace("\1", "''") + chance.choice(["", ";", "\n", " ;  -- end"])


def _gap(chance: Random, word: str) -> str:
    """White space or a comment before a word. The parser takes GROUP BY for one word, so no comment stands in it."""
    blank = chance.choice([" ", " ", "\n", "\t "])
    return blank if word == "BY" else chance.choice([blank, blank, " /* it's */ ", " -- it's\n"])


def changed(asked: Question, chance: Random) -> Question:
    """Another question, which differs from this one in one thing."""
    parts = asked.where.parts if isinstance(asked.where, Group) else ()
    number = chance.randrange(len(parts))
    others = [
        replace(asked, table="verify_weekly"),
        replace(asked, side="" if asked.side is None else None),
        replace(asked, distinct=not asked.distinct),
        replace(asked, columns=(*asked.columns, "carrier")),
        replace(asked, measures=(("COUNT", "messages", "m0"), *asked.measures[1:])),
        replace(asked, where=Group("AND", (*parts, Condition("d", "=", ("'new'",))))),
        replace(asked, where=Group("AND", (*parts[:number], *parts[number + 1 :], Condition("e", "<", ("9",))))),
        replace(asked, where=Group("AND", (*parts[:number], _denied(parts[number]), *parts[number + 1 :]))),
    ]
    return chance.choice(others)


def _denied(asked: Condition | Group) -> Condition | Group:
    if isinstance(asked, Condition):
        return replace(asked, denied=not asked.denied)
    return Group("OR" if asked.word == "AND" else "AND", asked.parts)


# ---- any text ----------------------------------------------------------------------------------------------------

VALUES = [
    "a", "t.b", "1", "'Authy'", "NULL", "coalesce(~, 0)", "(~)", "f(~, ~)", "CASE WHEN ~ THEN ~ ELSE ~ END", "~ + ~",
    "CAST(~ AS INT)", "sum(~) OVER (PARTITION BY ~ ORDER BY ~)", "(SELECT max(~) FROM u WHERE ~)", "NOT ~",
    "~ IN (~, ~)",
    "~ = ~", "~ LIKE ~", "~ AND ~", "~ OR ~", "~ BETWEEN ~ AND ~", "EXISTS (^)", "~ IN (^)", "count(*)", "x.y.f(~)",
    "extract(day FROM ~)", "~ IS NOT NULL", "interval '1' day", "row_number() OVER (ORDER BY ~)", "upper(~) || 'x'",
]  # fmt: skip
OF_DIALECTS = {
    "bigquery": ["[~, ~]", "STRUCT(~ AS k)", "a[OFFSET(~)]", "ARRAY(^)", "ARRAY_AGG(~ LIMIT 3)", "`a b`", "r'x'"],
    "clickhouse": ["[~]", "arrayMap(x -> ~, a)", "groupArray(3)(~)", "a IN t2", "{p:String}", "toDate(~)", "~ ? ~ : ~"],
    "databricks": ["array(~)", "transform(a, x -> ~)", "a:b.c", "named_struct('a', ~)", "try_cast(~ AS INT)"],
    "duckdb": ["[~]", "{'k': ~}", "a[1:~]", "list_transform(a, x -> ~)", "~::INT", "x.f(~)", "MAP {'k': ~}"],
    "mysql": ["@v := ~", "`a`", "group_concat(~ SEPARATOR ',')", "~ XOR ~", "x'4142'", "~ REGEXP ~", "_utf8'x'"],
    "oracle": ["DECODE(~, ~, ~)", "q'[it's]'", "ROWNUM", "PRIOR a", "NVL(~, ~)",
        "LISTAGG(~, ',') WITHIN GROUP (ORDER BY ~)"],
    "postgres": ["ARRAY[~]", "~::text", "a ->> 'k'", "~ ~* 'x'", "$$x$$", "(~).b", "ROW(~, ~)", "U&'x'",
        "~ AT TIME ZONE 'UTC'"],
    "snowflake": ["a:b[0]::int", "IFF(~, ~, ~)", "OBJECT_CONSTRUCT('k', ~)", "$1", "ARRAY_CONSTRUCT(~)", "~::variant"],
    "sqlite": ["~ GLOB ~", "~ == ~", "json_extract(~, '$.a')", "CAST(~ AS TEXT)"],
    "trino": ["ARRAY[~]", "ROW(~, ~)", "reduce(a, 0, (s, x) -> ~, s -> s)", "TRY(~)", "a[~]", "~ AT TIME ZONE 'UTC'"],
    "tsql": ["[a b]", "CONVERT(INT, ~)", "IIF(~, ~, ~)", "N'x'", "TRY_CAST(~ AS INT)",
        "a COLLATE Latin1_General_CI_AS"],
}  # fmt: skip
QUERIES = [
    "SELECT ~ FROM %", "SELECT ~ AS k, ~ FROM % WHERE ~", "SELECT DISTINCT ~ FROM % WHERE ~ GROUP BY ~ HAVING ~",
    "^ UNION ALL ^", "^ EXCEPT ^", "WITH w AS (^) SELECT ~ FROM w", "(^)", "SELECT ~ FROM % ORDER BY ~", "^ LIMIT 5",
    "SELECT * FROM % QUALIFY ~", "WITH RECURSIVE w AS (^ UNION ALL ^) SELECT * FROM w", "SELECT TOP 5 ~ FROM %",
]  # fmt: skip
SOURCES = [
    "t", "s.t", "t x", "(^) y", "% JOIN % ON ~", "% LEFT JOIN % USING (a)", "%, %", "% CROSS JOIN UNNEST(~) AS u (x)",
    "% LATERAL VIEW explode(~) u AS x", "TABLE(f(~))", "VALUES (~)", "% CROSS APPLY f(~) z",
    "t TABLESAMPLE (10 PERCENT)",
    "(% JOIN % ON ~)", "t FINAL", "t PIVOT (SUM(a) FOR b IN ('x'))", "LATERAL (^) l", "read_csv('x')", "'x.csv'",
]  # fmt: skip
HOSTILE = [
    "\0", "/*", "*/", "--", "#", "'", '"', "`", "$$", "$tag$", ";", "{{", "\u202e", "\u200b", "\ud800", "\U0001f600",
    "\r", "\x0b",
    "/*!50000 x */", "((((((((((((", "]]]]]]", "[[[[[[[[", "array[array[array[", "struct(struct(",
    "{'a':{'a':", "case when case when ",
    "not not not not ", "- - - - ", "::a::b::c", ".a.b.c.d", "f(g(h(i(j(",
    "1e999", "0x", "\\", "\\'", "U&'", "E'", "q'[", "N'",
]  # fmt: skip


def any_sql(chance: Random, dialect: str) -> str:
    """A text that looks like SQL of the dialect, of up to some thousand characters."""
    values = VALUES + OF_DIALECTS.get(
        {"athena": "trino", "presto": "trino", "redshift": "postgres", "spark": "databricks"}.get(dialect, dialect), []
    )
    rules: dict[str, Sequence[str]] = {"^": QUERIES, "~": values, "%": SOURCES}
    leaves = {"^": "SELECT a FROM t", "~": "a", "%": "t"}
    todo, done, room = ["^"], list[str](), chance.choice([3, 10, 30, 100])
    while todo:
        sign = todo.pop()
        if sign in rules:
            room -= 1
            todo += reversed(chance.choice(rules[sign]) if room > 0 else leaves[sign])
        else:
            done.append(sign)
    text = "".join(done)
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        place = chance.randint(0, len(text))
        text = (
            text[:place]
            + chance.choice(HOSTILE) * chance.choice([1, 1, 2, 20])
            + text[place + chance.choice([0, 0, 5]) :]
        )
    return text
