"""Loading and unloading: what it costs, what it leaves, and where it finds its configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import codeact_magic
from codeact_magic.testing import FakeEndpoint

from .shells import Shell, isolate, new_shell


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    isolate(monkeypatch, tmp_path)
    return monkeypatch


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with new_shell() as ipython:
        yield Shell(ipython, capsys)


def python(*arguments: str) -> str:
    """Return what another Python prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


LOAD = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("lsmagic", "")
before = set(sys.modules)
shell.run_line_magic("load_ext", "codeact_magic")
print(json.dumps(sorted(set(sys.modules) - before)))
"""


_LOADED = (
    "errors",
    "frontends",
    "frontends.control_channel",
    "frontends.pages",
    "magics",
    "magics.magic",
    "options",
    "text",
)


def test_loading_imports_little_and_nothing_that_is_not_there_already() -> None:
    """The load time is measured by `make bench`; what it comes from is held here."""
    new = set(json.loads(python("-c", LOAD).splitlines()[-1]))
    ours = {name for name in new if name.partition(".")[0] == "codeact_magic"}
    others = {name.partition(".")[0] for name in new - ours}
    assert ours == {
        "codeact_magic",
        *(f"codeact_magic.{name}" for name in _LOADED),
    }
    assert others <= {"IPython", "queue", "_queue"}


def state(ipython: Any) -> dict[str, Any]:
    """Return what an extension might leave behind in a shell."""
    return {
        "magics": {kind: set(magics) for kind, magics in ipython.magics_manager.magics.items()},
        "registry": set(ipython.magics_manager.registry),
        "configurables": [type(one).__name__ for one in ipython.configurables],
        "names": {name for name in ipython.user_ns if not name.startswith("_")},
        "callbacks": {event: len(functions) for event, functions in ipython.events.callbacks.items()},
        "transformers": len(ipython.input_transformers_cleanup) + len(ipython.input_transformers_post),
        "patches": [set(vars(one)) for one in (ipython, ipython.display_pub, ipython.displayhook)],
        "streams": (sys.stdout, sys.stderr, sys.displayhook, sys.excepthook),
        "extensions": set(ipython.extension_manager.loaded),
    }


def threads() -> list[str]:
    """Return our own threads."""
    for thread in threading.enumerate():
        if thread.name.startswith("codeact"):
            thread.join(1.0)  # those that were told to end do so
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("codeact")]


@pytest.mark.slow
def test_unloading_leaves_nothing_behind(shell: Shell) -> None:
    shell.run("%load_ext autoreload")  # the magic that loads extensions is loaded itself when it is first used
    before = state(shell.ipython)
    shell.run("%load_ext codeact_magic")
    assert state(shell.ipython) != before
    with FakeEndpoint(["```python\nprint(1)\n```", "Done."]) as endpoint:
        assert shell.run(f"%%codeact -u {endpoint.base_url} --approve auto\nHello").error is None
    assert threads() == ["codeact-saver"]
    assert shell.run("%unload_ext codeact_magic").shown == ""
    assert state(shell.ipython) == before
    assert threads() == []
    assert "not found" in shell.run("%%codeact\nHello").shown


def test_reloading_begins_afresh(shell: Shell) -> None:
    shell.run("%load_ext codeact_magic")
    with FakeEndpoint(default="Done.") as endpoint:
        line = f"%%codeact -u {endpoint.base_url} --approve auto --no-context"
        shell.run(f"{line}\nOne")
        before = state(shell.ipython)
        shell.run("%reload_ext codeact_magic")
        assert state(shell.ipython) == before
        shell.run(f"{line}\nTwo")
        told = [message["content"] for message in endpoint.requests[-1].body["messages"]]
    assert "Two" in told and "One" not in told
    assert len(list(Path("codeact-sessions").iterdir())) == 2


def test_loading_twice_and_unloading_what_is_not_loaded_do_no_harm(shell: Shell) -> None:
    shell.run("%unload_ext codeact_magic")
    shell.run("%load_ext codeact_magic")
    shell.run("%load_ext codeact_magic")
    codeact_magic.load_ipython_extension(shell.ipython)
    assert [type(one).__name__ for one in shell.ipython.configurables].count("CodeAct") == 1


def ipython(config: str, code: str, *arguments: str) -> str:
    """Return what IPython prints that is started with a configuration file, as a user would."""
    folder = Path(os.environ["IPYTHONDIR"]) / "profile_default"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ipython_config.py").write_text(f"c = get_config()\nc.HistoryManager.enabled = False\n{config}")
    return python("-m", "IPython", "--no-banner", "--colors=nocolor", *arguments, "-c", code)


SHOW = "o = get_ipython().magics_manager.registry['CodeAct']; print([o.model, o.max_steps, o.approve])"


@pytest.mark.slow
def test_a_configuration_file_loads_and_sets_up_the_extension(alone: pytest.MonkeyPatch) -> None:
    config = """
c.InteractiveShellApp.extensions = ["codeact_magic"]
c.CodeAct.model = "from-file"
c.CodeAct.approve = "risky"
"""
    alone.setenv("CODEACT_MODEL", "from-environment")
    alone.setenv("CODEACT_MAX_STEPS", "7")
    assert ipython(config, SHOW).strip() == "['from-file', 7, 'risky']"
    shown = ipython(config, SHOW, "--CodeAct.model=from-command-line")
    assert shown.strip() == "['from-command-line', 7, 'risky']"


def test_a_wrong_configuration_file_is_told_in_one_line() -> None:
    config = "c.InteractiveShellApp.extensions = ['codeact_magic']\nc.CodeAct.approve = 'never'"
    shown = ipython(config, "print('IPython has started')")
    assert "UsageError: codeact_magic is not loaded: The 'approve' trait" in shown
    assert "IPython has started" in shown


@pytest.mark.slow
def test_a_cell_that_fails_ends_a_script() -> None:
    cell = "get_ipython().run_cell_magic('codeact', '', 'Hello')"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "IPython",
            "--colors=nocolor",
            "-c",
            f"%load_ext codeact_magic\n{cell}\nprint('went on')",
        ],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert "UsageError: Nobody can be asked here" in done.stdout
    assert "--approve auto" in done.stdout
    assert "went on" not in done.stdout
    assert done.returncode != 0
