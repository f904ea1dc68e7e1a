"""The conversation as chat messages.

Messages are append-only. The two messages of a step (`Step.assistant_message`, `Step.observation_message`) are fixed
when it ends, so that every request begins with the one before it, byte for byte, and an endpoint's prefix cache hits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache

from ..formats import TOOL, assistant_message, observation_message, write, write_answer
from ..session import Format, Json, Reply, Session, Step, ToolCall, Turn
from .observations import images

CHARS_PER_TOKEN = 3.5  # for English and code, a low estimate
TOKENS_PER_IMAGE = 800
IMAGES = "The images of that output:"
FRESH = "(The kernel is a new one: the variables that were made above are gone.)"
UNFINISHED = "(This task was ended before it was finished.)"
_EMPTY = "(nothing)"  # some endpoints refuse a message without content


@cache
def _prompt(name: str) -> str:
    from importlib import resources  # imported here, since the extension has to load fast

    prompts = resources.files("codeact_magic").joinpath("formats", "prompts")
    return prompts.joinpath(f"{name}.md").read_text(encoding="utf-8").strip()


_PART = re.compile(
    r"^# (user|thought|code|output|answer)\n(.*?)(?=^# (?:user|thought|code|output|answer)\n|\Z)",
    re.DOTALL | re.MULTILINE,
)


def _example_id(number: int) -> str:
    return f"example{number:02d}"


@cache
def preface(format: Format) -> tuple[Json, ...]:
    """Return the messages that begin every conversation: the system prompt and the example turns in `format`."""
    messages: list[Json] = [{"role": "system", "content": f"{_prompt('system')}\n\n{_prompt(format)}"}]
    thought = ""
    for kind, text in _PART.findall(_prompt("examples")):
        text = text.strip()
        if kind == "user":
            messages.append({"role": "user", "content": text})
        elif kind == "thought":
            thought = text
        elif kind == "code":
            messages.append(write(thought, text, format, _example_id(len(messages))))
        elif kind == "output":
            messages.append(observation_message(text, _example_id(len(messages) - 1) if format == "tools" else ""))
        else:
            messages.append(write_answer(text, format))
    return tuple(messages)


def messages(session: Session) -> list[Json]:
    """Return the conversation of `session` as chat messages, from the first turn that the model still sees."""
    last = session.turns[-1]
    result = list(preface(last.format))
    for number, turn in enumerate(session.turns[last.window :], last.window):
        if result[-1]["role"] != "assistant":  # the turn before has no answer, and roles must alternate
            result.append(assistant_message(UNFINISHED))
        is_same = (turn.endpoint, turn.model) == (last.endpoint, last.model)
        result += _sent_messages(number, turn, is_same)
    return result


class TurnMessages:
    """The chat messages of a session while its last turn grows: only those of new steps are made anew."""

    def __init__(self) -> None:
        self._messages: list[Json] = []
        self._count = 0  # steps of the last turn

    def of(self, session: Session) -> tuple[Json, ...]:
        """Return `messages(session)`. From one call to the next, only steps may have been added to the last turn."""
        steps = session.turns[-1].steps
        if not self._messages:
            self._messages = messages(session)
        else:
            number = len(session.turns) - 1
            for position, step in enumerate(steps[self._count :], self._count):
                self._messages += _sent(step, _id(number, position), is_same=True)
        self._count = len(steps)
        return tuple(self._messages)


def _sent_messages(number: int, turn: Turn, is_same: bool) -> Iterator[Json]:
    """Yield the chat messages of turn `number` in the form that the strictest endpoint takes.

    The ids of calls are unique and have 9 letters and digits (Mistral), the arguments are JSON, and a message beside a
    call has no empty content. If `is_same`, the turn was taken by the endpoint and the model that are asked now: they
    get back what they gave.
    """
    yield _prompt_message(turn)
    for position, step in enumerate(turn.steps):
        yield from _sent(step, _id(number, position), is_same)


def _id(turn: int, step: int) -> str:
    return f"{turn % 10_000:04d}s{step % 10_000:04d}"


def _sent(step: Step, id: str, is_same: bool) -> Iterator[Json]:
    call = _call(step)
    if call is None or step.action is None:
        yield from step_messages(step)
        return
    kept = _keeps_id(call)
    sent = replace(call, id=call.id if kept else id, name=TOOL, arguments=_arguments(call.arguments, step.action.code))
    assistant, *observed = step_messages(step, sent)
    assistant["content"] = assistant["content"] if assistant["content"].strip() else None
    yield _with_fields(assistant, call, step.reply) if is_same else assistant
    yield from observed


def _keeps_id(call: ToolCall) -> bool:
    """Return whether an id holds more than a name: LiteLLM hides the signature of a thought in it."""
    return "__thought__" in call.id


@lru_cache(maxsize=4096)  # every request has all the calls before it
def _arguments(arguments: str, code: str) -> str:
    """Return the arguments of a call as they were understood: as they are if they are an object with the code."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("code"), str):
        return arguments
    return json.dumps({"code": code}, ensure_ascii=False)


