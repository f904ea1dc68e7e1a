"""Runs a session again, from its beginning, and compares what it shows with what it showed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..compare import compare
from ..session import Cell, Observation, Session, Step
from ..text import one_line
from .engine import Engine
from .report import Report, Row, headline

Progress = Callable[[int, int, str], None]


class Piece(NamedTuple):
    """Code that ran, and what is recorded of it; `number` is 0 for a cell of the user's own."""

    number: int
    code: str
    recorded: Observation
    left_out: str = ""  # why it is not run again


def pieces(session: Session) -> Iterator[Piece]:
    """Yield all code that ran in `session`, in its order."""
    number = 0
    for turn in session.turns:
        yield from map(_of_cell, turn.cells)
        for step in turn.steps:
            if step.decision and step.decision.runs:
                number += 1
                yield _of_step(number, step.decision.code, step)


def _of_cell(cell: Cell) -> Piece:
    return Piece(0, cell.code, Observation("error" if cell.failed else "ok"))


def _of_step(number: int, code: str, step: Step) -> Piece:
    seen = step.observation
    if seen is None:
        return Piece(number, code, Observation("aborted"), "its run broke off in the session")
    interrupted = seen.status == "aborted" or seen.note
    return Piece(number, code, seen, "it was interrupted in the session" if interrupted else "")


def verify(
    session: Session,
    engine: Engine,
    *,
    tolerance: float = 1e-6,
    progress: Progress = lambda number, total, code: None,
) -> Report:
    """Run all code of `session` in `engine`, which is fresh, and return how it compares with what is recorded.

    What was interrupted in the session is left out; after an interrupt, a timeout or the engine's death nothing more
    is run.

    Args:
        session: the saved session; the engine works in the folder that it ran in.
        engine: where the code runs.
        tolerance: the relative difference that numbers may have, apart from integers.
        progress: is told before each run: which of how many, and the first line of the code.
    """
    began = time.monotonic()
    todo = list(pieces(session))
    rows: list[Row] = []
    note = ""
    for number, piece in enumerate(todo, 1):
        if piece.left_out:
            rows.append(Row(piece.number, piece.code, "left out", piece.left_out))
        elif note:
            rows.append(Row(piece.number, piece.code, "missing", "not run any more"))
        else:
            progress(number, len(todo), headline(piece.code))
            seen = engine.run(piece.code, every_value=piece.number > 0)
            note = _why_over(seen)
            rows.append(_row(piece, seen, tolerance))
    return Report(tuple(rows), note, time.monotonic() - began)


def _why_over(seen: Observation) -> str:
    """Return why nothing can be run after this, "" where it can."""
    return seen.note or ("You stopped it." if seen.status == "aborted" else "")


def _row(piece: Piece, seen: Observation, tolerance: float) -> Row:
    if why := _why_over(seen):
        return Row(piece.number, piece.code, "missing", why)
    if piece.recorded.status != seen.status:
        return Row(piece.number, piece.code, "differs", _otherwise(seen))
    if not piece.number:  # of a user's cell it is only known whether it failed
        return Row(0, piece.code, "same", "fails as it did" if seen.status == "error" else "")
    found = compare(piece.recorded.outputs, seen.outputs, tolerance=tolerance)
    return Row(piece.number, piece.code, found.verdict, str(found))


def _otherwise(seen: Observation) -> str:
    if seen.status == "ok":
        return "failed in the session, and runs now"
    error = next((output for output in reversed(seen.outputs) if output.get("output_type") == "error"), {})
    told = ": ".join(filter(None, (str(error.get("ename", "")), str(error.get("evalue", "")))))
    return f"raises {one_line(told, 200) or 'an error'}; it ran in the session"
