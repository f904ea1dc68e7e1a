"""Finds where a cell magic ends that stands in a fence: its text may hold fences of its own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .python import PYTHON_CELLS, SHELL_CELLS, cell_magic

_HERE_DOCUMENT = re.compile(r"(?<!<)<<(?P<tabs>-?)[ \t]*+(?P<quote>['\"\\]?)(?P<word>[A-Za-z_]\w*+)")


@dataclass(frozen=True)
class FenceLine:
    """A line of a text that is a fence: where it begins and ends, and whether it names a language."""

    start: int
    end: int
    kind: Literal["opens", "bare"]


def cell_end(text: str, start: int, lines: Sequence[FenceLine]) -> FenceLine | None:
    """Return the line of `lines` that ends the cell magic at `start`, or None if that cannot be told."""
    if cell_magic(text[start:]) in SHELL_CELLS:
        return _shell_end(text, start, lines)
    return _text_end(lines)


def may_go_on(code: str, text: str, end: int, begins: re.Pattern[str], ends: re.Pattern[str]) -> bool:
    """Return whether a cell magic, `code`, may go on behind the mark that ends at `end`.

    It may if another such mark follows, and nothing begins in between.
    """
    magic = cell_magic(code)
    following = ends.search(text, end) if magic and magic not in PYTHON_CELLS else None
    return following is not None and not begins.search(text, end, following.start())


def _shell_end(text: str, start: int, lines: Sequence[FenceLine]) -> FenceLine | None:
    bare = [line for line in lines if line.kind == "bare"]
    whole = (line for line in bare[:_MOST_TRIES] if _is_whole_script(text[start : line.start]))
    return next(whole, None)


def _text_end(lines: Sequence[FenceLine]) -> FenceLine | None:
    """Return the line that ends a text: each fence in the text that names a language has ended before it.

    Fences without a language, inside and after the text, look alike: if another one follows, nobody can tell.
    """
    depth = 0
    for number, line in enumerate(lines):
        if line.kind == "opens":
            depth += 1
        elif depth:
            depth -= 1
        else:
            following = lines[number + 1 : number + 2]
            return None if following and following[0].kind == "bare" else line
    return None


def _is_whole_script(code: str) -> bool:
    """Return whether no here-document and no quotation of a shell script is still open."""
    script = []
    ending: str | None = None
    for line in code.split("\n")[1:]:
        if ending is not None:
            ending = None if line.strip("\t\r") == ending else ending
        else:
            script.append(line)
            opening = _HERE_DOCUMENT.search(line)
            ending = opening["word"] if opening else None
    return ending is None and _has_whole_quotations("\n".join(script))


def _has_whole_quotations(script: str) -> bool:
    try:
        shlex.split(script, comments=True)
    except ValueError:
        return False
    return True


_MOST_TRIES = 20
