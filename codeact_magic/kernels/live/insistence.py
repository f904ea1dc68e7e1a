"""Ends code that a single interrupt does not end, and says what it is stuck in if nothing does.

After Stop, the code is interrupted again every `EVERY` seconds until it ends. The means, each for its kind of code:

    SIGINT          sleeping system calls, and Python code (a `finally` that sleeps, a pool of threads)
    a trace         from the third time on: code that catches the exception is interrupted again in its handler
    SQLite          a query holds up the main thread without looking at signals; `Connection.interrupt` ends it
    an async error  if no signal has reached Python twice in a row (`PyThreadState_SetAsyncExc`): a masked SIGINT

Stop is noticed on a thread of its own, by the byte that Python writes for each signal: a handler in Python does not run
while the main thread is in C code.
"""

from __future__ import annotations

import _thread
import gc
import linecache
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any

from ...text import one_line
from ..sent.errors import is_input
from ..signals import interrupt

if TYPE_CHECKING:
    from .nested import Interrupts

EVERY = 0.5  # seconds between two interrupts
PATIENCE = 3.0  # seconds after which the user is told what the code is stuck in

_BEGIN, _END = b"\xfe", b"\xff"  # no number of a signal
_OURS = frozenset(["showtraceback", "_showtraceback", "structured_traceback", "finish", "finish_displayhook"])


class Watch:
    """One run of code, which Stop is to end.

    Args:
        interrupts: counts the interrupts that have reached Python.
        expected: returns how many interrupts were not the user's.
        stuck: is told, on another thread, the innermost line of the user's code if nothing has ended the code.
        outside: the frame that has the code run.
    """

    def __init__(
        self,
        interrupts: Interrupts,
        expected: Callable[[], int],
        stuck: Callable[[str], None],
        outside: FrameType,
    ) -> None:
        self._interrupts = interrupts
        self._expected = expected
        self._stuck = stuck
        self._main = threading.get_ident()
        self._outside: FrameType | None = outside
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._seen = 0
        self._unseen = 0  # how often in a row no interrupt reached Python

    def end(self) -> None:
        """Interrupt the code no more: it is over."""
        with self._lock:
            self._over.set()
            self._outside = None  # a frame keeps all its variables

    def pressed(self, count: int) -> None:
        """Interrupt the code until it ends, if one of its `count` interrupts was the user's."""
        if count <= self._expected():
            return
        began = time.monotonic()
        told = False
        while not self._over.wait(EVERY):
            with self._lock:
                line = None if self._over.is_set() else self._line()
                if line is not None:
                    self._press()
            if line is not None and not told and time.monotonic() - began >= PATIENCE:
                told = True
                self._stuck(line)

    def _line(self) -> str | None:
        """Return the innermost line of the user's code, "" if it has none, or None if our own code is at work."""
        frames = list(inside(sys._current_frames().get(self._main), self._outside))
        if any(frame.f_code.co_name in _OURS for frame in frames):
            return None
        inputs = [frame for frame in frames if is_input(frame.f_code.co_filename)]
        if inputs:
            number = inputs[0].f_lineno
            return f"line {number}: {one_line(linecache.getline(inputs[0].f_code.co_filename, number), 120)}"
        awaits = any(frame.f_code.co_name == "run_until_complete" for frame in frames)
        return "" if awaits else None

    def _press(self) -> None:
        reached = self._interrupts.count > self._seen
        self._seen = self._interrupts.count
        self._unseen = 0 if reached else self._unseen + 1
        if not reached:
            _interrupt_sqlite()
        if self._unseen > 1:
            self._interrupts.count += 1
            self._seen += 1
            raise_in(self._main)
        interrupt(self._main)


def inside(frame: FrameType | None, outside: FrameType | None) -> Iterator[FrameType]:
    """Yield `frame` and its callers up to `outside`, which is not among them."""
    while frame is not None and frame is not outside:
        yield frame
        frame = frame.f_back


@contextmanager
def watched(interrupts: Interrupts, expected: Callable[[], int], stuck: Callable[[str], None]) -> Iterator[None]:
    """Have Stop end the code in this context. Does nothing if interrupts do not come here."""
    wire = _wire() if interrupts.watching else None
    if wire is None:
        yield
        return
    watch = Watch(interrupts, expected, stuck, sys._getframe(2))
    before = wire.begin(watch)
    try:
        yield
    finally:
        watch.end()
        wire.end(before)


class _Wire:
    """The pipe into which Python writes a byte for each signal, and the thread that reads it."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        if os.name == "posix":
            os.set_blocking(self._write, False)
            os.register_at_fork(after_in_child=_deaf)
        self._watches: deque[Watch] = deque()
        _thread.start_new_thread(self._listen, ())  # at once, whatever the user has done to threading

    def begin(self, watch: Watch) -> int:
        """Have signals heard for `watch`, and return the descriptor that heard them before."""
        self._watches.append(watch)
        os.write(self._write, _BEGIN)
        return signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def end(self, before: int) -> None:
        """Have signals heard by the descriptor `before` again."""
        with suppress(ValueError, OSError):  # it was closed meanwhile
            signal.set_wakeup_fd(before)
        os.write(self._write, _END)

    def _listen(self) -> None:
        watch: Watch | None = None
        count = 0
        while True:
            for byte in os.read(self._read, 512):
                if byte == _BEGIN[0]:
                    watch = self._watches.popleft()
                    count = 0
                elif byte == _END[0]:
                    watch = None
                elif byte == signal.SIGINT and watch is not None:
                    count += 1
                    with suppress(Exception):
                        watch.pressed(count)


@cache
def _wire() -> _Wire | None:
    """Return the wire of this process; None if it can have no thread, or no pipe."""
    try:
        return _Wire()
    except (RuntimeError, OSError):
        return None


def _deaf() -> None:
    """Have a forked child write nothing into its parent's wire."""
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)
    _wire.cache_clear()


# -- the means ---------------------------------------------------------------------------------------------------------


def raise_in(thread: int, kind: type[BaseException] | None = KeyboardInterrupt) -> None:
    """Have `kind` raised in a thread as soon as it runs Python code; None takes back what was not raised yet."""
    import ctypes

    error = ctypes.py_object(kind) if kind else ctypes.c_void_p()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error)


def _interrupt_sqlite() -> None:
    """End the queries that SQLite is busy with, except those of IPython's own history."""
    module: Any = sys.modules.get("sqlite3")
    if module is None:
        return
    history: Any = sys.modules.get("IPython.core.history")
    connections = _with_subclasses(module.Connection)
    owners = _with_subclasses(history.HistoryAccessor) if history else set()
    kinds = connections | owners
    found = [one for one in gc.get_objects() if type(one) in kinds]
    own = [getattr(one, "db", None) for one in found if type(one) in owners]
    for one in found:
        if type(one) in connections and not any(one is connection for connection in own):
            with suppress(module.Error):
                one.interrupt()


def _with_subclasses(kind: type) -> set[type]:
    return {kind}.union(*map(_with_subclasses, kind.__subclasses__()))


def raise_when_caught(frame: FrameType | None, outside: FrameType | None) -> None:
    """Have code that catches the exception that is about to be raised be interrupted in its handler, once."""
    frames = list(inside(frame, outside))
    while frames and not is_input(frames[-1].f_code.co_filename):
        frames.pop()  # IPython's own
    if not frames:
        return
    outermost = frames[-1]

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and sys.exc_info()[0] is not None:
            raise KeyboardInterrupt
        if event == "call" and outermost not in inside(frame, None):
            return None
        return trace

    sys.settrace(trace)
    for one in frames:
        one.f_trace = trace
