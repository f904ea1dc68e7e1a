"""The subcommands of the line magic `%codeact`: one function each, whose docstring is its help."""

from __future__ import annotations

import argparse
import difflib
import inspect
import os
import shutil
import sys
from collections.abc import Callable, Sequence

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic_arguments import MagicArgumentParser

from ..errors import UsageError
from ..frontends.captions import columns, counted, tokens
from ..model import public_url
from ..model.endpoints import address
from ..options import MODES, Options, split
from ..runner import Runner
from ..session import Turn, Usage
from ..sessions.threads import near
from ..text import one_line
from . import saved

Arguments = argparse.Namespace


def run(runner: Runner, options: Options, line: str) -> None:
    """Carry out `%codeact line`. Raises CodeActError."""
    name, *words = _words(line) or ["status"]
    if name in ("help", "-h", "--help"):
        print(overview())
        return
    if name not in _COMMANDS:
        raise UsageError(_unknown(name))
    parser = _parser(name)
    if {"-h", "--help"} & set(words):
        print(parser.format_help().strip())
        return
    try:
        arguments = parser.parse_args(words)
    except IPythonUsageError as error:
        raise UsageError(f"%codeact {name}: {one_line(error)}. %codeact {name} --help shows what it takes") from None
    _COMMANDS[name](runner, options, arguments)


def overview() -> str:
    """Return the list of subcommands."""
    rows = [(f"%codeact {name}", _first_line(command)) for name, command in _COMMANDS.items()]
    return "\n".join([*columns(rows), "", "--help after a command tells more. %%codeact? lists the options of a cell."])


# -- the subcommands ---------------------------------------------------------------------------------------------------


