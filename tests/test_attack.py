"""The small version of `make attack`: what holds must go on holding, and what is known to be open is named here.

Whoever mends something that is open finds its test passing against its mark: then the mark goes.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from .attack import clients, control, faults, fuzz, secrets, snippets, stopping, tampering
from .attack.__main__ import main
from .attack.kernel import Target, target
from .attack.results import Try, UnavailableError, failures, table, tally

if TYPE_CHECKING:
    from .lab import Desk

Transformers: Any = TransformerManager  # it has no types


def check(tries: Iterator[Try]) -> None:
    """Check that all of `tries` held."""
    assert [one for one in tries if not one.held] == []


# -- the counts --------------------------------------------------------------------------------------------------------

SOME = (Try("a", "one", True), Try("a", "two\nlines", False, "why"), Try("b", "three", False))


def test_what_was_tried_and_held_is_counted_by_kind() -> None:
    counted = tally("some", _yielded(SOME), 60.0)
    assert counted.kinds == {"a": (2, 1), "b": (1, 0)}
    assert not counted.holds
    lines = table([counted]).split("\n")
    assert [line.split()[:4] for line in lines[1:]] == [
        ["some", "a", "2", "1"],
        ["some", "b", "1", "0"],
        ["some", "all", "3", "1"],
    ]


def test_what_did_not_hold_is_named_on_a_line_of_its_own() -> None:
    told = failures([tally("some", _yielded(SOME), 60.0)], 5)
    assert told.split("\n") == [
        "some, a: 1 did not hold",
        "    two ⏎ lines -- why",
        "some, b: 1 did not hold",
        "    three",
    ]


def test_a_category_that_is_left_out_or_cut_short_does_not_hold() -> None:
    def missing() -> Iterator[Try]:
        yield from ()
        raise UnavailableError("there is no Chromium")

    assert tally("page", missing(), 60.0).left_out == "there is no Chromium"
    short = tally("some", _yielded(SOME[:1] * 2), 0.0)
    assert (len(short.tries), short.left_out) == (1, "stopped after 0 s")
    assert not short.holds
    assert tally("some", _yielded(SOME[:1]), 60.0).holds


def _yielded(tries: tuple[Try, ...]) -> Iterator[Try]:
    yield from tries


# -- snippets ----------------------------------------------------------------------------------------------------------

OWN = snippets.own()


def test_the_corpora_are_large_and_hold_nothing_twice() -> None:
    effects = [one.code for one in OWN if one.has_effect]
    assert len(effects) >= 300
    assert len({one.kind for one in OWN if one.has_effect}) >= 12
    assert len(OWN) - len(effects) >= 200
    assert [code for code, count in Counter(one.code for one in OWN).items() if count > 1] == []


LINES = "lines of IPython"  # some lack the percent sign, and are Python only where a shell knows their first word


@pytest.mark.parametrize("kind", dict.fromkeys(one.kind for one in OWN if one.kind != LINES))
def test_each_snippet_is_code_that_ipython_would_run(kind: str) -> None:
    for snippet in OWN:
        if snippet.kind == kind:
            ast.parse(Transformers().transform_cell(snippet.code))


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("matplotlib"), reason="the user's notebook needs matplotlib")
def test_the_user_is_asked_about_every_effect_but_those_that_are_listed_as_open(tmp_path: Path) -> None:
    tries = list(snippets.tries(tmp_path))
    assert [one.name for one in tries if not one.held and one.kind.startswith(snippets.FALSE_ALARMS)] == []
    missed: dict[str, list[str]] = {}
    for one in tries:
        if not one.held:
            missed.setdefault(one.kind, []).append(one.name)
    assert missed == snippets.known(), "`python -m tests.attack snippets --update` writes data/open.txt anew"


@pytest.mark.slow
def test_snippets_of_a_file_are_tried_in_the_same_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, setup = tmp_path / "more.json", tmp_path / "setup.py"
    file.write_text(json.dumps({"names": ["rows"], "harmless": {"math": ["1 + 1"], "made again": ["rows = 2"]}}))
    assert main(["snippets", "--snippets", str(file), "--json"]) == 1
    (counted,) = json.loads(capsys.readouterr().out)
    assert (counted["tried"], counted["held"], counted["open"][0]["name"]) == (2, 1, "rows = 2")
    file.write_text(json.dumps({"files": ["open('x', 'w')", "rows = 1"]}))
    setup.write_text("rows = [1]")
    assert main(["snippets", "--snippets", str(file), "--setup", str(setup)]) == 0


# -- the control channel -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A kernel that asks at a page."""
    with target(tmp_path_factory.mktemp("attacked")) as at:
        yield at.greet()


