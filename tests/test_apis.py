"""The two APIs of OpenAI, and the parameters, headers and marks of requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from codeact_magic import formats
from codeact_magic.agent import Delta, Request
from codeact_magic.errors import EndpointError, UsageError
from codeact_magic.model import OpenAIModel, Settings, apis, caching, parameters, responses
from codeact_magic.model.endpoints import Endpoints, secrets
from codeact_magic.options import Options, environment
from codeact_magic.session import Json, Reply, ToolCall, Usage
from codeact_magic.testing import FakeEndpoint, Raw, Say, Scripted, Status

ASK: tuple[Json, ...] = ({"role": "system", "content": "Rules."}, {"role": "user", "content": "Go"})
REQUEST = Request(ASK)
IMAGE = "data:image/png;base64,AAAA"


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apis, "_taken", {})
    monkeypatch.setattr(parameters, "_rejected", {})


def asked(replies: list[Scripted], request: Request = REQUEST, fake: Any = None, **given: Any) -> tuple[Reply, Any]:
    """Return the reply to `request`, and the endpoint that it came from."""
    fake = fake or {}
    with FakeEndpoint(replies, **fake) as endpoint:
        settings = Settings(endpoint.base_url, **{"model": "fake-model", "retries": 0, **given})
        return OpenAIModel(settings).reply(request, lambda delta: None), endpoint


def paths(endpoint: FakeEndpoint) -> list[str]:
    return [request.path.removeprefix("/v1/") for request in endpoint.requests]


# -- responses ---------------------------------------------------------------------------------------------------------


def test_a_reply_by_the_responses_api_is_as_one_by_chat_completions() -> None:
    say = Say("Zażółć 東京", reasoning="Hm.", usage=(20, 12, 4))
    (reply, endpoint), (chat, _) = asked([say], api="responses"), asked([say])
    assert paths(endpoint) == ["responses"]
    assert (reply.text, reply.reasoning, reply.usage) == ("Zażółć 東京", "Hm.", Usage(20, 12, 4))
    assert (reply.text, reply.reasoning, reply.finish, reply.usage, reply.model) == (
        (chat.text, chat.reasoning, chat.finish, chat.usage, chat.model)
    )


def test_pieces_are_shown_as_they_come() -> None:
    shown: list[Delta] = []
    with FakeEndpoint([Say("One two three", reasoning="Hm.", delay=0.06, chunk=4)]) as endpoint:
        OpenAIModel(Settings(endpoint.base_url, "m", api="responses")).reply(Request(ASK), shown.append)
    assert "".join(delta.text for delta in shown) == "One two three"
    assert len([delta for delta in shown if delta.text]) > 1
    assert "".join(delta.reasoning for delta in shown) == "Hm."


def test_tool_calls_come_by_responses_too() -> None:
    calls = (ToolCall("call_1", "python", '{"code": "1"}'), ToolCall("call_2", "python", '{"code": "2"}'))
    reply, _ = asked([Say("", tool_calls=calls)], api="responses")
    assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == [
        (call.id, call.name, call.arguments) for call in calls
    ]
    assert reply.finish == "tool_calls"


def test_a_conversation_becomes_items() -> None:
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}}]
    call = {"id": "c", "type": "function", "function": {"name": "python", "arguments": "{}"}}
    chat = {
        "model": "m",
        "stream": True,
        "stop": ["x"],
        "seed": 1,
        "temperature": 0.5,
        "max_tokens": 9,
        "reasoning_effort": "low",
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": {"name": "python", "parameters": {}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        "messages": [
            *ASK,
            {"role": "assistant", "content": "I do.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "42"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "43"}]},
            {"role": "user", "content": parts},
        ],
    }
    function_call = {"type": "function_call", "call_id": "c", "name": "python", "arguments": "{}"}
    assert responses.body(chat) == {
        "model": "m",
        "stream": True,
        "store": False,
        "temperature": 0.5,
        "max_output_tokens": 9,
        "reasoning": {"effort": "low"},
        "tools": [{"type": "function", "name": "python", "parameters": {}}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
        "input": [
            *ASK,
            {"role": "assistant", "content": "I do."},
            function_call,
            {"type": "function_call_output", "call_id": "c", "output": "42"},
            function_call,
            {"type": "function_call_output", "call_id": "c", "output": "43"},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "See"},
                    {"type": "input_image", "image_url": IMAGE, "detail": "low"},
                ],
            },
        ],
    }


@pytest.mark.parametrize("format", ["tools", "json"])
def test_every_format_can_be_asked_for(format: Any) -> None:
    spec = formats.SPECS[format]
    request = Request(ASK, tools=spec.tools, response_format=spec.response_format)
    _, endpoint = asked(["Done."], request, api="responses")
    body = endpoint.requests[0].body
    assert not {"messages", "stop", "response_format"} & set(body)
    assert [tool["name"] for tool in body.get("tools", ())] == [tool["function"]["name"] for tool in spec.tools]


def test_a_reply_that_is_too_long_says_so() -> None:
    reply, _ = asked([Say("one two three", honour_max_tokens=True)], api="responses", max_tokens=2)
    assert (reply.text.strip(), reply.finish) == ("one two", "length")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "It broke."}}},
        {"type": "error", "code": "server_error", "message": "It broke.", "param": None},
        {"type": "error", "error": {"message": "It broke."}},
    ],
)
def test_an_error_in_the_stream_is_told(event: Json) -> None:
    data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    with pytest.raises(EndpointError, match="It broke"):
        asked([Raw(data)], api="responses")


@pytest.mark.parametrize("data", [b"<html>no</html>", b"data: no\n\n", b'{"error": {"message": "no"}}'])
def test_what_is_no_response_is_told(data: bytes) -> None:
    with pytest.raises(EndpointError, match="no"):
        asked([Raw(data)], api="responses")


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_may_be_split_anywhere(size: int) -> None:
    delta = {"type": "response.output_text.delta", "delta": "Größe"}
    last = {"type": "response.completed", "response": {"usage": None}}
    data = "".join(f"event: x\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in (delta, last)).encode()
    whole = b"".join(responses.chat_stream([data]))
    assert b"".join(responses.chat_stream(data[start : start + size] for start in range(0, len(data), size))) == whole
    assert b"data: [DONE]" in whole and b"event" not in whole


def test_a_parameter_that_is_rejected_is_left_out() -> None:
    rejects = {"rejects": ["reasoning", "max_output_tokens"]}
    reply, endpoint = asked(["Done."], fake=rejects, api="responses", reasoning_effort="low", max_tokens=5)
    assert reply.text == "Done."
    assert not {"reasoning", "max_output_tokens"} & set(endpoint.requests[-1].body)


# -- the choice --------------------------------------------------------------------------------------------------------

ONLY_RESPONSES = "This model is only supported in v1/responses and not in v1/chat/completions."


def test_chat_completions_are_tried_first() -> None:
    assert paths(asked(["Done."])[1]) == ["chat/completions"]


def test_an_endpoint_that_has_only_responses_is_asked_for_them_and_that_is_remembered() -> None:
    with FakeEndpoint(["One.", "Two."], apis=["responses"]) as endpoint:
        settings = Settings(endpoint.base_url, "fake-model")
        assert OpenAIModel(settings).reply(Request(ASK), lambda delta: None).text == "One."
        assert OpenAIModel(settings).reply(Request(ASK), lambda delta: None).text == "Two."
        assert paths(endpoint) == ["chat/completions", "responses", "responses"]


def test_a_model_that_takes_only_responses_is_asked_for_them() -> None:
    reply, endpoint = asked([Status(400, ONLY_RESPONSES), "Done."])
    assert reply.text == "Done."
    assert paths(endpoint) == ["chat/completions", "responses"]


def test_an_endpoint_that_has_neither_is_told_once() -> None:
    with FakeEndpoint(apis=[], default="Never.") as endpoint:
        for _ in range(2):
            with pytest.raises(EndpointError, match="Invalid URL"):
                OpenAIModel(Settings(endpoint.base_url, "fake-model")).reply(Request(ASK), lambda delta: None)
        assert paths(endpoint).count("responses") == 1


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_the_users_choice_holds(api: str) -> None:
    with pytest.raises(EndpointError):
        asked([Status(400, ONLY_RESPONSES)], api=api)


# -- parameters and headers --------------------------------------------------------------------------------------------


def given(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    """Return the request that is sent with `options`."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with FakeEndpoint(["Done."]) as endpoint:
        model = Endpoints(print, print).model(Options(base_url=endpoint.base_url, model="fake-model", **options))
        model.reply(Request(ASK), lambda delta: None)
        return endpoint.requests[-1]


