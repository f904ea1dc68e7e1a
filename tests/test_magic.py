"""The magics in real IPython shells, against an endpoint on loopback."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from IPython.core.completer import provisionalcompleter
from traitlets import Bool, Enum, Float, Int, Unicode
from traitlets.config import Config

from codeact_magic.errors import CodeActError, EndpointError, LimitReachedError, SessionError, StoppedError, UsageError
from codeact_magic.magics.commands import subcommands, table
from codeact_magic.model import endpoints
from codeact_magic.options import Options
from codeact_magic.session import ToolCall
from codeact_magic.sessions.saving.loading import load
from codeact_magic.testing import FakeEndpoint, Raw, Say, Scripted, Status
from codeact_magic.text import storable

from .readme import README
from .shells import OPTIONS, Ran, Shell, isolate, new_shell, with_user

KEY = "sk-test-0123456789abcdefghij"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    isolate(monkeypatch, tmp_path)
    return monkeypatch


@pytest.fixture
def shell(alone: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with new_shell() as ipython:
        shell = Shell(ipython, capsys)
        assert shell.run("%load_ext codeact_magic").error is None
        yield shell


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(default="Done.") as endpoint:
        yield endpoint


def ready(shell: Shell, endpoint: FakeEndpoint, **options: Any) -> Shell:
    """Set the shell up for `endpoint`, without questions."""
    for name, value in ({"base_url": endpoint.base_url, "model": "fake-model", "approve": "auto"} | options).items():
        setattr(shell.options, name, value)
    return shell


def prompts(endpoint: FakeEndpoint) -> list[str]:
    """Return the last message of each chat request."""
    return [request.body["messages"][-1]["content"] for request in endpoint.requests if request.body]


def is_one_line(ran: Ran, kind: type[CodeActError]) -> bool:
    """Return whether a cell failed with an error that is shown as one line."""
    return type(ran.error) is kind and ran.line == f"{kind.__name__}: {ran.error}"


# -- a prompt, an answer -----------------------------------------------------------------------------------------------


def test_a_prompt_is_taken_to_its_answer_in_the_live_namespace(shell: Shell) -> None:
    shell.run("prices = [1, 2, 3]")
    with FakeEndpoint(["I add them up.\n```python\ntotal = sum(prices)\ntotal\n```", "It is **6**."]) as endpoint:
        ran = ready(shell, endpoint).run("%%codeact --into answer\nWhat is the sum of the prices?")
    assert ran.error is None
    assert shell.names["total"] == 6
    assert shell.names["answer"] == "It is **6**."
    assert "  | total = sum(prices)\n" in ran.shown
    assert "Out[4]: 6\n" in ran.shown
    assert ran.shown.count("total = sum(prices)") == 1
    assert ran.shown.count("It is **6**.") == 1


def test_the_cells_output_ends_in_one_line_that_names_the_file_once(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint)
    first, second = (shell.run("%%codeact\nHello").shown.strip().split("\n")[-1] for _ in range(2))
    (file,) = Path("codeact-sessions").iterdir()
    assert first.startswith("1 step · ") and first.endswith(f" s · saved in {file}")
    assert second.startswith("1 step · ") and "saved" not in second


def test_the_name_that_an_answer_was_bound_to_is_saved_with_the_cells(shell: Shell) -> None:
    with FakeEndpoint(["It is 6.", "Yes.", "Other."]) as endpoint:
        ready(shell, endpoint)
        shell.run("%%codeact --into answer\nWhat is it?")
        shell.run("print(answer)")
        shell.run("%%codeact\nSure?")
        shell.run("%%codeact --thread other\nSure?")
    saved = ["answer = 'It is 6.'", "print(answer)"]
    sessions = sorted(map(load, Path("codeact-sessions").glob("*.ipynb")), key=lambda session: session.thread)
    turns = [turn for session in sessions for turn in session.turns]
    assert [[cell.code for cell in turn.cells] for turn in turns] == [[], saved, saved]


def test_a_conversation_goes_on_across_cells(shell: Shell) -> None:
    with FakeEndpoint(["First.", "Second."]) as endpoint:
        ready(shell, endpoint)
        shell.run("%%codeact --no-context\nOne")
        shell.run("%%codeact --no-context\nTwo")
    first, second = (request.body["messages"] for request in endpoint.requests)
    assert second[: len(first)] == first
    assert [message["content"] for message in second[len(first) :]] == ["First.", "Two"]


def test_threads_run_side_by_side(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint)
    for thread, prompt in [("a", "A1"), ("b", "B1"), ("a", "A2")]:
        shell.run(f"%%codeact --no-context --thread {thread}\n{prompt}")
    told = [message["content"] for message in endpoint.requests[-1].body["messages"]]
    assert told[-3:] == ["A1", "Done.", "A2"]
    assert "B1" not in told
    assert len(list(Path("codeact-sessions").iterdir())) == 2


def test_new_begins_afresh_in_a_file_of_its_own(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint)
    shell.run("%%codeact --no-context\nOne")
    shell.run("%%codeact --no-context --new\nTwo")
    assert "One" not in [message["content"] for message in endpoint.requests[-1].body["messages"]]
    sessions = [load(file) for file in Path("codeact-sessions").iterdir()]
    assert sorted(turn.prompt for session in sessions for turn in session.turns) == ["One", "Two"]


def test_new_leaves_no_thread_of_the_former_session_behind(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint)
    for _ in range(4):
        shell.run("%%codeact --new\nHello")
    assert savers() == 1


def savers() -> int:
    for thread in threading.enumerate():
        if thread.name == "codeact-saver":
            thread.join(0.5)  # those that were closed end by themselves
    return sum(thread.name == "codeact-saver" for thread in threading.enumerate())


@pytest.mark.parametrize(("line", "told"), [("", True), ("--no-context", False)])
def test_the_model_is_told_of_variables_unless_it_is_not_to_be(
    shell: Shell, endpoint: FakeEndpoint, line: str, told: bool
) -> None:
    shell.run("prices = [1, 2, 3]")
    ready(shell, endpoint).run(f"%%codeact {line}\nHello")
    assert ("prices" in prompts(endpoint)[0]) is told


@pytest.mark.parametrize("others", ["%%time\n", "%%capture\n", "%%capture kept\n%%time\n"])
def test_other_magics_may_stand_above_a_cell(shell: Shell, others: str) -> None:
    with FakeEndpoint(["```python\nx = 5\nprint(x)\n```", "Done."]) as endpoint:
        ready(shell, endpoint)
        ran = shell.run(f"{others}%%codeact --no-context --into answer\n>>> Hello\n  there")
        assert ran.error is None
        assert prompts(endpoint)[0] == ">>> Hello\n  there"
        assert "5" in str(endpoint.requests[-1].body["messages"][-1]["content"])
    assert (shell.names["x"], shell.names["answer"]) == (5, "Done.")


def test_a_front_end_writes_what_the_encoding_of_stdout_lacks_as_escapes(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True)
    with FakeEndpoint(["```python\nprint('東')\n```", "Done ✓."]) as endpoint:
        ready(shell, endpoint)
        monkeypatch.setattr(sys, "stdout", stream)
        result = shell.ipython.run_cell("%%codeact\nGo")
    assert result.error_in_exec is None
    shown = stream.buffer.getvalue().decode("cp1252")
    assert "\\u6771" in shown and "Done \\u2713." in shown
    assert stream.errors == "strict"


@pytest.mark.parametrize("line", ["--no-context", ""])
def test_values_that_nobody_printed_are_told_only_if_variables_are(shell: Shell, line: str) -> None:
    with FakeEndpoint(["```python\nnumber = 10 * 10 + 23\n```", "Done."]) as endpoint:
        ready(shell, endpoint).run(f"%%codeact {line}\nGo")
        told = str(endpoint.requests[-1].body["messages"][-1]["content"])
    assert ("number = 123" in told) is (not line)


def test_max_steps_ends_the_turn_with_one_line_and_the_thread_goes_on(shell: Shell) -> None:
    steps = [f"```python\nx = {number}\n```" for number in range(3)]
    with FakeEndpoint([*steps, "Done."]) as endpoint:
        ready(shell, endpoint)
        ran = shell.run("%%codeact --max-steps 3\nCount")
        assert isinstance(ran.error, LimitReachedError)
        assert ran.shown.strip().split("\n")[-1] == f"LimitReachedError: {ran.error}"
        assert "--max-steps" in str(ran.error)
        assert shell.run("%%codeact --into answer\nGo on").error is None
    assert (shell.names["x"], shell.names["answer"]) == (2, "Done.")


def test_the_format_is_what_the_endpoint_is_asked_for(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint)
    for format in ("fence", "execute", "tools", "json", "auto"):
        shell.run(f"%%codeact --new --format {format}\nHello")
    bodies = [request.body for request in endpoint.requests]
    assert [body.get("stop") for body in bodies] == [["```output"], ["</execute>"], None, None, ["```output"]]
    assert [bool(body.get("tools")) for body in bodies] == [False, False, True, False, False]
    assert [bool(body.get("response_format")) for body in bodies] == [False, False, False, True, False]


def test_a_tool_call_is_carried_out(shell: Shell) -> None:
    call = ToolCall("call-1", "python", '{"code": "x = 6 * 7"}')
    with FakeEndpoint([Say("I multiply.", tool_calls=(call,)), "It is 42."]) as endpoint:
        ran = ready(shell, endpoint).run("%%codeact --format tools --into answer\nHow much?")
    assert (shell.names["x"], shell.names["answer"]) == (42, "It is 42.")
    assert ran.shown.count("x = 6 * 7") == 1


@pytest.mark.parametrize(("line", "images"), [("--vision", True), ("", False)])
def test_figures_are_sent_to_models_that_see(shell: Shell, line: str, images: bool) -> None:
    code = "from IPython.display import Image, display\ndisplay(Image(data=b'\\x89PNG\\r\\n\\x1a\\n', format='png'))"
    shell.ipython.display_formatter.active_types = shell.ipython.display_formatter.format_types  # as in a notebook
    with FakeEndpoint([f"```python\n{code}\n```", "A picture."]) as endpoint:
        ready(shell, endpoint).run(f"%%codeact {line}\nDraw")
    heard = endpoint.requests[-1].body["messages"][-1]["content"]
    assert isinstance(heard, list) is images


def test_the_options_of_the_line_reach_the_endpoint(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint)
    shell.run("%%codeact -m other --max-tokens 99 --temperature 0.5\nHello")
    shell.run("%%codeact --temperature None\nHello")
    first, second = (request.body for request in endpoint.requests)
    assert (first["model"], first["max_tokens"], first["temperature"]) == ("other", 99, 0.5)
    assert second["model"] == "fake-model"
    assert not {"max_tokens", "temperature"} & set(second)


def test_code_that_runs_too_long_is_interrupted(shell: Shell) -> None:
    with FakeEndpoint(["```python\nwhile True: pass\n```", "It took too long."]) as endpoint:
        ran = ready(shell, endpoint).run("%%codeact --action-timeout 0.2\nLoop")
    assert ran.error is None
    assert "0.2 s" in prompts(endpoint)[1]


def test_a_cell_inside_a_cell_is_refused_and_the_outer_one_goes_on(shell: Shell) -> None:
    code = "get_ipython().run_cell_magic('codeact', '', 'Again')"
    with FakeEndpoint([f"```python\n{code}\n```", "It cannot."]) as endpoint:
        ran = ready(shell, endpoint).run("%%codeact --into answer\nNest")
    assert ran.error is None
    assert "UsageError: A %%codeact cell is running already" in ran.shown
    assert shell.names["answer"] == "It cannot."


# -- the prompt, to the letter -----------------------------------------------------------------------------------------

LETTERS = [
    "{x} {{y}} {x!r:>10} {",
    "$x ${x} $$ \\$x",
    "100 % of %s %(name)s %%time",
    "\\n \\\\ \\t C:\\new\\table",
    "%time foo\n%%codeact --model evil\n!rm -rf /\n?print\nprint?",
    "'single' \"double\" '''triple''' \"\"\"triple\"\"\"",
    "trailing   \nblanks\t\ninside",
    "line one\r\nline two",
    "ünïcödé 東京 👩‍🚀 \u202e \u200b \x0b \x0c \x1c \x85 \u2028 end",
    ">>> doctest\n... prompt\nOut[1]: 3",
    "In [1]: x\n   ...: y",
    "    indented\n  less",
    "#!shebang\n#comment",
    "a;\nb\\",
    "!ls {x}\nfiles = !ls\n%cd ..",
    "?",
    "\x00 null \x07 bell \x1b[31m",
]


@pytest.mark.parametrize("prompt", LETTERS)
@pytest.mark.parametrize("as_cell", [True, False])
def test_the_prompt_is_taken_to_the_letter(shell: Shell, endpoint: FakeEndpoint, prompt: str, as_cell: bool) -> None:
    shell.run("x = 'SECRET VALUE'")
    ready(shell, endpoint)
    ran = shell.run(f"%%codeact --no-context\n{prompt}") if as_cell else shell.magic("--no-context", prompt)
    assert ran.error is None
    assert prompts(endpoint) == [prompt]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("{}$%\\!?'\"\n\t >.")), min_size=1))
@example("{x}\n%%time\n!ls")
def test_any_text_arrives_as_it_is(shell: Shell, endpoint: FakeEndpoint, prompt: str) -> None:
    if not prompt.strip():
        prompt = f"x{prompt}x"
    ready(shell, endpoint, save_folder="").magic("--no-context --new", f"{prompt}\n")
    assert prompts(endpoint)[-1] == prompt.strip("\r\n")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([*LETTERS, "", " ", "    ", ">>> ", "In [3]: "]), min_size=1, max_size=4))
def test_any_lines_of_a_cell_arrive_as_they_are(shell: Shell, endpoint: FakeEndpoint, lines: list[str]) -> None:
    prompt = "\n".join([*lines, "end"])
    assert ready(shell, endpoint, save_folder="").run(f"%%codeact --no-context --new\n{prompt}\n").error is None
    assert prompts(endpoint)[-1] == prompt.strip("\r\n")


def test_a_cell_with_empty_lines_before_it_is_taken_to_the_letter(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint).run("\n\n%%codeact --no-context\n>>> Hello\n\n  >>> again")
    assert prompts(endpoint) == [">>> Hello\n\n  >>> again"]


def test_a_lone_surrogate_does_not_lose_the_prompt(shell: Shell, endpoint: FakeEndpoint) -> None:
    assert ready(shell, endpoint).magic("--no-context", "a\ud800b").error is None
    assert prompts(endpoint) == [storable("a\ud800b")]


# -- into --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["answer", "_answer", "größe", "x1"])
def test_the_answer_is_bound_to_a_name(shell: Shell, endpoint: FakeEndpoint, name: str) -> None:
    ready(shell, endpoint).run(f"%%codeact --into {name}\nHello")
    assert shell.run(f"copy = {name}").error is None
    assert shell.names["copy"] == "Done."


def test_the_answer_is_bound_as_python_reads_the_name(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint).run("%%codeact --into ﬁne\nHello")
    assert shell.run("copy = ﬁne").error is None


@pytest.mark.parametrize(
    "name", ["1x", "a-b", "a.b", "x[0]", "if", "None", "class", "__name__", "__", "_", "In", "Out", "get_ipython", "''"]
)
def test_what_cannot_be_a_name_is_refused_before_anything_is_asked(
    shell: Shell, endpoint: FakeEndpoint, name: str
) -> None:
    ran = ready(shell, endpoint).run(f"%%codeact --into {name}\nHello")
    assert is_one_line(ran, UsageError)
    assert str(ran.error).startswith("--into: ")
    assert endpoint.requests == []


def test_a_turn_without_an_answer_binds_nothing(shell: Shell) -> None:
    with FakeEndpoint([Status(400, "No.")]) as endpoint:
        ready(shell, endpoint).run("%%codeact --into answer\nHello")
    assert "answer" not in shell.names


# -- options -----------------------------------------------------------------------------------------------------------


def test_every_option_is_documented(shell: Shell) -> None:
    shown = " ".join(shell.run("%%codeact?").shown.split())
    for name, trait in OPTIONS.items():
        assert trait.help, name
        if flags := trait.metadata.get("line"):
            assert all(flag in shown for flag in flags)
            assert " ".join(trait.help.split()) in shown
    assert all(flag in shown for flag in ("--no-context", "--new", "--into NAME"))
    assert "sent verbatim" in shown


def test_the_table_of_commands_in_the_readme_is_the_generated_one() -> None:
    assert f"<!-- commands: begin -->\n{table()}\n<!-- commands: end -->" in README.read_text(), (
        "run python -m tests.readme to write it anew"
    )


def completed(shell: Shell, line: str) -> list[str]:
    """Return the completions of the last word of a line."""
    with provisionalcompleter():
        return [completion.text for completion in shell.ipython.Completer.completions(line, len(line))]


def test_subcommands_and_their_flags_are_completed(shell: Shell) -> None:
    assert completed(shell, "%codeact re") == ["reset", "replay"]
    assert set(subcommands("notebook")) < set(completed(shell, "%codeact "))
    assert "--clean" in completed(shell, "%codeact insert --cl")  # beside names of Python
    assert "--clean" not in completed(shell, "%codeact replay --")


def test_the_line_magic_is_documented(shell: Shell) -> None:
    assert "%codeact help" in shell.run("%codeact?").shown


def test_config_lists_every_option_with_its_help(shell: Shell) -> None:
    shown = shell.run("%config CodeAct").shown
    for name, trait in OPTIONS.items():
        assert f"CodeAct.{name}=" in shown
        assert trait.help.split(".")[0].split()[0] in shown


PRECEDENCE = [
    ("model", "from-file", "from-environment", "from-config", "from-line"),
    ("base_url", "http://file/v1", "http://environment/v1", "http://config/v1", "http://line/v1"),
    ("approve", "risky", "auto", "risky", "auto"),
    ("format", "json", "tools", "fence", "execute"),
    ("max_steps", 11, 12, 13, 14),
    ("timeout", 11.5, 12.5, 13.5, 14.5),
    ("temperature", 0.1, 0.2, 0.3, 0.4),
    ("vision", False, True, False, True),
]


@pytest.mark.parametrize(("name", "file", "environment", "config", "line"), PRECEDENCE)
def test_the_line_goes_before_config_before_the_file_before_the_environment(
    alone: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    file: Any,
    environment: Any,
    config: Any,
    line: Any,
) -> None:
    def loaded(**settings: Any) -> Any:
        with new_shell(Config({"CodeAct": settings})) as ipython:
            shell = Shell(ipython, capsys)
            assert shell.run("%load_ext codeact_magic").error is None
            return getattr(shell.options, name)

    assert loaded() == OPTIONS[name].default_value
    alone.setenv(f"CODEACT_{name.upper()}", str(environment))
    assert loaded() == environment
    assert loaded(**{name: file}) == file
    taken: list[Options] = []
    with new_shell(Config({"CodeAct": {name: file}})) as ipython:
        shell = Shell(ipython, capsys)
        shell.run("%load_ext codeact_magic")
        shell.run(f"%config CodeAct.{name} = {config!r}")
        assert getattr(shell.options, name) == config
        alone.setattr("codeact_magic.runner.Runner.take", lambda runner, options, *_, **__: taken.append(options))
        flag = "--vision" if name == "vision" else f"{OPTIONS[name].metadata['line'][0]} {line}"
        shell.run(f"%%codeact {flag}\nHello")
        shell.run("%%codeact\nHello")
    assert [getattr(options, name) for options in taken] == [line, config]


@pytest.mark.parametrize("name", [name for name, trait in OPTIONS.items() if not isinstance(trait, Bool)])
def test_every_option_can_be_set_in_the_environment(
    alone: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    values = {Unicode: ("WORD", "WORD"), Int: ("777", 777), Float: ("77.5", 77.5), Enum: ("auto", "auto")}
    given = {
        "prices": ('{"m": [1, 2, 3]}', {"m": [1, 2, 3]}),
        "extra_body": ('{"a": {"b": null}}', {"a": {"b": None}}),
        "extra_headers": ('{"A": "b"}', {"A": "b"}),
        "values": ("never", "never"),
    }
    text, value = given[name] if name in given else values[type(OPTIONS[name])]
    alone.setenv(f"CODEACT_{name.upper()}", text)
    with new_shell() as ipython:
        shell = Shell(ipython, capsys)
        shell.run("%load_ext codeact_magic")
        assert getattr(shell.options, name) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("True", True), ("0", False), ("false", False)]
)
def test_yes_and_no_can_be_set_in_the_environment(
    alone: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, value: bool
) -> None:
    alone.setenv("CODEACT_VISION", text)
    alone.setenv("CODEACT_SUMMARY", text)
    with new_shell() as ipython:
        shell = Shell(ipython, capsys)
        shell.run("%load_ext codeact_magic")
        assert (shell.options.vision, shell.options.summary) == (value, value)


def test_an_empty_variable_sets_texts_only(alone: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("SAVE_FOLDER", "MAX_STEPS", "APPROVE", "VISION", "TIMEOUT"):
        alone.setenv(f"CODEACT_{name}", "")
    with new_shell() as ipython:
        shell = Shell(ipython, capsys)
        assert shell.run("%load_ext codeact_magic").error is None
        assert (shell.options.save_folder, shell.options.max_steps, shell.options.approve) == ("", 20, "ask")


WRONG = [
    ("MAX_STEPS", "many", "a whole number, 1 or more, not 'many'"),
    ("MAX_STEPS", "0", "a whole number, 1 or more, not '0'"),
    ("MAX_STEPS", "2.5", "a whole number, 1 or more, not '2.5'"),
    ("TIMEOUT", "soon", "a number, 0.1 or more, not 'soon'"),
    ("TIMEOUT", "nan", "a number, 0.1 or more, not 'nan'"),
    ("TEMPERATURE", "-1", "a number, 0.0 or more, or None, not '-1'"),
    ("APPROVE", "sometimes", "one of ask, risky, auto, not 'sometimes'"),
    ("FORMAT", "yaml", "one of auto, fence, execute, tools, json, not 'yaml'"),
    ("VISION", "maybe", "true or false, not 'maybe'"),
]


@pytest.mark.parametrize(("name", "text", "told"), WRONG)
def test_a_wrong_value_in_the_environment_is_told_in_one_line_and_nothing_is_loaded(
    alone: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, text: str, told: str
) -> None:
    alone.setenv(f"CODEACT_{name}", text)
    with new_shell() as ipython:
        shell = Shell(ipython, capsys)
        ran = shell.run("%load_ext codeact_magic")
        assert is_one_line(ran, UsageError)
        assert str(ran.error) == f"codeact_magic is not loaded: CODEACT_{name} takes {told}"
        assert "CodeAct" not in [type(one).__name__ for one in ipython.configurables]
        assert "codeact" not in ipython.magics_manager.magics["cell"]
        alone.delenv(f"CODEACT_{name}")
        assert shell.run("%load_ext codeact_magic").error is None


@pytest.mark.parametrize(("name", "value"), [("max_steps", 0), ("max_steps", "x"), ("approve", "never"), ("vision", 3)])
def test_a_wrong_value_in_a_file_is_told_in_one_line_and_nothing_is_loaded(
    alone: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: Any
) -> None:
    with new_shell(Config({"CodeAct": {name: value}})) as ipython:
        ran = Shell(ipython, capsys).run("%load_ext codeact_magic")
        assert is_one_line(ran, UsageError)
        assert name in str(ran.error) and str(value) in str(ran.error)
        assert "CodeAct" not in [type(one).__name__ for one in ipython.configurables]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--max-steps many", "--max-steps takes a whole number, 1 or more, not 'many'"),
        ("-n 0", "--max-steps takes a whole number, 1 or more, not '0'"),
        ("--approve never", "--approve takes one of ask, risky, auto, not 'never'"),
        ("--format yaml", "--format takes one of auto, fence, execute, tools, json, not 'yaml'"),
        ("--temperature hot", "--temperature takes a number, 0.0 or more, or None, not 'hot'"),
        ("--timeout 0", "--timeout takes a number, 0.1 or more, not '0'"),
        ("--model", "--model/-m: expected one argument. List the options: %%codeact?"),
        ("--modle x", "%%codeact has no option --modle; the nearest is --model. List the options: %%codeact?"),
        ("--xyz", "%%codeact has no option --xyz. List the options: %%codeact?"),
        ("--thr x", "%%codeact has no option --thr; the nearest is --thread. List the options: %%codeact?"),
        ("-z", "%%codeact has no option -z. List the options: %%codeact?"),
        ("what is x", "The prompt goes on the lines below %%codeact, not beside it: 'what' is not an option."),
        ("don't", "The %%codeact line cannot be split into options: No closing quotation."),
        ("--base-url nonsense", "nonsense is not the address of an endpoint. It looks like http://localhost:8000/v1"),
        ("--base-url http://", "http:// is not the address of an endpoint. It looks like http://localhost:8000/v1"),
        ("-u http://host:99999/v1", "is not the address of an endpoint"),
        ("-u http://[::1", "is not the address of an endpoint"),
    ],
)
def test_a_wrong_line_is_told_in_one_line(shell: Shell, endpoint: FakeEndpoint, line: str, told: str) -> None:
    ran = ready(shell, endpoint).run(f"%%codeact {line}\nHello")
    assert is_one_line(ran, UsageError)
    assert str(ran.error).startswith(told) or told in str(ran.error)
    assert endpoint.requests == []


def test_quotes_on_the_line_hold_words_together(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint).run("%%codeact --thread \"my plots\" --model 'a \\ b'\nHello")
    assert endpoint.requests[0].body["model"] == "a \\ b"
    assert "my plots" in shell.run("%codeact usage").shown


def test_options_do_not_outlive_their_cell(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint, max_steps=5)
    shell.run("%%codeact --model other --max-steps 1\nHello")
    assert (shell.options.model, shell.options.max_steps) == ("fake-model", 5)


# -- the key -----------------------------------------------------------------------------------------------------------


def test_the_key_is_read_when_it_is_used(shell: Shell, alone: pytest.MonkeyPatch) -> None:
    with FakeEndpoint(default="Done.", api_key=KEY) as endpoint:
        ready(shell, endpoint)
        assert is_one_line(shell.run("%%codeact\nHello"), EndpointError)
        alone.setenv("OPENAI_API_KEY", KEY)
        assert shell.run("%%codeact\nHello").error is None
        alone.delenv("OPENAI_API_KEY")
        alone.setenv("MY_KEY", KEY)
        assert shell.run("%%codeact --api-key-env MY_KEY\nHello").error is None


def test_the_address_is_read_when_it_is_used(shell: Shell, endpoint: FakeEndpoint, alone: pytest.MonkeyPatch) -> None:
    alone.setenv("OPENAI_BASE_URL", endpoint.base_url)
    assert shell.run("%%codeact --approve auto\nHello").error is None
    assert endpoint.requests[-1].body["model"] == "fake-model"  # the only one that it offers


def test_the_key_is_shown_and_saved_nowhere(shell: Shell, alone: pytest.MonkeyPatch) -> None:
    alone.setenv("OPENAI_API_KEY", KEY)
    code = "import os\nprint(os.environ['OPENAI_API_KEY'])\nkey = os.environ['OPENAI_API_KEY']\nkey"
    with FakeEndpoint([f"```python\n{code}\n```", "It is ***.", Status(401, f"Wrong key {KEY}")]) as endpoint:
        url = endpoint.base_url.replace("://", f"://user:{KEY}@")
        ready(shell, endpoint, base_url=url)
        shown = [shell.run(f"%%codeact\nMy key is {KEY}").shown, shell.run("%%codeact\nHello").shown]
        shown += [shell.run(f"%codeact {command}").shown for command in ("", "history", "usage")]
        told = str([request.body for request in endpoint.requests])
    saved = [file.read_text("utf-8") for file in Path("codeact-sessions").iterdir()]
    assert KEY not in "".join([*shown, *saved, told, *map(str, Path("codeact-sessions").iterdir())])
    assert "api_key=" not in shell.run("%config CodeAct").shown


@pytest.mark.parametrize("line", [f"--api-key {KEY}", f"--api-key={KEY}", f"--api-key-env {KEY}", f"--key={KEY}"])
def test_a_key_on_the_line_is_refused_and_not_repeated(shell: Shell, endpoint: FakeEndpoint, line: str) -> None:
    ran = ready(shell, endpoint).run(f"%%codeact {line}\nHello")
    assert is_one_line(ran, UsageError)
    assert str(ran.error).startswith(("%%codeact has no option --", "--api-key-env: "))
    assert KEY not in ran.shown


def test_a_key_in_place_of_its_variable_is_not_repeated(
    alone: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone.setenv("CODEACT_API_KEY_ENV", KEY)
    with new_shell() as ipython:
        ran = Shell(ipython, capsys).run("%load_ext codeact_magic")
        assert is_one_line(ran, UsageError)
        assert "the name of an environment variable" in ran.shown
        assert KEY not in ran.shown


# -- which endpoint ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("set_up", "address"),
    [
        ({}, ""),
        ({"OPENAI_API_KEY": KEY}, "https://api.openai.com/v1"),
        ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://other/v1"}, "http://other/v1"),
        ({"OPENAI_BASE_URL": "http://other/v1"}, "http://other/v1"),
        ({"OPENAI_API_KEY": ""}, ""),
    ],
)
def test_the_environment_says_where_prompts_go(alone: pytest.MonkeyPatch, set_up: dict[str, str], address: str) -> None:
    for name, value in set_up.items():
        alone.setenv(name, value)
    assert endpoints.address(Options()) == address
    assert endpoints.address(Options(base_url="http://mine/v1")) == "http://mine/v1"


def test_the_key_of_another_provider_is_not_sent_to_openai(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("OTHER_API_KEY", KEY)
    assert endpoints.address(Options(api_key_env="OTHER_API_KEY")) == ""


def test_without_any_endpoint_one_line_names_three_ways_out(shell: Shell) -> None:
    for cell in ("%%codeact --approve auto\nHello", "%codeact models"):
        ran = shell.run(cell)
        assert is_one_line(ran, UsageError)
        assert all(way in ran.line for way in ("OPENAI_API_KEY", "--base-url", "%codeact local"))
    assert not Path("codeact-sessions").exists()


@pytest.mark.parametrize(
    ("models", "told"), [([], "0 models (none)"), (list("abcdefg"), "7 models (a, b, c, d, e, ...)")]
)
def test_of_several_models_one_has_to_be_chosen(shell: Shell, models: list[str], told: str) -> None:
    with FakeEndpoint(models=models) as endpoint:
        ran = ready(shell, endpoint, model="").run("%%codeact\nHello")
    assert is_one_line(ran, UsageError)
    assert told in ran.line and "--model" in ran.line


class LocalServer:
    """Stands in for the local model's server."""

    model, context, key = "fake-model", 8192, "key-of-the-server"

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url


