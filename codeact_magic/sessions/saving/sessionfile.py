"""The file of one session: what stands where in it, and how little of it has to be written for the next step."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, get_args

from ...session import Format, Outcome, Session, Status, Verdict
from ...text import mask, storable
from . import disk, journal, notebook
from .disk import Stamp, stamp
from .journal import NOTHING, Record, Sum
from .notebook import Part
from .shelf import Shelf


class _Place(NamedTuple):
    """A part, and where it stands in a file: from `start` to the end of the bytes that `sum` is the sum of."""

    part: Part
    start: int
    sum: Sum


@dataclass(frozen=True)
class _Layout:
    """What stands where in a file."""

    sections: tuple[Any, ...] = ()
    ends: tuple[int, ...] = ()  # how many places there are up to the end of each section
    places: tuple[_Place, ...] = ()
    sum: Sum = NOTHING  # of the whole file


class _Plan(NamedTuple):
    """How a file is to be: what stands where, and its `tail`, behind the bytes that stay, which end with `after`."""

    layout: _Layout
    prefix: Sum
    tail: bytes
    after: str


class State(NamedTuple):
    """What tells whether a file or its journal change later."""

    file: Stamp
    journal: Stamp | None  # None: there is none that the session was read from
    mixed: bool = False  # there are cells in it that are not the session's


class SessionFile:
    """The file of one session, and what is known of it. `path` is another one once somebody else has changed it.

    What somebody else has written into its journal is a change as well: it may be all that a killed kernel has left.
    """

    def __init__(self, path: Path, state: State | None, limit: int = 0) -> None:
        self.path = path
        self._state = state  # as it was when this session was last in it; None: it may be written over
        self._secrets: tuple[str, ...] = ()
        self._masked = _masking(())
        self._layout: _Layout | None = None
        self._noted: _Plan | None = None  # what is in the journal
        self._swept = False
        self._shelf = Shelf(path, limit)
        self._leaked: set[str] = set()  # files of large outputs that hold what has become secret

    def forget(self) -> None:
        """Take it that nothing is known of the file: it is written whole next."""
        self._layout = self._noted = None

    def note(self, session: Session, secrets: Sequence[str]) -> bool:
        """Write `session` into the journal, or else into the file, and return whether it is in the file."""
        with self._mine(secrets):
            if self._layout is None and _is_empty(self.path):
                self._layout = _Layout()
            plan = self._planned(session)
            if self._layout is None or _is_bulk(plan) or not self._journal(plan, self._layout):
                self._write_whole(plan)
                return True
            self._noted = plan
            return False

    def bring_up(self, session: Session, secrets: Sequence[str]) -> None:
        """Write `session`, which is the one in the journal, into the file."""
        with self._mine(secrets):
            plan = self._noted or self._planned(session)
            if self._noted is None or len(plan.tail) > plan.prefix.size or not os.access(self.path, os.W_OK):
                self._write_whole(plan)
            else:
                self._write_tail(plan)

    def _journal(self, plan: _Plan, layout: _Layout) -> bool:
        try:
            journal.append(self.path, Record(plan.prefix, layout.sum, plan.tail, plan.after))
        except OSError:  # e.g. the journal's name is too long
            return False
        finally:
            self._take_down()
        return True

    # -- whose file it is ----------------------------------------------------------------------------------------------

    @contextmanager
    def _mine(self, secrets: Sequence[str]) -> Iterator[None]:
        """Hold a file that nobody else has changed since this session was last written into it."""
        if tuple(secrets) != self._secrets:
            self._secrets, self._masked = tuple(secrets), _masking(secrets)
            self._leaked, self._shelf.names = self._leaked | self._shelf.names, set()
            self.forget()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with disk.locked(self.path):
            if self._is_mine():
                yield
                return
        self.path = disk.claimed(self.path.parent, self.path.stem, first=2)
        self._state = None
        self._shelf = Shelf(self.path, self._shelf.limit)
        self.forget()
        with disk.locked(self.path):
            self._is_mine()
            yield

    def _is_mine(self) -> bool:
        if self._state is None:
            journal.remove(self.path)  # of a file that is gone, or to be written over
            self._take_down()
            return True
        if self._state.mixed and self.path.exists():
            return False
        return self._journal_is_mine(self._state.journal) and self._file_is_mine(self._state.file)

    def _journal_is_mine(self, known: Stamp | None) -> bool:
        now = journal.mark(self.path)
        if now is None and known is not None:
            self.forget()
        return now in (None, known)

    def _file_is_mine(self, known: Stamp) -> bool:
        try:
            now = stamp(self.path.stat())
        except FileNotFoundError:
            self.forget()
            return True
        if now == known:
            return True
        self._take_down()
        return self._layout is not None and NOTHING.plus(self.path.read_bytes()) == self._layout.sum

    def _take_down(self) -> None:
        """Take the file and its journal as they are now for what this session has written."""
        with suppress(FileNotFoundError):
            self._state = State(stamp(self.path.stat()), journal.mark(self.path))

    # -- what is to stand in it ----------------------------------------------------------------------------------------

    def _planned(self, session: Session) -> _Plan:
        old = self._noted.layout if self._noted else self._layout or _Layout()
        sections = notebook.sections(session)
        kept = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], zip(old.sections, sections, strict=False)))
        ends, first = list(old.ends[:kept]), 0
        if 0 < kept < min(len(sections), len(old.sections)):
            first = notebook.alike(old.sections[kept], sections[kept])
        end = _End(old, (ends[-1] if ends else 0) + first, self._text)
        for number in range(kept, len(sections)):
            for part in notebook.parts_of(number, sections[number], self.path.parent.name, first):
                end.add(part)
            ends.append(len(end.places))
            first = 0
        end.put(notebook.closing(session, self._masked).encode())
        layout = _Layout(sections, tuple(ends), tuple(end.places), end.sum)
        return self._of_the_file(_Plan(layout, end.prefix, b"".join(end.pieces), end.after))

    def _of_the_file(self, plan: _Plan) -> _Plan:
        """Return a plan for what the journal says as one for the file."""
        if self._noted is None or plan.prefix.size <= self._noted.prefix.size:
            return plan
        kept = self._noted.tail[: plan.prefix.size - self._noted.prefix.size]
        return _Plan(plan.layout, self._noted.prefix, kept + plan.tail, self._noted.after)

    def _text(self, part: Part, place: _Place | None) -> bytes:
        """Return a part as it stands in the file: taken from `place` where it stands already, elsewhere in it."""
        if place is not None and place.part == part:
            return self._read(place.start, place.sum.size)
        cells = [self._shelf.put_away(cell) for cell in part.cells(self._masked)]
        return notebook.written(cells).encode()

    def _read(self, start: int, end: int) -> bytes:
        """Return some bytes of the file, as it is or as the journal says: never of both."""
        if start == end:
            return b""
        if self._noted and start >= self._noted.prefix.size:
            return self._noted.tail[start - self._noted.prefix.size : end - self._noted.prefix.size]
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(end - start)
        if len(data) != end - start:
            raise OSError("the file was cut short")
        return data

    # -- writing it ----------------------------------------------------------------------------------------------------

    def _write_tail(self, plan: _Plan) -> None:
        journal.sync(self.path)
        self.forget()
        try:
            with self.path.open("r+b") as file:
                file.seek(plan.prefix.size)
                file.write(plan.tail)
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
        finally:
            self._take_down()
        self._layout = plan.layout
        journal.remove(self.path)
        self._take_down()

    def _write_whole(self, plan: _Plan) -> None:
        prefix = self._read(0, plan.prefix.size)
        if not self._swept:
            self._swept = True
            disk.sweep(self.path.parent)
        with disk.draft(self.path) as file:
            file.write(prefix)
            file.write(plan.tail)
        journal.remove(self.path)
        self._take_down()
        self._layout, self._noted = plan.layout, None
        self._shelf.remove(self._leaked - self._shelf.names)
        self._leaked = set()
        disk.sync_folder(self.path.parent)


def _is_empty(path: Path) -> bool:
    return path.exists() and not path.stat().st_size


def _is_bulk(plan: _Plan) -> bool:
    """Return whether writing the file whole costs less than writing its tail twice."""
    return len(plan.tail) > max(plan.prefix.size, _BULK)


_BULK = 1_000_000  # bytes
_OPENING = notebook.OPENING.encode()
_OPENED = NOTHING.plus(_OPENING)


class _End:
    """The end of a file while it is put together: `pieces`, behind the bytes `prefix`, which stay."""

    def __init__(self, old: _Layout, kept: int, text: Callable[[Part, _Place | None], bytes]) -> None:
        self._old, self._text = old.places, text
        self._elsewhere: dict[str, _Place] | None = None  # the old places behind the first change
        self.places = list(old.places[:kept])
        self.sum = self.places[-1].sum if self.places else _OPENED
        self.pieces: list[bytes] = []
        self.prefix = NOTHING
        self.after = ""  # the key of the last part of the prefix that has cells
        if not old.places:
            self.pieces.append(_OPENING)

    def add(self, part: Part) -> None:
        """Have `part` stand behind what is there so far."""
        number = len(self.places)
        if self._elsewhere is None and number < len(self._old) and self._old[number].part == part:
            self.places.append(self._old[number])
            self.sum = self.places[-1].sum
            return
        self._end_prefix()
        assert self._elsewhere is not None
        text = self._text(part, self._elsewhere.get(part.key))
        if text and self.sum != _OPENED:
            self.put(_BETWEEN)
        start = self.sum.size
        self.put(text)
        self.places.append(_Place(part, start, self.sum))

    def put(self, text: bytes) -> None:
        """Have `text` stand behind what is there so far."""
        self._end_prefix()
        self.pieces.append(text)
        self.sum = self.sum.plus(text)

    def _end_prefix(self) -> None:
        if self._elsewhere is None:
            self.prefix = self.sum if self._old else NOTHING
            shown = (place.part.key for place in reversed(self.places) if place.sum.size > place.start)
            self.after = next(shown, "")
            self._elsewhere = {place.part.key: place for place in self._old[len(self.places) :]}


_BETWEEN = notebook.BETWEEN.encode()


# The words that sessions and outputs are made of say nothing, even where somebody's key is one of them.
_WORDS = frozenset(
    [word for kind in (Format, Verdict, Status, Outcome) for word in get_args(kind)]
    + "output_type stream display_data execute_result execution_count metadata ename evalue traceback".split()
)
_SHORTEST_SECRET = 6  # a shorter one is a placeholder ("none", "EMPTY"): masking it would garble the code


def _masking(secrets: Sequence[str]) -> Callable[[str], str]:
    """Return what makes a text fit for the file: storable, and without `secrets`, as they are and as JSON has them."""
    real = [secret.strip() for secret in secrets if len(secret.strip()) >= _SHORTEST_SECRET]
    forms = {
        form
        for secret in real
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    }
    longest_first = sorted(forms, key=len, reverse=True)  # one key may be the beginning of another
    return lambda text: text if text in _WORDS else storable(mask(text, longest_first))
