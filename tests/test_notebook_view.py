"""What a cell shows while a reply is written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from codeact_magic.agent import Delta
from codeact_magic.frontends import notebook
from codeact_magic.frontends.notebook import NotebookView

NOTHING = Delta()


class Cell:
    """A cell of a notebook: its view, a clock, and what the front end shows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.shown: list[str] = []
        monkeypatch.setattr(notebook, "time", SimpleNamespace(monotonic=lambda: self.now))
        records: Any = SimpleNamespace(thinking=_ignore, streaming=_ignore, broken_off=_ignore, bundle=dict)
        self.view = NotebookView(self._publish, records)
        self.view.thinking(1)

    def _publish(self, data: Any, *_: Any) -> None:
        self.shown.append(data["text/markdown"])

    def show(self, after: float, delta: Delta = NOTHING) -> str:
        """Show a piece of a reply `after` seconds, and return what is shown then."""
        self.now += after
        self.view.show(delta)
        return self.shown[-1] if self.shown else ""


def _ignore(*_: object) -> None:
    pass


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    return Cell(monkeypatch)


def test_a_cell_shows_at_once_that_it_thinks_and_then_for_how_long(cell: Cell) -> None:
    assert cell.show(0.01) == ""
    assert cell.show(0.05) == "*thinking …*"
    assert cell.show(0.5) == "*thinking …*"
    assert cell.show(1.6) == "*thinking … 2 s*"
    assert len(cell.shown) == 2


def test_a_reply_that_comes_at_once_is_all_that_is_shown(cell: Cell) -> None:
    assert cell.show(0.06, Delta("Hello")) == "Hello"


def test_reasoning_is_folded_and_its_words_are_counted_while_it_is_written(cell: Cell) -> None:
    assert "<summary>reasoning … 2 words</summary>" in cell.show(0.1, Delta(reasoning="one two"))
    assert "<summary>reasoning … 3 words</summary>" in cell.show(0.1, Delta(reasoning=" three"))
    cell.view.close()
    assert "<summary>reasoning</summary>" in cell.shown[-1]
