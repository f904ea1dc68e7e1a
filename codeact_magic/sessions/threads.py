"""The threads of a host: the session of each, and the file that it is saved in."""

from __future__ import annotations

import os
import re
import secrets as random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import SessionError, UsageError
from ..hints import RunCommand, SetOption, WritePrompt
from ..options import Options
from ..session import Session, Turn
from ..text import mask, one_line
from .saving import disk
from .saving.loading import is_session, load, opened, outline
from .saving.masking import map_texts
from .saving.saver import Saver
from .saving.session_file import session_path

PATIENCE = 10.0  # seconds that the end of a turn waits for the disk
MOMENT = 1.0  # seconds that an action waits for the disk


@dataclass
class Thread:
    """A thread: its session, and the saver that writes it (None if sessions are not saved)."""

    session: Session
    saver: Saver | None = None
    path_shown: bool = False  # the user has been told where it is saved
    limit: int = 0  # characters of outputs that are saved in the notebook itself
    adopted: bool = False  # it was loaded from a file, and no prompt has followed

    @property
    def path(self) -> Path | None:
        """The file that the session is saved in."""
        return self.saver.path if self.saver else None

    def keep(self, session: Session) -> None:
        """Make `session` the session of this thread, and have it saved."""
        self.session = session
        self.draft(session)

    def draft(self, session: Session) -> None:
        """Have `session` saved; its last step may be incomplete."""
        if self.saver:
            self.saver.save(session)

    def settle(self) -> None:
        """Wait, for a moment at most, until the saved session survives the end of this process.

        Tell the user if saving fails.
        """
        if self.saver:
            self.saver.written(MOMENT)
            self.saver.tell()

    @property
    def failure(self) -> str:
        """The line that says why the session is not saved; empty if it is."""
        return self.saver.failure if self.saver else ""

    def saved(self, patience: float = PATIENCE) -> bool:
        """Wait, at most `patience` seconds, until the session is on disk. Return whether it is."""
        return bool(self.saver and self.saver.flush(patience))

    def close(self) -> None:
        """Save all steps that are not saved yet, and release the file."""
        if self.saver:
            self.saver.close()


