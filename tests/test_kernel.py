"""%%codeact in real kernels of three versions of ipykernel, with a fake endpoint as the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from codeact_magic.session import Session, Step
from codeact_magic.sessions.saving.loading import load
from codeact_magic.testing import FakeEndpoint, Hang, Say, Scripted
from codeact_magic.text import visible

from .kernels import EOF, NEWEST, Kernel, Run, started

pytestmark = pytest.mark.kernel

KEY = "sk-abcdefghijklmnop"
DONE = "That is all."


def act(code: str) -> str:
    """Return a reply that proposes `code`."""
    return f"I do it.\n```python\n{code}\n```"


class Chat:
    """The user of a kernel, and a scripted model that answers "That is all." after its script."""

    def __init__(self, kernel: Kernel, endpoint: FakeEndpoint) -> None:
        self.kernel, self.endpoint = kernel, endpoint

    def cell(self, options: str = "--approve auto", prompt: str = "go") -> str:
        """Return a %%codeact cell."""
        return f"%%codeact --base-url {self.endpoint.base_url} --model m {options}\n{prompt}"

    def ask(self, *answers: str, options: str = "--approve auto", prompt: str = "go", stdin: bool = True) -> Run:
        """Run a %%codeact cell to its end."""
        return self.kernel.run(self.cell(options, prompt), *answers, stdin=stdin)

    def begin(self, options: str = "--approve auto") -> Run:
        """Start a %%codeact cell."""
        return self.kernel.begin(self.cell(options))

    @property
    def observation_message(self) -> str:
        """The last message to the model."""
        return str(self.endpoint.requests[-1].body["messages"][-1]["content"])

    @property
    def session(self) -> Session:
        """The saved session."""
        return load(self.path)

    @property
    def path(self) -> Path:
        """The file of the session."""
        (path,) = (self.kernel.folder / "codeact-sessions").glob("*.ipynb")
        return path

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the session's last turn."""
        return self.session.turns[-1].steps

    @property
    def recorded(self) -> list[dict[str, Any]]:
        """The outputs of that turn's actions."""
        return [output for step in self.steps if step.observation for output in step.observation.outputs]


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(default=DONE) as server:
        yield server


@pytest.fixture
def chat(kernel: Kernel, endpoint: FakeEndpoint) -> Chat:
    return Chat(kernel, endpoint)


def script(endpoint: FakeEndpoint, *replies: Scripted) -> None:
    """Make `endpoint` answer with `replies`."""
    endpoint._script = iter(replies)


def by_actions(run: Run) -> list[dict[str, Any]]:
    """Return the outputs of the actions of a turn, as nbformat outputs."""
    outputs = []
    for shown in run.outputs:
        if shown["kind"] == "stream":
            outputs.append({"output_type": "stream", "name": shown["name"], "text": shown["text"]})
        elif shown["kind"] == "error":
            outputs.append({"output_type": "error", **{key: shown[key] for key in ("ename", "evalue", "traceback")}})
        elif "text/markdown" not in shown["data"]:
            count = {"execution_count": shown["execution_count"]} if shown["kind"] == "execute_result" else {}
            data = {kind: value.rstrip("\n") if kind == "image/png" else value for kind, value in shown["data"].items()}
            outputs.append({"output_type": shown["kind"], "data": data, "metadata": shown["metadata"], **count})
    return outputs


def test_the_kernel_is_of_the_version_that_it_should_be(kernel: Kernel) -> None:
    reported = kernel.value("__import__('ipykernel').__version__")
    assert kernel.wants(reported), reported


# -- outputs -----------------------------------------------------------------------------------------------------------


def test_a_print_is_shown_while_the_action_still_runs(chat: Chat) -> None:
    script(chat.endpoint, act("import os, time\nprint('begun')\nwhile not os.path.exists('go'): time.sleep(0.01)"))
    run = chat.begin()
    run.wait(lambda: "begun" in run.text)
    assert not run.done
    (chat.kernel.folder / "go").touch()
    assert run.finish().reply["status"] == "ok"


