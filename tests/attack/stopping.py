"""Stop, in places that are hard to stop: it ends them within a second, or says honestly what they are stuck in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..kernels import PATIENCE, Run
from .kernel import act, target
from .results import Try

PROMISED = 1.0  # seconds in which Stop ends what runs ...
ALLOWED = 1.0  # ... and seconds more, for a machine that is busy
MOST = 12.0  # seconds of a Stop that are waited for: by then it has said what it is stuck in
A_MOMENT = 0.5  # seconds from the print to the hard place itself

BEGUN = "print('begun', flush=True); __import__('time').sleep(0.2)\n"  # for the word to be sent
HARD = {
    "asleep": f"import time\n{BEGUN}time.sleep(60)",
    "a pool of threads": (
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\n"
        f"{BEGUN}with ThreadPoolExecutor(4) as pool: list(pool.map(time.sleep, [30] * 8))"
    ),
    "joining a thread": (
        f"import threading, time\nthread = threading.Thread(target=time.sleep, args=(30,), daemon=True)\n"
        f"thread.start()\n{BEGUN}\nwhile thread.is_alive():\n    try: thread.join()\n    except BaseException: pass"
    ),
    "a loop with a bare except": (
        f"import time\n{BEGUN}began = time.monotonic()\nwhile time.monotonic() - began < 30:\n"
        "    try: time.sleep(0.05)\n    except: pass"
    ),
    "a loop that catches KeyboardInterrupt": (
        f"import time\n{BEGUN}began = time.monotonic()\nwhile time.monotonic() - began < 30:\n"
        "    try: time.sleep(0.5)\n    except KeyboardInterrupt: continue"
    ),
    "finally that sleeps": f"import time\ntry:\n    {BEGUN}    time.sleep(60)\nfinally:\n    time.sleep(30)",
    "a context that sleeps": (
        "import time\nclass Slow:\n    def __enter__(self): return self\n"
        f"    def __exit__(self, *e): time.sleep(30)\nwith Slow():\n    {BEGUN}    time.sleep(60)"
    ),
    "SQLite": (
        f"import sqlite3\n{BEGUN}sqlite3.connect(':memory:').execute('with recursive n(x) as (select 1 union all "
        "select x + 1 from n limit 200000000) select count(*) from n').fetchone()"
    ),
    "a product of matrices": f"import numpy as np\na = np.ones((5000, 5000))\n{BEGUN}a = a @ a @ a",
    "a large integer": f"{BEGUN}x = 7 ** 60_000_000",
    "a regular expression": f"import re\n{BEGUN}re.match(r'(a+)+$', 'a' * 32 + 'b')",
    "sorting": f"{BEGUN}x = sorted(range(10_000_000, 0, -1), key=str)",
    "a signal handler of its own": (
        f"import signal, time\nold = signal.signal(signal.SIGINT, signal.SIG_IGN)\n{BEGUN}time.sleep(30)"
    ),
    "a child process that ignores it": (
        f"import subprocess\n{BEGUN}subprocess.run(['sh', '-c', \"trap '' INT; sleep 30\"])"
    ),
    "a task that swallows it": (
        "import asyncio\nasync def stubborn():\n    while True:\n        try: await asyncio.sleep(30)\n"
        f"        except BaseException: pass\n{BEGUN}await asyncio.wait_for(stubborn(), 30)"
    ),
}


def stops(folder: Path) -> Iterator[Try]:
    """Press Stop in each hard place; a kernel that does not come back is ended."""
    for number, name in enumerate(HARD):
        yield stop(folder / f"stop-{number}", name)


def stop(folder: Path, name: str) -> Try:
    """Press Stop in one hard place."""
    with target(folder) as at:
        run = at.begin(act(HARD[name]), "Done.", options="--approve auto")
        return _stopped(run, name) if _begun(run) else Try("Stop", name, False, "it did not even begin")


def _begun(run: Run) -> bool:
    """Wait until the code says that it has begun, and is in the hard place itself; return whether it did."""
    with suppress(AssertionError):
        run.wait(lambda: run.done or "begun" in run.text, patience=PATIENCE)
    time.sleep(A_MOMENT)
    return "begun" in run.text and not run.done


def _stopped(run: Run, name: str) -> Try:
    """Press Stop once, and see what comes of it."""
    began = time.monotonic()
    run.kernel.interrupt()
    with suppress(AssertionError):
        run.wait(lambda: run.done, patience=MOST)
    seconds = time.monotonic() - began
    explained = "restart" in run.shown
    said = "explained, " if explained else ""
    if not run.done:
        return Try("Stop", name, explained, f"{said}no end after {seconds:.0f} s")
    held = (seconds <= PROMISED + ALLOWED or explained) and is_clean(run)
    return Try("Stop", name, held, f"{said}{seconds:.1f} s{'' if is_clean(run) else ', and a traceback'}")


def is_clean(run: Run) -> bool:
    """Return whether a cell has ended well (whatever its actions raised), or in an error that is shown as one line."""
    return run.reply.get("status") == "ok" or [len(error.strip().split("\n")) for error in run.errors[-1:]] == [1]


# -- Stop while the product itself is at work --------------------------------------------------------------------------

SLOW = {
    "while variables are looked at": (
        "import time\ndef begin():\n    print('begun', flush=True)\n    time.sleep(30)\n"
        "class Slow:\n    def __repr__(self): begin()\n    def __len__(self): begin()\n"
        "    @property\n    def shape(self): begin()\nslow = Slow()"
    ),
    "while a class is looked up": (
        "import time\nclass Slow:\n    @property\n    def __class__(self):\n        print('begun', flush=True)\n"
        "        time.sleep(30)\nslow = Slow()"
    ),
}


def stops_before_the_first_step(folder: Path) -> Iterator[Try]:
    """Press Stop while the user's variables are looked at: nothing of theirs may hold up the turn for long."""
    for number, name in enumerate(SLOW):
        yield stop_before_the_first_step(folder / f"slow-{number}", name)


def stop_before_the_first_step(folder: Path, name: str) -> Try:
    """Press Stop while one object is looked at."""
    with target(folder) as at:
        assert at.kernel.run(SLOW[name]).reply["status"] == "ok"
        run = at.begin("Done.", options="--approve auto")
        if _begun(run) or not run.done:
            return _stopped(run, name)
        return Try("Stop", name, is_clean(run), "" if is_clean(run) else "a traceback")
