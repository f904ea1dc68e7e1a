"""Which parameters a request carries: what is wanted, less what the endpoint has turned out not to know."""

from __future__ import annotations

import re
from typing import Any

from ..agent import Request
from ..session import Json
from .settings import Settings

# How an error names the parameters that we can do without.
_NAMES = {
    "stop": r"\bstop\b",
    "tools": r"\btools?\b",
    "response_format": r"\bresponse.format\b|\bjson.schema\b",
    "temperature": r"\btemperature\b",
    "max_tokens": r"\bmax.tokens\b",
    "max_completion_tokens": r"\bmax.completion.tokens\b",
    "stream_options": r"\bstream.options\b",
}
_REJECTION = (
    r"support|permit|allow|accept|expect|implement|enable|available|extra|require|"
    r"unknown|unrecogni|invalid|illegal|forbidden|must|cannot|only|reject"
)

# By endpoint and model: remembered as long as the process lives.
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
    }
    rejected = _rejects(settings)
    if "max_tokens" in rejected:
        wanted["max_completion_tokens"] = wanted["max_tokens"]
    sent = {name: value for name, value in wanted.items() if value is not None and name not in rejected}
    return {"model": settings.model, "messages": list(request.messages), "stream": True, **sent}


def remember(settings: Settings, sent: Json, param: str, said: str) -> str:
    """Note which of the parameters in `sent` an error rejects, and return its name; empty where it rejects none.

    `param` is what the error names as its culprit, if it does; `said` is what it says.
    """
    name = _named(sent, param) if param else _mentioned(sent, said)
    if name:
        _rejects(settings).add(name)
    return name


def _rejects(settings: Settings) -> set[str]:
    return _rejected.setdefault((settings.base_url, settings.model), set())


def _named(sent: Json, param: str) -> str:
    root = re.split(r"[.\[]", param)[0]  # of "response_format.type", "tools[0].function"
    return root if root in _NAMES and root in sent else ""


def _mentioned(sent: Json, said: str) -> str:
    """Return the parameter that is mentioned first: those that would do instead are mentioned after it."""
    if not re.search(_REJECTION, said, re.IGNORECASE):
        return ""
    found = {name: re.search(pattern, said, re.IGNORECASE) for name, pattern in _NAMES.items() if name in sent}
    places = {name: match.start() for name, match in found.items() if match}
    return min(places, key=places.__getitem__, default="")
