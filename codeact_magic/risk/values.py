"""What an expression may stand for, as values; what is not understood is `UNKNOWN`, which is never left out.

So a rule can tell "this is a read mode" from "this may be one".
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from . import tables
from .scopes import TooTangledError


class Value(NamedTuple):
    """One thing that an expression may be.

    "name": a module, or what is reached from one, by its full dotted name; "made": what calling such a name gave;
    "text": a known string; "url": a string with a web address in it; "path": a pathlib.Path; "yours": the user's
    object of that name; "holds": a container of the value that it names; "function": one that is defined here;
    "dynamic": an attribute whose name is not known; "none": None; "many": too many strings to list.
    """

    kind: Literal[
        "name", "made", "text", "url", "path", "yours", "holds", "function", "dynamic", "none", "many", "unknown"
    ]
    what: Any = ""


Values = frozenset[Value]
URL, PATH, NONE, MANY = Value("url"), Value("path"), Value("none"), Value("many")
_NOTHING = Value("unknown")
UNKNOWN: Values = frozenset({_NOTHING})

_ADDRESS = re.compile(
    r"\b(?:https?|ftps?|sftp|s3[an]?|gs|gcs|abfss?|hf|ssh|wss?|postgres(?:ql)?|mysql|mongodb)://", re.IGNORECASE
)
MOST = 48  # strings and functions that an expression may be before they are forgotten
_LONGEST = 4000  # characters of a string that are kept


def canonical(dotted: str) -> str:
    """Return the name by which the tables know what `dotted` leads to; `pathlib.os.remove` is `os.remove`."""
    parts = dotted.split(".")[:7]
    for at in range(len(parts) - 1, 0, -1):
        if parts[at] in tables.ROOTS and parts[at - 1] not in ("asyncio", parts[at]):
            parts = parts[at:]
            break
    parts[0] = tables.RENAMED.get(parts[0], parts[0])
    dotted = ".".join(parts)
    return tables.RENAMED.get(dotted, dotted)


def names(values: Values) -> list[str]:
    """Return the dotted names among `values`, in an order that stays the same."""
    return sorted(str(value.what) for value in values if value.kind == "name")


def elements(values: Values) -> Values:
    """Return what the elements of `values` may be."""
    return frozenset(_element(value) for value in values)


def held(values: Values) -> Values:
    """Return what a container of `values` may be; what is two containers deep is not followed."""
    return frozenset(_held(value) for value in values)


def spread(values: Values) -> Values:
    """Return what a container of the elements of `values` may be."""
    return held(elements(values))


def _element(value: Value) -> Value:
    if value.kind in ("name", "made", "function"):
        return _NOTHING
    return value.what if value.kind == "holds" else value


def _held(value: Value) -> Value:
    if value.kind == "holds":
        return _NOTHING
    return Value("holds", value) if value.kind in ("name", "made", "path", "yours", "function", "dynamic") else value


def kept(values: Values, kind: str) -> Values:
    """Return the values of one kind."""
    return frozenset(value for value in values if value.kind == kind)


def without(values: Values, kind: str) -> Values:
    """Return the values of every other kind."""
    return frozenset(value for value in values if value.kind != kind)


def constant(value: object) -> Values:
    """Return what a constant is."""
    if value is None:
        return frozenset({NONE})
    if not isinstance(value, str):
        return UNKNOWN
    address = frozenset({URL}) if _ADDRESS.search(value) else frozenset[Value]()
    return address | (UNKNOWN if len(value) > _LONGEST else {Value("text", value)})


def bounded(values: Values) -> Values:
    """Return `values`, without its strings and functions where they are too many to follow."""
    if MANY not in values and len(values) <= MOST:
        return values
    firm = frozenset(value for value in values if value.kind not in ("text", "function"))
    if len(firm) > 2 * MOST:
        raise TooTangledError("its names stand for too much")
    return firm | {MANY} | UNKNOWN
