"""Whether an action made a value, or had it from a variable that was there before.

The user's own data are told only if the code shows them, so what cannot be told apart counts as the user's own.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from .kinds import is_one_of

_COPIES = frozenset(
    "copy get head item items keys pop popitem popleft sample setdefault tail tolist to_dict to_list to_numpy "
    "values __getitem__".split()
)
_COPYING = frozenset("copy deepcopy dict frozenset iter list next reversed set sorted tuple".split())
_LITERAL = (int, float, complex, str, bytes)
_FREE = (bool, type(None), type(...))  # say next to nothing


class Origins:
    """Tells what `code` made from what was there before; `before` maps the names of then to the ids of their values."""

    def __init__(self, before: Mapping[str, int], code: str) -> None:
        self._before = before
        self._old = set(before.values())
        tree = _parsed(code)
        self._constants = {(type(node.value), node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        self._mentioned = {before[name] for name in _loaded(tree) if name in before}
        self._borrowed = set(_borrowed(tree, before))

    def is_new(self, namespace: dict[str, Any], name: str) -> bool:
        """Return whether the code has bound `name` to an object that nothing else refers to."""
        value = namespace[name]
        if self._before.get(name) == id(value):
            return False
        if self._is_constant(value):
            return True
        if name in self._borrowed or not self.is_shown(value):
            return False
        if _is_shared(value):
            return True
        del value
        return _references(namespace, name) <= _ALONE

    def is_shown(self, value: object) -> bool:
        """Return whether a value, or a part of one, is none that was there before."""
        if is_one_of(type(value), _FREE) or id(value) not in self._old:
            return True
        if _is_shared(value) and id(value) not in self._mentioned:
            return True
        return self._is_constant(value)

    def _is_constant(self, value: object) -> bool:
        """Return whether the value stands in the code itself."""
        return is_one_of(type(value), _LITERAL) and (type(value), value) in self._constants


def _is_shared(value: object) -> bool:
    """Return whether Python has only one object of that value, so that its identity means nothing."""
    kind = type(value)
    if kind is int:
        return -5 <= value <= 256  # type: ignore[operator]
    if is_one_of(kind, (str, bytes)):
        return len(value) <= 1  # type: ignore[arg-type]
    if kind is tuple:
        return not value
    return is_one_of(kind, _FREE)


def _references(namespace: dict[str, Any], name: str) -> int:
    return sys.getrefcount(namespace[name])


_ALONE = _references({"probe": object()}, "probe")


def _parsed(code: str) -> ast.AST:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _loaded(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


def _borrowed(tree: ast.AST, before: Mapping[str, int]) -> Iterator[str]:
    """Yield the names that `tree` binds to what it only reads from variables of before."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value) if _reads(value, before):
                for target in targets:
                    yield from _stored(target)
            case ast.AnnAssign(target=target, value=ast.expr() as value) if _reads(value, before):
                yield from _stored(target)
            case ast.NamedExpr(target=target, value=value) if _reads(value, before):
                yield from _stored(target)
            case ast.For(target=target, iter=values) | ast.AsyncFor(target=target, iter=values):
                if any(name in before for name in _loaded(values)):
                    yield from _stored(target)


def _stored(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _reads(value: ast.expr, before: Mapping[str, int]) -> bool:
    """Return whether an expression only reads, or copies, from a variable of before."""
    match value:
        case ast.Name(id=name):
            return name in before
        case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
            return _reads(inner, before)
        case ast.NamedExpr(value=inner) | ast.Await(value=inner):
            return _reads(inner, before)
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _COPIES and _reads(inner, before):
            return True
        case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function), args=[first, *_]):
            return function in _COPYING and _reads(first, before)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts):
            return any(_reads(part, before) for part in parts)
        case ast.IfExp(body=body, orelse=other):
            return _reads(body, before) or _reads(other, before)
        case _:
            return False
