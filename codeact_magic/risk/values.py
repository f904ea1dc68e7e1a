"""The possible values of an expression. If some are not known, `UNKNOWN` is among them.

So a rule can distinguish "this is a read mode" from "this may be a read mode".
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from . import tables
from .scopes import TooTangledError


class Value(NamedTuple):
    """One possible value of an expression. The kinds, with their `content`:

    name: a module or an attribute of one; its full dotted name.
    result: the result of calling a name; the dotted name of the function.
    typed: an object; the dotted name of its type.
    method: an attribute of such an object; the dotted name of its type, and that of the attribute.
    text: a known string; the string.
    url: a string that holds a web address.
    path: a pathlib.Path.
    yours: an object of the user; its name.
    container: a container; the value of its elements.
    function: a function that the code or the user defines; its node.
    dynamic: an attribute whose name is not known.
    none: None.
    many: too many strings to list.
    unknown: anything else.
    """

    kind: Literal[
        "name",
        "result",
        "typed",
        "method",
        "text",
        "url",
        "path",
        "yours",
        "container",
        "function",
        "dynamic",
        "none",
        "many",
        "unknown",
    ]
    content: Any = ""


Values = frozenset[Value]
URL = Value("url")
PATH = Value("path")
NONE = Value("none")
MANY = Value("many")
_UNKNOWN = Value("unknown")
UNKNOWN: Values = frozenset({_UNKNOWN})

_ADDRESS = re.compile(
    r"\b(?:https?|ftps?|sftp|s3[an]?|gs|gcs|abfss?|hf|ssh|wss?|postgres(?:ql)?|mysql|mongodb|rediss?|amqps?|bolt|neo4j)://|\Ahttps?:|\A://",
    re.IGNORECASE,
)
MOST = 48  # values of an expression; beyond that, its strings and functions are dropped
_LONGEST = 4000  # characters of a string; a longer one is unknown


def canonical(dotted: str) -> str:
    """Return the name under which the tables list `dotted`; for example, `pathlib.os.remove` is `os.remove`."""
    parts = dotted.split(".")[:7]
    for at in range(len(parts) - 1, 0, -1):
        name = parts[at].lstrip("_")  # some modules import others under private names
        if name in tables.ROOTS and parts[at - 1].lstrip("_") not in ("asyncio", "IPython", name):
            parts = [name, *parts[at + 1 :]]
            break
    if parts[-1].endswith("_open") and ("builtin" in parts[-1] or "bltn" in parts[-1]):
        return "builtins.open"  # under another name
    parts[0] = tables.RENAMED.get(parts[0], parts[0])
    dotted = ".".join(parts)
    return tables.RENAMED.get(dotted, dotted)


def names(values: Values) -> list[str]:
    """Return the dotted names among `values`, sorted."""
    return sorted(str(value.content) for value in values if value.kind == "name")


def elements(values: Values) -> Values:
    """Return the possible elements of `values`."""
    return frozenset(_element(value) for value in values)


def held(values: Values) -> Values:
    """Return the possible containers of `values`. A container within a container is not followed."""
    return frozenset(_held(value) for value in values)


def spread(values: Values) -> Values:
    """Return the possible containers of the elements of `values`."""
    return held(elements(values))


def _element(value: Value) -> Value:
    if value.kind in ("name", "result", "function", "typed", "method"):
        return _UNKNOWN
    return value.content if value.kind == "container" else value


def _held(value: Value) -> Value:
    if value.kind == "container":
        return _UNKNOWN
    if value.kind in ("name", "result", "path", "yours", "function", "dynamic", "typed", "method"):
        return Value("container", value)
    return value


def kept(values: Values, kind: str) -> Values:
    """Return the values of one kind."""
    return frozenset(value for value in values if value.kind == kind)


def without(values: Values, kind: str) -> Values:
    """Return the values of every other kind."""
    return frozenset(value for value in values if value.kind != kind)


def constant(value: object) -> Values:
    """Return the values of a constant."""
    if value is None:
        return frozenset({NONE})
    if not isinstance(value, str):
        return UNKNOWN
    text = UNKNOWN if len(value) > _LONGEST else frozenset({Value("text", value)})
    return text | {URL} if _ADDRESS.search(value) else text


def bounded(values: Values) -> Values:
    """Return `values`, without strings and functions if there are too many. Raises TooTangledError."""
    if MANY not in values and len(values) <= MOST:
        return values
    others = frozenset(value for value in values if value.kind not in ("text", "function"))
    if len(others) > 2 * MOST:
        raise TooTangledError("its names stand for too much")
    return others | {MANY} | UNKNOWN
