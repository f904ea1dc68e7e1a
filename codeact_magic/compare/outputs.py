"""The outputs of one run, sorted by what they are: text of the streams, results and displays, an error."""

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
    """How the outputs of a run compare with the recorded ones: in a word, and why in a line.

    `notes` tells what was not compared to the letter: "addresses", "timings", "within 1e-06", "figure 0.998 alike".
    """

    verdict: Verdict
    detail: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what there is to say beside the word."""
        return self.detail or ", ".join(self.notes)


_STANDS_IN = "codeact_file"  # in the metadata of an output whose file could not be read when the session was loaded


class RunOutputs:
    """The outputs of one run. What came between what does not matter, only the order within each sort."""

    def __init__(self, outputs: Sequence[Json]) -> None:
        self.streams = {"stdout": "", "stderr": ""}
        self.errors: list[tuple[str, str]] = []
        self.shown: list[Json] = []  # by MIME type
        self.gone: list[str] = []  # files that outputs are in which are not there any more
        for output in outputs:
            self._sort(output)

    def _sort(self, output: Json) -> None:
        if isinstance(output.get("metadata"), dict) and (names := output["metadata"].get(_STANDS_IN)):
            self.gone += map(str, names) if isinstance(names, list) else [str(names)]
            return
        match output.get("output_type"):
            case "stream":
                name = str(output.get("name", "stdout"))
                self.streams[name] = self.streams.get(name, "") + joined(output.get("text"))
            case "error":
                self.errors.append((str(output.get("ename", "")), str(output.get("evalue", ""))))
            case "display_data" | "execute_result" if isinstance(output.get("data"), dict):
                self.shown.append(output["data"])

    def compare(self, seen: RunOutputs, measure: Tolerances) -> Comparison:
        """Return how `seen`, the outputs of the run now, compare with these."""
        notes: set[str] = set()
        for verdict, found in self._differences(seen, measure):
            if found.detail:
                return Comparison(verdict, found.detail)
            notes |= found.notes
        return Comparison("same", notes=tuple(sorted(notes)))

    def _differences(self, seen: RunOutputs, measure: Tolerances) -> Iterator[tuple[Verdict, Difference]]:
        if self.gone:
            yield (
                "missing",
                Difference(f"what it showed is in a file that is gone or was changed: {one_line(self.gone[0])}"),
            )
        yield "differs", _errors(self.errors, seen.errors, measure)
        for name in sorted(self.streams.keys() | seen.streams.keys()):
            yield _streams(name, self.streams.get(name, ""), seen.streams.get(name, ""), measure)
        yield "missing", _missing(self.shown, seen.shown, "shows no {} any more")
        yield "differs", _missing(seen.shown, self.shown, "shows {} in addition")
        for one, other in zip(self.shown, seen.shown, strict=False):
            yield "differs", _displays(one, other, measure)


def _errors(one: list[tuple[str, str]], other: list[tuple[str, str]], measure: Tolerances) -> Difference:
    """Compare errors by name and message; where they came from is not compared."""
    if [name for name, _ in one] != [name for name, _ in other]:
        return Difference(f"raised {_names(one)}, now {_names(other)}")
    notes: frozenset[str] = frozenset()
    for (name, message), (_, now) in zip(one, other, strict=True):
        found = compare_texts(message, now, measure)
        if found.detail:
            return Difference(f"{one_line(name, 60)}: {found.detail}")
        notes |= found.notes
    return Difference("", notes)


def _names(errors: list[tuple[str, str]]) -> str:
    told = [": ".join(filter(None, (one_line(name, 60), one_line(message, 80)))) for name, message in errors]
    return ", ".join(told) or "nothing"


def _streams(name: str, one: str, other: str, measure: Tolerances) -> tuple[Verdict, Difference]:
    if one and not other:
        return "missing", Difference(f"writes nothing to {one_line(name, 20)} any more")
    found = compare_texts(one, other, measure)
    where = f"{one_line(name, 20)}, " if found.detail and name != "stdout" else ""
    return "differs", found._replace(detail=where + found.detail)


def _missing(one: list[Json], other: list[Json], line: str) -> Difference:
    """Return what `one` shows and `other` does not, by what it is."""
    missing = Counter(map(_sort_of, one)) - Counter(map(_sort_of, other))
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
_FIGURES = frozenset(kind for kind, sort in _RICHEST_FIRST if sort == "figure")


def _sort_of(data: Json) -> str:
    return next((sort for kind, sort in _RICHEST_FIRST if kind in data), "display")


def _displays(one: Json, other: Json, measure: Tolerances) -> Difference:
    """Compare two displays by all forms that both have, the richest first."""
    if bool(_FIGURES & one.keys()) != bool(_FIGURES & other.keys()):
        return Difference(f"showed a {_sort_of(one)}, now a {_sort_of(other)}")
    known = [kind for kind, _ in _RICHEST_FIRST]
    others = sorted(kind for kind in one if kind not in known and _is_comparable(kind))
    shared = [kind for kind in [*known[:-1], *others, known[-1]] if kind in one and kind in other]
    notes: frozenset[str] = frozenset()
    for kind in shared:
        found = _by_kind(kind, one[kind], other[kind], measure)
        if found.detail:
            return found
        notes |= found.notes
    if shared:
        return Difference("", notes)
    return SAME if one == other else Difference(f"showed a {_sort_of(one)}, now a {_sort_of(other)}")


def _is_comparable(kind: str) -> bool:
    """Tell whether a form says something by itself: a widget's is only the number of its model."""
    return "widget" not in kind


def _by_kind(kind: str, one: Any, other: Any, measure: Tolerances) -> Difference:
    if kind in _FIGURES:
        return compare_figures(one, other)
    if kind in ("image/svg+xml", "text/html"):
        return compare_markup(_text(one), _text(other), measure)
    return compare_texts(_text(one), _text(other), measure)


def _text(value: Any) -> str:
    """Return the text of a form: lines are joined, JSON is written in one order."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
