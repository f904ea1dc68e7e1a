"""The secrets that a kernel has had: the set only grows, whatever the environment holds later."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping


class Secrets:
    """The secrets of a kernel, each with what is shown of it: the name of its variable, or its kind.

    It may be used from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self._masked: dict[str, str] = {}
        self._lifted: set[str] = set()

    def learn(self, secrets: Mapping[str, str]) -> None:
        """Add secrets, each with its name."""
        with self._lock:
            for secret, name in secrets.items():
                self._known.setdefault(secret, name)

    def note(self, masked: Mapping[str, str]) -> None:
        """Take note that these were masked; those that have no name yet have the one that is given."""
        with self._lock:
            for secret, kind in masked.items():
                self._masked.setdefault(secret, self._known.get(secret) or kind)
                self._known.setdefault(secret, kind)

    def values(self) -> tuple[str, ...]:
        """Return what must be masked."""
        with self._lock:
            return tuple(secret for secret in self._known if secret not in self._lifted)

    def lifted(self) -> Collection[str]:
        """Return what may be shown although it is a secret."""
        with self._lock:
            return frozenset(self._lifted)

    def listed(self) -> list[tuple[str, bool]]:
        """Return the name of each secret that was masked so far, and whether the mask was lifted since."""
        with self._lock:
            return [(name or "secret", secret in self._lifted) for secret, name in self._masked.items()]

    def lift(self, number: int) -> str:
        """Show the secret with that number in `listed` from now on, and return its name. Raises IndexError."""
        with self._lock:
            if number < 0:
                raise IndexError(number)
            secret, name = list(self._masked.items())[number]
            same = [other for other, others in self._known.items() if others == name and name]
            self._lifted.update([secret, *same])
            return name or "secret"
