"""Compare two texts, apart from values that differ in every run and the last digits of numbers."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from datetime import datetime
from itertools import zip_longest
from math import isfinite
from typing import NamedTuple

from ..text import one_line, plain
from .volatile import CLOCK, NOTES, Token, is_epoch, is_now, tokens

_SHOWN = 40  # characters of either text that a difference shows


class Difference(NamedTuple):
    """How two outputs differ ("" if they do not), and the kinds of values that were not compared exactly."""

    detail: str
    notes: frozenset[str] = frozenset()


SAME = Difference("")


class Tolerances(NamedTuple):
    """The differences that are allowed: of numbers, and of dates and times that come from the clock."""

    relative: float  # between numbers
    now: datetime  # the time of the new run
    then: datetime | None = None  # the time of the recorded run, if it is known


def compare_texts(recorded: str, seen: str, tolerances: Tolerances) -> Difference:
    """Return how the text `seen` differs from the `recorded` one."""
    if recorded == seen:
        return SAME
    recorded = _as_displayed(recorded)
    seen = _as_displayed(seen)
    if recorded == seen:
        return Difference("", frozenset({"colours"}))
    found = _compare(recorded, seen, tolerances)
    if not found.detail:
        return found
    sorted_found = _compare_with_sorted_sets(recorded, seen, tolerances)
    if sorted_found is None or sorted_found.detail:
        return found
    return Difference("", sorted_found.notes | {"order of sets"})


def _compare_with_sorted_sets(recorded: str, seen: str, tolerances: Tolerances) -> Difference | None:
    """Compare the texts with their sets sorted; return None if that changes neither."""
    sorted_recorded = _with_sorted_sets(recorded)
    sorted_seen = _with_sorted_sets(seen)
    if (sorted_recorded, sorted_seen) == (recorded, seen):
        return None
    return SAME if sorted_recorded == sorted_seen else _compare(sorted_recorded, sorted_seen, tolerances)


def compare_markup(recorded: str, seen: str, tolerances: Tolerances) -> Difference:
    """Return how HTML or SVG differs: as `compare_texts` does, apart from the generated ids of its elements."""
    recorded_ids = _generated_ids(recorded)
    seen_ids = _generated_ids(seen)
    if recorded_ids == seen_ids:
        return compare_texts(recorded, seen, tolerances)
    found = compare_texts(_with_numbered_ids(recorded, recorded_ids), _with_numbered_ids(seen, seen_ids), tolerances)
    return Difference(found.detail, found.notes | {"ids"})


def _as_displayed(text: str) -> str:
    """Return `text` as a terminal finally shows it: without colours, and without overwritten parts of lines."""
    text = plain(text).replace("\r\n", "\n")
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _compare(recorded: str, seen: str, tolerances: Tolerances) -> Difference:
    notes: set[str] = set()
    has_other_rules = False  # whether a line of dashes or the like, as in tables, is longer or shorter
    start = _first_difference(recorded, seen)
    for one, other in zip_longest(tokens(recorded, start), tokens(seen, start)):
        if one is None or other is None:
            return Difference(_ended(recorded, seen, one or other))
        if one.text != other.text:
            note = _tolerated(one, other, tolerances)
            if note is None:
                return Difference(_changed(recorded, seen, one, other))
            has_other_rules |= not note
            notes.add(note)
    notes.discard("")
    if notes:
        return Difference("", frozenset(notes))
    # No value differs, so there is no reason for white space or the length of a line to differ.
    return Difference("only the length of a line differs" if has_other_rules else "only the white space differs")


def _first_difference(one: str, other: str, step: int = 4096) -> int:
    """Return the index at which the first line begins that differs."""
    start = 0
    while start < len(one) and one[start : start + step] == other[start : start + step]:
        start += step
    block = zip(one[start : start + step], other[start : start + step], strict=False)
    same = next((index for index, (a, b) in enumerate(block) if a != b), 0)
    return one.rfind("\n", 0, start + same) + 1


def _tolerated(one: Token, other: Token, tolerances: Tolerances) -> str | None:
    """Return the note about two tokens that may differ ("" if they need none), None if they may not."""
    if one.kind == other.kind and one.kind in NOTES:
        return NOTES[one.kind]
    if one.kind == other.kind == "rule" and one.text[0] == other.text[0]:
        return ""
    if one.kind == other.kind == "number" and _is_close(one.text, other.text, tolerances.relative):
        return f"within {tolerances.relative:g}"
    if one.kind == other.kind and _is_clock(one, tolerances.then) and is_now(other.text, tolerances.now):
        return CLOCK
    return None


def _is_clock(one: Token, then: datetime | None) -> bool:
    """Return whether a recorded token may come from the clock: a time, close to `then` if that is known."""
    if one.kind == "number" and not is_epoch(one.text):
        return False
    return one.kind in ("time", "number") and (then is None or is_now(one.text, then))


def _is_close(one: str, other: str, tolerance: float) -> bool:
    """Return whether two numbers are equal within the relative `tolerance`; two integers must be equal.

    The last digits may differ by one, because they were rounded, if that is less than ten times the tolerance.
    """
    one = one.replace(",", "")
    other = other.replace(",", "")
    if _is_integer(one) and _is_integer(other):
        return one.lstrip("+") == other.lstrip("+")
    values = (float(one), float(other))
    if not all(map(isfinite, values)):
        return False
    size = max(map(abs, values))
    distance = abs(values[0] - values[1])
    digit = max(_last_digit(one), _last_digit(other))
    is_rounding = tolerance > 0 and digit <= 10 * tolerance * size and distance <= digit * 1.001
    return distance <= tolerance * size or size <= tolerance * 1e-9 or is_rounding


def _is_integer(text: str) -> bool:
    return text.lstrip("+-").isdecimal()


def _last_digit(text: str) -> float:
    """Return the value of one unit in the last digit of a number."""
    mantissa, _, exponent = text.lower().partition("e")
    power = int(exponent or 0) - len(mantissa.partition(".")[2])
    return float(10**power) if abs(power) < 300 else 0.0


_SET = re.compile(r"\{[^{}:\n]{1,5000}\}")


def _with_sorted_sets(text: str) -> str:
    """Return `text` with the elements of its sets sorted: each process shows them in another order."""
    return _SET.sub(lambda match: _sorted_set(match[0]), text)


def _sorted_set(text: str) -> str:
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        value = ast.literal_eval(text)
        if isinstance(value, set):
            return "{" + ", ".join(sorted(map(repr, value))) + "}"
    return text


_ID = re.compile(r"""\bid=["']([\w.:-]*\d[\w.:-]*)["']""")
_WORD = re.compile(r"[\w.:-]+")
_MARKUP = re.compile(r"<style\b.*?</style>|<script\b.*?</script>|<[^<>]*>", re.DOTALL | re.IGNORECASE)


def _generated_ids(markup: str) -> list[str]:
    """Return the ids that hold a digit, in order of appearance."""
    return list(dict.fromkeys(_ID.findall(markup)))


def _with_numbered_ids(markup: str, ids: list[str]) -> str:
    """Return `markup` with its ids numbered in tags, styles and scripts. Visible text is not changed."""
    names = {name: f"id-{number}" for number, name in enumerate(ids)}

    def renamed(part: re.Match[str]) -> str:
        return _WORD.sub(lambda match: names.get(match[0], match[0]), part[0])

    return _MARKUP.sub(renamed, markup)


def _changed(recorded: str, seen: str, one: Token, other: Token) -> str:
    change = f"{_around(recorded, one)} became {_around(seen, other)}"
    if "\n" not in recorded.rstrip("\n"):
        return change
    return f"line {recorded.count(chr(10), 0, one.start) + 1}: {change}"


def _ended(recorded: str, seen: str, rest: Token | None) -> str:
    text, verb = (recorded, "no longer shown") if len(recorded) > len(seen) else (seen, "shown in addition")
    return f"{verb}: {_around(text, rest)}" if rest else verb


def _around(text: str, token: Token) -> str:
    """Return the line that holds `token`, or the part of it around the token."""
    start = text.rfind("\n", 0, token.start) + 1
    line = text[start:].partition("\n")[0]
    if len(line) > _SHOWN:
        line = _excerpt(line, max(0, token.start - start - _SHOWN // 4))
    return repr(one_line(line, _SHOWN + 2))


def _excerpt(line: str, start: int) -> str:
    end = start + _SHOWN
    before = "…" if start else ""
    after = "…" if end < len(line) else ""
    return before + line[start:end] + after
