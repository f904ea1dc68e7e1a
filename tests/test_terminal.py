"""Terminal IPython, driven through a pseudo-terminal as a user would: its simple prompt, and its full-screen one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codeact_magic.session import ToolCall
from codeact_magic.sessions.saving.loading import load
from codeact_magic.testing import FakeEndpoint, Hang, Say

if TYPE_CHECKING:
    import pexpect

pytestmark = pytest.mark.terminal

PATIENCE = 30.0  # seconds that a test waits for what must come
ENTER, ESCAPE, CTRL_C, CTRL_D, END = "\r", "\x1b", "\x03", "\x04", "\x05"
STYLES = r"(?:\x1b\[[0-9;]*m)*"
STOPPED = rf"StoppedError{STYLES}: [^\r\n]*"
EDITOR = r"\x1b\[\?2004h(?s:.)*\x1b\[\?25h"  # prompt_toolkit waits for keys
QUESTION = r"\[q\]uit: "
TURN_ENDS = r"\d+ steps? · [^\r\n]* out · [^\r\n]* s"
CONFIG = """
c = get_config()
c.HistoryManager.enabled = False
c.TerminalInteractiveShell.autosuggestions_provider = None
c.InteractiveShellApp.extensions = ["codeact_magic"]
"""


class Terminal:
    """IPython in a terminal of 100 columns, and the user in front of it."""

    def __init__(self, folder: Path, simple: bool, **environment: str) -> None:
        import pexpect  # the environments for the unit tests on other Pythons lack it

        profile = folder / "ipython" / "profile_default"
        profile.mkdir(parents=True)
        (profile / "ipython_config.py").write_text(CONFIG)
        self.simple = simple
        self._syncs = 0
        self.child: pexpect.spawn[str] = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--no-banner", "--no-confirm-exit", *(["--simple-prompt"] if simple else [])],
            cwd=str(folder),
            env=clean_environment(folder) | environment,
            encoding="utf-8",
            dimensions=(40, 100),
            timeout=PATIENCE,
        )
        self.until(rf"In \[{STYLES}1{STYLES}\]: ")

    def until(self, pattern: str) -> str:
        """Wait until `pattern` has come, and return all that came up to its end."""
        self.child.expect(pattern)
        return str(self.child.before) + str(self.child.after)

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def enter(self, cell: str) -> None:
        """Enter a cell."""
        if self.simple:
            self.type(f"{cell}\n\n\n" if cell.startswith("%%") else f"{cell}\n")
        else:  # pasted, so that no line is indented or run on its own
            self.type(f"{ESCAPE}[200~{cell}{ESCAPE}[201~{ESCAPE}{ENTER}")

    def run(self, cell: str, answer: str = "") -> str:
        """Run a turn, with `answer` to the first question where there is one, and return what it showed."""
        self.enter(cell)
        shown = ""
        if answer:
            shown = self.until(QUESTION)
            self.type(f"{answer}{ENTER}")
        return shown + self.until(TURN_ENDS)

    def evaluate(self, expression: str) -> str:
        """Return the str() of an expression: the next cell works."""
        self._syncs += 1
        self.enter(f'print("<{self._syncs}" + ">", {expression}, "<" + "/>")')
        self.until(rf"<{self._syncs}> ([^\r\n]*) </>")
        return str(self.child.match[1])

    def close(self) -> None:
        """End IPython."""
        self.child.close(force=True)


def clean_environment(folder: Path) -> dict[str, str]:
    """Return an environment without the user's keys and settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "CODEACT_"))}
    kept.pop("NO_COLOR", None)
    return kept | {
        "IPYTHONDIR": str(folder / "ipython"),
        "TERM": "xterm-256color",
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "PROMPT_TOOLKIT_COLOR_DEPTH": "DEPTH_1_BIT",
        "CODEACT_MODEL": "fake-model",
    }


