"""Actions and answers in JSON: tells objects that act from data, and finds the code in them."""

from __future__ import annotations

import json
import re
from typing import Any

from ..session import Json
from ..text import storable
from .marks import CODE_KEYS
from .python import looks_like_code, parses, tidy

_DECODER = json.JSONDecoder(strict=False)  # models leave line ends in strings


def decode(text: str, start: int = 0) -> tuple[Any, int]:
    """Return the JSON value at `start` and the position after it, or (None, `start`) if there is none."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start


def answer_in(text: str) -> tuple[str, int] | None:
    """Return the answer of a reply that begins with a JSON object without code, and the position after the object."""
    opening = re.match(r"\s*+(?:```\w*+\s*+)?(?=\{)", text)
    value, end = decode(text, opening.end()) if opening else (None, 0)
    if not isinstance(value, dict) or code_in(value):
        return None
    answer = value.get("answer") or value.get("thought") or ""
    return storable(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)).strip(), end


def is_call(value: Json, code: str) -> bool:
    """Return whether a JSON object that holds `code` is an action, rather than data in an answer."""
    if "thought" in value or "function" in value:
        return True
    if "arguments" in value or "parameters" in value:
        return isinstance(value.get("name"), str)
    return value.keys() <= {"answer", "type", "id", *CODE_KEYS} and looks_like_code(code)


def code_in(value: Any, depth: int = 3) -> str:
    """Return the code in a tool call or in its arguments, even if they were wrapped once more; else ""."""
    if isinstance(value, str):
        return _code_in_text(value.strip(), depth)
    if not isinstance(value, dict) or not depth:
        return ""
    codes = [value[key] for key in CODE_KEYS if isinstance(value.get(key), str) and value[key].strip()]
    if codes:
        return tidy(codes[0])
    inner = [value[key] for key in _WRAPPERS if key in value]
    return code_in(inner[0], depth - 1) if inner else ""


_WRAPPERS = ("function", "arguments", "parameters", "input", "args", "python")


def _code_in_text(text: str, depth: int) -> str:
    value, end = decode(text)
    if isinstance(value, dict):
        return code_in(value, depth)
    if end and not text[end:].strip():
        return tidy(value) if isinstance(value, str) else ""
    return tidy(text) if parses(text) and not text.startswith("{") else ""
