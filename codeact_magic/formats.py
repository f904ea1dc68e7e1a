"""The action formats: how a model writes the code it wants to run, and how its reply is read.

The reader is tolerant: it takes every format, whichever was asked for, since small models mix them up. Only the first
action of a reply counts, and what follows it is dropped (mostly an invented output).
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from dataclasses import dataclass
from typing import Any

from .session import Action, Format, Json, Reply, ToolCall

TOOL = "python"
_TOOLS: tuple[Json, ...] = (
    {
        "type": "function",
        "function": {
            "name": TOOL,
            "description": "Run Python code in the user's live notebook kernel and return what it shows.",
            "parameters": {
                "type": "object",
                "properties": {"code": {"type": "string", "description": "the Python code"}},
                "required": ["code"],
            },
        },
    },
)
_JSON_SCHEMA: Json = {
    "type": "json_schema",
    "json_schema": {
        "name": "action",
        "schema": {
            "type": "object",
            "properties": {
                "thought": {"type": "string"},
                "code": {"type": "string"},
                "answer": {"type": "string"},
            },
            "required": ["thought"],
        },
    },
}


@dataclass(frozen=True, slots=True)
class Spec:
    """What a format asks of the endpoint."""

    stop: tuple[str, ...] = ()
    tools: tuple[Json, ...] = ()
    response_format: Json | None = None


SPECS: dict[Format, Spec] = {
    "fence": Spec(stop=("```output",)),
    "execute": Spec(stop=("</execute>",)),
    "tools": Spec(tools=_TOOLS),
    "json": Spec(response_format=_JSON_SCHEMA),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A reply, understood. Without action and fault, `thought` is the answer.

    `said` is what stays of the reply in the conversation; `fault` tells the model why the reply cannot be used.
    """

    thought: str
    action: Action | None = None
    said: str = ""
    reasoning: str = ""
    fault: str = ""


CUT_OFF = (
    "Your reply was cut off before the code was complete, so nothing was run. Write shorter code, or do it in "
    "smaller steps."
)
EMPTY = "Your reply was empty. Either write code to run, or answer the question in words."


def read(reply: Reply, expected: Format = "fence") -> Reading:
    """Find the first action in `reply`, in whatever format it was written; `expected` is tried first."""
    reasoning, text = split_reasoning(reply.text)
    reasoning = "\n".join(filter(None, [reply.reasoning, reasoning])).strip()
    if reply.tool_calls:
        return _from_tool_call(reply, text, reasoning)
    found = _find_json(text, whole=True) if expected == "json" else None
    found = found or _find_block(text) or _find_json(text)
    cut = reply.finish == "length"
    if found is None:
        answer = text.strip()
        fault = "" if answer else (CUT_OFF if cut else EMPTY)
        return Reading(thought=answer, said=answer, reasoning=reasoning, fault=fault)
    if found.answer is not None:
        return Reading(thought=found.answer, said=text.strip(), reasoning=reasoning)
    if not found.closed and (cut or reply.finish not in ("stop", "tool_calls")):
        return Reading(thought=found.thought, said=text.strip(), reasoning=reasoning, fault=CUT_OFF)
    action = Action(code=found.code, format=found.format)
    return Reading(thought=found.thought, action=action, said=found.said, reasoning=reasoning)


def enough(text: str) -> int | None:
    """Return where a reply that is still being written may be cut: its first action is complete, and more follows.

    None while the action may still be going on, or while nothing but the end of the stream is missing.
    """
    if "</execute>" not in text and "</tool_call>" not in text and text.count("```") < 2:
        return None
    reasoning_end = text.find("</think>")
    if reasoning_end < 0 and "<think>" in text:
        return None
    start = reasoning_end + len("</think>") if reasoning_end >= 0 else 0
    found = _find_block(text[start:])
    if found is None or not found.closed or not (found.sure or _parses(found.code)):
        return None
    end = start + found.end
    return end if text[end:].strip() else None


def write(thought: str, code: str, format: Format) -> Json:
    """Return the assistant's chat message that proposes `code` in `format` (the example turns are made with it)."""
    if format == "tools":
        call = ToolCall(id="example", name=TOOL, arguments=json.dumps({"code": code}))
        return assistant_message(thought, call)
    if format == "json":
        return assistant_message(json.dumps({"thought": thought, "code": code}, ensure_ascii=False))
    return assistant_message(f"{thought}\n{_wrapped(code, format)}")


