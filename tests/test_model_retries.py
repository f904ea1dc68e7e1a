"""What is tried again, and when."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from codeact_magic import formats
from codeact_magic.agent import Request
from codeact_magic.errors import EndpointError
from codeact_magic.model import (
    openai_model,
)
from codeact_magic.testing import FakeEndpoint, Raw, Say, Status

from .asking import (
    ASK,
    CODE,
    Shown,
    ask,
    event,
    http,
    line_of,
    model_of,
    reply_to,
    server,
    stream_of,
)
from .asking import nothing_remains as nothing_remains


@pytest.fixture
def free_url() -> str:
    """The address of a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


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
        stream_of({"content": CODE[:-4]}, finish=None),
        b"data: [DONE]\n\n",
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
