"""Blocking reads, moved to a thread of their own, so that whoever waits for them can be stopped at any time."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

TICK = 0.05  # seconds between two looks at the stream: how fast Stop works, and how smooth a timer runs
LETTING_GO = 0.2  # seconds to wait for a thread whose connection has been broken off
MOST_AT_ONCE = 100  # items of one look

T = TypeVar("T")


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Pump(Generic[T]):
    """Runs `source` on a thread. Iterating gives what has come since the last look, and an empty list each TICK.

    The source is given the pump, to tell it which socket it reads from.
    """

    def __init__(self, source: Callable[[Pump[T]], Iterator[T]]) -> None:
        self._source = source
        self._queue: queue.SimpleQueue[T | _End | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._stopped = self._ended = False
        self._heard = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="codeact-stream", daemon=True)

    @property
    def silence(self) -> float:
        """Seconds since something came."""
        return time.monotonic() - self._heard

    def __iter__(self) -> Iterator[list[T]]:
        self._thread.start()  # not before, so that whoever is interrupted has a pump to stop
        while not self._ended:
            items, end = self._come()
            yield items
            if end and end.error:
                raise end.error

    def keep(self, link: socket.socket | None) -> None:
        """The source goes on with this socket. Raises ConnectionAbortedError where the pump has been stopped."""
        with self._lock:
            if self._stopped:
                raise ConnectionAbortedError("stopped")
            self._socket = link

    def wake(self) -> None:
        """Let whoever iterates have a look, before anything has come."""
        self._queue.put(None)

    def stop(self) -> None:
        """Let go of the source. Where it has not ended, its connection is broken off, so that the other side stops."""
        with self._lock:
            self._stopped = True
            link, self._socket = self._socket, None
        if link and not self._ended:
            # Closing it would not wake the thread. A socket's own shutdown, since TLS's would confuse its reader.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(link, socket.SHUT_RDWR)
        if self._thread.is_alive() and (link or self._ended):
            self._thread.join(LETTING_GO)  # one that is connecting cannot be woken, and finds out by itself

    def _come(self) -> tuple[list[T], _End | None]:
        items: list[T] = []
        try:
            first = self._queue.get(timeout=TICK)
        except queue.Empty:
            return items, None
        self._heard = time.monotonic()
        waiting = min(self._queue.qsize(), MOST_AT_ONCE)
        for item in [first, *(self._queue.get() for _ in range(waiting))]:
            if isinstance(item, _End):
                self._ended = True
                return items, item
            if item is not None:
                items.append(item)
        return items, None

    def _run(self) -> None:
        try:
            for item in self._source(self):
                self._queue.put(item)
                if self._stopped:
                    break
            end = _End()
        except BaseException as error:
            end = _End(error)
        self._queue.put(end)
