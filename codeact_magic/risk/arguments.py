"""Which values the calls in code pass to the parameters of the functions that it defines."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Protocol

from . import tables
from .scopes import Function, Scope
from .values import Values, elements, held, kept, without

Passed = Iterator[tuple[Function, str, Values]]


class Evaluator(Protocol):
    """Knows the possible values of expressions."""

    classes: dict[str, ast.ClassDef]

    def of(self, node: ast.AST, scope: Scope) -> Values:
        """Return the possible values of `node` if it is evaluated in `scope`."""

    def any_of(self, nodes: Iterable[ast.expr], scope: Scope) -> Values:
        """Return the possible values of one of `nodes`."""


def passed(call: ast.Call, scope: Scope, program: Evaluator) -> Passed:
    """Yield the functions that `call` may call, each with a parameter and the values that this gets."""
    for value in program.of(call.func, scope):
        if value.kind == "function":
            yield from _by_call(value.content, call, scope, program)
        elif value.kind == "name" and value.content in tables.APPLYING:
            yield from _by_applying(call, scope, program)
    if isinstance(call.func, ast.Attribute) and call.func.attr == "pipe":
        yield from _by_piping(call, call.func.value, scope, program)
    if isinstance(call.func, ast.Name) and call.func.id in program.classes:
        for maker in _makers(program.classes[call.func.id]):
            yield from _by_position(maker, parameters(maker)[1:], call, scope, program)


def parameters(function: Function) -> list[str]:
    """Return the names of the parameters that can be passed by position."""
    return [parameter.arg for parameter in (*function.args.posonlyargs, *function.args.args)]


def _by_call(function: Function, call: ast.Call, scope: Scope, program: Evaluator) -> Passed:
    names = parameters(function)
    if names[:1] in (["self"], ["cls"]) and isinstance(call.func, ast.Attribute):
        receiver = program.of(call.func.value, scope)
        is_on_class = kept(receiver, "name") and not kept(receiver, "typed")
        if not is_on_class:
            yield function, names.pop(0), without(receiver, "text")
    yield from _by_position(function, names, call, scope, program)


def _by_position(function: Function, names: list[str], call: ast.Call, scope: Scope, program: Evaluator) -> Passed:
    """Yield the parameters with the values of their arguments; `names` are those that are passed by position."""
    for name, argument in zip(names, call.args, strict=False):
        yield function, name, program.of(argument, scope)
    if function.args.vararg:
        yield function, function.args.vararg.arg, held(program.any_of(call.args[len(names) :], scope))
    for keyword in call.keywords:
        yield function, keyword.arg or "", program.of(keyword.value, scope)
    if function.args.kwarg:
        values = program.any_of([keyword.value for keyword in call.keywords], scope)
        yield function, function.args.kwarg.arg, held(values)


def _by_applying(call: ast.Call, scope: Scope, program: Evaluator) -> Passed:
    """Yield the arguments of a function that `map` and its like call: elements of their other arguments."""
    others = program.any_of(call.args[1:], scope)
    for value in kept(program.any_of(call.args[:1], scope), "function"):
        for name in parameters(value.content):
            yield value.content, name, elements(others) | others


def _by_piping(call: ast.Call, receiver: ast.expr, scope: Scope, program: Evaluator) -> Passed:
    """Yield the first argument of a function in `frame.pipe(function)`: the frame."""
    for value in kept(program.any_of(call.args[:1], scope), "function"):
        for name in parameters(value.content)[:1]:
            yield value.content, name, program.of(receiver, scope)


def _makers(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """Return the methods that get the arguments if an object of a class is made."""
    return [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name in ("__init__", "__new__")]
