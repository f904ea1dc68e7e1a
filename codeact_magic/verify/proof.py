"""Proves that a slice of a session gives the same results as the whole session: runs both, in new kernels."""

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
from .report import headline
from .separate_kernel import SeparateKernel, cut_short, reason

Progress = Callable[[int, int, str], None]
_MOST_NAMES = 5  # names that a line lists


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of running a slice beside the whole session; `line` tells the user about it.

    `differing` are the variables that have other values; of `weak` ones only the type could be compared.
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
    new_kernel: Callable[[], SeparateKernel],
    *,
    tolerance: float = 1e-6,
    progress: Progress = lambda number, total, code: None,
) -> Proof:
    """Run `part` and all of `session` in two new engines, and return whether their results are the same.

    That is: each kept action shows the same, and the variables that the slice names have the same values. Files,
    databases and the state of modules are not compared, except as far as a kept action shows them. Engines are closed
    after use. Raises UsageError if a kernel cannot be started, and StoppedError if the user stops the proof.
    """
    return first_proved(session, [part], new_kernel, tolerance=tolerance, progress=progress)[1]


def first_proved(
    session: Session,
    parts: Sequence[Slice],
    new_kernel: Callable[[], SeparateKernel],
    *,
    tolerance: float = 1e-6,
    progress: Progress = lambda number, total, code: None,
) -> tuple[Slice | None, Proof]:
    """Return the first of `parts` that can be proved, and its proof; None and the last proof if there is none.

    `parts` go from the smallest to the fullest. The next one is tried only if the one before lacks something. The whole
    session runs once for all of them. Raises the same errors as `prove`.
    """
    prover = _Prover(session, parts, new_kernel, tolerance, progress)
    for part in parts:
        proof = prover.proof(part)
        if proof.holds:
            return part, proof
        if not proof.lacks:
            break
    return None, proof


class _FailedError(Exception):
    """There is no proof; the message is a sentence that says why."""

    lacks = False


class _LacksError(_FailedError):
    """The slice lacks something; the message is a sentence about it."""

    lacks = True


@dataclass(frozen=True)
class _Run:
    """The results of a run: fingerprints of variables, observations of the actions, and the cells that failed."""

    values: dict[str, list[str]]
    observations: dict[int, Observation]  # by the number of the action
    failed: dict[str, str]  # code of the user's cell -> its error


class _Prover:
    def __init__(
        self,
        session: Session,
        parts: Sequence[Slice],
        new_kernel: Callable[[], SeparateKernel],
        tolerance: float,
        progress: Progress,
    ) -> None:
        self._new_kernel = new_kernel
        self._tolerance = tolerance
        self._progress = progress
        self._blocks = code_blocks(session)
        self._complete = [block for block in self._blocks if block.status != "interrupted"]
        self._names = sorted({name for part in parts for name in part.names})
        self._whole: _Run | None = None  # the run of the whole session
        self._done = 0
        self._total = len(self._complete)

    def proof(self, part: Slice) -> Proof:
        """Return whether `part` gives the same results as the whole session."""
        if part.kept == self._blocks:
            return Proof(True, part.note or "Nothing was left out, so there is nothing to prove.")
        self._total += len(part.kept)
        try:
            return self._proof(part)
        except _FailedError as failure:
            return Proof(False, f"{failure} All actions are kept.", lacks=failure.lacks)

    def _proof(self, part: Slice) -> Proof:
        kept = self._run(part.kept, part.names, of_slice=True)
        if self._whole is None:
            self._whole = self._run(self._complete, self._names)
        for code in kept.failed.keys() - self._whole.failed.keys():
            raise _LacksError(_RAISED.format(what=_cell(code), name=_KEPT, error=kept.failed[code]))
        if differences := self._differences(self._whole, kept):
            return self._refuted(self._whole, differences)
        weak = tuple(name for name, (covers, _) in kept.values.items() if covers == "type")
        return Proof(True, _success(part, weak), weak=weak)

    def _differences(self, one: _Run, other: _Run) -> dict[str | int, str]:
        """Return the variables of `other`, by name, and its actions, by number, that differ, with descriptions."""
        differing: dict[str | int, str] = {}
        for name, known in other.values.items():
            if one.values.get(name) != known:
                differing[name] = ""
        for number, observation in other.observations.items():
            if number in one.observations:
                outputs = one.observations[number].outputs
                found = compare(outputs, observation.outputs, tolerance=self._tolerance)
                if found.verdict != "same":
                    differing[number] = str(found)
        return differing

    def _refuted(self, whole: _Run, differences: dict[str | int, str]) -> Proof:
        """Return the proof that fails: its line names a difference, or says that the session is not reproducible.

        A second run of the whole session shows which differences come from run to run.
        """
        self._total += len(self._complete)
        unstable = self._differences(whole, self._run(self._complete, self._names)).keys()
        stable = {key: detail for key, detail in differences.items() if key not in unstable}
        names = tuple(key for key in stable or differences if isinstance(key, str))
        if not stable:
            return Proof(False, _UNSTABLE.format(what=_listed([_named(key) for key in differences])), names)
        if names:
            return Proof(False, _DIFFERS.format(names=_listed(names)), names, lacks=True)
        number, detail = next(iter(stable.items()))
        return Proof(False, _SHOWS.format(number=number, detail=detail), lacks=True)

    def _run(self, blocks: Sequence[CodeBlock], names: Sequence[str], *, of_slice: bool = False) -> _Run:
        kernel = self._new_kernel()
        observations: dict[int, Observation] = {}
        failed: dict[str, str] = {}
        try:
            for block in blocks:
                observation = self._run_block(kernel, block, of_slice)
                if block.number and block.whole:
                    observations[block.number] = observation
                if observation.status == "error" and not block.number:
                    failed[block.code] = _error(observation)
            return _Run(_values(kernel, names), observations, failed)
        finally:
            kernel.close()

    def _run_block(self, kernel: SeparateKernel, block: CodeBlock, of_slice: bool) -> Observation:
        """Run a block.

        All blocks run in one kernel, even if the session went on in a new one: the user will have a single kernel, too.
        Raises _FailedError if an action fails that did not fail before. The user's cells may fail.
        """
        self._done += 1
        self._progress(self._done, self._total, headline(block.code))
        observation = kernel.run(block.code, every_value=block.number > 0)
        what = f"action {block.number}" if block.number else _cell(block.code)
        name = _KEPT if of_slice else "the session"
        if observation.status == "interrupted":
            raise StoppedError("You stopped it while it was being proved.")
        if cut_short(observation):
            raise _FailedError(f"It could not be proved: {what} of {name}: {one_line(reason(observation), 200)}")
        if observation.status == "error" and block.status == "ok" and block.number:
            error = _LacksError if of_slice else _FailedError
            raise error(_RAISED.format(what=what, name=name, error=_error(observation)))
        return observation


