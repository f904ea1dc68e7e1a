"""The reader of streams takes what OpenAI's own client takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeact_magic.agent import Request
from codeact_magic.model import reply_builder
from codeact_magic.model.loops import LoopWatch
from codeact_magic.model.reply_builder import ReplyBuilder
from codeact_magic.session import Json, ToolCall, Usage
from codeact_magic.testing import FakeEndpoint, Raw, Say, Status

from .asking import ASK, ask, event, line_after, line_of, model_of, reply_to, stream_of
from .asking import nothing_remains as nothing_remains

WHOLE = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": "It is 42."}}]}


def part(text: Any, kind: str = "text") -> Json:
    return {"type": kind, kind: text}


def calls(*deltas: Json) -> tuple[ToolCall, ...]:
    """Return the tool calls of a reply that comes in `deltas` of one call each."""
    reply, _ = reply_to(Raw(stream_of(*({"tool_calls": [delta]} for delta in deltas), finish="tool_calls")))
    return reply.tool_calls


# Contents


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ([part("It is "), part("42.")], "It is 42.", ""),
        ([{"type": "output_text", "text": "It is 42."}], "It is 42.", ""),
        (["It is ", part("42.")], "It is 42.", ""),
        (part("It is 42."), "It is 42.", ""),
        ([part([part("Six sevens.")], "thinking"), part("42")], "42", "Six sevens."),
        ([part("Six sevens.", "thinking")], "", "Six sevens."),
        ([part("Six sevens.", "reasoning"), part("42")], "42", "Six sevens."),
        ([{"type": "reference", "reference_ids": [1]}, part("42")], "42", ""),
        ([part(None)], "", ""),
        ([], "", ""),
        (None, "", ""),
    ],
)
def test_contents_may_be_parts(content: Any, text: str, reasoning: str) -> None:
    reply, shown = reply_to(Raw(stream_of({"content": content}, {"content": "."})))
    assert (reply.text, reply.reasoning) == (f"{text}.", reasoning)
    assert (shown.text, shown.reasoning) == (reply.text, reasoning)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "reasoning_text", "thinking"])
def test_reasoning_has_many_names_and_its_name_is_kept(field: str) -> None:
    reply, _ = reply_to(Raw(stream_of({field: "Six "}, {field: "sevens."}, {"content": "42"})))
    assert (reply.reasoning, reply.reasoning_field, reply.text) == ("Six sevens.", field, "42")


# Events


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + stream_of({"content": "ab"}),
        b"data:\n\n" + stream_of({"content": "ab"}),
        b"data\n\n" + stream_of({"content": "ab"}),
        stream_of({"content": "ab"}).replace(b"\n", b"\r"),
        stream_of({"content": "ab"}).replace(b"\n", b"\r\n"),
        stream_of({"content": "ab"}).replace(b"data: ", b"data:"),
        stream_of({"content": "ab"}).replace(b"\n\n", b"\n"),
        stream_of({"content": "ab"}).replace(b', "delta"', b',\ndata: "delta"'),
        stream_of({"content": "ab"}).replace(b"data: {", b"event: chunk\nid: 1\ndata: {"),
        stream_of({"content": "ab"}).replace(b"data: {", b"{").replace(b"data: [DONE]", b""),
        stream_of({"content": "ab"}, finish=None),
        stream_of({"content": "ab"}, finish=None) + b"\n\n",
        event({"content": "ab"}, finish_reason="") + b"data: [DONE]\n\n",
        event(None, message={"content": "ab"}) + b"data: [DONE]\n\n",
        event({"content": "ab"}) + event(None, message={"content": "ab"}, finish_reason="stop"),
        event(None, text="ab", finish_reason="stop"),
        b'data: {"choices": null}\n\n' + stream_of({"content": "ab"}),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_are_read_as_the_official_client_reads_them(body: bytes, size: int) -> None:
    builder = ReplyBuilder(Request(ASK))
    shown = [builder.feed(body[start : start + size]).text for start in range(0, len(body), size)]
    shown.append(builder.end().text)
    assert builder.reply(0, "").text == "".join(shown) == "ab"


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("end", ["", "\n"])
def test_one_json_body_is_a_reply(indent: int | None, end: str) -> None:
    body = json.dumps(WHOLE, indent=indent) + end
    reply, shown = reply_to(Raw(body.encode(), content_type="application/json"))
    assert (reply.text, reply.finish, shown.text) == ("It is 42.", "stop", "It is 42.")


@given(st.lists(st.integers(0, 400)), st.sampled_from(["\n", "\r", "\r\n"]))
def test_events_may_be_split_anywhere_with_any_line_ending(splits: list[int], ending: str) -> None:
    data = stream_of({"content": "a\u00e9"}, {"reasoning": "b"}, {"content": [part("c")]}).decode()
    raw = (": ping\n\n" + data).replace(', "delta"', ',\ndata: "delta"').replace("\n", ending).encode()
    builder = ReplyBuilder(Request(ASK))
    for start, end in zip([0, *sorted(splits)], [*sorted(splits), len(raw)], strict=True):
        builder.feed(raw[start : max(start, end)])
    builder.end()
    reply = builder.reply(0, "")
    assert (reply.text, reply.reasoning) == ("a\u00e9c", "b")


# Errors in an answer with status 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (event({"content": "It"}) + b'{"error":"CUDA error: out of memory"}\n', "out of memory"),
        (event({"content": "It"}) + b'{"error":"CUDA error: out of memory"}', "out of memory"),
        (event({"content": "It"}) + b'event: error\ndata: {"message": "out of memory"}\n\n', "out of memory"),
        (event({"content": "It"}) + b"event: error\ndata: out of memory\n\n", "out of memory"),
        (b'data: {"error": true, "message": "out of memory"}\n\n', "out of memory"),
        (b'data: {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}\n\n', "529: Busy"),
        (event({}, error={"code": 502, "message": "Bad upstream"}, finish_reason="error"), "502: Bad upstream"),
        (b'{"base_resp": {"status_code": 1002, "status_msg": "too fast"}, "choices": null}', "too fast"),
        (b'{"code": 500, "msg": "404 NOT_FOUND", "success": false}', "500: 404 NOT_FOUND"),
        (b'{"errors": [{"message": "No such account", "code": 7003}], "success": false}', "No such account"),
        (b'{\n "error": {"message": "Slow down", "code": "rate_limit_exceeded"}\n}', "429: Slow down"),
        (b'[{"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}]', "503: Overloaded"),
    ],
)
def test_an_error_in_a_200_is_tried_again_and_told(body: bytes, words: str) -> None:
    reply, shown = reply_to(Raw(body), "Yes.")
    assert reply.text == "Yes."
    assert words in shown.notes[0]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"message": "maximum context length is 8192 tokens", "code": "context_length_exceeded"}, "too long"),
        ({"message": "No such key", "code": "invalid_api_key"}, "wants a key"),
        ({"message": "Not like this", "type": "invalid_request_error"}, "refused the request (400: Not like this)"),
        ({"message": "No credit", "code": "insufficient_quota"}, "answered 429: No credit"),
    ],
)
def test_an_error_in_a_200_that_will_not_pass_is_not_tried_again(error: Json, words: str) -> None:
    with FakeEndpoint([Raw(json.dumps({"error": error}).encode(), content_type="application/json")]) as fake:
        assert words in line_of(model_of(fake))
        assert len(fake.requests) == 1


# Tool calls


def test_calls_are_told_apart_by_id_index_and_order() -> None:
    def call(arguments: str, **fields: Any) -> Json:
        return {"function": {"arguments": arguments, "name": fields.pop("name", None)}, **fields}

    one, two = ToolCall("a", "python", '{"code": 1}'), ToolCall("b", "python", '{"code": 2}')
    first = call('{"code": ', id="a", name="python", index=None)
    second = call('{"code": ', id="b", name="python", index=None)
    assert calls(first, call("1}", index=None), second, call("2}", index=None)) == (one, two)
    assert calls(first, call("1}", index=0), second, call("2}", index=1)) == (one, two)
    assert calls({**first, "index": "0"}, call("1}", index=0)) == (one,)
    assert calls({**first, "index": 0}, {**second, "index": 1}, call("1}", id="a"), call("2}", id="b")) == (one, two)
    whole = [call(f'{{"code": {number}}}', name="python", index=0) for number in (1, 2)]
    assert [made.arguments for made in calls(*whole)] == ['{"code": 1}', '{"code": 2}']
    again = [call(text, name="python", index=0, id="a") for text in ('{"code": ', "1}")]
    assert calls(*again) == (one,)


def test_a_function_call_from_before_there_were_tools_is_a_call() -> None:
    deltas = [{"function_call": {"name": "python", "arguments": '{"code": '}}, {"function_call": {"arguments": "1}"}}]
    reply, _ = reply_to(Raw(stream_of(*deltas, finish="function_call")))
    assert (reply.tool_calls, reply.finish) == ((ToolCall("call-0", "python", '{"code": 1}'),), "tool_calls")


def test_the_other_fields_of_a_call_and_of_a_message_are_kept() -> None:
    call = {"index": 0, "id": "a", "type": "function", "thought_signature": "c2ln"}
    block = {"type": "thinking", "thinking": "Six "}
    more = {"type": "thinking", "thinking": "sevens.", "signature": "c2ln"}
    deltas: list[Json] = [
        {"thinking_blocks": [block]},
        {"thinking_blocks": [more]},
        {
            "tool_calls": [
                {**call, "function": {"name": "python", "arguments": "{}", "provider_specific_fields": {"k": 1}}}
            ]
        },
    ]
    reply, _ = reply_to(Raw(stream_of(*deltas, finish="tool_calls")))
    assert json.loads(reply.tool_calls[0].extra) == {
        "thought_signature": "c2ln",
        "function": {"provider_specific_fields": {"k": 1}},
    }
    assert json.loads(reply.extra) == {"thinking_blocks": [{**more, "thinking": "Six sevens."}]}


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"prompt_tokens": 20, "completion_tokens": 5, "prompt_cache_hit_tokens": 12}, Usage(20, 12, 5)),
        ({"input_tokens": 20, "output_tokens": 5, "cache_read_input_tokens": 12}, Usage(20, 12, 5)),
        ({"prompt_tokens": 20, "completion_tokens": 5, "cached_tokens": 12}, Usage(20, 12, 5)),
    ],
)
def test_tokens_are_counted_in_many_names(usage: Json, read: Usage) -> None:
    chunk = {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}
    moonshot = {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop", "usage": usage}]}
    for sent in (chunk | {"usage": usage}, chunk | {"x_groq": {"usage": usage}}, moonshot):
        reply, _ = reply_to(Raw(b"data: " + json.dumps(sent).encode() + b"\n\n"))
        assert reply.usage == read


# How a reply ended


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        *((word, "stop") for word in ("eos", "eos_token", "end_turn", "stop_sequence", "STOP", "COMPLETE")),
        *((word, "tool_calls") for word in ("tool_use", "function_call", "TOOL_CALL")),
        *((word, "length") for word in ("max_tokens", "MAX_TOKENS", "model_length", "FINISH_REASON_MAX_TOKENS")),
    ],
)
def test_known_endings_are_read_in_every_spelling(word: str, finish: str) -> None:
    reply, _ = reply_to(Raw(stream_of({"content": "It is"}, finish=word)))
    assert (reply.text, reply.finish, reply.note) == ("It is", finish, "")


@pytest.mark.parametrize("word", ["content_filter", "SAFETY", "guardrail_intervened", "refusal", "sensitive"])
def test_a_filter_fails_the_request_and_is_named(word: str) -> None:
    with FakeEndpoint([Raw(stream_of({"content": "It is"}, finish=word))]) as fake:
        line = line_of(model_of(fake))
        assert len(fake.requests) == 1
    assert "content filter" in line and word in line


@pytest.mark.parametrize("word", ["error", "abort", "network_error", "insufficient_system_resource"])
def test_an_ending_that_is_an_error_is_tried_again(word: str) -> None:
    torn = Raw(stream_of({"content": "It is 42."}, finish=word))
    reply, shown = reply_to(torn, "Yes.")
    assert reply.text == "Yes." and word in shown.notes[0]
    assert word in line_after(torn, retries=0)


@pytest.mark.parametrize(
    "deltas", [[{"refusal": "I can"}, {"refusal": "not."}], [{"content": [part("I cannot.", "refusal")]}]]
)
def test_a_refusal_is_told_in_the_words_of_the_model(deltas: list[Json]) -> None:
    with FakeEndpoint([Raw(stream_of(*deltas))]) as fake:
        assert "refused to reply: I cannot." in line_of(model_of(fake))
        assert len(fake.requests) == 1


@pytest.mark.parametrize("text", ["It is 42.", "I act.\n```python\nprint(42)\n```", '{"answer": "42"}', "它是四十二。"])
def test_an_unknown_ending_is_told_and_counts_if_the_reply_is_complete(text: str) -> None:
    reply, shown = reply_to(Raw(stream_of({"content": text}, finish="so_be_it")))
    assert (reply.text, reply.finish, shown.notes) == (text, "stop", [])
    assert "'so_be_it'" in reply.note


@pytest.mark.parametrize(
    "text",
    ["", "It is", "The sum of the col", "```python\nprint(4", "<execute>\nprint(42)\n", '{"answer": "4', "<think>Hm."],
)
def test_an_unknown_ending_never_makes_a_reply_of_half_a_text(text: str) -> None:
    torn = Raw(stream_of({"content": text}, finish="so_be_it"))
    reply, shown = reply_to(torn, "Yes.")
    assert reply.text == "Yes." and "so_be_it" in shown.notes[0]
    assert "is not complete" in line_after(torn, retries=0)


@pytest.mark.parametrize("arguments", ['{"code": "print(4', "", "{}"])
def test_an_unknown_ending_never_makes_an_action_of_half_a_call(arguments: str) -> None:
    delta = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "python", "arguments": arguments}}]}
    reply, _ = reply_to(Raw(stream_of(delta, finish="so_be_it")), "Yes.")
    assert reply.text == "Yes."


# Values, and waits


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", 3.0, "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3."),
        ("temperature", 3.0, "temperature must be between 0 and 2"),
        ("temperature", 3.0, "The temperature value of 3 is not in the supported range from 0 to 2"),
        (
            "temperature",
            0.5,
            "temperature does not support 0.5 with this model. Only the default (1) value is supported",
        ),
        ("max_tokens", 99_999, "max_tokens is too large: 99999. This model supports at most 4096 completion tokens."),
        ("max_tokens", 99_999, "max_tokens: 99999 > 8192, which is the maximum allowed number of output tokens"),
    ],
)
def test_a_value_that_is_refused_is_told_and_the_next_one_is_sent(name: str, value: Any, message: str) -> None:
    def answer(body: Json) -> Status | str:
        return Status(400, message) if body.get(name) == value else "Yes."

    with FakeEndpoint(default=answer) as fake:
        line = line_of(model_of(fake, **{name: value}))
        assert f"does not take {value} for {name}" in line
        ask(model_of(fake, **{name: 1}))
        assert fake.requests[-1].body[name] == 1


def test_a_temperature_of_zero_that_is_refused_is_left_out_and_others_are_sent() -> None:
    refusal = Status(422, body={"error": "`temperature` must be strictly positive", "error_type": "validation"})
    with FakeEndpoint(default=lambda body: refusal if body.get("temperature") == 0 else "Yes.") as fake:
        _, shown = ask(model_of(fake))
        ask(model_of(fake, temperature=0.5))
        assert ["temperature" in request.body for request in fake.requests] == [True, False, True]
    assert "does not take temperature 0" in shown.notes[0]


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"error": {"message": "Busy.", "details": [{"retryDelay": "0.02s"}]}}, "0.02"),
        ({"error": {"message": "Rate limit reached. Please try again in 20ms."}}, "0.02"),
        ({"error": {"message": "Please retry after 0 seconds."}}, "0"),
        ({"error": {"message": "Busy", "retry_after": 0.02}}, "0.02"),
    ],
)
def test_the_body_may_choose_the_wait(body: Json, wait: str) -> None:
    _, shown = reply_to(Status(429, body=body), "Yes.")
    assert f"Trying again in {wait} s" in shown.notes[0]


@pytest.mark.parametrize("message", ["Please try again in 7m12s.", "try again in 2 hours", "Retry in 34000.07s."])
def test_a_wait_in_the_body_that_is_too_long_is_told(message: str) -> None:
    assert "asks to wait" in line_after(Status(429, message))


# Loops


@pytest.mark.parametrize("field", ["content", "reasoning_content"])
@pytest.mark.parametrize("period", ["ha ", "I will look at the data again. ", "x = 1\n" * 200])
def test_a_reply_that_repeats_itself_is_cut(field: str, period: str) -> None:
    with FakeEndpoint([Raw(event({field: "So: "}) + event({field: period}) * 4000)]) as fake:
        reply, _ = ask(model_of(fake), cut_loops=True)
    assert reply.finish == "loop"
    assert len(reply.text) + len(reply.reasoning) < 20_000


def test_arguments_that_repeat_themselves_are_cut() -> None:
    delta = {"tool_calls": [{"index": 0, "function": {"name": "python", "arguments": "1, "}}]}
    reply, _ = reply_to(Raw(event(delta) * 9000), request={"cut_loops": True})
    assert reply.finish == "loop"


def test_long_replies_that_do_not_repeat_themselves_are_not_cut() -> None:
    text = "".join(f"row {number}: {number * 7919 % 1000}\n" for number in range(3000)) + "=" * 2000
    reply, _ = reply_to(Say(text, chunk=1000), request={"cut_loops": True})
    assert (reply.finish, reply.text) == ("stop", text)


@given(st.lists(st.integers(1, 3000), max_size=20), st.integers(1, 1500))
def test_a_loop_is_found_wherever_the_parts_are_cut(sizes: list[int], period: int) -> None:
    text = "".join(map(str, range(3000))) + "".join(chr(97 + number * number % 26) for number in range(period)) * 9000
    text = text[:40_000]
    at_once, in_parts = LoopWatch(), LoopWatch()
    at_once.feed(text)
    for size in [*sizes, len(text)]:
        in_parts.feed(text[:size])
        text = text[size:]
    assert at_once.is_loop and in_parts.is_loop


def test_the_bound_on_a_reply_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_builder, "MOST_CHARACTERS", 1000)
    reply, _ = reply_to(Say("".join(map(str, range(1000)))))
    assert (reply.finish, len(reply.text)) == ("length", 1000)
    assert "cut off after 1,000 characters" in reply.note
