"""The parameters of a request: those that we want, without those that the endpoint rejected before."""

from __future__ import annotations

import re
from typing import Any

from ..agent import Request
from ..session import Json
from . import caching
from .settings import Settings

# The parameters that a request can do without, and how errors name them.
_NAMES = {
    "stop": r"\bstop\b",
    "tools": r"\btools?\b",
    "response_format": r"\bresponse.format\b|\bjson.schema\b",
    "temperature": r"\btemperature\b",
    "max_tokens": r"\bmax.(output.)?tokens\b",
    "max_completion_tokens": r"\bmax.completion.tokens\b",
    "stream_options": r"\bstream.options\b",
    "reasoning_effort": r"\breasoning(.effort)?\b",
    "top_p": r"\btop_p\b",
    "seed": r"\bseed\b",
    "cache_control": r"\bcache_control\b",
}
# What the Responses API calls other names.
_RESPONSES = {
    "max_output_tokens": ("max_tokens", "max_completion_tokens"),
    "reasoning": ("reasoning_effort",),
    "text": ("response_format",),
}
_REJECTION = (
    r"support|permit|allow|accept|expect|implement|enable|available|extra|require|"
    r"unknown|unrecogni|invalid|illegal|forbidden|must|cannot|only|reject"
)

# By endpoint and model, for the life of the process.
_rejected: dict[tuple[str, str], set[str]] = {}


def body(settings: Settings, request: Request) -> Json:
    """Return the JSON of a streamed chat request."""
    wanted: dict[str, Any] = {
        "stop": list(request.stop) or None,
        "tools": list(request.tools) or None,
        "response_format": request.response_format,
        "temperature": settings.temperature,
        "max_tokens": settings.max_tokens or None,
        "max_completion_tokens": None,
        "stream_options": {"include_usage": True},
        "reasoning_effort": settings.reasoning_effort or None,
        "top_p": settings.top_p,
        "seed": settings.seed,
        "cache_control": caching.MARK if caching.wants_marks(settings) else None,
    }
    rejected = _rejected_by(settings)
    if "max_tokens" in rejected:
        wanted["max_completion_tokens"] = wanted["max_tokens"]
    sent = {name: value for name, value in wanted.items() if value is not None and name not in rejected}
    messages = caching.marked(request.messages) if sent.pop("cache_control", None) else list(request.messages)
    return {"model": settings.model, "messages": messages, "stream": True, **sent}


def remember_rejected(settings: Settings, sent: Json, param: str, message: str) -> str:
    """Remember the parameter of a request that an error rejects, and return its name; "" if it rejects none.

    Args:
        settings: the endpoint and the model.
        sent: the JSON of the request.
        param: the parameter that the error names as its cause; "" if it names none.
        message: the error's message.
    """
    if caching.is_marked(sent.get("messages", ())):
        sent = sent | {"cache_control": True}
    name = _named(sent, param) if param else _mentioned(sent, message)
    if name:
        _rejected_by(settings).add(name)
    return name


def _rejected_by(settings: Settings) -> set[str]:
    return _rejected.setdefault((settings.base_url, settings.model), set())


def _named(sent: Json, param: str) -> str:
    root = (
        "cache_control" if "cache_control" in param else re.split(r"[.\[]", param)[0]
    )  # of a name such as "response_format.type" or "tools[0].function"
    root = next((name for name in _RESPONSES.get(root, ()) if name in sent), root)
    return root if root in _NAMES and root in sent else ""


def _mentioned(sent: Json, message: str) -> str:
    """Return the parameter that `message` mentions first: it names the alternatives after the rejected one."""
    if not re.search(_REJECTION, message, re.IGNORECASE):
        return ""
    found = {name: re.search(pattern, message, re.IGNORECASE) for name, pattern in _NAMES.items() if name in sent}
    positions = {name: match.start() for name, match in found.items() if match}
    return min(positions, key=positions.__getitem__, default="")
