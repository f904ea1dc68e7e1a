"""An endpoint over real HTTP and a model without HTTP, which both play a script and record the requests."""

from __future__ import annotations

import json
import re
import select
import socket
import socketserver
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from itertools import islice
from typing import Any, Literal, Self, TypeAlias

from ..agent import Delta, Request
from ..session import Json, Reply, ToolCall, Usage


@dataclass(frozen=True, slots=True)
class Say:
    """A reply of the model, streamed if the request asks for a stream.

    It is sent in deltas of `chunk` characters: reasoning, then text, then tool calls. The last delta is the
    finish_reason. `gate_after` and `cut_after` count deltas.
    """

    text: str = ""
    _: KW_ONLY
    reasoning: str = ""
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str | None = None  # None: "stop", "length" or "tool_calls", as a real server would choose
    usage: tuple[int, int, int] | Literal["counted"] | None = "counted"  # prompt, cached, completion; None: not sent
    chunk: int = 4
    first_delay: float = 0.0  # seconds before anything is sent
    delay: float = 0.0  # seconds between deltas
    gate: threading.Event | None = None  # after `gate_after` deltas, wait until this is set
    gate_after: int = 0
    cut_after: int | None = None  # close the connection after this many deltas
    split_bytes: bool = False  # send each delta's first multibyte character in two writes
    ignore_stop: bool = False
    honour_max_tokens: bool = False  # a word counts as a token


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP error. Its body is OpenAI's JSON, unless `body` (any JSON) replaces it."""

    code: int
    message: str = ""
    _: KW_ONLY
    retry_after: float | None = None  # seconds
    body: Any = None
    error_code: str | None = None
    param: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Raw:
    """Any bytes as a complete HTTP body, valid or not."""

    body: bytes
    _: KW_ONLY
    content_type: str = "text/event-stream"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Hang:
    """Silence after `after` deltas, or after the headers, until the client goes away or the endpoint stops."""

    _: KW_ONLY
    after: int = 0
    headers: bool = False  # with `after=0`: send the headers first
    text: str = "... "


@dataclass(frozen=True, slots=True)
class Endless:
    """The same text again and again, until the client goes away or the endpoint stops."""

    text: str = "spam "


Served = Say | Status | Raw | Hang | Endless
Scripted: TypeAlias = str | Served | Callable[[Json], "Scripted"]
ScriptedReply: TypeAlias = str | Reply | BaseException | Callable[[Request], "ScriptedReply"]


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it arrived. The names in `headers` are in lower case; `body` is None if `raw` is not JSON."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    raw: bytes
    arrived: float = 0.0  # time.perf_counter() at its arrival


