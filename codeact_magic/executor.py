"""Runs actions in the live shell: shows what they give as it comes, records it as nbformat outputs, and watches names.

The main thread is inside a cell magic while an action runs, so the action is a nested `run_cell`. What differs from a
cell of the user's own is patched for its duration, on the shell's own objects, and put back.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import linecache
import reprlib
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from .context import summary
from .session import Cell, Json, Observation
from .text import clip, mask, one_line

MOST_RECORDED = 1_000_000  # characters of one stream that an observation keeps; all of it is shown
_OURS = ("%%codeact", "%codeact", "%load_ext codeact_magic", "%reload_ext codeact_magic", "%unload_ext codeact_magic")
_HIDDEN_NAMES = frozenset(["In", "Out", "exit", "quit", "get_ipython", "open", "ojs_define"])


class ShellExecutor:
    """Runs actions in an IPython shell.

    `timeout` is in seconds (0: none); `secrets` returns the strings that no output may show.
    """

    def __init__(
        self, shell: Any, *, timeout: float = 0.0, secrets: Callable[[], Sequence[str]] = tuple, limit: int = 4000
    ) -> None:
        self.shell = shell
        self.timeout, self.secrets, self.limit = timeout, secrets, limit
        self.keep_cells = True
        self.conversation = ""  # the session that actions and cells are counted for
        self._seen: dict[str, int] = {}  # conversation -> the first input that `cells` has not looked at
        self._inputs: dict[int, str] = {}  # input of an action -> its conversation
        self._made: dict[str, int] = {}  # name -> id of the value that an action gave it

    # -- the executor protocol -----------------------------------------------------------------------------------------

    def run(self, code: str) -> Observation:
        """Run `code` once, as a cell of its own in `In`, `Out` and %history; never raises what the code raises."""
        before = self._values()
        began = time.monotonic()
        count = self.shell.execution_count
        self._inputs[count] = self.conversation
        recorder = Recorder(self.shell, count, self.secrets())
        alarm = _Alarm(self.timeout)
        error: BaseException | None
        try:
            with recorder, _await_nested(self.shell), _as_action(self.shell), alarm:
                result = self.shell.run_cell(code, store_history=True)
            error = result.error_before_exec or result.error_in_exec
        except KeyboardInterrupt as interrupt:  # it came just before the code began, or after it ended
            error = interrupt
        status = "error" if error is not None else "ok"
        note = ""
        if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
            status = "error" if alarm.rang else "aborted"
            note = f"It was interrupted: it ran longer than the {self.timeout:g} s allowed." if alarm.rang else ""
        return Observation(
            status=status,  # type: ignore[arg-type]
            outputs=tuple(recorder.outputs),
            changed=self._changes(before, code),
            seconds=round(time.monotonic() - began, 3),
            execution_count=count,
            line=_innermost_line(error),
            note=note,
        )

    def summary(self) -> str:
        """Return the user's variables in outline."""
        return mask(summary(self.user_variables(), self.limit), self.secrets())

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that ran since this conversation last asked, without its own actions and the magic."""
        if not self.keep_cells:
            return ()
        history = self.shell.history_manager
        inputs: list[str] = history.input_hist_raw
        failed = getattr(history, "exceptions", {})
        first = self._seen.get(self.conversation, 1)
        self._seen[self.conversation] = len(inputs)
        return tuple(
            Cell(mask(inputs[n], self.secrets()), failed=n in failed)
            for n in range(first, len(inputs))
            if self._inputs.get(n) != self.conversation
            and inputs[n].strip()
            and not inputs[n].lstrip().startswith(_OURS)
        )

    # -- names ---------------------------------------------------------------------------------------------------------

    def user_variables(self) -> dict[str, object]:
        """Return what the user and the agent have defined: no modules, no private names, nothing of IPython's."""
        hidden = self.shell.user_ns_hidden
        return {
            name: value
            for name, value in self.shell.user_ns.items()
            if not name.startswith("_")
            and name not in _HIDDEN_NAMES
            and not isinstance(value, types.ModuleType)
            and not (name in hidden and hidden[name] is value)
        }

    def user_names(self) -> set[str]:
        """Return the names that are the user's own: an action that made a name may make it again unasked."""
        return {name for name, value in self.user_variables().items() if self._made.get(name) != id(value)}

    def _values(self) -> dict[str, int]:
        return {name: id(value) for name, value in self.user_variables().items()}

    def _changes(self, before: dict[str, int], code: str) -> tuple[tuple[str, str], ...]:
        variables = self.user_variables()
        touched = {name for name, value in variables.items() if before.get(name) != id(value)}
        self._made.update((name, id(variables[name])) for name in touched)
        touched |= _stored_into(code) & variables.keys()
        secrets = self.secrets()
        changed = [name for name in variables if name in touched and not _is_definition(variables[name])]
        return tuple((name, mask(_short(variables[name]), secrets)) for name in changed[:20])


