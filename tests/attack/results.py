"""What came of attacks: single tries, and how they are counted and shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

FIRST = 5  # names of what did not hold that are shown of each kind
WIDEST = 100  # characters of such a name


class UnavailableError(Exception):
    """Something that a category needs is not on this machine; the message names it."""


@dataclass(frozen=True, slots=True)
class Try:
    """One attack: its kind and name, whether the promise held, and what was seen."""

    kind: str
    name: str
    held: bool
    seen: str = ""


@dataclass
class Tally:
    """The tries of one category, the seconds that they took, and why some were left out ("" if none were)."""

    category: str
    tries: list[Try] = field(default_factory=list)
    seconds: float = 0.0
    left_out: str = ""

    @property
    def open(self) -> list[Try]:
        """The tries that did not hold."""
        return [one for one in self.tries if not one.held]

    @property
    def holds(self) -> bool:
        """Whether all was tried, and all held."""
        return bool(self.tries) and not self.open and not self.left_out

    @property
    def kinds(self) -> dict[str, tuple[int, int]]:
        """How many were tried and how many held, by kind."""
        counts: dict[str, tuple[int, int]] = {}
        for one in self.tries:
            tried, held = counts.get(one.kind, (0, 0))
            counts[one.kind] = (tried + 1, held + one.held)
        return counts

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        kinds = {kind: {"tried": tried, "held": held} for kind, (tried, held) in self.kinds.items()}
        return {
            "category": self.category,
            "tried": len(self.tries),
            "held": len(self.tries) - len(self.open),
            "seconds": round(self.seconds, 1),
            "left_out": self.left_out,
            "kinds": kinds,
            "open": [asdict(one) for one in self.open],
        }


def tally(category: str, tries: Iterator[Try], seconds: float) -> Tally:
    """Return the count of `tries`, begun for at most `seconds`."""
    counted = Tally(category)
    began = time.monotonic()
    with closing(tries):  # type: ignore[type-var]  # the categories are generators
        try:
            for one in tries:
                counted.tries.append(one)
                if time.monotonic() - began > seconds:
                    counted.left_out = f"stopped after {seconds:g} s"
                    break
        except UnavailableError as error:
            counted.left_out = str(error)
        except Exception as error:  # the harness itself: the other categories go on
            counted.left_out = f"broken off: {type(error).__name__}: {error!s:.200}".replace("\n", " ")
    counted.seconds = time.monotonic() - began
    return counted


def table(tallies: list[Tally]) -> str:
    """Return the counts as a table, one line for each kind and one for each category."""
    rows = [("category", "kind", "tried", "held", "")]
    for one in tallies:
        rows.extend((one.category, kind, str(tried), str(held), "") for kind, (tried, held) in one.kinds.items())
        held = len(one.tries) - len(one.open)
        note = f"{one.seconds:.0f} s  {one.left_out}".rstrip()
        rows.append((one.category, "all", str(len(one.tries)), str(held), note))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    category, kind, tried, held, note = row
    counts = f"{tried:>{widths[2]}}  {held:>{widths[3]}}"
    return f"{category:<{widths[0]}}  {kind:<{widths[1]}}  {counts}  {note}".rstrip()


def failures(tallies: list[Tally], most: int) -> str:
    """Return the names of what did not hold, at most `most` of each kind."""
    lines: list[str] = []
    for one in tallies:
        for kind in one.kinds:
            lines.extend(_named(one.category, kind, [each for each in one.open if each.kind == kind], most))
    return "\n".join(lines)


def _named(category: str, kind: str, tries: list[Try], most: int) -> Iterator[str]:
    if tries:
        yield f"{category}, {kind}: {len(tries)} did not hold"
    for one in tries[:most]:
        name = one.name.replace("\n", " ⏎ ")
        shown = name if len(name) <= WIDEST else name[: WIDEST - 1] + "…"
        yield f"    {shown}{' -- ' if one.seen else ''}{one.seen}"
    if len(tries) > most:
        yield f"    and {len(tries) - most} more (--all names them)"
