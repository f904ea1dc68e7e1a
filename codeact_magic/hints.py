"""The remedies for an error, as values. Each front end words them in its own commands.

`frontends/advice.py` holds the wording. A remedy that is the same everywhere ("pip install ...", "choose another
file") needs no hint: it is part of the message. The purpose of a hint (`to`) begins a sentence: "raise the limit".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetOption:
    """Set the option `name`. If `value` is None, the user chooses one."""

    name: str
    value: str | int | float | None = None
    to: str = "set it"


@dataclass(frozen=True, slots=True)
class SetVariable:
    """Set the environment variable `name`."""

    name: str
    to: str


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run the subcommand `name` with `arguments`."""

    name: str
    arguments: str = ""
    to: str = "use"


@dataclass(frozen=True, slots=True)
class ShowHelp:
    """Ask for the help of the subcommand `name`. If it is empty, list the subcommands."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Ask for the list of options."""


@dataclass(frozen=True, slots=True)
class WritePrompt:
    """Write a prompt."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """Go on with the thread in another prompt, which may have to say something: `saying` ("what to do instead")."""

    saying: str = ""


@dataclass(frozen=True, slots=True)
class StartAfresh:
    """Begin the thread afresh."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the same prompt again later."""


@dataclass(frozen=True, slots=True)
class AskElsewhere:
    """Use a front end that has input, so that the user can be asked."""


@dataclass(frozen=True, slots=True)
class RestartKernel:
    """Restart the kernel, and go on with the session (its path; empty if it is not saved)."""

    session: str = ""


@dataclass(frozen=True, slots=True)
class ChangeFolder:
    """Change the working directory."""


Hint = (
    SetOption
    | SetVariable
    | RunCommand
    | ShowHelp
    | ListOptions
    | WritePrompt
    | GoOn
    | StartAfresh
    | Retry
    | AskElsewhere
    | RestartKernel
    | ChangeFolder
)
