"""Records the outputs of a run while they are shown. Secrets reach neither the screen nor the record."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Any, Self

from ...secrets import Masker, Pieces
from ...session import Json
from ..sent.errors import message_of, show_groups, text_of
from ..sent.handles import is_handle
from ..sent.widgets import final_texts
from .inert import inert
from .libraries import library_at_work, library_of
from .nested import Change, changed
from .output_record import OutputRecord

SENTINEL = "\x1f"  # a single byte, so that it is never cut in two; terminals ignore it
PATIENCE = 1.0  # seconds to wait for the output of child processes


class Recorder:
    """Records outputs while it is entered. `outputs` are complete on exit, and do not change afterwards.

    `error` is the last exception that was shown. `made_inert` is whether active content was left out of an output.

    Args:
        shell: the IPython shell.
        count: the execution count, for `execute_result`.
        secrets: the strings to mask, on the screen, in the record and in the log of the kernel's server.
        lifted: what is shown although it has the form of a secret.
        hides: returns whether the traceback of an exception type is recorded, but not shown.
        cleared: called after the cell's output was cleared, which removes more than this run's own outputs.
        may_act: returns whether an output may run script; it is given the name of the library that made it, or "".
    """

    def __init__(
        self,
        shell: Any,
        count: int,
        secrets: Sequence[str] = (),
        *,
        lifted: Collection[str] = (),
        hides: Callable[[type], bool] = lambda kind: False,
        cleared: Callable[[], None] = lambda: None,
        may_act: Callable[[str], bool] = lambda library: False,
    ) -> None:
        self.shell = shell
        self.count = count
        self.masker = Masker(secrets, lifted)
        self.hides = hides
        self.cleared = cleared
        self.may_act = may_act
        self.made_inert = False
        self.outputs: list[Json] = []
        self.error: BaseException | None = None
        self._record = OutputRecord()
        self._silent: list[int] = []  # the threads whose writes are not recorded at the moment
        self._formatted: tuple[Any, list[str]] = (None, [])  # the last exception, and its traceback
        self._library = ""  # that the value comes from which is shown next
        self._on = True

    def __enter__(self) -> Self:
        shell = self.shell
        self._streams = [_Stream(name, self) for name in ("stdout", "stderr")]
        self._prompt = partial(self.unrecorded, shell.displayhook.write_output_prompt)
        self._changes = changed(
            [
                *(change for stream in self._streams for change in stream.changes()),
                _wrapped(shell.display_pub, "publish", self._publish),
                _wrapped(shell.display_pub, "clear_output", self._clear_output),
                _wrapped(shell.displayhook, "compute_format_data", self._compute_format_data),
                _wrapped(shell.displayhook, "write_format_data", self._write_format_data),
                Change(shell.displayhook, "write_output_prompt", _not_yet),
                _wrapped(shell.displayhook, "finish_displayhook", self.unrecorded),
                _wrapped(shell, "_showtraceback", self._showtraceback),
                Change(shell, "showtraceback", show_groups(shell, as_text=False)),
                _wrapped(shell.InteractiveTB, "structured_traceback", self._structured_traceback),
            ]
        )
        self._changes.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the record: a thread that goes on writing no longer changes it."""
        try:
            for stream in self._streams:
                stream.finish()
        finally:
            self._changes.__exit__(None, None, None)
            self._on = False
            if widgets := self._record.widgets():
                texts = final_texts(widgets)
                self._record.settle_widgets({model: self.masker.text(text) for model, text in texts.items()})
            self.outputs = self._record.outputs()

    def write(self, name: str, text: str) -> None:
        """Record `text`, which was written to the stream `name`."""
        if not self._on or self._is_silent():
            return
        self._record.write(name, text)

    # -- the shell's display functions ---------------------------------------------------------------------------------

    def _publish(self, original: Callable[..., Any], data: Any, metadata: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(data, dict) or self._is_silent():
            return original(data, metadata, *args, **kwargs)
        data, metadata, kwargs = self.masker.all([data, metadata, kwargs])
        data = self._inert(data, library_at_work())
        if self._on:
            display_id = (kwargs.get("transient") or {}).get("display_id")
            self._record.display(data, metadata or {}, display_id, bool(kwargs.get("update")))
        return self.unrecorded(original, data, metadata, *args, **kwargs)

    def _clear_output(self, original: Callable[..., Any], wait: bool = False) -> Any:
        self._record.clear(wait)
        result = self.unrecorded(original, wait)
        self.unrecorded(self.cleared)
        return result

    def _write_format_data(self, original: Callable[..., Any], data: Any, metadata: Any = None) -> Any:
        data = self.masker.all(data)
        metadata = self.masker.all(metadata)
        data = self._inert(data, self._library) if data else data
        if not data:
            return None
        if self._on:
            self._record.result(data, metadata or {}, self.count)
        self._prompt()
        return self.unrecorded(original, data, metadata)

    def _compute_format_data(self, original: Callable[..., Any], result: Any) -> Any:
        """Format a value for display, except for a handle."""
        self._library = library_of(result)
        return ({}, {}) if is_handle(result) else original(result)

    def _inert(self, data: Json, library: str) -> Json:
        """Return a MIME bundle without active content, unless it may have some."""
        kept, changed = inert(data)
        if not changed or self.may_act(library):
            return data
        self.made_inert = True
        return kept

    def _showtraceback(self, original: Callable[..., Any], kind: Any, value: Any, lines: Any) -> Any:
        text = text_of(value)
        self.masker.learn(text)  # whole: a line may show only a part of it
        lines = [self.masker.text(line) for line in ([lines] if isinstance(lines, str) else lines)]
        name = self.masker.text(kind.__name__)
        message = self.masker.text(text)
        if self._on:
            self._record.error(name, self.masker.text(message_of(value)), lines)
            self.error = value
        if not self.hides(kind):
            shown = kind if name == kind.__name__ else type(name, (Exception,), {})
            self.unrecorded(original, shown, value if message == text else message, lines)

    def _structured_traceback(
        self, original: Callable[..., list[str]], kind: type, value: Any, *args: Any, **kwargs: Any
    ) -> list[str]:
        """Return the lines of a traceback. They are slow to format: do it once per error, and never if it is hidden."""
        if self._formatted[0] is not value:
            hidden = self.hides(kind)
            self._formatted = (value, [kind.__name__] if hidden else original(kind, value, *args, **kwargs))
        return self._formatted[1]

    def unrecorded(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `original` without recording what it prints in a terminal: the record has the output already."""
        self._silent.append(threading.get_ident())
        try:
            return original(*args, **kwargs)
        finally:
            self._silent.remove(threading.get_ident())

    def _is_silent(self) -> bool:
        return threading.get_ident() in self._silent


class _Stream:
    """sys.stdout or sys.stderr while it is recorded, including the output of child processes that bypasses it."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self.name = name
        self.stream = getattr(sys, name)
        self.recorder = recorder
        self._write: Callable[[str], Any] = self.stream.write
        self._pieces = Pieces(recorder.masker)
        self._log_pieces = Pieces(recorder.masker)
        self._log: int | None = getattr(self.stream, "_original_stdstream_copy", None)
        self._lock = threading.RLock()
        self._drained: threading.Event | None = None

    def changes(self) -> list[Change]:
        """Return the changes that route all writes through `write`."""
        if hasattr(self.stream, "__dict__"):  # patch the stream itself: log handlers keep a reference to it
            own = [Change(self.stream, "write", self.write), Change(self.stream, "close", _stay_open)]
            return [*own, *self._log_changes()]
        return [Change(sys, self.name, _Tee(self.stream, self.write))]

    def _log_changes(self) -> list[Change]:
        """Return the changes that have ipykernel write what bypasses Python into no log: it does so unmasked."""
        if self._log is None:
            return []
        nowhere = _nowhere()
        # A child process that is given the stream itself writes to the pipe that is read here, and not past it.
        return [
            Change(self.stream, "_original_stdstream_copy", nowhere),
            Change(self.stream, "fileno", lambda: self.stream._original_stdstream_fd),
        ]

    def finish(self) -> None:
        """Pass on the rest, also what was written to the descriptor itself."""
        self._drain()
        self._pass_on("", last=True)
        self._write_log("", last=True)

    def write(self, text: Any) -> Any:
        """Show and record `text`."""
        if not isinstance(text, str):
            return self._write(text)  # it raises the right error
        size = len(text)
        if threading.current_thread() is not self._watcher:
            self._pass_on(text)
        elif self._drained and SENTINEL in text:
            self._pass_on_bypassing(text.replace(SENTINEL, "", 1))
            self._drained.set()
        else:
            self._pass_on_bypassing(text)
        return size

    def _pass_on_bypassing(self, text: str) -> None:
        self._pass_on(text)
        self._write_log(text)

    def _write_log(self, text: str, last: bool = False) -> None:
        """Write what bypassed Python into the log of the kernel's server, masked."""
        if self._log is not None and (text := self._log_pieces.add(text, last)):
            with suppress(OSError):
                os.write(self._log, text.encode(errors="replace"))

    def _pass_on(self, text: str, last: bool = False) -> None:
        with self._lock:
            if text := self._pieces.add(text, last or not self.recorder._on):
                self.recorder.write(self.name, text)
                self._write(text)

    # ipykernel reads file descriptors 1 and 2, where child processes write, on a thread of its own.

    @property
    def _watcher(self) -> threading.Thread | None:
        return getattr(self.stream, "watch_fd_thread", None)

    def _drain(self) -> None:
        """Wait until that thread has passed on everything: write a sentinel to the descriptor, and wait for it."""
        descriptor = {"stdout": 1, "stderr": 2}[self.name]
        if self._watcher is None or not self._watcher.is_alive() or not self._is_watched(descriptor):
            return
        self._drained = threading.Event()
        os.write(descriptor, SENTINEL.encode())
        self._drained.wait(PATIENCE)

    def _is_watched(self, descriptor: int) -> bool:
        """Return whether `descriptor` is still the pipe that ipykernel reads."""
        try:
            return os.path.sameopenfile(descriptor, self.stream._fid)
        except (AttributeError, TypeError, OSError):
            return False


@cache
def _nowhere() -> int:
    """Return a descriptor that discards what is written to it.

    It is never closed: the thread of ipykernel that reads what bypasses Python may have taken it just before a run
    ends. A write that fails would end that thread for good, and with it all output of child processes.
    """
    return os.open(os.devnull, os.O_WRONLY)


def _not_yet() -> None:
    """Stand in for the output prompt, which is written later, and only if the value is shown."""


def _stay_open() -> None:
    """Stand in for close(): an action must not close the stream."""


class _Tee:
    """A text stream that passes writes to `write`, and everything else to the original stream."""

    close = staticmethod(_stay_open)

    def __init__(self, stream: Any, write: Callable[[str], Any]) -> None:
        self._stream = stream
        self.write = write

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _wrapped(owner: Any, name: str, wrapper: Callable[..., Any]) -> Change:
    """Return a change that wraps a method of `owner`; `wrapper` receives the original as its first argument."""
    return Change(owner, name, partial(wrapper, getattr(owner, name)))
