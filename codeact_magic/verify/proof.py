"""Whether a slice of a session gives what the whole session gives: both are run, in fresh kernels."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..compare import compare
from ..errors import CodeActError, StoppedError
from ..kernels.sent import fingerprint
from ..session import Observation, Session
from ..sessions.code_blocks import CodeBlock, code_blocks, raised
from ..slicing import Slice
from ..text import one_line
from .engine import Engine
from .report import headline

Progress = Callable[[int, int, str], None]
_MOST_NAMES = 5  # that a line lists


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of running a slice beside the whole: `line` says it, and what to do if it does not hold.

    `differing` are the variables that have other values; `weak` those of which only the type could be compared.
    `lacks`: the slice lacks something that it needs, so a fuller one may hold.
    """

    holds: bool
    line: str
    differing: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    lacks: bool = False


def prove(
    session: Session,
    part: Slice,
    new_engine: Callable[[], Engine],
    *,
    tolerance: float = 1e-6,
    progress: Progress = lambda number, total, code: None,
) -> Proof:
    """Run `part` and all of `session` in two new engines, and return whether they end with the same.

    That is: every kept action shows the same, and the variables that the slice names have the same values. What the
    code leaves in files, in databases or in the state of modules is not compared, but for what a kept action shows of
    it. An engine is closed when it is done. Raises UsageError if a kernel cannot be started, StoppedError if the user
    stops it.
    """
    return first_proved(session, [part], new_engine, tolerance=tolerance, progress=progress)[1]


def first_proved(
    session: Session,
    parts: Sequence[Slice],
    new_engine: Callable[[], Engine],
    *,
    tolerance: float = 1e-6,
    progress: Progress = lambda number, total, code: None,
) -> tuple[Slice | None, Proof]:
    """Return the first of `parts` that can be proved, and its proof; None and the last proof if there is none.

    `parts` go from the smallest to the fullest; the next one is tried only if the one before lacks something. The whole
    session runs once for all of them. Raises as `prove` does.
    """
    prover = _Prover(session, parts, new_engine, tolerance, progress)
    for part in parts:
        proof = prover.proof(part)
        if proof.holds:
            return part, proof
        if not proof.lacks:
            break
    return None, proof


class _FailedError(Exception):
    """Why there is no proof, as a sentence."""

    lacks = False


class _LacksError(_FailedError):
    """What a slice lacks, as a sentence."""

    lacks = True


@dataclass(frozen=True)
class _Ran:
    """How a run ended: what is known of the variables, what actions showed, which of the user's cells failed."""

    values: dict[str, list[str]]
    seen: dict[int, Observation]  # by number
    failed: dict[str, str]  # code of the user's cells -> the error


