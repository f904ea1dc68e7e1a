"""Which files are right: their hashes, each computed once and then remembered with the file's size and time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .models import ModelFile, Progress, cache_folder

BLOCK = 1 << 20


def is_right(model: ModelFile, path: Path, progress: Progress) -> bool:
    """Return whether `path` is the model's file."""
    return size_of(path) == model.size and sha256_of(path, progress) == model.sha256


def size_of(path: Path) -> int:
    """Return the file's bytes, -1 where there is no file."""
    return path.stat().st_size if path.is_file() else -1


def sha256_of(path: Path, progress: Progress) -> str:
    """Return the file's hash, from the record where the file has not changed since it was last computed."""
    key, stamp, record = str(path.absolute()), _stamp(path), _record()
    if record.get(key, [])[:2] != stamp:
        digest, done, total = hashlib.sha256(), 0, path.stat().st_size
        with path.open("rb") as file:
            for block in blocks(file):
                digest.update(block)
                progress(done := done + len(block), total, "checking the file")
        _write_record(_record() | {key: [*stamp, digest.hexdigest()]})
        return digest.hexdigest()
    return str(record[key][2])


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of the file, a megabyte at a time."""
    while block := file.read(BLOCK):
        yield block


def remembered(model: ModelFile) -> list[Path]:
    """Return where a file with the model's hash was seen."""
    return [Path(path) for path, (_, _, sha256) in _record().items() if sha256 == model.sha256]


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _record_file() -> Path:
    return cache_folder() / "checked.json"


def _record() -> dict[str, list[Any]]:
    """Return the hashes computed so far, as path -> [bytes, time of change, sha256]."""
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