OUTPUTS = {
    "prints and values": "print('one')\n2\nprint('three')\n'four'",
    "stderr": "import sys\nprint('err', file=sys.stderr)",
    "logging": "import logging\nlogging.warning('look out')",
    "a frame": "import pandas as pd\npd.DataFrame({'a': [1, 2]})\nprint('after')",
    "a figure": "import matplotlib.pyplot as plt\nprint('before')\nplt.plot([1, 2])\nplt.title('t')",
    "a figure, shown": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint('after')",
    "a figure, inline": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('last')",
    "an error": "print('before')\ndef f():\n    return 1 / 0\nf()",
    "no Python": "print('before'\n1 1",
    "an update": "from IPython.display import HTML, display\nshown = display(HTML('old'), display_id=True)\n"
    "print('x')\nshown.update(HTML('new'))",
    "html and json": "from IPython.display import HTML, JSON, display\ndisplay(HTML('<b>x</b>'), JSON({'a': [1]}))",
    "a shell command": "!echo shell",
    "a magic": "%env CODEACT_NOTHING=1",
    "a cell magic": "%%time\nprint('timed')",
    "an await": "import asyncio\nprint('before')\nawait asyncio.sleep(0)\nprint('after')\n'value'",
    "a broken display": "class Odd:\n    def _repr_html_(self): 1 / 0\n    def __repr__(self): return 'odd'\nOdd()",
}


@pytest.mark.parametrize("code", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_outputs_of_an_action_are_recorded_in_the_order_in_which_they_are_shown(code: str, chat: Chat) -> None:
    script(chat.endpoint, act(code))
    run = chat.ask()
    shown = by_actions(run)
    assert shown
    assert [json.dumps(output, sort_keys=True) for output in shown] == [
        json.dumps(output, sort_keys=True) for output in chat.recorded
    ]
    assert run.reply["status"] == "ok"


def test_steps_and_their_outputs_are_in_order(chat: Chat) -> None:
    script(chat.endpoint, act("print('first')"), act("print('second')"))
    kinds = [output.get("text") or output["data"]["text/markdown"] for output in chat.ask().outputs]
    assert [kind.partition("\n")[0] for kind in kinds[:5]] == ["I do it.", "first", "I do it.", "second", DONE]


def test_the_last_step_of_a_turn_without_an_answer_says_how_it_went(chat: Chat) -> None:
    script(chat.endpoint, act("print('first')"), act("print('second')"))
    run = chat.ask(options="--approve auto --max-steps 2")
    assert any("step 2 · approved by policy auto · ran " in shown for shown in run.markdown)
    # The cells before the prompt belong to other tests in the same kernel; they would wait for things that are gone.
    replayed = chat.kernel.run("%codeact replay --approve auto --no-cells")
    assert any("action 2 · approved by policy auto · ran " in shown for shown in replayed.markdown)


def test_reading_many_sessions_shows_progress(chat: Chat) -> None:
    chat.ask()
    chat.path.with_stem("another").write_bytes(chat.path.read_bytes())
    impatient = "import codeact_magic.magics.listing as _listing\n_listing.PATIENCE = {seconds}"
    chat.kernel.run(impatient.format(seconds="0.0"))
    run = chat.kernel.run("%codeact sessions")
    chat.kernel.run(impatient.format(seconds="1.0"))
    shown = [content["data"]["text/plain"] for content in run.of("display_data", "update_display_data")]
    assert shown == ["reading the sessions: 1 so far", "reading the sessions: 2 so far", ""]
    assert "answered" in run.text and "reading" not in run.shown


@pytest.mark.parametrize(
    "code", ["import os\nos.system('echo past python')", "import subprocess\nsubprocess.run(['echo', 'past python'])"]
)
def test_output_of_a_child_process_is_shown_recorded_and_told(code: str, chat: Chat) -> None:
    script(chat.endpoint, act(code))
    run = chat.ask()
    assert "past python\n" in run.text
    assert any(output.get("text") == "past python\n" for output in chat.recorded)
    assert "past python" in chat.observation_message


def test_figures_are_figures_whether_or_not_matplotlib_was_set_up(chat: Chat) -> None:
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, {n}])\nplt.xlabel('x')"
    script(chat.endpoint, act(draw.format(n=1)), act(f"%matplotlib inline\n{draw.format(n=2)}"))
    run = chat.ask()
    figures = [output for output in by_actions(run) if "image/png" in output.get("data", {})]
    assert len(figures) == len(by_actions(run)) == 2
    assert "image/png" in chat.observation_message and len(chat.observation_message) < 500


def test_an_error_shows_the_line_and_is_told_in_short(chat: Chat) -> None:
    script(chat.endpoint, act("def share(total):\n    return 10 / total\n\nshare(0)"))
    (traceback,) = chat.ask().errors
    assert "return" in traceback and "share" in traceback
    assert "ZeroDivisionError: division by zero\nat line 2: return 10 / total" in chat.observation_message
    assert "Traceback" not in chat.observation_message


