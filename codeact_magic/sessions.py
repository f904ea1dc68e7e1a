"""What `%codeact` does with saved sessions: list, load, replay, verify, insert."""

from __future__ import annotations

import argparse
import ast
import shutil
import symtable
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from .captions import columns, counted
from .conversations import Saved, near, saved
from .errors import SessionError, UsageError
from .options import Options
from .runner import Runner
from .session import Json, Session, Turn
from .slicing import clean
from .text import one_line, safe_markdown
from .units import Unit, units

if TYPE_CHECKING:
    from .engine import KernelExecutor
    from .verify import Report

Arguments = argparse.Namespace


MOST_LISTED = 20


def listing(runner: Runner, options: Options, arguments: Arguments) -> None:
    """List the saved sessions, the newest first: time, prompt, steps, model, outcome."""
    place = _folder(options)
    found = list(islice(saved(place), None if arguments.all else MOST_LISTED + 1))
    if not found:
        print(f"There is no saved session in {one_line(near(place.absolute()))} yet.")
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
    path = runner.conversations.find(options, arguments.file)
    session = runner.conversations.adopt(options, path).session
    turns = counted(len(session.turns), "turn")
    print(f"Thread {one_line(options.thread, 40)} goes on with {one_line(near(path))}: {turns}.")
    if missing := _missing(runner, session):
        print(f"Not in this kernel: {_listed(missing)}. %codeact replay makes what the session made.")


