"""The code that ran in a session, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .session import Observation, Session


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
    seen: Observation | None = None  # what came of an action; nothing is known where its run broke off
    whole: bool = True  # otherwise it failed, and this is what it had done before


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
                yield Unit(number, place, step.decision.code, status, step.thought, line, seen)


def raised(seen: Observation | None) -> tuple[str, str]:
    """Return the name and the text of the exception that ended a run, as far as they were shown."""
    outputs = seen.outputs if seen else ()
    error = next((output for output in reversed(outputs) if output.get("output_type") == "error"), {})
    return str(error.get("ename", "")), str(error.get("evalue", ""))
