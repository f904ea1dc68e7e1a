"""The command `codeact`: what it prints where, its exit statuses, and what it makes of files and pipes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from codeact_magic.cli.main import main
from codeact_magic.options import Options
from codeact_magic.sessions.saving.loading import load
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


@pytest.mark.parametrize("prompt", ["1/3", "What is in notes.txt?", "https://example.org/a.txt is down", "Why?"])
def test_what_only_looks_a_little_like_a_file_is_a_prompt(
    prompt: str, endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "run", prompt, "-a", "auto").status == 0
    assert endpoint.requests[0].body["messages"][-1]["content"] == prompt


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\0" * 9, "it is not text"), (b"\xff", ".*codec can't decode.*"), (b" " * 10_000_001, "it is too large .*")],
    ids=["binary", "another encoding", "huge"],
)
def test_a_file_that_holds_no_prompt_is_not_sent(
    content: bytes, why: str, endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    import re

    (folder / "task").write_bytes(content)
    ran = run(capsys, "run", "task", "-a", "auto")
    assert re.fullmatch(f"UsageError: The prompt cannot be read from task: {why}\n", ran.err)
    assert ran.status == 2 and endpoint.requests == []


@pytest.mark.slow
def test_a_working_folder_that_is_gone_is_one_line(
    endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    words = [sys.executable, "-P", "-m", "codeact_magic.cli.main", "run", "go", "-a", "auto"]
    line = ["/bin/sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh", *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "OSError: the folder that this was started in is gone: cd to another one\n"


def test_a_notebook_is_no_prompt(endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "some.ipynb").write_text("{}")
    ran = run(capsys, "run", "some.ipynb", "-a", "auto")
    assert ran.err == "UsageError: some.ipynb is a notebook, not a prompt. Go on with it: codeact chat --session FILE\n"
    assert endpoint.requests == []


def test_a_session_is_written_over_only_where_that_is_asked_for(
    endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert run(capsys, "run", "First", "-a", "auto", "-o", "out").status == 0
    ran = run(capsys, "run", "Second", "-a", "auto", "-o", "out.ipynb")
    assert ran.status == 2 and ran.err.endswith(
        "out.ipynb exists: name another file, or overwrite that session with --force\n"
    )
    assert len(endpoint.requests) == 1 and load(folder / "out.ipynb").turns[0].prompt == "First"
    assert run(capsys, "run", "Second", "-a", "auto", "-o", "out", "--force").status == 0
    assert [turn.prompt for turn in load(folder / "out.ipynb").turns] == ["Second"]
    (folder / "mine.ipynb").write_text("{}")
    ran = run(capsys, "run", "Third", "-a", "auto", "-o", "mine", "--force")
    assert ran.status == 2 and (folder / "mine.ipynb").read_text() == "{}"


@pytest.mark.kernel
def test_a_limit_is_a_status_of_its_own(capsys: pytest.CaptureFixture[str], script: Script) -> None:
    script(code("x = 1"))
    ran = run(capsys, "run", "go", "-a", "auto", "--max-steps", "1")
    assert (ran.status, ran.out) == (3, "")
    assert ran.err.splitlines()[-1] == (
        "LimitReachedError: The turn reached its limit of 1 steps. "
        "Go on with codeact chat --session FILE, or raise the "
        "limit: --max-steps N or CODEACT_MAX_STEPS=N"
    )


def test_an_endpoint_that_fails_is_one_line(capsys: pytest.CaptureFixture[str], script: Script) -> None:
    script(Status(401, "no"))
    ran = run(capsys, "run", "go", "-a", "auto")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1 and ran.err.startswith("EndpointError: ")


def test_a_thread_that_is_too_long_is_one_line_that_names_no_option_of_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeEndpoint(default="Done.", context_limit=10) as endpoint:
        monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
        ran = run(capsys, "run", "word " * 2000, "-a", "auto")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("EndpointError: The conversation is too long for fake-model")
    assert ran.err.endswith(". Send only what the model takes: CODEACT_CONTEXT_TOKENS=N\n")
    assert "--new" not in ran.err


@pytest.mark.kernel
def test_how_to_look_into_what_differs_is_told_in_the_words_of_the_shell(
    capsys: pytest.CaptureFixture[str], script: Script, folder: Path
) -> None:
    script(code("x = 6"), code("print(x)"), "Six.")
    assert run(capsys, "run", "go", "-a", "auto", "-o", "out").status == 0
    path = folder / "out.ipynb"
    path.write_text(path.read_text().replace("print(x)", "print(x + 1)"))
    ran = run(capsys, "verify", "out", "-a", "auto")
    assert ran.status == 1
    assert ran.out.splitlines()[-1] == (
        "To look into action 2, replay what ran before it: /replay FILE --until 1 in codeact chat"
    )


def test_where_nobody_can_be_asked_nothing_is_run(endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "run", "go")
    assert ran.status == 2
    assert ran.err.startswith("UsageError: Nobody can be asked here") and "--approve auto" in ran.err
    assert endpoint.requests == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "codeact: the following arguments are required: COMMAND. codeact --help shows its arguments"),
        (["run", ""], "There is no prompt: codeact run PROMPT, codeact run FILE, or codeact run - < FILE"),
        (["run", "x", "--max-steps", "no"], "--max-steps takes a whole number, 1 or more, not 'no'"),
        (["run", "x", "--approve", "yes"], "--approve takes one of ask, risky, auto, not 'yes'"),
        (["run", "x", "--cwd", "gone"], "--cwd: .*/gone is not a folder."),
        (["run", "x", "--idle", "-1"], "codeact run: argument --idle: '-1' is not a number of minutes. .*"),
        (["run", "x", "--idle", "x"], "codeact run: argument --idle: 'x' is not a number of minutes. .*"),
        (["what is 6 * 7"], "A prompt goes after codeact run: codeact run PROMPT, or type it in codeact chat"),
        (["run", "."], r"\. is a folder: name a file that holds the prompt, or write the prompt"),
        (
            ["run", "nosuch.txt"],
            "There is no file nosuch.txt. If it is the prompt itself: echo nosuch.txt [|] .* run -",
        ),
        (["run", "notes/nosuch"], "There is no file notes/nosuch. .*"),
        (["run", "~/nosuch"], "There is no file ~/nosuch. .*"),
        (["run", "x", "-o", "out.md"], "codeact run: argument -o/--output: 'out.md' is not the name of a notebook .*"),
        (["run", "x", "-o", "gone/out"], "codeact run: argument -o/--output: there is no folder '.*/gone'. .*"),
        (["run", "x", "-a", "auto", "--kernel", "gone"], "There is no kernel 'gone' here; there is: .*"),
        pytest.param(
            ["run", "x", "-a", "auto", "--gateway", "http://127.0.0.1:9"],
            "http://127.0.0.1:9 cannot be reached as a Jupyter server: .*",
            marks=pytest.mark.kernel,
        ),
        (["run", "six", "times"], "codeact run does not take 'times': put words .* in quotes"),
        (["run", "x", "--gateway", "nowhere"], "That is not the address of a Jupyter server. It looks like http://.*"),
        (["chat"], "codeact chat needs a terminal. In a script: codeact run PROMPT"),
        (["verify", "gone"], "There is no session gone. List the sessions: codeact sessions"),
        (
            ["verify", "x", "--tolerance", "-1"],
            "codeact verify: argument --tolerance: '-1' is not a number, 0 or more.*",
        ),
        (["verify", "x", "--tolerance", "nan"], "codeact verify: argument --tolerance: 'nan' is not a number, 0 or.*"),
        (["verify", "."], r"\. is a folder: name the sessions in it, such as its \*\.ipynb"),
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
    assert endpoint.requests == []


def test_a_key_that_was_given_as_an_option_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "run", "x", f"--api-key={KEY}")
    assert ran.err == "UsageError: codeact run has no option --api-key. codeact run --help lists them\n"


@pytest.mark.parametrize("command", ["chat", "run", "verify", "sessions", "export", "import"])
def test_every_command_has_help_in_which_every_option_is_explained(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["help", command])
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
    assert err.splitlines()[-2:] == [
        "saved in out.ipynb",
        "StoppedError: You stopped the agent. Go on with codeact chat --session FILE",
    ]
    (turn,) = load(folder / "out.ipynb").turns
    assert turn.outcome == "stopped"
    assert turn.steps[0].observation and turn.steps[0].observation.status == "interrupted"


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_traceback(folder: Path, endpoint: FakeEndpoint) -> None:
    words = [sys.executable, "-m", "codeact_magic.cli.main", "run", "go", "-a", "auto"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        shown = process.stderr.read()
        assert process.wait(PATIENCE) == 1
    assert "Traceback" not in shown and "BrokenPipe" not in shown


@pytest.mark.kernel
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_told_to_end_takes_its_kernel_along(
    number: signal.Signals, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeEndpoint([code("import os", "print('it runs', os.getpid(), flush=True)", "while True: pass")]) as endpoint:
        monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
        words = [sys.executable, "-m", "codeact_magic.cli.main", "run", "go", "-a", "auto", "-o", "out"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr
            line = ""
            while not line.startswith("it runs"):
                line = process.stderr.readline()
                assert line
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (128 + number, "")
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(int(line.split()[-1]), 0)
    assert load(folder / "out.ipynb").turns[0].steps


@pytest.mark.kernel
def test_a_full_disk_is_one_line(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["sessions"], ["export", "last", "--to", "openai"], ["run", "go", "-a", "auto"]):
        with Path("/dev/full").open("w") as full:
            line = [sys.executable, "-m", "codeact_magic.cli.main", *words]
            done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == "OSError: [Errno 28] No space left on device"
        assert "Traceback" not in done.stderr


def test_a_session_that_was_to_be_saved_and_is_not_is_a_failure(
    endpoint: FakeEndpoint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("codeact_magic.sessions.saving.session_file.SessionFile.write", refuse)
    ran = run(capsys, "run", "go", "-a", "auto", "-o", "out")
    assert (ran.status, ran.out) == (1, "Done.\n")
    assert "could not be saved" in ran.err and "%codeact" not in ran.err
    assert "Have later sessions saved elsewhere: CODEACT_SAVE_FOLDER=FOLDER" in ran.err


@pytest.mark.kernel
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_matter(closed: str, folder: Path, script: Script) -> None:
    script(f"I multiply.\n{code('print(6 * 7)')}", "It is 42.")
    line = f"{sys.executable} -m codeact_magic.cli.main run go -a auto -o out {closed}"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    (turn,) = load(folder / "out.ipynb").turns
    assert turn.answer == "It is 42."


@pytest.mark.slow
def test_stopping_while_it_waits_for_the_endpoint_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEndpoint([Hang()]) as endpoint:
        monkeypatch.setenv("CODEACT_BASE_URL", endpoint.base_url)
        words = [sys.executable, "-m", "codeact_magic.cli.main", "run", "go", "-a", "auto"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            endpoint.wait_for_requests(1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    saved, stopped = err.splitlines()
    assert saved.startswith("saved in codeact-sessions/")
    assert stopped == "StoppedError: You stopped the agent. Go on with codeact chat --session FILE"


# -- saved sessions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(capsys: pytest.CaptureFixture[str], script: Script, folder: Path) -> Path:
    """A session of one action, in the folder of the sessions."""
    script(f"I multiply.\n{code('x = 6 * 7', 'print(x)')}", "It is 42.")
    assert run(capsys, "run", "six times seven", "-a", "auto").status == 0
    (path,) = (folder / "codeact-sessions").glob("*.ipynb")
    return path


@pytest.mark.kernel
def test_sessions_are_listed(saved: Path, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    ran = run(capsys, "sessions")
    assert ran.status == 0
    head, row = ran.out.splitlines()
    assert head.split()[:3] == ["begun", "prompt", "steps"]
    assert "six times seven" in row and saved.name in row
    (folder / "elsewhere").mkdir()
    assert "There is no saved session in elsewhere" in run(capsys, "sessions", "--in", "elsewhere").out
    ran = run(capsys, "sessions", "--in", "gone")
    assert (ran.status, ran.out, ran.err) == (2, "", "UsageError: --in: gone is not a folder\n")


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
    assert "%" not in ran.out + ran.err
    ran = run(capsys, "verify", "gone", "broken.ipynb", str(saved), "-a", "auto")
    assert ran.status == 2
    assert "1 same" in ran.out
    assert [line.split(":")[0] for line in ran.err.splitlines()][:2] == ["UsageError", "SessionError"]


@pytest.mark.kernel
def test_nothing_of_a_session_is_run_unasked(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "verify", "last")
    assert (ran.status, ran.out) == (2, f"codeact-sessions/{saved.name}\n")
    assert "Nobody can be asked here" in ran.err


@pytest.mark.kernel
@pytest.mark.parametrize("layout", ["codeactinstruct", "openai"])
def test_what_is_exported_can_be_imported(
    layout: str, saved: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    ran = run(capsys, "export", "last", "gone", "--to", layout)
    assert ran.status == 1
    assert ran.err == "UsageError: There is no session gone. List the sessions: codeact sessions\n"
    assert len(ran.out.splitlines()) == 1 and json.loads(ran.out)
    assert run(capsys, "export", "last", "--to", layout, "-o", "-").out == ran.out
    ran = run(capsys, "export", "last", "--to", layout, "-o", "out.jsonl")
    assert (ran.status, ran.out, ran.err) == (0, "", "1 session in out.jsonl\n")
    with (folder / "out.jsonl").open("a") as lines:
        lines.write("{broken\n")
    ran = run(capsys, "import", "out.jsonl", "--to", "imported")
    assert ran.status == 1
    assert ran.err.startswith("line 2: this is not JSON") and ran.err.endswith("1 session, 1 line skipped\n")
    (turn,) = load(folder / ran.out.strip()).turns
    assert (turn.prompt, turn.answer) == ("six times seven", "It is 42.")


def conversation(prompt: str = "Say hello.", answer: str = "Hello.") -> str:
    """Return a line of JSON."""
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages}) + "\n"


@pytest.fixture
def imported(capsys: pytest.CaptureFixture[str], folder: Path) -> Path:
    """A session in which nothing ran, in the folder of the sessions."""
    (folder / "in.jsonl").write_text(conversation())
    assert run(capsys, "import", "in.jsonl").status == 0
    (path,) = (folder / "codeact-sessions").glob("*-say-hello.ipynb")
    return path


def test_a_session_in_which_nothing_ran_is_not_verified(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "verify", "last", "-a", "auto")
    assert ran.status == 2
    assert ran.out == (
        f"codeact-sessions/{imported.name}\nNothing ran in this session, so there is nothing to verify.\n"
    )


def test_a_part_of_a_name_does_only_where_somebody_can_be_asked(
    imported: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["verify", "hello"], ["export", "hello", "--to", "openai"]):
        ran = run(capsys, *words)
        assert ran.status > 0 and ran.out == ""
        assert ran.err.startswith("UsageError: There is no session hello.")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert run(capsys, "verify", "hello", "-a", "auto").out == ""
    assert imported.name in run(capsys, "verify", "hello").out
    assert run(capsys, "export", "hello", "--to", "openai").status == 0


def test_an_empty_file_of_the_users_is_not_said_to_be_a_session(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "e.txt").touch()
    ran = run(capsys, "verify", "e.txt", "-a", "auto")
    assert (ran.status, ran.err) == (2, "SessionError: e.txt is empty: it is not a saved session\n")


@pytest.mark.parametrize("name", ["self.ipynb", "new.ipynb", "alias.jsonl", "notes.txt", "data.json", "."])
def test_an_export_writes_over_nothing_but_an_export(
    name: str, imported: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    before = imported.read_bytes()
    (folder / "self.ipynb").write_bytes(before)
    (folder / "alias.jsonl").hardlink_to(folder / "self.ipynb")
    (folder / "notes.txt").write_text("mine")
    (folder / "data.json").write_text('{"mine": 1}\n')
    held = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ran = run(capsys, "export", "self.ipynb", "--to", "openai", "-o", name)
    assert ran.status == 2 and ran.out == ""
    assert ran.err.startswith(f"UsageError: -o: {name} ") and ran.err.count("\n") == 1
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == held


def test_an_export_that_fails_leaves_the_one_before(
    imported: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert run(capsys, "export", "last", "--to", "openai", "-o", "out.jsonl").status == 0
    before = (folder / "out.jsonl").read_text()
    ran = run(capsys, "export", "gone", "--to", "codeactinstruct", "-o", "out.jsonl")
    assert ran.status == 1
    assert ran.err.endswith("0 sessions could be exported; nothing was written\n")
    assert (folder / "out.jsonl").read_text() == before
    assert run(capsys, "export", "last", "--to", "codeactinstruct", "-o", "out.jsonl").status == 0
    assert "conversations" in json.loads((folder / "out.jsonl").read_text())
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["in.jsonl", "out.jsonl"]


def test_an_export_goes_into_a_device_as_it_is(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "export", "last", "--to", "openai", "-o", os.devnull).status == 0
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("binary", bytes(range(256)) * 200, "binary holds no session as a line of JSON: line 1: this is not JSON .*"),
        ("long", b"{\n" * 1000, "long holds no session as a line of JSON: line 1: this is not JSON .*"),
        ("empty", b"", "empty holds no session as a line of JSON: it is empty"),
        ("some.ipynb", b"{}", "some.ipynb is a notebook; codeact import reads lines of JSON, .*"),
    ],
)
def test_what_holds_no_lines_of_json_is_told_in_one(
    name: str, content: bytes, line: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    import re

    (folder / name).write_bytes(content)
    ran = run(capsys, "import", name)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(f"UsageError: {line}\n", ran.err), ran.err


def test_sessions_are_not_imported_into_a_file(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "in.jsonl").write_text(conversation() * 3)
    ran = run(capsys, "import", "in.jsonl", "--to", "in.jsonl")
    assert (ran.status, ran.err) == (2, "UsageError: --to: in.jsonl is not a folder\n")


def test_broken_lines_before_the_first_session_are_told_of(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "in.jsonl").write_text("{\n[\n" + conversation() + "{\n")
    (folder / "bom.jsonl").write_text("\ufeff" + conversation())
    assert run(capsys, "import", "bom.jsonl").status == 0
    ran = run(capsys, "import", "in.jsonl")
    assert ran.status == 1
    assert [line.partition(":")[0] for line in ran.err.splitlines()] == [
        *("line 1", "line 2", "line 4"),
        "1 session, 3 lines skipped",
    ]


def test_keys_are_neither_imported_nor_exported(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    escaped = conversation(f"Use {KEY}", f"```python\nkey = '{KEY}'\n```").replace("sk-", "\\u0073k-")
    role = json.dumps({"messages": [{"role": KEY, "content": KEY}]})
    (folder / "in.jsonl").write_text(conversation(f"My {KEY}", f"It is {KEY}.") + escaped + role)
    ran = run(capsys, "import", "in.jsonl")
    paths = list((folder / "codeact-sessions").glob("*.ipynb"))
    assert len(paths) == 2
    for text in (ran.out, ran.err, *(path.name for path in paths), *(path.read_text() for path in paths)):
        assert KEY not in text and KEY[:12] not in text
    monkeypatch.delenv("OPENAI_API_KEY")
    (folder / "in.jsonl").write_text(conversation(f"Tell {KEY}", f"It is {KEY}."))
    run(capsys, "import", "in.jsonl", "--to", "leaky")
    (path,) = (folder / "leaky").glob("*.ipynb")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for layout in ("openai", "codeactinstruct"):
        ran = run(capsys, "export", str(path), "--to", layout)
        assert ran.status == 0 and KEY not in ran.out and "Tell ***" in ran.out
