"""The effects of a code block on names: which it uses, which it binds for sure, which it may bind or change."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..risk.ipython_syntax import Command
from ..risk.magics import judge
from ..risk.scopes import plain_names
from . import library
from .meanings import GIVEN, Code, Meanings, last, opens

_RESULTS = re.compile(r"_+|_\d+|_i+|_i\d+|_o?h|In|Out")  # IPython's names for what was shown and typed before
_BODIES = ("body", "orelse", "handlers", "cases", "finalbody")
_Bound = frozenset[str]
_NONE: _Bound = frozenset()


@dataclass
class Effects:
    """The effects of code: the names that it `uses`, `binds` for sure and `may` bind or change; `acts` beyond names."""

    uses: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    may: set[str] = field(default_factory=set)
    acts: bool = False  # it changes settings: it is kept
    everything: bool = False  # it may use and change all names

    def add(self, other: Effects) -> None:
        """Add the effects of other code that may run with this."""
        self.uses |= other.uses
        self.may |= other.may
        self.acts |= other.acts
        self.everything |= other.everything


class Analysis:
    """The effects of code blocks that ran one after the other; None is one that cannot be read."""

    def __init__(self, codes: Sequence[Code | None]) -> None:
        """Read all of `codes`; `effects` are those of each."""
        readable = [code for code in codes if code]
        nodes = [node for code in readable for node, _ in code.scopes.nodes]
        self.meanings = Meanings(readable)
        self._seeded = any(isinstance(node, ast.Call) and last(node.func) in library.SEEDS for node in nodes)
        self._packages = {package for node in nodes for package in _packages(node)}
        self._leads_to = {name: set(self._led(name)) for name in self.meanings.bindings}
        self._called = {name: self._when_called(name) for name in self.meanings.definitions}
        self.effects = [self._effects(code) if code else Effects(acts=True, everything=True) for code in codes]

    # -- functions -----------------------------------------------------------------------------------------------------

    def reached(self, names: Iterable[str]) -> set[str]:
        """Return the names of functions and classes that `names` may lead to."""
        met = set[str]()
        waiting = set(names)
        while waiting:
            met |= waiting
            waiting = {other for name in waiting for other in self._leads_to.get(name, ())} - met
        return met & self._called.keys()

    def _led(self, name: str) -> Iterator[str]:
        """Yield the names in the functions of that name, and the names of functions that it may hold."""
        for _, found in self.meanings.definitions.get(name, ()):
            yield from (part.id for part in ast.walk(found) if isinstance(part, ast.Name))
        for binding in self.meanings.bindings[name]:
            for part in ast.walk(binding.node) if binding.node else ():
                if isinstance(part, ast.Name) and part.id in self.meanings.definitions:
                    yield part.id

    def _when_called(self, name: str) -> Effects:
        effects = Effects()
        for code, found in self.meanings.definitions[name]:
            for node in ast.walk(found):
                if id(node) in code.scope_of and node is not found:
                    self._note(code, node, effects)
        return effects

    # -- a block -------------------------------------------------------------------------------------------------------

    def _effects(self, code: Code) -> Effects:
        """Return the effects of all of `code`, run from its first line to its last."""
        effects = Effects()
        for command in code.commands:
            effects.add(_of_command(command))
        effects.binds = set(self._block(code, code.tree.body, _NONE, effects)) - self._packages
        return effects

    def _block(self, code: Code, statements: Sequence[ast.AST], bound: _Bound, effects: Effects) -> _Bound:
        """Add the effects of `statements` if `bound` is bound already; return the names bound for sure after them."""
        for statement in statements:
            bound = self._statement(code, statement, bound, effects)
        return bound

    def _statement(self, code: Code, node: ast.AST, bound: _Bound, effects: Effects) -> _Bound:
        bodies = list(_bodies(node))
        if not bodies:
            self._note_below(code, node, bound, effects)
            return bound | _always_bound(node)
        inside = {id(statement) for body in bodies for statement in body}
        for child in ast.iter_child_nodes(node):
            if id(child) not in inside:
                self._note_below(code, child, bound, effects)
        targets = _NONE.union(*map(_stored, _targets(node)))
        effects.may |= targets
        ends = [self._block(code, body, bound | targets, effects) for body in bodies]
        match node:
            case ast.If() if node.orelse:
                return ends[0] & ends[1]
            case ast.With() if all(opens(item.context_expr) for item in node.items):
                return ends[0]
        return bound

    def _note_below(self, code: Code, node: ast.AST, bound: _Bound, effects: Effects) -> None:
        """Add the effects of `node` and all below it if `bound` is bound already."""
        own = Effects()
        for part in ast.walk(node):
            if not code.runs_later(part):
                self._note(code, part, own)
            elif isinstance(part, ast.Name) and code.local(part.id, part) is None:
                own.uses.add(part.id)  # it has to be there
        for name in self.reached(own.uses):
            own.add(self._called[name])
        own.uses -= bound
        effects.add(own)

    def _note(self, code: Code, node: ast.AST, effects: Effects) -> None:
        """Add the effects of `node` itself, without the nodes below it."""
        names = self.meanings
        scope = code.scope_of.get(id(node))
        if scope is None:
            return
        effects.may |= names.sharing(names.changed(code, node) - {GIVEN})
        effects.may |= {name for name in _bound_by(node) if scope.binder(name).kind == "module"}
        match node:
            case ast.Name(id=name) | ast.AugAssign(target=ast.Name(id=name)) if code.local(name, node) is None:
                if not isinstance(getattr(node, "ctx", None), ast.Store):
                    effects.uses.add(name)
                is_result = name not in names.bindings and _RESULTS.fullmatch(name) is not None
                effects.everything |= is_result or (name in library.EVERYTHING and names.is_builtin(name))
            case ast.Call():
                self._note_call(code, node, effects)
            case ast.Assign(targets=targets, value=value):
                effects.acts |= any(self._is_setting(code, target) for target in targets)
                effects.acts |= names.dotted(code, value).endswith((".rcParams", ".options"))
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                effects.everything = True

    def _is_setting(self, code: Code, target: ast.expr) -> bool:
        """Return whether an assignment changes a module: rcParams, options."""
        return isinstance(target, ast.Subscript | ast.Attribute) and bool(self.meanings.dotted(code, target.value))

    def _note_call(self, code: Code, node: ast.Call, effects: Effects) -> None:
        """Add a call's effects on things without a name: generators of random numbers, the state of a module."""
        dotted = self.meanings.dotted(code, node.func)
        root, *others = dotted.split(".")
        effects.acts |= not library.SETTINGS.isdisjoint(others)
        state = library.generator(dotted, last(node.func))
        if state and not self._seeded:  # then nothing depends on the order in which numbers are drawn
            return
        if state or root not in library.STATELESS:
            effects.may.add(f"<{state or root}>")
            effects.uses.add(f"<{state or root}>")


