"""Whether code that ran again showed what it showed before: outputs as nbformat has them, told apart in one line.

texts     text that differs in nothing but what differs in every run, and in the last digits of its numbers
volatile  what differs in every run: addresses, times, timings, temporary files
figures   pictures that look the same
outputs   the outputs of one run, sorted by what they are
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..session import Json
from .outputs import Comparison, RunOutputs, Verdict
from .texts import Tolerances

__all__ = ["Comparison", "Verdict", "compare"]


def compare(
    recorded: Sequence[Json],
    seen: Sequence[Json],
    *,
    tolerance: float = 1e-6,
    now: datetime | None = None,
    then: datetime | None = None,
) -> Comparison:
    """Return how the outputs `seen` compare with the `recorded` ones.

    What looks as if it differed in every run is not compared, and named: addresses, ids (UUIDs), "in 3.2 s". Where
    it is data, the comparison does not see it change.

    Args:
        recorded: nbformat outputs, of the saved session.
        seen: nbformat outputs, of the run just now.
        tolerance: the relative difference that numbers may have, apart from integers.
        now: when the run was; a date or time close to it is the clock's, and not compared
        then: when the recorded run was; where that is given, only a date or time close to it is the clock's.
    """
    return RunOutputs(recorded).compare(
        RunOutputs(seen), Tolerances(tolerance, now or datetime.now().astimezone(), then)
    )
