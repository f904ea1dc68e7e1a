"""The effects of a call on the user's objects, and of a method by the type of its object."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from . import library, packages, tables, type_tables
from .call import Call
from .magics import Effect
from .program import Program
from .scopes import Scope
from .values import kept
from .wording import words


def judge(call: Call, dotted: str) -> Iterator[Effect]:
    """Yield the effects of a method by its type: `dotted` is the name of the type, or of a base of it, and its own."""
    kind = type_tables.METHODS.get(dotted)
    owner = dotted.rpartition(".")[0]
    if kind == "writes":
        target = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
        if dotted in type_tables.TO_ARGUMENT:
            target = call.argument(0)
        is_new = owner in type_tables.REPORTED and target is not None and not kept(call.of(target), "yours")
        if not is_new and not call.is_reported(target):
            yield kind, call.shown(target) or f"files with {dotted.rpartition('.')[2]}"
    elif kind:
        yield words(kind, dotted)
    elif owner in type_tables.HOLDERS:
        return
    elif known := library.touched(dotted):
        if known[0] not in ("unreadable", "writes", "deletes"):
            yield words(known[0], dotted)
    elif not packages.is_familiar(dotted):
        yield "unfamiliar", packages.package(dotted)


def connections(argument: ast.expr, call: Call) -> Iterator[Effect]:
    """Yield the network if an argument is a connection of the user's, which the called function may use."""
    if kept(call.of(argument), "yours"):
        for value in kept(call.of(argument), "typed"):
            lineage = call.program.known.lineage(str(value.content))
            if not type_tables.CONNECTIONS.isdisjoint(lineage) and type_tables.HOLDERS.isdisjoint(lineage):
                yield words("network", str(value.content))


def changed(call: Call) -> Iterator[Effect]:
    """Yield the user's objects that the call changes in place."""
    for node in _changed(call):
        for name in sorted(call.program.yours(node, call.scope)):
            yield "changes name", f"your {name}"
    if isinstance(call.node.func, ast.Call):  # of getattr
        for name in sorted(changing(call.node.func, call.scope, call.program)):
            yield "changes name", f"your {name}"


def _changed(call: Call) -> Iterator[ast.expr]:
    """Yield the object of the method, or the arguments, that the call changes."""
    yield from (keyword.value for keyword in call.node.keywords if keyword.arg == "out")
    if isinstance(call.node.func, ast.Attribute):
        if call.may_be_true("inplace") or call.node.func.attr in ("__setitem__", "__delitem__"):
            yield call.node.func.value
    if "numpy.nan_to_num" in call.names and "copy" in {word.arg for word in call.node.keywords}:
        yield call.first()
    for dotted in call.names or [call.method]:
        owner, _, method = dotted.rpartition(".")
        position = type_tables.CHANGED_ARGUMENT.get(dotted)
        if position is None and (method in _changing_methods(owner) or type_tables.CHANGES_ARGUMENT.match(dotted)):
            position = 0
        if position is not None and (argument := call.argument(position)):
            yield argument


def _changing_methods(owner: str) -> frozenset[str]:
    """Return the methods of a class that change their first argument if they are called on the class."""
    package, _, rest = owner.partition(".")
    if package in type_tables.PARTS_OF and rest[:1].isupper():
        return type_tables.PARTS_OF[package]
    return type_tables.CHANGES.get(owner, frozenset())


def augmented(node: ast.AugAssign, scope: Scope, program: Program) -> frozenset[str]:
    """Return the names of the user's objects that an augmented assignment to another name changes."""
    named = program.yours(node.target, scope) if isinstance(node.target, ast.Name) else frozenset[str]()
    return frozenset(name for name in named if _is_changed_in_place(name, program))


def _is_changed_in_place(name: str, program: Program) -> bool:
    entry = program.known.entries.get(name)
    if entry is None or entry.of != "object" or entry.bound:
        return False
    return not type_tables.IN_PLACE.isdisjoint(program.known.lineage(entry.dotted))


def changing(node: ast.expr, scope: Scope, program: Program) -> frozenset[str]:
    """Return the names of the user's objects that the method which `node` stands for changes."""
    if isinstance(node, ast.Attribute):
        named = program.yours(node.value, scope)
        if not named or (isinstance(node.value, ast.Attribute) and node.value.attr in type_tables.APART):
            return frozenset()
        types = [str(value.content) for value in kept(program.of(node.value, scope), "typed")]
        return frozenset(name for name in named if _changes(name, types, node.attr, program))
    values = program.of(node, scope)
    methods = [str(value.content).rpartition(".")[::2] for value in kept(values, "method")]
    named = frozenset(str(value.content) for value in kept(values, "yours"))
    return frozenset(name for name in named if any(_changes(name, [dotted], attr, program) for dotted, attr in methods))


def _changes(name: str, types: list[str], attr: str, program: Program) -> bool:
    """Return whether the method `attr` of an object of one of `types`, a part of the user's `name`, changes it."""
    entry = program.known.entries.get(name)
    if entry is None or entry.of != "object":
        return name in tables.SHELL_NAMES and attr in type_tables.CHANGING
    if not types:
        table = type_tables.PARTS_OF.get(entry.dotted.partition(".")[0])
        return attr in table if table is not None else _is_changing(attr)
    return any(_changes_type(dotted, attr, program) for dotted in types)


def _changes_type(dotted: str, attr: str, program: Program) -> bool:
    if program.before.method(dotted, attr):
        return False  # its source is read
    known = [type_tables.CHANGES[base] for base in program.known.lineage(dotted) if base in type_tables.CHANGES]
    return attr in frozenset[str]().union(*known) if known else _is_changing(attr)


def _is_changing(attr: str) -> bool:
    return attr in type_tables.CHANGING or type_tables.CHANGING_NAME.match(attr) is not None