def test_the_local_model_answers_where_it_was_fetched_and_says_so(
    shell: Shell, alone: pytest.MonkeyPatch, endpoint: FakeEndpoint
) -> None:
    server = LocalServer(endpoint.base_url)
    started: list[LocalServer] = []

    def start(*_: object, **__: object) -> LocalServer:
        started.append(server)
        return server

    alone.setattr("codeact_magic.local.find", lambda name: Path("model.gguf"))
    alone.setattr("codeact_magic.local.running", lambda: started[0] if started else None)
    alone.setattr("codeact_magic.local.start", start)
    alone.setenv("OPENAI_BASE_URL", "")
    first = shell.run("%%codeact --approve auto\nHello")
    second = shell.run("%%codeact --approve auto\nAgain")
    assert first.error is None and second.error is None
    assert "No endpoint is set, so the local model answers" in first.shown and "demonstration" in first.shown
    assert "local model" not in second.shown
    assert "authorization" not in {name for name in endpoint.requests[0].headers if KEY in name}
    assert shell.run("%codeact models").shown == "fake-model\n"


# -- approval ----------------------------------------------------------------------------------------------------------


def test_what_is_approved_is_what_runs(shell: Shell, alone: pytest.MonkeyPatch) -> None:
    with_user(shell, alone, edit=lambda code: code.replace("1", "2"))
    shell.answers = ["e", "y", "n", "use three", "n: use four", "y"]
    codes = ["x = 1", "y = 1", "z = 1", "w = 1"]
    with FakeEndpoint([*(f"```python\n{code}\n```" for code in codes), "Done."]) as endpoint:
        ran = ready(shell, endpoint, approve="ask").run("%%codeact\nGo")
    assert ran.error is None
    assert shell.names["x"] == 2 and shell.names["w"] == 1
    assert not {"y", "z"} & set(shell.names)
    heard = prompts(endpoint)
    assert "-x = 1\n+x = 2" in heard[1]
    assert "use three" in heard[2] and "use four" in heard[3]
    assert "step 1 · edited" in ran.shown and "step 2 · rejected: use three" in ran.shown


