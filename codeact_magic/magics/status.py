"""The subcommand that shows the settings and the state of a thread."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ..errors import UsageError
from ..frontends.advice import Advice
from ..frontends.captions import counted, tokens
from ..hints import RunCommand
from ..model import public_url
from ..model.endpoints import address
from ..options import Options, flag, placeholder
from ..runner import Runner
from ..session import Turn, Usage
from ..sessions.threads import near
from ..text import one_line
from .printing import dim
from .registry import Argument, Arguments, subcommand


@subcommand()
def status(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Show endpoint, model, thread, tokens and session, and how to change each."""
    thread = runner.threads.get(options.thread)
    turns = thread.session.turns if thread else ()
    others = [name for name in runner.threads if name != options.thread]
    advice = runner.host.advice
    also = f" (also {', '.join(others)})" if others else ""
    rows = [
        ("endpoint", _endpoint(options), [_change(advice, "base_url"), "OPENAI_BASE_URL"]),
        ("model", options.model or "the only one that the endpoint offers", [_change(advice, "model")]),
        ("key", _key(options), [_change(advice, "api_key_env")]),
        ("approval", f"{options.approve} ({_APPROVAL[options.approve]})", [_change(advice, "approve")]),
        ("thread", f"{options.thread}{also}", [_change(advice, "thread"), advice.afresh]),
        ("steps", f"{_steps(turns)}, up to {options.max_steps} a turn", [_change(advice, "max_steps")]),
        ("tokens", _tokens(thread.session.usage) if thread else "none yet", [_change(advice, "max_tokens_per_turn")]),
        ("session", _session_file(runner, options), [_change(advice, "save_folder"), advice.command("save", "FILE")]),
    ]
    _print_rows([(name, one_line(value, 200), ", ".join(filter(None, changes))) for name, value, changes in rows])
    for line in _set_by(runner, options):
        print(line)
    print(f"\nTo keep a change: {advice.keep}. More: {advice.more}")


@subcommand(Argument("--show", metavar="N", type=int, help="show number N from now on: its mask is lifted"))
def secrets(runner: Runner, options: Options, arguments: Arguments) -> None:
    """List the secrets that were masked in this kernel, by name, never by value.

    What only looks like a secret can be shown: --show N lifts its mask until the kernel ends.
    """
    if arguments.show is not None:
        try:
            print(f"{runner.lift(arguments.show - 1)} is shown from now on.")
        except IndexError:
            fact = f"No secret has the number {arguments.show}"
            raise UsageError(fact, RunCommand("secrets", to="list them")) from None
        return
    listed = runner.known_secrets.listed()
    for number, (name, is_lifted) in enumerate(listed, 1):
        print(f"{number:3}  {one_line(name, 60)}{', shown' if is_lifted else ''}")
    if not listed:
        print("No secret was masked so far.")


def _set_by(runner: Runner, options: Options) -> Iterator[str]:
    """Yield who has set what, as far as that is not the default."""
    if limits := runner.policy.lines():
        yield f"\nLimited by your administrator ({one_line(runner.policy.source, 120)}): {'; '.join(limits)}"
    variables = [name for name in options.by_name() if f"CODEACT_{name.upper()}" in os.environ]
    if variables:
        yield f"\nSet in the environment, unless changed since: {', '.join(variables)}"


_APPROVAL = {"ask": "before every step", "risky": "before risky steps", "auto": "never asks"}
_WIDEST = 48  # characters of a value that has the ways to change it on its own line


def _change(advice: Advice, name: str) -> str:
    """Return how to change an option: with its flag, or by its name."""
    return f"{flag(name)} {placeholder(name)}" if flag(name) else advice.setting(name)


def _endpoint(options: Options) -> str:
    url = address(options)
    return public_url(url) if url else "none; the local model if it has been fetched"


def _key(options: Options) -> str:
    return f"{options.api_key_env} is {'set' if os.environ.get(options.api_key_env) else 'not set'}"


def _steps(turns: Sequence[Turn]) -> str:
    steps = sum(len(turn.steps) for turn in turns)
    return f"{steps} in {counted(len(turns), 'turn')}" if turns else "none yet"


def _tokens(usage: Usage) -> str:
    return tokens(usage).replace(" tokens", "", 1)


def _session_file(runner: Runner, options: Options) -> str:
    thread = runner.threads.get(options.thread)
    if thread and thread.path:
        return f"{near(thread.path)}{', not saved at the moment' if thread.failure else ''}"
    return f"in {options.save_folder}/ from the first prompt on" if options.save_folder else "not saved"


def _print_rows(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print a name, a value and the ways to change it a row. The ways go below a value that is too long."""
    names = max(len(name) for name, _, _ in rows)
    values = max(len(value) for _, value, _ in rows if len(value) <= _WIDEST)
    for name, value, changes in rows:
        if len(value) <= _WIDEST:
            print(f"{name:{names}}  {value:{values}}  {dim(changes)}")
        else:
            print(f"{name:{names}}  {value}\n{'':{names + values + 2}}  {dim(changes)}")
