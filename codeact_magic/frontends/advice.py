"""The wording of hints, in the commands of each front end: one class each.

A new kind of hint needs a case in `Advice.clause` (mypy tells if it is missing). `tests/test_advice.py` checks that
every command and option that is named exists in the front end that names it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Literal, assert_never

from ..errors import CodeActError, with_advice
from ..hints import (
    AskElsewhere,
    ChangeFolder,
    GoOn,
    Hint,
    ListOptions,
    RestartKernel,
    Retry,
    RunCommand,
    SetOption,
    SetVariable,
    ShowHelp,
    StartAfresh,
    WritePrompt,
)
from ..options import flag, is_text, placeholder

FrontEnd = Literal["notebook", "chat", "shell"]
Value = str | int | float | None


class Advice(ABC):
    """How a front end names its commands and options, and words its advice.

    front_end: which one this is.
    afresh: the flag or command that begins a thread afresh; empty if there is none.
    keep: how an option is set for good.
    help: the command that lists the commands.
    options: the command that lists the options.
    more: where to read more about commands and options.
    next_prompt: how to name the prompt with which a thread goes on.

    The rest are remedies as imperatives, empty if they do not apply.
    """

    front_end: FrontEnd
    afresh: str
    keep: str
    help: str
    options: str
    more: str
    next_prompt: str
    write_prompt: str
    start_afresh: str
    retry: str
    ask_elsewhere: str
    change_folder: str
    restart: str = ""

    def line(self, fact: str, hints: Iterable[Hint]) -> str:
        """Return `fact` followed by the remedies."""
        return with_advice(fact, self.sentence(hints))

    def error(self, error: CodeActError) -> str:
        """Return an error with its advice, in one line."""
        return f"{type(error).__name__}: {self.line(error.fact, error.hints)}"

    def sentence(self, hints: Iterable[Hint]) -> str:
        """Return the remedies in one sentence; empty if none applies in this front end.

        It ends without a full stop, because it often ends with a command.
        """
        clauses = list(filter(None, map(self.clause, hints)))
        if not clauses:
            return ""
        text = ", or ".join(clauses)
        return text[0].upper() + text[1:]

    def clause(self, hint: Hint) -> str:
        """Return one remedy as an imperative; empty if it does not apply in this front end."""
        match hint:
            case SetOption(name, value, to):
                return f"{to}: {' or '.join(self.ways(name, value))}"
            case SetVariable(name, to):
                return f"{to}: set {name}"
            case RunCommand(name, arguments, to):
                return f"{to}: {self.command(name, arguments)}" if self.has(name) else ""
            case ShowHelp(""):
                return f"list the commands: {self.help}"
            case ShowHelp(name):
                return f"see its arguments: {self.command(name)} --help"
            case ListOptions():
                return f"list the options: {self.options}"
            case WritePrompt():
                return self.write_prompt
            case GoOn(saying):
                return f"say {saying} in {self.next_prompt}" if saying else f"go on with {self.next_prompt}"
            case StartAfresh():
                return self.start_afresh
            case Retry():
                return self.retry
            case AskElsewhere():
                return self.ask_elsewhere
            case RestartKernel(session):
                return self._restart(session)
            case ChangeFolder():
                return self.change_folder
            case _:
                assert_never(hint)

    def has(self, name: str) -> bool:
        """Return whether the subcommand `name` is of use here."""
        return True

    def _restart(self, session: str) -> str:
        if not self.restart:
            return ""  # this front end ends the kernel by itself
        kept = f", the session is not: {self.command('load', quoted(session))}" if session else ""
        return f"end it at once: {self.restart}; its variables are lost{kept}"

    @abstractmethod
    def command(self, name: str, arguments: str = "") -> str:
        """Return the command that runs a subcommand, as typed."""

    @abstractmethod
    def setting(self, name: str) -> str:
        """Return the name of an option, as it is set outside of the line."""

    @abstractmethod
    def ways(self, name: str, value: Value = None) -> list[str]:
        """Return the ways to set an option."""


class NotebookAdvice(Advice):
    """For the magics: in notebooks and in terminal IPython."""

    front_end = "notebook"
    afresh = "--new"
    keep = "%config CodeAct.NAME = VALUE"
    help = "%codeact help"
    options = "%%codeact?"
    more = "%config CodeAct, %codeact help, %%codeact?"
    restart = "restart the kernel (menu Kernel)"
    next_prompt = "another %%codeact cell"
    write_prompt = "write a prompt below a line that says %%codeact"
    start_afresh = "start afresh with --new"
    retry = "run the cell again later; the thread can go on"
    ask_elsewhere = "use a front end that has input"
    change_folder = "go to another one: %cd FOLDER"

    def command(self, name: str, arguments: str = "") -> str:
        """Return the command that runs a subcommand, as typed."""
        return f"%codeact {name} {arguments}".rstrip()

    def setting(self, name: str) -> str:
        """Return the name of an option, as it is set outside of the line."""
        return f"CodeAct.{name}"

    def ways(self, name: str, value: Value = None) -> list[str]:
        """Return the ways to set an option: on the line of a cell, and for good."""
        text = placeholder(name) if value is None else str(value)
        config = f"%config CodeAct.{name} = {repr(text) if is_text(name) else text}"
        return [f"{flag(name)} {text}", config] if flag(name) else [config]


class TerminalAdvice(NotebookAdvice):
    """For the magics in a terminal."""

    restart = "end IPython with Ctrl+\\, and start it again"


class ChatAdvice(Advice):
    """For `codeact chat`: commands begin with a slash, options are set when the chat begins."""

    front_end = "chat"
    afresh = "/new"
    keep = "CODEACT_NAME=VALUE"
    help = "/help"
    options = "codeact chat --help"
    more = "/help, codeact chat --help"
    next_prompt = "another prompt"
    write_prompt = "type a prompt"
    start_afresh = "start afresh with /new"
    retry = "try again later; the thread can go on"
    ask_elsewhere = "use a terminal"
    change_folder = "leave, and begin in another one"

    def command(self, name: str, arguments: str = "") -> str:
        """Return the command that runs a subcommand, as typed."""
        return f"/{name} {arguments}".rstrip()

    def setting(self, name: str) -> str:
        """Return the name of an option, as it is set outside of the line."""
        return _variable(name)

    def ways(self, name: str, value: Value = None) -> list[str]:
        """Return the ways to set an option: when the chat begins, and in the environment."""
        text = placeholder(name) if value is None else str(value)
        variable = f"{_variable(name)}={text}"
        return [f"codeact chat {flag(name)} {text}", variable] if flag(name) else [variable]


class ShellAdvice(Advice):
    """For the other commands of `codeact`, each of which ends before the user can act on the advice.

    Args:
        flags: the flags of the options that the command takes, by the name of the option.
    """

    front_end = "shell"
    afresh = ""
    keep = "CODEACT_NAME=VALUE"
    help = "codeact --help"
    options = "codeact run --help"
    more = "codeact --help"
    next_prompt = "codeact chat --session FILE"
    write_prompt = "send a prompt: codeact run PROMPT"
    start_afresh = ""  # each command does
    retry = "try again later"
    ask_elsewhere = "run it in a terminal"
    change_folder = "go to another one: cd FOLDER"

    def __init__(self, flags: Mapping[str, str] = {}) -> None:
        self._flags = flags

    def has(self, name: str) -> bool:
        """Return whether the subcommand `name` is of use after the command has ended."""
        return name not in OF_A_THREAD

    def command(self, name: str, arguments: str = "") -> str:
        """Return the command that runs a subcommand, as typed here or in a chat."""
        typed = f"{name} {arguments}".rstrip()
        return f"codeact {typed}" if name in IN_A_SHELL else f"/{typed} in codeact chat"

    def setting(self, name: str) -> str:
        """Return the name of an option, as it is set outside of the line."""
        return _variable(name)

    def ways(self, name: str, value: Value = None) -> list[str]:
        """Return the ways to set an option: with a flag that this command has, and in the environment."""
        text = placeholder(name) if value is None else str(value)
        variable = f"{_variable(name)}={text}"
        return [f"{self._flags[name]} {text}", variable] if name in self._flags else [variable]


IN_A_SHELL = ("sessions", "verify")  # the subcommands that are commands of `codeact` as well
OF_A_THREAD = ("save", "reset", "history", "usage")  # a command that has ended leaves them nothing to work on
NOTEBOOK = NotebookAdvice()
TERMINAL = TerminalAdvice()
CHAT = ChatAdvice()


def quoted(file: str) -> str:
    """Return the name of a file as one word of a line."""
    if " " not in file and "'" not in file and '"' not in file:
        return file
    return f"'{file}'" if "'" not in file else f'"{file}"'


def _variable(name: str) -> str:
    return f"CODEACT_{name.upper()}"
