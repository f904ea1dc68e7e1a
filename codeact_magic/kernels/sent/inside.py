"""Runs inside of a kernel, where it is sent as a message: has actions run as they should, and tells what they did.

It does with the standard library and the files that are sent with it (see `probe.py`).
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Collection
from typing import Any

from .describe import described
from .handles import is_handle
from .names import Names, innermost_line
from .namespace import summary


class Probe:
    """What an executor asks an IPython shell; all answers are strings."""

    def __init__(self, shell: Any) -> None:
        self._shell, self._names = shell, Names(shell)
        self._before = self._names.identities()
        shell.ask_exit = _refuse_to_exit
        shell.displayhook.compute_format_data = _without_handles(shell.displayhook.compute_format_data)
        shell.events.register("post_run_cell", _drain)

    def begin(self, every_value: bool) -> str:
        """Prepare for code; `every_value` shows the value of every expression, not only that of the last one."""
        self._shell.ast_node_interactivity = "all" if every_value else "last_expr"
        self._before = self._names.identities()
        return ""

    def line(self) -> str:
        """Return the innermost line of the code that raised the last error."""
        return innermost_line(getattr(sys, "last_value", None))

    def changes(self, code: str, brief: bool, acts: bool) -> str:
        """Return the names that `code` changed and their values, as JSON; `acts`: it was an action's."""
        made = dict(self._names.made)
        touched = self._names.touched(self._before, code)
        if not acts:
            self._names.made = {name: value for name, value in made.items() if name not in touched}
        return json.dumps(self._names.told(touched, brief))

    def summary(self, limit: int) -> str:
        """Return the variables in outline."""
        return summary(self._names.variables(), limit)

    def own(self) -> str:
        """Return the names that no action has made, as JSON."""
        return json.dumps(sorted(self._names.own()))

    def described(self, names: Collection[str]) -> str:
        """Return what `names` stand for, as JSON."""
        return json.dumps(described(self._shell.user_ns, names))

    def defined(self, names: Collection[str]) -> str:
        """Return those of `names` that have a value, as JSON."""
        return json.dumps([name for name in names if name in self._shell.user_ns])


def _refuse_to_exit() -> None:
    raise SystemExit("exit() ends the action, not the kernel.")


def _without_handles(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda result: ({}, {}) if is_handle(result) else original(result)


_SIGN = "\x1f"  # one byte, so that it is never cut in two
_PATIENCE = 1.0  # seconds to wait for what child processes wrote


def _drain(result: object) -> None:
    """Wait until all that was written past sys.stdout and sys.stderr has been read: it belongs to this run.

    ipykernel reads descriptors 1 and 2, where child processes write, on threads of its own; each is given a sign to
    read as well.
    """
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        if _is_watched(descriptor, stream):
            _read_up_to_here(descriptor, stream)


def _is_watched(descriptor: int, stream: Any) -> bool:
    thread = getattr(stream, "watch_fd_thread", None)
    try:
        return thread is not None and thread.is_alive() and os.path.sameopenfile(descriptor, stream._fid)
    except (AttributeError, TypeError, OSError):
        return False


def _read_up_to_here(descriptor: int, stream: Any) -> None:
    write, read = stream.write, threading.Event()

    def until_sign(text: str) -> Any:
        if threading.current_thread() is not stream.watch_fd_thread or _SIGN not in text:
            return write(text)
        write(text.replace(_SIGN, "", 1))
        read.set()
        return len(text)

    stream.write = until_sign
    try:
        os.write(descriptor, _SIGN.encode())
        read.wait(_PATIENCE)
    finally:
        del stream.write
