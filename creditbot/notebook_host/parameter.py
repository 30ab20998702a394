"""Finds the cell that sets the parameter `looker`, and refuses notebooks that would compute with another value.

papermill runs the parameters cell as it stands, then a cell with the request's SQL below it. So nothing may use the
parameter before, and nothing may set it afterwards. What can be seen in the source is found here, without running it.
engine.py looks at the value after each cell, and finds the rest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from creditbot.notebook_host.syntax import parse_cell

PARAMETER = "looker"
PARAMETERS_TAG = "parameters"

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_MAGIC_WITH_PARAMETER = re.compile(rf"^\s*(?:\w+\s*=\s*)?[%!].*(?:\$|\{{)\{{?\s*{PARAMETER}\b", re.MULTILINE)
_MAGIC_SETS_PARAMETER = re.compile(
    rf"^\s*(?:{PARAMETER}\s*=\s*[%!]|%%?\w+\s+(?:\S+\s+)*?{PARAMETER}\s*<<)", re.MULTILINE
)


class UnusableParameter(Exception):
    """Why the request's SQL cannot be given to a notebook: `what` happened to the parameter, and what to do."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo


def parameter_cell(cells: Sequence[NotebookNode]) -> NotebookNode:
    """The tagged cell that sets the parameter, else the cell that sets it to a constant.

    Args:
        cells: the code cells of the notebook, in its order.

    Raises `UnusableParameter` if there is none, if another cell would replace the SQL, or if the parameter is used
    before papermill has set it.
    """
    uses = [_uses_in(cell.source) for cell in cells]
    constant = [number for number, use in enumerate(uses) if use.constant]
    tagged = [
        number
        for number, use in enumerate(uses)
        if use.sets and PARAMETERS_TAG in cells[number].metadata.get("tags", ())
    ]
    if not (candidates := tagged or constant):
        raise UnusableParameter(
            f"has no parameter named {PARAMETER}",
            f'Add a code cell `{PARAMETER} = ""` with the tag "{PARAMETERS_TAG}" above the first cell that uses it.',
        )
    found = candidates[0]
    if any(use.replaces for number, use in enumerate(uses) if number != found):
        raise UnusableParameter(
            f"sets {PARAMETER} in more than one cell: the last one would overwrite the SQL",
            f"Keep only one of them, above the first cell that uses {PARAMETER}.",
        )
    if _is_read_early(uses[: found + 1]):
        raise UnusableParameter(
            f"uses {PARAMETER} before it holds the SQL of the request",
            f"Set {PARAMETER} in a cell that does nothing else, and use it in the cells below.",
        )
    return cells[found]


@dataclass(frozen=True, slots=True)
class _Uses:
    """What one cell does with the parameter.

    Attributes:
        sets: it binds the name.
        constant: a statement at its top level binds the name to a constant.
        replaces: it binds the name to a value that was not made of the name's value.
        reads: names that it reads at once, not in a function that is called later.
        later: for each function or class that it defines, the names that are read when it is called.
    """

    sets: bool
    constant: bool
    replaces: bool
    reads: frozenset[str]
    later: dict[str, frozenset[str]]


def _is_read_early(uses: Sequence[_Uses]) -> bool:
    """Whether cells use the parameter, or call a function that does."""
    readers = {PARAMETER}
    defined = [item for use in uses for item in use.later.items()]
    while new := {name for name, read in defined if read & readers} - readers:
        readers |= new
    return any(use.reads & readers for use in uses)


def _uses_in(source: str) -> _Uses:
    tree = parse_cell(source) or ast.Module([], [])
    statements = [statement for statement in _statements(tree.body) if PARAMETER in set(_bound_by(statement))]
    magic = _MAGIC_SETS_PARAMETER.search(source) is not None
    reads = {name for statement in tree.body for name in _read_at_once(statement)}
    if any(_gives_its_value_to_others(statement) for statement in statements):
        reads.add(PARAMETER)
    if _MAGIC_WITH_PARAMETER.search(source) or (source.lstrip().startswith("%%") and _names_in_template(source)):
        reads.add(PARAMETER)
    return _Uses(
        sets=bool(statements) or magic,
        constant=any(PARAMETER in _names_of_constants(statement) for statement in tree.body),
        replaces=magic or any(not _keeps(statement) for statement in statements),
        reads=frozenset(reads),
        later=_read_later(tree),
    )


