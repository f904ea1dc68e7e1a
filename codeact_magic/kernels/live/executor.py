"""Runs actions in the live shell, and watches names.

The main thread is inside a cell magic while an action runs, so the action is a nested `run_cell`: `nested.py` sees to
it that it behaves as a cell of the user's own, `recorder.py` records what it shows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from ...session import Cell, Observation
from ...text import mask
from ..sent.describe import described
from ..sent.names import Names, bound_in, innermost_line
from ..sent.describe import described
from ..sent.namespace import summary
from .nested import Alarm, Interrupts, as_action
from .recorder import Recorder


class ShellExecutor:
    """Runs actions in an IPython shell.

    `timeout` is in seconds (0: none); `secrets` returns the strings that no output may show; `limit` is the most
    characters of a summary.
    """

    def __init__(
        self, shell: Any, *, timeout: float = 0.0, secrets: Callable[[], Sequence[str]] = tuple, limit: int = 4000
    ) -> None:
        self.shell = shell
        self._names = Names(shell)
        self.timeout, self.secrets, self.limit = timeout, secrets, limit
        self.keep_cells = True
        self.cleared: Callable[[], None] = lambda: None  # called when an action has cleared the cell
        self.conversation = ""  # the session that actions and cells are counted for
        self._told: dict[str, int] = {}  # conversation -> the first input that `cells` has not looked at
        self._actions: dict[int, str] = {}  # input of an action -> its conversation
        self._bound: dict[int, str] = {}  # input of a %%codeact --into -> code that binds its name as well
        self._noticed = 1  # the first input that was not searched for names which the user made again

    # -- the executor protocol -----------------------------------------------------------------------------------------

    def run(self, code: str) -> Observation:
        """Run `code` once, as a cell of its own in `In`, `Out` and %history; never raises what the code raises.

        The observation is "aborted" where the user interrupted, whatever the code made of that.
        """
        before = self._names.identities()
        began = time.monotonic()
        secrets = self.secrets()
        count = self.shell.execution_count
        interrupts, alarm, later = Interrupts(), Alarm(self.timeout), Alarm(self.timeout)
        recorder = Recorder(
            self.shell,
            count,
            secrets,
            hides=lambda kind: _is_stop(kind) and interrupts.count > alarm.rings,
            cleared=self.cleared,
        )
        changed: tuple[tuple[str, str], ...] = ()
        with interrupts:
            with alarm:
                error = self._run(code, interrupts, recorder)
            seconds = round(time.monotonic() - began, 3)
            if not interrupts.count:
                with later:
                    changed = self._changes(before, code, interrupts, brief=bool(recorder.outputs))
        self._actions.update(dict.fromkeys(range(count, self.shell.execution_count), self.conversation))
        stopped = interrupts.count > alarm.rings + later.rings or (_is_stop(type(error)) and not interrupts.watching)
        return Observation(
            status="aborted" if stopped else "error" if error or alarm.rings else "ok",
            outputs=tuple(recorder.outputs),
            changed=tuple((mask(name, secrets), mask(value, secrets)) for name, value in changed),
            seconds=seconds,
            execution_count=count,
            line=mask(innermost_line(error), secrets),
            note=f"It was interrupted: it ran longer than the {alarm.seconds:g} s allowed." if alarm.rings else "",
        )

    def _run(self, code: str, interrupts: Interrupts, recorder: Recorder) -> BaseException | None:
        """Run `code` and return what it raised."""
        try:
            with recorder, as_action(self.shell), interrupts.raised():
                result = self.shell.run_cell(code, store_history=True)
        except KeyboardInterrupt as interrupt:  # it came just before the code began, or after it ended
            return interrupt
        # What a magic ran (%run, %%capture) is shown as an error, although the cell itself has none.
        error: BaseException | None = result.error_before_exec or result.error_in_exec or recorder.error
        return error

    def summary(self) -> str:
        """Return the user's variables in outline."""
        return mask(summary(self.user_variables(), self.limit), self.secrets())

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that ran since this conversation last asked, without its own actions and our magics.

        The actions of others are among them: without those the session would not run again, either.
        """
        if not self.keep_cells:
            return ()
        history = self.shell.history_manager
        inputs: list[str] = history.input_hist_raw
        failed: Collection[int] = getattr(history, "exceptions", {})
        secrets = self.secrets()
        first = self._told.get(self.conversation, 1)
        self._told[self.conversation] = len(inputs)
        # The cell that ran when this was asked last may have bound a name since.
        codes = [
            (number, self._users_code(number, number >= first)) for number in range(max(first - 1, 1), len(inputs))
        ]
        return tuple(
            Cell(mask(code, secrets), failed=number in failed, earlier=number in self._actions)
            for number, code in codes
            if code.strip()
        )

    def _users_code(self, number: int, is_new: bool) -> str:
        """Return what input `number` is to a session that runs again without us; nothing where it has been told."""
        if self._actions.get(number) == self.conversation:
            return ""
        inputs = self.shell.history_manager.input_hist_raw
        return self._bound.get(number) or (without_ours(inputs[number]) if is_new else "")

    def bind(self, name: str, value: str) -> None:
        """Bind a text to a name of the user's, as the cell that is running would have done."""
        self.shell.push({name: value})
        self._bound[len(self.shell.history_manager.input_hist_raw) - 1] = f"{name} = {value!r}"

    # -- names ---------------------------------------------------------------------------------------------------------

    def user_variables(self) -> dict[str, object]:
        """Return what the user and the agent have defined: no modules, no private names, nothing of IPython's."""
        return self._names.variables()

    def user_names(self) -> Collection[str]:
        """Return the names that are the user's own: an action that made a name may make it again unasked.

        It also knows what these and other names stand for, and how IPython reads a cell.
        """
        from ...risk import Namespace  # imported on use: its tables are needed only once an action is asked about

        for name in self._made_by_user():
            self._names.made.pop(name, None)
        return Namespace(
            self._names.own(),
            describe=lambda names: described(self.shell.user_ns, names),
            transform=self.shell.input_transformer_manager.transform_cell,
            magics=self.shell.magics_manager.magics["line"],
        )

    def defined(self, names: Collection[str]) -> set[str]:
        """Return those of `names` that have a value."""
        return {name for name in names if name in self.shell.user_ns}

    def _made_by_user(self) -> Iterator[str]:
        """Yield the names that cells of the user's own assigned since this was last asked.

        Identity tells of most of them, but 1 is 1 whoever assigned it.
        """
        inputs: list[str] = self.shell.history_manager.input_hist_parsed
        for number in range(self._noticed, len(inputs)):
            if number not in self._actions:
                yield from bound_in(inputs[number])
        self._noticed = len(inputs)

    def _changes(
        self, before: dict[str, int], code: str, interrupts: Interrupts, brief: bool
    ) -> tuple[tuple[str, str], ...]:
        """Return the names that `code` gave other values, with these in short; `brief`: with what they are."""
        touched = self._names.touched(before, code)
        try:
            with interrupts.raised():  # for a repr is code, too
                return self._names.told(touched, brief)
        except KeyboardInterrupt:
            return ()


def _is_stop(kind: type) -> bool:
    return kind.__name__ in ("KeyboardInterrupt", "CancelledError")


_OUR_LINES = re.compile(
    r"^[ \t]*%(?:codeact\b|(?:load|reload|unload)_ext[ \t]+codeact_magic\b|config[ \t]+CodeAct\b).*\n?", re.MULTILINE
)


def without_ours(cell: str) -> str:
    """Return a cell of the user's without what it needs this package for."""
    return "" if cell.lstrip().startswith("%%codeact") else _OUR_LINES.sub("", cell)
