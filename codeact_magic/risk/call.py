"""One call: its function, its arguments, and how to show them."""

from __future__ import annotations

import ast

from . import tables
from .program import Program
from .scopes import Scope
from .values import Values, kept, names, without

_UNKNOWN = ast.Constant(...)  # an argument hidden by a star


class Call:
    """A call, the functions that it may call, and its arguments."""

    def __init__(self, node: ast.Call, scope: Scope, program: Program) -> None:
        self.node = node
        self.scope = scope
        self.program = program
        self.functions = program.functions(node, scope)
        self.names = names(self.functions)

    @property
    def method(self) -> str:
        """The bare name of the called function; "" if it has none, or if the user or the code has defined it."""
        match self.node.func:
            case ast.Attribute(attr=attr, value=ast.Name(id="self" | "cls")) if attr in self.program.defined:
                return ""
            case ast.Attribute(attr=attr):
                return "" if self._is_users_method() else attr
            case ast.Name(id=name) if self.scope.owner(name) is None and name not in self.program.names:
                return "" if name in self.program.known.entries else name
            case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]):
                texts = self.texts(name) or [""]
                return next(filter(tables.touches, texts), texts[0])
        return ""

    def _is_users_method(self) -> bool:
        """Return whether the called method is certainly one that the user has defined, so that its source is read."""
        kinds = {value.kind for value in self.functions}
        return "function" in kinds and kinds <= {"function", "method"}

    @property
    def methods(self) -> list[str]:
        """The dotted names of the methods that may be called: that of the type, and of each of its bases."""
        found = []
        for value in kept(self.functions, "method"):
            dotted, _, method = str(value.content).rpartition(".")
            found += [f"{owner}.{method}" for owner in self.program.known.lineage(dotted)]
        return found

    def of(self, node: ast.AST) -> Values:
        """Return the possible values of an argument."""
        return self.program.of(node, self.scope)

    def argument(self, position: int, *words: str) -> ast.expr | None:
        """Return the argument at `position` or under one of the keywords `words`, None if it is not given."""
        given = self.node.args[: position + 1]
        if any(isinstance(argument, ast.Starred) for argument in given):
            return _UNKNOWN
        if len(given) > position:
            return given[position]
        keywords = {keyword.arg: keyword.value for keyword in self.node.keywords}
        for word in words:
            if word in keywords:
                return keywords[word]
        return _UNKNOWN if None in keywords else None

    def arguments(self) -> list[ast.expr]:
        """Return all arguments, the positional ones first."""
        return [*self.node.args, *(keyword.value for keyword in self.node.keywords)]

    def first(self) -> ast.expr:
        """Return the first argument, or an unknown one if there is none."""
        return self.argument(0) or _UNKNOWN

    def texts(self, node: ast.AST | None) -> list[str] | None:
        """Return the strings that an argument may be, None if it may be something else."""
        values = self.of(node) if node else frozenset()
        if any(value.kind not in ("text", "url") for value in values):
            return None
        return sorted(value.content for value in values if value.kind == "text")

    def may_be_true(self, word: str) -> bool:
        """Return whether the keyword `word` is given with a value other than a false constant."""
        given = [keyword.value for keyword in self.node.keywords if keyword.arg == word]
        return any(not isinstance(value, ast.Constant) or bool(value.value) for value in given)

    def is_true(self, word: str) -> bool:
        """Return whether the keyword `word` is given as True."""
        given = [keyword.value for keyword in self.node.keywords if keyword.arg == word]
        return any(isinstance(value, ast.Constant) and value.value is True for value in given)

    def is_reported(self, node: ast.AST | None) -> bool:
        """Return whether a file argument needs no finding: it is in memory, or a finding was made as it was opened."""
        values = without(self.of(node), "yours") if node else frozenset()
        return bool(values) and all(
            value.kind in ("name", "result") and value.content in tables.HANDLES for value in values
        )

    def shown(self, node: ast.AST | None) -> str:
        """Return an argument as text, "" if it is too long."""
        return _shown(node, self.scope, self.program, 4) if node else ""

    def label(self, dotted: str = "") -> str:
        """Return the name of the function as a finding shows it."""
        return dotted.removeprefix("builtins.") or unparsed(self.node.func, 40) or self.method


def _shown(node: ast.AST, scope: Scope, program: Program, depth: int) -> str:
    """Return an expression as text; a path is written out, with the names of its parts resolved if they are known."""
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
    """Return whether an expression looks like a path or a part of one."""
    if isinstance(node, ast.Call):
        return unparsed(node.func, 30).rpartition(".")[2] in ("Path", "join", "str", "joinpath", "fspath")
    return isinstance(node, ast.JoinedStr | ast.BinOp) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def unparsed(node: ast.AST, most: int) -> str:
    """Return the code of `node`, "" if it takes several lines or more than `most` characters."""
    start = getattr(node, "col_offset", 0)
    end = getattr(node, "end_col_offset", most + 1)
    if getattr(node, "lineno", 0) != getattr(node, "end_lineno", 1) or end - start > most:
        return ""
    return ast.unparse(node)
