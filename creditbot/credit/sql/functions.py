"""Checks the functions in SQL: they may compute a value, and nothing else.

A function is refused if it reads files, the system or the network, runs SQL from a text, writes, waits, or generates
rows from nothing. Other scalar functions pass unless they are known to be harmful, because every warehouse has many of
its own. Functions that open lists are checked by `creditbot.credit.sql.lists`. Nodes come from
`creditbot.credit.sql.rules`. Pure.
"""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from creditbot.credit.sql.tree import name_of, short
from creditbot.errors import SqlRefused

TODO: Final = "Post a Look or an Explore over the warehouse's tables instead."

# fmt: off
# Functions that generate rows or lists from nothing.
_SERIES: Final = frozenset({
    "array_generate_range", "generate_array", "generate_date_array", "generate_series", "generate_subscripts",
    "generate_timestamp_array", "generator", "numbers", "range", "sequence", "stack",
})
# Functions that read files, the system or the network, run SQL from a text, write, or wait.
_HARMFUL: Final = frozenset({
    "addresstoline", "ai_query", "audit_log_read", "benchmark", "bfilename", "build_scoped_file_url",
    "build_stage_file_url", "catboostevaluate", "connectby", "crosstab", "current_setting", "currval", "dburitype",
    "edit", "eval", "evalmlmethod", "executable", "explain_model", "external_query", "file", "fts3_tokenizer",
    "get_ddl", "get_lock", "get_presigned_url", "get_stage_location", "getenv", "getmacro", "getserverport",
    "getsetting", "getvariable", "gin_clean_pending_list", "glob", "hascolumnintable", "httpuritype",
    "java_method", "joinget", "joingetornull", "json_execute_serialized_sql", "lambda_async", "lambda_sync",
    "lastval", "list_secrets", "load_aws_credentials", "load_extension", "load_file", "master_pos_wait", "nextval",
    "open_prompt", "opendatasource", "openquery", "openrowset", "prompt", "query", "query_export_to_s3",
    "query_table", "readfile", "reflect", "release_all_locks", "release_lock", "remote", "remote_query", "secret",
    "set_config", "setseed", "setval", "showcertificate", "sleep", "sleep_ms", "sleepeachrow", "sniff_csv",
    "source_pos_wait", "sys_dburigen", "sys_eval", "sys_exec", "sys_xmlgen", "to_file", "try_reflect",
    "try_secret", "ts_stat", "url", "vector_search", "wait_for_executed_gtid_set",
    "wait_until_sql_thread_after_gtids", "which_secret", "write_log", "writefile", "xdburitype", "xmlquery",
    "xpath_table", "zipfile",
})
# Packages of such functions.
_HARMFUL_PACKAGES: Final = frozenset({"ai", "cron", "ml", "obj", "ordsys", "vault"})
# Families of such functions and packages, by the beginning of their names.
_HARMFUL_FAMILIES: Final = re.compile(
    r"(?:ai_(?:agg|classify|complete|embed|extract|filter|fix_grammar|forecast|gen|mask|parse|redact|sentiment|similarity"
    r"|summarize|transcribe|translate)"
    r"|apex_|aws_|azure_|binlog_|cortex|ctxsys|dblink|dbms_|duckdb_|fn_(?:dblog|dump_dblog|get_audit|trace_|xe_)"
    r"|http_|iceberg_|keyring_|kup\w\$|lo_|mdsys|owa_|parquet_|pg_(?!catalog\Z)|pragma_|read_"
    r"|system\$|urifactory|utl_|xp_)"
    r"|\w*_to_xml\w*"
)
# Functions that give another value each time: a condition on one takes a sample.
_RANDOM_TYPES: Final = (exp.Rand, exp.Randn, exp.Uniform)
_RANDOM_NAMES: Final = re.compile(r"rand(?:64|32|constant|canonical|uniform|om\w*)?|crypt_gen_random")
# Functions that give every row a key of its own: harmless as a column, a sample in a condition.
_KEYS: Final = re.compile(r"\w*(?:guid|uuid)\w*|newid|newsequentialid")
# Packages that belong to Oracle. It calls their functions without brackets, too: UTL_INADDR.GET_HOST_NAME.
_ORACLE_PACKAGES: Final = re.compile(r"(?:apex|ctx|dbms|owa|utl)_\w+|ctxsys|mdsys", re.IGNORECASE)
# Packages of Oracle in which Looker's symmetric aggregates compute hashes.
_HARMLESS: Final = frozenset({"dbms_crypto.hash", "sys.dbms_crypto.hash", "utl_raw.cast_to_raw", "utl_raw.substr"})
# ClickHouse reads the table that is named in the last argument of these functions.
_IN_FUNCTIONS: Final = re.compile(r"(?:global)?(?:not)?(?:null)?in(?:ignoreset)?")

