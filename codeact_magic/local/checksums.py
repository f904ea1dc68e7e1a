"""Check files by their sha256. Each hash is computed once, and recorded with the file's size and time of change."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .known_models import ModelFile, Progress, cache_folder

BLOCK = 1 << 20


def is_right(model: ModelFile, path: Path, progress: Progress) -> bool:
    """Return whether `path` is the file of `model`."""
    return size_of(path) == model.size and sha256_of(path, progress) == model.sha256


def size_of(path: Path) -> int:
    """Return the file's size in bytes, -1 if there is no file."""
    return path.stat().st_size if path.is_file() else -1


def sha256_of(path: Path, progress: Progress) -> str:
    """Return the file's hash: the recorded one if the file has not changed since, or else a new one."""
    key = str(path.absolute())
    stamp = _stamp(path)
    recorded = _record().get(key, [])
    if recorded[:2] == stamp:
        return str(recorded[2])
    sha256 = _computed_sha256(path, progress)
    _write_record(_record() | {key: [*stamp, sha256]})
    return sha256


def _computed_sha256(path: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    total = path.stat().st_size
    done = 0
    with path.open("rb") as file:
        for block in blocks(file):
            digest.update(block)
            done += len(block)
            progress(done, total, "checking the file")
    return digest.hexdigest()


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the rest of the file, a megabyte at a time."""
    while block := file.read(BLOCK):
        yield block


def recorded_paths(model: ModelFile) -> list[Path]:
    """Return the paths at which a file with the model's hash was recorded."""
    return [Path(path) for path, (_, _, sha256) in _record().items() if sha256 == model.sha256]


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _record_file() -> Path:
    return cache_folder() / "checked.json"


def _record() -> dict[str, list[Any]]:
    """Return the recorded hashes, as path -> [size in bytes, time of change in nanoseconds, sha256]."""
    try:
        record: dict[str, list[Any]] = json.loads(_record_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record


def _write_record(record: dict[str, list[Any]]) -> None:
    with suppress(OSError):  # the record only saves time
        _record_file().parent.mkdir(parents=True, exist_ok=True)
        new = _record_file().with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(record, indent=1), "utf-8")
        new.replace(_record_file())
