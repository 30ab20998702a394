"""Finds the cell that sets the parameter `looker`, and refuses notebooks that would compute with another value.

papermill runs the parameters cell as it stands, then a cell with the request's SQL below it. So nothing may use the
parameter before, and nothing may set it afterwards. What can be seen in the source is found here, without running it.
engine.py looks at the value after each cell, and finds the rest.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from creditbot.notebook_host.syntax import parse_cell

PARAMETER = "looker"
PARAMETERS_TAG = "parameters"
CREDIT_FROM, CREDIT_TO = "CREDIT_FROM", "CREDIT_TO"
"""Parameters that a notebook may have in the same cell: the first UTC day to credit, such as "2025-12-01", and the
first one that is too late."""

_MAGIC_WITH_PARAMETER = re.compile(rf"^\s*(?:\w+\s*=\s*)?[%!].*(?:\$|\{{)\{{?\s*{PARAMETER}\b", re.MULTILINE)
_MAGIC_SETS_PARAMETER = re.compile(
    rf"^\s*(?:{PARAMETER}\s*=\s*[%!]|%%?\w+\s+(?:\S+\s+)*?{PARAMETER}\s*<<"
    rf"|%%capture\s+(?:-\S+\s+)*{PARAMETER}\b|%%\w+.*\s--(?:out|err|proc)[ =]{PARAMETER}\b|%xdel\s.*\b{PARAMETER}\b)",
    re.MULTILINE,
)
_SQL = re.compile(r"\bselect\b.+\bfrom\b", re.IGNORECASE | re.DOTALL)
_MENTION = re.compile(rf"\b{PARAMETER}\b")
_MAGIC_LINE = re.compile(r"^\s*(?:\w+\s*=\s*)?[%!].*", re.MULTILINE)

_SEE_EVERYTHING = frozenset({"__main__", "eval", "exec", "get_ipython", "globals", "locals", "vars"})
"""Names by which code may use the parameter without naming it."""


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
    if _is_read_early(uses[: found + 1]) or uses[found].reads_unseen:
        raise UnusableParameter(
            f"uses {PARAMETER} before it holds the SQL of the request",
            f"Set {PARAMETER} in a cell that does nothing else, and use it in the cells below.",
        )
    if any(use.has_sql for use in uses) and not any(use.reads_sometime for use in uses):
        raise UnusableParameter(
            f"has SQL of its own and never uses {PARAMETER}",
            f"Run {PARAMETER} instead: it holds the SQL of the request.",
        )
    return cells[found]


def names_set_in(source: str) -> frozenset[str]:
    """The names that a cell sets, such as the parameters of the parameters cell."""
    tree = parse_cell(source) or ast.Module([], [])
    return frozenset(name for statement in _statements(tree.body) for name in _bound_by(statement))


@dataclass(frozen=True, slots=True)
class _Uses:
    """What one cell does with the parameter.

    Attributes:
        sets: it binds the name.
        constant: a statement at its top level binds the name to a constant.
        replaces: it binds the name to a value that was not made of the name's value.
        reads: names that it reads at once, not in a function that is called later.
        reads_unseen: it may read the name without naming it, as by `vars()`, at once.
        reads_sometime: it may read the name, at once or later, other than to set it to what it is.
        has_sql: it holds SQL, other than that which the name is set to.
        later: for each function or class that it defines, the names that are read when it is called.
    """

    sets: bool
    constant: bool
    replaces: bool
    reads: frozenset[str]
    reads_unseen: bool
    reads_sometime: bool
    has_sql: bool
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
        reads_unseen=_reads_unseen(tree),
        reads_sometime=_reads_sometime(source, tree),
        has_sql=_has_sql(source, tree),
        later=_read_later(tree),
    )


def _reads_unseen(tree: ast.Module) -> bool:
    """Whether the cell takes all names at once, such as `dict(vars())`, or computes which one it reads."""
    asked = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript | ast.Attribute)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="globals" | "locals" | "vars"), args=[]) if id(node) not in asked:
                return True
            case ast.Subscript(value=value, slice=key) if _is_namespace(value) and not isinstance(key, ast.Constant):
                return True
            case ast.Call(func=ast.Attribute(value=value, attr="copy" | "items" | "values")) if _is_namespace(value):
                return True
            case ast.Call(func=ast.Name(id="eval" | "exec"), args=[code, *_]) if not isinstance(code, ast.Constant):
                return True
    return False


def _reads_sometime(source: str, tree: ast.Module) -> bool:
    """Whether the parameter is read, also in a function; in doubt, yes."""
    body = [statement for statement in tree.body if not (_keeps(statement) and PARAMETER in set(_bound_by(statement)))]
    try:
        scopes = [symtable.symtable(ast.unparse(ast.Module(body, [])), "cell", "exec")]
    except SyntaxError:  # such as a `return` outside of a function, which the parser lets pass
        return True
    for scope in scopes:
        scopes += scope.get_children()
        if any(name.get_name() == PARAMETER and _is_read(name, scope) for name in scope.get_symbols()):
            return True
    if any(_MENTION.search(line) or "%run" in line for line in _MAGIC_LINE.findall(source)):
        return True
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Name) and node.id in _SEE_EVERYTHING:
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _MENTION.search(node.value):
            return True
    return (not tree.body or source.lstrip().startswith("%%")) and _MENTION.search(source) is not None


def _is_read(name: symtable.Symbol, scope: symtable.SymbolTable) -> bool:
    return name.is_referenced() and (scope.get_type() == "module" or name.is_global())


def _has_sql(source: str, tree: ast.Module) -> bool:
    if not tree.body:
        return _SQL.search(source) is not None
    others = [statement for statement in tree.body if PARAMETER not in set(_names_of_constants(statement))]
    texts = (node.value for statement in others for node in ast.walk(statement) if isinstance(node, ast.Constant))
    return any(isinstance(text, str) and _SQL.search(text) for text in texts)


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
        elif isinstance(statement, ast.ClassDef):
            yield from _statements_of_class(statement)
        else:
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, part, ()))
            for branch in [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]:
                yield from _statements(branch.body)


def _statements_of_class(statement: ast.ClassDef) -> Iterator[ast.stmt]:
    """Those that run in the notebook's scope: where the class or a method of it says `global looker`."""
    inside = [node for node in ast.walk(statement) if isinstance(node, ast.stmt) and node is not statement]
    if any(isinstance(node, ast.Global) and PARAMETER in node.names for node in inside):
        yield from inside


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds or deletes, without the statements inside it."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
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
            case _:
                yield from _bound_unnamed(node)


