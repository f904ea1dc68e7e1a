"""The rules for everything but calls: mentions, names bound and deleted, items and attributes set, imports."""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Iterator

from . import call_rules, tables
from .call import Call
from .findings import Kind, ScanReport
from .program import Program
from .scopes import Scope, plain_names
from .values import canonical, names

_KEPT = tables.KEPT_NAMES.union(name for name in dir(builtins) if not name.startswith("_"))
_PLAIN = frozenset({"savefig", "imsave", "imwrite", "tofile", "extractall", "unlink", "rmdir", "rmtree", "mkdir"})
_SPACES = frozenset({"globals", "locals", "vars", "dir"})


class Rules:
    """Goes once over a program and reports what it touches.

    A function that is only mentioned may be called where nobody sees it, so a mention counts. It is said in general
    terms, and not at all where a call of the same function says it better.
    """

    def __init__(self, program: Program, report: ScanReport) -> None:
        self._program = program
        self._report = report
        self._done: set[int] = set()  # nodes of which a node above them has said everything
        self._called: set[str] = set()
        self._mentions: list[tuple[str, Kind, str, int]] = []

    def apply(self) -> None:
        """Report everything."""
        for node, scope in self._program.scopes.nodes:
            if id(node) not in self._done:
                self._look(node, scope)
        for dotted, kind, what, line in self._mentions:
            if dotted not in self._called:
                self._report.add(kind, what, line)

    def _look(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Call():
                self._call(node, scope)
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                self._mention(node, scope)
            case ast.Name():
                self._rebind(node.id, node, scope, "deletes" if isinstance(node.ctx, ast.Del) else "overwrites")
            case ast.Attribute() | ast.Subscript(ctx=ast.Store() | ast.Del()):
                self._store(node, scope)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
            case ast.Compare():
                self._compare(node)
            case _:
                if isinstance(node, ast.ExceptHandler) and node.type:
                    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
                    self._done.update(id(error) for error in caught if isinstance(error, ast.Name | ast.Attribute))
                for name in plain_names(node):
                    self._rebind(name, node, scope)

    def _call(self, node: ast.Call, scope: Scope) -> None:
        call = Call(node, scope, self._program)
        self._done.add(id(node.func))
        told = list(call_rules.judge(call))
        for kind, what in told:
            self._report.add(kind, what, node.lineno)
        for dotted in filter(_settles, call.names):
            self._done.update(_chain(node.func))
            if told:
                self._called.update(itertools.accumulate(dotted.split("."), "{}.{}".format))
        if "builtins.getattr" in call.names:
            self._mention(node, scope)

    def _mention(self, node: ast.Name | ast.Attribute | ast.Call, scope: Scope) -> None:
        name = getattr(node, "attr", "") or getattr(node, "id", "")
        free = isinstance(node, ast.Attribute) or (scope.owner(name) is None and name not in self._program.names)
        if name in tables.INNARDS and free:
            self._report.add("unreadable", name, node.lineno)
            return
        for dotted in names(self._program.of(node, scope)):
            if known := tables.touched(dotted):
                self._done.update(_chain(node))
                kind, what = call_rules.words(known[0], dotted if known[1] in tables.OBJECTS else known[1])
                self._mentions.append((dotted, kind, what, node.lineno))
        by_name = tables.METHODS.get(name) if free and ("_" in name or name in _PLAIN) else None
        if by_name in ("writes", "deletes"):
            self._report.add(by_name, f"files with {name}", node.lineno)

    def _rebind(self, name: str, node: ast.AST, scope: Scope, verb: str = "overwrites") -> None:
        if scope.binder(name) is not scope.module:
            return
        line = getattr(node, "lineno", 1)
        if name in self._program.names:
            self._report.add("rebinds", f"{verb} your {name}", line)
        elif name in _KEPT and verb == "overwrites":
            self._report.add("rebinds", f"overwrites {'the built-in ' * hasattr(builtins, name)}{name}", line)

    def _store(self, node: ast.Attribute | ast.Subscript, scope: Scope) -> None:
        """Report an item or attribute that is set on an object of the user's, or on a module."""
        places = [name for name in names(self._program.of(node.value, scope)) if not name.startswith("builtins.")]
        if isinstance(node, ast.Attribute):
            places = [canonical(f"{name}.{node.attr}") for name in places]
        places = [name for name in places if "." in name]
        if places and all(name.startswith(tables.SETTINGS) for name in places):
            return
        yours = sorted(self._program.yours(node.value, scope) - tables.KEPT_NAMES)
        for name in yours:
            self._report.add("rebinds", f"changes your {name}", node.lineno)
        for name in () if yours else places:
            self._done.update(_chain(node.value))
            self._called.add(name)
            self._report.add("environment", f"changes the environment: {name}", node.lineno)

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            module = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            dotted, name = canonical(module), alias.asname or alias.name
            known = tables.touched(dotted)
            if alias.name == "*":
                self._star(str(getattr(node, "module", "")), node.lineno)
            elif known:
                self._mentions.append((dotted, *call_rules.words(*known), node.lineno))
            if alias.asname and not _is_usual(module, alias.asname):
                self._rebind(name, node, scope)
                self._alias(dotted, name, node.lineno)

    def _star(self, module: str, line: int) -> None:
        """Report an import of names that the code does not show."""
        if canonical(module) in tables.MODULES or module in tables.CONVENTIONS:
            self._report.add("unreadable", f"from {module} import *", line)
        elif self._program.names:
            self._report.add("rebinds", f"may overwrite your names: from {module} import *", line)

    def _alias(self, dotted: str, name: str, line: int) -> None:
        """Report a module that matters under a name of its own, for a later step: there nobody would know it."""
        if dotted in tables.CONVENTIONS.values() and name not in self._program.loaded | self._program.names:
            self._report.add("unreadable", f"{dotted} under the name {name}", line)

    def _compare(self, node: ast.Compare) -> None:
        """Let `"df" in globals()` pass: it only asks."""
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                match right:
                    case ast.Call(func=ast.Name(id=name) as function) if name in _SPACES:
                        self._done |= {id(right), id(function)}
                    case ast.Attribute(attr="modules" | "environ"):
                        self._done.add(id(right))


def _settles(dotted: str) -> bool:
    """Tell whether what is said of a call of `dotted` covers the modules and objects that lead to it."""
    return dotted.startswith("IPython.get_ipython.") or tables.touched(dotted) is not None


def _chain(node: ast.expr) -> Iterator[int]:
    """Yield the ids of what a dotted name is made of, through calls that are given nothing."""
    match node:
        case ast.Name():
            yield id(node)
        case ast.Attribute(value=inner) | ast.Call(func=inner, args=[], keywords=[]):
            yield id(node)
            yield from _chain(inner)


def _is_usual(module: str, name: str) -> bool:
    """Tell whether importing `module` as `name` is what everyone does, so that doing it again changes nothing."""
    return tables.CONVENTIONS.get(name) == module or name == module.rpartition(".")[2]
