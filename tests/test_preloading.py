"""What the first turn needs is imported in an idle moment after loading."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from codeact_magic.magics import magic, preloading

LOAD = """
import sys, threading
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "codeact_magic")
"""


def printed(code: str) -> str:
    """Return what a Python prints that has loaded the extension and runs `code`; warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", LOAD + code], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record what is imported, and import nothing."""
    names: list[str] = []
    monkeypatch.setattr(preloading, "import_module", names.append)
    monkeypatch.setattr(preloading, "TICK", 0.001)
    return names


def shell_with(cells: Iterator[bool]) -> Any:
    """Return a shell that runs a cell, or none, each time that somebody looks."""

    class Trap:
        @property
        def is_active(self) -> bool:
            return next(cells, False)

    return SimpleNamespace(display_trap=Trap())


def test_what_the_first_turn_needs_is_imported(imported: list[str]) -> None:
    preloading.preload(shell_with(iter(())), threading.Event())
    assert imported == list(preloading.MODULES)


def test_nothing_is_imported_while_a_cell_runs(imported: list[str]) -> None:
    stopped = threading.Event()

    def cells() -> Iterator[bool]:
        yield False
        yield from [True] * 5
        assert imported == list(preloading.MODULES[:1])
        stopped.set()
        yield True

    preloading.preload(shell_with(cells()), stopped)
    assert imported == list(preloading.MODULES[:1])


def test_what_cannot_be_imported_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preloading, "MODULES", ("no.such.module", "codeact_magic.text"))
    preloading.preload(shell_with(iter(())), threading.Event())


def test_a_cell_that_comes_early_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(magic, "PRELOAD_AFTER", 600.0)
    waiting = magic._Preloading(shell_with(iter(())))
    waiting.start()
    waiting.stop()
    assert waiting.ended.is_set()


@pytest.mark.slow
def test_an_idle_shell_is_ready_for_the_first_turn() -> None:
    waits = "shell.magics_manager.registry['CodeAct']._preloading.ended.wait(60)"
    assert printed(f"{waits}\nprint('codeact_magic.runner' in sys.modules, 'httpx2' in sys.modules)") == "True True"


@pytest.mark.slow
def test_a_script_that_ends_at_once_imports_nothing() -> None:
    at_the_end = "import atexit\natexit.register(lambda: print('codeact_magic.runner' in sys.modules))"
    assert printed(at_the_end) == "False"


@pytest.mark.slow
def test_a_script_that_ends_meanwhile_ends_well() -> None:
    code = "import time\nwhile 'httpx2' not in sys.modules: time.sleep(0.001)\nprint('over')"
    assert printed(code) == "over"
