"""ShellExecutor in IPython shells of this process: recorded outputs, names, interrupts, and the state it restores."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeact_magic.kernels.interpreter import InterpreterOptions
from codeact_magic.kernels.live import executor as live
from codeact_magic.kernels.live import insistence, nested, output_record, recorder
from codeact_magic.kernels.live.executor import ShellExecutor, without_ours
from codeact_magic.kernels.live.output_record import MOST_OUTPUTS, MOST_TEXT
from codeact_magic.kernels.live.recorder import Recorder
from codeact_magic.kernels.sent import names
from codeact_magic.session import Observation
from codeact_magic.text import mask

from .shells import isolate, new_shell

KEY = "sk-abcdefghijklmnop"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    isolate(monkeypatch, tmp_path)
    with new_shell() as ipython:
        yield ipython


@pytest.fixture
def executor(shell: Any) -> ShellExecutor:
    return ShellExecutor(shell, InterpreterOptions(secrets=lambda: (KEY,)))


def configure(executor: ShellExecutor, **options: Any) -> None:
    """Change some options of an executor."""
    executor.configure(replace(executor.options, **options))


def user_runs(executor: ShellExecutor, code: str) -> None:
    """Run a cell of the user's own."""
    executor.shell.run_cell(code, store_history=True)


def text(observation: Observation, name: str = "stdout") -> str:
    """Return the text written to one stream."""
    return "".join(output["text"] for output in observation.outputs if output.get("name") == name)


def kinds(observation: Observation) -> list[str]:
    """Return the kinds of the outputs, in order."""
    return [output.get("name") or output["output_type"] for output in observation.outputs]


# -- recorded outputs --------------------------------------------------------------------------------------------------


def test_outputs_are_recorded_in_the_order_in_which_they_are_shown(executor: ShellExecutor) -> None:
    code = """
import sys
from IPython.display import HTML, display
print('one')
display(HTML('<b>two</b>'))
print('three', file=sys.stderr)
'four'
print('five')
1 / 0"""
    observation = executor.run(code)
    assert kinds(observation) == ["stdout", "display_data", "stderr", "execute_result", "stdout", "error"]
    assert observation.outputs[1]["data"]["text/html"] == "<b>two</b>"
    assert observation.outputs[3]["data"] == {"text/plain": "'four'"}
    assert (observation.status, observation.line) == ("error", "line 8: 1 / 0")
    assert observation.outputs[5]["ename"] == "ZeroDivisionError"


def test_what_is_recorded_is_shown_as_well(executor: ShellExecutor, capsys: pytest.CaptureFixture[str]) -> None:
    executor.run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7")
    shown = capsys.readouterr()
    assert "out\n" in shown.out and "42\n" in shown.out
    assert shown.err == "err\n"


def test_the_value_of_every_expression_is_recorded_without_a_prompt(executor: ShellExecutor) -> None:
    observation = executor.run("1\n2\nNone\n3")
    assert [output["data"]["text/plain"] for output in observation.outputs] == ["1", "2", "3"]
    assert {output["execution_count"] for output in observation.outputs} == {observation.execution_count}


def test_an_update_of_a_display_changes_what_was_recorded_of_it(executor: ShellExecutor) -> None:
    code = "from IPython.display import display, update_display\n"
    code += "display('old', display_id='x')\nprint('between')\nupdate_display('new', display_id='x')"
    observation = executor.run(code)
    assert kinds(observation) == ["display_data", "stdout"]
    assert observation.outputs[0]["data"]["text/plain"] == "'new'"


@pytest.mark.parametrize(("wait", "left"), [(False, "after\n"), (True, "after\n")])
def test_what_was_cleared_is_no_longer_in_the_record(executor: ShellExecutor, wait: bool, left: str) -> None:
    code = f"from IPython.display import clear_output\nprint('before')\nclear_output(wait={wait})\nprint('after')"
    assert text(executor.run(code)) == left


def test_a_clear_that_waits_for_output_that_never_comes_clears_nothing(executor: ShellExecutor) -> None:
    code = "from IPython.display import clear_output\nprint('before')\nclear_output(wait=True)"
    assert text(executor.run(code)) == "before\n"


