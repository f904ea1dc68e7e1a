"""The interface of a kernel in which the code of a session runs again."""

from __future__ import annotations

from typing import Protocol

from ..session import Observation


class SeparateKernel(Protocol):
    """A separate kernel."""

    def run(self, code: str, *, every_value: bool = True) -> Observation:
        """Run `code`; `every_value`: show the value of every expression, not only of the last one."""

    def evaluate(self, code: str) -> str:
        """Run `code` silently and return its output. Raises CodeActError if it fails."""

    def restart(self) -> None:
        """Start over: without any variables, in the original working directory."""

    def close(self) -> None:
        """End the kernel."""


def cut_short(observation: Observation) -> bool:
    """Return whether a run did not end by itself, or lost variables: nothing can be compared after that."""
    return observation.status in ("timed out", "kernel lost") or observation.fresh or observation.lost


def reason(observation: Observation) -> str:
    """Return a sentence that says why a run was cut short."""
    return observation.note or f"The run ended early: {observation.status}."
