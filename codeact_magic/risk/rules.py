"""The rules for mentions, bound and deleted names, set items and attributes, and imports. Calls have rules apart."""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Iterator

from . import by_type, call_rules, library, packages, tables
from .call import Call
from .findings import Kind, ScanReport
from .namespace import USERS
from .prelude import place
from .program import Program
from .reach import reached
from .scopes import Scope, plain_names
from .values import canonical, names
from .wording import words

_KEPT = tables.KEPT_NAMES.union(name for name in dir(builtins) if not name.startswith("_"))
_PLAIN = frozenset({"savefig", "imsave", "imwrite", "tofile", "extractall", "unlink", "rmdir", "rmtree", "mkdir"})
_SPACES = frozenset({"globals", "locals", "vars", "dir"})


class Rules:
    """Goes through a program once, and reports its effects.

    A function that is only mentioned may be called out of sight, so a mention is a finding too. It is worded in
    general terms, and left out if a call of the same function gives a more precise finding.
    """

    def __init__(self, program: Program, report: ScanReport) -> None:
        self._program = program
        self._report = report
        self._done: set[int] = set()  # ids of nodes that a finding about their parent covers
        self._called: set[str] = set()
        self._mentions: list[tuple[str, Kind, str, int]] = []

    def apply(self) -> None:
        """Report all effects."""
        self._reached = reached(self._program)
        for node, scope in self._program.scopes.nodes:
            number = place(getattr(node, "lineno", 1))
            if id(node) not in self._done and (number < 0 or number in self._reached):
                self._look(node, scope)
        for dotted, kind, what, line in self._mentions:
            if dotted not in self._called:
                self._say(kind, what, line)
        self._unread()

    def _say(self, kind: Kind, what: str, line: int) -> None:
        """Report an effect. One of a definition of the user's is reported where the code calls that."""
        if line >= 0:
            self._report.add(kind, what, line)
        else:
            self._report.add(kind, f"{what}, in your {self._program.prelude.name(line)}()", self._reached[place(line)])

    def _unread(self) -> None:
        """Report the user's functions whose sources were too much to read."""
        for name in sorted(self._program.prelude.unread):
            self._report.add("unreadable", f"your {name.removeprefix(USERS)}()", 1)

    def _look(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Call():
                self._call(node, scope)
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                self._mention(node, scope)
            case ast.Name():
                self._rebind(
                    node.id, node, scope, "deletes name" if isinstance(node.ctx, ast.Del) else "overwrites name"
                )
            case ast.Attribute() | ast.Subscript(ctx=ast.Store() | ast.Del()):
                self._store(node, scope)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
            case ast.Compare():
                self._compare(node)
            case ast.AugAssign():
                for yours in sorted(by_type.augmented(node, scope, self._program)):
                    self._say("changes name", f"your {yours}", node.lineno)
            case _:
                if isinstance(node, ast.ExceptHandler) and node.type:
                    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
                    self._done.update(id(error) for error in caught if isinstance(error, ast.Name | ast.Attribute))
                is_prelude = scope.kind != "function" and place(getattr(node, "lineno", 1)) >= 0
                for name in () if is_prelude else plain_names(node):
                    self._rebind(name, node, scope)

    def _call(self, node: ast.Call, scope: Scope) -> None:
        call = Call(node, scope, self._program)
        if isinstance(node.func, ast.Name | ast.Attribute):
            self._done.add(id(node.func))
            self._mention_called(node.func, scope)
        effects = list(call_rules.judge(call))
        for kind, text in effects:
            self._say(kind, text, node.lineno)
        for dotted in filter(_settles, call.names):
            self._done.update(_chain(node.func))
            if effects:
                self._called.update(itertools.accumulate(dotted.split("."), "{}.{}".format))
        if "builtins.getattr" in call.names:
            self._mention(node, scope)

    def _mention_called(self, node: ast.Name | ast.Attribute, scope: Scope) -> None:
        """Report a method that changes an object of the user's, and a package that is not familiar."""
        for yours in sorted(by_type.changing(node, scope, self._program)):
            self._say("changes name", f"your {yours}", node.lineno)
        for dotted in names(self._program.of(node, scope)):
            if not packages.is_familiar(dotted):
                self._say("unfamiliar", packages.package(dotted), node.lineno)

    def _mention(self, node: ast.Name | ast.Attribute | ast.Call, scope: Scope) -> None:
        name = getattr(node, "attr", "") or getattr(node, "id", "")
        is_attribute = isinstance(node, ast.Attribute)
        is_free = is_attribute or (scope.owner(name) is None and name not in self._program.names)
        if name in tables.INNARDS and is_free:
            self._say("unreadable", name, node.lineno)
            return
        if not isinstance(node, ast.Call):
            self._mention_called(node, scope)
        for dotted in names(self._program.of(node, scope)):
            module, _, last = dotted.rpartition(".")
            if module == "__main__":
                self._mentions.append((dotted, "unreadable", dotted, node.lineno))
            if module in tables.PATHS and (kind := tables.touches(last)) and isinstance(node, ast.Attribute):
                self._mentions.append((dotted, kind, f"files with {last}", node.lineno))
            if known := library.touched(dotted):
                self._done.update(_chain(node))
                kind, what = words(known[0], dotted if known[1] in library.OBJECTS else known[1])
                self._mentions.append((dotted, kind, what, node.lineno))
        if is_free and ("_" in name or name in _PLAIN):
            by_name = tables.METHODS.get(name)
            if by_name in ("writes", "deletes"):
                self._say(by_name, f"files with {name}", node.lineno)

    def _rebind(self, name: str, node: ast.AST, scope: Scope, kind: Kind = "overwrites name") -> None:
        if scope.binder(name) is not scope.module:
            return
        line = getattr(node, "lineno", 1)
        if name in self._program.names:
            self._say(kind, f"your {name}", line)
        elif name in _KEPT and kind == "overwrites name":
            self._say(kind, f"the built-in {name}" if hasattr(builtins, name) else name, line)

    def _store(self, node: ast.Attribute | ast.Subscript, scope: Scope) -> None:
        """Report an item or attribute that is set on an object of the user's, or on a module."""
        targets = self._module_targets(node, scope)
        if targets and all(name.startswith(library.SETTINGS) for name in targets):
            return
        yours = sorted(self._program.yours(node.value, scope) - tables.KEPT_NAMES)
        for name in yours:
            self._say("changes name", f"your {name}", node.lineno)
        for name in () if yours else targets:
            self._done.update(_chain(node.value))
            self._called.add(name)
            self._say("environment", name, node.lineno)

    def _module_targets(self, node: ast.Attribute | ast.Subscript, scope: Scope) -> list[str]:
        """Return the dotted names of the attributes of modules that an assignment to `node` may change."""
        targets = [name for name in names(self._program.of(node.value, scope)) if not name.startswith("builtins.")]
        if isinstance(node, ast.Attribute):
            targets = [canonical(f"{name}.{node.attr}") for name in targets]
        return [name for name in targets if "." in name]

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            module = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            dotted = canonical(module)
            name = alias.asname or alias.name
            known = library.touched(dotted)
            if module in library.ON_IMPORT:
                self._say(library.ON_IMPORT[module], f"import {module}", node.lineno)
            if alias.name == "*":
                self._star(str(getattr(node, "module", "")), node.lineno)
            elif getattr(node, "level", 0):
                self._say("unfamiliar", getattr(node, "module", None) or alias.name, node.lineno)
            elif not packages.is_familiar(dotted):
                self._say("unfamiliar", packages.package(dotted), node.lineno)
            elif known:
                self._mentions.append((dotted, *words(*known), node.lineno))
            if alias.asname and not _is_usual(module, alias.asname):
                self._rebind(name, node, scope)
                self._alias(dotted, name, node.lineno)

    def _star(self, module: str, line: int) -> None:
        """Report a star import: the code does not show the names that it binds."""
        if canonical(module) in library.MODULES or module in tables.CONVENTIONS:
            self._say("unreadable", f"from {module} import *", line)
        elif self._program.names:
            self._say("may overwrite name", f"your names: from {module} import *", line)

    def _alias(self, dotted: str, name: str, line: int) -> None:
        """Report the import of a known module under an unusual name that only a later step can use, unrecognised."""
        if dotted in tables.CONVENTIONS.values() and name not in self._program.loaded | self._program.names:
            self._say("unreadable", f"{dotted} under the name {name}", line)

    def _compare(self, node: ast.Compare) -> None:
        """Skip tests such as `"df" in globals()`, which change nothing."""
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                match right:
                    case ast.Call(func=ast.Name(id=name) as function) if name in _SPACES:
                        self._done |= {id(right), id(function)}
                    case ast.Attribute(attr="modules" | "environ"):
                        self._done.add(id(right))


def _settles(dotted: str) -> bool:
    """Return whether the findings about a call of `dotted` cover the modules and objects in its name."""
    return dotted.startswith("IPython.get_ipython.") or library.touched(dotted) is not None


def _chain(node: ast.expr) -> Iterator[int]:
    """Yield the ids of the nodes of a dotted name, through calls without arguments."""
    match node:
        case ast.Name():
            yield id(node)
        case ast.Attribute(value=inner) | ast.Call(func=inner, args=[], keywords=[]):
            yield id(node)
            yield from _chain(inner)


def _is_usual(module: str, name: str) -> bool:
    """Return whether `name` is the usual name for `module`, so that importing it again changes nothing."""
    return tables.CONVENTIONS.get(name) == module or name == module.rpartition(".")[2]
