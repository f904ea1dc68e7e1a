"""The subcommands of the line magic `%codeact`: one function each, whose docstring is its help."""

from __future__ import annotations

import argparse
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic_arguments import MagicArgumentParser
from IPython.utils.process import arg_split

from .display import tokens
from .errors import UsageError
from .text import one_line

if TYPE_CHECKING:
    from .magic import CodeAct

Options = argparse.Namespace


def run(magic: CodeAct, line: str) -> None:
    """Carry out `%codeact line`."""
    name, *arguments = arg_split(line, posix=True) or ["status"]
    if name in ("help", "-h", "--help"):
        print(overview())
        return
    if name not in _COMMANDS:
        raise UsageError(
            f"%codeact has no {one_line(name, 40)!r}; it has {', '.join(_COMMANDS)}. A prompt goes into a cell that "
            "begins with %%codeact"
        )
    command, parser = _COMMANDS[name], _parser(name)
    if {"-h", "--help"} & set(arguments):
        print(parser.format_help().rstrip())
        return
    try:
        options = parser.parse_args(arguments)
    except IPythonUsageError as error:
        raise UsageError(f"%codeact {name}: {one_line(error)}. %codeact {name} --help shows what it takes") from None
    command(magic, options)


def overview() -> str:
    """Return the list of subcommands."""
    width = max(map(len, _COMMANDS))
    lines = [
        f"  {name:{width}}  {(inspect.getdoc(command) or '').splitlines()[0]}" for name, command in _COMMANDS.items()
    ]
    return "\n".join(["%codeact COMMAND (--help after a command tells more):", *lines])


def status(magic: CodeAct, options: Options) -> None:
    """Show endpoint, model, thread, usage and where the session is saved, and how to change each."""
    conversation = magic.conversations.get(magic.thread)
    turns = conversation.session.turns if conversation else ()
    steps = sum(len(turn.steps) for turn in turns)
    usage = tokens(conversation.session.usage) if conversation else "none yet"
    path = conversation.path if conversation else None
    saved = (
        str(path) if path else (f"in {magic.save_folder}, from the first prompt on" if magic.save_folder else "nowhere")
    )
    key = "set" if os.environ.get(magic.api_key_env) else "not set"
    _table(
        [
            ("endpoint", magic.endpoint_line(), "--base-url URL, %config CodeAct.base_url = ..., OPENAI_BASE_URL"),
            ("model", magic.model or "the only one there is", "--model NAME, %config CodeAct.model = ..."),
            ("key", f"{magic.api_key_env} ({key})", "%config CodeAct.api_key_env = ..."),
            ("approval", magic.approve, "--approve ask|risky|auto, %config CodeAct.approve = ..."),
            ("thread", f"{magic.thread} of {', '.join(magic.conversations) or 'none yet'}", "--thread NAME, --new"),
            ("steps", f"{steps} in {len(turns)} turns, at most {magic.max_steps} a turn", "--max-steps N"),
            ("tokens", usage, "%config CodeAct.max_tokens_per_turn = ..."),
            ("session", saved, "%config CodeAct.save_folder = ..., %codeact save FILE"),
        ]
    )
    print("All options: %config CodeAct   All commands: %codeact help")


def history(magic: CodeAct, options: Options) -> None:
    """List the turns of a thread: prompt, steps, outcome."""
    turns = _conversation(magic, options.thread).session.turns
    rows = [
        (str(number), one_line(turn.prompt, 60), f"{len(turn.steps)} steps", turn.outcome, one_line(turn.answer, 60))
        for number, turn in enumerate(turns, 1)
    ]
    _table(rows)


def usage(magic: CodeAct, options: Options) -> None:
    """Show the tokens of each turn of each thread, and their sum."""
    rows = []
    for name, conversation in magic.conversations.items():
        for number, turn in enumerate(conversation.session.turns, 1):
            rows.append((name, str(number), f"{len(turn.steps)} steps", tokens(turn.usage), f"{turn.seconds:.1f} s"))
        rows.append((name, "all", "", tokens(conversation.session.usage), ""))
    _table(rows or [("No tokens were used yet.",)])


def models(magic: CodeAct, options: Options) -> None:
    """List the models that the endpoint offers."""
    for name in magic.offered(options.base_url):
        print(name)


def reset(magic: CodeAct, options: Options) -> None:
    """Forget a thread's conversation; its session file and your variables stay."""
    thread = options.thread or magic.thread
    conversation = magic.conversations.pop(thread, None)
    if conversation and conversation.saver:
        conversation.saver.close()
    print(f"Thread {thread} begins afresh." if conversation else f"There is no thread {thread}.")


def save(magic: CodeAct, options: Options) -> None:
    """Save the session now; with a file name, there."""
    conversation = _conversation(magic, options.thread)
    from .notebook import Saver

    path = Path(options.file).expanduser().absolute() if options.file else conversation.path
    if path is None:
        raise UsageError("Sessions are not saved here: name a file, %codeact save FILE.ipynb")
    saver = conversation.saver if path == conversation.path else Saver(path, secrets=magic.secrets, on_failure=print)
    saver.save(conversation.session)
    if saver.flush(60.0):
        print(f"Saved in {path}")
    if saver is not conversation.saver:
        saver.close()


def local(magic: CodeAct, options: Options) -> None:
    """Fetch the small local model and serve it; `status` tells how it stands, `stop` ends the server."""
    from . import local as room

    if options.action == "status":
        print(room.status())
    elif options.action == "stop":
        print("The local model's server has ended." if room.stop() else "The local model's server is not running.")
    else:
        room.fetch_with_bar(magic.local_model, path=options.path)
        server = magic.start_local(options.path)
        print(f"The local model {server.model} answers at {server.base_url}; it is used where no endpoint is set.")


def _conversation(magic: CodeAct, thread: str | None) -> Any:
    name = thread or magic.thread
    if name not in magic.conversations:
        raise UsageError(f"Thread {one_line(name, 40)} has no conversation yet.")
    return magic.conversations[name]


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [
        max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(max(map(len, rows), default=0))
    ]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip())


_COMMANDS: dict[str, Callable[[Any, Options], None]] = {
    "status": status,
    "history": history,
    "usage": usage,
    "models": models,
    "reset": reset,
    "save": save,
    "local": local,
}


def _parser(name: str) -> argparse.ArgumentParser:
    parser = MagicArgumentParser(prog=f"%codeact {name}", description=inspect.getdoc(_COMMANDS[name]))
    parser.add_argument("-h", "--help", action="store_true", help="show this")
    if name in ("history", "reset", "save"):
        parser.add_argument("--thread", "-t", help="the conversation's name; the current one where it is left out")
    if name == "save":
        parser.add_argument("file", nargs="?", help="where to; the session's own file where it is left out")
    if name == "models":
        parser.add_argument("--base-url", "-u", help="the endpoint's address")
    if name == "local":
        parser.add_argument(
            "action", nargs="?", choices=["status", "stop"], help="fetch and serve where it is left out"
        )
        parser.add_argument("--path", help="a model file (.gguf) that you have already")
    return parser
