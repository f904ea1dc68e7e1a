"""The file of one session: whose it is, and how it is replaced whole at each step.

The cells of the parts that have not changed stay encoded in memory, so that a step encodes only the new cells. A file
that somebody else has changed since (another kernel that goes on with the session, Jupyter's own save) is left alone,
and so is one to which the user has added cells: the session goes on in a file of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ...session import Session
from . import disk, to_notebook
from .disk import Stamp, claimed, stamp
from .encoding import encoded, notebook_bytes
from .large_outputs import LargeOutputs
from .masking import masking


class FileState(NamedTuple):
    """The state of a session's file when the session was loaded from it."""

    stamp: Stamp
    has_other_cells: bool = False  # that is, cells that are not the session's


class SessionFile:
    """The file of one session.

    Args:
        path: the file. It becomes another one if somebody else has changed the file.
        loaded: the state of the file when the session was loaded; None: the file may be overwritten.
        limit: the characters of an output beyond which it goes into a file of its own (0: no limit).
    """

    def __init__(self, path: Path, loaded: FileState | None = None, limit: int = 0) -> None:
        self.path = path
        self._known = loaded
        self._secrets: tuple[str, ...] = ()
        self._mask = masking(())
        self._encoded: dict[str, tuple[Any, bytes]] = {}  # the cells of each part, with the value they are made of
        self._content: list[bytes] = []  # of the file, as it was last written
        self._large_outputs = LargeOutputs(path, limit)
        self._leaking: set[str] = set()  # files of large outputs that hold what has become secret since
        self._swept = False

    def write(self, session: Session, secrets: Sequence[str]) -> None:
        """Replace the file by `session` without `secrets`. Raises OSError: the file is as it was then."""
        if tuple(secrets) != self._secrets:
            self._hide(secrets)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with disk.locked(self.path):
            if self._is_ours():
                self._replace(session)
                return
        self._move()
        with disk.locked(self.path):
            self._replace(session)

    def sync(self) -> None:
        """Make all written files survive a power cut. Raises OSError."""
        self._large_outputs.sync()
        disk.sync_folder(self.path.parent)

    def _hide(self, secrets: Sequence[str]) -> None:
        self._mask = masking(secrets)
        self._secrets = tuple(secrets)
        self._encoded = {}
        self._leaking |= self._large_outputs.written
        self._large_outputs.written = set()

    # -- whose file it is ----------------------------------------------------------------------------------------------

    def _is_ours(self) -> bool:
        """Return whether the file may be replaced: nobody else has written anything into it."""
        if self._known is None:
            return True
        try:
            now = stamp(self.path.stat())
        except FileNotFoundError:
            return True
        if self._known.has_other_cells:
            return False
        return now == self._known.stamp or self._has_our_content()

    def _has_our_content(self) -> bool:
        """Return whether the file holds our last content: somebody may have copied it back, or touched it."""
        return bool(self._content) and self.path.read_bytes() == b"".join(self._content)

    def _move(self) -> None:
        """Go on in another file, which has a name of its own."""
        self.path = claimed(self.path.parent, self.path.stem, first=2)
        self._known = None
        self._encoded = {}
        self._large_outputs = LargeOutputs(self.path, self._large_outputs.limit)

    # -- writing it ----------------------------------------------------------------------------------------------------

    def _replace(self, session: Session) -> None:
        if not self._swept:
            self._swept = True
            disk.sweep(self.path.parent)
        self._encode(session)
        content = notebook_bytes(
            [cells for _, cells in self._encoded.values() if cells],
            to_notebook.metadata(session, self._mask),
        )
        with disk.draft(self.path) as file:
            file.writelines(content)
            self._content = content
        self._known = FileState(stamp(self.path.stat()))
        self._large_outputs.remove(self._leaking - self._large_outputs.written)
        self._leaking = set()

    def _encode(self, session: Session) -> None:
        """Encode the parts of `session` that are not encoded yet."""
        before = self._encoded
        self._encoded = {}
        for part in to_notebook.parts(session, self.path.parent.name):
            value, cells = before.get(part.key, (None, b""))
            if value != part.value:
                cells = self._cells(part)
            self._encoded[part.key] = (part.value, cells)

    def _cells(self, part: to_notebook.Part) -> bytes:
        return encoded([self._large_outputs.put_away(cell) for cell in part.cells(self._mask)])


# -- its name ----------------------------------------------------------------------------------------------------------


def session_path(folder: Path, started: datetime, prompt: str) -> Path:
    """Return a path of its own for a session that begins with `prompt`: folder/20250131-235959-some-words.ipynb.

    The name is claimed with an empty file, so that two kernels never share one. If that fails, the path is returned
    unclaimed: saving fails as well then, and says so.
    """
    return claimed(folder, f"{started:%Y%m%d-%H%M%S}-{_slug(prompt)}", first=1)


_SLUG_LENGTH = 40


def _slug(prompt: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", prompt[:1000]).encode("ascii", "ignore").decode()
    slug = "-".join(re.findall("[a-z0-9]+", ascii_only.lower()))
    if len(slug) > _SLUG_LENGTH:
        slug = slug[: _SLUG_LENGTH + 1].rpartition("-")[0] or slug[:_SLUG_LENGTH]
    return slug or "session"
