"""Faults: a full disk, broken objects, a shell that lacks what it should have, usage that is no usage; and Stop.

Each is tried in a real kernel. What it may not do: go on for ever, lose the turn, or show anything but one clean line.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codeact_magic.testing import Say

from ..kernels import Run
from .kernel import Target, act, target
from .results import Try
from .stopping import MOST, is_clean, stops, stops_before_the_first_step

TURN = 30.0  # seconds that a cell may take which nothing should hold up


# -- a full disk -------------------------------------------------------------------------------------------------------

LIMIT = "import resource, signal\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
FILL = "f = open('filled', 'wb')\ntry:\n    while True: f.write(b'x' * 4096); f.flush()\nexcept OSError: pass"


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a disk of a megabyte; None where that is not allowed."""
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = bool(mount) and os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def full_disk(folder: Path) -> Iterator[Try]:
    """Run a turn that cannot be saved: told before the first question, the turn and the variables kept."""
    with _small_disk(folder / "small") as small:
        if small is not None:
            with target(folder / "full") as at:
                at.kernel.run(f"import os\nos.chdir({str(small)!r})\n{FILL}")
                yield from _unsaved(at, "a disk that is full")
    with target(folder / "limited") as at:
        at.kernel.run(LIMIT.format(size=1))
        yield from _unsaved(at, "files that may not grow")


def _unsaved(at: Target, name: str) -> Iterator[Try]:
    at.greet()
    run = at.begin(act("kept = 6 * 7"), "Done.")
    with suppress(AssertionError):
        at.wait_for_step(run)
    told = any(word in run.shown.lower() for word in ("space", "saved", "too large", "disk"))
    yield Try("a full disk", f"{name}: told before the first question", told, "" if told else "not told")
    step = at.pending
    if step is not None:
        at.decide(step)
    with suppress(AssertionError):
        run.wait(lambda: run.done, patience=TURN)
    held = run.done and is_clean(run)
    yield Try("a full disk", f"{name}: the turn ends in clean lines", held, "" if held else _last(run))
    kept = at.kernel.run("print(kept)").text.strip() == "42" if run.done and step is not None else step is None
    yield Try("a full disk", f"{name}: the step's variables are kept", kept, "" if kept else "they are gone")


def _last(run: Run) -> str:
    errors = [_COLOURS.sub("", error) for error in run.errors]
    return "; ".join(error.strip().rpartition("\n")[2] for error in errors) or "no word of it is shown"


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


# -- broken objects, and a broken shell --------------------------------------------------------------------------------

BROKEN = {
    "a dead weakref.proxy": "import weakref\nclass A: pass\ngone = weakref.proxy(A())",
    "__class__ raises": "class A:\n    @property\n    def __class__(self): raise RuntimeError('no class')\nx = A()",
    "__class__ is no class": "class A:\n    __class__ = 5\nx = A()",
    "__repr__ raises": "class A:\n    def __repr__(self): raise RuntimeError('no repr')\nx = A()",
    "__repr__ is no text": "class A:\n    def __repr__(self): return 5\nx = A()",
    "__repr__ exits": "class A:\n    def __repr__(self): raise SystemExit\nx = A()",
    "__repr__ has a lone surrogate": "class A:\n    def __repr__(self): return '\\ud800'\nx = A()",
    "__len__ raises": "class A(list):\n    def __len__(self): raise RuntimeError('no length')\nx = A([1])",
    "__len__ is negative": "class A(list):\n    def __len__(self): return -5\nx = A([1])",
    "__getattribute__ raises": "class A:\n    def __getattribute__(self, name): raise RuntimeError(name)\nx = A()",
    "__getattr__ has everything": "class A:\n    def __getattr__(self, name): return self\nx = A()",
    "__eq__ raises": "class A:\n    def __eq__(self, other): raise RuntimeError('no')\n    __hash__ = None\nx = A()",
    "__bool__ raises": "class A:\n    def __bool__(self): raise RuntimeError('no')\nx = A()",
    "__iter__ never ends": "class A(list):\n    def __iter__(self):\n        while True: yield 1\nx = A([1])",
    "keys raises": "class A(dict):\n    def keys(self): raise RuntimeError('no')\n    __iter__ = keys\nx = A(a=1)",
    "shape raises": "class A:\n    @property\n    def shape(self): raise RuntimeError('no')\n    dtype = 1\nx = A()",
    "shape is endless": "class A:\n    shape = ('x' * 10_000_000,)\n    dtype = 'y' * 10_000_000\nx = A()",
    "a metaclass without a name": (
        "class M(type):\n    @property\n    def __name__(self): raise RuntimeError('no name')\n"
        "class A(metaclass=M): pass\nx, y = A(), A"
    ),
    "a name with a lone surrogate": "A = type('A\\ud800', (), {})\nx = A()",
    "a container of itself": "x = []\nx.append(x)\ny = {}\ny['y'] = y",
    "deeply nested": "x = []\nfor _ in range(100_000): x = [x]",
    "an endless signature": "class A:\n    @property\n    def __signature__(self): raise RuntimeError('no')\n"
    "    def __call__(self): pass\nx = A()",
    "a proxy of an import": (
        "import types\nclass L(types.ModuleType):\n    def __getattr__(self, name): raise ImportError\nx = L('lazy')"
    ),
    "a table whose columns raise": (
        "import pandas as pd\nclass T(pd.DataFrame):\n    @property\n    def columns(self): raise RuntimeError('no')\n"
        "    @columns.setter\n    def columns(self, value): pass\nx = T.__new__(T)"
    ),
    "a key that is no text": "globals()[5] = 'five'",
    "a huge text": "x = 'x' * 50_000_000",
    "a closed file": "x = open('closed', 'w')\nx.close()",
}
LACKING = {
    "can't start new thread": (
        'import threading, _thread\ndef refuse(*a, **k): raise RuntimeError("can\'t start new thread")\n'
        "threading._start_new_thread = refuse\nthreading._start_joinable_thread = refuse"
    ),
    "get_ipython is None": "get_ipython = None",
    "display is None": "display = None",
    "print is None": "print = None",
    "builtins.print raises": "import builtins\nwas = builtins.print\ndef no(*a, **k): raise RuntimeError('no print')\n"
    "builtins.print = no",
    "In and Out are gone": "del In, Out, _ih, _oh",
    "In is None": "In = None\n_ih = None",
    "the folder is gone": "import os, pathlib\npathlib.Path('sub').mkdir()\nos.chdir('sub')\nos.rmdir(os.getcwd())",
    "the environment is empty": "import os\nos.environ.clear()",
    "json is something else": "import sys\nimport json\njson = None\nsys.modules['json'].indent = 5",
    "the recursion limit is low": "import sys\nsys.setrecursionlimit(120)",
    "no file can be opened": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))",
    "no collector": "import gc\ngc.disable()\ngc.freeze()",
    "warnings are errors": "import warnings\nwarnings.simplefilter('error')",
    "a name of ours": "codeact_magic = None\nCodeAct = None\nopenai = None",
    "time stands still": "import time\ntime.time = lambda: 0.0",
}


