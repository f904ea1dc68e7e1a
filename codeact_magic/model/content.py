"""Read the contents of a message: most servers send text, some send a list of parts."""

from __future__ import annotations

from typing import Any

from ..session import Json

# The fields in which servers send reasoning. Anthropic-compatible gateways also say "thinking".
REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
# What is opaque to a client, and wanted back beside a tool call: OpenRouter, LiteLLM, Gemini, GitHub Copilot.
RETURNED_FIELDS = (
    "reasoning_details",
    "thinking_blocks",
    "extra_content",
    "provider_specific_fields",
    "reasoning_opaque",
    "reasoning_signature",
    "thought_signature",
)
_GROWING = ("text", "thinking", "summary", "data", "signature")  # fields of a detail that come in parts


def text_and_reasoning(content: Any) -> tuple[str, str]:
    """Return the text and the reasoning in the content of a message. Raises TypeError if it is no content."""
    if isinstance(content, str):
        return content, ""
    if content is None:
        return "", ""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise TypeError(f"content is a {type(content).__name__}")
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif part.get("type") in ("thinking", "reasoning", "reasoning_text"):
            thoughts.append(plain_text(part))
        elif part.get("type") != "refusal":
            texts.append(plain_text({"text": part.get("text")}))
    return "".join(texts), "".join(thoughts)


def plain_text(value: Any) -> str:
    """Return the text of a value that may be a text, a part, or a list of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(plain_text, value))
    if isinstance(value, dict):
        return plain_text(
            next(
                (value[name] for name in ("thinking", "text", "content", "reasoning", "summary") if value.get(name)), ""
            )
        )
    return ""


def refusal_in(content: Any) -> str:
    """Return the words of a refusal among the parts of a content."""
    parts = content if isinstance(content, list) else ()
    refusals = [
        part.get("refusal") or part.get("text")
        for part in parts
        if isinstance(part, dict) and part.get("type") == "refusal"
    ]
    return "".join(str(refusal) for refusal in refusals if refusal)


def merge(held: Json, more: Json) -> None:
    """Add the fields of a delta to those that came before it."""
    for name, value in more.items():
        before = held.get(name)
        if isinstance(before, list) and isinstance(value, list):
            _merge_details(before, value)
        elif isinstance(before, dict) and isinstance(value, dict):
            merge(before, value)
        elif value is not None:
            held[name] = value


def _merge_details(held: list[Any], more: list[Any]) -> None:
    """Add details such as OpenRouter's: one that goes on with the last one of its kind and index is joined to it."""
    for detail in more:
        last = held[-1] if held else None
        if isinstance(last, dict) and isinstance(detail, dict) and _is_same(last, detail):
            for name, value in detail.items():
                if name in _GROWING and isinstance(value, str) and isinstance(last.get(name), str):
                    last[name] += value
                elif value is not None:
                    last[name] = value
        else:
            held.append(detail)


def _is_same(last: Json, detail: Json) -> bool:
    return all(last.get(name) == detail.get(name) for name in ("type", "index")) and not _is_complete(last)


def _is_complete(detail: Json) -> bool:
    """Return whether a thinking block is complete: its signature comes last."""
    return bool(detail.get("signature")) and "index" not in detail
