"""Sessions as lines of training data, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from codeact_magic.agent import Agent
from codeact_magic.context import edited, observation_text, wording
from codeact_magic.errors import CodeActError, SessionError
from codeact_magic.formats import Reading
from codeact_magic.kernels.live.executor import ShellExecutor
from codeact_magic.session import Action, Decision, Format, Observation, Reply, Session, Step, ToolCall, Turn
from codeact_magic.sessions import training_data
from codeact_magic.sessions.training_data import Layout, export, parse, read
from codeact_magic.testing import ScriptedModel

LAYOUTS: tuple[Layout, ...] = ("codeactinstruct", "openai")


class Decider:
    """Rejects code with "no" in it, edits code with "sum" in it, and approves all other code."""

    mode = "auto"

    def decide(self, number: int, reading: Reading) -> Decision:
        assert reading.action
        code = reading.action.code
        if "sum" in code:
            return Decision("edit", code.replace("sum", "max"))
        return Decision("reject", reason="not that way") if "no" in code else Decision("approve", code)


class Nowhere:
    """A view that shows nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def session(*turns: list[str], format: Format = "fence") -> Session:
    """Return the session of an agent whose model sends the replies in `turns`."""
    shell = InteractiveShell()  # type: ignore[no-untyped-call]
    model = ScriptedModel([reply for turn in turns for reply in turn])
    agent = Agent(Session("abc"), model, Decider(), ShellExecutor(shell), view=Nowhere(), keep=lambda session: None)
    for number, _ in enumerate(turns, 1):
        try:
            agent.run(f"Do task {number}, please.", format=format)
        except CodeActError:
            pass
    return agent.session


def kept(session: Session) -> list[Any]:
    """Return the parts of a session that a layout keeps."""
    return [
        (
            turn.prompt,
            turn.context,
            turn.answer,
            [(step.thought, step.action and step.action.code, step.observation_message)],
        )
        for turn in session.turns
        for step in turn.steps
    ]


ACTED = ["I add.\n```python\nx = 6 * 7\nprint(x)\n```", "It is 42."]
FAILED = ["I look.\n```python\n1 / 0\n```", "I try again.\n```python\nno = 1\n```", "It cannot be done."]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("format", ["fence", "execute"])
def test_a_session_comes_back_with_everything_that_the_layout_holds(layout: Layout, format: Format) -> None:
    before = session(ACTED, FAILED, format=format)
    after = parse(export(before, layout))
    assert kept(after) == kept(before)
    assert [turn.outcome for turn in after.turns] == ["answered", "answered"]
    statuses = [step.observation and step.observation.status for turn in after.turns for step in turn.steps]
    assert statuses == ["ok", None, "error", None, None]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_code_that_was_edited_comes_back_as_it_ran(layout: Layout) -> None:
    code = "values = [1,\n  2,\n  4]\nprint(sum(values))\nprint('done')"
    line = export(session([f"I add.\n```python\n{code}\n```", "It is 4."]), layout)
    step, _ = parse(line).turns[0].steps
    assert step.action and step.action.code == code
    assert step.decision and (step.decision.verdict, step.decision.code) == ("edit", code.replace("sum", "max"))
    assert step.observation and [output["text"] for output in step.observation.outputs] == ["4\ndone"]
    assert export(parse(line), layout) == line


LINES = st.lists(st.sampled_from(["", "a = 1", "@@ -1 +1 @@", "--- x", "+++ y", "-b", "+c", " d", "```", "`````diff"]))


@given(LINES, LINES, st.sampled_from(["", "5\n", "```\n"]))
def test_any_edit_comes_back(before: list[str], after: list[str], shown: str) -> None:
    old, new = "\n".join(before), "\n".join(after)
    seen = Observation("ok", ({"output_type": "stream", "name": "stdout", "text": shown},))
    message = observation_text(Action(old), Decision("edit", new), seen, 100_000)
    same = observation_text(Action(new), Decision("approve", new), seen, 100_000)
    assert edited(old, message) == ((new, same) if new != old else None)