def test_a_thread_that_prints_later_breaks_nothing_and_changes_no_record(chat: Chat) -> None:
    late = """
import os, threading, time
def later():
    while not os.path.exists('go'): time.sleep(0.01)
    print('too late')
thread = threading.Thread(target=later)
thread.start()
print('in time')"""
    script(chat.endpoint, act(late), DONE, act("print('the next')"))
    chat.ask()
    (chat.kernel.folder / "go").touch()
    assert chat.kernel.run("thread.join()").reply["status"] == "ok"
    assert chat.ask().reply["status"] == "ok"
    saved = chat.path.read_text()
    assert "in time" in saved and "the next" in saved
    assert '"too late\\n"' not in saved


def test_the_steps_stay_in_the_cell_when_an_action_clears_it(chat: Chat) -> None:
    clear = "from IPython.display import clear_output\nprint('gone')\nclear_output(wait={wait})\nprint('stays')"
    script(chat.endpoint, act("print('first')"), act(clear.format(wait=False)), act(clear.format(wait=True)))
    run = chat.ask()
    assert "gone" not in run.text.replace("gone\n", "", 2)
    assert [step.count("I do it.") for step in run.markdown[:2]] == [2, 1]
    assert [output["text"] for output in by_actions(run)] == ["stays\n"]
    assert [output["text"] for output in chat.recorded] == ["first\n", "stays\n", "stays\n"]


# -- an action is a cell -----------------------------------------------------------------------------------------------


def test_actions_are_in_the_history_with_their_numbers(chat: Chat) -> None:
    script(chat.endpoint, act("x = 6\nx * 7"), act("x = 'second'\nx"))
    before = chat.kernel.value("get_ipython().execution_count")
    chat.kernel.run("'the cell before'")
    chat.ask()
    first = before + 2
    assert chat.kernel.value(f"[In[{first}], In[{first + 1}]]") == ["x = 6\nx * 7", "x = 'second'\nx"]
    assert chat.kernel.value(f"[Out[{first}], Out[{first + 1}], _, __, Out.get({first - 1})]") == [
        42,
        "second",
        "second",
        42,
        None,
    ]
    assert "x * 7" in chat.kernel.run(f"%history -n {first}").text
    assert [step.observation.execution_count for step in chat.steps if step.observation] == [first, first + 1]


def test_await_works_across_actions_and_leaves_the_kernels_loop_alone(chat: Chat) -> None:
    make = "import asyncio\nqueue = asyncio.Queue(1)\nawait queue.put(1)\ntask = asyncio.create_task(queue.put(2))"
    script(chat.endpoint, act(make), act("[await queue.get(), await queue.get()]"))
    chat.ask()
    assert chat.steps[1].observation is not None
    assert chat.steps[1].observation.outputs[0]["data"]["text/plain"] == "[1, 2]"
    run = chat.kernel.run("import asyncio\nprint(await asyncio.sleep(0, 'the kernel awaits'))")
    assert run.text == "the kernel awaits\n"


@pytest.mark.parametrize("code", ["import sys\nsys.exit(1)", "exit()", "quit()", "raise SystemExit"])
def test_exit_ends_the_action_but_neither_the_kernel_nor_the_turn(code: str, chat: Chat) -> None:
    script(chat.endpoint, act(f"kept = 1\n{code}\nkept = 2"))
    assert chat.ask().reply["status"] == "ok"
    assert "SystemExit" in chat.observation_message
    assert chat.kernel.value("kept") == 1


def test_a_nested_codeact_cell_is_refused_with_one_line(chat: Chat) -> None:
    script(chat.endpoint, act("%%codeact\nagain"))
    run = chat.ask()
    (error,) = run.errors
    assert "UsageError" in error and "\n" not in error
    assert "cannot run another" in chat.observation_message
    assert run.reply["status"] == "ok"


