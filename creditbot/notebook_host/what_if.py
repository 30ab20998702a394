"""Sets values in the policy cell of a notebook, for `creditbot replay --set NAME=VALUE`. Pure.

The cell has the tag "policy" and assigns names: numbers, texts, `Decimal("0.80")`, lists, or a dict of these. The
source of a value is replaced by that of the new one, of the same kind; all else in the cell stays as it is. `NAME.KEY`
means one value of a dict:

    ALLOWANCE_FLOOR = 20                         --set ALLOWANCE_FLOOR=30
    TARGETS = {"basic": Decimal("0.80")}         --set TARGETS.basic=0.85
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

POLICY_TAG = "policy"

_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")


class CannotSet(Exception):
    """Why a value cannot be set, a clause that follows "the notebook ...": "has no cell with the tag policy".

    Attributes:
        missing: whether the notebook has no such value; that of another product may have it.
    """

    def __init__(self, what: str, *, missing: bool = False) -> None:
        super().__init__(what)
        self.missing = missing


def with_values(sources: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The sources of the policy cells with these values. Raises `CannotSet`.

    Args:
        sources: of the cells with the tag, in their order; a name is set where it is assigned last.
        values: NAME or NAME.KEY -> the value, as a person types it.
    """
    if not sources:
        raise CannotSet(f"has no cell with the tag {POLICY_TAG}", missing=True)
    changed = list(sources)
    for name, text in values.items():
        place, node = _find([_assigned(source) for source in changed], name)
        changed[place] = _replaced(changed[place], node, _source_of(node, text, name))
    return changed


def _assigned(source: str) -> dict[str, ast.expr]:
    """Name -> the expression that the cell assigns to it last."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        raise CannotSet("has a policy cell that is not plain Python") from None
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            found |= {target.id: node.value for target in targets if isinstance(target, ast.Name)}
    return found


def _find(cells: Sequence[Mapping[str, ast.expr]], name: str) -> tuple[int, ast.expr]:
    """The number of the cell, and the expression in it."""
    outer, _, key = name.partition(".")
    for place, assigned in reversed(list(enumerate(cells))):
        if outer in assigned:
            return place, _value_of(assigned[outer], key, name) if key else assigned[outer]
    known = ", ".join(dict.fromkeys(each for assigned in cells for each in assigned))
    raise CannotSet(f"has no {outer} in its policy cell, which has {known or 'no names'}", missing=True)


def _value_of(node: ast.expr, key: str, name: str) -> ast.expr:
    if not isinstance(node, ast.Dict):
        raise CannotSet(f"has no {name} in its policy cell: {name.partition('.')[0]} is not a dict", missing=True)
    pairs = [
        (each, value) for each, value in zip(node.keys, node.values, strict=True) if isinstance(each, ast.Constant)
    ]
    for each, value in pairs:
        if str(each.value) == key:
            return value
    known = ", ".join(str(each.value) for each, _ in pairs)
    raise CannotSet(f"has no {name} in its policy cell; its keys are {known or 'not written out'}", missing=True)


def _source_of(node: ast.expr, text: str, name: str) -> str:
    """The new value as Python, of the same kind as the old one."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        return f"{ast.unparse(node.func)}({_source_of(node.args[0], _number_for(node, text, name), name)})"
    old = _literal(node)
    if isinstance(old, bool):
        return _choice(text, {"true": "True", "false": "False"}, name)
    if isinstance(old, int | float):
        return _number(text, name, whole=isinstance(old, int))
    if isinstance(old, str):
        return f'"{text}"' if text.isprintable() and not {'"', "\\"} & set(text) else repr(text)
    if isinstance(old, list | tuple | set | dict):
        return _collection(text, type(old), name)
    raise CannotSet(f"computes {name} in its policy cell: only a value that is written out can be set")


def _number_for(call: ast.Call, text: str, name: str) -> str:
    """The text; it has to be a number for `Decimal("0.80")`."""
    if ast.unparse(call.func).rpartition(".")[2] == "Decimal":
        _number(text, name, whole=False)
    return text


def _number(text: str, name: str, *, whole: bool) -> str:
    if whole and not _INTEGER.fullmatch(text):
        raise CannotSet(f"wants a whole number for {name}, and {text[:40]!r} is not one")
    try:
        finite = Decimal(text).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise CannotSet(f"wants a number for {name}, and {text[:40]!r} is not one")
    return f"{int(text)}" if whole else text.strip()


def _choice(text: str, words: Mapping[str, str], name: str) -> str:
    if text.casefold() not in words:
        raise CannotSet(f"wants {' or '.join(words)} for {name}, and {text[:40]!r} is neither")
    return words[text.casefold()]


def _collection(text: str, kind: type, name: str) -> str:
    value = _literal_in(text)
    if not isinstance(value, kind):
        raise CannotSet(f"wants a {kind.__name__} for {name}, written as in Python, and {text[:40]!r} is not one")
    return repr(value)


def _literal(node: ast.expr) -> object:
    return _attempt(lambda: ast.literal_eval(node))


def _literal_in(text: str) -> object:
    return _attempt(lambda: ast.literal_eval(text))


def _attempt(read: Callable[[], object]) -> object:
    """The value of a literal; None for anything else."""
    try:
        return read()
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _replaced(source: str, node: ast.expr, new: str) -> str:
    """The source with other text in place of one expression. Python counts columns in bytes of UTF-8."""
    assert node.end_lineno
    assert node.end_col_offset is not None
    lines = source.encode().split(b"\n")

    def offset(line: int, column: int) -> int:
        return sum(len(each) + 1 for each in lines[: line - 1]) + column

    whole = source.encode()
    start, end = offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)
    return (whole[:start] + new.encode() + whole[end:]).decode()
