"""Parameters that an endpoint rejects."""

from __future__ import annotations

from typing import Any

import pytest

from codeact_magic.testing import FakeEndpoint, Raw, Status

from .asking import (
    EVERYTHING,
    OPTIONAL,
    ask,
    bodies_of,
    line_after,
    line_of,
    model_of,
)
from .asking import nothing_remains as nothing_remains

# Rejected parameters


@pytest.mark.parametrize("vague", [False, True])
@pytest.mark.parametrize("name", sorted(OPTIONAL - {"max_tokens"}))
def test_a_rejected_parameter_is_left_out_of_later_requests(name: str, vague: bool) -> None:
    with FakeEndpoint(default="Yes.", rejects=[name], vague_rejects=vague) as fake:
        model = model_of(fake, max_tokens=99)
        reply, shown = ask(model, **EVERYTHING)
        ask(model, **EVERYTHING)
        first, second, third = bodies_of(fake)
    assert reply.text == "Yes."
    assert first.keys() - second.keys() == {name}
    assert second == third
    [note] = shown.notes
    assert f"does not take {name}" in note


@pytest.mark.parametrize("vague", [False, True])
def test_all_parameters_may_be_rejected(vague: bool) -> None:
    rejects = OPTIONAL | {"max_completion_tokens"}
    with FakeEndpoint(default="Yes.", rejects=rejects, vague_rejects=vague) as fake:
        reply, _ = ask(model_of(fake, max_tokens=99), **EVERYTHING)
        bodies = bodies_of(fake)
    assert reply.text == "Yes."
    assert len(bodies) == 8
    assert bodies[-1].keys() == {"model", "messages", "stream"}


@pytest.mark.parametrize("vague", [False, True])
def test_max_completion_tokens_replaces_a_rejected_max_tokens(vague: bool) -> None:
    with FakeEndpoint(default="Yes.", rejects=["max_tokens"], vague_rejects=vague) as fake:
        model = model_of(fake, max_tokens=99)
        ask(model)
        ask(model)
        _, *later = bodies_of(fake)
    assert [(body.get("max_completion_tokens"), "max_tokens" in body) for body in later] == [(99, False)] * 2


def test_no_limit_is_sent_if_both_parameters_are_rejected() -> None:
    with FakeEndpoint(default="Yes.", rejects=["max_tokens", "max_completion_tokens"]) as fake:
        ask(model_of(fake, max_tokens=99))
        assert not {"max_tokens", "max_completion_tokens"} & bodies_of(fake)[-1].keys()
        assert len(fake.requests) == 3


def test_the_client_cuts_the_stream_if_stop_is_rejected() -> None:
    with FakeEndpoint(["one STOP two"], rejects=["stop"]) as fake:
        reply, shown = ask(model_of(fake), stop=("STOP",))
    assert reply.text == shown.text == "one "


def test_rejected_parameters_are_remembered_by_endpoint_and_model() -> None:
    with FakeEndpoint(default="Yes.", rejects=["stop"]) as fake, FakeEndpoint(default="Yes.") as other:
        ask(model_of(fake, model="a"), **EVERYTHING)
        ask(model_of(fake, model="a", temperature=0.7), **EVERYTHING)
        assert ["stop" in body for body in bodies_of(fake)] == [True, False, False]
        ask(model_of(fake, model="b"), **EVERYTHING)
        assert ["stop" in body for body in bodies_of(fake)[3:]] == [True, False]
        ask(model_of(other, model="a"), **EVERYTHING)
        assert ["stop" in body for body in bodies_of(other)] == [True]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"]}]}, "stream_options"),
        ({"error": {"message": "registry.ollama.ai/library/x does not support tools"}}, "tools"),
        ({"object": "error", "message": '"auto" tool choice requires --enable-auto-tool-choice'}, "tools"),
        ({"error": {"message": "must be 'json_schema' or 'text'", "param": "response_format.type"}}, "response_format"),
        ([{"error": {"message": "Unknown name 'stop'. Known: temperature, tools"}}], "stop"),
        ({"error": "temperature is not supported"}, "temperature"),
        ([{"error": {"message": "No.", "param": "temperature"}}], "temperature"),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
def test_a_rejection_is_recognised_in_many_wordings(body: Any, name: str, status: int) -> None:
    with FakeEndpoint([Status(status, body=body), "Yes."]) as fake:
        ask(model_of(fake), **EVERYTHING)
        first, second = bodies_of(fake)
    assert first.keys() - second.keys() == {name}


@pytest.mark.parametrize(
    "refusal",
    [
        Status(400, "Thread roles must alternate user/assistant"),
        Status(400, "Please stop"),
        Status(400, "Invalid value for 'messages': temperature readings", param="messages"),
        Status(422, "stream_options is not supported", param="model"),
    ],
)
def test_a_refusal_for_another_reason_is_an_error(refusal: Status) -> None:
    with FakeEndpoint([refusal]) as fake:
        line = line_of(model_of(fake), stop=("STOP",))
        assert len(fake.requests) == 1
    assert line.endswith(f"refused the request ({refusal.code}: {refusal.message})")


@pytest.mark.parametrize("param", ["tools", None])
def test_a_parameter_that_was_not_sent_is_not_the_cause(param: str | None) -> None:
    with FakeEndpoint([Status(400, "tools are not supported", param=param)]) as fake:
        assert "tools are not supported" in line_of(model_of(fake))
        assert len(fake.requests) == 1


def test_a_refusal_may_have_the_json_of_another_server() -> None:
    assert line_after(Status(400, body={"detail": "Not like this."})).endswith("(400: Not like this)")
    assert line_after(Status(400, body={"message": "Not like this."})).endswith("(400: Not like this)")
    assert line_after(Raw(b"<p>Not like</p> this", status=400)).endswith("(400: Not like this)")