def _bound_unnamed(node: ast.AST) -> Iterator[str]:
    """The names that a node binds or deletes in the notebook's scope by way of a text."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Store() | ast.Del()):
            if _is_namespace(value):
                yield name
        case ast.Attribute(value=ast.Name(id="__main__"), attr=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Call():
            yield from _bound_by_call(node)


def _bound_by_call(call: ast.Call) -> Iterator[str]:
    """The names that a call binds in the notebook's scope, as `globals().update(looker="")` or `exec` does."""
    match call:
        case (
            ast.Call(func=ast.Name(id="exec" | "eval"), args=[ast.Constant(value=str(code)), *_])
            | ast.Call(
                func=ast.Attribute(attr="ex" | "run_cell" | "run_code"), args=[ast.Constant(value=str(code)), *_]
            )
        ):
            tree = parse_cell(code)
            yield from (name for part in (tree.body if tree else ()) for name in _bound_by(part))
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[where, ast.Constant(value=str(name)), *_]):
            if "__main__" in ast.unparse(where):
                yield name
        case ast.Call(func=ast.Attribute(value=where, attr="__setitem__" | "__delitem__" | "pop" | "setdefault")):
            match call.args:
                case [ast.Constant(value=str(name)), *_] if _is_namespace(where):
                    yield name
        case ast.Call(func=ast.Attribute(value=where, attr="update" | "push")):
            if _is_namespace(where) or "get_ipython" in ast.unparse(where):
                yield from _keys(call)


