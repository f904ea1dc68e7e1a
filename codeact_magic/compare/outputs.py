"""The outputs of one run, sorted by type: streams, displays (with results), and errors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..session import Json, joined
from ..text import one_line
from .figures import compare_figures
from .texts import SAME, Difference, Tolerances, compare_markup, compare_texts

Verdict = Literal["same", "differs", "missing"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the outputs of a run compare with the recorded ones: the verdict, and one line that explains it.

    `notes` names the values that were not compared exactly: "addresses", "timings", "within 1e-06", "figure 0.998
    alike".
    """

    verdict: Verdict
    detail: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the explanation beside the verdict, which may be empty."""
        return self.detail or ", ".join(self.notes)


_UNREADABLE_FILE = "codeact_file"  # metadata of an output whose file could not be read as the session was loaded


class RunOutputs:
    """The outputs of one run. Only the order within each type matters, not how the types were interleaved."""

    def __init__(self, outputs: Sequence[Json]) -> None:
        self.streams = {"stdout": "", "stderr": ""}
        self.errors: list[tuple[str, str]] = []
        self.shown: list[Json] = []  # by MIME type
        self.lost_files: list[str] = []  # files of outputs that are missing or were changed
        for output in outputs:
            self._sort(output)

    def _sort(self, output: Json) -> None:
        if isinstance(output.get("metadata"), dict) and (names := output["metadata"].get(_UNREADABLE_FILE)):
            self.lost_files += map(str, names) if isinstance(names, list) else [str(names)]
            return
        match output.get("output_type"):
            case "stream":
                name = str(output.get("name", "stdout"))
                self.streams[name] = self.streams.get(name, "") + joined(output.get("text"))
            case "error":
                self.errors.append((str(output.get("ename", "")), str(output.get("evalue", ""))))
            case "display_data" | "execute_result" if isinstance(output.get("data"), dict):
                self.shown.append(output["data"])

    def compare(self, seen: RunOutputs, tolerances: Tolerances) -> Comparison:
        """Return how `seen`, the outputs of the new run, compare with these."""
        notes: set[str] = set()
        for verdict, found in self._differences(seen, tolerances):
            if found.detail:
                return Comparison(verdict, found.detail)
            notes |= found.notes
        return Comparison("same", notes=tuple(sorted(notes)))

    def _differences(self, seen: RunOutputs, tolerances: Tolerances) -> Iterator[tuple[Verdict, Difference]]:
        if self.lost_files:
            detail = f"its output is in a file that is missing or was changed: {one_line(self.lost_files[0])}"
            yield "missing", Difference(detail)
        yield "differs", _errors(self.errors, seen.errors, tolerances)
        for name in sorted(self.streams.keys() | seen.streams.keys()):
            yield _streams(name, self.streams.get(name, ""), seen.streams.get(name, ""), tolerances)
        yield "missing", _missing(self.shown, seen.shown, "shows no {} any more")
        yield "differs", _missing(seen.shown, self.shown, "shows {} in addition")
        for one, other in zip(self.shown, seen.shown, strict=False):
            yield "differs", _displays(one, other, tolerances)


def _errors(one: list[tuple[str, str]], other: list[tuple[str, str]], tolerances: Tolerances) -> Difference:
    """Compare errors by name and message, without their tracebacks."""
    if [name for name, _ in one] != [name for name, _ in other]:
        return Difference(f"raised {_names(one)}, now {_names(other)}")
    notes: frozenset[str] = frozenset()
    for (name, message), (_, now) in zip(one, other, strict=True):
        found = compare_texts(message, now, tolerances)
        if found.detail:
            return Difference(f"{one_line(name, 60)}: {found.detail}")
        notes |= found.notes
    return Difference("", notes)


def _names(errors: list[tuple[str, str]]) -> str:
    lines = [_error_line(name, message) for name, message in errors]
    return ", ".join(lines) or "nothing"


def _error_line(name: str, message: str) -> str:
    return ": ".join(filter(None, (one_line(name, 60), one_line(message, 80))))


def _streams(name: str, one: str, other: str, tolerances: Tolerances) -> tuple[Verdict, Difference]:
    if one and not other:
        return "missing", Difference(f"writes nothing to {one_line(name, 20)} any more")
    found = compare_texts(one, other, tolerances)
    if found.detail and name != "stdout":
        found = found._replace(detail=f"{one_line(name, 20)}, {found.detail}")
    return "differs", found


def _missing(one: list[Json], other: list[Json], line: str) -> Difference:
    """Return the difference that `one` shows more than `other`: `line`, filled with the types that are missing."""
    missing = Counter(map(_type_of, one)) - Counter(map(_type_of, other))
    if not missing or len(one) <= len(other):
        return SAME
    return Difference(line.format(" and ".join(sorted(missing))))


_RICHEST_FIRST: Sequence[tuple[str, str]] = (
    ("image/png", "figure"),
    ("image/jpeg", "figure"),
    ("image/gif", "figure"),
    ("image/webp", "figure"),
    ("image/svg+xml", "drawing"),
    ("text/html", "table or HTML"),
    ("text/markdown", "text"),
    ("text/latex", "formula"),
    ("application/json", "data"),
    ("text/plain", "value"),
)
_FIGURES = frozenset(mime for mime, name in _RICHEST_FIRST if name == "figure")


def _type_of(data: Json) -> str:
    return next((name for mime, name in _RICHEST_FIRST if mime in data), "display")


def _displays(one: Json, other: Json, tolerances: Tolerances) -> Difference:
    """Compare two displays by all MIME types that both have, the richest first."""
    if bool(_FIGURES & one.keys()) != bool(_FIGURES & other.keys()):
        return Difference(f"showed a {_type_of(one)}, now a {_type_of(other)}")
    shared = [mime for mime in _comparable_types(one) if mime in other]
    notes: frozenset[str] = frozenset()
    for mime in shared:
        found = _by_mime_type(mime, one[mime], other[mime], tolerances)
        if found.detail:
            return found
        notes |= found.notes
    if shared:
        return Difference("", notes)
    return SAME if one == other else Difference(f"showed a {_type_of(one)}, now a {_type_of(other)}")


def _comparable_types(data: Json) -> list[str]:
    """Return the MIME types of a display, the richest first; without widgets, which hold only the id of a model."""
    known = [mime for mime, _ in _RICHEST_FIRST]
    others = sorted(mime for mime in data if mime not in known and "widget" not in mime)
    return [mime for mime in [*known[:-1], *others, known[-1]] if mime in data]


def _by_mime_type(mime: str, one: Any, other: Any, tolerances: Tolerances) -> Difference:
    if mime in _FIGURES:
        return compare_figures(one, other)
    if mime in ("image/svg+xml", "text/html"):
        return compare_markup(_text(one), _text(other), tolerances)
    return compare_texts(_text(one), _text(other), tolerances)


def _text(value: Any) -> str:
    """Return the data of a MIME type as text: lines are joined, and the keys of JSON are sorted."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
