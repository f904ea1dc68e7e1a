"""The user's names before code runs, with the types, libraries and functions that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Literal, cast

USERS = "@"  # begins the dotted name of what the user has defined

Is = Literal["module", "function", "class", "object"]


@dataclass(frozen=True, slots=True)
class Entry:
    """The description of a name.

    Attributes:
        of: whether it is a "module", a "function", a "class", or another "object".
        dotted: its dotted name; that of its type if it is an object.
        bound: the method of the object that it is, "" for the object itself.
        has_address: whether it holds a web address.
    """

    of: Is
    dotted: str
    bound: str = ""
    has_address: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """Descriptions of names. `bases` has the dotted names of a type and its bases, `sources` the user's functions."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    bases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    def lineage(self, dotted: str) -> tuple[str, ...]:
        """Return the dotted names of a type and its bases."""
        return self.bases.get(dotted, (dotted,))


class Namespace(Set[str]):
    """The user's own names.

    `describe` describes names (see `kernels/sent/describe.py`); `transform` returns the Python that IPython makes of
    a cell; `magics` are the names of its line magics, None if they are not known.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        describe: Callable[[Collection[str]], Mapping[str, Any]] | None = None,
        transform: Callable[[str], str] | None = None,
        magics: Collection[str] | None = None,
    ) -> None:
        self.names = frozenset(names)
        self._describe = describe
        self.transform = transform
        self.magics = magics

    @property
    def is_live(self) -> bool:
        """Whether a kernel describes the names."""
        return self._describe is not None

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def as_python(self) -> Namespace:
        """Return the same names, for code that IPython does not read once more."""
        return Namespace(self.names, self._describe, None, self.magics)

    def known(self, mentioned: Collection[str]) -> Known:
        """Return the descriptions of the `mentioned` names. Names that do not exist are left out."""
        if self._describe is None:
            return Known()
        answer = self._describe(mentioned)
        entries = {
            str(name): Entry(
                cast(Is, entry["is"]), str(entry["name"]), str(entry.get("bound", "")), bool(entry.get("address"))
            )
            for name, entry in answer["names"].items()
            if entry
        }
        bases = {str(name): tuple(map(str, lineage)) for name, lineage in answer["types"].items()}
        sources = {str(name): str(source) for name, source in answer["sources"].items()}
        return Known(entries, bases, sources, frozenset(map(str, answer["unread"])))
