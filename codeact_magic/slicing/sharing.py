"""Which names may share an object, and which names' objects a piece of code may change."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ..risk.scopes import Binding, Scope
from . import tables
from .facts import Code, Facts

GIVEN = "<given>"  # stands for what a function is given: no name can be that
_NONE: frozenset[str] = frozenset()
_CHANGING_METHODS = tables.KEEPING | tables.KEEPING_NOTHING
_YIELDS = (ast.Yield, ast.YieldFrom)
_PASSES = 30  # until what local variables may be must have settled


class Reader:
    """Reads the expressions of one piece of code: what their values may be parts of, and what they change."""

    def __init__(self, code: Code, facts: Facts) -> None:
        self.code, self.facts = code, facts
        self._locals: dict[tuple[Scope, str], frozenset[str]] = {}
        self._settle_locals()

    def _settle_locals(self) -> None:
        """Find out what the variables of functions and comprehensions may be parts of."""
        bindings = [one for one in self.code.scopes.bindings if one.scope and one.scope.kind != "module"]
        for _ in range(_PASSES):
            if not any([self._bring(binding) for binding in bindings]):
                return
        everything = frozenset(self.facts.bindings) | {GIVEN}
        self._locals = {key: everything for key in self._locals}

    def _bring(self, binding: Binding) -> bool:
        """Add what a binding brings to what its name may be a part of; tell whether that was news."""
        if binding.how == "instance" or binding.scope is None:
            return False
        unknown = _NONE if binding.dotted else frozenset({GIVEN})
        brought = self.owners(binding.node) if binding.node is not None else unknown
        key = (binding.scope, binding.name)
        before = self._locals.get(key)
        self._locals[key] = brought | (before or _NONE)
        return self._locals[key] != before

    # -- what a value may be a part of ---------------------------------------------------------------------------------

    def owners(self, node: ast.AST | None) -> frozenset[str]:
        """Return the names of the namespace whose objects the value of `node` may be, be a part of, or have in it."""
        match node:
            case None | ast.Constant() | ast.JoinedStr() | ast.Compare():
                return _NONE
            case ast.Name(id=name):
                return self._of_name(name, node)
            case ast.Call():
                return self._of_call(node)
            case ast.Subscript(value=base, slice=index):
                chosen = any(isinstance(part, ast.Compare) for part in ast.walk(index))
                return _NONE if chosen and self.is_frame(base) else self.owners(base)
            case ast.Attribute(value=base):
                return _NONE if self.dotted(node) else self.owners(base)
            case ast.BinOp() if self._is_new(node):
                return _NONE
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self.owners(node.elt) | self._of_all(part.iter for part in node.generators)
            case ast.DictComp():
                return self._of_all((node.key, node.value, *(part.iter for part in node.generators)))
            case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._of_all(ast.walk(node), ast.Name)
        return self._of_all(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))

    def _is_new(self, node: ast.BinOp) -> bool:
        """Tell whether an operation gives something of its own: lists that are joined share what is in them."""
        if not isinstance(node.op, ast.Add | ast.Mult | ast.BitOr | ast.BitAnd | ast.BitXor):
            return True
        sides = (node.left, node.right)
        if any(map(self.is_frame, sides)):
            return True
        return isinstance(node.op, ast.Add) and any(map(self.is_immutable, sides))

    def _of_all(self, nodes: Iterable[ast.AST], kind: type = ast.AST) -> frozenset[str]:
        return _NONE.union(*(self.owners(node) for node in nodes if isinstance(node, kind)))

    def _of_name(self, name: str, node: ast.AST) -> frozenset[str]:
        scope = self.code.scope_of.get(id(node))
        owner = scope.owner(name) if scope else None
        if owner is None or owner.kind == "module":
            return self._of_global(name)
        return self._locals.get((owner, name), _NONE)

    def _of_global(self, name: str) -> frozenset[str]:
        facts = self.facts
        if name in facts.immutable or name in facts.modules or facts.is_builtin(name):
            return _NONE
        if facts.is_function(name):
            return self.within(name) | (frozenset({name}) if facts.has_state(name) else _NONE)
        return frozenset({name})

    def _of_call(self, node: ast.Call) -> frozenset[str]:
        """Return what the result of a call may be a part of."""
        arguments = self._of_all(_arguments(node))
        match node.func:
            case ast.Name(id=name) if self.code.is_global(name, node.func):
                if self.facts.is_builtin(name):
                    return _NONE if name in tables.FRESH_BUILTINS and not node.args[1:] else arguments
                if name in self.facts.definitions:
                    return arguments | self.within(name) | self._of_global(name)
            case ast.Attribute(value=base, attr=attr) if not self.dotted(node.func):
                if self.is_frame(base):
                    return self.owners(base) if attr in tables.VIEWS else _NONE
                kept = _NONE if attr in tables.PURE_METHODS - self.facts.methods else arguments
                return _NONE if attr in tables.FRESH_METHODS - self.facts.methods else self.owners(base) | kept
        if dotted := self.dotted(node.func):
            return _NONE if self._is_fresh(dotted) else arguments
        return arguments | self.owners(node.func)

    @staticmethod
    def _is_fresh(dotted: str) -> bool:
        root, last = dotted.split(".")[0], dotted.rpartition(".")[2]
        return root in tables.FRESH_MODULES or (root in tables.FRAMES and last not in tables.SHARING)

    def is_frame(self, node: ast.AST) -> bool:
        """Tell whether the value of `node` is a frame or an array, as far as the code tells."""
        return self._is_of_names(node) and self.facts.frame_value(node)

    def is_immutable(self, node: ast.AST) -> bool:
        """Tell whether the value of `node` certainly is a number, a string or the like."""
        return self._is_of_names(node) and self.facts.immutable_value(node)

    def _is_of_names(self, node: ast.AST) -> bool:
        """Tell whether all names in `node` are the namespace's: the facts are about these."""
        return all(self.code.is_global(part.id, part) for part in ast.walk(node) if isinstance(part, ast.Name))

    def dotted(self, node: ast.expr) -> str:
        """Return the full dotted name of what `node` leads to, "" where that is not in a module."""
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name):
            return ""
        if self.code.is_global(root.id, root):
            return self.facts.dotted(node)
        owner = self.code.scope_of[id(root)].owner(root.id)
        imported = {binding.dotted for binding in owner.bound[root.id]} if owner else {""}
        return (
            ast.unparse(node).replace(root.id, imported.pop(), 1) if len(imported) == 1 and "" not in imported else ""
        )

    def within(self, name: str) -> frozenset[str]:
        """Return the names whose objects the functions of that name reach by themselves, and through others."""
        facts = self.facts
        found: set[str] = set()
        waiting, met = [name], {name}
        while waiting:
            for definition in facts.definitions.get(waiting.pop(), ()):
                named = {node.id for node in ast.walk(definition) if isinstance(node, ast.Name)} & facts.bindings.keys()
                new = named - met - facts.immutable - facts.modules.keys()
                met |= new
                waiting += new & facts.definitions.keys()
                found |= {other for other in new if not facts.is_function(other) or facts.has_state(other)}
        return frozenset(found)

    # -- what is changed -----------------------------------------------------------------------------------------------

    def changed(self, node: ast.AST) -> frozenset[str]:
        """Return the names whose objects `node` itself, without what is below it, may change."""
        match node:
            case ast.Subscript(value=base) | ast.Attribute(value=base) if not isinstance(node.ctx, ast.Load):
                return self.owners(base)
            case ast.Attribute(value=base, attr=attr) if attr in _CHANGING_METHODS:  # handed on, perhaps
                return _NONE if self.dotted(node) or self.is_frame(base) else self.owners(base)
            case ast.AugAssign(target=ast.Name() as target):
                return self.owners(target)
            case ast.Name(id=name, ctx=ast.Load()) if name in self.facts.iterators:
                return self.owners(node)
            case ast.withitem():
                return _NONE if opens(node.context_expr) else self.owners(node.context_expr)
            case ast.Call():
                return self._changed_by_call(node)
        return _NONE

    def _changed_by_call(self, node: ast.Call) -> frozenset[str]:
        told = self._of_all(keyword.value for keyword in node.keywords if keyword.arg in ("out", "file"))
        if isinstance(node.func, ast.Attribute) and any(map(_is_inplace, node.keywords)):
            told |= self.owners(node.func.value)
        arguments = self._of_all(_arguments(node))
        match node.func:
            case ast.Name(id=name) if self.code.is_global(name, node.func):
                return told | (_NONE if self.leaves_alone(name) else arguments | self._of_global(name))
            case ast.Attribute(value=base, attr=attr):
                if dotted := self.dotted(node.func):
                    return told | (_NONE if _is_harmless(dotted) else arguments)
                if self.is_frame(base):
                    return told | (self.owners(base) if attr in tables.FRAME_CHANGING else _NONE)
                return told | self._changed_by_method(base, attr, arguments)
        return told | arguments | self.owners(node.func)

    def _changed_by_method(self, base: ast.expr, attr: str, arguments: frozenset[str]) -> frozenset[str]:
        if attr in tables.PURE_METHODS and attr not in self.facts.methods:
            drawn = attr in tables.DRAWING_METHODS and ast.unparse(base).startswith(tables.AXES)
            return self.owners(base) if drawn else _NONE
        if attr in tables.KEEPING_NOTHING or attr in tables.KEEPING:
            return self.owners(base)
        return self.owners(base) | arguments

    def leaves_alone(self, name: str) -> bool:
        """Tell whether the function `name` changes nothing of what it is given."""
        if self.facts.is_builtin(name):
            return name in tables.PURE_BUILTINS
        if name in self.facts.definitions:
            decorated = any(getattr(found, "decorator_list", ()) for found in self.facts.definitions[name])
            classes = any(isinstance(found, ast.ClassDef) for found in self.facts.definitions[name])
            alone = self.facts.is_function(name) and name not in self.facts.changers
            return alone and (classes or not decorated)  # a decorator may have it remember what it was given
        return name in self.facts.modules and _is_harmless(self.facts.modules[name])

    def kept(self, node: ast.AST) -> frozenset[str]:
        """Return the names that may share objects once `node` has run, besides those that it binds."""
        match node:
            case ast.Assign(targets=targets, value=value):
                stored = [target for target in targets if isinstance(target, ast.Subscript | ast.Attribute)]
                return self._of_all([*stored, value]) if stored else _NONE
            case ast.Match(subject=subject, cases=cases):
                captured = (getattr(part, "name", None) for case in cases for part in ast.walk(case.pattern))
                return self.owners(subject) | frozenset(filter(None, captured))
            case ast.Call(func=ast.Name(id=name) as func) if self.code.is_global(name, func):
                reached = self.within(name) | self._of_global(name)
                return _NONE if self.facts.is_builtin(name) else self._of_all(_arguments(node)) | reached
            case ast.Call(func=ast.Attribute(value=base, attr=attr)):
                harmless = (
                    self.dotted(node.func)
                    or attr in (tables.PURE_METHODS | tables.KEEPING_NOTHING) - self.facts.methods
                )
                return _NONE if harmless or self.is_frame(base) else self._of_all((base, *_arguments(node)))
            case ast.Call():
                return self._of_all((node.func, *_arguments(node)))
        return _NONE


