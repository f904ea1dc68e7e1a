"""Tells whether a reply is complete by its own syntax, for endpoints that do not say how a reply ended."""

from __future__ import annotations

import json
import re

from ..session import Reply
from .actions import find
from .calls import code_in, decode
from .reasoning import split_reasoning

_FENCE_LINE = re.compile(r"^[ \t]*(`{3,}|~{3,})", re.MULTILINE)
_OPEN_TAG = re.compile(r"<(execute|tool_call)>", re.IGNORECASE)
# What ends a sentence, a quotation, a table or a block, in many scripts.
_ENDS = tuple(
    ".!?…:;)]}\"'`*_|>~$%\u3002\uff0e\uff01\uff1f\u300d\u300f\u3011\uff09\u201d\u2019\u00bb\u060c\u061f\u0964"
)


def is_whole(reply: Reply, sentences: bool = False) -> bool:
    """Return whether `reply` is complete by its own syntax: its tool call, its action, its JSON, or its text.

    Text is complete if no fence and no tag is open in it; with `sentences`, it also ends like a sentence or a block.
    """
    if reply.tool_calls:
        return all(_is_json(call.arguments) and code_in(call.arguments) for call in reply.tool_calls[:1])
    text = split_reasoning(reply.text)[1].strip()
    if not text:  # nothing came, or reasoning that may go on
        return False
    found = find(text)
    if found:
        return bool(found.code) and found.sure
    if text.startswith("{"):
        value, end = decode(text)
        return isinstance(value, dict) and not text[end:].strip()
    return not _is_open(text) and (not sentences or text.endswith(_ENDS))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_open(text: str) -> bool:
    """Return whether a fence or a tag was opened in `text` and not closed."""
    fence = ""
    for mark in _FENCE_LINE.findall(text):
        if not fence:
            fence = mark
        elif mark.startswith(fence):
            fence = ""
    tags = [tag.lower() for tag in _OPEN_TAG.findall(text)]
    return bool(fence) or any(text.lower().count(f"</{tag}>") < tags.count(tag) for tag in tags)
