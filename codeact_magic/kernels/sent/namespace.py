"""An outline of the user's variables: names, types, shapes, columns and signatures; never values.

A value in the namespace may be huge, lazy, or hostile. So this module goes by a value's real type, reads attributes
only of the types of known libraries, computes and iterates over nothing that is not already there, and never raises.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from ...text import one_line

HEADING = "Variables in the notebook:\n"  # how a summary begins
MOST_COLUMNS = 60
LONGEST_LINE = 1_500  # characters of one variable's outline

_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type(functools.cache(len)))
_CONTAINERS = (dict, list, tuple, set, frozenset)
_TABULAR = frozenset(
    "pandas geopandas polars pyarrow numpy scipy xarray dask torch tensorflow jax jaxlib cudf cupy modin h5py".split()
)


def summary(namespace: Mapping[str, object], limit: int = 4000) -> str:
    """Return an outline of the user's variables, in at most about `limit` characters: the newest if not all fit."""
    lines: list[str] = []
    room = limit
    for name, value in reversed(list(namespace.items())):
        line = one_line(f"{name}: {describe(value)}", min(LONGEST_LINE, limit // 2))
        room -= len(line) + 1
        if room < 0:
            lines.append(f"... and {len(namespace) - len(lines)} more")
            break
        lines.append(line)
    return HEADING + "\n".join(reversed(lines)) if lines else ""


def describe(value: object) -> str:
    """Return a description of the type of `value`, without any of its data. Never raises."""
    kind = type(value)
    try:
        return _described(value, kind)
    except (Exception, SystemExit):  # a property or a repr may raise anything
        return _name(kind)


def _described(value: Any, kind: type) -> str:
    if issubclass(kind, type):
        return f"class {_name(value)}{_signature(value)}{_first_line(value)}"
    if issubclass(kind, _FUNCTIONS):
        awaited = "async " if inspect.iscoroutinefunction(value) else ""
        return f"{awaited}function {value.__name__}{_signature(value)}{_first_line(value)}"
    base = next((base for base in _CONTAINERS if issubclass(kind, base)), None)
    if base:
        return _container(value, kind, base)
    if issubclass(kind, str | bytes | bytearray):
        return f"{_name(kind)} of length {len(value)}"
    known = any(base.__module__.partition(".")[0] in _TABULAR for base in kind.__mro__)
    return _tabular(value, kind) if known else _name(kind)


_NAME = type.__dict__["__name__"]


def _name(kind: type) -> str:
    return one_line(_NAME.__get__(kind), 60)  # a metaclass may return anything as __name__


# -- containers --------------------------------------------------------------------------------------------------------


def _container(value: Any, kind: type, base: Any) -> str:
    """Describe a container with the methods of its built-in `base`: its own methods may do anything."""
    values = base.values(value) if base is dict else base.__iter__(value)
    kinds = dict.fromkeys(_name(type(item)) for item in islice(values, 50))
    keys = _record_keys(list(islice(base.__iter__(value), 5))) if base in (list, tuple) else ""
    return f"{_name(kind)} of {base.__len__(value)} {'/'.join(islice(kinds, 6))}{keys}".rstrip()


def _record_keys(records: list[Any]) -> str:
    """Return the keys that the first records of a list share, like the columns of a table."""
    if len(records) < 2 or not all(type(record) is dict and record.keys() == records[0].keys() for record in records):
        return ""
    keys = [one_line(key, 40) for key in islice(records[0], 40) if type(key) is str]
    return f" with keys {', '.join(keys)}" if keys else ""


# -- tables and arrays -------------------------------------------------------------------------------------------------


def _tabular(value: Any, kind: type) -> str:
    """Describe a table or an array. Attributes of the instance that its type lacks are not read: they may be data."""
    if hasattr(kind, "shape") and hasattr(kind, "column_names"):  # pyarrow
        return _table(kind, value.shape[0], value.column_names, value.schema.types)
    if hasattr(kind, "shape") and hasattr(kind, "columns"):
        return _table(kind, value.shape[0], value.columns, value.dtypes if hasattr(kind, "dtypes") else ())
    shape = tuple(value.shape) if hasattr(kind, "shape") and hasattr(kind, "dtype") else ()
    return f"{_name(kind)} of {_dtype(value.dtype)}, shape {shape}" if shape else _name(kind)


def _table(kind: type, rows: Any, columns: Any, dtypes: Iterable[Any]) -> str:
    labels = [one_line(repr(column), 60) for column in islice(columns, MOST_COLUMNS)]
    kinds = [f" ({_dtype(dtype)})" for dtype in islice(dtypes, MOST_COLUMNS)] or [""] * len(labels)
    named = ", ".join(f"{label}{dtype}" for label, dtype in zip(labels, kinds, strict=False))
    more = f", ... {len(columns)} in all" if len(columns) > MOST_COLUMNS else ""
    counted = f"{rows} rows, " if isinstance(rows, int) else ""  # a lazy table does not know its length
    return f"{_name(kind)} with {counted}columns {named}{more}"


def _dtype(dtype: Any) -> str:
    return one_line(str(dtype).partition("(categories=")[0], 60)  # categories are values


# -- functions and classes ---------------------------------------------------------------------------------------------


class _Hidden:
    def __repr__(self) -> str:
        return "..."


_NO_SIGNATURE = inspect.Signature()


def _signature(function: Any) -> str:
    try:
        if not isinstance(inspect.getattr_static(function, "__signature__", _NO_SIGNATURE), inspect.Signature):
            return "(...)"  # since Python 3.12 it may be a function that returns one; do not run such code
        signature = inspect.signature(function)
    except Exception:  # evaluating annotations may raise anything
        return "(...)"
    parameters = [
        parameter
        if parameter.default is parameter.empty or type(parameter.default) in (bool, int, float, type(None))
        else parameter.replace(default=_Hidden())
        for parameter in signature.parameters.values()
    ]
    return one_line(signature.replace(parameters=parameters), 300)


def _first_line(value: Any) -> str:
    """Return the first line of the docstring, except the signature that a dataclass generates: it has defaults."""
    text = (vars(value).get("__doc__") if isinstance(value, type) else value.__doc__) or ""
    line = text.strip().split("\n")[0]
    return f": {one_line(line, 160)}" if line and not line.startswith(f"{value.__name__}(") else ""