def _arguments(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(keyword.value for keyword in node.keywords)]


def _is_inplace(keyword: ast.keyword) -> bool:
    return keyword.arg == "inplace" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)


def _is_harmless(dotted: str) -> bool:
    """Tell whether a function of a module changes nothing of what it is given."""
    parts = dotted.split(".")
    return parts[0] in (*tables.STATELESS, *tables.RANDOM) and parts[-1] not in tables.CHANGING


def opens(node: ast.expr) -> bool:
    """Tell whether a context manager is a file just opened: it hides no error, and nobody else has it."""
    name = node.func if isinstance(node, ast.Call) else None
    return (isinstance(name, ast.Name) and name.id == "open") or (
        isinstance(name, ast.Attribute) and name.attr == "open"
    )


def is_iterator(node: ast.AST | None, reader: Reader) -> bool:
    """Tell whether the value of `node` may be used up by going through it, or have such a value in it."""
    facts = reader.facts
    match node:
        case ast.GeneratorExp():
            return True
        case ast.Call(keywords=keywords) if {"chunksize", "iterator"} & {keyword.arg for keyword in keywords}:
            return True
        case ast.Call(func=ast.Name() | ast.Attribute() as function) if _looks_change(reader, function):
            return True
        case ast.Call(func=ast.Name(id=name)) if facts.is_builtin(name) and name not in tables.ITERATORS:
            return False
        case ast.Call(func=ast.Name(id=name)) if _yields(facts, name):
            return True
        case ast.Call(func=ast.Attribute(attr=attr) as function):
            if attr in tables.ITERATING_METHODS or reader.dotted(function).split(".")[0] in ("itertools", "csv"):
                return True
    return node is not None and not reader.owners(node).isdisjoint(facts.iterators)