def test_parameters_are_sent_if_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"reasoning_effort", "top_p", "seed", "extra"}
    assert not names & set(given(monkeypatch).body)
    wanted: dict[str, Any] = {"reasoning_effort": "low", "top_p": 0.5, "seed": 0}
    body = given(monkeypatch, **wanted, extra_body={"extra": [1], "temperature": 0.7}).body
    assert {name: body[name] for name in wanted} == wanted
    assert (body["extra"], body["temperature"]) == ([1], 0.7)


def test_responses_take_further_parameters_too(monkeypatch: pytest.MonkeyPatch) -> None:
    body = given(monkeypatch, api="responses", extra_body={"include": ["x"]}, top_p=0.5).body
    assert (body["include"], body["top_p"]) == (["x"], 0.5)


def test_headers_may_name_a_variable_whose_value_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "abcdefgh12345678")
    headers = {"api-key": "$MY_SECRET", "X-Title": "notes", "X-None": "$NO_SUCH_VARIABLE"}
    sent = given(monkeypatch, extra_headers=headers).headers
    assert (sent["api-key"], sent["x-title"]) == ("abcdefgh12345678", "notes")
    assert "x-none" not in sent
    assert "abcdefgh12345678" in secrets(Options(extra_headers=headers))


@pytest.mark.parametrize("text", ['{"a": 1}', '{"a": "b\\nc"}', '{"ä": "b"}', "[]"])
def test_what_is_no_header_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CODEACT_EXTRA_HEADERS", text)
    with pytest.raises(UsageError, match="CODEACT_EXTRA_HEADERS"):
        environment(())