@pytest.mark.kernel
@pytest.mark.parametrize("kind", [control.malformed, control.foreign, control.late, control.double])
def test_no_request_decides_but_the_first_one_that_is_right(kind: Any, at: Target) -> None:
    check(kind(at))


@pytest.mark.kernel
@pytest.mark.parametrize("name", clients.RIGHT)
def test_another_client_of_the_kernel_does_not_decide(name: str, at: Target) -> None:
    check(iter([clients.by_another(at, name)]))


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["cleanup_transforms", "ast_transformers", "Gate.decide", "mode of the gate at work"])
def test_after_an_action_that_tampers_all_is_asked_about_and_runs_as_shown(name: str, tmp_path: Path) -> None:
    with target(tmp_path / "kernel") as at:
        check(iter([tampering.tampered(at.greet(), name, tampering.TAMPERS[name])]))


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("mode", ["ask", "risky"])
@pytest.mark.parametrize("name", ["a table", "Markdown of a file", "HTML with an image"])
def test_what_a_step_shows_decides_nothing(name: str, mode: str, desk: Desk) -> None:
    from .attack import page

    check(iter(page.attacked(desk, name, mode)))


# -- secrets -----------------------------------------------------------------------------------------------------------


PAST_PYTHON = ("by a child process", "written past Python")


@pytest.mark.kernel
@pytest.mark.parametrize("ways", [[*secrets.WAYS][:5], [*PAST_PYTHON]])
def test_the_key_of_the_endpoint_shows_up_nowhere(ways: list[str], tmp_path: Path) -> None:
    check(secrets.of_variables(tmp_path, ["OPENAI_API_KEY"], ways))


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL"])
def test_other_secrets_of_the_environment_show_up_nowhere(name: str, tmp_path: Path) -> None:
    check(secrets.of_variables(tmp_path, [name], ["printed"]))


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.parametrize("name", faults.BROKEN)
def test_a_broken_object_does_not_end_the_turn(name: str, at: Target) -> None:
    check(iter([faults.beside(at, name)]))


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["can't start new thread", "get_ipython is None"])
def test_a_shell_that_lacks_something_does_not_end_the_turn(name: str, tmp_path: Path) -> None:
    check(iter([faults.in_a_broken_shell(tmp_path / "kernel", name)]))


@pytest.mark.kernel
@pytest.mark.parametrize("kind", [faults.full_disk, faults.wrong_usage])
def test_a_full_disk_and_a_wrong_usage_are_held(kind: Any, tmp_path: Path) -> None:
    check(kind(tmp_path))


@pytest.mark.kernel
@pytest.mark.parametrize(
    "name",
    ["a pool of threads", "a loop with a bare except", "finally that sleeps", "SQLite", "a signal handler of its own"],
)
def test_stop_ends_what_one_interrupt_does_not_end(name: str, tmp_path: Path) -> None:
    check(iter([stopping.stop(tmp_path / "kernel", name)]))


@pytest.mark.kernel
@pytest.mark.parametrize("name", stopping.SLOW)
def test_stop_before_the_first_step_is_one_clean_line(name: str, tmp_path: Path) -> None:
    check(iter([stopping.stop_before_the_first_step(tmp_path / "kernel", name)]))


# -- anything ----------------------------------------------------------------------------------------------------------


@given(fuzz.REPLIES)
def test_any_reply_is_read(text: str) -> None:
    fuzz.reads(text)


@given(fuzz.CODES)
def test_any_code_is_scanned(code: str) -> None:
    fuzz.scans(code)


@given(fuzz.REQUESTS)
def test_any_request_is_answered(content: Any) -> None:
    fuzz.answers(content)


@given(changes=fuzz.CHANGES, cut=st.none() | fuzz.CUTS)
def test_any_notebook_is_loaded_or_refused(changes: Any, cut: int | None, tmp_path_factory: Any) -> None:
    fuzz.loads(fuzz.mutated(changes, cut), tmp_path_factory.mktemp("fuzzed"))
