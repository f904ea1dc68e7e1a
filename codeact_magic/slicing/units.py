"""The code of a session, piece by piece, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..session import Session


@dataclass(frozen=True, slots=True)
class Unit:
    """Code that ran in a session: an action, numbered in the session's order, or a cell of the user's own (0).

    `status` is that of its observation ("ok", "error", "aborted"); that of an action whose run broke off is "aborted".
    """

    number: int
    turn: int  # counted from 1
    code: str
    status: str = "ok"
    thought: str = ""  # what the model wrote beside it
    line: str = ""  # the line that raised, as "line 3: ..."
    whole: bool = True  # otherwise it failed, and this is what it had done before


@dataclass(frozen=True, slots=True)
class Dropped:
    """An action that the end result does not depend on, and why, such as "it failed"."""

    unit: Unit
    reason: str


@dataclass(frozen=True, slots=True)
class Slice:
    """What the end result of a session depends on, in the session's order.

    `kept` has the user's own cells as well; `names` are the variables that have the same values at the end as after
    all of the session.
    """

    kept: tuple[Unit, ...]
    dropped: tuple[Dropped, ...]
    names: tuple[str, ...]

    @property
    def actions(self) -> tuple[Unit, ...]:
        """What is kept of the actions: what a user who has the cells already needs."""
        return tuple(unit for unit in self.kept if unit.number)


def units(session: Session) -> tuple[Unit, ...]:
    """Return all code that ran in `session`, in its order."""
    return tuple(_units(session))


def _units(session: Session) -> Iterator[Unit]:
    number = 0
    for place, turn in enumerate(session.turns, 1):
        for cell in turn.cells:
            yield Unit(0, place, cell.code, "error" if cell.failed else "ok")
        for step in turn.steps:
            if step.decision and step.decision.runs:
                number += 1
                seen = step.observation
                status, line = (seen.status, seen.line) if seen else ("aborted", "")
                yield Unit(number, place, step.decision.code, status, step.thought, line)
