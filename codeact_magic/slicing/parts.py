"""What is kept of a session's code, and what is not."""

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
    """What the end result of a session depends on, in the session's order.

    `kept` has the user's own cells as well; `names` are the variables that have the same values at the end as after
    all of the session. `note` says in a sentence why everything is kept, where that is for files.
    """

    kept: tuple[CodeBlock, ...]
    dropped: tuple[Dropped, ...]
    names: tuple[str, ...]
    note: str = ""

    @property
    def actions(self) -> tuple[CodeBlock, ...]:
        """What is kept of the actions: what a user who has the cells already needs."""
        return tuple(block for block in self.kept if block.number)
