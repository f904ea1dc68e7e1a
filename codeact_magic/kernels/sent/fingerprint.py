"""Fingerprints of variables, to compare the variables of two kernels.

The source of this file is sent to the kernel, so it may use only the standard library and joblib.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import types
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_DEEPEST = 20  # the deepest nesting of containers that is read
_MOST = 1_000_000  # the most objects that are read; beyond that only the type is compared
_PLAIN = (int, float, complex, bool, str, bytes, type(None))
_PARTS = "__func__", "__self__", "func", "args", "keywords", "fget", "fset", "fdel"
_WRAPPERS = (types.MethodType, functools.partial, functools.cached_property, property, classmethod, staticmethod)
# Read from `type` itself: a metaclass may answer for its types.
_NAME, _QUALIFIED, _MODULE, _BASES, _ORDER, _MEMBERS = (
    type.__dict__[name] for name in ("__name__", "__qualname__", "__module__", "__bases__", "__mro__", "__dict__")
)
_MODULE_MEMBERS: Any = vars(types.ModuleType)["__dict__"]
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
    if _is_drawn(value) or issubclass(type(value), types.GeneratorType):
        return ["type", _type(value)]
    try:
        return ["value", hashed(_Reader().normal(value, _DEEPEST))]
    except Exception:  # pickling can raise anything
        return ["type", _type(value)]


def _type(value: Any) -> str:
    return f"{_MODULE.__get__(type(value))}.{_QUALIFIED.__get__(type(value))}"


def _is_one_of(kind: type, kinds: Iterable[type]) -> bool:
    """Return whether `kind` is one of `kinds`; a metaclass may define how its types compare."""
    return any(kind is one for one in kinds)


def _defends_itself(kind: type) -> bool:
    """Return whether objects of a type stand for others, or compute their attributes: proxies, mocks."""
    return any(
        "__class__" in _MEMBERS.__get__(base)
        or type(_MEMBERS.__get__(base).get("__getattribute__")) is types.FunctionType
        for base in _ORDER.__get__(kind)[:-1]
    )


def _package(kind: type) -> str:
    return str(_MODULE.__get__(kind)).partition(".")[0]


def _is_drawn(value: Any) -> bool:
    return _package(type(value)) in ("matplotlib", "seaborn", "plotly", "bokeh", "altair")


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
        if _defends_itself(type(value)):
            raise TypeError("it cannot be looked at without running its code")
        if _is_one_of(type(value), _PLAIN) or depth <= 0:
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
        if _is_one_of(kind, (list, tuple, collections.deque)):
            return kind.__name__, [self.normal(item, depth) for item in value]
        if _is_one_of(kind, (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)):
            made = self.normal(getattr(value, "default_factory", None), depth)
            return kind.__name__, made, self._pairs(value, depth)
        if issubclass(kind, types.ModuleType):
            return "module", _MODULE_MEMBERS.__get__(value).get("__name__")  # a lazy module loads itself when asked
        if kind is types.FunctionType:
            return self._function(value, depth)
        if _is_one_of(kind, _WRAPPERS):
            return kind.__name__, self.normal([getattr(value, name, None) for name in _PARTS], depth)
        if kind is functools._lru_cache_wrapper:
            return "cached", self.normal(value.__wrapped__, depth)
        if issubclass(kind, type):
            return "class", _NAME.__get__(value), self._members(value, depth)
        if _is_drawn(value):
            return "drawn", _type(value)
        if kind is types.MappingProxyType or kind is dataclasses.Field:
            held = value if kind is types.MappingProxyType else self._held(value)
            return kind.__name__, self._pairs(held, depth)
        if all(_MODULE.__get__(base) == "__main__" for base in _ORDER.__get__(kind)[:-1]):
            return "object", _QUALIFIED.__get__(kind), self._pairs(self._held(value), depth)
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
        if (module := _MODULE.__get__(value)) != "__main__":
            return module
        members = {name: member for name, member in _MEMBERS.__get__(value).items() if name not in _SKIPPED}
        return self.normal(_BASES.__get__(value), depth), self._pairs(members, depth)

    @staticmethod
    def _held(value: Any) -> dict[str, Any]:
        """Return the attributes of an object, those in slots included."""
        held: dict[str, Any] = {}
        for base in _ORDER.__get__(type(value)):
            for name, member in _MEMBERS.__get__(base).items():
                if name == "__dict__" and type(member) is types.GetSetDescriptorType:
                    held |= member.__get__(value)
                elif type(member) is types.MemberDescriptorType:
                    with contextlib.suppress(AttributeError):  # nothing is stored in that slot
                        held[name] = member.__get__(value)
        return held

    def _of_packages(self, value: Any, depth: int) -> Any:
        package = _package(type(value))
        if package == "pandas":
            return self._frame(value, depth)
        if package == "numpy" and _NAME.__get__(type(value)) == "MaskedArray":
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
