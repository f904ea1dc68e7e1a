"""Whether a slice of a session gives what the whole session gives: both are run, in fresh kernels."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..compare import compare
from ..errors import CodeActError, Stopped
from ..session import Observation, Session
from ..slicing import Slice
from ..text import one_line
from ..units import Unit, raised, units
from . import fingerprint
from .engine import Engine
from .report import headline

Progress = Callable[[int, int, str], None]
_MOST_NAMES = 5  # that a line lists


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of running a slice beside the whole: `line` says it, and what to do where it does not hold.

    `differing` are the variables that have other values; `weak` those of which only the type could be compared.
    """

    holds: bool
    line: str
    differing: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


def prove(
    session: Session,
    part: Slice,
    new_engine: Callable[[], Engine],
    *,
    tolerance: float = 1e-6,
    progress: Progress = lambda number, total, code: None,
) -> Proof:
    """Run `part` and all of `session` in two new engines, and return whether they end with the same.

    That is: the variables that the slice names have the same values, and what is kept last shows the same. An engine
    is closed when it is done. Raises UsageError where a kernel cannot be started, Stopped where the user stops it.
    """
    if part.kept == units(session):
        return Proof(True, "Nothing was left out, so there is nothing to prove.")
    try:
        return _Prover(session, part, new_engine, tolerance, progress).proof()
    except _FailedError as failure:
        return Proof(False, f"{failure} All actions are kept.")


class _FailedError(Exception):
    """Why there is no proof, as a sentence."""


@dataclass(frozen=True)
class _Ran:
    """How a run ended: what is known of the variables, what the last piece that is kept showed, which cells failed."""

    values: dict[str, list[str]]
    last: Observation | None
    failed: dict[str, str]  # code of the user's cells -> the error


class _Prover:
    def __init__(
        self, session: Session, part: Slice, new_engine: Callable[[], Engine], tolerance: float, progress: Progress
    ) -> None:
        self._part, self._new_engine, self._tolerance, self._progress = part, new_engine, tolerance, progress
        self._all = [unit for unit in units(session) if unit.status != "aborted"]
        self._last = part.actions[-1].number if part.actions else 0
        self._done, self._total = 0, len(part.kept) + len(self._all)

    def proof(self) -> Proof:
        """Return whether the slice gives what the whole gives."""
        ours = self._run(self._part.kept, "the kept actions")
        whole = self._run(self._all, "the session")
        for code in ours.failed.keys() - whole.failed.keys():
            raise _FailedError(_RAISED.format(what=_cell(code), name="the kept actions", error=ours.failed[code]))
        differing = _differing(ours, whole)
        if differing:
            self._total += len(self._all)
            unstable = set(_differing(whole, self._run(self._all, "the session")))
            line = _UNSTABLE if set(differing) <= unstable else _DIFFERS
            return Proof(False, line.format(names=_listed(differing)), tuple(differing))
        if ours.last and whole.last:
            found = compare(whole.last.outputs, ours.last.outputs, tolerance=self._tolerance)
            if found.verdict != "same":
                return Proof(False, _SHOWS.format(number=self._last, detail=found))
        weak = tuple(name for name, (how, _) in ours.values.items() if how == "type")
        return Proof(True, self._told(weak), weak=weak)

    def _told(self, weak: Collection[str]) -> str:
        count = len(self._part.actions)
        every = {unit.number for unit in self._part.actions} | {one.unit.number for one in self._part.dropped}
        compared = _listed(self._part.names) if self._part.names else "what the last one shows"
        line = f"{count} of {len(every)} actions give the same: {compared}."
        return f"{line} Only by type: {_listed(weak)}." if weak else line

    def _run(self, todo: Sequence[Unit], name: str) -> _Ran:
        engine = self._new_engine()
        last: Observation | None = None
        failed: dict[str, str] = {}
        try:
            for unit in todo:
                seen = self._run_one(engine, unit, name)
                last = seen if unit.number == self._last else last
                if seen.status == "error" and not unit.number:
                    failed[unit.code] = _error(seen)
            return _Ran(_values(engine, self._part.names), last, failed)
        finally:
            engine.close()

    def _run_one(self, engine: Engine, unit: Unit, name: str) -> Observation:
        """Run a piece. Raises _FailedError where an action does not do what it did; cells may be what they are."""
        self._done += 1
        self._progress(self._done, self._total, headline(unit.code))
        seen = engine.run(unit.code, every_value=unit.number > 0)
        what = f"action {unit.number}" if unit.number else _cell(unit.code)
        if seen.status == "aborted":
            raise Stopped("You stopped it while it was being proved.")
        if seen.note:
            raise _FailedError(f"It could not be proved: {what} of {name}: {one_line(seen.note, 200)}")
        if seen.status == "error" and unit.status == "ok" and unit.number:
            raise _FailedError(_RAISED.format(what=what, name=name, error=_error(seen)))
        return seen


def _cell(code: str) -> str:
    return f"your cell {one_line(code, 40)!r}"


_RAISED = "It could not be proved: {what} of {name} raised {error}."
_DIFFERS = "Without the rest {names} would come out otherwise, so all actions are kept."
_UNSTABLE = (
    "{names} comes out otherwise each time that the session runs (random numbers, the time), so nothing can be proved "
    "and all actions are kept. A fixed seed would help."
)
_SHOWS = "Without the rest action {number} would show something else ({detail}), so all actions are kept."
_NO_JOBLIB = (
    "It could not be proved: the kernel has no joblib to compare values with: pip install 'codeact-magic[verify]'."
)


def _error(seen: Observation) -> str:
    name, text = raised(seen)
    return one_line(f"{name or 'an error'}: {text}".rstrip(": "), 200)


def _differing(one: _Ran, other: _Ran) -> list[str]:
    return [name for name, known in one.values.items() if other.values.get(name) != known]


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
