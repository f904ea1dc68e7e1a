"""The conversation in the form that the strictest endpoint takes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from codeact_magic.context import messages, preface
from codeact_magic.session import Action, Json, Reply, Session, Step, ToolCall, Turn


def called(arguments: str, name: str = "python", id: str = "call_0", extra: str = "", **fields: Any) -> Step:
    """Return a step whose code came in a call."""
    reply = Reply("", tool_calls=(ToolCall(id, name, arguments, extra),), finish="tool_calls", **fields)
    return Step(reply, action=Action("f()", "tools", id), observation_message="5")


def sent(*steps: Step, **turn: Any) -> list[Json]:
    """Return the messages of a session whose first turn has `steps`, from that turn on."""
    session = Session("s").begun(Turn("One", steps=steps, format="tools", **turn))
    session = session.begun(Turn("Two", format="tools", endpoint="e", model="m"))
    return messages(session)[len(preface("tools")) :]


def test_ids_of_calls_are_unique_and_have_nine_letters_and_digits() -> None:
    steps = [called('{"code": "f()"}', id=id) for id in ("call-0", "call-0", "", "call_" + "x" * 60)]
    steps[2] = replace(steps[2], action=Action("f()", "tools", "call-0"), reply=steps[0].reply)
    conversation = [*preface("tools"), *sent(*steps)]
    ids = [call["id"] for message in conversation for call in message.get("tool_calls", ())]
    answered = [message["tool_call_id"] for message in conversation if message["role"] == "tool"]
    assert len(set(ids)) == len(ids) > 4 and ids == answered
    assert all(re.fullmatch("[a-zA-Z0-9]{9}", id) for id in ids)


def test_an_id_that_holds_a_signature_comes_back() -> None:
    _, assistant, tool, *_ = sent(called('{"code": "f()"}', id="call_1__thought__c2ln"))
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"] == "call_1__thought__c2ln"


@pytest.mark.parametrize("arguments", ['{"code": "f()"', "f()", '{"python": "f()"}', '"f()"', "{\n'code': 'f()'}"])
def test_arguments_come_back_as_they_were_understood(arguments: str) -> None:
    _, assistant, *_ = sent(called(arguments, name="functions.python"))
    [call] = assistant["tool_calls"]
    assert call["function"] == {"name": "python", "arguments": '{"code": "f()"}'}
    assert assistant["content"] is None


def test_an_endpoint_gets_back_what_it_gave_and_another_one_does_not() -> None:
    call = '{"extra_content": {"google": {"thought_signature": "c2ln"}}, "function": {"more": 1}}'
    fields = {"reasoning": "Hm.", "reasoning_field": "reasoning_content"}
    step = called('{"code": "f()"}', extra=call, **fields)
    step = replace(step, reply=replace(step.reply, extra='{"reasoning_details": [1]}'))
    _, assistant, *_ = sent(step, endpoint="e", model="m")
    assert (assistant["reasoning_content"], assistant["reasoning_details"]) == ("Hm.", [1])
    assert assistant["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    assert assistant["tool_calls"][0]["function"]["more"] == 1
    _, assistant, *_ = sent(step, endpoint="e", model="another")
    assert assistant.keys() == {"role", "content", "tool_calls"}
    assert assistant["tool_calls"][0].keys() == {"id", "type", "function"}


def test_reasoning_beside_text_does_not_come_back() -> None:
    step = Step(Reply("x", "Hm.", reasoning_field="reasoning_content"), assistant_message="x", observation_message="5")
    _, assistant, *_ = sent(step, endpoint="e", model="m")
    assert assistant == {"role": "assistant", "content": "x"}


def test_no_message_is_blank() -> None:
    assert sent(Step(Reply(" \n"), assistant_message=" \n", observation_message="?"))[1]["content"] == "(nothing)"


def test_messages_stay_the_same_as_the_session_grows() -> None:
    first = sent(called("f()"), endpoint="e", model="m")
    assert sent(called("f()"), called("f()"), endpoint="e", model="m")[: len(first) - 2] == first[:-2]
