"""The threads of a shell: the session of each, and the file that it is kept in."""

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
from ..options import Options
from ..session import Session, Turn
from ..text import mask, one_line
from .saving import disk
from .saving.loading import is_session, load, opened, outline
from .saving.masking import map_texts
from .saving.saver import Saver
from .saving.session_file import session_path

PATIENCE = 10.0  # seconds that the end of a turn waits for the disk
MOMENT = 1.0  # seconds that an action waits for it


@dataclass
class Thread:
    """A thread: its session, and what writes it down (None where sessions are not saved)."""

    session: Session
    saver: Saver | None = None
    told: bool = False  # the user knows where it is saved
    limit: int = 0  # characters of outputs that are saved in its notebook, and not beside it
    adopted: bool = False  # it comes from a file, and nothing was asked since

    @property
    def path(self) -> Path | None:
        """Where the session is saved."""
        return self.saver.path if self.saver else None

    def keep(self, session: Session) -> None:
        """Take `session` as how things stand, and have it saved."""
        self.session = session
        self.draft(session)

    def draft(self, session: Session) -> None:
        """Have `session`, whose last step may not be complete, saved."""
        if self.saver:
            self.saver.save(session)

    def settle(self) -> None:
        """Wait until what was given to be saved outlives the kernel, or for a moment."""
        if self.saver:
            self.saver.written(MOMENT)

    def saved(self, patience: float = PATIENCE) -> bool:
        """Wait, at most `patience` seconds, until the session is on disk, and return whether it is."""
        return bool(self.saver and self.saver.flush(patience))

    def close(self) -> None:
        """Save what is not saved yet, and let go of the file."""
        if self.saver:
            self.saver.close()


class Threads(dict[str, Thread]):
    """The conversations by thread.

    `secrets` returns what no file may hold; `tell` shows the user a line.
    """

    def __init__(self, secrets: Callable[[], Sequence[str]], tell: Callable[[str], None]) -> None:
        super().__init__()
        self._secrets, self._tell = secrets, tell

    def begin(self, options: Options, prompt: str, path: Path | None = None) -> Thread:
        """Begin the thread that `options` name, afresh where there is one; its file is named after `prompt`.

        `path` is a file of another name, in which nothing but a session may be overwritten. Raises UsageError.
        """
        folder = disk.absolute(Path(options.save_folder)) if options.save_folder else None
        self.forget(options.thread)
        now = datetime.now().astimezone()
        session = Session(id=random.token_hex(16), thread=options.thread, started=now.isoformat(timespec="seconds"))
        conversation = Thread(session, limit=options.max_saved_output)
        if path:
            _check_own(path)
        elif folder:
            path = session_path(folder, now, mask(prompt, self._secrets()))
        if path:
            conversation.session = replace(session, home=_way_back(path.parent))
            conversation.saver = self._saver(path, conversation)
        self[options.thread] = conversation
        return conversation

    def adopt(self, options: Options, path: Path) -> Thread:
        """Have the session in the file `path` be the thread that `options` name, and go on in that file.

        The file stays as it is until there is something to add. Raises SessionError.
        """
        if options.thread in self:
            self[options.thread].saved()  # it may be in that very file
        session, loaded = opened(path)
        self.forget(options.thread)
        session = self._masked(session)
        session = replace(session, thread=options.thread, turns=tuple(map(_ended, session.turns)))
        conversation = Thread(session, limit=options.max_saved_output, adopted=True)
        if options.save_folder:
            conversation.saver = self._saver(path, conversation, loaded=loaded)
        self[options.thread] = conversation
        return conversation

    def read(self, path: Path) -> Session:
        """Return the session in the file `path`, without secrets. Raises SessionError."""
        return self._masked(load(path))

    def find(self, options: Options, file: str) -> Path:
        """Return the session file that a user means by `file`: see `find`. Raises UsageError."""
        return find(options.save_folder, file)

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
            _check_own(path, conversation.session.id)
        saver = conversation.saver if path == conversation.path else None
        saver = saver or self._saver(path, conversation, tell=lambda line: None)
        saver.save(conversation.session)
        saved = saver.flush(60.0)
        if saver is not conversation.saver:
            saver.close()
        if not saved:
            raise SessionError(saver.failure or f"{one_line(path)} could not be written within a minute.")
        return path

    def _masked(self, session: Session) -> Session:
        """Return a session from a file without secrets: it may have been saved where they were none."""
        secrets = self._secrets()
        hidden: Session = map_texts(session, lambda text: mask(text, secrets))
        return hidden

    def _saver(self, path: Path, conversation: Thread, **more: Any) -> Saver:
        return Saver(path, **{"secrets": self._secrets, "tell": self._tell, "limit": conversation.limit, **more})

    def named(self, thread: str) -> Thread:
        """Return the conversation of `thread`. Raises UsageError where there is none."""
        if thread not in self:
            others = ", ".join(one_line(name, 40) for name in self)
            raise UsageError(
                f"Thread {one_line(thread, 40)} has no conversation yet"
                + (
                    f"; there is {others}: --thread NAME."
                    if others
                    else ". A cell that begins with %%codeact starts one."
                )
            )
        return self[thread]

    def close(self) -> None:
        """Save what is not saved yet, and end every thread."""
        for conversation in self.values():
            conversation.saved()
        for thread in list(self):
            self.forget(thread)