def write_answer(text: str, format: Format) -> Json:
    """Return the assistant's chat message that answers, in `format`."""
    return assistant_message(json.dumps({"thought": "", "answer": text}) if format == "json" else text)


def assistant_message(said: str, call: ToolCall | None = None) -> Json:
    """Return an assistant's chat message; with `call` it carries that one tool call."""
    message: Json = {"role": "assistant", "content": said}
    if call:
        function = {"name": call.name, "arguments": call.arguments}
        message["tool_calls"] = [{"id": call.id, "type": "function", "function": function}]
    return message


def observation_message(heard: str | list[Json], call_id: str = "") -> Json:
    """Return the chat message that tells the model what came of its action."""
    if call_id:
        return {"role": "tool", "tool_call_id": call_id, "content": heard}
    return {"role": "user", "content": heard}


_THINK = re.compile(r"<think>(.*?)(?:</think>|\Z)", re.DOTALL)


def split_reasoning(text: str) -> tuple[str, str]:
    """Split <think> passages off `text`; a </think> that was never opened ends one that began with the reply."""
    opened = text.find("<think>")
    closed = text.find("</think>")
    if closed >= 0 and not 0 <= opened < closed:
        return text[:closed].strip(), split_reasoning(text[closed + len("</think>") :])[1]
    if opened < 0 or text[:opened].strip():
        return "", text
    reasoning = "\n".join(part.strip() for part in _THINK.findall(text))
    return reasoning, _THINK.sub("", text).lstrip()


@dataclass(frozen=True, slots=True)
class _Found:
    thought: str
    code: str
    format: Format
    said: str
    end: int
    closed: bool = True
    sure: bool = False  # its end is unmistakable, whatever the code says
    answer: str | None = None


def _from_tool_call(reply: Reply, text: str, reasoning: str) -> Reading:
    call = reply.tool_calls[0]
    code = _code_argument(call.arguments)
    thought = text.strip()
    if code is None or reply.finish == "length":
        fault = CUT_OFF if reply.finish == "length" else f"The tool call has no code. Call {TOOL}(code=...)."
        return Reading(thought=thought, said=text, reasoning=reasoning, fault=fault)
    action = Action(code=code, format="tools", call_id=call.id)
    return Reading(thought=thought, action=action, said=text, reasoning=reasoning)


def _code_argument(arguments: str) -> str | None:
    """Return the code in a tool call's arguments, also where a model wrote it without the JSON around it."""
    try:
        value = json.loads(arguments, strict=False)
    except ValueError:
        return _tidy(arguments) if _parses(arguments) and not arguments.lstrip().startswith("{") else None
    return _code_in(value)


_CODE_KEYS = ("code", "python", "source", "script", "action_input")


def _code_in(value: Any) -> str | None:
    if isinstance(value, str):
        return _tidy(value)
    if not isinstance(value, dict):
        return None
    for key in ("arguments", "parameters"):
        if key in value and "name" in value:
            inner = value[key]
            return _code_argument(inner) if isinstance(inner, str) else _code_in(inner)
    for key in _CODE_KEYS:
        if isinstance(value.get(key), str) and value[key].strip():
            return _tidy(value[key])
    return None


def _tidy(code: str) -> str:
    """Return `code` without the blank lines around it and without an indentation that the whole of it has."""
    code = code.replace("\r\n", "\n").strip("\n").rstrip()
    return textwrap.dedent(code) if code[:1] in (" ", "\t") else code


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _wrapped(code: str, format: Format) -> str:
    return f"<execute>\n{code}\n</execute>" if format == "execute" else f"```python\n{code}\n```"


_OPENING = re.compile(
    r"(?P<execute><execute>)"
    r"|(?P<call><tool_call>)"
    r"|^(?P<indent>[ \t]*(?:[-*>]\s|\d+\.\s)?[ \t]*)(?P<ticks>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)(?:\n|\Z)",
    re.MULTILINE | re.IGNORECASE,
)
_PYTHON_INFO = re.compile(r"\{?\.?(?:python|python3|py|py3|ipython|ipython3|pycon|tool_code|execute)\b", re.IGNORECASE)


