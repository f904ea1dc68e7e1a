"""The values that names have before code runs: built-ins, earlier imports, objects and functions of the user's."""

from __future__ import annotations

import builtins

from . import tables
from .namespace import USERS, Entry, Known
from .prelude import prelude
from .values import PATH, UNKNOWN, URL, Value, Values, canonical


class Before:
    """What names stand for before the code runs: the user's own `names`, and all that the code mentions."""

    def __init__(self, names: frozenset[str], known: Known) -> None:
        self._names = names
        self._known = known
        self.prelude = prelude(known)

    def values(self, name: str) -> Values:
        """Return the possible values of a name; those of the object if the name stands for a method of one."""
        is_yours = name in self._names or name in tables.SHELL_NAMES
        values = frozenset({Value("yours", name)}) if is_yours else frozenset[Value]()
        if entry := self._known.entries.get(name):
            return values | (self._object(entry) if entry.of == "object" else self._definition(entry))
        if name in tables.CONVENTIONS:
            return values | {Value("name", tables.CONVENTIONS[name])}
        if hasattr(builtins, name) or name in ("exit", "quit"):
            return values | {Value("name", f"builtins.{name}")}
        return values | UNKNOWN

    def bound(self, name: str) -> str:
        """Return the method that a name stands for, "" if it stands for something else."""
        entry = self._known.entries.get(name)
        is_shell = entry and not tables.SHELLS.isdisjoint(self._known.lineage(entry.dotted))
        return entry.bound if entry and not (is_shell and entry.bound == "get_ipython") else ""

    def method(self, dotted: str, attr: str) -> Values:
        """Return the function `attr` that the user has defined for the class `dotted`, or for a base of it."""
        for owner in self._known.lineage(dotted):
            if node := self.prelude.functions.get((owner, attr)):
                return frozenset({Value("function", node)})
        return frozenset()

    def _definition(self, entry: Entry) -> Values:
        """Return the values of a name that stands for a module, a function or a class."""
        if entry.of == "function" and entry.dotted.startswith(USERS):
            owner, _, name = entry.dotted.rpartition(".")
            function = self.prelude.functions.get((owner, name.removeprefix(USERS)))
            return frozenset({Value("function", function)}) if function else UNKNOWN
        return frozenset({Value("name", canonical(entry.dotted))})

    def _object(self, entry: Entry) -> Values:
        """Return the values of a name that stands for any other object."""
        dotted = canonical(entry.dotted)
        lineage = self._known.lineage(entry.dotted)
        if not tables.EXITS.isdisjoint(lineage):
            return frozenset({Value("name", "builtins.exit")})
        if not tables.SHELLS.isdisjoint(lineage):
            return frozenset({Value("name" if entry.bound == "get_ipython" else "result", "IPython.get_ipython")})
        values: Values = frozenset({URL}) if entry.has_address else frozenset()
        if not tables.PATHS.isdisjoint(map(canonical, lineage)):
            return values | {PATH}
        if dotted in tables.HANDLES:
            return values | {Value("result", dotted)}
        return values | {Value("typed", entry.dotted)}