def _ended(turn: Turn) -> Turn:
    return replace(turn, outcome="failed", note=turn.note or _KILLED) if turn.outcome == "open" else turn


_KILLED = "The kernel ended in the middle of this turn."


class Saved(NamedTuple):
    """A file in the folder of the sessions, and its `session`, without the outputs that lie beside it.

    `trouble` is the line that tells why there is none.
    """

    path: Path
    modified: datetime
    session: Session | None
    trouble: str = ""


def saved(folder: Path) -> Iterator[Saved]:
    """Yield the sessions in `folder`, those that were saved last first; each file is read when it is its turn."""
    for path, modified in _files(folder):
        try:
            session, trouble = outline(path), ""
        except SessionError as error:
            session, trouble = None, str(error)
        yield Saved(path, datetime.fromtimestamp(modified).astimezone(), session, trouble)


def find(folder: str, file: str, *, parts: bool = True) -> Path:
    """Return the session file that a user means by `file`.

    That is its path, or its name in `folder`, both with or without .ipynb, with `parts` a part of the name that no
    other has, or "last" for the one that was saved last. Raises UsageError, which names the nearest ones.
    """
    places = [Path(folder).expanduser()] if folder else []
    if file == "last":
        return _newest(places)
    given = _expanded(file)
    names = [given, given.with_name(f"{given.name}.ipynb")] if given.name else [given]
    found = [path for place in (Path(), *places) for name in names if _is_file(path := place / name)]
    if found:
        return disk.absolute(found[0])
    alike = [
        path
        for place in places
        for path, _ in _files(place)
        if parts and len(file) > 2 and file.lower() in path.stem.lower()
    ]
    if len(alike) > 1:
        some = ", ".join(one_line(path.stem, 80) for path in alike[:3]) + (", ..." if len(alike) > 3 else "")
        raise UsageError(f"{one_line(file, 60)!r} is a part of {len(alike)} names: {some}. Write more of it.")
    if alike:
        return disk.absolute(alike[0])
    raise UsageError(_no_session(file, places))


def _expanded(file: str) -> Path:
    try:
        return Path(file).expanduser()
    except RuntimeError:  # ~nobody
        return Path(file)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
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
    except OSError:  # it is not the user's to read
        return False


def _no_session(file: str, places: Sequence[Path]) -> str:
    import difflib

    names = {path.stem: path.stem for place in places for path, _ in _files(place)}
    names |= {_STARTED.sub("", name): name for name in names}
    wanted = Path(file).name.removesuffix(".ipynb")
    nearest = dict.fromkeys(names[name] for name in difflib.get_close_matches(wanted, names, cutoff=0.6))
    shown = ", ".join(one_line(name, 80) for name in list(nearest)[:3])
    hint = f"The nearest: {shown}" if shown else "%codeact sessions lists those that there are"
    return f"There is no session {one_line(file, 80)}. {hint}"


_STARTED = re.compile(r"^\d{8}-\d{6}-")


def _files(folder: Path) -> list[tuple[Path, float]]:
    """Return the notebooks in `folder` and when each was last written, the newest first."""
    try:
        with os.scandir(folder) as entries:
            notebooks = [entry for entry in entries if entry.name.endswith(".ipynb") and entry.name[0] != "."]
            dated = [(Path(entry.path), entry.stat().st_mtime) for entry in notebooks if entry.is_file()]
    except OSError:  # there is none
        return []
    return sorted(dated, key=lambda one: (one[1], one[0].name), reverse=True)


def near(path: Path) -> str:
    """Return `path` as it is seen from the working directory."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)


def _notebook_path(file: str) -> Path:
    path = disk.absolute(Path(file))
    if path.is_dir():
        raise UsageError(f"{one_line(path)} is a folder: name a file in it.")
    if not path.parent.parent.is_dir():  # a slip of the pen, more often than a wish for a tree of folders
        raise UsageError(f"There is no folder {one_line(path.parent.parent)}: make it first, or name another one.")
    return path if path.suffix else path.with_suffix(".ipynb")


def _check_own(path: Path, session: str = "") -> None:
    """Refuse to write over a file that holds something else than a session, or another one than `session`."""
    if path.exists():
        try:
            other = load(path)
        except SessionError:
            raise UsageError(f"{one_line(near(path))} exists and is not a saved session: name another file.") from None
        if session and other.id != session:
            raise UsageError(f"{one_line(near(path))} exists and holds another session: name another file.")


def _way_back(folder: Path) -> str:
    """Return the way from a session's folder to the working directory, empty where they lie on different drives."""
    try:
        return Path(os.path.relpath(Path.cwd(), folder)).as_posix()
    except (ValueError, OSError):
        return ""
