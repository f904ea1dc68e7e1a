"""A model behind an endpoint, over real HTTP and with the real openai client."""

from __future__ import annotations

import json
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from codeact_magic import formats
from codeact_magic.agent import Delta, Model, Request
from codeact_magic.errors import EndpointError
from codeact_magic.frontends.advice import NOTEBOOK
from codeact_magic.model import (
    OpenAIModel,
    Settings,
    background_reader,
    client,
    openai_model,
    parameters,
    public_url,
    reply_builder,
    sse,
)
from codeact_magic.model.reply_builder import ReplyBuilder
from codeact_magic.session import Reply, ToolCall, Usage
from codeact_magic.testing import Endless, FakeEndpoint, Hang, Raw, Say, Scripted, Status
from codeact_magic.text import storable

ASK = ({"role": "user", "content": "What is six times seven?"},)
CODE = "Let me see.\n```python\nprint(6 * 7)\n```"
REASONED = "<think></think>\n"  # only behind reasoning that has ended is a reply cut
KEY = "sk-proj-abcdefghijklmnop-1234567890"
NEVER = 1000.0  # seconds: longer than a test may run
TEXT = "Zażółć gęślą jaźń, 東京, 👩‍🚀!"


@pytest.fixture(autouse=True)
def nothing_remains(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start each test without waits and without rejected parameters; check that it leaves no thread behind."""
    monkeypatch.setattr(openai_model, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(parameters, "_rejected", {})
    yield
    assert streaming_threads() == []


def streaming_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "codeact-stream"]


class Shown(list[Delta]):
    """The deltas that a reply has shown."""

    @property
    def text(self) -> str:
        return "".join(delta.text for delta in self)

    @property
    def reasoning(self) -> str:
        return "".join(delta.reasoning for delta in self)

    @property
    def notes(self) -> list[str]:
        return [delta.note for delta in self if delta.note]


def settings_of(target: FakeEndpoint | str, **options: Any) -> Settings:
    url = target if isinstance(target, str) else target.base_url
    return Settings(url, **{"model": "fake-model", "timeout": 10.0, **options})


def model_of(target: FakeEndpoint | str, **options: Any) -> OpenAIModel:
    return OpenAIModel(settings_of(target, **options))


def ask(model: OpenAIModel, **options: Any) -> tuple[Reply, Shown]:
    shown = Shown()
    return model.reply(Request(**{"messages": ASK, **options}), shown.append), shown


def reply_to(*script: Scripted, request: Any = None, **options: Any) -> tuple[Reply, Shown]:
    """Return the reply of an endpoint that plays `script`, and the deltas that were shown."""
    with FakeEndpoint(script) as fake:
        return ask(model_of(fake, **options), **request or {})


def line_of(model: OpenAIModel, **options: Any) -> str:
    """Return the line of the error that ends a request."""
    with pytest.raises(EndpointError) as caught:
        ask(model, **options)
    return one_line_of(caught.value)


def one_line_of(error: EndpointError) -> str:
    line = NOTEBOOK.line(error.fact, error.hints)
    assert "\n" not in line and len(line) < 700
    assert error.__cause__ is None
    return line


def line_after(*script: Scripted, **options: Any) -> str:
    with FakeEndpoint(script) as fake:
        return line_of(model_of(fake, **options))


def bodies_of(fake: FakeEndpoint) -> list[Any]:
    return [request.body for request in fake.requests]


def event(delta: Any, **choice: Any) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": None, **choice}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def stream_of(*deltas: Any, finish: str | None = "stop") -> bytes:
    """Return a complete stream."""
    end = [event({}, finish_reason=finish)] if finish else []
    return b"".join([*map(event, deltas), *end, b"data: [DONE]\n\n"])


@contextmanager
def server(*answers: bytes | None, hold: bool = False, closed: Callable[[], object] = lambda: None) -> Iterator[str]:
    """Answer each connection with the next of `answers`, whatever the request; None resets the connection.

    `closed` is called each time a connection has been closed on this side; `hold` keeps it open.
    """
    connections: list[socket.socket] = []

    def serve(answer: bytes | None) -> None:
        connection, _ = listening.accept()
        connections.append(connection)
        connection.recv(65536)
        if answer is None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        else:
            connection.sendall(answer)
            if not hold:
                connection.shutdown(socket.SHUT_WR)
        closed()

    def serve_all() -> None:
        with suppress(OSError):
            for answer in answers:
                serve(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve_all)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            for connection in [listening, *connections]:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in connections:
                connection.close()


def http(body: bytes, status: str = "200 OK", content_type: str = "text/event-stream") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.fixture
def free_url() -> str:
    """The address of a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


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


# Retries


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_temporary_error_is_retried_with_a_note(status: int) -> None:
    reply, shown = reply_to(Status(status, "busy"), "Yes.")
    assert reply.text == "Yes."
    [note] = shown.notes
    assert f"answered {status}: busy. Trying again in 0 s (1 of 3)." in note


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_the_number_of_retries_is_limited(retries: int) -> None:
    with FakeEndpoint(default=Status(503, "overloaded")) as fake:
        line = line_of(model_of(fake, retries=retries))
        assert len(fake.requests) == retries + 1
    assert "answered 503: overloaded" in line
    assert (f"Tried {retries + 1} times" in line) == bool(retries)


def test_each_wait_is_twice_as_long_as_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_model, "FIRST_WAIT", 0.01)
    _, shown = reply_to(Status(500), Status(500), Status(500), "Yes.")
    assert [note.rpartition("again ")[2] for note in shown.notes] == [
        "in 0.01 s (1 of 3).",
        "in 0.02 s (2 of 3).",
        "in 0.04 s (3 of 3).",
    ]


