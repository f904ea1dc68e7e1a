"""The commands for many session files: an error in one is printed, and the others are still done."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO

from ..errors import CodeActError, SessionError, UsageError
from ..frontends.advice import ShellAdvice
from ..frontends.captions import counted
from ..magics import reopening
from ..model.endpoints import secrets
from ..options import Options
from ..runner import Runner
from ..session import Session
from ..sessions.saving import disk
from ..sessions.saving.loading import load
from ..sessions.saving.saver import Saver
from ..sessions.saving.session_file import session_path
from ..sessions.threads import find, near
from ..sessions.training_data import Layout, export, is_record, read
from ..text import mask, one_line
from .console import has_user

BROKEN = 2  # the exit status if a session could not be verified
_ENOUGH = 100  # broken lines at the start of a file after which the rest is not read
_ADVICE = ShellAdvice()


def verify(runner: Runner, options: Options, files: Sequence[str], tolerance: float) -> int:
    """Verify sessions, print how each compares, and return the exit status. Raises UsageError, StoppedError."""
    worst = 0
    found = list(_found(options, files, parts=has_user() and options.approve != "auto"))
    for path in found:
        print(one_line(near(path)))
        try:
            report = reopening.verified(runner, options, str(path), tolerance)
        except SessionError as error:
            _print_error(error)
            worst = BROKEN
            continue
        print(reopening.shown(runner, report), flush=True)
        worst = max(worst, report.status if report.rows else BROKEN)
    return worst if len(found) == len(files) else BROKEN


def _found(options: Options, files: Sequence[str], parts: bool) -> Iterator[Path]:
    """Yield the paths of session files, and print an error for each that is not found. `parts`: see `find`."""
    for file in files:
        try:
            if Path(file).is_dir():
                raise UsageError(f"{one_line(file)} is a folder: name the sessions in it, such as its *.ipynb")
            yield _checked(find(options.save_folder, file, parts=parts))
        except CodeActError as error:
            _print_error(error)


def _checked(path: Path) -> Path:
    """Return `path`. Raises SessionError if it is an empty file other than a notebook."""
    if path.suffix != ".ipynb" and not path.stat().st_size:
        raise SessionError(f"{one_line(near(path))} is empty: it is not a saved session")
    return path


# -- sessions as lines of JSON -----------------------------------------------------------------------------------------


def write_lines(options: Options, files: Sequence[str], layout: Layout, output: Path | None) -> int:
    """Write sessions as lines of JSON, into `output` or to standard output, and return the exit status.

    `output` is replaced in the end, and only if there is something to write.
    """
    found = list(_found(options, files, parts=has_user()))
    if output:
        _check_free(output, found)
    lines = _lines(found, layout, list(secrets(options)))
    done = 0
    if first := next(lines, b""):
        with _opened(output) as stream:
            for line in chain([first], lines):
                stream.write(line)
                done += 1
    if output:
        result = f"in {one_line(near(output))}" if done else "could be exported; nothing was written"
        print(f"{counted(done, 'session')} {result}", file=sys.stderr)
    return int(done < len(files))


def _lines(paths: Sequence[Path], layout: Layout, hidden: Sequence[str]) -> Iterator[bytes]:
    """Yield the line of each session, and print an error for each that cannot be read."""
    for path in paths:
        try:
            yield f"{export(load(path), layout, hidden)}\n".encode()
        except CodeActError as error:
            _print_error(error)


def _check_free(output: Path, inputs: Sequence[Path]) -> None:
    """Raise UsageError if `output` exists and is anything but an earlier export."""
    name = one_line(near(output))
    if output.is_dir():
        raise UsageError(f"-o: {name} is a folder: name a file in it")
    if output.suffix == ".ipynb" or any(output.exists() and output.samefile(path) for path in inputs):
        raise UsageError(f"-o: {name} is the name of a notebook: the lines go into a file such as out.jsonl")
    if output.is_file() and not _is_export(output):
        raise UsageError(f"-o: {name} exists and is not an export of sessions: name another file")


def _is_export(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            first = lines.readline()
    except OSError as error:
        raise UsageError(f"-o: {one_line(near(path))} cannot be read: {disk.reason(error)}") from None
    return not first or is_record(first)


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """Open `output`, or standard output. A file is replaced when all is written."""
    if output is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        special = output.exists() and not output.is_file()  # a device or a pipe cannot be replaced
        with output.open("wb") if special else disk.draft(output.resolve()) as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"-o: {one_line(near(output))} cannot be written: {disk.reason(error)}") from None


# -- lines of JSON as sessions -----------------------------------------------------------------------------------------


def read_lines(options: Options, file: str) -> int:
    """Save the session of each line of JSON in `file` ("-": standard input) as a notebook. Return the exit status.

    Raises UsageError if `file` does not hold lines of JSON, SessionError if nothing can be saved.
    """
    folder = _folder(options)
    hidden = list(secrets(options))
    failed: list[str] = []
    done = 0
    for number, session in _sessions(file, hidden):
        if isinstance(session, SessionError):
            failed.append(f"line {number}: {one_line(mask(str(session), hidden))}")
            if done:
                print(failed[-1], file=sys.stderr)
            elif len(failed) == _ENOUGH:
                break
            continue
        if failed and not done:
            print(*failed, sep="\n", file=sys.stderr)
        print(one_line(near(_saved(options, folder, session, hidden))))
        done += 1
    if not done:
        reason = failed[0] if failed else "it is empty"
        raise UsageError(f"{_name(file)} holds no session as a line of JSON: {reason}")
    broken = f", {counted(len(failed), 'line')} skipped" if failed else ""
    print(f"{counted(done, 'session')}{broken}", file=sys.stderr)
    return int(bool(failed))


def _name(file: str) -> str:
    return "Standard input" if file == "-" else one_line(file)


def _folder(options: Options) -> Path:
    """Return the folder that sessions are saved in, and make it if necessary. Raises UsageError."""
    if not options.save_folder:
        raise UsageError("There is no folder to save the sessions in: name one with --to DIR")
    folder = disk.absolute(Path(options.save_folder))
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to: {one_line(near(folder))} is not a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--to: {one_line(near(folder))} cannot be made: {disk.reason(error)}") from None
    return folder


def _sessions(file: str, hidden: Sequence[str]) -> Iterator[tuple[int, Session | SessionError]]:
    if file.endswith(".ipynb"):
        raise UsageError(
            f"{one_line(file)} is a notebook; codeact import reads lines of JSON, as codeact export writes them"
        )
    try:
        if file == "-":
            yield from read(_piped(), hidden)
        else:
            with Path(file).open(encoding="utf-8-sig", errors="surrogateescape") as lines:
                yield from read(lines, hidden)
    except (OSError, ValueError) as error:
        raise UsageError(f"{_name(file)} cannot be read: {disk.reason(error)}") from None


def _piped() -> TextIO:
    """Return standard input, set to accept any bytes."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
    return sys.stdin


def _saved(options: Options, folder: Path, session: Session, hidden: Sequence[str]) -> Path:
    """Save a session in a file of its own, and return the path. Raises SessionError."""
    prompt = session.turns[0].prompt if session.turns else "imported"
    path = session_path(folder, datetime.now().astimezone(), prompt)
    saver = Saver(path, secrets=lambda: hidden, tell=lambda line, *hints: None, limit=options.max_saved_output)
    saver.save(session)
    saved = saver.flush(60.0)
    saver.close()
    if not saved:
        raise SessionError(saver.failure or "it could not be written within a minute")
    return saver.path


def _print_error(error: CodeActError) -> None:
    print(_ADVICE.error(error), file=sys.stderr)