class FakeEndpoint:
    """An OpenAI-compatible endpoint on loopback that plays a script and records the requests.

    Each request for a reply, of chat completions or of responses, takes the next item of `replies`: a text, a `Say`,
    `Status`, `Raw`, `Hang` or `Endless`, or a function from the request's JSON to any of these. After the last one
    comes `default`, or else HTTP 500. Requests that the options below refuse take no item.

    Args:
        replies: the script.
        models: the ids that /v1/models lists.
        default: the item for every request after the end of the script.
        rejects: parameters that are answered with HTTP 400.
        vague_rejects: name a rejected parameter only in the message, without `param` and `code`.
        api_key: the only key that is accepted; by default, any.
        strict_models: answer 404 for models that are not in `models`.
        context_limit: the most characters that the messages may have.
        apis: which of the two APIs there are; the other is answered with HTTP 404.
    """

    base_url: str  # "http://127.0.0.1:PORT/v1", from start() on

    def __init__(
        self,
        replies: Iterable[Scripted] = (),
        *,
        models: Iterable[str] = ("fake-model",),
        default: Scripted | None = None,
        rejects: Iterable[str] = (),
        vague_rejects: bool = False,
        api_key: str | None = None,
        strict_models: bool = False,
        context_limit: int | None = None,
        apis: Iterable[Literal["chat", "responses"]] = ("chat", "responses"),
    ) -> None:
        self.models = list(models)
        self.connections = 0
        self.disconnects = 0  # clients that went away before their reply was complete
        self._script = iter(replies)
        self._default = _EXHAUSTED if default is None else default
        self._rejects = frozenset(rejects)
        self._vague_rejects = vague_rejects
        self._api_key = api_key
        self._strict_models = strict_models
        self._context_limit = context_limit
        self._apis = frozenset(apis)
        self._requests: list[RecordedRequest] = []
        self.answered: list[float] = []  # time.perf_counter() at the end of each complete answer
        self._changed = threading.Condition()
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = _Server(self)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def stop(self) -> None:
        """Close every connection and the port. If the endpoint is not started, do nothing."""
        if self._server:
            self._server.close()
        self._server = None

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests so far, in order of arrival."""
        with self._changed:
            return list(self._requests)

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> None:
        """Wait until `count` requests have arrived in total. Raise TimeoutError after `timeout` seconds."""
        self._wait_for(lambda: len(self._requests), count, timeout, "requests")

    def wait_for_disconnects(self, count: int, timeout: float = 10.0) -> None:
        """Wait until `count` clients went away early. Raise TimeoutError after `timeout` seconds."""
        self._wait_for(lambda: self.disconnects, count, timeout, "disconnects")

    def _wait_for(self, seen: Callable[[], int], count: int, timeout: float, events: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: seen() >= count, timeout):
                raise TimeoutError(f"{seen()} of {count} {events} after {timeout:g} s")

    def _record(self, request: RecordedRequest) -> None:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def _count_disconnect(self) -> None:
        with self._changed:
            self.disconnects += 1
            self._changed.notify_all()

    def _decide(self, request: RecordedRequest) -> Served:
        """Return the answer to a request."""
        path = request.path.partition("?")[0]
        if refusal := self._unauthorised(request.headers.get("authorization", "")):
            return refusal
        match request.method, path:
            case "GET", "/v1/models":
                return self._listing()
            case "POST", "/v1/chat/completions" if "chat" in self._apis:
                return self._refusal(request.body) or self._next(request.body)
            case "POST", "/v1/responses" if "responses" in self._apis:
                return self._refusal(request.body) or self._next(request.body)
        return Status(404, f"Invalid URL ({request.method} {path})")

    def _listing(self) -> Raw:
        data = [{"id": id, "object": "model", "created": 0, "owned_by": "fake"} for id in self.models]
        return Raw(_encoded({"object": "list", "data": data}), content_type="application/json")

    def _unauthorised(self, authorization: str) -> Status | None:
        if self._api_key is None or authorization == f"Bearer {self._api_key}":
            return None
        scheme, _, key = authorization.partition(" ")
        if scheme != "Bearer" or not key:
            return Status(401, "You didn't provide an API key.")
        advice = "You can find your API key at https://platform.openai.com/account/api-keys."
        message = f"Incorrect API key provided: {_masked(key)}. {advice}"
        return Status(401, message, error_code="invalid_api_key")

    def _refusal(self, body: Any) -> Status | None:
        checks = (self._malformed, self._unknown_model, self._unsupported, self._too_long)
        return next((refusal for check in checks if (refusal := check(body))), None)

    def _malformed(self, body: Any) -> Status | None:
        if not isinstance(body, dict):
            return Status(400, "We could not parse the JSON body of your request.")
        for name in ("model", "input" if "input" in body else "messages"):
            if not body.get(name):
                message = f"Missing required parameter: '{name}'."
                return Status(400, message, param=name, error_code="missing_required_parameter")
        return None

    def _unknown_model(self, body: Json) -> Status | None:
        if not self._strict_models or body["model"] in self.models:
            return None
        message = f"The model `{body['model']}` does not exist or you do not have access to it."
        return Status(404, message, error_code="model_not_found")

    def _unsupported(self, body: Json) -> Status | None:
        name = next((name for name in body if name in self._rejects), None)
        if name is None:
            return None
        if self._vague_rejects:
            return Status(400, body={"error": {"message": f"'{name}' is not supported by this server"}})
        hint = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
        message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
        return Status(400, message, param=name, error_code="unsupported_parameter")

    def _too_long(self, body: Json) -> Status | None:
        length = sum(len(_text_of(message)) for message in _messages(body))
        if self._context_limit is None or length <= self._context_limit:
            return None
        message = (
            f"This model's maximum context length is {self._context_limit} tokens. However, your messages resulted in "
            f"{length} tokens. Please reduce the length of the messages."
        )
        return Status(400, message, param="messages", error_code="context_length_exceeded")

    def _next(self, body: Json) -> Served:
        """Return the next item of the script. If it is a function, call it."""
        try:
            with self._changed:
                item = next(self._script, self._default)
            while callable(item):
                item = item(body)
        except Exception as error:
            return _broken_script(f"the script raised {type(error).__name__}: {error}")
        served = Say(item) if isinstance(item, str) else item
        return served if isinstance(served, Served) else _not_a_reply(item)


class ScriptedModel:
    """A model without an endpoint: it plays a script, and records the requests.

    Each request takes the next item of `replies`: a text, which the request's `stop` and `enough` may end early; a
    `Reply`, which is returned unchanged; an exception, which is raised; or a function from the `Request` to any of
    these.

    Raises:
        AssertionError: there was a request after the end of the script.
    """

    def __init__(
        self, replies: Iterable[ScriptedReply], *, name: str = "scripted", endpoint: str = "script", chunk: int = 4
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.requests: list[Request] = []
        self._script = iter(replies)
        self._chunk = chunk

    def reply(self, request: Request, show: Callable[[Delta], None]) -> Reply:
        """Return the next reply of the script, and pass it to `show` in parts of `chunk` characters."""
        self.requests.append(request)
        item = self._next(request)
        reply = self._reply_of_text(item, request) if isinstance(item, str) else item
        for part in _split_by_size(reply.reasoning, self._chunk):
            show(Delta(reasoning=part))
        for part in _split_by_size(reply.text, self._chunk):
            show(Delta(text=part))
        return reply

    def _next(self, request: Request) -> str | Reply:
        exhausted = AssertionError(f"the script has no reply to request {len(self.requests)}: give it more replies")
        item = next(self._script, exhausted)
        while callable(item):
            item = item(request)
        if isinstance(item, BaseException):
            raise item
        return item

    def _reply_of_text(self, text: str, request: Request) -> Reply:
        text = _before_stop(text, list(request.stop))
        ends = (request.enough(text[:length]) for length in range(self._chunk, len(text) + self._chunk, self._chunk))
        end = next((end for end in ends if end is not None), None)
        text = text[:end]
        usage = Usage(prompt=_count_words(request.messages), completion=len(text.split()), estimated=True)
        return Reply(text, finish="stop" if end is None else "cut", usage=usage, model=self.name)


def _broken_script(message: str) -> Status:
    # Without the header, the openai client would retry, and a retry takes the next item of the script.
    return Status(500, message, error_code="broken_script", headers=(("x-should-retry", "false"),))


def _not_a_reply(item: object) -> Status:
    return _broken_script(f"the script gave {item!r}, which is not a reply")


_EXHAUSTED = _broken_script("the script of this FakeEndpoint is exhausted: give it more replies, or a default")


def _masked(key: str) -> str:
    return key[:8] + "*" * (len(key) - 12) + key[-4:] if len(key) > 16 else "*" * len(key)


def _encoded(value: Any) -> bytes:
    # If UTF-8 cannot encode a character (half of a surrogate pair), backslashreplace happens to write valid JSON.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _messages(body: Json) -> list[Json]:
    """Return the chat messages of a request, or the items of its input."""
    messages = body.get("messages") or body.get("input") or []
    return [{"role": "user", "content": messages}] if isinstance(messages, str) else messages


def _text_of(message: Json) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _count_words(messages: Iterable[Json]) -> int:
    return sum(len(_text_of(message).split()) for message in messages)


def _split_by_size(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _first_words(text: str, count: int | None) -> str:
    return text if count is None else "".join(re.findall(r"\s*\S+", text)[:count])


def _before_stop(text: str, stop: str | list[str] | None) -> str:
    """Return the part of `text` before the first stop sequence in it."""
    stops = [stop] if isinstance(stop, str) else stop or []
    found = [text.find(sequence) for sequence in stops if sequence]
    return text[: min((index for index in found if index >= 0), default=None)]


def _as_served(say: Say, body: Json) -> Say:
    """Return `say` with its text and finish_reason adapted to the limits of the request."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or body.get("max_output_tokens")
    limited = _first_words(say.text, limit if say.honour_max_tokens else None)
    text = limited if say.ignore_stop else _before_stop(limited, body.get("stop"))
    if text == limited != say.text:
        finish = "length"
    elif say.tool_calls:
        finish = "tool_calls"
    else:
        finish = "stop"
    return replace(say, text=text, finish=say.finish or finish)


