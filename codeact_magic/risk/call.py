"""One call: the function that is called, its arguments, and how to show them."""

from __future__ import annotations

import ast

from . import tables
from .program import Program
from .scopes import Scope
from .values import Values, names

_UNSEEN = ast.Constant(...)  # an argument that a star hides


class Call:
    """A call, its function's possible values, and its arguments."""

    def __init__(self, node: ast.Call, scope: Scope, program: Program) -> None:
        self.node = node
        self.scope = scope
        self.program = program
        self.functions = program.functions(node, scope)
        self.names = names(self.functions)

    @property
    def method(self) -> str:
        """The name that the function is called by, empty where it has none or it is the user's or the code's own."""
        match self.node.func:
            case ast.Attribute(attr=attr, value=ast.Name(id="self" | "cls")) if attr in self.program.defined:
                return ""
            case ast.Attribute(attr=attr):
                return attr
            case ast.Name(id=name) if self.scope.owner(name) is None and name not in self.program.names:
                return name
            case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]):
                texts = self.texts(name) or [""]
                return next(filter(tables.touches, texts), texts[0])
        return ""

    def of(self, node: ast.AST) -> Values:
        """Return what an argument may be."""
        return self.program.of(node, self.scope)

    def argument(self, position: int, *words: str) -> ast.expr | None:
        """Return the argument at `position` or under one of `words`, None where it is not given."""
        given = self.node.args[: position + 1]
        if any(isinstance(argument, ast.Starred) for argument in given):
            return _UNSEEN
        if len(given) > position:
            return given[position]
        keywords = {keyword.arg: keyword.value for keyword in self.node.keywords}
        return next((keywords[word] for word in words if word in keywords), _UNSEEN if None in keywords else None)

    def arguments(self) -> list[ast.expr]:
        """Return all arguments."""
        return [*self.node.args, *(keyword.value for keyword in self.node.keywords)]

    def first(self) -> ast.expr:
        """Return the first argument, or one of which nothing is known."""
        return self.argument(0) or _UNSEEN

    def texts(self, node: ast.AST | None) -> list[str] | None:
        """Return the strings that an argument may be, None where it may be something else."""
        values = self.of(node) if node else frozenset()
        known = all(value.kind in ("text", "url") for value in values)
        return sorted(value.what for value in values if value.kind == "text") if known else None

    def may_be_true(self, word: str) -> bool:
        """Tell whether a keyword is given as anything but False."""
        given = [keyword.value for keyword in self.node.keywords if keyword.arg == word]
        return any(not isinstance(value, ast.Constant) or bool(value.value) for value in given)

    def is_true(self, word: str) -> bool:
        """Tell whether a keyword is given as True."""
        given = [keyword.value for keyword in self.node.keywords if keyword.arg == word]
        return any(isinstance(value, ast.Constant) and value.value is True for value in given)

    def is_reported(self, node: ast.AST | None) -> bool:
        """Tell whether a file argument lies in memory or was reported where it was opened."""
        values = self.of(node) if node else frozenset()
        return bool(values) and all(value.kind in ("name", "made") and value.what in tables.HANDLES for value in values)

    def shown(self, node: ast.AST | None) -> str:
        """Return how to show an argument, empty where it is too long for that."""
        return _shown(node, self.scope, self.program, 4) if node else ""

    def label(self, dotted: str = "") -> str:
        """Return how to name the function."""
        return dotted.removeprefix("builtins.") or unparsed(self.node.func, 40) or self.method


def _shown(node: ast.AST, scope: Scope, program: Program, depth: int) -> str:
    """Return a path as a reader would write it: through the names that hold its parts, as far as they are known."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name() if depth and (source := program.source(node, scope)) and _is_path(source[0]):
            return _shown(*source, program, depth - 1)
        case ast.BinOp(op=ast.Div()) if depth:
            return "/".join(_shown(part, scope, program, depth - 1) for part in (node.left, node.right))
        case ast.JoinedStr() if depth:
            return "".join(_shown(part, scope, program, depth - 1) for part in node.values)
        case ast.FormattedValue():
            return "{" + unparsed(node.value, 30) + "}"
        case ast.Call() if depth and node.args and _is_path(node):
            return "/".join(_shown(part, scope, program, depth - 1) for part in node.args)
    return unparsed(node, 60)


def _is_path(node: ast.AST) -> bool:
    """Tell whether an expression is written out as a path."""
    if isinstance(node, ast.Call):
        return unparsed(node.func, 30).rpartition(".")[2] in ("Path", "join", "str", "joinpath", "fspath")
    return isinstance(node, ast.JoinedStr | ast.BinOp) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def unparsed(node: ast.AST, most: int) -> str:
    """Return the code of `node`, empty where it is longer than `most` characters."""
    start, end = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", most + 1)
    if getattr(node, "lineno", 0) != getattr(node, "end_lineno", 1) or end - start > most:
        return ""
    return ast.unparse(node)
