"""The names that code in an IPython shell assigns and changes.

This file is also sent to separate kernels, together with its imports from this package.
"""

from __future__ import annotations

import ast
import linecache
import reprlib
import types
from collections.abc import Iterable, Iterator
from itertools import compress
from operator import ne
from typing import Any

from ...text import clip, one_line
from .namespace import describe

_HIDDEN = frozenset(["In", "Out", "exit", "quit", "get_ipython", "open", "ojs_define"])
MOST_CHANGES = 20  # names that an observation lists


class Names:
    """The user's names in an IPython shell. `made` maps the names that actions assigned to the ids of their values."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.made: dict[str, int] = {}

    def variables(self) -> dict[str, object]:
        """Return the variables of the user and the agent, without modules, private names and IPython's own names."""
        namespace = self._shell.user_ns
        return {name: namespace[name] for name in self._users(namespace)}

    def own(self) -> set[str]:
        """Return the names whose current values no action has assigned."""
        return {name for name, value in self.variables().items() if self.made.get(name) != id(value)}

    def identities(self) -> dict[str, int]:
        """Return the id of each value, for a later call of `touched`."""
        namespace = self._shell.user_ns  # this must be fast: IPython adds three names of its own per cell
        return dict(zip(namespace, map(id, namespace.values()), strict=True))

    def touched(self, before: dict[str, int], code: str) -> list[str]:
        """Return the names that `code` has assigned, and those whose values it may have changed in place."""
        after = self.identities()
        touched = self._users(compress(after, map(ne, after.values(), map(before.get, after))))
        self.made.update((name, after[name]) for name in touched)
        return sorted([*touched, *self._users((_changed_in_place(code) & after.keys()).difference(touched))])

    def values(self, names: Iterable[str], types_only: bool) -> tuple[tuple[str, str], ...]:
        """Return those of `names` that hold data, with a short repr of each value, or with its type alone."""
        namespace = self._shell.user_ns
        shown = describe if types_only else _short
        data = [name for name in names if not _is_definition(namespace[name])]
        return tuple((name, shown(namespace[name])) for name in data[:MOST_CHANGES])

    def _users(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that belong to the user or the agent, and are not modules."""
        namespace = self._shell.user_ns
        hidden = self._shell.user_ns_hidden
        return [
            name
            for name in names
            if not name.startswith("_")
            and name not in _HIDDEN
            and not isinstance(namespace[name], types.ModuleType)
            and not (name in hidden and hidden[name] is namespace[name])
        ]


def innermost_line(error: BaseException | None) -> str:
    """Return the innermost line of a cell in the traceback of `error`, as "line 3: ..."; "" if there is none."""
    if isinstance(error, SyntaxError) and error.text:
        return f"line {error.lineno}: {one_line(error.text)}"
    innermost: types.TracebackType | None = None
    trace = error.__traceback__ if error else None
    while trace is not None:
        if _is_input(trace.tb_frame.f_code.co_filename):
            innermost = trace
        trace = trace.tb_next
    if innermost is None:
        return ""
    number = innermost.tb_lineno
    return f"line {number}: {one_line(linecache.getline(innermost.tb_frame.f_code.co_filename, number))}"


def _is_input(filename: str) -> bool:
    return "ipykernel_" in filename or filename.startswith("<ipython-input-")


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
    return isinstance(value, type | types.FunctionType)


_REPR = reprlib.Repr()
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxfrozenset = _REPR.maxdict = 20
_REPR.maxstring = _REPR.maxother = 400


def _short(value: object) -> str:
    """Return a short repr of `value`. Never raises, and never iterates over a whole large container."""
    plain_types = (list, tuple, set, frozenset, dict, str, bytes, int, float, bool, complex, type(None))
    try:
        text = _REPR.repr(value) if isinstance(value, plain_types) else repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return clip(text, 500)
