"""Recognizes steps that repeat earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice, takewhile

from ..session import Step

_LONGEST_ROUND = 3  # steps of a round that a model repeats


def repeats(steps: Sequence[Step], step: Step) -> int:
    """Return how many times the last of `steps` have repeated `step`, directly or in rounds of a few steps."""
    return max(_rounds(steps, step, length) for length in range(1, _LONGEST_ROUND + 1))


def earlier(steps: Sequence[Step], step: Step) -> str:
    """Return the observation message of the last of `steps` that repeats `step`, and that was decided about."""
    for other in reversed(steps):
        if other.decision and _is_again(step, other):
            return other.observation_message
    return ""


def _rounds(steps: Sequence[Step], step: Step, length: int) -> int:
    """Return how many equal rounds of `length` steps end with `step`."""
    later = chain([step], reversed(steps))
    before = islice(reversed(steps), length - 1, None)
    alike = takewhile(lambda pair: _is_again(*pair), zip(later, before, strict=False))
    return sum(1 for _ in alike) // length


def _is_again(later: Step, earlier: Step) -> bool:
    """Return whether a step repeats an earlier one: the same code and, if that ran again, the same result."""
    if not (later.action and earlier.action and later.action.code.strip() == earlier.action.code.strip()):
        return False
    return later.observation is None or later.observation_message == earlier.observation_message