NASTY = {
    "print is redefined": "print = None",
    "get_ipython is deleted": "del get_ipython",
    "the namespace is reset": "%reset -f",
    "stdout is replaced": "import io, sys\nsys.stdout = io.StringIO()",
    "stdout is closed": "import sys\nsys.stdout.close()\nsys.stderr.close()",
    "KeyboardInterrupt is raised": "raise KeyboardInterrupt",
    "a BaseException is raised": "class Mine(BaseException): pass\nraise Mine",
    "loop_runner is changed": "get_ipython().loop_runner = lambda coroutine: None",
    "the magic is called": "get_ipython().run_cell_magic('codeact', '', 'x')",
    "the extension is reloaded": "%reload_ext codeact_magic",
    "the extension is unloaded": "%unload_ext codeact_magic",
    "the display hook is changed": "import sys\nsys.displayhook = print",
    "signals are ignored": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
    "a lone surrogate is shown": "print('\\ud800')\n'\\ud800'",
    "the folder is gone": "import os, tempfile\nfolder = tempfile.mkdtemp()\nos.chdir(folder)\nos.rmdir(folder)",
}


@pytest.mark.parametrize("code", NASTY.values(), ids=NASTY.keys())
def test_the_loop_outlives_what_an_action_does(code: str, chat: Chat) -> None:
    script(chat.endpoint, act(code), act("import builtins, os\nos.chdir('/')\nbuiltins.print('still', 'here')"))
    run = chat.ask()
    assert run.reply["status"] == "ok", run.errors
    assert "still here" in chat.observation_message
    assert run.markdown[-2:][0] == DONE
    assert len(chat.steps) == 3
    after = chat.kernel.run("import builtins\nbuiltins.print('a cell of my own')\nawait __import__('asyncio').sleep(0)")
    assert after.text == "a cell of my own\n"


def test_an_action_may_ask_for_input(chat: Chat) -> None:
    script(
        chat.endpoint, act("name = input('Who? ')\nimport getpass\nword = getpass.getpass('Word? ')\nprint(name, word)")
    )
    run = chat.ask("Ada", "xyzzy")
    assert run.questions == ["Who? ", "Word? "]
    assert "Ada xyzzy" in chat.observation_message


def test_input_without_stdin_is_an_error_that_the_model_is_told(chat: Chat) -> None:
    script(chat.endpoint, act("input('Who? ')"))
    assert chat.ask(stdin=False).reply["status"] == "ok"
    assert "StdinNotImplementedError" in chat.observation_message


def test_a_flood_of_output_is_shown_but_kept_and_told_only_in_part(chat: Chat) -> None:
    size = 20_000_000
    script(chat.endpoint, act(f"print('begin', 'x' * {size}, 'end')"))
    run = chat.ask()
    assert len(run.text) == size + len("begin  end\n")
    (output,) = chat.recorded
    assert output["text"].startswith("begin x") and output["text"].endswith("x end\n")
    assert len(output["text"]) < 1_100_000
    assert chat.path.stat().st_size < 1_200_000
    assert len(chat.observation_message) < 10_000 and chat.observation_message.endswith("end")


# -- Stop --------------------------------------------------------------------------------------------------------------

BEGUN = "kept = 'kept'\nprint('begun')\n"
PHASES: dict[str, tuple[Scripted, str]] = {
    "connecting": (Hang(), "request"),
    "waiting for the first word": (Hang(headers=True), "request"),
    "streaming": (Hang(after=3, text="half a "), "half a half a half a"),
    "asking": (act("kept = 'not run'"), "question"),
    "asleep": (act(f"{BEGUN}import time\ntime.sleep(600)"), "begun"),
    "busy": (act(f"{BEGUN}while True: pass"), "begun"),
    "awaiting": (act(f"import asyncio\n{BEGUN}await asyncio.sleep(600)"), "begun"),
    "busy in a coroutine": (act(f"import asyncio\nawait asyncio.sleep(0)\n{BEGUN}while True: pass"), "begun"),
    "in a process": (act(f"{BEGUN}import subprocess\nsubprocess.run(['sleep', '600'])"), "begun"),
    "in os.system": (act(f"{BEGUN}import os\nos.system('sleep 600')"), "begun"),
    # The shell itself prints the sign: IPython's `system` loses an interrupt that comes before the shell has started.
    "in a shell escape": (act("kept = 'kept'\n!echo begun; sleep 600"), "begun"),
    "in input": (act(f"{BEGUN}input('Who? ')"), "question"),
    "in code that swallows it": (
        act("import time\ntry:\n    print('begun')\n    time.sleep(600)\nexcept KeyboardInterrupt: pass"),
        "begun",
    ),
    "in code that waits for a thread": (act(f"{BEGUN}import threading\nthreading.Event().wait(600)"), "begun"),
}


