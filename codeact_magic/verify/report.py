"""The result of running a session again, as a table that fits on a screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from ..hints import Hint, RunCommand
from ..text import one_line

Result = Literal["same", "ran", "differs", "missing", "left out"]
_MOST = 24  # rows of a table; in a longer one, consecutive rows with the result "same" become one row
_LEAST = 12  # characters of the code, and of the detail


@dataclass(frozen=True, slots=True)
class Row:
    """The result of one code block: an action, numbered in the session's order, or a cell of the user's own (0)."""

    number: int
    code: str
    result: Result
    detail: str = ""

    @property
    def name(self) -> str:
        """The text of the first column."""
        return str(self.number) if self.number else "cell"


@dataclass(frozen=True, slots=True)
class Report:
    """The comparison of a session with a new run of it; `note` says why that run ended early."""

    rows: tuple[Row, ...] = ()
    note: str = ""
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """The exit status: 0 if all is the same, 1 if anything differs or is missing, 2 if nothing could be run."""
        if self.note and not any(row.result in ("same", "ran", "differs") for row in self.rows):
            return 2
        return int(bool(self.note) or any(row.result in ("differs", "missing") for row in self.rows))

    @property
    def line(self) -> str:
        """The report in one line."""
        if not self.rows:
            return self.note or "Nothing ran in this session, so there is nothing to verify."
        counts = Counter(row.result for row in self.rows)
        parts = [f"{counts[result]} {result}" for result in _ORDER if counts[result]]
        return f"{', '.join(parts)} ({self.seconds:.1f} s)"

    def table(self, width: int = 100) -> str:
        """Return the report as plain text, in lines of at most `width` characters."""
        return "\n".join(filter(None, [*self._rows(width), self.line, *self._advice()]))

    @property
    def hints(self) -> tuple[Hint, ...]:
        """How to look into the first action that differs."""
        first = next((row for row in self.rows if row.result in ("differs", "missing")), None)
        if first is None or first.number < 2:
            return ()
        return (RunCommand("replay", f"FILE --until {first.number - 1}", to=_LOOK.format(number=first.number)),)

    def _rows(self, width: int) -> Iterator[str]:
        rows = [_shown(row, width) for row in self.rows]
        if len(rows) > _MOST:
            rows = list(_folded(rows))
        if rows:
            yield from _aligned([("", "code", "result", ""), *rows], width)

    def _advice(self) -> Iterator[str]:
        if self.rows and self.note:
            yield self.note
        first = next((row for row in self.rows if row.result in ("differs", "missing")), None)
        if first and not first.number and first.result == "differs":
            yield _OWN


_LOOK = "to look into action {number}, replay what ran before it"
_OWN = "A cell from before a prompt does not run as it did: what it needs is not in the session, or has changed since."
_ORDER: tuple[Result, ...] = ("same", "ran", "differs", "missing", "left out")
_Line = tuple[str, str, str, str]


def headline(code: str, most: int = 80) -> str:
    """Return the line that tells most about `code`: the first one that is neither a comment nor an import."""
    lines = [line for line in code.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in lines:
        if not line.startswith(("import ", "from ")):
            return one_line(line, most)
    return one_line(lines[0] if lines else "", most)


def _shown(row: Row, width: int) -> _Line:
    return row.name, headline(row.code, width), row.result, one_line(row.detail, 1000)


def _folded(rows: list[_Line]) -> Iterator[_Line]:
    """Yield `rows`, with three or more consecutive rows of the result "same" as one row."""
    for same, group in groupby(rows, lambda row: row[2] == "same"):
        lines = list(group)
        if not same or len(lines) < 3:
            yield from lines
        else:
            notes = sorted({note for line in lines for note in line[3].split(", ") if note})
            yield f"{lines[0][0]}-{lines[-1][0]}", f"{len(lines)} code blocks", "same", ", ".join(notes)


def _aligned(rows: list[_Line], width: int) -> Iterator[str]:
    first = max(len(row[0]) for row in rows)
    third = max(len(row[2]) for row in rows)
    detail = max(len(row[3]) for row in rows)
    room = max(2 * _LEAST, width - first - third - 6)
    code = min(max(len(row[1]) for row in rows), max(_LEAST, room * 2 // 5, room - detail))
    for name, text, result, note in rows:
        line = f"{name:>{first}}  {_cut(text, code):<{code}}  {result:<{third}}  {_cut(note, room - code)}"
        yield line.rstrip()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
