"""The command `codeact`: what it prints where, its exit statuses, and what it makes of files and pipes."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from codeact_magic.cli.main import main
from codeact_magic.options import Options
from codeact_magic.saving.saver import load
from codeact_magic.testing import FakeEndpoint, Hang, Say, Status

from .shells import isolate

PATIENCE = 60.0
KEY = "sk-abcdefghijklmnop"


def code(*lines: str) -> str:
    return "```python\n" + "\n".join(lines) + "\n```"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of the test's own, with nobody to ask."""
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("CODEACT_MODEL", "fake-model")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return tmp_path


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    """An endpoint without a script: whatever it is asked, it is done."""
    with FakeEndpoint(default="Done.") as endpoint:
        monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
        yield endpoint


class Ran:
    """What a command line came to."""

    def __init__(self, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
        capsys.readouterr()
        self.status = main(words)
        self.out, self.err = capsys.readouterr()


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Ran:
    """Carry out `codeact words`."""
    return Ran(words, capsys)


Script = Callable[..., FakeEndpoint]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """What starts an endpoint with a script, which is asked until the test ends."""
    with ExitStack() as stack:

        def start(*replies: str | Say | Status) -> FakeEndpoint:
            endpoint = stack.enter_context(FakeEndpoint(replies, default="Done."))
            monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
            return endpoint

        yield start


# -- one prompt --------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_the_answer_is_on_standard_output_and_the_steps_beside_it(
    capsys: pytest.CaptureFixture[str], script: Script, folder: Path
) -> None:
    script(f"I multiply.\n{code('print(6 * 7)')}", "It is **42**.")
    ran = run(capsys, "run", "six times seven", "--approve", "auto", "-o", "out.ipynb")
    assert (ran.status, ran.out) == (0, "It is **42**.\n")
    assert "I multiply.\n\n  | print(6 * 7)\n\n42\nstep 1 · approved by policy auto · ran" in ran.err
    assert "saved in out.ipynb" in ran.err and "\x1b" not in ran.err
    (turn,) = load(folder / "out.ipynb").turns
    assert (turn.prompt, turn.answer, turn.approve) == ("six times seven", "It is **42**.", "auto")
    assert sorted(path.name for path in folder.iterdir() if path.suffix) == ["out.ipynb"]