# -- statements --------------------------------------------------------------------------------------------------------


def _packages(node: ast.AST) -> Iterator[str]:
    """Yield the packages that `import package.module` binds: importing one of them again takes nothing away."""
    for alias in node.names if isinstance(node, ast.Import) else ():
        if "." in alias.name and not alias.asname:
            yield alias.name.partition(".")[0]


def _bodies(node: ast.AST) -> Iterator[Sequence[ast.AST]]:
    """Yield the statements in a compound statement; handlers and cases are gone through like statements."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield from (body for name in _BODIES if isinstance(body := getattr(node, name, None), list) and body)


def _targets(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the names that are bound when the body of a compound statement runs."""
    match node:
        case ast.For() | ast.AsyncFor():
            yield node.target
        case ast.With() | ast.AsyncWith():
            yield from (item.optional_vars for item in node.items if item.optional_vars)
        case ast.match_case():
            yield node.pattern
        case ast.ExceptHandler(name=str(name)):
            yield ast.Name(name, ast.Store())


def _bound_by(node: ast.AST) -> list[str]:
    """Return the names that `node` itself binds or deletes."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return plain_names(node)


def _stored(node: ast.AST) -> _Bound:
    """Return the names that a target or a pattern binds."""
    return frozenset(name for part in ast.walk(node) for name in _bound_by(part))


def _always_bound(node: ast.AST) -> _Bound:
    """Return the names that a simple statement, or a definition, binds whenever it runs."""
    match node:
        case ast.Assign(targets=targets):
            return _NONE.union(*map(_stored, targets))
        case ast.AnnAssign(value=ast.expr()) | ast.AugAssign():
            return _stored(node.target)
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return frozenset(_bound_by(node))
    return _NONE


def _of_command(command: Command) -> Effects:
    """Return the effects of an IPython line: unless it only looks, it is kept."""
    looks = command.sign in ("?", "??") or not list(judge(command))
    words = command.text.split()
    if command.sign in ("!", "!!") and not set("|&;<>`$") & set(command.text):
        looks = bool(words) and words[0] in library.LOOKING_COMMANDS
    everything = command.name in library.EVERY_NAME
    return Effects(
        uses=set(re.findall(r"[^\W\d]\w*", command.text)),
        acts=everything or not looks or command.name in library.SETTING_MAGICS,
        everything=everything,
    )