def _with_fields(assistant: Json, call: ToolCall, reply: Reply) -> Json:
    """Return a message with a call, with the reasoning and the other fields that the endpoint wants back."""
    if reply.reasoning_field:
        assistant[reply.reasoning_field] = reply.reasoning
    assistant |= _fields(reply.extra)
    sent = assistant["tool_calls"][0]
    extra = _fields(call.extra)
    function = extra.pop("function", {})
    assistant["tool_calls"] = [{**extra, **sent, "function": {**function, **sent["function"]}}]
    return assistant


def _fields(text: str) -> Json:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):  # a secret in it was masked
        return {}
    return value if isinstance(value, dict) else {}


def turn_messages(turn: Turn) -> Iterator[Json]:
    """Yield the chat messages of one turn."""
    yield _prompt_message(turn)
    for step in turn.steps:
        yield from step_messages(step)


def _prompt_message(turn: Turn) -> Json:
    parts = [turn.prompt, FRESH if turn.fresh else "", turn.context]
    return {"role": "user", "content": "\n\n".join(filter(None, parts))}


def step_messages(step: Step, sent: ToolCall | None = None) -> Iterator[Json]:
    """Yield the chat messages that a step leaves in the conversation: one for an answer, otherwise two or three.

    The call that carried the action is told as the endpoint sent it, or as `sent`.
    """
    call = sent or _call(step)
    yield assistant_message(step.assistant_message if step.assistant_message.strip() or call else _EMPTY, call)
    if not step.observation_message:
        return
    shown = images(step.observation) if step.observation and step.images else []
    if call:
        yield observation_message(step.observation_message, call.id)
        if shown:  # a tool message can hold only text
            yield observation_message([_text(IMAGES), *shown])
    else:
        yield observation_message([_text(step.observation_message), *shown] if shown else step.observation_message)


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _call(step: Step) -> ToolCall | None:
    call_id = step.action.call_id if step.action else ""
    return next((call for call in step.reply.tool_calls if call_id and call.id == call_id), None)


# -- the length of a conversation --------------------------------------------------------------------------------------


def window(session: Session, budget: int) -> int:
    """Return the first turn that the model should see in a new turn of `session`, within `budget` tokens (0: any).

    Old turns are dropped in one large cut, to half the budget, and only before a new turn: until the next cut the
    messages stay append-only. The last turn is never dropped.
    """
    if not session.turns:
        return 0
    start = session.turns[-1].window
    if not budget:
        return start
    sizes = [tokens(turn_messages(turn)) for turn in session.turns]
    room = budget - tokens(preface(session.turns[-1].format))
    if sum(sizes[start:]) <= room:
        return start
    while start < len(sizes) - 1 and sum(sizes[start:]) > room / 2:
        start += 1
    return start


def tokens(messages: Iterable[Json]) -> int:
    """Return an estimate of the number of tokens in `messages`."""
    return int(sum(map(_size, messages)) / CHARS_PER_TOKEN)


def _size(message: Json) -> float:
    """Return the length of a message in characters; an image counts as a text of a fixed length."""
    content = message["content"]
    parts = [_text(content)] if isinstance(content, str) else content
    sizes = [len(part["text"]) if "text" in part else TOKENS_PER_IMAGE * CHARS_PER_TOKEN for part in parts]
    calls = [len(call["function"]["arguments"]) + 16 for call in message.get("tool_calls", ())]
    return sum(sizes) + sum(calls) + 16