def status(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Show endpoint, model, thread, tokens and session, and how to change each."""
    conversation = runner.threads.get(options.thread)
    turns = conversation.session.turns if conversation else ()
    others = [name for name in runner.threads if name != options.thread]
    rows = [
        ("endpoint", _endpoint(options), "--base-url URL, OPENAI_BASE_URL"),
        ("model", options.model or "the only one that the endpoint offers", "--model NAME"),
        ("key", _key(options), "--api-key-env NAME"),
        ("approval", f"{options.approve} ({_APPROVAL[options.approve]})", "--approve ask|risky|auto"),
        ("thread", options.thread + (f" (also {', '.join(others)})" if others else ""), "--thread NAME, --new"),
        ("steps", f"{_steps(turns)}, up to {options.max_steps} a turn", "--max-steps N"),
        ("tokens", _tokens(conversation.session.usage) if conversation else "none yet", "CodeAct.max_tokens_per_turn"),
        ("session", _place(runner, options), "CodeAct.save_folder, %codeact save FILE"),
    ]
    _print_status([(name, one_line(value, 200), hint) for name, value, hint in rows])
    print("\nTo keep a change: %config CodeAct.NAME = VALUE. More: %config CodeAct, %codeact help, %%codeact?")


def history(runner: Runner, options: Options, arguments: Arguments) -> None:
    """List the turns of a thread: each prompt, how it went, and the answer."""
    width = min(_width(), 120)
    for number, turn in enumerate(runner.threads.named(arguments.thread or options.thread).session.turns, 1):
        went = f"{turn.outcome} · {counted(len(turn.steps), 'step')} · {turn.seconds:.1f} s"
        print(f"{number:3}  {one_line(turn.prompt, width - 8)}")
        if said := one_line(turn.answer or turn.note, width - 12):
            print(f"     → {said}")
        print(_dim(f"     {went}"))


def usage(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Show the tokens of each turn of each thread, and their sum."""
    turns = [
        (one_line(name, 30), str(number), turn)
        for name, conversation in runner.threads.items()
        for number, turn in enumerate(conversation.session.turns, 1)
    ]
    rows = [_usage_row(thread, number, [turn]) for thread, number, turn in turns]
    if len(rows) > 1:
        rows.append(_usage_row("all", "", [turn for _, _, turn in turns]))
    if not rows:
        print("No tokens were used yet.")
        return
    head = ("thread", "turn", "steps", "tokens in", "cached", "out", "seconds")
    print("\n".join(columns([head, *rows], right=range(1, 7))))


def models(runner: Runner, options: Options, arguments: Arguments) -> None:
    """List the models that the endpoint offers."""
    if arguments.base_url:
        options = Options(**(options.values() | {"base_url": arguments.base_url}))
    for name in runner.endpoints.offered(options):
        print(one_line(name))


def reset(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Forget a thread's conversation; its session file and your variables stay."""
    thread = arguments.thread or options.thread
    runner.threads.named(thread)
    runner.threads.forget(thread)
    print(f"Thread {one_line(thread, 40)} begins afresh.")


def save(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Save the session now; with a file name, there."""
    path = runner.threads.save(arguments.thread or options.thread, arguments.file)
    print(f"Saved in {one_line(near(path))}")


def local(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Fetch the small local model and serve it; `status` and `stop` see to its server."""
    from .. import local as local_model

    if arguments.action == "status":
        print(local_model.status())
    elif arguments.action == "stop":
        print(
            "The local model's server has ended." if local_model.stop() else "The local model's server is not running."
        )
    else:
        server = runner.endpoints.start_local(options, arguments.path)
        print(f"The local model {server.model} answers at {server.base_url}; it is used where no endpoint is set.")


_COMMANDS: dict[str, Callable[[Runner, Options, Arguments], None]] = {
    "status": status,
    "history": history,
    "usage": usage,
    "models": models,
    "reset": reset,
    "save": save,
    "sessions": saved.listing,
    "load": saved.load,
    "replay": saved.replay,
    "verify": saved.verify,
    "insert": saved.insert,
    "local": local,
}


def _parser(name: str) -> argparse.ArgumentParser:
    parser = MagicArgumentParser(
        prog=f"%codeact {name}",
        description=inspect.getdoc(_COMMANDS[name]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this")
    if name in ("history", "reset", "save", "load", "replay", "verify", "insert"):
        parser.add_argument("--thread", "-t", help="the conversation's name; the current one where it is left out")
    if name == "save":
        parser.add_argument("file", nargs="?", help="where to; the session's own file where it is left out")
    if name in ("load", "replay", "verify", "insert"):
        _add_file(parser, optional=name != "load")
    if name == "sessions":
        parser.add_argument("--all", action="store_true", help="list them all, not only the last 20")
    if name == "replay":
        parser.add_argument("--until", type=int, metavar="N", help="the last action to run, counted from 1")
        parser.add_argument("--no-cells", action="store_true", help="leave your own cells out")
    if name in ("replay", "verify", "insert"):
        parser.add_argument("--approve", "-a", choices=MODES, help="when you are asked before code runs")
    if name == "verify":
        parser.add_argument("--tolerance", type=float, default=1e-6, metavar="NUMBER", help=_TOLERANCE)
    if name == "insert":
        parser.add_argument("--clean", action="store_true", help="only what the end result depends on")
        parser.add_argument("--cells", action="store_true", help="your own cells, too")
    if name == "models":
        parser.add_argument("--base-url", "-u", help="the endpoint's address")
    if name == "local":
        actions = ("status", "stop")
        parser.add_argument("action", nargs="?", choices=actions, help="fetch and serve where it is left out")
        parser.add_argument("--path", help="a model file (.gguf) that you have already")
    return parser


_TOLERANCE = "the relative difference that numbers may have (1e-6)"


def _add_file(parser: argparse.ArgumentParser, optional: bool) -> None:
    """Have `parser` take the name of a saved session."""
    text = "a saved session: its path, its name in the save_folder or a part of it, or `last`"
    if optional:
        parser.add_argument("file", nargs="?", help=f"{text}; the current thread's where it is left out")
    else:
        parser.add_argument("file", help=text)


def _words(line: str) -> list[str]:
    try:
        return split(line)
    except ValueError:  # an apostrophe: this is no command
        return line.split()


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, _COMMANDS, n=1, cutoff=0.7)
    known = f"Did you mean %codeact {near[0]}?" if near else f"It has {', '.join(_COMMANDS)}."
    return f"%codeact has no command {one_line(name, 40)!r}. {known} A prompt goes below a line that says %%codeact"


# -- what status shows -------------------------------------------------------------------------------------------------

_APPROVAL = {"ask": "before every step", "risky": "before risky steps", "auto": "never asks"}
_WIDEST = 48  # characters of a value that has its hint beside it


def _endpoint(options: Options) -> str:
    url = address(options)
    return public_url(url) if url else "none; the local model where it has been fetched"


def _key(options: Options) -> str:
    return f"{options.api_key_env} is {'set' if os.environ.get(options.api_key_env) else 'not set'}"


def _steps(turns: Sequence[Turn]) -> str:
    steps = sum(len(turn.steps) for turn in turns)
    return f"{steps} in {counted(len(turns), 'turn')}" if turns else "none yet"


def _tokens(usage: Usage) -> str:
    return tokens(usage).replace(" tokens", "", 1)


def _place(runner: Runner, options: Options) -> str:
    conversation = runner.threads.get(options.thread)
    if conversation and conversation.path:
        return near(conversation.path)
    return f"in {options.save_folder}/ from the first prompt on" if options.save_folder else "not saved"


def _print_status(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print each row, its hint in a column of its own, or below a value that is too long."""
    names = max(len(name) for name, _, _ in rows)
    values = max(len(value) for _, value, _ in rows if len(value) <= _WIDEST)
    for name, value, hint in rows:
        if len(value) <= _WIDEST:
            print(f"{name:{names}}  {value:{values}}  {_dim(hint)}")
        else:
            print(f"{name:{names}}  {value}\n{'':{names + values + 2}}  {_dim(hint)}")


# -- tables ------------------------------------------------------------------------------------------------------------


def _usage_row(thread: str, number: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    total = sum((turn.usage for turn in turns), Usage())
    counts = (sum(len(turn.steps) for turn in turns), total.prompt, total.cached, total.completion)
    return (thread, number, *(f"{count:,}" for count in counts), f"{sum(turn.seconds for turn in turns):.1f}")


def _first_line(function: Callable[..., None]) -> str:
    return (inspect.getdoc(function) or "").splitlines()[0]


def _dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def _width() -> int:
    return shutil.get_terminal_size((100, 24)).columns
