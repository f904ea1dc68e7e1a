"""Build a reply from OpenAI's chunks, and end it early if the rest is not needed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..agent import Delta, Request
from ..session import Json, Reply, Usage
from ..text import storable
from .call_builder import CallsBuilder
from .content import REASONING_FIELDS, RETURNED_FIELDS, merge, plain_text, refusal_in, text_and_reasoning
from .endings import ending_of
from .loops import LoopWatch
from .sse import QUOTED, SseDecoder
from .transport_errors import (
    FailedReplyError,
    FilteredReplyError,
    MalformedReplyError,
    RefusedReplyError,
    TornReplyError,
)
from .usage import estimated_usage, usage_in

MOST_CHARACTERS = 400_000  # of one reply; a model that exceeds this does not stop by itself
BOUNDED = "The reply was cut off after {limit:,} characters: the model did not come to an end."
ENDED_ODDLY = "The endpoint ended a reply with the unknown finish_reason {word!r}; the reply looks complete."


class ReplyBuilder:
    """Builds one reply.

    `finish` is the reason why the reply ended as the endpoint says it, empty while it goes on. If `is_cut`, the reply
    was ended here, and `finish` is one of "stop", "cut", "length" and "loop": the caller need not wait for the rest.
    """

    def __init__(self, request: Request) -> None:
        self.finish = ""
        self.is_cut = False
        self._request = request
        self._decoder = SseDecoder()
        self._text = ""
        self._fresh: list[str] = []  # the text of the chunks that are being added
        self._shown = 0  # characters of the text
        self._reasoning: list[str] = []
        self._length = 0  # characters of the reasoning and of the arguments of calls
        self._reasoning_field = ""
        self._refusal = ""
        self._calls = CallsBuilder()
        self._extra: Json = {}  # what the endpoint wants back
        self._watches = {kind: LoopWatch() for kind in ("text", "reasoning", "arguments")}
        self._is_loop = False
        self._note = ""
        self._usage: Usage | None = None
        self._model = ""

    @property
    def has_ended(self) -> bool:
        """Whether the endpoint has ended the reply: what may follow is its usage, and the end of the stream."""
        return bool(self.finish) or self._decoder.is_done

    def feed(self, data: bytes) -> Delta:
        """Add bytes of the stream, and return the part of the reply that they add.

        Raises:
            MalformedReplyError, OversizedReplyError, StreamedError: as `SseDecoder.chunks` does.
        """
        return self._take(self._decoder.chunks(data))

    def end(self) -> Delta:
        """Take the end of the stream, and return the part of the reply that it adds. Raises as `feed` does."""
        return self._take(self._decoder.end())

    def reply(self, seconds: float, model: str) -> Reply:
        """Return the complete reply.

        Args:
            seconds: how long the request took.
            model: the name of the model, used if the endpoint did not name it.

        Raises:
            TruncatedReplyError: the stream broke off.
            MalformedReplyError: the stream was not a chat completion.
            RefusedReplyError, FilteredReplyError, FailedReplyError: the reply ended, and not as it was meant to.
            TornReplyError: the reply ended in an unknown way, and is not complete.
        """
        if not self.has_ended:
            raise self._decoder.error_at_end()
        calls = self._calls.tool_calls()
        reasoning = "".join(self._reasoning)
        if self._watches["reasoning"].is_loop:
            reasoning = reasoning[: self._watches["reasoning"].position]
        reply = Reply(
            self._text,
            reasoning,
            calls,
            self.finish if self.is_cut else "stop",
            self._usage or estimated_usage(self._request.messages, self._text, reasoning, calls),
            seconds,
            self._model or model,
            reasoning_field=self._reasoning_field,
            extra=storable(json.dumps(self._extra, ensure_ascii=False)) if self._extra else "",
            note=self._note,
        )
        return reply if self.is_cut else self._ended(reply)

    def _ended(self, reply: Reply) -> Reply:
        """Return a reply that the endpoint ended, with its ending in our words."""
        if self._refusal:
            raise RefusedReplyError(self._refusal)
        match ending_of(self.finish):
            case "filtered":
                raise FilteredReplyError(self.finish)
            case "failed":
                raise FailedReplyError(self.finish)
            case "unknown" if not self.finish:  # the stream ended by its own syntax, as OpenAI's client takes it
                if not self._request.whole(reply, False):
                    raise self._decoder.error_at_end()
                return reply
            case "unknown":
                if not self._request.whole(reply, True):
                    raise TornReplyError(self.finish)
                return replace(reply, note=ENDED_ODDLY.format(word=self.finish[:40]))
            case ending:
                return replace(reply, finish=ending)

    def _take(self, chunks: Iterable[Json]) -> Delta:
        self._fresh = []
        thoughts: list[str] = []
        for chunk in chunks:
            text, reasoning = self._add(chunk)
            self._fresh.append(text)
            thoughts.append(reasoning)
        text = "".join(self._fresh)
        reasoning = "".join(thoughts)
        if reasoning:
            self._reasoning.append(reasoning)
            self._length += len(reasoning)
            self._watch("reasoning", reasoning)
        if text:
            self._text += text
            self._watch("text", text)
        if thoughts:
            self._end_early()
        return Delta(text=self._unshown_text(), reasoning=reasoning)

    def _watch(self, kind: str, part: str) -> None:
        if self._request.cut_loops:
            self._watches[kind].feed(part)
            self._is_loop = self._is_loop or self._watches[kind].is_loop

    def _add(self, chunk: Json) -> tuple[str, str]:
        """Add a chunk, and return its text and its reasoning."""
        try:
            self._model = str(chunk.get("model") or self._model)
            if chunk.get("usage") or "x_groq" in chunk:
                self._usage = usage_in(chunk) or self._usage
            return self._add_choice(chunk["choices"][0]) if chunk["choices"] else ("", "")
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise MalformedReplyError(json.dumps(chunk)[:QUOTED]) from error

    def _add_choice(self, choice: Json) -> tuple[str, str]:
        if choice.get("finish_reason"):
            self.finish = str(choice["finish_reason"])
            self._usage = usage_in(choice) or self._usage  # Moonshot puts it here
        delta = choice.get("delta") or self._message(choice)
        content = delta.get("content")
        text, reasoning = (content, "") if isinstance(content, str) else text_and_reasoning(content)
        if len(delta) > 1 or not text:
            reasoning += self._add_fields(delta, content)
        return storable(text), storable(reasoning)

    def _message(self, choice: Json) -> Json:
        """Return the message that some servers send in place of a delta; nothing if it only repeats the deltas."""
        message = choice.get("message") or ({"content": choice["text"]} if choice.get("text") else {})
        if (so_far := self._text + "".join(self._fresh)) and plain_text(message.get("content")) == so_far:
            return {}
        result: Json = message
        return result

    def _add_fields(self, delta: Json, content: Any) -> str:
        """Add the fields of a delta other than its content, and return the reasoning in them."""
        for call in delta.get("tool_calls") or ():
            self._add_call(call)
        if function := delta.get("function_call"):  # before there were tools
            self._add_call({"index": 0, "function": function})
        self._refusal += str(delta.get("refusal") or refusal_in(content))
        for name in RETURNED_FIELDS:
            if delta.get(name):
                merge(self._extra, {name: delta[name]})
        field = next((name for name in REASONING_FIELDS if delta.get(name)), "")
        self._reasoning_field = self._reasoning_field or field
        if not field and isinstance(delta.get("reasoning_content"), str):
            self._reasoning_field = self._reasoning_field or "reasoning_content"  # DeepSeek wants it back even if empty
        return plain_text(delta[field]) if field else ""

    def _add_call(self, delta: Json) -> None:
        part = self._calls.add(delta)
        self._length += len(part)
        self._watch("arguments", part)

    def _end_early(self) -> None:
        """End the reply if its rest is not needed: some endpoints ignore stop sequences, and few models just stop."""
        stops = (self._text.find(stop, self._shown) for stop in self._request.stop)
        ends = [(position, "stop") for position in stops if position >= 0]
        enough = self._request.enough(self._text)
        if enough is not None:
            ends.append((enough, "cut"))
        length = len(self._text) + self._length
        if self._is_loop:
            watch = self._watches["text"]
            ends.append((watch.position if watch.is_loop else len(self._text), "loop"))
        elif length > MOST_CHARACTERS:
            ends.append((min(len(self._text), MOST_CHARACTERS), "length"))
        if ends:
            end, self.finish = min(ends)
            self._text = self._text[:end]
            self.is_cut = True
            if self.finish == "length":
                self._note = BOUNDED.format(limit=MOST_CHARACTERS)

    def _unshown_text(self) -> str:
        """Return the text that was not shown yet, without an end that may turn out to begin a stop sequence."""
        end = len(self._text)
        if not self.finish:
            end -= max((_overlap(self._text, stop) for stop in self._request.stop), default=0)
        start = self._shown
        self._shown = max(start, end)
        return self._text[start:end]


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` may begin `stop`."""
    return next((length for length in range(len(stop) - 1, 0, -1) if text.endswith(stop[:length])), 0)
