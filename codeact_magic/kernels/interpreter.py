"""The interface of an interpreter, and its options as one value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..agent import Executor


def _do_nothing(*arguments: object) -> None:
    """Stand in for a callback that nobody has set."""


def _tell_nobody(line: str) -> None:
    """Stand in for a callback that nobody has set."""


def _forget(secrets: Mapping[str, str]) -> None:
    """Stand in for a callback that nobody has set."""


@dataclass(frozen=True, slots=True)
class InterpreterOptions:
    """The options of an interpreter; they hold until it is configured again.

    Attributes:
        timeout: seconds that an action may run (0: no limit).
        summary_limit: the most characters of a summary.
        values: whether the values of variables are told that an action makes and does not show.
        keep_cells: whether `cells` returns the user's cells.
        session: the id of the session that actions and cells are counted for.
        secrets: returns the strings that no output may show.
        lifted: returns the strings that are shown although they have the form of secrets.
        learn: is told the secrets that the kernel holds, each with the name of its variable.
        masked: is told which secrets were masked, each with its kind.
        cleared: called after an action has cleared the output of the cell.
        stuck: called, on another thread, if nothing ends an action that was stopped; with the line that it is in.
        active_outputs: whether the outputs of actions may run script.
        guarded: the objects that decide about actions, which no action may change.
        tell: shows the user a line, and what can be done about it.
    """

    timeout: float = 0.0
    summary_limit: int = 4000
    values: bool = True
    keep_cells: bool = True
    session: str = ""
    secrets: Callable[[], Sequence[str]] = tuple
    lifted: Callable[[], Collection[str]] = tuple
    learn: Callable[[Mapping[str, str]], None] = _forget
    masked: Callable[[Mapping[str, str]], None] = _forget
    cleared: Callable[[], None] = _do_nothing
    stuck: Callable[[str], None] = _tell_nobody
    active_outputs: bool = False
    guarded: Sequence[object] = ()
    tell: Callable[..., None] = _do_nothing


DEFAULTS = InterpreterOptions()


class Interpreter(Executor, Protocol):
    """Runs the code of many turns."""

    def configure(self, options: InterpreterOptions) -> None:
        """Use `options` from now on."""

    def user_names(self) -> Collection[str]:
        """Return the names that are the user's own."""

    def defined(self, names: Collection[str]) -> Collection[str]:
        """Return those of `names` that have a value."""
