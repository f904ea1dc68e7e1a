"""The test doubles, driven by the real openai client and by bare sockets."""

from __future__ import annotations

import doctest
import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI

from codeact_magic import testing
from codeact_magic.agent import Delta, Model, Request
from codeact_magic.session import Reply, ToolCall, Usage
from codeact_magic.testing import Endless, FakeEndpoint, Hang, Raw, RecordedRequest, Say, ScriptedModel, Status, doubles

ASK = [{"role": "user", "content": "What is six times seven?"}]
TEXT = "Zażółć gęślą jaźń, 東京, 👩‍🚀!"


@contextmanager
def client_of(endpoint: FakeEndpoint, key: str = "any", retries: int = 0) -> Iterator[Any]:
    http_client = openai.DefaultHttpxClient(verify=False)  # loading the certificates takes 40 ms
    with OpenAI(
        base_url=endpoint.base_url, api_key=key, max_retries=retries, timeout=10, http_client=http_client
    ) as client:
        yield client


def ask(endpoint: FakeEndpoint, key: str = "any", **options: Any) -> Any:
    """Return the completion that the openai client receives without a stream."""
    with client_of(endpoint, key) as client:
        return client.chat.completions.create(**{"model": "fake-model", "messages": ASK, **options})


def stream(endpoint: FakeEndpoint, **options: Any) -> list[Any]:
    """Return the chunks of the stream that the openai client receives."""
    with client_of(endpoint) as client:
        return list(client.chat.completions.create(model="fake-model", messages=ASK, stream=True, **options))


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def finish_of(chunks: list[Any]) -> Any:
    return [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1]


@contextmanager
def connected(endpoint: FakeEndpoint) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(endpoint), timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def port_of(endpoint: FakeEndpoint) -> int:
    return int(endpoint.base_url.removesuffix("/v1").rpartition(":")[2])


def post(connection: http.client.HTTPConnection, **options: Any) -> http.client.HTTPResponse:
    body = json.dumps({"model": "fake-model", "messages": ASK, **options})
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    return connection.getresponse()


def error_of(response: http.client.HTTPResponse) -> Any:
    return json.loads(response.read())["error"]


def events_of(response: http.client.HTTPResponse) -> list[Any]:
    *events, done, end = response.read().decode().split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


@contextmanager
def socket_to(endpoint: FakeEndpoint) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=10) as link:
        yield link


def request_bytes(**options: Any) -> bytes:
    body = json.dumps({"model": "fake-model", "messages": ASK, **options}).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


# The script


def test_the_example_in_the_docstring_works() -> None:
    results = doctest.testmod(testing)
    assert results.attempted > 5
    assert results.failed == 0


def test_a_text_is_streamed_in_small_parts() -> None:
    with FakeEndpoint(["It is forty-two."]) as endpoint:
        chunks = stream(endpoint)
    assert text_of(chunks) == "It is forty-two."
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "It i", "s fo", "rty-", "two.", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 5 + ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_text_is_sent_at_once_if_the_request_asks_for_no_stream() -> None:
    with FakeEndpoint(["It is forty-two."]) as endpoint:
        completion = ask(endpoint)
    assert completion.choices[0].message.content == "It is forty-two."
    assert completion.choices[0].finish_reason == "stop"
    assert completion.model == "fake-model"


def test_a_reply_may_be_empty() -> None:
    with FakeEndpoint(["", ""]) as endpoint:
        assert ask(endpoint).choices[0].message.content == ""
        chunks = stream(endpoint)
    assert text_of(chunks) == ""
    assert finish_of(chunks) == "stop"


def test_a_function_sees_the_request_and_chooses_the_item() -> None:
    def answer(body: dict[str, Any]) -> Say | Callable[[dict[str, Any]], str]:
        return (lambda body: body["messages"][0]["content"].upper()) if body["temperature"] else Say("cold")

    with FakeEndpoint(default=answer) as endpoint:
        assert ask(endpoint, temperature=1).choices[0].message.content == "WHAT IS SIX TIMES SEVEN?"
        assert ask(endpoint, temperature=0).choices[0].message.content == "cold"