def stop(run: Run) -> None:
    """Press Stop, and wait until the cell is over. The code in it would run longer than a test waits."""
    run.kernel.interrupt()
    run.finish()


@pytest.mark.parametrize("phase", PHASES)
def test_stop_ends_the_turn_at_once_with_one_line_and_nothing_is_lost(phase: str, chat: Chat) -> None:
    reply, sign = PHASES[phase]
    script(chat.endpoint, reply)
    chat.kernel.run("kept = 'kept'")
    run = chat.begin("--approve ask" if phase == "asking" else "--approve auto")
    if sign == "request":
        chat.endpoint.wait_for_requests(1)
    elif sign == "question":
        run.wait(lambda: run.questions)
    elif phase == "streaming":
        run.wait(lambda: any(sign in text for text in run.markdown))
    else:
        run.wait(lambda: sign in run.text)
    stop(run)
    (error,) = run.errors
    assert "StoppedError" in error and "\n" not in error
    assert not any("thinking …" in text for text in run.markdown)
    assert chat.session.turns[-1].outcome == "stopped"
    assert chat.kernel.value("kept") == "kept"
    assert chat.ask(prompt="and now?").reply["status"] == "ok"
    assert [turn.outcome for turn in chat.session.turns] == ["stopped", "answered"]
    sent = [message["content"] for message in chat.endpoint.requests[-1].body["messages"]]
    assert any(text.startswith("go") for text in sent) and sent[-1].startswith("and now?")


SLOW_DISK = """
import os, sys, threading, time
gate, fsync, main = threading.Event(), os.fsync, threading.main_thread().ident
os.fsync = lambda file: (gate.wait(600), fsync(file))
def watch():
    while not gate.is_set():
        frame = sys._current_frames()[main]
        while frame and frame.f_code.co_qualname != "Saver.flush": frame = frame.f_back
        if frame: return open("waiting", "w").close()
        time.sleep(0.01)
threading.Thread(target=watch).start()
"""


def test_stop_while_the_session_is_being_saved_loses_nothing(chat: Chat) -> None:
    assert chat.kernel.run(SLOW_DISK).reply["status"] == "ok"
    script(chat.endpoint, act("kept = 1"))
    try:
        run = chat.begin()
        run.wait((chat.kernel.folder / "waiting").exists)
        stop(run)
    finally:
        restored = chat.kernel.run("os.fsync = fsync\ngate.set()\nkept")
    (error,) = run.errors
    assert "StoppedError" in error and "\n" not in error
    assert restored.reply["status"] == "ok"
    assert chat.ask().reply["status"] == "ok"
    assert [turn.outcome for turn in chat.session.turns] == ["answered", "answered"]


@pytest.mark.parametrize(
    "code", ["import time\ntime.sleep(60)", "import asyncio\nawait asyncio.sleep(60)", "while True: pass"]
)
def test_an_action_that_takes_too_long_is_ended_and_the_turn_goes_on(code: str, chat: Chat) -> None:
    script(chat.endpoint, act(f"before = 1\n{code}"), act("print('the next', before)"))
    chat.kernel.run("%config CodeAct.action_timeout = 0.5")
    assert chat.ask().reply["status"] == "ok"
    assert "longer than the 0.5 s allowed" in chat.endpoint.requests[1].body["messages"][-1]["content"]
    assert "the next 1" in chat.observation_message


# -- approval ----------------------------------------------------------------------------------------------------------

QUESTION = "Run it?"


def asked(chat: Chat, *answers: str, code: str = "x = 1") -> Run:
    """Propose `code`, and answer the questions about it."""
    script(chat.endpoint, act(code))
    run = chat.ask(*answers, options="--approve ask")
    assert run.questions[0].startswith(QUESTION)
    return run


def verdicts(chat: Chat) -> list[str]:
    """Return the decision."""
    return [step.decision.verdict for step in chat.steps if step.decision]


def exists(chat: Chat, name: str = "x") -> bool:
    """Return whether the namespace has a name."""
    return bool(chat.kernel.value(f"{name!r} in globals()"))


@pytest.mark.parametrize("answer", ["y", "yes", " Y "])
def test_yes_runs_it(answer: str, chat: Chat) -> None:
    run = asked(chat, answer)
    assert (verdicts(chat), exists(chat), len(run.questions)) == (["approve"], True, 1)


def test_no_with_a_reason_tells_the_model_why(chat: Chat) -> None:
    asked(chat, "n use a set instead")
    assert (verdicts(chat), exists(chat)) == (["reject"], False)
    assert "use a set instead" in chat.observation_message