class _Prover:
    def __init__(
        self,
        session: Session,
        parts: Sequence[Slice],
        new_engine: Callable[[], Engine],
        tolerance: float,
        progress: Progress,
    ) -> None:
        self._new_engine, self._tolerance, self._progress = new_engine, tolerance, progress
        self._everything = code_blocks(session)
        self._all = [block for block in self._everything if block.status != "aborted"]
        self._names = sorted({name for part in parts for name in part.names})
        self._whole: _Ran | None = None
        self._done, self._total = 0, len(self._all)

    def proof(self, part: Slice) -> Proof:
        """Return whether `part` gives what the whole gives."""
        if part.kept == self._everything:
            return Proof(True, part.note or "Nothing was left out, so there is nothing to prove.")
        self._total += len(part.kept)
        try:
            return self._proof(part)
        except _FailedError as failure:
            return Proof(False, f"{failure} All actions are kept.", lacks=failure.lacks)

    def _proof(self, part: Slice) -> Proof:
        ours = self._run(part.kept, part.names, of_slice=True)
        if self._whole is None:
            self._whole = self._run(self._all, self._names)
        for code in ours.failed.keys() - self._whole.failed.keys():
            raise _LacksError(_RAISED.format(what=_cell(code), name=_KEPT, error=ours.failed[code]))
        if found := self._differing(self._whole, ours):
            return self._refuted(self._whole, found)
        weak = tuple(name for name, (how, _) in ours.values.items() if how == "type")
        return Proof(True, _told(part, weak), weak=weak)

    def _differing(self, one: _Ran, other: _Ran) -> dict[str | int, str]:
        """Return which variables of `other`, by name, and which actions, by number, came out otherwise, and how."""
        names = {name: "" for name, known in other.values.items() if one.values.get(name) != known}
        found = {
            number: compare(one.seen[number].outputs, seen.outputs, tolerance=self._tolerance)
            for number, seen in other.seen.items()
            if number in one.seen
        }
        return names | {number: str(one) for number, one in found.items() if one.verdict != "same"}

    def _refuted(self, whole: _Ran, found: dict[str | int, str]) -> Proof:
        """Return what differs; if that differs from one run of the whole to the next, that nothing can be proved."""
        self._total += len(self._all)
        unstable = self._differing(whole, self._run(self._all, self._names)).keys()
        surely = {what: detail for what, detail in found.items() if what not in unstable}
        names = tuple(name for name in surely or found if isinstance(name, str))
        if not surely:
            return Proof(False, _UNSTABLE.format(what=_listed([_named(what) for what in found])), names)
        if names:
            return Proof(False, _DIFFERS.format(names=_listed(names)), names, lacks=True)
        number, detail = next(iter(surely.items()))
        return Proof(False, _SHOWS.format(number=number, detail=detail), lacks=True)

    def _run(self, todo: Sequence[CodeBlock], names: Sequence[str], *, of_slice: bool = False) -> _Ran:
        engine = self._new_engine()
        shown: dict[int, Observation] = {}
        failed: dict[str, str] = {}
        try:
            for block in todo:
                seen = self._run_one(engine, block, of_slice)
                if block.number and block.whole:
                    shown[block.number] = seen
                if seen.status == "error" and not block.number:
                    failed[block.code] = _error(seen)
            return _Ran(_values(engine, names), shown, failed)
        finally:
            engine.close()

    def _run_one(self, engine: Engine, block: CodeBlock, of_slice: bool) -> Observation:
        """Run a block, all in one kernel, even if a fresh one began in the session: so will the user.

        Raises _FailedError if an action does not do what it did; the user's own cells may.
        """
        self._done += 1
        self._progress(self._done, self._total, headline(block.code))
        seen = engine.run(block.code, every_value=block.number > 0)
        what = f"action {block.number}" if block.number else _cell(block.code)
        name = _KEPT if of_slice else "the session"
        if seen.status == "aborted":
            raise StoppedError("You stopped it while it was being proved.")
        if seen.note:
            raise _FailedError(f"It could not be proved: {what} of {name}: {one_line(seen.note, 200)}")
        if seen.status == "error" and block.status == "ok" and block.number:
            error = _LacksError if of_slice else _FailedError
            raise error(_RAISED.format(what=what, name=name, error=_error(seen)))
        return seen


def _told(part: Slice, weak: Collection[str]) -> str:
    count = len(part.actions)
    every = {block.number for block in part.actions} | {one.block.number for one in part.dropped}
    also = f", and {_listed(part.names)} {_are(part.names)} the same" if part.names else ""
    line = f"{count} of {len(every)} actions are enough: they show the same without the rest{also}."
    return f"{line} Only by type: {_listed(weak)}." if weak else line


def _named(what: str | int) -> str:
    return what if isinstance(what, str) else f"what action {what} shows"


def _cell(code: str) -> str:
    return f"the cell {one_line(code, 40)!r}"


_KEPT = "the kept actions"
_RAISED = "It could not be proved: {what} of {name} raised {error}."
_DIFFERS = "Without the rest {names} would come out otherwise, so all actions are kept."
_UNSTABLE = (
    "{what} comes out otherwise each time that the session runs (random numbers, the time), so nothing can be proved "
    "and all actions are kept. A fixed seed would help."
)
_SHOWS = "Without the rest action {number} would show something else ({detail}), so all actions are kept."
_NO_JOBLIB = (
    "It could not be proved: the kernel has no joblib to compare values with: pip install 'codeact-magic[verify]'."
)


def _error(seen: Observation) -> str:
    name, text = raised(seen)
    return one_line(f"{name or 'an error'}: {text}".rstrip(": "), 200)


def _are(names: Collection[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(one_line(name, 40) for name in list(names)[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _values(engine: Engine, names: Sequence[str]) -> dict[str, list[str]]:
    """Return what the values of `names` in the engine's kernel are known by."""
    if not names:
        return {}
    try:
        told = json.loads(engine.evaluate(_PROBE.format(source=inspect.getsource(fingerprint), names=list(names))))
    except (CodeActError, ValueError) as error:
        raise _FailedError(
            f"It could not be proved: the variables cannot be compared ({one_line(error, 200)})."
        ) from None
    if told is None:
        raise _FailedError(_NO_JOBLIB)
    return {str(name): list(map(str, known)) for name, known in told.items()}


# It leaves no name behind; what a value's own code prints meanwhile is nobody's concern.
_PROBE = """\
(lambda names, probe: exec(
    compile(probe["source"], "<fingerprint>", "exec"), probe) or exec(probe["run"], probe)
)({names!r}, {{"__name__": "fingerprint", "names": {names!r}, "user": globals(), "source": {source!r}, "run": '''
import contextlib, importlib.util, io, json
with contextlib.redirect_stdout(io.StringIO()):
    told = fingerprints(user, names) if importlib.util.find_spec("joblib") else None
print(json.dumps(told))
'''}})
"""