def test_the_default_answers_after_the_end_of_the_script() -> None:
    with FakeEndpoint(["first"], default="again") as endpoint:
        assert [ask(endpoint).choices[0].message.content for _ in range(3)] == ["first", "again", "again"]


def test_the_default_may_be_an_empty_text() -> None:
    with FakeEndpoint(default="") as endpoint:
        assert ask(endpoint).choices[0].message.content == ""


def test_an_exhausted_script_fails_at_once_and_says_so() -> None:
    with FakeEndpoint(["first"]) as endpoint:
        ask(endpoint)
        with (
            client_of(endpoint, retries=5) as client,
            pytest.raises(openai.InternalServerError, match="script of this FakeEndpoint is exhausted"),
        ):
            client.chat.completions.create(model="fake-model", messages=ASK)
        assert len(endpoint.requests) == 2


def test_the_error_names_the_exception_of_a_function_of_the_script() -> None:
    def check(body: dict[str, Any]) -> str:
        raise AssertionError("no system prompt")

    with (
        FakeEndpoint([check]) as endpoint,
        pytest.raises(openai.InternalServerError, match="AssertionError: no"),
    ):
        ask(endpoint)


def test_the_error_shows_an_item_that_is_not_a_reply() -> None:
    with FakeEndpoint([lambda body: 42]) as endpoint, pytest.raises(openai.InternalServerError, match="gave 42"):  # type: ignore[list-item, return-value]
        ask(endpoint)


def test_concurrent_requests_each_get_an_item() -> None:
    with FakeEndpoint(str(number) for number in range(20)) as endpoint:
        answers: list[str] = []
        threads = [
            threading.Thread(target=lambda: answers.append(ask(endpoint).choices[0].message.content)) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers, key=int) == [str(number) for number in range(20)]


# What a reply holds


def test_reasoning_precedes_the_text_in_the_chosen_field() -> None:
    with FakeEndpoint([Say("42", reasoning="hmm, well", reasoning_field="reasoning")] * 2) as endpoint:
        deltas = [chunk.choices[0].delta for chunk in stream(endpoint)]
        message = ask(endpoint).choices[0].message
    assert [getattr(delta, "reasoning", "") for delta in deltas] == ["", "hmm,", " wel", "l", "", ""]
    assert [delta.content for delta in deltas] == ["", None, None, None, "42", None]
    assert message.reasoning == "hmm, well"
    assert message.content == "42"


def test_the_arguments_of_tool_calls_are_streamed_in_parts() -> None:
    calls = (ToolCall("call_1", "run", '{"code": "1 + 1"}'), ToolCall("call_2", "run", "{}"))
    with FakeEndpoint([Say(tool_calls=calls)] * 2) as endpoint:
        chunks = stream(endpoint)
        completion = ask(endpoint)
    pieces = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    arguments = ["".join(p.function.arguments for p in pieces if p.index == index) for index in (0, 1)]
    assert arguments == ['{"code": "1 + 1"}', "{}"]
    assert [(p.index, p.id, p.function.name) for p in pieces if p.id] == [(0, "call_1", "run"), (1, "call_2", "run")]
    assert len(pieces) == 8
    assert finish_of(chunks) == completion.choices[0].finish_reason == "tool_calls"
    message = completion.choices[0].message
    assert message.content is None
    assert [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls] == [
        (call.id, call.name, call.arguments) for call in calls
    ]


def test_the_finish_reason_can_be_any() -> None:
    with FakeEndpoint([Say("I will not.", finish="content_filter")]) as endpoint:
        assert finish_of(stream(endpoint)) == "content_filter"


