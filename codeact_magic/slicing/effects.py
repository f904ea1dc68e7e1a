"""What a piece of code does to names: which it reads, which it binds for sure, which it may bind or change."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..risk.ipython_syntax import Command
from ..risk.magics import judge
from . import tables
from .facts import DEFINITIONS, Code, Definition, Facts
from .sharing import GIVEN, Groups, Reader, is_iterator
from .statements import Walk, bound_by

_RESULTS = re.compile(r"_+|_\d+|_i+|_i\d+|_o?h|In|Out")


@dataclass
class Effects:
    """What code does: the names that it `uses`, `binds` for sure and `may` bind or change; `acts` beyond names."""

    uses: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    may: set[str] = field(default_factory=set)
    acts: bool = False  # it starts processes, uses the network, changes settings: it is kept
    everything: bool = False  # it may use and change all names

    def add(self, other: Effects) -> None:
        """Add what other code does that may run with this."""
        self.uses |= other.uses
        self.may |= other.may
        self.acts |= other.acts
        self.everything |= other.everything


class Analysis:
    """The effects of each of some pieces of code, which ran one after the other; None where one cannot be read."""

    def __init__(self, codes: Sequence[Code | None]) -> None:
        known = [code for code in codes if code]
        self.facts = Facts(known)
        self._readers = {id(code): Reader(code, self.facts) for code in known}
        self._reader_of = {
            id(node): reader
            for reader in self._readers.values()
            for node, _ in reader.code.scopes.nodes
            if isinstance(node, DEFINITIONS)
        }
        self._settle_iterators()
        self._settle_changers()
        self._groups = Groups()
        self._share()
        self._leads_to = self._leads()
        self._later = self._settled_later()
        self._packages = self._dotted_imports()
        self.effects = [self._effects(code) for code in codes]

    # -- facts that need the sharing of objects -----------------------------------------------------------------------

    def _settle_iterators(self) -> None:
        found = self.facts.iterators
        bound = [
            (binding.name, binding.node, reader)
            for reader in self._readers.values()
            for binding in reader.code.scopes.bindings
            if binding.scope and binding.scope.kind == "module" and binding.node is not None
        ]
        while more := {name for name, node, reader in bound if name not in found and is_iterator(node, reader)}:
            found |= more

    def _settle_changers(self) -> None:
        found = self.facts.changers
        while more := {name for name in self.facts.definitions if name not in found and self._changes_given(name)}:
            found |= more

    def _changes_given(self, name: str) -> bool:
        return any(GIVEN in reader.changed(node) for reader, node in self._within(name))

    def _within(self, name: str) -> Iterator[tuple[Reader, ast.AST]]:
        """Yield the nodes of all functions and classes of that name."""
        for definition in self.facts.definitions[name]:
            reader = self._reader_of[id(definition)]
            yield from ((reader, node) for node in ast.walk(definition) if id(node) in reader.code.scope_of)

    def _share(self) -> None:
        """Put names that may share objects into one group."""
        for reader in self._readers.values():
            for binding in reader.code.scopes.bindings:
                if binding.scope and binding.scope.kind == "module" and binding.how != "instance":
                    if reader._of_global(binding.name):
                        self._groups.join({binding.name, *reader.owners(binding.node)})
            for node, _ in reader.code.scopes.nodes:
                self._groups.join(reader.kept(node))

    # -- functions -----------------------------------------------------------------------------------------------------

    def _settled_later(self) -> dict[str, Effects]:
        """Return what using a name may do beyond reading it: what the functions do that it leads to."""
        leads = self._leads_to
        found = {name: Effects() for name in leads}
        for name in self.facts.definitions:
            found.setdefault(name, Effects()).add(self._when_called(name))
        for reader in self._readers.values():
            for name, node in _lambdas(reader.code):
                found.setdefault(name, Effects()).add(self._of_nodes(reader, ast.walk(node)))
        moved = True
        while moved:
            moved = False
            for name, others in leads.items():
                before = _size(found[name])
                for other in others & found.keys():
                    found[name].add(found[other])
                moved |= _size(found[name]) != before
        return found

    def reached(self, names: Iterable[str]) -> list[Definition]:
        """Return the functions and classes that `names` may lead to."""
        met: set[str] = set()
        waiting = set(names)
        while waiting:
            met |= waiting
            waiting = {other for name in waiting for other in self._leads_to.get(name, ())} - met
        return [found for name in sorted(met) for found in self.facts.definitions.get(name, ())]

    def _when_called(self, name: str) -> Effects:
        effects = Effects()
        for reader, node in self._within(name):
            if node not in self.facts.definitions[name]:  # which ran before
                effects.add(self._of_nodes(reader, [node]))
        return effects

    def _leads(self) -> dict[str, set[str]]:
        """Return which names each name may lead to: those in the code of its functions, and what it may hold."""
        leads: dict[str, set[str]] = defaultdict(set)
        for name in self.facts.definitions:
            leads[name] |= {node.id for _, node in self._within(name) if isinstance(node, ast.Name)}
        for reader in self._readers.values():
            for binding in reader.code.scopes.bindings:
                if binding.scope and binding.scope.kind == "module" and binding.node is not None:
                    leads[binding.name] |= set(self._callables(binding.node))
            for node, _ in reader.code.scopes.nodes:
                if isinstance(node, ast.Call) and (owners := reader.changed(node)):
                    held = {name for part in (*node.args, *node.keywords) for name in self._callables(part)}
                    for owner in owners - {GIVEN}:
                        leads[owner] |= held
        return leads

    def _callables(self, node: ast.AST) -> Iterator[str]:
        """Yield the names in an expression whose functions its value may run when it is used."""
        called = {id(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and not (id(part) in called and self._gives_data(part.id)):
                yield part.id

    def _gives_data(self, name: str) -> bool:
        """Tell whether calling `name` gives nothing that can be called, and no object with methods of its own."""
        inner = [part for found in self.facts.definitions.get(name, ()) for part in ast.walk(found)]
        starts = [id(found) for found in self.facts.definitions.get(name, ())]
        nested = any(isinstance(part, DEFINITIONS) and id(part) not in starts for part in inner)
        classes = any(isinstance(found, ast.ClassDef) for found in self.facts.definitions.get(name, ()))
        named = any(isinstance(part, ast.Name) and part.id in self.facts.definitions for part in inner)
        return not (nested or classes or named)

    # -- the effects of nodes and of a whole ---------------------------------------------------------------------------

    def _of_nodes(self, reader: Reader, nodes: Iterable[ast.AST]) -> Effects:
        """Return the effects of `nodes` by themselves, whatever calls them; nothing is bound for sure."""
        effects = Effects()
        for node in nodes:
            if id(node) in reader.code.scope_of:
                self._note(reader, node, effects)
        return effects

    def _note(self, reader: Reader, node: ast.AST, effects: Effects) -> None:
        effects.may |= self._groups.closed(reader.changed(node) - {GIVEN})
        for name in bound_by(node):
            if _binds_global(reader.code, name, node):
                effects.may.add(name)
        match node:
            case ast.Name(id=name) if reader.code.is_global(name, node):
                if not isinstance(node.ctx, ast.Store):
                    effects.uses.add(name)
                effects.everything |= self._is_everything(name)
            case ast.AugAssign(target=ast.Name(id=name)) if reader.code.is_global(name, node):
                effects.uses.add(name)
            case ast.Call():
                self._note_call(reader, node, effects)
            case ast.Assign(targets=targets, value=value):
                effects.acts |= any(_is_setting(reader, target) for target in targets)
                effects.acts |= reader.dotted(value).endswith((".rcParams", ".options"))  # to be changed by that name
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                effects.everything = True

    def _is_everything(self, name: str) -> bool:
        """Tell whether who has the built-in `name`, or IPython's list of results, can get at all names."""
        listed = name not in self.facts.bindings and _RESULTS.fullmatch(name)
        return bool(listed) or (name in tables.EVERYTHING and self.facts.is_builtin(name))

    def _note_call(self, reader: Reader, node: ast.Call, effects: Effects) -> None:
        """Note what a call does to what no name stands for: generators of random numbers, the state of a module."""
        dotted = reader.dotted(node.func)
        attr = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        last, root = dotted.rpartition(".")[2], dotted.split(".")[0]
        effects.acts |= bool(dotted) and bool({last, *dotted.split(".")[1:]} & tables.SETTINGS)
        if self.facts.seeded and (generator := _generator(dotted, attr)):
            effects.may.add(generator)
            effects.uses.add(generator)
        elif dotted and root not in tables.STATELESS and root not in tables.RANDOM:
            effects.may.add(f"<{root}>")
            effects.uses.add(f"<{root}>")

    def _effects(self, code: Code | None) -> Effects:
        """Return the effects of all of `code`, run from its first line to its last."""
        if code is None:
            return Effects(acts=True, everything=True)
        effects = Effects()
        for command in code.commands:
            effects.add(_of_command(command))
        reader = self._readers[id(code)]
        walk = Walk(partial(self._note_below, reader, effects))
        effects.binds = set(walk.block(code.tree.body, frozenset()))
        effects.may |= walk.caught
        effects.binds -= self._packages
        return effects

    def _dotted_imports(self) -> set[str]:
        """Return the packages that `import package.module` binds: importing them again takes nothing away."""
        dotted = {
            alias.name.partition(".")[0]
            for other in self.facts.codes
            for node, _ in other.scopes.nodes
            if isinstance(node, ast.Import)
            for alias in node.names
            if "." in alias.name and not alias.asname
        }
        return {name for name in dotted if self.facts.modules.get(name, "").partition(".")[0] == name}

    def _note_below(self, reader: Reader, effects: Effects, node: ast.AST, bound: frozenset[str]) -> None:
        """Add to `effects` what `node` and all below it does where `bound` is bound already."""
        own = Effects()
        for part in ast.walk(node):
            if id(part) in reader.code.scope_of:
                self._note_at(reader, part, own)
        for name in own.uses & self._later.keys():
            own.add(self._later[name])
        effects.add(Effects(own.uses - bound, set(), own.may, own.acts, own.everything))

    def _note_at(self, reader: Reader, node: ast.AST, effects: Effects) -> None:
        """Note `node`; of what a function does when it is called only what it reads, which has to be there."""
        if reader.code.is_later(node):
            if isinstance(node, ast.Name) and reader.code.is_global(node.id, node):
                effects.uses.add(node.id)
        else:
            self._note(reader, node, effects)


