"""What %codeact does with saved sessions, in real IPython shells against an endpoint on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codeact_magic.errors import SessionError, StoppedError, UsageError
from codeact_magic.session import Action, Cell, Decision, Observation, Reply, Session, Step, Turn
from codeact_magic.sessions.code_blocks import made
from codeact_magic.sessions.saving.loading import load
from codeact_magic.testing import FakeEndpoint, Scripted

from .shells import Shell, isolate, new_shell, with_user

SUMS = "I add up.\n```python\ntotal = sum(prices)\nprint(total)\n```"
FAILS = "I look.\n```python\nprint(prices['a'])\n```"
DOUBLES = "I double it.\n```python\ndouble = total * 2\n```"
SCRIPT = [SUMS, FAILS, DOUBLES, "It is 12."]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    isolate(monkeypatch, tmp_path)
    with new_shell() as ipython:
        shell = Shell(ipython, capsys)
        shell.run("%load_ext codeact_magic")
        yield shell


def prompt(
    shell: Shell, script: list[Scripted], text: str = "Sum the prices, and double the sum.", options: str = ""
) -> FakeEndpoint:
    """Have an endpoint answer a prompt by `script`; it has ended then, but remembers."""
    with FakeEndpoint(script) as endpoint:
        line = f"%%codeact --approve auto --model fake-model --base-url {endpoint.base_url} {options}"
        ran = shell.run(f"{line}\n{text}")
    assert ran.error is None, ran.shown
    return endpoint


def saved(shell: Shell, script: list[Scripted] | None = None, cell: str = "prices = [1, 2, 3]") -> Path:
    """Return the file of a session that was saved, in a shell that knows nothing of it any more."""
    shell.run(cell)
    prompt(shell, script or list(SCRIPT))
    (path,) = Path("codeact-sessions").glob("*.ipynb")
    anew(shell)
    return path


def anew(shell: Shell) -> None:
    """Have the shell begin again, as a kernel that is restarted does."""
    shell.run("%unload_ext codeact_magic")
    shell.ipython.reset(new_session=True)
    shell.run("%load_ext codeact_magic")


# -- load --------------------------------------------------------------------------------------------------------------


def test_a_loaded_session_goes_on_where_it_was(shell: Shell) -> None:
    path = saved(shell)
    ran = shell.run(f"%codeact load {path}")
    assert ran.error is None
    assert ran.shown.splitlines() == [
        f"Thread main goes on with {path}: 1 turn.",
        "Not in this kernel: prices, total, double. Make them again: %codeact replay",
    ]
    endpoint = prompt(shell, ["Twelve, as I said."], "Once more?")
    told = [message["content"] for message in endpoint.requests[-1].body["messages"]]
    assert "Sum the prices, and double the sum." in "".join(told)
    assert "It is 12." in told and told[-1].startswith("Once more?")
    assert list(Path("codeact-sessions").glob("*.ipynb")) == [path]
    assert "Once more?" in path.read_text() and "It is 12." in path.read_text()


def test_names_that_the_kernel_has_are_not_said_to_be_missing(shell: Shell) -> None:
    path = saved(shell)
    shell.run("total, prices = 6, [6]")
    assert "Not in this kernel: double." in shell.run(f"%codeact load {path}").shown
    shell.run("double = 12")
    assert "Not in this kernel" not in shell.run(f"%codeact load {path}").shown


def test_a_session_is_found_by_its_name_and_as_the_last_one(shell: Shell) -> None:
    path = saved(shell)
    for name in (path.name, path.stem, "last"):
        assert f"goes on with {path}" in shell.run(f"%codeact load {name}").shown


def test_a_part_of_the_name_is_enough_where_no_other_has_it(shell: Shell) -> None:
    path = saved(shell)
    assert f"goes on with {path}" in shell.run("%codeact load double-the").shown
    Path("codeact-sessions/double-the-trouble.ipynb").write_bytes(path.read_bytes())
    ran = shell.run("%codeact load double-the")
    assert isinstance(ran.error, UsageError) and "is a part of 2 names: " in ran.line and path.stem in ran.line


def test_what_is_no_session_is_told_in_one_line(shell: Shell) -> None:
    Path("other.ipynb").write_text("{}")
    for name, kind in (("nowhere.ipynb", UsageError), ("other.ipynb", SessionError)):
        ran = shell.run(f"%codeact load {name}")
        assert type(ran.error) is kind and ran.line.startswith(f"{kind.__name__}: ")


def test_a_session_is_loaded_into_the_thread_that_is_current(shell: Shell) -> None:
    path = saved(shell)
    shell.run("%config CodeAct.thread = 'other'")
    assert "Thread other goes on" in shell.run(f"%codeact load {path}").shown
    assert "It is 12." in shell.run("%codeact history").shown


def test_what_was_imported_is_the_last_that_is_said_to_be_missing(shell: Shell) -> None:
    path = saved(shell, cell="import math as m\nprices = [1, 2]")
    assert "Not in this kernel: prices, total, double, m." in shell.run(f"%codeact load {path}").shown


def test_the_last_session_is_found_among_other_notebooks(shell: Shell) -> None:
    path = saved(shell)
    Path("codeact-sessions/mine.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    Path("codeact-sessions/damaged.ipynb").write_text("{")
    assert f"goes on with {path}" in shell.run("%codeact load last").shown


def test_a_session_is_loaded_into_the_thread_that_is_named(shell: Shell) -> None:
    path = saved(shell)
    assert "Thread other goes on" in shell.run(f"%codeact load {path} --thread other").shown
    assert "there is other. Name a thread: --thread NAME" in shell.run("%codeact replay").line
    ran = shell.run("%codeact replay --thread other --approve auto")
    assert ran.error is None and ran.shown.startswith(f"{path}\n")


def test_a_session_that_goes_on_in_a_new_kernel_says_so(shell: Shell) -> None:
    path = saved(shell)
    shell.run(f"%codeact load {path}")
    shell.run("prices = [0]")
    again = "I triple it.\n```python\nprint(total * 3)\n```"
    endpoint = prompt(shell, [again, SUMS, "It is 0."], "Triple it.")
    told = [message["content"] for message in endpoint.requests[0].body["messages"]]
    assert told[-1].startswith("Triple it.\n\n(The kernel is a new one: the variables that were made above are gone.)")
    prompt(shell, ["It is."], "Is it?")
    assert [turn.fresh for turn in load(path).turns] == [False, True, False]
    anew(shell)
    ran = shell.run(f"%codeact replay {path} --approve auto")
    assert ran.error is None, ran.shown
    assert "Action 4 raised NameError in the session, which went on in a new kernel by then; here it ran." in ran.shown


def test_a_session_that_was_replayed_goes_on_in_the_kernel_that_it_knows(shell: Shell) -> None:
    path = saved(shell)
    shell.run(f"%codeact load {path}")
    shell.run("%codeact replay --approve auto")
    prompt(shell, ["It is."], "Is it?")
    assert [turn.fresh for turn in load(path).turns] == [False, False]


# -- replay ------------------------------------------------------------------------------------------------------------


def test_a_replay_makes_the_variables_again_without_a_model(shell: Shell) -> None:
    path = saved(shell)
    ran = shell.run(f"%codeact replay {path} --approve auto")
    assert ran.error is None, ran.shown
    assert (shell.names["total"], shell.names["double"]) == (6, 12)
    assert ran.shown.splitlines()[-1] == "Replayed 3 actions and 1 cell from before: each ended as in the session."


def test_each_piece_of_a_replay_is_approved_like_a_live_one(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(shell)
    with_user(shell, monkeypatch)
    shell.answers = ["y", "y", "q"]
    ran = shell.run(f"%codeact replay {path}")
    assert isinstance(ran.error, StoppedError) and len(shell.asked) == 3
    assert shell.names["total"] == 6 and "double" not in shell.names
    assert "print(total)" in ran.shown


def test_what_is_replayed_is_called_what_until_calls_it(shell: Shell) -> None:
    path = saved(shell)
    ran = shell.run(f"%codeact replay {path} --approve auto")
    feet = [line.split(" · ")[0].strip() for line in ran.shown.splitlines() if " · approved" in line]
    assert feet == ["your own cell", "action 1", "action 2", "action 3"]


def test_actions_of_another_session_are_not_called_cells_of_your_own(shell: Shell) -> None:
    shell.run("prices = [1, 2, 3]")
    prompt(shell, list(SCRIPT))
    prompt(shell, ["I look.\n```python\nprint(double)\n```", "It is 12."], "And what is double?", options="--new")
    path = next(Path("codeact-sessions").glob("*and-what*.ipynb"))
    (turn,) = load(path).turns
    assert [(cell.code.split(" ")[0], cell.earlier) for cell in turn.cells] == [
        ("prices", False),
        ("total", True),
        ("print(prices['a'])", True),
        ("double", True),
    ]
    anew(shell)
    ran = shell.run(f"%codeact replay {path} --approve auto")
    assert ran.error is None
    feet = [line.split(" · ")[0].strip() for line in ran.shown.splitlines() if " · approved" in line]
    assert feet == ["your own cell", *["an earlier action"] * 3, "action 1"]


def test_nothing_is_replayed_where_nobody_can_be_asked(shell: Shell) -> None:
    path = saved(shell)
    ran = shell.run(f"%codeact replay {path}")
    assert isinstance(ran.error, UsageError) and "--approve auto" in ran.line
    assert "prices" not in shell.names


def test_what_is_rejected_is_left_out(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(shell)
    with_user(shell, monkeypatch)
    shell.run("prices = [5]")
    shell.answers = ["n not those", "a"]
    ran = shell.run(f"%codeact replay {path}")
    assert ran.error is None and "Replayed 3 actions, 1 left out: " in ran.shown
    assert len(shell.asked) == 2  # and not why: there is no model to be told
    assert shell.names["double"] == 10


def test_your_own_cells_can_be_left_out(shell: Shell) -> None:
    path = saved(shell)
    shell.run("prices = [4]")
    assert shell.run(f"%codeact replay {path} --no-cells --approve auto").error is None
    assert shell.names["total"] == 4


def test_a_replay_ends_at_the_first_outcome_that_differs_in_kind(shell: Shell) -> None:
    path = saved(shell)
    shell.run("prices = {'a': 1}")
    ran = shell.run(f"%codeact replay {path} --no-cells --approve auto")
    assert isinstance(ran.error, SessionError)
    line = ran.shown.splitlines()[-1]
    assert line.startswith("SessionError: Action 1 raised TypeError: ")
    assert "in the session it ran without an error" in line
    assert "double" not in shell.names


def test_an_error_of_another_kind_is_another_outcome(shell: Shell) -> None:
    path = saved(shell)
    shell.run("class Prices(list):\n    def __getitem__(self, key): raise KeyError(key)\nprices = Prices([1])")
    ran = shell.run(f"%codeact replay {path} --no-cells --approve auto")
    assert "Action 2 raised KeyError: 'a'; in the session it raised TypeError." in ran.shown


def test_a_replay_ends_where_it_is_told_to(shell: Shell) -> None:
    path = saved(shell)
    assert shell.run(f"%codeact replay {path} --until 1 --approve auto").error is None
    assert "total" in shell.names and "double" not in shell.names


@pytest.mark.parametrize("until", ["0", "4", "-1"])
def test_an_end_that_is_not_there_is_told(shell: Shell, until: str) -> None:
    path = saved(shell)
    ran = shell.run(f"%codeact replay {path} --until {until} --approve auto")
    assert isinstance(ran.error, UsageError) and "3 actions that ran" in ran.line
    assert "prices" not in shell.names


def test_a_loaded_thread_is_replayed_without_naming_it_again(shell: Shell) -> None:
    path = saved(shell)
    shell.run(f"%codeact load {path}")
    assert shell.run("%codeact replay --approve auto").error is None
    assert shell.names["double"] == 12
    prompt(shell, ["Fine."], "Go on.")
    anew(shell)
    assert shell.run(f"%codeact replay {path} --approve auto").error is None
    assert path.read_text().count("prices = [1, 2, 3]") == 1  # what was replayed is not saved a second time


def test_a_replay_inside_an_action_is_refused(shell: Shell) -> None:
    path = saved(shell)
    acts = f"I replay.\n```python\nget_ipython().run_line_magic('codeact', 'replay {path} --approve auto')\n```"
    endpoint = prompt(shell, [acts, "Refused."], "Replay it.")
    assert "cannot run another inside itself" in endpoint.requests[-1].body["messages"][-1]["content"]


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_saved_sessions_are_listed(shell: Shell) -> None:
    path = saved(shell)
    Path("codeact-sessions/damaged.ipynb").write_text("{")
    ran = shell.run("%codeact sessions")
    head, row, *rest = ran.shown.splitlines()
    assert head.split() == ["begun", "prompt", "steps", "model", "outcome", "file"]
    assert "Sum the prices, and double the sum." in row
    assert row.split()[-4:] == ["4", "fake-model", "answered", path.name]
    assert len(rest) == 1 and rest[0].startswith("codeact-sessions/damaged.ipynb: the file is damaged")


def test_of_many_sessions_the_newest_are_listed(shell: Shell) -> None:
    path = saved(shell)
    for number in range(30):
        Path(f"codeact-sessions/copy-{number}.ipynb").write_bytes(path.read_bytes())
    few, all_of_them = (shell.run(f"%codeact sessions {option}").shown.splitlines() for option in ("", "--all"))
    assert len(few) == 22 and few[-1] == "There are more. List them all: %codeact sessions --all"
    assert len(all_of_them) == 32


def test_an_empty_folder_is_told(shell: Shell) -> None:
    assert shell.run("%codeact sessions").shown == "There is no saved session in codeact-sessions yet.\n"
    shell.run("%config CodeAct.save_folder = ''")
    assert isinstance(shell.run("%codeact sessions").error, UsageError)


# -- verify ------------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_a_session_that_runs_as_it_did_is_the_same(shell: Shell) -> None:
    path = saved(shell)
    ran = shell.run(f"%codeact verify {path} --approve auto")
    assert ran.error is None, ran.shown
    told, *table = ran.shown.splitlines()
    assert told == str(path)
    lines = [line.split() for line in table]
    assert [line[0] for line in lines[:5]] == ["code", "cell", "1", "2", "3"]
    assert lines[1][-1] == "ran" and all("same" in line for line in lines[2:5])
    assert "total" not in shell.names  # it has a kernel of its own


@pytest.mark.kernel
def test_a_session_that_runs_otherwise_fails_the_cell(shell: Shell) -> None:
    Path("prices.txt").write_text("1 2 3")
    path = saved(
        shell, cell="from pathlib import Path\nprices = [int(word) for word in Path('prices.txt').read_text().split()]"
    )
    Path("prices.txt").write_text("1 2 4")
    ran = shell.run(f"%codeact verify {path} --approve auto")
    assert isinstance(ran.error, SessionError) and "1 differs" in ran.shown.splitlines()[-1]
    assert any(line.split()[:1] == ["1"] and "differs" in line for line in ran.shown.splitlines())


def test_a_session_is_verified_only_after_a_look_at_its_code(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(shell)
    assert isinstance(shell.run(f"%codeact verify {path}").error, UsageError)
    with_user(shell, monkeypatch)
    shell.answers = ["n no"]
    ran = shell.run(f"%codeact verify {path}")
    assert isinstance(ran.error, StoppedError) and ran.shown.splitlines()[-1] == "StoppedError: Nothing was run."
    assert "double = total * 2" in ran.shown and "differs" not in ran.shown


def test_what_is_verified_runs_as_it_is_or_not_at_all(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(shell)
    with_user(shell, monkeypatch, edit=lambda code: "print('mine')")
    shell.answers = ["e", "n"]
    ran = shell.run(f"%codeact verify {path}")
    assert isinstance(ran.error, StoppedError) and "as it is, or not at all: please answer y or n." in ran.shown
    assert set(shell.asked) == {"Run it? [y]es  [n]o: "}


HIDDEN = ['A note.\n```python\nnote = """\n```', 'And.\n```python\nimport os; os.system(\'true\') # """\n```', "Done."]


