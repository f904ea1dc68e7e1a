"""Measure what saving a long session costs, against a floor measured in the same run: `python -m tests.saving`.

500 steps with more than 50 MB of outputs, in turns of 20 steps and in one turn. Each step is saved as a live one: what
is proposed, what is about to run, and what came of it, until that is on disk. The floor appends the step's outputs to a
file, once, and syncs it. Loading is compared with what `json.loads` alone takes for the file.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from codeact_magic.session import Action, Decision, Json, Observation, Reply, Session, Step, Turn
from codeact_magic.sessions.saving.saver import Saver, load

STEPS = 500
SIZE = 100_000  # characters of a step's outputs
MARKS = (50, 250, 500)
AROUND = 20  # steps up to a mark, whose median is shown

Timed = list[float]


def outputs(number: int) -> tuple[Json, ...]:
    """Return the outputs of a step: a table as text and HTML, and a figure."""
    noise = random.Random(number)
    rows = "\n".join(f"{noise.random():.6f} {noise.random():.6f}" for _ in range(SIZE // 72))
    html = "".join(f"<tr><td>{row}</td></tr>\n" for row in rows.split("\n"))[: SIZE // 4]
    figure = base64.b64encode(noise.randbytes(SIZE * 3 // 8)).decode()
    table = {"text/plain": rows, "text/html": html}
    return (
        {"output_type": "execute_result", "data": table, "metadata": {}, "execution_count": number},
        {"output_type": "display_data", "data": {"image/png": figure, "text/plain": "<Figure>"}, "metadata": {}},
    )


def steps(number: int) -> tuple[Step, Step, Step]:
    """Return a step when it is proposed, when it is about to run, and when it is complete."""
    code = f"table = frame.groupby('group').agg(mean_{number}=('value', 'mean'))\ntable.plot()\ntable"
    text = f"I look at the groups of column {number}.\n```python\n{code}\n```"
    action = Action(code)
    proposed = Step(
        Reply(text),
        "I look at the groups.",
        action,
        assistant_message=text,
        observation_message="Nobody decided about it.",
    )
    decided = replace(proposed, decision=Decision("approve", code), observation_message="It broke off.")
    seen = Observation("ok", outputs(number), seconds=0.5, execution_count=number)
    return proposed, decided, replace(decided, observation=seen, observation_message="Output:\n" + "x" * 2000)


def with_step(session: Session, step: Step) -> Session:
    turn = session.turns[-1]
    return session.updated(replace(turn, steps=(*turn.steps, step)))


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def saved(saver: Saver, session: Session, number: int, ends: bool) -> tuple[Session, float, float]:
    """Save a step; return the session, the seconds that its code waited, and those until all of it was on disk."""
    proposed, decided, done = steps(number)

    def draft() -> None:
        saver.save(with_step(session, proposed))
        saver.save(with_step(session, decided))
        assert saver.written(60)

    waited = seconds(draft)
    session = with_step(session, done)

    def keep() -> None:
        saver.save(session)
        assert saver.flush(60)

    kept = seconds(keep)
    if ends:
        session = session.updated(replace(session.turns[-1], outcome="limit", seconds=float(number)))
        kept += seconds(keep)
    return session, waited, waited + kept


def measure(folder: Path, a_turn: int) -> None:
    """Save a session with so many steps a turn, and print what it took."""
    saver = Saver(folder / "session.ipynb", tell=print)
    session = Session("s")
    waits, ours, floor = Timed(), Timed(), Timed()
    with (folder / "floor").open("wb") as file:
        for number in range(1, STEPS + 1):
            if number % a_turn == 1:
                session = session.begun(Turn("Look at the groups.", context="frame: DataFrame 1000 x 20"))
            data = json.dumps(outputs(number)).encode()
            floor.append(seconds(partial(append, file, data)))
            session, waited, took = saved(saver, session, number, ends=number % a_turn == 0)
            waits.append(waited)
            ours.append(took)
    saver.close()
    size = saver.path.stat().st_size
    print(f"\n{STEPS} steps, {size / 1e6:.0f} MB, {STEPS // a_turn} turns of {a_turn} steps")
    print(f"{'step':>6} {'floor ms':>9} {'ours ms':>9} {'ratio':>6} {'code waits ms':>14}")
    for mark in MARKS:
        part = slice(mark - AROUND, mark)
        row = [statistics.median(times[part]) * 1e3 for times in (floor, ours, waits)]
        print(f"{mark:>6} {row[0]:>9.1f} {row[1]:>9.1f} {row[1] / row[0]:>6.2f} {row[2]:>14.2f}")
    print(f"{'all':>6} {sum(floor) * 1e3:>9.0f} {sum(ours) * 1e3:>9.0f} {sum(ours) / sum(floor):>6.2f}")
    print(f"the longest pause: {max(ours) * 1e3:.0f} ms at step {ours.index(max(ours)) + 1}")
    text = saver.path.read_text(encoding="utf-8")
    parsing = min(seconds(lambda: json.loads(text)) for _ in range(3))
    gc.collect()
    loading = min(seconds(lambda: load(saver.path)) for _ in range(3))
    print(f"loading: {loading:.2f} s, of which json.loads {parsing:.2f} s ({loading / parsing:.1f} times)")
    assert load(saver.path) == session


def append(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def main() -> None:
    """Measure in a folder on the disk that is named, or in the working directory: a RAM disk has no floor."""
    where = sys.argv[1] if len(sys.argv) > 1 else "."
    for a_turn in (20, STEPS):
        with tempfile.TemporaryDirectory(dir=where) as folder:
            measure(Path(folder), a_turn)


if __name__ == "__main__":
    main()
