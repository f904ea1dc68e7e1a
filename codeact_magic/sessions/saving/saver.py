"""The files of sessions: their names, and the thread that keeps one up to date whatever happens to the kernel.

What stands in a file before the first change stays as it is: only the end is written, first into the journal beside
the file (from then on a kill loses nothing), then in its place once no newer session comes for a moment. Where that end
is most of the file, and where it is not known what stands in the file, the file is written whole, beside its place, and
put there. What a step costs therefore does not grow with the session.

A file that somebody else has changed since (another kernel that goes on with the session, Jupyter's own save) is left
to them, and so is one to which the user has added cells: the session goes on in a file of its own. A lock on the file
keeps two kernels from doing all this at once.
"""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from ...errors import SessionError
from ...hints import RunCommand, SetOption
from ...session import Session
from ...text import one_line
from . import disk, journal, notebook
from .disk import Stamp, claimed, reason
from .journal import Record
from .recovery import recovered
from .sessionfile import SessionFile, State
from .shelf import Shelf

CALM = 0.1  # seconds without a newer session, after which the file is brought up to date
LATE = 1.0  # seconds after which it is, however many come


# -- reading -----------------------------------------------------------------------------------------------------------


def load(path: Path) -> Session:
    """Return the session that is saved in the file `path`. Raises SessionError, which names the file."""
    return opened(path)[0]


def outline(path: Path) -> Session:
    """Return the session in the file `path` without the outputs that lie beside it. Raises SessionError."""
    return opened(path, beside=False)[0]


def opened(
    path: Path, tell: Callable[[str], None] = lambda line: None, *, beside: bool = True
) -> tuple[Session, State]:
    """Return the session in the file `path`, up to its last step, and what tells whether the file changes later.

    `beside`: with the outputs that lie in files beside it. `tell` is told, in one line, where the journal holds steps
    that have no place in the file. They stay there, and a Saver that is given that state goes on in another file.
    Raises SessionError, which names the file.
    """
    try:
        data, records, file, mark = _read(path)
        whole, fits = recovered(data, records)
        if beside:
            Shelf(path).restore(whole)
        session = notebook.from_notebook(whole)
    except SessionError as error:
        raise SessionError(f"{one_line(path)}: {error}") from None
    if not fits:
        tell(_UNFIT.format(file=one_line(path.name), journal=one_line(journal.path_of(path).name)))
    return session, State(file, mark if fits else None, bool(notebook.others(whole["cells"])))


_LARGE = 10_000_000  # bytes
_UNFIT = (
    "{file} was changed after the kernel that wrote it had been killed: the last steps of that kernel do not fit it "
    "any more. They are left in {journal} beside it."
)


def is_session(path: Path) -> bool:
    """Return whether the file `path` looks like a session: quickly, and in little memory. Raises OSError."""
    return journal.mark(path) is not None or disk.holds(path, _SESSION)


_SESSION = re.compile(rb'"codeact":\s{0,99}\{\s{0,99}"codeact":')  # its metadata, which stand at the end of it


def _read(path: Path) -> tuple[bytes, list[Record], Stamp, Stamp | None]:
    try:
        with disk.locked(path):
            if path.stat().st_size > _LARGE and not is_session(path):
                raise SessionError("this large file holds no codeact session; choose another")
            data, file = disk.read(path, links=True)
            return data, journal.records(path), file, journal.mark(path)
    except (OSError, ValueError) as error:
        raise SessionError(f"the file cannot be read ({reason(error)}); choose another") from None


# -- names -------------------------------------------------------------------------------------------------------------


def session_path(folder: Path, started: datetime, prompt: str) -> Path:
    """Return a path of its own for a session that begins with `prompt`: folder/20250131-235959-some-words.ipynb.

    The name is claimed with an empty file, so that two kernels never share one. Where that fails, the name comes
    unclaimed: the Saver fails as well, and tells.
    """
    return claimed(folder, f"{started:%Y%m%d-%H%M%S}-{_slug(prompt)}", first=1)


_SLUG_LENGTH = 40


