"""The endpoint: the only file that knows openai, which it imports on first use (that takes half a second)."""

from __future__ import annotations

import contextlib
import difflib
import email.utils
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .agent import Delta, Request
from .errors import EndpointError
from .session import Reply, ToolCall, Usage
from .text import mask, one_line

TICK = 0.05  # seconds between two looks at the stream: how fast Stop works, and how smooth a timer runs
MOST_CHARACTERS = 400_000  # of one reply; a model that goes on after that is not going to stop
LONGEST_WAIT = 120.0  # seconds that an endpoint may ask us to wait before a retry

# Parameters that an endpoint does not know, by endpoint and model: remembered as long as the process lives.
_rejected: dict[tuple[str, str], set[str]] = {}


@dataclass(frozen=True)
class Settings:
    """How an endpoint is called. Times are seconds; 0 tokens and None for the temperature: the endpoint's default."""

    base_url: str
    model: str
    key: str = field(default="", repr=False)
    key_name: str = "OPENAI_API_KEY"  # where the key came from, for error lines
    temperature: float | None = 0.0
    max_tokens: int = 0
    timeout: float = 300.0  # of silence
    retries: int = 3


class _Again(Exception):
    """A retry can help. `wait` is how long the endpoint asks us to wait, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _ParameterRejected(Exception):
    """The endpoint does not know a parameter that we can do without."""


class OpenAIModel:
    """A chat model behind an OpenAI-compatible endpoint."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = settings.model
        self.endpoint = public_url(settings.base_url)
        self._sockets: list[Any] = []

    def reply(self, request: Request, show: Callable[[Delta], None]) -> Reply:
        """Return the reply, streamed through `show`; raises EndpointError with one line that says what to do."""
        tries = 0
        while True:
            try:
                return self._attempt(request, show)
            except _ParameterRejected:
                continue
            except _Again as again:
                tries += 1
                if tries > self.settings.retries:
                    raise EndpointError(f"{again} Tried {tries} times; the thread can go on.") from None
                wait = again.wait if again.wait is not None else 0.5 * 2 ** (tries - 1)
                if wait > LONGEST_WAIT:
                    raise EndpointError(f"{again} It asks to wait {wait:.0f} s; try again then.") from None
                show(Delta(note=f"{again} Trying again in {wait:.2g} s ({tries} of {self.settings.retries})."))
                _sleep(wait, show)

    def models(self) -> list[str]:
        """Return what the endpoint offers, by name; raises EndpointError."""
        try:
            return sorted(str(model.id) for model in self._client().models.list().data)
        except Exception as error:
            raise self._error(error) from None

    # -- one attempt ---------------------------------------------------------------------------------------------------

    def _attempt(self, request: Request, show: Callable[[Delta], None]) -> Reply:
        began = time.monotonic()
        building = _Building(request)
        pump = _Pump(lambda: self._chunks(request), self._hang_up)
        try:
            for delta in self._deltas(pump, building):
                show(delta)
        finally:
            pump.stop()
        if not building.finish:
            raise _Again(f"The reply of {self.endpoint} broke off in the middle.")
        return building.reply(round(time.monotonic() - began, 3), self.name)

    def _deltas(self, pump: _Pump, building: _Building) -> Iterator[Delta]:
        try:
            for chunk in pump.items(self.settings.timeout):
                yield building.take(chunk) if chunk is not None else Delta()
                if building.done:
                    return
        except TimeoutError:
            raise _Again(f"{self.endpoint} has been silent for {self.settings.timeout:.0f} s.") from None
        except Exception as error:
            raise self._error(error) from None

    def _chunks(self, request: Request) -> Iterator[Any]:
        """Yield the chunks of one request's stream; runs on the pump's thread."""
        # The client's type differs with openai's version, and so do the parameters that it declares.
        stream: Any = self._client().chat.completions.create(**self._parameters(request))
        with contextlib.closing(stream):
            yield from stream

    def _parameters(self, request: Request) -> dict[str, Any]:
        settings = self.settings
        wanted: dict[str, Any] = {
            "stop": list(request.stop) or None,
            "tools": list(request.tools) or None,
            "response_format": request.response_format,
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens or None,
            "stream_options": {"include_usage": True},
        }
        rejected = self._known_rejects()
        if "max_tokens" in rejected:
            wanted["max_completion_tokens"] = wanted["max_tokens"]
        sent = {name: value for name, value in wanted.items() if value is not None and name not in rejected}
        return {"model": settings.model, "messages": list(request.messages), "stream": True, **sent}

    def _known_rejects(self) -> set[str]:
        return _rejected.setdefault((self.settings.base_url, self.settings.model), set())

    def _client(self) -> Any:
        if "client" not in self.__dict__:
            import openai

            def trace_connections(request: Any) -> None:
                request.extensions["trace"] = self._trace

            self.client = openai.OpenAI(
                base_url=self.settings.base_url,
                api_key=self.settings.key or "none",  # an empty one makes a header that is not legal
                max_retries=0,  # ours are visible, and Stop works in them
                timeout=openai.Timeout(self.settings.timeout, connect=15.0),
                http_client=openai.DefaultHttpxClient(event_hooks={"request": [trace_connections]}),
            )
        return self.client

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets[:] = [*self._sockets[-1:], info["return_value"].get_extra_info("socket")]

    def _hang_up(self) -> None:
        """Break the connection off, so that the endpoint stops writing: closing it would not wake the reader."""
        for connection in self._sockets:
            with contextlib.suppress(OSError, AttributeError):
                connection.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    # -- whose error is it? --------------------------------------------------------------------------------------------

    def _error(self, error: Exception) -> Exception:
        """Return the error to raise in place of one of openai's: a retry, a rejected parameter, or one line."""
        import openai

        if isinstance(error, openai.APIStatusError):
            return self._status_error(error.status_code, self._said(error), error)
        if isinstance(error, openai.APITimeoutError):
            return _Again(f"{self.endpoint} does not answer.")
        if isinstance(error, openai.APIConnectionError):
            return self._connection_error(error)
        if isinstance(error, openai.APIError):
            return _Again(f"{self.endpoint} reported an error: {self._said(error)}.")
        line = one_line(f"{type(error).__name__}: {error}", 200)
        return EndpointError(
            f"{self.endpoint} sent something that is no chat completion ({line}). Is it an OpenAI-compatible "
            "endpoint, and does its address end in /v1? Set it with --base-url or %config CodeAct.base_url"
        )

    def _status_error(self, status: int, said: str, error: Any) -> Exception:
        if _is_context_error(status, said, error):
            return EndpointError(
                f"The conversation is too long for {self.name}: {said}. Start afresh with --new, or set "
                "%config CodeAct.context_tokens to what the model takes"
            )
        if status in (400, 422) and self._remember_reject(said, error):
            return _ParameterRejected()
        if status in (408, 409, 429) or status >= 500:
            return _Again(f"{self.endpoint} answered {status}: {said}.", _retry_after(error.response.headers))
        if status in (401, 403):
            key = "refused the key in" if self.settings.key else "wants a key, and there is none in"
            return EndpointError(
                f"{self.endpoint} {key} {self.settings.key_name} ({status}: {said}). Set that environment variable, "
                "or name another with %config CodeAct.api_key_env"
            )
        if status == 404:
            return EndpointError(self._not_found(said))
        return EndpointError(f"{self.endpoint} refused the request ({status}): {said}")

    def _not_found(self, said: str) -> str:
        """Return the line for a 404: a model that is not there, or a wrong address."""
        try:
            offered = [str(model.id) for model in self._client().models.list().data]
        except Exception:  # the address itself is wrong
            return (
                f"There is no chat completion endpoint at {self.endpoint} (404: {said}). Does its address end in /v1? "
                "Set it with --base-url or %config CodeAct.base_url"
            )
        near = difflib.get_close_matches(self.name, offered, n=3, cutoff=0.0)
        return (
            f"{self.endpoint} has no model {self.name!r}. The nearest it offers: {', '.join(near) or 'none at all'}. "
            "Choose with --model; %codeact models lists them"
        )

    def _remember_reject(self, said: str, error: Any) -> bool:
        """Note which optional parameter the endpoint rejects; False where it rejects none, or one that was left out."""
        rejected = self._known_rejects()
        text = f"{getattr(error, 'param', '') or ''} {said}"
        for name in ("stream_options", "response_format", "temperature", "max_tokens", "tools", "stop"):
            if name not in rejected and re.search(rf"\b{name}\b|\b{name.replace('_', ' ')}\b", text):
                rejected.add(name)
                return True
        return False

    def _connection_error(self, error: BaseException) -> Exception:
        causes = list(_causes(error))
        line = one_line(causes[-1], 200)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            host = urlsplit(self.endpoint).hostname
            return EndpointError(
                f"There is no host {host} ({line}). Set the address with --base-url or %config CodeAct.base_url"
            )
        if "ssl" in " ".join(type(cause).__module__ for cause in causes) or "SSL" in line:
            return EndpointError(
                f"{self.endpoint} cannot be trusted, or does not speak TLS: {line}. Is it http rather than https? "
                "A certificate authority of your own is named by the environment variable SSL_CERT_FILE"
            )
        return _Again(f"{self.endpoint} cannot be reached ({line}). Is the server running?")

    def _said(self, error: Any) -> str:
        body = error.body if isinstance(getattr(error, "body", None), dict) else {}
        message = body.get("message") or error.message or str(error)
        if not body and "<" in str(message):  # an HTML page
            message = re.sub(r"<[^>]*>", " ", str(message))
        return one_line(mask(str(message), [self.settings.key] if self.settings.key else []), 240).rstrip(". ")


