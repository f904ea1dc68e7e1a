"""Functions and classes as one line: their signatures, and the first lines of their docstrings.

Written from their code objects: `inspect.signature` asks the object, and shows annotations and defaults by their reprs.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator
from typing import Any

from ...text import one_line
from .kinds import MISSING, attributes_of, bases_of, defined, is_one_of, members_of, module_of, name_of

FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type(functools.cache(len)))
_DEEPEST = 20  # wrappers around a function that are looked through
_SHOWN_DEFAULTS = (bool, int, float, type(None))
_UNKNOWN = "(...)"


def function_outline(value: Any) -> str:
    """Return the outline of a function or a method."""
    function, is_bound = _unwrapped(value)
    if type(function) is types.BuiltinFunctionType:
        return f"function {function.__name__}{_of_builtin(function)}{_first_line(function.__doc__, '')}"
    if type(function) is not types.FunctionType:
        return "function"
    awaited = "async " if function.__code__.co_flags & inspect.CO_COROUTINE else ""
    name = one_line(function.__name__, 60)
    return f"{awaited}function {name}{_signature(function, is_bound)}{_first_line(function.__doc__, name)}"


def class_outline(value: type) -> str:
    """Return the outline of a class."""
    name = name_of(value)
    return f"class {name}{_of_class(value)}{_first_line(members_of(value).get('__doc__'), name)}"


def _unwrapped(value: Any) -> tuple[Any, bool]:
    """Return the function inside methods and caches, and whether its first argument is given already."""
    is_bound = False
    for _ in range(_DEEPEST):
        if type(value) is types.MethodType:
            value = value.__func__
            is_bound = True
        elif type(value) is FUNCTIONS[3] or (
            type(value) is types.FunctionType and is_one_of(type(attributes_of(value).get("__wrapped__")), FUNCTIONS)
        ):
            value = attributes_of(value).get("__wrapped__")
        else:
            break
    return value, is_bound


def _of_builtin(function: Any) -> str:
    try:
        return one_line(inspect.signature(function), 300)
    except (ValueError, TypeError):
        return _UNKNOWN


def _of_class(value: type) -> str:
    for owner, name in ((type(value), "__call__"), (value, "__init__"), (value, "__new__")):
        found = defined(owner, name)
        found = found.__func__ if type(found) is staticmethod else found
        if type(found) is types.FunctionType:
            return _signature(found, is_bound=True)
    is_plain = all(module_of(base) != "builtins" for base in bases_of(value)[:-1])
    return "()" if is_plain else _UNKNOWN


def _signature(function: types.FunctionType, is_bound: bool) -> str:
    if "__signature__" in attributes_of(function):
        return _UNKNOWN  # it may be anything
    parameters = list(_parameters(function))
    if is_bound and parameters and parameters[0].kind not in (inspect.Parameter.VAR_POSITIONAL, _KEYWORD):
        del parameters[0]
    answer = _annotation(function, "return")
    return one_line(inspect.Signature(parameters, return_annotation=answer), 300)


_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_EMPTY = inspect.Parameter.empty


class _Text:
    """Is shown as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _parameters(function: types.FunctionType) -> Iterator[inspect.Parameter]:
    code = function.__code__
    names = code.co_varnames
    count = code.co_argcount
    defaults: tuple[Any, ...] = function.__defaults__ or ()
    for place, name in enumerate(names[:count]):
        kind = inspect.Parameter.POSITIONAL_ONLY if place < code.co_posonlyargcount else _POSITIONAL
        given = place - count + len(defaults)
        yield _parameter(function, name, kind, defaults[given] if given >= 0 else _EMPTY)
    keywords = count + code.co_kwonlyargcount
    rest = iter(names[keywords:])
    if code.co_flags & inspect.CO_VARARGS:
        yield _parameter(function, next(rest), inspect.Parameter.VAR_POSITIONAL, _EMPTY)
    for name in names[count:keywords]:
        yield _parameter(function, name, _KEYWORD, (function.__kwdefaults__ or {}).get(name, _EMPTY))
    if code.co_flags & inspect.CO_VARKEYWORDS:
        yield _parameter(function, next(rest), inspect.Parameter.VAR_KEYWORD, _EMPTY)


_POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD


def _parameter(function: types.FunctionType, name: str, kind: Any, default: Any) -> inspect.Parameter:
    shown = default if default is _EMPTY or is_one_of(type(default), _SHOWN_DEFAULTS) else _Text("...")
    return inspect.Parameter(name, kind, default=shown, annotation=_annotation(function, name))


def _annotation(function: types.FunctionType, name: str) -> Any:
    annotations = function.__annotations__
    found = annotations.get(name, MISSING) if type(annotations) is dict else MISSING
    return _EMPTY if found is MISSING else _Text(_annotated(found))


def _annotated(value: Any, depth: int = 5) -> str:
    """Return an annotation as text; "..." stands for objects whose text only they know."""
    kind = type(value)
    if kind is str:
        return repr(value[:200])
    if value is None or value is type(None):
        return "None"
    if issubclass(kind, type):
        return name_of(value)
    parts = attributes_of(value)
    if is_one_of(kind, (types.GenericAlias, types.UnionType)):
        origin, parameters = getattr(value, "__origin__", None), value.__args__
    elif module_of(kind) == "typing":
        origin, parameters = parts.get("_name") or parts.get("__origin__"), parts.get("__args__", ())
    else:
        return "..."
    inner = [_annotated(part, depth - 1) if depth else "..." for part in parameters[:10]]
    if origin is None:
        return " | ".join(inner) or "..."
    named = origin if type(origin) is str else _annotated(origin, depth - 1) if depth else "..."
    return f"{named}[{', '.join(inner)}]" if inner else named


def _first_line(text: object, name: str) -> str:
    """Return the first line of a docstring, except the signature that a dataclass generates: it has defaults."""
    if type(text) is not str:
        return ""
    line = text[:10_000].strip().split("\n")[0]
    return f": {one_line(line, 160)}" if line and not (name and line.startswith(f"{name}(")) else ""
