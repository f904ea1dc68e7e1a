"""The values of variables as short texts, in bounded time.

Shows plain values, containers of them, and the first rows of tables. An object whose text only its own code could write
is described instead: that code may be slow, may ask a server, or may compute what the user put off.
"""

from __future__ import annotations

import collections
import sys
import time
import types
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Any

from ...text import clip
from .kinds import attributes_of, is_one_of, members_of, name_of, package_of
from .literals import is_generated, label, literal
from .namespace import describe

LONGEST = 500  # characters of a value
PATIENCE = 0.05  # seconds after which the rest of a value is left out
_DEEPEST = 6  # levels of containers
_MOST_ITEMS = 20  # of a container
_MOST_SORTED = 100  # items of a set that are sorted
_ROWS = 10
_COLUMNS = 20


def short(value: object, is_shown: Callable[[object], bool] = lambda value: True) -> str:
    """Return `value` as a short text; parts for which `is_shown` is false are described. Never raises."""
    try:
        return clip(_Writer(is_shown).text(value, _DEEPEST), LONGEST)
    except (Exception, SystemExit):  # a library may raise anything
        return described(value)


def described(value: object) -> str:
    """Return the description of `value` in a form that cannot be taken for its repr."""
    return f"<{describe(value)}>"


class _Writer:
    """Writes one value, until it is long enough or takes too long."""

    def __init__(self, is_shown: Callable[[object], bool]) -> None:
        self._is_shown = is_shown
        self._room = 2 * LONGEST
        self._end = time.monotonic() + PATIENCE
        self._open: set[int] = set()  # the ids of the containers that are being written

    def text(self, value: Any, depth: int) -> str:
        """Return `value` as text; of containers `depth` levels."""
        found = self._text(value, depth)
        self._room -= len(found)
        return found

    def _text(self, value: Any, depth: int) -> str:
        if not self._is_shown(value):
            return described(value)
        if (plain := literal(value)) is not None:
            return plain
        if depth == 0 or id(value) in self._open:
            return "..."
        self._open.add(id(value))
        try:
            return self._container(value, depth - 1) or _of_library(value) or described(value)
        finally:
            self._open.discard(id(value))

    def _container(self, value: Any, depth: int) -> str:
        kind = type(value)
        if issubclass(kind, dict):  # in the order of its keys: sorting them would take time, and compare them
            return self._named(kind, "{{{}}}", dict.__len__(value), self._pairs(dict.items(value), depth))
        for base, form in _FORMS.items():
            if issubclass(kind, base):
                form = "({},)" if base is tuple and tuple.__len__(value) == 1 else form
                return self._named(kind, form, base.__len__(value), self._items(_ordered(value, base), depth))
        if is_one_of(kind, _VIEWS):
            return self._named(kind, "[{}]", len(value), self._items(value, depth))
        if issubclass(kind, BaseException):
            return f"{name_of(kind)}({', '.join(self._items(_ARGUMENTS.__get__(value), depth))})"
        if kind is types.SimpleNamespace or is_generated(kind):
            return f"{name_of(kind)}({', '.join(self._fields(value, depth))})"
        return ""

    @staticmethod
    def _named(kind: type, form: str, length: int, parts: list[str]) -> str:
        left_out = ["..."] if length > len(parts) else []
        text = form.format(", ".join([*parts, *left_out]))
        if is_one_of(kind, (list, tuple, dict)) or (kind is set and length):
            return text
        return f"{name_of(kind)}({text if length else ''})"

    def _goes_on(self) -> bool:
        return self._room > 0 and time.monotonic() < self._end

    def _items(self, values: Iterable[Any], depth: int) -> list[str]:
        found = []
        for item in islice(values, _MOST_ITEMS):
            if not self._goes_on():
                break
            found.append(self.text(item, depth))
        return found

    def _pairs(self, pairs: Iterable[tuple[Any, Any]], depth: int) -> list[str]:
        found = []
        for key, item in islice(pairs, _MOST_ITEMS):
            if not self._goes_on():
                break
            found.append(f"{self.text(key, depth)}: {self.text(item, depth)}")
        return found

    def _fields(self, value: Any, depth: int) -> list[str]:
        fields: Collection[str] = attributes_of(value)
        if type(value) is not types.SimpleNamespace:
            known = members_of(type(value))["__dataclass_fields__"]
            fields = [name for name in fields if name in known and getattr(known[name], "repr", True) is True]
        stored = attributes_of(value)
        found = []
        for name in islice(fields, _MOST_ITEMS):
            if not self._goes_on():
                break
            found.append(f"{label(name, 60)[1:-1]}={self.text(stored[name], depth)}")
        return found