def broken(folder: Path) -> Iterator[Try]:
    """Run a turn beside each broken object: it ends well, or in one clean line."""
    with target(folder / "broken") as at:
        at.ask(act("warm = 1"), "Done.", options="--approve auto")
        for name in BROKEN:
            yield beside(at, name)
    for number, name in enumerate(LACKING):
        yield in_a_broken_shell(folder / f"lacking-{number}", name)


def in_a_broken_shell(folder: Path, name: str) -> Try:
    """Run a turn in a shell that lacks one thing."""
    with target(folder) as at:
        at.kernel.run(LACKING[name])
        return _survived(at, "a broken shell", name)


def beside(at: Target, name: str) -> Try:
    """Run a turn beside one broken object."""
    at.kernel.run(BROKEN[name])
    one = _survived(at, "a broken object", name)
    at.kernel.run(
        "for one in [n for n in globals() if n in ('x', 'y', 'A', 'M', 'L', 'T', 'gone', 5)]: del globals()[one]"
    )
    return one


def _survived(at: Target, kind: str, name: str) -> Try:
    run = at.begin(act("seen = 6 * 7\nseen"), "Done.", options="--approve auto --new")
    with suppress(AssertionError):
        run.wait(lambda: run.done, patience=TURN)
    if not run.done:
        run.kernel.interrupt()
        with suppress(AssertionError):
            run.wait(lambda: run.done, patience=MOST)
        return Try(kind, name, False, f"no end after {TURN:g} s")
    held = is_clean(run)
    return Try(kind, name, held, "" if held else _last(run))


# -- an endpoint that counts wrong -------------------------------------------------------------------------------------

USAGES = {"zero": (0, 0, 0), "negative": (-1000, 0, -1000), "cached more than all": (0, 1000, 0)}


def wrong_usage(folder: Path) -> Iterator[Try]:
    """Have the endpoint report usage that would lift the limit of a turn."""
    with target(folder / "usage") as at:
        at.ready(max_tokens_per_turn=3000, max_steps=20)
        for name, usage in USAGES.items():
            replies = [Say(act(f"n_{number} = {number}\n" + "# filler\n" * 100), usage=usage) for number in range(20)]
            asked = len(at.endpoint.requests)
            run = at.ask(*replies, options="--approve auto --new")
            steps = len(at.endpoint.requests) - asked
            yield Try("usage", f"reported as {name}", steps < 20 and is_clean(run), f"{steps} requests")
        at.greet()
        yield _surrogate(at)


def _surrogate(at: Target) -> Try:
    """Approve a step with a lone surrogate in the edited code."""
    run = at.begin(act("z = 1"), "Done.")
    step = at.wait_for_step(run)
    assert step is not None
    at.decide(step, code="z = '\ud800'")
    with suppress(AssertionError):
        run.wait(lambda: run.done, patience=TURN)
    held = run.done and is_clean(run)
    return Try("usage", "a lone surrogate in an edit", held, "" if held else _last(run))


def tries(folder: Path) -> Iterator[Try]:
    """Try all of it."""
    for kind in (broken, stops, stops_before_the_first_step, full_disk, wrong_usage):
        yield from kind(folder)
