"""Finds the boundaries of an action in a text: tags, fences, tool calls and JSON, mixed as models mix them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from ..session import Format
from ..text import storable
from .calls import code_in, decode, is_call
from .cells import FenceLine, cell_end, may_go_on
from .marks import ANOTHER_TURN, CALL, CHANNEL, CODE_KEYS, CODE_TAG, END, without_end
from .markup import read_call
from .python import PYTHON_CELLS, cell_magic, looks_like_code, parses, tidy
from .reasoning import INNER_BEGIN, passage_end
from .writing import as_json, wrapped


@dataclass(frozen=True)
class Found:
    """An action in a text. `code` is empty if it is missing; `sure` means that no text after it can change it.

    `unreadable` means that nobody can tell where the code ends.
    """

    thought: str
    code: str
    format: Format
    assistant_message: str
    end: int
    sure: bool
    unreadable: bool = False


_MOST_TRIES = 20  # to find the end of code or JSON: each try costs a parse
_INNER_FENCE = r"(?:\s*+(?P<inner>`{3,}+|~{3,}+)[^\n]*+\n)?"
_OPENING = re.compile(
    r"(?=[<\[◁f\]])(?<![`'\"])(?:"
    rf"(?P<another>{ANOTHER_TURN})"
    rf"|(?P<channel>{CHANNEL})"
    rf"|(?P<think>{INNER_BEGIN})"
    rf"|(?P<call>(?:{CALL})\s*+)"
    rf"|(?P<tag>(?:{CODE_TAG}){_INNER_FENCE}))"
    r'|(?P<json>\A\s*+(?=\{)|(?=\{\s*+"(?:thought|answer|type|id|function|name|' + "|".join(CODE_KEYS) + r')"\s*+:))'
    r"|(?P<fence>(?P<indent>^[ \t]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)*+)?"  # also a list item's
    r"""(?<![`~>])(?<!> )(?P<ticks>`{3,}+|~{3,}+)[ \t]*+(?P<info>(?:[^\n`{]|\{(?!"))*+)(?:\n|(?<=[`~\w])\Z))""",
    re.MULTILINE | re.IGNORECASE,
)


def find(text: str) -> Found | None:
    """Return the first action in `text`."""
    return scan(text)[0]


def scan(text: str) -> tuple[Found | None, str]:
    """Return the first action in `text`, and the words of `text` that are an answer if there is none."""
    position = 0
    unread = 0  # braces that are not JSON, and tags around what is not code, or not yet
    words = ""
    kept = 0  # the end of what is in `words`, or was left out of them
    while unread < _MOST_TRIES and (match := _OPENING.search(text, position)):
        kind = str(match.lastgroup)
        if kind == "another":
            return None, words + text[kept : match.start()]
        found, position = _READERS[kind](text, match)
        if found:
            thought = without_end(words + text[kept : match.start()]).strip() if words or kept else found.thought
            return replace(found, thought=thought, sure=found.sure and not unread), ""
        if kind == "channel" or (kind == "think" and _is_passage(text, match.start(), position)):
            words = f"{words}{text[kept : match.start()].strip()}\n\n".lstrip()
            kept = position
        unread += kind == "tag" or (kind == "json" and position == match.end() + 1)
    return None, words + text[kept:]


def _is_passage(text: str, start: int, end: int) -> bool:
    """Return whether the marks in text[start:end] stand around reasoning, rather than in a sentence about them."""
    return "\n" in text[start:end] or not text[text.rfind("\n", 0, start) + 1 : start].strip()


def _skip_reasoning(text: str, match: re.Match[str]) -> tuple[None, int]:
    return None, passage_end(text, match)[1]


def _in_channel(text: str, match: re.Match[str]) -> tuple[Found | None, int]:
    """Return the call in gpt-oss's channel that opens at `match`, or None: reasoning, or words to the user."""
    header = match[0].lower()
    if "to=" in header:
        return _called(text, match)
    if "analysis" not in header:
        return None, match.end()
    ending = _MESSAGE_END.search(text, match.end())
    return None, ending.end() if ending else len(text)


_MESSAGE_END = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)", re.IGNORECASE)
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


def _tagged(text: str, match: re.Match[str]) -> tuple[Found | None, int]:
    fence_line = _fence_line(match["inner"] or "```")
    closing = re.compile(rf"{re.escape(_closing_tag(match))}|{fence_line}", re.MULTILINE | re.IGNORECASE)
    found, end = _block(text, match, closing, "execute")
    if match["lines"] and not (looks_like_code(found.code) or found.code.startswith("%%")):
        return None, match.end()
    return found, end