def test_code_that_runs_piece_by_piece_is_looked_at_piece_by_piece(shell: Shell) -> None:
    path = saved(shell, list(HIDDEN))
    ran = shell.run(f"%codeact verify {path} --approve risky")  # as one text it would be a harmless string
    assert isinstance(ran.error, UsageError) and "runs a process: os.system" in ran.shown


def test_a_kernel_of_its_own_has_nothing_of_yours_to_overwrite(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(shell)
    shell.run("prices = total = 1")
    with_user(shell, monkeypatch)
    shell.answers = ["n", "n", "n", "n", "n"]
    assert "overwrites" not in shell.run(f"%codeact verify {path}").shown
    assert "overwrites" in shell.run(f"%codeact replay {path}").shown


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf"])
def test_a_tolerance_that_is_none_is_told(shell: Shell, tolerance: str) -> None:
    path = saved(shell)
    assert "--tolerance" in shell.run(f"%codeact verify {path} --tolerance={tolerance} --approve auto").line


# -- insert ------------------------------------------------------------------------------------------------------------


def test_the_actions_come_as_one_cell_where_there_is_no_page(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(shell)
    with_user(shell, monkeypatch)
    ran = shell.run(f"%codeact insert {path}")
    assert "3 cells of code as one below, not yet run." in ran.shown
    assert shell.ipython.rl_next_input == (
        "# Sum the prices, and double the sum.\n\n"
        "total = sum(prices)\nprint(total)\n\n"
        "# This raised TypeError in the session:\n# print(prices['a'])\n\n"
        "double = total * 2"
    )
    assert "total" not in shell.names


def test_of_an_action_that_failed_what_was_done_before_is_there_to_run(shell: Shell) -> None:
    broken = "I try.\n```python\ntotal = 1\nfor i in range(3):\n    1 / i\n```"
    path = saved(shell, [broken, DOUBLES, "It is 2."])
    assert (
        "total = 1\n# This raised ZeroDivisionError in the session:\n# for i in range(3):\n#     1 / i\n\ndouble"
        in shell.run(f"%codeact insert {path}").shown
    )


def test_the_actions_are_printed_where_nobody_is_there_to_see_a_cell(shell: Shell) -> None:
    path = saved(shell)
    assert (
        "# Sum the prices, and double the sum.\n\ntotal = sum(prices)\n" in shell.run(f"%codeact insert {path}").shown
    )
    assert not hasattr(shell.ipython, "rl_next_input")


@pytest.mark.kernel
def test_a_clean_session_is_inserted_without_what_failed_and_what_only_looked(shell: Shell) -> None:
    looks = "I look.\n```python\nprint(len(prices))\n```"
    path = saved(shell, [looks, *SCRIPT])
    ran = shell.run(f"%codeact insert {path} --clean --approve auto")
    assert ran.error is None
    assert "2 of 4 actions are enough: they show the same without the rest" in ran.shown
    assert "left out: action 1 (it only looked at something), print(len(prices))" in ran.shown
    assert "left out: action 3 (it failed), print(prices['a'])" in ran.shown
    assert ran.shown.endswith("total = sum(prices)\nprint(total)\n\ndouble = total * 2\n")


@pytest.mark.kernel
def test_what_the_smallest_slice_lacks_is_inserted_as_well(shell: Shell) -> None:
    makes = "I make it.\n```python\nimport collections\nfound = collections.defaultdict(list)\n```"
    looks = "I look.\n```python\nfound['x']\n```"
    shows = "I show it.\n```python\nprint(found)\n```"
    path = saved(shell, [makes, FAILS, looks, shows, "Done."])
    ran = shell.run(f"%codeact insert {path} --clean --approve auto")
    assert ran.error is None
    assert "3 of 4 actions are enough" in ran.shown
    assert "left out: action 2 (it failed)" in ran.shown and "found['x']\n\nprint(found)" in ran.shown


def test_what_a_reader_of_the_cells_would_not_see_is_told(shell: Shell) -> None:
    path = saved(shell, ["I act.\n```python\nlevel = 'user\u202e'\n```", "Done."])
    assert "Look twice: hidden characters: U+202E" in shell.run(f"%codeact insert {path}").shown


# -- names -------------------------------------------------------------------------------------------------------------


def session_of(*codes: str, status: str = "ok") -> Session:
    """Return a session whose actions ran `codes`."""
    steps = [
        Step(Reply(""), action=Action(code), decision=Decision("approve", code), observation=Observation(status))  # type: ignore[arg-type]
        for code in codes
    ]
    return Session("abc", turns=(Turn("Do it.", cells=(Cell("mine = 1"),), steps=tuple(steps)),))


def test_the_names_that_a_session_made_are_those_of_its_actions() -> None:
    code = "import os\nfrom sys import path as p\nx, (y, *z) = 1, (2, 3)\nfor i in []: pass\ndef f(a): b = a"
    assert set(made(session_of(code))) == {"os", "p", "x", "y", "z", "i", "f"}


def test_names_that_were_deleted_again_were_not_made() -> None:
    assert made(session_of("x = 1\ny = 2", "del x")) == ["y"]


def test_code_that_is_not_plain_python_makes_what_was_seen_to_change() -> None:
    step = session_of("%time x = 1").turns[0].steps[0]
    seen = Observation("ok", changed=(("x", "1"),))
    turn = Turn("Do it.", steps=(Step(Reply(""), decision=step.decision, observation=seen),))
    assert made(Session("abc", turns=(turn,))) == ["x"]
