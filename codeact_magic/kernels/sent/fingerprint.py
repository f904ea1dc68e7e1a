"""What the values of variables are known by, so that two kernels can be compared.

Its source is sent to the kernel, which has none of this package: the standard library and joblib are all it needs.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import types
from collections.abc import Collection, Mapping
from typing import Any

_DEEPEST = 20  # containers in containers that are looked into
_MOST = 1_000_000  # objects that are looked into; beyond that only the type is known
_PLAIN = frozenset({int, float, complex, bool, str, bytes, type(None)})
_PARTS = "__func__", "__self__", "func", "args", "keywords", "fget", "fset", "fdel"
_WRAPPERS = (types.MethodType, functools.partial, functools.cached_property, property, classmethod, staticmethod)
_SKIPPED = "__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__", "_abc_impl"


def fingerprints(namespace: dict[str, Any], names: Collection[str]) -> dict[str, list[str]]:
    """Return, by name, what the values of `names` are known by, and how: by "value", by "type", or "" for no value.

    Two values with one fingerprint are equal, but for those that are only known by their type: figures, open files,
    what cannot be pickled. A function is known by its code, its defaults, its attributes and what it encloses, an
    object of a class defined here by its attributes, all others by what pickling them tells: the cache of a function
    and what a class of a package leaves out are not seen. Which variables share objects is not compared.
    """
    import joblib

    return {name: _fingerprint(namespace[name], joblib.hash) if name in namespace else ["", ""] for name in names}


def _fingerprint(value: Any, hashed: Any) -> list[str]:
    if _is_drawn(value) or isinstance(value, types.GeneratorType):
        return ["type", _type(value)]
    try:
        return ["value", hashed(_Reader().normal(value, _DEEPEST))]
    except Exception:  # whatever pickling somebody's objects raises
        return ["type", _type(value)]


def _type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _is_drawn(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in ("matplotlib", "seaborn", "plotly", "bokeh", "altair")


class _Reader:
    """Reads one value, with all that it leads to."""

    def __init__(self) -> None:
        self._path: dict[int, int] = {}  # the objects that are being read, by their id, and how deep they lie
        self._known: dict[int, tuple[Any, Any]] = {}  # objects by their id, and how they read
        self._count = 0

    def normal(self, value: Any, depth: int) -> Any:
        """Return what `value` is compared by: not how a frame lies in memory, not where a function was defined."""
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
        """Return the attributes of an object."""
        slots = [vars(base).get("__slots__", ()) for base in type(value).__mro__]
        names = [name for some in slots for name in ([some] if isinstance(some, str) else some)]
        return getattr(value, "__dict__", {}) | {name: getattr(value, name) for name in names if hasattr(value, name)}

    def _of_packages(self, value: Any, depth: int) -> Any:
        package = type(value).__module__.partition(".")[0]
        if package == "pandas":
            return self._frame(value, depth)
        if package == "numpy" and type(value).__name__ == "MaskedArray":
            import numpy

            return "masked", numpy.array(value.data), numpy.ma.getmaskarray(value), value.fill_value
        return value

    def _frame(self, value: Any, depth: int) -> Any:
        """Return a frame, series or index as columns: how pandas puts them together is left out."""
        import numpy

        kind = type(value).__name__
        if kind == "DataFrame":
            columns = [numpy.ascontiguousarray(value.iloc[:, place].to_numpy()) for place in range(value.shape[1])]
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
        """Return what is kept with a frame beside its data."""
        return self.normal(value.attrs, depth), value.flags.allows_duplicate_labels


def _code(code: types.CodeType) -> Any:
    inner = [_code(item) if isinstance(item, types.CodeType) else item for item in code.co_consts]
    return code.co_code, inner, code.co_names, code.co_varnames


def _content(cell: types.CellType) -> Any:
    try:
        return [cell.cell_contents]
    except ValueError:  # it has no value yet, or none any more
        return []


def _dtype(dtype: Any) -> Any:
    """Return what a dtype is known by: that of categories is not known by its name."""
    if hasattr(dtype, "categories") and hasattr(dtype, "ordered"):
        return "category", list(dtype.categories), str(dtype.categories.dtype), dtype.ordered
    return str(dtype)