def test_usage_ends_a_stream_only_if_the_request_asks_for_it() -> None:
    with FakeEndpoint([Say("42", usage=(20, 12, 4))] * 2) as endpoint:
        asked = stream(endpoint, stream_options={"include_usage": True})
        not_asked = stream(endpoint)
    assert asked[-1].choices == []
    assert (asked[-1].usage.prompt_tokens, asked[-1].usage.completion_tokens) == (20, 4)
    assert asked[-1].usage.prompt_tokens_details.cached_tokens == 12
    assert asked[-1].usage.total_tokens == 24
    assert not any(chunk.usage for chunk in [*asked[:-1], *not_asked])


def test_usage_is_counted_in_words_if_the_script_has_none() -> None:
    with FakeEndpoint(["It is forty-two."]) as endpoint:
        usage = ask(endpoint).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (5, 3)


def test_usage_can_be_left_out() -> None:
    with FakeEndpoint([Say("42", usage=None)] * 2) as endpoint:
        assert ask(endpoint).usage is None
        chunks = stream(endpoint, stream_options={"include_usage": True})
    assert text_of(chunks) == "42"
    assert not any(chunk.usage for chunk in chunks)


@pytest.mark.parametrize("stop", ["STOP", ["never", "", "STOP", "and"]])
def test_the_text_ends_before_the_first_stop_sequence(stop: str | list[str]) -> None:
    with FakeEndpoint(default="one STOP two and three") as endpoint:
        assert text_of(stream(endpoint, stop=stop)) == "one "
        assert ask(endpoint, stop=stop).choices[0].message.content == "one "


def test_stop_sequences_can_be_ignored() -> None:
    with FakeEndpoint([Say("one STOP two", ignore_stop=True)]) as endpoint:
        assert text_of(stream(endpoint, stop="STOP")) == "one STOP two"


@pytest.mark.parametrize("parameter", ["max_tokens", "max_completion_tokens"])
def test_the_token_limit_counts_words(parameter: str) -> None:
    with FakeEndpoint([Say("one two three", honour_max_tokens=True)] * 2) as endpoint:
        cut = stream(endpoint, **{parameter: 2})
        whole = stream(endpoint, **{parameter: 3})
    assert (text_of(cut), finish_of(cut)) == ("one two", "length")
    assert (text_of(whole), finish_of(whole)) == ("one two three", "stop")


def test_a_stop_sequence_within_the_token_limit_ends_the_text() -> None:
    with FakeEndpoint([Say("one two three", honour_max_tokens=True)]) as endpoint:
        chunks = stream(endpoint, max_tokens=2, stop="two")
    assert (text_of(chunks), finish_of(chunks)) == ("one ", "stop")


def test_the_token_limit_is_ignored_by_default() -> None:
    with FakeEndpoint(["one two three"]) as endpoint:
        assert text_of(stream(endpoint, max_tokens=1)) == "one two three"


@settings(max_examples=50, deadline=None)
@given(text=st.text(), chunk=st.integers(1, 6), split=st.booleans())
def test_any_text_arrives_unchanged(text: str, chunk: int, split: bool) -> None:
    with (
        FakeEndpoint([Say(text, chunk=chunk, split_bytes=split)] * 2) as endpoint,
        connected(endpoint) as connection,
    ):
        deltas = [event["choices"][0]["delta"] for event in events_of(post(connection, stream=True))]
        whole = json.loads(post(connection).read())
    assert "".join(delta.get("content", "") for delta in deltas) == text
    assert whole["choices"][0]["message"]["content"] == text


def test_half_a_surrogate_pair_is_sent_as_json() -> None:
    with FakeEndpoint(["a\ud83d"]) as endpoint:
        assert text_of(stream(endpoint)) == "a\ud83d"


def test_the_bytes_of_a_character_can_be_sent_in_two_parts() -> None:
    with FakeEndpoint([Say("żż", chunk=1, split_bytes=True)]) as endpoint, socket_to(endpoint) as link:
        link.sendall(request_bytes(stream=True))
        sent = b""
        while not sent.endswith(b"0\r\n\r\n"):
            sent += link.recv(65536)
    assert sent.count(b"\xc5\r\n") == 2  # an HTTP chunk that ends within a character
    assert b"\xc5\xbc" not in sent


# Timing and ends


