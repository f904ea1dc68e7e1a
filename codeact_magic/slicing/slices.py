"""The slice of a session, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from ..sessions.code_blocks import CodeBlock


@dataclass(frozen=True, slots=True)
class Dropped:
    """An action that the end result does not depend on, and why, such as "it failed"."""

    block: CodeBlock
    reason: str


@dataclass(frozen=True, slots=True)
class Slice:
    """The code blocks that the end result of a session depends on, in the session's order.

    `kept` includes the user's own cells. `names` are the variables that have the same values at the end as after the
    whole session. `note` is a sentence that says why everything is kept, if files are the reason.
    """

    kept: tuple[CodeBlock, ...]
    dropped: tuple[Dropped, ...]
    names: tuple[str, ...]
    note: str = ""

    @property
    def actions(self) -> tuple[CodeBlock, ...]:
        """The actions that are kept: all that a user who has the cells already needs."""
        return tuple(block for block in self.kept if block.number)
