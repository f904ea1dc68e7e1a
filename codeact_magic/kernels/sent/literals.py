"""Values of plain types as text, in bounded time. Nothing here runs code of the value."""

from __future__ import annotations

import datetime
import sys
from typing import Any

from ...text import one_line
from .kinds import MISSING, attributes_of, bases_of, defined, is_one_of, members_of, module_of, name_of, package_of

LONGEST_TEXT = 400  # characters of a text or bytes that are shown
_PLAIN = (float, complex, bool, type(None), type(...), type(NotImplemented))
_BOUNDED = (datetime.date, datetime.timedelta, datetime.timezone, range)
_MOST_BITS = 1_000  # of an integer that is shown in digits
_SMALL = ("decimal", "fractions", "pathlib", "pathlib._local", "uuid", "ipaddress", "zoneinfo")
_TIMES = (datetime.datetime, datetime.time)
_TEXTS = (str, bytes, bytearray)


def literal(value: Any) -> str | None:
    """Return the repr of a value of a plain type, of a long one its beginning and its end; None for other types."""
    kind = type(value)
    if kind is int:
        return repr(value) if value.bit_length() <= _MOST_BITS else f"<int of {value.bit_length()} bits>"
    if is_one_of(kind, (*_PLAIN, *_BOUNDED)):
        return repr(value)
    if text := next((base for base in _TEXTS if issubclass(kind, base)), None):
        return _shortened(value, text)
    if is_one_of(kind, _TIMES):
        return repr(value) if package_of(type(value.tzinfo)) in ("builtins", "datetime", "zoneinfo") else None
    if module_of(kind) in _SMALL and getattr(sys.modules.get(module_of(kind)), name_of(kind), None) is kind:
        return one_line(repr(value), LONGEST_TEXT)
    return _member(value, kind) or _number(value, kind)


def _shortened(value: Any, base: Any) -> str:
    """Return the repr of a text, read with the methods of the built-in `base`: its own methods may do anything."""
    length = base.__len__(value)
    begun = base.__getitem__(value, slice(LONGEST_TEXT * 3 // 4 if length > LONGEST_TEXT else None))
    if length <= LONGEST_TEXT:
        return base.__repr__(begun)  # type: ignore[no-any-return]
    return f"{base.__repr__(begun)} ... {base.__repr__(base.__getitem__(value, slice(-LONGEST_TEXT // 4, None)))}"


def _member(value: Any, kind: type) -> str | None:
    """Return the name of a member of an enumeration, None for other values."""
    is_member = any(module_of(base) == "enum" for base in bases_of(kind))
    name = attributes_of(value).get("_name_") if is_member else None
    return f"{name_of(kind)}.{name}" if type(name) is str else None


def _number(value: Any, kind: type) -> str | None:
    """Return the repr of a scalar of numpy or pandas, None for other values."""
    if package_of(kind) not in ("numpy", "pandas") or name_of(kind) not in _SCALARS:
        return None
    return one_line(repr(value), 100)


_SCALARS = frozenset(
    "bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64 "
    "complex128 clongdouble datetime64 timedelta64 Timestamp Timedelta NaTType NAType".split()
)


def label(value: Any, limit: int) -> str:
    """Return the name of a column in at most `limit` characters, by its type if it is not of a plain one."""
    if type(value) is tuple:
        parts = [label(part, limit) for part in value[:10]]
        return one_line(f"({', '.join(parts)}{',' if len(parts) == 1 else ''})", limit)
    text = literal(value)
    return name_of(type(value)) if text is None else one_line(text, limit)


def is_generated(kind: type) -> bool:
    """Return whether a type is a dataclass whose repr Python has written: it shows the fields."""
    fields = members_of(kind).get("__dataclass_fields__")
    wrapped = defined(kind, "__repr__")
    return type(fields) is dict and wrapped is not MISSING and "__wrapped__" in attributes_of(wrapped)
