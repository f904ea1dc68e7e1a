"""Finds the boundaries of an action in a text: tags, fences, tool calls and JSON, mixed as models mix them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from ..session import Format
from ..text import storable
from .calls import CODE_KEYS, code_in, decode, is_call
from .python import looks_like_code, parses, tidy
from .writing import as_json, wrapped


@dataclass(frozen=True)
class Found:
    """An action in a text. `code` is empty if it is missing; `sure` means that no text after it can change it."""

    thought: str
    code: str
    format: Format
    assistant_message: str
    end: int
    sure: bool


_MOST_TRIES = 20  # to find the end of code or JSON: each try costs a parse
_OPENING = re.compile(
    r"(?P<think>^[ \t]*+<think>)"
    r"|(?P<call>(?<!`)<tool_call>\s*+)"
    r"|(?P<tag>(?<!`)<execute>(?:\s*+(?P<inner>`{3,}+|~{3,}+)[^\n]*+\n)?)"
    r'|(?P<json>\A\s*+(?=\{)|(?=\{\s*+"(?:thought|answer|type|id|function|name|' + "|".join(CODE_KEYS) + r')"\s*+:))'
    r"|(?P<fence>(?P<indent>^[ \t]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)*+)?"  # also a list item's
    r"""(?<![`~>])(?<!> )(?P<ticks>`{3,}+|~{3,}+)[ \t]*+(?P<info>(?:[^\n`{]|\{(?!"))*+)(?:\n|(?<=[`~\w])\Z))""",
    re.MULTILINE | re.IGNORECASE,
)


def find(text: str) -> Found | None:
    """Return the first action in `text`."""
    position = 0
    unread = 0  # braces that are not JSON, or not yet
    while unread < _MOST_TRIES and (match := _OPENING.search(text, position)):
        found, position = _READERS[str(match.lastgroup)](text, match)
        if found:
            return replace(found, sure=found.sure and not unread)
        unread += match.lastgroup == "json" and position == match.end() + 1
    return None


def _skip_reasoning(text: str, match: re.Match[str]) -> tuple[None, int]:
    end = text.find("</think>", match.end())
    return None, end + len("</think>") if end >= 0 else len(text)


_PYTHON_INFO = re.compile(r"\{?\.?(?:python|python3|py|py3|ipython|ipython3|tool_code|execute)(?![\w-])", re.IGNORECASE)


def _fenced(text: str, match: re.Match[str]) -> tuple[Found | None, int]:
    """Return the action in the fence that opens at `match`, or None, and the position to go on from."""
    info = match["info"].strip()
    closing = re.compile(rf"{_fence_line(match['ticks'])}|^[ \t]*+</execute>", re.MULTILINE | re.IGNORECASE)
    if _PYTHON_INFO.match(info):
        return _block(text, match, closing, "fence")
    if match["indent"] is None:  # in the middle of a line only ```python begins code
        return None, match.end("ticks")
    ending = closing.search(text, match.end())
    body = text[match.end() : ending.start() if ending else len(text)]
    end = ending.end() if ending else len(text)
    found = None
    if info.lower() in ("", "json") and body.lstrip().startswith("{"):
        found = _from_json(text, text.index("{", match.end()))[0]
        found = found and replace(found, assistant_message=text[:end].strip(), end=end)
    elif not info and looks_like_code(body):
        found = _found(text, match, tidy(body), end, "fence", sure=ending is not None)
    return found, end


def _tagged(text: str, match: re.Match[str]) -> tuple[Found, int]:
    fence_line = _fence_line(match["inner"] or "```")
    return _block(text, match, re.compile(rf"</execute>|{fence_line}", re.MULTILINE | re.IGNORECASE), "execute")


def _fence_line(mark: str) -> str:
    return rf"^[ \t]*+{mark[0]}{{{len(mark)},}}+[ \t\r]*+(?:$|(?=</execute>))"


def _block(text: str, match: re.Match[str], closing: re.Pattern[str], format: Format) -> tuple[Found, int]:
    """Return the action that opens at `match`. It ends at the first closing mark before which the code parses.

    So a mark inside a string of the code does not end it. If no code parses, the first mark ends it.
    """
    start = match.end()
    endings = list(islice(closing.finditer(text, start), _MOST_TRIES))
    codes = (tidy(text[start : ending.start()]) for ending in endings)
    for ending, code in zip(endings, codes, strict=False):
        if parses(code):
            return _found(text, match, code, ending.end(), format, sure=True), ending.end()
    end = endings[0].end() if endings else len(text)
    rest = text[start : endings[0].start()] if endings else _GLUED.sub("", text[start:].rstrip())
    return _found(text, match, tidy(rest), end, format, sure=False), end


_GLUED = re.compile(r"(?:(?<!`)`{3,}+|</execute>)\Z", re.IGNORECASE)  # a closing mark on the last line of code


def _found(text: str, match: re.Match[str], code: str, end: int, format: Format, *, sure: bool) -> Found:
    thought = text[: match.start()].strip()
    return Found(thought, code, format, f"{thought}\n{wrapped(code, format)}".lstrip(), end, sure)


def _called(text: str, match: re.Match[str]) -> tuple[Found, int]:
    """Return the action in <tool_call> tags."""
    start = match.end()
    thought = text[: match.start()].strip()
    value, end = decode(text, start)
    if isinstance(value, dict):
        message = f"{text[:end].strip()}\n</tool_call>"
        return Found(thought, code_in(value), "json", message, end, sure=True), end
    closing = re.compile("</tool_call>", re.IGNORECASE).search(text, start)
    code = code_in(text[start : closing.start() if closing else len(text)])
    end = closing.end() if closing else len(text)
    return Found(thought, code, "json", text[:end].strip(), end, sure=closing is not None), end


def _in_json(text: str, match: re.Match[str]) -> tuple[Found | None, int]:
    return _from_json(text, match.end())


def _from_json(text: str, start: int) -> tuple[Found | None, int]:
    """Return the action in the JSON object at `start`, or None, and the position to go on from."""
    value, end = decode(text, start)
    if not isinstance(value, dict):
        return None, start + 1
    code = code_in(value)
    if not code or not is_call(value, code):
        return None, end
    thought = storable(str(value.get("thought") or text[:start].strip()))
    message = text[:end].strip()
    if "answer" in value:  # the model invented it before the code ran
        message = f"{text[:start]}{as_json(thought=thought, code=code)}".strip()
    return Found(thought, code, "json", message, end, sure=True), end


_READERS: dict[str, Callable[[str, re.Match[str]], tuple[Found | None, int]]] = {
    "think": _skip_reasoning,
    "call": _called,
    "tag": _tagged,
    "json": _in_json,
    "fence": _fenced,
}
