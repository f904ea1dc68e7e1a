"""The possible meanings of a session's names: modules, functions, and objects that names share.

The order of the code does not count here: a name is whatever any of its bindings makes of it. Only names are followed:
not objects that are put into another and taken out again. The proof of the slice shows if that mattered.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..risk import tables as known
from ..risk.ipython_syntax import Command, parse
from ..risk.magics import is_magic
from ..risk.scopes import Binding, Scope, Scopes
from . import library

GIVEN = "<given>"  # stands for the arguments of a function: no name can be that
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NONE: frozenset[str] = frozenset()
_DEEPEST = 100  # nodes in nodes
_FURTHEST = 8  # local variables that lead to each other


@dataclass(frozen=True, eq=False)
class Code:
    """Code that could be read: its tree, its IPython lines, and the scope of every node, by the node's id."""

    tree: ast.Module
    commands: tuple[Command, ...]
    scopes: Scopes
    scope_of: dict[int, Scope]
    lambdas: frozenset[Scope]

    def local(self, name: str, node: ast.AST) -> Scope | None:
        """Return the local scope that `name`, as it stands at `node`, is bound in; None for the namespace."""
        scope = self.scope_of.get(id(node))
        owner = scope.owner(name) if scope else None
        return None if owner is None or owner.kind == "module" else owner

    def bindings(self) -> Iterator[Binding]:
        """Yield the bindings of a name of the namespace."""
        for binding in self.scopes.bindings:
            if binding.scope and binding.scope.kind == "module" and binding.how not in ("held", "instance"):
                yield binding

    def runs_later(self, node: ast.AST) -> bool:
        """Return whether `node` runs when a function is called that `def` makes; a lambda may be called at once."""
        scope = self.scope_of.get(id(node))
        while scope and not (scope.kind == "function" and scope not in self.lambdas):
            scope = scope.parent
        return scope is not None


