"""Which code of a session its end result depends on: def-use analysis over names and files (Weiser, 1981).

Nothing is run. Where the code does not tell, a name counts as read, an object as changed and a piece of code as needed:
what is kept too much costs a cell, what is missing breaks the rest.

units       the code of a session, piece by piece
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
from .cut import cut
from .units import Dropped, Slice, Unit, units

__all__ = ["Dropped", "Slice", "Unit", "clean", "units"]


def clean(session: Session) -> Slice:
    """Return the code that the end result of `session` depends on, and why the rest can go."""
    return cut(session, units(session))