# fmt: on
# A name with other characters may be an escape that the server decodes: U&"pg\005fread_file".
_PLAIN_NAME: Final = re.compile(r"[\w$.-]+")


def check_function(node: exp.Func, dialect: str) -> None:
    """Raises `SqlRefused` for a function that does more than compute, or that generates rows from nothing."""
    name = name_of(node)
    full = ".".join([*_qualifiers(node), name.lower()])
    parts = full.split(".")
    if isinstance(node, exp.Anonymous) and not _PLAIN_NAME.fullmatch(name):
        raise SqlRefused(f"The SQL calls a function with the odd name {name}.", TODO)
    if parts[-1] in _SERIES:
        raise SqlRefused(f"The SQL generates rows with {name}, not from a table.", TODO)
    is_harmful = any(part in _HARMFUL or _HARMFUL_FAMILIES.match(part) for part in parts)
    if full not in _HARMLESS and (is_harmful or not _HARMFUL_PACKAGES.isdisjoint(parts[:-1])):
        raise SqlRefused(f"The SQL calls {full.upper()}, which does more than compute.", TODO)
    if dialect == "clickhouse" and isinstance(node, exp.Anonymous) and _IN_FUNCTIONS.fullmatch(parts[-1]):
        raise SqlRefused(f"The SQL calls {name}, which may read a table named in its arguments.", TODO)
    is_random = isinstance(node, _RANDOM_TYPES) or (
        isinstance(node, exp.Anonymous) and _RANDOM_NAMES.fullmatch(parts[-1])
    )
    if is_random or (_is_key(node) and _is_in_condition(node)):
        raise SqlRefused(f"The SQL calls {name}, so it takes different rows each time that it runs.", TODO)


def check_call_without_brackets(column: exp.Column) -> None:
    """Raises `SqlRefused` for what looks like a column in Oracle, and is a function of one of its packages."""
    if any(_ORACLE_PACKAGES.fullmatch(part.name) for part in column.parts[:-1]):
        name = short(".".join(part.name for part in column.parts))
        raise SqlRefused(f"The SQL calls {name.upper()}, which does more than compute.", TODO)


def _is_key(node: exp.Func) -> bool:
    """Whether the function makes a key out of nothing, such as UUID(); UUID_TO_BIN(id) reads one."""
    return _KEYS.fullmatch(name_of(node).lower()) is not None and node.find(exp.Column, exp.Literal) is None


def _is_in_condition(node: exp.Func) -> bool:
    """Whether the function is in a condition, and not in the columns or the order of a query."""
    clause = node.find_ancestor(exp.Where, exp.Having, exp.Qualify, exp.Join, exp.Order, exp.Select)
    return isinstance(clause, exp.Where | exp.Having | exp.Qualify | exp.Join)


def _qualifiers(node: exp.Func) -> list[str]:
    """The names before the name of the function, such as ["sys", "utl_http"], in lower case."""
    dot = node.parent
    if isinstance(dot, exp.Dot) and dot.expression is node:
        return [part.name.lower() for part in dot.this.find_all(exp.Identifier, bfs=False)]
    return []
