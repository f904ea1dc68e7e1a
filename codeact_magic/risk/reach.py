"""Which of the user's definitions code may call: by their names, as methods, and by Python's own protocols."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .namespace import USERS
from .prelude import place
from .program import Program
from .scopes import Scope

_SHOWS = ("__str__", "__repr__", "__format__", "__len__")
_WALKS = ("__iter__", "__next__", "__aiter__", "__anext__", "__len__", "__getitem__")
_ITEMS = ("__getitem__", "__setitem__", "__delitem__", "__missing__")
_ENTERS = ("__enter__", "__exit__", "__aenter__", "__aexit__")
_MAKES = ("__new__", "__init__", "__post_init__", "__del__", "__init_subclass__")
_READS = ("__getattr__", "__getattribute__")
_ALL = ""  # any method between double underscores but those of `_MAKES`
_DISPLAYS = ("_repr_html_", "_repr_markdown_", "_repr_mimebundle_", "_repr_svg_", "_ipython_display_", "__repr__")
_HARMLESS = frozenset({"isinstance", "type", "id", "callable", "issubclass", "hasattr", "help", "vars", "dir"})
_LOOKING = _HARMLESS - {"type", "vars"} | {"signature", "getsource", "getdoc"}


def reached(program: Program) -> dict[int, int]:
    """Return the numbers of the definitions that the code may call, each with the line of the code that calls it."""
    if not program.prelude.names:
        return {}
    calls: dict[int, list[tuple[int, int]]] = {}  # from each definition: what it calls, and the line
    only_looked_at = {id(part) for node, _ in program.scopes.nodes for part in _looked_at(node)}
    for node, scope in program.scopes.nodes:
        line = getattr(node, "lineno", 0)
        if not line or id(node) in only_looked_at:
            continue
        for called in _called(node, scope, program):
            calls.setdefault(place(line), []).append((place(called), line))
    for expression in _shown(program):
        for called in _methods(expression, program.scopes.nodes[0][1], program, _DISPLAYS):
            calls.setdefault(-1, []).append((place(called), expression.lineno))
    found: dict[int, int] = {}
    waiting = list(calls.get(-1, ()))
    while waiting:
        number, line = waiting.pop(0)
        if number < 0 or number in found:
            continue
        found[number] = line
        waiting += [(inner, line) for inner, _ in calls.get(number, ())]
    return found


def _looked_at(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the objects that `node` looks at without calling them."""
    match node:
        case ast.Attribute(attr="__name__" | "__doc__" | "__module__" | "__qualname__"):
            yield node.value
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _LOOKING:
            yield from node.args


def _shown(program: Program) -> Iterator[ast.expr]:
    """Yield the expression at the end of the code: its value is shown."""
    if program.body and isinstance(program.body[-1], ast.Expr):
        yield program.body[-1].value


def _called(node: ast.AST, scope: Scope, program: Program) -> Iterator[int]:
    """Yield the first lines of the definitions that `node` itself may call."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Call) and isinstance(getattr(node, "ctx", _LOAD), ast.Load):
        for value in program.of(node, scope):
            if value.kind == "function" and value.content.lineno < 0:
                yield value.content.lineno
            elif value.kind == "name" and str(value.content).startswith(USERS):
                yield from _named(value.content, program, _MAKES)
    for expression, methods in _implied(node):
        yield from _methods(expression, scope, program, methods)


_LOAD = ast.Load()


def _implied(node: ast.AST) -> Iterator[tuple[ast.expr, tuple[str, ...] | str]]:
    """Yield the objects whose methods `node` calls without naming them, with these methods."""
    match node:
        case ast.Attribute():
            yield node.value, _READS
        case ast.Subscript():
            yield node.value, _ITEMS
        case ast.BinOp():
            yield node.left, _ALL
            yield node.right, _ALL
        case ast.AugAssign():
            yield node.target, _ALL
            yield node.value, _ALL
        case ast.UnaryOp():
            yield node.operand, _ALL
        case ast.Compare():
            for part in (node.left, *node.comparators):
                yield part, _ALL
        case ast.For() | ast.AsyncFor():
            yield node.iter, _WALKS
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for generator in node.generators:
                yield generator.iter, _WALKS
        case ast.Assign(targets=[ast.Tuple() | ast.List(), *_]):
            yield node.value, _WALKS
        case ast.Starred() | ast.YieldFrom():
            yield node.value, _WALKS
        case ast.Await():
            yield node.value, ("__await__",)
        case ast.FormattedValue():
            yield node.value, _SHOWS
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                yield item.context_expr, _ENTERS
        case ast.Call(func=ast.Name(id=name)) if name in _HARMLESS:
            pass
        case ast.Call():
            yield node.func, ("__call__",)
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield argument, _ALL
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            yield node.test, ("__bool__", "__len__")


def _methods(node: ast.AST, scope: Scope, program: Program, methods: tuple[str, ...] | str) -> Iterator[int]:
    """Yield the first lines of those `methods` of the objects of the user's classes that `node` may be."""
    for value in program.of(node, scope):
        if value.kind == "typed":
            yield from _named(value.content, program, methods)


def _named(dotted: str, program: Program, methods: tuple[str, ...] | str) -> Iterator[int]:
    owners = [owner for owner in program.known.lineage(dotted) if owner.startswith(USERS)]
    if not owners:
        return
    for (owner, name), function in program.prelude.functions.items():
        is_meant = name in methods if methods else name.startswith("__") and name not in _MAKES
        if owner in owners and is_meant:
            yield function.lineno  # type: ignore[attr-defined]  # it is a function
