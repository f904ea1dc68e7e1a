"""The names that code in an IPython shell assigns and changes.

This file is also sent to separate kernels, together with its imports from this package.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Iterable, Iterator
from typing import Any

from .namespace import describe
from .origins import Origins
from .values import described, short

_HIDDEN = frozenset(["In", "Out", "exit", "quit", "get_ipython", "open", "ojs_define"])
MOST_CHANGES = 20  # names that an observation lists

Changes = tuple[tuple[str, str], ...]  # names, each with a text about its value


class Names:
    """The user's names in an IPython shell. `made` maps the names that actions assigned to the ids of their values."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.made: dict[str, int] = {}

    def variables(self) -> dict[str, object]:
        """Return the variables of the user and the agent, without modules, private names and IPython's own names."""
        namespace = self._namespace()
        return {name: namespace[name] for name in self._users(namespace, namespace)}

    def own(self) -> set[str]:
        """Return the names whose current values no action has assigned."""
        return {name for name, value in self.variables().items() if self.made.get(name) != id(value)}

    def identities(self) -> dict[str, int]:
        """Return the id of each value, for a later call of `touched`."""
        return {name: id(value) for name, value in self._namespace().items()}

    def touched(self, before: dict[str, int], code: str) -> list[str]:
        """Return the names that `code` has assigned, and those whose values it may have changed in place."""
        namespace = self._namespace()
        touched = self._users((name for name in namespace if before.get(name) != id(namespace[name])), namespace)
        self.made.update((name, id(namespace[name])) for name in touched)
        in_place = (_changed_in_place(code) & namespace.keys()).difference(touched)
        return sorted([*touched, *self._users(in_place, namespace)])

    def outlines(self, names: Iterable[str]) -> Changes:
        """Return those of `names` that hold data, with an outline of each."""
        namespace = self._shell.user_ns
        return tuple((name, describe(namespace[name])) for name in self._data(names))

    def values(self, names: Iterable[str], before: dict[str, int], code: str) -> Changes:
        """Return those of `names` that hold data, with the value of each that `code` has bound to a new object.

        What was there before `code` ran, and what it may have changed in place, has an outline instead, as "<int>".
        """
        namespace = self._shell.user_ns
        origins = Origins(before, code)
        data = self._data(names)
        new = {name for name in data if origins.is_new(namespace, name)}
        return tuple(
            (name, short(namespace[name], origins.is_shown) if name in new else described(namespace[name]))
            for name in data
        )

    def _data(self, names: Iterable[str]) -> list[str]:
        namespace = self._shell.user_ns
        return [name for name in names if not _is_definition(namespace[name])][:MOST_CHANGES]

    def _namespace(self) -> dict[str, object]:
        """Return a copy of the namespace, which threads may change, without keys that are no names."""
        return {name: value for name, value in dict(self._shell.user_ns).items() if type(name) is str}

    def _users(self, names: Iterable[str], namespace: dict[str, object]) -> list[str]:
        """Return those of `names` that belong to the user or the agent, and are not modules."""
        hidden = self._shell.user_ns_hidden
        return [
            name
            for name in names
            if not name.startswith("_")
            and name not in _HIDDEN
            and not issubclass(type(namespace[name]), types.ModuleType)
            and not (name in hidden and hidden[name] is namespace[name])
        ]


def _changed_in_place(code: str) -> set[str]:
    """Return the names whose values `code` changes in place: their identities do not change."""
    names = set()
    for node in _nodes(code):
        match node:
            case ast.Subscript() | ast.Attribute() if isinstance(node.ctx, ast.Store | ast.Del):
                names.add(_root(node))
            case ast.AugAssign():
                names.add(_root(node.target))
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):  # values.append(1)
                names.add(_root(method))
    return names - {""}


def _root(node: ast.expr) -> str:
    """Return the name at the beginning of `name.attribute[item]`, "" if there is none."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def bound_in(code: str) -> Iterator[str]:
    """Yield the names that `code` assigns, defines or imports, at any depth."""
    for node in _nodes(code):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]


def _nodes(code: str) -> Iterator[ast.AST]:
    try:
        return ast.walk(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return iter(())


def _is_definition(value: object) -> bool:
    return issubclass(type(value), (type, types.FunctionType))
