"""Runs code as a cell of its own inside a cell that is still running.

A nested `run_cell` differs from a cell of the user's in four ways. This module makes up for each while the cell runs:

    interrupts  IPython treats a KeyboardInterrupt as the cell's own error, so a signal handler counts them
    await       the kernel's event loop is running already, so it goes on from inside, with the user's tasks
    exit()      would end the kernel with all variables of the user, so it ends only the action
    commands    os.system() ignores interrupts, and a terminal's `!command` bypasses sys.stdout
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import partial
from types import FrameType
from typing import Any, NamedTuple, Self

from ..signals import interrupt
from .insistence import raise_in, raise_when_caught

STUBBORN = 3  # interrupts after which code that catches them is interrupted in its handler
AGAIN = 5.0  # seconds until code that ignored the alarm is interrupted again
GRACE = 1.0  # seconds that a cancelled coroutine has to end


class Interrupts:
    """Counts interrupts (Ctrl-C, a notebook's Stop) while it is entered, even those that the code catches.

    They raise KeyboardInterrupt only inside `raised()`, so the setup and the cleanup around the code always complete.
    """

    def __init__(self) -> None:
        self.count = 0
        self._raising = False
        self._before: Any = None
        self._theirs: Any = None  # the handler that the code has set for itself
        self._outside: FrameType | None = None  # the frame that has the code run

    def __enter__(self) -> Self:
        # Signals reach the main thread only, and a handler that Python did not install cannot be restored.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is not None:
            self._before = signal.signal(signal.SIGINT, self._count)
            self._outside = sys._getframe(1)
        return self

    def __exit__(self, *exception: object) -> None:
        self._outside = None
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @property
    def watching(self) -> bool:
        """Whether interrupts can be counted in this thread."""
        return self._before is not None

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """Let interrupts raise KeyboardInterrupt; one that came earlier raises at once."""
        trace = sys.gettrace()
        self._raising = True
        try:
            if self.count:
                raise KeyboardInterrupt
            yield
        finally:
            self._raising = False
            if self.count:
                sys.settrace(trace)
                raise_in(threading.get_ident(), None)

    def kept(self) -> contextlib.AbstractContextManager[None]:
        """Keep counting, whatever handler the code sets: its own has the first interrupt, and no other."""
        if not self.watching:
            return contextlib.nullcontext()
        was_signal = signal.signal
        was_getsignal = signal.getsignal

        def set_handler(number: Any, handler: Any) -> Any:
            is_handler = callable(handler) or handler in (signal.SIG_IGN, signal.SIG_DFL)
            if number != signal.SIGINT or not is_handler or threading.current_thread() is not threading.main_thread():
                return was_signal(number, handler)
            before = handler_of(number)
            self._theirs = None if handler == self._count else handler
            return before

        def handler_of(number: Any) -> Any:
            if number != signal.SIGINT:
                return was_getsignal(number)
            return self._count if self._theirs is None else self._theirs

        return changed([Change(signal, "signal", set_handler), Change(signal, "getsignal", handler_of)])

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if not self._raising:
            return
        if self.count > 1:
            raise_in(threading.get_ident(), None)  # one that is pending would be raised in our own code
        elif self._theirs == signal.SIG_IGN:
            return
        elif callable(self._theirs):
            self._theirs(number, frame)
            return
        if self.count >= STUBBORN:
            raise_when_caught(frame, self._outside)
        raise KeyboardInterrupt


class Alarm:
    """Interrupts the main thread, as Stop does, after `seconds` (0: never), and then every `AGAIN` seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.rings = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self.seconds > 0 and threading.current_thread() is threading.main_thread():
            self._thread = threading.Thread(target=self._wait, name="codeact-alarm", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._thread is not None:
            with self._lock:
                self._over.set()
            self._thread.join()

    def _wait(self) -> None:
        wait = self.seconds
        while not self._over.wait(wait):
            with self._lock:
                if not self._over.is_set():
                    self.rings += 1
                    interrupt()
            wait = AGAIN


def as_action(shell: Any) -> contextlib.AbstractContextManager[None]:
    """Make `shell.run_cell` run code as an action; restore the shell on exit."""
    changes = [
        Change(shell, "loop_runner", _run_coroutine),
        # An action shows the value of every expression: models do not know that IPython shows only the last one.
        Change(shell, "ast_node_interactivity", "all"),
        Change(shell, "ask_exit", _refuse_to_exit),
        Change(sys, "stdout", sys.stdout),
        Change(sys, "stderr", sys.stderr),
    ]
    if os.name == "posix":
        changes.append(Change(os, "system", _system))
    if not hasattr(shell, "kernel"):
        changes.append(Change(shell, "system", shell.system_piped))
    if hasattr(shell, "_last_traceback_during_displayhook"):
        # ipykernel >= 7.4: a value whose display fails would mark the whole cell as failed.
        changes.append(Change(shell, "_last_traceback_during_displayhook", False))
    return changed(changes)


class Change(NamedTuple):
    """A temporary value for an attribute."""

    owner: Any
    name: str
    value: Any


@contextlib.contextmanager
def changed(changes: Iterable[Change]) -> Iterator[None]:
    """Make all `changes`, and undo them on exit; an attribute that the owner itself did not have is deleted."""
    before: list[Change] = []
    try:
        for owner, name, value in changes:
            own = name in vars(owner) or (hasattr(owner, "has_trait") and owner.has_trait(name))
            was = getattr(owner, name) if own else _MISSING
            setattr(owner, name, value)
            before.append(Change(owner, name, was))
        yield
    finally:
        for owner, name, was in reversed(before):
            if was is not _MISSING:
                setattr(owner, name, was)
            elif name in vars(owner):
                delattr(owner, name)


_MISSING = object()


def _refuse_to_exit() -> None:
    raise SystemExit("exit() ends the action, not the kernel.")


def _system(command: Any) -> int:
    """Run a command as os.system does, except that an interrupt ends the code as well."""
    status = subprocess.call(command, shell=True)
    return status << 8 if status >= 0 else -status


def _run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run `coroutine` to its end. An interrupt cancels it, so that it can clean up.

    In a kernel it runs on the kernel's own loop, as the user's tasks do. If no loop runs (in a terminal), or if the
    running one cannot be entered again (it is not one of asyncio's own), it runs on IPython's loop.
    """
    import asyncio

    running = asyncio._get_running_loop()
    if running is not None and all(hasattr(running, name) for name in ("_run_once", "_ready")):
        with _paused_task(running):
            return _finish(running, running.create_task(coroutine), partial(_go_on, running))
    from IPython.core.async_helpers import get_asyncio_loop

    with _paused_task(running), _no_running_loop():
        loop = get_asyncio_loop()  # type: ignore[no-untyped-call]
        return _finish(loop, loop.create_task(coroutine), loop.run_until_complete)


def _finish(loop: Any, task: Any, run: Callable[[Any], object]) -> Any:
    """Return the result of `task`; `run` runs the loop until a task is done."""
    import asyncio

    try:
        run(task)
    except BaseException:
        if task.done():
            raise
        task.cancel()
        run(loop.create_task(asyncio.wait([task], timeout=GRACE)))
        if not task.done():
            raise
    return task.result()


def _go_on(loop: Any, task: Any) -> None:
    """Go on with the rounds of a running loop until `task` is done; this is called from within one of its rounds.

    Callbacks in a context that is in use further out (a kernel's next cell may be one) wait until this is over.
    """
    ready = len(loop._ready)
    waiting: list[Any] = []
    try:
        while not task.done():
            for handle in [handle for handle in loop._ready if _is_in_use(handle._context)]:
                loop._ready.remove(handle)
                waiting.append(handle)
            loop._run_once()
    finally:
        loop._ready.extendleft(reversed(waiting))
        for _ in range(ready - len(loop._ready)):  # the round outside has counted them, and takes as many
            loop.call_soon(_do_nothing)


def _is_in_use(context: contextvars.Context) -> bool:
    """Return whether code runs in `context`; then no other can."""
    try:
        context.run(_do_nothing)
    except RuntimeError:
        return True
    return False


def _do_nothing() -> None:
    """Take the place of a callback."""


@contextlib.contextmanager
def _paused_task(loop: Any) -> Iterator[None]:
    """Let other tasks of a running loop run inside the current one, with the functions meant for that."""
    import asyncio

    task = asyncio.current_task(loop) if loop else None
    if task:
        asyncio._leave_task(loop, task)
    try:
        yield
    finally:
        if task:
            asyncio._enter_task(loop, task)


@contextlib.contextmanager
def _no_running_loop() -> Iterator[None]:
    """Hide the running event loop of this thread from asyncio."""
    import asyncio

    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