class Recorder:
    """Records what a run shows, as nbformat outputs, while it is shown; secrets are masked in both."""

    def __init__(self, shell: Any, count: int, secrets: Sequence[str] = ()) -> None:
        self.shell, self.count, self.secrets = shell, count, secrets
        self.outputs: list[Json] = []
        self._displays: dict[str, list[Json]] = {}
        self._clear_next = False

    def __enter__(self) -> Recorder:
        shell, stack = self.shell, contextlib.ExitStack()
        with stack:
            for name in ("stdout", "stderr"):
                stack.enter_context(self._tee(name))
            stack.enter_context(_patched(shell.display_pub, "publish", self._publish))
            stack.enter_context(_patched(shell.display_pub, "clear_output", self._clear_output))
            stack.enter_context(_patched(shell.displayhook, "compute_format_data", _without_artists))
            stack.enter_context(_patched(shell.displayhook, "write_format_data", self._write_format_data))
            for name in ("write_output_prompt", "finish_displayhook"):
                stack.enter_context(_patched(shell.displayhook, name, self._unrecorded))
            stack.enter_context(_patched(shell, "_showtraceback", self._showtraceback))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _tee(self, name: str) -> contextlib.AbstractContextManager[Any]:
        stream = getattr(sys, name)
        write = stream.write

        def recording_write(text: str) -> Any:
            text = mask(text, self.secrets)
            self._add_stream(name, text)
            return write(text)

        try:  # on the stream itself where it allows that: log handlers keep a reference to it
            stream.write = recording_write
        except AttributeError:
            return _patched_plainly(sys, name, _Tee(stream, recording_write))
        return _restored(stream, "write")

    def _add(self, output: Json) -> Json:
        if self._clear_next:
            self._clear()
        self.outputs.append(output)
        return output

    def _clear(self) -> None:
        self._clear_next = False
        self.outputs.clear()

    def _add_stream(self, name: str, text: str) -> None:
        if not text:
            return
        last = self.outputs[-1] if self.outputs and not self._clear_next else None
        if last is None or last["output_type"] != "stream" or last["name"] != name:
            last = self._add({"output_type": "stream", "name": name, "text": ""})
        if len(last["text"]) < MOST_RECORDED:
            last["text"] += text
            if len(last["text"]) >= MOST_RECORDED:
                last["text"] += "\n... the rest was shown, but is not kept ...\n"

    def _masked(self, data: dict[str, Any]) -> dict[str, Any]:
        return {kind: mask(value, self.secrets) if isinstance(value, str) else value for kind, value in data.items()}

    def _publish(self, original: Callable[..., Any], data: Any, metadata: Any = None, *args: Any, **kwargs: Any) -> Any:
        data = self._masked(data)
        display_id = (kwargs.get("transient") or {}).get("display_id")
        output = {"output_type": "display_data", "data": jsonable(data), "metadata": jsonable(metadata or {})}
        if kwargs.get("update"):
            for shown in self._displays.get(display_id, ()):
                shown.update(data=output["data"], metadata=output["metadata"])
        else:
            self._add(output)
            if display_id:
                self._displays.setdefault(display_id, []).append(output)
        return self._unrecorded(original, data, metadata, *args, **kwargs)

    def _clear_output(self, original: Callable[..., Any], wait: bool = False) -> Any:
        self._clear_next = True
        if not wait:
            self._clear()
        return original(wait)

    def _write_format_data(self, original: Callable[..., Any], data: Any, metadata: Any = None) -> Any:
        data = self._masked(data)
        output: Json = {"output_type": "execute_result", "execution_count": self.count}
        self._add(output | {"data": jsonable(data), "metadata": jsonable(metadata or {})})
        return self._unrecorded(original, data, metadata)

    def _showtraceback(self, original: Callable[..., Any], kind: Any, value: Any, lines: list[str]) -> Any:
        lines = [mask(line, self.secrets) for line in lines]
        message = mask(str(value), self.secrets)
        self._add({"output_type": "error", "ename": kind.__name__, "evalue": message, "traceback": lines})
        return self._unrecorded(original, kind, value, lines)

    def _unrecorded(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `original`, and keep what a terminal prints for it out of the record: it stands there already."""
        outputs, self.outputs = self.outputs, []
        try:
            return original(*args, **kwargs)
        finally:
            self.outputs = outputs


class _Tee:
    """A text stream whose writes go through `write`, and which is the stream itself in all else."""

    def __init__(self, stream: Any, write: Callable[[str], Any]) -> None:
        self._stream, self.write = stream, write

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Alarm:
    """Interrupts the main thread, as Stop would, when `seconds` have passed; `rang` tells that it was this."""

    def __init__(self, seconds: float) -> None:
        self.rang = False
        self._lock = threading.Lock()
        self._over = False
        self._main = threading.get_ident()
        self._timer = threading.Timer(seconds, self._ring) if seconds > 0 else None

    def __enter__(self) -> _Alarm:
        if self._timer:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._timer:
            self._timer.cancel()
            with self._lock:
                self._over = True

    def _ring(self) -> None:
        with self._lock:
            if self._over:
                return
            self.rang = True
            if hasattr(signal, "pthread_kill"):  # wakes a sleeping system call too
                signal.pthread_kill(self._main, signal.SIGINT)
            else:
                import _thread

                _thread.interrupt_main()


def _patched(owner: Any, name: str, replacement: Callable[..., Any]) -> contextlib.AbstractContextManager[None]:
    """Give `owner` a method that is called with the one it replaces as its first argument."""
    original = getattr(owner, name)

    def method(*args: Any, **kwargs: Any) -> Any:
        return replacement(original, *args, **kwargs)

    return _patched_plainly(owner, name, method)


@contextlib.contextmanager
def _restored(owner: Any, name: str, had: Any = None) -> Iterator[None]:
    try:
        yield
    finally:
        if had is None:
            with contextlib.suppress(AttributeError):
                delattr(owner, name)
        else:
            setattr(owner, name, had)


def _patched_plainly(owner: Any, name: str, value: Any) -> contextlib.AbstractContextManager[None]:
    had = vars(owner).get(name)
    setattr(owner, name, value)
    return _restored(owner, name, had)


@contextlib.contextmanager
def _await_nested(shell: Any) -> Iterator[None]:
    """Let top-level `await` work although the kernel's own event loop is running around us.

    The nested run gets a loop of its own, and the running one is put aside meanwhile.
    """
    runner: asyncio.Runner | None = None

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        nonlocal runner
        runner = runner or asyncio.Runner()
        running = asyncio.events._get_running_loop()
        asyncio.events._set_running_loop(None)
        try:
            return runner.run(coroutine)
        finally:
            asyncio.events._set_running_loop(running)

    before = shell.loop_runner
    shell.loop_runner = run
    try:
        yield
    finally:
        shell.loop_runner = before
        if runner is not None:
            _close(runner)


def _close(runner: asyncio.Runner) -> None:
    running = asyncio.events._get_running_loop()
    asyncio.events._set_running_loop(None)
    try:
        runner.close()
    finally:
        asyncio.events._set_running_loop(running)


@contextlib.contextmanager
def _as_action(shell: Any) -> Iterator[None]:
    """Show the value of every expression, and let exit() end the action rather than the kernel with the user's data."""

    def ask_exit() -> None:
        raise SystemExit("exit() ends the action, not the kernel.")

    interactivity = shell.ast_node_interactivity
    shell.ast_node_interactivity = "all"
    with _patched_plainly(shell, "ask_exit", ask_exit):
        try:
            yield
        finally:
            shell.ast_node_interactivity = interactivity


def _without_artists(original: Callable[..., Any], result: Any) -> Any:
    """Format a value for display, but leave out what matplotlib's drawing calls return: the figure is what counts."""
    values = result if isinstance(result, list | tuple) else [result]
    drawn = any(type(value).__module__.startswith("matplotlib.") for value in values[:10])
    return ({}, {}) if drawn and type(result).__name__ != "Figure" else original(result)


def jsonable(value: Any) -> Any:
    """Return MIME data as JSON can hold it: bytes as base64, as the kernel itself sends them."""
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _innermost_line(error: BaseException | None) -> str:
    """Return the last line of a cell that `error` came through, as "line 3: ..."."""
    if isinstance(error, SyntaxError) and error.text:
        return f"line {error.lineno}: {one_line(error.text)}"
    line = ""
    trace = error.__traceback__ if error else None
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if _is_cell(filename):
            line = f"line {trace.tb_lineno}: {one_line(linecache.getline(filename, trace.tb_lineno))}"
        trace = trace.tb_next
    return line


def _is_cell(filename: str) -> bool:
    return "ipykernel_" in filename or filename.startswith("<ipython-input-")


def _stored_into(code: str) -> set[str]:
    """Return the names whose items or attributes `code` assigns to: their identity does not tell that they changed."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError):
        return set()
    names = set()
    for node in nodes:
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            target: ast.expr = node
            while isinstance(target, ast.Subscript | ast.Attribute):
                target = target.value
            if isinstance(target, ast.Name):
                names.add(target.id)
    return names


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
