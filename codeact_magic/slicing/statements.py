"""The statements of a piece of code in their order, and which names are bound for sure when each of them runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ..risk.scopes import plain_names
from .sharing import opens

_Names = frozenset[str]


class Walk:
    """Goes through the statements of a piece of code in their order, and knows what is bound for sure."""

    def __init__(self, note: Callable[[ast.AST, _Names], None]) -> None:
        """`note` is handed each statement or part of one, and the names that are bound for sure before it."""
        self._take = note
        self.caught: set[str] = set()  # names that errors were bound to, and that are gone after that

    def block(self, statements: Sequence[ast.stmt], bound: _Names) -> _Names:
        """Go through `statements`, and return what is bound for sure after them."""
        for statement in statements:
            bound = self._statement(statement, bound)
        return bound

    def _statement(self, node: ast.stmt, bound: _Names) -> _Names:
        match node:
            case ast.If():
                self._note(bound, node.test)
                return self.block(node.body, bound) & self.block(node.orelse, bound)
            case ast.For() | ast.AsyncFor():
                self._note(bound, node.iter, node.target)
                self.block(node.body, bound | _stored(node.target))
                self.block(node.orelse, bound)
                return bound
            case ast.While():
                self._note(bound, node.test)
                self.block(node.body, bound)
                self.block(node.orelse, bound)
                return bound
            case ast.With() | ast.AsyncWith():
                return self._with(node, bound)
            case ast.Try() | ast.TryStar():
                return self._try(node, bound)
            case ast.Match():
                self._note(bound, node.subject)
                for case in node.cases:
                    self._note(bound, case.pattern, *([case.guard] if case.guard else []))
                    self.block(case.body, bound | _stored(case.pattern))
                return bound
        self._note(bound, node)
        return bound | _always_bound(node)

    def _with(self, node: ast.With | ast.AsyncWith, bound: _Names) -> _Names:
        for item in node.items:
            self._note(bound, item)
            bound |= _stored(item.optional_vars) if item.optional_vars else frozenset()
        after = self.block(node.body, bound)
        return after if all(opens(item.context_expr) for item in node.items) else bound

    def _try(self, node: ast.Try | ast.TryStar, bound: _Names) -> _Names:
        self.block(node.orelse, self.block(node.body, bound))
        for handler in node.handlers:
            if handler.type:
                self._note(bound, handler.type)
            name = frozenset(filter(None, [handler.name]))
            self.caught |= name
            self.block(handler.body, bound | name)
        return self.block(node.finalbody, bound)

    def _note(self, bound: _Names, *nodes: ast.AST) -> None:
        for node in nodes:
            self._take(node, bound)


def bound_by(node: ast.AST) -> list[str]:
    """Return the names that `node` itself binds or deletes."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return plain_names(node)


def _stored(node: ast.AST) -> _Names:
    """Return the names that a target or a pattern binds."""
    return frozenset(name for part in ast.walk(node) for name in bound_by(part))


def _always_bound(node: ast.stmt) -> _Names:
    """Return the names that a simple statement, or a definition, binds whenever it runs."""
    match node:
        case ast.Assign(targets=targets):
            return frozenset().union(*(_targets(target) for target in targets))
        case ast.AnnAssign(value=ast.expr()) | ast.AugAssign():
            return _targets(node.target)
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return frozenset(bound_by(node))
    return frozenset()


def _targets(target: ast.expr) -> _Names:
    match target:
        case ast.Name(id=name):
            return frozenset([name])
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return frozenset().union(*map(_targets, parts))
        case ast.Starred(value=inner):
            return _targets(inner)
    return frozenset()
