"""Which code blocks the end result of a session depends on: def-use analysis over names and files (Weiser, 1981).

Nothing is run here. Names are followed by a simple rule that may be wrong about objects that hide in others, so a slice
has to be proved: it is run beside the whole session (`verify.proof`). A proof cannot show changes to files, to
other processes, to settings and on the network; code that touches these is kept unless it certainly is not needed.

slices   the slice, as a value
cut      chooses the blocks to keep, from the last to the first: start reading here
failed   the effects of an action up to its failure
effects  the effects of a code block on names
meanings the modules, functions and objects that a name may stand for
files    the effects of a code block on files
library  functions and methods that are known by name
"""

from __future__ import annotations

from ..session import Session
from .cut import cut
from .failed import before_the_error
from .slices import Dropped, Slice

__all__ = ["Dropped", "Slice", "before_the_error", "clean", "without_failures"]


def clean(session: Session) -> Slice:
    """Return the smallest slice of `session`: the code blocks that its end result depends on."""
    return cut(session, keep_all=False)


def without_failures(session: Session) -> Slice:
    """Return the slice of `session` that has all that ran well: for when the smallest one is not enough."""
    return cut(session, keep_all=True)
