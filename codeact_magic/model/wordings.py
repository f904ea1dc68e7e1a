"""How servers word their errors, as data. Each entry names who words it so.

The source is the server's documentation or code if not said otherwise; "seen in OWNER/REPOSITORY#N" names a public
report. A new wording is a new entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Wording:
    """A regular expression, matched without case anywhere in a message, and who words it so."""

    pattern: str
    source: str


def matches(wordings: tuple[Wording, ...], message: str) -> bool:
    """Return whether `message` is worded like one of `wordings`."""
    return bool(_compiled(wordings).search(message))


@cache  # compiled on first use, to keep the import fast
def _compiled(wordings: tuple[Wording, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{wording.pattern})" for wording in wordings), re.IGNORECASE)


def lower(words: Iterable[str]) -> frozenset[str]:
    """Return `words` in lower case, to be compared without case."""
    return frozenset(word.lower() for word in words)


# -- the conversation is too long --------------------------------------------------------------------------------------

TOO_LONG_KINDS = lower(
    [
        "context_length_exceeded",  # OpenAI, and most that are compatible with it
        "exceed_context_size_error",  # llama.cpp
        "request_too_large",  # Anthropic
        "model_max_prompt_tokens_exceeded",  # GitHub Copilot
        "tokens_limit_reached",  # GitHub Models
        "string_above_max_length",  # OpenAI: a single message
        "context_window_exceeded",  # LiteLLM
        "ContextWindowExceededError",  # LiteLLM
        "model_context_window_exceeded",  # Anthropic, Zhipu
        "1261",  # Zhipu
    ]
)

TOO_LONG = (
    Wording(r"maximum context", "OpenAI, vLLM, OpenRouter, DeepSeek, Mistral, LiteLLM"),
    Wording(r"context.(length|size|window|limit).{0,20}exceed", "OpenAI, llama.cpp, MiniMax"),
    Wording(r"exceed.{0,40}(context|maximum number of tokens)", "OpenAI, llama.cpp, Gemini, Ollama"),
    Wording(r"longer than the .{0,20}(context|model) length", "vLLM, SGLang, Together"),
    Wording(r"greater than the context", "LM Studio"),
    Wording(r"context length of only \d+|context the overflows", "LM Studio: lmstudio-ai/lmstudio-bug-tracker#237"),
    Wording(r"too large for model", "Mistral"),
    Wording(r"(prompt|input|conversation) is too long", "Anthropic, Bedrock, Fireworks, Cohere"),
    Wording(r"prompt too long", "Ollama"),
    Wording(r"(?<!throttling: )too many (input )?tokens(?!.{0,20}(wait|per))", "Cohere, Bedrock; not its throttling"),
    Wording(r"max_model_len", "vLLM"),
    Wording(r"max_seq_len|max_num_tokens", "SiliconFlow, TensorRT-LLM"),
    Wording(r"\bn_ctx\b", "llama.cpp, llama-cpp-python"),
    Wording(r"inputs?. tokens.{0,40}must be <=", "TGI, Together"),
    Wording(r"inputs?.{0,3} must have less than \d+ tokens", "TGI"),
    Wording(r"maximum prompt length", "xAI"),
    Wording(r"model token limit", "Moonshot"),
    Wording(r"range of input length should be", "DashScope: QwenLM/qwen-code#3652"),
    Wording(r"input token count.{0,60}(exceed|only supports)", "Gemini, Vertex"),
    Wording(r"prompt exceeds max", "Zhipu"),
    Wording(r"prompt token count of \d+ exceeds", "GitHub Copilot"),
    Wording(r"reduce the length of the (messages|prompt|input)", "Groq, Cerebras"),
    Wording(r"maximum allowed input length", "Poolside, by OpenRouter"),
    Wording(r"input length.{0,30}exceed", "Ollama, SGLang"),
    Wording(r"token limit exceeded|exceeds? the token limit", "gateways"),
    Wording(r"request body too large for .{0,40}model", "GitHub Models"),
    Wording(r"exceed max message tokens", "Volcengine Ark"),
    Wording(r"max(imum)? input characters|input characters limit", "Baidu Qianfan"),
)

# -- a parameter's value -----------------------------------------------------------------------------------------------

# The parameter is known, its value is not taken. Other values may be.
VALUE_KINDS = lower(
    [
        "decimal_above_max_value",  # OpenAI, as are the next four
        "decimal_below_min_value",
        "integer_above_max_value",
        "integer_below_min_value",
        "invalid_value",
        "unsupported_value",  # OpenAI's reasoning models: only the default is taken
        "less_than_equal",  # Pydantic (FastAPI servers, Mistral), as are the next three
        "greater_than_equal",
        "less_than",
        "greater_than",
    ]
)

VALUE_REFUSED = (
    Wording(r"(above|below) (the )?(maximum|minimum)", "OpenAI"),
    Wording(r"expected a value|expected .{0,40}\bbut got", "OpenAI"),
    Wording(r"(less|greater) than( or equal)?\b", "Pydantic: FastAPI servers, Mistral"),
    Wording(r"must be .{0,20}(between|at most|at least|less|greater|<|>|in [\[(])", "vLLM, Groq, Cohere"),
    Wording(r"must be .{0,20}(positive|negative|zero)", "TGI, vLLM"),
    Wording(r"(supported|valid|allowed|accepted) range|range (is|of)\b|range:", "Gemini, DeepSeek, Anthropic"),
    Wording(r"out of range|in the range", "gateways"),
    Wording(r"only the default \(?.{0,10}\)? value is supported", "OpenAI's reasoning models"),
    Wording(r"does not support [-\d.]+", "OpenAI's reasoning models"),
    Wording(r"too (large|small|high|low|big)\b", "OpenAI, Anthropic"),
    Wording(r"(at most|up to|no more than|maximum (value )?(of|is)).{0,20}\d", "OpenAI, Groq, Fireworks"),
    Wording(r"[<>]=? ?-?\d", "Anthropic: max_tokens: 9000 > 8192"),
)

# -- wait --------------------------------------------------------------------------------------------------------------

_TIME = r"((?:\d+(?:\.\d+)?\s*(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)?(?![a-z])\s*)+)"

WAITS = (
    Wording(rf"(?:re)?try (?:(?:your|the) request )?(?:again )?(?:in|after) {_TIME}", "Gemini, OpenAI, Groq, Azure"),
    Wording(rf"(?:wait|waiting)(?: for)?(?: at least| about)? {_TIME}", "Cohere, Databricks, gateways"),
    Wording(rf"(?:resets?|available)(?: again)? in {_TIME}", "OpenRouter, Perplexity"),
    Wording(rf"retry[_-]?after\W{{1,4}}{_TIME}", "gateways"),
)

# -- kinds of errors without a status ----------------------------------------------------------------------------------

STATUS_OF_KIND = {
    "rate_limit_exceeded": 429,  # OpenAI
    "rate_limit_error": 429,  # Anthropic
    "rate_limit_reached_error": 429,  # Moonshot
    "too_many_requests": 429,  # OpenRouter
    "tokens": 429,  # OpenAI: the type of a limit per minute
    "requests": 429,
    "throttlingexception": 429,  # Bedrock
    "throttling": 429,  # DashScope
    "resource_exhausted": 429,  # Google
    "engine_overloaded_error": 429,  # Moonshot
    "insufficient_quota": 429,  # OpenAI
    "overloaded_error": 529,  # Anthropic
    "overloaded": 529,
    "server_error": 500,  # OpenAI
    "api_error": 500,  # Anthropic
    "internal_error": 500,
    "internal_server_error": 500,
    "internalservererror": 500,  # vLLM
    "internal": 500,  # Google
    "unavailable": 503,  # Google
    "service_unavailable": 503,
    "model_not_ready": 503,
    "timeout": 504,
    "deadline_exceeded": 504,  # Google
    "authentication_error": 401,  # Anthropic, DeepSeek
    "invalid_api_key": 401,  # OpenAI
    "unauthenticated": 401,  # Google
    "unauthorized": 401,
    "permission_error": 403,  # Anthropic
    "permission_denied": 403,  # Google
    "insufficient_balance": 402,  # DeepSeek
    "billing_error": 402,  # Anthropic
    "model_not_found": 404,  # OpenAI
    "not_found_error": 404,  # Anthropic, Ollama
    "not_found": 404,  # Google
    "request_too_large": 413,  # Anthropic
    "invalid_request_error": 400,  # OpenAI, Anthropic
    "badrequesterror": 400,  # vLLM
    "invalid_argument": 400,  # Google
    "failed_precondition": 400,  # Google
    "validation": 422,  # TGI
    "validationexception": 400,  # Bedrock
    "content_filter": 400,  # Azure
    "content_policy_violation": 400,  # OpenAI
    "data_inspection_failed": 400,  # DashScope
    "datainspectionfailed": 400,
    "context_length_exceeded": 400,
    "exceed_context_size_error": 400,
}

# What no retry helps against, although its status is that of a limit that passes.
FINAL_KINDS = lower(["insufficient_quota", "insufficient_balance", "billing_not_active", "access_terminated"])

# -- the conversation as it was sent -----------------------------------------------------------------------------------

ROLE_REFUSED = (
    Wording(r"system (role|message|prompt|instruction)s?.{0,30}(not|n't|un)", "Gemma 2: vllm-project/vllm#2080"),
    Wording(r"does not support .{0,3}(system|developer)\b", "OpenAI o1: janhq/jan#4392"),
    Wording(r"(not|n't|un).{0,12}(support|allow|accept|recogni).{0,20}\b(system|developer)\b", "gateways"),
    Wording(r"developer instruction is not enabled", "Gemma, by Gemini"),
    Wording(r"roles? (must|should) alternate|alternate between", "Mistral, Llama 2, Anthropic, Perplexity"),
    Wording(r"multiple .{0,12}(user|assistant).{0,3} (roles|messages) in a row", "Anthropic"),
    Wording(r"only (the )?.?user.? and .?assistant.?.{0,10} roles", "Mistral's and Llama's templates"),
    Wording(r"system (role|message)s? (must|should|can only|may only).{0,20}(first|begin|start)", "Qwen, Mistral v0.3"),
    Wording(r"(expected|unexpected|invalid|unknown|unsupported).{0,20}\broles?\b", "Mistral, Cohere"),
)

TEMPLATE_FAILED = (
    Wording(r"(chat|prompt|jinja).{0,4}template|jinja|rendering prompt|raise_exception", "llama.cpp, LM Studio, vLLM"),
)

HISTORY_REFUSED = (
    *ROLE_REFUSED,
    Wording(r"\bmessages?\b.{0,4}[\[.(]\s*\d+", "OpenAI, Anthropic: messages.3, messages[3]"),
    Wording(r"\bmessage (at )?index\b|at index \d+", "DeepSeek"),
    Wording(r"tool.?calls?.{0,3}\bid\b|tool_call_id|tool_use_id|\bcall.id\b", "Mistral: vllm-project/vllm#9019"),
    Wording(r"tool_use|tool_result|\btool_calls\b", "OpenAI, Anthropic, Bedrock"),
    Wording(r"\brole.{0,4}tool\b|tool (role|message|response)", "OpenAI, Mistral"),
    Wording(r"function.?(call|response)s? (parts?|turn|is missing|must|should|comes)", "Gemini"),
    Wording(r"functioncall|functionresponse|thought_?signature", "Gemini"),
    Wording(r"thinking.{0,10}(block|signature)|signature.{0,20}(thinking|thought)", "Anthropic"),
    Wording(r"reasoning_?(content|details)", "DeepSeek, Moonshot: pi#3636"),
    Wording(r"(assistant|last|final) message", "Mistral, Anthropic"),
    Wording(r"content.{0,20}(empty|blank|null|missing|required|whitespace)", "Anthropic, Cohere, Groq"),
    Wording(r"content.{0,20}(must be a|should be a valid) string", "Groq, FastAPI servers"),
    Wording(r"(empty|blank|missing|null|non-string).{0,20}content", "gateways, llama.cpp"),
    Wording(r"content (blocks?|parts?|type|field|array)", "Anthropic, OpenAI"),
    Wording(
        r"image_url|image (input|content)|multimodal|vision", "DeepSeek, Ollama, vLLM: a model that sees no images"
    ),
    *TEMPLATE_FAILED,
    Wording(r"(conversation|chat|message).{0,4}(history|format|structure|sequence|order)", "gateways"),
    Wording(
        r"parse (tool|function).{0,20}arguments|arguments.{0,30}json|json.{0,30}argument", "Ollama, llama.cpp, Mistral"
    ),
)
