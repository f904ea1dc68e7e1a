"""Runs the actions of a saved session again, no model involved, each one approved like a live one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..agent import Approver, Executor, View
from ..errors import SessionError, StoppedError
from ..formats import Reading
from ..hints import GoOn
from ..session import Action, Decision, Observation, Reply, Step
from ..sessions.code_blocks import CodeBlock, raised
from ..text import one_line


@dataclass(frozen=True)
class Replayed:
    """How many actions and how many cells from before prompts were run, how much was left out, and how much edited."""

    actions: int = 0
    cells: int = 0
    left_out: int = 0
    edited: int = 0


class Replay:
    """Runs what a session recorded: `approver` decides about each piece, `executor` runs it, `view` shows it.

    `tell` shows the user a line.
    """

    def __init__(self, approver: Approver, executor: Executor, view: View, tell: Callable[[str], None]) -> None:
        self._approver, self._executor, self._view, self._tell = approver, executor, view, tell
        self.steps: list[Step] = []
        self._lacked = False  # the session went on in a kernel that had nothing of what it had made

    def run(self, pieces: Sequence[CodeBlock]) -> Replayed:
        """Run `pieces`, up to the first one whose outcome differs in kind from the recorded one.

        Raises SessionError there, and StoppedError where the user stops it.
        """
        ran: list[CodeBlock] = []
        for number, piece in enumerate(pieces, 1):
            self._lacked = self._lacked or piece.fresh
            if piece.status == "aborted":
                self._tell(_ABORTED.format(name=_name(piece)))
            elif self._run(number, piece):
                ran.append(piece)
        actions = sum(1 for piece in ran if piece.number)
        edited = sum(1 for step in self.steps if step.decision and step.decision.verdict == "edit")
        return Replayed(actions, len(ran) - actions, len(pieces) - len(ran), edited)

    def _run(self, number: int, piece: CodeBlock) -> bool:
        """Run one piece, and return whether it was; the user may leave it out."""
        thought = piece.thought if piece.number else _EARLIER if piece.earlier else _YOURS
        reading = Reading(thought=thought, action=Action(piece.code))
        self._view.thinking(number, piece.name)
        self._view.proposed(number, reading)
        step = Step(Reply(""), thought=thought, action=reading.action, observation_message="replayed")
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

    def _check(self, piece: CodeBlock, decision: Decision, seen: Observation | None) -> None:
        if decision.verdict == "stop" or (seen and seen.status == "aborted"):
            raise StoppedError("You stopped the replay here.")
        if not seen or decision.verdict == "edit" or _alike(piece, seen):
            return
        if self._lacked and piece.status == "error" and seen.status == "ok":
            self._tell(_LACKED.format(name=_name(piece), then=_then(piece)))
        else:
            fact = _DIFFERS.format(name=_name(piece), now=_told(seen), then=_then(piece))
            raise SessionError(fact, GoOn())


def _alike(piece: CodeBlock, seen: Observation) -> bool:
    """Return whether a piece ended as it did: of a user's own cell nothing is known but whether it failed."""
    same = piece.status == seen.status
    return same and (not piece.number or seen.status != "error" or raised(piece.seen)[0] == raised(seen)[0])


_YOURS = "A cell of your own, from before the prompt."
_EARLIER = "An action of another session, from before the prompt."
_ABORTED = "{name} was interrupted in the session, so it is left out here."
_LACKED = "{name} {then} in the session, which went on in a new kernel by then; here it ran."
_DIFFERS = (
    "{name} {now}; in the session it {then}. The replay ends here: the variables are as this step left them. "
    "Mend what it needs and replay again."
)


def _name(piece: CodeBlock) -> str:
    name = piece.name[0].upper() + piece.name[1:]
    return name if piece.number else f"{name} {one_line(piece.code, 40)!r}"


def _told(seen: Observation) -> str:
    if seen.status != "error":
        return "ran without an error"
    name, text = raised(seen)
    return f"raised {one_line(name or 'an error', 60)}: {one_line(text, 120)}".rstrip(": ")


def _then(piece: CodeBlock) -> str:
    if piece.status != "error":
        return "ran without an error"
    name, _ = raised(piece.seen)
    return f"raised {one_line(name, 60)}" if name else "failed"
