"""The code blocks of a session: the code that ran in it."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from ..session import IMPORTED, Cell, Observation, Session, Status, Step


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Code that ran in a session: an action, numbered in the session's order, or a cell of the user's own (0).

    A cell may also be an `earlier` action, of another session. `status` is that of the observation; it is
    "interrupted" for an action whose run broke off without an observation.
    """

    number: int
    turn: int  # counted from 1
    code: str
    status: Status = "ok"
    thought: str = ""  # the model's thought beside the action
    line: str = ""  # the line that raised, as "line 3: ..."
    observation: Observation | None = None  # of an action; None if its run broke off
    whole: bool = True  # False for a part of an action that failed: the statements before the failure
    imported: bool = False  # the observation holds only the text that the model was told
    earlier: bool = False
    fresh: bool = False  # the first block in a kernel without the variables of the blocks before it

    @property
    def name(self) -> str:
        """The name by which the user knows it."""
        if self.number:
            return f"action {self.number}"
        return "an earlier action" if self.earlier else "your own cell"

    @property
    def failed(self) -> bool:
        """Whether the run did not end well, although the user did not stop it."""
        return self.status not in ("ok", "interrupted")


def code_blocks(session: Session) -> tuple[CodeBlock, ...]:
    """Return the code blocks of `session`, in their order."""
    found: list[CodeBlock] = []
    for block in _blocks(session):
        fresh = _is_fresh(session, found[-1] if found else None, block)
        found.append(replace(block, fresh=True) if fresh else block)
    return tuple(found)


def _blocks(session: Session) -> Iterator[CodeBlock]:
    number = 0
    for turn_number, turn in enumerate(session.turns, 1):
        for cell in turn.cells:
            yield _cell_block(turn_number, cell)
        for step in turn.steps:
            if step.decision and step.decision.runs:
                number += 1
                yield _action_block(number, turn_number, step)


def _cell_block(turn: int, cell: Cell) -> CodeBlock:
    return CodeBlock(0, turn, cell.code, "error" if cell.failed else "ok", earlier=cell.earlier)


def _action_block(number: int, turn: int, step: Step) -> CodeBlock:
    assert step.decision
    observation = step.observation
    return CodeBlock(
        number,
        turn,
        step.decision.code,
        status=observation.status if observation else "interrupted",
        thought=step.thought,
        line=observation.line if observation else "",
        observation=observation,
        imported=step.decision.by == IMPORTED,
    )


def _is_fresh(session: Session, before: CodeBlock | None, block: CodeBlock) -> bool:
    """Return whether `block` ran in a kernel without the variables of the blocks `before` it."""
    if block.observation and block.observation.fresh:
        return True
    if before and before.observation and before.observation.lost:
        return True
    first = before.turn if before else block.turn
    return any(turn.fresh for turn in session.turns[first : block.turn])


def raised(observation: Observation | None) -> tuple[str, str]:
    """Return the name and the text of the exception that ended a run, "" if they were not shown."""
    outputs = observation.outputs if observation else ()
    error = next((output for output in reversed(outputs) if output.get("output_type") == "error"), {})
    return str(error.get("ename", "")), str(error.get("evalue", ""))


# -- names -------------------------------------------------------------------------------------------------------------


def made(session: Session, *, cells: bool = False) -> list[str]:
    """Return the names that the actions of `session` assigned and did not delete again, in their order.

    Imported names come last. `cells` includes the user's own cells.
    """
    names: dict[str, bool] = {}  # name -> whether it was imported
    for block in code_blocks(session):
        if block.number or cells:
            names |= _made(block)
            for name in _deleted(block.code):
                names.pop(name, None)
    return sorted(names, key=lambda name: names[name])


def _made(block: CodeBlock) -> dict[str, bool]:
    """Return the names that a block assigned, and whether each was imported."""
    bound = _bound(block.code)
    changed = (name for name, _ in block.observation.changed) if block.observation else ()
    return {**(bound if block.status == "ok" else {}), **{name: bound.get(name, False) for name in changed}}


def _bound(code: str) -> dict[str, bool]:
    """Return the names that `code` binds at its top level; none if it is not plain Python."""
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        symbols = symtable.symtable(code, "<action>", "exec").get_symbols()
        bound = (one for one in symbols if one.is_assigned() or one.is_imported() or one.is_namespace())
        return {symbol.get_name(): symbol.is_imported() for symbol in bound}
    return {}


def _deleted(code: str) -> Iterator[str]:
    """Yield the names that `code` deletes at its top level."""
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        for node in ast.parse(code).body:
            if isinstance(node, ast.Delete):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