class Threads(dict[str, Thread]):
    """The threads, by name.

    `secrets` returns the texts that no file may hold; `tell(line, *hints)` shows the user a line.
    """

    def __init__(self, secrets: Callable[[], Sequence[str]], tell: Callable[..., None]) -> None:
        super().__init__()
        self._secrets = secrets
        self._tell = tell

    def begin(self, options: Options, prompt: str, path: Path | None = None) -> Thread:
        """Begin the thread that `options` name, afresh if it exists. Its file is named after `prompt`.

        `path` is a file to use instead, which may exist only if it holds a session. Raises UsageError.
        """
        folder = disk.absolute(Path(options.save_folder)) if options.save_folder else None
        self.forget(options.thread)
        now = datetime.now().astimezone()
        session = Session(id=random.token_hex(16), thread=options.thread, started=now.isoformat(timespec="seconds"))
        thread = Thread(session, limit=options.max_saved_output)
        if path:
            _check_own(path)
        elif folder:
            path = session_path(folder, now, mask(prompt, self._secrets()))
        if path:
            thread.session = replace(session, home=_way_back(path.parent))
            thread.saver = self._saver(path, thread)
        self[options.thread] = thread
        return thread

    def adopt(self, options: Options, path: Path) -> Thread:
        """Load the session in the file `path` into the thread that `options` name, which goes on in that file.

        The file does not change until there is something to add. Raises SessionError.
        """
        if options.thread in self:
            self[options.thread].saved()  # it may be in that very file
        session, loaded = opened(path)
        self.forget(options.thread)
        session = self._masked(session)
        session = replace(session, thread=options.thread, turns=tuple(map(_ended, session.turns)))
        thread = Thread(session, limit=options.max_saved_output, adopted=True)
        if options.save_folder:
            thread.saver = self._saver(path, thread, loaded=loaded)
        self[options.thread] = thread
        return thread

    def read(self, path: Path) -> Session:
        """Return the session in the file `path`, without secrets. Raises SessionError."""
        return self._masked(load(path))

    def find(self, options: Options, file: str) -> Path:
        """Return the session file that a user means by `file`: see `find`. Raises UsageError."""
        return find(options.save_folder, file)

    def forget(self, name: str) -> bool:
        """End the thread `name`, and return whether there was one. Its file stays."""
        thread = self.pop(name, None)
        if thread:
            thread.close()
        return thread is not None

    def save(self, name: str, file: str | None) -> Path:
        """Save the session of a thread in its own file, or in `file`. Return the path.

        Raises UsageError, SessionError.
        """
        thread = self.named(name)
        path = _notebook_path(file) if file else thread.path
        if path is None:
            raise UsageError("Sessions are not saved here", RunCommand("save", "FILE.ipynb", to="name a file"))
        if path != thread.path:
            _check_own(path, thread.session.id)
        saver = thread.saver if path == thread.path else None
        saver = saver or self._saver(path, thread, tell=lambda line, *hints: None)
        saver.save(thread.session)
        saved = saver.flush(60.0)
        if saver is not thread.saver:
            saver.close()
        if not saved:
            raise SessionError(saver.failure or f"{one_line(path)} could not be written within a minute.")
        return path

    def _masked(self, session: Session) -> Session:
        """Return a session from a file without secrets: they may not have been secrets when it was saved."""
        secrets = self._secrets()
        hidden: Session = map_texts(session, lambda text: mask(text, secrets))
        return hidden

    def _saver(self, path: Path, thread: Thread, **more: Any) -> Saver:
        return Saver(path, **{"secrets": self._secrets, "tell": self._tell, "limit": thread.limit, **more})

    def named(self, name: str) -> Thread:
        """Return the thread `name`. Raises UsageError if there is none."""
        if name in self:
            return self[name]
        fact = f"Thread {one_line(name, 40)} has no conversation yet"
        if others := ", ".join(one_line(other, 40) for other in self):
            raise UsageError(f"{fact}; there is {others}", SetOption("thread", to="name a thread"))
        raise UsageError(fact, WritePrompt())

    def close(self) -> None:
        """Save all steps that are not saved yet, and end every thread."""
        for thread in self.values():
            thread.saved()
        for name in list(self):
            self.forget(name)


def _ended(turn: Turn) -> Turn:
    return replace(turn, outcome="failed", note=turn.note or _KILLED) if turn.outcome == "open" else turn


_KILLED = "The kernel ended in the middle of this turn."


class Saved(NamedTuple):
    """A file in the folder of the sessions, and its `session`, without large outputs.

    If there is no session, `trouble` is the line that says why.
    """

    path: Path
    modified: datetime
    session: Session | None
    trouble: str = ""


def saved(folder: Path) -> Iterator[Saved]:
    """Yield the sessions in `folder`, the newest first. Each file is read when its turn comes."""
    for path, seconds in _files(folder):
        modified = datetime.fromtimestamp(seconds).astimezone()
        try:
            yield Saved(path, modified, outline(path))
        except SessionError as error:
            yield Saved(path, modified, None, error.fact)


def find(folder: str, file: str, *, parts: bool = True) -> Path:
    """Return the session file that a user means by `file`.

    That is its path or its name in `folder`, both with or without .ipynb, or "last" for the newest. With `parts`, a
    part of the name is enough if only one name has it. Raises UsageError, which names the nearest files.
    """
    places = [Path(folder).expanduser()] if folder else []
    if file == "last":
        return _newest(places)
    exact = _with_name(file, [Path(), *places])
    if exact:
        return disk.absolute(exact)
    alike = _with_part(file, places) if parts else []
    if len(alike) > 1:
        some = _some([path.stem for path in alike])
        raise UsageError(f"{one_line(file, 60)!r} is a part of {len(alike)} names: {some}. Write more of it.")
    if alike:
        return disk.absolute(alike[0])
    raise _no_session(file, places)