class _Building:
    """A reply, put together from its chunks."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.text = ""
        self.reasoning = ""
        self.calls: dict[int, list[str]] = {}  # index -> [id, name, arguments]
        self.finish = ""
        self.usage: Usage | None = None
        self.done = False

    def take(self, chunk: Any) -> Delta:
        """Add a chunk; `done` is set where the rest of the stream need not be waited for."""
        if chunk.usage is not None:
            self.usage = _usage(chunk.usage)
        if not chunk.choices:
            return Delta()
        choice = chunk.choices[0]
        self.finish = choice.finish_reason or self.finish
        if choice.delta is None:
            return Delta()
        text = choice.delta.content or ""
        reasoning = getattr(choice.delta, "reasoning_content", None) or getattr(choice.delta, "reasoning", None) or ""
        reasoning = reasoning if isinstance(reasoning, str) else ""
        before = len(self.text)
        self.text += text
        self.reasoning += reasoning
        for call in choice.delta.tool_calls or ():
            self._take_call(call)
        if text:
            self._cut()
        return Delta(text=self.text[before:], reasoning=reasoning)

    def _take_call(self, call: Any) -> None:
        parts = self.calls.setdefault(call.index or 0, ["", "", ""])
        parts[0] = call.id or parts[0]
        if call.function is not None:
            parts[1] = call.function.name or parts[1]
            parts[2] += call.function.arguments or ""

    def _cut(self) -> None:
        """Cut the reply where it may end: some endpoints know no stop sequences, and few models stop by themselves."""
        ends = [self.text.find(stop) for stop in self.request.stop]
        end = min((end for end in ends if end >= 0), default=None)
        finish = "stop"
        if end is None:
            end, finish = self.request.enough(self.text), "cut"
        if end is None and len(self.text) + len(self.reasoning) > MOST_CHARACTERS:
            end, finish = len(self.text), "length"
        if end is not None:
            self.text, self.finish, self.done = self.text[:end], finish, True

    def reply(self, seconds: float, model: str) -> Reply:
        """Return the reply as it stands."""
        calls = tuple(ToolCall(id or f"call-{i}", name, arguments) for i, (id, name, arguments) in self.calls.items())
        usage = self.usage or self._estimate()
        return Reply(self.text, self.reasoning, calls, self.finish, usage, seconds, model)

    def _estimate(self) -> Usage:
        sent = sum(len(str(message.get("content") or "")) for message in self.request.messages)
        return Usage(prompt=sent // 4, completion=(len(self.text) + len(self.reasoning)) // 4 + 1, estimated=True)


def _usage(usage: Any) -> Usage:
    details = getattr(usage, "prompt_tokens_details", None)
    cached = getattr(details, "cached_tokens", None) or 0
    return Usage(int(usage.prompt_tokens or 0), int(cached), int(usage.completion_tokens or 0))


class _Pump:
    """Runs a blocking iterator on its own thread, so that the main thread can be interrupted at any time."""

    def __init__(self, source: Callable[[], Iterator[Any]], hang_up: Callable[[], None]) -> None:
        self._source, self._hang_up = source, hang_up
        self._queue: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._stopped = self._ended = False
        threading.Thread(target=self._run, name="codeact-stream", daemon=True).start()

    def _run(self) -> None:
        try:
            for item in self._source():
                if self._stopped:
                    return
                self._queue.put(("item", item))
            self._queue.put(("end", None))
        except Exception as error:
            self._queue.put(("error", error))

    def items(self, timeout: float) -> Iterator[Any]:
        """Yield what the source yields, and None whenever TICK seconds pass; raises TimeoutError after `timeout`."""
        heard = time.monotonic()
        while True:
            try:
                kind, value = self._queue.get(timeout=TICK)
            except queue.Empty:
                if time.monotonic() - heard > timeout:
                    raise TimeoutError from None
                yield None
                continue
            heard = time.monotonic()
            self._ended = kind != "item"
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value

    def stop(self) -> None:
        """Let go of the source; where it has not ended, the connection is broken off."""
        self._stopped = True
        if not self._ended:
            self._hang_up()


def public_url(url: str) -> str:
    """Return `url` without credentials, query and fragment: what may be shown and saved."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an address that cannot be read)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def _sleep(seconds: float, show: Callable[[Delta], None]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(TICK, left))
        show(Delta())


_TOO_LONG = re.compile(
    r"context.{0,3}(length|size|window)|maximum context|too many tokens|prompt is too long|n_ctx|exceed.{0,25}context",
    re.IGNORECASE,
)


def _is_context_error(status: int, said: str, error: Any) -> bool:
    code = getattr(error, "code", None)
    kind = getattr(error, "type", None)
    names = ("context_length_exceeded", "exceed_context_size_error")
    return code in names or kind in names or (status in (400, 413, 422, 500) and bool(_TOO_LONG.search(said)))


def _retry_after(headers: Any) -> float | None:
    """Return the seconds that a Retry-After header asks for; it holds seconds or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
