"""Read an error that an endpoint sent: in OpenAI's JSON, in that of another server, or as text.

It may come with an HTTP status, or in an answer with status 200. Most servers name the kind of an error with a code or
a type; `status` is the HTTP status that stands for it.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from ..session import Json
from .wordings import STATUS_OF_KIND, TOO_LONG, TOO_LONG_KINDS, WAITS, matches

_MESSAGES = ("message", "msg", "detail", "error_message", "error_msg", "errorMessage", "status_msg", "errmsg", "reason")
_CODES = ("code", "error_code", "errorCode", "status_code", "errcode", "err_code")
_KINDS = ("type", "error_type", "status", "__type", "name")
_INNER = ("error", "errors", "base_resp", "fault", "Error")  # what the fields of an error may be wrapped in
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def is_error(chunk: Json) -> bool:
    """Return whether an object that an endpoint sent with status 200 reports an error."""
    if "choices" in chunk and "error" not in chunk and "base_resp" not in chunk:  # every chunk comes this way
        return _error_of_choice(chunk) is not None
    if chunk.get("error") or chunk.get("object") == "error" or chunk.get("type") == "error":
        return True
    if _failed(chunk.get("base_resp")):  # MiniMax
        return True
    if "choices" in chunk:
        return False
    if chunk.get("errors") or chunk.get("success") is False:  # Cloudflare, Zhipu
        return True
    code = _field(chunk, (*_CODES, "error_type", "__type"))
    return _has(chunk, _MESSAGES) and code not in ("", "0", "200")


def reported_error(chunk: Json) -> Any:
    """Return the part of a chunk that is the error."""
    return chunk if chunk.get("error") else _error_of_choice(chunk) or chunk


def _error_of_choice(chunk: Json) -> Any:
    """Return the error that OpenRouter puts into a choice, None if there is none."""
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            return choice["error"]
    return None


class ErrorDetails:
    """The details of an error that an endpoint sent."""

    def __init__(
        self, message: str, code: str = "", kind: str = "", param: str = "", wait: float | None = None
    ) -> None:
        self.message = message
        self.code = code
        self.kind = kind
        self.param = param
        self.wait = _told_wait(message) if wait is None else wait  # seconds; None: the error does not say

    @classmethod
    def of(cls, error: Any) -> ErrorDetails:
        """Read an error: JSON in many variations, as text or parsed; plain text; or an HTML page."""
        outer = _parsed(error)
        inner = outer
        if isinstance(outer, dict):
            wrapped = [value for name in _INNER if isinstance(value := _first(outer.get(name)), dict | str) and value]
            inner = wrapped[0] if wrapped else outer
        if isinstance(inner, str):
            inner = {**outer, "message": inner} if isinstance(outer, dict) else inner
        if not isinstance(inner, dict):
            return cls(without_tags(str(inner)))
        message = _message(inner)
        code = _field(inner, _CODES) or _field(outer, _CODES)
        kind = _field(inner, _KINDS) or _field(outer, _KINDS)
        return cls(message, code, kind, _field(inner, ("param",)) or _location(inner), _retry_delay(inner))

    @property
    def is_too_long(self) -> bool:
        """Whether the conversation is too long for the model."""
        known = {self.code.lower(), self.kind.lower()} & TOO_LONG_KINDS
        return bool(known) or matches(TOO_LONG, self.message)

    @property
    def status(self) -> int | None:
        """The HTTP status that the error stands for, None if it does not say."""
        for word in (self.code, self.kind):
            if re.fullmatch(r"[45]\d\d", word):
                return int(word)
            if status := STATUS_OF_KIND.get(word.lower().rpartition("#")[2]):
                return status
        return None


def without_tags(text: str) -> str:
    """Return an HTML page as text; any other text stays as it is."""
    if "<" not in text:
        return text
    return re.sub(r"<[^>]*>", " ", re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE))


def _parsed(error: Any) -> Any:
    if isinstance(error, str):
        with suppress(ValueError, RecursionError):
            error = json.loads(error)
    return _first(error)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _has(value: Json, names: tuple[str, ...]) -> bool:
    return any(value.get(name) for name in names)


def _failed(base: Any) -> bool:
    return isinstance(base, dict) and base.get("status_code") not in (0, None, "0")


def _field(error: Any, names: tuple[str, ...]) -> str:
    found = (error.get(name) for name in names) if isinstance(error, dict) else ()
    return next((str(value) for value in found if value and isinstance(value, str | int)), "")


def _message(error: Json) -> str:
    """Return the words of an error. OpenRouter puts those of the server behind it into `metadata`."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw.strip():
        parsed = _parsed(raw)
        inner = ErrorDetails.of(parsed).message if isinstance(parsed, dict) else raw
        return f"{error.get('message') or 'error'}: {inner}"
    found = next((error[name] for name in _MESSAGES if error.get(name)), error)
    return found if isinstance(found, str) else json.dumps(found)


def _location(error: Json) -> str:
    """Return the parameter that FastAPI's validation names, as in [{"loc": ["body", "temperature"], ...}]."""
    detail = _first(error.get("detail"))
    location = detail.get("loc") if isinstance(detail, dict) else None
    if not isinstance(location, list):
        return ""
    return next((part for part in location if isinstance(part, str) and part != "body"), "")


def _retry_delay(error: Json) -> float | None:
    """Return the seconds of Google's RetryInfo, such as {"retryDelay": "34s"}."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and (seconds := _duration(delay)) is not None:
            return seconds
    wait = error.get("retry_after") or error.get("retry_after_seconds")
    return float(wait) if isinstance(wait, int | float) and not isinstance(wait, bool) and wait >= 0 else None


def _told_wait(message: str) -> float | None:
    """Return the seconds that a message such as "Please try again in 1m30.5s" asks us to wait."""
    for wording in WAITS:
        if found := re.search(wording.pattern, message, re.IGNORECASE):
            return _duration(found[1])
    return None


def _duration(text: str) -> float | None:
    """Return the seconds of a text such as "34.07s", "1m30s", "20 ms", "2 minutes" or "26"."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|milli\w*|[dhms])?", text.lower())
    if not parts:
        return None
    return sum(float(number) * _UNITS["ms" if unit.startswith("milli") else unit or "s"] for number, unit in parts)