def without_styles(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def on_screen(text: str) -> str:
    """Return what a terminal shows of our own output."""
    return re.sub(r"[^\n]*\r\x1b\[K", "", without_styles(text).replace("\r\n", "\n"))


@pytest.fixture(params=[True, False], ids=["simple", "full"])
def simple(request: pytest.FixtureRequest) -> bool:
    """Return which of IPython's two prompts is used."""
    return bool(request.param)


def code(*lines: str) -> str:
    return "```python\n" + "\n".join(lines) + "\n```"


class Terminals:
    """Starts terminals and endpoints, and ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: list[Terminal | FakeEndpoint] = []

    def start(self, simple: bool, *replies: str | Say | Hang, **environment: str) -> tuple[Terminal, FakeEndpoint]:
        endpoint = FakeEndpoint(replies, default="Done.")
        endpoint.start()
        self._open.append(endpoint)
        terminal = Terminal(self.folder, simple, CODEACT_BASE_URL=endpoint.base_url, **environment)
        self._open.append(terminal)
        return terminal, endpoint

    def close(self) -> None:
        for one in reversed(self._open):
            if isinstance(one, Terminal):
                one.close()
            else:
                one.stop()


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    terminals = Terminals(tmp_path)
    yield terminals
    terminals.close()


def observation_text(endpoint: FakeEndpoint) -> str:
    """Return the last message of the last request."""
    return str(endpoint.requests[-1].body["messages"][-1]["content"])


# -- approval ----------------------------------------------------------------------------------------------------------


def test_code_is_shown_asked_about_and_run(terminals: Terminals, simple: bool) -> None:
    terminal, _ = terminals.start(simple, f"I multiply.\n{code('x = 6 * 7', 'x')}", "It is **42**.")
    shown = terminal.run("%%codeact\nHow much is six times seven?", "y")
    seen = on_screen(shown)
    assert "I multiply.\n\n  │ x = 6 * 7\n  │ x\n\nRun it?" in seen
    assert seen.count("│ x = 6 * 7") == 1
    assert re.search(r"Out\[\d+\]: 42\n+step 1 · approved · ran 0\.\d s · model ", seen)
    assert seen.count("It is **42**.") == 1
    assert "\x1b[2m│\x1b[0m" in shown
    assert terminal.evaluate("x") == "42"


def test_a_reason_goes_to_the_model_and_the_turn_goes_on(terminals: Terminals, simple: bool) -> None:
    terminal, endpoint = terminals.start(simple, code("x = 1"), "Then not.")
    shown = on_screen(terminal.run("%%codeact\nSet x", "n use another name"))
    assert "step 1 · rejected: use another name · model" in shown
    assert "use another name" in observation_text(endpoint)
    assert terminal.evaluate("'x' in globals()") == "False"


def test_a_bare_no_is_asked_for_its_reason(terminals: Terminals, simple: bool) -> None:
    terminal, endpoint = terminals.start(simple, code("x = 1"), "Then not.")
    terminal.enter("%%codeact\nSet x")
    terminal.until(QUESTION)
    terminal.type(f"n{ENTER}")
    terminal.until("Why\\? .*reason\\) ")
    terminal.type(f"it is taken{ENTER}")
    terminal.until(TURN_ENDS)
    assert "it is taken" in observation_text(endpoint)


def test_input_from_before_a_step_was_shown_is_not_an_answer(terminals: Terminals, simple: bool) -> None:
    terminal, _ = terminals.start(simple, code("x = 1"), code("y = 2"), "Set.")
    terminal.enter("%%codeact\nSet x and y")
    terminal.until(QUESTION)
    terminal.type(f"y{ENTER}y{ENTER}")
    terminal.until("step 1 · approved")
    terminal.until(QUESTION)
    terminal.type(f"q{ENTER}")
    terminal.until("StoppedError")
    assert terminal.evaluate("x, 'y' in globals()") == "1 False"


def test_edited_code_runs(terminals: Terminals, simple: bool) -> None:
    terminal, endpoint = terminals.start(simple, code("x = 1", "y = 2"), "Set.")
    terminal.enter("%%codeact\nSet x and y")
    terminal.until(QUESTION)
    terminal.type(f"e{ENTER}")
    terminal.until(EDITOR)
    terminal.type(f"{END}0{ESCAPE}{ENTER}")
    shown = without_styles(terminal.until(QUESTION))
    assert re.search(r"│ x = 1\r\n  │ y = 20\r\n", shown)
    terminal.type(f"y{ENTER}")
    assert "step 1 · edited · ran" in on_screen(terminal.until(TURN_ENDS))
    assert "-y = 2\n+y = 20" in observation_text(endpoint)
    assert terminal.evaluate("(x, y)") == "(1, 20)"


def test_leaving_the_editor_changes_nothing(terminals: Terminals, simple: bool) -> None:
    terminal, _ = terminals.start(simple, code("x = 1"), "Set.")
    terminal.enter("%%codeact\nSet x")
    terminal.until(QUESTION)
    terminal.type(f"e{ENTER}")
    terminal.until(EDITOR)
    terminal.type(f"{END}0{CTRL_C}")
    terminal.until("The code is as it was")
    terminal.until(QUESTION)
    terminal.type(f"y{ENTER}")
    assert "step 1 · approved" in on_screen(terminal.until(TURN_ENDS))
    assert terminal.evaluate("x") == "1"


def test_all_of_this_turn_is_asked_about_once(terminals: Terminals, simple: bool) -> None:
    terminal, _ = terminals.start(simple, code("x = 1"), code("x = 2"), "Set.", code("x = 3"))
    shown = on_screen(terminal.run("%%codeact\nSet x", "a"))
    assert shown.count("Run it?") == 1
    assert "step 2 · approved by user, all of this turn" in shown
    terminal.enter("%%codeact\nAgain")
    terminal.until(QUESTION)
    terminal.type(f"q{ENTER}")
    terminal.until(STOPPED)
    assert terminal.evaluate("x") == "2"


@pytest.mark.parametrize("keys", [f"q{ENTER}", CTRL_D, CTRL_C], ids=["q", "Ctrl-D", "Ctrl-C"])
def test_quitting_the_question_is_one_line_and_the_next_cell_works(
    terminals: Terminals, simple: bool, keys: str
) -> None:
    terminal, _ = terminals.start(simple, code("x = 1"))
    terminal.enter("%%codeact\nSet x")
    terminal.until(QUESTION)
    terminal.type(keys)
    assert "Traceback" not in terminal.until(STOPPED)
    assert terminal.evaluate("'x' in globals()") == "False"
    assert "Done." in terminal.run("%%codeact\nGo on")


# -- stopping ----------------------------------------------------------------------------------------------------------


def test_stopping_while_the_reply_streams_is_one_line_and_the_next_cell_works(
    terminals: Terminals, simple: bool
) -> None:
    terminal, _ = terminals.start(simple, Hang(after=3, text="one two three "))
    terminal.enter("%%codeact\nGo")
    terminal.until("one two")
    terminal.type(CTRL_C)
    shown = terminal.until(STOPPED)
    assert "Traceback" not in shown and "KeyboardInterrupt" not in shown
    assert terminal.evaluate("1 + 1") == "2"
    assert "Done." in terminal.run("%%codeact\nGo on")


def test_stopping_while_nothing_comes_removes_the_waiting_line(terminals: Terminals, simple: bool) -> None:
    terminal, endpoint = terminals.start(simple, Hang(headers=True))
    terminal.enter("%%codeact\nGo")
    endpoint.wait_for_requests(1)
    shown = terminal.until(r"thinking … \d s")
    terminal.type(CTRL_C)
    shown += terminal.until(STOPPED)
    assert "thinking" not in on_screen(shown).replace("\n\n", "\n").split("Go")[-1]
    assert terminal.evaluate("1 + 1") == "2"


def test_stopping_the_code_keeps_its_effects(terminals: Terminals, simple: bool) -> None:
    loop = code("x = 'kept'", "print('it ' + 'runs')", "while True: pass")
    terminal, _ = terminals.start(simple, loop, CODEACT_APPROVE="auto")
    terminal.enter("%%codeact\nLoop")
    terminal.until("it runs")
    terminal.type(CTRL_C)
    shown = terminal.until(STOPPED)
    assert re.search(r"\^C\n+step 1 · approved by policy auto · interrupted [^:]*\nStoppedError: ", on_screen(shown))
    assert terminal.evaluate("x") == "kept"
    assert "Done." in terminal.run("%%codeact\nGo on")
    (file,) = (terminals.folder / "codeact-sessions").iterdir()
    assert [turn.outcome for turn in load(file).turns] == ["stopped", "answered"]


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_the_reply_is_shown_while_it_is_written(terminals: Terminals, simple: bool) -> None:
    gate = threading.Event()
    reply = Say("First words.\nSecond line.\n", chunk=13, gate=gate, gate_after=1)
    terminal, _ = terminals.start(simple, reply)
    terminal.enter("%%codeact\nGo")
    assert "Second" not in terminal.until("First words")
    gate.set()
    terminal.until("Second line")
    terminal.until(TURN_ENDS)


def test_waiting_disappears_when_the_reply_comes(terminals: Terminals, simple: bool) -> None:
    gate = threading.Event()
    terminal, _ = terminals.start(simple, Say("Here.", gate=gate))
    terminal.enter("%%codeact\nGo")
    shown = terminal.until(r"thinking … \d s")
    gate.set()
    shown += terminal.until(TURN_ENDS)
    assert re.search(r"\nHere\.\n\n1 step", on_screen(shown))
    assert "thinking" not in on_screen(shown)


def test_a_hostile_reply_sends_nothing_raw_to_the_terminal(terminals: Terminals, simple: bool) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07\u202eHi\x9b31m\n" + code("x = '\x1b[8m\u200b'")
    terminal, _ = terminals.start(simple, hostile, CODEACT_APPROVE="ask")
    terminal.enter("%%codeact\nGo")
    shown = terminal.until(QUESTION)
    reply = shown[shown.index("⟦") :]
    assert "⟦U+001B⟧[2J⟦U+001B⟧]0;owned⟦U+0007⟧⟦U+202E⟧Hi⟦U+009B⟧31m" in reply
    assert "│ x = '⟦U+001B⟧[8m⟦U+200B⟧'" in without_styles(reply)
    assert "Look twice: hidden characters" in reply
    assert not re.search("[\x07\x9b\u202e\u200b]", reply)
    assert not re.search(r"\x1b(?!\[[0-9;]*m)", reply)


@pytest.mark.parametrize(
    "reply",
    [
        Say('{"thought": "I set it.", "code": "x = 1"}'),
        Say("I set it.", tool_calls=(ToolCall("1", "python", '{"code": "x = 1"}'),)),
        Say("I set it.\n<execute>\nx = 1\n</execute>"),
        Say(f"I set it.\n{code('x = 1')}"),
    ],
    ids=["json", "tools", "execute", "fence"],
)
def test_code_is_shown_once_in_every_format(terminals: Terminals, reply: Say) -> None:
    terminal, _ = terminals.start(True, reply)
    terminal.enter("%%codeact\nGo")
    shown = on_screen(terminal.until(QUESTION))
    assert "I set it.\n\n  │ x = 1\n\nRun it?" in shown
    assert shown.count("x = 1") == 1


def test_reasoning_is_folded(terminals: Terminals) -> None:
    terminal, _ = terminals.start(True, Say("It is 6.", reasoning="first this and then that"))
    shown = on_screen(terminal.run("%%codeact\nGo"))
    assert "reasoning: 5 words\nIt is 6.\n" in shown
    assert "first this" not in shown


def test_frames_tracebacks_and_prints_appear_in_order(terminals: Terminals) -> None:
    terminal, _ = terminals.start(True, code("print('printed')", "1/0"), "It failed.", CODEACT_APPROVE="auto")
    shown = on_screen(terminal.run("%%codeact\nGo"))
    assert shown.index("printed") < shown.index("ZeroDivisionError") < shown.index("step 1") < shown.index("It failed.")


def test_errors_are_one_red_line_on_a_terminal(terminals: Terminals) -> None:
    terminal, _ = terminals.start(True)
    terminal.enter("%%codeact --max-step 3\nGo")
    assert terminal.until(r"the options: %%codeact\?").endswith(
        "\x1b[31mUsageError\x1b[0m: %%codeact has no option --max-step; the nearest is --max-steps. "
        "List the options: %%codeact?"
    )


def test_status_is_readable_in_a_terminal(terminals: Terminals) -> None:
    terminal, endpoint = terminals.start(True)
    terminal.run("%%codeact\nHello")
    terminal.enter("%codeact")
    lines = on_screen(terminal.until("%%codeact\\?")).split("\n")
    assert any(line.startswith("endpoint  ") and endpoint.base_url in line for line in lines)
    assert max(map(len, lines)) <= 100


# -- no terminal -------------------------------------------------------------------------------------------------------


def piped(folder: Path, endpoint: FakeEndpoint, cells: str, *arguments: str) -> str:
    """Return what IPython prints whose input and output are pipes."""
    environment = clean_environment(folder) | {"CODEACT_BASE_URL": endpoint.base_url}
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--simple-prompt", "--colors=nocolor", *arguments],
        input=cells,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=environment,
        timeout=PATIENCE,
    )
    return done.stdout


def test_with_its_input_a_pipe_nothing_is_run_unasked(tmp_path: Path) -> None:
    with FakeEndpoint([code("x = 'ran'")]) as endpoint:
        shown = piped(tmp_path, endpoint, "%load_ext codeact_magic\n%%codeact\nGo\n\n\ny\ny\n")
        assert endpoint.requests == []
    assert "UsageError: Nobody can be asked here" in shown and "--approve auto" in shown


def test_colours_stay_out_of_a_pipe(tmp_path: Path) -> None:
    with FakeEndpoint([f"I set it.\n{code('x = 1')}", "Set."]) as endpoint:
        shown = piped(tmp_path, endpoint, "%load_ext codeact_magic\n%%codeact --approve auto\nGo\n\n\n")
    assert "  | x = 1" in shown and "Set." in shown
    assert "\x1b" not in shown
