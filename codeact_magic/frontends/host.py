"""A host: an interpreter and its user. Also the front ends that a live shell can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..kernels.interpreter import Interpreter
from .advice import Advice
from .control_channel import ControlChannel
from .front_end import FrontEnd
from .notebook import NotebookFrontEnd
from .terminal import TerminalFrontEnd

# Each returns the front end of a live shell, or None if it does not fit; the first that fits is used.
FRONT_ENDS: tuple[Callable[[Any, ControlChannel], FrontEnd | None], ...] = (
    NotebookFrontEnd.of,
    TerminalFrontEnd.of,
)


@dataclass(frozen=True)
class Host:
    """An interpreter and the front end of its user."""

    interpreter: Interpreter
    front_end: FrontEnd

    @property
    def advice(self) -> Advice:
        """The wording of hints, in the commands of the front end."""
        return self.front_end.advice


def front_end_of(shell: Any, channel: ControlChannel) -> FrontEnd:
    """Return the front end of a live shell: the first of `FRONT_ENDS` that fits. Lab pages answer on `channel`."""
    found = (of(shell, channel) for of in FRONT_ENDS)
    return next(front_end for front_end in found if front_end is not None)
