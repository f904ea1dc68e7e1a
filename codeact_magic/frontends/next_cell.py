"""Several cells as one that comes next, for front ends that cannot insert cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..session import Json
from . import stdin


def offer_as_next_cell(shell: Any, cells: Sequence[Json]) -> None:
    """Offer `cells` to the user of `shell` as the next cell; print it if nobody can see it (nbclient, a pipe)."""
    if stdin.asker(shell) is None:
        print(as_one(cells))
    else:
        shell.set_next_input(as_one(cells), replace=False)


def as_one(cells: Sequence[Json]) -> str:
    """Return `cells` as the source of one code cell, Markdown as comments."""
    return "\n\n".join(cell["source"] if cell["cell_type"] == "code" else _comment(cell["source"]) for cell in cells)


def _comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())