def _slug(prompt: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", prompt[:1000]).encode("ascii", "ignore").decode()
    slug = "-".join(re.findall("[a-z0-9]+", ascii_only.lower()))
    if len(slug) > _SLUG_LENGTH:
        slug = slug[: _SLUG_LENGTH + 1].rpartition("-")[0] or slug[:_SLUG_LENGTH]
    return slug or "session"


# -- writing -----------------------------------------------------------------------------------------------------------


class Saver:
    """Keeps the file of one session up to date, in a thread of its own.

    Args:
        path: the file; another one from the time on when somebody else has changed it.
        secrets: gives the texts that must not reach the file; each is replaced by ***.
        tell: is told, in one line and only out of `flush`, that saving fails (once until it succeeds again), or that
            the session goes on in another file.
        stamp: the file and its journal as they were when the session was loaded; None where both may be written over.
        limit: the characters of an output beyond which it goes into a file of its own (0: no limit).

    `failure` is the line that tells why saving fails, for as long as it does, else empty. Raises SessionError where
    `path` is seen from a working directory that is gone.
    """

    def __init__(
        self,
        path: Path,
        *,
        secrets: Callable[[], Sequence[str]] = tuple,
        tell: Callable[..., None],
        stamp: State | None = None,
        limit: int = 0,
    ) -> None:
        self._secrets, self._tell = secrets, tell
        self._file = SessionFile(disk.absolute(path), stamp, limit)  # the user's code may go to another folder
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._waiting: Session | None = None
        self._behind: tuple[Session, float] | None = None  # what is in the journal alone, and since when
        self._given = self._safe = self._done = 0  # how many sessions, counted by save(): given, safe, in the file
        self._closing = self._hurry = self._told = False
        self._news: list[str] = []
        self.failure = ""

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def save(self, session: Session) -> None:
        """Have `session` written, in place of an earlier one that is still waiting; returns at once."""
        with self._change:
            self._waiting, self._closing = session, False
            self._given += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="codeact-saver", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def written(self, timeout: float) -> bool:
        """Wait, at most `timeout` seconds, and return whether all that was given outlives the kernel."""
        with self._change:
            self._wait(lambda: self._safe == self._given, timeout)
            return self._safe == self._given and not self.failure

    def flush(self, timeout: float) -> bool:
        """Wait, at most `timeout` seconds, and return whether all that was given is in the file, on disk."""
        with self._change:
            self._hurry = self._done < self._given
            self._change.notify_all()
            self._wait(lambda: self._done == self._given, timeout)
            saved = self._done == self._given and not self.failure
            news, self._news = self._news, []
            failing = bool(self.failure) and not self._told
            self._told = bool(self.failure)
        for line in news:
            self._tell(line)
        if failing:
            self._tell(self.failure, *SAVE_ELSEWHERE)
        return saved

    def close(self) -> None:
        """Write what is waiting, within two seconds, and end the thread; a later `save` begins a new one."""
        self.flush(2.0)
        with self._change:
            self._closing = True
            self._change.notify_all()

    def _wait(self, happened: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not happened() and time.monotonic() < deadline:
            self._change.wait(0.05)  # no longer, so that Ctrl-C gets through on every system

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while self._work_on():
            pass

    def _work_on(self) -> bool:
        """Do what is to be done next, when it is; return whether there was anything."""
        with self._change:
            self._change.wait_for(self._is_due, CALM if self._behind else None)
            session, number = self._waiting, self._given
            self._waiting = None
            if session is None and self._behind is None:
                self._thread = None
                return False
        if session is not None:
            self._attempt(partial(self._note, session), number)
        if self._behind and (session is None or time.monotonic() - self._behind[1] > LATE):
            self._attempt(partial(self._bring_up, *self._behind), number)
        return True

    def _is_due(self) -> bool:
        return self._waiting is not None or self._closing or (self._hurry and self._behind is not None)

    def _note(self, session: Session) -> bool:
        """Write `session` where no kill can take it, and return whether that is the file itself."""
        since = self._behind[1] if self._behind else time.monotonic()
        self._behind = None
        if self._file.note(session, self._secrets()):
            return True
        self._behind = (session, since)
        return False

    def _bring_up(self, session: Session, since: float) -> bool:
        """Have the file say what the journal says."""
        self._behind = None
        self._file.bring_up(session, self._secrets())
        return True

    def _attempt(self, write: Callable[[], bool], number: int) -> None:
        """Write the session with that number, and take down how that went."""
        path, done, failure = self.path, True, ""
        try:
            done = write()
        except Exception as error:  # whatever it is: a thread that dies would lose every later step without a word
            self._file.forget()
            failure = _FAILED.format(folder=one_line(self.path.parent), reason=reason(error))
        with self._change:
            self._safe = number
            if done:
                self._done = number
                self._hurry = self._hurry and number < self._given
            if self.path != path:
                self._news.append(_MOVED.format(old=one_line(path.name), new=one_line(self.path.name)))
            self.failure = failure
            self._told = self._told and bool(failure)
            self._change.notify_all()


_FAILED = "The session could not be saved in {folder} ({reason})."
SAVE_ELSEWHERE = (
    RunCommand("save", "FILE", to="save it elsewhere"),
    SetOption("save_folder", to="have later sessions saved elsewhere"),
)
_MOVED = "{old} was changed elsewhere and stays as it is now: this session goes on in {new} beside it."
