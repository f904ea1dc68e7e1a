"""Runs a session again, from its beginning, and compares what it shows with what it showed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from ..compare import compare
from ..context import as_text
from ..errors import StoppedError
from ..session import Json, Observation, Session
from ..sessions.code_blocks import CodeBlock, code_blocks, raised
from ..text import one_line
from .engine import Engine
from .report import Report, Row, headline

Progress = Callable[[int, int, str], None]


def verify(
    session: Session,
    engine: Engine,
    *,
    tolerance: float = 1e-6,
    progress: Progress = lambda number, total, code: None,
) -> Report:
    """Run all code of `session` in `engine`, which is fresh, and return how it compares with what is recorded.

    Where a new kernel began in the session the engine begins anew as well. What was interrupted in the session is left
    out; after a timeout or the engine's death nothing more is run. Raises StoppedError where the user interrupts it.

    Of a user's own cell nothing is recorded but whether it failed: such a row says "ran". Of what code does besides
    showing something (files, variables) nothing is compared.

    Args:
        session: the saved session; the engine works in the folder that it ran in.
        engine: where the code runs.
        tolerance: the relative difference that numbers may have, apart from integers.
        progress: is told before each run: which of how many, and the first line of the code.
    """
    began = time.monotonic()
    todo = code_blocks(session)
    rows: list[Row] = []
    note = ""
    died = False
    for number, piece in enumerate(todo, 1):
        if number > 1 and (died or piece.fresh or _lost_all(piece)):
            engine.restart()
        died = _lost_all(piece) and bool(_why_left_out(piece))
        if why := _why_left_out(piece):
            rows.append(Row(piece.number, piece.code, "left out", why))
        elif note:
            rows.append(Row(piece.number, piece.code, "missing", "not run any more"))
        else:
            progress(number, len(todo), headline(piece.code))
            seen = engine.run(piece.code, every_value=piece.number > 0)
            if seen.status == "aborted":
                raise StoppedError("You stopped it while it was being verified.")
            note = seen.note
            rows.append(_row(piece, seen, tolerance, _began(session.turns[piece.turn - 1].started)))
    return Report(tuple(rows), note, time.monotonic() - began)


def _why_left_out(piece: CodeBlock) -> str:
    """Return why a piece is not run again, "" where it is."""
    if piece.status == "aborted" and piece.seen is None:
        return "its run broke off in the session"
    if lost := _LOST.get(raised(piece.seen)[0]):
        return lost
    told = piece.seen.note if piece.seen else ""
    interrupted = piece.status == "aborted" or any(words in told for words in _INTERRUPTED)
    return "it was interrupted in the session" if interrupted else ""


# What executors note of an action that ran too long, and of one that another kernel followed upon, or preceded.
_INTERRUPTED = ("It was interrupted", "It did not react", "It was stopped before it ran")
_LOST_ALL = "all variables are gone"
_LOST = {
    "DeadKernelError": "the kernel died of it in the session",
    "ConnectionLostError": "the connection to the kernel was lost in the session",
}


def _lost_all(piece: CodeBlock) -> bool:
    """Tell whether the variables were lost in the session as a piece ran, or just before."""
    return piece.seen is not None and _LOST_ALL in piece.seen.note


def _began(started: str) -> datetime | None:
    """Return when a turn began, None where that is not known."""
    with suppress(ValueError):
        return datetime.fromisoformat(started).astimezone()
    return None


def _row(piece: CodeBlock, seen: Observation, tolerance: float, then: datetime | None) -> Row:
    if seen.note:  # which says why nothing can be run after this
        return Row(piece.number, piece.code, "missing", seen.note)
    if piece.status != seen.status:
        return Row(piece.number, piece.code, "differs", _otherwise(seen))
    if piece.seen is None:  # of a user's cell it is only known whether it failed
        return Row(0, piece.code, "ran", "fails as it did" if seen.status == "error" else "")
    if piece.imported:
        found = compare(_as_told(piece.seen), _as_told(seen), tolerance=tolerance)
        return Row(piece.number, piece.code, found.verdict, found.detail or ", ".join([_IMPORTED, *found.notes]))
    found = compare(piece.seen.outputs, seen.outputs, tolerance=tolerance, then=then)
    return Row(piece.number, piece.code, found.verdict, str(found))


_IMPORTED = "as text: it was imported"


def _as_told(seen: Observation) -> list[Json]:
    """Return what was shown as one text, as models are told: that is all that training data hold of it."""
    text: Json = {"output_type": "stream", "name": "stdout", "text": as_text(seen.outputs)}
    return [text, *(output for output in seen.outputs if output.get("output_type") == "error")]


def _otherwise(seen: Observation) -> str:
    if seen.status == "ok":
        return "failed in the session, and runs now"
    told = ": ".join(filter(None, raised(seen)))
    return f"raises {one_line(told, 200) or 'an error'}; it ran in the session"
