"""Which front end a shell gets, and what the front ends can do."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from codeact_magic.cli.console import ConsoleFrontEnd
from codeact_magic.frontends import host, stdin
from codeact_magic.frontends.advice import CHAT
from codeact_magic.frontends.control_channel import ControlChannel
from codeact_magic.frontends.front_end import Capabilities, TurnListener
from codeact_magic.frontends.host import front_end_of
from codeact_magic.frontends.notebook import NotebookFrontEnd
from codeact_magic.frontends.terminal import TerminalFrontEnd, TerminalView
from codeact_magic.kernels.separate import KernelExecutor
from codeact_magic.session import Json

from .signing import SigningPage

CELLS: list[Json] = [{"cell_type": "markdown", "source": "Count\n\nthem"}, {"cell_type": "code", "source": "x = 1"}]
AS_ONE = "# Count\n#\n# them\n\nx = 1"


class Shell:
    """The part of an IPython shell that a front end uses; `kernel` is None in a terminal."""

    colors = "neutral"

    def __init__(self, kernel: Any = None) -> None:
        self.kernel = kernel
        self.display_pub = self
        self.shown: list[Json] = []
        self.next_cell = ""

    def publish(self, data: Json, **rest: Any) -> None:
        self.shown.append(data)

    def set_next_input(self, text: str, replace: bool) -> None:
        assert not replace
        self.next_cell = text


class Widget:
    """A further front end, which fits shells that are called "widget"."""

    @classmethod
    def of(cls, shell: Any, channel: ControlChannel) -> Widget | None:
        return cls() if shell == "widget" else None

    def capabilities(self) -> Capabilities:
        return Capabilities(TerminalView())

    def insert(self, cells: Sequence[Json], inserted: str, otherwise: str) -> None:
        pass


def kernel(allow_stdin: bool = True) -> Any:
    return SimpleNamespace(_allow_stdin=allow_stdin, raw_input=lambda question: "y")


def test_a_shell_in_a_kernel_gets_a_notebook_and_any_other_a_terminal() -> None:
    assert isinstance(front_end_of(Shell(kernel()), ControlChannel()), NotebookFrontEnd)
    assert isinstance(front_end_of(Shell(), ControlChannel()), TerminalFrontEnd)


def test_a_front_end_in_the_list_is_used_if_it_is_the_first_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "FRONT_ENDS", (Widget.of, *host.FRONT_ENDS))
    assert isinstance(front_end_of("widget", ControlChannel()), Widget)
    assert isinstance(front_end_of(Shell(), ControlChannel()), TerminalFrontEnd)


def test_a_notebook_asks_with_buttons_and_on_a_line_and_passes_on_remarks() -> None:
    channel = ControlChannel(interrupt=lambda: None)
    can = front_end_of(Shell(kernel()), channel).capabilities()
    assert can.buttons is not None and not can.buttons.attached
    assert can.ask is not None and can.edit is None
    can.listener.begin("main", 1, "count", "model", 20)
    page = SigningPage()
    channel.answer(page.hello(quiet=True))
    channel.answer(page.signed({"op": "say", "text": "only the first"}))
    assert can.listener.remarks() == ("only the first",)


def test_a_notebook_without_input_cannot_ask_on_a_line() -> None:
    can = front_end_of(Shell(kernel(allow_stdin=False)), ControlChannel()).capabilities()
    assert can.ask is None and can.buttons is not None


def test_a_terminal_edits_in_place_and_has_no_buttons() -> None:
    can = front_end_of(Shell(), ControlChannel()).capabilities()
    assert can.edit is not None and can.buttons is None
    assert can.listener.remarks() == ()


def test_the_command_line_has_nobody_who_follows_its_turns() -> None:
    can = ConsoleFrontEnd(KernelExecutor(), CHAT).capabilities()
    assert type(can.listener) is TurnListener and can.buttons is None


def test_a_page_that_takes_the_cells_inserts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = ControlChannel()
    shell = Shell(kernel())
    monkeypatch.setattr(channel, "accepted", lambda patience, tick: True)
    front_end_of(shell, channel).insert(CELLS, "2 cells inserted", "as one cell")
    assert shell.shown[-1] == {"text/plain": "2 cells inserted"}
    assert shell.next_cell == ""


@pytest.mark.parametrize("allow_stdin", [True, False])
def test_cells_that_no_page_takes_come_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], allow_stdin: bool
) -> None:
    channel = ControlChannel()
    shell = Shell(kernel(allow_stdin))
    monkeypatch.setattr(channel, "accepted", lambda patience, tick: False)
    front_end_of(shell, channel).insert(CELLS, "2 cells inserted", "as one cell")
    assert shell.shown[-1] == {"text/plain": "as one cell"}
    assert shell.next_cell == (AS_ONE if allow_stdin else "")
    assert capsys.readouterr().out == ("" if allow_stdin else f"{AS_ONE}\n")


def test_in_a_terminal_cells_come_as_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell()
    monkeypatch.setattr(stdin, "asker", lambda ipython: input)
    front_end_of(shell, ControlChannel()).insert(CELLS, "2 cells inserted", "as one cell")
    assert shell.next_cell == AS_ONE
    assert capsys.readouterr().out == "as one cell\n"
