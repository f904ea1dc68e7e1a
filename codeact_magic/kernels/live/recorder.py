"""Records what a run shows, as nbformat outputs, while it is shown. No secret gets to the screen or into the record."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

from ...session import Json
from ...text import mask
from ..sent.handles import is_handle
from .nested import Change, changed
from .record import Record, begun, masked

SENTINEL = "\x1f"  # one byte, so that it is never cut in two; a terminal that is shown it does nothing
PATIENCE = 1.0  # seconds to wait for what child processes wrote


class Recorder:
    """Records what is shown while it is entered; `outputs` are complete on exit, and then never change.

    `error` is the last exception that was shown.

    Args:
        shell: the IPython shell.
        count: the number of the run, for `execute_result`.
        secrets: what is masked, on the screen and in the record.
        hides: tells of a kind of exception that its traceback is to be recorded, but not shown.
        cleared: is called when what the cell shows was cleared, which takes more away than the run's own outputs.
    """

    def __init__(
        self,
        shell: Any,
        count: int,
        secrets: Sequence[str] = (),
        *,
        hides: Callable[[type], bool] = lambda kind: False,
        cleared: Callable[[], None] = lambda: None,
    ) -> None:
        self.shell, self.count, self.secrets, self.hides, self.cleared = shell, count, secrets, hides, cleared
        self.outputs: list[Json] = []
        self.error: BaseException | None = None
        self._record = Record()
        self._silent: list[int] = []  # the threads in which what is written is no output of the run's own
        self._formatted: tuple[Any, list[str]] = (None, [])  # the last exception, and its traceback
        self._on = True

    def __enter__(self) -> Self:
        shell = self.shell
        self._streams = [_Stream(name, self) for name in ("stdout", "stderr")]
        self._children = _children()
        self._prompt = partial(self._unrecorded, shell.displayhook.write_output_prompt)
        self._changes = changed(
            [
                *(change for stream in self._streams for change in stream.changes()),
                _wrapped(shell.display_pub, "publish", self._publish),
                _wrapped(shell.display_pub, "clear_output", self._clear_output),
                _wrapped(shell.displayhook, "compute_format_data", _without_handles),
                _wrapped(shell.displayhook, "write_format_data", self._write_format_data),
                Change(shell.displayhook, "write_output_prompt", _not_yet),
                _wrapped(shell.displayhook, "finish_displayhook", self._unrecorded),
                _wrapped(shell, "_showtraceback", self._showtraceback),
                _wrapped(shell.InteractiveTB, "structured_traceback", self._structured_traceback),
            ]
        )
        self._changes.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        """End the record: a thread that goes on writing no longer changes it."""
        try:
            children = _children() != self._children
            for stream in self._streams:
                stream.finish(children)
        finally:
            self._changes.__exit__(None, None, None)
            self._on = False
            self.outputs = self._record.outputs()

    def write(self, name: str, text: str) -> None:
        """Record `text`, which is written to the stream `name`."""
        if not self._on or self._is_silent():
            return
        self._record.write(name, text)

    # -- what the shell is given to show -------------------------------------------------------------------------------

    def _publish(self, original: Callable[..., Any], data: Any, metadata: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(data, dict) or self._is_silent():
            return original(data, metadata, *args, **kwargs)
        data, metadata, kwargs = masked([data, metadata, kwargs], self.secrets)
        if self._on:
            display_id = (kwargs.get("transient") or {}).get("display_id")
            self._record.display(data, metadata or {}, display_id, bool(kwargs.get("update")))
        return self._unrecorded(original, data, metadata, *args, **kwargs)

    def _clear_output(self, original: Callable[..., Any], wait: bool = False) -> Any:
        self._record.clear(wait)
        result = self._unrecorded(original, wait)
        self._unrecorded(self.cleared)
        return result

    def _write_format_data(self, original: Callable[..., Any], data: Any, metadata: Any = None) -> Any:
        data, metadata = masked(data, self.secrets), masked(metadata, self.secrets)
        if not data:
            return None
        if self._on:
            self._record.result(data, metadata or {}, self.count)
        self._prompt()
        return self._unrecorded(original, data, metadata)

    def _showtraceback(self, original: Callable[..., Any], kind: Any, value: Any, lines: Any) -> Any:
        lines = [mask(line, self.secrets) for line in ([lines] if isinstance(lines, str) else lines)]
        said = _said(value)
        name, message = mask(kind.__name__, self.secrets), mask(said, self.secrets)
        if self._on:
            self._record.error(name, message, lines)
            self.error = value
        if not self.hides(kind):
            shown = kind if name == kind.__name__ else type(name, (Exception,), {})
            self._unrecorded(original, shown, value if message == said else message, lines)

    def _structured_traceback(
        self, original: Callable[..., list[str]], kind: type, value: Any, *args: Any, **kwargs: Any
    ) -> list[str]:
        """Return the lines of a traceback, which take long to make: once for each error, not at all where hidden."""
        if self._formatted[0] is not value:
            hidden = self.hides(kind)
            self._formatted = (value, [kind.__name__] if hidden else original(kind, value, *args, **kwargs))
        return self._formatted[1]

    def _unrecorded(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `original`, and keep what a terminal prints for it out of the record: it stands there already."""
        self._silent.append(threading.get_ident())
        try:
            return original(*args, **kwargs)
        finally:
            self._silent.remove(threading.get_ident())

    def _is_silent(self) -> bool:
        return threading.get_ident() in self._silent


