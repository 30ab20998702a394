"""Refuses names that SQL Server may take for the start of a second statement: it needs no semicolon before one.

`SELECT a FROM t EXEC('...')` is two statements to SQL Server. To the parser, EXEC is an alias of t. So a word that can
begin a statement is refused as a name, unless it is in brackets or quotes. The names come from
`creditbot.credit.sql.rules`. Pure.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from creditbot.errors import SqlRefused

# fmt: off
_STATEMENTS: Final = frozenset({
    "add", "alter", "backup", "begin", "break", "bulk", "checkpoint", "close", "commit", "continue", "copy", "create",
    "dbcc", "deallocate", "declare", "delete", "deny", "disable", "drop", "dump", "enable", "end", "exec", "execute",
    "explain", "fetch", "get", "go", "goto", "grant", "if", "insert", "kill", "lineno", "load", "merge", "move", "open",
    "print", "raiserror", "readtext", "receive", "reconfigure", "rename", "restore", "return", "revert", "revoke",
    "rollback", "save", "select", "send", "set", "setuser", "shutdown", "sp_executesql", "throw", "tran", "transaction",
    "truncate", "update", "updatetext", "use", "waitfor", "while", "with", "writetext",
})
_HARMLESS_HINTS: Final = frozenset({"forcescan", "forceseek", "index", "nolock", "noexpand", "readuncommitted"})
# fmt: on


def check_node(node: exp.Expr) -> None:
    """Raises `SqlRefused` for a word that may begin another statement, and for a hint that locks rows."""
    # A word where a value or a table is expected cannot begin a statement: `SELECT open FROM t`, `t.send`.
    if isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column | exp.Dot | exp.Table):
        _check_name(node)
    elif isinstance(node, exp.WithTableHint):
        _check_hint(node)
    elif isinstance(node, exp.IndexTableHint):
        raise SqlRefused("The SQL has USE after a table, and SQL Server may run it as a statement.", "Remove it.")


def _check_name(identifier: exp.Identifier) -> None:
    if not identifier.args.get("quoted") and identifier.name.lower() in _STATEMENTS:
        raise SqlRefused(
            f"The SQL has {identifier.name.upper()} in place of a name, and SQL Server may run it as a statement.",
            "Put the name in brackets or quotes.",
        )


def _check_hint(hint: exp.WithTableHint) -> None:
    for word in hint.expressions:
        if word.name.lower() not in _HARMLESS_HINTS:
            raise SqlRefused(
                f"The SQL has the hint {word.name.upper()}, which locks rows or leaves some out.", "Remove it."
            )
