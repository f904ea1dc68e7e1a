"""The file of a session: its name, what is in it, and whose it is when somebody else writes to it as well."""

from __future__ import annotations

import json
import os
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
from codeact_magic.session import Session, Turn
from codeact_magic.sessions.saving import disk
from codeact_magic.sessions.saving.loading import is_session, load, opened
from codeact_magic.sessions.saving.saver import Saver
from codeact_magic.sessions.saving.session_file import FileState, SessionFile, session_path
from codeact_magic.sessions.saving.to_notebook import to_notebook

from .test_notebook import QUIET, SESSION, STREAM, answer, nothing, saved, step
from .test_saver import run

nbformat: Any = untyped_nbformat

# -- what is in it -----------------------------------------------------------------------------------------------------


def grown(steps: int, outcome: Any = "open", turns: int = 1) -> Session:
    """Return a session that is the same as a shorter one as far as that goes."""
    done = tuple(STEPS[:steps])
    return replace(SESSION, turns=(*SESSION.turns * (turns - 1), Turn("Go on", steps=done, outcome=outcome)))


STEPS = [step(f"print({number})", "Thinking. " * 20, outputs=(STREAM,), execution_count=number) for number in range(40)]


def written(path: Path, *sessions: Session) -> Path:
    """Write sessions one after the other, as a kernel does that is killed then."""
    file = SessionFile(path)
    for session in sessions:
        file.write(session, [])
    return path


@pytest.mark.slow
@settings(QUIET, max_examples=60)
@given(
    states=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["open", "answered"]), st.integers(1, 3)), min_size=1)
)
def test_whatever_is_written_into_a_file_it_is_what_jupyter_would_write(
    states: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.ipynb"
    file = SessionFile(path)
    for size, outcome, turns in states:
        session = grown(size, outcome, turns)
        file.write(session, [])
        assert load(path) == session
        assert path.read_text(encoding="utf-8") == nbformat.writes(to_notebook(session, path.parent.name)) + "\n"
        assert [one.name for one in path.parent.iterdir()] == ["x.ipynb"]


def test_a_journal_that_an_earlier_version_left_is_not_heeded_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    journal = tmp_path / ".x.ipynb.journal"
    journal.write_bytes(b'{"prefix": [0, 0], "before": [0, 0], "tail": [2, 0], "after": ""}\n{}')
    saved(SESSION, path)
    session, loaded = opened(path)
    assert session == SESSION
    assert goes_on(path, loaded, session).path == path
    assert journal.exists()


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
    path = written(tmp_path / "x.ipynb", grown(20), grown(20, turns=2), grown(23, turns=2))
    by_jupyter(path, change)
    assert load(path) == grown(23, turns=2)


def goes_on(path: Path, loaded: FileState, session: Session) -> Saver:
    """Go on with a session that was opened."""
    saver = Saver(path, tell=list[str]().append, loaded=loaded)
    saver.save(continued(session))
    assert saver.flush(30)
    saver.close()
    return saver


def continued(session: Session) -> Session:
    return session.begun(Turn("Go on", steps=(answer("It goes on."),), outcome="answered"))


def test_what_a_killed_writer_left_behind_goes_away_and_what_a_live_one_writes_to_stays(tmp_path: Path) -> None:
    dead, live = (tmp_path / f".codeact-{name}.tmp" for name in ("dead", "live"))
    for path in (dead, live):
        path.write_text("half a session", encoding="utf-8")
    os.utime(dead, (dead.stat().st_mtime - 2 * disk.DRAFT_LIFETIME,) * 2)
    saved(SESSION, tmp_path / "x.ipynb")
    assert {path.name for path in tmp_path.iterdir()} == {"x.ipynb", live.name}


def test_a_draft_that_was_swept_away_meanwhile_costs_one_write_and_not_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "x.ipynb", grown(1))
    file = SessionFile(path)
    sync = os.fsync

    def sweeping(handle: int) -> None:
        sync(handle)
        for draft in tmp_path.glob(".codeact-*.tmp"):
            draft.unlink()

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", sweeping)
        with pytest.raises(FileNotFoundError):
            file.write(grown(2), [])
    assert load(path) == grown(1)
    file.write(grown(2), [])
    assert load(path) == grown(2)


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    target = written(tmp_path / "target.ipynb", grown(1))
    link = tmp_path / "x.ipynb"
    link.symlink_to(target)
    session, loaded = opened(link)
    assert goes_on(link, loaded, session).path == link
    assert not link.is_symlink()
    assert load(link) == continued(grown(1))
    assert load(target) == grown(1)


