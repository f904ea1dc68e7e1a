"""The user's functions and methods that code may call, read as if they stood in front of it.

Their lines are numbered below 1: `MOST_LINES` for each definition, so that a line tells which definition it is in.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field

from .namespace import USERS, Known

MOST_LINES = 1_000_000  # lines of a definition
_ANY_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(slots=True)
class Prelude:
    """Definitions of the user's: their statements, and their functions by (dotted name of a class or "", name)."""

    statements: list[ast.stmt] = field(default_factory=list)
    functions: dict[tuple[str, str], ast.AST] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # of the definitions, in the order of their lines
    unread: set[str] = field(default_factory=set)

    def name(self, line: int) -> str:
        """Return the name of the definition that `line` is in."""
        return self.names[place(line)]


def place(line: int) -> int:
    """Return the number of the definition that a line is in, -1 for the code itself."""
    return (-line - 1) // MOST_LINES if line < 0 else -1


def prelude(known: Known) -> Prelude:
    """Return the definitions whose sources are known."""
    made = Prelude(unread=set(known.unread))
    classes: dict[str, ast.ClassDef] = {}
    for dotted, source in known.sources.items():
        owner, _, name = dotted.rpartition(".")
        function = _function(source, name.removeprefix(USERS), -(len(made.names) + 1) * MOST_LINES)
        if function is None:
            if source:
                made.unread.add(dotted)
            continue
        made.names.append(dotted.removeprefix(USERS))
        made.functions[owner, name.removeprefix(USERS)] = _value(function)
        if not owner:
            made.statements.append(function)
        elif owner in classes:
            classes[owner].body.append(function)
        else:
            classes[owner] = _class(owner.removeprefix(USERS), function)
    made.statements += classes.values()
    return made


def _value(function: ast.stmt) -> ast.AST:
    return function.value if isinstance(function, ast.Assign) else function


def _class(name: str, function: ast.stmt) -> ast.ClassDef:
    """Return a class that has the first of its methods."""
    node = ast.parse(f"class {name}: pass" if name.isidentifier() else "class _: pass").body[0]
    assert isinstance(node, ast.ClassDef)
    node.body = [function]
    node.lineno = -MOST_LINES
    return node


def _function(source: str, name: str, first: int) -> ast.stmt | None:
    """Return the definition in `source`, with its lines numbered from `first`; None if there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return _lambda(source, name, first)
    for node in ast.walk(tree):
        if isinstance(node, _ANY_FUNCTION):
            node.decorator_list = []
            return _numbered(node, first)
        if isinstance(node, ast.Lambda):
            return _numbered(_assigned(node, name), first)
    return None


def _lambda(source: str, name: str, first: int) -> ast.stmt | None:
    """Return the first lambda of a part of a statement."""
    begin = source.find("lambda")
    for end in range(len(source), begin if begin >= 0 else len(source), -1):
        if len(source) - end > 500:
            break
        try:
            node = ast.parse(source[begin:end].rstrip(), mode="eval").body
        except (SyntaxError, ValueError):
            continue
        return _numbered(_assigned(node, name), first)
    return None


def _assigned(node: ast.expr, name: str) -> ast.Assign:
    target = ast.Name(name if name.isidentifier() else "_", ast.Store())
    return ast.copy_location(ast.Assign([ast.copy_location(target, node)], node), node)


def _numbered(node: ast.stmt, first: int) -> ast.stmt:
    for inner in ast.walk(node):
        if isinstance(inner, ast.stmt | ast.expr | ast.excepthandler | ast.arg | ast.keyword | ast.alias | ast.pattern):
            inner.end_lineno = (inner.end_lineno or inner.lineno) + first
            inner.lineno += first
    return node
