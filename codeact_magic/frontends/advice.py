"""The wording of hints, in the commands of each front end: one class each.

A new kind of hint needs a case in each of them (mypy tells which is missing). `tests/test_advice.py` checks that every
command and option that is named exists in the front end that names it.
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
    """How a front end names its commands and options, and what it advises.

    front_end: which one this is.
    afresh: what begins a thread afresh; empty if nothing does.
    keep: how an option is set for good.
    help: what lists the commands.
    more: where to read more about commands and options.
    """

    front_end: FrontEnd
    afresh: str
    keep: str
    help: str
    more: str

    def line(self, fact: str, hints: Iterable[Hint]) -> str:
        """Return `fact` and what can be done about it."""
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

    @abstractmethod
    def clause(self, hint: Hint) -> str:
        """Return one remedy as an imperative; empty if it does not apply in this front end."""

    @abstractmethod
    def command(self, name: str, arguments: str = "") -> str:
        """Return what runs a subcommand, as it is typed."""

    @abstractmethod
    def setting(self, name: str) -> str:
        """Return the name of an option, as it is set outside of the line."""

    @abstractmethod
    def ways(self, name: str, value: Value = None) -> list[str]:
        """Return the ways to set an option."""

    def _set_option(self, hint: SetOption) -> str:
        return f"{hint.to}: {' or '.join(self.ways(hint.name, hint.value))}"

    def _show_help(self, name: str) -> str:
        return f"see what it takes: {self.command(name)} --help" if name else f"list the commands: {self.help}"


class NotebookAdvice(Advice):
    """For the magics: in notebooks and in terminal IPython."""

    front_end = "notebook"
    afresh = "--new"
    keep = "%config CodeAct.NAME = VALUE"
    help = "%codeact help"
    more = "%config CodeAct, %codeact help, %%codeact?"

    def clause(self, hint: Hint) -> str:
        """Return one remedy as an imperative."""
        match hint:
            case SetOption():
                return self._set_option(hint)
            case SetVariable(name, to):
                return f"{to}: set {name}"
            case RunCommand(name, arguments, to):
                return f"{to}: {self.command(name, arguments)}"
            case ShowHelp(name):
                return self._show_help(name)
            case ListOptions():
                return "list the options: %%codeact?"
            case WritePrompt():
                return "write a prompt below a line that says %%codeact"
            case GoOn(saying):
                return f"say {saying} in another %%codeact cell" if saying else "go on with another %%codeact cell"
            case StartAfresh():
                return "start afresh with --new"
            case Retry():
                return "run the cell again later; the thread can go on"
            case AskElsewhere():
                return "use a front end that has input"
            case ChangeFolder():
                return "go to another one: %cd FOLDER"
            case _:
                assert_never(hint)

    def command(self, name: str, arguments: str = "") -> str:
        """Return what runs a subcommand, as it is typed."""
        return f"%codeact {name} {arguments}".rstrip()

    def setting(self, name: str) -> str:
        """Return the name of an option, as it is set outside of the line."""
        return f"CodeAct.{name}"

    def ways(self, name: str, value: Value = None) -> list[str]:
        """Return the ways to set an option: on the line of a cell, and for good."""
        text = placeholder(name) if value is None else str(value)
        config = f"%config CodeAct.{name} = {repr(text) if is_text(name) else text}"
        return [f"{flag(name)} {text}", config] if flag(name) else [config]


class ChatAdvice(Advice):
    """For `codeact chat`: commands begin with a slash, options are set when the chat begins."""

    front_end = "chat"
    afresh = "/new"
    keep = "CODEACT_NAME=VALUE"
    help = "/help"
    more = "/help, codeact chat --help"

    def clause(self, hint: Hint) -> str:
        """Return one remedy as an imperative."""
        match hint:
            case SetOption():
                return self._set_option(hint)
            case SetVariable(name, to):
                return f"{to}: set {name}"
            case RunCommand(name, arguments, to):
                return f"{to}: {self.command(name, arguments)}"
            case ShowHelp(name):
                return self._show_help(name)
            case ListOptions():
                return "list the options: codeact chat --help"
            case WritePrompt():
                return "type a prompt"
            case GoOn(saying):
                return f"say {saying} in another prompt" if saying else "go on with another prompt"
            case StartAfresh():
                return "start afresh with /new"
            case Retry():
                return "try again later; the thread can go on"
            case AskElsewhere():
                return "use a terminal"
            case ChangeFolder():
                return "leave, and begin in another one"
            case _:
                assert_never(hint)

    def command(self, name: str, arguments: str = "") -> str:
        """Return what runs a subcommand, as it is typed."""
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
    more = "codeact --help"

    def __init__(self, flags: Mapping[str, str] = {}) -> None:
        self._flags = flags

    def clause(self, hint: Hint) -> str:
        """Return one remedy as an imperative; empty if it does not apply in a shell."""
        match hint:
            case SetOption():
                return self._set_option(hint)
            case SetVariable(name, to):
                return f"{to}: set {name}"
            case RunCommand(name, arguments, to):
                return "" if name in OF_A_THREAD else f"{to}: {self.command(name, arguments)}"
            case ShowHelp(name):
                return self._show_help(name)
            case ListOptions():
                return "list the options: codeact run --help"
            case WritePrompt():
                return "send a prompt: codeact run PROMPT"
            case GoOn(saying):
                return f"say {saying} in {GO_ON}" if saying else f"go on with {GO_ON}"
            case StartAfresh():
                return ""  # each command does
            case Retry():
                return "try again later"
            case AskElsewhere():
                return "run it in a terminal"
            case ChangeFolder():
                return "go to another one: cd FOLDER"
            case _:
                assert_never(hint)

    def command(self, name: str, arguments: str = "") -> str:
        """Return what runs a subcommand, as it is typed: here, or in a chat."""
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
GO_ON = "codeact chat --session FILE"
NOTEBOOK = NotebookAdvice()
CHAT = ChatAdvice()


def _variable(name: str) -> str:
    return f"CODEACT_{name.upper()}"