def _keys(call: ast.Call) -> Iterator[str]:
    """The names that a call gives as keywords, or in a dict."""
    yield from (keyword.arg for keyword in call.keywords if keyword.arg)
    for argument in call.args:
        match argument:
            case ast.Dict(keys=keys):
                yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
            case ast.Call(func=ast.Name(id="dict")):
                yield from _keys(argument)


def _own_nodes(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement that run in its scope, without the statements inside it."""
    pending = [statement]
    while pending:
        node = pending.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.comprehension):
                pending += [child.iter, *child.ifs]  # its target is its own
            elif isinstance(child, ast.Lambda):
                pending.append(child.args)  # its defaults are computed where it is written
            elif not isinstance(child, ast.stmt):
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
    """Whether the text it is set to is used at once, as by `sql = looker = "SELECT 1"`. Nothing can run ""."""
    values = [
        node.value for node in _own_nodes(statement) if isinstance(node, ast.NamedExpr) and node.target.id == PARAMETER
    ]
    match statement:
        case ast.Assign(targets=[_, _, *_], value=value):
            values.append(value)
    return not all(isinstance(value, ast.Constant) and not value.value for value in values)


def _read_at_once(node: ast.AST) -> Iterator[str]:
    """The names that are read when the node runs, without the bodies of functions that have a name."""
    match node:
        case ast.Lambda(args=arguments, body=body):
            own = {argument.arg for argument in ast.walk(arguments) if isinstance(argument, ast.arg)}
            yield from _read_at_once(arguments)
            yield from (name for name in _read_at_once(body) if name not in own)
            return
        case ast.Name(id=name, ctx=ast.Load()) | ast.AugAssign(target=ast.Name(id=name)):
            yield name
        case ast.ImportFrom(module="__main__", names=names):
            yield from (alias.name for alias in names)
        case ast.Attribute(value=value, attr=name, ctx=ast.Load()) if _is_main(value):
            yield name
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Load()) if _is_namespace(value):
            yield name
        case ast.Call():
            yield from _read_by_call(node)
    for part in _parts_that_run(node):
        yield from _read_at_once(part)


def _read_by_call(call: ast.Call) -> Iterator[str]:
    """The names that a call reads by way of a text, as `globals().get("looker")` or `eval` does."""
    match call:
        case ast.Call(func=ast.Attribute(value=value), args=[ast.Constant(value=str(name)), *_]) if _is_namespace(
            value
        ):
            yield name
        case ast.Call(func=ast.Name(id="getattr"), args=[where, ast.Constant(value=str(name)), *_]) if _is_main(where):
            yield name
        case (
            ast.Call(func=ast.Name(id="eval" | "exec"), args=[ast.Constant(value=str(code)), *_])
            | ast.Call(
                func=ast.Attribute(attr="ev" | "ex" | "run_cell" | "run_code"), args=[ast.Constant(value=str(code)), *_]
            )
        ):
            yield from re.findall(r"\w+", code)


def _is_main(value: ast.expr) -> bool:
    """The notebook's own module: __main__, sys.modules["__main__"] or import_module("__main__")."""
    match value:
        case (
            ast.Name(id="__main__")
            | ast.Subscript(slice=ast.Constant(value="__main__"))
            | ast.Call(args=[ast.Constant(value="__main__")])
        ):
            return True
    return False


def _parts_that_run(node: ast.AST) -> Iterator[ast.AST]:
    """The children of a node that run with it. A lambda may be called at once, unless it is what a name is set to."""
    for child in ast.iter_child_nodes(node):
        match node, child:
            case ((ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body)), _) if child in body:
                pass
            case ((ast.Assign() | ast.AnnAssign()), ast.Lambda(args=arguments)):
                yield arguments
            case _:
                yield child


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
