"""A conversation that an endpoint refuses is mended, and sent once more."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from codeact_magic.session import Json
from codeact_magic.testing import FakeEndpoint, Status

from .asking import ask, bodies_of, line_of, model_of
from .asking import nothing_remains as nothing_remains

ARGUMENTS = json.dumps({"code": "print(6 * 7)"})
CALL: Json = {"id": "example01", "type": "function", "function": {"name": "python", "arguments": ARGUMENTS}}
SIGNED = {**CALL, "extra_content": {"google": {"thought_signature": "c2ln"}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
MESSAGES: tuple[Json, ...] = (
    {"role": "system", "content": "You act."},
    {"role": "user", "content": "What is it?"},
    {"role": "assistant", "content": None, "tool_calls": [SIGNED], "reasoning_content": "Six sevens."},
    {"role": "tool", "tool_call_id": "example01", "content": "42"},
    {"role": "user", "content": [{"type": "text", "text": "A picture:"}, IMAGE]},
)
PLAIN = [
    {"role": "user", "content": "You act.\n\nWhat is it?"},
    {"role": "assistant", "content": "```python\nprint(6 * 7)\n```"},
    {"role": "user", "content": "42\n\nA picture:\n(an image, which the model cannot see)"},
]
Rule = Callable[[list[Json]], bool]


def refusing(rule: Rule, status: int = 400, **error: Any) -> Callable[[Json], Status | str]:
    """Return the script of an endpoint that refuses conversations by `rule`."""
    return lambda body: Status(status, body={"error": error}) if rule(body["messages"]) else "Yes."


def has_system(messages: list[Json]) -> bool:
    return any(message["role"] == "system" for message in messages)


def repeats_a_role(messages: list[Json]) -> bool:
    roles = [message["role"] for message in messages]
    return has_system(messages) or any(one == other for one, other in pairwise(roles))


def has_calls(messages: list[Json]) -> bool:
    return any("tool_calls" in message for message in messages)


def has_images(messages: list[Json]) -> bool:
    return "image_url" in json.dumps(messages)


def has_other_fields(messages: list[Json]) -> bool:
    return "reasoning_content" in json.dumps(messages) or "extra_content" in json.dumps(messages)


def lacks_reasoning(messages: list[Json]) -> bool:
    return any(message["role"] == "assistant" and "reasoning_content" not in message for message in messages)


@pytest.mark.parametrize(
    ("rule", "message", "kept"),
    [
        (has_system, "System role not supported", has_calls),
        (has_system, "'messages[0].role' does not support 'system' with this model.", has_calls),
        (has_system, "Developer instruction is not enabled for models/gemma-3-27b-it", has_calls),
        (has_system, "Only user and assistant roles are supported!", has_calls),
        (repeats_a_role, "Conversation roles must alternate user/assistant/user/assistant/...", has_calls),
        (has_images, "unknown variant `image_url`, expected `text`", has_calls),
        (has_images, "This model does not support image input", has_calls),
        (has_other_fields, "Extra inputs are not permitted: messages.2.assistant.reasoning_content", has_calls),
        (has_calls, "Tool call id was example01 but must be a-z, with a length of 5.", has_images),
        (has_calls, "messages.2: `tool_use` ids were found without `tool_result` blocks", has_system),
        (has_calls, "Function call is missing a thought_signature in functionCall parts.", has_system),
    ],
)
def test_a_refused_conversation_is_mended_once_and_later_ones_too(rule: Rule, message: str, kept: Rule) -> None:
    with FakeEndpoint(default=refusing(rule, message=message)) as fake:
        model = model_of(fake)
        reply, shown = ask(model, messages=MESSAGES)
        ask(model, messages=(*MESSAGES, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "So?"}))
        first, second, third = (body["messages"] for body in bodies_of(fake))
    assert reply.text == "Yes."
    assert len(shown.notes) == 1 and "It is sent again" in shown.notes[0]
    assert first == list(MESSAGES)
    assert third[: len(second) - 1] == second[:-1]
    assert kept(second) == (second != PLAIN)


def test_a_conversation_may_have_to_be_plain() -> None:
    def plain_only(messages: list[Json]) -> bool:
        return has_calls(messages) or has_images(messages) or repeats_a_role(messages)

    with FakeEndpoint(default=refusing(plain_only, message="Invalid chat history")) as fake:
        ask(model_of(fake), messages=MESSAGES)
        assert [body["messages"] for body in bodies_of(fake)] == [list(MESSAGES), PLAIN]


def test_missing_reasoning_is_sent_empty() -> None:
    message = "Missing `reasoning_content` field in the assistant message at message index 5."
    messages = (*MESSAGES[:2], {"role": "assistant", "content": None, "tool_calls": [CALL]}, *MESSAGES[3:])
    with FakeEndpoint(default=refusing(lacks_reasoning, message=message)) as fake:
        ask(model_of(fake), messages=messages)
        _, mended = bodies_of(fake)
    assert mended["messages"][2] == {**messages[2], "reasoning_content": ""}


def test_a_template_that_fails_with_500_is_a_refusal() -> None:
    message = "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/..."
    with FakeEndpoint(default=refusing(repeats_a_role, 500, message=message)) as fake:
        assert ask(model_of(fake), messages=MESSAGES)[0].text == "Yes."
        assert len(fake.requests) == 2


def test_a_refusal_that_no_repair_helps_against_is_told_and_leaves_nothing_behind() -> None:
    with FakeEndpoint(default=refusing(lambda messages: True, message="Invalid chat history")) as fake:
        model = model_of(fake)
        assert "Invalid chat history" in line_of(model, messages=MESSAGES)
        assert len(fake.requests) == 2
        line_of(model, messages=MESSAGES)
        assert bodies_of(fake)[2]["messages"] == list(MESSAGES)


def test_repairs_are_remembered_by_endpoint_and_model() -> None:
    with FakeEndpoint(default=refusing(has_system, message="System role not supported")) as fake:
        ask(model_of(fake, model="a"), messages=MESSAGES)
        ask(model_of(fake, model="b"), messages=MESSAGES)
        assert [has_system(body["messages"]) for body in bodies_of(fake)] == [True, False, True, False]


def test_a_refused_conversation_takes_no_parameter_away() -> None:
    message = "Tool call id was example01 but must be a-z, A-Z, 0-9; see tools."
    with FakeEndpoint(default=refusing(has_calls, message=message)) as fake:
        ask(model_of(fake), messages=MESSAGES, tools=({"type": "function"},), stop=("x",))
        assert bodies_of(fake)[0].keys() == bodies_of(fake)[1].keys()
