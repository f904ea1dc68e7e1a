"""Which pieces of a session are kept: from its end to its beginning, those that what is kept after them needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..session import Session
from ..text import one_line
from ..units import Unit
from .effects import Analysis, Effects
from .facts import Code, read
from .files import Files, files
from .parts import Dropped, Slice

_WORD = re.compile(r"[^\W\d]\w*")
_MARKED = re.compile(r"`([^`\n]+)`")
_SHORT = 3  # a name with fewer letters is a word like any other where it is not marked as code
_LINE = re.compile(r"line (\d+): (.*)", re.DOTALL)
_LOOKED = "it only looked at something"
_REPLACED = "what it made is made anew later"
_UNUSED = "nothing that is kept uses what it made"
_FAILED = "it failed"
_RAISED = "from its line {line} on, where it failed"
_INTERRUPTED = "it was interrupted"


@dataclass(frozen=True, eq=False)
class Piece:
    """Code of a unit, or a part of it where it failed, and what it does; only a `candidate` may be kept."""

    unit: Unit
    effects: Effects
    files: Files
    candidate: bool
    root: bool = False


def cut(session: Session, units: Sequence[Unit]) -> Slice:
    """Return what the end result of `session`, whose code is `units`, depends on."""
    parts = [part for unit in units for part in _parts(unit)]
    codes = [read(unit.code) for unit, _ in parts]
    analysis = Analysis(codes)
    roots = {unit.number for unit in _results(session, units)}
    pieces = [
        _piece(unit, code, effects, candidate, roots)
        for (unit, candidate), code, effects in zip(parts, codes, analysis.effects, strict=True)
    ]
    names = {name for piece in pieces for name in _made(piece)} - analysis.facts.modules.keys()
    kept = _Backward(pieces, _mentioned(session, names)).kept()
    return Slice(
        kept=tuple(piece.unit for piece in kept),
        dropped=tuple(_dropped(units, pieces, kept)),
        names=tuple(sorted(name for name in _certain(pieces, kept) & names if not name.startswith("_"))),
    )


def _dropped(units: Sequence[Unit], pieces: Sequence[Piece], kept: Sequence[Piece]) -> Iterator[Dropped]:
    """Yield what is dropped, a unit of which nothing is kept in one."""
    numbers = {piece.unit.number for piece in kept}
    parts = {piece.unit.number: piece for piece in pieces if piece not in kept}
    for unit in units:
        piece = parts.get(unit.number)
        if piece and unit.number in numbers:
            before = unit.code.removesuffix(piece.unit.code).count("\n")
            yield Dropped(piece.unit, _RAISED.format(line=before + 1))
        elif piece:
            yield Dropped(unit, _reason(piece, pieces, kept))


def _parts(unit: Unit) -> Iterator[tuple[Unit, bool]]:
    """Yield the parts of a unit, and whether each may be kept: of an action that failed, what was done before that."""
    if not unit.number or unit.status == "ok":
        yield unit, True
    elif before := _before_the_error(unit):
        yield replace(unit, code=before, status="ok", whole=False), True
        yield replace(unit, code=unit.code.removeprefix(before), whole=False), False
    else:
        yield unit, False


def _before_the_error(unit: Unit) -> str:
    """Return the statements of a unit that had run when it failed, "" where that is not known."""
    match = _LINE.match(unit.line)
    code = read(unit.code) if match and unit.status == "error" else None
    lines = unit.code.splitlines(keepends=True)
    if not match or code is None or not 1 < int(match[1]) <= len(lines):
        return ""
    number = int(match[1])
    if one_line(lines[number - 1]) != match[2]:  # the line is one of another cell, whose function was called
        return ""
    failing = next((node for node in code.tree.body if (node.end_lineno or 0) >= number), None)
    if failing is None:
        return ""
    first = min([failing.lineno, *(part.lineno for part in getattr(failing, "decorator_list", ()))])
    return "".join(lines[: first - 1])


def _piece(unit: Unit, code: Code | None, effects: Effects, candidate: bool, roots: set[int]) -> Piece:
    if unit.status != "ok" and unit.whole:  # who knows how far it came
        effects = replace(effects, binds=set(), may=effects.may | effects.binds)
    done = files(unit.code, code)
    acts = effects.acts or effects.everything or done.acts or done.others
    root = not unit.number or (unit.whole and (acts or unit.number in roots))
    return Piece(unit, effects, done, candidate, root and candidate)


def _results(session: Session, units: Sequence[Unit]) -> Iterator[Unit]:
    """Yield the last action that went well of each turn that was answered, and of the last turn that has one."""
    last = {unit.turn: unit for unit in units if unit.number and unit.status == "ok"}
    for number, unit in last.items():
        if session.turns[number - 1].outcome == "answered" or number == max(last):
            yield unit


def _mentioned(session: Session, names: set[str]) -> list[set[str]]:
    """Return which of `names` the prompt and the answer of each turn speak of; a short one only where it is marked."""
    texts = [f"{turn.prompt}\n{turn.answer}" for turn in session.turns]
    marked = [{word for span in _MARKED.findall(text) for word in _WORD.findall(span)} for text in texts]
    plain = [{word for word in _WORD.findall(text) if len(word) >= _SHORT} for text in texts]
    return [(one | other) & names for one, other in zip(marked, plain, strict=True)]


class _Backward:
    """Goes from the last piece to the first, and keeps what is needed by then."""

    def __init__(self, pieces: Sequence[Piece], mentioned: Sequence[set[str]]) -> None:
        self._pieces, self._mentioned = pieces, mentioned
        self._all = {name for piece in pieces for name in piece.effects.binds | piece.effects.may}
        self._needed: set[str] = set()
        self._replaced: set[str] = set()  # files that are written anew later, and not read before that

    def kept(self) -> list[Piece]:
        """Return the pieces that are kept, in their order."""
        kept = []
        turn = len(self._mentioned)
        self._mention(turn)
        for piece in reversed(self._pieces):
            while piece.unit.turn < turn:
                turn -= 1
                self._mention(turn)
            if not piece.unit.number:
                self._mention(turn)  # the prompt came after this cell
            if piece.candidate and self._is_needed(piece):
                self._keep(piece)
                kept.append(piece)
        return kept[::-1]

    def _mention(self, turn: int) -> None:
        if turn:
            self._needed |= self._mentioned[turn - 1]

    def _is_needed(self, piece: Piece) -> bool:
        made = piece.effects.binds | piece.effects.may
        return piece.root or bool(made & self._needed) or bool(piece.files.whole - self._replaced and piece.unit.whole)

    def _keep(self, piece: Piece) -> None:
        self._needed -= piece.effects.binds
        self._needed |= self._all if piece.effects.everything else piece.effects.uses
        self._replaced |= piece.files.whole
        self._replaced = {path for path in self._replaced if not piece.files.reads(path)}


def _made(piece: Piece) -> set[str]:
    """Return the names that a piece may give other values."""
    return {name for name in piece.effects.binds | piece.effects.may if not name.startswith("<")}


def _certain(pieces: Sequence[Piece], kept: Sequence[Piece]) -> set[str]:
    """Return the names that actions which are kept gave values, and whose values nothing that is dropped changed.

    An action that failed or was interrupted is taken to have changed nothing: the proof will tell.
    """
    numbers = set(map(id, kept))
    uncertain: set[str] = set()
    found: set[str] = set()
    every = {name for piece in pieces for name in _made(piece)}
    for piece in pieces:
        made = every if piece.effects.everything else _made(piece)
        if piece.unit.status != "ok" and piece.unit.number:
            continue
        if id(piece) not in numbers or piece.effects.uses & uncertain:
            uncertain |= made
        else:
            uncertain -= piece.effects.binds
            found |= _made(piece) if piece.unit.number else set()
    return found - uncertain


def _reason(piece: Piece, pieces: Sequence[Piece], kept: Sequence[Piece]) -> str:
    """Return why a piece is dropped."""
    if piece.unit.status == "error":
        return _FAILED
    if piece.unit.status == "aborted":
        return _INTERRUPTED
    made = _made(piece)
    if not made:
        return _REPLACED if piece.files.whole else _LOOKED
    after = pieces[pieces.index(piece) + 1 :]
    again = set().union(*(other.effects.binds for other in after if other in kept))
    return _REPLACED if made <= again else _UNUSED