def test_an_error_without_a_message_is_named_by_its_status() -> None:
    _, shown = reply_to(Raw(b"", status=502), "Yes.")
    assert "answered 502: Bad Gateway." in shown.notes[0]


class Clock:
    """A clock that advances only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("header", "value", "wait"),
    [
        ("Retry-After", "0.03", "0.03"),
        ("Retry-After", "0", "0"),
        ("Retry-After-Ms", "40", "0.04"),
        ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT", "0"),
    ],
)
def test_the_endpoint_may_choose_the_wait(header: str, value: str, wait: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(openai_model, "FIRST_WAIT", 1000.0)
    monkeypatch.setattr(openai_model, "time", clock)
    reply, shown = reply_to(Status(429, headers=((header, value),)), "Yes.")
    assert f"Trying again in {wait} s" in shown.notes[0]
    assert reply.text == "Yes."
    assert clock.now == pytest.approx(float(wait))


@pytest.mark.parametrize(
    "value", ["86400", "inf", pytest.param(in_an_hour(), id="in an hour"), "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_an_excessive_wait_is_an_error(value: str) -> None:
    with FakeEndpoint([Status(429, "slow down", headers=(("Retry-After", value),))]) as fake:
        line = line_of(model_of(fake))
        assert len(fake.requests) == 1
    assert "slow down" in line and "asks to wait" in line


@pytest.mark.parametrize("value", ["", "soon", "nan", "-5", "Wed, 99 Oct 2015"])
def test_a_wait_that_cannot_be_read_is_ignored(value: str) -> None:
    _, shown = reply_to(Status(429, headers=(("Retry-After", value),)), "Yes.")
    assert "Trying again in 0 s" in shown.notes[0]


@pytest.mark.parametrize(
    "refusal",
    [Status(500, headers=(("x-should-retry", "false"),)), Status(429, "no credit", error_code="insufficient_quota")],
)
def test_an_error_that_will_not_pass_is_not_retried(refusal: Status) -> None:
    with FakeEndpoint([refusal]) as fake:
        assert f"answered {refusal.code}" in line_of(model_of(fake))
        assert len(fake.requests) == 1


def test_a_refused_connection_is_retried(free_url: str) -> None:
    shown = Shown()
    with pytest.raises(EndpointError, match=r"Connection refused.*Is the server running.*Tried 3 times"):
        model_of(free_url, retries=2).reply(Request(ASK), shown.append)
    assert len(shown.notes) == 2
    assert "(1 of 2)" in shown.notes[0]


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 200 OK\r\nContent-"])
def test_a_connection_that_breaks_before_an_answer_is_retried(answer: bytes | None) -> None:
    with server(answer, http(stream_of({"content": "Yes."}))) as url:
        reply, shown = ask(model_of(url))
    assert reply.text == "Yes."
    assert len(shown.notes) == 1 and "cannot be reached" in shown.notes[0]


@pytest.mark.parametrize("cut_after", [0, 1, 5, 10])
def test_a_stream_that_breaks_off_is_retried(cut_after: int) -> None:
    reply, shown = reply_to(Say(CODE, cut_after=cut_after), Say(CODE))
    assert reply.text == CODE
    assert len(shown.notes) == 1 and "broke off" in shown.notes[0]


def test_half_an_action_is_not_a_reply() -> None:
    with FakeEndpoint(default=Say(f"```python\n{'x = 1; ' * 20}", cut_after=9)) as fake:
        assert "broke off" in line_of(model_of(fake, retries=1), enough=formats.enough)
        assert len(fake.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        stream_of({"content": CODE}, finish=None),
        event({"content": CODE}),
        event({"content": CODE})[:-30],
        event({"content": CODE}) + b"data: {",
        event({"content": CODE}) + b"<html>The proxy gives up</html>\n",
        b"",
        b": keep-alive\n\n",
    ],
)
def test_a_stream_without_a_finish_reason_is_retried(body: bytes) -> None:
    reply, shown = reply_to(Raw(body), "Yes.")
    assert reply.text == "Yes."
    assert len(shown.notes) == 1 and "broke off" in shown.notes[0]


def test_a_stream_that_breaks_off_after_a_complete_reply_is_a_reply() -> None:
    body = event({"content": "Yes."}) + event({}, finish_reason="stop")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server(head + b"%x\r\n%b\r\n" % (len(body), body)) as url:
        reply, shown = ask(model_of(url))
    assert (reply.text, shown.notes) == ("Yes.", [])


@pytest.mark.parametrize("error", [{"message": "The GPU fell over", "code": 503}, "The GPU fell over"])
def test_an_error_in_the_stream_is_retried(error: Any) -> None:
    body = event({"content": "half"}) + b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    reply, shown = reply_to(Raw(body), "Yes.")
    assert reply.text == "Yes."
    assert "The GPU fell over" in shown.notes[0]


@pytest.mark.parametrize(
    "line",
    [
        b'data: {"error": {"message": "bad template", "code": 400}}',
        b'error: {"code": 400, "message": "bad template", "error": null, "object": "error"}',
        b'data: {"object": "error", "message": "bad template", "code": 400}',
    ],
)
def test_a_permanent_error_in_the_stream_is_not_retried(line: bytes) -> None:
    with FakeEndpoint([Raw(event({"content": "half"}) + line + b"\n\n")]) as fake:
        assert "bad template" in line_of(model_of(fake))
        assert len(fake.requests) == 1


# Rejected parameters


TOOLS = ({"type": "function", "function": {"name": "python", "parameters": {"type": "object"}}},)
EVERYTHING = {"stop": ("STOP",), "tools": TOOLS, "response_format": {"type": "json_object"}}
OPTIONAL = {"stop", "stream_options", "temperature", "max_tokens", "tools", "response_format"}


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


# Keys


def test_an_empty_key_is_not_sent() -> None:
    with FakeEndpoint(["Yes."]) as fake:
        assert ask(model_of(fake))[0].text == "Yes."
        assert model_of(fake).models() == ["fake-model"]
    assert ["authorization" in request.headers for request in fake.requests] == [False, False]


def test_a_key_is_sent_without_the_spaces_around_it() -> None:
    with FakeEndpoint(["Yes."], api_key=KEY) as fake:
        assert ask(model_of(fake, key=f"{KEY}\n"))[0].text == "Yes."


@pytest.mark.parametrize("key", ["sk-two\nlines", "sk-żółw"])
def test_a_key_that_cannot_be_sent_is_an_error(key: str) -> None:
    line = line_after("Yes.", key=key, key_name="MY_KEY")
    assert "MY_KEY" in line
    assert key not in line and key.split()[-1] not in line


@pytest.mark.parametrize("status", [401, 403])
def test_the_error_about_a_refused_key_names_its_variable(status: int) -> None:
    line = line_after(Status(status, "no such key"), key=KEY, key_name="MY_KEY")
    assert f"refused the key in MY_KEY ({status}: no such key)" in line
    assert "api_key_env" in line


def test_the_error_about_a_missing_key_names_its_variable() -> None:
    with FakeEndpoint(api_key=KEY) as fake:
        line = line_of(model_of(fake, key_name="MY_KEY"))
    assert "wants a key: MY_KEY has none" in line
    with FakeEndpoint(api_key=KEY) as fake:
        assert "wants a key (401" in line_of(model_of(fake, key_name=""))


@pytest.mark.parametrize(
    "echo",
    [
        Status(401, f"Incorrect API key provided: {KEY}."),
        Status(401, f"Incorrect API key provided: {KEY[:8]}*****{KEY[-4:]}."),
        Status(400, body={"error": {"message": "bad", "headers": {"authorization": f"Bearer {KEY}"}}}),
        Status(400, body={"detail": {"authorization": f"Bearer {KEY}"}}),
        Status(404, f"no {KEY} here"),
        Status(500, f"{KEY} crashed"),
        Status(400, f"{'x' * 220} {KEY}"),
        Status(400, f"maximum context length of {KEY}"),
        Status(302, headers=(("Location", f"https://user:{KEY}@elsewhere.example/v1"),)),
        Raw(KEY.encode()),
        Raw(f'data: {{"error": {{"message": "{KEY}"}}}}\n\n'.encode()),
        Raw(f"data: {KEY}\n\n".encode()),
        Raw(f"<html>{KEY}</html>".encode(), status=403),
    ],
)
def test_a_key_never_appears_in_an_error(echo: Scripted) -> None:
    shown = Shown()
    with FakeEndpoint(default=echo) as fake, pytest.raises(EndpointError) as caught:
        model_of(fake, key=KEY, retries=1).reply(Request(ASK), shown.append)
    for text in [one_line_of(caught.value), repr(caught.value), *shown.notes]:
        assert KEY not in text
        assert KEY[:8] not in text and KEY[-4:] not in text


def test_a_key_with_spaces_around_it_never_appears_in_an_error() -> None:
    assert "no such key: ***)" in line_after(Status(401, f"no such key: {KEY}"), key=f" {KEY}\n")


def test_a_password_in_the_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with FakeEndpoint(["Yes."]) as fake:
        ask(model_of(fake.base_url.replace("://", "://me:secret@")))
    assert "/v1/chat/completions" in caplog.text
    assert "secret" not in caplog.text


def test_a_user_and_a_password_in_the_address_are_sent_and_not_shown() -> None:
    with FakeEndpoint(["Yes.", Status(401, "wrong: p@ss/wörd, or p%40ss%2Fw%C3%B6rd")]) as fake:
        url = fake.base_url.replace("://", "://me:p%40ss%2Fw%C3%B6rd@")
        model = model_of(url, key=KEY)
        assert ask(model)[0].text == "Yes."
        assert fake.requests[0].headers["authorization"] == "Basic bWU6cEBzcy93w7ZyZA=="
        line = line_of(model)
        shown = f"{line} {model.endpoint} {model.settings!r}"
    assert "refused the user and the password in its address" in line
    assert model.endpoint == fake.base_url
    for secret in ("me:", "p@ss", "p%40ss", KEY):
        assert secret not in shown


def test_settings_do_not_show_their_secrets() -> None:
    assert repr(Settings("https://me:secret@host/v1?key=hidden", "m", key=KEY)) == "Settings('https://host/v1', 'm')"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/v1/", "https://host/v1"),
        ("https://host:8000/v1?key=secret#secret", "https://host:8000/v1"),
        ("https://me:secret@host/v1", "https://host/v1"),
        ("https://me@secret@host/v1", "https://host/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("localhost:8000/v1?key=secret", "localhost:8000/v1"),
        ("me:secret@host/v1", "(an address that cannot be read)"),
        ("https://me:secret/with#slash@host/v1", "(an address that cannot be read)"),
        ("https://me:12/secret@host/v1", "(an address that cannot be read)"),
        ("http://me:secret@[::1/v1", "(an address that cannot be read)"),
    ],
)
def test_an_address_is_shown_without_credentials(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_a_query_in_the_address_is_sent() -> None:
    with FakeEndpoint(["Yes."]) as fake:
        ask(model_of(f"{fake.base_url}?api-version=2024-02-01"))
    assert fake.requests[0].path == "/v1/chat/completions?api-version=2024-02-01"


def test_equal_settings_share_a_model_and_others_do_not() -> None:
    settings = settings_of("http://host/v1", key="a")
    assert {settings: 1}[settings_of("http://host/v1", key="a")] == 1
    others: list[dict[str, Any]] = [
        {"key": "b"},
        {"model": "m"},
        {"temperature": None},
        {"max_tokens": 1},
        {"timeout": 1.0},
        {"retries": 0},
    ]
    assert len({settings_of("http://host/v1", **{"key": "a", **other}) for other in [{}, *others]}) == 7


# Errors in one line


def test_the_error_about_an_unknown_model_names_the_nearest() -> None:
    models = ["qwen-coder-7b", "llama-3", "qwen-coder-1.5b", "gpt-x"]
    with FakeEndpoint(models=models, strict_models=True) as fake:
        line = line_of(model_of(fake, model="qwen-coder"))
        assert len(fake.requests) == 2
    assert "has no model 'qwen-coder'" in line
    assert "qwen-coder-7b, qwen-coder-1.5b" in line
    assert "%codeact models" in line


def test_the_error_about_an_unknown_model_says_if_there_are_none() -> None:
    with FakeEndpoint(models=(), strict_models=True) as fake:
        assert "none at all" in line_of(model_of(fake))


def test_a_404_about_a_model_that_exists_quotes_the_endpoint() -> None:
    assert "404: still loading" in line_after(Status(404, "still loading"))


@pytest.mark.parametrize("path", ["", "/v2", "/v1/chat/completions"])
def test_the_error_about_a_wrong_path_names_the_usual_one(path: str) -> None:
    with FakeEndpoint() as fake:
        line = line_of(model_of(fake.base_url.removesuffix("/v1") + path))
    assert "There is no chat completion endpoint at" in line
    assert "end in /v1" in line


TOO_LONG = [
    Status(400, "This model's maximum context length is 8192 tokens.", error_code="context_length_exceeded"),
    Status(400, "Your input exceeds the context window of this model.", param="input"),
    Status(
        400, "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens in the messages."
    ),
    Status(400, "The decoder prompt (length 9000) is longer than the maximum model length of 4096."),
    Status(
        400, "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens", param="max_tokens"
    ),
    Status(400, body={"error": {"code": 400, "message": "too much", "type": "exceed_context_size_error"}}),
    Status(400, "the request exceeds the available context size, try increasing it"),
    Status(500, "the request exceeds the available context size. try increasing the context size"),
    Status(400, "prompt is too long: 210000 tokens > 200000 maximum"),
    Status(400, "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."),
    Status(422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9000"),
    Status(413, "Request Entity Too Large"),
    Raw(b'data: {"error": {"code": 400, "message": "x", "type": "exceed_context_size_error"}}\n\n'),
    Raw(b'error: {"code": 500, "message": "the request exceeds the available context size"}\n\n'),
]


@pytest.mark.parametrize("refusal", TOO_LONG)
def test_a_conversation_that_is_too_long_is_an_error(refusal: Scripted) -> None:
    with FakeEndpoint([refusal]) as fake:
        line = line_of(model_of(fake, max_tokens=99), **EVERYTHING)
        assert len(fake.requests) == 1
    assert "too long for fake-model" in line
    assert "--new" in line and "context_tokens" in line


def test_a_host_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: Any, *args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    shown = Shown()
    with pytest.raises(EndpointError, match=r"There is no host at http://nowhere\.example/v1") as caught:
        model_of("http://nowhere.example/v1").reply(Request(ASK), shown.append)
    assert "--base-url" in one_line_of(caught.value)
    assert shown.notes == []


def test_https_to_a_server_that_speaks_http_is_an_error() -> None:
    with FakeEndpoint() as fake:
        line = line_of(model_of(fake.base_url.replace("http://", "https://")))
        assert fake.connections == 1
    assert "does not speak TLS" in line and "http rather than https" in line


def test_a_server_of_another_protocol_is_an_error() -> None:
    with server(b"220 mail.example ESMTP\r\n\r\n") as url:
        line = line_of(model_of(url))
    assert "not in HTTP" in line and "https rather than http" in line


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "ftp://host/v1", "http://", "http:///v1", "http://host:99999/v1", "http://[::1/v1", ""]
)
def test_a_text_that_is_not_an_address_is_an_error(url: str) -> None:
    assert "begins with http:// or https://" in line_of(model_of(url))


@pytest.mark.parametrize("url", ["http://a b/v1", "http://a..b/v1", "http://\u2024/v1", "http://" + "a" * 70 + "/v1"])
def test_an_impossible_host_is_an_error(url: str) -> None:
    line = line_of(model_of(url, retries=0))
    assert "cannot be called" in line or "no host" in line


def test_an_impossible_proxy_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://proxy")
    line = line_of(model_of("http://127.0.0.1:1/v1"))
    assert "cannot be called" in line and "HTTP_PROXY" in line


HTML = b"<!doctype html><html><head><style>p {}</style><title>Welcome</title></head>\n<body><p>Hello</p></body></html>"


@pytest.mark.parametrize(
    ("answer", "quoted"),
    [
        (Raw(HTML, content_type="text/html"), "Welcome Hello"),
        (Raw(b'{"status": "ok"}', content_type="application/json"), '{"status": "ok"}'),
        (Raw(b'{\n  "choices": [{"message": {"content": "x"}}]\n}', content_type="application/json"), "choices"),
        (Raw(b'data: {"choices": [{"delta"\n\n'), '{"choices": [{"delta"'),
        (Raw(b"data: hello\n\n"), "hello"),
        (Raw(b'data: {"status": "ok"}\n\n'), "status"),
        (Raw(b"data: [1]\n\n"), "[1]"),
        (Raw(b"\x00\x01\x02\x1b[31m" * 100, content_type="application/octet-stream"), "⟦U+0001⟧"),
        (Raw(event({"content": "caf\u00e9"}).replace(b"caf\\u00e9", b"caf\xe9")), "caf�"),
        (Raw(event({"content": 42})), "42"),
        (Raw(event("hello")), "hello"),
        (Raw(b'data: {"choices": [7]}\n\n'), "7"),
        (Raw(b'data: {"choices": {"a": 1}}\n\n'), "a"),
        (Raw(b'data: {"choices": [], "usage": {"prompt_tokens": 1e999}}\n\n'), "Infinity"),
        (Raw(b"data: " + b"[" * 100_000 + b"\n\n"), "[["),
    ],
)
def test_an_answer_that_is_not_a_chat_completion_is_an_error_that_quotes_it(answer: Raw, quoted: str) -> None:
    with FakeEndpoint([answer]) as fake:
        line = line_of(model_of(fake))
        assert len(fake.requests) == 1
    assert "no chat completion" in line and quoted in line
    assert "OpenAI-compatible" in line


@pytest.mark.parametrize("silence", [Hang(), Hang(headers=True), Hang(after=3)])
@pytest.mark.slow
def test_a_silent_endpoint_is_an_error(silence: Hang) -> None:
    with FakeEndpoint([silence, "Yes."]) as fake:
        model = model_of(fake, timeout=0.2)
        line = line_of(model)
        fake.wait_for_disconnects(1)
        assert "silent for 0.2 s" in line and "CodeAct.timeout" in line
        assert len(fake.requests) == 1
        assert ask(model)[0].text == "Yes."


def test_an_endpoint_that_is_slow_is_not_silent() -> None:
    reply, _ = reply_to(Say("x" * 40, delay=0.05), timeout=0.3)
    assert reply.text == "x" * 40
    assert reply.seconds > 0.3


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_names_the_new_address_and_is_not_followed(status: int) -> None:
    with FakeEndpoint(["Yes."]) as other:
        to = (("Location", f"{other.base_url}/chat/completions"),)
        line = line_after(Status(status, headers=to), key=KEY)
    assert f"has moved to {other.base_url}. Set the address: --base-url" in line
    assert other.requests == []


def test_a_redirect_may_be_relative_or_lead_nowhere_and_hold_a_secret() -> None:
    url = "https://me:secret@elsewhere.example/v1?token=secret"
    assert "moved to https://elsewhere.example/v1. " in line_after(Status(307, headers=(("Location", url),)))
    assert "127.0.0.1" in line_after(Status(307, headers=(("Location", "/v2/chat/completions"),)))
    assert "refused the request (304" in line_after(Raw(b"", status=304))


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
        (http(b"<html>Hi</html>", content_type="text/html"), "no chat completion"),
        (http(b'{"data": [1]}', content_type="application/json"), "no chat completion"),
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


# Stop


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@contextmanager
def stopped_when(condition: Callable[[], object]) -> Iterator[None]:
    """Interrupt the block as soon as `condition` returns; it must end in KeyboardInterrupt."""

    def stop() -> None:
        condition()
        interrupt()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()


@pytest.mark.parametrize("reused", [False, True], ids=["new", "reused"])
@pytest.mark.parametrize("silence", [Hang(), Hang(headers=True), Hang(after=3), Endless(), Say("x" * 9999, delay=0.01)])
def test_stop_ends_a_reply_and_its_generation(silence: Scripted, reused: bool) -> None:
    script = ["First.", silence, "Next."] if reused else [silence, "Next."]
    with FakeEndpoint(script) as fake:
        model = model_of(fake, timeout=NEVER)
        if reused:
            assert ask(model)[0].text == "First."
        with stopped_when(lambda: fake.wait_for_requests(len(script) - 1)):
            ask(model)
        assert streaming_threads() == []
        fake.wait_for_disconnects(1)
        reply, shown = ask(model)
        assert (reply.text, shown.notes) == ("Next.", [])


def test_stop_works_in_the_middle_of_a_stream() -> None:
    begun = threading.Event()
    with FakeEndpoint([Hang(after=3), "Next."]) as fake:
        model = model_of(fake, timeout=NEVER)
        with stopped_when(begun.wait):
            model.reply(Request(ASK), lambda delta: begun.set() if delta.text else None)
        fake.wait_for_disconnects(1)
        assert ask(model)[0].text == "Next."


def test_stop_works_during_the_wait_for_a_retry() -> None:
    begun = threading.Event()
    with FakeEndpoint([Status(503, retry_after=60), "Next."]) as fake:
        model = model_of(fake, timeout=NEVER)
        with stopped_when(begun.wait):
            model.reply(Request(ASK), lambda delta: begun.set() if delta.note else None)
        assert ask(model)[0].text == "Next."


def test_stop_works_while_models_are_listed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as connections:

        def asked() -> None:
            connections.enter_context(listening.accept()[0]).recv(1)

        model = model_of(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", timeout=NEVER)
        with stopped_when(asked):
            model.models()


def test_stop_works_while_connecting_and_the_late_connection_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, reachable, connecting = socket.create_connection, threading.Event(), threading.Event()

    def slowly(*args: Any, **kwargs: Any) -> socket.socket:
        connecting.set()
        reachable.wait()
        return connect(*args, **kwargs)

    with FakeEndpoint(["Next."]) as fake:
        model = model_of(fake, timeout=NEVER)
        with monkeypatch.context() as patched:
            patched.setattr(socket, "create_connection", slowly)
            with stopped_when(connecting.wait):
                ask(model)
        [late] = streaming_threads()
        assert ask(model)[0].text == "Next."
        reachable.set()
        late.join()
        assert len(fake.requests) == 1


def test_an_exception_of_show_is_raised_and_ends_the_reply() -> None:
    def show(delta: Delta) -> None:
        raise ZeroDivisionError

    with FakeEndpoint([Endless(), "Next."]) as fake:
        model = model_of(fake, timeout=NEVER)
        with pytest.raises(ZeroDivisionError):
            model.reply(Request(ASK), show)
        fake.wait_for_disconnects(1)
        assert ask(model)[0].text == "Next."
