"""Which parts of a session's code are kept: going from the end to the beginning, those that later kept parts need."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..session import Session
from ..sessions.code_blocks import CodeBlock, code_blocks
from .effects import Analysis, Effects
from .failed import parts
from .files import Files, files
from .meanings import read
from .slices import Dropped, Slice

_WORD = re.compile(r"[^\W\d]\w*")
_MARKED = re.compile(r"`([^`\n]+)`")
_SHORT = 3  # a name with fewer letters counts as a word of the prose unless it is marked as code
_LOOKED = "it only looked at something"
_REPLACED = "what it made is made anew later"
_UNUSED = "nothing that is kept uses what it made"
_FAILED = "it failed"
_RAISED = "from its line {line} on, where it failed"
_INTERRUPTED = "it was interrupted"
_LEFT = "Action {writer} {how}, and may have left files that {reader} reads: all actions are kept."


@dataclass(frozen=True, eq=False)
class _Part:
    """A code block, or a part of one that failed, and its effects; only a `candidate` may be kept, a `root` has to."""

    block: CodeBlock
    effects: Effects
    files: Files
    candidate: bool
    root: bool

    @property
    def made(self) -> set[str]:
        """The names that it may give other values."""
        return {name for name in self.effects.binds | self.effects.may if not name.startswith("<")}


def cut(session: Session, *, keep_all: bool) -> Slice:
    """Return the blocks that the end result of `session` depends on; if `keep_all`, all that did not fail."""
    blocks = code_blocks(session)
    pieces = [part for block in blocks for part in parts(block)]
    analysis = Analysis([read(block.code) for block, _, _ in pieces])
    roots = {block.number for block in blocks if keep_all} | {block.number for block in _results(session, blocks)}
    every = list(_parts(pieces, analysis, roots))
    names = {name for part in every for name in part.made} - analysis.meanings.modules.keys()
    kept = frozenset(_Backward(every, _mentioned(session, names)).kept())
    if note := next(_left_behind(every, kept), ""):
        return Slice(blocks, (), (), note)
    promised = _certain(every, kept) & names
    return Slice(
        kept=tuple(part.block for part in every if part in kept),
        dropped=tuple(_dropped(blocks, every, kept)),
        names=tuple(sorted(name for name in promised if not name.startswith("_"))),
    )


def _parts(pieces: Sequence[tuple[CodeBlock, str, bool]], analysis: Analysis, roots: set[int]) -> Iterator[_Part]:
    functions = {
        name: [_files(ast.unparse(node)) for _, node in found] for name, found in analysis.meanings.definitions.items()
    }
    for (block, ran, candidate), found in zip(pieces, analysis.effects, strict=True):
        effects = found if ran else Effects()
        called = [one for name in analysis.reached(effects.uses) for one in functions[name]]
        done = _files(ran).calling(called)
        if block.status != "ok" and block.whole:  # nobody knows how far it got
            effects = replace(effects, binds=set(), may=effects.may | effects.binds)
        acts = effects.acts or effects.everything or done.acts or done.others
        root = not block.number or acts or (block.whole and block.number in roots)
        yield _Part(block, effects, done, candidate, root and candidate)


def _files(source: str) -> Files:
    return files(source, read(source))


# -- what a user wants of a session ------------------------------------------------------------------------------------


def _results(session: Session, blocks: Sequence[CodeBlock]) -> Iterator[CodeBlock]:
    """Yield the actions that showed a figure, and the last action of each turn that was answered, if they went well.

    The last turn counts however it ended.
    """
    last = {block.turn: block for block in blocks if block.number and block.status == "ok"}
    for number, block in last.items():
        if session.turns[number - 1].outcome == "answered" or number == max(last):
            yield block
    yield from (block for block in blocks if block.number and block.status == "ok" and _showed_a_figure(block))


def _showed_a_figure(block: CodeBlock) -> bool:
    outputs = block.observation.outputs if block.observation else ()
    kinds = (kind for output in outputs if isinstance(output.get("data"), dict) for kind in output["data"])
    return any(kind.startswith("image/") for kind in kinds)


def _mentioned(session: Session, names: set[str]) -> list[set[str]]:
    """Return which of `names` the prompt and the answer of each turn mention; a short one only if it is marked."""
    found = []
    for turn in session.turns:
        text = f"{turn.prompt}\n{turn.answer}"
        marked = {word for span in _MARKED.findall(text) for word in _WORD.findall(span)}
        plain = {word for word in _WORD.findall(text) if len(word) >= _SHORT}
        found.append((marked | plain) & names)
    return found


# -- what is kept ------------------------------------------------------------------------------------------------------


class _Backward:
    """Goes from the last part to the first, and keeps those that a later one needs."""

    def __init__(self, every: Sequence[_Part], mentioned: Sequence[set[str]]) -> None:
        self._every = every
        self._mentioned = mentioned
        self._all = {name for part in every for name in part.effects.binds | part.effects.may}
        self._needed: set[str] = set()
        self._replaced: set[str] = set()  # files that are written anew later, and not read before that

    def kept(self) -> Iterator[_Part]:
        """Yield the parts that are kept, the last one first."""
        turn = len(self._mentioned)
        self._mention(turn)
        for part in reversed(self._every):
            while part.block.turn < turn:
                turn -= 1
                self._mention(turn)
            if not part.block.number:
                self._mention(turn)  # the prompt came after this cell
            if part.candidate and self._is_needed(part):
                self._keep(part)
                yield part

    def _mention(self, turn: int) -> None:
        if turn:
            self._needed |= self._mentioned[turn - 1]

    def _is_needed(self, part: _Part) -> bool:
        made = part.effects.binds | part.effects.may
        return part.root or bool(made & self._needed) or bool(part.files.whole - self._replaced)

    def _keep(self, part: _Part) -> None:
        self._needed -= part.effects.binds
        self._needed |= self._all if part.effects.everything else part.effects.uses
        self._replaced |= part.files.whole
        self._replaced = {path for path in self._replaced if not part.files.reads(path)}


def _certain(every: Sequence[_Part], kept: frozenset[_Part]) -> set[str]:
    """Return the names that kept actions gave values, and whose values nothing that is dropped changed.

    An action that failed or was interrupted is taken to have changed nothing: the proof will show.
    """
    uncertain: set[str] = set()
    found: set[str] = set()
    names = {name for part in every for name in part.made}
    for part in every:
        made = names if part.effects.everything else part.made
        if part.block.status != "ok" and part.block.number:
            continue
        if part not in kept or part.effects.uses & uncertain:
            uncertain |= made
        else:
            uncertain -= part.effects.binds
            found |= part.made if part.block.number else set()
    return found - uncertain


# -- what is not -------------------------------------------------------------------------------------------------------


def _left_behind(every: Sequence[_Part], kept: frozenset[_Part]) -> Iterator[str]:
    """Yield a sentence if something kept may read files that only an action which failed can have left.

    No proof can show that it does without them: the files are there. An action that went well and is dropped has left
    no file that is read before something kept writes it anew.
    """
    for place, part in enumerate(every):
        if part.candidate:
            continue
        after = [other for other in every[place + 1 :] if other in kept]
        if reader := _reader(part, after):
            how = "failed" if part.block.failed else "was interrupted"
            name = f"action {reader.block.number}" if reader.block.number else "a cell of yours"
            yield _LEFT.format(writer=part.block.number, how=how, reader=name)


def _reader(writer: _Part, after: Sequence[_Part]) -> _Part | None:
    """Return the first one of `after` that may read a name or file that `writer` left, None if there is none."""
    if writer.files.others or writer.files.spreads or writer.effects.everything:
        return next((part for part in after if part.files.reads_some), None)
    for path in sorted(writer.files.whole):
        for part in after:
            if part.files.reads(path):
                return part
            if path in part.files.whole:
                break
    return None


def _dropped(blocks: Sequence[CodeBlock], every: Sequence[_Part], kept: frozenset[_Part]) -> Iterator[Dropped]:
    """Yield the dropped parts; a block of which nothing is kept is dropped as one."""
    numbers = {part.block.number for part in kept}
    dropped = {part.block.number: part for part in every if part not in kept}
    for block in blocks:
        part = dropped.get(block.number)
        if part and block.number in numbers:
            before = block.code.removesuffix(part.block.code).count("\n")
            yield Dropped(part.block, _RAISED.format(line=before + 1))
        elif part:
            yield Dropped(block, _reason(part, every, kept))


def _reason(part: _Part, every: Sequence[_Part], kept: frozenset[_Part]) -> str:
    """Return why a part is dropped."""
    if part.block.failed:
        return _FAILED
    if part.block.status == "interrupted":
        return _INTERRUPTED
    if not part.made:
        return _REPLACED if part.files.whole else _LOOKED
    after = every[every.index(part) + 1 :]
    again = set().union(*(other.effects.binds for other in after if other in kept))
    return _REPLACED if part.made <= again else _UNUSED
