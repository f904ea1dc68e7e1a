"""What the command line does with session files, many at a time: what fails is told, and the rest is done."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from .. import sessions
from ..captions import counted
from ..conversations import find, near
from ..errors import CodeActError, SessionError, UsageError
from ..exchange import Layout, export, read
from ..options import Options
from ..runner import Runner
from ..saving.saver import Saver, load, session_path
from ..session import Session
from ..text import one_line
from .console import told

BROKEN = 2  # the exit status where a session could not be verified


def verify(runner: Runner, options: Options, files: Sequence[str], tolerance: float) -> int:
    """Verify sessions, print how each compares, and return the exit status. Raises UsageError, Stopped."""
    worst = 0
    found = list(_found(options, files))
    for path in found:
        if len(files) > 1:
            print(one_line(near(path)))
        try:
            report = sessions.verified(runner, options, str(path), tolerance)
        except SessionError as error:
            _tell(error)
            worst = BROKEN
            continue
        print(report.table(shutil.get_terminal_size((100, 24)).columns), flush=True)
        worst = max(worst, report.status)
    return worst if len(found) == len(files) else BROKEN


def _found(options: Options, files: Sequence[str]) -> Iterator[Path]:
    """Yield where the files are, and tell of those that are nowhere."""
    for file in files:
        try:
            yield find(options.save_folder, file)
        except UsageError as error:
            _tell(error)


def write_lines(options: Options, files: Sequence[str], layout: Layout, output: Path | None) -> int:
    """Write sessions as lines of JSON, into `output` or to standard output, and return the exit status."""
    failed = 0
    with _opened(output) as stream:
        for file in files:
            try:
                stream.write(f"{export(load(find(options.save_folder, file)), layout)}\n")
            except CodeActError as error:
                _tell(error)
                failed += 1
    done = len(files) - failed
    if output:
        print(f"{counted(done, 'session')} in {one_line(near(output))}", file=sys.stderr)
    return int(failed > 0)


def read_lines(options: Options, file: str) -> int:
    """Save the session of each line of JSON in `file` ("-": standard input) as a notebook; return the status."""
    if not options.save_folder:
        raise UsageError("There is no folder to put the sessions into: name one with --to DIR")
    folder = Path(options.save_folder).expanduser().absolute()
    done = failed = 0
    for number, session in _sessions(file):
        try:
            if isinstance(session, SessionError):
                raise session
            print(one_line(near(_saved(options, folder, session))))
            done += 1
        except SessionError as error:
            print(f"line {number}: {one_line(error)}", file=sys.stderr)
            failed += 1
    broken = f", {counted(failed, 'line')} skipped" if failed else ""
    print(f"{counted(done, 'session')}{broken}", file=sys.stderr)
    return int(failed > 0)


def _sessions(file: str) -> Iterator[tuple[int, Session | SessionError]]:
    try:
        if file == "-":
            yield from read(sys.stdin)
        else:
            with Path(file).open(encoding="utf-8", errors="surrogateescape") as lines:
                yield from read(lines)
    except OSError as error:
        raise UsageError(f"{one_line(file)} cannot be read: {error.strerror or error}") from None


def _saved(options: Options, folder: Path, session: Session) -> Path:
    """Save a session in a file of its own, and return where. Raises SessionError."""
    prompt = session.turns[0].prompt if session.turns else "imported"
    path = session_path(folder, datetime.now().astimezone(), prompt)
    saver = Saver(path, tell=lambda line: None, limit=options.max_saved_output)
    saver.save(session)
    saved = saver.flush(60.0)
    saver.close()
    if not saved:
        raise SessionError(saver.failure or "it could not be written within a minute")
    return saver.path


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    try:
        with output.open("w", encoding="utf-8") as stream:
            yield stream
    except OSError as error:
        raise UsageError(f"{one_line(near(output))} cannot be written: {error.strerror or error}") from None


def _tell(error: CodeActError) -> None:
    print(told(error), file=sys.stderr)