def test_no_without_a_reason_is_asked_for_one(chat: Chat) -> None:
    run = asked(chat, "n", "because")
    assert run.questions[1].startswith("Why?")
    assert "because" in chat.observation_message and not exists(chat)


def test_all_of_this_turn_asks_no_more_in_this_turn_only(chat: Chat) -> None:
    script(chat.endpoint, act("x = 1"), act("y = 2"), DONE, act("z = 3"))
    assert len(chat.ask("a", options="--approve ask").questions) == 1
    assert exists(chat, "y")
    assert len(chat.ask("q", options="--approve ask").questions) == 1
    assert not exists(chat, "z")


def test_quit_stops_the_turn(chat: Chat) -> None:
    run = asked(chat, "q")
    assert (verdicts(chat), exists(chat)) == (["stop"], False)
    assert len(run.errors) == 1 and "\n" not in run.errors[0]


@pytest.mark.parametrize("answers", [["", "  ", "\t", "", ""], ["sure", "yes please!!", "0", "yy", "(y)"], [EOF]])
def test_only_a_clear_yes_runs_anything(answers: list[str], chat: Chat) -> None:
    asked(chat, *answers)
    assert not exists(chat)
    assert chat.session.turns[-1].outcome == "stopped"


def test_an_edited_action_is_what_runs_and_the_model_sees_the_difference(chat: Chat) -> None:
    code = "a = 1\nx = a + 1\nprint('ran')"
    asked(chat, "e", "2 x = '\u00e9\\n{}%'", "+3 y = 5", "3", "", "y", code=code)
    edited = "a = 1\nx = '\u00e9\\n{}%'\ny = 5"
    (step, _) = chat.steps
    assert step.decision is not None and (step.decision.verdict, step.decision.code) == ("edit", edited)
    assert chat.kernel.value("[x, y]") == ["\u00e9\n{}%", 5]
    assert edited in chat.kernel.value("In[-3:]")
    assert "-x = a + 1" in chat.observation_message and "+y = 5" in chat.observation_message


def test_nothing_is_sent_if_nobody_can_be_asked_and_the_error_says_what_to_do(chat: Chat) -> None:
    script(chat.endpoint, act("x = 1"))
    run = chat.ask(options="--approve ask", stdin=False)
    (error,) = run.errors
    assert "UsageError" in error and "--approve auto" in error and "\n" not in error
    assert chat.endpoint.requests == []


def test_risky_without_anyone_to_ask_runs_harmless_code_and_refuses_the_rest(chat: Chat) -> None:
    script(chat.endpoint, act("x = 1 + 1"), act("import os\nos.remove('precious')"))
    (chat.kernel.folder / "precious").touch()
    (error,) = chat.ask(options="--approve risky", stdin=False).errors
    assert "UsageError" in error and "--approve auto" in error and "\n" not in error
    assert exists(chat) and (chat.kernel.folder / "precious").exists()


def test_risky_asks_about_the_users_own_names_only(chat: Chat) -> None:
    chat.kernel.run("mine = [1]")
    script(chat.endpoint, act("theirs = [2]"), act("theirs = [3]"), act("mine = [4]"))
    run = chat.ask("n keep it", options="--approve risky")
    assert len(run.questions) == 1
    assert chat.kernel.value("[mine, theirs]") == [[1], [3]]


# -- the display -------------------------------------------------------------------------------------------------------


def test_a_fast_stream_is_shown_in_far_fewer_updates_than_it_has_chunks(chat: Chat) -> None:
    reply = act("\n".join(f"value_{n} = {n}" for n in range(150)))
    script(chat.endpoint, Say(reply, chunk=2, delay=0.001))
    run = chat.ask()
    updates = len(run.of("update_display_data"))
    assert 3 <= updates < len(reply) / 2 / 4
    assert reply.partition("\n")[2] in run.markdown[0]


def test_the_code_that_is_shown_is_the_code_that_runs_with_nothing_hidden(chat: Chat) -> None:
    code = "level = 'user\u202e \u2066# admin\u2069'\nzero\u200bwidth = '\u00a0'  # \u0430"
    script(chat.endpoint, Say(act(code), chunk=3, delay=0.002))
    run = chat.begin("--approve ask")
    run.wait(lambda: run.questions)
    assert f"```python\n{visible(code)}\n```" in run.markdown[0]
    for hidden in "\u202e\u2066\u2069\u200b":
        assert hidden not in "".join(run.markdown)
    run.answer("y")
    run.finish()
    assert code in chat.kernel.value("In[-3:]")