def read(source: str) -> Code | None:
    """Return `source` as code, None if it cannot be read."""
    try:
        tree, commands = parse(source.replace("\r\n", "\n").replace("\r", "\n"), is_magic)
        if _is_deep(tree):
            return None
        scopes = Scopes(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lambdas = frozenset(scopes.inner[id(node)] for node, _ in scopes.nodes if isinstance(node, ast.Lambda))
    return Code(tree, commands, scopes, {id(node): scope for node, scope in scopes.nodes}, lambdas)


def _is_deep(tree: ast.Module) -> bool:
    """Return whether `tree` is too deep for functions that call themselves."""
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


class Meanings:
    """The possible meanings of the names in some pieces of code."""

    def __init__(self, codes: Sequence[Code]) -> None:
        """Read all of `codes`."""
        self.bindings: dict[str, list[Binding]] = defaultdict(list)
        self.definitions: dict[str, list[tuple[Code, ast.AST]]] = defaultdict(list)
        for code in codes:
            for binding in code.bindings():
                self.bindings[binding.name].append(binding)
            for name, node in _defined(code):
                self.definitions[name].append((code, node))
        self.modules = {name: dotted for name in self.bindings if (dotted := self._module(name))}
        inner = [part for found in self.definitions.values() for _, node in found for part in ast.walk(node)]
        self._methods = {part.name for part in inner if isinstance(part, _DEFINITIONS)}
        # Functions that may change what they are given, or remember it: who knows what a decorator makes of them.
        self._changers = {name for name in self.definitions if self._is_decorated(name)}
        while more := {name for name in self.definitions if name not in self._changers and self._changes_given(name)}:
            self._changers |= more
        self._groups: dict[str, set[str]] = {}
        for code in codes:
            for binding in code.bindings():
                self._join({binding.name} | self.sources(code, binding.node))

    def _module(self, name: str) -> str:
        """Return the dotted name that `name` was imported as, "" if it is or may be something else."""
        dotted = {binding.dotted for binding in self.bindings[name]}
        return dotted.pop() if len(dotted) == 1 else ""

    def _is_decorated(self, name: str) -> bool:
        functions = (node for _, node in self.definitions[name] if not isinstance(node, ast.ClassDef))
        return any(getattr(node, "decorator_list", ()) for node in functions)

    def is_builtin(self, name: str) -> bool:
        """Return whether `name` is a built-in that the session does not rebind."""
        return name not in self.bindings and (hasattr(builtins, name) or name in ("display", "exit", "quit"))

    def dotted(self, code: Code, node: ast.expr) -> str:
        """Return the full dotted name that `node` leads to, "" if that is not in a module."""
        match node:
            case ast.Attribute(value=base, attr=attr):
                dotted = self.dotted(code, base)
                return dotted and f"{dotted}.{attr}"
            case ast.Name(id=name) if scope := code.local(name, node):
                found = {binding.dotted for binding in scope.bound[name]}
                return found.pop() if len(found) == 1 else ""
            case ast.Name(id=name) if name not in self.bindings:
                return known.CONVENTIONS.get(name, "")
            case ast.Name(id=name):
                return self.modules.get(name, "")
        return ""

    # -- objects -------------------------------------------------------------------------------------------------------

    def sharing(self, names: Iterable[str]) -> set[str]:
        """Return `names`, and all those that may share an object with one of them."""
        return {other for name in names for other in self._groups.get(name, {name})}

    def _join(self, names: Iterable[str]) -> None:
        groups = [self._groups.setdefault(name, {name}) for name in names if name != GIVEN]
        joined = max(groups, key=len, default=set())
        for group in groups:
            if group is not joined:
                joined |= group
                self._groups.update(dict.fromkeys(group, joined))

    def sources(self, code: Code, node: ast.AST | None, depth: int = 0) -> frozenset[str]:
        """Return the names whose objects the value of `node` may be, or contain; GIVEN among them for an argument."""
        match node:
            case None | ast.Constant() | ast.JoinedStr() | ast.Compare() | ast.BinOp() | ast.UnaryOp():
                return _NONE
            case ast.Name(id=name) if scope := code.local(name, node):
                return self._of_local(code, scope, name, depth)
            case ast.Name(id=name):
                return _NONE if name in self.modules or self.is_builtin(name) else frozenset({name})
            case ast.Subscript(value=base, slice=index):
                is_mask = any(isinstance(part, ast.Compare) for part in ast.walk(index))  # df[df.x > 1] is a copy
                return _NONE if is_mask else self.sources(code, base, depth)
            case ast.Attribute(value=base):
                return _NONE if self.dotted(code, node) else self.sources(code, base, depth)
            case ast.Call():
                return self._of_call(code, node, depth)
            case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._of_all(code, (part for part in ast.walk(node) if isinstance(part, ast.Name)), depth)
        return self._of_all(code, (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)), depth)

    def _of_all(self, code: Code, nodes: Iterable[ast.AST], depth: int = 0) -> frozenset[str]:
        return _NONE.union(*(self.sources(code, node, depth) for node in nodes))

    def _of_local(self, code: Code, scope: Scope, name: str, depth: int) -> frozenset[str]:
        found = set[str]()
        for binding in scope.bound.get(name, ()):
            if binding.node is None and not binding.dotted:
                found.add(GIVEN)
            elif depth < _FURTHEST:
                found |= self.sources(code, binding.node, depth + 1)
        return frozenset(found)

    def _of_call(self, code: Code, node: ast.Call, depth: int) -> frozenset[str]:
        """Return the names whose objects the result of a call may be, or contain."""
        match node.func:
            case function if self.dotted(code, function):
                return _NONE
            case ast.Name(id=name) if self.is_builtin(name) and name not in library.PASSING:
                return _NONE
            case ast.Attribute(value=base, attr=attr) if attr in library.LOOKING - self._methods:
                return self.sources(code, base, depth) if attr in library.PASSING else _NONE
            case ast.Attribute(value=base):
                return self.sources(code, base, depth)
        return self._of_all(code, arguments(node), depth)

    # -- changes -------------------------------------------------------------------------------------------------------

    def changed(self, code: Code, node: ast.AST) -> frozenset[str]:
        """Return the names whose objects `node` itself, without the nodes below it, may change."""
        match node:
            case ast.Subscript(value=base) | ast.Attribute(value=base) if not isinstance(node.ctx, ast.Load):
                return self.sources(code, base)
            case ast.Attribute(value=base, attr=attr) if attr in library.CHANGING_METHODS:  # handed on, perhaps
                return _NONE if self.dotted(code, node) else self.sources(code, base)
            case ast.AugAssign(target=ast.Name() as target):
                return self.sources(code, target)
            case ast.withitem(context_expr=manager) if not opens(manager):
                return self.sources(code, manager)
            case ast.Call(func=ast.Attribute(value=base) as function):
                changed = [word.value for word in node.keywords if word.arg in ("out", "file")]
                if any(word.arg == "inplace" for word in node.keywords):
                    changed.append(base)
                if not self._leaves_alone(code, function):
                    changed += arguments(node) if self.dotted(code, function) else [base]
                return self._of_all(code, changed)
            case ast.Call(func=function) if not self._leaves_alone(code, function):
                return self._of_all(code, [function, *arguments(node)])
        return _NONE

    def _leaves_alone(self, code: Code, function: ast.expr) -> bool:
        """Return whether a function changes nothing that it is given, or a method nothing that it is called on."""
        if dotted := self.dotted(code, function):
            return dotted.rpartition(".")[2] not in library.CHANGING
        match function:
            case ast.Attribute(attr=attr):
                return attr in library.LOOKING - self._methods
            case ast.Name(id=name) if code.local(name, function) is None:
                by_itself = name in self.definitions and name not in self._changers
                return by_itself or (self.is_builtin(name) and name != "next")
        return False

    def _changes_given(self, name: str) -> bool:
        """Return whether the functions of that name may change their arguments."""
        return any(
            GIVEN in self.changed(code, part)
            for code, node in self.definitions[name]
            for part in ast.walk(node)
            if id(part) in code.scope_of
        )


def arguments(node: ast.Call) -> list[ast.expr]:
    """Return all arguments of a call."""
    return [*node.args, *(keyword.value for keyword in node.keywords)]


def opens(node: ast.expr) -> bool:
    """Return whether a context manager is a file just opened: it hides no error, and nothing else has it."""
    return isinstance(node, ast.Call) and last(node.func) == "open"


def last(node: ast.expr) -> str:
    """Return the last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _defined(code: Code) -> Iterator[tuple[str, ast.AST]]:
    """Yield the functions and classes that a name of the namespace is bound to, and the lambdas in its value."""
    for node, scope in code.scopes.nodes:
        if isinstance(node, _DEFINITIONS) and scope.binder(node.name).kind == "module":
            yield node.name, node
    for binding in code.bindings():
        if binding.node and not isinstance(binding.node, _DEFINITIONS):
            yield from ((binding.name, part) for part in ast.walk(binding.node) if isinstance(part, ast.Lambda))