def _looks_change(reader: Reader, function: ast.expr) -> bool:
    """Tell whether calling `function` makes an object that looking at it may change."""
    if reader.dotted(function) == "collections.defaultdict":
        return True
    name = function.id if isinstance(function, ast.Name) else ""
    members = [
        member
        for found in reader.facts.definitions.get(name, ())
        if isinstance(found, ast.ClassDef)
        for member in found.body
        if isinstance(member, ast.FunctionDef) and member.name not in ("__init__", "__post_init__", "__setattr__")
    ]
    looks = [member for member in members if member.decorator_list or member.name.startswith("__")]
    return any(_changes_something(part) for member in looks for part in ast.walk(member))


def _changes_something(node: ast.AST) -> bool:
    stores = isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)
    return stores or (isinstance(node, ast.Attribute) and node.attr in _CHANGING_METHODS)


def _yields(facts: Facts, name: str) -> bool:
    inner = (part for found in facts.definitions.get(name, ()) for part in ast.walk(found))
    return (name in tables.ITERATORS and facts.is_builtin(name)) or any(isinstance(part, _YIELDS) for part in inner)


class Groups:
    """Names in groups that are joined; a name that was in none is alone."""

    def __init__(self) -> None:
        self._group: dict[str, set[str]] = {}

    def join(self, names: Iterable[str]) -> None:
        """Put the groups of all `names` together."""
        groups = [self._group.setdefault(name, {name}) for name in names if name != GIVEN]
        joined = max(groups, key=len, default=set())
        for group in groups:
            if group is not joined:
                joined |= group
                self._group.update(dict.fromkeys(group, joined))

    def closed(self, names: Iterable[str]) -> set[str]:
        """Return `names`, and all that are in a group with one of them."""
        return {other for name in names for other in self._group.get(name, {name})}
