"""Build a reply from OpenAI's chunks, and end it early if the rest is not needed."""

from __future__ import annotations

import json

from ..agent import Delta, Request
from ..session import Json, Reply, ToolCall, Usage
from ..text import storable
from .sse import QUOTED, SseDecoder
from .transport_errors import MalformedReplyError

MOST_CHARACTERS = 400_000  # of one reply; a model that exceeds this does not stop by itself


class ReplyBuilder:
    """Builds one reply.

    `finish` is the reason why the reply ended, empty while it goes on. If `is_cut`, it was ended here: the caller need
    not wait for the rest.
    """

    def __init__(self, request: Request) -> None:
        self.finish = ""
        self.is_cut = False
        self._request = request
        self._decoder = SseDecoder()
        self._text = ""
        self._shown = 0  # characters of the text
        self._reasoning = ""
        self._calls: list[_CallBuilder] = []
        self._usage: Usage | None = None
        self._model = ""

    def feed(self, data: bytes) -> Delta:
        """Add bytes of the stream, and return the part of the reply that they add.

        Raises:
            MalformedReplyError, OversizedReplyError, StreamedError: as `SseDecoder.chunks` does.
        """
        parts = [self._add(chunk) for chunk in self._decoder.chunks(data)]
        reasoning = "".join(part for _, part in parts)
        self._text += "".join(part for part, _ in parts)
        self._reasoning += reasoning
        if parts:
            self._end_early()
        return Delta(text=self._unshown_text(), reasoning=reasoning)

    def reply(self, seconds: float, model: str) -> Reply:
        """Return the complete reply.

        Args:
            seconds: how long the request took.
            model: the name of the model, used if the endpoint did not name it.

        Raises:
            TruncatedReplyError: the stream broke off.
            MalformedReplyError: the stream was not a chat completion.
        """
        if not self.finish:
            raise self._decoder.error_at_end()
        calls = tuple(call.tool_call(number) for number, call in enumerate(self._calls))
        usage = self._usage or self._estimated_usage(calls)
        return Reply(self._text, self._reasoning, calls, self.finish, usage, seconds, self._model or model)

    def _add(self, chunk: Json) -> tuple[str, str]:
        """Add a chunk, and return its text and its reasoning."""
        try:
            self._model = str(chunk.get("model") or self._model)
            if chunk.get("usage"):
                self._usage = _usage(chunk["usage"])
            return self._add_choice(chunk["choices"][0]) if chunk["choices"] else ("", "")
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise MalformedReplyError(json.dumps(chunk)[:QUOTED]) from error

    def _add_choice(self, choice: Json) -> tuple[str, str]:
        self.finish = str(choice.get("finish_reason") or self.finish)
        delta = choice.get("delta") or {}
        for call in delta.get("tool_calls") or ():
            self._add_call(call)
        reasoning = delta.get("reasoning_content") or delta.get("reasoning") or ""
        return storable(delta.get("content") or ""), storable(reasoning)

    def _add_call(self, delta: Json) -> None:
        index = delta.get("index") or 0
        id = str(delta.get("id") or "")
        call = next((call for call in reversed(self._calls) if call.index == index), None)
        if call is None or (id and call.id and id != call.id):  # some servers number all calls 0
            call = _CallBuilder(index)
            self._calls.append(call)
        call.add(id, delta.get("function") or {})

    def _end_early(self) -> None:
        """End the reply if its rest is not needed: some endpoints ignore stop sequences, and few models just stop."""
        stops = (self._text.find(stop, self._shown) for stop in self._request.stop)
        ends = [(position, "stop") for position in stops if position >= 0]
        enough = self._request.enough(self._text)
        if enough is not None:
            ends.append((enough, "cut"))
        length = len(self._text) + len(self._reasoning) + sum(call.length for call in self._calls)
        if length > MOST_CHARACTERS:
            ends.append((min(len(self._text), MOST_CHARACTERS), "length"))
        if ends:
            end, self.finish = min(ends)
            self._text = self._text[:end]
            self.is_cut = True

    def _unshown_text(self) -> str:
        """Return the text that was not shown yet, without an end that may turn out to begin a stop sequence."""
        end = len(self._text)
        if not self.finish:
            end -= max((_overlap(self._text, stop) for stop in self._request.stop), default=0)
        start = self._shown
        self._shown = max(start, end)
        return self._text[start:end]

    def _estimated_usage(self, calls: tuple[ToolCall, ...]) -> Usage:
        sent = sum(_length(message) for message in self._request.messages)
        received = len(self._text) + len(self._reasoning) + sum(len(call.arguments) for call in calls)
        return Usage(prompt=sent // 4, completion=received // 4 + 1, estimated=True)


class _CallBuilder:
    """Builds one tool call."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.length = 0  # characters of the arguments
        self._arguments: list[str] = []

    def add(self, id: str, function: Json) -> None:
        """Add a part of the call. Most servers send the arguments in parts, some at once, and some as an object."""
        self.id = id or self.id
        self.name = str(function.get("name") or self.name)
        arguments = function.get("arguments") or ""
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        self._arguments.append(storable(arguments))
        self.length += len(self._arguments[-1])

    def tool_call(self, number: int) -> ToolCall:
        """Return the complete call. If the server sent no id, `number` makes one."""
        return ToolCall(self.id or f"call-{number}", self.name, "".join(self._arguments))


def _usage(usage: Json) -> Usage:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    return Usage(int(usage.get("prompt_tokens") or 0), int(cached or 0), int(usage.get("completion_tokens") or 0))


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` may begin `stop`."""
    return next((length for length in range(len(stop) - 1, 0, -1) if text.endswith(stop[:length])), 0)


def _length(message: Json) -> int:
    """Return the number of characters of a chat message, without its images."""
    content = message.get("content") or ""
    texts = [content] if isinstance(content, str) else [str(part.get("text") or "") for part in content]
    calls = [call["function"]["arguments"] for call in message.get("tool_calls") or ()]
    return sum(map(len, texts + calls))