def replay(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Run a session's actions again, without a model, each one approved.

    They run in this kernel. Your own cells that were saved with them are run as well. The replay ends
    at the first action whose outcome differs in kind: one that raises now, or does not any more.
    """
    session, _ = _opened(runner, options, arguments.file)
    pieces = list(units(session))
    if arguments.no_cells:
        pieces = [piece for piece in pieces if piece.number]
    pieces = _until(pieces, arguments.until)
    if not pieces:
        print("Nothing ran in this session, so there is nothing to replay.")
        return
    replayed = runner.replay(_approved(options, arguments), session, pieces)
    left_out = f", {replayed.left_out:,} left out" if replayed.left_out else ""
    print(f"Replayed {counted(replayed.ran, 'piece')} of code{left_out}: each ended as in the session.")


def verify(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Run a session in a kernel of its own, and compare what it shows.

    You are asked once, for all of its code. Text has to be the same but for addresses, times and the like, which are
    named; numbers may differ by --tolerance; figures have to look alike.
    """
    report = verified(runner, _approved(options, arguments), arguments.file, arguments.tolerance)
    print(report.table(shutil.get_terminal_size((100, 24)).columns))
    if report.status:
        raise SessionError(f"The session does not run as it did: {report.line}")


def verified(runner: Runner, options: Options, file: str | None, tolerance: float) -> Report:
    """Return how a session compares with itself when it is run in a kernel of its own; the user is asked first."""
    from .verify import Report, verify

    session, path = _opened(runner, options, file)
    code = _script(session)
    if not code:
        return Report()
    place = _place(session, path)
    runner.consent(options, _ASKED.format(place=one_line(place)), code)
    try:
        with _engine(runner, place) as engine:
            return verify(session, engine, tolerance=tolerance, progress=partial(_progress, runner))
    finally:
        runner.view.waiting("")


def insert(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Put a session's actions into your notebook as ordinary cells, not yet run.

    With --clean only those that the end result depends on: dead ends and failed attempts are left out. That is proved
    first, by running both in kernels of their own, about which you are asked; where it does not hold, all are kept.
    """
    session, path = _opened(runner, options, arguments.file)
    pieces: Sequence[Unit] = units(session)
    if arguments.clean:
        pieces = _cleaned(runner, _approved(options, arguments), session, path)
    cells = list(_cells(session, pieces if arguments.cells else [piece for piece in pieces if piece.number]))
    if not cells:
        print("Nothing ran in this session, so there is nothing to insert.")
        return
    _insert(runner, cells)


def made(session: Session) -> list[str]:
    """Return the names that the actions of `session` gave a value, in their order, without those deleted again."""
    names: dict[str, None] = {}
    for turn in session.turns:
        for step in turn.steps:
            if step.observation and step.decision:
                names |= dict.fromkeys(name for name, _ in step.observation.changed)
                if step.observation.status == "ok":
                    names |= dict.fromkeys(_bound(step.decision.code))
                for name in _deleted(step.decision.code):
                    names.pop(name, None)
    return list(names)


# -- kernels of their own ----------------------------------------------------------------------------------------------

_ASKED = "All code of the session, to be run in a kernel of its own, in the folder {place}."


def _script(session: Session) -> str:
    """Return all code that ran in `session`, as one text to look at."""
    parts = (
        f"# %% {f'action {piece.number}' if piece.number else 'your own cell'}\n{piece.code}"
        for piece in units(session)
    )
    return "\n\n".join(parts)


def _place(session: Session, path: Path | None) -> Path:
    """Return the folder that the session's code ran in, as far as it is there."""
    if path is None:
        return Path.cwd()
    with suppress(OSError, ValueError):
        if session.home and (home := (path.parent / session.home).resolve()).is_dir():
            return home
    return path.parent


def _engine(runner: Runner, place: Path) -> KernelExecutor:
    from .engine import KernelExecutor, LocalKernel

    options = runner.options
    return KernelExecutor(LocalKernel(cwd=place), timeout=options.action_timeout, secrets=runner.secrets)


def _progress(runner: Runner, number: int, total: int, code: str) -> None:
    runner.view.waiting(f"running {number} of {total}: {one_line(code, 80)}")


def _cleaned(runner: Runner, options: Options, session: Session, path: Path | None) -> Sequence[Unit]:
    """Return what the end result depends on, where that is proved; all of it where it is not."""
    from .verify import prove

    part, everything = clean(session), units(session)
    if part.kept == everything:
        print("The end result depends on every action.")
        return everything
    place = _place(session, path)
    runner.consent(options, _ASKED.format(place=one_line(place)), _script(session))
    proof = prove(session, part, lambda: _engine(runner, place), progress=partial(_progress, runner))
    runner.view.waiting("")
    print(proof.line)
    if not proof.holds:
        return everything
    for one in part.dropped:
        print(f"  left out: action {one.unit.number} ({one.reason}), {one_line(one.unit.code, 60)}")
    return part.kept


# -- which session -----------------------------------------------------------------------------------------------------


def _opened(runner: Runner, options: Options, file: str | None) -> tuple[Session, Path | None]:
    """Return the session in `file`, or else the one of the current thread, and where it is saved.

    Raises UsageError, SessionError.
    """
    if file is None:
        conversation = runner.conversations.named(options.thread)
        return conversation.session, conversation.path
    from .saving.saver import load

    path = runner.conversations.find(options, file)
    return load(path), path


def _approved(options: Options, arguments: Arguments) -> Options:
    """Return `options`, with the --approve that was given."""
    given = {"approve": arguments.approve} if arguments.approve else {}
    return Options(**(options.values() | given))


def _until(pieces: list[Unit], until: int | None) -> list[Unit]:
    if until is None:
        return pieces
    last = max((piece.number for piece in pieces), default=0)
    if not 1 <= until <= last:
        raise UsageError(f"--until {until}: this session has {counted(last, 'action')} that ran.")
    end = next(place for place, piece in enumerate(pieces) if piece.number == until)
    return pieces[: end + 1]


# -- names -------------------------------------------------------------------------------------------------------------


def _missing(runner: Runner, session: Session) -> list[str]:
    names = made(session)
    here = runner.interpreter.defined(names)
    return [name for name in names if name not in here]


def _listed(names: Collection[str], most: int = 8) -> str:
    shown = ", ".join(one_line(name, 40) for name in list(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _bound(code: str) -> Iterator[str]:
    """Yield the names that `code` binds at its top level; none where it is not plain Python."""
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        for symbol in symtable.symtable(code, "<action>", "exec").get_symbols():
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                yield symbol.get_name()


def _deleted(code: str) -> Iterator[str]:
    """Yield the names that `code` deletes at its top level."""
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        for node in ast.parse(code).body:
            if isinstance(node, ast.Delete):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


# -- cells -------------------------------------------------------------------------------------------------------------


def _cells(session: Session, pieces: Sequence[Unit]) -> Iterator[Json]:
    """Yield `pieces` as cells, each turn's below its prompt."""
    for turn, group in groupby(pieces, lambda piece: piece.turn):
        yield {"cell_type": "markdown", "source": safe_markdown(session.turns[turn - 1].prompt)}
        for piece in group:
            yield {"cell_type": "code", "source": _ENDED.get(piece.status, "") + piece.code.rstrip()}


_ENDED = {"error": "# This raised an error in the session.\n", "aborted": "# This was interrupted in the session.\n"}


def _insert(runner: Runner, cells: Sequence[Json]) -> None:
    if unseen := list(_unseen(cells)):
        print(f"Look twice: {'; '.join(unseen)}.")
    count = sum(cell["cell_type"] == "code" for cell in cells)
    one = count == 1
    runner.host.insert(
        cells,
        taken=f"{counted(count, 'cell')} of code {'stands' if one else 'stand'} below; none was run.",
        otherwise=f"{counted(count, 'cell')} of code as one below, not yet run.",
    )


def _unseen(cells: Iterable[Json]) -> Iterator[str]:
    """Yield what a reader of `cells` would not see."""
    from .risk import scan

    for cell in cells:
        if cell["cell_type"] == "code" and not cell["source"].isascii():
            yield from (str(finding) for finding in scan(cell["source"]) if finding.kind == "hidden")


# -- the list ----------------------------------------------------------------------------------------------------------


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