def receives_nothing(link: socket.socket) -> bool:
    link.settimeout(0.05)
    with pytest.raises(TimeoutError):
        link.recv(1)
    return True


def test_a_hanging_endpoint_sends_nothing() -> None:
    with FakeEndpoint([Hang()]) as endpoint, socket_to(endpoint) as link:
        link.sendall(request_bytes(stream=True))
        endpoint.wait_for_requests(1)
        assert receives_nothing(link)


def test_a_gate_holds_back_the_complete_reply() -> None:
    gate = threading.Event()
    with FakeEndpoint([Say("42", gate=gate)]) as endpoint, socket_to(endpoint) as link:
        link.sendall(request_bytes(stream=True))
        endpoint.wait_for_requests(1)
        assert receives_nothing(link)
        gate.set()
        link.settimeout(10)
        assert link.recv(1) == b"H"


def test_a_gate_holds_back_the_rest_of_a_reply() -> None:
    gate = threading.Event()
    with FakeEndpoint([Say("one two", gate=gate, gate_after=1)]) as endpoint, client_of(endpoint) as client:
        chunks = iter(client.chat.completions.create(model="fake-model", messages=ASK, stream=True))
        seen = [next(chunks), next(chunks)]
        assert text_of(seen) == "one "
        gate.set()
        assert text_of(list(chunks)) == "two"


@pytest.mark.parametrize("streamed", [True, False])
def test_the_endpoint_pauses_before_each_delta(streamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float | None] = []
    monkeypatch.setattr(doubles._Handler, "_pause", lambda self, seconds: pauses.append(seconds))
    with FakeEndpoint([Say("123456789", first_delay=0.05, delay=0.01)]) as endpoint, connected(endpoint) as connection:
        post(connection, stream=streamed).read()
    assert pauses == [0.05, 0.01, 0.01, 0.01]


def test_a_stream_can_break_off() -> None:
    with FakeEndpoint([Say("one two three", cut_after=2)]) as endpoint, client_of(endpoint) as client:
        chunks = iter(client.chat.completions.create(model="fake-model", messages=ASK, stream=True))
        assert text_of([next(chunks) for _ in range(3)]) == "one two "
        with pytest.raises(openai.APIConnectionError):
            next(chunks)
        assert endpoint.disconnects == 0


def test_a_reply_without_a_stream_can_break_off() -> None:
    with FakeEndpoint([Say("one two three", cut_after=2)]) as endpoint, connected(endpoint) as connection:
        response = post(connection)
        with pytest.raises(http.client.IncompleteRead):
            response.read()


def test_a_client_that_leaves_an_endless_reply_is_counted() -> None:
    with FakeEndpoint([Endless("spam "), "next"]) as endpoint:
        with client_of(endpoint) as client:
            chunks = client.chat.completions.create(model="fake-model", messages=ASK, stream=True)
            text = "".join(next(chunks).choices[0].delta.content for _ in range(1001))
            chunks.close()
        assert text == "spam " * 1000
        endpoint.wait_for_disconnects(1)
        assert text_of(stream(endpoint)) == "next"
        assert endpoint.disconnects == 1


@pytest.mark.parametrize(
    "item",
    [Hang(), Hang(headers=True), Hang(after=3), Say("x", gate=threading.Event()), Say("x", first_delay=600)],
    ids=["silent", "headers", "deltas", "gate", "delay"],
)
def test_a_client_that_leaves_a_silent_endpoint_is_counted(item: Hang | Say) -> None:
    with FakeEndpoint([item]) as endpoint:
        with socket_to(endpoint) as link:
            link.sendall(request_bytes(stream=True))
            endpoint.wait_for_requests(1)
        endpoint.wait_for_disconnects(1)


@pytest.mark.parametrize("after", [0, 3])
def test_the_endpoint_falls_silent_after_the_given_deltas(after: int) -> None:
    with FakeEndpoint([Hang(after=after, headers=True)]) as endpoint, client_of(endpoint) as client:
        chunks = client.chat.completions.create(model="fake-model", messages=ASK, stream=True, timeout=0.2)
        assert text_of([next(chunks) for _ in range(1 + after)]) == "... " * after
        with pytest.raises(openai.APITimeoutError):
            next(chunks)


