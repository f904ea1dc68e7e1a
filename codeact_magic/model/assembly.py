"""A reply, put together from OpenAI's chunks, and cut where it has all that it needs."""

from __future__ import annotations

import json

from ..agent import Delta, Request
from ..session import Json, Reply, ToolCall, Usage
from ..text import storable
from .events import QUOTED, Events
from .troubles import Garbage

MOST_CHARACTERS = 400_000  # of one reply; a model that goes on after that is not going to stop


class Assembly:
    """A reply that is being put together.

    `finish` is empty until the endpoint has said why it stops, or the reply `is_cut`: the rest need not be waited for.
    """

    def __init__(self, request: Request) -> None:
        self.finish = ""
        self.is_cut = False
        self._request = request
        self._events = Events()
        self._text = ""
        self._shown = 0  # characters of the text
        self._reasoning = ""
        self._calls: list[_Call] = []
        self._usage: Usage | None = None
        self._model = ""

    def feed(self, data: bytes) -> Delta:
        """Add what has come, and return what it adds to the reply. Raises Garbage, Reported, TooMuch."""
        parts = [self._take(chunk) for chunk in self._events.chunks(data)]
        reasoning = "".join(part for _, part in parts)
        self._text += "".join(part for part, _ in parts)
        self._reasoning += reasoning
        if parts:
            self._end_where_enough()
        return Delta(text=self._to_show(), reasoning=reasoning)

    def reply(self, seconds: float, model: str) -> Reply:
        """Return the whole reply. Raises BrokenOff or Garbage where what came is none."""
        if not self.finish:
            raise self._events.unfinished()
        calls = tuple(call.whole(number) for number, call in enumerate(self._calls))
        usage = self._usage or self._estimate(calls)
        return Reply(self._text, self._reasoning, calls, self.finish, usage, seconds, self._model or model)

    def _take(self, chunk: Json) -> tuple[str, str]:
        """Take what a chunk says, and return its text and its reasoning."""
        try:
            self._model = str(chunk.get("model") or self._model)
            if chunk.get("usage"):
                self._usage = _usage(chunk["usage"])
            return self._take_choice(chunk["choices"][0]) if chunk["choices"] else ("", "")
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise Garbage(json.dumps(chunk)[:QUOTED]) from error

    def _take_choice(self, choice: Json) -> tuple[str, str]:
        self.finish = str(choice.get("finish_reason") or self.finish)
        delta = choice.get("delta") or {}
        for call in delta.get("tool_calls") or ():
            self._take_call(call)
        reasoning = delta.get("reasoning_content") or delta.get("reasoning") or ""
        return storable(delta.get("content") or ""), storable(reasoning)

    def _take_call(self, delta: Json) -> None:
        index, id = delta.get("index") or 0, str(delta.get("id") or "")
        call = next((call for call in reversed(self._calls) if call.index == index), None)
        if call is None or (id and call.id and id != call.id):  # some servers number all calls 0
            call = _Call(index)
            self._calls.append(call)
        call.take(id, delta.get("function") or {})

    def _end_where_enough(self) -> None:
        """Cut the reply where it may end: some endpoints know no stop sequences, and few models stop by themselves."""
        stops = (self._text.find(stop, self._shown) for stop in self._request.stop)
        ends = [(at, "stop") for at in stops if at >= 0]
        enough = self._request.enough(self._text)
        if enough is not None:
            ends.append((enough, "cut"))
        length = len(self._text) + len(self._reasoning) + sum(call.length for call in self._calls)
        if length > MOST_CHARACTERS:
            ends.append((min(len(self._text), MOST_CHARACTERS), "length"))
        if ends:
            end, self.finish = min(ends)
            self._text, self.is_cut = self._text[:end], True

    def _to_show(self) -> str:
        """Return the text that was not yet shown, less what may turn out to be the beginning of a stop sequence."""
        end = len(self._text)
        if not self.finish:
            end -= max((_overlap(self._text, stop) for stop in self._request.stop), default=0)
        shown, self._shown = self._shown, max(self._shown, end)
        return self._text[shown:end]

    def _estimate(self, calls: tuple[ToolCall, ...]) -> Usage:
        told = sum(_length(message) for message in self._request.messages)
        said = len(self._text) + len(self._reasoning) + sum(len(call.arguments) for call in calls)
        return Usage(prompt=told // 4, completion=said // 4 + 1, estimated=True)


class _Call:
    """A tool call that is being put together."""

    def __init__(self, index: int) -> None:
        self.index, self.id, self.name = index, "", ""
        self.length = 0  # characters of the arguments
        self._arguments: list[str] = []

    def take(self, id: str, function: Json) -> None:
        """Add a piece. Most servers send the arguments bit by bit, some at once, and some as an object."""
        self.id = id or self.id
        self.name = str(function.get("name") or self.name)
        arguments = function.get("arguments") or ""
        self._arguments.append(storable(json.dumps(arguments) if isinstance(arguments, dict) else arguments))
        self.length += len(self._arguments[-1])

    def whole(self, number: int) -> ToolCall:
        """Return the call; `number` stands in for an id that was never sent."""
        return ToolCall(self.id or f"call-{number}", self.name, "".join(self._arguments))


def _usage(usage: Json) -> Usage:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    return Usage(int(usage.get("prompt_tokens") or 0), int(cached or 0), int(usage.get("completion_tokens") or 0))


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` could be the beginning of `stop`."""
    return next((length for length in range(len(stop) - 1, 0, -1) if text.endswith(stop[:length])), 0)


def _length(message: Json) -> int:
    """Return the characters of a chat message, images left out."""
    content = message.get("content") or ""
    texts = [content] if isinstance(content, str) else [str(part.get("text") or "") for part in content]
    calls = [call["function"]["arguments"] for call in message.get("tool_calls") or ()]
    return sum(map(len, texts + calls))
