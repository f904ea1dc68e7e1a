"""Measure how alike plots are that were drawn again, a little otherwise, or with one thing changed.

`python -m tests.figures` prints for each plot what the thresholds of compare/figures.py are about: the structural
similarity of the worst spot (0.9 and more is the same), and how far apart the colours are (1.00 and less is the same).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from codeact_magic.compare import compare, figures
from codeact_magic.kernels.separate import KernelExecutor, LocalKernel
from codeact_magic.session import Json

SETUP = """
import matplotlib, numpy as np
import matplotlib.pyplot as plt
chance = np.random.default_rng(0)
X, Y, GRID, T = chance.random(30), chance.random(30), chance.random((10, 10)), np.linspace(0, 10, 200)

def scatter(move=0.0, scale=1.0, size=36, title="Points", limit=None, points=30, **style):
    x = X * scale
    x[7] += move
    plt.scatter(x[:points], Y[:points], s=size, **style)
    plt.title(title)
    plt.xlim(limit)

def bars(third=9.0, limit=10, first="C0", color="C0"):
    plt.bar(list("abcde"), [3, 7, 5, third, 4], color=[first, *[color] * 4])
    plt.ylim(0, limit)

def line(height=1.0, label="sine", limit=(-1.2, 1.2), **style):
    plt.plot(T, np.sin(T) * height, label=label, **style)
    plt.plot(T, np.cos(T), color="C3")
    plt.legend(loc=1)
    plt.grid(True)
    plt.ylim(limit)

def heat(more=0.0):
    grid = GRID.copy()
    grid[4, 4] += more
    plt.imshow(grid, vmin=0, vmax=1)
    plt.colorbar()

def drawn(plot, noise=0.0, **settings):
    with matplotlib.rc_context(settings):
        plot()
        if noise:
            plt.figimage(np.random.default_rng(1).random((700, 700)), alpha=noise, zorder=9, cmap="gray")
        plt.show()
"""
PLOTS = ("scatter", "bars", "line", "heat")
SAME = {
    **{f"{plot}, again": (f"drawn({plot})", f"drawn({plot})") for plot in PLOTS},
    **{
        f"{plot}, lines a fraction of a pixel off": (f"drawn({plot})", f"drawn({plot}, **{{'path.snap': False}})")
        for plot in PLOTS
    },
    **{f"{plot}, with 1 % of noise": (f"drawn({plot})", f"drawn({plot}, noise=0.01)") for plot in PLOTS},
    "scatter, values 0.0001 off": ("drawn(scatter)", "drawn(lambda: scatter(scale=1.0001))"),
    "line, values 0.0001 off": ("drawn(line)", "drawn(lambda: line(1.0001))"),
    "bars, letters hinted otherwise": ("drawn(bars)", "drawn(bars, **{'text.hinting': 'force_autohint'})"),
}


def _changed(plot: str, *changes: str) -> dict[str, tuple[str, str]]:
    return {f"{plot}, {change}": (f"drawn({plot})", f"drawn(lambda: {plot}({change}))") for change in changes}


DIFFERENT = {
    **_changed("scatter", "move=0.1", "move=0.02", "move=0.01", "points=29", "color='C1'", "color='#1f97b4'"),
    **_changed("scatter", "title='Joints'", "limit=(-0.05, 1.08)", "marker='x'"),
    **_changed("bars", "third=9 * 0.95", "third=9 * 0.98", "color='C2'", "first='C1'", "limit=10.2"),
    **_changed("line", "height=1.02", "label='sin x'", "limit=(-1.2, 1.25)", "color='C1'", "linestyle='--'"),
    **_changed("heat", "more=0.3", "more=0.1"),
    "scatter of small points, move=0.05": (
        "drawn(lambda: scatter(size=4))",
        "drawn(lambda: scatter(size=4, move=0.05))",
    ),
}


class Drawer:
    """A kernel that draws, and keeps what it has drawn."""

    def __init__(self, engine: KernelExecutor) -> None:
        self._engine = engine
        self._drawn: dict[str, tuple[Json, ...]] = {}
        self._run(SETUP)

    def draw(self, code: str) -> tuple[Json, ...]:
        """Return the outputs of `code`, which draws one figure."""
        if code not in self._drawn:
            self._drawn[code] = self._run(code)
        return self._drawn[code]

    def _run(self, code: str) -> tuple[Json, ...]:
        seen = self._engine.run(code, every_value=False)
        if seen.status != "ok":
            raise RuntimeError(seen.outputs[-1])
        return seen.outputs


class Measured(NamedTuple):
    """The two values that the thresholds limit."""

    worst: float  # structural similarity
    apart: float  # colours, in multiples of the allowed distance


def measured(one: tuple[Json, ...], other: tuple[Json, ...]) -> Measured | None:
    """Return how alike the figures of two runs are, None if their sizes differ."""
    import base64

    pictures = [figures._pixels(base64.b64decode(outputs[-1]["data"]["image/png"])) for outputs in (one, other)]
    if pictures[0].size != pictures[1].size:
        return None
    both = [figures._changes(*pictures), figures._changes(*reversed(pictures))]
    worst = min(changes.worst_similarity for changes in both)
    return Measured(worst, max(changes.colour_distance for changes in both))


def verdicts(drawer: Drawer) -> Iterator[tuple[str, str, str, Measured | None]]:
    """Yield each pair's name, the verdict wanted, the verdict found, and the values measured."""
    for wanted, pairs in (("same", SAME), ("differs", DIFFERENT)):
        for name, (one, other) in pairs.items():
            before, after = drawer.draw(one), drawer.draw(other)
            yield name, wanted, compare(before, after).verdict, measured(before, after)


if __name__ == "__main__":
    wrong = 0
    with KernelExecutor(LocalKernel(cwd=Path.cwd())) as engine:
        for name, wanted, found, size in verdicts(Drawer(engine)):
            values = f"{size.worst:6.3f} {size.apart:6.2f}" if size else "  another size"
            wrong += wanted != found
            print(f"{name:<48} {values}  {found}{'' if wanted == found else '   WRONG'}")
    sys.exit(bool(wrong))
