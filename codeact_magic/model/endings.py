"""How a reply ended: the endpoint's `finish_reason` in one vocabulary, whatever the server calls it."""

from __future__ import annotations

from typing import Literal

from .wordings import lower

Ending = Literal["stop", "tool_calls", "length", "filtered", "failed", "unknown"]

_MEANT = lower(
    [
        "stop",  # OpenAI
        "eos",  # Together: openai/openai-dotnet#267
        "eos_token",  # TGI: huggingface/text-generation-inference#2344
        "end_turn",  # Anthropic
        "stop_sequence",  # Anthropic, TGI
        "pause_turn",  # Anthropic
        "complete",  # Cohere
        "completed",
        "finish",
        "finished",
        "end",
        "done",
        "end_of_text",
        "stop_token",
        "stop_str",
        "normal",
        "success",
    ]
)

_CALLED = lower(
    [
        "tool_calls",  # OpenAI
        "tool_call",  # Cohere
        "function_call",  # OpenAI, before tools
        "tool_use",  # Anthropic
        "tool-calls",  # Vercel's gateway
    ]
)

_TOO_LONG = lower(
    [
        "length",  # OpenAI
        "max_tokens",  # Anthropic, Gemini
        "max_output_tokens",
        "max_new_tokens",
        "max_length",
        "model_length",  # Mistral
        "token_limit",
        "tokens_limit",
        "model_context_window_exceeded",  # Anthropic, Zhipu
        "context_window_exceeded",
        "context_length_exceeded",
        "incomplete",
    ]
)

_FILTERED = lower(
    [
        "content_filter",  # OpenAI, Azure
        "content-filter",
        "content_filtered",  # Bedrock
        "guardrail_intervened",  # Bedrock
        "refusal",  # Anthropic
        "sensitive",  # Zhipu
        "error_toxic",  # Cohere
        "safety",  # Gemini, as are the next seven
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
        "language",
        "model_armor",
        "content_policy_violation",
        "blocked",
        "moderation",
        "flagged",
    ]
)

_FAILED = lower(
    [
        "error",  # OpenRouter, vLLM
        "errored",
        "failed",
        "failure",
        "abort",  # vLLM, SGLang
        "aborted",
        "cancel",
        "cancelled",
        "canceled",
        "interrupted",
        "timeout",
        "time_limit",
        "network_error",  # Zhipu
        "server_error",
        "internal_error",
        "insufficient_system_resource",  # DeepSeek
        "overloaded",
        "malformed_function_call",  # Gemini, as are the next three
        "unexpected_tool_call",
        "too_many_tool_calls",
        "missing_thought_signature",
        "error_limit",  # Cohere
        "user_cancel",
    ]
)

_ENDINGS: tuple[tuple[Ending, frozenset[str]], ...] = (
    ("stop", _MEANT),
    ("tool_calls", _CALLED),
    ("length", _TOO_LONG),
    ("filtered", _FILTERED),
    ("failed", _FAILED),
)


def ending_of(finish_reason: str) -> Ending:
    """Return what a `finish_reason` means: "unknown" if no server that we know says so."""
    word = finish_reason.strip().lower().removeprefix("finishreason.").removeprefix("finish_reason_")
    return next((ending for ending, words in _ENDINGS if word in words), "unknown")
