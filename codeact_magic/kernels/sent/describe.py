"""Describe names: their types, the libraries that they come from, and the source of the user's functions.

No code of the objects runs: only `type` and the parts of Python's own types are used. The time that it takes grows with
the names that are asked about, not with the data.

This file is also sent to kernels of their own, so it must do with the standard library.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import linecache
import re
import textwrap
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

USERS = "@"  # begins the dotted name of what the user has defined
MOST_SOURCES = 200  # functions and methods
LONGEST = 100_000  # characters of all sources
MOST_ITEMS = 50  # items of a list or dictionary that are looked at
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+]{1,15}://")
_WRAPPER = type(functools.lru_cache(len))
_DESCRIPTORS = (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType)


def described(space: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Describe `names` of the user's namespace `space`, and those that their functions use. Return that as JSON.

    Returns:
        names: {name: {"is": "module", "function", "class" or "object", "name": its dotted name, or that of its type}}.
            "bound": the method that it is of that object. "address": whether it holds a web address.
        types: {dotted name of a type: the dotted names of it and its bases}.
        sources: {dotted name of a user's function or method: its source}.
        unread: the user's functions that there was no room for.
    """
    description = _Description(space)
    description.look(names)
    return {
        "names": description.names,
        "types": description.types,
        "sources": description.sources,
        "unread": sorted(description.unread),
    }


class _Description:
    """Collects the descriptions of names."""

    def __init__(self, space: Mapping[str, Any]) -> None:
        self._space = space
        self._left = LONGEST
        self._waiting: deque[str] = deque()
        self._dotted: dict[types.CodeType, str] = {}
        self.names: dict[str, dict[str, Any]] = {}
        self.types: dict[str, list[str]] = {}
        self.sources: dict[str, str] = {}
        self.unread: set[str] = set()

    def look(self, names: Iterable[str]) -> None:
        """Describe those of `names` that are names of the namespace, and then those that their functions use."""
        self._waiting.extend(names)
        while self._waiting:
            name = self._waiting.popleft()
            if name in self._space and name not in self.names:
                self.names[name] = self._entry(self._space[name], name)

    def _entry(self, value: Any, name: str = "") -> dict[str, Any]:
        kind = type(value)
        if issubclass(kind, types.ModuleType):
            return {"is": "module", "name": str(object.__getattribute__(value, "__dict__").get("__name__"))}
        if kind is functools.partial:
            entry = self._entry(value.func)
            return entry | {"address": any(map(_is_address, value.args))}
        if kind is _WRAPPER:
            return self._entry(object.__getattribute__(value, "__dict__").get("__wrapped__"))
        if kind is types.MethodType:
            function = value.__func__  # may be any object that can be called
            known = type(function) is types.FunctionType
            return self._bound(value.__self__, function.__name__) if known else self._entry(function)
        if kind is types.BuiltinFunctionType:
            return self._builtin(value)
        if kind in _DESCRIPTORS:
            return {"is": "function", "name": f"{self._class(value.__objclass__)}.{value.__name__}"}
        if kind is types.FunctionType:
            return {"is": "function", "name": self._function(value, name=name)}
        if issubclass(kind, type):
            return {"is": "class", "name": self._class(value)}
        return {"is": "object", "name": self._class(kind), "address": _holds_address(value)}

    def _bound(self, owner: Any, method: str) -> dict[str, Any]:
        """Describe a bound method."""
        if issubclass(type(owner), type):
            return {"is": "function", "name": f"{self._class(owner)}.{method}"}
        return {"is": "object", "name": self._class(type(owner)), "bound": method}

    def _builtin(self, value: Any) -> dict[str, Any]:
        owner = value.__self__
        if owner is None or type(owner) is types.ModuleType:
            return {"is": "function", "name": f"{value.__module__ or 'builtins'}.{value.__name__}"}
        return self._bound(owner, value.__name__)

    def _function(self, function: types.FunctionType, owner: str = "", name: str = "") -> str:
        """Return the dotted name of a function. Keep its source, and describe its names, if it is the user's.

        `owner` is the class that it is a method of; `name` is what a lambda is called by.
        """
        code = function.__code__
        if function.__globals__ is not self._space:
            return f"{function.__module__}.{function.__qualname__}"
        if code not in self._dotted:
            own = name if code.co_name == "<lambda>" and name else code.co_name
            dotted = f"{owner}.{own}" if owner else USERS + own
            while dotted in self._dotted.values():
                dotted += "_"
            self._dotted[code] = dotted
            self._keep(dotted, code)
            for free, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
                self._cell(free, cell)
        return self._dotted[code]

    def _cell(self, name: str, cell: types.CellType) -> None:
        """Describe a function that another one holds on to, such as the one that a decorator has wrapped."""
        try:
            held = cell.cell_contents
        except ValueError:  # not filled yet
            return
        if type(held) is types.FunctionType and name not in self.names:
            self.names[name] = self._entry(held, name)

    def _keep(self, dotted: str, code: types.CodeType) -> None:
        """Keep the source of a function, and describe the names that it uses."""
        source = _source(code)
        if len(source) > self._left or len(self.sources) >= MOST_SOURCES:
            self.unread.add(dotted)
            return
        self._left -= len(source)
        self.sources[dotted] = source
        self._waiting.extend(_names(code))

    def _class(self, kind: type) -> str:
        """Return the dotted name of a class; keep its bases, and the sources of its methods if it is the user's."""
        dotted = _dotted(kind)
        if dotted not in self.types:
            bases = type.__dict__["__mro__"].__get__(kind)
            self.types[dotted] = [_dotted(base) for base in bases[:20]]
            for base in bases[:20]:
                if _dotted(base).startswith(USERS):
                    self._methods(base)
        return dotted

    def _methods(self, kind: type) -> None:
        self._class(kind)
        for value in list(type.__dict__["__dict__"].__get__(kind).values()):
            if type(value) in (staticmethod, classmethod):
                value = value.__func__
            elif type(value) is property:
                value = value.fget
            elif type(value) is functools.cached_property:
                value = value.func
            if type(value) is types.FunctionType:
                self._function(value, _dotted(kind))


def _dotted(kind: type) -> str:
    """Return the dotted name of a class."""
    module = type.__dict__["__module__"].__get__(kind)
    name = type.__dict__["__qualname__"].__get__(kind)
    if module == "__main__":
        return USERS + str(name).rpartition(".")[2]
    return f"{module}.{name}" if type(module) is str else f"{name}"


def _source(code: types.CodeType) -> str:
    """Return the source of a function as it ran, "" if it is not known."""
    entry = linecache.cache.get(code.co_filename)
    if entry is None or len(entry) < 4:
        return ""
    lines = entry[2][code.co_firstlineno - 1 :]
    try:
        return textwrap.dedent("".join(inspect.getblock(lines)))
    except Exception:  # lines that are not those of the function any more
        return ""


def _names(code: types.CodeType) -> Iterator[str]:
    """Yield the names that a function and the functions in it use; attributes are among them."""
    yield from code.co_names
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            yield from _names(constant)


def _holds_address(value: Any) -> bool:
    """Return whether a string is a web address, or one of the first strings in a list or dictionary is."""
    kind = type(value)
    if kind is dict:
        return any(map(_is_address, itertools.islice(value.values(), MOST_ITEMS)))
    if kind in (list, tuple):
        return any(map(_is_address, value[:MOST_ITEMS]))
    return _is_address(value)


def _is_address(value: Any) -> bool:
    return type(value) is str and _ADDRESS.match(value[:40].strip()) is not None
