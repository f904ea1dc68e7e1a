"""What well-known servers send is read as it is meant, over real HTTP."""

from __future__ import annotations

import json

import pytest

from codeact_magic import formats
from codeact_magic.formats import SPECS
from codeact_magic.testing import SHAPES, FakeEndpoint, Shape

from .asking import ask, line_of, model_of
from .asking import nothing_remains as nothing_remains


def name_of(shape: Shape) -> str:
    return shape.server


@pytest.mark.parametrize("shape", SHAPES, ids=name_of)
def test_the_answer_of_a_server_is_read(shape: Shape) -> None:
    with FakeEndpoint([shape.stream]) as fake:
        reply, shown = ask(model_of(fake), tools=SPECS["tools"].tools, cut_loops=True)
    assert (reply.text, reply.reasoning, reply.finish) == (shape.text, shape.reasoning, shape.finish)
    assert (shown.text, shown.reasoning, shown.notes) == (shape.text, shape.reasoning, [])
    action = formats.read(reply, "tools").action
    assert (action.code if action else "") == shape.code
    assert reply.usage == shape.usage if shape.usage else reply.usage.estimated


@pytest.mark.parametrize("shape", SHAPES, ids=name_of)
def test_the_refusal_of_a_server_is_told_in_its_words(shape: Shape) -> None:
    with FakeEndpoint(default=shape.refusal) as fake:
        assert shape.refused in line_of(model_of(fake, temperature=3.0, retries=0))


@pytest.mark.parametrize("shape", SHAPES, ids=name_of)
def test_what_a_server_wants_back_is_kept(shape: Shape) -> None:
    with FakeEndpoint([shape.stream]) as fake:
        reply, _ = ask(model_of(fake))
    if shape.server == "Gemini":
        [call] = reply.tool_calls
        assert json.loads(call.extra) == {"extra_content": {"google": {"thought_signature": "c2ln"}}}
    if shape.server == "OpenRouter":
        [detail] = json.loads(reply.extra)["reasoning_details"]
        assert (detail["text"], detail["signature"]) == ("Six sevens.", "c2ln")
    if shape.reasoning and shape.server != "Mistral":
        assert reply.reasoning_field in ("reasoning", "reasoning_content")
