"""Sessions run again and compared with their records, and slices compared with the whole session."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codeact_magic.context import observation_text
from codeact_magic.errors import CodeActError, StoppedError
from codeact_magic.hints import RunCommand
from codeact_magic.kernels.sent import fingerprint
from codeact_magic.kernels.separate import KernelExecutor, LocalKernel
from codeact_magic.session import Action, Cell, Decision, Observation, Reply, Session, Step
from codeact_magic.sessions.training_data import Layout, export, parse
from codeact_magic.slicing import Slice, clean, without_failures
from codeact_magic.verify.proof import first_proved, prove
from codeact_magic.verify.report import Report, Row
from codeact_magic.verify.rerun import verify
from codeact_magic.verify.separate_kernel import SeparateKernel

from . import figures
from .recordings import PlainEngine, printed, session, step, turn

FAILED = {"output_type": "error", "ename": "NameError", "evalue": "name 'x' is not defined", "traceback": ["..."]}


def results(report: Report) -> list[tuple[int, str, str]]:
    return [(row.number, row.result, row.detail) for row in report.rows]


# -- verify ------------------------------------------------------------------------------------------------------------


def test_a_session_with_the_same_results_is_the_same() -> None:
    recorded = session(
        turn(step("a + 1", printed("2\n")), step("print(a / 3)", printed("0.3333333333\n")), cells=["a = 1"]),
        turn(step("x", FAILED, status="error"), cells=[Cell("a.b", failed=True)]),
    )
    report = verify(recorded, PlainEngine())
    assert results(report) == [
        (0, "ran", ""),
        (1, "same", ""),
        (2, "same", "within 1e-06"),
        (0, "ran", "fails as it did"),
        (3, "same", ""),
    ]
    assert report.status == 0


def test_a_different_result_differs_and_says_how() -> None:
    recorded = session(
        turn(
            step("1 + 1", printed("3\n")),
            step("x"),
            step("2", FAILED, status="error"),
            step("y = 3", printed("3\n")),
            cells=["z.b", Cell("1", failed=True)],
        )
    )
    report = verify(recorded, PlainEngine())
    assert results(report) == [
        (0, "differs", "raises NameError: name 'z' is not defined; it ran in the session"),
        (0, "differs", "failed in the session, and runs now"),
        (1, "differs", "'3' became '2'"),
        (2, "differs", "raises NameError: name 'x' is not defined; it ran in the session"),
        (3, "differs", "failed in the session, and runs now"),
        (4, "missing", "writes nothing to stdout any more"),
    ]
    assert report.status == 1


def test_interrupted_code_is_not_run_again() -> None:
    broken = Step(Reply(""), "", step("z").action, Decision("approve", "z"), observation_message="It broke off.")
    late = step("late", status="timed out")
    rejected = Step(Reply(""), "", step("r").action, Decision("reject", "r"), observation_message="No.")
    engine = PlainEngine()
    report = verify(session(turn(step("while 1: 0", status="interrupted"), broken, late, rejected, "b = 1")), engine)
    assert [(number, result) for number, result, _ in results(report)] == [
        (1, "left out"),
        (2, "left out"),
        (3, "left out"),
        (4, "same"),
    ]
    assert (engine.ran, report.status) == (["b = 1"], 0)


FRESH_ERROR = {"output_type": "error", "ename": "NameError", "evalue": "name 'a' is not defined", "traceback": []}


def test_the_engine_restarts_if_a_turn_began_in_a_new_kernel() -> None:
    gone_on = replace(turn(step("a", FRESH_ERROR, status="error"), "a = 2"), fresh=True)
    engine = PlainEngine()
    report = verify(session(turn("a = 1"), gone_on, turn(step("a", printed("2\n")))), engine)
    assert [result for _, result, _ in results(report)] == ["same"] * 4, report.table()
    assert engine.ran == ["a = 1", "(restart)", "a", "a = 2", "a"]


def test_a_new_kernel_does_not_restart() -> None:
    engine = PlainEngine()
    verify(session(replace(turn("a = 1"), fresh=True)), engine)
    assert engine.ran == ["a = 1"]


def test_the_engine_restarts_if_the_session_lost_its_kernel() -> None:
    died = {"output_type": "error", "ename": "DeadKernelError", "evalue": "The kernel died.", "traceback": []}
    recorded = session(
        turn(
            "a = 1",
            step("kill()", died, status="kernel lost", lost=True),
            step("a", FRESH_ERROR, status="error"),
            "a = 2",
            step("a", FRESH_ERROR, status="error", fresh=True),
            step("while 1: 0", status="timed out"),
        )
    )
    engine = PlainEngine()
    report = verify(recorded, engine)
    assert [(row.result, row.detail) for row in report.rows] == [
        ("same", ""),
        ("left out", "the kernel died of it in the session"),
        ("same", ""),
        ("same", ""),
        ("same", ""),
        ("left out", "it was interrupted in the session"),
    ]
    assert [code for code in engine.ran if code != "(restart)"] == ["a = 1", "a", "a = 2", "a"]


class Dying(PlainEngine):
    """An engine whose kernel dies in the second run."""

    def run(self, code: str, *, every_value: bool = True) -> Observation:
        seen = super().run(code, every_value=every_value)
        return seen if len(self.ran) < 2 else Observation("kernel lost", note="The kernel died (signal 9).", lost=True)


def test_nothing_is_run_after_the_kernel_has_died() -> None:
    engine = Dying()
    report = verify(session(turn("a = 1", "b = 1", "c = 1")), engine)
    assert results(report) == [
        (1, "same", ""),
        (2, "missing", "The kernel died (signal 9)."),
        (3, "missing", "not run any more"),
    ]
    assert (engine.ran, report.status, report.note) == (["a = 1", "b = 1"], 1, "The kernel died (signal 9).")


def test_a_user_who_stops_it_gets_no_report() -> None:
    class Stopping(PlainEngine):
        def run(self, code: str, *, every_value: bool = True) -> Observation:
            return Observation("interrupted")

    with pytest.raises(StoppedError):
        verify(session(turn("a = 1", "b = 1")), Stopping())


def test_a_session_of_which_nothing_could_run_has_an_exit_status_of_its_own() -> None:
    class Dead(PlainEngine):
        def run(self, code: str, *, every_value: bool = True) -> Observation:
            return Observation("kernel lost", note="The kernel died.")

    assert verify(session(turn("a = 1")), Dead()).status == 2


def test_a_session_without_code_says_so() -> None:
    report = verify(session(turn()), PlainEngine())
    assert (report.status, report.table()) == (0, "Nothing ran in this session, so there is nothing to verify.")


def test_progress_comes_before_each_run_with_the_headline_of_the_code() -> None:
    calls: list[tuple[int, int, str]] = []
    recorded = session(turn("# look\nimport math\nx = 1", "import math", cells=["\n"]))
    verify(recorded, PlainEngine(), progress=lambda *given: calls.append(given))
    assert calls == [(1, 3, ""), (2, 3, "x = 1"), (3, 3, "import math")]


# -- the table ---------------------------------------------------------------------------------------------------------


def test_the_table_is_aligned_and_says_what_to_do_next() -> None:
    rows = (Row(0, "import a", "same"), Row(1, "x = 1", "same", "timings"), Row(2, "x", "differs", "'1' became '2'"))
    assert Report(rows, seconds=1.25).table().splitlines() == [
        "      code      result",
        "cell  import a  same",
        "   1  x = 1     same     timings",
        "   2  x         differs  '1' became '2'",
        "2 same, 1 differs (1.2 s)",
    ]
    assert Report(rows).hints == (
        RunCommand("replay", "FILE --until 1", to="to look into action 2, replay what ran before it"),
    )


@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_line_of_the_table_is_wider_than_the_window(width: int) -> None:
    rows = [Row(number, "x" * 200, "differs", "y" * 200) for number in range(1, 5)]
    assert max(map(len, Report(tuple(rows)).table(width).splitlines()[:-2])) <= width


def test_hidden_characters_are_written_out() -> None:
    table = Report((Row(1, "a\u202e = 1\x1b[2J", "same", "b\u200b"),)).table()
    assert "⟦U+202E⟧" in table and "⟦U+001B⟧" in table and "⟦U+200B⟧" in table


def test_a_long_table_fits_on_a_screen_and_shows_all_that_differs() -> None:
    rows = [Row(number, f"x{number}", "differs" if number in (250, 400) else "same", "ids") for number in range(1, 501)]
    lines = Report(tuple(rows)).table().splitlines()
    assert [line.split() for line in lines[1:6]] == [
        ["1-249", "249", "code", "blocks", "same", "ids"],
        ["250", "x250", "differs", "ids"],
        ["251-399", "149", "code", "blocks", "same", "ids"],
        ["400", "x400", "differs", "ids"],
        ["401-500", "100", "code", "blocks", "same", "ids"],
    ]


# -- fingerprints ------------------------------------------------------------------------------------------------------

VALUES = """
import collections, dataclasses, functools, math, threading
import numpy as np
import pandas as pd