@pytest.mark.parametrize("item", [Hang(), Endless(), Say("x", gate=threading.Event())], ids=["hang", "endless", "gate"])
def test_stopping_ends_every_reply(item: Hang | Endless | Say) -> None:
    before = threading.active_count()
    endpoint = FakeEndpoint([item])
    endpoint.start()
    with socket_to(endpoint) as link:
        link.sendall(request_bytes(stream=True))
        endpoint.wait_for_requests(1)
        endpoint.stop()
    assert endpoint.disconnects == 0
    assert threading.active_count() == before


def test_a_client_that_goes_away_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    with FakeEndpoint(default=Endless()) as endpoint:
        for leave in (half_a_request, no_request, reset):
            with socket_to(endpoint) as link:
                leave(link)
        endpoint.wait_for_disconnects(1)
        assert len(endpoint.requests) == 1
    assert capfd.readouterr() == ("", "")


def half_a_request(link: socket.socket) -> None:
    link.sendall(request_bytes(stream=True)[:-20])


def no_request(link: socket.socket) -> None:
    link.sendall(b"")


def reset(link: socket.socket) -> None:
    link.sendall(request_bytes(stream=True))
    link.recv(1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing sends RST


# Errors


def test_a_status_is_an_error_in_openais_json() -> None:
    status = Status(429, "Slow down.", retry_after=1.5, error_code="rate_limit_exceeded", param="model")
    with FakeEndpoint([status]) as endpoint, connected(endpoint) as connection:
        response = post(connection)
        error = error_of(response)
    assert response.status == 429
    assert response.getheader("retry-after") == "1.5"
    assert error == {
        "message": "Slow down.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "rate_limit_exceeded",
    }


def test_a_status_without_a_message_gets_the_standard_one() -> None:
    with FakeEndpoint([Status(503), Status(529)]) as endpoint, connected(endpoint) as connection:
        assert error_of(post(connection))["message"] == "Service Unavailable"
        assert error_of(post(connection))["type"] == "server_error"


def test_a_status_may_have_any_body() -> None:
    with FakeEndpoint([Status(422, body={"detail": []})]) as endpoint, connected(endpoint) as connection:
        assert json.loads(post(connection).read()) == {"detail": []}


def test_the_client_tries_again_after_an_error() -> None:
    with (
        FakeEndpoint([Status(429, retry_after=0.001), Status(500, retry_after=0.001), "at last"]) as endpoint,
        client_of(endpoint, retries=2) as client,
    ):
        completion = client.chat.completions.create(model="fake-model", messages=ASK)
    assert completion.choices[0].message.content == "at last"


def test_raw_bytes_are_sent_unchanged() -> None:
    with (
        FakeEndpoint([Raw(b"data: {oops\n\n", status=203), Raw(b"<html>", content_type="text/html")]) as endpoint,
        connected(endpoint) as connection,
    ):
        garbage = post(connection, stream=True)
        assert (garbage.status, garbage.getheader("content-type")) == (203, "text/event-stream")
        assert garbage.read() == b"data: {oops\n\n"
        page = post(connection)
        assert (page.getheader("content-type"), page.read()) == ("text/html", b"<html>")


def test_the_error_names_a_rejected_parameter_and_no_item_is_taken() -> None:
    with FakeEndpoint(["42"], rejects={"stop"}) as endpoint:
        with pytest.raises(openai.BadRequestError, match="Unsupported parameter: 'stop'") as caught:
            ask(endpoint, stop="x")
        assert (caught.value.param, caught.value.code) == ("stop", "unsupported_parameter")
        assert ask(endpoint).choices[0].message.content == "42"


def test_a_rejected_max_tokens_has_the_wording_of_openai() -> None:
    expected = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    with FakeEndpoint(rejects={"max_tokens"}) as endpoint, pytest.raises(openai.BadRequestError, match=expected):
        ask(endpoint, max_tokens=10)


def test_a_vague_rejection_has_only_a_message() -> None:
    with (
        FakeEndpoint(rejects={"stop"}, vague_rejects=True) as endpoint,
        connected(endpoint) as connection,
    ):
        response = post(connection, stop="x")
        assert response.status == 400
        assert error_of(response) == {"message": "'stop' is not supported by this server"}


@pytest.mark.parametrize(("key", "shown"), [("sk-proj-0123456789", r"sk-proj-\*{6}6789"), ("sk-0123", r"\*{7}")])
def test_only_the_right_key_is_accepted(key: str, shown: str) -> None:
    with FakeEndpoint(["42"], api_key="the-right-key") as endpoint:
        with pytest.raises(openai.AuthenticationError, match=rf"API key provided: {shown}\. ") as caught:
            ask(endpoint, key=key)
        assert caught.value.code == "invalid_api_key"
        assert ask(endpoint, key="the-right-key").choices[0].message.content == "42"


def test_a_missing_key_is_an_error() -> None:
    with FakeEndpoint(api_key="the-right-key") as endpoint, connected(endpoint) as connection:
        for headers in ({}, {"Authorization": "the-right-key"}, {"Authorization": "Bearer "}):
            connection.request("GET", "/v1/models", headers=headers)
            response = connection.getresponse()
            assert response.status == 401
            assert "You didn't provide an API key" in error_of(response)["message"]


def test_an_unknown_model_is_refused_if_models_are_strict() -> None:
    with FakeEndpoint(["42"], models=["large"], strict_models=True) as endpoint:
        with pytest.raises(openai.NotFoundError, match="The model `small` does not exist") as caught:
            ask(endpoint, model="small")
        assert caught.value.code == "model_not_found"
        assert ask(endpoint, model="large").choices[0].message.content == "42"


def test_messages_beyond_the_context_are_refused() -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "12345"}, {"type": "text", "text": "67890"}]}]
    with FakeEndpoint(["42"], context_limit=10) as endpoint:
        assert ask(endpoint, messages=parts).choices[0].message.content == "42"
        with pytest.raises(openai.BadRequestError, match="maximum context length is 10 tokens") as caught:
            ask(endpoint, messages=[*parts, {"role": "user", "content": "!"}])
        assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"{", "could not parse"), (b'{"model": "m"}', "'messages'"), (b'{"messages": [{}]}', "'model'")],
)
def test_an_invalid_request_is_refused(body: bytes, message: str) -> None:
    with FakeEndpoint() as endpoint, connected(endpoint) as connection:
        connection.request("POST", "/v1/chat/completions", body)
        response = connection.getresponse()
        assert response.status == 400
        assert message in error_of(response)["message"]


