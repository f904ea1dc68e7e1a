"""The registry of subcommands: one declaration each, from which the parser, the help and the completions come.

A function becomes a subcommand with the decorator:

    @subcommand(Argument("--all", action="store_true", help="list them all"))
    def sessions(runner, options, arguments):
        '''List the saved sessions.'''

Its docstring is its help, and the first line of that stands in the list of subcommands. `commands.py` imports the
modules that declare subcommands.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from IPython.core.magic_arguments import MagicArgumentParser

from ..frontends.advice import Advice, FrontEnd
from ..options import Options
from ..runner import Runner

Arguments = argparse.Namespace
Function = Callable[[Runner, Options, Arguments], None]

EVERYWHERE: tuple[FrontEnd, ...] = ("notebook", "chat", "shell")
CONVERSING: tuple[FrontEnd, ...] = ("notebook", "chat")
NOTEBOOK_ONLY: tuple[FrontEnd, ...] = ("notebook",)


class Argument:
    """An argument of a subcommand, as `argparse` takes it."""

    def __init__(self, *flags: str, **settings: Any) -> None:
        self.flags = flags
        self.settings: Mapping[str, Any] = settings

    @property
    def usage(self) -> str:
        """Its name in the list of subcommands: "FILE", "[FILE]"; empty for an option or a choice."""
        name = self.flags[0]
        if name.startswith("-") or "choices" in self.settings:
            return ""
        return f"[{name.upper()}]" if self.settings.get("nargs") == "?" else name.upper()


@dataclass(frozen=True)
class Subcommand:
    """A subcommand of `%codeact`; `front_ends` are those that have it."""

    name: str
    function: Function
    arguments: Sequence[Argument]
    front_ends: Sequence[FrontEnd]

    @property
    def description(self) -> str:
        """The help text, in full."""
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The first line of the help text."""
        return self.description.splitlines()[0]

    @property
    def usage(self) -> str:
        """Its positional arguments, as the list of subcommands shows them."""
        return " ".join(filter(None, (argument.usage for argument in self.arguments)))

    @property
    def flags(self) -> list[str]:
        """The flags that it takes."""
        return [flag for argument in self.arguments for flag in argument.flags if flag.startswith("--")]

    def parser(self, advice: Advice) -> argparse.ArgumentParser:
        """Return the parser of its arguments, which names it as `advice` does."""
        parser: argparse.ArgumentParser = MagicArgumentParser(
            prog=advice.command(self.name),
            description=self.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("-h", "--help", action="store_true", help="show this help")
        for argument in self.arguments:
            parser.add_argument(*argument.flags, **argument.settings)
        return parser


_SUBCOMMANDS: dict[str, Subcommand] = {}


def subcommand(*arguments: Argument, front_ends: Sequence[FrontEnd] = CONVERSING) -> Callable[[Function], Function]:
    """Return a decorator that declares a function to be a subcommand of its name with these arguments."""

    def declare(function: Function) -> Function:
        name = function.__name__
        _SUBCOMMANDS[name] = Subcommand(name, function, arguments, front_ends)
        return function

    return declare


def declared() -> list[Subcommand]:
    """Return the subcommands, in the order of their declarations."""
    return list(_SUBCOMMANDS.values())
