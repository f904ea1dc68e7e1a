"""Runs the actions of a saved session again, no model involved, each one approved like a live one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .agent import Approver, Executor, View
from .errors import SessionError, Stopped
from .formats import Reading
from .session import Action, Decision, Observation, Reply, Session, Step
from .text import one_line


class Recorded(NamedTuple):
    """Code that ran in a session: an action, numbered in the session's order, or a cell of the user's own (0)."""

    number: int
    code: str
    thought: str
    status: str  # of its observation; "" where a user's cell went well
    error: str  # the name of the exception that it raised


def recorded(session: Session) -> Iterator[Recorded]:
    """Yield all code that ran in `session`, in its order."""
    number = 0
    for turn in session.turns:
        for cell in turn.cells:
            yield Recorded(0, cell.code, "A cell of your own, from before the prompt.", "error" * cell.failed, "")
        for step in turn.steps:
            if step.decision and step.decision.runs:
                number += 1
                yield Recorded(number, step.decision.code, step.thought, *_kind(step.observation))


@dataclass(frozen=True)
class Replayed:
    """How far a replay came: `ran` pieces of code, of which `left_out` were not run."""

    ran: int = 0
    left_out: int = 0


class Replay:
    """Runs what a session recorded: `approver` decides about each piece, `executor` runs it, `view` shows it.

    `tell` shows the user a line.
    """

    def __init__(self, approver: Approver, executor: Executor, view: View, tell: Callable[[str], None]) -> None:
        self._approver, self._executor, self._view, self._tell = approver, executor, view, tell
        self.steps: list[Step] = []

    def run(self, pieces: Sequence[Recorded]) -> Replayed:
        """Run `pieces`, up to the first one whose outcome differs in kind from the recorded one.

        Raises SessionError there, and Stopped where the user stops it.
        """
        left_out = 0
        for number, piece in enumerate(pieces, 1):
            if piece.status == "aborted":
                self._tell(_ABORTED.format(name=_name(piece)))
                left_out += 1
            elif not self._run(number, piece):
                left_out += 1
        return Replayed(len(pieces) - left_out, left_out)

    def _run(self, number: int, piece: Recorded) -> bool:
        """Run one piece, and return whether it was; the user may leave it out."""
        reading = Reading(thought=piece.thought, action=Action(piece.code))
        self._view.thinking(number)
        self._view.proposed(number, reading)
        step = Step(Reply(""), thought=piece.thought, action=reading.action, heard="replayed")
        try:
            decision = self._approver.decide(number, reading)
            step = replace(step, decision=decision)
            seen = self._executor.run(decision.code) if decision.runs else None
            step = replace(step, observation=seen)
        finally:
            self.steps.append(step)
            self._view.finished(number, step)
        self._check(piece, decision, seen)
        return seen is not None

    def _check(self, piece: Recorded, decision: Decision, seen: Observation | None) -> None:
        if decision.verdict == "stop" or (seen and seen.status == "aborted"):
            raise Stopped("You stopped the replay here.")
        if seen and decision.verdict != "edit" and not _alike(piece, seen):
            raise SessionError(_DIFFERS.format(name=_name(piece), now=_told(seen), then=_then(piece)))


def _kind(seen: Observation | None) -> tuple[str, str]:
    """Return how code ended: its status, and the name of what it raised."""
    if seen is None:
        return "aborted", ""
    error = next((output for output in reversed(seen.outputs) if output["output_type"] == "error"), {})
    return seen.status, str(error.get("ename", "")) if seen.status == "error" else ""


def _alike(piece: Recorded, seen: Observation) -> bool:
    status, error = _kind(seen)
    if piece.number == 0:  # of a user's cell nothing but that it failed is known
        return (status == "error") == (piece.status == "error")
    return (status, error) == (piece.status, piece.error)


_ABORTED = "{name} was interrupted in the session, so it is left out here."
_DIFFERS = (
    "{name} {now}; in the session it {then}. The replay ends here: the variables are as this step left them. "
    "Mend what it needs and replay again, or go on with a %%codeact cell."
)


def _name(piece: Recorded) -> str:
    return f"Action {piece.number}" if piece.number else f"Your own cell {one_line(piece.code, 40)!r}"


def _told(seen: Observation) -> str:
    status, name = _kind(seen)
    if status != "error":
        return "ran without an error"
    error = next((output for output in reversed(seen.outputs) if output["output_type"] == "error"), {})
    return f"raised {one_line(name or 'an error', 60)}: {one_line(error.get('evalue', ''), 120)}".rstrip(": ")


def _then(piece: Recorded) -> str:
    if piece.status != "error":
        return "ran without an error"
    return f"raised {one_line(piece.error, 60)}" if piece.error else "failed"
