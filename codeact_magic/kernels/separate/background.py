"""Does things on threads of their own, which hold up neither who asked for them nor the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """Does `do` on another thread at once. Threads that it starts in turn do not hold up the process's end, either."""

    def __init__(self, do: Callable[[], Result]) -> None:
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[do], daemon=True)
        self._thread.start()

    def over(self, patience: float = 0.0) -> bool:
        """Return whether it is done, at the latest after `patience` seconds."""
        self._thread.join(patience)
        return not self._thread.is_alive()

    def result(self, patience: float) -> Result:
        """Return what came of it. Raises what it raised, and TimeoutError after `patience` seconds."""
        if not self.over(patience):
            raise TimeoutError(f"it did not answer within {patience:g} s")
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self, do: Callable[[], Result]) -> None:
        try:
            self._results.append(do())
        except BaseException as error:
            self._error = error