def test_the_executor_reports_that_an_action_cleared_the_cell(
    executor: ShellExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(executor, cleared=lambda: print("the steps so far"))
    observation = executor.run("from IPython.display import clear_output\nclear_output()\nprint('after')")
    assert text(observation) == "after\n"
    assert "the steps so far\nafter\n" in capsys.readouterr().out


def test_what_log_handlers_write_is_recorded(executor: ShellExecutor) -> None:
    user_runs(
        executor, "import logging; handler = logging.StreamHandler(); logging.getLogger('mine').addHandler(handler)"
    )
    try:
        observation = executor.run("logging.getLogger('mine').warning('look out')")
    finally:
        logging.getLogger("mine").handlers.clear()
    assert text(observation, "stderr") == "look out\n"


def test_an_error_that_a_magic_only_shows_is_an_error(executor: ShellExecutor, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("print('begun')\nundefined\n")
    observation = executor.run("%run script.py")
    assert (observation.status, observation.outputs[-1]["ename"]) == ("error", "NameError")


def test_an_exception_that_cannot_be_converted_to_text_is_recorded(executor: ShellExecutor) -> None:
    code = "class Broken(Exception):\n    def __str__(self): raise ValueError\nraise Broken"
    observation = executor.run(code)
    assert observation.status == "error"
    assert executor.run("print('on')").status == "ok"


def test_the_handles_of_matplotlib_are_not_shown_as_values(
    executor: ShellExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    class Line2D:
        __module__ = "matplotlib.lines"

    executor.shell.user_ns["lines"] = [Line2D()]
    assert executor.run("lines\n'text'").outputs[0]["data"] == {"text/plain": "'text'"}
    assert capsys.readouterr().out.count("Out[") == 1


def test_a_long_text_is_recorded_with_its_beginning_and_its_end(executor: ShellExecutor) -> None:
    long = text(executor.run("print('begin' + 'x' * 3_000_000 + 'end')"))
    assert long.startswith("beginx") and long.endswith("xend\n")
    assert "characters were shown here, but are not kept" in long
    assert len(long) < MOST_TEXT + 200


@given(st.lists(st.text("abc\n", max_size=30), max_size=60))
def test_a_long_text_keeps_its_beginning_and_its_end_however_it_is_split(pieces: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_record, "MOST_TEXT", 100)
        patch.setattr(output_record, "LEFT_OUT", "<{count}>")
        stretch = output_record.StreamText("stdout")
        for piece in pieces:
            stretch.add(piece)
        kept, whole = stretch.output()["text"], "".join(pieces)
    head, cut, tail = kept.partition("<")
    if not cut:
        assert kept == whole and len(whole) < 100 + 30
        return
    count, tail = tail.split(">")
    assert head == whole[:50]
    assert 50 <= len(tail) < 50 + 30 and whole.endswith(tail)
    assert len(head) + int(count) + len(tail) == len(whole)


@pytest.mark.slow
def test_many_small_prints_are_recorded_as_one_text(executor: ShellExecutor) -> None:
    observation = executor.run("for number in range(100_000): print(number)")
    assert len(observation.outputs) == 1
    assert text(observation).endswith("99998\n99999\n")


def test_a_flood_of_displays_is_cut_off_but_an_error_is_still_recorded(executor: ShellExecutor) -> None:
    code = "from IPython.display import display\nfor number in range(5_000): display(number)\n1 / 0"
    observation = executor.run(code)
    assert len(observation.outputs) == MOST_OUTPUTS + 2
    assert observation.outputs[-2]["text"] == output_record.MORE
    assert observation.outputs[-1]["ename"] == "ZeroDivisionError"


def test_displays_beyond_the_limit_keep_only_the_beginning_of_their_text(
    executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_record, "MOST_RICH", 5_000)
    code = "from IPython.display import publish_display_data\n"
    code += "for _ in range(2): publish_display_data({'text/html': 'x' * 4_000, 'text/plain': 'table'})"
    small, large = executor.run(code).outputs
    assert len(small["data"]["text/html"]) == 4_000
    assert large["data"] == {"text/plain": f"table\n{output_record.MORE}"}


def test_bytes_and_odd_values_in_a_display_become_json(executor: ShellExecutor) -> None:
    code = "from IPython.display import publish_display_data\n"
    code += (
        "publish_display_data({'image/png': b'png', 'application/json': {1: (None, {2})}}, {'image/png': {'width': 3}})"
    )
    (output,) = executor.run(code).outputs
    assert output["data"] == {"image/png": "cG5n", "application/json": {"1": [None, "{2}"]}}
    assert output["metadata"] == {"image/png": {"width": 3}}


def test_a_thread_that_goes_on_printing_is_shown_but_does_not_change_the_record(
    executor: ShellExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
import sys, threading
go = threading.Event()
write = sys.stdout.write
def late():
    go.wait()
    write('bound late\\n')
    print('late')
thread = threading.Thread(target=late)
thread.start()
print('in time')"""
    observation = executor.run(code)
    executor.shell.user_ns["go"].set()
    executor.shell.user_ns["thread"].join()
    assert text(observation) == "in time\n"
    assert "bound late\nlate\n" in capsys.readouterr().out


def test_output_of_another_thread_while_a_value_is_shown_is_recorded(executor: ShellExecutor) -> None:
    printed, shown = threading.Event(), threading.Event()

    def finish() -> None:
        shown.set()
        printed.wait(10)

    executor.shell.displayhook.finish_displayhook = finish
    executor.shell.user_ns.update(printed=printed, shown=shown)
    code = """
import threading
def other():
    shown.wait(10)
    print('from another thread')
    printed.set()
thread = threading.Thread(target=other)
thread.start()
'value'
thread.join()"""
    assert text(executor.run(code)) == "from another thread\n"


# -- secrets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "print(key)",
        "print('x', key, 'y', sep='')",
        "for sign in key: print(sign, end='')",
        "print(key[:5], end='', flush=True)\nprint(key[5:])",
        "print(key, file=sys.stderr)",
        "key",
        "[{'deep': key}]",
        "display(HTML('<b>' + key + '</b>'))",
        "publish_display_data({'application/json': {'a': [key, {key: 1}]}, 'text/plain': ''})",
        "publish_display_data({'text/plain': ''}, {'note': key})",
        "raise ValueError(key)",
        "raise KeyError(key)",
        "open(key)",
        "class Shown:\n    def _repr_html_(self): return key\nShown()",
        "copied = [key[:8] + key[8:]]",
        "import warnings; warnings.warn(key)",
        "globals()[key] = 5",
        "raise type(key[:8] + key[8:], (Exception,), {})('x')",
        "display({'text/plain': [key[:8], key[8:]]}, raw=True)",
        "display('text', display_id=key); print('***')",
    ],
)
def test_a_secret_reaches_neither_the_screen_nor_the_record(
    code: str, executor: ShellExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    executor.shell.user_ns["key"] = KEY
    preface = "import sys\nfrom IPython.display import HTML, display, publish_display_data\n"
    observation = executor.run(f"{preface}{code}")
    captured = capsys.readouterr()
    assert "***" in f"{captured}{observation}"
    assert KEY not in f"{captured}{observation}"


@given(st.text("ab", min_size=2, max_size=6), st.lists(st.text("ab ", max_size=8), max_size=20))
def test_a_secret_is_masked_however_it_is_split(secret: str, pieces: list[str]) -> None:
    shown: list[str] = []

    class Stream:
        def write(self, piece: str) -> None:
            shown.append(piece)

    class Shell:
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", Stream())
        stream = recorder._Stream("stdout", Recorder(Shell(), 1, (secret,)))
        for piece in pieces:
            stream.write(piece)
        stream.finish()
    assert secret not in "".join(shown)
    assert "".join(shown) == mask("".join(pieces), (secret,))


def test_the_beginning_of_a_secret_is_shown_if_the_rest_does_not_follow(executor: ShellExecutor) -> None:
    assert text(executor.run(f"print({KEY[:8]!r}, end='')")) == KEY[:8]


# -- names -------------------------------------------------------------------------------------------------------------


def test_the_values_of_new_objects_are_listed_and_outlines_of_what_was_changed_in_place(
    executor: ShellExecutor,
) -> None:
    user_runs(executor, "old = 1\nsame = [1]\ntable = {}\nitems = []\ntotal = [0]")
    code = "new = 'n'\nold = 2\ntable['a'] = 1\nitems.append(3)\ntotal += [1]\n_private = 5\nimport os\ndef f(): pass"
    assert executor.run(code).changed == (
        ("items", "<list of 1 int>"),
        ("new", "'n'"),
        ("old", "2"),
        ("table", "<dict of 1 int>"),
        ("total", "<list of 2 int>"),
    )


def test_names_are_listed_with_their_types_if_something_was_shown(executor: ShellExecutor) -> None:
    assert executor.run("numbers = [1, 2]\nprint('done')").changed == (("numbers", "list of 2 int"),)


def test_a_repr_that_fails_or_is_endless_is_cut_short(executor: ShellExecutor) -> None:
    code = "class Odd:\n    def __repr__(self): 1 / 0\nodd = Odd()\n"
    code += "long = list(range(10_000))\nloops = [[]]; loops[0].append(loops[0])"
    changed = dict(executor.run(code).changed)
    assert changed["odd"] == "<Odd>"
    assert len(changed["long"]) <= 500
    assert changed["loops"] == "[[...]]"


def test_names_that_actions_made_are_not_the_users_own(executor: ShellExecutor) -> None:
    user_runs(executor, "mine = [1]\nnumber = 1")
    executor.run("theirs = [2]\nalso = 1\ndef helper(): pass")
    assert executor.user_names() == {"mine", "number"}


def test_a_name_that_the_user_assigns_again_is_the_users_own(executor: ShellExecutor) -> None:
    executor.run("one = 1\ntwo = 2\nthree = 3\ndef four(): pass")
    assert executor.user_names() == set()
    user_runs(
        executor, "one = 1\ntwo = 'two'\nfor three in [3]: pass\ndef four(): pass"
    )  # 1 and 3 are the same objects
    assert executor.user_names() == {"one", "two", "three", "four"}
    executor.run("one = 'again'")
    assert "one" not in executor.user_names()


def test_modules_private_names_and_ipythons_names_are_not_variables(executor: ShellExecutor) -> None:
    user_runs(executor, "import os\n_private = 1\nvisible = 1\n'an output'")
    assert set(executor.user_variables()) == {"visible"}


def test_the_summary_outlines_the_users_variables(executor: ShellExecutor) -> None:
    user_runs(executor, f"rows = [1, 2]\nlabels = {{'{KEY}': 1}}")
    assert "rows: list of 2 int" in executor.summary()
    assert KEY not in executor.summary()


# -- the user's cells --------------------------------------------------------------------------------------------------


def codes(executor: ShellExecutor) -> list[tuple[str, bool]]:
    """Return the sources of the cells that are reported now."""
    return [(cell.code, cell.failed) for cell in executor.cells()]


def test_the_users_cells_are_reported_once_to_each_session(executor: ShellExecutor) -> None:
    configure(executor, session="first")
    user_runs(executor, "a = 1")
    user_runs(executor, "1 / 0")
    executor.run("b = 2")
    user_runs(executor, f"key = '{KEY}'")
    assert codes(executor) == [("a = 1", False), ("1 / 0", True), ("key = '***'", False)]
    assert codes(executor) == []
    configure(executor, session="second")
    assert [code for code, _ in codes(executor)] == ["a = 1", "1 / 0", "b = 2", "key = '***'"]


def test_cells_that_an_action_runs_belong_to_the_action(executor: ShellExecutor) -> None:
    executor.run("get_ipython().run_cell('inner = 1', store_history=True);")
    assert codes(executor) == []


def test_an_empty_action_does_not_use_up_an_execution_count(executor: ShellExecutor) -> None:
    assert executor.run(" \n").status == "ok"
    user_runs(executor, "mine = 1")
    assert codes(executor) == [("mine = 1", False)]


def test_cells_are_not_reported_if_they_are_not_kept(executor: ShellExecutor) -> None:
    user_runs(executor, "mine = 1")
    configure(executor, keep_cells=False)
    assert executor.cells() == ()


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("%%codeact --new\nwhat is x?", ""),
        ("\n%%codeact\nwhat is x?", ""),
        ("%codeact status", ""),
        ("%load_ext codeact_magic\nimport pandas as pd", "import pandas as pd"),
        ("x = 1\n%config CodeAct.model = 'm'\ny = 2", "x = 1\ny = 2"),
        ("%load_ext autoreload", "%load_ext autoreload"),
        ("%%time\n%%codeact --new\nwhat is x?", ""),
        ("%%time\n\n%%prun\n%%codeact\nwhat is x?", ""),
        ("%%capture --no-stderr\n%%codeact\nwhat is x?", ""),
        ("%%capture shown\n%%time\n%%codeact\nwhat is x?", "%%capture shown\npass"),
        ("%%time\nx = '%%codeact'", "%%time\nx = '%%codeact'"),
        ("%time %codeact usage\nx = 1", "x = 1"),
        ("x = 5 %codeact", "x = 5 %codeact"),
    ],
)
def test_a_cell_is_saved_without_the_lines_that_need_this_package(cell: str, left: str) -> None:
    assert without_ours(cell) == left


# -- the event loop goes on, and the shell is restored -----------------------------------------------------------------

NASTY = {
    "print is redefined": "print = None",
    "get_ipython is deleted": "del get_ipython",
    "the namespace is reset": "%reset -f",
    "stdout is replaced": "import io, sys; sys.stdout = io.StringIO()",
    "stdout is closed": "import sys; sys.stdout.close(); sys.stderr.close()",
    "stdout is gone": "import sys; sys.stdout = None",
    "stdout.write is replaced": "import sys; sys.stdout.write = lambda text: None",
    "KeyboardInterrupt is raised": "raise KeyboardInterrupt",
    "CancelledError is raised": "import asyncio; raise asyncio.CancelledError",
    "a BaseException is raised": "class Mine(BaseException): pass\nraise Mine",
    "GeneratorExit is raised": "raise GeneratorExit",
    "sys.exit": "import sys; sys.exit(1)",
    "exit": "exit()",
    "quit": "quit",
    "ask_exit": "get_ipython().ask_exit()",
    "loop_runner is changed": "get_ipython().loop_runner = lambda coroutine: None",
    "interactivity is changed": "%config InteractiveShell.ast_node_interactivity = 'none'",
    "the publisher is changed": "get_ipython().display_pub.publish = None",
    "the display hook is changed": "import sys; sys.displayhook = print",
    "signals are ignored": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "no Python at all": "def f(:",
    "bad indentation": "if 1:\nx = 1",
    "endless recursion": "import sys\nsys.setrecursionlimit(300)\ndef f(): f()\nf()",
    "a null byte": "x = '\0'",
    "a lone surrogate": "x = '\ud800'\nx",
    "a generator": "values = (n for n in range(3))\nnext(values)",
    "a bad representation": "class Bad:\n    def _repr_html_(self): 1 / 0\n    def __repr__(self): return 'bad'\nBad()",
    "an await": "import asyncio\nawait asyncio.sleep(0)",
    "an await that fails": "import asyncio\nawait asyncio.sleep(0)\n1 / 0",
    "os.system is replaced": "import os; os.system = print",
    "a magic that is none": "%nosuchmagic",
    "a cell magic that is none": "%%nosuchmagic\nx",
}


CHANGED = frozenset(
    "write close publish clear_output compute_format_data write_format_data write_output_prompt finish_displayhook "
    "_showtraceback ask_exit system".split()
)


def patched(shell: Any) -> list[Any]:
    """Return everything that a run changes temporarily."""
    owners = (shell, shell.display_pub, shell.displayhook, sys.stdout, sys.stderr)
    own = [{name: value for name, value in vars(owner).items() if name in CHANGED} for owner in owners]
    signals = signal.getsignal(signal.SIGINT)
    return [own, shell.loop_runner, shell.ast_node_interactivity, sys.stdout, sys.stderr, os.system, signals]


@pytest.fixture
def recursion_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("recursion_limit")
@pytest.mark.parametrize("code", NASTY.values(), ids=NASTY.keys())
@pytest.mark.slow
def test_the_loop_goes_on_and_nothing_is_left_behind(code: str, executor: ShellExecutor) -> None:
    executor.run("print('warm')")
    before, threads = patched(executor.shell), threading.active_count()
    observation = executor.run(code)
    assert observation.status in ("ok", "error")
    assert patched(executor.shell) == before
    assert threading.active_count() == threads
    after = executor.run("import builtins; builtins.print('still here')")
    assert (after.status, text(after)) == ("ok", "still here\n")


def test_a_stream_without_settable_attributes_is_recorded_and_restored(
    executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slotted:
        __slots__ = ("lines",)

        def __init__(self) -> None:
            self.lines: list[str] = []

        def write(self, line: str) -> None:
            self.lines.append(line)

        def flush(self) -> None: ...

    stream = Slotted()
    monkeypatch.setattr(sys, "stdout", stream)
    observation = executor.run("import sys\nprint('a')\nsys.stdout.writelines(['b', 'c'])\nsys.stdout.close()")
    assert text(observation) == "a\nbc" == "".join(stream.lines)
    assert sys.stdout is stream


def test_a_write_of_something_else_than_text_raises_the_streams_own_error(executor: ShellExecutor) -> None:
    observation = executor.run("import sys\nsys.stdout.write(5)")
    assert observation.outputs[-1]["ename"] == "TypeError"


def test_actions_share_one_event_loop(executor: ShellExecutor) -> None:
    executor.run(
        "import asyncio\nqueue = asyncio.Queue(1)\nawait queue.put(1)\nblocked = asyncio.create_task(queue.put(2))"
    )
    assert text(executor.run("print(await queue.get(), await queue.get())")) == "1 2\n"


def test_an_action_may_run_inside_a_running_event_loop(executor: ShellExecutor) -> None:
    import asyncio

    async def cell() -> Observation:
        task = asyncio.current_task()
        observation = executor.run("import asyncio\nprint(await asyncio.sleep(0, 'awaited'))")
        assert asyncio.current_task() is task
        await asyncio.sleep(0)
        return observation

    assert text(asyncio.run(cell())) == "awaited\n"


def test_an_action_and_the_tasks_around_it_share_the_running_loop(executor: ShellExecutor) -> None:
    import asyncio

    async def cell() -> None:
        names = executor.shell.user_ns
        names["asyncio"] = asyncio
        names["mine"] = asyncio.create_task(asyncio.sleep(0.01, "mine"))
        names["queue"] = asyncio.Queue(1)
        for _ in range(3):  # callbacks that the round outside has counted
            asyncio.get_running_loop().call_soon(lambda: None)
        assert text(executor.run("print(await mine)")) == "mine\n"
        executor.run("await queue.put(1)\ntheirs = asyncio.create_task(queue.put(2))\nawait asyncio.sleep(0)")
        assert await names["queue"].get() == 1
        await names["theirs"]
        assert names["queue"].get_nowait() == 2

    asyncio.run(cell())


def test_an_action_that_is_interrupted_inside_a_running_loop_can_clean_up(executor: ShellExecutor) -> None:
    import asyncio

    async def cell() -> Observation:
        mine = asyncio.create_task(asyncio.sleep(0, "mine"))
        observation = executor.run(
            f"import asyncio\ntry:\n    await asyncio.sleep(0)\n    {INTERRUPT}\nfinally:\n    cleaned = True"
        )
        assert await mine == "mine"
        return observation

    assert asyncio.run(cell()).status == "interrupted"
    assert executor.shell.user_ns["cleaned"]


# -- interrupts --------------------------------------------------------------------------------------------------------

INTERRUPT = "import signal; signal.raise_signal(signal.SIGINT)"
INTERRUPTED = {
    "at once": f"{INTERRUPT}\nprint('after')",
    "and swallowed": f"""
try:
    {INTERRUPT}
except KeyboardInterrupt:
    print('swallowed')""",
    "in a coroutine": f"""
import asyncio
await asyncio.sleep(0)
{INTERRUPT}""",
    "while waiting": """
import asyncio, os, signal, threading
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
asyncio.get_running_loop().call_soon(threading.Thread(target=interrupt).start)
await asyncio.sleep(60)""",
    "in a callback": """
import asyncio, signal
asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
await asyncio.sleep(60)""",
    "in a hook": f"""
def hook():
    get_ipython().events.unregister('post_execute', hook)
    {INTERRUPT}
get_ipython().events.register('post_execute', hook)""",
}


@pytest.mark.parametrize("code", INTERRUPTED.values(), ids=INTERRUPTED.keys())
def test_an_interrupt_is_noticed_even_if_the_code_catches_it(
    code: str, executor: ShellExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    before = patched(executor.shell)
    observation = executor.run(code)
    assert observation.status == "interrupted"
    assert "Traceback" not in capsys.readouterr().out  # the line that ends the turn is enough
    assert patched(executor.shell) == before
    assert executor.run("print('on')").status == "ok"


def test_an_interrupt_while_values_are_written_leaves_their_outlines(
    executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "short", lambda *_: signal.raise_signal(signal.SIGINT))
    observation = executor.run("number = 5")
    assert (observation.status, observation.changed) == ("interrupted", (("number", "int"),))


def test_an_interrupt_before_the_code_begins_keeps_it_from_running(
    executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter = Recorder.__enter__

    def interrupted(self: Recorder) -> Recorder:
        signal.raise_signal(signal.SIGINT)
        return enter(self)

    monkeypatch.setattr(Recorder, "__enter__", interrupted)
    observation = executor.run("ran = True")
    assert observation.status == "interrupted"
    assert "ran" not in executor.shell.user_ns


TOO_LONG = {
    "busy": "while True: pass",
    "asleep": "import time; time.sleep(60)",
    "awaiting": "import asyncio\nawait asyncio.sleep(60)",
    "in a process": "import subprocess; subprocess.run(['sleep', '60'])",
    "in os.system": "import os; os.system('sleep 60')",
    "stubborn": "import time\nfor _ in range(2):\n    try: time.sleep(60)\n    except KeyboardInterrupt: pass",
}


@pytest.mark.parametrize("code", TOO_LONG.values(), ids=TOO_LONG.keys())
@pytest.mark.slow
def test_an_action_that_takes_too_long_is_interrupted(
    code: str, executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "for _ in" in code:
        monkeypatch.setattr(nested, "AGAIN", 0.05)
    configure(executor, timeout=0.05)
    threads = threading.active_count()
    observation = executor.run(code)
    assert observation.status == "timed out"
    assert observation.note == "It was interrupted: it ran longer than the 0.05 s allowed."
    assert threading.active_count() == threads
    configure(executor, timeout=60)
    assert executor.run("print('on')").status == "ok"


def test_a_value_that_takes_long_to_write_has_an_outline(
    executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.05)
    monkeypatch.setattr(names, "short", lambda *_: threading.Event().wait(60))
    observation = executor.run("number = 5")
    assert (observation.status, observation.note, observation.changed) == ("ok", "", (("number", "int"),))


def test_no_repr_of_the_users_own_runs(executor: ShellExecutor) -> None:
    slow = "class Slow:\n    def __repr__(self):\n        while True: pass\n"
    observation = executor.run(f"{slow}slow = Slow()\nmany = [slow, Slow()]")
    assert dict(observation.changed) == {"slow": "<Slow>", "many": "[<Slow>, <Slow>]"}


def test_actions_run_in_a_thread_without_signal_handlers(executor: ShellExecutor) -> None:
    configure(executor, timeout=60)
    observations: list[Observation] = []
    thread = threading.Thread(target=lambda: observations.append(executor.run("print('threaded')")))
    thread.start()
    thread.join()
    assert text(observations[0]) == "threaded\n"


HARD_TO_STOP = {
    "cleaning up": "try: time.sleep(60)\nfinally: time.sleep(60)",
    "a pool": "import concurrent.futures as c\nwith c.ThreadPoolExecutor(1) as pool: pool.submit(time.sleep, 5)",
    "bare except": "while True:\n    try: time.sleep(0.01)\n    except: pass",
    "suppressed": "import contextlib\nwhile True:\n    with contextlib.suppress(BaseException): time.sleep(0.01)",
    "its own handler": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(60)",
}


@pytest.mark.slow
@pytest.mark.parametrize("code", HARD_TO_STOP.values(), ids=HARD_TO_STOP.keys())
def test_stop_is_pressed_again_until_the_code_ends(
    code: str, executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insistence, "EVERY", 0.05)
    handler = signal.getsignal(signal.SIGINT)
    observation = executor.run(f"import threading, time\n{STOP_SOON}\n{code}")
    assert observation.status == "interrupted"
    assert (signal.getsignal(signal.SIGINT), sys.gettrace()) == (handler, None)
    assert executor.run("print('on')").status == "ok"


STOP_SOON = "threading.Timer(0.05, __import__('codeact_magic.kernels.signals').kernels.signals.interrupt).start()"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other locks")
def test_the_user_is_told_the_line_of_code_that_cannot_be_stopped(
    executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    libc = ctypes.CDLL(None)
    lock = ctypes.create_string_buffer(64)  # that no signal gets through
    told: list[str] = []

    def stuck(line: str) -> None:
        told.append(line)
        libc.pthread_mutex_unlock(lock)

    monkeypatch.setattr(insistence, "EVERY", 0.02)
    monkeypatch.setattr(insistence, "PATIENCE", 0.06)
    configure(executor, stuck=stuck)
    executor.shell.user_ns |= {"take": libc.pthread_mutex_lock, "lock": lock}
    observation = executor.run(f"import threading\ntake(lock)\n{STOP_SOON}\ntake(lock)")
    assert (observation.status, told) == ("interrupted", ["line 4: take(lock)"])


def test_os_system_returns_what_it_always_returns(executor: ShellExecutor) -> None:
    code = "import os\nprint(os.system('exit 3'), os.system('true'), os.system('kill -9 $$'))"
    assert text(executor.run(code)) == f"{os.system('exit 3')} {os.system('true')} {os.system('kill -9 $$')}\n"


# -- errors ------------------------------------------------------------------------------------------------------------


def test_an_error_in_a_function_of_another_cell_is_located_in_both(executor: ShellExecutor) -> None:
    user_runs(executor, "import math\n\ndef mean(rows):\n    return sum(rows) / len(rows)")
    observation = executor.run("rows = []\nprint(mean(rows))")
    assert observation.line == (
        "line 2: print(mean(rows))\nin mean() of another cell, there on line 4: return sum(rows) / len(rows)"
    )
    assert executor.run("def half(n):\n    return n / 0\nhalf(1)").line == "line 2: return n / 0"
    assert executor.run("mean([1])\n1 / 0").line == "line 2: 1 / 0"


def test_an_error_in_a_file_of_the_users_is_located_there_too(
    executor: ShellExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("helpers_of_mine.py").write_text("def fail():\n    raise ValueError('x')\n")
    observation = executor.run("import helpers_of_mine\nhelpers_of_mine.fail()")
    assert observation.line == (
        "line 2: helpers_of_mine.fail()\nin fail() of helpers_of_mine.py, there on line 2: raise ValueError('x')"
    )


def test_an_exception_group_is_recorded_as_an_error_with_its_parts(executor: ShellExecutor) -> None:
    observation = executor.run("raise ExceptionGroup('two', [ValueError('a'), ExceptionGroup('in', [OSError(f'b')])])")
    (error,) = observation.outputs
    assert (error["output_type"], error["ename"]) == ("error", "ExceptionGroup")
    assert [line.partition(", at")[0] for line in error["evalue"].splitlines()] == [
        "two (2 sub-exceptions)",
        "- ValueError: a",
        "- ExceptionGroup: in (1 sub-exception)",
        "  - OSError: b",
    ]
    assert "OSError: b" in "\n".join(error["traceback"])


def test_an_error_after_an_exception_group_is_recorded_as_an_error(executor: ShellExecutor) -> None:
    code = "try:\n    raise ExceptionGroup('two', [ValueError('a')])\nexcept* ValueError:\n    1 / 0"
    observation = executor.run(code)
    assert [output["ename"] for output in observation.outputs] in (["ZeroDivisionError"], ["ExceptionGroup"])


# -- widgets -----------------------------------------------------------------------------------------------------------

BAR = """
import sys, types
from IPython.display import publish_display_data
class Bar:
    state = "0%"
    def __repr__(self): return f"fit: {self.state}"
library = types.ModuleType("ipywidgets.widgets.widget")
library._instances = {"m1": Bar(), "m2": Bar()}
sys.modules[library.__name__] = library
def show(model): publish_display_data({"application/vnd.jupyter.widget-view+json": {"model_id": model},
                                       "text/plain": repr(library._instances[model])})
"""


def test_a_widget_is_recorded_as_it_is_at_the_end(executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets.widgets.widget", None)  # stands in for ipywidgets, which is large
    user_runs(executor, BAR)
    code = "show('m1')\nshow('m2')\nlibrary._instances['m1'].state = '100%'\ndel library._instances['m2']"
    (shown,) = executor.run(code).outputs
    assert shown["data"] == {"text/plain": "fit: 100%"}


def test_a_widget_of_an_unknown_library_is_recorded_as_it_was_shown(
    executor: ShellExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets.widgets.widget", None)
    user_runs(executor, BAR)
    (shown,) = executor.run("del sys.modules[library.__name__]\nshow('m1')").outputs
    assert shown["data"]["text/plain"] == "fit: 0%"
