"""The names that code in an IPython shell makes and changes.

This file is also sent to kernels of their own, with what it imports: it must do with that and the standard library.
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
MOST_CHANGES = 20  # names that an observation tells of


class Names:
    """The names of an IPython shell's users. `made` holds those that actions made, with the ids of the values."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.made: dict[str, int] = {}

    def variables(self) -> dict[str, object]:
        """Return what the user and the agent have defined: no modules, no private names, nothing of IPython's."""
        namespace = self._shell.user_ns
        return {name: namespace[name] for name in self._users(namespace)}

    def own(self) -> set[str]:
        """Return the names whose values no action has made."""
        return {name for name, value in self.variables().items() if self.made.get(name) != id(value)}

    def identities(self) -> dict[str, int]:
        """Return how things stand, for `touched` to compare with."""
        namespace = self._shell.user_ns  # with three names a cell of IPython's own in it, so it grows
        return dict(zip(namespace, map(id, namespace.values()), strict=True))

    def touched(self, before: dict[str, int], code: str) -> list[str]:
        """Return the names that `code` gave other values, and those whose values it may have changed."""
        after = self.identities()
        touched = self._users(compress(after, map(ne, after.values(), map(before.get, after))))
        self.made.update((name, after[name]) for name in touched)
        return sorted([*touched, *self._users((_changed_in_place(code) & after.keys()).difference(touched))])

    def told(self, names: Iterable[str], brief: bool) -> tuple[tuple[str, str], ...]:
        """Return those of `names` that hold data, with their values in short; `brief`: with what these are."""
        namespace = self._shell.user_ns
        tell = describe if brief else _short
        data = [name for name in names if not _is_definition(namespace[name])]
        return tuple((name, tell(namespace[name])) for name in data[:MOST_CHANGES])

    def _users(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that a user or an agent may have given to something of interest."""
        namespace, hidden = self._shell.user_ns, self._shell.user_ns_hidden
        return [
            name
            for name in names
            if not name.startswith("_")
            and name not in _HIDDEN
            and not isinstance(namespace[name], types.ModuleType)
            and not (name in hidden and hidden[name] is namespace[name])
        ]


def innermost_line(error: BaseException | None) -> str:
    """Return the last line of a cell that `error` came through, as "line 3: ..."."""
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
    """Return the names of what `code` changes without another value being assigned: identity does not tell of these."""
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
    """Return the name at the beginning of `name.attribute[item]`, empty where there is none."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def bound_in(code: str) -> Iterator[str]:
    """Yield the names that `code` assigns, defines or imports, wherever in it."""
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
    """Return a short repr of `value`; never raises, and never walks through all of a large container."""
    plain_types = (list, tuple, set, frozenset, dict, str, bytes, int, float, bool, complex, type(None))
    try:
        text = _REPR.repr(value) if isinstance(value, plain_types) else repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return clip(text, 500)
