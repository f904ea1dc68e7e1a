"""Where the code of a session runs again."""

from __future__ import annotations

from typing import Protocol

from ..session import Observation


class Engine(Protocol):
    """A kernel of its own. An observation with a `note` says that it died, or that the time was up."""

    def run(self, code: str, *, every_value: bool = True) -> Observation:
        """Run `code`; `every_value`: show the value of every expression, not only of the last one."""

    def evaluate(self, code: str) -> str:
        """Run `code` unseen and return what it prints. Raises CodeActError where it fails."""

    def restart(self) -> None:
        """Begin anew: nothing of what ran before is there any more, the working directory is the first one again."""

    def close(self) -> None:
        """End the kernel."""
