"""The journal beside a session's file: what is about to stand in the file, so that no kill can leave it half written.

A record says how the file ends from one place on. It is a line of JSON and the bytes of that end, appended in one
write; a kill in the middle of it leaves a record whose checksum is wrong, and which nobody heeds. What a record means
for a file that is not as it was when the record was written is in recovery.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from . import disk
from .disk import Stamp, stamp


class Sum(NamedTuple):
    """The length of some bytes and their checksum."""

    size: int
    crc: int

    def plus(self, data: bytes) -> Sum:
        """Return the sum of these bytes with `data` behind them."""
        return Sum(self.size + len(data), crc32(data, self.crc))


NOTHING = Sum(0, 0)


@dataclass(frozen=True)
class Record:
    """Has the file end with `tail` behind the bytes `prefix`; `before` is the whole file without that.

    `after` is what the ids of the last cells of the prefix begin with, empty where it has no cells.
    """

    prefix: Sum
    before: Sum
    tail: bytes
    after: str = ""

    def encoded(self) -> bytes:
        """Return the record as it stands in the journal."""
        sums = {"prefix": self.prefix, "before": self.before, "tail": NOTHING.plus(self.tail)}
        head = {**sums, "after": self.after}
        return json.dumps(head).encode() + b"\n" + self.tail

    def applied(self, data: bytes) -> bytes | None:
        """Return the file `data`, which may be half written, as the record has it; None where it is another file."""
        kept = data[: self.prefix.size]
        return kept + self.tail if NOTHING.plus(kept) == self.prefix else None


def path_of(path: Path) -> Path:
    """Return where the journal of the file `path` is."""
    return path.with_name(f".{path.name}.journal")


def mark(path: Path) -> Stamp | None:
    """Return what tells the journal of the file `path` from another one, or a longer one; None where there is none."""
    try:
        return stamp(path_of(path).lstat())._replace(modified=0)  # nothing but its length changes in a journal
    except OSError:
        return None


def append(path: Path, record: Record) -> None:
    """Add `record` to the journal of the file `path`; a new journal may be read by whoever may read the file."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | disk.BINARY | disk.NO_LINK
    handle = os.open(path_of(path), flags, path.stat().st_mode & 0o777 | 0o200)
    with os.fdopen(handle, "wb", buffering=0) as file:
        data = record.encoded()
        if file.write(data) != len(data):
            raise OSError("the disk is full")


def sync(path: Path) -> None:
    """Have the journal of the file `path` survive a power cut."""
    with path_of(path).open("ab") as file:
        os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Take the journal of the file `path` away, where there is one."""
    with suppress(OSError):
        path_of(path).unlink(missing_ok=True)


def records(path: Path) -> list[Record]:
    """Return what the journal of the file `path` holds, the newest first."""
    try:
        data, _ = disk.read(path_of(path))
    except (OSError, ValueError):
        return []
    return list(_decoded(data))[::-1]


def _decoded(data: bytes) -> Iterator[Record]:
    """Yield the records of a journal, up to one that is no record."""
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        try:
            head = json.loads(data[start:end])
            prefix, before, tail = (_sum(head[name]) for name in ("prefix", "before", "tail"))
            after = str(head.get("after", ""))
        except (ValueError, LookupError, TypeError, RecursionError):
            return
        start = end + 1 + tail.size
        record = Record(prefix, before, data[end + 1 : start], after)
        if NOTHING.plus(record.tail) != tail:
            return
        yield record


def _sum(value: Any) -> Sum:
    size, crc = value
    if not all(type(number) is int and 0 <= number < 2**53 for number in (size, crc)):
        raise ValueError("no sum")
    return Sum(size, crc)
