"""A session as a notebook: nothing lost, nothing run that was not approved, nothing half written."""

from __future__ import annotations

import copy
import json
import math
import sys
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import nbformat as untyped_nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient

from codeact_magic.errors import SessionError
from codeact_magic.session import Action, Cell, Decision, Observation, Reply, Session, Step, Turn
from codeact_magic.sessions.saving.from_notebook import from_notebook
from codeact_magic.sessions.saving.loading import load
from codeact_magic.sessions.saving.saver import Saver
from codeact_magic.sessions.saving.to_notebook import to_notebook

nbformat: Any = untyped_nbformat

# -- any session -------------------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    ["", "\n", "a\nb\n", "a\r\nb\rc", "\x0b\x0c\x1c\x85\u2028\u2029x", "```\n~~~\n````", "<b>![x](y)"]
)
TEXTS = st.text(max_size=20) | st.lists(LINES | st.text(max_size=5), max_size=5).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
MIMES = st.sampled_from(["text/plain", "text/html", "image/png", "image/svg+xml", "application/javascript", "x/y"])
BUNDLES = st.builds(
    lambda texts, more: texts | more,
    st.dictionaries(MIMES, TEXTS, max_size=3),
    st.dictionaries(st.sampled_from(["application/json", "application/vnd.x+json"]), JSON, max_size=2),
)
TABLES = st.dictionaries(st.text(max_size=5), JSON, max_size=2)
OUTPUTS = (
    st.fixed_dictionaries({"output_type": st.just("stream"), "name": st.sampled_from(["stdout", "x"]), "text": TEXTS})
    | st.fixed_dictionaries({"output_type": st.just("display_data"), "data": BUNDLES, "metadata": TABLES})
    | st.fixed_dictionaries(
        {
            "output_type": st.just("execute_result"),
            "data": BUNDLES,
            "metadata": TABLES,
            "execution_count": st.none() | st.integers(0, 99),
        }
    )
    | st.fixed_dictionaries(
        {"output_type": st.just("error"), "ename": TEXTS, "evalue": TEXTS, "traceback": st.lists(TEXTS, max_size=3)}
    )
)
LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    bool: st.booleans(),
    int: st.integers(0, 2**53 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for everything that `kind`, an annotation of session.py, allows."""
    origin, kinds = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return instances(kind)
    if origin is UnionType:
        return st.none() | values(kinds[0])
    if origin is Literal:
        return st.sampled_from(kinds)
    if origin is dict:
        return OUTPUTS
    if origin is tuple and kinds[-1] is Ellipsis:
        return st.lists(values(kinds[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, kinds))
    return LEAVES[kind]


def instances(kind: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    needed = {field.name: values(hints[field.name]) for field in fields(kind) if field.default is MISSING}
    others = {field.name: values(hints[field.name]) for field in fields(kind) if field.default is not MISSING}
    built = st.fixed_dictionaries(needed, optional=others).map(lambda given: kind(**given))
    return st.builds(as_models_write, built, TEXTS) if kind is Step else built


def as_models_write(step: Step, between: str) -> Step:
    """Return `step` with the reply that it would come from: its words, then its code."""
    if not step.action or len(between) % 2:
        return step
    text = f"{step.thought}{between}{step.action.code}\n```"
    return replace(
        step,
        reply=replace(step.reply, text=text),
        assistant_message=text if len(between) % 4 else step.assistant_message,
    )


SESSIONS = instances(Session)
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def nothing(message: str) -> None:
    raise AssertionError(message)


def saved(session: Session, path: Path, **options: Any) -> Path:
    saver = Saver(path, tell=nothing, **options)
    saver.save(session)
    assert saver.flush(30)
    saver.close()
    return path


@QUIET
@given(SESSIONS)
def test_any_session_comes_back_equal_from_a_valid_notebook(session: Session) -> None:
    notebook = to_notebook(session)
    nbformat.validate(notebook)
    assert from_notebook(notebook) == session


@QUIET
@given(SESSIONS)
def test_any_session_comes_back_equal_after_jupyter_has_saved_its_notebook(session: Session) -> None:
    text = nbformat.writes(to_notebook(session))
    assert from_notebook(json.loads(text)) == session
    assert from_notebook(nbformat.reads(text, as_version=4)) == session


@settings(QUIET, max_examples=50)
@given(session=SESSIONS)
def test_any_session_comes_back_equal_from_its_file(session: Session, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = saved(session, tmp_path_factory.mktemp("any") / "session.ipynb")
    assert load(path) == session
    if session.turns:
        assert path.read_bytes().decode() == nbformat.writes(to_notebook(session, path.parent.name)) + "\n"


# -- one session, looked at --------------------------------------------------------------------------------------------


def step(code: str, thought: str = "", verdict: Any = "approve", **seen: Any) -> Step:
    """Return a step of the fence format whose code ran, unless `verdict` is against it."""
    decision = Decision(verdict, code if verdict == "approve" else "", seen.pop("reason", ""))
    observation = Observation(seen.pop("status", "ok"), **seen) if decision.runs else None
    text = f"{thought}\n```python\n{code}\n```"
    return Step(
        Reply(text),
        thought,
        Action(code),
        decision,
        observation,
        assistant_message=text,
        observation_message="Output: ...",
    )


def answer(text: str) -> Step:
    return Step(Reply(text), text, assistant_message=text)


def session_of(*steps: Step, **turn: Any) -> Session:
    given = {"outcome": "answered", "cells": (Cell("limit = 2"), Cell("1 / 0", failed=True)), **turn}
    return Session("s1", started="2025-01-31T12:00:00+01:00", turns=(Turn("How many?", steps=steps, **given),))


STREAM = {"output_type": "stream", "name": "stdout", "text": "4\n5\n"}
ERROR = {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["KeyError: 'x'"]}
SESSION = replace(
    session_of(
        step("print(limit)\nprint(5)", "First.", outputs=(STREAM,), execution_count=3),
        step("rm()", "Now *this*.", "reject", reason="too <b>dangerous</b>"),
        step("data['x']", "", status="error", outputs=(ERROR,), execution_count=4),
        answer("It is **4**."),
    ),
    home="..",
)


def shown(session: Session) -> list[tuple[str, str]]:
    return [(cell.metadata.codeact.kind, cell.source) for cell in to_notebook(session).cells]


def test_the_cells_come_in_the_order_in_which_things_happened() -> None:
    kinds = [kind for kind, _ in shown(SESSION)]
    assert kinds == "home cell cell prompt thought action thought proposal action answer".split()


def test_code_that_ran_is_a_code_cell_byte_for_byte_with_its_outputs() -> None:
    code = "print('ä')\r\n\tx = '\u2028'\x0b\n\n"
    ran = step(code, outputs=(STREAM,), execution_count=7)
    cell = to_notebook(session_of(ran)).cells[-1]
    assert (cell.cell_type, cell.source, cell.outputs, cell.execution_count) == ("code", code, [STREAM], 7)


def test_code_that_the_user_edited_is_shown_as_it_ran_and_kept_as_it_was_proposed() -> None:
    edited = replace(step("old()"), decision=Decision("edit", "new()"))
    cell = to_notebook(session_of(edited)).cells[-1]
    assert cell.source == "new()"
    assert cell.metadata.codeact.step.action.code == "old()"


def test_code_that_raised_is_tagged_so_that_a_re_run_goes_on_behind_it() -> None:
    tagged = [cell.source for cell in to_notebook(SESSION).cells if "raises-exception" in cell.metadata.get("tags", [])]
    assert tagged == ["1 / 0", "data['x']"]


def test_code_that_the_user_interrupted_is_tagged_so_that_a_re_run_leaves_it_out() -> None:
    endless = step("while True: pass", status="interrupted")
    assert to_notebook(session_of(endless)).cells[-1].metadata.tags == ["skip-execution"]


@pytest.mark.parametrize(
    "asleep",
    [
        step("rm()", verdict="reject"),
        step("rm()", verdict="stop"),
        replace(step("rm()"), observation=None),
        replace(step("rm()"), decision=None, observation=None, observation_message="You proposed the same code again."),
        replace(step("rm()"), decision=None),
    ],
    ids=["rejected", "stopped", "never ran", "repeated", "nobody decided"],
)
def test_code_that_did_not_run_is_no_code_cell(asleep: Step) -> None:
    cells = to_notebook(session_of(asleep)).cells
    assert [cell.source for cell in cells if cell.cell_type == "code"] == ["limit = 2", "1 / 0"]
    assert cells[-1].source.startswith("```python\nrm()\n```")
    assert "**Not run" in cells[-1].source or "**Not finished**" in cells[-1].source


def test_a_proposal_says_who_rejected_it_and_why_and_cannot_leave_its_fence() -> None:
    code = "x = '''\n```\n<script>\n````\n'''"
    source = shown(session_of(step(code, verdict="reject", reason="no <i>no</i>\nno")))[-1][1]
    assert source.startswith(f"`````python\n{code}\n`````\n\n")
    assert source.endswith("**Not run**, rejected by user: no &lt;i>no&lt;/i> no")


@pytest.mark.parametrize("prompt", ["# no title\n- $x$ <b>", "a\r\n<script>\r\x0bb\u2028c", "```\n</code>\n````", ""])
def test_a_prompt_is_quoted_to_the_letter(prompt: str) -> None:
    source = shown(Session("s", turns=(Turn(prompt),)))[0][1]
    lines = source.splitlines()
    assert all(line.startswith("> ") for line in lines)
    ticks = lines[0].removeprefix("> ")
    assert lines[-1] == f"> {ticks}"
    assert set(ticks) == {"`"}
    assert ticks not in prompt
    assert [line[2:] for line in lines[1:-1]] == (prompt.splitlines() or [""])


def test_words_of_the_model_are_shown_without_html_and_remote_images_and_kept_as_they_were() -> None:
    words = "See <img src=x onerror=alert(1)> ![pixel](http://evil/x.png)"
    session = session_of(step("1", words), answer(words))
    for kind, source in shown(session):
        assert kind not in ("thought", "answer") or ("<img" not in source and "![pixel" not in source)
    assert from_notebook(to_notebook(session)) == session


def test_hidden_characters_of_code_that_did_not_run_are_written_out() -> None:
    session = session_of(step("ok = 1 #\u202e evil", verdict="reject"))
    assert "ok = 1 #⟦U+202E⟧ evil" in shown(session)[-1][1]
    assert from_notebook(to_notebook(session)) == session


def test_the_note_says_why_a_turn_has_no_answer() -> None:
    session = session_of(step("1"), outcome="limit", note="The turn reached its limit of 20 steps.")
    assert shown(session)[-1] == ("note", "The turn reached its limit of 20 steps.")


def test_a_reply_that_could_not_be_used_says_so() -> None:
    cut = Step(
        Reply("```python\nx ="), "", assistant_message="```python\nx =", observation_message="Your reply was cut off."
    )
    empty = Step(Reply(""))
    assert [source for _, source in shown(session_of(cut, empty))[-2:]] == [
        "**Not run.** Your reply was cut off.",
        "*The reply was empty.*",
    ]


def test_long_texts_are_in_the_notebook_once() -> None:
    code, thought = "x = 1  # " + "c" * 5000, "t" * 5000
    size = len(nbformat.writes(to_notebook(session_of(step(code, thought)))))
    assert size < len(code) + len(thought) + 3000


def test_lone_surrogates_and_numbers_that_json_lacks_are_replaced() -> None:
    output = {"output_type": "display_data", "data": {"application/json": {"x\ud800": math.nan}}, "metadata": {}}
    ran = replace(step("'\udcff'", outputs=(output,), seconds=math.inf), images=True)
    notebook = to_notebook(session_of(ran))
    loaded = from_notebook(json.loads(json.dumps(notebook, allow_nan=False).encode().decode())).turns[0].steps[0]
    assert loaded.observation
    assert loaded.decision
    assert loaded.decision.code == "'?'"
    assert loaded.observation.outputs[0]["data"] == {"application/json": {"x?": None}}
    assert loaded.observation.seconds == 0.0


@QUIET
@given(OUTPUTS, st.sampled_from(["delete", "add", "replace"]), st.data())
def test_an_output_that_nbformat_does_not_allow_is_left_out(output: Any, how: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from([place for place in places(output) if place]))
    odd = changed(output, place, how, data.draw(JSON))
    notebook = to_notebook(session_of(step("show()", outputs=(odd, STREAM))))
    nbformat.validate(notebook)
    assert notebook.cells[-1].outputs[-1] == STREAM
    nbformat.validate(to_notebook(from_notebook(notebook)))


def test_an_output_whose_text_comes_in_lines_is_joined() -> None:
    lines = {"output_type": "display_data", "data": {"text/plain": ["a\n", "b"]}, "metadata": {}}
    loaded = from_notebook(to_notebook(session_of(step("show()", outputs=(lines, {**STREAM, "text": ["c\n", "d"]})))))
    seen = loaded.turns[0].steps[0].observation
    assert seen
    assert [output.get("text") or output["data"] for output in seen.outputs] == ["c\nd", {"text/plain": "a\nb"}][::-1]


def test_the_users_own_cells_in_the_notebook_are_passed_over() -> None:
    notebook = to_notebook(SESSION)
    notebook.cells.insert(5, nbformat.v4.new_code_cell("mine"))
    notebook.cells.append(nbformat.v4.new_markdown_cell("mine too"))
    assert from_notebook(notebook) == SESSION


# -- notebooks that are none -------------------------------------------------------------------------------------------

WHOLE = json.loads(nbformat.writes(to_notebook(replace(SESSION, turns=SESSION.turns * 2))))
SCRAPS = JSON | st.sampled_from([math.inf, 10**400, -1, 2**53, "\ud800", {"kind": "cell"}, {"text": 1}, [[[]]] * 3])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in pairs for place in places(item, (*path, key)))]


def changed(value: Any, place: tuple[Any, ...], how: str, scrap: Any) -> Any:
    """Return a copy of `value` with one change at `place`, if it is there."""
    whole = holder = copy.deepcopy(value)
    *path, key = place
    try:
        for part in path:
            holder = holder[part]
        if how == "delete":
            del holder[key]
        elif how == "copy" and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif how == "add" and isinstance(holder[key], dict):
            holder[key]["extra"] = scrap
        else:
            holder[key] = scrap
    except (LookupError, TypeError):
        pass  # an earlier change took the place away
    return whole


PLACES = [place for place in places(WHOLE) if place]
CHANGES = st.tuples(st.sampled_from(PLACES), st.sampled_from(["delete", "copy", "add", "replace"]), SCRAPS)


@pytest.mark.slow
@settings(QUIET, max_examples=400)
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_a_forged_notebook_gives_a_sound_session_or_one_line(changes: list[Any]) -> None:
    forged = WHOLE
    for place, how, scrap in changes:
        forged = changed(forged, place, how, scrap)
    try:
        session = from_notebook(forged)
    except SessionError as error:
        assert str(error).isprintable()
    else:
        assert from_notebook(to_notebook(session)) == session


@settings(QUIET, max_examples=100)
@given(position=st.integers(0), scrap=st.binary(max_size=3), cut=st.booleans())
def test_a_damaged_file_gives_a_session_or_one_line_that_names_it(
    position: int, scrap: bytes, cut: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = json.dumps(WHOLE).encode()
    position %= len(whole)
    path = tmp_path_factory.mktemp("damaged") / "broken.ipynb"
    path.write_bytes(whole[:position] + scrap + (b"" if cut else whole[position + 1 :]))
    try:
        session = load(path)
    except SessionError as error:
        assert "broken.ipynb: " in str(error)
        assert str(error).isprintable()
    else:
        assert from_notebook(to_notebook(session)) == session


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, {"nbformat": 4}, {"nbformat": 3, "cells": []}])
def test_what_is_no_notebook_is_told_so(value: Any) -> None:
    with pytest.raises(SessionError, match="not a notebook of nbformat 4"):
        from_notebook(value)


@pytest.mark.parametrize(
    ("place", "scrap", "message"),
    [
        (("cells", 0), 5, "cell 1 must be an object, not 5"),
        (("cells", 1, "source"), None, "cell 2: source must be a text, not None"),
        (("cells", 3, "metadata", "codeact", "kind"), "x" * 99, "cell 4 is of the unknown kind 'xxx"),
        (("cells", 3, "metadata", "codeact", "turn", "window"), -1, "cell 4: window must be a count, not -1"),
        (("cells", 3, "metadata", "codeact", "turn", "new"), 1, "cell 4 has the unknown field 'new'"),
        (("cells", 3, "metadata", "codeact", "turn", "format"), "x", "format must be one of fence, execute, tools, js"),
        (("cells", 5, "cell_type"), "raw", "cell 6 is not an action that ran"),
        (("cells", 5, "outputs", 0, "text"), 5, "cell 6: observation: outputs: text must be a text, not 5"),
        (("cells", 5, "metadata", "codeact", "step", "reply", "text"), [""], r"cell 6: text must be a list of 3, not"),
        (("cells", 5, "metadata", "codeact", "step", "images"), 1, "cell 6: images must be true or false, not 1"),
        (("cells", 5, "metadata", "codeact", "step"), {}, "cell 6 is not an action that ran"),
        (("cells", 5, "metadata", "codeact", "step", "action"), {"code": []}, "cell 6: text must be a list of 2, not"),
        (("cells", 5, "metadata", "codeact", "step", "decision"), {}, "cell 6: decision lacks verdict"),
        (("cells", 5, "metadata", "codeact", "step", "reply"), {}, "cell 6: reply: text must be a text, not None"),
        (("cells", 5, "metadata", "codeact", "kind"), "note", "cell 6 stands where the action of a thought should"),
    ],
)
def test_what_is_wrong_with_a_forged_notebook_is_said_with_its_place(place: Any, scrap: Any, message: str) -> None:
    with pytest.raises(SessionError, match=message):
        from_notebook(changed(WHOLE, place, "replace", scrap))


@pytest.mark.parametrize(
    ("delete", "message"),
    [
        (slice(3, 4), "cell 4 stands where a prompt should"),
        (slice(1, 4), "cell 2 has no prompt before it"),
        (slice(5, 99), "ends in the middle of a turn"),
        (slice(2, 99), "ends in the middle of a turn"),
    ],
)
def test_a_session_that_lost_cells_is_told_so(delete: slice, message: str) -> None:
    forged = copy.deepcopy(WHOLE)
    del forged["cells"][delete]
    with pytest.raises(SessionError, match=message):
        from_notebook(forged)


def test_an_ordinary_notebook_is_told_from_a_session() -> None:
    with pytest.raises(SessionError, match="this notebook holds no codeact session"):
        from_notebook(nbformat.v4.new_notebook())


def test_a_later_format_of_sessions_asks_for_an_upgrade() -> None:
    notebook = to_notebook(SESSION)
    notebook.metadata.codeact.codeact = 2
    with pytest.raises(SessionError, match="format 2, not 1; upgrade"):
        from_notebook(notebook)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"{", "damaged, or not a notebook"),
        (b"\xff\xfe", "damaged, or not a notebook"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"[" * 100_000, "damaged, or not a notebook"),
        (b'{"a": ' * 100_000, "damaged, or not a notebook"),
        (b"1" * 5000, "damaged, or not a notebook"),
    ],
    ids=["empty", "cut", "bytes", "nan", "deep list", "deep table", "huge number"],
)
def test_a_file_that_is_no_notebook_is_named_with_what_is_wrong(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(SessionError, match=rf"x\.ipynb: .*{message}"):
        load(path)


def test_a_notebook_that_is_nested_too_deeply_is_told_so() -> None:
    deep: Any = []
    for _ in range(sys.getrecursionlimit()):
        deep = [deep]
    forged = copy.deepcopy(WHOLE)
    forged["cells"][5]["outputs"] = [{"output_type": "display_data", "data": {}, "metadata": {"deep": deep}}]
    with pytest.raises(SessionError, match="nested too deeply"):
        from_notebook(forged)


@pytest.mark.parametrize("name", ["missing.ipynb", "", "nul\0.ipynb"])
def test_a_file_that_cannot_be_read_is_told_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"cannot be read|damaged"):
        load(tmp_path / name)


# -- run again ---------------------------------------------------------------------------------------------------------

RERUN = replace(
    session_of(
        step("import pathlib; found = pathlib.Path('data.txt').read_text() * limit; print(found)", "Read."),
        step("pathlib.Path('ran').write_text('')", verdict="reject"),
        step("missing_name", status="error"),
        step("import pathlib; pathlib.Path('ran').write_text('')", status="interrupted"),
        step("print('still here')"),
        answer("Done."),
    ),
    home="..",
)


@pytest.mark.parametrize("start", ["sessions", "."], ids=["beside the notebook", "where the session ran"])
@pytest.mark.slow
def test_a_saved_session_runs_again_without_a_model_and_without_what_was_rejected(start: str, tmp_path: Path) -> None:
    path = saved(RERUN, tmp_path / "sessions" / "one.ipynb")
    (tmp_path / "data.txt").write_text("data", encoding="utf-8")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path / start)}}).execute()
    actions = [cell.outputs[0] for cell in notebook.cells if cell.metadata.codeact.kind == "action" and cell.outputs]
    assert [output.get("text") or output.ename for output in actions] == ["datadata\n", "NameError", "still here\n"]
    assert not list(tmp_path.rglob("ran"))


def test_jupyter_has_nothing_to_add_to_a_session_that_is_opened() -> None:
    from ipykernel.ipkernel import IPythonKernel

    metadata = to_notebook(Session("abc")).metadata
    assert metadata.language_info == IPythonKernel.language_info
    assert metadata.kernelspec == {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
