"""The arguments that several subcommands share, and the sessions and options that they name."""

from __future__ import annotations

from pathlib import Path

from ..options import MODES, Options
from ..runner import Runner
from ..session import Session
from ..sessions.threads import near
from ..text import one_line
from .registry import Argument, Arguments

_FILE = "a saved session: its path, its name in the save_folder or a part of it, or `last`"

THREAD = Argument("--thread", "-t", metavar="NAME", help="the thread; defaults to the current one")
FILE = Argument("file", help=_FILE)
FILE_OR_CURRENT = Argument("file", nargs="?", help=f"{_FILE}; defaults to the current thread's session")
APPROVE = Argument("--approve", "-a", choices=MODES, help="when you are asked before code runs")


def with_given(options: Options, arguments: Arguments) -> Options:
    """Return `options` with the --approve and the --thread that were given."""
    given = {name: getattr(arguments, name, None) for name in ("approve", "thread")}
    return Options(**(options.by_name() | {name: value for name, value in given.items() if value}))


def opened(runner: Runner, options: Options, file: str | None) -> tuple[Session, Path | None]:
    """Return the session in `file`, or the current thread's if it is None, and the path that it is saved at.

    Raises UsageError, SessionError.
    """
    if file is None:
        thread = runner.threads.named(options.thread)
        return thread.session, thread.path
    path = runner.threads.find(options, file)
    return runner.threads.read(path), path


def name_of(session: Session, path: Path | None) -> str:
    """Return a line that says which session this is."""
    return one_line(near(path)) if path else f"Thread {one_line(session.thread, 40)}"
