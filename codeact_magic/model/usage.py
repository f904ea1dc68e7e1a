"""Read the tokens that an endpoint counted, or estimate them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..session import Json, ToolCall, Usage

_PROMPT = ("prompt_tokens", "input_tokens")
_COMPLETION = ("completion_tokens", "output_tokens")
# DeepSeek and Anthropic-compatible gateways; then Moonshot.
_CACHED = ("prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens")


def usage_in(chunk: Json) -> Usage | None:
    """Return the usage that a chunk reports, None if it reports none.

    Groq puts it into x_groq.
    """
    usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
    if not usage:
        return None
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    cached = details.get("cached_tokens") or _first(usage, _CACHED)
    return Usage(int(_first(usage, _PROMPT)), int(cached), int(_first(usage, _COMPLETION)))


def estimated_usage(messages: Iterable[Json], text: str, reasoning: str, calls: Iterable[ToolCall]) -> Usage:
    """Return the usage of a reply to `messages`, at four characters a token."""
    sent = sum(_length(message) for message in messages)
    received = len(text) + len(reasoning) + sum(len(call.arguments) for call in calls)
    return Usage(prompt=sent // 4, completion=received // 4 + 1, estimated=True)


def _first(usage: Json, names: tuple[str, ...]) -> Any:
    return next((usage[name] for name in names if usage.get(name)), 0)


def _length(message: Json) -> int:
    """Return the number of characters of a chat message, without its images."""
    content = message.get("content") or ""
    texts = [content] if isinstance(content, str) else [str(part.get("text") or "") for part in content]
    calls = [call["function"]["arguments"] for call in message.get("tool_calls") or ()]
    return sum(map(len, texts + calls))
