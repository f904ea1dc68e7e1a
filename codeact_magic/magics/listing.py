"""The subcommand that lists the saved sessions."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from ..errors import UsageError
from ..frontends.captions import columns
from ..hints import RunCommand, SetOption
from ..options import Options
from ..runner import Runner
from ..session import Session, Turn
from ..sessions.saving import disk
from ..sessions.threads import Saved, near, saved
from ..text import one_line
from .registry import EVERYWHERE, Argument, Arguments, subcommand

MOST_LISTED = 20
PATIENCE = 1.0  # seconds after which the user is shown the progress


@subcommand(
    Argument("--all", action="store_true", help=f"list them all, not only the newest {MOST_LISTED}"),
    front_ends=EVERYWHERE,
)
def sessions(runner: Runner, options: Options, arguments: Arguments) -> None:
    """List the saved sessions, the newest first."""
    folder = _folder(options)
    found = _read(runner, islice(saved(folder), None if arguments.all else MOST_LISTED + 1))
    if not found:
        print(f"There is no saved session in {one_line(near(disk.absolute(folder)))} yet.")
        return
    shown = found if arguments.all else found[:MOST_LISTED]
    whole = [(one, one.session) for one in shown if one.session]
    if whole:
        head = ("begun", "prompt", "steps", "model", "outcome", "file")
        print("\n".join(columns([head, *(_row(one, session) for one, session in whole)], right=[2])))
    for one in shown:
        if one.session is None:
            print(one_line(one.trouble))
    if len(found) > len(shown):
        print(runner.host.advice.line("There are more.", [RunCommand("sessions", "--all", to="list them all")]))


def _folder(options: Options) -> Path:
    """Return the folder that sessions are saved in. Raises UsageError if they are not saved."""
    if not options.save_folder:
        raise UsageError("Sessions are not saved here (save_folder is empty)", SetOption("save_folder"))
    return Path(options.save_folder).expanduser()


def _read(runner: Runner, found: Iterable[Saved]) -> list[Saved]:
    """Return the sessions in `found`. If reading them takes long, show how many have been read."""
    began = time.monotonic()
    read: list[Saved] = []
    try:
        for one in found:
            read.append(one)
            if time.monotonic() > began + PATIENCE:
                runner.view.waiting(f"reading the sessions: {len(read):,} so far")
    finally:
        runner.view.waiting("")
    return read


def _row(one: Saved, session: Session) -> tuple[str, ...]:
    turns = session.turns
    steps = sum(len(turn.steps) for turn in turns)
    prompt = one_line(turns[0].prompt, 40) if turns else "(no prompt)"
    more = f" (+{len(turns) - 1})" if len(turns) > 1 else ""
    last = turns[-1] if turns else Turn("")
    return (
        _time(session.started) or f"{one.modified:%Y-%m-%d %H:%M}",
        f"{prompt}{more}",
        f"{steps:,}",
        one_line(last.model, 24),
        last.outcome,
        one_line(one.path.name, 80),
    )


def _time(started: str) -> str:
    with suppress(ValueError):
        return f"{datetime.fromisoformat(started).astimezone():%Y-%m-%d %H:%M}"
    return ""
