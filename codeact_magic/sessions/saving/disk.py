"""The file system, as sessions need it: names that are claimed, locks, files that are replaced whole."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ...errors import SessionError
from ...hints import ChangeFolder
from ...text import one_line

LOCK_TIMEOUT = 5.0  # seconds to wait for another kernel that writes the file
LOCK_FILES = 4096
DRAFT_LIFETIME = 3600.0  # seconds after which a draft is taken for the one of a killed process
MAX_FILE_SIZE = 2_000_000_000  # bytes of a file that is read
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_DRAFT = ".codeact-"


class Stamp(NamedTuple):
    """The state of a file when it was last looked at. It differs after any change to the file."""

    device: int
    inode: int
    size: int
    modified: int  # nanoseconds


def stamp(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def absolute(path: Path) -> Path:
    """Return `path` as an absolute path. Raises SessionError if the working directory was deleted."""
    try:
        return path.expanduser().absolute()
    except FileNotFoundError:
        raise SessionError(_NO_FOLDER.format(path=one_line(path)), ChangeFolder()) from None
    except RuntimeError:  # ~nobody
        return path.absolute()


_NO_FOLDER = "The folder that {path} is seen from, the working directory, was deleted"


# -- reading -----------------------------------------------------------------------------------------------------------


def read(path: Path, *, links: bool = False) -> tuple[bytes, Stamp]:
    """Return the content and the stamp of an ordinary file. `path` may be a link if `links`. Raises OSError."""
    with _opened(path, 0 if links else NO_LINK) as file:
        status = os.fstat(file.fileno())
        if status.st_size > MAX_FILE_SIZE:
            raise OSError("it is too large")
        return file.read(), stamp(status)


@contextmanager
def _opened(path: Path, flags: int = 0) -> Iterator[BinaryIO]:
    """Open an ordinary file: reading a pipe, for example, might never end. Raises OSError."""
    with os.fdopen(os.open(path, os.O_RDONLY | _BINARY | _NO_WAIT | flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is not an ordinary file")
        yield file


def holds(path: Path, pattern: re.Pattern[bytes]) -> bool:
    """Return whether an ordinary file holds `pattern`, searching from the end. Raises OSError."""
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


# -- writing -----------------------------------------------------------------------------------------------------------


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other kernels of this user from writing the file `path` meanwhile, if the system can do that.

    The lock is on an empty file in the user's cache folder, so that nothing is left beside the session. There are only
    LOCK_FILES of them: two sessions may share one. Raises OSError if another kernel holds the lock for too long.
    """
    from filelock import FileLock, Timeout

    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(_lock_file(path), timeout=LOCK_TIMEOUT))
        except Timeout:
            raise OSError(errno.EBUSY, "another process is busy with the file") from None
        except (OSError, RuntimeError):
            pass  # there is no such folder, its file system has no locks, or `path` is a link to itself
        yield


def _lock_file(path: Path) -> Path:
    from platformdirs import user_cache_path

    folder = user_cache_path("codeact_magic", appauthor=False) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(os.fsencode(path.resolve())).digest()
    return folder / f"{int.from_bytes(digest) % LOCK_FILES}.lock"


@contextmanager
def draft(path: Path, *, like: Path | None = None, synced: bool = True) -> Iterator[BinaryIO]:
    """Give a file to write to, which then replaces `path` at once, whole.

    Whoever may read the file `like` (by default: `path`) may read the new one. If `path` is a link, the link is
    replaced. Unless the file is `synced`, a power cut may leave it broken. Raises OSError.
    """
    scratch = path.parent / f"{_DRAFT}{uuid.uuid4().hex}.tmp"
    try:
        with open(scratch, "xb", buffering=_BLOCK, opener=_private) as file:  # pathlib has no opener
            with suppress(OSError):
                shutil.copymode(like or path, scratch)
            yield file
            file.flush()
            if synced:
                os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def _private(path: str, flags: int) -> int:
    """Open a new file that only the user may read: sessions hold data."""
    return os.open(path, flags, 0o600)


def sweep(folder: Path) -> None:
    """Remove the drafts that killed processes have left in `folder`."""
    with suppress(OSError):
        for scratch in folder.glob(f"{_DRAFT}*.tmp"):
            if time.time() - scratch.stat().st_mtime > DRAFT_LIFETIME:
                scratch.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make the content of a file survive a power cut. Raises OSError."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the new name of a file survive a power cut, if the system can do that for a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def claimed(folder: Path, stem: str, first: int) -> Path:
    """Return the first of stem.ipynb, stem-2.ipynb, ... that does not exist yet, and create it, empty.

    `first` is the number of the first name that is tried. If the folder cannot be written to, the path is returned all
    the same.
    """
    for number in count(first):
        path = folder / (f"{stem}-{number}.ipynb" if number > 1 else f"{stem}.ipynb")
        if _claim(path):
            return path
    raise AssertionError


def _claim(path: Path) -> bool:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        return True
    return True


def reason(error: BaseException) -> str:
    """Return the text of an error of the system, or of any other, on one line."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return one_line(strerror or str(error) or type(error).__name__)