class Point:
    sides = 0
    def __init__(self, x): self.x = x
    def moved(self): return Point(self.x + SHIFT)

def area(r, pi=3.14): return [pi * r for _ in (1, 2)]

def counter():
    count = [0]
    def more(): count[0] += 1; return more
    return more

def marked(*, of=[1]): return marked.note
marked.note = 1

@dataclasses.dataclass
class Pair:
    one: int
    other: list = dataclasses.field(default_factory=list)
    @property
    def both(self): return self.one
    @functools.cached_property
    def all(self): return [self.one]

class Hiding:
    def __init__(self): self.x = 1
    def __reduce__(self): return Hiding, ()

loop = []
loop.append(loop)
twice = []
for _ in range(60): twice = [twice, twice]
sizes = pd.Categorical(["low", "high"], categories=["low", "high"], ordered=True)
tags = pd.DataFrame({"a": [1]})
tags.attrs["unit"] = "g"

values = {
    "number": 1.5, "text": "aß", "list": [1, [2]], "set": {"a", "b", "c"}, "dict": {"a": [1], "b": {"c"}},
    "array": np.arange(6).reshape(2, 3)[:, ::2], "point": Point(3), "class": Point, "function": area,
    "lambda": lambda x: x + 1, "module": math, "nothing": None, "lock": threading.Lock(), "generator": (x for x in [1]),
    "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2020", "2021"])}),
    "closure": counter(), "marked": marked, "default": marked, "partial": functools.partial(area, 2),
    "method": Point(3).moved, "dataclass": Pair, "pair": Pair(1), "hiding": Hiding(), "loop": loop, "twice": twice,
    "cached": functools.lru_cache(area), "sizes": pd.Series(sizes), "tags": tags, "long": list(range(100_000)),
    "masked": np.ma.array([1, 2], mask=[0, 1]), "holder": Pair(lambda: 1), "levels": pd.DataFrame(
        {"a": [1], "b": [2], "c": [3]}).set_index(["a", "b"]), "days": pd.date_range("2020", periods=2, freq="D"),
    "factory": collections.defaultdict(lambda: 0, a=1),
    "series": pd.Series([1.5, None], name="s"), "index": pd.Index(["a", "b"]),
}
"""


def fingerprints(**changes: str) -> dict[str, list[str]]:
    """Return the fingerprints of the values above, with some replaced, computed in a process of their own."""
    code = VALUES + "".join(f"\nvalues[{name!r}] = {value}" for name, value in changes.items())
    code += f"\nimport json, sys\nsys.path.insert(0, {str(Path(fingerprint.__file__).parent)!r})"
    code += "\nfrom fingerprint import fingerprints\nprint(json.dumps(fingerprints(values, [*values, 'absent'])))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_values_have_the_same_fingerprint_in_every_process_only_if_they_are_equal() -> None:
    one, other = fingerprints(), fingerprints()
    assert one == other
    assert {name for name, (how, _) in one.items() if how == "type"} == {"lock", "generator"}
    assert one["absent"] == ["", ""]
    changes = {
        "number": "1.5000001",
        "list": "[1, [3]]",
        "set": "{'a', 'b', 'd'}",
        "dict": "{'a': [1], 'b': {'d'}}",
        "array": "np.arange(6).reshape(2, 3)[:, :2]",
        "point": "Point(4)",
        "function": "lambda r: r",
        "lambda": "lambda x: x + 2",
        "frame": "values['frame'].assign(a=[1, 3])",
        "series": "values['series'].rename('t')",
        "index": "pd.Index(['a', 'c'])",
        "closure": "counter()()",
        "marked": "marked\nmarked.note = 2",
        "partial": "functools.partial(area, 3)",
        "method": "Point(4).moved",
        "pair": "Pair(1, [0])",
        "hiding": "Hiding()\nvalues['hiding'].x = 2",
        "loop": "[loop, 0]",
        "cached": "functools.lru_cache(lambda r: r)",
        "sizes": "pd.Series(sizes.reorder_categories(['high', 'low']))",
        "tags": "tags.copy()\nvalues['tags'].attrs['block'] = 'kg'",
        "long": "list(range(99_999)) + [0]",
        "masked": "np.ma.array([1, 2], mask=[1, 0])",
        "holder": "Pair(lambda: 2)",
        "levels": "values['levels'].rename_axis(['a', 'd'])",
        "days": "pd.DatetimeIndex(values['days'], freq=None)",
        "factory": "collections.defaultdict(lambda: 1, a=1)",
    }
    changed = fingerprints(**changes)
    assert {name for name in one if one[name] != changed[name]} == {*changes, "default"}
    assert fingerprints(default="marked\nmarked.__kwdefaults__['of'].append(2)")["default"] != one["default"]


@pytest.mark.slow
def test_the_memory_layout_of_a_frame_does_not_matter() -> None:
    built = "pd.DataFrame({'a': [1, 2]}).assign(b=['x', None]).assign(c=pd.to_datetime(['2020', '2021']))"
    assert fingerprints()["frame"] == fingerprints(frame=built)["frame"]


# -- proof -------------------------------------------------------------------------------------------------------------


class Engines:
    """Makes engines, and keeps them all."""

    def __init__(self, kind: type[PlainEngine] = PlainEngine) -> None:
        self.made: list[PlainEngine] = []
        self._kind = kind

    def __call__(self) -> SeparateKernel:
        self.made.append(self._kind())
        return self.made[-1]


DEAD_END = session(turn("a = [1]", "print(a)", step("a.x", status="error"), "b = a + [2]", "c = 5", "print(b)"))


def test_a_slice_with_the_same_results_is_proved_in_two_engines_that_are_closed() -> None:
    engines = Engines()
    part = clean(DEAD_END)
    proof = prove(DEAD_END, part, engines)
    assert (proof.holds, proof.line) == (
        True,
        "3 of 6 actions are enough: they show the same without the rest, and a, b are the same.",
    )
    assert [engine.ran for engine in engines.made] == [
        ["a = [1]", "b = a + [2]", "print(b)"],
        ["a = [1]", "print(a)", "a.x", "b = a + [2]", "c = 5", "print(b)"],
    ]
    assert all(engine.closed for engine in engines.made)


def test_a_slice_that_only_trims_an_action_is_proved_as_well() -> None:
    recorded = session(turn(step("a = 1\na.x", status="error", line="line 2: a.x"), "print(a)"))
    engines = Engines()
    assert (
        prove(recorded, clean(recorded), engines).line
        == "2 of 2 actions are enough: they show the same without the rest, and a is the same."
    )
    assert [engine.ran for engine in engines.made] == [["a = 1\n", "print(a)"], ["a = 1\na.x", "print(a)"]]


HIDDEN = session(
    turn("import collections\na = collections.defaultdict(list)", step("a.x", status="error"), "a['x']", "print(a)")
)


def test_if_the_smallest_slice_is_refuted_the_next_one_is_tried_and_the_whole_runs_once_for_both() -> None:
    engines = Engines()
    parts = [clean(HIDDEN), without_failures(HIDDEN)]
    part, proof = first_proved(HIDDEN, parts, engines)
    assert part == parts[1]
    assert proof.line == "3 of 4 actions are enough: they show the same without the rest, and a is the same."
    assert [len(engine.ran) for engine in engines.made] == [2, 4, 4, 3]  # the second time to see what is stable
    assert all(engine.closed for engine in engines.made)


def test_if_no_slice_can_be_proved_it_is_said_why_of_the_last_one() -> None:
    part, proof = first_proved(HIDDEN, [clean(HIDDEN), without(HIDDEN, 1)], Engines())
    assert (part, proof.holds, proof.lacks) == (None, False, True)
    assert "action 4 of the kept actions raised NameError" in proof.line


def test_no_fuller_slice_is_tried_if_nothing_can_be_proved() -> None:
    recorded = session(turn("import random", "print(1)", "x = random.random()", "print(2)", answer="See `x`."))
    engines = Engines()
    part, proof = first_proved(recorded, [clean(recorded), without_failures(recorded)], engines)
    assert (part, proof.lacks) == (None, False)
    assert len(engines.made) == 3


def without(recorded: Session, *numbers: int) -> Slice:
    """Return a wrong slice of `recorded`: it lacks some actions."""
    part = clean(recorded)
    return Slice(tuple(block for block in part.kept if block.number not in numbers), part.dropped, part.names)


def test_a_slice_that_lacks_code_it_needs_is_not_proved() -> None:
    proof = prove(DEAD_END, without(DEAD_END, 1), Engines())
    assert not proof.holds
    assert "action 4 of the kept actions raised NameError: name 'a' is not defined" in proof.line
    assert "All actions are kept." in proof.line


def test_a_slice_with_another_value_names_the_variable() -> None:
    recorded = session(turn("a = [1]", "a.append(2)", "unused = 1", "b = len(a)", "0"))
    proof = prove(recorded, Slice(clean(recorded).kept[:1], clean(recorded).dropped, ("a",)), Engines())
    assert (proof.holds, proof.differing) == (False, ("a",))
    assert proof.line == "Without the rest, a would have other values, so all actions are kept."


def test_a_users_cell_that_fails_with_and_without_the_rest_is_allowed() -> None:
    recorded = session(turn("a = 1", "print(2)", "b = a", cells=["print(of_another_thread)"]))
    assert prove(recorded, clean(recorded), Engines()).holds
    recorded = session(turn("a = 1", "1", "b = 2", "2"), turn("b", cells=["print(a)"]))
    proof = prove(recorded, without(recorded, 1), Engines())
    assert proof.line == (
        "It could not be proved: the cell 'print(a)' of the kept actions raised NameError: name 'a' is not defined. "
        "All actions are kept."
    )


def test_a_value_that_differs_from_run_to_run_cannot_be_proved() -> None:
    recorded = session(turn("import random", "print(1)", "x = random.random()", "print(2)", answer="See `x`."))
    proof = prove(recorded, clean(recorded), Engines())
    assert (proof.holds, proof.differing) == (False, ("x",))
    assert "x comes out differently" in proof.line


def test_the_output_of_each_kept_action_has_to_be_the_same() -> None:
    loop = "for i in [2]:\n    items.append(i)\n    1 / 0"
    recorded = session(
        turn("items = [1]", step(loop, status="error"), "print(sum(items))", answer="The sum is 3."),
        turn("items = [0]", "print(len(items))"),
    )
    proof = prove(recorded, clean(recorded), Engines())
    assert not proof.holds
    assert proof.line.startswith("Without the rest, action 3 would show something else ('3' became '1')")


def test_an_output_that_differs_from_run_to_run_cannot_be_proved() -> None:
    recorded = session(turn("import random", "print(1)", "print(random.random())"), turn("print(2)"))
    proof = prove(recorded, clean(recorded), Engines())
    assert not proof.holds
    assert proof.line.startswith("Each time that the session runs, the output of action 3 comes out differently")


def test_the_last_output_has_to_be_the_same() -> None:
    recorded = session(turn("a = [1]", "a.append(2)", "print(a)"))
    part = without(recorded, 2)
    proof = prove(recorded, Slice(part.kept, (*part.dropped, *_dropped(recorded)), ()), Engines())
    assert (
        proof.line
        == "Without the rest, action 3 would show something else ('[1, 2]' became '[1]'), so all actions are kept."
    )


def _dropped(recorded: Session) -> Any:
    return clean(session(turn("print(1)", "print(2)"))).dropped


def test_the_proof_names_a_failed_action_that_may_have_left_files() -> None:
    recorded = session(turn(step("open('a', 'w').write(x)", status="error"), "print(open('a').read())"))
    assert prove(recorded, clean(recorded), Engines()).line.startswith("Action 1 failed, and may have left files")


def test_nothing_is_run_if_nothing_is_left_out() -> None:
    recorded, engines = session(turn("a = 1", "a")), Engines()
    assert prove(recorded, clean(recorded), engines).holds
    assert engines.made == []


def test_values_compared_only_by_type_are_named() -> None:
    recorded = session(turn("handle = (x for x in [1])", "print(0)", "a = 1", "print(handle, a)"))
    part = clean(recorded)
    proof = prove(recorded, Slice(part.kept, part.dropped, ("a", "handle")), Engines())
    assert (proof.holds, proof.weak) == (True, ("handle",))
    assert proof.line.endswith("Only by type: handle.")


def test_a_kernel_that_dies_proves_nothing() -> None:
    proof = prove(DEAD_END, clean(DEAD_END), Engines(Dying))
    assert not proof.holds
    assert "The kernel died (signal 9)." in proof.line


class WithoutJoblib(PlainEngine):
    """An engine in an environment without joblib."""

    def evaluate(self, code: str) -> str:
        return super().evaluate(code.replace('"joblib"', '"joblib_is_not_there"'))


def test_a_kernel_without_joblib_says_what_to_install() -> None:
    proof = prove(DEAD_END, clean(DEAD_END), Engines(WithoutJoblib))
    assert not proof.holds
    assert "pip install 'codeact-magic[verify]'" in proof.line


def test_a_kernel_that_cannot_evaluate_code_proves_nothing() -> None:
    class Silent(PlainEngine):
        def evaluate(self, code: str) -> str:
            raise CodeActError("It failed.")

    assert "cannot be compared" in prove(DEAD_END, clean(DEAD_END), Engines(Silent)).line


# -- real kernels ------------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[KernelExecutor]:
    with KernelExecutor(LocalKernel(cwd=tmp_path)) as kernel:
        yield kernel


PLOT = "import matplotlib.pyplot as plt\nplt.plot([0, 1, {}])\nplt.show()"


@pytest.mark.kernel
def test_a_session_that_a_kernel_recorded_verifies_in_another_one(engine: KernelExecutor, tmp_path: Path) -> None:
    codes = [
        "import time\nx = [n / 3 for n in range(4)]",
        "x\nobject()",
        "1 / 0",
        "time.time(), {'a', 'b'}",
        PLOT.format(2),
    ]
    steps = []
    for code in codes:
        seen = engine.run(code)
        steps.append(step(code, *seen.outputs, status=seen.status, line=seen.line))
    with KernelExecutor(LocalKernel(cwd=tmp_path)) as other:
        report = verify(session(turn(*steps, cells=["y = 1\ny"])), other)
    assert report.status == 0, report.table()
    changed = session(turn(step(PLOT.format(3), *steps[-1].observation.outputs if steps[-1].observation else ())))
    assert [result for _, result, _ in results(verify(changed, engine))] == ["differs"]


@pytest.mark.kernel
@pytest.mark.parametrize("layout", ["codeactinstruct", "openai"])
def test_an_imported_session_is_compared_by_the_text_that_the_model_was_told(
    engine: KernelExecutor, layout: Layout
) -> None:
    steps = []
    for code in ["x = [n / 3 for n in range(4)]\nx", "object()", "1 / 0", "print(1)\n'two'", PLOT.format(2)]:
        seen = engine.run(code)
        action, decision = Action(code), Decision("approve", code)
        message = observation_text(action, decision, seen, 8000)
        reply = f"```python\n{code}\n```"
        steps.append(
            Step(Reply(reply), "", action, decision, seen, assistant_message=reply, observation_message=message)
        )
    imported = parse(export(session(turn(*steps)), layout))
    engine.restart()
    report = verify(imported, engine)
    assert report.status == 0, report.table()
    assert [row.detail for row in report.rows][:2] == [
        "as text: it was imported",
        "as text: it was imported, addresses",
    ]
    other = replace(imported.turns[0].steps[0], decision=Decision("approve", "x = [1]\nx", by="import"))
    assert verify(session(turn(other)), engine).status == 1


@pytest.mark.kernel
def test_plots_are_told_apart(engine: KernelExecutor) -> None:
    verdicts = [(name, wanted, found) for name, wanted, found, _ in figures.verdicts(figures.Drawer(engine))]
    assert [(name, found) for name, wanted, found in verdicts if wanted != found] == []
    assert {wanted for _, wanted, _ in verdicts} == {"same", "differs"}


@pytest.mark.kernel
def test_after_an_action_that_kills_the_kernel_all_rows_are_missing(engine: KernelExecutor) -> None:
    report = verify(session(turn("a = 1", "import os\nos.kill(os.getpid(), 9)", "a")), engine)
    assert [result for _, result, _ in results(report)] == ["same", "missing", "missing"]


@pytest.mark.kernel
def test_a_slice_is_proved_in_real_kernels(tmp_path: Path) -> None:
    recorded = session(
        turn(
            "import pandas as pd\nimport numpy as np\ndf = pd.DataFrame({'x': np.arange(4.0), 'k': list('abab')})",
            "df.head()",
            "class Sum:\n    def __init__(self, of): self.of = of\ntotals = Sum(df.groupby('k').x.sum())",
            "%who",
            "df['y'] = df.x * 2\nshow = lambda: df",
            "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot(df.y)",
            "print(df, totals.of)",
            answer="See `totals`, `show` and `fig`.",
        )
    )
    part = clean(recorded)
    proof = prove(recorded, part, lambda: KernelExecutor(LocalKernel(cwd=tmp_path)))
    assert [block.number for block in part.actions] == [1, 3, 5, 6, 7]
    assert proof.holds, proof.line
    assert set(proof.weak) == {"ax", "fig"}
    assert {"df", "totals", "show"} <= set(part.names)
