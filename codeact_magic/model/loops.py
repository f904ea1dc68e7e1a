"""Find out that a model writes the same thing over and over, while it writes."""

from __future__ import annotations

STRIDE = 2_000  # characters between two looks
LONGEST_PERIOD = 1_500  # characters of what is repeated
LEAST_REPEATED = 4_000  # characters that repeat before it is said to be a loop
LEAST_ROUNDS = 8
_MOST_TRIES = 300  # periods that are tried at one look
_PROBE = 48  # characters at the end that are looked for further ahead
_WINDOW = max(LEAST_REPEATED, LEAST_ROUNDS * LONGEST_PERIOD) + LONGEST_PERIOD + _PROBE


class LoopWatch:
    """Watches one text as it grows. If it ends in a loop, `position` is where that was found.

    It looks at the end of the text every STRIDE characters, wherever the parts were cut, so that the cost per character
    is small and constant, and so that the result does not depend on the parts.
    """

    def __init__(self) -> None:
        self.is_loop = False
        self.position = 0
        self._window = ""
        self._parts: list[str] = []  # what came after the window
        self._left = STRIDE  # characters until the next look

    def feed(self, part: str) -> None:
        """Take in a part of the text. Afterwards `is_loop` says whether it ends in a loop."""
        while len(part) >= self._left and not self.is_loop:
            self._parts.append(part[: self._left])
            part = part[self._left :]
            self._look()
        self._parts.append(part)
        self._left -= len(part)

    def _look(self) -> None:
        self._window = (self._window + "".join(self._parts))[-_WINDOW:]
        self._parts = []
        self._left = STRIDE
        self.position += STRIDE
        self.is_loop = ends_in_loop(self._window)


def ends_in_loop(text: str) -> bool:
    """Return whether the end of `text` repeats a period of at most LONGEST_PERIOD characters often enough."""
    if len(text) < LEAST_REPEATED:
        return False
    start = len(text) - _PROBE
    before = start
    for _ in range(_MOST_TRIES):
        before = text.rfind(text[start:], max(0, start - LONGEST_PERIOD), before + _PROBE - 1)
        if before < 0:
            return False
        period = start - before
        repeated = max(LEAST_REPEATED, LEAST_ROUNDS * period)
        if repeated + period <= len(text) and text[-repeated:] == text[-repeated - period : -period]:
            return True
    return False
