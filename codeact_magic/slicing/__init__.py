"""Which code blocks the end result of a session depends on: def-use analysis over names and files (Weiser, 1981).

Nothing is run here. Names are followed by a simple rule that may be wrong about objects that hide in others, so a slice
has to be proved: it is run beside the whole session (`verify.proof`). A proof cannot show what happens to files, to
other processes, to settings and on the network; code that touches these is kept unless it certainly is not needed.

slices   what a slice is
cut      what is kept, from the end to the beginning: start reading here
failed   what an action that failed had done before
effects  what a code block does to names
names    what a name may stand for
files    what a code block does to files
tables   functions and methods that are known by name
"""

from __future__ import annotations

from ..session import Session
from .cut import cut
from .failed import before_the_error
from .slices import Dropped, Slice

__all__ = ["Dropped", "Slice", "before_the_error", "clean", "without_failures"]


def clean(session: Session) -> Slice:
    """Return the smallest slice of `session`: what its end result depends on."""
    return cut(session, keep_all=False)


def without_failures(session: Session) -> Slice:
    """Return the slice of `session` that has all that ran well: for when the smallest one is not enough."""
    return cut(session, keep_all=True)