def _names_in_template(source: str) -> bool:
    """Whether the body of a cell magic, such as %%sql, holds {{looker}}, {looker}, $looker or :looker."""
    return re.search(rf"(?:\{{\s*|\$|(?<!:):){PARAMETER}\b", source) is not None


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run in the notebook's own scope, and those of functions that say `global looker`."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = list(ast.walk(statement))
            if any(isinstance(node, ast.Global) and PARAMETER in node.names for node in inside):
                yield from (node for node in inside if isinstance(node, ast.stmt) and node is not statement)
        elif not isinstance(statement, ast.ClassDef):
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, part, ()))
            for branch in [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]:
                yield from _statements(branch.body)


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds or deletes, without the statements inside it."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
            return
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in names)
            return
    for node in _own_nodes(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Store() | ast.Del()):
                if _is_namespace(value):
                    yield name


def _own_nodes(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement that run in its scope, without the statements inside it."""
    pending = [statement]
    while pending:
        node = pending.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.comprehension):
                pending += [child.iter, *child.ifs]  # its target is its own
            elif not isinstance(child, ast.stmt | _Function):
                pending.append(child)


def _is_namespace(value: ast.expr) -> bool:
    """globals(), locals(), vars() or get_ipython().user_ns."""
    match value:
        case ast.Call(func=ast.Name(id="globals" | "locals" | "vars"), args=[]) | ast.Attribute(attr="user_ns"):
            return True
    return False


def _keeps(statement: ast.stmt) -> bool:
    """Whether a statement binds the parameter to something made of it, such as `looker = looker.strip()`.

    Whether that is still the request's SQL shows after the run.
    """
    match statement:
        case ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=ast.expr() as value):
            return PARAMETER in set(_read_at_once(value))
        case ast.AugAssign() | ast.AnnAssign(value=None):
            return True
    return False


def _gives_its_value_to_others(statement: ast.stmt) -> bool:
    """Whether the parameter's own text gets a second name, as by `sql = looker = "SELECT 1"`. Nothing can run ""."""
    match statement:
        case ast.Assign(targets=[_, _, *_], value=value):
            return not (isinstance(value, ast.Constant) and not value.value)
    return False


def _read_at_once(node: ast.AST) -> Iterator[str]:
    """The names that are read when the node runs, without the bodies of functions."""
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            yield name
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Load()) if _is_namespace(value):
            yield name
        case ast.Call(func=ast.Attribute(value=value), args=[ast.Constant(value=str(name)), *_]) if _is_namespace(
            value
        ):
            yield name
        case ast.Call(func=ast.Name(id="eval" | "exec"), args=[ast.Constant(value=str(code)), *_]):
            yield from re.findall(r"\w+", code)
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and child in node.body:
            continue
        if not isinstance(node, ast.Lambda):
            yield from _read_at_once(child)


def _read_later(tree: ast.Module) -> dict[str, frozenset[str]]:
    """For each function, class or lambda with a name: the names that it reads when it is called."""
    later: dict[str, frozenset[str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names = [name]
            case ast.Assign(targets=targets) if any(isinstance(part, ast.Lambda) for part in ast.walk(node)):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case _:
                continue
        own = {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}
        names_read = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and _is_load(part)}
        read = frozenset(names_read - own)
        later |= {name: later.get(name, frozenset()) | read for name in names}
    return later


def _is_load(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)


def _names_of_constants(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Assign(targets=targets, value=ast.Constant()):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant()):
            yield name
