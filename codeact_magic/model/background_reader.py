"""Blocking reads on a thread of their own, so that the thread that waits for them can be interrupted at any time."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ..errors import EndpointError

TICK = 0.05  # seconds between two polls: how fast an interrupt works, and how smoothly a timer runs
JOIN_TIMEOUT = 0.2  # seconds to wait for a thread after its connection has been shut down
MOST_AT_ONCE = 100  # items of one poll

T = TypeVar("T")


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class BackgroundReader(Generic[T]):
    """Runs `source` on a thread. Each step of an iteration yields the new items: an empty list if there is none.

    A step takes TICK seconds at most. `source` is called with the reader, and reports the socket that it reads from
    through `keep`.
    """

    def __init__(self, source: Callable[[BackgroundReader[T]], Iterator[T]]) -> None:
        self._source = source
        self._queue: queue.SimpleQueue[T | _End | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._stopped = False
        self._ended = False
        self._last_arrival = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="codeact-stream", daemon=True)

    @property
    def silence(self) -> float:
        """Seconds since the last item arrived."""
        return time.monotonic() - self._last_arrival

    def __iter__(self) -> Iterator[list[T]]:
        try:
            self._thread.start()  # not earlier: whoever is interrupted must have a reader to stop
        except RuntimeError as error:  # there are too many threads already
            raise EndpointError(f"The endpoint cannot be asked: {error}") from None
        while not self._ended:
            items, end = self._poll()
            yield items
            if end and end.error:
                raise end.error

    def keep(self, connection: socket.socket | None) -> None:
        """Note the socket that the source reads from next. Raises ConnectionAbortedError if the reader is stopped."""
        with self._lock:
            if self._stopped:
                raise ConnectionAbortedError("stopped")
            self._socket = connection

    def wake(self) -> None:
        """End the current step of the iteration now, even if no item has arrived."""
        self._queue.put(None)

    def stop(self) -> None:
        """Stop reading. If the source has not ended, shut its connection down, so that the other side stops too."""
        with self._lock:
            self._stopped = True
            connection = self._socket
            self._socket = None
        if connection and not self._ended:
            # Closing the socket would not wake the thread. TLS's own shutdown would confuse its reader.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        if self._thread.is_alive() and (connection or self._ended):
            self._thread.join(JOIN_TIMEOUT)  # a thread that is still connecting cannot be woken; `keep` ends it later

    def _poll(self) -> tuple[list[T], _End | None]:
        items: list[T] = []
        try:
            first = self._queue.get(timeout=TICK)
        except queue.Empty:
            return items, None
        self._last_arrival = time.monotonic()
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
