"""Marks for endpoints that cache the beginning of a conversation only where they are told to.

Anthropic's models do so. A mark stands on the system prompt, which every conversation begins with, and on the last
message, so that the next request, which begins with all of this one, finds it in the cache.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..session import Json
from .settings import Settings

MARK: Json = {"cache_control": {"type": "ephemeral"}}
_ANTHROPIC = re.compile(r"\bclaude\b|\banthropic\b", re.IGNORECASE)


def wants_marks(settings: Settings) -> bool:
    """Return whether the model is one of Anthropic's, by its name or its address."""
    return bool(_ANTHROPIC.search(f"{settings.model} {settings.endpoint}"))


def marked(messages: Sequence[Json]) -> list[Json]:
    """Return `messages` with marks on the system prompt and on the last message."""
    result = list(messages)
    if not result:
        return result
    result[-1] = _marked(result[-1])
    if len(result) > 1 and result[0]["role"] == "system":
        result[0] = _marked(result[0])
    return result


def is_marked(messages: Sequence[Json]) -> bool:
    """Return whether any of `messages` has a mark where `marked` sets one."""
    contents = [message.get("content") for message in (*messages[:1], *messages[-1:])]
    return any(isinstance(content, list) and content[-1:] and "cache_control" in content[-1] for content in contents)


def _marked(message: Json) -> Json:
    """Return a message whose last part is marked. Only text takes a mark here."""
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())
    if not parts or not parts[-1].get("text"):
        return message
    return {**message, "content": [*parts[:-1], {**parts[-1], **MARK}]}
