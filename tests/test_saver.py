"""The file of a session: nothing half written, nothing lost, nothing of anybody else's touched."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat as untyped_nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeact_magic.errors import SessionError
from codeact_magic.session import Cell, Session, ToolCall, Turn
from codeact_magic.sessions.saving import disk, journal, notebook
from codeact_magic.sessions.saving.notebook import from_notebook, to_notebook
from codeact_magic.sessions.saving.saver import Saver, is_session, load, opened, session_path
from codeact_magic.sessions.saving.sessionfile import SessionFile, State

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
    serialise = notebook.written

    def measured(cells: list[Any]) -> str:
        text = serialise(cells)
        sizes.append(len(text))
        return text

    monkeypatch.setattr(notebook, "written", measured)
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


def test_a_full_disk_leaves_the_last_file_whole_and_loses_nothing_that_the_journal_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    saver = Saver(tmp_path / "x.ipynb", tell=lambda line, *hints: told.append(line))
    saver.save(SESSION)
    assert saver.flush(30)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        saver.save(session_of())
        assert not saver.flush(30)
    assert "No space left on device" in told[0]
    assert {path.name for path in tmp_path.iterdir()} == {"x.ipynb", ".x.ipynb.journal"}
    assert from_notebook(json.loads(saver.path.read_bytes())) == SESSION
    assert load(saver.path) == session_of()
    saver.save(session_of())
    assert saver.flush(30)
    assert [path.name for path in tmp_path.iterdir()] == ["x.ipynb"]
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

    saver = Saver(Path(sys.argv[1]), tell=print)
    steps, timeout = (), 30
    while True:
        steps = (*steps, Step(Reply("x" * 50_000), "x" * 50_000))[-20:]
        saver.save(Session("s", turns=(Turn("Go on", steps=steps),)))
        saver.flush(timeout)
        print("saving", flush=True)
        timeout = 0.001
"""


@pytest.mark.slow
def test_a_kernel_that_is_killed_while_it_saves_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    for more in (50, 57, 65):
        with run(ENDLESS, path) as process:
            assert process.stdout
            for _ in range(more):
                assert process.stdout.readline() == "saving\n"
            process.kill()
            process.wait(30)
        assert load(path).turns[0].prompt == "Go on"


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


def test_a_kernel_that_is_killed_in_the_middle_of_a_write_leaves_the_file_before_and_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    with run(HALFWAY, path) as process:
        assert process.stdout
        assert process.stdout.readline() == "halfway\n"
        process.kill()
        process.wait(30)
    assert from_notebook(json.loads(path.read_bytes())) == Session("s", home="first")
    assert load(path) == Session("s", home="second")
    assert saved(SESSION, path) == path
    assert load(path) == SESSION


# -- the journal -------------------------------------------------------------------------------------------------------


def grown(steps: int, outcome: Any = "open", turns: int = 1) -> Session:
    """Return a session that is the same as a shorter one as far as that goes."""
    done = tuple(STEPS[:steps])
    return replace(SESSION, turns=(*SESSION.turns * (turns - 1), Turn("Go on", steps=done, outcome=outcome)))


STEPS = [step(f"print({number})", "Thinking. " * 20, outputs=(STREAM,), execution_count=number) for number in range(40)]


def written(file: SessionFile, session: Session) -> None:
    """Write a session as the thread of a Saver does."""
    if not file.note(session, []):
        file.bring_up(session, [])


