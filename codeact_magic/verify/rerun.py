"""Runs a session again from its beginning, and compares the new observations with the recorded ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from ..compare import compare
from ..context import as_text
from ..errors import StoppedError
from ..session import CONNECTION_LOST, Json, Observation, Session
from ..sessions.code_blocks import CodeBlock, code_blocks, raised
from ..text import one_line
from .report import Report, Row, headline
from .separate_kernel import SeparateKernel, cut_short, reason

Progress = Callable[[int, int, str], None]


def verify(
    session: Session,
    kernel: SeparateKernel,
    *,
    tolerance: float = 1e-6,
    progress: Progress = lambda number, total, code: None,
) -> Report:
    """Run all code of `session` in `kernel`, which is new, and return how the results compare with the recorded ones.

    The kernel restarts at each point where the session continued in a new kernel. Blocks that were interrupted in the
    session are left out. After a timeout or the loss of the kernel nothing more is run. Raises StoppedError
    if the user interrupts the run.

    Of a user's own cell only a failure is recorded, so its row says "ran". Other effects of the code, such as files
    and variables, are not compared.

    Args:
        session: the saved session.
        kernel: runs the code, in the folder in which the session ran.
        tolerance: the relative difference allowed between numbers, except integers.
        progress: called before each run with its number, the total, and the headline of the code.
    """
    began = time.monotonic()
    blocks = code_blocks(session)
    rows: list[Row] = []
    note = ""
    for number, block in enumerate(blocks, 1):
        if block.fresh and number > 1:
            kernel.restart()
        if left_out := _why_left_out(block):
            rows.append(Row(block.number, block.code, "left out", left_out))
        elif note:
            rows.append(Row(block.number, block.code, "missing", "not run any more"))
        else:
            progress(number, len(blocks), headline(block.code))
            observation = kernel.run(block.code, every_value=block.number > 0)
            if observation.status == "interrupted":
                raise StoppedError("You stopped it while it was being verified.")
            if cut_short(observation):
                note = reason(observation)
            rows.append(_row(block, observation, tolerance, _began(session.turns[block.turn - 1].started)))
    return Report(tuple(rows), note, time.monotonic() - began)


def _why_left_out(block: CodeBlock) -> str:
    """Return why a block is not run again, "" if it is."""
    match block.status:
        case "interrupted" if block.observation is None:
            return "its run broke off in the session"
        case "interrupted" | "timed out":
            return "it was interrupted in the session"
        case "kernel lost" if raised(block.observation)[0] == CONNECTION_LOST:
            return "the connection to the kernel was lost in the session"
        case "kernel lost":
            return "the kernel died of it in the session"
    return ""


def _began(started: str) -> datetime | None:
    """Return when a turn began, None if that is not known."""
    with suppress(ValueError):
        return datetime.fromisoformat(started).astimezone()
    return None


def _row(block: CodeBlock, observation: Observation, tolerance: float, then: datetime | None) -> Row:
    if cut_short(observation):
        return Row(block.number, block.code, "missing", reason(observation))
    if block.status != observation.status:
        return Row(block.number, block.code, "differs", _difference(observation))
    if block.observation is None:  # a user's cell
        return Row(0, block.code, "ran", "fails as it did" if observation.status == "error" else "")
    if block.imported:
        found = compare(_as_sent(block.observation), _as_sent(observation), tolerance=tolerance)
        return Row(block.number, block.code, found.verdict, found.detail or ", ".join([_IMPORTED, *found.notes]))
    found = compare(block.observation.outputs, observation.outputs, tolerance=tolerance, then=then)
    return Row(block.number, block.code, found.verdict, str(found))


_IMPORTED = "as text: it was imported"


def _as_sent(observation: Observation) -> list[Json]:
    """Return outputs as one text, as models are told them: training data hold nothing else."""
    text: Json = {"output_type": "stream", "name": "stdout", "text": as_text(observation.outputs)}
    return [text, *(output for output in observation.outputs if output.get("output_type") == "error")]


def _difference(observation: Observation) -> str:
    """Return how a run ended, if it ended differently in the session."""
    if observation.status == "ok":
        return "failed in the session, and runs now"
    error = ": ".join(filter(None, raised(observation)))
    return f"raises {one_line(error, 200) or 'an error'}; it ran in the session"
