"""The conversation as chat messages.

Messages are append-only. The two messages of a step (`Step.assistant_message`, `Step.observation_message`) are fixed
when it ends, so that every request begins with the one before it, byte for byte, and an endpoint's prefix cache hits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from ..formats import assistant_message, observation_message, write, write_answer
from ..session import Format, Json, Session, Step, ToolCall, Turn
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
            messages.append(write(thought, text, format))
        elif kind == "output":
            messages.append(observation_message(text, "example" if format == "tools" else ""))
        else:
            messages.append(write_answer(text, format))
    return tuple(messages)


def messages(session: Session) -> list[Json]:
    """Return the conversation of `session` as chat messages, from the first turn that the model still sees."""
    last = session.turns[-1]
    result = list(preface(last.format))
    for turn in session.turns[last.window :]:
        if result[-1]["role"] != "assistant":  # the turn before has no answer, and roles must alternate
            result.append(assistant_message(UNFINISHED))
        result += turn_messages(turn)
    return result


def turn_messages(turn: Turn) -> Iterator[Json]:
    """Yield the chat messages of one turn."""
    parts = [turn.prompt, FRESH if turn.fresh else "", turn.context]
    yield {"role": "user", "content": "\n\n".join(filter(None, parts))}
    for step in turn.steps:
        yield from step_messages(step)


def step_messages(step: Step) -> Iterator[Json]:
    """Yield the chat messages that a step leaves in the conversation: one for an answer, otherwise two or three."""
    call = _call(step)
    yield assistant_message(step.assistant_message if step.assistant_message or call else _EMPTY, call)
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
