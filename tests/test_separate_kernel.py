"""KernelExecutor with real kernels: recorded outputs, questions about variables, and failures of the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeact_magic.errors import CodeActError, UsageError
from codeact_magic.kernels.interpreter import InterpreterOptions
from codeact_magic.kernels.separate import GatewayKernel, KernelExecutor, LocalKernel, notes, request
from codeact_magic.kernels.separate.outputs import KernelOutputs
from codeact_magic.kernels.signals import interrupt
from codeact_magic.risk import Namespace
from codeact_magic.secrets import Secrets
from codeact_magic.session import Json, Observation
from codeact_magic.text import mask

KEY = "sk-abcdefghijklmnop"
GONE = notes.gone(out_of_reach=False)
LATE = "It was interrupted: it ran longer than the 5 s allowed."
REACHED = "where the server can be reached again"
PATIENCE = 30.0  # seconds that a test waits for a condition


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelExecutor]:
    """A kernel for all tests that do not end it."""
    with KernelExecutor(
        LocalKernel(cwd=tmp_path_factory.mktemp("kernel")), options=InterpreterOptions(secrets=lambda: (KEY,))
    ) as engine:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("PYTEST_CURRENT_TEST")  # with it, ipykernel ignores the output of child processes
            engine.run("")
        yield engine


@pytest.fixture
def engine(process: KernelExecutor) -> Iterator[KernelExecutor]:
    """That kernel with an empty namespace, and its executor with the default options."""
    configure(process, timeout=0.0)
    process.idle, process.ask = 0.0, None
    process.show, process.tell = lambda output: None, lambda line: None
    process.run("%reset -f", every_value=False)
    yield process


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[KernelExecutor]:
    """A kernel for this test alone."""
    with KernelExecutor(LocalKernel(cwd=tmp_path)) as engine:
        yield engine


def configure(executor: KernelExecutor, **options: Any) -> None:
    """Change some options of an executor."""
    executor.configure(replace(executor.options, **options))


def text(observation: Observation, name: str = "stdout") -> str:
    """Return the text written to one stream."""
    return "".join(output["text"] for output in observation.outputs if output.get("name") == name)


def kinds(observation: Observation) -> list[str]:
    """Return the kinds of the outputs, in order."""
    return [output.get("name") or output["output_type"] for output in observation.outputs]


def error(observation: Observation) -> str:
    """Return the error at the end of an observation."""
    assert observation.status in ("error", "kernel lost")
    return f"{observation.outputs[-1]['ename']}: {observation.outputs[-1]['evalue']}"


def when(happened: Callable[[], Any], do: Callable[[], None]) -> threading.Thread:
    """Call `do` on a thread, as soon as `happened()` is true."""

    def wait() -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened() and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        do()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


class Screen:
    """Collects the shown outputs and lines."""

    def __init__(self, engine: KernelExecutor) -> None:
        self.outputs: list[Json] = []
        self.lines: list[str] = []
        engine.show, engine.tell = self.outputs.append, self.lines.append

    def says(self, words: str) -> bool:
        """Return whether `words` have been written."""
        return words in "".join(output.get("text", "") for output in self.outputs)


# -- recorded outputs --------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_outputs_are_recorded_in_the_order_in_which_they_are_shown(engine: KernelExecutor) -> None:
    screen = Screen(engine)
    code = "from IPython.display import HTML, display\nprint('one')\ndisplay(HTML('<b>two</b>'))\n"
    observation = engine.run(code + "'three'\nprint('four')\n1 / 0")
    assert kinds(observation) == ["stdout", "display_data", "execute_result", "stdout", "error"]
    assert observation.outputs[1]["data"]["text/html"] == "<b>two</b>"
    assert error(observation) == "ZeroDivisionError: division by zero"
    assert observation.line == "line 6: 1 / 0"
    shown = [output.get("name") or output["output_type"] for output in screen.outputs]
    assert [kind for kind, _ in groupby(shown)] == kinds(observation)


@pytest.mark.kernel
def test_an_action_shows_the_value_of_every_expression_and_a_cell_that_of_the_last(engine: KernelExecutor) -> None:
    values = [output["data"]["text/plain"] for output in engine.run("1\n2\nNone\n3").outputs]
    assert values == ["1", "2", "3"]
    values = [output["data"]["text/plain"] for output in engine.run("1\n2", every_value=False).outputs]
    assert values == ["2"]


@pytest.mark.kernel
def test_updates_and_clearings_are_applied_to_the_record(engine: KernelExecutor) -> None:
    code = "from IPython.display import clear_output, display, update_display\nprint('gone')\nclear_output(wait=True)\n"
    observation = engine.run(
        code + "display('old', display_id='x')\nprint('on')\nupdate_display('new', display_id='x')"
    )
    assert kinds(observation) == ["display_data", "stdout"]
    assert observation.outputs[0]["data"]["text/plain"] == "'new'"


@pytest.mark.kernel
def test_figures_are_recorded_but_not_the_handles_of_matplotlib(engine: KernelExecutor) -> None:
    observation = engine.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('t')")
    assert kinds(observation) == ["display_data"]
    assert "image/png" in observation.outputs[0]["data"]


@pytest.mark.kernel
def test_the_output_of_child_processes_is_recorded(engine: KernelExecutor) -> None:
    engine.run("import os, subprocess")
    for _ in range(20):
        observation = engine.run("print('a', flush=True)\nos.system('echo b')\nsubprocess.run(['echo', 'c'])")
        assert text(observation) == "a\nb\nc\n"
    observation = engine.run("os.system('echo e >&2')")
    assert text(observation, "stderr") == "e\n"


@pytest.mark.kernel
def test_no_secret_is_shown_or_recorded_even_in_pieces(engine: KernelExecutor) -> None:
    screen = Screen(engine)
    pieces = f"import time\nfor piece in ({KEY[:7]!r}, {KEY[7:]!r}):\n    print(piece, end='', flush=True)\n"
    observation = engine.run(f"{pieces}print()\nleaked = {KEY!r}\nraise ValueError({KEY!r})")
    assert text(observation) == "***\n"
    assert error(observation) == "ValueError: ***"
    assert KEY not in str(observation) + str(screen.outputs)
    assert KEY not in str(engine.run("leaked")) + engine.summary()


@given(st.text("sk-ab", max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_masking_does_not_depend_on_how_a_stream_is_split(written: str, cuts: list[int]) -> None:
    secrets = ("sk-a", "bb-sk")
    shown: list[Json] = []
    outputs = KernelOutputs(secrets, shown.append)
    edges = [0, *sorted(cut for cut in cuts if cut < len(written)), len(written)]
    for start, end in pairwise(edges):
        outputs.take("stream", {"name": "stdout", "text": written[start:end]})
    recorded = "".join(output["text"] for output in outputs.finished())
    assert recorded == "".join(output["text"] for output in shown)
    assert not any(secret in recorded for secret in secrets)
    if len(edges) == 2:
        assert recorded == mask(written, secrets)


# -- names -------------------------------------------------------------------------------------------------------------


SEND = """
def send(kind, content):
    kernel = get_ipython().kernel
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent("shell"), ident=None)
"""


@pytest.mark.kernel
@pytest.mark.parametrize(
    "message",
    [
        "'stream', {'text': 'x'}",
        "'display_data', {'data': [1], 'metadata': 5}",
        "'display_data', {'data': {'text/plain': 'x'}, 'transient': 5}",
        "'error', {}",
        "'status', {}",
        "'input_request', {'prompt': 'x'}",
    ],
)
def test_malformed_messages_are_ignored(engine: KernelExecutor, message: str) -> None:
    assert text(engine.run(f"{SEND}\nsend({message})\nprint('on')")) == "on\n"


@pytest.mark.kernel
def test_code_that_replaces_the_inspector_breaks_nothing(fresh: KernelExecutor) -> None:
    answers = ("'no json'", "'[' * 100_000", "5", "'[[1]]'", "'{\"a\": 1}'")
    fresh.run("import sys\ninside = sys.modules['_codeact_inside']")
    for answer in answers:
        fresh.run(f"class Fake:\n    def __getattr__(self, name):\n        return lambda *given: {answer}")
        seen = fresh.run("inside.inspector = Fake()\nprint('on')")
        assert (text(seen), fresh.defined(["x"])) == ("on\n", set())
        assert fresh.user_names() <= {"1", "a", "[1]"}


@pytest.mark.kernel
def test_the_kernel_says_what_names_stand_for(fresh: KernelExecutor) -> None:
    fresh.run("items = [1]\nopener = open\ndef clear(values):\n    values.clear()")
    names = fresh.user_names()
    assert isinstance(names, Namespace)
    known = names.known(["items", "opener", "clear", "missing"])
    assert known.entries["items"].dotted == "builtins.list"
    assert known.entries["opener"].dotted.endswith("io.open")
    assert known.sources == {"@clear": "def clear(values):\n    values.clear()\n"}
    assert "missing" not in known.entries


@pytest.mark.kernel
def test_a_secret_in_a_name_or_across_lines_is_not_shown(engine: KernelExecutor) -> None:
    start, end = KEY[:8], KEY[8:]
    for code in (
        f"globals()[{start!r} + {end!r}] = 5",
        f"raise type({start!r} + {end!r}, (Exception,), {{}})('x')",
        f"from IPython.display import display\ndisplay({{'text/plain': [{start!r}, {end!r}]}}, raw=True)",
    ):
        shown: list[Json] = []
        engine.show = shown.append
        seen = engine.run(code)
        for value in (shown, seen.outputs, seen.changed):
            assert KEY not in str(value) and KEY not in "".join(flat(value))


def flat(value: Any) -> Iterator[str]:
    """Yield all strings in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from flat(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from flat(part)


@pytest.mark.kernel
def test_names_that_an_action_changes_are_listed(engine: KernelExecutor) -> None:
    assert engine.run("total = 6 * 7\ndef double(n): return 2 * n").changed == (("total", "42"),)
    assert engine.run("values = [1]").changed == (("values", "[1]"),)
    assert engine.run("values.append(2)").changed == (("values", "<list of 2 int>"),)


@pytest.mark.kernel
def test_the_summary_is_the_same_as_in_a_notebook(engine: KernelExecutor) -> None:
    engine.run("import math\nages = {'a': 1}\n_private = 1\ndef double(n: int): 'Twice.'")
    assert engine.summary() == (
        "Variables in the notebook:\nages: dict of 1 int\ndouble: function double(n: int): Twice."
    )
    assert engine.defined(["ages", "math", "gone"]) == {"ages", "math"}


@pytest.mark.kernel
def test_names_are_the_users_own_unless_an_action_made_them(engine: KernelExecutor) -> None:
    engine.run("mine = 1", every_value=False)
    engine.run("made = 2")
    assert engine.user_names() == {"mine"}


@pytest.mark.kernel
def test_questions_leave_no_trace_in_the_kernel(engine: KernelExecutor) -> None:
    count = engine.run("1").execution_count
    before = engine.evaluate("print(sorted(globals()))")
    engine.summary(), engine.user_names(), engine.evaluate("unseen = 1\ndel unseen")
    assert engine.evaluate("print(sorted(globals()))") == before
    assert "codeact" not in before
    assert engine.run("1").execution_count == (count or 0) + 1


@pytest.mark.kernel
def test_a_slow_repr_does_not_run(engine: KernelExecutor) -> None:
    code = "import time\nclass Slow:\n    def __repr__(self): time.sleep(60)\nslow = Slow()"
    observation = engine.run(code)
    assert (observation.status, observation.changed) == ("ok", (("slow", "<Slow>"),))
    assert text(engine.run("print('on')")) == "on\n"


@pytest.mark.kernel
def test_a_kernel_without_an_inspector_runs_actions_nevertheless(
    fresh: KernelExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codeact_magic.kernels.separate.inspection.setup_code", lambda: "this is no Python")
    assert text(fresh.run("print(1)")) == "1\n"
    assert (fresh.summary(), fresh.user_names(), fresh.defined(["x"])) == ("", set(), set())


# -- evaluate ----------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_evaluate_returns_the_printed_text_and_shows_nothing(engine: KernelExecutor) -> None:
    screen = Screen(engine)
    assert engine.evaluate("print(6 * 7)\n'unseen'") == "42\n"
    assert screen.outputs == []


@pytest.mark.kernel
def test_an_error_during_evaluation_is_one_line(engine: KernelExecutor) -> None:
    with pytest.raises(CodeActError, match=r"^The kernel could not evaluate the code: ZeroDivisionError: .*$"):
        engine.evaluate("1 / 0")


# -- starting ----------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_the_kernel_is_this_python_in_the_folder_it_was_given(fresh: KernelExecutor, tmp_path: Path) -> None:
    assert (
        text(fresh.run("import os, sys\nprint(sys.executable)\nprint(os.getcwd())"))
        == f"{sys.executable}\n{tmp_path}\n"
    )


@pytest.mark.kernel
def test_modules_in_the_working_directory_are_for_the_code_and_not_for_the_kernel(
    fresh: KernelExecutor, tmp_path: Path
) -> None:
    for name in ("ipykernel_launcher", "ipykernel", "zmq", "helper"):
        (tmp_path / f"{name}.py").write_text(f"print('{name} of the folder')")
    assert text(fresh.run("import helper")) == "helper of the folder\n"


@pytest.mark.kernel
def test_an_executor_that_restarts_has_no_variables(fresh: KernelExecutor, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    fresh.run("import os\nos.chdir('inner')\na = 1")
    fresh.restart()
    seen = fresh.run("import os\nprint(os.getcwd(), 'a' in globals())")
    assert (text(seen), seen.note) == (f"{tmp_path} False\n", "")


def test_questions_about_variables_start_no_kernel() -> None:
    engine = KernelExecutor(LocalKernel("no such kernel"))
    assert (engine.summary(), engine.user_names(), engine.defined(["x"]), engine.cells()) == ("", set(), set(), ())
    engine.close()


def test_a_kernel_of_an_unknown_name_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"^There is no kernel 'no such' here; there is: .*python3"):
        KernelExecutor(LocalKernel("no such")).run("1")


@pytest.mark.kernel
def test_a_token_as_the_name_of_a_kernel_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_TOKEN", KEY)
    specs = SimpleNamespace(json=lambda: {"kernelspecs": {KEY: {}, "python3": {}}})
    monkeypatch.setattr("jupyter_kernel_client.manager.fetch", lambda *given, **options: specs)
    with pytest.raises(UsageError, match=r"it has: python3, \*\*\*$"):
        KernelExecutor(GatewayKernel("http://localhost:1", "foo")).run("1")


@pytest.mark.kernel
def test_a_kernel_of_a_kernelspec_can_be_used() -> None:
    with KernelExecutor(LocalKernel("python3")) as engine:
        assert text(engine.run("print('on')")) == "on\n"
        assert engine.run("x = 1").changed == (("x", "1"),)


@pytest.mark.slow
def test_a_kernel_that_does_not_start_is_one_line_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ipykernel.py").write_text("raise SystemExit('it will not start')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"^The kernel could not be started: it will not start$"):
        KernelExecutor(LocalKernel(cwd=tmp_path)).run("1")


@pytest.mark.kernel
def test_an_executor_works_inside_a_running_kernel(engine: KernelExecutor) -> None:
    code = "from codeact_magic.kernels.separate import KernelExecutor\nwith KernelExecutor() as inner:\n"
    assert text(engine.run(f"{code}    print(inner.run('print(1)').outputs[0]['text'])")) == "1\n\n"


# -- death -------------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_the_death_of_the_kernel_is_an_error_and_the_next_action_runs(fresh: KernelExecutor) -> None:
    fresh.run("x = 1")
    observation = fresh.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert (observation.status, observation.lost) == ("kernel lost", True)
    assert error(observation) == "DeadKernelError: The kernel died (it was ended by SIGKILL)."
    assert observation.note == GONE
    assert error(fresh.run("x")).startswith("NameError")


@pytest.mark.kernel
def test_a_kernel_that_died_between_two_actions_is_reported(fresh: KernelExecutor) -> None:
    screen = Screen(fresh)
    process = int(fresh.evaluate("import os; print(os.getpid())"))
    os.kill(process, signal.SIGKILL)
    observation = fresh.run("print('on')")
    assert text(observation) == "on\n"
    assert (observation.fresh, observation.lost) == (True, False)
    assert "Meanwhile the kernel died (it was ended by SIGKILL)." in observation.note
    assert screen.lines == [observation.note]
    assert fresh.run("print('on')").note == ""


@pytest.mark.kernel
def test_exit_ends_the_action_and_not_the_kernel(engine: KernelExecutor) -> None:
    engine.run("x = 1")
    assert engine.run("exit()").status == "error"
    assert text(engine.run("print(x)")) == "1\n"


BUSY = "import re; open('busy', 'w').close(); re.match(r'(a+)+$', 'a' * 60 + 'b')"  # in C, with the interpreter's lock


@pytest.mark.kernel
@pytest.mark.parametrize("code", ["", BUSY], ids=["at rest", "busy"])
def test_the_kernel_ends_with_this_process_however_it_ends(tmp_path: Path, code: str) -> None:
    script = f"""
import os, threading
from pathlib import Path
from codeact_magic.kernels.separate import KernelExecutor
def kill():
    while {bool(code)} and not Path("busy").exists():
        threading.Event().wait(0.05)
    os.kill(os.getpid(), 9)
engine = KernelExecutor()
print(engine.evaluate("import os; print(os.getpid())"), end="", flush=True)
threading.Thread(target=kill).start()
engine.run({code!r})
threading.Event().wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + PATIENCE
    while _lives(int(done.stdout)):
        assert time.monotonic() < deadline, "the kernel lives on"
        threading.Event().wait(0.05)


def _lives(process: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


# -- notes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        ({}, ""),
        ({"rings": 1}, "It was interrupted: it ran longer than the 5 s allowed."),
        ({"rings": 2, "ended": True}, f"{LATE} It did not react, so the kernel was ended. {GONE}"),
        ({"ended": True}, f"It did not react, so the kernel was ended. {GONE}"),
        ({"death": "the kernel died"}, "A fresh kernel takes its place: all variables are gone."),
        ({"death": "it is gone", "lost": True}, GONE.replace(" its place", f" its place {REACHED}")),
    ],
)
def test_a_note_says_why_a_run_ended_early_and_whether_variables_are_gone(facts: dict[str, Any], note: str) -> None:
    request: Any = SimpleNamespace(**{"rings": 0, "ended": False, "death": "", "lost": False, **facts})
    assert notes.of(request, 5.0) == note


# -- time and interrupts -----------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_an_action_that_takes_too_long_is_interrupted(engine: KernelExecutor) -> None:
    configure(engine, timeout=0.5)
    screen = Screen(engine)
    observation = engine.run("kept = 1\nwhile True: pass")
    assert (observation.status, screen.outputs) == ("timed out", [])
    assert observation.note == "It was interrupted: it ran longer than the 0.5 s allowed."
    assert text(engine.run("print(kept)")) == "1\n"


@pytest.mark.kernel
def test_a_kernel_that_does_not_react_to_the_timeout_is_ended(
    fresh: KernelExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "STUBBORN", 0.5)
    fresh.run("import signal")
    configure(fresh, timeout=0.3)
    observation = fresh.run("signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass")
    assert (observation.status, observation.lost) == ("timed out", True)
    configure(fresh, timeout=0.0)
    assert text(fresh.run("print('on')")) == "on\n"


@pytest.mark.kernel
def test_ctrl_c_interrupts_the_action_and_keeps_what_it_did(engine: KernelExecutor) -> None:
    screen = Screen(engine)
    when(lambda: screen.says("it runs"), interrupt)
    observation = engine.run("kept = 1\nprint('it runs', flush=True)\nwhile True: pass")
    assert observation.status == "interrupted"
    assert kinds(observation) == ["stdout", "error"]
    assert [output["output_type"] for output in screen.outputs] == ["stream"]
    assert text(engine.run("print(kept)")) == "1\n"


# Code that an interrupt does not move.
DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('it runs', flush=True)\nwhile True: pass"


@pytest.mark.kernel
def test_ctrl_c_twice_ends_a_kernel_that_does_not_react(fresh: KernelExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "UNMOVED", 0.2)
    fresh.ask = lambda question, hidden: ""
    screen = Screen(fresh)
    when(lambda: screen.says("it runs"), interrupt)
    when(lambda: request.DOES_NOT_REACT in screen.lines, interrupt)
    observation = fresh.run(DEAF)
    assert (observation.status, observation.lost) == ("interrupted", True)
    assert text(fresh.run("print('on')")) == "on\n"


@pytest.mark.kernel
def test_ctrl_c_once_ends_a_kernel_that_does_not_react_if_nobody_can_press_it_again(
    fresh: KernelExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "UNMOVED", 0.2)
    monkeypatch.setattr(request, "ALONE", 0.4)
    screen = Screen(fresh)
    when(lambda: screen.says("it runs"), interrupt)
    observation = fresh.run(DEAF)
    assert (observation.status, observation.lost) == ("interrupted", True)
    assert screen.lines == [request.WILL_BE_ENDED]


# -- ends --------------------------------------------------------------------------------------------------------------

CYCLE = "engine.itself = engine\ndel engine\n"
SHOWN = "engine.show = lambda output: 'text' in output and {}\nassert engine.run(BUSY).status == 'kernel lost'"
LEFT = {
    "collected": "del engine\ngc.collect()",
    "collected with a cycle": f"{CYCLE}gc.collect()",
    "collected elsewhere": f"{CYCLE}thread = threading.Thread(target=gc.collect)\nthread.start()\nthread.join()",
    "left to the end": "",
    "in use at the end": "threading.Thread(target=engine.run, args=[BUSY], daemon=True).start()",
    "closed from elsewhere": SHOWN.format("threading.Thread(target=engine.close).start()"),
    "closed by a signal handler": (
        f"signal.signal(signal.SIGTERM, lambda *given: engine.close())\n{SHOWN.format('signal.raise_signal(15)')}"
    ),
}


@pytest.mark.kernel
@pytest.mark.parametrize("code", LEFT.values(), ids=LEFT.keys())
def test_an_abandoned_executor_holds_nothing_up_and_its_kernel_ends(code: str, tmp_path: Path) -> None:
    start = f"""
import gc, signal, threading
from codeact_magic.kernels.separate import KernelExecutor, executor
executor.CLOSING = 0.5
BUSY = "print('it runs', flush=True)\\nwhile True: pass"
engine = KernelExecutor()
print(engine.evaluate("import os; print(os.getpid())"), end="", flush=True)
{code}
print("done")
"""
    done = subprocess.run([sys.executable, "-c", start], cwd=tmp_path, stdout=-1, text=True, timeout=PATIENCE)
    process, printed = done.stdout.split()
    assert (done.returncode, printed) == (0, "done")
    when(lambda: not _lives(int(process)), lambda: None).join()
    assert not _lives(int(process))


@pytest.mark.kernel
def test_code_that_catches_ctrl_c_counts_as_interrupted(engine: KernelExecutor) -> None:
    screen = Screen(engine)
    when(lambda: screen.says("it runs"), interrupt)
    code = (
        "try:\n    print('it runs', flush=True)\n    while True: pass\nexcept KeyboardInterrupt:\n    print('caught')"
    )
    observation = engine.run(code)
    assert observation.status == "interrupted"
    assert "caught" in text(observation)


@pytest.mark.kernel
def test_ctrl_c_as_the_code_begins_or_ends_loses_neither_the_kernel_nor_its_variables(engine: KernelExecutor) -> None:
    engine.run("kept = 1")
    engine.show = lambda output: interrupt()  # the kernel is about to send its reply
    for _ in range(5):
        assert engine.run("print('almost done')").status == "interrupted"
    engine.show = lambda output: None
    for _ in range(5):
        when(lambda: signal.getsignal(signal.SIGINT) is not signal.default_int_handler, interrupt)
        assert engine.run("import time\ntime.sleep(0.2)").status == "interrupted"
    assert text(engine.run("print(kept)")) == "1\n"


@pytest.mark.kernel
def test_a_kernel_without_use_is_ended_and_reported(fresh: KernelExecutor) -> None:
    screen = Screen(fresh)
    fresh.idle = 0.2
    process = int(fresh.evaluate("import os; print(os.getpid())"))
    deadline = time.monotonic() + PATIENCE
    while _lives(process):
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    fresh.idle = 0.0
    observation = fresh.run("print('on')")
    assert text(observation) == "on\n"
    assert observation.fresh
    assert observation.note.startswith("The kernel was not used for 0.2 s, so it was ended.")
    assert screen.lines == [observation.note]


# -- input -------------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_questions_of_the_code_are_answered_by_the_user(engine: KernelExecutor) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(prompt: str, hidden: bool) -> str:
        asked.append((prompt, hidden))
        return "Ada"

    engine.ask = answer
    code = "import getpass\nname = input('Name? ') + getpass.getpass('Word? ')"
    assert engine.run(code).changed == (("name", "'AdaAda'"),)
    assert asked == [("Name? ", False), ("Word? ", True)]


@pytest.mark.kernel
def test_input_is_an_error_if_nobody_can_be_asked(engine: KernelExecutor) -> None:
    assert error(engine.run("input('Name? ')")).startswith("StdinNotImplementedError")


@pytest.mark.kernel
@pytest.mark.parametrize(("raised", "status"), [(EOFError, "error"), (KeyboardInterrupt, "interrupted")])
def test_leaving_a_question_ends_it(engine: KernelExecutor, raised: type[BaseException], status: str) -> None:
    def leave(prompt: str, hidden: bool) -> str:
        if raised is KeyboardInterrupt:
            interrupt()
            threading.Event().wait(PATIENCE)
        raise raised

    engine.ask = leave
    observation = engine.run("input('Name? ')")
    assert (observation.status, observation.outputs[-1]["ename"]) == (status, raised.__name__)
    assert text(engine.run("print('on')")) == "on\n"


def test_the_secrets_of_the_kernel_that_runs_the_code_are_masked(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SHOP_TOKEN=kept-in-a-file-1\n")
    known = Secrets()
    options = InterpreterOptions(secrets=known.values, lifted=known.lifted, learn=known.learn, masked=known.note)
    with KernelExecutor(LocalKernel(cwd=tmp_path), options) as engine:
        observation = engine.run("import os, subprocess\ntext = open('.env').read()\nprint(text)")
        assert "kept-in-a-file-1" not in str(observation)
        assert "***" in str(observation.outputs)
        assert observation.note == "1 secret masked."
        engine.run("os.environ['LATER_TOKEN'] = 'given-' + 'later-12345'")
        assert "given-later-12345" not in str(engine.run("print(os.environ['LATER_TOKEN'])"))
        assert known.listed() == [("SHOP_TOKEN", False), ("LATER_TOKEN", False)]