def _with_name(file: str, places: Sequence[Path]) -> Path | None:
    """Return the file of that name, with or without .ipynb, in the first of `places` that has it."""
    given = _expanded(file)
    names = [given, given.with_name(f"{given.name}.ipynb")] if given.name else [given]
    candidates = (place / name for place in places for name in names)
    return next(filter(_is_file, candidates), None)


def _with_part(part: str, places: Sequence[Path]) -> list[Path]:
    """Return the session files with that part, of at least three characters, in their names."""
    if len(part) < 3:
        return []
    return [path for place in places for path, _ in _files(place) if part.lower() in path.stem.lower()]


def _some(names: Sequence[str]) -> str:
    """Return the first three names as a list."""
    shown = ", ".join(one_line(name, 80) for name in names[:3])
    return f"{shown}, ..." if len(names) > 3 else shown


def _expanded(file: str) -> Path:
    try:
        return Path(file).expanduser()
    except RuntimeError:  # ~nobody
        return Path(file)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can have this name
        return False


def _newest(places: Sequence[Path]) -> Path:
    newest = next((path for place in places for path, _ in _files(place) if _holds_session(path)), None)
    if newest is None:
        where = f" in {one_line(near(disk.absolute(places[0])))}" if places else ": save_folder is empty"
        raise UsageError(f"There is no saved session yet{where}.")
    return disk.absolute(newest)


def _holds_session(path: Path) -> bool:
    try:
        return is_session(path)
    except OSError:  # the user may not read it
        return False


def _no_session(file: str, places: Sequence[Path]) -> UsageError:
    """Return the error that there is no session of that name, with the nearest names."""
    import difflib

    names = {path.stem: path.stem for place in places for path, _ in _files(place)}
    names |= {_STARTED.sub("", name): name for name in names}
    wanted = Path(file).name.removesuffix(".ipynb")
    nearest = dict.fromkeys(names[name] for name in difflib.get_close_matches(wanted, names, cutoff=0.6))
    fact = f"There is no session {one_line(file, 80)}"
    if nearest:
        return UsageError(f"{fact}. The nearest: {', '.join(one_line(name, 80) for name in list(nearest)[:3])}")
    return UsageError(fact, RunCommand("sessions", to="list the sessions"))


_STARTED = re.compile(r"^\d{8}-\d{6}-")


def _files(folder: Path) -> list[tuple[Path, float]]:
    """Return the notebooks in `folder` and the time when each was last written, in seconds; the newest first."""
    try:
        with os.scandir(folder) as entries:
            notebooks = [entry for entry in entries if entry.name.endswith(".ipynb") and entry.name[0] != "."]
            dated = [(Path(entry.path), entry.stat().st_mtime) for entry in notebooks if entry.is_file()]
    except OSError:  # there is no such folder
        return []
    return sorted(dated, key=lambda one: (one[1], one[0].name), reverse=True)


def near(path: Path) -> str:
    """Return `path` relative to the working directory, if it is below it."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)


def _notebook_path(file: str) -> Path:
    path = disk.absolute(Path(file))
    if path.is_dir():
        raise UsageError(f"{one_line(path)} is a folder: name a file in it.")
    if not path.parent.parent.is_dir():  # more often a typing error than a wish for a tree of folders
        raise UsageError(f"There is no folder {one_line(path.parent.parent)}: make it first, or name another one.")
    return path if path.suffix else path.with_suffix(".ipynb")


def _check_own(path: Path, session: str = "") -> None:
    """Raise UsageError if the file exists and holds no session, or one whose id is not `session`."""
    if path.exists():
        try:
            other = load(path)
        except SessionError:
            raise UsageError(f"{one_line(near(path))} exists and is not a saved session: name another file.") from None
        if session and other.id != session:
            raise UsageError(f"{one_line(near(path))} exists and holds another session: name another file.")


def _way_back(folder: Path) -> str:
    """Return the relative path from `folder` to the working directory; empty if they are on different drives."""
    try:
        return Path(os.path.relpath(Path.cwd(), folder)).as_posix()
    except (ValueError, OSError):
        return ""
