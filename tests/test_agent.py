"""The loop: the requests to the model, the ends of a turn, and the session that each end leaves."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeact_magic.agent import Agent, Delta, Limits, Model, Request, remedies
from codeact_magic.context import messages, preface
from codeact_magic.errors import CodeActError, EndpointError, LimitReachedError, StoppedError, UsageError
from codeact_magic.formats import CUT_OFF, EMPTY, Reading
from codeact_magic.frontends.advice import NOTEBOOK
from codeact_magic.hints import SetOption
from codeact_magic.kernels.live.executor import ShellExecutor
from codeact_magic.model import OpenAIModel, Settings
from codeact_magic.session import Cell, Decision, Format, Json, Observation, Reply, Session, Step, ToolCall, Turn, Usage
from codeact_magic.testing import FakeEndpoint, Say, ScriptedModel, ScriptedReply

from .shells import isolate, new_shell

FORMATS: tuple[Format, ...] = get_args(Format)
ANSWER = "It is 5."


def act(code: str) -> str:
    """Return a reply with an action."""
    return f"I try.\n```python\n{code}\n```"


@dataclass
class Someone:
    """Decides by a script, and approves everything after its end."""

    script: list[Decision | BaseException] = field(default_factory=list)
    mode: str = "ask"
    asked: list[tuple[int, Reading]] = field(default_factory=list)

    def decide(self, number: int, reading: Reading) -> Decision:
        self.asked.append((number, reading))
        assert reading.action
        decision = self.script.pop(0) if self.script else Decision("approve", reading.action.code)
        if isinstance(decision, BaseException):
            raise decision
        return replace(decision, code=reading.action.code) if decision.verdict == "approve" else decision


def printed(text: str) -> Observation:
    return Observation("ok", ({"output_type": "stream", "name": "stdout", "text": text},))


@dataclass
class Machine:
    """Runs nothing: returns the observations of a script, and "5" after its end."""

    script: list[Observation | BaseException] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    outline: str = "Variables in the notebook:\nx: int"
    troubles: list[BaseException] = field(default_factory=list)

    def run(self, code: str) -> Observation:
        self.ran.append(code)
        observation = self.script.pop(0) if self.script else printed("5\n")
        if isinstance(observation, BaseException):
            raise observation
        return observation

    def summary(self) -> str:
        if self.troubles:
            raise self.troubles.pop()
        return self.outline

    def cells(self) -> tuple[Cell, ...]:
        return (Cell("x = 5"),)


@dataclass
class Screen:
    """Records the calls of a view."""

    events: list[tuple[Any, ...]] = field(default_factory=list)

    def thinking(self, number: int, title: str = "") -> None:
        self.events.append(("thinking", number))

    def show(self, delta: Delta) -> None:
        self.events.append(("show", delta.text))

    def proposed(self, number: int, reading: Reading) -> None:
        self.events.append(("proposed", number, reading))

    def finished(self, number: int, step: Step) -> None:
        self.events.append(("finished", number, step))


class Setup:
    """An agent with a scripted model, user and executor."""

    def __init__(self, *replies: ScriptedReply, **options: Any) -> None:
        self.model = ScriptedModel(replies)
        self.someone, self.machine, self.screen = Someone(), Machine(), Screen()
        self.kept: list[Session] = []
        self.troubles: dict[int, BaseException] = {}  # errors of `keep`, by the number of earlier calls
        self.agent = Agent(
            Session("s"), self.model, self.someone, self.machine, view=self.screen, keep=self.keep, **options
        )

    def keep(self, session: Session) -> None:
        self.kept.append(session)
        if trouble := self.troubles.pop(len(self.kept) - 1, None):
            raise trouble

    def last_message(self, request: int = -1) -> str:
        """Return the last message of a request."""
        content = self.model.requests[request].messages[-1]["content"]
        assert isinstance(content, str)
        return content

    @property
    def turn(self) -> Turn:
        return self.agent.session.turns[-1]


# A turn


def test_a_reply_without_an_action_is_the_answer() -> None:
    setup = Setup(ANSWER)
    turn = setup.agent.run("What is x?")
    assert (turn.outcome, turn.answer, turn.note) == ("answered", ANSWER, "")
    assert turn == setup.agent.session.turns[-1] == setup.kept[-1].turns[-1]
    assert setup.machine.ran == []


def test_an_approved_action_runs_and_the_model_is_told_its_output() -> None:
    setup = Setup(act("print(x)"), ANSWER)
    turn = setup.agent.run("What is x?")
    assert setup.machine.ran == ["print(x)"]
    assert [(number, reading.thought) for number, reading in setup.someone.asked] == [(1, "I try.")]
    assert setup.last_message() == "Output:\n5"
    step, last = turn.steps
    assert step.action and step.decision and step.observation
    assert (step.thought, step.action.code, step.decision.verdict) == ("I try.", "print(x)", "approve")
    assert (step.assistant_message, step.observation_message) == (act("print(x)"), "Output:\n5")
    assert (last.assistant_message, last.observation_message) == (ANSWER, "")


def test_a_turn_names_its_model_format_and_approval() -> None:
    turn = Setup(ANSWER).agent.run("What is x?", format="execute")
    assert (turn.prompt, turn.context, turn.cells) == ("What is x?", Machine.outline, (Cell("x = 5"),))
    assert (turn.model, turn.endpoint, turn.format, turn.approve) == ("scripted", "script", "execute", "ask")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", turn.started)
    assert turn.seconds >= 0


def test_the_outline_of_the_namespace_can_be_left_out() -> None:
    setup = Setup(ANSWER)
    assert setup.agent.run("What is x?", summarize=False).context == ""
    assert setup.last_message() == "What is x?"


def test_the_session_is_kept_at_the_beginning_after_each_step_and_at_the_end() -> None:
    setup = Setup(act("a"), act("b"), ANSWER)
    setup.agent.run("What is x?")
    seen = [(len(session.turns[-1].steps), session.turns[-1].outcome) for session in setup.kept]
    assert seen == [(0, "open"), (1, "open"), (2, "open"), (3, "open"), (3, "answered")]


def test_the_view_is_shown_each_step_in_order() -> None:
    setup = Setup(act("a"), ANSWER)
    setup.agent.run("What is x?")
    names = [event[:2] for event in setup.screen.events if event[0] != "show"]
    assert names == [(name, number) for number in (1, 2) for name in ("thinking", "proposed", "finished")]
    assert "".join(event[1] for event in setup.screen.events if event[0] == "show") == act("a") + ANSWER


def test_a_thread_goes_on_in_the_next_turn() -> None:
    setup = Setup(act("a"), ANSWER, "Still 5.")
    setup.agent.run("What is x?")
    setup.agent.run("And now?", summarize=False)
    contents = [message["content"] for message in setup.model.requests[-1].messages[len(preface("fence")) :]]
    assert contents == [f"What is x?\n\n{Machine.outline}", act("a"), "Output:\n5", ANSWER, "And now?"]


def test_the_tokens_of_all_replies_are_added_up() -> None:
    turn = Setup(Reply(act("a"), usage=Usage(10, 5, 2)), Reply(ANSWER, usage=Usage(20, 10, 3))).agent.run("What is x?")
    assert turn.usage == Usage(30, 15, 5)


def test_lone_surrogates_do_not_enter_the_session() -> None:
    halves = "\ud83d", "\ude00", "\ud800"
    call = ToolCall("a", "python", json.dumps({"code": "x"}) + "\ud800")
    setup = Setup(Reply("".join(halves), reasoning="\ud800", tool_calls=(call,)), Reply("".join(halves)))
    turn = setup.agent.run("What is x?")
    assert turn.answer == "😀?"
    assert repr(turn).encode("utf-8")


# What is decided


def test_an_edited_action_runs_and_the_model_is_told_the_diff() -> None:
    setup = Setup(act("print(x)\nprint(y)"), ANSWER)
    setup.someone.script = [Decision("edit", "print(x)\nprint(z)")]
    setup.agent.run("What is x?")
    assert setup.machine.ran == ["print(x)\nprint(z)"]
    assert "-print(y)\n+print(z)\n" in setup.last_message()
    assert setup.last_message().endswith("Output:\n5")


def test_the_reason_of_a_rejection_reaches_the_model_and_the_turn_goes_on() -> None:
    setup = Setup(act("rm()"), ANSWER)
    setup.someone.script = [Decision("reject", reason="Never delete anything.")]
    turn = setup.agent.run("What is x?")
    assert setup.machine.ran == []
    assert "rejected this code, and it was not run: Never delete anything." in setup.last_message()
    assert turn.outcome == "answered"


def test_a_stop_ends_the_turn_and_the_session_keeps_the_proposal() -> None:
    setup = Setup(act("rm()"), ANSWER)
    setup.someone.script = [Decision("stop")]
    with pytest.raises(StoppedError, match="You stopped the agent"):
        setup.agent.run("What is x?")
    assert setup.machine.ran == []
    assert setup.turn.outcome == "stopped"
    (step,) = setup.turn.steps
    assert step.action and step.action.code == "rm()"
    assert step.observation_message == "The user stopped here; the code was not run."


def test_a_remark_is_told_with_the_observation_of_the_step() -> None:
    remarks = [(), ("Use y.", "Be brief."), (), ()]
    setup = Setup(act("a"), act("b"), ANSWER, remarks=lambda: remarks.pop(0))
    setup.agent.run("What is x?")
    assert setup.last_message(1) == "Output:\n5"
    assert setup.last_message(2) == "Output:\n5\n\nThe user remarks: Use y.\n\nThe user remarks: Be brief."


def test_a_remark_on_an_answer_makes_the_turn_go_on() -> None:
    remarks = [("No.",), ("Not yet.",), ("Nearly.",), ("Once more.",), ()]
    setup = Setup("4", "6", "7", "8", ANSWER, remarks=lambda: remarks.pop(0))
    assert setup.agent.run("What is x?").answer == ANSWER
    assert setup.last_message() == "The user remarks: Once more."


# Limits


def ends(setup: Setup, error: type[CodeActError]) -> str:
    """Run a turn that ends without an answer, and return the line that says why."""
    with pytest.raises(error) as raised:
        setup.agent.run("What is x?")
    line = NOTEBOOK.line(raised.value.fact, raised.value.hints)
    assert "\n" not in line
    assert setup.turn.note == raised.value.fact
    assert setup.kept[-1] == setup.agent.session
    return line


def goes_on(setup: Setup) -> bool:
    """Return whether the thread can go on after a turn that ended without an answer."""
    model = ScriptedModel([act("goes_on()"), ANSWER])
    setup.agent.model = model
    setup.machine.script.clear()
    turn = setup.agent.run("And now?")
    sent = model.requests[-1].messages
    check_roles(sent)
    return (turn.outcome, turn.answer, setup.machine.ran[-1]) == ("answered", ANSWER, "goes_on()")


def test_the_limit_of_steps_ends_the_turn() -> None:
    setup = Setup(*(act(f"f({n})") for n in range(9)), limits=Limits(steps=3))
    line = ends(setup, LimitReachedError)
    assert "its limit of 3 steps" in line
    assert "--max-steps N or %config CodeAct.max_steps = N" in line
    assert (len(setup.turn.steps), setup.turn.outcome) == (3, "limit")
    assert goes_on(setup)


def test_the_limit_of_tokens_ends_the_turn() -> None:
    setup = Setup(*(Reply(act(f"f({n})"), usage=Usage(400, 300, 100)) for n in range(9)), limits=Limits(tokens=1000))
    line = ends(setup, LimitReachedError)
    assert "its limit of 1,000 tokens" in line
    assert "%config CodeAct.max_tokens_per_turn = 2000" in line
    assert (len(setup.turn.steps), setup.turn.outcome) == (2, "limit")
    assert goes_on(setup)


def test_without_a_limit_of_tokens_none_ends_the_turn() -> None:
    setup = Setup(*(Reply(act(f"f({n})"), usage=Usage(10**9)) for n in range(5)), ANSWER, limits=Limits(tokens=0))
    assert setup.agent.run("What is x?").answer == ANSWER


def test_the_same_code_again_is_not_run_and_the_third_time_ends_the_turn() -> None:
    setup = Setup(*[act("f()")] * 3)
    line = ends(setup, LimitReachedError)
    assert setup.machine.ran == ["f()"]
    assert "proposed the same code again" in setup.last_message() and "before:\nOutput:\n5\n" in setup.last_message()
    assert "the same code 3 times over" in line
    assert "%config CodeAct.max_repeats" in line
    assert [step.decision is None for step in setup.turn.steps] == [False, True, True]
    assert goes_on(setup)


def test_only_the_same_code_in_a_row_counts_as_repeated() -> None:
    setup = Setup(act("f()"), act("f() \n\n"), act("g()"), act("f()"), act("f()"), ANSWER)
    setup.agent.run("What is x?")
    assert setup.machine.ran == ["f()", "g()", "f()"]


@pytest.mark.parametrize(("code", "ran"), [("fg", "fgf"), ("fgh", "fghfg"), ("ffg", "fgf")])
def test_rounds_of_a_few_steps_are_told_and_end_the_turn(code: str, ran: str) -> None:
    setup = Setup(*[act(f"{letter}()") for letter in code * 5])
    assert "the same code 3 times over" in ends(setup, LimitReachedError)
    assert setup.machine.ran == [f"{letter}()" for letter in ran]
    assert len(setup.turn.steps) == 3 * len(code)
    assert goes_on(setup)


def test_the_same_code_with_another_result_is_not_a_repetition() -> None:
    setup = Setup(*[act("f()"), act("g()")] * 4, ANSWER)
    setup.machine.script = [printed(f"{number}\n") for number in range(8)]
    setup.agent.run("What is x?")
    assert setup.machine.ran == ["f()", "g()"] * 4


def test_the_same_code_may_be_run_in_the_next_turn() -> None:
    setup = Setup(act("f()"), ANSWER, act("f()"), ANSWER)
    setup.agent.run("What is x?")
    setup.agent.run("And now?")
    assert setup.machine.ran == ["f()", "f()"]


CUT = Reply("```python\nimport os\nos.remo", finish="length")


@pytest.mark.parametrize("faulty", ["", CUT, Reply("<think>Hm.</think>"), "<execute></execute>"])
def test_three_unusable_replies_in_a_row_end_the_turn(faulty: str | Reply) -> None:
    setup = Setup(*[faulty] * 3)
    line = ends(setup, EndpointError)
    assert "last 3 replies could not be used" in line
    assert "%config CodeAct.max_tokens" in line
    assert (setup.machine.ran, len(setup.turn.steps), setup.turn.outcome) == ([], 3, "failed")
    assert goes_on(setup)


def test_the_model_is_told_why_its_reply_is_unusable() -> None:
    setup = Setup("", CUT, act("f()"), "", CUT, ANSWER)
    assert setup.agent.run("What is x?").answer == ANSWER
    sent = [setup.last_message(request) for request in range(1, 6)]
    assert sent == [EMPTY, CUT_OFF, "Output:\n5", EMPTY, CUT_OFF]


def test_the_note_says_that_an_answer_was_cut_off() -> None:
    turn = Setup(Reply("It is", finish="length")).agent.run("What is x?")
    assert (turn.outcome, turn.answer) == ("answered", "It is")
    assert "cut off" in turn.note and remedies(turn) == (SetOption("max_tokens", to="raise the limit"),)


def test_the_note_says_what_the_endpoint_left_open() -> None:
    turn = Setup(act("f()"), Reply(ANSWER, note="It ended oddly.")).agent.run("What is x?")
    assert (turn.outcome, turn.note) == ("answered", "It ended oddly.")


def test_a_reply_that_repeats_itself_is_told_to_the_model_and_the_turn_goes_on() -> None:
    setup = Setup(Reply("I look. " * 900, finish="loop"), ANSWER)
    assert setup.agent.run("What is x?").answer == ANSWER
    assert "repeated itself" in setup.last_message(1)
    assert len(str(setup.model.requests[1].messages)) < len(str(setup.model.requests[0].messages)) + 6000


def test_an_action_before_the_repetition_counts() -> None:
    setup = Setup(Reply(f"{act('f()')}\n", finish="loop"), ANSWER)
    assert setup.agent.run("What is x?").answer == ANSWER
    assert setup.machine.ran == ["f()"]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply("I look. " * 900, finish="loop"), "repeated itself over and over"),
        (Reply("", reasoning="The answer is 42."), "reasoning, without an answer"),
        (Reply(""), "empty, or cut off"),
    ],
)
def test_replies_that_cannot_be_used_end_the_turn_and_are_described(reply: Reply, words: str) -> None:
    setup = Setup(reply, reply, reply)
    with pytest.raises(EndpointError, match=words):
        setup.agent.run("What is x?")
    assert (len(setup.turn.steps), setup.turn.outcome) == (3, "failed")


# Interrupts and errors


def interrupting(phase: str) -> Setup:
    """Return a setup in which the user interrupts in one phase."""
    interrupt = KeyboardInterrupt()
    setup = Setup(interrupt if phase == "reply" else act("f()"), ANSWER)
    match phase:
        case "summary":
            setup.machine.troubles.append(interrupt)
        case "decide":
            setup.someone.script = [interrupt]
        case "run":
            setup.machine.script = [replace(printed("1\n"), status="interrupted")]
        case "run, raised":
            setup.machine.script = [interrupt]
        case "keep the prompt" | "keep a step" | "keep the answer's step" | "keep the turn":
            number = ["keep the prompt", "keep a step", "keep the answer's step", "keep the turn"].index(phase)
            setup.troubles = {number: interrupt}
    return setup


PHASES = {
    "summary": 0,
    "keep the prompt": 0,
    "reply": 0,
    "decide": 1,
    "run": 1,
    "run, raised": 1,
    "keep a step": 1,
    "keep the answer's step": 2,
    "keep the turn": 2,
}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("before", [0, 1])
def test_an_interrupt_in_any_phase_stops_the_turn_and_leaves_a_usable_session(phase: str, before: int) -> None:
    setup = interrupting(phase)
    earlier = Turn("Before", steps=(Step(Reply("Yes."), thought="Yes.", assistant_message="Yes."),), outcome="answered")
    setup.agent.session = replace(setup.agent.session, turns=(earlier,) * before)
    line = ends(setup, StoppedError)
    assert "You stopped the agent" in line
    assert setup.agent.session.turns[:-1] == (earlier,) * before
    assert (setup.turn.outcome, setup.turn.prompt, len(setup.turn.steps)) == ("stopped", "What is x?", PHASES[phase])
    assert goes_on(setup)


def test_a_step_is_drafted_before_it_is_decided_about_and_again_before_it_runs() -> None:
    setup, drafts = Setup(act("f()"), ANSWER), list[str]()

    def draft(session: Session) -> None:
        (step,) = session.turns[-1].steps
        assert step.action and step.action.code == "f()"
        assert (len(setup.someone.asked), setup.machine.ran, step.observation) == (len(drafts), [], None)
        assert bool(step.decision) == bool(drafts)
        drafts.append(step.observation_message)

    setup.agent.draft = draft
    assert setup.agent.run("What is x?").answer == ANSWER
    assert drafts == [
        "The code was not run: nobody decided about it.",
        "The run of the code broke off; how far it came is not known.",
    ]


def test_saving_is_settled_before_a_request_before_a_question_and_before_code_runs() -> None:
    setup, done = Setup(act("f()"), ANSWER), list[tuple[int, int, int]]()
    saved = list[Session]()
    setup.agent.draft = setup.agent.keep = saved.append
    setup.agent.settle = lambda: done.append((len(setup.model.requests), len(setup.machine.ran), len(saved)))
    setup.agent.run("What is x?")
    prompt, proposed, decided, over = 1, 2, 3, 4
    assert done == [(0, 0, prompt), (1, 0, proposed), (1, 0, decided), (1, 1, over)]


def test_a_proposal_is_not_settled_if_nobody_is_asked() -> None:
    setup, done = Setup(act("f()"), ANSWER), list[int]()
    saved = list[Session]()
    setup.someone.mode = "auto"
    setup.agent.draft = setup.agent.keep = saved.append
    setup.agent.settle = lambda: done.append(len(saved))
    setup.agent.run("What is x?")
    assert done == [1, 3, 4]


def test_a_rejected_action_is_drafted_only_before_the_decision() -> None:
    setup, drafts = Setup(act("f()"), ANSWER), list[Session]()
    setup.someone.script = [Decision("reject", reason="No.")]
    setup.agent.draft = drafts.append
    setup.agent.run("What is x?")
    assert len(drafts) == 1


def test_an_interrupt_before_the_code_begins_says_so() -> None:
    setup = Setup(act("f()"), ANSWER)

    def settle() -> None:
        if setup.someone.asked:
            raise KeyboardInterrupt

    setup.agent.settle = settle
    ends(setup, StoppedError)
    (step,) = setup.turn.steps
    assert (step.observation_message, setup.machine.ran) == (
        "The code was not run: it was stopped before it began.",
        [],
    )
    assert step.decision and step.decision.runs
    setup.agent.settle = lambda: None
    assert goes_on(setup)


def test_a_proposal_at_which_the_user_interrupted_is_in_the_session() -> None:
    left = {}
    for phase in ("decide", "run", "run, raised"):
        setup = interrupting(phase)
        ends(setup, StoppedError)
        (step,) = setup.turn.steps
        assert step.action and step.action.code == "f()"
        assert bool(step.decision) == (phase != "decide")
        left[phase] = step.observation_message
    assert left == {
        "decide": "The code was not run: nobody decided about it.",
        "run": "Output:\n1\nThe code was interrupted before it was done.",
        "run, raised": "The run of the code broke off; how far it came is not known.",
    }


def test_an_endpoint_that_fails_ends_the_turn_and_the_steps_so_far_are_kept() -> None:
    setup = Setup(act("f()"), EndpointError("It is down."))
    assert ends(setup, EndpointError) == "It is down."
    assert (setup.turn.outcome, len(setup.turn.steps)) == ("failed", 1)
    assert goes_on(setup)


def test_the_turn_ends_and_nothing_runs_if_nobody_can_be_asked() -> None:
    setup = Setup(act("f()"))
    setup.someone.script = [UsageError("Nobody is there.")]
    assert ends(setup, UsageError) == "Nobody is there."
    assert (setup.turn.outcome, setup.machine.ran) == ("failed", [])
    assert goes_on(setup)


def test_an_unexpected_error_is_raised_and_the_turn_is_kept() -> None:
    setup = Setup(act("f()"))
    setup.machine.script = [ZeroDivisionError("ours")]
    with pytest.raises(ZeroDivisionError, match="ours"):
        setup.agent.run("What is x?")
    assert (setup.turn.outcome, setup.turn.note) == ("failed", "ZeroDivisionError: ours")
    assert goes_on(setup)


# Messages are append-only


def check_roles(sent: Sequence[Json]) -> None:
    """Check that chat templates and endpoints accept the messages: alternating roles, and an answer for each call."""
    assert [message["role"] for message in sent[:2]] == ["system", "user"]
    for message, after in zip(sent, [*sent[1:], None], strict=True):
        role, next_role = message["role"], after["role"] if after else "assistant"
        calls = [call["id"] for call in message.get("tool_calls", ())]
        assert message["content"] or calls
        if calls:
            assert after and [after["role"], after["tool_call_id"]] == ["tool", *calls]
        elif role == "tool":
            assert next_role == "assistant" or (after and after["content"][0]["text"].startswith("The images"))
        else:
            assert (role, next_role) in {("system", "user"), ("user", "assistant"), ("assistant", "user")}
    assert sum("tool_calls" in message for message in sent) == sum(message["role"] == "tool" for message in sent)


def check_append_only(requests: Sequence[Request]) -> None:
    """Check that each request begins with the one before it, byte for byte."""
    texts = [json.dumps(request.messages) for request in requests]
    for request in requests:
        check_roles(request.messages)
    for before, after in pairwise(texts):
        assert after.startswith(before.removesuffix("]"))


PNG = base64.b64encode(b"\x89PNG" + bytes(30)).decode()
FIGURE: Json = {"output_type": "display_data", "data": {"image/png": PNG, "text/plain": "<Figure>"}, "metadata": {}}
ERROR: Json = {"output_type": "error", "ename": "KeyError", "evalue": "'age'", "traceback": []}


def native(code: str, text: str = "") -> Reply:
    calls = (ToolCall("call-0", "python", json.dumps({"code": code})), ToolCall("call-1", "python", "{}"))
    return Reply(text, tool_calls=calls, finish="tool_calls")


CODES = st.sampled_from(["f()", "f()", "x = '''\n```\n'''", "g('é')", "print(1)\n\nprint(2)"])
REPLIES = st.one_of(
    CODES.map(act),
    CODES.map(lambda code: f"<execute>\n{code}\n</execute> and so on"),
    CODES.map(lambda code: f"<think>Hm.</think>I try.\n{act(code)}\n```output\n7\n```"),
    CODES.map(native),
    CODES.map(lambda code: native(code, text="I call.")),
    CODES.map(lambda code: json.dumps({"thought": "I try.", "code": code})),
    CODES.map(lambda code: f"<tool_call>{json.dumps({'name': 'python', 'arguments': {'code': code}})}</tool_call>"),
    st.sampled_from(
        ["", "  ", ANSWER, CUT, Reply("It is", finish="length"), Reply("", tool_calls=(ToolCall("c", "f", "{"),))]
    ),
    st.sampled_from([EndpointError("It is down."), KeyboardInterrupt()]),
)
DECISIONS = st.one_of(
    st.just(Decision("approve")),
    st.sampled_from([Decision("edit", "edited()"), Decision("edit", ""), Decision("reject"), Decision("stop")]),
    st.text().map(lambda reason: Decision("reject", reason=reason)),
    st.sampled_from([KeyboardInterrupt(), UsageError("Nobody is there.")]),
)
OBSERVATIONS = st.one_of(
    st.text().map(printed),
    st.sampled_from([Observation("ok"), Observation("ok", changed=(("x", "5"),)), Observation("ok", (FIGURE, FIGURE))]),
    st.sampled_from([Observation("error", (ERROR,), line="line 1: f()"), Observation("error", (FIGURE, ERROR))]),
    st.sampled_from([Observation("interrupted", (FIGURE,)), KeyboardInterrupt(), ZeroDivisionError()]),
)


@dataclass(frozen=True)
class Script:
    """The events of a turn."""

    replies: list[ScriptedReply]
    decisions: list[Decision | BaseException]
    observations: list[Observation | BaseException]
    remarks: list[tuple[str, ...]]


SCRIPTS = st.builds(
    Script,
    st.lists(REPLIES, max_size=6),
    st.lists(DECISIONS, max_size=6),
    st.lists(OBSERVATIONS, max_size=6),
    st.lists(st.sampled_from([(), (), ("Hurry.",)]), max_size=6),
)


def played(scripts: Sequence[Script], format: Format, **options: Any) -> list[Sequence[Request]]:
    """Return the requests of each turn of a scripted session."""
    remarks: list[tuple[str, ...]] = []
    setup = Setup(remarks=lambda: remarks.pop(0) if remarks else (), **options)
    requests: list[Sequence[Request]] = []
    for script in scripts:
        model = ScriptedModel([*script.replies, ANSWER, ANSWER, ANSWER, ANSWER, ANSWER, ANSWER, ANSWER])
        setup.agent.model, setup.machine.script, remarks[:] = model, list(script.observations), script.remarks
        setup.someone.script = list(script.decisions)
        try:
            setup.agent.run("What is x?", format=format)
        except (CodeActError, ZeroDivisionError):
            pass
        assert setup.turn.outcome != "open"
        assert setup.kept[-1] == setup.agent.session
        requests.append(model.requests)
    return requests


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(SCRIPTS, min_size=1, max_size=4), st.sampled_from(FORMATS), st.booleans())
def test_each_request_begins_with_the_one_before_it(scripts: list[Script], format: Format, vision: bool) -> None:
    turns = played(scripts, format, vision=vision, limits=Limits(steps=6))
    check_append_only([request for requests in turns for request in requests])


@given(st.lists(SCRIPTS, min_size=2, max_size=5), st.sampled_from(FORMATS), st.integers(0, 3000))
def test_a_window_moves_only_between_turns(scripts: list[Script], format: Format, budget: int) -> None:
    for requests in played(scripts, format, limits=Limits(steps=6, context=budget)):
        check_append_only(requests)


def test_a_window_leaves_old_turns_out() -> None:
    setup = Setup(*["x" * 3000] * 8, limits=Limits(context=4000))
    for number in range(8):
        setup.agent.run(f"Question {number}?")
    sent = json.dumps(setup.model.requests[-1].messages)
    assert "Question 7?" in sent and "Question 6?" in sent
    assert "Question 0?" not in sent
    assert sent.startswith(json.dumps(preface("fence"))[:-1])


# What makes a small model act well, in a real shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    isolate(monkeypatch, tmp_path)
    with new_shell() as ipython:
        yield ipython


def live(shell: Any, model: Model, **options: Any) -> Agent:
    """Return an agent that runs actions in `shell` without asking."""
    executor = ShellExecutor(shell)
    return Agent(Session("s"), model, Someone(), executor, view=Screen(), keep=lambda session: None, **options)


def observation_messages(model: ScriptedModel) -> list[str]:
    """Return the observation message after each reply of the model."""
    return [str(request.messages[-1]["content"]) for request in model.requests[1:]]


def messages_in(shell: Any, *replies: ScriptedReply, format: Format = "fence") -> list[str]:
    """Take a prompt to its answer in `shell`, and return the observation messages."""
    model = ScriptedModel([*replies, ANSWER])
    assert live(shell, model).run("What is x?", format=format).answer == ANSWER
    return observation_messages(model)


def asked_over_http(endpoint: FakeEndpoint, shell: Any, format: Format = "fence", **options: Any) -> Turn:
    model = OpenAIModel(Settings(endpoint.base_url, "fake-model", timeout=10.0, **options))
    return live(shell, model).run("What is x?", format=format)


def test_measure_1_the_history_begins_with_two_examples_one_of_which_repairs_an_error(shell: Any) -> None:
    model = ScriptedModel([ANSWER])
    live(shell, model).run("What is x?")
    system, *examples, prompt = model.requests[0].messages
    assert (system["role"], prompt["content"]) == ("system", "What is x?")
    users = [message["content"] for message in examples if message["role"] == "user"]
    observed = [content for content in users if content.startswith(("Output:", "The code raised"))]
    assert len(users) - len(observed) >= 2
    assert [content.startswith("The code raised") for content in observed] == [False, True, False, False]


@pytest.mark.parametrize("asked", FORMATS)
@pytest.mark.parametrize(
    "reply",
    [
        "```python\nprint(2 + 3)\n```",
        "<execute>\nprint(2 + 3)\n</execute>",
        "<execute>\nprint(2 + 3)\n```",
        '<tool_call>{"name": "python", "arguments": {"code": "print(2 + 3)"}}</tool_call>',
        native("print(2 + 3)"),
    ],
)
def test_measure_2_every_format_is_run_whichever_was_asked_for(shell: Any, reply: str | Reply, asked: Format) -> None:
    assert messages_in(shell, reply, format=asked) == ["Output:\n5"]


INVENTED = act("print(2 + 3)") + "\n```output\n99\n```\nSo it is 99.\n" + act("print(99)") + "\nand so on" * 5000


def test_measure_3_what_follows_the_first_block_is_neither_run_nor_kept(shell: Any) -> None:
    model = ScriptedModel([Reply(INVENTED), ANSWER])
    turn = live(shell, model).run("What is x?")
    assert turn.steps[0].assistant_message == act("print(2 + 3)")
    assert observation_messages(model) == ["Output:\n5"]
    assert "99" not in json.dumps(model.requests[-1].messages)


@pytest.mark.parametrize(("format", "stop"), [("fence", "```output"), ("execute", "</execute>")])
def test_measure_3_the_endpoint_is_asked_to_stop_behind_the_block(shell: Any, format: Format, stop: str) -> None:
    with FakeEndpoint([f"<execute>\nprint(2 + 3)\n{stop} 99", ANSWER]) as endpoint:
        turn = asked_over_http(endpoint, shell, format)
        assert endpoint.requests[0].body["stop"] == [stop]
    assert (turn.steps[0].reply.finish, turn.steps[0].observation_message) == ("stop", "Output:\n5")


@pytest.mark.parametrize("rejects", [(), ("stop",)])
@pytest.mark.parametrize("format", FORMATS)
def test_measure_3_an_endpoint_that_does_not_stop_is_cut_off(
    shell: Any, format: Format, rejects: tuple[str, ...]
) -> None:
    invented = "<think></think>\n" + act("print(2 + 3)") + "\nand so on" * 50_000
    with FakeEndpoint([Say(invented, ignore_stop=True, chunk=40), ANSWER], rejects=rejects) as endpoint:
        turn = asked_over_http(endpoint, shell, format)
        endpoint.wait_for_disconnects(1)
    assert (turn.steps[0].reply.finish, turn.steps[0].observation_message) == ("cut", "Output:\n5")
    assert len(turn.steps[0].reply.text) < 1000


def test_measure_4_for_code_that_printed_nothing_the_variables_are_told(shell: Any) -> None:
    code = "import math\ntotal = 2 + 3\nwords = ['a', 'b']\ndef f(): pass"
    shell.user_ns["old"] = 1
    assert messages_in(shell, act(code)) == [
        "The code ran and printed nothing.\nVariables set: total = 5; words = ['a', 'b']"
    ]


def test_measure_5_the_value_of_every_expression_is_told(shell: Any) -> None:
    (message,) = messages_in(shell, act("2 + 3\n'a' * 3\nx = 5\nx\nNone"))
    assert message.split() == ["Output:", "5", "'aaa'", "5"]
    assert "Out[" not in message


def test_measure_6_an_error_is_told_in_short(shell: Any) -> None:
    code = "import json\n\ndef load():\n    return json.loads('{')\n\nprint('before')\nload()"
    assert messages_in(shell, act(code)) == [
        "Output:\nbefore\nThe code raised an error:\nJSONDecodeError: Expecting property name enclosed in double "
        "quotes: line 1 column 2 (char 1)\nat line 4: return json.loads('{')\nFind the cause, then run corrected code."
    ]


def test_measure_6_an_error_of_syntax_is_told_in_short(shell: Any) -> None:
    assert messages_in(shell, act("x = 1\ny = = 2")) == [
        "The code raised an error:\nSyntaxError: invalid syntax\nat line 2: y = = 2\n"
        "Find the cause, then run corrected code."
    ]


def test_measure_7_code_that_was_cut_off_is_not_run_and_the_model_is_told(shell: Any) -> None:
    cut = Say(act("x = 5\ny = 6\nz = 7\nprint(x + y"), honour_max_tokens=True)
    with FakeEndpoint([cut, ANSWER]) as endpoint:
        turn = asked_over_http(endpoint, shell, max_tokens=8)
        assert endpoint.requests[1].body["messages"][-1] == {"role": "user", "content": CUT_OFF}
    assert (turn.answer, turn.steps[0].reply.finish) == (ANSWER, "length")
    assert not {"x", "y"} & shell.user_ns.keys()


def test_measure_8_the_same_code_again_is_told_once_and_then_ends_the_turn(shell: Any) -> None:
    model = ScriptedModel([act("n = globals().get('n', 0) + 1")] * 3)
    with pytest.raises(LimitReachedError, match="the same code 3 times over"):
        live(shell, model).run("What is x?")
    assert shell.user_ns["n"] == 1
    assert ["same code again" in message for message in observation_messages(model)] == [False, True]


def test_measure_9_a_reply_without_a_block_is_the_answer(shell: Any) -> None:
    answer = "It is `5`.\n\n```text\n5\n```\nFINAL ANSWER is nothing special."
    model = ScriptedModel([act("print(5)"), answer])
    assert live(shell, model).run("What is x?").answer == answer
    assert "FINAL" not in json.dumps(model.requests[-1].messages)


def test_measure_10_the_beginning_of_the_prompt_never_changes(shell: Any) -> None:
    script = [act("x = 5"), act("y ="), act("x"), ANSWER, act("del x"), ANSWER]
    with FakeEndpoint(script) as endpoint:
        agent = live(shell, OpenAIModel(Settings(endpoint.base_url, "fake-model", timeout=10.0)))
        agent.run("What is x?")
        agent.run("And now?")
        bodies = [json.dumps(request.body["messages"]) for request in endpoint.requests]
    assert len(bodies) == 6
    for before, after in pairwise(bodies):
        assert after.startswith(before.removesuffix("]"))


@pytest.mark.parametrize("seeing", [True, False])
@pytest.mark.parametrize("reply", [act("figure"), native("figure")])
def test_a_figure_is_sent_to_a_model_with_vision(shell: Any, reply: str | Reply, seeing: bool) -> None:
    class Figure:
        def _repr_png_(self) -> bytes:
            return base64.b64decode(PNG)

        def __repr__(self) -> str:
            return "<Figure>"

    shell.user_ns["figure"] = Figure()
    model = ScriptedModel([reply, ANSWER])
    live(shell, model, vision=seeing).run("What is x?")
    sent = json.dumps(model.requests[-1].messages)
    assert "<Figure> [image/png, 1 kB]" in sent
    assert (f"data:image/png;base64,{PNG}" in sent) == seeing
    check_roles(model.requests[-1].messages)


def test_the_outline_of_a_live_namespace_is_sent_with_the_prompt(shell: Any) -> None:
    shell.run_cell("import math\n_private = 1\nx = 5\ndef tool(a):\n    'Do it.'", store_history=True)
    model = ScriptedModel([act("made = 1"), ANSWER, ANSWER])
    agent = live(shell, model)
    agent.run("What is x?")
    agent.run("And now?")
    prompts = [
        message["content"] for message in model.requests[-1].messages if "Variables in the" in message["content"]
    ]
    outline = "Variables in the notebook:\nx: int\ntool: function tool(a): Do it."
    assert prompts[1:] == [f"What is x?\n\n{outline}", f"And now?\n\n{outline}\nmade: int"]


def test_the_messages_of_a_session_can_be_made_again_from_its_values() -> None:
    setup = Setup(act("f()"), "", native("g()"), ANSWER)
    setup.agent.run("What is x?")
    *before, answer = messages(setup.agent.session)
    assert before == [*setup.model.requests[-1].messages]
    assert answer == {"role": "assistant", "content": ANSWER}