class _Stream:
    """sys.stdout or sys.stderr while it is recorded, together with what processes write past it."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self.name, self.stream, self.recorder = name, getattr(sys, name), recorder
        self._write: Callable[[str], Any] = self.stream.write
        self._held = ""  # written, but maybe the beginning of a secret
        self._lock = threading.RLock()
        self._past = False  # whether something was written past sys.stdout
        self._drained: threading.Event | None = None

    def changes(self) -> list[Change]:
        """Return what has all writes go through here."""
        if hasattr(self.stream, "__dict__"):  # on the stream itself: log handlers keep a reference to it
            return [Change(self.stream, "write", self.write), Change(self.stream, "close", _stay_open)]
        return [Change(sys, self.name, _Tee(self.stream, self.write))]

    def finish(self, children: bool) -> None:
        """Pass on what is still to come; `children`: processes have ended meanwhile."""
        if self._past or children:
            self._drain()
        self._pass_on("", last=True)

    def write(self, text: Any) -> Any:
        """Show and record `text`."""
        if not isinstance(text, str):
            return self._write(text)  # which says what is wrong
        size = len(text)
        if threading.current_thread() is not self._watcher:
            self._pass_on(text)
        elif self._drained and SENTINEL in text:
            self._pass_on(text.replace(SENTINEL, "", 1))
            self._drained.set()
        else:
            self._past = True
            self._pass_on(text)
        return size

    def _pass_on(self, text: str, last: bool = False) -> None:
        secrets = self.recorder.secrets
        with self._lock:
            if secrets:
                text = mask(self._held + text, secrets)
                held = 0 if last or not self.recorder._on else max(begun(text, secret) for secret in secrets)
                self._held = text[len(text) - held :]
                text = text[: len(text) - held]
            if text:
                self.recorder.write(self.name, text)
                self._write(text)

    # ipykernel reads file descriptors 1 and 2, where child processes write, on a thread of its own.

    @property
    def _watcher(self) -> threading.Thread | None:
        return getattr(self.stream, "watch_fd_thread", None)

    def _drain(self) -> None:
        """Wait until that thread has passed on all that was written: it gets a sign to read as well."""
        descriptor = {"stdout": 1, "stderr": 2}[self.name]
        if self._watcher is None or not self._watcher.is_alive() or not self._is_watched(descriptor):
            return
        self._drained = threading.Event()
        os.write(descriptor, SENTINEL.encode())
        self._drained.wait(PATIENCE)

    def _is_watched(self, descriptor: int) -> bool:
        """Return whether `descriptor` still is the pipe that ipykernel reads."""
        try:
            return os.path.sameopenfile(descriptor, self.stream._fid)
        except (AttributeError, TypeError, OSError):
            return False


def _children() -> int:
    """Return a number that is another one after a child process has ended."""
    try:
        import resource
    except ImportError:  # Windows, where ipykernel does not read the descriptors either
        return 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


def _not_yet() -> None:
    """Stand in for the prompt of a value, which is written when it is clear that the value is shown at all."""


def _stay_open() -> None:
    """Stand in for the close() of a stream that is not the action's to close."""


class _Tee:
    """A text stream whose writes go through `write`, and which is the stream itself in all else."""

    close = staticmethod(_stay_open)

    def __init__(self, stream: Any, write: Callable[[str], Any]) -> None:
        self._stream, self.write = stream, write

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _wrapped(owner: Any, name: str, wrapper: Callable[..., Any]) -> Change:
    """Return the change that gives `owner` a method which is called with the one it replaces as its first argument."""
    return Change(owner, name, partial(wrapper, getattr(owner, name)))


def _without_handles(original: Callable[..., Any], result: Any) -> Any:
    """Format a value, but for one that is not worth showing."""
    return ({}, {}) if is_handle(result) else original(result)


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}, whose text cannot be had>"
