"""What sessions need of the file system: names that are claimed, locks, files that are put in place whole."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ...errors import SessionError
from ...hints import ChangeFolder
from ...text import one_line

PATIENCE = 5.0  # seconds to wait for another process that reads or writes a file
DEAD = 60.0  # seconds after which a draft that nobody has locked is given up
_DRAFT = ".codeact-"


class Stamp(NamedTuple):
    """What tells a file from the same one after somebody has changed it."""

    device: int
    inode: int
    size: int
    modified: int


def stamp(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


MOST = 2_000_000_000  # bytes of a file that is read


NO_LINK = getattr(os, "O_NOFOLLOW", 0)
BINARY = getattr(os, "O_BINARY", 0)


def absolute(path: Path) -> Path:
    """Return `path` as it is wherever one goes. Raises SessionError where the working directory is gone."""
    try:
        return path.expanduser().absolute()
    except FileNotFoundError:
        raise SessionError(_NOWHERE.format(path=one_line(path)), ChangeFolder()) from None
    except RuntimeError:  # ~nobody
        return path.absolute()


_NOWHERE = "The folder that {path} is seen from, the working directory, was deleted"


def read(path: Path, *, links: bool = False) -> tuple[bytes, Stamp]:
    """Return the content of an ordinary file; `links`: `path` may be a link to it. Raises OSError."""
    with _opened(path, 0 if links else NO_LINK) as file:
        status = os.fstat(file.fileno())
        if status.st_size > MOST:
            raise OSError("it is too large")
        return file.read(), stamp(status)


@contextmanager
def _opened(path: Path, flags: int = 0) -> Iterator[BinaryIO]:
    """Open an ordinary file: one that is a pipe, say, would never end. Raises OSError."""
    with os.fdopen(os.open(path, os.O_RDONLY | BINARY | getattr(os, "O_NONBLOCK", 0) | flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is no ordinary file")
        yield file


def holds(path: Path, pattern: re.Pattern[bytes]) -> bool:
    """Return whether `pattern` is in an ordinary file, looked for from its end on. Raises OSError."""
    with _opened(path) as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(end - _BLOCK, 0)
            file.seek(start)
            if pattern.search(file.read(end - start)):
                return True
            end = start + _OVERLAP if start else 0
    return False


_BLOCK = 1 << 20  # bytes
_OVERLAP = 1 << 10


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other kernels from reading and writing the file `path` meanwhile, where the system can do that."""
    deadline = time.monotonic() + PATIENCE
    while (file := _lock(path)) is _BUSY:
        if time.monotonic() > deadline:
            raise OSError(errno.EBUSY, "another process is busy with the file")
        time.sleep(0.005)
    try:
        yield
    finally:
        if file is not None:
            _unlock(file)


_BUSY = object()


def _lock(path: Path) -> Any:
    """Return the file `path` locked, _BUSY where somebody else has it, None where there is nothing to lock."""
    try:
        import fcntl

        if not path.is_file():
            return None
        file = path.open("rb")
    except (ImportError, FileNotFoundError):  # Windows; a new file
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        busy = _BUSY  # another file has been put in its place
    except (BlockingIOError, FileNotFoundError):
        busy = _BUSY
    except OSError:  # this file system has no locks
        busy = None
    file.close()
    return busy


def _unlock(file: Any) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_UN)  # closing does not do: a process that the user's code has forked has it as well
    file.close()


@contextmanager
def draft(path: Path, like: Path | None = None) -> Iterator[BinaryIO]:
    """Give a file to write to, which then takes the place of `path`, whole; `like`: who may read that may read it."""
    scratch = path.parent / f"{_DRAFT}{uuid.uuid4().hex}.tmp"
    try:
        with scratch.open("xb") as file, locked(scratch):
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):
            shutil.copymode(like or path, scratch)
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove the drafts that processes which were killed have left behind in `folder`."""
    with suppress(OSError):
        for scratch in folder.glob(f"{_DRAFT}*.tmp"):
            _remove_if_dead(scratch)


def _remove_if_dead(scratch: Path) -> None:
    if time.time() - scratch.stat().st_mtime > DEAD and (file := _lock(scratch)) is not _BUSY:
        scratch.unlink(missing_ok=True)
        if file is not None:
            _unlock(file)


def sync_folder(folder: Path) -> None:
    """Have the new name of a file survive a power cut, where the system can do that for a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def claimed(folder: Path, stem: str, first: int) -> Path:
    """Return the first of stem.ipynb, stem-2.ipynb, ... that nobody has yet, from the number `first` on."""
    names = (f"{stem}-{number}" if number > 1 else stem for number in count(first))
    paths = (folder / f"{name}.ipynb" for name in names)
    return next(path for path in paths if _claim(path))


def _claim(path: Path) -> bool:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        return True
    return True


def reason(error: BaseException) -> str:
    """Return what an error of the system, or any other, says, on one line."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return one_line(strerror or str(error) or type(error).__name__)
