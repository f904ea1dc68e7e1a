"""What well-known servers send for the same question, made by hand after their documentation.

Each shape is one answer as its server streams it, with what a client should read in it, and one refusal in the words of
that server. An endpoint plays them: `FakeEndpoint([shape.refusal, shape.stream])`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..session import Json, Usage
from .doubles import Raw, Status

CODE = "print(6 * 7)"
_ARGUMENTS = json.dumps({"code": CODE})
_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """An answer and a refusal of one server. `code` is the code of the answer's tool call, if it has one."""

    server: str
    source: str  # where it is documented
    stream: Raw
    refusal: Status
    refused: str  # words of the line that the user should see for the refusal
    text: str = ""
    reasoning: str = ""
    code: str = ""
    finish: str = "stop"
    usage: Usage | None = None  # None: the server sends none, so it is estimated


def _events(*chunks: Json, done: bytes = _DONE, before: bytes = b"", end: bytes = b"\n\n") -> Raw:
    data = b"".join(b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + end for chunk in chunks)
    return Raw(before + data + done)


def _chunk(delta: Json, finish: str | None = None, **more: Any) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def _call(id: str | None, arguments: str, index: int | None = 0, name: str | None = "python", **more: Any) -> Json:
    call: Json = {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}
    return {"tool_calls": [call if index is None else {"index": index, **call}]}


def _usage(prompt: int, completion: int, cached: int | None = None) -> Json:
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    total = prompt + completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **details}


def _error(message: str, **fields: Any) -> Json:
    return {"error": {"message": message, **fields}}


_FILTERS = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}

_AZURE = Shape(
    "Azure OpenAI",
    "learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter: prompt_filter_results come first",
    _events(
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _FILTERS}]},
        _chunk({"role": "assistant", "content": "", "refusal": None}),
        _chunk({"content": "It is 42."}),
        {
            "choices": [
                {"index": 0, "finish_reason": None, "content_filter_results": _FILTERS, "content_filter_offsets": {}}
            ]
        },
        _chunk({}, "stop"),
        _chunk({}, usage=_usage(20, 5, 0)) | {"choices": []},
    ),
    Status(
        400,
        body=_error(
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
            type=None,
            param="prompt",
            code="content_filter",
            status=400,
            innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": _FILTERS},
        ),
    ),
    "content management policy",
    text="It is 42.",
    usage=Usage(20, 0, 5),
)

_THOUGHT = {"type": "reasoning.text", "text": "Six ", "index": 0, "format": "anthropic-claude-v1"}
_OPENROUTER = Shape(
    "OpenRouter",
    "openrouter.ai/docs/api-reference/streaming and use-cases/reasoning-tokens: comments, reasoning_details",
    _events(
        _chunk(
            {"role": "assistant", "content": "", "reasoning": "Six ", "reasoning_details": [_THOUGHT]}, provider="P"
        ),
        _chunk(
            {
                "content": "",
                "reasoning": "sevens.",
                "reasoning_details": [_THOUGHT | {"text": "sevens.", "signature": "c2ln"}],
            }
        ),
        _chunk({"content": "It is 42.", "reasoning": None}),
        _chunk({"content": ""}, "stop", usage=_usage(20, 8, 12)),
        before=b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n",
    ),
    Status(
        400,
        body=_error(
            "Provider returned error",
            code=400,
            metadata={"raw": '{"error":{"message":"No cache."}}', "provider_name": "P"},
        ),
    ),
    "No cache",
    text="It is 42.",
    reasoning="Six sevens.",
    usage=Usage(20, 12, 8),
)

