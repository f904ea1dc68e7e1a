"""What the journal that a killed kernel has left means for the file that is there now.

Mostly the file is as that kernel left it, and gets the end that the journal says. Where it was changed since (Jupyter
has saved it), the cells of the journal are put behind the cell that they came behind. A journal is heeded only where
the session that comes out is the one in the file, gone on. That keeps the journals of other files out; it is no
protection from somebody who writes both, who could write the session itself.
"""

from __future__ import annotations

from typing import Any

from ...errors import SessionError
from ...session import Session
from . import notebook
from .journal import NOTHING, Record


def recovered(data: bytes, records: list[Record]) -> tuple[Any, bool]:
    """Return the JSON of the file `data` with what its journal has, and whether nothing of the journal is left out.

    `records` are those of the journal, the newest first. Raises SessionError where `data` is no notebook, nor half one.
    """
    if not records:
        return notebook.parsed(data), True
    try:
        there = notebook.parsed(data)
    except SessionError:
        if (halfway := _applied(data, records)) is None:
            raise
        return halfway, True
    return _joined(data, there, records)


def _applied(data: bytes, records: list[Record]) -> Any:
    """Return the JSON of the first of `records` that fits the beginning of a file, None where none does."""
    for record in records:
        if (after := record.applied(data)) is not None:
            return notebook.parsed(after)
    return None


def _joined(data: bytes, there: Any, records: list[Record]) -> tuple[Any, bool]:
    """Return which of `there`, which is what `data` says, and the journal goes further, and whether it has both."""
    whole = NOTHING.plus(data)
    unchanged = [record for record in records if record.before == whole]
    later = _applied(data, unchanged)
    if later is not None:
        return (later, True) if _id(later) == _id(there) else (there, False)
    later = _grafted(there, records[0])
    if later is None:
        return there, False
    if _goes_on(there, later):
        return there, True
    return (later, True) if _goes_on(later, there) else (there, False)


def _grafted(there: Any, record: Record) -> Any:
    """Return the notebook `there` with the cells of `record` behind the one they came behind; None where that lacks."""
    try:
        tail = record.tail.removeprefix(notebook.BETWEEN.encode())
        end = tail if record.prefix == NOTHING else notebook.OPENING.encode() + tail
        later = notebook.parsed(end)
        kept = _up_to(there["cells"], record.after)
        if kept is None:
            return None
        return {**later, "cells": [*kept, *later["cells"], *notebook.others(there["cells"][len(kept) :])]}
    except (SessionError, LookupError, TypeError, AttributeError):
        return None


def _up_to(cells: list[Any], after: str) -> list[Any] | None:
    """Return the cells up to the last one of those whose ids begin with `after`; None where there are none."""
    if not after:
        return []
    own = [number for number, cell in enumerate(cells, 1) if f"{cell.get('id')}-".startswith(f"{after}-")]
    return cells[: own[-1]] if own else None


def _id(whole: Any) -> Any:
    try:
        return whole["metadata"]["codeact"]["id"]
    except (LookupError, TypeError):
        return None


def _goes_on(one: Any, other: Any) -> bool:
    """Return whether the session in one notebook is the one in another, and has got as far at least."""
    try:
        later, earlier = notebook.from_notebook(one), notebook.from_notebook(other)
    except SessionError:
        return False
    if later.id != earlier.id or _reach(later) < _reach(earlier):
        return False
    pairs = zip(later.turns, earlier.turns, strict=False)
    return all((turn.prompt, turn.started) == (old.prompt, old.started) for turn, old in pairs)


def _reach(session: Session) -> tuple[int, ...]:
    """Return how far a session has got: in its last turn only, as only that one changes."""
    if not session.turns:
        return (0,)
    last = session.turns[-1]
    ran = sum(step.observation is not None for step in last.steps)
    decided = sum(step.decision is not None for step in last.steps)
    return len(session.turns), last.outcome != "open", len(last.steps), ran, decided
