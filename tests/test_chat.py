"""`codeact chat` and `codeact run` in a pseudo-terminal, as a user meets them; and what terminals may be given."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeact_magic.cli.console import OutputPrinter, harmless
from codeact_magic.errors import UsageError
from codeact_magic.sessions.saving.loading import load
from codeact_magic.testing import FakeEndpoint, Hang, Say

from .test_terminal import (
    CTRL_C,
    CTRL_D,
    EDITOR,
    END,
    ENTER,
    ESCAPE,
    PATIENCE,
    QUESTION,
    STOPPED,
    TURN_ENDS,
    clean_environment,
    code,
    observation_text,
    on_screen,
)

if TYPE_CHECKING:
    import pexpect

READY = r"codeact>[^\n]*\x1b\[\?12l\x1b\[\?25h"  # the prompt, and the cursor behind it


class Terminal:
    """A command line in a terminal of 100 columns, and the user in front of it."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        import pexpect  # the environments for the unit tests on other Pythons lack it

        self.child: pexpect.spawn[str] = pexpect.spawn(
            sys.executable,
            ["-m", "codeact_magic.cli.main", *words],
            cwd=str(folder),
            env=clean_environment(folder) | {"XDG_STATE_HOME": str(folder / "state")} | environment,
            encoding="utf-8",
            dimensions=(40, 100),
            timeout=PATIENCE,
        )

    def until(self, pattern: str) -> str:
        """Wait until `pattern` has come, and return all that came up to its end."""
        self.child.expect(pattern)
        return str(self.child.before) + str(self.child.after)

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def ask(self, prompt: str, answer: str = "") -> str:
        """Send a prompt, with `answer` to the first question where there is one, and return what came of it."""
        self.type(f"{prompt}{ENTER}")
        shown = ""
        if answer:
            shown = self.until(QUESTION)
            self.type(f"{answer}{ENTER}")
        return shown + self.until(TURN_ENDS) + self.until(READY)

    def command(self, line: str) -> str:
        """Send a command and return what it printed."""
        self.type(f"{line}{ENTER}")
        self.until("\n")  # the line itself
        return on_screen(self.until(READY))

    def end(self) -> tuple[str, int | None]:
        """Wait for the end; return what came until then, and the exit status."""
        import pexpect

        self.child.expect(pexpect.EOF)
        self.child.close()
        return str(self.child.before), self.child.exitstatus