def _is_setting(reader: Reader, target: ast.expr) -> bool:
    """Tell whether an assignment changes a module: rcParams, options."""
    inner = target.value if isinstance(target, ast.Subscript | ast.Attribute) else None
    return inner is not None and bool(reader.dotted(inner))


def _size(effects: Effects) -> tuple[int, int, bool, bool]:
    return len(effects.uses), len(effects.may), effects.acts, effects.everything


def _lambdas(code: Code) -> Iterator[tuple[str, ast.AST]]:
    """Yield the lambdas that a name of the namespace may hold."""
    for binding in code.scopes.bindings:
        if binding.scope and binding.scope.kind == "module" and binding.node is not None:
            yield from ((binding.name, part) for part in ast.walk(binding.node) if isinstance(part, ast.Lambda))


def _generator(dotted: str, attr: str) -> str:
    """Return the generator of random numbers that a call may draw from, "" where it draws from none."""
    found = max((prefix for prefix in tables.RANDOM if f"{dotted}.".startswith(f"{prefix}.")), key=len, default="")
    if found:
        return f"<{tables.RANDOM[found]}>"
    return "<numpy.random>" if attr in tables.RANDOM_METHODS else ""


def _binds_global(code: Code, name: str, node: ast.AST) -> bool:
    return code.scope_of[id(node)].binder(name).kind == "module"


def _of_command(command: Command) -> Effects:
    """Return the effects of an IPython line: unless it only looks, it is kept."""
    words = {
        word
        for word in command.text.replace("{", " ").replace("}", " ").replace("$", " ").split()
        if word.isidentifier()
    }
    looks = command.sign in ("?", "??") or not list(judge(command))
    if command.sign in ("!", "!!") and not set("|&;<>`$") & set(command.text):
        looks = command.text.split()[:1] != [] and command.text.split()[0] in tables.LOOKING
    everything = command.name in ("run", "rerun", "load", "store", "macro", "reset", "debug", "recall", "rep")
    kept = command.name in ("matplotlib", "config", "load_ext", "pylab", "precision", "autoreload")
    return Effects(uses=words, acts=kept or not looks or everything, everything=everything)
