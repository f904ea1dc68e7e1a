"""The threads of a shell: the session of each, and the file that it is kept in."""

from __future__ import annotations

import os
import secrets as random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from .errors import SessionError, UsageError
from .options import Options
from .saver import Saver, load, session_path
from .session import Session
from .text import mask, one_line

PATIENCE = 10.0  # seconds that the end of a turn waits for the disk


@dataclass
class Conversation:
    """A thread: its session, and what writes it down (None where sessions are not saved)."""

    session: Session
    saver: Saver | None = None
    told: bool = False  # the user knows where it is saved

    @property
    def path(self) -> Path | None:
        """Where the session is saved."""
        return self.saver.path if self.saver else None

    def keep(self, session: Session) -> None:
        """Take `session` as how things stand, and have it saved."""
        self.session = session
        if self.saver:
            self.saver.save(session)

    def saved(self, patience: float = PATIENCE) -> bool:
        """Wait, at most `patience` seconds, until the session is on disk, and return whether it is."""
        return bool(self.saver and self.saver.flush(patience))

    def close(self) -> None:
        """Save what is not saved yet, and let go of the file."""
        if self.saver:
            self.saver.close()


class Conversations(dict[str, Conversation]):
    """The conversations by thread.

    `secrets` returns what no file may hold; `tell` shows the user a line.
    """

    def __init__(self, secrets: Callable[[], Sequence[str]], tell: Callable[[str], None]) -> None:
        super().__init__()
        self._secrets, self._tell = secrets, tell

    def begin(self, options: Options, prompt: str) -> Conversation:
        """Begin the thread that `options` name, afresh where there is one; its file is named after `prompt`."""
        self.forget(options.thread)
        now = datetime.now().astimezone()
        session = Session(id=random.token_hex(16), thread=options.thread, started=now.isoformat(timespec="seconds"))
        conversation = Conversation(session)
        if options.save_folder:
            folder = Path(options.save_folder).expanduser().absolute()
            path = session_path(folder, now, mask(prompt, self._secrets()))
            saver = Saver(path, secrets=self._secrets, tell=self._tell)
            conversation = Conversation(replace(session, home=_way_back(folder)), saver)
        self[options.thread] = conversation
        return conversation

    def forget(self, thread: str) -> bool:
        """End a thread, and return whether there was one; its file stays."""
        conversation = self.pop(thread, None)
        if conversation:
            conversation.close()
        return conversation is not None

    def save(self, thread: str, file: str | None) -> Path:
        """Save a thread's session in its own file, or in `file`, and return where. Raises UsageError, SessionError."""
        conversation = self.named(thread)
        path = _notebook_path(file) if file else conversation.path
        if path is None:
            raise UsageError("Sessions are not saved here: name a file, %codeact save FILE.ipynb")
        if path != conversation.path:
            _check_own(path)
        saver = conversation.saver if path == conversation.path else None
        saver = saver or Saver(path, secrets=self._secrets, tell=lambda line: None)
        saver.save(conversation.session)
        saved = saver.flush(60.0)
        if saver is not conversation.saver:
            saver.close()
        if not saved:
            raise SessionError(saver.failure or f"{one_line(path)} could not be written within a minute.")
        return path

    def named(self, thread: str) -> Conversation:
        """Return the conversation of `thread`. Raises UsageError where there is none."""
        if thread not in self:
            others = ", ".join(one_line(name, 40) for name in self)
            raise UsageError(
                f"Thread {one_line(thread, 40)} has no conversation yet"
                + (f"; there is {others}." if others else ". A cell that begins with %%codeact starts one.")
            )
        return self[thread]

    def close(self) -> None:
        """Save what is not saved yet, and end every thread."""
        for conversation in self.values():
            conversation.saved()
        for thread in list(self):
            self.forget(thread)


def near(path: Path) -> str:
    """Return `path` as it is seen from the working directory."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)


def _notebook_path(file: str) -> Path:
    path = Path(file).expanduser().absolute()
    if path.is_dir():
        raise UsageError(f"{one_line(path)} is a folder: name a file in it.")
    return path if path.suffix else path.with_suffix(".ipynb")


def _check_own(path: Path) -> None:
    """Refuse to write over a file that holds something else than a session."""
    if path.exists():
        try:
            load(path)
        except SessionError:
            raise UsageError(f"{one_line(near(path))} exists and is not a saved session: name another file.") from None


def _way_back(folder: Path) -> str:
    """Return the way from a session's folder to the working directory, empty where they lie on different drives."""
    try:
        return Path(os.path.relpath(Path.cwd(), folder)).as_posix()
    except (ValueError, OSError):
        return ""
