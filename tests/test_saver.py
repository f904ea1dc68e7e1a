"""The file of a session: nothing half written, nothing lost, nothing of anybody else's touched."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat as untyped_nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeact_magic.errors import SessionError
from codeact_magic.session import Cell, Session, ToolCall, Turn
from codeact_magic.sessions.saving import disk, encoding
from codeact_magic.sessions.saving.loading import load
from codeact_magic.sessions.saving.saver import Saver
from codeact_magic.sessions.saving.to_notebook import to_notebook

from .test_notebook import QUIET, SESSION, SESSIONS, STREAM, TEXTS, answer, nothing, saved, session_of, step

nbformat: Any = untyped_nbformat

# -- saving ------------------------------------------------------------------------------------------------------------


def test_saving_returns_at_once_and_writes_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, gate, writes = threading.Event(), threading.Event(), []
    sync = os.fsync

    def slow(handle: int) -> None:
        writes.append(handle)
        entered.set()
        assert gate.wait(30)
        sync(handle)

    monkeypatch.setattr(disk, "sync_folder", lambda folder: None)
    monkeypatch.setattr(os, "fsync", slow)
    saver = Saver(tmp_path / "new" / "deep" / "x.ipynb", tell=nothing)
    saver.save(session_of())
    assert entered.wait(30)
    for count in range(1, 6):
        saver.save(session_of(*[answer("x")] * count))
    assert not saver.flush(0.01)
    gate.set()
    assert saver.flush(30)
    assert load(saver.path) == session_of(*[answer("x")] * 5)
    assert len(writes) == 2
    saver.close()


def test_a_saver_that_was_closed_has_everything_on_disk_and_can_begin_again(tmp_path: Path) -> None:
    saver = Saver(tmp_path / "x.ipynb", tell=nothing)
    saver.close()
    for session in (SESSION, session_of()):
        saver.save(session)
        saver.close()
        for thread in threading.enumerate():
            if thread.name == "codeact-saver":
                thread.join(30)
        assert load(saver.path) == session


class Counting(dict[str, Any]):
    """An output that counts how often it is looked through."""

    looks = 0

    def items(self) -> Any:
        Counting.looks += 1
        return super().items()


def test_each_save_serialises_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    encode = encoding.encoded

    def measured(cells: list[Any]) -> bytes:
        data = encode(cells)
        sizes.append(len(data))
        return data

    monkeypatch.setattr("codeact_magic.sessions.saving.session_file.encoded", measured)
    saver = Saver(tmp_path / "x.ipynb", tell=nothing)
    session, per_save, looks = session_of(outcome="open"), [], []
    for number in range(40):
        done = step(f"print({number})", outputs=(Counting(STREAM, text="x" * 10_000),))
        session = session.updated(replace(session.turns[-1], steps=(*session.turns[-1].steps, done)))
        sizes.clear()
        Counting.looks = 0
        saver.save(session)
        assert saver.flush(30)
        per_save.append(sum(sizes))
        looks.append(Counting.looks)
    saver.close()
    assert load(saver.path) == session
    assert max(per_save[1:]) <= min(per_save[1:]) + 100  # the cells' numbers get longer
    assert set(looks) == {1}


def test_a_step_that_is_taken_back_or_becomes_the_answer_is_written_anew(tmp_path: Path) -> None:
    saver = Saver(tmp_path / "x.ipynb", tell=nothing)
    first, second, last = step("1"), step("2"), answer("Done.")
    for session in [
        session_of(first, second, outcome="open"),
        session_of(first, last, outcome="open"),
        session_of(first, last, note="Cut."),
        session_of(first),
        Session("other", home="..", turns=(Turn("x"), *session_of(first, last).turns)),
    ]:
        saver.save(session)
        assert saver.flush(30)
        assert load(saver.path) == session
        text = nbformat.writes(to_notebook(session, tmp_path.name)) + "\n"
        assert saver.path.read_text(encoding="utf-8") == text
    saver.close()


KEYS = ["sk-secret-123456", 'odd"key\\with ümlaut', "sk-secret-123456789"]


@pytest.mark.parametrize("key", KEYS)
def test_no_key_reaches_the_file(key: str, tmp_path: Path) -> None:
    call = ToolCall("c1", "python", json.dumps({"code": f"key = {key!r}"}))
    data = {"text/plain": key, "application/json": {key: [key, json.dumps(key)]}}
    shown = {"output_type": "display_data", "data": data, "metadata": {key: key}}
    leaky = step(f"key = {key!r}", f"The key is {key}.", outputs=(shown, {**STREAM, "text": f"a\n{key}\nb"}))
    leaky = replace(leaky, reply=replace(leaky.reply, tool_calls=(call,), reasoning=key), observation_message=key)
    session = session_of(leaky, note=key, context=key, cells=(Cell(key),), endpoint=f"http://x/?key={key}")
    path = saved(replace(session, home=key, thread=key), tmp_path / "x.ipynb", secrets=lambda: [f"{key}\n", *KEYS])
    text = path.read_text(encoding="utf-8")
    assert not any(form in text for form in (key, json.dumps(key)[1:-1], json.dumps(json.dumps(key))[3:-3]))
    assert load(path).turns[0].endpoint == "http://x/?key=***"


@settings(QUIET, max_examples=50)
@given(session=SESSIONS, secrets=st.lists(TEXTS | st.sampled_from(["codeact", "stream", "metadata", "answered"])))
def test_a_file_can_be_loaded_whatever_the_secrets_are(
    session: Session, secrets: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = saved(session, tmp_path_factory.mktemp("masked") / "x.ipynb", secrets=lambda: secrets)
    assert len(load(path).turns) == len(session.turns)


def test_a_key_that_is_set_later_is_masked_in_what_was_written_before(tmp_path: Path) -> None:
    keys: list[str] = []
    saver = Saver(tmp_path / "x.ipynb", secrets=lambda: keys, tell=nothing)
    saver.save(session_of(answer("sk-secret-123456")))
    assert saver.flush(30)
    keys.append("sk-secret-123456")
    saver.save(session_of(answer("sk-secret-123456")))
    assert saver.flush(30)
    saver.close()
    assert load(saver.path).turns[0].answer == "***"


def test_a_folder_that_cannot_be_written_is_told_once_until_a_save_succeeds(tmp_path: Path) -> None:
    folder, told = tmp_path / "folder", list[str]()
    folder.write_text("in the way", encoding="utf-8")
    saver = Saver(folder / "x.ipynb", tell=lambda line, *hints: told.append(line))
    for _ in range(3):
        saver.save(SESSION)
        assert not saver.flush(30)
    assert len(told) == 1
    assert told[0].isprintable()
    assert saver.failure == told[0]
    folder.unlink()
    saver.save(SESSION)
    assert saver.flush(30)
    assert not saver.failure
    assert load(saver.path) == SESSION
    (folder / "x.ipynb").unlink()
    folder.rmdir()
    folder.write_text("again", encoding="utf-8")
    saver.save(SESSION)
    assert not saver.flush(30)
    assert len(told) == 2
    saver.close()


@pytest.mark.parametrize("stage", ["os.fsync", "pathlib.Path.replace"])
def test_a_full_disk_leaves_the_last_file_whole(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    saver = Saver(tmp_path / "x.ipynb", tell=lambda line, *hints: told.append(line))
    saver.save(SESSION)
    assert saver.flush(30)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(stage, full)
        saver.save(session_of())
        assert not saver.written(30)
        assert not saver.flush(30)
    assert "No space left on device" in told[0]
    assert [path.name for path in tmp_path.iterdir()] == ["x.ipynb"]
    assert load(saver.path) == SESSION
    saver.save(session_of())
    assert saver.flush(30)
    assert [path.name for path in tmp_path.iterdir()] == ["x.ipynb"]
    assert load(saver.path) == session_of()
    saver.close()


def test_what_cannot_be_told_about_a_secret_is_a_failure_not_the_end_of_the_thread(tmp_path: Path) -> None:
    told: list[str] = []
    answers = iter([[], 5, []])  # 5: not a list of texts
    saver = Saver(tmp_path / "x.ipynb", secrets=lambda: next(answers), tell=lambda line, *hints: told.append(line))  # type: ignore[arg-type]
    saver.save(SESSION)
    assert saver.flush(30)
    saver.save(session_of())
    assert not saver.flush(30)
    saver.save(session_of())
    assert saver.flush(30)
    saver.close()
    assert len(told) == 1
    assert load(saver.path) == session_of()


def test_the_file_stays_where_it_began_when_the_user_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saver = Saver(Path("kept") / "x.ipynb", tell=nothing)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    saver.save(SESSION)
    assert saver.flush(30)
    saver.close()
    assert load(tmp_path / "kept" / "x.ipynb") == SESSION


def test_a_working_directory_that_is_gone_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SessionError, match=r"x\.ipynb .* working directory, was deleted"):
        Saver(Path("x.ipynb"), tell=nothing)
    with pytest.raises(SessionError, match="cannot be read"):
        load(Path("x.ipynb"))
    assert disk.absolute(tmp_path / "x.ipynb") == tmp_path / "x.ipynb"


def test_a_new_file_is_the_users_alone(tmp_path: Path) -> None:
    assert saved(SESSION, tmp_path / "x.ipynb").stat().st_mode & 0o777 == 0o600


def test_a_session_is_saved_even_if_no_thread_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert load(saved(SESSION, tmp_path / "x.ipynb")) == SESSION


def test_a_failure_is_told_once_and_before_the_end_of_the_turn(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "file").touch()
    saver = Saver(tmp_path / "file" / "x.ipynb", tell=lambda line, *hints: told.append(line))
    saver.save(SESSION)
    saver.written(5.0)
    saver.tell()
    saver.flush(5.0)
    assert len(told) == 1 and told[0].startswith("The session could not be saved")


def test_a_file_that_the_user_made_private_stays_private(tmp_path: Path) -> None:
    path = saved(SESSION, tmp_path / "x.ipynb")
    path.chmod(0o600)
    mode = path.stat().st_mode
    assert saved(SESSION, path).stat().st_mode == mode


def run(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


ENDLESS = """
    import sys
    from pathlib import Path
    from codeact_magic.sessions.saving.saver import Saver
    from codeact_magic.session import Reply, Session, Step, Turn

    saver = Saver(Path(sys.argv[1]), tell=print, limit=100_000)
    number = 0
    while True:
        number += 1
        steps = tuple(Step(Reply("x" * 50_000), "x" * 50_000) for _ in range(number % 20))
        session = Session("s", turns=(Turn(f"Go on {number}", steps=steps),))
        saver.save(session)
        if number % 3 and saver.written(30):
            print(number, flush=True)
