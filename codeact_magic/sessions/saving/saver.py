"""The thread that keeps the file of a session up to date, whatever happens to the kernel.

Each session that is given to a Saver replaces the file whole, unless a newer one comes before its turn. From then on a
kill of the kernel loses nothing of it; `flush` makes it survive a power cut as well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...hints import RunCommand, SetOption
from ...session import Session
from ...text import one_line
from . import disk
from .disk import reason
from .session_file import FileState, SessionFile


class Saver:
    """Keeps the file of one session up to date, in a thread of its own.

    Args:
        path: the file. It becomes another one if somebody else has changed the file.
        secrets: returns the texts that must not reach the file; each is replaced by ***.
        tell: shows the user a line, only during `flush` and `tell`: that saving fails (once until it succeeds again),
            or that the session goes on in another file.
        loaded: the state of the file when the session was loaded; None: the file may be overwritten.
        limit: the characters of an output beyond which it goes into a file of its own (0: no limit).

    While saving fails, `failure` is the line that says why; otherwise it is empty. Raises SessionError if `path` is
    seen from a working directory that was deleted.
    """

    def __init__(
        self,
        path: Path,
        *,
        secrets: Callable[[], Sequence[str]] = tuple,
        tell: Callable[..., None],
        loaded: FileState | None = None,
        limit: int = 0,
    ) -> None:
        self._secrets = secrets
        self._tell = tell
        self._file = SessionFile(disk.absolute(path), loaded, limit)  # the user's code may go to another folder
        self._change = threading.Condition()  # guards all that follows
        self._thread: threading.Thread | None = None
        self._waiting: Session | None = None
        self._given = 0  # the number of sessions given
        self._written = 0  # the number of the last one that was written, or failed to be
        self._synced = 0  # the number of the last one that survives a power cut
        self._flushing = False
        self._closing = False
        self._news: list[str] = []  # lines that the user has not been told
        self._failure_is_told = False
        self.failure = ""

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def save(self, session: Session) -> None:
        """Have `session` written, in place of an earlier one that is still waiting; return at once."""
        with self._change:
            self._waiting = session
            self._given += 1
            self._closing = False
            works = self._thread is not None or self._began()
            self._change.notify_all()
        if not works:
            self._write(session, self._given)
            self._sync(self._given)

    def _began(self) -> bool:
        """Begin the thread, and return whether that was possible: there may be too many threads already."""
        thread = threading.Thread(target=self._work, name="codeact-saver", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._waiting = None
            return False
        self._thread = thread
        return True

    def tell(self) -> None:
        """Show the user why saving fails, once until it succeeds again."""
        with self._change:
            failure = "" if self._failure_is_told else self.failure
            self._failure_is_told = bool(self.failure)
        if failure:
            self._tell(failure, *SAVE_ELSEWHERE)

    def written(self, timeout: float) -> bool:
        """Wait, at most `timeout` seconds, and return whether all that was given outlives the kernel."""
        with self._change:
            self._wait(lambda: self._written == self._given, timeout)
            return self._written == self._given and not self.failure

    def flush(self, timeout: float) -> bool:
        """Wait, at most `timeout` seconds, and return whether all that was given outlives a power cut."""
        with self._change:
            self._flushing = self._synced < self._given
            self._change.notify_all()
            self._wait(lambda: self._synced == self._given, timeout)
            saved = self._synced == self._given and not self.failure
            news = self._news
            self._news = []
        for line in news:
            self._tell(line)
        self.tell()
        return saved

    def close(self) -> None:
        """Write the waiting session, within two seconds, and end the thread; a later `save` begins a new one."""
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
        """Wait for something to do, and do it; return whether there may be more."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._flushing or self._closing)
            session = self._waiting
            number = self._given
            self._waiting = None
            if session is None and not self._flushing:
                self._thread = None
                return False
        if session is None:
            self._sync(number)
        else:
            self._write(session, number)
        return True

    def _write(self, session: Session, number: int) -> None:
        """Write the session with that number, and remember how that went."""
        path = self.path
        failure = self._attempt(lambda: self._file.write(session, self._secrets()))
        with self._change:
            self._written = number
            if self.path != path:
                self._news.append(_MOVED.format(old=one_line(path.name), new=one_line(self.path.name)))
            self.failure = failure
            self._failure_is_told = self._failure_is_told and bool(failure)
            self._change.notify_all()

    def _sync(self, number: int) -> None:
        """Make the session with that number, which is written, survive a power cut."""
        failure = self._attempt(self._file.sync)
        with self._change:
            self._synced = number
            self.failure = self.failure or failure
            self._flushing = self._flushing and number < self._given
            self._change.notify_all()

    def _attempt(self, action: Callable[[], None]) -> str:
        """Do something, and return the line that says why it failed; empty if it did not."""
        try:
            action()
        except Exception as error:  # whatever it is: a thread that dies would lose every later step without a word
            return _FAILED.format(folder=one_line(self.path.parent), reason=reason(error))
        return ""


_FAILED = "The session could not be saved in {folder} ({reason})."
SAVE_ELSEWHERE = (
    RunCommand("save", "FILE", to="save it elsewhere"),
    SetOption("save_folder", to="have later sessions saved elsewhere"),
)
_MOVED = "{old} was changed elsewhere and stays as it is now: this session goes on in {new} beside it."
