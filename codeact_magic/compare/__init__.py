"""Compare the outputs of code that ran again with the recorded ones, and explain the first difference in one line.

This package knows nbformat outputs. It does not know sessions, kernels or how the code was run: `verify` does.

Begin with `outputs`.

outputs   the outputs of one run, sorted by type
texts     text, apart from values that differ in every run and the last digits of numbers
volatile  the values that differ in every run: addresses, times, timings, temporary files
figures   pictures that look the same
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

    Values that look as if they differed in every run (addresses, UUIDs, "in 3.2 s") are not compared; the result names
    them. If such a value is data, the comparison does not notice its change.

    Args:
        recorded: nbformat outputs of the saved session.
        seen: nbformat outputs of the new run.
        tolerance: the relative difference allowed between numbers; integers must be equal.
        now: the time of the new run; by default, the current time. Dates and times close to it come from the clock and
            are not compared.
        then: the time of the recorded run, if it is known. Then only recorded dates and times close to it come from
            the clock.
    """
    tolerances = Tolerances(tolerance, now or datetime.now().astimezone(), then)
    return RunOutputs(recorded).compare(RunOutputs(seen), tolerances)