"""


@pytest.mark.slow
def test_a_kernel_that_is_killed_while_it_saves_leaves_a_whole_file_with_all_that_was_settled(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    for more in range(50, 60):
        with run(ENDLESS, path) as process:
            assert process.stdout
            for _ in range(more):
                process.stdout.readline()
            process.kill()
            process.wait(30)
            rest = process.stdout.read().splitlines()
        session = load(path)
        saved_number = int(session.turns[0].prompt.removeprefix("Go on "))
        assert saved_number >= max(map(int, rest), default=more)
        assert len(session.turns[0].steps) == saved_number % 20


HALFWAY = """
    import os, sys
    from pathlib import Path
    from codeact_magic.sessions.saving.saver import Saver
    from codeact_magic.session import Session

    saver = Saver(Path(sys.argv[1]), tell=print)
    saver.save(Session("s", home="first"))
    assert saver.flush(30)
    os.fsync = lambda handle: print("halfway", flush=True) or sys.stdin.read()
    saver.save(Session("s", home="second"))
    saver.flush(600)
"""


def test_a_kernel_that_is_killed_in_the_middle_of_a_write_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    with run(HALFWAY, path) as process:
        assert process.stdout
        assert process.stdout.readline() == "halfway\n"
        process.kill()
        process.wait(30)
    assert load(path) == Session("s", home="first")
    assert saved(SESSION, path) == path
    assert load(path) == SESSION