_VLLM = Shape(
    "vLLM",
    "docs.vllm.ai/en/latest/features/tool_calling.html and reasoning_outputs.html",
    _events(
        _chunk({"role": "assistant", "content": ""}, logprobs=None),
        _chunk({"reasoning_content": "Six sevens."}),
        _chunk(
            {
                "tool_calls": [
                    {
                        "id": "chatcmpl-tool-0123456789abcdef",
                        "type": "function",
                        "index": 0,
                        "function": {"name": "python"},
                    }
                ]
            }
        ),
        _chunk({"tool_calls": [{"index": 0, "function": {"arguments": _ARGUMENTS[:9]}}]}),
        _chunk({"tool_calls": [{"index": 0, "function": {"arguments": _ARGUMENTS[9:]}}]}),
        _chunk({"content": ""}, "tool_calls") | {"stop_reason": None},
        {"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": _usage(20, 9)},
    ),
    Status(
        400,
        body={
            "object": "error",
            "message": "top_k is not for me.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "top_k is not for me",
    reasoning="Six sevens.",
    code=CODE,
    finish="tool_calls",
    usage=Usage(20, 0, 9),
)

_OLLAMA = Shape(
    "Ollama",
    "github.com/ollama/ollama docs/openai.md: whole calls, and errors as lines of JSON without data:",
    _events(
        _chunk({"role": "assistant", "content": "", "reasoning": "Six sevens."}, system_fingerprint="fp_ollama"),
        _chunk(
            {"role": "assistant", "content": ""} | _call("call_ab12cd34", _ARGUMENTS), system_fingerprint="fp_ollama"
        ),
        _chunk({"role": "assistant", "content": ""}, "tool_calls", system_fingerprint="fp_ollama"),
    ),
    Status(404, body=_error("model 'm' not found", type="not_found_error", param=None, code=None)),
    "not found",
    reasoning="Six sevens.",
    code=CODE,
    finish="tool_calls",
)

_LM_STUDIO = Shape(
    "LM Studio",
    "lmstudio.ai/docs/developer/openai-compat: errors are texts, and events that are named",
    _events(
        _chunk({"role": "assistant", "content": "It is "}, logprobs=None),
        _chunk({"content": "42."}),
        _chunk({}, "stop"),
        _chunk({}, usage=_usage(20, 5)) | {"choices": []},
    ),
    Status(400, body={"error": 'Error rendering prompt with jinja template: "Unknown test: sequence".'}),
    "Unknown test",
    text="It is 42.",
    usage=Usage(20, 0, 5),
)

_LLAMA_CPP = Shape(
    "llama.cpp",
    "github.com/ggml-org/llama.cpp tools/server/README.md: timings, and null contents",
    _events(
        _chunk({"role": "assistant", "content": None}, system_fingerprint="b1"),
        _chunk({"content": "It is 42."}),
        _chunk({}, "stop"),
        {
            "choices": [],
            "object": "chat.completion.chunk",
            "usage": _usage(20, 5),
            "timings": {"prompt_n": 20, "cache_n": 0},
        },
    ),
    Status(
        400,
        body=_error(
            "the request exceeds the available context size, try increasing it",
            code=400,
            type="exceed_context_size_error",
            n_prompt_tokens=9000,
            n_ctx=4096,
        ),
    ),
    "too long",
    text="It is 42.",
    usage=Usage(20, 0, 5),
)

_DEEPSEEK = Shape(
    "DeepSeek",
    "api-docs.deepseek.com/guides/thinking_mode: keep-alive comments, reasoning_content, tokens in the cache",
    _events(
        _chunk({"role": "assistant", "content": None, "reasoning_content": ""}),
        _chunk({"content": None, "reasoning_content": "Six sevens."}),
        _chunk(_call("call_00_abc", "", name="python") | {"content": None}),
        _chunk({"tool_calls": [{"index": 0, "function": {"arguments": _ARGUMENTS}}]}),
        _chunk(
            {"content": "", "reasoning_content": None},
            "tool_calls",
            usage={
                "prompt_tokens": 20,
                "completion_tokens": 9,
                "prompt_cache_hit_tokens": 12,
                "prompt_cache_miss_tokens": 8,
            },
        ),
        before=b": keep-alive\n\n",
    ),
    Status(402, body=_error("Insufficient Balance", type="unknown_error", param=None, code="invalid_request_error")),
    "Insufficient Balance",
    reasoning="Six sevens.",
    code=CODE,
    finish="tool_calls",
    usage=Usage(20, 12, 9),
)

_GEMINI = Shape(
    "Gemini",
    "ai.google.dev/gemini-api/docs/openai and thought-signatures: whole calls, signatures, errors in a list",
    _events(
        _chunk(
            {"role": "assistant"}
            | _call("function-call-1", _ARGUMENTS, extra_content={"google": {"thought_signature": "c2ln"}})
        ),
        _chunk({"role": "assistant"}, "stop", usage=_usage(20, 9)),
    ),
    Status(400, body=[{"error": {"code": 400, "message": "Please use a valid role.", "status": "INVALID_ARGUMENT"}}]),
    "valid role",
    code=CODE,
    usage=Usage(20, 0, 9),
)

_ANTHROPIC = Shape(
    "Anthropic",
    "docs.anthropic.com/en/api/openai-sdk, and gateways that keep the words of its own API",
    _events(
        _chunk({"role": "assistant", "content": "It is 42."}),
        _chunk({}, "end_turn", usage={"input_tokens": 8, "cache_read_input_tokens": 12, "output_tokens": 5}),
        before=b"event: ping\ndata:\n\n",
    ),
    Status(
        400,
        body={
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"},
        },
    ),
    "too long",
    text="It is 42.",
    usage=Usage(8, 12, 5),
)

_MISTRAL = Shape(
    "Mistral",
    "docs.mistral.ai/capabilities/reasoning: contents in parts, whole calls with ids of nine characters",
    _events(
        _chunk({"role": "assistant", "content": ""}),
        _chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Six sevens."}]}]}),
        _chunk({"content": [{"type": "text", "text": "I multiply."}]}),
        _chunk({"content": ""} | _call("aB3dE6gH9", _ARGUMENTS), "tool_calls", usage=_usage(20, 9)),
    ),
    Status(
        422,
        body={
            "detail": [
                {
                    "type": "less_than_equal",
                    "loc": ["body", "temperature"],
                    "msg": "Input should be less than or equal to 1.5",
                    "input": 3,
                }
            ]
        },
    ),
    "less than or equal to 1.5",
    text="I multiply.",
    reasoning="Six sevens.",
    code=CODE,
    finish="tool_calls",
    usage=Usage(20, 0, 9),
)

_TGI = Shape(
    "TGI",
    "huggingface.co/docs/text-generation-inference/messages_api: eos_token, data without a space, no usage",
    Raw(
        b'data:{"object":"chat.completion.chunk","id":"","created":1,"model":"m","system_fingerprint":"3-native",'
        b'"choices":[{"index":0,"delta":{"role":"assistant","content":"It is 42."},"logprobs":null,'
        b'"finish_reason":null}],"usage":null}\n\n'
        b'data:{"object":"chat.completion.chunk","id":"","created":1,"model":"m","system_fingerprint":"3-native",'
        b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,'
        b'"finish_reason":"eos_token"}],"usage":null}\n\ndata: [DONE]\n\n'
    ),
    Status(
        422,
        body={
            "error": "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
            "error_type": "validation",
        },
    ),
    "too long",
    text="It is 42.",
)

_TOGETHER = Shape(
    "Together",
    "docs.together.ai/docs/chat-overview: the text twice, and the ending eos",
    _events(
        {
            "id": "1",
            "object": "chat.completion.chunk",
            "choices": [
                {
                    "index": 0,
                    "text": "It is ",
                    "delta": {"token_id": 1, "role": "assistant", "content": "It is ", "tool_calls": None},
                    "finish_reason": None,
                }
            ],
            "usage": None,
        },
        {
            "id": "1",
            "object": "chat.completion.chunk",
            "choices": [
                {
                    "index": 0,
                    "text": "42.",
                    "delta": {"token_id": 2, "role": "assistant", "content": "42.", "tool_calls": None},
                    "finish_reason": "eos",
                }
            ],
            "usage": _usage(20, 5),
        },
        end=b"\r\n\r\n",
    ),
    Status(
        422,
        body={
            "id": "1",
            "error": {
                "message": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097.",
                "type": "invalid_request_error",
                "param": "max_tokens",
                "code": None,
            },
        },
    ),
    "too long",
    text="It is 42.",
    usage=Usage(20, 0, 5),
)

SHAPES = (
    *(_AZURE, _OPENROUTER, _VLLM, _OLLAMA, _LM_STUDIO, _LLAMA_CPP),
    *(_DEEPSEEK, _GEMINI, _ANTHROPIC, _MISTRAL, _TGI, _TOGETHER),
)
