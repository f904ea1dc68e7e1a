"""Threads and their files: found by what people type, listed, and gone on with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codeact_magic.errors import SessionError, UsageError
from codeact_magic.hints import RunCommand
from codeact_magic.model.endpoints import secrets
from codeact_magic.options import Options
from codeact_magic.session import Reply, Session, Step, Turn
from codeact_magic.sessions.saving.loading import load
from codeact_magic.sessions.saving.saver import Saver
from codeact_magic.sessions.threads import Thread, Threads, find, saved

from .test_notebook import SESSION, answer, nothing
from .test_notebook import saved as saved_in

KERNELS: list[Threads] = []


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    while KERNELS:
        KERNELS.pop().close()


def conversations(told: list[str] | None = None) -> Threads:
    """Return the conversations of a kernel."""
    kernel = Threads(lambda: ["sk-secret-123456"], nothing if told is None else told.append)
    KERNELS.append(kernel)
    return kernel


def options(**given: object) -> Options:
    return Options(**{"save_folder": "kept", **given})


def file(name: str, session: Session = SESSION, age: int = 0) -> Path:
    """Return a session file in the folder of the sessions, written `age` seconds ago."""
    path = saved_in(session, Path("kept") / f"{name}.ipynb").absolute()
    os.utime(path, (path.stat().st_mtime - age,) * 2)
    return path


def more(conversation: Thread, text: str = "More.") -> Session:
    """Have a conversation go on with another turn, and return what is saved then."""
    conversation.keep(conversation.session.begun(Turn("And now?", steps=(answer(text),), outcome="answered")))
    assert conversation.saved()
    assert conversation.path
    return load(conversation.path)


# -- adopting ----------------------------------------------------------------------------------------------------------


def test_a_loaded_session_is_the_thread_and_goes_on_in_the_same_file() -> None:
    path, threads = file("one"), conversations()
    before = path.read_bytes()
    conversation = threads.adopt(options(thread="second"), path)
    assert threads["second"] is conversation
    assert conversation.session == replace(SESSION, thread="second")
    assert (conversation.path, path.read_bytes()) == (path, before)
    assert more(conversation) == conversation.session
    assert [turn.prompt for turn in load(path).turns] == ["How many?", "And now?"]
    assert list(Path("kept").iterdir()) == [Path("kept/one.ipynb")]


def test_the_conversation_before_keeps_its_file() -> None:
    path, threads = file("one"), conversations()
    before = threads.begin(options(), "Before")
    before.keep(before.session.begun(Turn("Before", outcome="answered")))
    threads.adopt(options(), path)
    assert before.path
    assert [turn.prompt for turn in load(before.path).turns] == ["Before"]


def test_the_file_of_the_thread_itself_can_be_loaded() -> None:
    threads = conversations()
    before = threads.begin(options(), "Before")
    before.keep(before.session.begun(Turn("Before", outcome="answered")))
    assert before.path
    again = threads.adopt(options(), before.path)
    assert again.session == before.session
    assert len(more(again).turns) == 2


def test_a_turn_that_a_crash_left_open_is_closed_as_failed() -> None:
    open_turn = Turn("Go on", steps=(Step(Reply("x = 1"), assistant_message="x = 1", observation_message="Output:"),))
    path, threads = file("one", replace(SESSION, turns=(*SESSION.turns, open_turn))), conversations()
    turns = threads.adopt(options(), path).session.turns
    assert turns[0] == SESSION.turns[0]
    assert turns[1] == replace(open_turn, outcome="failed", note="The kernel ended in the middle of this turn.")
    assert load(path).turns[1] == open_turn  # which is another kernel's turn, maybe


def test_what_is_no_session_leaves_the_thread_as_it_is() -> None:
    threads = conversations()
    before = threads.begin(options(), "Before")
    Path("x.ipynb").write_text("{}", encoding="utf-8")
    with pytest.raises(SessionError, match=r"x\.ipynb: "):
        threads.adopt(options(), Path("x.ipynb"))
    assert threads["main"] is before


def test_where_sessions_are_not_saved_a_loaded_one_is_left_alone() -> None:
    path, threads = file("one"), conversations()
    conversation = threads.adopt(options(save_folder=""), path)
    conversation.keep(conversation.session.begun(Turn("And now?")))
    assert conversation.path is None
    assert load(path) == SESSION


def test_two_kernels_that_go_on_with_one_file_do_not_mix() -> None:
    path, told = file("one"), list[str]()
    one, other = conversations(told).adopt(options(), path), conversations(told).adopt(options(), path)
    assert [turn.prompt for turn in more(one, "One.").turns] == ["How many?", "And now?"]
    assert more(other, "Other.").turns[-1].answer == "Other."
    assert more(one, "One again.").turns[-1].answer == "One again."
    assert load(path) == one.session
    assert other.path == path.with_name("one-2.ipynb")
    assert load(other.path) == other.session
    assert told == [
        "one.ipynb was changed elsewhere and stays as it is now: this session goes on in one-2.ipynb beside it."
    ]


def test_the_kernel_that_had_the_file_first_gives_way_to_the_one_that_writes_to_it() -> None:
    told = list[str]()
    first = conversations(told).begin(options(), "First")
    more(first)
    assert first.path
    path = first.path
    taker = conversations().adopt(options(), path)
    more(taker, "Taken.")
    more(first, "Still here.")
    assert load(path) == taker.session
    assert first.path != path
    assert load(first.path) == first.session
    assert len(told) == 1


# -- finding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["kept/one.ipynb", "kept/one", "one", "one.ipynb", "./kept/one", "last", "ONE"])
def test_a_session_is_found_by_its_path_and_by_its_name(typed: str, here: Path) -> None:
    file("zero", age=100)
    path = file("one")
    assert find("kept", typed) == path == here / "kept" / "one.ipynb"
    assert find("kept", str(path)) == path
    assert conversations().find(options(), typed) == path


def test_a_file_in_the_working_directory_comes_before_one_in_the_folder(here: Path) -> None:
    file("one")
    saved_in(SESSION, Path("one.ipynb"))
    assert find("kept", "one") == here / "one.ipynb"
    assert find("", "one") == here / "one.ipynb"


def test_a_file_in_the_home_directory_is_found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here / "kept"))
    monkeypatch.setenv("USERPROFILE", str(here / "kept"))
    path = file("one")
    assert find("", "~/one") == path


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("plto", "The nearest: 20250131-120000-plot"),
        ("20250131-120002-plot.ipynb", "The nearest: 20250131-120000-plot"),
        ("zzz", ""),
        ("kept", ""),
        ("", ""),
        ("..", ""),
        ("x" * 5000, ""),
        ("~nobody-of-this-name/x", ""),
        ("nul\0\n", ""),
    ],
    ids=["typo", "near", "nothing", "folder", "empty", "dots", "long", "nobody", "nul"],
)
def test_what_is_not_found_is_one_line_with_the_nearest_names(typed: str, nearest: str) -> None:
    file("20250131-120001-sales", age=100)
    file("20250131-120000-plot")
    with pytest.raises(UsageError) as raised:
        find("kept", typed)
    assert nearest in str(raised.value)
    assert raised.value.hints == (() if nearest else (RunCommand("sessions", to="list the sessions"),))
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("folder", ["kept", ""])
def test_where_nothing_was_saved_there_is_no_last_one(folder: str) -> None:
    with pytest.raises(UsageError, match="no saved session yet"):
        find(folder, "last")


def test_the_last_one_is_never_a_name_that_was_only_claimed() -> None:
    path = file("one", age=100)
    conversations().begin(options(), "Nothing yet")
    assert find("kept", "last") == path


# -- listing -----------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_the_newest_first_and_a_broken_one_is_a_line() -> None:
    for age, name in enumerate(["c", "a", "b"]):
        file(name, replace(SESSION, id=name), age=100 * age)
    Path("kept/broken.ipynb").write_text("{", encoding="utf-8")
    Path("kept/.hidden.ipynb").write_text("{", encoding="utf-8")
    Path("kept/notes.txt").write_text("{", encoding="utf-8")
    Path("kept/folder.ipynb").mkdir()
    broken, *whole = saved(Path("kept"))
    assert [one.session.id for one in whole if one.session] == ["c", "a", "b"]
    assert [one.path.name for one in whole] == ["c.ipynb", "a.ipynb", "b.ipynb"]
    assert whole[0].modified > whole[1].modified
    assert broken.session is None
    assert "broken.ipynb: " in broken.trouble and broken.trouble.isprintable()


def test_each_file_is_read_when_it_is_its_turn() -> None:
    file("new")
    listed = saved(Path("kept"))
    assert next(listed).path.name == "new.ipynb"
    assert list(saved(Path("nowhere"))) == []


def test_a_listing_shows_what_a_killed_kernel_had_written_last() -> None:
    path = file("one")
    saver = Saver(path, tell=nothing)
    saver.save(SESSION)
    assert saver.flush(30)
    longer = SESSION.begun(Turn("Another"))
    saver.save(longer)
    assert saver.written(30)
    (one,) = saved(Path("kept"))
    assert one.session == longer


def test_a_session_that_was_saved_where_a_secret_was_none_does_not_bring_it() -> None:
    key = "sk-secret-123456"
    session = replace(SESSION, turns=(replace(SESSION.turns[0], prompt=f"The key is {key}.", steps=(answer(key),)),))
    path = file("one", session)
    assert key in path.read_text()
    conversation = conversations().adopt(options(), path)
    assert conversation.session.turns[0].prompt == "The key is ***."
    assert key not in repr(conversation.session) and "***" in repr(more(conversation))


SECRETS = {
    "OPENAI_API_KEY": "sk-quote'd\\key\n",
    "JUPYTER_TOKEN": "mytoken12345",
    "OTHER_API_KEY": "disabled",
    "CODEACT_BASE_URL": "",
    "SHORT_API_KEY": "x1",
}


def test_keys_and_tokens_of_the_environment_are_secrets_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "JUPYTER_TOKEN"))]:
        monkeypatch.delenv(name)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    found = secrets(Options(base_url="http://me:pass%20word@localhost/v1"))
    assert set(found) == {
        "sk-quote'd\\key",
        repr("sk-quote'd\\key")[1:-1],
        "mytoken12345",
        "pass%20word",
        "pass word",
    }