# -- caching -----------------------------------------------------------------------------------------------------------


def marks(body: Json) -> list[int]:
    """Return the numbers of the messages that are marked."""
    return [n for n, message in enumerate(body["messages"]) if "cache_control" in json.dumps(message)]


def test_a_model_of_anthropics_is_told_what_to_cache() -> None:
    conversation = (*ASK, {"role": "assistant", "content": "I do."}, {"role": "user", "content": "Output"})
    _, endpoint = asked(["Done."], Request(conversation), model="anthropic/claude-sonnet-4.5")
    body = endpoint.requests[0].body
    assert marks(body) == [0, 3]
    marked = {"type": "text", "text": "Output", "cache_control": {"type": "ephemeral"}}
    assert body["messages"][3]["content"] == [marked]


def test_no_other_model_is() -> None:
    _, endpoint = asked(["Done."])
    assert marks(endpoint.requests[0].body) == []


def test_a_message_that_ends_with_an_image_stays_as_it_is() -> None:
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}
    assert caching.marked([image]) == [image]
    assert caching.marked([]) == []


def test_marks_that_are_rejected_are_left_out() -> None:
    def no_marks(body: Json) -> Scripted:
        if marks(body):
            return Status(400, "Extra inputs are not permitted", param="messages.0.content.0.cache_control")
        return "Done."

    reply, endpoint = asked([no_marks, no_marks], model="claude-sonnet-4-5")
    assert reply.text == "Done."
    assert [bool(marks(request.body)) for request in endpoint.requests] == [True, False]


# -- the endpoint of the tests, by OpenAI's own client -----------------------------------------------------------------


@pytest.fixture
def client() -> Iterator[Any]:
    say = Say("It is 42.", reasoning="Hm.", tool_calls=(ToolCall("c", "python", "{}"),), usage=(20, 12, 4))
    http = openai.DefaultHttpxClient(verify=False)  # loading the certificates takes 40 ms
    with (
        FakeEndpoint(default=say) as endpoint,
        openai.OpenAI(base_url=endpoint.base_url, api_key="any", http_client=http) as client,
    ):
        yield client


def test_the_endpoint_of_the_tests_answers_openais_client(client: Any) -> None:
    response = client.responses.create(model="fake-model", input="Go")
    assert response.output_text == "It is 42."
    assert response.output[-1].call_id == "c"
    assert (response.usage.input_tokens, response.usage.output_tokens) == (20, 4)


def test_the_endpoint_of_the_tests_streams_to_openais_client(client: Any) -> None:
    events = list(client.responses.create(model="fake-model", input="Go", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "It is 42."
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert events[-1].response.usage.input_tokens_details.cached_tokens == 12
