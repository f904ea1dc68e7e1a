"""Runs inside a separate kernel: sets up its shell for actions, and answers questions about the variables.

It is sent to the kernel as source, so it may use only the standard library and the files that are sent with it (see
`separate/inspection.py`).
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from .describe import described
from .environment import secrets_here
from .errors import innermost_line, show_groups
from .handles import is_handle
from .names import Names
from .namespace import summary
from .widgets import final_texts


class Inspector:
    """Answers an executor's questions about an IPython shell; all answers are strings."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._names = Names(shell)
        self._before = self._names.identities()
        shell.ask_exit = _refuse_to_exit
        shell.displayhook.compute_format_data = _without_handles(shell.displayhook.compute_format_data)
        shell.showtraceback = show_groups(shell, as_text=True)
        shell.events.register("post_run_cell", _drain)

    def begin(self, every_value: bool) -> str:
        """Prepare for a run, and return the secrets that the kernel holds, as JSON.

        `every_value` shows the value of every expression, not only of the last one.
        """
        self._shell.ast_node_interactivity = "all" if every_value else "last_expr"
        self._before = self._names.identities()
        return json.dumps(secrets_here())

    def line(self) -> str:
        """Return the innermost line of the code that raised the last error."""
        return innermost_line(getattr(sys, "last_value", None))

    def changes(self, code: str, with_values: bool, is_action: bool) -> str:
        """Return the names that `code` changed, with their values or outlines, as JSON.

        `is_action`: the code is an action's. A value that takes too long is interrupted from outside; then all names
        have outlines.
        """
        made = dict(self._names.made)
        touched = self._names.touched(self._before, code)
        if not is_action:
            self._names.made = {name: value for name, value in made.items() if name not in touched}
        if with_values:
            with suppress(KeyboardInterrupt):
                return json.dumps(self._names.values(touched, self._before, code))
        return json.dumps(self._names.outlines(touched))

    def widgets(self, models: Collection[str]) -> str:
        """Return the texts of widgets as they are now, by the ids of their models, as JSON pairs."""
        return json.dumps(list(final_texts(models).items()))

    def summary(self, limit: int) -> str:
        """Return an outline of the variables."""
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


_SENTINEL = "\x1f"  # a single byte, so that it is never cut in two
_PATIENCE = 1.0  # seconds to wait for the output of child processes


def _drain(result: object) -> None:
    """Wait until ipykernel has read the output of child processes of this run.

    They write to descriptors 1 and 2, which ipykernel reads on threads of its own. A sentinel written to each of them
    shows how far it has read.
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
    write = stream.write
    read = threading.Event()

    def until_sentinel(text: str) -> Any:
        if threading.current_thread() is not stream.watch_fd_thread or _SENTINEL not in text:
            return write(text)
        write(text.replace(_SENTINEL, "", 1))
        read.set()
        return len(text)

    stream.write = until_sentinel
    try:
        os.write(descriptor, _SENTINEL.encode())
        read.wait(_PATIENCE)
    finally:
        del stream.write
