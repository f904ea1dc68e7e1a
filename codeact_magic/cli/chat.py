"""`codeact chat`, a conversation in a terminal, and `codeact run`, one prompt for a script."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CodeActError, StoppedError, UsageError
from ..frontends.advice import CHAT, Advice, quoted
from ..frontends.host import Host
from ..hints import ShowHelp
from ..kernels.separate import KernelExecutor
from ..magics import commands
from ..options import Options
from ..runner import Runner
from ..session import Turn
from ..sessions.threads import near
from ..text import one_line, storable, visible
from .console import ConsoleFrontEnd

if TYPE_CHECKING:
    from prompt_toolkit.history import History

LEAVE = ("/quit", "/exit", "/q", "quit", "exit", "quit()", "exit()", ":q")

KEYS = """\
Type a prompt. Enter sends it, Alt+Enter begins a new line. Each action is shown, and runs only if you approve it.
Ctrl+C clears the line, or stops the agent."""
OWN_COMMANDS = (
    ("/new", "Begin afresh; variables stay."),
    ("/help", "Show this."),
    ("/quit", "End; Ctrl+D does as well."),
)
_NOTEBOOK = re.compile(r"%{1,2}codeact\b[ \t]*(.*)|%{1,2}[a-z]|!{1,2}\s*[a-z]")  # not a prompt
NO_TERMINAL = "codeact chat needs a terminal. In a script: codeact run PROMPT"


def chat(options: Options, executor: KernelExecutor, file: str | None, *, eager: bool = False) -> int:
    """Converse until the user leaves, and return the exit status. Raises CodeActError at the start.

    Args:
        options: the options of every turn.
        executor: runs the actions.
        file: a saved session to go on with.
        eager: start the kernel at once, so that an error in its name is reported before a model is asked.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(NO_TERMINAL)
    with running(options, executor, CHAT) as runner:
        if eager:
            executor.evaluate("")
        talk = Talk(runner, options)
        if file:
            talk.command(f"load {quoted(file)}")
        print("Type a prompt; each action is shown before it runs. /help shows more, Ctrl+D ends.\n")
        read = _reader()
        while (typed := read()) not in LEAVE:
            talk.take(typed)
    return 0


def run(
    options: Options,
    executor: KernelExecutor,
    advice: Advice,
    prompt: str,
    file: Path | None,
    *,
    eager: bool = False,
) -> int:
    """Take one prompt to its answer, print that on standard output, and return the exit status. Raises CodeActError.

    The session is saved in `file`, or in the save_folder if that is None. The other arguments: see `chat`.
    """
    with running(options, executor, advice, to_stderr=True) as runner:
        if eager:
            executor.evaluate("")
        if file:
            runner.threads.begin(options, prompt, file)
        try:
            turn = runner.take(options, prompt, new=False)
        except StoppedError:
            _print_session_file(runner, options)
            raise
        on_screen = sys.stdout.isatty()
        if not (on_screen and sys.stderr.isatty()):  # else it is on the screen already
            print(visible(turn.answer) if on_screen else turn.answer, flush=True)
        return int(bool(file) and not runner.threads[options.thread].saved())


def _print_session_file(runner: Runner, options: Options) -> None:
    """Print where a session that was stopped is saved."""
    thread = runner.threads.get(options.thread)
    if thread and thread.path and thread.saved():
        print(f"saved in {one_line(near(thread.path))}", file=sys.stderr)


class Talk:
    """Carries out the lines that a user types: prompts, and commands that begin with a slash."""

    def __init__(self, runner: Runner, options: Options) -> None:
        self._runner = runner
        self._options = options

    def take(self, typed: str) -> None:
        """Carry out a line, and print the error if it fails."""
        try:
            if typed.startswith("/"):
                self.command(typed[1:])
            elif typed in ("help", "help()", "?"):
                self.command("help")
            elif match := _NOTEBOOK.match(typed):
                raise UsageError(_in_a_notebook(typed, match[1] or ""))
            else:
                self._ask(typed)
        except KeyboardInterrupt:
            print("Stopped.")
        except CodeActError as error:
            print(_in_red(CHAT.error(error)))
        print()

    def command(self, line: str) -> None:
        """Carry out a command. Raises CodeActError."""
        name, _, rest = line.strip().partition(" ")
        if name in ("", "help"):
            print(f"{KEYS}\n\n{commands.overview(CHAT, OWN_COMMANDS)}")
        elif name == "new":
            self._runner.threads.forget(self._options.thread)
            print("The conversation begins afresh; variables and files stay.")
        elif name in commands.subcommands("chat"):
            commands.run(self._runner, self._options, f"{name} {rest}")
        else:
            raise UsageError(f"There is no command /{one_line(name, 40)}", ShowHelp())

    def _ask(self, prompt: str) -> Turn:
        prompt = storable(prompt).strip("\r\n")
        return self._runner.take(self._options, prompt, new=False)


def _in_a_notebook(typed: str, command: str) -> str:
    """Return the line about input that only notebooks understand; `command` is the text after `%codeact`."""
    if typed.startswith("%%codeact"):
        return "Type the prompt alone, without %%codeact; options go on the codeact chat line, or into CODEACT_NAME"
    if typed.startswith("%config"):
        return "Options are set when the chat begins: codeact chat --help lists them"
    if not typed.startswith("%codeact"):
        return "Magics and shell commands work only in notebooks: ask for what you want, or type /help"
    return f"Here this is /{one_line(command, 80) or 'status'}; /help lists the commands"


@contextmanager
def running(options: Options, executor: KernelExecutor, advice: Advice, to_stderr: bool = False) -> Iterator[Runner]:
    """Provide a Runner in a terminal, and close it and its kernel in the end."""
    runner = Runner(Host(executor, ConsoleFrontEnd(executor, advice, to_stderr=to_stderr)), options)
    try:
        yield runner
    finally:
        try:
            runner.close()
        finally:
            executor.close()


# -- the line that is typed --------------------------------------------------------------------------------------------


def _reader() -> Callable[[], str]:
    """Return a function that reads a line from the user; Ctrl+D reads as the first of `LEAVE`."""
    from prompt_toolkit import PromptSession

    session: PromptSession[str] = PromptSession(
        history=_history(),
        key_bindings=_keys(),
        multiline=True,
        prompt_continuation="  ",
        enable_suspend=True,
    )

    def read() -> str:
        while True:
            try:
                if typed := session.prompt("codeact> ").strip():
                    return typed
            except KeyboardInterrupt:  # clears the line
                continue
            except EOFError:
                return LEAVE[0]

    return read


def _keys() -> Any:
    """Return the key bindings: Enter sends, Alt+Enter begins a line."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()
    keys.add("enter")(lambda event: event.current_buffer.validate_and_handle())
    keys.add("escape", "enter")(lambda event: event.current_buffer.insert_text("\n"))
    return keys


def _history() -> History:
    """Return the history of prompts, in a file that only the user can read, or in memory if there can be no file."""
    from platformdirs import user_state_path
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        path = user_state_path("codeact-magic", ensure_exists=True) / "chat_history"
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _in_red(line: str) -> str:
    return line if "NO_COLOR" in os.environ else f"\x1b[31m{line}\x1b[0m"
