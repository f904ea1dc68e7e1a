"""Tells reasoning from the rest of a reply: code in reasoning is never an action."""

from __future__ import annotations

import re

from .marks import HEADER, REASONING, Reasoning


def split_reasoning(text: str) -> tuple[str, str]:
    """Return the reasoning at the beginning of `text`, and the rest of `text`."""
    reasoning, position = _split(text)
    rest = text[position:].lstrip() if position else text
    return "\n".join(filter(None, reasoning)), rest


def is_settled(text: str) -> bool:
    """Return whether no text after `text` can turn more of it into reasoning: its reasoning has begun and ended.

    A reply without marks is not settled: its chat template may have begun the reasoning, and the mark that ends it may
    come yet.
    """
    if not _may_hold_end(text):
        return False
    reasoning, position = _split(text)
    return bool(reasoning) and "\n" in text[position:]  # the line decides whether a mark is quoted


def may_be_reasoning(text: str) -> bool:
    """Return whether a reply of which `text` has come may turn out to begin with reasoning."""
    begun = text.lstrip().lower()
    return any(begun != begin and begin.startswith(begun) for begin in _ENDS)


def passage_end(text: str, begin: re.Match[str]) -> tuple[int, int]:
    """Return where the reasoning that a match of `begin` opens ends, and the position after the mark that ends it."""
    ending = _ENDS[begin[0].strip().lower()].search(text, begin.end())
    return ending.span() if ending else (len(text), len(text))


def _split(text: str) -> tuple[list[str], int]:
    """Return the passages of reasoning at the beginning of `text`, and the position after them."""
    reasoning: list[str] = []
    position = 0
    lone = None if _BEGIN.match(text) else _lone_end(text)
    if lone:
        reasoning.append(text[: lone.start()].strip())
        position = lone.end()
    while match := _BEGIN.match(text, position) or _LEADING_HEADER.match(text, position):
        position = match.end()
        if match.re is _BEGIN:
            end, position = passage_end(text, match)
            reasoning.append(text[match.end() : end].strip())
    return reasoning, position


def _lone_end(text: str) -> re.Match[str] | None:
    """Return the first mark that ends reasoning which no mark began, unless it is quoted."""
    if not _may_hold_end(text):
        return None
    lower = text.lower()
    begins = {row: lower.find(row.begin.lower()) for row in _LONE_ROWS}
    for match in _LONE_END.finditer(text):
        row = _LONE_ROWS[int(str(match.lastgroup).removeprefix("row"))]
        if not 0 <= begins[row] < match.start() and not _is_quoted(text, match):
            return match
    return None


def _is_quoted(text: str, mark: re.Match[str]) -> bool:
    """Return whether a mark stands between quotes, both of them on its line."""
    before = text[max(0, mark.start() - _LONGEST_QUOTE) : mark.start()].rpartition("\n")[2]
    after = text[mark.end() : mark.end() + _LONGEST_QUOTE].partition("\n")[0]
    quote = _QUOTE.search(before)
    return quote is not None and re.match(rf"[^'\"`]*+{quote[1]}(?!\w)", after) is not None


def _may_hold_end(text: str) -> bool:
    return any(character in text and hint in text for character, hint in _HINTS)


def _begin(row: Reasoning) -> str:
    """Return the pattern of what begins reasoning; a bare word does so only if a sentence is glued to it."""
    return rf"(?-i:{row.begin}(?=[A-Z]))" if row.begin.isalpha() else re.escape(row.begin)


_LONGEST_QUOTE = 200  # characters
_QUOTE = re.compile(r"(?<!\w)[rbfu]{0,2}(['\"`])[^'\"`]*\Z")
# One of them is in each mark that ends reasoning. The character is looked for first: it is found, or not, much faster.
_HINTS = (
    *(("/", "</"), ("/", "[/"), ("/", "◁/"), ("|", "|>"), (">", "unused95>"), ("]", "unused17]"), ("]", "RESPONSE]")),
    *((":", "response:"), ("f", "assistantfinal")),
)
_ENDS = {row.begin.lower(): re.compile(row.end, re.IGNORECASE) for row in REASONING}
_BEGINS = [row for row in REASONING if row.begin != "<|channel|>"]
_BEGIN = re.compile(rf"\s*+(?:{'|'.join(map(_begin, _BEGINS))})", re.IGNORECASE)
_LEADING_HEADER = re.compile(rf"\s*+(?:{HEADER.pattern})", re.IGNORECASE)
_LONE_ROWS = [row for row in REASONING if row.lone]
_LONE_END = re.compile(  # the characters that a mark begins with make the search fast
    "(?=[<a◁[])(?:" + "|".join(f"(?P<row{number}>{row.end})" for number, row in enumerate(_LONE_ROWS)) + ")",
    re.IGNORECASE,
)
INNER_BEGIN = "|".join(re.escape(row.begin) for row in _BEGINS if not row.begin[0].isalpha())
