"""A reply of a model behind an endpoint: what is sent, what is read, and where it ends."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from codeact_magic import formats
from codeact_magic.agent import Delta, Model, Request
from codeact_magic.errors import EndpointError
from codeact_magic.model import (
    background_reader,
    client,
    openai_model,
    reply_builder,
    sse,
)
from codeact_magic.model.reply_builder import ReplyBuilder
from codeact_magic.session import ToolCall, Usage
from codeact_magic.testing import Endless, FakeEndpoint, Raw, Say
from codeact_magic.text import storable

from .asking import (
    ASK,
    CODE,
    NEVER,
    REASONED,
    TEXT,
    Shown,
    ask,
    bodies_of,
    event,
    http,
    line_after,
    line_of,
    model_of,
    one_line_of,
    reply_to,
    server,
    stream_of,
    streaming_threads,
)
from .asking import nothing_remains as nothing_remains

# A reply


def test_an_openai_model_is_a_model() -> None:
    model: Model = model_of("http://127.0.0.1:1/v1")
    assert (model.name, model.endpoint) == ("fake-model", "http://127.0.0.1:1/v1")


def test_a_reply_is_streamed_in_parts_that_make_up_its_text() -> None:
    gate = threading.Event()
    shown: list[str] = []

    def show(delta: Delta) -> None:
        if delta.text:
            shown.append(delta.text)
            gate.set()

    with FakeEndpoint([Say("It is forty-two.", gate=gate, gate_after=2)]) as fake:
        reply = model_of(fake).reply(Request(ASK), show)
    assert reply.text == "".join(shown) == "It is forty-two."
    assert len(shown) > 1
    assert (reply.finish, reply.model) == ("stop", "fake-model")
    assert reply.seconds > 0


def test_show_is_called_as_soon_as_the_request_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_reader, "TICK", 1000.0)
    gate = threading.Event()
    with FakeEndpoint([Say("Yes.", gate=gate)]) as fake:

        def show(delta: Delta) -> None:
            fake.wait_for_requests(1)
            gate.set()

        assert model_of(fake).reply(Request(ASK), show).text == "Yes."


def test_show_is_called_while_nothing_arrives() -> None:
    gate, ticks = threading.Event(), Shown()

    def show(delta: Delta) -> None:
        ticks.append(delta)
        if ticks.count(Delta()) == 3:
            gate.set()

    with FakeEndpoint([Say("Yes.", gate=gate)]) as fake:
        assert model_of(fake).reply(Request(ASK), show).text == "Yes."
    assert ticks[:3] == [Delta()] * 3


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_separate_from_the_text(field: Any) -> None:
    reply, shown = reply_to(Say("42", reasoning="six sevens", reasoning_field=field))
    assert (reply.text, reply.reasoning) == ("42", "six sevens")
    assert (shown.text, shown.reasoning) == ("42", "six sevens")


def test_reasoning_in_tags_stays_in_the_text() -> None:
    reply, shown = reply_to("<think>six sevens</think>42")
    assert reply.text == shown.text == "<think>six sevens</think>42"
    assert reply.reasoning == ""


def test_usage_is_reported_by_the_endpoint() -> None:
    reply, _ = reply_to(Say("42", usage=(20, 12, 4)))
    assert reply.usage == Usage(prompt=20, cached=12, completion=4)


def test_usage_without_details_has_no_cached_tokens() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": None}
    last = b'data: {"choices": [], "usage": ' + json.dumps(usage).encode() + b"}\n\n"
    reply, _ = reply_to(Raw(event({"content": "x"}, finish_reason="stop") + last))
    assert reply.usage == Usage(prompt=3, completion=2)


def test_usage_is_estimated_if_the_endpoint_does_not_report_it() -> None:
    reply, _ = reply_to(Say("x" * 40, usage=None))
    assert reply.usage == Usage(prompt=len(ASK[0]["content"]) // 4, completion=11, estimated=True)


def test_an_estimate_counts_text_and_calls_but_not_images() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10_000}}
    call = {"id": "1", "type": "function", "function": {"name": "python", "arguments": "y" * 40}}
    messages = (
        {"role": "user", "content": [{"type": "text", "text": "z" * 400}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    )
    answer = Say(tool_calls=(ToolCall("1", "python", "a" * 80),), usage=None)
    reply, _ = reply_to(answer, request={"messages": messages})
    assert reply.usage == Usage(prompt=110, completion=21, estimated=True)


def test_tool_calls_are_joined_from_their_parts() -> None:
    calls = (ToolCall("a", "python", '{"code": "print(1)"}'), ToolCall("b", "python", '{"code": "żółw"}'))
    reply, _ = reply_to(Say("Two at once.", tool_calls=calls))
    assert reply.tool_calls == calls
    assert (reply.text, reply.finish) == ("Two at once.", "tool_calls")


def test_tool_calls_that_are_all_numbered_0_are_distinguished_by_their_ids() -> None:
    def call(id: str, arguments: Any) -> Any:
        return {"tool_calls": [{"index": 0, "id": id, "function": {"name": "python", "arguments": arguments}}]}

    deltas = [call("a", '{"code": '), call("a", "1}"), call("b", '{"code": '), call("", "2}"), call("c", {"code": "3"})]
    reply, _ = reply_to(Raw(stream_of(*deltas)))
    assert [(call.id, call.arguments) for call in reply.tool_calls] == [
        ("a", '{"code": 1}'),
        ("b", '{"code": 2}'),
        ("c", '{"code": "3"}'),
    ]


def test_a_tool_call_without_an_id_gets_one() -> None:
    delta = {"tool_calls": [{"function": {"name": "python", "arguments": "{}"}}]}
    reply, _ = reply_to(Raw(stream_of(delta, finish="tool_calls")))
    assert reply.tool_calls == (ToolCall("call-0", "python", "{}"),)


def test_the_reply_has_the_name_of_the_model_that_the_endpoint_sends() -> None:
    chunk = {"model": "fake-2024", "choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}
    reply, _ = reply_to(Raw(b"data: " + json.dumps(chunk).encode() + b"\n\n"))
    assert reply.model == "fake-2024"
    reply, _ = reply_to(Raw(stream_of({"content": "x"})))
    assert reply.model == "fake-model"


def test_a_reply_may_be_empty() -> None:
    reply, shown = reply_to("")
    assert (reply.text, reply.finish, shown.notes) == ("", "stop", [])


def test_the_finish_reason_is_the_one_of_the_endpoint() -> None:
    reply, _ = reply_to(Say("cut o", finish="length"))
    assert reply.finish == "length"


@pytest.mark.parametrize("chunk", [1, 4, 1000])
def test_multibyte_characters_may_be_split_anywhere(chunk: int) -> None:
    reply, shown = reply_to(Say(TEXT, chunk=chunk, split_bytes=True))
    assert reply.text == shown.text == TEXT


def test_lines_may_end_in_carriage_returns_and_comments_are_ignored() -> None:
    body = b": still there\n\n" + stream_of({"content": "a"}, {"content": "b"}) + b"event: ping\nid: 7\n\n"
    reply, _ = reply_to(Raw(body.replace(b"\n", b"\r\n")))
    assert reply.text == "ab"


def test_half_a_surrogate_pair_is_removed() -> None:
    reply, _ = reply_to(Raw(stream_of({"content": "a\ud800b"})))
    assert reply.text == storable("a\ud800b")


@hypothesis_settings(deadline=None)
@given(st.lists(st.integers(0, 600)), st.text(max_size=60), st.text(max_size=20), st.integers(1, 9))
def test_the_bytes_of_a_stream_may_be_split_anywhere(splits: list[int], text: str, reasoning: str, size: int) -> None:
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    data = stream_of({"reasoning": reasoning}, *({"content": part} for part in parts))
    at_once = ReplyBuilder(Request(ASK))
    in_parts = ReplyBuilder(Request(ASK))
    shown = Shown()
    at_once.feed(data)
    for start, end in zip([0, *sorted(splits)], [*sorted(splits), len(data)], strict=True):
        shown.append(in_parts.feed(data[start : max(start, end)]))
    reply = at_once.reply(0, "")
    assert in_parts.reply(0, "") == reply
    assert (shown.text, shown.reasoning) == (reply.text, reply.reasoning)


# What is sent


def test_a_request_carries_all_settings() -> None:
    tools = ({"type": "function", "function": {"name": "python", "parameters": {}}},)
    form = {"type": "json_object"}
    with FakeEndpoint(["Yes."]) as fake:
        request = {"stop": ("</execute>",), "tools": tools, "response_format": form}
        ask(model_of(fake, temperature=0.5, max_tokens=99), **request)
    [body] = bodies_of(fake)
    assert body == {
        "model": "fake-model",
        "messages": list(ASK),
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "max_tokens": 99,
        "stop": ["</execute>"],
        "tools": list(tools),
        "response_format": form,
    }


def test_a_setting_left_to_the_endpoint_is_not_sent() -> None:
    with FakeEndpoint(["Yes."]) as fake:
        ask(model_of(fake, temperature=None, max_tokens=0))
    assert bodies_of(fake)[0].keys() == {"model", "messages", "stream", "stream_options"}


def test_a_temperature_of_zero_is_sent() -> None:
    with FakeEndpoint(["Yes."]) as fake:
        ask(model_of(fake))
    assert bodies_of(fake)[0]["temperature"] == 0


def test_messages_are_sent_verbatim() -> None:
    messages = ({"role": "system", "content": "{}%$\\"}, {"role": "user", "content": TEXT, "name": "żółw"})
    with FakeEndpoint(["Yes."]) as fake:
        ask(model_of(fake), messages=messages)
    assert bodies_of(fake)[0]["messages"] == list(messages)


def test_one_connection_serves_many_requests() -> None:
    with FakeEndpoint(default="Yes.") as fake:
        model = model_of(fake)
        for _ in range(5):
            assert ask(model)[0].text == "Yes."
            assert streaming_threads() == []
        assert model.models() == ["fake-model"]
        assert (fake.connections, fake.disconnects) == (1, 0)


def test_a_connection_that_the_endpoint_closed_is_replaced_without_a_note() -> None:
    answer, closed = http(stream_of({"content": "Yes."})), threading.Semaphore(0)
    with server(answer, answer, closed=closed.release) as url:
        model = model_of(url)
        for _ in range(2):
            reply, shown = ask(model)
            assert (reply.text, shown.notes) == ("Yes.", [])
            closed.acquire()


# The end of a reply


def test_text_after_the_first_action_is_neither_shown_nor_returned() -> None:
    text = f"{REASONED}{CODE}\n```output\n41\n```\nSo it is 41."
    reply, shown = reply_to(Say(text, ignore_stop=True), request={"enough": formats.enough})
    assert reply.text == shown.text.rstrip() == REASONED + CODE
    assert reply.finish == "cut"


def test_a_reply_that_may_yet_turn_out_to_be_reasoning_is_not_cut() -> None:
    text = f"{CODE}\nbut nobody asked for that.</think>\nIt is 41."
    reply, _ = reply_to(Say(text, ignore_stop=True), request={"enough": formats.enough})
    assert (reply.text, reply.finish) == (text, "stop")


def test_cutting_a_reply_makes_the_endpoint_stop_writing() -> None:
    flood = Say(REASONED + CODE + "\n" + "and so on " * 100_000, delay=0.001)
    with FakeEndpoint([flood, "Done."]) as fake:
        model = model_of(fake)
        reply, _ = ask(model, enough=formats.enough)
        assert (reply.text, reply.usage.estimated) == (REASONED + CODE, True)
        assert streaming_threads() == []
        fake.wait_for_disconnects(1)
        assert ask(model)[0].text == "Done."


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_a_stop_sequence_ends_the_reply_even_if_the_endpoint_ignores_it(chunk: int) -> None:
    answer = Say("a <execute>1</execute> and more", ignore_stop=True, chunk=chunk)
    reply, shown = reply_to(answer, request={"stop": ("</execute>",)})
    assert reply.text == shown.text == "a <execute>1"
    assert reply.finish == "stop"


def test_a_reply_ends_at_the_first_of_several_ends() -> None:
    answer = Say(f"{REASONED}{CODE}\nand then STOP it", ignore_stop=True, chunk=1000)
    reply, _ = reply_to(answer, request={"stop": ("STOP",), "enough": formats.enough})
    assert (reply.text, reply.finish) == (REASONED + CODE, "cut")


@hypothesis_settings(deadline=None)
@given(st.text("ab<", max_size=30), st.lists(st.integers(1, 4), min_size=30))
def test_no_part_of_a_stop_sequence_is_shown(text: str, sizes: list[int]) -> None:
    builder = ReplyBuilder(Request(ASK, stop=("<ab<", "b<")))
    shown = Shown()
    start = 0
    for size in sizes:
        if not builder.is_cut:
            shown.append(builder.feed(event({"content": text[start : start + size]})))
        start += size
    if not builder.is_cut:
        shown.append(builder.feed(event({}, finish_reason="stop")))
    expected = min((text.partition(stop)[0] for stop in ("<ab<", "b<")), key=len)
    assert shown.text == builder.reply(0, "").text == expected


@pytest.mark.parametrize("item", [Endless(), Endless("y" * 1000)])
def test_an_endless_reply_is_cut(item: Endless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_builder, "MOST_CHARACTERS", 20_000)
    with FakeEndpoint([item, "Done."]) as fake:
        model = model_of(fake)
        reply, _ = ask(model)
        assert reply.finish == "length"
        assert len(reply.text) == 20_000
        fake.wait_for_disconnects(1)
        assert ask(model)[0].text == "Done."


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning": "hm " * 1000},
        {"tool_calls": [{"index": 0, "function": {"name": "python", "arguments": "x" * 3000}}]},
    ],
)
def test_endless_reasoning_and_endless_calls_are_cut(delta: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_builder, "MOST_CHARACTERS", 20_000)
    reply, _ = reply_to(Raw(event(delta) * 100))
    assert reply.finish == "length"


def test_an_endless_line_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LONGEST_LINE", 100_000)
    with FakeEndpoint([Raw(b"data: " + b"x" * 3_000_000)]) as fake:
        assert "sends without end" in line_of(model_of(fake))
        assert len(fake.requests) == 1


@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_endless_answer_is_an_error_whatever_its_status(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 100_000)
    answer = Raw(b": keep alive\n" * 100_000, status=status)
    assert "sends without end" in line_after(answer)


def test_an_endless_list_of_models_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 100_000)
    with server(http(b"[" * 1_000_000)) as url, pytest.raises(EndpointError, match="sends without end"):
        model_of(url).models()


@pytest.mark.slow
def test_a_reply_is_complete_even_if_the_endpoint_does_not_end_its_stream() -> None:
    body = stream_of({"content": "Yes."})
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n"
    with server(head + body, head + body, hold=True) as url:
        model = model_of(url, timeout=NEVER)
        assert ask(model)[0].text == "Yes."
        assert ask(model)[0].text == "Yes."


# Models


def test_the_models_of_an_endpoint_are_listed() -> None:
    with FakeEndpoint(models=["b", "a"]) as fake:
        model = model_of(fake)
        assert model.models() == ["a", "b"]
        assert streaming_threads() == []
        assert ask(model, messages=ASK) if fake.requests[1:] else True


def test_a_list_of_models_may_lack_its_envelope() -> None:
    with server(http(b'[{"id": "b"}, {"id": "a"}]', content_type="application/json")) as url:
        assert model_of(url).models() == ["a", "b"]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (http(b"<html>Hi</html>", content_type="text/html"), "not a chat completion"),
        (http(b'{"data": [1]}', content_type="application/json"), "not a chat completion"),
        (http(b'{"error": {"message": "who are you?"}}', "401 Unauthorized"), "who are you?"),
        (http(b"{}", "503 Service Unavailable"), "answered 503"),
        (b"", "cannot be reached"),
    ],
)
def test_models_that_cannot_be_listed_are_an_error(answer: bytes, line: str) -> None:
    with server(answer) as url, pytest.raises(EndpointError) as caught:
        model_of(url).models()
    assert line in one_line_of(caught.value)


@pytest.mark.parametrize("limit", ["LIST_TIMEOUT", "timeout"])
def test_an_endpoint_that_never_lists_its_models_is_an_error(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_model, "LIST_TIMEOUT", 0.2 if limit == "LIST_TIMEOUT" else NEVER)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        with pytest.raises(EndpointError, match="silent for"):
            model_of(url, timeout=0.2 if limit == "timeout" else NEVER).models()


def test_two_models_at_one_endpoint_are_independent() -> None:
    with FakeEndpoint(default=lambda body: f"I am {body['model']}.") as fake:
        one, two = model_of(fake, model="one"), model_of(fake, model="two")
        texts = [ask(model)[0].text for model in (one, two, one)]
    assert texts == ["I am one.", "I am two.", "I am one."]
