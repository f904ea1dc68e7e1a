"""Which code of a session its end result depends on: def-use analysis over names and files (Weiser, 1981).

Nothing is run. Where the code does not tell, a name counts as read, an object as changed and a piece of code as needed:
what is kept too much costs a cell, what is missing breaks the rest.

parts       what is kept, and what is not
cut         what is kept, from the end to the beginning
effects     what a piece of code does to names
statements  in which order, and which names are bound for sure
files       what it does to files
sharing     which names may share an object, and which code changes it
facts       what a name stands for
tables      what is known of functions and methods by name
"""

from __future__ import annotations

from ..session import Session
from ..sessions.code_blocks import code_blocks
from .cut import before_the_error, cut
from .parts import Dropped, Slice

__all__ = ["Dropped", "Slice", "before_the_error", "clean"]


def clean(session: Session) -> Slice:
    """Return the code that the end result of `session` depends on, and why the rest can go."""
    return cut(session, code_blocks(session))
