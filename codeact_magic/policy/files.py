"""Finds and reads the files of the administrator.

There are two: the system's own, and one that the variable CODEACT_POLICY names, which a spawner of kernels sets. What
both allow is allowed. A file that somebody else may write is ignored with a line; one that cannot be read or understood
allows nothing.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import UsageError
from ..text import one_line
from .cap import Policy, parsed

VARIABLE = "CODEACT_POLICY"
OWNERS = (0,)  # the users whose files count
_PLACE = Path("/etc/codeact/policy.toml")
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def read(tell: Callable[[str], None]) -> Policy:
    """Return what the administrator allows; `tell` is told of a file that does not count. Raises UsageError."""
    policy = Policy()
    named = _named()
    for path, must_exist in ((system_file(), False), (Path(named) if named else None, True)):
        if path is not None:
            policy &= _policy(path, must_exist, tell)
    return policy


def system_file() -> Path:
    """Return the path of the system's own file."""
    if os.name == "posix" and "darwin" not in sys.platform:
        return _PLACE
    from platformdirs import site_config_path

    return site_config_path("codeact", appauthor=False) / "policy.toml"


def _named() -> str:
    """Return the file that the variable names. What it was when the process began counts, if the system keeps that."""
    try:
        for entry in Path("/proc/self/environ").read_bytes().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == VARIABLE.encode() and value:
                return os.fsdecode(value)
    except OSError:
        pass
    return os.environ.get(VARIABLE, "")


def _policy(path: Path, must_exist: bool, tell: Callable[[str], None]) -> Policy:
    import tomllib

    try:
        if writable := _writable(path):
            tell(f"The policy {one_line(path)} is ignored: not only the administrator may write {one_line(writable)}.")
            return Policy()
        return parsed(tomllib.loads(path.read_text("utf-8")), str(path))
    except FileNotFoundError:
        if not must_exist:
            return Policy()
        raise UsageError(f"The administrator's policy {one_line(path)} does not exist.") from None
    except (OSError, ValueError) as error:  # among them what is no TOML
        raise UsageError(f"The administrator's policy {one_line(path)} cannot be used: {one_line(error)}.") from None


def _writable(path: Path) -> Path | None:
    """Return the file, or the folder above it, that somebody else may replace; None if nobody may. Raises OSError."""
    real = path.resolve(strict=True)
    for place in (real, *real.parents):
        status = place.stat()
        is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_uid not in OWNERS or (status.st_mode & _OTHERS and not is_sticky):
            return place
    return None
