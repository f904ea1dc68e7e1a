"""Which code of a session its end result depends on: def-use analysis over names and files."""

from __future__ import annotations

from ..session import Session
from .units import Dropped, Slice, Unit, units

__all__ = ["Dropped", "Slice", "Unit", "clean", "units"]


def clean(session: Session) -> Slice:
    """Return the code that the end result of `session` depends on, and why the rest can go."""
    found = units(session)
    ran = tuple(unit for unit in found if unit.status == "ok" or not unit.number)
    dropped = tuple(Dropped(unit, "it failed") for unit in found if unit not in ran)
    return Slice(ran, dropped, ())
