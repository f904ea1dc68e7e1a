"""Where an agent is at work: whose interpreter runs its code, and who sees it and is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from .. import approval
from ..agent import Executor, View
from ..kernels.live.executor import ShellExecutor
from ..session import Json
from . import stdin
from .advice import NOTEBOOK, Advice
from .control_channel import ControlChannel
from .lab_page import LabPageAsker, StepRecords
from .notebook import NotebookView
from .terminal import TerminalView

PATIENCE = 3.0  # seconds in which a page has to take cells that are offered to it
TICK = 0.05
INSERT = "application/vnd.codeact.insert+json"


class Front(View, approval.Front, Protocol):
    """What a turn is shown on."""

    def waiting(self, line: str) -> None:
        """Show a line until the next one; an empty one takes it away."""

    def close(self) -> None:
        """The turn is over, however it ended."""

    def restore(self) -> None:
        """Show what was shown of the turn again: an action has cleared the cell."""


class Interpreter(Executor, Protocol):
    """What runs the code of many turns."""

    timeout: float  # seconds that an action may run; 0: no limit
    limit: int  # characters of a summary
    keep_cells: bool
    conversation: str  # the session that actions and cells are counted for
    secrets: Callable[[], Sequence[str]]  # the texts that no output may show
    cleared: Callable[[], None]  # to be called when an action has cleared what is shown

    def user_names(self) -> Collection[str]:
        """Return the names that are the user's own."""

    def defined(self, names: Collection[str]) -> Collection[str]:
        """Return those of `names` that have a value."""


class Host(Protocol):
    """An interpreter, and its user."""

    records: StepRecords
    advice: Advice

    @property
    def interpreter(self) -> Interpreter:
        """What runs the code of many turns."""

    def view(self) -> Front:
        """Return what the next turn is shown on."""

    def asker(self) -> Callable[[str], str] | None:
        """Return what asks the user for a line, or None where nobody can be asked."""

    def editor(self) -> Callable[[str], str | None] | None:
        """Return what lets the user edit a text in place, or None where there is only a line to type in."""

    def page(self, view: Front) -> approval.Page | None:
        """Return what asks the user at a page with buttons, or None where there can be none."""

    def insert(self, cells: Sequence[Json], taken: str, otherwise: str) -> None:
        """Put `cells` into the notebook and say `taken`, or `otherwise` where they come as one. Raises UsageError."""


class ShellHost:
    """A live IPython shell: a notebook's kernel, or a terminal."""

    def __init__(self, shell: Any, channel: ControlChannel) -> None:
        self.shell = shell
        self.records = StepRecords(channel)
        self.advice: Advice = NOTEBOOK
        self.executor = ShellExecutor(shell)

    @property
    def interpreter(self) -> Interpreter:
        """What runs the code of many turns."""
        return self.executor

    def view(self) -> Front:
        """Return what the next turn is shown on."""
        if stdin.in_kernel(self.shell):
            return NotebookView(self._publish, self.records)
        return TerminalView(theme=self.shell.colors)

    def asker(self) -> Callable[[str], str] | None:
        """Return what asks the user for a line, or None where nobody can be asked."""
        return stdin.asker(self.shell)

    def editor(self) -> Callable[[str], str | None] | None:
        """Return what lets the user edit a text in place, or None where there is only a line to type in."""
        return stdin.editor(self.shell)

    def page(self, view: Front) -> approval.Page | None:
        """Return what asks the user at a page with buttons, or None where there can be none."""
        return (
            LabPageAsker(self.records.channel, self.records, view.refresh) if isinstance(view, NotebookView) else None
        )

    def insert(self, cells: Sequence[Json], taken: str, otherwise: str) -> None:
        """Put `cells` below the running one: where a page takes them as they are, else as one cell to come.

        Where nobody is there to see that cell (nbclient, a pipe) it is printed.
        """
        if stdin.in_kernel(self.shell):
            if self._offered(cells, taken, otherwise):
                return
        else:
            print(otherwise)
        if stdin.asker(self.shell) is None:
            print(as_one(cells))
        else:
            self.shell.set_next_input(as_one(cells), replace=False)

    def _offered(self, cells: Sequence[Json], taken: str, otherwise: str) -> bool:
        """Offer `cells` to the page, and return whether it took them; one display says so in the end."""
        channel = self.records.channel
        name = channel.offer(list(cells))
        self._publish({INSERT: {"version": 1, "id": name}, "text/plain": "…"}, {}, name, False)
        done = channel.taken(PATIENCE, TICK)
        self._publish({"text/plain": taken if done else otherwise}, {}, name, True)
        return done

    def _publish(self, data: Json, metadata: Json, display_id: str | None, update: bool) -> None:
        transient = {"display_id": display_id} if display_id else {}
        self.shell.display_pub.publish(data=data, metadata=metadata, transient=transient, update=update)


def as_one(cells: Sequence[Json]) -> str:
    """Return `cells` as the source of one code cell, Markdown as comments."""
    return "\n\n".join(cell["source"] if cell["cell_type"] == "code" else _comment(cell["source"]) for cell in cells)


def _comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())
