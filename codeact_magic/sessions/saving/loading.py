"""Loading a saved session, whole or without its large outputs."""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import SessionError
from ...session import Session
from ...text import one_line
from . import disk
from .disk import Stamp, reason
from .from_notebook import from_notebook, has_other_cells, parsed
from .large_outputs import LargeOutputs
from .session_file import FileState


def load(path: Path) -> Session:
    """Return the session that is saved in the file `path`. Raises SessionError, which names the file."""
    return opened(path)[0]


def outline(path: Path) -> Session:
    """Return the session in the file `path` without the outputs in files beside it. Raises SessionError."""
    return opened(path, beside=False)[0]


def opened(path: Path, *, beside: bool = True) -> tuple[Session, FileState]:
    """Return the session in the file `path`, and the state of the file; a Saver that goes on with it needs that.

    `beside`: with the outputs in files beside it. Raises SessionError, which names the file.
    """
    try:
        data, stamp = _read(path)
        notebook = parsed(data)
        if beside:
            LargeOutputs(path).restore(notebook)
        session = from_notebook(notebook)
    except SessionError as error:
        raise SessionError(f"{one_line(path)}: {error}") from None
    return session, FileState(stamp, has_other_cells(notebook["cells"]))


def is_session(path: Path) -> bool:
    """Return whether the file `path` looks like a session: quickly, and in little memory. Raises OSError."""
    return disk.holds(path, _SESSION)


_SESSION = re.compile(rb'"codeact":\s{0,99}\{\s{0,99}"codeact":')  # its metadata, which are at the end of the file
_LARGE_FILE = 10_000_000  # bytes


def _read(path: Path) -> tuple[bytes, Stamp]:
    """Return the content and the stamp of the file. No lock is needed: a saver replaces the file at once."""
    try:
        if path.stat().st_size > _LARGE_FILE and not is_session(path):
            raise SessionError("this large file holds no codeact session; choose another")
        return disk.read(path, links=True)
    except (OSError, ValueError) as error:
        raise SessionError(f"the file cannot be read ({reason(error)}); choose another") from None
