"""How a thread is interrupted, as the Stop button does it."""

from __future__ import annotations

import signal
import threading


def interrupt(thread: int | None = None) -> None:
    """Raise KeyboardInterrupt in the main thread, which may be waiting in a system call; `thread` is its ident."""
    if hasattr(signal, "pthread_kill"):  # it wakes a sleeping system call too
        signal.pthread_kill(thread or threading.main_thread().ident or 0, signal.SIGINT)
    else:
        import _thread

        _thread.interrupt_main()