def _closing_tag(match: re.Match[str]) -> str:
    name = match["name"] or match["lines"]
    return f"</{name}>" if name else "<|action_end|>"


def _fence_line(mark: str) -> str:
    return rf"^[ \t]*+{mark[0]}{{{len(mark)},}}+[ \t\r]*+(?:$|(?=</execute>|{END}))"


def _block(text: str, match: re.Match[str], closing: re.Pattern[str], format: Format) -> tuple[Found, int]:
    """Return the action that opens at `match`. It ends at the first closing mark before which the code parses.

    So a mark inside a string of the code does not end it. If no code parses, the first mark ends it.
    """
    start = match.end()
    magic = cell_magic(text[start:])
    if magic and magic not in PYTHON_CELLS:
        return _cell(text, match, closing, format)
    endings = list(islice(_any_fence(closing).finditer(text, start), _MOST_TRIES))
    codes = (tidy(text[start : ending.start()]) for ending in endings)
    for ending, code in zip(endings, codes, strict=False):
        if parses(code):
            return _found(text, match, code, ending.end(), format, sure=True), ending.end()
    first = closing.search(text, start)
    end = first.end() if first else len(text)
    return _found(text, match, _code_before(text, start, first), end, format, sure=False), end


def _any_fence(closing: re.Pattern[str]) -> re.Pattern[str]:
    """Return `closing` less the demand that nothing follows a fence on its line: no line of code begins like this."""
    return re.compile(closing.pattern.replace(rf"[ \t\r]*+(?:$|(?=</execute>|{END}))", ""), closing.flags)


def _code_before(text: str, start: int, ending: re.Match[str] | None) -> str:
    if ending:
        return tidy(text[start : ending.start()])
    return tidy(_GLUED.sub("", without_end(text[start:]).rstrip()))


_GLUED = re.compile(
    r"(?:(?<!`)`{3,}+|</(?:execute\w*+|tool_code|code)>)\Z", re.IGNORECASE
)  # a closing mark on the last line of code


def _cell(text: str, match: re.Match[str], closing: re.Pattern[str], format: Format) -> tuple[Found, int]:
    """Return the cell magic that opens at `match`: whole, or as unreadable."""
    start = match.end()
    tag = _closing_tag(match) if format == "execute" else ""
    ending = _tag_end(text, start, tag) if tag and not match["inner"] else None
    lines = [] if ending else _fence_lines(text, start, match["inner"] or match.groupdict()["ticks"] or "```")
    line = ending or cell_end(text, start, lines)
    end = line.end if line else len(text)
    unreadable = line is None and bool(lines)
    if ending:
        tags = (re.compile(re.escape(mark), re.IGNORECASE) for mark in (tag.replace("/", ""), tag))
        unreadable = may_go_on(text[start:], text, ending.end, *tags)
    rest = tidy(text[start : line.start]) if line else _code_before(text, start, None)
    code = "" if unreadable else rest
    found = _found(text, match, code, end, format, sure=False)
    return replace(found, unreadable=unreadable), end


def _tag_end(text: str, start: int, tag: str) -> FenceLine | None:
    ending = re.compile(re.escape(tag), re.IGNORECASE).search(text, start)
    return FenceLine(ending.start(), ending.end(), "bare") if ending else None


def _fence_lines(text: str, start: int, mark: str) -> list[FenceLine]:
    line = re.compile(rf"^[ \t]*+{mark[0]}{{{len(mark)},}}+[ \t\r]*+(?P<info>(?!</|{END})[^\s`][^\n]*+)?", re.M | re.I)
    return [
        FenceLine(found.start(), found.end(), "opens" if found["info"] else "bare")
        for found in line.finditer(text, start)
    ]


def _found(text: str, match: re.Match[str], code: str, end: int, format: Format, *, sure: bool) -> Found:
    thought = without_end(text[: match.start()]).strip()
    return Found(thought, code, format, f"{thought}\n{wrapped(code, format)}".lstrip(), end, sure)


def _called(text: str, match: re.Match[str]) -> tuple[Found, int]:
    """Return the action in a call that is written as text."""
    thought = without_end(text[: match.start()]).strip()
    call = read_call(text, match)
    return Found(thought, call.code, "json", call.message, call.end, call.sure, call.unreadable), call.end


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
    "channel": _in_channel,
    "call": _called,
    "tag": _tagged,
    "json": _in_json,
    "fence": _fenced,
}
