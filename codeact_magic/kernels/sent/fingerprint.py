"""Fingerprints of variables, to compare the variables of two kernels.

The source of this file is sent to the kernel, so it may use only the standard library and joblib.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import types
from collections.abc import Collection, Mapping
from typing import Any

_DEEPEST = 20  # the deepest nesting of containers that is read
_MOST = 1_000_000  # the most objects that are read; beyond that only the type is compared
_PLAIN = frozenset({int, float, complex, bool, str, bytes, type(None)})
_PARTS = "__func__", "__self__", "func", "args", "keywords", "fget", "fset", "fdel"
_WRAPPERS = (types.MethodType, functools.partial, functools.cached_property, property, classmethod, staticmethod)
_SKIPPED = "__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__", "_abc_impl"


def fingerprints(namespace: dict[str, Any], names: Collection[str]) -> dict[str, list[str]]:
    """Return, for each of `names`, a pair: how much its fingerprint covers, and the fingerprint.

    It covers the "value", or only the "type"; "" stands for a name without a value. Values with equal fingerprints are
    equal, unless only their type is covered: figures, open files, and objects that cannot be pickled.

    Functions are compared by code, defaults, attributes and closure; objects of classes that the session defines, by
    attributes; all others, by their pickle. So the cache of a function and state that a class does not pickle are
    ignored. Whether two variables share objects is not compared.
    """
    import joblib

    found = {}
    for name in names:
        found[name] = _fingerprint(namespace[name], joblib.hash) if name in namespace else ["", ""]
    return found


def _fingerprint(value: Any, hashed: Any) -> list[str]:
    if _is_drawn(value) or isinstance(value, types.GeneratorType):
        return ["type", _type(value)]
    try:
        return ["value", hashed(_Reader().normal(value, _DEEPEST))]
    except Exception:  # pickling can raise anything
        return ["type", _type(value)]


def _type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _is_drawn(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in ("matplotlib", "seaborn", "plotly", "bokeh", "altair")


class _Reader:
    """Reads one value, with everything that it refers to."""

    def __init__(self) -> None:
        self._path: dict[int, int] = {}  # the objects being read: id -> depth
        self._known: dict[int, tuple[Any, Any]] = {}  # the objects read: id -> the object, and its normal form
        self._count = 0

    def normal(self, value: Any, depth: int) -> Any:
        """Return the normal form of `value`, without memory layouts and the places where functions were defined."""
        if id(value) in self._path:
            return "again", self._path[id(value)]
        if id(value) in self._known:
            return self._known[id(value)][1]
        if type(value) in _PLAIN or depth <= 0:
            return value
        self._count += 1
        if self._count > _MOST:
            raise OverflowError
        self._path[id(value)] = depth
        try:
            found = self._read(value, depth - 1)
        finally:
            del self._path[id(value)]
        if type(value) is not tuple:
            self._known[id(value)] = value, found
        return found

    def _read(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in (list, tuple, collections.deque):
            return kind.__name__, [self.normal(item, depth) for item in value]
        if kind in (dict, collections.OrderedDict, collections.defaultdict, collections.Counter):
            made = self.normal(getattr(value, "default_factory", None), depth)
            return kind.__name__, made, self._pairs(value, depth)
        if isinstance(value, types.ModuleType):
            return "module", value.__name__
        if isinstance(value, types.FunctionType):
            return self._function(value, depth)
        if kind in _WRAPPERS:
            return kind.__name__, self.normal([getattr(value, name, None) for name in _PARTS], depth)
        if kind is functools._lru_cache_wrapper:
            return "cached", self.normal(value.__wrapped__, depth)
        if isinstance(value, type):
            return "class", value.__name__, self._members(value, depth)
        if _is_drawn(value):
            return "drawn", _type(value)
        if kind is types.MappingProxyType or kind is dataclasses.Field:
            held = value if kind is types.MappingProxyType else self._held(value)
            return kind.__name__, self._pairs(held, depth)
        if all(base.__module__ == "__main__" for base in kind.__mro__[:-1]):
            return "object", kind.__qualname__, self._pairs(self._held(value), depth)
        return self._of_packages(value, depth)

    def _pairs(self, value: Mapping[Any, Any], depth: int) -> list[Any]:
        return [(self.normal(key, depth), self.normal(item, depth)) for key, item in value.items()]

    def _function(self, value: types.FunctionType, depth: int) -> Any:
        known = ("function", value.__name__, _code(value.__code__))
        if value.__module__ != "__main__":
            return *known, value.__module__
        parts = value.__defaults__, value.__kwdefaults__, vars(value), list(map(_content, value.__closure__ or ()))
        return *known, self.normal(parts, depth)

    def _members(self, value: type, depth: int) -> Any:
        if value.__module__ != "__main__":
            return value.__module__
        members = {name: member for name, member in vars(value).items() if name not in _SKIPPED}
        return self.normal(value.__bases__, depth), self._pairs(members, depth)

    @staticmethod
    def _held(value: Any) -> dict[str, Any]:
        """Return the attributes of an object, those in slots included."""
        held = dict(getattr(value, "__dict__", {}))
        for base in type(value).__mro__:
            slots = vars(base).get("__slots__", ())
            names = [slots] if isinstance(slots, str) else slots
            held |= {name: getattr(value, name) for name in names if hasattr(value, name)}
        return held

    def _of_packages(self, value: Any, depth: int) -> Any:
        package = type(value).__module__.partition(".")[0]
        if package == "pandas":
            return self._frame(value, depth)
        if package == "numpy" and type(value).__name__ == "MaskedArray":
            import numpy

            return "masked", numpy.array(value.data), numpy.ma.getmaskarray(value), value.fill_value
        return value

    def _frame(self, value: Any, depth: int) -> Any:
        """Return a frame, series or index as columns, whatever blocks pandas stores them in."""
        import numpy

        kind = type(value).__name__
        if kind == "DataFrame":
            columns = [numpy.ascontiguousarray(value.iloc[:, index].to_numpy()) for index in range(value.shape[1])]
            axes = self._frame(value.columns, depth), self._frame(value.index, depth)
            return kind, *axes, list(map(_dtype, value.dtypes)), columns, self._marks(value, depth)
        if kind == "Series":
            values = numpy.ascontiguousarray(value.to_numpy())
            axis = self._frame(value.index, depth)
            return kind, value.name, _dtype(value.dtype), axis, values, self._marks(value, depth)
        if kind.endswith("Index"):
            levels = [_dtype(level.dtype) for level in getattr(value, "levels", ())]
            dtype = _dtype(value.dtype), levels, str(getattr(value, "freqstr", ""))
            return kind, list(value.names), dtype, numpy.ascontiguousarray(value.to_numpy())
        return value

    def _marks(self, value: Any, depth: int) -> Any:
        """Return the attributes and flags of a frame."""
        return self.normal(value.attrs, depth), value.flags.allows_duplicate_labels


def _code(code: types.CodeType) -> Any:
    inner = [_code(item) if isinstance(item, types.CodeType) else item for item in code.co_consts]
    return code.co_code, inner, code.co_names, code.co_varnames


def _content(cell: types.CellType) -> Any:
    try:
        return [cell.cell_contents]
    except ValueError:  # the variable is not assigned
        return []


def _dtype(dtype: Any) -> Any:
    """Return the normal form of a dtype. The name of a categorical one does not list its categories."""
    if hasattr(dtype, "categories") and hasattr(dtype, "ordered"):
        return "category", list(dtype.categories), str(dtype.categories.dtype), dtype.ordered
    return str(dtype)
