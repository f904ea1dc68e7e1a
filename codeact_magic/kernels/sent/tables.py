"""Tables and arrays of known libraries: rows, columns, types and shapes, never data.

Reads only attributes that a library has at hand: none that computes, loads or asks a server, and none that a class of
the user's own defines.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ...text import one_line
from .kinds import MISSING, bases_of, defined, members_of, name_of, package_of
from .literals import label

MOST_COLUMNS = 60
_EAGER = frozenset(
    "pandas geopandas numpy scipy polars pyarrow xarray torch tensorflow jax jaxlib cudf cupy h5py".split()
)
_LAZY = frozenset("dask duckdb _duckdb".split())  # their columns are known, but counting rows computes
_KNOWN = _EAGER | _LAZY | {"builtins"}
_READ = frozenset(
    "__getattribute__ __getattr__ __len__ __torch_function__ shape dtype dtypes columns index axes _mgr _info_axis "
    "_constructor_sliced column_names schema type variable variables sizes dims _data _dims _variables".split()
)


def table_outline(value: Any) -> str:
    """Return an outline of a table or an array, "" if no library is known. May raise what it raises."""
    kind = type(value)
    package = _package(kind)
    if package in _LAZY:
        return _lazy(value, kind)
    if package == "xarray" and (found := _labelled(value, kind)):
        return found
    return _eager(value, kind) if package in _EAGER else ""


def _package(kind: type) -> str:
    """Return the known library that a type comes from, "" if there is none, or if a class of the user's interferes."""
    for base in bases_of(kind):
        if package_of(base) in _EAGER | _LAZY:
            return package_of(base)
        if not _READ.isdisjoint(members_of(base)):
            return ""
    return ""


def _is_known(value: object) -> bool:
    return package_of(type(value)) in _KNOWN


def _read(value: Any, name: str) -> Any:
    """Return an attribute as the class of the library computes it. Those of the instance may be data."""
    found = defined(type(value), name)
    getter = defined(type(found), "__get__")
    return found if getter is MISSING else getter(found, value, type(value))


def _has(kind: type, *names: str) -> bool:
    return all(defined(kind, name) is not MISSING for name in names)


def _eager(value: Any, kind: type) -> str:
    if _has(kind, "shape", "column_names"):  # pyarrow
        return _table(kind, _read(value, "shape")[0], _read(value, "column_names"), _read(value, "schema").types)
    if _has(kind, "shape", "columns"):
        columns = _read(value, "columns")
        if not (_is_known(columns) and (not _has(kind, "index") or _has_known_index(value))):
            return ""  # an index of the user's own counts as it likes
        return _table(kind, _read(value, "shape")[0], columns, _read(value, "dtypes") if _has(kind, "dtypes") else ())
    if _has(kind, "shape", "dtype"):
        dtype = _read(value, "dtype")
        shape = tuple(_read(value, "shape")) if _is_known(dtype) else ()
        return _array(kind, dtype, shape) if shape else ""
    if package_of(kind) == "pyarrow" and _has(kind, "type", "__len__"):
        return _array(kind, _read(value, "type"), (len(value),))
    return ""


def _has_known_index(value: Any) -> bool:
    index = _read(value, "index")
    return _is_known(index) and _is_known(getattr(index, "_data", None))


def _lazy(value: Any, kind: type) -> str:
    if _has(kind, "columns", "dtypes"):
        return _table(kind, None, _read(value, "columns"), _read(value, "dtypes"))
    return _eager(value, kind) if _has(kind, "shape", "dtype") else ""


def _labelled(value: Any, kind: type) -> str:
    """Return the outline of a dataset or an array of xarray, "" for its other objects."""
    if _has(kind, "sizes", "data_vars"):
        variables = _read(value, "variables")
        sizes = ", ".join(f"{label(name, 60)}: {size}" for name, size in islice(_read(value, "sizes").items(), 20))
        listed = [f"{label(name, 60)} ({_of_variable(one)})" for name, one in islice(variables.items(), MOST_COLUMNS)]
        more = f", ... {len(variables)} in all" if len(variables) > MOST_COLUMNS else ""
        return f"{name_of(kind)} with sizes {sizes}, variables {', '.join(listed)}{more}"
    if _has(kind, "variable") and not _is_known(_stored(_read(value, "variable"))):
        return name_of(kind)
    return ""


def _of_variable(variable: Any) -> str:
    data = _stored(variable)
    return dtype_text(variable.dtype) if _is_known(data) else name_of(type(data))


def _stored(variable: Any) -> object:
    return getattr(variable, "_data", None)


def _array(kind: type, dtype: Any, shape: tuple[Any, ...]) -> str:
    sizes = [str(size) if type(size) is int else "?" for size in shape]
    return f"{name_of(kind)} of {dtype_text(dtype)}, shape ({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _table(kind: type, rows: Any, columns: Any, dtypes: Iterable[Any]) -> str:
    labels = [label(column, 60) for column in columns[:MOST_COLUMNS]]
    kinds = [f" ({dtype_text(dtype)})" for dtype in islice(dtypes, MOST_COLUMNS)] or [""] * len(labels)
    named = ", ".join(f"{name}{dtype}" for name, dtype in zip(labels, kinds, strict=False))
    more = f", ... {len(columns)} in all" if len(columns) > MOST_COLUMNS else ""
    counted = f"{rows} rows, " if type(rows) is int else ""  # a lazy table does not know its length
    return f"{name_of(kind)} with {counted}columns {named}{more}"


def dtype_text(dtype: Any) -> str:
    """Return the type of a column or an array. Categories are values, so they are left out."""
    if type(dtype) is not str and package_of(type(dtype)) not in _KNOWN:
        return name_of(type(dtype))
    if package_of(type(dtype)) == "polars":
        return _of_polars(dtype)
    if name_of(type(dtype)) == "SparseDtype":  # names its fill value
        return "Sparse"
    return one_line(str(dtype).partition("(categories=")[0], 60)


def _of_polars(dtype: Any) -> str:
    kind = dtype if issubclass(type(dtype), type) else type(dtype)
    if package_of(kind) != "polars" or name_of(kind) in ("Enum", "Categorical", "Struct", "Extension"):
        return name_of(kind)
    inner = getattr(dtype, "inner", None)
    return f"{name_of(kind)}({dtype_text(inner)})" if inner is not None else one_line(str(dtype), 60)
