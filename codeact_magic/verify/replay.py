"""Runs the actions of a saved session again, without a model, each one approved like a live one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..agent import Approver, Executor, View
from ..errors import SessionError, StoppedError
from ..formats import Reading
from ..hints import GoOn
from ..session import Decision, Observation, Step
from ..sessions.code_blocks import CodeBlock, raised
from ..text import one_line


@dataclass(frozen=True)
class Replayed:
    """The number of actions that ran, of cells that ran, of blocks left out, and of blocks that the user edited."""

    actions: int = 0
    cells: int = 0
    left_out: int = 0
    edited: int = 0


class Replay:
    """Runs code blocks: `approver` decides about each one, `executor` runs it, `view` shows it.

    Each block becomes a step that stands alone (`steps`). `tell` shows the user a line.
    """

    def __init__(self, approver: Approver, executor: Executor, view: View, tell: Callable[[str], None]) -> None:
        self._approver = approver
        self._executor = executor
        self._view = view
        self._tell = tell
        self.steps: list[Step] = []
        self._lost_variables = False  # whether the session lost its variables at some point

    def run(self, blocks: Sequence[CodeBlock]) -> Replayed:
        """Run `blocks`, up to the first one that does not end as it did in the session.

        Raises SessionError at that block, and StoppedError if the user stops the replay.
        """
        ran: list[CodeBlock] = []
        for number, block in enumerate(blocks, 1):
            self._lost_variables = self._lost_variables or block.fresh
            if block.status == "interrupted":
                self._tell(_INTERRUPTED.format(name=_name(block)))
            elif self._run(number, block):
                ran.append(block)
        actions = sum(1 for block in ran if block.number)
        edited = sum(1 for step in self.steps if step.decision and step.decision.verdict == "edit")
        return Replayed(actions, len(ran) - actions, len(blocks) - len(ran), edited)

    def _run(self, number: int, block: CodeBlock) -> bool:
        """Propose one block, and return whether it ran; the user may leave it out."""
        step = Step.standalone(_thought(block), block.code)
        reading = Reading(thought=step.thought, action=step.action)
        self._view.thinking(number, block.name)
        self._view.proposed(number, reading)
        try:
            decision = self._approver.decide(number, reading)
            step = replace(step, decision=decision)
            observation = self._executor.run(decision.code) if decision.runs else None
            step = replace(step, observation=observation)
        finally:
            self.steps.append(step)
            self._view.finished(number, step)
        self._check(block, decision, observation)
        return observation is not None

    def _check(self, block: CodeBlock, decision: Decision, observation: Observation | None) -> None:
        """Raise an error if the replay must not go on."""
        if decision.verdict == "stop" or (observation and observation.status == "interrupted"):
            raise StoppedError("You stopped the replay here.")
        if not observation or decision.verdict == "edit" or _ended_alike(block, observation):
            return
        if self._lost_variables and block.failed and observation.status == "ok":
            self._tell(_LACKED.format(name=_name(block), then=_then(block)))
        else:
            fact = _DIFFERS.format(name=_name(block), now=_now(observation), then=_then(block))
            raise SessionError(fact, GoOn())


def _ended_alike(block: CodeBlock, observation: Observation) -> bool:
    """Return whether a block ended as in the session. Of a user's own cell only a failure is recorded."""
    if block.status != observation.status:
        return False
    if not block.number or observation.status != "error":
        return True
    return raised(block.observation)[0] == raised(observation)[0]


_YOURS = "A cell of your own, from before the prompt."
_EARLIER = "An action of another session, from before the prompt."
_INTERRUPTED = "{name} was interrupted in the session, so it is left out here."
_LACKED = "{name} {then} in the session, which went on in a new kernel by then; here it ran."
_DIFFERS = (
    "{name} {now}; in the session it {then}. The replay ends here: the variables are as this step left them. "
    "Fix what it needs and replay again."
)


def _thought(block: CodeBlock) -> str:
    if block.number:
        return block.thought
    return _EARLIER if block.earlier else _YOURS


def _name(block: CodeBlock) -> str:
    name = block.name[0].upper() + block.name[1:]
    return name if block.number else f"{name} {one_line(block.code, 40)!r}"


def _now(observation: Observation) -> str:
    if observation.status == "ok":
        return "ran without an error"
    name, text = raised(observation)
    return f"raised {one_line(name or 'an error', 60)}: {one_line(text, 120)}".rstrip(": ")


def _then(block: CodeBlock) -> str:
    if not block.failed:
        return "ran without an error"
    name, _ = raised(block.observation)
    return f"raised {one_line(name, 60)}" if name else "failed"