def test_other_addresses_are_not_found() -> None:
    with FakeEndpoint() as endpoint, connected(endpoint) as connection:
        connection.request("POST", "/v1/completions", b"{}")
        response = connection.getresponse()
        assert response.status == 404
        assert error_of(response)["message"] == "Invalid URL (POST /v1/completions)"


# The endpoint itself


def test_the_models_are_listed() -> None:
    with FakeEndpoint(models=["large", "small"]) as endpoint, client_of(endpoint) as client:
        assert [model.id for model in client.models.list()] == ["large", "small"]
        endpoint.models.remove("small")
        assert [model.id for model in client.models.list()] == ["large"]


def test_every_request_is_recorded() -> None:
    with FakeEndpoint(["42"]) as endpoint, connected(endpoint) as connection:
        connection.request("GET", "/v1/models?after=x", headers={"X-Trace": "Seven"})
        assert json.loads(connection.getresponse().read())["data"][0]["id"] == "fake-model"
        connection.request("POST", "/v1/chat/completions", b"\xff")
        connection.getresponse().read()
        listing, garbage = endpoint.requests
    assert isinstance(listing, RecordedRequest)
    assert (listing.method, listing.path, listing.body) == ("GET", "/v1/models?after=x", None)
    assert listing.headers["x-trace"] == "Seven"
    assert (garbage.method, garbage.body, garbage.raw) == ("POST", None, b"\xff")