def _deltas(say: Say) -> Iterator[Json]:
    for part in _split_by_size(say.reasoning, say.chunk):
        yield {say.reasoning_field: part}
    for part in _split_by_size(say.text, say.chunk):
        yield {"content": part}
    for index, call in enumerate(say.tool_calls):
        function = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]}
        for part in _split_by_size(call.arguments, say.chunk):
            yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}


def _message(say: Say) -> Json:
    message: Json = {"role": "assistant", "content": say.text}
    if say.reasoning:
        message[say.reasoning_field] = say.reasoning
    if say.tool_calls:
        message["content"] = say.text or None
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in say.tool_calls
        ]
    return message


@dataclass(frozen=True, slots=True)
class _Completion:
    """OpenAI's JSON for the reply to one request."""

    body: Json
    done = b"data: [DONE]\n\n"
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def _envelope(self, kind: str, choices: list[Json]) -> Json:
        model = self.body["model"]
        return {"id": self.id, "object": kind, "created": self.created, "model": model, "choices": choices}

    def chunk(self, delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return self._envelope("chat.completion.chunk", [choice])

    def chunks(self, say: Say) -> Iterator[Json]:
        yield from map(self.chunk, _deltas(say))
        yield self.chunk({}, say.finish)

    def usage_chunk(self, say: Say) -> Json | None:
        asked = (self.body.get("stream_options") or {}).get("include_usage")
        usage = self._usage(say) if asked else None
        return {**self._envelope("chat.completion.chunk", []), "usage": usage} if usage else None

    def whole(self, say: Say) -> Json:
        choice = {"index": 0, "message": _message(say), "finish_reason": say.finish}
        usage = self._usage(say)
        return self._envelope("chat.completion", [choice]) | ({"usage": usage} if usage else {})

    def _usage(self, say: Say) -> Json | None:
        if say.usage is None:
            return None
        prompt, cached, completion = self._counted(say) if say.usage == "counted" else say.usage
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    def _counted(self, say: Say) -> tuple[int, int, int]:
        return _count_words(_messages(self.body)), 0, len(f"{say.reasoning} {say.text}".split())


@dataclass(frozen=True, slots=True)
class _Response(_Completion):
    """OpenAI's events for the reply to one request of the Responses API."""

    done = b""

    def chunk(self, delta: Json, finish: str | None = None) -> Json:
        """Return the event for a delta of chat completions; the one for the role is the first."""
        if "role" in delta:
            return {"type": "response.created", "response": self._response("in_progress", [])}
        if "content" in delta:
            return {"type": "response.output_text.delta", "output_index": 1, "delta": delta["content"]}
        for call in delta.get("tool_calls", ()):
            return self._of_call(call)
        (text,) = delta.values()
        return {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": text}

    def chunks(self, say: Say) -> Iterator[Json]:
        yield from map(self.chunk, _deltas(say))
        yield self._last(say)

    def usage_chunk(self, say: Say) -> None:
        return None

    def whole(self, say: Say) -> Json:
        response: Json = self._last(say)["response"]
        return response

    def _of_call(self, call: Json) -> Json:
        index = 2 + call["index"]
        if "id" not in call:
            delta = call["function"]["arguments"]
            return {"type": "response.function_call_arguments.delta", "output_index": index, "delta": delta}
        return {"type": "response.output_item.added", "output_index": index, "item": _call_item(call)}

    def _last(self, say: Say) -> Json:
        whole = say.finish in ("stop", "tool_calls")
        message = _message(say)
        text = {"type": "output_text", "text": say.text, "annotations": []}
        output = [{"type": "message", "role": "assistant", "content": [text]}] if say.text else []
        output += [_call_item(call) for call in message.get("tool_calls", ())]
        response = self._response("completed" if whole else "incomplete", output)
        if not whole:
            reason = "max_output_tokens" if say.finish == "length" else say.finish
            response["incomplete_details"] = {"reason": reason}
        if usage := self._usage(say):
            response["usage"] = {
                "input_tokens": usage["prompt_tokens"],
                "input_tokens_details": usage["prompt_tokens_details"],
                "output_tokens": usage["completion_tokens"],
                "total_tokens": usage["total_tokens"],
            }
        return {"type": f"response.{response['status']}", "response": response}

    def _response(self, status: str, output: list[Json]) -> Json:
        about = {"id": f"resp_{self.id[9:]}", "object": "response", "created_at": self.created}
        return {**about, "status": status, "model": self.body["model"], "output": output, "incomplete_details": None}


def _call_item(call: Json) -> Json:
    return {"type": "function_call", "call_id": call["id"], **call["function"]}


def _completion(body: Json) -> _Completion:
    return _Response(body) if "input" in body else _Completion(body)


# HTTPServer would look up the host's name as it binds, which takes seconds if there is no name server.
class _Server(socketserver.ThreadingTCPServer):
    """The listening socket, and a thread for each connection."""

    request_queue_size = 128

    def __init__(self, endpoint: FakeEndpoint) -> None:
        self.endpoint = endpoint
        self.closing = False
        self._clients: dict[threading.Thread, socket.socket] = {}
        super().__init__(("127.0.0.1", 0), _Handler)
        self._accepting = threading.Thread(target=self.serve_forever, args=(0.02,), name="fake-endpoint", daemon=True)
        self._accepting.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection on a thread of its own, which close() can end."""
        self.endpoint.connections += 1
        thread = threading.Thread(target=self._serve, args=(request, client_address), daemon=True)
        self._clients[thread] = request
        thread.start()

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        self.process_request_thread(request, client_address)
        self._clients.pop(threading.current_thread(), None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the error, unless the client went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop listening, shut every connection down, and wait for their threads."""
        self.closing = True
        self.shutdown()
        self.server_close()
        self._accepting.join()
        for thread, client in list(self._clients.items()):
            with suppress(OSError):  # closed by its thread in the meantime
                client.shutdown(socket.SHUT_RDWR)
            thread.join(5.0)  # a function of the script may never return


class _Handler(BaseHTTPRequestHandler):
    """One connection; it serves one request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Record the request and answer it."""
        length = int(self.headers.get("content-length", 0))
        raw = self.rfile.read(length)
        arrived = time.perf_counter()
        if len(raw) < length:
            raise ConnectionAbortedError
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = RecordedRequest(self.command, self.path, headers, _parsed(raw), raw, arrived)
        self.server.endpoint._record(request)
        try:
            self._answer(self.server.endpoint._decide(request), request.body)
            self.server.endpoint.answered.append(time.perf_counter())
        except ConnectionError:
            self.close_connection = True
            if not self.server.closing:
                self.server.endpoint._count_disconnect()

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the requests are recorded."""

    def _answer(self, item: Served, body: Json) -> None:
        match item:
            case Say():
                say = _as_served(item, body)
                answer = self._stream if body.get("stream") else self._whole
                answer(say, _completion(body))
            case Status():
                self._refuse(item)
            case Raw():
                self._send(item.status, item.content_type, item.body)
            case Hang():
                self._hang(item, _completion(body))
            case Endless():
                self._flood(item, _completion(body))

    def _stream(self, say: Say, completion: _Completion) -> None:
        self._hold(say, 0)
        self._start_stream(completion)
        for count, chunk in enumerate(islice(completion.chunks(say), say.cut_after)):
            if count:
                self._hold(say, count)
            self._event(chunk, split=say.split_bytes)
        if say.cut_after is not None:
            self.close_connection = True
            return
        if usage := completion.usage_chunk(say):
            self._event(usage)
        # In one write: a client may leave between the two, which would count as a disconnect.
        self.wfile.write((_chunked(completion.done) if completion.done else b"") + _chunked(b""))

    def _whole(self, say: Say, completion: _Completion) -> None:
        for count, _ in enumerate(completion.chunks(say)):
            self._hold(say, count)
        data = _encoded(completion.whole(say))
        self._send_headers(200, "application/json", ("Content-Length", str(len(data))))
        if say.cut_after is not None:
            self.close_connection = True
            data = data[: len(data) // 2]
        self.wfile.write(data)

    def _refuse(self, status: Status) -> None:
        message = status.message or self.responses.get(status.code, ("error",))[0]
        kind = "server_error" if status.code >= 500 else "invalid_request_error"
        error = {"message": message, "type": kind, "param": status.param, "code": status.error_code}
        wait = () if status.retry_after is None else (("Retry-After", f"{status.retry_after:g}"),)
        data = _encoded({"error": error} if status.body is None else status.body)
        self._send(status.code, "application/json", data, *wait, *status.headers)

    def _hang(self, hang: Hang, completion: _Completion) -> None:
        if hang.headers or hang.after:
            self._start_stream(completion)
        for _ in range(hang.after):
            self._event(completion.chunk({"content": hang.text}))
        while True:
            self._pause(None)

    def _flood(self, endless: Endless, completion: _Completion) -> None:
        self._start_stream(completion)
        while True:
            self._pause(0)
            self._event(completion.chunk({"content": endless.text}))

    def _hold(self, say: Say, count: int) -> None:
        """Wait as the script asks before the delta that follows the first `count`."""
        if say.gate and count == say.gate_after:
            while not say.gate.wait(0.01):
                self._pause(0)
        self._pause(say.delay if count else say.first_delay)

    def _pause(self, seconds: float | None) -> None:
        """Wait for `seconds` (None: for ever). Raise ConnectionError as soon as the client goes away."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError

    def _start_stream(self, completion: _Completion) -> None:
        self._send_headers(200, "text/event-stream; charset=utf-8", ("Transfer-Encoding", "chunked"))
        self._event(completion.chunk({"role": "assistant", "content": ""}))

    def _event(self, value: Json, *, split: bool = False) -> None:
        name = f"event: {value['type']}\n".encode() if "type" in value else b""
        data = name + b"data: " + _encoded(value) + b"\n\n"
        for part in _split(data) if split else [data]:
            self.wfile.write(_chunked(part))

    def _send(self, status: int, content_type: str, data: bytes, *headers: tuple[str, str]) -> None:
        self._send_headers(status, content_type, ("Content-Length", str(len(data))), *headers)
        self.wfile.write(data)

    def _send_headers(self, status: int, content_type: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", content_type), *headers):
            self.send_header(name, value)
        self.end_headers()


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _split(data: bytes) -> list[bytes]:
    """Return `data` in two parts, split within its first multibyte character; in one part if it has none."""
    first = next((index for index, byte in enumerate(data) if byte >= 0x80), None)
    if first is None:
        return [data]
    return [data[: first + 1], data[first + 1 :]]
