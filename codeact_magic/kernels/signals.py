"""Interrupts a thread, as the Stop button does."""

from __future__ import annotations

import signal
import threading


def interrupt(thread: int | None = None) -> None:
    """Raise KeyboardInterrupt in the main thread, even during a system call.

    `thread` is the ident of the thread that receives the signal; it defaults to the main thread.
    """
    if hasattr(signal, "pthread_kill"):  # unlike interrupt_main, it wakes a sleeping system call
        signal.pthread_kill(thread or threading.main_thread().ident or 0, signal.SIGINT)
    else:
        import _thread

        _thread.interrupt_main()