def test_the_messages_that_were_sent_can_be_read_back() -> None:
    with FakeEndpoint(["42"]) as endpoint:
        ask(endpoint, messages=[{"role": "user", "content": TEXT}])
        (request,) = endpoint.requests
    assert request.body == json.loads(request.raw)
    assert request.body["messages"] == [{"role": "user", "content": TEXT}]
    assert request.headers["authorization"] == "Bearer any"


def test_waiting_for_a_request_that_never_arrives_is_an_error() -> None:
    with FakeEndpoint(["42"]) as endpoint:
        ask(endpoint)
        endpoint.wait_for_requests(1)
        with pytest.raises(TimeoutError, match=r"1 of 2 requests after 0\.01 s"):
            endpoint.wait_for_requests(2, timeout=0.01)


def test_a_connection_serves_one_request_after_the_other() -> None:
    with FakeEndpoint(default="42") as endpoint, connected(endpoint) as connection:
        connection.connect()
        link = connection.sock
        for streamed in (True, False, True):
            post(connection, stream=streamed).read()
            assert connection.sock is link


def test_the_port_is_closed_after_stop() -> None:
    endpoint = FakeEndpoint(["42"])
    endpoint.stop()
    endpoint.start()
    endpoint.stop()
    endpoint.stop()
    with pytest.raises(openai.APIConnectionError):
        ask(endpoint)


# A model without an endpoint


def reply_of(model: Model, **options: Any) -> tuple[Reply, list[Delta]]:
    shown: list[Delta] = []
    return model.reply(Request(messages=tuple(ASK), **options), shown.append), shown


def test_a_scripted_model_streams_its_text_and_returns_it() -> None:
    reply, shown = reply_of(ScriptedModel(["It is 42."]))
    assert shown == [Delta("It i"), Delta("s 42"), Delta(".")]
    assert reply == Reply("It is 42.", usage=Usage(prompt=5, completion=3, estimated=True), model="scripted")


def test_a_scripted_reply_is_returned_unchanged() -> None:
    scripted = Reply("42 STOP", reasoning="hmm", finish="length", usage=Usage(7, 1, 2), model="other")
    reply, shown = reply_of(ScriptedModel([scripted], chunk=100), stop=("STOP",))
    assert reply is scripted
    assert shown == [Delta(reasoning="hmm"), Delta("42 STOP")]


def test_a_scripted_text_ends_at_a_stop_sequence() -> None:
    reply, _ = reply_of(ScriptedModel(["one STOP two"]), stop=("never", "STOP"))
    assert (reply.text, reply.finish) == ("one ", "stop")


def test_a_scripted_text_is_cut_at_the_end_that_the_request_finds() -> None:
    def enough(text: str) -> int | None:
        end = text.find("two")
        return end if end >= 0 else None

    reply, shown = reply_of(ScriptedModel(["one two three"], chunk=5), enough=enough)
    assert (reply.text, reply.finish) == ("one ", "cut")
    assert "".join(delta.text for delta in shown) == "one "


def test_a_scripted_function_sees_the_request() -> None:
    model = ScriptedModel([lambda request: f"{len(request.messages)} message"])
    assert reply_of(model)[0].text == "1 message"
    assert [request.messages for request in model.requests] == [tuple(ASK)]


@pytest.mark.parametrize("item", [KeyboardInterrupt(), lambda request: KeyboardInterrupt()], ids=["item", "function"])
def test_a_scripted_exception_is_raised(item: testing.ScriptedReply) -> None:
    with pytest.raises(KeyboardInterrupt):
        reply_of(ScriptedModel([item]))


def test_an_exhausted_scripted_model_says_which_request_has_no_reply() -> None:
    model = ScriptedModel(["42"])
    reply_of(model)
    with pytest.raises(AssertionError, match="no reply to request 2"):
        reply_of(model)
