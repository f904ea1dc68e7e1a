"""The line magic `%codeact` and the slash commands of a chat: running, listing and completing subcommands."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from IPython.core.error import UsageError as IPythonUsageError

from ..errors import UsageError
from ..frontends.advice import Advice, FrontEnd
from ..frontends.captions import columns
from ..hints import ListOptions, RunCommand, ShowHelp, WritePrompt
from ..options import Options, split
from ..runner import Runner
from ..text import one_line
from . import insert, listing, models, reopening, status, turns
from .registry import Subcommand, declared

# The modules that declare subcommands, in the order in which these are listed.
_ORDER = [module.__name__ for module in (status, turns, listing, reopening, insert, models)]


def subcommands(front_end: FrontEnd) -> dict[str, Subcommand]:
    """Return the subcommands that a front end has, by name, in the order in which they are listed."""
    ordered = sorted(declared(), key=lambda command: _ORDER.index(command.function.__module__))
    return {command.name: command for command in ordered if front_end in command.front_ends}


def run(runner: Runner, options: Options, line: str) -> None:
    """Carry out `%codeact line`. Raises CodeActError."""
    advice = runner.host.advice
    name, *words = _words(line) or ["status"]
    if name in ("help", "-h", "--help"):
        print(overview(advice))
        return
    command = subcommands(advice.front_end).get(name)
    if command is None:
        raise _unknown(name, advice)
    parser = command.parser(advice)
    if {"-h", "--help"} & set(words):
        print(parser.format_help().strip())
        return
    try:
        arguments = parser.parse_args(words)
    except IPythonUsageError as error:
        raise UsageError(f"{parser.prog}: {one_line(error)}", ShowHelp(name)) from None
    command.function(runner, runner.allowed(options), arguments)


def overview(advice: Advice, others: Sequence[tuple[str, str]] = ()) -> str:
    """Return the list of the subcommands that a front end has, and of its `others` with their descriptions."""
    commands = subcommands(advice.front_end).values()
    rows = [(advice.command(command.name, command.usage), command.summary) for command in commands]
    more = advice.sentence([ListOptions()])
    return "\n".join([*columns([*rows, *others]), "", f"--help after a command shows its arguments. {more}"])


def completions(line: str) -> list[str]:
    """Return the words that may stand at the end of `line`, which begins with `%codeact`."""
    known = subcommands("notebook")
    _, *words = line.split(" ")
    word = words.pop() if words else ""
    if not words:
        candidates = [*known, "help"]
    else:
        candidates = known[words[0]].flags if words[0] in known else []
    return [candidate for candidate in candidates if candidate.startswith(word)]


def table() -> str:
    """Return the subcommands as a Markdown table, for the README."""
    rows = [_row(command) for command in subcommands("notebook").values()]
    return "\n".join(["| command | what it does | in a terminal |", "|---|---|---|", *rows])


def _row(command: Subcommand) -> str:
    others = {"chat": f"`/{command.name}`", "shell": f"`codeact {command.name}`"}
    also = ", ".join(text for front_end, text in others.items() if front_end in command.front_ends)
    name = f"%codeact {command.name} {command.usage}".rstrip()
    return f"| `{name}` | {' '.join(command.description.split())} | {also} |"


def _words(line: str) -> list[str]:
    try:
        return split(line)
    except ValueError:  # an apostrophe: this is a prompt rather than a subcommand
        return line.split()


def _unknown(name: str, advice: Advice) -> UsageError:
    """Return the error about a name that is not a subcommand."""
    known = subcommands(advice.front_end)
    fact = f"{advice.command('').rstrip()} has no command {one_line(name, 40)!r}."
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    if near:
        return UsageError(fact, RunCommand(near[0], to="use the nearest"), WritePrompt())
    return UsageError(f"{fact} It has {', '.join(known)}.", WritePrompt())
