"""The requests that a page may make on the control channel, and those that are refused."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeact_magic.frontends.control_channel import MOST_REMARKS, ControlChannel
from codeact_magic.session import Json

from .signing import SigningPage

TICK = 0.005
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


PAGE = SigningPage()


def answer(channel: ControlChannel, content: Any) -> Json:
    """Return the answer to what an admitted page asks."""
    channel.answer(PAGE.hello(quiet=True))
    return channel.answer(PAGE.signed(content) if isinstance(content, dict) else content)


def bundle(name: str = "a-1", **fields: Any) -> Json:
    return {"id": name, "number": 1, "status": "pending", "ok": None, "thought": "look", "code": "x"} | fields


class Asked:
    """A pending step: `ControlChannel.ask` waits on a thread of its own, like the cell on the main thread."""

    def __init__(self, channel: ControlChannel, step: Json, patience: float = 60.0) -> None:
        self.channel, self.step, self.patience = channel, step, patience
        self.answer: Json | None = None
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        self.answer = self.channel.ask(self.step, self.patience, TICK)

    def __enter__(self) -> Asked:
        self._thread.start()
        while self.channel.answer({"op": "state"})["pending"] is None:
            assert self._thread.is_alive()
        return self

    def __exit__(self, *exception: object) -> None:
        if any(exception):
            self.channel.answer({"op": "stop"})
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def channel() -> ControlChannel:
    channel = ControlChannel(interrupt=lambda: None)
    channel.begin("main", 1, "count\nthem", 20)
    return channel


def decide(name: str = "a-1", **fields: Any) -> Json:
    return {"op": "decide", "id": name, "decision": "approve", "code": "y"} | fields


def test_a_decision_arrives_as_it_was_sent(channel: ControlChannel) -> None:
    code = "print('é')\n\n  # \u202e end "
    with Asked(channel, bundle()) as asked:
        assert answer(channel, decide(code=code, all=True)) == {"status": "ok"}
    assert asked.answer == {"decision": "approve", "code": code, "reason": "", "all": True}


def test_the_second_answer_is_told_that_it_came_too_late(channel: ControlChannel) -> None:
    with Asked(channel, bundle()) as asked:
        assert answer(channel, decide(code="first"))["status"] == "ok"
        late = answer(channel, decide(code="second"))
    assert (late["status"], late["reason"]) == ("error", "late")
    assert asked.answer is not None and asked.answer["code"] == "first"
    assert answer(channel, decide())["reason"] == "late"


def test_steps_are_listed_by_their_names(channel: ControlChannel) -> None:
    channel.step(bundle("a-1"), "running")
    channel.step(bundle("a-2", number=2, title="action 2"), "running")
    [thread] = channel.answer({"op": "state"})["threads"]
    assert [(step["number"], step.get("title")) for step in thread["turns"][0]["steps"]] == [(1, None), (2, "action 2")]


def test_a_decision_about_another_step_changes_nothing(channel: ControlChannel) -> None:
    with Asked(channel, bundle()):
        assert answer(channel, decide("b-7"))["reason"] == "unknown"
        assert channel.answer({"op": "state"})["pending"]["id"] == "a-1"
        answer(channel, decide())


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"op": 3},
        {"op": "run"},
        {"op": "__init__"},
        decide(code=None),
        decide(code=["x"]),
        decide(decision="edit"),
        decide(decision=True),
        decide(all="yes"),
        decide(reason=1),
        decide(code="x" * 1_000_001),
        decide(reason="x" * 10_001),
        {"op": "decide", "id": "a-1", "decision": "approve"},
        {"op": "say", "text": 1},
        {"op": "say", "text": "  "},
        {"op": "say"},
    ],
)
def test_a_malformed_request_is_refused_and_changes_nothing(channel: ControlChannel, content: Any) -> None:
    with Asked(channel, bundle()) as asked:
        before = channel.answer({"op": "state"})["revision"]
        reply = answer(channel, content)
        assert (reply["status"], reply["reason"]) == ("error", "malformed")
        assert "\n" not in reply["error"]
        assert channel.answer({"op": "state"})["revision"] == before
        answer(channel, decide(code="mine"))
    assert asked.answer is not None and asked.answer["code"] == "mine"
    assert channel.remarks() == ()


@given(json_values)
def test_no_random_request_decides_anything(content: Any) -> None:
    channel = ControlChannel(interrupt=lambda: None)
    channel.begin("main", 1, "count", 20)
    channel.step(bundle())
    assert channel.answer(content)["status"] in ("ok", "error")
    assert channel._decisions.empty()


def test_asking_ends_without_a_decision_if_no_page_comes(channel: ControlChannel) -> None:
    assert channel.ask(bundle(), 0.02, TICK) is None
    assert answer(channel, {"op": "hello", "id": "a-1"})["reason"] == "late"
    assert channel.answer({"op": "state"})["pending"] is None


def test_a_page_that_never_comes_is_waited_for_once(channel: ControlChannel) -> None:
    assert channel.ask(bundle(), 0.0, TICK) is None
    assert channel.ask(bundle("a-2"), 3600.0, TICK) is None
    answer(channel, {"op": "hello"})
    with Asked(channel, bundle("a-3"), patience=0.0) as asked:
        answer(channel, decide("a-3"))
    assert asked.answer is not None


def test_a_page_that_has_said_hello_is_waited_for(channel: ControlChannel) -> None:
    with Asked(channel, bundle(), patience=0.5) as asked:
        assert answer(channel, {"op": "hello", "id": "a-1"}) == {"status": "ok"}
        assert channel.attached
        for _ in range(200):
            assert channel.answer({"op": "state"})["pending"] is not None
        answer(channel, decide())
    assert asked.answer is not None


def test_a_page_that_was_seen_once_is_waited_for_in_every_later_step(channel: ControlChannel) -> None:
    answer(channel, {"op": "hello"})
    with Asked(channel, bundle(), patience=0.0) as asked:
        answer(channel, decide())
    assert asked.answer is not None


def test_hello_for_a_step_that_is_not_pending_attaches_no_page(channel: ControlChannel) -> None:
    assert answer(channel, {"op": "hello", "id": "a-9"})["reason"] == "unknown"
    assert not channel.attached


def test_a_decision_of_the_turn_before_does_not_answer_the_next_step(channel: ControlChannel) -> None:
    channel._decisions.put({"decision": "approve", "code": "stale", "reason": "", "all": False})
    with Asked(channel, bundle("a-2")) as asked:
        answer(channel, decide("a-2", code="fresh"))
    assert asked.answer is not None and asked.answer["code"] == "fresh"


def test_stop_answers_a_pending_step_and_interrupts_otherwise() -> None:
    interrupted: list[str] = []
    channel = ControlChannel(interrupt=lambda: interrupted.append("now"))
    assert channel.answer({"op": "stop"})["reason"] == "idle"
    channel.begin("main", 1, "count", 20)
    assert channel.answer({"op": "stop"}) == {"status": "ok"}
    assert interrupted == ["now"]
    with Asked(channel, bundle()) as asked:
        channel.answer({"op": "stop"})
    assert asked.answer is not None and asked.answer["decision"] == "stop"
    assert interrupted == ["now"]
    channel.end("stopped", "", 1.0, {})
    assert channel.answer({"op": "stop"})["reason"] == "idle"
    assert interrupted == ["now"]


def test_remarks_beyond_a_bound_are_refused_until_some_are_read(channel: ControlChannel) -> None:
    answers = [answer(channel, {"op": "say", "text": str(number)}) for number in range(MOST_REMARKS + 1)]
    assert answers[-1]["reason"] == "full"
    assert len(channel.remarks()) == MOST_REMARKS
    assert answer(channel, {"op": "say", "text": "on"})["status"] == "ok"


def test_remarks_are_returned_once_and_in_order(channel: ControlChannel) -> None:
    answer(channel, {"op": "say", "text": "first"})
    answer(channel, {"op": "say", "text": "second"})
    assert channel.remarks() == ("first", "second")
    assert channel.remarks() == ()
    channel.end("answered", "", 1.0, {})
    assert answer(channel, {"op": "say", "text": "too late"})["reason"] == "idle"
    channel.begin("main", 2, "next", 20)
    assert channel.remarks() == ()


def test_the_state_has_the_turns_and_the_activity_of_the_agent(channel: ControlChannel) -> None:
    channel.step(bundle(status="thinking"), "thinking")
    channel.step(bundle(status="done", ok=True), "running")
    channel.step(bundle("a-2", number=2, thought="", code="z = 1"), None)
    channel.spent({"prompt": 12})
    state = channel.answer({"op": "state"})
    assert state["agent"] == "running"
    assert state["turn"] | {"seconds": 0} == {
        "thread": "main",
        "turn": 1,
        "prompt": "count them",
        "step": 2,
        "max_steps": 20,
        "usage": {"prompt": 12},
        "seconds": 0,
    }
    (thread,) = state["threads"]
    assert [(step["status"], step["label"]) for step in thread["turns"][0]["steps"]] == [
        ("done", "look"),
        ("pending", "z = 1"),
    ]
    assert channel.answer({"op": "state", "since": state["revision"]})["unchanged"] is True
    channel.end("answered", "", 2.0, {"prompt": 12})
    after = channel.answer({"op": "state", "since": state["revision"]})
    assert (after["agent"], after["turn"]) == ("idle", None)
    assert after["threads"][0]["turns"][0]["outcome"] == "answered"


class Kernel:
    """The part of a kernel that the channel uses."""

    def __init__(self) -> None:
        self.control_handlers: dict[str, Any] = {}


def test_the_handler_is_registered_once_and_removed_again() -> None:
    kernel, first, second = Kernel(), ControlChannel(), ControlChannel()
    first.open(kernel)
    assert list(kernel.control_handlers) == ["codeact_request"]
    second.open(kernel)
    first.close()
    assert kernel.control_handlers["codeact_request"] == second._handle, "another's handler is left alone"
    second.close()
    assert kernel.control_handlers == {}
    ControlChannel().open(None)
