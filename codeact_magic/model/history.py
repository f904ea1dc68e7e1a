"""Mend a conversation that an endpoint refuses as it is sent.

Most servers take what OpenAI takes. Some do not know the role "system", want the roles to alternate, or reject fields
that another server insists on. A refusal that is about the conversation leads to a repair, and to one more request. The
repairs of an endpoint and a model are remembered, so that no later turn is refused for the same reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from .. import formats
from ..session import Json
from .error_details import ErrorDetails
from .settings import Settings
from .wordings import HISTORY_REFUSED, ROLE_REFUSED, TEMPLATE_FAILED, matches

Messages = list[Json]

SILENT = "(nothing)"  # some endpoints refuse a message without content
IMAGE = "(an image, which the model cannot see)"
_FIELDS = ("role", "content", "name", "tool_call_id")
_CALL_FIELDS = ("id", "type")

# By endpoint and model, for the life of the process: the names of the repairs, in order.
_repairs: dict[tuple[str, str], list[str]] = {}


def repaired(settings: Settings, messages: Messages) -> Messages:
    """Return `messages` with the repairs that the endpoint made necessary before."""
    for name in _repairs.get((settings.base_url, settings.model), ()):
        messages = _REPAIRS[name][0](messages)
    return messages


def is_about_history(status: int, details: ErrorDetails) -> bool:
    """Return whether an error is about the conversation: its roles, its calls, or the fields of its messages."""
    if status == 500:  # llama.cpp answers 500 if its template raises
        return matches(ROLE_REFUSED, details.message) or matches(TEMPLATE_FAILED, details.message)
    return details.param.startswith("messages") or matches(HISTORY_REFUSED, details.message)


def remember_refused(settings: Settings, messages: Messages, details: ErrorDetails) -> str:
    """Remember a repair for a conversation that was refused, and return what it does; "" if there is none left.

    If nothing is left, all repairs are forgotten: they did not help.

    Args:
        settings: the endpoint and the model.
        messages: the conversation as it was sent.
        details: the refusal.
    """
    key = (settings.base_url, settings.model)
    known = _repairs.setdefault(key, [])
    for name in (_fitting(details), "plain"):
        if name not in known and _REPAIRS[name][0](messages) != messages:
            known.append(name)
            return _REPAIRS[name][1]
    del _repairs[key]
    return ""


def _fitting(details: ErrorDetails) -> str:
    """Return the name of the repair that a refusal asks for."""
    message = details.message
    if matches(ROLE_REFUSED, message):
        return "merged"
    if re.search(r"image|vision|multimodal", message, re.IGNORECASE):
        return "without images"
    if re.search(r"reasoning_content.*(missing|pass|required)|missing.{0,5}reasoning_content", message, re.IGNORECASE):
        return "with reasoning"
    if re.search(r"extra|unknown|unrecogni|unexpected|not permitted|additional propert", message, re.IGNORECASE):
        return "stripped"
    return "plain"


# -- repairs -----------------------------------------------------------------------------------------------------------


def _with_reasoning(messages: Messages) -> Messages:
    """Give each message of the assistant its reasoning, even if it had none (DeepSeek)."""
    return [{"reasoning_content": "", **message} if message["role"] == "assistant" else message for message in messages]


def _stripped(messages: Messages) -> Messages:
    """Leave out all fields that are not OpenAI's."""
    return [_strip(message) for message in messages]


def _strip(message: Json) -> Json:
    stripped = {name: value for name, value in message.items() if name in _FIELDS}
    if message.get("tool_calls"):
        stripped["tool_calls"] = [_strip_call(call) for call in message["tool_calls"]]
    return stripped


def _strip_call(call: Json) -> Json:
    function = {name: call["function"][name] for name in ("name", "arguments")}
    return {**{name: call[name] for name in _CALL_FIELDS if name in call}, "function": function}


def _without_images(messages: Messages) -> Messages:
    """Replace images by words: the model sees none."""
    return [
        message | {"content": _text(message["content"])} if _has_parts(message) else message for message in messages
    ]


def _merged(messages: Messages) -> Messages:
    """Put the system text before the first prompt, and join messages of the same role, so that the roles alternate."""
    result: Messages = []
    system = ""
    for message in messages:
        if message["role"] in ("system", "developer"):
            system = _joined(system, _text(message["content"]))
            continue
        if system and message["role"] == "user":
            message = message | {"content": _both(system, message["content"])}
            system = ""
        if result and _joins(result[-1], message):
            result[-1] = result[-1] | {"content": _both(result[-1]["content"], message["content"])}
        else:
            result.append(message)
    return result


def _plain(messages: Messages) -> Messages:
    """Write calls and their results as text, without images and without any field but the role and the content."""
    return _merged([{"role": _plain_role(message), "content": _plain_text(message)} for message in messages])


def _plain_role(message: Json) -> str:
    return "user" if message["role"] == "tool" else str(message["role"])


def _plain_text(message: Json) -> str:
    text = _text(message.get("content"))
    for call in message.get("tool_calls") or ():
        text = str(formats.write(text, _code(call), "fence")["content"]).strip()
    return text if text.strip() else SILENT


def _code(call: Json) -> str:
    arguments = call["function"]["arguments"]
    try:
        value = json.loads(arguments)
    except ValueError:
        return str(arguments)
    return str(value.get("code", arguments)) if isinstance(value, dict) else str(arguments)


def _has_parts(message: Json) -> bool:
    return isinstance(message.get("content"), list)


def _text(content: Any) -> str:
    if not isinstance(content, list):
        return str(content or "")
    return "\n".join(str(part["text"]) if "text" in part else IMAGE for part in content)


def _joins(before: Json, message: Json) -> bool:
    """Return whether two messages can be one: calls and their results stay as they are."""
    fields = before.keys() | message.keys()
    return before["role"] == message["role"] and fields == {"role", "content"}


def _joined(*texts: str) -> str:
    return "\n\n".join(filter(None, texts))


def _both(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return _joined(first, second)
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> Iterable[Json]:
    return content if isinstance(content, list) else [{"type": "text", "text": str(content or SILENT)}]


_REPAIRS: dict[str, tuple[Callable[[Messages], Messages], str]] = {
    "with reasoning": (_with_reasoning, "with an empty reasoning_content where there was none"),
    "stripped": (_stripped, "without the fields that only some servers know"),
    "without images": (_without_images, "without its images"),
    "merged": (_merged, "with the system text in the first prompt, and roles that alternate"),
    "plain": (_plain, "as plain text"),
}
