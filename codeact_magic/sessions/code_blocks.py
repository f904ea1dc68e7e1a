"""The code that ran in a session, piece by piece."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from ..session import IMPORTED, Observation, Session


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Code that ran in a session: an action, numbered in the session's order, or a cell of the user's own (0).

    A cell may also be an `earlier` action, of another session. `status` is that of its observation ("ok", "error",
    "aborted"); that of an action whose run broke off is "aborted".
    """

    number: int
    turn: int  # counted from 1
    code: str
    status: str = "ok"
    thought: str = ""  # what the model wrote beside it
    line: str = ""  # the line that raised, as "line 3: ..."
    seen: Observation | None = None  # what came of an action; nothing is known where its run broke off
    whole: bool = True  # otherwise it failed, and this is what it had done before
    imported: bool = False  # of what came of it there is only what the model was told, as text
    earlier: bool = False
    fresh: bool = False  # it is the first one in a kernel that had nothing of what ran before

    @property
    def name(self) -> str:
        """What it is called."""
        if self.number:
            return f"action {self.number}"
        return "an earlier action" if self.earlier else "your own cell"


def code_blocks(session: Session) -> tuple[CodeBlock, ...]:
    """Return all code that ran in `session`, in its order."""
    found: list[CodeBlock] = []
    for block in _blocks(session):
        before = found[-1].turn if found else block.turn
        fresh = any(turn.fresh for turn in session.turns[before : block.turn])
        found.append(replace(block, fresh=True) if fresh else block)
    return tuple(found)


def _blocks(session: Session) -> Iterator[CodeBlock]:
    number = 0
    for place, turn in enumerate(session.turns, 1):
        for cell in turn.cells:
            yield CodeBlock(0, place, cell.code, "error" if cell.failed else "ok", earlier=cell.earlier)
        for step in turn.steps:
            if step.decision and step.decision.runs:
                number += 1
                seen = step.observation
                status, line = (seen.status, seen.line) if seen else ("aborted", "")
                imported = step.decision.by == IMPORTED
                yield CodeBlock(number, place, step.decision.code, status, step.thought, line, seen, imported=imported)


def raised(seen: Observation | None) -> tuple[str, str]:
    """Return the name and the text of the exception that ended a run, as far as they were shown."""
    outputs = seen.outputs if seen else ()
    error = next((output for output in reversed(outputs) if output.get("output_type") == "error"), {})
    return str(error.get("ename", "")), str(error.get("evalue", ""))


# -- names -------------------------------------------------------------------------------------------------------------


def made(session: Session, *, cells: bool = False) -> list[str]:
    """Return the names that the actions of `session` gave a value, without those deleted again, in their order.

    `cells`: and the user's own cells. What was imported comes last.
    """
    names: dict[str, bool] = {}  # and whether it was imported
    for block in code_blocks(session):
        if block.number or cells:
            names |= _made(block)
            for name in _deleted(block.code):
                names.pop(name, None)
    return sorted(names, key=lambda name: names[name])


def _made(block: CodeBlock) -> dict[str, bool]:
    """Return the names that a block gave a value, and whether they were imported."""
    bound = _bound(block.code)
    changed = (name for name, _ in block.seen.changed) if block.seen else ()
    return {**(bound if block.status == "ok" else {}), **{name: bound.get(name, False) for name in changed}}


def _bound(code: str) -> dict[str, bool]:
    """Return the names that `code` binds at its top level; none where it is not plain Python."""
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
