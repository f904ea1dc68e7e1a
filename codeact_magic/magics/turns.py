"""The subcommands for the threads of this kernel: their turns and tokens, forgetting and saving them."""

from __future__ import annotations

from collections.abc import Sequence

from ..frontends.captions import columns, counted
from ..options import Options
from ..runner import Runner
from ..session import Turn, Usage
from ..sessions.threads import near
from ..text import one_line
from .arguments import THREAD
from .printing import dim, width
from .registry import NOTEBOOK_ONLY, Argument, Arguments, subcommand


@subcommand(THREAD)
def history(runner: Runner, options: Options, arguments: Arguments) -> None:
    """List the turns of a thread: prompt, outcome and answer."""
    widest = min(width(), 120)
    for number, turn in enumerate(runner.threads.named(arguments.thread or options.thread).session.turns, 1):
        print(f"{number:3}  {one_line(turn.prompt, widest - 8)}")
        if result := one_line(turn.answer or turn.note, widest - 12):
            print(f"     → {result}")
        print(dim(f"     {turn.outcome} · {counted(len(turn.steps), 'step')} · {turn.seconds:.1f} s"))


@subcommand()
def usage(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Show the tokens of each turn of each thread, and their sum."""
    turns = [
        (one_line(name, 30), str(number), turn)
        for name, thread in runner.threads.items()
        for number, turn in enumerate(thread.session.turns, 1)
    ]
    if not turns:
        print("No tokens were used yet.")
        return
    rows = [_usage_row(name, number, [turn]) for name, number, turn in turns]
    if len(rows) > 1:
        rows.append(_usage_row("all", "", [turn for _, _, turn in turns]))
    head = ("thread", "turn", "steps", "tokens in", "cached", "out", "seconds")
    print("\n".join(columns([head, *rows], right=range(1, 7))))


@subcommand(THREAD, front_ends=NOTEBOOK_ONLY)
def reset(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Begin a thread afresh; its session file and your variables stay."""
    name = arguments.thread or options.thread
    runner.threads.named(name)
    runner.threads.forget(name)
    print(f"Thread {one_line(name, 40)} begins afresh.")


@subcommand(THREAD, Argument("file", nargs="?", help="the file to save it in; defaults to the session's own file"))
def save(runner: Runner, options: Options, arguments: Arguments) -> None:
    """Save the session now, in its own file or in FILE."""
    path = runner.threads.save(arguments.thread or options.thread, arguments.file)
    print(f"Saved in {one_line(near(path))}")


def _usage_row(thread: str, number: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    total = sum((turn.usage for turn in turns), Usage())
    counts = (sum(len(turn.steps) for turn in turns), total.prompt, total.cached, total.completion)
    return (thread, number, *(f"{count:,}" for count in counts), f"{sum(turn.seconds for turn in turns):.1f}")