def test_quitting_stops_the_turn_with_one_line_and_the_thread_goes_on(shell: Shell, alone: pytest.MonkeyPatch) -> None:
    with_user(shell, alone)
    shell.answers = ["q"]
    with FakeEndpoint(["```python\nx = 1\n```", "Done."]) as endpoint:
        ready(shell, endpoint, approve="ask")
        ran = shell.run("%%codeact\nGo")
        assert isinstance(ran.error, StoppedError)
        assert "x" not in shell.names
        assert ran.shown.strip().split("\n")[-1] == f"StoppedError: {ran.error}"
        assert shell.run("%%codeact\nGo on").error is None


def test_where_nobody_can_be_asked_nothing_is_asked_for_or_run(shell: Shell, endpoint: FakeEndpoint) -> None:
    ran = ready(shell, endpoint, approve="ask").run("%%codeact\nGo")
    assert is_one_line(ran, UsageError)
    assert "--approve auto" in ran.line
    assert endpoint.requests == []


def test_risky_code_that_nobody_can_be_asked_about_is_not_run(shell: Shell) -> None:
    Path("data.csv").touch()
    codes = ["x = 1", "import os\nos.remove('data.csv')"]
    with FakeEndpoint([f"```python\n{code}\n```" for code in codes], default="Done.") as endpoint:
        ran = ready(shell, endpoint, approve="risky").run("%%codeact\nGo")
        assert isinstance(ran.error, UsageError)
        assert "deletes data.csv" in str(ran.error) and "--approve auto" in str(ran.error)
        assert shell.names["x"] == 1 and Path("data.csv").exists()
        assert shell.run("%%codeact\nGo on").error is None


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["%%codeact\n\n\n", "%%codeact\n   \n\t\n", "%%codeact --new\n\n"])
def test_an_empty_prompt_is_told_in_one_line(shell: Shell, endpoint: FakeEndpoint, cell: str) -> None:
    ran = ready(shell, endpoint).run(cell)
    assert is_one_line(ran, UsageError)
    assert "no prompt" in ran.line
    assert endpoint.requests == []