@pytest.mark.slow
@settings(QUIET, max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=2, max_size=5),
    kill=st.sampled_from(["journal", "file", "cut off"]),
    place=st.floats(0, 1),
)
def test_a_kill_at_any_byte_of_a_write_loses_nothing_that_was_written_before(
    sizes: list[int], kill: str, place: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("killed") / "x.ipynb"
    file = SessionFile(path, None)
    *earlier, last = [grown(size) for size in sizes]
    for session in earlier:
        written(file, session)
    before = path.read_bytes()
    assert not file.note(last, [])
    noted = journal.path_of(path).read_bytes()
    file.bring_up(last, [])
    after = path.read_bytes()
    cut = round(place * (len(noted) if kill == "journal" else len(after)))
    torn = {"journal": before, "file": after[:cut] + before[cut:], "cut off": before[:cut]}[kill]
    path.write_bytes(torn)
    journal.path_of(path).write_bytes(noted[:cut] if kill == "journal" else noted)
    if kill == "cut off" and cut < len(before) and load_or_none(path) is None:
        return  # nothing that we do cuts a file off
    assert load(path) == last or (kill == "journal" and cut < len(noted) and load(path) == earlier[-1])


def load_or_none(path: Path) -> Session | None:
    try:
        return load(path)
    except SessionError:
        return None


@pytest.mark.slow
@settings(QUIET, max_examples=60)
@given(
    states=st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(["open", "answered"]), st.integers(1, 3), st.booleans())
    )
)
def test_whatever_is_written_into_a_file_it_is_what_jupyter_would_write(
    states: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.ipynb"
    file = SessionFile(path, None)
    for size, outcome, turns, bring_up in states:
        session = grown(size, outcome, turns)
        in_file = file.note(session, [])
        if not in_file and bring_up:
            file.bring_up(session, [])
        assert load(path) == session
        if in_file or bring_up:
            assert path.read_text(encoding="utf-8") == nbformat.writes(to_notebook(session, path.parent.name)) + "\n"
            assert [one.name for one in path.parent.iterdir()] == ["x.ipynb"]


def test_a_step_writes_what_it_adds_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written_now: list[int] = []
    append = journal.append

    def counted(path: Path, record: journal.Record) -> None:
        written_now.append(len(record.tail))
        append(path, record)

    monkeypatch.setattr(journal, "append", counted)
    file = SessionFile(tmp_path / "x.ipynb", None)
    for size in range(40):
        written(file, grown(size, turns=3))
    assert max(written_now[-20:]) <= min(written_now[-20:]) + 20


@pytest.mark.parametrize(
    "scrap",
    [
        b"",
        b"{",
        b"null\n",
        b"[]\n",
        b'{"prefix": [0, 0], "before": [0, 0], "tail": ["x", 0]}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_forged_journal_is_not_heeded(scrap: bytes, tmp_path: Path) -> None:
    path = saved(SESSION, tmp_path / "x.ipynb")
    journal.path_of(path).write_bytes(scrap)
    assert load(path) == SESSION


def killed(path: Path, *sessions: Session) -> Path:
    """Write sessions as a kernel does that is killed before the last one is in the file."""
    file = SessionFile(path, None)
    *earlier, last = sessions
    for session in earlier:
        written(file, session)
    assert not file.note(last, [])
    return path


def by_jupyter(path: Path, change: Callable[[Any], object]) -> None:
    """Change a notebook and save it, as Jupyter does."""
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


@pytest.mark.parametrize(
    "change",
    [
        lambda notebook: notebook.metadata.update(somebody="was here"),
        lambda notebook: notebook.cells[0].metadata.update(collapsed=True),
        lambda notebook: notebook.cells[-1].metadata.update(collapsed=True),
        lambda notebook: notebook.cells.insert(0, nbformat.v4.new_markdown_cell("Mine")),
        lambda notebook: notebook.cells.append(nbformat.v4.new_code_cell("mine()")),
    ],
    ids=["metadata", "first cell", "last cell", "new first cell", "new last cell"],
)
def test_what_a_killed_kernel_did_last_is_not_lost_when_jupyter_saves_the_file(
    change: Callable[[Any], object], tmp_path: Path
) -> None:
    told: list[str] = []
    path = killed(tmp_path / "x.ipynb", grown(20), grown(20, turns=2), grown(23, turns=2))
    by_jupyter(path, change)
    assert opened(path, told.append)[0] == grown(23, turns=2)
    assert not told


def test_a_journal_whose_place_in_the_file_is_gone_is_told_of_and_left_alone(tmp_path: Path) -> None:
    told: list[str] = []
    path = killed(tmp_path / "x.ipynb", grown(20), grown(21))
    noted = journal.path_of(path).read_bytes()
    by_jupyter(path, lambda notebook: notebook.cells.__delitem__(slice(-2, None)))
    theirs = path.read_bytes()
    session, state = opened(path, told.append)
    assert session == grown(19)
    assert len(told) == 1 and ".x.ipynb.journal" in told[0] and told[0].isprintable()
    saver = goes_on(path, state, session)
    assert (path.read_bytes(), journal.path_of(path).read_bytes()) == (theirs, noted)
    assert load(saver.path) == continued(session)


def goes_on(path: Path, state: State, session: Session) -> Saver:
    """Go on with a session that was opened."""
    saver = Saver(path, tell=list[str]().append, stamp=state)
    saver.save(continued(session))
    assert saver.flush(30)
    saver.close()
    return saver


def continued(session: Session) -> Session:
    return session.begun(Turn("Go on", steps=(answer("It goes on."),), outcome="answered"))


def test_a_journal_that_has_nothing_more_than_the_file_is_not_heeded(tmp_path: Path) -> None:
    path = killed(tmp_path / "x.ipynb", grown(20), grown(21))
    noted = journal.path_of(path).read_bytes()
    written(SessionFile(path, None), grown(25))
    journal.path_of(path).write_bytes(noted)
    session, state = opened(path, pytest.fail)
    assert session == grown(25)
    assert goes_on(path, state, session).path == path
    assert [one.name for one in tmp_path.iterdir()] == ["x.ipynb"]


def test_a_journal_of_another_session_is_not_heeded(tmp_path: Path) -> None:
    path = saved(SESSION, tmp_path / "x.ipynb")
    other = saved(replace(grown(20, turns=3), id="another"), tmp_path / "y.ipynb")
    for before in (journal.NOTHING.plus(path.read_bytes()), journal.Sum(1, 1)):
        record = journal.Record(journal.NOTHING, before, other.read_bytes())
        journal.path_of(path).write_bytes(record.encoded())
        assert load(path) == SESSION


def test_what_a_killed_writer_left_behind_goes_away_and_what_a_live_one_writes_to_stays(tmp_path: Path) -> None:
    dead, live, new = (tmp_path / f".codeact-{name}.tmp" for name in ("dead", "live", "new"))
    for path in (dead, live, new):
        path.write_text("half a session", encoding="utf-8")
    for path in (dead, live):
        os.utime(path, (path.stat().st_mtime - 2 * disk.DEAD,) * 2)
    with disk.locked(live):
        saved(SESSION, tmp_path / "x.ipynb")
    assert {path.name for path in tmp_path.iterdir()} == {"x.ipynb", live.name, new.name}


# -- somebody else at the file -----------------------------------------------------------------------------------------


def test_a_file_that_somebody_else_changed_is_left_alone_and_the_user_told_once(tmp_path: Path) -> None:
    told = list[str]()
    saver = Saver(tmp_path / "x.ipynb", tell=lambda line, *hints: told.append(line))
    saver.save(SESSION)
    assert saver.flush(30)
    theirs = saver.path.read_text(encoding="utf-8").replace("How many?", "How much?")
    saver.path.write_text(theirs, encoding="utf-8")
    for count in (1, 2):
        saver.save(SESSION.begun(Turn("Go on", steps=(answer("x"),) * count)))
        assert saver.flush(30)
    saver.close()
    assert (tmp_path / "x.ipynb").read_text(encoding="utf-8") == theirs
    assert saver.path == tmp_path / "x-2.ipynb"
    assert len(load(saver.path).turns[-1].steps) == 2
    assert len(told) == 1
    assert "x.ipynb was changed" in told[0] and "x-2.ipynb" in told[0] and told[0].isprintable()


def test_what_a_killed_kernel_left_in_the_journal_is_a_change_as_well(tmp_path: Path) -> None:
    theirs = SessionFile(tmp_path / "x.ipynb", None)
    written(theirs, grown(20))
    session, state = opened(theirs.path)
    ours = Saver(theirs.path, tell=list[str]().append, stamp=state)
    assert not theirs.note(grown(23), [])
    ours.save(continued(session))
    assert ours.flush(30)
    ours.close()
    assert ours.path == tmp_path / "x-2.ipynb"
    assert load(theirs.path) == grown(23)
    assert load(ours.path) == continued(grown(20))


def test_a_journal_that_grows_after_a_session_was_opened_is_a_change(tmp_path: Path) -> None:
    theirs = SessionFile(tmp_path / "x.ipynb", None)
    written(theirs, grown(20))
    assert not theirs.note(grown(21), [])
    session, state = opened(theirs.path)
    assert session == grown(21)
    assert not theirs.note(grown(23), [])
    assert goes_on(theirs.path, state, session).path == tmp_path / "x-2.ipynb"
    assert load(theirs.path) == grown(23)


def test_who_has_loaded_what_a_killed_kernel_left_goes_on_in_that_file(tmp_path: Path) -> None:
    path = killed(tmp_path / "x.ipynb", grown(20), grown(23))
    session, state = opened(path)
    assert goes_on(path, state, session).path == path
    assert load(path) == continued(grown(23))
    assert [one.name for one in tmp_path.iterdir()] == ["x.ipynb"]


def test_a_journal_that_somebody_has_removed_is_no_reason_to_go_elsewhere(tmp_path: Path) -> None:
    file = SessionFile(tmp_path / "x.ipynb", None)
    written(file, grown(20))
    for size in (21, 22):
        assert not file.note(grown(size), [])
        journal.remove(file.path)
        written(file, grown(size))
    assert load(tmp_path / "x.ipynb") == grown(22)
    assert [one.name for one in tmp_path.iterdir()] == ["x.ipynb"]


@pytest.mark.parametrize("crashed", [False, True], ids=["ended", "killed"])
def test_cells_that_the_user_has_added_are_left_alone(crashed: bool, tmp_path: Path) -> None:
    file = SessionFile(tmp_path / "x.ipynb", None)
    written(file, grown(20))
    if crashed:
        assert not file.note(grown(22), [])
    by_jupyter(file.path, lambda notebook: notebook.cells.append(nbformat.v4.new_markdown_cell("My notes")))
    theirs = file.path.read_bytes()
    session, state = opened(file.path)
    assert session == grown(22 if crashed else 20)
    saver = goes_on(file.path, state, session)
    assert (saver.path, load(saver.path)) == (tmp_path / "x-2.ipynb", continued(session))
    assert file.path.read_bytes() == theirs
    assert load(file.path) == session


@pytest.mark.parametrize("source", [None, 5, {}, [], [5], [None]], ids=str)
def test_a_broken_cell_of_somebody_else_is_no_trouble(source: Any, tmp_path: Path) -> None:
    path = saved(SESSION, tmp_path / "x.ipynb")
    whole = json.loads(path.read_bytes())
    whole["cells"] += [{"metadata": {}}, {"metadata": {}, "source": source}]
    path.write_text(json.dumps(whole), encoding="utf-8")
    assert load(path) == SESSION


def test_an_empty_cell_that_jupyter_has_added_is_no_reason_to_go_elsewhere(tmp_path: Path) -> None:
    path = saved(SESSION, tmp_path / "x.ipynb")
    by_jupyter(path, lambda notebook: notebook.cells.append(nbformat.v4.new_code_cell("\n")))
    session, state = opened(path)
    assert goes_on(path, state, session).path == path


def test_a_file_that_was_only_touched_is_still_ours(tmp_path: Path) -> None:
    saver = Saver(tmp_path / "x.ipynb", tell=nothing)
    saver.save(SESSION)
    assert saver.flush(30)
    content = saver.path.read_bytes()
    saver.path.unlink()
    saver.path.write_bytes(content)
    longer = SESSION.begun(Turn("Go on"))
    saver.save(longer)
    assert saver.flush(30)
    saver.close()
    assert load(tmp_path / "x.ipynb") == longer


@pytest.mark.parametrize("folder", [False, True], ids=["the file", "its folder"])
def test_what_was_deleted_is_written_anew(folder: bool, tmp_path: Path) -> None:
    saver = Saver(tmp_path / "kept" / "x.ipynb", tell=nothing)
    saver.save(SESSION)
    assert saver.flush(30)
    saver.path.unlink()
    if folder:
        saver.path.parent.rmdir()
    longer = SESSION.begun(Turn("Go on"))
    saver.save(longer)
    assert saver.flush(30)
    saver.close()
    assert load(tmp_path / "kept" / "x.ipynb") == longer


def test_a_file_that_was_made_read_only_is_written_all_the_same(tmp_path: Path) -> None:
    file = SessionFile(tmp_path / "x.ipynb", None)
    written(file, grown(20))
    file.path.chmod(0o400)
    for size in (21, 22):
        written(file, grown(size))
    assert load(file.path) == grown(22)
    assert file.path.stat().st_mode & 0o777 == 0o400


BUSY = """
    import sys
    from pathlib import Path
    from codeact_magic.sessions.threads import Threads
    from codeact_magic.options import Options
    from codeact_magic.session import Reply, Step, Turn

    conversation = Threads(tuple, lambda line: None).adopt(Options(save_folder="x"), Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(30):
        answer = f"{sys.argv[2]} {number}"
        turn = Turn(answer, steps=(Step(Reply(answer * 100), answer * 100),), outcome="answered")
        conversation.keep(conversation.session.begun(turn))
        assert conversation.saved(30)
    print(conversation.path)
"""


@pytest.mark.slow
def test_kernels_that_go_on_with_the_same_file_at_once_each_have_a_whole_session(tmp_path: Path) -> None:
    path = saved(SESSION, tmp_path / "x.ipynb")
    names = ["one", "two", "three"]
    kernels = [run(BUSY, path, name) for name in names]
    for kernel in kernels:
        assert kernel.stdout and kernel.stdout.readline() == "ready\n"
    files = [Path(kernel.communicate("go\n", timeout=60)[0].strip()) for kernel in kernels]
    assert len(set(files)) == 3
    for file, name in zip(files, names, strict=True):
        assert [turn.prompt for turn in load(file).turns[1:]] == [f"{name} {number}" for number in range(30)]


# -- files that are no sessions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("begins", [b"", b'{\n "cells": [\n'], ids=["nothing", "a notebook"])
@pytest.mark.slow
def test_a_huge_file_that_is_no_session_is_not_read_into_memory(begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / "huge.ipynb"
    with path.open("wb") as file:
        file.write(begins)
        file.truncate(300_000_000)
    tracemalloc.start()
    with pytest.raises(SessionError, match="holds no codeact session"):
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
    assert not is_session(path)


@given(behind=st.integers(0, 3000) | st.integers((1 << 20) - 200, (1 << 20) + 2000))
def test_a_session_is_known_for_one_wherever_its_metadata_are(
    behind: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("known") / "x.ipynb"
    whole = to_notebook(SESSION)
    whole.metadata["widgets"] = "x" * behind
    nbformat.write(whole, path)
    assert is_session(path)
    path.write_text(path.read_text(encoding="utf-8").replace('"codeact"', '"codeacts"'), encoding="utf-8")
    assert not is_session(path)


def test_a_session_of_which_only_a_journal_is_there_is_known_for_one(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.touch()
    assert not is_session(path)
    assert not SessionFile(path, None).note(SESSION, [])
    assert is_session(path)
    assert load(path) == SESSION


# -- names of files ----------------------------------------------------------------------------------------------------

STARTED = datetime(2025, 1, 31, 12, 30, 5)


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Plot the sales, by month!", "plot-the-sales-by-month"),
        ("Café Übung", "cafe-ubung"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\\b\n\0c:d", "a-b-c-d"),
        ("CON", "con"),
        ("🎉🎉", "session"),
        ("日本", "session"),
        (" . ", "session"),
        ("", "session"),
        ("word " * 100, "word-word-word-word-word-word-word-word"),
        ("x" * 100, "x" * 40),
    ],
)
def test_a_session_is_named_after_its_prompt(prompt: str, name: str, tmp_path: Path) -> None:
    path = session_path(tmp_path / "new", STARTED, prompt)
    assert path == tmp_path / "new" / f"20250131-123005-{name}.ipynb"
    assert path.exists()


@given(prompt=st.text())
def test_every_prompt_gives_a_safe_name(prompt: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("names")
    path = session_path(folder, STARTED, prompt)
    assert path.parent == folder
    assert path.name.isascii()
    assert len(path.name) <= 64


def test_a_name_that_was_only_claimed_says_so_when_it_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="the file is empty: its session ended before anything was saved"):
        load(session_path(tmp_path, STARTED, "x"))


def test_a_folder_that_cannot_be_written_gives_a_name_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    path = session_path(tmp_path / "file", STARTED, "x")
    assert path == tmp_path / "file" / "20250131-123005-x.ipynb"


CLAIMS = """
    import sys
    from datetime import datetime
    from pathlib import Path
    from codeact_magic.sessions.saving.saver import session_path

    for _ in range(50):
        print(session_path(Path(sys.argv[1]), datetime(2025, 1, 31), "same").name)
"""


def test_two_kernels_never_get_the_same_name(tmp_path: Path) -> None:
    with run(CLAIMS, tmp_path) as one, run(CLAIMS, tmp_path) as other:
        names = [*one.communicate(timeout=60)[0].split(), *other.communicate(timeout=60)[0].split()]
    assert len(set(names)) == 100
    assert {"20250131-000000-same.ipynb", "20250131-000000-same-2.ipynb"} <= set(names)
