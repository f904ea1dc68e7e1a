"""Runs inside of a kernel, where it is sent as a message: has actions run as they should, and tells what they did.

It does with the standard library and the files that are sent with it (see `probe.py`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection
from typing import Any

from ..context.namespace import summary
from ..handles import is_handle
from ..names import Names, innermost_line


class Probe:
    """What an executor asks an IPython shell; all answers are strings."""

    def __init__(self, shell: Any) -> None:
        self._shell, self._names = shell, Names(shell)
        self._before = self._names.identities()
        shell.ask_exit = _refuse_to_exit
        shell.displayhook.compute_format_data = _without_handles(shell.displayhook.compute_format_data)

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

    def defined(self, names: Collection[str]) -> str:
        """Return those of `names` that have a value, as JSON."""
        return json.dumps([name for name in names if name in self._shell.user_ns])


def _refuse_to_exit() -> None:
    raise SystemExit("exit() ends the action, not the kernel.")


def _without_handles(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda result: ({}, {}) if is_handle(result) else original(result)