def test_text_of_a_model_is_inert_in_the_notebook(chat: Chat) -> None:
    hostile = "<script>alert(1)</script> <img src=x onerror=alert(1)> ![](http://evil/x.png) [x](javascript:alert(1))"
    script(chat.endpoint, Say(f"{hostile}\n```python\n'</code></pre><script>'\n```", reasoning=hostile), hostile)
    for text in chat.ask().markdown:
        outside = "".join(text.split("```")[::2])
        assert "<script" not in outside and "<img" not in outside
        assert "](javascript:" not in outside and "![](" not in outside


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_the_key_is_never_shown_saved_or_sent(chat: Chat) -> None:
    get = "import os\nkey = os.environ['OPENAI_API_KEY']\n"
    actions = [
        "print(key)\nprint('a' * 990 + key)\nfor sign in key: print(sign, end='')",
        "from IPython.display import HTML, JSON, display\ndisplay(HTML(f'<b>{key}</b>'), JSON({'a': [key, {key: 1}]}))",
        "raise ValueError(f'bad key {key}')",
        "open(key, 'w').close()\nos.listdir()",
        "os.system('echo $OPENAI_API_KEY; printf %0990d 0; echo $OPENAI_API_KEY')",
        "!env | grep OPENAI",
        "import sys\nprint(key, file=sys.stderr)\nassert not key",
        "import logging\nlogging.warning(key)\nkey",
        "copies = {key: [key]}",
    ]
    script(chat.endpoint, *(act(get + action) for action in actions))
    chat.kernel.run(f"import os\nos.environ['OPENAI_API_KEY'] = '{KEY}'")
    chat.kernel.log.clear()
    run = chat.ask(prompt=f"use {KEY}")
    chat.kernel.run("del os.environ['OPENAI_API_KEY']")
    assert len(chat.steps) == len(actions) + 1 and run.reply["status"] == "ok"
    messages = [message for message in chat.kernel.log if message["msg_type"] != "execute_input"]
    assert KEY not in json.dumps(messages, default=str)
    assert KEY not in "".join(f"{request.body}" for request in chat.endpoint.requests)
    assert KEY not in "".join(path.read_text() + path.name for path in chat.path.parent.iterdir())
    assert chat.endpoint.requests[0].headers["authorization"] == f"Bearer {KEY}"


# -- the extension -----------------------------------------------------------------------------------------------------

STATE = """
def state():
    import os, sys, threading, signal
    shell = get_ipython()
    owners = [shell, shell.display_pub, shell.displayhook, sys.stdout, sys.stderr, shell.kernel]
    return [
        sorted(shell.magics_manager.magics["line"]) + sorted(shell.magics_manager.magics["cell"]),
        sorted(shell.magics_manager.registry),
        [type(one).__name__ for one in shell.configurables],
        [sorted(vars(owner)) for owner in owners],
        {name: [str(hook) for hook in hooks] for name, hooks in shell.events.callbacks.items()},
        sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("codeact")),
        sorted(shell.kernel.control_handlers),
        str(shell.loop_runner), str(os.system), str(signal.getsignal(signal.SIGINT)),
        sorted(shell.extension_manager.loaded),
    ]
"""


def test_unloading_the_extension_leaves_nothing_behind(chat: Chat) -> None:
    kernel = chat.kernel
    kernel.run(f"%unload_ext codeact_magic\n{STATE}")
    kernel.run("state()")
    before = kernel.value("state()")
    script(chat.endpoint, act("import asyncio\nawait asyncio.sleep(0)\nprint('used')"), DONE, Hang())
    kernel.run("%load_ext codeact_magic")
    assert "used" in chat.ask().text
    run = chat.begin()
    chat.endpoint.wait_for_requests(3)
    stop(run)
    kernel.run("%unload_ext codeact_magic")
    assert kernel.value("state()") == before


def test_loading_again_and_reloading_keep_it_working(chat: Chat) -> None:
    for again in (
        "%load_ext codeact_magic",
        "%reload_ext codeact_magic",
        "import codeact_magic\ncodeact_magic.load_ipython_extension(get_ipython())",
    ):
        assert chat.kernel.run(again).reply["status"] == "ok"
        assert chat.kernel.value("[type(one).__name__ for one in get_ipython().configurables].count('CodeAct')") == 1
        assert chat.ask(options="--approve auto --new").reply["status"] == "ok"