class Stage:
    """Starts terminals and endpoints, and ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._endpoints: list[FakeEndpoint] = []
        self._terminals: list[Terminal] = []

    def endpoint(self, *replies: str | Say | Hang) -> FakeEndpoint:
        endpoint = FakeEndpoint(replies, default="Done.")
        endpoint.start()
        self._endpoints.append(endpoint)
        return endpoint

    def start(self, endpoint: FakeEndpoint, *words: str, **environment: str) -> Terminal:
        terminal = Terminal(self.folder, *words, CODEACT_BASE_URL=endpoint.base_url, **environment)
        self._terminals.append(terminal)
        return terminal

    def chat(self, *replies: str | Say | Hang, words: tuple[str, ...] = ()) -> tuple[Terminal, FakeEndpoint]:
        """Start a chat that waits for a prompt."""
        endpoint = self.endpoint(*replies)
        terminal = self.start(endpoint, "chat", *words)
        terminal.until(READY)
        return terminal, endpoint

    def clear(self) -> None:
        for terminal in self._terminals:
            terminal.child.close(force=True)
        for endpoint in self._endpoints:
            endpoint.stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.clear()


# -- a conversation ----------------------------------------------------------------------------------------------------


@pytest.mark.terminal
def test_code_is_shown_asked_about_and_run_and_the_conversation_goes_on(stage: Stage) -> None:
    terminal, endpoint = stage.chat(f"I multiply.\n{code('x = 6 * 7', 'x')}", "It is **42**.", code("x + 1"))
    shown = on_screen(terminal.ask("six times seven", "y"))
    assert "I multiply.\n\n  │ x = 6 * 7\n  │ x\n\nRun it?" in shown
    assert re.search(r"\n42\nstep 1 · approved · ran \d+\.\d s · model [^\n]*\n\nIt is \*\*42\*\*\.\n", shown)
    assert "\n43\n" in on_screen(terminal.ask("and one more?", "y"))
    assert observation_text(endpoint) == "Output:\n43"
    terminal.type(CTRL_D)
    assert terminal.end()[1] == 0
    (path,) = (stage.folder / "codeact-sessions").glob("*.ipynb")
    assert [turn.prompt for turn in load(path).turns] == ["six times seven", "and one more?"]


@pytest.mark.terminal
def test_alt_enter_begins_a_line_and_ctrl_c_clears_it(stage: Stage) -> None:
    terminal, endpoint = stage.chat()
    terminal.type(f"not this{CTRL_C}")
    terminal.until(READY)
    terminal.ask(f"one{ESCAPE}{ENTER}two")
    assert observation_text(endpoint) == "one\ntwo"


@pytest.mark.terminal
def test_edited_code_is_what_runs_and_a_rejection_goes_to_the_model(stage: Stage) -> None:
    terminal, endpoint = stage.chat(code("x = 1", "y = 2"), code("x = 5"), "Then not.")
    terminal.type(f"Set x{ENTER}")
    terminal.until(QUESTION)
    terminal.type(f"e{ENTER}")
    terminal.until(EDITOR)
    terminal.type(f"{END}0{ESCAPE}{ENTER}")
    terminal.until(QUESTION)
    terminal.type(f"y{ENTER}")
    assert "step 1 · edited · ran" in on_screen(terminal.until(QUESTION))
    terminal.type(f"n use another name{ENTER}")
    assert "step 2 · rejected: use another name" in on_screen(terminal.until(TURN_ENDS))
    assert "use another name" in observation_text(endpoint)
    terminal.until(READY)


@pytest.mark.terminal
def test_ctrl_c_stops_the_code_and_keeps_what_it_did(stage: Stage) -> None:
    loop = code("x = 'kept'", "print('it ' + 'runs', flush=True)", "while True: pass")
    terminal, _ = stage.chat(loop, code("print('<' + x + '>')"))
    terminal.type(f"Loop{ENTER}")
    terminal.until(QUESTION)
    terminal.type(f"y{ENTER}")
    terminal.until("it runs")
    terminal.type(CTRL_C)
    shown = on_screen(terminal.until(STOPPED))
    assert "step 1 · approved · interrupted" in shown and "Traceback" not in shown
    terminal.until(READY)
    assert "<kept>" in terminal.ask("Show x", "y")


@pytest.mark.terminal
def test_ctrl_c_while_the_reply_streams_is_one_line(stage: Stage) -> None:
    terminal, _ = stage.chat(Hang(after=3, text="one two three "))
    terminal.type(f"Go{ENTER}")
    terminal.until("one two")
    terminal.type(CTRL_C)
    assert "Go on with another prompt" in terminal.until(STOPPED)
    terminal.until(READY)
    assert "Done." in terminal.ask("Go on")


@pytest.mark.terminal
def test_what_an_action_asks_is_answered_in_the_terminal(stage: Stage) -> None:
    terminal, endpoint = stage.chat(code("name = input('Name? ')", "print('Hello', name)"))
    terminal.type(f"Greet me{ENTER}")
    terminal.until(QUESTION)
    terminal.type(f"y{ENTER}")
    terminal.until(r"Name\? ")
    terminal.type(f"Ada{ENTER}")
    assert "Hello Ada" in on_screen(terminal.until(TURN_ENDS))
    assert observation_text(endpoint) == "Output:\nHello Ada"


@pytest.mark.terminal
def test_a_kernel_that_dies_is_told_of_and_the_conversation_goes_on(stage: Stage) -> None:
    terminal, endpoint = stage.chat(code("import os", "os.kill(os.getpid(), 9)"), "It died.", code("print('on')"))
    shown = on_screen(terminal.ask("Die", "y"))
    assert "DeadKernelError: The kernel died (it was ended by SIGKILL)." in shown
    assert (
        "A fresh kernel takes its place: all variables are gone."
        in endpoint.requests[1].body["messages"][-1]["content"]
    )
    assert "\non\n" in on_screen(terminal.ask("Go on", "y"))


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.mark.terminal
def test_commands_speak_of_the_terminal(stage: Stage) -> None:
    terminal, endpoint = stage.chat()
    assert "Alt+Enter begins a new line" in terminal.command("/help")
    terminal.ask("Hello")
    status = terminal.command("/status")
    assert endpoint.base_url in status and "/save FILE" in status
    assert "%" not in status
    assert "UsageError: There is no command /nothing. List the commands: /help" in terminal.command("/nothing")
    assert "Hello" in terminal.command("/history")
    assert "Saved in kept.ipynb" in terminal.command("/save kept.ipynb")
    assert "begins afresh" in terminal.command("/new")
    terminal.ask("Again")
    assert [message["content"] for message in endpoint.requests[-1].body["messages"]][-1] == "Again"
    assert "Hello" not in str(endpoint.requests[-1].body["messages"])
    terminal.type(f"/quit{ENTER}")
    assert terminal.end()[1] == 0


@pytest.mark.terminal
def test_words_of_other_programs_are_not_sent_to_the_model(stage: Stage) -> None:
    terminal, endpoint = stage.chat()
    assert "Alt+Enter begins a new line" in terminal.command("help")
    assert "Here this is /sessions; /help lists the commands" in terminal.command("%codeact sessions")
    assert "Here this is /status;" in terminal.command("%codeact")
    assert "codeact chat --help lists them" in terminal.command("%config CodeAct.max_steps = 3")
    assert "Type the prompt alone, without %%codeact" in terminal.command("%%codeact --new")
    for line in ("!ls", "%pip install x", "%%time"):
        assert "Magics and shell commands work only in notebooks" in terminal.command(line)
    terminal.type(f"quit{ENTER}")
    assert terminal.end()[1] == 0
    assert endpoint.requests == []


@pytest.mark.terminal
def test_a_kernel_that_is_not_there_ends_the_chat_before_it_begins(stage: Stage) -> None:
    shown, status = stage.start(stage.endpoint(), "chat", "--kernel", "gone").end()
    assert on_screen(shown).startswith("UsageError: There is no kernel 'gone' here; there is: ")
    assert status == 2


@pytest.mark.terminal
def test_a_saved_session_is_gone_on_with_and_replayed(stage: Stage) -> None:
    terminal, _ = stage.chat(code("x = 6 * 7"), "Set.")
    terminal.ask("Set x", "y")
    terminal.type(CTRL_D)
    terminal.end()
    terminal = stage.start(endpoint := stage.endpoint(code("print('<', x, '>')")), "chat", "--session", "last")
    shown = on_screen(terminal.until(READY))
    assert "1 turn." in shown and "Not in this kernel: x. Make them again: /replay" in shown
    terminal.type(f"/replay last{ENTER}")
    terminal.until(QUESTION)
    terminal.type(f"y{ENTER}")
    terminal.until("Replayed 1 .*as in the session")
    terminal.until(READY)
    terminal.type(f"/verify{ENTER}")
    terminal.until(r"Run it\? \[y\]es  \[n\]o: ")
    terminal.type(f"y{ENTER}")
    terminal.until("1 same ")
    terminal.until(READY)
    assert "< 42 >" in on_screen(terminal.ask("Show x", "y"))
    assert "Set x" in str(endpoint.requests[0].body["messages"])
    (path,) = (stage.folder / "codeact-sessions").glob("*.ipynb")
    assert [turn.prompt for turn in load(path).turns] == ["Set x", "Show x"]


@pytest.mark.terminal
def test_a_session_that_is_nowhere_is_one_line(stage: Stage) -> None:
    shown, status = stage.start(stage.endpoint(), "chat", "--session", "gone").end()
    assert on_screen(shown) == "UsageError: There is no session gone. List the sessions: codeact sessions\n"
    assert status == 2


# -- codeact run -------------------------------------------------------------------------------------------------------


@pytest.mark.terminal
def test_what_was_typed_before_a_step_was_shown_is_no_answer(stage: Stage) -> None:
    terminal = stage.start(stage.endpoint(code("x = 1"), code("open('ran', 'w')"), "Done."), "run", "go")
    terminal.until(QUESTION)
    terminal.type(f"y{ENTER}y{ENTER}")
    terminal.until("step 1 · approved")
    terminal.until(QUESTION)
    terminal.type(f"q{ENTER}")
    _, status = terminal.end()
    assert (status, (stage.folder / "ran").exists()) == (130, False)


@pytest.mark.terminal
def test_run_asks_where_there_is_somebody_and_prints_the_answer_once(stage: Stage) -> None:
    terminal = stage.start(stage.endpoint(code("x = 6 * 7", "x"), "It is 42."), "run", "six times seven")
    terminal.until(QUESTION)
    terminal.type(f"y{ENTER}")
    shown, status = terminal.end()
    assert status == 0
    assert on_screen(shown).count("It is 42.") == 1


@pytest.mark.terminal
def test_no_colours_where_they_are_not_wanted(stage: Stage) -> None:
    failing = stage.endpoint(f"I fail.\n{code('1 / 0')}", "It failed.")
    terminal = stage.start(failing, "run", "fail", "-a", "auto", NO_COLOR="1")
    shown, status = terminal.end()
    assert status == 0
    assert "ZeroDivisionError" in shown and "\x1b" not in shown


@pytest.mark.terminal
def test_an_answer_sends_nothing_raw_to_the_terminal(stage: Stage) -> None:
    import pexpect

    endpoint = stage.endpoint("\x1b[2J\x1b]0;owned\x07\u202eHi")
    environment = clean_environment(stage.folder) | {"CODEACT_BASE_URL": endpoint.base_url}
    line = f"{sys.executable} -m codeact_magic.cli.main run go -a auto 2>/dev/null"
    shown, status = pexpect.run(
        f"/bin/sh -c '{line}'", cwd=str(stage.folder), env=environment, withexitstatus=True, encoding="utf-8"
    )
    assert (shown, status) == ("⟦U+001B⟧[2J⟦U+001B⟧]0;owned⟦U+0007⟧⟦U+202E⟧Hi\r\n", 0)


# -- what terminals are given ------------------------------------------------------------------------------------------


@given(st.text(st.sampled_from("a\n\r\t\b\x1b[]0;mKAHJ2\x07\x9b‮")))
def test_code_that_prints_can_colour_and_overwrite_its_lines_and_no_more(text: str) -> None:
    rest = re.sub(r"\x1b\[[0-9;]*[mKA]|[\r\b\n\t]", "", harmless(text))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f‮]", rest)
    assert harmless("\x1b[31mred\x1b[0m 50%\r100%\n") == "\x1b[31mred\x1b[0m 50%\r100%\n"


def test_outputs_are_printed_each_below_the_other() -> None:
    stream = io.StringIO()
    show = OutputPrinter(lambda: stream)
    show({"output_type": "stream", "name": "stdout", "text": "\x1b[31mno line end\x1b[0m"})
    show({"output_type": "execute_result", "data": {"text/plain": "42"}})
    picture = {"text/plain": "<Figure>", "image/png": "aGk="}
    show({"output_type": "display_data", "data": picture})
    show({"output_type": "clear_output"})
    show({"output_type": "error", "ename": "KernelError", "evalue": "gone", "traceback": []})
    assert stream.getvalue() == ("no line end\n42\n<Figure> [image/png: in the saved session]\nKernelError: gone\n")


def test_there_is_no_notebook_to_put_cells_into() -> None:
    from codeact_magic.cli.console import ConsoleFrontEnd
    from codeact_magic.frontends.advice import CHAT
    from codeact_magic.kernels.separate import KernelExecutor

    with pytest.raises(UsageError, match="There is no notebook here"):
        ConsoleFrontEnd(KernelExecutor(), CHAT).insert([], "inserted", "otherwise")
