"""Whether two texts say the same, but for what differs in every run and for the last digits of numbers."""

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
    """How two outputs differ, in words ("" where they do not), and what was not compared to the letter."""

    detail: str
    notes: frozenset[str] = frozenset()


SAME = Difference("")


class Tolerances(NamedTuple):
    """What may differ: numbers by a relative `tolerance`, dates and times that are those of the two runs.

    The one now was at `now`, the recorded one at `then`, where that is known.
    """

    tolerance: float
    now: datetime
    then: datetime | None = None


def compare_texts(recorded: str, seen: str, measure: Tolerances) -> Difference:
    """Return how the text `seen` differs from the `recorded` one."""
    if recorded == seen:
        return SAME
    recorded, seen = _settled(recorded), _settled(seen)
    if recorded == seen:
        return Difference("", frozenset({"colours"}))
    found = _compare(recorded, seen, measure)
    if not found.detail:
        return found
    sorted_sets = _with_sorted_sets(recorded), _with_sorted_sets(seen)
    if sorted_sets == (recorded, seen):
        return found
    again = _compare(*sorted_sets, measure) if sorted_sets[0] != sorted_sets[1] else SAME
    return found if again.detail else Difference("", again.notes | {"order of sets"})


def compare_markup(recorded: str, seen: str, measure: Tolerances) -> Difference:
    """Return how HTML or SVG differs: as text does, whatever the generated ids of its elements are."""
    ids, other_ids = _generated_ids(recorded), _generated_ids(seen)
    if ids == other_ids:
        return compare_texts(recorded, seen, measure)
    found = compare_texts(_renamed(recorded, ids), _renamed(seen, other_ids), measure)
    return Difference(found.detail, found.notes | {"ids"})


def _settled(text: str) -> str:
    """Return `text` as a screen shows it at last: without colours, and without what was overwritten in a line."""
    text = plain(text).replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")) if "\r" in text else text


def _compare(recorded: str, seen: str, measure: Tolerances) -> Difference:
    notes: set[str] = set()
    ruled = False  # whether a line of a table is longer or shorter
    start = _same_lines(recorded, seen)
    for one, other in zip_longest(tokens(recorded, start), tokens(seen, start)):
        if one is None or other is None:
            return Difference(_ended(recorded, seen, one or other))
        if one.text != other.text:
            note = _tolerated(one, other, measure)
            if note is None:
                return Difference(_changed(recorded, seen, one, other))
            ruled |= not note
            notes.add(note)
    notes.discard("")
    if not notes:  # then white space and lines have no reason to differ
        return Difference("only the length of a line differs" if ruled else "only the white space differs")
    return Difference("", frozenset(notes))


def _same_lines(one: str, other: str, step: int = 4096) -> int:
    """Return where the first line begins that is not the same in both."""
    start = 0
    while start < len(one) and one[start : start + step] == other[start : start + step]:
        start += step
    block = zip(one[start : start + step], other[start : start + step], strict=False)
    same = next((place for place, (a, b) in enumerate(block) if a != b), 0)
    return one.rfind("\n", 0, start + same) + 1


def _tolerated(one: Token, other: Token, measure: Tolerances) -> str | None:
    """Return what to say of two tokens that may differ, "" where that goes without saying; None where they may not."""
    if one.kind == other.kind and one.kind in NOTES:
        return NOTES[one.kind]
    if one.kind == other.kind == "rule" and one.text[0] == other.text[0]:
        return ""
    if one.kind == other.kind == "number" and _close(one.text, other.text, measure.tolerance):
        return f"within {measure.tolerance:g}"
    if one.kind == other.kind and _is_clock(one, measure.then) and is_now(other.text, measure.now):
        return CLOCK
    return None


def _is_clock(one: Token, then: datetime | None) -> bool:
    """Tell whether a recorded token may be the clock's: a time, of its run where that is known."""
    if one.kind == "number" and not is_epoch(one.text):
        return False
    return one.kind in ("time", "number") and (then is None or is_now(one.text, then))


def _close(one: str, other: str, tolerance: float) -> bool:
    """Return whether two numbers are the same within the relative `tolerance`; two integers only where they are equal.

    The last digit may differ by one where it means less than ten times that: it was rounded.
    """
    one, other = one.replace(",", ""), other.replace(",", "")
    if _is_integer(one) and _is_integer(other):
        return one.lstrip("+") == other.lstrip("+")
    values = float(one), float(other)
    if not all(map(isfinite, values)):
        return False
    size, apart = max(map(abs, values)), abs(values[0] - values[1])
    digit = max(_last_digit(one), _last_digit(other))
    rounded = tolerance > 0 and digit <= 10 * tolerance * size and apart <= digit * 1.001
    return apart <= tolerance * size or size <= tolerance * 1e-9 or rounded


def _is_integer(text: str) -> bool:
    return text.lstrip("+-").isdecimal()


def _last_digit(text: str) -> float:
    """Return what one more in the last digit of a number makes."""
    mantissa, _, exponent = text.lower().partition("e")
    power = int(exponent or 0) - len(mantissa.partition(".")[2])
    return float(10**power) if abs(power) < 300 else 0.0


_SET = re.compile(r"\{[^{}:\n]{1,5000}\}")


def _with_sorted_sets(text: str) -> str:
    """Return `text` with the elements of the sets in it in order: Python shows them in another one in each process."""
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
    """Return the ids with a digit in them, in the order in which they are given."""
    return list(dict.fromkeys(_ID.findall(markup)))


def _renamed(markup: str, ids: list[str]) -> str:
    """Return `markup` with its ids numbered, wherever tags, styles and scripts name them: what is read stays."""
    names = {name: f"id-{number}" for number, name in enumerate(ids)}

    def renamed(part: re.Match[str]) -> str:
        return _WORD.sub(lambda match: names.get(match[0], match[0]), part[0])

    return _MARKUP.sub(renamed, markup)


def _changed(recorded: str, seen: str, one: Token, other: Token) -> str:
    place = f"line {recorded.count(chr(10), 0, one.start) + 1}: " if "\n" in recorded.rstrip("\n") else ""
    return f"{place}{_around(recorded, one)} became {_around(seen, other)}"


def _ended(recorded: str, seen: str, rest: Token | None) -> str:
    text, verb = (recorded, "no longer shown") if len(recorded) > len(seen) else (seen, "shown in addition")
    return f"{verb}: {_around(text, rest)}" if rest else verb


def _around(text: str, token: Token) -> str:
    """Return the line that `token` is in, or the part of it around the token."""
    start, end = text.rfind("\n", 0, token.start) + 1, text.find("\n", token.start)
    line = text[start : end if end >= 0 else None]
    if len(line) > _SHOWN:
        cut = max(0, token.start - start - _SHOWN // 4)
        line = ("…" if cut else "") + line[cut : cut + _SHOWN] + ("…" if cut + _SHOWN < len(line) else "")
    return repr(one_line(line, _SHOWN + 2))