# -- the saved session -------------------------------------------------------------------------------------------------


def test_a_saved_session_runs_again_without_this_package(
    process: Kernel, endpoint: FakeEndpoint, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with started(process.version, tmp_path) as kernel:
        rerun(Chat(kernel, endpoint), tmp_path_factory.mktemp("blocked"))


def rerun(chat: Chat, blocked: Path) -> None:
    """Save a session, and run its notebook in a kernel that cannot import this package."""
    kernel = chat.kernel
    (kernel.folder / "numbers.csv").write_text("n\n1\n2\n3\n")
    kernel.run("%load_ext codeact_magic\nimport csv\nscale = 10")
    kernel.run("def scaled(value):\n    return scale * int(value)")
    kernel.run("1 / 0")
    total = "total = sum(scaled(row['n']) for row in csv.DictReader(open('numbers.csv')))\ntotal"
    script(
        chat.endpoint, act(total), act("undefined"), DONE, act("import asyncio\nawait asyncio.sleep(0)\nprint(doubled)")
    )
    chat.ask(options="--approve auto --into answer")
    kernel.run("doubled = 2 * total")
    chat.ask()
    assert [cell.code for cell in chat.session.turns[0].cells][-3:] == [
        "import csv\nscale = 10",
        "def scaled(value):\n    return scale * int(value)",
        "1 / 0",
    ]
    (blocked / "codeact_magic.py").write_text("raise ImportError('not here')\n")
    notebook = nbformat.read(chat.path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, resources={"metadata": {"path": str(chat.path.parent)}})
    environment = kernel._environment()
    client.execute(env={**environment, "PYTHONPATH": f"{blocked}:{environment['PYTHONPATH']}"})
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any(output.get("data", {}).get("text/plain") == "60" for output in shown)
    assert any(output.get("text") == "120\n" for output in shown)


def test_an_idle_kernel_of_its_own_asks_on_stdin_after_a_moment(tmp_path: Path, endpoint: FakeEndpoint) -> None:
    """The only test that waits for a lab page, as a kernel does."""
    script(endpoint, act("x = 1"))
    with started(NEWEST, tmp_path) as kernel:
        kernel.run("%load_ext codeact_magic")
        chat = Chat(kernel, endpoint)
        assert len(chat.ask("y", options="--approve ask").questions) == 1
        assert exists(chat)


def test_an_action_awaits_the_tasks_of_the_user_and_the_user_those_of_an_action(
    chat: Chat, endpoint: FakeEndpoint
) -> None:
    chat.kernel.run("import asyncio\nmine = asyncio.create_task(asyncio.sleep(0.1, 'mine'))\nqueue = asyncio.Queue()")
    theirs = "theirs = asyncio.create_task(queue.get())\nawait asyncio.sleep(0)"
    script(endpoint, act("print(await mine)"), act(theirs), DONE)
    chat.ask()
    assert [output["text"] for output in chat.recorded] == ["mine\n"]
    assert chat.kernel.run("await queue.put(5)\nprint(await theirs)").text == "5\n"


def test_a_cell_that_is_queued_waits_until_an_action_that_awaits_is_over(chat: Chat, endpoint: FakeEndpoint) -> None:
    chat.kernel.run("import asyncio\nseen = []")
    script(endpoint, act("print('begun')\nfor _ in range(20):\n    await asyncio.sleep(0.01)\nseen.append('action')"))
    turn = chat.begin()
    turn.wait(lambda: "begun" in turn.text)
    queued = chat.kernel.client.execute("seen.append('cell')")
    turn.finish()
    assert queued
    assert chat.kernel.value("seen") == ["action", "cell"]


def test_an_error_with_parts_is_recorded_and_told_whole(chat: Chat, endpoint: FakeEndpoint) -> None:
    raising = "raise ExceptionGroup('two', [ValueError('a'), ExceptionGroup('in', [TypeError('b')])])"
    script(endpoint, act(raising))
    run = chat.ask()
    (error,) = chat.recorded
    assert (error["output_type"], error["ename"]) == ("error", "ExceptionGroup")
    assert "TypeError: b" in "".join(error["traceback"])
    assert "ValueError: a" in run.shown
    for part in ("ExceptionGroup: two (2 sub-exceptions)", "- ValueError: a", "  - TypeError: b", "line 1: raise"):
        assert part in chat.observation_message
