"""What the tests of a model behind an endpoint share: requests over real HTTP, with the real openai client."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from codeact_magic.agent import Delta, Request
from codeact_magic.errors import EndpointError
from codeact_magic.frontends.advice import NOTEBOOK
from codeact_magic.model import (
    OpenAIModel,
    Settings,
    history,
    openai_model,
    parameters,
)
from codeact_magic.session import Reply
from codeact_magic.testing import FakeEndpoint, Scripted

ASK = ({"role": "user", "content": "What is six times seven?"},)
CODE = "Let me see.\n```python\nprint(6 * 7)\n```"
REASONED = "<think></think>\n"  # only behind reasoning that has ended is a reply cut
KEY = "sk-proj-abcdefghijklmnop-1234567890"
NEVER = 1000.0  # seconds: longer than a test may run
TEXT = "Zażółć gęślą jaźń, 東京, 👩‍🚀!"


TOOLS = ({"type": "function", "function": {"name": "python", "parameters": {"type": "object"}}},)
EVERYTHING = {"stop": ("STOP",), "tools": TOOLS, "response_format": {"type": "json_object"}}
OPTIONAL = {"stop", "stream_options", "temperature", "max_tokens", "tools", "response_format"}


@pytest.fixture(autouse=True)
def nothing_remains(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start each test without waits and without rejected parameters; check that it leaves no thread behind."""
    monkeypatch.setattr(openai_model, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(parameters, "_rejected", {})
    monkeypatch.setattr(history, "_repairs", {})
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
