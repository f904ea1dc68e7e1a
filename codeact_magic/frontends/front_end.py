"""The interface of a front end, on which the user sees a turn and decides about its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..agent import View
from ..approval import ButtonAsker, MessageView
from ..session import Json, Occasion, Turn
from .advice import Advice


class TurnView(View, MessageView, Protocol):
    """Shows a turn as it goes on."""

    def waiting(self, line: str) -> None:
        """Show a line until something else is shown; an empty line removes it."""

    def close(self) -> None:
        """End the turn, whatever its outcome."""

    def restore(self) -> None:
        """Show the turn so far again, after an action has cleared the output of the cell."""


class TurnListener:
    """Follows turns from outside the cell that runs, and passes on remarks. This one does neither."""

    def configure(self, approve: str, session: str) -> None:
        """Take note of the approval mode and of the path that the session is saved in ("" if it is not saved)."""

    def begin(self, thread: str, turn: int, prompt: str, model: str, max_steps: int, *, of: Occasion = "turn") -> None:
        """Begin turn number `turn` of a thread, or a replay or a consent, which is shown like a turn."""

    def end(self, turn: Turn) -> None:
        """End the turn."""

    def remarks(self) -> Sequence[str]:
        """Return the user's remarks since the last call."""
        return ()


@dataclass(frozen=True)
class Capabilities:
    """The abilities of a front end in one turn. One that it does not have is None.

    `ask` puts a question and returns the line that the user types. `edit` lets the user edit a text in place and
    returns it, or None if the user gives up. `buttons` asks about a step with buttons.
    `intruders` returns the names of threads that could answer a question in the user's place.
    """

    view: TurnView
    ask: Callable[[str], str] | None = None
    edit: Callable[[str], str | None] | None = None
    buttons: ButtonAsker | None = None
    intruders: Callable[[], Sequence[str]] = tuple
    listener: TurnListener = field(default_factory=TurnListener)


class FrontEnd(Protocol):
    """Shows turns to the user of an interpreter, and has the user decide.

    `advice` words hints in its commands.
    """

    advice: Advice

    def capabilities(self) -> Capabilities:
        """Return the capabilities for the next turn, with a view of its own."""

    def insert(self, cells: Sequence[Json], inserted: str, otherwise: str) -> None:
        """Put `cells` into the notebook and show `inserted`, or `otherwise` if they come as one cell.

        Raises UsageError if there is no notebook.
        """
