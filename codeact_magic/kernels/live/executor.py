"""Runs actions in the live shell, and watches names.

The main thread is inside a cell magic while an action runs, so the action is a nested `run_cell`. `nested.py` makes it
behave like a cell of the user's, and `recorder.py` records its outputs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Sequence, Set
from contextlib import suppress
from typing import Any

from ...hints import SetOption
from ...secrets import Masker
from ...session import Cell, Observation, Status
from ...text import one_line
from ..interpreter import DEFAULTS, InterpreterOptions
from ..sent.describe import described
from ..sent.environment import secrets_here
from ..sent.errors import innermost_line
from ..sent.names import Changes, Names, bound_in
from ..sent.namespace import summary
from .insistence import watched
from .libraries import imports
from .nested import Alarm, Interrupts, as_action
from .recorder import Recorder
from .seal import sealed

PATIENCE = 2.0  # seconds that the values of an action may take to be written


class ShellExecutor:
    """Runs actions in an IPython shell."""

    def __init__(self, shell: Any, options: InterpreterOptions = DEFAULTS) -> None:
        self.shell = shell
        self.options = options
        self._names = Names(shell)
        self._next_input: dict[str, int] = {}  # session -> the first input that `cells` has not returned yet
        self._actions: dict[int, str] = {}  # input number of an action -> its session
        self._bindings: dict[int, str] = {}  # input number of a %%codeact --into -> code that binds its name
        self._first_unread = 1  # the first input not yet searched for names that the user assigned

    def configure(self, options: InterpreterOptions) -> None:
        """Use `options` from now on."""
        self.options = options

    # -- the executor protocol -----------------------------------------------------------------------------------------

    def run(self, code: str) -> Observation:
        """Run `code` once, as a cell of its own in `In`, `Out` and %history. An exception of the code is not raised.

        The status is "interrupted" if the user interrupted the code, even if the code caught the interrupt.
        """
        options = self.options
        secrets = self._secrets()
        before = self._names.identities()
        count = self.shell.execution_count
        interrupts = Interrupts()
        alarm = Alarm(options.timeout)
        alarm_while_looking = Alarm(PATIENCE)
        recorder = Recorder(
            self.shell,
            count,
            secrets,
            lifted=options.lifted(),
            hides=lambda kind: _is_stop(kind) and interrupts.count > alarm.rings,
            cleared=options.cleared,
            may_act=lambda library: options.active_outputs or self._user_imports(library, count),
        )
        changed: Changes = ()
        put_back = sealed(self.shell, options.guarded)
        began = time.monotonic()

        def expected() -> int:
            return alarm.rings + alarm_while_looking.rings

        def stuck(line: str) -> None:
            recorder.unrecorded(options.stuck, recorder.masker.text(line))

        with interrupts, watched(interrupts, expected, stuck):
            try:
                with alarm:
                    error = self._run(code, interrupts, recorder)
            finally:
                tampered = put_back()
            seconds = round(time.monotonic() - began, 3)
            if not interrupts.count:
                with alarm_while_looking:
                    with_values = options.values and not recorder.outputs
                    changed = self._changes(before, code, interrupts, with_values=with_values)
        self._actions.update(dict.fromkeys(range(count, self.shell.execution_count), options.session))
        masker = recorder.masker
        changed = tuple((masker.text(name), masker.text(value)) for name, value in changed)
        line = masker.text(innermost_line(error))
        options.masked(masker.masked)
        late = f"It was interrupted: it ran longer than the {alarm.seconds:g} s allowed." if alarm.rings else ""
        if tampered:
            options.tell(_TAMPERED.format(names=one_line(", ".join(dict.fromkeys(tampered)), 300)))
        if recorder.made_inert:
            options.tell(_MADE_INERT, SetOption("active_outputs", True, to="allow it"))
        return Observation(
            status=_status(error, interrupts, alarm, alarm_while_looking),
            outputs=tuple(recorder.outputs),
            changed=changed,
            seconds=seconds,
            execution_count=count,
            line=line,
            note=" ".join(filter(None, [late, masker.note])),
        )

    def _run(self, code: str, interrupts: Interrupts, recorder: Recorder) -> BaseException | None:
        """Run `code` and return the exception that it raised."""
        try:
            with recorder, as_action(self.shell), interrupts.kept(), interrupts.raised():
                result = self.shell.run_cell(code, store_history=True)
        except KeyboardInterrupt as interrupt:  # it came just before the code began, or after it ended
            return interrupt
        # An error in code that a magic ran (%run, %%capture) is shown, although the cell itself has none.
        error: BaseException | None = result.error_before_exec or result.error_in_exec or recorder.error
        return error

    def _user_imports(self, library: str, count: int) -> bool:
        """Return whether the user's own cells before input number `count` import `library` ("": there is none)."""
        inputs: list[str] = self.shell.history_manager.input_hist_parsed
        own = (code for number, code in enumerate(inputs[:count]) if number not in self._actions)
        return bool(library) and imports(library, own)

    def summary(self) -> str:
        """Return an outline of the user's variables."""
        return self._masker().text(summary(self.user_variables(), self.options.summary_limit))

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that ran since the last call for this session, without its own actions and our magics.

        The actions of other sessions are among them: this session could not run again without them.
        """
        if not self.options.keep_cells:
            return ()
        history = self.shell.history_manager
        inputs: list[str] = history.input_hist_raw
        failed: Collection[int] = getattr(history, "exceptions", {})
        masker = self._masker()
        first = self._next_input.get(self.options.session, 1)
        self._next_input[self.options.session] = len(inputs)
        found = []
        # The cell that was running during the last call may have bound a name since then.
        for number in range(max(first - 1, 1), len(inputs)):
            code = self._user_code(number, is_new=number >= first)
            if code.strip():
                found.append(Cell(masker.text(code), failed=number in failed, earlier=number in self._actions))
        self.options.masked(masker.masked)
        return tuple(found)

    def _secrets(self) -> Sequence[str]:
        """Return the secrets that this kernel has now, and those that it has had."""
        self.options.learn(secrets_here())
        return self.options.secrets()

    def _masker(self) -> Masker:
        return Masker(self._secrets(), self.options.lifted())

    def _user_code(self, number: int, *, is_new: bool) -> str:
        """Return the code of an input that a session needs to run again without us, "" if there is none."""
        if self._actions.get(number) == self.options.session:
            return ""
        if binding := self._bindings.get(number):
            return binding
        return without_ours(self.shell.history_manager.input_hist_raw[number]) if is_new else ""

    def bind(self, name: str, value: str) -> None:
        """Assign a text to a name of the user's, as the running cell would have done."""
        self.shell.push({name: value})
        self._bindings[len(self.shell.history_manager.input_hist_raw) - 1] = f"{name} = {value!r}"

    # -- names ---------------------------------------------------------------------------------------------------------

    def user_variables(self) -> dict[str, object]:
        """Return the variables of the user and the agent, without modules, private names and IPython's own names."""
        return self._names.variables()

    def user_names(self) -> Set[str]:
        """Return the names that are the user's own. An action may overwrite a name that an action made.

        The scan learns from the same value what the names stand for, and how IPython reads a cell.
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
        """Yield the names that the user's own cells assigned since the last call.

        Comparing identities finds most of them, but not a small integer that the user assigned anew.
        """
        inputs: list[str] = self.shell.history_manager.input_hist_parsed
        for number in range(self._first_unread, len(inputs)):
            if number not in self._actions:
                yield from bound_in(inputs[number])
        self._first_unread = len(inputs)

    def _changes(self, before: dict[str, int], code: str, interrupts: Interrupts, *, with_values: bool) -> Changes:
        """Return the names to which `code` gave new values, with a text about each.

        Their values have `PATIENCE` seconds; if that is not enough, all names have outlines.
        """
        touched = self._names.touched(before, code)
        if with_values:
            with suppress(KeyboardInterrupt), interrupts.raised():
                return self._names.values(touched, before, code)
        return self._names.outlines(touched)


def _status(error: BaseException | None, interrupts: Interrupts, alarm: Alarm, alarm_while_looking: Alarm) -> Status:
    """Return how a run ended that raised `error`."""
    if interrupts.count > alarm.rings + alarm_while_looking.rings:
        return "interrupted"
    if _is_stop(type(error)) and not interrupts.watching:
        return "interrupted"
    if alarm.rings:
        return "timed out"
    return "error" if error else "ok"


def _is_stop(kind: type) -> bool:
    return kind.__name__ in ("KeyboardInterrupt", "CancelledError")


_TAMPERED = "This step changed what your approval of steps rests on, and it was put back: {names}."
_MADE_INERT = "Script in the output of this step was not run."
_OUR_LINES = re.compile(
    r"^[ \t]*(?:%(?:time|timeit|prun|memit)\b[^\n%]*)?"
    r"%(?:codeact\b|(?:load|reload|unload)_ext[ \t]+codeact_magic\b|config[ \t]+CodeAct\b).*\n?",
    re.MULTILINE,
)
_OTHER_MAGICS = re.compile(r"\s*(?:%%(?!codeact\b)\w[^\n]*\n\s*)*(?=%%codeact\b)")
_CAPTURE = re.compile(r"^%%capture\b.*[ \t][A-Za-z_]\w*[ \t]*$", re.MULTILINE)


def without_ours(cell: str) -> str:
    """Return the source of a user's cell without what needs this package.

    Of a %%codeact cell below other magics, such as %%time, only the name is left that %%capture binds.
    """
    others = _OTHER_MAGICS.match(cell)
    if others is None:
        return _OUR_LINES.sub("", cell)
    capture = _CAPTURE.search(others.group())
    return f"{capture.group()}\npass" if capture else ""


def below_others(cell: str) -> str:
    """Return a %%codeact cell without the magics above it; any other cell as it is."""
    others = _OTHER_MAGICS.match(cell)
    return cell[others.end() :] if others else cell
