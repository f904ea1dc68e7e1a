"""The subcommands that go on with a saved session, or run it again: load, replay, verify."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SessionError, UsageError
from ..frontends.captions import counted
from ..hints import RunCommand
from ..options import Options
from ..runner import Runner
from ..session import Session
from ..sessions.code_blocks import CodeBlock, code_blocks, made
from ..sessions.threads import near
from ..text import one_line
from .arguments import APPROVE, FILE, FILE_OR_CURRENT, THREAD, name_of, opened, with_given
from .printing import width
from .registry import EVERYWHERE, Argument, Arguments, subcommand

if TYPE_CHECKING:
    from ..kernels.separate import KernelExecutor
    from ..verify.report import Report


@subcommand(THREAD, FILE)
def load(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Go on with a saved session in the current thread.

    You are told which of its variables this kernel lacks; a replay makes them again.
    """
    options = with_given(options, arguments)
    path = runner.threads.find(options, arguments.file)
    session = runner.threads.adopt(options, path).session
    turns = counted(len(session.turns), "turn")
    print(f"Thread {one_line(options.thread, 40)} goes on with {one_line(near(path))}: {turns}.")
    if missing := _missing(runner, session):
        replay = RunCommand("replay", to="make them again")
        print(runner.host.advice.line(f"Not in this kernel: {_listed(missing)}.", [replay]))


@subcommand(
    THREAD,
    FILE_OR_CURRENT,
    Argument("--until", type=int, metavar="N", help="the last action to run, counted from 1"),
    Argument("--no-cells", action="store_true", help="leave out your own cells"),
    APPROVE,
)
def replay(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Run a session's code again in this kernel; you approve each action.

    No model is involved. Your own cells that were saved with the session run as well. The replay ends at the first
    action whose outcome differs in kind: it raises an error only now, or no longer.
    """
    options = with_given(options, arguments)
    session, path = opened(runner, options, arguments.file)
    blocks = list(code_blocks(session))
    if arguments.no_cells:
        blocks = [block for block in blocks if block.number]
    blocks = _until(blocks, arguments.until)
    if not blocks:
        print("Nothing ran in this session, so there is nothing to replay.")
        return
    replayed = runner.replay(options, session, blocks, name_of(session, path))
    cells = f" and {counted(replayed.cells, 'cell')} from before" if replayed.cells else ""
    left_out = f", {replayed.left_out:,} left out" if replayed.left_out else ""
    but = f", but for the {replayed.edited:,} that you edited" if replayed.edited else ""
    print(f"Replayed {counted(replayed.actions, 'action')}{cells}{left_out}: each ended as in the session{but}.")


@subcommand(
    THREAD,
    FILE_OR_CURRENT,
    APPROVE,
    Argument(
        "--tolerance",
        type=float,
        default=1e-6,
        metavar="NUMBER",
        help="the relative difference that numbers may have (1e-6)",
    ),
    front_ends=EVERYWHERE,
)
def verify(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Run a session in a separate kernel, and compare the outputs.

    You are asked once, for all of its code. Text has to be the same, apart from addresses, times and the like, which
    are named; numbers may differ by --tolerance; figures have to look alike.
    """
    report = verified(runner, with_given(options, arguments), arguments.file, arguments.tolerance, print)
    print(shown(runner, report))
    if report.status:
        raise SessionError(f"The session does not run as it did: {report.line}")


def verified(
    runner: Runner,
    options: Options,
    file: str | None,
    tolerance: float,
    tell: Callable[[str], None] = lambda line: None,
) -> Report:
    """Return how a session compares with itself when it runs in a separate kernel. The user is asked first.

    `tell` is told which session it is. Raises UsageError, SessionError, StoppedError.
    """
    from ..verify.report import Report
    from ..verify.rerun import verify

    if not 0 <= tolerance < math.inf:
        raise UsageError(f"--tolerance {tolerance}: a number from 0 on, such as 1e-6.")
    session, path = opened(runner, options, file)
    parts = script(session)
    if not parts:
        return Report()
    folder = folder_of(session, path)
    name = name_of(session, path)
    runner.consent(options, consent_line(name, folder), parts)
    tell(name)
    try:
        with separate_kernel(runner, folder) as engine:
            return verify(session, engine, tolerance=tolerance, progress=partial(show_progress, runner))
    finally:
        runner.view.waiting("")


def shown(runner: Runner, report: Report) -> str:
    """Return a report as a table, with the way to look into the differences."""
    return "\n".join(filter(None, [report.table(width()), runner.host.advice.sentence(report.hints)]))


# -- code in a separate kernel -----------------------------------------------------------------------------------------


def consent_line(name: str, folder: Path) -> str:
    """Return the line that the user is asked about: which code is to run in a separate kernel, and in which folder."""
    return f"All code of {name}, to be run in a separate kernel, in the folder {one_line(folder)}."


def script(session: Session) -> list[tuple[str, str]]:
    """Return all code that ran in `session`, as (name, code)."""
    return [(block.name, block.code) for block in code_blocks(session)]


def folder_of(session: Session, path: Path | None) -> Path:
    """Return the folder that the session's code ran in, or the session's own if that is gone."""
    if path is None:
        return Path.cwd()
    with suppress(OSError, ValueError):
        if session.home and (home := (path.parent / session.home).resolve()).is_dir():
            return home
    return path.parent


def separate_kernel(runner: Runner, folder: Path) -> KernelExecutor:
    """Return an executor with a kernel of its own, which works in `folder`."""
    from ..kernels.interpreter import InterpreterOptions
    from ..kernels.separate import KernelExecutor, LocalKernel

    options = InterpreterOptions(timeout=runner.options.action_timeout, secrets=runner.secrets)
    return KernelExecutor(LocalKernel(cwd=folder), options)


def show_progress(runner: Runner, number: int, total: int, code: str) -> None:
    """Show which of the code blocks is running."""
    runner.view.waiting(f"running {number} of {total}: {one_line(code, 80)}")


# -- parts of a session ------------------------------------------------------------------------------------------------


def _until(blocks: list[CodeBlock], until: int | None) -> list[CodeBlock]:
    """Return the blocks up to the action with that number, or all if it is None. Raises UsageError."""
    if until is None:
        return blocks
    last = max((block.number for block in blocks), default=0)
    if not 1 <= until <= last:
        raise UsageError(f"--until {until}: this session has {counted(last, 'action')} that ran.")
    end = next(index for index, block in enumerate(blocks) if block.number == until)
    return blocks[: end + 1]


def _missing(runner: Runner, session: Session) -> list[str]:
    """Return the names that a session made and this kernel lacks."""
    names = made(session, cells=True)
    defined = runner.interpreter.defined(names)
    return [name for name in names if name not in defined]


def _listed(names: Collection[str], most: int = 8) -> str:
    listed = ", ".join(one_line(name, 40) for name in list(names)[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{listed}{more}"
