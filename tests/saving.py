"""Measure what saving a long session costs, against a floor measured in the same run.

`python -m tests.saving [FOLDER [KIND ...]]`; a RAM disk as the folder would have no floor. Each step is saved as a live
one: what is proposed and about to run, until that outlives the kernel, and what came of it, the same. A session is
synced once a turn, which is measured here at each step. The floor appends the step's outputs to a file, once, and syncs
it. The kinds of sessions differ in the outputs of a step:

small   two thousand characters of text
table   a table and a figure, 100,000 characters together
turns   the same in turns of 20 steps
large   one text just below the limit of what stays in the notebook
"""

from __future__ import annotations

import base64
import gc
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from codeact_magic.session import Action, Decision, Json, Observation, Reply, Session, Step, Turn
from codeact_magic.sessions.saving.loading import load
from codeact_magic.sessions.saving.saver import Saver

SIZE = 100_000  # characters of a step's outputs
LIMIT = 1_000_000  # as max_saved_output is by default
MARKS = (20, 200, 500)
AROUND = 20  # steps up to a mark, whose median is shown

Timed = list[float]


def small(number: int) -> tuple[Json, ...]:
    """Return a text of two thousand characters."""
    return ({"output_type": "stream", "name": "stdout", "text": f"{number:>79}\n" * 25},)


def table(number: int) -> tuple[Json, ...]:
    """Return the outputs of a step: a table as text and HTML, and a figure."""
    noise = random.Random(number)
    rows = "\n".join(f"{noise.random():.6f} {noise.random():.6f}" for _ in range(SIZE // 72))
    html = "".join(f"<tr><td>{row}</td></tr>\n" for row in rows.split("\n"))[: SIZE // 4]
    figure = base64.b64encode(noise.randbytes(SIZE * 3 // 8)).decode()
    shown = {"text/plain": rows, "text/html": html}
    return (
        {"output_type": "execute_result", "data": shown, "metadata": {}, "execution_count": number},
        {"output_type": "display_data", "data": {"image/png": figure, "text/plain": "<Figure>"}, "metadata": {}},
    )


def large(number: int) -> tuple[Json, ...]:
    """Return a text just below the limit."""
    return ({"output_type": "stream", "name": "stdout", "text": f"{number:>98}\n" * (LIMIT // 100)},)


class Kind(NamedTuple):
    """A kind of session: the outputs of its steps, how many steps it has, and how many a turn has."""

    outputs: Callable[[int], tuple[Json, ...]]
    steps: int
    a_turn: int


KINDS = {
    "small": Kind(small, 500, 500),
    "table": Kind(table, 500, 500),
    "turns": Kind(table, 500, 20),
    "large": Kind(large, 200, 200),
}


def steps(number: int, outputs: tuple[Json, ...]) -> tuple[Step, Step, Step]:
    """Return a step when it is proposed, when it is about to run, and when it is complete."""
    code = f"table = frame.groupby('group').agg(mean_{number}=('value', 'mean'))\ntable.plot()\ntable"
    text = f"I look at the groups of column {number}.\n```python\n{code}\n```"
    action = Action(code)
    proposed = Step(Reply(text), "I look at the groups.", action, assistant_message=text)
    proposed = replace(proposed, observation_message="Nobody decided about it.")
    decided = replace(proposed, decision=Decision("approve", code), observation_message="It broke off.")
    seen = Observation("ok", outputs, seconds=0.5, execution_count=number)
    return proposed, decided, replace(decided, observation=seen, observation_message="Output:\n" + "x" * 2000)


def with_step(session: Session, step: Step) -> Session:
    turn = session.turns[-1]
    return session.updated(replace(turn, steps=(*turn.steps, step)))


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def saved(saver: Saver, session: Session, step: tuple[Step, Step, Step], ends: bool) -> tuple[Session, Timed]:
    """Save a step; return the session, and the seconds before its code runs, after it, and to sync it."""
    proposed, decided, done = step

    def before() -> None:
        saver.save(with_step(session, proposed))
        saver.save(with_step(session, decided))
        assert saver.written(60)

    def after() -> None:
        saver.save(whole)
        assert saver.written(60)

    whole = with_step(session, done)
    if ends:
        whole = whole.updated(replace(whole.turns[-1], outcome="limit", seconds=1.0))
    return whole, [seconds(before), seconds(after), seconds(lambda: saver.flush(60))]


def measure(name: str, folder: Path) -> None:
    """Save a session of one kind, and print what it took."""
    kind = KINDS[name]
    saver = Saver(folder / "session.ipynb", tell=print, limit=LIMIT)
    session = Session("s")
    floor = Timed()
    ours: list[Timed] = []
    sizes: list[int] = []
    cpu = time.process_time()
    with (folder / "floor").open("wb") as file:
        for number in range(1, kind.steps + 1):
            if number % kind.a_turn == 1:
                session = session.begun(Turn("Look at the groups.", context="frame: DataFrame 1000 x 20"))
            outputs = kind.outputs(number)
            floor.append(seconds(partial(append, file, json.dumps(outputs).encode())))
            session, took = saved(saver, session, steps(number, outputs), ends=number % kind.a_turn == 0)
            ours.append(took)
            sizes.append(saver.path.stat().st_size)
    cpu = time.process_time() - cpu
    saver.close()
    print(f"\n{name}: {kind.steps} steps, {kind.a_turn} a turn; milliseconds, medians of {AROUND} steps")
    print(f"{'step':>6} {'MB':>6} {'floor':>7} {'before':>7} {'after':>7} {'a step':>7} {'sync':>7}")
    for mark in [mark for mark in MARKS if mark <= kind.steps]:
        part = slice(mark - AROUND, mark)
        before, after, sync = [statistics.median(took[column] for took in ours[part]) * 1e3 for column in range(3)]
        whole = statistics.median(took[0] + took[1] for took in ours[part]) * 1e3
        least = statistics.median(floor[part]) * 1e3
        row = (least, before, after, whole, sync)
        print(f"{mark:>6} {sizes[mark - 1] / 1e6:>6.1f}", *(f"{figure:>7.1f}" for figure in row))
    print(f"all: {sum(map(sum, ours)):.1f} s, floor {sum(floor):.1f} s; the process computed {cpu:.1f} s", end="; ")
    print(f"it had {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB at most")
    text = saver.path.read_text(encoding="utf-8")
    parsing = min(seconds(lambda: json.loads(text)) for _ in range(3))
    gc.collect()
    loading = min(seconds(lambda: load(saver.path)) for _ in range(3))
    print(f"loading: {loading:.2f} s, of which json.loads {parsing:.2f} s")
    assert load(saver.path) == session


def append(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def main() -> None:
    """Measure the kinds that are named, or all, in a folder on the disk that is named, or in the working directory."""
    where, *names = sys.argv[1:] or ["."]
    for name in names or KINDS:
        with tempfile.TemporaryDirectory(dir=where) as folder:
            measure(name, Path(folder))


if __name__ == "__main__":
    main()
