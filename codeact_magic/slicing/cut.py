"""Which pieces of a session are kept: from its end to its beginning, those that what is kept after them needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..session import Session
from ..sessions.code_blocks import CodeBlock, raised
from ..text import one_line
from .effects import Analysis, Effects
from .facts import read
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
_LEFT = "Action {writer} {how}, and may have left files that {reader} reads: all actions are kept."
_UNREAD = ("SyntaxError", "IndentationError", "TabError")


@dataclass(frozen=True, eq=False)
class Piece:
    """Code of a block, or a part of it where it failed, and what it does; only a `candidate` may be kept."""

    block: CodeBlock
    effects: Effects
    files: Files
    candidate: bool
    root: bool = False


def cut(session: Session, code_blocks: Sequence[CodeBlock]) -> Slice:
    """Return what the end result of `session`, whose code is `code_blocks`, depends on."""
    parts = [part for block in code_blocks for part in _parts(block)]
    analysis = Analysis([read(block.code) for block, _, _ in parts])
    roots = {block.number for block in _results(session, code_blocks)}
    functions = {id(one): _files(ast.unparse(one)) for found in analysis.facts.definitions.values() for one in found}
    pieces = []
    for (block, ran, candidate), found in zip(parts, analysis.effects, strict=True):
        effects = found if ran else Effects()
        called = [functions[id(one)] for one in analysis.reached(effects.uses)]
        pieces.append(_piece(block, _files(ran, called), effects, candidate, roots))
    names = {name for piece in pieces for name in _made(piece)} - analysis.facts.modules.keys()
    kept = _Backward(pieces, _mentioned(session, names)).kept()
    if note := next(_left_behind(pieces, kept), ""):
        return Slice(tuple(code_blocks), (), (), note)
    return Slice(
        kept=tuple(piece.block for piece in kept),
        dropped=tuple(_dropped(code_blocks, pieces, kept)),
        names=tuple(sorted(name for name in _certain(pieces, kept) & names if not name.startswith("_"))),
    )


def _dropped(code_blocks: Sequence[CodeBlock], pieces: Sequence[Piece], kept: Sequence[Piece]) -> Iterator[Dropped]:
    """Yield what is dropped, a block of which nothing is kept in one."""
    numbers = {piece.block.number for piece in kept}
    parts = {piece.block.number: piece for piece in pieces if piece not in kept}
    for block in code_blocks:
        piece = parts.get(block.number)
        if piece and block.number in numbers:
            before = block.code.removesuffix(piece.block.code).count("\n")
            yield Dropped(piece.block, _RAISED.format(line=before + 1))
        elif piece:
            yield Dropped(block, _reason(piece, pieces, kept))


def _left_behind(pieces: Sequence[Piece], kept: Sequence[Piece]) -> Iterator[str]:
    """Yield in a sentence where something kept may read files that only an action which failed can have left.

    No run beside the whole can prove that it does without: the files are there. What went well and is dropped has
    left no file that is read before something kept writes it anew.
    """
    numbers = set(map(id, kept))
    for place, piece in enumerate(pieces):
        after = [other for other in pieces[place + 1 :] if id(other) in numbers]
        if not piece.candidate and (reader := _reader(piece, after)):
            how = "failed" if piece.block.status == "error" else "was interrupted"
            name = f"action {reader.block.number}" if reader.block.number else "a cell of yours"
            yield _LEFT.format(writer=piece.block.number, how=how, reader=name)


def _reader(writer: Piece, after: Sequence[Piece]) -> Piece | None:
    """Return the first one of `after` that may read what `writer` left, None where there is none."""
    if writer.files.others or writer.files.spreads or writer.effects.everything:
        return next((piece for piece in after if piece.files.reads_some), None)
    for path in sorted(writer.files.whole):
        for piece in after:
            if piece.files.reads(path):
                return piece
            if path in piece.files.whole:
                break
    return None


def _parts(block: CodeBlock) -> Iterator[tuple[CodeBlock, str, bool]]:
    """Yield the parts of a block, which code of each ran, and whether it may be kept.

    That is what an action that failed had done before.
    """
    if not block.number or block.status == "ok":
        yield block, block.code, True
        return
    before, failing = _until_the_error(block)
    if before:
        yield replace(block, code=before, status="ok", whole=False), before, True
        block = replace(block, code=block.code.removeprefix(before), whole=False)
    yield block, failing, False


def before_the_error(block: CodeBlock) -> str:
    """Return the statements of a block that had run when it failed, "" where that is not known."""
    return _until_the_error(block)[0]


def _until_the_error(block: CodeBlock) -> tuple[str, str]:
    """Return the statements of a block that had run when it failed, and the one that failed: all where not known."""
    match = _LINE.match(block.line)
    code = read(block.code)
    if code is None and raised(block.seen)[0] in _UNREAD:
        return "", ""
    lines = block.code.splitlines(keepends=True)
    if not match or code is None or block.status != "error" or not 1 <= int(match[1]) <= len(lines):
        return "", block.code
    number = int(match[1])
    if one_line(lines[number - 1]) != match[2]:  # the line is one of another cell, whose function was called
        return "", block.code
    failing = next((node for node in code.tree.body if (node.end_lineno or 0) >= number), None)
    if failing is None:
        return "", block.code
    first = min([failing.lineno, *(part.lineno for part in getattr(failing, "decorator_list", ()))])
    last = max(node.end_lineno or 0 for node in code.tree.body if node.lineno <= number or node is failing)
    return "".join(lines[: first - 1]), "".join(lines[first - 1 : last])


def _files(source: str, called: Iterable[Files] = ()) -> Files:
    """Return what `source` does to files, with the functions that it may call."""
    done = files(source, read(source))
    for other in called:
        done = done.calling(other)
    return done


def _piece(block: CodeBlock, done: Files, effects: Effects, candidate: bool, roots: set[int]) -> Piece:
    if block.status != "ok" and block.whole:  # who knows how far it came
        effects = replace(effects, binds=set(), may=effects.may | effects.binds)
    acts = effects.acts or effects.everything or done.acts or done.others
    root = not block.number or acts or (block.whole and block.number in roots)
    return Piece(block, effects, done, candidate, root and candidate)


def _results(session: Session, code_blocks: Sequence[CodeBlock]) -> Iterator[CodeBlock]:
    """Yield what one wants of a session: the actions that showed a figure, and of each turn that was answered the last.

    All of them went well. That of the last turn is one wherever the turn ended.
    """
    last = {block.turn: block for block in code_blocks if block.number and block.status == "ok"}
    for number, block in last.items():
        if session.turns[number - 1].outcome == "answered" or number == max(last):
            yield block
    yield from (block for block in code_blocks if block.number and block.status == "ok" and _showed_a_figure(block))


def _showed_a_figure(block: CodeBlock) -> bool:
    outputs = block.seen.outputs if block.seen else ()
    kinds = (kind for output in outputs if isinstance(output.get("data"), dict) for kind in output["data"])
    return any(kind.startswith("image/") for kind in kinds)


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
            while piece.block.turn < turn:
                turn -= 1
                self._mention(turn)
            if not piece.block.number:
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
        return piece.root or bool(made & self._needed) or bool(piece.files.whole - self._replaced)

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
        if piece.block.status != "ok" and piece.block.number:
            continue
        if id(piece) not in numbers or piece.effects.uses & uncertain:
            uncertain |= made
        else:
            uncertain -= piece.effects.binds
            found |= _made(piece) if piece.block.number else set()
    return found - uncertain


def _reason(piece: Piece, pieces: Sequence[Piece], kept: Sequence[Piece]) -> str:
    """Return why a piece is dropped."""
    if piece.block.status == "error":
        return _FAILED
    if piece.block.status == "aborted":
        return _INTERRUPTED
    made = _made(piece)
    if not made:
        return _REPLACED if piece.files.whole else _LOOKED
    after = pieces[pieces.index(piece) + 1 :]
    again = set().union(*(other.effects.binds for other in after if other in kept))
    return _REPLACED if made <= again else _UNUSED