def _find_block(text: str) -> _Found | None:
    """Return the first action that stands in tags, in a fence, or in <tool_call> tags."""
    position = 0
    while match := _OPENING.search(text, position):
        if match["execute"]:
            return _tagged(text, match)
        if match["call"]:
            found = _called(text, match)
            position = match.end()
        else:
            found, position = _fenced(text, match)
        if found:
            return found
    return None


def _tagged(text: str, match: re.Match[str]) -> _Found:
    start = match.end()
    closing = re.compile(r"</execute>|^[ \t]*```[ \t]*$", re.MULTILINE | re.IGNORECASE).search(text, start)
    inner = text[start : closing.start() if closing else len(text)]
    fenced = re.match(r"\s*```[^\n]*\n", inner)
    if fenced:  # a fence inside the tags
        closing = re.compile(r"</execute>", re.IGNORECASE).search(text, start)
        body = text[start + fenced.end() : closing.start() if closing else len(text)]
        inner = re.sub(r"\n?[ \t]*```\s*\Z", "", body)
    code = _tidy(inner)
    thought = text[: match.start()].strip()
    end = closing.end() if closing else len(text)
    sure = bool(closing and closing.group().startswith("<"))
    said = f"{thought}\n{_wrapped(code, 'execute')}".lstrip()
    return _Found(thought, code, "execute", said, end, closed=closing is not None, sure=sure)


def _fenced(text: str, match: re.Match[str]) -> tuple[_Found | None, int]:
    """Return the action in the fence that opens at `match`, if it is one, and where to look on."""
    mark = match["ticks"]
    pattern = rf"^[ \t>]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$|^[ \t]*</execute>"
    endings = list(re.finditer(pattern, text[match.end() :], re.MULTILINE))
    code, end = _code_until(text, match.end(), endings)
    info = match["info"].strip()
    thought = text[: match.start()].strip()
    if info.lower().startswith("json"):
        return _json_action(code, thought, text[: match.end() + end]), match.end() + end
    is_action = bool(_PYTHON_INFO.match(info)) or (not info and _looks_like_code(code))
    if not is_action or not code.strip():
        return None, match.end() + end
    said = f"{thought}\n{_wrapped(code, 'fence')}".lstrip()
    found = _Found(thought, code, "fence", said, match.end() + end, closed=bool(endings))
    return found, match.end() + end


def _code_until(text: str, start: int, endings: list[re.Match[str]]) -> tuple[str, int]:
    """Return the code and where it ends: at the first closing fence that leaves code that parses, else at the first.

    A fence inside a string of the code does not end it.
    """
    rest = text[start:]
    for ending in endings[:20]:  # each costs a parse
        code = _tidy(rest[: ending.start()])
        if _parses(code):
            return code, ending.end()
    if endings:
        return _tidy(rest[: endings[0].start()]), endings[0].end()
    return _tidy(rest), len(rest)


def _looks_like_code(code: str) -> bool:
    """Return whether a block that names no language is Python that does something (an output often parses too)."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    inert = (ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Dict, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Set)
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, inert)) for node in body)


def _called(text: str, match: re.Match[str]) -> _Found | None:
    closing = text.find("</tool_call>", match.end())
    inner = text[match.end() : closing if closing >= 0 else len(text)]
    end = closing + len("</tool_call>") if closing >= 0 else len(text)
    code = _code_argument(inner.strip())
    if code is None:
        return None
    thought = text[: match.start()].strip()
    return _Found(thought, code, "json", text[:end].strip(), end, closed=closing >= 0, sure=True)


def _find_json(text: str, whole: bool = False) -> _Found | None:
    """Return the action of a reply that is, or ends in, one JSON object."""
    start = text.find("{")
    if start < 0 or (whole and text[:start].strip(" \n`json")):
        return None
    return _json_action(text[start:], text[:start].strip(), text)


def _json_action(source: str, thought: str, said: str) -> _Found | None:
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(source.strip())
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    thought = str(value.get("thought") or thought)
    known = {"thought", "name", "arguments", "parameters", "type", "id", "answer", *_CODE_KEYS}
    if not set(value) <= known:  # data that is part of an answer
        return None
    code = _code_in(value)
    if code is not None:
        return _Found(thought, code, "json", said.strip(), end)
    if isinstance(value.get("answer"), str):
        return _Found(thought, "", "json", said.strip(), end, answer=value["answer"])
    return None