def _success(part: Slice, weak: Collection[str]) -> str:
    count = len(part.actions)
    every = {block.number for block in part.actions} | {dropped.block.number for dropped in part.dropped}
    also = f", and {_listed(part.names)} {_are(part.names)} the same" if part.names else ""
    line = f"{count} of {len(every)} actions are enough: they show the same without the rest{also}."
    return f"{line} Only by type: {_listed(weak)}." if weak else line


def _named(key: str | int) -> str:
    """Return the name of a variable, or the phrase for the output of an action with that number."""
    return key if isinstance(key, str) else f"the output of action {key}"


def _cell(code: str) -> str:
    return f"the cell {one_line(code, 40)!r}"


_KEPT = "the kept actions"
_RAISED = "It could not be proved: {what} of {name} raised {error}."
_DIFFERS = "Without the rest, {names} would have other values, so all actions are kept."
_UNSTABLE = (
    "Each time that the session runs, {what} comes out differently (random numbers, the time). So nothing can be "
    "proved, and all actions are kept. A fixed seed would help."
)
_SHOWS = "Without the rest, action {number} would show something else ({detail}), so all actions are kept."
_NO_JOBLIB = (
    "It could not be proved: the kernel has no joblib to compare values with: pip install 'codeact-magic[verify]'."
)


def _error(observation: Observation) -> str:
    name, text = raised(observation)
    return one_line(f"{name or 'an error'}: {text}".rstrip(": "), 200)


def _are(names: Collection[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(one_line(name, 40) for name in list(names)[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _values(kernel: SeparateKernel, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the fingerprints of the variables `names` in a kernel."""
    if not names:
        return {}
    try:
        code = _FINGERPRINTING.format(source=inspect.getsource(fingerprint), names=list(names))
        found = json.loads(kernel.evaluate(code))
    except (CodeActError, ValueError) as error:
        raise _FailedError(
            f"It could not be proved: the variables cannot be compared ({one_line(error, 200)})."
        ) from None
    if found is None:
        raise _FailedError(_NO_JOBLIB)
    return {str(name): list(map(str, known)) for name, known in found.items()}


# A single expression, so that it leaves no name behind. What the code of a value prints meanwhile is discarded.
_FINGERPRINTING = """\
(lambda names, module: exec(
    compile(module["source"], "<fingerprint>", "exec"), module) or exec(module["run"], module)
)({names!r}, {{"__name__": "fingerprint", "names": {names!r}, "user": globals(), "source": {source!r}, "run": '''
import contextlib, importlib.util, io, json
with contextlib.redirect_stdout(io.StringIO()):
    found = fingerprints(user, names) if importlib.util.find_spec("joblib") else None
print(json.dumps(found))
'''}})
"""
