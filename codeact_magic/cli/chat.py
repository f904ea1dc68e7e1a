"""Agents without a notebook: a conversation in a terminal, and one prompt for a script."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CodeActError, StoppedError, UsageError
from ..frontends.host import Host
from ..kernels.separate import KernelExecutor
from ..magics import commands
from ..options import Options
from ..runner import Runner
from ..session import Turn
from ..sessions.threads import near
from ..text import one_line, storable, visible
from .console import ConsoleFrontEnd, print_here, told

if TYPE_CHECKING:
    from prompt_toolkit.history import History

LEAVE = ("/quit", "/exit", "/q", "quit", "exit", "quit()", "exit()", ":q")

HELP = """\
Type what you want; Alt+Enter begins a new line, Enter sends. Each action is shown, and run when you say so.

/help          this
/status        endpoint, model, tokens, and where the session is saved
/history       the turns so far
/usage         the tokens of each turn
/models        the models that the endpoint offers
/sessions      the saved sessions
/load FILE     go on with a saved session
/replay FILE   run what a session ran again, each action approved
/verify [FILE] run a session in another kernel, and compare what it shows
/save [FILE]   save the session now; with a name, there
/local         fetch the small local model and use it
/new           begin afresh; variables stay
/quit          end; Ctrl+D does as well

Ctrl+C clears the line, or stops the agent."""
_NOTEBOOK = re.compile(r"%{1,2}codeact\b[ \t]*(.*)|%{1,2}[a-z]|!{1,2}\s*[a-z]")  # what is no prompt
NO_TERMINAL = "codeact chat needs a terminal. In a script: codeact run PROMPT"


def chat(options: Options, engine: KernelExecutor, file: str | None, *, eager: bool = False) -> int:
    """Converse until the user leaves; `file` is a saved session to go on with. Raises CodeActError at the start.

    `eager` has the kernel started then: one that cannot be had is told of before anything is asked of a model.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(NO_TERMINAL)
    with running(options, engine) as runner:
        if eager:
            engine.evaluate("")
        talk = Talk(runner, options)
        if file:
            talk.command(f"load {_quoted(file)}")
        print("Ask for something; each action is shown before it runs. /help tells more, Ctrl+D ends.\n")
        read = _reader()
        while (typed := read()) not in LEAVE:
            talk.take(typed)
    return 0


def run(options: Options, engine: KernelExecutor, prompt: str, file: Path | None, *, eager: bool = False) -> int:
    """Take one prompt to its answer, which goes to standard output, and return the exit status. Raises CodeActError.

    The session is saved in `file`, or as ever where it is None. `eager` has the kernel started before that.
    """
    with running(options, engine, aside=True) as runner:
        if eager:
            engine.evaluate("")
        if file:
            runner.threads.begin(options, prompt, file)
        try:
            turn = runner.take(options, prompt, new=False)
        except StoppedError:
            _tell_place(runner, options)
            raise
        on_screen = sys.stdout.isatty()
        if not (on_screen and sys.stderr.isatty()):  # else it stands there already
            print(visible(turn.answer) if on_screen else turn.answer, flush=True)
        return int(bool(file) and not runner.threads[options.thread].saved())


def _tell_place(runner: Runner, options: Options) -> None:
    """Tell where a session that was stopped is saved."""
    conversation = runner.threads.get(options.thread)
    if conversation and conversation.path and conversation.saved():
        print(f"saved in {one_line(near(conversation.path))}", file=sys.stderr)


class Talk:
    """What a user of the terminal types: prompts, and commands that begin with a slash."""

    def __init__(self, runner: Runner, options: Options) -> None:
        self._runner, self._options = runner, options

    def take(self, typed: str) -> None:
        """Carry out what was typed, and tell what went wrong."""
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
            print(_in_red(told(error, chat=True)))
        print()

    def command(self, line: str) -> None:
        """Carry out a command. Raises CodeActError."""
        name, _, rest = line.strip().partition(" ")
        if name in ("", "help"):
            print(HELP)
        elif name == "new":
            self._runner.threads.forget(self._options.thread)
            print("The conversation begins afresh; variables and files stay.")
        elif name in ("replay", "verify", "local"):  # these ask, or take their time
            commands.run(self._runner, self._options, f"{name} {rest}")
        elif name in ("status", "history", "usage", "models", "sessions", "load", "save"):
            print_here(lambda: commands.run(self._runner, self._options, f"{name} {rest}"), chat=True)
        else:
            raise UsageError(f"There is no command /{one_line(name, 40)}. /help lists those that there are")

    def _ask(self, prompt: str) -> Turn:
        prompt = storable(prompt).strip("\r\n")
        return self._runner.take(self._options, prompt, new=False)


def _in_a_notebook(typed: str, command: str) -> str:
    """Return the line about what holds in notebooks alone."""
    if typed.startswith("%%codeact"):
        return "Here a prompt stands by itself, without %%codeact; options go behind codeact chat, or into CODEACT_NAME"
    if typed.startswith("%config"):
        return "Options are set when the chat begins: codeact chat --help lists them"
    if not typed.startswith("%codeact"):
        return "Magics and shell commands are for notebooks: ask for what you want, or /help"
    return f"Here that is /{one_line(command, 80) or 'status'}; /help lists the commands"


@contextmanager
def running(options: Options, engine: KernelExecutor, aside: bool = False) -> Iterator[Runner]:
    """Set up what takes prompts to their answers, and take it away again."""
    runner = Runner(Host(engine, ConsoleFrontEnd(engine, aside=aside)), options)
    try:
        yield runner
    finally:
        try:
            runner.close()
        finally:
            engine.close()


# -- the line that is typed --------------------------------------------------------------------------------------------


def _reader() -> Callable[[], str]:
    """Return what has the user type something; to leave is one of `LEAVE`."""
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
            except KeyboardInterrupt:  # it clears the line
                continue
            except EOFError:
                return LEAVE[0]

    return read


def _keys() -> Any:
    """Return what the keys mean: Enter sends, Alt+Enter begins a line."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()
    keys.add("enter")(lambda event: event.current_buffer.validate_and_handle())
    keys.add("escape", "enter")(lambda event: event.current_buffer.insert_text("\n"))
    return keys


def _history() -> History:
    """Return what was typed before, from a file for the user alone; nothing where there can be none."""
    from platformdirs import user_state_path
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        path = user_state_path("codeact-magic", ensure_exists=True) / "chat_history"
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _quoted(file: str) -> str:
    return f"'{file}'" if "'" not in file else f'"{file}"'


def _in_red(line: str) -> str:
    return line if "NO_COLOR" in os.environ else f"\x1b[31m{line}\x1b[0m"