@pytest.mark.parametrize("hunk", ["@@ -999999999 +1 @@", "@@ -2 +2 @@\n+x\n@@ -1 +1 @@", "@@ -1 +1 @@\n-y"])
def test_an_impossible_edit_is_ignored(hunk: str) -> None:
    message = f"{wording.EDITED}```diff\n--- proposed\n+++ run\n{hunk}\n```"
    assert edited("a\nb", message) is None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_imported_session_is_exported_unchanged(layout: Layout) -> None:
    line = export(session(ACTED, FAILED), layout)
    assert export(parse(line), layout) == line


def test_the_layout_of_codeactinstruct_is_the_published_one() -> None:
    record = json.loads(export(session(ACTED), "codeactinstruct"))
    assert record["id"] == "abc"
    assert [message["role"] for message in record["conversations"]] == "system user assistant user assistant".split()
    acted, observed, answer = [message["content"] for message in record["conversations"][2:]]
    assert acted == "I add.\n<execute>\nx = 6 * 7\nprint(x)\n</execute>"
    assert observed == "Execution Output:\nOutput:\n42"
    assert answer == "It is 42."


@pytest.mark.parametrize("layout", LAYOUTS)
def test_outputs_and_errors_come_back(layout: Layout) -> None:
    before = session(["```python\nprint(1)\n{}['a']\n```", "```python\nx = 1\n```", "Done."])
    line = export(before, layout)
    after = parse(line)
    one, two, _ = [step.observation for step in after.turns[0].steps]
    assert one and two
    shown = {"output_type": "stream", "name": "stdout", "text": "1"}
    raised = {"output_type": "error", "ename": "KeyError", "evalue": "'a'", "traceback": []}
    assert (one.status, one.outputs, one.line) == ("error", (shown, raised), "line 2: {}['a']")
    assert (two.status, two.outputs) == ("ok", ())
    assert export(after, layout) == line


