"""Writes actions, answers and observations as chat messages."""

from __future__ import annotations

import json

from ..session import Format, Json, ToolCall
from ..text import fence
from .specs import TOOL


def write(thought: str, code: str, format: Format, call_id: str = "example") -> Json:
    """Return the assistant's chat message that proposes `code` in `format`, as in the example turns."""
    if format == "tools":
        call = ToolCall(id=call_id, name=TOOL, arguments=json.dumps({"code": code}))
        return assistant_message(thought, call)
    if format == "json":
        return assistant_message(as_json(thought=thought, code=code))
    return assistant_message(f"{thought}\n{wrapped(code, format)}")


def write_answer(text: str, format: Format) -> Json:
    """Return the assistant's chat message that answers, in `format`."""
    return assistant_message(as_json(thought="", answer=text) if format == "json" else text)


def assistant_message(text: str, call: ToolCall | None = None) -> Json:
    """Return an assistant's chat message; with `call` it carries that one tool call."""
    message: Json = {"role": "assistant", "content": text}
    if call:
        function = {"name": call.name, "arguments": call.arguments}
        message["tool_calls"] = [{"id": call.id, "type": "function", "function": function}]
    return message


def observation_message(content: str | list[Json], call_id: str = "") -> Json:
    """Return the chat message that tells the model the result of its action."""
    if call_id:
        return {"role": "tool", "tool_call_id": call_id, "content": content}
    return {"role": "user", "content": content}


def wrapped(code: str, format: Format) -> str:
    """Return code between tags or in a fence, as a text holds it."""
    return f"<execute>\n{code}\n</execute>" if format == "execute" else fence(code)


def as_json(**values: str) -> str:
    """Return a JSON object as models write it."""
    return json.dumps(values, ensure_ascii=False)