def test_without_a_name_the_session_is_saved_as_ever(
    endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert run(capsys, "run", "Hello there", "-a", "auto").out == "Done.\n"
    (path,) = (folder / "codeact-sessions").glob("*.ipynb")
    assert path.name.endswith("-hello-there.ipynb")


def test_the_prompt_may_be_a_file(endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "task.md").write_text("Hello from\na file\n")
    assert run(capsys, "run", "task.md", "-a", "auto").status == 0
    assert endpoint.requests[0].body["messages"][-1]["content"] == "Hello from\na file"


def test_the_prompt_may_come_from_standard_input(
    endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello from a pipe\n"))
    assert run(capsys, "run", "-", "-a", "auto").status == 0
    assert endpoint.requests[0].body["messages"][-1]["content"] == "Hello from a pipe"


@pytest.mark.kernel
def test_a_limit_is_a_status_of_its_own(capsys: pytest.CaptureFixture[str], script: Script) -> None:
    script(code("x = 1"))
    ran = run(capsys, "run", "go", "-a", "auto", "--max-steps", "1")
    assert (ran.status, ran.out) == (3, "")
    assert ran.err.splitlines()[-1] == (
        "LimitReached: The turn reached its limit of 1 steps. Go on with another prompt, or raise the limit: "
        "--max-steps N or CODEACT_MAX_STEPS=N"
    )


def test_an_endpoint_that_fails_is_one_line(capsys: pytest.CaptureFixture[str], script: Script) -> None:
    script(Status(401, "no"))
    ran = run(capsys, "run", "go", "-a", "auto")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1 and ran.err.startswith("EndpointError: ")


def test_where_nobody_can_be_asked_nothing_is_run(endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "run", "go")
    assert ran.status == 2
    assert ran.err.startswith("UsageError: Nobody can be asked here") and "--approve auto" in ran.err
    assert endpoint.requests == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "codeact: the following arguments are required: COMMAND. codeact --help shows what it takes"),
        (["run", ""], "There is no prompt: codeact run PROMPT, codeact run FILE, or codeact run - < FILE"),
        (["run", "x", "--max-steps", "no"], "--max-steps takes a whole number, 1 or more, not 'no'"),
        (["run", "x", "--approve", "yes"], "--approve takes one of ask, risky, auto, not 'yes'"),
        (["run", "x", "--cwd", "gone"], "--cwd: .*/gone is no folder."),
        (["run", "x", "--idle", "-1"], "codeact run: argument --idle: '-1' is no number of minutes. .*"),
        (["run", "six", "times"], "codeact run does not know what to do with 'times': put words .* in quotes"),
        (["run", "x", "--gateway", "nowhere"], "That is no address of a Jupyter server. It looks like http://.*"),
        (["chat"], "codeact chat needs a terminal. In a script: codeact run PROMPT"),
        (["verify", "gone"], "There is no session gone. codeact sessions lists those that there are"),
        (["export", "x", "--to", "xml"], "codeact export: argument --to: invalid choice: 'xml' .*"),
        (["import", "gone.jsonl"], "gone.jsonl cannot be read: No such file or directory"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else None,
)
def test_what_cannot_be_carried_out_is_one_line(
    words: list[str], line: str, endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    ran = run(capsys, *words)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(f"UsageError: {line}\n", ran.err), ran.err


def test_a_key_that_was_given_as_an_option_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "run", "x", f"--api-key={KEY}")
    assert ran.err == "UsageError: codeact run has no option --api-key. codeact run --help lists them\n"


@pytest.mark.parametrize("command", ["chat", "run", "verify", "sessions", "export", "import"])
def test_every_command_has_help_in_which_every_option_is_explained(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: codeact {command}")
    if command in ("chat", "run"):
        flags = [trait.metadata["line"][0] for trait in Options.class_traits(line=lambda flags: bool(flags)).values()]
        assert not [flag for flag in flags if flag not in shown]
    if command == "run":
        assert "130  stopped by you" in shown


@pytest.mark.kernel
def test_the_kernel_runs_in_the_folder_that_was_chosen(
    capsys: pytest.CaptureFixture[str], script: Script, folder: Path
) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "task.txt").write_text("go")
    endpoint = script(code("import os; print(os.getcwd())"))
    assert run(capsys, "run", "task.txt", "-a", "auto", "--cwd", "elsewhere", "-o", "out").status == 0
    assert endpoint.requests[0].body["messages"][-1]["content"] == "go"
    assert endpoint.requests[-1].body["messages"][-1]["content"] == f"Output:\n{folder / 'elsewhere'}"
    assert load(folder / "out.ipynb").home == "elsewhere"


# -- processes ---------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_an_interrupt_ends_it_in_order_with_the_session_saved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEndpoint([code("print('it ' + 'runs', flush=True)", "while True: pass")]) as endpoint:
        monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
        words = [sys.executable, "-m", "codeact_magic.cli.main", "run", "go", "-a", "auto", "-o", "out"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr
            shown = ""
            while "it runs" not in shown:
                line = process.stderr.readline()
                assert line, shown
                shown += line
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "Stopped: You stopped the agent. Go on with another prompt."
    (turn,) = load(folder / "out.ipynb").turns
    assert turn.outcome == "stopped"
    assert turn.steps[0].observation and turn.steps[0].observation.status == "aborted"


def test_a_reader_that_goes_away_is_no_traceback(folder: Path, endpoint: FakeEndpoint) -> None:
    words = [sys.executable, "-m", "codeact_magic.cli.main", "run", "go", "-a", "auto"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        shown = process.stderr.read()
        assert process.wait(PATIENCE) == 1
    assert "Traceback" not in shown and "BrokenPipe" not in shown


def test_stopping_while_it_waits_for_the_endpoint_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEndpoint([Hang()]) as endpoint:
        monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
        words = [sys.executable, "-m", "codeact_magic.cli.main", "run", "go", "-a", "auto"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            endpoint.wait_for_requests(1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert err == "Stopped: You stopped the agent. Go on with another prompt.\n"


# -- saved sessions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(capsys: pytest.CaptureFixture[str], script: Script, folder: Path) -> Path:
    """A session of one action, in the folder of the sessions."""
    script(f"I multiply.\n{code('x = 6 * 7', 'print(x)')}", "It is 42.")
    assert run(capsys, "run", "six times seven", "-a", "auto").status == 0
    (path,) = (folder / "codeact-sessions").glob("*.ipynb")
    return path


@pytest.mark.kernel
def test_sessions_are_listed(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "sessions")
    assert ran.status == 0
    head, row = ran.out.splitlines()
    assert head.split()[:3] == ["begun", "prompt", "steps"]
    assert "six times seven" in row and saved.name in row
    assert "There is no saved session in elsewhere" in run(capsys, "sessions", "--in", "elsewhere").out


@pytest.mark.kernel
def test_a_session_that_does_again_what_it_did_is_verified(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "verify", "last", "-a", "auto")
    assert ran.status == 0
    assert "same" in ran.out


@pytest.mark.kernel
def test_a_session_that_does_otherwise_is_told_of_and_the_others_are_done(
    saved: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    other = folder / "other.ipynb"
    other.write_text(saved.read_text().replace("print(x)", "print(x + 1)"))
    (folder / "broken.ipynb").write_text("{")
    ran = run(capsys, "verify", "other", str(saved), "-a", "auto")
    assert ran.status == 1
    assert ran.out.index("differs") < ran.out.index("1 same")
    ran = run(capsys, "verify", "gone", "broken.ipynb", str(saved), "-a", "auto")
    assert ran.status == 2
    assert "1 same" in ran.out
    assert [line.split(":")[0] for line in ran.err.splitlines()][:2] == ["UsageError", "SessionError"]


@pytest.mark.kernel
def test_nothing_of_a_session_is_run_unasked(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "verify", "last")
    assert (ran.status, ran.out) == (2, "")
    assert "Nobody can be asked here" in ran.err


@pytest.mark.kernel
@pytest.mark.parametrize("layout", ["codeactinstruct", "openai"])
def test_what_is_exported_can_be_imported(
    layout: str, saved: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    ran = run(capsys, "export", "last", "gone", "--to", layout)
    assert ran.status == 1
    assert ran.err == "UsageError: There is no session gone. codeact sessions lists those that there are\n"
    assert len(ran.out.splitlines()) == 1 and json.loads(ran.out)
    ran = run(capsys, "export", "last", "--to", layout, "-o", "out.jsonl")
    assert (ran.status, ran.out, ran.err) == (0, "", "1 session in out.jsonl\n")
    with (folder / "out.jsonl").open("a") as lines:
        lines.write("{broken\n")
    ran = run(capsys, "import", "out.jsonl", "--to", "imported")
    assert ran.status == 1
    assert ran.err.startswith("line 2: this is no JSON") and ran.err.endswith("1 session, 1 line skipped\n")
    (turn,) = load(folder / ran.out.strip()).turns
    assert (turn.prompt, turn.answer) == ("six times seven", "It is 42.")
