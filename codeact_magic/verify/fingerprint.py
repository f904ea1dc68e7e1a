"""What the values of variables are known by, so that two kernels can be compared.

Its source is sent to the kernel, which has none of this package: the standard library and joblib are all it needs.
"""

from __future__ import annotations

import types
from collections.abc import Collection
from typing import Any

_DEEPEST = 20  # containers in containers that are looked into


def fingerprints(namespace: dict[str, Any], names: Collection[str]) -> dict[str, list[str]]:
    """Return, by name, what the values of `names` are known by, and how: by "value", by "type", or "" for no value.

    Two values with one fingerprint are equal, but for those that are only known by their type: figures, open files,
    what cannot be pickled. A function is known by its code.
    """
    import joblib

    return {name: _fingerprint(namespace[name], joblib.hash) if name in namespace else ["", ""] for name in names}


def _fingerprint(value: Any, hashed: Any) -> list[str]:
    if _is_drawn(value) or isinstance(value, types.GeneratorType):
        return ["type", _type(value)]
    try:
        return ["value", hashed(_normal(value, _DEEPEST))]
    except Exception:  # whatever pickling somebody's objects raises
        return ["type", _type(value)]


def _type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _is_drawn(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in ("matplotlib", "seaborn", "plotly", "bokeh", "altair")


def _normal(value: Any, depth: int) -> Any:
    """Return what `value` is compared by: not how a frame lies in memory, not where a function was defined."""
    kind = type(value)
    if depth and kind in (list, tuple):
        return kind.__name__, [_normal(item, depth - 1) for item in value]
    if depth and kind is dict:
        return "dict", [(_normal(key, depth - 1), _normal(item, depth - 1)) for key, item in value.items()]
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if isinstance(value, types.FunctionType):
        return "function", value.__name__, _code(value.__code__), _normal(value.__defaults__, depth - 1)
    if isinstance(value, type):
        return "class", value.__name__, _members(value, depth)
    if _is_drawn(value):
        return "drawn", _type(value)
    if kind.__module__.partition(".")[0] == "pandas":
        return _frame(value)
    return value


def _code(code: types.CodeType) -> Any:
    inner = [_code(item) if isinstance(item, types.CodeType) else item for item in code.co_consts]
    return code.co_code, inner, code.co_names, code.co_varnames


def _members(value: type, depth: int) -> Any:
    if value.__module__ != "__main__":
        return value.__module__
    skipped = ("__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__")
    members = ((name, member) for name, member in vars(value).items() if name not in skipped)
    return [(name, _normal(member, depth - 1) if depth else "") for name, member in members]


def _frame(value: Any) -> Any:
    """Return a frame, series or index as columns: how pandas puts them together is left out."""
    import numpy

    kind = type(value).__name__
    if kind == "DataFrame":
        columns = [numpy.ascontiguousarray(value.iloc[:, place].to_numpy()) for place in range(value.shape[1])]
        return kind, _frame(value.columns), _frame(value.index), list(map(str, value.dtypes)), columns
    if kind == "Series":
        return kind, value.name, str(value.dtype), _frame(value.index), numpy.ascontiguousarray(value.to_numpy())
    if kind.endswith("Index"):
        return kind, list(value.names), str(getattr(value, "dtype", "")), numpy.ascontiguousarray(value.to_numpy())
    return value