def test_a_cell_without_a_body_is_told_in_one_line(shell: Shell, endpoint: FakeEndpoint) -> None:
    ran = ready(shell, endpoint).run("%%codeact")
    assert ran.error is not None and ran.line.startswith("UsageError: ")  # IPython's own
    assert endpoint.requests == []


BAD: dict[str, tuple[list[Scripted], str]] = {
    "401": ([Status(401, "Incorrect API key")], "OPENAI_API_KEY"),
    "garbage": ([Raw(b"\x00\xff<html>not a stream")], "not a chat completion"),
    "not utf-8": ([Raw(b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n')], "not a chat completion"),
    "empty replies": ([""] * 3, "last 3 replies"),
    "a wrong request": ([Status(400, "Bad things\nhappened")], "Bad things happened"),
    "an error": ([Status(500, "Oh no")] * 2, "Oh no"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_an_endpoint_gets_wrong_is_one_line_and_the_thread_goes_on(shell: Shell, name: str) -> None:
    replies, told = BAD[name]
    with FakeEndpoint(replies, default="Done.") as endpoint:
        ready(shell, endpoint, retries=1)
        ran = shell.run("%%codeact\nHello")
        assert isinstance(ran.error, EndpointError)
        assert ran.shown.strip().split("\n")[-1] == f"EndpointError: {ran.error}"
        assert told in str(ran.error)
        assert "Traceback" not in ran.shown
        assert shell.run("%%codeact --into answer\nAgain").error is None
    assert shell.names["answer"] == "Done."
    (file,) = Path("codeact-sessions").iterdir()
    assert [turn.outcome for turn in load(file).turns] == ["failed", "answered"]


def test_an_endpoint_that_is_not_there_is_told_in_one_line(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint, retries=0)
    endpoint.stop()
    ran = shell.run("%%codeact\nHello")
    assert is_one_line(ran, EndpointError)
    assert endpoint.base_url in ran.line and "cannot be reached" in ran.line


def test_an_answer_that_is_cut_off_says_how_to_allow_longer_ones(shell: Shell) -> None:
    with FakeEndpoint([Say("It is", finish="length")]) as endpoint:
        ran = ready(shell, endpoint).run("%%codeact\nHello")
    assert ran.error is None
    assert "at the model's limit of tokens. Raise the limit: --max-tokens N or %config CodeAct.max_tokens" in ran.shown
    (file,) = Path("codeact-sessions").iterdir()
    assert load(file).turns[0].note == "The answer was cut off at the model's limit of tokens."


def test_an_unknown_model_is_told_with_the_nearest(shell: Shell) -> None:
    with FakeEndpoint(models=["qwen-small", "qwen-large", "other"], strict_models=True) as endpoint:
        ran = ready(shell, endpoint).run("%%codeact -m qwen-larg\nHello")
    assert is_one_line(ran, EndpointError)
    assert "qwen-large" in ran.line and "--model" in ran.line


def test_a_context_that_is_too_long_is_told_in_one_line(shell: Shell) -> None:
    with FakeEndpoint(default="Done.", context_limit=6_000) as endpoint:
        ready(shell, endpoint)
        ran = shell.run(f"%%codeact\n{'word ' * 2000}")
        assert is_one_line(ran, EndpointError)
        assert "--new" in ran.line
        assert shell.run("%%codeact --new\nHello").error is None


def unwritable(folder: Path, way: str) -> Path:
    """Return a folder in which no file can be written."""
    if way == "a file":
        folder.write_text("not a folder")
        return folder
    folder.write_text("not a folder")
    return folder / "below"


@pytest.mark.parametrize("way", ["a file", "below a file"])
def test_a_folder_that_cannot_be_written_is_told_once_and_the_session_can_be_saved_later(
    shell: Shell, tmp_path: Path, way: str
) -> None:
    folder = unwritable(tmp_path / "taken", way)
    steps = ["```python\nx = 1\n```", "```python\nx = 2\n```", "Two.", "Three."]
    with FakeEndpoint(steps) as endpoint:
        ready(shell, endpoint, save_folder=str(folder))
        first, second = shell.run("%%codeact\nOne"), shell.run("%%codeact\nTwo")
    assert first.error is None and second.error is None
    assert first.shown.count("could not be saved") == 1
    assert "Save it elsewhere: %codeact save FILE" in first.shown
    assert "could not be saved" not in second.shown and " · saved in" not in first.shown
    assert shell.run("%codeact save kept.ipynb").shown == "Saved in kept.ipynb\n"
    assert [turn.answer for turn in load(Path("kept.ipynb")).turns] == ["Two.", "Three."]


def test_nothing_is_written_where_nothing_is_to_be_saved(shell: Shell, endpoint: FakeEndpoint) -> None:
    ran = ready(shell, endpoint, save_folder="").run("%%codeact\nHello")
    assert "saved" not in ran.shown
    assert list(Path.cwd().rglob("*.ipynb")) == []
    assert is_one_line(shell.run("%codeact save"), UsageError)
    assert shell.run("%codeact save here").shown == "Saved in here.ipynb\n"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}']
)
def test_a_saved_session_that_is_broken_is_told_in_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "session.ipynb"
    file.write_text(content)
    with pytest.raises(SessionError) as raised:
        load(file)
    assert str(file) in str(raised.value) and "\n" not in str(raised.value)


def test_an_interrupt_anywhere_is_one_line(shell: Shell, endpoint: FakeEndpoint, alone: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    ready(shell, endpoint)
    for place in ("model.OpenAIModel.models", "sessions.threads.Thread.saved", "sessions.threads.session_path"):
        with alone.context() as patch:
            patch.setattr(f"codeact_magic.{place}", interrupted)
            ran = shell.run("%%codeact --new --model ''\nHello")
            assert isinstance(ran.error, StoppedError)
            assert ran.shown.strip().split("\n")[-1] == f"StoppedError: {ran.error}"
    assert shell.run("%%codeact\nHello").error is None


def test_an_interrupted_command_is_one_line(shell: Shell, endpoint: FakeEndpoint, alone: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    alone.setattr("codeact_magic.model.OpenAIModel.models", interrupted)
    assert is_one_line(ready(shell, endpoint).run("%codeact models"), StoppedError)


# -- %codeact ----------------------------------------------------------------------------------------------------------


def test_status_shows_how_things_stand_before_anything_was_done(shell: Shell) -> None:
    shown = shell.run("%codeact").shown
    assert shown == (
        "endpoint  none; the local model if it has been fetched   --base-url URL, OPENAI_BASE_URL\n"
        "model     the only one that the endpoint offers          --model NAME\n"
        "key       OPENAI_API_KEY is not set                      --api-key-env NAME\n"
        "approval  ask (before every step)                        --approve ask|risky|auto\n"
        "thread    main                                           --thread NAME, --new\n"
        "steps     none yet, up to 20 a turn                      --max-steps N\n"
        "tokens    none yet                                       CodeAct.max_tokens_per_turn\n"
        "session   in codeact-sessions/ from the first prompt on  CodeAct.save_folder, %codeact save FILE\n"
        "\n"
        "To keep a change: %config CodeAct.NAME = VALUE. More: %config CodeAct, %codeact help, %%codeact?\n"
    )


def test_status_shows_what_was_done(shell: Shell, alone: pytest.MonkeyPatch) -> None:
    alone.setenv("OPENAI_API_KEY", KEY)
    usage = Say("Done.", usage=(1000, 800, 5))
    with FakeEndpoint(["```python\nx = 1\n```", usage, usage]) as endpoint:
        ready(shell, endpoint, approve="risky")
        shell.run("%%codeact\nHello")
        shell.run("%%codeact -t other\nHello")
        shown = shell.run("%codeact").shown
    assert endpoint.base_url in shown
    assert "OPENAI_API_KEY is set" in shown
    assert "risky (before risky steps)" in shown
    assert "main (also other)" in shown
    assert "2 in 1 turn, up to 20 a turn" in shown
    assert "(800 cached)" in shown
    assert "-hello.ipynb" in shown
    assert max(map(len, shown.split("\n"))) <= 100


@pytest.mark.parametrize("command", list(subcommands("notebook")))
def test_every_command_has_help(shell: Shell, command: str) -> None:
    overview = shell.run("%codeact help").shown
    assert f"%codeact {command} " in overview
    assert max(map(len, overview.split("\n"))) <= 100
    for flag in ("--help", "-h"):
        shown = shell.run(f"%codeact {command} {flag}").shown
        assert shown.startswith(f"usage: %codeact {command}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("histroy", "Use the nearest: %codeact history"),
        ("what is the mean of x", "%codeact has no command 'what'."),
        ("what's up", '%codeact has no command "what\'s".'),
        ("history --thread", "%codeact history: argument --thread/-t: expected one argument."),
        ("history --foo", "%codeact history: unrecognized arguments: --foo."),
        ("local begin", "%codeact local: argument action: invalid choice: 'begin'"),
        ("history", "Thread main has no conversation yet."),
        ("reset", "Thread main has no conversation yet."),
        ("save", "Thread main has no conversation yet."),
        ("save x.ipynb --thread plots", "Thread plots has no conversation yet."),
    ],
)
def test_a_command_that_makes_no_sense_is_told_in_one_line(shell: Shell, line: str, told: str) -> None:
    ran = shell.run(f"%codeact {line}")
    assert is_one_line(ran, UsageError)
    assert str(ran.error).startswith(told) or told in str(ran.error)


def test_a_prompt_beside_the_line_magic_is_shown_its_place(shell: Shell) -> None:
    assert "rite a prompt below a line that says %%codeact" in shell.run("%codeact plot x over y").line


def test_history_lists_prompts_and_answers(shell: Shell) -> None:
    with FakeEndpoint(["```python\nx = 1\n```", "Done\nand dusted.", Status(400, "No.")]) as endpoint:
        ready(shell, endpoint)
        shell.run("%%codeact\nSet x\nto one")
        shell.run("%%codeact\nFail")
        shown = shell.run("%codeact history").shown.split("\n")
    assert shown[:2] == ["  1  Set x to one", "     → Done and dusted."]
    assert shown[2].startswith("     answered · 2 steps · ")
    assert shown[3] == "  2  Fail" and "refused the request" in shown[4]
    assert shown[5].startswith("     failed · 0 steps · ")


def test_usage_adds_up(shell: Shell) -> None:
    assert shell.run("%codeact usage").shown == "No tokens were used yet.\n"
    with FakeEndpoint([Say("One.", usage=(1000, 100, 5)), Say("Two.", usage=(2000, 200, 10))]) as endpoint:
        ready(shell, endpoint)
        shell.run("%%codeact\nOne")
        shell.run("%%codeact -t other\nTwo")
        rows = [line.split()[:-1] for line in shell.run("%codeact usage").shown.strip().split("\n")]
    assert rows == [
        ["thread", "turn", "steps", "tokens", "in", "cached", "out", "cost"],
        ["main", "1", "1", "1,000", "100", "5", "unknown"],
        ["other", "1", "1", "2,000", "200", "10", "unknown"],
        ["all", "2", "3,000", "300", "15", "unknown"],
    ]


def test_models_lists_what_the_endpoint_offers(shell: Shell) -> None:
    with FakeEndpoint(models=["b", "a"]) as endpoint:
        assert shell.run(f"%codeact models --base-url {endpoint.base_url}").shown == "a\nb\n"
        assert ready(shell, endpoint).run("%codeact models").shown == "a\nb\n"


def test_reset_forgets_the_conversation_and_keeps_the_file_and_the_variables(
    shell: Shell, endpoint: FakeEndpoint
) -> None:
    ready(shell, endpoint).run("%%codeact --no-context --into answer\nOne")
    assert shell.run("%codeact reset").shown == "Thread main begins afresh.\n"
    shell.run("%%codeact --no-context\nTwo")
    assert "One" not in [message["content"] for message in endpoint.requests[-1].body["messages"]]
    assert len(list(Path("codeact-sessions").iterdir())) == 2
    assert shell.names["answer"] == "Done."


def test_save_writes_where_it_is_told(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint).run("%%codeact\nHello")
    (own,) = Path("codeact-sessions").iterdir()
    assert shell.run("%codeact save").shown == f"Saved in {own}\n"
    assert shell.run("%codeact save 'sub folder/copy'").shown == "Saved in sub folder/copy.ipynb\n"
    assert shell.run("%codeact save 'sub folder/copy.ipynb'").shown == "Saved in sub folder/copy.ipynb\n"
    assert load(Path("sub folder/copy.ipynb")) == load(own)


def test_save_does_not_write_over_another_session(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint).run("%%codeact\nHello")
    shell.run("%codeact save copy")
    shell.run("%%codeact --new\nHello again")
    assert is_one_line(ran := shell.run("%codeact save copy"), UsageError)
    assert "copy.ipynb exists and holds another session" in ran.line


def test_save_makes_no_tree_of_folders(shell: Shell, endpoint: FakeEndpoint) -> None:
    ready(shell, endpoint).run("%%codeact\nHello")
    assert is_one_line(shell.run("%codeact save nowhere/at/all.ipynb"), UsageError)
    assert not Path("nowhere").exists()


def test_save_does_not_write_over_what_is_no_session(shell: Shell, endpoint: FakeEndpoint) -> None:
    Path("mine.ipynb").write_text("mine")
    ready(shell, endpoint).run("%%codeact\nHello")
    for file in ("mine.ipynb", "mine", "."):
        assert is_one_line(shell.run(f"%codeact save {file}"), UsageError)
    assert Path("mine.ipynb").read_text() == "mine"


def test_save_tells_where_it_cannot_write(shell: Shell, endpoint: FakeEndpoint) -> None:
    Path("taken").touch()
    ready(shell, endpoint).run("%%codeact\nHello")
    ran = shell.run("%codeact save taken/file.ipynb")
    assert is_one_line(ran, SessionError)
    assert "taken" in ran.line


def test_the_local_model_tells_how_it_stands(shell: Shell) -> None:
    assert "not fetched" in shell.run("%codeact local status").shown
    assert shell.run("%codeact local stop").shown == "The local model's server is not running.\n"
