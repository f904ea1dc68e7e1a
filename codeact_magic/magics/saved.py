"""What `%codeact` does with saved sessions: list, load, replay, verify, insert."""

from __future__ import annotations

import argparse
import math
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SessionError, UsageError
from ..frontends.captions import columns, counted
from ..options import Options
from ..runner import Runner
from ..session import Json, Session, Turn
from ..sessions.code_blocks import CodeBlock, code_blocks, made, raised
from ..sessions.saving import disk
from ..sessions.threads import Saved, near, saved
from ..slicing import before_the_error, clean, without_failures
from ..text import one_line, safe_markdown

if TYPE_CHECKING:
    from ..kernels.separate import KernelExecutor
    from ..verify.report import Report

Arguments = argparse.Namespace


MOST_LISTED = 20
PATIENCE = 1.0  # seconds after which a user wants to know what takes so long


def listing(runner: Runner, options: Options, arguments: Arguments) -> None:
    """List the saved sessions, the newest first: time, prompt, steps, model, outcome."""
    place = _folder(options)
    found = _read(runner, islice(saved(place), None if arguments.all else MOST_LISTED + 1))
    if not found:
        print(f"There is no saved session in {one_line(near(disk.absolute(place)))} yet.")
        return
    shown = found if arguments.all else found[:MOST_LISTED]
    sessions = [(one, one.session) for one in shown if one.session]
    if sessions:
        head = ("begun", "prompt", "steps", "model", "outcome", "file")
        print("\n".join(columns([head, *(_row(one, session) for one, session in sessions)], right=[2])))
    for one in shown:
        if one.session is None:
            print(one_line(one.trouble))
    if len(found) > len(shown):
        print("There are more: %codeact sessions --all")


