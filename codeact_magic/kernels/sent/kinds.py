"""Facts about objects that no code of theirs has a say in: their types, and what is stored in them.

`isinstance`, `hasattr` and `getattr` ask the object, or the metaclass of its type. A proxy answers by computing what it
stands for. So this module reads the slots of `type` itself, and the descriptors of the types that it finds there.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any

from ...text import one_line

MISSING = object()  # stands for an attribute that is not there
_NAME = type.__dict__["__name__"]
_MODULE = type.__dict__["__module__"]
_MRO = type.__dict__["__mro__"]
_MEMBERS = type.__dict__["__dict__"]
_DESCRIPTORS = (types.GetSetDescriptorType, types.MemberDescriptorType)


def name_of(kind: type) -> str:
    """Return the name of a type on one line."""
    return one_line(_NAME.__get__(kind), 60)


def bases_of(kind: type) -> tuple[type, ...]:
    """Return the method resolution order of a type."""
    found: tuple[type, ...] = _MRO.__get__(kind)
    return found


def members_of(kind: type) -> Mapping[str, Any]:
    """Return what a type itself defines, without what it inherits."""
    found: Mapping[str, Any] = _MEMBERS.__get__(kind)
    return found


def module_of(kind: type) -> str:
    """Return the name of the module that a type says it comes from, "" if it says nothing."""
    found = _MODULE.__get__(kind)
    return found if type(found) is str else ""


def package_of(kind: type) -> str:
    """Return the name of the top package that a type comes from."""
    return module_of(kind).partition(".")[0]


def defined(kind: type, name: str) -> Any:
    """Return the attribute `name` of a type or its bases as it stands there, MISSING if there is none."""
    return next((members_of(base)[name] for base in bases_of(kind) if name in members_of(base)), MISSING)


def is_one_of(kind: type, kinds: Iterable[type]) -> bool:
    """Return whether `kind` is one of `kinds`. A metaclass may define how its types compare, and what they hash to."""
    return any(kind is one for one in kinds)


def attributes_of(value: object) -> dict[str, Any]:
    """Return the attributes that an object stores in its `__dict__`, none if it has no plain one."""
    found = defined(type(value), "__dict__")
    stored = found.__get__(value) if is_one_of(type(found), _DESCRIPTORS) else None
    return stored if type(stored) is dict else {}
