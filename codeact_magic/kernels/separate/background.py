"""Runs functions on background threads, which hold up neither the caller nor the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """Calls `function` on a daemon thread at once. The threads that the function starts are daemons as well."""

    def __init__(self, function: Callable[[], Result]) -> None:
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[function], daemon=True)
        self._thread.start()

    def over(self, patience: float = 0.0) -> bool:
        """Wait for at most `patience` seconds, and return whether the function has returned."""
        self._thread.join(patience)
        return not self._thread.is_alive()

    def result(self, patience: float) -> Result:
        """Return the result of the function.

        Raises the function's exception, and TimeoutError if it has not returned after `patience` seconds.
        """
        if not self.over(patience):
            raise TimeoutError(f"it did not answer within {patience:g} s")
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self, function: Callable[[], Result]) -> None:
        try:
            self._results.append(function())
        except BaseException as error:
            self._error = error