def test_a_private_file_is_never_open_to_others_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "x.ipynb", grown(1))
    path.chmod(0o600)
    modes: list[int] = []
    sync = os.fsync

    def looking(handle: int) -> None:
        modes.append(os.fstat(handle).st_mode & 0o777)
        sync(handle)

    monkeypatch.setattr(os, "fsync", looking)
    written(path, grown(2))
    assert modes == [0o600]


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


def test_what_another_kernel_writes_after_a_session_was_loaded_is_a_change(tmp_path: Path) -> None:
    theirs = SessionFile(tmp_path / "x.ipynb")
    theirs.write(grown(20), [])
    session, loaded = opened(theirs.path)
    theirs.write(grown(23), [])
    ours = goes_on(theirs.path, loaded, session)
    assert ours.path == tmp_path / "x-2.ipynb"
    assert load(theirs.path) == grown(23)
    assert load(ours.path) == continued(grown(20))


def test_who_has_loaded_what_a_killed_kernel_left_goes_on_in_that_file(tmp_path: Path) -> None:
    path = written(tmp_path / "x.ipynb", grown(20), grown(23))
    session, loaded = opened(path)
    assert goes_on(path, loaded, session).path == path
    assert load(path) == continued(grown(23))
    assert [one.name for one in tmp_path.iterdir()] == ["x.ipynb"]


def test_cells_that_the_user_has_added_are_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "x.ipynb", grown(20), grown(22))
    by_jupyter(path, lambda notebook: notebook.cells.append(nbformat.v4.new_markdown_cell("My notes")))
    theirs = path.read_bytes()
    session, loaded = opened(path)
    assert session == grown(22)
    saver = goes_on(path, loaded, session)
    assert (saver.path, load(saver.path)) == (tmp_path / "x-2.ipynb", continued(session))
    assert path.read_bytes() == theirs
    assert load(path) == session


def test_a_kernel_that_is_busy_with_the_file_is_waited_for_and_then_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    path = written(tmp_path / "x.ipynb", grown(1))
    monkeypatch.setattr(disk, "LOCK_TIMEOUT", 0.05)
    saver = Saver(path, tell=lambda line, *hints: told.append(line))
    with disk.locked(path):
        saver.save(grown(2))
        assert not saver.flush(30)
    assert "another process is busy with the file" in told[0]
    assert load(path) == grown(1)
    saver.save(grown(2))
    assert saver.flush(30)
    saver.close()
    assert load(path) == grown(2)
    assert [one.name for one in tmp_path.iterdir()] == ["x.ipynb"]


def test_a_file_has_one_lock_however_it_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.ipynb", grown(1))
    (tmp_path / "folder").symlink_to(tmp_path)
    monkeypatch.setattr(disk, "LOCK_TIMEOUT", 0.05)
    with disk.locked(path), pytest.raises(OSError, match="busy"), disk.locked(tmp_path / "folder" / "x.ipynb"):
        pass


def test_where_there_is_no_place_for_locks_the_file_is_written_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").touch()
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    assert load(written(tmp_path / "x.ipynb", grown(1))) == grown(1)


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
    session, loaded = opened(path)
    assert goes_on(path, loaded, session).path == path


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
    file = SessionFile(tmp_path / "x.ipynb")
    file.write(grown(20), [])
    file.path.chmod(0o400)
    for size in (21, 22):
        file.write(grown(size), [])
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
    from codeact_magic.sessions.saving.session_file import session_path

    for _ in range(50):
        print(session_path(Path(sys.argv[1]), datetime(2025, 1, 31), "same").name)
"""


def test_two_kernels_never_get_the_same_name(tmp_path: Path) -> None:
    with run(CLAIMS, tmp_path) as one, run(CLAIMS, tmp_path) as other:
        names = [*one.communicate(timeout=60)[0].split(), *other.communicate(timeout=60)[0].split()]
    assert len(set(names)) == 100
    assert {"20250131-000000-same.ipynb", "20250131-000000-same-2.ipynb"} <= set(names)
