"""An outline of the user's variables: names, types, shapes, columns and signatures; never values.

A value in the namespace may be huge, lazy, or hostile. So this module goes by a value's real type, runs no code of the
value or of its type, computes and iterates over nothing that is not already there, and never raises.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from itertools import islice
from typing import Any

from ...text import one_line
from .kinds import is_one_of, name_of
from .signatures import FUNCTIONS, class_outline, function_outline
from .tables import table_outline

HEADING = "Variables in the notebook:\n"  # how a summary begins
LONGEST_LINE = 1_500  # characters of one variable's outline

_CONTAINERS = (dict, list, tuple, set, frozenset, collections.deque)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_TEXTS = (str, bytes, bytearray)
_MOST_KEYS = 200  # of a record that is like a row of a table


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
    except (Exception, SystemExit):  # a library may raise anything
        return name_of(kind)


def _described(value: Any, kind: type) -> str:
    if issubclass(kind, type):
        return class_outline(value)
    if is_one_of(kind, FUNCTIONS):
        return function_outline(value)
    if base := next((base for base in _CONTAINERS if issubclass(kind, base)), None):
        return _container(value, kind, base)
    if text := next((base for base in _TEXTS if issubclass(kind, base)), None):
        return f"{name_of(kind)} of length {text.__len__(value)}"
    if is_one_of(kind, (*_VIEWS, range)):
        return f"{name_of(kind)} of {len(value)}"
    return table_outline(value) or name_of(kind)


# -- containers --------------------------------------------------------------------------------------------------------


def _container(value: Any, kind: type, base: Any) -> str:
    """Describe a container with the methods of its built-in `base`: its own methods may do anything."""
    values = base.values(value) if base is dict else base.__iter__(value)
    kinds = dict.fromkeys(name_of(type(item)) for item in islice(values, 50))
    keys = _record_keys(list(islice(base.__iter__(value), 5))) if base in (list, tuple) else ""
    return f"{name_of(kind)} of {base.__len__(value)} {'/'.join(islice(kinds, 6))}{keys}".rstrip()


def _record_keys(records: list[Any]) -> str:
    """Return the keys that the first records of a list share, like the columns of a table."""
    if len(records) < 2 or not all(type(record) is dict and len(record) <= _MOST_KEYS for record in records):
        return ""
    texts = [{key for key in record if type(key) is str} for record in records]  # other keys may compare as they like
    if any(found != texts[0] for found in texts) or any(len(record) != len(texts[0]) for record in records):
        return ""
    keys = [one_line(key, 40) for key in islice(records[0], 40)]
    return f" with keys {', '.join(keys)}" if keys else ""
