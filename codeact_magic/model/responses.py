"""OpenAI's Responses API, seen as chat completions: requests are translated into it, and its events back.

The rest of this package knows chat completions only. Nothing is stored by the endpoint: each request holds the whole
conversation, as one of chat completions does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..session import Json

PATH = "responses"

# What the parameters of chat completions are called here. A stop sequence, a seed and stream options do not exist.
NAMES = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}
_SAME = ("model", "stream", "temperature", "top_p")


def body(chat: Json) -> Json:
    """Return the request that asks for the same as the chat request `chat`."""
    result: Json = {name: chat[name] for name in _SAME if name in chat}
    result |= {new: chat[name] for name, new in NAMES.items() if name in chat}
    if "tools" in chat:
        result["tools"] = [{"type": "function", **tool["function"]} for tool in chat["tools"]]
    if "reasoning_effort" in chat:
        result["reasoning"] = {"effort": chat["reasoning_effort"]}
    if "response_format" in chat:
        result["text"] = {"format": _format(chat["response_format"])}
    return {**result, "store": False, "input": [item for message in chat["messages"] for item in _items(message)]}


def chat_stream(source: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the server-sent events of a chat completion for those of a response. What is no event stays as it is."""
    events = _Events()
    rest = b""
    for data in source:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield from events.translate(line)
    yield from events.translate(rest)


# -- requests ----------------------------------------------------------------------------------------------------------


def _format(chat: Json) -> Json:
    kind = chat.get("type")
    return {"type": kind, **chat["json_schema"]} if kind == "json_schema" else {"type": kind}


def _items(message: Json) -> Iterator[Json]:
    """Yield the items of the input that a chat message becomes."""
    role, content = message["role"], message.get("content")
    if role == "tool":
        yield {"type": "function_call_output", "call_id": message["tool_call_id"], "output": _plain(content)}
        return
    if content:
        yield {
            "role": role,
            "content": content if isinstance(content, str) else [_part(part, role) for part in content],
        }
    for call in message.get("tool_calls") or ():
        function = call["function"]
        yield {
            "type": "function_call",
            "call_id": call["id"],
            "name": function["name"],
            "arguments": function["arguments"],
        }


def _part(part: Json, role: str) -> Json:
    if "image_url" in part:
        image = part["image_url"]
        return {
            "type": "input_image",
            **({"image_url": image["url"]} | {k: v for k, v in image.items() if k == "detail"}),
        }
    return {"type": "output_text" if role == "assistant" else "input_text", "text": part.get("text") or ""}


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in content or ())


# -- events ------------------------------------------------------------------------------------------------------------

_TEXTS = ("response.output_text.delta",)
_REASONING = ("response.reasoning_text.delta", "response.reasoning_summary_text.delta")
_LAST = ("response.completed", "response.incomplete")


class _Events:
    """Translates the events of one response."""

    def __init__(self) -> None:
        self._has_calls = False

    def translate(self, line: bytes) -> Iterator[bytes]:
        """Yield the lines of a chat completion's stream for one line of a response's."""
        field, _, value = line.partition(b":")
        event = _parsed(value) if field == b"data" else None
        if event is None:
            if field != b"event":
                yield line + b"\n"
            return
        for chunk in self._chunks(event):
            yield b"data: " + json.dumps(chunk).encode() + b"\n\n"
        if event["type"] in _LAST:
            yield b"data: [DONE]\n\n"

    def _chunks(self, event: Json) -> Iterator[Json]:
        """Yield the chunks for an event. An event that adds nothing to the reply has none."""
        kind = event["type"]
        if kind in _TEXTS:
            yield _chunk({"content": event.get("delta")})
        elif kind in _REASONING:
            yield _chunk({"reasoning_content": event.get("delta")})
        elif kind == "response.refusal.delta":
            yield _chunk({"refusal": event.get("delta")})
        elif kind == "response.output_item.added" and _is_call(event):
            yield self._begun(event)
        elif kind == "response.function_call_arguments.delta":
            yield _call(event, {"function": {"arguments": event.get("delta")}})
        elif kind in ("error", "response.failed"):
            yield {"error": _error(event)}
        elif kind in _LAST:
            yield self._ended(event.get("response") or {})

    def _begun(self, event: Json) -> Json:
        self._has_calls = True
        item = event["item"]
        function = {"name": item.get("name"), "arguments": item.get("arguments") or ""}
        return _call(event, {"id": item.get("call_id"), "type": "function", "function": function})

    def _ended(self, response: Json) -> Json:
        """Return the last chunk: why the reply ended, the model's name, and the usage."""
        reason = (response.get("incomplete_details") or {}).get("reason")
        finish = {"max_output_tokens": "length", None: "tool_calls" if self._has_calls else "stop"}.get(reason, reason)
        usage = response.get("usage") or {}
        chunk = _chunk({}, finish)
        if "model" in response:
            chunk["model"] = response["model"]
        if usage:
            chunk["usage"] = {
                **usage,
                "prompt_tokens": usage.get("input_tokens"),
                "completion_tokens": usage.get("output_tokens"),
                "prompt_tokens_details": usage.get("input_tokens_details"),
            }
        return chunk


def _parsed(value: bytes) -> Json | None:
    """Return the event that a line of data holds; None if it holds something else."""
    try:
        event = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None


def _is_call(event: Json) -> bool:
    item = event.get("item")
    return isinstance(item, dict) and item.get("type") == "function_call"


def _error(event: Json) -> Any:
    """Return the error of an event: as OpenAI's own field, or as the event itself."""
    response = event.get("response")
    error = response.get("error") if isinstance(response, dict) else event.get("error")
    return error or {name: event.get(name) for name in ("message", "code", "param")}


def _chunk(delta: Json, finish: str | None = None) -> Json:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _call(event: Json, call: Json) -> Json:
    return _chunk({"tool_calls": [{"index": event.get("output_index") or 0, **call}]})