def load(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Go on with a saved session: its conversation becomes the current thread.

    Its variables do not come with it; %codeact replay FILE makes them again.
    """
    options = _chosen(options, arguments)
    path = runner.threads.find(options, arguments.file)
    session = runner.threads.adopt(options, path).session
    turns = counted(len(session.turns), "turn")
    print(f"Thread {one_line(options.thread, 40)} goes on with {one_line(near(path))}: {turns}.")
    if missing := _missing(runner, session):
        print(f"Not in this kernel: {_listed(missing)}. %codeact replay makes what the session made.")


def replay(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Run a session's actions again, without a model, each one approved.

    They run in this kernel. Your own cells that were saved with them are run as well. The replay ends
    at the first action whose outcome differs in kind: one that raises now, or does not any more.
    """
    options = _chosen(options, arguments)
    session, path = _opened(runner, options, arguments.file)
    pieces = list(code_blocks(session))
    if arguments.no_cells:
        pieces = [piece for piece in pieces if piece.number]
    pieces = _until(pieces, arguments.until)
    if not pieces:
        print("Nothing ran in this session, so there is nothing to replay.")
        return
    replayed = runner.replay(options, session, pieces, _told(session, path))
    cells = f" and {counted(replayed.cells, 'cell')} from before" if replayed.cells else ""
    left_out = f", {replayed.left_out:,} left out" if replayed.left_out else ""
    but = f", but for the {replayed.edited:,} that you edited" if replayed.edited else ""
    print(f"Replayed {counted(replayed.actions, 'action')}{cells}{left_out}: each ended as in the session{but}.")


def verify(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Run a session in a kernel of its own, and compare what it shows.

    You are asked once, for all of its code. Text has to be the same but for addresses, times and the like, which are
    named; numbers may differ by --tolerance; figures have to look alike.
    """
    report = verified(runner, _chosen(options, arguments), arguments.file, arguments.tolerance, print)
    print(report.table(shutil.get_terminal_size((100, 24)).columns))
    if report.status:
        raise SessionError(f"The session does not run as it did: {report.line}")


def verified(
    runner: Runner,
    options: Options,
    file: str | None,
    tolerance: float,
    tell: Callable[[str], None] = lambda line: None,
) -> Report:
    """Return how a session compares with itself when it is run in a kernel of its own; the user is asked first.

    `tell` is told which session it is. Raises UsageError, SessionError, Stopped.
    """
    from ..verify.report import Report
    from ..verify.rerun import verify

    if not 0 <= tolerance < math.inf:
        raise UsageError(f"--tolerance {tolerance}: a number from 0 on, such as 1e-6.")
    session, path = _opened(runner, options, file)
    parts = _script(session)
    if not parts:
        return Report()
    place = _place(session, path)
    told = _told(session, path)
    runner.consent(options, _ASKED.format(told=told, place=one_line(place)), parts)
    tell(told)
    try:
        with _engine(runner, place) as engine:
            return verify(session, engine, tolerance=tolerance, progress=partial(_progress, runner))
    finally:
        runner.view.waiting("")


def insert(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Put a session's actions into your notebook as ordinary cells, not yet run.

    With --clean only those that the end result depends on: dead ends and failed attempts are left out. That is proved
    first, by running both in kernels of their own, about which you are asked. What cannot be proved is not left out.
    """
    options = _chosen(options, arguments)
    session, path = _opened(runner, options, arguments.file)
    pieces: Sequence[CodeBlock] = code_blocks(session)
    print(_told(session, path))
    if arguments.clean:
        pieces = _cleaned(runner, options, session, path)
    cells = list(_cells(session, pieces if arguments.cells else [piece for piece in pieces if piece.number]))
    if not cells:
        print("Nothing ran in this session, so there is nothing to insert.")
        return
    _insert(runner, cells)


# -- kernels of their own ----------------------------------------------------------------------------------------------

_ASKED = "All code of {told}, to be run in a kernel of its own, in the folder {place}."


def _script(session: Session) -> list[tuple[str, str]]:
    """Return all code that ran in `session`, and what it is called."""
    return [(piece.name, piece.code) for piece in code_blocks(session)]


def _place(session: Session, path: Path | None) -> Path:
    """Return the folder that the session's code ran in, as far as it is there."""
    if path is None:
        return Path.cwd()
    with suppress(OSError, ValueError):
        if session.home and (home := (path.parent / session.home).resolve()).is_dir():
            return home
    return path.parent


def _engine(runner: Runner, place: Path) -> KernelExecutor:
    from ..kernels.interpreter import InterpreterOptions
    from ..kernels.separate import KernelExecutor, LocalKernel

    options = runner.options
    interpreter_options = InterpreterOptions(timeout=options.action_timeout, secrets=runner.secrets)
    return KernelExecutor(LocalKernel(cwd=place), interpreter_options)


def _progress(runner: Runner, number: int, total: int, code: str) -> None:
    runner.view.waiting(f"running {number} of {total}: {one_line(code, 80)}")


def _cleaned(runner: Runner, options: Options, session: Session, path: Path | None) -> Sequence[CodeBlock]:
    """Return the smallest slice that can be proved, all code blocks if none can."""
    from ..verify.proof import first_proved

    smallest, everything = clean(session), code_blocks(session)
    if smallest.kept == everything:
        print(smallest.note or "The end result depends on every action.")
        return everything
    fuller = without_failures(session)
    parts = [smallest] if fuller.kept in (smallest.kept, everything) else [smallest, fuller]
    place = _place(session, path)
    runner.consent(options, _ASKED.format(told=_told(session, path), place=one_line(place)), _script(session))
    try:
        engine = partial(_engine, runner, place)
        part, proof = first_proved(session, parts, engine, progress=partial(_progress, runner))
    finally:
        runner.view.waiting("")
    print(proof.line)
    if part is None:
        return everything
    for one in part.dropped:
        print(f"  left out: action {one.block.number} ({one.reason}), {one_line(one.block.code, 60)}")
    return part.kept


# -- which session -----------------------------------------------------------------------------------------------------


def _opened(runner: Runner, options: Options, file: str | None) -> tuple[Session, Path | None]:
    """Return the session in `file`, or else the one of the current thread, and where it is saved.

    Raises UsageError, SessionError.
    """
    if file is None:
        conversation = runner.threads.named(options.thread)
        return conversation.session, conversation.path
    path = runner.threads.find(options, file)
    return runner.threads.read(path), path


def _chosen(options: Options, arguments: Arguments) -> Options:
    """Return `options`, with the --approve and the --thread that were given."""
    given = {name: getattr(arguments, name, None) for name in ("approve", "thread")}
    return Options(**(options.values() | {name: value for name, value in given.items() if value}))


def _told(session: Session, path: Path | None) -> str:
    """Return a line that tells which session this is."""
    return one_line(near(path)) if path else f"Thread {one_line(session.thread, 40)}"


def _until(pieces: list[CodeBlock], until: int | None) -> list[CodeBlock]:
    if until is None:
        return pieces
    last = max((piece.number for piece in pieces), default=0)
    if not 1 <= until <= last:
        raise UsageError(f"--until {until}: this session has {counted(last, 'action')} that ran.")
    end = next(place for place, piece in enumerate(pieces) if piece.number == until)
    return pieces[: end + 1]


# -- names -------------------------------------------------------------------------------------------------------------


def _missing(runner: Runner, session: Session) -> list[str]:
    names = made(session, cells=True)
    here = runner.interpreter.defined(names)
    return [name for name in names if name not in here]


def _listed(names: Collection[str], most: int = 8) -> str:
    shown = ", ".join(one_line(name, 40) for name in list(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


# -- cells -------------------------------------------------------------------------------------------------------------


def _cells(session: Session, pieces: Sequence[CodeBlock]) -> Iterator[Json]:
    """Yield `pieces` as cells, each turn's below its prompt."""
    for turn, group in groupby(pieces, lambda piece: piece.turn):
        yield {"cell_type": "markdown", "source": safe_markdown(session.turns[turn - 1].prompt)}
        for piece in group:
            yield {"cell_type": "code", "source": _source(piece)}


def _source(piece: CodeBlock) -> str:
    """Return the code of a piece; what did not end well is there as a comment, so that the rest runs."""
    code = piece.code.rstrip()
    if piece.status == "ok":
        return code
    before = before_the_error(piece)
    rest = "\n".join(f"# {line}".rstrip() for line in code.removeprefix(before).splitlines())
    return f"{before}# {_ended(piece)}\n{rest}"


def _ended(piece: CodeBlock) -> str:
    if piece.status == "interrupted":
        return "This was interrupted in the session:"
    return f"This raised {one_line(raised(piece.observation)[0], 60) or 'an error'} in the session:"


def _insert(runner: Runner, cells: Sequence[Json]) -> None:
    if unseen := list(_unseen(cells)):
        print(f"Look twice: {'; '.join(unseen)}.")
    count = sum(cell["cell_type"] == "code" for cell in cells)
    one = count == 1
    runner.host.front_end.insert(
        cells,
        inserted=f"{counted(count, 'cell')} of code {'stands' if one else 'stand'} below; none was run.",
        otherwise=f"{counted(count, 'cell')} of code as one below, not yet run.",
    )


def _unseen(cells: Iterable[Json]) -> Iterator[str]:
    """Yield what a reader of `cells` would not see."""
    from ..risk import scan

    for cell in cells:
        if cell["cell_type"] == "code":
            yield from (str(finding) for finding in scan(cell["source"]) if finding.kind == "hidden")


# -- the list ----------------------------------------------------------------------------------------------------------


def _read(runner: Runner, found: Iterable[Saved]) -> list[Saved]:
    """Return what is `found`, and tell how much that is so far once it takes its time."""
    began, read = time.monotonic(), list[Saved]()
    try:
        for one in found:
            read.append(one)
            if time.monotonic() > began + PATIENCE:
                runner.view.waiting(f"reading the sessions: {len(read):,} so far")
    finally:
        runner.view.waiting("")
    return read


def _row(one: Saved, session: Session) -> tuple[str, ...]:
    turns = session.turns
    steps = sum(len(turn.steps) for turn in turns)
    prompt = one_line(turns[0].prompt, 40) if turns else "(no prompt)"
    more = f" (+{len(turns) - 1})" if len(turns) > 1 else ""
    last = turns[-1] if turns else Turn("")
    return (
        _time(session.started) or f"{one.modified:%Y-%m-%d %H:%M}",
        prompt + more,
        f"{steps:,}",
        one_line(last.model, 24),
        last.outcome,
        one_line(one.path.name, 80),
    )


def _time(started: str) -> str:
    with suppress(ValueError):
        return f"{datetime.fromisoformat(started).astimezone():%Y-%m-%d %H:%M}"
    return ""


def _folder(options: Options) -> Path:
    """Return where sessions are saved. Raises UsageError where they are not."""
    if not options.save_folder:
        raise UsageError("Sessions are not saved here (save_folder is empty): name a file.")
    return Path(options.save_folder).expanduser()
