"""IPython shells in this process: each with a folder, a configuration and an environment of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from codeact_magic.frontends import stdin
from codeact_magic.local import hub
from codeact_magic.options import Options


@dataclass
class Ran:
    """The result of a cell: the text that it showed, and the exception that it raised."""

    shown: str
    error: BaseException | None

    @property
    def line(self) -> str:
        """The one line that it showed."""
        (line,) = self.shown.strip("\n").split("\n")
        return line


class Shell:
    """A shell and its user: runs cells, and answers the agent's questions with `answers`, one after the other."""

    def __init__(self, ipython: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.ipython, self._capsys = ipython, capsys
        self.answers: list[str | BaseException] = []
        self.asked: list[str] = []

    def run(self, cell: str) -> Ran:
        """Run a cell as a front end would."""
        self._capsys.readouterr()
        result = self.ipython.run_cell(cell, store_history=True)
        captured = self._capsys.readouterr()
        return Ran(captured.out + captured.err, result.error_before_exec or result.error_in_exec)

    def magic(self, line: str, cell: str) -> Ran:
        """Pass `line` and `cell` to %%codeact directly, without IPython's transformation of cells."""
        self._capsys.readouterr()
        error: BaseException | None = None
        try:
            self.ipython.run_cell_magic("codeact", line, cell)
        except Exception as raised:
            error = raised
        return Ran(self._capsys.readouterr().out, error)

    def ask(self, question: str) -> str:
        """Answer a question."""
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def names(self) -> dict[str, Any]:
        """The user's namespace."""
        names: dict[str, Any] = self.ipython.user_ns
        return names

    @property
    def options(self) -> Any:
        """The extension's options."""
        return self.ipython.magics_manager.registry["CodeAct"]


def isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Work in `folder`, without the user's keys, settings, history or local model."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "CODEACT_")) or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("CODEACT_CACHE", str(folder / "cache"))
    monkeypatch.setattr(hub, "in_cache", lambda model: [])
    monkeypatch.chdir(folder)


@contextmanager
def new_shell(config: Config | None = None) -> Iterator[Any]:
    """Start an IPython shell, and undo its changes to the interpreter on exit."""
    config = config or Config()
    config.HistoryManager.enabled = False  # it would keep a database open
    main = sys.modules["__main__"]
    hooks = sys.displayhook, sys.excepthook
    ipython: Any = InteractiveShell.instance(config=config)
    try:
        yield ipython
    finally:
        ipython.run_line_magic("unload_ext", "codeact_magic")
        ipython.restore_sys_module_state()
        InteractiveShell.clear_instance()
        sys.modules["__main__"] = main
        sys.displayhook, sys.excepthook = hooks


def with_user(shell: Shell, monkeypatch: pytest.MonkeyPatch, edit: Callable[[str], str | None] | None = None) -> None:
    """Give `shell` a user: questions are answered from its list, and `edit` is the editor."""
    monkeypatch.setattr(stdin, "asker", lambda ipython: shell.ask)
    monkeypatch.setattr(stdin, "editor", lambda ipython: edit)


OPTIONS = Options.class_traits(config=True)
