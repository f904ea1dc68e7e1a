"""Runs actions in the live shell, and watches names.

The main thread is inside a cell magic while an action runs, so the action is a nested `run_cell`: `nested.py` sees to
it that it behaves as a cell of the user's own, `recorder.py` records what it shows.
"""

from __future__ import annotations

import ast
import linecache
import re
import reprlib
import time
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import compress
from operator import ne
from typing import Any

from .context import describe, summary
from .nested import Alarm, Interrupts, as_action
from .recorder import Recorder
from .session import Cell, Observation
from .text import clip, mask, one_line

_HIDDEN_NAMES = frozenset(["In", "Out", "exit", "quit", "get_ipython", "open", "ojs_define"])
MOST_CHANGES = 20  # names that an observation tells of


class ShellExecutor:
    """Runs actions in an IPython shell.

    `timeout` is in seconds (0: none); `secrets` returns the strings that no output may show; `limit` is the most
    characters of a summary.
    """

    def __init__(
        self, shell: Any, *, timeout: float = 0.0, secrets: Callable[[], Sequence[str]] = tuple, limit: int = 4000
    ) -> None:
        self.shell = shell
        self.timeout, self.secrets, self.limit = timeout, secrets, limit
        self.keep_cells = True
        self.cleared: Callable[[], None] = lambda: None  # called when an action has cleared the cell
        self.conversation = ""  # the session that actions and cells are counted for
        self._told: dict[str, int] = {}  # conversation -> the first input that `cells` has not looked at
        self._actions: dict[int, str] = {}  # input of an action -> its conversation
        self._made: dict[str, int] = {}  # name -> id of the value that an action gave it
        self._noticed = 1  # the first input that was not searched for names which the user made again

    # -- the executor protocol -----------------------------------------------------------------------------------------

    def run(self, code: str) -> Observation:
        """Run `code` once, as a cell of its own in `In`, `Out` and %history; never raises what the code raises.

        The observation is "aborted" where the user interrupted, whatever the code made of that.
        """
        before = self._identities()
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
            changed=tuple((name, mask(value, secrets)) for name, value in changed),
            seconds=seconds,
            execution_count=count,
            line=mask(_innermost_line(error), secrets),
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
        """Return the cells that ran since this conversation last asked, without its own actions and our magics."""
        if not self.keep_cells:
            return ()
        history = self.shell.history_manager
        inputs: list[str] = history.input_hist_raw
        failed: Collection[int] = getattr(history, "exceptions", {})
        secrets = self.secrets()
        first = self._told.get(self.conversation, 1)
        self._told[self.conversation] = len(inputs)
        return tuple(
            Cell(mask(code, secrets), failed=number in failed)
            for number in range(first, len(inputs))
            if self._actions.get(number) != self.conversation and (code := without_ours(inputs[number])).strip()
        )

    # -- names ---------------------------------------------------------------------------------------------------------

    def user_variables(self) -> dict[str, object]:
        """Return what the user and the agent have defined: no modules, no private names, nothing of IPython's."""
        namespace = self.shell.user_ns
        return {name: namespace[name] for name in self._users(namespace)}

    def _users(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that a user or an agent may have given to something of interest."""
        namespace, hidden = self.shell.user_ns, self.shell.user_ns_hidden
        return [
            name
            for name in names
            if not name.startswith("_")
            and name not in _HIDDEN_NAMES
            and not isinstance(namespace[name], types.ModuleType)
            and not (name in hidden and hidden[name] is namespace[name])
        ]

    def user_names(self) -> set[str]:
        """Return the names that are the user's own: an action that made a name may make it again unasked."""
        for name in self._made_by_user():
            self._made.pop(name, None)
        return {name for name, value in self.user_variables().items() if self._made.get(name) != id(value)}

    def _made_by_user(self) -> Iterator[str]:
        """Yield the names that cells of the user's own assigned since this was last asked.

        Identity tells of most of them, but 1 is 1 whoever assigned it.
        """
        inputs: list[str] = self.shell.history_manager.input_hist_parsed
        for number in range(self._noticed, len(inputs)):
            if number not in self._actions:
                yield from _bound_in(inputs[number])
        self._noticed = len(inputs)

    def _identities(self) -> dict[str, int]:
        namespace = self.shell.user_ns  # with three names a cell of IPython's own in it, so it grows
        return dict(zip(namespace, map(id, namespace.values()), strict=True))

    def _changes(
        self, before: dict[str, int], code: str, interrupts: Interrupts, brief: bool
    ) -> tuple[tuple[str, str], ...]:
        """Return the names that `code` gave other values, with these in short; `brief`: with what they are."""
        namespace, after = self.shell.user_ns, self._identities()
        touched = self._users(compress(after, map(ne, after.values(), map(before.get, after))))
        self._made.update((name, after[name]) for name in touched)
        touched += self._users((_changed_in_place(code) & after.keys()).difference(touched))
        names = [name for name in sorted(touched) if not _is_definition(namespace[name])]
        tell = describe if brief else _short
        try:
            with interrupts.raised():  # for a repr is code, too
                return tuple((name, tell(namespace[name])) for name in names[:MOST_CHANGES])
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


def _innermost_line(error: BaseException | None) -> str:
    """Return the last line of a cell that `error` came through, as "line 3: ..."."""
    if isinstance(error, SyntaxError) and error.text:
        return f"line {error.lineno}: {one_line(error.text)}"
    innermost: types.TracebackType | None = None
    trace = error.__traceback__ if error else None
    while trace is not None:
        if _is_cell(trace.tb_frame.f_code.co_filename):
            innermost = trace
        trace = trace.tb_next
    if innermost is None:
        return ""
    number = innermost.tb_lineno
    return f"line {number}: {one_line(linecache.getline(innermost.tb_frame.f_code.co_filename, number))}"


def _is_cell(filename: str) -> bool:
    return "ipykernel_" in filename or filename.startswith("<ipython-input-")


def _changed_in_place(code: str) -> set[str]:
    """Return the names of what `code` changes without another value being assigned: identity does not tell of these."""
    names = set()
    for node in _nodes(code):
        match node:
            case ast.Subscript() | ast.Attribute() if isinstance(node.ctx, ast.Store | ast.Del):
                names.add(_root(node))
            case ast.AugAssign():
                names.add(_root(node.target))
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):  # values.append(1)
                names.add(_root(method))
    return names - {""}


def _root(node: ast.expr) -> str:
    """Return the name at the beginning of `name.attribute[item]`, empty where there is none."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _bound_in(code: str) -> Iterator[str]:
    """Yield the names that `code` assigns, defines or imports, wherever in it."""
    for node in _nodes(code):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]


def _nodes(code: str) -> Iterator[ast.AST]:
    try:
        return ast.walk(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return iter(())


def _is_definition(value: object) -> bool:
    return isinstance(value, type | types.FunctionType)


_REPR = reprlib.Repr()
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxfrozenset = _REPR.maxdict = 20
_REPR.maxstring = _REPR.maxother = 400


def _short(value: object) -> str:
    """Return a short repr of `value`; never raises, and never walks through all of a large container."""
    plain_types = (list, tuple, set, frozenset, dict, str, bytes, int, float, bool, complex, type(None))
    try:
        text = _REPR.repr(value) if isinstance(value, plain_types) else repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return clip(text, 500)