def test_tool_calls_keep_their_ids() -> None:
    call = ToolCall("call-1", "python", json.dumps({"code": "print(1)"}))
    step = Step(
        Reply("I print.", tool_calls=(call,)),
        "I print.",
        Action("print(1)", "tools", "call-1"),
        Decision("approve", "print(1)"),
        Observation("ok"),
        assistant_message="I print.",
        observation_message="Output:\n1",
    )
    answer = Step(Reply("One."), "One.", assistant_message="One.")
    line = export(
        Session("abc", turns=(Turn("Print.", steps=(step, answer), outcome="answered", format="tools"),)), "openai"
    )
    roles = [message["role"] for message in json.loads(line)["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]
    assert json.loads(line)["messages"][3]["tool_call_id"] == "call-1"
    assert export(parse(line), "openai") == line


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_turn_without_an_answer_comes_back_without_one(layout: Layout) -> None:
    before = session(["I add.\n```python\nprint(1)\n```"] * 4, ACTED)
    assert before.turns[0].outcome == "limit"
    after = parse(export(before, layout))
    assert [turn.outcome for turn in after.turns] == ["stopped", "answered"]
    assert export(after, layout) == export(before, layout)


def test_code_with_the_closing_tag_in_it_comes_back() -> None:
    code = "print('</execute>')\nprint('```')"
    step = Step(
        Reply("x"),
        "I print.",
        Action(code),
        Decision("approve", code),
        Observation("ok"),
        observation_message="Output:\n1",
    )
    line = export(Session("abc", turns=(Turn("Print.", steps=(step,)),)), "codeactinstruct")
    action = parse(line).turns[0].steps[0].action
    assert action and action.code == code


@pytest.mark.parametrize("layout", LAYOUTS)
def test_secrets_are_masked_in_both_directions(layout: Layout) -> None:
    secret = 'p"ss\\w\u00f6rd-0123'
    code = f"# {secret}"
    call = ToolCall("call-1", "python", json.dumps({"code": code}))
    step = Step(
        Reply(secret, tool_calls=(call,)),
        secret,
        Action(code, "tools", "call-1"),
        Decision("approve", code),
        Observation("ok"),
        assistant_message=secret,
        observation_message=f"Output:\n{secret}",
    )
    leaky = Session("abc", turns=(Turn(secret, steps=(step,), format="tools"),))
    for line in (export(leaky, layout, (secret,)), export(parse(export(leaky, layout), (secret,)), layout)):
        assert secret not in line and "0123" not in line
        assert json.loads(line) and "***" in line


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1).map(str.strip).filter(bool)


@given(
    prompt=WORDS,
    answer=WORDS,
    lines=st.lists(st.sampled_from(["x = 1", "if x:\n    y = '```'", "print('é')", "# ~~~"])),
)
def test_any_conversation_comes_back(prompt: str, answer: str, lines: list[str]) -> None:
    code = "\n".join([*lines, "z = 1"])
    acted = Step(
        Reply(""),
        "I act.",
        Action(code),
        Decision("approve", code),
        Observation("ok"),
        observation_message="Output:\n1",
    )
    line = export(Session("abc", turns=(Turn(prompt, steps=(acted,)),)), "codeactinstruct")
    after = parse(line)
    assert [(turn.prompt, [step.action for step in turn.steps]) for turn in after.turns] == [
        (prompt, [Action(code, after.turns[0].format)])
    ]


BROKEN = {
    "no JSON": "{",
    "no object": "[1]",
    "nothing in it": "{}",
    "no messages": '{"messages": []}',
    "messages of another kind": '{"messages": "hello"}',
    "a message of another kind": '{"conversations": [1]}',
    "an unknown role": '{"messages": [{"role": "wizard", "content": ""}]}',
    "a role of another kind": '{"messages": [{"role": {}, "content": ""}]}',
    "content of another kind": '{"messages": [{"role": "user", "content": 1}]}',
    "the assistant first": '{"messages": [{"role": "assistant", "content": "Hello."}]}',
    "only a system": '{"messages": [{"role": "system", "content": "Hello."}]}',
    "a broken tool call": '{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "tool_calls": [{}]}]}',
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN)
def test_the_error_about_a_broken_line_is_one_line(line: str) -> None:
    with pytest.raises(SessionError) as caught:
        parse(line)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_broken_line_is_reported_with_its_number_and_the_rest_is_read() -> None:
    line = export(session(ACTED), "codeactinstruct")
    found = list(read([line, "", "{", line]))
    assert [number for number, _ in found] == [1, 3, 4]
    assert [isinstance(one, Session) for _, one in found] == [True, False, True]


def test_lines_of_other_tools_are_read() -> None:
    record = {
        "id": 7,
        "conversations": [
            {"from": "human", "value": "How many?"},
            {"from": "gpt", "value": "I count.\n<execute>\nprint(3)\n</execute>"},
            {"from": "human", "value": "Observation:\n3"},
            {"from": "gpt", "value": "Three."},
        ],
    }
    found = parse(json.dumps(record))
    assert found.id == "7"
    assert found.turns[0].answer == "Three."
    assert found.turns[0].steps[0].observation_message == "Observation:\n3"


def test_drafts_and_calls_of_other_models_are_read_as_what_they_are() -> None:
    draft = "[THINK]I could:\n```python\ndraft()\n```\n[/THINK]"
    call = "<function=python>\n<parameter=code>\nprint(5)\n</parameter>\n</function><|im_end|>"
    contents = ["Count.", draft + call, f"{training_data.OUTPUT}\n5", f"{draft}It is 5.<|im_end|>"]
    roles = ["user", "assistant"] * 2
    messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
    (turn,) = parse(json.dumps({"messages": messages})).turns
    assert [step.action and step.action.code for step in turn.steps] == ["print(5)", None]
    assert turn.answer == "It is 5."
    assert "draft" not in "".join(step.assistant_message for step in turn.steps)


def test_lone_surrogates_do_not_break_a_line() -> None:
    line = training_data.export(Session("abc", turns=(Turn("a\ud800b"),)), "openai")
    line.encode("utf-8")
    assert parse('{"messages": [{"role": "user", "content": "\\ud800"}]}').turns[0].prompt == "?"