_ARGUMENTS: Any = BaseException.__dict__["args"]
_FORMS: dict[Any, str] = {
    list: "[{}]",
    tuple: "({})",
    set: "{{{}}}",
    frozenset: "{{{}}}",
    collections.deque: "[{}]",
}
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))


def _ordered(value: Any, base: Any) -> Iterable[Any]:
    """Return the items of a container: those of a small set in order, if comparing them runs no code of theirs."""
    if not is_one_of(base, (set, frozenset)) or base.__len__(value) > _MOST_SORTED:
        return base.__iter__(value)  # type: ignore[no-any-return]
    items = list(base.__iter__(value))
    alike = any(all(is_one_of(type(item), kinds) for item in items) for kinds in ((int, float), (str,)))
    return sorted(items) if alike else items


# -- tables and arrays -------------------------------------------------------------------------------------------------


def _of_library(value: Any) -> str:
    """Return the first rows of a table or an array, "" if there is none, or if it holds objects."""
    kind = type(value)
    library = sys.modules.get(package_of(kind))
    if getattr(library, name_of(kind), None) is not kind:
        return ""
    if package_of(kind) == "numpy" and name_of(kind) == "ndarray":
        return _of_array(value, library)
    if package_of(kind) == "pandas" and name_of(kind) in ("DataFrame", "Series"):
        return _of_pandas(value)
    if package_of(kind) == "polars" and name_of(kind) in ("DataFrame", "Series"):
        return _of_polars(value)
    return ""


def _of_array(value: Any, numpy: Any) -> str:
    if value.dtype.hasobject:
        return ""
    limits = {"threshold": 100, "edgeitems": 3, "formatter": None}
    dtype = "" if value.dtype.char in "ldD?U" else f", dtype={value.dtype}"
    return f"array({numpy.array2string(value, separator=', ', prefix='array(', **limits)}{dtype})"


def _of_pandas(value: Any) -> str:
    dtypes = [value.dtype] if value.ndim == 1 else list(islice(value.dtypes, _COLUMNS))
    if value.attrs or not all(package_of(type(dtype)) in ("numpy", "pandas") for dtype in dtypes):
        return ""  # pandas copies the attributes, and asks columns of the user's own for their texts
    begun = value.iloc[:_ROWS] if value.ndim == 1 else value.iloc[:_ROWS, :_COLUMNS]
    axes = [begun.index] if begun.ndim == 1 else [begun.index, begun.columns]
    columns = [begun] if begun.ndim == 1 else [begun.iloc[:, place] for place in range(begun.shape[1])]
    for part in (*axes, *columns):
        if not all(_is_plain(cell) for cell in part.tolist()):
            return ""
    text = begun.to_string() if len(value) else ""
    rest = f"\n... {len(value):,} rows in all" if len(value) > _ROWS else ""
    return f"{text}{rest}" if text else ""


def _is_plain(value: object) -> bool:
    """Return whether a cell of a table is of a plain type, and short."""
    if type(value) is tuple:
        return all(map(_is_plain, value[:10]))
    return literal(value) is not None and not (type(value) is str and len(value) > 10_000)


def _of_polars(value: Any) -> str:
    import polars

    dtypes = value.dtypes if hasattr(value, "dtypes") else [value.dtype]
    if polars.Object in dtypes:
        return ""
    begun = repr(value[:_ROWS])
    return begun if len(value) <= _ROWS else f"{begun}\n... {len(value):,} rows in all"
