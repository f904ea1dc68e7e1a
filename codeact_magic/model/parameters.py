"""The parameters of a request: those that we want, without those that the endpoint rejected before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..agent import Request
from ..session import Json
from . import caching
from .error_details import ErrorDetails
from .settings import Settings
from .wordings import VALUE_KINDS, VALUE_REFUSED, matches

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

# The parameters whose value the user chooses. We choose the others, and a temperature of 0.
_CHOSEN = ("temperature", "max_tokens", "max_completion_tokens", "reasoning_effort", "top_p", "seed")
_ANY = object()  # stands for all values of a parameter

# By endpoint and model, for the life of the process: the parameters, and the value that was rejected.
_rejected: dict[tuple[str, str], dict[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Rejection:
    """A parameter that an endpoint rejects. If `value` is not None, only this value is rejected; the user chose it."""

    name: str
    value: Any = None


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
    sent = {
        name: value for name, value in wanted.items() if value is not None and not _is_rejected(rejected, name, value)
    }
    messages = caching.marked(request.messages) if sent.pop("cache_control", None) else list(request.messages)
    return {"model": settings.model, "messages": messages, "stream": True, **sent}


def remember_rejected(settings: Settings, sent: Json, details: ErrorDetails) -> Rejection | None:
    """Return what an error rejects in a request, None if it rejects none of its parameters.

    What later requests can do without is remembered. A value that the user chose is not: the user has to know.
    """
    if caching.is_marked(sent.get("messages", ())):
        sent = sent | {"cache_control": True}
    name = _named(sent, details.param) if details.param else _mentioned(sent, details.message)
    if not name:
        return None
    if name not in _CHOSEN or not _is_about_value(details):
        _rejected_by(settings)[name] = _ANY
        return Rejection(name)
    if name == "temperature" and sent[name] == 0:
        _rejected_by(settings)[name] = sent[name]
        return Rejection(f"{name} 0")
    return Rejection(name, sent[name])


def _is_rejected(rejected: dict[str, Any], name: str, value: Any) -> bool:
    return name in rejected and (rejected[name] is _ANY or rejected[name] == value)


def _is_about_value(details: ErrorDetails) -> bool:
    """Return whether an error knows the parameter, and rejects its value."""
    kinds = {details.code.lower(), details.kind.lower()}
    if kinds & {"unsupported_parameter", "unknown_parameter", "extra_forbidden"}:
        return False
    return bool(kinds & VALUE_KINDS) or matches(VALUE_REFUSED, details.message)


def _rejected_by(settings: Settings) -> dict[str, Any]:
    return _rejected.setdefault((settings.base_url, settings.model), {})


def _named(sent: Json, param: str) -> str:
    root = (
        "cache_control" if "cache_control" in param else re.split(r"[.\[]", param)[0]
    )  # of a name such as "response_format.type" or "tools[0].function"
    root = next((name for name in _RESPONSES.get(root, ()) if name in sent), root)
    return root if root in _NAMES and root in sent else ""


def _mentioned(sent: Json, message: str) -> str:
    """Return the parameter that `message` mentions first: it names the alternatives after the rejected one."""
    if not re.search(_REJECTION, message, re.IGNORECASE) and not matches(VALUE_REFUSED, message):
        return ""
    found = {name: re.search(pattern, message, re.IGNORECASE) for name, pattern in _NAMES.items() if name in sent}
    positions = {name: match.start() for name, match in found.items() if match}
    return min(positions, key=positions.__getitem__, default="")
